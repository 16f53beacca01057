"""Where a document may be brought: the divisions, the address, the picker, what reaches it and for how much."""

from safehand.authority.addresses.address import Address, Checked, check_address, one_line
from safehand.authority.addresses.divisions import Division, Divisions, DivisionsMissing, load_divisions
from safehand.authority.addresses.picking import Picked, pick

__all__ = [
    "Address",
    "Checked",
    "Division",
    "Divisions",
    "DivisionsMissing",
    "Picked",
    "check_address",
    "load_divisions",
    "one_line",
    "pick",
]
