"""Another address after submission: it cools down, is told at once, can be stopped, and after the hand-over is the manager's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import httpx
import msgspec
import pytest

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.application.states import ApplicationState
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.group.commands import BeginGroup
from safehand.authority.handover.bag import CloseBag, RecordBagRefusal
from safehand.authority.handover.commands import RecordWaybill
from safehand.authority.handover.states import HandoverState
from safehand.authority.machines import ROLES
from safehand.authority.readdressing.actions import record_of
from safehand.authority.readdressing.commands import (
    CHANGES_MAX,
    AddressChangeExpired,
    ApproveAddressChange,
    AskAddressChange,
    DenyAddressChange,
    MakeAddressHold,
    StopAddressChange,
)
from safehand.authority.readdressing.refusals import SAME_ADDRESS
from safehand.authority.readdressing.states import ReaddressingState as S
from safehand.authority.returns.commands import KeepForPickup, RecordRecallAccepted, ResendReturn
from safehand.authority.returns.states import ReturnsState
from safehand.house.persons import read_persons
from safehand.house.sessions import Session
from safehand.kernel.machine import Outgoing, StreamKey
from safehand.kernel.outcome import sentence
from safehand.link.log import DELIVERY_RECORD
from safehand.link.messages import DeliveryPart, OrderPlaced, Reason, Scan
from tests.authority.house import BAG, CASE, WITHDRAW, House
from tests.authority.living_authority import SHANGHAI, START, Person, World, living
from tests.authority.test_applying import house_of, leads_to, send
from tests.authority.test_notices_sending import rows

ASK: Final = AskAddressChange(change=1, destination=440100)
STOP: Final = StopAddressChange(change=1)
HOLD: Final = MakeAddressHold(change=1)
APPROVE: Final = ApproveAddressChange(change=1)
DENY: Final = DenyAddressChange(change=1, reason="not_confirmed")
COOLING, ASKED = "readdressing.cooling", "readdressing.asked"


def orders(house: House) -> list[Outgoing]:
    return [message for message in house.messages if int(message.kind) == 101]


def destination_of(order: Outgoing) -> int:
    assert isinstance(order.body, OrderPlaced)
    return order.body.destination


# ---------------------------------------------------------------- the rules


def test_before_the_hand_over_it_holds_after_a_day_unless_somebody_stops_it():
    house = House().approved()
    begun = house.now
    assert house.ok(ASK, actor="ap_me") == ["readdressing.asked"]
    line = house.waits()[COOLING]
    assert line.due_at == begun + timedelta(hours=24)
    assert house.notices[-1].template == "address_change_asked"
    assert house.no(HOLD, actor="clock") == "readdressing.nothing_asked"
    assert house.ring(COOLING) == ["readdressing.cooled"]
    assert house.ok(HOLD, actor="clock") == ["readdressing.changed", "application.readdressed"]
    assert (house.case.readdressing.state, house.case.application.destination) == (S.NONE, 440100)
    assert house.notices[-1].template == "address_changed"


@pytest.mark.parametrize(("actor", "by"), [("ap_me", "applicant"), ("st_manager", "authority")])
@pytest.mark.parametrize("cooled", [False, True])
def test_it_can_be_stopped_until_it_holds(actor: str, by: str, cooled: bool):
    house = House().approved()
    house.ok(ASK)
    if cooled:
        house.ring(COOLING)
    assert house.ok(STOP, actor=actor) == ["readdressing.stopped"]
    event: Any = house.events[-1][1]
    assert event.by == by
    assert house.notices[-1].template == "address_stays"
    assert house.no(HOLD) == "readdressing.nothing_asked"
    assert house.no(STOP) == "readdressing.nothing_asked"
    assert house.case.application.destination == 310000


def test_nothing_is_ordered_while_it_cools_and_the_order_then_goes_to_the_new_address():
    house = House().paid()
    house.ok(ASK)
    house.draw()
    house.make()
    assert house.case.handover.state is HandoverState.ON_SHELF
    assert orders(house) == []
    house.ring(COOLING)
    assert house.ok(HOLD)[-1] == "handover.order_placed"
    [order] = orders(house)
    assert destination_of(order) == house.case.handover.destination == 440100


def test_what_was_held_back_goes_to_the_old_address_when_it_is_stopped():
    house = House().paid()
    house.ok(ASK)
    house.draw()
    house.make()
    assert house.ok(STOP) == ["readdressing.stopped", "handover.order_placed"]
    assert destination_of(orders(house)[0]) == 310000


def to_label(house: House) -> None:
    number = RecordWaybill(
        order=house.case.handover.order, waybill="ZA000000005CN", routing="R", token=bytes(32)
    )
    house.ok(number, actor="postal")


def bagged(house: House) -> None:
    items: Any = {house.case.handover.waybill: CASE}
    house.ok(CloseBag(seal="SEAL-1", office="SH-01", items=items), stream=BAG)


def recounted(house: House) -> None:
    items: Any = {house.case.handover.waybill: Reason.SHORT}
    house.ok(RecordBagRefusal(items=items), stream=BAG)


@pytest.mark.parametrize(
    ("stage", "then", "state"),
    [
        ("issued", None, "ordered"),
        ("issued", to_label, "to_label"),
        ("labelled", None, "labelled"),
        ("sealed", None, "sealed"),
        ("sealed", bagged, "bagged"),
        ("offered", None, "offered"),
        ("offered", recounted, "recount"),
    ],
)
def test_between_the_order_and_the_posts_signature_it_is_refused(stage: str, then: Any, state: str):
    house = getattr(House(), stage)()
    if then is not None:
        then(house)
    assert house.case.handover.state == state
    assert house.no(ASK) == "readdressing.being_handed_over"
    assert house.no(BeginGroup(together=True, group="gr_a")) == "group.not_now"


def test_after_the_hand_over_the_manager_decides_and_what_is_on_its_way_is_called_back():
    house = House().with_post()
    assert house.ok(ASK) == ["readdressing.put_to_manager"]
    assert house.waits()[ASKED].owner == "authority_manager"
    assert house.no(HOLD) == "readdressing.nothing_asked"
    assert house.ok(APPROVE) == ["readdressing.approved", "application.readdressed", "returns.recall_asked"]
    assert house.case.returns.state is ReturnsState.RECALL_ASKED
    house.ok(RecordRecallAccepted(**house.item()))
    assert house.no(AskAddressChange(change=3, destination=310000)) == "readdressing.nothing_asked"


def test_what_came_back_goes_out_again_to_the_approved_address():
    house = House().returned()
    house.ok(ASK)
    house.ok(ResendReturn())
    assert house.case.handover.state is HandoverState.ON_SHELF, "the order waits for the manager"
    before = len(orders(house))
    assert house.ok(APPROVE)[-1] == "handover.order_placed"
    assert [destination_of(one) for one in orders(house)[before:]] == [440100]


def test_the_manager_may_deny_it_and_is_late_after_a_working_day():
    house = House().with_post()
    house.ok(ASK)
    house.ring(ASKED)
    late = house.waits()[ASKED]
    assert (late.owner, late.due_at) == ("authority_manager", None)
    assert house.ok(DENY) == ["readdressing.denied"]
    assert house.no(APPROVE) == "readdressing.nothing_asked"
    assert house.notices[-1].template == "address_stays"


def test_nobody_decides_on_what_cools():
    house = House().approved()
    house.ok(ASK)
    assert house.no(APPROVE) == house.no(DENY) == "readdressing.not_to_decide"


def test_one_waits_at_a_time_and_five_are_asked_for_at_most():
    house = House().approved()
    for change in range(1, CHANGES_MAX + 1):
        ask = AskAddressChange(change=change, destination=440100)
        house.ok(ask)
        assert house.no(ask) == "readdressing.already_asked"
        stale = StopAddressChange(change=change - 1) if change > 1 else None
        assert stale is None or house.no(stale) == "readdressing.nothing_asked"
        house.ok(StopAddressChange(change=change))
    sixth = AskAddressChange(change=CHANGES_MAX + 1, destination=440100)
    assert house.no(sixth) == "readdressing.too_often"


def test_whoever_fetches_it_or_has_it_or_corrects_has_no_address_to_change():
    assert House().at_counter().no(ASK) == "readdressing.nothing_brought"
    assert House().delivered().no(ASK) == "readdressing.not_running"
    correcting = House().submitted()
    correcting.ok(ASK)
    correcting.ok(AskCorrection(defects=("photo.pose",)))
    correcting.ring(COOLING)
    assert correcting.no(HOLD) == "readdressing.not_running", "it holds after the correction"
    assert correcting.case.application.state is ApplicationState.CORRECTING


def test_it_lapses_with_the_application_and_when_the_envelope_stays_at_the_counter():
    withdrawn = House().approved()
    withdrawn.ok(ASK)
    assert withdrawn.ok(WITHDRAW)[-1] == "readdressing.lapsed"
    kept = House().returned()
    kept.ok(ASK)
    assert "readdressing.lapsed" in kept.ok(KeepForPickup())
    assert not {COOLING, ASKED} & set(kept.waits())


def test_a_clock_that_rings_too_early_twice_or_for_nobody_changes_nothing():
    rung = AddressChangeExpired()
    house = House().approved()
    assert house.ok(rung, actor="clock") == []
    house.ok(ASK)
    house.later(hours=23)
    assert house.ok(rung, actor="clock") == [], "the day is not over"
    house.ring(COOLING)
    house.later(days=9)
    assert house.ok(rung, actor="clock") == [], "it is about to hold"
    asked = House().with_post()
    asked.ok(ASK)
    assert asked.ok(rung, actor="clock") == []
    assert asked.ring(ASKED) == ["readdressing.ran_late"]
    assert asked.ok(rung, actor="clock") == [], "late once"


def test_what_does_not_wait_any_more_goes_nowhere_else():
    house = House().approved()
    house.ok(ASK)
    assert house.case.readdressing.destination == 440100
    house.ok(STOP)
    assert house.case.readdressing.destination == 0


def test_only_the_applicant_asks_only_the_manager_decides_and_both_may_stop_it():
    assert ROLES[AskAddressChange] == {"applicant"}
    assert ROLES[StopAddressChange] == {"applicant", "authority_manager"}
    assert ROLES[ApproveAddressChange] == ROLES[DenyAddressChange] == {"authority_manager"}
    assert ROLES[MakeAddressHold] == {"system"}


# ---------------------------------------------------------------- the page, on PostgreSQL

MARKER: Final = "体育西路4072号1901室"
THERE: Final = {
    "step": "done",
    "place_1": "440000",
    "place_2": "440100",
    "place_3": "440106",
    "text": MARKER,
}
LINE: Final = f"广东省广州市天河区{MARKER}"


async def applied(world: World, language: str = "en") -> tuple[Person, str]:
    person = world.person(language)
    await person.sign_in("applicant")
    case = (await world.submit(person, "applicant"))["case"]
    return person, f"/cases/{SHANGHAI}/{case}"


def case_of(address: str) -> StreamKey:
    return StreamKey(SHANGHAI, address.rpartition("/")[2])


async def addressed(world: World, address: str) -> tuple[str, DeliveryPart]:
    """What the vault says: the person's address, and the part that goes to the post."""
    house, key = house_of(world), case_of(address)
    person = msgspec.json.decode(
        (await read_persons(house=house, keys=[key], name=PERSON_RECORD))[key], type=PersonRecord
    )
    part = (await read_persons(house=house, keys=[key], name=DELIVERY_RECORD))[key]
    return person.address, msgspec.json.decode(part, type=DeliveryPart)


