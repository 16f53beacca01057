"""What a receipt says beside its number: which clocks hold for this application, of the authority and of the applicant, and what it costs. Pure."""

from datetime import date
from typing import Final, NamedTuple

from safehand.authority.case import Case
from safehand.authority.cities.city import CityOn, Clocks, PostageMode
from safehand.authority.notices.wording import Both, money_words
from safehand.authority.payment.states import PaymentState
from safehand.authority.portal.applying.postage import in_words
from safehand.authority.rulebook import Rulebook, postage_of
from safehand.kernel.outcome import Language

GROUP = 5
"""Digits of a receipt number that stand together: fifteen at once nobody reads over the phone."""


FEE: Final = Both(zh="证件费", en="Fee")
POSTAGE: Final = Both(zh="邮资", en="Postage")
TOGETHER: Final = Both(zh="网上共缴", en="Paid online, together")


class Term(NamedTuple):
    """One clock: what it is for, and how long."""

    what: Both
    length: Both


def receipt_words(receipt: str) -> str:
    """A receipt number in groups that can be read aloud; who copies it gets spaces, which the help line ignores."""
    return " ".join(receipt[at : at + GROUP] for at in range(0, len(receipt), GROUP))


def terms_of(*, book: Rulebook, case: Case, city: int, day: date) -> tuple[Term, ...]:
    """The clocks that the city sets an application of this kind; none where its rules have ended.

    Policy, clocks: review and issue at most 7 working days, correction 7 days, payment 7 days, production 3 working days,
    kept 90 days at the counter.
    """
    rules = book.city(city, day)
    if rules is None:
        return ()
    clocks = rules.clocks
    terms = [
        Term(Both(zh="我们审核", en="We examine"), _working(clocks.review_working_days)),
        Term(Both(zh="缴费后制证", en="We make it, once it is paid"), _working(clocks.produce_working_days)),
        Term(Both(zh="如需补正，您补正", en="You correct, if asked"), _days(clocks.correct_days)),
        Term(Both(zh="批准后，您缴费", en="You pay, once approved"), _days(clocks.pay_days)),
    ]
    return (*terms, *_fetching(case, clocks))


def costs_of(
    *, book: Rulebook, case: Case, city: int, day: date, language: Language
) -> list[tuple[str, str]]:
    """What is to be paid, fee and postage apart, and when; nothing once it is paid, or where the rules have ended.

    Once the payment is open its sums hold; before, those of today.
    """
    step, rules, document = case.payment, book.city(city, day), book.document(case.application.document, day)
    if step.state not in (PaymentState.NONE, PaymentState.AWAITING) or rules is None or document is None:
        return []
    fee_fen = step.fee_fen if step.state is PaymentState.AWAITING else document.fee_fen
    mode, postage_fen = _postage(case, rules, city)
    told = [(FEE, money_words(fee_fen, language)), (POSTAGE, in_words(mode, postage_fen, language))]
    if mode == "prepaid":
        told.append((TOGETHER, money_words(fee_fen + postage_fen, language)))
    return [(what.in_language(language), words) for what, words in told]


def _postage(case: Case, rules: CityOn, city: int) -> tuple[PostageMode, int]:
    step, payment = case.application, case.payment
    if payment.postage_fen:
        return "prepaid", payment.postage_fen
    # What is not asked for with the fee is paid at the door.
    chosen = step.postage if payment.state is PaymentState.NONE else "on_delivery"
    free = step.mode != "post"
    return postage_of(rules=rules.postage, city=city, destination=step.destination, free=free, chosen=chosen)


def _fetching(case: Case, clocks: Clocks) -> tuple[Term, ...]:
    if case.application.mode != "counter":
        return ()
    return (Term(Both(zh="窗口保管，等您领取", en="Kept at the counter for you"), _days(clocks.pickup_days)),)


def _working(days: int) -> Both:
    return Both(zh=f"至多 {days} 个工作日", en=f"at most {days} working {'day' if days == 1 else 'days'}")


def _days(days: int) -> Both:
    return Both(zh=f"{days} 天内", en=f"within {days} {'day' if days == 1 else 'days'}")
