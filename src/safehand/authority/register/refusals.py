"""Why the population register can't help with a person."""

from safehand.kernel.outcome import define

PERSON_UNKNOWN = define(
    code="register.person_unknown",
    en="The population register does not know this person.",
    zh="人口登记系统中没有查到此人。",
    way_out_en="Sign in again; if it stays so, ask at your household registration office or call 12367.",
    way_out_zh="请重新登录；如仍无法查到，请到户籍所在地派出所核实，或咨询12367。",
    owner="register",
    status=422,
)
REGISTER_SILENT = define(
    code="register.silent",
    en="The population register does not answer at this moment, so nothing was decided.",
    zh="人口登记系统暂时没有应答，尚未作出任何决定。",
    way_out_en="Try again in a few minutes with the same idempotency key.",
    way_out_zh="请几分钟后用同一个幂等键重试。",
    owner="register",
    status=503,
)