async def ask(person: Person, address: str, **fields: str) -> httpx.Response:
    return await send(person, f"{address}/address", **(THERE | fields))


async def decided(world: World, address: str, name: str, **fields: Any) -> Any:
    front = house_of(world).front
    body = {"city": SHANGHAI, "case": case_of(address).stream, "change": 1, **fields}
    item = front.read(name=name, body=msgspec.json.encode(body))
    manager = Session(actor="st_manager", roles=frozenset({"authority_manager"}), cities=(SHANGHAI,))
    return await front.call(name=name, session=manager, item=item, key=f"decide-{name}")


@pytest.mark.slow
def test_the_old_contact_is_told_at_once_and_the_address_holds_after_a_day(
    run, fresh_database, tmp_path, caplog
):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            person, address = await applied(world)
            old = await addressed(world, address)
            assert f"{address}/address" in await person.page(address)
            form = await person.page(f"{address}/address")
            assert "The new address holds after 24 hours" in form
            assert old[0] not in form, "the present address is not shown"
            assert leads_to(await ask(person, address)) == f"{address}/address"
            assert await addressed(world, address) == old
            await world.control("chores")
            texts = [one["text"] for one in await world.mailbox()]
            [told] = [text for text in texts if "another address" in text or "收件地址" in text]
            assert MARKER not in told
            waiting = await person.page(f"{address}/address")
            assert "The new address holds from 7 May 2024, 09:00 on." in waiting

            await world.move_to(START + timedelta(hours=25))
            await world.control("chores")
            line, part = await addressed(world, address)
            assert (line, part.address, part.region) == (LINE, LINE, 440100)
            assert (part.name, part.phone) == (old[1].name, old[1].phone)
            assert await rows(dsn, "select kind from event where kind = 'readdressing.changed'")
            gone = await read_persons(house=house_of(world), keys=[case_of(address)], name=record_of(1))
            assert list(gone.values()) == [b""], "what waited is blotted out"
            await person.sign_in("applicant")
            assert "The new address holds." in await person.page(address)
            # Personal data is in the vault alone.
            tables = await rows(
                dsn,
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname not in ('pg_catalog', 'information_schema')",
            )
            assert len(tables) > 10
            for [table] in tables:
                found = await rows(dsn, f"select t::text from {table} t where t::text like '%4072号%'")
                assert found == [], table
            assert MARKER not in caplog.text

    run(scene())


