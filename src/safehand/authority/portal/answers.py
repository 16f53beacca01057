"""What a person says about themselves on `/can-i`, read from a hostile form, and judged by the engine that judges applications. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, Literal, get_args

import msgspec

from safehand.authority.cities.city import City, CityOn, FenByZone, Postage, PostageMode
from safehand.authority.documents.document import Document, DocumentOn, Ground
from safehand.authority.eligibility.rules import EligibilityRequest, Verdict, judge
from safehand.authority.notices.wording import Both, day_words, money_words
from safehand.authority.portal.refusals import (
    ANSWER_MISSING,
    ANSWER_UNKNOWN,
    DATE_MISSING,
    DATE_NOT_REAL,
    DATE_OUT_OF_RANGE,
)
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.working_days import SHANGHAI

ELSEWHERE: Final = "elsewhere"
"""The answer of whoever is registered in none of the cities."""
NO_CITY: Final = "999999"
"""A code that GB/T 2260 gives to no place."""
OLDEST_YEARS: Final = 130
FAR_YEARS: Final = 30
"""Longer than any document is valid."""
LETTERS_MAX: Final = 40

Held = Literal["valid", "over", "none"]
Fingerprints = Literal["yes", "no", "unknown"]
Works = Literal["neither", "state_staff", "active_service"]
YesNo = Literal["yes", "no"]

QUESTIONS: Final[Mapping[str, Both]] = {
    "city": Both(zh="您的户口在哪个城市？", en="In which city is your household registered?"),
    "document": Both(zh="您要换发或补发哪种证件？", en="Which document do you want to renew?"),
    "ground": Both(zh="为什么需要新证件？", en="Why do you need a new one?"),
    "held": Both(zh="现在的证件还在有效期内吗？", en="Is the one you have still valid?"),
    "until": Both(zh="现在的证件有效期至哪一天？", en="Until which day is it valid?"),
    "fingerprints": Both(
        zh="办理现在的证件时采集过指纹吗？", en="Were your fingerprints taken when you applied for it?"
    ),
    "birth": Both(zh="您的出生日期是哪一天？", en="When were you born?"),
    "works": Both(
        zh="您是登记备案的国家工作人员或现役军人吗？",
        en="Are you registered state staff, or on active military service?",
    ),
    "mainland": Both(zh="提交申请时您在内地（大陆）吗？", en="Will you be in the mainland when you submit?"),
}
"""In the order of the page; a question's name is the name of its field."""
CHOICES: Final[Mapping[str, Mapping[str, Both]]] = {
    "ground": {
        "expiring": Both(zh="有效期快到了", en="It soon expires"),
        "pages_used": Both(zh="签证页用完了", en="Its visa pages are used up"),
        "damaged": Both(zh="损坏了", en="It is damaged"),
        "lost": Both(zh="遗失了", en="I lost it"),
        "stolen": Both(zh="被盗了", en="It was stolen"),
        "changed_data": Both(zh="个人信息变更或有误", en="My personal data has changed or is wrong"),
    },
    "held": {
        "valid": Both(zh="在有效期内", en="Yes"),
        "over": Both(zh="已过期或已注销", en="No, it has expired or was cancelled"),
        "none": Both(zh="从未有过这种证件", en="I never had one"),
    },
    "fingerprints": {
        "yes": Both(zh="采集过", en="Yes"),
        "no": Both(zh="没有", en="No"),
        "unknown": Both(zh="不清楚", en="I don’t know"),
    },
    "works": {
        "neither": Both(zh="都不是", en="Neither"),
        "state_staff": Both(zh="是登记备案的国家工作人员", en="Registered state staff"),
        "active_service": Both(zh="是现役军人", en="On active military service"),
    },
    "mainland": {"yes": Both(zh="在", en="Yes"), "no": Both(zh="不在", en="No")},
}
DATES: Final = ("until", "birth")
PARTS: Final = ("year", "month", "day")
FIELDS: Final = (
    *(name for name in QUESTIONS if name not in DATES),
    *(f"{name}-{part}" for name in DATES for part in PARTS),
)
"""Every field of the form."""
assert set(get_args(Ground)) == set(CHOICES["ground"]), "every ground can be chosen"

