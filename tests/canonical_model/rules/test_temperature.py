"""Storage and the whole life of a container: journeys that break the rules, and their nearest neighbours."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.rules import Finding
from canonical_model.rules.finding import ACCEPT, INFUSE
from tests.canonical_model.facts import (
    BAG,
    BAG_2,
    LOT,
    LOT_2,
    ORDER,
    OUTBOUND,
    RETURN,
    Fact,
    Ref,
    created,
    fact,
    findings,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells

STORED = [
    submitted(),
    created(BAG, order=ORDER, material=LOT),
    created(BAG_2, order=ORDER, material=LOT_2),
    *(
        fact("material.stated", lot, "2026-03-08T08:00:00", by="cdmo", role="cdmo", storage="refrigerated")
        for lot in (LOT, LOT_2)
    ),
]


def series(name: str, *points: tuple[int, str], start: str = "2026-03-08T11:00:00", **values: Any) -> Fact:
    """A file of a logger: `(minutes, value)`, in degrees Celsius unless another unit is given."""
    told = [{"seconds": str(minute * 60), "value": value} for minute, value in points]
    said: dict[str, Any] = {"container": BAG, "unit": "Cel", "quantity": "temperature", "points": told, **values}
    if start:
        said["start"] = when(start)
    return fact("readings.recorded", ref("readings", name), "2026-03-09T12:00:00", by="logger", **said)


def outside(minutes: int, value: str = "12") -> list[tuple[int, str]]:
    """At 5 degrees, for so many minutes at 12, and at 5 again."""
    return [(0, "5"), (10, value), (10 + minutes, "5"), (30 + minutes, "5")]


def carried(shipment: Ref, *containers: Ref) -> Fact:
    direction = "collection-outbound"
    return fact("shipment.packed", shipment, "2026-03-08T10:00:00", contents=list(containers), direction=direction)


LATER, NEXT_DAY = "2026-03-08T16:00:00", "2026-03-09T08:00:00"
TWO_LEGS = [*STORED, carried(OUTBOUND, BAG), carried(RETURN, BAG)]
FIRST = series("first", *outside(30), container=BAG, shipment=OUTBOUND)
CASES = [
    case(
        "too warm in storage",
        "I-5",
        "temperature-excursion",
        [*STORED, series("freezer", *outside(31))],
        [*STORED, series("freezer", *outside(30))],
        "major",
    ),
    case(
        "too warm in storage, in degrees Fahrenheit",
        "I-5",
        "temperature-excursion",
        [*STORED, series("freezer", (0, "41"), (10, "47"), (41, "41"), unit="[degF]")],
        [*STORED, series("freezer", (0, "41"), (10, "46"), (41, "41"), unit="[degF]")],
    ),
    case(
        "beyond the limit by a tenth of a degree Fahrenheit, and exactly at it",
        "I-5",
        "temperature-excursion",
        [*STORED, series("freezer", (0, "41"), (10, "46.5"), (41, "41"), unit="[degF]")],
        [*STORED, series("freezer", (0, "35.6"), (10, "46.4"), (41, "35.60"), unit="[degF]")],
    ),
    case(
        "hours in storage without a reading",
        "I-3",
        "telemetry-gap",
        [*STORED, series("freezer", (0, "5"), (31, "5"))],
        [*STORED, series("freezer", (0, "5"), (30, "5"))],
        "major",
    ),
    case(
        "a unit of storage that nobody knows",
        "I-5",
        "mapping",
        [*STORED, series("freezer", (0, "5"), unit="degrees")],
        [*STORED, series("freezer", (0, "5"), unit="K")],
    ),
    case(
        "each stay is short enough, all together are not",
        "I-22",
        "temperature-excursion",
        [
            *STORED,
            series("a", *outside(25)),
            series("b", *outside(25), start=LATER),
            series("c", *outside(25), start=NEXT_DAY),
        ],
        [
            *STORED,
            series("a", *outside(20)),
            series("b", *outside(20), start=LATER),
            series("c", *outside(20), start=NEXT_DAY),
        ],
        "major",
    ),
    case(
        "transit and storage add up",
        "I-22",
        "temperature-excursion",
        [*TWO_LEGS, FIRST, series("b", *outside(30), start=LATER), series("c", *outside(1), start=NEXT_DAY)],
        [*TWO_LEGS, FIRST, series("b", *outside(30), start=LATER)],
    ),
    case(
        "what two loggers saw at one time counts once",
        "I-22",
        "temperature-excursion",
        [
            *STORED,
            series("a", *outside(30)),
            series("b", *outside(30), start=LATER),
            series("c", *outside(30), start=NEXT_DAY),
        ],
        [*STORED, series("a", *outside(30)), series("b", *outside(30)), series("c", *outside(30), start=LATER)],
    ),
    case(
        "of another container",
        "I-22",
        "temperature-excursion",
        [
            *STORED,
            *(
                series(n, *outside(30), start=at)
                for n, at in (("a", LATER), ("b", NEXT_DAY), ("c", "2026-03-08T11:00:00"))
            ),
        ],
        [
            *STORED,
            *(series(n, *outside(30), start=at) for n, at in (("a", LATER), ("b", NEXT_DAY))),
            series("c", *outside(30), container=BAG_2),
        ],
    ),
    case(
        "series without a start each count",
        "I-22",
        "temperature-excursion",
        [*STORED, *(series(name, *outside(21), start="") for name in "abc")],
        [*STORED, *(series(name, *outside(20), start="") for name in "abc")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def only(rule: str, *facts: Fact) -> Finding:
    (found,) = findings(*facts, rule=rule)
    return found


def test_an_excursion_in_storage_is_about_the_container_and_no_other_is_held_for_it() -> None:
    found = only("I-5", *STORED, series("freezer", *outside(31)))
    assert found.about == ("container", "urn:test:container|BAG-1")
    assert found.blocks == (ACCEPT, INFUSE)


def test_two_files_of_one_container_are_two_issues() -> None:
    told = findings(*STORED, series("a", *outside(31)), series("b", *outside(31), start=NEXT_DAY), rule="I-5")
    assert len({finding.id for finding in told}) == 2


def test_the_time_of_a_whole_life_is_told_with_every_file_that_it_is_the_sum_of() -> None:
    files = [
        series("a", *outside(25)),
        series("b", *outside(25), start=LATER),
        series("c", *outside(25), start=NEXT_DAY),
    ]
    found = only("I-22", *STORED, *files)
    assert found.text == "outside refrigerated for 75 min in all, by 3 series together"
    assert found.facts == tuple(event["id"] for event in files)
    assert found.blocks == (INFUSE,)


def test_one_file_alone_is_told_by_the_rule_of_excursions() -> None:
    told = findings(*STORED, series("a", *outside(120)))
    assert {finding.rule for finding in told} & {"I-5", "I-22"} == {"I-5"}


def test_hostile_series_stop_no_sum() -> None:
    wild = [
        series(
            "a",
            start="9999-12-31T23:59:59",
            points=[{"seconds": "0", "value": "12"}, {"seconds": "9e99", "value": "12"}],
        ),
        series("b", start="", points=[{"seconds": "-9e99", "value": "12"}, {"seconds": "9e99", "value": "12"}]),
        series("c", start="", points=[{"seconds": "-9e99", "value": "12"}, {"seconds": "9e99", "value": "12"}]),
    ]
    assert only("I-22", *STORED, *wild)
