"""Families, people who move house, and people with another telephone: what they do on the pages of their cases.

Everybody has a script: a row of deeds with pauses between them, that looks at the own case as its page shows it. In a share
of the seeds nobody has one, so that the crowds of the others stay as large as they were.
"""

import random
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from safehand.authority.border.door_code import phone_code
from safehand.authority.group.actions import PURPOSE as INVITATION
from safehand.authority.group.actions import Invitations
from safehand.kernel.machine import StreamKey
from safehand.programme.launch.arrivals import Arrival
from safehand.programme.launch.people import staff
from safehand.simulation.crowd import AGENT, FAR_AWAY, Deed, local_hour

if TYPE_CHECKING:
    from safehand.simulation.run import Run

SEEDS_SHARE: Final = 0.3
"""Of the seeds; and all in which everybody is confused."""
IN_FAMILIES_SHARE: Final = 0.35
FAMILY_MIN, FAMILY_MAX = 2, 4
CLAN: Final = 12
"""More than a group holds; one in a confused seed."""
WITHIN: Final = timedelta(days=2)
"""A family applies."""
SAME_ADDRESS_SHARE: Final = 0.7
MOVES_SHARE, RINGS_SHARE, NAMES_SHARE, STRANGER_SHARE, DENIES_SHARE = 0.08, 0.08, 0.08, 0.02, 0.02
TEXTS_AT: Final = 11
"""The hour at which text messages are sent."""
ROUNDS_MAX: Final = 12
"""Of deeds one right after the other, in one moment."""
LOOKS: Final = 14
JOINS_MAX: Final = 6
FIRST_PHONE: Final = 19_900_000_000
"""Of the ten thousand numbers that the people here, who come from a register, have not."""
CODES: Final = 6
"""More than may be wrong."""
TOO_MANY: Final = 6
"""More than anybody may ask for, of addresses, numbers, or people who receive it."""
INVITATIONS: Final = 51
ELSEWHERE: Final = 7_000
"""From this number on nobody applies: their addresses are for who moves house."""
WAITING_FOR_THE_POST: Final = frozenset({"ordered", "to_label", "labelled", "sealed", "bagged"})
ENDED: Final = frozenset({"completed", "withdrawn", "deemed_withdrawn", "refused", "not_delivered"})


class Pause(StrEnum):
    """Until when a script waits, other than for a time."""

    SOON = "soon"
    """For the answer to what was asked."""
    TEXTS = "texts"
    """For the text messages of this moment."""
    NOON = "noon"
    """For the hour before which they are sent: a code holds for half an hour."""


SOON, TEXTS, NOON = Pause.SOON, Pause.TEXTS, Pause.NOON
Script = Iterator[Deed | datetime | Pause]


@dataclass(kw_only=True)
class Family:
    """Who belongs to it, and the links that they sent each other."""

    size: int
    cases: list[StreamKey] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


class Person:
    """Somebody with a case of their own, as its pages show it to them."""

    def __init__(self, *, families: "Families", key: StreamKey, session: Mapping[str, Any]) -> None:
        self.key, self.session, self._families = key, session, families
        self.chance = families.chance
        self._deeds = 0

    def case(self) -> Mapping[str, Any]:
        """The own case."""
        return self._families.run.look("authority", self.key)

    def at(self, step: str, name: str = "state", default: Any = "none") -> Any:
        """A fact of the own case."""
        return self.case().get(step, {}).get(name, default)

    def group(self) -> Mapping[str, Any]:
        """The group of the own case; nothing, if it is in none."""
        name = self.at("group", "group", "")
        return self._families.run.look("authority", StreamKey(self.key.city, name)) if name else {}

    def does(self, action: str, **fields: Any) -> Deed:
        """One thing asked for in the own case."""
        self._deeds += 1
        return Deed(
            house="authority",
            person=self.session,
            action=action,
            item={"city": self.key.city, "case": self.key.stream, **fields},
            key=f"page-{self.key.stream}-{self._deeds}",
        )

    def after(self, least: float, most: float) -> datetime:
        """So many days from now."""
        return self._families.run.clock.now() + timedelta(days=self.chance.uniform(least, most))

    def another_door(self) -> tuple[str, int]:
        """Where they move to: the address, and the city that it lies in."""
        return self._families.door(self.key)

    def happens(self, share: float) -> bool:
        """Whether something does."""
        return self.chance.random() < share

    def over(self) -> bool:
        """Whether the own case has ended."""
        return self.at("application") in ENDED


