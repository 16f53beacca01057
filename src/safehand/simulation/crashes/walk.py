"""Walks a case on one way through both houses, strikes each deed at each of its boundaries, and audits after each.

A deed that was struck is asked for again, with the same key, and struck again at its next boundary, until it has been
struck at all of them. After each strike the houses are looked at from outside; what had not come to its commit may
have left nothing. In the end the deed has taken effect once, and its key says what happened.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import httpx
import msgspec

from safehand.programme.happenings import BAGS, Life, reference
from safehand.programme.living_world import the_cast
from safehand.programme.setting_up import HOUSES, ROLES_OF_CAST, staff_reference
from safehand.simulation.crashes.audit import Auditor, Snapshot, found_between
from safehand.simulation.crashes.ground import (
    UNAVAILABLE,
    Act,
    Chore,
    Clocks,
    Deed,
    Ground,
    Person,
    Push,
    Said,
    name_of,
)
from safehand.simulation.crashes.places import point_of
from safehand.simulation.crashes.strikes import Striker, Struck
from safehand.simulation.crashes.ways import (
    AGAIN_OF,
    CLOCK,
    HAPPEN,
    JOB,
    PAY,
    START_DAY,
    UNACKNOWLEDGED,
    UNHEARD,
)

START: Final = datetime.combine(START_DAY, time(1), tzinfo=UTC)
"""09:00 in China on that morning."""
PAUSE: Final = timedelta(minutes=2)
STRIKES_MAX: Final = 150
"""A deed that is struck more often than it has boundaries never ends."""
ASKED_AGAIN_MAX: Final = 5
TALKS_MAX: Final = 12
TOLD_AS_REFUSALS: Final = frozenset({"handover.wrong_envelope"})
"""Answers of an action that has written something all the same: the clerk is told no, and the catch is in the journal."""


class NotWalked(Exception):
    """The way can't be walked: a deed was refused that must not be. The text says which and why."""


@dataclass(kw_only=True)
class Tally:
    """What was struck and what was found."""

    strikes: list[tuple[str, str]] = field(default_factory=list)
    """Deed and boundary."""
    findings: list[str] = field(default_factory=list)
    audits: int = 0
    histories: dict[str, list[str]] = field(default_factory=dict)


Look = Callable[[], Awaitable[Mapping[str, Snapshot]]]


