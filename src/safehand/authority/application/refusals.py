"""Why an application can be refused before anybody looks at it."""

from collections.abc import Mapping, Sequence
from typing import Final

from safehand.authority.application.states import WORDS, ApplicationState
from safehand.authority.cities.city import PostageChoice
from safehand.kernel.outcome import Refusal, define

NOT_ELIGIBLE = define(
    code="application.not_eligible",
    en="You can't apply online; conditions not met: {count} ({conditions}).",
    zh="您不符合在线申请条件，共{count}项不满足（{conditions}）。",
    way_out_en="Each condition is listed with what to do instead; the exit-entry counter takes every case (12367).",
    way_out_zh="每项条件均列明办理途径；所有情形均可到出入境窗口办理（咨询12367）。",
    owner="application",
    status=422,
)
ALREADY_LIVE = define(
    code="application.already_live",
    en="You already have an application for this kind of document that has not ended.",
    zh="您已有一件同类证件的申请正在办理。",
    way_out_en="Follow it under “My applications”, or withdraw it there and then apply again.",
    way_out_zh="请在“我的申请”中查看进度，或先撤回再重新申请。",
    owner="application",
)
RECEIPT_TAKEN = define(
    code="application.receipt_taken",
    en="No free receipt number was drawn for your application.",
    zh="未能为您的申请生成可用的受理编号。",
    way_out_en="Send it again: another number is drawn. Nothing was taken in twice.",
    way_out_zh="请重新提交，系统将另行生成编号；不会重复受理。",
    owner="application",
    status=503,
)
ALREADY_SUBMITTED = define(
    code="application.already_submitted",
    en="This application was already submitted with other details.",
    zh="该申请已提交，且内容不同。",
    way_out_en="Withdraw it and apply again, or ask 12367.",
    way_out_zh="请撤回后重新申请，或咨询12367。",
    owner="application",
)
PARTS_MISSING = define(
    code="application.parts_missing",
    en="These parts are missing: {parts}.",
    zh="缺少以下材料：{parts}。",
    way_out_en="Add them and submit again.",
    way_out_zh="请补齐后重新提交。",
    owner="application",
    status=422,
)
PARTS_NOT_ASKED = define(
    code="application.parts_not_asked",
    en="Nobody asked for these parts again: {parts}.",
    zh="以下材料无需补正：{parts}。",
    way_out_en="Send only the parts that the correction request names.",
    way_out_zh="请仅提交补正通知中列明的材料。",
    owner="application",
    status=422,
)
PICTURES_NOT_UPLOADED = define(
    code="application.pictures_not_uploaded",
    en="These pictures were not uploaded, or were replaced meanwhile: {parts}.",
    zh="以下图片尚未上传，或已被替换：{parts}。",
    way_out_en="Upload them and send the application again.",
    way_out_zh="请上传后重新提交。",
    owner="application",
    status=422,
)
PICTURES_UNFIT = define(
    code="application.pictures_unfit",
    en="These pictures don't meet the rules: {parts}.",
    zh="以下图片不符合要求：{parts}。",
    way_out_en="Look what is wrong with each beside the picture, replace it and send the application again.",
    way_out_zh="请查看图片旁的说明，更换后重新提交。",
    owner="application",
    status=422,
)
DOCUMENT_UNKNOWN = define(
    code="application.document_unknown",
    en="There is no online application for the kind of document “{document}”.",
    zh="没有“{document}”这类证件的在线申请。",
    way_out_en="Choose a kind from the list, or ask 12367.",
    way_out_zh="请从列表中选择证件种类，或咨询12367。",
    owner="application",
    status=422,
)
OFFICE_UNKNOWN = define(
    code="application.office_unknown",
    en="This city has no counter “{office}”.",
    zh="该城市没有“{office}”这一受理点。",
    way_out_en="Choose a counter from the city's list: the document is issued there, and may be fetched there.",
    way_out_zh="请从该城市的列表中选择受理点：证件由其签发，也可在该处领取。",
    owner="application",
    status=422,
)
POSTAGE_NOT_OFFERED = define(
    code="application.postage_not_offered",
    en="The postage can't be paid in the way that you chose.",
    zh="不能按您选择的方式支付邮资。",
    way_out_en="Choose from what is offered here ({offered}), or leave the choice out; what you fetch at a counter costs no postage.",
    way_out_zh="请从可选方式中选择（{offered}），或不作选择；到窗口领取的，不收邮资。",
    owner="application",
    status=422,
)
CORRECTION_TOO_LATE = define(
    code="application.correction_too_late",
    en="The time for the correction has run out; the application counts as withdrawn.",
    zh="补正期限已过，申请视为撤回。",
    way_out_en="Apply again; nothing has been charged.",
    way_out_zh="请重新申请；未产生费用。",
    owner="application",
)
PRODUCTION_BEGUN = define(
    code="application.production_begun",
    en="Your document is already being made, so the application can't be withdrawn any more.",
    zh="证件已开始制作，不能再撤回申请。",
    way_out_en="Receive the document; questions to 12367.",
    way_out_zh="请等待领取证件；如有疑问请咨询12367。",
    owner="application",
)
NOT_NOW = define(
    code="application.not_now",
    en="This can't be done now: the application is {state}.",
    zh="当前不能进行此操作：申请状态为“{state}”。",
    way_out_en="See the timeline of the application for the next step, or ask 12367.",
    way_out_zh="请查看申请进度了解下一步，或咨询12367。",
    owner="application",
)


_OFFERED: Final[Mapping[PostageChoice, tuple[str, str]]] = {
    "on_delivery": ("paid to the courier at the door", "收件时付给投递员"),
    "prepaid": ("paid together with the fee", "与证件费一并缴纳"),
}


def postage_not_offered(offered: Sequence[PostageChoice]) -> Refusal:
    """Another way than the city offers."""
    words = [_OFFERED[one] for one in offered] or [("nothing", "无可选方式")]
    return POSTAGE_NOT_OFFERED(
        offered_en=", ".join(en for en, _ in words), offered_zh="、".join(zh for _, zh in words)
    )


def not_now(state: ApplicationState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)
