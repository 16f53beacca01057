"""The payment service's callbacks, over sockets both ways: a hint that is checked, asked about, and settles nothing itself."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safehand.authority.examination.commands import Approve
from safehand.sandbox.payment.webhook_signature import callback_headers, payment_key_file, signing_key
from tests.authority.living_authority import SHANGHAI, START, TOKEN, Person, World, living

pytestmark = pytest.mark.slow


async def approved(world: World) -> tuple[Person, str]:
    """Somebody whose application was approved, and the case."""
    someone = world.person()
    await someone.sign_in("applicant")
    case = (await world.submit(someone, "applicant"))["case"]
    await world.do(case, Approve())
    return someone, case


async def opened(someone: Person, case: str) -> str:
    """The payment that the applicant opens."""
    begun = await someone.browser.post(
        "/v1/payment/begin",
        json={"city": SHANGHAI, "case": case},
        headers={"idempotency-key": "begin-payment", "accept": "application/json"},
    )
    assert begun.status_code == 200, begun.text
    return begun.json()["payment"]


async def paid_in_silence(world: World, case: str) -> str:
    """A payment that the service has and tells nobody of: whoever is believed would settle the case."""
    paying = {"key": f"{case}/fee", "amount_fen": 12_000, "order_ref": case}
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}) as bank:
        batch = {"payments": [paying], "pay": True, "quiet": True}
        answer = await bank.post(f"{world.services['payment']}/v1/payments:batch", json=batch)
    return answer.json()["outcomes"][0]["payment"]["id"]


async def pay(world: World, payment: str, outcome: str | None = None) -> None:
    """The payer's act at the payment service."""
    async with httpx.AsyncClient(trust_env=False) as payer:
        address = f"{world.services['payment']}/v1/payments/{payment}/pay"
        assert (await payer.post(address, json={"outcome": outcome})).status_code == 200


async def callbacks_done(world: World) -> dict[str, int]:
    """What the payment service counts once no callback waits."""
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        async with asyncio.timeout(10):
            while True:
                counts = (await client.get(f"{world.services['payment']}/v1/callbacks")).json()
                if not counts["waiting"]:
                    return counts


async def state_of(someone: Person, case: str) -> tuple[str, int]:
    """The payment's state and the case's version."""
    answer = await someone.browser.get(f"/v1/cases/{SHANGHAI}/{case}", headers={"accept": "application/json"})
    return answer.json()["state"]["payment"]["state"], answer.json()["version"]


def said(case: str, payment: str, **changes: Any) -> bytes:
    """A callback's body."""
    body = {
        "type": "payment.paid",
        "timestamp": START,
        "payment_id": payment,
        "key": f"{case}/fee",
        "order_ref": case,
    }
    return msgspec.json.encode(body | changes)


class Caller:
    """Calls back with a key of its choice."""

    def __init__(self, world: World, key: Ed25519PrivateKey) -> None:
        self._world, self._key = world, key

    async def say(
        self, body: bytes, *, at: datetime = START, sent: bytes | None = None, **changes: str
    ) -> tuple[int, str]:
        """Status and code of the answer; `changes` replace headers, `sent` the body after it was signed."""
        headers = callback_headers(key=self._key, message_id="msg_1", at=at, body=body)
        headers |= {name.replace("_", "-"): value for name, value in changes.items()}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                self._world.callback_address, content=body if sent is None else sent, headers=headers
            )
        return answer.status_code, answer.json().get("code", "")


def genuine(world: World, folder: Path) -> Caller:
    """The payment service itself, with its own key."""
    return Caller(world, signing_key(payment_key_file(folder / "sandbox")))


def test_a_payment_is_settled_by_the_services_callback_without_the_payer_coming_back(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, served=True) as world:
            someone, case = await approved(world)
            payment = await opened(someone, case)
            await pay(world, payment, "duplicate_callback")
            assert await callbacks_done(world) == {"waiting": 0, "stopped": 0, "given_up": 0}
            state, version = await state_of(someone, case)
            assert state == "paid"
            # Told twice above, and again: nothing more happens.
            assert await genuine(world, tmp_path).say(said(case, payment)) == (200, "")
            assert await state_of(someone, case) == ("paid", version)

    run(scene())


def test_a_callback_alone_pays_nothing(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, served=True) as world:
            someone, case = await approved(world)
            payment = await opened(someone, case)
            before = await state_of(someone, case)
            service = genuine(world, tmp_path)
            for kind in ("payment.paid", "payment.pending", "payment.declined", "payment.failed"):
                assert await service.say(said(case, payment, type=kind)) == (200, "")
            refund = said(case, payment, type="refund.done", key=f"{case}/refund/{payment}")
            assert await service.say(refund) == (200, "")
            assert await state_of(someone, case) == before

    run(scene())


def test_a_callback_that_is_forged_old_unknown_or_junk_changes_nothing(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, served=True) as world:
            someone, case = await approved(world)
            payment = await paid_in_silence(world, case)
            before = await state_of(someone, case)
            service, stranger = genuine(world, tmp_path), Caller(world, Ed25519PrivateKey.generate())
            good, forged, unknown = (
                said(case, payment),
                (401, "payment_port.callback_not_genuine"),
                f"ca_{'z' * 26}",
            )
            assert await stranger.say(good) == forged
            assert await service.say(good, webhook_signature="v1a,AAAA") == forged
            assert await service.say(good, webhook_id="msg_2") == forged
            assert await service.say(good, sent=good.replace(b"paid", b"pond")) == forged
            assert await service.say(good, at=START - timedelta(seconds=301)) == forged
            assert await service.say(good, at=START + timedelta(seconds=301)) == forged
            assert await service.say(good + b" " * 20_000) == forged
            media = (415, "request.media_type")
            assert await service.say(good, content_type="text/plain") == media
            assert await service.say(good, content_type="application/x-www-form-urlencoded") == media
            unreadable = (400, "payment_port.callback_not_readable")
            for junk in (
                b"",
                b"[]",
                b"{",
                b"\xff",
                b'{"type":7}',
                said(case, payment, type="payment.vanished"),
            ):
                assert await service.say(junk) == unreadable
            nobodys = (404, "payment.callback_unknown")
            for change in (
                {"key": f"{unknown}/fee", "order_ref": unknown},
                {"order_ref": unknown},
                {"key": case},
                {"key": f"{case}/fee/fee"},
                {"key": f"{case}/refund/{payment}"},
                {"type": "refund.done"},
            ):
                assert await service.say(said(case, payment, **change)) == nobodys
            assert await state_of(someone, case) == before
            assert await service.say(good) == (200, "")
            assert (await state_of(someone, case))[0] == "paid"

    run(scene())


def test_without_an_agreed_key_no_callback_is_believed(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            headers = callback_headers(
                key=signing_key(payment_key_file(tmp_path / "sandbox")), message_id="m", at=START, body=b"{}"
            )
            answer = await world.person().browser.post(
                "/services/payment", content=b"{}", headers=headers | {"accept": "application/json"}
            )
            assert answer.status_code == 401

    run(scene())
