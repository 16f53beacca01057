"""Where a document may be brought: the divisions, the address, the picker, what reaches it and for how much."""

from safehand.authority.addresses.address import Address, Checked, check_address, one_line
from safehand.authority.addresses.deliverability import (
    Deliverable,
    Option,
    Options,
    deliverable,
    not_reached,
    options,
)
from safehand.authority.addresses.divisions import Division, Divisions, DivisionsMissing, load_divisions
from safehand.authority.addresses.picking import Picked, pick

__all__ = [
    "Address",
    "Checked",
    "Deliverable",
    "Division",
    "Divisions",
    "DivisionsMissing",
    "Option",
    "Options",
    "Picked",
    "check_address",
    "deliverable",
    "load_divisions",
    "not_reached",
    "one_line",
    "options",
    "pick",
]
