"""The living page of all parts, at `/design` in both languages; a live house has none."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from litestar import Response, get

from safehand.house.look.frame import Frame, Web, language_of

COLOURS = (
    *("ink", "quiet", "line", "edge", "paper", "wash", "act", "act-dark", "soft", "told", "told-soft"),
    *("warn", "warn-soft", "danger", "danger-dark", "danger-soft", "focus"),
)


def design_route(*, frame: Frame, now: Callable[[], datetime]) -> Any:
    """The Litestar handler of `/design`. Raises `ValueError` in a live house: nobody applies for a sample."""
    if frame.live:
        raise ValueError("a live house serves no page of samples")

    async def design(request: Web) -> Response[bytes]:
        zh = language_of(request) == "zh"
        fault = "请选择户口所在城市。" if zh else "Choose the city of your household."
        return frame.page(
            request=request,
            template="look/design.html",
            faults={"wrong": fault},
            colours=COLOURS,
            at=now(),
        )

    return get("/design", include_in_schema=False)(design)
