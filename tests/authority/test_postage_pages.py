"""How the postage is paid, by pages and over the interface: chosen, looked over, paid with the fee at the service, and given back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
from msgspec.structs import replace

from safehand.authority.application.drafts import Draft
from safehand.authority.case import Case
from safehand.authority.cities.city import CityOn
from safehand.authority.examination.commands import Approve
from safehand.authority.handover.commands import ChangeToPickup, MakeReadyForPickup, PickUp
from safehand.authority.handover.states import Handover, HandoverState
from safehand.authority.payment.states import Payment
from safehand.authority.portal.answers import terms
from safehand.authority.portal.applying import answers, postage
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.new_address import postage_then
from safehand.authority.portal.receipt import costs_of
from safehand.authority.production.commands import PassCheck, ProductionExpired, RecordPrinted
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks
from safehand.authority.returns.states import Returns, ReturnsState
from safehand.authority.tracking.states import Tracking, TrackingState
from safehand.link.messages import Reason
from tests.authority.house import CITY, House, loaded, with_postage
from tests.authority.living_authority import SHANGHAI, START, TOKEN, Person, World, living
from tests.authority.test_applying import applicant, filled_in, leads_to, send, uploads_needed
from tests.authority.test_delivery_choices import DOOR, HERE, at_the_step, draft_of
from tests.authority.test_receipt_page import DAY, book

NEXT_PAGE: Final = "/apply/postage"


def city(**changes: Any) -> CityOn:
    """Shanghai, with other rules of postage."""
    return with_postage(CITY, **changes)[0][CITY].on(DAY)


def draft(**changes: Any) -> Draft:
    brought = Draft(
        id="dr_a", city=CITY, document="passport", ground="expiring", mode="post", destination=CITY
    )
    return replace(brought, **changes)


# What is asked, and what it means -----------------------------------------------------------------------------------


def test_each_way_is_named_with_its_sum_and_what_it_means():
    zh, en = (postage.radios(draft(), city(), language) for language in ("zh", "en"))
    assert [value for value, _, _ in zh] == [value for value, _, _ in en] == ["on_delivery", "prepaid"]
    assert [name for _, name, _ in zh] == ["收件时付给投递员：14.00元", "与证件费一并缴纳：14.00元"]
    assert [name for _, name, _ in en] == [
        "To the courier, at the door: CNY 14.00",
        "Together with the fee: CNY 14.00",
    ]
    assert all(means for _, _, means in (*zh, *en))
    far = postage.radios(draft(destination=440100), city(), "en")
    assert [name.rpartition(": ")[2] for _, name, _ in far] == ["CNY 20.00", "CNY 20.00"]


@pytest.mark.parametrize(
    ("changes", "rules", "asked"),
    [
        ({}, {}, True),
        ({"mode": "counter"}, {}, False),
        ({}, {"choices": ("on_delivery",)}, False),
        ({}, {"mode": "free"}, False),
    ],
)
def test_it_is_asked_only_where_there_is_something_to_choose(changes: Any, rules: Any, asked: bool):
    assert postage.is_asked(draft(**changes), city(**rules)) is asked


@pytest.mark.parametrize(
    ("changes", "rules", "held"),
    [
        ({}, {}, ("on_delivery", 1400)),
        ({}, {"mode": "prepaid"}, ("prepaid", 1400)),
        ({"postage": "prepaid"}, {}, ("prepaid", 1400)),
        ({"postage": "prepaid", "destination": 440100}, {}, ("prepaid", 2000)),
        ({"postage": "prepaid"}, {"choices": ("on_delivery",)}, ("on_delivery", 1400)),
        ({"postage": "prepaid"}, {"mode": "free"}, ("free", 0)),
        ({"mode": "counter"}, {}, ("free", 0)),
    ],
)
def test_whoever_chose_nothing_has_what_the_city_has(changes: Any, rules: Any, held: Any):
    assert postage.holds(draft(**changes), city(**rules)) == held


def test_what_is_offered_no_more_is_not_sent_with_a_draft_of_last_month():
    chosen = draft(postage="prepaid")
    assert postage.still_offered(chosen, city()) == chosen
    assert postage.still_offered(chosen, city(choices=("on_delivery",))).postage == ""


@pytest.mark.parametrize("said", ["", "free", "PREPAID", "<script>"])
def test_only_what_is_offered_can_be_chosen(said: str):
    kept, faults = postage.taken(draft(), city(), Sent(fields={"postage": said}, files={}))
    assert (kept, faults) == (draft(), {"postage": postage.NOTHING_CHOSEN})
    kept, faults = postage.taken(draft(), city(), Sent(fields={"postage": "prepaid"}, files={}))
    assert (kept.postage, faults) == ("prepaid", {})
    only = city(choices=("on_delivery",))
    assert postage.taken(draft(), only, Sent(fields={"postage": "prepaid"}, files={}))[1]


def test_who_fetches_it_after_all_has_chosen_nothing():
    chosen = draft(postage="prepaid")
    sent = Sent(fields={"office": "310000-1"}, files={})
    fetched, _ = answers.at_counter(chosen, sent, counters={"310000-1": "somewhere"})
    assert fetched.postage == ""


READY: Final = Handover(state=HandoverState.ON_SHELF)
GIVEN: Final = Handover(state=HandoverState.ON_SHELF, free=True)
SENT: Final = Handover(state=HandoverState.ACCEPTED)
REFUSED: Final = Returns(state=ReturnsState.ON_SHELF, reason=int(Reason.REFUSED))
RECALLED: Final = Returns(state=ReturnsState.COMING_BACK, reason=int(Reason.RECALLED))


@pytest.mark.parametrize(
    ("prepaid", "posted", "handover", "returns", "means"),
    [
        (0, False, Handover(), Returns(), ""),
        (1400, False, Handover(), Returns(), "stands"),
        (1400, False, READY, Returns(), "stands"),
        (1400, False, GIVEN, Returns(), ""),
        (1400, True, SENT, Returns(), ""),
        (1400, True, SENT, RECALLED, ""),
        (0, True, SENT, REFUSED, "again"),
        (0, True, READY, Returns(), "again"),
        (0, True, GIVEN, Returns(), ""),
    ],
)
def test_another_address_says_what_becomes_of_the_postage(
    prepaid: int, posted: bool, handover: Handover, returns: Returns, means: str
):
    case = Case(
        case="ca_a",
        payment=Payment(postage_fen=prepaid),
        handover=handover,
        returns=returns,
        tracking=Tracking(state=TrackingState.ON_THE_WAY if posted else TrackingState.NONE),
    )
    assert postage_then(case, free=False) == means
    assert not postage_then(case, free=True), "a city that asks for none"


def test_the_first_page_says_one_sum_where_all_ways_cost_the_same_and_else_each():
    document = loaded()[1]["passport"].on(DAY)

    def lines(**rules: Any) -> list[str]:
        told = terms(city=city(**rules), document=document, language="en")
        return [said for what, said in told if what == "Postage"]

    [both] = lines()
    assert both.endswith("paid at the door or together with the fee, as you choose")
    dear = replace(city().postage.prepaid, elsewhere=2500)
    at_door, before = lines(prepaid=dear)
    assert "CNY 20.00, paid at the door" in at_door
    assert "CNY 25.00, paid together with the fee" in before
    assert lines(choices=("on_delivery",))[0].endswith("elsewhere CNY 20.00, paid at the door")
    assert lines(mode="free")[0].endswith("CNY 0.00, free")


def costs(case: Any) -> dict[str, str]:
    return dict(costs_of(book=book(), case=case, city=CITY, day=DAY, language="en"))


def test_the_receipt_keeps_fee_and_postage_apart():
    prepaid = {
        "Fee": "CNY 120.00",
        "Postage": "CNY 14.00, paid together with the fee; nothing at the door",
        "Paid online, together": "CNY 134.00",
    }
    at_door = {"Fee": "CNY 120.00", "Postage": "CNY 14.00, paid to the courier at the door"}
    for stage in ("submitted", "approved"):
        assert costs(getattr(House(), stage)(postage="prepaid").case) == prepaid
        assert costs(getattr(House(), stage)().case) == at_door
        assert costs(getattr(House(), stage)(mode="counter").case) == {"Fee": "CNY 120.00", "Postage": "none"}
    assert costs(House().paid(postage="prepaid").case) == {}


# By pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_after_the_address_the_postage_is_asked_and_the_choice_is_kept(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            assert leads_to(await person.browser.get(NEXT_PAGE)) == HERE, "first it must be known where to"
            assert leads_to(await send(person, HERE, **DOOR)) == NEXT_PAGE
            page = await person.page(NEXT_PAGE)
            assert "To the courier, at the door: CNY 14.00" in page
            nothing = await send(person, NEXT_PAGE, postage="free")
            assert nothing.status_code == 422
            assert "Choose how you pay the postage" in nothing.text
            assert leads_to(await send(person, NEXT_PAGE, postage="prepaid")) == "/apply/photo"
            assert (await draft_of(world)).postage == "prepaid"
            # Another address asks again, with what was chosen before.
            assert leads_to(await send(person, HERE, **DOOR)) == NEXT_PAGE
            before = (await person.page(NEXT_PAGE)).split('value="prepaid"')[1]
            assert " checked " in before.split(">")[0]
            counter = {"mode": "counter", "step": "done", "office": "310000-1"}
            assert leads_to(await send(person, HERE, **counter)) == "/apply/photo"
            assert (await draft_of(world)).postage == ""
            assert leads_to(await send(person, NEXT_PAGE, page=HERE, postage="prepaid")) == HERE

    run(scene())


@pytest.mark.slow
def test_the_choice_goes_with_the_application_and_both_sums_are_shown(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=uploads_needed) as world:
            person = await applicant(world)
            await filled_in(person)
            assert "CNY 14.00, paid to the courier at the door" in await person.page("/apply/check")
            await send(person, NEXT_PAGE, postage="prepaid")
            check = await person.page("/apply/check")
            assert "CNY 14.00, paid together with the fee; nothing at the door" in check
            assert "CNY 134.00" in check
            address = leads_to(await send(person, "/apply/send", page="/apply/check", true="yes"))
            assert "CNY 134.00" in await person.page(address)
            row = await person.browser.get(
                f"/v1{address.partition('?')[0]}", headers={"accept": "application/json"}
            )
            assert row.json()["state"]["application"]["postage"] == "prepaid"

    run(scene())


# Over the interface, and at the payment service ----------------------------------------------------------------------


async def asked(person: Person, name: str, case: str) -> dict[str, Any]:
    answer = await person.browser.post(
        f"/v1/{name}",
        json={"city": SHANGHAI, "case": case},
        headers={"idempotency-key": f"{name}-{case}", "accept": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def at_the_service(world: World, case: str) -> dict[str, Any]:
    """The case's payment as the payment service has it."""
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}) as bank:
        answer = await bank.post(
            f"{world.services['payment']}/v1/payments:status", json={"keys": [f"{case}/fee"]}
        )
    return answer.json()["outcomes"][0]["payment"]


