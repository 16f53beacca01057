"""How long it really takes: counted each night from applications that have ended, and told only where history is thick enough."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehand.authority.application.commands import WithdrawApplication
from safehand.authority.application.states import TERMINAL
from safehand.authority.outward import overall
from safehand.authority.pace import (
    BUCKET_MAX,
    ENDS,
    FIRST_SECONDS,
    HISTORY_DAYS,
    STAYS_MIN,
    STEP,
    WHOLE,
    Happened,
    Pace,
    Pacing,
    Stay,
    bucket_of,
    edge_of,
    paces_of,
    stays_of,
)
from safehand.authority.portal.timeline import _ENDS as TIMELINE_ENDS
from safehand.authority.portal.usual import usual_words
from safehand.authority.tracking.commands import DenyReceipt, Settle
from safehand.house.database import KERNEL_SQL
from safehand.kernel.clock import SetClock
from safehand.kernel.machine import StreamKey
from safehand.kernel.store_postgres import PostgresStore
from tests.authority.house import CASE, CLAIM, EVIDENCE, House, application, machines
from tests.authority.living_authority import SHANGHAI, START, living
from tests.authority.test_notices_sending import rows
from tests.kernel.test_checkpoints import settled

NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
THIRD, HOUR, DAY = timedelta(minutes=20), timedelta(hours=1), timedelta(days=1)
OWN_SQL = KERNEL_SQL.parents[1] / "authority" / "sql"
KEY = StreamKey(SHANGHAI, CASE)


@given(st.integers(min_value=0, max_value=int(FIRST_SECONDS * STEP**BUCKET_MAX)))
def test_what_is_told_is_never_shorter_than_what_was_measured_and_a_sixth_longer_at_most(seconds: int):
    told = edge_of(bucket_of(timedelta(seconds=seconds))).total_seconds()
    assert told >= seconds - 1
    assert told <= max(FIRST_SECONDS, seconds * STEP + 1)


@given(st.timedeltas(), st.timedeltas())
def test_what_lasted_longer_never_has_an_earlier_place(one: timedelta, other: timedelta):
    shorter, longer = sorted((one, other))
    assert 0 <= bucket_of(shorter) <= bucket_of(longer) <= BUCKET_MAX


def test_ends_are_the_events_with_which_the_timeline_ends():
    assert set(ENDS) == {str(one.__struct_config__.tag) for one in TIMELINE_ENDS}


def counted(house: House, *, until: int = 0, together: int = 1) -> tuple[list[Stay], Any]:
    """The stays of everything that happened to the house's case, an hour between two events; the last `together` in one moment."""
    machine = machines()["case"]
    events = [event for stream, event in house.events if stream == CASE]
    last = len(events) - together
    happened = [Happened(n + 1, NOW + min(n, last) * HOUR, one) for n, one in enumerate(events)]
    return stays_of(
        key=KEY,
        initial=machine.initial(KEY),
        happened=happened,
        until=until or len(events),
        fold=machine.fold,
        waits=machine.waits,
    )


def test_each_waiting_state_that_was_left_is_counted_with_its_time():
    house = House().delivered()
    stays, case = counted(house)
    assert case == house_case(house)
    lasted = {stay.queue: stay.lasted for stay in stays}
    names = [type(event).__name__ for stream, event in house.events if stream == CASE]
    asked = (names.index("PaymentSettled") - names.index("PaymentOpened")) * HOUR
    assert lasted["payment.awaiting"] == asked
    assert lasted["examination.reviewing"] > timedelta()
    assert lasted[WHOLE] == (names.index("ApplicationCompleted")) * HOUR
    assert {"production.started", "handover.sealed", "tracking.on_the_way"} <= set(lasted)


def house_case(house: House) -> Any:
    """The case as it was when it ended: the fold of the same events at the same moments."""
    machine = machines()["case"]
    state = machine.initial(KEY)
    for number, event in enumerate(e for stream, e in house.events if stream == CASE):
        state = machine.fold(state, event, NOW + number * HOUR)
    assert state.application.state in TERMINAL
    assert overall(state) == overall(house.case)
    return state


def test_who_withdrew_says_nothing_of_the_whole_way():
    house = House().submitted()
    house.ok(WithdrawApplication())
    names = [type(event).__name__ for stream, event in house.events if stream == CASE]
    end = names.index("ApplicationWithdrawn") + 1
    # The review is closed by an event after the end, in the same moment.
    assert names[end:] == ["ExaminationClosed"]
    stays, case = counted(house, until=end, together=2)
    assert stays == [Stay("examination.reviewing", HOUR)]
    assert case.examination.state == house.case.examination.state


