"""One look: the sheet is small and all our own face, no part is without its rules, and hostile words stay words."""

import gzip
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import tinycss2
from jinja2 import Environment
from litestar import Litestar
from litestar.testing import AsyncTestClient

from safehand.house.look.design import COLOURS, design_route
from safehand.house.look.frame import FOLDER, Frame, environment, style_route, takes_gzip
from safehand.house.look.sheet import COMPONENTS, OWN, PREFIX, VENDOR, pruned, sheet, squeezed

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted(path for path in (ROOT / "src/safehand").glob("*/**/templates/**/*.html"))
BYTES_MAX, PACKED_BYTES_MAX = 75_000, 15_000
HOSTILE = "\"><script>alert('x')</script>"


def text() -> str:
    """The sheet as it is served."""
    return sheet().plain.decode()


def test_the_sheet_is_small_and_nothing_comes_from_outside():
    made = sheet()
    assert len(made.plain) <= BYTES_MAX
    assert len(made.packed) <= PACKED_BYTES_MAX
    assert gzip.decompress(made.packed) == made.plain
    for foreign in ("url(", "@import", "@font-face", "http:", "https:"):
        assert foreign not in text()


def test_the_sheet_has_our_face_and_not_the_others():
    rules = text().split("*/", 1)[1]
    for foreign in ("GDS", "Transport", "crest", "arial", "letter-spacing:", "#1d70b8", "#fdd0", "\ufffd"):
        assert foreign not in rules
    named = set(re.findall(r"(--[a-z-]+):", rules))
    asked = set(re.findall(r"var\((--[a-z-]+)", rules))
    assert asked <= named
    assert "var(--govuk-text-colour," not in rules


def test_a_rule_is_kept_only_if_all_its_classes_are_of_parts_that_we_use():
    css = (
        '@charset "UTF-8";@font-face{font-family:X;src:url(x)}'
        ".govuk-tag,.govuk-tabs{color:#0b0c0c;font-family:X}"
        ".govuk-tag .govuk-tabs{color:#fff}"
        ".govuk-tag:not(.govuk-tabs__one){color:#fff}"
        "@media print{.govuk-tag{color:#fff}}"
        "@media (min-width:40em){.govuk-tag--red{color:var(--govuk-error-colour,#ca3535)!important}.govuk-tabs{top:0}}"
        "@media screen\\0 {.govuk-tag{top:0}}"
        "@supports not (-ms-ime-align:auto){.govuk-tag{top:0}}"
        "@supports (-ms-ime-align:auto){.govuk-tag{top:1px}}"
        "p{top:0}"
    )
    assert pruned(css=css, blocks=frozenset({"tag"})) == (
        ".govuk-tag{color:var(--ink)}"
        "@media (min-width:40em){.govuk-tag--red{color:var(--govuk-error-colour)!important}}"
        ".govuk-tag{top:0}"
    )


def test_a_colour_that_we_have_no_answer_to_is_an_error():
    with pytest.raises(KeyError):
        pruned(css=".govuk-tag{color:#123456}", blocks=frozenset({"tag"}))


def test_our_own_sheet_must_be_whole():
    assert squeezed("a {  color : red ;\n}\n/* x */ @media print { b , i { top: 0 } }") == (
        "a{color:red}@media print{b,i{top:0}}"
    )
    with pytest.raises(ValueError, match="line 2"):
        squeezed("a { top: 0 }\nb")


def test_templates_use_no_part_whose_rules_are_left_out_and_no_class_without_rules():
    vendor = VENDOR.read_text("utf-8")
    own = OWN.read_text("utf-8")
    used: dict[str, str] = {}
    for path in TEMPLATES:
        for said in re.findall(r'class="([^"]*)"', path.read_text("utf-8")):
            plain = re.sub(r"\{%.*?%\}", " ", said)
            plain = re.sub(r"\{\{ '( [a-z -]+)' if .*?\}\}", r"\1 ", plain)
            used |= dict.fromkeys((w for w in plain.split() if w.startswith((PREFIX, "look-"))), path.name)
    assert len(used) > 60
    for name, where in used.items():
        if "{{" in name or name.endswith("-"):
            continue
        if name.startswith(PREFIX):
            block = name.removeprefix(PREFIX).partition("__")[0].partition("--")[0]
            assert block in COMPONENTS, f"{where}: {name}"
            assert f".{name}" in vendor, f"{where}: {name} is no class of the components"
        else:
            assert f".{name}" in own, f"{where}: {name} is not in look.css"


