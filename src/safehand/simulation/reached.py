"""What a simulation must have reached: every edge of every state table, every refusal of the steps, every marked rare branch.

What nobody can reach here stands in a list with the reason, and with where it is tested instead.
"""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

import safehand.authority
import safehand.postal
from safehand.house import erasure
from safehand.kernel.outcome import RefusalKind
from safehand.kernel.points import MARKS
from safehand.postal.delivery.states import TERMINAL as DELIVERY_ENDS
from safehand.postal.delivery.states import State as DeliveryState

ELSEWHERE: Final[Mapping[str, str]] = {
    "label.": "what can't be drawn on a label: tests/postal/test_labels.py",
    "handover.label_": "labels are made from questions between the houses: tests/house/test_labels_over_the_link.py",
    "handover.post_away": "a label can't be had while the post is silent: tests/authority/test_labels.py",
    "manifest.": "a manifest is printed for a bag: tests/postal/test_labels.py",
    "destination.": "what a label can't be made for: tests/authority/test_labels.py",
    "waybill.check_wrong": "a number as people key it: tests/postal/test_s10.py",
    "waybill.country_unknown": "a number as people key it: tests/postal/test_s10.py",
    "waybill.malformed": "a number as people key it: tests/postal/test_s10.py",
    "waybill.range_used_up": "said to the machine of numbers, which then writes that it has none: tests/postal/test_network.py",
    "number.": "numbers of documents and persons as people key them: tests/authority/test_documents.py",
    "portal.": "pages in a browser: tests/authority/test_portal_pages.py",
    "sign_in.": "people sign in through a browser: tests/authority/test_portal_pages.py",
    "payment_port.": "the payment service's own address: tests/sandbox/test_payment.py",
    "payment.callback_": "the payment service's own address: tests/authority/test_payment_callback.py",
    "population_register.": "the register as a service of its own: tests/sandbox/test_register.py",
    "courier.": "the pictures of couriers are the manager's to set, by an address of their own: tests/postal/test_couriers.py",
    "wish.no_post_office": "no city of the files keeps nothing at its post offices: tests/authority/test_wish.py",
    "delivery.wish_without_day": "an honest authority says one thing: tests/postal/test_wishes.py",
    "group.too_young": "everybody here is of age: tests/authority/test_group_pages.py",
    "stop.differs": "the name of a stop is chance, and said once: tests/postal/test_stops.py",
    "readdressing.same_address": "said by the form, as soon as it is filled in: tests/authority/test_readdressing.py",
    "addresses.": "people here declare where it goes: tests/authority/test_addresses.py",
    "notices.": "answers of the SMS gateway and the mail server: tests/authority/test_notices_sending.py",
    "picture.": "the simulator's people send digests, no pictures: tests/authority/test_pictures_examining.py",
    "eligibility.": "persons of the register's magic cases: tests/authority/test_eligibility.py",
    "acceptance.not_taken_in": "a bag with what was signed for already comes from no honest authority: tests/postal/test_acceptance.py",
    "acceptance.waybill_taken": "numbers come from the city's range, each once: tests/postal/test_acceptance.py",
    "application.already_submitted": "the application's name is made of its key, which is never given again: tests/authority/test_application.py",
    "application.pictures_": "people here declare their pictures: tests/authority/test_uploads.py",
    "application.receipt_taken": "that no free number is drawn in many tries: tests/authority/test_receipts.py",
    "handover.not_in_this_bag": "follows from a bag and its cases, which are written together: tests/authority/test_handover.py",
    "handover.not_this_order": "an order leads to its own case (border): tests/authority/test_handover.py",
    "handover.print_first": "labels are made from questions between the houses: tests/authority/test_labels.py",
    "payment.refund_not_owed": "just what is owed is asked for and recorded: tests/authority/test_payment.py",
    "register.not_due": "just what is due is told and recorded: tests/authority/test_made_documents.py",
    "tracking.another_case_live": "nobody applies a second time within a run: tests/authority/test_tracking.py",
    "help.": "questions are texts between two people: tests/authority/test_help.py",
    "delivery.no_claim": "an honest authority answers claims: tests/postal/test_delivery.py",
}
"""Prefix of a refusal's code -> why the simulator does not meet it, and where it is met."""
EDGES_ELSEWHERE: Final[Mapping[str, str]] = {
    **{
        f"Delivery.{state}.StopJoined": "the post hears of a door a day after the first order of it: tests/postal/test_walk.py"
        for state in DeliveryState
        if state not in (*DELIVERY_ENDS, DeliveryState.NOT_BEGUN)
    },
    "Agent.received.AgentReceived": "who has received once gets no code for another order: tests/authority/test_walk.py",
    "Wish.post_office.PostOfficeWished": "of two envelopes of one case, one after the other: tests/authority/test_walk.py",
    "Help.": "questions are texts between two people: tests/authority/test_walk.py",
    "Erasure.": "not played (see docs/how-to/simulate.md): tests/house/test_erasure.py",
    "Payment.paid.PaymentKept": "no document's rules keep the fee: tests/authority/test_walk.py",
    "Payment.closed.RefundRecorded": "no document's rules keep the fee: tests/authority/test_walk.py",
    **{
        f"Handover.{state}.WaybillCameLate": "numbers come in the order of the orders: tests/authority/test_walk.py"
        for state in ("to_label", "labelled", "sealed", "bagged", "offered", "recount", "accepted", "missing")
    },
    "Inquiry.open.InquiryOpened": "an honest authority ends a question before it asks anew: tests/postal/test_walk.py",
    "Numbers.not_begun.DrawMissed": "a city in the files has numbers: tests/postal/test_walk.py",
    "Numbers.open.DrawMissed": "files take no numbers away: tests/postal/test_walk.py",
    "Returns.coming_back.ReturnCalledOff": "our post voids no scan of a return: tests/authority/test_walk.py",
    "Tracking.turned_back.TurnVoided": "our post voids no scan of a return: tests/authority/test_walk.py",
    "Tracking.on_the_way.LossRecorded": "the post searches before it gives up, and says so: tests/authority/test_walk.py",
    "Tracking.turned_back.LossRecorded": "the post searches before it gives up, and says so: tests/authority/test_walk.py",
    "Tracking.incident.ClaimRefused": "once it searches, the post claims nothing: tests/authority/test_walk.py",
    "Returns.recall_asked.ReturnOffered": "the post says that an item goes back before it offers it: tests/authority/test_walk.py",
    "Returns.recall_asked.RecallRefused": "an honest authority recalls what the post has, and gets it: tests/authority/test_walk.py",
    **{
        f"Undeliverable.{state}.RecallRefused": "an honest authority recalls what the post has: tests/postal/test_walk.py"
        for state in ("in_hand", "not_begun", "returned")
    },
}
"""Prefix of an edge -> the same."""


