"""A question about a case: asked from a line of the timeline, answered in time, opened again, rated; its text seen by few."""

import asyncio
import io
import json
import re
import zipfile
from datetime import date, timedelta
from typing import Any, get_args

import pytest

from safehand.authority.help.commands import (
    STARS_MAX,
    TEXT_CHARACTERS_MAX,
    AnswerHelp,
    AskHelp,
    HelpExpired,
    RateHelp,
    ReopenHelp,
    Topic,
)
from safehand.authority.help.events import HelpAsked
from safehand.authority.help.lines import FILE, load_help_lines
from safehand.authority.help.rules import TEXTS_MAX
from safehand.authority.help.states import QUEUE, HelpState
from safehand.authority.help.texts import HelpTexts
from safehand.authority.machines import ROLES
from safehand.authority.portal.data_copy import JSON_NAME
from safehand.authority.portal.help import STARS, TOPICS
from safehand.authority.tracking.commands import DenyReceipt
from safehand.house.erasure import OrderErasure
from safehand.kernel.dated import DefectiveRulesError
from safehand.kernel.machine import StreamKey
from tests.authority.house import WITHDRAW, House
from tests.authority.living_authority import HOME, ROOT, SHANGHAI, Person, World, living
from tests.authority.test_my_data import posts
from tests.authority.test_retention import kept_of, rows, withdrawn
from tests.authority.test_uploads import applicant_of, house_of

slow = pytest.mark.slow
MARKER = "标记7f3a<script>alert(1)</script> 我的证件在哪里？"
REPLY = "标记9c2b：邮件已到达上海邮政网点，明天投递。"


def ask(number: int, **changes: Any) -> AskHelp:
    return AskHelp(**({"topic": "where", "text": "where is it", "text_number": number} | changes))


def answer(number: int) -> AnswerHelp:
    return AnswerHelp(outcome="explained", text="on its way", text_number=number)


def test_a_question_waits_for_an_agent_two_working_days_and_then_for_the_manager():
    house = House().approved()
    assert house.ok(ask(1, about=1)) == ["help.asked"]
    line = house.waits()[QUEUE]
    assert line.owner == "help_agent"
    assert line.group == house.case.application.office
    assert line.due_at is not None
    assert line.due_at - house.now <= timedelta(days=5)
    assert house.no(ask(2)) == "help.already_open"
    assert house.ok(HelpExpired(), actor="system") == [] if house.now < line.due_at else True
    house.ring(QUEUE)
    late = house.waits()[QUEUE]
    assert (late.owner, late.due_at) == ("authority_manager", None)
    assert house.ok(answer(2)) == ["help.answered"]
    assert QUEUE not in house.waits()


def test_a_clock_that_rings_for_nobody_too_early_or_twice_changes_nothing():
    house = House().approved()
    assert house.ok(HelpExpired(), actor="system") == []
    house.ok(ask(1))
    assert house.ok(HelpExpired(), actor="system") == []
    house.ring(QUEUE)
    house.later(days=60)
    assert house.ok(HelpExpired(), actor="system") == []
    house.ok(answer(2))
    house.later(days=60)
    assert house.ok(HelpExpired(), actor="system") == []


def test_who_does_not_have_it_has_asked_without_a_text():
    house = House().delivered()
    house.ok(ask(1))
    house.ok(answer(2))
    assert "help.asked" in house.ok(DenyReceipt())
    asked = house.case.help
    assert (asked.number, asked.denial, asked.texts) == (2, True, 2)
    assert house.waits()[QUEUE].due_at is not None
    assert house.ok(answer(3)) == ["help.answered"], "the next text is the third"


def test_who_does_not_have_it_asks_nothing_beside_an_open_question_or_when_all_texts_are_used_up():
    house = House().delivered()
    house.ok(ask(1))
    assert "help.asked" not in house.ok(DenyReceipt())
    for texts, asked in ((TEXTS_MAX - 2, True), (TEXTS_MAX, False)):
        house = House().delivered()
        for number in range(1, texts, 2):
            house.ok(ask(number))
            house.ok(answer(number + 1))
        assert ("help.asked" in house.ok(DenyReceipt())) is asked


