"""Whoever has a badge and does not know what they do: any action, on any thing, with any fields that have the right shape.

Here the refusals are met. What such a person does is real to the houses, and the books must stay in order whatever it is;
but nobody knows what they did with their hands, so what they touched is no longer compared with the physical world.
"""

import random
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, Final, get_args, get_origin

import msgspec

from safehand.authority.examination.reasons import DEFECTS, REASONS
from safehand.house.front import Action
from safehand.kernel.clock import Clock
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import StreamRow
from safehand.link.messages import Reason
from safehand.postal.receiver.papers import Paper
from safehand.programme.launch.people import reference
from safehand.simulation.crowd import AGENT, Deed
from safehand.simulation.house import SimHouse

DEEDS_IN_A_ROW_MAX: Final = 8
"""Of one confused person, on one thing."""
ANY: Final = "any kind"
STUBBORN_SHARE: Final = 0.08
ONE_STEP_SHARE: Final = 0.5
ACROSS_SHARE: Final = 0.25
"""Of them, so many look for something that waits in the other house."""
CURIOUS_SHARE: Final = 0.6
"""Of them, so many try what nobody has tried yet."""
SAME_DEEDS_MAX: Final = 26
"""More than any limit on how often something may be tried."""
NOT_PLAYED: Final = frozenset(
    {
        *("parked.apply", "parked.close", "erasure.order"),
        *("help.ask", "help.answer", "help.reopen", "help.rate"),
    }
)
"""Questions and answers are texts between two people, and hold nothing up; parked messages are answered for: tests of their own
play both. Erasing on a whim is left out: a case that is taken up again after its person was erased (a dispute, say) can't end,
which the simulator found; it waits for a rule of how long to keep.
"""
STREAM_FIELDS: Final[Mapping[str, str]] = {
    "case": "ca_",
    "item": "or_",
    "bag": "bg_",
    "stock": "st_",
    "daybook": "sm_",
    "witness": "wt_",
    "range": "wr_",
}


