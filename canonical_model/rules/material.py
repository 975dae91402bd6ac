"""Rules of material: it can be followed from donor to end (I-12), bears its legends (I-11), and was made of lots that
were released and in date (I-44). Recalls stand in `recall`, what is kept in `retained`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.events import end_of, instant_of, is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import ref_of, refs
from canonical_model.origins import Origins, consumed, dins, steps_done
from canonical_model.protocols import Protocol
from canonical_model.rules.ends import severity_at_end, without_end
from canonical_model.rules.finding import CLOSE, RELEASE, SHIP, Finding, Item, about, ids
from canonical_model.rules.quality import OUT_OF_HOLD, decisions, standing

BEARING = frozenset({"starting", "intermediate", "drug-substance", "drug-product", "retain"})
"""Stages of material whose labels bear the legends of the Protocol."""


# ---- I-12 -------------------------------------------------------------------------------------------------------


def nothing_comes_from_itself(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-12: no material or container was made of itself."""
    made = [
        record
        for kind, field in (("material", "parents"), ("container", "prepared_from"))
        for record in journey.of(kind)
        if record.fields.get(field) or record.fields.get("parent_identifiers")
    ]
    if not made:
        return
    origins = Origins(journey)
    for record in made:
        thing = record.kind, record.name
        if thing in origins.above(thing):
            yield Finding(
                rule="I-12",
                kind="duplicate",
                severity="major",
                about=about(record),
                cause="from-itself",
                text="by what was stated of its origin, it was made of itself",
                settle="the maker corrects the wrong parent or input",
                facts=ids(record.facts),
                blocks=(CLOSE,),
                unclear=True,
            )


