"""The vault's part of another telephone number: kept apart while it is proven, then in the place of the old one.

The person's record and the part that goes to the post are sealed anew in the transaction that makes it hold, so no message goes
out between them.
"""

from typing import Final

import msgspec

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.border.door_code import proves_phone
from safehand.authority.case import Case
from safehand.authority.telephone.commands import CHANGES_MAX, AskPhoneChange, ProvePhone
from safehand.authority.telephone.refusals import ALREADY_ASKED, NOTHING_ASKED
from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons, sealed_for
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, of_old_form
from safehand.kernel.store import VaultRow
from safehand.link.log import DELIVERY_RECORD
from safehand.link.messages import DeliveryPart

NEW_PHONE_RECORD: Final = "new_phone"
OLD_PHONE_RECORD: Final = "old_phone"
RECORD_OF: Final = {"new": NEW_PHONE_RECORD, "old": OLD_PHONE_RECORD}
"""Of which number a notice is meant for."""


async def to_be_proven(*, house: House, key: StreamKey, old: str, new: str) -> tuple[VaultRow, ...] | None:
    """What is written with the asking: both numbers, each for those who tell it; none: the person was erased."""
    records = {NEW_PHONE_RECORD: new.encode(), OLD_PHONE_RECORD: old.encode()}
    return (await sealed_for(house=house, records={key: records})).get(key)


async def proven(*, house: House, key: StreamKey) -> tuple[VaultRow, ...] | None:
    """What is written when it holds; none: there is no number to prove, or nobody any more whose it is."""
    found = {
        name: (await read_persons(house=house, keys=[key], name=name)).get(key)
        for name in (PERSON_RECORD, DELIVERY_RECORD, NEW_PHONE_RECORD)
    }
    record, part, phone = (found[name] for name in (PERSON_RECORD, DELIVERY_RECORD, NEW_PHONE_RECORD))
    if not record or not part or not phone:
        return None
    person = msgspec.json.decode(record, type=PersonRecord)
    brought = msgspec.json.decode(part, type=DeliveryPart)
    records = {
        PERSON_RECORD: msgspec.json.encode(msgspec.structs.replace(person, phone=phone.decode())),
        DELIVERY_RECORD: msgspec.json.encode(msgspec.structs.replace(brought, phone=phone.decode())),
        NEW_PHONE_RECORD: b"",
    }
    return (await sealed_for(house=house, records={key: records})).get(key)


async def ask_phone(
    *, house: House, key: StreamKey, actor: str, old: str, new: str, change: int
) -> Done | Refusal:
    """Another number asked for, after a fresh sign-in: the command with both numbers sealed, in one transaction; or why not."""
    sealed = await to_be_proven(house=house, key=key, old=old, new=new)
    if sealed is None:
        return ERASED()
    call = Call(
        stream=key,
        kind="case",
        command=AskPhoneChange(change=min(max(change, 1), CHANGES_MAX + 1)),
        actor=actor,
        key=f"{key.stream}-phone-{change}",
        # Keyed: of what was typed nothing can be guessed from it.
        request_hash=house.vault.digest(purpose="phone form", value=new),
        vault=sealed,
    )
    [outcome] = await house.shell.run([call])
    return of_old_form(outcome, changed=ALREADY_ASKED())


async def prove_phone(
    *, house: House, secret: bytes, key: StreamKey, case: Case, actor: str, code: str, change: int
) -> Done | Refusal:
    """The code's verdict, and with a right one the vault sealed anew, in one transaction; `secret`: of the house's codes."""
    step = case.telephone
    fits = change == step.changes and proves_phone(secret=secret, case=key.stream, change=change, given=code)
    sealed = await proven(house=house, key=key) if fits else ()
    if sealed is None:
        return NOTHING_ASKED()
    call = Call(
        stream=key,
        kind="case",
        command=ProvePhone(change=min(max(change, 1), CHANGES_MAX + 1), code_matches=fits),
        actor=actor,
        # A wrong code counts each time that it is said; a right one holds once.
        key=f"{key.stream}-phone-{change}-proven-{step.wrong_codes}",
        request_hash=house.vault.digest(purpose="phone code", value=code),
        vault=sealed,
    )
    [outcome] = await house.shell.run([call])
    return outcome
