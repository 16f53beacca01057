"""What couriers do with what is in their hands: most deliver it; dishonest ones have a strategy, and are found out.

A strategy looks like honest work to the system for as long as it can. The world knows since when the document is gone, and
`Detection` when somebody honest could have known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from safehand.link.messages import ProofMethod, Reason
from safehand.postal.receiver.papers import Paper
from safehand.programme.launch import duties
from safehand.programme.launch.duties import PAUSE, Act, Moment
from safehand.programme.launch.houses import Line
from safehand.programme.launch.people import reference
from safehand.simulation.crowd import door_claim, wished_otherwise
from safehand.simulation.world import Place, World

DISHONEST_SHARE: Final = 0.03
GUESSES: Final = 3
PAPERS: Final = [str(paper) for paper in Paper]


@dataclass(kw_only=True)
class Theft:
    """What a dishonest courier did with one item."""

    order: str
    strategy: str
    since: datetime
    found_at: datetime | None = None


@dataclass(kw_only=True)
class Street:
    """What happens outside of the system: thefts, and codes that people give away."""

    world: World
    code_of: Callable[[str], str]
    """Order -> the code that its recipient was sent."""
    agents_code_of: Callable[[str], str]
    """Order -> the code that whoever else may receive it was sent."""
    thefts: dict[str, Theft] = field(default_factory=dict)
    swapped: dict[str, str] = field(default_factory=dict)
    left_once: set[str] = field(default_factory=set)
    """What was left with a neighbour once is brought to the right door afterwards, whoever the courier is (seed 226)."""

    def stolen(self, line: Line, m: Moment, strategy: str) -> None:
        """The envelope is with the thief from now on."""
        if line.stream not in self.thefts:
            self.thefts[line.stream] = Theft(order=line.stream, strategy=strategy, since=m.now)
            courier = line.state["delivery"]["courier"] if line.state else ""
            self.world.take_away(line.stream, Place("thief", courier), m.now, strategy)

    def emptied(self, line: Line, m: Moment, strategy: str) -> None:
        """The document is with the thief; the envelope goes on, empty or with a fake."""
        if line.stream not in self.thefts:
            self.thefts[line.stream] = Theft(order=line.stream, strategy=strategy, since=m.now)
            self.world.take_out(line.stream, Place("thief"), m.now, strategy)


Strategy = Callable[[Line, Moment, Street], Act | None]


def _courier(line: Line) -> Mapping[str, Any]:
    return {"actor": (line.state or {})["delivery"]["courier"], "roles": ["courier"]}


def _item(line: Line, **fields: Any) -> dict[str, Any]:
    state = line.state or {}
    return {
        "city": line.city,
        "item": line.stream,
        "waybill": state["acceptance"]["waybill"],
        **fields,
    }


def _failed(line: Line, m: Moment, reason: Reason) -> Act:
    delivery = (line.state or {})["delivery"]
    attempt = delivery.get("attempts", 0) + 1
    item = _item(line, reason=int(reason), attempt=attempt, place=delivery["office"], occurred_at=m.now)
    return Act(_courier(line), "delivery.fail", item)


def claims_and_keeps(line: Line, m: Moment, street: Street) -> Act | None:
    """Says that the recipient confirms in the own session, and has never been there."""
    street.stolen(line, m, "claims_and_keeps")
    return door_claim(line, m, ProofMethod.RECIPIENT_SESSION)


def says_absent_and_keeps(line: Line, m: Moment, street: Street) -> Act | None:
    """Reports an absent recipient, and scans an envelope back that stays in the bag."""
    street.stolen(line, m, "says_absent_and_keeps")
    return _failed(line, m, Reason.ABSENT)


def says_nothing(line: Line, m: Moment, street: Street) -> Act | None:
    """Is never seen again with it."""
    street.stolen(line, m, "says_nothing")
    return None


def empties_and_returns(line: Line, m: Moment, street: Street) -> Act | None:
    """Takes the document out, and brings the envelope back as refused by the recipient."""
    street.emptied(line, m, "empties_and_returns")
    return _failed(line, m, Reason.REFUSED)


def hands_over_a_fake(line: Line, m: Moment, street: Street) -> Act | None:
    """Puts a fake into the envelope; the recipient opens it at the door and sees it."""
    street.emptied(line, m, "hands_over_a_fake")
    item = _item(line, reason=int(Reason.MISPRINT), occurred_at=m.now)
    return Act(_courier(line), "delivery.reject_at_door", item)


def says_neighbour(line: Line, m: Moment, street: Street) -> Act | None:
    """Reports it left with a neighbour who does not exist."""
    street.stolen(line, m, "says_neighbour")
    return Act(
        _courier(line), "delivery.report_nonconforming", _item(line, carrier_code="20", occurred_at=m.now)
    )


def coaxes_the_code(line: Line, m: Moment, street: Street) -> Act | None:
    """Gets the code by telephone, under a pretext, and keeps the envelope: the proof is genuine, the delivery is not."""
    code = street.code_of(line.stream)
    if not code:
        return _honest(line, m, street)
    street.stolen(line, m, "coaxes_the_code")
    return door_claim(line, m, ProofMethod.RECIPIENT_CODE, code)


def says_lost(line: Line, m: Moment, street: Street) -> Act | None:
    """Reports it lost, and has it."""
    street.stolen(line, m, "says_lost")
    return Act(_courier(line), "undeliverable.open_incident", _item(line, reason=int(Reason.LOST)))


def guesses_codes(line: Line, m: Moment, street: Street) -> Act | None:
    """Tries codes until no more are taken."""
    street.stolen(line, m, "guesses_codes")
    claims = (line.state or {})["delivery"].get("claims", 0)
    return door_claim(line, m, ProofMethod.RECIPIENT_CODE, f"{claims:08d}")


def takes_days(line: Line, m: Moment, street: Street) -> Act | None:
    """Keeps it over some nights, and delivers it at last."""
    if "takes_days" not in [t.strategy for t in (street.thefts.get(line.stream),) if t is not None]:
        street.thefts[line.stream] = Theft(order=line.stream, strategy="takes_days", since=m.now)
    late = street.thefts[line.stream].since + timedelta(days=3) <= m.now
    return _honest(line, m, street) if late else None


def moves_it_elsewhere(line: Line, m: Moment, street: Street) -> Act | None:
    """Says that the recipient moved, so that it goes to a counter where a friend waits; keeps it on the way."""
    street.stolen(line, m, "moves_it_elsewhere")
    return _failed(line, m, Reason.MOVED)


def swaps_two(line: Line, m: Moment, street: Street) -> Act | None:
    """Hands each of two recipients the other's envelope; neither confirms what bears another's number."""
    world = street.world
    if line.stream in street.swapped or line.stream not in world.envelopes:
        return _failed(line, m, Reason.ABSENT)
    here = world.envelopes[line.stream].place
    other = next(
        (
            order
            for order, envelope in sorted(world.envelopes.items())
            if order != line.stream and envelope.place == here and order not in street.swapped
        ),
        None,
    )
    if other is None:
        return _honest(line, m, street)
    world.swap(line.stream, other, m.now, "swaps_two")
    for order, partner in ((line.stream, other), (other, line.stream)):
        street.swapped[order] = partner
        street.thefts[order] = Theft(order=order, strategy="swaps_two", since=m.now)
    return _failed(line, m, Reason.ABSENT)


STRATEGIES: Final[Mapping[str, Strategy]] = {
    "claims_and_keeps": claims_and_keeps,
    "says_absent_and_keeps": says_absent_and_keeps,
    "says_nothing": says_nothing,
    "empties_and_returns": empties_and_returns,
    "hands_over_a_fake": hands_over_a_fake,
    "says_neighbour": says_neighbour,
    "coaxes_the_code": coaxes_the_code,
    "says_lost": says_lost,
    "guesses_codes": guesses_codes,
    "takes_days": takes_days,
    "moves_it_elsewhere": moves_it_elsewhere,
    "swaps_two": swaps_two,
}


def strategy_of(order: str, m: Moment) -> str | None:
    """Which strategy this item meets; mostly none."""
    if not m.chance.happens(DISHONEST_SHARE, "dishonest", order):
        return None
    names = sorted(STRATEGIES)
    return names[int(m.chance.share("strategy", order) * len(names))]


def at_door(line: Line, m: Moment, street: Street) -> Act | None:
    """The courier's next act with an item that is with them."""
    if line.since + PAUSE > m.now:
        return None
    delivery = (line.state or {})["delivery"]
    strategy = strategy_of(line.stream, m)
    if line.owner == "postal_manager" and not street.world.is_there(line.stream):
        # The round is long over, and the manager has asked where it is.
        manager = {"actor": reference("st", "postal_manager", line.city), "roles": ["postal_manager"]}
        if m.waited(line, timedelta(hours=12), timedelta(hours=40)):
            return Act(manager, "undeliverable.open_incident", _item(line, reason=int(Reason.LOST)))
        return None
    if delivery["state"] == "attempted":
        return duties.bring_back(line, m)
    if strategy is None or (
        line.stream in street.thefts and strategy == "takes_days" and _late(line, m, street)
    ):
        return _honest(line, m, street)
    return STRATEGIES[strategy](line, m, street)


