#!/usr/bin/env python3
"""The one command: sets up whatever a command needs, then does it. Python's standard library only.

`./do` alone lists the commands. Set-up happens on demand and once: a private `uv` in `.do/uv`, the locked dependencies in
`.venv`. A stamp of the lock file tells whether it is done, so the second time costs a few hundredths of a second.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    import os
    import shutil

    for _minor in (14, 13, 12, 11):
        _newer = shutil.which("python3.%d" % _minor)
        if _newer:
            os.execv(_newer, [_newer, *sys.argv])
    sys.exit(
        "Safehand needs Python 3.11 or newer; this is %d.%d and no newer one is on PATH.\n"
        "Install one (Debian, Ubuntu: apt-get install python3.11) and run ./do again." % sys.version_info[:2]
    )

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
STATE = ROOT / ".do"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
DATABASE = ROOT / ".data" / "postgres"

UV_VERSION = "0.13.9"
UV_HASHES = (
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",  # Linux x86-64
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",  # Linux arm64
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",  # Linux x86-64 with musl
    "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",  # macOS arm64
)

SET_UP_WAIT_SECONDS_MAX = 900
QUIET_SECONDS = 2.0
PLAIN_PROGRESS_SECONDS = 10.0
LINES_SHOWN_MAX = 30
CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ASTRAY = frozenset(
    {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UV_SYSTEM_PYTHON", "CONDA_PREFIX"}
)

TERMINAL = sys.stderr.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"
BOLD, GREEN, RED, YELLOW, PLAIN = (
    ("\033[1m", "\033[32m", "\033[31m", "\033[33m", "\033[0m") if TERMINAL else ("", "", "", "", "")
)


class Stop(Exception):
    """Ends the command with a sentence and an exit code."""

    def __init__(self, sentence: str, code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code


def say(text: str) -> None:
    """One line to the person at the terminal; standard output is left to the command itself."""
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- progress


@contextlib.contextmanager
def progress(label: str) -> Iterator[None]:
    """Shows that `label` goes on: a running clock at a terminal, else a plain line now and then."""
    began = time.monotonic()
    over = threading.Event()

    def tick() -> None:
        step = 0.2 if TERMINAL else PLAIN_PROGRESS_SECONDS
        while not over.wait(step):
            elapsed = time.monotonic() - began
            if TERMINAL and elapsed >= QUIET_SECONDS:
                print(f"\r\033[K{label} … {elapsed:.0f} s", end="", file=sys.stderr, flush=True)
            elif not TERMINAL:
                say(f"{label} … {elapsed:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()
        if TERMINAL:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def step(label: str, command: list[str], way_out: str) -> None:
    """Runs one part of the set-up with progress; what it printed is shown only when it failed."""
    say(f"{label} …")
    began = time.monotonic()
    with progress(label):
        code, text = run_quietly(command)
    if code != 0:
        shown = "\n".join(text.splitlines()[-LINES_SHOWN_MAX:])
        raise Stop(f"{shown}\n\n{RED}Failed:{PLAIN} {label}.\n{way_out}")
    say(f"{GREEN}done{PLAIN} {label} ({time.monotonic() - began:.1f} s)")


def run_quietly(command: list[str]) -> tuple[int, str]:
    """Exit code and everything printed. The child gets a session of its own, and ends with us when we are interrupted."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment(),
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        text = process.communicate()[0]
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    return process.returncode, text


# ---------------------------------------------------------------- set-up


