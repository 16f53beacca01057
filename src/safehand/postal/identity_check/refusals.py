"""Why no further question about a person is passed on."""

from typing import Final

from safehand.kernel.outcome import define

_OWNER: Final = "postal.identity_check"

ITEM_ASKED_TOO_OFTEN = define(
    code="identity_check.item_asked_too_often",
    en="The authority was asked {asked} times about this item within a day; it is not asked again today.",
    zh="一天内已就该邮件向签发机关核验{asked}次，今日不再核验。",
    way_out_en="Do not hand over. Record the attempt as failed (identity not proven) and bring the envelope back.",
    way_out_zh="请勿交付。请按“身份未能核实”登记未妥投，并将信封带回。",
    owner=_OWNER,
    status=429,
)
COURIER_ASKED_TOO_OFTEN = define(
    code="identity_check.courier_asked_too_often",
    en="{asked} claims of this courier within the last hour; more are not passed on.",
    zh="该投递员一小时内已提交{asked}次核验，不再转交。",
    way_out_en="Wait until an hour has passed since the first, or call the postal manager.",
    way_out_zh="请在第一次提交满一小时后再试，或联系邮政主管。",
    owner=_OWNER,
    status=429,
)
