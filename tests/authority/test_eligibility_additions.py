"""A city and a document type that never existed are added as files, and judged without touching any Python."""

import shutil
from datetime import date
from pathlib import Path

from safehand.authority.cities import load_cities
from safehand.authority.documents import Ground, load_documents
from safehand.authority.documents.numbers import document_number
from safehand.authority.eligibility.rules import EligibilityRequest, judge
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.kernel.outcome import way_out
from safehand.postal.network.cities import load_postal_cities
from safehand.sandbox.cast import load_places, synthetic_person

ROOT = Path(__file__).parents[2]

CITY = """
[city]
code = "999900"
name_zh = "云上市"
name_en = "Cloudtown"
province_code = "990000"
province_zh = "虚省"
province_en = "Nowhere"
opens_on = { from = 2025-01-01, value = 2025-01-01, source = "assumed", ref = "fiction" }

[clocks]
pay_days = [{ from = 2024-05-06, value = 3, source = "assumed", ref = "fiction" }]

[waybills]
ranges = [{ from = 2024-05-06, value = [{ indicator = "ZZ", first = 0, last = 9 }], source = "assumed", ref = "fiction" }]

[[counters.open]]
from = 2024-05-06
source = "assumed"
ref = "fiction"
value = [{ code = "c", name_zh = "云厅", name_en = "Cloud Hall", address_zh = "云路1号", address_en = "1 Cloud Road", hours_zh = "每日", hours_en = "daily" }]

[[offices.delivery]]
from = 2024-05-06
source = "assumed"
ref = "fiction"
value = [{ code = "999901", district_zh = "云区", district_en = "Cloud", name_zh = "云部", name_en = "Cloud Office", address_zh = "云街2号", address_en = "2 Cloud Street", hours_zh = "每日", hours_en = "daily" }]
"""

DOCUMENT = """
[document]
code = "moon-permit"
name_zh = "登月通行证"
name_en = "moon permit"

[numbers]
accepted = [{ from = 2024-05-06, value = ["M[0-9]{6}"], source = "assumed", ref = "fiction" }]
issued = [{ from = 2024-05-06, value = "M######", source = "assumed", ref = "fiction" }]

[fee]
amount_fen = [{ from = 2024-05-06, value = 100, source = "assumed", ref = "fiction" }]

[eligibility]
age_years_min = [{ from = 2024-05-06, value = 30, source = "assumed", ref = "fiction" }]
grounds = [{ from = 2024-05-06, value = ["damaged"], source = "assumed", ref = "fiction" }]
"""


def test_a_fictional_city_and_document_type_load_and_judge(tmp_path: Path):
    for name, addition, text in (
        ("cities", "999900-cloudtown/city.toml", CITY),
        ("documents", "moon-permit/document.toml", DOCUMENT),
    ):
        shutil.copytree(ROOT / name, tmp_path / name)
        (tmp_path / name / addition).parent.mkdir()
        (tmp_path / name / addition).write_text(text)
    today = date(2025, 1, 1)
    city = load_cities(tmp_path / "cities")["999900"].on(today)
    document = load_documents(tmp_path / "documents")["moon-permit"].on(today)
    assert (city.clocks.pay_days, city.clocks.correct_days) == (3, 7)
    assert document_number("m123456", document=document) == "M123456"
    held = DocumentFact(
        kind="moon-permit",
        number="M123456",
        issued_on=date(2020, 1, 1),
        expires_on=date(2029, 12, 31),
        status="valid",
        fingerprints_stored=True,
    )
    person = RegisterFacts(
        household_city="999900",
        birth_date=date(1995, 1, 2),
        state_staff=False,
        active_service=False,
        exit_restricted=False,
        deceased=False,
        in_mainland=True,
        documents=(held,),
    )
    asked: list[tuple[Ground, date]] = [("damaged", date(2025, 1, 2)), ("lost", date(2025, 1, 1))]
    verdicts = [
        judge(
            person=person, request=EligibilityRequest(ground=ground), city=city, document=document, today=day
        )
        for ground, day in asked
    ]
    assert verdicts[0].is_eligible
    assert verdicts[1].codes == ("eligibility.too_young", "eligibility.ground_not_allowed")
    assert "Cloud Hall, 1 Cloud Road, daily" in way_out(verdicts[1].failed[0], "en")
    assert "2025-01-02" in way_out(verdicts[1].failed[0], "zh")


def test_the_fictional_city_has_post_and_people_at_once(tmp_path: Path):
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    (tmp_path / "cities" / "999900-cloudtown").mkdir()
    (tmp_path / "cities" / "999900-cloudtown" / "city.toml").write_text(CITY)
    postal = load_postal_cities(tmp_path / "cities")["999900"].on(date(2025, 1, 1))
    places = load_places(cast_folder=ROOT / "cast", cities_folder=tmp_path / "cities")
    person = synthetic_person(seed=1, number=1, city="999900", today=date(2025, 1, 1), places=places)
    assert person.address.line_zh.startswith("虚省云上市云区")
    assert postal.office_for(person.address.destination_code) is not None
