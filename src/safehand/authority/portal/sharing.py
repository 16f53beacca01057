"""Sharing how an application stands: its owner makes and revokes links; whoever has one sees a state and dates, and no person."""

import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.case import Case
from safehand.authority.notices.wording import Both
from safehand.authority.outward import overall
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import FORM_NOT_YOURS, SHARE_LINKS_FULL, SHARED_UNKNOWN
from safehand.authority.portal.share_links import KEPT_FOR, LINKS_MAX, ShareLinks
from safehand.authority.portal.timeline import Timeline
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal

PATH: Final = "/shared"
SEEN_BY_NOBODY_ELSE: Final = {
    "x-robots-tag": "noindex, nofollow, noarchive",
    "referrer-policy": "no-referrer",
}
"""Search engines keep no copy, and no other site learns the address from which it was reached."""
_NUMBER: Final = re.compile(r"[0-9]{1,6}")
_FILE: Final = Path(__file__).parent / "shared_words.toml"


class SharedWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of one overall state; `next` empty: nothing follows."""

    word: Both
    next: Both


class SharedState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of a link says."""

    word: str
    next: str
    begun_at: datetime
    since: datetime
    due: str
    late: bool
    days: int
    ended: bool


@cache
def shared_words() -> dict[str, SharedWords]:
    """By overall state. Raises `msgspec.ValidationError` naming what is wrong in the file."""
    return msgspec.toml.decode(_FILE.read_bytes(), type=dict[str, SharedWords], strict=True)


def shared_state(*, case: Case, told: Timeline, language: Language) -> SharedState:
    """The part of a timeline that may be seen by others: when, how long, and in general words where."""
    words = shared_words()[overall(case)]
    return SharedState(
        word=words.word.in_language(language),
        next=words.next.in_language(language),
        begun_at=told.lines[-1].at,
        since=told.since,
        due=next((one.due for one in told.next if one.due), ""),
        late=any(one.late for one in told.next),
        days=told.clock.days,
        ended=told.clock.ended,
    )


class Sharing:
    """The pages of share links. `portal` knows whose case it is and whose form."""

    def __init__(self, *, house: House, portal: Portal, links: ShareLinks) -> None:
        self._house, self._portal, self._links = house, portal, links
        self._cases = msgspec.json.Decoder(Case)

    def routes(self) -> list[Any]:
        """All, as Litestar handlers."""
        own = "/cases/{city:str}/{case:str}/shared"
        handlers = [
            get(own)(self.mine),
            post(own)(self.make),
            post(f"{own}/revoke")(self.revoke),
            get(f"{PATH}/{{token:str}}")(self.shown),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def mine(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/shared: one's links and until when they open, and what others see there."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        key, now = StreamKey(row.city, row.stream), self._house.clock.now()
        links = await self._links.open_of(key=key, now=now)
        frame = self._portal.frame
        return frame.page(
            request=request,
            template="sharing.html",
            address=_address(key),
            links=[(one, f"{frame.origin}{PATH}/{one.token}") for one in links],
            after=await self._links.last_of(key=key),
            full=len(links) >= LINKS_MAX,
            links_max=LINKS_MAX,
            days=KEPT_FOR.days,
            done=request.query_params.get("done", ""),
            csrf=self._portal.forms.token(request),
        )

    async def make(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/shared: one link more, for whoever has just proven who they are."""
        found = await self._sent(request, city, case, field="after")
        if isinstance(found, Response):
            return found
        key, after = found
        again = await self._portal.freshly_proven(request, to=f"{_address(key)}{PATH}")
        if again is not None:
            return again
        now = self._house.clock.now()
        made = await self._links.make(key=key, after=after, now=now)
        if not made and len(await self._links.open_of(key=key, now=now)) >= LINKS_MAX:
            return self._portal.frame.problem(request=request, refusal=SHARE_LINKS_FULL(count=LINKS_MAX))
        # Not made and not full: the same button was pressed twice, and the link is there.
        return self._portal.frame.redirect(f"{_address(key)}{PATH}?done=made")

    async def revoke(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/shared/revoke: the link opens nothing from now on."""
        found = await self._sent(request, city, case, field="number")
        if isinstance(found, Response):
            return found
        key, number = found
        await self._links.revoke(key=key, number=number)
        return self._portal.frame.redirect(f"{_address(key)}{PATH}?done=revoked")

    async def shown(self, request: Web, token: FromPath[str]) -> Response[bytes]:
        """GET /shared/{token}: how it stands, for whoever has the link. What is no link, is over or revoked answers alike."""
        now = self._house.clock.now()
        found = await self._links.find(token=token, now=now)
        told = None
        if found is not None:
            told = await self._told(found.key, now, language_of(request))
        if found is None or told is None:
            answer = self._portal.frame.problem(request=request, refusal=SHARED_UNKNOWN())
        else:
            answer = self._portal.frame.page(
                request=request, template="shared.html", state=told, until=found.expires_at, now=now
            )
        answer.headers |= SEEN_BY_NOBODY_ELSE
        return answer

    async def _told(self, key: StreamKey, now: datetime, language: Language) -> SharedState | None:
        row = (await self._house.store.streams(keys=[key])).get(key)
        if row is None:
            return None
        case = self._cases.decode(row.state)
        told = await self._portal.told(key=key, case=case, now=now, language=language)
        return shared_state(case=case, told=told, language=language)

    async def _sent(
        self, request: Web, city: str, case: str, *, field: str
    ) -> tuple[StreamKey, int] | Response[bytes]:
        """The own case and the number in a form of our own page; else the answer."""
        row = await self._portal.visited(request, city, case, posted=True)
        if isinstance(row, Response):
            return row
        sent = await self._portal.forms.sent(request)
        number = sent if isinstance(sent, Refusal) else sent[field]
        if isinstance(number, Refusal) or not _NUMBER.fullmatch(number) or not number.isascii():
            return self._portal.frame.problem(request=request, refusal=FORM_NOT_YOURS())
        return StreamKey(row.city, row.stream), int(number)


def _address(key: StreamKey) -> str:
    return f"/cases/{key.city}/{key.stream}"
