"""Why an act of hand-over, at the bag or at the counter is refused."""

from safehand.authority.handover.states import WORDS, HandoverState
from safehand.kernel.outcome import Refusal, define

NOT_THIS_ORDER = define(
    code="handover.not_this_order",
    en="This order isn't the case's present one.",
    zh="该订单不是本件的当前订单。",
    way_out_en="Compare the order reference; the manager sees all orders of the case.",
    way_out_zh="请核对订单编号；主管可查看本件的全部订单。",
    owner="handover",
)
WAYBILL_DIFFERS = define(
    code="handover.waybill_differs",
    en="The order already has another waybill number.",
    zh="该订单已有另一个邮件号。",
    way_out_en="The post must say which number holds; a waybill once given never changes.",
    way_out_zh="请由邮政确认有效单号；邮件号一经分配不得更改。",
    owner="handover",
)
REPRINT_NEEDS_REASON = define(
    code="handover.reprint_needs_reason",
    en="This label was printed already.",
    zh="该面单已打印过。",
    way_out_en="Choose why another print is needed and destroy the first label.",
    way_out_zh="请选择重打原因，并销毁原面单。",
    owner="handover",
    status=422,
)
PRINTS_USED_UP = define(
    code="handover.prints_used_up",
    en="The label was printed {count} times already.",
    zh="该面单已打印{count}次。",
    way_out_en="Have the printer looked at, or let the applicant fetch the document at the counter.",
    way_out_zh="请检修打印机，或改为申请人到窗口领取。",
    owner="handover",
)
SAME_PERSON = define(
    code="handover.same_person",
    en="This needs two different persons.",
    zh="此操作须由两名不同人员共同完成。",
    way_out_en="Ask a colleague to scan their own badge.",
    way_out_zh="请由同事刷本人工牌确认。",
    owner="handover",
    status=403,
)
WRONG_ENVELOPE = define(
    code="handover.wrong_envelope",
    en="The envelope and the document don't belong together ({what} differs). Nothing was sealed.",
    zh="信封与证件不符（{what}不一致），未封装。",
    way_out_en="Put both aside, scan each again, and look for the other envelope that was swapped with it.",
    way_out_zh="请将两者放置一旁，分别重新扫描，并查找被调换的另一件。",
    owner="handover",
)
"""What the action answers when a sealing gave `handover.wrong_envelope_caught` instead of `handover.sealed` (`sealing`)."""
WRONG_ITEM = define(
    code="handover.wrong_item",
    en="What was scanned doesn't belong to this case.",
    zh="扫描的物件不属于本件。",
    way_out_en="Scan again; if it stays wrong, put it aside and search by its own number.",
    way_out_zh="请重新扫描；如仍不符，请放置一旁并按其编号查找对应案件。",
    owner="handover",
)
NOT_IN_THIS_BAG = define(
    code="handover.not_in_this_bag",
    en="The envelope isn't in this bag.",
    zh="该信封不在此袋中。",
    way_out_en="See the case for the bag it lies in.",
    way_out_zh="请在案件中查看其所在邮袋。",
    owner="handover",
)
NOT_THE_RECIPIENT = define(
    code="handover.not_the_recipient",
    en="The person at the counter isn't proven to be the applicant or an authorised agent.",
    zh="未能确认来人为申请人本人或其委托人。",
    way_out_en="Keep the document. The applicant comes with a valid ID card; an agent brings the receipt and both ID cards.",
    way_out_zh="请勿交付证件。申请人须持有效身份证领取；代领人须持回执及双方身份证。",
    owner="handover",
    status=403,
)
PICKUP_TOO_LATE = define(
    code="handover.pickup_too_late",
    en="The time for pick-up is over.",
    zh="领取期限已过。",
    way_out_en="The document goes back to the shelf; ask 12367 or the hand-over clerk to keep it again.",
    way_out_zh="证件将退回保管；请联系12367或交接人员重新安排领取。",
    owner="handover",
)
NOT_NOW = define(
    code="handover.not_now",
    en="This can't be done now: the document is {state}.",
    zh="当前不能进行此操作：证件状态为“{state}”。",
    way_out_en="See the case for its next step.",
    way_out_zh="请在案件中查看下一步。",
    owner="handover",
)
BAG_ITEMS_WRONG = define(
    code="bag.items_wrong",
    en="A bag holds 1 to {limit} envelopes; this one would hold {count}.",
    zh="每袋可装1至{limit}件，当前为{count}件。",
    way_out_en="Close it with fewer envelopes, and open another bag for the rest.",
    way_out_zh="请减少件数后封袋，其余另装一袋。",
    owner="handover",
    status=422,
)
BAG_ALREADY_CLOSED = define(
    code="bag.already_closed",
    en="This bag was closed already with other contents.",
    zh="该邮袋已封装，且内容不同。",
    way_out_en="Take a new bag; a seal number is used once.",
    way_out_zh="请使用新的邮袋；封志号仅能使用一次。",
    owner="handover",
)
BAG_SEAL_DIFFERS = define(
    code="bag.seal_differs",
    en="The seal number isn't this bag's.",
    zh="封志号与该邮袋不符。",
    way_out_en="Stop, call the manager, and recount the bag with two persons.",
    way_out_zh="请停止交接，联系主管，由两人重新清点。",
    owner="handover",
)
BAG_UNKNOWN_WAYBILL = define(
    code="bag.unknown_waybill",
    en="{count} of the named items aren't in this bag, or were answered otherwise.",
    zh="所列邮件中有{count}件不在该袋内，或已另有答复。",
    way_out_en="Both sides compare the manifest; what is over stays with the post until it is explained.",
    way_out_zh="请双方核对清单；多出的邮件在查明前由邮政保管。",
    owner="handover",
)
NOT_A_COUNTER_REASON = define(
    code="handover.not_a_counter_reason",
    en="Reason {reason} is none for which a document is handed back at the counter.",
    zh="原因{reason}不能用于在窗口退回证件。",
    way_out_en="Name misprint (17) or damaged (12); a document that isn't fetched goes back by its clock.",
    way_out_zh="请注明印制错误（17）或破损（12）；未领取的证件到期后自动退回。",
    owner="handover",
    status=422,
)
BAG_NOT_NOW = define(
    code="bag.not_now",
    en="This can't be done now: the bag is {state}.",
    zh="当前不能进行此操作：邮袋状态为“{state}”。",
    way_out_en="See the list of bags for its next step.",
    way_out_zh="请在邮袋列表中查看下一步。",
    owner="handover",
)


