"""What the national register is told: the same however often, and never about the wrong document."""

from datetime import date
from typing import Any

import msgspec

from safehand.authority.application.persons import PersonRecord
from safehand.authority.register.actions import Due, RegisterEntries
from safehand.authority.register.facts import DocumentFact
from safehand.authority.returns.commands import DestroyDocument, InvalidateReturn
from safehand.authority.rulebook import HouseClocks, Rulebook
from safehand.authority.tracking.commands import ConfirmReceipt, DenyReceipt
from safehand.kernel.machine import StreamKey
from tests.authority.house import CASE, CITY, EVIDENCE, House, loaded, register_facts

NOBODY: Any = None
CONFIRM = ConfirmReceipt(evidence=EVIDENCE)
PERSON = PersonRecord(
    name="示例",
    id_number="99999919900101123X",
    phone="",
    email="",
    address="",
    language="zh",
    consents_to_face_comparison=False,
)


def entries() -> RegisterEntries:
    """Nothing of what is asked here needs a database or the register itself."""
    cities, documents = loaded()
    book = Rulebook(cities=cities, documents=documents, clocks=HouseClocks(), authority="NIA", post="post")
    return RegisterEntries(house=NOBODY, register=NOBODY, book=book)


def test_what_the_case_itself_has_made_is_never_the_old_document_not_even_when_it_exists_no_more():
    house = House().returned()
    [first] = house.case.papers.made
    cancel = next(entry for entry in house.case.papers.owed if entry.work == "cancel_old")
    made = DocumentFact(
        kind="passport",
        number=entries().number_of(kind="passport", blank=first.blank, city=CITY, day=date(2024, 5, 6)),
        issued_on=cancel.since.date(),
        expires_on=date(2034, 5, 5),
        status="valid",
        fingerprints_stored=True,
    )
    facts = register_facts()
    facts = msgspec.structs.replace(facts, documents=(*facts.documents, made))
    house.ok(InvalidateReturn(remake=True))
    house.ok(DestroyDocument(make=1, blank=first.blank, first_witness="st_a", second_witness="st_b"))
    assert house.case.papers.made == ()
    due = Due(StreamKey(CITY, CASE), house.case, cancel, PERSON, facts)
    asked = entries().cancellation(due)
    assert asked is not None
    assert asked.number == "E00000001", "the one that the applicant came with"


def test_what_is_frozen_is_told_each_time_under_a_name_of_its_own_and_by_the_number_on_its_paper():
    house = House().delivered()
    for command in (DenyReceipt(), CONFIRM, DenyReceipt()):
        house.ok(command, actor="ap_one")
    case = house.case
    told = [
        entries().suspension(Due(StreamKey(CITY, CASE), case, entry, PERSON, register_facts()))
        for entry in case.papers.owed
        if entry.work in ("suspend", "restore")
    ]
    assert [one.key for one in told] == ["ca_a/suspend/1/1", "ca_a/restore/1/1", "ca_a/suspend/1/2"]
    number = entries().number_of(
        kind="passport", blank=case.papers.made[0].blank, city=CITY, day=date(2024, 5, 6)
    )
    assert {(one.id_number, one.number) for one in told} == {(PERSON.id_number, number)}
