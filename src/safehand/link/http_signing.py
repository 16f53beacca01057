"""HTTP requests and answers between the houses, signed by RFC 9421 with digests by RFC 9530."""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException, InvalidSignature
from http_message_signatures.resolvers import HTTPSignatureKeyResolver

from safehand.link import signature_profile as profile
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.signature_profile import ANSWER_COMPONENTS, REQUEST_COMPONENTS, TAG

AGE_MAX = timedelta(minutes=5)
"""How old a request may be. Replays inside this time change nothing: numbered messages take effect once."""
SKEW_MAX = timedelta(seconds=5)
"""How far the peer's clock may be ahead of ours, or behind at the end of AGE_MAX."""


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
        self.unknown: UnknownKey | None = None

    def resolve_private_key(self, key_id: str):
        return self._ring.private

    def resolve_public_key(self, key_id: str):
        peer, _, key = key_id.partition("/")
        try:
            return self._ring.public_key(peer=peer, key_id=key, now=self._now)
        except UnknownKey as unknown:
            # The library turns every exception of a resolver into a bad signature; peers are told which it was.
            self.unknown = unknown
            return None


class _Verifier(HTTPMessageVerifier):
    """Judges freshness by the time that it is given; the library would ask the machine."""

    def __init__(self, *, keys: _Keys, now: datetime) -> None:
        super().__init__(signature_algorithm=ED25519, key_resolver=keys)
        self._now = now

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        created, expires = sig_input.params.get("created"), sig_input.params.get("expires")
        if not isinstance(created, int):
            raise InvalidSignature("the signature does not say when it was made")
        try:
            age = self._now - datetime.fromtimestamp(created, tz=UTC)
        except (OverflowError, ValueError, OSError):
            raise InvalidSignature("the signature was made at no time that there is") from None
        if age < -SKEW_MAX:
            raise InvalidSignature("the signature was made in the future")
        if max_age is not None and age > max_age + SKEW_MAX:
            raise InvalidSignature("the signature is too old")
        if isinstance(expires, int) and expires < (self._now - SKEW_MAX).timestamp():
            raise InvalidSignature("the signature has expired")


def _signer(ring: KeyRing, now: datetime) -> HTTPMessageSigner:
    return HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_Keys(ring=ring, now=now))


def sign_request(*, ring: KeyRing, request: Request, now: datetime) -> None:
    """Add Content-Digest, Signature-Input and Signature to the request."""
    request.headers.setdefault("Content-Type", "application/json")
    plain = profile.plain_headers(request.headers)
    if plain is not None and plain.keys() == {"content-type"}:
        lines = profile.request_lines(method=request.method, url=request.url, headers=plain)
        if _signed_plainly(ring, request, lines, now, answer=False):
            return
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
    """Add the same to the answer, bound to the request that it answers.

    Raises `BadSignature` when the request is so broken that nothing can be bound to it.
    """
    answer.headers.setdefault("Content-Type", "application/json")
    plain = profile.plain_headers(answer.headers)
    if plain is not None and plain.keys() == {"content-type"}:
        lines = _answer_lines(answer, plain)
        if _signed_plainly(ring, answer, lines, now, answer=True):
            return
    try:
        _signer(ring, now).sign(
            answer,
            key_id=f"{ring.name}/{ring.key_id}",
            created=now,
            tag=TAG,
            label="link",
            covered_component_ids=ANSWER_COMPONENTS,
            body=answer.body,
        )
    except (HTTPMessageSignaturesException, ValueError) as broken:
        raise BadSignature(f"no answer can be bound to this request: {broken}") from None


def _answer_lines(answer: Answer, plain: Mapping[str, str]) -> str | None:
    asked = answer.request
    asked_headers = profile.plain_headers(asked.headers)
    if asked_headers is None:
        return None
    return profile.answer_lines(
        status=answer.status_code,
        headers=plain,
        method=asked.method,
        url=asked.url,
        request_headers=asked_headers,
    )


def _signed_plainly(
    ring: KeyRing, message: Request | Answer, lines: str | None, now: datetime, *, answer: bool
) -> bool:
    """Sign a message of our one form; False when it has another, and the library must."""
    given = profile.parameters(answer=answer, created=now, key_id=f"{ring.name}/{ring.key_id}")
    if lines is None or given is None:
        return False
    digest = profile.digest_of(message.body)
    signature = ring.sign(profile.base_of(lines=lines, digest=digest, parameters=given))
    message.headers["Content-Digest"] = digest
    message.headers["Signature-Input"] = f"link={given}"
    message.headers["Signature"] = f"link=:{b64encode(signature).decode()}:"
    return True


def _plain_signer(*, ring: KeyRing, message: Request | Answer, body: bytes, now: datetime) -> str | None:
    """Who signed a message of our one form; None when it has another. Raises `UnknownKey` or `BadSignature`."""
    plain = profile.plain_headers(message.headers)
    if plain is None:
        return None
    answer = isinstance(message, Answer)
    if answer:
        lines = _answer_lines(message, plain)
    else:
        lines = profile.request_lines(method=message.method, url=message.url, headers=plain)
    signed = profile.recognised(lines=lines, headers=plain, body=body, answer=answer) if lines else None
    if signed is None:
        return None
    age = now.timestamp() - signed.created
    if not -SKEW_MAX.total_seconds() <= age <= (AGE_MAX + SKEW_MAX).total_seconds():
        raise BadSignature("the HTTP signature is too old, or made in the future")
    peer, _, key = signed.key_id.partition("/")
    ring.verify(signed.base, signed.signature, peer=peer, key_id=key, now=now)
    return peer


def verify_request(*, ring: KeyRing, request: Request, now: datetime) -> str:
    """The peer that signed the request. Raises `UnknownKey` or `BadSignature`."""
    return _verify(ring=ring, message=request, required=REQUEST_COMPONENTS, body=request.body, now=now)


def verify_answer(*, ring: KeyRing, answer: Answer, now: datetime) -> str:
    """The peer that signed the answer. Raises `UnknownKey` or `BadSignature`."""
    return _verify(ring=ring, message=answer, required=ANSWER_COMPONENTS, body=answer.body, now=now)


_BYTES: Final = re.compile(r":([A-Za-z0-9+/]*=*):")


def _canonical(header: str) -> bool:
    """Whether no bit is set that decoding leaves out (RFC 4648 §3.5): else one signature could be written in several ways."""
    try:
        return all(b64encode(b64decode(text)).decode() == text for text in _BYTES.findall(header))
    except ValueError:
        return False


def _verify(
    *, ring: KeyRing, message: Request | Answer, required: tuple[str, ...], body: bytes, now: datetime
) -> str:
    if not _canonical(message.headers.get("Signature", "")):
        raise BadSignature("the HTTP signature is not written in the one way in which base64 may be")
    peer = _plain_signer(ring=ring, message=message, body=body, now=now)
    if peer is not None:
        return peer
    keys = _Keys(ring=ring, now=now)
    try:
        results = _Verifier(keys=keys, now=now).verify(
            message,
            max_age=AGE_MAX,
            expect_tag=TAG,
            require_components=(*required, "content-digest"),
            body=body,
        )
    except (HTTPMessageSignaturesException, ValueError, KeyError, TypeError) as broken:
        if keys.unknown is not None:
            raise keys.unknown from None
        raise BadSignature(f"the HTTP signature does not hold: {broken}") from None
    parameters: Mapping[str, Any] = results[0].parameters
    return str(parameters["keyid"]).partition("/")[0]