def _modules(package: ModuleType, name: str) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if found.name.rpartition(".")[2] in (name, "bag", "stock", "group") or found.name.endswith(
            "made_documents"
        ):
            yield importlib.import_module(found.name)


def all_edges() -> frozenset[str]:
    """`Step.state.Event` of every line of every table."""
    edges: set[str] = {_edge("Erasure", one) for one in erasure.TABLE}
    for package in (safehand.authority, safehand.postal):
        for module in _modules(package, "states"):
            table = getattr(module, "TABLE", None)
            if table is not None:
                step = _step_of(module, table)
                edges |= {_edge(step, one) for one in table}
    return frozenset(edge for edge in edges if not edge.startswith(tuple(EDGES_ELSEWHERE)))


def _edge(step: str, line: tuple[Any, type[Any]]) -> str:
    state, event = line
    return f"{step}.{state}.{event.__name__}"


def _step_of(module: ModuleType, table: Mapping[Any, Any]) -> str:
    """The struct of the module whose `state` is of the table's kind."""
    kind = type(next(iter(table))[0])
    for value in vars(module).values():
        fields = getattr(value, "__annotations__", {})
        if isinstance(value, type) and value.__module__ == module.__name__ and fields.get("state") is kind:
            return value.__name__
    raise LookupError(f"{module.__name__} has a table and no step")


def all_refusals(*, met_elsewhere: bool = False) -> frozenset[str]:
    """The codes of every refusal that a step declares, but those that are met elsewhere (or with them)."""
    codes: set[str] = set()
    for package in (safehand.authority, safehand.postal):
        for module in _modules(package, "refusals"):
            codes |= {one.code for one in vars(module).values() if isinstance(one, RefusalKind)}
    return frozenset(code for code in codes if met_elsewhere or not code.startswith(tuple(ELSEWHERE)))


def missing(edges: Counter[str], refusals: Counter[str], marks: Counter[str]) -> dict[str, list[str]]:
    """What was not reached, by kind."""
    return {
        "edges": sorted(all_edges() - edges.keys()),
        "refusals": sorted(all_refusals() - refusals.keys()),
        "branches": sorted(set(MARKS) - marks.keys()),
    }
