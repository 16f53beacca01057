"""The three document types as data, and the numbers of persons, documents and applications."""

import itertools
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric
from stdnum.iso7064 import mod_11_10

from safehand.authority.documents import Document, load_documents, load_photo_rules
from safehand.authority.documents.numbers import (
    birth_date_of,
    document_number,
    make_receipt_number,
    make_resident_id,
    mrz_check_digit,
    number_in_receipt,
    number_of_blank,
    receipt_number,
    resident_id,
)
from safehand.kernel.dated import DefectiveRulesError
from safehand.kernel.outcome import Refusal, sentence

ROOT = Path(__file__).parents[2]
LAUNCH = date(2024, 5, 6)
KEY = b"a key for tests only, 32 bytes.."


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return load_documents(ROOT / "documents")


def test_the_fees_are_those_of_the_policy(documents: dict[str, Document]):
    fees = {code: document.on(LAUNCH).fee_fen for code, document in documents.items()}
    assert fees == {"passport": 12000, "hong-kong-macao-permit": 6000, "taiwan-permit": 6000}


def test_a_lost_document_ends_at_acceptance_and_any_other_when_the_new_one_is_issued(
    documents: dict[str, Document],
):
    rules = documents["passport"].on(LAUNCH)
    assert rules.cancels_old(ground="lost") == rules.cancels_old(ground="stolen") == "at_acceptance"
    assert rules.cancels_old(ground="expiring") == rules.cancels_old(ground="damaged") == "when_issued"


def test_an_undamaged_old_document_can_never_be_set_to_end_before_payment(tmp_path: Path):
    shutil.copytree(ROOT / "documents", tmp_path / "documents")
    file = tmp_path / "documents" / "_defaults.toml"
    file.write_text(file.read_text().replace('"when_issued"', '"at_acceptance"'))
    with pytest.raises(DefectiveRulesError, match=r"old_document\.cancel_otherwise"):
        load_documents(tmp_path / "documents")


def test_before_production_the_whole_fee_comes_back(documents: dict[str, Document]):
    rules = documents["passport"].on(LAUNCH)
    assert rules.refund_fen(production_started=False) == 12000
    assert rules.refund_fen(production_started=True) == 0


def test_a_document_lasts_ten_years_or_five_for_the_young(documents: dict[str, Document]):
    rules = documents["passport"].on(LAUNCH)
    assert rules.expires_on(issued_on=LAUNCH, birth_date=date(2008, 5, 6)) == date(2034, 5, 5)
    assert rules.expires_on(issued_on=LAUNCH, birth_date=date(2008, 5, 7)) == date(2029, 5, 5)


def test_the_photo_rules_that_the_documents_name_exist(documents: dict[str, Document]):
    photo_rules = load_photo_rules(ROOT / "documents" / "_photo")
    for document in documents.values():
        limits = photo_rules[document.on(LAUNCH).photo_rule_set].on(LAUNCH)
        assert (limits.picture.width_px_min, limits.file.quality_min, limits.face.roll_degrees_max) == (
            354,
            85,
            8,
        )


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("passport", "E12345678"),
        ("passport", " ea1234567 "),
        ("hong-kong-macao-permit", "C12345678"),
        ("hong-kong-macao-permit", "CA0000001"),
        ("taiwan-permit", "L12345678"),
    ],
)
def test_numbers_in_circulation_are_accepted(documents: dict[str, Document], kind: str, number: str):
    assert document_number(number, document=documents[kind].on(LAUNCH)) == number.strip().upper()


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("passport", "EI1234567"),
        ("passport", "EO1234567"),
        ("passport", "E1234567"),
        ("passport", "G12345678"),
        ("passport", "E１２３４５６７８"),
        ("passport", "E12345678\n9"),
        ("taiwan-permit", "LA1234567"),
        ("taiwan-permit", ""),
        ("taiwan-permit", "L" * 5000),
    ],
)
def test_other_numbers_are_refused(documents: dict[str, Document], kind: str, number: str):
    outcome = document_number(number, document=documents[kind].on(LAUNCH))
    assert isinstance(outcome, Refusal)
    assert documents[kind].identity.name_en in sentence(outcome, "en")


