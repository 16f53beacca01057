"""The envelope: a run is genuine to the last byte, or it is not."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.link.envelope import (
    GENESIS,
    BrokenChain,
    Posted,
    Run,
    can_be_kept,
    chain,
    signing_input,
    verified_hashes,
)
from safehand.link.golden import published_peer, published_ring
from safehand.link.keys import BadSignature, UnknownKey
from safehand.link.messages import MESSAGES_PER_RUN_MAX
from tests.link.two_houses import AUTHORITY, CITY, POST, START, a_run, posted

RING = published_ring(house=POST, peers=(published_peer(house=AUTHORITY),))
NOT_GENUINE = (BrokenChain, BadSignature, UnknownKey)


def verify(run: Run) -> list[bytes]:
    return verified_hashes(run=run, ring=RING, now=START)


def three() -> Run:
    return a_run([posted(1, 10), posted(2, 20, personal=b"sealed part"), posted(3, 30)])


def change(run: Run, **changes: object) -> Run:
    return msgspec.structs.replace(run, **changes)


def test_a_genuine_run_gives_the_hash_of_each_message() -> None:
    hashes = verify(three())
    assert len(hashes) == 3
    assert hashes[-1] == three().head


def test_encoding_and_decoding_a_run_keeps_every_byte() -> None:
    encoded = msgspec.json.encode(three())
    again = msgspec.json.decode(encoded, type=Run)
    assert again == three()
    assert msgspec.json.encode(again) == encoded
    assert verify(again) == verify(three())


def test_no_altered_byte_of_the_encoded_run_is_taken_for_genuine() -> None:
    encoded = msgspec.json.encode(three())
    genuine = three()
    for place in range(len(encoded)):
        altered = bytes([*encoded[:place], encoded[place] ^ 1, *encoded[place + 1 :]])
        try:
            run = msgspec.json.decode(altered, type=Run)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if run == genuine:
            continue  # a byte of base64's padding bits, or of a number's form: the content is the same
        with pytest.raises(NOT_GENUINE):
            verify(run)


@pytest.mark.parametrize(
    "messages",
    [
        lambda m: m[:2],
        lambda m: m[1:],
        lambda m: [m[0], m[2]],
        lambda m: [m[1], m[0], m[2]],
        lambda m: [*m, posted(4, 40)],
        lambda m: [m[0], m[0], m[2]],
        lambda m: [],
        lambda m: [m[0], msgspec.structs.replace(m[1], personal=b"other part"), m[2]],
        lambda m: [m[0], msgspec.structs.replace(m[1], personal=None), m[2]],
        lambda m: [m[0], msgspec.structs.replace(m[1], subject="or_b"), m[2]],
        lambda m: [m[0], msgspec.structs.replace(m[1], kind=216), m[2]],
    ],
)
def test_messages_left_out_put_in_reordered_or_altered_are_noticed(messages: object) -> None:
    run = three()
    with pytest.raises(NOT_GENUINE):
        verify(change(run, messages=messages(run.messages)))  # type: ignore[operator]


def test_a_chain_made_anew_does_not_fit_the_signature() -> None:
    run = three()
    forged = [run.messages[0], posted(2, 9_000), run.messages[2]]
    hashes = chain(previous=GENESIS, sender=AUTHORITY, receiver=POST, city=CITY, messages=forged)
    with pytest.raises(BadSignature):
        verify(change(run, messages=forged, head=hashes[-1]))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sender", POST),
        ("receiver", "other"),
        ("city", 440100),
        ("key_id", "golden-2"),
        ("previous", bytes(31)),
    ],
)
def test_a_run_can_not_be_carried_to_another_sequence(field: str, value: object) -> None:
    with pytest.raises(NOT_GENUINE):
        verify(change(three(), **{field: value}))


def test_every_byte_of_the_signature_counts() -> None:
    run = three()
    for place in range(len(run.signature)):
        altered = bytes([*run.signature[:place], run.signature[place] ^ 1, *run.signature[place + 1 :]])
        with pytest.raises(BadSignature):
            verify(change(run, signature=altered))
    for length in (0, 63):
        with pytest.raises(BadSignature):
            verify(change(run, signature=run.signature[:length]))


def test_a_run_has_a_bounded_number_of_messages() -> None:
    with pytest.raises(BrokenChain, match=str(MESSAGES_PER_RUN_MAX)):
        verify(a_run([posted(n, 1) for n in range(1, MESSAGES_PER_RUN_MAX + 2)]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=12), st.data())
def test_a_run_cut_anywhere_continues_where_the_first_part_ended(
    amounts: list[int], data: st.DataObject
) -> None:
    messages = [posted(n, amount) for n, amount in enumerate(amounts, start=1)]
    cut = data.draw(st.integers(1, len(messages)))
    whole, first = verify(a_run(messages)), verify(a_run(messages[:cut]))
    assert whole[:cut] == first
    if cut < len(messages):
        rest = verify(a_run(messages[cut:], previous=first[-1]))
        assert whole == [*first, *rest]


def test_the_signed_bytes_are_those_of_the_treaty() -> None:
    run = a_run([posted(1, 10)])
    assert signing_input(run) == (
        b"safehand run 1\x1ftest-authority\x1ftest-post\x1f310000\x1f1\x1f1\x1f" + GENESIS + run.head
    )


@pytest.mark.parametrize(
    "message",
    [
        posted(1, 1, body="\x00"),
        posted(1, 1, body='{"a":"\x00"}'),
        posted(1, 1, at=START.replace(year=1)),
        posted(1, 1, at=START.replace(year=9999)),
    ],
)
def test_what_no_database_could_keep_was_never_in_a_genuine_log(message: Posted) -> None:
    assert can_be_kept(three())
    assert not can_be_kept(a_run([message]))
