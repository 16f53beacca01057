"""Signing in as staff, by API or page: the password is tried slowly, failures are counted, and a session opens."""

import asyncio
import ipaddress
import logging
from collections.abc import Mapping
from typing import Any

from litestar import Request

from safehand.house.attempts import Attempts
from safehand.house.problems import TOO_MANY
from safehand.house.sessions import Account, Session, Sessions, secret_fits
from safehand.kernel.clock import SystemClock
from safehand.kernel.outcome import Refusal, define

GUESSES_AT_ONCE_MAX = 2
GUESSES_WAITING_MAX = 40
"""A password costs 16 MB and some 40 ms: so many are tried at once, and so many may wait for it."""

log = logging.getLogger("safehand.http")

Web = Request[Any, Any, Any]

SIGN_IN_FAILED = define(
    code="session.sign_in_failed",
    en="This login and password do not fit.",
    zh="登录名或密码不正确。",
    way_out_en="Check both; after several failures wait a few minutes, or ask your manager for a new password.",
    way_out_zh="请核对后重试；多次失败请等待几分钟，或向主管申请新密码。",
    owner="house",
    status=401,
)
SIGN_IN_WAITS = define(
    code="session.too_many_failures",
    en="There were too many failed attempts to sign in.",
    zh="登录失败次数过多。",
    way_out_en="Wait {minutes} minutes, or sign in from another place; your manager can give you a new password.",
    way_out_zh="请等待 {minutes} 分钟，或换一处登录；也可向主管申请新密码。",
    owner="house",
    status=429,
)


class StaffSignIn:
    """Tries passwords of the staff's accounts."""

    def __init__(self, *, sessions: Sessions, accounts: Mapping[str, Account], attempts: Attempts) -> None:
        self._sessions, self._accounts, self._attempts = sessions, accounts, attempts
        self._trying = asyncio.Semaphore(GUESSES_AT_ONCE_MAX)
        # Guessing happens in real time, also where the house's clock stands still.
        self._clock, self._waiting = SystemClock(), 0

    async def open(self, *, login: str, password: str, address: str) -> tuple[str, Account] | Refusal:
        """The token of a new session, and whose it is; or why not."""
        minutes = await self._attempts.minutes_to_wait(login=login, address=address, now=self._clock.now())
        if minutes:
            log.warning("sign_in_held_back", extra={"count": minutes})
            return SIGN_IN_WAITS(minutes=minutes)
        if self._waiting >= GUESSES_WAITING_MAX:
            return TOO_MANY()
        # Counted before it is tried: attempts at the same moment are counted too.
        await self._attempts.count(login=login, address=address, now=self._clock.now())
        if not await self._fits(login, password):
            return SIGN_IN_FAILED()
        await self._attempts.forgive(login=login, address=address, now=self._clock.now())
        account = self._accounts[login]
        session = Session(
            actor=account.actor,
            roles=frozenset(account.roles),
            cities=tuple(account.cities),
            office=account.office,
        )
        return await self._sessions.open(session=session, basis=account.actor), account

    async def _fits(self, login: str, password: str) -> bool:
        account = self._accounts.get(login)
        # An unknown login costs the same time as a wrong password.
        secret = account.secret if account is not None else "scrypt:00:00"
        self._waiting += 1
        try:
            async with self._trying:
                right = await asyncio.to_thread(secret_fits, secret=secret, password=password)
        finally:
            self._waiting -= 1
        return right and account is not None


def address_of(*, request: Web) -> str:
    """Where a request comes from; of IPv6 the network, since one connection has 2^64 addresses of it."""
    host = request.client.host if request.client is not None else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host[:100]
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
