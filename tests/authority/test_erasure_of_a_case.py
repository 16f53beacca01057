"""The person of a case is erased once the case has ended, and the post is told under every order."""

from safehand.authority.made_documents import RecordRegisterDone
from safehand.authority.returns.commands import ResendReturn
from safehand.authority.tracking.commands import DenyReceipt
from safehand.house.erasure import OrderErasure, RecordErased
from safehand.link.messages import Kind, PersonErased
from tests.authority.house import WITHDRAW, House

ERASE = OrderErasure()


def ended(house: House) -> House:
    """With nothing owed to the register any more."""
    while house.case.papers.owed:
        entry = house.case.papers.owed[0]
        house.ok(RecordRegisterDone(work=entry.work, make=entry.make), actor="system")
    return house


def test_nobody_is_erased_while_anything_is_still_to_come():
    for house in (House().submitted(), House().paid(), House().with_post(), House().delivered()):
        assert house.no(ERASE) == "erasure.still_live"
    refunded = House().paid()
    refunded.ok(WITHDRAW)
    assert refunded.no(ERASE) == "erasure.still_live"


def test_what_has_ended_is_erased_once_and_the_job_has_it_on_its_list_until_then():
    house = ended(House().delivered())
    assert house.waits() == {}
    assert house.ok(ERASE) == ["erasure.ordered"]
    line = house.waits()["erasure.ordered"]
    assert (line.owner, line.group, line.since) == ("system", house.case.application.office, house.now)
    assert house.ok(ERASE) == []
    assert house.ok(RecordErased(), actor="system") == ["erasure.done"]
    assert house.ok(RecordErased(), actor="system") == []
    assert house.waits() == {}


def test_a_withdrawn_case_without_an_order_tells_the_post_nothing():
    house = House().submitted()
    house.ok(WITHDRAW)
    assert house.ok(ERASE) == ["erasure.ordered"]
    assert house.messages == []


def test_the_post_is_told_under_every_order_that_there_was():
    house = House().returned()
    house.ok(ResendReturn())
    first, second = house.case.handover.placed
    house.label()
    house.seal()
    house.offer("bg_b")
    house.accept("bg_b")
    house.ok(house.claim(), actor="postal")
    ended(house).ok(ERASE)
    told = house.messages[-2:]
    assert [(one.kind, one.subject, one.peer) for one in told] == [
        (Kind.PERSON_ERASED, first, "postal"),
        (Kind.PERSON_ERASED, second, "postal"),
    ]
    assert [one.body for one in told] == [
        PersonErased(order=order, at=house.now) for order in (first, second)
    ]


def test_after_the_erasure_nothing_can_be_denied_any_more():
    house = ended(House().delivered())
    house.ok(ERASE)
    assert house.no(DenyReceipt(), actor="ap_one") == "erasure.person_erased"