def test_a_case_that_was_opened_again_is_not_counted_twice():
    house = House().delivered()
    first, _ = counted(house)
    house.ok(DenyReceipt())
    house.ok(Settle(in_hand=False, grade_accepted=False, claim=CLAIM, evidence=EVIDENCE))
    house.draw()
    house.make()
    house.label()
    house.seal()
    house.offer("bg_again")
    house.accept("bg_again")
    house.ok(house.claim(), actor="postal")
    names = [type(event).__name__ for stream, event in house.events if stream == CASE]
    assert names.count("ApplicationCompleted") == 2
    again, _ = counted(house)
    queues = {stay.queue for stay in again}
    assert {"production.started", "handover.sealed", "tracking.on_the_way", WHOLE} <= queues
    assert not {"examination.reviewing", "payment.awaiting"} & queues
    assert len([stay for stay in again if stay.queue == "production.started"]) == 1
    # The first end is counted as it was before it was opened again.
    assert counted(house, until=names.index("ApplicationCompleted") + 1)[0] == first


PACE = Pace(half=2 * DAY, nine_of_ten=5 * DAY)


@pytest.mark.parametrize(
    ("pace", "passed", "en", "zh"),
    [
        (None, DAY, "", ""),
        (
            PACE,
            DAY,
            "Usually done by 8 May 2024; nine of ten by 11 May 2024.",
            "通常在2024年5月8日前办完；十件中九件在2024年5月11日前办完。",
        ),
        (
            PACE,
            2 * DAY,
            "Longer than usual; nine of ten are done by 11 May 2024.",
            "已超过通常所用的时间；十件中九件在2024年5月11日前办完。",
        ),
        (PACE, 5 * DAY, "This takes longer than nine of ten did.", "已超过十件中九件所用的时间。"),
        (
            Pace(half=HOUR, nine_of_ten=3 * HOUR),
            timedelta(),
            "Usually done by 6 May 2024, 10:00; nine of ten by 6 May 2024, 12:00.",
            "通常在2024年5月6日 10:00前办完；十件中九件在2024年5月6日 12:00前办完。",
        ),
        (
            Pace(half=2 * DAY, nine_of_ten=2 * DAY + HOUR),
            timedelta(),
            "Nine of ten are done by 8 May 2024.",
            "十件中九件在2024年5月8日前办完。",
        ),
    ],
)
def test_it_is_said_by_when_and_never_what_is_over(pace: Pace | None, passed: timedelta, en: str, zh: str):
    assert usual_words(pace=pace, since=NOW, now=NOW + passed, language="en") == en
    assert usual_words(pace=pace, since=NOW, now=NOW + passed, language="zh") == zh


async def made(store: PostgresStore, now: datetime) -> int:
    """The nightly count. What a neighbour's transaction still holds back would be counted the night after."""
    await settled(store)
    machine = machines()["case"]
    return await Pacing(
        store=store,
        clock=SetClock(start=now),
        initial=machine.initial,
        fold=machine.fold,
        waits=machine.waits,
    ).run()


async def settled_in(dsn: str) -> None:
    store = await PostgresStore.create(dsn=dsn, connections_max=1)
    try:
        await settled(store)
    finally:
        await store.close()


async def history(store: PostgresStore, queue: str, day: date, hours: dict[int, int]) -> None:
    """So many stays (`hours`: length -> how many) ended that day."""
    for length, stays in hours.items():
        await store.fetch(
            "insert into pace_day values ($1, 'passport', $2, $3, $4, $5)",
            SHANGHAI,
            queue,
            day,
            bucket_of(length * HOUR),
            stays,
        )


@pytest.mark.slow
def test_too_thin_or_too_old_a_history_says_nothing(run, fresh_database):
    dsn = fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)

    async def scene():
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        today = NOW.date()
        try:
            await history(store, "a.enough", today, {10: STAYS_MIN - 1, 20: 1})
            await history(store, "a.thin", today, {10: STAYS_MIN - 1})
            await history(store, "a.old", today - timedelta(days=HISTORY_DAYS), {10: 1_000})
            await history(store, "a.just", today - timedelta(days=HISTORY_DAYS - 1), {10: STAYS_MIN})
            assert await made(store, NOW) == 0
            found = await paces_of(store=store, city=SHANGHAI, document="passport")
            ten = edge_of(bucket_of(10 * HOUR))
            assert found == {"a.enough": Pace(ten, ten), "a.just": Pace(ten, ten)}
            assert await paces_of(store=store, city=110000, document="passport") == {}
            assert await paces_of(store=store, city=SHANGHAI, document="'; drop table pace") == {}
            # The next day the oldest has left the ninety days, and what it had said with it.
            await made(store, NOW + DAY)
            found = await paces_of(store=store, city=SHANGHAI, document="passport")
            assert set(found) == {"a.enough"}
            assert not await store.fetch("select from pace_day where queue in ('a.old', 'a.just')")
        finally:
            await store.close()

    run(scene())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hours", "half", "most"),
    [
        ({10: 15, 100: 15}, 10, 100),
        ({10: 14, 100: 16}, 100, 100),
        ({10: 27, 100: 3}, 10, 10),
        ({10: 26, 100: 4}, 10, 100),
        (dict.fromkeys(range(1, 101), 1), 50, 90),
    ],
)
def test_half_and_nine_of_ten_are_counted_to_the_case(run, fresh_database, hours, half, most):
    dsn = fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)

    async def scene():
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        try:
            merged: dict[int, int] = {}
            places = {length: bucket_of(length * HOUR) for length in hours}
            for place, lengths in itertools.groupby(hours, key=places.__getitem__):
                same = list(lengths)
                assert all(places[one] == place for one in same)
                merged[same[0]] = sum(hours[one] for one in same)
            await history(store, "a.b", NOW.date(), merged)
            await made(store, NOW)
            [pace] = (await paces_of(store=store, city=SHANGHAI, document="passport")).values()
            assert pace == Pace(edge_of(bucket_of(half * HOUR)), edge_of(bucket_of(most * HOUR)))
        finally:
            await store.close()

    run(scene())


