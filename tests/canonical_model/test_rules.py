"""Rules: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from canonical_model.fold import fold
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules import RULES, Finding, check, describe, patient_barred, protocol_of, resolved
from tests.canonical_model import rules
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BAG_2,
    BATCH,
    COI,
    COURIER,
    DECISION,
    DONATION,
    LOT,
    LOT_2,
    MAKER,
    NOW,
    ORDER,
    OTHER,
    OUTBOUND,
    PATIENT,
    PRODUCT,
    RETURN,
    SITE,
    STRANGER,
    Fact,
    Ref,
    created,
    dose_ready,
    fact,
    findings,
    handed,
    journey,
    ref,
    result,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells

START = [submitted(), created(order=ORDER)]
STRANGE = ref("container", "of-another-order")
PRODUCT_BAG = created(PRODUCT, MAKER, material=LOT, batch=BATCH, order=ORDER)
READY = [submitted(), *dose_ready()]
RELEASE = next(event for event in READY if event["type"] == "disposition.decided")


def verified(container: Ref) -> Fact:
    """Two people verified this container for the order, and found that it matches."""
    return fact("identity.verified", ref("verification", "1"), result="match", order=ORDER, containers=[container])


def observed(at: str = "2026-03-08T12:00:00", **values: Any) -> Fact:
    return fact("container.observed", BAG, at, **values)


def sent(body: str, **values: Any) -> Fact:
    """What one message of the id m1 says of the order."""
    return {**fact("order.amended", ORDER, ordinal=body, **values), "body": body}


def label(coi: str) -> dict[str, Any]:
    return {"coi": {"system": "urn:somebody", "value": coi, "type": "coi"}}


def transit(
    *points: tuple[int, str], unit: str = "Cel", direction: str = "collection-outbound", **values: Any
) -> list[Fact]:
    """A transit from 11:00 to 15:00 with readings, `(minutes after departure, value)`."""
    series = [{"seconds": str(minute * 60), "value": value} for minute, value in points]
    said = {
        "shipment": OUTBOUND,
        "quantity": "temperature",
        "unit": unit,
        "start": when("2026-03-08T11:00:00"),
        **values,
    }
    if series:
        said["points"] = series
    return [
        submitted(),
        fact("shipment.departed", OUTBOUND, "2026-03-08T11:00:00", order=ORDER, direction=direction),
        fact("shipment.arrived", OUTBOUND, "2026-03-08T15:00:00"),
        fact("readings.recorded", ref("readings", "1"), "2026-03-08T15:00:00", **said),
    ]


def steady(value: str, until: int = 240) -> list[tuple[int, str]]:
    """A reading each twenty minutes."""
    return [(minute, value) for minute in range(0, until + 1, 20)]


def warm(minutes: int) -> list[tuple[int, str]]:
    """At 5 degrees, but for so many minutes at 12."""
    return [(minute, "12" if 60 <= minute < 60 + minutes else "5") for minute in range(0, 241, 10)]


def lot_state(**values: Any) -> Fact:
    return fact("material.stated", LOT, "2026-03-09T08:00:00", by="cdmo", role="cdmo", **values)


OUT = result("viability", LOT, "2026-03-09T12:00:00", "out")
REST = [event for event in READY if event["set"].get("criterion") != "viability"]
IDENTITY = "identity-mismatch"
OWN_FORMAT = [
    fact(
        "identity.issued",
        {
            "kind": "order",
            "identifiers": [ORDER["identifiers"][0], {"system": "urn:sponsor", "value": "LOCAL-1", "type": "coi"}],
        },
    )
]
"""An order whose chain-of-identity identifier is of its sponsor's own format."""
CASES = [
    # ---- identity
    case(
        "scan names another order",
        "I-1",
        IDENTITY,
        [*START, observed(order=OTHER)],
        [*START, observed(order=ORDER)],
        "critical",
    ),
    case(
        "label of another order",
        "I-1",
        IDENTITY,
        [*START, observed(label=label("CHA999926000099"))],
        [*START, observed(label=label(COI))],
    ),
    case(
        "label before the order has a chain identifier",
        "I-1",
        IDENTITY,
        [
            submitted() | {"about": {"kind": "order", "identifiers": ORDER["identifiers"][:1]}},
            observed(label=label(COI)),
        ],
        [
            submitted() | {"about": {"kind": "order", "identifiers": ORDER["identifiers"][:1]}},
            observed(label={"lot": "1"}),
        ],
        "major",
    ),
    case(
        "chain identifier of one order, number of another",
        "I-1",
        IDENTITY,
        [*START, observed(order={"kind": "order", "identifiers": [OTHER["identifiers"][1], ORDER["identifiers"][0]]})],
        [*START, observed(order={"kind": "order", "identifiers": [ORDER["identifiers"][1], OTHER["identifiers"][0]]})],
    ),
    case(
        "a chain identifier of a system that is only assumed goes by its value",
        "I-1",
        IDENTITY,
        [*OWN_FORMAT, observed(label={"coi": {"system": "urn:id:unassigned", "value": "LOCAL-2"}})],
        [*OWN_FORMAT, observed(label={"coi": {"system": "urn:id:unassigned", "value": "LOCAL-1"}})],
    ),
    case(
        "a chain identifier of another system is another's",
        "I-1",
        IDENTITY,
        [*OWN_FORMAT, observed(label={"coi": {"system": "urn:other", "value": "LOCAL-1"}})],
        [*OWN_FORMAT, observed(label={"coi": {"system": "urn:other", "value": "LOCAL-1", "assumed": True}})],
    ),
    case(
        "a number of a known system",
        "I-1",
        IDENTITY,
        [*START, observed(order=ref("order", "P9", system="urn:mercy:order"))],
        [*START, observed(order=ref("order", "W-77", system="urn:cdmo:works-order"))],
    ),
    case(
        "donation number of another collection",
        "I-1",
        IDENTITY,
        [
            *START,
            fact("collection.completed", DONATION),
            observed(collection=DONATION, label={"din": "A9999 26 123457 00"}),
        ],
        [
            *START,
            fact("collection.completed", DONATION),
            observed(collection=DONATION, label={"din": "=A9999261234560012"[:16]}),
        ],
    ),
    case(
        "two people find a mismatch",
        "I-1",
        IDENTITY,
        [*START, fact("identity.verified", ref("verification", "1"), result="mismatch", order=ORDER)],
        [*START, fact("identity.verified", ref("verification", "1"), result="match", order=ORDER)],
    ),
    case(
        "two people verify a bag of this order for another one, and find that it matches",
        "I-1",
        IDENTITY,
        [*START, fact("identity.verified", ref("verification", "1"), result="match", order=OTHER)],
        [*START, fact("identity.verified", ref("verification", "1"), result="match", order=ORDER)],
    ),
    case(
        "two people verify another order's bag for this one, and find that it matches",
        "I-1",
        IDENTITY,
        [*READY, verified(STRANGE)],
        [*READY, verified(PRODUCT)],
    ),
    case(
        "two people verify a bag of which the order does not know yet, while it knows its product",
        "I-1",
        IDENTITY,
        [*READY, verified(STRANGE)],
        [*START, verified(STRANGE)],
    ),
    case(
        "two chain identifiers",
        "I-1",
        IDENTITY,
        [
            *START,
            fact(
                "identity.issued", {"kind": "order", "identifiers": [ORDER["identifiers"][0], OTHER["identifiers"][1]]}
            ),
        ],
        [
            *START,
            fact(
                "identity.issued", {"kind": "order", "identifiers": [ORDER["identifiers"][0], OTHER["identifiers"][1]]}
            ),
            fact("identity.replaced", ORDER, "2026-03-09T00:00:00", retired=[OTHER["identifiers"][1]]),
        ],
        "critical",
    ),
    case(
        "donor is not the patient",
        "I-10",
        IDENTITY,
        [submitted(), fact("collection.completed", DONATION, donor=STRANGER, order=ORDER)],
        [submitted(), fact("collection.completed", DONATION, donor=PATIENT, order=ORDER)],
        "critical",
    ),
    case(
        "autologous material let go",
        "I-10",
        IDENTITY,
        [*START, fact("container.unallocated", BAG, "2026-03-09T00:00:00")],
        [*START, fact("container.returned", BAG, "2026-03-09T00:00:00")],
    ),
    case(
        "merge after labelling",
        "I-37",
        IDENTITY,
        [*START, fact("subject.merged", PATIENT, retired=STRANGER["identifiers"])],
        [submitted(), fact("subject.merged", PATIENT, retired=STRANGER["identifiers"])],
        "info",
    ),
    case(
        "merge taken back",
        "I-37",
        IDENTITY,
        [*START, fact("subject.merged", PATIENT, retired=STRANGER["identifiers"])],
        [
            *START,
            fact("subject.merged", PATIENT, retired=STRANGER["identifiers"]),
            fact("subject.unmerged", PATIENT, "2026-03-09T00:00:00", retired=STRANGER["identifiers"]),
        ],
    ),
    # ---- custody and transport
    case(
        "courier swap",
        "I-2",
        "custody-gap",
        [*START, handed(COURIER, MAKER, "2026-03-08T12:00:00", MAKER)],
        [*START, handed(APHERESIS, MAKER, "2026-03-08T12:00:00", MAKER)],
        "major",
    ),
    case(
        "handed over after destruction",
        "I-2",
        "custody-gap",
        [
            *START,
            fact("container.destroyed", BAG, "2026-03-08T11:00:00"),
            handed(APHERESIS, MAKER, "2026-03-08T12:00:00", MAKER),
        ],
        [
            *START,
            fact("container.destroyed", BAG, "2026-03-08T13:00:00"),
            handed(APHERESIS, MAKER, "2026-03-08T12:00:00", MAKER),
        ],
        "critical",
    ),
    case(
        "one side of a handover",
        "I-38",
        "handoff-open",
        [*START, handed(APHERESIS, COURIER, "2026-03-08T12:00:00", COURIER)],
        [
            *START,
            handed(APHERESIS, COURIER, "2026-03-08T12:00:00", COURIER),
            handed(APHERESIS, COURIER, "2026-03-08T12:00:00", APHERESIS),
        ],
        "minor",
    ),
    case(
        "whoever gives on had taken",
        "I-38",
        "handoff-open",
        [*START, handed(APHERESIS, COURIER, "2026-03-08T12:00:00", APHERESIS)],
        [
            *START,
            handed(APHERESIS, COURIER, "2026-03-08T12:00:00", APHERESIS),
            handed(COURIER, MAKER, "2026-03-08T18:00:00", COURIER),
            handed(COURIER, MAKER, "2026-03-08T18:00:00", MAKER),
        ],
    ),
    case(
        "accepted by another",
        "I-33",
        "custody-gap",
        [submitted(), fact("shipment.accepted", OUTBOUND, consignee=MAKER, taker=SITE)],
        [submitted(), fact("shipment.accepted", OUTBOUND, consignee=MAKER, taker=MAKER)],
    ),
    case(
        "arrival before departure",
        "I-34",
        "clock-skew",
        [
            fact("shipment.departed", OUTBOUND, "2026-03-08T11:00:00"),
            fact("shipment.arrived", OUTBOUND, "2026-03-08T10:00:00"),
        ],
        [
            fact("shipment.departed", OUTBOUND, "2026-03-08T11:00:00"),
            fact("shipment.arrived", OUTBOUND, "2026-03-08T11:00:00"),
        ],
        "major",
    ),
    # ---- temperature
    case("too warm for too long", "I-5", "temperature-excursion", transit(*warm(40)), transit(*warm(30)), "major"),
    case("too cold", "I-5", "temperature-excursion", transit(*steady("1.9")), transit(*steady("2"))),
    case(
        "spike of a cryogenic dewar",
        "I-5",
        "temperature-excursion",
        transit(*steady("-155"), (10, "-148"), direction="to-patient"),
        transit(*steady("-155"), (10, "-150"), direction="to-patient"),
        "critical",
    ),
    case(
        "the last value is too warm",
        "I-5",
        "temperature-excursion",
        transit(*steady("-155", 220), (240, "-140"), direction="to-patient"),
        transit(*steady("-155"), direction="to-patient"),
    ),
    case(
        "degrees Fahrenheit",
        "I-5",
        "temperature-excursion",
        transit(*steady("50"), unit="[degF]"),
        transit(*steady("40"), unit="[degF]"),
    ),
    case("only an extreme", "I-5", "temperature-excursion", transit(maximum="12"), transit(maximum="8")),
    case("unknown unit", "I-5", "mapping", transit(*steady("5"), unit="RE"), transit(*steady("5"), unit="CEL")),
    case(
        "hours without a reading",
        "I-3",
        "telemetry-gap",
        transit((0, "5"), (31, "5"), *steady("5")[2:]),
        transit(*steady("5")),
    ),
    case("readings end early", "I-3", "telemetry-gap", transit(*steady("5", 180)), transit(*steady("5", 220))),
    case("no readings at all", "I-3", "telemetry-gap", transit(*steady("5"))[:-1], transit(*steady("5"))),
    # ---- windows
    case(
        "fresh cells held too long",
        "I-4",
        "window",
        [
            submitted(),
            fact("collection.completed", DONATION, "2026-03-08T10:00:00"),
            fact("batch.started", BATCH, "2026-03-11T10:00:01"),
        ],
        [
            submitted(),
            fact("collection.completed", DONATION, "2026-03-08T10:00:00"),
            fact("batch.started", BATCH, "2026-03-11T10:00:00"),
        ],
        "major",
    ),
    case(
        "second attempt held too long",
        "I-4",
        "window",
        [
            submitted(),
            fact("collection.completed", DONATION, "2026-03-01T10:00:00"),
            fact("batch.started", BATCH, "2026-03-02T10:00:00"),
            fact("collection.completed", ref("collection", "2"), "2026-03-10T10:00:00"),
        ],
        [
            submitted(),
            fact("collection.completed", DONATION, "2026-03-01T10:00:00"),
            fact("batch.started", BATCH, "2026-03-02T10:00:00"),
            fact("collection.failed", ref("collection", "2"), "2026-03-10T10:00:00"),
        ],
    ),
    case(
        "thawed too long, another bag in time",
        "I-8",
        "window",
        [
            submitted(),
            fact("product.thawed", PRODUCT, "2026-03-10T10:00:00"),
            fact("infusion.started", ref("administration", "1"), "2026-03-10T10:10:00", containers=[BAG]),
        ],
        [
            submitted(),
            fact("product.thawed", PRODUCT, "2026-03-10T10:00:00"),
            fact("infusion.started", ref("administration", "1"), "2026-03-10T10:10:00", containers=[PRODUCT, BAG]),
            fact("infusion.completed", ref("administration", "1"), "2026-03-10T10:50:00", containers=[PRODUCT, BAG]),
        ],
    ),
    case(
        "thawed and never used",
        "I-8",
        "window",
        [submitted(), PRODUCT_BAG, fact("product.thawed", PRODUCT, "2026-03-10T10:00:00")],
        [
            submitted(),
            PRODUCT_BAG,
            fact("product.thawed", PRODUCT, "2026-03-10T10:00:00"),
            fact("container.destroyed", PRODUCT),
        ],
    ),
    case(
        "expired",
        "I-7",
        "window",
        [PRODUCT_BAG, lot_state(expires_at=when("2026-03-19"))],
        [PRODUCT_BAG, lot_state(expires_at=when("2026-03-20"))],
        "critical",
    ),
    # ---- quality
    case("released out of limits", "I-6", "oos", [*REST, OUT], READY, "critical"),
    case(
        "released before a result is final",
        "I-6",
        "oos",
        [*REST, result("viability", LOT, "2026-03-09T12:00:00", status="preliminary")],
        READY,
    ),
    case(
        "a repeat test does not wash out a failure",
        "I-6",
        "oos",
        [*READY, OUT | {"about": ref("result", "first")}],
        READY,
    ),
    case("results of another lot", "I-6", "oos", [*REST, result("viability", LOT_2, "2026-03-09T12:00:00")], READY),
    case(
        "exceptional release without evidence",
        "I-28",
        "oos",
        [*READY[:1], fact("disposition.decided", DECISION, by="cdmo", material=LOT, decision="released-exceptionally")],
        [
            *READY[:1],
            fact(
                "disposition.decided",
                DECISION,
                by="cdmo",
                material=LOT,
                decision="released-exceptionally",
                notifications=[{"system": "urn:agency", "value": "1"}],
                **{name: ref("document", name) for name in ("physician_request", "risk_evaluation", "acceptance")},  # type: ignore[arg-type]
            ),
        ],
    ),
    case("out of limits", "I-32", "oos", [OUT], [result("viability", LOT, "2026-03-09T12:00:00")], "major"),
    case(
        "out of limits by the numbers",
        "I-32",
        "oos",
        [
            result(
                "viability",
                LOT,
                "2026-03-09T12:00:00",
                value={"quantity": {"value": "74", "unit": "%"}},
                limit={"low": {"value": "80", "unit": "%"}},
            )
        ],
        [
            result(
                "viability",
                LOT,
                "2026-03-09T12:00:00",
                value={"quantity": {"value": "80", "unit": "%"}},
                limit={"low": {"value": "80", "unit": "%"}},
            )
        ],
    ),
    case(
        "numbers are never compared across units",
        "I-32",
        "oos",
        [
            result(
                "cells",
                LOT,
                "2026-03-09T12:00:00",
                value={"quantity": {"value": "9", "unit": "10*6"}},
                limit={"low": {"value": "10", "unit": "10*6"}},
            )
        ],
        [
            result(
                "cells",
                LOT,
                "2026-03-09T12:00:00",
                value={"quantity": {"value": "9", "unit": "10*9"}},
                limit={"low": {"value": "10", "unit": "10*6"}},
            )
        ],
    ),
    case(
        "corrected after release",
        "I-13",
        "oos",
        [*READY, result("sterility", LOT, "2026-03-12T12:00:00", type_="result.corrected")],
        [*READY, result("sterility", LOT, "2026-03-09T13:00:00", type_="result.corrected")],
        "critical",
    ),
    case(
        "corrected for the time of the first observation",
        "I-13",
        "oos",
        [*READY, result("sterility", LOT, "2026-03-09T12:00:00", "out", type_="result.corrected", ordinal="2")],
        [*READY, result("sterility", LOT, "2026-03-09T12:00:00", "in", type_="result.corrected", ordinal="2")],
    ),
    case(
        "corrected result of another lot",
        "I-13",
        "oos",
        [*READY, result("sterility", LOT, "2026-03-12T12:00:00", type_="result.corrected")],
        [*READY, result("sterility", LOT_2, "2026-03-12T12:00:00", type_="result.corrected")],
    ),
    # ---- patient
    case(
        "infused before its release",
        "I-7",
        "oos",
        [*READY, fact("infusion.started", ref("administration", "1"), "2026-03-09T14:00:00", containers=[PRODUCT])],
        [*READY, fact("infusion.started", ref("administration", "1"), "2026-03-09T16:00:00", containers=[PRODUCT])],
        "critical",
    ),
    case(
        "infused after death",
        "I-9",
        "consent",
        [
            *READY,
            fact("subject.deceased", PATIENT, "2026-03-10T10:00:00"),
            fact("infusion.started", ref("administration", "1"), "2026-03-10T11:00:00"),
        ],
        [
            *READY,
            fact("subject.deceased", PATIENT, "2026-03-10"),
            fact("infusion.started", ref("administration", "1"), "2026-03-10T11:00:00"),
        ],
        "critical",
    ),
    case(
        "consent ran out",
        "I-9",
        "consent",
        [submitted(), fact("consent.recorded", ref("consent", "1"), period={"end": when("2026-03-19")})],
        [submitted(), fact("consent.recorded", ref("consent", "1"), period={"end": when("2026-03-20")})],
    ),
    # ---- the log
    case(
        "both completed and failed",
        "I-14",
        "duplicate",
        [fact("collection.completed", DONATION), fact("collection.failed", DONATION)],
        [fact("collection.completed", DONATION), fact("collection.started", DONATION)],
        "critical",
    ),
    case(
        "dead and alive again",
        "I-14",
        "duplicate",
        [fact("subject.deceased", PATIENT), fact("subject.updated", PATIENT, "2026-03-09T00:00:00", deceased=False)],
        [fact("subject.deceased", PATIENT), fact("subject.updated", PATIENT, "2026-03-07T00:00:00", deceased=False)],
    ),
    case(
        "corrections that disagree",
        "I-14",
        "duplicate",
        [
            START[0],
            fact("order.amended", ORDER, "2026-03-02T00:00:00", weight={"value": "70"}, supersedes=(START[0],)),
            fact("order.amended", ORDER, "2026-03-03T00:00:00", weight={"value": "72"}, supersedes=(START[0],)),
        ],
        [
            START[0],
            fact("order.amended", ORDER, "2026-03-02T00:00:00", weight={"value": "70"}, supersedes=(START[0],)),
            fact("order.amended", ORDER, "2026-03-03T00:00:00", weight={"value": "72"}),
        ],
    ),
    case(
        "one message id, two contents",
        "I-14",
        "duplicate",
        [sent("one", priority="S"), sent("two", priority="R")],
        [sent("one", priority="S"), sent("two", priority="S")],
        "major",
    ),
    case(
        "one moment, two words",
        "I-36",
        "order-ambiguous",
        [observed(material=LOT), observed(material=LOT_2, by="courier")],
        [observed(material=LOT), observed("2026-03-08T12:00:01", material=LOT_2, by="courier")],
        "major",
    ),
    case(
        "a claim",
        "I-35",
        "authority",
        [submitted(), fact("order.cancelled", ORDER, by="courier", role="courier")],
        [submitted(), fact("order.cancelled", ORDER, by="sponsor", role="sponsor")],
        "minor",
    ),
    case(
        "a late fact",
        "I-31",
        "late-event",
        [submitted(recorded="2026-03-04T08:00:01Z")],
        [submitted(recorded="2026-03-04T08:00:00Z")],
        "info",
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def every_case() -> list[Any]:
    """The cases of this module and of those in `rules`."""
    found = list(CASES)
    for module in pkgutil.iter_modules(rules.__path__, f"{rules.__name__}."):
        found += getattr(importlib.import_module(module.name), "CASES", [])
    return found


def test_every_rule_is_broken_by_some_case() -> None:
    silent = {rule.__name__ for rule in RULES}
    for param in every_case():
        one = param.values[0]
        state = one.broken()
        protocol = protocol_of(state, one.protocols)
        silent -= {rule.__name__ for rule in RULES if any(isinstance(i, Finding) for i in rule(state, protocol, NOW))}
    assert silent == set()


def test_every_rule_says_in_one_line_what_must_be() -> None:
    for name, text in describe():
        assert text.startswith("I-"), name
        assert text.endswith("."), name


def test_a_finding_names_existing_facts_and_a_way_out() -> None:
    for param in every_case():
        broken = param.values[0].breaks
        known = {event["id"] for event in broken}
        for found in findings(*broken):
            assert set(found.facts) <= known
            assert found.settle
            assert found.text == found.text.strip()


# ---- resolution -------------------------------------------------------------------------------------------------


def resolution(issue: str, at: str, role: str = "qa", type_: str = "issue.resolved") -> Fact:
    return fact(
        type_, {"kind": "issue", "identifiers": [{"system": "urn:issue", "value": issue}]}, at, by=role, role=role
    )


MISMATCH = [*START, observed(order=OTHER)]


def test_quality_assurance_settles_what_only_a_person_settles() -> None:
    (found,) = findings(*MISMATCH, rule="I-1")
    assert found.person
    assert findings(*MISMATCH, resolution(found.id, "2026-03-09T00:00:00"), rule="I-1") == []


@pytest.mark.parametrize("role", ["courier", "hospital", "cdmo", "hub", "payer"])
def test_nobody_else_settles_an_identity_mismatch(role: str) -> None:
    (found,) = findings(*MISMATCH, rule="I-1")
    assert findings(*MISMATCH, resolution(found.id, "2026-03-09T00:00:00", role), rule="I-1") == [found]


def test_a_reopened_issue_is_open_until_it_is_resolved_again() -> None:
    (found,) = findings(*MISMATCH, rule="I-1")
    done = resolution(found.id, "2026-03-09T00:00:00")
    again = resolution(found.id, "2026-03-10T00:00:00", "hospital", "issue.reopened")
    last = resolution(found.id, "2026-03-11T00:00:00")
    assert findings(*MISMATCH, done, again, rule="I-1") == [found]
    assert findings(*MISMATCH, done, again, last, rule="I-1") == []


def test_a_resolution_that_was_taken_back_settles_nothing() -> None:
    (found,) = findings(*MISMATCH, rule="I-1")
    done = resolution(found.id, "2026-03-09T00:00:00")
    undone = fact("record.retracted", done["about"], "2026-03-10T00:00:00", by="qa", role="qa", supersedes=(done,))
    assert findings(*MISMATCH, done, undone, rule="I-1") == [found]


def test_a_resolution_outlives_a_new_name_of_the_record() -> None:
    """A bag that turns out to have a smaller name is still the bag whose Issue was resolved."""
    (found,) = findings(*MISMATCH, rule="I-1")
    renamed = {"kind": "container", "identifiers": [*BAG["identifiers"], {"system": "urn:a", "value": "1"}]}
    late = fact("container.observed", renamed, "2026-03-10T00:00:00")
    assert findings(*MISMATCH, late, rule="I-1")[0].id != found.id
    assert findings(*MISMATCH, late, resolution(found.id, "2026-03-09T00:00:00"), rule="I-1") == []


def test_an_issue_is_the_same_however_often_it_is_found() -> None:
    assert [f.id for f in findings(*MISMATCH)] == [f.id for f in findings(*reversed(MISMATCH))]


def test_resolutions_name_who_resolved() -> None:
    done = [
        resolution("x", "2026-03-09T00:00:00"),
        resolution("x", "2026-03-09T00:00:00", "cdmo"),
        resolution("y", "2026-03-09T00:00:00", "hub"),
    ]
    assert resolved(journey(*done)) == {"x": frozenset({"qa", "cdmo"})}


# ---- scenarios that no single case shows ---------------------------------------------------


def test_a_wrong_bag_is_told_on_both_orders() -> None:
    """Scenario 3: a bag of order P2 is scanned at the receipt of P1."""
    theirs = {"kind": "container", "identifiers": [{"system": "urn:test:container", "value": "BAG-2"}]}
    facts = [
        submitted(),
        fact("order.submitted", OTHER, "2026-03-01T08:00:00", service={"codings": [{"code": "AXI-CEL"}]}),
        created(theirs, order=OTHER),
        fact("container.observed", theirs, "2026-03-09T09:00:00", by="cdmo", role="cdmo", order=ORDER),
    ]
    for names in ([("order", "urn:mercy:order", "P1")], [("order", "urn:mercy:order", "P2")]):
        told = [f for f in check(fold(names, facts), DEFAULT_PROTOCOLS, NOW).findings if f.rule == "I-1"]
        assert [f.severity for f in told] == ["critical"]


def test_an_excursion_is_told_with_its_spell_and_a_gap_is_never_in_range() -> None:
    """Scenario 8: 3 h without a reading and -148 degrees for 10 minutes."""
    series = [(0, "-155"), (30, "-148"), (40, "-155"), (220, "-155"), (240, "-155")]
    found = {f.kind: f for f in findings(*transit(*series, direction="to-patient"))}
    assert (
        found["temperature-excursion"].text == "outside cryo for 10 min in all, 10 min at a stretch, extreme -148 Cel"
    )
    assert found["telemetry-gap"].text == "no reading for 180 min: the condition in that time is unknown"


def test_readings_of_no_shipment_are_measured_against_the_storage_of_their_material() -> None:
    freezer = fact(
        "readings.recorded",
        ref("readings", "f"),
        container=PRODUCT,
        quantity="temperature",
        unit="Cel",
        points=[{"seconds": "0", "value": "-120"}],
    )
    assert not findings(submitted(), PRODUCT_BAG, freezer, rule="I-5")
    assert findings(submitted(), PRODUCT_BAG, lot_state(storage="cryo"), freezer, rule="I-5")


def test_a_shipment_without_direction_is_judged_by_what_it_holds() -> None:
    facts = [
        submitted(),
        PRODUCT_BAG,
        fact("shipment.departed", RETURN, "2026-03-09T11:00:00", contents=[PRODUCT]),
        fact(
            "readings.recorded",
            ref("readings", "1"),
            shipment=RETURN,
            quantity="temperature",
            unit="Cel",
            points=[{"seconds": "0", "value": "5"}],
        ),
    ]
    assert [f.kind for f in findings(*facts, rule="I-5")] == ["temperature-excursion"]


def test_hostile_numbers_and_dates_stop_no_rule() -> None:
    wild = transit(
        (0, "5"), maximum="9" * 40, points=[{"seconds": "9e99", "value": "-9e99"}, {"seconds": "-9e99", "value": "1"}]
    )
    last = fact("collection.completed", DONATION, "9999-12-31T23:59:59")
    expiring = [PRODUCT_BAG, lot_state(expires_at=when("9999-12-31"))]
    assert findings(*wild, last, *expiring, BAG_AT_THE_END, now=datetime(9999, 12, 31, tzinfo=UTC) - timedelta(days=1))


BAG_AT_THE_END = created(BAG_2, at="9999-12-31T23:59:59")


def test_consent_given_again_for_certain_lifts_the_bar() -> None:
    withdrawn = fact("consent.withdrawn", ref("consent", "1"), "2026-03-08T10:00:00")
    again = fact("consent.recorded", ref("consent", "2"), "2026-03-09T10:00:00")
    vague = fact("consent.recorded", ref("consent", "2"), "2026-03-08")
    assert patient_barred(journey(submitted(), withdrawn)) == withdrawn
    assert patient_barred(journey(submitted(), withdrawn, again)) is None
    assert patient_barred(journey(submitted(), withdrawn, vague)) == withdrawn


@pytest.mark.parametrize(
    ("said", "barred"),
    [
        ({"scope": ["research"]}, False),
        ({"scope": ["registry", "treatment"]}, True),
        ({}, True),
        ({"subject": STRANGER}, False),
        ({"subject": PATIENT}, True),
    ],
)
def test_only_the_patients_treatment_consent_bars_treatment(said: dict[str, Any], barred: bool) -> None:
    first = fact("consent.recorded", ref("consent", "1"), **said)
    gone = fact("consent.withdrawn", ref("consent", "1"), "2026-03-09T00:00:00")
    assert (patient_barred(journey(submitted(), first, gone)) is not None) == barred


def test_a_refused_consent_is_none() -> None:
    refused = fact("consent.recorded", ref("consent", "1"), status="refused")
    assert patient_barred(journey(submitted(), refused)) == refused
    assert journey(refused).of("consent")[0].state == "refused"


def test_the_death_of_a_donor_bars_no_patient() -> None:
    dead = fact("subject.deceased", STRANGER)
    state = journey(submitted(donor=STRANGER), dead)
    assert patient_barred(state) is None
    assert not state.held
    assert journey(submitted(patient=STRANGER), dead).held
