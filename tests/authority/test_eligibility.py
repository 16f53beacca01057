"""Who may apply online: each condition alone, all at once, and the fixed cast judged as it must be."""

from datetime import date, timedelta
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.authority.cities import City, CityOn, load_cities
from safehand.authority.documents import Document, DocumentOn, Ground, load_documents
from safehand.authority.eligibility import refusals
from safehand.authority.eligibility.rules import EligibilityRequest, Verdict, first_expiring_day, judge
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.kernel.outcome import RefusalKind, sentence, way_out
from safehand.kernel.working_days import add_months
from safehand.sandbox.cast import Cast, load_cast, load_places

ROOT = Path(__file__).parents[2]
TODAY = date(2024, 5, 6)
KINDS = {kind.code: kind for kind in vars(refusals).values() if isinstance(kind, RefusalKind)}


@pytest.fixture(scope="module")
def cities() -> dict[str, City]:
    return load_cities(ROOT / "cities")


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return load_documents(ROOT / "documents")


@pytest.fixture(scope="module")
def shanghai(cities: dict[str, City]) -> CityOn:
    return cities["310000"].on(TODAY)


@pytest.fixture(scope="module")
def passport(documents: dict[str, Document]) -> DocumentOn:
    return documents["passport"].on(TODAY)


@pytest.fixture(scope="module")
def cast() -> Cast:
    places = load_places(cast_folder=ROOT / "cast", cities_folder=ROOT / "cities")
    return load_cast(cast_folder=ROOT / "cast", places=places, today=TODAY)


def a_document(**changes: object) -> DocumentFact:
    fact = DocumentFact(
        kind="passport",
        number="E12345678",
        issued_on=date(2014, 8, 1),
        expires_on=date(2024, 7, 31),
        status="valid",
        fingerprints_stored=True,
    )
    return msgspec.structs.replace(fact, **changes)


def a_person(**changes: object) -> RegisterFacts:
    facts = RegisterFacts(
        household_city="310000",
        birth_date=date(1988, 3, 12),
        state_staff=False,
        active_service=False,
        exit_restricted=False,
        deceased=False,
        in_mainland=True,
        documents=(a_document(),),
    )
    return msgspec.structs.replace(facts, **changes)


def codes(verdict: Verdict) -> list[str]:
    return [code.removeprefix("eligibility.") for code in verdict.codes]


def test_whoever_fulfils_every_condition_may_apply(shanghai: CityOn, passport: DocumentOn):
    verdict = judge(
        person=a_person(),
        request=EligibilityRequest(ground="expiring"),
        city=shanghai,
        document=passport,
        today=TODAY,
    )
    assert verdict.is_eligible
    assert (verdict.ruleset, verdict.ruleset_from) == ("online-renewal-1", date(2024, 5, 6))
    assert (verdict.city_code, verdict.document_code, verdict.judged_on) == ("310000", "passport", TODAY)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"birth_date": date(2008, 5, 7)}, "too_young"),
        ({"household_city": "330100"}, "household_elsewhere"),
        ({"state_staff": True}, "state_staff"),
        ({"active_service": True}, "active_service"),
        ({"exit_restricted": True}, "exit_restricted"),
        ({"deceased": True}, "deceased"),
        ({"in_mainland": False}, "not_in_mainland"),
        ({"documents": ()}, "first_document"),
        ({"documents": (a_document(kind="taiwan-permit"),)}, "first_document"),
        ({"documents": (a_document(expires_on=date(2024, 5, 5)),)}, "document_not_valid"),
        ({"documents": (a_document(status="cancelled"),)}, "document_not_valid"),
        ({"documents": (a_document(status="reported_lost"),)}, "document_not_valid"),
        ({"documents": (a_document(fingerprints_stored=False),)}, "fingerprints_missing"),
        ({"documents": (a_document(expires_on=date(2024, 11, 6)),)}, "expires_too_late"),
    ],
)
def test_each_condition_fails_alone_with_its_own_code(
    changes: dict[str, object], code: str, shanghai: CityOn, passport: DocumentOn
):
    verdict = judge(
        person=a_person(**changes),
        request=EligibilityRequest(ground="expiring"),
        city=shanghai,
        document=passport,
        today=TODAY,
    )
    assert codes(verdict) == [code]


@pytest.mark.parametrize(
    ("birth_date", "expires_on"),
    [(date(2008, 5, 6), date(2024, 7, 31)), (date(1988, 1, 1), TODAY), (date(1988, 1, 1), date(2024, 11, 5))],
)
def test_the_last_day_that_still_counts_counts(
    birth_date: date, expires_on: date, shanghai: CityOn, passport: DocumentOn
):
    person = a_person(birth_date=birth_date, documents=(a_document(expires_on=expires_on),))
    request = EligibilityRequest(ground="expiring")
    assert judge(person=person, request=request, city=shanghai, document=passport, today=TODAY).is_eligible


