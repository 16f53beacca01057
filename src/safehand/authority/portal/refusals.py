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
FORM_NOT_OURS = define(
    code="portal.form_not_ours",
    status=403,
    en="This form was not sent from a page of ours. Nothing was done.",
    zh="该表单不是从本站页面提交的，未作任何处理。",
    way_out_en="Open the page here and send it again.",
    way_out_zh="请在本站打开页面后重新提交。",
    owner=OWNER,
)
CHOICE_UNKNOWN = define(
    code="portal.choice_unknown",
    status=422,
    en="This is no choice of messages that the page offers. Nothing was changed.",
    zh="提交的内容不是页面提供的选项，未作任何更改。",
    way_out_en="Open the page of your messages anew, tick what you want, and save.",
    way_out_zh="请重新打开短信和邮件设置页面，勾选后保存。",
    owner=OWNER,
)
SHARE_LINKS_FULL = define(
    code="portal.share_links_full",
    status=409,
    en="This application already has {count} open links.",
    zh="该申请已有 {count} 个有效链接。",
    way_out_en="End one of them, then make a new one.",
    way_out_zh="请先停用其中一个，再生成新的链接。",
    owner=OWNER,
)
SHARED_UNKNOWN = define(
    code="portal.shared_unknown",
    status=404,
    en="This link shows nothing: it is incomplete, its time is over, or the applicant has ended it.",
    zh="此链接无法打开：链接不完整、已过期，或申请人已停用。",
    way_out_en="Ask the applicant for a new link.",
    way_out_zh="请向申请人索取新的链接。",
    owner=OWNER,
)
INVITATION_UNKNOWN = define(
    code="portal.invitation_unknown",
    status=404,
    en="This link invites to nothing: it is incomplete, its time is over, or another one has taken its place.",
    zh="此链接无法打开：链接不完整、已过期，或已被新的链接取代。",
    way_out_en="Ask whoever sent it for a new link; it opens for seven days.",
    way_out_zh="请向发送者索取新的链接，有效期七天。",
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
WAY_MISSING = define(
    code="portal.sign_in_way_missing",
    status=422,
    en="You have not yet chosen how to prove who you are.",
    zh="您尚未选择核验方式。",
    way_out_en="Choose one of the ways.",
    way_out_zh="请选择一种方式。",
    owner=OWNER,
)
CONSENT_MISSING = define(
    code="portal.face_consent_missing",
    status=422,
    en="Without your consent your face is not compared.",
    zh="未经您同意，不会比对人脸。",
    way_out_en="Tick the box, or choose a way without your face.",
    way_out_zh="请勾选同意，或选择不刷脸的方式。",
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

ANSWER_MISSING = define(
    code="portal.answer_missing",
    status=422,
    en="“{question}” has no answer yet.",
    zh="“{question}”尚未回答。",
    way_out_en="Choose one.",
    way_out_zh="请选择一项。",
    owner=OWNER,
)
DATE_MISSING = define(
    code="portal.date_missing",
    status=422,
    en="“{question}” has no answer yet.",
    zh="“{question}”尚未填写。",
    way_out_en="Fill in year, month and day.",
    way_out_zh="请填写年、月、日。",
    owner=OWNER,
)
ANSWER_UNKNOWN = define(
    code="portal.answer_unknown",
    status=422,
    en="“{question}” has an answer that is not on the list.",
    zh="“{question}”的回答不在可选范围内。",
    way_out_en="Choose one that is on the list.",
    way_out_zh="请选择列出的一项。",
    owner=OWNER,
)
DATE_NOT_REAL = define(
    code="portal.date_not_real",
    status=422,
    en="“{question}” is answered with something that is no date.",
    zh="“{question}”填写的不是有效日期。",
    way_out_en="Write year, month and day in figures, like 1990, 5, 31.",
    way_out_zh="请用数字填写年、月、日，例如 1990 年 5 月 31 日。",
    owner=OWNER,
)
DATE_OUT_OF_RANGE = define(
    code="portal.date_out_of_range",
    status=422,
    en="“{question}” needs a day from {first_day} to {last_day}.",
    zh="“{question}”的日期须在{first_day}至{last_day}之间。",
    way_out_en="Look whether the year is right.",
    way_out_zh="请核对年份。",
    owner=OWNER,
)
FORM_UNREADABLE = define(
    code="portal.form_unreadable",
    status=422,
    en="This form arrived damaged or much too long, so none of it was read.",
    zh="表单内容损坏或过长，未能读取。",
    way_out_en="Please fill it in again on this page.",
    way_out_zh="请在本页重新填写。",
    owner=OWNER,
)
DRAFT_CHANGED = define(
    code="portal.draft_changed",
    status=409,
    en="Your application was changed in another window meanwhile. Nothing of this page was kept.",
    zh="您的申请已在另一个窗口中更改，本页内容未保存。",
    way_out_en="Open your application anew and look whether the answer is still missing there.",
    way_out_zh="请重新打开申请，查看该项是否仍需填写。",
    owner=OWNER,
)
