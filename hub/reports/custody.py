"""The chain of custody of a report: holders, times, places, scans and seals of every container."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from canonical_model.events import instant_of
from canonical_model.journey import Custody, EventDict, Handover, RecordState
from canonical_model.lineage import ref_of, refs
from canonical_model.values import parse_instant
from hub.reports.reader import Order
from hub.reports.shape import Chain, CustodyGap, Sighting, Step

SEEN = {
    "container.observed": "scanned",
    "container.stored": "stored",
    "container.issued": "issued",
    "container.returned": "returned",
    "container.relabelled": "relabelled",
    "container.emptied": "emptied",
    "container.destroyed": "destroyed",
    "product.thawed": "thawed",
    "dose.prepared": "prepared",
}
"""Event type -> what happened to the container."""


def custody(order: Order) -> Iterator[Chain]:
    """One chain a container, by the container's name; nothing where the reader sees no containers."""
    if not order.reader.sees("container"):
        return
    for record in order.state.of("container"):
        chain = order.state.custody.get(record.name)
        if chain is not None or any(sightings(order, record)):
            yield _chain(order, record, chain or Custody(record.name))


def _chain(order: Order, record: RecordState, chain: Custody) -> Chain:
    steps = tuple(_step(order, record, chain, number) for number in range(len(chain.steps)))
    return Chain.model_validate(
        {
            "container": ref_of(record),
            "kind": str((order.reader.shown("container", record.fields) or {}).get("kind", "")),
            "holder": order.party(chain.holder),
            "since": chain.since or None,
            "ended": chain.closed,
            "unsure": chain.unsure,
            "steps": steps,
            "gaps": tuple(_gaps(order, chain)),
            "sightings": tuple(sightings(order, record)),
        }
    )


def _step(order: Order, record: RecordState, chain: Custody, number: int) -> Step:
    step: Handover = chain.steps[number]
    until = chain.steps[number + 1].at if number + 1 < len(chain.steps) else _end(record, chain)
    seconds = int((parse_instant(until) - parse_instant(step.at)).total_seconds()) if until else None
    return Step.model_validate(
        {
            "giver": order.party(step.giver),
            "taker": order.party(step.taker),
            "at": step.at,
            "place": order.place(step.place),
            "coarse": step.coarse,
            "held": seconds,
            "reporters": tuple(order.partner(partner) for partner in dict.fromkeys(step.reporters)),
            "told": order.source(order.by_id[step.event]),
        }
    )


def _end(record: RecordState, chain: Custody) -> str:
    """When a chain ended, where it did and anybody said so."""
    ends = [e["occurred"]["at"] for t in ("container.emptied", "container.destroyed") for e in record.named(t)]
    return min(ends, default="") if chain.closed else ""


def _gaps(order: Order, chain: Custody) -> Iterator[CustodyGap]:
    for gap in chain.gaps:
        sides = {side: order.party(getattr(gap, side)) for side in ("holder", "giver", "taker")}
        yield CustodyGap.model_validate({"why": gap.why, **sides, "at": gap.at})


def sightings(order: Order, record: RecordState) -> Iterator[Sighting]:
    """Scans, seals, inspections and storage of a container, in the order of time."""
    told: list[tuple[EventDict, str, str]] = []
    for event in record.facts:
        said = order.values(event)
        if event["type"] in SEEN:
            told.append((event, SEEN[event["type"]], ""))
        told += [(event, *one) for one in looked_at(said)]
    for check in order.state.of("verification") if order.reader.sees("verification") else ():
        for event in check.facts:
            if any(order.state.name_of(ref) == record.name for ref in refs(event["set"].get("containers"))):
                told.append((event, "verified", str(event["set"].get("result", ""))))
    for event, what, detail in sorted(told, key=lambda one: instant_of(one[0])):
        yield sighting(order, event, what, detail)


def looked_at(said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a fact says of a seal, and of what a look at it found."""
    if said.get("seal"):
        yield "sealed", str(said["seal"])
    inspection = said.get("inspection")
    if isinstance(inspection, dict):
        found = [str(inspection.get("result", ""))]
        found += [_text(concept) for concept in inspection.get("conditions", ())]
        yield "inspected", ", ".join(word for word in found if word)


def _text(concept: dict[str, Any]) -> str:
    codings = concept.get("codings") or [{}]
    return str(concept.get("text") or codings[0].get("display") or codings[0].get("code") or "")


def sighting(order: Order, event: EventDict, what: str, detail: str = "") -> Sighting:
    """Something seen, with where and by whom."""
    said = order.values(event)
    place = order.place(said.get("location") or said.get("place"))
    return Sighting.model_validate({"what": what, "detail": detail, "place": place, "told": order.source(event)})
