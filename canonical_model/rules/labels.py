"""Rules of labels: a set adds up to none left (I-17), and bears this order's chain of identity (I-1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.events import is_after
from canonical_model.journey import EventDict, Journey, RecordState, is_ref
from canonical_model.lineage import Thing, is_product, product_of, ref_of, refs
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import COLLECT, EVERYTHING, LABEL, RELEASE, Finding, Item, about, ids
from canonical_model.rules.identity import DIFFERS, UNKNOWN, agreement
from canonical_model.rules.quality import OUT_OF_HOLD, decisions

BATCH, KIT = "batch", "kit"


# ---- I-1 --------------------------------------------------------------------------------------------------------


def labels_are_this_orders(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-1: labels printed for an order, or lying in its kit, bear its own chain-of-identity identifier."""
    for record in journey.of("labels"):
        for event in record.facts:
            coi = event["set"].get("coi")
            named = [ref["identifiers"] for ref in refs(event["set"].get("order"))]
            said = [agreement(journey, i) for i in [*named, *([[{"type": "coi", **coi}]] if coi else [])]]
            if DIFFERS in said:
                yield _of_another_order(record, event)
            elif coi and UNKNOWN in said:
                yield _of_nobody_knows_which(record, event)


def _of_another_order(record: RecordState, event: EventDict) -> Finding:
    return Finding(
        rule="I-1",
        kind="identity-mismatch",
        severity="critical",
        about=about(record),
        cause=f"{event['id']}:other",
        text="a set of labels is another order's",
        settle="QA compares kit, labels and order, and resolves the Issue",
        facts=(event["id"],),
        blocks=(*EVERYTHING, LABEL, RELEASE),
        person=True,
    )


def _of_nobody_knows_which(record: RecordState, event: EventDict) -> Finding:
    return Finding(
        rule="I-1",
        kind="identity-mismatch",
        severity="major",
        about=about(record),
        cause=f"{event['id']}:unknown",
        text="labels bear a chain-of-identity identifier, and none is known of the order yet",
        settle="the issuer reports the order's chain-of-identity identifier",
        facts=(event["id"],),
        blocks=(*EVERYTHING, LABEL, RELEASE),
        unclear=True,
    )


# ---- I-17 -------------------------------------------------------------------------------------------------------


