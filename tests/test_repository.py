"""What must hold of every file of the repository; each failure says what to do."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
FUNCTION_LINES_MAX = 60
"""A function fits a screen."""

ADAPTERS = {
    "src/safehand/kernel/clock.py": "the port of the clock",
    "src/safehand/kernel/ids.py": "the port of identifiers and chance",
    "src/safehand/kernel/postgres_server.py": "starts and watches processes",
    "src/safehand/kernel/entropy.py": "random bytes for keys and nonces",
    "src/safehand/sandbox/running.py": "opens the listening sockets of the sandbox services",
    "src/safehand/programme/": "starts processes and measures how long things take",
    "src/safehand/simulation/": "makes the simulated clock and chance",
}
"""The only places that may reach for clock, chance or sockets (reliability rules: ports only), each with its reason."""

IMPURE = re.compile(
    r"(time|random|secrets|socket|numpy\.random)\..+"
    r"|uuid\.uuid[14]|os\.urandom|os\.getrandom|asyncio\.sleep"
    r"|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
)
MAY_BE_IMPURE = re.compile(
    r"\b(import|from)\s+(time|random|secrets|socket|numpy)\b"
    r"|\buuid[14]\b|\b(get|u)random\b|\bsleep\b|\.(now|utcnow|today)\b"
)
"""Without any of these words there is no use that IMPURE names, and the syntax tree need not be walked."""
HARMLESS = frozenset({"secrets.compare_digest"})
"""Compares in constant time; neither clock nor chance."""

PUBLISHED_ID_NUMBERS = frozenset(
    {
        "11010519491231002X",  # GB 11643-1999, the standard's own example
        "440524188001010014",  # GB 11643-1999, second example
        "34052419800101001X",
        "110105194902310026",
        "110105194912310020",
    }
)
TEST_AREA = "999999"
TEST_MOBILES = "1990000"
ID_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
MOBILE = re.compile(r"(?<![0-9A-Za-z.])1[3-9]\d{9}(?![0-9A-Za-z])")


def _spelled(*parts: str) -> str:
    """Joins a word from parts, so that this file does not hold what it looks for."""
    return "".join(parts)


FORBIDDEN = {
    re.escape(_spelled("/wo", "rk/"))
    + r"(main|shared|\.library)": "a path of one machine; name it from the repository's root",
    re.escape(_spelled("/tm", "p/brief")): "a path of one machine; take it out",
    re.escape(_spelled("bash", "_jobs")): "a path of one machine; take it out",
    re.escape(_spelled("/ro", "ot/.py")): "a path of one machine; take it out",
    r"(?i)\b" + _spelled("anth", "ropic") + r"\b": "says how the text was made; say what it is for",
    r"(?i)\b" + _spelled("clau", "de") + r"\b": "says how the text was made; say what it is for",
    r"(?i)\b" + _spelled("chat", "gpt") + r"\b": "says how the text was made; say what it is for",
    r"(?i)\b" + _spelled("sub", "agent") + r"s?\b": "says how the text was made; say what it is for",
    r"(?i)\b" + _spelled("AI", "[- ]", "assist") + r"\w*": "says how the text was made; say what it is for",
    r"(?i)\b"
    + _spelled("lang", "uage mod", "el")
    + r"s?\b": "says how the text was made; say what it is for",
    r"(?i)"
    + _spelled("python", "hosted")
    + r"|"
    + _spelled("pypi", r"\.org"): "names a package host; say 'the package index'",
    r"(?i)" + _spelled("registry", r"\.npmjs"): "names a package host; say 'the package index'",
}
LOCKS = frozenset({"uv.lock", "package-lock.json"})
"""Written by tools; they name the index by its nature."""


@functools.cache
def _files() -> tuple[Path, ...]:
    """Every file that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-coz", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


@functools.cache
def _texts() -> tuple[tuple[str, str], ...]:
    """Name and text of every text file of ours; lock files are left out."""
    found: list[tuple[str, str]] = []
    for path in _files():
        if path.name in LOCKS:
            continue
        try:
            found.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(found)


class Shape(NamedTuple):
    """What the tests ask of a Python file's syntax tree; the tree itself is let go."""

    name: str
    empty: bool
    docstring: str
    functions: tuple[tuple[str, int, int], ...]
    """Name, first line and number of lines of each."""


