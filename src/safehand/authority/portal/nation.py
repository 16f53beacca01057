"""The national table: by province and city, from the rolled-up counts alone. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from safehand.authority.application.states import ApplicationState
from safehand.authority.cities.city import City
from safehand.authority.made_documents import Account
from safehand.authority.notices.wording import Both
from safehand.authority.portal.words import words
from safehand.kernel.outcome import Language

STATES: Final = (
    "under_review",
    "correcting",
    "awaiting_payment",
    "in_production",
    "in_handover",
    "ready_for_pickup",
    "with_the_post",
    "reported",
    "incident",
    "disputed",
    "coming_back",
    ApplicationState.COMPLETED,
    ApplicationState.WITHDRAWN,
    ApplicationState.DEEMED_WITHDRAWN,
    ApplicationState.REFUSED,
    ApplicationState.NOT_DELIVERED,
)
"""Every overall state of a submitted case, in the order of the process (outward.overall)."""
ACCOUNTS: Final[Mapping[str, Both]] = {
    Account.VAULT: Both(zh="空白证件库", en="vault"),
    Account.PRODUCTION: Both(zh="制证", en="production"),
    Account.HANDOVER_SHELF: Both(zh="交接处", en="hand-over shelf"),
    Account.POST: Both(zh="邮政", en="post"),
    Account.COUNTER: Both(zh="领取窗口", en="counter"),
    Account.RECIPIENT: Both(zh="本人手中", en="recipient"),
    Account.RETURN_SHELF: Both(zh="退件处", en="return shelf"),
    Account.INCIDENT: Both(zh="异常", en="incident"),
    Account.DESTROYED: Both(zh="已销毁", en="destroyed"),
}
EXCEPTIONS: Final[Mapping[str, Both]] = {
    "correction": Both(zh="要求补正", en="corrections asked"),
    "payment_lapsed": Both(zh="逾期未缴费", en="not paid in time"),
    "spoiled": Both(zh="制作作废", en="spoiled in production"),
    "wrong_envelope": Both(zh="信封不符已拦下", en="wrong envelope caught"),
    "short_in_bag": Both(zh="邮袋短少", en="short in a bag"),
    "missing_in_house": Both(zh="交接中遗失", en="missing in the house"),
    "attempt_failed": Both(zh="投递未成功", en="failed attempts"),
    "reported_not_proven": Both(zh="称投递未证实", en="reported, not proven"),
    "receipt_denied": Both(zh="本人称未收到", en="receipt denied"),
    "delivery_disputed": Both(zh="妥投有争议", en="delivery disputed"),
    "incident": Both(zh="寄递异常", en="incidents"),
    "lost": Both(zh="遗失", en="lost"),
    "recalled": Both(zh="撤回邮件", en="recalled"),
    "came_back": Both(zh="退回", en="came back"),
    "not_taken_at_counter": Both(zh="窗口未领", en="not taken at the counter"),
}
_STATE_WORDS: Final[Mapping[str, Both]] = {
    "correcting": Both(zh="待补正", en="correcting"),
    "ready_for_pickup": Both(zh="待领取", en="ready at the counter"),
    "reported": Both(zh="称投递未证实", en="reported, not proven"),
    ApplicationState.COMPLETED: Both(zh="已办结", en="completed"),
}
"""States that are said otherwise to the applicant than of the nation."""
_APPLICATIONS: Final = Both(zh="申请总数", en="applications")
_PROVEN: Final = Both(zh="已证实在本人手中", en="proven in hand")
_MADE: Final = Both(zh="已制作", en="made")
_ELSEWHERE: Final = Both(zh="其他", en="other")
_NATION: Final = Both(zh="全国", en="the nation")
Tallies = Mapping[tuple[int, str], int]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a province with its totals, a city in it, or the nation."""

    name: str
    level: str
    """`province`, `city` (of a province with several) or `nation`."""
    counts: tuple[int, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One of the three tables, ready to be shown."""

    key: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


def tables(*, tallies: Tallies, cities: Mapping[int, City], language: Language) -> tuple[Table, ...]:
    """Applications, custody of documents, exceptions; each by province and city with the nation's totals."""
    wanted: tuple[tuple[str, list[tuple[str, Sequence[str]]]], ...] = (
        (
            "applications",
            [
                (_APPLICATIONS.in_language(language), [f"application.{state}" for state in STATES]),
                (_PROVEN.in_language(language), [f"custody.{Account.RECIPIENT}"]),
                *((_state_word(state, language), [f"application.{state}"]) for state in STATES),
            ],
        ),
        (
            "custody",
            [
                (_MADE.in_language(language), ["document.made"]),
                *((both.in_language(language), [f"custody.{account}"]) for account, both in ACCOUNTS.items()),
            ],
        ),
        (
            "exceptions",
            [(both.in_language(language), [f"exception.{name}"]) for name, both in EXCEPTIONS.items()],
        ),
    )
    return tuple(
        Table(
            key=key,
            heads=tuple(head for head, _ in columns),
            rows=tuple(_rows(tallies, cities, [names for _, names in columns], language)),
        )
        for key, columns in wanted
    )


def _state_word(state: str, language: Language) -> str:
    return (_STATE_WORDS.get(state) or words().overall[state].word).in_language(language)


def _rows(
    tallies: Tallies, cities: Mapping[int, City], columns: Sequence[Sequence[str]], language: Language
) -> list[Row]:
    def counts(codes: Sequence[int]) -> tuple[int, ...]:
        return tuple(
            sum(tallies.get((code, name), 0) for code in codes for name in names) for names in columns
        )

    provinces: dict[str, list[int]] = {}
    for code in sorted(cities):
        provinces.setdefault(cities[code].identity.province_code, []).append(code)
    rows: list[Row] = []
    for codes in provinces.values():
        # A province with one city, or a city that is its own province: one line says it.
        alone = len(codes) == 1
        name = _whole_name(cities[codes[0]], language) if alone else _province(cities[codes[0]], language)
        rows.append(Row(name=name, level="province", counts=counts(codes)))
        if not alone:
            rows += [
                Row(name=_city(cities[code], language), level="city", counts=counts([code])) for code in codes
            ]
    # What a city left behind that is no longer in the folder still counts, else the totals would lie.
    others = sorted({code for code, _ in tallies} - cities.keys())
    if any(counts(others)):
        rows.append(Row(name=_ELSEWHERE.in_language(language), level="province", counts=counts(others)))
    rows.append(Row(name=_NATION.in_language(language), level="nation", counts=counts([*cities, *others])))
    return rows


def _city(city: City, language: Language) -> str:
    return city.identity.name_zh if language == "zh" else city.identity.name_en


def _province(city: City, language: Language) -> str:
    return city.identity.province_zh if language == "zh" else city.identity.province_en


def _whole_name(city: City, language: Language) -> str:
    name, province = _city(city, language), _province(city, language)
    if name == province:
        return name
    return f"{province} {name}" if language == "zh" else f"{name}, {province}"