def _luminance(colour: str) -> float:
    wide = colour[1:] if len(colour) == 7 else "".join(letter * 2 for letter in colour[1:])
    parts = [int(wide[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", OWN.read_text("utf-8")))
    light, dark = sorted((_luminance(colours[one]), _luminance(colours[other])), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "paper"),
        ("ink", "soft"),
        ("ink", "wash"),
        ("ink", "focus"),
        ("ink", "line"),
        ("ink", "rehearsal"),
        ("quiet", "paper"),
        ("quiet", "wash"),
        ("quiet", "soft"),
        ("act", "paper"),
        ("act", "soft"),
        ("act-dark", "soft"),
        ("paper", "act"),
        ("told", "told-soft"),
        ("warn", "soft"),
        ("warn", "warn-soft"),
        ("paper", "warn"),
        ("danger", "paper"),
        ("danger-dark", "danger-soft"),
        ("paper", "danger"),
    ],
)
def test_every_text_has_the_contrast_that_weak_eyes_need(ink: str, ground: str):
    # WCAG 2.2, 1.4.3 (AA).
    assert _contrast(ink, ground) >= 4.5


def test_the_edge_of_a_field_can_be_seen():
    # WCAG 2.2, 1.4.11 (AA).
    assert _contrast("edge", "paper") >= 3
    assert _contrast("edge", "wash") >= 3


def test_the_sheet_is_sent_packed_to_whoever_takes_it_so(run):
    async def scene():
        app = Litestar(route_handlers=[style_route()])
        async with AsyncTestClient(app=app) as client:
            packed = await client.get(sheet().address, headers={"accept-encoding": "gzip, br"})
            plain = await client.get(sheet().address, headers={"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) == len(sheet().packed)
        assert "content-encoding" not in plain.headers
        assert packed.content == plain.content == sheet().plain
        for answer in (packed, plain):
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["vary"] == "accept-encoding"

    run(scene())


@pytest.mark.parametrize(
    ("header", "packs"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("gzip;q=1.0", True),
    ],
)
def test_what_a_browser_takes_is_read_as_the_standard_says(header: str, packs: bool):
    assert takes_gzip(header) is packs


@pytest.fixture
def looks(tmp_path: Path) -> Environment:
    """The look's parts, and a folder for a page of ours."""
    return environment(tmp_path)


def _rendered(looks: Environment, body: str, **values: Any) -> str:
    given: dict[str, Any] = {
        "said": lambda zh, en: en,
        "faults": {},
        "moment": str,
        "turns": True,
        "other": "zh",
    }
    head = "".join(
        f"{{% import 'look/{name}.html' as {name} with context %}}" for name in ("form", "show", "way")
    )
    return looks.from_string(head + body).render(given | values)


FIELDS = (
    "form.text_input('x', w, value=w, hint=w)",
    "form.textarea('x', w, value=w, hint=w)",
    "form.select('x', w, [(w, w), (w, [(w, w)])], hint=w)",
    "form.radios('x', w, [(w, w, w), (w, w)], chosen=w, hint=w)",
    "form.checkboxes('x', w, [(w, w, w)], chosen=[w], hint=w)",
    "form.date_input('x', w, values={'year': w}, hint=w)",
    "form.file_upload('x', w, hint=w)",
)


@pytest.mark.parametrize("call", FIELDS)
def test_a_fault_stands_at_its_field_which_the_summary_leads_to(looks: Environment, call: str):
    page = _rendered(
        looks, f"{{{{ form.error_summary() }}}}{{{{ {call} }}}}", w="word", faults={"x": "Wrong."}
    )
    assert '<a href="#x">Wrong.</a>' in page
    assert page.count('id="x"') == 1
    assert 'aria-describedby="x-hint x-error"' in page
    assert re.search(r'id="x-error"[^>]*>.*Wrong\.</p>', page)
    without = _rendered(looks, f"{{{{ form.error_summary() }}}}{{{{ {call} }}}}", w="word")
    assert "error" not in without


@pytest.mark.parametrize(
    "call",
    [
        *FIELDS,
        "form.button(w, name='a', value=w)",
        "form.button(w, href=w)",
        "show.link(w, w)",
        "show.warning(w)",
        "show.notice(w)",
        "show.panel(w, body=w)",
        "show.summary_list([(w, w), (w, w, w, w)])",
        "show.table(w, [w], [[w, w]])",
        "show.tag(w)",
        "show.quiet(w)",
        "way.back_link(w, w)",
        "way.breadcrumbs([(w, w)], w)",
        "way.tasks([(w, w, w), (w, w)])",
        "way.lines([(w, w)])",
    ],
)
def test_hostile_words_stay_words_in_every_part(looks: Environment, call: str):
    page = _rendered(looks, f"{{{{ {call} }}}}", w=HOSTILE, faults={"x": HOSTILE})
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'="[^"]*">[^<]*alert[^<]*<script', page)


def test_the_parts_hold_no_script_no_style_and_every_text_in_both_languages():
    for path in sorted(FOLDER.glob("**/*.html")):
        body = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(r"<script|\sstyle=|\son[a-z]+=|https?://|\|safe", body), path.name
        outside = re.sub(r"said\('[^']*', '[^']*'\)", "", body)
        for line in outside.splitlines():
            if "'English'" not in line:
                assert not re.search(r"[\u4e00-\u9fff]", line), f"{path.name}: {line}"


def test_the_sheet_parses_without_a_fault():
    def faults(rules: Any) -> list[str]:
        found = [one.message for one in rules if one.type == "error"]
        for one in rules:
            if one.type == "at-rule" and one.content is not None:
                found += faults(tinycss2.parse_rule_list(one.content))
        return found

    assert faults(tinycss2.parse_stylesheet(text())) == []


def _shown(run: Any, *, live: bool, query: str = "") -> tuple[int, str]:
    frame = Frame(
        templates=FOLDER, moment=lambda at, _: at.isoformat(), address="http://house.test", live=live
    )

    async def scene() -> tuple[int, str]:
        app = Litestar(
            route_handlers=[design_route(frame=frame, now=lambda: datetime(2026, 5, 6, tzinfo=UTC))]
        )
        async with AsyncTestClient(app=app) as client:
            answer = await client.get(f"/design{query}")
            return answer.status_code, answer.text

    return run(scene())


def test_the_page_of_all_parts_shows_every_part(run):
    shown = (FOLDER / "look/design.html").read_text("utf-8") + (FOLDER / "look/page.html").read_text("utf-8")
    for name in ("form", "show", "way"):
        parts = re.findall(r"{% macro ([a-z]\w*)", (FOLDER / f"look/{name}.html").read_text("utf-8"))
        assert len(parts) > 6
        for part in parts:
            assert f"{name}.{part}(" in shown, f"{name}.{part} is not on the page of all parts"
    for query, words in (("?lang=zh", "页面组件"), ("?lang=en", "Parts of pages")):
        status, page = _shown(run, live=False, query=query)
        assert status == 200
        assert words in page
        ids = re.findall(r'\sid="([^"]+)"', page)
        assert len(ids) == len(set(ids))
    assert set(re.findall(r"--([a-z-]+): [#(]", OWN.read_text("utf-8"))) - set(COLOURS) == {"rehearsal"}


def test_a_live_house_has_no_page_of_samples(run):
    with pytest.raises(ValueError, match="live"):
        _shown(run, live=True)
