"""Carriers as data: what each can do, what its codes mean, and what its reports are worth as evidence."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    Layered,
    Timeline,
    read_facts,
    read_toml,
    refuse_unknown_sections,
    timeline,
)
from safehand.postal.network.waybill_formats import WaybillFormat

Grade = Literal["in_person", "other_person", "unattended", "none"]
"""What a carrier's delivered report claims: into the recipient's hand, into another's, into nobody's, or nothing."""

EventName = Literal[
    "order.cancelled",
    "handover.accepted",
    "transit.departed",
    "transit.arrived",
    "delivery_office.arrived",
    "delivery.out",
    "delivery.failed",
    "delivery.held",
    "delivery.completed",
    "delivery.nonconforming",
    "recall.requested",
    "recall.accepted",
    "return.initiated",
    "return.in_transit",
    "incident.opened",
    "loss.declared",
]
Meaning = EventName | Literal["delivered", "return.offered", "readdress", "abroad", "void", "none"]
FailureReason = Literal[
    "address_insufficient",
    "address_wrong",
    "unknown_person",
    "absent",
    "moved",
    "rescheduled_by_recipient",
    "refused",
    "wants_counter",
    "recalled",
    "readdress_requested",
    "lost",
    "charges_due",
    "waiting_to_return",
    "other",
]
Service = Literal[
    "create_order", "cancel_order", "label", "track_pull", "track_push", "postage", "reachability", "recall"
]
Text = Annotated[str, Meta(min_length=1, max_length=120)]
RawCode = Annotated[str, Meta(min_length=1, max_length=12)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts with no room for a misspelt key."""


class CarrierIdentity(_Strict, frozen=True, kw_only=True):
    """Code, names, and the lines that people may call."""

    code: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,38}$")]
    name_zh: Text
    name_en: Text
    help_lines: tuple[Text, ...] = ()


class Capabilities(_Strict, frozen=True, kw_only=True):
    """What the carrier's interface offers."""

    waybill_formats: Annotated[tuple[WaybillFormat, ...], Meta(min_length=1)]
    services: tuple[Service, ...]
    label_sizes_mm: tuple[Text, ...]
    door_code_in_order: bool
    terminal_needs_pull: bool
    local_zone: Text


class Evidence(_Strict, frozen=True, kw_only=True):
    """The grades that the authority accepts without the recipient's own word."""

    accepted_grades: tuple[Literal["in_person", "other_person"], ...]


class EventCode(_Strict, frozen=True, kw_only=True):
    """One scan code; `voids` names the code that a `void` takes back (empty: whichever it was)."""

    code: RawCode
    name_zh: Text
    meaning: Meaning
    voids: str = ""


class DeliveredCode(_Strict, frozen=True, kw_only=True):
    """One way in which the carrier says delivered."""

    code: RawCode
    name_zh: Text
    name_en: Text
    grade: Grade


class FailedCode(_Strict, frozen=True, kw_only=True):
    """One reason why it was not delivered."""

    code: RawCode
    name_zh: Text
    reason: FailureReason


class Codes(_Strict, frozen=True, kw_only=True):
    """The tables of codes and their version."""

    version: Text
    events: tuple[EventCode, ...]
    delivered: tuple[DeliveredCode, ...]
    failed: tuple[FailedCode, ...]


