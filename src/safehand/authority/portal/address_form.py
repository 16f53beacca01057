"""What pages share that take an address in: the mark of what was shown, and a refusal at its list."""

import hashlib

from msgspec.structs import replace

from safehand.authority.addresses.address import Address
from safehand.authority.addresses.picking import Picked
from safehand.kernel.outcome import Language, Refusal, sentence, way_out


def mark_of(address: Address) -> str:
    """By what a form says that it has shown the hints for an address: nothing can be read from it."""
    return hashlib.sha256(f"{address.region}\x1f{address.text}".encode()).hexdigest()[:32]


def refused_at_place(picked: Picked, refusal: Refusal) -> Picked:
    """The form again, with the refusal at the list that was chosen from last."""
    chosen = [one.field for one in picked.selects if one.chosen]
    field = chosen[-1] if chosen else picked.selects[0].field
    return replace(picked, address=None, errors={**picked.errors, field: (refusal,)})


def without_phone(picked: Picked) -> Picked:
    """Where the telephone is asked for elsewhere, this form has no field to mend it in."""
    return replace(picked, errors={field: why for field, why in picked.errors.items() if field != "phone"})


def faults_of(picked: Picked, language: Language) -> dict[str, str]:
    """Every error of the form by field, in words."""
    return {
        field: " ".join(f"{sentence(one, language)} {way_out(one, language)}" for one in errors)
        for field, errors in picked.errors.items()
    }
