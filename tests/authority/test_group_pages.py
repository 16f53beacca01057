"""The pages of a family's documents on PostgreSQL: who may see what, and that nothing of anybody lies anywhere in the clear."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import httpx
import msgspec
import pytest

from safehand.authority.agent.person import AGENT_RECORD, AgentRecord
from safehand.authority.agent.states import AgentState
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.examination.commands import Approve
from safehand.authority.group.group import Group
from safehand.authority.group.refusals import OTHER_CITY, TOO_YOUNG
from safehand.authority.group.states import MembershipState as S
from safehand.authority.payment.commands import SettlePayment
from safehand.authority.production.commands import PassCheck, RecordPrinted
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks
from safehand.authority.readdressing.states import ReaddressingState
from safehand.house.persons import read_persons
from safehand.kernel.machine import StreamKey
from safehand.link.messages import Kind
from tests.authority.living_authority import HOME, START, Person, World, living
from tests.authority.test_applying import applicant, house_of, leads_to, send
from tests.authority.test_notices_sending import rows
from tests.authority.test_readdressing import ask

pytestmark = pytest.mark.slow
GUANGZHOU: Final = 440100
ELSEWHERE: Final = "广东省广州市越秀区示例一街道解放路7号1单元101室"
HOSTILE: Final = ("x", "a" * 31, "A" * 32, "a" * 33, "1" * 32, "ａ" * 32, "a" * 3_000, "';--" * 8)
LINK: Final = re.compile(rf"{HOME}(/join/[a-z2-7]{{32}})")


class Member:
    """One of the family with their browser and their case."""

    def __init__(self, world: World, person: Person, case: str) -> None:
        self.world, self.person, self.case = world, person, case
        self.key = StreamKey(GUANGZHOU, case)
        self.address = f"/cases/{GUANGZHOU}/{case}"
        self.group_page = f"{self.address}/group"

    async def state(self) -> Case:
        found = await house_of(self.world).store.streams(keys=[self.key])
        return msgspec.json.decode(found[self.key].state, type=Case)

    async def group(self) -> Group:
        key = StreamKey(GUANGZHOU, (await self.state()).group.group)
        found = await house_of(self.world).store.streams(keys=[key])
        return msgspec.json.decode(found[key].state, type=Group)

    async def record(self, name: str, shape: Any) -> Any:
        found = await read_persons(house=house_of(self.world), keys=[self.key], name=name)
        return msgspec.json.decode(found[self.key], type=shape) if found.get(self.key) else None

    async def press(self, act: str, **fields: str) -> httpx.Response:
        """A button of the group's page."""
        page = await self.person.page(self.group_page)
        return await self.person.press(page=page, act=f"group/{act}", **fields)

    async def begin(self, together: str = "yes") -> None:
        done = await self.press("begin", together=together)
        assert leads_to(done) == self.group_page

    async def link(self) -> str:
        assert leads_to(await self.press("invite")) == self.group_page
        [link] = set(LINK.findall(await self.person.page(self.group_page)))
        return link

    async def join(self, link: str, together: str = "yes", **fields: str) -> httpx.Response:
        return await send(self.person, link, case=self.case, together=together, **fields)

    async def issue(self, blank: int) -> Case:
        """Approved, paid, made."""
        do, stock = self.world.do, f"st_{GUANGZHOU}_passport"
        await do(self.case, Approve(), city=GUANGZHOU)
        paid = SettlePayment(
            reference=f"pay-{blank}", amount_fen=12000, paid_at=self.world.sandbox_clock.now()
        )
        await do(self.case, paid, actor="payment", city=GUANGZHOU)
        if blank == 1:
            await do(stock, ReceiveBlanks(first=1, last=1000), kind="stock", city=GUANGZHOU)
        await do(stock, DrawBlank(case=self.case), kind="stock", city=GUANGZHOU)
        await do(self.case, RecordPrinted(blank=blank), actor="st_printer", city=GUANGZHOU)
        return await do(self.case, PassCheck(blank=blank), actor="st_checker", city=GUANGZHOU)


async def member(world: World, key: str, *, language: str = "en", **changes: Any) -> Member:
    person = world.person(language)
    await person.sign_in(key)
    return Member(world, person, (await world.submit(person, key, **changes))["case"])


async def two(world: World, **changes: Any) -> tuple[Member, Member]:
    father, mother = await member(world, "father"), await member(world, "mother", **changes)
    await father.begin()
    assert leads_to(await mother.join(await father.link())) == mother.group_page
    return father, mother


