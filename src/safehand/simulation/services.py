"""The services behind the authority's ports, as a simulated world has them: right in the end, and silent now and then.

A service that was silent may have heard: the call takes effect, or not, and the caller can't tell (`ServiceUnavailable`).
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from safehand.authority.border.door_code import CODE_DIGITS
from safehand.authority.payment.refusals import AMOUNT_DIFFERS, TOO_MANY
from safehand.authority.ports.calling import ServiceUnavailable
from safehand.authority.ports.notices import Mail, TextMessage, TextReceipt
from safehand.authority.ports.payment import (
    PaymentSeen,
    PaymentToOpen,
    RefundSeen,
    RefundToMake,
    StatementLine,
)
from safehand.authority.ports.refusals import (
    MAIL_REFUSED,
    PERSON_UNKNOWN,
    REGISTER_ENTRY_REFUSED,
    SMS_NUMBER_INVALID,
)
from safehand.authority.ports.register import DocumentToCancel, DocumentToEnter, DocumentToSuspend
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.kernel.clock import Clock
from safehand.kernel.outcome import Refusal
from safehand.simulation.faults import Faults

SHORT_FEN: Final = 100
"""So much less comes, where too little is paid."""
PAID_WITHOUT_END: Final = 25
"""More than anybody takes in for one fee."""
GIVEN_BACK: Final = frozenset({AMOUNT_DIFFERS.code, TOO_MANY.code})
"""Said to a payment that the service then gives back of its own accord."""
RECEIPTS_AT_ONCE: Final = 500
NO_SUCH_MAILBOX: Final = 550
_NUMBER: Final = re.compile(r"[0-9]+")


class SimRegister:
    """The register of persons and documents: entries are made once, by their key."""

    def __init__(self, *, faults: Faults) -> None:
        self._faults = faults
        self.people: dict[str, RegisterFacts] = {}
        self.entries: dict[str, Any] = {}
        self.valid: dict[str, str] = {}
        """Number of a valid document that was issued here -> the entry's key."""
        self.suspended: set[str] = set()
        """Numbers that open no border for a while."""

    async def lookup(self, *, id_numbers: Sequence[str]) -> list[RegisterFacts | Refusal]:
        """See `Register.lookup`."""
        if self._faults.happens("register_silent"):
            raise ServiceUnavailable(service="register", reason="silent")
        return [self.people.get(one) or PERSON_UNKNOWN() for one in id_numbers]

    async def enter(self, *, documents: Sequence[DocumentToEnter]) -> list[Refusal | None]:
        """See `Register.enter`."""
        return self._heard([self._enter(one) for one in documents])

    async def cancel(self, *, documents: Sequence[DocumentToCancel]) -> list[Refusal | None]:
        """See `Register.cancel`."""
        return self._heard([self._cancel(one) for one in documents])

    async def suspend(self, *, documents: Sequence[DocumentToSuspend]) -> list[Refusal | None]:
        """See `Register.suspend`."""
        return self._heard([self._turn(one, suspended=True) for one in documents])

    async def restore(self, *, documents: Sequence[DocumentToSuspend]) -> list[Refusal | None]:
        """See `Register.restore`."""
        return self._heard([self._turn(one, suspended=False) for one in documents])

    def _turn(self, one: DocumentToSuspend, *, suspended: bool) -> Refusal | None:
        if one.key in self.entries:
            return None if self.entries[one.key] == one else REGISTER_ENTRY_REFUSED(reason="another entry")
        if one.number not in self.valid:
            return REGISTER_ENTRY_REFUSED(reason="no such document")
        self.entries[one.key] = one
        (self.suspended.add if suspended else self.suspended.discard)(one.number)
        return None

    def _heard(self, outcomes: list[Refusal | None]) -> list[Refusal | None]:
        if outcomes and self._faults.happens("register_answer_lost"):
            raise ServiceUnavailable(service="register", reason="the answer was lost")
        return outcomes

    def _enter(self, one: DocumentToEnter) -> Refusal | None:
        if self.entries.setdefault(one.key, one) != one:
            return REGISTER_ENTRY_REFUSED(reason="another entry has this key")
        if self.valid.setdefault(one.number, one.key) != one.key:
            return REGISTER_ENTRY_REFUSED(reason="the number was issued already")
        facts = self.people[one.id_number]
        if all(document.number != one.number for document in facts.documents):
            held = DocumentFact(
                kind=one.kind,
                number=one.number,
                issued_on=one.issued_on,
                expires_on=one.expires_on,
                status="valid",
                fingerprints_stored=one.fingerprints_stored,
            )
            self.people[one.id_number] = msgspec.structs.replace(facts, documents=(*facts.documents, held))
        return None

    def _cancel(self, one: DocumentToCancel) -> Refusal | None:
        if self.entries.setdefault(one.key, one) != one:
            return REGISTER_ENTRY_REFUSED(reason="another entry has this key")
        facts = self.people[one.id_number]
        documents = tuple(
            msgspec.structs.replace(document, status="cancelled")
            if document.number == one.number
            else document
            for document in facts.documents
        )
        self.people[one.id_number] = msgspec.structs.replace(facts, documents=documents)
        self.valid.pop(one.number, None)
        self.suspended.discard(one.number)
        return None


