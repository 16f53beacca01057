"""What somebody fills in, step by step: which steps there are, what is wrong with an answer, what is still missing. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from safehand.authority.addresses.address import PHONE, Address, normalised_phone
from safehand.authority.application.actions import SubmitRequest
from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Draft
from safehand.authority.application.uploads import UPLOADED
from safehand.authority.notices.wording import Both
from safehand.authority.portal.forms import Sent
from safehand.kernel.outcome import Language, Refusal, sentence, way_out

Step = Literal["contact", "photo", "signature", "id_card_front", "id_card_back", "travel", "delivery"]
STEPS: Final[tuple[Step, ...]] = (
    "contact",
    "photo",
    "signature",
    "id_card_front",
    "id_card_back",
    "travel",
    "delivery",
)
NAMES: Final[Mapping[Step, Both]] = {
    "contact": Both(zh="联系方式", en="How we reach you"),
    "photo": Both(zh="证件照片", en="Your photo"),
    "signature": Both(zh="手写签名照片", en="A picture of your signature"),
    "id_card_front": Both(zh="身份证正面（人像面）", en="ID card, front (the side with your face)"),
    "id_card_back": Both(zh="身份证反面（国徽面）", en="ID card, back (the side with the emblem)"),
    "travel": Both(zh="出行计划与旧证件", en="Travel plans and your old document"),
    "delivery": Both(zh="领取方式", en="How you get it"),
}
Faults = dict[str, Both]
"""Field -> what is wrong with it, and how to mend it."""

EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
EMAIL_CHARACTERS_MAX: Final = 254

GROUNDS: Final[Mapping[str, Both]] = {
    "expiring": Both(zh="有效期不满 6 个月", en="less than 6 months left"),
    "pages_used": Both(zh="签证页即将用完", en="visa pages used up"),
    "damaged": Both(zh="损毁", en="damaged"),
    "lost": Both(zh="遗失", en="lost"),
    "stolen": Both(zh="被盗", en="stolen"),
}
CITY_WRONG: Final = Both(zh="请选择城市。", en="Choose a city.")
DOCUMENT_WRONG: Final = Both(zh="请选择证件。", en="Choose a document.")
GROUND_WRONG: Final = Both(zh="请选择事由。", en="Choose why you need a new one.")
ADDRESS_CHARACTERS_MIN, ADDRESS_CHARACTERS_MAX = 5, 200
_ADDRESS_WRONG: Final = Both(
    zh="请填写完整地址（5 至 200 字），包括街道、门牌和房间。",
    en="Give the whole address, 5 to 200 characters: street, house and room.",
)
_PHONE_WRONG: Final = Both(
    zh="请填写 11 位手机号码，例如 199 0000 0000。",
    en="Give a mobile number with 11 digits, like 199 0000 0000.",
)
_EMAIL_WRONG: Final = Both(
    zh="请填写完整的电子邮箱，例如 name@example.cn；也可以留空。",
    en="Give a whole e-mail address, like name@example.cn, or leave it empty.",
)
_LANGUAGE_WRONG: Final = Both(zh="请选择一种语言。", en="Choose a language.")
_TRAVELS_WRONG: Final = Both(
    zh="请选择在新证件送达前您是否出行。", en="Choose whether you travel before the new document comes."
)
_DECLARE_WRONG: Final = Both(
    zh="请确认以上内容真实，才能提交。", en="Confirm that what is above is true; then it can be sent."
)
_COUNTER_WRONG: Final = Both(zh="请选择一个窗口。", en="Choose a counter.")
_MODE_WRONG: Final = Both(zh="请选择如何领取证件。", en="Choose how you get the document.")


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One step on the list: done, to do, or to be mended."""

    step: Step
    state: Literal["done", "todo", "wrong"]


def tasks(draft: Draft) -> tuple[Task, ...]:
    """All steps as they stand."""
    return tuple(Task(step=step, state=_state(draft, step)) for step in STEPS)


def is_whole(draft: Draft) -> bool:
    """Whether nothing is missing or wrong: then it may be looked over and sent."""
    return all(task.state == "done" for task in tasks(draft))


def next_step(draft: Draft, after: Step | Part) -> Step | None:
    """The next step that is not done, from the one just left on; none: all are."""
    place = STEPS.index(after) + 1
    order = (*STEPS[place:], *STEPS[:place])
    return next((step for step in order if _state(draft, step) != "done"), None)


def _state(draft: Draft, step: Step) -> Literal["done", "todo", "wrong"]:
    match step:
        case "contact":
            return "done" if draft.phone else "todo"
        case "travel":
            return "done" if draft.travels is not None else "todo"
        case "delivery":
            return "done" if draft.mode and draft.office and draft.address else "todo"
        case "photo" | "signature" | "id_card_front" | "id_card_back":
            picture = draft.pictures.get(step)
            if picture is None:
                return "todo"
            return "wrong" if picture.verdict == "fails" else "done"


