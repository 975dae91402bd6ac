"""Doses that go by a measurement: for each rule a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from canonical_model.protocol_templates import DEFAULT_PROTOCOLS, IN_VIVO_AAV
from canonical_model.rules.measures import band_fits, missing_measurements
from tests.canonical_model.facts import (
    MAKER,
    ORDER,
    PRODUCT,
    SITE,
    Fact,
    checked,
    created,
    fact,
    journey,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.rules.clock import changes_only_when_told

DOSE = "dose"
USED = "2026-03-15T10:00:00"


def kg(value: str, unit: str = "kg", **values: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, **values}


def ordered(
    weighed: str = "2026-03-10T08:00:00", titre: str = "2026-03-01", weight: str = "4.0", **values: Any
) -> Fact:
    said: dict[str, Any] = {"weight": kg(weight), "weighed_at": when(weighed), "titre_at": when(titre), **values}
    return submitted(protocol=IN_VIVO_AAV.key, **said)


def weighed_again(at: str, weight: str, occurred: str) -> Fact:
    return fact("order.amended", ORDER, occurred, weight=kg(weight), weighed_at=when(at))


def used(at: str = USED, **values: Any) -> Fact:
    return fact("infusion.started", ref("administration", "A-1"), at, containers=[PRODUCT], **values)


def kit(low: str = "3.6", high: str = "4.0", unit: str = "kg", **values: Any) -> Fact:
    band = {"low": kg(low, unit), "high": kg(high, unit)}
    return created(PRODUCT, MAKER, "2026-03-05T08:00:00", kind="kit", weight_band=band, **values)


THAWED = fact("product.thawed", PRODUCT, "2026-03-12T08:00:00")
CASES = [
    case(
        "the weight of a fortnight ago",
        "I-26",
        DOSE,
        [ordered("2026-03-01T09:59:00"), used()],
        [ordered("2026-03-01T10:00:00"), used()],
        "critical",
    ),
    case("of a day nobody knows more", "I-26", DOSE, [ordered("2026-02-28"), used()], [ordered("2026-03-01"), used()]),
    case(
        "the titre of a month ago",
        "I-26",
        DOSE,
        [ordered(titre="2026-02-12"), used()],
        [ordered(titre="2026-02-13"), used()],
    ),
    case(
        "no weight",
        "I-26",
        DOSE,
        [submitted(protocol=IN_VIVO_AAV.key, titre_at=when("2026-03-01")), used()],
        [ordered(), used()],
    ),
    case(
        "weighed after the dose",
        "I-26",
        DOSE,
        [ordered("2026-02-01"), weighed_again("2026-03-16", "4.0", "2026-03-16T10:00:00"), used()],
        [ordered("2026-02-01"), weighed_again("2026-03-14", "4.0", "2026-03-16T10:00:00"), used()],
    ),
    case(
        "only the end of the dose was told",
        "I-26",
        DOSE,
        [ordered("2026-02-01"), fact("infusion.completed", ref("administration", "A-1"), USED)],
        [ordered("2026-02-01"), fact("infusion.not-done", ref("administration", "A-1"), USED)],
    ),
    case(
        "made ready with an old weight", "I-26", DOSE, [ordered("2026-03-05"), THAWED], [ordered("2026-03-06"), THAWED]
    ),
    case("nothing is ready", "I-26", DOSE, [ordered("2026-03-05"), THAWED], [ordered("2026-03-05")]),
    case(
        "heavier than the band",
        "I-26",
        DOSE,
        [ordered(weight="4.1"), kit()],
        [ordered(weight="4.0"), kit()],
        "critical",
    ),
    case("lighter than the band", "I-26", DOSE, [ordered(weight="3.59"), kit()], [ordered(weight="3.60"), kit()]),
    case(
        "grams and kilograms",
        "I-26",
        DOSE,
        [ordered(), kit("4001", "4500", "g")],
        [ordered(), kit("4000", "4500", "g")],
    ),
    case(
        "grown before the kit was used",
        "I-26",
        DOSE,
        [ordered(), kit(), weighed_again("2026-03-14", "4.2", "2026-03-14T08:00:00"), used()],
        [ordered(), kit(), weighed_again("2026-03-16", "4.2", "2026-03-16T08:00:00"), used()],
    ),
    case(
        "a kit that was sent back",
        "I-26",
        DOSE,
        [ordered(weight="4.2"), kit()],
        [ordered(weight="4.2"), kit(), fact("container.returned", PRODUCT, "2026-03-14T08:00:00")],
    ),
    case("pounds are not compared", "I-26", "mapping", [ordered(), kit(unit="[lb_av]")], [ordered(), kit()], "major"),
    case(
        "no weight to compare",
        "I-26",
        "mapping",
        [submitted(protocol=IN_VIVO_AAV.key), kit()],
        [submitted(protocol=IN_VIVO_AAV.key), created(PRODUCT, MAKER, kind="kit")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


@pytest.mark.parametrize(
    ("band", "weight", "fits"),
    [
        ({"low": kg("2.6"), "high": kg("3.0")}, kg("2.60"), True),
        ({"low": kg("2.6"), "high": kg("3.0")}, kg("3.001"), False),
        ({"high": kg("3.0")}, kg("0.5"), True),
        ({"low": kg("2.6")}, kg("2650", "g"), True),
        ({"low": kg("2.6")}, kg("3", comparator="<"), None),
        ({"low": kg("2.6")}, {"value": "3"}, None),
        ({"low": kg("2.6")}, None, None),
        ({}, kg("3"), None),
    ],
)
def test_a_band_fits_a_weight(band: dict[str, Any], weight: dict[str, Any] | None, fits: bool | None) -> None:
    assert band_fits(band, weight) is fits


def test_the_same_order_under_a_protocol_that_asks_for_no_measurement_is_silent() -> None:
    facts = [submitted(), used(), THAWED]
    assert not [f for f in checked(*facts).findings if f.rule == "I-26"]


def test_a_weight_that_cannot_be_compared_leaves_the_answer_open() -> None:
    (found,) = [f for f in checked(ordered(), kit(unit="[lb_av]")).findings if f.rule == "I-26"]
    assert found.unclear
    assert found.blocks == ("may-infuse",)


def test_what_a_clock_meets_before_a_dose() -> None:
    state = journey(ordered("2026-03-10T08:00:00", "2026-03-01"), created(PRODUCT, SITE), THAWED)
    start, end = datetime(2026, 3, 12, tzinfo=UTC), datetime(2026, 4, 3, tzinfo=UTC)
    ask = lambda s, now: missing_measurements(s, IN_VIVO_AAV, now)  # noqa: E731
    assert changes_only_when_told(state, {IN_VIVO_AAV.key: IN_VIVO_AAV}, start, end, ask) >= 2
    assert [m.what for m in missing_measurements(state, IN_VIVO_AAV, end)] == ["titre", "weight"]
    assert missing_measurements(state, IN_VIVO_AAV, start) == ()


def test_the_default_protocol_asks_for_weight_and_titre() -> None:
    assert set(DEFAULT_PROTOCOLS[IN_VIVO_AAV.key].max_age) == {"weight", "titre"}
