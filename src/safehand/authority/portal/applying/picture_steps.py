"""The step of one picture: what is wanted, the upload, what was found in it, the crop that is offered.

Applications and corrections have the same steps; a `Visit` says whose draft it is and where its pages stand.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from litestar import Response
from msgspec.structs import replace

from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Draft, Drafts, Held
from safehand.authority.portal.applying import answers
from safehand.authority.portal.applying.answers import Faults, Step
from safehand.authority.portal.applying.looking import Looked, Looking
from safehand.authority.portal.forms import Forms, Sent
from safehand.authority.portal.frame import Frame, Web
from safehand.authority.portal.refusals import DRAFT_CHANGED
from safehand.house.problems import NOT_FOUND
from safehand.house.sessions import Session
from safehand.kernel.outcome import Language, Refusal

HERE: Final = "/apply"
PICTURES: Final[tuple[Part, ...]] = ("photo", "signature", "id_card_front", "id_card_back")
SEEN: Final = ".seen"
"""After a part's name: the record of the picture with marks on it."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One request of a signed-in applicant, with the draft that it is about."""

    request: Web
    session: Session
    owner: str
    """Whose draft: the applicant's, or that of a correction."""
    base: str
    """Where its pages stand: `/apply`, or `/cases/…/correct`."""
    held: Held
    day: date
    language: Language
    rules: str
    """The code of the photo rules that hold."""

    def after(self, step: Step | Part) -> str:
        """Where one goes on from a step: an application to the next one that is not done, a correction to its list."""
        if self.base != HERE:
            return self.base
        return f"{HERE}/{answers.next_step(self.held.draft, step) or 'check'}"

    def with_draft(self, draft: Draft) -> "Visit":
        """The same visit, with answers that are not kept yet."""
        return dataclasses.replace(self, held=replace(self.held, draft=draft))


@dataclass(frozen=True, kw_only=True)
class PictureSteps:
    """The pages of pictures, whatever draft they are in."""

    frame: Frame
    forms: Forms
    drafts: Drafts
    looking: Looking

    def show(self, visit: Visit, part: Part, faults: Faults | None = None) -> Response[bytes]:
        """The step: what was found in the picture that is there, and the upload of another."""
        return self.page(
            visit,
            "picture",
            faults=faults,
            part=part,
            picture=visit.held.draft.pictures.get(part),
            onward=visit.after(part),
        )

    def page(
        self, visit: Visit, template: str, *, faults: Faults | None = None, **values: Any
    ) -> Response[bytes]:
        """A page about the visit's draft."""
        return self.frame.page(
            request=visit.request,
            template=f"apply/{template}.html",
            status=422 if faults else 200,
            faults=answers.said_in(faults or {}, visit.language),
            csrf=self.forms.token(visit.request),
            draft=visit.held.draft,
            names=answers.NAMES,
            base=visit.base,
            **values,
        )

    async def take(self, visit: Visit, sent: Sent, part: Part) -> Response[bytes]:
        """An upload: looked at at once; the step then says what was found."""
        data = sent.files.get("file", b"")
        looked = await self.looking.at(data, part=part, rule_set=visit.rules, day=visit.day)
        return await self._keep(visit, part, looked)

    async def mend(self, visit: Visit, part: Part) -> Response[bytes]:
        """Take the crop that was offered."""
        found = await self.drafts.pictures(owner=visit.owner, held=visit.held, names=[part])
        picture = visit.held.draft.pictures.get(part)
        if part not in found or picture is None:
            return self.frame.problem(request=visit.request, refusal=NOT_FOUND())
        looked = await self.looking.mended(
            found[part], picture=picture, part=part, rule_set=visit.rules, day=visit.day
        )
        return await self._keep(visit, part, looked)

    async def seen(self, visit: Visit, part: str) -> Response[bytes]:
        """What was uploaded, with marks on it; for its owner alone."""
        name = f"{part}{SEEN}"
        names = [name] if part in PICTURES else []
        found = await self.drafts.pictures(owner=visit.owner, held=visit.held, names=names)
        if name not in found:
            return self.frame.problem(request=visit.request, refusal=NOT_FOUND())
        return self.frame.picture(found[name])

    async def save(
        self, visit: Visit, draft: Draft, to: str, pictures: Mapping[str, bytes] | None = None
    ) -> Response[bytes]:
        """Keep the draft, and on to an address; if another window saved meanwhile, nothing is kept, and it is said."""
        saved = await self.drafts.save(
            owner=visit.owner, held=visit.held, draft=draft, pictures=pictures or {}
        )
        if saved is None:
            return self.frame.problem(request=visit.request, refusal=DRAFT_CHANGED())
        return self.frame.redirect(to)

    async def _keep(self, visit: Visit, part: Part, looked: Looked | Refusal) -> Response[bytes]:
        if isinstance(looked, Refusal):
            return self.show(visit, part, {"file": answers.both_of(looked)})
        pictures = {**visit.held.draft.pictures, part: looked.picture}
        draft = replace(visit.held.draft, pictures=pictures)
        records = {str(part): looked.cleaned, f"{part}{SEEN}": looked.seen}
        return await self.save(visit, draft, f"{visit.base}/{part}", records)
