"""Why an act in production or at the stock of blanks is refused."""

from safehand.authority.production.states import WORDS, ProductionState
from safehand.kernel.outcome import Refusal, define

WRONG_BLANK = define(
    code="production.wrong_blank",
    en="This is blank {blank}, but blank {expected} was drawn for this case.",
    zh="当前为第{blank}号空白证件，而本件领用的是第{expected}号。",
    way_out_en="Put it aside and take blank {expected}; if that one is missing, report it as spoiled.",
    way_out_zh="请放回并取用第{expected}号；如该号缺失，请按作废报告。",
    owner="production",
)
SAME_PERSON = define(
    code="production.same_person",
    en="The same person can't do both: this needs a second one.",
    zh="同一人不能完成两个环节，须由另一人办理。",
    way_out_en="Ask a colleague to do it under their own name.",
    way_out_zh="请由同事以其本人账号办理。",
    owner="production",
    status=403,
)
NOT_NOW = define(
    code="production.not_now",
    en="This can't be done now: production is {state}.",
    zh="当前不能进行此操作：制作状态为“{state}”。",
    way_out_en="Take the next case from the production list.",
    way_out_zh="请从制作列表中办理下一件。",
    owner="production",
)
STOCK_UNKNOWN = define(
    code="stock.unknown",
    en="There is no such stock: a stock is named st_{city}_<document>, of a document that is issued here.",
    zh="没有该库存：库存名称为 st_{city}_<证件类型>，且须为本机关签发的证件。",
    way_out_en="Choose the stock from the list; a new kind of document comes with its file in documents/.",
    way_out_zh="请从列表中选择库存；新的证件类型须先在 documents/ 中添加文件。",
    owner="production",
    status=422,
)
STOCK_OF_ANOTHER_KIND = define(
    code="stock.of_another_kind",
    en="This stock holds blanks of another kind; the case is about: {document}.",
    zh="该库存为其他种类的空白证件；本件办理的是：{document}。",
    way_out_en="Draw from the stock of the case's own kind. Nothing was drawn.",
    way_out_zh="请从本件对应种类的库存领用。本次未领用。",
    owner="production",
    status=422,
)
STOCK_EXHAUSTED = define(
    code="stock.exhausted",
    en="There are no blanks left in this stock.",
    zh="空白证件已用尽。",
    way_out_en="Take in a delivery of blanks, then draw again; the case keeps its place.",
    way_out_zh="请先入库新的空白证件，再行领用；本件保留排序。",
    owner="production",
)
STOCK_RANGE_WRONG = define(
    code="stock.range_wrong",
    en="Blanks {first} to {last} don't continue this stock, which ends at {end}.",
    zh="第{first}至{last}号与库存不衔接，现有库存止于第{end}号。",
    way_out_en="Compare with the delivery note; blanks are taken in rising and without overlap.",
    way_out_zh="请核对交货单；空白证件须按递增、不重叠的号段入库。",
    owner="production",
    status=422,
)
STOCK_TOO_MANY = define(
    code="stock.too_many",
    en="The stock already holds {count} separate entries.",
    zh="库存已有{count}条单独记录。",
    way_out_en="Use up a range first, or call the manager for a stock-taking.",
    way_out_zh="请先用完已有号段，或请主管盘点。",
    owner="production",
)
BLANK_NOT_IN_STOCK = define(
    code="stock.blank_not_in_stock",
    en="Blank {blank} isn't in the stock.",
    zh="第{blank}号空白证件不在库存中。",
    way_out_en="If it was drawn, report it at its case as spoiled; otherwise check the number.",
    way_out_zh="如已领用，请在对应案件中按作废报告；否则请核对编号。",
    owner="production",
)


def not_now(state: ProductionState) -> Refusal:
    """The step does not take the command in this state."""
    en, zh = WORDS[state]
    return NOT_NOW(state_en=en, state_zh=zh)