# ---- families ------------------------------------------------------------------------------------------------------


def member(p: Person, family: Family, links: Callable[[StreamKey, int], str]) -> Script:
    """Begins a group, or joins it when a link has come; then lives in it, leaves it, and maybe comes again."""
    clan = family.size == CLAN
    yield p.after(0.0, 0.2) if clan else p.after(0.1, 1.5)
    if family.cases[0] == p.key:
        yield p.does("group.begin", together=p.happens(0.85))
        yield SOON
        yield from _invites(p, family, links)
    else:
        yield from _joins(p, family, links)
    # So many can only be together while nobody leaves.
    if not clan:
        yield from _lives_in_group(p, family, links)


def _invites(p: Person, family: Family, links: Callable[[StreamKey, int], str]) -> Script:
    """Once; some press on an old page."""
    number = p.group().get("invitations", 0) + 1
    if p.happens(0.06):
        yield p.does("group.invite", number=number + p.chance.choice((-1, 1)))
    yield p.does("group.invite", number=number)
    yield SOON
    group = p.group()
    if group.get("invitations", 0) >= number:
        key = StreamKey(p.key.city, p.at("group", "group", ""))
        family.links.append(links(key, group["invitations"]))


def _joins(p: Person, family: Family, links: Callable[[StreamKey, int], str]) -> Script:
    """By the newest link; now and then by an old one, twice, or as the page was before."""
    for _ in range(JOINS_MAX):
        if family.links and p.at("group") == "none":
            link = p.chance.choice(family.links) if p.happens(0.15) else family.links[-1]
            yield p.does("group.join", token=link, together=not p.happens(0.12))
            yield SOON
            if p.happens(0.1):
                yield p.does("group.join", token=link, together=True)
        if p.at("group") != "none" or p.over():
            return
        yield p.after(0.2, 1.5)


def _lives_in_group(p: Person, family: Family, links: Callable[[StreamKey, int], str]) -> Script:
    """Looks at it now and then, and does this or that."""
    for _ in range(LOOKS):
        yield p.after(0.1, 1.4)
        if p.at("group") == "none":
            if p.over() or not p.happens(0.5):
                return
            if not p.happens(0.3):
                yield from _joins(p, family, links)
                continue
            # One's own group, with whoever comes.
            yield p.does("group.begin", together=p.happens(0.5))
            yield SOON
            yield from _invites(p, family, links)
        else:
            yield from _one_act(p, family, links)


def _one_act(p: Person, family: Family, links: Callable[[StreamKey, int], str]) -> Script:
    match p.chance.choices(
        ("nothing", "offer", "no more", "let", "go", "leave", "split", "invite", "begin", "release", "moves"),
        (18, 14, 3, 30, 12 if p.at("group") == "waiting" else 2, 5, 2, 12, 1, 2, 3),
    )[0]:
        case "offer" | "no more" as said:
            yield p.does("group.offer", receives=said == "offer")
        case "let":
            yield from _lets_receive(p)
        case "go":
            yield p.does("group.go_now")
        case "leave":
            yield p.does("group.leave")
        case "split":
            yield p.does("group.split")
        case "invite":
            yield from _invites(p, family, links)
        case "begin":
            yield p.does("group.begin", together=True)
        case "release":
            yield p.does("agent.release")
        case "moves":
            yield _moves(p)
        case _:
            pass


def _lets_receive(p: Person) -> Script:
    """Somebody who has offered it; now and then whoever else there is, or themselves. Where nobody has, one begins."""
    members: Mapping[str, Any] = p.group().get("members", {})
    others = [case for case in members if case != p.key.stream]
    offered = [case for case in others if members[case].get("receives")]
    if not offered and p.happens(0.7):
        yield p.does("group.offer", receives=True)
        return
    whom = offered if offered and not p.happens(0.1) else [*others, p.key.stream]
    number = p.at("agent", "number", 0) + 1
    yield p.does("group.let_receive", receiver=p.chance.choice(whom), number=number)


def stranger(p: Person, family: Family) -> Script:
    """Has found somebody's link."""
    for _ in range(JOINS_MAX):
        yield p.after(0.5, 4)
        if family.links:
            yield p.does("group.join", token=p.chance.choice(family.links), together=True)
            return


