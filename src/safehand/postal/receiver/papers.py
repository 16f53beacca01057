"""Who says to stand at the door, and which papers must have been looked at when it is not the recipient."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

Who = Literal["recipient", "agent"]
"""Who is to be handed the envelope, as the courier or clerk sees it. Whose code it is, only the authority knows."""


class Paper(StrEnum):
    """What somebody else must show (policy, at the door: receipt and both ID cards)."""

    AGENT_ID_CARD = "agent_id_card"
    APPLICANT_ID_CARD = "applicant_id_card"
    RECEIPT = "receipt"


WORDS: Final[Mapping[Paper, tuple[str, str]]] = {
    Paper.AGENT_ID_CARD: ("the agent's own ID card", "代收人本人的居民身份证"),
    Paper.APPLICANT_ID_CARD: ("the applicant's ID card", "申请人的居民身份证"),
    Paper.RECEIPT: ("the application's receipt number", "申请的受理编号"),
}
