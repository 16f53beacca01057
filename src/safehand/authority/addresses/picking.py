"""Picking an address without a script: what a submitted form leads to. Pure; the page only shows it.

The form has one list for each step down (`place_1` …), a box to search for a name (`q`) with what was found (`found`), the
street and house (`text`), the telephone (`phone`), and buttons `step`: `next`, `search`, `done`; `enter` is the key, which means
the one of them that comes next. Whatever else is in it is
passed over, and whatever came of these is bounded, so that a hostile form costs no more than a plain one.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

import msgspec

from safehand.authority.addresses import refusals
from safehand.authority.addresses.address import (
    OUTSIDE,
    OUTSIDE_NAMES,
    READ_CHARACTERS_MAX,
    Address,
    check_address,
    outside_mainland,
)
from safehand.authority.addresses.divisions import (
    QUERY_CHARACTERS_MAX,
    QUERY_CHARACTERS_MIN,
    Division,
    Divisions,
    Level,
)
from safehand.authority.notices.wording import Both
from safehand.kernel.outcome import Refusal

PLACES: Final = ("place_1", "place_2", "place_3", "place_4")
QUERY: Final = "q"
FOUND: Final = "found"
TEXT: Final = "text"
PHONE: Final = "phone"
STEP: Final = "step"
REGION: Final = "region"
"""Begins with the lists as they stand for a code, where the form has none of them yet (a draft, the address book)."""
NEXT, SEARCH, DONE, ENTER = "next", "search", "done", "enter"
CODE_CHARACTERS_MAX: Final = 9
PHONE_CHARACTERS_MAX: Final = 40

_LABELS: Final[Mapping[Level, Both]] = {
    "province": Both(zh="省、自治区或直辖市", en="Province or municipality"),
    "city": Both(zh="城市", en="City"),
    "county": Both(zh="区县", en="District or county"),
    "township": Both(
        zh="街道、乡镇（不清楚可不选）", en="Street office or town (leave it open if you don't know)"
    ),
}
_NAMES: Final[Mapping[Level, Both]] = {
    "province": Both(zh="省份", en="province"),
    "city": Both(zh="城市", en="city"),
    "county": Both(zh="区县", en="district or county"),
    "township": Both(zh="街道或乡镇", en="street office or town"),
}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list, or one place that was found. Names are Chinese in both languages, as on the label."""

    code: str
    name: str


class Select(msgspec.Struct, frozen=True, kw_only=True):
    """One list. `chosen`: the code, empty when none is; `optional`: the address does without."""

    field: str
    label: Both
    choices: tuple[Choice, ...]
    chosen: str
    optional: bool


class Picked(msgspec.Struct, frozen=True, kw_only=True):
    """The next state of the form.

    `region`: the code of what is chosen so far, once it is exact enough, else empty. `errors`: by field, all at once.
    `address`: only after `done`, and only without an error.
    """

    selects: tuple[Select, ...]
    query: str
    found: tuple[Choice, ...]
    region: str
    region_words: str
    text: str
    phone: str
    errors: Mapping[str, tuple[Refusal, ...]]
    hints: tuple[Refusal, ...]
    address: Address | None


def pick(*, form: Mapping[str, str], divisions: Divisions, recipient: str, day: date) -> Picked:
    """What the form leads to. `recipient`: the name that the sign-in has proven; `day`: today in China."""
    errors: dict[str, tuple[Refusal, ...]] = {}
    selects = _selects(_chosen(form, divisions), divisions, errors)
    region = next((one.chosen for one in reversed(selects) if divisions.is_whole(one.chosen)), "")
    step = _step(form, region)
    query, found = _search(form, divisions, errors) if step == SEARCH else ("", ())
    open_select = next((one for one in selects if not one.chosen and not one.optional), None)
    if step == NEXT and open_select is not None and open_select.field in form:
        errors.setdefault(open_select.field, (_open(open_select, divisions),))
    text, phone = form.get(TEXT, "")[:READ_CHARACTERS_MAX], form.get(PHONE, "")[:PHONE_CHARACTERS_MAX]
    address, hints = None, ()
    if step == DONE:
        checked = check_address(
            divisions=divisions, region=region, text=text, recipient=recipient, phone=phone, day=day
        )
        if open_select is not None:
            errors.setdefault(open_select.field, (_open(open_select, divisions),))
        errors |= {
            field: refused for field, refused in ((TEXT, checked.text), (PHONE, checked.phone)) if refused
        }
        hints, address = checked.hints, None if errors else checked.address
    return Picked(
        selects=selects,
        query=query,
        found=found,
        region=region,
        region_words=divisions.words(region),
        text=text if address is None else address.text,
        phone=phone if address is None else address.phone,
        errors=errors,
        hints=hints,
        address=address,
    )


