"""Labels and manifests: what the printer gets, read back as a scanner and a person would."""

from datetime import UTC, datetime
from itertools import combinations, groupby
from typing import Final, cast, get_args

import pypdfium2 as pdfium
import pytest
import segno
import zxingcpp
from fontTools.ttLib import TTFont
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pylopdf_fonts_zh_cn import sans_path

from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.kernel.typeface import printable_code_points
from safehand.postal.acceptance.labels.codes import (
    code128_modules,
    item_code_text,
    qr_modules,
    read_item_code,
)
from safehand.postal.acceptance.labels.label import (
    ADDRESS_CHARS_MAX,
    LABELS_MAX,
    NAME_CHARS_MAX,
    OFFICE_NAME_CHARS_MAX,
    RETURN_ADDRESS_CHARS_MAX,
    ItemToken,
    LabelFacts,
    LabelSize,
    MaskedRecipient,
    OpaqueFacts,
    Profile,
    SendingOffice,
    waybill_number_is_valid,
)
from safehand.postal.acceptance.labels.manifest import BAG_ITEMS_MAX, ManifestFacts, render_manifest
from safehand.postal.acceptance.labels.render import render_labels
from safehand.postal.acceptance.labels.typesetting import TEMPLATE_FOLDER

SIZES: Final = cast(tuple[LabelSize, ...], get_args(LabelSize))
PROFILES: Final = cast(tuple[Profile, ...], get_args(Profile))
SIZE_MM: Final[dict[LabelSize, tuple[int, int]]] = {"100x180": (100, 180), "76x130": (76, 130)}
DOTS_PER_MM: Final = 8
POINTS_PER_MM: Final = 72 / 25.4
# A hair less: the renderer rounds the page up to whole dots, and must not make 801 out of 800.0001.
SCALE: Final = DOTS_PER_MM / POINTS_PER_MM * (1 - 1e-6)
CODE128_DOTS: Final[dict[LabelSize, int]] = {"100x180": 4, "76x130": 3}
QR_DOTS: Final[dict[tuple[LabelSize, Profile], int]] = {
    ("100x180", "masked"): 6,
    ("76x130", "masked"): 5,
    ("100x180", "opaque"): 12,
    ("76x130", "opaque"): 9,
}
TOKEN: Final = ItemToken(nonce=bytes(range(16)), mac=bytes(range(200, 216)))
WAYBILL: Final = "ZA473124829CN"
DOMESTIC_WAYBILL: Final = "9812345678901"
LONGEST_REFERENCE: Final = "SH-31-20240507-000123-REISSUE-02"
MARKERS: Final = ("欧阳", "19900000001", "990000", "1502", "999999199001010016", "护照", "passport")

ENGLISH: Final = MaskedRecipient.of(
    name="Alexandra Featherstonehaugh",
    phone="+86 19900000002",
    address="1188 Lujiazui Ring Road, Pudong New Area, Shanghai 200120, The Riverside Residences, Room 1502",
)
CHINESE: Final = MaskedRecipient.of(
    name="欧阳小明", phone="19900000001", address="上海市浦东新区世纪大道100号3单元1502室"
)
LONGEST: Final = MaskedRecipient(
    name="永" * (NAME_CHARS_MAX - 2) + "**",
    phone="199******01",
    address="永" * (ADDRESS_CHARS_MAX - 3) + "***",
)
OFFICE: Final = SendingOffice(public_name="上海市出入境受理中心", return_address="上海市浦东新区民生路1500号")
LONGEST_OFFICE: Final = SendingOffice(
    public_name="永" * OFFICE_NAME_CHARS_MAX, return_address="永" * RETURN_ADDRESS_CHARS_MAX
)


