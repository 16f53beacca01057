"""What a check says of a picture: one finding per rule, with the measured and the wanted value, in two languages."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from safehand.kernel.outcome import Language

Outcome = Literal["fits", "examiner", "fails"]
Side = Literal["low", "high", ""]
WORDS_FILE: Final = Path(__file__).parent / "words.toml"

LOOKS: Final[dict[Language, str]] = {"en": "The examiner looks.", "zh": "由审核人员判断。"}
MENDABLE: Final[dict[Language, str]] = {
    "en": "Crop, rotation and scaling mend it.",
    "zh": "可通过裁剪、旋转和缩放自动修正。",
}


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sentences of one code; `low` and `high` stand by the side on which a measure lies, `doubt` by the examiner's."""

    name_en: str
    name_zh: str
    low_en: str = ""
    low_zh: str = ""
    high_en: str = ""
    high_zh: str = ""
    doubt_en: str = ""
    doubt_zh: str = ""


@cache
def words() -> dict[str, Words]:
    """Every code with its sentences."""
    return msgspec.convert(tomllib.loads(WORDS_FILE.read_text(encoding="utf-8")), type=dict[str, Words])


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and what was found.

    `measured` and `wanted` are figures with their units, the same in every language; both are plain text. `side` says on
    which side of the wanted range a measure lies. `mends` says that the picture's own crop, rotation and scaling mend it.
    """

    code: str
    outcome: Outcome
    measured: str
    wanted: str
    side: Side = ""
    mends: bool = False

    def name(self, language: Language) -> str:
        """What is measured, in words."""
        known = words()[self.code]
        return known.name_zh if language == "zh" else known.name_en

    def advice(self, language: Language) -> str:
        """What to do about it, or why the examiner looks; empty where it fits."""
        known = words()[self.code]
        chinese = language == "zh"
        match self.outcome:
            case "fits":
                return ""
            case "examiner":
                return (known.doubt_zh if chinese else known.doubt_en) or LOOKS[language]
            case "fails":
                if self.mends:
                    return MENDABLE[language]
                if self.side == "low":
                    return known.low_zh if chinese else known.low_en
                return known.high_zh if chinese else known.high_en

    def sentence(self, language: Language) -> str:
        """Name, measured value, wanted value and what to do."""
        if language == "zh":
            return f"{self.name('zh')}：{self.measured}（要求：{self.wanted}）。{self.advice('zh')}"
        return f"{self.name('en')}: {self.measured} (wanted: {self.wanted}). {self.advice('en')}".rstrip()


def worst(findings: tuple[Finding, ...]) -> Outcome:
    """The verdict over all findings: fails before examiner before fits."""
    outcomes = {finding.outcome for finding in findings}
    return "fails" if "fails" in outcomes else "examiner" if "examiner" in outcomes else "fits"


def compared(
    *,
    code: str,
    value: float,
    least: float | None = None,
    most: float | None = None,
    fails_below: float | None = None,
    fails_above: float | None = None,
    digits: int = 0,
    unit: str = "",
) -> Finding:
    """A measure against its range: outside it fails, unless a farther limit is given, up to which the examiner looks."""
    side: Side = ""
    outcome: Outcome = "fits"
    if least is not None and value < least:
        side, outcome = "low", "fails" if fails_below is None or value < fails_below else "examiner"
    elif most is not None and value > most:
        side, outcome = "high", "fails" if fails_above is None or value > fails_above else "examiner"

    def shown(number: float) -> str:
        return f"{number:.{digits}f}"

    if least is not None and most is not None:
        wanted = f"{shown(least)}–{shown(most)}{unit}"
    elif least is not None:
        wanted = f"≥ {shown(least)}{unit}"
    else:
        wanted = f"≤ {shown(most if most is not None else value)}{unit}"
    return Finding(code=code, outcome=outcome, measured=f"{shown(value)}{unit}", wanted=wanted, side=side)
