"""A hundred thousand cases in the states in which an authority has them, made by its own machines in batches, for the figure of pages.

Every case is decided, folded, chained and sealed as in the running authority; only the front door and the post are left out.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from bench.people import residents
from safehand.authority.app import OWN_SQL, machines_of
from safehand.authority.application.actions import OWNER
from safehand.authority.application.commands import SubmitApplication, WithdrawApplication
from safehand.authority.application.persons import person_records
from safehand.authority.cities import load_cities
from safehand.authority.documents import load_documents
from safehand.authority.examination.commands import Approve, AskCorrection, RefuseApplication
from safehand.authority.examination.reasons import REASONS
from safehand.authority.handover.commands import (
    MakeReadyForPickup,
    PickUp,
    PrintLabel,
    RecordWaybill,
    SealEnvelope,
)
from safehand.authority.payment.commands import SettlePayment
from safehand.authority.production.commands import PassCheck, RecordPrinted
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.house.runtime import House, data_folder, open_house
from safehand.house.sessions import Identity
from safehand.house.settings import key_ring, read_settings
from safehand.kernel.ids import Ids
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.shell import Call, Done
from safehand.kernel.vault import seal_all
from safehand.sandbox.cast import Person

REASON: Final = next(iter(REASONS))
BATCH: Final = 1_000
FEES_FEN: Final = {"passport": 12_000, "hong-kong-macao-permit": 6_000, "taiwan-permit": 6_000}
DOCUMENTS: Final = tuple(FEES_FEN)
EXPIRES_IN: Final = timedelta(days=90)
PARTS: Final[Any] = dict.fromkeys(("photo", "signature", "id_card_front", "id_card_back"), "0" * 64)


@dataclass(kw_only=True)
class Made:
    """One case on its way. `ends`: the stage at which it stays."""

    number: int
    key: StreamKey
    person: Person
    document: str
    ends: str
    state: Any = None


class Stage(NamedTuple):
    """What happens to a case, with whose hand; `None` where it depends on more than the case."""

    name: str
    actor: str
    command: Callable[[Made, House], Command]


def _settled(one: Made, house: House) -> Command:
    fee = FEES_FEN[one.document]
    return SettlePayment(reference=f"pay-{one.number}", amount_fen=fee, paid_at=house.clock.now())


def _waybill(one: Made, house: House) -> Command:
    del house
    order = one.state.handover.order
    return RecordWaybill(order=order, waybill=_number_of(one), routing="SH-01-07", token=bytes(32))


def _number_of(one: Made) -> str:
    return f"ZA{one.number:09d}CN"


MAKING: Final = (
    Stage("approved", "st_examiner", lambda one, house: Approve()),
    Stage("paid", "payment", _settled),
    Stage("drawn", "st_clerk", lambda one, house: DrawBlank(case=one.key.stream)),
    Stage("printed", "st_printer", lambda one, house: RecordPrinted(blank=one.state.production.blank)),
    Stage("issued", "st_checker", lambda one, house: PassCheck(blank=one.state.production.blank)),
)
WAYS: Final[dict[str, tuple[Stage, ...]]] = {
    "correcting": (
        Stage(
            "asked",
            "st_examiner",
            lambda one, house: AskCorrection(defects=("photo.blurred", "signature.faint")),
        ),
    ),
    "refused": (Stage("refused", "st_examiner", lambda one, house: RefuseApplication(reason=REASON)),),
    "withdrawn": (Stage("withdrawn", "applicant", lambda one, house: WithdrawApplication()),),
    "reviewing": (),
    "awaiting_payment": MAKING[:1],
    "waiting_blank": MAKING[:2],
    "started": MAKING[:3],
    "sealed": (
        *MAKING,
        Stage("waybill", "post", _waybill),
        Stage("labelled", "st_clerk", lambda one, house: PrintLabel()),
        Stage(
            "sealed",
            "st_clerk",
            lambda one, house: SealEnvelope(
                waybill=_number_of(one), blank=one.state.production.blank, second_person="st_second"
            ),
        ),
    ),
    "ready_at_counter": (
        *MAKING,
        Stage("ready", "st_clerk", lambda one, house: MakeReadyForPickup(blank=one.state.production.blank)),
    ),
    "in_hand": (
        *MAKING,
        Stage("ready", "st_clerk", lambda one, house: MakeReadyForPickup(blank=one.state.production.blank)),
        Stage(
            "picked up",
            "st_clerk",
            lambda one, house: PickUp(
                blank=one.state.production.blank, is_applicant=True, face_matches=True, id_card_valid=True
            ),
        ),
    ),
}
SHARES: Final = {
    "reviewing": 14,
    "correcting": 4,
    "refused": 3,
    "withdrawn": 2,
    "awaiting_payment": 8,
    "waiting_blank": 9,
    "started": 6,
    "sealed": 12,
    "ready_at_counter": 6,
    "in_hand": 36,
}
"""In each hundred: most have ended, the rest is spread over the process."""
COUNTER: Final = frozenset({"ready_at_counter", "in_hand"})


def actor_of(person: Person) -> str:
    """Who a resident is for the authority."""
    return f"ap_{person.key}"


@asynccontextmanager
async def beside_the_authority(*, settings_file: Path, now: datetime) -> AsyncIterator[House]:
    """The authority's machines, keys and store in this process, on the database of the one that runs; the clock stands at `now`."""
    settings = read_settings(settings_file)
    folder = data_folder(settings)
    cities = {int(code): city for code, city in load_cities(folder / "cities").items()}
    documents = load_documents(folder / "documents")
    machines = machines_of(cities, documents, settings.peers[0].name, key_ring(settings))
    house = await open_house(settings=settings, machines=machines, sql=OWN_SQL)
    assert house.set_clock is not None, "a rehearsal"
    house.set_clock.move_to(now)
    try:
        yield house
    finally:
        await house.wire.close()
        await house.store.close()


