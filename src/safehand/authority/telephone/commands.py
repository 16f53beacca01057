"""What can be asked of a telephone number, and by whom. `change` numbers the changes of a case: a code opens no other one."""

from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command

CHANGES_MAX: Final = 5
"""In one case."""
CODES_MAX: Final = 5
"""Wrong codes for one number (as at the door: postal facts, PIN practice)."""
Change = Annotated[int, Meta(ge=1, le=CHANGES_MAX + 1)]


class AskPhoneChange(Command, frozen=True, kw_only=True, tag="telephone.ask"):
    """Use another number. It goes into the vault with it; only the page asks, after a fresh sign-in."""

    change: Change


class ProvePhone(Command, frozen=True, kw_only=True, tag="telephone.prove"):
    """The code that was sent to it. Only the page proves, which knows whether it fits; with a right one the vault is sealed anew."""

    change: Change
    code_matches: bool


class StopPhoneChange(Command, frozen=True, kw_only=True, tag="telephone.stop"):
    """Leave the old number: the applicant, or the manager when the applicant rings."""

    change: Change


class PhoneChangeExpired(Command, frozen=True, kw_only=True, tag="telephone.expired"):
    """The clock: nobody has said the code."""


TelephoneCommand = AskPhoneChange | ProvePhone | StopPhoneChange | PhoneChangeExpired

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    AskPhoneChange: frozenset({"applicant"}),
    ProvePhone: frozenset({"applicant"}),
    StopPhoneChange: frozenset({"applicant", "authority_manager"}),
    PhoneChangeExpired: frozenset({"system"}),
}
