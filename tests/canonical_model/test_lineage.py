"""Lineage: what a container comes from, and which decisions and results are about it."""

from __future__ import annotations

from canonical_model.lineage import collections_of, concerns, direction_of, is_product, product_of, target_of
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    BATCH_2,
    DONATION,
    LOT,
    LOT_2,
    MAKER,
    OUTBOUND,
    PRODUCT,
    created,
    fact,
    journey,
    ref,
    result,
)

CELLS = ref("material", "CELLS")
SAMPLE = ref("material", "SAMPLE")
MADE = [
    created(material=CELLS, collection=DONATION),
    fact("material.received", CELLS, collection=DONATION),
    fact("batch.started", BATCH, inputs=[BAG]),
    fact("material.stated", LOT, by="cdmo", role="cdmo", batch=BATCH, parents=[CELLS]),
    fact("material.stated", LOT_2, by="cdmo", role="cdmo", batch=BATCH_2, parents=[CELLS]),
    fact("sample.taken", SAMPLE, by="cdmo", parents=[LOT]),
    created(PRODUCT, MAKER, material=LOT),
]
STATE = journey(*MADE)
LOT_THING, BATCH_THING = ("material", "urn:test:material|LOT-1"), ("batch", "urn:test:batch|B-1")


def test_a_product_goes_back_to_its_collection() -> None:
    product = STATE.record(PRODUCT)
    assert product is not None
    assert collections_of(STATE, product) == {"urn:test:collection|A99992612345600"}


def test_a_circle_of_parents_ends() -> None:
    loop = [fact("material.stated", LOT, parents=[LOT_2]), fact("material.stated", LOT_2, parents=[LOT])]
    state = journey(*loop)
    assert collections_of(state, state.of("material")[0]) == set()


def test_a_decision_about_the_lot_or_the_batch_is_about_the_container() -> None:
    assert product_of(STATE, PRODUCT) == {("container", "urn:test:container|DOSE-1"), LOT_THING, BATCH_THING}


def test_outputs_of_a_batch_are_its_product_and_inputs_are_not() -> None:
    state = journey(
        fact("batch.completed", BATCH, inputs=[BAG], outputs=[PRODUCT]), created(batch=BATCH), created(PRODUCT, MAKER)
    )
    assert BATCH_THING in product_of(state, PRODUCT)
    assert is_product(state, PRODUCT)
    assert not is_product(state, BAG)


def test_a_material_may_say_that_it_is_a_product() -> None:
    state = journey(created(PRODUCT, MAKER, material=LOT), fact("material.stated", LOT, stage="drug-product"))
    assert is_product(state, PRODUCT)
    assert not is_product(journey(created(material=LOT), fact("material.stated", LOT, stage="starting")), BAG)
    assert not is_product(STATE, ref("container", "unknown"))


def test_a_sample_tells_of_its_lot_and_not_of_the_sister_lot() -> None:
    told = result("viability", SAMPLE, "2026-03-09T12:00:00")
    state = journey(*MADE, told)
    record = state.of("result")[0]
    assert concerns(state, record, LOT)
    assert concerns(state, record, BATCH)
    assert not concerns(state, record, LOT_2)
    assert not concerns(state, record, BATCH_2)


def test_a_result_of_the_cells_is_no_result_of_the_product() -> None:
    state = journey(*MADE, result("viability", CELLS, "2026-03-09T12:00:00"))
    assert not concerns(state, state.of("result")[0], LOT)


def test_a_result_of_nothing_in_particular_tells_of_the_whole_order() -> None:
    state = journey(*MADE, fact("result.reported", ref("result", "1"), criterion="viability"))
    assert concerns(state, state.of("result")[0], LOT)


def test_the_narrowest_thing_named_is_the_target() -> None:
    assert target_of({"material": LOT, "batch": BATCH, "container": PRODUCT}) == PRODUCT
    assert target_of({"batch": BATCH, "material": LOT}) == LOT
    assert target_of({}) is None


def test_a_shipments_direction_is_stated_or_seen_from_what_it_holds() -> None:
    for contents, stated, direction in (
        ([PRODUCT], {}, "to-patient"),
        ([BAG], {}, "collection-outbound"),
        ([], {}, "collection-outbound"),
        ([PRODUCT], {"direction": "destruction"}, "destruction"),
    ):
        state = journey(*MADE, fact("shipment.packed", OUTBOUND, contents=contents, **stated))  # type: ignore[arg-type]
        assert direction_of(state, state.of("shipment")[0]) == direction
    assert direction_of(STATE, None) == ""
