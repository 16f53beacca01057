"""The page on which an applicant puts another telephone number in the place of the old one: typed, proven by a code, told to the old one."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.addresses.address import PHONE, normalised_phone
from safehand.authority.border.door_code import CODE_DIGITS
from safehand.authority.notices.wording import Both, moment_words
from safehand.authority.portal.case_visit import CaseVisit, case_sent, case_visit
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import FORM_NOT_YOURS
from safehand.authority.router import phone_changeable
from safehand.authority.telephone.actions import NEW_PHONE_RECORD, ask_phone, prove_phone
from safehand.authority.telephone.commands import CHANGES_MAX, CODES_MAX
from safehand.authority.telephone.states import TelephoneState
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.masking import masked_phone
from safehand.kernel.outcome import Refusal

PHONE_WRONG: Final = Both(
    zh="请填写 11 位内地手机号码。", en="Give a mobile number of the mainland with 11 digits."
)
PHONE_SAME: Final = Both(zh="这就是目前的手机号码。", en="That is the number which stands there already.")
CODE_MISSING: Final = Both(
    zh=f"请填写短信中的 {CODE_DIGITS} 位验证码。",
    en=f"Give the code of {CODE_DIGITS} digits from the text message.",
)
CODE_WRONG: Final = Both(
    zh="验证码有误，请核对短信后重新填写。", en="That is not the code. Look at the text message again."
)
PROVE: Final = "prove"
_CODE: Final = re.compile(rf"[0-9]{{{CODE_DIGITS}}}")


@dataclass(frozen=True, kw_only=True)
class PhonePage:
    """The routes under `/cases/…/phone`. Nothing is asked or proven without a fresh sign-in; stopping needs none."""

    house: House
    portal: Portal
    code_secret: bytes

    def routes(self) -> list[Any]:
        """The page as Litestar handlers; none is part of the API's description."""
        here = "/cases/{city:str}/{case:str}/phone"
        handlers = [
            get(here)(self.page),
            post(here)(self.sent),
            post(f"{here}/stop")(self.stop),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/phone: the form for another number, or for the code that was sent to it."""
        visit = await self._visit(request, city, case)
        if isinstance(visit, Response):
            return visit
        shut = phone_changeable(visit.case)
        if shut is not None and visit.case.telephone.state is TelephoneState.NONE:
            return self.portal.frame.problem(request=request, refusal=shut)
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/phone")
        return proving if proving is not None else await self._page(visit, {})

    async def sent(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/phone: another number, to which a code goes; or that code."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/phone")
        if proving is not None:
            return proving
        return await (
            self._code_came(visit, sent) if sent["step"] == PROVE else self._number_came(visit, sent)
        )

    async def stop(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/phone/stop: the old number stays. No fresh sign-in: to stop must be easier than to ask."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        front, name, change = self.house.front, "telephone.stop", _number(sent["change"])
        body = {"city": visit.row.city, "case": visit.row.stream, "change": change}
        item = front.read(name=name, body=msgspec.json.encode(body))
        if isinstance(item, Refusal):
            return self.portal.frame.problem(request=request, refusal=FORM_NOT_YOURS())
        key = f"{visit.row.stream}-phone-stop-{change}"
        done = await front.call(name=name, session=visit.session, item=item, key=key)
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}?done=phone-stays")

    # ---- behind the page -------------------------------------------------------------------------------------------

    async def _visit(self, request: Web, city: str, case: str) -> CaseVisit | Response[bytes]:
        return await case_visit(house=self.house, portal=self.portal, request=request, city=city, case=case)

    async def _number_came(self, visit: CaseVisit, sent: Sent) -> Response[bytes]:
        phone, language = normalised_phone(sent["phone"]), language_of(visit.request)
        if not PHONE.fullmatch(phone):
            return await self._page(visit, {"phone": PHONE_WRONG.in_language(language)}, sent["phone"])
        if phone == visit.person.phone:
            return await self._page(visit, {"phone": PHONE_SAME.in_language(language)}, sent["phone"])
        done = await ask_phone(
            house=self.house,
            key=visit.key,
            actor=visit.session.actor,
            old=visit.person.phone,
            new=phone,
            change=_number(sent["change"]),
        )
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=visit.request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}/phone")

    async def _code_came(self, visit: CaseVisit, sent: Sent) -> Response[bytes]:
        language, change = language_of(visit.request), _number(sent["change"])
        code = "".join(sent["code"].split())
        if not _CODE.fullmatch(code):
            return await self._page(visit, {"code": CODE_MISSING.in_language(language)})
        done = await prove_phone(
            house=self.house,
            secret=self.code_secret,
            key=visit.key,
            case=visit.case,
            actor=visit.session.actor,
            code=code,
            change=change,
        )
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=visit.request, refusal=done)
        if "telephone.changed" in done.events:
            return self.portal.frame.redirect(f"{visit.address}?done=phone-changed")
        if "telephone.lapsed" in done.events:
            return self.portal.frame.redirect(f"{visit.address}?done=phone-lapsed")
        return await self._page(visit, {"code": CODE_WRONG.in_language(language)}, wrong=1)

    async def _page(
        self, visit: CaseVisit, faults: dict[str, str], typed: str = "", *, wrong: int = 0
    ) -> Response[bytes]:
        step, language = visit.case.telephone, language_of(visit.request)
        proving = step.state is TelephoneState.PROVING
        record = (
            await read_persons(house=self.house, keys=[visit.key], name=NEW_PHONE_RECORD) if proving else {}
        )
        new = (record.get(visit.key) or b"").decode()
        return self.portal.frame.page(
            request=visit.request,
            template="phone.html",
            status=422 if faults else 200,
            faults=faults,
            address=visit.address,
            csrf=self.portal.forms.token(visit.request),
            proving=proving,
            old=masked_phone(visit.person.phone),
            new=masked_phone(new) if new else "",
            due=moment_words(step.due_at, language) if step.due_at is not None else "",
            left=CODES_MAX - step.wrong_codes - wrong,
            change=step.changes if proving else step.changes + 1,
            typed=typed[:40],
        )


def _number(text: str) -> int:
    return int(text) if text in {str(number) for number in range(1, CHANGES_MAX + 2)} else 0
