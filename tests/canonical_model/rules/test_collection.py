"""Rules of what a collection needs: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DONOR_DERIVED
from canonical_model.rules.collection import kits, missing_for_collection
from tests.canonical_model.facts import (
    APHERESIS,
    BATCH,
    COI,
    DONATION,
    MAKER,
    ORDER,
    PATIENT,
    STRANGER,
    Fact,
    checked,
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

WITH_KIT = AUTOLOGOUS_CAR_T.model_copy(update={"id": "with-kit", "kit": True})
PROTOCOLS = {WITH_KIT.key: WITH_KIT, DONOR_DERIVED.key: DONOR_DERIVED}
KIT, BOX, LABELS, SAMPLE = (
    *(ref("container", "KIT-1"), ref("shipment", "S-KIT")),
    *(ref("labels", "L-1"), ref("material", "SAMPLE-1")),
)
ORDERED = submitted(protocol=WITH_KIT.key)
DIRECTED = submitted(protocol=DONOR_DERIVED.key, donor=STRANGER)
STARTED = fact("collection.started", DONATION, "2026-03-08T08:00:00", order=ORDER)


def chain(value: str = COI) -> dict[str, Any]:
    return {"system": "urn:sponsor:coi", "value": value, "type": "coi"}


def kit(result: str = "accepted", at: str = "2026-03-07T08:00:00", **values: Any) -> list[Fact]:
    """A kit that was received and looked at."""
    looked = fact("container.observed", KIT, at, inspection={"result": result})
    return [created(KIT, APHERESIS, "2026-03-06T08:00:00", kind="kit", order=ORDER, **values), looked]


def labelled(coi: dict[str, Any] | None = None) -> Fact:
    return fact("label.issued", LABELS, "2026-03-05T08:00:00", container=KIT, coi=coi or chain(), issued=12)


def sample(at: str, **values: Any) -> Fact:
    said = {"stage": "sample", "donor": STRANGER, "collected": {"start": when(at)}, **values}
    return fact("sample.taken", SAMPLE, "2026-03-09T08:00:00", **said)


GOOD = [ORDERED, *kit(), labelled(), STARTED]
NEEDS, EXPIRED, LABEL = "precondition", "window", "label-discrepancy"
CASES = [
    case("without a kit", "I-20", NEEDS, [ORDERED, STARTED], GOOD, "critical", protocols=PROTOCOLS),
    case(
        "only its end was told",
        "I-20",
        NEEDS,
        [ORDERED, fact("collection.completed", DONATION, order=ORDER)],
        [ORDERED, fact("collection.cancelled", DONATION, order=ORDER)],
        protocols=PROTOCOLS,
    ),
    case(
        "a kit that was refused",
        "I-20",
        NEEDS,
        [ORDERED, *kit("rejected"), labelled(), STARTED],
        GOOD,
        protocols=PROTOCOLS,
    ),
    case(
        "a kit that was accepted afterwards",
        "I-20",
        NEEDS,
        [ORDERED, *kit(at="2026-03-08T09:00:00"), labelled(), STARTED],
        [ORDERED, *kit(at="2026-03-08"), labelled(), STARTED],
        protocols=PROTOCOLS,
    ),
    case(
        "a kit that nobody looked at",
        "I-20",
        NEEDS,
        [ORDERED, kit()[0], labelled(), STARTED],
        [
            ORDERED,
            kit()[0],
            labelled(),
            STARTED,
            fact(
                "shipment.accepted",
                BOX,
                "2026-03-07T09:00:00",
                direction="kit",
                contents=[KIT],
                inspection={"result": "accepted"},
            ),
        ],
        protocols=PROTOCOLS,
    ),
    case(
        "a kit that expired the day before",
        "I-20",
        EXPIRED,
        [ORDERED, *kit(expires_at=when("2026-03-07")), labelled(), STARTED],
        [ORDERED, *kit(expires_at=when("2026-03-08")), labelled(), STARTED],
        protocols=PROTOCOLS,
    ),
    case(
        "a kit without labels",
        "I-20",
        LABEL,
        [ORDERED, *kit(), STARTED],
        [ORDERED, *kit(label={"coi": chain()}), STARTED],
        protocols=PROTOCOLS,
    ),
    case(
        "scenario 26: a kit with the label set of another order",
        "I-20",
        LABEL,
        [ORDERED, *kit(), labelled(chain("CHA999926000099")), STARTED],
        GOOD,
        protocols=PROTOCOLS,
    ),
    case(
        "a donor who was not tested",
        "I-20",
        NEEDS,
        [DIRECTED, STARTED],
        [DIRECTED, STARTED, sample("2026-03-01")],
        "critical",
        protocols=PROTOCOLS,
    ),
    case(
        "a sample of too long ago",
        "I-20",
        NEEDS,
        [DIRECTED, STARTED, sample("2026-02-05")],
        [DIRECTED, STARTED, sample("2026-02-06")],
        protocols=PROTOCOLS,
    ),
    case(
        "a sample of the product is none of the donor",
        "I-20",
        NEEDS,
        [DIRECTED, STARTED, sample("2026-03-01", batch=BATCH)],
        [DIRECTED, STARTED, sample("2026-03-01")],
        protocols=PROTOCOLS,
    ),
    case(
        "a sample of the patient is none of the donor",
        "I-20",
        NEEDS,
        [DIRECTED, STARTED, sample("2026-03-01", donor=PATIENT)],
        [DIRECTED, STARTED, sample("2026-03-01", donor=STRANGER)],
        protocols=PROTOCOLS,
    ),
    case(
        "a result about the donor tells of its sample",
        "I-20",
        NEEDS,
        [
            DIRECTED,
            STARTED,
            fact("result.reported", ref("result", "hiv"), patient=PATIENT, observed_at=when("2026-03-01")),
        ],
        [
            DIRECTED,
            STARTED,
            fact("result.reported", ref("result", "hiv"), patient=STRANGER, observed_at=when("2026-03-01")),
        ],
        protocols=PROTOCOLS,
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def lacks(at: str, *facts: Fact) -> list[str]:
    state = journey(*facts)
    protocol = DONOR_DERIVED if facts and facts[0] is DIRECTED else WITH_KIT
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return [missing.what for missing in missing_for_collection(state, protocol, now)]


@pytest.mark.parametrize(
    ("facts", "lacking"),
    [
        ([ORDERED], ["kit"]),
        ([ORDERED, *kit("conditional"), labelled()], ["kit-not-accepted"]),
        ([ORDERED, *kit(expires_at=when("2026-03-09")), labelled()], ["kit-expired"]),
        ([ORDERED, *kit()], ["kit-labels"]),
        ([ORDERED, *kit(), labelled()], []),
        ([DIRECTED], ["donor-sample"]),
        ([DIRECTED, sample("2026-03-01")], []),
        ([DIRECTED, sample("2026-02-01")], ["donor-sample"]),
    ],
)
def test_a_collection_lacks(facts: list[Fact], lacking: list[str]) -> None:
    assert lacks("2026-03-10", *facts) == lacking


def test_one_good_kit_of_two_is_enough() -> None:
    spare = created(ref("container", "KIT-2"), APHERESIS, kind="kit", order=ORDER)
    assert lacks("2026-03-10", ORDERED, *kit(), labelled(), spare) == []


def test_a_kit_of_vials_for_the_patient_is_no_collection_kit() -> None:
    vials = created(ref("container", "VIALS"), MAKER, kind="kit", batch=BATCH)
    banded = created(ref("container", "V-2"), MAKER, kind="kit", weight_band={"low": {"value": "2", "unit": "kg"}})
    assert [record.name for record in kits(journey(ORDERED, vials, banded, *kit()))] == ["urn:test:container|KIT-1"]


def test_the_default_protocols_ask_for_no_kit() -> None:
    assert not findings(submitted(), STARTED, rule="I-20")
    assert missing_for_collection(journey(submitted()), None, datetime(2026, 3, 8, tzinfo=UTC)) == ()


def test_what_is_missing_closes_a_further_collection() -> None:
    told = [f for f in checked(ORDERED, STARTED, protocols=PROTOCOLS).findings if f.rule == "I-20"]
    assert [f.blocks for f in told] == [("may-collect",)]


@pytest.mark.parametrize(
    "facts", [[ORDERED, *kit(expires_at=when("2026-03-20")), labelled()], [DIRECTED, sample("2026-02-19T09:00:00")]]
)
def test_what_a_clock_meets_before_a_collection(facts: list[Fact]) -> None:
    protocol = DONOR_DERIVED if facts[0] is DIRECTED else WITH_KIT
    start = datetime(2026, 3, 18, tzinfo=UTC)
    asked = changes_only_when_told(
        journey(*facts),
        PROTOCOLS,
        start,
        start + timedelta(days=5),
        lambda state, now: missing_for_collection(state, protocol, now),
    )
    assert asked == 1
