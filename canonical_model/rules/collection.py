"""What a collection needs (I-20): an accepted kit with the order's labels, a donor sample in time. No consent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.events import end_of, instant_of, is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import contents_of, is_product, ref_of
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import COLLECT, Finding, Item, about, ids
from canonical_model.rules.identity import AGREES, agreement, is_ours
from canonical_model.rules.missing import Missing
from canonical_model.values import MOMENT, parse_instant, plus

Span = tuple[datetime, datetime]
"""First and last instant at which something can have happened."""
_BEGUN = ("collection.started", "collection.completed", "collection.failed")
_MADE_HERE = ("batch", "parents", "collection")
"""Fields that tell of a sample that it was taken from material, not from a person."""
_SPOILT = frozenset({"destroyed", "emptied"})


def missing_for_collection(
    journey: Journey, protocol: Protocol | None, now: datetime, at: Span | None = None, before: EventDict | None = None
) -> tuple[Missing, ...]:
    """What a collection lacks as far as the Protocol asks for it: a kit (Protocol.kit), a donor's test sample
    (Protocol.donor_test_within).

    `at` is when the collection began, `now` where none is meant; `before` leaves out what was told of the kit to happen
    after that fact for certain.
    """
    if protocol is None:
        return ()
    when = at or (now, now)
    kit = _kit_missing(journey, when, before) if protocol.kit else None
    sample = None if protocol.donor_test_within is None else _sample_missing(journey, protocol, when)
    return tuple(missing for missing in (kit, sample) if missing is not None)


# ---- the kit ----------------------------------------------------------------------------------------------------


def kits(journey: Journey) -> list[RecordState]:
    """The collection kits of the order. A kit of vials that is given to the patient is none."""
    return [
        container
        for container in journey.of("container")
        if container.fields.get("kind") == "kit"
        and not container.fields.get("weight_band")
        and not container.named("container.allocated")
        and not is_product(journey, ref_of(container))
        and is_ours(journey, container)
    ]


def _kit_missing(journey: Journey, when: Span, before: EventDict | None) -> Missing | None:
    """Nothing where one kit is as it must be; else what is wrong with the kit that comes nearest to it."""
    wrong = [_wrong_with(journey, kit, when, before) for kit in kits(journey)]
    if not wrong:
        settle = "the collecting site reports the receipt of the kit and its inspection"
        return Missing("kit", "precondition", "no collection kit of the order is known", settle)
    if any(found is None for found in wrong):
        return None
    known = [found for found in wrong if found is not None]
    return max(known, key=lambda found: (_KIT_FAULTS.index(found.what), found.of or ("", "")))


_KIT_FAULTS = ("kit-not-accepted", "kit-expired", "kit-labels")
"""What can be wrong with a kit, the worst first."""


def _wrong_with(journey: Journey, kit: RecordState, when: Span, before: EventDict | None) -> Missing | None:
    facts = ids(kit.facts)
    if not _is_accepted(journey, kit, before) or kit.state in _SPOILT:
        text, settle = "the collection kit was not accepted", "the collecting site inspects and accepts the kit"
        return Missing("kit-not-accepted", "precondition", text, settle, facts, about(kit))
    expiry = kit.fields.get("expires_at")
    if expiry and end_of(expiry) < when[0]:
        text = f"the collection kit expired at {end_of(expiry).isoformat(timespec='seconds')}"
        return Missing("kit-expired", "window", text, "another kit is needed", facts, about(kit))
    chains = _label_chains(journey, kit)
    if not chains or any(agreement(journey, [chain]) != AGREES for chain in chains):
        text = "the collection kit is not known to hold labels with the order's chain-of-identity identifier"
        settle = "the sponsor reports the label set of the kit, or sends another"
        return Missing("kit-labels", "label-discrepancy", text, settle, facts, about(kit))
    return None


def _is_accepted(journey: Journey, kit: RecordState, before: EventDict | None) -> bool:
    """True when the last look at the kit, or at the shipment that it came in, accepted it."""
    shipments = [s for s in journey.of("shipment") if s.fields.get("direction") == "kit" and _holds(journey, s, kit)]
    for record in (kit, *shipments):
        looks = [
            (fact["set"]["inspection"] or {}).get("result")
            for fact in record.facts
            if fact["set"].get("inspection") and (before is None or not is_after(fact, before))
        ]
        if looks:
            return looks[-1] == "accepted"
    return False


def _holds(journey: Journey, shipment: RecordState, kit: RecordState) -> bool:
    inside = {journey.name_of(ref) for ref in contents_of(shipment) if ref["kind"] == "container"}
    return kit.name in inside or journey.same(kit.fields.get("shipment"), ref_of(shipment))


def _label_chains(journey: Journey, kit: RecordState) -> list[dict[str, Any]]:
    """The chain-of-identity identifiers of the label sets in a kit and of its own label."""
    sets = [s for s in journey.of("labels") if journey.same(s.fields.get("container"), ref_of(kit))]
    found = [(kit.fields.get("label") or {}).get("coi"), *(labels.fields.get("coi") for labels in sets)]
    return [{"type": "coi", **coi} for coi in found if coi]


# ---- the donor's sample -----------------------------------------------------------------------------------------


def _sample_missing(journey: Journey, protocol: Protocol, when: Span) -> Missing | None:
    """Nothing where a sample of the donor can have been taken near enough to the collection."""
    within = protocol.donor_test_within
    taken = donor_samples(journey)
    if within is None or any(
        plus(end, within) >= when[0] and start <= plus(when[1], within) for _, (start, end) in taken
    ):
        return None
    text = f"no test sample of the donor was taken within {within.days} days of the collection"
    settle = "the donor's sample is taken and tested, and reported with its time"
    return Missing("donor-sample", "precondition", text, settle, tuple(sorted(fact for fact, _ in taken)))


def donor_samples(journey: Journey) -> list[tuple[str, Span]]:
    """Samples taken from the donor, each as a fact that tells of it and when it can have been taken.

    A sample is material of the stage `sample` that comes from no other material, batch or collection, of the donor
    where it names one; or what a result about the donor was measured in, where that names no material.
    """
    return [*_stated_samples(journey), *_tested_samples(journey)]


def _donor(journey: Journey) -> Mapping[str, Any] | None:
    """Who gives the cells: the order's donor; of an autologous order the patient."""
    return journey.order.fields.get("donor") or journey.order.fields.get("patient")


