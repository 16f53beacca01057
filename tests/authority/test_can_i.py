"""Can I do this online? The answer is the engine's, all reasons at once; what hostile browsers send is told apart from it."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import RequestFactory

from safehand.authority.eligibility.rules import EligibilityRequest, judge
from safehand.authority.portal.answers import (
    CHOICES,
    FIELDS,
    QUESTIONS,
    Answers,
    day_in_words,
    read,
    terms,
    unjudged,
    verdict_of,
    with_days,
)
from safehand.authority.portal.can_i import BODY_BYTES_MAX, FIELDS_MAX, CanI
from safehand.authority.portal.frame import Frame
from safehand.authority.portal.start import COOKIE, KEPT_FOR, Start, start_cookie, start_of
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.authority.rulebook import HouseClocks, Rulebook
from safehand.kernel.clock import SetClock
from safehand.kernel.outcome import LANGUAGES, Refusal, kind_of
from safehand.kernel.working_days import local_day
from tests.authority.house import loaded

NOW = datetime(2026, 5, 6, 1, 0, tzinfo=UTC)
TODAY = local_day(NOW)
SECRET = b"a secret of the house for its forms"
CITIES, DOCUMENTS = loaded()
BOOK = Rulebook(cities=CITIES, documents=DOCUMENTS, clocks=HouseClocks(), authority="NIA", post="post")
GOOD = {
    "city": "440300",
    "document": "passport",
    "ground": "expiring",
    "held": "valid",
    "until-year": "2026",
    "until-month": "8",
    "until-day": "31",
    "fingerprints": "yes",
    "birth-year": "1990",
    "birth-month": "5",
    "birth-day": "31",
    "works": "neither",
    "mainland": "yes",
}
"""Somebody who may renew online."""


def frame(*, live: bool = False) -> Frame:
    """The portal's frame."""
    return Frame(address="http://authority.test", pays_at="", live=live)


def app() -> Litestar:
    """Nothing but the page: it needs no database and no account."""
    page = CanI(
        frame=frame(),
        cities=CITIES,
        documents=DOCUMENTS,
        book=BOOK,
        clock=SetClock(start=NOW),
        secret=SECRET,
    )
    return Litestar(route_handlers=page.routes())


APP = app()


@pytest.fixture
def ask(run):
    """Send the form (or a body of one's own) and get the answer."""

    def send(
        fields: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        language: str = "en",
        media: str = "application/x-www-form-urlencoded",
    ) -> httpx.Response:
        async def scene() -> httpx.Response:
            inside: Any = httpx.ASGITransport(app=APP)  # pyright: ignore[reportArgumentType]
            headers = {"accept": "text/html", "accept-language": language}
            async with httpx.AsyncClient(
                transport=inside, base_url="http://authority.test", headers=headers
            ) as browser:
                if fields is None and content is None:
                    return await browser.get("/can-i")
                if content is not None:
                    return await browser.post("/can-i", content=content, headers={"content-type": media})
                return await browser.post("/can-i", data=dict(fields or {}))

        return run(scene())

    return send


def cookie_of(answer: httpx.Response) -> str:
    """The start that the answer keeps; empty when it takes one away."""
    return (answer.cookies.get(COOKIE) or "").strip('"')


def kept(value: str, *, now: datetime = NOW, secret: bytes = SECRET) -> Start | None:
    """What the application's first page reads from a cookie."""
    request: Any = RequestFactory().get("/apply", headers={"cookie": f"{COOKIE}={value}"})
    return start_of(request=request, secret=secret, now=now)


def answers(**changes: str) -> Answers:
    """Good answers but for the changes."""
    found = read(GOOD | changes, cities=CITIES, documents=DOCUMENTS, today=TODAY)
    assert isinstance(found, Answers), found
    return found


def wrong(**changes: str) -> dict[str, str]:
    """What is wrong with answers: question -> code."""
    found = read(GOOD | changes, cities=CITIES, documents=DOCUMENTS, today=TODAY)
    assert isinstance(found, dict), found
    return {name: refusal.code.removeprefix("portal.") for name, refusal in found.items()}


