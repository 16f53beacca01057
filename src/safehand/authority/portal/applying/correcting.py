"""The pages under `/cases/…/correct`: every defect on one list, and just what is wrong to be sent again.

What is collected lies in a draft of its own; nothing of the case changes until all of it is sent at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Draft, Held, correction_of
from safehand.authority.application.events import CorrectionOpened
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.application.states import ApplicationState
from safehand.authority.application.uploads import form_digest
from safehand.authority.case import Case, CaseEvent
from safehand.authority.examination.reasons import DEFECTS
from safehand.authority.notices.wording import deadline_words
from safehand.authority.portal.applying import answers
from safehand.authority.portal.applying.looking import LOOKED_BYTES_MAX
from safehand.authority.portal.applying.picture_steps import PICTURES, PictureSteps, Visit
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.keys import is_case_key
from safehand.authority.rulebook import Rulebook
from safehand.house.commanded import Owned
from safehand.house.persons import read_persons
from safehand.house.problems import NOT_FOUND
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.store import StreamRow
from safehand.kernel.working_days import local_day

FORM: Final = "form"
EVENTS_MAX: Final = 500


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a case waits for."""

    key: StreamKey
    version: int
    case: Case
    opened: CorrectionOpened

    def defects(self, part: str, language: Language) -> list[str]:
        """What is wrong with a part, in words."""
        known = [DEFECTS[code] for code in self.opened.defects if code in DEFECTS]
        return [one.zh if language == "zh" else one.en for one in known if one.part == part]


