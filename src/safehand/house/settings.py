"""One settings file starts one house; everything that is wrong in it is said at once, by name, with the way out.

Three modes: `development` (sandbox services, machine clock), `rehearsal` (sandbox services, a clock that is set from
outside) and `live`, which refuses sandbox keys, sandbox services, unencrypted addresses and set clocks.
"""

import ipaddress
import re
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from safehand.house.sessions import read_staff
from safehand.link.keys import KeyRing, Peer, PeerKey

Mode = Literal["development", "rehearsal", "live"]
SANDBOX_MARK = "sandbox:"
"""Keys that a set-up makes for trying things out begin with this word; live mode refuses them."""
KEY_HEX_CHARACTERS = 64
DSN_SCHEMES = ("postgresql", "postgres")
FILE_BYTES_MAX = 1_000_000
CONTROL_SECRET_CHARACTERS_MIN = 24
NAME = re.compile(r"[a-z][a-z0-9_]{1,31}")
KEY_NAMES = ("signing", "sealing", "vault_wrapping", "vault_blinding")
ENCRYPTED = ("https", "smtps", "smtp+tls")
CALLBACK_KEY = re.compile(r"whpk_[A-Za-z0-9+/]{43}=")
"""An Ed25519 public key as Standard Webhooks writes it: 32 bytes in base64."""


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
    """DSN of this house's own PostgreSQL (16 to 18), with the role that serves requests."""
    keys: Keys
    host: str = "127.0.0.1"
    port: int = 8700
    public_url: str = ""
    database_owner: str = ""
    """DSN of the same database with the role that owns its tables; it migrates them and grants rights."""
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
    payment_callback_keys: list[str] = []
    """Public keys (`whpk_…`) under which the payment service signs its callbacks; none: no callback is believed."""
    pictures_declared: bool = False
    """Applications may name pictures that nobody uploaded, by their digests; refused in live mode."""
    destinations_unchecked: bool = False
    """Applications may name places that nothing is brought to, so that a post turns an order away; refused in live mode."""
    mail_sender: str = ""
    """Who e-mail comes from; empty: no-reply at the public address."""
    mail_in_rehearsal: bool = False
    """A rehearsal sends text messages only, because each mail costs a conversation with the mail server; true: mail too."""


def read_settings(path: Path, *, services: Sequence[str] = (), secrets: Sequence[str] = ()) -> Settings:
    """Read and check a settings file. Raises `SettingsRefused` with every problem at once.

    `services` and `secrets` name those that this house can't do without.
    """
    table = _table(path)
    problems = _shape_problems(table, Settings, "")
    if problems:
        raise SettingsRefused(path=path, problems=problems)
    settings = msgspec.convert(table, Settings, dec_hook=_as_path)
    problems = _problems(settings)
    for kind, names, given in (
        ("services", services, settings.services),
        ("secrets", secrets, settings.secrets),
    ):
        problems += [
            f"{kind}.{name}: is missing; this house can't work without it"
            for name in names
            if not given.get(name)
        ]
    if settings.mode == "live":
        problems += _live_problems(settings)
        problems += _open_to_others("the settings file", path)
    if problems:
        raise SettingsRefused(path=path, problems=problems)
    return settings


