"""A document type, read from `documents/<folder>/document.toml` laid over `documents/_defaults.toml`."""

import re
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    Layered,
    Timeline,
    read_facts,
    read_layered,
    refuse_unknown_sections,
    timeline,
)
from safehand.kernel.money import Fen, fen
from safehand.kernel.working_days import add_months, age_years

Ground = Literal["expiring", "pages_used", "damaged", "lost", "stolen", "changed_data"]
"""What an applicant may name; `changed_data` is never allowed online but deserves an answer of its own."""

Cancellation = Literal["at_acceptance", "when_issued"]
"""When the old document ends. Both lie where policy allows; before payment only for a lost or stolen one."""

Percent = Annotated[int, Meta(ge=0, le=100)]
Years = Annotated[int, Meta(ge=1, le=150)]
Text = Annotated[str, Meta(min_length=1, max_length=120)]
Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,38}$")]
Pattern = Annotated[str, Meta(min_length=2, max_length=60)]
NUMBER_TEXT_MAX: Final = 20

_SECTIONS: Final = frozenset(
    {"document", "numbers", "fee", "eligibility", "validity", "old_document", "photo", "refund"}
)


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts with no room for a misspelt key."""


class Numbers(_Strict, frozen=True, kw_only=True):
    """Patterns of the numbers in circulation and the template of those on new blanks (`@` letter, `#` digit)."""

    accepted: Annotated[tuple[Pattern, ...], Meta(min_length=1, max_length=20)]
    issued: Annotated[str, Meta(pattern=r"^[A-Z@#]{4,20}$")]


class Fee(_Strict, frozen=True, kw_only=True):
    """What the document costs."""

    amount_fen: Annotated[int, Meta(ge=0, le=10_000_000)]


class Eligibility(_Strict, frozen=True, kw_only=True):
    """The numbers in the conditions of the online way, and the name of the rule set that a verdict keeps."""

    ruleset: Text
    age_years_min: Annotated[int, Meta(ge=0, le=150)]
    expiring_months: Annotated[int, Meta(ge=1, le=120)]
    fingerprints_required: bool
    grounds: Annotated[tuple[Ground, ...], Meta(min_length=1, max_length=6)]


class Validity(_Strict, frozen=True, kw_only=True):
    """How long a new document lasts, by the holder's age on the day of issue."""

    adult_years: Years
    minor_years: Years
    adult_from_age_years: Years


class OldDocument(_Strict, frozen=True, kw_only=True):
    """When the old document is cancelled and who keeps it."""

    cancel_lost_or_stolen: Cancellation
    # Never before payment: of the two moments only the issue lies after it.
    cancel_otherwise: Literal["when_issued"]
    kept_by_holder: bool


class Photo(_Strict, frozen=True, kw_only=True):
    """Which set of photo rules applies."""

    rule_set: Code


class Refund(_Strict, frozen=True, kw_only=True):
    """The share of the fee that comes back on withdrawal."""

    withdrawn_before_production_percent: Percent
    withdrawn_later_percent: Percent


class DocumentRules(_Strict, frozen=True, kw_only=True):
    """Everything of a document type that has a date."""

    numbers: Numbers
    fee: Fee
    eligibility: Eligibility
    validity: Validity
    old_document: OldDocument
    photo: Photo
    refund: Refund


class DocumentIdentity(_Strict, frozen=True, kw_only=True):
    """Code and names."""

    code: Code
    name_zh: Text
    name_en: Text