def _is_donors(journey: Journey, person: Mapping[str, Any] | None) -> bool:
    donor = _donor(journey)
    return donor is None or person is None or journey.same(person, donor)


def _stated_samples(journey: Journey) -> Iterator[tuple[str, Span]]:
    for material in journey.of("material"):
        taken = material.named("sample.taken")
        if material.fields.get("stage") not in ({"sample", None} if taken else {"sample"}):
            continue
        if any(material.fields.get(field) for field in _MADE_HERE) or not is_ours(journey, material):
            continue
        if not _is_donors(journey, material.fields.get("donor")):
            continue
        collected = material.fields.get("collected") or {}
        when = collected.get("start") or collected.get("end") or (taken[0]["occurred"] if taken else None)
        if when:
            yield material.facts[-1]["id"], (parse_instant(when["at"]), end_of(when))


def _tested_samples(journey: Journey) -> Iterator[tuple[str, Span]]:
    for result in journey.of("result"):
        fields = result.fields
        if result.state == "invalidated" or not fields.get("patient") or not _is_donors(journey, fields["patient"]):
            continue
        when = fields.get("observed_at") or (fields.get("observed") or {}).get("start")
        if when and not any(fields.get(field) for field in ("material", "container", "batch")):
            yield result.facts[-1]["id"], (parse_instant(when["at"]), end_of(when))


# ---- rules ------------------------------------------------------------------------------------------------------


def collection_is_prepared(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-20: a collection begins with an accepted kit, in date and labelled for the order, and a tested donor."""
    if protocol is None or not (protocol.kit or protocol.donor_test_within is not None):
        return
    for record in journey.of("collection"):
        begun = next((fact for type_ in _BEGUN for fact in record.named(type_)), None)
        if begun is None or not is_ours(journey, record):
            continue
        at = (instant_of(begun), end_of(begun["occurred"]))
        for missing in missing_for_collection(journey, protocol, now, at, begun):
            yield Finding(
                rule="I-20",
                kind=missing.kind,
                severity="critical",
                about=about(record),
                cause=f"{begun['id']}:{missing.what}",
                text=f"a collection began, and {missing.text}",
                settle=f"{missing.settle}, and QA decides about the material",
                facts=tuple(dict.fromkeys((begun["id"], *missing.facts))),
                blocks=(COLLECT,),
                person=missing.what != "donor-sample",
            )
    yield from _lapses(journey, protocol, now)


def _lapses(journey: Journey, protocol: Protocol, now: datetime) -> Iterator[datetime]:
    """When what a collection needs is no longer there by time alone."""
    if journey.order.state in {"cancelled", "rejected", "failed", "closed"}:
        return
    moments = [
        end_of(kit.fields["expires_at"]) for kit in kits(journey) if protocol.kit and kit.fields.get("expires_at")
    ]
    if protocol.donor_test_within is not None:
        moments += [plus(end, protocol.donor_test_within) for _, (_, end) in donor_samples(journey)]
    yield from (plus(moment, MOMENT) for moment in moments if moment >= now)


RULES = (collection_is_prepared,)
