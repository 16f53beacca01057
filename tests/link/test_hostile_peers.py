"""Everything from outside is hostile: a clear code, nothing changed, nothing lost, and no city stopped by another."""

import logging
import tracemalloc
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from safehand.link.codes import Code
from safehand.link.endpoint import REQUEST_BYTES_MAX, Refused
from safehand.link.envelope import GENESIS, Run
from safehand.link.golden import published_peer, published_ring
from safehand.link.http_signing import Request, sign_request
from safehand.link.pump import ANSWER_BYTES_MAX, PeerSilent, RunAnswers, Runs
from safehand.link.reader import RUNS_PER_REQUEST_MAX
from safehand.link.sealing import Sealer, link_key
from tests.link.two_houses import (
    AUTHORITY,
    BROKEN_FEN,
    CITY,
    CONTRADICTING_FEN,
    OTHER_CITY,
    POST,
    REFUSED_FEN,
    START,
    UNKEEPABLE_FEN,
    URLS,
    House,
    a_run,
    play,
    posted,
)

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

Database = Callable[..., str]
URL = URLS[POST] + "/link/v1/runs"


async def pushed(
    client: httpx.AsyncClient, body: bytes, *, house: str = AUTHORITY, media_type: str = "application/json"
) -> httpx.Response:
    """A correctly signed push of any body."""
    ring = published_ring(house=house, peers=(published_peer(house=POST),))
    request = Request("POST", URL, {"Content-Type": media_type}, body)
    sign_request(ring=ring, request=request, now=START)
    return await client.post(URL, content=body, headers=request.headers)


async def answers(client: httpx.AsyncClient, *runs: Run) -> list[tuple[int, int]]:
    """Code and position of each run of one push."""
    response = await pushed(client, msgspec.json.encode(Runs(runs=list(runs))))
    assert response.status_code == 200, response.text
    return [(a.code, a.position) for a in msgspec.json.decode(response.content, type=RunAnswers).answers]


def code_of(response: httpx.Response) -> int:
    return msgspec.json.decode(response.content, type=Refused).code


GENUINE = [posted(1, 10), posted(2, 20), posted(3, 30)]
AUTHORITY_RING = published_ring(house=AUTHORITY, peers=(published_peer(house=POST),))
STRANGER = published_ring(house="stranger")


def altered(**changes: object) -> Run:
    return msgspec.structs.replace(a_run(GENUINE), **changes)


REFUSED_RUNS: dict[str, tuple[Run, Code]] = {
    "truncated": (altered(messages=GENUINE[:2]), Code.BAD_SIGNATURE),
    "reordered": (altered(messages=[GENUINE[1], GENUINE[0], GENUINE[2]]), Code.BROKEN_CHAIN),
    "with a message altered": (altered(messages=[*GENUINE[:2], posted(3, 31)]), Code.BROKEN_CHAIN),
    "empty": (altered(messages=[]), Code.BROKEN_CHAIN),
    "with a forged signature": (altered(signature=bytes(64)), Code.BAD_SIGNATURE),
    "of another sender": (a_run(GENUINE, sender="stranger", ring=STRANGER), Code.WRONG_SENDER),
    "for another receiver": (a_run(GENUINE, receiver="other-post"), Code.WRONG_RECEIVER),
    "of a city that is not served": (a_run(GENUINE, city=990000), Code.UNKNOWN_CITY),
    "under an unknown key": (altered(key_id="no-such-key"), Code.UNKNOWN_KEY),
    "that comes too early": (a_run(GENUINE[1:], previous=a_run(GENUINE[:1]).head), Code.GAP),
    "that begins elsewhere": (a_run(GENUINE, previous=bytes([1]) * 32), Code.FORK),
    "with a body that no database keeps": (a_run([posted(1, 1, body="\x00")]), Code.MALFORMED),
    "from another age": (a_run([posted(1, 1, at=START.replace(year=9999))]), Code.MALFORMED),
}


@pytest.mark.parametrize("what", REFUSED_RUNS)
def test_a_run_is_refused_with_its_code_changes_nothing_and_stops_no_other_city(
    what: str, emptied_database: Database
) -> None:
    run, code = REFUSED_RUNS[what]

    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        before = await post.rows()
        [(found, position)] = await answers(client, run)
        assert found == code
        assert position == (0 if code in (Code.GAP, Code.FORK) else -1)
        assert await post.rows() == before
        both = await answers(client, run, a_run([posted(1, 5)], city=OTHER_CITY))
        assert [answer[0] for answer in both] == [code, Code.TAKEN]
        assert await post.heard() == ()
        assert await post.heard(city=OTHER_CITY) == (5,)

    play(emptied_database, scene)


