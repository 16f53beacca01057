"""Two houses, two databases, one link: whatever the wire does, every message takes effect exactly once."""

import asyncio
import random
from collections.abc import Callable

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from safehand.kernel.store import MessageRow, Writes
from safehand.kernel.vault import seal_all
from safehand.link.codes import Code
from safehand.link.envelope import GENESIS, RUN_BYTES_MAX
from safehand.link.log import DELIVERY_RECORD, RECEIVER_RECORD, RUN_MESSAGES_MAX
from safehand.link.messages import Kind
from safehand.link.pump import PeerSilent, Runs
from safehand.link.sealing import Opener
from tests.link.two_houses import (
    AUTHORITY,
    CITY,
    OTHER_CITY,
    POST,
    ByName,
    House,
    a_run,
    play,
    posted,
    two_houses,
)

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

Database = Callable[..., str]


def test_what_one_house_tells_takes_effect_at_the_other_once_and_in_order(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1, 2, 3], to=POST)
        await authority.tell([7], to=POST, city=OTHER_CITY)
        await post.tell([9], to=AUTHORITY)
        assert await authority.pump(client).until_quiet() == 4
        assert await post.pump(client).until_quiet() == 1
        assert await post.heard() == (1, 2, 3)
        assert await post.heard(city=OTHER_CITY) == (7,)
        assert await authority.heard() == (9,)
        assert await authority.log.waiting() == (0, 0)
        assert await authority.pump(client).until_quiet() == 0

    play(emptied_database, scene)


def test_a_message_carries_its_person_sealed_and_an_erased_person_is_left_out(
    emptied_database: Database,
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1], to=POST, order="or_a", person=True)
        await authority.tell([2], to=POST, order="or_b", person=True)
        await authority.store.fetch("delete from keys.case_key where subject = 'or_b'")
        await authority.pump(client).until_quiet()
        assert (await post.book(order="or_a_here")).persons == ("张三",)
        assert (await post.book(order="or_b_here")).persons == ("",)
        [kept] = await post.store.fetch("select part_digest from link_received where subject = 'or_a'")
        assert len(kept[0]) == 32, "the evidence keeps the part's digest, never the part"

    play(emptied_database, scene)


