"""One simulated run: two houses, the world between them and everything that goes wrong, from one seed, in virtual time.

A run is a row of moments, some a day. At each, everybody acts at once: both houses' clocks, chores and link, staff,
applicants, couriers, and whoever sits on the wire. First faults come as the seed has drawn them (safety: nothing wrong may
ever happen); then they stop, and everything must come to its end within a stated time (liveness).
"""

import asyncio
import gc
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from safehand.authority import app as authority_app
from safehand.authority.border.door_code import agent_code, door_code
from safehand.authority.cities.city import City, load_cities
from safehand.authority.documents.document import Document, load_documents
from safehand.authority.register.facts import RegisterFacts
from safehand.house.front import Action
from safehand.house.runtime import House
from safehand.house.sessions import Identity, Session
from safehand.kernel.entropy import drawn_from
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.points import counted, hooked
from safehand.kernel.shell import Done
from safehand.kernel.store import Conflict, StreamRow, Unavailable, WorkRow
from safehand.link.pump import PeerSilent
from safehand.link.reader import Border
from safehand.postal import app as postal_app
from safehand.postal.delivery.stops.actions import ItemOutcome
from safehand.postal.network.cities import PostalCity, load_postal_cities
from safehand.programme.launch.arrivals import Arrival
from safehand.programme.launch.chance import Chance
from safehand.programme.launch.duties import Moment, Shares
from safehand.programme.launch.houses import Line
from safehand.programme.launch.people import People, staff
from safehand.simulation import couriers, crowd
from safehand.simulation.checker import Checker
from safehand.simulation.configuration import PostalFiles
from safehand.simulation.courses import Courses
from safehand.simulation.crowd import Deed, deed_of
from safehand.simulation.effects import DONE_BY, EFFECTS
from safehand.simulation.families import TEXTS_AT, Families
from safehand.simulation.faults import Faults
from safehand.simulation.house import Chores, HouseClock, Signing, SimHouse, WorldClock
from safehand.simulation.lives import still_loop, tasks_belong_to_lives
from safehand.simulation.mischief import Mischief
from safehand.simulation.nonsense import Nonsense
from safehand.simulation.pages import Pages
from safehand.simulation.payers import ANSWERED_LATER, Payers
from safehand.simulation.plan import START, Ended, Plan, shaped
from safehand.simulation.processes import REPOSITORY
from safehand.simulation.services import SimMail, SimPayments, SimRegister, SimTexts
from safehand.simulation.story import told
from safehand.simulation.weather import Weather, at_least
from safehand.simulation.wire import Network, SimWire
from safehand.simulation.world import GONE, Place, World

HOURS: Final = (8.0, 11.0, 16.0)
SUNDAY_HOURS: Final = (11.0,)
SUNDAY: Final = 6
STILL_DAYS: Final = 10
"""Where all is still, so often somebody looks whether it really is."""
AFTERMATH: Final = timedelta(days=14)
"""Faults go on so long after the last application."""
CALM_DAYS_MAX: Final = 200
"""Within so many days after the last fault everything must have ended (pick-up at a counter alone takes ninety)."""
TRIES_MAX: Final = 200
COURSES_AT_ONCE: Final = 6
CROWD: Final = 50
"""Where so many people apply, several courses find a stream each."""
AT_HOME: Final = frozenset({"return_shelf", "destroyed", "counter", "recipient"})
"""Where no thief has it: recalled and brought back before anything came of the plan, and gone on since."""
OF_OLD_FORMS: Final = frozenset({"request.invalid", "request.key_reused"})
"""Said to confused people: of fields that have not the right shape, or of a form that was sent already, with something else in it."""
OVERLOOKED_SHARE: Final = 0.005
OVERLOOKED_FOR: Final = timedelta(days=16)
POWER_CUT_TURNS_MAX: Final = 12


@lru_cache(maxsize=1)
def _data() -> tuple[dict[int, City], dict[str, Document], dict[str, PostalCity]]:
    folder = REPOSITORY
    cities = {int(code): city for code, city in load_cities(folder / "cities").items()}
    return cities, load_documents(folder / "documents"), load_postal_cities(folder / "cities")


MAIL_SHARE: Final = 0.25
"""In so many seeds the house sends e-mail too: each mail is a conversation of its own, and costs as much."""