async def paid(world: World) -> tuple[Person, str]:
    """Somebody who prepaid, by the service."""
    person = await applicant(world)
    case = (await world.submit(person, "applicant", postage="prepaid"))["case"]
    await world.do(case, Approve())
    begun = await asked(person, "payment/begin", case)
    assert (begun["amount_fen"], begun["fee_fen"], begun["postage_fen"]) == (13_400, 12_000, 1_400)
    async with httpx.AsyncClient(trust_env=False) as payer:
        await payer.post(f"{world.services['payment']}/v1/payments/{begun['payment']}/pay", json={})
    await asked(person, "payment/check", case)
    return person, case


@pytest.mark.slow
def test_what_is_not_offered_is_refused_with_the_way_out(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world)
            answer = await person.browser.post(
                "/v1/application/submit",
                json=world.whole_application("applicant") | {"mode": "counter", "postage": "prepaid"},
                headers={"idempotency-key": "submit-wrong", "accept": "application/json"},
            )
            assert answer.status_code == 422
            assert answer.json()["code"] == "application.postage_not_offered"
            assert "leave the choice out" in answer.json()["way_out"]

    run(scene())


@pytest.mark.slow
def test_whoever_withdraws_gets_both_back_from_the_service(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, case = await paid(world)
            assert (await at_the_service(world, case))["amount_fen"] == 13_400
            await asked(person, "application/withdraw", case)
            for _ in range(2):
                await world.control("chores")
            assert (await at_the_service(world, case))["refunded_fen"] == 13_400

    run(scene())


@pytest.mark.slow
def test_amends_and_postage_of_one_payment_each_go_back_once(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, case = await paid(world)
            stock = f"st_{SHANGHAI}_passport"
            await world.do(stock, ReceiveBlanks(first=1, last=1000), kind="stock")
            await world.do(stock, DrawBlank(case=case), kind="stock")
            await world.move_to(START + timedelta(days=9))
            await world.do(case, ProductionExpired())
            await world.control("chores")
            assert (await at_the_service(world, case))["refunded_fen"] == 1_400
            await world.do(case, RecordPrinted(blank=1), actor="st_printer")
            await world.do(case, PassCheck(blank=1), actor="st_checker")
            await world.do(case, ChangeToPickup())
            await world.do(case, MakeReadyForPickup(blank=1))
            done = await world.do(
                case, PickUp(blank=1, is_applicant=True, face_matches=True, id_card_valid=True)
            )
            assert [one.part for one in done.payment.owed] == ["postage"]
            for _ in range(3):
                await world.control("chores")
            assert (await at_the_service(world, case))["refunded_fen"] == 2_800
            await person.sign_in("applicant")
            page = await person.page(f"/cases/{SHANGHAI}/{case}")
            # Each line stands there twice: once more as the name of its link for a question.
            assert page.count("CNY 14.00 was paid back the way it came.") == 2 * 2
            assert "the postage of CNY 14.00 that you prepaid goes back to you" in page

    run(scene())
