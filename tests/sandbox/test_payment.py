"""Payment: the same key is the same payment, nothing is refunded that was not paid, every callback arrives."""

import asyncio
import hashlib
import hmac
from base64 import b64decode, b64encode
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from safehand.authority.ports.calling import (
    SandboxInLiveMode,
    ServiceCaller,
    ServiceFault,
    ServiceUnavailable,
)
from safehand.authority.ports.payment import (
    HttpPayments,
    PaymentEvent,
    PaymentSeen,
    PaymentToOpen,
    RefundSeen,
    RefundToMake,
    public_key_of,
    read_callback,
)
from safehand.kernel.outcome import Refusal
from safehand.sandbox.payment.webhook_signature import signed_content

pytestmark = pytest.mark.slow

TOKEN = "sandbox:" + "t" * 32


def payment(key: str, **other: object) -> dict[str, object]:
    return {"key": key, "amount_fen": 12_000, "order_ref": f"or_{key}"} | other


async def opened(sandbox: Any, key: str, **other: object) -> dict[str, Any]:
    response = await sandbox.post("payment", "/v1/payments", payment(key, **other))
    assert response.status_code == 201, response.text
    return response.json()


async def paid(sandbox: Any, payment_id: str, outcome: str | None = None) -> httpx.Response:
    return await sandbox.post("payment", f"/v1/payments/{payment_id}/pay", {"outcome": outcome}, token="")


async def states(sandbox: Any, *keys: str) -> list[str]:
    response = await sandbox.post("payment", "/v1/payments:status", {"keys": list(keys)})
    return [
        one["payment"]["state"] if one["payment"] else one["problem"]["code"]
        for one in response.json()["outcomes"]
    ]


class Merchant:
    """A small HTTP server which takes callbacks and answers with the statuses it was told, then 204."""

    def __init__(self, *, statuses: tuple[int, ...] = ()) -> None:
        self._statuses = list(statuses)
        self.taken: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.url = ""

    async def __aenter__(self) -> "Merchant":
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/payment-callback"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        status = self._statuses.pop(0) if self._statuses else 204
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        self.taken.put_nowait((headers, body))


