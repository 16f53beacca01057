"""The facts that the population and document register answers with; the only ground of eligibility."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

DOCUMENTS_MAX = 50
DocumentStatus = Literal["valid", "suspended", "reported_lost", "cancelled"]


class DocumentFact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document that the person holds or held. `kind` is a document code, like `passport`."""

    kind: Annotated[str, Meta(max_length=40)]
    number: Annotated[str, Meta(max_length=20)]
    issued_on: date
    expires_on: date
    """The last day on which it is valid."""
    status: DocumentStatus
    fingerprints_stored: bool

    def is_valid_on(self, day: date) -> bool:
        """Whether one may still travel on it on a day."""
        return self.status == "valid" and self.issued_on <= day <= self.expires_on


class RegisterFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person as the register knows them at one moment.

    `household_city` is the GB/T 2260 code of the city of *present* household registration; the first six digits of
    an ID number name the place of the first one and decide nothing.
    """

    household_city: Annotated[str, Meta(pattern=r"^[1-9][0-9]{5}$")]
    birth_date: date
    state_staff: bool
    active_service: bool
    exit_restricted: bool
    deceased: bool
    in_mainland: bool
    documents: Annotated[tuple[DocumentFact, ...], Meta(max_length=DOCUMENTS_MAX)]

    def held_document(self, *, kind: str, day: date) -> DocumentFact | None:
        """The document of a kind that counts: one valid on the day before any other, then the one issued last."""
        of_kind = [document for document in self.documents if document.kind == kind]
        return max(
            of_kind, key=lambda document: (document.is_valid_on(day), document.issued_on), default=None
        )
