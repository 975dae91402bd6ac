"""Rules of identity: whatever is scanned for an order is this order's (I-1), and goes to whom it came from (I-10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.identifiers import UNASSIGNED
from canonical_model.ids import COI_SYSTEM, Key, name_key, names
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import is_product, ref_of, refs
from canonical_model.origins import din_of, dins
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import EVERYTHING, Finding, Item, about, ids

SCANNED = ("container", "material", "collection", "batch", "shipment", "administration")
AGREES, DIFFERS, UNKNOWN = "agrees", "differs", "unknown"


def identity_agrees(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-1: whatever is scanned for an order is this order's, and all its printed ids agree."""
    for kind in SCANNED:
        for record in journey.of(kind):
            for event in record.facts:
                if "order" in event["set"] or "label" in event["set"]:
                    yield from _scanned(journey, record, event)
    for record in journey.of("verification"):
        for event in record.named("identity.verified"):
            if event["set"].get("result") == "mismatch":
                yield _mismatch(record, event, "a person found that identifiers do not match")
            elif any(agreement(journey, ref["identifiers"]) == DIFFERS for ref in refs(event["set"].get("order"))):
                yield _mismatch(record, event, "a container of this order was verified for another order")
            elif any(_is_foreign(journey, ref) for ref in refs(event["set"].get("containers"))):
                yield _mismatch(record, event, "a container was verified for this order that is none of its own")


def _is_foreign(journey: Journey, container: Mapping[str, Any]) -> bool:
    """True for a container of which no fact of this order tells, while facts tell of the order's own product."""
    own = (ref_of(record) for record in journey.of("container"))
    return journey.record(container) is None and any(is_product(journey, ref) for ref in own)


def _scanned(journey: Journey, record: RecordState, event: EventDict) -> Iterator[Item]:
    stated = event["set"]
    label = stated.get("label") or {}
    for ref in refs(stated.get("order")):
        if agreement(journey, ref["identifiers"]) == DIFFERS:
            yield _mismatch(record, event, "a scan names another order than the one this belongs to")
    if label.get("coi"):
        verdict = agreement(journey, [{"type": "coi", **label["coi"]}])
        if verdict == DIFFERS:
            yield _mismatch(record, event, "the label carries another chain-of-identity identifier")
        elif verdict == UNKNOWN:
            yield _unknown(record, event)
    if label.get("din") and _other_donation(journey, record, label["din"]):
        yield _mismatch(record, event, "the label carries another donation identification number than the collection")


def agreement(journey: Journey, identifiers: list[dict[str, Any]]) -> str:
    """How names of an order stand to this journey's.

    A chain-of-identity identifier must be this order's own, whatever else agrees. Of other names one must agree, or
    none be of a system in which the order has another name.
    """
    keys = names({"kind": "order", "identifiers": identifiers})
    chain = [i for i in identifiers if _chains([i])]
    own = chain_names(journey) if chain else set()
    if chain and own and not any(_is_one_of(own, i) for i in chain):
        return DIFFERS
    if (chain and own) or any(key in journey.names for key in keys):
        return AGREES
    systems = {system for _, system, _ in journey.names}
    return DIFFERS if any(system in systems for _, system, _ in keys) else UNKNOWN


def is_ours(journey: Journey, record: RecordState) -> bool:
    """True unless the record names another order, and none of its names is this one's."""
    stated = refs(record.fields.get("order"))
    return not stated or any(agreement(journey, ref["identifiers"]) != DIFFERS for ref in stated)


def chain_names(journey: Journey) -> set[Key]:
    """The chain-of-identity identifiers of the order."""
    return {key for key in journey.names if key[1] == COI_SYSTEM} | _chains(journey.order.identifiers)


def _is_one_of(own: set[Key], identifier: dict[str, Any]) -> bool:
    """True when an identifier is one of the order's own; by its value alone where its system is only assumed."""
    if identifier.get("assumed") or identifier["system"] == UNASSIGNED:
        return any(value == identifier["value"].strip() for _, _, value in own)
    return name_key("order", identifier) in own


