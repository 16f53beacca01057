"""The pages over the real authority: signing in, the timeline, the buttons, the national table, and who sees nothing."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from safehand.authority.app import make_app
from safehand.authority.examination.commands import Approve
from safehand.authority.portal.under_way import PENDING_FOR, PENDING_MAX, Pending, UnderWay, digest_of
from safehand.authority.ports.sign_in import SignInBegun
from safehand.authority.tracking.commands import RecordCourier, RecordReported
from safehand.house.database import KERNEL_SQL
from safehand.house.look.sheet import sheet
from safehand.kernel.ids import SystemIds
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import VaultKeys
from safehand.link.messages import Scan
from tests.authority.living_authority import HOME, START, World, living

pytestmark = pytest.mark.slow


def test_an_applicant_signs_in_and_reads_the_timeline_in_both_languages(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person()
            asked = await someone.browser.get("/my")
            assert asked.status_code == 303
            assert asked.headers["location"] == "/sign-in?to=/my"
            back = await someone.sign_in("applicant")
            assert (back.status_code, back.headers["location"]) == (303, "/my")
            cookie = next(c for c in back.headers.get_list("set-cookie") if c.startswith("session="))
            assert {"HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
            assert "还没有申请" in await someone.page("/my")

            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/310000/{case}"
            assert address in await someone.page("/my")
            await world.move_to(START + timedelta(days=3))
            # A session has ended by then; the sign-in leads back to where one was.
            away = await someone.browser.get(address)
            assert away.headers["location"] == f"/sign-in?to={address}"
            assert (await someone.sign_in("applicant")).status_code == 303
            chinese = await someone.page(address)
            assert 'lang="zh-CN"' in chinese
            for words in (
                "普通护照",
                "审核中",
                "您提交了申请。",
                "2024年5月6日 09:00",
                "自提交起 3 天",
                "2024年5月14日（含当日）",
            ):
                assert words in chinese, words
            english = await someone.page(f"{address}?lang=en")
            assert '<html lang="en">' in english
            for words in (
                "ordinary passport",
                "You submitted the application.",
                "6 May 2024, 09:00",
                "3 days since submission",
            ):
                assert words in english, words
            # The choice is kept.
            assert '<html lang="en">' in await someone.page("/my")

    run(scene())


def test_another_persons_case_answers_exactly_as_an_unknown_one(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            owner, stranger = world.person(), world.person()
            await owner.sign_in("applicant")
            await stranger.sign_in("stranger")
            case = (await world.submit(owner, "applicant"))["case"]
            unknown = f"ca_{'a' * (len(case) - 3)}"
            for rest in ("", "/withdraw", "/paid"):
                theirs = await stranger.browser.get(f"/cases/310000/{case}{rest}")
                nobodys = await stranger.browser.get(f"/cases/310000/{unknown}{rest}")
                assert theirs.status_code == nobodys.status_code == 404
                assert theirs.content == nobodys.content
            assert case not in await stranger.page("/my")

            page = await owner.page(f"/cases/310000/{case}/withdraw")
            form = {"csrf": page.split('name="csrf" value="')[1].split('"')[0], "version": "1"}
            stolen = await stranger.browser.post(
                f"/cases/310000/{case}/withdraw", data=form, headers={"origin": HOME}
            )
            assert stolen.status_code == 403
            assert "审核中" in await owner.page(f"/cases/310000/{case}")
            # With an own token the case is still nobody's.
            form["csrf"] = (await stranger.page("/my")).split('name="csrf" value="')[1].split('"')[0]
            refused = await stranger.browser.post(
                f"/cases/310000/{case}/withdraw", data=form, headers={"origin": HOME}
            )
            assert refused.status_code == 404

    run(scene())


def test_only_the_own_page_of_the_own_session_can_press_a_button(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/310000/{case}"
            page = await someone.page(f"{address}/withdraw")
            wrongs: tuple[dict[str, Any], ...] = (
                {"origin": "http://elsewhere.test"},
                {"origin": "null"},
                {"origin": None},
                {"csrf": "x" * 52},
                {"csrf": ""},
                {"version": "one"},
            )
            for wrong in wrongs:
                refused = await someone.press(page=page, act="withdraw", **wrong)
                assert refused.status_code == 403, wrong
                assert "Nothing was changed" in refused.text
            assert "under review" in await someone.page(address)

            done = await someone.press(page=page, act="withdraw")
            assert (done.status_code, done.headers["location"]) == (303, f"{address}?done=withdraw")
            after = await someone.page(f"{address}?done=withdraw")
            assert "You withdrew the application." in after
            assert "/withdraw" not in after
            # The same button pressed twice on the same page is one request.
            again = await someone.press(page=page, act="withdraw")
            assert again.status_code == 303

            left = await someone.press(page=await someone.page("/my"), act="sign-out")
            assert left.status_code == 303
            assert (await someone.browser.get("/my")).headers["location"] == "/sign-in?to=/my"

    run(scene())


def test_a_sign_in_ends_in_the_browser_where_it_began(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            begins, other = world.person("en"), world.person("en")
            begun = await begins.browser.get("/sign-in?how=card")
            there = await begins.browser.get(f"{begun.headers['location']}&prompt=none&login_hint=applicant")
            back = there.headers["location"]
            in_other_browser = await other.browser.get(back)
            assert in_other_browser.status_code == 400
            assert "in another browser" in in_other_browser.text
            assert (await begins.browser.get(back)).status_code == 303
            assert (await begins.browser.get(back)).status_code == 400

            late = await other.browser.get("/sign-in?how=card")
            there = await other.browser.get(f"{late.headers['location']}&prompt=none&login_hint=applicant")
            await world.move_to(START + timedelta(minutes=10))
            assert (await other.browser.get(there.headers["location"])).status_code == 400

            begun = await other.browser.get("/sign-in?how=bank&to=https://elsewhere.test/")
            there = await other.browser.get(f"{begun.headers['location']}&prompt=none&login_hint=applicant")
            assert (await other.browser.get(there.headers["location"])).headers["location"] == "/my"

            begun = await other.browser.get("/sign-in?how=card")
            low = f"{begun.headers['location']}&prompt=none&login_hint=applicant&assurance=low"
            there = await other.browser.get(low)
            refused = await other.browser.get(there.headers["location"])
            assert refused.status_code == 403
            assert "face" in refused.text

    run(scene())


def test_the_recipient_says_at_the_door_and_after_it_what_is_in_hand(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/310000/{case}"
            order = (await world.bring_to_post(case)).tracking.order
            await world.do(case, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            page = await someone.page(address)
            assert "The courier is on the way to you." in page
            said = await someone.press(page=page, act="at-door")
            assert said.headers["location"] == f"{address}?done=at-door"
            assert "“I am being given it.”" in await someone.page(address)

            reported = RecordReported(
                order=order, waybill="ZA000000005CN", carrier_code="10", occurred_at=START
            )
            await world.do(case, reported, actor="post")
            page = await someone.page(address)
            assert "reported delivered, not proven" in page
            asked = await someone.page(f"{address}/not-here")
            assert "it is frozen: nobody can travel with it" in asked
            denied = await someone.press(page=asked, act="not-here")
            assert denied.headers["location"] == f"{address}?done=not-here"
            page = await someone.page(address)
            assert "You said that you don&#39;t have it." in page
            assert "Your document is frozen" in page
            assert "another one is made free of charge; you need not apply again" in page
            again = await someone.browser.get(f"{address}/not-here")
            assert again.headers["location"] == address, "said already"
            found = await someone.press(page=page, act="have-it")
            assert found.status_code == 303
            page = await someone.page(address)
            assert "in your hands" in page
            assert "You confirmed it yourself: delivered, with proof." in page
            assert "Your document is frozen" not in page
            assert "The document is no longer frozen" in page

            totals = (await someone.page("/nation")).split('<tr class="nation">')[1].split("</tr>")[0]
            counts = [cell.split("<")[0] for cell in totals.split("<td")[1:]]
            assert [text.split(">")[1] for text in counts][:2] == ["1", "1"]

    run(scene())


def test_who_comes_is_said_to_be_unknown_while_the_post_is_silent(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            order = (await world.bring_to_post(case)).tracking.order
            named = RecordCourier(order=order, waybill="ZA000000005CN", courier="st_abc", at=START)
            await world.do(case, named, actor="post")
            address = f"/cases/310000/{case}"
            for _ in range(2):
                assert "The post does not answer at this moment who it is" in await someone.page(address)
            assert (await someone.browser.get(f"{address}/courier")).status_code == 404

    run(scene())


def test_nobody_denies_what_nobody_says_they_have(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            refused = await someone.browser.get(f"/cases/310000/{case}/not-here")
            assert refused.status_code == 409
            assert "Nobody says that you have it" in refused.text
            assert "ask 12367" in refused.text
            away = await world.person("en").browser.get(f"/cases/310000/{case}/not-here")
            assert away.headers["location"] == f"/sign-in?to=/cases/310000/{case}/not-here"

    run(scene())


def test_paying_leads_to_the_payment_service_and_back(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/310000/{case}"
            await world.do(case, Approve())
            page = await someone.page(address)
            assert "CNY 120.00" in page
            pays = await someone.press(page=page, act="pay")
            assert pays.status_code == 303
            assert pays.headers["location"].startswith(world.services["payment"] + "/")
            policy = pays.headers["content-security-policy"]
            assert f"form-action 'self' {world.services['payment']} {world.services['sign_in']};" in policy
            pay_page = await someone.browser.get(pays.headers["location"])
            assert f"{HOME}{address}/paid" in pay_page.text

            early = await someone.browser.get(f"{address}/paid")
            assert early.headers["location"] == f"{address}?done=not-paid"
            await someone.browser.post(pays.headers["location"], data={"outcome": "paid"})
            back = await someone.browser.get(f"{address}/paid")
            assert back.headers["location"] == f"{address}?done=paid"
            assert "Your payment of CNY 120.00 arrived." in await someone.page(address)

    run(scene())


def test_whoever_pays_too_late_and_comes_back_is_told_that_the_money_goes_back(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/310000/{case}"
            await world.do(case, Approve())
            pays = await someone.press(page=await someone.page(address), act="pay")
            await world.move_to(START + timedelta(days=9))
            await someone.sign_in("applicant")
            await someone.browser.post(pays.headers["location"], data={"outcome": "paid"})
            back = await someone.browser.get(f"{address}/paid")
            assert back.headers["location"] == f"{address}?done=paid-back"
            assert "too late or twice" in await someone.page(back.headers["location"])
            row = await someone.browser.get(f"/v1{address}", headers={"accept": "application/json"})
            assert row.json()["state"]["payment"]["state"] == "refund_due"

    run(scene())


def test_whoever_can_not_pay_any_more_is_not_told_to_pay(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            await world.do(case, Approve())
            page = await someone.page(f"/cases/310000/{case}/withdraw")
            await someone.press(page=page, act="withdraw")
            back = await someone.browser.get(f"/cases/310000/{case}/paid")
            assert back.status_code == 409
            assert "the payment is closed" in back.text

    run(scene())


def test_every_page_lets_nothing_foreign_in_and_names_nobody(run, fresh_database, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="safehand")

    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person()
            signed = await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            person = world.cast.person("applicant")
            personal = (
                person.id_number,
                person.phone,
                person.name_zh,
                person.name_en,
                person.email,
                person.documents[0].number,
            )
            await world.control("chores")
            for address in (
                "/",
                "/my",
                f"/cases/310000/{case}",
                f"/cases/310000/{case}/withdraw",
                "/nation",
                "/sign-in?how=",
                "/can-i",
                "/design",
                "/no-such-page",
                "/v1/no-such-thing",
            ):
                answer = await someone.browser.get(address)
                assert answer.status_code == (404 if "no-such" in address else 200)
                assert answer.headers["content-security-policy"].startswith(
                    "default-src 'none'; style-src 'self';"
                )
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "no-store"
                assert "<script" not in answer.text
                assert "style=" not in answer.text
                assert not any(word in answer.text for word in personal), address
            assert not any(word in str(signed.headers) for word in personal)
            assert not any(word in caplog.text for word in personal)

            program = await someone.browser.get("/no-such-page", headers={"accept": "application/json"})
            assert program.headers["content-type"].startswith("application/problem+json")
            style = await someone.browser.get(sheet().address)
            assert style.headers["content-type"].startswith("text/css")
            assert "immutable" in style.headers["cache-control"]

    run(scene())


def test_a_sign_in_begun_at_one_process_ends_at_another_which_knows_the_person(run, fresh_database, tmp_path):
    dsn = fresh_database(kernel=KERNEL_SQL)

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            other = await make_app(world.settings)
            async with other.lifespan():
                someone = world.person("en")
                begun = await someone.browser.get("/sign-in?how=card&to=/my")
                there = await someone.browser.get(
                    f"{begun.headers['location']}&prompt=none&login_hint=applicant"
                )
                await world.let_answer(someone, other)
                assert (await someone.browser.get(there.headers["location"])).headers["location"] == "/my"
                assert (await someone.browser.get(there.headers["location"])).status_code == 400, "used up"
                await world.let_answer(someone, world.app)
                assert "You have no applications yet." in await someone.page("/my")
                # What is filled in is the proven identity, which only the other process was told.
                case = (await world.submit(someone, "applicant"))["case"]
                await world.let_answer(someone, other)
                await someone.page(f"/cases/310000/{case}")
                await someone.press(page=await someone.page("/my"), act="sign-out")
                assert (await someone.browser.get("/my")).status_code == 303
            await _no_person_lies_open(dsn, world)

    run(scene())


async def _no_person_lies_open(dsn: str, world: World) -> None:
    person = world.cast.people["applicant"].person
    connection = await asyncpg.connect(dsn)
    try:
        for table in ("session", "sign_in_under_way"):
            found = await connection.fetch(f"select t::text, row_to_json(t)::text from {table} t")
            for secret in (person.name_zh, person.id_number):
                hidden = secret.encode().hex()
                assert not [row for row in found if secret in row[0] or hidden in row[0]]
    finally:
        await connection.close()


def test_what_was_kept_for_a_sign_in_opens_to_its_token_alone_and_ends_with_its_time(run, fresh_database):
    dsn = fresh_database(kernel=KERNEL_SQL)

    async def scene():
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        vault = VaultKeys(wrapping=b"w" * 32, blinding=b"b" * 32)
        under_way = UnderWay(store=store, vault=vault, ids=SystemIds())
        begun = SignInBegun(address="https://a", state="a-state", nonce="a-nonce", code_verifier="a-verifier")
        pending = Pending(begun=begun, to="/my")
        try:
            one, two, three = (under_way.new_token() for _ in range(3))
            for token in (one, two):
                await under_way.keep(token=token, pending=pending, now=START)
            for wrong in ("", three, one + "a", "a" * 101):
                assert await under_way.take(token=wrong, now=START) is None
            assert await under_way.take(token=one, now=START) == pending
            assert await under_way.take(token=one, now=START) is None
            # A row under another's token does not open.
            await store.fetch("update sign_in_under_way set digest = $1", digest_of(three))
            assert await under_way.take(token=three, now=START) is None
            await under_way.keep(token=two, pending=pending, now=START)
            assert await under_way.take(token=two, now=START + PENDING_FOR) is None
            await under_way.keep(token=two, pending=pending, now=START)
            assert await under_way.sweep(now=START + PENDING_FOR - timedelta(seconds=1)) == 0
            assert await under_way.sweep(now=START + PENDING_FOR) == 1
        finally:
            await store.close()

    run(scene())


def test_too_many_sign_ins_under_way_let_the_oldest_go(run, fresh_database):
    dsn = fresh_database(kernel=KERNEL_SQL)

    async def scene():
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        vault = VaultKeys(wrapping=b"w" * 32, blinding=b"b" * 32)
        under_way = UnderWay(store=store, vault=vault, ids=SystemIds())
        begun = SignInBegun(address="https://a", state="a-state", nonce="a-nonce", code_verifier="a-verifier")
        pending = Pending(begun=begun, to="/my")
        try:
            await store.fetch(
                "insert into sign_in_under_way select sha256(n::text::bytea), '\\x', $1::timestamptz + n * interval '1 ms'"
                " from generate_series(1, $2::int) n",
                START,
                PENDING_MAX,
            )
            await under_way.keep(token="a" * 52, pending=pending, now=START)
            [row] = await store.fetch("select count(*), min(expires_at) from sign_in_under_way")
            assert row[0] == PENDING_MAX
            assert row[1] == START + timedelta(milliseconds=2)
            assert await under_way.take(token="a" * 52, now=START) == pending
        finally:
            await store.close()

    run(scene())


def test_what_is_said_on_can_i_stands_in_no_log_no_cookie_and_no_table(run, fresh_database, tmp_path, caplog):
    caplog.set_level("DEBUG")
    marks = {"birth-year": "1973", "birth-month": "11", "birth-day": "27"}
    said = {
        "city": "310000",
        "document": "passport",
        "ground": "lost",
        "held": "valid",
        "until-year": "2031",
        "until-month": "3",
        "until-day": "29",
        "fingerprints": "yes",
        "works": "neither",
        "mainland": "yes",
    }
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone = world.person("en")
            rows = await _counted(dsn)
            answer = await someone.browser.post("/can-i", data=said | marks)
            assert answer.status_code == 200
            assert "You can do this online" in answer.text
            assert "27 November 1973" in answer.text, "it is shown to whoever said it"
            assert await _counted(dsn) == rows
            assert "start" in someone.browser.cookies
            for written in (str(answer.headers), str(answer.url), caplog.text):
                assert not any(mark in written for mark in ("1973", "2031"))
            # A foreign site could send this form too: it opens no door and changes nothing that is ours.
            foreign = await someone.browser.post(
                "/can-i", data=said, headers={"origin": "http://elsewhere.test"}
            )
            assert foreign.status_code == 422

    run(scene())


async def _counted(dsn: str) -> dict[str, int]:
    """How many rows each table holds."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "select tablename from pg_tables where schemaname = 'public' order by tablename"
        )
        return {row[0]: await connection.fetchval(f'select count(*) from "{row[0]}"') for row in tables}
    finally:
        await connection.close()