@pytest.mark.parametrize("ground", ["damaged", "lost", "stolen"])
def test_damage_and_loss_are_grounds_whatever_the_expiry(
    ground: Ground, shanghai: CityOn, passport: DocumentOn
):
    person = a_person(documents=(a_document(expires_on=date(2030, 1, 1)),))
    request = EligibilityRequest(ground=ground)
    assert judge(person=person, request=request, city=shanghai, document=passport, today=TODAY).is_eligible


def test_used_up_pages_are_a_ground_for_passports_only(shanghai: CityOn, documents: dict[str, Document]):
    request = EligibilityRequest(ground="pages_used")
    outcomes = {}
    for kind, document in documents.items():
        person = a_person(documents=(a_document(kind=kind),))
        verdict = judge(
            person=person, request=request, city=shanghai, document=document.on(TODAY), today=TODAY
        )
        outcomes[kind] = codes(verdict)
    assert outcomes == {
        "passport": [],
        "hong-kong-macao-permit": ["pages_not_a_ground"],
        "taiwan-permit": ["pages_not_a_ground"],
    }


def test_the_register_decides_the_household_and_not_the_id_number(
    cities: dict[str, City], passport: DocumentOn, cast: Cast
):
    assert cast.person("applicant").id_number[:6] not in cities
    verdict = judge(
        person=a_person(household_city="320500"),
        request=EligibilityRequest(ground="expiring"),
        city=cities.get("320500") and cities["320500"].on(TODAY),
        document=passport,
        today=TODAY,
    )
    assert codes(verdict) == ["household_not_covered"]
    assert "12367" in way_out(verdict.failed[0], "en")


def test_before_a_city_opens_one_is_told_from_when(shanghai: CityOn, passport: DocumentOn):
    verdict = judge(
        person=a_person(),
        request=EligibilityRequest(ground="expiring"),
        city=shanghai,
        document=passport,
        today=date(2024, 5, 5),
    )
    assert codes(verdict) == ["city_not_open_yet"]
    assert "2024-05-06" in sentence(verdict.failed[0], "zh")


def test_all_failed_conditions_are_named_at_once(cast: Cast, passport: DocumentOn):
    member = cast.people["everything_wrong"]
    person = msgspec.convert(member.person.register_facts(), RegisterFacts, from_attributes=True)
    verdict = judge(
        person=person,
        request=EligibilityRequest(ground=member.ground),
        city=None,
        document=passport,
        today=TODAY,
    )
    assert verdict.codes == member.refused
    assert len(verdict.failed) == 10


def test_every_one_of_the_cast_is_judged_as_the_cast_says(
    cast: Cast, cities: dict[str, City], documents: dict[str, Document]
):
    for key, member in cast.people.items():
        # The register answers in JSON; the authority reads it strictly.
        wire = msgspec.json.encode(member.person.register_facts())
        verdict = judge(
            person=msgspec.json.decode(wire, type=RegisterFacts),
            request=EligibilityRequest(ground=member.ground),
            city=cities[member.applies_in].on(TODAY) if member.applies_in in cities else None,
            document=documents[member.document].on(TODAY),
            today=TODAY,
        )
        assert verdict.codes == member.refused, key


def test_the_cast_has_someone_for_each_condition_that_data_alone_can_fail(cast: Cast):
    alone = {member.refused[0] for member in cast.people.values() if len(member.refused) == 1}
    # A city that isn't open yet and a ground that a document type leaves out need another day or another file.
    assert KINDS.keys() - alone == {"eligibility.city_not_open_yet", "eligibility.ground_not_allowed"}


def test_every_refusal_names_a_counter_and_what_to_bring(
    cast: Cast, cities: dict[str, City], documents: dict[str, Document]
):
    for member in cast.people.values():
        city = cities[member.applies_in].on(TODAY) if member.applies_in in cities else None
        verdict = judge(
            person=msgspec.convert(member.person.register_facts(), RegisterFacts, from_attributes=True),
            request=EligibilityRequest(ground=member.ground),
            city=city,
            document=documents[member.document].on(TODAY),
            today=TODAY,
        )
        for refusal in verdict.failed:
            for language in ("en", "zh"):
                assert "{" not in sentence(refusal, language) + way_out(refusal, language)
            assert "ID card" in way_out(refusal, "en")
            assert "居民身份证" in way_out(refusal, "zh")
            if city is not None:
                assert city.counters[0].address_en in way_out(refusal, "en")
                assert city.counters[0].hours_zh in way_out(refusal, "zh")


