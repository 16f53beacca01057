"""The process as a whole: sound tables, default-deny roles, clocks that say something, words for every state."""

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

from safehand.authority import made_documents, router
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.group import group
from safehand.authority.handover import bag
from safehand.authority.handover.commands import OfferHandover, PutInBag, TakeOutOfBag
from safehand.authority.machines import ROLES, timer
from safehand.authority.outward import _NOTICES, TEMPLATES
from safehand.authority.process import NEXT
from safehand.authority.production import stock
from safehand.authority.production.commands import PassCheck, RecordPrinted, StartProduction
from safehand.kernel.machine import Context, StreamKey
from safehand.kernel.outcome import RefusalKind
from safehand.kernel.steps import defects_of_step
from tests.authority.house import CASE, CITY, WITHDRAW, House, machines, tag

STEPS = (
    "application",
    "examination",
    "payment",
    "production",
    "handover",
    "tracking",
    "returns",
    "contact",
    "readdressing",
    "help",
    "agent",
    "wish",
    "group",
    "telephone",
)
OWNERS = frozenset(
    {
        "applicant",
        "examiner",
        "production_clerk",
        "handover_clerk",
        "authority_counter_clerk",
        "authority_manager",
        "help_agent",
        "system",
        "post",
    }
)


def states_of(step: str) -> ModuleType:
    if step == "bag":
        return bag
    if step == "group stream":
        return group
    return importlib.import_module(f"safehand.authority.{step}.states")


@pytest.mark.parametrize("step", [*STEPS, "bag", "group stream"])
def test_every_state_of_a_step_waits_for_somebody_or_has_ended_or_has_handed_on(step: str):
    states = states_of(step)
    defects = defects_of_step(
        states=states.S,
        first=states.S.NONE,
        table=states.TABLE,
        waiting=states.WAITING,
        terminal=states.TERMINAL,
        handed_on=getattr(states, "HANDED_ON", ()),
    )
    assert defects == []
    assert {wait.owner for wait in states.WAITING.values()} <= OWNERS


@pytest.mark.parametrize("step", [*STEPS, "bag", "group stream"])
def test_every_state_has_words_in_both_languages(step: str):
    states = states_of(step)
    assert set(states.WORDS) == set(states.S)
    for en, zh in states.WORDS.values():
        assert en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)


@pytest.mark.parametrize("step", STEPS)
def test_every_event_of_a_step_moves_it_somewhere(step: str):
    events = importlib.import_module(f"safehand.authority.{step}.events")
    union = getattr(events, f"{step.capitalize()}Event").__args__
    assert {event for _, event in states_of(step).TABLE} == set(union)


def test_every_command_has_roles_and_a_rule_and_nothing_else_has():
    commands = {*router.CaseCommand.__args__, *bag.BagCommand.__args__, *stock.StockCommand.__args__}
    assert set(ROLES) == commands
    assert set(router.CaseCommand.__args__) == router.COMMANDS
    assert all(roles <= OWNERS | {"authority_counter_clerk"} for roles in ROLES.values())
    follow_only = {command for command, roles in ROLES.items() if not roles}
    assert follow_only == {StartProduction, PutInBag, TakeOutOfBag, OfferHandover}


def test_tags_are_unique_and_named_after_their_step():
    for union in (router.CaseCommand, bag.BagCommand, stock.StockCommand):
        tags = [str(command.__struct_config__.tag) for command in union.__args__]
        assert len(set(tags)) == len(tags)
    events = [str(event.__struct_config__.tag) for event in machines()["case"].event.__args__]
    assert len(set(events)) == len(events)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in events)


def test_only_the_post_and_the_clock_give_the_commands_that_come_from_them():
    for command, roles in ROLES.items():
        name = str(command.__struct_config__.tag)
        if name.endswith("expired"):
            assert roles == {"system"}, name
        if "post" in roles:
            assert roles == {"post"}, name


@pytest.mark.parametrize("step", STEPS)
def test_every_clock_of_a_step_says_something_when_it_runs_out(step: str):
    for state, wait in states_of(step).WAITING.items():
        if wait.clock is not None:
            assert timer(f"{step}.{state}") is not None
    assert timer("register.due") is None


def test_the_process_page_speaks_of_real_events_only():
    assert set(NEXT) <= set(machines()["case"].event.__args__)


def test_every_notice_names_a_known_template():
    source = Path(str(importlib.import_module("safehand.authority.outward").__file__)).read_text("utf-8")
    assert all(f'"{template}"' in source.split("TEMPLATES")[0] for template in TEMPLATES)
    assert set(_NOTICES) <= set(machines()["case"].event.__args__)


def test_every_refusal_of_the_steps_is_reached_by_a_test():
    modules = [importlib.import_module(f"safehand.authority.{step}.refusals") for step in STEPS]
    modules.append(made_documents)
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, RefusalKind)}
    codes = sorted(kind.code for kind in kinds)
    assert len(codes) > 40
    everywhere = Path(__file__).parents[1]
    tests = "".join(path.read_text("utf-8") for path in sorted(everywhere.rglob("test_*.py")))
    # Actions answer these around a decision; no rule of a step gives them.
    by_actions = {"payment.not_paid_yet", "payment.service_silent"}
    assert {code for code in codes if f'"{code}"' not in tests} <= by_actions


def test_the_whole_way_once():
    house = House().delivered()
    assert [tag(event) for stream, event in house.events if stream == "ca_a"] == [
        "application.submitted",
        "examination.opened",
        "examination.approved",
        "payment.opened",
        "payment.settled",
        "production.opened",
        "production.started",
        "production.printed",
        "production.issued",
        "register.entry_due",
        "register.entry_due",
        "handover.opened",
        "handover.order_placed",
        "handover.waybill_recorded",
        "handover.label_printed",
        "handover.sealed",
        "handover.put_in_bag",
        "handover.offered",
        "handover.accepted",
        "tracking.opened",
        "tracking.proof_sealed",
        "application.completed",
    ]
    assert house.sent() == [101, 103, 104]


def test_an_order_without_chance_is_a_bug_and_not_an_order_that_can_be_guessed():
    house = House().drawn()
    house.ok(RecordPrinted(blank=1), actor="st_a")
    context = Context(key=StreamKey(CITY, CASE), now=house.now, actor="st_b")
    with pytest.raises(ValueError, match="token"):
        machines()["case"].decide(house.case, PassCheck(blank=1), context)


def test_whoever_withdraws_while_it_is_examined_or_corrected_ends_the_examination():
    reviewing, stopped = House().submitted(), House().submitted()
    stopped.ok(AskCorrection(defects=("photo.background",)))
    for house in (reviewing, stopped):
        assert "examination.closed" in house.ok(WITHDRAW)
        assert "examination.reviewing" not in house.waits()
