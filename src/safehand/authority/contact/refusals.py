"""Why what is said of a contact is refused."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "contact"

NOTHING_TO_SETTLE = define(
    code="contact.nothing_to_settle",
    en="This applicant is reached by messages, as far as we know: there is nothing to settle.",
    zh="目前可以通过短信或邮件联系到该申请人，无需处理。",
    way_out_en="Take the next line from the worklist; this one was settled meanwhile, or a later message arrived.",
    way_out_zh="请从待办列表中办理下一项；该项已处理，或后续信息已送达。",
    owner=OWNER,
)
