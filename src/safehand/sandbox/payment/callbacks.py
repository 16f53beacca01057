"""Sends the payment service's signed callbacks from the book's queue, until each is taken or given up."""

import asyncio
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safehand.kernel.clock import Clock
from safehand.sandbox.payment.book import Callback, CallbackResult, PaymentBook
from safehand.sandbox.payment.webhook_signature import callback_headers

CALLBACKS_AT_ONCE_MAX: Final = 50
CONNECTIONS_MAX: Final = 8
ANSWER_SECONDS_MAX: Final = 15.0
GONE: Final = 410


class CallbackSender:
    """The loop that empties the queue. The address comes from the settings alone, never from a request."""

    def __init__(self, *, book: PaymentBook, key: Ed25519PrivateKey, url: str, clock: Clock) -> None:
        self._book = book
        self._key = key
        self._url = url
        self._clock = clock
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something new to send."""
        self._news.set()

    async def run(self) -> None:
        """Send what is due, then wait for news or for the next moment; until cancelled."""
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS_MAX, limits=limits, trust_env=False) as client:
            while True:
                self._news.clear()
                due = self._book.due_callbacks(now=self._clock.now(), callbacks_max=CALLBACKS_AT_ONCE_MAX)
                if due:
                    results = await asyncio.gather(*(self._try(client, callback) for callback in due))
                    self._book.record_callbacks(results, now=self._clock.now())
                    if any(result.answer == str(GONE) for result in results):
                        self._book.stop_callbacks()
                else:
                    await self._rest()

    async def _rest(self) -> None:
        next_moment = self._book.next_moment()
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._news.wait())]
        if next_moment is not None:
            seconds = max(0.0, (next_moment - self._clock.now()).total_seconds())
            waits.append(asyncio.ensure_future(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _try(self, client: httpx.AsyncClient, callback: Callback) -> CallbackResult:
        headers = callback_headers(
            key=self._key, message_id=callback.message_id, at=self._clock.now(), body=callback.body
        )
        try:
            response = await client.post(
                self._url, content=callback.body, headers=headers, follow_redirects=False
            )
        except httpx.HTTPError as failure:
            return CallbackResult(callback=callback, delivered=False, answer=type(failure).__name__)
        return CallbackResult(
            callback=callback, delivered=response.is_success, answer=str(response.status_code)
        )
