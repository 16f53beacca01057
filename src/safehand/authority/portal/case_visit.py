"""A visit of the applicant to a page of the own case, with the person that the case's vault holds."""

from dataclasses import dataclass

import msgspec
from litestar import Response

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.frame import Web
from safehand.authority.portal.pages import Portal
from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.store import StreamRow


@dataclass(frozen=True, kw_only=True)
class CaseVisit:
    """Who asks, and about which case."""

    request: Web
    session: Session
    row: StreamRow
    case: Case
    person: PersonRecord

    @property
    def key(self) -> StreamKey:
        """The case's own."""
        return StreamKey(self.row.city, self.row.stream)

    @property
    def address(self) -> str:
        """Of the case's page."""
        return f"/cases/{self.row.city}/{self.row.stream}"


async def case_visit(
    *, house: House, portal: Portal, request: Web, city: str, case: str
) -> CaseVisit | Response[bytes]:
    """The visit; else the answer: to the sign-in, a page that betrays nothing, or that the person was erased."""
    row = await portal.visited(request, city, case)
    if isinstance(row, Response):
        return row
    session, key = await portal.forms.session(request), StreamKey(row.city, row.stream)
    record = (await read_persons(house=house, keys=[key], name=PERSON_RECORD)).get(key)
    if record is None or session is None:
        return portal.frame.problem(request=request, refusal=ERASED())
    return CaseVisit(
        request=request,
        session=session,
        row=row,
        case=msgspec.json.decode(row.state, type=Case),
        person=msgspec.json.decode(record, type=PersonRecord),
    )


async def case_sent(
    *, house: House, portal: Portal, request: Web, city: str, case: str
) -> tuple[CaseVisit, Sent] | Response[bytes]:
    """The visit and the form of our own page that came with it; else the answer."""
    visit = await case_visit(house=house, portal=portal, request=request, city=city, case=case)
    if isinstance(visit, Response):
        return visit
    sent = await portal.forms.sent(request)
    if isinstance(sent, Refusal):
        return portal.frame.problem(request=request, refusal=sent)
    return visit, sent