def labels_add_up(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-17: of a set of labels as many are applied, spoilt and destroyed as were printed.

    They are counted before the release of the batch, or the collection with the kit: until then that is still to be
    done, afterwards it is an error.
    """
    for labels in journey.of("labels"):
        counted = bool(labels.named("label.reconciled"))
        printed, found = printed_of(labels), accounted(labels)
        if printed is not None and (found > printed or (counted and found < printed)):
            text = f"{printed} labels were printed, and {found} are accounted for"
            yield _discrepancy(journey, labels, "count", text)
        elif counted and printed is None:
            yield _discrepancy(
                journey, labels, "count", "labels were counted, and nobody has said how many were printed"
            )
        elif not counted:
            yield from _uncounted(journey, labels)


def printed_of(labels: RecordState) -> int | None:
    """How many labels of a set were printed: as stated, or as many as it has serial numbers."""
    stated = labels.fields.get("issued")
    return len(labels.fields.get("serials") or ()) or None if stated is None else int(stated)


def accounted(labels: RecordState) -> int:
    """How many labels of a set were applied, spoilt or destroyed."""
    return int(labels.fields.get("applied") or 0) + _lost(labels)


def _lost(labels: RecordState) -> int:
    spoilt = labels.fields.get("spoilt") or ()
    return int(labels.fields.get("destroyed") or 0) + sum(int(part["count"]) for part in spoilt)


def use_of(journey: Journey, labels: RecordState) -> str:
    """What a set is for: a batch (its containers, or one of them), or a kit for the collection."""
    container = labels.fields.get("container")
    if is_ref(labels.fields.get("batch")) or not is_ref(container):
        return BATCH
    record = journey.record(container)
    stock = record is not None and (record.fields.get("weight_band") or record.named("container.allocated"))
    return BATCH if stock or is_product(journey, container) else KIT


def _blocked(journey: Journey, labels: RecordState) -> tuple[str, ...]:
    return (RELEASE,) if use_of(journey, labels) == BATCH else (COLLECT,)


def _uncounted(journey: Journey, labels: RecordState) -> Iterator[Item]:
    """A set that nobody has counted: an error once it should have been, before that only what is still to be done."""
    if use_of(journey, labels) == BATCH:
        late = [d.event for d in decisions(journey) if d.says in OUT_OF_HOLD and _is_of(journey, labels, d.target)]
        ready = any(batch.state == "completed" for batch in _batches(journey, labels))
        before = "the release"
    else:
        starts = [e for c in journey.of("collection") for e in c.facts if e["type"] in _COLLECTED]
        late = [e for e in starts if not any(is_after(fact, e) for fact in labels.facts[:1])]
        ready = True
        before = "the collection"
    if late:
        text = f"labels were not counted before {before}"
        yield _discrepancy(journey, labels, "uncounted", text, late[:1], person=False)
    elif ready:
        yield Finding(
            rule="I-17",
            kind="label-discrepancy",
            severity="minor",
            about=about(labels),
            cause="uncounted",
            text=f"labels have to be counted before {before}",
            settle="whoever printed them reports how many were applied, spoilt and destroyed",
            facts=ids(labels.facts[:1]),
            blocks=_blocked(journey, labels),
        )


_COLLECTED = frozenset({"collection.started", "collection.completed"})


def _labelled(journey: Journey, labels: RecordState) -> set[Thing]:
    """What a set labels: the batch or container that it names, with the material and containers of the same product;
    nothing where it names neither."""
    named = [ref for field in (BATCH, "container") for ref in refs(labels.fields.get(field))]
    own = {thing for ref in named for thing in product_of(journey, ref)}
    for container in journey.of("container") if own else ():
        product = product_of(journey, ref_of(container))
        own |= product if product & own else set()
    return own


def _batches(journey: Journey, labels: RecordState) -> list[RecordState]:
    """The batches that a set labels: all where it names neither batch nor container."""
    own = _labelled(journey, labels)
    return [batch for batch in journey.of("batch") if not own or (batch.kind, batch.name) in own]


def _is_of(journey: Journey, labels: RecordState, target: Mapping[str, Any] | None) -> bool:
    """True when a decision is about what a set labels, or one of the two does not say what it is about."""
    own = _labelled(journey, labels)
    return not own or target is None or bool(product_of(journey, target) & own)


def reprints_replace(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-17: labels are printed again for a reason, and as many of the old ones are destroyed or spoilt."""
    for labels in journey.of("labels"):
        old = labels.fields.get("reprint_of")
        if not is_ref(old):
            continue
        if not labels.fields.get("reason"):
            yield _discrepancy(journey, labels, "reprint-reason", "labels were printed again, and nobody has said why")
        before = journey.record(old)
        if (_lost(before) if before else 0) < (printed_of(labels) or 1):
            text = "labels were printed again, and the old ones are not reported as destroyed"
            yield _discrepancy(journey, labels, "reprint-old", text, before.facts[:1] if before else ())


def _discrepancy(
    journey: Journey,
    labels: RecordState,
    cause: str,
    text: str,
    more: list[EventDict] | tuple[EventDict, ...] = (),
    person: bool = True,
) -> Finding:
    return Finding(
        rule="I-17",
        kind="label-discrepancy",
        severity="critical",
        about=about(labels),
        cause=cause,
        text=text,
        settle="the labels are found and counted again, or QA decides",
        facts=tuple(dict.fromkeys(ids([*labels.facts, *more]))),
        blocks=_blocked(journey, labels),
        person=person,
    )


RULES = (labels_are_this_orders, labels_add_up, reprints_replace)
