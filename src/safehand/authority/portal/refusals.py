"""What only the pages refuse: forms that are not this session's, sign-ins that got lost on the way."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "authority.portal"

FORM_NOT_YOURS = define(
    code="portal.form_not_yours",
    status=403,
    en="This button was not pressed on a page of your present sign-in. Nothing was changed.",
    zh="该操作不是在您本次登录的页面上进行的，未作任何更改。",
    way_out_en="Open your application anew and press the button there.",
    way_out_zh="请重新打开您的申请页面，再进行操作。",
    owner=OWNER,
)
SIGN_IN_LOST = define(
    code="portal.sign_in_lost",
    status=400,
    en="This sign-in was begun in another browser, was used already, or took longer than ten minutes.",
    zh="本次登录不是在此浏览器中开始的、已被使用，或超过了十分钟。",
    way_out_en="Please sign in again, in one browser and within ten minutes; cookies must be allowed.",
    way_out_zh="请在同一浏览器中十分钟内重新登录，并允许使用 Cookie。",
    owner=OWNER,
)
SIGN_IN_SILENT = define(
    code="portal.sign_in_silent",
    status=503,
    en="The sign-in service does not answer at this moment.",
    zh="登录服务暂时没有响应。",
    way_out_en="Please try again in a few minutes. Your applications go on meanwhile.",
    way_out_zh="请几分钟后再试。您的申请照常办理。",
    owner=OWNER,
)
