"""What puts a release in doubt again: journeys that break the rule, and their nearest neighbours that do not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.rules import Finding
from canonical_model.rules.finding import INFUSE
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BATCH,
    DECISION,
    LOT,
    LOT_2,
    ORDER,
    OUTBOUND,
    PRODUCT,
    PRODUCT_2,
    RETURN,
    Fact,
    Ref,
    created,
    dose_ready,
    fact,
    findings,
    ref,
    result,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells
from tests.canonical_model.test_rules import resolution

READY = [submitted(), *dose_ready()]
HELD = [event for event in READY if event["about"] != DECISION]
SECOND = [*READY, *dose_ready(PRODUCT_2, LOT_2, ref("disposition", "D-2"))]
MADE = [created(BAG, APHERESIS, order=ORDER), fact("batch.started", BATCH, "2026-03-08T20:00:00", inputs=[BAG])]
INFUSED = fact("infusion.started", ref("administration", "1"), "2026-03-10T11:00:00", containers=[PRODUCT])


def file(shipment: Ref, *points: tuple[int, str], recorded: str = "2026-03-15T08:00:00Z", **values: Any) -> Fact:
    """A logger's file of a transit on 8 March, read and told a week later: `(minutes, degrees)`."""
    return fact(
        "readings.recorded",
        ref("readings", "late"),
        "2026-03-08T15:00:00",
        by="logger",
        recorded=recorded,
        shipment=shipment,
        quantity="temperature",
        unit="Cel",
        start=when("2026-03-08T11:00:00"),
        points=[{"seconds": str(minute * 60), "value": value} for minute, value in points],
        **values,
    )


def carried(shipment: Ref, *containers: Ref, direction: str = "to-patient") -> Fact:
    return fact("shipment.packed", shipment, "2026-03-08T10:00:00", contents=list(containers), direction=direction)


def deviation(
    *of: Ref, type_: str = "deviation.opened", at: str = "2026-03-12T08:00:00", severity: str = "major"
) -> Fact:
    about = ref("issue", "DEV-1", system="urn:qms", type_="deviation")
    told = fact(type_, about, at, by="cdmo", order=ORDER, severity=severity)
    return {**told, "set": {**told["set"], "about": list(of)}} if of else told


