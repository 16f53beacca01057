"""The sealed proof: every field of it is signed, and nobody but the authority can have signed it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from safehand.link.golden import published_peer, published_ring
from safehand.link.keys import BadSignature
from safehand.link.messages import ProofMethod, ProofSealed
from safehand.link.proof import check_proof, proof_input, sign_proof

AT = datetime(2024, 5, 9, 3, 0, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "order": "or_abcdefgh",
    "waybill": "ZA473124829CN",
    "method": ProofMethod.RECIPIENT_CODE,
    "claimed_at": AT,
    "sealed_at": AT + timedelta(seconds=2),
    "evidence": b"e" * 32,
}
AUTHORITY = published_ring(house="authority", peers=())
POST = published_ring(house="postal", peers=(published_peer(house="authority"),))


def sealed(**changes: Any) -> ProofSealed:
    """A proof with the authority's signature, changed afterwards."""
    proof = ProofSealed(**FACTS, signature=sign_proof(ring=AUTHORITY, **FACTS))
    return msgspec.structs.replace(proof, **changes)


def check(proof: ProofSealed, **changes: Any) -> None:
    said: dict[str, Any] = {"ring": POST, "peer": "authority", "proof": proof}
    check_proof(**said | changes)


def test_the_authoritys_proof_is_taken() -> None:
    check(sealed())


@pytest.mark.parametrize(
    "changes",
    [
        {"order": "or_abcdefgi"},
        {"waybill": "ZA473124830CN"},
        {"method": ProofMethod.RECIPIENT_SESSION},
        {"claimed_at": AT + timedelta(microseconds=1)},
        {"sealed_at": AT},
        {"evidence": b"f" * 32},
        {"signature": bytes(64)},
    ],
)
def test_a_proof_of_which_one_field_was_changed_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        check(sealed(**changes))


def test_the_key_of_a_house_that_nobody_knows_proves_nothing() -> None:
    with pytest.raises(BadSignature):
        check(sealed(), peer="another")


def test_what_is_signed_stays_what_it_is() -> None:
    assert proof_input(**FACTS) == (
        b"safehand proof 1\x1for_abcdefgh\x1fZA473124829CN\x1f1\x1f1715223600000000\x1f1715223602000000\x1f"
        + b"e" * 32
    )
