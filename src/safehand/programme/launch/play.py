"""Plays the launch, moment by moment: clocks, people, staff, couriers, link; each moment can be played again.

A moment is played in a fixed order: the clock is moved in both houses; the worklists are read; everybody acts; the
link is settled. What is decided depends on the worklists and on chance by name alone, so that after a crash the moment
is played again from its beginning, finds what was done, and does the rest.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import aiohttp
import msgspec

from safehand.programme.launch.arrivals import MIDNIGHT, Arrival
from safehand.programme.launch.chance import Chance
from safehand.programme.launch.duties import (
    AUTHORITY,
    HOUR,
    ITEMS_PER_COURIER,
    PAUSE,
    POST,
    Act,
    Duty,
    Moment,
    Shares,
    looked_at,
    pays,
)
from safehand.programme.launch.houses import (
    Batch,
    Call,
    HouseControl,
    HouseRefused,
    Line,
    Outcome,
    asked,
    sent,
)
from safehand.programme.launch.people import People, reference, staff
from safehand.programme.setting_up import SmallWorld

MOMENTS_OF_DAY = (8.0, 11.0, 14.0, 16.0, 18.0, 23.5)
"""Local hours at which the world is played: rounds and collections, and what people do between them."""
LATE_MOMENTS_OF_DAY = (8.0, 11.0, 16.0)
"""When only the last few cases are left, the world is played less often."""
CHORES_AT = frozenset({11.0, 23.5})
"""When the houses' own jobs (register entries, refunds, closing the day) are run."""
LATE_DAYS = 16
COLLECTIONS = frozenset({11.0, 16.0})
ROUNDS = frozenset({8.0, 14.0})
DAYS_MAX = 240
QUIET_DAY = len(LATE_MOMENTS_OF_DAY)
"""So many moments without an act, and the next one is where somebody will act again."""
AT_EVERY_MOMENT = ("handover.sealed", "bag.expected", "delivery.at_office")
"""Worklists that collections and rounds empty: while anything stands there no moment is passed over."""
BLANKS = 9_000
DOCUMENTS = ("passport", "hong-kong-macao-permit", "taiwan-permit")
HTTP_EVERY = 20
"""Every twentieth applicant uses the house's own HTTP door, with a session and a token of their own."""
HTTP_AT_ONCE = 32
SHORT_BAG = (310000, date(2024, 5, 9))
"""The city and day whose first bag comes one envelope short."""
SETTLE_ROUNDS_MAX = 200
FIRST_COME = frozenset({"blank", "waybill"})
"""Fields of an act that hold what goes to whoever comes first."""
TALK_SECONDS = 0.1
"""How long the link rests when there is nothing to say while people act."""
CALLS_AT_ONCE = 2_000
Say = Callable[["Progress"], None]


class Progress(msgspec.Struct, kw_only=True):
    """How far the launch has come; kept after each moment, so that an unfinished run is gone on with."""

    moment: datetime | None = None
    applied: int = 0
    acts: int = 0
    refused: dict[str, int] = {}
    http_calls: int = 0
    quiet: int = 0
    finished: bool = False
    seconds: float = 0.0