def test_a_later_rule_does_not_change_an_earlier_verdict(tmp_path: Path, shanghai: CityOn):
    (tmp_path / "passport").mkdir()
    defaults = (ROOT / "documents" / "_defaults.toml").read_text()
    later = 'value = 16, source = "published", ref = "policy: 16 or older on the day of application" }'
    assert later in defaults
    defaults = defaults.replace(
        later, later + ', { from = 2025-01-01, value = 18, source = "assumed", ref = "a stricter rule" }'
    )
    (tmp_path / "_defaults.toml").write_text(defaults)
    (tmp_path / "passport" / "document.toml").write_text(
        (ROOT / "documents/passport/document.toml").read_text()
    )
    passport = load_documents(tmp_path)["passport"]
    found = []
    for day in (date(2024, 12, 31), date(2025, 1, 1)):
        person = a_person(
            birth_date=date(2008, 5, 6), documents=(a_document(expires_on=day + timedelta(days=9)),)
        )
        request = EligibilityRequest(ground="expiring")
        verdict = judge(person=person, request=request, city=shanghai, document=passport.on(day), today=day)
        found.append((codes(verdict), verdict.ruleset_from))
    assert found == [([], date(2024, 5, 6)), (["too_young"], date(2025, 1, 1))]


@settings(max_examples=150)
@given(st.dates(date(2020, 1, 1), date(2036, 1, 1)), st.integers(1, 24))
def test_the_day_named_is_the_first_on_which_the_ground_holds(expires_on: date, months: int):
    day = first_expiring_day(expires_on=expires_on, months=months)
    assert expires_on < add_months(day, months)
    assert expires_on >= add_months(day - timedelta(days=1), months)


FLAGS = ("state_staff", "active_service", "exit_restricted", "deceased")


@settings(max_examples=120)
@given(
    flags=st.fixed_dictionaries({flag: st.booleans() for flag in FLAGS}),
    in_mainland=st.booleans(),
    birth_date=st.dates(date(1930, 1, 1), TODAY),
    days_left=st.integers(-400, 3650),
    fingerprints=st.booleans(),
    ground=st.sampled_from(get_args(Ground)),
    household=st.sampled_from(["310000", "440100"]),
)
def test_one_is_eligible_exactly_when_nothing_is_wrong(
    shanghai: CityOn,
    passport: DocumentOn,
    flags: dict[str, bool],
    in_mainland: bool,
    birth_date: date,
    days_left: int,
    fingerprints: bool,
    ground: Ground,
    household: str,
):
    expires_on = TODAY + timedelta(days=days_left)
    held = a_document(expires_on=expires_on, issued_on=date(2013, 1, 1), fingerprints_stored=fingerprints)
    person = a_person(
        **flags, in_mainland=in_mainland, birth_date=birth_date, household_city=household, documents=(held,)
    )
    verdict = judge(
        person=person,
        request=EligibilityRequest(ground=ground),
        city=shanghai,
        document=passport,
        today=TODAY,
    )
    wrong = sum(
        [
            *flags.values(),
            not in_mainland,
            birth_date > date(2008, 5, 6),
            days_left < 0,
            not fingerprints,
            household != "310000",
            ground == "changed_data",
            ground == "expiring" and expires_on >= date(2024, 11, 6),
        ]
    )
    assert len(verdict.failed) == wrong
    assert verdict.is_eligible == (wrong == 0)
    assert len(set(verdict.codes)) == wrong


def test_of_several_documents_of_a_kind_the_valid_one_counts(shanghai: CityOn, passport: DocumentOn):
    lost = a_document(number="E22222222", issued_on=date(2020, 1, 1), status="cancelled")
    request = EligibilityRequest(ground="expiring")
    person = a_person(documents=(lost, a_document()))
    assert judge(person=person, request=request, city=shanghai, document=passport, today=TODAY).is_eligible


@pytest.mark.parametrize("ground", ["expiring", "damaged", "lost", "stolen"])
def test_a_ground_that_the_rules_of_a_document_do_not_know_is_refused(
    ground: Ground, shanghai: CityOn, passport: DocumentOn
):
    rules = msgspec.structs.replace(passport.eligibility, grounds=("changed_data",))
    document = msgspec.structs.replace(passport, eligibility=rules)
    verdict = judge(
        person=a_person(),
        request=EligibilityRequest(ground=ground),
        city=shanghai,
        document=document,
        today=TODAY,
    )
    assert codes(verdict) == ["ground_not_allowed"]
