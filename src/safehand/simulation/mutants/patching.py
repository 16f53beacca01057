"""Puts a mutant into a program: into one that has been loaded already where that is the same, else while it is imported.

The same it is for what only runs when it is called: a function gets its mutated code, a table its mutated value in every
module that imported it. What was used while modules were imported (a class, a table that others are built from, a function
that ran) may have left its trace anywhere; then the program must be imported anew with the mutant in it.
"""

import ast
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, NamedTuple

from safehand.simulation.mutants.covering import caches, functions_run_by
from safehand.simulation.mutants.generate import Mutant, Site, Workshop
from safehand.simulation.mutants.source_names import full_name, imported_names
from safehand.simulation.mutants.targets import ROOT, SOURCES, Target, module_of

CodeKey = tuple[str, int]
"""Qualified name and first line."""
HOPS_MAX: Final = 4


class NewCode(NamedTuple):
    """The functions of a module get other code."""

    path: str
    codes: Mapping[CodeKey, CodeType]


class NewValue(NamedTuple):
    """A name of a module gets another value, here and wherever it was imported."""

    module: str
    name: str
    statement: CodeType


class NewImport(NamedTuple):
    """The module must be imported with the mutant in it."""

    module: str
    path: str
    code: CodeType


Patch = NewCode | NewValue | NewImport


class _File(NamedTuple):
    path: str
    module: str
    tree: ast.Module
    names: Mapping[str, str]


class Uses:
    """Who uses which name of a module: while importing, and in which functions."""

    def __init__(self, files: Iterable[Path], at_import: Mapping[str, frozenset[int]]) -> None:
        self._files = [_read(path) for path in files]
        self._by_module = {file.module: file for file in self._files}
        self.at_import = at_import
        self._exact: set[str] = set()
        self._loose: set[str] = set()
        self._readers: dict[str, set[tuple[str, int]]] = {}
        self._holders: dict[str, list[tuple[str, str]]] = {}
        self.importers: dict[str, set[str]] = {}
        for file in self._files:
            for local, full in file.names.items():
                self._holders.setdefault(self._true_name(full), []).append((file.path, local))
                for module in (full, full.rpartition(".")[0]):
                    self.importers.setdefault(module, set()).add(file.path)
            self._look_through(file)

    def _look_through(self, file: _File) -> None:
        ran = self.at_import.get(file.path, frozenset())
        for node, function in _with_functions(file.tree):
            early = function is None or function in ran
            for name, sure in self._names_at(node, file):
                if early:
                    (self._exact if sure else self._loose).add(name)
                if function is not None:
                    self._readers.setdefault(name, set()).add((file.path, function))

    def _names_at(self, node: ast.AST, file: _File) -> Iterator[tuple[str, bool]]:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                yield self._true_name(file.names.get(name, f"{file.module}.{name}")), True
            case ast.Attribute(attr=attribute, value=value):
                base = full_name(value, file.names)
                first = base.split(".")[0] if base else ""
                if base and first == "safehand":
                    yield self._true_name(f"{base}.{attribute}"), True
                else:
                    yield attribute, False
            case ast.Constant(value=str(text)) if text.isidentifier() and text.isupper():
                # `getattr(states, "HANDED_ON")`
                yield text, False
            case _:
                pass

    def _true_name(self, full: str, hops: int = HOPS_MAX) -> str:
        """Where a name was made, if modules hand it on."""
        module, _, own = full.rpartition(".")
        file = self._by_module.get(module)
        if file is None or own not in file.names or hops == 0:
            return full
        return self._true_name(file.names[own], hops - 1)

    def while_importing(self, module: str, name: str) -> bool:
        """Whether anything may have looked at the name before the first test."""
        return f"{module}.{name}" in self._exact or name in self._loose

    def readers(self, module: str, name: str) -> set[tuple[str, int]]:
        """File and first line of every function that reads the name."""
        return self._readers.get(f"{module}.{name}", set()) | self._readers.get(name, set())

    def holders(self, module: str, name: str) -> Sequence[tuple[str, str]]:
        """File and local name of every import of the name."""
        return self._holders.get(f"{module}.{name}", [])


@cache
def _read(path: Path) -> _File:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    module = module_of(path) if path.is_relative_to(SOURCES) else str(path)
    return _File(str(path), module, tree, imported_names(tree))


def read_all(files: Iterable[Path]) -> None:
    """Parses them now, so that this process and its children need not each on their own."""
    for path in files:
        _read(path)


def _with_functions(tree: ast.Module) -> Iterator[tuple[ast.AST, int | None]]:
    """Every node with the first line of the innermost function or lambda in whose body it is."""
    waiting: list[tuple[ast.AST, int | None]] = [(tree, None)]
    while waiting:
        node, function = waiting.pop()
        yield node, function
        for field, value in ast.iter_fields(node):
            children: list[object] = value if isinstance(value, list) else [value]
            inside = field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            within = first_line(node) if inside else function
            waiting.extend((child, within) for child in children if isinstance(child, ast.AST))


