"""By when it usually happens, in plain words, from how long it really took others. Pure."""

from datetime import datetime, timedelta

from safehand.authority.notices.wording import day_words, moment_words
from safehand.authority.pace import Pace
from safehand.kernel.outcome import Language

_DAY = timedelta(days=1)


def usual_words(*, pace: Pace | None, since: datetime, now: datetime, language: Language) -> str:
    """`Usually by …; nine of ten by ….`, of which what is over is left out; empty without history.

    It is history, not a promise: the deadline stands beside it and is never moved by it.
    """
    if pace is None:
        return ""
    zh = language == "zh"
    half, most = since + pace.half, since + pace.nine_of_ten
    if now >= most:
        return "已超过十件中九件所用的时间。" if zh else "This takes longer than nine of ten did."
    mostly = _by(most, pace.nine_of_ten, language)
    if now >= half:
        return (
            f"已超过通常所用的时间；十件中九件在{mostly}前办完。"
            if zh
            else f"Longer than usual; nine of ten are done by {mostly}."
        )
    usually = _by(half, pace.half, language)
    if usually == mostly:
        return f"十件中九件在{mostly}前办完。" if zh else f"Nine of ten are done by {mostly}."
    return (
        f"通常在{usually}前办完；十件中九件在{mostly}前办完。"
        if zh
        else f"Usually done by {usually}; nine of ten by {mostly}."
    )


def _by(at: datetime, length: timedelta, language: Language) -> str:
    """A day where it takes days; an hour would promise what nobody knows."""
    return moment_words(at, language) if length < _DAY else day_words(at, language)
