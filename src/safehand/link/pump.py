"""Carries this house's runs to its peers: number, sign, push, keep the acknowledgement; again until quiet."""

import logging

import httpx
import msgspec

from safehand.kernel.clock import Clock, SystemClock
from safehand.link.codes import Code
from safehand.link.envelope import Run
from safehand.link.http_signing import Answer, Request, sign_request, verify_answer
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.log import LinkLog
from safehand.link.reader import RunAnswer

PUSH_PATH = "/link/v1/runs"
TIMEOUT_SECONDS = 60.0
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


class Pump:
    """Pushes to every peer that has a URL. The wire's freshness is judged by the machine's clock, never a set one."""

    def __init__(
        self, *, log: LinkLog, ring: KeyRing, client: httpx.AsyncClient, wire_clock: Clock | None = None
    ) -> None:
        self._log = log
        self._ring = ring
        self._client = client
        self._clock = wire_clock or SystemClock()

    async def until_quiet(self) -> int:
        """Number and push until nothing is left; returns how many messages were acknowledged.

        Raises `PeerSilent` when a peer does not answer; what was not acknowledged is sent again next time.
        """
        moved = 0
        for _ in range(ROUNDS_MAX):
            numbered = await self._log.number()
            pushed = 0
            for peer in self._ring.peers.values():
                if peer.url:
                    pushed += await self.push(peer=peer.name)
            moved += pushed
            if not numbered and not pushed:
                return moved
        return moved

    async def push(self, *, peer: str) -> int:
        """Send one request of runs; returns how many messages it moved."""
        runs = await self._log.behind(peer=peer)
        if not runs:
            return 0
        answers = await self._exchange(peer=peer, runs=runs)
        positions: dict[int, int] = {}
        moved = 0
        for run, answer in zip(runs, answers, strict=True):
            before = run.messages[0].number - 1
            match Code(answer.code):
                case Code.TAKEN | Code.GAP if answer.position >= 0:
                    positions[run.city] = answer.position
                    moved += max(0, min(answer.position, run.messages[-1].number) - before)
                case code:
                    log.error("push_refused", extra={"peer": peer, "city": run.city, "code": int(code)})
        await self._log.acknowledge(peer=peer, positions=positions)
        return moved

    async def _exchange(self, *, peer: str, runs: list[Run]) -> list[RunAnswer]:
        body = msgspec.json.encode(Runs(runs=runs))
        request = Request("POST", self._ring.peers[peer].url.rstrip("/") + PUSH_PATH, {}, body)
        sign_request(ring=self._ring, request=request, now=self._clock.now())
        try:
            response = await self._client.post(
                request.url, content=body, headers=request.headers, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError as silent:
            raise PeerSilent(f"{peer} does not answer: {type(silent).__name__}") from silent
        if response.status_code != 200:
            raise PeerSilent(f"{peer} answered {response.status_code}")
        answer = Answer(response.status_code, dict(response.headers), request, response.content)
        try:
            signer = verify_answer(ring=self._ring, answer=answer, now=self._clock.now())
            answers = msgspec.json.decode(response.content, type=RunAnswers).answers
        except (BadSignature, UnknownKey, msgspec.MsgspecError) as broken:
            raise PeerSilent(f"the answer of {peer} is not genuine: {broken}") from broken
        if signer != peer or len(answers) != len(runs):
            raise PeerSilent(f"the answer came from {signer}, or not for these runs")
        return answers
