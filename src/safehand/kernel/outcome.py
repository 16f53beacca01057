"""A business "no" as a value: refusals with stable codes, their sentences in two languages and the way out."""

import re
from collections.abc import Iterator
from string import Formatter
from typing import Final, Literal, TypeVar

import msgspec

T = TypeVar("T")

Language = Literal["en", "zh"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "zh")

FACT_TEXT_MAX: Final = 500
FACTS_MAX: Final = 16
_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
# Facts travel into logs, the journal and problem documents, and none of these may hold personal data (DESIGN §1.1).
_PERSONAL_FACT_NAMES: Final = frozenset(
    {
        "name",
        "person_name",
        "id_number",
        "phone",
        "mobile",
        "address",
        "email",
        "birth_date",
        "document_number",
    }
)
_PERSONAL_NUMBER = re.compile(r"(?<![0-9])(?:[0-9]{17}[0-9Xx]|1[3-9][0-9]{9})(?![0-9])")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A "no" with a reason.

    `code` is stable and dotted (`payment.deadline_passed`): programs decide on it, never on a sentence.
    `facts` fill the sentences; never personal data.
    """

    code: str
    facts: dict[str, str | int] = {}


class RefusalKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of refusal, declared once in its step's `refusals.py`; calling it with facts makes a `Refusal`.

    The sentences hold `{placeholders}`. A placeholder `{x}` is filled by the fact `x`, or, where the word itself
    differs by language, by the two facts `x_en` and `x_zh`. `status` is the HTTP status number to answer with.
    """

    code: str
    en: str
    zh: str
    way_out_en: str
    way_out_zh: str
    status: int
    owner: str

    @property
    def placeholders(self) -> frozenset[str]:
        """The names that the sentences and the way out ask for."""
        return placeholders_of(self.en) | placeholders_of(self.way_out_en)

    def __call__(self, **facts: str | int) -> Refusal:
        """A refusal of this kind. Raises `TypeError` when a fact is missing, superfluous or of another type."""
        wanted = _ACCEPTED_FACTS.get(self.code) or self.placeholders
        if facts.keys() != wanted:
            _check_fact_names(kind=self, given=frozenset(facts))
        clean: dict[str, str | int] = {}
        for key, value in facts.items():
            match value:
                case bool() | int():
                    clean[key] = int(value)
                case str():
                    clean[key] = _PERSONAL_NUMBER.sub("***", value[:FACT_TEXT_MAX])
                case _:
                    raise TypeError(f"refusal {self.code}: fact {key!r} must be text or a whole number")
        return Refusal(code=self.code, facts=clean)


_KINDS: Final[dict[str, RefusalKind]] = {}
_ACCEPTED_FACTS: Final[dict[str, frozenset[str]]] = {}


def placeholders_of(text: str) -> frozenset[str]:
    """The `{names}` in a sentence. Raises `ValueError` for broken braces, positions, formats or conversions."""
    names: set[str] = set()
    for _, field, spec, conversion in Formatter().parse(text):
        if field is None:
            continue
        if not field.isidentifier() or spec or conversion:
            raise ValueError(f"placeholder {{{field}}} must be a plain name")
        names.add(field)
    return frozenset(names)


def define(
    *,
    code: str,
    en: str,
    zh: str,
    way_out_en: str,
    way_out_zh: str,
    owner: str,
    status: int = 409,
) -> RefusalKind:
    """Declare a kind of refusal and put it into the registry; call the result with facts to refuse.

    Raises `ValueError` when the declaration has a defect or the code is already taken by another one.
    """
    kind = RefusalKind(
        code=code, en=en, zh=zh, way_out_en=way_out_en, way_out_zh=way_out_zh, status=status, owner=owner
    )
    defects = defects_of(kind)
    if defects:
        raise ValueError("; ".join(defects))
    known = _KINDS.setdefault(code, kind)
    if known != kind:
        raise ValueError(f"refusal {code} is already defined by {known.owner}")
    return known