def label_facts(
    *,
    waybill: str = WAYBILL,
    routing_code: str = "31-0000-07",
    round_code: str = "2",
    recipient: MaskedRecipient = CHINESE,
    sender: SendingOffice = OFFICE,
    order_reference: str = "SH-31-20240507-000123",
    item_count: int = 2,
    postage_fen: int = 2205,
    collect: bool = True,
) -> LabelFacts:
    return LabelFacts(
        waybill_number=waybill,
        routing_code=routing_code,
        round_code=round_code,
        token=TOKEN,
        order_reference=order_reference,
        item_count=item_count,
        postage_fen=postage_fen,
        payment="collect_on_delivery" if collect else "prepaid",
        sender=sender,
        recipient=recipient,
    )


def printed(
    *labels: OpaqueFacts, size: LabelSize = "100x180", profile: Profile = "masked"
) -> pdfium.PdfDocument:
    pdf = render_labels(labels=labels, size=size, profile=profile)
    assert isinstance(pdf, bytes), pdf
    return pdfium.PdfDocument(pdf)


def refused(*labels: OpaqueFacts, size: LabelSize = "100x180", profile: Profile = "masked") -> Refusal:
    outcome = render_labels(labels=labels, size=size, profile=profile)
    assert isinstance(outcome, Refusal)
    return outcome


def as_printed(page: pdfium.PdfPage) -> Image.Image:
    """The page in the dots of a printer with 8 dots/mm (203 dpi)."""
    return page.render(scale=cast(int, SCALE)).to_pil().convert("L")


def text_of(page: pdfium.PdfPage) -> str:
    return page.get_textpage().get_text_bounded()


def squeezed(text: str) -> str:
    """Without the breaks that wrapping puts in."""
    return "".join(letter for letter in text if not letter.isspace() and letter not in "\u200b\ufffe\x02")


def codes_by_text(picture: Image.Image) -> dict[str, zxingcpp.Barcode]:
    return {code.text: code for code in zxingcpp.read_barcodes(picture)}


def box_of(code: zxingcpp.Barcode) -> tuple[int, int, int, int]:
    corners = [
        getattr(code.position, corner) for corner in ("top_left", "top_right", "bottom_left", "bottom_right")
    ]
    across, down = [corner.x for corner in corners], [corner.y for corner in corners]
    return min(across), min(down), max(across), max(down)


def ink_boxes(page: pdfium.PdfPage) -> list[tuple[float, float, float, float]]:
    text = page.get_textpage()
    boxes = [text.get_charbox(place) for place in range(text.count_chars())]
    return [box for box in boxes if box[2] - box[0] > 0.1 and box[3] - box[1] > 0.1]


def every_variant() -> list[tuple[LabelSize, Profile]]:
    return [(size, profile) for size in SIZES for profile in PROFILES]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_page_has_exactly_the_size_of_the_label(size: LabelSize, profile: Profile) -> None:
    document = printed(label_facts(), label_facts(waybill=DOMESTIC_WAYBILL), size=size, profile=profile)
    assert len(document) == 2
    for page in document:
        assert [side / POINTS_PER_MM for side in page.get_size()] == pytest.approx(SIZE_MM[size], abs=0.01)


@pytest.mark.parametrize("waybill", [WAYBILL, DOMESTIC_WAYBILL])
@pytest.mark.parametrize(("size", "profile"), every_variant())
def test_a_scanner_reads_the_waybill_and_the_token_and_nothing_else(
    size: LabelSize, profile: Profile, waybill: str
) -> None:
    picture = as_printed(printed(label_facts(waybill=waybill), size=size, profile=profile)[0])
    codes = zxingcpp.read_barcodes(picture)
    assert {(str(code.symbology), code.text) for code in codes} == {
        ("Code 128", waybill),
        ("QR Code", item_code_text(TOKEN)),
    }
    assert len(codes) == 2


