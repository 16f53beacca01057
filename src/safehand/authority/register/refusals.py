"""Why the population register can't help with a person."""

from safehand.kernel.outcome import define

REGISTER_SILENT = define(
    code="register.silent",
    en="The population register does not answer at this moment, so nothing was decided.",
    zh="人口登记系统暂时没有应答，尚未作出任何决定。",
    way_out_en="Try again in a few minutes with the same idempotency key.",
    way_out_zh="请几分钟后用同一个幂等键重试。",
    owner="register",
    status=503,
)