class DocumentOn(msgspec.Struct, frozen=True, kw_only=True):
    """A document type resolved for one day. `ruleset_from` is the day since which these conditions hold."""

    code: str
    name_zh: str
    name_en: str
    numbers: Numbers
    fee_fen: Fen
    eligibility: Eligibility
    ruleset_from: date
    validity: Validity
    old_document: OldDocument
    photo_rule_set: str
    refund: Refund

    def accepts_number(self, number: str) -> bool:
        """Whether a number has one of the shapes in circulation."""
        return len(number) <= NUMBER_TEXT_MAX and any(
            compiled(pattern).fullmatch(number) for pattern in self.numbers.accepted
        )

    def expires_on(self, *, issued_on: date, birth_date: date) -> date:
        """The last day of validity of a document issued on a day: the eve of the anniversary."""
        adult = age_years(birth_date=birth_date, day=issued_on) >= self.validity.adult_from_age_years
        years = self.validity.adult_years if adult else self.validity.minor_years
        return add_months(issued_on, 12 * years) - timedelta(days=1)

    def cancels_old(self, *, ground: Ground) -> Cancellation:
        """When the old document is cancelled for a ground."""
        if ground in ("lost", "stolen"):
            return self.old_document.cancel_lost_or_stolen
        return self.old_document.cancel_otherwise

    def refund_fen(self, *, production_started: bool) -> Fen:
        """What comes back of the fee when a paid application is withdrawn; fractions of a fen go to the applicant."""
        share = (
            self.refund.withdrawn_later_percent
            if production_started
            else (self.refund.withdrawn_before_production_percent)
        )
        return fen(-(-self.fee_fen * share // 100))


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document type with all its dated rules; `rules.values` keeps the source of each value."""

    identity: DocumentIdentity
    rules: Timeline[DocumentRules]
    resolved: Timeline[DocumentOn]

    @property
    def code(self) -> str:
        """Like `passport`."""
        return self.identity.code

    def on(self, day: date) -> DocumentOn:
        """The rules of a day; before the first day on which all hold, those of that day.

        The service opens later than its first city is rehearsed. Raises `NotInForceError` after an end.
        """
        return self.resolved.on(max(day, self.resolved.first_day))


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """A number's pattern, compiled once; ASCII only."""
    return re.compile(pattern, re.ASCII)


def load_documents(folder: Path, defaults: str = "_defaults.toml") -> dict[str, Document]:
    """Every document type in a folder by its code. Raises `DefectiveRulesError` with all defects of all files."""
    defects: list[Defect] = []
    documents: dict[str, Document] = {}
    for layer in read_layered(
        folder=folder, file_name="document.toml", defaults_name=defaults, defects=defects
    ):
        document = _document(layer, defects)
        if document is None:
            continue
        if document.code in documents:
            wrong = f"code {document.code} is used twice"
            defects.append(
                Defect(file=layer.file, key="document.code", wrong=wrong, way_out="choose another code")
            )
        documents[document.code] = document
    if defects:
        raise DefectiveRulesError(defects)
    return documents


def _document(layer: Layered, defects: list[Defect]) -> Document | None:
    refuse_unknown_sections(layer=layer, known=_SECTIONS, defects=defects)
    identity = read_facts(shape=DocumentIdentity, layer=layer, section="document", defects=defects)
    rules = timeline(shape=DocumentRules, tables=layer.tables, file_of=layer.file_of, defects=defects)
    if identity is None or rules is None:
        return None
    broken = [
        Defect(
            file=layer.file,
            key="numbers.accepted",
            wrong=f"{pattern!r} is no pattern: {wrong}",
            way_out="correct it",
        )
        for view in rules.views
        for pattern in view.numbers.accepted
        if (wrong := _why_broken(pattern))
    ]
    if broken:
        defects.extend(broken)
        return None
    views = tuple(
        _resolved(identity=identity, rules=view, ruleset_from=_ruleset_from(rules, day))
        for day, view in zip(rules.changes, rules.views, strict=True)
    )
    resolved = Timeline(changes=rules.changes, views=views, values=rules.values, last_day=rules.last_day)
    return Document(identity=identity, rules=rules, resolved=resolved)


def _why_broken(pattern: str) -> str:
    try:
        compiled(pattern)
    except re.error as wrong:
        return str(wrong)
    return ""


def _ruleset_from(rules: Timeline[DocumentRules], day: date) -> date:
    conditions = (value for key, value in rules.values.items() if key.startswith("eligibility."))
    return max(value.entry_on(day).from_ for value in conditions)


def _resolved(*, identity: DocumentIdentity, rules: DocumentRules, ruleset_from: date) -> DocumentOn:
    return DocumentOn(
        code=identity.code,
        name_zh=identity.name_zh,
        name_en=identity.name_en,
        numbers=rules.numbers,
        fee_fen=fen(rules.fee.amount_fen),
        eligibility=rules.eligibility,
        ruleset_from=ruleset_from,
        validity=rules.validity,
        old_document=rules.old_document,
        photo_rule_set=rules.photo.rule_set,
        refund=rules.refund,
    )
