"""The payment service over HTTP: the merchant's calls, the payer's page, the callbacks behind them."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.kernel.clock import Clock
from safehand.kernel.ids import Ids
from safehand.kernel.money import Fen, yuan_text
from safehand.kernel.outcome import Refusal
from safehand.sandbox import refusals as shared_refusals
from safehand.sandbox.payment import refusals
from safehand.sandbox.payment.book import PaymentBook
from safehand.sandbox.payment.callbacks import CallbackSender
from safehand.sandbox.payment.magic import outcome_of
from safehand.sandbox.payment.webhook_signature import payment_key_file, public_text, signing_key
from safehand.sandbox.payment.wire import (
    NewPayment,
    PayAct,
    Payment,
    PaymentAnswer,
    PaymentBatch,
    Refund,
    RefundAnswer,
    RefundBatch,
    StatusBatch,
)
from safehand.sandbox.settings import PaymentSettings
from safehand.sandbox.web import (
    AnyRequest,
    Refused,
    build_app,
    form_of,
    json_answer,
    json_of,
    language_of,
    page,
    problem_of,
    redirect,
    require_token,
    value_of,
    whole_number_of,
)

STATEMENT_LINES_MAX: Final = 500
LINE_NUMBER_MAX: Final = 10**15
_OUTCOME_CHOICES: Final = (
    ("paid", "支付成功", "Pay"),
    ("declined", "银行拒绝", "The bank declines"),
    ("pending_then_paid", "处理中，稍后成功", "Pends, then is paid"),
    ("pending_then_failed", "处理中，稍后失败", "Pends, then fails"),
    ("duplicate_callback", "支付成功，通知重复两次", "Pay; the merchant is told twice"),
)
_STATE_WORDS: Final = {
    "open": ("待支付", "Waiting for payment"),
    "pending": ("银行处理中", "The bank is working on it"),
    "paid": ("支付成功", "Paid"),
    "declined": ("银行拒绝了这笔付款，没有扣款", "The bank declined; nothing was taken"),
    "failed": ("付款失败，没有扣款", "The payment failed; nothing was taken"),
}


class PaymentService:
    """Takes money that does not exist, with the manners of a service that takes real money."""

    name = "payment"

    def __init__(
        self, *, settings: PaymentSettings, folder: Path, base_url: str, clock: Clock, ids: Ids
    ) -> None:
        self._settings = settings
        self._base_url = base_url
        self._clock = clock
        self._key = signing_key(payment_key_file(folder))
        self._book = PaymentBook(
            file=folder / "payment.sqlite",
            ids=ids,
            base_url=base_url,
            with_callbacks=bool(settings.callback_url),
        )
        self._sender = CallbackSender(book=self._book, key=self._key, url=settings.callback_url, clock=clock)
        self._stopping = asyncio.Event()
        self.app = build_app(
            name=self.name,
            clock=clock,
            handlers=[
                post("/v1/payments")(self.create),
                post("/v1/payments:batch")(self.create_batch),
                post("/v1/payments:status")(self.status),
                post("/v1/payments:act")(self.act_all),
                post("/v1/payments/{payment_id:str}/pay")(self.pay),
                post("/v1/refunds")(self.refund),
                get("/v1/statements/{day:str}")(self.statement),
                get("/v1/webhook-key")(self.webhook_key),
                get("/v1/callbacks")(self.callbacks),
                get("/pay/{payment_id:str}")(self.pay_page),
                post("/pay/{payment_id:str}")(self.pay_form),
            ],
        )

    def ready_facts(self) -> dict[str, str | int]:
        """Its address and the key to check callbacks with."""
        return {"address": self._base_url, "webhook_key": public_text(self._key)}

    async def run(self) -> None:
        """Send callbacks, when there is somebody to send them to."""
        if self._settings.callback_url:
            await self._sender.run()

    def stop(self) -> None:
        """Let the requests go that wait for a time-out."""
        self._stopping.set()

    def close(self) -> None:
        """Close the books."""
        self._book.close()

    async def create(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/payments: one payment, 201 when it is new, 200 when the key is known."""
        require_token(request, self._settings.token)
        item = await json_of(request, NewPayment)
        self._require_return_urls([item])
        outcomes, new = self._book.create([item], pay=False, quiet=False, now=self._clock.now())
        await self._lose_answer_for([item], new=new)
        payment = value_of(outcomes[0])
        return json_answer(payment, status=201 if new else 200)

    async def create_batch(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/payments:batch: up to 500 payments, paid at once when `pay` says so."""
        require_token(request, self._settings.token)
        batch = await json_of(request, PaymentBatch)
        self._require_return_urls(batch.payments)
        outcomes, new = self._book.create(
            batch.payments, pay=batch.pay, quiet=batch.quiet, now=self._clock.now()
        )
        self._sender.wake()
        await self._lose_answer_for(batch.payments, new=new)
        keys = [item.key for item in batch.payments]
        return json_answer({"outcomes": _payment_answers(keys, outcomes)})

    async def status(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/payments:status: the payments of up to 500 keys."""
        require_token(request, self._settings.token)
        batch = await json_of(request, StatusBatch)
        outcomes = self._book.status(keys=batch.keys, now=self._clock.now())
        return json_answer({"outcomes": _payment_answers(batch.keys, outcomes)})

    async def act_all(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/payments:act: the act of up to 500 payers at once, by keys: for the crowds of a rehearsal."""
        require_token(request, self._settings.token)
        batch = await json_of(request, StatusBatch)
        outcomes = self._book.act_all(keys=batch.keys, now=self._clock.now())
        self._sender.wake()
        return json_answer({"outcomes": _payment_answers(batch.keys, outcomes)})

    async def pay(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """POST /v1/payments/{id}/pay: the payer's act; whoever knows the unguessable id may pay."""
        act = await json_of(request, PayAct)
        return json_answer(await self._pay(payment_id, act))

    async def refund(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/refunds: up to 500 refunds, one outcome each."""
        require_token(request, self._settings.token)
        batch = await json_of(request, RefundBatch)
        outcomes = self._book.refund(batch.refunds, now=self._clock.now())
        self._sender.wake()
        answers = [
            RefundAnswer(key=item.key, refund=outcome)
            if isinstance(outcome, Refund)
            else RefundAnswer(key=item.key, problem=problem_of(outcome))
            for item, outcome in zip(batch.refunds, outcomes, strict=True)
        ]
        return json_answer({"outcomes": answers})

    async def statement(self, request: AnyRequest, day: FromPath[str]) -> Response[bytes]:
        """GET /v1/statements/2024-05-06?after=&limit=&open=yes: what moved on a day of Beijing."""
        require_token(request, self._settings.token)
        try:
            asked = date.fromisoformat(day)
        except ValueError:
            raise Refused(
                shared_refusals.WRONG_QUERY(parameter="day", problem="a date that exists, like 2024-05-06")
            ) from None
        statement = self._book.statement(
            day=asked,
            after=whole_number_of(request, "after", default=0, least=0, most=LINE_NUMBER_MAX),
            lines_max=whole_number_of(
                request, "limit", default=STATEMENT_LINES_MAX, least=1, most=STATEMENT_LINES_MAX
            ),
            now=self._clock.now(),
            open_too=request.query_params.get("open") == "yes",
        )
        return json_answer(value_of(statement))

    async def webhook_key(self, request: AnyRequest) -> Response[bytes]:
        """GET /v1/webhook-key: the public key of callbacks."""
        return json_answer({"public_key": public_text(self._key)})

    async def callbacks(self, request: AnyRequest) -> Response[bytes]:
        """GET /v1/callbacks: how many are waiting, stopped by a 410, given up."""
        require_token(request, self._settings.token)
        return json_answer(self._book.callback_counts())

    async def pay_page(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """GET /pay/{id}: what the payer sees."""
        found = self._book.payment(payment_id=payment_id, now=self._clock.now())
        if isinstance(found, Refusal):
            raise Refused(found)
        payment, return_url = found
        language = language_of(request)
        other = "en" if language == "zh" else "zh"
        return page(
            "pay.html",
            language=language,
            other_language=f"/pay/{payment_id}?lang={other}",
            payment=payment,
            amount=yuan_text(amount=Fen(payment.amount_fen), language=language),
            state_word=_STATE_WORDS[payment.state][0 if language == "zh" else 1],
            choices=_OUTCOME_CHOICES,
            return_url=return_url,
        )

    async def pay_form(self, request: AnyRequest, payment_id: FromPath[str]) -> Response[bytes]:
        """POST /pay/{id}: the payer presses a button."""
        fields = await form_of(request)
        try:
            act = msgspec.convert(fields, PayAct)
        except msgspec.ValidationError as defect:
            raise Refused(shared_refusals.WRONG_SHAPE(problem=str(defect))) from None
        await self._pay(payment_id, act)
        return redirect(f"/pay/{payment_id}?lang={language_of(request)}")

    async def _pay(self, payment_id: str, act: PayAct) -> Payment:
        outcome, new = self._book.pay(payment_id=payment_id, chosen=act.outcome, now=self._clock.now())
        self._sender.wake()
        if new and act.outcome == "timeout":
            await self._lose_answer()
        return value_of(outcome)

    async def _lose_answer_for(self, items: Sequence[NewPayment], *, new: Sequence[str]) -> None:
        """The magic time-out: the payments exist, but the first answer never comes; a repeated call answers."""
        created = set(new)
        if any(
            outcome_of(chosen=item.outcome, order_ref=item.order_ref, amount_fen=item.amount_fen) == "timeout"
            for item in items
            if item.key in created
        ):
            await self._lose_answer()

    async def _lose_answer(self) -> None:
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
        raise Refused(refusals.NO_ANSWER())

    def _require_return_urls(self, items: Sequence[NewPayment]) -> None:
        """Only the merchant's own addresses, else the pay page would send people anywhere."""
        for item in items:
            if item.return_url and not any(
                item.return_url.startswith(own) for own in self._settings.return_urls
            ):
                raise Refused(refusals.RETURN_ADDRESS_NOT_ALLOWED())


def _payment_answers(keys: Sequence[str], outcomes: Sequence[Payment | Refusal]) -> list[PaymentAnswer]:
    return [
        PaymentAnswer(key=key, payment=outcome)
        if isinstance(outcome, Payment)
        else PaymentAnswer(key=key, problem=problem_of(outcome))
        for key, outcome in zip(keys, outcomes, strict=True)
    ]
