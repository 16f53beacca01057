"""The load generator: a process of its own that sends prepared requests over keep-alive connections and times answers.

    python -m bench.load --port N --requests FILE [--connections N]

FILE holds whole HTTP/1.1 requests (MessagePack, a list of byte strings). Every request is sent once. Prints a
`Measured` as JSON; when any answer was not 2xx it prints what was answered and ends with exit code 1, because a rate
of failures says nothing.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles
from typing import cast

import httptools
import msgspec
import uvloop

CONNECTIONS = 32
CONNECTIONS_MAX = 1_000
REQUESTS_MIN = 20
REQUESTS_MAX = 200_000
EDGE_SHARE = 0.15
"""How much of the run is left out at each end: connections open at the beginning, and run dry at the end."""
FAILURES_SHOWN_MAX = 3
FAILURE_CHARACTERS_MAX = 400
RUN_SECONDS_MAX = 120.0


class LoadFailed(Exception):
    """Some answers were failures, or connections broke: nothing was measured."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One run's result over its middle part."""

    requests: int
    connections: int
    requests_per_second: float
    latency_p50_ms: float
    latency_p99_ms: float


class Sample(msgspec.Struct, frozen=True):
    """One answered request: when it was sent and answered (monotonic seconds)."""

    sent_at: float
    answered_at: float


class _Run:
    """What all connections of one run share."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self.waiting: Iterator[bytes] = iter(requests)
        self.samples: list[Sample] = []
        self.failures: list[str] = []


class Connection(asyncio.Protocol):
    """One keep-alive connection: sends the next request as soon as the last answer is complete."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._sent_at = 0.0
        self._busy = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def _next(self) -> None:
        request = next(self._run.waiting, None)
        self._busy = request is not None
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which follows content lengths and chunks alike."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as broken:
            self._run.failures.append(f"an answer that is no HTTP: {broken}")
            self._transport.abort()

    def on_message_begin(self) -> None:
        """A new answer begins."""
        self._body.clear()

    def on_body(self, body: bytes) -> None:
        """A part of the answer."""
        self._body += body

    def on_message_complete(self) -> None:
        """The answer is whole: keep its time, judge its status, send the next request."""
        status = self._parser.get_status_code()
        self._run.samples.append(Sample(self._sent_at, time.perf_counter()))
        if not 200 <= status < 300:
            text = self._body.decode("utf-8", "replace")[:FAILURE_CHARACTERS_MAX]
            self._run.failures.append(f"{status} {text}")
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, or a server that hung up in the middle."""
        if self._busy:
            self._run.failures.append(f"the server closed a connection before it answered ({exc})")
        if not self.ended.done():
            self.ended.set_result(None)


async def send(*, port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> list[Sample]:
    """Send every request once over `connections` connections to 127.0.0.1.

    Raises `LoadFailed` when any answer was not 2xx, a connection broke, or the run took over RUN_SECONDS_MAX.
    """
    loop = asyncio.get_running_loop()
    run = _Run(requests)
    opened: list[Connection] = []
    for _ in range(min(connections, len(requests))):
        _, connection = await loop.create_connection(lambda: Connection(run), "127.0.0.1", port)
        opened.append(connection)
    try:
        await asyncio.wait_for(asyncio.gather(*(one.ended for one in opened)), RUN_SECONDS_MAX)
    except TimeoutError:
        raise LoadFailed(
            f"{len(run.samples)} of {len(requests)} answers after {RUN_SECONDS_MAX:.0f} s: too slow, or stuck"
        ) from None
    if run.failures:
        shown = "\n".join(f"  {text}" for text in run.failures[:FAILURES_SHOWN_MAX])
        raise LoadFailed(f"{len(run.failures)} of {len(requests)} requests failed, for instance:\n{shown}")
    if len(run.samples) != len(requests):
        raise LoadFailed(f"{len(run.samples)} answers to {len(requests)} requests")
    return run.samples


def middle_of(*, samples: Sequence[Sample], connections: int) -> Measured:
    """Requests per second and latency of the run without its first and last EDGE_SHARE."""
    if len(samples) < REQUESTS_MIN:
        raise LoadFailed(f"{len(samples)} requests are too few to measure; send at least {REQUESTS_MIN}")
    ordered = sorted(samples, key=lambda sample: sample.answered_at)
    edge = max(1, int(len(ordered) * EDGE_SHARE))
    middle = ordered[edge:-edge]
    seconds = middle[-1].answered_at - ordered[edge - 1].answered_at
    hundredths = quantiles((one.answered_at - one.sent_at for one in middle), n=100, method="inclusive")
    return Measured(
        requests=len(samples),
        connections=connections,
        requests_per_second=len(middle) / seconds,
        latency_p50_ms=hundredths[49] * 1000,
        latency_p99_ms=hundredths[98] * 1000,
    )


def main() -> int:
    """Read the prepared requests, send them, print the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    asked = parser.parse_args()
    requests = msgspec.msgpack.decode(asked.requests.read_bytes(), type=list[bytes])
    if not 1 <= asked.connections <= CONNECTIONS_MAX or len(requests) > REQUESTS_MAX:
        print(f"1 to {CONNECTIONS_MAX} connections and up to {REQUESTS_MAX} requests", file=sys.stderr)
        return 2
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            samples = runner.run(send(port=asked.port, requests=requests, connections=asked.connections))
            measured = middle_of(samples=samples, connections=asked.connections)
        except (LoadFailed, OSError) as failed:
            print(failed, file=sys.stderr)
            return 1
    print(msgspec.json.encode(measured).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