@pytest.mark.parametrize(("size", "profile"), every_variant())
def test_every_bar_is_a_whole_number_of_dots_wide(size: LabelSize, profile: Profile) -> None:
    picture = as_printed(printed(label_facts(), size=size, profile=profile)[0])
    code = next(code for code in zxingcpp.read_barcodes(picture) if code.text == WAYBILL)
    left, top, right, bottom = box_of(code)
    middle = (top + bottom) // 2
    levels = [cast(int, picture.getpixel((across, middle))) for across in range(picture.width)]
    assert [level for level in levels if 5 < level < 250] == [], (
        "a bar's edge lies between two dots of the printer"
    )
    row = [0 if level <= 5 else 255 for level in levels]
    modules = [
        level == 0
        for level, run in groupby(row[row.index(0) : len(row) - row[::-1].index(0)])
        for _ in range(exactly(len(list(run)), CODE128_DOTS[size]))
    ]
    assert tuple(modules) == code128_modules(WAYBILL)
    assert abs(right - left) > 50 * DOTS_PER_MM


@pytest.mark.parametrize(("size", "profile"), every_variant())
def test_every_module_of_the_item_code_is_a_whole_number_of_dots(size: LabelSize, profile: Profile) -> None:
    picture = as_printed(printed(label_facts(), size=size, profile=profile)[0])
    code = next(code for code in zxingcpp.read_barcodes(picture) if code.text == item_code_text(TOKEN))
    left, top, _, _ = box_of(code)
    dots, expected = QR_DOTS[size, profile], qr_modules(item_code_text(TOKEN))
    side = len(expected) * dots
    # The reader's corner may be a dot off: look for the square's first dark dot around it.
    left, top = first_dark(picture, (left - 2, top - 2, left + dots, top + dots))
    square = picture.crop((left, top, left + side, top + side))
    levels = [
        [
            {square.getpixel((x * dots + i, y * dots + j)) for i in (0, dots - 1) for j in (0, dots - 1)}
            for x in range(len(expected))
        ]
        for y in range(len(expected))
    ]
    assert levels == [[{0} if dark else {255} for dark in row] for row in expected]


def exactly(dots: int, module: int) -> int:
    assert dots % module == 0, f"a bar of {dots} dots is not made of modules of {module}"
    return dots // module


def first_dark(picture: Image.Image, box: tuple[int, int, int, int]) -> tuple[int, int]:
    dark = picture.crop(box).point(lambda level: 255 - level).getbbox()
    assert dark is not None
    return box[0] + dark[0], box[1] + dark[1]


@pytest.mark.parametrize(("size", "profile"), every_variant())
def test_the_quiet_zones_are_blank(size: LabelSize, profile: Profile) -> None:
    picture = as_printed(printed(label_facts(), size=size, profile=profile)[0])
    for code in zxingcpp.read_barcodes(picture):
        left, top, right, bottom = box_of(code)
        if code.text == WAYBILL:
            quiet, middle = 10 * CODE128_DOTS[size], (top + bottom) // 2
            strips = [
                (left - quiet, middle - 20, left - 2, middle + 20),
                (right + 3, middle - 20, right + quiet, middle + 20),
            ]
        else:
            quiet = 4 * QR_DOTS[size, profile]
            strips = [
                (left - quiet, top - quiet, left - 2, bottom + quiet),
                (right + 3, top - quiet, right + quiet, bottom + quiet),
                (left - quiet, top - quiet, right + quiet, top - 2),
                (left - quiet, bottom + 3, right + quiet, bottom + quiet),
            ]
        for strip in strips:
            assert strip[0] >= 0
            assert strip[2] <= picture.width
            assert picture.crop(strip).getextrema() == (255, 255), f"{code.text}: something stands in {strip}"


def test_another_maker_of_qr_codes_makes_the_same_item_code() -> None:
    text = item_code_text(TOKEN)
    others = [
        segno.make(text, version=4, error="q", mask=mask, mode="alphanumeric", boost_error=False).matrix
        for mask in range(8)
    ]
    same = [
        other
        for other in others
        if tuple(tuple(bool(dot) for dot in row) for row in other) == qr_modules(text)
    ]
    assert len(same) == 1


