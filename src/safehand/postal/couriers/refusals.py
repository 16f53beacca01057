"""Why a courier's card is not taken."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.couriers"

NOT_A_PICTURE = define(
    code="courier.not_a_picture",
    en="This is no picture that can be shown: a JPEG or PNG of {side_min} to {side_max} pixels a side is wanted.",
    zh="该文件不是可用的照片：请使用边长 {side_min} 至 {side_max} 像素的 JPEG 或 PNG。",
    way_out_en="Take another picture, or set the card without one.",
    way_out_zh="请更换照片，或先不上传照片。",
    owner=_OWNER,
    status=422,
)
NO_CARD = define(
    code="courier.no_card",
    en="There is no card of this courier.",
    zh="没有该投递员的工牌信息。",
    way_out_en="Compare the courier's reference with the staff list; nothing need be taken away.",
    way_out_zh="请与人员名单核对投递员编号；无须删除。",
    owner=_OWNER,
    status=404,
)
