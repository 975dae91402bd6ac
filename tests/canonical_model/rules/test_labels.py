"""Rules of labels: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.rules.finding import COLLECT, RELEASE
from tests.canonical_model.facts import (
    BATCH,
    COI,
    DONATION,
    LOT,
    ORDER,
    OTHER,
    PRODUCT,
    Fact,
    Ref,
    created,
    dose_ready,
    fact,
    findings,
    ref,
    submitted,
)
from tests.canonical_model.rules.cases import Case, case, tells

PLACER = {"kind": "order", "identifiers": ORDER["identifiers"][:1]}
SET, AGAIN, KIT = ref("labels", "L-1"), ref("labels", "L-2"), ref("container", "KIT-1")


def printed(of: Ref = SET, at: str = "2026-03-05T08:00:00", **values: Any) -> Fact:
    return fact("label.issued", of, at, by="cdmo", order=ORDER, **values)


def counted(of: Ref = SET, **values: Any) -> Fact:
    return fact("label.reconciled", of, "2026-03-09T14:00:00", by="cdmo", **values)


def coi(value: str) -> dict[str, str]:
    return {"system": "urn:sponsor:coi", "value": value}


TWELVE = [submitted(), printed(issued=12, batch=BATCH)]
COMPLETED = fact("batch.completed", BATCH, "2026-03-09T09:00:00", by="cdmo", order=ORDER)
IN_KIT = [submitted(), created(KIT, kind="kit", order=ORDER), printed(issued=6, container=KIT)]
COLLECTED = fact("collection.started", DONATION, "2026-03-08T08:00:00", order=ORDER)
DISCREPANCY, IDENTITY = "label-discrepancy", "identity-mismatch"
CASES = [
    # ---- I-17
    case(
        "scenario 27: one label is missing",
        "I-17",
        DISCREPANCY,
        [*TWELVE, counted(applied=10, destroyed=1)],
        [*TWELVE, counted(applied=10, destroyed=1, spoilt=[{"count": 1}])],
        "critical",
    ),
    case(
        "more applied than printed",
        "I-17",
        DISCREPANCY,
        [*TWELVE, fact("label.applied", SET, applied=13)],
        [*TWELVE, fact("label.applied", SET, applied=12)],
        "critical",
    ),
    case(
        "nobody said how many were printed",
        "I-17",
        DISCREPANCY,
        [submitted(), printed(), counted(applied=2)],
        [submitted(), printed(serials=["1", "2"]), counted(applied=2)],
        "critical",
    ),
    case(
        "released before they were counted",
        "I-17",
        DISCREPANCY,
        [*TWELVE, *dose_ready()],
        [*TWELVE, *dose_ready(), counted(applied=12)],
        "critical",
    ),
    case("to be counted before the release", "I-17", DISCREPANCY, [*TWELVE, COMPLETED], TWELVE, "minor"),
    case("to be counted before the collection", "I-17", DISCREPANCY, IN_KIT, [*IN_KIT, counted(applied=6)], "minor"),
    case(
        "collected before they were counted",
        "I-17",
        DISCREPANCY,
        [*IN_KIT, COLLECTED],
        [*IN_KIT, COLLECTED, counted(applied=6)],
        "critical",
    ),
    case(
        "labels of a second kit, printed after the first collection",
        "I-17",
        DISCREPANCY,
        [*IN_KIT, COLLECTED],
        [*IN_KIT[:2], COLLECTED, printed(at="2026-03-10T08:00:00", issued=6, container=KIT)],
        "critical",
    ),
    case(
        "printed again without a reason",
        "I-17",
        DISCREPANCY,
        [*TWELVE, counted(applied=11, destroyed=1), printed(AGAIN, issued=1, reprint_of=SET)],
        [
            *TWELVE,
            counted(applied=11, destroyed=1),
            printed(AGAIN, issued=1, reprint_of=SET, reason={"text": "smeared"}),
        ],
        "critical",
    ),
    case(
        "printed again, and the old one not destroyed",
        "I-17",
        DISCREPANCY,
        [*TWELVE, counted(applied=12), printed(AGAIN, issued=1, reprint_of=SET, reason={"text": "smeared"})],
        [
            *TWELVE,
            counted(applied=11, spoilt=[{"count": 1}]),
            printed(AGAIN, issued=1, reprint_of=SET, reason={"text": "smeared"}),
        ],
    ),
    # ---- I-1
    case(
        "scenario 26: labels of another order in the kit",
        "I-1",
        IDENTITY,
        [*IN_KIT, fact("label.applied", SET, coi=coi("CHA999926000099"))],
        [*IN_KIT, fact("label.applied", SET, coi=coi(COI))],
        "critical",
    ),
    case(
        "a set that was printed for another order",
        "I-1",
        IDENTITY,
        [*IN_KIT, fact("label.applied", SET, order=OTHER)],
        [*IN_KIT, fact("label.applied", SET, order=ORDER)],
        "critical",
    ),
    case(
        "no chain identifier of the order is known",
        "I-1",
        IDENTITY,
        [submitted() | {"about": PLACER}, fact("label.issued", SET, order=PLACER, coi=coi(COI))],
        [submitted() | {"about": PLACER}, fact("label.issued", SET, order=PLACER)],
        "major",
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_labels_of_a_batch_stand_against_its_release_and_those_of_a_kit_against_the_collection() -> None:
    (batch,) = findings(*TWELVE, counted(applied=11), rule="I-17")
    (kit,) = findings(*IN_KIT, counted(applied=5), rule="I-17")
    assert batch.blocks == (RELEASE,)
    assert kit.blocks == (COLLECT,)


def test_labels_on_a_product_are_the_batchs() -> None:
    on_bag = [submitted(), *dose_ready()[:1], printed(issued=1, container=PRODUCT), COMPLETED]
    (found,) = findings(*on_bag, rule="I-17")
    assert found.blocks == (RELEASE,)


def test_the_release_of_another_lot_does_not_make_a_set_late() -> None:
    other = fact(
        "disposition.decided", ref("disposition", "X"), by="cdmo", order=ORDER, material=LOT, decision="released"
    )
    assert not findings(*TWELVE, other, rule="I-17")
