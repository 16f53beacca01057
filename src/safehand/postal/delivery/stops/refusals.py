"""Why a stop is not taken as it was named."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.delivery"

STOP_DIFFERS = define(
    code="stop.differs",
    en="This stop was named with other orders before.",
    zh="该同址投递组此前已登记，且所含订单不同。",
    way_out_en="Nothing changes: each item is delivered as ever. The authority names a new stop for other orders.",
    way_out_zh="不影响投递，各邮件照常投递；如订单不同，请签发机关另行登记。",
    owner=_OWNER,
)
NOTHING_NAMED = define(
    code="stop.nothing_named",
    en="No item is named, or one of them twice.",
    zh="未列出邮件，或有重复。",
    way_out_en="Name each item of this door once, 20 at most.",
    way_out_zh="请将该地址的每件邮件各列一次，最多20件。",
    owner=_OWNER,
    status=422,
)
