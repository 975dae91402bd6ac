"""Rules of recalls: nothing that descends from what was recalled is used any more, whoever got it is named (I-25)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import Thing, refs
from canonical_model.origins import Origins, consumed_lots
from canonical_model.protocols import Protocol
from canonical_model.rules.ends import GONE, containers_of
from canonical_model.rules.finding import (
    ALLOCATE,
    INFUSE,
    NEXT_DOSE,
    PREPARE,
    RELEASE,
    SHIP,
    START,
    Finding,
    Item,
    about,
    ids,
)
from canonical_model.rules.patient import infusions

BARRED = (ALLOCATE, START, SHIP, PREPARE, INFUSE, NEXT_DOSE, RELEASE)
GIVEN = ("infusion.started", "infusion.completed", "infusion.stopped")


def nothing_recalled_is_used(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-25: nothing that descends from a recalled lot, donor, donation or container is used, and who got it is told.

    That the recall is closed changes nothing for the material. A recall is as wide as its live facts together say.
    Containers bar themselves; a batch or material of which no container is known bars the whole order.
    """
    recalls = journey.of("recall")
    if not recalls:
        return
    origins = Origins(journey)
    for recall in recalls:
        facts = [event for event in recall.facts if event["set"].get("targets")]
        targets = {origins.thing(ref) for event in facts for ref in refs(event["set"]["targets"])}
        if targets:
            yield from _barred(origins, recall, targets, facts)
            yield from _treated(journey, origins, recall, targets, facts)
            yield from _perhaps(journey, recall, facts)


def _barred(origins: Origins, recall: RecordState, targets: set[Thing], facts: list[EventDict]) -> Iterator[Item]:
    held = origins.below(targets, "container")
    loose: list[RecordState] = []
    for kind in ("batch", "material"):
        covered = {thing for r in (*held, *loose) for thing in origins.above((r.kind, r.name))}
        loose += [r for r in origins.below(targets, kind) if (kind, r.name) not in covered]
    for record in (*held, *loose):
        if record.state not in GONE:
            text = "it was recalled, or descends from what was recalled"
            yield _finding(record, recall, text, facts, "nothing; another lot or container is needed", BARRED)


def _treated(
    journey: Journey, origins: Origins, recall: RecordState, targets: set[Thing], facts: list[EventDict]
) -> Iterator[Item]:
    descending = {container.name for container in origins.below(targets, "container")}
    for record in [infusion.record for infusion in infusions(journey)]:
        if containers_of(journey, record) & descending:
            given = [event for type_ in GIVEN for event in record.named(type_)]
            text = "the patient of this order was treated with what was recalled, or descends from it"
            settle = "QA and the physician assess it, and tell the patient's physician and the authority"
            yield _finding(record, recall, text, [*facts, *given], settle, ())


def _perhaps(journey: Journey, recall: RecordState, facts: list[EventDict]) -> Iterator[Item]:
    """A batch that used up a lot of a recalled lot's number, where nobody says whose lot it was."""
    for ref in [ref for event in facts for ref in refs(event["set"]["targets"]) if ref["kind"] == "material"]:
        known = journey.record(ref)
        numbers = {i["value"].strip() for i in (*ref["identifiers"], *(known.identifiers if known else ()))}
        numbers |= {known.fields["lot"].strip()} if known and known.fields.get("lot") else set()
        for batch in journey.of("batch"):
            if numbers & consumed_lots(batch.fields):
                yield Finding(
                    rule="I-25",
                    kind="recall",
                    severity="critical",
                    about=about(batch),
                    cause=f"{recall.name}:number",
                    text="a lot that went in has the number of a recalled one, and nobody has said whose it was",
                    settle="the maker names the lot by its own identifier",
                    facts=ids(facts),
                    blocks=BARRED,
                    unclear=True,
                )


def _finding(
    record: RecordState,
    recall: RecordState,
    text: str,
    facts: list[EventDict],
    settle: str,
    blocks: tuple[str, ...],
) -> Finding:
    return Finding(
        rule="I-25",
        kind="recall",
        severity="critical",
        about=about(record),
        cause=recall.name,
        text=text,
        settle=settle,
        facts=tuple(dict.fromkeys(ids(facts))),
        blocks=blocks,
        person=True,
    )


RULES = (nothing_recalled_is_used,)