@pytest.mark.slow
def test_thirty_applications_that_ended_tell_the_next_applicant_by_when(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            # Today is done with: there was nothing yet.
            await world.control("chores")
            for n in range(STAYS_MIN):
                await world.do(
                    f"ca_p{n:04d}", application(claim=f"live:{n}:passport", receipt=f"receipt:{n}")
                )
            for n in range(STAYS_MIN):
                await world.move_to(START + (n + 1) * THIRD)
                await world.do(f"ca_p{n:04d}", WithdrawApplication())
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            await world.control("chores")
            assert "nine of ten" not in await someone.page(address), "not before three in the morning"
            assert await rows(dsn, "select from pace") == []
            await world.move_to(START + DAY - 6 * HOUR - timedelta(seconds=1))
            await world.control("chores")
            assert await rows(dsn, "select from pace") == []
            await world.move_to(START + DAY - 6 * HOUR)
            await settled_in(dsn)
            await world.control("chores")
            await world.control("chores")
            stays = await rows(dsn, "select queue, sum(stays)::int as stays from pace_day group by queue")
            assert [tuple(one) for one in stays] == [("examination.reviewing", STAYS_MIN)]
            await someone.sign_in("applicant")
            page = await someone.page(address)
            assert "Longer than usual; nine of ten are done by 7 May 2024, 04:" in page, (
                "eight hours have passed"
            )
            assert "the end of 14 May 2024" in page, "the legal deadline stands beside it"
            assert "In your hands" not in page, "nobody has got one yet"
            assert "已超过通常所用的时间" in await someone.page(f"{address}?lang=zh")
            [pace] = await rows(dsn, "select stays, half, nine_of_ten from pace")
            assert tuple(pace) == (STAYS_MIN, bucket_of(15 * THIRD), bucket_of(27 * THIRD))

    run(scene())


@pytest.mark.slow
def test_what_was_counted_is_not_counted_again_by_anybody(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            for n in range(3):
                await world.do(
                    f"ca_p{n:04d}", application(claim=f"live:{n}:passport", receipt=f"receipt:{n}")
                )
                await world.do(f"ca_p{n:04d}", WithdrawApplication())
            store = await PostgresStore.create(dsn=dsn, connections_max=2)
            try:
                assert await made(store, START + DAY) == 3
                assert await made(store, START + DAY) == 0
                await store.fetch("update pace_read set made_for = '2000-01-01'")
                assert await made(store, START + DAY) == 0
                await world.do("ca_p0009", application(claim="live:9:passport", receipt="receipt:9"))
                await world.do("ca_p0009", WithdrawApplication())
                assert await made(store, START + 2 * DAY) == 1
                [row] = await store.fetch("select sum(stays)::int from pace_day")
                assert row[0] == 4
            finally:
                await store.close()

    run(scene())


@pytest.mark.slow
def test_transactions_are_counted_in_the_order_of_their_numbers(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            for n in range(2):
                await world.do(
                    f"ca_p{n:04d}", application(claim=f"live:{n}:passport", receipt=f"receipt:{n}")
                )
                await world.do(f"ca_p{n:04d}", WithdrawApplication())
            store = await PostgresStore.create(dsn=dsn, connections_max=2)
            try:
                for n, number in enumerate(("99", "100")):
                    await store.fetch(
                        "update event set written_by = $2::text::xid8 where stream = $1",
                        f"ca_p{n:04d}",
                        number,
                    )
                assert await made(store, START + DAY) == 2
                [row] = await store.fetch("select upto::text, stream from pace_read")
                assert tuple(row) == ("100", "ca_p0001")
                assert await made(store, START + 2 * DAY) == 0
            finally:
                await store.close()

    run(scene())
