"""The people of the living world: who has got how far, as short scripts, and how they are brought there, once.

Each script lists what happened to one application, in the words of `programme.happenings`. They are carried out
through both houses' public addresses, step by step for all people together, as on a working day: staff sign in with
their logins, applicants act in sessions of their own. What has been done is noted after each step, and every act has
an idempotency key, so an interrupted settling goes on where it ended.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx

from safehand.programme.couriers_drawn import card_of
from safehand.programme.happenings import (
    BAGS,
    HAPPENINGS,
    HOME_CITY,
    TEACHING_QUEUES,
    Happening,
    Life,
    Resident,
    reference,
    stock_of,
    turn_of,
)
from safehand.programme.setting_up import HOUSES, REHEARSAL_FIRST_DAY, STAFF_PASSWORD, SmallWorld, login_in
from safehand.sandbox.world import open_world

TIMEOUT_SECONDS = 30.0
TURNS_MAX = 400
SETTLE_ROUNDS_MAX = 100
BUSY_SECONDS = 0.05
CALLS_AT_ONCE_MAX = 8
BLANKS_OF_A_DELIVERY = 1_000
SHANGHAI, GUANGZHOU, BEIJING, CHENGDU = 310000, 440100, 110000, 510100

_ISSUED: Final = ("applied", "approved", "paid", "blank drawn", "printed", "issued")
_SEALED: Final = (*_ISSUED, "label printed", "sealed")
_OFFERED: Final = (*_SEALED, "bagged", "offered")
_POSTED: Final = (*_OFFERED, "counted")
_AT_OFFICE: Final = (*_POSTED, "departed", "at the centre", "at the office")
_OUT: Final = (*_AT_OFFICE, "taken out")
_IN_HAND: Final = (*_OUT, "confirmed at the door", "handed over")
_BACK: Final = (*_OUT, "declined at the door", "brought back")
_OFFERED_BACK: Final = (*_BACK, "on the way back", "offered back")
_ON_SHELF: Final = (*_OFFERED_BACK, "received back")
_COUNTER: Final = (*_ISSUED, "ready at the counter")

PASSPORT, HONG_KONG, TAIWAN = "passport", "hong-kong-macao-permit", "taiwan-permit"


def _one(
    who: str | int,
    city: int,
    happened: Sequence[str],
    rests: str,
    *,
    document: str = PASSPORT,
    mode: str = "post",
    bag: str = "",
    destination: int = 0,
    phone: str = "",
) -> Resident:
    return Resident(
        who=who,
        city=city,
        happened=tuple(happened),
        rests=tuple(rests.split()),
        document=document,
        mode=mode,
        bag=bag,
        destination=destination,
        phone=phone,
    )


RESIDENTS: Final[tuple[Resident, ...]] = (
    # The cast: one has it in her own hands, a family is on its way.
    _one("applicant", SHANGHAI, _IN_HAND, "authority:application.completed post:item.delivered"),
    _one("applicant", SHANGHAI, ["applied"], "authority:examination.reviewing", document=HONG_KONG),
    _one("father", GUANGZHOU, _OUT, "authority:tracking.on_the_way post:delivery.with_courier"),
    _one("mother", GUANGZHOU, _ISSUED[:3], "authority:production.waiting_blank", document=HONG_KONG),
    _one("mother", GUANGZHOU, _AT_OFFICE, "post:delivery.at_office"),
    _one("child_17", GUANGZHOU, ["applied", "asked to correct"], "authority:application.correcting"),
    # Application, examination, payment.
    _one(1, BEIJING, ["applied"], "authority:examination.reviewing"),
    _one(2, CHENGDU, ["applied"], "authority:examination.reviewing", document=TAIWAN),
    _one(3, SHANGHAI, ["applied", "asked to correct", "corrected"], "authority:examination.reviewing"),
    _one(4, SHANGHAI, ["applied", "withdrawn"], "authority:application.withdrawn"),
    _one(5, BEIJING, ["applied", "refused"], "authority:application.refused"),
    _one(6, SHANGHAI, ["applied", "approved"], "authority:payment.awaiting"),
    _one(7, CHENGDU, ["applied", "approved"], "authority:payment.awaiting"),
    _one(8, SHANGHAI, ["applied", "approved", "withdrawn"], "authority:application.withdrawn"),
    _one(
        9, GUANGZHOU, ["applied", "approved", "paid", "withdrawn"], "authority:application.withdrawn"
    ),  # refunded
    # Whom no message reaches: a number of the sandbox that is none.
    _one(
        55,
        SHANGHAI,
        ["applied", "approved"],
        "authority:payment.awaiting authority:contact.unreachable",
        phone="19900009901",
    ),
    # Production.
    _one(10, SHANGHAI, _ISSUED[:3], "authority:production.waiting_blank"),
    _one(11, SHANGHAI, _ISSUED[:4], "authority:production.started"),
    _one(12, SHANGHAI, _ISSUED[:5], "authority:production.printed"),
    _one(13, SHANGHAI, (*_ISSUED[:4], "spoiled"), "authority:production.waiting_blank"),
    # Fetched at the counter.
    _one(14, SHANGHAI, _ISSUED, "authority:handover.on_shelf", mode="counter"),
    _one(15, SHANGHAI, _COUNTER, "authority:handover.ready_for_pickup", mode="counter"),
    _one(16, BEIJING, (*_COUNTER, "picked up"), "authority:application.completed", mode="counter"),
    _one(17, SHANGHAI, (*_COUNTER, "misprint found"), "authority:returns.on_shelf", mode="counter"),
    # Hand-over to the post.
    _one(18, SHANGHAI, _ISSUED, "authority:handover.to_label post:acceptance.awaiting_handover"),
    _one(19, SHANGHAI, _SEALED[:-1], "authority:handover.labelled"),
    _one(20, SHANGHAI, _SEALED, "authority:handover.sealed"),
    _one(21, SHANGHAI, (*_SEALED, "bagged"), "authority:handover.bagged authority:bag.closed", bag="closed"),
    _one(
        22,
        SHANGHAI,
        (*_SEALED, "bagged", "bag opened again"),
        "authority:handover.sealed",
        bag="opened again",
    ),
    _one(23, SHANGHAI, _OFFERED, "authority:handover.offered post:bag.expected", bag="on the way"),
    _one(
        24, SHANGHAI, (*_OFFERED, "found short"), "authority:handover.recount post:bag.differing", bag="short"
    ),
    _one(25, SHANGHAI, _POSTED, "post:transport.at_origin", bag="short"),
    _one(
        26,
        BEIJING,
        (*_OFFERED, "found short", "difference settled", "declared missing"),
        "authority:production.waiting_blank post:item.cancelled",
    ),
    _one(27, SHANGHAI, (*_SEALED[:-1], "changed to pick-up"), "authority:handover.to_counter"),
    # Suzhou isn't among the cities that the post serves: the order is refused, the document waits at the counter.
    _one(28, SHANGHAI, _ISSUED, "authority:handover.to_counter post:item.refused", destination=320500),
    # Transport.
    _one(29, CHENGDU, _POSTED, "authority:tracking.on_the_way post:transport.at_origin"),
    _one(30, SHANGHAI, (*_POSTED, "departed"), "post:transport.on_the_way"),
    _one(31, SHANGHAI, (*_POSTED, "departed", "at the centre"), "post:transport.at_centre"),
    _one(32, SHANGHAI, (*_POSTED, "departed", "departure voided"), "post:transport.rescan"),
    # Delivery.
    _one(33, SHANGHAI, _AT_OFFICE, "post:delivery.at_office"),
    _one(34, SHANGHAI, _OUT, "post:delivery.with_courier"),
    _one(35, SHANGHAI, (*_OUT, "nobody at home"), "post:delivery.attempted"),
    _one(36, SHANGHAI, (*_OUT, "wants the counter", "brought back"), "post:delivery.held"),
    _one(
        37,
        SHANGHAI,
        (*_OUT, "left with a neighbour"),
        "authority:tracking.reported post:delivery.nonconforming",
    ),
    _one(38, GUANGZHOU, _IN_HAND, "authority:application.completed"),
    _one(39, BEIJING, _IN_HAND, "authority:application.completed", document=TAIWAN),
    _one(40, SHANGHAI, (*_IN_HAND, "denied"), "authority:tracking.disputed"),
    _one(
        41,
        SHANGHAI,
        (*_OUT, "nobody at home", "brought back", "taken out again", "confirmed at the door", "handed over"),
        "authority:application.completed",
    ),
    # What can't be delivered.
    _one(
        42,
        SHANGHAI,
        (*_POSTED, "departed", "missed"),
        "authority:tracking.incident post:undeliverable.incident",
    ),
    _one(
        43,
        SHANGHAI,
        (*_POSTED, "departed", "missed", "lost"),
        "authority:production.waiting_blank post:item.lost",
    ),
    _one(
        44,
        GUANGZHOU,
        (*_POSTED, "departed", "missed", "lost", *_SEALED[3:], "bagged", "offered", "counted"),
        "authority:tracking.on_the_way",
    ),
    _one(
        54,
        SHANGHAI,
        (*_POSTED, "departed", "missed", "has it after all"),
        "authority:application.completed post:item.delivered",
    ),
    _one(45, SHANGHAI, _BACK, "authority:returns.coming_back post:undeliverable.returning"),
    _one(46, SHANGHAI, _OFFERED_BACK, "authority:returns.offered post:undeliverable.return_offered"),
    _one(47, SHANGHAI, _ON_SHELF, "authority:returns.on_shelf post:item.returned"),
    _one(48, BEIJING, (*_ON_SHELF, "sent again"), "authority:handover.to_label"),
    _one(49, SHANGHAI, (*_ON_SHELF, "kept at the counter"), "authority:handover.on_shelf"),
    _one(50, SHANGHAI, (*_ON_SHELF, "given up"), "authority:application.not_delivered"),
    _one(
        51,
        SHANGHAI,
        (*_ON_SHELF, "given up", "destroyed"),
        "authority:application.not_delivered authority:custody.destroyed",
    ),
    _one(52, SHANGHAI, (*_OUT, "misprint at the door"), "post:undeliverable.returning"),
    _one(53, SHANGHAI, (*_POSTED, "recalled"), "authority:returns.coming_back post:undeliverable.returning"),
)


class SettlingFailed(Exception):
    """Somebody could not be brought where the script says; the text names who, what, the reason and the way out."""


@dataclass
class _Notes:
    """What was done so far, on disk; written whole and put in place at once."""

    path: Path
    turns: int = 0
    at: str = ""
    """When the present turn began: an act that is repeated must say the same time again."""

    def read(self, lives: Sequence[Life]) -> bool:
        """Take up what an earlier settling noted; True when nothing is left to do."""
        if not self.path.exists():
            return False
        noted = json.loads(self.path.read_text(encoding="utf-8"))
        self.turns, self.at = noted["turns"], noted["at"]
        for life in lives:
            known = noted["lives"].get(life.key)
            if known is not None:
                life.done, life.facts = known["done"], known["facts"]
        return noted["settled"]

    def write(self, lives: Sequence[Life], *, settled: bool = False) -> None:
        """Note how far everybody is."""
        noted = {
            "settled": settled,
            "turns": self.turns,
            "at": self.at,
            "lives": {life.key: {"done": life.done, "facts": life.facts} for life in lives},
        }
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(json.dumps(noted, ensure_ascii=False), encoding="utf-8")
        part.replace(self.path)


def settle_in(*, world: SmallWorld, say: Callable[[str], None]) -> list[str]:
    """Bring everybody where the scripts say, once; a later call changes nothing.

    Returns the states which nobody is in although somebody should be (empty: all is well). Raises `SettlingFailed`.
    """
    notes = _Notes(world.folder / "inhabitants.json")
    lives = lives_of(world=world)
    if notes.read(lives):
        return []
    return asyncio.run(_settle(world, say, notes, lives))


def lives_of(*, world: SmallWorld) -> list[Life]:
    """The residents as the sandbox knows them: the cast by key, others by their number in their city."""
    # The sandbox runs already and has noted its first day; this one is not used.
    people = open_world(folder=world.folder / "sandbox", seed=world.seed, today=REHEARSAL_FIRST_DAY)
    lives: list[Life] = []
    for resident in RESIDENTS:
        if isinstance(resident.who, str):
            person = people.cast.person(resident.who)
        else:
            # A resident lives in city *number mod cities* (sandbox register).
            place = list(people.cities).index(str(resident.city))
            person = people.resident(
                number=resident.who * len(people.cities) + place, city=str(resident.city)
            )
        lives.append(
            Life(
                resident=resident,
                sign_in=person.key,
                phone=resident.phone or person.phone,
                email="" if resident.phone else person.email,
                address=person.address.line_zh,
                destination=resident.destination or int(person.address.destination_code[:6]),
            )
        )
    return lives


async def _settle(
    world: SmallWorld, say: Callable[[str], None], notes: _Notes, lives: list[Life]
) -> list[str]:
    async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
        town = _Town(world=world, client=client, lives=lives, notes=notes)
        say(f"{len(lives)} applications of {len({life.sign_in for life in lives})} people are carried out …")
        try:
            await town.open()
            for _ in range(TURNS_MAX):
                if not await town.turn(say):
                    break
            await town.settle(chores=True)
            missing = await town.missing()
        except httpx.HTTPError as lost:
            raise SettlingFailed(
                f"A house stopped answering while people settled in ({type(lost).__name__}). "
                "Start `./do run` again: it goes on from here."
            ) from lost
        notes.write(lives, settled=True)
    if missing:
        say(f"Nobody is in: {', '.join(missing)}")
    return missing


class _Town:
    """Both houses as their staff and applicants reach them."""

    def __init__(
        self, *, world: SmallWorld, client: httpx.AsyncClient, lives: list[Life], notes: _Notes
    ) -> None:
        self.world, self.client, self.lives, self.notes = world, client, lives, notes
        self.tokens: dict[str, str] = {}
        self.doors = asyncio.Semaphore(CALLS_AT_ONCE_MAX)

    async def open(self) -> None:
        """Everybody signs in; the first delivery of blanks comes for each city and kind."""
        people = sorted({life.sign_in for life in self.lives if life.next is not None})
        await asyncio.gather(*(self._sign_in(person) for person in people))
        if self.notes.turns:
            return
        for city, document in sorted({(one.resident.city, one.resident.document) for one in self.lives}):
            blanks = {
                "city": city,
                "stock": stock_of(city=city, document=document),
                "first": 1,
                "last": BLANKS_OF_A_DELIVERY,
            }
            token = await self._staff("authority", "production_clerk", city)
            await self._act("authority", "stock.receive", token, [(f"settle-{city}-{document}", blanks)])

        await self._cards()

    async def _cards(self) -> None:
        """Whoever brings something has a card, which recipients see while they wait."""
        people = open_world(
            folder=self.world.folder / "sandbox", seed=self.world.seed, today=REHEARSAL_FIRST_DAY
        )
        name = people.cast.staff["courier"].name_zh
        for city in sorted({one.resident.city for one in self.lives}):
            token = await self._staff("post", "postal_city_manager", city)
            answer = await self.client.post(
                f"{self.world.url('post')}/v1/couriers/card",
                json=card_of(city=str(city), home=HOME_CITY, name=name),
                headers={"authorization": f"Bearer {token}"},
            )
            _require(answer, "setting a courier's card", str(city))

    async def turn(self, say: Callable[[str], None]) -> bool:
        """Carry out what comes first in the process, for everybody to whom it happens next; False when all is done."""
        heads = {life.key: one for life in self.lives if (one := life.next) is not None}
        if not heads:
            return False
        earliest = min(turn_of(one) for one in heads.values())
        group = [one for one in self.lives if one.key in heads and turn_of(heads[one.key]) == earliest]
        if not self.notes.at:
            self.notes.at = (await self._health())["now"]
            self.notes.write(self.lives)
        name = heads[group[0].key]
        say(f"{name}: {len(group)}")
        if name in BAGS:
            await self._bags(name, group)
        elif name == "paid":
            await asyncio.gather(*(self._pay(one) for one in group))
        else:
            await self._each(HAPPENINGS[name], name, group)
        for one in group:
            one.done += 1
        what = HAPPENINGS[name]
        if what.teaches or any(one.next and HAPPENINGS[one.next].house != what.house for one in group):
            await self.settle()
        if what.teaches:
            await self._learn()
        self.notes.turns, self.notes.at = self.notes.turns + 1, ""
        self.notes.write(self.lives)
        return True

    async def _each(self, what: Happening, name: str, group: Sequence[Life]) -> None:
        """One batch for each clerk, one call for each applicant."""
        at = datetime.fromisoformat(self.notes.at)
        by_clerk: dict[str, list[Life]] = {}
        for one in group:
            clerk = one.sign_in if what.by == "applicant" else str(one.resident.city)
            by_clerk.setdefault(clerk, []).append(one)

        async def act(clerk: str, ones: list[Life]) -> None:
            token = self.tokens.get(clerk) or await self._staff(what.house, what.by, int(clerk))
            items = [(f"settle-{one.key}-{one.done}", what.fields(one, at)) for one in ones]
            done = await self._act(what.house, what.action, token, items, who=[one.key for one in ones])
            if name == "applied":
                for one, answer in zip(ones, done, strict=True):
                    one.facts["case"] = answer["case"]

        await asyncio.gather(*(act(clerk, ones) for clerk, ones in by_clerk.items()))

    async def _bags(self, name: str, group: Sequence[Life]) -> None:
        """Bags are closed, offered and counted as a whole, with everybody's envelopes in them."""
        what = HAPPENINGS[name]
        bags: dict[tuple[int, str], list[Life]] = {}
        for one in group:
            bags.setdefault((one.resident.city, one.facts.get("bag", one.resident.bag)), []).append(one)
        for (city, _), ones in bags.items():
            if name == "bagged":
                bag = reference("bg", *sorted(one.facts["waybill"] for one in ones))
                for one in ones:
                    one.facts["bag"] = bag
            token = await self._staff(what.house, what.by, city)
            bag = ones[0].facts["bag"]
            fields = BAGS[name](ones)
            await self._act(
                what.house, what.action, token, [(f"settle-{bag}-{what.action}", fields)], who=[bag]
            )
            for one in ones:
                if one.next in ("counted", "bag opened again"):
                    one.facts.pop("bag")

    async def _pay(self, one: Life) -> None:
        """Open the payment, pay at the payment service as the payer does, come back."""
        token, case = self.tokens[one.sign_in], {"city": one.resident.city, "case": one.facts["case"]}
        begun = await self._single("authority", "payment.begin", token, f"settle-{one.key}-begin", case)
        paid = await self.client.post(
            f"{self.world.url('payment')}/v1/payments/{begun['payment']}/pay", json={"outcome": "paid"}
        )
        _require(paid, "paying", one.key)
        await self._single("authority", "payment.check", token, f"settle-{one.key}-check", case)

    async def settle(self, *, chores: bool = False) -> None:
        """Wait until both houses have told each other everything, and both once more after that.

        The houses send by themselves too, and a city whose run is just being taken is busy for ours: so what was
        not sent is counted, not only what was.
        """
        quiet = 0
        for _ in range(SETTLE_ROUNDS_MAX):
            moved = [(await self._control(house, "settle", {}))["moved"] for house in HOUSES]
            unsent = [(await self._books(house))["unsent"] for house in HOUSES]
            done = (await self._control("authority", "chores", {}))["done"] if chores else 0
            quiet = 0 if any(moved) or any(unsent) or done else quiet + 1
            if quiet == 2:
                return
            if any(unsent):
                await asyncio.sleep(BUSY_SECONDS)
        raise SettlingFailed(
            f"The houses still have messages for each other after {SETTLE_ROUNDS_MAX} rounds. Look at "
            f"{self.world.folder / 'processes'} for what they say, then start `./do run` again."
        )

    async def _learn(self) -> None:
        """What clerks read off the desk: the blank drawn, the waybill named."""
        lines = await self._control(
            "authority", "worklists", {"queues": list(TEACHING_QUEUES), "states": list(TEACHING_QUEUES)}
        )
        states = {line["stream"]: line["state"] for queue in lines.values() for line in queue}
        for one in self.lives:
            state = states.get(one.facts.get("case", ""))
            if state is None:
                continue
            made, way = state.get("production", {}), state.get("handover", {})
            known = {"blank": made.get("blank"), "make": made.get("make")}
            known |= {"order": way.get("order"), "waybill": way.get("waybill")}
            one.facts |= {name: value for name, value in known.items() if value}

    async def missing(self) -> list[str]:
        """The states that the scripts promise and nobody is in."""
        promised = sorted({rest for one in self.lives for rest in one.resident.rests})
        found: set[str] = set()
        for house in ("authority", "post"):
            names = [rest.partition(":")[2] for rest in promised if rest.startswith(f"{house}:")]
            lines = await self._control(house, "worklists", {"queues": names})
            found |= {f"{house}:{queue}" for queue, rows in lines.items() if rows}
            tallies = (await self._books(house))["tallies"]
            found |= {f"{house}:{name.partition(':')[2]}" for name, count in tallies.items() if count > 0}
        return [rest for rest in promised if rest not in found]

    async def _sign_in(self, person: str) -> None:
        """As a browser does: off to the sign-in service and back; there the person is named instead of chosen."""
        async with self.doors:
            home = self.world.url("authority")
            off = await self.client.get(f"{home}/sign-in?how=card")
            named = {"prompt": "none", "login_hint": person}
            away = httpx.URL(off.headers.get("location", "")).copy_merge_params(named)
            back = (await self.client.get(away)).headers.get("location", "")
            cookies = "; ".join(f"{name}={value}" for name, value in off.cookies.items())
            done = await self.client.get(back, headers={"cookie": cookies})
            token = done.cookies.get("session")
            self.client.cookies.clear()
            if token is None:
                raise SettlingFailed(
                    f"{person} could not sign in: the authority answered {done.status_code}. Look at "
                    f"{self.world.folder / 'processes'}, then start `./do run` again."
                )
            self.tokens[person] = token

    async def _staff(self, house: str, login: str, city: int) -> str:
        """The token of a clerk of the cast, or of the colleague in that city, who signs in at first need."""
        login = login_in(login=login, city=str(city), home=HOME_CITY)
        known = self.tokens.get(f"{house}:{login}")
        if known is None:
            body = {"login": login, "password": STAFF_PASSWORD}
            answer = await self.client.post(f"{self.world.url(house)}/v1/sessions", json=body)
            known = self.tokens[f"{house}:{login}"] = _require(answer, "signing in", login)["token"]
        return known

    async def _act(
        self,
        house: str,
        action: str,
        token: str,
        items: Sequence[tuple[str, dict[str, Any]]],
        who: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """A clerk's batch; every item must be done."""
        async with self.doors:
            answer = await self.client.post(
                f"{self.world.url(house)}/v1/{action.replace('.', '/')}/batch",
                json={"items": [{"key": key, "item": item} for key, item in items]},
                headers={"authorization": f"Bearer {token}"},
            )
        done: list[dict[str, Any]] = []
        outcomes = _require(answer, action, ", ".join(who))["outcomes"]
        for (key, _), outcome in zip(items, outcomes, strict=True):
            if "problem" in outcome:
                raise SettlingFailed(_told(action, key, outcome["problem"]))
            done.append(outcome["done"])
        return done

    async def _single(
        self, house: str, action: str, token: str, key: str, item: dict[str, Any]
    ) -> dict[str, Any]:
        async with self.doors:
            answer = await self.client.post(
                f"{self.world.url(house)}/v1/{action.replace('.', '/')}",
                json=item,
                headers={"authorization": f"Bearer {token}", "idempotency-key": key},
            )
        return _require(answer, action, key)

    async def _control(self, house: str, name: str, body: Any) -> Any:
        answer = await self.client.post(
            f"{self.world.url(house)}/control/{name}",
            json=body,
            headers={"safehand-control": self.world.secret},
        )
        return _require(answer, name, house)

    async def _books(self, house: str) -> dict[str, Any]:
        figures = await self._control(house, "books", {})
        # The authority's figures have more beside its books.
        return figures.get("books", figures)

    async def _health(self) -> dict[str, str]:
        return _require(await self.client.get(f"{self.world.url('post')}/health"), "health", "post")


def _require(answer: httpx.Response, what: str, who: str) -> dict[str, Any]:
    if answer.status_code >= 400:
        try:
            problem = answer.json()
        except ValueError:
            problem = {"detail": answer.text[:300]}
        raise SettlingFailed(_told(what, who, problem))
    return answer.json()


def _told(what: str, who: str, problem: dict[str, Any]) -> str:
    code, detail = problem.get("code", "?"), problem.get("title") or problem.get("detail", "")
    return (
        f"“{what}” was refused for {who}: {code}: {detail} "
        "Start with `./do run --empty` to go without inhabitants, or remove .data/ to begin anew."
    )