@functools.cache
def _modules() -> tuple[Shape, ...]:
    """The shape of every Python file; each is parsed once."""
    return tuple(_shape(name, text) for name, text in _texts() if name.endswith(".py") or name == "do")


def _shape(name: str, text: str) -> Shape:
    tree = ast.parse(text, filename=name)
    functions = tuple(
        (node.name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in _functions(tree)
    )
    return Shape(name, not tree.body, (ast.get_docstring(tree) or "").strip(), functions)


def _functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function below a node. Only statements are looked into: no function begins inside an expression."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, part, ()) if not isinstance(node, ast.expr) else ():
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                yield inner
            yield from _functions(inner)


def _hits(*, pattern: str) -> Iterator[tuple[str, int, str]]:
    """File, line number and match of a pattern in every text file, and in every file's name."""
    compiled = re.compile(pattern)
    for name, text in _texts():
        if compiled.search(name):
            yield name, 0, name
        for found in compiled.finditer(text):
            yield name, text.count("\n", 0, found.start()) + 1, found.group()


def _fail_with(lines: list[str], way_out: str) -> None:
    if lines:
        pytest.fail("\n".join([*lines, f"-> {way_out}"]), pytrace=False)


# ---------------------------------------------------------------- clock, chance, sockets


def _names_of_imports(*, tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, in full: `dt` -> `datetime`, `sleep` -> `asyncio.sleep`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _full_name(*, node: ast.expr, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        base = _full_name(node=node.value, names=names)
        return f"{base}.{node.attr}" if base else None
    return None


def impure_uses(*, source: str) -> Iterator[tuple[int, str]]:
    """Line and full name of every use of clock, chance or sockets."""
    if MAY_BE_IMPURE.search(source) is None:
        return
    tree = ast.parse(source)
    names = _names_of_imports(tree=tree)
    yields = {
        id(node.func)
        for node in ast.walk(tree)
        # sleep(0) lets others run and looks at no clock.
        if isinstance(node, ast.Call)
        and [getattr(argument, "value", None) for argument in node.args] == [0]
        and not node.keywords
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in yields:
            full = _full_name(node=node, names=names)
            if full and IMPURE.fullmatch(full) and full not in HARMLESS:
                yield node.lineno, full


def test_clock_chance_and_sockets_are_reached_for_in_adapters_only():
    lines = [
        f"{name}:{line}: {full}"
        for name, source in _texts()
        if name.startswith("src/") and name.endswith(".py") and not name.startswith(tuple(ADAPTERS))
        for line, full in impure_uses(source=source)
    ]
    _fail_with(
        lines,
        "take the time as an argument, identifiers and chance from the ports in kernel/clock.py and kernel/ids.py; "
        "a true adapter is named in ADAPTERS of tests/test_repository.py with its reason",
    )


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time\ntime.time()", ["time.time"]),
        ("from time import monotonic as m\nm()", ["time.monotonic"]),
        ("import datetime as dt\ndt.datetime.now(dt.UTC)", ["datetime.datetime.now"]),
        (
            "from datetime import datetime, date\ndatetime.now()\ndate.today()",
            ["datetime.datetime.now", "datetime.date.today"],
        ),
        ("from uuid import uuid4\nuuid4()", ["uuid.uuid4"]),
        ("import uuid\nuuid.UUID('0')", []),
        ("import asyncio\nasyncio.sleep(1)", ["asyncio.sleep"]),
        ("import asyncio\nasyncio.sleep(0)", []),
        ("from secrets import compare_digest\ncompare_digest('a', 'b')", []),
        ("import os\nos.urandom(8)", ["os.urandom"]),
        ("import random\ndef f(r: random.Random): ...", ["random.Random"]),
        ("time = 3\ntime.time()", []),
    ],
)
def test_the_search_for_clock_and_chance_finds_what_it_should(source, found):
    assert [full for _, full in impure_uses(source=source)] == found


def test_every_adapter_on_the_list_exists():
    lines = [name for name in ADAPTERS if not (ROOT / name).exists()]
    _fail_with(lines, "take it out of ADAPTERS")


# ---------------------------------------------------------------- shape


def test_functions_fit_a_screen():
    lines = [
        f"{module.name}:{line}: {name} has {length} lines"
        for module in _modules()
        for name, line, length in module.functions
        if length > FUNCTION_LINES_MAX
    ]
    _fail_with(lines, f"{FUNCTION_LINES_MAX} lines at most: give the parts names of their own")


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    def g(): ...",
        "class C:\n    if x:\n        async def f(): ...\n    else:\n        def g(): ...",
        "try:\n    def f(): ...\nfinally:\n    with x:\n        def g(): ...",
        "match x:\n    case 1:\n        def f(): ...\n        for _ in x:\n            def g(): ...",
        "try:\n    pass\nexcept E:\n    def f(): ...\nwhile x:\n    def g(): ...",
    ],
)
def test_the_search_for_functions_finds_them_wherever_they_stand(source):
    assert [name for name, _, _ in _shape("x.py", source).functions] == ["f", "g"]


