"""Why a payment or a refund is refused."""

from safehand.authority.payment.states import WORDS, PaymentState
from safehand.kernel.outcome import Refusal, define

AMOUNT_DIFFERS = define(
    code="payment.amount_differs",
    en="{due_fen} fen are to be paid ({fee_fen} fee, {postage_fen} postage), but {amount_fen} fen were paid.",
    zh="应缴{due_fen}分（证件费{fee_fen}分，邮资{postage_fen}分），实际支付{amount_fen}分。",
    way_out_en="The payment service gives the money back; pay the exact sum again before the deadline.",
    way_out_zh="款项将由支付平台退回；请在期限前按应缴金额重新支付。",
    owner="payment",
    status=422,
)
TOO_MANY = define(
    code="payment.too_many",
    en="{count} payments came for this application already.",
    zh="该申请已收到{count}笔支付。",
    way_out_en="The payment service must refund this one itself; ask 12367.",
    way_out_zh="本笔须由支付平台直接退回；请咨询12367。",
    owner="payment",
)
REFUND_NOT_OWED = define(
    code="payment.refund_not_owed",
    en="No refund of {amount_fen} fen is owed for this payment.",
    zh="该笔支付没有{amount_fen}分的应退款项。",
    way_out_en="Compare with the list of refunds that are due; each payment, or part of one, goes back once and in full.",
    way_out_zh="请核对待退款清单；每笔款项（或其中应退部分）仅全额退回一次。",
    owner="payment",
)
NOT_NOW = define(
    code="payment.not_now",
    en="This can't be done now: the payment is {state}.",
    zh="当前不能进行此操作：缴费状态为“{state}”。",
    way_out_en="Pay after the approval; the timeline shows when.",
    way_out_zh="请在批准后缴费；进度页面会显示时间。",
    owner="payment",
)


def not_now(state: PaymentState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)


NOT_PAID_YET = define(
    code="payment.not_paid_yet",
    en="The payment service has not received the fee yet.",
    zh="支付平台尚未收到费用。",
    way_out_en="If you have paid, wait a minute and look again; else open the payment and pay before the deadline.",
    way_out_zh="如已支付，请稍候一分钟再查看；否则请打开支付页面，在期限前缴费。",
    owner="payment",
)
PAYMENT_SILENT = define(
    code="payment.service_silent",
    en="The payment service does not answer at this moment. Nothing was charged by this request.",
    zh="支付平台暂时没有应答，本次请求未产生扣款。",
    way_out_en="Try again in a few minutes; whatever you pay is counted once.",
    way_out_zh="请几分钟后重试；所付款项只会计入一次。",
    owner="payment",
    status=503,
)
CALLBACK_UNKNOWN = define(
    code="payment.callback_unknown",
    en="The callback names no payment of ours.",
    zh="该回调所指的款项不属于本机关。",
    way_out_en="Compare its key and order reference with those that we gave; the daily statement settles the rest.",
    way_out_zh="请核对回调中的键与订单号是否为我方所给；其余以每日对账单为准。",
    owner="payment",
    status=404,
)
