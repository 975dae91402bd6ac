"""Rules of what is kept: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BATCH,
    LOT,
    NOW,
    ORDER,
    OTHER,
    PATIENT,
    PRODUCT,
    Fact,
    Ref,
    checked,
    created,
    dose_ready,
    fact,
    findings,
    handed,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, kept_as, tells

BIOBANK = ref("party", "biobank")
NAMED: dict[str, Any] = {"owner": BIOBANK, "purpose": "release tests again", "retain_until": when("2027")}


def kept(role: str = "retain", **values: Any) -> Fact:
    return kept_as(role, created(order=ORDER, **values))


def consent(*scope: str, status: str = "active") -> Fact:
    return fact("consent.recorded", ref("consent", "C"), "2026-03-01T08:00:00", scope=list(scope), status=status)


def ended(type_: str = "order.cancelled") -> Fact:
    return fact(type_, ORDER, "2026-03-19T08:00:00")


def destroyed(container: Ref = BAG) -> Fact:
    return fact("container.destroyed", container, "2026-03-10T08:00:00")


def given(type_: str = "infusion.completed", **values: Any) -> Fact:
    return fact(type_, ref("administration", "A"), "2026-03-11T09:00:00", order=ORDER, containers=[PRODUCT], **values)


START = [submitted(), consent("treatment")]
LEFT = [*START, created(order=ORDER), ended()]
TRACE = "traceability"
CASES = [
    case("a retained bag of nobody", "I-23", TRACE, [*START, kept()], [*START, kept(**NAMED)], "minor"),
    case(
        "without an end date",
        "I-23",
        TRACE,
        [*START, kept(owner=BIOBANK, purpose="tests")],
        [*START, kept(owner=BIOBANK, purpose="tests", retain_until=when("2027"))],
    ),
    case("a bag for use needs no owner", "I-23", TRACE, [*START, kept()], [*START, kept("primary")]),
    case(
        "a bag of a retain",
        "I-23",
        TRACE,
        [
            *START,
            RETAIN := created(material=LOT, order=ORDER),
            fact("material.stated", LOT, "2026-03-08T08:00:00", by="cdmo", role="cdmo", stage="retain"),
        ],
        [*START, RETAIN, fact("material.stated", LOT, "2026-03-08T08:00:00", by="cdmo", role="cdmo", stage="starting")],
    ),
    case(
        "kept without consent",
        "I-23",
        "consent",
        [submitted(), kept(**NAMED)],
        [submitted(), kept(**NAMED), consent("manufacture")],
    ),
    case(
        "research needs its own consent",
        "I-23",
        "consent",
        [*START, kept(**{**NAMED, "purpose": "Research"})],
        [submitted(), consent("treatment", "research"), kept(**{**NAMED, "purpose": "Research"})],
    ),
    case(
        "a consent that was refused",
        "I-23",
        "consent",
        [submitted(), consent("treatment", status="refused"), kept(**NAMED)],
        [submitted(), consent("treatment"), kept(**NAMED)],
    ),
    case(
        "kept beyond its date",
        "I-23",
        "obligation-due",
        [*START, kept(**{**NAMED, "retain_until": when("2026-03-19")})],
        [*START, kept(**{**NAMED, "retain_until": when("2026-03-20")})],
    ),
    case(
        "a backup bag when the order has ended",
        "I-23",
        TRACE,
        [*START, kept("backup"), ended()],
        [*START, kept("backup")],
        "major",
    ),
    case("a bag that is left behind", "I-23", TRACE, LEFT, LEFT[:-1], "minor"),
    case(
        "closed before that",
        "I-23",
        TRACE,
        [*LEFT, ended("order.closed")],
        [*LEFT[:-1], ended("order.closed"), destroyed()],
        "major",
    ),
    case(
        "a patient who died",
        "I-23",
        TRACE,
        [*LEFT[:-1], fact("subject.deceased", PATIENT)],
        [*LEFT[:-1], fact("subject.deceased", PATIENT), destroyed()],
    ),
    case(
        "handed to a repository",
        "I-23",
        TRACE,
        [*LEFT, handed(APHERESIS, BIOBANK, "2026-03-15T08:00:00", BIOBANK, role="courier")],
        [*LEFT, handed(APHERESIS, BIOBANK, "2026-03-15T08:00:00", BIOBANK, role="biorepository")],
    ),
    case(
        "handed to a party that is a repository",
        "I-23",
        TRACE,
        [*LEFT, handed(APHERESIS, BIOBANK, "2026-03-15T08:00:00", APHERESIS)],
        [
            *LEFT,
            handed(APHERESIS, BIOBANK, "2026-03-15T08:00:00", APHERESIS),
            fact("record.amended", BIOBANK, "2026-01-01T00:00:00", role="sponsor", roles=["biorepository"]),
        ],
    ),
    case(
        "what was given in part",
        "I-23",
        TRACE,
        [*START, *dose_ready(), given(given=[{"container": PRODUCT, "fully": False}])],
        [*START, *dose_ready(), given(given=[{"container": PRODUCT, "fully": True}])],
    ),
    case(
        "an infusion that was stopped",
        "I-23",
        TRACE,
        [*START, *dose_ready(), given("infusion.stopped")],
        [*START, *dose_ready(), given()],
    ),
    case(
        "a sample that was tested",
        "I-23",
        TRACE,
        [*START, kept("sample"), ended()],
        [*START, kept("sample"), ended(), fact("result.reported", ref("result", "1"), container=BAG)],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_the_end_of_keeping_is_a_deadline() -> None:
    facts = [*START, kept(**{**NAMED, "retain_until": when("2026-03-25")})]
    assert checked(*facts, now=NOW).next_change == datetime(2026, 3, 26, tzinfo=UTC)
    assert findings(*facts, now=datetime(2026, 3, 26, tzinfo=UTC), rule="I-23")


def test_kits_boxes_inputs_and_other_orders_bags_are_not_left_behind() -> None:
    box, kit, theirs, used = (ref("container", name) for name in ("BOX", "KIT", "THEIRS", "USED"))
    facts = [
        *START,
        created(order=ORDER, parent=box),
        created(box, order=ORDER),
        created(kit, order=ORDER, kind="kit"),
        created(theirs, order=OTHER),
        created(used, order=ORDER),
        fact("batch.started", BATCH, "2026-03-09T08:00:00", order=ORDER, inputs=[used]),
        ended(),
    ]
    assert [f.about[1] for f in findings(*facts, rule="I-23")] == ["urn:test:container|BAG-1"]
