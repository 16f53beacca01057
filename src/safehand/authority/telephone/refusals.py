"""Why a telephone number stays as it is."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "telephone"

NOT_RUNNING = define(
    code="telephone.not_running",
    en="The telephone number can't be changed: the application is {state}.",
    zh="不能更换手机号：申请状态为“{state}”。",
    way_out_en="Send a correction first if one is asked for; with questions ring 12367.",
    way_out_zh="如需补正，请先提交补正；如有疑问请拨打12367。",
    owner=OWNER,
)
WITH_THE_POST = define(
    code="telephone.with_the_post",
    en="The delivery is ordered with the old number, which can't be changed any more.",
    zh="已按原手机号委托投递，不能再更换。",
    way_out_en="You need no text message at the door: sign in and confirm there yourself. Or fetch it at the post office with your ID card; or ring 12367.",
    way_out_zh="投递时无需短信：可登录后本人确认签收；也可持身份证到邮政网点领取，或拨打12367。",
    owner=OWNER,
)
ADDRESS_WAITS = define(
    code="telephone.address_waits",
    en="Another address was asked for and still waits: until then the number stays, so that you are told of it.",
    zh="变更地址的申请尚未生效，为确保能通知到您，暂不能更换手机号。",
    way_out_en="Wait until the new address holds, or stop that change.",
    way_out_zh="请等待新地址生效，或停止该项变更。",
    owner=OWNER,
)
JUST_CHANGED = define(
    code="telephone.just_changed",
    en="The telephone number was changed within the last {hours} hours, or is just being changed: until then the address stays.",
    zh="手机号正在更换，或在{hours}小时内刚刚更换，暂不能变更地址。",
    way_out_en="Ask for the other address after that; or ring 12367.",
    way_out_zh="请在此之后再申请变更地址，或拨打12367。",
    owner=OWNER,
)
ALREADY_ASKED = define(
    code="telephone.already_asked",
    en="Another number is just being proven.",
    zh="已有一个新手机号正在验证。",
    way_out_en="Give the code that was sent to it, or stop that change first.",
    way_out_zh="请输入发送到该号码的验证码，或先停止该项更换。",
    owner=OWNER,
)
TOO_OFTEN = define(
    code="telephone.too_often",
    en="Another number was asked for {most} times in this application; no more changes are taken online.",
    zh="本次申请已{most}次申请更换手机号，不再受理网上更换。",
    way_out_en="Ring 12367, or come to the counter with your ID card.",
    way_out_zh="请拨打12367，或持身份证到窗口办理。",
    owner=OWNER,
)
NOTHING_ASKED = define(
    code="telephone.nothing_asked",
    en="No number is being proven here (any more): the time is over, or it was done or stopped.",
    zh="没有待验证的手机号（已超时、已完成或已停止）。",
    way_out_en="Look at the page anew, and ask once more if it is still wanted.",
    way_out_zh="请刷新页面，如仍需更换请重新申请。",
    owner=OWNER,
)
