"""May the patient be conditioned, the product prepared and given, the next dose given? No collection, no transport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from canonical_model.codes import HOSPITAL, QA, SITE
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import refs
from canonical_model.protocols import Protocol
from canonical_model.questions import persons, scanning
from canonical_model.questions.answer import Reason, Verdict, deny, roles_for, unsure, verdict_of
from canonical_model.questions.first import Ground, ground, of_order, windows_unjudged
from canonical_model.questions.fitness import party_ref, qualified
from canonical_model.questions.manufacture import Named
from canonical_model.questions.product import available, further_dose, in_its_time
from canonical_model.questions.scanning import ContainerRef
from canonical_model.rules.finding import CONDITION, INFUSE, NEXT_DOSE, PREPARE
from canonical_model.rules.quality import RELEASED, disposition_of


def may_condition(
    journey: Journey, protocols: Mapping[str, Protocol], now: datetime, unsettled: Iterable[Reason] = ()
) -> Verdict:
    """May the conditioning of the patient begin?

    I-15: only when the product's availability is confirmed, in the way that the Protocol asks for. Needs besides: an
    open order, a living patient whose consent is on record, nobody who found the patient unfit, no conditioning that
    runs, and nothing that puts the product in doubt.
    """
    on = ground(CONDITION, journey, protocols, now)
    reasons = [*unsettled, *of_order(on), *persons.consented(on), *_not_twice(on), *available(on)]
    patient = persons.patient_of(journey)
    reasons += persons.eligible(on, patient, "conditioning", "I-15", needed=False)
    return verdict_of(CONDITION, reasons)


def _not_twice(on: Ground) -> Iterator[Reason]:
    for record in on.journey.of("conditioning"):
        if record.state == "running":
            facts = [event["id"] for event in record.facts]
            settle = "its end is reported"
            yield deny("I-15", "a conditioning is running", settle, roles_for("conditioning.completed"), *facts)


def may_prepare(
    journey: Journey,
    containers: Sequence[ContainerRef],
    site: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
) -> Verdict:
    """May these containers be thawed or made up into a dose at `site` (a party's short name; empty: not asked)?

    Needs all that an infusion needs but the check of two people at the bed: what must not be given is not made ready.
    """
    on = ground(PREPARE, journey, protocols, now)
    return verdict_of(PREPARE, [*unsettled, *_dose(on, containers, site)])


def may_infuse(
    journey: Journey,
    containers: Sequence[ContainerRef],
    site: str,
    protocols: Mapping[str, Protocol],
    now: datetime,
    unsettled: Iterable[Reason] = (),
    patient: Named | None = None,
) -> Verdict:
    """May these containers be infused at `site` (a party's short name; empty: not asked) into `patient`?

    I-7: every container of the dose is released, unexpired, held by the site and verified against the patient by two
    people; I-1, I-9 and every Issue that blocks infusion. `patient`: whoever is in the bed, by its tokens; not named,
    the order's patient is meant. `unsettled` as for `may_ship`.
    """
    on = ground(INFUSE, journey, protocols, now)
    reasons = [*unsettled, *_dose(on, containers, site), *_in_bed(on, patient)]
    for _, record in scanning.scanned(journey, containers):
        if record is not None and len(_verifiers(journey, record)) < 2:
            text, settle = "two people have not verified container and patient", "the site reports the verification"
            reasons.append(deny("I-7", text, settle, (HOSPITAL, SITE), of=record))
    return verdict_of(INFUSE, reasons)


def _dose(on: Ground, containers: Sequence[ContainerRef], site: str) -> Iterator[Reason]:
    """I-7: what makes a container unfit to be given, whoever is at the bed."""
    journey = on.journey
    yield from of_order(on, scanning.things(journey, containers))
    yield from scanning.named(journey, containers)
    for ref, record in scanning.scanned(journey, containers):
        decision = disposition_of(journey, ref)
        if decision not in RELEASED:
            text = f"it is {decision}, not released" if decision else "no disposition of the product is recorded"
            settle, clears = "quality releases the material", roles_for("disposition.decided")
            yield deny("I-7", text, settle, clears, of=record)
        if record is not None:
            if site:
                other = "the site does not hold the container"
                yield from scanning.held(journey, record, site, "I-7", other, "the site reports its receipt")
            yield from scanning.left(record, "I-7")
    yield from qualified(on, "infuse", party_ref(site) or refs(journey.order.fields.get("site")))
    yield from in_its_time(on)
    yield from windows_unjudged(on)


def _in_bed(on: Ground, patient: Named | None) -> Iterator[Reason]:
    """I-7: whoever is in the bed is the order's patient."""
    if patient is None:
        return
    own = on.journey.order.fields.get("patient")
    if not own:
        settle = "the hospital reports the order with its patient"
        yield unsure("I-7", "nobody told whose order this is", settle, roles_for("order.amended"))
    elif not on.journey.same(own, scanning.as_ref("subject", patient)):
        settle = "QA compares wristband, order and container"
        yield deny("I-7", "the order is for another patient than the one who was named", settle, (QA,))


def _verifiers(journey: Journey, container: RecordState) -> set[str]:
    """The people who found that this container and the order's patient match, as the treating site reported it."""
    people: set[str] = set()
    patient = journey.order.fields.get("patient")
    for record in journey.of("verification"):
        for event in record.named("identity.verified"):
            said = event["set"]
            scanned = {journey.name_of(ref) for ref in refs(said.get("containers"))}
            at_site = event["reporter"]["role"] in {HOSPITAL, SITE}
            theirs = not said.get("patient") or not patient or journey.same(said["patient"], patient)
            if container.name in scanned and said.get("result") == "match" and at_site and theirs:
                people |= {person["actor"] for person in said.get("people", ()) if "actor" in person}
    return people


def may_give_next_dose(
    journey: Journey, protocols: Mapping[str, Protocol], now: datetime, unsettled: Iterable[Reason] = ()
) -> Verdict:
    """May the next of several doses be given?

    I-18: the Protocol plans another one, the patient was found fit for it after the last one, and this is one of its
    days, counted from that of the first. This says nothing of the containers: `may_infuse` does.
    """
    on = ground(NEXT_DOSE, journey, protocols, now)
    return verdict_of(NEXT_DOSE, [*unsettled, *of_order(on), *further_dose(on)])
