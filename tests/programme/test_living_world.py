"""`./do run`, from outside: everybody is in their state, one application goes the whole way, and it stops cleanly."""

import json
import os
import signal
import socket
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import httpx
import pytest

from safehand.authority.application import states as application
from safehand.authority.contact import states as contact
from safehand.authority.examination import states as examination
from safehand.authority.handover import states as handover
from safehand.authority.payment import states as payment
from safehand.authority.production import states as production
from safehand.authority.returns import states as returns
from safehand.authority.tracking import states as tracking
from safehand.kernel.postgres_server import PostgresServer, RunningServer
from safehand.postal.acceptance import states as acceptance
from safehand.postal.delivery import states as delivery
from safehand.postal.settlement import states as settlement
from safehand.postal.transport import states as transport
from safehand.postal.undeliverable import states as undeliverable
from tests.programme.running_world import World

ROOT = Path(__file__).parents[2]
START_SECONDS_MAX = 90.0

AUTHORITY: dict[str, type[StrEnum]] = {
    "application": application.ApplicationState,
    "examination": examination.ExaminationState,
    "payment": payment.PaymentState,
    "production": production.ProductionState,
    "handover": handover.HandoverState,
    "tracking": tracking.TrackingState,
    "returns": returns.ReturnsState,
    "contact": contact.ContactState,
}
POST: dict[str, type[StrEnum]] = {
    "acceptance": acceptance.State,
    "transport": transport.State,
    "delivery": delivery.State,
    "undeliverable": undeliverable.State,
    "settlement": settlement.State,
}
ONLY_BY_CLOCK = {"application.deemed_withdrawn", "payment.lapsed"}
ONLY_FOR_SECONDS = {
    "payment.refund_due",  # until the payment service gave it back
    "handover.ordered",  # until the post named a waybill
    "tracking.denied",  # until the post answered the recall that follows
    "returns.recall_asked",
    "acceptance.awaiting_number",
    "delivery.claimed",  # until the authority answered
    "delivery.claimed_at_counter",
    "undeliverable.recall_pending",
}
BEFORE_ANYTHING = {"application.none", "examination.none", "acceptance.not_begun", "settlement.not_begun"}
"""A case begins with its application, an item with its order."""

pytestmark = pytest.mark.slow


def _states(server: RunningServer, *, database: str, kind: str) -> set[str]:
    rows = server.sql(statement=f"select state from stream where kind = '{kind}'", database=database)
    found: set[str] = set()
    for row in rows:
        for step, fields in json.loads(row).items():
            if isinstance(fields, dict) and "state" in fields:
                found.add(f"{step}.{fields['state']}")
    return found


def _unreached(states: dict[str, type[StrEnum]], found: set[str]) -> set[str]:
    everything = {f"{step}.{state}" for step, kinds in states.items() for state in kinds}
    return everything - found - ONLY_BY_CLOCK - ONLY_FOR_SECONDS - BEFORE_ANYTHING


def test_somebody_is_in_every_state_that_lasts(world: World):
    server = world.database()
    at_authority = _states(server, database="authority", kind="case")
    # A step that has not begun is left out of the stored state.
    not_begun = {f"{step}.none" for step in AUTHORITY} | {f"{step}.not_begun" for step in POST}
    assert _unreached(AUTHORITY, at_authority | not_begun) == set()
    assert _unreached(POST, _states(server, database="post", kind="item") | not_begun) == set()
    assert [line for line in world.said if "Nobody is in" in line] == []


def test_the_books_of_both_houses_agree(world: World):
    control = {"safehand-control": world.address("CONTROL")}
    for house in ("AUTHORITY", "POST"):
        figures = httpx.post(f"{world.address(house)}/control/books", json={}, headers=control).json()
        books = figures.get("books", figures)
        assert (books["own_differences"], books["daybook_differences"], books["parked"]) == ([], 0, [])
        if house == "AUTHORITY":
            completed = sum(
                count for name, count in books["tallies"].items() if "application.completed" in name
            )
            assert completed >= 4
    assert "Shanghai" in httpx.get(f"{world.address('AUTHORITY')}/nation?lang=en").text


def _verified(world: World) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safehand.programme.verify"],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "SAFEHAND_DATA": str(world.folder)},
    )


def test_the_journals_verify_and_a_changed_event_is_named_with_its_city(world: World):
    held = _verified(world)
    assert held.returncode == 0, held.stdout + held.stderr
    assert "./do run: the post's journal" in held.stdout
    assert held.stdout.count("verdict: holds in every city") == 2
    assert held.stdout.endswith("Everything holds.\n")
    one = "(city, stream, version) in (select city, stream, version from event order by 1, 2, 3 limit 1)"
    server = PostgresServer().find(folder=world.folder / "postgres")
    assert server is not None
    server.sql(statement=f"update event set actor = actor || 'x' where {one}", database="post")
    try:
        broken = _verified(world)
        assert broken.returncode == 1
        assert "verdict: does NOT hold in 1 of" in broken.stdout
        assert "event altered, stream" in broken.stdout
        assert "docs/how-to/verify.md" in broken.stdout
    finally:
        server.sql(
            statement=f"update event set actor = left(actor, -1) where {one}",
            database="post",
        )
    assert _verified(world).returncode == 0


def test_the_documented_walk_of_one_application_works_as_written(world: World):
    script = ROOT / "docs" / "how-to" / "one-application.sh"
    environment = {"PATH": os.environ["PATH"], "FOR_CURL": str(world.folder / "run" / "for-curl.sh")}
    done = subprocess.run(
        ["sh", script], capture_output=True, text=True, env=environment, timeout=90, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "delivery.already_delivered" in done.stdout
    assert "You confirmed it yourself: delivered, with proof." in done.stdout


def test_a_second_run_beside_it_is_told_who_has_the_folder(world: World):
    assert world.process is not None
    second = world.command("--once")
    said, _ = second.communicate(timeout=START_SECONDS_MAX)
    assert second.returncode == 1
    assert f"process {world.process.pid}" in said


def test_when_a_part_ends_by_itself_everything_stops_and_says_which(world: World):
    world.part("post").kill()
    code, said = world.ended()
    assert code == 1
    assert "post was killed by signal 9" in said
    assert "start again with ./do run" in said
    assert world.left() == []
    assert PostgresServer().find(folder=world.folder / "postgres") is None


def test_after_a_kill_of_everything_it_goes_on_with_the_same_people(world: World):
    world.start()
    parts = [world.part(name) for name in ("authority", "post", "sandbox")]
    before = world.database().sql(statement="select count(*) from event", database="authority")
    assert world.process is not None
    world.process.kill()
    for part in parts:
        part.kill()
    world.process.wait()
    world.start()
    after = world.database().sql(statement="select count(*) from event", database="authority")
    assert int(after[0]) >= int(before[0]) > 1_000
    assert not any("are carried out" in line for line in world.said)
    assert world.stop(signal.SIGINT)[0] == 0
    assert world.left() == []


def test_busy_ports_are_left_to_whoever_has_them(world: World):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8701))
            taken.listen()
        except OSError:
            pass  # somebody has it already, which is as good
        world.start()
        assert any("usual ports are taken" in line and "authority 8701" in line for line in world.said)
        assert httpx.get(f"{world.address('AUTHORITY')}/health").json()["house"] == "authority"
        assert world.stop()[0] == 0
    assert PostgresServer().find(folder=world.folder / "postgres") is None
