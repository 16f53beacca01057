"""Everything that goes wrong between and beneath the houses, drawn per seed; and the count of what did.

Each seed has its own weather: some kinds of fault never come, others often (swarm testing), so that rare combinations are
met as surely as common ones. The physical world has troubles of its own (`world`, `couriers`).
"""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, tuple[float, float]]] = {
    # On the wire: share of the requests.
    "request_lost": (0.05, 0.6),
    "answer_lost": (0.01, 0.4),
    "request_duplicated": (0.08, 0.8),
    "request_delayed": (0.01, 0.25),
    "request_corrupted": (0.02, 0.35),
    "answer_corrupted": (0.005, 0.1),
    "answer_cut_off": (0.005, 0.1),
    # By an attacker on the wire: share of the moments.
    "replayed_soon": (0.05, 0.6),
    "replayed_late": (0.06, 0.6),
    "forged_signature": (0.03, 0.22),
    "forged_key": (0.03, 0.22),
    "forged_receiver": (0.03, 0.22),
    "reflected": (0.03, 0.22),
    "altered_message": (0.03, 0.22),
    "message_left_out": (0.03, 0.22),
    "messages_swapped": (0.03, 0.22),
    "resealed": (0.03, 0.22),
    "revoked_key_used": (0.03, 0.22),
    # Between the houses: share of the requests before which the line is cut; share of the moments.
    "partition": (0.05, 0.8),
    "outage_of_a_week": (0.0005, 0.004),
    # In a process: share of the points passed.
    "crash_before_commit": (0.008, 0.2),
    "crash_after_commit": (0.008, 0.2),
    "crash_between": (0.002, 0.05),
    "slow_point": (0.005, 0.15),
    # Share of the quarters of a moment: wherever everybody is just then.
    "power_cut": (0.22, 0.95),
    # In a database: share of the points passed.
    "commit_unknown_kept": (0.0005, 0.01),
    "commit_unknown_lost": (0.0005, 0.01),
    "database_silent": (0.0002, 0.003),
    "race_lost": (0.001, 0.02),
    # Share of the moments: it answers nothing, all the while.
    "database_gone": (0.002, 0.04),
    # Share of the moments.
    "races_in_a_row": (0.002, 0.03),
    # Clocks and keys: share of the moments.
    "clock_skewed": (0.01, 0.2),
    "clock_jumped_back": (0.01, 0.1),
    "key_rotated": (0.002, 0.01),
    "key_revoked": (0.0005, 0.003),
    # Share of the new keys.
    "key_told_late": (0.2, 0.9),
    # By whoever looks after the post's files: share of the moments.
    "configuration_changed": (0.01, 0.05),
    # By a peer that is mistaken: share of the moments.
    "nonsense_said": (0.01, 0.3),
    "acknowledged_ahead": (0.01, 0.3),
    # By people who do not know what they do: share of the moments.
    "mischief": (0.02, 0.4),
    # The same: a rare course, played on purpose (`courses`).
    "course": (0.01, 0.1),
    # In the services behind the ports: share of the calls.
    "register_silent": (0.01, 0.2),
    "register_answer_lost": (0.01, 0.2),
    "payment_silent": (0.01, 0.2),
    "payment_answer_lost": (0.01, 0.2),
    "texts_silent": (0.01, 0.2),
    "mail_silent": (0.01, 0.2),
    # Of text messages: share that does not arrive; of numbers and addresses: share that are none.
    "text_undelivered": (0.002, 0.3),
    "text_number_invalid": (0.002, 0.1),
    "mail_address_invalid": (0.01, 0.3),
    # Of payments (and of the payer's further tries, and of these): what a bank books is not always what was owed.
    "paid_too_little": (0.005, 0.1),
    "paid_twice": (0.0005, 0.01),
    "paid_without_end": (0.02, 0.2),
}
"""Kind -> the range of its rate, where a seed has it at all."""
ABSENT_SHARE: Final = 0.3
"""Of the kinds, so many are absent from a seed."""
LONG_LIVED_SHARE: Final = 0.12
"""In so many seeds no process ever ends: what is wrongly kept in memory is healed by every new start."""
CRASHES: Final = frozenset({"crash_before_commit", "crash_after_commit", "crash_between", "power_cut"})
BAD_MESSAGES: Final = frozenset(kind for kind in list(KINDS)[:18])
"""Kinds whose count is of messages, not of requests."""


NONE: Final[Mapping[str, float]] = {}


class Faults:
    """The weather of one seed."""

    def __init__(self, *, seed: int, always: Mapping[str, float] = NONE) -> None:
        self.chance = random.Random(f"faults {seed}")
        self.rates = {
            kind: low * (high / low) ** self.chance.random()
            for kind, (low, high) in KINDS.items()
            if self.chance.random() >= ABSENT_SHARE
        }
        if self.chance.random() < LONG_LIVED_SHARE:
            self.rates = {kind: rate for kind, rate in self.rates.items() if kind not in CRASHES}
        self.rates |= always
        self.counts: Counter[str] = Counter()
        self.on = True

    def happens(self, kind: str, *, weight: int = 1) -> bool:
        """Whether this fault comes now; counted if so, `weight` times (messages in a request)."""
        rate = self.rates.get(kind, 0.0)
        if not self.on or not rate or self.chance.random() >= rate:
            return False
        self.counts[kind] += weight
        return True

    def bad_messages(self) -> int:
        """Messages that were lost, doubled, delayed, damaged, replayed or forged."""
        return sum(self.counts[kind] for kind in BAD_MESSAGES)

    def crashes_and_partitions(self) -> tuple[int, int]:
        """How often a process ended, and how often the houses were cut apart."""
        crashes = sum(self.counts[kind] for kind in CRASHES)
        return crashes, self.counts["partition"] + self.counts["outage_of_a_week"]
