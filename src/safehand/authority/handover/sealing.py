"""What the clerk is told when a sealing caught a wrong envelope: that nothing was sealed, and what to do.

The catch itself is an event and stays on record (`rules.seal`); to the person who scanned it is a refusal.
"""

from collections.abc import Sequence

import msgspec

from safehand.authority.handover.refusals import WRONG_ENVELOPE
from safehand.house.front import Action, Asked
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done

SEAL = "handover.seal"
CAUGHT = "handover.wrong_envelope_caught"


def told_of_wrong_envelopes(actions: Sequence[Action]) -> list[Action]:
    """The same actions; that which seals answers a catch with a refusal."""
    return [_telling(action) if action.name == SEAL else action for action in actions]


def _telling(action: Action) -> Action:
    async def run(asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
        outcomes = await action.run(asked)
        return [_told(one, outcome) for one, outcome in zip(asked, outcomes, strict=True)]

    return msgspec.structs.replace(action, run=run)


def _told(one: Asked, outcome: Done | Refusal) -> Done | Refusal:
    if isinstance(outcome, Refusal) or CAUGHT not in outcome.events:
        return outcome
    waybill = outcome.state.handover.waybill
    differs = ("waybill", "运单号") if one.item.waybill != waybill else ("blank", "空白证件号")
    return WRONG_ENVELOPE(what_en=differs[0], what_zh=differs[1])
