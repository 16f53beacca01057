"""Why a label or a manifest is not printed, in two languages, with the way out."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.acceptance.labels"

FIELDS_ZH: Final[dict[str, str]] = {
    "routing code": "分拣码",
    "round": "频次",
    "item count": "件数",
    "postage": "邮费",
    "order reference": "订单号",
    "sender name": "寄件单位名称",
    "return address": "退回地址",
    "recipient name": "收件人姓名",
    "recipient phone": "收件人电话",
    "recipient address": "收件地址",
    "manifest number": "清单号",
    "bag number": "邮袋号",
    "seal number": "封志号",
    "giving office": "交出单位",
    "taking office": "接收单位",
    "closing time": "封袋时间",
    "waybill list": "邮件号清单",
}
"""The printed fields by their English name, for the Chinese sentences."""

NOTHING_TO_PRINT = define(
    code="label.nothing_to_print",
    en="No label was given to print.",
    zh="没有需要打印的面单。",
    way_out_en="Choose at least one item and print again.",
    way_out_zh="请至少选择一件邮件后重新打印。",
    owner=_OWNER,
    status=422,
)
TOO_MANY = define(
    code="label.too_many",
    en="{count} labels were given; one print takes at most {count_max}.",
    zh="一次提交了 {count} 张面单,最多可打印 {count_max} 张。",
    way_out_en="Print in several batches of at most {count_max}.",
    way_out_zh="请分批打印,每批不超过 {count_max} 张。",
    owner=_OWNER,
    status=422,
)
WAYBILL_INVALID = define(
    code="label.waybill_invalid",
    en="{waybill} is not a waybill number: neither S10 with a right check digit nor 13 digits.",
    zh="{waybill} 不是有效的邮件号:既不是校验位正确的 S10 号码,也不是 13 位数字。",
    way_out_en="Take the number from the waybill allocation instead of typing it, then print again.",
    way_out_zh="请从号码分配记录中取号,不要手工输入,然后重新打印。",
    owner=_OWNER,
    status=422,
)
FIELD_INVALID = define(
    code="label.field_invalid",
    en="{waybill}: the {field} cannot be printed; {rule}.",
    zh="{waybill}:{field} 无法打印;{rule}。",
    way_out_en="Correct the {field} of this item and print again; the other items can be printed without it.",
    way_out_zh="请更正该邮件的 {field} 后重新打印;其他邮件可先行打印。",
    owner=_OWNER,
    status=422,
)
CHARACTER_NOT_PRINTABLE = define(
    code="label.character_not_printable",
    en="{waybill}: the {field} holds the character {character} ({code_point}), which the label's font cannot print.",
    zh="{waybill}:{field} 中的字符 {character}({code_point})不在面单字库中,无法打印。",
    way_out_en="Print this item with the opaque label, or have the order corrected to a spelling in common characters"
    " or Latin letters; the recipient's identity is checked from the order, not from the label.",
    way_out_zh="请改用无个人信息面单打印该邮件,或将订单改为常用字或拼音写法;收件人身份以订单核验为准,不以面单为准。",
    owner=_OWNER,
    status=422,
)
TEXT_DOES_NOT_FIT = define(
    code="label.text_does_not_fit",
    en="{waybill}: the {field} does not fit on a label of this size, even in the smallest readable type.",
    zh="{waybill}:{field} 即使使用最小可读字号,也放不进该尺寸的面单。",
    way_out_en="Use the larger label, shorten the {field}, or print this item with the opaque label.",
    way_out_zh="请改用大尺寸面单,缩短 {field},或改用无个人信息面单打印。",
    owner=_OWNER,
    status=422,
)
RECIPIENT_MISSING = define(
    code="label.recipient_missing",
    en="{waybill}: a masked label needs the masked recipient and the sender, and only opaque facts were given.",
    zh="{waybill}:脱敏面单需要脱敏后的收件人和寄件人信息,但只提供了无个人信息面单的内容。",
    way_out_en="Print it with the opaque profile, or give the full label facts.",
    way_out_zh="请改用无个人信息面单,或提供完整的面单内容。",
    owner=_OWNER,
    status=422,
)
MANIFEST_COUNT_DIFFERS = define(
    code="manifest.count_differs",
    en="Bag {bag}: {declared} items are declared but {listed} waybills are listed.",
    zh="邮袋 {bag}:申报 {declared} 件,但清单列出 {listed} 个邮件号。",
    way_out_en="Count the bag again in pairs, correct the list or the count, and print the manifest before sealing.",
    way_out_zh="请双人重新清点邮袋,更正清单或件数,并在封袋前重新打印清单。",
    owner=_OWNER,
)
MANIFEST_WAYBILL_REPEATED = define(
    code="manifest.waybill_repeated",
    en="Bag {bag}: waybill {waybill} is listed more than once.",
    zh="邮袋 {bag}:邮件号 {waybill} 重复列出。",
    way_out_en="Scan the bag again; each envelope has a number of its own, so one of the two scans is wrong.",
    way_out_zh="请重新扫描邮袋;每个信封都有唯一号码,其中一次扫描有误。",
    owner=_OWNER,
)
MANIFEST_FIELD_INVALID = define(
    code="manifest.field_invalid",
    en="The manifest's {field} cannot be printed; {rule}.",
    zh="清单的 {field} 无法打印;{rule}。",
    way_out_en="Correct the {field} and print the manifest again.",
    way_out_zh="请更正 {field} 后重新打印清单。",
    owner=_OWNER,
    status=422,
)
ITEM_CODE_UNREADABLE = define(
    code="label.item_code_unreadable",
    en="The scanned code is not an item code of this post.",
    zh="扫描的二维码不是本系统的邮件码。",
    way_out_en="Scan the square code on the front of the envelope again, or type the waybill number.",
    way_out_zh="请重新扫描信封正面的方形码,或手工输入邮件号。",
    owner=_OWNER,
    status=422,
)
