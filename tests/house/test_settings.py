"""Settings that can't be used are named, each with the way out, all at once; live mode takes nothing of a sandbox."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from safehand.authority.app import OWN_SQL
from safehand.house.database import KERNEL_SQL
from safehand.house.sessions import secret_of
from safehand.house.settings import Settings, SettingsRefused, public_keys, read_settings
from safehand.programme.processes import Processes
from safehand.programme.setting_up import REPOSITORY, set_up
from tests.conftest import FreshDatabase
from tests.house.living import free_port

KEYS = ("signing", "sealing", "vault_wrapping", "vault_blinding")
NEEDED = {"services": ("register", "payment", "sign_in", "sms"), "secrets": ("services", "sign_in_client")}


def _new_keys(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(REPOSITORY / ".ci" / "new_data.py"), "keys", str(folder)],
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Keys and a staff secret: making them takes longer than what is tested with a copy of them."""
    keys = tmp_path_factory.mktemp("made") / "keys"
    assert _new_keys(keys).returncode == 0
    return keys, secret_of(password="a password of its own", salt=b"s" * 16)


@pytest.fixture
def live(tmp_path: Path, made_once: tuple[Path, str]) -> Callable[..., Path]:
    """Writes a live settings file that is in order, but for what the test changes: `live(old, new, …)`."""
    keys, secret = made_once
    shutil.copytree(keys, tmp_path / "keys")
    staff = tmp_path / "staff.toml"
    staff.write_text(
        f'[[accounts]]\nlogin = "e1"\nactor = "st_e1"\nsecret = "{secret}"\nroles = ["examiner"]\n'
    )
    staff.chmod(0o600)

    def write(*changes: str, database: str = "postgresql://house:pw@127.0.0.1:1/authority") -> Path:
        text = f'''
name = "authority"
mode = "live"
database = "{database}"
port = {free_port()}
public_url = "https://authority.example"
staff = "{staff}"

[keys]
key_id = "authority-1"
signing = "{tmp_path}/keys/signing.key"
sealing = "{tmp_path}/keys/sealing.key"
vault_wrapping = "{tmp_path}/keys/vault_wrapping.key"
vault_blinding = "{tmp_path}/keys/vault_blinding.key"

[services]
register = "https://register.example"
payment = "https://payment.example"
sign_in = "https://sign-in.example"
sms = "https://sms.example"

[secrets]
services = "a secret of the real service"
sign_in_client = "another secret"

[[peers]]
name = "post"
url = "https://post.example"
sealing = "{"1f" * 32}"

[[peers.keys]]
key_id = "post-1"
public = "{"2e" * 32}"
'''
        for old, new in zip(changes[::2], changes[1::2], strict=True):
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "settings.toml"
        path.write_text(text)
        path.chmod(0o600)
        return path

    return write


def _problems(path: Path) -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        read_settings(path, **NEEDED)
    return refused.value.problems


def test_a_live_file_in_order_is_taken(live: Callable[..., Path]) -> None:
    settings = read_settings(live(), **NEEDED)
    assert (settings.mode, settings.peers[0].url) == ("live", "https://post.example")


