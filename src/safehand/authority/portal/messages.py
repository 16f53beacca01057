"""The page on which an applicant chooses what comes by SMS and what by e-mail, and reads what always comes."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.notices.choices import choice_of, choose
from safehand.authority.notices.planning import BY_EMAIL, BY_SMS, Choice
from safehand.authority.notices.rendering import Group
from safehand.authority.notices.seen import trouble_of
from safehand.authority.notices.wording import Both
from safehand.authority.portal.frame import Web
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import CHOICE_UNKNOWN
from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.masking import masked_email, masked_phone
from safehand.kernel.outcome import Refusal

GROUPS: Final[dict[Group, tuple[Both, Both]]] = {
    "progress": (
        Both(zh="办理进展", en="Progress"),
        Both(
            zh="申请、补正材料或缴费已收到，已退款，办理超过承诺期限。",
            en="Your application, correction or payment has arrived, a refund was made, something takes longer than promised.",
        ),
    ),
    "deadlines": (
        Both(zh="期限提醒", en="Deadlines"),
        Both(
            zh="证件可领取，请您确认是否拿到，期限将到。",
            en="Your document can be fetched, we ask whether you have it, a deadline is about to end.",
        ),
    ),
    "delivery": (
        Both(zh="投递动态", en="Delivery"),
        Both(
            zh="已交邮政，投递未成功，留存网点，退回，异常查找。",
            en="It is with the post, an attempt failed, the post office holds it, it comes back, it is searched for.",
        ),
    ),
}
"""Name and explanation of each group of notices, in the order of the page."""
WAYS: Final = {"sms": BY_SMS, "email": BY_EMAIL}
OTHER_WAY: Final = "other_way"
YES: Final = "yes"
FIELDS: Final = frozenset({*GROUPS, OTHER_WAY, "csrf"})


class Messages:
    """The page of one case's messages. `portal` knows whose case it is and whose form."""

    def __init__(self, *, house: House, portal: Portal) -> None:
        self._house = house
        self._portal = portal

    def routes(self) -> list[Any]:
        """The page as Litestar handlers; none is part of the API's description."""
        handlers = [
            get("/cases/{city:str}/{case:str}/messages")(self.page),
            post("/cases/{city:str}/{case:str}/messages")(self.save),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/messages: what was chosen, by which number and address, masked."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        key = StreamKey(row.city, row.stream)
        person = await self._person(key)
        if person is None:
            return self._portal.frame.problem(request=request, refusal=ERASED())
        by_mail = bool(self._house.settings.services.get("smtp"))
        email = (masked_email(person.email) if person.email else "") if by_mail else None
        return self._portal.frame.page(
            request=request,
            template="messages.html",
            address=f"/cases/{row.city}/{row.stream}",
            groups=GROUPS,
            ways=WAYS if email else {"sms": BY_SMS},
            choice=(await choice_of(house=self._house, key=key))._asdict(),
            shown={"sms": masked_phone(person.phone), "email": email},
            trouble=await trouble_of(house=self._house, key=key),
            saved=request.query_params.get("saved") == YES,
            csrf=self._portal.forms.token(request),
        )

    async def save(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/messages: keep the choice; what is not ticked is not wanted."""
        row = await self._portal.visited(request, city, case, posted=True)
        if isinstance(row, Response):
            return row
        key = StreamKey(row.city, row.stream)
        chosen = choice_from((await request.form()).multi_items())
        if isinstance(chosen, Choice) and await self._person(key) is None:
            chosen = ERASED()
        if isinstance(chosen, Refusal):
            return self._portal.frame.problem(request=request, refusal=chosen)
        await choose(house=self._house, key=key, choice=chosen, now=self._house.clock.now())
        return self._portal.frame.redirect(f"/cases/{row.city}/{row.stream}/messages?saved={YES}")

    async def _person(self, key: StreamKey) -> PersonRecord | None:
        record = (await read_persons(house=self._house, keys=[key], name=PERSON_RECORD)).get(key)
        return None if record is None else msgspec.json.decode(record, type=PersonRecord)


def choice_from(fields: Iterable[tuple[str, Any]]) -> Choice | Refusal:
    """What a form says, ticked boxes only; or why it can't be a choice."""
    bits = dict.fromkeys(GROUPS, 0)
    other_way = False
    for name, value in fields:
        if name in bits and value in WAYS:
            bits[name] |= WAYS[value]
        elif name == OTHER_WAY and value == YES:
            other_way = True
        elif name != "csrf":
            return CHOICE_UNKNOWN()
    return Choice(**bits, other_way=other_way)