_NUMBER: Final = re.compile(r"[0-9]{1,4}", re.ASCII)
_ISO_DAY: Final = re.compile(r"(?<![0-9])[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was said. `until` is None unless the present document is said to be valid."""

    city: str
    document: str
    ground: Ground
    held: Held
    until: date | None
    fingerprints: Fingerprints
    birth: date
    works: Works
    mainland: YesNo


def read(
    fields: Mapping[str, str],
    *,
    cities: Mapping[int, City],
    documents: Mapping[str, Document],
    today: date,
) -> Answers | dict[str, Refusal]:
    """The answers, or what is wrong with each question that has no good one, in the order of the page."""
    allowed: dict[str, set[str]] = {name: set(choices) for name, choices in CHOICES.items()}
    allowed["city"] = {ELSEWHERE, *map(str, cities)}
    allowed["document"] = set(documents)
    found: dict[str, str | date | Refusal | None] = {}
    for name in QUESTIONS:
        if name == "birth":
            found[name] = _date(fields, name, first=_years(today, -OLDEST_YEARS), last=today)
        elif name == "until":
            asked = found["held"] == "valid"
            last = _years(today, FAR_YEARS)
            found[name] = _date(fields, name, first=_years(today, -FAR_YEARS), last=last) if asked else None
        else:
            found[name] = _chosen(fields, name, allowed[name])
    wrong = {name: answer for name, answer in found.items() if isinstance(answer, Refusal)}
    return wrong or msgspec.convert(found, type=Answers)


def verdict_of(answers: Answers, *, city: CityOn | None, document: DocumentOn, today: date) -> Verdict:
    """The engine's verdict on what was said; what nobody can say of themselves counts as good (see `unjudged`)."""
    person = RegisterFacts(
        household_city=city.code if city is not None else NO_CITY,
        birth_date=answers.birth,
        state_staff=answers.works == "state_staff",
        active_service=answers.works == "active_service",
        exit_restricted=False,
        deceased=False,
        in_mainland=answers.mainland == "yes",
        documents=_said_to_hold(answers, today),
    )
    request = EligibilityRequest(ground=answers.ground)
    return judge(person=person, request=request, city=city, document=document, today=today)


def unjudged(answers: Answers, *, document: DocumentOn) -> tuple[Both, ...]:
    """What is looked up in the register only when one applies."""
    always = (
        Both(zh="户口、证件有效期和其他回答是否与登记一致", en="Whether the register says the same as you"),
        Both(zh="是否有出境限制", en="Whether there is a restriction on leaving the country"),
    )
    if document.eligibility.fingerprints_required and answers.fingerprints == "unknown":
        fingers = Both(
            zh="签发现在的证件时是否留存了指纹",
            en="Whether fingerprints were stored when your document was issued",
        )
        return (fingers, *always)
    return always


def terms(*, city: CityOn, document: DocumentOn, language: Language) -> list[tuple[str, str]]:
    """Fee, postage and clocks of a city for a document: what it is, and how much."""
    zh, clocks, promise = language == "zh", city.clocks, city.delivery.promise_days
    days = [
        f"{a}{n}天" if zh else f"{b} {_days(n)}"
        for (a, b), n in zip(_ZONES, (promise.in_city, promise.in_province, promise.elsewhere), strict=True)
    ]
    joint = "，" if zh else ", "
    if zh:
        return [
            ("证件费", money_words(document.fee_fen, language)),
            *_postage_lines(city.postage, language),
            ("审核", f"最长{clocks.review_working_days}个工作日"),
            ("补正材料", f"接到通知后{clocks.correct_days}天内"),
            ("缴费", f"批准后{clocks.pay_days}天内"),
            ("制证", f"缴费后最长{clocks.produce_working_days}个工作日"),
            ("投递", joint.join(days)),
        ]
    return [
        ("Fee", money_words(document.fee_fen, language)),
        *_postage_lines(city.postage, language),
        ("Review", f"at most {clocks.review_working_days} working days"),
        ("If something must be corrected", f"you do it within {_days(clocks.correct_days)}"),
        ("Payment", f"within {_days(clocks.pay_days)} of the approval"),
        ("Production", f"at most {clocks.produce_working_days} working days after payment"),
        ("Delivery", joint.join(days)),
    ]


_ZONES: Final = (("本市", "in the city"), ("本省", "in the province"), ("其他地区", "elsewhere"))
_PAID: Final[Mapping[PostageMode, Both]] = {
    "on_delivery": Both(zh="（收件时支付）", en=", paid at the door"),
    "prepaid": Both(zh="（与证件费一并缴纳）", en=", paid together with the fee"),
    "free": Both(zh="（免收）", en=", free"),
}
_AS_YOU_CHOOSE: Final = Both(
    zh="（收件时支付，或与证件费一并缴纳，由您选择）",
    en=", paid at the door or together with the fee, as you choose",
)


def _postage_lines(rules: Postage, language: Language) -> list[tuple[str, str]]:
    """One line where all ways cost the same, else one for each."""
    name = "邮资" if language == "zh" else "Postage"
    modes: Sequence[PostageMode] = rules.offered or (rules.mode,)
    sums: dict[PostageMode, str] = {mode: _by_zone(getattr(rules, mode), language) for mode in modes}
    if len(sums) > 1 and len(set(sums.values())) == 1:
        return [(name, sums[rules.mode] + _AS_YOU_CHOOSE.in_language(language))]
    return [(name, told + _PAID[mode].in_language(language)) for mode, told in sums.items()]


def _by_zone(tariff: FenByZone, language: Language) -> str:
    zh = language == "zh"
    amounts = (tariff.in_city, tariff.in_province, tariff.elsewhere)
    return ("，" if zh else ", ").join(
        f"{a if zh else b}{'' if zh else ' '}{money_words(n, language)}"
        for (a, b), n in zip(_ZONES, amounts, strict=True)
    )


def with_days(text: str, language: Language) -> str:
    """A sentence whose `2026-05-03` is written as people write days."""

    def written(found: re.Match[str]) -> str:
        try:
            return day_in_words(date.fromisoformat(found[0]), language)
        except ValueError:
            # Figures that look like a day, and are none.
            return found[0]

    return _ISO_DAY.sub(written, text)


def day_in_words(day: date, language: Language) -> str:
    """`2026年5月3日`, `3 May 2026`."""
    return day_words(datetime.combine(day, time(12), SHANGHAI), language)


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _years(day: date, years: int) -> date:
    return date(day.year + years, day.month, min(day.day, 28))


def _said_to_hold(answers: Answers, today: date) -> tuple[DocumentFact, ...]:
    if answers.held == "none":
        return ()
    # Of one that is over nobody need know the day; yesterday says what the engine asks.
    until = answers.until if answers.until is not None else today - timedelta(days=1)
    return (
        DocumentFact(
            kind=answers.document,
            number="",
            issued_on=min(today, until),
            expires_on=until,
            status="valid",
            fingerprints_stored=answers.fingerprints != "no",
        ),
    )


def _chosen(fields: Mapping[str, str], name: str, allowed: set[str]) -> str | Refusal:
    answer = fields.get(name, "").strip()
    question = {"question_zh": QUESTIONS[name].zh, "question_en": QUESTIONS[name].en}
    if not answer:
        return ANSWER_MISSING(**question)
    return answer if answer in allowed else ANSWER_UNKNOWN(**question)


def _date(fields: Mapping[str, str], name: str, *, first: date, last: date) -> date | Refusal:
    question: dict[str, str | int] = {"question_zh": QUESTIONS[name].zh, "question_en": QUESTIONS[name].en}
    # Chinese keyboards write full-width figures; they mean the same.
    parts = [unicodedata.normalize("NFKC", fields.get(f"{name}-{part}", "")).strip() for part in PARTS]
    if not any(parts):
        return DATE_MISSING(**question)
    if not all(_NUMBER.fullmatch(part) for part in parts):
        return DATE_NOT_REAL(**question)
    try:
        day = date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        return DATE_NOT_REAL(**question)
    if not first <= day <= last:
        return DATE_OUT_OF_RANGE(first_day=first.isoformat(), last_day=last.isoformat(), **question)
    return day