class Run:
    """The run of one seed."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = WorldClock(start=START)
        self.faults = Faults(seed=plan.seed, always=at_least(plan))
        self.faults.on = plan.faults
        self.chance = Chance(seed=plan.seed)
        self.network = Network(faults=self.faults, clock=self.clock)
        self.register = SimRegister(faults=self.faults)
        self.payments = SimPayments(faults=self.faults, clock=self.clock)
        self.texts = SimTexts(faults=self.faults, clock=self.clock)
        with_mail = random.Random(f"mail {plan.seed}").random() < MAIL_SHARE
        self.mail = SimMail(faults=self.faults, codes=self.texts.codes) if with_mail else None
        self.world = World()
        self.files = PostalFiles(
            real=_data()[2],
            people=plan.people,
            cities=len(plan.cities),
            chance=random.Random(f"configuration {plan.seed}"),
            narrow=plan.scarce,
        )
        self.authority, self.post = self._houses()
        self.houses = {"authority": self.authority, "post": self.post}
        self.street = couriers.Street(
            world=self.world, code_of=self._code_of, agents_code_of=self._agents_code_of
        )
        self.people = People(seed=1, chance=self.chance, cities=sorted(_data()[0]))
        self.applicants: dict[str, Mapping[str, Any]] = {}
        self.city_of: dict[str, int] = {}
        self.orders: dict[str, tuple[int, str]] = {}
        self.unanswered: list[Deed] = []
        self.refusals: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        self.calm = False
        self._asked_about: set[str] = set()
        """Streams about which somebody still waits for an answer: nobody does another thing with them meanwhile."""
        self.payers = Payers(run=self)
        self.families = Families(run=self, secret=Signing(name="authority", seed=plan.seed).secret)
        self.checker = Checker(run=self, cities=_data()[0])
        self.nonsense = Nonsense(chance=random.Random(f"nonsense {plan.seed}"))
        self.weather = Weather(run=self)
        self.mischief = Mischief(chance=random.Random(f"mischief {plan.seed}"), codes=self.door_code)
        self.handed_in: set[str] = set()
        """Envelopes that confused people scanned in though by the books they were with neither house (see simulate.md)."""
        self._seen: dict[tuple[str, str, datetime], bool] = {}
        """Lines of worklists: whether they are seen at once."""
        self._states: dict[tuple[str, StreamKey], tuple[StreamRow, dict[str, Any]]] = {}
        self._lines: dict[tuple[str, str, StreamKey], tuple[WorkRow, StreamRow, Line]] = {}
        self.courses = Courses(
            fits=self._with_post if plan.late else None,
            chance=random.Random(f"courses {plan.seed}"),
            code=self.door_code,
            agents_code=self.agents_code,
        )
        self.tainted: set[str] = set()
        """Streams that such people touched, with all that hangs on them."""

    # ---- building --------------------------------------------------------------------------------------------------

    def _houses(self) -> tuple[SimHouse, SimHouse]:
        cities, documents, _ = _data()
        names, seed = ("authority", "post"), self.plan.seed
        secret = Signing(name="authority", seed=seed).secret

        def authority_parts(house: House) -> tuple[Sequence[Action], Border, Chores]:
            services = authority_app.Services(
                register=self.register, payments=self.payments, texts=self.texts, mailer=self.mail
            )
            parts = authority_app.parts_of(
                house=house, cities=cities, documents=documents, services=services, secret=secret
            )
            callbacks: Chores = {"payment.callbacks": lambda: self.payers.call_back(parts.paying)}
            pages = Pages(house=house, secret=secret).actions()
            return [*parts.actions, *pages], parts.border, {**parts.chores, **callbacks}

        def post_parts(house: House) -> tuple[Sequence[Action], Border, Chores]:
            parts = postal_app.parts_of(house=house, cities=self.files.cities)
            return parts.actions, parts.border, parts.chores

        wire = SimWire(network=self.network)
        authority = SimHouse(
            name=names[0],
            peer=names[1],
            seed=seed,
            clock=HouseClock(world=self.clock),
            machines=lambda ring: authority_app.machines_of(cities, documents, names[1], ring),
            parts=authority_parts,
            wire=wire,
        )
        post = SimHouse(
            name=names[1],
            peer=names[0],
            seed=seed,
            clock=HouseClock(world=self.clock),
            machines=lambda ring: postal_app.machines_of(self.files.cities, ring),
            parts=post_parts,
            wire=wire,
        )
        self.network.houses = {names[0]: authority, names[1]: post}
        authority.peer_keys = [post.public_key(generation=1)]
        post.peer_keys = [authority.public_key(generation=1)]
        return authority, post

    def door_code(self, order: str) -> str:
        """The right code of an order."""
        secret = Signing(name="authority", seed=self.plan.seed).secret("door code")
        return door_code(secret=secret, order=order)

    def _code_of(self, order: str) -> str:
        """The code that the recipient of an order was sent; empty while no text message has come."""
        code = self.door_code(order)
        return code if code in self.texts.codes else ""

    def agents_code(self, order: str) -> str:
        """The code of whoever else may receive an order: who is named now, or was last."""
        case = self.look("authority", StreamKey(*self.orders.get(order, (0, ""))))
        return self.agents_code_by_number(order, case.get("agent", {}).get("number", 0) or 1)

    def agents_code_by_number(self, order: str, number: int) -> str:
        """The same of the n-th who was named."""
        secret = Signing(name="authority", seed=self.plan.seed).secret("door code")
        return agent_code(secret=secret, order=order, number=number)

    def _agents_code_of(self, order: str) -> str:
        """The same, once it was sent to them."""
        code = self.agents_code(order)
        return code if code in self.texts.codes else ""

    # ---- the whole run ---------------------------------------------------------------------------------------------

    async def play(self) -> Ended:
        """From the first application to the end of the last, or to the first violation."""
        loop = asyncio.get_running_loop()
        tasks_belong_to_lives(loop)
        # A task that ended with its life is no news.
        loop.set_exception_handler(lambda _, about: None)
        chance = random.Random(f"entropy {self.plan.seed}")
        with hooked(self.weather.at_point), counted(self.marks), drawn_from(chance.randbytes):
            self.authority.boot()
            self.post.boot()
            await self._fill_stocks()
            await self._moments()
        return self._ended()

    async def _moments(self) -> None:
        arrivals = self._arrivals()
        last = arrivals[-1].at
        calm_from = last + AFTERMATH
        for moment in self._times(arrivals):
            if moment >= calm_from and not self.calm:
                await self._calm_down()
            since = self.clock.now()
            self.clock.move_to(moment)
            come = [one for one in arrivals if since < one.at <= moment]
            await self._moment(come)
            self.checker.look()
            if self.checker.violations:
                return
            if self.calm and self._over():
                self.checker.look_at_the_end()
                return
        self.checker.say("liveness", f"not everything has ended: {', '.join(self._open()[:6])}")

    def _times(self, arrivals: Sequence[Arrival]) -> Iterator[datetime]:
        """Three moments a day, one on Sundays; when all is still, the days on which a clock rings, and now and then."""
        day, last = START, arrivals[-1].at
        for number in range(int((last - START) / timedelta(days=1)) + AFTERMATH.days + CALM_DAYS_MAX):
            rings, ends = self._next_clock(), day + timedelta(days=1)
            come = any(day <= one.at < ends for one in arrivals)
            still = not come and not self.unanswered and not self._soon()
            if not still or (rings is not None and rings <= ends) or number % STILL_DAYS == 0:
                for hour in SUNDAY_HOURS if (day + timedelta(hours=8)).weekday() == SUNDAY else HOURS:
                    yield day + timedelta(hours=hour)
            day += timedelta(days=1)

    def _soon(self) -> bool:
        """Whether somebody will act soon: any worklist but those of long patience."""
        long = {"handover.ready_for_pickup", "statement.differences"}
        return any(
            rows and queue not in long
            for house in self.houses.values()
            for queue, rows in house.disk.queues.items()
        )

    def _next_clock(self) -> datetime | None:
        dues = [
            row.due_at
            for house in self.houses.values()
            for row in house.disk.work.values()
            if row.due_at is not None
        ]
        return min(dues, default=None)

    def _arrivals(self) -> list[Arrival]:
        span = timedelta(days=self.plan.arrival_days)
        found = [
            Arrival(
                self.plan.cities[number % len(self.plan.cities)],
                number,
                START + timedelta(hours=7) + span * self.chance.share("arrives", number),
            )
            for number in range(self.plan.people)
        ]
        return sorted(self.families.arrivals(found), key=lambda one: (one.at, one.number))

    async def _calm_down(self) -> None:
        """No fault comes any more: what was cut is joined, late messages arrive, clocks are set."""
        self.calm = True
        self.faults.on = False
        self.network.cut_until = None
        self.weather.tell_keys()
        while not self.files.final:
            self.weather.new_files()
        for house in self.houses.values():
            house.clock.off = timedelta()
        await self.network.deliver_late(all_of_them=True)

    # ---- one moment ------------------------------------------------------------------------------------------------

    async def _moment(self, come: Sequence[Arrival]) -> None:
        self.weather.begins()
        await self.network.deliver_late()
        again, self.unanswered = self.unanswered, []
        self._asked_about = {stream for one in again for stream in _streams_of(one)}
        if self.plan.bedlam:
            # Before anybody else does what is right with the same things: most acts would come too late, or be overtaken.
            await self._together([self._play_courses])
            await self._together([lambda: self._pump(self.authority), lambda: self._pump(self.post)])
        m = self._m()
        await self._together(
            [
                lambda: self._clocks(self.authority),
                lambda: self._clocks(self.post),
                lambda: self._arrive(come, m),
                lambda: self.do([one for one in again if one.house == "authority"], self.authority),
                lambda: self.do([one for one in again if one.house == "post"], self.post),
                lambda: self._at_authority(m),
                lambda: self._at_post(m),
                lambda: self._pump(self.authority),
                lambda: self._pump(self.post),
                self._meddle,
                *([] if self.plan.bedlam else [self._play_courses]),
                self.network.attack,
                *([self.families.act] if self.families.drawn else []),
            ]
        )
        if crowd.local_hour(self.clock.now()) == TEXTS_AT:
            await self._together([lambda: self._chores(self.authority), lambda: self._chores(self.post)])
            if self.families.drawn:
                await self._together([lambda: self.families.act(texts=True)])
        for _ in range(3):
            await self._together([lambda: self._pump(self.authority), lambda: self._pump(self.post)])
        self._hand_over()

    async def _together(self, works: Sequence[Callable[[], Awaitable[Any]]]) -> None:
        """Everybody at once, in an order and at a pace that the seed draws; a house may lose its power in the midst of it."""
        order, chance = list(works), self.faults.chance
        chance.shuffle(order)

        async def begin(work: Callable[[], Awaitable[Any]], turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await work()

        async def power_cut(house: SimHouse) -> None:
            self.weather.crash(house)

        begun = [begin(work, chance.randrange(4)) for work in order]
        begun += [
            begin(lambda house=house: power_cut(house), chance.randrange(POWER_CUT_TURNS_MAX))
            for house in self.houses.values()
            if self.weather.may_crash(house.name) and self.faults.happens("power_cut")
        ]
        await asyncio.gather(*begun)

    async def _job(self, house: SimHouse, work: Callable[[], Awaitable[Any]]) -> None:
        async def go() -> None:
            try:
                await work()
            except (Unavailable, PeerSilent, Conflict):
                return

        await house.run(go)

    async def _clocks(self, house: SimHouse) -> None:
        await self._job(house, house.house.jobs.run_clocks)

    async def _pump(self, house: SimHouse) -> None:
        disk = house.disk
        if disk.outbox_numbered or any(head.acknowledged < head.number for head in disk.heads.values()):
            await self._job(house, house.house.pump.until_quiet)

    async def _chores(self, house: SimHouse) -> None:
        for name in sorted(house.house.jobs.chores):
            await self._job(house, lambda name=name: house.house.jobs.chores[name]())

    # ---- people ----------------------------------------------------------------------------------------------------

    def _m(self) -> Moment:
        return Moment(
            now=self.clock.now(),
            chance=self.chance,
            shares=SHARES,
            applicants=self.applicants,
            orders=self.orders,
        )

    async def _fill_stocks(self) -> None:
        few = self.plan.scarce
        deeds = [
            Deed(
                house="authority",
                person=staff("production_clerk", "store"),
                action="stock.receive",
                item={"city": city, "stock": f"st_{city}_{kind}", "first": 1, "last": 6 if few else 1_000},
                key=f"first-blanks-{city}-{kind}",
            )
            for city in self.plan.cities
            for kind in sorted(_data()[1])
        ]
        await self.do(deeds, self.authority)

    async def _arrive(self, come: Sequence[Arrival], m: Moment) -> None:
        deeds: list[Deed] = []
        for one in come:
            person = self.people.person(one)
            facts = msgspec.convert(person.register_facts(), RegisterFacts, from_attributes=True)
            later = _later(facts, one.at - START)
            self.register.people.setdefault(person.id_number, crowd.sometimes_excluded(later, m, one.number))
            who = self.people.applicant(one)
            item = self.families.application(one, who["actor"], self.people.application(one))
            deeds += crowd.applications(who, item, m, one.number)
        await self.do(deeds, self.authority)

    def lines(self, house: SimHouse, queue: str) -> list[Line]:
        """A worklist as its staff see it, with the streams' states."""
        rows = house.disk.queues.get(queue)
        if not rows:
            return []
        asked = self._asked_about
        found = [
            self._line_of(house, queue, key, row)
            for key, row in rows.items()
            if key.stream not in asked
            and not self._overlooked(queue, row)
            # Whoever has had no answer to the application does not know of a case yet.
            and (not key.stream.startswith("ca_") or key.stream in self.applicants)
        ]
        return sorted(found, key=lambda line: (line.since, line.city, line.stream))

    def _line_of(self, house: SimHouse, queue: str, key: StreamKey, row: WorkRow) -> Line:
        """A worklist's line with the stream's state; made once for each version of both."""
        state = house.disk.rows[key]
        kept = self._lines.get((house.name, queue, key))
        if kept is None or kept[0] is not row or kept[1] is not state:
            line = Line(
                city=row.city,
                stream=row.stream,
                since=row.since,
                due_at=row.due_at,
                owner=row.owner,
                narrowed=row.narrowed,
                state=self._state_of(house, key),
            )
            kept = self._lines[house.name, queue, key] = (row, state, line)
        return kept[2]

    def is_asked_about(self, stream: str) -> bool:
        """Whether somebody still waits for an answer about it."""
        return stream in self._asked_about or any(one.item.get("case") == stream for one in self.unanswered)

    def _overlooked(self, queue: str, row: WorkRow) -> bool:
        """Some lines lie at the bottom of the pile for days."""
        line = (queue, row.stream, row.since)
        if line not in self._seen:
            self._seen[line] = not self.chance.happens(OVERLOOKED_SHARE, *line, "overlooked")
        return not self._seen[line] and row.since + OVERLOOKED_FOR > self.clock.now()

    def _state_of(self, house: SimHouse, key: StreamKey) -> dict[str, Any]:
        """A stream's state as JSON has it; read once for each version."""
        row = house.disk.rows[key]
        kept = self._states.get((house.name, key))
        if kept is None or kept[0] is not row:
            kept = self._states[house.name, key] = (row, msgspec.json.decode(row.state))
        return kept[1]

    async def _at_authority(self, m: Moment) -> None:
        deeds: list[Deed] = []
        for queue, look in crowd.AT_AUTHORITY.items():
            for line in self.lines(self.authority, queue):
                act = look(line, m, self.world)
                if act is not None:
                    order = self._order_of(line, str(act.item.get("waybill", "")))
                    deeds.append(deed_of("authority", line, act, order=order))
        for queue in crowd.TAKEN_BACK:
            for line in self.lines(self.authority, queue):
                act = crowd.take_back(line, m)
                if act is not None:
                    deeds.append(deed_of("authority", line, act))
        for queue in ("handover.to_label", "handover.labelled"):
            for line in self.lines(self.authority, queue):
                self.orders[(line.state or {})["handover"]["order"]] = (line.city, line.stream)
        if crowd.local_hour(m.now) in crowd.COLLECTIONS:
            deeds += crowd.bags(self.lines(self.authority, "handover.sealed"), m)
            deeds += crowd.offers(self.lines(self.authority, "bag.closed"), m)
        deeds += self._afterwards(m)
        deeds += self.nonsense.closed(self.authority)
        await self.do(deeds, self.authority)
        await self.payers.pay(m)

    def _order_of(self, line: Line, waybill: str) -> str:
        """The order under whose waybill a document of the case went out."""
        made = (line.state or {}).get("papers", {}).get("made", [])
        return next((one["order"] for one in made if waybill and one.get("waybill") == waybill), "")

    def _afterwards(self, m: Moment) -> Iterator[Deed]:
        """Recipients who have it in hand, or not, or want to be forgotten."""
        for order, theft in self.street.thefts.items():
            city, case = self.orders.get(order, (0, ""))
            row = self.authority.disk.rows.get(StreamKey(city, case))
            if row is None or case not in self.applicants or self.world.is_there(order):
                continue
            patience = m.chance.between(timedelta(hours=2), timedelta(days=3), "denies", case)
            if b'"delivered"' in row.state and patience < m.now - theft.since:
                yield Deed(
                    house="authority",
                    person=self.applicants[case],
                    action="tracking.deny_receipt",
                    item={"city": city, "case": case},
                    key=f"deny-{case}-{theft.order}"[:100],
                )

    async def _at_post(self, m: Moment) -> None:
        deeds: list[Deed] = []
        for queue, look in crowd.AT_POST.items():
            for line in self.lines(self.post, queue):
                act = look(line, m, self.world)
                if act is not None:
                    deeds.append(deed_of("post", line, act, courier=act.person["actor"]))
        deeds += crowd.counted(self.lines(self.post, "bag.expected"), m, self._orders_of_bag)
        if crowd.local_hour(m.now) in crowd.ROUNDS:
            deeds += crowd.rounds(self.lines(self.post, "delivery.at_office"), m, self.world)
        for queue in crowd.AT_DOOR:
            for line in self.lines(self.post, queue):
                act = couriers.at_door(line, m, self.street)
                if act is not None:
                    deeds.append(deed_of("post", line, act, courier=act.person["actor"]))
        deeds += self.nonsense.closed(self.post)
        await self._approach_doors(m)
        await self._confirm_at_doors(deeds, m)
        await self.do(deeds, self.post)

    async def _meddle(self) -> None:
        """People who do not know what they do."""
        for house in self.houses.values():
            if not self.faults.happens("mischief"):
                continue
            key = self.mischief.focus(house, self.houses[house.peer], self.orders)
            if key is None or (self.plan.late and not self._with_post(house.name, key)):
                continue
            for deed in self.mischief.deeds(house, key, self.applicants, self.clock):
                await self.do([deed], house, once=True)

    def _with_post(self, house: str, key: StreamKey) -> bool:
        """Whether it is the post's, or a case whose envelope was ever there."""
        return house == "post" or "tracking" in self.look(house, key)

    async def _play_courses(self) -> None:
        """Rare courses: now and then, in bedlam at each moment; several at once where there are people for them."""
        at_once = COURSES_AT_ONCE if self.plan.people >= CROWD else 1
        for deed in () if self.calm else self.courses.go_on():
            await self.do([deed], self.houses[deed.house], once=True)
        if not self.faults.happens("course"):
            return
        streams = {house.name: list(house.disk.rows) for house in self.houses.values()}
        now = self.clock.now()
        for deed in self.courses.begin(streams, self.look, self._act, self.orders, now, at_once):
            await self.do([deed], self.houses[deed.house], once=True)

    def look(self, house: str, key: StreamKey) -> Mapping[str, Any]:
        """A stream as it stands; nothing, if there is none."""
        return self._state_of(self.houses[house], key) if key in self.houses[house].disk.rows else {}

    def _act(self, house: str, key: StreamKey, action: str, fields: Mapping[str, Any]) -> Deed:
        done_by = self.houses[house]
        action_ = done_by.house.front.actions[action]
        deed = self.mischief.deed(done_by, key, self.applicants, self.clock.now(), action_, fields)
        assert deed is not None
        return deed

    async def _approach_doors(self, m: Moment) -> None:
        """Before they ring, some couriers say that they are near."""
        lines = [line for queue in crowd.AT_DOOR for line in self.lines(self.post, queue)]
        acts = [(line, couriers.approaching(line, m)) for line in lines]
        deeds = [deed_of("post", line, act) for line, act in acts if act is not None]
        await self.do(deeds, self.post, once=True)

    async def _confirm_at_doors(self, deeds: Sequence[Deed], m: Moment) -> None:
        """Whoever really has a courier before the door, and is asked for the own session, confirms in it."""
        confirming: list[Deed] = []
        for deed in deeds:
            order = str(deed.item.get("item", ""))
            by_session = deed.action in ("delivery.claim", "delivery.claim_at_counter") and not deed.item.get(
                "code"
            )
            if by_session and order in self.orders and self.world.is_there(order):
                city, case = self.orders[order]
                item = {"city": city, "case": case}
                key = f"confirm-{case}-{deed.key}"[:100]
                person = self.applicants[case]
                confirming.append(
                    Deed(
                        house="authority",
                        person=person,
                        action="tracking.confirm_at_door",
                        item=item,
                        key=key,
                    )
                )
        await self.do(confirming, self.authority, once=True)

    def _orders_of_bag(self, bag: str) -> dict[str, str]:
        """Waybill -> order of what lies in a bag."""
        found: dict[str, str] = {}
        for order, envelope in self.world.envelopes.items():
            if envelope.place == crowd.place_of("bag", bag):
                key = StreamKey(envelope.label_of.city, order)
                if key in self.post.disk.rows:
                    found[self._state_of(self.post, key)["acceptance"]["waybill"]] = order
        return found

    # ---- doing -----------------------------------------------------------------------------------------------------

    async def do(self, deeds: Sequence[Deed], house: SimHouse, *, once: bool = False) -> None:
        """Ask for deeds; what nobody answers is asked again at the next moment, with the same key."""
        if not deeds:
            return
        front = house.house.front
        calls = [
            (
                one.action,
                session_of(one.person),
                front.read(name=one.action, body=msgspec.json.encode(one.item)),
                one.key,
            )
            for one in deeds
        ]
        for one in deeds:
            self.checker.families.asked(one)
        outcomes = await house.asked(calls)
        for place, deed in enumerate(deeds):
            outcome = outcomes[place] if outcomes is not None else None
            if outcome is None or (isinstance(outcome, Refusal) and outcome.code in ANSWERED_LATER):
                deed.tries += 1
                if deed.mischief:
                    # Nobody knows whether it was done.
                    self._taint(*_streams_of(deed))
                if not once and (deed.tries < TRIES_MAX or deed.action == "application.submit"):
                    self.unanswered.append(deed)
                if outcome is not None:
                    self.refusals[outcome.code] += 1
            elif isinstance(outcome, Refusal):
                self.refusals[outcome.code] += 1
                self.checker.families.refused(deed)
                if not (deed.mischief and outcome.code in OF_OLD_FORMS):
                    self.checker.refused(deed, outcome)
            else:
                self._done(deed, outcome)

    def _scanned_in(self, deed: Deed, *, handed_in: bool) -> None:
        """Whoever scans an envelope in has it in hand, however confused."""
        for order, (_, case) in self.orders.items():
            envelope = self.world.envelopes.get(order)
            if case == deed.item["case"] and envelope is not None and envelope.place.kind not in GONE:
                key = StreamKey(envelope.label_of.city, order)
                there = self.look("post", key).get("acceptance", {}).get("waybill")
                if there == deed.item["waybill"]:
                    self.world.open(order, Place("return_shelf"))
                    self.handed_in |= {order} if handed_in else set()

    def handed_in_by_mistake(self, case: str, make: int) -> None:
        """Confused people had it in hand, and may never have heard that this was written: then nothing else will come of it."""
        for order, envelope in self.world.envelopes.items():
            if (envelope.label_of.case, envelope.label_of.make) == (case, make) and case in self.tainted:
                self.handed_in.add(order)
                if envelope.place.kind not in GONE:
                    self.world.open(order, Place("return_shelf"))

    def _taint(self, *streams: str) -> None:
        """What was done to one thing may show at all that hangs on it: the case, its orders, what shares its bag."""
        if self.tainted.issuperset(streams):
            return
        self.tainted.update(streams)
        for order, (_, case) in self.orders.items():
            envelope = self.world.envelopes.get(order)
            bag = envelope.place.which if envelope is not None else ""
            if not self.tainted.isdisjoint((order, case, bag)):
                self.tainted |= {order, case}

    def _done(self, deed: Deed, done: Done) -> None:
        self.checker.families.done(deed, done)
        if deed.mischief:
            self._taint(done.stream)
            if deed.action == "returns.receive" and done.events:
                self._scanned_in(deed, handed_in="document.old_handed_in" in done.events)
            return
        if deed.action == "application.submit":
            self.applicants[done.stream] = deed.person
            self.city_of[done.stream] = done.city
            self.checker.families.submitted(done.stream, deed.item)
            self.families.submitted(StreamKey(done.city, done.stream), deed.person)
        if deed.action == "stop.take_out":
            self._taken_out(deed, done)
        effect = EFFECTS.get(deed.action)
        streams = list(_streams_of(deed))
        if not self.tainted.isdisjoint(streams):
            # Whatever goes into a bag that somebody confused has had in hand, and the like.
            self._taint(*streams)
        if effect is not None and DONE_BY.get(deed.action, "") in ("", *done.events):
            effect(self.world, {**deed.hint, **deed.item}, deed.state, self.clock.now())

    def _taken_out(self, deed: Deed, done: Done) -> None:
        """What goes to one door is with the courier now, but for what was refused."""
        outcomes: Sequence[ItemOutcome] = done.state.outcomes
        for one in outcomes:
            if not one.refused:
                self.world.move(one.item, Place("courier", deed.person["actor"]))

    def _hand_over(self) -> None:
        """Where the proof has come to the post, the courier at the door gives the envelope into the hands of its recipient."""
        for order, envelope in self.world.envelopes.items():
            if order in self.world.handed_over or envelope.place.kind not in (
                "courier",
                "office",
                "neighbour",
            ):
                continue
            key = StreamKey(envelope.label_of.city, order)
            there = key in self.post.disk.rows
            if there and self._state_of(self.post, key).get("delivery", {}).get("state") == "delivered":
                self.world.hand_over(order, self.clock.now())

    # ---- the end ---------------------------------------------------------------------------------------------------

    def _open(self) -> list[str]:
        """What still waits for anybody."""
        waiting = [
            f"{house.name} {queue} {key.stream}"
            for house in self.houses.values()
            for queue, rows in house.disk.queues.items()
            for key in rows
            if not queue.startswith(("range.", "stock.")) and key.stream not in self.handed_in
        ]
        unsent = [
            f"{house.name} has said {head.number} in {city}, heard are {head.acknowledged}"
            for house in self.houses.values()
            for (_, city), head in house.disk.heads.items()
            if head.number > head.acknowledged
        ]
        parked = [one.key for house in self.houses.values() for one in self.nonsense.closed(house)]
        thefts = [
            f"{theft.strategy} of {order}"
            for order, theft in self.street.thefts.items()
            if theft.found_at is None
            and order not in self.tainted
            and not self.world.is_there(order)
            and not self._came_to_nothing(theft)
        ]
        unheard = [f"payment {key}" for key in self.payments.calling_back]
        return [
            *waiting,
            *unsent,
            *unheard,
            *parked,
            *thefts,
            *(f"{one.action} {one.key}" for one in self.unanswered),
        ]

    def _came_to_nothing(self, theft: couriers.Theft) -> bool:
        """Whether it was a plan only: nobody noticed, and the document is where no thief has it."""
        envelope = self.world.envelopes.get(theft.order)
        return (
            theft.found_at is None
            and envelope is not None
            and self.world.where(envelope.label_of).kind in AT_HOME
        )

    def _over(self) -> bool:
        return not self._open()

    def _ended(self) -> Ended:
        crashes, partitions = self.faults.crashes_and_partitions()
        digest = hashlib.sha256()
        for house in self.houses.values():
            for key in sorted(house.disk.rows):
                digest.update(f"{key.city}/{key.stream}".encode() + house.disk.rows[key].head)
            for place in sorted(house.disk.heads):
                digest.update(repr(place).encode() + house.disk.heads[place].hash)
        digest.update(msgspec.json.encode(self.world.as_dict()))
        for house in self.houses.values():
            self.refusals.update(row.reason for row in house.disk.parked.values())
        events = sum(len(rows) for house in self.houses.values() for rows in house.disk.journal.values())
        return Ended(
            seed=self.plan.seed,
            lifecycles=len(self.applicants),
            days=(self.clock.now() - START) / timedelta(days=1),
            events=events,
            faults=self.faults.counts,
            bad_messages=self.faults.bad_messages(),
            crashes=crashes,
            partitions=partitions,
            refusals=self.refusals,
            edges=self.checker.edges,
            marks=self.marks,
            # What confused people have touched is not compared with the books, and so can't be missed there.
            thefts=[
                one
                for order, one in self.street.thefts.items()
                if one.found_at is not None or not (order in self.tainted or self._came_to_nothing(one))
            ],
            violations=self.checker.violations,
            fingerprint=digest.hexdigest(),
            story=told(self, self.checker.violations[0]) if self.checker.violations else [],
        )


