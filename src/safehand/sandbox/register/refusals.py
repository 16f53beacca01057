"""The register's refusals."""

from typing import Final

from safehand.kernel.outcome import define

OWNER: Final = "operator"

NOT_A_NUMBER = define(
    code="register_service.not_an_id_number",
    status=422,
    en="This is not a resident ID number: its length, birth date or check character is wrong.",
    zh="这不是有效的公民身份号码：位数、出生日期或校验码有误。",
    way_out_en="Compare the number with the ID card, character by character.",
    way_out_zh="请对照身份证逐位核对号码。",
    owner=OWNER,
)
NOBODY = define(
    code="register_service.nobody",
    status=404,
    en="The register has nobody with this number.",
    zh="人口登记中没有该号码对应的人员。",
    way_out_en="Check the number; in the sandbox only the cast and the synthetic residents exist.",
    way_out_zh="请核对号码；沙箱中只有固定角色和合成居民。",
    owner=OWNER,
)
NUMBER_TAKEN = define(
    code="register_service.document_number_taken",
    en="The register already has a document with this number.",
    zh="登记中已有该证件号码。",
    way_out_en="Check which blank was used; two documents can't have one number.",
    way_out_zh="请核对所用的空白证件；两本证件不能使用同一号码。",
    owner=OWNER,
)
NO_SUCH_DOCUMENT = define(
    code="register_service.no_such_document",
    status=404,
    en="This person has no document with that number.",
    zh="此人名下没有该号码的证件。",
    way_out_en="Look the person up and use a number from the answer.",
    way_out_zh="请先查询此人，再使用查询结果中的证件号码。",
    owner=OWNER,
)
DATES_WRONG = define(
    code="register_service.dates_wrong",
    status=422,
    en="The document would end before it begins.",
    zh="证件的截止日期早于签发日期。",
    way_out_en="Correct issued_on or expires_on.",
    way_out_zh="请改正 issued_on 或 expires_on。",
    owner=OWNER,
)
DECEASED = define(
    code="register_service.deceased",
    en="This person is shown as deceased; no document can be entered.",
    zh="登记显示此人已去世，不能登记证件。",
    way_out_en="Stop the issue; if the entry is a mistake, the household office corrects it.",
    way_out_zh="请停止签发；如登记有误，请由户籍部门更正。",
    owner=OWNER,
)
TOO_MANY_DOCUMENTS = define(
    code="register_service.too_many_documents",
    en="This person already has {documents_max} documents on record.",
    zh="此人名下已登记 {documents_max} 本证件。",
    way_out_en="Ask the operator of the register; no person holds so many.",
    way_out_zh="请联系登记系统的运行人员；正常情况下不会有如此多的证件。",
    owner=OWNER,
)
