"""Rules of a donor who is not the patient: found eligible (I-11), apart from the patient, and consenting (I-27)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from canonical_model.events import end_of, instant_of, is_after, is_coarse
from canonical_model.journey import EventDict, Journey, RecordState, is_ref
from canonical_model.lineage import is_product, ref_of
from canonical_model.protocols import Protocol
from canonical_model.rules.finding import COLLECT, EVERYTHING, INFUSE, SHIP, START, Finding, Item, about, ids
from canonical_model.rules.patient import REFUSING

GIVEN = ("collection.started", "collection.completed")


def donors(journey: Journey) -> list[Mapping[str, Any]]:
    """References to whoever gives the cells, as the order and its collections name them; each person once."""
    named = [journey.order.fields.get("donor"), *(c.fields.get("donor") for c in journey.of("collection"))]
    found: list[Mapping[str, Any]] = []
    for ref in named:
        if is_ref(ref) and not any(journey.same(ref, other) for other in found):
            found.append(ref)
    return sorted(found, key=journey.name_of)


# ---- I-11 -------------------------------------------------------------------------------------------------------


def donor_is_eligible(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-11: cells of a donor go on only when the donor was found eligible, or for a documented urgent medical need."""
    if protocol is None or protocol.sourcing != "directed-donor":
        return
    given = [e for c in journey.of("collection") for type_ in GIVEN for e in c.named(type_)]
    known = donors(journey)
    if not known and (given or journey.of("container")):
        yield _ineligible(("order", journey.order.name), "no donor of the material is named", (), "unnamed")
    for ref in known:
        said = decided(journey, ref, "donor")
        valid = [one for _, one in said if not _had_ended(one, given)]
        if any(one.get("decision") == "not-eligible" and not one.get("urgent_need") for one in valid):
            text = "the donor was found not eligible, and no urgent medical need is documented"
        elif valid and all(one.get("decision") == "eligible" or one.get("urgent_need") for one in valid):
            continue
        elif given or journey.of("container"):
            text = "nobody has decided that the donor is eligible"
        else:
            continue  # nothing was collected yet
        subject = ("subject", journey.name_of(ref))
        yield _ineligible(subject, text, ids(event for event, _ in said), "not-eligible")


def decided(journey: Journey, subject: Mapping[str, Any], kind: str) -> list[tuple[EventDict, Mapping[str, Any]]]:
    """The decisions about one kind of eligibility of a person that no certainly later one replaces, with their facts.

    Read from the facts: the field of the record holds only the kinds that its last fact names.
    """
    record = journey.record(subject)
    stated = [
        (e, one) for e in (record.facts if record else ()) if (one := (e["set"].get("eligibility") or {}).get(kind))
    ]
    return [(event, one) for event, one in stated if not any(is_after(other, event) for other, _ in stated)]


def _had_ended(decision: Mapping[str, Any], given: list[EventDict]) -> bool:
    """True when a decision was no longer valid when the first cells were given."""
    until = decision.get("until")
    starts = [instant_of(event) for event in given if not is_coarse(event)]
    return bool(until is not None and starts and end_of(until) < min(starts))


def _ineligible(of: tuple[str, str], text: str, facts: tuple[str, ...], cause: str) -> Finding:
    return Finding(
        rule="I-11",
        kind="eligibility",
        severity="major",
        about=of,
        cause=cause,
        text=text,
        settle="the collecting facility or the hospital decides about the donor, or documents an urgent medical need",
        facts=facts,
        blocks=(SHIP, START, INFUSE),
    )


# ---- I-27 -------------------------------------------------------------------------------------------------------


def donor_is_not_patient(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-27: donor and patient of a donor-derived order are two persons, and neither's numbers reach the other's side.

    The log is pseudonymous: names, birth dates and record numbers on labels are sealed, so that what is compared here
    are the persons' tokens and other identifiers with those of material and with what labels bear in the open. Who is
    shown what is decided where it is shown, not here.
    """
    patient = journey.order.fields.get("patient")
    if protocol is None or protocol.sourcing != "directed-donor" or not is_ref(patient):
        return
    known = donors(journey)
    for ref in known:
        if journey.same(ref, patient):
            yield _one_person(journey, ref)
            return
    theirs = {value for ref in known for value in _values(journey, ref)}
    own = _values(journey, patient) - theirs
    for kind in ("collection", "material", "container"):
        for record in journey.of(kind):
            names = theirs - own if _is_patients_side(journey, record) else own
            if names:
                yield from _crossing(record, names)


def _values(journey: Journey, ref: Mapping[str, Any]) -> set[str]:
    """Identifiers of a person that may not cross: all but the registry number of a donor (GRID) and the donation's."""
    record = journey.record(ref)
    every = [*ref["identifiers"], *(record.identifiers if record else ())]
    return {i["value"].strip() for i in every if i.get("type") not in {"grid", "din"}}


def _is_patients_side(journey: Journey, record: RecordState) -> bool:
    return record.kind == "container" and is_product(journey, ref_of(record)) and not record.fields.get("collection")


def _crossing(record: RecordState, names: set[str]) -> Iterator[Item]:
    for event in record.facts:
        label = event["set"].get("label") or {}
        printed = [text for text in label.values() if isinstance(text, str)]
        printed += [i["value"] for i in (*event["about"]["identifiers"], label.get("coi") or {}) if "value" in i]
        if names & {text.strip() for text in printed}:
            yield Finding(
                rule="I-27",
                kind="privacy",
                severity="critical",
                about=about(record),
                cause="crossing",
                text="material of one side bears an identifier of the person on the other side",
                settle="QA has the material labelled anew, and the reporter corrects what it told",
                facts=(event["id"],),
                blocks=(SHIP,),
                person=True,
            )
            return


def _one_person(journey: Journey, ref: Mapping[str, Any]) -> Finding:
    return Finding(
        rule="I-27",
        kind="identity-mismatch",
        severity="critical",
        about=("subject", journey.name_of(ref)),
        cause="one-person",
        text="the donor of this donor-derived order is its patient",
        settle="QA compares the records and clears it with the reporter",
        facts=ids(e for c in (journey.order, *journey.of("collection")) for e in c.facts if e["set"].get("donor")),
        blocks=EVERYTHING,
        person=True,
    )


def donor_consents(journey: Journey, protocol: Protocol | None, now: datetime) -> Iterator[Item]:  # noqa: ARG001
    """I-27: nothing is made of the cells of a donor who refused that, or took the consent to it back."""
    if protocol is None or protocol.sourcing != "directed-donor" or not journey.of("consent"):
        return
    for ref in donors(journey):
        said = [
            (event, _refuses(event))
            for record in journey.of("consent")
            if journey.same(record.fields.get("subject"), ref)
            if "manufacture" in (record.fields.get("scope") or ("manufacture",))
            for event in record.facts
            if event["type"] in {"consent.recorded", "consent.withdrawn"}
        ]
        given = [event for event, refuses in said if not refuses]
        ended = [event for event, refuses in said if refuses and not any(is_after(again, event) for again in given)]
        if ended:
            yield Finding(
                rule="I-27",
                kind="consent",
                severity="critical",
                about=("subject", journey.name_of(ref)),
                cause="manufacture",
                text="the donor does not consent to a product being made of the cells",
                settle="the collecting facility records a new consent, or QA and the physician decide",
                facts=ids(ended),
                blocks=(COLLECT, START, SHIP, INFUSE),
                person=True,
            )


def _refuses(event: EventDict) -> bool:
    return event["type"] == "consent.withdrawn" or event["set"].get("status") in REFUSING


RULES = (donor_is_eligible, donor_is_not_patient, donor_consents)
