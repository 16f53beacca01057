"""What can be decided otherwise at one node of a syntax tree: the operators of mutation."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from safehand.simulation.mutants.source_names import full_name, members_of

SHOWN_MAX: Final = 60
NUMBER_MAX: Final = 10**12
"""A larger number is a mask or a modulus; one more of it is nonsense rather than a mistake."""


class Change(NamedTuple):
    """Put `replacement` where the node was."""

    what: str
    replacement: ast.AST
    line: int | None = None
    """The line to name, where it is not the node's."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where in a module a node stands."""

    statement: ast.stmt
    """The module's own statement that holds it."""
    line: int
    """The first line of the innermost statement that holds it."""
    names: Mapping[str, str]
    qualified: str | None = None
    """The qualified name of the outermost function; none: at import."""
    classes: tuple[str, ...] = ()
    answers: str = ""
    """What the innermost function says it returns."""
    above: ast.AST | None = None
    field: str = ""
    leaf: bool = False
    """The node is what the function returns, or one of two things it may return."""

    def below(self, node: ast.AST, field: str) -> "Place":
        """The place of a child."""
        leaf = (isinstance(node, ast.Return) and field == "value") or (
            self.leaf and isinstance(node, ast.IfExp) and field in ("body", "orelse")
        )
        return msgspec.structs.replace(self, above=node, field=field, leaf=leaf)

    def at(self, line: int) -> "Place":
        """In a statement that begins on this line."""
        return msgspec.structs.replace(self, line=line)

    def in_class(self, node: ast.ClassDef) -> "Place":
        """In a class."""
        return msgspec.structs.replace(self, line=node.lineno, classes=(*self.classes, node.name))

    def in_function(self, node: ast.FunctionDef) -> "Place":
        """In a function."""
        return msgspec.structs.replace(
            self,
            line=node.lineno,
            qualified=self.qualified or ".".join((*self.classes, node.name)),
            answers=ast.unparse(node.returns) if node.returns else "",
        )


def changes_of(node: ast.AST, place: Place) -> Iterator[Change]:
    """Every change of this node, always in the same order."""
    yield from _of_kind(node, place)
    if place.leaf and isinstance(node, ast.expr):
        yield from _other_answers(node, place)


def _of_kind(node: ast.AST, place: Place) -> Iterator[Change]:  # noqa: C901 - one line for each kind of node
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp():
            yield from _connectives(node)
        case ast.If(body=[ast.Raise()], orelse=[]):
            pass  # a guard against a bug; nothing is decided
        case ast.If() | ast.IfExp() | ast.While():
            yield from _branches(node, node.test, "test")
        case ast.comprehension(ifs=[test]):
            yield from _branches(node, test, "ifs")
        case ast.UnaryOp(op=ast.Not()) if place.field != "test":
            yield Change(f"{_shown(node)} without its not", node.operand)
        case ast.Constant():
            yield from _constants(node, place)
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            yield from _sums(node)
        case ast.Attribute():
            yield from _neighbours(node, place)
        case ast.Dict() | ast.Set() | ast.List() | ast.Tuple():
            yield from _entries(node, place)
        case ast.Match() | ast.MatchOr():
            yield from _cases(node)
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            pass
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Continue():
            yield Change(f"{_shown(node)} dropped", ast.Pass())
        case _:
            pass


_SWAPPED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_NEGATING: Final = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)


def _comparisons(node: ast.Compare) -> Iterator[Change]:
    for number, op in enumerate(node.ops):
        ops = [*node.ops[:number], _SWAPPED[type(op)](), *node.ops[number + 1 :]]
        other = ast.Compare(node.left, ops, node.comparators)
        yield Change(f"{_shown(node)} -> {_shown(other)}", other)


def _connectives(node: ast.BoolOp) -> Iterator[Change]:
    other = ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    yield Change(f"{_shown(node)} -> {_shown(other)}", other)
    if len(node.values) > 2:
        for number, value in enumerate(node.values):
            if _is_for_types(value, node.values[number + 1 :]):
                continue
            rest = [*node.values[:number], *node.values[number + 1 :]]
            yield Change(f"{_shown(node)} without {_shown(value)}", ast.BoolOp(node.op, rest), value.lineno)