@dataclass(frozen=True, kw_only=True)
class Correcting:
    """The pages. Everything is given; nothing is kept between two requests."""

    house: House
    owned: Owned
    steps: PictureSteps
    book: Rulebook

    def routes(self) -> list[Any]:
        """Every address as a Litestar handler; none is part of the API's description."""
        base = "/cases/{city:str}/{case:str}/correct"
        handlers = [
            get(base)(self.overview),
            post(base)(self.send),
            get(f"{base}/{{part:str}}")(self.part),
            get(f"{base}/form")(self.form),
            post(f"{base}/form")(self.take_form),
            post(f"{base}/{{part:str}}", request_max_body_size=LOOKED_BYTES_MAX)(self.take),
            post(f"{base}/{{part:str}}/mend")(self.mend),
            get(f"{base}/{{part:str}}/picture")(self.picture),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    # ---- who, and about what ---------------------------------------------------------------------------------------

    async def _visit(self, request: Web, city: str, case: str) -> tuple[Visit, Asked] | Response[bytes]:
        """The owner of a case that waits for a correction; else the page to go to. Unknown and another's are the same."""
        frame = self.steps.frame
        session = await self.steps.forms.session(request)
        if session is None:
            to = f"/cases/{city}/{case}" if is_case_key(city, case) else "/my"
            return frame.redirect(f"/sign-in?to={to}")
        key = StreamKey(int(city), case) if is_case_key(city, case) else None
        if key is None or not await self.owned([(session.actor, key)]):
            return frame.problem(request=request, refusal=NOT_FOUND())
        row = (await self.house.store.streams(keys=[key])).get(key)
        asked = await self._asked(key, row) if row is not None else None
        if asked is None:
            return frame.redirect(f"/cases/{city}/{case}")
        owner = correction_of(actor=session.actor, case=case)
        today = local_day(self.house.clock.now())
        document = self.book.document(asked.case.application.document, today)
        visit = Visit(
            request=request,
            session=session,
            owner=owner,
            base=f"/cases/{city}/{case}/correct",
            held=await self.steps.drafts.read(owner=owner) or await self._begun(owner, asked),
            day=today,
            language=language_of(request),
            rules=document.photo_rule_set if document is not None else "",
        )
        return visit, asked

    async def _asked(self, key: StreamKey, row: StreamRow) -> Asked | None:
        case = msgspec.json.decode(row.state, type=Case)
        if case.application.state is not ApplicationState.CORRECTING:
            return None
        events = await self.house.store.events(key=key, after=0, limit=EVENTS_MAX)
        decoded = (msgspec.json.decode(one.body, type=CaseEvent) for one in reversed(events))
        opened = next((event for event in decoded if isinstance(event, CorrectionOpened)), None)
        return None if opened is None else Asked(key=key, version=row.version, case=case, opened=opened)

    async def _begun(self, owner: str, asked: Asked) -> Held:
        """A correction begins with what the case knows, so that nothing right is typed again."""
        application = asked.case.application
        found = await read_persons(house=self.house, keys=[asked.key], name=PERSON_RECORD)
        draft = Draft(
            id=f"{asked.key.stream}-{asked.version}",
            city=asked.key.city,
            document=application.document,
            ground=application.ground,
            destination=application.destination,
        )
        if asked.key in found:
            person = msgspec.json.decode(found[asked.key], type=PersonRecord)
            draft = replace(draft, phone=person.phone, email=person.email, address=person.address)
            draft = replace(draft, language="en" if person.language == "en" else "zh")
            draft = replace(draft, consents_to_face_comparison=person.consents_to_face_comparison)
        return self.steps.drafts.begun(owner=owner, draft=draft)

    async def _posted(
        self, request: Web, city: str, case: str, *, uploads: bool = False
    ) -> tuple[Visit, Asked, Sent] | Response[bytes]:
        found = await self._visit(request, city, case)
        if isinstance(found, Response):
            return found
        sent = await self.steps.forms.sent(request, uploads=uploads)
        if isinstance(sent, Refusal):
            return self.steps.frame.problem(request=request, refusal=sent)
        return *found, sent

    # ---- the pages -------------------------------------------------------------------------------------------------

    async def overview(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/correct: all defects at once, what has been mended, and until when."""
        found = await self._visit(request, city, case)
        return found if isinstance(found, Response) else self._overview(*found)

    def _overview(self, visit: Visit, asked: Asked) -> Response[bytes]:
        parts = [
            (part, asked.defects(part, visit.language), _state(visit.held.draft, part))
            for part in (*PICTURES, FORM)
            if part in asked.opened.asked
        ]
        return self.steps.page(
            visit,
            "correct",
            parts=parts,
            due=deadline_words(asked.opened.due_at, visit.language),
            whole=all(state == "done" for _, _, state in parts),
            case_address=visit.base.removesuffix("/correct"),
        )

    async def part(
        self, request: Web, city: FromPath[str], case: FromPath[str], part: FromPath[str]
    ) -> Response[bytes]:
        """GET …/correct/{part}: one picture to send again."""
        found = await self._visit(request, city, case)
        if isinstance(found, Response):
            return found
        visit, asked = found
        known = _picture(part, asked)
        if known is None:
            return self.steps.frame.problem(request=request, refusal=NOT_FOUND())
        return self.steps.show(visit, known)

    async def form(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/correct/form: what was filled in, to be mended."""
        found = await self._visit(request, city, case)
        if isinstance(found, Response):
            return found
        visit, asked = found
        if FORM not in asked.opened.asked:
            return self.steps.frame.problem(request=request, refusal=NOT_FOUND())
        return self.steps.page(visit, "correct_form", defects=asked.defects(FORM, visit.language))

    async def take(
        self, request: Web, city: FromPath[str], case: FromPath[str], part: FromPath[str]
    ) -> Response[bytes]:
        """POST …/correct/{part}: an upload."""
        posted = await self._posted(request, city, case, uploads=True)
        if isinstance(posted, Response):
            return posted
        visit, asked, sent = posted
        known = _picture(part, asked)
        if known is None:
            return self.steps.frame.problem(request=request, refusal=NOT_FOUND())
        return await self.steps.take(visit, sent, known)

    async def mend(
        self, request: Web, city: FromPath[str], case: FromPath[str], part: FromPath[str]
    ) -> Response[bytes]:
        """POST …/correct/{part}/mend: the crop that was offered."""
        posted = await self._posted(request, city, case)
        if isinstance(posted, Response):
            return posted
        known = _picture(part, posted[1])
        if known is None:
            return self.steps.frame.problem(request=request, refusal=NOT_FOUND())
        return await self.steps.mend(posted[0], known)

    async def picture(
        self, request: Web, city: FromPath[str], case: FromPath[str], part: FromPath[str]
    ) -> Response[bytes]:
        """GET …/correct/{part}/picture."""
        found = await self._visit(request, city, case)
        return found if isinstance(found, Response) else await self.steps.seen(found[0], part)

    async def take_form(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/correct/form: telephone, e-mail and address, whole and without contradictions."""
        posted = await self._posted(request, city, case)
        if isinstance(posted, Response):
            return posted
        visit, asked, sent = posted
        if FORM not in asked.opened.asked:
            return self.steps.frame.problem(request=request, refusal=NOT_FOUND())
        draft, faults = answers.contact(visit.held.draft, sent)
        draft, more = answers.address_again(draft, sent)
        faults |= more
        if faults:
            return self.steps.page(
                visit.with_draft(draft),
                "correct_form",
                faults=faults,
                defects=asked.defects(FORM, visit.language),
            )
        return await self.steps.save(visit, replace(draft, form_digest=form_digest(draft)), visit.base)

    async def send(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/correct: everything that was asked for, at once."""
        posted = await self._posted(request, city, case)
        if isinstance(posted, Response):
            return posted
        visit, asked, _ = posted
        draft = visit.held.draft
        parts = _digests(draft, asked)
        if any(_state(draft, part) != "done" for part in asked.opened.asked):
            return self._overview(visit, asked)
        front = self.house.front
        body = {"city": asked.key.city, "case": asked.key.stream, "parts": parts}
        item = front.read(name="application.correct", body=msgspec.json.encode(body))
        key = f"correct-{draft.id}"
        outcome = await front.call(name="application.correct", session=visit.session, item=item, key=key)
        if isinstance(outcome, Refusal):
            return self.steps.frame.problem(request=request, refusal=outcome)
        return self.steps.frame.redirect(f"{visit.base.removesuffix('/correct')}?done=corrected")


def _picture(part: str, asked: Asked) -> Part | None:
    return next((one for one in PICTURES if one == part and one in asked.opened.asked), None)


def _state(draft: Draft, part: str) -> str:
    if part == FORM:
        return "done" if draft.form_digest else "todo"
    picture = next((draft.pictures[one] for one in PICTURES if one == part and one in draft.pictures), None)
    if picture is None:
        return "todo"
    return "wrong" if picture.verdict == "fails" else "done"


def _digests(draft: Draft, asked: Asked) -> Mapping[str, str]:
    found = {str(part): picture.digest for part, picture in draft.pictures.items()}
    if draft.form_digest:
        found[FORM] = draft.form_digest
    return {part: digest for part, digest in found.items() if part in asked.opened.asked}