SHARES: Final = Shares(
    defect=0.15,
    no_correction=0.15,
    refused=0.03,
    no_payment=0.02,
    withdrawn=0.03,
    spoiled=0.04,
    absent=0.2,
    never_home=0.02,
    wrong_code=0.03,
    wrong_envelope=0.03,
    lost=0.02,
    rejected=0.02,
    nonconforming=0.03,
    never_collected=0.08,
)


def _streams_of(deed: Deed) -> Iterator[str]:
    """The streams that a deed is about; those of a bag's envelopes too."""
    item = deed.item
    yield from deed.hint.get("orders", ())
    yield from (str(item[name]) for name in ("case", "item", "bag", "stock", "daybook") if name in item)
    if deed.action != "stop.take_out":
        yield from (item.get("items", {}).values())


def _later(facts: RegisterFacts, by: timedelta) -> RegisterFacts:
    """The cast's documents are those of May 2024; whoever applies months later has documents of that time."""
    documents = tuple(
        msgspec.structs.replace(one, issued_on=one.issued_on + by, expires_on=one.expires_on + by)
        for one in facts.documents
    )
    return msgspec.structs.replace(facts, documents=documents)


@lru_cache(maxsize=10_000)
def _session(actor: str, roles: tuple[str, ...], name: str, id_number: str) -> Session:
    identity = Identity(name=name, id_number=id_number) if id_number else None
    return Session(actor=actor, roles=frozenset(roles), identity=identity)


def session_of(person: Mapping[str, Any]) -> Session:
    """The session in which a person acts."""
    return _session(
        person["actor"], tuple(person["roles"]), person.get("name", ""), person.get("id_number", "")
    )


def play(plan: Plan, *, tidy: bool = True) -> Ended:
    """Play one seed, from its beginning to its end. Not `tidy`: in a process that ends soon and takes its garbage along."""
    # Looking for garbage costs a sixth of a run (measured): it is done once, after it, or not at all.
    gc.disable()
    run = Run(shaped(plan))
    try:
        with asyncio.Runner(loop_factory=still_loop) as runner:
            return runner.run(run.play())
    finally:
        vars(run).clear()
        if tidy:
            gc.collect(0)
