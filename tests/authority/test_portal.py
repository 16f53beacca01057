"""What the pages say: nothing of a case is without words, the clock is honest, the national table adds up."""

import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from litestar.testing import RequestFactory

from safehand.authority.application.commands import CorrectApplication
from safehand.authority.application.states import ApplicationState
from safehand.authority.case import CaseEvent
from safehand.authority.contact.commands import SettleContact
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.group.commands import EndGroupWait
from safehand.authority.help.commands import Outcome, Topic
from safehand.authority.help.rules import DENIAL
from safehand.authority.made_documents import RegisterWork
from safehand.authority.outward import _EXCEPTIONS, _WAITS, _WITH_POST, overall
from safehand.authority.portal.frame import Frame
from safehand.authority.portal.nation import ACCOUNTS, EXCEPTIONS, STATES, tables
from safehand.authority.portal.timeline import Dated, Timeline, clock_of, timeline
from safehand.authority.portal.words import sentence_of, words
from safehand.authority.readdressing.commands import DenyAddressChange
from safehand.authority.tracking.commands import DenyReceipt, RecordVoid
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import LANGUAGES, Language, placeholders_of
from safehand.link.messages import Finding, ProofMethod, Scan
from tests.authority.house import CASE, CITY, House, loaded
from tests.authority.sample_events import sample

TEMPLATES = Path(__file__).parents[2] / "src/safehand/authority/portal/templates"
EVENTS: list[Any] = list(get_args(CaseEvent))
DERIVED = {"appeal"}


def tag(event: Any) -> str:
    """The name of a class of events."""
    return str(event.__struct_config__.tag)


class Watched(House):
    """A hand-run house that remembers when each event of the case happened."""

    def __init__(self) -> None:
        super().__init__()
        self.dated: list[Dated] = []

    def _happen(self, stream: str, event: Any) -> Any:
        if stream == CASE:
            self.dated.append(Dated(event, self.now))
        return super()._happen(stream, event)

    def page(self, language: Language = "en") -> Timeline:
        """The timeline now."""
        waits = self.machines["case"].waits(self.case, StreamKey(CITY, CASE))
        return timeline(case=self.case, waits=waits, events=self.dated, now=self.now, language=language)

    def told(self, language: Language = "en") -> str:
        """All lines of the history, newest first."""
        return "\n".join(line.text for line in self.page(language).lines)


def test_every_event_of_a_case_has_a_sentence_or_says_why_not():
    assert set(words().events) == {tag(event) for event in EVENTS}


@pytest.mark.parametrize("event", EVENTS, ids=tag)
def test_a_sentence_asks_for_nothing_that_its_event_does_not_hold(event: Any):
    told = words().events[tag(event)]
    said = [told] if not told.of else list(told.of.values())
    assert bool(told.hidden) != any(one.zh and one.en for one in said)
    assert bool(told.by) == bool(told.of)
    for one in said:
        assert placeholders_of(one.zh) == placeholders_of(one.en)
        assert placeholders_of(one.zh) <= set(event.__struct_fields__) | DERIVED
    if not told.hidden and not told.by:
        for language in LANGUAGES:
            text = sentence_of(sample(event), language)
            assert text
            assert "{" not in text


def test_every_value_that_chooses_a_sentence_has_one():
    values: dict[str, Iterable[Any]] = {
        "tracking.scanned": [int(scan) for scan in Scan],
        "tracking.proof_sealed": [int(method) for method in ProofMethod],
        "application.deemed_withdrawn": ("correction", "payment"),
        "production.opened": ("paid", "lost", "missing", "returned"),
        "handover.opened": ("post", "counter"),
        "register.entry_done": get_args(RegisterWork),
        "readdressing.stopped": ("applicant", "authority"),
        "readdressing.denied": get_args(get_type_hints(DenyAddressChange)["reason"]),
        "help.asked": (*get_args(Topic), DENIAL),
        "document.frozen": (True, False),
        "tracking.inquiry_answered": tuple(int(one) for one in Finding),
        "group.left": ("own", "address"),
        "group.wait_ended": ("own", *get_args(get_type_hints(EndGroupWait)["why"])),
        "help.answered": get_args(Outcome),
        "payment.opened": (True, False),
        "payment.settled": (True, False),
        "payment.refund_owed": (True, False),
        "payment.promise_missed": ("examination", "production", "post"),
        "contact.regained": (
            "message",
            "new_phone",
            "erasure",
            *get_args(get_type_hints(SettleContact)["outcome"]),
        ),
    }
    chosen = {name: set(told.of) for name, told in words().events.items() if told.by}
    assert chosen == {name: {str(value) for value in wanted} for name, wanted in values.items()}


