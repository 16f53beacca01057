"""The one form in which our houses sign HTTP (RFC 9421, digests by RFC 9530), built and read without a parser.

The library takes every form that the RFC allows, at a cost of milliseconds a message. Genuine messages between houses have
one form: that one is built here byte for byte as the library builds it, and recognised here. Whatever looks otherwise in any
way is left to the library (`http_signing`), which judges it.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

REQUEST_COMPONENTS: Final = ("@method", "@authority", "@path", "@query", "content-type")
ANSWER_COMPONENTS: Final = ("@status", "content-type", '"@method";req', '"@path";req', '"signature";req')
TAG: Final = "safehand-link"
_REQUEST: Final = '("@method" "@authority" "@path" "@query" "content-type" "content-digest")'
_ANSWER: Final = '("@status" "content-type" "@method";req "@path";req "signature";req "content-digest")'
_URL: Final = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?(/[A-Za-z0-9/_.~-]*)(\?[A-Za-z0-9=&_.~-]*)?"
)
_PARAMETERS: Final = re.compile(
    r'link=(\([^()]*\);created=([0-9]{1,12});keyid="([A-Za-z0-9_./:-]{1,200})";alg="ed25519";tag="safehand-link")'
)
_SIGNATURE: Final = re.compile(r"link=:([A-Za-z0-9+/]{86}==):")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_KEY: Final = re.compile(r"[A-Za-z0-9_./:-]{1,200}")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_USUAL_PORT: Final = {"http": ":80", "https": ":443"}
NAMES: Final = frozenset({"content-type", "content-digest", "signature-input", "signature"})


class Signed(NamedTuple):
    """A message in our form: what was signed, by which key id, when, and the signature."""

    base: bytes
    key_id: str
    created: int
    signature: bytes


def digest_of(body: bytes) -> str:
    """The Content-Digest field of a body."""
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


def plain_headers(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The fields that count, by lower-case name; None when one is there twice, or has an unusual value."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        lower = name.lower()
        if lower in NAMES:
            if lower in found or _VALUE.fullmatch(value) is None:
                return None
            found[lower] = value
    return found


def request_lines(*, method: str, url: str, headers: Mapping[str, str]) -> str | None:
    """The components of a request but the digest; None when it is not in our form."""
    parts, kind = _URL.fullmatch(url), headers.get("content-type")
    if parts is None or kind is None or _METHOD.fullmatch(method) is None or ".." in parts[2]:
        return None
    scheme, host, port, path, query = parts.groups()
    authority = host + (port if port is not None and port != _USUAL_PORT[scheme] else "")
    return (
        f'"@method": {method}\n"@authority": {authority}\n"@path": {path}\n"@query": {query or "?"}\n'
        f'"content-type": {kind}\n'
    )


def answer_lines(
    *, status: int, headers: Mapping[str, str], method: str, url: str, request_headers: Mapping[str, str]
) -> str | None:
    """The components of an answer but the digest; None when it, or its request, is not in our form."""
    parts, kind, signature = (
        _URL.fullmatch(url),
        headers.get("content-type"),
        request_headers.get("signature"),
    )
    if parts is None or kind is None or signature is None or _METHOD.fullmatch(method) is None:
        return None
    return (
        f'"@status": {status}\n"content-type": {kind}\n"@method";req: {method}\n"@path";req: {parts[4]}\n'
        f'"signature";req: {signature}\n'
    )


def parameters(*, answer: bool, created: datetime, key_id: str) -> str | None:
    """The signature's parameters; None for a key id that would have to be escaped."""
    if _KEY.fullmatch(key_id) is None:
        return None
    covered = _ANSWER if answer else _REQUEST
    return f'{covered};created={int(created.timestamp())};keyid="{key_id}";alg="ed25519";tag="{TAG}"'


def base_of(*, lines: str, digest: str, parameters: str) -> bytes:
    """The signature base (RFC 9421, 2.5)."""
    return f'{lines}"content-digest": {digest}\n"@signature-params": {parameters}'.encode()


def recognised(*, lines: str, headers: Mapping[str, str], body: bytes, answer: bool) -> Signed | None:
    """What was signed, if the message is in our form and its digest is that of its body."""
    given = _PARAMETERS.fullmatch(headers.get("signature-input", ""))
    signature = _SIGNATURE.fullmatch(headers.get("signature", ""))
    digest = headers.get("content-digest")
    if given is None or signature is None or digest is None or digest != digest_of(body):
        return None
    if not given[1].startswith(_ANSWER if answer else _REQUEST):
        return None
    base = base_of(lines=lines, digest=digest, parameters=given[1])
    return Signed(base, given[3], int(given[2]), base64.b64decode(signature[1]))
