"""The conditions of the online way (policy, "Who may apply online"), judged all at once from register facts."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import msgspec

from safehand.authority.cities.city import CityOn
from safehand.authority.documents.document import DocumentOn, Ground
from safehand.authority.eligibility import refusals
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.kernel.outcome import Refusal, RefusalKind
from safehand.kernel.working_days import add_months, age_years

FORM_ZH: Final = "《中国公民出入境证件申请表》和居民身份证"
FORM_EN: Final = "the application form for exit-entry documents and the ID card"
# Exit-entry documents can be applied for at any counter in the country; the help line names the nearest.
ANY_COUNTER_ZH: Final = "任一出入境接待窗口（咨询电话12367，24小时）"
ANY_COUNTER_EN: Final = "any exit-entry counter (help line 12367, day and night)"


class EligibilityRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the applicant asks for: the ground; the document type comes as its rules."""

    ground: Ground


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: every failed condition, none if the online way is open; and by which rules it was found."""

    failed: tuple[Refusal, ...]
    document_code: str
    city_code: str
    ruleset: str
    ruleset_from: date
    judged_on: date

    @property
    def is_eligible(self) -> bool:
        """Whether no condition failed."""
        return not self.failed

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of what failed: what the journal may keep."""
        return tuple(refusal.code for refusal in self.failed)


def judge(
    *,
    person: RegisterFacts,
    request: EligibilityRequest,
    city: CityOn | None,
    document: DocumentOn,
    today: date,
) -> Verdict:
    """Judge all conditions at once.

    `city` is the city of the application, normally the one that the register names as household; None when that one
    isn't among the cities at all. `document` are the rules of `today`, the local day of submission. Pure and total.
    """
    way = _WayOut(city=city)
    failed = (
        *_person_conditions(person=person, document=document, today=today, way=way),
        *_household_conditions(person=person, city=city, today=today, way=way),
        *_document_conditions(person=person, request=request, document=document, today=today, way=way),
    )
    return Verdict(
        failed=failed,
        document_code=document.code,
        city_code=city.code if city else person.household_city,
        ruleset=document.eligibility.ruleset,
        ruleset_from=document.ruleset_from,
        judged_on=today,
    )


class _WayOut:
    """Fills in counter and form, which every refusal here needs."""

    def __init__(self, *, city: CityOn | None) -> None:
        self._facts: dict[str, str | int] = {
            "counter_zh": ANY_COUNTER_ZH,
            "counter_en": ANY_COUNTER_EN,
            "form_zh": FORM_ZH,
            "form_en": FORM_EN,
        }
        if city is not None:
            counter = city.counters[0]
            self._facts["counter_zh"] = f"{counter.name_zh}，{counter.address_zh}，{counter.hours_zh}"
            self._facts["counter_en"] = f"{counter.name_en}, {counter.address_en}, {counter.hours_en}"

    def __call__(self, kind: RefusalKind, **facts: str | int) -> Refusal:
        return kind(**self._facts, **facts)


def _person_conditions(
    *, person: RegisterFacts, document: DocumentOn, today: date, way: _WayOut
) -> Iterator[Refusal]:
    if person.deceased:
        yield way(refusals.deceased)
    minimum = document.eligibility.age_years_min
    if age_years(birth_date=person.birth_date, day=today) < minimum:
        of_age_on = add_months(person.birth_date, 12 * minimum)
        yield way(refusals.too_young, age_years_min=minimum, from_day=of_age_on.isoformat())
    if person.state_staff:
        yield way(refusals.state_staff)
    if person.active_service:
        yield way(refusals.active_service)
    if person.exit_restricted:
        yield way(refusals.exit_restricted)
    if not person.in_mainland:
        yield way(refusals.not_in_mainland)


def _household_conditions(
    *, person: RegisterFacts, city: CityOn | None, today: date, way: _WayOut
) -> Iterator[Refusal]:
    if city is None:
        yield way(refusals.household_not_covered)
        return
    names = {"city_zh": city.name_zh, "city_en": city.name_en}
    if person.household_city != city.code:
        yield way(refusals.household_elsewhere, **names)
    if not city.is_open(today):
        yield way(refusals.city_not_open_yet, from_day=city.opens_on.isoformat(), **names)


def _document_conditions(
    *, person: RegisterFacts, request: EligibilityRequest, document: DocumentOn, today: date, way: _WayOut
) -> Iterator[Refusal]:
    names = {"document_zh": document.name_zh, "document_en": document.name_en}
    held = person.held_document(kind=document.code, day=today)
    if held is None:
        yield way(refusals.first_document, **names)
    else:
        if not held.is_valid_on(today):
            yield way(refusals.document_not_valid, **names)
        if document.eligibility.fingerprints_required and not held.fingerprints_stored:
            yield way(refusals.fingerprints_missing, **names)
    yield from _ground_conditions(held=held, request=request, document=document, today=today, way=way)


def _ground_conditions(
    *,
    held: DocumentFact | None,
    request: EligibilityRequest,
    document: DocumentOn,
    today: date,
    way: _WayOut,
) -> Iterator[Refusal]:
    names = {"document_zh": document.name_zh, "document_en": document.name_en}
    ground, rules = request.ground, document.eligibility
    if ground not in rules.grounds:
        match ground:
            case "changed_data":
                yield way(refusals.changed_data)
            case "pages_used":
                yield way(refusals.pages_not_a_ground, **names)
            case "expiring" | "damaged" | "lost" | "stolen":
                yield way(refusals.ground_not_allowed, **names)
        return
    if (
        ground == "expiring"
        and held is not None
        and held.expires_on >= add_months(today, rules.expiring_months)
    ):
        opens = first_expiring_day(expires_on=held.expires_on, months=rules.expiring_months)
        yield way(
            refusals.expires_too_late, months=rules.expiring_months, from_day=opens.isoformat(), **names
        )


def first_expiring_day(*, expires_on: date, months: int) -> date:
    """The first day on which less than that many months are left."""
    day = add_months(expires_on, -months) - timedelta(days=4)
    # Months differ by at most three days in length, so the day lies within a week of the guess.
    for _ in range(10):
        if expires_on < add_months(day, months):
            return day
        day += timedelta(days=1)
    raise AssertionError("months differ by more than three days")
