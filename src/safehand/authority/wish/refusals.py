"""Why a wish is not taken."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "wish"

NOT_NOW = define(
    code="wish.not_now",
    en="Another day or the post office can't be chosen now: your document is {state}.",
    zh="目前不能改约投递日或改为网点领取：证件状态为“{state}”。",
    way_out_en="Choose once the post has it, and until it is delivered. The page of your application says what comes next.",
    way_out_zh="请在交邮之后、妥投之前选择。下一步安排请见办理进度页面。",
    owner=OWNER,
)
TOO_MANY = define(
    code="wish.too_many",
    en="You have chosen {most} times for this delivery; no more changes are taken online.",
    zh="本次投递已选择{most}次，不再受理网上变更。",
    way_out_en="Your last choice holds. Nobody at home? The post tries again, and then holds it at the post office; or ring 11183.",
    way_out_zh="以最后一次选择为准。届时无人在家的，邮政会再次投递并留存网点；也可拨打11183。",
    owner=OWNER,
)
CHANGED = define(
    code="wish.changed",
    en="Something else was chosen in another window meanwhile.",
    zh="您已在其他窗口中作出选择。",
    way_out_en="Look at the page anew, and choose again if it is still wanted.",
    way_out_zh="请刷新页面，如仍需变更请重新选择。",
    owner=OWNER,
)
NOT_THAT_DAY = define(
    code="wish.not_that_day",
    en="It can't be brought on that day. Possible are: {days}.",
    zh="不能约定该日投递。可选日期：{days}。",
    way_out_en="Choose one of these days; or fetch it at the post office.",
    way_out_zh="请从中选择，或改为到邮政网点领取。",
    owner=OWNER,
    status=422,
)
NO_DAY_LEFT = define(
    code="wish.no_day_left",
    en="No other day is left: the post can't keep it any longer, or has tried as often as it may.",
    zh="已没有可改约的日期：邮政保管期限将满，或投递次数已用完。",
    way_out_en="Be there on the day of the delivery, or fetch it at the post office.",
    way_out_zh="请在投递当日签收，或到邮政网点领取。",
    owner=OWNER,
)
NO_POST_OFFICE = define(
    code="wish.no_post_office",
    en="In your city the post keeps no documents at its offices.",
    zh="您所在城市的邮政网点不提供证件留存服务。",
    way_out_en="Choose another day, or name somebody else to receive it.",
    way_out_zh="请改约其他投递日。",
    owner=OWNER,
)
