"""Whom an item may go to, by name: kept sealed, shown to whoever has it for hand-over, and forgotten with the item."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.house.settings import read_settings
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.postgres_server import RunningServer
from safehand.kernel.shell import Call, Done
from safehand.link.log import RECEIVER_RECORD
from safehand.link.messages import (
    DeliveryPart,
    Kind,
    Message,
    OrderPlaced,
    PersonErased,
    PostageMode,
    Reason,
    ReceiverNamed,
    ReceiverPart,
    ReceiverReleased,
)
from safehand.link.reader import Heard
from safehand.postal.app import make_app
from safehand.postal.border.hearing import PART_MALFORMED, PostalBorder
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.item import Item
from safehand.postal.receiver.forgetting import Forgetting
from safehand.postal.receiver.states import State
from safehand.postal.transport import commands as to_carry
from safehand.postal.undeliverable import commands as to_return
from safehand.programme.living_world import databases
from safehand.programme.setting_up import set_up
from tests.postal.house import CITY, COURIER, ISSUING, OFFICE, START, STRANGER, a_bag, a_count

pytestmark = pytest.mark.slow  # databases

PERSON = DeliveryPart(name="张三丰", phone="19900000001", region=CITY, address="上海市示例区示例路1号")
FIRST = ReceiverPart(name="李代收", phone="19900004073")
SECOND = ReceiverPart(name="王代收", phone="19900004074")
PAPERS = ["agent_id_card", "applicant_id_card", "receipt"]


class Post:
    """A post on a database of its own, with its door to the link."""

    def __init__(self, app: Any, client: httpx.AsyncClient) -> None:
        self.house: House = app.state.house
        self.client = client
        self.border = PostalBorder(house=self.house)

    async def hear(self, *told: tuple[Message, bytes | None]) -> list[Any]:
        """Messages of one batch, applied; what became of each."""
        kinds = {OrderPlaced: 101, PersonErased: 108, ReceiverNamed: 109, ReceiverReleased: 110}
        heard = [
            Heard(
                "authority", CITY, Kind(kinds[type(body)]), str(getattr(body, "order", "")), body, part, "k-1"
            )
            for body, part in told
        ]
        calls = await self.border.calls(heard)
        done = iter(await self.house.shell.run([one for one in calls if isinstance(one, Call)]))
        return [_short(next(done)) if isinstance(one, Call) else one for one in calls]

    async def item(self, order: str) -> Item:
        row = (await self.house.store.streams(keys=[StreamKey(CITY, order)]))[StreamKey(CITY, order)]
        return msgspec.json.decode(row.state, type=Item)

    async def kept(self, order: str) -> ReceiverPart | None:
        """Whom the vault has for it."""
        key = StreamKey(CITY, order)
        plain = (await read_persons(house=self.house, keys=[key], name=RECEIVER_RECORD)).get(key)
        return msgspec.json.decode(plain, type=ReceiverPart) if plain else None

    async def give(self, order: str, *commands: Command, kind: str = "item", stream: str = "") -> None:
        for command in commands:
            call = Call(
                stream=StreamKey(CITY, stream or order),
                kind=kind,
                command=command,
                actor="test",
                token=b"t" * 32,
            )
            [outcome] = await self.house.shell.run([call])
            assert isinstance(outcome, Done), outcome

    async def shown(
        self, order: str, actor: str = COURIER, role: str = "courier", cities: tuple[int, ...] = (CITY,)
    ) -> tuple[int, Any]:
        session = Session(actor=actor, roles=frozenset({role}), cities=cities)
        token = await self.house.sessions.open(session=session, basis=f"{actor}{role}{cities}")
        headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
        answer = await self.client.get(f"/v1/items/{CITY}/{order}/receivers", headers=headers)
        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        return answer.status_code, body if answer.status_code == 200 else body["code"]

    async def looks(self, order: str) -> list[str]:
        rows = await self.house.store.fetch(
            "select actor from read_log where what = 'receivers' and stream = $1 order by at", order
        )
        return [row[0] for row in rows]


def _short(outcome: Done | Refusal) -> Any:
    return list(outcome.events) if isinstance(outcome, Done) else outcome.code


Scene = Callable[[Post], Awaitable[None]]


@pytest.fixture(scope="module")
def settings_file(postgres: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dsns = databases(postgres, prefix=f"receivers_{os.getpid()}_")
    folder = tmp_path_factory.mktemp("receivers")
    return set_up(folder=folder, databases=dsns, rehearsal=True, seed=6).settings_of("post")


def play(settings_file: Path, scene: Scene) -> None:
    async def go() -> None:
        app = await make_app(read_settings(settings_file))
        house: House = app.state.house
        transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://post.test") as client:
                await scene(Post(app, client))
        finally:
            await house.wire.close()
            await house.store.close()

    asyncio.run(go())


def placed(order: str) -> tuple[Message, bytes]:
    body = OrderPlaced(
        order=order,
        authority="NIA",
        office=ISSUING,
        destination=CITY,
        documents=1,
        postage_mode=PostageMode.FREE,
        postage_fen=0,
        attempts_max=3,
        held_days_max=7,
        placed_at=START,
    )
    return body, msgspec.json.encode(PERSON)


def named(order: str, number: int, part: ReceiverPart | None) -> tuple[Message, bytes | None]:
    body = ReceiverNamed(order=order, number=number, at=START)
    return body, None if part is None else msgspec.json.encode(part)


def released(order: str, number: int) -> tuple[Message, None]:
    return ReceiverReleased(order=order, number=number, at=START), None


def test_a_name_may_come_in_one_batch_with_its_order_and_another_after_it(settings_file: Path) -> None:
    async def scene(post: Post) -> None:
        order = "or_batch"
        [first, second] = await post.hear(placed(order), named(order, 1, FIRST))
        assert first[0] == "acceptance.order_received"
        assert second == ["receiver.named"]
        assert await post.kept(order) == FIRST
        assert await post.hear(named(order, 2, SECOND)) == [["receiver.named"]]
        assert await post.kept(order) == SECOND
        # Told twice, old, or in the same batch with the order told again: the latest stays.
        late = await post.hear(
            placed(order), named(order, 1, FIRST), named(order, 2, FIRST), released(order, 1)
        )
        assert late[1:] == [[], [], []]
        assert await post.kept(order) == SECOND
        assert await post.hear(released(order, 2)) == [["receiver.released"]]
        assert await post.kept(order) is None
        assert (await post.item(order)).receiver.state is State.RELEASED

    play(settings_file, scene)


def test_what_says_nothing_is_no_message_and_what_is_broken_or_unknown_is_parked(settings_file: Path) -> None:
    async def scene(post: Post) -> None:
        order = "or_nothing"
        broken = (ReceiverNamed(order=order, number=1, at=START), b'{"name": "x"}')
        assert await post.hear(named(order, 1, FIRST), released(order, 1)) == ["acceptance.order_unknown"] * 2
        await post.hear(placed(order))
        assert await post.hear(named(order, 1, None), broken) == [None, PART_MALFORMED]
        assert (await post.item(order)).receiver.state is State.NONE
        assert await post.kept(order) is None

    play(settings_file, scene)


async def at_the_door(post: Post, order: str, *, agent: bool = True) -> dict[str, Any]:
    """An item with a courier, at ten in the morning; what every act on it names."""
    clock = post.house.set_clock
    assert clock is not None
    clock.move_to(START + timedelta(days=2))
    await post.hear(placed(order), *([named(order, 1, FIRST)] if agent else []))
    waybill, bag = (await post.item(order)).waybill, f"bg_{order[3:]}"
    on: dict[str, Any] = {"waybill": waybill, "occurred_at": clock.now()}
    await post.give(order, a_bag(waybill), a_count(waybill), kind="bag", stream=bag)
    await post.give(
        order,
        to_carry.Depart(**on, scan_id=f"sc_{order[3:]}a", place="310000-A", leg="LEG-1"),
        to_carry.ArriveOffice(**on, scan_id=f"sc_{order[3:]}b", place=OFFICE),
        to_deliver.TakeOut(**on, scan_id=f"sc_{order[3:]}c", courier=COURIER, office=OFFICE),
    )
    return on


def test_only_the_courier_who_has_it_and_the_manager_are_shown_whom_it_may_go_to(settings_file: Path) -> None:
    async def scene(post: Post) -> None:
        order = "or_shown"
        await post.hear(placed(order), named(order, 1, FIRST))
        assert await post.shown(order) == (409, "receiver.not_shown_now"), "not out yet"
        order = "or_shownatdoor"
        await at_the_door(post, order)
        status, body = await post.shown(order)
        assert status == 200
        assert body == {
            "recipient": {"name": PERSON.name, "phone": PERSON.phone},
            "agent": {"name": FIRST.name, "phone": FIRST.phone},
            "papers": PAPERS,
        }
        for actor, role in ((STRANGER, "courier"), ("st_clerk", "office_clerk")):
            assert await post.shown(order, actor, role) == (409, "receiver.not_shown_now")
        for role in ("driver", "sorter", "acceptance_clerk", "applicant"):
            assert (await post.shown(order, "st_any", role))[0] == 403
        assert (await post.shown(order, cities=(440100,)))[0] == 403
        assert (await post.shown("or_nobody"))[0] == (await post.shown("../../x"))[0] == 404
        assert (await post.shown(order, "st_manager", "postal_manager"))[1] == body
        assert await post.looks(order) == [COURIER, "st_manager"], "and no look that showed nothing"
        await post.hear(released(order, 1))
        status, body = await post.shown(order)
        assert (status, body["agent"], body["papers"]) == (200, None, [])

    play(settings_file, scene)


def test_at_the_counter_the_clerk_is_shown_them_and_a_courier_is_not(settings_file: Path) -> None:
    async def scene(post: Post) -> None:
        order = "or_counter"
        on = await at_the_door(post, order)
        back = {**on, "scan_id": "sc_counterd", "place": OFFICE}
        await post.give(order, to_deliver.BringBack(**back, courier=COURIER))
        assert (await post.shown(order, "st_clerk", "office_clerk"))[0] == 409
        await post.give(
            order, to_deliver.Hold(**{**back, "scan_id": "sc_countere"}, reason=Reason.WANTS_COUNTER)
        )
        status, body = await post.shown(order, "st_clerk", "office_clerk")
        assert (status, body["agent"]["name"]) == (200, FIRST.name)
        assert await post.shown(order) == (409, "receiver.not_shown_now")

    play(settings_file, scene)


def test_once_it_is_over_nobody_is_shown_and_whoever_was_named_is_forgotten(settings_file: Path) -> None:
    async def scene(post: Post) -> None:
        order = "or_over"
        on = await at_the_door(post, order)
        forgetting = Forgetting(house=post.house)
        assert await forgetting.run() == 0
        assert await post.kept(order) == FIRST
        await post.give(order, to_return.OpenIncident(waybill=on["waybill"], reason=Reason.STOLEN))
        assert await post.shown(order) == (409, "receiver.not_shown_now")
        assert await forgetting.run() == 1
        assert await forgetting.run() == 0
        assert await post.kept(order) is None
        assert (await post.item(order)).receiver.state is State.FORGOTTEN
        assert await post.hear(named(order, 2, SECOND), released(order, 2)) == [[], []]
        assert await post.kept(order) is None

    play(settings_file, scene)


def test_without_an_agent_the_recipient_alone_is_shown_and_of_the_erased_nobody(settings_file: Path) -> None:
    async def scene(post: Post) -> None:
        order = "or_alone"
        await at_the_door(post, order, agent=False)
        status, body = await post.shown(order)
        assert (status, body["agent"], body["papers"]) == (200, None, [])
        await post.house.store.fetch("delete from keys.case_key where subject = $1", order)
        assert await post.shown(order) == (409, "erasure.person_erased")
        # Nothing can be sealed for it any more, and nothing of it is left lying about.
        assert await post.hear(named(order, 1, FIRST)) == [["receiver.named"]]
        assert (
            await post.house.store.fetch(
                "select from vault_record where subject = $1 and name = $2", order, RECEIVER_RECORD
            )
            == []
        )

    play(settings_file, scene)