def test_what_was_asked_last_has_the_last_text_for_its_answer_and_is_not_opened_again_without_one():
    house = House().approved()
    for number in range(1, TEXTS_MAX - 2, 2):
        house.ok(ask(number))
        house.ok(answer(number + 1))
    house.ok(ask(TEXTS_MAX - 1))
    assert house.no(answer(TEXTS_MAX - 1)) == "help.changed_meanwhile"
    house.ok(answer(TEXTS_MAX))
    assert house.no(ReopenHelp(text="not settled", text_number=TEXTS_MAX + 1)) == "help.too_many"


def answered(house: House, texts: int) -> House:
    """So many texts, the last of them an answer."""
    for number in range(1, texts, 2):
        house.ok(ask(number))
        house.ok(answer(number + 1))
    return house


def test_the_last_two_texts_are_for_opening_it_again_and_for_the_answer_to_that():
    house = answered(House().approved(), TEXTS_MAX - 2)
    last = TEXTS_MAX - 1
    assert house.ok(ReopenHelp(text="not settled", text_number=last)) == ["help.reopened"]
    assert house.ok(answer(TEXTS_MAX)) == ["help.answered"]


def test_nobody_asks_what_could_not_be_answered_any_more():
    house = answered(House().delivered(), TEXTS_MAX - 2)
    house.ok(DenyReceipt())
    house.ok(answer(TEXTS_MAX - 1))
    assert house.no(ask(TEXTS_MAX)) == "help.too_many"
    assert house.no(ReopenHelp(text="not settled", text_number=TEXTS_MAX)) == "help.too_many"


def test_a_denial_is_asked_about_no_line_of_the_timeline():
    house = House().delivered()
    house.ok(DenyReceipt())
    [asked] = [event for _, event in house.events if isinstance(event, HelpAsked)]
    assert (asked.about, asked.text_number, asked.topic) == (0, 0, "not_in_hand")


def test_an_answer_is_rated_once_and_opened_again_for_thirty_days():
    house = House().approved()
    assert house.no(RateHelp(stars=5)) == "help.not_answered"
    assert house.no(ReopenHelp(text="not settled", text_number=1)) == "help.not_answered"
    house.ok(ask(1))
    assert house.no(RateHelp(stars=5)) == "help.not_answered"
    house.ok(answer(2))
    assert house.no(answer(3)) == "help.nothing_open"
    assert house.ok(RateHelp(stars=2)) == ["help.rated"]
    assert house.no(RateHelp(stars=5)) == "help.already_rated"
    assert house.ok(ReopenHelp(text="not settled", text_number=3)) == ["help.reopened"]
    assert house.case.help.number == 1
    house.ok(answer(4))
    assert house.case.help.stars == 0, "a new answer is rated anew"
    until = house.case.help.reopen_until
    assert until is not None
    house.now = until
    assert house.no(ReopenHelp(text="not settled", text_number=5)) == "help.too_late_to_reopen"
    assert house.ok(ask(5)) == ["help.asked"]
    assert house.case.help.number == 2


def test_a_text_takes_no_other_texts_place_and_there_is_an_end_of_texts():
    house = House().approved()
    assert house.no(ask(2)) == "help.changed_meanwhile"
    for number in range(1, TEXTS_MAX, 2):
        house.ok(ask(number))
        house.ok(answer(number + 1))
    assert house.case.help.texts == TEXTS_MAX
    assert house.no(ask(TEXTS_MAX + 1)) == "help.too_many"
    assert house.no(ReopenHelp(text="not settled", text_number=TEXTS_MAX + 1)) == "help.too_many"


def test_nobody_asks_about_nothing_and_whoever_is_erased_is_answered_no_more():
    assert House().no(ask(1)) == "help.no_application"
    house = House().submitted()
    house.ok(WITHDRAW)
    house.ok(ask(1))
    assert house.ok(OrderErasure()) == ["erasure.ordered", "help.dropped"]
    assert QUEUE not in house.waits()
    for command in (ask(2), answer(2), RateHelp(stars=1), ReopenHelp(text="not settled", text_number=2)):
        assert house.no(command) == "erasure.person_erased"


