"""Small mistakes put into the rules on purpose: they are made as they should be, and the tests find them out."""

import ast
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from safehand.simulation.mutants.covering import Cover
from safehand.simulation.mutants.generate import Mutant, Workshop, mutants_of
from safehand.simulation.mutants.in_a_child import DIED, OUT_OF_TIME, in_a_child
from safehand.simulation.mutants.killing import killed_by
from safehand.simulation.mutants.patching import NewCode, NewImport, NewValue, Patches, Uses
from safehand.simulation.mutants.score import (
    EQUIVALENT_PERCENT_MAX,
    all_mutants,
    likely_killers,
    reviewed,
    sample,
    without_line,
)
from safehand.simulation.mutants.targets import ROOT, Target, targets
from safehand.simulation.mutants.worker import Tried

SAMPLE_SEED = 20240506
SAMPLE_COUNT = 40
KILLED_PERCENT_MIN = 90


def of(source: str, module: str = "safehand.kernel.money") -> list[str]:
    """What the mutants of this source are."""
    made = mutants_of(Target(module, Path("money.py"), source))
    return [mutant.name.split(": ", 1)[1] for mutant in made]


def with_each_mutant(source: str) -> list[str]:
    """The source as it is with each of its mutants."""
    target = Target("safehand.kernel.money", Path("money.py"), source)
    workshop = Workshop(target)
    texts: list[str] = []
    for mutant in mutants_of(target):
        with workshop.with_mutant(mutant):
            texts.append(ast.unparse(workshop.tree))
    assert ast.unparse(workshop.tree) == ast.unparse(ast.parse(source))
    return texts


# What is made ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("def f(a):\n return a < 3", ["a < 3 -> a <= 3", "3 -> 4 in a < 3"]),
        ("def f(a, b):\n return a == b", ["a == b -> a != b"]),
        ("def f(a, b):\n return a in b", ["a in b -> a not in b"]),
        ("def f(a, b):\n return a and b", ["a and b -> a or b"]),
        ("def f(a):\n x = not a", ["not a without its not"]),
        ("def f(a):\n if a:\n  g = a", ["if a taken as True", "if a taken as False"]),
        ("X = g(hours=24)", ["hours=24 -> hours=25"]),
        ("X = {g: h, i: j}", ["entry g: h dropped", "entry i: j dropped"]),
        ("X = frozenset({g, h})", ["g dropped from {g, h}", "h dropped from {g, h}"]),
        ("def f(a):\n a.append(1)", ["a.append(1) dropped", "1 -> 2 in a.append(1)"]),
        ("def f(a) -> bool:\n return g(a)", ["return g(a) -> not g(a)"]),
        ("def f(a) -> datetime:\n return g(a)", ["return g(a) -> g(a) + a day"]),
        ("def f(a) -> Answer:\n return []", ["return [] -> a refusal"]),
        ("def f(a) -> Answer:\n return refusals.NO()", ["return a refusal -> []"]),
        ("def f(a) -> Answer:\n return [e(), g()]", ["e() dropped from [e(), g()]", "g() dropped from [e(), g()]", "return [e(), g()] -> []"]),
        ("def f(a):\n match a:\n  case 'b' | 'c':\n   return g", ["'b' dropped from the case", "'c' dropped from the case"]),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_is_made(source: str, made: list[str]):
    assert of(source) == made


def test_a_state_is_taken_for_its_neighbour_of_the_same_enum():
    source = (
        "from safehand.authority.payment.states import PaymentState as S\n"
        "def f(a):\n return g(S.NONE)\nTABLE = {(S.NONE, e): S.PAID}"
    )
    made = of(source)
    assert sum(one.startswith("S.NONE -> ") for one in made) == 1
    assert sum(one.startswith("S.PAID -> ") for one in made) == 1
    assert not any("-> NONE" in one for one in made if one.startswith("S.NONE"))


@pytest.mark.parametrize(
    "source",
    [
        '"""Text 1 < 2."""',
        "def f(a: Annotated[int, Meta(ge=1)]) -> Literal[1]:\n return a",
        "@lru_cache(maxsize=8)\ndef f(a):\n return a",
        "def f(a):\n assert a < 1",
        "def f(a):\n raise ValueError(a < 1)",
        "def f(a):\n if a < 1:\n  raise ValueError(a)",
        "async def f(a):\n return a < 1",
        "def f(a):\n assert_never(a)",
        "def f(a):\n return refusals.NO(count=1)",
        "class C(Struct, frozen=True, order=1):\n x: int",
        "WORDS = {S.NONE: ('none', 'nothing'), S.PAID: ('paid', 'settled')}",
        "Answer = Sequence[int] | None",
    ],
)
def test_where_nothing_is_decided_nothing_is_changed(source: str):
    assert of(source) == []


def test_every_mutant_differs_from_the_source_and_from_all_others_and_is_taken_out_again():
    source = (ROOT / "src/safehand/authority/handover/rules.py").read_text()
    texts = with_each_mutant(source)
    assert len(texts) > 200
    assert max(Counter(texts).values()) == 1
    assert ast.unparse(ast.parse(source)) not in texts


