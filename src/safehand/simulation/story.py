"""A failure told in sentences: what happened to one thing, in both houses, in order, up to what must never be."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from safehand.kernel.machine import StreamKey
from safehand.simulation.checker import Violation

if TYPE_CHECKING:
    from safehand.simulation.run import Run

LINES_MAX: Final = 80
FACTS_SHOWN: Final = (
    "order",
    "waybill",
    "reason",
    "office",
    "courier",
    "place",
    "account",
    "make",
    "blank",
    "bag",
    "day",
)


def told(run: "Run", violation: Violation) -> list[str]:
    """The story of the stream that a violation names, and of what hangs on it."""
    names = _names(run, violation)
    lines = sorted(_lines(run, names), key=lambda line: line[0])
    said = [f"{(at + timedelta(hours=8)):%Y-%m-%d %H:%M} {text}" for at, text in lines[-LINES_MAX:]]
    for order in sorted(names):
        envelope, theft = run.world.envelopes.get(order), run.street.thefts.get(order)
        if envelope is not None:
            said.append(f"in truth the envelope of {order} is {' '.join(envelope.place)}")
        if theft is not None:
            said.append(f"a courier took it at {theft.since:%Y-%m-%d %H:%M}: {theft.strategy}")
    return said


def _names(run: "Run", violation: Violation) -> set[str]:
    names = {violation.stream, violation.what.rpartition(" ")[2]}
    named = [order for order, (_, case) in run.orders.items() if names & {order, case}]
    return names.union(*({order, run.orders[order][1]} for order in named))


def _lines(run: "Run", names: set[str]) -> Iterator[tuple[datetime, str]]:
    for house in run.houses.values():
        for key, events in house.disk.journal.items():
            if key.stream in names:
                for one in events:
                    yield one.at, _sentence(house.name, key, one.kind, one.actor, one.body)
        for row in house.disk.parked.values():
            if row.subject in names:
                yield row.at, f"{house.name} parked message {row.number} of kind {row.kind}: {row.reason}"


def _sentence(house: str, key: StreamKey, kind: str, actor: str, body: bytes) -> str:
    step, _, what = kind.partition(".")
    facts: Mapping[str, Any] = msgspec.json.decode(body)
    shown = ", ".join(f"{name} {facts[name]}" for name in FACTS_SHOWN if facts.get(name) not in (None, "", 0))
    who = {"clock": "the clock"}.get(actor, actor)
    return f"{house}, {key.stream[:9]}…: {step}: {what.replace('_', ' ')}, by {who}{f' ({shown})' if shown else ''}"