def test_applicants_ask_and_agents_answer():
    for command in (AskHelp, ReopenHelp, RateHelp):
        assert ROLES[command] == {"applicant"}
    assert ROLES[AnswerHelp] == {"help_agent", "authority_manager"}
    assert set(TOPICS) == set(get_args(Topic))
    assert set(STARS) == {str(stars) for stars in range(1, STARS_MAX + 1)}


def test_the_directory_names_five_lines_of_which_three_concern_a_document_on_its_way():
    lines = load_help_lines(ROOT / "documents").on(date(2024, 5, 6))
    assert [number for number, _ in lines] == ["12367", "11183", "11185", "95580", "4008909999"]
    assert [number for number, one in lines if one.on_its_way] == ["12367", "11183", "11185"]
    assert load_help_lines(ROOT / "documents").on(date(2024, 5, 5)) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is not the one section"),
        ("[lines]", "is not the one section"),
        ("lines = 3", "is not the one section"),
        ("[lines]\nab = []", "is no number to ring"),
        ("[lines]\n12367 = []", "has no entry"),
        ("[lines]\n12367 = [{ from = 2024-05-06, value = {}, source = 'assumed', ref = 'test' }]", "missing"),
        ("[", "TOML"),
    ],
)
def test_a_directory_that_cannot_be_used_names_what_is_wrong(tmp_path, text, wrong):
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(DefectiveRulesError) as refused:
        load_help_lines(tmp_path)
    assert wrong in str(refused.value)


# ---- over the real authority --------------------------------------------------------------------------------------


async def staff(world: World, role: str, cities: tuple[int, ...] = (SHANGHAI,)) -> dict[str, str]:
    """A session of staff: the header that carries it."""
    actor = "_".join(["st", role, *map(str, cities)])
    told = await world.control("sessions", [{"actor": actor, "roles": [role], "cities": list(cities)}])
    return {"authorization": f"Bearer {told['tokens'][0]}", "accept": "application/json"}


async def applied(world: World, language: str = "en") -> tuple[Person, dict[str, Any]]:
    someone, _ = await applicant_of(world, "applicant")
    await someone.page(f"/my?lang={language}")
    return someone, await world.submit(someone, "applicant")


async def answers_it(world: World, dsn: str, case: str) -> None:
    """An agent finds the question on the worklist, reads it, which is written down, and answers."""
    plain = world.person().browser
    agent = await staff(world, "help_agent")
    list_ = await plain.get(f"/v1/worklists/{QUEUE}?city={SHANGHAI}", headers=agent)
    assert case in list_.text
    query = f"/v1/help?city={SHANGHAI}&case={case}"
    told = await plain.get(query, headers=agent)
    assert [one["text"] for one in told.json()["texts"]] == [MARKER]
    [look] = await rows(dsn, "select actor, what, role from read_log where stream = $1", case)
    assert tuple(look) == (f"st_help_agent_{SHANGHAI}", "help", "help_agent")
    reply = {"city": SHANGHAI, "case": case, "outcome": "explained", "text": REPLY}
    answered = await plain.post(
        "/v1/help/answer", json=reply, headers=agent | {"idempotency-key": "answer-0001"}
    )
    assert answered.status_code == 200, answered.text


async def sends(someone: Person, address: str, act: str, **fields: str) -> Any:
    """A form of one's own page; `texts` as the page of that moment has it, if it has the form."""
    page = await someone.page(f"{address}/help")
    texts = page.split('name="texts" value="')[1].split('"')[0] if 'name="texts"' in page else "9"
    csrf = (await someone.page("/my")).split('name="csrf" value="')[1].split('"')[0]
    form = {"csrf": csrf, "texts": texts}
    return await someone.browser.post(f"{address}/help/{act}", data=form | fields, headers={"origin": HOME})


