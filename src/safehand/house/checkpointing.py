"""Takes this house's checkpoints, sends them to its witness, and hears what the witness signed.

Cheap: one pass over the events since the last checkpoint, and a handful of statements for all cities together. Where
nothing happened but the witness's own business no checkpoint is taken, so that two quiet houses fall silent.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from safehand.house.runtime import House
from safehand.house.statements import ZONE
from safehand.house.witnessing import (
    KIND,
    STREAM_PREFIX,
    HearCheckpoint,
    HearCountersigned,
    SendCheckpoint,
    Witness,
    witness_key,
)
from safehand.kernel.checkpoints import take_checkpoints
from safehand.kernel.clock import Clock
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store import HouseStore
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.messages import Checkpoint, CheckpointCountersigned
from safehand.link.reader import Border, Heard
from safehand.link.witness import check_countersignature

EVERY = timedelta(minutes=1)
ROUNDS_MAX = 100
"""So many portions of events are covered in one go; what is left is covered a minute later."""
SENT_AT_ONCE_MAX = 1_000

ANYTHING_NEW = (
    "select exists (select from event where written_by >="
    " coalesce((select max(upto) from checkpoint), '0'::xid8) and not starts_with(stream, $1))"
)


class Checkpointing:
    """Checkpoints of one house, with one peer as the witness."""

    def __init__(
        self,
        *,
        store: HouseStore,
        shell: Shell,
        ring: KeyRing,
        clock: Clock,
        cities: Sequence[int],
        peer: str,
        daily: bool,
    ) -> None:
        """`daily`: one a day, for rehearsals that play weeks in a minute; else one a minute."""
        self._store, self._shell, self._ring, self._clock = store, shell, ring, clock
        self._daily = daily
        self._keys = {city: witness_key(city=city, peer=peer) for city in cities}
        self._peer = peer
        self._states = msgspec.json.Decoder(Witness)
        self._looked: datetime | None = None

    async def run(self) -> int:
        """The job: take what is due, and send what was not sent; returns how many were sent."""
        now = self._clock.now()
        if self._looked is not None and not self._due(self._looked, now):
            return 0
        store = self._store
        last = (await store.fetch("select at from checkpoint order by upto desc limit 1"))[:1]
        if not last or self._due(last[0][0], now):
            for _ in range(ROUNDS_MAX):
                if not (await store.fetch(ANYTHING_NEW, STREAM_PREFIX))[0][0]:
                    break
                if not await take_checkpoints(store=store, now=now):
                    break
        sent = await self._send()
        # Only now: what a lost connection cut off is due at once, not a minute (in a rehearsal: a day) later.
        self._looked = now
        return sent

    def _due(self, last: datetime, now: datetime) -> bool:
        if self._daily:
            return last.astimezone(ZONE).date() < now.astimezone(ZONE).date()
        return now - last >= EVERY

    async def _send(self) -> int:
        """Send every checkpoint that its stream does not know of yet: also those taken before a crash."""
        rows = await self._store.streams(keys=list(self._keys.values()))
        sent = {
            city: self._states.decode(row.state).sent if (row := rows.get(key)) is not None else 0
            for city, key in self._keys.items()
        }
        calls = await self._unsent(sent)
        outcomes = await self._shell.run(calls) if calls else []
        return sum(isinstance(one, Done) and bool(one.events) for one in outcomes)

    async def _unsent(self, sent: dict[int, int]) -> list[Call]:
        rows = await self._store.fetch(
            "select c.city, c.number, c.events, c.root, c.hash, c.at,"
            " coalesce((select b.hash from checkpoint b where b.city = c.city and b.number = c.number - 1), $3)"
            " from unnest($1::int[], $2::int[]) as w (city, number)"
            " join checkpoint c on c.city = w.city and c.number > w.number order by 1, 2 limit $4",
            list(sent),
            list(sent.values()),
            bytes(32),
            SENT_AT_ONCE_MAX,
        )
        return [
            Call(
                stream=self._keys[row[0]],
                kind=KIND,
                command=SendCheckpoint(
                    peer=self._peer,
                    checkpoint=Checkpoint(
                        number=row[1], events=row[2], root=row[3], previous=row[6], at=row[5]
                    ),
                    hash=row[4],
                ),
                actor="clock",
            )
            for row in rows
        ]

    async def heard(self, heard: Sequence[Heard]) -> list[Call]:
        """One call for each message of kinds 301 and 302. Countersignatures are verified and kept here."""
        ours = await self._own_hashes(heard)
        genuine = [one for one in heard if self._is_genuine(one, ours)]
        if genuine:
            await self._keep(genuine)
        return [self._call(one, any(one is other for other in genuine)) for one in heard]

    def _call(self, one: Heard, genuine: bool) -> Call:
        if isinstance(one.body, Checkpoint):
            command: HearCheckpoint | HearCountersigned = HearCheckpoint(peer=one.peer, checkpoint=one.body)
        else:
            assert isinstance(one.body, CheckpointCountersigned)
            command = HearCountersigned(
                peer=one.peer, number=one.body.number, hash=one.body.checkpoint, genuine=genuine
            )
        key = witness_key(city=one.city, peer=one.peer)
        return Call(stream=key, kind=KIND, command=command, actor=f"link:{one.peer}")

    async def _own_hashes(self, heard: Sequence[Heard]) -> dict[tuple[int, int], bytes]:
        wanted = [
            (one.city, one.body.number) for one in heard if isinstance(one.body, CheckpointCountersigned)
        ]
        if not wanted:
            return {}
        rows = await self._store.fetch(
            "select c.city, c.number, c.hash from checkpoint c"
            " join unnest($1::int[], $2::bigint[]) as w (city, number)"
            " on c.city = w.city and c.number = w.number",
            [city for city, _ in wanted],
            [min(number, 2**62) for _, number in wanted],
        )
        return {(row[0], row[1]): row[2] for row in rows}

    def _is_genuine(self, one: Heard, ours: dict[tuple[int, int], bytes]) -> bool:
        """Whether the witness signed, and signed the checkpoint that this house has."""
        if not isinstance(one.body, CheckpointCountersigned):
            return False
        if ours.get((one.city, one.body.number)) != one.body.checkpoint:
            return False
        try:
            check_countersignature(
                ring=self._ring,
                witness=one.peer,
                key_id=one.key_id,
                city=one.city,
                countersigned=one.body,
                now=self._clock.now(),
            )
        except (BadSignature, UnknownKey):
            return False
        return True

    async def _keep(self, genuine: Sequence[Heard]) -> None:
        """Keep the signatures. Before their event: a genuine signature is one, whatever becomes of its message."""
        bodies = [one.body for one in genuine if isinstance(one.body, CheckpointCountersigned)]
        await self._store.fetch(
            "insert into checkpoint_countersigned (peer, city, number, checkpoint, signature, key_id, at)"
            " select w.*, $7::timestamptz from unnest($1::text[], $2::int[], $3::int[], $4::bytea[], $5::bytea[],"
            " $6::text[]) as w on conflict do nothing",
            [one.peer for one in genuine],
            [one.city for one in genuine],
            [body.number for body in bodies],
            [body.checkpoint for body in bodies],
            [body.signature for body in bodies],
            [one.key_id for one in genuine],
            self._clock.now(),
        )


def checkpointing_of(*, house: House, cities: Sequence[int], peer: str) -> Checkpointing:
    """The checkpoints of a running house."""
    return Checkpointing(
        store=house.store,
        shell=house.shell,
        ring=house.ring,
        clock=house.clock,
        cities=cities,
        peer=peer,
        daily=house.settings.mode == "rehearsal",
    )


class WitnessBorder:
    """A house's border that also hears the peers' checkpoints and countersignatures."""

    def __init__(self, *, inner: Border, checkpointing: Checkpointing) -> None:
        self._inner = inner
        self._checkpointing = checkpointing

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str | None]:
        """What concerns checkpoints is heard here; everything else is the house's own."""
        ours = [one for one in heard if isinstance(one.body, Checkpoint | CheckpointCountersigned)]
        if not ours:
            return await self._inner.calls(heard)
        others = [one for one in heard if not isinstance(one.body, Checkpoint | CheckpointCountersigned)]
        witnessed = iter(await self._checkpointing.heard(ours))
        translated = iter(await self._inner.calls(others) if others else ())
        return [
            next(witnessed)
            if isinstance(one.body, Checkpoint | CheckpointCountersigned)
            else next(translated)
            for one in heard
        ]
