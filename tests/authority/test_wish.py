"""Another day, or the post office: wished while the post has it, said to the post, and obeyed by our own clocks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from safehand.authority.machines import ROLES, build_machines
from safehand.authority.returns.commands import RecallItem
from safehand.authority.router import wish_days
from safehand.authority.rulebook import HouseClocks, Rulebook
from safehand.authority.tracking.commands import RecordAttempt, RecordReported
from safehand.authority.wish.commands import AskWish
from safehand.authority.wish.states import WishState
from safehand.kernel.machine import StreamKey
from safehand.kernel.working_days import end_of_day, local_day
from safehand.link.messages import WISHES_MAX, Kind, Reason, Scan, Wish
from tests.authority.house import CITY, House, loaded
from tests.authority.living_authority import SHANGHAI, Person, World, living
from tests.authority.test_applying import leads_to, send

SILENCE = timedelta(hours=HouseClocks().silence_hours)


def day(house: House, after: int) -> date:
    return local_day(house.now) + timedelta(days=after)


def another(house: House, after: int, number: int = 1) -> AskWish:
    return AskWish(number=number, wish="another_day", day=day(house, after))


def at_post_office(number: int = 1) -> AskWish:
    return AskWish(number=number, wish="post_office")


def days_of(house: House) -> list[int]:
    """The days that there are, counted from today."""
    cities, documents = loaded()
    book = Rulebook(cities=cities, documents=documents, clocks=HouseClocks(), authority="NIA", post="postal")
    found = wish_days(house.case, now=house.now, book=book, city=CITY)
    return [(one - local_day(house.now)).days for one in found]


def test_a_wish_is_said_to_the_post_told_at_once_and_its_day_is_our_clocks():
    house = House().with_post()
    assert house.ok(another(house, 4), actor="ap_one") == ["wish.another_day", "tracking.put_off"]
    assert house.case.wish.state is WishState.ANOTHER_DAY
    said = house.messages[-1]
    assert (said.kind, said.subject) == (Kind.DELIVERY_WISHED, house.case.tracking.order)
    body: Any = said.body
    assert (body.number, body.wish, body.day) == (1, Wish.ANOTHER_DAY, day(house, 4))
    assert body.waybill == house.case.tracking.waybill
    told = house.notices[-1]
    assert (told.template, told.facts) == ("another_day_wished", {"day": day(house, 4).isoformat()})
    assert house.waits()["tracking.on_the_way"].due_at == end_of_day(day(house, 4)) + SILENCE


def test_no_news_before_the_wished_day_makes_it_late():
    house = House().with_post()
    house.ok(another(house, 5))
    due_at = end_of_day(day(house, 5)) + SILENCE
    house.later(days=1)
    house.ok(house.scan(Scan.AT_OFFICE, "sc_a"), actor="postal")
    assert house.waits()["tracking.on_the_way"].due_at == due_at
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_b", due_at=house.now), actor="postal")
    assert house.waits()["tracking.on_the_way"].due_at == due_at
    late = ["tracking.overdue", "payment.promise_missed", "payment.amends_owed"]
    assert house.ring("tracking.on_the_way") == late


def test_whoever_then_wants_to_fetch_it_need_not_wait_for_the_day():
    house = House().with_post()
    house.ok(another(house, 5))
    house.ok(at_post_office(2))
    assert house.notices[-1].template == "post_office_wished"
    assert house.case.tracking.put_off_to is None
    house.ok(house.scan(Scan.AT_OFFICE, "sc_a"), actor="postal")
    assert house.waits()["tracking.on_the_way"].due_at == house.now + SILENCE


def test_a_late_envelope_whose_recipient_names_a_day_has_its_clock_again():
    house = House().with_post()
    house.ring("tracking.on_the_way")
    house.ok(another(house, 1))
    line = house.waits()["tracking.on_the_way"]
    assert (line.owner, line.due_at) == ("post", end_of_day(day(house, 1)) + SILENCE)


def test_the_days_go_from_the_promised_one_to_the_last_that_the_post_may_have_it():
    house = House().with_post()
    assert days_of(house) == list(range(1, 9)), "promised tomorrow, and seven days of holding"
    house.later(days=3)
    assert days_of(house) == list(range(1, 6)), "the last day stands still"
    house.later(days=6)
    assert days_of(house) == []
    assert house.no(another(house, 1)) == "wish.no_day_left"
    assert house.ok(at_post_office())[0] == "wish.post_office"
    far = House().with_post(destination=440100)
    assert days_of(far) == list(range(3, 11))


def test_what_lies_at_the_counter_is_brought_only_while_it_is_kept_there():
    house = House().with_post()
    house.later(days=2)
    until = end_of_day(day(house, 3))
    house.ok(house.scan(Scan.HELD, "sc_held", due_at=until), actor="postal")
    assert days_of(house) == [1, 2, 3]
    assert house.ok(another(house, 3))[0] == "wish.another_day"
    for attempt in (1, 2, 3):
        house.ok(_failed(house, attempt), actor="postal")
    house.ok(house.scan(Scan.HELD, "sc_last", due_at=until), actor="postal")
    assert days_of(house) == [], "no attempt is left"


def _failed(house: House, attempt: int) -> Any:
    return RecordAttempt(
        **house.item(), reason=Reason.ABSENT, attempt=attempt, place="310115", occurred_at=house.now
    )


@pytest.mark.parametrize("after", [0, 9, 300, -1])
def test_a_day_that_there_is_not_is_refused_with_those_that_there_are(after: int):
    house = House().with_post()
    wrong = house.do(another(house, after))
    assert not isinstance(wrong, list)
    assert wrong.code == "wish.not_that_day"
    assert day(house, 1).isoformat() in str(wrong.facts["days"])
    assert house.sent()[-1] != Kind.DELIVERY_WISHED


@pytest.mark.parametrize(
    "wrong",
    [AskWish(number=1, wish="another_day"), AskWish(number=1, wish="post_office", day=date(2024, 5, 9))],
)
def test_a_wish_that_says_two_things_is_refused(wrong: AskWish):
    assert House().with_post().no(wrong) == "wish.not_that_day"


def test_three_wishes_for_an_order_and_an_old_page_wishes_nothing():
    house = House().with_post()
    assert house.no(at_post_office(2)) == "wish.changed"
    house.ok(at_post_office(1))
    assert house.no(another(house, 2, 1)) == "wish.changed"
    assert house.ok(at_post_office(2)) == [], "so it is already"
    house.ok(another(house, 2, 2))
    house.ok(at_post_office(3))
    for number in range(1, WISHES_MAX + 2):
        assert house.no(another(house, 3, number)) == "wish.too_many"


def test_an_envelope_that_goes_out_anew_begins_anew():
    house = House().returned()
    assert house.no(at_post_office()) == "wish.not_now"
    first = House().with_post()
    for number in (1, 2, 3):
        first.ok(another(first, number + 1, number))
    first.resent()
    assert first.ok(at_post_office())[0] == "wish.post_office"
    assert first.case.wish.order == first.case.tracking.order


def test_nothing_is_wished_of_what_the_post_has_not_or_does_not_bring():
    assert House().offered().no(at_post_office()) == "wish.not_now"
    assert House().delivered().no(at_post_office()) == "wish.not_now"
    reported = House().with_post()
    reported.ok(RecordReported(**reported.item(), carrier_code="50", occurred_at=reported.now))
    assert reported.no(at_post_office()) == "wish.not_now"
    recalled = House().with_post()
    recalled.ok(RecallItem(reason=Reason.RECALLED))
    assert recalled.no(at_post_office()) == "wish.not_now"


def test_where_the_post_keeps_nothing_only_another_day_can_be_chosen():
    cities, documents = loaded()
    city = cities[CITY]
    never = tuple(
        replace(view, reach=replace(view.reach, post_office="never")) for view in city.resolved.views
    )
    changed = replace(city, resolved=replace(city.resolved, views=never))
    house = House(build_machines(cities={**cities, CITY: changed}, documents=documents)).with_post()
    assert house.no(at_post_office()) == "wish.no_post_office"
    assert house.ok(another(house, 2))[0] == "wish.another_day"


def test_only_the_applicant_wishes():
    assert ROLES[AskWish] == {"applicant"}


# ---------------------------------------------------------------- the page, on PostgreSQL


async def with_the_post(world: World) -> tuple[Person, str]:
    person = world.person("en")
    await person.sign_in("applicant")
    case = (await world.submit(person, "applicant"))["case"]
    await world.bring_to_post(case)
    return person, f"/cases/{SHANGHAI}/{case}"


@pytest.mark.slow
def test_the_page_offers_the_days_and_the_post_office_and_what_is_chosen_is_told(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await with_the_post(world)
            assert f"{address}/wish" in await person.page(address)
            page = await person.page(f"{address}/wish")
            assert "Tuesday, 7 May 2024" in page
            assert "The last possible day is Tuesday, 14 May 2024" in page
            assert "depends on the district" in page, "the scan named no office of the files"
            nothing = await send(person, f"{address}/wish", number="1")
            assert nothing.status_code == 422
            assert "Choose a day, or" in nothing.text
            sent = await send(person, f"{address}/wish", number="1", wish="2024-05-10")
            assert leads_to(sent) == f"{address}?done=wished"
            again = await send(person, f"{address}/wish", number="1", wish="2024-05-10")
            assert leads_to(again) == f"{address}?done=wished", "pressed twice it is one wish"
            shown = await person.page(f"{address}?done=wished")
            assert "You chose the day of the delivery: Friday, 10 May 2024" in shown
            assert "The post is told what you chose" in shown
            later = await person.page(f"{address}/wish")
            assert "You have chosen: Friday, 10 May 2024" in later
            assert "You can choose 2 more times" in later
            await world.control("chores")
            assert any(
                "Friday, 10 May" in one["text"] or "5月10日" in one["text"] for one in await world.mailbox()
            )
            late = await send(person, f"{address}/wish", number="2", wish="2024-06-10")
            assert late.status_code == 422
            assert "2024-05-14" in late.text
            strange = await send(person, f"{address}/wish", number="2", wish="'; --")
            assert strange.status_code == 403

    run(scene())


@pytest.mark.slow
def test_the_page_names_the_office_and_by_when_to_fetch_it(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, address = await with_the_post(world)
            case = address.rpartition("/")[2]
            order = msgspec.json.decode(
                (await world.app.state.house.store.streams(keys=[StreamKey(SHANGHAI, case)]))[
                    StreamKey(SHANGHAI, case)
                ].state
            )["tracking"]["order"]
            held = replace(world.scan(order, Scan.HELD), place="310115", due_at=end_of_day(date(2024, 5, 13)))
            await world.do(case, held, actor="post")
            page = await person.page(f"{address}/wish")
            assert "Pudong" in page
            assert "daily 9:00-18:00" in page
            assert "by the end of 13 May 2024" in page
            assert "The last possible day is Monday, 13 May 2024" in page
            for number, wish in enumerate(("post_office", "2024-05-08", "post_office"), start=1):
                sent = await send(person, f"{address}/wish", number=str(number), wish=wish)
                assert leads_to(sent) == f"{address}?done=wished"
            assert "your last choice holds" in await person.page(f"{address}/wish")
            over = await person.browser.post(
                "/v1/wish/ask",
                json={"city": SHANGHAI, "case": case, "number": 4, "wish": "post_office"},
                headers={"idempotency-key": "a-fourth-wish", "accept": "application/json"},
            )
            assert (over.status_code, over.json()["code"]) == (409, "wish.too_many")

    run(scene())


@pytest.mark.slow
def test_before_the_post_has_it_the_page_says_why_and_strangers_learn_nothing(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = world.person("en")
            await person.sign_in("applicant")
            case = (await world.submit(person, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            assert f"{address}/wish" not in await person.page(address)
            shut = await person.browser.get(f"{address}/wish")
            assert shut.status_code == 409
            assert "once the post has it" in shut.text
            stranger = world.person("en")
            await stranger.sign_in("stranger")
            theirs = await stranger.browser.get(f"{address}/wish")
            nobodys = await stranger.browser.get(f"/cases/{SHANGHAI}/ca_{'a' * 20}/wish")
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content

    run(scene())