def defects_of(kind: RefusalKind) -> list[str]:
    """Everything wrong with a declaration; empty when it may be used. The same check proves the registry in tests."""
    defects: list[str] = []
    if not _CODE.fullmatch(kind.code):
        defects.append(f"{kind.code!r}: a code is lower case, dotted, like payment.deadline_passed")
    if not kind.owner.strip():
        defects.append(f"{kind.code}: owner is missing")
    if not 400 <= kind.status <= 599:
        defects.append(f"{kind.code}: status {kind.status} is not an HTTP error status")
    return defects + _defects_of_sentences(kind)


def _defects_of_sentences(kind: RefusalKind) -> list[str]:
    sentences = ("en", "zh", "way_out_en", "way_out_zh")
    defects = [f"{kind.code}: {field} is empty" for field in sentences if not getattr(kind, field).strip()]
    defects += [
        f"{kind.code}: {field} holds no Chinese"
        for field in ("zh", "way_out_zh")
        if not any("\u4e00" <= letter <= "\u9fff" for letter in getattr(kind, field))
    ]
    for english, chinese in (("en", "zh"), ("way_out_en", "way_out_zh")):
        try:
            left, right = placeholders_of(getattr(kind, english)), placeholders_of(getattr(kind, chinese))
        except ValueError as broken:
            defects.append(f"{kind.code}: {broken}")
            continue
        if left != right:
            defects.append(
                f"{kind.code}: {english} and {chinese} differ in placeholders {sorted(left ^ right)}"
            )
        personal = sorted((left | right) & _PERSONAL_FACT_NAMES)
        defects += [f"{kind.code}: placeholder {name!r} would hold personal data" for name in personal]
    return defects


def all_refusal_kinds() -> tuple[RefusalKind, ...]:
    """Every kind defined so far (by the modules imported so far), sorted by code."""
    return tuple(_KINDS[code] for code in sorted(_KINDS))


def kind_of(refusal: Refusal) -> RefusalKind:
    """The declaration of a refusal. Raises `LookupError` for a code nobody defined."""
    try:
        return _KINDS[refusal.code]
    except KeyError:
        raise LookupError(f"no refusal is defined with code {refusal.code!r}") from None


def status_of(refusal: Refusal) -> int:
    """The HTTP status number to answer this refusal with."""
    return kind_of(refusal).status


def sentence(refusal: Refusal, language: Language) -> str:
    """What went wrong, in plain words of one language."""
    kind = kind_of(refusal)
    return _fill(kind.zh if language == "zh" else kind.en, refusal.facts, language)


def way_out(refusal: Refusal, language: Language) -> str:
    """What the person can do now, in plain words of one language."""
    kind = kind_of(refusal)
    return _fill(kind.way_out_zh if language == "zh" else kind.way_out_en, refusal.facts, language)


def split(outcomes: list[T | Refusal]) -> tuple[list[T], list[Refusal]]:
    """The values and the refusals of a batch, each in their order."""
    values: list[T] = []
    refusals: list[Refusal] = []
    for outcome in outcomes:
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            values.append(outcome)
    return values, refusals


def _fill(text: str, facts: dict[str, str | int], language: Language) -> str:
    # Only the names of the sentence are looked up and values are never parsed as formats, so a fact that holds
    # braces stays plain text.
    return "".join(_pieces(text, facts, language))


def _pieces(text: str, facts: dict[str, str | int], language: Language) -> Iterator[str]:
    for literal, field, _, _ in Formatter().parse(text):
        yield literal
        if field is None:
            continue
        if field in facts:
            yield str(facts[field])
        elif f"{field}_{language}" in facts:
            yield str(facts[f"{field}_{language}"])
        else:
            raise LookupError(f"fact {field!r} is missing")


def _check_fact_names(*, kind: RefusalKind, given: frozenset[str]) -> None:
    """Accept `x` or the pair `x_en` and `x_zh` for each placeholder; remember the accepted set, refuse the rest."""
    rest = set(given)
    missing: list[str] = []
    for name in kind.placeholders:
        pair = {f"{name}_{language}" for language in LANGUAGES}
        if name in rest:
            rest.discard(name)
        elif pair <= rest:
            rest -= pair
        else:
            missing.append(name)
    if missing or rest or len(given) > FACTS_MAX:
        raise TypeError(f"refusal {kind.code}: missing facts {sorted(missing)}, superfluous {sorted(rest)}")
    _ACCEPTED_FACTS[kind.code] = given