def first_line(node: ast.AST) -> int:
    """The first line of a function as its code has it: that of its first decorator."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([getattr(node, "lineno", 0), *(one.lineno for one in decorators)])


class Patches:
    """Makes patches of mutants; keeps the tree of every module that was asked for."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._workshops: dict[str, Workshop] = {}
        self._before: dict[tuple[str, int], _Functions | None] = {}

    def patch_for(self, mutant: Mutant, target: Target) -> tuple[Patch, Site]:
        """How to put the mutant in, and where it is."""
        workshop = self._workshops.get(target.module)
        if workshop is None:
            workshop = self._workshops[target.module] = Workshop(target)
        # Compiling looks up what it needs of the original first, while the tree still is the original.
        with workshop.with_mutant(mutant) as site:
            pass
        before = self._functions_before(site, target) if site.function is not None else None
        with workshop.with_mutant(mutant) as site:
            if site.function is not None:
                patch = self._new_code(site, target, before)
            else:
                patch = self._new_value(site, target)
            if patch is None:
                whole = compile(workshop.tree, str(target.path), "exec", dont_inherit=True)
                patch = NewImport(target.module, str(target.path), whole)
            return patch, site

    def _functions_before(self, site: Site, target: Target) -> "_Functions | None":
        key = target.module, site.original.lineno
        if key not in self._before:
            self._before[key] = _flat(_compiled(site.original, target))
        return self._before[key]

    def _new_code(self, site: Site, target: Target, before: "_Functions | None") -> NewCode | None:
        codes = _flat(_compiled(site.statement, target))
        if codes is None or before is None:
            return None
        changed = {key for key in before if key not in codes or _bare(codes[key]) != _bare(before[key])}
        ran = self._uses.at_import.get(str(target.path), frozenset())
        if not changed or any(line in ran for _, line in changed):
            return None
        return NewCode(str(target.path), codes)

    def _new_value(self, site: Site, target: Target) -> NewValue | None:
        match site.statement:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                if self._uses.while_importing(target.module, name):
                    return None
                return NewValue(target.module, name, _compiled(site.statement, target))
            case _:
                return None


def _compiled(statement: ast.stmt, target: Target) -> CodeType:
    return compile(ast.Module([statement], []), str(target.path), "exec", dont_inherit=True)


_Functions = Mapping[CodeKey, CodeType]
_PARTS_OF_A_FUNCTION: Final = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})


def _flat(code: CodeType) -> dict[CodeKey, CodeType] | None:
    """Every function within a code by its key; none when two have the same."""
    found: dict[CodeKey, CodeType] = {}
    for inner in code.co_consts:
        if not isinstance(inner, CodeType):
            continue
        deeper = _flat(inner)
        own = {} if inner.co_name in _PARTS_OF_A_FUNCTION else {_key(inner): inner}
        if deeper is None or not found.keys().isdisjoint({*own, *deeper}):
            return None
        found |= own
        found |= deeper
    return found


def _key(code: CodeType) -> CodeKey:
    return code.co_qualname, code.co_firstlineno


def _bare(code: CodeType) -> tuple[object, ...]:
    """What a function does, without the functions that are in it and without where its lines are."""
    constants: list[object] = []
    for one in code.co_consts:
        if not isinstance(one, CodeType):
            constants.append(repr(one))
        elif one.co_name in _PARTS_OF_A_FUNCTION:
            constants.append(_bare(one))
    names = code.co_names, code.co_varnames, code.co_freevars
    return code.co_code, tuple(constants), names, code.co_exceptiontable


class Loaded:
    """A program with everything imported: finds its functions and modules."""

    def __init__(self) -> None:
        self._caches = [(cache, _filled(cache)) for cache in caches()]
        self._functions: dict[str, list[FunctionType]] = {}
        for one in gc.get_objects():
            if type(one) is FunctionType:
                self._functions.setdefault(one.__code__.co_filename, []).append(one)
        self._modules: dict[str, list[ModuleType]] = {}
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file:
                self._modules.setdefault(file, []).append(module)

    def put_in(self, patch: NewCode | NewValue, uses: Uses) -> None:
        """Puts the mutant in. Whatever it raises, the mutated module would have raised when it was imported."""
        self._forget(patch, uses)
        match patch:
            case NewCode():
                for function in self._functions.get(patch.path, ()):
                    code = patch.codes.get(_key(function.__code__))
                    if code is not None:
                        function.__code__ = code
            case NewValue():
                module = sys.modules[patch.module]
                exec(patch.statement, module.__dict__)  # noqa: S102 - our own source with one change
                value = module.__dict__[patch.name]
                for path, local in uses.holders(patch.module, patch.name):
                    for holder in self._modules.get(path, ()):
                        setattr(holder, local, value)

    def _forget(self, patch: NewCode | NewValue, uses: Uses) -> None:
        """Empties every cache which the mutant may have filled otherwise."""
        readers = uses.readers(patch.module, patch.name) if isinstance(patch, NewValue) else set()
        for cached, ran in self._caches:
            if isinstance(patch, NewCode):
                touched = any(path == patch.path for path, _ in ran)
            else:
                touched = not ran.isdisjoint(readers)
            if touched or not ran:
                cached.cache_clear()


def _filled(cache: Any) -> frozenset[tuple[str, int]]:
    """What runs when the cache is filled: files that are read take long, and are read once for all mutants.

    Nothing for a cache of many answers, which is emptied each time.
    """
    cache.cache_clear()
    if inspect.signature(cache.__wrapped__).parameters:
        return frozenset()
    return functions_run_by(cache, folders=(str(ROOT),))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, patch: NewImport) -> None:
        super().__init__(patch.module, patch.path)
        self._code = patch.code

    def get_code(self, fullname: str) -> CodeType:
        """The mutated code, whatever lies on disk."""
        return self._code


class Finder(importlib.abc.MetaPathFinder):
    """Gives the mutated module to whoever imports it."""

    def __init__(self, patch: NewImport) -> None:
        self._patch = patch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See `importlib`."""
        if fullname != self._patch.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._patch.path, loader=_Loader(self._patch))