def test_whoever_may_is_told_so_with_cost_time_and_what_to_have_ready(ask):
    answer = ask(GOOD)
    assert answer.status_code == 200
    for words in (
        "You can do this online",
        'href="/apply"',
        "CNY 120.00",
        "at most 7 working days",
        "in the city 1 day, in the province 2 days, elsewhere 3 days",
        "in the city CNY 13.00",
        "black pen, plain white paper",
        "a restriction on leaving the country",
        "31 August 2026",
    ):
        assert words in answer.text, words
    chinese = ask(GOOD, language="zh-CN").text
    for words in ("可以网上办理", "120.00元", "最长7个工作日", "本市1天", "2026年8月31日", "深圳市"):
        assert words in chinese, words


def test_every_reason_comes_at_once_each_with_its_way_out(ask):
    bad = GOOD | {
        "city": "310000",
        "document": "taiwan-permit",
        "ground": "pages_used",
        "held": "over",
        "fingerprints": "no",
        "birth-year": "2015",
        "works": "state_staff",
        "mainland": "no",
    }
    answer = ask(bad)
    assert answer.status_code == 200
    cards = re.findall(r'<li class="look-card look-card--no">.*?</li>', answer.text, flags=re.DOTALL)
    assert len(cards) == 6
    for card in cards:
        assert "ounter" in card
    assert "from the age of 16" in answer.text
    assert "Online from 31 May 2031 on." in answer.text
    assert "You can’t do this online now" in answer.text
    assert 'href="/apply"' not in answer.text
    assert cookie_of(answer) == ""
    assert "Shanghai" in answer.text


def test_whoever_lives_elsewhere_is_sent_to_any_counter(ask):
    answer = ask(GOOD | {"city": "elsewhere"})
    assert "The household registration is not in a city with online applications" in answer.text
    assert "12367" in answer.text


def test_a_date_in_a_reason_is_written_as_people_write_dates(ask):
    late = GOOD | {"until-year": "2029"}
    assert "请自2029年3月1日起在线申请" in ask(late, language="zh-CN").text
    assert "Apply online from 1 March 2029 on" in ask(late).text
    assert with_days("1990-05-31, 2024-02-31", "en") == "31 May 1990, 2024-02-31"
    assert day_in_words(date(2026, 5, 3), "zh") == "2026年5月3日"


def test_who_does_not_know_of_fingerprints_is_told_that_they_are_looked_up():
    unknown = answers(fingerprints="unknown")
    passport = BOOK.document("passport", TODAY)
    assert passport is not None
    city = BOOK.city(440300, TODAY)
    assert verdict_of(unknown, city=city, document=passport, today=TODAY).is_eligible
    assert "fingerprints" in unjudged(unknown, document=passport)[0].en
    assert len(unjudged(answers(), document=passport)) == 2
    assert not verdict_of(answers(fingerprints="no"), city=city, document=passport, today=TODAY).is_eligible


@pytest.mark.parametrize("held", CHOICES["held"])
@pytest.mark.parametrize("ground", CHOICES["ground"])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_page_says_what_the_engine_says_of_such_a_person(document: str, ground: str, held: str):
    """The engine is asked directly, with facts as a register would have them."""
    said = answers(document=document, ground=ground, held=held, works="active_service")
    rules = BOOK.document(document, TODAY)
    assert rules is not None
    city = BOOK.city(440300, TODAY)
    fact = DocumentFact(
        kind=document,
        number="E00000000",
        issued_on=date(2016, 9, 1),
        expires_on=date(2026, 8, 31) if held == "valid" else date(2026, 5, 5),
        status="valid",
        fingerprints_stored=True,
    )
    person = RegisterFacts(
        household_city="440300",
        birth_date=date(1990, 5, 31),
        state_staff=False,
        active_service=True,
        exit_restricted=False,
        deceased=False,
        in_mainland=True,
        documents=() if held == "none" else (fact,),
    )
    request = EligibilityRequest(ground=said.ground)
    wanted = judge(person=person, request=request, city=city, document=rules, today=TODAY)
    assert verdict_of(said, city=city, document=rules, today=TODAY) == wanted
    assert "eligibility.active_service" in wanted.codes