def plan(*, ids: Ids, count: int) -> list[Made]:
    """So many cases to be made, up to three of each resident: one for each kind of document."""
    ends = [stage for stage, share in SHARES.items() for _ in range(share)]
    people = residents(first=0, count=-(-count // len(DOCUMENTS)))
    planned: list[Made] = []
    for number in range(count):
        person = people[number // len(DOCUMENTS)]
        planned.append(
            Made(
                number=number,
                key=StreamKey(int(person.household_city), ids.new(prefix="ca", basis=f"made {number}")),
                person=person,
                document=DOCUMENTS[number % len(DOCUMENTS)],
                # 37 and 100 have no common divisor: neighbours differ, and each hundred has its shares.
                ends=ends[number * 37 % 100],
            )
        )
    return planned


def make_cases(*, settings_file: Path, now: datetime, count: int) -> None:
    """All of the plan, by as many processes as there are cores: each has cities of its own, so none waits for another's blanks."""
    shares = os.cpu_count() or 1
    with ProcessPoolExecutor(max_workers=shares, mp_context=get_context("spawn")) as pool:
        asked = [
            pool.submit(_make_share, str(settings_file), now, count, one, shares) for one in range(shares)
        ]
        for one in asked:
            one.result()


def _make_share(settings_file: str, now: datetime, count: int, share: int, shares: int) -> None:
    # The rows live until the end: looking through them for garbage again and again would take a third of the time.
    gc.disable()

    async def make() -> None:
        async with beside_the_authority(settings_file=Path(settings_file), now=now) as house:
            planned = plan(ids=house.ids, count=count)
            cities = sorted({one.key.city for one in planned})
            own = [one for one in planned if cities.index(one.key.city) % shares == share]
            await make_all(house=house, planned=own)

    asyncio.run(make())


async def make_all(*, house: House, planned: Sequence[Made]) -> None:
    """From submission to where each stays. Raises `RuntimeError` when a call is refused."""
    for first in range(0, len(planned), BATCH):
        await _lives(house, planned[first : first + BATCH])


async def _lives(house: House, batch: Sequence[Made]) -> None:
    """One batch from submission to where each of it stays, a stage at a time."""
    await _run(house, batch, [_submission(house, one) for one in batch])
    await _deliver_blanks(house, batch)
    for place in range(max(len(way) for way in WAYS.values())):
        going = [one for one in batch if place < len(WAYS[one.ends])]
        stages = [WAYS[one.ends][place] for one in going]
        await _run(
            house,
            going,
            [_call(house, one, stage) for one, stage in zip(going, stages, strict=True)],
        )


async def _run(house: House, batch: Sequence[Made], calls: Sequence[Call]) -> None:
    if not calls:
        return
    outcomes = await house.shell.run(calls)
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Done)]
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(calls)} calls were refused, for instance: {refused[0]}")
    if any(call.kind == "stock" for call in calls):
        # A blank drawn is told to its case: read what the cases have become.
        rows = await house.store.streams(keys=[one.key for one in batch])
        decoder = msgspec.json.Decoder(type(batch[0].state))
        for one in batch:
            one.state = decoder.decode(rows[one.key].state)
        return
    for one, outcome in zip(batch, outcomes, strict=True):
        assert isinstance(outcome, Done)
        one.state = outcome.state


