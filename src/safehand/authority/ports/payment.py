"""The port to the payment service, its client over HTTP, and the check of its signed callbacks."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, Literal, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from safehand.authority.ports.calling import ServiceCaller, ServiceFault
from safehand.authority.ports.refusals import CALLBACK_NOT_GENUINE, CALLBACK_NOT_READABLE, PAYMENT_REFUSED
from safehand.kernel.outcome import Refusal

BATCH_ITEMS_MAX: Final = 500
STATEMENT_PAGES_MAX: Final = 10_000
CALLBACK_AGE_SECONDS_MAX: Final = 300
CALLBACK_BYTES_MAX: Final = 20_000
SIGNATURES_MAX: Final = 10
_PUBLIC_PREFIX: Final = "whpk_"
_KNOWN_TYPES: Final = frozenset(
    {"payment.paid", "payment.declined", "payment.pending", "payment.failed", "refund.done", "refund.failed"}
)

PaymentState = Literal["open", "pending", "paid", "declined", "failed"]


class PaymentToOpen(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that the applicant shall make; the key names it for good."""

    key: str
    amount_fen: int
    order_ref: str
    return_url: str = ""


class PaymentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as the service has it. `pay_url` is where the applicant pays."""

    id: str
    key: str
    order_ref: str
    amount_fen: int
    refunded_fen: int
    state: PaymentState
    pay_url: str
    settled_at: datetime | None


class RefundToMake(msgspec.Struct, frozen=True, kw_only=True):
    """Money to give back; the key names the refund for good."""

    key: str
    payment_id: str
    amount_fen: int


class RefundSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as the service has it."""

    id: str
    key: str
    payment_id: str
    amount_fen: int
    state: Literal["refunded", "failed"]


class StatementLine(msgspec.Struct, frozen=True, kw_only=True):
    """Money that moved on a day."""

    number: int
    at: datetime
    kind: Literal["payment", "refund"]
    id: str
    key: str
    payment_id: str
    order_ref: str
    amount_fen: int


class PaymentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a genuine callback says: look at this payment. `message_id` is the same however often it is sent."""

    message_id: str
    type: str
    payment_id: str
    key: str
    order_ref: str


class Payments(Protocol):
    """What the authority asks of the payment service. All idempotent; all may raise `ServiceUnavailable`, `ServiceFault`."""

    async def open(self, *, payments: Sequence[PaymentToOpen]) -> list[PaymentSeen | Refusal]:
        """Open payments; one outcome each."""
        ...

    async def seen(self, *, keys: Sequence[str]) -> list[PaymentSeen | None]:
        """The payments of these keys as they stand; None for a key that the service doesn't know."""
        ...

    async def refund(self, *, refunds: Sequence[RefundToMake]) -> list[RefundSeen | Refusal]:
        """Give money back; one outcome each."""
        ...

    async def statement(self, *, day: date) -> list[StatementLine]:
        """Everything that moved on a closed day (Beijing time)."""
        ...


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: str


class _Opened(msgspec.Struct, frozen=True, kw_only=True):
    payment: PaymentSeen | None = None
    problem: _Problem | None = None


