"""Plausible events of every class, made from their fields, for the tests of words and notices."""

from datetime import UTC, date, datetime
from typing import Any, get_origin

import msgspec

from safehand.link.messages import Reason, Scan

DUE = datetime(2024, 5, 12, 16, 0, tzinfo=UTC)
_SAMPLES: dict[str, Any] = {
    "due_at": DUE,
    "fee_fen": 12000,
    "amount_fen": 12000,
    "postage_fen": 12000,
    "defects": ("photo.blurred",),
    "cause": "payment",
    "waybill": "ZA000000005CN",
    "attempt": 1,
    "attempts_left": 4,
    "scan": int(Scan.OUT_FOR_DELIVERY),
    "mode": "post",
    "method": 1,
    "work": "issue",
    "remake": True,
    "by": "message",
    "topic": "where",
    "finding": 1,
    "outcome": "explained",
    "parts": {},
    "promise": "post",
    "day": date(2024, 5, 9),
    "why": "time",
}


def sample(event: Any) -> Any:
    """An event of a class, with plausible fields."""
    fields = {}
    for one in msgspec.structs.fields(event):
        if one.name in _SAMPLES:
            fields[one.name] = _SAMPLES[one.name]
        elif one.name == "reason":
            fields[one.name] = _reason(event, one.type)
        elif one.type is datetime:
            fields[one.name] = DUE
        else:
            fields[one.name] = {int: 1, bool: True, bytes: bytes(32)}.get(one.type, "x")
            if get_origin(one.type) is tuple:
                fields[one.name] = ()
    return event(**fields)


def _reason(event: Any, kind: Any) -> Any:
    if kind is int:
        return int(Reason.ABSENT)
    if event.__struct_config__.tag == "group.left":
        return "address"
    return "lost" if event.__struct_config__.tag == "document.invalidated" else "identity_doubtful"