def _is_for_types(value: ast.expr, later: Sequence[ast.expr]) -> bool:
    """`x is None or x.y …`: without it the rest would fail, and not decide otherwise."""
    match value:
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            text = ast.unparse(left)
            return any(text in ast.unparse(other) for other in later)
        case _:
            return False


def _branches(node: Any, test: ast.expr, field: str) -> Iterator[Change]:
    for forced in (True, False):
        if forced and isinstance(node, ast.While):
            continue  # it would run for ever, which says nothing of the tests
        constant = ast.Constant(forced)
        values = {name: value for name, value in ast.iter_fields(node)}  # noqa: C416 - a copy that may differ
        values[field] = [constant] if field == "ifs" else constant
        yield Change(f"if {_shown(test)} taken as {forced}", _made_like(node, values), test.lineno)


def _made_like(node: ast.AST, values: Mapping[str, Any]) -> ast.AST:
    return ast.copy_location(type(node)(**values), node)


def _constants(node: ast.Constant, place: Place) -> Iterator[Change]:
    match node.value:
        case bool():
            yield Change(f"{node.value} -> {not node.value}", ast.Constant(not node.value))
        case int() if abs(node.value) < NUMBER_MAX:
            other = ast.Constant(node.value + 1)
            if isinstance(place.above, ast.keyword) and place.above.arg:
                name = place.above.arg
                yield Change(f"{name}={node.value} -> {name}={other.value}", other)
            elif isinstance(place.above, ast.stmt) or place.above is None:
                yield Change(f"{node.value} -> {other.value}", other)
            else:
                yield Change(f"{node.value} -> {other.value} in {_shown(place.above)}", other)
        case _:
            pass


def _sums(node: ast.BinOp) -> Iterator[Change]:
    texts = (ast.List, ast.Tuple, ast.JoinedStr)
    for side in (node.left, node.right):
        if isinstance(side, texts) or (
            isinstance(side, ast.Constant) and isinstance(side.value, str | bytes)
        ):
            return
    other = ast.BinOp(node.left, ast.Sub() if isinstance(node.op, ast.Add) else ast.Add(), node.right)
    yield Change(f"{_shown(node)} -> {_shown(other)}", other)


_MEMBERSHIP: Final = (ast.Set, ast.Tuple, ast.List, ast.MatchOr)


def _neighbours(node: ast.Attribute, place: Place) -> Iterator[Change]:
    """A state (or any member of an enum) taken for its neighbour. In a set of states each is dropped instead."""
    if isinstance(place.above, _MEMBERSHIP) or (isinstance(place.above, ast.Dict) and place.field == "keys"):
        return
    name = full_name(node.value, place.names)
    members = members_of(name) if name else ()
    if node.attr in members and len(members) > 1:
        other = members[(members.index(node.attr) + 1) % len(members)]
        yield Change(f"{_shown(node)} -> {other}", ast.Attribute(node.value, other, ast.Load()))


def _entries(node: ast.Dict | ast.Set | ast.List | ast.Tuple, place: Place) -> Iterator[Change]:
    if isinstance(node, ast.Dict):
        if node.values and all(_is_text(value) for value in node.values) and place.qualified is None:
            return  # a table of words
        for number, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
            keys, values = _without(node.keys, number), _without(node.values, number)
            entry = f"**{_shown(value)}" if key is None else f"{_shown(key)}: {_shown(value)}"
            yield Change(f"entry {entry} dropped", ast.Dict(keys, values), value.lineno)
        return
    if isinstance(node, ast.Set) and len(node.elts) == 1:
        return
    if isinstance(node, ast.Tuple) and not _is_collection(node, place):
        return
    if isinstance(node, ast.List | ast.Tuple) and not isinstance(node.ctx, ast.Load):
        return
    if all(_is_text(one) for one in node.elts) and place.qualified is None:
        return
    for number, one in enumerate(node.elts):
        rest = _made_like(node, {**dict(ast.iter_fields(node)), "elts": _without(node.elts, number)})
        yield Change(f"{_shown(one)} dropped from {_shown(node)}", rest, one.lineno)