def test_a_smudged_item_code_is_still_read() -> None:
    picture = as_printed(printed(label_facts())[0])
    left, top, right, bottom = box_of(codes_by_text(picture)[item_code_text(TOKEN)])
    smudge = (right - left) // 5
    middle = ((left + right) // 2, (top + bottom) // 2)
    picture.paste(255, (middle[0], middle[1], middle[0] + smudge, middle[1] + smudge))
    assert item_code_text(TOKEN) in codes_by_text(picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("recipient", [CHINESE, ENGLISH, LONGEST], ids=["chinese", "english", "longest"])
@pytest.mark.parametrize("sender", [OFFICE, LONGEST_OFFICE], ids=["office", "longest"])
def test_every_text_is_there_inside_the_page_and_over_no_other(
    size: LabelSize, recipient: MaskedRecipient, sender: SendingOffice
) -> None:
    facts = label_facts(
        recipient=recipient,
        sender=sender,
        routing_code="WWWW-WWWW-WWWW",
        round_code="WWWW",
        order_reference=LONGEST_REFERENCE,
    )
    page = printed(facts, size=size)[0]
    shown = squeezed(text_of(page))
    for text in (
        *(
            WAYBILL,
            "WWWW-WWWW-WWWW",
            LONGEST_REFERENCE,
            "¥22.05",
            "到付",
            "限本人签收",
            "Recipientinpersononly",
        ),
        *(recipient.name, recipient.phone, recipient.address, sender.public_name, sender.return_address),
    ):
        assert squeezed(text) in shown
    width, height = page.get_size()
    boxes = ink_boxes(page)
    margin = 2 * POINTS_PER_MM
    assert min(box[0] for box in boxes) >= margin
    assert max(box[2] for box in boxes) <= width - margin
    assert min(box[1] for box in boxes) >= margin
    assert max(box[3] for box in boxes) <= height - margin
    assert [pair for pair in combinations(boxes, 2) if overlap(*pair) > 1.0] == []


def overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """By how many points two glyphs overlap in both directions."""
    return min(min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1]))


@pytest.mark.parametrize("size", SIZES)
def test_the_routing_code_is_the_biggest_text_so_that_people_sort_without_a_phone(size: LabelSize) -> None:
    for profile in PROFILES:
        text = printed(label_facts(round_code="2"), size=size, profile=profile)[0].get_textpage()
        letters = text.get_text_range()
        start = letters.index("31-0000-07")
        heights = [box[3] - box[1] for box in (text.get_charbox(start + place) for place in (0, 1, 3, 8, 9))]
        assert min(heights) > (9 if size == "100x180" else 7) * POINTS_PER_MM


def test_prepaid_postage_is_not_asked_for_at_the_door() -> None:
    shown = text_of(printed(label_facts(collect=False, postage_fen=0))[0])
    assert "已付" in shown
    assert "到付" not in shown
    assert "¥0.00" in shown


def test_an_opaque_label_is_the_same_whoever_receives_it() -> None:
    for size in SIZES:
        one = render_labels(labels=[label_facts(recipient=CHINESE)], size=size, profile="opaque")
        other = render_labels(
            labels=[
                label_facts(
                    recipient=ENGLISH,
                    sender=LONGEST_OFFICE,
                    postage_fen=1,
                    collect=False,
                    order_reference="X",
                )
            ],
            size=size,
            profile="opaque",
        )
        bare = OpaqueFacts(waybill_number=WAYBILL, routing_code="31-0000-07", round_code="2", token=TOKEN)
        assert one == other == render_labels(labels=[bare], size=size, profile="opaque")


@pytest.mark.parametrize(("size", "profile"), every_variant())
def test_no_personal_value_is_in_the_text_or_in_a_code(size: LabelSize, profile: Profile) -> None:
    document = printed(label_facts(), label_facts(recipient=ENGLISH), size=size, profile=profile)
    for page in document:
        seen = squeezed(text_of(page)) + "".join(codes_by_text(as_printed(page)))
        assert [marker for marker in MARKERS if marker in seen] == []
    if profile == "opaque":
        shown = text_of(document[0])
        assert squeezed(shown) == squeezed(
            f"分拣码 Route31-0000-07{WAYBILL}频次 Round2拾获请交任一邮局If found, please hand it in at any post office."
        )