def test_every_list_on_which_a_case_can_wait_says_what_comes_next():
    steps = {f"{name}.{state}" for name, table in _WAITS.items() for state in table}
    papers = {"register.due", "returns.old_coming_back", "returns.to_destroy", "erasure.ordered"}
    assert set(words().waits) == steps | {"payment.refund_due"} | papers
    for told in words().waits.values():
        assert bool(told.hidden) != bool(told.zh and told.en)
    for name, table in _WAITS.items():
        for state, wait in table.items():
            assert words().waits[f"{name}.{state}"].yours == (wait.owner == "applicant")


def test_every_place_where_a_case_can_stand_has_a_word_and_a_holder():
    assert set(words().overall) == {*STATES, "none"}
    assert set(ApplicationState) - {ApplicationState.RECEIVED} <= set(words().overall)
    assert set(_WITH_POST.values()) <= set(words().overall)
    for told in words().overall.values():
        assert told.word.zh
        assert told.word.en
        assert told.holder.zh
        assert told.holder.en


def test_the_timeline_says_who_has_it_since_when_and_what_comes_next():
    house = Watched()
    house.submitted()
    page = house.page("zh")
    assert (page.word, page.holder) == ("审核中", "签发机关的审核人员")
    assert page.since == house.now
    assert [one.text for one in page.next] == ["审核人员审核您的申请，并作出决定。"]
    assert page.next[0].due == "2024年5月14日（含当日）"
    assert page.acts == {"withdraw", "address", "agent", "group", "phone"}

    house.ring("examination.reviewing")
    assert house.page().next[0].late
    assert house.page().next[0].due == ""


def test_the_whole_way_is_told_in_both_languages():
    house = Watched()
    house.delivered()
    assert house.page().word == "in your hands"
    assert house.page().holder == "you"
    assert not house.page().next
    assert house.page().acts == {"not-here"}
    english, chinese = house.told("en").splitlines(), house.told("zh").splitlines()
    assert len(english) == len(chinese)
    assert english[-1] == "You submitted the application."
    assert chinese[0] == "证件已在您手中，申请办结。"
    assert "Your payment of CNY 120.00 arrived." in english


def test_what_waited_for_the_applicant_is_shown_apart_and_stays_in_the_total():
    house = Watched()
    house.submitted()
    house.later(days=1)
    house.ok(AskCorrection(defects=("photo.blurred",)))
    assert house.page().next[0].yours
    house.later(days=3)
    assert house.page().clock.waiting_days == 3
    house.ok(CorrectApplication(parts={"photo": "1" * 64}), actor="ap_one")
    house.later(days=2)
    clock = house.page().clock
    assert (clock.days, clock.waiting_days, clock.ended) == (6, 3, False)


def test_the_clock_stops_when_the_document_is_in_hand():
    house = Watched()
    house.delivered()
    house.later(days=40)
    assert house.page().clock.days == 0
    assert house.page().clock.ended
    assert clock_of(events=house.dated, now=house.now, ended=False).days == 40
    house.ok(DenyReceipt(), actor="ap_one")
    assert house.page().word == "delivery disputed"


def test_a_scan_that_was_taken_back_stays_and_is_marked():
    house = Watched()
    house.with_post()
    house.ok(house.scan(Scan.AT_OFFICE, "sc_0001"), actor="postal")
    house.later(hours=1)
    house.ok(RecordVoid(**house.item(), scan_id="sc_0001"), actor="postal")
    page = house.page()
    assert [line.taken_back for line in page.lines if "post office that delivers" in line.text] == [True]
    assert page.lines[0].text.startswith("The post corrected itself")


