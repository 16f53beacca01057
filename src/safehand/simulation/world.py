"""The physical world: where every document really is, whatever the books say. Nothing in here reads a house's records.

A document lies somewhere by itself, or in an envelope, and the envelope lies somewhere. Honest staff move a thing when
the system has said yes to their act; thieves, mistakes and accidents move it as they like, and the world remembers since
when a thing is not where honest people believe it to be.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

Kind = Literal[
    "production",
    "shelf",
    "counter",
    "bag",
    "office",
    "vehicle",
    "courier",
    "neighbour",
    "recipient",
    "stranger",
    "return_shelf",
    "thief",
    "lost",
    "destroyed",
    "envelope",
]
GONE: Final = frozenset({"thief", "lost", "stranger"})
"""Where no honest person would look for it."""


AT_THE_POST: Final = frozenset({"bag", "office", "vehicle", "courier", "neighbour", "recipient"})
"""Where the post's people find an envelope, or its recipient does."""


class Place(NamedTuple):
    """Where something is: what kind of place, and which."""

    kind: Kind
    which: str = ""


class Make(NamedTuple):
    """Which document: the n-th that was made for a case."""

    city: int
    case: str
    make: int


@dataclass(slots=True)
class Followed:
    """How far the checker has read a stream's journal, and what it comes to by its own fold."""

    version: int
    head: bytes
    state: Any


class Agreed(NamedTuple):
    """Something lay there when the book, at this version, allowed it."""

    place: Place
    book: Followed
    version: int

    def still(self, place: Place) -> bool:
        """Neither has moved since, so nobody need look again."""
        return self.place is place and self.book.version == self.version


@dataclass
class Document:
    """A physical document."""

    place: Place
    blank: int
    gone_since: datetime | None = None
    why: str = ""
    """Who or what took it out of honest hands."""
    agreed: Agreed | None = None
    """With the authority's book."""


@dataclass
class Envelope:
    """A sealed envelope with what is really in it."""

    order: str
    place: Place
    content: Make | None
    """None: it is empty, or holds a fake."""
    label_of: Make
    """Whose document should be in it."""
    agreed: Agreed | None = None
    """With the post's book."""


@dataclass
class World:
    """All documents and envelopes of a simulated run."""

    documents: dict[Make, Document] = field(default_factory=dict)
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    handed_over: dict[str, datetime] = field(default_factory=dict)
    """Order -> when its envelope came into its recipient's hands."""

    def made(self, make: Make, blank: int) -> None:
        """A blank became a document on the machine."""
        self.documents.setdefault(make, Document(Place("production"), blank))

    def put(self, make: Make, place: Place) -> None:
        """A document is laid somewhere, out of any envelope; what is gone stays gone."""
        document = self.documents.get(make)
        if document is not None and document.place.kind not in GONE:
            document.place = place

    def seal(self, order: str, make: Make) -> None:
        """A document goes into the envelope of an order."""
        if order not in self.envelopes and make in self.documents:
            self.envelopes[order] = Envelope(order, Place("shelf"), make, make)
            self.documents[make].place = Place("envelope", order)

    def open(self, order: str, place: Place) -> None:
        """An envelope is opened, and what is in it lies there."""
        envelope = self.envelopes.get(order)
        if envelope is not None and envelope.content is not None:
            self.put(envelope.content, place)
            envelope.content = None
        if envelope is not None:
            envelope.place = place

    def move(self, order: str, place: Place) -> None:
        """An envelope is carried somewhere; what is gone stays gone."""
        envelope = self.envelopes.get(order)
        if envelope is not None and envelope.place.kind not in GONE:
            envelope.place = place

    def take_away(self, order: str, place: Place, now: datetime, why: str) -> None:
        """An envelope leaves honest hands."""
        envelope = self.envelopes.get(order)
        if envelope is None:
            return
        envelope.place = place
        if envelope.content is not None:
            document = self.documents[envelope.content]
            document.gone_since, document.why = now, why

    def take_out(self, order: str, place: Place, now: datetime, why: str) -> None:
        """A document leaves its envelope, and the envelope goes on without it."""
        envelope = self.envelopes.get(order)
        if envelope is not None and envelope.content is not None:
            document = self.documents[envelope.content]
            document.place, document.gone_since, document.why = place, now, why
            envelope.content = None

    def swap(self, one: str, other: str, now: datetime, why: str) -> None:
        """Two envelopes change places: each goes where the other should."""
        first, second = self.envelopes[one], self.envelopes[other]
        first.place, second.place = Place("stranger", other), Place("stranger", one)
        for envelope in (first, second):
            if envelope.content is not None:
                document = self.documents[envelope.content]
                document.gone_since, document.why = now, why

    def where(self, make: Make) -> Place:
        """Where a document is, envelope or not; one that nobody saw being made is nowhere anybody would look."""
        document = self.documents.get(make)
        if document is None:
            return Place("lost")
        place = document.place
        return self.envelopes[place.which].place if place.kind == "envelope" else place

    def is_there(self, order: str) -> bool:
        """Whether honest people find the envelope where it should be."""
        envelope = self.envelopes.get(order)
        return envelope is not None and envelope.place.kind in AT_THE_POST

    def hand_over(self, order: str, now: datetime) -> None:
        """The envelope is in its recipient's hands."""
        self.move(order, Place("recipient"))
        self.handed_over.setdefault(order, now)

    def as_dict(self) -> dict[str, Any]:
        """For the run's fingerprint: where everything is."""
        return {f"{make.city}/{make.case}/{make.make}": "/".join(self.where(make)) for make in self.documents}
