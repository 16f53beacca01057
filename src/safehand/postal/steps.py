"""What the post's steps share: a clock that runs out is told to the manager; scan names that follow from a fact."""

from base64 import b32encode
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from safehand.kernel.machine import Event
from safehand.kernel.steps import Step, Table
from safehand.kernel.steps import moved as moved_by_table


class PostalStep(Step, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an item or a bag."""

    escalated: bool = False
    """The state's clock ran out: its work stands with the postal manager until the state changes."""


P = TypeVar("P", bound=PostalStep)


def moved(step: P, event: Event, at: datetime, table: Table, **changes: Any) -> P:
    """The step after the event by its table; what was escalated is not so in the next state."""
    after = moved_by_table(step, event, at, table, **changes)
    if after.escalated and after.state is not step.state:
        return msgspec.structs.replace(after, escalated=False)
    return after


def scan_name(*, order: str, what: str, number: int) -> str:
    """The name of a scan that no device made (holding after a round, a return by the clock): always the same one."""
    digest = sha256(f"{order}\x1f{what}\x1f{number}".encode()).digest()[:15]
    return "sn_" + b32encode(digest).decode("ascii").lower()