class SimPayments:
    """The payment service: a payment and a refund exist once for each key, and it calls back until it is heard.

    Like real ones it may be paid twice for the same thing, or too little; then it tells of the newest payment.
    """

    def __init__(self, *, faults: Faults, clock: Clock) -> None:
        self._faults, self._clock = faults, clock
        self.payments: dict[str, PaymentSeen] = {}
        """By key: what it tells."""
        self.booked: dict[str, PaymentSeen] = {}
        """By id: all money that came, and that it did not give back of its own accord."""
        self.refunds: dict[str, RefundSeen] = {}
        self.calling_back: dict[str, int] = {}
        """Key -> how often the payer's device will pay once more."""

    async def open(self, *, payments: Sequence[PaymentToOpen]) -> list[PaymentSeen | Refusal]:
        """See `Payments.open`."""
        self._may_be_silent()
        return self._heard([self.payments.setdefault(one.key, _opened(one)) for one in payments])

    async def seen(self, *, keys: Sequence[str]) -> list[PaymentSeen | None]:
        """See `Payments.seen`."""
        self._may_be_silent()
        return [self.payments.get(key) for key in keys]

    async def refund(self, *, refunds: Sequence[RefundToMake]) -> list[RefundSeen | Refusal]:
        """See `Payments.refund`."""
        self._may_be_silent()
        made: list[RefundSeen | Refusal] = []
        for one in refunds:
            refund = RefundSeen(
                id=f"rf-{len(self.refunds) + 1}",
                key=one.key,
                payment_id=one.payment_id,
                amount_fen=one.amount_fen,
                state="refunded",
            )
            made.append(self.refunds.setdefault(one.key, refund))
        return self._heard(made)

    async def statement(self, *, day: date) -> list[StatementLine]:
        """Nobody asks for it yet."""
        raise ServiceUnavailable(service="payment", reason="no statement in the simulator")

    def pay(self, key: str) -> bool:
        """The applicant pays there; False when no such payment is open."""
        payment = self.payments.get(key)
        twice = payment is not None and payment.state == "paid"
        # It tells of the newest payment only; so none comes before the last was heard.
        if payment is None or (
            twice and (key in self.calling_back or not self._faults.happens("paid_twice"))
        ):
            return False
        short = not twice and self._faults.happens("paid_too_little")
        self._book(payment, amount_fen=payment.amount_fen - SHORT_FEN * short, twice=twice)
        again = twice and self._faults.happens("paid_without_end")
        self.calling_back[key] = PAID_WITHOUT_END if again else 0
        return True

    def called_back(self, key: str, outcome: Any) -> None:
        """What the authority said to a callback: a payment that it does not take in goes back to the payer."""
        code = outcome.code if isinstance(outcome, Refusal) else ""
        payment = self.payments[key]
        if code in GIVEN_BACK and payment.id in self.booked:
            del self.booked[payment.id]
            if code == AMOUNT_DIFFERS.code:
                # The payer is to pay the exact fee again.
                self.payments[key] = msgspec.structs.replace(
                    payment, amount_fen=payment.amount_fen + SHORT_FEN, state="open", settled_at=None
                )
        left = self.calling_back.pop(key)
        if left and code not in GIVEN_BACK:
            self._book(payment, amount_fen=payment.amount_fen, twice=True)
            self.calling_back[key] = left - 1

    def _book(self, payment: PaymentSeen, *, amount_fen: int, twice: bool) -> None:
        settled_at: datetime = self._clock.now()
        number = f"pm-{payment.order_ref}-{len(self.booked) + 1}" if twice else payment.id
        paid = msgspec.structs.replace(
            payment, id=number, amount_fen=amount_fen, state="paid", settled_at=settled_at
        )
        self.payments[payment.key] = self.booked[number] = paid

    def _may_be_silent(self) -> None:
        if self._faults.happens("payment_silent"):
            raise ServiceUnavailable(service="payment", reason="silent")

    def _heard(self, outcomes: list[Any]) -> list[Any]:
        if outcomes and self._faults.happens("payment_answer_lost"):
            raise ServiceUnavailable(service="payment", reason="the answer was lost")
        return outcomes


