"""Looks at an uploaded picture by the rules of the document, and says it as the draft keeps it."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Final

from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Judgement, Picture
from safehand.authority.notices.wording import Both
from safehand.authority.pictures.examination import Judged
from safehand.authority.pictures.examining import Examining
from safehand.kernel.outcome import Refusal

LOOKED_BYTES_MAX: Final = 13_000_000
"""A picture of 12 MB and the form around it."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The judged picture: what the draft says of it, the cleaned picture itself, and one with marks on it."""

    picture: Picture
    cleaned: bytes
    seen: bytes


class Looking:
    """Examines in a process of its own, so that no upload holds up a page. That process begins with the first upload."""

    def __init__(self, *, examining: Examining) -> None:
        self._examining = examining
        self._opening = asyncio.Lock()
        self._is_open = False

    async def at(self, data: bytes, *, part: Part, rule_set: str, day: date) -> Looked | Refusal:
        """An upload as it came."""
        await self.open()
        judged = await self._examining.examine(data=data, kind=part, rule_set=rule_set, day=day)
        return judged if isinstance(judged, Refusal) else looked(judged)

    async def mended(
        self, cleaned: bytes, *, picture: Picture, part: Part, rule_set: str, day: date
    ) -> Looked | Refusal:
        """The same picture, cropped, turned and scaled as was offered."""
        await self.open()
        judged = await self._examining.mend(
            data=cleaned, kind=part, rule_set=rule_set, day=day, source=picture.source
        )
        return judged if isinstance(judged, Refusal) else looked(judged)

    async def open(self) -> None:
        """Begin, where it has not begun: whoever opens the step of a picture will soon send one."""
        async with self._opening:
            if not self._is_open:
                await self._examining.__aenter__()
                self._is_open = True

    async def close(self) -> None:
        """End with the house."""
        async with self._opening:
            if self._is_open:
                await self._examining.__aexit__(None, None, None)
                self._is_open = False


def looked(judged: Judged) -> Looked:
    """What the examination found, as the draft keeps it."""
    findings = tuple(
        Judgement(
            code=one.code,
            outcome=one.outcome,
            name=Both(zh=one.name("zh"), en=one.name("en")),
            advice=Both(zh=one.advice("zh"), en=one.advice("en")),
            measured=one.measured,
            wanted=one.wanted,
        )
        for one in judged.findings
    )
    picture = Picture(
        digest=judged.digest,
        verdict=judged.verdict,
        rule_set=judged.rule_set,
        rules_from=judged.since,
        findings=findings,
        can_be_mended=judged.offer is not None,
        source=judged.source,
    )
    return Looked(picture=picture, cleaned=judged.cleaned, seen=judged.annotated)
