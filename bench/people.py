"""The synthetic applicants of the bench: the sandbox's own residents, whom its population register knows."""

from collections.abc import Sequence

from safehand.programme.setting_up import REHEARSAL_FIRST_DAY, REPOSITORY
from safehand.sandbox.cast import Person, load_places, synthetic_person

SEED = 20240506


def residents(*, first: int, count: int) -> Sequence[Person]:
    """So many residents from a number on, each registered in the city that the sandbox's register has for them."""
    places = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
    cities = tuple(sorted(places.cities))
    return [
        synthetic_person(
            seed=SEED,
            number=number,
            city=cities[number % len(cities)],
            today=REHEARSAL_FIRST_DAY,
            places=places,
        )
        for number in range(first, first + count)
    ]
