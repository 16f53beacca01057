"""What the post is told by its files, and how that changes while it runs: ranges of numbers that are nearly used up, and new
ones. A house reads its files at its start; so each change is a restart."""

import random
from collections.abc import Mapping
from typing import Final

import msgspec

from safehand.postal.network.cities import PostalCity, PostalRules

NARROW_SHARE: Final = 0.4
"""Of the seeds, so many begin with ranges that will not last."""
LEAST: Final = 20
"""Of fewer numbers a twentieth is none, and nobody would be warned."""


class PostalFiles:
    """The post's files of the cities: at first with few numbers, then with some more, then as they really are."""

    def __init__(
        self,
        *,
        real: Mapping[str, PostalCity],
        people: int,
        cities: int,
        chance: random.Random,
        narrow: bool = False,
    ) -> None:
        self._real = real
        few = max(LEAST, people // (3 * cities))
        narrow = chance.random() < NARROW_SHARE or narrow
        self._to_come: list[int] = [few + LEAST, 0] if narrow else []
        self.cities = (
            {code: _with_numbers(city, few) for code, city in real.items()} if narrow else dict(real)
        )

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return not self._to_come

    def change(self) -> None:
        """The next state of the files."""
        numbers = self._to_come.pop(0)
        self.cities = {
            code: _with_numbers(city, numbers) if numbers else city for code, city in self._real.items()
        }


def _with_numbers(city: PostalCity, count: int) -> PostalCity:
    views = tuple(_rules_with(rules, count) for rules in city.rules.views)
    return msgspec.structs.replace(city, rules=msgspec.structs.replace(city.rules, views=views))


def _rules_with(rules: PostalRules, count: int) -> PostalRules:
    first, *_ = rules.waybills.ranges
    short = msgspec.structs.replace(first, last=min(first.last, first.first + count - 1))
    return msgspec.structs.replace(rules, waybills=msgspec.structs.replace(rules.waybills, ranges=(short,)))