class Mischief:
    """Makes such deeds from the seed. `codes`: order -> its right door code, which a few of these people have seen."""

    def __init__(self, *, chance: random.Random, codes: Callable[[str], str]) -> None:
        self._chance = chance
        self._codes = codes
        self._sure = False
        """Whether the right fields are wanted."""
        self._tried: Counter[tuple[str, str]] = Counter()
        """How often each action was tried in each state of its step."""
        self._by_kind: dict[str, Mapping[str, Sequence[str]]] = {}
        self._fields: Mapping[str, Callable[[About], Any]] = {
            "waybill": self._waybill,
            "blank": lambda of: self._mostly(of.get("production", "blank"), self._number()),
            "make": lambda of: self._mostly(of.get("production", "make"), self._number()),
            "seal": lambda of: self._mostly(of.state.get("seal"), "SEAL-1"),
            "seal_seen": lambda of: self._mostly(of.state.get("seal"), self._one_of("SEAL-1", "")),
            "occurred_at": lambda of: of.now + timedelta(hours=self._one_of(0, 0, 0, 0, -1, -12, -80, 3)),
            "reason": self._reason,
            "defects": lambda of: [self._one_of(*sorted(DEFECTS), "no.such")] * self._one_of(0, 1, 1, 1),
            "parts": lambda of: dict.fromkeys(
                self._mostly(
                    of.get("application", "asked") or None, self._one_of(["photo"], ["signature"], [])
                ),
                "a" * 64,
            ),
            "code": lambda of: self._one_of("", "12345678", "ABCDEFGH", self._codes(of.stream)),
            "attempt": lambda of: (of.get("delivery", "attempts") or 0) + self._one_of(0, 1, 1, 1, 2),
            "place": self._place,
            "office": self._place,
            "leg": lambda of: self._one_of("", "LEG-9"),
            "scan_id": self._scan,
            "courier": self._courier,
            "clerk": self._courier,
            "collector": self._courier,
            "second_person": self._colleague,
            "witness": self._colleague,
            "first_witness": self._colleague,
            "second_witness": self._colleague,
            "day": lambda of: self._mostly(min(of.state.get("differing", {}), default=None), "2024-05-07"),
            "items": self._items,
            "waybills": self._waybills,
            "put_aside": lambda of: [
                {"waybill": self._waybill(of), "reason": int(self._one_of(*Reason))}
                for _ in range(self._one_of(0, 0, 1))
            ],
            "first": lambda of: self._number(),
            "last": lambda of: self._number(),
            "amount_fen": lambda of: self._one_of(1, of.get("settlement", "amount_fen") or 2000),
            "carrier_code": lambda of: "20",
            "papers_seen": lambda of: self._one_of([], ["receipt"], sorted(Paper)),
            **self._of_forms(),
        }

    def _of_forms(self) -> Mapping[str, Callable[["About"], Any]]:
        """What an applicant fills in on a page of the own case."""
        return {
            "change": lambda of: max(
                1,
                (of.get(*self._one_of(("readdressing", "changes"), ("telephone", "changes"))) or 0)
                + self._one_of(0, 0, 0, 1),
            ),
            "number": lambda of: (
                (of.get(*self._one_of(("agent", "number"), ("wish", "number"))) or 0)
                + self._one_of(0, 1, 1, 1, 49)
            ),
            "phone": lambda of: f"1990000{self._chance.randrange(9_000, 10_000)}",
            "address": lambda of: f"和平路 {self._chance.randrange(1, 10**6)} 号",
            "destination": lambda of: of.get("application", "destination") or 310101,
            "name": lambda of: AGENT,
            "receiver": lambda of: self._one_of("", "agent", of.get("group", "receiver") or ""),
        }

    def focus(
        self, house: SimHouse, other: SimHouse, cases: Mapping[str, tuple[int, str]]
    ) -> StreamKey | None:
        """Something at a house: mostly of what waits for somebody, here or at the other house, each worklist as likely.

        `cases`: order -> its city and case.
        """
        if self._chance.random() < ACROSS_SHARE:
            found = self._across(house, other, cases)
            if found is not None:
                return found
        if self._chance.random() < 0.7:
            found = self._waiting(house)
            if found is not None:
                return found
        return self._chance.choice(list(house.disk.rows)) if house.disk.rows else None

    def _waiting(self, house: SimHouse) -> StreamKey | None:
        waiting = [rows for _, rows in sorted(house.disk.queues.items()) if rows]
        return self._chance.choice(list(self._chance.choice(waiting))) if waiting else None

    def _across(
        self, house: SimHouse, other: SimHouse, cases: Mapping[str, tuple[int, str]]
    ) -> StreamKey | None:
        """The case of an item, or the last order of a case, that waits for somebody in the other house."""
        there = self._waiting(other)
        if there is None:
            return None
        if there.stream in cases:
            found = StreamKey(*cases[there.stream])
        else:
            state = msgspec.json.decode(other.disk.rows[there].state) if there in other.disk.rows else {}
            found = StreamKey(there.city, (state.get("tracking") or {}).get("order", ""))
        return found if found in house.disk.rows else None

    def deeds(
        self, house: SimHouse, key: StreamKey, applicants: Mapping[str, Mapping[str, Any]], clock: Clock
    ) -> Iterator[Deed]:
        """What one person does with it: this and that, or the acts of one step, or the same again and again."""
        stubborn = self._chance.random() < STUBBORN_SHARE
        step = self._step(house, key) if self._chance.random() < ONE_STEP_SHARE else ""
        action = self._action(house, key, step) if stubborn else None
        for _ in range(self._chance.randrange(1, SAME_DEEDS_MAX if stubborn else DEEDS_IN_A_ROW_MAX)):
            deed = self.deed(house, key, applicants, clock.now(), action or self._action(house, key, step))
            if deed is not None:
                yield deed

    def deed(
        self,
        house: SimHouse,
        key: StreamKey,
        applicants: Mapping[str, Mapping[str, Any]],
        now: datetime,
        action: Action | None,
        given: Mapping[str, Any] | None = None,
    ) -> Deed | None:
        """What somebody does with it by this action; with these fields (`ago`: so long before now), if they are given.

        Whoever gives fields knows what the others should be.
        """
        row = house.disk.rows.get(key)
        of = About(house, key.stream, msgspec.json.decode(row.state) if row is not None else {}, now)
        if action is None:
            return None
        item: dict[str, Any] = {"city": key.city, _names_stream(action): key.stream}
        self._sure = given is not None
        person = self._person(action, key, of, applicants)
        of.actor = person["actor"]
        of.now -= (given or {}).get("ago", timedelta())
        for one in _fields_of(action.asks):
            if given is not None and one.name in given:
                item[one.name] = given[one.name]
            elif one.name not in item and (one.required or (not self._sure and self._chance.random() < 0.5)):
                item[one.name] = self._value(one.name, one.type, of)
        self._sure = False
        return Deed(
            house=house.name,
            person=person,
            action=action.name,
            item=item,
            key=f"mischief-{self._chance.randrange(2**40)}",
            state=of.state,
            mischief=True,
        )

    def _fitting(self, house: SimHouse, key: StreamKey) -> Sequence[str]:
        by_kind = self._by_kind.get(house.name)
        if by_kind is None:
            # The same actions in every life of a house.
            by_kind = self._by_kind[house.name] = _by_kind(house.house.front.actions)
        return by_kind.get(key.stream[:3], ())

    def _step(self, house: SimHouse, key: StreamKey) -> str:
        """One of the steps that a thing goes through."""
        steps = sorted({_step_of(name) for name in self._fitting(house, key)})
        return self._chance.choice(steps) if steps else ""

    def _action(self, house: SimHouse, key: StreamKey, step: str) -> Action | None:
        """Any of its kind and step, mostly one that was not tried there yet; now and then one of another kind."""
        fitting = [name for name in self._fitting(house, key) if not step or _step_of(name) == step]
        if self._chance.random() < 0.02:
            fitting = list(self._by_kind[house.name][ANY])
        if not fitting:
            return None
        actions = house.house.front.actions
        if self._chance.random() >= CURIOUS_SHARE:
            return actions[self._chance.choice(fitting)]
        return actions[self._newest(fitting, house.disk.rows.get(key))]

    def _newest(self, fitting: Sequence[str], row: StreamRow | None) -> str:
        """What has been tried least often in the present state of its step, in this run."""
        state: Mapping[str, Any] = msgspec.json.decode(row.state) if row is not None else {}
        places = {name: (name, _state_of(state, _step_of(name))) for name in fitting}
        fewest = min(self._tried[place] for place in places.values())
        name = self._chance.choice([name for name, place in places.items() if self._tried[place] == fewest])
        self._tried[places[name]] += 1
        return name

    def _person(
        self, action: Action, key: StreamKey, of: "About", applicants: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        role = self._chance.choice(sorted(action.roles))
        if role == "applicant":
            own = applicants.get(key.stream)
            return own if own is not None else {"actor": "ap_stranger", "roles": ["applicant"]}
        actor = of.get("delivery", "courier") if role in ("courier", "office_clerk") else None
        return {"actor": self._mostly(actor or None, reference("st", role, key.city)), "roles": [role]}

    def _value(self, name: str, kind: Any, of: "About") -> Any:
        make = self._fields.get(name)
        if make is not None:
            value = make(of)
            return value if not isinstance(value, str) or _takes(kind, value) else _any_of(kind, self._chance)
        return _any_of(kind, self._chance)

    def _one_of(self, *values: Any) -> Any:
        return self._chance.choice(values)

    def _mostly(self, right: Any, wrong: Any) -> Any:
        return right if right is not None and (self._sure or self._chance.random() < 0.85) else wrong

    def _number(self) -> int:
        return self._one_of(1, 2, 7, 500, 1001, 999_999)

    def _reason(self, of: "About") -> Any:
        return self._one_of(*map(int, Reason), *map(int, Reason), *sorted(REASONS), "damaged", "label_wrong")

    def _waybill(self, of: "About") -> Any:
        known = (
            of.get("acceptance", "waybill") or of.get("handover", "waybill") or of.get("tracking", "waybill")
        )
        return self._mostly(known or None, self._one_of("ZA400000002CN", "ZB300000003CN"))

    def _place(self, of: "About") -> str:
        known = of.get("delivery", "office") or of.get("order", "destination") or of.state.get("office")
        return self._mostly(str(known) if known else None, self._one_of("310000-A", "310101", "X-9"))

    def _courier(self, of: "About") -> str:
        return self._mostly(of.actor or None, reference("st", "courier", "stranger"))

    def _colleague(self, of: "About") -> str:
        colleagues = (reference("st", "a colleague"), reference("st", "another colleague"))
        return self._one_of(*colleagues) if self._sure else self._one_of(of.actor, *colleagues)

    def _scan(self, of: "About") -> str:
        trail = [scan_id for scan_id, *_ in of.get("transport", "trail") or [] if scan_id]
        known = self._chance.random() < 0.4 and bool(trail)
        return self._mostly(trail[-1] if known else None, reference("sc", self._chance.randrange(2**40)))

    def _items(self, of: "About") -> Mapping[str, str]:
        """For a bag: sealed envelopes, or what is none."""
        disk = of.house.disk
        sealed = {
            msgspec.json.decode(disk.rows[key].state)["handover"]["waybill"]: key.stream
            for key in sorted(disk.queues.get("handover.sealed", {}))[: self._one_of(1, 3)]
        }
        return self._mostly(sealed or None, {"ZA400000001CN": "ca_nobody"})

    def _waybills(self, of: "About") -> list[str]:
        known = list(of.state.get("waybills", ()))
        return self._one_of(known, known, known[:1], [*known, "ZA400000002CN"], [*known, *known])


class About:
    """What a deed is about, and who does it."""

    def __init__(self, house: SimHouse, stream: str, state: Mapping[str, Any], now: datetime) -> None:
        self.house, self.stream, self.state, self.now = house, stream, state, now
        self.actor = ""

    def get(self, step: str, name: str) -> Any:
        """A fact that a step knows."""
        found = self.state.get(step)
        return found.get(name) if isinstance(found, Mapping) else None


def _by_kind(actions: Mapping[str, Action]) -> Mapping[str, Sequence[str]]:
    """Kind of stream -> the names of its actions; and all of them."""
    found: dict[str, list[str]] = {ANY: []}
    for name, action in sorted(actions.items()):
        field = _names_stream(action)
        if name not in NOT_PLAYED and field:
            found[ANY].append(name)
            found.setdefault(STREAM_FIELDS[field], []).append(name)
    return found


@cache
def _fields_of(asks: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(asks)


def _names_stream(action: Action) -> str:
    """The field that names the stream; empty for an action of another kind."""
    if action.name == "application.submit":
        return ""
    return next((one.name for one in _fields_of(action.asks) if one.name in STREAM_FIELDS), "")


def _step_of(action: str) -> str:
    return action.partition(".")[0]


def _state_of(state: Mapping[str, Any], step: str) -> str:
    """Where a step of a stream stands, or the stream itself."""
    found = state.get(step)
    return str((found if isinstance(found, Mapping) else state).get("state", ""))


def _takes(kind: Any, value: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


def _any_of(kind: Any, chance: random.Random) -> Any:
    """Some value of a type."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return _any_of(inner[0], chance)
    if origin is typing.Literal:
        return chance.choice(inner)
    if origin is tuple or origin is list:
        return []
    if inner and type(None) in inner:
        return None
    if isinstance(kind, type) and issubclass(kind, Enum):
        return chance.choice([one.value for one in kind])
    if kind is bool:
        return chance.random() < 0.5
    if kind is int:
        return chance.choice((0, 1, 2, 50))
    if kind is datetime:
        return datetime.fromisoformat("2024-06-01T00:00:00+00:00")
    return "st_somebody"
