"""Who is named, as the vault keeps it; and whether what somebody typed can be a person who receives it. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from safehand.authority.addresses.address import PHONE, normalised_phone
from safehand.authority.notices.wording import Both
from safehand.kernel.typeface import first_unprintable
from safehand.link.log import RECEIVER_RECORD
from safehand.link.messages import ReceiverPart

AGENT_RECORD: Final = "agent"
AGENT_RECORDS: Final = (AGENT_RECORD, RECEIVER_RECORD)
"""What the vault keeps of an agent; all of it is blotted out on release."""
NAME_CHARACTERS_MIN, NAME_CHARACTERS_MAX = 2, 50
Relation = Literal["spouse", "parent", "child", "sibling", "relative", "friend", "colleague", "other"]
RELATIONS: Final[Mapping[Relation, Both]] = {
    "spouse": Both(zh="配偶", en="husband or wife"),
    "parent": Both(zh="父母", en="parent"),
    "child": Both(zh="子女", en="child"),
    "sibling": Both(zh="兄弟姐妹", en="brother or sister"),
    "relative": Both(zh="其他亲属", en="other relative"),
    "friend": Both(zh="朋友", en="friend"),
    "colleague": Both(zh="同事", en="colleague"),
    "other": Both(zh="其他", en="other"),
}
_NAME: Final = re.compile(r"[^\W\d_](?:[^\W\d_]|[ ·.’'-])*")
assert set(RELATIONS) == set(get_args(Relation))


class AgentRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Name as on the identity card, what the applicant calls the relation, and the telephone that the code goes to."""

    name: Annotated[str, Meta(min_length=NAME_CHARACTERS_MIN, max_length=NAME_CHARACTERS_MAX)]
    relation: Relation
    phone: Annotated[str, Meta(pattern=r"^1[3-9][0-9]{9}$")]


NAME_WRONG: Final = Both(
    zh="请填写代收人身份证上的姓名（2 至 50 字，不含数字和符号）。",
    en="Give the name as it stands on their ID card: 2 to 50 letters, no digits or signs.",
)
NAME_OWN: Final = Both(
    zh="这是您本人的姓名；本人签收无需指定。", en="That is your own name; you may always receive it."
)
RELATION_WRONG: Final = Both(zh="请选择代收人与您的关系。", en="Choose what the person is to you.")
PHONE_WRONG: Final = Both(
    zh="请填写代收人的 11 位手机号码，投递码会发到这里。",
    en="Give their mobile number with 11 digits: the delivery code goes there.",
)
PHONE_OWN: Final = Both(
    zh="这是您本人的手机号码；请填写代收人的。", en="That is your own number; give theirs."
)


def agent_records(agent: AgentRecord) -> dict[str, bytes]:
    """The agent's record, and the part of it that goes to the post: no relation."""
    part = ReceiverPart(name=agent.name, phone=agent.phone)
    return {AGENT_RECORD: msgspec.json.encode(agent), RECEIVER_RECORD: msgspec.json.encode(part)}


def agent_of(
    *, name: str, relation: str, phone: str, own_name: str, own_phone: str
) -> AgentRecord | dict[str, Both]:
    """Who was meant, or by field what is wrong. `own_…`: the applicant's, with whom an agent must not be one."""
    said = " ".join(unicodedata.normalize("NFKC", name[: 4 * NAME_CHARACTERS_MAX]).split())
    digits = normalised_phone(phone)
    faults: dict[str, Both] = {}
    fits = NAME_CHARACTERS_MIN <= len(said) <= NAME_CHARACTERS_MAX and _NAME.fullmatch(said)
    if not fits or first_unprintable(said) is not None:
        faults["name"] = NAME_WRONG
    elif said.casefold() == own_name.casefold():
        faults["name"] = NAME_OWN
    if relation not in RELATIONS:
        faults["relation"] = RELATION_WRONG
    if not PHONE.fullmatch(digits):
        faults["phone"] = PHONE_WRONG
    elif digits == own_phone:
        faults["phone"] = PHONE_OWN
    if faults:
        return faults
    return msgspec.convert({"name": said, "relation": relation, "phone": digits}, AgentRecord)
