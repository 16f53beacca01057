"""One settings file starts one house; everything that is wrong in it is said at once, by name, with the way out.

Three modes: `development` (sandbox services, machine clock), `rehearsal` (sandbox services, a clock that is set from
outside) and `live`, which refuses sandbox keys, sandbox services, unencrypted addresses and set clocks.
"""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from safehand.link.keys import KeyRing, Peer, PeerKey

Mode = Literal["development", "rehearsal", "live"]
SANDBOX_MARK = "sandbox:"
"""Keys that a set-up makes for trying things out begin with this word; live mode refuses them."""
KEY_HEX_CHARACTERS = 64
DSN_SCHEMES = ("postgresql", "postgres")


class SettingsRefused(Exception):
    """The settings can't be used; `problems` names each setting, what is wrong, and what to do."""

    def __init__(self, *, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path} can't be used:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


class Keys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Paths of files with 32 bytes in hexadecimal each; readable by the house's user alone."""

    key_id: str
    signing: Path
    sealing: Path
    vault_wrapping: Path
    vault_blinding: Path


class PeerKeySetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A peer's public signing key in hexadecimal, with the time in which it may be used (RFC 3339)."""

    key_id: str
    public: str
    not_before: str = ""
    not_after: str = ""
    revoked_at: str = ""


class PeerSetting(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another house of the link."""

    name: str
    url: str = ""
    """Where its link answers; empty: it pulls and is not pushed to."""
    sealing: str
    keys: list[PeerKeySetting]
    cities: list[int] = []


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one house."""

    name: str
    mode: Mode
    database: str
    """DSN of this house's own PostgreSQL (16 to 18)."""
    keys: Keys
    host: str = "127.0.0.1"
    port: int = 8700
    public_url: str = ""
    peers: list[PeerSetting] = []
    services: dict[str, str] = {}
    """Name -> address of the services behind ports (register, payment, sign_in, sms, smtp …)."""
    data_folder: Path = Path()
    """Folder that holds `cities/`, `documents/` and `carriers/`; empty: those of the installation."""
    staff: Path | None = None
    """File with the staff's accounts (see `sessions`)."""
    control_secret: str = ""
    """Opens the rehearsal controls (set clock, batch of calls); refused in live mode."""
    seed: str = ""
    """Makes identifiers repeatable in a rehearsal; refused in live mode."""
    secrets: dict[str, str] = {}
    """Secrets shared with services (payment callbacks, sign-in client)."""
    mail_sender: str = ""
    """Who e-mail comes from; empty: no-reply at the public address."""
    mail_in_rehearsal: bool = False
    """A rehearsal sends text messages only, because each mail costs a conversation with the mail server; true: mail too."""


def read_settings(path: Path) -> Settings:
    """Read and check a settings file. Raises `SettingsRefused` with every problem at once."""
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=Settings, dec_hook=_as_path)
    except FileNotFoundError:
        raise SettingsRefused(
            path=path, problems=["there is no such file: give its path with --settings"]
        ) from None
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise SettingsRefused(path=path, problems=[str(broken)]) from None
    problems = _problems(settings)
    if settings.mode == "live":
        problems += _live_problems(settings)
    if problems:
        raise SettingsRefused(path=path, problems=problems)
    return settings


def _as_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"a setting of type {kind}")


def read_key(path: Path) -> bytes:
    """The 32 bytes of a key file. Raises `ValueError` with what is wrong."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as broken:
        raise ValueError(f"{path} can't be read: {broken}") from None
    text = text.removeprefix(SANDBOX_MARK)
    if len(text) != KEY_HEX_CHARACTERS:
        raise ValueError(f"{path} must hold {KEY_HEX_CHARACTERS} hexadecimal characters (32 bytes)")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError(f"{path} holds characters that are not hexadecimal") from None


def key_ring(settings: Settings) -> KeyRing:
    """The link's keys as the settings name them."""
    return KeyRing(
        name=settings.name,
        key_id=settings.keys.key_id,
        signing=read_key(settings.keys.signing),
        sealing=read_key(settings.keys.sealing),
        peers=[_peer(peer) for peer in settings.peers],
    )


def _peer(peer: PeerSetting) -> Peer:
    keys = tuple(msgspec.convert(_key_fields(key), PeerKey) for key in peer.keys)
    return Peer(
        name=peer.name,
        keys=keys,
        sealing=bytes.fromhex(peer.sealing),
        url=peer.url,
        cities=tuple(peer.cities),
    )


def _key_fields(key: PeerKeySetting) -> dict[str, object]:
    times = {name: getattr(key, name) or None for name in ("not_before", "not_after", "revoked_at")}
    return {"key_id": key.key_id, "public": bytes.fromhex(key.public), **times}


def _problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    if urlsplit(settings.database).scheme not in DSN_SCHEMES:
        problems.append("database: give a DSN like postgresql://user:password@host:5432/name")
    if not 0 < settings.port < 65536:
        problems.append(f"port: {settings.port} is not a port; choose one between 1 and 65535")
    for name in ("signing", "sealing", "vault_wrapping", "vault_blinding"):
        try:
            read_key(getattr(settings.keys, name))
        except ValueError as broken:
            problems.append(f"keys.{name}: {broken}; make one with `./do new keys`")
    for peer in settings.peers:
        problems += _peer_problems(peer)
    if settings.staff is not None and not settings.staff.is_file():
        problems.append(f"staff: there is no file {settings.staff}; make one or leave the setting out")
    return problems


def _peer_problems(peer: PeerSetting) -> list[str]:
    problems: list[str] = []
    try:
        _peer(peer)
    except (ValueError, msgspec.ValidationError) as broken:
        problems.append(
            f"peers.{peer.name}: a key or a time in it can't be read ({broken}); keys are 64 hexadecimal"
            " characters, times look like 2026-05-06T00:00:00Z"
        )
    if not peer.keys:
        problems.append(f"peers.{peer.name}.keys: without a public key nothing of this peer can be verified")
    return problems


def _live_problems(settings: Settings) -> list[str]:
    """What may be used for trying things out, but never with real people."""
    problems = _live_key_problems(settings.keys)
    if settings.control_secret:
        problems.append(
            "control_secret: the rehearsal controls can't be opened in live mode; remove the setting"
        )
    if settings.seed:
        problems.append("seed: identifiers must be unguessable in live mode; remove the setting")
    for name, url in settings.services.items():
        if urlsplit(url).scheme not in ("https", "smtps", "smtp+tls"):
            problems.append(
                f"services.{name}: {url} is not encrypted; use https:// (or smtp+tls:// for e-mail)"
            )
        if (urlsplit(url).hostname or "") in ("127.0.0.1", "localhost", "::1"):
            problems.append(
                f"services.{name}: {url} is on this machine, as sandbox services are; name the real one"
            )
    problems.extend(
        f"peers.{peer.name}.url: {peer.url} is not encrypted; use https://"
        for peer in settings.peers
        if peer.url and urlsplit(peer.url).scheme != "https"
    )
    return problems


def _live_key_problems(keys: Keys) -> list[str]:
    problems: list[str] = []
    for name in ("signing", "sealing", "vault_wrapping", "vault_blinding"):
        path: Path = getattr(keys, name)
        if not path.is_file():
            continue
        if path.read_text(encoding="ascii", errors="replace").startswith(SANDBOX_MARK):
            problems.append(f"keys.{name}: {path} is a sandbox key; make a real one with `./do new keys`")
        if path.stat().st_mode & 0o077:
            problems.append(f"keys.{name}: others can read {path}; run `chmod 600 {path}`")
    return problems
