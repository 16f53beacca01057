"""The states of an applicant's contact, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.contact import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class ContactState(StrEnum):
    """Whether messages arrive."""

    NONE = "none"
    UNREACHABLE = "unreachable"


S = ContactState

WORDS: Final = {
    S.NONE: ("reached, as far as we know", "可以联系到"),
    S.UNREACHABLE: ("not reached by any message", "短信和邮件均无法送达"),
}

TABLE: Final[Table] = {
    (S.NONE, e.ContactLost): S.UNREACHABLE,
    (S.UNREACHABLE, e.ContactRegained): S.NONE,
    (S.UNREACHABLE, e.ContactRanLate): S.UNREACHABLE,
}
WAITING: Final = {S.UNREACHABLE: Wait("authority_manager", "contact_working_days", "authority_manager")}
TERMINAL: Final = frozenset[ContactState]()
QUEUE: Final = f"contact.{S.UNREACHABLE}"


class Contact(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the applicant hears us."""

    state: ContactState = S.NONE
