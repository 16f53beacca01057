"""Carries this house's runs to its peers: number, sign, push, keep the acknowledgement; again until quiet."""

import asyncio
import logging
from typing import Protocol

import httpx
import msgspec

from safehand.kernel.clock import Clock, SystemClock
from safehand.kernel.points import mark, passed
from safehand.link.codes import Code
from safehand.link.envelope import RUN_BYTES_MAX, Run
from safehand.link.http_signing import Answer, Request, sign_request, verify_answer
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.log import RUN_MESSAGES_MAX, LinkLog
from safehand.link.reader import RunAnswer

PUSH_PATH = "/link/v1/runs"
ANSWER_BYTES_MAX = RUN_BYTES_MAX * 4
TIMEOUT_SECONDS = 60.0
"""How long a peer may be silent within an exchange."""
EXCHANGE_SECONDS_MAX = 300.0
"""How long a whole exchange may take: a peer that says one byte a minute is never silent, and never done."""
TOGETHER_MAX = 3
"""How many requests go to a peer at once."""
PART_MESSAGES_MIN = 60
ROUNDS_MAX = 10_000

log = logging.getLogger("safehand.link")


class Runs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a push: runs of different cities."""

    runs: list[Run]


class RunAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The body of the answer: one answer per run, in order."""

    answers: list[RunAnswer]


class PeerSilent(Exception):
    """The peer did not answer, or not genuinely: everything stays numbered and is sent again later."""


class WireBroken(Exception):
    """The request may or may not have arrived; no answer came. Names what broke, never what was said."""


class Wire(Protocol):
    """Carries signed requests to the peers: the only place where the link touches the network."""

    async def send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """The answer's status, headers and content. Raises `WireBroken`."""
        ...

    async def close(self) -> None:
        """End what is open."""
        ...