def test_the_start_goes_along_and_holds_no_person(ask):
    answer = ask(GOOD)
    value = cookie_of(answer)
    assert kept(value) == Start(440300, "passport", "expiring")
    assert "1990" not in value
    header = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/", f"Max-Age={int(KEPT_FOR.total_seconds())}"} <= {
        part.strip() for part in header.split(";")
    }
    assert kept(value, now=NOW + KEPT_FOR - timedelta(seconds=1)) is not None
    assert kept(value, now=NOW + KEPT_FOR) is None


def test_a_start_that_we_did_not_write_is_none():
    start = Start(310000, "hong-kong-macao-permit", "stolen")
    value = start_cookie(frame=frame(), start=start, secret=SECRET, now=NOW).value or ""
    assert kept(value) == start
    assert kept(value, secret=b"another") is None
    for forged in (
        value.replace("310000", "110000"),
        value.replace("stolen", "lost"),
        value[:-1],
        value + "a",
        value.upper(),
        value.replace(".", ".9", 1),
        "",
        "." * 199,
        "9" * 5_000,
    ):
        assert kept(forged) is None, forged


def test_a_start_for_the_window_of_a_refusal_is_taken_away(ask):
    assert "Max-Age=0" in ask(GOOD | {"mainland": "no"}).headers["set-cookie"]


def test_each_question_that_is_not_answered_is_named_and_linked(ask):
    answer = ask({"city": ""})
    assert answer.status_code == 422
    assert "<title>Error: Can I do this online?" in answer.text
    wanted = [name for name in QUESTIONS if name != "until"]
    assert re.findall(r'<li><a href="#([a-z]+)">', answer.text) == wanted
    for name in wanted:
        assert f'id="{name}"' in answer.text
        assert f'id="{name}-error"' in answer.text
    assert 'role="alert"' in answer.text
    assert "尚未回答" in ask({"city": ""}, language="zh-CN").text


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"city": "999999"}, {"city": "answer_unknown"}),
        ({"city": "440300 or 1=1"}, {"city": "answer_unknown"}),
        ({"city": ""}, {"city": "answer_missing"}),
        ({"document": "visa"}, {"document": "answer_unknown"}),
        ({"ground": "bored", "works": "no"}, {"ground": "answer_unknown", "works": "answer_unknown"}),
        ({"until-year": "99999"}, {"until": "date_not_real"}),
        ({"until-year": "9999"}, {"until": "date_out_of_range"}),
        ({"until-month": "13"}, {"until": "date_not_real"}),
        ({"until-month": "2"}, {"until": "date_not_real"}),
        ({"until-year": "", "until-month": "", "until-day": ""}, {"until": "date_missing"}),
        ({"birth-year": ""}, {"birth": "date_not_real"}),
        ({"birth-year": "0"}, {"birth": "date_not_real"}),
        ({"birth-year": "-1"}, {"birth": "date_not_real"}),
        ({"birth-year": "1e3"}, {"birth": "date_not_real"}),
        ({"birth-year": "1890"}, {"birth": "date_out_of_range"}),
        ({"birth-year": "2026", "birth-month": "5", "birth-day": "7"}, {"birth": "date_out_of_range"}),
        ({"birth-day": "\u0000"}, {"birth": "date_not_real"}),
        ({"birth-day": "²"}, {}),
    ],
)
def test_what_is_wrong_with_an_answer_is_said_at_its_question(
    changes: dict[str, str], faults: dict[str, str]
):
    if faults:
        assert wrong(**changes) == faults
    else:
        assert isinstance(read(GOOD | changes, cities=CITIES, documents=DOCUMENTS, today=TODAY), Answers)


def test_full_width_figures_and_the_last_day_of_february_are_understood():
    full = answers(**{"birth-year": "１９９２", "birth-month": "０２", "birth-day": " 29 "})
    assert full.birth == date(1992, 2, 29)


