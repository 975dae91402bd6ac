"""Whether the product can be counted on before the patient is conditioned: released, at the site, or dated. No rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from canonical_model.events import is_after
from canonical_model.journey import EventDict, Journey, RecordState, party_name
from canonical_model.lineage import contents_of, direction_of, is_product, product_of, ref_of
from canonical_model.protocols import Protocol
from canonical_model.rules.identity import is_ours
from canonical_model.rules.missing import Missing
from canonical_model.rules.quality import OUT_OF_HOLD, RELEASED, decisions, disposition_of, standing

NO_PRODUCT = frozenset({"starting", "intermediate", "reagent", "vector", "sample", "retain"})
"""Stages of material that nobody is given, whatever batch it stands with."""
_GONE = ("container.destroyed", "container.emptied")
_ARRIVED = ("shipment.arrived", "shipment.unpacked", "shipment.accepted")


def availability(journey: Journey, protocol: Protocol | None, before: EventDict | None = None) -> tuple[Missing, ...]:
    """What the product lacks before the patient may be conditioned, by Protocol.conditioning.after; nothing: it is
    available, or the Protocol does not ask. `before` leaves out what was told to happen after that fact for certain.

    Every container of the dose has to be released (`released`), released and with the site (`at-site`), or at least
    released conditionally with a dated delivery (`confirmed`). Backup bags, samples and what was rejected or destroyed
    do not count.
    """
    if protocol is None or protocol.conditioning is None:
        return ()
    after = protocol.conditioning.after
    product = dose_items(journey, before)
    if not product:
        text = "no product of the order is known that was not rejected or destroyed"
        return (Missing("product", "precondition", text, "the manufacturer reports the product and its release"),)
    enough = OUT_OF_HOLD if after == "confirmed" else RELEASED
    found = [
        _unreleased(journey, item, says) for item in product if (says := _says(journey, item, before)) not in enough
    ]
    if after == "at-site":
        found += [_elsewhere(journey, item) for item in product if not _is_at_site(journey, item, before)]
    if after == "confirmed" and not _delivery_is_dated(journey, before):
        text = "no date of delivery is booked or planned"
        found.append(Missing("delivery", "precondition", text, "the courier or the site books the delivery"))
    return tuple(found)


def dose_items(journey: Journey, before: EventDict | None = None) -> list[Mapping[str, Any]]:
    """References to what the dose is made of: its containers; where none is known, materials and batches that quality
    decided about. Without what was rejected, destroyed, emptied, or comes from a batch that failed."""
    containers = [ref_of(c) for c in journey.of("container") if is_for_dose(journey, c)]
    covered = {thing for ref in containers for thing in product_of(journey, ref)}
    decided = [d.target for d in decisions(journey) if d.target is not None and d.target["kind"] != "container"]
    loose = {
        (ref["kind"], journey.name_of(ref)): ref
        for ref in decided
        if (ref["kind"], journey.name_of(ref)) not in covered and is_made(journey, ref)
    }
    items = [*containers, *(ref for _, ref in sorted(loose.items()))]
    return [ref for ref in items if not _is_out(journey, ref, before)]


def is_for_dose(journey: Journey, container: RecordState) -> bool:
    """True for a primary container of product, or of stock that was allocated."""
    if container.fields.get("role") not in {None, "primary"} or not is_ours(journey, container):
        return False
    ref = ref_of(container)
    made = is_product(journey, ref) or bool(container.named("container.allocated"))
    return made and not _stages(journey, ref) & NO_PRODUCT


def _stages(journey: Journey, ref: Mapping[str, Any]) -> set[str]:
    things = product_of(journey, ref)
    return {str(m.fields.get("stage")) for m in journey.of("material") if ("material", m.name) in things}


def is_made(journey: Journey, ref: Mapping[str, Any]) -> bool:
    """True for a batch, and for a material that is no starting material, sample or reagent as far as anybody said."""
    record = journey.record(ref)
    if ref["kind"] == "batch" or record is None:
        return True
    return not (_stages(journey, ref) & NO_PRODUCT or record.fields.get("collection"))


def _is_out(journey: Journey, ref: Mapping[str, Any], before: EventDict | None) -> bool:
    record = journey.record(ref)
    gone = [fact for type_ in _GONE for fact in (record.named(type_) if record else ())]
    failed = [
        fact
        for kind, name in product_of(journey, ref)
        if kind == "batch" and name in journey.records.get("batch", {})
        for type_ in ("batch.failed", "batch.terminated")
        for fact in journey.records["batch"][name].named(type_)
    ]
    return _says(journey, ref, before) == "rejected" or any(counts(fact, before) for fact in (*gone, *failed))


def counts(fact: EventDict, before: EventDict | None) -> bool:
    """True unless the fact happened after `before` for certain."""
    return before is None or not is_after(fact, before)


def _says(journey: Journey, ref: Mapping[str, Any], before: EventDict | None) -> str:
    return disposition_of(journey, ref, before)


def _unreleased(journey: Journey, ref: Mapping[str, Any], says: str) -> Missing:
    text = f"the product is {says}, not released" if says else "no disposition of the product is recorded"
    facts = tuple(d.event["id"] for d in standing(journey, ref))
    settle = "quality decides about the product"
    return Missing("release", "precondition", text, settle, facts, (ref["kind"], journey.name_of(ref)))


def _elsewhere(journey: Journey, ref: Mapping[str, Any]) -> Missing:
    text, settle = "the product has not arrived at the site", "the site reports its receipt"
    return Missing("at-site", "precondition", text, settle, of=(ref["kind"], journey.name_of(ref)))


def _is_at_site(journey: Journey, ref: Mapping[str, Any], before: EventDict | None) -> bool:
    """True when the order's site holds the item, or a shipment to the patient that holds it has arrived."""
    things = product_of(journey, ref)
    held = [chain for name, chain in journey.custody.items() if ("container", name) in things]
    site = journey.order.fields.get("site")
    facts = {event["id"]: event for event in journey.facts}
    for chain in held if site else ():
        told = [step for step in chain.steps if counts(facts[step.event], before)]
        if told and told[-1].taker == journey.party(party_name(site)):
            return True
    return any(
        counts(fact, before)
        for shipment in journey.of("shipment")
        if shipment.state in {"delivered", "accepted"} and direction_of(journey, shipment) == "to-patient"
        if _holds(journey, shipment, things)
        for type_ in _ARRIVED
        for fact in shipment.named(type_)
    )


def _holds(journey: Journey, shipment: RecordState, things: Iterable[tuple[str, str]]) -> bool:
    """True when a shipment names one of these things as its contents, or nobody said what it holds."""
    contents = contents_of(shipment)
    return not contents or any((ref["kind"], journey.name_of(ref)) in set(things) for ref in contents)


def _delivery_is_dated(journey: Journey, before: EventDict | None) -> bool:
    booked = [
        fact
        for slot in journey.of("appointment")
        if slot.fields.get("kind") == "delivery" and is_ours(journey, slot) and slot.state in {"booked", "done"}
        for fact in slot.facts
        if (fact["set"].get("period") or {}).get("start")
    ]
    planned = [
        fact
        for shipment in journey.of("shipment")
        if direction_of(journey, shipment) == "to-patient" and shipment.state not in {"cancelled", "lost", "rejected"}
        for fact in shipment.facts
        if (fact["set"].get("planned") or {}).get("end")
    ]
    return any(counts(fact, before) for fact in (*booked, *planned))