def test_a_family_joins_sees_each_other_waits_and_goes_together(run, fresh_database, tmp_path, caplog):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            father, mother = await two(world)
            assert f"{father.address}/group" in await father.person.page(father.address)
            for one in (father, mother):
                page = await one.person.page(one.group_page)
                assert "陈**" in page
                assert "林**" in page
                for secret in ("陈明华", "林静文", "19900000002", "19900000003", "青年路", father.case):
                    assert secret not in page.replace(one.address, ""), secret
            made = await father.issue(1)
            assert made.group.state is S.WAITING
            page = await father.person.page(father.address)
            assert "It waits for 1 of your group" in page
            assert "brings the document to the counter" not in page
            await mother.issue(2)
            assert (await father.group()).state == "going"
            await world.control("chores")
            orders = [(await one.state()).handover.order for one in (father, mother)]
            assert all(orders)
            said = await rows(
                dsn,
                "select kind, body from link_outbox union all select kind, body from link_sent",
            )
            [grouped] = [msgspec.json.decode(body) for kind, body in said if kind == Kind.ORDERS_GROUPED]
            assert grouped["orders"] == orders
            assert "group_waits" not in caplog.text
            tables = await rows(
                dsn,
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')",
            )

            for [table] in tables:
                for secret in ("陈明华", "青年路", "19900000003"):
                    found = await rows(dsn, f"select t::text from {table} t where t::text like '%{secret}%'")
                    assert found == [], table

    run(scene())


def test_the_token_of_an_invitation_lies_nowhere(run, fresh_database, tmp_path, caplog):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            father = await member(world, "father")
            await father.begin()
            token = (await father.link()).rpartition("/")[2]
            tables = await rows(
                dsn,
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')",
            )
            for [table] in tables:
                found = await rows(dsn, f"select t::text from {table} t where t::text like '%{token}%'")
                assert found == [], table
            assert token not in caplog.text

    run(scene())


