"""How the postage is paid: asked right after where it goes, because only then it is known what it costs. Pure.

What may be chosen is the city's dated choice (`postage.choices`). Whoever says nothing is asked for it as the city has it.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from safehand.authority.application.drafts import Draft
from safehand.authority.cities.city import CityOn, PostageChoice, PostageMode
from safehand.authority.notices.wording import Both, money_words
from safehand.authority.portal.applying.answers import Faults
from safehand.authority.portal.forms import Sent
from safehand.authority.rulebook import postage_of
from safehand.kernel.outcome import Language

FIELD: Final = "postage"
NOTHING_CHOSEN: Final = Both(zh="请选择如何支付邮资。", en="Choose how you pay the postage.")
LABELS: Final[Mapping[PostageChoice, Both]] = {
    "on_delivery": Both(zh="收件时付给投递员：{sum}", en="To the courier, at the door: {sum}"),
    "prepaid": Both(zh="与证件费一并缴纳：{sum}", en="Together with the fee: {sum}"),
}
MEANS: Final[Mapping[PostageChoice, Both]] = {
    "on_delivery": Both(
        zh="证件交到您手中时，当面付给投递员。",
        en="You pay the courier when it is put into your hands.",
    ),
    "prepaid": Both(
        zh="批准后在网上一起缴纳；投递员上门时不再收费。",
        en="You pay both online once it is approved; nothing is asked at the door.",
    ),
}
SAID: Final[Mapping[PostageMode, Both]] = {
    "on_delivery": Both(zh="{sum}，收件时付给投递员", en="{sum}, paid to the courier at the door"),
    "prepaid": Both(
        zh="{sum}，与证件费一并缴纳，投递时不再收费",
        en="{sum}, paid together with the fee; nothing at the door",
    ),
    "free": Both(zh="不收邮资", en="none"),
}


def is_asked(draft: Draft, city: CityOn) -> bool:
    """Whether there is anything to choose: it is brought, and the city offers more than one way."""
    return draft.mode == "post" and len(city.postage.offered) > 1


def holds(draft: Draft, city: CityOn) -> tuple[PostageMode, int]:
    """How the draft's postage is paid, and how much it is today; nothing where it is fetched."""
    if draft.mode != "post":
        return "free", 0
    chosen = draft.postage if draft.postage in city.postage.offered else ""
    return postage_of(
        rules=city.postage, city=draft.city, destination=draft.destination, free=False, chosen=chosen
    )


def radios(draft: Draft, city: CityOn, language: Language) -> list[tuple[str, str, str]]:
    """Each way that is offered: its value, its name with the sum, and what it means."""
    return [
        (
            one,
            LABELS[one].in_language(language).format(sum=_sum(draft, city, one, language)),
            MEANS[one].in_language(language),
        )
        for one in city.postage.offered
    ]


def taken(draft: Draft, city: CityOn, sent: Sent) -> tuple[Draft, Faults]:
    """The draft with what was chosen, if it is offered."""
    for one in city.postage.offered:
        if sent[FIELD] == one:
            return replace(draft, postage=one), {}
    return draft, {FIELD: NOTHING_CHOSEN}


def still_offered(draft: Draft, city: CityOn) -> Draft:
    """Without a choice that is offered no more: what may be chosen is dated, and a draft may be a month old."""
    return draft if draft.postage in city.postage.offered else replace(draft, postage="")


def in_words(mode: PostageMode, postage_fen: int, language: Language) -> str:
    """The sum, and when it is paid."""
    return SAID[mode].in_language(language).format(sum=money_words(postage_fen, language))


def _sum(draft: Draft, city: CityOn, chosen: PostageChoice, language: Language) -> str:
    _, postage_fen = postage_of(
        rules=city.postage, city=draft.city, destination=draft.destination, free=False, chosen=chosen
    )
    return money_words(postage_fen, language)
