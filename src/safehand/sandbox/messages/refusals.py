"""The message service's refusals."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "operator"

INVALID_NUMBER = define(
    code="messages_service.invalid_number",
    status=422,
    en="This is not a mobile number that can receive messages.",
    zh="这不是可以接收短信的手机号码。",
    way_out_en="Ask the recipient for another number, or use e-mail.",
    way_out_zh="请向收件人核对号码，或改用电子邮件。",
    owner=OWNER,
)
BOX_FULL = define(
    code="messages_service.box_full",
    en="The recipient's phone takes no more messages at present.",
    zh="收件人的手机暂时无法接收更多短信。",
    way_out_en="Send it again later with the same key, or use e-mail.",
    way_out_zh="请稍后用同一个键重发，或改用电子邮件。",
    owner=OWNER,
)
NO_SUCH_BOX = define(
    code="messages_service.no_such_box",
    status=404,
    en="There are no messages for this recipient, or they are so old that they were cleared away.",
    zh="没有该收件人的信息，或信息较早已被清除。",
    way_out_en="Go back to the list of newest messages.",
    way_out_zh="请返回最新信息列表。",
    owner=OWNER,
)
