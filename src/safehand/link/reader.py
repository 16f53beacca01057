"""What this house hears from its peers: verify, decide, write position and effects together, exactly once.

A message that was applied before is passed over by its number; one that comes too early is asked for again; one that
can't be applied is parked with an alarm and the position moves on, so that one poisoned message never stops a city.
A run that contradicts what was received before under the same number is a fork: nothing of it is applied.
"""

import logging
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from safehand.kernel.clock import Clock
from safehand.kernel.outcome import Refusal
from safehand.kernel.points import mark, passed
from safehand.kernel.shell import Call, Outcome, Shell
from safehand.kernel.store import (
    Conflict,
    HouseStore,
    ParkedRow,
    PositionRow,
    ReceivedRow,
    RunRow,
    Unavailable,
    Writes,
)
from safehand.link.codes import Code
from safehand.link.envelope import GENESIS, BrokenChain, Posted, Run, can_be_kept, verified_hashes
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.messages import DECODERS, Kind, Message
from safehand.link.sealing import Opener, Unopenable

RUNS_PER_REQUEST_MAX = 100
ATTEMPTS_MAX = 4
TOGETHER_MAX = 2
"""So many of the attempts take all messages in one transaction; the others take each alone, to find the culprit."""

POSITIONS = "select city, position, head from link_position where peer = $1 and city = any($2::int[])"
RECEIVED_HASHES = (
    "select r.city, r.hash from link_received r join unnest($2::int[], $3::bigint[]) as w (city, number)"
    " on r.city = w.city and r.number = w.number where r.peer = $1"
)

log = logging.getLogger("safehand.link")


class Heard(NamedTuple):
    """A genuine message, decoded, with its personal part opened (still JSON)."""

    peer: str
    city: int
    kind: Kind
    subject: str
    body: Message
    part: bytes | None
    key_id: str


class Border(Protocol):
    """A house's door to the link: turns messages into calls."""

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str | None]:
        """For each message the call that it asks for, the reason for which it must be parked, or none.

        None: there is nothing to do; the message is kept as it came, like every other.
        """
        ...


class RunAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one run: a `codes.Code`, and how far the sequence has taken effect here."""

    city: int
    code: int
    position: int


class _Fresh(NamedTuple):
    """A verified run, cut to the messages that have not taken effect yet."""

    run: Run
    hashes: list[bytes]
    expected: int
    messages: list[Posted]


class Reader:
    """Applies peers' runs to this house."""

    def __init__(
        self,
        *,
        shell: Shell,
        store: HouseStore,
        ring: KeyRing,
        border: Border,
        clock: Clock,
        cities: Sequence[int] = (),
    ) -> None:
        self._shell = shell
        self._store = store
        self._ring = ring
        self._border = border
        self._clock = clock
        self._opener = Opener(ring=ring)
        self._cities = frozenset(cities)

    async def apply(self, *, peer: str, runs: Sequence[Run]) -> list[RunAnswer]:
        """Apply the runs of one request by `peer`. At most one run per city is applied; later ones are BUSY."""
        answers: dict[int, RunAnswer] = {}
        genuine: dict[int, tuple[int, Run, list[bytes]]] = {}
        seen: set[int] = set()
        for place, run in enumerate(runs):
            code, hashes = self._check(peer, run)
            if code is Code.TAKEN and run.city in seen:
                code = Code.BUSY
            if code is Code.TAKEN:
                seen.add(run.city)
                genuine[run.city] = (place, run, hashes)
            else:
                mark("link.run_refused")
                log.warning("run_refused", extra={"peer": peer, "city": run.city, "code": int(code)})
                answers[place] = RunAnswer(city=run.city, code=code, position=-1)
        found = {city: (run, hashes) for city, (_, run, hashes) in genuine.items()}
        await passed("link.verified")
        for attempt in range(ATTEMPTS_MAX):
            try:
                applied = await self._apply_genuine(peer, found, alone=attempt >= TOGETHER_MAX)
                break
            except (Conflict, Unavailable):
                continue
        else:
            applied = {c: RunAnswer(city=c, code=Code.BUSY, position=-1) for c in genuine}
        await passed("link.taken")
        answers.update({place: applied[city] for city, (place, _, _) in genuine.items()})
        return [answers[place] for place in range(len(runs))]

    def _check(self, peer: str, run: Run) -> tuple[Code, list[bytes]]:
        if run.sender != peer:
            return Code.WRONG_SENDER, []
        if run.receiver != self._ring.name:
            return Code.WRONG_RECEIVER, []
        allowed = self._ring.peers[peer].cities
        if (self._cities and run.city not in self._cities) or (allowed and run.city not in allowed):
            return Code.UNKNOWN_CITY, []
        if not can_be_kept(run):
            return Code.MALFORMED, []
        try:
            return Code.TAKEN, verified_hashes(run=run, ring=self._ring, now=self._clock.now())
        except BrokenChain:
            return Code.BROKEN_CHAIN, []
        except UnknownKey:
            return Code.UNKNOWN_KEY, []
        except BadSignature:
            return Code.BAD_SIGNATURE, []

    async def _apply_genuine(
        self, peer: str, runs: Mapping[int, tuple[Run, list[bytes]]], *, alone: bool
    ) -> dict[int, RunAnswer]:
        positions = await self.positions(peer=peer, cities=list(runs))
        known = await self._known_hashes(peer, runs, positions)
        answers: dict[int, RunAnswer] = {}
        fresh: list[_Fresh] = []
        for city, (run, hashes) in runs.items():
            position, head = positions[city]
            first, last = run.messages[0].number, run.messages[-1].number
            if first > position + 1:
                mark("link.gap_asked")
                answers[city] = RunAnswer(city=city, code=Code.GAP, position=position)
            elif _forks(run, hashes, position=position, head=head, known=known.get(city)):
                log.error("fork", extra={"peer": peer, "city": city, "number": first})
                answers[city] = RunAnswer(city=city, code=Code.FORK, position=position)
            else:
                answers[city] = RunAnswer(city=city, code=Code.TAKEN, position=max(position, last))
                if last <= position:
                    mark("link.run_known")
                else:
                    skip = position + 1 - first
                    if skip:
                        mark("link.run_partly_known")
                    fresh.append(_Fresh(run, hashes[skip:], position, run.messages[skip:]))
        if fresh and alone:
            await self._one_by_one(peer, fresh)
        elif fresh:
            await self._take(peer, fresh)
        return answers

    async def _take(self, peer: str, fresh: Sequence[_Fresh]) -> None:
        """Write effects, positions and evidence of all runs in one transaction."""
        numbered = [(part.run, message) for part in fresh for message in part.messages]

        async def carry_out() -> None:
            asked = await self._translated(peer, numbered)

            def beside(outcomes: Sequence[Outcome], writes: Writes) -> None:
                answered = iter(outcomes)
                for (run, message), one in zip(numbered, asked, strict=True):
                    outcome = next(answered) if isinstance(one, Call) else one
                    reason = outcome.code if isinstance(outcome, Refusal) else outcome
                    if isinstance(reason, str):
                        self._park(writes, peer, run.city, message, reason)
                self._evidence(writes, peer, fresh)

            await self._shell.run([one for one in asked if isinstance(one, Call)], beside=beside)

        try:
            await carry_out()
        except (Conflict, Unavailable):
            raise
        except Exception:
            if len(numbered) == 1:
                log.exception("message_failed", extra={"peer": peer, "city": fresh[0].run.city})
                await self._park_alone(peer, fresh[0], "request.failed")
                return
            await self._one_by_one(peer, fresh)

    async def _translated(self, peer: str, numbered: Sequence[tuple[Run, Posted]]) -> list[Call | str | None]:
        """For each message its call, or the reason for which it is parked."""
        found = [self._heard(peer, run, message) for run, message in numbered]
        heard = [one for one in found if isinstance(one, Heard)]
        calls = await self._border.calls(heard) if heard else ()
        if len(calls) != len(heard):
            raise RuntimeError(f"the border gave {len(calls)} calls for {len(heard)} messages")
        translated = iter(calls)
        return [next(translated) if isinstance(one, Heard) else one for one in found]

    async def _one_by_one(self, peer: str, fresh: Sequence[_Fresh]) -> None:
        """A batch broke in a way that no single message answers for: find the culprit by taking each alone."""
        mark("link.taken_alone")
        for part in fresh:
            expected = part.expected
            for message, hashed in zip(part.messages, part.hashes, strict=True):
                await self._take_alone(peer, _Fresh(part.run, [hashed], expected, [message]))
                expected += 1

    async def _take_alone(self, peer: str, part: _Fresh) -> None:
        """Take one message. One that loses every race, with nobody else at work here, is parked: it is no race."""
        for _ in range(ATTEMPTS_MAX):
            try:
                await self._take(peer, [part])
                return
            except Conflict:
                position, _ = (await self.positions(peer=peer, cities=[part.run.city]))[part.run.city]
                if position != part.expected:
                    raise
        await self._park_alone(peer, part, "link.contradicts_our_books")

    async def _park_alone(self, peer: str, part: _Fresh, reason: str) -> None:
        def beside(_: Sequence[Outcome], writes: Writes) -> None:
            self._park(writes, peer, part.run.city, part.messages[0], reason)
            self._evidence(writes, peer, [part])

        await self._shell.run([], beside=beside)

    def _heard(self, peer: str, run: Run, message: Posted) -> Heard | str:
        """Decode one message; what can't be understood is parked, never guessed."""
        try:
            kind = Kind(message.kind)
        except ValueError:
            return "link.unknown_kind"
        try:
            body = DECODERS[kind].decode(message.body)
        except (msgspec.DecodeError, RecursionError):
            return "link.malformed_body"
        part = None
        if message.personal is not None:
            try:
                part = self._opener.open(message.personal, peer=peer, city=run.city, subject=message.subject)
            except Unopenable:
                return "link.part_unopenable"
        return Heard(peer, run.city, kind, message.subject, body, part, run.key_id)

    def _park(self, writes: Writes, peer: str, city: int, message: Posted, reason: str) -> None:
        mark("link.parked")
        log.error(
            "message_parked",
            extra={
                "peer": peer,
                "city": city,
                "number": message.number,
                "kind": message.kind,
                "reason": reason,
            },
        )
        writes.parked.append(
            ParkedRow(
                peer,
                city,
                message.number,
                message.kind,
                message.subject,
                reason,
                self._clock.now(),
                message.personal,
            )
        )

    def _evidence(self, writes: Writes, peer: str, fresh: Sequence[_Fresh]) -> None:
        now = self._clock.now()
        for run, hashes, expected, messages in fresh:
            for message, hashed in zip(messages, hashes, strict=True):
                writes.received.append(
                    ReceivedRow(
                        peer,
                        run.city,
                        message.number,
                        message.kind,
                        message.subject,
                        message.body.encode(),
                        # The chain needs the digest alone; the part itself must end with its case (DESIGN 1.4).
                        sha256(message.personal).digest() if message.personal is not None else None,
                        hashed,
                        message.at,
                    )
                )
            writes.positions.append(PositionRow(peer, run.city, expected, messages[-1].number, hashes[-1]))
            if messages[-1].number == run.messages[-1].number:
                first, last = run.messages[0].number, run.messages[-1].number
                writes.runs.append(
                    RunRow(
                        peer, run.city, first, last, run.previous, run.head, run.key_id, run.signature, now
                    )
                )

    async def positions(self, *, peer: str, cities: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """How far each city's sequence of a peer has taken effect, with the hash of its last message."""
        rows = await self._store.fetch(
            POSITIONS,
            peer,
            cities,
        )
        none: dict[int, tuple[int, bytes]] = dict.fromkeys(cities, (0, GENESIS))
        return {**none, **{row[0]: (row[1], row[2]) for row in rows}}

    async def _known_hashes(
        self,
        peer: str,
        runs: Mapping[int, tuple[Run, list[bytes]]],
        positions: Mapping[int, tuple[int, bytes]],
    ) -> dict[int, bytes]:
        """For runs that lie wholly in the past: the hash that was received under the run's last number."""
        old = {
            city: run.messages[-1].number
            for city, (run, _) in runs.items()
            if run.messages[-1].number < positions[city][0]
        }
        if not old:
            return {}
        rows = await self._store.fetch(
            RECEIVED_HASHES,
            peer,
            list(old),
            list(old.values()),
        )
        return {row[0]: row[1] for row in rows}


def _forks(run: Run, hashes: Sequence[bytes], *, position: int, head: bytes, known: bytes | None) -> bool:
    """Whether the run contradicts what was received: it must meet our chain where the two touch."""
    first, last = run.messages[0].number, run.messages[-1].number
    if last < position:
        return known is not None and hashes[-1] != known
    if first == position + 1:
        return run.previous != head
    return hashes[position - first] != head