def _table(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as away:
        problem = f"it can't be read ({away.strerror}); give the path of a TOML file with --settings"
        raise SettingsRefused(path=path, problems=[problem]) from None
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsRefused(path=path, problems=[f"it is larger than {FILE_BYTES_MAX} bytes"])
    try:
        return tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as broken:
        raise SettingsRefused(path=path, problems=[f"it is not TOML: {broken}"]) from None


def _shape_problems(table: Mapping[str, Any], shape: type[msgspec.Struct], place: str) -> list[str]:
    """Each setting by itself, so that one problem does not hide the next."""
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    problems = [
        f"{place}{name}: there is no such setting; mend its name or remove it"
        for name in table
        if name not in fields
    ]
    kinds = get_type_hints(shape, include_extras=True)
    for name, field in fields.items():
        if name not in table:
            if field.required:
                problems.append(f"{place}{name}: is missing; add it")
            continue
        problems += _value_problems(table[name], kinds[name], f"{place}{name}")
    return problems


def _value_problems(value: Any, kind: Any, place: str) -> list[str]:
    section = _section_of(kind)
    if section is not None and isinstance(value, dict):
        return _shape_problems(value, section, f"{place}.")
    if get_origin(kind) is list and (section := _section_of(get_args(kind)[0])) is not None:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            return [f"{place}: must be a list of sections, each headed [[{place}]]"]
        return [
            problem
            for number, one in enumerate(value)
            for problem in _shape_problems(one, section, f"{place}[{number}].")
        ]
    try:
        msgspec.convert(value, kind, dec_hook=_as_path)
    except msgspec.ValidationError as broken:
        return [f"{place}: {broken}; see docs/settings.md for what it takes"]
    return []


def _section_of(kind: Any) -> type[msgspec.Struct] | None:
    if get_origin(kind) in (Union, types.UnionType):
        kind = next((one for one in get_args(kind) if one is not type(None)), kind)
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


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


def public_keys(settings: Settings) -> str:
    """The `[[peers]]` section that the other house puts into its settings: public halves only."""
    signing = Ed25519PrivateKey.from_private_bytes(read_key(settings.keys.signing)).public_key()
    sealing = X25519PrivateKey.from_private_bytes(read_key(settings.keys.sealing)).public_key()
    return (
        f'[[peers]]\nname = "{settings.name}"\nurl = "{settings.public_url}"\n'
        f'sealing = "{sealing.public_bytes_raw().hex()}"\n\n'
        f'[[peers.keys]]\nkey_id = "{settings.keys.key_id}"\npublic = "{signing.public_bytes_raw().hex()}"\n'
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
    problems = _dsn_problems("database", settings.database)
    if settings.database_owner:
        problems += _dsn_problems("database_owner", settings.database_owner)
    if NAME.fullmatch(settings.name) is None:
        problems.append(
            f"name: {settings.name!r} must be small letters, digits and _; choose one like authority"
        )
    if not 0 < settings.port < 65536:
        problems.append(f"port: {settings.port} is not a port; choose one between 1 and 65535")
    for name in KEY_NAMES:
        try:
            read_key(getattr(settings.keys, name))
        except ValueError as broken:
            problems.append(f"keys.{name}: {broken}; make one with `./do new keys FOLDER`")
    if not settings.peers:
        problems.append("peers: a house needs the other one; add a section [[peers]] with its name and keys")
    for peer in settings.peers:
        problems += _peer_problems(peer)
    problems += [
        f"services.{name}: {url!r} is not an address; give one like https://register.example"
        for name, url in settings.services.items()
        if not _is_address(url)
    ]
    return problems + _rehearsal_and_file_problems(settings)


def _rehearsal_and_file_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    if settings.data_folder != Path() and not (settings.data_folder / "cities").is_dir():
        problems.append(
            f"data_folder: {settings.data_folder} has no folder cities; name the folder that has, or leave it out"
        )
    if settings.control_secret and len(settings.control_secret) < CONTROL_SECRET_CHARACTERS_MIN:
        problems.append(
            f"control_secret: has fewer than {CONTROL_SECRET_CHARACTERS_MIN} characters; take a longer random one"
        )
    problems += [
        f"payment_callback_keys[{number}]: is no callback key; ask the payment service for it, it begins with whpk_"
        for number, text in enumerate(settings.payment_callback_keys)
        if CALLBACK_KEY.fullmatch(text) is None
    ]
    if settings.staff is not None:
        try:
            read_staff(settings.staff)
        except ValueError as broken:
            problems.append(f"staff: {broken}; mend the file, or leave the setting out")
    return problems


def _dsn_problems(setting: str, dsn: str) -> list[str]:
    way_out = "give a DSN like postgresql://user:password@host:5432/name"
    try:
        parts = urlsplit(dsn)
        bad_port = parts.port == 0
    except ValueError:
        return [f"{setting}: its host or port can't be read; {way_out}"]
    if parts.scheme not in DSN_SCHEMES or bad_port or parts.path in ("", "/"):
        return [f"{setting}: the kind, the port or the database's name is missing or wrong; {way_out}"]
    return []


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _peer_problems(peer: PeerSetting) -> list[str]:
    problems: list[str] = []
    try:
        _peer(peer)
    except (ValueError, msgspec.ValidationError) as broken:
        problems.append(
            f"peers.{peer.name}: a key or a time in it can't be read ({broken}); keys are 64 hexadecimal"
            " characters, times look like 2026-05-06T00:00:00Z"
        )
    else:
        hexes = [("sealing", peer.sealing), *((f"keys.{key.key_id}", key.public) for key in peer.keys)]
        problems += [
            f"peers.{peer.name}.{place}: must have {KEY_HEX_CHARACTERS} hexadecimal characters; ask the peer for it"
            for place, text in hexes
            if len(text) != KEY_HEX_CHARACTERS
        ]
    if not peer.keys:
        problems.append(
            f"peers.{peer.name}.keys: without a public key nothing of this peer can be verified; add one"
        )
    if peer.url and not _is_address(peer.url):
        problems.append(
            f"peers.{peer.name}.url: {peer.url!r} is not an address; give one like https://post.example"
        )
    return problems


def _live_problems(settings: Settings) -> list[str]:
    """What may be used for trying things out, but never with real people."""
    problems = _live_key_problems(settings.keys)
    if settings.database_owner == settings.database:
        problems.append(
            "database_owner: is the same as database; give the application a role of its own (docs/how-to/live.md)"
        )
    if settings.control_secret:
        problems.append(
            "control_secret: the rehearsal controls can't be opened in live mode; remove the setting"
        )
    if settings.seed:
        problems.append("seed: identifiers must be unguessable in live mode; remove the setting")
    if settings.pictures_declared:
        problems.append(
            "pictures_declared: without its pictures no application can be examined; remove the setting"
        )
    if settings.destinations_unchecked:
        problems.append(
            "destinations_unchecked: documents would set out for where the post does not go; remove the setting"
        )
    problems += [
        f"secrets.{name}: is a sandbox's secret; put in the real service's one"
        for name, secret in settings.secrets.items()
        if secret.startswith(SANDBOX_MARK)
    ]
    for name, url in settings.services.items():
        if _is_address(url):
            problems += _live_service_problems(name, url)
    problems += [
        f"peers.{peer.name}.url: {peer.url} is not encrypted; use https://"
        for peer in settings.peers
        if peer.url and _is_address(peer.url) and urlsplit(peer.url).scheme != "https"
    ]
    if settings.public_url and urlsplit(settings.public_url).scheme != "https":
        problems.append(f"public_url: {settings.public_url} is not encrypted; use https://")
    if settings.staff is not None:
        problems += _open_to_others("staff", settings.staff)
    return problems


def _live_service_problems(name: str, url: str) -> list[str]:
    problems: list[str] = []
    parts = urlsplit(url)
    if parts.scheme not in ENCRYPTED:
        problems.append(f"services.{name}: {url} is not encrypted; use https:// (or smtp+tls:// for e-mail)")
    if _is_loopback(parts.hostname or ""):
        problems.append(
            f"services.{name}: {url} is on this machine, as sandbox services are; name the real one"
        )
    return problems


def _is_loopback(host: str) -> bool:
    if host.rstrip(".").lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _live_key_problems(keys: Keys) -> list[str]:
    problems: list[str] = []
    seen: dict[str, str] = {}
    for name in KEY_NAMES:
        path: Path = getattr(keys, name)
        if not path.is_file():
            continue
        text = path.read_text(encoding="ascii", errors="replace").strip()
        if text.startswith(SANDBOX_MARK):
            problems.append(
                f"keys.{name}: {path} is a sandbox key; make a real one with `./do new keys FOLDER`"
            )
        if (other := seen.setdefault(text, name)) != name:
            problems.append(f"keys.{name}: is the same key as keys.{other}; make each one of its own")
        problems += _open_to_others(f"keys.{name}", path)
    return problems


def _open_to_others(setting: str, path: Path) -> list[str]:
    if path.is_file() and path.stat().st_mode & 0o077:
        return [f"{setting}: others can read {path}; run `chmod 600 {path}`"]
    return []
