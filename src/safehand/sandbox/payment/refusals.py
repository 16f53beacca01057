"""The payment service's refusals."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "operator"

UNKNOWN_PAYMENT = define(
    code="payment_service.unknown_payment",
    status=404,
    en="There is no such payment.",
    zh="没有这笔付款。",
    way_out_en="Use the address that the order's page gave, or start paying again from there.",
    way_out_zh="请使用订单页面给出的付款地址，或回到订单页面重新付款。",
    owner=OWNER,
)
NOT_OPEN = define(
    code="payment_service.not_open",
    en="This payment is {state} and cannot be paid again.",
    zh="这笔付款的状态为 {state}，不能再次支付。",
    way_out_en="Go back to the order's page: it shows what to do next.",
    way_out_zh="请返回订单页面查看下一步。",
    owner=OWNER,
)
NOT_PAID = define(
    code="payment_service.not_paid",
    en="This payment is {state}: only a paid one can be refunded.",
    zh="这笔付款的状态为 {state}，只有已支付的款项才能退款。",
    way_out_en="Ask for the payment's status first and refund it once it is paid.",
    way_out_zh="请先查询付款状态，支付成功后再退款。",
    owner=OWNER,
)
REFUND_EXCEEDS_PAID = define(
    code="payment_service.refund_exceeds_paid",
    en="A refund of {refund_fen} fen would exceed what is left of this payment: {left_fen} fen.",
    zh="退款 {refund_fen} 分超过了这笔付款的可退余额 {left_fen} 分。",
    way_out_en="Refund at most what is left; compare with the refunds in the daily statement.",
    way_out_zh="退款不得超过可退余额；请核对每日对账单中的退款记录。",
    owner=OWNER,
)
RETURN_ADDRESS_NOT_ALLOWED = define(
    code="payment_service.return_address_not_allowed",
    status=422,
    en="The return address is not one of this merchant's.",
    zh="返回地址不属于该商户登记的地址。",
    way_out_en="Use an address that begins with one of payment.return_urls in the settings.",
    way_out_zh="请使用以设置文件中 payment.return_urls 之一开头的地址。",
    owner=OWNER,
)
NO_ANSWER = define(
    code="payment_service.no_answer",
    status=504,
    en="The bank did not answer in time. Whether the payment exists is not known.",
    zh="银行未在规定时间内答复，付款是否成立尚不清楚。",
    way_out_en="Ask for the status by the same key, or send the same request again: nothing is paid twice.",
    way_out_zh="请用同一个键查询状态，或重发同一请求：不会重复扣款。",
    owner=OWNER,
)
NO_STATEMENT_YET = define(
    code="payment_service.no_statement_yet",
    status=409,
    en="The day {day} is not over yet, so its statement is not closed.",
    zh="{day} 尚未结束，对账单还未关账。",
    way_out_en="Ask again after midnight, Beijing time; until then ask with open=yes for what there is so far.",
    way_out_zh="请在北京时间零点之后再查；在此之前可加 open=yes 查看当前内容。",
    owner=OWNER,
)
