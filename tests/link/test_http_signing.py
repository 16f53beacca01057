"""HTTP signatures: the RFC's own vectors, and nothing unsigned, old, altered or of another request is believed."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519
from http_message_signatures.resolvers import HTTPSignatureKeyResolver

from safehand.link.golden import KEY_ID, published_peer, published_ring
from safehand.link.http_signing import (
    AGE_MAX,
    SKEW_MAX,
    Answer,
    Request,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
from safehand.link.keys import BadSignature, UnknownKey
from tests.link.two_houses import AUTHORITY, POST

NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
US = published_ring(house=AUTHORITY, peers=(published_peer(house=POST),))
THEM = published_ring(house=POST, peers=(published_peer(house=AUTHORITY),))

# RFC 9421, appendix B.1.4 and B.2.6: a test key and a signature that the RFC itself publishes.
RFC_SECRET = bytes.fromhex("9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5")
RFC_PUBLIC = bytes.fromhex("26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb")
RFC_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
# RFC 9530, appendix D: the digest of this body.
RFC_BODY = b'{"hello": "world"}'
RFC_DIGEST = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"


class RfcKey(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(RFC_SECRET)


def test_the_signature_of_the_rfc_comes_out_byte_for_byte() -> None:
    secret = Ed25519PrivateKey.from_private_bytes(RFC_SECRET)
    assert secret.public_key().public_bytes_raw() == RFC_PUBLIC
    request = Request(
        "POST",
        "https://example.com/foo?param=Value&Pet=dog",
        {
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Length": "18",
        },
    )
    HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=RfcKey()).sign(
        request,
        key_id="test-key-ed25519",
        created=datetime.fromtimestamp(1618884473, tz=UTC),
        label="sig-b26",
        include_alg=False,
        covered_component_ids=("date", "@method", "@path", "@authority", "content-type", "content-length"),
    )
    assert request.headers["Signature"] == f"sig-b26=:{RFC_SIGNATURE}:"
    secret.public_key().verify(
        base64.b64decode(RFC_SIGNATURE),
        b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        b'"content-type": application/json\n"content-length": 18\n"@signature-params": ("date" "@method" "@path"'
        b' "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    )


def test_the_digest_is_that_of_the_rfc() -> None:
    assert signed(body=RFC_BODY).headers["Content-Digest"] == RFC_DIGEST


def signed(*, body: bytes = b'{"runs":[]}', url: str = "http://post.test/link/v1/runs") -> Request:
    request = Request("POST", url, {}, body)
    sign_request(ring=US, request=request, now=NOW)
    return request


def changed(request: Request, **changes: object) -> Request:
    fields = {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "body": request.body,
    }
    return Request(**{**fields, **changes})  # pyright: ignore[reportArgumentType]


def test_a_genuine_request_tells_who_signed_it_and_covers_what_matters() -> None:
    request = signed()
    assert verify_request(ring=THEM, request=request, now=NOW) == AUTHORITY
    covered = request.headers["Signature-Input"]
    for component in ("@method", "@authority", "@path", "@query", "content-type", "content-digest"):
        assert f'"{component}"' in covered
    assert f'keyid="{AUTHORITY}/{KEY_ID}"' in covered
    assert 'tag="safehand-link"' in covered


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"url": "http://post.test/link/v1/other"},
        {"url": "http://post.test/link/v1/runs?city=1"},
        {"url": "http://elsewhere.test/link/v1/runs"},
        {"body": b'{"runs":[ ]}'},
        {"body": b""},
        {"headers": {}},
    ],
)
def test_a_request_altered_in_any_part_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        verify_request(ring=THEM, request=changed(signed(), **changes), now=NOW)


def test_no_byte_of_any_header_that_counts_can_be_changed() -> None:
    request = signed()
    for name in ("Signature", "Signature-Input", "Content-Digest", "Content-Type"):
        value = request.headers[name]
        for place in range(len(value)):
            altered = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            headers = {**request.headers, name: altered}
            try:
                who = verify_request(ring=THEM, request=changed(request, headers=headers), now=NOW)
            except (BadSignature, UnknownKey):
                continue
            # Only what the signature does not cover by its nature may differ: unused bits of base64.
            assert who == AUTHORITY
            assert name in ("Signature", "Content-Digest")
            assert decoded(altered) == decoded(value)


def decoded(header: str) -> bytes:
    return base64.b64decode(header.partition(":")[2].rstrip(":"), validate=False)


@pytest.mark.parametrize(
    ("later", "believed"),
    [
        (timedelta(0), True),
        (AGE_MAX, True),
        (AGE_MAX + SKEW_MAX + timedelta(seconds=1), False),
        (-SKEW_MAX, True),
        (-SKEW_MAX - timedelta(seconds=1), False),
    ],
)
def test_a_request_is_believed_only_while_it_is_fresh(later: timedelta, believed: bool) -> None:
    if believed:
        assert verify_request(ring=THEM, request=signed(), now=NOW + later) == AUTHORITY
    else:
        with pytest.raises(BadSignature, match=r"old|future"):
            verify_request(ring=THEM, request=signed(), now=NOW + later)


def test_an_unknown_key_is_told_apart_from_a_bad_signature() -> None:
    stranger = published_ring(house="stranger")
    request = Request("POST", "http://post.test/x", {}, b"{}")
    sign_request(ring=stranger, request=request, now=NOW)
    with pytest.raises(UnknownKey):
        verify_request(ring=THEM, request=request, now=NOW)


@pytest.mark.parametrize(
    "created", ["", ";created=x", ";created=999999999999999", ";created=-1", ";created=1.5"]
)
def test_a_signature_without_a_sensible_time_is_refused(created: str) -> None:
    request = signed()
    head, _, tail = request.headers["Signature-Input"].partition(";created=")
    rest = ";" + tail.partition(";")[2]
    headers = {**request.headers, "Signature-Input": head + created + rest}
    with pytest.raises(BadSignature):
        verify_request(ring=THEM, request=changed(request, headers=headers), now=NOW)


def an_answer(request: Request) -> Answer:
    answer = Answer(200, {}, request, b'{"answers":[]}')
    sign_answer(ring=THEM, answer=answer, now=NOW)
    return answer


def test_an_answer_is_bound_to_its_request() -> None:
    request = signed()
    answer = an_answer(request)
    assert verify_answer(ring=US, answer=answer, now=NOW) == POST
    other = signed(body=b'{"runs":[1]}')
    for carried in (
        Answer(200, answer.headers, other, answer.body),
        Answer(201, answer.headers, request, answer.body),
        Answer(200, answer.headers, request, b'{"answers":[1]}'),
        Answer(200, {}, request, answer.body),
    ):
        with pytest.raises(BadSignature):
            verify_answer(ring=US, answer=carried, now=NOW)


def test_no_answer_is_bound_to_a_request_that_is_too_broken() -> None:
    request = changed(signed(), headers={"Signature": "é\n"})
    with pytest.raises(BadSignature, match="bound"):
        sign_answer(ring=THEM, answer=Answer(400, {}, request, b"{}"), now=NOW)