def _step(form: Mapping[str, str], region: str) -> str:
    """Which button was pressed; the key Enter presses the one that comes next."""
    step = form.get(STEP, "")
    if step != ENTER:
        return step
    if form.get(QUERY, "").strip() and not form.get(FOUND, ""):
        return SEARCH
    return DONE if region and form.get(TEXT, "").strip() else NEXT


def _chosen(form: Mapping[str, str], divisions: Divisions) -> tuple[str, ...]:
    """The codes of the lists; those of what was found, or of a code to begin with, where there is one."""
    begun = form.get(REGION, "") if not any(place in form for place in PLACES) else ""
    for code in ("" if form.get(STEP) == SEARCH else form.get(FOUND, ""), begun):
        if path := divisions.path(code[: CODE_CHARACTERS_MAX + 1]):
            return tuple(one.code for one in path)
    return tuple(form.get(place, "")[: CODE_CHARACTERS_MAX + 1] for place in PLACES)


def _selects(
    chosen: tuple[str, ...], divisions: Divisions, errors: dict[str, tuple[Refusal, ...]]
) -> tuple[Select, ...]:
    """One list for each step down, as far as something is chosen, and the next one."""
    selects: list[Select] = []
    above = ""
    for place, code in zip(PLACES, (*chosen, "", "", "", ""), strict=False):
        inside = divisions.children(above)
        if not inside:
            break
        choices = [Choice(code=one.code, name=one.name) for one in inside]
        if not above:
            choices += [Choice(code=outside, name=names[0]) for outside, names in OUTSIDE.items()]
        taken, refusal = _taken(code, choices, divisions)
        if refusal is not None:
            errors[place] = (refusal,)
        selects.append(
            Select(
                field=place,
                label=_label(inside),
                choices=tuple(choices),
                chosen=taken,
                optional=divisions.is_whole(above),
            )
        )
        if not taken or taken in OUTSIDE:
            break
        above = taken
    return tuple(selects)


def _taken(code: str, choices: list[Choice], divisions: Divisions) -> tuple[str, Refusal | None]:
    """What of a list is chosen, and what is wrong with it.

    A division of somewhere else was chosen before the list above it was changed: it is let go without a word.
    """
    if code in OUTSIDE and any(one.code == code for one in choices):
        return code, outside_mainland(code)
    if any(one.code == code for one in choices):
        return code, None
    if not code or divisions.find(code) is not None:
        return "", None
    return "", refusals.DIVISION_UNKNOWN()


def _label(inside: tuple[Division, ...]) -> Both:
    """What a list is called: cities and the counties of a province stand in one."""
    levels: list[Level] = [one.level for one in inside]

    def rank(level: Level) -> tuple[int, str]:
        return -levels.count(level), level

    return _LABELS[min(levels, key=rank)]


def _open(select: Select, divisions: Divisions) -> Refusal:
    found = divisions.find(select.choices[0].code)
    words = _NAMES[found.level if found is not None else "province"]
    return refusals.DIVISION_OPEN(level_zh=words.zh, level_en=words.en)


def _search(
    form: Mapping[str, str], divisions: Divisions, errors: dict[str, tuple[Refusal, ...]]
) -> tuple[str, tuple[Choice, ...]]:
    """What was searched for, and the places found, in words."""
    query = form.get(QUERY, "")[: QUERY_CHARACTERS_MAX + 1].strip()
    found = tuple(Choice(code=one.code, name=divisions.words(one.code)) for one in divisions.search(query))
    named = query in OUTSIDE_NAMES
    if found and not named:
        return query, found
    if (refusal := outside_mainland(query)) is not None:
        errors[QUERY] = (refusal,)
    elif not QUERY_CHARACTERS_MIN <= len(query) <= QUERY_CHARACTERS_MAX:
        errors[QUERY] = (refusals.QUERY_TOO_SHORT(most=QUERY_CHARACTERS_MAX),)
    else:
        errors[QUERY] = (refusals.NOTHING_FOUND(),)
    return query, found
