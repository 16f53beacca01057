"""The plain service's tables: applications, what was done to them, messages to be sent, sessions."""

import uuid
from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of the service."""

    type_annotation_map: ClassVar = {datetime: TIMESTAMP(timezone=True), dict[str, Any]: JSONB, bytes: BYTEA}


class Application(Base):
    """One application as it was sent."""

    __tablename__ = "application"
    __table_args__ = (
        UniqueConstraint("actor", "idempotency_key"),
        # One live application per person and document.
        Index(
            "application_live",
            "resident_id",
            "document",
            unique=True,
            postgresql_where=text("state not in ('completed', 'withdrawn', 'refused')"),
        ),
        Index("application_waiting", "region", "state", "created_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(String(80))
    idempotency_key: Mapped[str] = mapped_column(String(100))
    request_hash: Mapped[bytes]
    state: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100))
    resident_id: Mapped[str] = mapped_column(String(18))
    phone: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = mapped_column(String(254))
    region: Mapped[str] = mapped_column(String(6))
    address: Mapped[str] = mapped_column(String(300))
    document: Mapped[str] = mapped_column(String(40))
    ground: Mapped[str] = mapped_column(String(20))
    delivery: Mapped[str] = mapped_column(String(10))
    travel_on: Mapped[date | None]
    photo: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(64))
    id_card_front: Mapped[str] = mapped_column(String(64))
    id_card_back: Mapped[str] = mapped_column(String(64))
    consent: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditEvent(Base):
    """Who did what, when."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(80))
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=func.now())


class OutboxMessage(Base):
    """What has to be sent, written with the fact."""

    __tablename__ = "outbox_message"
    __table_args__ = (Index("outbox_unsent", "id", postgresql_where=text("sent_at is null")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    topic: Mapped[str] = mapped_column(String(40))
    body: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]


class SignedInSession(Base):
    """A signed-in applicant, by the digest of the token."""

    __tablename__ = "session"

    digest: Mapped[bytes] = mapped_column(primary_key=True)
    actor: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime]
