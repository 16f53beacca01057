"""The page of an invitation to a group. Without a sign-in it shows nothing; without the right link it answers as an unknown one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.group.joining import Invited, Joining, Own
from safehand.authority.group.refusals import INVITATION_OVER, OTHER_CITY
from safehand.authority.notices.wording import Both
from safehand.authority.portal.applying.answers import Faults, said_in
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.group_page import JOIN
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import INVITATION_UNKNOWN
from safehand.authority.portal.sharing import SEEN_BY_NOBODY_ELSE
from safehand.authority.portal.sign_in import leads_to, way_in
from safehand.house.sessions import Session
from safehand.kernel.outcome import Refusal

CHOOSE: Both = Both(zh="请选择要加入的申请。", en="Choose the application that joins.")
ADDRESS: Both = Both(
    zh="该申请的收件地址与同行组不同。如同意改寄同行组的地址，请勾选。",
    en="This application goes to another address than the group’s. Tick the box if it may go to the group’s.",
)


@dataclass(frozen=True, kw_only=True)
class JoinPage:
    """The routes `/join/{token}`."""

    portal: Portal
    joining: Joining

    def routes(self) -> list[Any]:
        """The pages as Litestar handlers; none is part of the API's description."""
        here = f"{JOIN}/{{token:str}}"
        handlers = [get(here)(self.page), post(here)(self.join)]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, token: FromPath[str]) -> Response[bytes]:
        """GET /join/{token}: what one would join, and with which application."""
        return _quiet(await self._page(request, token))

    async def join(self, request: Web, token: FromPath[str]) -> Response[bytes]:
        """POST /join/{token}: with this application, and if it must be, to the group's address."""
        return _quiet(await self._join(request, token))

    async def _page(self, request: Web, token: str) -> Response[bytes]:
        found = await self._found(request, token)
        if isinstance(found, Response):
            return found
        _, invited, own = found
        return self._form(request, token, invited, own, chosen=own[0].key.stream if len(own) == 1 else "")

    async def _join(self, request: Web, token: str) -> Response[bytes]:
        found = await self._found(request, token)
        if isinstance(found, Response):
            return found
        sent = await self.portal.forms.sent(request)
        if isinstance(sent, Refusal):
            return self.portal.frame.problem(request=request, refusal=sent)
        session, invited, own = found
        mine = next((one for one in own if one.key.stream == sent["case"]), None)
        if mine is None:
            return self._form(request, token, invited, own, faults={"case": CHOOSE})
        if not mine.same_address:
            if sent["address"] != "theirs":
                return self._form(
                    request, token, invited, own, chosen=mine.key.stream, faults={"address": ADDRESS}
                )
            proving = await self.portal.freshly_proven(request, to=f"{JOIN}/{token}")
            if proving is not None:
                return proving
        together, actor = sent["together"] == "yes", session.actor
        done = await self.joining.join(invited=invited, mine=mine, together=together, actor=actor)
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"/cases/{mine.key.city}/{mine.key.stream}/group")

    # ---- behind the pages -------------------------------------------------------------------------------------------

    async def _found(
        self, request: Web, token: str
    ) -> tuple[Session, Invited, Sequence[Own]] | Response[bytes]:
        """Who asks, the invitation and one's own cases that can join, at least one; else the answer."""
        session = await self.portal.forms.session(request)
        if session is None:
            return self.portal.frame.redirect(way_in(to=leads_to(f"{JOIN}/{token}")))
        invited = await self.joining.invited(token=token)
        if isinstance(invited, Refusal):
            # Whether there ever was such a link is nobody's business.
            shown = INVITATION_UNKNOWN() if invited.code == INVITATION_OVER.code else invited
            return self.portal.frame.problem(request=request, refusal=shown)
        cases = await self.portal.cases_of(session)
        member = next((key for key, case, _ in cases if case.group.group == invited.key.stream), None)
        # Who is in it already is led to it; but one person may join with passport and permit.
        own = await self.joining.own(cases=[(key, case) for key, case, _ in cases], invited=invited)
        if own:
            return session, invited, own
        if member is not None:
            return self.portal.frame.redirect(f"/cases/{member.city}/{member.stream}/group")
        return self.portal.frame.problem(request=request, refusal=OTHER_CITY())

    def _form(
        self,
        request: Web,
        token: str,
        invited: Invited,
        own: Sequence[Own],
        *,
        chosen: str = "",
        faults: Faults | None = None,
    ) -> Response[bytes]:
        language = language_of(request)
        city = self.portal.city_on(invited.key.city)
        return self.portal.frame.page(
            request=request,
            template="join.html",
            status=422 if faults else 200,
            faults=said_in(faults or {}, language),
            here=f"{JOIN}/{token}",
            csrf=self.portal.forms.token(request),
            whose=invited.whose,
            count=len(invited.group.members),
            together=invited.group.together,
            days=city.clocks.group_wait_working_days,
            hours=city.clocks.address_change_hours,
            cases=[(one.key.stream, self.portal.document_words(one.case, language)) for one in own],
            chosen=chosen,
            elsewhere=any(not one.same_address for one in own),
        )


def _quiet(answer: Response[bytes]) -> Response[bytes]:
    answer.headers |= SEEN_BY_NOBODY_ELSE
    return answer