def test_one_tap_and_mine_goes_and_who_leaves_is_seen_no_more(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, mother = await two(world)
            await father.issue(1)
            page = await father.person.page(father.address)
            done = await father.person.press(page=page, act="go-now")
            assert leads_to(done) == f"{father.address}?done=go-now"
            assert (await father.state()).handover.order
            left = await mother.press("leave")
            assert leads_to(left) == f"{mother.address}?done=left-group"
            assert "林**" not in await father.person.page(father.group_page)
            assert "Begin a group" in await mother.person.page(mother.group_page)

    run(scene())


def test_who_left_a_group_invites_into_the_next_one_too(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, mother = await member(world, "father"), await member(world, "mother")
            await father.begin()
            first = await father.link()
            await father.press("leave")
            await father.begin()
            second = await father.link()
            assert second != first
            assert leads_to(await mother.join(second)) == mother.group_page

    run(scene())


def test_another_address_is_offered_unseen_and_cools_down_before_it_holds(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, mother = await member(world, "father"), await member(world, "mother", address=ELSEWHERE)
            await father.begin()
            link = await father.link()
            shown = await mother.person.page(link)
            assert "青年路" not in shown
            assert "陈**" in shown
            refused = await mother.join(link)
            assert refused.status_code == 422
            assert "Tick the box" in refused.text
            assert "青年路" not in refused.text
            assert leads_to(await mother.join(link, address="theirs")) == mother.group_page
            state = await mother.state()
            assert (state.group.state, state.readdressing.state) == (S.MEMBER, ReaddressingState.COOLING)
            assert (await mother.record(PERSON_RECORD, PersonRecord)).address == ELSEWHERE
            await world.control("chores")
            texts = [one["text"] for one in await world.mailbox("19900000003")]
            assert any("another address" in text or "变更" in text for text in texts)
            await world.move_to(START + timedelta(hours=25))
            await house_of(world).jobs.run_clocks()
            await world.control("chores")
            assert "青年路" in (await mother.record(PERSON_RECORD, PersonRecord)).address
            assert (await mother.state()).group.state is S.MEMBER

    run(scene())


def test_who_stops_the_groups_address_leaves_the_group(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, mother = await member(world, "father"), await member(world, "mother", address=ELSEWHERE)
            await father.begin()
            assert leads_to(await mother.join(await father.link(), address="theirs")) == mother.group_page
            page = await mother.person.page(f"{mother.address}/address")
            stopped = await mother.person.press(page=page, act="address/stop")
            assert leads_to(stopped) == f"{mother.address}?done=address-stays"
            assert (await mother.state()).group.state is S.NONE
            assert list((await father.group()).members) == [father.case]
            assert "left the group" in await mother.person.page(mother.address)

    run(scene())


def test_the_groups_address_needs_a_fresh_sign_in(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, mother = await member(world, "father"), await member(world, "mother", address=ELSEWHERE)
            await father.begin()
            link = await father.link()
            await world.move_to(START + timedelta(minutes=16))
            stale = await mother.join(link, address="theirs")
            assert leads_to(stale).startswith(f"/sign-in?to={link}")
            assert (await mother.state()).group.state is S.NONE

    run(scene())


def test_a_link_answers_as_an_unknown_one_to_whoever_it_is_not_for(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father = await member(world, "father")
            await father.begin()
            old, link = await father.link(), await father.link()
            nobody = world.person("en")
            unknown = f"/join/{'a' * 32}"
            for to in (link, unknown):
                assert leads_to(await nobody.browser.get(to)) == f"/sign-in?to={to}"
            stranger = await applicant(world, "stranger")
            missing = await stranger.browser.get(unknown)
            assert missing.status_code == 404
            for token in HOSTILE:
                answer = await stranger.browser.get(f"/join/{token}")
                assert (answer.status_code, answer.content) == (404, missing.content), token
            over = await stranger.browser.get(old)
            assert (over.status_code, over.content) == (404, missing.content)
            assert over.headers["referrer-policy"] == "no-referrer"
            here = await stranger.browser.get(link)
            assert here.status_code == 409
            assert "no application in the city of this group" in here.text
            assert OTHER_CITY().code == "group.other_city"
            theirs = await stranger.browser.get(father.group_page)
            nobodys = await stranger.browser.get(f"/cases/{GUANGZHOU}/ca_{'a' * 20}/group")
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
            await world.move_to(START + timedelta(days=7))
            late = await stranger.browser.get(link)
            assert late.status_code in (303, 404)
            for name in ("join", "invite", "let_receive"):
                shut = await father.person.browser.post(
                    f"/v1/group/{name}",
                    json={"city": GUANGZHOU, "case": father.case},
                    headers={"idempotency-key": "no-such-door", "accept": "application/json"},
                )
                assert shut.status_code in (404, 405)

    run(scene())


def test_a_member_who_offers_is_named_with_a_code_of_their_own_and_no_more_once_they_leave(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, mother = await two(world)
            assert "Nobody has offered yet" in await father.person.page(father.group_page)
            assert leads_to(await mother.press("offer")) == mother.group_page
            page = await father.person.page(father.group_page)
            [reference] = re.findall(r'name="member" type="radio" value="([0-9a-f]{16})"', page)
            assert (await father.press("receiver", member="0" * 16)).status_code == 409
            assert leads_to(await father.press("receiver", member=reference)) == father.group_page
            named = await father.record(AGENT_RECORD, AgentRecord)
            assert (named.name, named.phone) == ("林静文", "19900000003")
            assert (await father.state()).agent.state is AgentState.NAMED
            assert "林静文" in await father.person.page(f"{father.address}/agent")
            await mother.press("leave")
            assert (await father.state()).agent.state is AgentState.NONE
            assert await father.record(AGENT_RECORD, AgentRecord) is None

    run(scene())


@pytest.mark.parametrize("way", ["stops the group's address", "asks for another"])
def test_who_leaves_by_an_address_is_in_nobodys_vault_any_more(run, fresh_database, tmp_path, way):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            stops = way.startswith("stops")
            father = await member(world, "father")
            mother = await member(world, "mother", **({"address": ELSEWHERE} if stops else {}))
            await father.begin()
            await mother.join(await father.link(), **({"address": "theirs"} if stops else {}))
            await mother.press("offer")
            page = await father.person.page(father.group_page)
            [reference] = re.findall(r'name="member" type="radio" value="([0-9a-f]{16})"', page)
            assert leads_to(await father.press("receiver", member=reference)) == father.group_page
            if stops:
                page = await mother.person.page(f"{mother.address}/address")
                await mother.person.press(page=page, act="address/stop")
            else:
                assert leads_to(await ask(mother.person, mother.address)) == f"{mother.address}/address"
            assert (await mother.state()).group.state is S.NONE
            assert (await father.state()).agent.state is AgentState.NONE
            assert await father.record(AGENT_RECORD, AgentRecord) is None

    run(scene())


def test_who_is_seventeen_receives_for_nobody(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, child = await member(world, "father"), await member(world, "child_17")
            await father.begin("no")
            assert leads_to(await child.join(await father.link(), together="no")) == child.group_page
            page = await child.person.page(child.group_page)
            assert "I would receive for them" not in page
            offered = await send(
                child.person, f"{child.group_page}/offer", page=child.group_page, receives="yes", version="9"
            )
            assert offered.status_code == 409
            assert "eighteen or older" in offered.text
            assert TOO_YOUNG().code == "group.too_young"

    run(scene())


def test_the_api_begins_splits_and_leaves_for_ones_own_case_only(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            father, stranger = await member(world, "father"), await applicant(world, "stranger")

            async def call(person: Person, name: str, **said: Any) -> httpx.Response:
                return await person.browser.post(
                    f"/v1/group/{name}",
                    json={"city": GUANGZHOU, "case": father.case, **said},
                    headers={"idempotency-key": f"group-{name}", "accept": "application/json"},
                )

            assert (await call(stranger, "begin", together=True)).status_code == 404
            begun = await call(father.person, "begin", together=True)
            assert begun.json()["events"] == ["group.joined"], begun.text
            assert (await call(father.person, "begin", together=True)).json()["repeated"] is True
            assert (await call(father.person, "split")).json()["events"] == ["group.split"]
            assert (await call(stranger, "leave")).status_code == 404
            assert (await call(father.person, "leave")).json()["events"] == ["group.left"]
            again = await call(father.person, "go_now")
            assert (again.status_code, again.json()["code"]) == (409, "group.not_waiting")

    run(scene())