def _is_collection(node: ast.Tuple, place: Place) -> bool:
    """A tuple of many alike, and not a record of a fixed shape (the loss of whose part no program survives)."""
    if isinstance(place.above, ast.Compare):
        return isinstance(place.above.ops[-1], ast.In | ast.NotIn) and place.field == "comparators"
    if place.leaf:
        return "..." in place.answers or "Sequence" in place.answers or "Iterable" in place.answers
    if isinstance(place.above, ast.Assign | ast.AnnAssign) and place.qualified is None:
        return len(node.elts) > 1
    return any(isinstance(one, ast.Starred) for one in node.elts)


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.Tuple(elts=elts):
            return bool(elts) and all(_is_text(one) for one in elts)
        case _:
            return False


def _without(many: list[Any], number: int) -> list[Any]:
    return [*many[:number], *many[number + 1 :]]


def _cases(node: ast.Match | ast.MatchOr) -> Iterator[Change]:
    if isinstance(node, ast.MatchOr):
        for number, one in enumerate(node.patterns):
            rest: list[ast.pattern] = _without(node.patterns, number)
            other = rest[0] if len(rest) == 1 else ast.MatchOr(rest)
            yield Change(f"{_shown(one)} dropped from the case", other, one.lineno)
        return
    for number, case in enumerate(node.cases):
        if case.guard is not None:
            for forced in (True, False):
                other = ast.match_case(case.pattern, ast.Constant(forced), case.body)
                cases = [*node.cases[:number], other, *node.cases[number + 1 :]]
                what = f"case {_shown(case.pattern)} if {_shown(case.guard)} taken as {forced}"
                yield Change(what, ast.Match(node.subject, cases), case.pattern.lineno)
        elif len(node.cases) > 1 and not _is_wildcard(case):
            other_cases = _without(node.cases, number)
            what = f"case {_shown(case.pattern)} dropped"
            yield Change(what, ast.Match(node.subject, other_cases), case.pattern.lineno)


def _is_wildcard(case: ast.match_case) -> bool:
    return isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None


def _other_answers(node: ast.expr, place: Place) -> Iterator[Change]:
    """What the function returns, taken for its opposite: a refusal for none, events for no events, a time for another."""
    if isinstance(node, ast.IfExp):
        return
    answers, shown = place.answers, _shown(node)
    may_refuse = "Answer" in answers or "Refusal" in answers
    if _is_nothing(node):
        if may_refuse:
            yield Change(f"return {shown} -> a refusal", _parsed(_REFUSAL))
        return
    nothing = _nothing_like(node, answers)
    if nothing is not None:
        what = "a refusal" if _is_refusal(node) else shown
        yield Change(f"return {what} -> {nothing}", _parsed(nothing))
        return
    other = _other_value(node, answers)
    if other is not None:
        yield Change(f"return {shown} -> {_shown(other)}", other)


_REFUSAL: Final = (
    "__import__('safehand.kernel.outcome', fromlist=['Refusal']).Refusal(code='mutant.refused', facts={})"
)


_A_DAY: Final = "__import__('datetime').timedelta(days=1)"


def _nothing_like(node: ast.expr, answers: str) -> str | None:
    if "Folded" in answers:
        return None
    many = (
        "Answer" in answers
        or answers.startswith(("Sequence[", "list[", "Iterable["))
        or "Sequence[" in answers
    )
    if many and not answers.startswith("tuple["):
        # A list of one becomes empty by dropping its one.
        return None if isinstance(node, ast.List) and len(node.elts) == 1 else "[]"
    if answers.startswith("tuple[") and answers.endswith("...]"):
        return None if isinstance(node, ast.Tuple) and len(node.elts) == 1 else "()"
    return "None" if answers.endswith("| None") else None


def _other_value(node: ast.expr, answers: str) -> ast.expr | None:
    if isinstance(node, ast.Constant):
        return None
    match answers:
        case "bool":
            if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], _NEGATING):
                return None
            return ast.UnaryOp(ast.Not(), node)
        case "int":
            return ast.BinOp(node, ast.Add(), ast.Constant(1))
        case "datetime" | "date":
            return ast.BinOp(node, ast.Add(), _parsed(_A_DAY))
        case "timedelta":
            return ast.BinOp(node, ast.Add(), node)
        case _:
            return None


def _is_nothing(node: ast.expr) -> bool:
    match node:
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Constant(value=None):
            return True
        case _:
            return False


def _is_refusal(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and "refusals" in ast.unparse(node.func)


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).replace(_A_DAY, "a day").split())
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
