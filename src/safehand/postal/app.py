"""The post's application: its machines, actions and border, put together from one settings file."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from litestar import Litestar

from safehand.house.books import read_books
from safehand.house.checkpointing import WitnessBorder, checkpointing_of
from safehand.house.closing import Closing, DayBorder
from safehand.house.commanded import NOT_PEOPLE, Facts, command_actions
from safehand.house.daybook import KIND, daybook_machine
from safehand.house.daybook import ROLES as DAYBOOK_ROLES
from safehand.house.erasing import Erasing
from safehand.house.front import Action, Asked
from safehand.house.parked import KIND as PARKED
from safehand.house.parked import PARKED_MACHINE
from safehand.house.parking import Parking, parked_route
from safehand.house.reading import Reading, reading_routes
from safehand.house.runtime import House, data_folder, house_app, open_house
from safehand.house.settings import Settings, key_ring, read_key
from safehand.house.statements import TreatyAccount
from safehand.house.witnessing import KIND as WITNESS
from safehand.house.witnessing import ROLES as WITNESS_ROLES
from safehand.house.witnessing import witness_machine
from safehand.kernel.machine import Command, Machine
from safehand.link.keys import KeyRing
from safehand.link.reader import Border
from safehand.postal.border.hearing import PostalBorder
from safehand.postal.couriers.cards import Cards, card_routes
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.stops.actions import StopWork, stops_route
from safehand.postal.machines import ROLES, build_machines
from safehand.postal.network.cities import PostalCity, load_postal_cities
from safehand.postal.printing import Printing, printing_routes
from safehand.postal.process import BAG, ITEM, RANGE
from safehand.postal.receiver.forgetting import Forgetting
from safehand.postal.receiver.showing import Showing, showing_routes

OWN_SQL = Path(__file__).parent / "sql"
CLAIMED_LAST_HOUR = (
    "select actor, count(*) from event where kind = 'delivery.claimed' and actor = any($1::text[])"
    " and at > $2::timestamptz - interval '1 hour' group by actor"
)
"""Goes by an index of its own (`sql/0001`): the journal of a post holds nothing but more and more events."""
_TREATY: dict[str, TreatyAccount] = {
    "sender": "authority",
    "returned": "authority",
    "office": "post",
    "vehicle": "post",
    "courier": "post",
    "counter": "post",
    "recipient": "recipient",
    "incident": "post",
}


def treaty_account(account: str) -> TreatyAccount:
    """The treaty's account for one of the post's: `office:310101` is simply the post's."""
    return _TREATY[account.partition(":")[0]]


def actions_of(house: House) -> list[Action]:
    """Every action of the post's people: one per command, by kind of stream."""
    asked_last_hour = _AskedLastHour(house)
    facts: dict[type[Command], tuple[frozenset[str], Facts]] = {
        to_deliver.Claim: (frozenset({"courier_asked_last_hour"}), asked_last_hour.of_courier),
        to_deliver.ClaimAtCounter: (frozenset({"clerk_asked_last_hour"}), asked_last_hour.of_clerk),
    }
    found: list[Action] = []
    for kind, names, prefix in _BY_KIND:
        roles = _ROLES_OF[prefix]
        found += command_actions(
            shell=house.shell, ids=house.ids, kind=kind, names_stream=names, roles=roles, facts=facts
        )
    found += command_actions(
        shell=house.shell, ids=house.ids, kind=KIND, names_stream="daybook", roles=DAYBOOK_ROLES
    )
    found += command_actions(
        shell=house.shell, ids=house.ids, kind=WITNESS, names_stream="witness", roles=WITNESS_ROLES
    )
    return found


def _prefix_of(command: type[Command]) -> str:
    tag = str(command.__struct_config__.tag)
    return next((prefix for prefix in ("bag.", "range.") if tag.startswith(prefix)), "")


_BY_KIND: Final = ((ITEM, "item", ""), (BAG, "bag", "bag."), (RANGE, "range", "range."))
_ROLES_OF: Final = {
    prefix: {command: roles for command, roles in ROLES.items() if _prefix_of(command) == prefix}
    for _, _, prefix in _BY_KIND
}