def test_the_last_day_is_asked_only_of_a_document_that_is_valid():
    nothing = {"until-year": "", "until-month": "x", "until-day": ""}
    assert answers(held="over", **nothing).until is None
    assert answers(held="none", **nothing).until is None


def test_a_document_that_is_said_to_be_valid_and_is_not_is_found_out(ask):
    assert "no longer valid" in ask(GOOD | {"until-year": "2020"}).text


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (b"city=" + b"x" * BODY_BYTES_MAX, "application/x-www-form-urlencoded"),
        (b"&".join(b"f%d=1" % n for n in range(FIELDS_MAX + 1)), "application/x-www-form-urlencoded"),
        ("city=广州".encode(), "application/x-www-form-urlencoded"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b'{"city": "440300"}', "application/json"),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x"),
        (b"city=440300", ""),
    ],
)
def test_a_form_that_cannot_be_read_is_asked_for_again(ask, content: bytes, media: str):
    answer = ask(content=content, media=media)
    assert answer.status_code == 422
    assert "arrived damaged or much too long" in answer.text
    assert 'id="birth"' in answer.text


def test_hostile_words_come_back_as_words(ask):
    answer = ask(GOOD | {"until-year": "\"><script>alert('x')</script>", "city": "<script>"})
    assert answer.status_code == 422
    assert "<script" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_whoever_changes_the_answers_finds_them_filled_in(ask):
    answer = ask(GOOD)
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.text))
    assert hidden == GOOD
    form = ask(hidden | {"change": "1"})
    assert form.status_code == 200
    assert '<option value="440300" selected>' in form.text
    assert form.text.count(" checked") == 6
    assert 'value="1990"' in form.text
    assert "error" not in form.text


def test_the_form_names_each_city_by_province_and_says_when_one_opens_later(run):
    async def scene(now: datetime) -> str:
        page = CanI(
            frame=frame(),
            cities=CITIES,
            documents=DOCUMENTS,
            book=BOOK,
            clock=SetClock(start=now),
            secret=SECRET,
        )
        request: Any = RequestFactory().get("/can-i", headers={"accept-language": "en"})
        return bytes((await page.ask(request)).content).decode()

    today = run(scene(NOW))
    assert '<optgroup label="Guangdong">' in today
    assert today.count("<option") == len(CITIES) + 2
    assert "Guangzhou (from" not in today
    assert "Guangzhou (from 6 May 2024)" in run(scene(datetime(2024, 5, 1, tzinfo=UTC)))


def test_the_terms_of_every_city_and_document_are_said_in_both_languages():
    for code in CITIES:
        city = BOOK.city(code, TODAY)
        assert city is not None
        for name in DOCUMENTS:
            document = BOOK.document(name, TODAY)
            assert document is not None
            both = [terms(city=city, document=document, language=language) for language in LANGUAGES]
            assert len(both[0]) == len(both[1]) == 7
            assert all(key and value for rows in both for key, value in rows)


def test_every_fault_has_a_sentence_of_its_own_step():
    found = read({}, cities=CITIES, documents=DOCUMENTS, today=TODAY)
    assert isinstance(found, dict)
    for refusal in found.values():
        assert isinstance(refusal, Refusal)
        assert kind_of(refusal).owner == "authority.portal"


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "change", "x"]),
        st.one_of(st.text(max_size=50), st.sampled_from(sorted(GOOD.values()))),
    )
)
def test_no_form_whatever_breaks_the_reading_or_the_judging(fields: dict[str, str]):
    found = read(GOOD | fields, cities=CITIES, documents=DOCUMENTS, today=TODAY)
    if isinstance(found, Answers):
        document = BOOK.document(found.document, TODAY)
        assert document is not None
        city = None if found.city == "elsewhere" else BOOK.city(int(found.city), TODAY)
        verdict = verdict_of(found, city=city, document=document, today=TODAY)
        assert verdict.is_eligible == (not verdict.failed)
    else:
        assert set(found) <= set(QUESTIONS)