class Alarms(logging.Handler):
    """Collects what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


def test_a_fork_raises_an_alarm_and_nothing_of_it_is_applied(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        assert await answers(client, a_run(GENUINE)) == [(Code.TAKEN, 3)]
        before = await post.rows()
        other_past = [posted(1, 10), posted(2, 99), posted(3, 30), posted(4, 40)]
        forks = (
            a_run(other_past),
            a_run(other_past[:2]),
            a_run(other_past[3:], previous=a_run(other_past[:3]).head),
        )
        alarms = Alarms()
        logging.getLogger("safehand.link").addHandler(alarms)
        try:
            for fork in forks:
                assert await answers(client, fork) == [(Code.FORK, 3)]
        finally:
            logging.getLogger("safehand.link").removeHandler(alarms)
        assert alarms.heard == ["fork"] * 3
        assert await post.rows() == before

    play(emptied_database, scene)


def test_one_city_twice_in_one_request_is_taken_once_and_asked_for_again(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        first, second = a_run(GENUINE[:1]), a_run(GENUINE[1:], previous=a_run(GENUINE[:1]).head)
        assert await answers(client, first, second) == [(Code.TAKEN, 1), (Code.BUSY, -1)]
        assert await answers(client, second) == [(Code.TAKEN, 3)]

    play(emptied_database, scene)


PART = Sealer(ring=AUTHORITY_RING, peer=POST).seal(
    key=link_key(case_key=bytes(32), peer=POST), city=CITY, subject="or_other", plain=b"person"
)
POISONS = {
    "an unknown kind": (posted(2, 1, kind=999), "link.unknown_kind"),
    "a kind that the border has no use for": (
        posted(2, 1, kind=102, body='{"order":"or_a","at":"2024-05-06T01:00:00Z"}'),
        "tests.not_for_us",
    ),
    "a body that is no JSON": (posted(2, 1, body="{"), "link.malformed_body"),
    "a body with an unknown field": (
        posted(2, 1, body='{"order":"or_a","waybill":"ZA473124829CN","amount_fen":1,"at":"2024-05-06T01:00:00Z","x":1}'),
        "link.malformed_body",
    ),
    "a body with a number out of range": (
        posted(2, 1, body='{"order":"or_a","waybill":"ZA473124829CN","amount_fen":-1,"at":"2024-05-06T01:00:00Z"}'),
        "link.malformed_body",
    ),
    "a very deep body": (posted(2, 1, body="[" * 100_000), "link.malformed_body"),
    "an altered personal part": (posted(2, 1, personal=PART[:-1] + b"x"), "link.part_unopenable"),
    "a personal part of another order": (posted(2, 1, personal=PART), "link.part_unopenable"),
    "an empty personal part": (posted(2, 1, personal=b""), "link.part_unopenable"),
    "what the rules refuse": (posted(2, REFUSED_FEN), "book.unwanted"),
    "what breaks the border": (posted(2, BROKEN_FEN), "request.failed"),
    "what the store can't take": (posted(2, UNKEEPABLE_FEN), None),
}  # fmt: skip


@pytest.mark.parametrize("what", POISONS)
def test_a_message_that_can_not_be_applied_is_parked_and_the_position_moves_on(
    what: str, emptied_database: Database
) -> None:
    poison, reason = POISONS[what]

    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        run = a_run([GENUINE[0], poison, GENUINE[2]])
        assert await answers(client, run) == [(Code.TAKEN, 3)]
        assert await post.position(peer=AUTHORITY) == 3
        if reason is None:  # JSON can say what text can't hold; it is kept as it was said
            assert await post.heard() == (10, UNKEEPABLE_FEN, 30)
            return
        assert await post.heard() == (10, 30)
        assert await post.parked() == [(2, reason)]
        evidence = await post.store.fetch("select number, hash from link_received order by number")
        assert [row[0] for row in evidence] == [1, 2, 3]
        assert evidence[-1][1] == run.head
        [sealed] = await post.store.fetch("select personal from link_parked")
        assert sealed[0] == poison.personal

    play(emptied_database, scene)


def test_a_message_that_contradicts_our_books_is_parked_after_it_lost_every_race(
    emptied_database: Database,
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        twice = [posted(n, CONTRADICTING_FEN, order=f"or_{'abc'[n - 1]}") for n in (1, 2)]
        assert await answers(client, a_run([*twice, GENUINE[2]])) == [(Code.TAKEN, 3)]
        assert await post.parked() == [(2, "link.contradicts_our_books")]
        assert await post.heard(order="or_a_here") == (CONTRADICTING_FEN, 30)
        assert await post.heard(order="or_b_here") == ()

    play(emptied_database, scene)


def test_a_batch_with_poison_among_many_cities_takes_all_the_rest(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        poisoned = [posted(n, BROKEN_FEN if n in (3, 7) else n) for n in range(1, 11)]
        healthy = [posted(n, n) for n in range(1, 11)]
        found = await answers(client, a_run(poisoned), a_run(healthy, city=OTHER_CITY))
        assert found == [(Code.TAKEN, 10), (Code.TAKEN, 10)]
        assert await post.heard() == (1, 2, 4, 5, 6, 8, 9, 10)
        assert await post.heard(city=OTHER_CITY) == tuple(range(1, 11))
        assert await post.parked() == [(3, "request.failed"), (7, "request.failed")]

    play(emptied_database, scene)


def test_one_malformed_run_is_refused_alone(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        good = msgspec.json.encode(a_run([posted(1, 5)], city=OTHER_CITY))
        too_far = msgspec.json.encode(a_run(GENUINE)).replace(b'"city":310000', b'"city":99999999999')
        for bad in (b'{"sender":1}', b"7", b"null", b"[" * 500 + b"]" * 500, too_far):
            response = await pushed(client, b'{"runs":[' + bad + b"," + good + b"]}")
            codes = [a.code for a in msgspec.json.decode(response.content, type=RunAnswers).answers]
            assert codes == [Code.MALFORMED, Code.TAKEN]
        assert await post.heard(city=OTHER_CITY) == (5,)

    play(emptied_database, scene)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, Code.MALFORMED),
        (b"{", 400, Code.MALFORMED),
        (b"\xff\xfe", 400, Code.MALFORMED),
        (b'{"runs":[],"more":1}', 400, Code.MALFORMED),
        (b"[" * 200_000, 400, Code.MALFORMED),
        (b'{"runs":' + b"[" * 200_000, 400, Code.MALFORMED),
        (b'{"runs":[' + b",".join([b"1"] * (RUNS_PER_REQUEST_MAX + 1)) + b"]}", 413, Code.TOO_LARGE),
    ],
)
def test_a_request_that_is_no_list_of_runs_is_refused(
    body: bytes, status: int, code: Code, emptied_database: Database
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        response = await pushed(client, body)
        assert (response.status_code, code_of(response)) == (status, code)
        assert "signature" in response.headers, "a genuine question gets a genuine answer"
        assert await answers(client, a_run(GENUINE)) == [(Code.TAKEN, 3)]

    play(emptied_database, scene)


def test_another_media_type_is_refused(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        body = msgspec.json.encode(Runs(runs=[a_run(GENUINE)]))
        assert (await pushed(client, body, media_type="text/xml")).status_code == 415
        assert (await pushed(client, body, media_type="application/json; charset=utf-8")).status_code == 200

    play(emptied_database, scene)


def test_a_body_of_100_megabytes_is_cut_off_and_the_memory_stays_bounded(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(100):
                sent += 1_000_000
                yield bytes(1_000_000)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/link/v1/runs",
            "raw_path": b"/link/v1/runs",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("post.test", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"post.test"), (b"content-type", b"application/json")],
        }
        pieces = endless()
        statuses: list[int] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": await anext(pieces), "more_body": sent < 100_000_000}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(int(str(message["status"])))

        tracemalloc.start()
        await post.app(scope, receive, send)  # pyright: ignore[reportArgumentType]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert statuses == [413]
        assert sent <= REQUEST_BYTES_MAX + 2_000_000
        assert peak < REQUEST_BYTES_MAX * 3

    play(emptied_database, scene)


def test_a_large_but_allowed_body_is_not_cut_off_by_the_framework(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        body = msgspec.json.encode(Runs(runs=[a_run(GENUINE)])) + b" " * 12_000_000
        assert (await pushed(client, body)).status_code == 200

    play(emptied_database, scene)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, Code.BAD_SIGNATURE),
        ({"Signature": "x", "Signature-Input": "y"}, Code.BAD_SIGNATURE),
        ({"Signature": "link=:AAAA:", "Signature-Input": 'link=("@method");created=1'}, Code.BAD_SIGNATURE),
        ({"Signature": "\xe9\xff", "Signature-Input": "\x7f"}, Code.BAD_SIGNATURE),
    ],
)
def test_a_request_without_a_genuine_signature_is_not_looked_at(
    headers: dict[str, str], code: Code, emptied_database: Database
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        body = msgspec.json.encode(Runs(runs=[a_run(GENUINE)]))
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        response = await client.post(
            URL, content=body, headers=[*raw, (b"content-type", b"application/json")]
        )
        assert (response.status_code, code_of(response)) == (401, code)
        response = await pushed(client, body, house="stranger")
        assert (response.status_code, code_of(response)) == (401, Code.UNKNOWN_KEY)
        assert await post.heard() == ()
        for query in (
            "city=1&after=-1",
            "city=x",
            "city=99999999999",
            "",
            "city=1&limit=0",
            "city=1&after=" + "9" * 30,
        ):
            assert (await client.get(f"{URL}?{query}")).status_code == 400
        assert (await client.get(f"{URL}?city=310000")).status_code == 401

    play(emptied_database, scene)


def test_every_byte_of_a_pushed_body_is_covered(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        body = msgspec.json.encode(Runs(runs=[a_run(GENUINE[:1])]))
        request = Request("POST", URL, {}, body)
        sign_request(ring=AUTHORITY_RING, request=request, now=START)
        for place in range(0, len(body), 7):
            forged = bytes([*body[:place], body[place] ^ 1, *body[place + 1 :]])
            response = await client.post(URL, content=forged, headers=request.headers)
            assert (response.status_code, code_of(response)) == (401, Code.BAD_SIGNATURE)
        assert await post.position(peer=AUTHORITY) == 0

    play(emptied_database, scene)


class Answering(httpx.AsyncBaseTransport):
    """A post that answers what it is told to, or what a real answer is turned into."""

    def __init__(self, post: House, change: Callable[[httpx.Response], httpx.Response]) -> None:
        self._inner = httpx.ASGITransport(app=post.app)  # pyright: ignore[reportArgumentType]
        self._change = change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        await answer.aread()
        return self._change(answer)


def with_body(answer: httpx.Response, body: bytes) -> httpx.Response:
    headers = [(k, v) for k, v in answer.headers.items() if k != "content-length"]
    return httpx.Response(answer.status_code, headers=headers, content=body)


def without_signature(answer: httpx.Response) -> httpx.Response:
    headers = [(k, v) for k, v in answer.headers.items() if not k.startswith("signature")]
    return httpx.Response(answer.status_code, headers=headers, content=answer.content)


FORGED_ANSWERS: dict[str, Callable[[httpx.Response], httpx.Response]] = {
    "forged": lambda a: with_body(
        a, a.content.replace(b'"position":1', b'"position":2').replace(b"[]", b"[ ]")
    ),
    "unsigned": without_signature,
    "a page of a proxy": lambda a: httpx.Response(200, content=b"<html>"),
    "an error": lambda a: httpx.Response(502, content=b"bad gateway"),
    "without end": lambda a: with_body(a, bytes(ANSWER_BYTES_MAX + 1)),
}


@pytest.mark.parametrize("what", FORGED_ANSWERS)
def test_an_answer_that_is_not_genuine_is_silence_and_everything_is_sent_again(
    what: str, emptied_database: Database
) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1], to=POST)
        async with httpx.AsyncClient(transport=Answering(post, FORGED_ANSWERS[what])) as liar:
            with pytest.raises(PeerSilent, match=POST):
                await authority.pump(liar).until_quiet()
            with pytest.raises(PeerSilent):
                await authority.pump(liar).pull(peer=POST, city=CITY, after=0)
        assert await authority.log.waiting() == (0, 1)
        assert await authority.pump(client).until_quiet() == 1
        assert await post.heard() == (1,)

    play(emptied_database, scene)


def test_an_answer_to_another_request_is_silence(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        kept: list[httpx.Response] = []

        def the_first_again(answer: httpx.Response) -> httpx.Response:
            kept.append(answer)
            return kept[0]

        async with httpx.AsyncClient(transport=Answering(post, the_first_again)) as liar:
            await authority.tell([1], to=POST)
            assert await authority.pump(liar).push(peer=POST) == 0
            await authority.log.number()
            assert await authority.pump(liar).push(peer=POST) == 1
            await authority.tell([2], to=POST)
            await authority.log.number()
            with pytest.raises(PeerSilent, match="not genuine"):
                await authority.pump(liar).push(peer=POST)
        assert await authority.log.waiting() == (0, 1)

    play(emptied_database, scene)


def test_a_city_that_the_peer_refuses_does_not_stop_the_others(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1, 2], to=POST, city=110000)
        await authority.tell([3], to=POST)
        assert await authority.pump(client).until_quiet() == 1
        assert await post.heard() == (3,)
        assert await authority.log.waiting() == (0, 2)

    play(emptied_database, scene)


def test_the_genesis_of_a_sequence_is_32_zero_bytes() -> None:
    assert bytes(32) == GENESIS
