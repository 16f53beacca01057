"""What names mean in the source, without running it: where an import leads, and which members an enum has."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache

from safehand.simulation.mutants.targets import SOURCES

ENUM_BASES = frozenset({"StrEnum", "IntEnum", "Enum", "IntFlag", "Flag"})
HOPS_MAX = 4
"""How many modules a name may be handed through."""


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Local name -> full name (`S` -> `safehand.postal.transport.states.State`), for every import of a module."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({one.asname or one.name: f"{node.module}.{one.name}" for one in node.names})
        elif isinstance(node, ast.Import):
            names.update({one.asname or one.name: one.name for one in node.names})
    return names


def full_name(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """The full name of `a` or `a.b.c`; none for any other expression. What was not imported keeps its name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = full_name(node.value, names)
        return f"{base}.{node.attr}" if base else None
    return None


@cache
def _module(name: str) -> ast.Module | None:
    path = SOURCES.joinpath(*name.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else None


@cache
def members_of(name: str, hops: int = HOPS_MAX) -> tuple[str, ...]:
    """The members of the enum with this full name, in their order; empty when it is none."""
    module, _, own = name.rpartition(".")
    tree = _module(module) if module else None
    if tree is None or hops == 0:
        return ()
    for node in tree.body:
        match node:
            case ast.ClassDef(name=found) if found == own:
                return tuple(_members(node))
            case ast.Assign(targets=[ast.Name(id=found)], value=ast.Name(id=other)) if found == own:
                return members_of(f"{module}.{other}", hops - 1)
            case _:
                pass
    elsewhere = imported_names(tree).get(own)
    return members_of(elsewhere, hops - 1) if elsewhere else ()


def _members(node: ast.ClassDef) -> Iterator[str]:
    if not any(isinstance(base, ast.Name) and base.id in ENUM_BASES for base in node.bases):
        return
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            yield line.targets[0].id
