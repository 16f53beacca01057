"""What a receipt says beside its number: which clocks hold for this application, of the authority and of the applicant. Pure."""

from datetime import date
from typing import NamedTuple

from safehand.authority.case import Case
from safehand.authority.cities.city import Clocks
from safehand.authority.notices.wording import Both
from safehand.authority.rulebook import Rulebook

GROUP = 5
"""Digits of a receipt number that stand together: fifteen at once nobody reads over the phone."""


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


def _fetching(case: Case, clocks: Clocks) -> tuple[Term, ...]:
    if case.application.mode != "counter":
        return ()
    return (Term(Both(zh="窗口保管，等您领取", en="Kept at the counter for you"), _days(clocks.pickup_days)),)


def _working(days: int) -> Both:
    return Both(zh=f"至多 {days} 个工作日", en=f"at most {days} working {'day' if days == 1 else 'days'}")


def _days(days: int) -> Both:
    return Both(zh=f"{days} 天内", en=f"within {days} {'day' if days == 1 else 'days'}")