def test_each_kind_of_message_carries_the_record_that_it_is_about_and_an_empty_one_is_no_part(
    emptied_database: Database,
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        kept = {"or_a": b"somebody else", "or_b": b""}

        def beside(_: object, writes: Writes) -> None:
            for order, receiver in kept.items():
                records = {DELIVERY_RECORD: b"the recipient", RECEIVER_RECORD: receiver}
                key, rows = seal_all(keys=authority.vault, city=CITY, subject=order, records=records)
                writes.vault_keys.append(key)
                writes.vault.extend(rows)
                writes.messages += [
                    MessageRow(POST, CITY, kind, order, b"{}", order, authority.clock.now())
                    for kind in (Kind.RECEIVER_NAMED, Kind.ORDER_PLACED)
                ]

        await authority.shell.run([], beside=beside)
        await authority.log.number()
        [run] = await authority.log.behind(peer=POST)
        opener = Opener(ring=post.ring)
        parts = [
            None
            if one.personal is None
            else opener.open(one.personal, peer=AUTHORITY, city=CITY, subject=one.subject)
            for one in run.messages
        ]
        assert parts == [b"somebody else", b"the recipient", None, b"the recipient"]

    play(emptied_database, scene)


def test_replayed_and_overlapping_runs_change_nothing_more(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        messages = [posted(n, n * 10) for n in range(1, 6)]
        first, whole = a_run(messages[:3]), a_run(messages)
        [answer] = await post.reader.apply(peer=AUTHORITY, runs=[first])
        assert (answer.code, answer.position) == (Code.TAKEN, 3)
        before = await post.rows()
        [again] = await post.reader.apply(peer=AUTHORITY, runs=[first])
        assert (again.code, again.position) == (Code.TAKEN, 3)
        assert await post.rows() == before
        [longer] = await post.reader.apply(peer=AUTHORITY, runs=[whole])
        assert (longer.code, longer.position) == (Code.TAKEN, 5)
        assert await post.heard() == (10, 20, 30, 40, 50)
        before = await post.rows()
        middle = a_run(messages[1:2], previous=a_run(messages[:1]).head)
        [past] = await post.reader.apply(peer=AUTHORITY, runs=[middle])
        assert (past.code, past.position) == (Code.TAKEN, 5)
        assert await post.rows() == before

    play(emptied_database, scene)


def test_the_same_run_by_many_at_once_takes_effect_once(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        run = a_run([posted(n, n) for n in range(1, 21)])
        answers = await asyncio.gather(*(post.reader.apply(peer=AUTHORITY, runs=[run]) for _ in range(5)))
        assert {answer.code for [answer] in answers} <= {Code.TAKEN, Code.BUSY}
        assert await post.heard() == tuple(range(1, 21))
        assert await post.position(peer=AUTHORITY) == 20

    play(emptied_database, scene)


def test_a_run_that_comes_too_early_is_asked_for_again_from_where_the_reader_stands(
    emptied_database: Database,
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        messages = [posted(n, n) for n in range(1, 5)]
        early = a_run(messages[2:], previous=a_run(messages[:2]).head)
        [answer] = await post.reader.apply(peer=AUTHORITY, runs=[early])
        assert (answer.code, answer.position) == (Code.GAP, 0)
        assert await post.heard() == ()
        for run in (a_run(messages[:2]), early):
            await post.reader.apply(peer=AUTHORITY, runs=[run])
        assert await post.heard() == (1, 2, 3, 4)

    play(emptied_database, scene)


def test_a_peer_that_was_restored_from_a_backup_gets_everything_again(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1, 2], to=POST)
        await authority.pump(client).until_quiet()
        for table in ("event", "stream", "link_position", "link_received", "link_run_received"):
            await post.store.fetch(f"truncate {table}")
        await authority.tell([3], to=POST)
        await authority.pump(client).until_quiet()
        assert await post.heard() == (1, 2, 3)
        assert await authority.log.waiting() == (0, 0)

    play(emptied_database, scene)


def test_pull_gives_the_same_bytes_as_push_and_acknowledges_what_came_before(
    emptied_database: Database,
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1, 2, 3], to=POST, person=True)
        await authority.log.number()
        pushed = await authority.log.behind(peer=POST)
        pulled = await post.pump(client).pull(peer=AUTHORITY, city=CITY, after=0)
        assert msgspec.json.encode(Runs(runs=pulled)) == msgspec.json.encode(Runs(runs=pushed))
        [answer] = await post.reader.apply(peer=AUTHORITY, runs=pulled)
        assert answer.position == 3
        assert await authority.log.waiting() == (0, 3)
        assert await post.pump(client).pull(peer=AUTHORITY, city=CITY, after=3) == []
        assert await authority.log.waiting() == (0, 0)
        [part] = await post.pump(client).pull(peer=AUTHORITY, city=CITY, after=1, limit=1)
        assert [m.number for m in part.messages] == [2]
        [answer] = await post.reader.apply(peer=AUTHORITY, runs=[part])
        assert (answer.code, answer.position) == (Code.TAKEN, 3)

    play(emptied_database, scene)


def test_two_numberers_at_once_number_everything_once_without_gaps(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await asyncio.gather(
            *(
                authority.tell(range(n, n + 20), to=POST, order=f"or_{'abcd'[n // 20]}")
                for n in (0, 20, 40, 60)
            )
        )
        numbered = await asyncio.gather(*(authority.log.number(limit=30) for _ in range(6)))
        while await authority.log.number(limit=30):
            pass
        assert max(numbered) == 30
        rows = await authority.store.fetch("select number from link_sent order by number")
        assert [row[0] for row in rows] == list(range(1, 81))
        await authority.pump(client).until_quiet()
        for n, letter in enumerate("abcd"):
            assert await post.heard(order=f"or_{letter}_here") == tuple(range(n * 20, n * 20 + 20))

    play(emptied_database, scene)


def test_what_is_said_to_an_unknown_house_waits_and_stops_nobody(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([5], to="nobody-yet", order="or_b", person=True)
        await authority.tell([1], to=POST)
        assert await authority.pump(client).until_quiet() == 1
        assert await authority.log.waiting() == (1, 0)

    play(emptied_database, scene)


def test_a_backlog_goes_in_requests_of_bounded_size(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1], to=POST)
        await authority.log.number()
        long = "x" * 180_000
        await authority.store.fetch(
            "insert into link_sent select peer, city, n, kind, subject, $1, personal, hash, at"
            " from link_sent, generate_series(2, 100) n",
            long,
        )
        await authority.store.fetch("update link_head set number = 100")
        [run] = await authority.log.behind(peer=POST)
        size = len(msgspec.json.encode(run))
        assert 1 < len(run.messages) < 100
        assert RUN_BYTES_MAX / 2 < size <= RUN_BYTES_MAX * 2
        pulled = await authority.log.after(peer=POST, city=CITY, position=0, limit=RUN_MESSAGES_MAX)
        assert pulled == run

    play(emptied_database, scene)


class Wire(httpx.AsyncBaseTransport):
    """A wire that loses requests, loses answers, sends twice, and sends old requests again, as it is told."""

    def __init__(self, inner: httpx.AsyncBaseTransport, fates: list[str]) -> None:
        self._inner = inner
        self._fates = iter(fates)
        self._sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fate = next(self._fates, "carried")
        kept = httpx.Request(
            request.method, request.url, headers=request.headers, content=await request.aread()
        )
        if fate == "lost":
            raise httpx.ConnectError("lost on the way")
        if fate == "old ones first":
            for old in reversed(self._sent):
                await (await self._inner.handle_async_request(old)).aread()
        self._sent.append(kept)
        if fate == "twice":
            await (await self._inner.handle_async_request(kept)).aread()
        answer = await self._inner.handle_async_request(request)
        if fate == "answer lost":
            await answer.aread()
            raise httpx.ReadError("the answer was lost")
        return answer


@pytest.mark.parametrize("fate", ["lost", "answer lost", "twice", "old ones first"])
def test_nothing_is_lost_or_doubled_when_the_wire_fails(fate: str, emptied_database: Database) -> None:
    async def scene(authority: House, post: House, _: httpx.AsyncClient) -> None:
        wire = Wire(ByName([authority, post]), ["carried", fate, fate])
        async with httpx.AsyncClient(transport=wire) as client:
            pump = authority.pump(client)
            for amount in (1, 2, 3, 4):
                await authority.tell([amount], to=POST)
                try:
                    await pump.until_quiet()
                except PeerSilent:
                    assert fate in ("lost", "answer lost")
            await pump.until_quiet()
        assert await post.heard() == (1, 2, 3, 4)
        assert await authority.log.waiting() == (0, 0)

    play(emptied_database, scene)


def test_a_peer_that_is_silent_does_not_keep_messages_from_the_others(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        third = "test-third"
        both = House(name=POST, peers=[third, AUTHORITY], store=post.store, clock=post.clock)
        peer = both.ring.peers[third]
        both.ring.peers = {**both.ring.peers, third: msgspec.structs.replace(peer, url="http://third.test")}
        await both.tell([1], to=third)
        await both.tell([2], to=AUTHORITY, order="or_b")

        class OneIsDown(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if request.url.host == "third.test":
                    raise httpx.ConnectError("down")
                return await ByName([authority, post]).handle_async_request(request)

        async with httpx.AsyncClient(transport=OneIsDown()) as partly:
            with pytest.raises(PeerSilent, match=third):
                await both.pump(partly).until_quiet()
        assert await authority.heard(order="or_b_here") == (2,)
        assert await both.log.waiting() == (0, 1)

    play(emptied_database, scene)


FATES = ("carried", "lost", "answer lost", "twice", "old ones first")


async def _schedule(dsns: list[str], fates: list[str], told: list[int]) -> None:
    async with two_houses(dsns) as (authority, post, _):
        for house in (authority, post):
            await house.store.fetch(
                "truncate event, stream, link_outbox, link_sent, link_head, link_position, link_received,"
                " link_run_received, link_parked"
            )
        wire = Wire(ByName([authority, post]), fates)
        order = random.Random(str(fates))
        async with httpx.AsyncClient(transport=wire) as client:
            for amount in told:
                speaker, listener = (authority, POST) if order.random() < 0.6 else (post, AUTHORITY)
                city = order.choice((CITY, OTHER_CITY))
                await speaker.tell([amount] * order.randint(1, 3), to=listener, city=city)
                try:
                    await speaker.pump(client).until_quiet()
                except PeerSilent:
                    continue
        async with httpx.AsyncClient(transport=ByName([authority, post])) as client:
            for house in (authority, post):
                await house.pump(client).until_quiet()
        for city in (CITY, OTHER_CITY):
            for speaker, listener in ((authority, post), (post, authority)):
                told_there = (await speaker.book(city=city, order="or_a")).told
                assert await listener.heard(city=city) == told_there
                heads = await speaker.store.fetch("select number, hash from link_head where city = $1", city)
                expected = [tuple(row) for row in heads] or [(0, GENESIS)]
                assert [(await listener.reader.positions(peer=speaker.name, cities=[city]))[city]] == expected


def _both_books_agree(emptied_database: Database, examples: int) -> None:
    dsns = [emptied_database() for _ in range(2)]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow,),
    )
    @given(
        fates=st.lists(st.sampled_from(FATES), max_size=20),
        told=st.lists(st.integers(1, 12), min_size=3, max_size=10),
    )
    def agree(fates: list[str], told: list[int]) -> None:
        asyncio.run(_schedule(dsns, fates, told))

    agree()


def test_both_books_agree_after_a_wire_that_fails_by_chance(emptied_database: Database) -> None:
    _both_books_agree(emptied_database, 2)


@pytest.mark.slow
def test_both_books_agree_after_many_wires_that_fail_by_chance(emptied_database: Database) -> None:
    _both_books_agree(emptied_database, 25)
