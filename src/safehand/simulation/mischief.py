"""Whoever has a badge and does not know what they do: any action, on any thing, with any fields that have the right shape.

Here the refusals are met. What such a person does is real to the houses, and the books must stay in order whatever it is;
but nobody knows what they did with their hands, so what they touched is no longer compared with the physical world.
"""

import random
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, get_args, get_origin

import msgspec

from safehand.authority.examination.reasons import DEFECTS, REASONS
from safehand.house.front import Action
from safehand.kernel.machine import StreamKey
from safehand.link.messages import Reason
from safehand.programme.launch.people import reference
from safehand.simulation.crowd import Deed
from safehand.simulation.house import SimHouse

DEEDS_MAX: Final = 3
NOT_PLAYED: Final = frozenset({"parked.apply", "parked.close", "erasure.order"})
"""Parked messages are answered for by tests of their own. Erasing on a whim is left out: a case that is taken up again after
its person was erased (a dispute, say) can't end, which the simulator found; it waits for a rule of how long to keep."""
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
    """Makes such deeds from the seed."""

    def __init__(self, *, chance: random.Random) -> None:
        self._chance = chance
        self._fields: Mapping[str, Callable[[Mapping[str, Any], datetime], Any]] = {
            "waybill": self._waybill,
            "blank": lambda state, now: self._mostly(_in(state, "production", "blank"), self._number()),
            "make": lambda state, now: self._mostly(_in(state, "production", "make"), self._number()),
            "seal": lambda state, now: self._mostly(state.get("seal"), "SEAL-1"),
            "seal_seen": lambda state, now: self._mostly(state.get("seal"), "SEAL-1"),
            "occurred_at": lambda state, now: now + timedelta(hours=self._chance.choice((0, 0, -1, -80, 3))),
            "reason": lambda state, now: self._chance.choice((*map(int, Reason), *sorted(REASONS))),
            "defects": lambda state, now: [self._chance.choice((*sorted(DEFECTS), "no.such"))],
            "parts": lambda state, now: dict.fromkeys(
                _in(state, "application", "asked") or ["photo"], "a" * 64
            ),
            "code": lambda state, now: self._chance.choice(("", "12345678", "ABCDEFGH")),
            "attempt": lambda state, now: (
                (_in(state, "delivery", "attempts") or 0) + self._chance.choice((0, 1, 2))
            ),
            "place": self._place,
            "office": self._place,
            "leg": lambda state, now: self._chance.choice(("", "LEG-9")),
            "scan_id": self._scan,
            "courier": self._courier,
            "clerk": self._courier,
            "collector": self._courier,
            "day": lambda state, now: self._mostly(
                min(state.get("differing", {}), default=None), "2024-05-07"
            ),
            "items": lambda state, now: {"ZA400000001CN": "ca_nobody"},
            "waybills": lambda state, now: list(state.get("waybills", ()))[: self._chance.choice((0, 1, 9))],
            "first": lambda state, now: self._number(),
            "last": lambda state, now: self._number(),
            "amount_fen": lambda state, now: self._chance.choice((1, 2000)),
            "carrier_code": lambda state, now: "20",
        }

    def deeds(
        self, house: SimHouse, applicants: Mapping[str, Mapping[str, Any]], now: datetime
    ) -> Iterator[Deed]:
        """A few deeds at one house."""
        actions = [one for name, one in sorted(house.house.front.actions.items()) if name not in NOT_PLAYED]
        for _ in range(self._chance.randrange(DEEDS_MAX + 1)):
            action = self._chance.choice(actions)
            deed = self._deed(house, action, applicants, now)
            if deed is not None:
                yield deed

    def _deed(
        self, house: SimHouse, action: Action, applicants: Mapping[str, Mapping[str, Any]], now: datetime
    ) -> Deed | None:
        fields = msgspec.structs.fields(action.asks)
        named = next((one.name for one in fields if one.name in STREAM_FIELDS), None)
        if named is None or action.name == "application.submit":
            return None
        key = self._stream(house, STREAM_FIELDS[named])
        if key is None:
            return None
        row = house.disk.rows.get(key)
        state: Mapping[str, Any] = msgspec.json.decode(row.state) if row is not None else {}
        item: dict[str, Any] = {"city": key.city, named: key.stream}
        for one in fields:
            if one.name not in item and (one.required or self._chance.random() < 0.5):
                item[one.name] = self._value(one.name, one.type, state, now)
        person = self._person(action, key, state, applicants)
        return Deed(
            house=house.name,
            person=person,
            action=action.name,
            item=item,
            key=f"mischief-{self._chance.randrange(2**40)}",
            state=state,
            mischief=True,
        )

    def _person(
        self,
        action: Action,
        key: StreamKey,
        state: Mapping[str, Any],
        applicants: Mapping[str, Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        role = self._chance.choice(sorted(action.roles))
        if role == "applicant":
            own = applicants.get(key.stream)
            return own if own is not None else {"actor": "ap_stranger", "roles": ["applicant"]}
        actor = _in(state, "delivery", "courier") if role in ("courier", "office_clerk") else None
        return {"actor": self._mostly(actor, reference("st", role, key.city)), "roles": [role]}

    def _stream(self, house: SimHouse, prefix: str) -> StreamKey | None:
        """One of this kind; now and then one of any kind, under the wrong name."""
        keys = list(house.disk.rows)
        kind = [key for key in keys if key.stream.startswith(prefix)]
        if not kind or self._chance.random() < 0.02:
            kind = keys
        return self._chance.choice(kind) if kind else None

    def _value(self, name: str, kind: Any, state: Mapping[str, Any], now: datetime) -> Any:
        make = self._fields.get(name)
        if make is not None:
            value = make(state, now)
            return value if not isinstance(value, str) or _takes(kind, value) else _any_of(kind, self._chance)
        return _any_of(kind, self._chance)

    def _mostly(self, right: Any, wrong: Any) -> Any:
        return right if right is not None and self._chance.random() < 0.8 else wrong

    def _number(self) -> int:
        return self._chance.choice((1, 2, 7, 500, 1001, 999_999))

    def _waybill(self, state: Mapping[str, Any], now: datetime) -> Any:
        known = _in(state, "acceptance", "waybill") or _in(state, "handover", "waybill")
        return self._mostly(known, self._chance.choice(("ZA400000002CN", "ZB300000003CN")))

    def _place(self, state: Mapping[str, Any], now: datetime) -> str:
        known = _in(state, "order", "delivery_office")
        return self._mostly(known, self._chance.choice(("310000-A", "310101", "X-9")))

    def _courier(self, state: Mapping[str, Any], now: datetime) -> str:
        return self._mostly(_in(state, "delivery", "courier") or None, reference("st", "courier", "stranger"))

    def _scan(self, state: Mapping[str, Any], now: datetime) -> str:
        known = _in(state, "delivery", "scan_id") or None
        return self._mostly(known, reference("sc", self._chance.randrange(2**40)))


def _in(state: Mapping[str, Any], step: str, name: str) -> Any:
    found = state.get(step)
    return found.get(name) if isinstance(found, Mapping) else None


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
