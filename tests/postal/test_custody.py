"""Who has the envelope: one account at every moment, each move with giver and taker, an offer voided or taken."""

import pytest

from safehand.kernel.machine import Move
from safehand.kernel.steps import MoveNotInTable
from safehand.postal.custody import events
from safehand.postal.custody.rules import fold, move
from safehand.postal.custody.states import Custody, State
from tests.postal.house import ORDER, START, House


def lines(house: House) -> list[tuple[str, str, str]]:
    """The book of the one item, replayed from the journal."""
    machine = house.machines["item"]
    state, found = machine.initial(None), []  # type: ignore[arg-type]
    for stream, event in house.journal:
        if stream == ORDER:
            found += [(line.giver, line.taker, line.phase) for line in machine.moves(state, event)]
            state = machine.fold(state, event, house.now)
    return found


def test_the_whole_way_is_a_chain_of_givers_and_takers():
    house = House().claimed()
    house.do(house.proof())
    assert lines(house) == [
        ("issued", "sender", "opened"),
        ("sender", "office:310000-A", "moved"),
        ("office:310000-A", "vehicle:LEG-1", "moved"),
        ("vehicle:LEG-1", "office:310115", "moved"),
        ("office:310115", "courier:co_courier", "moved"),
        ("courier:co_courier", "recipient", "offered"),
        ("courier:co_courier", "recipient", "accepted"),
    ]


def test_a_refused_proof_voids_the_offer_in_the_book():
    house = House().claimed()
    house.do(house.proof_refusal())
    assert lines(house)[-1] == ("courier:co_courier", "recipient", "refused")


def test_an_item_that_only_stays_where_it_is_writes_no_line():
    custody = Custody(state=State.AT_OFFICE, account="office:310115")
    assert move(custody, events.ToOffice(taker="office:310115", acted_at=START), ORDER) is None


def test_a_proof_for_what_was_left_elsewhere_moves_it_out_of_the_incident():
    custody = Custody(state=State.IN_INCIDENT, account="incident")
    taken = Move(unit=ORDER, giver="incident", taker="recipient", phase="moved")
    assert move(custody, events.TakenByRecipient(), ORDER) == taken


def test_no_act_takes_an_item_out_of_the_recipients_hands():
    custody = Custody(state=State.WITH_RECIPIENT, account="recipient")
    with pytest.raises(MoveNotInTable):
        fold(custody, events.ToOffice(taker="office:310115", acted_at=START), START)


def test_the_tallies_count_items_by_state_and_by_kind_of_holder():
    house = House().claimed()
    house.do(house.proof())
    assert {name: n for name, n in house.tallies.items() if n} == {
        "item.delivered": 1,
        "custody.recipient": 1,
    }
