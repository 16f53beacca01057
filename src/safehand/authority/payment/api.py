"""The payment service's signed callbacks: a hint where to look, never a word that is believed.

Who calls is known from the signature alone; there is no session. What was paid is asked of the service itself, on the
same path as `payment.check`, so a callback that is repeated, late or lost changes nothing of the result.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from litestar import Request, Response, post

from safehand.authority.payment.refusals import CALLBACK_UNKNOWN, NOT_PAID_YET, PAYMENT_SILENT
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.payment import PaymentEvent, public_key_of, read_callback
from safehand.house.problems import MEDIA, TOO_MANY, UNAVAILABLE
from safehand.house.routes import HEADERS, problem_response
from safehand.house.runtime import House
from safehand.kernel.gather import Gatherer, Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from safehand.kernel.store import Unavailable

ADDRESS: Final = "/services/payment"
_KEY: Final = re.compile(r"(ca_[A-Za-z0-9_-]{1,61})/(fee|refund/[!-~]{1,120})")
_ABOUT: Final = {"payment": "fee", "refund": "refund"}
"""What a callback's type begins with, and what its key then names of the case."""

Settle = Callable[[Sequence[StreamKey]], Awaitable[Sequence[Done | Refusal]]]
Web = Request[Any, Any, Any]


class Callbacks:
    """Takes callbacks: genuine, of a case that there is, and then only as a reason to ask the service."""

    def __init__(
        self, *, house: House, settle: Settle, cities: Sequence[int], keys: Sequence[Ed25519PublicKey]
    ) -> None:
        self._house, self._cities, self._keys = house, sorted(cities), keys
        # A crowd that pays at the same moment is one question to the service.
        self._asking = Gatherer[StreamKey, Done | Refusal](run=settle)

    async def take(self, *, headers: dict[str, str], body: bytes) -> Refusal | None:
        """None: it was taken, whatever the service then said of the payment. A refusal: nothing was changed."""
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            return MEDIA()
        event = read_callback(headers=headers, body=body, keys=self._keys, now=self._house.clock.now())
        if isinstance(event, Refusal):
            return event
        try:
            return await self._look(event)
        except (ServiceUnavailable, ServiceFault):
            return PAYMENT_SILENT()
        except Overloaded:
            return TOO_MANY()
        except Unavailable:
            return UNAVAILABLE()

    async def _look(self, event: PaymentEvent) -> Refusal | None:
        key = await self._case(event)
        if key is None:
            return CALLBACK_UNKNOWN()
        # What became of a refund is the answer to the call that asked for it; what did not come to money needs no look.
        if event.type != "payment.paid":
            return None
        outcome = await self._asking.call(key)
        # The service knows better than its own callback: not paid is its answer, and the callback was heard.
        if isinstance(outcome, Refusal) and outcome.code != NOT_PAID_YET.code:
            return outcome
        return None

    async def _case(self, event: PaymentEvent) -> StreamKey | None:
        named = _KEY.fullmatch(event.key)
        if named is None or not named[2].startswith(_ABOUT[event.type.partition(".")[0]]):
            return None
        if event.order_ref != named[1]:
            return None
        rows = await self._house.store.fetch(
            "select city from stream where city = any($1::int[]) and stream = $2 and kind = 'case'",
            self._cities,
            named[1],
        )
        return StreamKey(rows[0][0], named[1]) if rows else None


def callback_keys(texts: Sequence[str]) -> list[Ed25519PublicKey]:
    """The keys of the settings; several while the service changes its key. Raises `ValueError`."""
    return [public_key_of(text) for text in texts]


def callback_route(*, callbacks: Callbacks) -> Any:
    """`POST /services/payment`: 200 when it was taken; anything else makes the service send it again."""

    @post(ADDRESS, status_code=200, include_in_schema=False)
    async def take_callback(request: Web) -> Response[Any]:
        refusal = await callbacks.take(headers=dict(request.headers), body=await request.body())
        if refusal is not None:
            return problem_response(refusal=refusal, request=request)
        return Response(content={"taken": True}, headers=HEADERS)

    return take_callback
