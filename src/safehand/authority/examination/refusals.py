"""Why an examiner's act is refused."""

from safehand.authority.examination.states import WORDS, ExaminationState
from safehand.kernel.outcome import Refusal, define

NO_DEFECT_NAMED = define(
    code="examination.no_defect_named",
    en="A request for correction must name at least one defect.",
    zh="补正通知须至少列明一项问题。",
    way_out_en="Choose every defect from the list, all at once.",
    way_out_zh="请从列表中一次性选出全部问题。",
    owner="examination",
    status=422,
)
DEFECT_UNKNOWN = define(
    code="examination.defect_unknown",
    en="These are not defects of the list: {defects}.",
    zh="以下问题不在列表中：{defects}。",
    way_out_en="Choose defects from the list.",
    way_out_zh="请从列表中选择。",
    owner="examination",
    status=422,
)
REASON_UNKNOWN = define(
    code="examination.reason_unknown",
    en="“{reason}” is not a reason of the list.",
    zh="“{reason}”不在不予批准理由列表中。",
    way_out_en="Choose a reason from the list.",
    way_out_zh="请从列表中选择理由。",
    owner="examination",
    status=422,
)
CORRECTIONS_USED_UP = define(
    code="examination.corrections_used_up",
    en="The applicant was asked to correct {rounds} times already.",
    zh="已要求申请人补正{rounds}次。",
    way_out_en="Approve or refuse, or call the applicant in to the counter.",
    way_out_zh="请作出批准或不予批准的决定，或请申请人到窗口办理。",
    owner="examination",
)
NOT_NOW = define(
    code="examination.not_now",
    en="This can't be done now: the examination is {state}.",
    zh="当前不能进行此操作：审核状态为“{state}”。",
    way_out_en="Take the next application from the worklist.",
    way_out_zh="请从待办列表中办理下一件。",
    owner="examination",
)


def not_now(state: ExaminationState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)
