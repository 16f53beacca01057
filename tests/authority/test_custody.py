"""The authority's side of the book of custody: which line an event writes, and what the case then knows of its documents."""

from datetime import timedelta

import pytest

from safehand.authority import custody
from safehand.authority.handover.events import HandoverOpened
from safehand.authority.production.commands import SpoilDocument
from safehand.authority.production.events import ProductionStarted
from safehand.authority.tracking.events import LossRecorded
from tests.authority.house import MONDAY, House


def lines(house: House, event: object) -> list[tuple[str, str, str]]:
    """Giver, taker and phase of each line that an event would write now."""
    return [(one.giver, one.taker, one.phase) for one in custody.moves(house.case, event)]  # type: ignore[arg-type]


def test_a_document_comes_into_the_book_when_it_is_drawn():
    started = ProductionStarted(make=1, blank=7)
    assert lines(House().paid(), started) == [
        ("issued", "vault", "opened"),
        ("vault", "production", "moved"),
    ]


def test_the_case_knows_which_blank_its_document_is_and_since_when_it_lies_where():
    house = House().drawn()
    [document] = house.case.papers.made
    assert (document.blank, document.account, document.since) == (
        house.case.production.blank,
        "production",
        house.now,
    )
    house.later(hours=1)
    house.make()
    [document] = house.case.papers.made
    assert (document.account, document.since) == ("handover_shelf", house.now)
    house.later(hours=1)
    house.label()
    [document] = house.case.papers.made
    assert document.since == house.now - timedelta(hours=1)


def test_a_document_that_lies_there_already_does_not_move():
    house = House().issued()
    opened = HandoverOpened(mode="post", free=False, due_at=MONDAY)
    assert lines(house, opened) == []
    assert custody.posted(case=house.case, event=opened, at=MONDAY) is house.case.papers


def test_an_offer_is_voided_before_the_document_goes_elsewhere():
    house = House().offered()
    assert lines(house, LossRecorded(by="post")) == [
        ("handover_shelf", "post", "refused"),
        ("handover_shelf", "incident", "moved"),
    ]


def test_what_no_event_of_custody_is_writes_nothing():
    house = House().issued()
    assert lines(house, house.events[0][1]) == []


def test_a_document_that_was_never_made_has_no_lines():
    with pytest.raises(LookupError, match="has no document"):
        custody.moves(House().paid().case, LossRecorded(by="post"))


def test_what_is_destroyed_leaves_the_papers_and_is_counted():
    house = House().drawn()
    house.ok(SpoilDocument(blank=house.case.production.blank, reason="misprint", witness="st_two"))
    assert house.case.papers.made == ()
    assert house.case.papers.destroyed == 1