class CarrierRules(_Strict, frozen=True, kw_only=True):
    """Everything of a carrier that has a date."""

    capabilities: Capabilities
    evidence: Evidence
    codes: Codes


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier's report says in our words.

    `event` is `event.voided` for a void, None for what isn't recorded. `known` is false for a code that no table
    holds: it is stored and alarmed, never guessed. A delivered report always has its `grade`, unknown ways `none`.
    """

    known: bool
    event: str | None
    table_version: str
    voids: str = ""
    grade: Grade | None = None
    accepted_as_proof: bool = False
    reason: str | None = None
    alarm: bool = False


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier with its dated rules."""

    identity: CarrierIdentity
    rules: Timeline[CarrierRules]

    @property
    def code(self) -> str:
        """Like `china-post-ems`."""
        return self.identity.code

    def on(self, day: date) -> CarrierRules:
        """The rules of a day. Raises `NotInForceError` when none hold."""
        return self.rules.on(day)

    def read(self, *, code: str, day: date, delivered_code: str = "", failed_code: str = "") -> Reading:
        """A report of a day in our words. Raises `NotInForceError` before the tables begin."""
        rules = self.on(day)
        codes = rules.codes
        entry = next((entry for entry in codes.events if entry.code == code), None)
        if entry is None:
            return Reading(known=False, event=None, table_version=codes.version, alarm=True)
        match entry.meaning:
            case "delivered":
                return _delivered(rules=rules, delivered_code=delivered_code)
            case "delivery.failed":
                return _failed(rules=rules, failed_code=failed_code)
            case "void":
                return Reading(
                    known=True, event="event.voided", voids=entry.voids, table_version=codes.version
                )
            case "return.offered":
                # 711: only the sender's own scan is return.received; until then it's on its way back.
                return Reading(known=True, event="return.in_transit", table_version=codes.version)
            case "readdress" | "abroad":
                return Reading(known=True, event="incident.opened", table_version=codes.version, alarm=True)
            case "none":
                return Reading(known=True, event=None, table_version=codes.version)
            case "delivery.nonconforming":
                return Reading(
                    known=True,
                    event=entry.meaning,
                    grade="unattended",
                    table_version=codes.version,
                    alarm=True,
                )
            case name:
                return Reading(known=True, event=name, table_version=codes.version)


def _delivered(*, rules: CarrierRules, delivered_code: str) -> Reading:
    way = next((way for way in rules.codes.delivered if way.code == delivered_code), None)
    grade: Grade = way.grade if way else "none"
    return Reading(
        known=way is not None,
        event="delivery.completed" if grade == "in_person" else "delivery.nonconforming",
        grade=grade,
        accepted_as_proof=grade in rules.evidence.accepted_grades,
        table_version=rules.codes.version,
        alarm=grade != "in_person",
    )


def _failed(*, rules: CarrierRules, failed_code: str) -> Reading:
    reason = next((reason for reason in rules.codes.failed if reason.code == failed_code), None)
    # An attempt without a reason that we know must not stop any clock, so it is alarmed.
    return Reading(
        known=reason is not None,
        event="delivery.failed",
        reason=reason.reason if reason else "other",
        table_version=rules.codes.version,
        alarm=reason is None,
    )


def load_carriers(folder: Path) -> dict[str, Carrier]:
    """Every `*.toml` in a folder by its carrier's code. Raises `DefectiveRulesError` with all defects at once."""
    defects: list[Defect] = []
    carriers: dict[str, Carrier] = {}
    for path in sorted(folder.glob("*.toml")):
        tables = read_toml(path=path, shown_as=path.name, defects=defects)
        layer = Layered(folder=folder.name, file=path.name, tables=tables, file_of={"": path.name})
        known = frozenset({"carrier", "capabilities", "evidence", "codes"})
        refuse_unknown_sections(layer=layer, known=known, defects=defects)
        identity = read_facts(shape=CarrierIdentity, layer=layer, section="carrier", defects=defects)
        rules = timeline(shape=CarrierRules, tables=tables, file_of=layer.file_of, defects=defects)
        if identity is None or rules is None:
            continue
        if identity.code in carriers:
            wrong = f"code {identity.code} is used twice"
            defects.append(
                Defect(file=path.name, key="carrier.code", wrong=wrong, way_out="choose another code")
            )
        defects.extend(_repeated(rules=rules, file=path.name))
        carriers[identity.code] = Carrier(identity=identity, rules=rules)
    if defects:
        raise DefectiveRulesError(defects)
    return carriers


def _repeated(*, rules: Timeline[CarrierRules], file: str) -> list[Defect]:
    found: list[Defect] = []
    for view in rules.views:
        for table in ("events", "delivered", "failed"):
            codes = [entry.code for entry in getattr(view.codes, table)]
            twice = sorted({code for code in codes if codes.count(code) > 1})
            if twice:
                wrong = f"holds {', '.join(twice)} twice"
                found.append(
                    Defect(file=file, key=f"codes.{table}", wrong=wrong, way_out="keep one meaning each")
                )
    return found
