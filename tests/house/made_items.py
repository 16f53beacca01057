"""Requests made from an action's own shape: a whole one, and for each field what nobody should send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect as shapes

TEXTS = (
    "ca_aaaaaaaa",
    "bg_aaaaaaaa",
    "ZA123456785CN",
    "310000-1",
    "AAAA",
    "a" * 64,
    "19900000001",
    "310101",
    "上海市示例路1号",
    "",
)
"""One of these fits every pattern of the houses' shapes; a new pattern adds its text here."""
DAY = "2024-05-06"
MOMENT = "2024-05-06T01:00:00Z"

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**300,
    1.5,
    1e308,
    "",
    " ",
    "x" * 100_000,
    "证" * 20_000,
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\u202e\u2066",
    "'; drop table event; --",
    "../../etc/passwd",
    "{placeholder}",
    "<script>alert(1)</script>",
    "2024-02-30",
    "2024-02-30T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2024-05-06T00:00:00",
    "2024-05-06T00:00:00+23:59",
    "NaN",
    [],
    [[]],
    ["x"] * 5_000,
    {},
    {"a": {"b": {}}},
    {f"k{number}": number for number in range(2_000)},
)


def whole(shape: type[msgspec.Struct], **given: Any) -> dict[str, Any]:
    """A request of this shape in which every field is in order; `given` replaces some."""
    made = _value(shapes.type_info(shape))
    return {**made, **{name: value for name, value in given.items() if name in made}}


def hostile(shape: type[msgspec.Struct], **given: Any) -> Iterator[tuple[str, Any]]:
    """Requests with one thing wrong each, with the field that it is in."""
    base = whole(shape, **given)
    for field in msgspec.structs.fields(shape):
        for value in HOSTILE:
            yield field.name, {**base, field.name: value}
        if field.required:
            yield field.name, {name: value for name, value in base.items() if name != field.name}
    yield "(unknown)", {**base, "no_such_field": 1}
    yield "(whole)", []
    yield "(whole)", [base]
    yield "(whole)", "text"
    yield "(whole)", None
    yield "(whole)", 7


def _value(kind: shapes.Type) -> Any:
    """A plain value that fits."""
    match kind:
        case shapes.Metadata(type=inner):
            return _value(inner)
        case shapes.StructType(fields=fields):
            return {field.encode_name: _value(field.type) for field in fields}
        case shapes.UnionType(types=types):
            return _value(next(one for one in types if not isinstance(one, shapes.NoneType)))
        case shapes.IntType(ge=least):
            return 310000 if least == 110000 else least or 1
        case shapes.StrType():
            return _text(kind)
        case shapes.BytesType(min_length=least):
            return "A" * ((least or 0) * 4 // 3) + "=" * (-((least or 0) * 4 // 3) % 4)
        case shapes.DictType(key_type=key, value_type=value):
            return {_value(key): _value(value)}
        case shapes.CollectionType(item_type=item) | shapes.VarTupleType(item_type=item):
            return [_value(item)]
        case _:
            return _plain(kind)


def _plain(kind: shapes.Type) -> Any:
    match kind:
        case shapes.BoolType():
            return True
        case shapes.DateType():
            return DAY
        case shapes.DateTimeType():
            return MOMENT
        case shapes.LiteralType(values=values):
            return values[0]
        case shapes.EnumType(cls=cls):
            return next(iter(cls)).value
        case _:
            raise NotImplementedError(f"a shape of {kind}: say here what fits it")


def _text(kind: shapes.StrType) -> str:
    least, most = kind.min_length or 0, kind.max_length or 10_000
    for text in TEXTS:
        if least <= len(text) <= most and re.search(kind.pattern or "", text):
            return text
    raise NotImplementedError(f"no text fits {kind}: add one to TEXTS")
