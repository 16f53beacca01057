"""The plain service: FastAPI and SQLAlchemy, three writes in one transaction, an idempotency key, a bearer token."""

import hashlib
import hmac
import os
import secrets
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, cast

from fastapi import Depends, FastAPI, Header, HTTPException
from sqlalchemy import Table, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from bench.plain_service.forms import ApplicationForm, ApplicationTaken, SessionsOpened, SessionsWanted
from bench.plain_service.tables import Application, AuditEvent, Base, OutboxMessage, SignedInSession

POOL_CONNECTIONS = 20
TABLES_LOCK = 5_240_900
LIFE = timedelta(hours=12)

engine = create_async_engine(os.environ["PLAIN_DSN"], pool_size=POOL_CONNECTIONS, max_overflow=0)
open_database = async_sessionmaker(engine, expire_on_commit=False)
INSERT_APPLICATION = insert(cast(Table, Application.__table__)).inline()
INSERT_AUDIT = insert(cast(Table, AuditEvent.__table__)).inline()
INSERT_MESSAGE = insert(cast(Table, OutboxMessage.__table__)).inline()
signed_in_sessions: dict[bytes, tuple[str, datetime]] = {}


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables when they are missing; close the pool at the end."""
    async with engine.begin() as connection:
        # Several workers start at once; one makes the tables, the others find them.
        await connection.execute(select(func.pg_advisory_xact_lock(TABLES_LOCK)))
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(title="Plain service", lifespan=lifespan)


async def signed_in(authorization: Annotated[str, Header()] = "") -> str:
    """The actor of the bearer token: from memory, else from the table."""
    digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).digest()
    known = signed_in_sessions.get(digest)
    if known is None:
        async with open_database() as db:
            found = await db.get(SignedInSession, digest)
        if found is None:
            raise HTTPException(401, "Sign in first.")
        known = signed_in_sessions[digest] = (found.actor, found.expires_at)
    actor, expires_at = known
    if datetime.now(UTC) >= expires_at:
        raise HTTPException(401, "The session has ended. Sign in again.")
    return actor


@app.post("/applications", status_code=201)
async def submit(
    form: ApplicationForm,
    actor: Annotated[str, Depends(signed_in)],
    idempotency_key: Annotated[str, Header(min_length=8, max_length=100)],
) -> ApplicationTaken:
    """Take one application: the application, its audit event and the message to the back office, or nothing."""
    application = uuid.uuid4()
    request_hash = hashlib.sha256(form.model_dump_json().encode()).digest()
    row = {
        "id": application,
        "actor": actor,
        "idempotency_key": idempotency_key,
        "request_hash": request_hash,
        "state": "received",
        **form.model_dump(),
    }
    submitted = {"application": str(application), "document": form.document, "region": form.region}
    audit = {"application_id": application, "kind": "submitted", "actor": actor, "body": submitted}
    message = {"topic": "application.submitted", "body": submitted}
    # The hot path uses Core's inserts: the ORM's unit of work costs as much again as the rest of the request.
    try:
        async with engine.begin() as connection:
            await connection.execute(INSERT_APPLICATION, row)
            await connection.execute(INSERT_AUDIT, audit)
            await connection.execute(INSERT_MESSAGE, message)
    except IntegrityError:
        return await taken_before(actor=actor, idempotency_key=idempotency_key, request_hash=request_hash)
    return ApplicationTaken(id=application, state="received")


async def taken_before(*, actor: str, idempotency_key: str, request_hash: bytes) -> ApplicationTaken:
    """The answer to a repeated request; a conflict when it is another request or another live application."""
    async with open_database() as db:
        earlier = await db.scalar(
            select(Application).where(
                Application.actor == actor, Application.idempotency_key == idempotency_key
            )
        )
    if earlier is None:
        raise HTTPException(409, "There is a live application for this document already.")
    if earlier.request_hash != request_hash:
        raise HTTPException(422, "This idempotency key was used for another request.")
    return ApplicationTaken(id=earlier.id, state=earlier.state, repeated=True)


@app.get("/health")
async def health() -> dict[str, str]:
    """Whether the service answers."""
    return {"health": "good"}


@app.post("/sessions")
async def open_sessions(wanted: SessionsWanted, service_secret: Annotated[str, Header()]) -> SessionsOpened:
    """Open sessions for applicants who have proven themselves to the sign-in service."""
    if not hmac.compare_digest(service_secret, os.environ["PLAIN_SECRET"]):
        raise HTTPException(403, "Only the sign-in service may open sessions.")
    expires_at = datetime.now(UTC) + LIFE
    tokens = [secrets.token_urlsafe(32) for _ in wanted.actors]
    rows = [
        {"digest": hashlib.sha256(token.encode()).digest(), "actor": actor, "expires_at": expires_at}
        for token, actor in zip(tokens, wanted.actors, strict=True)
    ]
    async with open_database.begin() as db:
        await db.execute(insert(SignedInSession), rows)
    signed_in_sessions.update({row["digest"]: (row["actor"], expires_at) for row in rows})
    return SessionsOpened(tokens=tokens)
