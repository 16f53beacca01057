"""Why nobody is named, or released."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "agent"

NOT_NOW = define(
    code="agent.not_now",
    en="Nobody can be named to receive it any more: the application is {state}, or the post has the envelope already.",
    zh="已不能指定代收人：申请状态为“{state}”，或信封已交邮政。",
    way_out_en="Receive it yourself; or have it held at the post office, or fetched at the counter (12367).",
    way_out_zh="请本人签收；或改为邮政网点、出入境窗口领取（咨询12367）。",
    owner=OWNER,
)
TOO_MANY = define(
    code="agent.too_many",
    en="{most} people were named for this application one after the other; no more can be named online.",
    zh="本次申请已先后指定{most}位代收人，不能再在网上指定。",
    way_out_en="Receive it yourself, or ring 12367.",
    way_out_zh="请本人签收，或拨打12367。",
    owner=OWNER,
)
CHANGED = define(
    code="agent.changed",
    en="Somebody was named or released in another window meanwhile.",
    zh="代收人已在其他窗口中变更。",
    way_out_en="Look at the page anew, and do it again if it is still wanted.",
    way_out_zh="请刷新页面，如仍需变更请重新操作。",
    owner=OWNER,
)
UNFIT = define(
    code="agent.unfit",
    en="Who is named to receive it can't be meant so; look at: {fields}.",
    zh="代收人信息有误，请核对：{fields}。",
    way_out_en="Give the name as on the ID card and a mobile number of the mainland; neither may be the applicant's own. Or name nobody.",
    way_out_zh="请填写代收人身份证上的姓名和内地手机号码，均不能与申请人相同；也可以不指定。",
    owner=OWNER,
    status=422,
)
NOBODY_NAMED = define(
    code="agent.nobody_named",
    en="Nobody is named to receive it.",
    zh="目前没有指定代收人。",
    way_out_en="There is nothing to do: only the applicant may receive it.",
    way_out_zh="无需操作：证件仅限申请人本人签收。",
    owner=OWNER,
)
