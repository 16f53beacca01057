"""Makes the mutants of a module: each is its syntax tree with one small thing decided otherwise.

A mutant is one node of the tree and one of the node's changes (`changes.py`), so that it can be named, kept in a file
and made again from the same source. Where nothing is decided nothing is changed: see `_Scopes`.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec

from safehand.simulation.mutants.changes import Change, Place, changes_of
from safehand.simulation.mutants.source_names import imported_names
from safehand.simulation.mutants.targets import Target

SPARED_FIELDS: Final = frozenset(
    {"annotation", "returns", "decorator_list", "bases", "keywords_of_class", "format_spec", "type_params"}
)
SPARED_CALLS: Final = frozenset({"assert_never", "TypeVar", "NewType", "define", "cast", "ZoneInfo"})
"""Types, and refusals with their sentences: nothing in them is decided."""


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one module."""

    name: str
    """`module:line: what`, without `safehand.`; unique among all mutants of the same source."""
    module: str
    line: int
    node: int
    """Which node of the tree, as `ast.walk` counts them."""
    change: int
    """Which of the node's changes."""


class Site(NamedTuple):
    """Where a mutant is."""

    function: str | None
    """The qualified name of the outermost function that holds it; none: it happens when the module is imported."""
    statement: ast.stmt
    """The statement of the module itself that holds it. It holds the mutant as long as it is in the tree."""
    original: ast.stmt
    """The same statement as it is without."""
    lines: frozenset[int]
    """The lines of the source by which a test can have come through it."""


def mutants_of(target: Target) -> list[Mutant]:
    """Every mutant of a module, in the order of its source."""
    tree = ast.parse(target.source)
    seen: Counter[str] = Counter()
    short = target.module.removeprefix("safehand.")
    made: list[Mutant] = []
    scopes = _Scopes(tree, target.module)
    for number, node in enumerate(ast.walk(tree)):
        place = scopes.places.get(node)
        if place is None:
            continue
        for order, change in enumerate(changes_of(node, place)):
            line = change.line or getattr(node, "lineno", place.line)
            name = f"{short}:{line}: {change.what}"
            seen[name] += 1
            if seen[name] > 1:
                name = f"{name} ({seen[name]})"
            made.append(Mutant(name=name, module=target.module, line=line, node=number, change=order))
    return sorted(made, key=lambda one: (one.line, one.node, one.change))


class Workshop:
    """The tree of one module, into which mutants are put and taken out again."""

    def __init__(self, target: Target) -> None:
        self.tree = ast.parse(target.source)
        self._nodes = list(ast.walk(self.tree))
        self._scopes = _Scopes(self.tree, target.module)

    @contextmanager
    def with_mutant(self, mutant: Mutant) -> Iterator[Site]:
        """The tree has the mutant in it meanwhile."""
        node = self._nodes[mutant.node]
        place = self._scopes.places[node]
        change = list(changes_of(node, place))[mutant.change]
        replacement = ast.fix_missing_locations(ast.copy_location(change.replacement, node))
        parent = self._scopes.parents[node]
        _replace(parent, node, replacement)
        whole = node is place.statement
        statement = replacement if whole and isinstance(replacement, ast.stmt) else place.statement
        try:
            yield Site(place.qualified, statement, place.statement, _lines(node, place, change))
        finally:
            _replace(parent, replacement, node)


def _lines(node: ast.AST, place: Place, change: Change) -> frozenset[int]:
    first = getattr(node, "lineno", place.line)
    last = getattr(node, "end_lineno", first) or first
    if isinstance(node, ast.stmt | ast.Match):
        last = first
    return frozenset({*range(first, last + 1), place.line, change.line or first})


def _replace(parent: ast.AST, node: ast.AST, by: ast.AST) -> None:
    for field, value in ast.iter_fields(parent):
        if value is node:
            setattr(parent, field, by)
            return
        if isinstance(value, list):
            for number, one in enumerate(value):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                if one is node:
                    value[number] = by
                    return
    raise LookupError("the node is not its parent's")


class _Scopes:
    """For each node that may be changed: where it stands. What is not in `places` is left alone.

    Left alone are annotations, decorators (sizes of caches), types, docstrings and all other texts, assertions, what an
    exception says, everything that waits (`async def`), and what a type checker alone reads.
    """

    def __init__(self, tree: ast.Module, module: str) -> None:
        self.places: dict[ast.AST, Place] = {}
        self.parents: dict[ast.AST, ast.AST] = {}
        self._names = _names_in(tree, module)
        for statement in tree.body:
            self.parents[statement] = tree
            self._visit(statement, Place(statement=statement, line=statement.lineno, names=self._names))

    def _visit(self, node: ast.AST, place: Place) -> None:
        if _is_spared(node):
            return
        place = _entered(node, place)
        self.places[node] = place
        for field, value in ast.iter_fields(node):
            if field in SPARED_FIELDS or (isinstance(node, ast.ClassDef) and field == "keywords"):
                continue
            children = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
            for child in children:  # pyright: ignore[reportUnknownVariableType]
                if isinstance(child, ast.AST) and not _only_guards(node, field):
                    self.parents[child] = node
                    self._visit(child, place.below(node, field))


def _names_in(tree: ast.Module, module: str) -> Mapping[str, str]:
    """What is imported, and what the module itself declares."""
    own = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            own.add(node.targets[0].id)
    names = imported_names(tree)
    return {**names, **{name: f"{module}.{name}" for name in own}}


def _entered(node: ast.AST, place: Place) -> Place:
    match node:
        case ast.FunctionDef():
            return place.in_function(node)
        case ast.ClassDef():
            return place.in_class(node)
        case ast.stmt():
            return place.at(node.lineno)
        case _:
            return place


def _only_guards(node: ast.AST, field: str) -> bool:
    """What is asked only to raise an exception, which is for bugs; and what a refusal's sentence is filled with."""
    match node:
        case ast.If(body=[ast.Raise()], orelse=[]):
            return field == "test"
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name.endswith("refusals"):
            return field in ("args", "keywords")
        case _:
            return False


def _is_spared(node: ast.AST) -> bool:
    match node:
        case ast.AsyncFunctionDef() | ast.Assert() | ast.Raise() | ast.Import() | ast.ImportFrom():
            return True
        case ast.Call(func=ast.Name(id=name)) if name in SPARED_CALLS:
            return True
        case ast.Assign(value=ast.BinOp(op=ast.BitOr()) | ast.Subscript() | ast.Name() | ast.Attribute()):
            # The name of a type. (Nothing else is bound to a name by these alone where modules decide.)
            return (
                isinstance(node.targets[0], ast.Name)
                and node.targets[0].id[:1].isupper()
                and node.col_offset == 0
            )
        case ast.ClassDef(bases=bases):
            return any(
                isinstance(base, ast.Name) and base.id in {"Protocol", "StrEnum", "IntEnum"} for base in bases
            )
        case _:
            return False
