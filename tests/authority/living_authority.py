"""The real authority on a real database with real sandbox services beside it, in this process, for its pages and notices."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import msgspec
import uvicorn
from litestar import Litestar
from msgspec import structs

from safehand.authority import envelopes
from safehand.authority.app import make_app, secret_for
from safehand.authority.case import Case
from safehand.authority.examination.commands import Approve
from safehand.authority.handover import bag
from safehand.authority.handover.commands import PrintLabel, RecordWaybill, SealEnvelope
from safehand.authority.payment.commands import SettlePayment
from safehand.authority.production.commands import PassCheck, RecordPrinted
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks
from safehand.authority.tracking.commands import RecordScan
from safehand.house.settings import SANDBOX_MARK, Keys, PeerKeySetting, PeerSetting, Settings
from safehand.kernel.clock import SetClock
from safehand.kernel.ids import SystemIds
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.messages import Scan
from safehand.sandbox.cast import Cast, load_cast, load_places
from safehand.sandbox.running import running
from safehand.sandbox.settings import settings_of
from tests.authority.house import machines

ROOT = Path(__file__).parents[2]
START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
TOKEN = "sandbox:" + "t" * 32
CLIENT_SECRET = "sandbox:" + "c" * 32
CONTROL = "sandbox-control-" + "d" * 32
HOME = "http://authority.test"
SHANGHAI = 310000


class _Home(httpx.AsyncBaseTransport):
    """The authority's address, behind which another of its processes may answer the next request."""

    def __init__(self, app: Litestar) -> None:
        self.app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        inside = httpx.ASGITransport(app=self.app)  # pyright: ignore[reportArgumentType] - litestar's own ASGI types
        return await inside.handle_async_request(request)


class Person:
    """Somebody with a browser: cookies of one's own, the authority in this process, the sandbox over its sockets."""

    def __init__(self, *, app: Litestar, services: dict[str, str], language: str) -> None:
        self.home = _Home(app)
        self.browser = httpx.AsyncClient(
            base_url=HOME,
            mounts={HOME: self.home},
            trust_env=False,
            headers={"accept": "text/html", "accept-language": language},
        )
        self._sign_in = services["sign_in"]

    async def sign_in(self, key: str) -> httpx.Response:
        """Through the sign-in service and back; `key` is one of the cast."""
        begun = await self.browser.get("/sign-in?how=card")
        assert begun.status_code == 303, begun.text
        asked = dict(parse_qsl(urlsplit(begun.headers["location"]).query))
        chosen = urlencode(asked | {"prompt": "none", "login_hint": key})
        there = await self.browser.get(f"{self._sign_in}/authorize?{chosen}")
        assert there.status_code == 303, there.text
        return await self.browser.get(there.headers["location"])

    async def page(self, address: str) -> str:
        """A page that must be there."""
        answer = await self.browser.get(address)
        assert answer.status_code == 200, answer.text
        return answer.text

    async def press(
        self, *, page: str, act: str, origin: str | None = HOME, **changes: str
    ) -> httpx.Response:
        """Press the button of an act on a page, as a browser would: the form's own fields, and where it came from."""
        form = page.split(f'/{act}"', 1)
        assert len(form) == 2, f"there is no button for {act}"
        address = form[0].rpartition('action="')[2] + f"/{act}"
        fields = {}
        for hidden in form[1].split("</form>")[0].split("<input")[1:]:
            fields[hidden.split('name="')[1].split('"')[0]] = hidden.split('value="')[1].split('"')[0]
        headers = {"origin": origin} if origin is not None else {}
        return await self.browser.post(address, data=fields | changes, headers=headers)


