"""Errors as people and programs can use them: RFC 9457 problem documents with a stable code and the way out."""

import re

import msgspec

from safehand.kernel.outcome import LANGUAGES, Language, Refusal, define, sentence, status_of, way_out

MEDIA_TYPE = "application/problem+json"
DETAIL_CHARACTERS_MAX = 300

INVALID = define(
    code="request.invalid",
    en="The request can't be read: {detail}",
    zh="无法读取该请求：{detail}",
    way_out_en="Correct what is named and send it again; nothing was changed.",
    way_out_zh="请改正所指出之处后重新发送；未作任何更改。",
    owner="house",
    status=400,
)
KEY_MISSING = define(
    code="request.key_missing",
    en="This request changes something and needs an Idempotency-Key header.",
    zh="此请求会产生更改，需要 Idempotency-Key 请求头。",
    way_out_en="Send a new random key of 8 to 100 characters; repeat the same key when you repeat the request.",
    way_out_zh="请附上 8 至 100 个字符的随机键；重发同一请求时使用同一个键。",
    owner="house",
    status=400,
)
SIGN_IN = define(
    code="session.required",
    en="Please sign in first.",
    zh="请先登录。",
    way_out_en="Sign in, then repeat the request with the session's token.",
    way_out_zh="请登录后携带会话令牌重新发送。",
    owner="house",
    status=401,
)
NOT_ALLOWED = define(
    code="role.not_allowed",
    en="Your role does not allow this.",
    zh="您的角色无权进行此操作。",
    way_out_en="Ask the person whose task it is, or your manager for the role.",
    way_out_zh="请由负责此事的人员办理，或向主管申请相应角色。",
    owner="house",
    status=403,
)
NOT_FOUND = define(
    code="request.not_found",
    en="There is nothing here under this name, or it is not yours to see.",
    zh="此名称下没有内容，或您无权查看。",
    way_out_en="Check the number, or begin at the start page.",
    way_out_zh="请核对编号，或从首页重新开始。",
    owner="house",
    status=404,
)
METHOD = define(
    code="request.method_not_allowed",
    en="This address does not take that kind of request.",
    zh="该地址不接受此类请求。",
    way_out_en="See the API description at /schema for what it takes.",
    way_out_zh="请在 /schema 查看接口说明。",
    owner="house",
    status=405,
)
TOO_LARGE = define(
    code="request.too_large",
    en="The request is larger than we take here.",
    zh="请求过大，无法接受。",
    way_out_en="Send less at once: fewer items, or smaller pictures.",
    way_out_zh="请减少单次发送的内容：减少条目或缩小图片。",
    owner="house",
    status=413,
)
MEDIA = define(
    code="request.media_type",
    en="This address takes JSON only.",
    zh="该地址只接受 JSON。",
    way_out_en="Send the body as JSON with the header Content-Type: application/json.",
    way_out_zh="请以 JSON 发送，并设置请求头 Content-Type: application/json。",
    owner="house",
    status=415,
)
TOO_MANY = define(
    code="request.too_many",
    en="Too many requests are waiting.",
    zh="等待处理的请求过多。",
    way_out_en="Wait a minute, then repeat it with the same key; nothing is lost.",
    way_out_zh="请稍候一分钟，用同一个键重发；不会丢失任何内容。",
    owner="house",
    status=429,
)
UNAVAILABLE = define(
    code="request.unavailable",
    en="We can't reach a part of our system at this moment. It is not yet known whether your request took effect.",
    zh="系统的一部分暂时无法访问，尚不确定您的请求是否已生效。",
    way_out_en="Repeat it in a minute with the same key: it takes effect once, however often you send it.",
    way_out_zh="请一分钟后用同一个键重发：无论发送几次，只会生效一次。",
    owner="house",
    status=503,
)

LANGUAGES_MAX = 20
_QUALITY = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
_PERSONAL = re.compile(r"\d{6,}")


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457: `type` names the kind, `title` is the sentence; `code`, `way_out` and `facts` are ours."""

    type: str
    title: str
    status: int
    code: str
    way_out: str
    facts: dict[str, str | int] = {}


def problem_of(refusal: Refusal, language: Language) -> Problem:
    """The problem document of a refusal, in one language."""
    return Problem(
        type=f"urn:safehand:problem:{refusal.code}",
        title=sentence(refusal, language),
        status=status_of(refusal),
        code=refusal.code,
        way_out=way_out(refusal, language),
        facts=refusal.facts,
    )


def invalid(detail: str) -> Refusal:
    """A request that can't be read. Long digits are hidden: they may be somebody's number."""
    return INVALID(detail=_PERSONAL.sub("…", detail)[:DETAIL_CHARACTERS_MAX])


def language_of(accept_language: str) -> Language:
    """The one of our two languages that is wanted most (RFC 9110, 12.5.4); English where neither is named."""
    best: tuple[float, Language] = (0.0, "en")
    for part in accept_language.split(",", LANGUAGES_MAX)[:LANGUAGES_MAX]:
        tag, _, quality = part.strip().lower().partition(";")
        wanted = _QUALITY.fullmatch(quality.strip())
        weight = 1.0 if not quality else float(wanted[1]) if wanted is not None else 0.0
        primary = tag.strip().partition("-")[0]
        if primary in LANGUAGES and weight > best[0]:
            best = (weight, "zh" if primary == "zh" else "en")
    return best[1]