def test_all_mutants_have_names_of_their_own_and_are_the_same_every_time():
    mutants = all_mutants()
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    assert mutants == all_mutants()
    assert {mutant.module for mutant in mutants} >= {"safehand.kernel.ledger", "safehand.postal.process"}
    assert all(mutant.name.startswith(mutant.module.removeprefix("safehand.")) for mutant in mutants)


def test_what_was_reviewed_still_exists_has_a_reason_and_is_little():
    mutants = all_mutants()
    names = {without_line(mutant) for mutant in mutants}
    known = reviewed()
    assert sorted(set(known) - names) == [], (
        "take it out of equivalent.json: there is no such mutant any more"
    )
    assert all(len(reason) > 20 for reason in known.values())
    assert 100 * len(known) <= EQUIVALENT_PERCENT_MAX * len(mutants)


# How it is put in ------------------------------------------------------------------------------------------------


def patch_of(name: str, at_import: dict[str, frozenset[int]] | None = None) -> Any:
    """How the first mutant of this name is put in."""
    module = f"safehand.{name.split(':')[0]}"
    target = next(target for target in targets() if target.module == module)
    mutant = next(mutant for mutant in mutants_of(target) if without_line(mutant) == name)
    files = [ROOT / "src/safehand/authority/router.py", *(one.path for one in targets())]
    return Patches(Uses(sorted(set(files)), at_import or {})).patch_for(mutant, target)[0]


def test_a_function_gets_its_code_anew_and_one_that_ran_while_importing_is_imported_anew():
    name = "kernel.steps: if state is step.state taken as True"
    patch = patch_of(name)
    assert isinstance(patch, NewCode)
    [line] = {line for function, line in patch.codes if function == "moved"}
    path = str(ROOT / "src/safehand/kernel/steps.py")
    assert isinstance(patch_of(name, {path: frozenset({line})}), NewImport)


def test_a_table_gets_its_value_anew_unless_others_were_built_from_it():
    table = "authority.handover.states: entry (S.ON_SHELF, e.OrderPlaced): S.ORDERED dropped"
    assert isinstance(patch_of(table), NewValue)
    # The router builds its own table from the rules' tables.
    assert isinstance(patch_of("authority.handover.rules: entry c.PickUp: pick_up dropped"), NewImport)


def test_a_child_brings_back_what_it_says_and_its_end_is_noticed():
    assert in_a_child(lambda: "by this test", seconds=5) == "by this test"
    assert in_a_child(lambda: None, seconds=5) is None
    assert in_a_child(lambda: sys.exit(3), seconds=5) == DIED

    def forever() -> str:
        while True:
            pass

    assert in_a_child(forever, seconds=0.2) == OUT_OF_TIME


def test_nothing_that_a_child_does_is_seen_outside():
    kept = [1]
    in_a_child(lambda: kept.append(2), seconds=5)
    assert kept == [1]


class Never:
    """Finds nothing out."""

    def killed_by(self, mutant: Mutant) -> str | None:
        return None


class Always:
    """Finds everything out."""

    def killed_by(self, mutant: Mutant) -> str | None:
        return "seed 7"


def test_a_mutant_is_killed_by_the_first_that_finds_it_out():
    mutant = all_mutants()[0]
    assert killed_by(mutant, killers=[Never(), Always()]) == "seed 7"
    assert killed_by(mutant, killers=[Never()]) is None


def test_the_quickest_test_through_the_lines_is_the_first():
    cover = Cover(
        tests=("slow", "quick", "elsewhere"),
        seconds=(2.0, 0.1, 0.0),
        lines={"a.py": {3: [0, 1], 9: [2]}},
        at_import={},
    )
    assert cover.through(path="a.py", lines=frozenset({3, 4})) == [1, 0]
    assert cover.through(path="b.py", lines=frozenset({3})) == []


def test_the_likely_killers_are_those_that_killed_most():
    mutants = all_mutants()[:3]
    killers = ("tests/a.py::one", "tests/a.py::two", "tests/a.py::two")
    tried = [
        Tried(mutant=mutant, killer=killer, seconds=0.1)
        for mutant, killer in zip(mutants, killers, strict=True)
    ]
    assert likely_killers(tried) == {mutants[0].module: ["tests/a.py::two", "tests/a.py::one"]}


# The sample ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_nine_of_ten_mutants_of_a_sample_are_found_out():
    tried = sample(seed=SAMPLE_SEED, count=SAMPLE_COUNT)
    survivors = [one.mutant.name for one in tried if one.killer is None]
    assert len(tried) == SAMPLE_COUNT
    if 100 * len(survivors) > (100 - KILLED_PERCENT_MIN) * len(tried):
        lines = "\n".join(survivors)
        pytest.fail(
            f"{len(survivors)} of {len(tried)} small mistakes in the rules were noticed by no test:\n{lines}\n"
            "-> write the tests that would have failed (docs/how-to/mutants.md); for a new module try all mutants "
            "once, ./do prove mutants, which also learns which tests are likely",
            pytrace=False,
        )
