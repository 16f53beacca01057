"""Sessions end when they should and last when they should; guessing passwords stops without locking others out."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from safehand.house.attempts import (
    ADDRESS_MAX,
    KNOWN_FOR,
    LOGIN_AND_ADDRESS_MAX,
    LOGIN_MAX,
    WINDOW,
    Attempts,
)
from safehand.house.database import KERNEL_SQL
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import VaultKeys
from safehand.programme.processes import Processes
from safehand.programme.setting_up import STAFF_PASSWORD
from tests.conftest import FreshDatabase
from tests.house.living import Living, free_port

NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
EXAMINER_QUEUE = "/v1/worklists/examination.reviewing"


def _login(living: Living, role: str, place: int = 0) -> str:
    text = living.world.folder.joinpath("staff-authority.toml").read_text()
    blocks = [block for block in text.split("[[accounts]]") if f'["{role}"]' in block]
    return blocks[place].split('login = "')[1].split('"')[0]


def _sign_in(
    living: Living, login: str, password: str = STAFF_PASSWORD, *, address: str = "198.51.100.1"
) -> httpx.Response:
    # The address as a proxy on this machine tells it.
    return living.client.post(
        living.url("authority", "/v1/sessions"),
        json={"login": login, "password": password},
        headers={"x-forwarded-for": address},
    )


def _ask(living: Living, token: str) -> int:
    url = living.url("authority", EXAMINER_QUEUE)
    return living.client.get(url, headers={"authorization": f"Bearer {token}"}).status_code


@pytest.mark.slow
def test_a_token_opens_until_its_owner_signs_out(living: Living) -> None:
    token = _sign_in(living, _login(living, "examiner")).json()["token"]
    other = _sign_in(living, _login(living, "examiner")).json()["token"]
    assert token != other, "each sign-in has its own token, also in a rehearsal"
    assert _ask(living, token) == 200
    ended = living.client.post(
        living.url("authority", "/v1/sessions/end"), headers={"authorization": f"Bearer {token}"}
    )
    assert ended.json() == {"ended": True}
    assert _ask(living, token) == 401
    assert _ask(living, other) == 200, "the other session goes on"


@pytest.mark.slow
def test_a_tampered_token_opens_nothing(living: Living) -> None:
    token = _sign_in(living, _login(living, "examiner")).json()["token"]
    for wrong in (
        token[:-1],
        token + "a",
        token.upper(),
        token[::-1],
        " " + token,
        f"{token},{token}",
        "a" * 52,
    ):
        assert _ask(living, wrong) == 401


@pytest.mark.slow
def test_the_database_keeps_no_token(living: Living) -> None:
    token = _sign_in(living, _login(living, "examiner")).json()["token"]
    rows = living.rows("authority", "select encode(digest, 'hex') || body from session")
    assert rows
    assert not [row for row in rows if token in row[0]]


@pytest.mark.slow
def test_a_session_is_found_after_a_restart_and_ends_with_its_time(living: Living) -> None:
    # A clock only moves forward, and other tests may have moved it.
    told = living.control("authority", "clock", {"now": "2024-05-06T09:00:00+08:00"})
    began = datetime.fromisoformat(told["now"])
    token = _sign_in(living, _login(living, "examiner")).json()["token"]
    folder = living.world.folder / "second"
    folder.mkdir(exist_ok=True)
    path = folder / "authority.toml"
    text = living.world.settings_of("authority").read_text()
    port = free_port()
    path.write_text(text.replace(f"port = {living.world.ports['authority']}", f"port = {port}"))
    processes = Processes(folder=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        again = processes.start(
            name="again", module="safehand.authority", arguments=["--settings", str(path)]
        )
        processes.wait_healthy(process=again, url=f"{url}/health")
        headers = {"authorization": f"Bearer {token}"}

        def status_after(since_sign_in: timedelta) -> int:
            moment = {"now": (began + since_sign_in).isoformat()}
            sent = {"safehand-control": living.world.secret}
            assert living.client.post(f"{url}/control/clock", json=moment, headers=sent).status_code == 200
            return living.client.get(url + EXAMINER_QUEUE, headers=headers).status_code

        assert status_after(timedelta()) == 200
        assert status_after(timedelta(hours=12, seconds=-1)) == 200
        assert status_after(timedelta(hours=12)) == 401
    finally:
        processes.stop()


@pytest.mark.slow
def test_guessing_is_held_back_where_it_comes_from_and_nowhere_else(living: Living) -> None:
    login = _login(living, "examiner", 0)
    before = living.written("authority")
    for _ in range(LOGIN_AND_ADDRESS_MAX):
        answer = _sign_in(living, login, "guess", address="203.0.113.7")
        assert (answer.status_code, answer.json()["code"]) == (401, "session.sign_in_failed")
    held = _sign_in(living, login, STAFF_PASSWORD, address="203.0.113.7")
    assert (held.status_code, held.json()["code"]) == (429, "session.too_many_failures")
    assert "another place" in held.json()["way_out"]
    assert _sign_in(living, login, STAFF_PASSWORD, address="203.0.113.8").status_code == 200
    assert living.written("authority") == before


@pytest.mark.slow
def test_an_unknown_login_answers_as_a_wrong_password_does(living: Living) -> None:
    login = _login(living, "examiner")
    times: dict[str, list[float]] = {login: [], "nobody-at-all": []}
    answers: set[bytes] = set()
    for turn in range(4):
        for name, measured in times.items():
            began = time.perf_counter()
            answers.add(_sign_in(living, name, "wrong", address=f"192.0.2.{turn + 1}").content)
            measured.append(time.perf_counter() - began)
    assert len(answers) == 1, "byte by byte"
    known, unknown = (statistics.median(measured) for measured in times.values())
    assert unknown > known / 3, "an unknown login must not be found out by its haste"


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "x"},
        {"login": 1, "password": "x"},
        {"login": "x" * 101, "password": "x"},
        {"login": "x", "password": "\x00"},
        [],
    ],
)
def test_a_bad_sign_in_is_refused_before_anything_is_tried(living: Living, body: object) -> None:
    answer = living.client.post(living.url("authority", "/v1/sessions"), json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.invalid")


async def _fail(attempts: Attempts, *, login: str, address: str, times: int, now: datetime = NOW) -> None:
    for _ in range(times):
        await attempts.count(login=login, address=address, now=now)


@pytest.fixture
def counted(fresh_database: FreshDatabase) -> Callable[..., None]:
    """Runs a scene with the attempts as two processes of one house count them: `counted(scene)`."""
    dsn = fresh_database(kernel=KERNEL_SQL)

    def play(scene: Callable[[Attempts, Attempts], Coroutine[Any, Any, None]]) -> None:
        async def go() -> None:
            stores = [await PostgresStore.create(dsn=dsn, connections_max=2) for _ in range(2)]
            vault = VaultKeys(wrapping=b"w" * 32, blinding=b"b" * 32)
            try:
                await scene(*(Attempts(store=store, vault=vault) for store in stores))
            finally:
                for store in stores:
                    await store.close()

        asyncio.run(go())

    return play


def test_a_held_back_login_may_be_tried_again_after_the_window(counted: Callable[..., None]) -> None:
    async def scene(one: Attempts, other: Attempts) -> None:
        await _fail(one, login="a", address="x", times=LOGIN_AND_ADDRESS_MAX)
        for attempts in (one, other):
            assert await attempts.minutes_to_wait(login="a", address="x", now=NOW) == 16
            almost = NOW + WINDOW - timedelta(seconds=1)
            assert await attempts.minutes_to_wait(login="a", address="x", now=almost) == 1
            assert await attempts.minutes_to_wait(login="a", address="x", now=NOW + WINDOW) == 0
            assert await attempts.minutes_to_wait(login="a", address="y", now=NOW) == 0
            assert await attempts.minutes_to_wait(login="b", address="x", now=NOW) == 0
        await _fail(one, login="a", address="x", times=1, now=NOW + WINDOW)
        assert await one.minutes_to_wait(login="a", address="x", now=NOW + WINDOW) == 0

    counted(scene)


def test_guessing_at_two_processes_is_one_guessing(counted: Callable[..., None]) -> None:
    async def scene(one: Attempts, other: Attempts) -> None:
        tries = [
            attempts.count(login="a", address="x", now=NOW) for attempts in (one, other) for _ in range(3)
        ]
        await asyncio.gather(*tries)
        assert await other.minutes_to_wait(login="a", address="x", now=NOW) == 16

    counted(scene)


def test_an_address_that_tries_many_logins_is_held_back_for_all(counted: Callable[..., None]) -> None:
    async def scene(one: Attempts, other: Attempts) -> None:
        for number in range(ADDRESS_MAX):
            await _fail(one, login=f"l{number}", address="x", times=1)
        assert await other.minutes_to_wait(login="new", address="x", now=NOW) > 0
        assert await other.minutes_to_wait(login="new", address="y", now=NOW) == 0

    counted(scene)


def test_a_login_guessed_from_everywhere_still_opens_where_its_owner_has_been(
    counted: Callable[..., None],
) -> None:
    async def scene(one: Attempts, other: Attempts) -> None:
        await one.count(login="a", address="home", now=NOW)
        await one.forgive(login="a", address="home", now=NOW)
        for number in range(LOGIN_MAX):
            await _fail(one, login="a", address=f"bot{number}", times=1)
        assert await other.minutes_to_wait(login="a", address="bot-new", now=NOW) > 0
        assert await other.minutes_to_wait(login="a", address="home", now=NOW) == 0

    counted(scene)


def test_a_good_sign_in_does_not_wipe_out_the_failures_of_others(counted: Callable[..., None]) -> None:
    async def scene(one: Attempts, other: Attempts) -> None:
        for number in range(ADDRESS_MAX):
            await _fail(one, login=f"l{number}", address="x", times=1)
        await other.forgive(login="l0", address="x", now=NOW)
        await _fail(one, login="l-more", address="x", times=1)
        assert await other.minutes_to_wait(login="l1", address="x", now=NOW) > 0

    counted(scene)


def test_what_counts_no_more_is_forgotten(counted: Callable[..., None]) -> None:
    async def scene(one: Attempts, other: Attempts) -> None:
        await _fail(one, login="a", address="x", times=1)
        await one.forgive(login="a", address="x", now=NOW)
        assert await one.sweep(now=NOW + WINDOW - timedelta(seconds=1)) == 0
        assert await one.sweep(now=NOW + WINDOW) == 3
        assert await other.sweep(now=NOW + KNOWN_FOR) == 1

    counted(scene)
