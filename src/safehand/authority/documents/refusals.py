"""What can be wrong with a number that somebody typed or scanned."""

from safehand.kernel.outcome import define

resident_id_malformed = define(
    code="number.resident_id_malformed",
    en="An ID number has 17 digits and a last character that is a digit or X.",
    zh="身份证号码应为17位数字加1位校验码（数字或X）。",
    way_out_en="Copy all 18 characters from the ID card, without spaces.",
    way_out_zh="请按身份证逐位填写全部18位，不要留空格。",
    status=422,
    owner="documents",
)
resident_id_date_impossible = define(
    code="number.resident_id_date_impossible",
    en="The birth date inside this ID number does not exist.",
    zh="身份证号码中的出生日期不存在。",
    way_out_en="Compare digits 7 to 14 with the ID card and correct them.",
    way_out_zh="请对照身份证核对第7至14位并更正。",
    status=422,
    owner="documents",
)
resident_id_check_wrong = define(
    code="number.resident_id_check_wrong",
    en="A digit of this ID number is wrong: its last character does not fit the others.",
    zh="身份证号码有误：末位校验码与前17位不符。",
    way_out_en="Compare every digit with the ID card and correct it.",
    way_out_zh="请对照身份证逐位核对并更正。",
    status=422,
    owner="documents",
)
document_number_malformed = define(
    code="number.document_number_malformed",
    en="This is not a number of the kind: {kind}.",
    zh="该号码不是{kind}的证件号码。",
    way_out_en="Copy the number as printed on the document, letters in capitals.",
    way_out_zh="请按证件上印刷的号码填写，字母用大写。",
    status=422,
    owner="documents",
)
receipt_number_wrong = define(
    code="number.receipt_number_wrong",
    en="This is not a receipt number: it has 15 digits and the last one must fit the others.",
    zh="受理编号有误：应为15位数字，且末位校验码须相符。",
    way_out_en="Copy the number from the confirmation message, or sign in to see your applications.",
    way_out_zh="请按受理通知填写编号，或登录后查看您的申请。",
    status=422,
    owner="documents",
)