@slow
def test_a_question_goes_from_a_line_of_the_timeline_to_an_agent_and_back(
    run, fresh_database, tmp_path, caplog
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, done = await applied(world)
            case = done["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            page = await someone.page(address)
            assert f'href="{address}/help?line=1"' in page
            form = await someone.page(f"{address}/help?line=1")
            assert re.search(r'<option value="1" selected>[^<]*You submitted the application', form)
            sent = await sends(someone, address, "ask", topic="where", about="1", text=MARKER)
            assert (sent.status_code, sent.headers["location"]) == (303, f"{address}/help?done=ask")
            asked = await someone.page(sent.headers["location"])
            assert "标记7f3a&lt;script&gt;" in asked
            assert "<script" not in asked
            assert "You are answered by the end of 8 May 2024" in asked
            assert "Your question 1 is being looked into" in await someone.page(address)
            again = await sends(someone, address, "ask", topic="where", about="", text="once more please")
            assert again.status_code == 409

            await answers_it(world, dsn, case)
            shown = await someone.page(address)
            assert "标记9c2b" in shown
            assert "Your question 1 is answered." in shown
            await world.control("chores")
            texts = [one["text"] for one in await world.mailbox()]
            assert any("问题已答复" in text for text in texts), texts
            assert not [text for text in texts if "标记" in text]

            assert (await sends(someone, address, "rate", stars="2")).status_code == 303
            reopened = await sends(someone, address, "reopen", again="It did not come.\r\nWhere is it?")
            assert reopened.status_code == 303
            assert "It did not come." in await someone.page(f"{address}/help")
            for table in ("event", "answer", "notice", "stream", "vault_record"):
                kept = "".join(str(row) for row in await rows(dsn, f"select * from {table}"))
                assert "标记" not in kept, table
                assert "标记".encode().hex() not in kept, table
            assert "标记" not in caplog.text
            [names] = [await kept_of(dsn, case)]
            assert {"help.1", "help.2", "help.3"} <= names[1]

    run(scene())


@slow
def test_the_texts_are_in_the_own_copy_and_go_with_the_person(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, done = await applied(world)
            case = done["case"]
            await withdrawn(someone, done)
            address = f"/cases/{SHANGHAI}/{case}"
            assert (
                await sends(someone, address, "ask", topic="other", about="", text=MARKER)
            ).status_code == 303
            data = f"/my/data/{SHANGHAI}/{case}"
            own = await posts(someone, "/my/data/copy")
            [told] = json.loads(zipfile.ZipFile(io.BytesIO(own.content)).read(JSON_NAME))["applications"]
            assert told["questions and answers"] == [MARKER]
            asked = await someone.page(f"{data}/erase")
            assert "can’t be undone" in asked, "an open question holds no erasure up"
            assert (await someone.press(page=asked, act="erase")).status_code == 303
            await world.control("chores")
            assert await kept_of(dsn, case) == (0, set(), 0)
            assert await rows(dsn, "select from work where queue = $1", QUEUE) == []

    run(scene())


@slow
def test_of_two_questions_at_once_one_is_kept_with_its_own_text(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, done = await applied(world)

            def asks(text: str) -> Any:
                return someone.browser.post(
                    "/v1/help/ask",
                    json={"city": SHANGHAI, "case": done["case"], "topic": "other", "text": text},
                    headers={"idempotency-key": f"ask-{text}", "accept": "application/json"},
                )

            texts = [f"question-{number}" for number in range(6)]
            answers = await asyncio.gather(*(asks(text) for text in texts))
            [kept] = [text for text, one in zip(texts, answers, strict=True) if one.status_code == 200]
            refused = {one.json()["code"] for one in answers if one.status_code != 200}
            assert refused <= {"help.already_open", "help.changed_meanwhile"}
            found = await HelpTexts(house=house_of(world)).read(key=StreamKey(SHANGHAI, done["case"]))
            assert found == {1: kept}

    run(scene())


@slow
def test_what_is_wrong_with_a_question_is_said_at_its_field_and_hostile_ones_are_refused(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, done = await applied(world)
            address = f"/cases/{SHANGHAI}/{done['case']}"
            good = {"topic": "where", "about": "", "text": "where is it"}
            for wrong, said in (
                ({"topic": ""}, "Choose what it is about."),
                ({"topic": "x" * 900}, "Choose what it is about."),
                ({"text": "hm"}, "Write 5 to 1000 characters."),
                ({"text": "   \r\n  "}, "Write 5 to 1000 characters."),
                ({"text": "x" * (TEXT_CHARACTERS_MAX + 1)}, "Write 5 to 1000 characters."),
                ({"about": "99999"}, "Choose a line that is on the list."),
                ({"about": "-1"}, "Choose a line that is on the list."),
                ({"about": "'; drop table event"}, "Choose a line that is on the list."),
            ):
                refused = await sends(someone, address, "ask", **(good | wrong))
                assert refused.status_code == 422, wrong
                assert said in refused.text
                assert "Please mend this first" in refused.text
            nul = await sends(someone, address, "ask", **(good | {"text": "where\x00 is it"}))
            assert nul.status_code == 400
            for act, fields in (
                ("rate", {"stars": "6"}),
                ("rate", {"stars": "x"}),
                ("reopen", {"again": "x"}),
            ):
                assert (await sends(someone, address, act, **fields)).status_code == 422
            early = await sends(someone, address, "rate", stars="5")
            assert early.status_code == 409
            for line in ("x", "-1", "1" * 400, "%00"):
                assert (await someone.browser.get(f"{address}/help?line={line}")).status_code == 200
            huge = await sends(someone, address, "ask", **(good | {"text": "x" * 100_000}))
            assert huge.status_code in (413, 422)
            assert (await world.do(done["case"], ask(1))).help.state is HelpState.OPEN

    run(scene())


@slow
def test_nobody_else_reads_asks_or_answers(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, done = await applied(world)
            case = done["case"]
            stranger = world.person()
            await stranger.sign_in("stranger")
            addresses = [f"/cases/{SHANGHAI}/{one}/help" for one in (case, f"ca_{'a' * (len(case) - 3)}")]
            answers = [await stranger.browser.get(one) for one in addresses]
            assert answers[0].status_code == answers[1].status_code == 404
            assert answers[0].content == answers[1].content
            token = (await stranger.page("/my")).split('name="csrf" value="')[1].split('"')[0]
            form = {"csrf": token, "topic": "where", "text": "where is it"}
            for one in addresses:
                sent = await stranger.browser.post(f"{one}/ask", data=form, headers={"origin": HOME})
                assert sent.status_code == 404
            elsewhere = await someone.browser.post(
                f"{addresses[0]}/ask", data=form, headers={"origin": "http://elsewhere.test"}
            )
            assert elsewhere.status_code == 403

            query = f"/v1/help?city={SHANGHAI}&case={case}"
            plain = world.person().browser
            programs = {"accept": "application/json"}
            assert (await plain.get(query, headers=programs)).status_code == 401
            assert (await someone.browser.get(query, headers=programs)).status_code == 403
            for role, cities, status in (
                ("examiner", (SHANGHAI,), 403),
                ("help_agent", (440100,), 403),
                ("help_agent", (SHANGHAI,), 200),
                ("authority_manager", (), 200),
            ):
                headers = await staff(world, role, cities)
                assert (await plain.get(query, headers=headers)).status_code == status, (role, cities)
                for wrong in ("case=ca_none", "case=x", "case=" + "a" * 900, "case=bg_a", "city=x"):
                    answer = await plain.get(f"/v1/help?city={SHANGHAI}&{wrong}", headers=headers)
                    assert answer.status_code in (400, 403, 404, 422), wrong

    run(scene())


@slow
def test_anybody_reads_whom_to_ring_for_what(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            page = await world.person("en").page("/help")
            concerned, others = page.split("they know nothing of your document")
            assert ["tel:12367" in concerned, "tel:11183" in concerned, "tel:11185" in concerned] == [
                True
            ] * 3
            assert "tel:95580" in others
            assert "tel:4008909999" in others
            assert 'href="/help"' in await world.person().page("/")
            await house_of(world).jobs.run_clocks()

    run(scene())
