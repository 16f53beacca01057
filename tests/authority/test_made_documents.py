"""Documents that are invalid: where they are found, reported missing, or come back, one rule at a time."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from safehand.authority import made_documents as papers
from safehand.authority.made_documents import Account, MadeDocument, Papers
from safehand.authority.returns import commands as returns
from safehand.authority.rulebook import Moment
from safehand.authority.tracking import commands as tracking
from safehand.kernel.outcome import Refusal
from safehand.link.messages import ProofMethod, Reason

AT = datetime(2024, 6, 3, 1, 0, tzinfo=UTC)
ORDER, WAYBILL = "or_aaaaaaaaaaaaaaaaaaaa", "ZA000000005CN"
ITEM: Any = {"order": ORDER, "waybill": WAYBILL}
M = Moment(city=310000, now=AT, actor="st_one", book=None)  # type: ignore[arg-type]  # these rules look into no book
OLD = MadeDocument(
    make=2, blank=7, account=Account.RETURN_SHELF, since=AT, order=ORDER, waybill=WAYBILL, peer="post"
)
OFFERED = returns.RecordReturnOffered(**ITEM, reason=Reason.NOT_COLLECTED)
RECEIVED = returns.ReceiveReturn(waybill=WAYBILL)
CLAIMED = tracking.JudgeClaim(
    **ITEM,
    method=ProofMethod.RECIPIENT_CODE,
    code_matches=True,
    session_confirmed=False,
    claimed_at=AT,
    evidence=bytes(32),
)


def old(**changes: Any) -> MadeDocument:
    return msgspec.structs.replace(OLD, **changes)


def said(answer: Any) -> Any:
    """A refusal's code, or the events' names; none if the rule leaves it to another."""
    if answer is None or isinstance(answer, Refusal):
        return answer and answer.code
    return [type(event).__struct_config__.tag for event in answer]


# An invalid document is not in its envelope ----------------------------------------------------------------------


def missing(document: MadeDocument, *, second: str = "st_two", make: int = 2) -> Any:
    command = returns.ReportEmpty(make=make, second_person=second)
    return said(papers.report_missing(Papers(made=(document,)), command, M))


def test_an_invalid_document_that_is_not_in_its_envelope_is_reported_before_a_second_person():
    assert missing(old()) == ["document.old_missing"]
    assert missing(old(), second="st_one") == "returns.alone"


@pytest.mark.parametrize("account", [Account.POST, Account.RECIPIENT, Account.VAULT])
def test_only_an_envelope_on_the_return_shelf_can_be_opened(account: Account):
    assert missing(old(account=account)) == "returns.nothing_to_destroy"


def test_what_is_looked_for_already_needs_no_second_report():
    assert missing(old(account=Account.INCIDENT), second="st_one") == []


def test_about_a_valid_document_or_one_that_is_not_there_another_rule_answers():
    assert missing(old(valid=True)) is None
    assert missing(old(), make=3) is None


def test_a_report_names_the_document_and_who_saw_it():
    command = returns.ReportEmpty(make=2, second_person="st_two")
    answer = papers.report_missing(Papers(made=(old(make=1), old())), command, M)
    assert answer == [papers.OldDocumentMissing(make=2, second_person="st_two")]


# What the post does with it --------------------------------------------------------------------------------------


def about(document: MadeDocument, command: Any) -> Any:
    return said(papers.about_old(document, command, M))


def test_a_courier_never_hands_out_an_invalid_document():
    [refused] = papers.about_old(old(account=Account.POST), CLAIMED, M)  # type: ignore[misc]
    assert refused == papers.OldClaimRefused(
        order=ORDER, waybill=WAYBILL, peer="post", reason=int(Reason.NOT_IN_CUSTODY), at=AT
    )
    assert about(old(account=Account.INCIDENT), CLAIMED) == ["document.old_claim_refused"]


@pytest.mark.parametrize("command", [OFFERED, tracking.RecordFound(**ITEM)])
def test_what_came_back_already_is_late_news_whatever_the_post_says_of_it(command: Any):
    assert about(old(account=Account.INCIDENT, envelope="authority"), command) == []


def test_a_claim_is_answered_even_when_its_envelope_came_back():
    assert about(old(envelope="authority"), CLAIMED) == ["document.old_claim_refused"]


def test_only_what_was_looked_for_can_be_found():
    assert about(old(account=Account.INCIDENT), tracking.RecordFound(**ITEM)) == ["document.old_found"]
    assert about(old(account=Account.POST), tracking.RecordFound(**ITEM)) == []


def test_the_post_offers_what_it_has_or_has_found_once():
    assert about(old(account=Account.POST), OFFERED) == ["document.old_offered"]
    assert about(old(account=Account.INCIDENT), OFFERED) == ["document.old_offered"]
    assert about(old(account=Account.POST, pending=Account.RETURN_SHELF), OFFERED) == []
    assert about(old(), OFFERED) == []


def test_an_offer_of_what_was_sealed_as_delivered_and_handed_in_since_puts_the_book_right():
    assert about(old(envelope="recipient"), OFFERED) == ["document.old_contradicted"]
    assert about(old(envelope="recipient", account=Account.RECIPIENT), OFFERED) == []


def test_what_is_scanned_in_comes_from_the_post_or_is_handed_in_by_somebody():
    assert about(old(account=Account.POST), RECEIVED) == ["document.old_received"]
    assert about(old(account=Account.INCIDENT, envelope="recipient"), RECEIVED) == ["document.old_handed_in"]
    assert about(old(account=Account.INCIDENT, envelope="authority"), RECEIVED) == ["document.old_handed_in"]


def test_what_lies_on_the_return_shelf_was_scanned_in_already():
    assert about(old(), RECEIVED) == []


# Found by order and waybill --------------------------------------------------------------------------------------


def test_an_old_document_is_found_by_the_order_and_the_waybill_it_went_out_with():
    kept = Papers(made=(old(make=1, order="", waybill=""), old(), old(make=3, valid=True)))
    assert kept.old_by_order(ORDER) == old() == kept.old_by_waybill(WAYBILL)
    assert kept.old_by_order("or_bbbbbbbbbbbbbbbbbbbb") is None is kept.old_by_waybill("ZA000000014CN")


def test_one_that_never_went_out_is_found_by_no_empty_name():
    kept = Papers(made=(old(order="", waybill=""),))
    assert kept.old_by_order("") is None is kept.old_by_waybill("")


# Destruction -----------------------------------------------------------------------------------------------------


def destroyed(document: MadeDocument, **changes: Any) -> Any:
    asked = {"make": 2, "blank": 7, "first_witness": "st_one", "second_witness": "st_two"} | changes
    return said(papers.destroy(Papers(made=(document,)), returns.DestroyDocument(**asked)))


def test_what_is_invalid_and_in_the_house_is_destroyed_before_two_witnesses():
    assert destroyed(old()) == ["document.destroyed"]
    assert destroyed(old(), second_witness="st_one") == "returns.same_person"
    assert destroyed(old(), blank=8) == "returns.wrong_blank"


@pytest.mark.parametrize(
    "changes",
    [
        {"valid": True},
        {"account": Account.POST},
        {"account": Account.INCIDENT, "pending": Account.RETURN_SHELF},
        # Given up, and by the book the post has its envelope still: it would be offered for ever.
        {"account": Account.INCIDENT},
    ],
)
def test_what_is_valid_or_elsewhere_or_still_coming_is_not_destroyed(changes: dict[str, Any]):
    assert destroyed(old(**changes)) == "returns.nothing_to_destroy"


@pytest.mark.parametrize(
    "changes",
    [
        {"envelope": "authority"},
        {"envelope": "recipient"},
        {"order": "", "waybill": ""},
    ],
)
def test_what_was_given_up_and_is_not_with_the_post_is_destroyed_where_it_turns_up(changes: dict[str, Any]):
    assert destroyed(old(account=Account.INCIDENT, **changes)) == ["document.destroyed"]


# The register ----------------------------------------------------------------------------------------------------


def test_the_register_is_owed_each_entry_once_with_the_blank_of_its_document():
    due = papers.RegisterEntryDue(work="invalidate", make=2)
    kept = papers.fold(Papers(made=(old(),)), due, AT)
    assert kept.owed == (papers.RegisterEntry("invalidate", 2, AT, 7),)
    assert papers.fold(Papers(), due, AT).owed == (papers.RegisterEntry("invalidate", 2, AT, 0),)


def test_what_was_told_stays_told_when_more_is_told():
    kept = Papers(made=(old(),))
    for work in ("issue", "invalidate"):
        kept = papers.fold(kept, papers.RegisterEntryDue(work=work, make=2), AT)
    for work in ("issue", "invalidate"):
        kept = papers.fold(kept, papers.RegisterEntryDone(work=work, make=2), AT)
    assert (kept.owed, kept.told) == ((), ("issue:2", "invalidate:2"))
    again = papers.RecordRegisterDone(work="issue", make=2)
    assert papers.record_register_done(kept, again) == []
    assert said(papers.record_register_done(kept, papers.RecordRegisterDone(work="issue", make=1))) == (
        "register.not_due"
    )
