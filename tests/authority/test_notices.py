"""The texts of notices: complete, in both languages, with a masked name and no other personal data."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import msgspec
import pytest

from safehand.authority.agent.states import AgentState
from safehand.authority.border.door_code import door_code
from safehand.authority.examination.reasons import REASONS
from safehand.authority.handover.events import OrderPlaced
from safehand.authority.notices.reminding import QUEUE_OF
from safehand.authority.notices.rendering import FRAME, STEPS, Renderer, templates
from safehand.authority.notices.wording import (
    day_words,
    deadline_words,
    moment_words,
    money_words,
    reason_words,
    reasons,
)
from safehand.authority.outward import _NOTICES, TEMPLATES, tells
from safehand.authority.tracking.commands import RecordNear, RecordVoid
from safehand.kernel.outcome import LANGUAGES, placeholders_of
from safehand.link.messages import Reason, Scan
from tests.authority.house import House
from tests.authority.sample_events import sample

SECRET = b"s" * 32
HOME = "http://authority.test"
SITE = f"{HOME}/my"
CASE = "ca_a"
CHOICES = f"{HOME}/cases/310000/{CASE}/messages"
NAME = "王安宁"
DUE = datetime(2024, 5, 12, 16, 0, tzinfo=UTC)
ORDER = "or_" + "a" * 26
FIELDS = ("sms", "subject", "body")


def renderer() -> Renderer:
    return Renderer(
        address=HOME, code_secret=SECRET, counter=lambda city, office, language: f"Counter {office} of {city}"
    )


def every_notice() -> dict[str, dict[str, str | int]]:
    """The facts that each template is really given, by the functions that make the notices."""
    house = House()
    house.with_post()
    named = msgspec.structs.replace(house.case.agent, state=AgentState.NAMED, number=1)
    case = msgspec.structs.replace(house.case, agent=named)
    found: dict[str, dict[str, str | int]] = {}
    changes: list[dict[str, Any]] = [{}, {"remake": False}, {"scan": int(Scan.HELD)}, {"postage_fen": 0}]
    for event in _NOTICES:
        for change in changes:
            made = sample(event)
            if set(change) <= set(event.__struct_fields__):
                made = msgspec.structs.replace(made, **change)
            for notice in tells(case, made):
                found[notice.template] = dict(notice.facts)
    for template in QUEUE_OF:
        found[template] = {"due_at": DUE.isoformat(), "office": "310000-1"}
    return found


def test_every_template_that_a_notice_may_name_is_written_and_no_other():
    assert set(templates()) == {*TEMPLATES, *QUEUE_OF, FRAME}
    assert set(every_notice()) == {*TEMPLATES, *QUEUE_OF}
    assert [name for name, one in templates().items() if one.group is None] == [FRAME]


@pytest.mark.parametrize("template", sorted({*TEMPLATES, *QUEUE_OF}))
def test_a_template_says_the_same_in_both_languages_and_needs_no_fact_that_is_not_given(template: str):
    one, facts = templates()[template], every_notice()[template]
    for field in FIELDS:
        assert placeholders_of(one.text(field, "zh")) == placeholders_of(one.text(field, "en"))
    for language in LANGUAGES:
        texts = renderer().render(
            template=template, facts=facts, city=310000, case=CASE, name=NAME, language=language
        )
        for text in (texts.sms, texts.subject, texts.body):
            assert text
            assert "{" not in text
            assert bool(re.search(r"[\u4e00-\u9fff]{3}", text)) == (language == "zh"), text
        assert texts.sms.startswith("【证达】" if language == "zh" else "[Safehand] ")
        assert "王**" in texts.sms
        assert NAME not in texts.sms + texts.subject + texts.body
        assert len(texts.sms) < 500
        assert "\n" not in texts.subject


@pytest.mark.parametrize("step", sorted(STEPS))
def test_whatever_runs_late_is_named(step: str):
    for language in LANGUAGES:
        texts = renderer().render(
            template="running_late",
            facts={"step": step},
            city=310000,
            case=CASE,
            name=NAME,
            language=language,
        )
        assert STEPS[step].in_language(language) in texts.sms
        assert STEPS[step].in_language(language) in texts.body


def test_no_template_names_a_document_or_a_person():
    personal = re.compile(
        r"护照|通行证|passport|permit|\{(phone|address|id_number|document|email)\}", re.IGNORECASE
    )
    for name, template in templates().items():
        for field in FIELDS:
            for language in LANGUAGES:
                assert not personal.search(template.text(field, language)), name


def test_the_delivery_code_is_made_while_the_text_is_made_and_only_for_the_door():
    facts = every_notice()["courier_on_the_way"]
    code = door_code(secret=SECRET, order=str(facts["order"]))
    assert code not in str(facts)
    for language in LANGUAGES:
        texts = renderer().render(
            template="courier_on_the_way", facts=facts, city=310000, case=CASE, name=NAME, language=language
        )
        assert code in texts.sms
        assert code in texts.body
        assert code not in texts.subject
        assert ("见到信封" in texts.sms) if language == "zh" else ("once you see the envelope" in texts.sms)
    others = [
        name for name, template in templates().items() if "{code}" in template.sms_zh + template.body_zh
    ]
    assert others == ["courier_on_the_way", "courier_near", "agent_awaits_courier"]
    assert [name for name, template in templates().items() if template.to_agent] == ["agent_awaits_courier"]


def test_the_code_is_sent_when_the_courier_sets_out_and_never_for_old_news():
    house = House()
    house.with_post()
    house.notices.clear()
    house.ok(house.scan(Scan.AT_OFFICE, "sc_0001"), actor="postal")
    assert not house.notices
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_0002"), actor="postal")
    assert [(n.template, n.facts) for n in house.notices] == [
        ("courier_on_the_way", {"order": house.case.handover.order})
    ]
    house.notices.clear()
    # The void overtook its scan.
    house.ok(RecordVoid(**house.item(), scan_id="sc_0003"), actor="postal")
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_0003"), actor="postal")
    house.ok(house.claim(), actor="postal")
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_0004"), actor="postal")
    assert "courier_on_the_way" not in [notice.template for notice in house.notices]


def test_the_code_is_sent_once_more_when_the_courier_is_near_and_is_never_lost_without_that():
    house = House().with_post()
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_0001"), actor="postal")
    assert house.notices[-1].template == "courier_on_the_way", "also where nobody will say to be near"
    house.notices.clear()
    near = RecordNear(**house.item(), at=house.now)
    assert house.ok(near, actor="postal") == ["tracking.courier_near"]
    [told] = house.notices
    assert (told.template, told.facts) == ("courier_near", {"order": house.case.handover.order})
    code = door_code(secret=SECRET, order=str(told.facts["order"]))
    for language in LANGUAGES:
        texts = renderer().render(
            template="courier_near", facts=told.facts, city=310000, case=CASE, name=NAME, language=language
        )
        assert code in texts.sms


def test_an_order_of_the_post_never_tells_whose_it_is():
    assert "name" not in OrderPlaced.__struct_fields__


def test_every_reason_has_words():
    assert {str(int(reason)) for reason in Reason} | {"0", "lost", "missing", "returned"} == set(reasons())
    for code in REASONS:
        assert reason_words(code, "zh") != reason_words(0, "zh")
    assert reason_words("never heard of", "en") == reason_words(0, "en")


def test_days_and_sums_are_said_as_people_say_them():
    assert deadline_words(DUE, "zh") == "2024年5月12日（含当日）"
    assert deadline_words(DUE, "en") == "the end of 12 May 2024"
    noon = datetime(2024, 5, 12, 4, 5, tzinfo=UTC)
    assert deadline_words(noon, "en") == moment_words(noon, "en") == "12 May 2024, 12:05"
    assert moment_words(noon, "zh") == "2024年5月12日 12:05"
    # Late evening in UTC is the next day in China.
    assert day_words(datetime(2024, 12, 31, 16, 0, tzinfo=UTC), "en") == "1 January 2025"
    assert money_words(12345, "zh") == "123.45元"


def test_a_text_with_a_fact_that_is_missing_is_no_text():
    with pytest.raises(LookupError):
        renderer().render(
            template="payment_due", facts={"fee_fen": 1}, city=310000, case=CASE, name=NAME, language="en"
        )
    with pytest.raises(LookupError):
        renderer().render(
            template="nothing_known", facts={}, city=310000, case=CASE, name=NAME, language="en"
        )


def test_a_mail_as_a_page_holds_paragraphs_and_links_to_our_own_site_and_nothing_else():
    made = renderer()
    for language in LANGUAGES:
        for template, facts in every_notice().items():
            texts = made.render(
                template=template, facts=facts, city=310000, case=CASE, name=NAME, language=language
            )
            tags = set(re.findall(r"<(/?[a-z!]+)", texts.html))
            assert tags <= {"!doctype", "html", "meta", "body", "/body", "/html", "p", "/p", "br", "a", "/a"}
            assert set(re.findall(r'href="([^"]*)"', texts.html)) == {SITE, CHOICES}
            assert texts.choices == CHOICES
            plain = re.sub(r"<[^>]+>", "", texts.html.partition("<body>")[2].replace("<br>", "\n"))
            assert "".join(unescape(plain).split()) == "".join(texts.body.split())


def test_a_name_that_looks_like_markup_stays_a_name():
    texts = renderer().render(
        template="application_received",
        facts={"document": "passport"},
        city=310000,
        case=CASE,
        name="<b>a href='http://foreign.example'",
        language="en",
    )
    assert "<b>" not in texts.html
    assert "Dear &lt;" in texts.html
    assert "foreign" not in texts.html


def test_an_address_ends_where_its_text_goes_on():
    """A phone makes a link of an address and of whatever letters follow it without a space."""
    for name, template in templates().items():
        for field in FIELDS:
            for language in LANGUAGES:
                text = template.text(field, language)
                after = re.findall(r"\{(?:site|choices)\}(.?)", text, re.DOTALL)
                assert set(after) <= {"", " ", "\n"}, name
