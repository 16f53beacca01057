"""Chains and trees: the published vectors, the definition by another route, and every altered byte is noticed."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.kernel.hash_chain import (
    GENESIS,
    checkpoint_hash,
    event_hash,
    inclusion_proof,
    merkle_root,
    proves,
)

# The leaves and roots that implementations of Certificate Transparency (RFC 6962, RFC 9162) are tested with.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)

AT = datetime(2024, 5, 6, 1, 2, 3, 456789, tzinfo=UTC)
trees = st.lists(st.binary(max_size=4), min_size=1, max_size=40)


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word: split at the largest power of two below the number of leaves."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def an_event(
    *,
    previous: bytes = GENESIS,
    city: int = 310000,
    stream: str = "case_a",
    version: int = 1,
    kind: str = "jar.was_put",
    at: datetime = AT,
    actor: str = "cook",
    body: bytes = b'{"number":3}',
) -> bytes:
    return event_hash(
        previous=previous,
        city=city,
        stream=stream,
        version=version,
        kind=kind,
        at=at,
        actor=actor,
        body=body,
    )


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_roots_are_those_that_everybody_publishes(size: int) -> None:
    assert merkle_root(LEAVES[:size]).hex() == ROOTS[size]


@settings(max_examples=60, deadline=None)
@given(trees)
def test_roots_are_those_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle_root(leaves) == by_definition(leaves)


@settings(max_examples=60, deadline=None)
@given(trees, st.data())
def test_every_leaf_can_be_proven_and_nothing_else_can(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = merkle_root(leaves), inclusion_proof(leaves, index=index)
    assert proves(leaf=leaves[index], proof=proof, root=root)
    assert not proves(leaf=leaves[index] + b"x", proof=proof, root=root)
    for step, (side, sibling) in enumerate(proof):
        other = "left" if side == "right" else "right"
        altered = [*proof[:step], (side, bytes([sibling[0] ^ 1]) + sibling[1:]), *proof[step + 1 :]]
        assert not proves(leaf=leaves[index], proof=altered, root=root)
        own = proof[:step]
        if not proves(leaf=leaves[index], proof=own, root=sibling):
            assert not proves(
                leaf=leaves[index], proof=[*own, (other, sibling), *proof[step + 1 :]], root=root
            )
    assert not proves(leaf=leaves[index], proof=proof[:-1], root=root) or not proof


def test_a_node_can_not_be_shown_as_a_leaf() -> None:
    left, right = (sha256(b"\x00" + leaf).digest() for leaf in LEAVES[:2])
    assert merkle_root([left + right]) != merkle_root(LEAVES[:2])


def test_every_altered_byte_of_a_body_and_of_the_hash_before_is_noticed() -> None:
    genuine, body = an_event(), b'{"number":3}'
    for place in range(len(body)):
        for bit in range(8):
            altered = bytes([*body[:place], body[place] ^ 1 << bit, *body[place + 1 :]])
            assert an_event(body=altered) != genuine
    for place in range(len(GENESIS)):
        altered = bytes([*GENESIS[:place], 1, *GENESIS[place + 1 :]])
        assert an_event(previous=altered) != genuine


def test_every_column_of_an_event_is_covered() -> None:
    later = AT + timedelta(microseconds=1)
    hashes = {
        an_event(),
        an_event(city=310001),
        an_event(stream="case_b"),
        an_event(version=2),
        an_event(kind="jar.was_poured"),
        an_event(at=later),
        an_event(actor="guest"),
        an_event(body=b"{}"),
        an_event(stream="case_a1", version=1),
        an_event(stream="case_a", version=11),
    }
    assert len(hashes) == 10


def test_one_microsecond_counts_and_the_time_zone_does_not() -> None:
    for year in (1970, 2024, 2199):
        at = AT.replace(year=year)
        assert an_event(at=at) != an_event(at=at + timedelta(microseconds=1))
        assert an_event(at=at) == an_event(at=at.astimezone(timezone(timedelta(hours=8))))


@pytest.mark.parametrize("column", ["stream", "kind", "actor"])
def test_a_column_can_not_hold_the_separator_and_so_pass_for_two(column: str) -> None:
    with pytest.raises(ValueError, match="0x1f"):
        an_event(**{column: "a\x1fb"})  # pyright: ignore[reportArgumentType] -- all three are text


def test_every_part_of_a_checkpoint_is_covered() -> None:
    root = merkle_root(LEAVES)
    hashes = {
        checkpoint_hash(previous=GENESIS, city=310000, number=1, root=root, events=8),
        checkpoint_hash(previous=root, city=310000, number=1, root=root, events=8),
        checkpoint_hash(previous=GENESIS, city=440100, number=1, root=root, events=8),
        checkpoint_hash(previous=GENESIS, city=310000, number=2, root=root, events=8),
        checkpoint_hash(previous=GENESIS, city=310000, number=1, root=GENESIS, events=8),
        checkpoint_hash(previous=GENESIS, city=310000, number=1, root=root, events=9),
    }
    assert len(hashes) == 6


def test_the_hash_of_an_event_is_over_whole_microseconds_since_1970() -> None:
    at = datetime(2024, 5, 6, 1, 2, 3, 456789, tzinfo=UTC)
    made = event_hash(
        previous=GENESIS, city=310000, stream="ca_a", version=1, kind="a.b", at=at, actor="st", body=b"{}"
    )
    head = "310000\x1fca_a\x1f1\x1fa.b\x1f1714957323456789\x1fst"
    assert made == sha256(GENESIS + head.encode() + b"\x1f{}").digest()