@pytest.mark.parametrize(
    "full",
    [
        {"name": "欧阳小明"},
        {"phone": "19900000001"},
        {"phone": "19900000001******"},
        {"phone": "199000***01"},
        {"address": "上海市浦东新区世纪大道100号3单元1502室"},
        {"address": "上海市浦东新区世纪大道100号1502室***"},
        {"address": "1188 Lujiazui Ring Road, Room 1502 ***"},
        {"address": "上海市 19900000001 ***"},
    ],
)
def test_unmasked_values_cannot_reach_a_masked_label(full: dict[str, str]) -> None:
    masked = {"name": CHINESE.name, "phone": CHINESE.phone, "address": CHINESE.address}
    with pytest.raises(ValueError, match=r"mask|hide") as error:
        MaskedRecipient(**{**masked, **full})
    assert next(iter(full.values())) not in str(error.value)


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=30), phone=st.text(max_size=20), address=st.text(max_size=60))
def test_masking_gives_a_printable_recipient_whatever_was_typed(name: str, phone: str, address: str) -> None:
    recipient = MaskedRecipient.of(name=name, phone=phone, address=address)
    assert "*" in recipient.name
    assert "*" in recipient.phone
    assert recipient.address.endswith("*")


@pytest.mark.parametrize(
    "name",
    [
        '#read("/etc/passwd")*',
        "$x$ *",
        '"); panic("*',
        "#{1+1}*",
        "\\u{41}*",
        "*bold*",
        "= 欧*",
        "@label <x>*",
        "{name}*",
    ],
)
def test_a_hostile_name_is_printed_letter_by_letter(name: str) -> None:
    recipient = MaskedRecipient(name=name, phone=CHINESE.phone, address=CHINESE.address)
    shown = squeezed(text_of(printed(label_facts(recipient=recipient))[0]))
    assert squeezed(name) in shown
    assert "root:" not in shown


def test_the_templates_evaluate_no_text_and_open_no_file() -> None:
    source = "".join(path.read_text("utf-8") for path in sorted(TEMPLATE_FOLDER.glob("*.typ")))
    assert "#import" in source
    for call in (
        "eval(",
        "read(",
        "plugin(",
        "#include",
        "@preview",
        "@local",
        "csv(",
        "yaml(",
        "toml(",
        "xml(",
    ):
        assert call not in source
    assert source.count("json(") == 1
    assert source.count("image(") == source.count("image(bytes(")


@pytest.mark.parametrize(
    ("character", "code_point"),
    [
        ("😀", "U+1F600"),
        ("𠮷", "U+20BB7"),
        ("\u202e", "U+202E"),
        ("\n", "U+000A"),
        ("\x00", "U+0000"),
        ("\u0489", "U+0489"),
    ],
)
def test_a_character_the_font_lacks_is_refused_by_name_with_a_way_out(
    character: str, code_point: str
) -> None:
    recipient = MaskedRecipient(name=f"{character}*", phone=CHINESE.phone, address=CHINESE.address)
    refusal = refused(label_facts(), label_facts(waybill=DOMESTIC_WAYBILL, recipient=recipient))
    assert refusal.code == "label.character_not_printable"
    for language in ("en", "zh"):
        assert code_point in sentence(refusal, language)
        assert DOMESTIC_WAYBILL in sentence(refusal, language)
    assert "opaque label" in way_out(refusal, "en")
    assert isinstance(
        render_labels(labels=[label_facts(recipient=recipient)], size="76x130", profile="opaque"), bytes
    )


def test_accents_typed_apart_from_their_letter_are_joined() -> None:
    recipient = MaskedRecipient(name="Rene\u0301 *", phone=CHINESE.phone, address=CHINESE.address)
    assert "Ren\u00e9" in text_of(printed(label_facts(recipient=recipient))[0])