def environment() -> dict[str, str]:
    """The parent's environment less what would lead Python or uv astray, plus what keeps both inside this folder."""
    kept = {name: value for name, value in os.environ.items() if name not in ASTRAY}
    kept["PATH"] = os.pathsep.join([str(VENV / "bin"), kept.get("PATH", os.defpath)])
    kept["PYTHONPATH"] = str(ROOT)
    # Compiled modules go to one place, so no folder of ours fills with them and Python compiles nothing twice.
    kept["PYTHONPYCACHEPREFIX"] = str(STATE / "bytecode")
    kept["UV_PROJECT_ENVIRONMENT"] = str(VENV)
    kept["UV_PYTHON_DOWNLOADS"] = "never"
    kept["UV_NO_PROGRESS"] = "1"
    if any(map(os.path.exists, CERTIFICATES)):
        # The machine's own list of authorities: behind a company's proxy uv's built-in list does not do.
        kept.setdefault("UV_SYSTEM_CERTS", "1")
    kept["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    kept.setdefault("LANG", "C.UTF-8")
    home = kept.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        # Without a home of one's own the caches go here; ~ must still mean something to the tools.
        kept["HOME"] = str(STATE / "home")
        kept.setdefault("UV_CACHE_DIR", str(STATE / "cache"))
        kept.setdefault("PIP_NO_CACHE_DIR", "1")
    return kept


def base_python() -> str:
    """The Python under us; the one below it when we were started from a virtual environment."""
    return getattr(sys, "_base_executable", None) or sys.executable


def fingerprint() -> str:
    """Changes whenever the set-up would: the lock, the project, the Python, the place."""
    digest = hashlib.sha256(f"{UV_VERSION}\0{sys.version}\0{base_python()}\0{ROOT}".encode())
    for name in ("uv.lock", "pyproject.toml", "web/package-lock.json", "web/package.json"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def installed() -> tuple[str, set[str]]:
    """The fingerprint and the groups of the last finished set-up."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((STATE / "installed.json").read_text())
        return said["fingerprint"], set(said["groups"])
    return "", set()


def is_ready(groups: set[str]) -> bool:
    """Whether the last set-up covers these groups and its Python still runs."""
    have, covered = installed()
    return groups <= covered and os.access(PYTHON, os.X_OK) and have == fingerprint()


def set_up(groups: set[str]) -> None:
    """Brings `.venv` to what the lock says, with these groups and those of earlier commands."""
    if is_ready(groups):
        return
    try:
        (STATE / "home").mkdir(parents=True, exist_ok=True)
        lock = (STATE / "lock").open("a+")
    except OSError as error:
        raise Stop(
            f"{STATE} cannot be written ({error.strerror}): this copy belongs to another user.\n"
            "Run ./do as that user, or make a copy of your own: git clone."
        ) from error
    with lock:
        wait_for_turn(lock.fileno())
        if is_ready(groups):
            return
        uv = provide_uv()
        before, covered = installed()
        wanted = sorted(groups | covered)
        make_room_for_venv()
        # What an earlier lock brought is taken away; what somebody added by hand before the first set-up stays.
        keep = [] if before else ["--inexact"]
        with_groups = [word for group in wanted for word in ("--group", group)]
        step(
            f"Setting up the locked dependencies ({', '.join(['base', *wanted])})",
            [uv, "sync", "--frozen", "--no-default-groups", *keep, *with_groups, "--python", base_python()],
            "Is the package index reachable? Run the same command again: it goes on where it stopped.",
        )
        step(
            "Fetching the locked browser code",
            [str(PYTHON), str(ROOT / "web" / "fetch.py")],
            "Is the npm registry reachable? Run the same command again.",
        )
        unfinished = STATE / f"installed.{os.getpid()}"
        unfinished.write_text(json.dumps({"fingerprint": fingerprint(), "groups": wanted}))
        unfinished.replace(STATE / "installed.json")


def wait_for_turn(descriptor: int) -> None:
    """One set-up at a time; the lock ends with its holder, however that dies."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        waited = time.monotonic() - began
        if waited == 0 or int(waited * 5) % 50 == 0:
            say("Another ./do is setting up here; waiting for it …")
        if waited > SET_UP_WAIT_SECONDS_MAX:
            raise Stop(
                "The other ./do has been setting up for 15 minutes. Look what it does, end it, run this again."
            )
        time.sleep(0.2)


def make_room_for_venv() -> None:
    """Takes away a `.venv` whose Python no longer runs (moved folder, removed Python, another user's)."""
    if not VENV.exists():
        return
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        if subprocess.run([PYTHON, "-c", ""], capture_output=True, timeout=30).returncode == 0:
            return
    say("The Python of .venv does not run here; making .venv anew.")
    try:
        shutil.rmtree(VENV)
    except OSError as error:
        raise Stop(
            f"{VENV} cannot be removed ({error.strerror}). Remove it by hand and run this again."
        ) from error


def provide_uv() -> str:
    """The pinned uv in `.do/uv`, by hash; failing that, one of PATH."""
    ours = STATE / "uv" / "bin" / "uv"
    if uv_version(str(ours)) == UV_VERSION:
        return str(ours)
    requirement = STATE / "uv.txt"
    requirement.write_text(
        f"uv=={UV_VERSION} " + " ".join(f"--hash=sha256:{value}" for value in UV_HASHES) + "\n"
    )
    place = STATE / f"uv.new-{os.getpid()}"
    for leftover in STATE.glob("uv.new-*"):
        # A child of a killed set-up may still write there; what cannot go now goes next time.
        shutil.rmtree(leftover, ignore_errors=True)
    install = ["install", "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(requirement)]
    way_out = (
        "uv could not be had from the package index. Is it reachable? A uv on PATH would do as well; where Python lacks "
        "pip and venv (Debian, Ubuntu): apt-get install python3-venv."
    )
    try:
        if succeeds([base_python(), "-c", "import ensurepip, venv"]):
            step("Making a place for uv", [base_python(), "-m", "venv", str(place)], way_out)
            step(f"Fetching uv {UV_VERSION}", [str(place / "bin" / "python"), "-m", "pip", *install], way_out)
        elif succeeds([base_python(), "-m", "pip", "--version"]):
            target = ["--target", str(place)]
            step(f"Fetching uv {UV_VERSION}", [base_python(), "-m", "pip", *install, *target], way_out)
        else:
            raise Stop(way_out)
    except Stop:
        found = shutil.which("uv")
        if found is None:
            raise
        say(f"{YELLOW}Using the uv of PATH{PLAIN} ({found}, {uv_version(found)}) instead of {UV_VERSION}.")
        return found
    shutil.rmtree(STATE / "uv", ignore_errors=True)
    place.rename(STATE / "uv")
    return str(ours)


def succeeds(command: list[str]) -> bool:
    """Whether a short command ends well."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, env=environment(), timeout=60).returncode == 0
    return False


def uv_version(path: str) -> str:
    """The version that this uv says it is; empty when it does not run."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired, IndexError):
        return subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30).stdout.split()[
            1
        ]
    return ""


# ---------------------------------------------------------------- commands


def become(command: list[str], *, folder: Path | None = None) -> int:
    """Becomes the command: its exit code and Ctrl-C are then its own."""
    if folder is not None:
        os.chdir(folder)
    sys.stdout.flush()
    os.execve(command[0], command, environment())


def module(name: str, arguments: list[str], *, groups: set[str], built_by: str = "") -> int:
    """Runs a module of ours in the caller's folder, after the set-up; says so when it is not built yet."""
    path = (
        ROOT / name.replace(".", "/") if name == "bench" else ROOT / "src" / name.replace(".", "/")
    ).resolve()
    if not path.with_suffix(".py").exists() and not (path / "__main__.py").exists():
        raise Stop(f"{name} is not built yet{built_by}.", 2)
    set_up(groups)
    return become([str(PYTHON), "-m", name, *arguments])


def run(arguments: list[str]) -> int:
    """start everything: both houses, the link, the sandbox, a small living world"""
    return module("safehand.programme.living_world", arguments, groups=set())


def launch(arguments: list[str]) -> int:
    """replay the pilot's launch week (--applications N, --fresh, --json FILE)"""
    return module("safehand.programme.launch", arguments, groups=set())


def story(arguments: list[str]) -> int:
    """play one story against both houses"""
    return module("safehand.stories", arguments, groups=set())


def rehearse(arguments: list[str]) -> int:
    """rehearse a city's own configuration before it opens"""
    built_by = "; it comes with the issue on rehearsal and roll-out"
    return module("safehand.programme.rehearse", arguments, groups=set(), built_by=built_by)


def sim(arguments: list[str]) -> int:
    """simulate years of work under faults ([SEED] --seeds N, --seconds S, --long, --mutants, --json FILE)"""
    return module("safehand.simulation", arguments, groups=set())


def bench(arguments: list[str]) -> int:
    """measure against the plain service and the machine's limit (--json FILE)"""
    return module("bench", arguments, groups={"bench"})


def prove(arguments: list[str]) -> int:
    """measure one published figure anew: prove NAME (alone: list them)"""
    return module("safehand.programme.prove", arguments, groups={"bench", "dev"})


def chromium() -> str | None:
    """The system's Chromium, for the browser tests."""
    return next((found for found in map(shutil.which, CHROMIUM_NAMES) if found), None)


def pytest(arguments: list[str]) -> int:
    """Runs pytest at the root, two at a time."""
    set_up({"bench", "dev"})
    return become([str(PYTHON), "-m", "pytest", "-n", "2", *arguments], folder=ROOT)


def test(arguments: list[str]) -> int:
    """all tests (arguments go to pytest)"""
    if chromium() is None:
        say(
            f"{YELLOW}{BOLD}No Chromium: the browser tests will be SKIPPED.{PLAIN} "
            f"Install it: {'' if os.geteuid() == 0 else 'sudo '}apt-get install -y chromium"
        )
    return pytest(["-q", "--dist", "loadfile", "--no-loadscope-reorder", *arguments])


def fast(arguments: list[str]) -> int:
    """the quick tests only, those that need no server, ending at the first failure"""
    quick = ["-x", "-q", "-m", "not server and not slow and not browser"]
    # The repository's rules are looked after by ./do check.
    return pytest([*quick, "--ignore", "tests/test_repository.py", *arguments])


TYPES_WAY_OUT = "mend the types, or narrow them with a check that is true"
CHECKS: tuple[tuple[str, list[str], str], ...] = (
    # Two halves side by side: together they take more work than one, and half the time. The longest come first.
    ("strict types", ["basedpyright", "--level", "error", "src", ".ci", "do"], TYPES_WAY_OUT),
    ("strict test types", ["basedpyright", "--level", "error", "tests", "bench"], TYPES_WAY_OUT),
    ("types", ["ty", "check", "--output-format", "concise", "src"], TYPES_WAY_OUT),
    ("format", ["ruff", "format", "--check", "."], "let it be done: .venv/bin/ruff format ."),
    ("lint", ["ruff", "check", "--output-format", "concise", "."], "often: .venv/bin/ruff check --fix ."),
    (
        "imports",
        ["lint-imports", "--no-cache"],
        "move the code down a layer, or speak through the link (DESIGN, section 2)",
    ),
    ("migrations", ["squawk"], "write the migration so that a running system can take it"),
    (
        "repository",
        [
            "python",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:xdist",
            "-p",
            "no:cacheprovider",
            "tests/test_repository.py",
        ],
        "each failure says what to do",
    ),
    ("docs", ["python", str(ROOT / ".ci" / "check_docs.py")], "each line says what to do"),
)


STRICT = "strict"
"""The second opinion on types takes ten times as long as the first: it is asked before a change is taken in."""


def check(arguments: list[str]) -> int:
    """format, lint, types, imports, migrations, repository rules, docs (check all: types by a second checker too)"""
    names = [name for name, _, _ in CHECKS]
    if unknown := [name for name in arguments if name not in {*names, "all"}]:
        raise Stop(f"There is no check {unknown[0]!r}. The checks are: {', '.join(names)}; all.", 2)
    set_up({"bench", "dev"})
    everything = "all" in arguments or bool(os.environ.get("CI") and not arguments)
    usual = [one for one in CHECKS if everything or not one[0].startswith(STRICT)]
    chosen = [one for one in CHECKS if one[0] in arguments] or usual
    began = time.monotonic()
    with progress("Checking"):
        results = side_by_side([lambda one=one: checked(one[1]) for one in chosen])
    for (name, _, _), (code, _, seconds) in zip(chosen, results, strict=True):
        verdict = f"{GREEN}ok{PLAIN}" if code == 0 else f"{RED}FAILED{PLAIN}"
        say(f"{name:<18} {verdict:<6} {seconds:5.1f} s")
    failed = [(one, result) for one, result in zip(chosen, results, strict=True) if result[0] != 0]
    for (name, _, way_out), (_, text, _) in failed:
        say(f"\n{BOLD}{RED}{name}{PLAIN}\n{text.strip()}\n-> {way_out}")
    say(f"\n{len(chosen) - len(failed)} passed, {len(failed)} failed ({time.monotonic() - began:.1f} s)")
    return 1 if failed else 0


def checked(command: list[str]) -> tuple[int, str, float]:
    """One check: exit code, what it said, seconds."""
    began = time.monotonic()
    words = [str(VENV / "bin" / command[0]), *command[1:]]
    if command == ["squawk"]:
        files = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("src/**/sql/*.sql"))
        if not files:
            return 0, "no migrations", 0.0
        words += files
    code, text = run_quietly(words)
    return code, text, time.monotonic() - began


def side_by_side(jobs: list[Callable[[], tuple[int, str, float]]]) -> list[tuple[int, str, float]]:
    """Runs the jobs two at a time, in order, and returns their results in order."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=2) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def photos(arguments: list[str]) -> int:
    """check every picture of a folder: photos FOLDER (--rules CODE, --json FILE)"""
    return module("safehand.authority.pictures", arguments, groups=set())


def db(arguments: list[str]) -> int:
    """the embedded PostgreSQL: db start|stop|status|verify|psql [DATABASE]|reset [--yes]"""
    word, more = (arguments[0], arguments[1:]) if arguments else ("", [])
    plain = word in {"start", "stop", "status", "verify"} and not more
    deletes = word == "reset" and more in ([], ["--yes"])
    if not (plain or deletes or word == "psql"):
        raise Stop("Say: ./do db start | stop | status | verify | psql [DATABASE] | reset [--yes]", 2)
    if deletes and not more:
        confirm(f"This deletes every database in {DATABASE}. Type yes to go on: ")
    if word == "verify":
        return module("safehand.programme.verify", [], groups=set())
    set_up(set())
    supervisor_word, rest = ("remove", []) if deletes else (word, more)
    return become(
        [str(PYTHON), "-m", "safehand.kernel.postgres_server", supervisor_word, str(DATABASE), *rest]
    )


def confirm(question: str) -> None:
    """Asks the person at the terminal; without a terminal nothing is taken for a yes."""
    if not sys.stdin.isatty() or input(question).strip() != "yes":
        raise Stop("Nothing was changed. To go on without being asked: --yes", 2)


def new(arguments: list[str]) -> int:
    """a new city, document type or set of keys: new city CODE NAME, new keys FOLDER"""
    return become([sys.executable, str(ROOT / ".ci" / "new_data.py"), *arguments], folder=ROOT)


def docs(arguments: list[str]) -> int:
    """write the generated tables anew, list the documentation and check it: links, commands, settings, states"""
    set_up(set())
    subprocess.run([PYTHON, ROOT / ".ci" / "process_page.py"], env=environment(), cwd=ROOT)
    return become([str(PYTHON), str(ROOT / ".ci" / "check_docs.py"), "--list", *arguments], folder=ROOT)


COMMANDS: tuple[Callable[[list[str]], int], ...] = (
    run, test, check, fast, launch, story, rehearse, sim, bench, prove, photos, db, new, docs,
)  # fmt: skip


def listing() -> str:
    """All commands with their sentence."""
    lines = [f"  {BOLD}{command.__name__:<10}{PLAIN}{command.__doc__}" for command in COMMANDS]
    return "\n".join(["Safehand. Say ./do COMMAND; each sets up what it needs by itself.", "", *lines])


def main(arguments: list[str]) -> int:
    """Finds the command and does it."""
    if not arguments or arguments[0] in {"help", "-h", "--help"}:
        print(listing())
        return 0
    command = next((one for one in COMMANDS if one.__name__ == arguments[0]), None)
    if command is None:
        say(f"There is no command {arguments[0]!r}.\n\n{listing()}")
        return 2
    return command(arguments[1:])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        say(str(stop))
        sys.exit(stop.code)
    except KeyboardInterrupt:
        say("\nInterrupted; the same command goes on where this stopped.")
        sys.exit(130)