def _opened(one: PaymentToOpen) -> PaymentSeen:
    return PaymentSeen(
        id=f"pm-{one.order_ref}",
        key=one.key,
        order_ref=one.order_ref,
        amount_fen=one.amount_fen,
        refunded_fen=0,
        state="open",
        pay_url="https://pay.example/",
        settled_at=None,
    )


def codes_in(text: str) -> list[str]:
    """What may be a code for the door in a text."""
    return [run for run in _NUMBER.findall(text) if len(run) == CODE_DIGITS]


class SimTexts:
    """The SMS gateway: what it took is kept, so that the simulator can read codes and look for persons in the texts.

    Some numbers are none, some phones are never reached, and some messages do not arrive.
    """

    def __init__(self, *, faults: Faults, clock: Clock) -> None:
        self._faults, self._clock = faults, clock
        self.sent: dict[str, TextMessage] = {}
        self.codes: set[str] = set()
        self._said: list[TextReceipt] = []
        self._invalid: dict[str, bool] = {}

    async def send(self, *, messages: Sequence[TextMessage]) -> list[Refusal | None]:
        """See `TextMessages.send`."""
        if self._faults.happens("texts_silent"):
            raise ServiceUnavailable(service="sms", reason="silent")
        return [self._send(one) for one in messages]

    def _send(self, one: TextMessage) -> Refusal | None:
        if one.to not in self._invalid:
            self._invalid[one.to] = self._faults.happens("text_number_invalid")
        if self._invalid[one.to]:
            return SMS_NUMBER_INVALID()
        if one.key in self.sent:
            return None
        self.sent[one.key] = one
        lost = self._faults.happens("text_undelivered")
        if not lost:
            self.codes.update(codes_in(one.text))
        receipt = TextReceipt(
            number=len(self._said) + 1,
            key=one.key,
            state="failed" if lost else "delivered",
            reason="unreachable" if lost else "",
            at=self._clock.now(),
        )
        self._said.append(receipt)
        return None

    async def receipts(self, *, after: int) -> tuple[list[TextReceipt], int]:
        """See `TextMessages.receipts`."""
        found = self._said[after : after + RECEIPTS_AT_ONCE]
        return found, after + len(found)


class SimMail:
    """The mail server: some addresses are none, and now and then it can't take anything."""

    def __init__(self, *, faults: Faults, codes: set[str]) -> None:
        self._faults, self._codes = faults, codes
        self._invalid: dict[str, bool] = {}

    async def send(self, *, mail: Mail, now: datetime) -> Refusal | None:
        """See `Mailer.send`."""
        if self._faults.happens("mail_silent"):
            raise ServiceUnavailable(service="smtp", reason="silent")
        if mail.to not in self._invalid:
            self._invalid[mail.to] = self._faults.happens("mail_address_invalid")
        if self._invalid[mail.to]:
            return MAIL_REFUSED(reply=NO_SUCH_MAILBOX)
        self._codes.update(codes_in(mail.text))
        return None
