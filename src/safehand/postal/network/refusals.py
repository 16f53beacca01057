"""What can be wrong with a waybill number, a destination or a stock of numbers."""

from safehand.kernel.outcome import define

waybill_malformed = define(
    code="waybill.malformed",
    en="This is no waybill number: it has 13 digits, or two letters, nine digits and CN.",
    zh="不是有效的邮件号：应为13位数字，或2位字母、9位数字加CN。",
    way_out_en="Scan the code on the label again, or type all 13 characters.",
    way_out_zh="请重新扫描面单条码，或完整输入13位字符。",
    status=422,
    owner="network",
)
waybill_check_wrong = define(
    code="waybill.check_wrong",
    en="A digit of this waybill number is wrong: its check digit does not fit.",
    zh="邮件号有误：校验码不符。",
    way_out_en="Scan the code on the label again, or compare every digit with the label.",
    way_out_zh="请重新扫描面单条码，或对照面单逐位核对。",
    status=422,
    owner="network",
)
waybill_country_unknown = define(
    code="waybill.country_unknown",
    en="The last two letters of this waybill number are no country.",
    zh="邮件号末两位不是有效的国家代码。",
    way_out_en="Domestic items end in CN: compare with the label.",
    way_out_zh="国内邮件以CN结尾，请对照面单核对。",
    status=422,
    owner="network",
)
waybills_used_up = define(
    code="waybill.range_used_up",
    en="All {count} waybill numbers of the city {city} are used.",
    zh="城市{city}的{count}个邮件号已全部用完。",
    way_out_en="Add a range to the section [waybills] of the city's file; numbers are never used twice.",
    way_out_zh="请在该城市文件的[waybills]部分增加号段；号码不得重复使用。",
    status=503,
    owner="network",
)
destination_malformed = define(
    code="destination.malformed",
    en="A destination is a code of 6 digits (county) or 9 digits (township), by GB/T 2260.",
    zh="寄达地代码应为6位（县级）或9位（乡镇级）数字，依据GB/T 2260。",
    way_out_en="Choose province, city, district and township from the list.",
    way_out_zh="请从列表中选择省、市、区县和乡镇街道。",
    status=422,
    owner="network",
)
