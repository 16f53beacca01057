"""The copy of one's own data: one ZIP with a JSON file in plain words of one language, and the pictures. Pure."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.authority.addresses.book import KeptAddress
from safehand.authority.agent.person import RELATIONS, AgentRecord
from safehand.authority.application.drafts import Draft, Picture
from safehand.authority.application.persons import PersonRecord
from safehand.authority.notices.planning import BY_EMAIL, BY_SMS, Choice
from safehand.authority.notices.wording import Both
from safehand.authority.outward import overall
from safehand.authority.portal.applying.answers import GROUNDS
from safehand.authority.portal.data_kept import CaseKept, Kept
from safehand.authority.portal.words import words
from safehand.authority.readdressing.actions import NewAddress
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language
from safehand.kernel.working_days import SHANGHAI
from safehand.link.messages import DeliveryPart

FIELDS: Final[Mapping[str, Both]] = {
    "name": Both(zh="姓名", en="name"),
    "id_number": Both(zh="公民身份号码", en="ID number"),
    "phone": Both(zh="手机号码", en="mobile phone"),
    "email": Both(zh="电子邮箱", en="e-mail"),
    "old_phone": Both(zh="更换前的手机号码", en="mobile phone before it was changed"),
    "new_phone": Both(zh="待验证的手机号码", en="mobile phone that is not proven yet"),
    "address": Both(zh="收件地址", en="address"),
    "language": Both(zh="通知语言", en="language of messages"),
    "consents_to_face_comparison": Both(zh="同意人脸比对", en="agreed to a face comparison"),
    "agent": Both(zh="代收人", en="who else may receive it"),
    "relation": Both(zh="与您的关系", en="relation to you"),
    "region": Both(zh="行政区划代码", en="code of the division"),
    "destination": Both(zh="寄达城市代码", en="code of the city that it goes to"),
    "id": Both(zh="草稿编号", en="reference of the draft"),
    "city": Both(zh="办理城市代码", en="code of the city"),
    "document": Both(zh="证件种类", en="kind of document"),
    "ground": Both(zh="事由", en="ground"),
    "mode": Both(zh="领取方式", en="how it is given to you"),
    "postage": Both(zh="邮资支付方式", en="how the postage is paid"),
    "office": Both(zh="受理机关代码", en="office"),
    "address_text": Both(zh="填写的街道和门牌", en="street and house as typed"),
    "travels": Both(zh="近期出行", en="travels soon"),
    "form_digest": Both(zh="补正表单摘要", en="digest of the corrected form"),
    "text": Both(zh="街道和门牌", en="street and house"),
    "used_at": Both(zh="最近使用时间", en="last used"),
    "progress": Both(zh="办理进展", en="progress"),
    "deadlines": Both(zh="期限提醒", en="deadlines"),
    "delivery": Both(zh="投递动态", en="delivery"),
    "other_way": Both(zh="未送达时改用另一种方式", en="try the other way"),
}
"""The plain words of every field that can stand in the copy."""
VALUES: Final[Mapping[str, Mapping[str, Both]]] = {
    "language": {"zh": Both(zh="中文", en="Chinese"), "en": Both(zh="英文", en="English")},
    "ground": GROUNDS,
    "mode": {
        "post": Both(zh="邮政送达", en="brought by the post"),
        "counter": Both(zh="窗口领取", en="fetched at the counter"),
    },
    "postage": {
        "on_delivery": Both(zh="收件时付", en="at the door"),
        "prepaid": Both(zh="与证件费一并缴纳", en="together with the fee"),
    },
}
"""The plain words of fields that hold a code."""
PICTURE_NAMES: Final[Mapping[str, Both]] = {
    "photo": Both(zh="证件照片", en="photo"),
    "signature": Both(zh="手写签名", en="signature"),
    "id_card_front": Both(zh="身份证人像面", en="ID card, front"),
    "id_card_back": Both(zh="身份证国徽面", en="ID card, back"),
}
OUTCOMES: Final[Mapping[str, Both]] = {
    "fits": Both(zh="符合要求", en="fits"),
    "examiner": Both(zh="由审核人员判断", en="for the examiner to decide"),
    "fails": Both(zh="不符合要求", en="does not fit"),
}
WAYS: Final[Mapping[int, Both]] = {
    0: Both(zh="不接收", en="none"),
    BY_SMS: Both(zh="短信", en="SMS"),
    BY_EMAIL: Both(zh="电子邮件", en="e-mail"),
    BY_SMS | BY_EMAIL: Both(zh="短信和电子邮件", en="SMS and e-mail"),
}
FILE_NAME: Final = "safehand-my-data.zip"
JSON_NAME: Final = "my-data.json"


def picture_name(*, number: int, part: str) -> str:
    """Where a picture lies in the copy: by the application's place on the page."""
    return f"pictures/{number}-{part.replace('_', '-')}.jpg"


