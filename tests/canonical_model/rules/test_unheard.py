"""What lost, coarse and impossible times leave open: for each a journey that shows it, and its nearest neighbour."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.questions import may_ship
from canonical_model.questions.answer import CANNOT_TELL
from canonical_model.rules.finding import EVERYTHING
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    NOW,
    ORDER,
    OUTBOUND,
    PATIENT,
    PRODUCT,
    RETURN,
    Fact,
    created,
    dose_ready,
    fact,
    findings,
    journey,
    ref,
    short,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells

HERE = created(order=ORDER)


def done(at: str, recorded: str, type_: str = "collection.completed") -> list[Fact]:
    """A fact that is told at another time than that at which it occurred."""
    return [submitted(), fact(type_, ref(type_.partition(".")[0], "C"), at, recorded=recorded, order=ORDER)]


def series(start: str = "2026-03-08T11:00:00", hours: int = 4, of: dict[str, Any] = OUTBOUND) -> Fact:
    points = [{"seconds": str(1200 * n), "value": "5"} for n in range(3 * hours + 1)]
    values: dict[str, Any] = {"quantity": "temperature", "unit": "Cel", "start": when(start), "points": points}
    return fact("readings.recorded", ref("readings", "1"), start, shipment=of, **values)


def way(left: str, came: str = "2026-03-08T15:00:00", **values: Any) -> list[Fact]:
    """A transit of which the departure may not be known."""
    values = {"order": ORDER, "direction": "collection-outbound", **values}
    told = [submitted(), fact("shipment.arrived", OUTBOUND, came, **values)]
    return [*told, *([fact("shipment.departed", OUTBOUND, left, **values)] if left else [])]


CASES = [
    case(
        "told before it happened",
        "I-34",
        "clock-skew",
        done("2026-03-08T13:00:00", "2026-03-08T12:00:00Z"),
        done("2026-03-08T12:08:00", "2026-03-08T12:00:00Z"),
        "major",
    ),
    case(
        "a plan may lie ahead",
        "I-34",
        "clock-skew",
        done("2026-03-08T13:00:00", "2026-03-08T12:00:00Z"),
        done("2026-03-18T13:00:00", "2026-03-08T12:00:00Z", "shipment.planned"),
    ),
    case(
        "a departure that nobody told",
        "I-3",
        "telemetry-gap",
        [*way(""), series()],
        [*way("2026-03-08T11:00:00"), series()],
        "major",
    ),
    case(
        "a departure known to the hour",
        "I-3",
        "telemetry-gap",
        [*way("2026-03-08T10"), series("2026-03-08T10:50:00", 5)],
        [*way("2026-03-08T11"), series("2026-03-08T11:00:00", 4)],
        "major",
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_clock_that_is_ahead_leaves_every_question_open_until_quality_decides() -> None:
    (found,) = findings(*done("2026-03-08T13:00:00", "2026-03-08T12:00:00Z"), rule="I-34")
    assert (found.blocks, found.unclear, found.person) == (EVERYTHING, True, True)


def test_of_a_transit_of_coarse_times_the_part_that_is_certain_is_judged() -> None:
    short_series = series("2026-03-08T11:00:00", 1)
    (certain,) = findings(*way("2026-03-08T10"), short_series, rule="I-3")
    (perhaps,) = findings(*way("2026-03-08T10"), series("2026-03-08T10:50:00", 5), rule="I-3")
    assert (certain.unclear, perhaps.unclear) == (False, True)


@pytest.mark.parametrize(("contents", "reopened"), [([PRODUCT], 1), ([BAG], 0), ([], 1)])
def test_a_doubt_about_a_shipment_of_unknown_contents_concerns_all_that_was_released(
    contents: list[dict[str, Any]], reopened: int
) -> None:
    inside: dict[str, Any] = {"contents": contents} if contents else {}
    inside |= {"order": ORDER, "direction": "collection-outbound"}
    told = [
        *(submitted(), HERE, *dose_ready(), series("2026-03-10T07:00:00", 1, RETURN)),
        fact("shipment.departed", RETURN, "2026-03-10T07:00:00", **inside),
        fact("shipment.arrived", RETURN, "2026-03-10T12:00:00"),
    ]
    assert len(findings(*told, rule="I-13", kind="telemetry-gap")) == reopened


@pytest.mark.parametrize(
    ("inside", "at", "open_"), [([], "T12:00:00", 1), ([PRODUCT], "T12:00:00", 0), ([], "T08:00:00", 0)]
)
def test_a_container_may_be_in_a_shipment_of_unknown_contents_that_left_since_its_holder_took_it(
    inside: list[dict[str, Any]], at: str, open_: int
) -> None:
    contents: dict[str, Any] = {"contents": inside} if inside else {}
    left = fact("shipment.arrived", OUTBOUND, f"2026-03-08{at}", order=ORDER, **contents)
    consent = fact("consent.recorded", ref("consent", "1"), "2026-03-02", status="active", order=ORDER, subject=PATIENT)
    state = journey(submitted(), consent, HERE, left)
    answer = may_ship(state, [BAG], short(APHERESIS), DEFAULT_PROTOCOLS, NOW)
    found = [reason for reason in answer.reasons if "nobody told what is in it" in reason.text]
    assert [reason.verdict for reason in found] == [CANNOT_TELL] * open_


def test_a_shipment_of_unknown_contents_leaves_it_open_too_where_nobody_knows_since_when_the_container_is_held() -> (
    None
):
    left = fact("shipment.arrived", OUTBOUND, "2026-03-08T08:00:00", order=ORDER)
    state = journey(submitted(), HERE, left)
    state.custody.update({name: replace(chain, since="") for name, chain in state.custody.items()})
    answer = may_ship(state, [BAG], short(APHERESIS), DEFAULT_PROTOCOLS, NOW)
    assert any("nobody told what is in it" in reason.text for reason in answer.reasons)
