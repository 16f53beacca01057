"""Examines a picture that was taken in, and says so: verdict, findings, offer, the rules they rest on."""

from datetime import date
from typing import Final

import msgspec

from safehand.authority.documents.photo_rules import PhotoRules
from safehand.authority.pictures import drawing, id_cards, rules, signatures
from safehand.authority.pictures.findings import Finding, Outcome, worst
from safehand.authority.pictures.mending import Mend, best_mend, mended
from safehand.authority.pictures.photos import PhotoMeasures, measured
from safehand.authority.pictures.uploads import Kind, Source, Taken

OWN_RULES_SINCE: Final = date(2024, 5, 6)
"""The policy's sentence on the signature holds from the pilot's first day; its figures are ours (`signatures`)."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A picture and what was found.

    `verdict` speaks of the picture as it is. With an `offer`, crop, rotation and scaling alone make it fit:
    `verdict_offered` is the verdict after that. `since` is the day from which the rules of `rule_set` hold as they were
    applied. `annotated` is a JPEG.
    """

    kind: Kind
    cleaned: bytes
    digest: str
    width_px: int
    height_px: int
    source: Source
    verdict: Outcome
    verdict_offered: Outcome | None
    rule_set: str
    since: date
    findings: tuple[Finding, ...]
    offer: Mend | None
    annotated: bytes

    @property
    def stands(self) -> Outcome:
        """The verdict after the offer, where there is one, else as it is."""
        return self.verdict if self.verdict_offered is None else self.verdict_offered

    @property
    def taken(self) -> Taken:
        """The picture without what was found."""
        return Taken(
            kind=self.kind,
            cleaned=self.cleaned,
            digest=self.digest,
            width_px=self.width_px,
            height_px=self.height_px,
            source=self.source,
        )


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a photo, with the measures it rests on."""

    measures: PhotoMeasures
    findings: tuple[Finding, ...]
    verdict: Outcome
    offer: Mend | None
    verdict_offered: Outcome | None
    rule_set: str
    since: date


def examine_photo(*, taken: Taken, rule_set: PhotoRules, day: date) -> Examined:
    """Judges a photo by the rules of a day. Raises `NotInForceError` when none hold."""
    limits, since = rule_set.on(day), rule_set.since(day)
    measures = measured(taken=taken)
    findings = rules.judged(measures=measures, limits=limits)
    offer: Mend | None = None
    verdict_offered: Outcome | None = None
    mend = best_mend(measures=measures, limits=limits) if worst(findings) == "fails" else None
    if mend is not None:
        # An offer is a promise: it is made, and judged like any other photo, before anybody sees it.
        after = rules.judged(measures=measured(taken=mended(taken=taken, mend=mend)), limits=limits)
        findings = with_mends(before=findings, after=after)
        if worst(after) != "fails":
            offer, verdict_offered = mend, worst(after)
    return Examined(
        measures=measures,
        findings=findings,
        verdict=worst(findings),
        offer=offer,
        verdict_offered=verdict_offered,
        rule_set=rule_set.identity.code,
        since=since,
    )


def with_mends(*, before: tuple[Finding, ...], after: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, those marked that fail now and no longer fail in the mended picture."""
    mended_codes = {finding.code for finding in after if finding.outcome != "fails"}
    return tuple(
        msgspec.structs.replace(finding, mends=True)
        if finding.outcome == "fails" and finding.code in mended_codes
        else finding
        for finding in before
    )


def examine(*, taken: Taken, rule_set: PhotoRules, day: date) -> Judged:
    """Judges a picture of any kind, and draws what is wrong. Raises `NotInForceError` when no photo rules hold."""
    match taken.kind:
        case "photo":
            photo = examine_photo(taken=taken, rule_set=rule_set, day=day)
            return _judged(
                taken=taken,
                findings=photo.findings,
                offer=photo.offer,
                offered=photo.verdict_offered,
                rules_of=(photo.rule_set, photo.since),
                annotated=drawing.photo_annotated(
                    taken=taken,
                    measures=photo.measures,
                    findings=photo.findings,
                    offer=photo.offer,
                    limits=rule_set.on(day),
                ),
            )
        case "signature":
            written = signatures.examine_signature(taken=taken)
            return _judged(
                taken=taken,
                findings=written.findings,
                offer=written.offer,
                offered=written.verdict_offered,
                rules_of=(signatures.RULE_SET, OWN_RULES_SINCE),
                annotated=drawing.signature_annotated(
                    taken=taken, measures=written.measures, offer=written.offer
                ),
            )
        case "id_card_front" | "id_card_back":
            card = id_cards.examine_id_card(taken=taken)
            return _judged(
                taken=taken,
                findings=card.findings,
                offer=None,
                offered=None,
                rules_of=(id_cards.RULE_SET, OWN_RULES_SINCE),
                annotated=drawing.id_card_annotated(taken=taken, measures=card.measures),
            )


def _judged(
    *,
    taken: Taken,
    findings: tuple[Finding, ...],
    offer: Mend | None,
    offered: Outcome | None,
    rules_of: tuple[str, date],
    annotated: bytes,
) -> Judged:
    return Judged(
        kind=taken.kind,
        cleaned=taken.cleaned,
        digest=taken.digest,
        width_px=taken.width_px,
        height_px=taken.height_px,
        source=taken.source,
        verdict=worst(findings),
        verdict_offered=offered,
        rule_set=rules_of[0],
        since=rules_of[1],
        findings=findings,
        offer=offer,
        annotated=annotated,
    )
