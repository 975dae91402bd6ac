"""May this batch start, may its labels be printed? Its starting material, its identity, its state. No release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from canonical_model.attempts import FAILED
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import collections_of, contents_of, is_product, ref_of, refs
from canonical_model.protocols import Protocol
from canonical_model.questions import scanning
from canonical_model.questions.answer import Reason, Verdict, deny, roles_for, unsure, verdict_of
from canonical_model.questions.first import Ground, ground, of_order, windows_unjudged
from canonical_model.questions.fitness import party_ref, qualified
from canonical_model.questions.scanning import ContainerRef
from canonical_model.rules.finding import LABEL, START
from canonical_model.rules.identity import chain_names

Named = Mapping[str, Any]
"""Something by what it is called: `{identifiers: [...]}`."""


def may_start(
    journey: Journey,
    batch: Named,
    maker: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    containers: Sequence[ContainerRef] = (),
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May the manufacture of this batch begin at `maker` (a party's short name; empty: not asked)?

    A batch need not be known yet: its start is usually the first that is told of it. `containers` are what goes in;
    none named: what the batch's own facts name, else all that was collected for the order and is left. Needs: an open
    order, a batch that has not begun, and starting material that this maker holds, that was accepted, and that comes
    from a collection that counts.
    """
    on = ground(START, journey, protocols, now)
    record, ref = _batch(journey, batch)
    named = [*containers] or _inputs(journey, record)
    reasons = [*unsettled, *of_order(on, [("batch", journey.name_of(ref)), *scanning.things(journey, named)])]
    if record is not None and record.state and record.state != "planned":
        text, settle = f"the batch is {record.state}", "another batch is named"
        reasons.append(deny("I-30", text, settle, roles_for("batch.started"), *(e["id"] for e in record.facts)))
    if not named:
        text, settle = "no starting material of this order is known", "the collection and its containers are reported"
        reasons.append(deny("I-12", text, settle, roles_for("collection.completed", "container.created")))
    else:
        reasons += scanning.named(journey, named)
    for _, container in scanning.scanned(journey, named):
        if container is not None:
            reasons += _fit(on, container, maker)
    reasons += qualified(on, "manufacture", party_ref(maker))
    return verdict_of(START, [*reasons, *windows_unjudged(on)])


def _batch(journey: Journey, batch: Named) -> tuple[RecordState | None, dict[str, Any]]:
    ref = scanning.as_ref("batch", batch)
    return journey.record(ref), ref


def _inputs(journey: Journey, batch: RecordState | None) -> list[ContainerRef]:
    """The containers that a batch is made from: those that it names, else what was collected and is left."""
    stated = [ref for ref in refs(batch.fields.get("inputs") if batch else None) if ref["kind"] == "container"]
    if stated:
        return stated
    found: list[ContainerRef] = []
    for container in journey.of("container"):
        ref = ref_of(container)
        kept = container.state in scanning.USED_UP or container.fields.get("role", "primary") not in {
            "primary",
            "backup",
        }
        if not kept and container.fields.get("kind") != "kit" and not is_product(journey, ref):
            found.append(ref)
    return found


def _fit(on: Ground, container: RecordState, maker: str) -> Iterator[Reason]:
    """What speaks against one container as starting material."""
    journey = on.journey
    if maker:
        other, settle = "the maker does not hold the starting material", "the maker reports its receipt"
        yield from scanning.held(journey, container, maker, "I-2", other, settle)
    yield from scanning.left(container, "I-12")
    if _is_lost(journey, container):
        text, settle = "the starting material was refused, or its collection failed", "another collection"
        yield deny("I-12", text, settle, roles_for("collection.completed"), of=container)
    elif not _accepted(journey, container, maker):
        text = "nobody reported that the starting material was accepted"
        clears = roles_for("material.received", "shipment.accepted")
        yield unsure("I-33", text, "the maker reports the receipt and what it found", clears, of=container)


def _is_lost(journey: Journey, container: RecordState) -> bool:
    """True when the material was refused or its collection failed. A failed batch loses nothing that was kept apart."""
    material = journey.record(container.fields.get("material"))
    if material is not None and material.named("material.rejected"):
        return True
    origins = collections_of(journey, container)
    return any(c.name in origins and c.state in FAILED for c in journey.of("collection"))


def _accepted(journey: Journey, container: RecordState, maker: str) -> bool:
    """True when the material, or a shipment with the container in it, was received; or when nothing travelled, because
    the maker itself collected it."""
    material = journey.record(container.fields.get("material"))
    if material is not None and material.named("material.received"):
        return True
    for shipment in journey.of("shipment"):
        if shipment.state == "accepted" and any(journey.record(ref) is container for ref in contents_of(shipment)):
            return True
    chain = journey.custody.get(container.name)
    here = bool(maker) and chain is not None and chain.holder == journey.party(maker)
    return here and chain is not None and len(chain.steps) == 1


def may_label(
    journey: Journey,
    batch: Named,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May labels be printed for this batch?

    Needs: an open order, a batch of it that was not lost, and a chain-of-identity identifier to print; without one
    nobody can tell what the labels have to say.
    """
    on = ground(LABEL, journey, protocols, now)
    record, ref = _batch(journey, batch)
    reasons = [*unsettled, *of_order(on, [("batch", journey.name_of(ref))])]
    if not scanning.is_known(journey, ref):
        text, settle = "the batch is not known to be of this order", "the maker reports the batch with its order"
        reasons.append(deny("I-1", text, settle, roles_for("batch.started")))
    elif record is not None and record.state in FAILED:
        text, settle = f"the batch is {record.state}", "another batch is named"
        reasons.append(deny("I-17", text, settle, roles_for("batch.started"), *(e["id"] for e in record.facts)))
    if not chain_names(journey):
        text, settle = "no chain-of-identity identifier of the order is known", "the issuer reports it"
        reasons.append(unsure("I-1", text, settle, roles_for("identity.issued")))
    return verdict_of(LABEL, reasons)
