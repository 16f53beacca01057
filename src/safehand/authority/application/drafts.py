"""Applications that were begun and not yet sent: kept for a month, sealed under a key of their own, one for each applicant.

A draft is found by a keyed digest of its applicant, so the database alone tells nobody whose it is. Two windows of the same
person can't overwrite each other: whoever saves says what version was read.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from safehand.authority.agent.person import AgentRecord
from safehand.authority.application.commands import Part
from safehand.authority.cities.city import PostageChoice
from safehand.authority.notices.wording import Both
from safehand.authority.pictures.uploads import Source
from safehand.house.runtime import House
from safehand.kernel.ids import readable
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, seal, unseal

KEPT_FOR: Final = timedelta(days=30)
"""Counted from the last time that it was touched."""
SWEPT_AT_ONCE_MAX: Final = 1_000
SUBJECT_BYTES: Final = 16
NO_CITY: Final = 0
"""A draft belongs to no city yet: which one it goes to is one of its answers."""
FORM: Final = "form"

_READ: Final = (
    "select d.subject, d.version, k.wrapped, r.sealed from draft d"
    " join keys.case_key k on k.city = $1 and k.subject = d.subject"
    " join vault_record r on r.city = $1 and r.subject = d.subject and r.name = $3"
    " where d.subject = any($2::text[])"
)
_PICTURES: Final = (
    "select subject, name, sealed from vault_record"
    " where city = $1 and subject = any($2::text[]) and name = any($3::text[])"
)
_SAVE: Final = """
    with kept as (
        insert into draft (subject, version, touched_at) select $2::text, 1, $5::timestamptz where $4::int = 0
        on conflict (subject) do nothing returning version),
    changed as (
        update draft set version = version + 1, touched_at = $5 where subject = $2 and version = $4
        returning version),
    now as (select version from kept union all select version from changed),
    keyed as (
        insert into keys.case_key (city, subject, wrapped) select $1::int, $2, $3::bytea from kept
        on conflict (city, subject) do update set wrapped = excluded.wrapped),
    records as (
        insert into vault_record (city, subject, name, sealed)
        select $1, $2, n.name, n.sealed from unnest($6::text[], $7::bytea[]) as n (name, sealed), now
        on conflict (city, subject, name) do update set sealed = excluded.sealed),
    gone as (
        delete from vault_record where city = $1 and subject = $2 and name = any($8::text[])
        and exists (select from now))
    select version from now"""
_FORGET: Final = """
    with w as (select unnest($2::text[]) as subject),
    keys_gone as (delete from keys.case_key k using w where k.city = $1 and k.subject = w.subject),
    records_gone as (delete from vault_record r using w where r.city = $1 and r.subject = w.subject)
    delete from draft d using w where d.subject = w.subject returning 1"""
_OVER: Final = "select subject from draft where touched_at <= $1 order by touched_at limit $2"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One rule's word on a picture: measured, wanted, and what to do, in both languages."""

    code: str
    outcome: Literal["fits", "examiner", "fails"]
    name: Both
    advice: Both
    """What to do, or why the examiner decides; empty where it fits."""
    measured: str
    wanted: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded picture as it was judged. The picture itself is a record of its own, named after its part.

    The findings stay with the application: the examiner sees the same verdict, by the same rules.
    """

    digest: str
    """SHA-256 of the cleaned picture, in hexadecimal."""
    verdict: Literal["fits", "examiner", "fails"]
    rule_set: str
    rules_from: date | None = None
    """The day since which those rules hold."""
    findings: tuple[Judgement, ...] = ()
    source: Source | None = None
    """What the upload was before it was cleaned: some rules speak of that."""
    can_be_mended: bool = False
    """Cropping, turning and scaling alone would make it fit."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What has been filled in so far; empty: not yet."""

    id: str
    """Of this draft, drawn when it was begun: the application that is made of it is made once."""
    city: int
    document: str
    ground: str
    phone: str = ""
    email: str = ""
    language: Literal["zh", "en"] = "zh"
    mode: Literal["", "post", "counter"] = ""
    office: str = ""
    region: str = ""
    """The division that the document goes to, by its code."""
    destination: int = 0
    address: str = ""
    """The one line that goes to the post, or the counter's own."""
    address_text: str = ""
    """Street, house and room, as they were typed."""
    postage: PostageChoice | Literal[""] = ""
    """How the postage is paid; empty: not chosen, or nothing is brought."""
    agent: AgentRecord | None = None
    """Who else may receive it."""
    travels: bool | None = None
    consents_to_face_comparison: bool | None = None
    form_digest: str = ""
    """Of a correction's filled-in form (see `uploads.form_digest`)."""
    pictures: Mapping[Part, Picture] = {}


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as it was read, with what is needed to save it again."""

    draft: Draft
    version: int
    """0: never saved."""
    key: bytes
    wrapped: bytes


def correction_of(*, actor: str, case: str) -> str:
    """The owner of the draft in which somebody collects what a case asks to be sent again."""
    return f"{actor}\x1f{case}"


class Drafts:
    """Keeps and gives back what was begun."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._decoder = msgspec.json.Decoder(Draft)

    def subject_of(self, owner: str) -> str:
        """Where a draft lies. `owner`: an applicant, or an applicant's correction (see `correction_of`)."""
        return f"dr_{readable(self._house.vault.digest(purpose='draft', value=owner)[:SUBJECT_BYTES])}"

    async def read(self, *, owner: str) -> Held | None:
        """The draft; none when there is none, or when it does not open any more."""
        return (await self.read_all(owners=[owner])).get(owner)

    async def read_all(self, *, owners: Sequence[str]) -> dict[str, Held]:
        """The drafts of many, by owner; who has none is absent."""
        by_subject = {self.subject_of(owner): owner for owner in owners}
        rows = await self._house.store.fetch(_READ, NO_CITY, sorted(by_subject), FORM)
        found: dict[str, Held] = {}
        for subject, version, wrapped, sealed in rows:
            try:
                key = self._house.vault.unwrap(VaultKeyRow(NO_CITY, subject, wrapped))
                plain = unseal(key=key, row=VaultRow(NO_CITY, subject, FORM, sealed))
                draft = self._decoder.decode(plain)
            except (Unsealable, msgspec.MsgspecError):
                # Kept before the house's keys, or the questions, were changed: its owner begins again.
                await self._forget([subject])
                continue
            found[by_subject[subject]] = Held(draft=draft, version=version, key=key, wrapped=wrapped)
        return found

    def begun(self, *, owner: str, draft: Draft) -> Held:
        """A new draft, not saved yet."""
        key, row = self._house.vault.new_key(city=NO_CITY, subject=self.subject_of(owner))
        return Held(draft=draft, version=0, key=key, wrapped=row.wrapped)

    async def save(
        self,
        *,
        owner: str,
        held: Held,
        draft: Draft,
        pictures: Mapping[str, bytes] = {},
        gone: Sequence[str] = (),
    ) -> Held | None:
        """Save it with pictures by name; `gone` names records to take away.

        None: somebody (the same person in another window) saved meanwhile, and nothing was changed.
        """
        subject = self.subject_of(owner)
        records = {FORM: msgspec.json.encode(draft), **pictures}
        sealed = [
            seal(key=held.key, city=NO_CITY, subject=subject, name=name, plain=plain)
            for name, plain in records.items()
        ]
        rows = await self._house.store.fetch(
            _SAVE,
            NO_CITY,
            subject,
            held.wrapped,
            held.version,
            self._house.clock.now(),
            [row.name for row in sealed],
            [row.sealed for row in sealed],
            list(gone),
        )
        if not rows:
            return None
        return msgspec.structs.replace(held, draft=draft, version=rows[0][0])

    async def pictures(self, *, owner: str, held: Held, names: Sequence[str]) -> dict[str, bytes]:
        """The records of a draft by name; what is not there is absent."""
        return (await self.pictures_of(helds={owner: held}, names=names)).get(owner, {})

    async def pictures_of(
        self, *, helds: Mapping[str, Held], names: Sequence[str]
    ) -> dict[str, dict[str, bytes]]:
        """The same of many drafts, by owner and name."""
        by_subject = {self.subject_of(owner): owner for owner in helds}
        rows = await self._house.store.fetch(_PICTURES, NO_CITY, sorted(by_subject), list(names))
        found: dict[str, dict[str, bytes]] = {owner: {} for owner in helds}
        for subject, name, sealed in rows:
            owner = by_subject[subject]
            row = VaultRow(NO_CITY, subject, name, sealed)
            found[owner][name] = unseal(key=helds[owner].key, row=row)
        return found

    async def forget(self, *, owners: Sequence[str]) -> None:
        """Drafts that were sent, or that their owners do not want: their keys go with them."""
        await self._forget([self.subject_of(owner) for owner in owners])

    async def sweep(self, *, kept_for: timedelta = KEPT_FOR) -> int:
        """The job: forget what nobody touched for so long; returns how many."""
        before = self._house.clock.now() - kept_for
        rows = await self._house.store.fetch(_OVER, before, SWEPT_AT_ONCE_MAX)
        return await self._forget([row[0] for row in rows]) if rows else 0

    async def _forget(self, subjects: Sequence[str]) -> int:
        return len(await self._house.store.fetch(_FORGET, NO_CITY, list(subjects)))
