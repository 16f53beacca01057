"""May I do this online? Every failed condition at once, each with its way out, before anything is filled in."""

from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from msgspec import Meta

from safehand.authority.application.actions import facts_of
from safehand.authority.documents.document import Ground
from safehand.authority.eligibility.rules import EligibilityRequest, judge
from safehand.authority.ports.register import Register
from safehand.authority.rulebook import Rulebook
from safehand.house.commanded import City
from safehand.house.problems import Problem, invalid, language_of, problem_of
from safehand.house.routes import body_of, problem_response
from safehand.house.runtime import House
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day


class EligibilityAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """City, document and ground; who asks is known from the session."""

    city: City
    document: Annotated[str, Meta(min_length=1, max_length=40)]
    ground: Ground


class EligibilityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and the rules by which it was found."""

    eligible: bool
    failed: list[Problem]
    ruleset: str
    ruleset_from: date
    judged_on: date


def eligibility_route(*, house: House, register: Register, book: Rulebook) -> Any:
    """`POST /v1/eligibility`: changes nothing, so it needs no key."""

    @post(
        "/eligibility",
        status_code=200,
        summary="May I apply online?",
        tags=["eligibility"],
        opt={"roles": frozenset({"applicant"}), "asks": EligibilityAsked, "shows": EligibilityAnswer},
    )
    async def eligibility(request: Request[Any, Any, Any]) -> Response[Any]:
        session = request.state.session
        data = await body_of(request=request, shape=EligibilityAsked)
        today = local_day(house.clock.now())
        document = book.document(data.document, today)
        if document is None:
            return problem_response(refusal=invalid("document: no such kind of document"), request=request)
        [known] = await facts_of(register=register, sessions=[session])
        if isinstance(known, Refusal):
            return problem_response(refusal=known, request=request)
        _, person = known
        verdict = judge(
            person=person,
            request=EligibilityRequest(ground=data.ground),
            city=book.city(data.city, today),
            document=document,
            today=today,
        )
        language = language_of(request.headers.get("accept-language", ""))
        answer = EligibilityAnswer(
            eligible=verdict.is_eligible,
            failed=[problem_of(refusal, language) for refusal in verdict.failed],
            ruleset=verdict.ruleset,
            ruleset_from=verdict.ruleset_from,
            judged_on=verdict.judged_on,
        )
        return Response(content=answer)

    return eligibility