@dataclass(kw_only=True)
class Walk:
    """One case on one way."""

    ground: Ground
    life: Life
    applicant: Person
    look: Look
    striker: Striker
    calm: Striker
    struck_acts: frozenset[int]
    """The places in the way whose deeds are struck; the others are carried out undisturbed."""
    tally: Tally = field(default_factory=Tally)
    before_deed: Callable[[Deed], None] = lambda deed: None
    now: datetime = START

    async def go(self) -> None:
        """From the first act to the last, and what the houses have to tell each other after each."""
        self._auditors = {
            name: Auditor(name=name, machines=self.ground.house(name).shell.machines) for name in HOUSES
        }
        self._roles = {
            login: ROLES_OF_CAST.get((member.house, member.role), member.role)
            for login, member in the_cast().staff.items()
        }
        self._seen = await self.look()
        for place, name in enumerate(self.life.resident.happened):
            self.life.done = place
            strikes = place in self.struck_acts
            self._pass_time(PAUSE)
            if name.startswith(CLOCK):
                await self._clock(timedelta(hours=int(name.split()[1])), strikes)
            elif name.startswith(JOB):
                house, job = name.removeprefix(JOB).split()
                await self._job(Chore(house=house, name=job), strikes)
            elif name == PAY:
                await self._pay(place, strikes)
            else:
                await self._happen(place, name, strikes)
            if name in UNACKNOWLEDGED and strikes:
                await self._talk_in_vain()
            elif name not in UNHEARD | UNACKNOWLEDGED:
                await self._talk(strikes)
            self._learn()
        self._audit("the end of the way")
        self.tally.histories = {name: seen.histories() for name, seen in self._seen.items()}

    def _pass_time(self, span: timedelta) -> None:
        self.now += span
        self.ground.move_clocks(self.now)

    async def _clock(self, span: timedelta, strikes: bool) -> None:
        self._pass_time(span)
        for house in HOUSES:
            await self._deed(Clocks(house=house), strikes)

    async def _job(self, chore: Chore, strikes: bool) -> None:
        """Until nothing is left to do: one run may leave work for the next."""
        for _ in range(TALKS_MAX):
            if (await self._deed(chore, strikes)).count == 0:
                return
        raise NotWalked(f"{name_of(chore)} always finds something more to do")

    async def _happen(self, place: int, name: str, strikes: bool) -> None:
        name = AGAIN_OF.get(name, name)
        what, life = HAPPEN[name], self.life
        if name == "bagged":
            life.facts["bag"] = reference("bg", life.facts["waybill"], place)
        # A bag's count asks what happens next to each envelope, by its own name.
        alone = replace(life, resident=replace(life.resident, happened=(name,)), done=0)
        fields = BAGS[name]([alone]) if name in BAGS else what.fields(life, self.now)
        who = self.applicant if what.by == "applicant" else self._staff(what.by)
        said = await self._act(what.house, what.action, who, place, fields, strikes)
        if what.action == "application.submit":
            life.facts["case"] = said.stream

    async def _pay(self, place: int, strikes: bool) -> None:
        """Open the payment, pay at the payment service as the payer does, come back."""
        case = {"city": self.life.resident.city, "case": self.life.facts["case"]}
        begun = await self._act("authority", "payment.begin", self.applicant, place, case, strikes)
        pay = f"{self.ground.world.url('payment')}/v1/payments/{begun.shown['payment']}/pay"
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.post(pay, json={"outcome": "paid"})).raise_for_status()
        await self._act("authority", "payment.check", self.applicant, place, case, strikes)

    def _staff(self, login: str) -> Person:
        return Person(actor=staff_reference(login), roles=(self._roles.get(login, login),))

    async def _act(
        self, house: str, action: str, who: Person, place: int, fields: Mapping[str, Any], strikes: bool
    ) -> Said:
        key = f"{self.life.key}-{place}-{action}"
        act = Act(
            house=house, action=action, person=who, item=json.dumps(fields, default=_told).encode(), key=key
        )
        said = await self._deed(act, strikes)
        if strikes:
            await self._by_key(act, said)
        return said

    async def _deed(self, deed: Deed, strikes: bool) -> Said:
        """Carry it out, struck at each boundary where it is to be struck; what was answered in the end."""
        struck_at: list[str] = []
        asked_again = 0
        self.before_deed(deed)
        while len(struck_at) < STRIKES_MAX:
            striker = self.striker if strikes else self.calm
            struck = await striker.attempt(deed, struck_at)
            if strikes:
                await self._after(deed, struck)
            if struck.boundaries:
                struck_at += struck.boundaries
                continue
            said = struck.said
            assert said is not None
            if said.refused == UNAVAILABLE and asked_again < ASKED_AGAIN_MAX:
                # A connection that died unnoticed is found out by using it: whoever asked asks again.
                asked_again += 1
                continue
            if said.refused and said.refused not in TOLD_AS_REFUSALS:
                raise NotWalked(f"{name_of(deed)} was refused: {said.refused}")
            if not strikes:
                self._seen = await self.look()
            return said
        raise NotWalked(f"{name_of(deed)} was struck {STRIKES_MAX} times and is not over")

    async def _after(self, deed: Deed, struck: Struck) -> None:
        """Look at both houses: everything must hold, and what did not commit must have left nothing."""
        before, self._seen = self._seen, await self.look()
        where = f"{name_of(deed)} at {' and '.join(struck.boundaries) or 'its end'}"
        self.tally.strikes += [(name_of(deed), boundary) for boundary in struck.boundaries]
        # A job may write by a statement of its own, which is its own commit: it must hold, but may have left something.
        if struck.boundaries and struck.commits == 0 and not isinstance(deed, Chore):
            for house in HOUSES:
                if before[house].digest() != self._seen[house].digest():
                    self.tally.findings.append(
                        f"{where}: {house} has kept something of what was not committed"
                    )
        self._audit(where)

    def _audit(self, where: str) -> None:
        self.tally.audits += 1
        faults = [fault for name in HOUSES for fault in self._auditors[name].found(self._seen[name])]
        faults += found_between(self._seen)
        self.tally.findings += [f"{where}: {fault}" for fault in faults]

    async def _by_key(self, act: Act, first: Said) -> None:
        """The same key once more: the same answer, and nothing new."""
        again = await self.ground.carry_out(act)
        before, self._seen = self._seen, await self.look()
        kept = [row for row in self._seen[act.house]["answer"] if row[0].endswith(f":{act.key}")]
        if again.refused != first.refused:
            self.tally.findings.append(f"{name_of(act)}: its key is answered by {again.refused or 'a yes'}")
        if len(kept) > 1:
            self.tally.findings.append(f"{name_of(act)}: its key is answered {len(kept)} times")
        if (
            kept
            and not first.refused
            and (again.version, again.events, again.repeated) != (first.version, first.events, True)
        ):
            self.tally.findings.append(
                f"{name_of(act)}: its key tells of {again.events}, it was {first.events}"
            )
        for house in HOUSES:
            if before[house].digest() != self._seen[house].digest():
                self.tally.findings.append(f"{name_of(act)}: asked again by its key it changes {house}")

    async def _talk(self, strikes: bool) -> None:
        """Both houses tell each other what they have to, until neither has anything left to tell."""
        for _ in range(TALKS_MAX):
            talking = [name for name in HOUSES if _has_to_tell(self._seen[name])]
            if not talking:
                return
            for name in talking:
                await self._deed(Push(house=name), strikes)
        raise NotWalked("the houses do not stop talking")

    async def _talk_in_vain(self) -> None:
        """The peer takes everything, and whoever sent it ends before hearing so: it will be sent again, with more."""
        for name in HOUSES:
            deed, struck_at = Push(house=name), list[str]()
            while _has_to_tell(self._seen[name]) and len(struck_at) < STRIKES_MAX:
                struck = await self.striker.attempt(deed, struck_at)
                await self._after(deed, struck)
                struck_at += struck.boundaries
                if not struck.boundaries or any(point_of(one) == "link.taken" for one in struck.boundaries):
                    break

    def _learn(self) -> None:
        """What clerks read off the desk: the blank drawn, the waybill named, the postage due."""
        facts = self.life.facts
        for row in self._seen["authority"]["stream"]:
            if row[1] == facts.get("case"):
                state = msgspec.json.decode(row[5])
                made, way = state.get("production", {}), state.get("handover", {})
                known = {"blank": made.get("blank"), "make": made.get("make")}
                known |= {"order": way.get("order"), "waybill": way.get("waybill")}
                facts.update({name: value for name, value in known.items() if value})
        for row in self._seen["post"]["stream"]:
            if row[1] == facts.get("order"):
                facts["postage_fen"] = msgspec.json.decode(row[5]).get("settlement", {}).get("amount_fen", 0)


def _has_to_tell(seen: Snapshot) -> bool:
    return bool(seen["link_outbox"]) or any(row[4] < row[2] for row in seen["link_head"])


def _told(value: Any) -> str:
    """How a moment is written in JSON."""
    return value.isoformat()


def steps_struck(ways: Mapping[str, Sequence[str]]) -> dict[str, frozenset[int]]:
    """For each way the places that are struck: everything that happens, in the first way in which it happens."""
    known: set[str] = set()
    found: dict[str, frozenset[int]] = {}
    for way, names in ways.items():
        places: set[int] = set()
        for place, name in enumerate(names):
            # The clocks that ring and the second copy of an act are something else in each way.
            same = f"{way}:{name}" if name.startswith(CLOCK) else name
            if same not in known:
                places.add(place)
            known.add(same)
        found[way] = frozenset(places)
    return found
