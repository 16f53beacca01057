"""The label of a case for the hand-over clerk: the post makes it, since only its vault is opened for what stands on it.

The PDF changes nothing; that a label is printed is the event `handover.print_label`, with a reason from the second time
on. So the PDF can be had only for a while after that event: no label comes onto paper that the journal knows nothing of.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import Parameter

from safehand.authority.case import Case
from safehand.authority.handover import refusals
from safehand.authority.handover.events import LabelPrinted
from safehand.authority.handover.states import HandoverState
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, TOO_MANY
from safehand.house.reading import ReadLog
from safehand.house.routes import problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.gather import Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal, RefusalKind
from safehand.link.labels import LabelCode, LabelProfile, LabelSize, ask_label
from safehand.link.pump import PeerSilent

ROLES: Final = frozenset({"handover_clerk"})
PRINTED_MINUTES_MAX: Final = 15
"""How long after its event a label can be fetched: long enough for a printer that was off, too short for another day."""
_PRINTABLE: Final = frozenset({HandoverState.LABELLED, HandoverState.SEALED})
_REFUSED: Final[Mapping[LabelCode, RefusalKind]] = {
    LabelCode.UNKNOWN: refusals.LABEL_UNKNOWN,
    LabelCode.NO_NUMBER_YET: refusals.LABEL_UNKNOWN,
    LabelCode.PERSON_ERASED: refusals.LABEL_PERSON_ERASED,
    LabelCode.NOT_PRINTABLE: refusals.LABEL_NOT_PRINTABLE,
    LabelCode.BUSY: refusals.POST_AWAY,
}

Web = Request[Any, Any, Any]


class Labels:
    """Finds the case's present order and asks the post for its label."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._cases = msgspec.json.Decoder(Case)
        self._log = ReadLog(house=house)

    async def label(
        self, *, session: Session, key: StreamKey, profile: LabelProfile, size: LabelSize
    ) -> bytes | Refusal:
        """The PDF. Written down before the post is asked."""
        if session.cities and key.city not in session.cities:
            return NOT_ALLOWED()
        row = (await self._house.store.streams(keys=[key])).get(key)
        if row is None or row.kind != "case":
            return NOT_FOUND()
        step = self._cases.decode(row.state).handover
        printed_at = await self._printed_at(key)
        late = printed_at is None or self._house.clock.now() - printed_at > timedelta(
            minutes=PRINTED_MINUTES_MAX
        )
        if step.state not in _PRINTABLE or late:
            return refusals.PRINT_FIRST(minutes=PRINTED_MINUTES_MAX)
        try:
            await self._log.write(
                key=key, actor=session.actor, what="label", roles=session.roles, office=session.office
            )
        except Overloaded:
            return TOO_MANY()
        try:
            answer = await ask_label(
                pump=self._house.pump,
                peer=step.peer,
                city=key.city,
                order=step.order,
                profile=profile,
                size=size,
            )
        except PeerSilent:
            return refusals.POST_AWAY()
        return answer.pdf if answer.code is LabelCode.PRINTED else refusal_of(answer.code)

    async def _printed_at(self, key: StreamKey) -> datetime | None:
        rows = await self._house.store.fetch(
            "select at from event where city = $1 and stream = $2 and kind = $3 order by version desc limit 1",
            key.city,
            key.stream,
            LabelPrinted.__struct_config__.tag,
        )
        return rows[0][0] if rows else None


def refusal_of(code: LabelCode) -> Refusal:
    """What the clerk is told when the post made no label."""
    return _REFUSED[code]()


def label_route(*, labels: Labels) -> Any:
    """`GET /v1/labels?city=…&case=…`: answered with `application/pdf`."""

    @get(
        "/labels",
        summary="The label of a case, as a PDF from the post",
        description=(
            f"Roles: {', '.join(sorted(ROLES))}. For {PRINTED_MINUTES_MAX} minutes after `handover.print_label`."
            " Answers with a PDF of one page; every look is written down."
        ),
        tags=["labels"],
        opt={"roles": ROLES},
    )
    async def read_label(
        request: Web,
        city: Annotated[int, Parameter(ge=110000, le=829999)],
        case: Annotated[str, Parameter(max_length=64, pattern=r"^[a-z]{2}_[A-Za-z0-9_-]{1,61}$")],
        profile: Annotated[LabelProfile, Parameter()] = "masked",
        size: Annotated[LabelSize, Parameter()] = "100x180",
    ) -> Response[Any]:
        key = StreamKey(city, case)
        made = await labels.label(session=request.state.session, key=key, profile=profile, size=size)
        if isinstance(made, Refusal):
            return problem_response(refusal=made, request=request)
        return Response(content=made, media_type="application/pdf")

    return read_label