def invites_without_end(p: Person) -> Script:
    """More links than a group may have."""
    yield p.after(1, 3)
    if p.at("group") == "none":
        yield p.does("group.begin", together=False)
        yield SOON
    for _ in range(INVITATIONS):
        yield p.does("group.invite", number=p.group().get("invitations", 0) + 1)
        yield SOON


# ---- another address -----------------------------------------------------------------------------------------------


def moves_house(p: Person) -> Script:
    """While the house works, when the post has it, or just in between; half let it be, the others change their mind."""
    when = p.chance.choice(("early", "early", "shelf", "order", "post", "post", "delivered", "stubborn"))
    if not (yield from _comes_to(p, when)):
        return
    for _ in range(TOO_MANY + 1 if when == "stubborn" else p.chance.choice((1, 1, 2))):
        yield _moves(p)
        yield SOON
        if p.happens(0.12):
            yield _moves(p)
        yield from _thinks_again(p, stops=when == "stubborn" or p.happens(0.35))
        yield SOON if when == "stubborn" else p.after(0.5, 3)


def _moves(p: Person) -> Deed:
    address, destination = p.another_door()
    return p.does("readdressing.ask", address=address, destination=destination)


def _thinks_again(p: Person, *, stops: bool) -> Script:
    if not stops:
        return
    if p.happens(0.7):
        yield SOON
    else:
        yield p.after(0.1, 1.2)
    change = p.at("readdressing", "changes", 0)
    yield p.does("readdressing.stop", change=min(max(change + p.chance.choice((0,) * 9 + (1,)), 1), 5))


def _comes_to(p: Person, when: str) -> Generator[datetime, None, bool]:
    """Waits until the case is so far; whether it came to it."""
    yield p.after(0.1, 2.5)
    for _ in range(40):
        handover = p.at("handover")
        reached = {
            "shelf": handover == "on_shelf",
            "order": handover in WAITING_FOR_THE_POST,
            "post": handover == "accepted",
            "delivered": p.over(),
        }.get(when, True)
        if reached:
            return True
        if p.over():
            return False
        yield p.after(0.2, 0.6)
    return False


# ---- another telephone ---------------------------------------------------------------------------------------------


def rings_elsewhere(p: Person, numbers: Callable[[], str], code: Callable[[StreamKey, int], str]) -> Script:
    """Has lost the telephone. Most prove the new number at once; others mistype it, give up, or try what they may not."""
    when = p.chance.choice(("early", "early", "early", "early", "shelf", "post", "delivered", "stubborn"))
    if not (yield from _comes_to(p, when)):
        return
    if p.happens(0.1):
        yield _moves(p)
        yield SOON
    for _ in range(TOO_MANY if when == "stubborn" else p.chance.choice((1, 1, 2))):
        if when != "stubborn":
            yield NOON
        change = p.at("telephone", "changes", 0) + 1
        yield p.does("telephone.ask", phone=numbers(), change=min(change, TOO_MANY))
        yield SOON
        if when == "stubborn":
            yield p.does("telephone.stop", change=min(change, TOO_MANY))
            yield SOON
            continue
        if p.happens(0.1):
            yield p.does("telephone.ask", phone=numbers(), change=min(change + 1, TOO_MANY))
        yield TEXTS
        yield from _proves(p, min(change, TOO_MANY), code)
        if p.happens(0.25):
            yield SOON
            yield _moves(p)
        yield p.after(0.2, 2)


def _proves(p: Person, change: int, code: Callable[[StreamKey, int], str]) -> Script:
    right = code(p.key, change)
    match p.chance.choices(
        ("proves", "mistypes", "guesses", "stops", "forgets", "an old code"), (60, 12, 8, 8, 6, 10)
    )[0]:
        case "proves" if right:
            yield p.does("telephone.prove", code=right, change=change)
        case "mistypes" if right:
            yield p.does("telephone.prove", code="00000000", change=change)
            yield SOON
            yield p.does("telephone.prove", code=right, change=change)
        case "guesses":
            for number in range(CODES):
                yield p.does("telephone.prove", code=f"{number:08d}", change=change)
                yield SOON
        case "stops":
            yield p.does("telephone.stop", change=change)
        case "an old code" if right:
            # Of the number before, for another one that was asked for since.
            yield p.does("telephone.prove", code=code(p.key, max(change - 1, 1)), change=change)
        case _:
            pass


# ---- somebody else -------------------------------------------------------------------------------------------------


