"""Another telephone number: proven by a code that goes to it alone, told to the old one, and no way to steal an address by it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.border.door_code import door_code, phone_code, proves_phone
from safehand.authority.contact.commands import RecordUnreachable
from safehand.authority.contact.states import ContactState
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.machines import ROLES
from safehand.authority.readdressing.commands import AskAddressChange, StopAddressChange
from safehand.authority.rulebook import HouseClocks
from safehand.authority.telephone.actions import NEW_PHONE_RECORD, OLD_PHONE_RECORD
from safehand.authority.telephone.commands import (
    CHANGES_MAX,
    CODES_MAX,
    AskPhoneChange,
    PhoneChangeExpired,
    ProvePhone,
    StopPhoneChange,
)
from safehand.authority.telephone.states import TelephoneState as S
from safehand.house.persons import read_persons
from safehand.link.log import DELIVERY_RECORD
from safehand.link.messages import DeliveryPart, Scan
from tests.authority.house import House
from tests.authority.living_authority import SHANGHAI, START, Person, World, living
from tests.authority.test_applying import house_of, leads_to, send
from tests.authority.test_notices_sending import rows
from tests.authority.test_readdressing import applied, case_of

PHONE: Final = "19900004074"
TYPED: Final = "199 0000 4074"
MINUTES: Final = HouseClocks().phone_code_minutes


def asked() -> House:
    house = House().approved()
    house.ok(AskPhoneChange(change=1))
    return house


# ---------------------------------------------------------------- the rules


def test_a_number_holds_once_its_code_was_said_and_the_old_one_is_told_twice():
    house = asked()
    told = {one.template: dict(one.facts) for one in house.notices[-2:]}
    assert set(told) == {"phone_change_asked", "phone_code"}
    assert told["phone_code"] == {"phone_change": "ca_a 1"}
    line = house.waits()["telephone.proving"]
    assert (line.owner, line.due_at) == ("applicant", house.now + timedelta(minutes=MINUTES))
    assert house.ok(ProvePhone(change=1, code_matches=True)) == ["telephone.changed"]
    assert house.notices[-1].template == "phone_changed"
    assert house.case.telephone.state is S.NONE
    assert house.no(ProvePhone(change=1, code_matches=True)) == "telephone.nothing_asked"


def test_five_wrong_codes_end_it_and_so_does_time():
    house = asked()
    for _ in range(CODES_MAX - 1):
        assert house.ok(ProvePhone(change=1, code_matches=False)) == ["telephone.code_wrong"]
    last = house.ok(ProvePhone(change=1, code_matches=False))
    assert last == ["telephone.code_wrong", "telephone.lapsed"]
    assert house.no(ProvePhone(change=1, code_matches=True)) == "telephone.nothing_asked"
    house.ok(AskPhoneChange(change=2))
    assert house.case.telephone.wrong_codes == 0
    assert house.ok(PhoneChangeExpired()) == [], "a clock that rings too early"
    house.later(minutes=MINUTES)
    assert house.no(ProvePhone(change=2, code_matches=True)) == "telephone.nothing_asked", (
        "the job may be late"
    )
    assert house.ring("telephone.proving") == ["telephone.lapsed"]


def test_the_code_of_one_change_proves_no_other():
    house = asked()
    assert house.no(AskPhoneChange(change=2)) == "telephone.already_asked"
    house.ok(StopPhoneChange(change=1))
    assert house.no(StopPhoneChange(change=1)) == "telephone.nothing_asked"
    assert house.no(AskPhoneChange(change=1)) == "telephone.nothing_asked", "the page is old"
    house.ok(AskPhoneChange(change=2))
    assert house.no(ProvePhone(change=1, code_matches=True)) == "telephone.nothing_asked"
    house.ok(StopPhoneChange(change=2))
    for change in range(3, CHANGES_MAX + 1):
        house.ok(AskPhoneChange(change=change))
        house.ok(StopPhoneChange(change=change))
    assert house.no(AskPhoneChange(change=CHANGES_MAX + 1)) == "telephone.too_often"


def test_before_the_order_and_never_after_it():
    assert House().issued(mode="counter").do(AskPhoneChange(change=1)) == ["telephone.asked"]
    assert House().at_counter().do(AskPhoneChange(change=1)) == ["telephone.asked"]
    for house in (House().labelled(), House().with_post()):
        assert house.no(AskPhoneChange(change=1)) == "telephone.with_the_post"
    assert House().delivered().no(AskPhoneChange(change=1)) == "telephone.not_running"
    correcting = House().submitted()
    correcting.ok(AskCorrection(defects=("photo.pose",)))
    assert correcting.no(AskPhoneChange(change=1)) == "telephone.not_running"


def test_what_was_ordered_meanwhile_keeps_the_old_number():
    house = House().paid()
    house.ok(AskPhoneChange(change=1))
    house.draw()
    house.make()
    assert house.no(ProvePhone(change=1, code_matches=True)) == "telephone.with_the_post"


def test_neither_a_number_beside_a_change_of_address_nor_an_address_just_after_a_number():
    house = asked()
    other = AskAddressChange(change=1, destination=440100)
    assert house.no(other) == "telephone.just_changed", "while it is being proven"
    house.ok(ProvePhone(change=1, code_matches=True))
    house.later(hours=23)
    assert house.no(other) == "telephone.just_changed"
    house.later(hours=1)
    house.ok(other)
    assert house.no(AskPhoneChange(change=2)) == "telephone.address_waits"
    house.ok(StopAddressChange(change=1))
    assert house.ok(AskPhoneChange(change=2)) == ["telephone.asked"]


def test_whoever_proved_a_number_is_reached():
    house = House().approved()
    house.ok(RecordUnreachable(template="payment_due", channels=("sms",), reason="sms.refused"))
    house.ok(AskPhoneChange(change=1))
    house.ok(ProvePhone(change=1, code_matches=True))
    assert house.case.contact.state is ContactState.NONE


def test_only_the_applicant_changes_it_and_the_manager_may_stop_it():
    assert ROLES[AskPhoneChange] == ROLES[ProvePhone] == {"applicant"}
    assert ROLES[StopPhoneChange] == {"applicant", "authority_manager"}


def test_every_change_of_every_case_has_a_code_of_its_own():
    secret = b"s" * 32
    codes = [phone_code(secret=secret, case=case, change=n) for case in ("ca_a", "ca_b") for n in range(1, 6)]
    codes.append(door_code(secret=secret, order="ca_a"))
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[0-9]{8}", code) for code in codes)
    assert proves_phone(secret=secret, case="ca_a", change=1, given=f" {codes[0]} ")
    assert not proves_phone(secret=secret, case="ca_a", change=2, given=codes[0])


# ---------------------------------------------------------------- the page, on PostgreSQL


async def vaulted(world: World, address: str) -> dict[str, Any]:
    house, key = house_of(world), case_of(address)
    found = {}
    for name in (PERSON_RECORD, DELIVERY_RECORD, NEW_PHONE_RECORD, OLD_PHONE_RECORD):
        found[name] = (await read_persons(house=house, keys=[key], name=name)).get(key)
    person = msgspec.json.decode(found[PERSON_RECORD] or b"", type=PersonRecord)
    part = msgspec.json.decode(found[DELIVERY_RECORD] or b"", type=DeliveryPart)
    return found | {"phone": person.phone, "brought": part.phone}


async def texts_to(world: World, phone: str) -> list[str]:
    return [one["text"] for one in await world.mailbox(phone)]


async def code_sent(world: World) -> str:
    """What the holder of the new number reads."""
    await world.control("chores")
    [text] = await texts_to(world, PHONE)
    found = re.search(r"[0-9]{8}", text)
    assert found is not None
    return found[0]


async def asking(person: Person, address: str, phone: str = TYPED, change: str = "1") -> Any:
    return await send(person, f"{address}/phone", phone=phone, change=change)


async def proving(person: Person, address: str, **fields: str) -> Any:
    return await send(person, f"{address}/phone", step="prove", **fields)


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """The log, but for the test's own looks into the mailbox of a number."""
    return "\n".join(one for one in caplog.text.splitlines() if "/v1/mailbox?" not in one)