def _chains(identifiers: list[dict[str, Any]]) -> set[Key]:
    keys = ((name_key("order", identifier), identifier.get("type")) for identifier in identifiers)
    return {key for key, type_ in keys if type_ == "coi" or key[1] == COI_SYSTEM}


def _other_donation(journey: Journey, record: RecordState, din: str) -> bool:
    collection = journey.record(record.fields.get("collection"))
    known = dins(collection) if collection else set()
    return bool(known) and din_of(din) not in known


def _mismatch(record: RecordState, event: EventDict, text: str) -> Finding:
    return Finding(
        rule="I-1",
        kind="identity-mismatch",
        severity="critical",
        about=about(record),
        cause=f"{event['id']}:{text}",
        text=text,
        settle="QA compares container, label and order, and resolves the Issue",
        facts=(event["id"],),
        blocks=EVERYTHING,
        person=True,
    )


def _unknown(record: RecordState, event: EventDict) -> Finding:
    return Finding(
        rule="I-1",
        kind="identity-mismatch",
        severity="major",
        about=about(record),
        cause=f"{event['id']}:unknown",
        text="the label carries a chain-of-identity identifier, and none is known of the order yet",
        settle="the issuer reports the order's chain-of-identity identifier",
        facts=(event["id"],),
        blocks=EVERYTHING,
        unclear=True,
    )


def order_has_one_chain(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-1: an order has one chain-of-identity identifier; another one was voided or replaced, or is a mistake."""
    own = chain_names(journey)
    if len(own) < 2:
        return
    retired = _chains([{"type": "coi", **i} for i in journey.order.fields.get("retired") or ()])
    standing = sorted(own - retired)
    if len(standing) > 1:
        yield Finding(
            rule="I-1",
            kind="identity-mismatch",
            severity="critical",
            about=("order", journey.order.name),
            cause="|".join(value for _, _, value in standing),
            text="the order goes by more than one chain-of-identity identifier",
            settle="the issuer voids or replaces the wrong one, and QA resolves the Issue",
            facts=ids(e for e in journey.order.facts if _chains(e["about"]["identifiers"])),
            blocks=EVERYTHING,
            person=True,
        )


def donor_is_patient(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-10: autologous material goes back to its donor and is never allocated to another order."""
    if protocol is None or protocol.sourcing != "autologous":
        return
    patient = journey.order.fields.get("patient")
    for record in journey.of("collection"):
        for event in record.facts:
            donor = event["set"].get("donor")
            if patient and donor and not journey.same(patient, donor):
                yield _not_theirs(
                    record, event, "the donor of the collection is not the patient of this autologous order"
                )
    for record in journey.of("container"):
        for event in record.named("container.unallocated"):
            yield _not_theirs(record, event, "autologous material was reported as no longer allocated to its patient")


def _not_theirs(record: RecordState, event: EventDict, text: str) -> Finding:
    return Finding(
        rule="I-10",
        kind="identity-mismatch",
        severity="critical",
        about=about(record),
        cause=event["id"],
        text=text,
        settle="QA compares the records and clears it with the reporter",
        facts=(event["id"],),
        blocks=EVERYTHING,
        person=True,
    )


def merge_after_labels(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-37: after a merge of patients, printed labels carry a name that is retired; they still match."""
    if not journey.of("container"):
        return
    for event in journey.merges:
        record = journey.record(event["about"])
        if record is not None and journey.is_patient(record):
            yield Finding(
                rule="I-37",
                kind="identity-mismatch",
                severity="info",
                about=about(record),
                cause=event["id"],
                text="two records of the patient became one; labels may carry the retired one",
                settle="nothing; retired names keep matching",
                facts=(event["id"],),
            )


RULES = (identity_agrees, order_has_one_chain, donor_is_patient, merge_after_labels)
