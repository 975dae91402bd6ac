"""Origins: what a thing was made of, filled from or taken from, over every link that facts state."""

from __future__ import annotations

from canonical_model.origins import Origins, consumed_lots
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    DONATION,
    LOT,
    LOT_2,
    MAKER,
    ORDER,
    PRODUCT,
    PRODUCT_2,
    STRANGER,
    Fact,
    Ref,
    created,
    fact,
    journey,
    submitted,
)


def above(thing: Ref, *facts: Fact) -> set[str]:
    """Names of all that a thing comes from."""
    origins = Origins(journey(submitted(donor=STRANGER), *facts))
    return {name.rpartition("|")[2] for _, name in origins.above(origins.thing(thing))}


COLLECTED = fact("collection.completed", DONATION, order=ORDER)


def test_a_label_leads_to_the_donation_that_it_names() -> None:
    bag = created(label={"din": "=A99992612345600 00"}, order=ORDER)
    assert above(BAG, COLLECTED, bag) == {"A99992612345600", "token-2"}
    assert above(BAG, COLLECTED, created(label={"din": "A999926123457"}, order=ORDER)) == set()


def test_a_donation_without_a_named_donor_is_of_the_orders_donor() -> None:
    other = fact("collection.completed", DONATION, order=ORDER, donor=STRANGER | {"identifiers": BAG["identifiers"]})
    assert above(DONATION, COLLECTED) == {"token-2"}
    assert above(DONATION, other) == {"BAG-1"}


def test_what_went_into_a_batch_does_not_come_from_it() -> None:
    started = fact("batch.started", BATCH, order=ORDER, inputs=[BAG])
    assert above(BAG, created(batch=BATCH, order=ORDER), started) == set()
    assert above(PRODUCT, created(PRODUCT, MAKER, batch=BATCH, order=ORDER), started) == {"B-1", "BAG-1"}


def test_what_a_batch_made_in_one_bag_it_made_in_all_bags_of_that_material() -> None:
    facts = [
        fact("batch.started", BATCH, order=ORDER, outputs=[PRODUCT]),
        created(PRODUCT, MAKER, material=LOT, order=ORDER),
        created(PRODUCT_2, MAKER, material=LOT, order=ORDER),
    ]
    assert above(PRODUCT_2, *facts) == {"LOT-1", "B-1"}


def test_a_circle_ends() -> None:
    facts = [
        fact("material.stated", LOT, by="cdmo", role="cdmo", order=ORDER, parents=[LOT_2]),
        fact("material.stated", LOT_2, by="cdmo", role="cdmo", parents=[LOT]),
    ]
    assert above(LOT, *facts) == {"LOT-1", "LOT-2"}


def test_a_lot_of_a_step_counts_by_its_number_only_where_nothing_else_names_it() -> None:
    used = [{"lot": " L1 "}, {"lot": "L2", "item": LOT}]
    assert consumed_lots({"steps": [{"consumed": used}]}) == {"L1"}
    assert consumed_lots({"steps": [{"consumed": used, "status": "skipped"}]}) == set()
