"""`python -m safehand.sandbox --settings FILE [--only SERVICE]`: starts the sandbox services until it is told to stop."""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import uvloop

from safehand.sandbox.running import running
from safehand.sandbox.settings import SERVICE_NAMES, BadSettings, Settings, load_settings

EXIT_BAD_SETTINGS = 2


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or SIGINT; 0 after a clean stop, 2 for settings that can't be used."""
    parser = argparse.ArgumentParser(prog="python -m safehand.sandbox", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the settings file (TOML)")
    parser.add_argument("--only", choices=SERVICE_NAMES, help="start this service alone")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        settings = load_settings(file=options.settings, only=options.only)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except BadSettings as bad:
        for defect in bad.defects:
            _say({"refused": "settings", "defect": defect})
        return EXIT_BAD_SETTINGS
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings=settings) as services:
        for name, service in services.items():
            _say({"ready": name} | service.ready_facts())
        await stop.wait()
    _say({"stopped": sorted(services)})


def _say(line: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