class _AskedLastHour:
    """How many claims somebody made within the last hour: a guesser of codes is stopped across all items."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def of_courier(self, asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        """The field of a courier's claim."""
        return [{"courier_asked_last_hour": count} for count in await self._counts(asked)]

    async def of_clerk(self, asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        """The field of a counter clerk's claim."""
        return [{"clerk_asked_last_hour": count} for count in await self._counts(asked)]

    async def _counts(self, asked: Sequence[Asked]) -> list[int]:
        actors = sorted({one.session.actor for one in asked})
        rows = await self._house.store.fetch(
            CLAIMED_LAST_HOUR,
            actors,
            self._house.clock.now(),
        )
        before = {row[0]: row[1] for row in rows}
        counts: list[int] = []
        for one in asked:
            actor = one.session.actor
            counts.append(before.get(actor, 0))
            before[actor] = before.get(actor, 0) + 1
        return counts


def machines_of(cities: Mapping[str, PostalCity], ring: KeyRing) -> dict[str, Machine]:
    """Every kind of stream of the post."""
    return {
        **build_machines(cities=cities),
        KIND: daybook_machine(manager="postal_manager"),
        WITNESS: witness_machine(manager="postal_manager", ring=ring),
        PARKED: PARKED_MACHINE,
    }


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the post is made of, without the web: its actions, its door to the link, its jobs."""

    actions: list[Action]
    border: Border
    chores: dict[str, Callable[[], Awaitable[int]]]
    parking: Parking


def parts_of(*, house: House, cities: Mapping[str, PostalCity]) -> Parts:
    """The post over an open house."""
    peer, codes = house.settings.peers[0].name, [int(code) for code in sorted(cities)]
    closing = Closing(house=house, accounts=treaty_account, cities=codes, peer=peer)
    checkpointing = checkpointing_of(house=house, cities=codes, peer=peer)
    border = DayBorder(
        inner=WitnessBorder(inner=PostalBorder(house=house), checkpointing=checkpointing), closing=closing
    )
    parking = Parking(house=house, border=border, manager="postal_manager")
    return Parts(
        actions=[*actions_of(house), *StopWork(house=house).actions(), *parking.actions()],
        border=border,
        chores={
            "close_days": closing.close_days,
            "erasures": Erasing(house=house, kind=ITEM).run,
            "forgotten_receivers": Forgetting(house=house).run,
            "checkpoints": checkpointing.run,
            "parked": parking.tidy,
        },
        parking=parking,
    )


async def make_app(settings: Settings) -> Litestar:
    """Connect and put the post together."""
    cities = load_postal_cities(data_folder(settings) / "cities")
    house = await open_house(settings=settings, machines=machines_of(cities, key_ring(settings)), sql=OWN_SQL)
    parts = parts_of(house=house, cities=cities)
    house.jobs.chores |= parts.chores
    secret = sha256(b"safehand item token\x1f" + read_key(settings.keys.vault_blinding)).digest()
    cards = Cards(house=house)
    printing = Printing(house=house, cities=cities, secret=secret)
    return house_app(
        house=house,
        title="Safehand: the post",
        actions=parts.actions,
        routes=[
            *reading_routes(
                reading=Reading(house=house, kind=ITEM, hidden={"acceptance": ["token"]}),
                things="items",
                summary="One item as it stands",
                roles=frozenset(role for roles in ROLES.values() for role in roles) - NOT_PEOPLE,
                auditors=frozenset({"postal_manager"}),
            ),
            parked_route(parking=parts.parking),
            stops_route(work=StopWork(house=house)),
            *printing_routes(printing=printing),
            *showing_routes(showing=Showing(house=house)),
            *card_routes(cards=cards),
        ],
        border=parts.border,
        labels=printing,
        cards=cards,
        figures=lambda: read_books(house=house, accounts=treaty_account),
    )
