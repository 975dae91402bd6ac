"""Rules of material: for each a journey that breaks it, and its nearest neighbour that does not."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T
from tests.canonical_model.facts import (
    BAG,
    BAG_2,
    BATCH,
    DONATION,
    LOT,
    LOT_2,
    MAKER,
    ORDER,
    PRODUCT,
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

USED = "2026-03-09T10:00:00"
REAGENT = ref("material", "IL-2")
COLLECTED = fact("collection.completed", DONATION, order=ORDER)


def stated(material: Ref = LOT, at: str = "2026-03-08T08:00:00", **values: Any) -> Fact:
    return fact("material.stated", material, at, by="cdmo", role="cdmo", **values)


def started(at: str = USED, **values: Any) -> Fact:
    return fact("batch.started", BATCH, at, by="cdmo", order=ORDER, **values)


def made(**values: Any) -> Fact:
    return created(PRODUCT, MAKER, "2026-03-12T08:00:00", batch=BATCH, order=ORDER, **values)


def decided(decision: str, at: str, material: Ref = REAGENT, name: str = "D-R") -> Fact:
    return fact(
        "disposition.decided",
        ref("disposition", name),
        at,
        by="cdmo",
        material=material,
        decision=decision,
        order=ORDER,
    )


def bag(**values: Any) -> Fact:
    return created(order=ORDER, **values)


def closed(type_: str = "order.closed") -> Fact:
    return fact(type_, ORDER, "2026-03-19T08:00:00")


def consuming(*materials: Ref) -> Fact:
    return started(consumed=list(materials))


def step(at: str, status: str = "completed") -> Fact:
    one = {"sequence": 1, "status": status, "period": {"start": when(at)}, "consumed": [{"item": REAGENT}]}
    return started(steps=[one])


LEGENDS = ("FOR AUTOLOGOUS USE ONLY", "NOT EVALUATED FOR INFECTIOUS SUBSTANCES")
ASKING = AUTOLOGOUS_CAR_T.model_copy(update={"label_legends": LEGENDS})
START = [submitted(), COLLECTED]
TRACE = "traceability"
CASES = [
    # ---- where it came from
    case(
        "a material made of itself",
        "I-12",
        "duplicate",
        [submitted(), stated(LOT, order=ORDER, parents=[LOT_2]), stated(LOT_2, parents=[LOT])],
        [submitted(), stated(LOT, order=ORDER, parents=[LOT_2]), stated(LOT_2, parents=[REAGENT])],
        "major",
    ),
    case(
        "a container filled from itself",
        "I-12",
        "duplicate",
        [submitted(), bag(prepared_from=[BAG_2]), created(BAG_2, prepared_from=[BAG], order=ORDER)],
        [submitted(), bag(prepared_from=[BAG_2]), created(BAG_2, order=ORDER)],
    ),
    case(
        "what went in comes from no collection",
        "I-12",
        TRACE,
        [*START, started(inputs=[BAG]), bag(), made()],
        [*START, started(inputs=[BAG]), bag(collection=DONATION), made()],
        "major",
    ),
    case(
        "the collection names what it filled",
        "I-12",
        TRACE,
        [*START, started(inputs=[BAG]), bag(), made()],
        [submitted(), {**COLLECTED, "set": {"order": ORDER, "outputs": [BAG]}}, started(inputs=[BAG]), bag(), made()],
    ),
    case(
        "the label bears the donation's number",
        "I-12",
        TRACE,
        [*START, started(inputs=[BAG]), bag(label={"lot": "A99992612345600"}), made()],
        [*START, started(inputs=[BAG]), bag(label={"din": "=A99992612345600"}), made()],
    ),
    case(
        "a batch is completed and nobody says of what, when the order ends",
        "I-12",
        TRACE,
        [submitted(), made(), fact("batch.completed", BATCH, "2026-03-12T08:00:00"), closed("order.completed")],
        [submitted(), made(), fact("batch.completed", BATCH, "2026-03-12T08:00:00")],
        "minor",
    ),
    # ---- what became of it
    case(
        "a collection without an end",
        "I-12",
        TRACE,
        [*START, bag(collection=DONATION), closed()],
        [*START, bag(collection=DONATION), closed(), fact("container.destroyed", BAG, "2026-03-10T08:00:00")],
        "major",
    ),
    case(
        "a collection whose bag went into a batch",
        "I-12",
        TRACE,
        [*START, bag(collection=DONATION), closed()],
        [*START, bag(collection=DONATION), closed(), started(inputs=[BAG])],
    ),
    case(
        "while the order runs nothing has to have ended",
        "I-12",
        TRACE,
        [*START, closed("order.cancelled")],
        START,
        "minor",
    ),
    # ---- legends
    case(
        "a legend is missing",
        "I-11",
        "label-discrepancy",
        [submitted(), stated(order=ORDER, legends=[{"text": LEGENDS[0]}])],
        [
            submitted(),
            stated(order=ORDER, legends=[{"text": "For  autologous use only"}, {"codings": [{"display": LEGENDS[1]}]}]),
        ],
        "major",
        protocols={ASKING.key: ASKING},
    ),
    case(
        "a reagent bears no legends",
        "I-11",
        "label-discrepancy",
        [submitted(), stated(order=ORDER, stage="starting", legends=[{"text": "x"}])],
        [submitted(), stated(order=ORDER, stage="reagent", legends=[{"text": "x"}])],
        protocols={ASKING.key: ASKING},
    ),
    # ---- what was used up
    case(
        "a lot out of date",
        "I-44",
        "window",
        [submitted(), consuming(REAGENT), stated(REAGENT, expires_at=when("2026-03-08"))],
        [submitted(), consuming(REAGENT), stated(REAGENT, expires_at=when("2026-03-09"))],
        "major",
    ),
    case(
        "the day of its step counts, not that of the report",
        "I-44",
        "window",
        [submitted(), step("2026-03-09T08:00:00"), stated(REAGENT, expires_at=when("2026-03-08"))],
        [submitted(), step("2026-03-08T08:00:00"), stated(REAGENT, expires_at=when("2026-03-08"))],
    ),
    case(
        "a step that was skipped used nothing",
        "I-44",
        "window",
        [submitted(), step("2026-03-09T08:00:00"), stated(REAGENT, expires_at=when("2026-03-08"))],
        [submitted(), step("2026-03-09T08:00:00", "skipped"), stated(REAGENT, expires_at=when("2026-03-08"))],
    ),
    case(
        "a day that is not known decides nothing",
        "I-44",
        "window",
        [submitted(), started("2026-03-09", consumed=[REAGENT]), stated(REAGENT, expires_at=when("2026-03-08"))],
        [submitted(), started("2026-03", consumed=[REAGENT]), stated(REAGENT, expires_at=when("2026-03-08"))],
    ),
    case(
        "a lot that was refused",
        "I-44",
        "oos",
        [submitted(), consuming(REAGENT), fact("material.rejected", REAGENT, "2026-03-08T08:00:00")],
        [submitted(), consuming(REAGENT), fact("material.received", REAGENT, "2026-03-08T08:00:00")],
        "major",
    ),
    case(
        "a lot on hold",
        "I-44",
        "oos",
        [submitted(), consuming(REAGENT), stated(REAGENT), decided("quarantined", "2026-03-08T08:00:00")],
        [submitted(), consuming(REAGENT), stated(REAGENT), decided("released", "2026-03-08T08:00:00")],
    ),
    case(
        "a lot that was released after its use",
        "I-44",
        "oos",
        [submitted(), consuming(REAGENT), stated(REAGENT), decided("released", "2026-03-09T10:00:01")],
        [submitted(), consuming(REAGENT), stated(REAGENT), decided("released", "2026-03-09T09:59:59")],
    ),
]


@pytest.mark.parametrize("one", CASES)
def test_a_rule_tells_what_breaks_it_and_not_its_neighbour(one: Case) -> None:
    tells(one)


def test_a_product_of_stock_traces_to_its_lot() -> None:
    stock = submitted(service={"codings": [{"code": "ALLO-NK"}]})
    assert not findings(stock, started(inputs=[BAG]), bag(), made(), rule="I-12")


def test_a_lot_of_which_nobody_decided_is_not_accused() -> None:
    assert not findings(submitted(), consuming(REAGENT), stated(REAGENT), rule="I-44")


def test_what_went_into_a_batch_is_not_made_of_itself() -> None:
    """Some makers name the batch on the bag that goes into it."""
    facts = [submitted(), bag(batch=BATCH, material=LOT), stated(LOT, batch=BATCH), started(inputs=[BAG])]
    assert not findings(*facts, rule="I-12", kind="duplicate")
