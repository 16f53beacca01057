"""Who looked at my file: every look by the authority's staff, newest first; the role and the office, never a name.

Listed is what shows a case to a human being: the case as it stands, its journal, its address label. Not listed: programs that open a
person to do their work and show it to nobody (the register's entries, messages, the comparison of a number at the post-office counter),
worklists (they name nobody), and the post's own staff, whose looks the post keeps.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from safehand.authority.cities.city import City
from safehand.authority.notices.wording import Both
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.house.runtime import House
from safehand.kernel.dated import NotInForceError
from safehand.kernel.outcome import Language
from safehand.kernel.working_days import local_day

LOOKS_SHOWN_MAX: Final = 100
LOOKS: Final = (
    "select at, role, office, what from read_log where city = $1 and stream = $2"
    " order by at desc, actor, what limit $3"
)
ROLES: Final[Mapping[str, Both]] = {
    "examiner": Both(zh="审核人员", en="Examiner"),
    "production_clerk": Both(zh="制证人员", en="Production clerk"),
    "handover_clerk": Both(zh="交接人员", en="Hand-over clerk"),
    "authority_counter_clerk": Both(zh="窗口人员", en="Clerk at the counter"),
    "help_agent": Both(zh="服务人员", en="Help agent"),
    "authority_manager": Both(zh="主管人员", en="Manager"),
}
NO_ROLE: Final = Both(zh="签发机关工作人员", en="Staff of the authority")
"""Also for a role that has no words yet: a code would tell nobody anything."""
WHATS: Final[Mapping[str, Both]] = {
    "state": Both(zh="申请的当前情况", en="Your application as it stood"),
    "events": Both(zh="办理记录", en="The record of what has happened"),
    "help": Both(zh="您的问题与答复", en="Your questions and their answers"),
    "address_change": Both(zh="变更地址的申请", en="The change of address that was asked for"),
    "label": Both(zh="邮寄面单", en="The address label"),
}
NO_WHAT: Final = Both(zh="您的申请", en="Your application")


class Look(NamedTuple):
    """One look in plain words."""

    at: datetime
    who: str
    office: str
    what: str


class Looked:
    """The page of one case's looks. `portal` knows whose case it is."""

    def __init__(self, *, house: House, portal: Portal, cities: Mapping[int, City]) -> None:
        self._house = house
        self._portal = portal
        self._cities = cities

    def routes(self) -> list[Any]:
        """The page as a Litestar handler."""
        handler = get("/cases/{city:str}/{case:str}/looked")(self.page)
        handler.include_in_schema = False
        return [handler]

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/looked."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        language = language_of(request)
        found = await self._house.store.fetch(LOOKS, row.city, row.stream, LOOKS_SHOWN_MAX + 1)
        offices = self._offices(row.city, language)
        return self._portal.frame.page(
            request=request,
            template="looked.html",
            address=f"/cases/{row.city}/{row.stream}",
            looks=[look_of(*one, offices=offices, language=language) for one in found[:LOOKS_SHOWN_MAX]],
            more=len(found) > LOOKS_SHOWN_MAX,
            shown_max=LOOKS_SHOWN_MAX,
            now=self._house.clock.now(),
        )

    def _offices(self, city: int, language: Language) -> dict[str, str]:
        """The names of the city's counters by their codes, and under the empty code the city's own."""
        known = self._cities.get(city)
        if known is None:
            return {}
        names = {"": known.identity.name_zh if language == "zh" else known.identity.name_en}
        try:
            counters = known.on(local_day(self._house.clock.now())).counters
        except NotInForceError:
            return names
        return names | {one.code: one.name_zh if language == "zh" else one.name_en for one in counters}


def look_of(
    at: datetime, role: str, office: str, what: str, *, offices: Mapping[str, str], language: Language
) -> Look:
    """A line of the log in plain words. Several roles are all named: as which of them somebody looked, nobody knows."""
    roles: Sequence[str] = [one for one in role.split(",") if one in ROLES]
    joint = "、" if language == "zh" else ", "
    who = joint.join(ROLES[one].in_language(language) for one in roles) or NO_ROLE.in_language(language)
    return Look(
        at=at,
        who=who,
        # A counter that has closed since keeps its code: better than no place at all.
        office=offices.get(office, office),
        what=WHATS.get(what, NO_WHAT).in_language(language),
    )
