"""One refusal for each condition of the online way that can fail, each with the way out.

Facts: `counter` where to go (name, address, hours), `form` what to bring, `from_day` when the online way opens to
this person. A day may tell something about the person, so facts go to the person and to the examiner; the journal
keeps the codes only (`Verdict.codes`).
"""

from typing import Final

from safehand.kernel.outcome import RefusalKind, define

AT_COUNTER_EN: Final = "Apply at the counter: {counter}. Bring {form}."
AT_COUNTER_ZH: Final = "请到窗口办理：{counter}。请携带{form}。"


def _condition(
    *,
    code: str,
    en: str,
    zh: str,
    way_out_en: str = AT_COUNTER_EN,
    way_out_zh: str = AT_COUNTER_ZH,
) -> RefusalKind:
    return define(
        code=f"eligibility.{code}",
        en=en,
        zh=zh,
        way_out_en=way_out_en,
        way_out_zh=way_out_zh,
        status=422,
        owner="eligibility",
    )


too_young = _condition(
    code="too_young",
    en="Online applications are open from the age of {age_years_min} on.",
    zh="在线申请须年满{age_years_min}周岁。",
    way_out_en="Apply with a guardian at the counter: {counter}. Bring {form}. Online from {from_day} on.",
    way_out_zh="请由监护人陪同到窗口办理：{counter}。请携带{form}。自{from_day}起可在线申请。",
)
household_not_covered = _condition(
    code="household_not_covered",
    en="The household registration is not in a city with online applications; a residence permit does not count.",
    zh="户籍所在地未开通在线申请；居住证不能代替户籍。",
)
city_not_open_yet = _condition(
    code="city_not_open_yet",
    en="Online applications in {city} open on {from_day}.",
    zh="{city}将于{from_day}开通在线申请。",
    way_out_en="Apply online from {from_day} on, or now at the counter: {counter}. Bring {form}.",
    way_out_zh="请自{from_day}起在线申请，或现在到窗口办理：{counter}。请携带{form}。",
)
household_elsewhere = _condition(
    code="household_elsewhere",
    en="The household registration is not in {city}.",
    zh="户籍所在地不在{city}。",
    way_out_en="Choose the city of the household registration, or apply at the counter: {counter}. Bring {form}.",
    way_out_zh="请选择户籍所在城市重新申请，或到窗口办理：{counter}。请携带{form}。",
)
state_staff = _condition(
    code="state_staff",
    en="Registered state staff apply at the counter.",
    zh="登记备案的国家工作人员须到窗口办理。",
    way_out_en="Get your organisation's written consent, then apply at the counter: {counter}. Bring {form}.",
    way_out_zh="请先取得所在单位的书面同意，再到窗口办理：{counter}。请携带{form}。",
)
active_service = _condition(
    code="active_service",
    en="Persons on active military service apply at the counter.",
    zh="现役军人须到窗口办理。",
    way_out_en="Get your unit's written consent, then apply at the counter: {counter}. Bring {form}.",
    way_out_zh="请先取得所在部队的书面同意，再到窗口办理：{counter}。请携带{form}。",
)
first_document = _condition(
    code="first_document",
    en="Only holders of a {document} can renew online; the register shows no earlier one.",
    zh="在线办理仅限换发、补发{document}；登记中没有您的旧证件。",
)
document_not_valid = _condition(
    code="document_not_valid",
    en="The {document} is no longer valid; online it can be renewed only while it is valid.",
    zh="您的{document}已失效；只有在有效期内才能在线换发、补发。",
)
fingerprints_missing = _condition(
    code="fingerprints_missing",
    en="No fingerprints were stored when the {document} was issued.",
    zh="签发{document}时未留存指纹。",
    way_out_en="Have fingerprints taken when applying at the counter: {counter}. Bring {form}.",
    way_out_zh="请到窗口办理并采集指纹：{counter}。请携带{form}。",
)
not_in_mainland = _condition(
    code="not_in_mainland",
    en="One must be in the mainland when submitting.",
    zh="提交申请时本人须在内地（大陆）。",
    way_out_en="Submit after your return. Abroad, a Chinese embassy or consulate helps. Counter after return: {counter}. "
    "Bring {form}.",
    way_out_zh="请入境后再提交；在国外可联系中国使领馆。入境后也可到窗口办理：{counter}。请携带{form}。",
)
expires_too_late = _condition(
    code="expires_too_late",
    en="The {document} is still valid for {months} months or more, so expiry is not yet a ground.",
    zh="您的{document}有效期还有{months}个月或以上，尚不能以即将到期为由申请。",
    way_out_en="Apply online from {from_day} on, or name another ground. Otherwise at the counter: {counter}. Bring {form}.",
    way_out_zh="请自{from_day}起在线申请，或选择其他事由；也可到窗口办理：{counter}。请携带{form}。",
)
pages_not_a_ground = _condition(
    code="pages_not_a_ground",
    en="Used-up pages are a ground for passports only, not for a {document}.",
    zh="签证页用完仅适用于护照，不适用于{document}。",
    way_out_en="Name another ground, or apply at the counter: {counter}. Bring {form}.",
    way_out_zh="请选择其他事由，或到窗口办理：{counter}。请携带{form}。",
)
changed_data = _condition(
    code="changed_data",
    en="Changed or wrong personal data can't be corrected online.",
    zh="个人信息变更或有误的，不能在线办理。",
    way_out_en="Bring proof of the change and {form} to the counter: {counter}.",
    way_out_zh="请携带变更证明和{form}到窗口办理：{counter}。",
)
ground_not_allowed = _condition(
    code="ground_not_allowed",
    en="This ground can't be used online for a {document}.",
    zh="该事由不适用于在线办理{document}。",
    way_out_en="Name another ground, or apply at the counter: {counter}. Bring {form}.",
    way_out_zh="请选择其他事由，或到窗口办理：{counter}。请携带{form}。",
)
exit_restricted = _condition(
    code="exit_restricted",
    en="The register holds a restriction, so this application can't be taken online.",
    zh="登记信息中存在限制事项，无法在线受理。",
    way_out_en="Ask for the written reasons, and for review or litigation, at the counter: {counter}. Bring {form}.",
    way_out_zh="请到窗口索取书面理由，并可申请行政复议或提起行政诉讼：{counter}。请携带{form}。",
)
deceased = _condition(
    code="deceased",
    en="The population register shows this person as deceased.",
    zh="人口登记显示该人员已死亡。",
    way_out_en="If that is wrong, have it corrected at the police station of the household, then at the counter: {counter}. "
    "Bring {form}.",
    way_out_zh="如登记有误，请先到户籍派出所更正，再到窗口办理：{counter}。请携带{form}。",
)
