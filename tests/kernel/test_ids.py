"""Identifiers: unguessable in production, the same again in a rehearsal, and no identifier betrays a token."""

import re

from safehand.kernel.ids import DerivedIds, SystemIds, readable


def test_system_identifiers_never_repeat_whatever_their_basis() -> None:
    ids = SystemIds()
    made = {ids.new(prefix="case", basis="same") for _ in range(2_000)}
    tokens = {ids.token(basis="same") for _ in range(2_000)}
    assert len(made) == len(tokens) == 2_000
    assert all(len(token) == 32 for token in tokens)


def test_identifiers_fit_the_treaty_and_carry_128_bits() -> None:
    for ids in (SystemIds(), DerivedIds(seed="s")):
        made = ids.new(prefix="ord", basis="b")
        assert re.fullmatch(r"ord_[a-z2-7]{26}", made)


def test_derived_identifiers_depend_on_seed_prefix_and_basis_and_on_nothing_else() -> None:
    ids = DerivedIds(seed="s")
    assert ids.new(prefix="a", basis="b") == DerivedIds(seed="s").new(prefix="a", basis="b")
    different = {
        ids.new(prefix="a", basis="b").partition("_")[2],
        ids.new(prefix="a", basis="c").partition("_")[2],
        ids.new(prefix="c", basis="b").partition("_")[2],
        DerivedIds(seed="t").new(prefix="a", basis="b").partition("_")[2],
    }
    assert len(different) == 4


def test_no_identifier_gives_away_half_of_a_token() -> None:
    ids = DerivedIds(seed="s")
    token = readable(ids.token(basis="door")[:16])
    assert all(not ids.new(prefix=p, basis="door").endswith(token) for p in ("token", "id", "door", "code"))


def test_readable_bytes_are_lower_case_base32() -> None:
    assert readable(b"") == ""
    assert readable(b"foobar") == "mzxw6ytboi"  # RFC 4648 section 10