def test_new_blanks_bear_numbers_in_order_that_are_accepted(documents: dict[str, Document]):
    for document in documents.values():
        rules = document.on(LAUNCH)
        numbers = [number_of_blank(template=rules.numbers.issued, serial=serial) for serial in range(30)]
        assert numbers == sorted(set(numbers))
        assert all(rules.accepts_number(number) for number in numbers)
    assert number_of_blank(template="C@#######", serial=1) == "CA0000001"
    assert number_of_blank(template="C@#######", serial=8 * 10**7) == "CJ0000000"
    with pytest.raises(ValueError, match="no number"):
        number_of_blank(template="L########", serial=10**8)


@pytest.mark.parametrize(
    "number", ["11010519491231002X", "440524188001010014", "34052419800101001X", "999999199001010016"]
)
def test_id_numbers_of_the_standard_are_accepted(number: str):
    assert resident_id(number) == number
    assert ric.calc_check_digit(number) == number[-1]


def test_a_small_x_and_spaces_are_forgiven():
    assert resident_id(" 110105 19491231 002x ") == "11010519491231002X"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("110105194912310020", "number.resident_id_check_wrong"),
        ("110105194902310026", "number.resident_id_date_impossible"),
        ("999999000001010016", "number.resident_id_date_impossible"),
        ("99999919900101001", "number.resident_id_malformed"),
        ("99999919900101001Y", "number.resident_id_malformed"),
        ("９９９９９９１９９００１０１００１６", "number.resident_id_malformed"),
        ("", "number.resident_id_malformed"),
        ("9" * 10_000, "number.resident_id_malformed"),
    ],
)
def test_a_wrong_id_number_is_refused_with_its_reason(number: str, code: str):
    outcome = resident_id(number)
    assert isinstance(outcome, Refusal)
    assert outcome.code == code
    assert outcome.facts == {}


@settings(max_examples=80)
@given(
    st.dates(date(1900, 1, 1), date(2024, 1, 1)), st.integers(0, 999), st.integers(0, 17), st.integers(1, 9)
)
def test_every_id_number_made_is_valid_and_every_wrong_digit_is_found(
    birth: date, order: int, place: int, add: int
):
    number = make_resident_id(area="999999", birth_date=birth, order=order)
    assert resident_id(number) == number
    assert birth_date_of(number) == birth
    if number[place] != "X":
        wrong = number[:place] + str((int(number[place]) + add) % 10) + number[place + 1 :]
        assert isinstance(resident_id(wrong), Refusal)


@given(st.text(max_size=40))
def test_no_text_breaks_the_readers(text: str):
    for outcome in (resident_id(text), receipt_number(text)):
        assert isinstance(outcome, Refusal) or outcome.isascii()


@settings(max_examples=80)
@given(st.integers(0, 2**64 - 1), st.integers(0, 14), st.integers(1, 9))
def test_a_receipt_number_is_checked_and_leads_back(number: int, place: int, add: int):
    receipt = make_receipt_number(city="310000", number=number, key=KEY)
    assert receipt == make_receipt_number(city="310000", number=number, key=KEY)
    assert receipt_number(f"{receipt[:4]} {receipt[4:9]}-{receipt[9:]}") == receipt
    assert receipt.startswith("3100")
    assert mod_11_10.is_valid(receipt)
    assert number_in_receipt(receipt=receipt, city="310000", key=KEY) == number % 10**10
    wrong = receipt[:place] + str((int(receipt[place]) + add) % 10) + receipt[place + 1 :]
    assert isinstance(receipt_number(wrong), Refusal)


