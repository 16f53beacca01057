"""Makes the folder of a small world: keys, settings of both houses and the sandbox, staff accounts. Once, then kept.

All keys and secrets made here carry the sandbox's mark; a house in live mode refuses them.
"""

import contextlib
import hashlib
import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from safehand.house.sessions import secret_of
from safehand.house.settings import SANDBOX_MARK
from safehand.kernel.ids import readable
from safehand.sandbox.cast import Cast, load_cast, load_places
from safehand.sandbox.payment.webhook_signature import payment_key_file, public_text, signing_key

REPOSITORY = Path(__file__).parents[3]
HOUSES = ("authority", "post")
HOUSE_OF_STAFF = {"authority": "authority", "postal": "post"}
ROLES_OF_CAST: Mapping[tuple[str, str], str] = {
    ("authority", "city_manager"): "authority_manager",
    ("postal", "city_manager"): "postal_manager",
    ("postal", "counter_clerk"): "office_clerk",
}
"""What a role of the cast is called in its house's steps, where the two differ."""
USUAL_PORTS: Mapping[str, int] = {
    "authority": 8701,
    "post": 8702,
    "register": 8711,
    "sign_in": 8712,
    "payment": 8713,
    "messages": 8714,
    "smtp": 8715,
}
STAFF_PASSWORD = "safehand-sandbox"  # noqa: S105 - the sandbox's published password, refused nowhere else
CLIENT_ID = "safehand-authority"
SANDBOX = "sandbox"
"""The folder of the sandbox services in a world's folder."""
REHEARSAL_FIRST_DAY = date(2024, 5, 6)
REHEARSAL_START = datetime(2024, 5, 5, 16, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class SmallWorld:
    """A folder that is ready to be started."""

    folder: Path
    ports: Mapping[str, int]
    secret: str
    """Opens the rehearsal controls and the sandbox services."""
    seed: int

    def settings_of(self, name: str) -> Path:
        """The settings file of a house or the sandbox."""
        return self.folder / f"{name}.toml"

    def url(self, name: str) -> str:
        """Where a process answers."""
        return f"http://127.0.0.1:{self.ports[name]}"

    @property
    def token(self) -> str:
        """The token of the sandbox services."""
        return f"sandbox:{self.secret}"


def set_up(*, folder: Path, databases: Mapping[str, str], rehearsal: bool, seed: int) -> SmallWorld:
    """The world in `folder`, made at the first call and found again later; ports and databases may change.

    `databases`: a DSN for each house, and below `…_owner` that of who owns its tables (else the house's role does).
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    secret = _kept(folder / "secret", lambda: secrets.token_hex(24))
    ports = _ports(rehearsal)
    world = SmallWorld(folder=folder, ports=ports, secret=secret, seed=seed)
    public = {house: _keys(folder / "keys" / house) for house in HOUSES}
    places = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
    cast = load_cast(cast_folder=REPOSITORY / "cast", places=places, today=REHEARSAL_FIRST_DAY)
    for house in HOUSES:
        staff = folder / f"staff-{house}.toml"
        _kept(staff, lambda house=house: _staff(cast, house, sorted(places.cities)))
        _write_toml(world.settings_of(house), _house(world, house, databases, public, rehearsal))
    _write_toml(world.settings_of("sandbox"), _sandbox(world, rehearsal))
    return world


def _ports(rehearsal: bool) -> dict[str, int]:
    """The usual ports where they are free, else any; a rehearsal always takes free ones."""
    with contextlib.ExitStack() as held:
        # All are held until all are chosen, so that none is given twice.
        probes = {
            name: held.enter_context(_bound(None if rehearsal else usual))
            for name, usual in USUAL_PORTS.items()
        }
        return {name: probe.getsockname()[1] for name, probe in probes.items()}


def _bound(usual: int | None) -> socket.socket:
    """A socket on the usual port, or on any where that is taken."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", usual or 0))
    except OSError:
        probe.bind(("127.0.0.1", 0))
    return probe


def _kept(path: Path, make: Any) -> str:
    """A small file's text, made at first use and readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = make()
        part = path.with_name(path.name + ".part")
        part.touch(mode=0o600)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    return path.read_text(encoding="utf-8").strip()


def _keys(folder: Path) -> dict[str, str]:
    """The house's keys; returns the public halves in hexadecimal."""
    made = {
        name: bytes.fromhex(
            _kept(folder / f"{name}.key", lambda: SANDBOX_MARK + secrets.token_hex(32)).removeprefix(
                SANDBOX_MARK
            )
        )
        for name in ("signing", "sealing", "vault_wrapping", "vault_blinding")
    }
    signing = Ed25519PrivateKey.from_private_bytes(made["signing"]).public_key().public_bytes_raw()
    sealing = X25519PrivateKey.from_private_bytes(made["sealing"]).public_key().public_bytes_raw()
    return {"signing": signing.hex(), "sealing": sealing.hex()}


