"""Why a scan is not taken down."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.transport"

NOT_ACCEPTED = define(
    code="transport.not_accepted",
    en="The post has not signed for this item, so it can't be on its way.",
    zh="邮政尚未签收该邮件，不能进入运输。",
    way_out_en="Count its bag first, then scan again; an item without a bag goes to the postal manager.",
    way_out_zh="请先清点其邮袋再扫描；无邮袋的邮件交邮政主管处理。",
    owner=_OWNER,
)
SCANS_USED_UP = define(
    code="transport.scans_used_up",
    en="This item already has {scans_max} scans; more look like a fault of a device.",
    zh="该邮件已有{scans_max}次扫描，再多可能是设备故障。",
    way_out_en="Put the item aside and tell the postal manager, who opens an incident or sends it back.",
    way_out_zh="请将邮件搁置并报告邮政主管，由其登记异常或办理退回。",
    owner=_OWNER,
)
SCAN_UNKNOWN = define(
    code="transport.scan_unknown",
    en="This item has no scan of that name, so none can be voided.",
    zh="该邮件没有此编号的扫描，无法作废。",
    way_out_en="Choose one from the item's list of scans.",
    way_out_zh="请从该邮件的扫描列表中选择。",
    owner=_OWNER,
    status=404,
)