class _OpenedAll(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: list[_Opened]


class _RefundedOne(msgspec.Struct, frozen=True, kw_only=True):
    refund: RefundSeen | None = None
    problem: _Problem | None = None


class _RefundedAll(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: list[_RefundedOne]


class _StatementPage(msgspec.Struct, frozen=True, kw_only=True):
    closed: bool
    payments_fen: int
    refunds_fen: int
    lines: list[StatementLine]
    next_after: int | None


class _CallbackBody(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    payment_id: str
    key: str
    order_ref: str


class HttpPayments:
    """The payment service over HTTP, in batches of at most 500."""

    def __init__(self, *, caller: ServiceCaller) -> None:
        self._caller = caller

    async def open(self, *, payments: Sequence[PaymentToOpen]) -> list[PaymentSeen | Refusal]:
        """See `Payments.open`."""
        outcomes: list[PaymentSeen | Refusal] = []
        for first in range(0, len(payments), BATCH_ITEMS_MAX):
            batch = list(payments[first : first + BATCH_ITEMS_MAX])
            answer = await self._caller.read(
                method="POST", path="/v1/payments:batch", json={"payments": batch}, shape=_OpenedAll
            )
            self._require_count(len(batch), len(answer.outcomes))
            outcomes.extend(one.payment or self._refused(one.problem) for one in answer.outcomes)
        return outcomes

    async def seen(self, *, keys: Sequence[str]) -> list[PaymentSeen | None]:
        """See `Payments.seen`."""
        found: list[PaymentSeen | None] = []
        for first in range(0, len(keys), BATCH_ITEMS_MAX):
            batch = list(keys[first : first + BATCH_ITEMS_MAX])
            answer = await self._caller.read(
                method="POST", path="/v1/payments:status", json={"keys": batch}, shape=_OpenedAll
            )
            self._require_count(len(batch), len(answer.outcomes))
            found.extend(one.payment for one in answer.outcomes)
        return found

    async def refund(self, *, refunds: Sequence[RefundToMake]) -> list[RefundSeen | Refusal]:
        """See `Payments.refund`."""
        outcomes: list[RefundSeen | Refusal] = []
        for first in range(0, len(refunds), BATCH_ITEMS_MAX):
            batch = list(refunds[first : first + BATCH_ITEMS_MAX])
            answer = await self._caller.read(
                method="POST", path="/v1/refunds", json={"refunds": batch}, shape=_RefundedAll
            )
            self._require_count(len(batch), len(answer.outcomes))
            outcomes.extend(one.refund or self._refused(one.problem) for one in answer.outcomes)
        return outcomes

    async def statement(self, *, day: date) -> list[StatementLine]:
        """See `Payments.statement`; lines that don't add up to the day's totals are a `ServiceFault`."""
        lines: list[StatementLine] = []
        after = 0
        for _ in range(STATEMENT_PAGES_MAX):
            page = await self._caller.read(
                method="GET", path=f"/v1/statements/{day.isoformat()}?after={after}", shape=_StatementPage
            )
            lines += page.lines
            if page.next_after is None:
                paid_fen = sum(line.amount_fen for line in lines if line.kind == "payment")
                given_fen = sum(line.amount_fen for line in lines if line.kind == "refund")
                if (paid_fen, given_fen) != (page.payments_fen, page.refunds_fen):
                    raise ServiceFault(
                        service=self._caller.service, reason="a statement that does not add up"
                    )
                return lines
            if page.next_after <= after:
                break
            after = page.next_after
        raise ServiceFault(service=self._caller.service, reason="a statement without an end")

    def _refused(self, problem: _Problem | None) -> Refusal:
        if problem is None:
            raise ServiceFault(service=self._caller.service, reason="neither an answer nor a reason")
        return PAYMENT_REFUSED(reason=problem.code)

    def _require_count(self, asked: int, answered: int) -> None:
        if asked != answered:
            raise ServiceFault(
                service=self._caller.service, reason=f"{answered} outcomes for {asked} questions"
            )


def public_key_of(text: str) -> Ed25519PublicKey:
    """A callback key as the service gives it (`whpk_` and base64). Raises `ValueError`."""
    if not text.startswith(_PUBLIC_PREFIX):
        raise ValueError("a callback key begins with whpk_")
    return Ed25519PublicKey.from_public_bytes(b64decode(text.removeprefix(_PUBLIC_PREFIX), validate=True))


def read_callback(
    *, headers: Mapping[str, str], body: bytes, keys: Sequence[Ed25519PublicKey], now: datetime
) -> PaymentEvent | Refusal:
    """What a callback says, once its signature and age are checked (Standard Webhooks 1.0, scheme v1a).

    `headers` with lower-case names. Several keys and several signatures allow a change of keys. A callback only says
    where to look: read the payment's state from the service, and take each `message_id` once.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or len(message_id) > 200 or "." in message_id:
        return CALLBACK_NOT_GENUINE(reason="webhook-id")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return CALLBACK_NOT_GENUINE(reason="webhook-timestamp")
    if abs(now.timestamp() - int(timestamp)) > CALLBACK_AGE_SECONDS_MAX:
        return CALLBACK_NOT_GENUINE(reason="age")
    if len(body) > CALLBACK_BYTES_MAX:
        return CALLBACK_NOT_GENUINE(reason="size")
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    signatures = headers.get("webhook-signature", "").split(" ")[:SIGNATURES_MAX]
    if not any(_is_signed(signature, signed=signed, keys=keys) for signature in signatures):
        return CALLBACK_NOT_GENUINE(reason="webhook-signature")
    try:
        said = msgspec.json.decode(body, type=_CallbackBody)
    except msgspec.DecodeError:
        return CALLBACK_NOT_READABLE()
    if said.type not in _KNOWN_TYPES:
        return CALLBACK_NOT_READABLE()
    return PaymentEvent(
        message_id=message_id,
        type=said.type,
        payment_id=said.payment_id,
        key=said.key,
        order_ref=said.order_ref,
    )


def _is_signed(signature: str, *, signed: bytes, keys: Sequence[Ed25519PublicKey]) -> bool:
    scheme, _, text = signature.partition(",")
    if scheme != "v1a":
        return False
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        return False
    for key in keys:
        try:
            key.verify(raw, signed)
        except InvalidSignature:
            continue
        return True
    return False