def test_the_known_characters_are_those_of_the_font() -> None:
    assert printable_code_points() == frozenset(TTFont(sans_path()).getBestCmap() or ())


@pytest.mark.parametrize(
    "waybill",
    [
        "",
        "ZA473124828CN",
        "za473124829cn",
        "ZA473124829CN\n",
        "123456789012",
        "12345678901234",
        "ZA４73124829CN",
        "欧阳小明",
    ],
)
def test_a_waybill_that_is_none_is_refused(waybill: str) -> None:
    assert refused(label_facts(waybill=waybill), profile="opaque").code == "label.waybill_invalid"


@pytest.mark.parametrize(
    ("serial", "check"),
    [("47312482", 9), ("12345678", 5), ("00000008", 0), ("00000015", 5), ("99999999", 5), ("00000001", 4)],
)
def test_the_check_digits_of_s10_are_known(serial: str, check: int) -> None:
    valid = [digit for digit in range(10) if waybill_number_is_valid(f"ZA{serial}{digit}CN")]
    assert valid == [check]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        (label_facts(routing_code="31 0000"), "routing code"),
        (label_facts(routing_code="31-000000-0000-7"), "routing code"),
        (label_facts(round_code="早班"), "round"),
        (label_facts(item_count=0), "item count"),
        (label_facts(postage_fen=-1), "postage"),
        (label_facts(order_reference="a b"), "order reference"),
        (label_facts(sender=SendingOffice(public_name=" ", return_address="x")), "sender name"),
        (label_facts(sender=SendingOffice(public_name="x", return_address="x" * 81)), "return address"),
    ],
)
def test_a_wrong_field_is_refused_by_name(facts: LabelFacts, field: str) -> None:
    refusal = refused(facts)
    assert refusal.code == "label.field_invalid"
    assert field in sentence(refusal, "en")
    assert WAYBILL in sentence(refusal, "zh")


def test_a_text_that_no_readable_size_can_hold_is_refused() -> None:
    wide = label_facts(waybill=DOMESTIC_WAYBILL, order_reference="W" * 32)
    refusal = refused(label_facts(), wide, size="76x130")
    assert refusal.code == "label.text_does_not_fit"
    assert refusal.facts["waybill"] == DOMESTIC_WAYBILL
    assert refusal.facts["field_en"] == "order reference"
    assert isinstance(render_labels(labels=[wide], size="76x130", profile="opaque"), bytes)


def test_a_print_has_at_least_one_label_and_at_most_the_limit() -> None:
    assert refused().code == "label.nothing_to_print"
    assert refused(*[label_facts()] * (LABELS_MAX + 1)).code == "label.too_many"


def test_a_masked_label_needs_a_recipient() -> None:
    bare = OpaqueFacts(waybill_number=WAYBILL, routing_code="31-0000-07", round_code="2", token=TOKEN)
    assert refused(bare).code == "label.recipient_missing"


def test_the_same_labels_give_the_same_bytes() -> None:
    assert render_labels(labels=[label_facts()], size="76x130", profile="masked") == render_labels(
        labels=[label_facts()], size="76x130", profile="masked"
    )


def test_a_batch_keeps_its_order_and_embeds_the_font_once() -> None:
    waybills = [f"{number:013d}" for number in range(40)]
    pdf = render_labels(
        labels=[label_facts(waybill=waybill) for waybill in waybills], size="100x180", profile="masked"
    )
    assert isinstance(pdf, bytes)
    assert pdf.count(b"/FontFile") == 1
    assert len(pdf) < 500_000
    assert [
        waybill in text_of(page) for waybill, page in zip(waybills, pdfium.PdfDocument(pdf), strict=True)
    ] == [True] * 40


