"""The step on which the applicant says how the document comes: an address of the book or a new one, or a counter.

What may be chosen for an address, for how much and by when, is dated data of the city (`addresses/deliverability.py`). What may be a
mistake in an address is asked once and hinders nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from litestar import Response

from safehand.authority.addresses.address import Address, one_line
from safehand.authority.addresses.book import Book
from safehand.authority.addresses.deliverability import Option, deliverable, options
from safehand.authority.addresses.divisions import Divisions
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.addresses.picking import DONE, NEXT, REGION, SEARCH, STEP, TEXT, Picked, pick
from safehand.authority.addresses.refusals import NOT_IN_BOOK
from safehand.authority.application.drafts import Draft
from safehand.authority.cities.city import City, Counter
from safehand.authority.documents.document import Document
from safehand.authority.notices.wording import Both, money_words
from safehand.authority.portal.address_form import faults_of, mark_of, refused_at_place, without_phone
from safehand.authority.portal.applying import answers
from safehand.authority.portal.applying.answers import Faults
from safehand.authority.portal.applying.picture_steps import Visit
from safehand.authority.portal.forms import Forms, Sent
from safehand.authority.portal.frame import Frame
from safehand.house.runtime import House
from safehand.kernel.outcome import Language, Refusal, sentence, way_out

KEPT: Final = "kept"
"""The field that names an address of the book, and the button that takes it."""
KEEP: Final = "keep"
SEEN: Final = "seen"
"""Which address the hints were shown for: sent once more as it is, it is meant so."""
YES: Final = "yes"

WAYS: Final[Mapping[str, Both]] = {
    "door": Both(zh="邮政当面交给您本人", en="The post puts it into your hands"),
    "post_office": Both(zh="到邮政网点领取", en="You fetch it at a post office"),
    "authority_counter": Both(zh="到出入境窗口领取", en="You fetch it at the authority’s counter"),
}


@dataclass(frozen=True, kw_only=True)
class DeliveryStep:
    """The page of the step, and what a form of it leads to. `cities` and `documents` are all that have a folder."""

    house: House
    frame: Frame
    forms: Forms
    divisions: Divisions
    books: AddressBooks
    cities: Mapping[int, City]
    documents: Mapping[str, Document]

    async def show(self, visit: Visit) -> Response[bytes]:
        """The step as the draft has it."""
        draft = visit.held.draft
        picked = self._picked(visit, {REGION: draft.region, TEXT: draft.address_text})
        return await self._page(
            visit, picked, mode=draft.mode or "post", office=draft.office if draft.mode == "counter" else ""
        )

    async def take(self, visit: Visit, sent: Sent) -> Draft | Response[bytes]:
        """The changed draft once it is settled how the document comes; until then the page again."""
        if sent[STEP] == KEPT:
            return await self._from_book(visit, sent)
        mode, faults = answers.mode_of(sent)
        picked = self._picked(visit, sent.fields)
        if mode == "counter" and sent[STEP] not in (NEXT, SEARCH):
            counters = {one.code: one.address_zh for one in self._counters(visit)}
            draft, faults = answers.at_counter(visit.held.draft, sent, counters=counters)
            if not faults:
                return draft
        elif mode == "post" and picked.address is not None:
            return await self._to_the_door(visit, sent, picked, picked.address)
        tried = sent[STEP] == DONE
        return await self._page(
            visit, picked, mode=mode or "", office=sent["office"], faults=faults if tried else {}
        )

    def away(self, visit: Visit) -> Refusal | None:
        """Why the address of the draft is not reached (any more); none when it is, or nothing is brought."""
        draft = visit.held.draft
        if draft.mode != "post":
            return None
        found = self._deliverable(visit, draft.region)
        return found if isinstance(found, Refusal) else None

    # ---- what a form leads to --------------------------------------------------------------------------------------

    def _picked(self, visit: Visit, form: Mapping[str, str]) -> Picked:
        person = visit.session.identity
        form = {**form, "phone": visit.held.draft.phone}
        recipient = person.name if person is not None else ""
        return without_phone(pick(form=form, divisions=self.divisions, recipient=recipient, day=visit.day))

    async def _to_the_door(
        self, visit: Visit, sent: Sent, picked: Picked, address: Address
    ) -> Draft | Response[bytes]:
        found = self._deliverable(visit, address.region)
        if isinstance(found, Refusal):
            return await self._page(
                visit, refused_at_place(picked, found), mode="post", office=sent["office"]
            )
        mark = mark_of(address)
        if picked.hints and sent[SEEN] != mark:
            return await self._page(visit, picked, mode="post", office=sent["office"], asked=mark)
        if sent[KEEP] == YES:
            kept = await self.books.use(
                actor=visit.session.actor, address=address, now=self.house.clock.now()
            )
            if isinstance(kept, Refusal):
                faults = {KEEP: answers.both_of(kept)}
                return await self._page(
                    visit, picked, mode="post", office=sent["office"], asked=mark, faults=faults
                )
        return self._brought(visit, address, found.destination)

    async def _from_book(self, visit: Visit, sent: Sent) -> Draft | Response[bytes]:
        """An address of the book is judged as if it had been typed: what reaches it may have changed since."""
        now, actor = self.house.clock.now(), visit.session.actor
        kept = (await self.books.read(actor=actor, now=now)).find(sent[KEPT])
        if kept is None:
            picked = self._picked(visit, {})
            faults = {KEPT: answers.both_of(NOT_IN_BOOK())}
            return await self._page(visit, picked, mode="post", office="", faults=faults)
        picked = self._picked(visit, {REGION: kept.region, TEXT: kept.text, STEP: DONE})
        found = self._deliverable(visit, kept.region)
        if isinstance(found, Refusal):
            picked = refused_at_place(picked, found)
        if picked.address is None or isinstance(found, Refusal):
            return await self._page(visit, picked, mode="post", office="")
        used = Address(
            region=kept.region,
            text=kept.text,
            recipient=picked.address.recipient,
            phone=kept.phone,
        )
        # It stands first from now on; a book that is busy just now is used all the same.
        await self.books.use(actor=actor, address=used, now=now)
        return self._brought(visit, picked.address, found.destination)

    def _brought(self, visit: Visit, address: Address, destination: int) -> Draft:
        return answers.brought(
            visit.held.draft,
            address=address,
            destination=destination,
            line=one_line(address=address, divisions=self.divisions),
            # Where it is issued: the counter of the city that is nearest to the examiners, its first.
            office=self._counters(visit)[0].code,
        )

    def _deliverable(self, visit: Visit, region: str) -> Any:
        city = self.cities[visit.held.draft.city]
        return deliverable(
            region=region, city=city, day=visit.day, divisions=self.divisions, cities=self.cities
        )

    def _counters(self, visit: Visit) -> Sequence[Counter]:
        return self.cities[visit.held.draft.city].on(visit.day).counters

    # ---- the page --------------------------------------------------------------------------------------------------

    async def _page(
        self,
        visit: Visit,
        picked: Picked,
        *,
        mode: str,
        office: str,
        faults: Faults | None = None,
        asked: str = "",
    ) -> Response[bytes]:
        language, draft = visit.language, visit.held.draft
        book = await self.books.read(actor=visit.session.actor, now=self.house.clock.now())
        told = faults_of(picked, language) | answers.said_in(faults or {}, language)
        return self.frame.page(
            request=visit.request,
            template="apply/delivery.html",
            status=422 if told else 200,
            faults=told,
            csrf=self.forms.token(visit.request),
            draft=draft,
            names=answers.NAMES,
            language=language,
            picked=picked,
            mode=mode,
            office=office,
            asked=asked,
            book=self._listed(book),
            counters=[_counter(one, language) for one in self._counters(visit)],
            pickup_days=self.cities[draft.city].on(visit.day).clocks.pickup_days,
            ways=self._ways(visit, picked.region),
            sentence=sentence,
            way_out=way_out,
        )

    def _listed(self, book: Book) -> list[tuple[str, str]]:
        """Name and words of each kept address that still has its place on the list of divisions."""
        return [
            (one.name, f"{self.divisions.words(one.region)} {one.text}")
            for one in book.addresses
            if self.divisions.find(one.region) is not None
        ]

    def _ways(self, visit: Visit, region: str) -> list[tuple[str, str]]:
        """Each way for the chosen place: its name, and what it costs and takes, or why it is closed."""
        draft, language = visit.held.draft, visit.language
        if not region:
            return []
        found = options(
            city=self.cities[draft.city],
            document=self.documents[draft.document],
            region=region,
            day=visit.day,
            divisions=self.divisions,
            cities=self.cities,
        )
        return [
            *((WAYS[one.way].in_language(language), _offer(one, language)) for one in found.offered),
            *((WAYS[way].in_language(language), _told(why, language)) for way, why in found.closed.items()),
        ]


def _offer(one: Option, language: Language) -> str:
    """What one way costs, how long it takes, and what to bring."""
    paid = money_words(one.postage_fen, language)
    bring = one.bring.in_language(language)
    if language == "zh":
        told = [
            "不收邮费" if one.postage_fen == 0 else f"邮费{paid}",
            f"交邮后 {one.promise_days} 天内送到" if one.promise_days else f"保留 {one.kept_days} 天",
            *(["交邮后在申请进度页选择，或告诉投递员"] if one.when == "on_the_way" else []),
            f"请携带：{bring}",
        ]
        return f"{'；'.join(told)}。"
    days = one.promise_days or one.kept_days
    told = [
        "no postage" if one.postage_fen == 0 else f"postage {paid}",
        f"within {days} {'day' if days == 1 else 'days'} of the hand-over to the post"
        if one.promise_days
        else f"kept for {days} days",
        *(
            ["choose it on the page of your application once the post has it, or tell the courier"]
            if one.when == "on_the_way"
            else []
        ),
        f"bring {bring}",
    ]
    words = "; ".join(told)
    return f"{words[0].upper()}{words[1:]}."


def _counter(one: Counter, language: Language) -> tuple[str, str, str]:
    if language == "en":
        return one.code, one.name_en, f"{one.address_en}, {one.hours_en}"
    return one.code, one.name_zh, f"{one.address_zh}，{one.hours_zh}"


def _told(refusal: Refusal, language: Language) -> str:
    return answers.both_of(refusal).in_language(language)
