"""What a sandbox service is to the process which runs it."""

from typing import Protocol

from litestar.types import ASGIApp


class Service(Protocol):
    """One small HTTP service, perhaps with work of its own in the background."""

    name: str
    app: ASGIApp

    def ready_facts(self) -> dict[str, str | int]:
        """What its ready line says beside its name and address: public keys, further ports."""
        ...

    async def run(self) -> None:
        """Its background work; returns when there is none, else runs until cancelled."""
        ...

    def stop(self) -> None:
        """Let go of requests that are being held back on purpose."""
        ...

    def close(self) -> None:
        """Close its files; after this no request may come."""
        ...
