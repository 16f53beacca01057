"""Labels and manifests over HTTP: real PDFs for real items, read back as a printer's and a scanner's eye would."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pypdfium2 as pdfium
import pytest
import zxingcpp

from safehand.house.runtime import House, data_folder
from safehand.house.sessions import Session
from safehand.house.settings import read_settings
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.postgres_server import RunningServer
from safehand.kernel.shell import Call, Done
from safehand.kernel.vault import seal_all
from safehand.link.labels import LabelAnswer, LabelCode
from safehand.link.messages import DeliveryPart
from safehand.postal.acceptance.labels.codes import read_item_code
from safehand.postal.acceptance.labels.label import ItemToken
from safehand.postal.app import make_app
from safehand.postal.border.hearing import RECIPIENT_RECORD
from safehand.postal.item import Item
from safehand.postal.network.cities import load_postal_cities
from safehand.postal.printing import Printing
from safehand.programme.living_world import databases
from safehand.programme.setting_up import set_up
from tests.postal.house import BAG, CITY, a_bag, an_order

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

PERSON = DeliveryPart(
    name="张三丰", phone="19900000001", region=CITY, address="上海市示例区示例路1号2单元301室"
)
ORDERS = ("or_aaaa", "or_bbbb")
Ask = Callable[..., Awaitable[httpx.Response]]
Scene = Callable[[House, Ask], Awaitable[None]]


@pytest.fixture(scope="module")
def settings_file(postgres: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The post's settings in a small world of its own."""
    dsns = databases(postgres, prefix=f"printing_{os.getpid()}_")
    folder = tmp_path_factory.mktemp("printing")
    return set_up(folder=folder, databases=dsns, rehearsal=True, seed=5).settings_of("post")


def play(settings_file: Path, scene: Scene) -> None:
    async def go() -> None:
        app = await make_app(read_settings(settings_file))
        house: House = app.state.house
        transport = httpx.ASGITransport(app=app)  # pyright: ignore[reportArgumentType]
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://post.test") as client:

                async def ask(path: str, item: Any, *, role: str, cities: tuple[int, ...] = (CITY,)) -> Any:
                    session = Session(actor=f"st_{role}", roles=frozenset({role}), cities=cities)
                    token = await house.sessions.open(session=session, basis=f"{role}{cities}")
                    headers = {"authorization": f"Bearer {token}", "accept-language": "en"}
                    return await client.post(path, json=item, headers=headers)

                await scene(house, ask)
        finally:
            await house.wire.close()
            await house.store.close()

    asyncio.run(go())


async def ordered(house: House) -> dict[str, Item]:
    """Items of two orders, each with its person; made once, found again by later scenes."""
    calls = []
    for order in ORDERS:
        records = {RECIPIENT_RECORD: msgspec.json.encode(PERSON)}
        wrapped, rows = seal_all(keys=house.vault, city=CITY, subject=order, records=records)
        calls.append(call("item", order, an_order(order=order), vault=rows, vault_keys=(wrapped,)))
    outcomes = await house.shell.run(calls)
    assert all(isinstance(one, Done) for one in outcomes), outcomes
    found = await house.store.streams(keys=[StreamKey(CITY, order) for order in ORDERS])
    return {key.stream: msgspec.json.decode(row.state, type=Item) for key, row in found.items()}


def call(kind: str, stream: str, command: Command, **beside: Any) -> Call:
    return Call(
        stream=StreamKey(CITY, stream),
        kind=kind,
        command=command,
        actor="test",
        token=stream.encode().ljust(32, b"."),
        **beside,
    )


def text_of(document: pdfium.PdfDocument, page: int = 0) -> str:
    return "".join(document[page].get_textpage().get_text_bounded().split())


def codes_of(document: pdfium.PdfDocument, page: int) -> set[str]:
    picture = document[page].render(scale=3).to_pil().convert("L")
    return {one.text for one in zxingcpp.read_barcodes(picture)}


