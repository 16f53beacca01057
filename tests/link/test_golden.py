"""Golden messages and schemas: what the repository publishes is what the code does, checked with public keys alone."""

import base64
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import jsonschema
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safehand.link.codes import Code
from safehand.link.envelope import Run, verified_hashes
from safehand.link.golden import AT, AUTHORITY, KEY_ID, POST, golden_files, published_secret
from safehand.link.keys import KeyRing, Peer, PeerKey
from safehand.link.messages import BODIES, CheckpointCountersigned, Kind, ProofSealed
from safehand.link.proof import check_proof
from safehand.link.schemas import schema_files
from safehand.link.witness import check_countersignature

FOLDER = Path("docs/link")


def name_of(kind: Kind) -> str:
    return f"{int(kind)}-{kind.name.lower().replace('_', '-')}.json"


def published_keys() -> dict[str, Peer]:
    """The peers as a partner reads them: from the file, without this project's code."""
    found = json.loads((FOLDER / "golden" / "public-keys.json").read_text())
    return {
        house: Peer(
            name=house,
            keys=tuple(
                PeerKey(key_id=key["key_id"], public=base64.b64decode(key["public"])) for key in peer["keys"]
            ),
            sealing=base64.b64decode(peer["sealing"]),
        )
        for house, peer in found.items()
    }


def ring(*, house: str) -> KeyRing:
    """A ring that can verify but has keys of its own which nobody knows."""
    unused = published_secret(house="nobody", purpose="signing")
    peers = tuple(peer for name, peer in published_keys().items() if name != house)
    return KeyRing(name=house, key_id="unused", signing=unused, sealing=unused, peers=peers)


@pytest.mark.parametrize("folder", ["schemas", "golden"])
def test_the_published_files_are_those_of_the_code(folder: str) -> None:
    expected = schema_files() if folder == "schemas" else golden_files()
    found = {path.name: path.read_bytes() for path in (FOLDER / folder).iterdir()}
    stale = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    assert stale == [], "run `python -m safehand.link.schemas`; a published kind may not change its shape"


@pytest.mark.parametrize("kind", Kind)
def test_a_golden_message_is_genuine_by_the_public_keys_alone_and_encodes_to_the_same_bytes(
    kind: Kind,
) -> None:
    raw = (FOLDER / "golden" / name_of(kind)).read_bytes().rstrip(b"\n")
    run = msgspec.json.decode(raw, type=Run)
    assert len(verified_hashes(run=run, ring=ring(house=run.receiver), now=AT)) == 1
    assert msgspec.json.encode(run) == raw
    [message] = run.messages
    assert message.kind == kind
    body = msgspec.json.decode(message.body, type=BODIES[kind])
    assert msgspec.json.encode(body).decode() == message.body


@pytest.mark.parametrize("kind", Kind)
def test_a_golden_body_fits_its_schema_and_an_unknown_field_does_not(kind: Kind) -> None:
    schema = json.loads((FOLDER / "schemas" / name_of(kind)).read_text())
    run = msgspec.json.decode((FOLDER / "golden" / name_of(kind)).read_bytes(), type=Run)
    body = json.loads(run.messages[0].body)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(body)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**body, "sentence": "hello"})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps({**body, "sentence": "hello"}), type=BODIES[kind])


def test_the_golden_proof_and_countersignature_hold_by_the_public_keys() -> None:
    def body(kind: Kind) -> str:
        run = msgspec.json.decode((FOLDER / "golden" / name_of(kind)).read_bytes(), type=Run)
        return run.messages[0].body

    proof = msgspec.json.decode(body(Kind.PROOF_SEALED), type=ProofSealed)
    check_proof(ring=ring(house=POST), peer=AUTHORITY, proof=proof)
    signed = msgspec.json.decode(body(Kind.CHECKPOINT_COUNTERSIGNED), type=CheckpointCountersigned)
    check_countersignature(
        ring=ring(house=AUTHORITY),
        witness=POST,
        key_id=KEY_ID,
        city=310000,
        countersigned=signed,
        now=AT + timedelta(days=1),
    )


def test_the_golden_run_fits_the_schema_of_a_push() -> None:
    schema = json.loads((FOLDER / "schemas" / "push.json").read_text())
    run = json.loads((FOLDER / "golden" / name_of(Kind.ORDER_PLACED)).read_text())
    jsonschema.Draft202012Validator(schema).validate({"runs": [run]})


def test_the_worked_example_of_the_page_is_true() -> None:
    page = (FOLDER / "README.md").read_text()
    run = msgspec.json.decode((FOLDER / "golden" / name_of(Kind.ORDER_CANCELLED)).read_bytes(), type=Run)
    signature = run.signature.hex()
    for said in (run.messages[0].body, run.head.hex(), signature[:64], signature[64:]):
        assert said in page
    # By the page's words alone, without the code that makes runs.
    hashed = (
        bytes(32)
        + b"golden-authority\x1fgolden-post\x1f310000\x1f1\x1f102\x1for_golden\x1f1714957323456789\x1f"
        + bytes(32)
        + run.messages[0].body.encode()
    )
    assert sha256(hashed).hexdigest() == run.head.hex()
    secret = sha256(b"safehand golden signing key of golden-authority").digest()
    signed = (
        b"safehand run 1\x1fgolden-authority\x1fgolden-post\x1f310000\x1f1\x1f1\x1f" + bytes(32) + run.head
    )
    assert Ed25519PrivateKey.from_private_bytes(secret).sign(signed) == run.signature


def test_the_page_names_every_code() -> None:
    page = (FOLDER / "README.md").read_text()
    assert [code.name for code in Code if code.name not in page] == []
