"""A day's custody statement and what two of them differ in, without any database."""

from datetime import date
from typing import Any

import msgspec
import pytest

from safehand.house.statements import (
    Difference,
    _Move,
    _statement,
    _without_nothing,
    compare,
    compare_all,
    lines_root,
)
from safehand.kernel.hash_chain import merkle_root
from safehand.link.messages import Statement, StatementLine

DAY = date(2024, 5, 6)
CITY = 310000


def statement(lines: dict[str, Any] | None = None, **changes: Any) -> Statement:
    """A statement of the day."""
    made = [StatementLine(order=order, account=account) for order, account in sorted((lines or {}).items())]
    facts: dict[str, Any] = {"opening": {}, "moves": {}, "closing": {}}
    return Statement(day=DAY, lines_root=lines_root(made), lines=made, **facts | changes)


def differences(here: Statement, there: Statement) -> list[tuple[str, str, str, str]]:
    found = compare(city=CITY, here=here, there=there)
    assert all((one.city, one.day) == (CITY, DAY) for one in found)
    return [(one.kind, one.item, one.here, one.there) for one in found]


def test_moves_make_the_closing_out_of_the_opening_and_each_item_stands_where_its_last_move_left_it():
    moves = [
        _Move("or_b", None, "authority"),
        _Move("or_b", "authority", "post"),
        _Move("or_a", "post", "recipient"),
        _Move("or_c", "authority", "post"),
    ]
    made = _statement(DAY, {"authority": 1, "post": 1, "recipient": 0}, moves)
    assert made.opening == {"authority": 1, "post": 1}
    assert made.moves == {"new>authority": 1, "authority>post": 2, "post>recipient": 1}
    assert list(made.moves) == sorted(made.moves)
    assert made.closing == {"post": 2, "recipient": 1}
    assert [(line.order, line.account) for line in made.lines] == [
        ("or_a", "recipient"),
        ("or_b", "post"),
        ("or_c", "post"),
    ]
    assert made.lines_root == lines_root(made.lines)


def test_accounts_with_nothing_in_them_are_not_named():
    assert _without_nothing({"post": 0, "authority": 2}) == {"authority": 2}


def test_the_root_is_that_of_the_lines_as_they_are_written():
    lines = [StatementLine(order="or_a", account="post"), StatementLine(order="or_b", account="authority")]
    assert lines_root(lines) == merkle_root([b"or_a\x1fpost", b"or_b\x1fauthority"])


def test_two_statements_that_say_the_same_do_not_differ():
    one = statement({"or_a": "post"}, opening={"post": 1}, moves={"new>post": 1}, closing={"post": 2})
    assert differences(one, one) == []


@pytest.mark.parametrize(
    ("here", "there", "found"),
    [
        ({"or_a": "post"}, {}, ("missing_there", "or_a", "post", "")),
        ({}, {"or_a": "post"}, ("missing_here", "or_a", "", "post")),
        ({"or_a": "post"}, {"or_a": "recipient"}, ("account", "or_a", "post", "recipient")),
    ],
)
def test_each_item_that_differs_is_named_with_what_each_house_says(
    here: dict[str, Any], there: dict[str, Any], found: tuple[str, str, str, str]
):
    both = {"or_0": "authority", "or_z": "post"}
    assert differences(statement(here | both), statement(there | both)) == [found]


@pytest.mark.parametrize("part", ["opening", "moves", "closing"])
def test_each_count_that_differs_is_named_and_none_is_as_good_as_zero(part: str):
    here, there = statement(**{part: {"post": 2}}), statement(**{part: {"post": 1, "recipient": 1}})
    assert differences(here, there) == [(part, "post", "2", "1"), (part, "recipient", "0", "1")]
    assert differences(statement(**{part: {"post": 0}}), statement()) == []


def test_a_day_that_only_one_house_knows_is_compared_with_an_empty_one():
    mine = {(CITY, DAY): statement({"or_a": "post"})}
    [found] = compare_all(here=mine, there={})
    assert found == Difference(city=CITY, day=DAY, kind="missing_there", item="or_a", here="post", there="")
    [found] = compare_all(here={}, there=mine)
    assert (found.kind, found.there) == ("missing_here", "post")
    assert compare_all(here=mine, there=mine) == []
    other = {(440300, DAY): msgspec.structs.replace(statement({"or_b": "post"}))}
    assert [one.city for one in compare_all(here=mine | other, there=mine)] == [440300]