def test_the_first_line_of_a_module_says_what_it_is_for():
    lines = [
        f"{module.name}: no docstring" for module in _modules() if not module.empty and not module.docstring
    ]
    _fail_with(lines, 'begin the file with """What it is for."""')


def test_no_file_has_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "helper", "manager", "managers", "data", "misc", "common"}
    lines = [module.name for module in _modules() if empty & set(Path(module.name).with_suffix("").parts)]
    _fail_with(lines, "name it after what it does (DESIGN, style)")


def test_the_one_command_can_be_read_by_an_old_python_which_it_then_turns_away():
    ast.parse((ROOT / "do").read_text(), feature_version=(3, 9))


# ---------------------------------------------------------------- words that may not be there


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_nothing_tells_of_the_place_where_it_was_written(pattern):
    lines = [f"{name}:{line}: {text}" for name, line, text in _hits(pattern=pattern)]
    _fail_with(lines, FORBIDDEN[pattern])


def test_there_is_no_resident_id_number_of_a_real_area():
    lines = [
        f"{name}:{line}: {text[:6]}…"
        for name, line, text in _hits(pattern=ID_NUMBER.pattern)
        if not text.startswith(TEST_AREA) and text.upper() not in PUBLISHED_ID_NUMBERS
    ]
    _fail_with(lines, f"use the unassigned area {TEST_AREA}; nobody can have such a number")


def test_there_is_no_mobile_number_that_somebody_may_have():
    lines = [
        f"{name}:{line}: {text[:7]}…"
        for name, line, text in _hits(pattern=MOBILE.pattern)
        if not text.startswith(TEST_MOBILES)
    ]
    _fail_with(lines, f"use {TEST_MOBILES}xxxx")


def test_there_is_no_private_key():
    begins = "-----" + "BEGIN " + r"[A-Z ]*PRIVATE " + "KEY-----"
    jwk = r'"d"\s*:\s*"[A-Za-z0-9_-]{40,}"'
    lines = [f"{name}:{line}" for name, line, _ in _hits(pattern=f"{begins}|{jwk}")]
    _fail_with(lines, "take the key out and make a new one; a test makes its keys when it runs")


@pytest.mark.parametrize(
    ("number", "is_one"),
    [
        ("110101" + "19900307" + "7774", True),
        ("110101" + "19901307" + "7774", False),
        ("x110101" + "199003077774", False),
    ],
)
def test_the_search_for_id_numbers_finds_what_it_should(number, is_one):
    assert bool(ID_NUMBER.search(f"no. {number}.")) is is_one


# ---------------------------------------------------------------- dependencies


def _named(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]).lower()


def test_the_lock_knows_every_dependency_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    ours = next(package for package in lock["package"] if package["name"] == "safehand")
    locked = {entry["name"] for entry in ours["metadata"]["requires-dist"]}
    wanted = {_named(requirement) for requirement in project["project"]["dependencies"]}
    for group, requirements in project["dependency-groups"].items():
        locked |= {entry["name"] for entry in ours["metadata"]["requires-dev"].get(group, [])}
        wanted |= {_named(requirement) for requirement in requirements}
    _fail_with(
        sorted(wanted ^ locked), "pyproject.toml and uv.lock differ: run .do/uv/bin/uv lock and commit both"
    )


def test_everything_that_is_locked_is_locked_by_hash():
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    lines = [
        package["name"]
        for package in lock["package"]
        if "registry" in package["source"]
        and not all(
            "hash" in file for file in [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
        )
    ]
    _fail_with(lines, "lock it from the package index, which gives hashes")
