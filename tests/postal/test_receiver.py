"""Somebody else who may receive it: known of while it can be handed over, against papers and a code, and never in the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from safehand.kernel.outcome import Refusal, sentence
from safehand.link.messages import Kind, ProofMethod, Reason
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.delivery.events import Claimed
from safehand.postal.item import Item, is_over
from safehand.postal.machines import ROLES
from safehand.postal.receiver.commands import NameReceiver, RecordForgotten, ReleaseReceiver
from safehand.postal.receiver.papers import WORDS, Paper
from safehand.postal.receiver.rules import QUEUE, may_receive
from safehand.postal.receiver.states import Receiver, State
from safehand.postal.undeliverable import commands as to_return
from tests.postal.house import CLERK, House, an_order

ALL = tuple(Paper)
CODE = ProofMethod.RECIPIENT_CODE


def name(house: House, number: int) -> list[str]:
    return house.do(NameReceiver(number=number, at=house.now))


def release(house: House, number: int) -> list[str]:
    return house.do(ReleaseReceiver(number=number, at=house.now))


def named(house: House, number: int = 1) -> House:
    assert name(house, number) == ["receiver.named"]
    return house


def by_agent(**changes: Any) -> dict[str, Any]:
    return {"receiver": "agent", "papers_seen": ALL, **changes}


# ---------------------------------------------------------------- what the authority says


def test_the_latest_that_was_said_holds_and_old_news_changes_nothing():
    house = named(House().ordered(), 2)
    assert name(house, 2) == name(house, 1) == release(house, 1) == []
    assert name(house, 3) == ["receiver.named"]
    assert release(house, 3) == ["receiver.released"]
    assert name(house, 3) == release(house, 3) == []
    assert (house.item.receiver.state, house.item.receiver.number) == (State.RELEASED, 3)
    assert name(house, 4) == ["receiver.named"]


def test_a_release_that_comes_first_holds():
    house = House().ordered()
    assert release(house, 1) == ["receiver.released"]
    assert name(house, 1) == []
    assert house.item.receiver.state is State.RELEASED


def test_of_an_order_that_nobody_knows_nothing_is_taken():
    house = House()
    for command in (NameReceiver(number=1, at=house.now), ReleaseReceiver(number=1, at=house.now)):
        assert house.why_not(command) == "acceptance.order_unknown"


def delivered() -> House:
    house = House().claimed()
    house.do(house.proof())
    return house


def recalled() -> House:
    house = House().at_office()
    house.do(to_return.Recall(waybill=house.waybill, reason=Reason.RECALLED))
    return house


def lost() -> House:
    house = House().with_courier()
    house.do(to_return.OpenIncident(waybill=house.waybill, reason=Reason.LOST))
    return house


def cancelled() -> House:
    house = House().ordered()
    house.do(to_accept.Cancel())
    return house


def turned_away() -> House:
    house = House()
    house.do(an_order(destination=659000))
    return house


@pytest.mark.parametrize("over", [delivered, recalled, lost, cancelled, turned_away])
def test_of_what_is_over_nobody_is_known(over: Callable[[], House]):
    house = over()
    assert is_over(house.item)
    assert name(house, 1) == release(house, 1) == house.do(RecordForgotten()) == []
    assert house.item.receiver == Receiver()


@pytest.mark.parametrize(
    "end",
    [
        lambda house: house.do(house.proof()),
        lambda house: house.do(to_return.OpenIncident(waybill=house.waybill, reason=Reason.STOLEN)),
    ],
)
def test_whoever_was_named_is_forgotten_once_it_is_over_and_not_before(end: Callable[[House], object]):
    house = named(House().claimed())
    assert QUEUE not in house.waits()
    assert house.do(RecordForgotten()) == []
    end(house)
    assert house.waits()[QUEUE].owner == "system"
    assert house.do(RecordForgotten()) == ["receiver.forgotten"]
    assert QUEUE not in house.waits()
    assert house.do(RecordForgotten()) == name(house, 2) == []


def test_who_is_released_waits_for_no_job():
    house = named(House().claimed())
    release(house, 1)
    house.do(house.proof())
    assert QUEUE not in house.waits()


# ---------------------------------------------------------------- at the door and at the counter


def at_door(house: House, **changes: Any) -> Any:
    return house.claiming(**changes)


def at_counter(house: House, **changes: Any) -> Any:
    return house.claiming_at_counter(**{"method": CODE, "code": "482913"} | changes)


PLACES = pytest.mark.parametrize(
    ("claiming", "start"), [(at_door, House.with_courier), (at_counter, House.held)]
)


@PLACES
def test_an_agent_with_all_papers_is_claimed_for_and_the_journal_says_so(claiming: Any, start: Any):
    house = named(start(House()))
    assert house.do(claiming(house, **by_agent(papers_seen=(*reversed(ALL),)))) == ["delivery.claimed"]
    [claimed] = [event for _, event in house.journal if isinstance(event, Claimed)]
    assert (claimed.receiver, claimed.papers) == ("agent", tuple(sorted(ALL)))
    # The authority is told what it always was: whose code it is, it sees itself.
    assert len(house.bodies(Kind.DELIVERY_CLAIMED)) == 1


@PLACES
@pytest.mark.parametrize("seen", [(), (Paper.RECEIPT,), (Paper.AGENT_ID_CARD, Paper.APPLICANT_ID_CARD)])
def test_without_all_papers_nobody_else_receives_it_and_each_that_is_missing_is_named(
    claiming: Any, start: Any, seen: Sequence[Paper]
):
    house = named(start(House()))
    refusal = house.refuse(claiming(house, **by_agent(papers_seen=seen)))
    assert refusal.code == "receiver.papers_not_seen"
    for paper, words in WORDS.items():
        for language, word in zip(("en", "zh"), words, strict=True):
            assert (word in sentence(refusal, language)) is (paper not in seen)  # type: ignore[arg-type]


@PLACES
def test_nobody_else_receives_it_who_is_not_named_or_not_any_more(claiming: Any, start: Any):
    house = start(House())
    assert house.why_not(claiming(house, **by_agent())) == "receiver.nobody_named"
    named(house)
    release(house, 1)
    assert house.why_not(claiming(house, **by_agent())) == "receiver.no_longer"


def test_an_agent_is_proven_by_the_own_code_alone():
    door, counter = named(House().with_courier()), named(House().held())
    session = {"method": ProofMethod.RECIPIENT_SESSION, "code": ""}
    assert door.why_not(door.claiming(**by_agent(**session))) == "receiver.by_code_only"
    # The identity word would be the applicant's, whose card an agent brings along.
    assert counter.why_not(counter.claiming_at_counter(**by_agent())) == "receiver.by_code_only"


@PLACES
@pytest.mark.parametrize("known", ["nobody", "named", "released"])
@pytest.mark.parametrize("papers", [(), ALL])
def test_the_recipient_is_never_stopped_by_any_of_this(
    claiming: Any, start: Any, known: str, papers: Sequence[Paper]
):
    house = start(House())
    if known != "nobody":
        named(house)
    if known == "released":
        release(house, 1)
    assert house.do(claiming(house, papers_seen=papers)) == ["delivery.claimed"]


def test_what_stops_every_claim_is_said_first_and_a_refused_agent_uses_up_no_question():
    house = named(House().held())
    assert house.why_not(house.claiming(**by_agent(papers_seen=()))) == "delivery.not_with_courier"
    for _ in range(8):
        assert house.why_not(at_counter(house, **by_agent(papers_seen=()))) == "receiver.papers_not_seen"
    assert house.item.asked.at == ()
    assert house.do(house.claiming_at_counter(clerk=CLERK)) == ["delivery.claimed"]


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_an_answer(state: State):
    answer = may_receive(Receiver(state=state, number=1), method=CODE, papers=ALL)
    assert (answer is None) is (state is State.NAMED)
    assert answer is None or isinstance(answer, Refusal)


def test_only_the_authority_says_who_is_named():
    assert ROLES[NameReceiver] == ROLES[ReleaseReceiver] == {"authority"}
    assert ROLES[RecordForgotten] == {"system"}


def test_what_was_written_before_anybody_could_be_named_is_the_recipients():
    [claimed] = [event for _, event in House().claimed().journal if isinstance(event, Claimed)]
    raw = msgspec.to_builtins(claimed)
    del raw["receiver"], raw["papers"]
    assert msgspec.convert(raw, Claimed, strict=False) == claimed
    assert msgspec.json.decode(b"{}", type=Item).receiver == Receiver()
