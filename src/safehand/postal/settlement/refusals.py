"""Why postage is not taken down as paid."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.settlement"

NOTHING_DUE = define(
    code="settlement.nothing_due",
    en="No postage is due for this item.",
    zh="该邮件无须支付邮费。",
    way_out_en="Take no money; give back what was taken.",
    way_out_zh="请勿收费；已收的请退还。",
    owner=_OWNER,
)
AMOUNT_DIFFERS = define(
    code="settlement.amount_differs",
    en="The postage is {due_fen} fen, not {amount_fen}.",
    zh="邮费应为{due_fen}分，而非{amount_fen}分。",
    way_out_en="Collect exactly the amount on the label.",
    way_out_zh="请按面单金额收取。",
    owner=_OWNER,
    status=422,
)
NOT_AT_THE_DOOR = define(
    code="settlement.not_at_the_door",
    en="Postage can be collected only by whoever has the item for hand-over.",
    zh="仅由持有该邮件并准备交付的人员收取邮费。",
    way_out_en="Collect it when a courier or the counter has the item.",
    way_out_zh="请在投递员或窗口持有邮件时收取。",
    owner=_OWNER,
)
