"""Why an inquiry is not answered."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.inquiry"

NOTHING_ASKED = define(
    code="inquiry.nothing_asked",
    en="Nobody asks after this item (any more), or it was answered already.",
    zh="该邮件没有待答复的查询，或查询已撤销、已答复。",
    way_out_en="See the list of open inquiries; what was answered wrongly is told to the authority by telephone (12367).",
    way_out_zh="请查看待答复的查询；已答复有误的，请致电签发机关（12367）更正。",
    owner=_OWNER,
)