def test_the_national_table_adds_up():
    cities, _ = loaded()
    shenzhen, guangzhou, beijing, gone = 440300, 440100, 110000, 659999
    tallies = {
        (shenzhen, "application.under_review"): 5,
        (shenzhen, f"application.{ApplicationState.COMPLETED}"): 7,
        (shenzhen, "custody.recipient"): 7,
        (guangzhou, "application.with_the_post"): 11,
        (guangzhou, "exception.lost"): 2,
        (beijing, "application.withdrawn"): 13,
        (gone, "application.refused"): 17,
        (gone, "document.made"): 1,
    }
    applications, custody, exceptions = tables(tallies=tallies, cities=cities, language="en")
    for table in (applications, custody, exceptions):
        rows = {row.name: row.counts for row in table.rows}
        nation = rows["the nation"]
        for column, total in enumerate(nation):
            assert total == sum(row.counts[column] for row in table.rows if row.level == "province")
            assert rows["Guangdong"][column] == sum(
                rows[city][column] for city in ("Guangzhou", "Shenzhen", "Zhuhai")
            )
        assert len(table.heads) == len(nation)
    rows = {row.name: row.counts for row in applications.rows}
    assert rows["the nation"][:2] == (53, 7)
    assert rows["Shenzhen"][:3] == (12, 7, 5)
    assert rows["other"][0] == 17
    # A municipality, or the only city of its province: one line.
    assert [row.level for row in applications.rows if row.name == "Beijing"] == ["province"]
    assert [row.level for row in applications.rows if "Xiamen" in row.name] == ["province"]
    assert {row.name: row.counts for row in exceptions.rows}["the nation"][
        list(EXCEPTIONS).index("lost")
    ] == 2
    assert {row.name: row.counts for row in custody.rows}["Shenzhen"][
        list(ACCOUNTS).index("recipient") + 1
    ] == 7


def test_the_national_table_has_a_column_for_every_count_of_a_case():
    house = Watched()
    house.returned()
    known = {f"application.{state}" for state in STATES}
    known |= {f"custody.{account}" for account in ACCOUNTS} | {f"exception.{name}" for name in EXCEPTIONS}
    known |= {"document.made", "document.issued"}
    assert set(house.tally) <= known
    source = Path(str(overall.__code__.co_filename)).read_text("utf-8")
    named = set(re.findall(r'"exception\.([a-z_]+)"', source))
    named |= {word for by_state in _EXCEPTIONS.values() for word in by_state.values()}
    assert named == set(EXCEPTIONS)


def test_what_others_wrote_is_shown_as_text_never_as_markup():
    frame = Frame(address="http://authority.test", pays_at="", live=True)
    request: Any = RequestFactory().get("/")
    answer = frame.page(
        request=request,
        template="problem.html",
        sentence="<script>alert(1)</script>",
        way_out='"><img src=x>',
        code="a.b",
    )
    text = bytes(answer.content).decode()
    assert "<script" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text


def test_a_live_house_speaks_of_no_rehearsal_and_demands_encryption():
    request: Any = RequestFactory().get("/")
    shown = {}
    for live, address in ((True, "https://authority.test"), (False, "http://authority.test")):
        frame = Frame(address=address, pays_at="https://pay.test/v1", live=live)
        shown[live] = frame.page(request=request, template="start.html", signed_in=False)
        assert frame.cookie("a", "b", seconds=1).secure is live
    assert b"rehearsal" not in shown[True].content
    assert b"rehearsal" in shown[False].content
    assert "strict-transport-security" in shown[True].headers
    assert "form-action 'self' https://pay.test;" in shown[True].headers["content-security-policy"]


def test_templates_hold_no_script_no_style_and_nothing_from_outside():
    for template in sorted(TEMPLATES.glob("*.html")):
        text = template.read_text("utf-8")
        assert not re.search(r"<script|\sstyle=|\son[a-z]+=|https?://|\|safe", text), template.name
        assert "said(" in text


def test_words_are_read_strictly():
    with pytest.raises(msgspec.ValidationError):
        msgspec.toml.decode(b"[events]\n[waits]\n[overall]\nx = {}", type=type(words()))


def test_a_minute_is_no_day():
    house = Watched()
    house.submitted()
    house.now += timedelta(hours=23, minutes=59)
    assert house.page().clock.days == 0
    house.now += timedelta(minutes=1)
    assert house.page().clock.days == 1
