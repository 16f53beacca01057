"""Why an act with an envelope is not taken down, whatever the step."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.custody"

FROM_FUTURE = define(
    code="custody.from_future",
    en="The device says that this happened at {at}, which is still to come.",
    zh="设备显示此操作发生于{at}，该时间尚未到来。",
    way_out_en="Set the device's clock, then scan again.",
    way_out_zh="请校准设备时间后重新扫描。",
    owner=_OWNER,
    status=422,
)
