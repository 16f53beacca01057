"""Why no group is begun, joined or left, or nothing more of it can be chosen."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "group"

NOT_NOW = define(
    code="group.not_now",
    en="This application can't join a group now: it has ended, its document is on its way, it is fetched at the counter, or another address is asked for.",
    zh="该申请目前不能加入同行组：已办结、证件已进入寄递、选择窗口领取，或正在变更地址。",
    way_out_en="It goes its own way. Whoever lives with you can still name you to receive theirs, on the page of their application.",
    way_out_zh="本件将单独办理。同住家人仍可在其申请页面指定您代收。",
    owner=OWNER,
)
IN_A_GROUP = define(
    code="group.in_a_group",
    en="This application is in a group already.",
    zh="该申请已在一个同行组中。",
    way_out_en="Leave that group first, on its page; then this can be done.",
    way_out_zh="请先在同行组页面退出，再重新操作。",
    owner=OWNER,
)
NO_GROUP = define(
    code="group.no_group",
    en="This application is in no group.",
    zh="该申请未加入同行组。",
    way_out_en="Begin a group, or join one by the link that its members send you.",
    way_out_zh="请新建同行组，或通过成员发来的链接加入。",
    owner=OWNER,
)
ON_ITS_WAY = define(
    code="group.on_its_way",
    en="The document of this application waits for nobody: it goes out already, or is done.",
    zh="该申请的证件已寄出或已办结，无需等待其他成员。",
    way_out_en="Follow it on the page of the application. Nobody can be kept waiting by it any more.",
    way_out_zh="请在办理进度中查看；其他成员也不会再等待本件。",
    owner=OWNER,
)
NOT_WAITING = define(
    code="group.not_waiting",
    en="This document does not wait for anybody at this moment.",
    zh="该证件目前没有在等待其他成员。",
    way_out_en="There is nothing to do. To go your own way from the start, leave the group.",
    way_out_zh="无需操作。如希望单独办理，请退出同行组。",
    owner=OWNER,
)
INVITATION_OVER = define(
    code="group.invitation_over",
    en="This invitation is over, or another one was made since.",
    zh="该邀请已过期，或已被新的邀请取代。",
    way_out_en="Ask whoever sent it for a new link; it opens for seven days.",
    way_out_zh="请向发送者索取新的链接，有效期七天。",
    owner=OWNER,
)
FULL = define(
    code="group.full",
    en="A group has at most {most} applications, and this one has as many.",
    zh="一个同行组最多{most}件申请，该组已满。",
    way_out_en="Begin another group for the rest; what goes to one address on one day comes with one courier anyway.",
    way_out_zh="其余申请可另建一组；同日寄往同一地址的，一般由同一投递员投递。",
    owner=OWNER,
)
CLOSED = define(
    code="group.closed",
    en="All documents of this group are on their way or done: nobody joins it any more.",
    zh="该同行组的证件均已寄出或办结，不能再加入。",
    way_out_en="This application goes its own way; nothing else changes for it.",
    way_out_zh="您的申请将单独办理，其他事项不变。",
    owner=OWNER,
)
CHANGED = define(
    code="group.changed",
    en="The group was changed in another window, or by another member, meanwhile.",
    zh="同行组已在其他窗口或由其他成员更改。",
    way_out_en="Look at the page anew, and do it again if it is still wanted.",
    way_out_zh="请刷新页面，如仍需操作请重新提交。",
    owner=OWNER,
)
OTHER_CITY = define(
    code="group.other_city",
    en="You have no application in the city of this group that can join it.",
    zh="您在该同行组所在城市没有可以加入的申请。",
    way_out_en="A group joins applications of one city. Yours goes its own way; you can still name one another to receive it.",
    way_out_zh="同行组限同一城市的申请。您的申请将单独办理，仍可互相指定代收人。",
    owner=OWNER,
)
NOT_OFFERED = define(
    code="group.not_offered",
    en="This member has not offered to receive the documents of others.",
    zh="该成员未同意代收他人证件。",
    way_out_en="Ask them to tick it on the page of the group; then name them.",
    way_out_zh="请对方先在同行组页面勾选同意，再行指定。",
    owner=OWNER,
)
TOO_YOUNG = define(
    code="group.too_young",
    en="Only somebody of eighteen or older receives the documents of others.",
    zh="代收他人证件须年满十八周岁。",
    way_out_en="Name another member, or receive it yourself.",
    way_out_zh="请指定其他成员，或由本人签收。",
    owner=OWNER,
)
TOO_MANY_INVITATIONS = define(
    code="group.too_many_invitations",
    en="This group has made {most} invitations; no more can be made.",
    zh="该同行组已生成{most}次邀请，不能再生成。",
    way_out_en="Use the last link while it is open; or leave the group and begin another one.",
    way_out_zh="请使用仍有效的最后一个链接；或退出后另建一组。",
    owner=OWNER,
)
