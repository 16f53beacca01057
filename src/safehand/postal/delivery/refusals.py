"""Why something at a door or counter is not done or not believed."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.delivery"

STOPPED = define(
    code="delivery.stopped",
    en="This item must not be delivered: it was recalled, goes back or is in an incident.",
    zh="该邮件不得投递：已被撤回、正在退回或处于异常处理中。",
    way_out_en="Do not hand it over. Bring it back to the office.",
    way_out_zh="请勿交付，并将邮件带回投递部。",
    owner=_OWNER,
)
DELIVERED = define(
    code="delivery.already_delivered",
    en="This item is delivered, with the authority's sealed proof.",
    zh="该邮件已凭签发机关的签封证明妥投。",
    way_out_en="Nothing is left to do. If you have the envelope in your hands, tell the postal manager at once.",
    way_out_zh="无须再操作。如信封仍在您手中，请立即报告邮政主管。",
    owner=_OWNER,
)
CLAIM_PENDING = define(
    code="delivery.claim_pending",
    en="The authority has not answered the last claim yet.",
    zh="签发机关尚未答复上一次交付申报。",
    way_out_en="Wait for its answer; if the claim was a mistake, void it.",
    way_out_zh="请等待答复；如系误报，请作废该申报。",
    owner=_OWNER,
)
LEFT_ELSEWHERE = define(
    code="delivery.left_elsewhere",
    en="This item was reported as left elsewhere; the postal manager deals with it.",
    zh="该邮件已被登记为非本人收取，由邮政主管处理。",
    way_out_en="Fetch it and record that it was taken back; then go on.",
    way_out_zh="请取回邮件并登记“已取回”，再继续操作。",
    owner=_OWNER,
)
NOT_AT_OFFICE = define(
    code="delivery.not_at_office",
    en="This item is not at a delivery office.",
    zh="该邮件不在投递部。",
    way_out_en="Scan its arrival at the office first.",
    way_out_zh="请先扫描到达投递部。",
    owner=_OWNER,
)
NOT_WITH_COURIER = define(
    code="delivery.not_with_courier",
    en="No courier has this item.",
    zh="该邮件不在任何投递员手中。",
    way_out_en="Take it out at the office first.",
    way_out_zh="请先在投递部领取该邮件。",
    owner=_OWNER,
)
WITH_OTHER_COURIER = define(
    code="delivery.with_other_courier",
    en="Another courier has this item.",
    zh="该邮件由另一投递员持有。",
    way_out_en="The courier who has it brings it back to the office; then you can take it out.",
    way_out_zh="请持有人先将邮件交回投递部，再由您领取。",
    owner=_OWNER,
)
NEAR_SAID = define(
    code="delivery.near_said",
    en="The recipient was told {times_max} times in this round that you are near; that is the most.",
    zh="本班次已向收件人提示“即将到达”{times_max}次，已达上限。",
    way_out_en="Go to the door as ever. If nobody is there, record the attempt.",
    way_out_zh="请照常上门；如无人在家，请登记投递未成功。",
    owner=_OWNER,
)
NOT_HELD = define(
    code="delivery.not_held",
    en="The counter does not keep this item.",
    zh="该邮件不在窗口保管。",
    way_out_en="Bring it back and hold it at the counter first.",
    way_out_zh="请先带回并转为窗口保管。",
    owner=_OWNER,
)
OUTSIDE_ROUNDS = define(
    code="delivery.outside_rounds",
    en="Couriers take items out between {first} and {last} o'clock only.",
    zh="投递员仅可在{first}点至{last}点之间领取邮件。",
    way_out_en="Leave the item at the office until the next round.",
    way_out_zh="请将邮件留在投递部，待下一频次领取。",
    owner=_OWNER,
)
WANTED_LATER = define(
    code="delivery.wanted_later",
    en="The recipient wants this item brought on {day}, and not before.",
    zh="收件人要求在{day}投递，此前不得外出投递。",
    way_out_en="Leave it at the office until that day; if the recipient comes to fetch it, hold it at the counter.",
    way_out_zh="请留存投递部至该日；如收件人前来领取，请转窗口保管。",
    owner=_OWNER,
)
WANTED_AT_COUNTER = define(
    code="delivery.wanted_at_counter",
    en="The recipient fetches this item at the counter.",
    zh="收件人要求到网点窗口领取该邮件。",
    way_out_en="Hold it at the counter (reason 7). It goes out again only if the recipient names a day.",
    way_out_zh="请转窗口保管（原因7）；收件人另约投递日后方可再次投递。",
    owner=_OWNER,
)
WISH_WITHOUT_DAY = define(
    code="delivery.wish_without_day",
    en="A wish for another day names the day, and a wish for the counter names none.",
    zh="改期须写明日期，到网点领取则不写日期。",
    way_out_en="The message is kept aside: the authority sends the wish anew under its next number.",
    way_out_zh="该消息已搁置：请签发机关以下一编号重新发送。",
    owner=_OWNER,
    status=422,
)
ATTEMPTS_USED_UP = define(
    code="delivery.attempts_used_up",
    en="All {attempts_max} attempts for this item are used.",
    zh="该邮件的{attempts_max}次投递均已用完。",
    way_out_en="Hold it at the counter for its recipient, or send it back.",
    way_out_zh="请转窗口保管待收件人领取，或办理退回。",
    owner=_OWNER,
)
ATTEMPT_OUT_OF_TURN = define(
    code="delivery.attempt_out_of_turn",
    en="The next attempt for this item is number {expected}, not {attempt}.",
    zh="该邮件的下一次投递应为第{expected}次，而非第{attempt}次。",
    way_out_en="Fetch the round list again and record the attempt once.",
    way_out_zh="请刷新频次清单后登记一次。",
    owner=_OWNER,
)
NOT_A_DOOR_REASON = define(
    code="delivery.not_a_door_reason",
    en="Reason {reason} is none for a failed attempt.",
    zh="原因{reason}不能用于登记未妥投。",
    way_out_en="Choose what happened at the door; for loss, theft or damage open an incident.",
    way_out_zh="请选择上门时的实际情况；丢失、被盗或破损请登记异常。",
    owner=_OWNER,
    status=422,
)
NOT_A_HOLD_REASON = define(
    code="delivery.not_a_hold_reason",
    en="Reason {reason} is none for holding an item at the counter.",
    zh="原因{reason}不能用于窗口保管。",
    way_out_en="Use: wants counter (7), attempts used up (22), rescheduled (5), address insufficient (2), "
    "moved (4) or readdress requested (9).",
    way_out_zh="请使用：要求自取（7）、投递次数用完（22）、改期（5）、地址不详（2）、迁移（4）或申请改址（9）。",
    owner=_OWNER,
    status=422,
)
NOT_A_REJECTION_REASON = define(
    code="delivery.not_a_rejection_reason",
    en="Reason {reason} is none for giving an envelope back at the door.",
    zh="原因{reason}不能用于当面拒收退回。",
    way_out_en="Use misprint (17), seal broken (16) or damaged (12); who simply refuses is a failed attempt (6).",
    way_out_zh="请使用：错印（17）、封口破坏（16）或破损（12）；单纯拒收请登记未妥投（6）。",
    owner=_OWNER,
    status=422,
)
CODE_MISSING = define(
    code="delivery.code_missing",
    en="This way of proof needs the delivery code.",
    zh="此核验方式需要收件码。",
    way_out_en="Ask the recipient for the code in the authority's message, or use the recipient's own session.",
    way_out_zh="请收件人提供签发机关消息中的收件码，或由收件人本人登录确认。",
    owner=_OWNER,
    status=422,
)
CODE_SUPERFLUOUS = define(
    code="delivery.code_superfluous",
    en="This way of proof takes no code.",
    zh="此核验方式不需要收件码。",
    way_out_en="Leave the code empty, or choose proof by code.",
    way_out_zh="请不要填写收件码，或选择按收件码核验。",
    owner=_OWNER,
    status=422,
)
IDENTITY_WORD_MISSING = define(
    code="delivery.identity_word_missing",
    en="Proof by identity document needs the four characters that the counter's terminal makes of it.",
    zh="凭身份证件核验需要窗口终端根据证件生成的四位核验码。",
    way_out_en="Read the document at the terminal and pass on its word, never the number; or let the recipient give the code.",
    way_out_zh="请在终端读取证件并提交其核验码，切勿提交证件号码；也可由收件人提供收件码。",
    owner=_OWNER,
    status=422,
)
METHOD_NOT_HERE = define(
    code="delivery.method_not_here",
    en="This way of proof can't be used here.",
    zh="此核验方式不能在此使用。",
    way_out_en="At the door: code or the recipient's session. At the counter: also the person with the ID card.",
    way_out_zh="上门投递：收件码或本人登录确认。窗口：还可由本人持身份证领取。",
    owner=_OWNER,
    status=422,
)
NO_CLAIM = define(
    code="delivery.no_claim",
    en="The post never claimed a delivery of this item, so there is nothing to answer.",
    zh="邮政从未就该邮件申报交付，无可答复。",
    way_out_en="Compare order and waybill; the message is kept aside for the operators.",
    way_out_zh="请核对订单号与邮件号；该消息已搁置待运行人员处理。",
    owner=_OWNER,
)
NOT_CLAIMED = define(
    code="delivery.not_claimed",
    en="There is no open claim for this item to void.",
    zh="该邮件没有待答复的交付申报可作废。",
    way_out_en="Refresh the list: the authority may have answered already.",
    way_out_zh="请刷新列表：签发机关可能已答复。",
    owner=_OWNER,
)
PROOF_NOT_VERIFIED = define(
    code="delivery.proof_not_verified",
    en="The proof's signature is not the authority's: it proves nothing.",
    zh="该证明的签名不是签发机关的，不能作为证明。",
    way_out_en="Operators: check the authority's keys; the envelope stays where it is.",
    way_out_zh="运行人员：请检查签发机关的密钥；信封保持原状。",
    owner=_OWNER,
    status=403,
)
PROOF_DIFFERS = define(
    code="delivery.proof_differs",
    en="This item was delivered with another proof; the first stands.",
    zh="该邮件已凭另一份证明妥投，以第一份为准。",
    way_out_en="The authority compares both proofs; the message is kept aside.",
    way_out_zh="请签发机关比对两份证明；该消息已搁置。",
    owner=_OWNER,
)
NOT_LEFT_ELSEWHERE = define(
    code="delivery.not_left_elsewhere",
    en="This item was not reported as left elsewhere, so it can't be taken back.",
    zh="该邮件未被登记为非本人收取，无须取回。",
    way_out_en="Go on with what the round list says.",
    way_out_zh="请按频次清单继续操作。",
    owner=_OWNER,
)