def _call(house: House, one: Made, stage: Stage) -> Call:
    command = stage.command(one, house)
    draws = isinstance(command, DrawBlank)
    stream = StreamKey(one.key.city, _stock_of(one)) if draws else one.key
    actor = actor_of(one.person) if stage.actor == "applicant" else stage.actor
    token = house.ids.token(basis=f"{one.number} {stage.name}")
    return Call(stream=stream, kind="stock" if draws else "case", command=command, actor=actor, token=token)


def _stock_of(one: Made) -> str:
    return f"st_{one.key.city}_{one.document}"


async def _deliver_blanks(house: House, batch: Sequence[Made]) -> None:
    """As many blanks as this batch will draw, city by city and kind by kind."""
    wanted: dict[StreamKey, int] = {}
    for one in batch:
        if len(WAYS[one.ends]) >= 3:
            key = StreamKey(one.key.city, _stock_of(one))
            wanted[key] = wanted.get(key, 0) + 1
    rows = await house.store.streams(keys=list(wanted))
    calls: list[Call] = []
    for key, count in wanted.items():
        last = msgspec.json.decode(rows[key].state).get("end", 0) if key in rows else 0
        command = ReceiveBlanks(first=last + 1, last=last + count)
        calls.append(Call(stream=key, kind="stock", command=command, actor="st_clerk"))
    outcomes = await house.shell.run(calls)
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes


def _submission(house: House, one: Made) -> Call:
    """The application as the front door makes it of a request: person and address sealed, owner and claims blinded."""
    person, city, vault = one.person, one.key.city, house.vault
    records = person_records(
        person=Identity(name=person.name_zh, id_number=person.id_number),
        phone=person.phone,
        email=person.email,
        address=person.address.line_zh,
        destination=city,
        language="zh",
        consents_to_face_comparison=True,
    )
    wrapped, sealed = seal_all(keys=vault, city=city, subject=one.key.stream, records=records)
    live = vault.digest(purpose="live", value=person.id_number).hex()
    receipt = vault.digest(purpose="receipt", value=str(one.number)).hex()
    command = SubmitApplication(
        document=one.document,
        ground="expiring",
        mode="counter" if one.ends in COUNTER else "post",
        destination=city,
        office=f"{city}-1",
        travels=False,
        claim=f"live:{live}:{one.document}",
        receipt=f"receipt:{receipt}",
        facts=_facts(one, house.clock.now().date()),
        parts=PARTS,
    )
    actor = actor_of(person)
    return Call(
        stream=one.key,
        kind="case",
        command=command,
        actor=actor,
        key=f"submit-{one.number:06d}",
        request_hash=bytes(32),
        token=house.ids.token(basis=f"submit {one.number}"),
        vault=sealed,
        vault_keys=(wrapped,),
        blind=(vault.blind(purpose=OWNER, value=actor, city=city, subject=one.key.stream),),
    )


def _facts(one: Made, today: date) -> RegisterFacts:
    held = DocumentFact(
        kind=one.document,
        number=f"E{one.number:08d}",
        issued_on=today - timedelta(days=3_500),
        expires_on=today + EXPIRES_IN,
        status="valid",
        fingerprints_stored=True,
    )
    return RegisterFacts(
        household_city=str(one.key.city),
        birth_date=one.person.birth_date,
        state_staff=False,
        active_service=False,
        exit_restricted=False,
        deceased=False,
        in_mainland=True,
        documents=(held,),
    )
