"""Why an address stays as it is."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "readdressing"

NOT_RUNNING = define(
    code="readdressing.not_running",
    en="The address can't be changed: the application is {state}.",
    zh="不能变更地址：申请状态为“{state}”。",
    way_out_en="Send a correction first if one is asked for; if the application has ended, apply anew with the right address.",
    way_out_zh="如需补正，请先提交补正；如申请已结束，请以正确地址重新申请。",
    owner=OWNER,
)
NOTHING_BROUGHT = define(
    code="readdressing.nothing_brought",
    en="Nothing is brought to you in this application: you fetch the document at the counter.",
    zh="本次申请为窗口领取，不寄送，无需变更地址。",
    way_out_en="Fetch it at the counter that your application names.",
    way_out_zh="请到申请中所选的窗口领取。",
    owner=OWNER,
)
BEING_HANDED_OVER = define(
    code="readdressing.being_handed_over",
    en="The envelope is just being handed over to the post: its address can't be changed at this moment.",
    zh="信封正在移交邮政，此刻不能变更地址。",
    way_out_en="Ask again once the post has it (the next working day): the manager then decides whether to call it back.",
    way_out_zh="请在邮政收寄后（下一个工作日）再申请，由主管人员决定是否召回。",
    owner=OWNER,
)
ALREADY_ASKED = define(
    code="readdressing.already_asked",
    en="Another address was asked for before, and that change still waits.",
    zh="此前已申请变更地址，尚未生效或答复。",
    way_out_en="Stop that change first; then ask for the right one.",
    way_out_zh="请先停止该项变更，再重新申请。",
    owner=OWNER,
)
TOO_OFTEN = define(
    code="readdressing.too_often",
    en="The address of this application was asked to be changed {most} times; no more changes are taken online.",
    zh="本次申请已变更地址{most}次，不再受理网上变更。",
    way_out_en="Ring 12367; they can have the document fetched at the counter instead.",
    way_out_zh="请拨打12367，可改为窗口领取。",
    owner=OWNER,
)
NOTHING_ASKED = define(
    code="readdressing.nothing_asked",
    en="No change of address waits here (any more).",
    zh="没有待处理的变更地址申请（或已处理）。",
    way_out_en="Look at the application anew: it was stopped, decided or took effect meanwhile.",
    way_out_zh="请刷新申请页面：该项变更已停止、已决定或已生效。",
    owner=OWNER,
)
NOT_TO_DECIDE = define(
    code="readdressing.not_to_decide",
    en="Nobody decides on this change: it is before the hand-over, and takes effect by itself unless it is stopped.",
    zh="该项变更在移交邮政之前提出，无需审批，未被停止即自行生效。",
    way_out_en="Stop it if the applicant did not ask for it; else leave it.",
    way_out_zh="如非申请人本人提出，请停止；否则无需处理。",
    owner=OWNER,
)
SAME_ADDRESS = define(
    code="readdressing.same_address",
    en="That is the address to which your document goes already.",
    zh="这就是目前的收件地址。",
    way_out_en="Give another address, or leave it as it is.",
    way_out_zh="请填写其他地址，或保持不变。",
    owner=OWNER,
    status=422,
)