def test_an_item_code_is_read_back_and_has_one_spelling() -> None:
    text = item_code_text(TOKEN)
    assert read_item_code(text) == TOKEN
    for wrong in (
        text.lower(),
        text + "=",
        text[:-1],
        text[:-1] + "R",
        "SH2:" + text[4:],
        "https://example.cn",
        "",
    ):
        outcome = read_item_code(wrong)
        assert isinstance(outcome, Refusal)
        assert outcome.code == "label.item_code_unreadable"


def test_a_readable_text_is_no_token() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        ItemToken(nonce="欧阳小明".encode(), mac=bytes(16))


def manifest_facts(
    *,
    waybills: tuple[str, ...],
    declared_count: int | None = None,
    giving_office: str = "上海市出入境受理中心",
) -> ManifestFacts:
    return ManifestFacts(
        manifest_number="M-31-20240507-0004",
        bag_number="BAG-31-000417",
        seal_number="SEAL-3100-882211",
        giving_office=giving_office,
        taking_office="中国邮政 上海浦东支局",
        closed_at=datetime(2024, 5, 7, 16, 30, tzinfo=UTC),
        declared_count=len(waybills) if declared_count is None else declared_count,
        waybill_numbers=waybills,
    )


def numbers(count: int) -> tuple[str, ...]:
    return tuple(f"{number:013d}" for number in range(9_800_000_000_000, 9_800_000_000_000 + count))


@pytest.mark.parametrize("count", [1, 86, 137])
def test_a_manifest_lists_every_waybill_once_on_numbered_a4_pages(count: int) -> None:
    pdf = render_manifest(manifest=manifest_facts(waybills=numbers(count)))
    assert isinstance(pdf, bytes)
    document = pdfium.PdfDocument(pdf)
    shown = [text_of(page) for page in document]
    assert [sum(waybill in text for text in shown) for waybill in numbers(count)] == [1] * count
    for number, (page, text) in enumerate(zip(document, shown, strict=True), start=1):
        assert [side / POINTS_PER_MM for side in page.get_size()] == pytest.approx((210, 297), abs=0.01)
        assert f"Page {number} of {len(document)}" in text
        assert "SEAL-3100-882211" in text
        boxes = ink_boxes(page)
        assert min(box[0] for box in boxes) > 10 * POINTS_PER_MM
        assert max(box[2] for box in boxes) < 200 * POINTS_PER_MM
    for once in ("Given by", "Taken by", "2024-05-08 00:30"):
        assert sum(once in text for text in shown) == 1
    assert squeezed(shown[-1]).count("签名Signature") == 2


def test_the_seal_of_a_manifest_is_scanned_and_is_its_only_code() -> None:
    pdf = render_manifest(manifest=manifest_facts(waybills=numbers(3)))
    assert isinstance(pdf, bytes)
    picture = pdfium.PdfDocument(pdf)[0].render(scale=cast(int, 300 / 72)).to_pil().convert("L")
    assert [(str(code.symbology), code.text) for code in zxingcpp.read_barcodes(picture)] == [
        ("Code 128", "SEAL-3100-882211")
    ]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (manifest_facts(waybills=numbers(3), declared_count=4), "manifest.count_differs"),
        (manifest_facts(waybills=numbers(3) + numbers(1)), "manifest.waybill_repeated"),
        (manifest_facts(waybills=("ZA473124828CN",)), "label.waybill_invalid"),
        (manifest_facts(waybills=()), "manifest.field_invalid"),
        (manifest_facts(waybills=numbers(BAG_ITEMS_MAX + 1)), "manifest.field_invalid"),
        (manifest_facts(waybills=numbers(1), giving_office="😀"), "manifest.field_invalid"),
        (manifest_facts(waybills=numbers(1), giving_office=""), "manifest.field_invalid"),
    ],
)
def test_a_manifest_with_a_defect_is_not_printed(facts: ManifestFacts, code: str) -> None:
    outcome = render_manifest(manifest=facts)
    assert isinstance(outcome, Refusal)
    assert outcome.code == code
    for language in ("en", "zh"):
        assert sentence(outcome, language)
        assert way_out(outcome, language)