def _house(
    world: SmallWorld,
    house: str,
    databases: Mapping[str, str],
    public: Mapping[str, Mapping[str, str]],
    rehearsal: bool,
) -> dict[str, Any]:
    peer = next(other for other in HOUSES if other != house)
    keys = world.folder / "keys" / house
    settings: dict[str, Any] = {
        "name": house,
        "mode": "rehearsal" if rehearsal else "development",
        "database": databases[house],
        "database_owner": databases.get(f"{house}_owner", ""),
        "port": world.ports[house],
        "public_url": world.url(house),
        "staff": str(world.folder / f"staff-{house}.toml"),
        "control_secret": world.secret,
        "data_folder": str(REPOSITORY),
        "keys": {"key_id": f"{house}-1"} | {name: str(keys / f"{name}.key") for name in _KEY_NAMES},
        "peers": [
            {
                "name": peer,
                "url": world.url(peer),
                "sealing": public[peer]["sealing"],
                "keys": [{"key_id": f"{peer}-1", "public": public[peer]["signing"]}],
            }
        ],
    }
    if rehearsal:
        # Nothing of this folder's own secrets: the same seed plays the same launch wherever it is played.
        settings["seed"] = f"{house}:{world.seed}"
    if house == "authority":
        settings["services"] = {
            "register": world.url("register"),
            "sign_in": world.url("sign_in"),
            "payment": world.url("payment"),
            "sms": world.url("messages"),
            "smtp": f"smtp://127.0.0.1:{world.ports['smtp']}",
        }
        settings["secrets"] = {"services": world.token, "sign_in_client": world.token}
        # Thousands of made-up people apply here without a camera.
        settings["pictures_declared"] = True
        # One of them lives where the post does not go: what then happens is played, too.
        settings["destinations_unchecked"] = True
        settings["payment_callback_keys"] = [
            public_text(signing_key(payment_key_file(world.folder / SANDBOX)))
        ]
    return settings


_KEY_NAMES = ("signing", "sealing", "vault_wrapping", "vault_blinding")


def _sandbox(world: SmallWorld, rehearsal: bool) -> dict[str, Any]:
    home = world.url("authority")
    settings: dict[str, Any] = {
        "folder": str(world.folder / SANDBOX),
        "seed": world.seed,
        "rehearsal": rehearsal,
        "register": {"port": world.ports["register"], "token": world.token},
        "sign_in": {
            "port": world.ports["sign_in"],
            "clients": [
                {
                    "client_id": CLIENT_ID,
                    "client_secret": world.token,
                    "redirect_uris": [f"{home}/sign-in/back"],
                }
            ],
        },
        "payment": {
            "port": world.ports["payment"],
            "token": world.token,
            "callback_url": f"{home}/services/payment" if not rehearsal else "",
            "return_urls": [f"{home}/"],
        },
        "messages": {
            "port": world.ports["messages"],
            "smtp_port": world.ports["smtp"],
            "token": world.token,
        },
    }
    if rehearsal:
        settings["start"] = REHEARSAL_START
    return settings


def staff_reference(login: str) -> str:
    """How a staff member appears in journals and messages: a reference, never a name."""
    return f"st_{readable(hashlib.sha256(login.encode()).digest()[:10])}"


def login_in(*, login: str, city: str, home: str) -> str:
    """The login of a cast member's colleague in another city: `examiner` in the member's own, `examiner-440100` there."""
    return login if city == home else f"{login}-{city}"


def _staff(cast: Cast, house: str, cities: Sequence[str]) -> str:
    """The cast's accounts, and for every other city a colleague of each, so that work goes on everywhere."""
    # One password, one salt: hashing it for each of some hundred accounts would take longer than everything else here.
    secret = secret_of(password=STAFF_PASSWORD, salt=secrets.token_bytes(16))
    lines: list[str] = []
    for login, member in cast.staff.items():
        if HOUSE_OF_STAFF[member.house] != house:
            continue
        roles = [ROLES_OF_CAST.get((member.house, member.role), member.role)]
        places = [(login, [])] if member.city is None else []
        if member.city is not None:
            places += [(login_in(login=login, city=city, home=member.city), [int(city)]) for city in cities]
        for name, own in places:
            account = {
                "login": name,
                "actor": staff_reference(name),
                "secret": secret,
                "roles": roles,
                "cities": own,
            }
            lines += ["[[accounts]]", *(_line(key, value) for key, value in account.items()), ""]
    return "\n".join(lines)


def _write_toml(path: Path, table: Mapping[str, Any]) -> None:
    """Plain values first, then sections, then lists of sections: all that these files need of TOML."""
    plain = [_line(name, value) for name, value in table.items() if not _is_section(value)]
    lines = [*plain]
    for name, value in table.items():
        if isinstance(value, Mapping):
            lines += _section(f"[{name}]", name, value)
        elif _is_section(value):
            for one in value:
                lines += _section(f"[[{name}]]", name, one)
    part = path.with_name(path.name + ".part")
    part.touch(mode=0o600)
    part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    part.replace(path)


def _section(head: str, name: str, values: Mapping[str, Any]) -> list[str]:
    lines = ["", head, *(_line(key, value) for key, value in values.items() if not _is_section(value))]
    for key, value in values.items():
        if _is_section(value):
            for one in value:
                lines += _section(f"[[{name}.{key}]]", f"{name}.{key}", one)
    return lines


def _is_section(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    )


def _line(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        return f"{name} = {value.isoformat()}"
    # A JSON string, number, boolean or list of them is also TOML.
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