def test_the_same_key_is_the_same_payment_and_another_content_is_refused(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            first = await opened(sandbox, "k1")
            again = await sandbox.post("payment", "/v1/payments", payment("k1"))
            assert (again.status_code, again.json()["id"]) == (200, first["id"])
            other = await sandbox.post("payment", "/v1/payments", payment("k1", amount_fen=1))
            assert (other.status_code, other.json()["code"]) == (422, "sandbox.key_with_other_body")
            assert await states(sandbox, "k1", "k2") == ["open", "payment_service.unknown_payment"]


MAGIC = [
    (12_000, "or_1", None, "paid", "paid"),
    (12_001, "or_1", None, "declined", "declined"),
    (12_002, "or_1", None, "pending", "paid"),
    (12_003, "or_1", None, "pending", "failed"),
    (12_005, "or_1", None, "paid", "paid"),
    (12_000, "or_1:declined", None, "declined", "declined"),
    (12_000, "or_1:pending_then_paid", None, "pending", "paid"),
    (12_001, "or_1:declined", "paid", "paid", "paid"),
]


def test_the_magic_decides_what_a_payment_comes_to(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            for number, (amount_fen, order_ref, chosen, at_once, _) in enumerate(MAGIC):
                made = await opened(sandbox, f"k{number}", amount_fen=amount_fen, order_ref=order_ref)
                assert (await paid(sandbox, made["id"], chosen)).json()["state"] == at_once
            sandbox.clock.move_to(sandbox.clock.now() + timedelta(minutes=2))
            later = [row[-1] for row in MAGIC]
            assert await states(sandbox, *(f"k{number}" for number in range(len(MAGIC)))) == later


def test_paying_twice_takes_money_once_and_a_declined_payment_stays_declined(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            made = await opened(sandbox, "k1")
            assert [(await paid(sandbox, made["id"])).json()["state"] for _ in range(2)] == ["paid", "paid"]
            bad = await opened(sandbox, "k2", amount_fen=101)
            await paid(sandbox, bad["id"])
            again = await paid(sandbox, bad["id"])
            assert (again.status_code, again.json()["code"]) == (409, "payment_service.not_open")
            day = await sandbox.get("payment", "/v1/statements/2024-05-06?open=yes")
            assert (day.json()["payments"], day.json()["payments_fen"]) == (1, 12_000)


def test_a_timed_out_call_took_effect_and_its_repetition_says_so(start, play):
    @play
    async def scene():
        async with start("payment", payment={"timeout_seconds": 0.05}) as sandbox:
            lost = await sandbox.post("payment", "/v1/payments", payment("k1", amount_fen=12_004))
            assert (lost.status_code, lost.json()["code"]) == (504, "payment_service.no_answer")
            again = await sandbox.post("payment", "/v1/payments", payment("k1", amount_fen=12_004))
            assert (again.status_code, again.json()["state"]) == (200, "open")
            assert (await paid(sandbox, again.json()["id"])).json()["state"] == "paid"


def test_no_refund_exceeds_what_was_paid_and_none_is_made_twice(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            made = await opened(sandbox, "k1")
            unpaid = await opened(sandbox, "k2")
            await paid(sandbox, made["id"])
            refunds = [
                {"key": "r1", "payment_id": made["id"], "amount_fen": 8_000},
                {"key": "r1", "payment_id": made["id"], "amount_fen": 8_000},
                {"key": "r2", "payment_id": made["id"], "amount_fen": 4_001},
                {"key": "r3", "payment_id": made["id"], "amount_fen": 4_000},
                {"key": "r1", "payment_id": made["id"], "amount_fen": 1},
                {"key": "r4", "payment_id": unpaid["id"], "amount_fen": 1},
                {"key": "r5", "payment_id": "pay_none", "amount_fen": 1},
            ]
            outcomes = (await sandbox.post("payment", "/v1/refunds", {"refunds": refunds})).json()["outcomes"]
            assert [
                one["problem"]["code"] if one["problem"] else one["refund"]["state"] for one in outcomes
            ] == [
                "refunded",
                "refunded",
                "payment_service.refund_exceeds_paid",
                "refunded",
                "sandbox.key_with_other_body",
                "payment_service.not_paid",
                "payment_service.unknown_payment",
            ]
            assert outcomes[0]["refund"]["id"] == outcomes[1]["refund"]["id"]
            day = (await sandbox.get("payment", "/v1/statements/2024-05-06?open=yes")).json()
            assert (day["payments_fen"], day["refunds_fen"], day["refunds"]) == (12_000, 12_000, 2)


def test_a_refund_can_fail_by_magic_and_then_moves_no_money(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            made = await opened(sandbox, "k1", order_ref="or_1:refund_fails")
            await paid(sandbox, made["id"])
            body = {"refunds": [{"key": "r1", "payment_id": made["id"], "amount_fen": 12_000}]}
            outcome = (await sandbox.post("payment", "/v1/refunds", body)).json()["outcomes"][0]
            assert outcome["refund"]["state"] == "failed"
            day = (await sandbox.get("payment", "/v1/statements/2024-05-06?open=yes")).json()
            assert day["refunds_fen"] == 0


def test_five_hundred_payments_are_made_and_paid_in_one_call(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            batch = {"payments": [payment(f"k{n}") for n in range(500)], "pay": True, "quiet": True}
            outcomes = (await sandbox.post("payment", "/v1/payments:batch", batch)).json()["outcomes"]
            assert {one["payment"]["state"] for one in outcomes} == {"paid"}
            assert len({one["payment"]["id"] for one in outcomes}) == 500


def test_callbacks_are_signed_tried_again_and_end(start, play):
    @play
    async def scene():
        async with (
            Merchant(statuses=(500, 302)) as merchant,
            start("payment", payment={"callback_url": merchant.url}) as sandbox,
        ):
            made = await opened(sandbox, "k1")
            await paid(sandbox, made["id"])
            key = public_key_of(str(sandbox.facts["payment"]["webhook_key"]))
            ids = set()
            for wait_seconds in (0, 5, 300):
                sandbox.clock.move_to(sandbox.clock.now() + timedelta(seconds=wait_seconds))
                headers, body = await merchant.taken.get()
                event = read_callback(headers=headers, body=body, keys=[key], now=sandbox.clock.now())
                assert isinstance(event, PaymentEvent)
                assert (event.type, event.key, event.payment_id) == ("payment.paid", "k1", made["id"])
                ids.add(event.message_id)
                while (
                    wait_seconds < 300
                    and (await sandbox.get("payment", "/v1/callbacks")).json()["waiting"] != 1
                ):
                    pass
            assert len(ids) == 1
            while (await sandbox.get("payment", "/v1/callbacks")).json()["waiting"]:
                pass


def test_a_duplicate_callback_carries_the_same_id_twice(start, play):
    @play
    async def scene():
        async with (
            Merchant() as merchant,
            start("payment", payment={"callback_url": merchant.url}) as sandbox,
        ):
            made = await opened(sandbox, "k1")
            await paid(sandbox, made["id"], "duplicate_callback")
            first, second = await merchant.taken.get(), await merchant.taken.get()
            assert first[0]["webhook-id"] == second[0]["webhook-id"]
            assert first[1] == second[1]


def test_waiting_callbacks_outlive_a_restart(start, play):
    @play
    async def scene():
        async with Merchant(statuses=(410,)) as merchant:
            callback = {"callback_url": merchant.url}
            async with start("payment", payment=callback) as sandbox:
                made = await opened(sandbox, "k1", amount_fen=12_002)
                await paid(sandbox, made["id"])
                await merchant.taken.get()
                while (await sandbox.get("payment", "/v1/callbacks")).json()["stopped"] != 1:
                    pass
                sandbox.clock.move_to(sandbox.clock.now() + timedelta(minutes=2))
                assert await states(sandbox, "k1") == ["paid"]
                assert (await sandbox.get("payment", "/v1/callbacks")).json()["stopped"] == 2
                later = sandbox.clock.now() + timedelta(minutes=5)
            async with start("payment", payment=callback, now=later):
                bodies = [(await merchant.taken.get())[1] for _ in range(2)]
                assert sorted(b"payment.paid" in body for body in bodies) == [False, True]


def test_the_bytes_under_a_callbacks_signature_are_those_of_standard_webhooks():
    content = signed_content(
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at=datetime.fromtimestamp(1_614_265_330, UTC),
        body=b'{"test": 2432232314}',
    )
    secret = b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    digest = hmac.digest(secret, content, hashlib.sha256)
    assert b64encode(digest).decode() == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_callback_that_is_forged_old_or_altered_is_not_believed(start, play):
    @play
    async def scene():
        async with (
            Merchant() as merchant,
            start("payment", payment={"callback_url": merchant.url}) as sandbox,
        ):
            await paid(sandbox, (await opened(sandbox, "k1"))["id"])
            headers, body = await merchant.taken.get()
            key = public_key_of(str(sandbox.facts["payment"]["webhook_key"]))
            now = sandbox.clock.now()
            genuine = {"headers": headers, "body": body, "keys": [key], "now": now}
            assert isinstance(read_callback(**genuine), PaymentEvent)
            other = public_key_of("whpk_" + b64encode(bytes(32)).decode())
            forgeries: list[tuple[str, dict[str, Any]]] = [
                ("webhook-signature", {"body": body + b" "}),
                ("webhook-signature", {"keys": [other]}),
                ("webhook-signature", {"headers": headers | {"webhook-signature": "v1a,AAAA"}}),
                ("webhook-signature", {"headers": headers | {"webhook-id": "msg_other"}}),
                ("webhook-id", {"headers": headers | {"webhook-id": ""}}),
                ("webhook-timestamp", {"headers": headers | {"webhook-timestamp": "soon"}}),
                ("age", {"now": now + timedelta(seconds=301)}),
                ("size", {"body": body + b" " * 20_000}),
            ]
            for reason, change in forgeries:
                refusal = read_callback(**(genuine | change))
                assert isinstance(refusal, Refusal)
                assert (refusal.code, refusal.facts["reason"]) == (
                    "payment_port.callback_not_genuine",
                    reason,
                )


def test_a_days_statement_closes_at_midnight_in_beijing_and_is_complete(start, play):
    @play
    async def scene():
        evening = datetime(2024, 5, 6, 15, 59, 30, tzinfo=UTC)
        async with start("payment", now=evening) as sandbox:
            late = await opened(sandbox, "late", amount_fen=12_002)
            await paid(sandbox, late["id"])
            batch = {"payments": [payment(f"k{n}") for n in range(3)], "pay": True}
            await sandbox.post("payment", "/v1/payments:batch", batch)
            early = await sandbox.get("payment", "/v1/statements/2024-05-06")
            assert (early.status_code, early.json()["code"]) == (409, "payment_service.no_statement_yet")
            sandbox.clock.move_to(evening + timedelta(hours=9))
            payments = HttpPayments(caller=caller(sandbox))
            lines = await payments.statement(day=date(2024, 5, 6))
            assert sorted(line.key for line in lines) == ["k0", "k1", "k2"]
            page = (await sandbox.get("payment", "/v1/statements/2024-05-06?limit=2")).json()
            rest = (
                await sandbox.get("payment", f"/v1/statements/2024-05-06?after={page['next_after']}")
            ).json()
            assert [line["key"] for line in page["lines"] + rest["lines"]] == ["k0", "k1", "k2"]
            # It pended over midnight: the money moved on the next day, whenever somebody first looked.
            assert [line.key for line in await payments.statement(day=date(2024, 5, 6))] == ["k0", "k1", "k2"]
            seventh = (await sandbox.get("payment", "/v1/statements/2024-05-07?open=yes")).json()
            assert [line["key"] for line in seventh["lines"]] == ["late"]


def caller(sandbox: Any, **other: Any) -> ServiceCaller:
    settings: dict[str, Any] = {"live": False, "token": TOKEN, "answer_seconds_max": 3.0} | other
    return ServiceCaller(service="payment", base_url=str(sandbox.facts["payment"]["address"]), **settings)


def test_the_authoritys_port_opens_watches_and_refunds(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            port = HttpPayments(caller=caller(sandbox))
            to_open = [PaymentToOpen(key=f"k{n}", amount_fen=12_000, order_ref="or_1") for n in range(501)]
            seen = await port.open(payments=to_open)
            assert len(seen) == 501
            assert isinstance(seen[0], PaymentSeen)
            await paid(sandbox, seen[0].id)
            now = await port.seen(keys=["k0", "k1", "nobody"])
            assert [one and one.state for one in now] == ["paid", "open", None]
            refunds = [
                RefundToMake(key="r1", payment_id=seen[0].id, amount_fen=12_000),
                RefundToMake(key="r2", payment_id=seen[0].id, amount_fen=1),
            ]
            first, second = await port.refund(refunds=refunds)
            assert isinstance(first, RefundSeen)
            assert isinstance(second, Refusal)
            assert second.facts["reason"] == "payment_service.refund_exceeds_paid"


def test_a_house_in_live_mode_refuses_to_work_with_a_sandbox(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            port = HttpPayments(caller=caller(sandbox, live=True))
            with pytest.raises(SandboxInLiveMode):
                await port.seen(keys=["k1"])


def test_a_wrong_token_and_a_silent_service_are_told_apart(start, play):
    @play
    async def scene():
        async with start("payment", payment={"timeout_seconds": 5}) as sandbox:
            with pytest.raises(ServiceFault, match="401 sandbox.not_authorised"):
                await HttpPayments(caller=caller(sandbox, token="sandbox:other")).seen(keys=["k1"])
            silent = HttpPayments(caller=caller(sandbox, answer_seconds_max=0.2))
            lost = [PaymentToOpen(key="k1", amount_fen=12_004, order_ref="or_1")]
            # The first try gets no answer, the second finds the payment made.
            (outcome,) = await silent.open(payments=lost)
            assert isinstance(outcome, PaymentSeen)
        with pytest.raises(ServiceUnavailable):
            await HttpPayments(caller=caller(sandbox)).seen(keys=["k1"])


def test_payers_are_sent_back_to_the_merchants_own_addresses_only(start, play):
    @play
    async def scene():
        async with start("payment", payment={"return_urls": ["http://127.0.0.1:7000/"]}) as sandbox:
            good = await sandbox.post(
                "payment", "/v1/payments", payment("k1", return_url="http://127.0.0.1:7000/a")
            )
            assert good.status_code == 201
            for url in (
                "http://127.0.0.1:70001/a",
                "http://127.0.0.1:7000@evil.example/",
                "javascript:alert(1)",
            ):
                bad = await sandbox.post("payment", "/v1/payments", payment("k2", return_url=url))
                assert bad.status_code == 422


def test_the_pay_page_takes_the_payers_choice_in_both_languages(start, play):
    @play
    async def scene():
        async with start("payment") as sandbox:
            made = await opened(sandbox, "k1")
            client = sandbox.clients["payment"]
            page = await client.get(f"/pay/{made['id']}", headers={"accept": "text/html"})
            assert "120.00元" in page.text
            english = await client.get(f"/pay/{made['id']}?lang=en")
            assert "CNY 120.00" in english.text
            answer = await client.post(f"/pay/{made['id']}?lang=en", data={"outcome": "declined"})
            assert answer.status_code == 303
            after = await client.get(answer.headers["location"])
            assert "The bank declined" in after.text
            lost = await client.get("/pay/pay_none?lang=en", headers={"accept": "text/html"})
            assert (lost.status_code, "There is no such payment" in lost.text) == (404, True)