@pytest.mark.slow
def test_the_owner_stops_what_somebody_else_asked_for(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            old = await addressed(world, address)
            await ask(person, address)
            assert "Was it you who asked for another address?" in await person.page(address)
            page = await person.page(f"{address}/address")
            for wrong in ("", "0", "2", "9999999", "one"):
                refused = await person.press(page=page, act="address/stop", change=wrong)
                assert refused.status_code in (400, 409, 422), wrong
            stopped = await person.press(page=page, act="address/stop")
            assert leads_to(stopped) == f"{address}?done=address-stays"
            assert "The change is stopped: the old address stays." in await person.page(leads_to(stopped))
            await world.move_to(START + timedelta(hours=11))
            await world.control("chores")
            assert await addressed(world, address) == old
            # The same button pressed twice on the same page is one request.
            assert (await person.press(page=page, act="address/stop")).status_code == 303

    run(scene())


@pytest.mark.slow
def test_a_sign_in_of_a_quarter_of_an_hour_ago_is_not_fresh(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            form = await person.page(f"{address}/address")
            await world.move_to(START + timedelta(minutes=15))
            stale = await person.browser.get(f"{address}/address")
            assert stale.status_code == 303
            assert stale.headers["location"].startswith("/sign-in?")
            assert "fresh=" in stale.headers["location"]
            token = form.split('name="csrf" value="')[1].split('"')[0]
            posted = await person.browser.post(
                f"{address}/address",
                data=THERE | {"csrf": token},
                headers={"origin": "http://authority.test"},
            )
            assert posted.headers["location"].startswith("/sign-in?")
            await person.sign_in("applicant")
            assert leads_to(await ask(person, address)) == f"{address}/address"

    run(scene())


@pytest.mark.slow
def test_while_it_is_being_handed_over_the_page_says_when_to_ask_again(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            made = await world.bring_to_label(case_of(address).stream)
            assert made.handover.state is HandoverState.LABELLED
            refused = await person.browser.get(f"{address}/address")
            assert refused.status_code == 409
            assert "just being handed over" in refused.text
            assert f"{address}/address" not in await person.page(address)

    run(scene())


@pytest.mark.slow
def test_an_approved_address_is_in_the_vault_and_the_envelope_is_called_back(run, fresh_database, tmp_path):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            person, address = await applied(world)
            await world.bring_to_post(case_of(address).stream)
            form = await person.page(f"{address}/address")
            assert "the manager decides" in form
            # Called back for the new address it goes out free.
            assert "postage" not in form
            assert leads_to(await ask(person, address)) == f"{address}/address"
            early = await decided(world, address, "readdressing.approve", change=2)
            assert early.code == "readdressing.nothing_asked"
            done = await decided(world, address, "readdressing.approve")
            assert done.state.returns.state is ReturnsState.RECALL_ASKED
            line, part = await addressed(world, address)
            assert (line, part.address, part.region) == (LINE, LINE, 440100)
            again = await decided(world, address, "readdressing.approve")
            assert again.repeated
            assert (await addressed(world, address))[0] == LINE

    run(scene())


@pytest.mark.slow
def test_a_denied_address_leaves_nothing_behind(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            old = await addressed(world, address)
            await world.bring_to_post(case_of(address).stream)
            await ask(person, address)
            await decided(world, address, "readdressing.deny", reason="not_confirmed")
            assert await addressed(world, address) == old
            gone = await read_persons(house=house_of(world), keys=[case_of(address)], name=record_of(1))
            assert list(gone.values()) == [b""]
            await world.do(case_of(address).stream, world.scan("or_x", Scan.DEPARTED))
            assert "could not confirm with you" in await person.page(address)

    run(scene())


@pytest.mark.slow
def test_wrong_same_and_hostile_addresses_change_nothing(run, fresh_database, tmp_path):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            person, address = await applied(world)
            stranger = world.person("en")
            await stranger.sign_in("stranger")
            hostile: tuple[dict[str, str], ...] = (
                {"place_3": "", "place_2": "440100"},
                {"place_1": "320000", "place_2": "320500", "place_3": "320506"},
                {"text": f"{MARKER}丰巢柜"},
                {"text": "x" * 1_900},
                {"place_1": "999999"},
                {"region": "440106", "text": ""},
            )
            for form in hostile:
                answer = await ask(person, address, **form)
                assert answer.status_code == 422, form
            theirs = await stranger.browser.get(f"{address}/address")
            nobodys = await stranger.browser.get(f"/cases/{SHANGHAI}/ca_{'a' * 20}/address")
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
            for door in ("ask", "make_hold"):
                shut = await person.browser.post(
                    f"/v1/readdressing/{door}",
                    json={"city": SHANGHAI, "case": case_of(address).stream, "change": 1},
                    headers={"idempotency-key": "no-such-door", "accept": "application/json"},
                )
                assert shut.status_code in (404, 405), door
            assert await rows(dsn, "select kind from event where kind like 'readdressing.%'") == []
            # The address that it goes to already is no change.
            same = {"place_1": "440000", "place_2": "440100", "place_3": "440106", "text": MARKER}
            await ask(person, address, **same)
            await world.move_to(START + timedelta(hours=25))
            await world.control("chores")
            await person.sign_in("applicant")
            again = await ask(person, address, **same)
            assert again.status_code == 422
            refusal = SAME_ADDRESS()
            assert (refusal.code, sentence(refusal, "en") in again.text) == (
                "readdressing.same_address",
                True,
            )

    run(scene())
