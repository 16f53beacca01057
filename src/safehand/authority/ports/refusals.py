"""The "no" that services behind ports give, in the authority's own words."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "authority.ports"

ID_NUMBER_INVALID = define(
    code="population_register.id_number_invalid",
    status=422,
    en="This is not a valid resident ID number.",
    zh="这不是有效的公民身份号码。",
    way_out_en="Compare it with the ID card; if the card says the same, go to the household registration office.",
    way_out_zh="请对照身份证核对；如证件上即为此号码，请到户籍部门处理。",
    owner=OWNER,
)
PERSON_UNKNOWN = define(
    code="population_register.person_unknown",
    status=404,
    en="The population register has nobody with this number.",
    zh="人口登记中没有该号码对应的人员。",
    way_out_en="Check the number; if it is right, ask the household registration office or call 12367.",
    way_out_zh="请核对号码；如号码无误，请咨询户籍部门或拨打 12367。",
    owner=OWNER,
)
REGISTER_ENTRY_REFUSED = define(
    code="population_register.entry_refused",
    en="The register did not take the entry: {reason}.",
    zh="登记未接受该条目：{reason}。",
    way_out_en="A manager looks at the case; nothing was entered.",
    way_out_zh="由主管人员查看该案件；未作任何登记。",
    owner=OWNER,
)
PAYMENT_REFUSED = define(
    code="payment_port.refused",
    en="The payment service did not take the request: {reason}.",
    zh="支付服务未接受该请求：{reason}。",
    way_out_en="A manager compares the case with the day's statement; no money moved by this request.",
    way_out_zh="由主管人员核对当日对账单；本次请求未发生资金变动。",
    owner=OWNER,
)
CALLBACK_NOT_GENUINE = define(
    code="payment_port.callback_not_genuine",
    status=401,
    en="This callback is not signed by the payment service, or it is too old: {reason}.",
    zh="该回调未经支付服务签名，或已过期：{reason}。",
    way_out_en="Send it again with a current timestamp and a signature by the key that was agreed.",
    way_out_zh="请使用约定的密钥和当前时间重新签名后发送。",
    owner=OWNER,
)
CALLBACK_NOT_READABLE = define(
    code="payment_port.callback_not_readable",
    status=400,
    en="This callback is genuine but cannot be read.",
    zh="该回调签名有效，但内容无法识别。",
    way_out_en="Compare its shape with the agreed one; the daily statement settles what it meant.",
    way_out_zh="请核对约定的格式；以每日对账单为准。",
    owner=OWNER,
)
SIGN_IN_FAILED = define(
    code="sign_in.failed",
    status=401,
    en="The sign-in did not succeed.",
    zh="登录未成功。",
    way_out_en="Please sign in again. If it happens again, call 12367 and name the reason: {reason}.",
    way_out_zh="请重新登录。如再次失败，请拨打 12367，并告知原因代码：{reason}。",
    owner=OWNER,
)
SIGN_IN_DECLINED = define(
    code="sign_in.declined",
    status=401,
    en="You went back without signing in.",
    zh="您未完成登录。",
    way_out_en="Sign in to go on; nothing you entered was sent.",
    way_out_zh="请登录后继续；您填写的内容尚未提交。",
    owner=OWNER,
)
ASSURANCE_TOO_LOW = define(
    code="sign_in.assurance_too_low",
    status=403,
    en="You signed in without a check that compares you with your ID: a password alone is not enough.",
    zh="您的登录未经过真实身份核验：仅凭密码不够。",
    way_out_en="Sign in again by your face, your ID card or your bank card, or apply at a counter.",
    way_out_zh="请重新登录，选择刷脸、身份证芯片或银行卡核验，或到窗口办理。",
    owner=OWNER,
)
NOT_PROVEN_ANEW = define(
    code="sign_in.not_proven_anew",
    status=403,
    en="The sign-in service did not ask you again who you are, so this can't count as your confirmation.",
    zh="登录服务没有重新核验您的身份，不能作为本次确认。",
    way_out_en="Please confirm once more; nothing was changed.",
    way_out_zh="请再次确认；未作任何更改。",
    owner=OWNER,
)
SMS_NUMBER_INVALID = define(
    code="notices.sms_number_invalid",
    status=422,
    en="This mobile number cannot receive text messages.",
    zh="该手机号码无法接收短信。",
    way_out_en="Give another mobile number, or an e-mail address.",
    way_out_zh="请提供其他手机号码或电子邮箱。",
    owner=OWNER,
)
SMS_REFUSED = define(
    code="notices.sms_refused",
    en="The text message was not taken: {reason}.",
    zh="短信未被接受：{reason}。",
    way_out_en="It is tried again later; the portal shows the same news.",
    way_out_zh="稍后会再次发送；门户页面显示相同内容。",
    owner=OWNER,
)
MAIL_REFUSED = define(
    code="notices.mail_refused",
    status=422,
    en="The mail server refused this recipient for good (code {reply}).",
    zh="邮件服务器拒绝了该收件人（代码 {reply}）。",
    way_out_en="Give another e-mail address, or a mobile number.",
    way_out_zh="请提供其他电子邮箱或手机号码。",
    owner=OWNER,
)
