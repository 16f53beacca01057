"""The authority's application: its machines, actions, ports, jobs and border, put together from one settings file."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from litestar import Litestar

from safehand.authority import envelopes
from safehand.authority.addresses.deliverability import not_reached
from safehand.authority.addresses.divisions import Divisions, load_divisions
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.agent import commands as agent
from safehand.authority.agent.person import AGENT_RECORDS
from safehand.authority.application.actions import OWNER, Reach, ReceiptOf, receipts, submit_action
from safehand.authority.application.commands import CorrectApplication
from safehand.authority.application.drafts import Drafts
from safehand.authority.application.uploads import Uploads
from safehand.authority.border.hearing import AuthorityBorder
from safehand.authority.border.speaking import signing
from safehand.authority.case import Case
from safehand.authority.case_vault import blotted_out
from safehand.authority.cities.city import City, load_cities
from safehand.authority.cities.post_offices import load_post_offices
from safehand.authority.documents.document import Document, load_documents
from safehand.authority.eligibility.api import eligibility_route
from safehand.authority.figures import read_figures
from safehand.authority.group import commands as group
from safehand.authority.group.actions import PURPOSE as INVITATION
from safehand.authority.group.actions import Groups, Invitations, MemberActs
from safehand.authority.group.joining import Joining
from safehand.authority.handover import bag
from safehand.authority.handover.api import Labels, label_route
from safehand.authority.handover.sealing import told_of_wrong_envelopes
from safehand.authority.help.lines import HelpLines, load_help_lines
from safehand.authority.help.texts import HelpTexts, help_route
from safehand.authority.machines import build_machines
from safehand.authority.notices.building import build_mailer, build_notices, public_address
from safehand.authority.notices.receipts import Receipts
from safehand.authority.notices.reminding import Reminding
from safehand.authority.pace import Pacing
from safehand.authority.payment.actions import Paying
from safehand.authority.payment.api import Callbacks, callback_keys, callback_route
from safehand.authority.portal.agent_page import AgentPage
from safehand.authority.portal.applying.building import build_applying
from safehand.authority.portal.courier import CourierPicture
from safehand.authority.portal.group_page import GroupPage
from safehand.authority.portal.help import HelpPages
from safehand.authority.portal.joining import JoinPage
from safehand.authority.portal.looked import Looked
from safehand.authority.portal.messages import Messages
from safehand.authority.portal.my_data import MyData
from safehand.authority.portal.new_address import NewAddressPage
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.phone_page import PhonePage
from safehand.authority.portal.share_links import PURPOSE, ShareLinks
from safehand.authority.portal.sharing import Sharing
from safehand.authority.portal.staff_pages import StaffPages
from safehand.authority.portal.under_way import UnderWay
from safehand.authority.portal.wish_page import WishPage
from safehand.authority.ports.calling import ServiceCaller
from safehand.authority.ports.notices import HttpTextMessages, Mailer, TextMessages
from safehand.authority.ports.payment import HttpPayments, Payments
from safehand.authority.ports.register import HttpRegister, Register
from safehand.authority.ports.sign_in import OidcSignIn
from safehand.authority.production import stock
from safehand.authority.readdressing import commands as readdressing
from safehand.authority.readdressing.actions import AddressChanges
from safehand.authority.register.actions import RegisterEntries
from safehand.authority.retention.keeping import retention_chores
from safehand.authority.retention.schedule import Retention, load_retention
from safehand.authority.router import ROLES as CASE_ROLES
from safehand.authority.rulebook import HouseClocks, Rulebook
from safehand.authority.tracking import commands as tracking
from safehand.house.checkpointing import WitnessBorder, checkpointing_of
from safehand.house.closing import Closing, DayBorder
from safehand.house.commanded import NOT_PEOPLE, Facts, Records, command_actions
from safehand.house.daybook import KIND, daybook_machine
from safehand.house.daybook import ROLES as DAYBOOK_ROLES
from safehand.house.erasing import Erasing
from safehand.house.erasure import ErasureState
from safehand.house.front import Action, Asked
from safehand.house.parked import KIND as PARKED
from safehand.house.parked import PARKED_MACHINE
from safehand.house.parking import Parking, parked_route
from safehand.house.reading import Reading, reading_routes
from safehand.house.runtime import House, data_folder, house_app, open_house
from safehand.house.settings import Settings, key_ring, read_key
from safehand.house.witnessing import KIND as WITNESS
from safehand.house.witnessing import ROLES as WITNESS_ROLES
from safehand.house.witnessing import witness_machine
from safehand.kernel.dated import NotInForceError
from safehand.kernel.ids import SystemIds
from safehand.kernel.machine import Command, Machine, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.link.keys import KeyRing
from safehand.link.reader import Border

AUTHORITY_CODE = "NIA"
OWN_SQL = Path(__file__).parent / "sql"
"""The authority's own tables, after the kernel's."""

OWNED = "select digest, city, subject from blind_index where purpose = $1 and digest = any($2::bytea[])"


def secret_for(settings: Settings, purpose: str) -> bytes:
    """A secret of the house for one purpose, derived from its blinding key (door codes, receipt numbers)."""
    return hashlib.sha256(
        f"safehand {purpose}\x1f".encode() + read_key(settings.keys.vault_blinding)
    ).digest()


class Ownership:
    """Whose case it is: a blind index entry made at submission, gone with its person."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._cases = msgspec.json.Decoder(Case)

    async def owned(self, pairs: Sequence[tuple[str, StreamKey]]) -> set[tuple[str, StreamKey]]:
        """Of pairs (actor, case): those in which the case is the actor's own."""
        digests = {actor: self._house.vault.digest(purpose=OWNER, value=actor) for actor, _ in pairs}
        rows = await self._house.store.fetch(
            OWNED,
            OWNER,
            sorted(digests.values()),
        )
        found = {(row[0], StreamKey(row[1], row[2])) for row in rows}
        return {(actor, key) for actor, key in pairs if (digests[actor], key) in found}

    async def gone(self, keys: Sequence[StreamKey]) -> set[StreamKey]:
        """Of cases: those whose person is erased. No trace of whose they were is kept to tell this by."""
        rows = await self._house.store.streams(keys=sorted(set(keys)))
        return {
            key
            for key, row in rows.items()
            if row.kind == "case" and self._cases.decode(row.state).erasure.state is ErasureState.DONE
        }


