"""The sign-in's refusals to people; relying parties get the errors that OAuth 2.0 prescribes (RFC 6749)."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "operator"

UNKNOWN_CLIENT = define(
    code="sign_in_service.unknown_client",
    status=400,
    en="The site that sent you here is not registered with this sign-in service.",
    zh="发起登录的网站没有在本登录服务登记。",
    way_out_en="Go back to the site you came from. Its operator: compare client_id with sign_in.clients in the settings.",
    way_out_zh="请返回原网站。网站运行方请核对 client_id 与设置中的 sign_in.clients。",
    owner=OWNER,
)
UNKNOWN_REDIRECT = define(
    code="sign_in_service.unknown_redirect",
    status=400,
    en="The address to return to is not one that this site registered, so nobody is sent there.",
    zh="返回地址不是该网站登记的地址，因此不会跳转。",
    way_out_en="Go back to the site you came from. Its operator: redirect_uri must equal a registered one letter by letter.",
    way_out_zh="请返回原网站。网站运行方请注意：redirect_uri 必须与登记的地址逐字相同。",
    owner=OWNER,
)
NOBODY_OF_THAT_NAME = define(
    code="sign_in_service.nobody_chosen",
    status=422,
    en="The sandbox knows nobody of that key or number.",
    zh="沙箱中没有该代号或号码对应的人员。",
    way_out_en="Go back and choose one of the people on the page.",
    way_out_zh="请返回并选择页面上列出的人员。",
    owner=OWNER,
)
TOKEN_NOT_VALID = define(
    code="sign_in_service.token_not_valid",
    status=401,
    en="The access token is unknown or no longer valid.",
    zh="访问令牌不存在或已失效。",
    way_out_en="Sign in again.",
    way_out_zh="请重新登录。",
    owner=OWNER,
)
