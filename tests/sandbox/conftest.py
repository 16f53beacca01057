"""What the sandbox's tests share: services of a folder of their own on free ports, as many starts as wanted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from safehand.kernel.clock import SetClock
from safehand.sandbox.running import running
from safehand.sandbox.settings import settings_of

START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
TOKEN = "sandbox:" + "t" * 32
CLIENT = {
    "client_id": "safehand-authority",
    "client_secret": "sandbox:" + "c" * 32,
    "redirect_uris": ["http://127.0.0.1:9/signed-in"],
}


class Sandbox(msgspec.Struct, kw_only=True):
    """Running services: an HTTP client for each, the clock that all of them follow."""

    clients: dict[str, httpx.AsyncClient]
    facts: dict[str, dict[str, str | int]]
    clock: SetClock

    async def post(self, service: str, path: str, body: object, *, token: str = TOKEN) -> httpx.Response:
        """POST JSON with the service's token."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return await self.clients[service].post(path, json=body, headers=headers)

    async def get(self, service: str, path: str, *, token: str = TOKEN) -> httpx.Response:
        """GET with the service's token."""
        return await self.clients[service].get(path, headers={"authorization": f"Bearer {token}"})


Start = Callable[..., AbstractAsyncContextManager[Sandbox]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts services: `async with start("payment", payment={...}) as sandbox`; further settings by section."""

    @asynccontextmanager
    async def started(
        *names: str, now: datetime = START, **sections: dict[str, Any]
    ) -> AsyncIterator[Sandbox]:
        usual: dict[str, dict[str, Any]] = {
            "register": {"port": 0, "token": TOKEN},
            "sign_in": {"port": 0, "clients": [CLIENT]},
            "payment": {"port": 0, "token": TOKEN},
            "messages": {"port": 0, "smtp_port": 0, "token": TOKEN},
        }
        table: dict[str, Any] = {
            "folder": str(tmp_path / "sandbox"),
            "seed": 7,
            "rehearsal": True,
            "start": now,
        }
        for name in names:
            table[name] = usual[name] | sections.get(name, {})
        clock = SetClock(start=now)
        async with running(settings=settings_of(table=table), clock=clock) as services:
            facts = {name: service.ready_facts() for name, service in services.items()}
            clients = {
                name: httpx.AsyncClient(base_url=str(fact["address"]), timeout=5, trust_env=False)
                for name, fact in facts.items()
            }
            try:
                yield Sandbox(clients=clients, facts=facts, clock=clock)
            finally:
                for client in clients.values():
                    await client.aclose()

    return started


@pytest.fixture
def play() -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Runs a scene: `@play` above `async def scene(): …` runs it at once, for at most twenty seconds."""

    def played(scene: Callable[[], Awaitable[None]]) -> None:
        async def limited() -> None:
            async with asyncio.timeout(20):
                await scene()

        asyncio.run(limited())

    return played
