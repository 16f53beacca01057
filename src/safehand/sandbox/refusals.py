"""The refusals that every sandbox service shares: broken requests, wrong tokens, limits."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "operator"
_DOCS_EN: Final = "Read docs/how-to/sandbox.md for the shape of this request and send it again."
_DOCS_ZH: Final = "请查看 docs/how-to/sandbox.md 中的请求格式，改正后重新发送。"

NO_SUCH_ADDRESS = define(
    code="sandbox.no_such_address",
    status=404,
    en="This service has nothing at that address.",
    zh="本服务没有这个地址。",
    way_out_en="Check the address against docs/how-to/sandbox.md.",
    way_out_zh="请对照 docs/how-to/sandbox.md 检查地址。",
    owner=OWNER,
)
METHOD_NOT_ALLOWED = define(
    code="sandbox.method_not_allowed",
    status=405,
    en="This address exists but does not take that method.",
    zh="这个地址存在，但不支持该请求方法。",
    way_out_en="Use one of the methods named in the Allow header.",
    way_out_zh="请使用 Allow 响应头中列出的方法。",
    owner=OWNER,
)
BODY_TOO_LARGE = define(
    code="sandbox.body_too_large",
    status=413,
    en="The request's body is larger than this service takes.",
    zh="请求内容超过本服务允许的大小。",
    way_out_en="Split the batch and send smaller ones: at most 500 items each.",
    way_out_zh="请拆分批次后再发送：每批最多 500 条。",
    owner=OWNER,
)
WRONG_MEDIA_TYPE = define(
    code="sandbox.wrong_media_type",
    status=415,
    en="This address takes {wanted} only.",
    zh="这个地址只接受 {wanted}。",
    way_out_en="Send the body as {wanted} and say so in Content-Type.",
    way_out_zh="请以 {wanted} 格式发送，并在 Content-Type 中注明。",
    owner=OWNER,
)
NOT_JSON = define(
    code="sandbox.not_json",
    status=400,
    en="The body is not JSON: {problem}.",
    zh="请求内容不是有效的 JSON：{problem}。",
    way_out_en=_DOCS_EN,
    way_out_zh=_DOCS_ZH,
    owner=OWNER,
)
WRONG_SHAPE = define(
    code="sandbox.wrong_shape",
    status=422,
    en="The body does not have the agreed shape: {problem}.",
    zh="请求内容不符合约定的格式：{problem}。",
    way_out_en=_DOCS_EN,
    way_out_zh=_DOCS_ZH,
    owner=OWNER,
)
WRONG_QUERY = define(
    code="sandbox.wrong_query",
    status=400,
    en="The address's parameter {parameter} is wrong: {problem}.",
    zh="地址参数 {parameter} 有误：{problem}。",
    way_out_en=_DOCS_EN,
    way_out_zh=_DOCS_ZH,
    owner=OWNER,
)
NOT_AUTHORISED = define(
    code="sandbox.not_authorised",
    status=401,
    en="The request carries no valid access token of this service.",
    zh="请求没有携带本服务的有效访问令牌。",
    way_out_en="Send 'Authorization: Bearer' with the token from this service's section of the settings file.",
    way_out_zh="请在 Authorization 请求头中以 Bearer 方式携带设置文件中该服务的令牌。",
    owner=OWNER,
)
KEY_WITH_OTHER_BODY = define(
    code="sandbox.key_with_other_body",
    status=422,
    en="This idempotency key was used before with another content.",
    zh="该幂等键曾用于不同的内容。",
    way_out_en="Repeat exactly what was sent before, or use a new key for a new request.",
    way_out_zh="请原样重发之前的内容；如为新请求，请使用新的键。",
    owner=OWNER,
)
CLOCK_NOT_SETTABLE = define(
    code="sandbox.clock_not_settable",
    status=409,
    en="This sandbox runs on the real clock, which nobody can move.",
    zh="本沙箱使用真实时钟，无法调整。",
    way_out_en="Start the sandbox with rehearsal = true in its settings to have a clock that can be moved.",
    way_out_zh="请在设置中写入 rehearsal = true 后重新启动，即可使用可调时钟。",
    owner=OWNER,
)
BUSY = define(
    code="sandbox.busy",
    status=503,
    en="The service has too much open work at this moment.",
    zh="服务当前未完成的工作过多。",
    way_out_en="Wait a moment and send the same request again.",
    way_out_zh="请稍候，再次发送同一请求。",
    owner=OWNER,
)
FAULT = define(
    code="sandbox.fault",
    status=500,
    en="The service made a mistake; the request changed nothing.",
    zh="服务发生错误；本次请求未作任何更改。",
    way_out_en="Send the same request again; if it happens again, read the service's log.",
    way_out_zh="请重新发送同一请求；如再次出现，请查看服务日志。",
    owner=OWNER,
)
