"""The shipper's hold: journeys that break the rule, and their nearest neighbours that do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules import Finding, check
from canonical_model.rules.finding import ACCEPT, SHIP
from canonical_model.rules.transport import holds
from canonical_model.values import MOMENT
from tests.canonical_model.facts import (
    BATCH,
    LOT,
    MAKER,
    ORDER,
    PRODUCT,
    PRODUCT_2,
    RETURN,
    Fact,
    created,
    fact,
    findings,
    journey,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.clock import changes_only_when_told

DEWAR = ref("device", "DEWAR-7")
MADE = [
    submitted(),
    *(created(bag, MAKER, "2026-03-08T08:00:00", batch=BATCH, order=ORDER) for bag in (PRODUCT, PRODUCT_2)),
]
LEFT = fact("shipment.departed", RETURN, "2026-03-09T12:00:00")
STORED = fact("container.stored", PRODUCT, "2026-03-11T10:00:00", by="site")


def packed(at: str = "2026-03-09T10:00:00", **values: Any) -> Fact:
    return fact("shipment.packed", RETURN, at, **{"contents": [PRODUCT], "direction": "to-patient", **values})


def held(until: str, **values: Any) -> Fact:
    return packed(hold_until=when(until), **values)


def arriving(at: str) -> dict[str, Any]:
    return {"planned": {"end": when(at)}}


def charged(hold: str, unit: str = "d", at: str = "2026-03-01T00:00:00") -> Fact:
    """The dewar is qualified for so long."""
    return fact("record.amended", DEWAR, at, role="courier", qualified_hold={"value": hold, "unit": unit})


def recharged(at: str, **values: Any) -> Fact:
    return fact("shipment.recharged", RETURN, at, **values)


ENOUGH, SCARCE = "2026-03-14T10:00:00", "2026-03-12T09:59:59"
CASES = [
    case(
        "the plan leaves less than the margin",
        "I-21",
        "hold-time",
        [*MADE, held(SCARCE, **arriving("2026-03-11T10:00:00"))],
        [*MADE, held("2026-04-12T10:00:00", **arriving("2026-03-11T10:00:00"))],
        "major",
    ),
    case(
        "this very dewar's own hold",
        "I-21",
        "hold-time",
        [*MADE, charged("9"), packed(packaging=DEWAR, **arriving("2026-03-18T10:00:01"))],
        [*MADE, charged("50"), packed(packaging=DEWAR, **arriving("2026-03-18T10:00:01"))],
    ),
    case(
        "the hold runs out while it travels",
        "I-21",
        "hold-time",
        [*MADE, held("2026-03-20T23:59:59"), LEFT],
        [*MADE, held("2026-03-21T00:00:00"), LEFT],
    ),
    case(
        "at the site the clock runs until the contents are stored",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH), LEFT, fact("shipment.arrived", RETURN, "2026-03-11T09:00:00")],
        [*MADE, held(ENOUGH), LEFT, fact("shipment.arrived", RETURN, "2026-03-11T09:00:00"), STORED],
    ),
    case(
        "every bag that is in it",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH, contents=[PRODUCT, PRODUCT_2]), LEFT, STORED],
        [
            *MADE,
            held(ENOUGH, contents=[PRODUCT, PRODUCT_2]),
            LEFT,
            STORED,
            {**STORED, "about": PRODUCT_2, "id": "0" * 40},
        ],
    ),
    case(
        "stored before it was packed is not stored after",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH), LEFT, fact("container.stored", PRODUCT, "2026-03-09T09:59:59", by="cdmo")],
        [*MADE, held(ENOUGH), LEFT, fact("container.stored", PRODUCT, "2026-03-09T10:00:00", by="cdmo")],
    ),
    case(
        "stored after the hold had ended",
        "I-21",
        "hold-time",
        [*MADE, held("2026-03-11T09:59:59"), LEFT, STORED],
        [*MADE, held("2026-03-11T10:00:00"), LEFT, STORED],
    ),
    case(
        "what is thawed is out of its shipper",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH), LEFT],
        [
            *MADE,
            held(ENOUGH),
            LEFT,
            fact("product.thawed", PRODUCT, "2026-03-11T10:00:00"),
            fact("infusion.started", ref("administration", "1"), "2026-03-11T10:10:00", containers=[PRODUCT]),
        ],
    ),
    case(
        "a recharge gives time",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH), LEFT],
        [*MADE, held(ENOUGH), LEFT, recharged("2026-03-13T10:00:00", hold_until=when("2026-03-23"))],
    ),
    case(
        "a recharge gives this dewar its own hold again",
        "I-21",
        "hold-time",
        [*MADE, charged("5"), packed(packaging=DEWAR), LEFT],
        [*MADE, charged("5"), packed(packaging=DEWAR), LEFT, recharged("2026-03-17T10:00:00")],
    ),
    case(
        "recharged after it had ended",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH), LEFT, recharged("2026-03-14T10:00:01", hold_until=when("2026-03-24"))],
        [*MADE, held(ENOUGH), LEFT, recharged("2026-03-14T10:00:00", hold_until=when("2026-03-24"))],
    ),
    case(
        "a delay eats up the margin",
        "I-21",
        "hold-time",
        [
            *MADE,
            held("2026-03-25", **arriving("2026-03-11")),
            LEFT,
            fact("shipment.delayed", RETURN, "2026-03-11T00:00:00", **arriving("2026-03-25")),
        ],
        [
            *MADE,
            held("2026-03-25", **arriving("2026-03-11")),
            LEFT,
            fact("shipment.delayed", RETURN, "2026-03-11T00:00:00", **arriving("2026-03-24")),
        ],
    ),
    case(
        "what will not go needs no hold",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH)],
        [*MADE, held(ENOUGH), fact("shipment.cancelled", RETURN, "2026-03-09T11:00:00")],
    ),
    case(
        "where only material is named, the acceptance ends it",
        "I-21",
        "hold-time",
        [*MADE, held(ENOUGH, contents=[LOT]), LEFT],
        [*MADE, held(ENOUGH, contents=[LOT]), LEFT, fact("shipment.accepted", RETURN, "2026-03-11T10:00:00")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def told(*facts: Fact, now: datetime = datetime(2026, 3, 20, tzinfo=UTC)) -> list[Finding]:
    return findings(*MADE, *facts, now=now, rule="I-21")


def test_a_shipper_of_unknown_hold_is_not_judged() -> None:
    assert not told(packed(packaging=DEWAR), LEFT)
    assert not told(charged("10", "mL"), packed(packaging=DEWAR), LEFT)
    assert not told(charged("10"), {**packed(packaging=DEWAR), "occurred": when("2026-03-09")})


def test_the_clock_of_the_hold_is_told_to_the_moment() -> None:
    state = journey(*MADE, held("2026-03-19T10:00:00"), LEFT)
    deadline = datetime(2026, 3, 18, 10, tzinfo=UTC)
    asked = datetime(2026, 3, 12, tzinfo=UTC)
    assert check(state, DEFAULT_PROTOCOLS, asked).next_change == deadline + MOMENT
    assert changes_only_when_told(state, DEFAULT_PROTOCOLS, asked, asked + timedelta(days=20)) == 1


def test_the_issue_comes_before_the_excursion_and_stays_one() -> None:
    """Scenario 32: nine of ten hold days are used at customs; the Issue is the same when the hold has ended."""
    customs = (charged("10"), packed(packaging=DEWAR), LEFT, fact("shipment.delayed", RETURN, "2026-03-12T00:00:00"))
    before = told(*customs, now=datetime(2026, 3, 18, 12, tzinfo=UTC))
    after = told(*customs, now=datetime(2026, 3, 25, tzinfo=UTC))
    assert [f.id for f in before] == [f.id for f in after] != []
    assert before[0].blocks == (SHIP, ACCEPT)
    assert not told(*customs, recharged("2026-03-18T13:00:00"), now=datetime(2026, 3, 18, 13, tzinfo=UTC))


def test_holds_follow_each_other_with_the_facts_that_say_so() -> None:
    state = journey(*MADE, charged("10"), packed(packaging=DEWAR), LEFT, recharged("2026-03-15T00:00:00"))
    found = holds(state, state.of("shipment")[0])
    assert [hold.until for hold in found] == [datetime(2026, 3, 19, 10, tzinfo=UTC), datetime(2026, 3, 25, tzinfo=UTC)]
    assert all(hold.facts[1]["about"] == DEWAR for hold in found)


def test_the_end_of_the_calendar_stops_no_hold() -> None:
    assert not told(held("9999-12-31T23:59:59"), LEFT)
    assert told(held("0001-01-01T00:00:00"), LEFT)
