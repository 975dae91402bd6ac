"""Rules of recalls: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from canonical_model.rules.finding import ALLOCATE, INFUSE, SHIP
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    BATCH_2,
    DONATION,
    LOT,
    LOT_2,
    MAKER,
    NAMES,
    ORDER,
    PRODUCT,
    PRODUCT_2,
    STRANGER,
    Fact,
    Ref,
    created,
    dose_ready,
    fact,
    findings,
    journey,
    ref,
    submitted,
)
from tests.canonical_model.rules.cases import Case, case, tells

VECTOR, OTHER_VECTOR, RECALL = ref("material", "LV-7"), ref("material", "LV-8"), ref("recall", "R-1")


def recalled(*targets: Ref, type_: str = "recall.initiated", at: str = "2026-03-15T08:00:00", **values: Any) -> Fact:
    said: dict[str, Any] = {"targets": list(targets)} if targets else {}
    return fact(type_, RECALL, at, by="agency", role="regulator", order=ORDER, **said, **values)


def started(batch: Ref = BATCH, **values: Any) -> Fact:
    return fact("batch.started", batch, "2026-03-08T12:00:00", by="cdmo", order=ORDER, **values)


def filled(container: Ref = PRODUCT, batch: Ref = BATCH, **values: Any) -> Fact:
    return created(container, MAKER, "2026-03-09T08:00:00", order=ORDER, **{"batch": batch, **values})


def stated(material: Ref, **values: Any) -> Fact:
    return fact("material.stated", material, "2026-03-08T08:00:00", by="cdmo", role="cdmo", order=ORDER, **values)


def given(type_: str = "infusion.started") -> Fact:
    return fact(type_, ref("administration", "A"), "2026-03-11T09:00:00", order=ORDER, containers=[PRODUCT])


MADE = [submitted(), started(consumed=[VECTOR]), filled()]
EMPTIED = fact("container.emptied", PRODUCT, "2026-03-11T10:00:00")


def lineage(name: str, target: Ref, *facts: Fact) -> Any:
    """A target that is recalled, and one beside it."""
    beside = {**target, "identifiers": [{**target["identifiers"][0], "value": "OTHER"}]}
    told = [submitted(), *facts]
    return case(name, "I-25", "recall", [*told, recalled(target)], [*told, recalled(beside)], "critical")


CASES = [
    lineage("the container itself", PRODUCT, filled()),
    lineage("its material", LOT, filled(material=LOT)),
    lineage("a parent of its material", LOT_2, filled(material=LOT), stated(LOT, parents=[LOT_2])),
    lineage(
        "a parent by the numbers of placer and filler",
        LOT_2,
        filled(material=LOT),
        stated(LOT, parent_identifiers=[{"filler": LOT_2["identifiers"][0]}]),
    ),
    lineage("its batch", BATCH, filled()),
    lineage("what its batch used up", VECTOR, started(consumed=[VECTOR]), filled()),
    lineage("what a step used up", VECTOR, started(steps=[{"sequence": 1, "consumed": [{"item": VECTOR}]}]), filled()),
    lineage("the bag that went in", BAG, started(inputs=[BAG]), filled()),
    lineage("what was in the bag that went in", LOT_2, created(material=LOT_2), started(inputs=[BAG]), filled()),
    lineage("the bag that it was filled from", PRODUCT, filled(), filled(PRODUCT_2, BATCH_2, prepared_from=[PRODUCT])),
    lineage("its collection", DONATION, created(collection=DONATION, order=ORDER)),
    lineage(
        "the donor",
        STRANGER,
        fact("collection.completed", DONATION, order=ORDER, donor=STRANGER),
        created(collection=DONATION),
        started(inputs=[BAG]),
        filled(),
    ),
    lineage("the donor of its material", STRANGER, filled(material=LOT), stated(LOT, donor=STRANGER)),
    lineage("what its maker says came out", BATCH, started(outputs=[PRODUCT]), created(PRODUCT, MAKER, order=ORDER)),
    lineage("a batch of which no container is known", VECTOR, started(consumed=[VECTOR])),
    case(
        "a recall that was closed bars as before",
        "I-25",
        "recall",
        [*MADE, recalled(VECTOR), recalled(type_="recall.closed", at="2026-03-16T08:00:00")],
        [*MADE, recalled(OTHER_VECTOR), recalled(type_="recall.closed", at="2026-03-16T08:00:00")],
    ),
    case(
        "another lot of the same number",
        "I-25",
        "recall",
        [submitted(), started(steps=[{"sequence": 1, "consumed": [{"lot": "LV-7"}]}]), recalled(VECTOR)],
        [submitted(), started(steps=[{"sequence": 1, "consumed": [{"lot": "LV-8"}]}]), recalled(VECTOR)],
    ),
    case(
        "a patient who was treated",
        "I-25",
        "recall",
        [*MADE, *dose_ready(), recalled(VECTOR), EMPTIED, given()],
        [*MADE, *dose_ready(), recalled(VECTOR), EMPTIED, given("infusion.not-done")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_recall_bars_allocation_shipping_and_infusion_of_the_descendants_only() -> None:
    facts = [*MADE, started(BATCH_2, consumed=[OTHER_VECTOR]), filled(PRODUCT_2, BATCH_2), recalled(VECTOR)]
    (found,) = findings(*facts, rule="I-25")
    assert found.about == ("container", "urn:test:container|DOSE-1")
    assert {ALLOCATE, SHIP, INFUSE} <= set(found.blocks)


def test_the_treated_patients_administration_is_named_with_the_facts() -> None:
    dose, recall = given(), recalled(VECTOR)
    found = [f for f in findings(*MADE, recall, dose, rule="I-25") if f.about[0] == "administration"]
    assert [set(f.facts) for f in found] == [{recall["id"], dose["id"]}]


def test_a_recall_that_is_widened_bars_both() -> None:
    wider = recalled(LOT, type_="recall.acknowledged", at="2026-03-17T08:00:00")
    facts = [*MADE, filled(PRODUCT_2, BATCH_2, material=LOT), recalled(VECTOR), wider]
    assert len(findings(*facts, rule="I-25")) == 2


def test_a_recall_that_was_taken_back_bars_nothing() -> None:
    wrong = recalled(VECTOR)
    undone = fact("record.retracted", RECALL, "2026-03-16T08:00:00", by="agency", role="regulator", supersedes=(wrong,))
    assert not findings(*MADE, wrong, undone, rule="I-25")


def test_the_lot_of_a_number_that_nobody_attributes_leaves_the_answer_open() -> None:
    by_number = started(steps=[{"sequence": 1, "consumed": [{"lot": "LV-7"}]}])
    (found,) = findings(submitted(), by_number, recalled(VECTOR), rule="I-25")
    assert found.unclear


def test_the_order_of_arrival_changes_nothing() -> None:
    facts = [*MADE, given(), recalled(VECTOR)]
    said = {tuple(f.id for f in findings(*some, rule="I-25")) for some in itertools.permutations(facts)}
    assert len(said) == 1
    assert journey(*facts).names >= {NAMES[0]}


def test_a_container_that_is_named_only_with_its_amount_was_given_too() -> None:
    part = {"container": PRODUCT, "amount": {"value": "10", "unit": "mL"}}
    dose = fact("infusion.completed", ref("administration", "A"), "2026-03-11T09:00:00", order=ORDER, given=[part])
    assert "administration" in {f.about[0] for f in findings(*MADE, recalled(VECTOR), dose, rule="I-25")}
