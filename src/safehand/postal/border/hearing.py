"""What an authority says, as commands to items and bags. The sealed part of an order is sealed anew for this house."""

from collections.abc import Mapping, Sequence

import msgspec

from safehand.house.erasure import HearErasure
from safehand.house.persons import data_keys
from safehand.house.runtime import House
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.shell import Call
from safehand.kernel.vault import seal, seal_all
from safehand.link import messages as m
from safehand.link.keys import BadSignature
from safehand.link.log import RECEIVER_RECORD
from safehand.link.proof import check_proof
from safehand.link.reader import Heard
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance.bags import commands as to_count
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.stops import commands as to_stop
from safehand.postal.inquiry import commands as to_find_out
from safehand.postal.receiver import commands as to_name
from safehand.postal.undeliverable import commands as to_return

RECIPIENT_RECORD = "recipient"
NOT_FOR_US = "border.not_for_this_house"
PART_MISSING = "border.recipient_missing"
PART_MALFORMED = "border.recipient_malformed"
_ABOUT_RECEIVERS = (m.ReceiverNamed, m.ReceiverReleased)


class PostalBorder:
    """See `link.reader.Border`."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._parts = msgspec.json.Decoder(m.DeliveryPart)
        self._receivers = msgspec.json.Decoder(m.ReceiverPart)

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str | None]:
        """One call per message: an item's stream has the order's name, a bag's the bag's."""
        about = {
            StreamKey(one.city, one.body.order) for one in heard if isinstance(one.body, _ABOUT_RECEIVERS)
        }
        keys = await data_keys(house=self._house, keys=sorted(about))
        calls: list[Call | str | None] = []
        for one in heard:
            call = self._call(one, keys)
            if isinstance(call, Call) and call.stream in about and call.vault_keys:
                # The order came just before it, in the same batch, and its key is in no table yet.
                [wrapped] = call.vault_keys
                keys.setdefault(call.stream, self._house.vault.unwrap(wrapped))
            calls.append(call)
        return calls

    def _call(self, one: Heard, keys: Mapping[StreamKey, bytes]) -> Call | str | None:
        if isinstance(one.body, m.OrderPlaced):
            return self._order(one, one.body)
        if isinstance(one.body, _ABOUT_RECEIVERS):
            return self._receiver(one, one.body, keys)
        if isinstance(one.body, m.OrdersGrouped):
            return self._stop(one, one.body)
        command = self._command(one)
        if command is None:
            return NOT_FOR_US
        order = getattr(one.body, "order", None)
        return Call(
            stream=StreamKey(one.city, order if order is not None else one.subject),
            kind="item" if order is not None else "bag",
            command=command,
            actor=f"authority:{one.peer}",
            token=self._token(one),
        )

    def _stop(self, one: Heard, body: m.OrdersGrouped) -> Call:
        """Items that go to one door, whether they are here yet or not."""
        orders = tuple(dict.fromkeys(body.orders))
        return Call(
            stream=StreamKey(one.city, body.group),
            kind="stop",
            command=to_stop.NameStop(peer=one.peer, orders=orders),
            actor=f"authority:{one.peer}",
            token=self._token(one),
        )

    def _order(self, one: Heard, body: m.OrderPlaced) -> Call | str:
        """A new order: its person goes into this house's vault under a key of its own."""
        if one.part is None:
            return PART_MISSING
        try:
            part = self._parts.decode(one.part)
        except msgspec.MsgspecError:
            return PART_MALFORMED
        wrapped, records = seal_all(
            keys=self._house.vault, city=one.city, subject=body.order, records={RECIPIENT_RECORD: one.part}
        )
        fields: Mapping[str, object] = msgspec.structs.asdict(body)
        county = part.region if part.region % 100 else 0
        return Call(
            stream=StreamKey(one.city, body.order),
            kind="item",
            command=to_accept.ReceiveOrder(**fields, peer=one.peer, county=str(county) if county else ""),  # type: ignore[arg-type]
            actor=f"authority:{one.peer}",
            token=self._token(one),
            vault=records,
            vault_keys=(wrapped,),
        )

    def _receiver(
        self, one: Heard, body: m.ReceiverNamed | m.ReceiverReleased, keys: Mapping[StreamKey, bytes]
    ) -> Call | str | None:
        """Who else may receive it goes into the vault, under the item's own key; on release that is made empty."""
        stream, plain = StreamKey(one.city, body.order), b""
        command: Command = to_name.ReleaseReceiver(number=body.number, at=body.at)
        if isinstance(body, m.ReceiverNamed):
            if one.part is None:
                return None  # released, or erased, before it could be sent: another message says so
            try:
                plain = msgspec.json.encode(self._receivers.decode(one.part))
            except msgspec.MsgspecError:
                return PART_MALFORMED
            command = to_name.NameReceiver(number=body.number, at=body.at)
        # Without a key the order is unknown, or its person erased: the item's own rules say what that means.
        key = keys.get(stream)
        record = (
            (seal(key=key, city=one.city, subject=body.order, name=RECEIVER_RECORD, plain=plain),)
            if key is not None
            else ()
        )
        return Call(
            stream=stream,
            kind="item",
            command=command,
            actor=f"authority:{one.peer}",
            token=self._token(one),
            vault=record,
        )

    def _token(self, one: Heard) -> bytes:
        return self._house.ids.token(basis=f"link:{one.peer}:{one.city}:{one.subject}:{one.kind}")

    def _command(self, one: Heard) -> Command | None:
        match one.body:
            case m.OrderCancelled():
                return to_accept.Cancel()
            case m.HandoverOffered() as body:
                return to_count.Expect(
                    peer=one.peer,
                    seal=body.seal,
                    office=body.office,
                    waybills=tuple(body.waybills),
                    offered_at=body.offered_at,
                )
            case m.ProofSealed() as body:
                return to_deliver.RecordProof(
                    waybill=body.waybill,
                    method=body.method,
                    evidence=body.evidence,
                    claimed_at=body.claimed_at,
                    sealed_at=body.sealed_at,
                    proof_verified=self._is_genuine(one, body),
                )
            case m.ProofRefused() as body:
                return to_deliver.RecordProofRefusal(
                    waybill=body.waybill, reason=body.reason, attempts_left=body.attempts_left, at=body.at
                )
            case m.DeliveryWished() as body:
                return to_deliver.HearWish(
                    waybill=body.waybill, number=body.number, wish=body.wish, day=body.day
                )
            case m.RecallRequested() as body:
                return to_return.Recall(waybill=body.waybill, reason=body.reason)
            case m.ReturnReceived() as body:
                return to_return.RecordReturnReceived(waybill=body.waybill)
            case m.PersonErased():
                return HearErasure()
            case m.InquiryAsked() | m.InquiryEnded() as body:
                heard = (
                    to_find_out.HearInquiry
                    if isinstance(body, m.InquiryAsked)
                    else to_find_out.HearInquiryEnded
                )
                return heard(waybill=body.waybill, number=body.number)
            case _:
                return None

    def _is_genuine(self, one: Heard, proof: m.ProofSealed) -> bool:
        """Only the authority's own signature over exactly these fields writes *delivered*."""
        try:
            check_proof(ring=self._house.ring, peer=one.peer, proof=proof)
        except BadSignature:
            return False
        return True
