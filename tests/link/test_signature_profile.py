"""Our one form of an HTTP signature is the library's, byte for byte, and whatever is not in it is the library's to judge."""

from datetime import UTC, datetime

import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier
from http_message_signatures.algorithms import ED25519
from hypothesis import given
from hypothesis import strategies as st

from safehand.link import http_signing, signature_profile
from safehand.link.golden import published_peer, published_ring
from safehand.link.http_signing import Answer, Request, sign_answer, sign_request, verify_request
from safehand.link.keys import BadSignature
from tests.link.two_houses import AUTHORITY, POST

NOW = datetime(2024, 5, 6, 1, 0, 0, 700_000, tzinfo=UTC)
US = published_ring(house=AUTHORITY, peers=(published_peer(house=POST),))
THEM = published_ring(house=POST, peers=(published_peer(house=AUTHORITY),))
URLS = st.sampled_from(
    [
        "http://post.test/link/v1/runs",
        "http://post.test:80/link/v1/runs",
        "https://post.test:443/",
        "https://post.test:8443/link/v1/runs?city=310000&after=0",
        "http://post.test/link/v1/runs?",
        "http://post.test/a~b/c.d-e_f",
    ]
)
ODD_URLS = [
    "http://POST.test/link",
    "http://post.test",
    "http://[::1]:8080/link",
    "http://post.test/a%20b",
    "http://post.test/link?x=%2F",
]


def by_library(message: Request | Answer, *, ring: object, components: tuple[str, ...]) -> dict[str, str]:
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=http_signing._Keys(ring=ring, now=NOW),  # pyright: ignore
    )
    key_id = f"{ring.name}/{ring.key_id}"  # type: ignore[attr-defined]
    signer.sign(
        message,
        key_id=key_id,
        created=NOW,
        tag=signature_profile.TAG,
        label="link",
        covered_component_ids=components,
        body=message.body,
    )
    return message.headers


@given(url=URLS, body=st.binary(max_size=40), method=st.sampled_from(["GET", "POST"]))
def test_a_request_is_signed_as_the_library_signs_it(url: str, body: bytes, method: str) -> None:
    ours = Request(method, url, {}, body)
    sign_request(ring=US, request=ours, now=NOW)
    theirs = Request(method, url, {"Content-Type": "application/json"}, body)
    by_library(theirs, ring=US, components=signature_profile.REQUEST_COMPONENTS)
    assert ours.headers == theirs.headers


@given(url=URLS, body=st.binary(max_size=40), status=st.integers(200, 599))
def test_an_answer_is_signed_as_the_library_signs_it(url: str, body: bytes, status: int) -> None:
    request = Request("POST", url, {}, b"{}")
    sign_request(ring=US, request=request, now=NOW)
    ours = Answer(status, {}, request, body)
    sign_answer(ring=THEM, answer=ours, now=NOW)
    theirs = Answer(status, {"Content-Type": "application/json"}, request, body)
    by_library(theirs, ring=THEM, components=signature_profile.ANSWER_COMPONENTS)
    assert ours.headers == theirs.headers


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_address_of_another_form_is_left_to_the_library(url: str) -> None:
    assert signature_profile.request_lines(method="POST", url=url, headers={"content-type": "a/b"}) is None
    request = Request("POST", url, {}, b"{}")
    sign_request(ring=US, request=request, now=NOW)
    assert verify_request(ring=THEM, request=request, now=NOW) == AUTHORITY


def test_a_genuine_request_never_reaches_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request("POST", "http://post.test/link/v1/runs", {}, b"{}")
    sign_request(ring=US, request=request, now=NOW)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the library was asked")

    monkeypatch.setattr(HTTPMessageVerifier, "verify", never)
    assert verify_request(ring=THEM, request=request, now=NOW) == AUTHORITY


def test_a_signature_can_be_written_in_one_way_only() -> None:
    request = Request("POST", "http://post.test/link/v1/runs", {}, b'{"runs":[]}')
    sign_request(ring=US, request=request, now=NOW)
    written = request.headers["Signature"]
    # The last character of 64 bytes in base64 has four bits that mean nothing.
    last = written.index("==") - 1
    other = chr(ord(written[last]) + 1)
    request.headers["Signature"] = written[:last] + other + written[last + 1 :]
    with pytest.raises(BadSignature):
        verify_request(ring=THEM, request=request, now=NOW)
    request.headers["Signature"] = written
    assert verify_request(ring=THEM, request=request, now=NOW)


@given(
    place=st.integers(0, 10_000),
    bit=st.integers(0, 7),
    what=st.sampled_from(["Signature", "Signature-Input", "Content-Digest", "Content-Type", "url", "body"]),
)
def test_no_bit_of_it_can_be_changed(place: int, bit: int, what: str) -> None:
    request = Request("POST", "http://post.test/link/v1/runs?city=3", {}, b'{"runs":[]}')
    sign_request(ring=US, request=request, now=NOW)

    def flipped(text: bytes) -> bytes:
        at = place % len(text)
        return text[:at] + bytes([text[at] ^ (1 << bit)]) + text[at + 1 :]

    match what:
        case "url":
            request.url = "http://post.test/" + flipped(request.url[17:].encode("latin-1")).decode("latin-1")
        case "body":
            request.body = flipped(request.body)
        case name:
            request.headers[name] = flipped(request.headers[name].encode("latin-1")).decode("latin-1")
    with pytest.raises((BadSignature, http_signing.UnknownKey)):
        verify_request(ring=THEM, request=request, now=NOW)