def approaching(line: Line, m: Moment) -> Act | None:
    """Some say that they are near, on their way to the door."""
    delivery = (line.state or {})["delivery"]
    silent = delivery["state"] != "with_courier" or not m.chance.happens(0.3, line.stream, line.since, "near")
    if silent or line.since + PAUSE > m.now:
        return None
    return Act(_courier(line), "delivery.approach", _item(line, occurred_at=m.now))


def _late(line: Line, m: Moment, street: Street) -> bool:
    return street.thefts[line.stream].since + timedelta(days=3) <= m.now


def _honest(line: Line, m: Moment, street: Street) -> Act | None:
    """At the door; half of the recipients say their code, if the text message came. Most couriers read what is wished."""
    wish = wished_otherwise(line, m)
    if wish and m.chance.happens(0.7, line.stream, line.since, "reads"):
        return _failed(
            line, m, Reason.WANTS_COUNTER if wish == "counter" else Reason.RESCHEDULED_BY_RECIPIENT
        )
    act = duties.at_door(line, m)
    if (
        act is not None
        and act.action == "delivery.fail"
        and m.chance.happens(0.2, line.stream, line.since, "tired")
    ):
        # Nobody was there, and nobody wished anything: it counts as an attempt whatever is typed.
        return _failed(line, m, Reason.RESCHEDULED_BY_RECIPIENT)
    if act is not None and act.action == "delivery.report_nonconforming":
        if line.stream in street.left_once:
            return door_claim(line, m, ProofMethod.RECIPIENT_SESSION)
        street.left_once.add(line.stream)
    if act is None or act.action != "delivery.claim" or act.item.get("code"):
        return act
    somebody_else = _somebody_else(line, m, street)
    if somebody_else is not None:
        return somebody_else
    code = street.code_of(line.stream)
    if code and m.chance.happens(0.5, line.stream, "by code"):
        return door_claim(line, m, ProofMethod.RECIPIENT_CODE, code)
    return act


def _somebody_else(line: Line, m: Moment, street: Street) -> Act | None:
    """Whoever was named opens the door, maybe after it was taken back, and says the code that was sent to them.

    Some have left a paper at home at first; some couriers do not look, and say that it was the recipient.
    """
    code, chance = street.agents_code_of(line.stream), m.chance
    claimed = (line.state or {})["delivery"].get("claims", 0) > 0
    if claimed or not code or not chance.happens(0.6, line.stream, "somebody else is at home"):
        return None
    if chance.happens(0.15, line.stream, "the courier does not look"):
        return door_claim(line, m, ProofMethod.RECIPIENT_CODE, code)
    known = (line.state or {}).get("receiver", {}).get("state") == "named"
    if not known and not chance.happens(0.5, line.stream, "insists", m.now):
        return None
    forgot = chance.happens(0.15, line.stream, "left it at home", m.now)
    papers = PAPERS[:-1] if forgot else PAPERS
    return door_claim(line, m, ProofMethod.RECIPIENT_CODE, code, receiver="agent", papers_seen=papers)
