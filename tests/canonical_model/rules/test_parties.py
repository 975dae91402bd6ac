"""Who does it is qualified: journeys that break the rule, and their nearest neighbours that do not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from canonical_model.rules import Finding, check
from canonical_model.rules.finding import INFUSE, START
from canonical_model.rules.parties import day_of, unqualified
from tests.canonical_model.facts import (
    APHERESIS,
    BATCH,
    COURIER,
    DONATION,
    LOT,
    MAKER,
    NOW,
    ORDER,
    OUTBOUND,
    SITE,
    Fact,
    Ref,
    fact,
    findings,
    journey,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells

SEPARATOR, LOGGER = ref("device", "SEP-1"), ref("device", "LOG-1")
LABORATORY = ref("party", "qc-lab")
ASKING = AUTOLOGOUS_CAR_T.model_copy(update={"id": "asking", "qualified": ("collect",)})
ASKED: dict[str, Any] = {"protocols": {ASKING.key: ASKING}}
ORDERED = submitted(region="EU")
COLLECTED = fact(
    "collection.completed", DONATION, "2026-03-08T10:00:00", order=ORDER, facility=APHERESIS, device=SEPARATOR
)


def valid(start: str, end: str) -> dict[str, Any]:
    return {"valid": {name: when(at) for name, at in (("start", start), ("end", end)) if at}}


def qualification(
    of: Ref = APHERESIS, at: str = "2026-01-01T00:00:00", type_: str = "party.qualified", name: str = "Q", **values: Any
) -> Fact:
    said = {of["kind"]: of, "activity": "collect", **values}
    return fact(type_, ref("qualification", name), at, by="sponsor", **said)


def suspended(at: str, of: Ref = APHERESIS, **values: Any) -> Fact:
    return qualification(of, at, "party.suspended", **values)


def calibrated(device: Ref, until: str, at: str = "2026-01-01T00:00:00") -> Fact:
    return fact("record.amended", device, at, role="apheresis-centre", calibrated_until=when(until))


CASES = [
    case(
        "the facility's qualification had ended",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, qualification(**valid("2025-01-01", "2026-03-07"))],
        [ORDERED, COLLECTED, qualification(**valid("2025-01-01", "2026-03-08"))],
        "major",
    ),
    case(
        "it began after the act",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, qualification(**valid("2026-03-09", "2027-03-07"))],
        [ORDERED, COLLECTED, qualification(**valid("2026-03-08", "2027-03-07"))],
    ),
    case(
        "renewed in time, whenever that was told",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, qualification(**valid("2025-01-01", "2026-03-07"))],
        [
            ORDERED,
            COLLECTED,
            qualification(**valid("2025-01-01", "2026-03-07")),
            qualification(at="2026-03-15T00:00:00", **valid("2026-03-08", "")),
        ],
    ),
    case(
        "suspended before the act",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, qualification(), suspended("2026-03-08T09:59:59")],
        [ORDERED, COLLECTED, qualification(), suspended("2026-03-08T10:00:00")],
    ),
    case(
        "a suspension on a day of which nobody knows the hour",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, qualification(), suspended("2026-03-07")],
        [ORDERED, COLLECTED, qualification(), suspended("2026-03-08")],
    ),
    case(
        "qualified again before the act",
        "I-19",
        "qualification",
        [
            ORDERED,
            COLLECTED,
            qualification(),
            suspended("2026-03-01T00:00:00"),
            qualification(at="2026-03-09T00:00:00"),
        ],
        [
            ORDERED,
            COLLECTED,
            qualification(),
            suspended("2026-03-01T00:00:00"),
            qualification(at="2026-03-07T00:00:00"),
        ],
    ),
    case(
        "a suspension outweighs another valid qualification",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, qualification(name="Q-2"), qualification(), suspended("2026-03-01T00:00:00")],
        [ORDERED, COLLECTED, qualification(name="Q-2"), qualification(), suspended("2026-03-01T00:00:00", SITE)],
    ),
    case(
        "for another activity",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00")],
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", activity="store")],
    ),
    case(
        "for another region",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", region="EU")],
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", region="US")],
    ),
    case(
        "for another product",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", product={"codings": [{"code": "AXI-CEL"}]})],
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", product={"codings": [{"code": "TISA-CEL"}]})],
    ),
    case(
        "the Protocol asks for a known one",
        "I-19",
        "qualification",
        [submitted(protocol=ASKING.key), COLLECTED],
        [submitted(protocol=ASKING.key), COLLECTED, qualification()],
        "major",
        **ASKED,
    ),
    case(
        "the Protocol asks, and nobody is named",
        "I-19",
        "qualification",
        [submitted(protocol=ASKING.key), fact("collection.completed", DONATION, order=ORDER), qualification()],
        [submitted(protocol=ASKING.key), COLLECTED, qualification()],
        **ASKED,
    ),
    case(
        "the separator's calibration had run out",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, calibrated(SEPARATOR, "2026-03-07")],
        [ORDERED, COLLECTED, calibrated(SEPARATOR, "2026-03-08")],
        "major",
    ),
    case(
        "calibrated anew, but after the act",
        "I-19",
        "qualification",
        [
            ORDERED,
            COLLECTED,
            calibrated(SEPARATOR, "2026-03-07"),
            calibrated(SEPARATOR, "2027-03-10", "2026-03-10T00:00:00"),
        ],
        [
            ORDERED,
            COLLECTED,
            calibrated(SEPARATOR, "2026-03-07"),
            calibrated(SEPARATOR, "2027-03-07", "2026-03-07T00:00:00"),
        ],
    ),
    case(
        "a device that is suspended",
        "I-19",
        "qualification",
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", SEPARATOR)],
        [ORDERED, COLLECTED, suspended("2026-03-01T00:00:00", LOGGER)],
    ),
    case(
        "the carrier and its logger",
        "I-19",
        "qualification",
        [ORDERED, fact("shipment.departed", OUTBOUND, order=ORDER, loggers=[LOGGER]), calibrated(LOGGER, "2026-03-07")],
        [ORDERED, fact("shipment.departed", OUTBOUND, order=ORDER, loggers=[LOGGER]), calibrated(LOGGER, "2026-03-09")],
    ),
    case(
        "the carrier of a shipment",
        "I-19",
        "qualification",
        [
            ORDERED,
            fact("shipment.departed", OUTBOUND, order=ORDER, carrier=COURIER),
            suspended("2026-03-01T00:00:00", COURIER, activity="ship"),
        ],
        [
            ORDERED,
            fact("shipment.planned", OUTBOUND, order=ORDER, carrier=COURIER),
            suspended("2026-03-01T00:00:00", COURIER, activity="ship"),
        ],
    ),
    case(
        "the maker, as the order names it",
        "I-19",
        "qualification",
        [
            submitted(manufacturer=MAKER),
            fact("batch.started", BATCH, order=ORDER),
            suspended("2026-03-01T00:00:00", MAKER, activity="manufacture"),
        ],
        [
            submitted(manufacturer=MAKER),
            fact("batch.started", BATCH, order=ORDER, site=ref("party", "other maker")),
            suspended("2026-03-01T00:00:00", MAKER, activity="manufacture"),
        ],
    ),
    case(
        "the laboratory of a result",
        "I-19",
        "qualification",
        [
            ORDERED,
            fact(
                "result.reported",
                ref("result", "1"),
                material=LOT,
                laboratory={"identifier": LABORATORY["identifiers"][0]},
            ),
            suspended("2026-03-01T00:00:00", LABORATORY, activity="test"),
        ],
        [
            ORDERED,
            fact("result.reported", ref("result", "1"), material=LOT, laboratory={"name": "qc-lab"}),
            suspended("2026-03-01T00:00:00", LABORATORY, activity="test"),
        ],
    ),
    case(
        "the site of an infusion",
        "I-19",
        "qualification",
        [
            submitted(site=SITE),
            fact("infusion.started", ref("administration", "1"), "2026-03-10T10:00:00", order=ORDER),
            suspended("2026-03-01T00:00:00", SITE, activity="infuse"),
        ],
        [
            submitted(site=SITE),
            fact("infusion.started", ref("administration", "1"), "2026-02-10T10:00:00", order=ORDER),
            suspended("2026-03-01T00:00:00", SITE, activity="infuse"),
        ],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def only(*facts: Fact) -> Finding:
    (found,) = findings(*facts, rule="I-19")
    return found


def test_nothing_is_asked_where_nobody_told_of_qualifications() -> None:
    assert not findings(ORDERED, COLLECTED, fact("batch.started", BATCH, order=ORDER, site=MAKER), rule="I-19")


def test_one_act_that_two_facts_tell_of_is_one_issue() -> None:
    begun = fact("collection.started", DONATION, "2026-03-08T08:00:00", order=ORDER, facility=APHERESIS)
    found = only(ORDERED, begun, COLLECTED, suspended("2026-03-01T00:00:00"))
    assert found.facts[0] == begun["id"]
    assert found.blocks == (START, INFUSE)


def test_a_qualification_that_no_fact_of_the_order_tells_of_can_be_handed_in() -> None:
    state = journey(ORDERED, COLLECTED)
    elsewhere = journey(suspended("2026-03-01T00:00:00"))
    assert "I-19" not in {f.rule for f in check(state, DEFAULT_PROTOCOLS, NOW).findings}
    state.qualifications = tuple(elsewhere.of("qualification"))
    assert "I-19" in {f.rule for f in check(state, DEFAULT_PROTOCOLS, NOW).findings}


def test_a_request_asks_for_the_day_on_which_it_is_made() -> None:
    state = journey(ORDERED, qualification(**valid("2026-01-01", "2026-03-20")))
    today = day_of(fact("collection.started", DONATION, "2026-03-20T12:00:00"))
    tomorrow = day_of(fact("collection.started", DONATION, "2026-03-21T12:00:00"))
    assert unqualified(state, APHERESIS, "collect", today, None) is None
    unfit = unqualified(state, APHERESIS, "collect", tomorrow, None)
    assert unfit is not None
    assert unfit.why == "invalid"
    assert unqualified(state, APHERESIS, "collect", tomorrow, None, known=()) is None