def _evidence(what: str) -> Facts:
    """The digest of what the recipient said in the own session: who, what, on which case, under which key."""

    async def find(asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "evidence": hashlib.sha256(
                    f"{what}\x1f{a.session.actor}\x1f{a.item.case}\x1f{a.key}".encode()
                ).digest()
            }
            for a in asked
        ]

    return find


def _claim_facts(house: House) -> Facts:
    """The case's own claim, to be taken again if the case goes on."""
    cases = msgspec.json.Decoder(Case)

    async def find(asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        rows = await house.store.streams(keys=[StreamKey(a.item.city, a.item.case) for a in asked])
        claims = {
            key.stream: cases.decode(row.state).application.claim
            for key, row in rows.items()
            if row.kind == "case"
        }
        return [{"claim": claims.get(a.item.case, "")} for a in asked]

    return find


def _settle_facts(house: House) -> Facts:
    """The manager's decision: its digest, and the case's own claim."""
    claims = _claim_facts(house)

    async def find(asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        evidence = await _evidence("settled by the manager")(asked)
        return [{**digest, **claim} for claim, digest in zip(await claims(asked), evidence, strict=True)]

    return find


OWN_DOORS: Final = frozenset(
    {
        "application.submit",
        "readdressing.ask",
        "agent.name",
        "telephone.ask",
        "telephone.prove",
        "group.join",
        "group.invite",
        "group.let_receive",
    }
)
"""The first comes with uploads; the others with somebody's data for the vault, after a fresh sign-in, or with an invitation."""
_CASE_ROLES: Final = {
    command: roles for command, roles in CASE_ROLES.items() if command.__struct_config__.tag not in OWN_DOORS
}


def command_actions_of(house: House, ownership: Ownership, uploads: Uploads | None) -> list[Action]:
    """One action per command that people may give, for cases, bags, stocks and the daybook."""
    facts: dict[type[Command], tuple[frozenset[str], Facts]] = {
        tracking.ConfirmReceipt: (frozenset({"evidence"}), _evidence("I have it")),
        tracking.DenyReceipt: (frozenset({"claim"}), _claim_facts(house)),
        tracking.Settle: (frozenset({"evidence", "claim"}), _settle_facts(house)),
        group.BeginGroup: (frozenset({"group"}), Groups(house=house).of_begun),
    }
    texts = HelpTexts(house=house)
    facts |= texts.facts()
    addresses = AddressChanges(house=house)
    records: dict[type[Command], Records] = {
        readdressing.ApproveAddressChange: addresses.of_approvals,
        readdressing.StopAddressChange: addresses.of_stops,
        readdressing.DenyAddressChange: addresses.of_endings,
        **texts.records(),
        agent.ReleaseAgent: partial(blotted_out, house, AGENT_RECORDS),
        group.LeaveGroup: Groups(house=house).of_leaving,
    }
    if uploads is not None:
        records[CorrectApplication] = uploads.of_corrections
    by_kind = (
        (
            "case",
            "case",
            _CASE_ROLES,
        ),
        ("bag", "bag", bag.ROLES),
        ("stock", "stock", stock.ROLES),
        (KIND, "daybook", DAYBOOK_ROLES),
        (WITNESS, "witness", WITNESS_ROLES),
    )
    actions = [
        action
        for kind, names, roles in by_kind
        for action in command_actions(
            shell=house.shell,
            ids=house.ids,
            kind=kind,
            names_stream=names,
            roles=roles,
            owned=ownership.owned,
            facts=facts,
            records=records,
            gone=ownership.gone,
        )
    ]
    return actions if uploads is None else uploads.forgetting(actions)


def machines_of(
    cities: Mapping[int, City], documents: Mapping[str, Document], peer: str, ring: KeyRing
) -> dict[str, Machine]:
    """Every kind of stream: a case counts envelopes too, and its proofs are signed."""
    machines = build_machines(cities=cities, documents=documents, authority=AUTHORITY_CODE, post=peer)
    return {
        **machines,
        "case": signing(machine=replace(machines["case"], moves=envelopes.moves), ring=ring),
        KIND: daybook_machine(manager="authority_manager"),
        WITNESS: witness_machine(manager="authority_manager", ring=ring),
        PARKED: PARKED_MACHINE,
    }


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services behind the authority's ports."""

    register: Register
    payments: Payments
    texts: TextMessages
    uploads: Uploads | None = None
    """None: pictures are declared by their digests, and none is kept."""
    reach: Reach | None = None
    """None: the post alone says whether it goes to a destination."""
    mailer: Mailer | None = None


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the authority is made of, without the web: its actions, its door to the link, its jobs."""

    actions: list[Action]
    border: Border
    chores: dict[str, Callable[[], Awaitable[int]]]
    book: Rulebook
    ownership: Ownership
    paying: Paying
    parking: Parking
    receipt_of: ReceiptOf


def parts_of(
    *,
    house: House,
    cities: Mapping[int, City],
    documents: Mapping[str, Document],
    services: Services,
    secret: Callable[[str], bytes],
) -> Parts:
    """The authority over an open house and its services; `secret` gives the house's secret for a purpose."""
    settings = house.settings
    peer = settings.peers[0].name
    book = Rulebook(
        cities=cities, documents=documents, clocks=HouseClocks(), authority=AUTHORITY_CODE, post=peer
    )
    ownership = Ownership(house)
    paying = Paying(house=house, payments=services.payments, owned=ownership.owned)
    entries = RegisterEntries(house=house, register=services.register, book=book)
    closing = Closing(house=house, accounts=envelopes.treaty_account, cities=sorted(cities), peer=peer)
    checkpointing = checkpointing_of(house=house, cities=sorted(cities), peer=peer)
    code_secret = secret("door code")
    notices = build_notices(
        house=house, cities=cities, code_secret=code_secret, texts=services.texts, mailer=services.mailer
    )
    heard = AuthorityBorder(house=house, code_secret=code_secret)
    border = DayBorder(inner=WitnessBorder(inner=heard, checkpointing=checkpointing), closing=closing)
    parking = Parking(house=house, border=border, manager="authority_manager")
    receipt_of = receipts(key=secret("receipt number"))
    return Parts(
        actions=[
            submit_action(
                house=house,
                register=services.register,
                receipt_of=receipt_of,
                uploads=services.uploads,
                reach=services.reach,
            ),
            *paying.actions(),
            *parking.actions(),
            *told_of_wrong_envelopes(command_actions_of(house, ownership, services.uploads)),
        ],
        border=border,
        chores={
            "reminders": Reminding(house=house).remind,
            "notices": notices.send_notices,
            "receipts": Receipts(house=house, texts=services.texts).hear,
            "refunds": paying.refund,
            "register_entries": entries.run,
            "address_changes": AddressChanges(house=house).run,
            "groups": Groups(house=house).run,
            "close_days": closing.close_days,
            "checkpoints": checkpointing.run,
            "erasures": Erasing(house=house, kind="case").run,
            "parked": parking.tidy,
        },
        book=book,
        ownership=ownership,
        paying=paying,
        parking=parking,
        receipt_of=receipt_of,
    )


async def make_app(settings: Settings) -> Litestar:
    """Connect and put the authority together."""
    folder = data_folder(settings)
    cities = {int(code): city for code, city in load_cities(folder / "cities").items()}
    documents = load_documents(folder / "documents")
    retention = load_retention(folder / "documents")
    peer = settings.peers[0].name
    house = await open_house(
        settings=settings, machines=machines_of(cities, documents, peer, key_ring(settings)), sql=OWN_SQL
    )
    drafts = Drafts(house=house)
    divisions = load_divisions(cities=cities.values())
    services = _services(house, drafts, _reach(house, cities, divisions))
    secret = partial(secret_for, settings)
    parts = parts_of(house=house, cities=cities, documents=documents, services=services, secret=secret)
    # Tokens are secrets, also where identifiers are repeatable.
    under_way = UnderWay(store=house.store, vault=house.vault, ids=SystemIds())
    books = AddressBooks(store=house.store, vault=house.vault, ids=SystemIds())
    links = _share_links(house)
    house.jobs.chores |= parts.chores | {
        "pace": _pacing(house).run,
        "ended_share_links": lambda: links.sweep(now=house.clock.now()),
        "ended_sign_ins": lambda: under_way.sweep(now=house.clock.now()),
        **retention_chores(house=house, retention=retention, drafts=drafts, books=books),
    }
    portal = _portal(house, parts, cities, documents, under_way)
    applying = build_applying(
        house=house,
        portal=portal,
        drafts=drafts,
        register=services.register,
        book=parts.book,
        owned=parts.ownership.owned,
        cities=cities,
        documents=documents,
        folder=folder,
        divisions=divisions,
        books=books,
    )
    app = house_app(
        house=house,
        title="Safehand: the authority",
        actions=parts.actions,
        border=parts.border,
        routes=_routes(house, parts, services.register),
        pages=[
            *portal.routes(),
            *applying.routes,
            *_beside_the_case(house, portal, links, cities, load_help_lines(folder / "documents")),
            *_own_data(house, portal, drafts, books, retention),
            *_about_the_delivery(house, portal, parts.book, folder, divisions, cities),
            *_groups(house, portal),
            _callbacks(house, parts.paying, cities),
        ],
        figures=lambda: read_figures(house=house, accounts=envelopes.treaty_account),
    )
    app.state.problem_page = portal.problem
    app.on_shutdown.append(applying.looking.close)
    return app


def _pacing(house: House) -> Pacing:
    case = house.shell.machines["case"]
    return Pacing(
        store=house.store, clock=house.clock, initial=case.initial, fold=case.fold, waits=case.waits
    )


def _share_links(house: House) -> ShareLinks:
    secret = secret_for(house.settings, PURPOSE)
    return ShareLinks(store=house.store, vault=house.vault, ids=SystemIds(), secret=secret)


def _beside_the_case(
    house: House, portal: Portal, links: ShareLinks, cities: Mapping[int, City], lines: HelpLines
) -> list[Any]:
    """The pages that hang at a case's own."""
    return [
        *Messages(house=house, portal=portal).routes(),
        *Sharing(house=house, portal=portal, links=links).routes(),
        *Looked(house=house, portal=portal, cities=cities).routes(),
        *HelpPages(house=house, portal=portal, lines=lines).routes(),
    ]


def _routes(house: House, parts: Parts, register: Register) -> list[Any]:
    """What is under /v1 beside actions and worklists."""
    return [
        eligibility_route(house=house, register=register, book=parts.book),
        parked_route(parking=parts.parking),
        label_route(labels=Labels(house=house)),
        help_route(texts=HelpTexts(house=house)),
        *_reading(house, parts.ownership),
    ]


def _groups(house: House, portal: Portal) -> list[Any]:
    invitations = Invitations(house=house, secret=secret_for(house.settings, INVITATION))
    return [
        *GroupPage(
            house=house, portal=portal, acts=MemberActs(house=house, invitations=invitations)
        ).routes(),
        *JoinPage(portal=portal, joining=Joining(house=house, invitations=invitations)).routes(),
    ]


def _new_address(
    house: House, portal: Portal, divisions: Divisions, cities: Mapping[int, City]
) -> NewAddressPage:
    return NewAddressPage(
        house=house,
        portal=portal,
        changes=AddressChanges(house=house),
        divisions=divisions,
        cities=cities,
    )


def _about_the_delivery(
    house: House,
    portal: Portal,
    book: Rulebook,
    folder: Path,
    divisions: Divisions,
    cities: Mapping[int, City],
) -> list[Any]:
    """How it comes into whose hands: what the applicant may change of it, and what the manager decides."""
    offices = load_post_offices(folder / "cities")
    return [
        *_new_address(house, portal, divisions, cities).routes(),
        *AgentPage(house=house, portal=portal).routes(),
        *WishPage(house=house, portal=portal, book=book, offices=offices).routes(),
        *PhonePage(house=house, portal=portal, code_secret=secret_for(house.settings, "door code")).routes(),
        *StaffPages(house=house, portal=portal, cities=cities, divisions=divisions).routes(),
        *CourierPicture(portal=portal).routes(),
    ]


def _reach(house: House, cities: Mapping[int, City], divisions: Divisions) -> Reach:
    """What an application is told of where nothing is brought, by the rules of its day."""

    def away(*, city: int, destination: int) -> Refusal | None:
        day = local_day(house.clock.now())
        try:
            return not_reached(
                code=str(destination), city=cities[city], day=day, divisions=divisions, cities=cities
            )
        except (KeyError, NotInForceError):
            return None  # there is no such city (any more): the rules of applying say so

    return away


def _services(house: House, drafts: Drafts, reach: Reach) -> Services:
    settings = house.settings
    return Services(
        register=HttpRegister(caller=_caller(settings, "register")),
        payments=HttpPayments(caller=_caller(settings, "payment")),
        texts=HttpTextMessages(caller=_caller(settings, "sms")),
        uploads=Uploads(house=house, drafts=drafts, required=not settings.pictures_declared),
        reach=None if settings.destinations_unchecked else reach,
        mailer=build_mailer(settings),
    )


def _own_data(
    house: House, portal: Portal, drafts: Drafts, books: AddressBooks, retention: Retention
) -> list[Any]:
    return MyData(house=house, portal=portal, drafts=drafts, books=books, retention=retention).routes()


def _callbacks(house: House, paying: Paying, cities: Mapping[int, City]) -> Any:
    keys = callback_keys(house.settings.payment_callback_keys)
    callbacks = Callbacks(house=house, settle=paying.settle, cities=sorted(cities), keys=keys)
    return callback_route(callbacks=callbacks)


def _reading(house: House, ownership: Ownership) -> list[Any]:
    """Applicants read their own cases, staff those of their cities; the journal is for the manager."""
    return reading_routes(
        reading=Reading(
            house=house,
            kind="case",
            hidden={"application": ["claim"]},
            owned=ownership.owned,
            gone=ownership.gone,
        ),
        things="cases",
        summary="One case as it stands",
        roles=frozenset(role for roles in CASE_ROLES.values() for role in roles) - NOT_PEOPLE,
        auditors=frozenset({"authority_manager"}),
    )


SIGN_IN_CLIENT = "safehand-authority"


def _portal(
    house: House,
    parts: Parts,
    cities: Mapping[int, City],
    documents: Mapping[str, Document],
    under_way: UnderWay,
) -> Portal:
    settings = house.settings
    return Portal(
        house=house,
        address=public_address(settings),
        sign_in=_sign_in(house),
        under_way=under_way,
        owned=parts.ownership.owned,
        gone=parts.ownership.gone,
        cities=cities,
        documents=documents,
        book=parts.book,
        form_secret=secret_for(settings, "forms"),
        receipt_of=parts.receipt_of,
    )


def _sign_in(house: House) -> OidcSignIn:
    settings = house.settings
    issuer, live = settings.services["sign_in"], settings.mode == "live"
    return OidcSignIn(
        caller=ServiceCaller(service="sign_in", base_url=issuer, live=live),
        issuer=issuer,
        client_id=settings.secrets.get("sign_in_client_id", SIGN_IN_CLIENT),
        client_secret=settings.secrets["sign_in_client"],
        redirect_uri=f"{public_address(settings)}/sign-in/back",
        ids=house.ids,
        live=live,
    )


def _caller(settings: Settings, service: str) -> ServiceCaller:
    return ServiceCaller(
        service=service,
        base_url=settings.services[service],
        token=settings.secrets["services"],
        live=settings.mode == "live",
    )