def product_has_an_origin(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-12: a product made for one patient traces back to a donation.

    Judged once it is told what went into its batch, and at the latest when the order ends.
    """
    if protocol is None or protocol.sourcing == "stock":
        return
    at_end = severity_at_end(journey)
    told = {b.name for b in journey.of("batch") if b.fields.get("inputs") or (at_end and b.state == "completed")}
    if not told:
        return
    origins = Origins(journey)
    for container in journey.of("container"):
        above = origins.above(("container", container.name))
        batches = [b for b in journey.of("batch") if ("batch", b.name) in above and b.name in told]
        if batches and not _is_donated(journey, container, above):
            named = any(b.fields.get("inputs") for b in batches)
            yield Finding(
                rule="I-12",
                kind="traceability",
                severity="major" if named else at_end,
                about=about(container),
                cause="origin",
                text="what went into the product leads back to no collection",
                settle="the maker names what went in, or the collecting facility the containers that it filled",
                facts=ids(e for b in batches for e in b.facts if e["set"].get("inputs") or not named),
                blocks=(CLOSE,),
            )


def _is_donated(journey: Journey, container: RecordState, above: frozenset[tuple[str, str]]) -> bool:
    """True when something of its lineage is a collection, or bears a donation number of which nothing else is known."""
    records = [r for kind, name in above if (r := journey.records.get(kind, {}).get(name)) is not None]
    return any(kind == "collection" for kind, _ in above) or any(map(dins, [container, *records]))


def collection_has_an_end(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-12: when an order ends, of each of its collections it is known what became of the material."""
    collections = [c for c in journey.of("collection") if c.state == "completed"]
    severity = severity_at_end(journey) if collections else ""
    if not severity:
        return
    origins, still = Origins(journey), {container.name for container in without_end(journey)}
    for collection in collections:
        below = origins.below([(collection.kind, collection.name)], "container")
        if any(container.name not in still for container in below):
            continue
        yield Finding(
            rule="I-12",
            kind="traceability",
            severity=severity,
            about=about(collection),
            cause="end",
            text="the order ended, and nobody has said what became of what was collected",
            settle="its holder reports that it was used, destroyed or given to a repository",
            facts=ids(collection.named("collection.completed")),
            blocks=(CLOSE,),
        )


# ---- I-11 -------------------------------------------------------------------------------------------------------


def material_bears_its_legends(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-11: material whose legends are stated bears all that the Protocol asks for (21 CFR 1271.90(c))."""
    if protocol is None or not protocol.label_legends:
        return
    for material in journey.of("material"):
        stated = material.fields.get("legends")
        if not stated or material.fields.get("stage", "starting") not in BEARING:
            continue
        borne = {_words(text) for concept in stated for text in _texts(concept)}
        missing = [legend for legend in protocol.label_legends if _words(legend) not in borne]
        if missing:
            yield Finding(
                rule="I-11",
                kind="label-discrepancy",
                severity="major",
                about=about(material),
                cause="legends",
                text=f"the label lacks: {', '.join(missing)}",
                settle="whoever labels the material labels it anew, and reports it",
                facts=ids(e for e in material.facts if e["set"].get("legends")),
                blocks=(SHIP,),
            )


def _texts(concept: Mapping[str, Any]) -> Iterator[str]:
    yield concept.get("text") or ""
    for coding in concept.get("codings") or ():
        yield coding.get("code") or ""
        yield coding.get("display") or ""


def _words(text: str) -> str:
    return " ".join(text.casefold().split())


# ---- I-44 -------------------------------------------------------------------------------------------------------


def lots_are_fit_for_use(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-44: a lot that manufacture used up was in date, and not refused or on hold, on the day of its use."""
    for batch in journey.of("batch"):
        told: set[tuple[str, str]] = set()
        for event in batch.facts:
            for ref, day in _uses(event):
                lot = journey.record(ref)
                if lot is None:
                    continue
                for cause, text, facts in _unfit(journey, lot, day):
                    if (lot.name, cause) not in told:
                        told.add((lot.name, cause))
                        yield _lot_finding(batch, lot, cause, text, (event, *facts))


def _uses(event: EventDict) -> Iterator[tuple[Mapping[str, Any], EventDict]]:
    """What an event says was used up, each with an event whose time is that of the use."""
    for ref in refs(event["set"].get("consumed")):
        yield ref, event
    for step in steps_done(event["set"]):
        start = (step.get("period") or {}).get("start") or event["occurred"]
        for ref in consumed({"steps": [step]}):
            yield ref, {**event, "occurred": start}


def _unfit(journey: Journey, lot: RecordState, use: EventDict) -> Iterator[tuple[str, str, list[EventDict]]]:
    expiry = lot.fields.get("expires_at")
    if expiry and end_of(expiry) < instant_of(use):
        dated = [e for e in lot.facts if e["set"].get("expires_at")]
        yield "expired", "a lot was used up in manufacture after its expiry", dated
    refused = [e for e in lot.named("material.rejected") if not is_after(e, use)]
    if refused:
        yield "refused", "a lot was used up in manufacture although it had been refused", refused
    ref = ref_of(lot)
    own = [d for d in decisions(journey) if journey.same(d.target, ref)]
    said = [d.event for d in own]
    if not all(d.says in OUT_OF_HOLD for d in standing(journey, ref)):
        yield "not-released", "a lot that was used up in manufacture is not released", said
    elif own and all(is_after(d.event, use) for d in own if d.says in OUT_OF_HOLD):
        yield "released-later", "a lot was used up in manufacture before it was released", said


def _lot_finding(batch: RecordState, lot: RecordState, cause: str, text: str, facts: tuple[EventDict, ...]) -> Finding:
    return Finding(
        rule="I-44",
        kind="window" if cause == "expired" else "oos",
        severity="major",
        about=about(batch),
        cause=f"{cause}:{lot.name}",
        text=text,
        settle="the maker corrects the lot or its dates, or QA decides about the batch",
        facts=tuple(dict.fromkeys(ids(facts))),
        blocks=(RELEASE,),
        person=True,
    )


RULES = (
    nothing_comes_from_itself,
    product_has_an_origin,
    collection_has_an_end,
    material_bears_its_legends,
    lots_are_fit_for_use,
)