class Launch:
    """The world between two houses."""

    def __init__(
        self,
        *,
        world: SmallWorld,
        arrivals: Sequence[Arrival],
        people: People,
        chance: Chance,
        progress: Progress,
        client: aiohttp.ClientSession,
    ) -> None:
        self.authority = HouseControl(
            name="authority", url=world.url("authority"), secret=world.secret, client=client
        )
        self.post = HouseControl(name="post", url=world.url("post"), secret=world.secret, client=client)
        self.progress = progress
        self._world, self._client = world, client
        self._arrivals, self._people, self._chance = list(arrivals), people, chance
        self._shares = Shares.for_launch(applications=len(arrivals))
        self._applicants: dict[str, Mapping[str, Any]] = {}
        self._arrival_of: dict[str, Arrival] = {}
        self._orders: dict[str, tuple[int, str]] = {}
        self._stood: list[tuple[Mapping[str, list[Line]], Mapping[str, Duty]]] = []
        self._refused: Counter[str] = Counter(progress.refused)

    async def run(self, *, keep: Callable[[], None], say: Say) -> None:
        """Play from where the progress stands to the end of the last case; `keep` saves, `say` shows the progress."""
        await self.remember()
        moment = self.progress.moment
        while True:
            moment = await self._next(moment)
            if moment is None:
                break
            acts = await self._play(moment)
            self.progress.moment = moment
            self.progress.acts += acts
            self.progress.quiet = 0 if acts else self.progress.quiet + 1
            self.progress.refused = dict(self._refused)
            keep()
            say(self.progress)
        self.progress.finished = True
        keep()

    async def remember(self) -> None:
        """After a restart: the clocks, and who is behind which case and order. Submitting again changes nothing."""
        moment = self.progress.moment
        if moment is None:
            return
        for house in (self.authority, self.post):
            await house.move_clock(moment)
        before = [one for one in self._arrivals if one.at <= moment]
        await self._submit(before, by_http=False)

    async def _learn_orders(self) -> None:
        """Whose orders are with the post now: known from their labels, but after a restart asked for again."""
        lines = await self.authority.worklists(["tracking.on_the_way", "tracking.reported"])
        for line in (*lines["tracking.on_the_way"], *lines["tracking.reported"]):
            self._orders[(line.state or {})["tracking"]["order"]] = (line.city, line.stream)

    async def _next(self, moment: datetime | None) -> datetime | None:
        """The next moment: soon while people act, later when all is quiet, none when nothing is left to happen."""
        if moment is None:
            return _moment_after(MIDNIGHT)
        soon = _moment_after(moment)
        if soon <= self._arrivals[-1].at + timedelta(days=1) or self.progress.quiet < QUIET_DAY:
            return soon
        clocks = [
            one for one in await asyncio.gather(self.authority.next_clock(), self.post.next_clock()) if one
        ]
        if not clocks or moment > MIDNIGHT + timedelta(days=DAYS_MAX):
            return None
        rings = max(soon, _moment_after(min(clocks) - timedelta(minutes=1)))
        return next((one for one in _moments(soon, rings) if self._somebody_acts(one)), rings)

    def _somebody_acts(self, now: datetime) -> bool:
        """Whether anybody would act then, as the worklists stood at the last moment (nothing has happened since)."""
        m = self._moment(now)
        return not self._stood or any(
            bool(lines[queue]) if queue in AT_EVERY_MOMENT else any(duty(one, m) for one in lines[queue])
            for lines, duties in self._stood
            for queue, duty in duties.items()
        )

    def _moment(self, now: datetime) -> Moment:
        return Moment(
            now=now,
            chance=self._chance,
            shares=self._shares,
            applicants=self._applicants,
            orders=self._orders,
        )

    async def _play(self, now: datetime) -> int:
        *rang, _ = await asyncio.gather(
            self.authority.move_clock(now), self.post.move_clock(now), self._world_clock(now)
        )
        m = self._moment(now)
        self._stood = []
        acting = asyncio.ensure_future(asyncio.gather(self._at_authority(m), self._at_post(m)))
        try:
            await self._talk_while(acting)
            acts = await acting
        finally:
            acting.cancel()
        await self._settle()
        return sum(acts) + sum(rang)

    async def _at_authority(self, m: Moment) -> int:
        lines = await self.authority.worklists(
            list(AT_AUTHORITY), since_before=m.now - PAUSE, states=WITH_STATE
        )
        self._stood.append((lines, AT_AUTHORITY))
        for queue in ("handover.to_label", "handover.labelled"):
            for line in lines[queue]:
                self._orders[(line.state or {})["handover"]["order"]] = (line.city, line.stream)
        return await self._authority_acts(lines, m)

    async def _at_post(self, m: Moment) -> int:
        lines = await self.post.worklists(list(AT_POST), since_before=m.now - PAUSE, states=WITH_STATE)
        self._stood.append((lines, AT_POST))
        return sum(await asyncio.gather(self._post_acts_but_doors(lines, m), self._doors(lines, m)))

    async def _world_clock(self, now: datetime) -> None:
        """The sandbox services live in the same time."""
        await self._at_payment_service("clock", {"now": now.isoformat()})

    async def _at_payment_service(self, path: str, body: Any) -> None:
        await asked(
            client=self._client,
            url=f"{self._world.url('payment')}/v1/{path}",
            body=msgspec.json.encode(body),
            headers={"authorization": f"Bearer {self._world.token}", "content-type": "application/json"},
            who="the payment service",
        )

    # ---- the authority's people ------------------------------------------------------------------------------------

    async def _authority_acts(self, lines: Mapping[str, list[Line]], m: Moment) -> int:
        # Different people at different things: they don't wait for each other.
        acts = sum(
            await asyncio.gather(
                self._arrive(m),
                self._pay(lines["payment.awaiting"], m),
                self._act(self.authority, lines, AUTHORITY, m),
                self._bags(lines["handover.sealed"], m),
            )
        )
        if _hour(m.now) in CHORES_AT:
            # Nobody of this crowd reads text messages: what they would be told stays in the house, unsent.
            await self.authority.chores(without=["notices", "receipts", "reminders"])
        return acts

    async def _arrive(self, m: Moment) -> int:
        """Everybody who came since the last moment applies; the first of all find full stocks of blanks."""
        since = self.progress.moment
        if since is None:
            await self._fill_stocks()
        come = [one for one in self._arrivals if (since is None or one.at > since) and one.at <= m.now]
        await self._submit(come, by_http=True)
        self.progress.applied += len(come)
        return len(come)

    async def _fill_stocks(self) -> None:
        cities = sorted({one.city for one in self._arrivals})
        items: list[tuple[str, Mapping[str, Any]]] = [
            (
                f"first-blanks-{city}-{document}",
                {"city": city, "stock": f"st_{city}_{document}", "first": 1, "last": BLANKS},
            )
            for city in cities
            for document in DOCUMENTS
        ]
        batch = Batch(action="stock.receive", person=staff("production_clerk", "store"), items=items)
        played = await self.authority.play(batches=[batch])
        self._note([batch.action] * len(items), played.batches[0])

    async def _submit(self, come: Sequence[Arrival], *, by_http: bool) -> None:
        web = [one for one in come if by_http and one.number % HTTP_EVERY == 0]
        others = [one for one in come if not (by_http and one.number % HTTP_EVERY == 0)]
        calls = [
            Call(
                action="application.submit",
                key=_submit_key(one),
                person=self._people.applicant(one),
                item=self._people.application(one),
            )
            for one in others
        ]
        over_the_web = [
            (
                self._people.applicant(one),
                "application/submit",
                _submit_key(one),
                self._people.application(one),
            )
            for one in web
        ]
        outcomes, over_http = await asyncio.gather(
            self._calls(self.authority, calls), self._over_http(over_the_web)
        )
        cases = [(one, outcome.stream) for one, outcome in zip(others, outcomes, strict=True)]
        cases += [(one, answer.get("case", "")) for one, answer in zip(web, over_http, strict=True)]
        for one, case in cases:
            if case:
                self._applicants[case] = self._people.applicant(one)
                self._arrival_of[case] = one

    async def _pay(self, lines: Iterable[Line], m: Moment) -> int:
        """Those who pay now open the payment, pay at the payment service, and come back."""
        payers = [line for line in lines if pays(line, m) is not None]
        if not payers:
            return 0
        await self._by_applicants("payment.begin", payers, m)
        for first in range(0, len(payers), 500):
            keys = [f"{one.stream}/fee" for one in payers[first : first + 500]]
            await self._at_payment_service("payments:act", {"keys": keys})
        await self._by_applicants("payment.check", payers, m)
        return len(payers)

    async def _by_applicants(self, action: str, lines: Sequence[Line], m: Moment) -> None:
        """One call for each applicant; every twentieth over the house's own HTTP door."""
        web = [one for one in lines if self._uses_http(one.stream)]
        calls = [
            Call(
                action=action,
                key=_key(action, one),
                person=m.applicants[one.stream],
                item={"city": one.city, "case": one.stream},
            )
            for one in lines
            if not self._uses_http(one.stream)
        ]
        over_the_web = [
            (
                m.applicants[one.stream],
                action.replace(".", "/"),
                _key(action, one),
                {"city": one.city, "case": one.stream},
            )
            for one in web
        ]
        await asyncio.gather(self._calls(self.authority, calls), self._over_http(over_the_web))

    def _uses_http(self, case: str) -> bool:
        return self._arrival_of[case].number % HTTP_EVERY == 0

    async def _bags(self, lines: Sequence[Line], m: Moment) -> int:
        """For the collection: everything sealed of a city goes into one bag, and the bag is put out."""
        if _hour(m.now) not in COLLECTIONS:
            return 0
        by_city: dict[int, list[Line]] = {}
        for line in lines:
            by_city.setdefault(line.city, []).append(line)
        close: list[tuple[str, Mapping[str, Any]]] = []
        for city, sealed in sorted(by_city.items()):
            bag = reference("bg", city, m.now)
            items = {(one.state or {})["handover"]["waybill"]: one.stream for one in sealed[:2_000]}
            item = {"city": city, "bag": bag, "seal": _seal_of(bag), "office": f"{city}-1", "items": items}
            close.append((f"close-{bag}", item))
        clerk = staff("handover_clerk", "collection")
        closing = Batch(action="bag.close", person=clerk, items=close)
        played = await self.authority.play(batches=[closing]) if close else None
        if played is not None:
            self._note(["bag.close"] * len(close), played.batches[0])
        closed = (await self.authority.worklists(["bag.closed"], states=()))["bag.closed"]
        offer: list[tuple[str, Mapping[str, Any]]] = [
            (f"offer-{one.stream}", {"city": one.city, "bag": one.stream, "seal": _seal_of(one.stream)})
            for one in closed
        ]
        if offer:
            played = await self.authority.play(batches=[Batch(action="bag.offer", person=clerk, items=offer)])
            self._note(["bag.offer"] * len(offer), played.batches[0])
        return len(close) + len(offer)

    # ---- the post's people -----------------------------------------------------------------------------------------

    async def _post_acts_but_doors(self, lines: Mapping[str, list[Line]], m: Moment) -> int:
        inside = {queue: duty for queue, duty in POST.items() if queue not in _DOORS}
        rounds = lines["delivery.at_office"] if _hour(m.now) in ROUNDS else []
        acts = sum(
            await asyncio.gather(
                self._act(self.post, lines, inside, m),
                self._count_bags(lines["bag.expected"], m),
                self._take_out(rounds, m),
            )
        )
        if _hour(m.now) in CHORES_AT:
            await self.post.chores()
        return acts

    async def _count_bags(self, lines: Sequence[Line], m: Moment) -> int:
        """The acceptance clerk counts each bag; one bag of the launch is one envelope short."""
        items: list[tuple[str, Mapping[str, Any]]] = []
        for line in lines:
            waybills = list((line.state or {})["waybills"])
            local = line.since + timedelta(hours=8)
            if (line.city, local.date()) == SHORT_BAG and local.hour == 11 and len(waybills) > 1:
                waybills = waybills[:-1]
            item = {
                "city": line.city,
                "bag": line.stream,
                "seal_seen": (line.state or {})["seal"],
                "waybills": waybills,
                "office": f"{line.city}-A",
            }
            items.append((_key("bag.count", line), item))
        if items:
            clerk = staff("acceptance_clerk", "counting")
            played = await self.post.play(batches=[Batch(action="bag.count", person=clerk, items=items)])
            self._note(["bag.count"] * len(items), played.batches[0])
        return len(items)

    async def _take_out(self, lines: Sequence[Line], m: Moment) -> int:
        """Couriers take their rounds: what failed yesterday goes out again with the rest."""
        by_office: dict[str, list[Line]] = {}
        for line in lines:
            again = (line.state or {})["delivery"].get("attempts", 0) > 0
            if line.since + (10 * HOUR if again else PAUSE) <= m.now:
                by_office.setdefault((line.state or {})["order"]["delivery_office"], []).append(line)
        batches: list[Batch] = []
        for office, waiting in sorted(by_office.items()):
            waiting.sort(key=lambda one: one.stream)
            for number in range(0, len(waiting), ITEMS_PER_COURIER):
                courier = staff("courier", office, number // ITEMS_PER_COURIER, m.now.date())
                batches.append(self._round(waiting[number : number + ITEMS_PER_COURIER], office, courier, m))
        return await self._batches(self.post, batches)

    def _round(self, lines: Sequence[Line], office: str, courier: Mapping[str, Any], m: Moment) -> Batch:
        items: list[tuple[str, Mapping[str, Any]]] = [
            (
                _key("delivery.take_out", line),
                {
                    "city": line.city,
                    "item": line.stream,
                    "waybill": (line.state or {})["acceptance"]["waybill"],
                    "office": office,
                    "scan_id": reference("sc", line.stream, "out", line.since),
                    "occurred_at": m.now,
                },
            )
            for line in lines
        ]
        return Batch(action="delivery.take_out", person=courier, items=items)

    async def _doors(self, lines: Mapping[str, list[Line]], m: Moment) -> int:
        """At the door the recipient's own word comes first, then the courier's claim."""
        doors = [
            (line, act)
            for queue in _DOORS
            for line in lines[queue]
            if (act := POST[queue](line, m)) is not None
        ]
        if any(line.stream not in m.orders for line, _ in doors):
            await self._learn_orders()
        present = [
            line
            for line, act in doors
            if act.action in _CLAIMS and not act.item.get("code") and line.stream in m.orders
        ]
        confirmed = [
            Line(
                city=m.orders[line.stream][0],
                stream=m.orders[line.stream][1],
                since=line.since,
                due_at=None,
                owner=None,
                narrowed="",
                state=None,
            )
            for line in present
        ]
        if confirmed:
            await self._by_applicants("tracking.confirm_at_door", confirmed, m)
        return await self._batches(self.post, _batched(doors))

    # ---- what all share --------------------------------------------------------------------------------------------

    async def _act(
        self, house: HouseControl, lines: Mapping[str, list[Line]], duties: Mapping[str, Duty], m: Moment
    ) -> int:
        acts = [
            (line, act)
            for queue, duty in duties.items()
            for line in lines[queue]
            if (act := duty(line, m)) is not None
        ]
        applicants = [(line, act) for line, act in acts if "applicant" in act.person["roles"]]
        calls = [
            Call(action=act.action, key=_key(act.action, line), person=act.person, item=act.item)
            for line, act in applicants
        ]
        await self._calls(house, calls)
        batches = _batched([(line, act) for line, act in acts if "applicant" not in act.person["roles"]])
        return len(calls) + await self._batches(house, batches)

    async def _calls(self, house: HouseControl, calls: Sequence[Call]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for first in range(0, len(calls), CALLS_AT_ONCE):
            part = calls[first : first + CALLS_AT_ONCE]
            played = await house.play(calls=part)
            self._note([one.action for one in part], played.calls)
            outcomes += played.calls
        return outcomes

    async def _batches(self, house: HouseControl, batches: Sequence[Batch]) -> int:
        if not batches:
            return 0
        played = await house.play(batches=batches)
        for batch, outcomes in zip(batches, played.batches, strict=True):
            self._note([batch.action] * len(batch.items), outcomes)
        return sum(len(batch.items) for batch in batches)

    def _note(self, actions: Sequence[str], outcomes: Sequence[Outcome]) -> None:
        for action, outcome in zip(actions, outcomes, strict=True):
            if outcome.refused:
                self._refused[f"{action}: {outcome.refused}"] += 1

    async def _over_http(
        self, asked: Sequence[tuple[Mapping[str, Any], str, str, Mapping[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Requests of single people over the authority's public door, a few at a time."""
        if not asked:
            return []
        tokens = await self.authority.sessions([person for person, _, _, _ in asked])
        few = asyncio.Semaphore(HTTP_AT_ONCE)

        async def one(token: str, path: str, key: str, item: Mapping[str, Any]) -> dict[str, Any]:
            async with few:
                status, content = await sent(
                    client=self._client,
                    url=f"{self.authority.url}/v1/{path}",
                    body=msgspec.json.encode(item),
                    headers={
                        "authorization": f"Bearer {token}",
                        "idempotency-key": key,
                        "content-type": "application/json",
                    },
                    who="authority",
                )
            self.progress.http_calls += 1
            body = msgspec.json.decode(content)
            if status != 200:
                self._refused[f"{path.replace('/', '.')}: {body.get('code', status)}"] += 1
            return body

        return await asyncio.gather(
            *(one(token, path, key, item) for token, (_, path, key, item) in zip(tokens, asked, strict=True))
        )

    async def _talk_while(self, acting: "asyncio.Future[Any]") -> None:
        """The link never waits for people: messages go while they act. Nobody acts on what is younger than PAUSE."""
        while not acting.done():
            moved = await self._talk()
            if not any(moved):
                await asyncio.wait({acting}, timeout=TALK_SECONDS)

    async def _settle(self) -> None:
        """Let the houses talk until neither has anything left to say."""
        for _ in range(SETTLE_ROUNDS_MAX):
            if not any(await self._talk()):
                return
        raise HouseRefused("the houses do not stop talking")

    async def _talk(self) -> tuple[int, int]:
        return await asyncio.gather(self.authority.settle(), self.post.settle())


AT_AUTHORITY: Mapping[str, Duty] = {**AUTHORITY, "payment.awaiting": pays, "handover.sealed": looked_at}
AT_POST: Mapping[str, Duty] = {**POST, "bag.expected": looked_at, "delivery.at_office": looked_at}
"""All worklists that a moment reads, also those that need more than one line to be acted on."""
WITH_STATE = tuple(
    queue for queue in (*AT_AUTHORITY, *AT_POST) if queue not in ("payment.awaiting", "examination.reviewing")
)
"""Where a duty looks at the stream's state; the longest worklists are read without."""
_DOORS = ("delivery.with_courier", "delivery.held")
_CLAIMS = frozenset({"delivery.claim", "delivery.claim_at_counter"})


def _batched(acts: Sequence[tuple[Line, Act]]) -> list[Batch]:
    """One batch for each person and action, in the order of first appearance."""
    found: dict[tuple[str, str], Batch] = {}
    for line, act in acts:
        key = (act.person["actor"], act.action)
        batch = found.setdefault(key, Batch(action=act.action, person=act.person, items=[]))
        batch.items.append((_key(act.action, line, act.item), act.item))
    return list(found.values())


def _key(action: str, line: Line, item: Mapping[str, Any] | None = None) -> str:
    """The idempotency key of an act: another act on the same line (the right envelope after the wrong one) differs.

    Order references are derived from keys, and everything at the door from order references. Blanks and waybills go to
    whoever comes first, which differs from run to run: they are no part of a key, so the same seed gives the same launch.
    """
    if item is None:
        return f"{action}-{line.stream}-{line.since.timestamp():.0f}"
    what = {name: value for name, value in item.items() if name not in FIRST_COME}
    again = ((line.state or {}).get("handover") or {}).get("wrong_envelopes", 0)
    digest = hashlib.blake2b(msgspec.json.encode([what, again]), digest_size=6).hexdigest()
    return f"{action}-{line.stream}-{line.since.timestamp():.0f}{digest}"


def _submit_key(one: Arrival) -> str:
    return f"submit-{one.city}-{one.number}"


def _seal_of(bag: str) -> str:
    return bag.upper().replace("_", "-")


def _hour(moment: datetime) -> float:
    local = moment + timedelta(hours=8)
    return local.hour + local.minute / 60


def _moments(first: datetime, last: datetime) -> Iterable[datetime]:
    """The moments of the day's list from `first`, itself one of them, up to but without `last`."""
    while first < last:
        yield first
        first = _moment_after(first)


def _moment_after(moment: datetime) -> datetime:
    """The next moment of the day's list, strictly later."""
    days = int((moment - MIDNIGHT) / timedelta(days=1))
    for day in (days, days + 1):
        for hour in MOMENTS_OF_DAY if day < LATE_DAYS else LATE_MOMENTS_OF_DAY:
            found = MIDNIGHT + timedelta(days=day, hours=hour)
            if found > moment:
                return found
    raise AssertionError("every day has moments")
