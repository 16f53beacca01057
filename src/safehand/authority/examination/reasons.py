"""Typed defects and reasons of an examination, each with its sentences and what to do; never free text."""

from typing import Final, NamedTuple


class Defect(NamedTuple):
    """One defect: the part that must come again, and the sentences."""

    part: str
    en: str
    zh: str


DEFECTS: Final[dict[str, Defect]] = {
    "photo.background": Defect("photo", "The background must be even and white.", "照片背景须为均匀白色。"),
    "photo.face_size": Defect("photo", "The face is too large or too small.", "照片中头部大小不符合要求。"),
    "photo.pose": Defect("photo", "Look straight into the camera.", "请正视镜头拍摄。"),
    "photo.glare_or_shadow": Defect("photo", "Avoid glare and shadows.", "照片有反光或阴影。"),
    "photo.blurred": Defect("photo", "The photo is not sharp.", "照片不清晰。"),
    "photo.covered": Defect(
        "photo", "Hair, glasses or cloth cover the face.", "面部被头发、眼镜或衣物遮挡。"
    ),
    "photo.too_old": Defect("photo", "The photo must be from the last six months.", "照片须为六个月内拍摄。"),
    "photo.not_the_applicant": Defect("photo", "The photo must show the applicant.", "照片须为申请人本人。"),
    "signature.ruled_paper": Defect(
        "signature", "Sign on plain white paper, no lines.", "请在无格线的白纸上签名。"
    ),
    "signature.faint": Defect("signature", "Sign with a black pen.", "请用黑色笔签名。"),
    "signature.cut_off": Defect("signature", "The whole signature must be seen.", "签名须完整显示。"),
    "signature.name_differs": Defect("signature", "Sign with your full name.", "请签署本人全名。"),
    "id_card_front.unreadable": Defect(
        "id_card_front", "The ID card's front can't be read.", "身份证正面无法辨认。"
    ),
    "id_card_front.expired": Defect("id_card_front", "The ID card has expired.", "身份证已过期。"),
    "id_card_back.unreadable": Defect(
        "id_card_back", "The ID card's back can't be read.", "身份证反面无法辨认。"
    ),
    "form.incomplete": Defect("form", "Fill in all required fields.", "请填写全部必填项。"),
    "form.contradictory": Defect("form", "Data contradict the ID card.", "填写内容与身份证不一致。"),
}

REASONS: Final[dict[str, tuple[str, str]]] = {
    "identity_doubtful": ("The identity could not be established.", "无法确认申请人身份。"),
    "conditions_not_met": ("The conditions for the online service are not met.", "不符合在线办理条件。"),
    "false_statement": ("A statement or a document is false.", "申请内容或材料不真实。"),
    "exit_restricted": ("The law forbids issuing the document now.", "依法不予签发出入境证件。"),
    "duplicate": (
        "A document of this kind was already issued on another application.",
        "同类证件已在其他申请中签发。",
    ),
}

# "A refusal is in writing, with reasons and the right to review and litigation" (policy, who may apply). The texts
# of these remedies: Administrative Reconsideration Law art. 20 (60 days), Administrative Litigation Law art. 46
# (six months).
APPEAL_EN: Final = "You may apply for administrative review within 60 days, or go to court within six months, from this notice on."
APPEAL_ZH: Final = "如不服本决定，可自收到通知之日起六十日内申请行政复议，或六个月内向人民法院提起行政诉讼。"