async def tables_with(dsn: str, text: str) -> list[str]:
    """The tables of the authority in which it can be read."""
    tables = await rows(
        dsn,
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')",
    )
    look = "select t::text from {} t where t::text like '%{}%'"
    return [table for [table] in tables if await rows(dsn, look.format(table, text))]


@pytest.mark.slow
def test_a_new_number_is_proven_told_to_the_old_one_and_gets_what_comes_next(
    run, fresh_database, tmp_path, caplog
):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            person, address = await applied(world)
            old = (await vaulted(world, address))["phone"]
            assert f"{address}/phone" in await person.page(address)
            for wrong, said in (("12345", "with 11 digits"), (old, "stands there already")):
                answer = await asking(person, address, phone=wrong)
                assert answer.status_code == 422
                assert said in answer.text
            assert leads_to(await asking(person, address)) == f"{address}/phone"
            assert leads_to(await asking(person, address)) == f"{address}/phone", "pressed twice"
            page = await person.page(f"{address}/phone")
            assert "A code was sent to 199******74" in page
            assert PHONE not in page
            code = await code_sent(world)
            assert any(
                "another telephone number" in one or "更换" in one for one in await texts_to(world, old)
            )
            assert all(code not in one for one in await texts_to(world, old)), (
                "the code goes to the new one alone"
            )

            for given in ("", "1234", "abcdefgh", str((int(code) + 1) % 10**8).zfill(8)):
                answer = await proving(person, address, change="1", code=given)
                assert answer.status_code == 422
            assert "Tries left: 4" in answer.text
            assert (await vaulted(world, address))["phone"] == old
            done = await proving(person, address, change="1", code=f"{code[:4]} {code[4:]}")
            assert leads_to(done) == f"{address}?done=phone-changed"
            now = await vaulted(world, address)
            assert (now["phone"], now["brought"]) == (PHONE, PHONE)
            assert (now[NEW_PHONE_RECORD], now[OLD_PHONE_RECORD]) == (b"", old.encode())
            kept = await person.page("/my/data")
            assert "obile phone before it was changed" in kept
            assert old in kept, "it is kept, so it is told"
            before = len(await texts_to(world, old))
            await world.control("chores")
            assert len(await texts_to(world, old)) == before + 1, "the old one is told that it holds"

            posted = await world.bring_to_post(case_of(address).stream)
            order = posted.handover.order
            await world.do(case_of(address).stream, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            await world.control("chores")
            door = door_code(secret=world.code_secret, order=order)
            assert any(door in one for one in await texts_to(world, PHONE))
            assert all(door not in one for one in await texts_to(world, old))
            assert await tables_with(dsn, PHONE) == []
            assert PHONE not in logged(caplog)
            assert code not in logged(caplog)

    run(scene())


@pytest.mark.slow
def test_it_is_stopped_and_guessing_ends_it(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            old = (await vaulted(world, address))["phone"]
            await asking(person, address)
            page = await person.page(f"{address}/phone")
            assert (await person.press(page=page, act="phone/stop", change="'; --")).status_code == 403
            stopped = await person.press(page=page, act="phone/stop")
            assert leads_to(stopped) == f"{address}?done=phone-stays"
            assert (await proving(person, address, change="1", code="12345678")).status_code == 409
            await asking(person, address, change="2")
            guessed = [
                await proving(person, address, change="2", code=f"{number:08d}")
                for number in range(CODES_MAX)
            ]
            assert leads_to(guessed[-1]) == f"{address}?done=phone-lapsed"
            assert "The code was wrong too often" in await person.page(leads_to(guessed[-1]))
            assert (await vaulted(world, address))["phone"] == old

    run(scene())


@pytest.mark.slow
def test_without_a_fresh_sign_in_after_the_order_and_for_strangers_there_is_no_way(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await applied(world)
            stranger = world.person("en")
            await stranger.sign_in("stranger")
            theirs = await stranger.browser.get(f"{address}/phone")
            nobodys = await stranger.browser.get(f"/cases/{SHANGHAI}/ca_{'a' * 20}/phone")
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
            for door in ("ask", "prove"):
                shut = await person.browser.post(
                    f"/v1/telephone/{door}",
                    json={"city": SHANGHAI, "case": case_of(address).stream, "change": 1},
                    headers={"idempotency-key": "no-such-door", "accept": "application/json"},
                )
                assert shut.status_code in (404, 405), door
            await world.move_to(START + timedelta(minutes=16))
            stale = await person.browser.get(f"{address}/phone")
            assert leads_to(stale).startswith(f"/sign-in?to={address}/phone")
            await world.bring_to_label(case_of(address).stream)
            refused = await person.browser.get(f"{address}/phone")
            assert refused.status_code == 409
            assert "You need no text message at the door" in refused.text
            assert f"{address}/phone" not in await person.page(address)

    run(scene())