def copy_of(
    *, kept: Kept, documents: Mapping[StreamKey, str], language: Language, now: datetime
) -> dict[str, Any]:
    """What the JSON file says. `documents`: the name of each case's document, in that language."""

    def said(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    told: dict[str, Any] = {
        said("这是什么", "what this is"): said(
            "签发机关保存的、与您有关的全部信息。图片在 pictures 文件夹中。办理记录中没有您的姓名和号码，可在网页上查看。",
            "Everything that the authority keeps of you. Pictures are in the folder “pictures”. The history of an application holds no"
            " name and no number; read it on its page.",
        ),
        said("制作时间", "made at"): _at(now),
        said("申请", "applications"): [
            _case(one, number, documents[one.key], language) for number, one in enumerate(kept.cases, start=1)
        ],
        said("未提交的申请", "application not sent yet"): _draft(kept.draft, language),
        said("未提交的补正", "corrections not sent yet"): [
            _draft(draft, language) for draft in kept.corrections.values()
        ],
        said("地址簿", "address book"): [_plain(one, language) for one in kept.book.addresses],
        said("本次登录有效至", "signed in until"): _at(kept.signed_in_until),
    }
    return told


def packed(*, told: Mapping[str, Any], pictures: Mapping[str, bytes], now: datetime) -> bytes:
    """The ZIP. `pictures`: JPEGs by their place in it."""
    text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    local = now.astimezone(SHANGHAI)
    stamp = (local.year, local.month, local.day, local.hour, local.minute, local.second)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(JSON_NAME, stamp), text.encode(), compress_type=zipfile.ZIP_DEFLATED)
        for name, data in pictures.items():
            archive.writestr(zipfile.ZipInfo(name, stamp), data, compress_type=zipfile.ZIP_STORED)
    return out.getvalue()


def rows_of(struct: PersonRecord | Draft | KeptAddress, language: Language) -> list[tuple[str, str]]:
    """A record as pairs of words for the page; what is empty is left out."""
    return [
        (name, ("，" if language == "zh" else ", ").join(map(str, value.values())))
        if isinstance(value, dict)
        else (name, str(value))
        for name, value in _plain(struct, language).items()
        if value not in ("", None)
    ]


def phone_rows(phones: Mapping[str, str], language: Language) -> list[tuple[str, str]]:
    """Numbers of a change, as rows of the page; none where the number was never changed."""
    return [(FIELDS[name].in_language(language), phone) for name, phone in phones.items()]


def agent_rows(agent: AgentRecord | None, language: Language) -> list[tuple[str, str]]:
    """Who else may receive it, as one row of the page; none where nobody was named."""
    if agent is None:
        return []
    told = "，" if language == "zh" else ", "
    named = (agent.name, RELATIONS[agent.relation].in_language(language), agent.phone)
    return [(FIELDS["agent"].in_language(language), told.join(named))]