def test_receipt_numbers_never_repeat_and_tell_nothing_of_the_next():
    receipts = [make_receipt_number(city="310000", number=number, key=KEY) for number in range(3000)]
    assert len(set(receipts)) == 3000
    steps = {int(later[4:14]) - int(earlier[4:14]) for earlier, later in itertools.pairwise(receipts)}
    assert len(steps) == 2999
    assert make_receipt_number(city="310000", number=1, key=KEY[::-1]) != receipts[1]


@pytest.mark.parametrize(
    ("city", "number", "key"), [("3100", 1, KEY), ("310000", -1, KEY), ("310000", 1, b"short")]
)
def test_no_receipt_number_is_made_of_impossible_parts(city: str, number: int, key: bytes):
    with pytest.raises(ValueError, match=r"digits|bytes"):
        make_receipt_number(city=city, number=number, key=key)


@pytest.mark.parametrize(
    ("field", "digit"), [("520727", 3), ("AB2134<<<", 5), ("L898902C3", 6), ("740812", 2), ("120415", 9)]
)
def test_the_check_digit_of_a_machine_readable_field_is_that_of_the_standard(field: str, digit: int):
    assert mrz_check_digit(field) == digit


@pytest.mark.parametrize("field", ["ab", "A B", "Ä", "A" * 65])
def test_other_characters_do_not_occur_in_a_machine_readable_field(field: str):
    with pytest.raises(ValueError, match="characters|only"):
        mrz_check_digit(field)


def test_a_broken_pattern_and_an_unknown_ground_are_named_together(tmp_path: Path):
    shutil.copytree(ROOT / "documents", tmp_path / "documents")
    one = tmp_path / "documents" / "passport" / "document.toml"
    one.write_text(one.read_text().replace('"pages_used"', '"bored"'))
    two = tmp_path / "documents" / "taiwan-permit" / "document.toml"
    two.write_text(two.read_text().replace('"L[0-9]{8}"', '"L[0-9"'))
    with pytest.raises(DefectiveRulesError) as caught:
        load_documents(tmp_path / "documents")
    assert [defect.key for defect in caught.value.defects] == ["eligibility.grounds", "numbers.accepted"]


@pytest.mark.parametrize(
    ("city", "number", "receipt"),
    [("310000", 1, "310057251918745"), ("440300", 123_456_789, "440307476360319")],
)
def test_receipt_numbers_in_circulation_stay_what_they_are(city: str, number: int, receipt: str):
    assert make_receipt_number(city=city, number=number, key=b"k" * (16 if number == 1 else 32)) == receipt


@pytest.mark.parametrize("length", [40, 41])
def test_a_reader_takes_forty_characters_and_no_more(length: int, documents: dict[str, Document]):
    for text, read in (
        ("11010519491231002X", resident_id),
        (make_receipt_number(city="310000", number=1, key=KEY), receipt_number),
        (
            "E12345678",
            lambda text: document_number(text, document=documents["passport"].on(date(2024, 5, 6))),
        ),
    ):
        assert isinstance(read(text.ljust(length)), Refusal) is (length > 40)


@pytest.mark.parametrize(
    "number", ["1101051949123100AX", "A1010519491231002X", "31005725191874", "31005725191874A"]
)
def test_a_letter_among_the_digits_is_no_number(number: str):
    for read in (resident_id, receipt_number):
        outcome = read(number)
        assert isinstance(outcome, Refusal)
        assert outcome.code in ("number.resident_id_malformed", "number.receipt_number_wrong")


def test_every_defect_of_the_photo_rules_is_named_with_its_file(tmp_path: Path):
    shutil.copytree(ROOT / "documents" / "_photo", tmp_path / "_photo")
    [one, *_] = sorted((tmp_path / "_photo").glob("*.toml"))
    one.write_text(one.read_text().replace("[rule_set]", "[rule_sett]"))
    with pytest.raises(DefectiveRulesError) as caught:
        load_photo_rules(tmp_path / "_photo")
    assert {defect.file for defect in caught.value.defects} == {one.name}
    assert "rule_sett" in str(caught.value)
