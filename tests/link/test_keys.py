"""Keys of peers: valid in their time, overlapping for rotation, dead once revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safehand.link.golden import KEY_ID, published_peer, published_ring, published_secret
from safehand.link.keys import BadSignature, KeyRing, Peer, PeerKey, UnknownKey

NOON = datetime(2024, 5, 6, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(microseconds=1)


def secret(label: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(published_secret(house=label, purpose="signing"))


def ring(*keys: PeerKey) -> KeyRing:
    peer = Peer(name="peer", keys=keys, sealing=published_peer(house="peer").sealing)
    return published_ring(house="us", peers=(peer,))


def key(label: str, **limits: datetime) -> PeerKey:
    return PeerKey(key_id=label, public=secret(label).public_key().public_bytes_raw(), **limits)


def allowed(checked: KeyRing, label: str, now: datetime) -> bool:
    try:
        checked.verify(b"message", secret(label).sign(b"message"), peer="peer", key_id=label, now=now)
    except UnknownKey:
        return False
    return True


@pytest.mark.parametrize(
    ("limits", "before", "at", "after"),
    [
        ({}, True, True, True),
        ({"not_before": NOON}, False, True, True),
        ({"not_after": NOON}, True, False, False),
        ({"revoked_at": NOON}, True, False, False),
    ],
)
def test_a_key_is_valid_only_in_its_time(
    limits: dict[str, datetime], before: bool, at: bool, after: bool
) -> None:
    checked = ring(key("k1", **limits))
    found = [allowed(checked, "k1", now) for now in (NOON - SECOND, NOON, NOON + SECOND)]
    assert found == [before, at, after]


def test_a_revoked_key_is_dead_although_its_time_has_not_ended() -> None:
    checked = ring(key("k1", not_before=NOON - HOUR, not_after=NOON + HOUR, revoked_at=NOON))
    assert allowed(checked, "k1", NOON - SECOND)
    assert not allowed(checked, "k1", NOON)


def test_keys_that_overlap_allow_rotation_under_traffic() -> None:
    checked = ring(key("old", not_after=NOON + HOUR), key("new", not_before=NOON))
    times = (NOON - SECOND, NOON, NOON + HOUR)
    assert [(allowed(checked, "old", t), allowed(checked, "new", t)) for t in times] == [
        (True, False),
        (True, True),
        (False, True),
    ]


def test_one_key_does_not_sign_under_the_name_of_another() -> None:
    checked = ring(key("old"), key("new"))
    with pytest.raises(BadSignature):
        checked.verify(b"message", secret("old").sign(b"message"), peer="peer", key_id="new", now=NOON)
    with pytest.raises(BadSignature):
        checked.verify(b"massage", secret("old").sign(b"message"), peer="peer", key_id="old", now=NOON)


def test_unknown_peers_and_keys_are_refused_by_name() -> None:
    checked = ring(key("k1"))
    for peer, label in (("stranger", "k1"), ("peer", "k2"), ("", "")):
        with pytest.raises(UnknownKey):
            checked.verify(b"m", secret("k1").sign(b"m"), peer=peer, key_id=label, now=NOON)
    with pytest.raises(UnknownKey, match="sealing"):
        checked.sealing_key(peer="stranger")
    assert published_ring(house="us").key_id == KEY_ID
