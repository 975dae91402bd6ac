"""Rules of what puts an earlier release in doubt again: results, excursions, gaps, deviations (I-13).

An excursion that quality has assessed puts nothing in doubt: its Issue is settled. So nothing here depends on which of
the two was told first; that is told by the late fact itself (I-31), and seen in the state as of the release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from canonical_model.events import is_after
from canonical_model.journey import EventDict, Journey, RecordState
from canonical_model.lineage import Thing, concerns, contents_of, ref_of, refs
from canonical_model.origins import Origins
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import INFUSE, Finding, Item, about, ids
from canonical_model.rules.patient import infusions
from canonical_model.rules.quality import OUT_OF_HOLD, Decision, decisions, evaluation, standing
from canonical_model.rules.settling import is_settled, resolved
from canonical_model.rules.specification import OUT, criterion_of
from canonical_model.rules.temperature import temperature_holds, transit_is_recorded

_MILD = frozenset({"info", "minor"})
_DOUBTFUL: Mapping[str, str] = {
    "temperature-excursion": "a temperature excursion that nobody has assessed concerns what was released",
    "telemetry-gap": "for some time the condition of what was released is unknown",
}


def later_results_reopen(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-13: a result that changed after a release, or contradicts it now, re-opens the question."""
    made = [decision for decision in decisions(journey) if decision.says in OUT_OF_HOLD]
    for record in journey.of("result") if made else ():
        touched = [d for d in made if concerns(journey, record, d.target)]
        changes = [*record.named("result.corrected"), *record.named("result.invalidated")]
        contradicts = record.state == "invalidated" or (
            bool(changes) and evaluation(record, criterion_of(journey, protocol, record)) == OUT
        )
        told = [e for e in changes if contradicts or any(is_after(e, d.event) for d in touched)] if touched else []
        if told:
            affected = [c for c in released(journey) if concerns(journey, record, ref_of(c))]
            for event in told:
                text = "a result that a release rests on was changed"
                basis = (event, touched[0].event)
                yield _reopened(journey, "oos", "critical", about(record), event["id"], text, affected, basis)


def doubts_reopen(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:
    """I-13: a release does not outlast an excursion, a gap or a deviation that nobody has settled."""
    if not any(decision.says in OUT_OF_HOLD for decision in decisions(journey)):
        return
    origins = Origins(journey)
    for finding, things in (*_excursions(journey, protocol, now), *_deviations(journey)):
        affected = [c for c in origins.below(things, "container") if _is_released(journey, c)]
        if affected:
            used = _infused(journey, affected)
            severity = "critical" if used else "major"
            cause = f"{finding.rule}:{finding.cause}"
            events = [event for event in journey.facts if event["id"] in finding.facts]
            text = _DOUBTFUL.get(finding.kind, "an open deviation concerns what was released")
            found = _reopened(journey, finding.kind, severity, finding.about, cause, text, affected, events)
            yield replace(found, unclear=finding.unclear)


def released(journey: Journey) -> list[RecordState]:
    """Containers for which a decision holds that let them out of quarantine."""
    return [container for container in journey.of("container") if _is_released(journey, container)]


def _is_released(journey: Journey, container: RecordState) -> bool:
    return any(decision.says in OUT_OF_HOLD for decision in _standing(journey, container))


def _standing(journey: Journey, container: RecordState) -> list[Decision]:
    return standing(journey, ref_of(container))


def _excursions(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[tuple[Finding, set[Thing]]]:
    """Excursions and gaps that no one has settled, each with the containers that they are of: with all of the order,
    where nobody told what was in the shipment."""
    if not journey.records.get("readings"):
        return
    done = resolved(journey)
    everything = {("container", container.name) for container in journey.of("container")}
    for rule in (temperature_holds, transit_is_recorded):
        for finding in rule(journey, protocol, now):
            told = isinstance(finding, Finding) and finding.kind in _DOUBTFUL and finding.cause != "none"
            if isinstance(finding, Finding) and told and not is_settled(journey, finding, done):
                yield finding, _measured(journey, finding.about) or everything


def _measured(journey: Journey, thing: Thing) -> set[Thing]:
    """The containers that a series or a shipment is about."""
    record = journey.records.get(thing[0], {}).get(thing[1])
    if record is None or thing[0] == "container":
        return {thing}
    shipment = journey.record(record.fields.get("shipment")) if record.kind == "readings" else record
    inside = contents_of(shipment) if shipment else []
    return {(r["kind"], journey.name_of(r)) for r in [*inside, *refs(record.fields.get("container"))]}


def _deviations(journey: Journey) -> Iterator[tuple[Finding, set[Thing]]]:
    """Open deviations of a quality system, each with what it is about; one that names only its order is about all."""
    for record in journey.of("issue"):
        opened = record.named("deviation.opened")
        if not opened or record.state == "resolved" or record.fields.get("severity") in _MILD:
            continue
        named = [ref for fact in record.facts for ref in refs(fact["set"].get("about")) if ref["kind"] != "order"]
        things = {(ref["kind"], journey.name_of(ref)) for ref in named}
        things |= {t for thing in things if thing[0] in {"shipment", "readings"} for t in _measured(journey, thing)}
        everything = {("container", container.name) for container in journey.of("container")}
        yield _deviation(record, opened), things or everything


def _deviation(record: RecordState, opened: Iterable[EventDict]) -> Finding:
    """A deviation as a finding, to be told of what it is about."""
    return Finding("I-13", "deviation", "major", about(record), "open", "", "", ids(opened))


def _infused(journey: Journey, containers: Iterable[RecordState]) -> list[EventDict]:
    """The facts that tell that some of these containers were given to the patient."""
    names = {container.name for container in containers}
    return [
        infusion.start
        for infusion in infusions(journey)
        if names & {journey.name_of(r) for fact in infusion.record.facts for r in _given(fact["set"])}
    ]


def _given(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from refs(values.get("containers"))
    for given in values.get("given") or ():
        yield from refs(given.get("container"))


def _reopened(
    journey: Journey,
    kind: str,
    severity: str,
    of: Thing,
    cause: str,
    text: str,
    affected: Iterable[RecordState],
    basis: Iterable[EventDict],
) -> Finding:
    """The finding, with the containers concerned and whether the patient has been given any of them."""
    affected = list(affected)
    used = _infused(journey, affected)
    names = ", ".join(container.name.rpartition("|")[2] for container in affected)
    concerned = f"; containers concerned: {names}" if names else ""
    given = "; the patient of this order was already given some of it" if used else ""
    return Finding(
        rule="I-13",
        kind=kind,
        severity=severity,
        about=of,
        cause=cause,
        text=f"{text}{concerned}{given}",
        settle="QA decides about the release again and tells the site",
        facts=tuple(dict.fromkeys(ids([*basis, *used]))),
        blocks=(INFUSE,),
        person=True,
    )


RULES = (later_results_reopen, doubts_reopen)
