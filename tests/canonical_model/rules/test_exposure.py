"""What a temperature series comes to in figures: the same as what the rules find, whatever its unit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from canonical_model.journey import Journey, RecordState
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.rules.temperature import exposure, temperature_holds
from canonical_model.values import parse_instant

PROTOCOL = DEFAULT_PROTOCOLS["autologous-car-t@1"]
SHIPMENT = {"kind": "shipment", "identifiers": [{"system": "s", "value": "S-1"}]}
NOW = parse_instant("2026-03-11T00:00:00Z")


def order(**fields: Any) -> tuple[Journey, RecordState]:
    """An order with one shipment from the collection and one series of it."""
    usual = {"quantity": "temperature", "unit": "Cel", "shipment": SHIPMENT}
    series = RecordState("readings", "r|1", fields={**usual, **fields})
    shipment = RecordState("shipment", "s|S-1", fields={"direction": "collection-outbound"})
    journey = Journey(frozenset(), {"readings": {"r|1": series}, "shipment": {"s|S-1": shipment}})
    journey.aliases = {("shipment", "s", "S-1"): "s|S-1"}
    return journey, series


def points(*values: str, step: int = 600) -> list[dict[str, str]]:
    return [{"seconds": str(n * step), "value": value} for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("unit", "values", "outside"),
    [
        ("Cel", ("4.0", "9.0", "9.0", "4.0"), 1200),
        ("[degF]", ("39.2", "48.2", "48.2", "39.2"), 1200),
        ("[degF]", ("46.4", "46.4"), 0),
        ("Cel", ("4.0", "9.0", "4.0", "9.0", "4.0"), 1200),
    ],
)
def test_time_outside_is_counted_to_the_next_value_in_any_unit(
    unit: str, values: tuple[str, ...], outside: int
) -> None:
    journey, series = order(unit=unit, points=points(*values))
    found = exposure(journey, PROTOCOL, series)
    assert found is not None
    assert found.outside == timedelta(seconds=outside)
    assert found.gap == timedelta(seconds=600)
    assert found.values == len(values)


@pytest.mark.parametrize(
    "fields",
    [
        {"points": points("4.0", "4.1")},
        {"points": points("4.0", "9.0", "4.0")},
        {"points": points("4.0", "30.0", "30.0", "30.0", "4.0", step=3600)},
        {"points": points("4.0", "9.0")},
        {"maximum": "30.0", "minimum": "4.0"},
        {"maximum": "7.0", "minimum": "4.0"},
        {"points": points("4.0"), "maximum": "30.0"},
    ],
)
def test_an_excursion_is_one_exactly_where_the_rules_find_one(fields: dict[str, Any]) -> None:
    journey, series = order(**fields)
    found = exposure(journey, PROTOCOL, series)
    kinds = {item.kind for item in temperature_holds(journey, PROTOCOL, NOW) if hasattr(item, "kind")}
    assert found is not None
    assert found.is_excursion == ("temperature-excursion" in kinds)


def test_only_extremes_leave_the_time_outside_unknown() -> None:
    journey, series = order(minimum="4.0", maximum="30.0")
    found = exposure(journey, PROTOCOL, series)
    assert found is not None
    assert (found.values, found.low, found.high) == (0, Decimal("4.0"), Decimal("30.0"))
    assert found.outside == timedelta.max


def test_what_is_no_temperature_or_has_no_known_unit_comes_to_nothing() -> None:
    for fields in ({"quantity": "humidity"}, {"unit": "%"}, {"unit": None}):
        journey, series = order(**fields, points=points("4.0"))
        assert exposure(journey, PROTOCOL, series) is None


def test_without_a_condition_nothing_is_an_excursion() -> None:
    journey, series = order(points=points("90.0", "90.0"))
    found = exposure(journey, None, series)
    assert found is not None
    assert (found.condition, found.is_excursion, found.outside) == (None, False, timedelta())
