"""Rules of appointments: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, OFF_THE_SHELF
from tests.canonical_model.facts import NOW, ORDER, OTHER, Fact, checked, fact, findings, journey, ref, submitted, when
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.clock import changes_only_when_told

START = submitted()
SUITE, CHAIR = ref("location", "suite-1"), ref("location", "chair-1")


def slot(
    kind: str,
    start: str,
    end: str = "",
    name: str = "",
    type_: str = "slot.booked",
    at: str = "2026-03-02",
    **values: Any,
) -> Fact:
    """One appointment, told as agreed on 2 March unless said otherwise."""
    period = {"start": when(start), **({"end": when(end)} if end else {})}
    said = {"kind": kind, "order": ORDER, "period": period, **values}
    return fact(type_, ref("appointment", name or kind), f"{at}T08:00:00", **said)


def cancelled(name: str) -> Fact:
    return fact("slot.cancelled", ref("appointment", name), "2026-03-03T08:00:00")


APHERESIS = slot("apheresis", "2026-03-09T08:00:00", "2026-03-09T13:00:00")
PICKUP = slot("pickup", "2026-03-09T15:00:00")
MADE = slot("manufacturing", "2026-03-10T08:00:00", "2026-03-20T08:00:00")
DELIVERY = slot("delivery", "2026-03-28T08:00:00")
PREPARED = slot("conditioning", "2026-03-29T08:00:00")
GIVEN = slot("infusion", "2026-04-03T08:00:00")
PLAN = [APHERESIS, PICKUP, MADE, DELIVERY, PREPARED, GIVEN]
CLASH, LATE = "slot-conflict", "delay"
AT_SITE = submitted(protocol=OFF_THE_SHELF.key)


def moved(kind: str, start: str, **values: Any) -> Fact:
    return slot(kind, start, type_="slot.changed", at="2026-03-04", **values)


def held(name: str, start: str, end: str, **values: Any) -> Fact:
    return slot("manufacturing", start, end, name, "slot.held", **{"resource": SUITE, **values})


def booked(name: str, start: str, end: str, **values: Any) -> Fact:
    return slot("infusion", start, end, name, **{"resource": SUITE, **values})


CASES = [
    # ---- I-42
    case(
        "manufacture before the cells are there",
        "I-42",
        CLASH,
        [START, APHERESIS, slot("manufacturing", "2026-03-08T08:00:00")],
        [START, *PLAN],
        "major",
    ),
    case(
        "the collection was moved, the rest was not",
        "I-42",
        CLASH,
        [START, *PLAN, moved("apheresis", "2026-03-11T08:00:00")],
        [START, *PLAN, moved("apheresis", "2026-03-09T07:00:00")],
    ),
    case(
        "times known to the day do not tell",
        "I-42",
        CLASH,
        [START, APHERESIS, slot("pickup", "2026-03-08")],
        [START, APHERESIS, slot("pickup", "2026-03-09")],
    ),
    case(
        "what is only on offer",
        "I-42",
        CLASH,
        [START, APHERESIS, slot("manufacturing", "2026-03-08T08:00:00")],
        [START, APHERESIS, slot("manufacturing", "2026-03-08T08:00:00", type_="slot.proposed")],
    ),
    case(
        "an appointment that was given up",
        "I-42",
        CLASH,
        [START, APHERESIS, slot("infusion", "2026-03-08T08:00:00", name="x")],
        [START, APHERESIS, slot("infusion", "2026-03-08T08:00:00", name="x"), cancelled("x")],
    ),
    case(
        "an appointment that another one took the place of",
        "I-42",
        CLASH,
        [START, MADE, slot("infusion", "2026-03-08T08:00:00", name="x")],
        [
            START,
            MADE,
            slot("infusion", "2026-03-08T08:00:00", name="x"),
            slot("infusion", "2026-04-03T08:00:00", name="y", replaces=ref("appointment", "x")),
        ],
    ),
    case(
        "another order's appointment",
        "I-42",
        CLASH,
        [START, APHERESIS, slot("infusion", "2026-03-08T08:00:00")],
        [START, APHERESIS, slot("infusion", "2026-03-08T08:00:00", order=OTHER)],
    ),
    case(
        "no pick-up in time",
        "I-42",
        CLASH,
        [START, MADE, slot("pickup", "2026-03-11T08:00:00")],
        [START, MADE, slot("pickup", "2026-03-11T08:00:00"), slot("pickup", "2026-03-09T15:00:00", name="first")],
    ),
    case(
        "a pick-up on the way back",
        "I-42",
        CLASH,
        [START, MADE, slot("pickup", "2026-03-19T08:00:00")],
        [START, MADE, slot("pickup", "2026-03-21T08:00:00")],
    ),
    case(
        "a second attempt",
        "I-42",
        CLASH,
        [START, MADE, slot("apheresis", "2026-03-18T08:00:00")],
        [START, MADE, slot("apheresis", "2026-03-18T08:00:00", at="2026-03-16")],
    ),
    case(
        "delivered after the infusion",
        "I-42",
        CLASH,
        [START, GIVEN, slot("delivery", "2026-04-04T08:00:00")],
        [START, GIVEN, DELIVERY],
    ),
    case(
        "conditioning before the product has arrived",
        "I-42",
        CLASH,
        [AT_SITE, PREPARED, slot("delivery", "2026-03-30T08:00:00")],
        [START, PREPARED, slot("delivery", "2026-03-30T08:00:00")],
    ),
    case(
        "the infusion was moved beyond its target",
        "I-42",
        LATE,
        [submitted(target=when("2026-04-05")), GIVEN, moved("infusion", "2026-04-06T08:00:00")],
        [submitted(target=when("2026-04-05")), GIVEN, moved("infusion", "2026-04-05T20:00:00")],
        "minor",
    ),
    case(
        "agreed late and never moved",
        "I-42",
        LATE,
        [submitted(target=when("2026-04-01")), GIVEN, moved("infusion", "2026-04-02T08:00:00")],
        [submitted(target=when("2026-04-01")), GIVEN],
    ),
    case(
        "beyond the end of the period in which it is wanted",
        "I-42",
        LATE,
        [
            submitted(target_period={"start": when("2026-04-01"), "end": when("2026-04-04")}),
            slot("infusion", "2026-04-05T08:00:00", name="y", replaces=ref("appointment", "x")),
        ],
        [
            submitted(target_period={"start": when("2026-04-01"), "end": when("2026-04-05")}),
            slot("infusion", "2026-04-05T08:00:00", name="y", replaces=ref("appointment", "x")),
        ],
    ),
    # ---- I-43
    case(
        "one resource twice at a time",
        "I-43",
        CLASH,
        [
            START,
            held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
            booked("b", "2026-03-25T11:59:00", "2026-03-25T16:00:00"),
        ],
        [
            START,
            held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
            booked("b", "2026-03-25T12:00:00", "2026-03-25T16:00:00"),
        ],
        "major",
    ),
    case(
        "one inside the other",
        "I-43",
        CLASH,
        [
            START,
            held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
            booked("b", "2026-03-25T09:00:00", "2026-03-25T10:00:00"),
        ],
        [
            START,
            held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
            booked("b", "2026-03-25T09:00:00", "2026-03-25T10:00:00", resource=CHAIR),
        ],
    ),
    case(
        "the same start, ends unknown",
        "I-43",
        CLASH,
        [START, held("a", "2026-03-25T08:00:00", ""), booked("b", "2026-03-25T08:00:00", "")],
        [START, held("a", "2026-03-25T08", ""), booked("b", "2026-03-25T08", "")],
    ),
    case(
        "a hold that has run out",
        "I-43",
        CLASH,
        [
            START,
            held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00", hold_until=when("2026-03-20T00:00:00")),
            booked("b", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
        ],
        [
            START,
            held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00", hold_until=when("2026-03-19T23:59:59")),
            booked("b", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
        ],
    ),
    case(
        "an offer holds nothing",
        "I-43",
        CLASH,
        [START, booked("a", "2026-03-25T08:00:00", ""), booked("b", "2026-03-25T08:00:00", "")],
        [
            START,
            booked("a", "2026-03-25T08:00:00", ""),
            slot("infusion", "2026-03-25T08:00:00", "", "b", "slot.offered", resource=SUITE),
        ],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_plan_in_the_order_of_the_therapy_is_silent() -> None:
    assert AUTOLOGOUS_CAR_T.conditioning is not None
    assert not [f for f in findings(START, *PLAN) if f.rule in {"I-42", "I-43"}]


def test_a_plan_that_cannot_be_kept_closes_the_collection() -> None:
    found = findings(START, APHERESIS, slot("manufacturing", "2026-03-08T08:00:00"), rule="I-42")
    assert [f.blocks for f in found] == [("may-collect",)]


def test_a_clash_ends_by_itself_when_the_hold_runs_out() -> None:
    facts = [
        START,
        held("a", "2026-03-25T08:00:00", "2026-03-25T12:00:00", hold_until=when("2026-03-21")),
        booked("b", "2026-03-25T08:00:00", "2026-03-25T12:00:00"),
    ]
    assert checked(*facts).next_change == datetime(2026, 3, 22, tzinfo=UTC)
    protocols = {AUTOLOGOUS_CAR_T.key: AUTOLOGOUS_CAR_T}
    assert changes_only_when_told(journey(*facts), protocols, NOW, datetime(2026, 3, 23, tzinfo=UTC)) == 1