BROKEN = [
    ('name = "authority"', 'name = "The Authority"', "name:"),
    ("\nport = ", "\nport = -", "port:"),
    ("postgresql://house:pw@127.0.0.1:1/authority", "mysql://x/y", "database:"),
    ("postgresql://house:pw@127.0.0.1:1/authority", "postgresql://x:notaport/y", "database:"),
    ("postgresql://house:pw@127.0.0.1:1/authority", "postgresql://x", "database:"),
    ("keys/signing.key", "keys/no_such.key", "keys.signing:"),
    ('register = "https://register.example"', 'register = "nowhere"', "services.register:"),
    ('register = "https://register.example"\n', "", "services.register:"),
    ('services = "a secret of the real service"', "", "secrets.services:"),
    ('"1f', '"xx', "peers.post:"),
    ('sealing = "1f', 'sealing = "', "peers.post.sealing:"),
    ('public = "2e', 'public = "', "peers.post.keys.post-1:"),
    ("https://post.example", "post.example", "peers.post.url:"),
    ("https://register.example", "http://register.example", "services.register:"),
    ("https://register.example", "https://localhost:8443", "services.register:"),
    ("https://register.example", "https://127.9.9.9", "services.register:"),
    ("https://register.example", "https://[::1]", "services.register:"),
    ("https://post.example", "http://post.example", "peers.post.url:"),
    ("https://authority.example", "http://authority.example", "public_url:"),
    ('mode = "live"', 'mode = "live"\nseed = "abc"', "seed:"),
    ('mode = "live"', 'mode = "live"\npictures_declared = true', "pictures_declared:"),
    ('mode = "live"', 'mode = "live"\ndestinations_unchecked = true', "destinations_unchecked:"),
    ('mode = "live"', 'mode = "live"\ncontrol_secret = "012345678901234567890123"', "control_secret:"),
    ('mode = "live"', 'mode = "live"\ndata_folder = "/nowhere"', "data_folder:"),
    ("a secret of the real service", "sandbox:abc", "secrets.services:"),
    ("keys/sealing.key", "keys/signing.key", "keys.sealing:"),
    ("staff.toml", "no_staff.toml", "staff:"),
    ('mode = "live"', 'mode = "live"\nport_number = 1', "port_number:"),
    ("\nport = ", '\nport = "x"\n#', "port:"),
    ('mode = "live"', 'mode = "alive"', "mode:"),
    ('key_id = "authority-1"', "", "keys.key_id:"),
    ('key_id = "post-1"', "key_id = 1", "peers[0].keys[0].key_id:"),
    ('name = "authority"\n', "", "name:"),
    ("[services]\n", "[services]\nsmtp = 3\n", "services:"),
]


@pytest.mark.parametrize(
    ("old", "new", "named"), BROKEN, ids=[f"{named}{new[:30]}" for _, new, named in BROKEN]
)
def test_each_defect_is_named_alone_with_a_way_out(
    live: Callable[..., Path], old: str, new: str, named: str
) -> None:
    problems = _problems(live(old, new))
    assert [one.startswith(named) for one in problems] == [True], problems
    assert ";" in problems[0], "what is wrong, then what to do"
    assert "pw" not in problems[0]


def test_all_defects_are_said_at_once(live: Callable[..., Path]) -> None:
    path = live(
        'mode = "live"',
        'mode = "live"\nseed = "abc"\ncontrol_secret = "012345678901234567890123"',
        "https://register.example",
        "http://127.0.0.1:8711",
        "https://post.example",
        "http://post.example",
        "keys/signing.key",
        "keys/none.key",
    )
    named = {problem.partition(":")[0] for problem in _problems(path)}
    assert named == {"seed", "control_secret", "services.register", "peers.post.url", "keys.signing"}


