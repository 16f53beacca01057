"""Why something that comes back, or should, is refused."""

from safehand.authority.returns.states import WORDS, ReturnsState
from safehand.kernel.outcome import Refusal, define

NOT_WITH_THE_POST = define(
    code="returns.not_with_the_post",
    en="The document isn't on its way to the recipient, so there is nothing to recall.",
    zh="证件不在投递途中，无可撤回的邮件。",
    way_out_en="Before hand-over take it out of the bag; after delivery settle the dispute instead.",
    way_out_zh="交邮前请直接从袋中取出；投递后请按争议处理。",
    owner="returns",
)
NOT_THIS_ITEM = define(
    code="returns.not_this_item",
    en="This envelope doesn't belong to this case.",
    zh="该邮件不属于本件。",
    way_out_en="Look the case up by the waybill; if there is none, hand the envelope back to the post.",
    way_out_zh="请按邮件号查找对应案件；如无，请退还邮政。",
    owner="returns",
)
NOT_EXPECTED = define(
    code="returns.not_expected",
    en="Nothing is announced as coming back: the envelope is {state}.",
    zh="没有退回通知：当前状态为“{state}”。",
    way_out_en="Let the post announce the return first; what was proven delivered is the manager's to investigate.",
    way_out_zh="请邮政先发送退回通知；已验证妥投的，由主管调查处理。",
    owner="returns",
)
SAME_PERSON = define(
    code="returns.same_person",
    en="Destruction needs two different witnesses.",
    zh="销毁须有两名不同的见证人。",
    way_out_en="Call a second colleague; both scan their own badge.",
    way_out_zh="请再请一名同事，两人分别刷本人工牌。",
    owner="returns",
    status=403,
)
ALONE = define(
    code="returns.alone",
    en="An empty envelope must be seen by two people.",
    zh="退回空信封须由两人共同确认。",
    way_out_en="Call a colleague; the second person scans their own badge.",
    way_out_zh="请再请一名同事到场，由其刷本人工牌确认。",
    owner="returns",
    status=403,
)
NOTHING_TO_DESTROY = define(
    code="returns.nothing_to_destroy",
    en="There is no invalid document {make} of this case in the house.",
    zh="本件没有在本单位保管的第{make}本作废证件。",
    way_out_en="Invalidate it first, or receive it from the post; the case lists its documents.",
    way_out_zh="请先作废，或先从邮政签收；案件页面列有全部证件。",
    owner="returns",
)
WRONG_BLANK = define(
    code="returns.wrong_blank",
    en="The scanned blank is not document {make} of this case.",
    zh="扫描的证件不是本件的第{make}本。",
    way_out_en="Stop, compare the numbers, and look for the right one.",
    way_out_zh="请停止操作，核对编号并查找正确的证件。",
    owner="returns",
)
NOT_NOW = define(
    code="returns.not_now",
    en="This can't be done now: the document is {state}.",
    zh="当前不能进行此操作：退回状态为“{state}”。",
    way_out_en="See the case for its next step.",
    way_out_zh="请在案件中查看下一步。",
    owner="returns",
)


def not_now(state: ReturnsState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)


def not_expected(state: ReturnsState) -> Refusal:
    """Something came back that nobody announced."""
    en, zh = WORDS[state]
    return NOT_EXPECTED(state_en=en, state_zh=zh)
