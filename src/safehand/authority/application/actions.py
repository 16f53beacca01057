"""Applying: ask the register, seal the person away, submit. A crowd's applications share one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

from safehand.authority.agent.person import AgentRecord, agent_of, agent_records
from safehand.authority.agent.refusals import UNFIT
from safehand.authority.application.commands import Digest, Mode, SubmitApplication
from safehand.authority.application.persons import person_records
from safehand.authority.application.refusals import RECEIPT_TAKEN
from safehand.authority.application.uploads import Uploads
from safehand.authority.cities.city import PostageChoice
from safehand.authority.documents.document import Ground
from safehand.authority.documents.numbers import make_receipt_number
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.register import Register
from safehand.authority.register.facts import RegisterFacts
from safehand.authority.register.refusals import REGISTER_SILENT
from safehand.house.commanded import City
from safehand.house.front import Action, Asked
from safehand.house.problems import SIGN_IN
from safehand.house.runtime import House
from safehand.house.sessions import Identity, Session
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done
from safehand.kernel.vault import seal_all

OWNER = "owner"
RECEIPT = "receipt"
DRAWS_MAX = 8
"""In a city with a hundred million receipts one drawing in a hundred clashes, and eight in a row never do."""


class Reach(Protocol):
    """Knows where documents are brought."""

    def __call__(self, *, city: int, destination: int) -> Refusal | None:
        """Why nothing of a city is brought to a destination today; none when it is."""
        ...


class ReceiptOf(Protocol):
    """Draws a case's receipt number."""

    def __call__(self, *, city: int, case: str, draw: int) -> str:
        """The 15 digits of a drawing; the same for the same case and drawing."""
        ...


def receipts(*, key: bytes) -> ReceiptOf:
    """The house's drawing: derived from the case's chance, so that nobody can tell the next one."""

    @lru_cache(maxsize=4_096)  # asked when it is claimed and again when it is shown
    def receipt_of(*, city: int, case: str, draw: int) -> str:
        basis = f"{case}\x1f{draw}" if draw else case
        number = int.from_bytes(hashlib.sha256(basis.encode()).digest()[:8], "big")
        return make_receipt_number(city=str(city), number=number, key=key)

    return receipt_of


class SubmitRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application. Name and ID number are not in it: they come from the sign-in that proved them."""

    city: City
    document: Annotated[str, Meta(min_length=1, max_length=40)]
    ground: Ground
    mode: Mode
    office: Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Z0-9-]+$")]
    phone: Annotated[str, Meta(pattern=r"^1[3-9][0-9]{9}$")]
    email: Annotated[str, Meta(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
    destination: City
    """The city to deliver to (GB/T 2260)."""
    address: Annotated[str, Meta(min_length=5, max_length=200)]
    postage: PostageChoice | Literal[""] = ""
    """How the postage is paid, of what the city offers; empty: as the city has it for whoever chooses nothing."""
    agent: AgentRecord | None = None
    """Who else may receive it; none: the applicant alone."""
    travels: bool
    """Warned about the old document: travels before the new one will come."""
    consents_to_face_comparison: bool
    language: Literal["zh", "en"] = "zh"
    photo: Digest
    signature: Digest
    id_card_front: Digest
    id_card_back: Digest


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt: the case, its 15-digit number, what comes next and until when."""

    case: str
    city: int
    receipt: str
    state: str
    next: str
    due_at: str | None
    repeated: bool


async def facts_of(
    *, register: Register, sessions: Sequence[Session]
) -> list[tuple[Identity, RegisterFacts] | Refusal]:
    """Who is signed in, with the register's facts of this moment; or why that can't be had."""
    numbers = sorted({one.identity.id_number for one in sessions if one.identity is not None})
    try:
        facts = dict(zip(numbers, await register.lookup(id_numbers=numbers), strict=True)) if numbers else {}
    except (ServiceUnavailable, ServiceFault):
        return [REGISTER_SILENT() for _ in sessions]
    found: list[tuple[Identity, RegisterFacts] | Refusal] = []
    for session in sessions:
        person = session.identity
        if person is None:
            found.append(SIGN_IN())
            continue
        known = facts[person.id_number]
        found.append(known if isinstance(known, Refusal) else (person, known))
    return found