@pytest.mark.parametrize("profile", ["opaque", "masked"])
def test_labels_carry_the_number_and_the_item_code_and_no_whole_person(
    settings_file: Path, profile: str
) -> None:
    async def scene(house: House, ask: Ask) -> None:
        items = await ordered(house)
        asked = {"city": CITY, "items": list(ORDERS), "profile": profile}
        answer = await ask("/v1/labels", asked, role="acceptance_clerk")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/pdf"
        document = pdfium.PdfDocument(answer.content)
        assert len(document) == len(ORDERS)
        for page, order in enumerate(ORDERS):
            codes = codes_of(document, page)
            assert items[order].waybill in codes
            [token] = [read for one in codes if isinstance(read := read_item_code(one), ItemToken)]
            assert token.nonce == items[order].acceptance.token
            text = text_of(document, page)
            assert PERSON.name not in text
            assert PERSON.phone not in text
            assert "301" not in text
            assert ("张" in text) is (profile == "masked")
            assert ("到付" in text) is (profile == "masked")
        looks = await house.store.fetch("select count(*) from read_log where what = 'label'")
        assert looks[0][0] == (len(ORDERS) if profile == "masked" else 0)

    play(settings_file, scene)


def test_a_label_is_refused_to_others_and_for_items_without_a_number(settings_file: Path) -> None:
    async def scene(house: House, ask: Ask) -> None:
        await ordered(house)
        whole = {"city": CITY, "items": list(ORDERS)}
        assert (await ask("/v1/labels", whole, role="courier")).status_code == 403
        assert (await ask("/v1/labels", whole, role="office_clerk", cities=(110000,))).status_code == 403
        for wrong, status, code in (
            ({**whole, "items": ["or_none"]}, 409, "label.no_number_yet"),
            ({**whole, "items": []}, 400, "request.invalid"),
            ({**whole, "items": ["or_aaaa"] * 501}, 400, "request.invalid"),
            ({**whole, "size": "A4"}, 400, "request.invalid"),
            ({**whole, "profile": "full"}, 400, "request.invalid"),
        ):
            answer = await ask("/v1/labels", wrong, role="office_clerk")
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text

    play(settings_file, scene)


def test_a_manifest_lists_every_waybill_of_the_bag(settings_file: Path) -> None:
    async def scene(house: House, ask: Ask) -> None:
        waybills = [item.waybill for item in (await ordered(house)).values()]
        [bag] = await house.shell.run([call("bag", BAG, a_bag(*waybills))])
        assert isinstance(bag, Done)
        answer = await ask("/v1/manifests", {"city": CITY, "bag": BAG}, role="acceptance_clerk")
        assert answer.status_code == 200, answer.text
        document = pdfium.PdfDocument(answer.content)
        text = "".join(text_of(document, page) for page in range(len(document)))
        assert all(waybill in text for waybill in waybills)
        missing = await ask("/v1/manifests", {"city": CITY, "bag": "bg_none"}, role="acceptance_clerk")
        assert missing.status_code == 404

    play(settings_file, scene)


def test_a_house_gets_the_labels_of_its_own_orders_and_a_foreign_one_answers_as_unknown(
    settings_file: Path,
) -> None:
    async def scene(house: House, ask: Ask) -> None:
        items = await ordered(house)
        cities = load_postal_cities(data_folder(house.settings) / "cities")
        printing = Printing(house=house, cities=cities, secret=b"s" * 32)
        order, peer = ORDERS[0], items[ORDERS[0]].terms.peer

        async def asked(**other: Any) -> LabelAnswer:
            question = {"peer": peer, "city": CITY, "order": order, "profile": "masked", "size": "76x130"}
            return await printing.label(**(question | other))

        own = await asked()
        assert own.code is LabelCode.PRINTED
        assert items[order].waybill in text_of(pdfium.PdfDocument(own.pdf))
        foreign, unknown = await asked(peer="another"), await asked(order="or_none")
        elsewhere = await asked(city=110000)
        assert foreign == unknown == elsewhere == LabelAnswer(code=LabelCode.UNKNOWN)
        looks = await house.store.fetch("select actor from read_log where actor like 'authority:%'")
        assert [row[0] for row in looks] == [f"authority:{peer}"]

    play(settings_file, scene)


def test_an_erased_person_gets_no_masked_label_but_an_opaque_one(settings_file: Path) -> None:
    async def scene(house: House, ask: Ask) -> None:
        await ordered(house)
        erased = ORDERS[1]
        await house.store.fetch("delete from keys.case_key where subject = $1", erased)
        asked = {"city": CITY, "items": [erased], "profile": "masked"}
        refused = await ask("/v1/labels", asked, role="acceptance_clerk")
        assert (refused.status_code, refused.json()["code"]) == (409, "label.person_erased")
        opaque = await ask("/v1/labels", {**asked, "profile": "opaque"}, role="acceptance_clerk")
        assert opaque.status_code == 200

    play(settings_file, scene)
