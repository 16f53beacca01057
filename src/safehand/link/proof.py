"""The sealed proof of delivery: what the authority signs, and what anybody can check with its public key alone."""

from datetime import datetime

from safehand.link.keys import KeyRing
from safehand.link.messages import ProofMethod, ProofSealed


def proof_input(
    *,
    order: str,
    waybill: str,
    method: ProofMethod,
    claimed_at: datetime,
    sealed_at: datetime,
    evidence: bytes,
) -> bytes:
    """The signed bytes: every field of the proof, separated by 0x1f, times as microseconds since 1970."""
    claimed, sealed = (round(moment.timestamp() * 1_000_000) for moment in (claimed_at, sealed_at))
    return (
        f"safehand proof 1\x1f{order}\x1f{waybill}\x1f{method}\x1f{claimed}\x1f{sealed}\x1f".encode()
        + evidence
    )


def sign_proof(
    *,
    ring: KeyRing,
    order: str,
    waybill: str,
    method: ProofMethod,
    claimed_at: datetime,
    sealed_at: datetime,
    evidence: bytes,
) -> bytes:
    """The authority's Ed25519 signature over the proof."""
    return ring.sign(
        proof_input(
            order=order,
            waybill=waybill,
            method=method,
            claimed_at=claimed_at,
            sealed_at=sealed_at,
            evidence=evidence,
        )
    )


def check_proof(*, ring: KeyRing, peer: str, proof: ProofSealed) -> None:
    """Raises `BadSignature` when the proof is not the authority's.

    It was signed when it was sealed, and the run that brings it when it was sent: between the two a key may have changed.
    """
    signed = proof_input(
        order=proof.order,
        waybill=proof.waybill,
        method=proof.method,
        claimed_at=proof.claimed_at,
        sealed_at=proof.sealed_at,
        evidence=proof.evidence,
    )
    ring.verify_as_of(signed, proof.signature, peer=peer, at=proof.sealed_at)
