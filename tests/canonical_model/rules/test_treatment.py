"""Rules of conditioning: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T
from canonical_model.protocols import Protocol
from canonical_model.rules.availability import availability
from canonical_model.rules.treatment import missing_for_infusion
from tests.canonical_model.facts import (
    BATCH,
    BATCH_2,
    LOT,
    LOT_2,
    MAKER,
    ORDER,
    OTHER,
    PATIENT,
    PRODUCT,
    PRODUCT_2,
    RETURN,
    SITE,
    Fact,
    Ref,
    checked,
    created,
    fact,
    findings,
    handed,
    journey,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.clock import changes_only_when_told

CONDITIONING = ref("conditioning", "C-1")


def waiting_for(after: str) -> Protocol:
    """The default Protocol with another condition for conditioning."""
    conditioning = AUTOLOGOUS_CAR_T.conditioning
    assert conditioning is not None
    return AUTOLOGOUS_CAR_T.model_copy(
        update={"id": after, "conditioning": conditioning.model_copy(update={"after": after})}
    )


PROTOCOLS = {p.key: p for p in (waiting_for("released"), waiting_for("at-site"), waiting_for("confirmed"))}


def ordered(after: str = "released", **values: Any) -> list[Fact]:
    """An order with a product whose availability has to be confirmed in a way, and that is treated at the site."""
    return [
        submitted(protocol=f"{after}@1", site=SITE, **values),
        created(PRODUCT, MAKER, "2026-03-09T08:00:00", material=LOT, batch=BATCH),
    ]


def decided(says: str = "released", at: str = "2026-03-09T15:00:00", about: Ref = LOT, name: str = "D-1") -> Fact:
    values: dict[str, Any] = {about["kind"]: about}
    return fact("disposition.decided", ref("disposition", name), at, by="cdmo", decision=says, **values)


def kept_as(role: str, lot: Ref) -> Fact:
    """A second container, of what a lot filled, with what it is kept for."""
    told = created(PRODUCT_2, MAKER, material=lot, batch=BATCH_2)
    return {**told, "set": {**told["set"], "role": role}}


def begun(at: str = "2026-03-11T09:00:00", **values: Any) -> Fact:
    return fact("conditioning.started", CONDITIONING, at, order=ORDER, **values)


def ended(at: str = "2026-03-13T09:00:00", about: Ref = CONDITIONING, **values: Any) -> Fact:
    return fact("conditioning.completed", about, at, **{"order": ORDER, **values})


def infused(at: str, type_: str = "infusion.started", **values: Any) -> Fact:
    return fact(type_, ref("administration", "A-1"), at, containers=[PRODUCT], **values)


def fit(at: str, decision: str = "eligible", about: Ref = PATIENT, **values: Any) -> Fact:
    said = {"conditioning": {"decision": decision, **values}}
    return fact("eligibility.decided", about, at, eligibility=said)


def booked(kind: str, at: str = "2026-03-10T08:00:00", **values: Any) -> Fact:
    period = {"start": when("2026-03-15T08:00:00")}
    return fact("slot.booked", ref("appointment", kind), at, order=ORDER, kind=kind, **{"period": period, **values})


def shipment(type_: str, at: str, **values: Any) -> Fact:
    return fact(type_, RETURN, at, by="courier", direction="to-patient", contents=[PRODUCT], **values)


OPEN, FAILED, WINDOW = "precondition", "oos", "window"
TREATED = [*ordered(), decided(), begun("2026-03-01T09:00:00"), ended("2026-03-03T09:00:00")]
"""Conditioned up to 3 March: the default Protocol wants the infusion from 5 to 17 March."""
CASES = [
    # ---- I-15
    case(
        "before the release",
        "I-15",
        OPEN,
        [*ordered(), begun("2026-03-09T14:59:00"), decided()],
        [*ordered(), begun("2026-03-09T15:01:00"), decided()],
        "critical",
        protocols=PROTOCOLS,
    ),
    case(
        "on the day of the release nobody can tell",
        "I-15",
        OPEN,
        [*ordered(), begun("2026-03-08"), decided()],
        [*ordered(), begun("2026-03-09"), decided()],
        protocols=PROTOCOLS,
    ),
    case(
        "only the end of it was told",
        "I-15",
        OPEN,
        [*ordered(), ended("2026-03-09T14:00:00"), decided()],
        [*ordered(), ended("2026-03-09T16:00:00"), decided()],
        protocols=PROTOCOLS,
    ),
    case(
        "one of two lots",
        "I-15",
        OPEN,
        [*ordered(), kept_as("primary", LOT_2), decided(), begun()],
        [*ordered(), kept_as("backup", LOT_2), decided(), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "a conditional release is none",
        "I-15",
        OPEN,
        [*ordered(), decided("released-conditional"), begun()],
        [*ordered("confirmed"), decided("released-conditional"), booked("delivery"), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "no date of delivery",
        "I-15",
        OPEN,
        [*ordered("confirmed"), decided("released-conditional"), booked("infusion"), begun()],
        [
            *ordered("confirmed"),
            decided("released-conditional"),
            shipment("shipment.planned", "2026-03-10T08:00:00", planned={"end": when("2026-03-15")}),
            begun(),
        ],
        protocols=PROTOCOLS,
    ),
    case(
        "a delivery that was given up",
        "I-15",
        OPEN,
        [
            *ordered("confirmed"),
            decided(),
            booked("delivery"),
            fact("slot.cancelled", ref("appointment", "delivery"), "2026-03-10T09:00:00"),
            begun(),
        ],
        [*ordered("confirmed"), decided(), booked("delivery"), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "a delivery that was dated afterwards",
        "I-15",
        OPEN,
        [*ordered("confirmed"), decided(), booked("delivery", "2026-03-12T08:00:00"), begun()],
        [*ordered("confirmed"), decided(), booked("delivery", "2026-03-11T08:00:00"), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "released and still on its way",
        "I-15",
        OPEN,
        [*ordered("at-site"), decided(), shipment("shipment.departed", "2026-03-10T08:00:00"), begun()],
        [*ordered("at-site"), decided(), shipment("shipment.arrived", "2026-03-10T08:00:00"), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "handed to another party than the site",
        "I-15",
        OPEN,
        [
            *ordered("at-site"),
            decided(),
            handed(MAKER, ref("party", "store"), "2026-03-10T08:00:00", MAKER, PRODUCT),
            begun(),
        ],
        [*ordered("at-site"), decided(), handed(MAKER, SITE, "2026-03-10T08:00:00", MAKER, PRODUCT), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "at the site and not released",
        "I-15",
        OPEN,
        [*ordered("at-site"), handed(MAKER, SITE, "2026-03-10T08:00:00", MAKER, PRODUCT), begun()],
        [*ordered("at-site"), decided(), handed(MAKER, SITE, "2026-03-10T08:00:00", MAKER, PRODUCT), begun()],
        protocols=PROTOCOLS,
    ),
    case(
        "no product at all",
        "I-15",
        OPEN,
        [submitted(), begun()],
        [submitted(), fact("conditioning.started", CONDITIONING, order=OTHER)],
    ),
    case(
        "scenario 23: rejected on the second day of conditioning",
        "I-15",
        FAILED,
        [*ordered(), decided(), begun(), decided("rejected", "2026-03-12T10:00:00", name="D-2")],
        [
            *ordered(),
            decided(),
            begun(),
            kept_as("retain", LOT),
            decided("rejected", "2026-03-12T10:00:00", PRODUCT_2, "D-2"),
        ],
        "critical",
        protocols=PROTOCOLS,
    ),
    case(
        "a rejection that a later decision replaced",
        "I-15",
        FAILED,
        [*ordered(), decided(), begun(), decided("rejected", "2026-03-12T10:00:00", name="D-2")],
        [
            *ordered(),
            decided(),
            begun(),
            decided("rejected", "2026-03-12T10:00:00", name="D-2"),
            decided("released-exceptionally", "2026-03-12T12:00:00", name="D-3"),
        ],
        protocols=PROTOCOLS,
    ),
    case(
        "the batch failed",
        "I-15",
        FAILED,
        [*ordered(), begun(), fact("batch.failed", BATCH, "2026-03-12T10:00:00", order=ORDER)],
        [*ordered(), begun(), fact("batch.failed", BATCH, "2026-03-10T10:00:00", order=ORDER)],
        protocols=PROTOCOLS,
    ),
    case(
        "rejected before the infusion, not after it",
        "I-15",
        FAILED,
        [*ordered(), decided(), begun(), decided("revoked", "2026-03-15T10:00:00"), infused("2026-03-15T11:00:00")],
        [*ordered(), decided(), begun(), decided("revoked", "2026-03-15T12:00:00"), infused("2026-03-15T11:00:00")],
        protocols=PROTOCOLS,
    ),
    # ---- I-16
    case(
        "infused too soon",
        "I-16",
        WINDOW,
        [*ordered(), decided(), begun(), ended(), infused("2026-03-15T08:59:00")],
        [*ordered(), decided(), begun(), ended(), infused("2026-03-15T09:00:00")],
        "major",
        protocols=PROTOCOLS,
    ),
    case(
        "of a day nothing is known for certain",
        "I-16",
        WINDOW,
        [*ordered(), decided(), begun(), ended(), infused("2026-03-14")],
        [*ordered(), decided(), begun(), ended(), infused("2026-03-15")],
        protocols=PROTOCOLS,
    ),
    case(
        "infused too late",
        "I-16",
        WINDOW,
        [*TREATED, infused("2026-03-17T09:01:00")],
        [*TREATED, infused("2026-03-17T09:00:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "infused late without a new decision",
        "I-16",
        WINDOW,
        [*TREATED, fit("2026-03-02T09:00:00"), infused("2026-03-18T09:00:00")],
        [*TREATED, fit("2026-03-16T09:00:00"), infused("2026-03-18T09:00:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "the time has passed",
        "I-16",
        WINDOW,
        TREATED,
        [*TREATED, fit("2026-03-18T09:00:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "what was decided no longer holds",
        "I-16",
        WINDOW,
        [*TREATED, fit("2026-03-18T09:00:00", until=when("2026-03-19T09:00:00"))],
        [*TREATED, fit("2026-03-18T09:00:00", until=when("2026-03-21T09:00:00"))],
        protocols=PROTOCOLS,
    ),
    case(
        "the last decision counts",
        "I-16",
        WINDOW,
        [*TREATED, fit("2026-03-18T09:00:00"), fit("2026-03-19T09:00:00", "not-eligible")],
        [*TREATED, fit("2026-03-18T09:00:00", "not-eligible"), fit("2026-03-19T09:00:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "another person's fitness",
        "I-16",
        WINDOW,
        [*TREATED, fit("2026-03-18T09:00:00", about=ref("subject", "token-9"))],
        [*TREATED, fit("2026-03-18T09:00:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "conditioned again",
        "I-16",
        WINDOW,
        TREATED,
        [*TREATED, ended("2026-03-18T09:00:00", ref("conditioning", "C-2"))],
        protocols=PROTOCOLS,
    ),
    case(
        "nobody waits for an infusion of the dead",
        "I-16",
        WINDOW,
        TREATED,
        [*TREATED, fact("subject.deceased", PATIENT, "2026-03-04T09:00:00")],
        protocols=PROTOCOLS,
    ),
    case(
        "an infusion that did not take place is still waited for",
        "I-16",
        WINDOW,
        [*TREATED, infused("2026-03-10T09:00:00", "infusion.not-done")],
        [*TREATED, infused("2026-03-10T09:00:00")],
        protocols=PROTOCOLS,
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def lacks(after: str, *facts: Fact) -> list[str]:
    return sorted(missing.what for missing in availability(journey(*ordered(after), *facts), waiting_for(after)))


@pytest.mark.parametrize(
    ("after", "facts", "lacking"),
    [
        ("released", [], ["release"]),
        ("released", [decided("quarantined")], ["release"]),
        ("released", [decided("released-exceptionally")], []),
        ("at-site", [decided()], ["at-site"]),
        ("at-site", [decided(), shipment("shipment.accepted", "2026-03-10T08:00:00")], []),
        ("confirmed", [], ["delivery", "release"]),
        ("confirmed", [decided("released-conditional")], ["delivery"]),
        ("confirmed", [decided("released-conditional"), booked("delivery")], []),
    ],
)
def test_availability_says_what_is_missing(after: str, facts: list[Fact], lacking: list[str]) -> None:
    assert lacks(after, *facts) == lacking


def test_a_product_that_was_rejected_or_destroyed_is_none() -> None:
    assert lacks("released", decided("rejected")) == ["product"]
    assert lacks("released", decided(), fact("container.destroyed", PRODUCT, "2026-03-10T08:00:00")) == ["product"]


def test_a_release_of_a_lot_counts_before_its_container_is_known() -> None:
    stated = fact("material.stated", LOT, by="cdmo", role="cdmo", stage="drug-product", batch=BATCH)
    assert not availability(journey(submitted(), stated, decided()), AUTOLOGOUS_CAR_T)
    apheresis = fact("material.stated", LOT, by="cdmo", role="cdmo", stage="starting")
    assert availability(journey(submitted(), apheresis, decided()), AUTOLOGOUS_CAR_T)


def test_nothing_is_asked_where_the_protocol_knows_no_conditioning() -> None:
    assert availability(journey(submitted(), begun()), AUTOLOGOUS_CAR_T.model_copy(update={"conditioning": None})) == ()
    assert availability(journey(submitted(), begun()), None) == ()


def test_a_failed_product_closes_infusion_and_conditioning() -> None:
    facts = [*ordered(), decided(), begun(), decided("rejected", "2026-03-12T10:00:00", name="D-2")]
    (found,) = [f for f in checked(*facts, protocols=PROTOCOLS).findings if f.kind == FAILED and f.rule == "I-15"]
    assert set(found.blocks) == {"may-infuse", "may-condition"}
    assert found.person


def test_an_early_start_of_conditioning_is_told_and_blocks_nothing() -> None:
    (found,) = [f for f in checked(*ordered(), begun(), protocols=PROTOCOLS).findings if f.rule == "I-15"]
    assert found.blocks == ()


def test_a_passed_window_closes_infusion_until_fitness_is_decided() -> None:
    (found,) = [f for f in checked(*TREATED, protocols=PROTOCOLS).findings if f.rule == "I-16"]
    assert found.blocks == ("may-infuse",)
    assert not found.person


def test_what_a_clock_meets_after_conditioning() -> None:
    state = journey(*TREATED, fit("2026-03-18T09:00:00", until=when("2026-03-19T09:00:00")))
    start, end = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC)
    protocol = PROTOCOLS["released@1"]
    assert (
        changes_only_when_told(state, PROTOCOLS, start, end, lambda s, now: missing_for_infusion(s, protocol, now)) == 2
    )
    opens = datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert missing_for_infusion(state, protocol, opens) == ()
    assert [m.what for m in missing_for_infusion(state, protocol, start)] == ["conditioning-window"]


def test_between_the_hours_that_an_end_known_to_the_hour_allows_nobody_can_tell() -> None:
    """It ended between 09:00 and 10:00 on 4 March; the infusion follows after 2 to 14 days."""
    coarse = [*ordered(), decided(), begun(), ended("2026-03-04T09")]
    state, protocol = journey(*coarse), PROTOCOLS["released@1"]

    def missing(at: str) -> list[bool]:
        return [m.unclear for m in missing_for_infusion(state, protocol, datetime.fromisoformat(f"{at}+00:00"))]

    assert missing("2026-03-06T09:59:00") == [False]
    assert missing("2026-03-06T10:00:00") == missing("2026-03-18T09:00:00") == []
    assert missing("2026-03-18T09:00:01") == missing("2026-03-18T09:59:59") == [True]
    known = journey(*coarse, fit("2026-03-18T08:00:00", until=when("2026-03-19T09:00:00")))
    assert missing_for_infusion(known, protocol, datetime(2026, 3, 18, 9, 30, tzinfo=UTC)) == ()
    a_day = journey(*ordered(), decided(), begun("2026-03-01T09:00:00"), ended("2026-03-04"))
    start, end = datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 21, tzinfo=UTC)
    assert (
        changes_only_when_told(a_day, PROTOCOLS, start, end, lambda s, now: missing_for_infusion(s, protocol, now)) == 3
    )


def test_a_journey_without_conditioning_is_silent() -> None:
    assert not [f for f in findings(*ordered(), decided()) if f.rule in {"I-15", "I-16"}]
