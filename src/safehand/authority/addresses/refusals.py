"""Why a document can't be brought to an address, or an address can't be kept; each with the way out."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "authority.addresses"

DIVISION_UNKNOWN = define(
    code="addresses.division_unknown",
    en="This place is not in the list of provinces, cities, districts and towns.",
    zh="所选地区不在省、市、区县、乡镇街道的名单中。",
    way_out_en="Choose it anew from the list, or search for its name.",
    way_out_zh="请从列表中重新选择，或按名称搜索。",
    owner=OWNER,
    status=422,
)
DIVISION_OPEN = define(
    code="addresses.division_open",
    en="The address is not yet exact enough: choose the {level}.",
    zh="地址尚不完整：请选择{level}。",
    way_out_en="Choose one from the list and go on; the street office or town may be left open.",
    way_out_zh="请从列表中选择后继续；不清楚街道或乡镇的，可以不选。",
    owner=OWNER,
    status=422,
)
OUTSIDE_MAINLAND = define(
    code="addresses.outside_mainland",
    en="Documents are delivered in the mainland only, not to {place}.",
    zh="证件仅在内地（大陆）投递，不能寄往{place}。",
    way_out_en="Give an address in the mainland at which you are yourself, or fetch the document at the authority's counter.",
    way_out_zh="请填写您本人在内地（大陆）的收件地址，或选择到出入境窗口领取。",
    owner=OWNER,
    status=422,
)
QUERY_TOO_SHORT = define(
    code="addresses.query_too_short",
    en="Search for at least two and at most {most} characters of a name.",
    zh="请输入地名中的至少两个字，最多{most}个字。",
    way_out_en="Write more of the name, in Chinese, or choose from the lists.",
    way_out_zh="请输入更完整的地名，或从列表中选择。",
    owner=OWNER,
    status=422,
)
NOTHING_FOUND = define(
    code="addresses.nothing_found",
    en="No province, city, district or town has such a name.",
    zh="没有找到这个名称的省、市、区县或乡镇街道。",
    way_out_en="Search for its name in Chinese, for the district instead, or choose from the lists.",
    way_out_zh="请检查用字，改搜所属区县，或从列表中选择。",
    owner=OWNER,
    status=422,
)
TEXT_TOO_SHORT = define(
    code="addresses.text_too_short",
    en="The street and house are too short for a courier to find: {count} characters, at least {least} are needed.",
    zh="详细地址过短，投递员无法找到：共{count}个字，至少需要{least}个字。",
    way_out_en="Write street, house number, building, unit and room.",
    way_out_zh="请填写路名、门牌号、楼栋、单元和房号。",
    owner=OWNER,
    status=422,
)
TEXT_TOO_LONG = define(
    code="addresses.text_too_long",
    en="The street and house are too long for the label: {count} characters, at most {most} fit.",
    zh="详细地址过长，面单放不下：共{count}个字，最多{most}个字。",
    way_out_en="Leave out province, city and district, which you have chosen above, and notes to the courier.",
    way_out_zh="请去掉上方已选的省、市、区县，以及给投递员的留言。",
    owner=OWNER,
    status=422,
)
CHARACTER_HIDDEN = define(
    code="addresses.character_hidden",
    en="The address holds a character that can't be seen or that turns the writing around ({code_point}).",
    zh="地址中含有不可见字符或改变文字方向的字符（{code_point}）。",
    way_out_en="Write the address anew by hand instead of pasting it.",
    way_out_zh="请手工重新输入地址，不要粘贴。",
    owner=OWNER,
    status=422,
)
EMOJI = define(
    code="addresses.emoji",
    en="The address holds a picture character: {character} ({code_point}).",
    zh="地址中含有表情符号：{character}（{code_point}）。",
    way_out_en="Take it out.",
    way_out_zh="请删去该符号。",
    owner=OWNER,
    status=422,
)
CHARACTER_NOT_PRINTABLE = define(
    code="addresses.character_not_printable",
    en="The label's font has no character {character} ({code_point}).",
    zh="面单字库中没有“{character}”字（{code_point}），无法打印。",
    way_out_en="Write it with a common character of the same sound or in Latin letters; the courier will ask for you by telephone.",
    way_out_zh="请改用同音常用字或拼音；投递员会电话联系您。",
    owner=OWNER,
    status=422,
)
NOT_IN_PERSON = define(
    code="addresses.not_in_person",
    en="“{word}” is a locker, a post box or a place that takes mail for others. This document is put into your own hands.",
    zh="“{word}”是快递柜、信箱或代收点。本证件须当面交给您本人，不能投放或由他人代收。",
    way_out_en="Give an address at which you are yourself, or fetch the document at the authority's counter.",
    way_out_zh="请填写您本人能当面签收的地址，或选择到出入境窗口领取。",
    owner=OWNER,
    status=422,
)
NUMBER_OF_PERSON = define(
    code="addresses.number_of_person",
    en="The address holds a long number, as of a telephone or an identity card. Everybody on the way could read it.",
    zh="地址中含有电话号码或证件号码一类的长号码，途中人员均可看到。",
    way_out_en="Take it out; the courier is given your telephone number separately.",
    way_out_zh="请删去；您的电话会另行提供给投递员。",
    owner=OWNER,
    status=422,
)
PHONE_MALFORMED = define(
    code="addresses.phone_malformed",
    en="This is no mobile number of the mainland.",
    zh="这不是内地（大陆）的手机号码。",
    way_out_en="Give the 11 digits of the recipient's mobile number, beginning with 1.",
    way_out_zh="请填写收件人的11位手机号码，以1开头。",
    owner=OWNER,
    status=422,
)
NUMBER_MISSING = define(
    code="addresses.number_missing",
    en="No house number and no building is named. Couriers often don't find such an address.",
    zh="未填写门牌号或楼栋名称，投递员往往找不到这样的地址。",
    way_out_en="Add them if there are any; else go on as it is.",
    way_out_zh="如有请补充；没有的，可以按原样继续。",
    owner=OWNER,
    status=422,
)
"""A hint: it is shown, and hinders nobody."""
OTHER_PLACE = define(
    code="addresses.other_place",
    en="The street and house begin with {place}, which is not the place chosen above.",
    zh="详细地址以“{place}”开头，与上方所选地区不同。",
    way_out_en="Choose the right place above, or go on if the road is called so.",
    way_out_zh="请核对并选择正确的地区；如果路名如此，可以按原样继续。",
    owner=OWNER,
    status=422,
)
"""A hint, too."""
CITY_NOT_REACHED = define(
    code="addresses.city_not_reached",
    en="Documents are not brought to {place} yet.",
    zh="目前尚不能寄往{place}。",
    way_out_en="Give an address in one of these cities: {cities}. Or fetch the document yourself: {counter}.",
    way_out_zh="请填写以下城市的收件地址：{cities}；或自行到窗口领取：{counter}。",
    owner=OWNER,
    status=422,
)
AREA_NOT_REACHED = define(
    code="addresses.area_not_reached",
    en="Documents can't be brought to {place}: {reason}.",
    zh="不能寄往{place}：{reason}。",
    way_out_en="Give another address, or fetch the document yourself: {counter}.",
    way_out_zh="请填写其他收件地址；或自行到窗口领取：{counter}。",
    owner=OWNER,
    status=422,
)
POST_OFFICE_NEVER = define(
    code="addresses.post_office_never",
    en="The post does not keep documents of this city at its counters.",
    zh="本市证件不能在邮政网点存局自取。",
    way_out_en="Choose the way to your door, or the authority's counter.",
    way_out_zh="请选择寄递上门，或到出入境窗口领取。",
    owner=OWNER,
    status=422,
)
BOOK_FULL = define(
    code="addresses.book_full",
    en="Your address book is full: it holds {most} addresses.",
    zh="您的地址簿已满，最多可保存{most}个地址。",
    way_out_en="Take an address out that you no longer need, or use this one without keeping it.",
    way_out_zh="请删除不再需要的地址，或仅用于本次申请、不保存。",
    owner=OWNER,
)
NOT_IN_BOOK = define(
    code="addresses.not_in_book",
    en="This address is not in your address book (any more).",
    zh="您的地址簿中没有这个地址（或已删除）。",
    way_out_en="Look at your address book anew, or type the address.",
    way_out_zh="请刷新地址簿，或重新填写地址。",
    owner=OWNER,
    status=404,
)
BOOK_BUSY = define(
    code="addresses.book_busy",
    en="Your address book was being changed elsewhere at the same time. Nothing was changed here.",
    zh="您的地址簿正在其他窗口中修改，本次未作更改。",
    way_out_en="Do it again; the other change has been kept.",
    way_out_zh="请再操作一次；另一处修改已保存。",
    owner=OWNER,
    status=503,
)