class World:
    """One authority, its services, and hands on what no person may touch."""

    def __init__(
        self,
        *,
        app: Litestar,
        services: dict[str, str],
        clock: SetClock,
        cast: Cast,
        shell: Shell,
        settings: Settings,
    ) -> None:
        self.app = app
        self.settings = settings
        self._shell = shell
        self.services = services
        self.sandbox_clock = clock
        self.cast = cast
        self.code_secret = secret_for(settings, "door code")
        self.callback_address = ""
        self._people: list[Person] = []
        self._calls = 0
        self._control = httpx.AsyncClient(
            base_url=HOME,
            transport=httpx.ASGITransport(app=app),  # pyright: ignore[reportArgumentType]
            headers={"safehand-control": CONTROL},
        )

    def person(self, language: str = "zh-CN,zh;q=0.9") -> Person:
        """A new browser."""
        self._people.append(Person(app=self.app, services=self.services, language=language))
        return self._people[-1]

    async def let_answer(self, person: Person, app: Litestar) -> None:
        """From now on another process of the authority answers this person; its clock is set like the first one's."""
        person.home.app = app
        control = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))  # pyright: ignore[reportArgumentType]
        async with control:
            now = msgspec.json.encode({"now": self.sandbox_clock.now()})
            headers = {"safehand-control": CONTROL}
            answer = await control.post(f"{HOME}/control/clock", content=now, headers=headers)
        assert answer.status_code == 200, answer.text

    async def control(self, name: str, body: Any = None) -> Any:
        """One rehearsal control of the house."""
        answer = await self._control.post(f"/control/{name}", content=msgspec.json.encode(body or {}))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(
        self, case: str, command: Command, *, kind: str = "case", actor: str = "st_one", city: int = SHANGHAI
    ) -> Case:
        """A command by a clerk or the post, on the same database as the authority's; the case after it."""
        self._calls += 1
        call = Call(
            stream=StreamKey(city, case),
            kind=kind,
            command=command,
            actor=actor,
            token=self._calls.to_bytes(32, "big"),
        )
        [done] = await self._shell.run([call])
        assert isinstance(done, Done), done
        return done.state

    async def bring_to_label(self, case: str) -> Case:
        """From submitted to printed and ordered, with its label's print recorded."""
        due_fen = (await self.do(case, Approve())).payment.due_fen
        paid = SettlePayment(reference="pay-1", amount_fen=due_fen, paid_at=self.sandbox_clock.now())
        await self.do(case, paid, actor="payment")
        stock = f"st_{SHANGHAI}_passport"
        await self.do(stock, ReceiveBlanks(first=1, last=1000), kind="stock")
        await self.do(stock, DrawBlank(case=case), kind="stock")
        await self.do(case, RecordPrinted(blank=1), actor="st_printer")
        made = await self.do(case, PassCheck(blank=1), actor="st_checker")
        waybill = RecordWaybill(
            order=made.handover.order, waybill="ZA000000005CN", routing="SH-01-07", token=bytes(32)
        )
        await self.do(case, waybill, actor="post")
        return await self.do(case, PrintLabel())

    async def bring_to_post(self, case: str) -> Case:
        """From submitted to on its way with the post."""
        made = await self.bring_to_label(case)
        await self.do(case, SealEnvelope(waybill="ZA000000005CN", blank=1, second_person="st_two"))
        closed = bag.CloseBag(seal="SEAL-1", office="310000-1", items={"ZA000000005CN": case})
        await self.do("bg_a", closed, kind="bag")
        await self.do("bg_a", bag.OfferBag(seal="SEAL-1"), kind="bag")
        signed = bag.RecordBagAcceptance(seal="SEAL-1", waybills=("ZA000000005CN",))
        await self.do("bg_a", signed, kind="bag", actor="post")
        return await self.do(case, self.scan(made.handover.order, Scan.AT_OFFICE), actor="post")

    def scan(self, order: str, scan: Scan) -> RecordScan:
        """A scan by the post, now."""
        return RecordScan(
            order=order,
            waybill="ZA000000005CN",
            scan=scan,
            scan_id=f"sc_{scan:04d}",
            place="SH-PO-1",
            occurred_at=self.sandbox_clock.now(),
        )

    async def move_to(self, moment: datetime) -> None:
        """Move the clocks of the house and of its services."""
        self.sandbox_clock.move_to(moment)
        await self.control("clock", {"now": moment})

    async def mailbox(self, address: str = "") -> list[dict[str, Any]]:
        """What was sent to somebody, or to all."""
        query = f"?{urlencode({'address': address})}" if address else ""
        async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}) as client:
            answer = await client.get(f"{self.services['messages']}/v1/mailbox{query}")
        return answer.json()["messages"]

    def whole_application(self, key: str) -> dict[str, Any]:
        """The application that somebody of the cast fills in."""
        member = self.cast.people[key]
        return {
            "city": int(member.applies_in),
            "document": member.document,
            "ground": member.ground,
            "mode": "post",
            "office": f"{member.applies_in}-1",
            "phone": member.person.phone,
            "email": member.person.email,
            "destination": int(member.person.address.destination_code[:6]),
            "address": member.person.address.line_zh,
            "travels": False,
            "consents_to_face_comparison": True,
            "photo": "a" * 64,
            "signature": "b" * 64,
            "id_card_front": "c" * 64,
            "id_card_back": "d" * 64,
        }

    async def submit(self, person: Person, key: str, **changes: Any) -> dict[str, Any]:
        """Apply as somebody of the cast who is signed in."""
        answer = await person.browser.post(
            "/v1/application/submit",
            json=self.whole_application(key) | changes,
            headers={"idempotency-key": f"submit-{key}", "accept": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def close(self) -> None:
        """Close every browser."""
        for person in self._people:
            await person.browser.aclose()
        await self._control.aclose()


@asynccontextmanager
async def living(
    *, dsn: str, folder: Path, change: Callable[[Settings], Settings] = lambda s: s, served: bool = False
) -> AsyncIterator[World]:
    """The world, while the block lasts. `served`: also on a socket, where the payment service calls back."""
    async with AsyncExitStack() as stack:
        clock = SetClock(start=START)
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        back = f"http://127.0.0.1:{listening.getsockname()[1]}/services/payment" if served else ""
        services = await stack.enter_async_context(running(settings=_sandbox(folder, back), clock=clock))
        facts = {name: service.ready_facts() for name, service in services.items()}
        addresses = {name: str(fact["address"]) for name, fact in facts.items()}
        smtp = int(facts["messages"]["smtp_port"])
        settings = change(_settings(dsn=dsn, folder=folder, services=addresses, smtp=smtp))
        settings = structs.replace(
            settings, payment_callback_keys=[str(facts["payment"]["webhook_key"])] if served else []
        )
        app = await make_app(settings)
        await stack.enter_async_context(app.lifespan())
        if served:
            await stack.enter_async_context(_serving(app, listening))
        places = load_places(cast_folder=ROOT / "cast", cities_folder=ROOT / "cities")
        cast = load_cast(cast_folder=ROOT / "cast", places=places, today=START.date())
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        stack.push_async_callback(store.close)
        kinds = machines()
        both_books = {**kinds, "case": replace(kinds["case"], moves=envelopes.moves)}
        shell = Shell(machines=both_books, store=store, clock=clock, ids=SystemIds())
        world = World(app=app, services=addresses, clock=clock, cast=cast, shell=shell, settings=settings)
        world.callback_address = back
        stack.push_async_callback(world.close)
        await world.move_to(START)
        yield world


@asynccontextmanager
async def _serving(app: Litestar, listening: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def _sandbox(folder: Path, callback_url: str) -> Any:
    return settings_of(
        table={
            "folder": str(folder / "sandbox"),
            "seed": 7,
            "rehearsal": True,
            "start": START,
            "register": {"port": 0, "token": TOKEN},
            "sign_in": {
                "port": 0,
                "clients": [
                    {
                        "client_id": "safehand-authority",
                        "client_secret": CLIENT_SECRET,
                        "redirect_uris": [f"{HOME}/sign-in/back"],
                    }
                ],
            },
            "payment": {
                "port": 0,
                "token": TOKEN,
                "return_urls": [f"{HOME}/"],
                "callback_url": callback_url,
            },
            "messages": {"port": 0, "smtp_port": 0, "token": TOKEN},
        }
    )


def _settings(*, dsn: str, folder: Path, services: dict[str, str], smtp: int) -> Settings:
    folder.mkdir(exist_ok=True)
    keys = {}
    for number, name in enumerate(("signing", "sealing", "vault_wrapping", "vault_blinding")):
        keys[name] = folder / f"{name}.key"
        keys[name].write_text(SANDBOX_MARK + f"{number + 1:02x}" * 32)
    peer = PeerSetting(
        name="post", sealing="09" * 32, keys=[PeerKeySetting(key_id="post-1", public="0a" * 32)]
    )
    return Settings(
        name="authority",
        mode="rehearsal",
        database=dsn,
        keys=Keys(key_id="authority-1", **keys),
        public_url=HOME,
        peers=[peer],
        services={
            "register": services["register"],
            "sign_in": services["sign_in"],
            "payment": services["payment"],
            "sms": services["messages"],
            "smtp": f"smtp://127.0.0.1:{smtp}",
        },
        secrets={"services": TOKEN, "sign_in_client": CLIENT_SECRET},
        control_secret=CONTROL,
        pictures_declared=True,
        seed="pages",
    )
