"""What a bare `./do run` fetches, from the sizes in the lock: a dependency that is too heavy is noticed before it is taken in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
BYTES_MAX = 200_000_000
UV_BYTES = 17_606_939
"""The wheel of the pinned uv, which `./do` fetches first; it is in no lock."""
MEGABYTE = 1_000_000
FIGURE = re.compile(r"fetches (\d+) MB")
"""The sentence of docs/how-to/set-up.md."""
PLATFORMS = (
    *(f"manylinux_2_{minor}_x86_64" for minor in range(40, 4, -1)),
    "manylinux2014_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
    "linux_x86_64",
)
"""The machine that is reckoned for: CPython 3.11 on Linux, whatever machine reckons."""
ENVIRONMENT = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": "3.11.9",
    "python_version": "3.11",
    "sys_platform": "linux",
    "extra": "",
}


def _lock() -> dict[str, list[dict[str, Any]]]:
    """Every locked package by name; some names are there once for each kind of machine."""
    found: dict[str, list[dict[str, Any]]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        found.setdefault(package["name"], []).append(package)
    return found


def _wanted(lock: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The project's packages without any group, and what they need on that machine."""
    waiting: list[tuple[str, str | None, tuple[str, ...]]] = [("safehand", None, ())]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    given: set[str] = set()
    while waiting:
        name, version, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        package = next(one for one in lock[name] if version in (None, one["version"]))
        if name not in given and name != "safehand":
            given.add(name)
            yield package
        needed = list(package.get("dependencies", []))
        for extra in extras:
            needed += package.get("optional-dependencies", {}).get(extra, [])
        waiting += [
            (one["name"], one.get("version"), tuple(one.get("extra", ())))
            for one in needed
            if "marker" not in one or Marker(one["marker"]).evaluate(ENVIRONMENT)
        ]


def _bytes_of(package: dict[str, Any], tags: list[Tag]) -> int:
    """The size of the best wheel for that machine, else of the source."""
    best = (len(tags), package.get("sdist", {}).get("size", 0))
    for wheel in package.get("wheels", []):
        fits = parse_wheel_filename(wheel["url"].rsplit("/", 1)[1])[3]
        places = [tags.index(tag) for tag in fits if tag in tags]
        if places and min(places) < best[0]:
            best = (min(places), wheel["size"])
    return best[1]


def sizes() -> dict[str, int]:
    """Bytes of everything that `./do run` fetches on a new machine, the heaviest first."""
    tags = [
        *cpython_tags((3, 11), platforms=PLATFORMS),
        *compatible_tags((3, 11), "cp311", platforms=PLATFORMS),
    ]
    found = {package["name"]: _bytes_of(package, tags) for package in _wanted(_lock())}
    return dict(sorted([*found.items(), ("uv", UV_BYTES)], key=lambda one: -one[1]))


def _heaviest(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {size / MEGABYTE:.1f} MB" for name, size in list(found.items())[:8])


def test_a_new_machine_fetches_no_more_than_it_may_for_the_first_run():
    found = sizes()
    assert all(found.values())
    assert sum(found.values()) <= BYTES_MAX, f"the heaviest are {_heaviest(found)}"


def test_the_page_on_setting_up_says_how_much_that_is():
    found = sizes()
    megabytes = sum(found.values()) / MEGABYTE
    said = FIGURE.search((ROOT / "docs" / "how-to" / "set-up.md").read_text())
    assert said is not None, f"write into docs/how-to/set-up.md: fetches {megabytes:.0f} MB"
    assert abs(int(said[1]) - megabytes) <= 3, (
        f"it is {megabytes:.1f} MB now, not {said[1]}: was that wanted? The heaviest are {_heaviest(found)}. "
        "If so, mend the figure in docs/how-to/set-up.md."
    )
