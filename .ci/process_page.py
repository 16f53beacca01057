"""Writes the state tables of docs/process.md from the code's own tables; `./do docs` calls it, `./do check` compares.

In the page a table stands between `<!-- states: MODULE -->` and `<!-- end -->`, where MODULE is named from `safehand` on.
Everything else in the page is written by hand.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "process.md"
SECTION = re.compile(r"(?P<head><!-- states: (?P<module>[\w.]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
MORE = ("authority.group.group", "authority.handover.bag")
"""Tables that are in no module called `states`."""


def modules() -> list[str]:
    """Every module with a table of states, named from `safehand` on."""
    source = ROOT / "src" / "safehand"
    found = [
        ".".join(path.relative_to(source).with_suffix("").parts)
        for path in sorted(source.rglob("states.py"))
        if re.search(r"^TABLE\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    return sorted([*found, *MORE])


def table_of(name: str) -> str:
    """A Markdown table: each state, what it is called, who has to act by which clock, and what leads out of it."""
    module = importlib.import_module(f"safehand.{name}")
    lines = ["| state | who acts, by when | event → next state |", "|---|---|---|"]
    lines += [
        f"| {_state(module, state)} | {_wait(module, state)} | {_edges(module, state)} |"
        for state in _states(module)
    ]
    return "\n".join(lines) + "\n"


def states_of(name: str) -> list[str]:
    """The states of a module's table by their names."""
    return [str(state) for state in _states(importlib.import_module(f"safehand.{name}"))]


def _states(module: ModuleType) -> Iterator[object]:
    """In the order of the class that names them."""
    first = next(iter(module.TABLE.values()))
    return iter(type(first))


def _state(module: ModuleType, state: object) -> str:
    words = getattr(module, "WORDS", {}).get(state)
    return f"`{state}`" + (f" {words[0]} · {words[1]}" if words else "")


def _wait(module: ModuleType, state: object) -> str:
    if state in module.TERMINAL:
        return "– (end of the step)"
    if state in getattr(module, "HANDED_ON", ()):
        return "– (handed on to the next step)"
    wait = module.WAITING.get(state)
    if wait is None:
        return "–"
    parts = [
        wait.owner or "",
        f"clock `{wait.clock}`" if wait.clock else "",
        f"then {wait.escalates}" if wait.escalates else "",
    ]
    return ", ".join(part for part in parts if part)


def _edges(module: ModuleType, state: object) -> str:
    out: dict[object, list[str]] = {}
    for (source, event), goal in module.TABLE.items():
        if source is state:
            # As the journal names it, without the step, which is the table's own.
            out.setdefault(goal, []).append(str(event.__struct_config__.tag).rpartition(".")[2])
    lines = [
        f"{', '.join(sorted(events))} → " + ("stays" if goal is state else f"`{goal}`")
        for goal, events in sorted(out.items(), key=lambda one: (one[0] is state, str(one[0])))
    ]
    return "<br>".join(lines) or "–"


def current(text: str) -> str:
    """The page with every table as the code has it now."""
    return SECTION.sub(lambda found: f"{found['head']}{table_of(found['module'])}{found['end']}", text)


def faults(text: str) -> Iterator[str]:
    """A line for each table that is missing, not of the code, or no longer as the code has it."""
    shown = [found["module"] for found in SECTION.finditer(text)]
    for name in modules():
        if name not in shown:
            yield f"docs/process.md: the states of {name} are in no table. Add: <!-- states: {name} --> and <!-- end -->"
    if unknown := [name for name in shown if name not in modules()]:
        yield f"docs/process.md: {unknown[0]} has no table of states. Take its section out."
    elif current(text) != text:
        yield "docs/process.md: its tables are not those of the code any more. Say: ./do docs"


def main() -> int:
    """Writes the page anew; with --check only says what is wrong."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" not in sys.argv[1:] and current(text) != text:
        PAGE.write_text(current(text), encoding="utf-8")
        print("docs/process.md: tables written anew")
        text = current(text)
    found = list(faults(text))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
