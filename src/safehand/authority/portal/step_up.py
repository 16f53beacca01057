"""Step-up: what is sensitive needs a proof of identity that is fresh, not just a session that is open.

A form that needs it asks `step_up(…)` when it is opened and again when it comes back; who is not freshly proven is sent through the
sign-in, and back to the form.
"""

from datetime import datetime, timedelta
from typing import Final

from litestar import Response

from safehand.authority.portal.frame import Frame
from safehand.authority.portal.sign_in import way_in
from safehand.house.sessions import Session

FRESH_MINUTES: Final = 15
"""Assumed (A): long enough to fill in an address, short enough that a phone left on a table opens nothing."""
CLOCK_LEEWAY: Final = timedelta(minutes=1)
"""The sign-in service's clock may be ahead of ours by so much."""


def stepped_up(*, session: Session, now: datetime, within_minutes: int = FRESH_MINUTES) -> bool:
    """Whether the person of this session proved who they are within so many minutes. A proof from the future is none."""
    proven_at = session.proven_at
    if proven_at is None:
        return False
    return -CLOCK_LEEWAY <= now - proven_at < timedelta(minutes=within_minutes)


def step_up(
    *, session: Session, to: str, frame: Frame, now: datetime, within_minutes: int = FRESH_MINUTES
) -> Response[bytes] | None:
    """None if the proof is fresh; else the way through the sign-in and back to `to`, a page of the portal."""
    if stepped_up(session=session, now=now, within_minutes=within_minutes):
        return None
    return frame.redirect(way_in(to=to, fresh=True))