def names_somebody(p: Person, numbers: Callable[[], str]) -> Script:
    """One after the other; some when the post is to hear of it already, and at once no more."""
    when = p.chance.choice(("early", "shelf", "order", "order", "post", "delivered", "stubborn"))
    if not (yield from _comes_to(p, when)):
        return
    for _ in range(TOO_MANY if when == "stubborn" else p.chance.choice((1, 2, 2, 3))):
        number = min(p.at("agent", "number", 0) + 1 + (p.happens(0.06)), TOO_MANY)
        yield p.does("agent.name", name=AGENT, phone=numbers(), number=number)
        yield SOON
        if p.happens(0.4):
            yield p.does("agent.release")
            yield SOON
        if not p.happens(0.6):
            yield p.after(0.1, 1)


def denies_what_another_received(p: Person, numbers: Callable[[], str]) -> Script:
    """Says that whoever received it has not given it to them; a manager believes it, and somebody else is to have the next."""
    yield p.after(0.1, 1)
    yield p.does("agent.name", name=AGENT, phone=numbers(), number=p.at("agent", "number", 0) + 1)
    yield SOON
    yield from _until(p, lambda: p.at("agent") != "named" or p.over())
    if p.at("agent") != "received":
        return
    yield _believed(p.does("tracking.deny_receipt"))
    yield SOON
    settled = p.does("tracking.settle", in_hand=False, grade_accepted=False)
    settled.person = staff("authority_manager", p.key.city)
    yield _believed(settled)
    yield from _until(p, lambda: p.at("handover") in WAITING_FOR_THE_POST)
    yield p.does(
        "agent.name", name=AGENT, phone=numbers(), number=min(p.at("agent", "number", 0) + 1, TOO_MANY)
    )


def _until(p: Person, so: Callable[[], bool]) -> Script:
    for _ in range(80):
        yield p.after(0.2, 0.6)
        if so():
            return


def _believed(deed: Deed) -> Deed:
    """Of which nobody knows what they did with their hands."""
    deed.mischief = True
    return deed


# ---- all of them ---------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Playing:
    """A script that is being played."""

    case: str
    script: Script
    until: datetime | Pause = SOON

    def awake(self, now: datetime, *, texts: bool) -> bool:
        match self.until:
            case Pause.SOON:
                return True
            case Pause.TEXTS:
                return texts
            case Pause.NOON:
                return not texts and local_hour(now) == TEXTS_AT
            case until:
                return not texts and until <= now


