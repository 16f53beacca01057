"""Personal parts: only the receiver opens them, only where they belong, and not after the case's key is gone."""

import pytest

from safehand.link.golden import published_peer, published_ring
from safehand.link.sealing import AGREED_MAX, PART_BYTES_MAX, Opener, Sealer, Unopenable, link_key
from tests.link.two_houses import AUTHORITY, CITY, POST

KEY = link_key(case_key=bytes([7]) * 32, peer=POST)
PLAIN = '{"name":"张三","phone":"19900000001"}'.encode()
SENDER = published_ring(house=AUTHORITY, peers=(published_peer(house=POST),))
RECEIVER = published_ring(house=POST, peers=(published_peer(house=AUTHORITY),))


def sealed(subject: str = "or_a") -> bytes:
    return Sealer(ring=SENDER, peer=POST).seal(key=KEY, city=CITY, subject=subject, plain=PLAIN)


def test_the_receiver_opens_what_was_sealed_for_it() -> None:
    opener = Opener(ring=RECEIVER)
    assert opener.open(sealed(), peer=AUTHORITY, city=CITY, subject="or_a") == PLAIN
    batch = Sealer(ring=SENDER, peer=POST)
    for subject in ("or_a", "or_b"):
        part = batch.seal(key=KEY, city=CITY, subject=subject, plain=PLAIN)
        assert opener.open(part, peer=AUTHORITY, city=CITY, subject=subject) == PLAIN


@pytest.mark.parametrize(
    "where",
    [
        {"peer": "other", "city": CITY, "subject": "or_a"},
        {"peer": AUTHORITY, "city": 440100, "subject": "or_a"},
        {"peer": AUTHORITY, "city": CITY, "subject": "or_b"},
    ],
)
def test_a_part_moved_to_another_message_does_not_open(where: dict[str, object]) -> None:
    with pytest.raises(Unopenable):
        Opener(ring=RECEIVER).open(sealed(), **where)  # pyright: ignore[reportArgumentType]


def test_nobody_else_opens_it_not_even_the_sender() -> None:
    for house in (AUTHORITY, "third"):
        with pytest.raises(Unopenable):
            Opener(ring=published_ring(house=house)).open(sealed(), peer=AUTHORITY, city=CITY, subject="or_a")


def test_every_altered_or_missing_byte_is_noticed() -> None:
    part, opener = sealed(), Opener(ring=RECEIVER)
    for place in range(len(part)):
        for altered in (bytes([*part[:place], part[place] ^ 4, *part[place + 1 :]]), part[:place]):
            with pytest.raises(Unopenable):
                opener.open(altered, peer=AUTHORITY, city=CITY, subject="or_a")
    with pytest.raises(Unopenable, match="length"):
        opener.open(bytes(PART_BYTES_MAX + 1), peer=AUTHORITY, city=CITY, subject="or_a")


def test_a_weak_ephemeral_key_is_refused() -> None:
    part = bytes(32) + sealed()[32:]
    with pytest.raises(Unopenable):
        Opener(ring=RECEIVER).open(part, peer=AUTHORITY, city=CITY, subject="or_a")


def test_keys_of_different_cases_and_peers_differ() -> None:
    assert len({link_key(case_key=bytes([n]) * 32, peer=peer) for n in (1, 2) for peer in "ab"}) == 4


def test_a_flood_of_ephemeral_keys_does_not_fill_the_memory() -> None:
    opener = Opener(ring=RECEIVER)
    for _ in range(AGREED_MAX + 20):
        opener.open(sealed(), peer=AUTHORITY, city=CITY, subject="or_a")
    assert len(opener._agreed) <= AGREED_MAX
