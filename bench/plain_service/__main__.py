"""Serves the plain service: `python -m bench.plain_service --port N --dsn DSN --secret SECRET [--workers N]`."""

import argparse
import os

import uvicorn


def main() -> None:
    """Serve until told to stop, tuned like any service of this kind: uvloop, httptools, no access log."""
    parser = argparse.ArgumentParser(prog="python -m bench.plain_service", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dsn", required=True, help="postgresql+asyncpg://…")
    parser.add_argument("--secret", required=True, help="what the sign-in service proves itself with")
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    # The application is imported by each worker, which finds its settings in the environment.
    os.environ |= {"PLAIN_DSN": asked.dsn, "PLAIN_SECRET": asked.secret}
    uvicorn.run(
        "bench.plain_service.app:app",
        host="127.0.0.1",
        port=asked.port,
        workers=asked.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=60,
    )


if __name__ == "__main__":
    main()
