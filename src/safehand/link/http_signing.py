"""HTTP requests and answers between the houses, signed by RFC 9421 with digests by RFC 9530."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from http_message_signatures.resolvers import HTTPSignatureKeyResolver

from safehand.link.keys import BadSignature, KeyRing, UnknownKey

TAG = "safehand-link"
AGE_MAX = timedelta(minutes=5)
"""How old a request may be. Replays inside this time change nothing: numbered messages take effect once."""
REQUEST_COMPONENTS = ("@method", "@authority", "@path", "@query", "content-type")
ANSWER_COMPONENTS = ("@status", "content-type", '"@method";req', '"@path";req', '"signature";req')


@dataclass
class Request:
    """An HTTP request as the signature sees it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Answer:
    """An HTTP answer as the signature sees it, with the request that it answers."""

    status_code: int
    headers: dict[str, str]
    request: Request
    body: bytes = b""
    extras: dict[str, Any] = field(default_factory=dict)


class _Keys(HTTPSignatureKeyResolver):
    """Finds keys in the ring; a key id on the wire is `house/key`, so that no house can sign as another."""

    def __init__(self, *, ring: KeyRing, now: datetime) -> None:
        self._ring = ring
        self._now = now

    def resolve_private_key(self, key_id: str):
        return self._ring.private

    def resolve_public_key(self, key_id: str):
        peer, _, key = key_id.partition("/")
        return self._ring.public_key(peer=peer, key_id=key, now=self._now)


def _signer(ring: KeyRing, now: datetime) -> HTTPMessageSigner:
    return HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_Keys(ring=ring, now=now))


def sign_request(*, ring: KeyRing, request: Request, now: datetime) -> None:
    """Add Content-Digest, Signature-Input and Signature to the request."""
    request.headers.setdefault("Content-Type", "application/json")
    _signer(ring, now).sign(
        request,
        key_id=f"{ring.name}/{ring.key_id}",
        created=now,
        tag=TAG,
        label="link",
        covered_component_ids=REQUEST_COMPONENTS,
        body=request.body,
    )


def sign_answer(*, ring: KeyRing, answer: Answer, now: datetime) -> None:
    """Add the same to the answer, bound to the request that it answers."""
    answer.headers.setdefault("Content-Type", "application/json")
    _signer(ring, now).sign(
        answer,
        key_id=f"{ring.name}/{ring.key_id}",
        created=now,
        tag=TAG,
        label="link",
        covered_component_ids=ANSWER_COMPONENTS,
        body=answer.body,
    )


def verify_request(*, ring: KeyRing, request: Request, now: datetime) -> str:
    """The peer that signed the request. Raises `UnknownKey` or `BadSignature`."""
    return _verify(ring=ring, message=request, required=REQUEST_COMPONENTS, body=request.body, now=now)


def verify_answer(*, ring: KeyRing, answer: Answer, now: datetime) -> str:
    """The peer that signed the answer. Raises `UnknownKey` or `BadSignature`."""
    return _verify(ring=ring, message=answer, required=ANSWER_COMPONENTS, body=answer.body, now=now)


def _verify(
    *, ring: KeyRing, message: Request | Answer, required: tuple[str, ...], body: bytes, now: datetime
) -> str:
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=_Keys(ring=ring, now=now))
    try:
        results = verifier.verify(
            message,
            max_age=AGE_MAX,
            expect_tag=TAG,
            require_components=(*required, "content-digest"),
            body=body,
        )
    except UnknownKey:
        raise
    except (HTTPMessageSignaturesException, ValueError, KeyError, TypeError) as broken:
        raise BadSignature(f"the HTTP signature does not hold: {broken}") from None
    parameters: Mapping[str, Any] = results[0].parameters
    return str(parameters["keyid"]).partition("/")[0]