class HttpWire:
    """The wire over HTTP; an answer without end is cut off at ANSWER_BYTES_MAX (and is not genuine)."""

    def __init__(
        self, *, client: httpx.AsyncClient, exchange_seconds_max: float = EXCHANGE_SECONDS_MAX
    ) -> None:
        self._client = client
        self._exchange_seconds_max = exchange_seconds_max

    async def send(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """See `Wire.send`."""
        content = bytearray()
        try:
            async with (
                asyncio.timeout(self._exchange_seconds_max),
                self._client.stream(
                    request.method,
                    request.url,
                    content=request.body,
                    headers=request.headers,
                    timeout=TIMEOUT_SECONDS,
                ) as response,
            ):
                async for piece in response.aiter_bytes():
                    content += piece
                    if len(content) > ANSWER_BYTES_MAX:
                        break
                return response.status_code, dict(response.headers), bytes(content)
        except (httpx.HTTPError, TimeoutError) as broken:
            raise WireBroken(type(broken).__name__) from broken

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class Pump:
    """Pushes to every peer that has a URL. The wire's freshness is judged by the machine's clock, never a set one."""

    def __init__(self, *, log: LinkLog, ring: KeyRing, wire: Wire, wire_clock: Clock | None = None) -> None:
        self._log = log
        self._ring = ring
        self._wire = wire
        self._clock = wire_clock or SystemClock()

    async def until_quiet(self) -> int:
        """Number and push until nothing is left that can go; returns how many messages were acknowledged.

        A peer that does not answer, and a city that a peer refuses, stop nobody else. Raises `PeerSilent` at the
        end when a peer did not answer; what was not acknowledged is sent again next time.
        """
        moved = 0
        silent: dict[str, PeerSilent] = {}
        stuck: dict[str, set[int]] = {peer: set() for peer in self._ring.peers}
        for _ in range(ROUNDS_MAX):
            numbered = await self._log.number()
            again = False
            for peer in self._ring.peers.values():
                if not peer.url or peer.name in silent:
                    continue
                try:
                    pushed, goes_on = await self._push(peer=peer.name, stuck=stuck[peer.name])
                except PeerSilent as quiet:
                    silent[peer.name] = quiet
                    continue
                moved += pushed
                again = again or goes_on
            if not numbered and not again:
                break
        if silent:
            raise next(iter(silent.values()))
        return moved

    async def push(self, *, peer: str) -> int:
        """Send one request of runs; returns how many messages it moved. Raises `PeerSilent`."""
        moved, _ = await self._push(peer=peer, stuck=set())
        return moved

    async def _push(self, *, peer: str, stuck: set[int]) -> tuple[int, bool]:
        """One request. Cities that the peer refuses are added to `stuck`; also: whether there may be more to send."""
        runs = await self._log.behind(peer=peer, without=sorted(stuck))
        if not runs:
            return 0, False
        await passed("link.sending")
        runs, answers, silent = await self._exchange_together(peer=peer, runs=runs)
        taken: dict[int, int] = {}
        gaps: dict[int, int] = {}
        moved = 0
        for run, answer in zip(runs, answers, strict=True):
            first, last = run.messages[0].number, run.messages[-1].number
            if answer.code == Code.TAKEN and first <= answer.position + 1 and answer.city == run.city:
                taken[run.city] = answer.position
                moved += min(answer.position, last) - (first - 1)
            elif answer.code == Code.GAP and 0 <= answer.position < first - 1 and answer.city == run.city:
                mark("link.sent_again")
                gaps[run.city] = answer.position
            else:
                mark("link.city_stuck")
                stuck.add(run.city)
                log.error("push_refused", extra={"peer": peer, "city": run.city, "code": answer.code})
        await self._log.acknowledge(peer=peer, positions=taken)
        await self._log.send_again(peer=peer, positions=gaps)
        if silent is not None:
            raise silent
        return moved, True

    async def _exchange_together(
        self, *, peer: str, runs: list[Run]
    ) -> tuple[list[Run], list[RunAnswer], PeerSilent | None]:
        """Several requests at once when there is much to say: while the peer writes one, it reads the next.

        Cities are independent of each other, so nothing is lost in order. Returns the runs that were answered, their
        answers, and the first silence, if there was one.
        """
        parts = _parts(runs)
        results = await asyncio.gather(
            *(self._exchange(peer=peer, runs=part) for part in parts), return_exceptions=True
        )
        told: list[Run] = []
        answers: list[RunAnswer] = []
        silent: PeerSilent | None = None
        for part, result in zip(parts, results, strict=True):
            match result:
                case PeerSilent():
                    silent = silent or result
                case BaseException():
                    raise result
                case _:
                    told += part
                    answers += result
        return told, answers, silent

    async def pull(self, *, peer: str, city: int, after: int, limit: int = RUN_MESSAGES_MAX) -> list[Run]:
        """Ask a peer for the run after a position: none or one, the same bytes that it would push.

        Asking tells the peer that everything up to `after` has taken effect here. Raises `PeerSilent`.
        """
        query = f"?city={city}&after={after}&limit={limit}"
        content = await self._ask(peer=peer, method="GET", path=PUSH_PATH + query, body=b"")
        try:
            return msgspec.json.decode(content, type=Runs).runs
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
            raise PeerSilent(f"the runs of {peer} can't be read: {broken}") from broken

    async def _exchange(self, *, peer: str, runs: list[Run]) -> list[RunAnswer]:
        body = msgspec.json.encode(Runs(runs=runs))
        content = await self._ask(peer=peer, method="POST", path=PUSH_PATH, body=body)
        try:
            answers = msgspec.json.decode(content, type=RunAnswers).answers
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
            raise PeerSilent(f"the answer of {peer} can't be read: {broken}") from broken
        if len(answers) != len(runs):
            raise PeerSilent(f"{peer} answered {len(answers)} runs, asked were {len(runs)}")
        return answers

    async def _ask(self, *, peer: str, method: str, path: str, body: bytes) -> bytes:
        """One signed request; the content of the genuine answer. Raises `PeerSilent`."""
        request = Request(method, self._ring.peers[peer].url.rstrip("/") + path, {}, body)
        sign_request(ring=self._ring, request=request, now=self._clock.now())
        try:
            status, headers, content = await self._wire.send(request)
        except WireBroken as silent:
            raise PeerSilent(f"{peer} does not answer: {silent}") from silent
        if status != 200:
            raise PeerSilent(f"{peer} answered {status}")
        answer = Answer(status, headers, request, content)
        try:
            signer = verify_answer(ring=self._ring, answer=answer, now=self._clock.now())
        except (BadSignature, UnknownKey) as broken:
            raise PeerSilent(f"the answer of {peer} is not genuine: {broken}") from broken
        if signer != peer:
            raise PeerSilent(f"the answer came from {signer}")
        return content

    async def ask(self, *, peer: str, method: str, path: str, body: bytes = b"") -> bytes:
        """One signed question that is no run: the content of the genuine answer. Raises `PeerSilent`."""
        known = self._ring.peers.get(peer)
        if known is None or not known.url:
            raise PeerSilent(f"{peer} has no address here: it can't be asked")
        return await self._ask(peer=peer, method=method, path=path, body=body)


def _parts(runs: list[Run]) -> list[list[Run]]:
    """The runs in at most TOGETHER_MAX parts of about as many messages each; few messages stay together."""
    messages = sum(len(run.messages) for run in runs)
    count = max(1, min(TOGETHER_MAX, messages // PART_MESSAGES_MIN, len(runs)))
    parts: list[list[Run]] = [[] for _ in range(count)]
    sizes = [0] * count
    for run in sorted(runs, key=lambda run: len(run.messages), reverse=True):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(run)
        sizes[smallest] += len(run.messages)
    return parts
