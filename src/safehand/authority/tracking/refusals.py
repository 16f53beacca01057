"""Why news of an envelope, or a word about it, is refused."""

from safehand.authority.tracking.states import WORDS, TrackingState
from safehand.kernel.outcome import Refusal, define

NOT_THIS_ORDER = define(
    code="tracking.not_this_order",
    en="This order isn't the one that is with the post for this case.",
    zh="该订单不是本件当前在途的订单。",
    way_out_en="Compare order and waybill with the post's record; the manager sees all orders of the case.",
    way_out_zh="请与邮政核对订单号和邮件号；主管可查看本件的全部订单。",
    owner="tracking",
)
NOT_THIS_ITEM = define(
    code="tracking.not_this_item",
    en="The waybill doesn't belong to this order.",
    zh="邮件号与该订单不符。",
    way_out_en="Scan the envelope again and send the message with its own order.",
    way_out_zh="请重新扫描邮件，并以其对应订单重新发送。",
    owner="tracking",
)
NOTHING_TO_CONFIRM = define(
    code="tracking.nothing_to_confirm",
    en="There is no delivery to confirm: the envelope is {state}.",
    zh="没有可确认的投递：邮件状态为“{state}”。",
    way_out_en="Give the courier your code when you hold the envelope; see the timeline, or ask 12367.",
    way_out_zh="收到邮件时请向投递员出示取件码；请查看进度，或咨询12367。",
    owner="tracking",
)
NOTHING_TO_DENY = define(
    code="tracking.nothing_to_deny",
    en="Nobody says that you have it: the envelope is {state}.",
    zh="目前没有称已送达的记录：邮件状态为“{state}”。",
    way_out_en="See the timeline for where it is and when it is due, or ask 12367.",
    way_out_zh="请查看进度了解位置和预计时间，或咨询12367。",
    owner="tracking",
)
EVIDENCE_TOO_WEAK = define(
    code="tracking.evidence_too_weak",
    en="What the carrier shows is below the evidence grade that counts as in hand.",
    zh="承运方证据等级不足，不能认定已交付本人。",
    way_out_en="Ask the recipient to confirm, or settle it as not in hand: the document is then made again free of charge.",
    way_out_zh="请收件人本人确认，或认定为未收到：将免费重新制证。",
    owner="tracking",
)
ANOTHER_CASE_LIVE = define(
    code="tracking.another_case_live",
    en="The applicant has another live application for this kind of document, so this one can't be reopened.",
    zh="申请人另有一件同类证件申请正在办理，本件不能恢复办理。",
    way_out_en="Let the other application end first, or have it withdrawn.",
    way_out_zh="请待另一件办结，或由申请人撤回后再处理。",
    owner="tracking",
)
NOT_NOW = define(
    code="tracking.not_now",
    en="This can't be done now: the envelope is {state}.",
    zh="当前不能进行此操作：邮件状态为“{state}”。",
    way_out_en="See the case for its next step.",
    way_out_zh="请在案件中查看下一步。",
    owner="tracking",
)


def not_now(state: TrackingState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)


def nothing_to_confirm(state: TrackingState) -> Refusal:
    """There is nothing that the recipient's word could end."""
    en, zh = WORDS[state]
    return NOTHING_TO_CONFIRM(state_en=en, state_zh=zh)


def nothing_to_deny(state: TrackingState) -> Refusal:
    """There is nothing that the recipient could contradict."""
    en, zh = WORDS[state]
    return NOTHING_TO_DENY(state_en=en, state_zh=zh)