WARM, COLD = ((0, "-155"), (20, "-140"), (40, "-155")), ((0, "-155"), (20, "-155"), (40, "-155"))
FRESH = ((0, "5"), (60, "14"), (120, "14"), (150, "5"))
CASES = [
    case(
        "a late file tells of an excursion",
        "I-13",
        "temperature-excursion",
        [*READY, carried(RETURN, PRODUCT), file(RETURN, *WARM)],
        [*READY, carried(RETURN, PRODUCT), file(RETURN, *COLD)],
        "major",
    ),
    case(
        "nothing was released that it could put in doubt",
        "I-13",
        "temperature-excursion",
        [*READY, carried(RETURN, PRODUCT), file(RETURN, *WARM)],
        [*HELD, carried(RETURN, PRODUCT), file(RETURN, *WARM)],
    ),
    case(
        "an excursion on the way to the manufacturer concerns what was made of it",
        "I-13",
        "temperature-excursion",
        [*READY, *MADE, carried(OUTBOUND, BAG, direction="collection-outbound"), file(OUTBOUND, *FRESH)],
        [*READY, *MADE[:1], carried(OUTBOUND, BAG, direction="collection-outbound"), file(OUTBOUND, *FRESH)],
    ),
    case(
        "of something else",
        "I-13",
        "temperature-excursion",
        [*READY, carried(RETURN, PRODUCT), file(RETURN, *WARM)],
        [*READY, carried(RETURN, ref("container", "ELSE")), file(RETURN, *WARM)],
    ),
    case(
        "hours that nobody knows of",
        "I-13",
        "telemetry-gap",
        [*READY, carried(RETURN, PRODUCT), file(RETURN, (0, "-155"), (31, "-155"))],
        [*READY, carried(RETURN, PRODUCT), file(RETURN, (0, "-155"), (30, "-155"))],
        "major",
    ),
    case(
        "an open deviation",
        "I-13",
        "deviation",
        [*READY, deviation(PRODUCT)],
        [*READY, deviation(PRODUCT), deviation(type_="deviation.closed", at="2026-03-13T08:00:00")],
        "major",
    ),
    case(
        "a deviation of another container",
        "I-13",
        "deviation",
        [*READY, deviation(PRODUCT)],
        [*READY, deviation(BAG)],
    ),
    case(
        "a deviation that names only the order",
        "I-13",
        "deviation",
        [*READY, deviation()],
        [*READY, deviation(severity="minor")],
    ),
    case(
        "a deviation of the batch",
        "I-13",
        "deviation",
        [*READY, deviation(BATCH)],
        [*READY, deviation(ref("batch", "B-9"))],
    ),
    case(
        "the patient was already given it",
        "I-13",
        "deviation",
        [*READY, INFUSED, deviation(PRODUCT)],
        [*READY, deviation(PRODUCT)],
        "critical",
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def reopened(*facts: Fact) -> Finding:
    (found,) = findings(*facts, rule="I-13")
    return found


def test_what_re_opens_a_release_names_the_containers_and_whether_the_patient_got_them() -> None:
    late = [carried(RETURN, PRODUCT), file(RETURN, *WARM)]
    before, after = reopened(*SECOND, *late), reopened(*SECOND, *late, INFUSED)
    assert "DOSE-1" in before.text
    assert "DOSE-2" not in before.text
    assert (before.severity, "given" in before.text) == ("major", False)
    assert (after.severity, "given" in after.text) == ("critical", True)
    assert INFUSED["id"] in after.facts
    assert before.id == after.id


def test_a_positive_culture_after_the_infusion_names_what_was_given() -> None:
    """Scenario 11: sterility positive on day 14; the release and the infusion stay as they were told."""
    positive = result("sterility", LOT, "2026-03-19T12:00:00", "out", type_="result.corrected")
    found = reopened(*SECOND, INFUSED, positive)
    assert found.severity == "critical"
    assert "DOSE-1" in found.text
    assert "DOSE-2" not in found.text
    assert "given" in found.text
    assert {positive["id"], INFUSED["id"]} <= set(found.facts)
    assert found.blocks == (INFUSE,)


def test_a_stopped_infusion_has_given_something_and_one_that_was_not_done_has_not() -> None:
    open_ = deviation(PRODUCT)
    stopped = fact("infusion.stopped", ref("administration", "1"), "2026-03-10T11:00:00", containers=[PRODUCT])
    undone = {**stopped, "type": "infusion.not-done"}
    assert reopened(*READY, open_, stopped).severity == "critical"
    assert reopened(*READY, open_, undone).severity == "major"


def test_an_excursion_that_quality_has_assessed_puts_no_release_in_doubt() -> None:
    late = [*READY, carried(RETURN, PRODUCT), file(RETURN, *WARM)]
    (excursion,) = findings(*late, rule="I-5")
    assert reopened(*late)
    assert not findings(*late, resolution(excursion.id, "2026-03-16T00:00:00"), rule="I-13")
    assert reopened(*late, resolution(excursion.id, "2026-03-16T00:00:00", "courier"))


def test_it_makes_no_difference_whether_the_file_or_the_release_was_told_first() -> None:
    files = [file(RETURN, *WARM, recorded=at) for at in ("2026-03-08T15:00:00Z", "2026-03-15T08:00:00Z")]
    one, other = (reopened(*READY, carried(RETURN, PRODUCT), told) for told in files)
    assert one == other


def test_a_revoked_release_is_not_re_opened() -> None:
    revoked = fact("disposition.revoked", DECISION, "2026-03-11T00:00:00", by="cdmo")
    assert not findings(*READY, revoked, deviation(PRODUCT), rule="I-13")