def test_shapes_are_all_named_at_once(live: Callable[..., Path]) -> None:
    path = live('name = "authority"', "name = 1\nfrobnicate = 2", "\nport = ", '\nport = "x"\n#')
    assert {problem.partition(":")[0] for problem in _problems(path)} == {"name", "port", "frobnicate"}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_others_can_read_is_refused_in_live_mode(
    live: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    (tmp_path / "keys" / f"{name}.key").chmod(0o640)
    problems = _problems(live())
    assert len(problems) == 1
    assert problems[0].startswith(f"keys.{name}: others can read")
    assert "chmod 600" in problems[0]


def test_the_settings_file_and_the_staff_file_must_be_private_too(
    live: Callable[..., Path], tmp_path: Path
) -> None:
    path = live()
    path.chmod(0o644)
    (tmp_path / "staff.toml").chmod(0o604)
    assert [one.partition(":")[0] for one in _problems(path)] == ["staff", "the settings file"]


@pytest.mark.parametrize(
    "text",
    [
        '[[accounts]]\nlogin = "a"\nactor = "b"\nsecret = "plain"\nroles = ["examiner"]',
        '[[accounts]]\nlogin = "a"\nactor = "b"\nroles = []',
        "accounts = 3",
        "not toml",
    ],
)
def test_a_bad_staff_file_is_named_by_its_setting(
    live: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    path = live()
    (tmp_path / "staff.toml").write_text(text)
    assert [one.partition(":")[0] for one in _problems(path)] == ["staff"]


def test_a_sandbox_world_is_refused_in_live_mode_key_by_key(tmp_path: Path) -> None:
    world = set_up(
        folder=tmp_path / "world",
        databases={"authority": "postgresql://a/authority", "post": "postgresql://a/post"},
        rehearsal=True,
        seed=1,
    )
    path = world.settings_of("authority")
    path.write_text(path.read_text().replace('mode = "rehearsal"', 'mode = "live"'))
    problems = "\n".join(_problems(path))
    for setting in (
        *(f"keys.{name}: " for name in KEYS),
        "control_secret: ",
        "seed: ",
        "services.register: ",
        "services.payment: ",
        "secrets.services: is a sandbox",
        "peers.post.url: ",
        "public_url: ",
    ):
        assert setting in problems


def test_missing_and_unreadable_files_are_said(tmp_path: Path) -> None:
    assert "--settings" in _problems(tmp_path / "none.toml")[0]
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    assert "not TOML" in _problems(tmp_path / "bad.toml")[0]
    (tmp_path / "deep.toml").write_text("a = " + "[" * 20_000)
    assert "not TOML" in _problems(tmp_path / "deep.toml")[0]


def test_new_keys_are_private_unmarked_different_and_never_written_over(tmp_path: Path) -> None:
    made = _new_keys(tmp_path / "k")
    assert made.returncode == 0
    files = sorted((tmp_path / "k").iterdir())
    assert [file.name for file in files] == sorted(f"{name}.key" for name in KEYS)
    texts = {file.read_text().strip() for file in files}
    assert len(texts) == 4
    assert all(len(bytes.fromhex(text)) == 32 for text in texts)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    again = _new_keys(tmp_path / "k")
    assert again.returncode == 2
    assert "never written over" in again.stderr
    assert {file.read_text().strip() for file in files} == texts


def test_the_public_halves_are_a_peers_section(live: Callable[..., Path]) -> None:
    settings = read_settings(live(), **NEEDED)
    peer = tomllib.loads(public_keys(settings))["peers"][0]
    private = {getattr(settings.keys, name).read_text().strip() for name in KEYS}
    assert not private & {peer["sealing"], peer["keys"][0]["public"]}
    table = tomllib.loads(live().read_text()) | {"peers": [peer]}
    assert table["peers"][0]["keys"][0]["key_id"] == "authority-1"
    assert len(bytes.fromhex(peer["sealing"])) == 32


def _start(path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safehand.authority", "--settings", str(path), *more],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
def test_the_program_refuses_bad_settings_with_2_and_no_trace_of_itself(live: Callable[..., Path]) -> None:
    ended = _start(live('mode = "live"', 'mode = "live"\nseed = "x"'))
    assert ended.returncode == 2
    assert "seed: identifiers must be unguessable" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_an_unreachable_database_ends_with_3_and_names_the_setting(live: Callable[..., Path]) -> None:
    ended = _start(live())
    assert ended.returncode == 3
    assert "`database`" in ended.stderr
    assert "pw" not in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_an_unknown_database_ends_with_3_too(
    live: Callable[..., Path], fresh_database: FreshDatabase
) -> None:
    ended = _start(live(database=fresh_database().replace("/test_", "/no_test_")))
    assert ended.returncode == 3
    assert "does not exist" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_live_house_whose_role_could_rewrite_the_journal_does_not_start(
    live: Callable[..., Path], fresh_database: FreshDatabase
) -> None:
    ended = _start(live(database=fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)))
    assert ended.returncode == 2
    assert ended.stderr.startswith("database: its role 'postgres' could change or delete rows of event")
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_live_house_starts_alone_with_its_peer_absent(
    live: Callable[..., Path], fresh_database: FreshDatabase, tmp_path: Path
) -> None:
    application = fresh_database(role="house_app")
    owner = application.replace("house_app@", "postgres@")
    path = live('mode = "live"', f'mode = "live"\ndatabase_owner = "{owner}"', database=application)
    made = _start(path, "--migrate")
    assert made.returncode == 0, made.stderr
    assert "0001_journal" in made.stdout
    # Who runs the house need not know the owner's password.
    path = live(database=application)
    settings: Settings = read_settings(path, **NEEDED)
    processes = Processes(folder=tmp_path / "processes")
    try:
        process = processes.start(
            name="authority", module="safehand.authority", arguments=["--settings", str(path)]
        )
        url = f"http://127.0.0.1:{settings.port}"
        processes.wait_healthy(process=process, url=f"{url}/health")
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{url}/health").json()["mode"] == "live"
            for name in ("clock", "play", "sessions", "books"):
                assert client.post(f"{url}/control/{name}", json={}).status_code == 404, (
                    "no controls in live mode"
                )
            assert client.post(f"{url}/v1/application/submit", json={}).status_code == 401
    finally:
        processes.stop()
    assert "Traceback" not in process.tail()
