"""Reads the sandbox's settings file and names everything that is wrong with it, all at once."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

FILE_BYTES_MAX: Final = 100_000
SECRET_MARK: Final = "sandbox:"  # noqa: S105 - a mark, not a secret
"""Every secret here begins so: a real one can't be put in by mistake, and a house in live mode knows these at once."""
SECRET_LENGTH_MIN: Final = 24
SERVICE_NAMES: Final = ("register", "sign_in", "payment", "messages")

Port = Annotated[int, Meta(ge=0, le=65_535)]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Address = Annotated[str, Meta(max_length=300)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section with these settings and no others."""


class RegisterSettings(Section, frozen=True, kw_only=True):
    """The population and document register."""

    port: Port
    token: Text


class ClientSettings(Section, frozen=True, kw_only=True):
    """A relying party of the sign-in."""

    client_id: Text
    client_secret: Text
    redirect_uris: Annotated[list[Address], Meta(min_length=1, max_length=20)]


class SignInSettings(Section, frozen=True, kw_only=True):
    """The real-person sign-in. `issuer`: the address that relying parties know; empty for the service's own."""

    port: Port
    clients: Annotated[list[ClientSettings], Meta(min_length=1, max_length=20)]
    issuer: Address = ""


class PaymentSettings(Section, frozen=True, kw_only=True):
    """Payment. `callback_url` empty: no callbacks. `return_urls`: where payers may be sent back to, by beginning."""

    port: Port
    token: Text
    callback_url: Address = ""
    return_urls: Annotated[list[Address], Meta(max_length=20)] = []
    timeout_seconds: Annotated[float, Meta(gt=0, le=120)] = 20.0
    """How long the magic time-out holds back its answer."""


class MessagesSettings(Section, frozen=True, kw_only=True):
    """SMS and e-mail. `messages_max`: how many the mailbox keeps, newest first."""

    port: Port
    smtp_port: Port
    token: Text
    messages_max: Annotated[int, Meta(ge=1, le=1_000_000)] = 20_000


class Settings(Section, frozen=True, kw_only=True):
    """The whole file. `rehearsal`: a clock that is moved by hand, beginning at `start`, and repeatable identifiers.

    `cast_folder` and `cities_folder` empty: those of the installation.
    """

    folder: Text
    seed: Annotated[int, Meta(ge=0, le=2**31)]
    host: Text = "127.0.0.1"
    cast_folder: Address = ""
    cities_folder: Address = ""
    rehearsal: bool = False
    start: datetime | None = None
    register: RegisterSettings | None = None
    sign_in: SignInSettings | None = None
    payment: PaymentSettings | None = None
    messages: MessagesSettings | None = None


class BadSettings(Exception):
    """The settings can't be used; `defects` names each setting and why."""

    def __init__(self, defects: list[str]) -> None:
        super().__init__("; ".join(defects))
        self.defects = defects


_SECTION_SHAPES: Final[dict[str, type[Section]]] = {
    "register": RegisterSettings,
    "sign_in": SignInSettings,
    "payment": PaymentSettings,
    "messages": MessagesSettings,
}


def load_settings(*, file: Path, only: str | None = None) -> Settings:
    """The settings in a TOML file; with `only`, just that service's section is kept. Raises `BadSettings`."""
    try:
        raw = file.read_bytes()
    except OSError as failure:
        raise BadSettings([f"{file}: cannot be read ({failure.strerror})"]) from None
    if len(raw) > FILE_BYTES_MAX:
        raise BadSettings([f"{file}: larger than {FILE_BYTES_MAX} bytes"])
    try:
        table = tomllib.loads(raw.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as defect:
        raise BadSettings([f"{file}: not TOML: {defect}"]) from None
    return settings_of(table=table, only=only)


def settings_of(*, table: dict[str, Any], only: str | None = None) -> Settings:
    """The settings in a parsed table. Raises `BadSettings` with every defect that was found."""
    defects: list[str] = []
    top = {name: value for name, value in table.items() if name not in _SECTION_SHAPES}
    _check_shape(top, Settings, "", defects)
    for name, shape in _SECTION_SHAPES.items():
        if name in table:
            _check_shape(table[name], shape, f"{name}.", defects)
    if defects:
        raise BadSettings(defects)
    settings = msgspec.convert(table, Settings)
    defects = _defects_of(settings)
    if only is not None:
        if only not in SERVICE_NAMES:
            defects.append(
                f"--only {only}: there is no such service; choose one of {', '.join(SERVICE_NAMES)}"
            )
        elif getattr(settings, only) is None:
            defects.append(f"{only}: the section is missing, but --only {only} asks for it")
        else:
            others = {name: None for name in SERVICE_NAMES if name != only}
            settings = msgspec.structs.replace(settings, **others)
    if defects:
        raise BadSettings(defects)
    return settings


def _check_shape(value: object, shape: type[Section], path: str, defects: list[str]) -> None:
    """Each setting of a section by itself, so that one defect doesn't hide the next."""
    if not isinstance(value, dict):
        defects.append(f"{path.rstrip('.')}: must be a section, like [{path.rstrip('.')}]")
        return
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    defects.extend(f"{path}{name}: there is no such setting" for name in value if name not in fields)
    for name, field in fields.items():
        if name not in value:
            if field.required:
                defects.append(f"{path}{name}: is missing")
            continue
        try:
            msgspec.convert(value[name], field.type)
        except msgspec.ValidationError as defect:
            defects.append(f"{path}{name}: {defect}")


def _defects_of(settings: Settings) -> list[str]:
    defects: list[str] = []
    if not any(getattr(settings, name) for name in SERVICE_NAMES):
        defects.append(f"no service: write at least one of the sections {', '.join(SERVICE_NAMES)}")
    if settings.rehearsal and (settings.start is None or settings.start.tzinfo is None):
        defects.append("start: a rehearsal needs the moment its clock begins at, like 2024-05-06T00:00:00Z")
    if not settings.rehearsal and settings.start is not None:
        defects.append("start: only a rehearsal (rehearsal = true) has a clock that begins at a given moment")
    defects += _secret_defects(settings)
    defects += _address_defects(settings)
    defects += _port_defects(settings)
    return defects


def _secret_defects(settings: Settings) -> list[str]:
    secrets: list[tuple[str, str]] = []
    for name in ("register", "payment", "messages"):
        section = getattr(settings, name)
        if section is not None:
            secrets.append((f"{name}.token", section.token))
    clients = settings.sign_in.clients if settings.sign_in else []
    secrets += [
        (f"sign_in.clients[{place}].client_secret", client.client_secret)
        for place, client in enumerate(clients)
    ]
    defects = [
        f"{path}: must begin with {SECRET_MARK!r} and have at least {SECRET_LENGTH_MIN} characters of plain ASCII"
        for path, secret in secrets
        if not (
            secret.startswith(SECRET_MARK)
            and len(secret) >= SECRET_LENGTH_MIN
            and secret.isascii()
            and secret.isprintable()
            and " " not in secret
        )
    ]
    names = [client.client_id for client in clients]
    defects += [
        f"sign_in.clients[{place}].client_id: {name!r} is there twice"
        for place, name in enumerate(names)
        if name in names[:place]
    ]
    return defects


def _address_defects(settings: Settings) -> list[str]:
    addresses: list[tuple[str, str]] = []
    if settings.payment:
        if settings.payment.callback_url:
            addresses.append(("payment.callback_url", settings.payment.callback_url))
        addresses += [
            (f"payment.return_urls[{place}]", url) for place, url in enumerate(settings.payment.return_urls)
        ]
    if settings.sign_in:
        if settings.sign_in.issuer:
            addresses.append(("sign_in.issuer", settings.sign_in.issuer))
        for place, client in enumerate(settings.sign_in.clients):
            addresses += [
                (f"sign_in.clients[{place}].redirect_uris[{number}]", url)
                for number, url in enumerate(client.redirect_uris)
            ]
    defects = [
        f"{path}: must be an address like http://127.0.0.1:7001/…"
        for path, url in addresses
        if not _is_address(url)
    ]
    if settings.payment:
        defects += [
            f"payment.return_urls[{place}]: must end with / so that no other host begins with it"
            for place, url in enumerate(settings.payment.return_urls)
            if not url.endswith("/")
        ]
    if settings.sign_in and settings.sign_in.issuer.endswith("/"):
        defects.append("sign_in.issuer: must not end with / (relying parties compare it letter by letter)")
    return defects


def _is_address(url: str) -> bool:
    """An absolute http(s) address without fragment, user or spaces."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and parts.username is None
        and not parts.fragment
        and port != 0
    )


def _port_defects(settings: Settings) -> list[str]:
    ports: dict[int, str] = {}
    defects: list[str] = []
    wanted = [
        (f"{name}.port", section.port) for name in SERVICE_NAMES if (section := getattr(settings, name))
    ]
    if settings.messages:
        wanted.append(("messages.smtp_port", settings.messages.smtp_port))
    for path, port in wanted:
        if port and port in ports:
            defects.append(f"{path}: {port} is already {ports[port]}")
        ports.setdefault(port, path)
    return defects
