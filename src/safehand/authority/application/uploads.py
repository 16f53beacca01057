"""What was uploaded goes with the application: the pictures of a draft are sealed again under the key of the case.

A request names pictures by their SHA-256 alone. Where uploads are `required` each must be in the sender's draft and fit for
use; in a rehearsal that plays thousands of applications pictures may be declared only, and those that are there still go.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Draft, Drafts, Held, correction_of
from safehand.authority.application.persons import person_records
from safehand.authority.application.refusals import PICTURES_NOT_UPLOADED, PICTURES_UNFIT
from safehand.house.front import Action, Asked
from safehand.house.runtime import House
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, seal

UPLOADED: tuple[Part, ...] = ("photo", "signature", "id_card_front", "id_card_back")
CORRECT = "application.correct"
VERDICT = "verdict."
"""Before a part's name: the record of what the rules said of that picture when it was uploaded (`drafts.Picture`)."""
KEYS = (
    "select k.city, k.subject, k.wrapped from keys.case_key k"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on k.city = w.city and k.subject = w.subject"
)


def form_digest(draft: Draft) -> str:
    """What a corrected form is named by: SHA-256 of its answers, in hexadecimal."""
    told = (draft.phone, draft.email, draft.address, draft.language)
    return hashlib.sha256("\x1f".join(told).encode()).hexdigest()


class Uploads:
    """Takes the pictures of drafts along."""

    def __init__(self, *, house: House, drafts: Drafts, required: bool) -> None:
        self._house, self._drafts, self._required = house, drafts, required

    async def of_applications(self, asked: Sequence[Asked]) -> list[dict[str, bytes] | Refusal]:
        """For each new application the records to seal with it, or why it can't be sent."""
        owners = [one.session.actor for one in asked]
        named: list[Mapping[Part, str]] = [
            {part: getattr(one.item, part) for part in UPLOADED} for one in asked
        ]
        return await self._taken(owners, named)

    async def of_corrections(self, asked: Sequence[Asked]) -> list[tuple[VaultRow, ...] | Refusal]:
        """For each correction the sealed records that take the place of the old ones, or why it can't be sent."""
        owners = [correction_of(actor=one.session.actor, case=one.item.case) for one in asked]
        named: list[Mapping[Part, str]] = [
            {part: one.item.parts[part] for part in UPLOADED if one.item.parts.get(part)} for one in asked
        ]
        helds = await self._drafts.read_all(owners=owners)
        taken = [
            pictures if isinstance(pictures, Refusal) else self._with_form(one, helds.get(owner), pictures)
            for one, owner, pictures in zip(asked, owners, await self._taken(owners, named), strict=True)
        ]
        keys = await self._keys([(one.item.city, one.item.case) for one in asked])
        return [
            records if isinstance(records, Refusal) else self._sealed(one, records, keys)
            for one, records in zip(asked, taken, strict=True)
        ]

    async def sent(self, owners: Sequence[str]) -> None:
        """They have arrived in their cases; the drafts are done with."""
        if owners:
            await self._drafts.forget(owners=owners)

    def forgetting(self, actions: Sequence[Action]) -> list[Action]:
        """The same actions; that which corrects lets go of the draft in which the correction was collected."""
        return [self._forgetting(action) if action.name == CORRECT else action for action in actions]

    def _forgetting(self, action: Action) -> Action:
        async def run(asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
            outcomes = await action.run(asked)
            ended = zip(asked, outcomes, strict=True)
            await self.sent(
                [
                    correction_of(actor=one.session.actor, case=one.item.case)
                    for one, end in ended
                    if isinstance(end, Done)
                ]
            )
            return outcomes

        return msgspec.structs.replace(action, run=run)

    async def _taken(
        self, owners: Sequence[str], named: Sequence[Mapping[Part, str]]
    ) -> list[dict[str, bytes] | Refusal]:
        helds = await self._drafts.read_all(owners=owners)
        pictures = await self._drafts.pictures_of(helds=helds, names=UPLOADED) if helds else {}
        return [
            self._of_one(helds.get(owner), pictures.get(owner, {}), parts)
            for owner, parts in zip(owners, named, strict=True)
        ]

    def _of_one(
        self, held: Held | None, pictures: Mapping[str, bytes], parts: Mapping[Part, str]
    ) -> dict[str, bytes] | Refusal:
        judged = held.draft.pictures if held is not None else {}
        there: list[Part] = [
            part
            for part, digest in parts.items()
            if part in judged and judged[part].digest == digest and part in pictures
        ]
        if self._required and len(there) < len(parts):
            return PICTURES_NOT_UPLOADED(parts=",".join(sorted(set(parts) - set(there))))
        if unfit := [part for part in there if judged[part].verdict == "fails"]:
            return PICTURES_UNFIT(parts=",".join(unfit))
        verdicts = {f"{VERDICT}{part}": msgspec.json.encode(judged[part]) for part in there}
        return {**verdicts, **{part: pictures[part] for part in there}}

    def _with_form(
        self, one: Asked, held: Held | None, pictures: Mapping[str, bytes]
    ) -> dict[str, bytes] | Refusal:
        """The person's records too, where the form itself was to come again."""
        digest, person = one.item.parts.get("form", ""), one.session.identity
        if not digest:
            return dict(pictures)
        if held is None or person is None or held.draft.form_digest != digest:
            return PICTURES_NOT_UPLOADED(parts="form") if self._required else dict(pictures)
        draft = held.draft
        records = person_records(
            person=person,
            phone=draft.phone,
            email=draft.email,
            address=draft.address,
            destination=draft.destination,
            language=draft.language,
            consents_to_face_comparison=bool(draft.consents_to_face_comparison),
        )
        return {**pictures, **records}

    async def _keys(self, places: Sequence[tuple[int, str]]) -> dict[tuple[int, str], bytes]:
        rows = await self._house.store.fetch(KEYS, [city for city, _ in places], [case for _, case in places])
        return {(row[0], row[1]): row[2] for row in rows}

    def _sealed(
        self, one: Asked, records: Mapping[str, bytes], keys: Mapping[tuple[int, str], bytes]
    ) -> tuple[VaultRow, ...]:
        city, case = one.item.city, one.item.case
        wrapped = keys.get((city, case))
        if wrapped is None or not records:
            return ()
        try:
            key = self._house.vault.unwrap(VaultKeyRow(city, case, wrapped))
        except Unsealable:
            return ()
        return tuple(
            seal(key=key, city=city, subject=case, name=name, plain=plain) for name, plain in records.items()
        )
