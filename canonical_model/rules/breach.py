"""Rules of breached containers: what leaked or was opened by accident meets a patient only by a decision (I-29)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical_model.codes import HOSPITAL, SITE
from canonical_model.events import is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import Thing, is_product, ref_of, refs
from canonical_model.origins import Origins
from canonical_model.protocols import Protocol
from canonical_model.rules.ends import GONE, containers_of
from canonical_model.rules.finding import INFUSE, NEXT_DOSE, Finding, Item, about, ids
from canonical_model.rules.patient import infusions
from canonical_model.rules.specification import answers


def breach_is_decided(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-29: cells of a breached container meet the patient only after the treating side has decided it, with a culture.

    The decision is that hospital or site resolve the Issue; nobody else settles it. A culture is a sample of the
    container, or a sterility result of it, that was not taken before the breach for certain; one of its lot counts
    when it was taken after the breach for certain.
    """
    breached = {c.name: found for c in journey.of("container") if (found := _breaches(c))}
    if not breached:
        return
    origins = Origins(journey)
    given = {name for infusion in infusions(journey) for name in containers_of(journey, infusion.record)}
    for container in journey.of("container"):
        sources = _sources(origins, container, set(breached))
        facts = [event for name in sorted(sources) for event in breached[name]]
        met = container.name in given
        if not facts or not (met or (container.state not in GONE and _is_for_patient(journey, container))):
            continue
        was = "cells of a breached container were given" if met else "its cells come from a breached container"
        yield _undecided(container, facts, f"{was}; the physician's decision is not recorded")
        things = {("container", name) for name in (*sources, container.name)}
        if not _is_cultured(journey, origins, things, facts):
            yield _uncultured(container, facts, f"{was}; no culture of them is recorded")


def _breaches(container: RecordState) -> list[EventDict]:
    return [event for event in container.facts if event["set"].get("breached") is True]


def _sources(origins: Origins, container: RecordState, breached: set[str]) -> set[str]:
    """The breached containers whose content is in this one, itself included: filled from them, not made of them."""
    found: set[str] = set()
    waiting = [(container.kind, container.name)]
    while waiting:
        kind, name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += origins.filled_from((kind, name))
    return found & breached


def _is_for_patient(journey: Journey, container: RecordState) -> bool:
    """True for a container of product, and for one that was thawed, prepared at the site, or took up what leaked."""
    at_site = container.named("product.thawed") or container.named("dose.prepared")
    salvaged = container.fields.get("role") == "salvage" or container.fields.get("prepared_from")
    return bool(at_site or salvaged) or is_product(journey, ref_of(container))


def _is_cultured(journey: Journey, origins: Origins, things: set[Thing], breaches: list[EventDict]) -> bool:
    """True when a sample or sterility result tells of the content since the breach."""
    lots = {thing for one in things for thing in origins.direct(one) if thing[0] in {"material", "batch"}}
    return any(
        bool(above & things and not all(is_after(breach, event) for breach in breaches))
        or bool(above & lots and any(is_after(event, breach) for breach in breaches))
        for event, above in _samples(journey, origins)
    )


def _samples(journey: Journey, origins: Origins) -> Iterator[tuple[EventDict, set[Thing]]]:
    """Facts that tell of a sample or a sterility result, each with what it was taken of."""
    for material in journey.of("material"):
        if material.fields.get("stage") == "sample" or material.named("sample.taken"):
            thing = (material.kind, material.name)
            yield from ((event, {*origins.above(thing)}) for event in material.facts)
    for container in journey.of("container"):
        if container.fields.get("role") == "sample":
            thing = (container.kind, container.name)
            yield from ((event, {*origins.above(thing)}) for event in container.facts)
    for result in journey.of("result"):
        if result.state != "invalidated" and answers(result, "sterility"):
            own = [ref for field in ("container", "material", "batch") for ref in refs(result.fields.get(field))]
            things = {thing for ref in own for thing in (origins.thing(ref), *origins.above(origins.thing(ref)))}
            yield from ((event, things) for event in result.facts)


def _undecided(container: RecordState, facts: list[EventDict], text: str) -> Finding:
    return Finding(
        rule="I-29",
        kind="deviation",
        severity="critical",
        about=about(container),
        cause="decision",
        text=text,
        settle="the physician at the site or hospital decides and resolves the Issue",
        facts=ids(facts),
        blocks=(INFUSE, NEXT_DOSE),
        by=(HOSPITAL, SITE),
    )


def _uncultured(container: RecordState, facts: list[EventDict], text: str) -> Finding:
    return Finding(
        rule="I-29",
        kind="deviation",
        severity="critical",
        about=about(container),
        cause="culture",
        text=text,
        settle="the site reports a culture sample of the content, or QA decides",
        facts=ids(facts),
        blocks=(INFUSE, NEXT_DOSE),
        person=True,
    )


RULES = (breach_is_decided,)
