"""Why the post does not take an order or an envelope in."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.acceptance"

ORDER_UNKNOWN = define(
    code="acceptance.order_unknown",
    en="The post has no such order.",
    zh="邮政没有此订单。",
    way_out_en="Compare the reference; if it is right, the authority places the order first.",
    way_out_zh="请核对订单号；如无误，请签发机关先行下单。",
    owner=_OWNER,
    status=404,
)
OTHER_WAYBILL = define(
    code="acceptance.other_waybill",
    en="Waybill {waybill} does not belong to this order.",
    zh="邮件号{waybill}不属于此订单。",
    way_out_en="Scan the label of the envelope in your hands and act on its own order.",
    way_out_zh="请扫描手中信封的面单，并对其所属订单进行操作。",
    owner=_OWNER,
)
ORDER_DIFFERS = define(
    code="acceptance.order_differs",
    en="The order was received before with other terms; those stand.",
    zh="该订单此前已按不同条款收到，以原条款为准。",
    way_out_en="Cancel the order and place a new one under a new reference.",
    way_out_zh="请撤销该订单，并以新的订单号重新下单。",
    owner=_OWNER,
)
TOO_LATE_TO_CANCEL = define(
    code="acceptance.too_late_to_cancel",
    en="The post has already signed for this envelope, so the order can't be cancelled.",
    zh="邮政已签收该信封，订单不能撤销。",
    way_out_en="Recall the item (message 106) instead.",
    way_out_zh="请改用撤回（消息106）。",
    owner=_OWNER,
)
NOT_TAKEN_IN = define(
    code="acceptance.not_taken_in",
    en="Envelope {waybill} can't be signed for: its order is {state}.",
    zh="信封{waybill}不能签收：其订单状态为{state}。",
    way_out_en="Give it back to the authority's clerk and count the bag without it.",
    way_out_zh="请将该信封退还签发机关人员，并在清点时不计入该件。",
    owner=_OWNER,
)
WAYBILL_TAKEN = define(
    code="acceptance.waybill_taken",
    en="Waybill {waybill} already belongs to another order.",
    zh="邮件号{waybill}已属于另一订单。",
    way_out_en="Operators: ranges of two cities overlap; correct the cities' files, then play the message again.",
    way_out_zh="运行人员：两个城市的号段重叠，请更正城市文件后重新处理该消息。",
    owner=_OWNER,
)
REPRINT_NEEDS_REASON = define(
    code="acceptance.reprint_needs_reason",
    en="A label of this order was printed before; printing again needs a reason.",
    zh="该订单的面单已打印过，再次打印须说明原因。",
    way_out_en="Choose a reason: damaged, unreadable, printer failed or lost.",
    way_out_zh="请选择原因：破损、无法识读、打印机故障或遗失。",
    owner=_OWNER,
    status=422,
)
PRINTS_USED_UP = define(
    code="acceptance.prints_used_up",
    en="{prints_max} labels of this order were printed; no more are made.",
    zh="该订单已打印{prints_max}张面单，不再打印。",
    way_out_en="The postal manager looks for the labels that are about.",
    way_out_zh="请联系邮政主管查找已打印的面单。",
    owner=_OWNER,
)
NOTHING_TO_LABEL = define(
    code="acceptance.nothing_to_label",
    en="The order has no waybill to print: it is {state}.",
    zh="该订单没有可打印的邮件号：状态为{state}。",
    way_out_en="Wait until the number is allocated; a cancelled or refused order gets none.",
    way_out_zh="请等待分配邮件号；已撤销或被拒的订单不分配号码。",
    owner=_OWNER,
)