def _case(one: CaseKept, number: int, document: str, language: Language) -> dict[str, Any]:
    def said(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    state = words().overall[overall(one.case)].word.in_language(language)
    return {
        said("案件编号", "reference"): one.key.stream,
        said("证件", "document"): document,
        said("提交时间", "sent at"): _at(one.submitted_at),
        said("进度", "where it stands"): state,
        said("结束时间", "ended at"): _at(one.ended_at),
        said("当事人", "person"): _plain(one.person, language),
        said("提供给邮政的信息", "what the post learns"): _plain(one.delivery, language),
        said("申请变更的地址", "other addresses that were asked for"): [
            _plain(new, language) for new in one.addresses
        ],
        said("手机号码的更换", "changes of the mobile phone"): dict(phone_rows(one.phones, language)),
        FIELDS["agent"].in_language(language): _value(one.agent, language),
        said("短信和邮件", "messages"): _choice(one.choice, language),
        said("图片", "pictures"): [
            {
                said("名称", "name"): PICTURE_NAMES[part].in_language(language),
                said("文件", "file"): picture_name(number=number, part=part),
                said("检查", "checked"): _verdict(one.verdicts.get(part), language),
            }
            for part in one.pictures
        ],
        said("问题与答复", "questions and answers"): list(one.texts),
        said("其他记录", "other records"): dict(one.others),
        said("工作人员查看的时间", "when staff looked at it"): [_at(look) for look in one.looks],
    }


def _choice(choice: Choice | None, language: Language) -> dict[str, Any] | None:
    if choice is None:
        return None
    told: dict[str, Any] = {
        FIELDS[name].in_language(language): WAYS[getattr(choice, name)].in_language(language)
        for name in ("progress", "deadlines", "delivery")
    }
    return told | {FIELDS["other_way"].in_language(language): _value(choice.other_way, language)}


def _verdict(picture: Picture | None, language: Language) -> dict[str, Any] | None:
    if picture is None:
        return None

    def said(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    return {
        said("结论", "verdict"): OUTCOMES[picture.verdict].in_language(language),
        said("规则", "rules"): picture.rule_set,
        said("各项", "each rule"): [
            {
                said("检查项", "rule"): one.name.in_language(language),
                said("结论", "verdict"): OUTCOMES[one.outcome].in_language(language),
                said("测得", "measured"): one.measured,
                said("要求", "wanted"): one.wanted,
            }
            for one in picture.findings
        ],
    }


def _draft(draft: Draft | None, language: Language) -> dict[str, Any] | None:
    if draft is None:
        return None
    uploaded = [PICTURE_NAMES[part].in_language(language) for part in draft.pictures]
    return _plain(draft, language) | {"图片" if language == "zh" else "pictures": uploaded}


def _plain(
    struct: PersonRecord | DeliveryPart | NewAddress | AgentRecord | Draft | KeptAddress | None,
    language: Language,
) -> dict[str, Any]:
    """A record's own fields in plain words; pictures are told apart."""
    if struct is None:
        return {}
    return {
        FIELDS[name].in_language(language) if name in FIELDS else name: _worded(name, value, language)
        for name, value in msgspec.structs.asdict(struct).items()
        if not isinstance(value, Mapping) and not _is_address_name(struct, name)
    }


def _worded(name: str, value: Any, language: Language) -> Any:
    both = VALUES[name].get(value) if name in VALUES else None
    return _value(value, language) if both is None else both.in_language(language)


def _is_address_name(struct: object, field: str) -> bool:
    # An address's `name` is the drawn reference by which forms know it, no word of the person.
    return isinstance(struct, KeptAddress) and field == "name"


def _value(value: Any, language: Language) -> Any:
    if isinstance(value, AgentRecord):
        return _plain(value, language) | {
            FIELDS["relation"].in_language(language): RELATIONS[value.relation].in_language(language)
        }
    if isinstance(value, bool):
        return ("是" if value else "否") if language == "zh" else ("yes" if value else "no")
    return _at(value) if isinstance(value, datetime) else value


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