def contact(draft: Draft, sent: Sent) -> tuple[Draft, Faults]:
    """Telephone, e-mail, and the language to be written in. The draft holds what was typed, also where it is wrong."""
    phone = normalised_phone(sent["phone"])
    email, language = sent["email"], sent["language"]
    faults: Faults = {}
    if not PHONE.fullmatch(phone):
        faults["phone"] = _PHONE_WRONG
    if email and (len(email) > EMAIL_CHARACTERS_MAX or not EMAIL.fullmatch(email) or not email.isprintable()):
        faults["email"] = _EMAIL_WRONG
    if language not in ("zh", "en"):
        faults["language"] = _LANGUAGE_WRONG
    known: Language = "en" if language == "en" else "zh"
    return replace(draft, phone=phone[:40], email=email[:EMAIL_CHARACTERS_MAX], language=known), faults


def address_again(draft: Draft, sent: Sent) -> tuple[Draft, Faults]:
    """The address of a correction: within the same city, since that is what the order names."""
    address = " ".join(unicodedata.normalize("NFKC", sent["address"]).split())
    fits = ADDRESS_CHARACTERS_MIN <= len(address) <= ADDRESS_CHARACTERS_MAX and address.isprintable()
    return replace(draft, address=address[:ADDRESS_CHARACTERS_MAX]), {} if fits else {
        "address": _ADDRESS_WRONG
    }


def travel(draft: Draft, sent: Sent) -> tuple[Draft, Faults]:
    """Whether one travels before the new document will come; the page has warned about the old one."""
    match sent["travels"]:
        case "yes":
            return replace(draft, travels=True), {}
        case "no":
            return replace(draft, travels=False), {}
        case _:
            return draft, {"travels": _TRAVELS_WRONG}


def at_counter(draft: Draft, sent: Sent, *, counters: Mapping[str, str]) -> tuple[Draft, Faults]:
    """Fetched at a counter of the city: `counters` are their addresses by code."""
    office = sent["office"]
    if office not in counters:
        return draft, {"office": _COUNTER_WRONG}
    changed = replace(
        draft,
        mode="counter",
        office=office,
        destination=draft.city,
        region="",
        address_text="",
        address=counters[office],
        postage="",
    )
    return changed, {}


def brought(draft: Draft, *, address: Address, destination: int, line: str, office: str) -> Draft:
    """Brought to the door: `line` is the address as orders have it, `office` issues."""
    return replace(
        draft,
        mode="post",
        office=office,
        region=address.region,
        destination=destination,
        address=line,
        address_text=address.text,
    )


def mode_of(sent: Sent) -> tuple[Literal["post", "counter"] | None, Faults]:
    """Brought to the door, or fetched."""
    match sent["mode"]:
        case "post" | "counter" as mode:
            return mode, {}
        case _:
            return None, {"mode": _MODE_WRONG}


def declared(draft: Draft, sent: Sent) -> tuple[Draft, Faults]:
    """The last page: what is above is true; comparing faces is asked for apart, and may be left out."""
    changed = replace(draft, consents_to_face_comparison=sent["face"] == "yes")
    return changed, {} if sent["true"] == "yes" else {"true": _DECLARE_WRONG}


def request_of(draft: Draft) -> SubmitRequest:
    """The application. Raises `ValueError` while anything is missing."""
    if not is_whole(draft) or draft.mode == "" or draft.travels is None:
        raise ValueError("the draft is not whole")
    return msgspec.convert(
        {
            "city": draft.city,
            "document": draft.document,
            "ground": draft.ground,
            "mode": draft.mode,
            "office": draft.office,
            "phone": draft.phone,
            "email": draft.email,
            "destination": draft.destination,
            "address": draft.address,
            "postage": draft.postage,
            "agent": draft.agent,
            "travels": draft.travels,
            "consents_to_face_comparison": bool(draft.consents_to_face_comparison),
            "language": draft.language,
            **{part: draft.pictures[part].digest for part in UPLOADED},
        },
        SubmitRequest,
    )


def said_in(faults: Mapping[str, Both], language: Language) -> dict[str, str]:
    """The faults in one language."""
    return {field: both.in_language(language) for field, both in faults.items()}


def both_of(refusal: Refusal) -> Both:
    """A refusal as a fault at a field: what is wrong, and the way out."""
    return Both(
        zh=f"{sentence(refusal, 'zh')}{way_out(refusal, 'zh')}",
        en=f"{sentence(refusal, 'en')} {way_out(refusal, 'en')}",
    )
