"""What scanners and the manager may tell about transport, and who may tell it."""

from datetime import datetime
from typing import Final

from safehand.kernel.machine import Command
from safehand.link.messages import Office, Reference, Waybill


class _Scan(Command, frozen=True, kw_only=True):
    """One scan; `scan_id` names it for ever, so that a repeated one has no second effect."""

    waybill: Waybill
    scan_id: Reference
    place: Office
    occurred_at: datetime


class Depart(_Scan, frozen=True, kw_only=True, tag="transport.depart"):
    """The item leaves `place` in the vehicle on `leg`."""

    leg: Office


class Arrive(_Scan, frozen=True, kw_only=True, tag="transport.arrive"):
    """The item is at a sorting centre."""


class ArriveOffice(_Scan, frozen=True, kw_only=True, tag="transport.arrive_office"):
    """The item is at a delivery office."""


class VoidScan(Command, frozen=True, kw_only=True, tag="transport.void_scan"):
    """The named scan did not happen or was wrong."""

    waybill: Waybill
    scan_id: Reference


class ClearContradiction(Command, frozen=True, kw_only=True, tag="transport.clear_contradiction"):
    """The manager found out why a scan contradicted custody."""

    waybill: Waybill


class Escalate(Command, frozen=True, kw_only=True, tag="transport.escalate"):
    """A clock of transport ran out."""


TransportCommand = Depart | Arrive | ArriveOffice | VoidScan | ClearContradiction | Escalate

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    Depart: frozenset({"sorter", "driver", "acceptance_clerk"}),
    Arrive: frozenset({"sorter", "driver"}),
    ArriveOffice: frozenset({"office_clerk", "driver"}),
    VoidScan: frozenset({"sorter", "driver", "acceptance_clerk", "office_clerk", "postal_manager"}),
    ClearContradiction: frozenset({"postal_manager"}),
    Escalate: frozenset({"system"}),
}
