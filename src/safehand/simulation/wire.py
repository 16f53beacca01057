"""The network between the houses, and whoever sits on it: loses, doubles, delays, damages, replays and forges requests."""

import asyncio
import random
from collections import deque
from collections.abc import Mapping
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safehand.link.codes import Code
from safehand.link.envelope import Posted, Run, chain, seal_run, signing_input
from safehand.link.http_signing import Answer, Request, sign_request
from safehand.link.keys import KeyRing
from safehand.link.pump import PUSH_PATH, RunAnswers, Runs, WireBroken
from safehand.simulation.faults import Faults
from safehand.simulation.house import SimHouse, WorldClock

CAPTURED_MAX: Final = 60
ATTACKS: Final = 2
"""So often in a moment an attacker has the chance to do each thing."""
LATE_MAX: Final = timedelta(days=3)
ATTACKER: Final = bytes(range(32))
Sent = tuple[int, dict[str, str], bytes]


class Late(NamedTuple):
    """A request that is still on its way."""

    at: datetime
    receiver: str
    request: Request
    messages: int


class Network:
    """Carries the requests of both houses."""

    def __init__(self, *, faults: Faults, clock: WorldClock) -> None:
        self.faults, self.clock = faults, clock
        self.houses: dict[str, SimHouse] = {}
        self.cut_until: datetime | None = None
        self.late: list[Late] = []
        self.captured: deque[tuple[str, Request, int]] = deque(maxlen=CAPTURED_MAX)
        self.wrongly_taken: list[str] = []
        self.requests = 0

    @property
    def cut(self) -> bool:
        """Whether the houses can't reach each other now."""
        return self.cut_until is not None and self.clock.now() < self.cut_until

    async def carry(self, request: Request) -> Sent:
        """One request from a house, with whatever happens to it on the way. Raises `WireBroken`."""
        faults = self.faults
        receiver = str(urlsplit(request.url).hostname).partition(".")[0]
        messages = _count(request.body)
        self.requests += 1
        self.captured.append((receiver, _copied(request), messages))
        if not self.cut and faults.happens("partition"):
            # Most are over before the next moment; some last for days.
            length = timedelta(minutes=1) + timedelta(hours=72) * faults.chance.random() ** 8
            self.cut_until = self.clock.now() + length
        if self.cut or faults.happens("request_lost", weight=messages):
            raise WireBroken("ConnectTimeout")
        if faults.happens("request_delayed", weight=messages):
            at = self.clock.now() + LATE_MAX * faults.chance.random() ** 4
            self.late.append(Late(at, receiver, _copied(request), messages))
            raise WireBroken("ReadTimeout")
        sent = _copied(request)
        if faults.happens("request_corrupted", weight=messages):
            _corrupt(sent, faults.chance)
        twice = faults.happens("request_duplicated", weight=messages)
        second = self._delivering(receiver, _copied(sent)) if twice else None
        answer = await self._answered(self._delivering(receiver, sent))
        if second is not None:
            await asyncio.wait({second})
        if answer is None or faults.happens("answer_lost", weight=messages):
            raise WireBroken("ReadTimeout")
        return self._back(answer, messages)

    def _back(self, answer: Answer, messages: int) -> Sent:
        content = answer.body
        if self.faults.happens("answer_corrupted", weight=messages):
            content = _flipped(content, self.faults.chance)
        elif self.faults.happens("answer_cut_off", weight=messages):
            content = content[: len(content) // 2]
        return answer.status_code, dict(answer.headers), content

    def _delivering(self, receiver: str, request: Request) -> "asyncio.Task[Answer]":
        """The receiver works in a life of its own: the sender's end does not end it."""
        house = self.houses[receiver]
        return house.life.spawn(house.door.push(request=request))

    async def _answered(self, task: "asyncio.Task[Answer]") -> Answer | None:
        await asyncio.wait({task})
        if task.cancelled() or task.exception() is not None:
            failure = None if task.cancelled() else task.exception()
            if isinstance(failure, Exception):
                raise failure
            return None
        return task.result()

    async def deliver_late(self, *, all_of_them: bool = False) -> None:
        """What was on its way long enough arrives, long after its sender gave it up."""
        now = self.clock.now()
        due = [one for one in self.late if one.at <= now or all_of_them]
        self.late = [one for one in self.late if not (one.at <= now or all_of_them)]
        for one in due:
            await self._answered(self._delivering(one.receiver, _copied(one.request)))

    async def attack(self) -> None:
        """What an attacker does on the wire at this moment."""
        faults, chance = self.faults, self.faults.chance
        if not self.captured:
            return
        for kind in ("replayed_soon", "replayed_late") * ATTACKS:
            place = -1 if kind == "replayed_soon" else chance.randrange(len(self.captured))
            receiver, request, messages = self.captured[place]
            if faults.happens(kind, weight=messages):
                await self._answered(self._delivering(receiver, _copied(request)))
        for kind, forge in list(FORGERIES.items()) * ATTACKS:
            receiver, request, messages = self.captured[chance.randrange(len(self.captured))]
            if faults.happens(kind, weight=messages):
                await self._forged(kind, receiver, forge(self, receiver, request))

    async def _forged(self, kind: str, receiver: str, forged: tuple[str, Request] | None) -> None:
        if forged is None:
            return
        to, request = forged
        answer = await self._answered(self._delivering(to, request))
        if answer is not None and answer.status_code == 200:
            codes = [one.code for one in msgspec.json.decode(answer.body, type=RunAnswers).answers]
            if Code.TAKEN in codes:
                self.wrongly_taken.append(f"{kind} to {to} was taken")


class SimWire:
    """The wire of one house."""

    def __init__(self, *, network: Network) -> None:
        self._network = network

    async def send(self, request: Request) -> Sent:
        """See `pump.Wire`."""
        return await self._network.carry(request)

    async def close(self) -> None:
        """Nothing is open."""


def _copied(request: Request) -> Request:
    return Request(request.method, request.url, dict(request.headers), request.body)


def _count(body: bytes) -> int:
    return max(1, body.count(b'"number":'))


def _flipped(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return content
    place = chance.randrange(len(content))
    return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]


def _corrupt(request: Request, chance: random.Random) -> None:
    """One bit anywhere: in the body, or in a header."""
    if chance.random() < 0.8:
        request.body = _flipped(request.body, chance)
        return
    name = sorted(request.headers)[chance.randrange(len(request.headers))]
    value = _flipped(request.headers[name].encode("latin-1"), chance).decode("latin-1")
    request.headers[name] = value


# ---- forgeries ---------------------------------------------------------------------------------------------------


def _runs(request: Request) -> list[Run]:
    return msgspec.json.decode(request.body, type=Runs).runs


def _attackers_ring(name: str, key_id: str) -> KeyRing:
    return KeyRing(name=name, key_id=key_id, signing=ATTACKER, sealing=ATTACKER)


def _signed_by_attacker(
    request: Request, runs: list[Run], sender: str, key_id: str, now: datetime
) -> Request:
    forged = Request("POST", request.url, {}, msgspec.json.encode(Runs(runs=runs)))
    sign_request(ring=_attackers_ring(sender, key_id), request=forged, now=now)
    return forged


def _resigned(run: Run) -> Run:
    key = Ed25519PrivateKey.from_private_bytes(ATTACKER)
    return msgspec.structs.replace(run, signature=key.sign(signing_input(run)))


def _forged_signature(network: Network, receiver: str, request: Request) -> tuple[str, Request]:
    """The attacker signs as the sender, under the sender's key id, with a key of their own."""
    runs = [_resigned(run) for run in _runs(request)]
    run = runs[0]
    return receiver, _signed_by_attacker(request, runs, run.sender, run.key_id, network.clock.now())


def _forged_key(network: Network, receiver: str, request: Request) -> tuple[str, Request]:
    """A key id that nobody has."""
    runs = [_resigned(msgspec.structs.replace(run, key_id="stolen-9")) for run in _runs(request)]
    return receiver, _signed_by_attacker(request, runs, runs[0].sender, "stolen-9", network.clock.now())


def _forged_receiver(network: Network, receiver: str, request: Request) -> tuple[str, Request]:
    """A genuine sender's run that was meant for somebody else: here as if a third house had leaked it."""
    ring = network.houses[network.houses[receiver].peer].ring
    runs = [_sealed_anew(run, list(run.messages), ring, receiver="somebody-else") for run in _runs(request)]
    return receiver, _through_the_sender(network, receiver, request, runs)


def _sealed_anew(run: Run, messages: list[Posted], ring: KeyRing, *, receiver: str) -> Run:
    """The run with these messages, its chain made anew and signed by the ring."""
    hashes = chain(
        previous=run.previous, sender=run.sender, receiver=receiver, city=run.city, messages=messages
    )
    sealed = seal_run(
        ring=ring, receiver=receiver, city=run.city, previous=run.previous, head=hashes[-1], messages=messages
    )
    return msgspec.structs.replace(sealed, sender=run.sender)


def _resealed(network: Network, receiver: str, request: Request) -> tuple[str, Request]:
    """Other messages with a chain that fits, signed by the attacker: only the signature is wrong."""
    run = _runs(request)[0]
    sender = network.houses[network.houses[receiver].peer]
    first = msgspec.structs.replace(run.messages[0], subject="or_forged")
    ring = _attackers_ring(run.sender, sender.ring.key_id)
    forged = _sealed_anew(run, [first, *run.messages[1:]], ring, receiver=receiver)
    return receiver, _through_the_sender(network, receiver, request, [forged])


def _revoked(network: Network, receiver: str, request: Request) -> tuple[str, Request] | None:
    """The attacker has a key that the sender revoked; what the receiver has not been told yet, nobody can hold against it."""
    here = network.houses[receiver]
    now, known = here.clock.now(), here.ring.peers[here.peer].keys
    revoked = [key.key_id for key in known if key.revoked_at is not None and key.revoked_at <= now]
    if not revoked:
        return None
    sender, run = network.houses[here.peer], _runs(request)[0]
    generation = int(revoked[-1].rpartition("-")[2])
    ring = KeyRing(
        name=run.sender,
        key_id=revoked[-1],
        signing=sender.keys.signing(generation),
        sealing=ATTACKER,
    )
    first = msgspec.structs.replace(run.messages[0], subject="or_forged")
    forged = _sealed_anew(run, [first, *run.messages[1:]], ring, receiver=receiver)
    stolen = Request("POST", request.url, {}, msgspec.json.encode(Runs(runs=[forged])))
    sign_request(ring=ring, request=stolen, now=now)
    return receiver, stolen


def _reflected(network: Network, receiver: str, request: Request) -> tuple[str, Request]:
    """Back to its own sender, as it is."""
    sender = network.houses[receiver].peer
    reflected = copy(_copied(request))
    reflected.url = request.url.replace(receiver, sender)
    return sender, reflected


def _altered(network: Network, receiver: str, request: Request) -> tuple[str, Request]:
    """One message says something else; whoever stole the sender's TLS key could bring it in genuine HTTP."""
    run = _runs(request)[0]
    first = msgspec.structs.replace(run.messages[0], body=run.messages[0].body.replace("true", "false") + " ")
    altered = msgspec.structs.replace(run, messages=[first, *run.messages[1:]])
    return receiver, _through_the_sender(network, receiver, request, [altered])


def _left_out(network: Network, receiver: str, request: Request) -> tuple[str, Request] | None:
    runs = [run for run in _runs(request) if len(run.messages) > 1]
    if not runs:
        return None
    kept = runs[0].messages[:-2] + runs[0].messages[-1:]
    run = msgspec.structs.replace(runs[0], messages=kept)
    return receiver, _through_the_sender(network, receiver, request, [run])


def _swapped(network: Network, receiver: str, request: Request) -> tuple[str, Request] | None:
    runs = [run for run in _runs(request) if len(run.messages) > 1]
    if not runs:
        return None
    first, second, *rest = runs[0].messages
    if msgspec.structs.replace(first, number=second.number) == second:
        return None  # told twice in the same words: swapped they are the same run
    swapped = [
        msgspec.structs.replace(second, number=first.number),
        msgspec.structs.replace(first, number=second.number),
        *rest,
    ]
    run = msgspec.structs.replace(runs[0], messages=swapped)
    return receiver, _through_the_sender(network, receiver, request, [run])


def _through_the_sender(network: Network, receiver: str, request: Request, runs: list[Run]) -> Request:
    """As if the attacker had broken into the sender's outgoing connection: the HTTP signature is genuine."""
    sender = network.houses[network.houses[receiver].peer]
    forged = Request(
        "POST", f"http://{receiver}.simulated{PUSH_PATH}", {}, msgspec.json.encode(Runs(runs=runs))
    )
    sign_request(ring=sender.ring, request=forged, now=network.houses[receiver].clock.now())
    return forged


FORGERIES: Final[Mapping[str, Any]] = {
    "forged_signature": _forged_signature,
    "forged_key": _forged_key,
    "forged_receiver": _forged_receiver,
    "reflected": _reflected,
    "altered_message": _altered,
    "message_left_out": _left_out,
    "messages_swapped": _swapped,
    "resealed": _resealed,
    "revoked_key_used": _revoked,
}
