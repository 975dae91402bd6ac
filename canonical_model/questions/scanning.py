"""Containers as they were scanned: which one it is, who holds it, whether anything is left in it. No verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from canonical_model.codes import QA
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import Thing, refs
from canonical_model.questions.answer import Reason, deny, roles_for, unsure

ContainerRef = Mapping[str, Any]
"""A container as it was scanned: `{identifiers: [...]}`."""

USED_UP = frozenset({"destroyed", "emptied"})


def scanned(journey: Journey, containers: Sequence[ContainerRef]) -> list[tuple[dict[str, Any], RecordState | None]]:
    """The scanned references, each with the record that it names."""
    found = [as_ref("container", ref) for ref in containers]
    return [(ref, journey.record(ref)) for ref in found]


def as_ref(kind: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """What was named, as a reference to a record of that kind."""
    return {"kind": kind, "identifiers": named["identifiers"]}


def things(journey: Journey, containers: Sequence[ContainerRef]) -> list[Thing]:
    """Kind and name of the containers that are known."""
    return [("container", record.name) for _, record in scanned(journey, containers) if record is not None]


def named(journey: Journey, containers: Sequence[ContainerRef]) -> Iterator[Reason]:
    """I-1: some container was named, and each name is that of one container of this order."""
    if not containers:
        yield deny("I-1", "no container was named", "name the containers that are scanned", ())
    for ref in containers:
        known = len(journey.all_of(as_ref("container", ref)))
        if known != 1:
            text = (
                "the scanned names belong to more than one container"
                if known
                else "the scanned container is not known to belong to this order"
            )
            yield deny("I-1", text, "QA compares label and order", (QA,))


def is_known(journey: Journey, ref: Mapping[str, Any]) -> bool:
    """True when some fact of the order is about a material or batch, or names it as what its record belongs to."""
    if journey.record(ref) is not None:
        return True
    return any(
        journey.same(ref, other)
        for kind in ("container", "batch", "material", "result", "disposition", "labels", "obligation")
        for record in journey.of(kind)
        for field in (ref["kind"], "inputs", "outputs", "parents")
        for other in refs(record.fields.get(field))
    )


def held(journey: Journey, record: RecordState, party: str, rule: str, other: str, settle: str) -> Iterator[Reason]:
    """Reasons why a party cannot hand over or use a container: it does not hold it, or nobody can say."""
    chain = journey.custody.get(record.name)
    clears = roles_for("container.created", "custody.transferred")
    if chain is None or not chain.holder:
        text, told = (
            "nobody is recorded as holder of the container",
            "the maker reports its creation, or the taker its receipt",
        )
        yield deny(rule, text, told, clears, of=record)
    elif party and chain.holder != journey.party(party):
        yield deny(rule, other, settle, clears, chain.steps[-1].event, of=record)
    elif party and chain.unsure:
        text = "the last handovers are known to the day only and fit no order"
        yield unsure(rule, text, "the reporters give the times", clears, chain.steps[-1].event, of=record)


def left(record: RecordState, rule: str) -> Iterator[Reason]:
    """A container that was emptied or destroyed is of no use."""
    if record.state in USED_UP:
        yield deny(rule, f"the container is {record.state}", "another container is needed", (), of=record)