class Families:
    """Those of one run. `drawn`: whether there are any."""

    def __init__(self, *, run: "Run", secret: Callable[[str], bytes]) -> None:
        self.run = run
        self.chance = random.Random(f"families {run.plan.seed}")
        self.drawn = self.chance.random() < SEEDS_SHARE or run.plan.bedlam
        self._code_secret = secret("door code")
        self._invitation_secret = secret(INVITATION)
        self._of: dict[int, Family] = {}
        """Number of who applies -> the family."""
        self._homes: dict[int, int] = {}
        """Number -> that of the first of the family, at whose address they live."""
        self._who: dict[str, int] = {}
        """Actor -> the number of who applies."""
        self._playing: list[_Playing] = []
        self._numbers = 0
        self._began = False

    # ---- who applies -----------------------------------------------------------------------------------------------

    def arrivals(self, found: Sequence[Arrival]) -> list[Arrival]:
        """The same people; those of a family apply within days of each other."""
        if not self.drawn:
            return list(found)
        coming: list[Arrival] = []
        last = max(one.at for one in found)
        for city in sorted({one.city for one in found}):
            rest = [one for one in found if one.city == city]
            while rest:
                size = self._size(len(rest))
                together, rest = rest[:size], rest[size:]
                if size > 1:
                    together = self._family(together, last)
                coming += together
        return coming

    def _size(self, most: int) -> int:
        """Of the next family; 1: somebody by themselves."""
        if self.run.plan.bedlam and not self._began and most >= CLAN:
            self._began = True
            return CLAN
        mean = (FAMILY_MIN + FAMILY_MAX) / 2
        if self.chance.random() >= IN_FAMILIES_SHARE / (mean - IN_FAMILIES_SHARE * (mean - 1)):
            return 1
        return min(most, self.chance.randint(FAMILY_MIN, FAMILY_MAX))

    def _family(self, together: Sequence[Arrival], last: datetime) -> list[Arrival]:
        first, family = together[0], Family(size=len(together))
        self._of |= {one.number: family for one in together}
        for one in together[1:]:
            if self.chance.random() < SAME_ADDRESS_SHARE:
                self._homes[one.number] = first.number
        later = [one._replace(at=min(first.at + self.chance.random() * WITHIN, last)) for one in together[1:]]
        return [first, *later]

    def application(self, one: Arrival, actor: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        """What somebody of a family fills in: most have one address, some write it with other spaces."""
        self._who[actor] = one.number
        if one.number not in self._of:
            return item
        brought = {**item, "mode": "counter" if self.chance.random() < 0.02 else "post"}
        if one.number in self._homes:
            home = self.run.people.application(one._replace(number=self._homes[one.number]))
            address: str = home["address"]
            if self.chance.random() < 0.2:
                address = address.replace("号", "号 ")
            brought |= {"address": address, "destination": home["destination"]}
        return brought

    def submitted(self, key: StreamKey, session: Mapping[str, Any]) -> None:
        """Somebody has a case now, and maybe plans."""
        if not self.drawn:
            return
        family, chance = self._of.get(self._who[session["actor"]]), self.chance
        if family is not None and key not in family.cases:
            family.cases.append(key)
            self._plays(key, member(self._person(key, session), family, self._link))
            if family.size == CLAN and len(family.cases) == CLAN:
                self._plays(key, invites_without_end(self._person(key, session)))
        if chance.random() < MOVES_SHARE:
            self._plays(key, moves_house(self._person(key, session)))
        if chance.random() < RINGS_SHARE:
            person = self._person(key, session)
            self._plays(key, rings_elsewhere(person, self._number, self._code))
        if chance.random() < NAMES_SHARE:
            self._plays(key, names_somebody(self._person(key, session), self._number))
        if chance.random() < DENIES_SHARE:
            self._plays(key, denies_what_another_received(self._person(key, session), self._number))
        if self._of and chance.random() < STRANGER_SHARE:
            theirs = self._of[chance.choice(sorted(self._of))]
            self._plays(key, stranger(self._person(key, session), theirs))

    def _plays(self, key: StreamKey, script: Script) -> None:
        self._playing.append(_Playing(case=key.stream, script=script))

    def _person(self, key: StreamKey, session: Mapping[str, Any]) -> Person:
        return Person(families=self, key=key, session=session)

    # ---- what they hear and have -----------------------------------------------------------------------------------

    def _link(self, group: StreamKey, number: int) -> str:
        """As it stands on the group's page."""
        invitations = Invitations(house=self.run.authority.house, secret=self._invitation_secret)
        return invitations.token(key=group, number=number)

    def _code(self, key: StreamKey, change: int) -> str:
        """That the text message brought; empty while none has come."""
        code = phone_code(secret=self._code_secret, case=key.stream, change=change)
        return code if code in self.run.texts.codes else ""

    def _number(self) -> str:
        """Of a new telephone."""
        self._numbers += 1
        return str(FIRST_PHONE + self._numbers % 10_000)

    def door(self, key: StreamKey) -> tuple[str, int]:
        """Another address, mostly of the same city; some are where the post brings nothing."""
        self._numbers += 1
        city = key.city if self.chance.random() < 0.8 else self.chance.choice(self.run.plan.cities)
        arrival = Arrival(city, ELSEWHERE + self._numbers, self.run.clock.now())
        home = self.run.people.application(arrival)
        far = self.chance.random() < 0.04
        return home["address"], FAR_AWAY if far else home["destination"]

    # ---- playing ---------------------------------------------------------------------------------------------------

    async def act(self, *, texts: bool = False) -> None:
        """Everybody goes on until they pause. `texts`: those who wait for the text messages that have just been sent."""
        now = self.run.clock.now()
        for _ in range(ROUNDS_MAX):
            awake = [
                one
                for one in self._playing
                if one.awake(now, texts=texts) and not self.run.is_asked_about(one.case)
            ]
            if not awake:
                break
            deeds: list[Deed] = []
            for one in awake:
                deeds += self._next(one)
            await self.run.do(deeds, self.run.authority)

    def _next(self, one: _Playing) -> Iterator[Deed]:
        """What somebody does until the next pause; who has nothing more to do is gone."""
        for said in one.script:
            if isinstance(said, Deed):
                yield said
            else:
                one.until = said
                return
        self._playing.remove(one)
