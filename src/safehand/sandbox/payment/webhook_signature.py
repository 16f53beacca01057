"""Signs callbacks as Standard Webhooks do: `id.timestamp.body`, scheme `v1a` (Ed25519)."""

from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from safehand.sandbox.key_files import write_secret

PUBLIC_PREFIX: Final = "whpk_"
KEY_BYTES_MAX: Final = 4_000


def signed_content(*, message_id: str, at: datetime, body: bytes) -> bytes:
    """The bytes under the signature: id, seconds since 1970 and body, joined by dots (Standard Webhooks 1.0)."""
    return b".".join((message_id.encode(), str(int(at.timestamp())).encode(), body))


def callback_headers(*, key: Ed25519PrivateKey, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a signed callback."""
    signature = key.sign(signed_content(message_id=message_id, at=at, body=body))
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1a,{b64encode(signature).decode()}",
    }


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key as merchants are given it: `whpk_` and base64."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PUBLIC_PREFIX + b64encode(raw).decode()


def payment_key_file(folder: Path) -> Path:
    """Where the payment service keeps its callback key in the sandbox's folder."""
    return folder / "payment-callback-key.pem"


def signing_key(file: Path) -> Ed25519PrivateKey:
    """The sandbox's own callback key, made at first start and kept in its folder. Raises `ValueError` for another kind."""
    if file.exists():
        loaded = load_pem_private_key(file.read_bytes()[:KEY_BYTES_MAX], password=None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ValueError(f"{file} holds no Ed25519 key: delete it and a new one is made")
        return loaded
    key = Ed25519PrivateKey.generate()
    write_secret(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key
