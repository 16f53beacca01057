"""Why an envelope is not handed to somebody who is not its recipient. None of these stops the recipient."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.receiver"

NOBODY_NAMED = define(
    code="receiver.nobody_named",
    en="Nobody but the recipient may receive this item: the authority has named nobody else.",
    zh="该邮件仅限收件人本人签收：签发机关未告知任何代收人。",
    way_out_en="Do not hand it over. If the recipient is there, claim for the recipient; else record the attempt as failed.",
    way_out_zh="请勿交付。如收件人在场，请按本人签收办理；否则请登记未妥投。",
    owner=_OWNER,
)
NO_LONGER = define(
    code="receiver.no_longer",
    en="Whoever was named may not receive this item any more: the applicant has taken it back.",
    zh="原代收人已被申请人取消，不能再代收该邮件。",
    way_out_en="Do not hand it over to them. If the recipient is there, claim for the recipient; else record the attempt as failed.",
    way_out_zh="请勿交给该代收人。如收件人在场，请按本人签收办理；否则请登记未妥投。",
    owner=_OWNER,
)
PAPERS_NOT_SEEN = define(
    code="receiver.papers_not_seen",
    en="Somebody else receives it only against three papers; still to be looked at: {missing}.",
    zh="他人代收须出示三样材料，尚未查看：{missing}。",
    way_out_en="Look at them, compare the names with those that you are shown, and claim again. Who has not brought them can't receive it today.",
    way_out_zh="请查看材料，并与系统显示的姓名核对，再重新提交。未携带的，今日不能代收。",
    owner=_OWNER,
    status=422,
)
BY_CODE_ONLY = define(
    code="receiver.by_code_only",
    en="An agent is proven by the agent's own delivery code and by nothing else.",
    zh="代收人只能凭其本人的投递码核验。",
    way_out_en="Ask for the code in the message that the authority sent to the agent's own phone, and choose proof by code.",
    way_out_zh="请代收人说出签发机关发到其本人手机的投递码，并选择按投递码核验。",
    owner=_OWNER,
    status=422,
)