def submit_action(
    *,
    house: House,
    register: Register,
    receipt_of: ReceiptOf,
    uploads: Uploads | None = None,
    reach: Reach | None = None,
) -> Action:
    """`application.submit`, for applicants whose sign-in has proven who they are.

    Without `uploads` no picture is kept; without `reach` the post alone says whether it goes there.
    """

    async def run(asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
        found = await facts_of(register=register, sessions=[one.session for one in asked])
        pictures: Sequence[dict[str, bytes] | Refusal] = [{} for _ in asked]
        if uploads is not None:
            pictures = await uploads.of_applications(asked)
        outcomes: list[Done | Refusal | None] = []
        calls: list[Call] = []
        for one, known, taken in zip(asked, found, pictures, strict=True):
            refusals = (known, taken, _away(one.item, reach), _unfit(one))
            if isinstance(known, Refusal) or isinstance(taken, Refusal) or any(refusals[2:]):
                outcomes.append(next(no for no in refusals if isinstance(no, Refusal)))
                continue
            outcomes.append(None)
            person, facts = known
            calls.append(_call(house, one, person, facts, receipt_of, taken))
        answered = iter(await _submitted(house, calls, receipt_of) if calls else ())
        ended = [next(answered) if outcome is None else outcome for outcome in outcomes]
        if uploads is not None:
            went = zip(asked, pictures, ended, strict=True)
            await uploads.sent([a.session.actor for a, taken, end in went if taken and isinstance(end, Done)])
        return ended

    def shows(done: Done) -> Submitted:
        waits = house.shell.machines["case"].waits(done.state, StreamKey(done.city, done.stream))
        first = waits[0] if waits else None
        return Submitted(
            case=done.stream,
            city=done.city,
            receipt=receipt_of(city=done.city, case=done.stream, draw=done.state.application.draw),
            state=str(done.state.application.state),
            next=first.queue if first is not None else "",
            due_at=first.due_at.isoformat() if first is not None and first.due_at is not None else None,
            repeated=done.repeated,
        )

    return Action(
        name="application.submit",
        summary="Apply for a new document in place of the present one",
        roles=frozenset({"applicant"}),
        asks=SubmitRequest,
        run=run,
        shows=shows,
    )


def _away(item: SubmitRequest, reach: Reach | None) -> Refusal | None:
    """Why it can't be brought there, where it is to be brought."""
    if reach is None or item.mode != "post":
        return None
    return reach(city=item.city, destination=item.destination)


def _unfit(one: Asked) -> Refusal | None:
    """What is wrong with who is named to receive it; none where nobody is."""
    agent, person = one.item.agent, one.session.identity
    if agent is None or person is None:
        return None
    found = agent_of(
        name=agent.name,
        relation=agent.relation,
        phone=agent.phone,
        own_name=person.name,
        own_phone=one.item.phone,
    )
    return UNFIT(fields=",".join(sorted(found))) if isinstance(found, dict) else None


async def _submitted(house: House, calls: Sequence[Call], receipt_of: ReceiptOf) -> list[Done | Refusal]:
    """One transaction; whoever drew a number that another case has draws again, in the next one."""
    outcomes = await house.shell.run(calls)
    for draw in range(1, DRAWS_MAX):
        again = [
            place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, Refusal) and outcome.code == RECEIPT_TAKEN.code
        ]
        if not again:
            break
        drawn = await house.shell.run([_redrawn(house, calls[place], receipt_of, draw) for place in again])
        for place, outcome in zip(again, drawn, strict=True):
            outcomes[place] = outcome
    return outcomes


def _redrawn(house: House, call: Call, receipt_of: ReceiptOf, draw: int) -> Call:
    receipt = receipt_of(city=call.stream.city, case=call.stream.stream, draw=draw)
    command = msgspec.structs.replace(call.command, receipt=_claim_upon(house, receipt), draw=draw)
    return msgspec.structs.replace(call, command=command)


def _claim_upon(house: House, receipt: str) -> str:
    """The claim's name says nothing of the number; whoever has the number finds the case by it."""
    return f"{RECEIPT}:{house.vault.digest(purpose=RECEIPT, value=receipt).hex()}"


def _call(
    house: House,
    one: Asked,
    person: Identity,
    known: RegisterFacts,
    receipt_of: ReceiptOf,
    pictures: Mapping[str, bytes],
) -> Call:
    item: SubmitRequest = one.item
    case = house.ids.new(prefix="ca", basis=one.key)
    vault = house.vault
    wrapped, records = seal_all(
        keys=vault, city=item.city, subject=case, records={**_records(item, person), **pictures}
    )
    live = vault.digest(purpose="live", value=person.id_number).hex()
    receipt = receipt_of(city=item.city, case=case, draw=0)
    return Call(
        stream=StreamKey(item.city, case),
        kind="case",
        command=SubmitApplication(
            document=item.document,
            ground=item.ground,
            mode=item.mode,
            destination=item.destination,
            office=item.office,
            travels=item.travels,
            agent=item.agent is not None,
            postage=item.postage,
            claim=f"live:{live}:{item.document}",
            receipt=_claim_upon(house, receipt),
            facts=known,
            parts={
                "photo": item.photo,
                "signature": item.signature,
                "id_card_front": item.id_card_front,
                "id_card_back": item.id_card_back,
            },
        ),
        actor=one.session.actor,
        key=one.key,
        request_hash=one.request_hash,
        token=house.ids.token(basis=one.key),
        vault=records,
        vault_keys=(wrapped,),
        blind=(vault.blind(purpose=OWNER, value=one.session.actor, city=item.city, subject=case),),
    )


def _records(item: SubmitRequest, person: Identity) -> dict[str, bytes]:
    records = person_records(
        person=person,
        phone=item.phone,
        email=item.email,
        address=item.address,
        destination=item.destination,
        language=item.language,
        consents_to_face_comparison=item.consents_to_face_comparison,
    )
    return records if item.agent is None else {**records, **agent_records(item.agent)}
