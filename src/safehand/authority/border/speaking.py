"""What the authority says to the post: the machines name the facts; here the proof gets its signature."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from safehand.kernel.machine import Machine, Outgoing, StreamKey
from safehand.link.keys import KeyRing
from safehand.link.messages import ProofSealed
from safehand.link.proof import sign_proof


def signing(*, machine: Machine, ring: KeyRing) -> Machine:
    """The machine whose sealed proofs are signed by this house. Ed25519 is deterministic: a retry signs alike."""
    speaks = machine.speaks

    def signed(state: Any, event: Any, key: StreamKey) -> Sequence[Outgoing]:
        said = speaks(state, event, key)
        return [_signed(one, ring) for one in said] if said else said

    return replace(machine, speaks=signed)


def _signed(one: Outgoing, ring: KeyRing) -> Outgoing:
    if not isinstance(one.body, ProofSealed):
        return one
    body = one.body
    signature = sign_proof(
        ring=ring,
        order=body.order,
        waybill=body.waybill,
        method=body.method,
        claimed_at=body.claimed_at,
        sealed_at=body.sealed_at,
        evidence=body.evidence,
    )
    return msgspec.structs.replace(one, body=msgspec.structs.replace(body, signature=signature))
