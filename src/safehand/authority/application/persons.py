"""What the vault keeps of an applicant, sealed under the key of the case."""

import msgspec

from safehand.house.sessions import Identity
from safehand.link.log import DELIVERY_RECORD
from safehand.link.messages import DeliveryPart

PERSON_RECORD = "person"


class PersonRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the vault keeps of an applicant, sealed under the case's key."""

    name: str
    id_number: str
    phone: str
    email: str
    address: str
    language: str
    consents_to_face_comparison: bool


def person_records(
    *,
    person: Identity,
    phone: str,
    email: str,
    address: str,
    destination: int,
    language: str,
    consents_to_face_comparison: bool,
) -> dict[str, bytes]:
    """The person's record, and the part of it that goes to the post: no number, no photo, no document."""
    record = PersonRecord(
        name=person.name,
        id_number=person.id_number,
        phone=phone,
        email=email,
        address=address,
        language=language,
        consents_to_face_comparison=consents_to_face_comparison,
    )
    part = DeliveryPart(name=person.name, phone=phone, region=destination, address=address)
    return {PERSON_RECORD: msgspec.json.encode(record), DELIVERY_RECORD: msgspec.json.encode(part)}
