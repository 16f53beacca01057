"""The load generator reads answers rightly and reports nothing where anything failed."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from bench.load import LoadFailed, Sample, middle_of, send

REQUEST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
LENGTH = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
FAILED = b"HTTP/1.1 422 Unprocessable\r\nContent-Length: 7\r\n\r\nbad way"


class Answering:
    """A server that gives prepared answers, cut into small pieces; None hangs up instead."""

    def __init__(self, answers: Callable[[int], bytes | None]) -> None:
        self._answers = answers
        self.seen: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self.seen.append(head + await reader.readexactly(length))
            answer = self._answers(len(self.seen))
            if answer is None:
                break
            for first in range(0, len(answer), 7):
                writer.write(answer[first : first + 7])
                await asyncio.sleep(0)
        writer.close()


async def _sent(answering: Answering, requests: Sequence[bytes], connections: int) -> list[Sample]:
    server = await asyncio.start_server(answering.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await send(port=port, requests=requests, connections=connections)


def test_every_request_is_sent_once_and_both_kinds_of_bodies_are_read():
    answering = Answering(lambda number: CHUNKED if number % 2 else LENGTH)
    requests = [REQUEST.replace(b"/x", b"/%d" % number) for number in range(100)]
    samples = asyncio.run(_sent(answering, requests, 7))
    assert len(samples) == 100
    assert sorted(answering.seen) == sorted(requests)


def test_one_answer_that_is_not_2xx_ends_the_measurement_with_what_was_said():
    answering = Answering(lambda number: FAILED if number == 50 else LENGTH)
    with pytest.raises(LoadFailed, match="1 of 100 requests failed(.|\n)*422 bad way"):
        asyncio.run(_sent(answering, [REQUEST] * 100, 4))


def test_a_server_that_hangs_up_ends_the_measurement():
    answering = Answering(lambda number: None if number == 30 else LENGTH)
    with pytest.raises(LoadFailed, match="closed a connection"):
        asyncio.run(_sent(answering, [REQUEST] * 60, 3))


def test_an_answer_that_is_no_http_ends_the_measurement():
    answering = Answering(lambda number: b"hello, who is there?\r\n\r\n" if number == 5 else LENGTH)
    with pytest.raises(LoadFailed, match="no HTTP"):
        asyncio.run(_sent(answering, [REQUEST] * 40, 2))


def test_the_edges_of_a_run_are_left_out():
    slow = [Sample(float(number), float(number + 1)) for number in range(20)]
    fast = [Sample(20 + number / 100, 20 + (number + 1) / 100) for number in range(60)]
    after = [Sample(21.0 + number, 22.0 + number) for number in range(20)]
    measured = middle_of(samples=[*slow, *fast, *after], connections=1)
    assert measured.requests == 100
    # 15 of 100 at each end are cut: 5 slow ones, 60 fast ones and 5 slow ones are left.
    assert measured.requests_per_second == pytest.approx(70 / (5 + 0.6 + 5.4), rel=0.01)


def test_a_handful_of_requests_is_no_measurement():
    with pytest.raises(LoadFailed, match="too few"):
        middle_of(samples=[Sample(0.0, 1.0)] * 5, connections=1)
