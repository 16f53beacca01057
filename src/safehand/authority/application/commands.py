"""What can be asked of an application, and by whom."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.authority.cities.city import PostageChoice
from safehand.authority.documents.document import Ground
from safehand.authority.register.facts import RegisterFacts
from safehand.kernel.machine import Command

Part = Literal["photo", "signature", "id_card_front", "id_card_back", "form"]
PARTS: Final[tuple[Part, ...]] = ("photo", "signature", "id_card_front", "id_card_back", "form")
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Mode = Literal["post", "counter"]


class SubmitApplication(Command, frozen=True, kw_only=True, tag="application.submit"):
    """Apply. `facts` is the population register's answer for this very submission; it is not journaled."""

    document: Annotated[str, Meta(max_length=40)]
    ground: Ground
    mode: Mode
    destination: Annotated[int, Meta(ge=110000, le=829999)]
    office: Annotated[str, Meta(min_length=1, max_length=32)]
    travels: bool
    claim: Annotated[str, Meta(min_length=6, max_length=160)]
    """`live:<blind index>:<document>`."""
    receipt: Annotated[str, Meta(min_length=6, max_length=160)]
    """`receipt:<blind index>`: the claim upon the number of this drawing."""
    draw: Annotated[int, Meta(ge=0, le=99)] = 0
    """Which drawing of the receipt number it is: after a clash another is drawn."""
    agent: bool = False
    """Somebody is named who may receive it; who, is in the vault."""
    postage: PostageChoice | Literal[""] = ""
    """How the postage is paid; empty: as the city has it for whoever chooses nothing."""
    facts: RegisterFacts
    parts: Annotated[dict[Part, Digest], Meta(max_length=5)]


class CorrectApplication(Command, frozen=True, kw_only=True, tag="application.correct"):
    """Send the defective parts again."""

    parts: Annotated[dict[Part, Digest], Meta(max_length=5)]


class WithdrawApplication(Command, frozen=True, kw_only=True, tag="application.withdraw"):
    """Give up the application; possible until production starts."""


class CorrectionExpired(Command, frozen=True, kw_only=True, tag="application.correction_expired"):
    """The clock: seven days without the correction."""


ApplicationCommand = SubmitApplication | CorrectApplication | WithdrawApplication | CorrectionExpired

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    SubmitApplication: frozenset({"applicant"}),
    CorrectApplication: frozenset({"applicant"}),
    WithdrawApplication: frozenset({"applicant"}),
    CorrectionExpired: frozenset({"system"}),
}
