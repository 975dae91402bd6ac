"""Rules of a donor who is not the patient: for each a journey that breaks it, and its nearest neighbour."""

from __future__ import annotations

from typing import Any

import pytest

from tests.canonical_model.facts import (
    BAG,
    BATCH,
    COI,
    DONATION,
    LOT,
    MAKER,
    ORDER,
    PATIENT,
    PRODUCT,
    STRANGER,
    Fact,
    created,
    fact,
    findings,
    ref,
    submitted,
    when,
)
from tests.canonical_model.rules.cases import Case, case, tells

DONOR = STRANGER
GIVEN = fact("collection.completed", DONATION, order=ORDER, donor=DONOR)


def ordered(**values: Any) -> Fact:
    return submitted(service={"codings": [{"code": "VST"}]}, **{"donor": DONOR, **values})


def screened(decision: str, at: str = "2026-03-02T08:00:00", kind: str = "donor", **values: Any) -> Fact:
    return fact("eligibility.decided", DONOR, at, eligibility={kind: {"decision": decision, **values}})


def consent(type_: str = "consent.recorded", at: str = "2026-03-02T08:00:00", **values: Any) -> Fact:
    return fact(type_, ref("consent", "D"), at, **values)


def bag(**values: Any) -> Fact:
    return created(collection=DONATION, order=ORDER, **values)


HELD = [ordered(), GIVEN]
MADE = consent(subject=DONOR, scope=["manufacture"])
NUMBERED = {"kind": "subject", "identifiers": [*PATIENT["identifiers"], {"system": "urn:study", "value": "S-17"}]}
PATIENT_KNOWN = fact("subject.enrolled", NUMBERED, "2026-02-01T08:00:00")
DONOR_KNOWN = fact(
    "subject.enrolled",
    {
        "kind": "subject",
        "identifiers": [
            *DONOR["identifiers"],
            {"system": "urn:registry", "value": "D-4"},
            {"system": "http://www.isbt128.org/uri/GRID", "value": "9991ABCDE2345678K73", "type": "grid"},
        ],
    },
)
ELIGIBILITY, SAME, PRIVACY = "eligibility", "identity-mismatch", "privacy"
CASES = [
    case("a donor of whom nobody decided", "I-11", ELIGIBILITY, HELD, [*HELD, screened("eligible")], "major"),
    case("nothing was collected yet", "I-11", ELIGIBILITY, HELD, [ordered()]),
    case(
        "a donor who is not eligible",
        "I-11",
        ELIGIBILITY,
        [ordered(), screened("not-eligible")],
        [ordered(), screened("not-eligible", urgent_need=True)],
    ),
    case(
        "a condition is not met", "I-11", ELIGIBILITY, [*HELD, screened("conditional")], [*HELD, screened("eligible")]
    ),
    case(
        "a decision that a later one replaced",
        "I-11",
        ELIGIBILITY,
        [*HELD, screened("eligible"), screened("not-eligible", "2026-03-03T08:00:00")],
        [*HELD, screened("not-eligible"), screened("eligible", "2026-03-03T08:00:00")],
    ),
    case(
        "a decision that had run out",
        "I-11",
        ELIGIBILITY,
        [*HELD, screened("eligible", until=when("2026-03-07"))],
        [*HELD, screened("eligible", until=when("2026-03-08"))],
    ),
    case(
        "a donor whom nobody names",
        "I-11",
        ELIGIBILITY,
        [ordered(donor=PATIENT) | {"set": {"service": {"codings": [{"code": "VST"}]}}}, created(order=ORDER)],
        [*HELD, created(order=ORDER), screened("eligible")],
    ),
    case("donor and patient are one", "I-27", SAME, [ordered(donor=PATIENT)], [ordered()], "critical"),
    case(
        "a donation of the patient",
        "I-27",
        SAME,
        [ordered(), fact("collection.completed", DONATION, donor=PATIENT)],
        HELD,
    ),
    case(
        "a merge of donor and patient",
        "I-27",
        SAME,
        [ordered(), fact("subject.merged", PATIENT, retired=DONOR["identifiers"])],
        [ordered(), fact("subject.merged", PATIENT, retired=ref("subject", "token-9")["identifiers"])],
    ),
    case(
        "the patient's number on the donor's bag",
        "I-27",
        PRIVACY,
        [*HELD, PATIENT_KNOWN, bag(label={"lot": "S-17"})],
        [*HELD, PATIENT_KNOWN, bag(label={"lot": "S-18", "coi": {"system": "urn:sponsor:coi", "value": COI}})],
        "critical",
    ),
    case(
        "a donation that is called by the patient's number",
        "I-27",
        PRIVACY,
        [*HELD, PATIENT_KNOWN, fact("collection.completed", ref("collection", "S-17"), order=ORDER)],
        [*HELD, PATIENT_KNOWN, fact("collection.completed", ref("collection", "S-18"), order=ORDER)],
    ),
    case(
        "the donor's number on the product",
        "I-27",
        PRIVACY,
        [*HELD, DONOR_KNOWN, created(PRODUCT, MAKER, batch=BATCH, material=LOT, order=ORDER, label={"lot": "D-4"})],
        [
            *HELD,
            DONOR_KNOWN,
            created(PRODUCT, MAKER, batch=BATCH, material=LOT, order=ORDER, label={"lot": "9991ABCDE2345678K73"}),
        ],
    ),
    case(
        "a donor who took consent back",
        "I-27",
        "consent",
        [*HELD, MADE, consent("consent.withdrawn", "2026-03-09T08:00:00")],
        [*HELD, MADE],
        "critical",
    ),
    case(
        "a donor who refused the making",
        "I-27",
        "consent",
        [*HELD, consent(subject=DONOR, scope=["manufacture"], status="refused")],
        [*HELD, consent(subject=DONOR, scope=["research"], status="refused")],
    ),
    case(
        "the patient's refusal is not the donor's",
        "I-27",
        "consent",
        [*HELD, consent(subject=DONOR, scope=["manufacture"], status="refused")],
        [*HELD, consent(subject=PATIENT, scope=["manufacture"], status="refused")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_another_kind_of_eligibility_does_not_replace_the_donors() -> None:
    """The record's field holds what its last fact names; the rule reads all."""
    later = screened("eligible", "2026-03-03T08:00:00", kind="collection")
    assert not findings(*HELD, screened("eligible"), later, rule="I-11")
    assert findings(*HELD, later, rule="I-11")


def test_the_bag_of_an_autologous_order_asks_for_no_donor() -> None:
    assert not findings(submitted(), GIVEN, created(BAG), rule="I-11")


def test_a_donor_who_consents_again_for_certain_lifts_the_refusal() -> None:
    taken = consent("consent.withdrawn", "2026-03-09T08:00:00")
    again = consent(at="2026-03-10T08:00:00", subject=DONOR, scope=["manufacture"])
    assert findings(*HELD, MADE, taken, rule="I-27")
    assert not findings(*HELD, MADE, taken, again, rule="I-27")