def not_now(state: HandoverState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)


PRINT_FIRST = define(
    code="handover.print_first",
    en="No label of this case was printed in the last {minutes} minutes.",
    zh="该申请最近 {minutes} 分钟内没有打印面单的记录。",
    way_out_en="Record the print first (a second one with its reason), then fetch the label.",
    way_out_zh="请先登记打印（重打须注明原因），再获取面单。",
    owner="handover",
)
POST_AWAY = define(
    code="handover.post_away",
    en="The post, which makes the label, does not answer at this moment.",
    zh="制作面单的邮政系统暂时没有应答。",
    way_out_en="Fetch it again in a minute; prepare the other envelopes meanwhile. Nothing was printed twice by this.",
    way_out_zh="请一分钟后重新获取；可先准备其他信封。本次请求不会造成重复打印。",
    owner="handover",
    status=503,
)
LABEL_UNKNOWN = define(
    code="handover.label_unknown",
    en="The post has no label for this case's order.",
    zh="邮政没有该申请订单的面单。",
    way_out_en="Compare order and waybill with the post; the manager can let the applicant fetch the document instead.",
    way_out_zh="请与邮政核对订单号和邮件号；主管可改为由申请人到窗口领取。",
    owner="handover",
)
LABEL_PERSON_ERASED = define(
    code="handover.label_person_erased",
    en="The post can't open the recipient of this order any more.",
    zh="邮政已无法读取该订单的收件人信息。",
    way_out_en="Fetch the opaque label, which shows no person, and ask the post about the order.",
    way_out_zh="请改用无个人信息面单，并向邮政询问该订单。",
    owner="handover",
)
LABEL_NOT_PRINTABLE = define(
    code="handover.label_not_printable",
    en="Something on this label can't be printed: a rare character, or a text too long.",
    zh="面单上有无法打印的内容：生僻字或文字过长。",
    way_out_en="Take the opaque label, which shows no person, or the larger size.",
    way_out_zh="请改用无个人信息面单，或选用较大尺寸。",
    owner="handover",
)
