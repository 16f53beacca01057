"""Why something that is asked or answered about a case is refused."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "help"

NO_APPLICATION = define(
    code="help.no_application",
    en="There is no application to ask about.",
    zh="没有可以询问的申请。",
    way_out_en="Ask at 12367, day and night.",
    way_out_zh="请拨打 12367 咨询（24 小时）。",
    owner=OWNER,
)
ALREADY_OPEN = define(
    code="help.already_open",
    en="Your last question about this application is not answered yet.",
    zh="您对该申请的上一个问题尚未答复。",
    way_out_en="Wait for the answer, which has a deadline, or ring 12367.",
    way_out_zh="请等待答复（有期限），或拨打 12367。",
    owner=OWNER,
)
NOTHING_OPEN = define(
    code="help.nothing_open",
    en="No question about this application waits for an answer.",
    zh="该申请没有待答复的问题。",
    way_out_en="Take the next line from the worklist; this one was answered meanwhile.",
    way_out_zh="请从待办列表中办理下一项；该问题已答复。",
    owner=OWNER,
)
NOT_ANSWERED = define(
    code="help.not_answered",
    en="There is no answer yet that could be rated or opened again.",
    zh="尚无可以评价或重新提出的答复。",
    way_out_en="Wait for the answer, or ask first.",
    way_out_zh="请等待答复，或先提出问题。",
    owner=OWNER,
)
TOO_LATE = define(
    code="help.too_late_to_reopen",
    en="This question was answered more than {days} days ago and can't be opened again.",
    zh="该问题答复已超过 {days} 天，不能重新提出。",
    way_out_en="Ask a new question on the same page.",
    way_out_zh="请在同一页面提出新问题。",
    owner=OWNER,
)
ALREADY_RATED = define(
    code="help.already_rated",
    en="You have rated this answer already.",
    zh="您已评价过该答复。",
    way_out_en="If it is not settled, open the question again.",
    way_out_zh="如问题未解决，请重新提出。",
    owner=OWNER,
)
TOO_MANY = define(
    code="help.too_many",
    en="About this application {most} texts have been written, the most that there can be.",
    zh="该申请的问题与答复已达 {most} 条上限。",
    way_out_en="Ring 12367, day and night, or go to the authority's counter.",
    way_out_zh="请拨打 12367（24 小时），或到出入境窗口。",
    owner=OWNER,
)
CHANGED_MEANWHILE = define(
    code="help.changed_meanwhile",
    en="Something else was written about this application at the same moment. Nothing of yours was kept.",
    zh="同一时刻该申请有其他内容写入，您的内容未保存。",
    way_out_en="Open the page of your questions anew, and send it again if it still holds.",
    way_out_zh="请重新打开问题页面，如仍需要，请再次提交。",
    owner=OWNER,
)
