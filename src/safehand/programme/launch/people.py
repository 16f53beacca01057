"""The applicants and the staff of the launch, as the houses' front doors see them."""

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from safehand.kernel.ids import readable
from safehand.programme.launch.arrivals import FIRST_DAY, Arrival
from safehand.programme.launch.chance import Chance
from safehand.programme.setting_up import REPOSITORY
from safehand.sandbox.cast import Person, load_places, synthetic_person

DOCUMENTS = (("passport", 0.55), ("hong-kong-macao-permit", 0.35), ("taiwan-permit", 0.10))
"""What people apply for; the shares follow the national volumes (policy facts)."""
GROUNDS = (("expiring", 0.82), ("damaged", 0.06), ("lost", 0.12))
COUNTER_SHARE = 0.04
PREPAID_SHARE = 0.35
"""Of those to whom it is brought: nobody says how many would; assumed."""


def reference(prefix: str, *about: object) -> str:
    """A reference in the treaty's form, always the same for the same thing."""
    text = "\x1f".join(str(part) for part in about).encode()
    return f"{prefix}_{readable(hashlib.sha256(text).digest()[:12])}"


class People:
    """Makes applicants from the seed; the sandbox's register knows the same people."""

    def __init__(self, *, seed: int, chance: Chance, cities: list[int], today: date = FIRST_DAY) -> None:
        self._seed = seed
        self._chance = chance
        self._today = today
        self._places = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
        # The register has resident n in the city number n modulo all cities, in the order of their codes.
        self._rank = {city: rank for rank, city in enumerate(sorted(cities))}

    def person(self, arrival: Arrival) -> Person:
        """The synthetic resident who is the n-th applicant of a city."""
        number = arrival.number * len(self._rank) + self._rank[arrival.city]
        return synthetic_person(
            seed=self._seed, number=number, city=str(arrival.city), today=self._today, places=self._places
        )

    def applicant(self, arrival: Arrival) -> dict[str, Any]:
        """The applicant's session, with the identity that the sign-in has proven."""
        person = self.person(arrival)
        return {
            "actor": reference("ap", arrival.city, arrival.number),
            "roles": ["applicant"],
            "name": person.name_zh,
            "id_number": person.id_number,
        }

    def _postage(self, *about: object) -> str:
        """Some prepay, some say that they pay at the door, and as many say nothing, which is the same."""
        share = self._chance.share("postage", *about)
        if share < PREPAID_SHARE:
            return "prepaid"
        return "on_delivery" if share < (1 + PREPAID_SHARE) / 2 else ""

    def application(self, arrival: Arrival) -> dict[str, Any]:
        """What the applicant fills in."""
        person, chance, about = self.person(arrival), self._chance, (arrival.city, arrival.number)
        counter = chance.happens(COUNTER_SHARE, "counter", *about)
        return {
            "city": arrival.city,
            "document": _drawn(DOCUMENTS, chance.share("document", *about)),
            "ground": _drawn(GROUNDS, chance.share("ground", *about)),
            "mode": "counter" if counter else "post",
            "postage": "" if counter else self._postage(*about),
            "office": f"{arrival.city}-1",
            "phone": person.phone,
            "email": person.email,
            "destination": int(person.address.destination_code[:6]),
            "address": person.address.line_zh,
            "travels": chance.happens(0.1, "travels", *about),
            "consents_to_face_comparison": True,
            "language": "zh",
            "photo": chance.token("photo", *about),
            "signature": chance.token("signature", *about),
            "id_card_front": chance.token("front", *about),
            "id_card_back": chance.token("back", *about),
        }


def staff(role: str, *about: object) -> Mapping[str, Any]:
    """A staff member of a role; `about` tells several of them apart."""
    return {"actor": reference("st", role, *about), "roles": [role]}


def _drawn(shares: tuple[tuple[str, float], ...], share: float) -> str:
    for name, part in shares:
        share -= part
        if share < 0:
            return name
    return shares[-1][0]
