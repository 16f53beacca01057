"""Why an item isn't sent back, searched for, written off or found."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.undeliverable"

NOT_WITH_POST = define(
    code="undeliverable.not_with_post",
    en="The post does not have this item: it is with the {holder}.",
    zh="该邮件不在邮政手中：当前状态为{holder}。",
    way_out_en="Ask whoever has it; the item's custody history names them.",
    way_out_zh="请联系当前持有方；可在该邮件的保管记录中查询。",
    owner=_OWNER,
)
WITH_COURIER = define(
    code="undeliverable.with_courier",
    en="A courier still has this item.",
    zh="该邮件仍在投递员手中。",
    way_out_en="The courier brings it back to the office first.",
    way_out_zh="请投递员先将邮件交回投递部。",
    owner=_OWNER,
)
CLAIM_OPEN = define(
    code="undeliverable.claim_open",
    en="A claim of delivery is open for this item.",
    zh="该邮件有待答复的交付申报。",
    way_out_en="Wait for the authority's answer, or void the claim if it was a mistake.",
    way_out_zh="请等待签发机关答复；如系误报，请作废该申报。",
    owner=_OWNER,
)
NOT_IN_HAND = define(
    code="undeliverable.not_in_hand",
    en="Nobody of the post has this item in hand.",
    zh="目前没有邮政人员实际持有该邮件。",
    way_out_en="Take it back or find it first; if neither succeeds, open an incident and declare the loss.",
    way_out_zh="请先取回或找到该邮件；如均不成功，请登记异常并宣告丢失。",
    owner=_OWNER,
)
NOT_A_RETURN_REASON = define(
    code="undeliverable.not_a_return_reason",
    en="Reason {reason} is none for sending an item back.",
    zh="原因{reason}不能用于退回邮件。",
    way_out_en="Choose why it can't be delivered; for loss or theft open an incident.",
    way_out_zh="请选择无法投递的原因；丢失或被盗请登记异常。",
    owner=_OWNER,
    status=422,
)
NOT_AN_INCIDENT_REASON = define(
    code="undeliverable.not_an_incident_reason",
    en="Reason {reason} is none for an incident.",
    zh="原因{reason}不能用于登记异常。",
    way_out_en="Use lost (10), stolen (11), damaged (12), seal broken (16) or identity not proven (14).",
    way_out_zh="请使用：丢失（10）、被盗（11）、破损（12）、封口破坏（16）或身份未能核实（14）。",
    owner=_OWNER,
    status=422,
)
NOT_RETURNING = define(
    code="undeliverable.not_returning",
    en="This item is not on its way back: it is {state}.",
    zh="该邮件未在退回途中：状态为{state}。",
    way_out_en="Start its return first, or recall it.",
    way_out_zh="请先办理退回或撤回。",
    owner=_OWNER,
)
NOT_OFFERED = define(
    code="undeliverable.not_offered",
    en="This item is not offered to the issuing office: it is {state}.",
    zh="该邮件未处于交还签发机关的状态：{state}。",
    way_out_en="Offer it at the issuing office first.",
    way_out_zh="请先在签发机关办理交还。",
    owner=_OWNER,
)
NO_INCIDENT = define(
    code="undeliverable.no_incident",
    en="There is no open incident for this item: it is {state}.",
    zh="该邮件没有未结异常：状态为{state}。",
    way_out_en="Open an incident and search first; a loss is declared only after that.",
    way_out_zh="请先登记异常并查找，之后方可宣告丢失。",
    owner=_OWNER,
)
NOTHING_LOST = define(
    code="undeliverable.nothing_lost",
    en="This item is not missing: it is {state}.",
    zh="该邮件并未丢失：状态为{state}。",
    way_out_en="Scan it as usual; if it should be elsewhere, open an incident.",
    way_out_zh="请按常规扫描；如位置不符，请登记异常。",
    owner=_OWNER,
)
RETURN_SCANS_USED_UP = define(
    code="undeliverable.scans_used_up",
    en="This return already has {scans_max} scans; more look like a fault of a device.",
    zh="该退件已有{scans_max}次扫描，再多可能是设备故障。",
    way_out_en="Bring it to the issuing office and offer it; tell the postal manager.",
    way_out_zh="请将邮件送至签发机关交还，并报告邮政主管。",
    owner=_OWNER,
)
