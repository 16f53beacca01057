"""Why a bag is not announced, counted or settled."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.acceptance.bags"

BAG_UNKNOWN = define(
    code="bag.unknown",
    en="No such bag was announced.",
    zh="未收到该邮袋的预告。",
    way_out_en="Do not open it. Ask the authority to announce it, then count it.",
    way_out_zh="请勿开袋。请签发机关先行预告，再行清点。",
    owner=_OWNER,
    status=404,
)
BAG_DIFFERS = define(
    code="bag.announced_differently",
    en="This bag was announced before with another seal or manifest; the first stands.",
    zh="该邮袋此前已按不同的封志或清单预告，以第一次为准。",
    way_out_en="Announce the other content as a new bag with a new reference.",
    way_out_zh="请以新的邮袋编号预告另一内容。",
    owner=_OWNER,
)
MANIFEST_REPEATS = define(
    code="bag.manifest_repeats",
    en="The manifest names waybill {waybill} twice.",
    zh="清单中邮件号{waybill}重复出现。",
    way_out_en="Correct the manifest and announce the bag again.",
    way_out_zh="请更正清单后重新预告。",
    owner=_OWNER,
    status=422,
)
COUNTED_DIFFERENTLY = define(
    code="bag.counted_differently",
    en="This bag was counted before with another result; the first count stands.",
    zh="该邮袋此前已清点且结果不同，以第一次清点为准。",
    way_out_en="Ask the postal manager to settle the differences; what turns up later comes with another bag.",
    way_out_zh="请由邮政主管处理差异；之后找到的邮件随另一邮袋交接。",
    owner=_OWNER,
)
PUT_ASIDE_UNSEEN = define(
    code="bag.put_aside_unseen",
    en="Waybill {waybill} is put aside and accepted at once, or put aside twice.",
    zh="邮件号{waybill}同时被计入接收和搁置，或被重复搁置。",
    way_out_en="Count each envelope once: either accepted, or put aside with its reason.",
    way_out_zh="每件只计一次：接收，或注明原因后搁置。",
    owner=_OWNER,
    status=422,
)
NOT_A_REASON = define(
    code="bag.not_a_reason_to_put_aside",
    en="Reason {reason} is none for putting an envelope aside at the count.",
    zh="原因{reason}不能用于清点时搁置信封。",
    way_out_en="Use damaged (12), seal broken (16) or recalled (8).",
    way_out_zh="请使用：破损（12）、封口破坏（16）或撤回（8）。",
    owner=_OWNER,
    status=422,
)
NOTHING_TO_SETTLE = define(
    code="bag.nothing_to_settle",
    en="The bag has no open difference: it is {state}.",
    zh="该邮袋没有待处理的差异：状态为{state}。",
    way_out_en="Count the bag first; a bag without a difference needs no settling.",
    way_out_zh="请先清点；没有差异的邮袋无需处理。",
    owner=_OWNER,
)
