"""Somebody named to receive it: with a code of their own, told to the applicant at once, void the moment it is taken back."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest

from safehand.authority.agent.commands import AGENTS_MAX, NameAgent, ReleaseAgent
from safehand.authority.agent.person import (
    AGENT_RECORD,
    AGENT_RECORDS,
    NAME_OWN,
    NAME_WRONG,
    PHONE_OWN,
    PHONE_WRONG,
    RELATION_WRONG,
    AgentRecord,
    agent_of,
    agent_records,
)
from safehand.authority.agent.refusals import CHANGED
from safehand.authority.agent.states import AgentState as S
from safehand.authority.border.door_code import agent_code, door_code
from safehand.authority.border.door_code import agent_of as whose
from safehand.authority.border.hearing import AuthorityBorder
from safehand.authority.handover.events import OrderPlaced
from safehand.authority.machines import ROLES
from safehand.authority.outward import speaks
from safehand.authority.tracking.commands import RecordNear
from safehand.authority.tracking.states import TrackingState
from safehand.house.persons import read_persons
from safehand.kernel.machine import StreamKey
from safehand.link.log import RECEIVER_RECORD
from safehand.link.messages import DeliveryClaimed, Kind, ProofMethod, Scan
from safehand.link.reader import Heard
from tests.authority.house import CASE, CITY, House, application
from tests.authority.living_authority import SHANGHAI, START, Person, World, living
from tests.authority.test_applying import BEGIN, applicant, house_of, leads_to, send
from tests.authority.test_notices_sending import rows
from tests.authority.test_readdressing import case_of

NAME: Final = "李代收"
PHONE: Final = "19900004073"
FORM: Final = {"name": NAME, "relation": "spouse", "phone": "199 0000 4073"}


# ---------------------------------------------------------------- the rules


def named_and_posted() -> House:
    house = House()
    house.ok(application(agent=True))
    assert house.case.agent.number == 1
    step = house.case.agent
    posted = House().with_post()
    kind, case, units = posted.streams["ca_a"]
    posted.streams["ca_a"] = (kind, msgspec.structs.replace(case, agent=step), units)
    return posted


def claim(house: House, *, agent: int, right: bool = False) -> Any:
    return msgspec.structs.replace(
        house.claim(right=right, method=ProofMethod.RECIPIENT_CODE, **house.item()), agent=agent
    )


def test_an_agent_named_with_the_application_is_known_from_its_first_moment():
    house = House()
    assert house.ok(application(agent=True))[-1] == "agent.named"
    assert (house.case.agent.state, house.case.agent.number) == (S.NAMED, 1)
    assert [one.template for one in house.notices][-1] == "agent_named"
    assert "agent.named" not in House().ok(application())


def test_another_takes_the_place_of_the_first_and_five_may_be_named():
    house = House().approved()
    assert house.no(ReleaseAgent()) == "agent.nobody_named"
    for number in range(1, AGENTS_MAX + 1):
        assert house.ok(NameAgent(number=number)) == ["agent.named"]
        assert number == AGENTS_MAX or house.no(NameAgent(number=number)) == "agent.changed"
    assert house.no(NameAgent(number=AGENTS_MAX + 1)) == "agent.too_many"
    assert house.ok(ReleaseAgent()) == ["agent.released"]
    assert house.case.agent.state is S.NONE


def test_nobody_is_named_once_the_post_has_it_but_whoever_is_can_be_taken_back():
    house = named_and_posted()
    assert house.no(NameAgent(number=2)) == "agent.not_now"
    assert house.ok(ReleaseAgent()) == ["agent.released"]
    assert House().delivered().no(NameAgent(number=1)) == "agent.not_now"


def test_the_agents_own_code_proves_the_delivery_and_is_said_to_be_theirs():
    house = named_and_posted()
    assert house.ok(claim(house, agent=1), actor="post:postal")[:2] == [
        "tracking.proof_sealed",
        "agent.received",
    ]
    assert house.case.tracking.state is TrackingState.DELIVERED
    assert house.case.agent.state is S.RECEIVED


@pytest.mark.parametrize("number", [2, 5])
def test_the_code_of_an_agent_who_is_not_the_named_one_is_a_wrong_code(number: int):
    house = named_and_posted()
    assert house.ok(claim(house, agent=number), actor="post:postal") == ["tracking.claim_refused"]
    assert house.case.tracking.wrong_codes == 1


def test_a_released_agents_code_is_void_at_once():
    house = named_and_posted()
    house.ok(ReleaseAgent())
    assert house.ok(claim(house, agent=1), actor="post:postal") == ["tracking.claim_refused"]


def test_the_recipients_own_code_still_proves_and_says_nothing_of_the_agent():
    house = named_and_posted()
    assert "agent.received" not in house.ok(claim(house, agent=0, right=True), actor="post:postal")
    assert house.case.agent.state is S.NAMED


def test_both_are_told_when_the_courier_is_on_the_way():
    house = named_and_posted()
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_1"), actor="post:postal")
    told = {one.template: one.facts for one in house.notices[-2:]}
    assert set(told) == {"courier_on_the_way", "agent_awaits_courier"}
    assert told["agent_awaits_courier"] == {"agents_order": f"{house.case.tracking.order} 1"}
    house.ok(ReleaseAgent())
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_2"), actor="post:postal")
    assert house.notices[-1].template == "courier_on_the_way"


def to_post(house: House) -> list[tuple[Kind, str, int]]:
    """What the post was told of receivers: kind, order, number."""
    kinds = (Kind.RECEIVER_NAMED, Kind.RECEIVER_RELEASED)
    told: list[Any] = [one for one in house.messages if one.kind in kinds]
    return [(Kind(one.kind), one.body.order, one.body.number) for one in told]


def test_the_post_is_told_with_the_order_and_only_then():
    house = House()
    house.ok(application(agent=True))
    assert to_post(house) == [], "there is no order yet"
    house = House().issued(agent=True)
    order = house.case.handover.order
    assert to_post(house) == [(Kind.RECEIVER_NAMED, order, 1)]
    placed, told = house.messages[-2:]
    assert (placed.kind, told.kind) == (Kind.ORDER_PLACED, Kind.RECEIVER_NAMED), "in this order"
    assert (told.personal, told.subject) == (house.case.case, order)
    assert to_post(House().issued()) == [], "nobody is named"


def test_the_post_is_told_of_another_one_and_of_a_release_while_it_has_the_order():
    house = House().issued()
    order = house.case.handover.order
    house.later(hours=1)
    house.ok(NameAgent(number=1))
    house.later(hours=1)
    house.ok(NameAgent(number=2))
    second: Any = house.messages[-1]
    assert second.body.at == house.now, "since when this one is named"
    house.ok(ReleaseAgent())
    assert to_post(house) == [
        (Kind.RECEIVER_NAMED, order, 1),
        (Kind.RECEIVER_NAMED, order, 2),
        (Kind.RECEIVER_RELEASED, order, 2),
    ]
    assert house.messages[-1].personal is None


def test_a_release_reaches_the_post_while_the_courier_is_on_the_way():
    house = named_and_posted()
    house.ok(ReleaseAgent())
    assert to_post(house)[-1] == (Kind.RECEIVER_RELEASED, house.case.handover.order, 1)


@pytest.mark.parametrize(("state", "told"), [(S.NONE, False), (S.NAMED, True), (S.RECEIVED, False)])
def test_with_another_order_only_who_is_named_is_said(state: S, told: bool):
    house = House().issued(agent=True)
    placed = next(event for _, event in house.events if isinstance(event, OrderPlaced))
    agent = msgspec.structs.replace(house.case.agent, state=state)
    said = speaks(msgspec.structs.replace(house.case, agent=agent), placed, StreamKey(CITY, CASE))
    assert [one.kind for one in said] == [Kind.ORDER_PLACED] + [Kind.RECEIVER_NAMED] * told


def test_what_the_post_learns_of_an_agent_is_name_and_telephone():
    agent = AgentRecord(name=NAME, relation="spouse", phone=PHONE)
    records = agent_records(agent)
    assert set(records) == set(AGENT_RECORDS)
    assert msgspec.json.decode(records[RECEIVER_RECORD]) == {"name": NAME, "phone": PHONE}


def test_both_are_told_when_the_courier_is_near():
    house = named_and_posted()
    house.ok(RecordNear(**house.item(), at=house.now), actor="post:postal")
    assert [one.template for one in house.notices[-2:]] == ["courier_near", "agent_awaits_courier"]


def test_every_agent_of_every_order_has_another_code_than_the_recipient():
    secret = b"s" * 32
    codes = [
        code
        for order in ("or_a", "or_b")
        for code in (
            door_code(secret=secret, order=order),
            *(agent_code(secret=secret, order=order, number=n) for n in range(1, AGENTS_MAX + 1)),
        )
    ]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[0-9]{8}", code) for code in codes)
    for number in range(1, AGENTS_MAX + 1):
        said = f" {agent_code(secret=secret, order='or_a', number=number)} "
        assert whose(secret=secret, order="or_a", given=said, most=AGENTS_MAX) == number
    assert whose(secret=secret, order="or_a", given=codes[0], most=AGENTS_MAX) == 0
    assert whose(secret=secret, order="or_a", given="", most=AGENTS_MAX) == 0


def test_only_the_applicant_names_and_the_manager_may_take_it_back_for_whoever_rings():
    assert ROLES[NameAgent] == {"applicant"}
    assert ROLES[ReleaseAgent] == {"applicant", "authority_manager"}


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({}, {}),
        ({"name": "  Li   Daishou "}, {}),
        ({"name": "阿依古丽·买买提"}, {}),
        ({"name": ""}, {"name": NAME_WRONG}),
        ({"name": "李"}, {"name": NAME_WRONG}),
        ({"name": "x" * 51}, {"name": NAME_WRONG}),
        ({"name": "李4"}, {"name": NAME_WRONG}),
        ({"name": "<script>"}, {"name": NAME_WRONG}),
        ({"name": "李\x00收"}, {"name": NAME_WRONG}),
        ({"name": "李\u202e收"}, {"name": NAME_WRONG}),
        ({"name": "测试一"}, {"name": NAME_OWN}),
        ({"relation": "boss"}, {"relation": RELATION_WRONG}),
        ({"phone": "12345"}, {"phone": PHONE_WRONG}),
        ({"phone": "+86 199-0000-0001"}, {"phone": PHONE_OWN}),
        ({"name": "", "relation": "", "phone": ""}, None),
    ],
)
def test_who_can_be_named_and_every_fault_at_once(changes: dict[str, str], faults: Any):
    found = agent_of(**(FORM | changes), own_name="测试一", own_phone="19900000001")
    if faults == {}:
        assert isinstance(found, AgentRecord)
        assert found.phone == PHONE
    else:
        assert isinstance(found, dict)
        assert set(found) == {"name", "relation", "phone"} if faults is None else found == faults


# ---------------------------------------------------------------- the pages, on PostgreSQL


async def applied(world: World, **changes: Any) -> tuple[Person, str]:
    person = world.person("en")
    await person.sign_in("applicant")
    case = (await world.submit(person, "applicant", **changes))["case"]
    return person, f"/cases/{SHANGHAI}/{case}"


async def in_the_vault(world: World, address: str) -> AgentRecord | None:
    key = case_of(address)
    plain = (await read_persons(house=house_of(world), keys=[key], name=AGENT_RECORD)).get(key)
    return msgspec.json.decode(plain, type=AgentRecord) if plain else None


async def for_the_post(world: World, address: str) -> bytes:
    """What would be sealed for the post."""
    key = case_of(address)
    return (await read_persons(house=house_of(world), keys=[key], name=RECEIVER_RECORD)).get(key, b"")


@pytest.mark.slow
def test_somebody_is_named_told_shown_and_taken_back_on_the_page(run, fresh_database, tmp_path, caplog):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            person, address = await applied(world)
            assert f"{address}/agent" in await person.page(address)
            wrong = await send(person, f"{address}/agent", **(FORM | {"phone": "1"}), number="1")
            assert wrong.status_code == 422
            assert NAME in wrong.text, "what was right need not be typed again"
            assert leads_to(await send(person, f"{address}/agent", **FORM, number="1")) == f"{address}/agent"
            assert await in_the_vault(world, address) == AgentRecord(
                name=NAME, relation="spouse", phone=PHONE
            )
            assert PHONE.encode() in await for_the_post(world, address)
            page = await person.page(f"{address}/agent")
            assert NAME in page
            assert PHONE not in page
            # The same form pressed twice is one request; an old page names nobody else.
            assert leads_to(await send(person, f"{address}/agent", **FORM, number="1")) == f"{address}/agent"
            stale = await send(person, f"{address}/agent", **(FORM | {"relation": "friend"}), number="1")
            assert stale.status_code == CHANGED.status, "its key stands for another form"
            assert CHANGED.en in stale.text, "in words that say what happened (seed 69)"
            await world.control("chores")
            assert any(
                "somebody was named" in one["text"] or "代收人" in one["text"]
                for one in await world.mailbox()
            )
            tables = await rows(
                dsn,
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')",
            )
            for [table] in tables:
                found = await rows(
                    dsn,
                    f"select t::text from {table} t where t::text like '%{PHONE}%' or t::text like '%{NAME}%'",
                )
                assert found == [], table
            assert NAME not in caplog.text
            released = await person.press(page=page, act="agent/release")
            assert leads_to(released) == f"{address}?done=released"
            assert await in_the_vault(world, address) is None
            assert await for_the_post(world, address) == b""
            assert "Nobody is named" in await person.page(f"{address}/agent")
            assert (await person.press(page=page, act="agent/release", version="'; --")).status_code == 403

    run(scene())


@pytest.mark.slow
def test_the_agents_code_goes_to_the_agents_phone_and_opens_the_door(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            named = {"name": NAME, "relation": "parent", "phone": PHONE}
            _, address = await applied(world, agent=named)
            case = case_of(address).stream
            posted = await world.bring_to_post(case)
            order = posted.handover.order
            await world.do(case, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            await world.control("chores")
            [told] = [one["text"] for one in await world.mailbox(PHONE)]
            code = agent_code(secret=world.code_secret, order=order, number=1)
            assert code in told
            assert NAME not in told
            own = [
                one["text"]
                for one in await world.mailbox()
                if door_code(secret=world.code_secret, order=order) in one["text"]
            ]
            assert own
            assert all(code not in text for text in own)
            [call] = await _heard(world, order, code)
            assert (call.command.agent, call.command.code_matches) == (1, False)
            done = await world.do(case, call.command, actor="post:post")
            assert (done.tracking.state, done.agent.state) == (TrackingState.DELIVERED, S.RECEIVED)

    run(scene())


async def _heard(world: World, order: str, code: str) -> Any:
    """What the authority's door to the link makes of a courier's claim with this code."""
    border = AuthorityBorder(house=house_of(world), code_secret=world.code_secret)
    body = DeliveryClaimed(
        order=order,
        waybill="ZA000000005CN",
        method=ProofMethod.RECIPIENT_CODE,
        code=code,
        courier="co_a",
        occurred_at=world.sandbox_clock.now(),
    )
    heard = Heard("post", SHANGHAI, Kind.DELIVERY_CLAIMED, order, body, None, "post-1")
    return await border.calls([heard])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"name": "<b>x</b>"}, "name"),
        ({"name": "李\u202e收", "phone": "OWN"}, "name,phone"),
    ],
)
def test_an_application_that_names_nobody_who_can_be_is_refused(
    run, fresh_database, tmp_path, wrong: dict[str, str], fields: str
):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            person = await applicant(world)
            item = world.whole_application("applicant")
            agent = {"name": NAME, "relation": "friend", "phone": PHONE} | wrong
            agent["phone"] = agent["phone"].replace("OWN", item["phone"])
            answer = await person.browser.post(
                "/v1/application/submit",
                json=item | {"agent": agent},
                headers={"idempotency-key": "submit-agent", "accept": "application/json"},
            )
            assert answer.status_code == 422, answer.text
            assert (answer.json()["code"], answer.json()["facts"]) == ("agent.unfit", {"fields": fields})
            assert await rows(dsn, "select from event where kind like 'application.%'") == []

    run(scene())


@pytest.mark.slow
def test_the_draft_carries_who_is_named_and_nobody_need_be(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world)
            assert leads_to(await send(person, "/apply/begin", **BEGIN)) == "/apply/contact"
            contact = {"phone": "199 0000 1234", "email": "", "language": "en"}
            await send(person, "/apply/contact", **contact)
            own = await send(person, "/apply/agent", **(FORM | {"phone": "19900001234"}), step="name")
            assert own.status_code == 422
            assert "That is your own number" in own.text
            assert (await send(person, "/apply/agent", **FORM, step="name")).status_code == 303
            assert NAME in await person.page("/apply/agent")
            assert (await send(person, "/apply/agent", step="nobody")).status_code == 303
            assert NAME not in await person.page("/apply/agent")

    run(scene())


@pytest.mark.slow
def test_without_a_fresh_sign_in_and_for_strangers_nobody_is_named(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            stranger = world.person("en")
            await stranger.sign_in("stranger")
            theirs = await stranger.browser.get(f"{address}/agent")
            nobodys = await stranger.browser.get(f"/cases/{SHANGHAI}/ca_{'a' * 20}/agent")
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
            shut = await person.browser.post(
                "/v1/agent/name",
                json={"city": SHANGHAI, "case": case_of(address).stream, "number": 1},
                headers={"idempotency-key": "no-such-door", "accept": "application/json"},
            )
            assert shut.status_code in (404, 405)
            await world.move_to(START + timedelta(minutes=16))
            stale = await person.browser.get(f"{address}/agent")
            assert leads_to(stale).startswith(f"/sign-in?to={address}/agent")

    run(scene())
