"""The headline: computed from what the facts of an open attempt support."""

from __future__ import annotations

import pytest

from canonical_model.catalogue import STATES
from canonical_model.codes import STAGES
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, OFF_THE_SHELF
from canonical_model.protocols import Protocol
from canonical_model.stage import SUPPORTED, headline
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    BATCH,
    BATCH_2,
    DECISION,
    DONATION,
    LOT,
    MAKER,
    ORDER,
    OUTBOUND,
    PATIENT,
    PRODUCT,
    RETURN,
    Fact,
    created,
    fact,
    journey,
    ref,
    submitted,
)

AGAIN = ref("collection", "A99992612345701", type_="din")
STORY: list[tuple[Fact, str]] = [
    (fact("subject.enrolled", PATIENT), "enrolled"),
    (submitted(), "ordered"),
    (fact("slot.booked", ref("appointment", "1")), "scheduled"),
    (fact("collection.completed", DONATION, order=ORDER), "collected"),
    (created(order=ORDER, collection=DONATION), "collected"),
    (fact("shipment.packed", OUTBOUND, contents=[BAG], direction="collection-outbound"), "outbound"),
    (fact("shipment.departed", OUTBOUND), "outbound"),
    (fact("shipment.accepted", OUTBOUND), "received"),
    (fact("batch.started", BATCH, inputs=[BAG]), "manufacturing"),
    (fact("batch.completed", BATCH), "testing"),
    (fact("disposition.decided", DECISION, material=LOT, decision="released"), "dispositioned"),
    (created(PRODUCT, MAKER, batch=BATCH, material=LOT), "dispositioned"),
    (fact("container.stored", PRODUCT), "stored"),
    (fact("shipment.departed", RETURN, contents=[PRODUCT]), "returning"),
    (fact("shipment.arrived", RETURN), "at-site"),
    (fact("infusion.started", ref("administration", "1"), containers=[PRODUCT]), "infusing"),
    (fact("infusion.completed", ref("administration", "1")), "infused"),
    (fact("outcome.reported", ref("outcome", "1")), "follow-up"),
    (fact("order.closed", ORDER), "closed"),
]


@pytest.mark.parametrize("until", range(1, len(STORY) + 1))
def test_each_fact_of_a_journey_brings_its_stage(until: int) -> None:
    assert journey(*(event for event, _ in STORY[:until])).stage == STORY[until - 1][1]


def test_every_stage_is_told_by_some_fact() -> None:
    told = {stage for _, stage in STORY}
    assert set(SUPPORTED) - told == {"allocated"}
    stock = [submitted(), fact("container.allocated", PRODUCT, "2026-03-02T00:00:00")]
    assert journey(*stock).stage == "allocated"
    assert journey(*stock, fact("container.stored", PRODUCT)).stage == "allocated"
    assert journey(*stock, fact("container.unallocated", PRODUCT)).stage == "ordered"


def test_the_end_of_an_order_is_its_stage() -> None:
    story = [event for event, _ in STORY[:8]]
    assert journey(*story, fact("order.cancelled", ORDER)).stage == "cancelled"
    assert journey(*story, fact("order.rejected", ORDER)).stage == "cancelled"
    assert set(STAGES) - set(SUPPORTED) == {"cancelled", "failed"}
    assert "failed" in STATES["order"]


def test_a_superseded_fact_supports_no_stage() -> None:
    received = fact("material.received", LOT, order=ORDER)
    wrong = fact("record.retracted", LOT, "2026-03-09T00:00:00", by="cdmo", role="cdmo", supersedes=(received,))
    assert journey(submitted(), received).stage == "received"
    assert journey(submitted(), received, wrong).stage == "ordered"


def test_a_failed_collection_brings_the_order_back_to_its_appointments() -> None:
    failed = fact("collection.failed", DONATION, order=ORDER)
    assert journey(submitted(), STORY[2][0], failed).stage == "scheduled"


@pytest.mark.parametrize("end", ["batch.failed", "batch.terminated"])
def test_a_failed_batch_brings_the_order_back_to_its_appointments(end: str) -> None:
    """The next attempt is the same order."""
    story = [event for event, _ in STORY[:9]]
    assert journey(*story, fact(end, BATCH)).stage == "scheduled"
    second = fact("collection.completed", AGAIN, attempt=2, order=ORDER)
    assert journey(*story, fact(end, BATCH), second).stage == "collected"


def test_refused_material_ends_its_attempt() -> None:
    story = [event for event, _ in STORY[:5]]
    refused = fact("material.rejected", LOT, by="cdmo", collection=DONATION)
    assert journey(*story, fact("material.received", LOT, collection=DONATION), refused).stage == "scheduled"


def test_a_second_batch_of_the_same_cells_is_back_to_manufacturing() -> None:
    story = [event for event, _ in STORY[:9]]
    again = fact("batch.started", BATCH_2, inputs=[BAG], attempt=2)
    assert journey(*story, fact("batch.failed", BATCH), again).stage == "manufacturing"


def test_a_batch_of_unknown_origin_fails_the_attempt_that_it_names() -> None:
    cells = [
        submitted(),
        fact("collection.completed", DONATION, order=ORDER),
        created(holder=APHERESIS, collection=DONATION),
    ]
    failed = [fact("batch.started", BATCH), fact("batch.failed", BATCH)]
    assert journey(*cells, *failed).stage == "ordered"
    second = fact("collection.completed", AGAIN, attempt=2, order=ORDER)
    assert journey(*cells, *failed, second).stage == "collected"


def test_what_came_from_nobody_knows_where_counts_only_while_an_attempt_is_open() -> None:
    cells = [submitted(), fact("collection.completed", DONATION, order=ORDER), fact("shipment.accepted", OUTBOUND)]
    assert journey(*cells).stage == "received"
    failed = fact("batch.failed", BATCH)
    assert journey(*cells, failed).stage == "ordered"
    assert journey(*cells, failed, fact("collection.completed", AGAIN, attempt=2)).stage == "received"


def test_what_another_attempt_delivered_does_not_count_for_the_new_one() -> None:
    story = [event for event, _ in STORY[:9]]
    second = fact("collection.started", AGAIN, attempt=2, order=ORDER)
    state = journey(*story, fact("batch.failed", BATCH), second)
    assert (state.stage, state.attempt) == ("scheduled", 2)


def test_how_stock_was_made_is_no_stage_of_its_order() -> None:
    """Design 2.2: an order from stock goes from allocation to delivery."""
    stock = [
        submitted(),
        created(PRODUCT, MAKER, batch=BATCH, material=LOT),
        fact("batch.completed", BATCH, "2026-02-01T10:00:00"),
        fact("disposition.decided", DECISION, "2026-02-02T10:00:00", material=LOT, decision="released"),
        fact("container.stored", PRODUCT, "2026-02-03T10:00:00"),
    ]
    assert journey(*stock).stage == "stored"
    assert journey(*stock, fact("container.allocated", PRODUCT, order=ORDER)).stage == "allocated"


def test_cells_that_were_collected_for_the_order_are_no_stock() -> None:
    own = [submitted(), fact("collection.completed", DONATION, order=ORDER), fact("batch.completed", BATCH)]
    assert journey(*own, fact("container.allocated", PRODUCT, order=ORDER)).stage == "testing"


MADE = (
    created(PRODUCT, MAKER, batch=BATCH, material=LOT),
    fact("batch.completed", BATCH, "2026-02-01T10:00:00"),
    fact("disposition.decided", DECISION, "2026-02-02T10:00:00", material=LOT, decision="released"),
    fact("container.stored", PRODUCT, "2026-02-03T10:00:00"),
)


def shown(protocol: Protocol | None, *events: Fact) -> tuple[str, list[str]]:
    """The headline, and the stages of the attempts."""
    stage, attempts = headline(journey(*events), protocol)
    return stage, [attempt.stage for attempt in attempts]


def test_the_headline_is_the_furthest_stage_that_the_protocol_knows() -> None:
    """Design 2.2: though nobody told that stock was allocated, how it was made is no stage of an order from stock."""
    assert shown(None, submitted(), *MADE) == ("stored", ["stored"])
    assert shown(AUTOLOGOUS_CAR_T, submitted(), *MADE) == ("stored", ["stored"])
    assert shown(OFF_THE_SHELF, submitted(), *MADE) == ("ordered", ["ordered"])
    arrived = [fact("shipment.packed", RETURN, contents=[PRODUCT]), fact("shipment.arrived", RETURN)]
    assert shown(OFF_THE_SHELF, submitted(), *MADE, *arrived) == ("at-site", ["at-site"])
    assert shown(OFF_THE_SHELF, *MADE) == ("", [""])


def test_a_lost_attempt_had_reached_no_stage_that_the_protocol_does_not_know() -> None:
    lost = fact("batch.failed", BATCH, "2026-02-04T10:00:00")
    assert shown(None, submitted(), *MADE, lost) == ("ordered", ["stored"])
    assert shown(OFF_THE_SHELF, submitted(), *MADE, lost) == ("ordered", ["ordered"])


def test_a_protocol_that_names_no_stages_knows_all() -> None:
    every = OFF_THE_SHELF.model_copy(update={"stages": ()})
    assert shown(every, submitted(), *MADE) == shown(None, submitted(), *MADE)


def test_the_end_of_an_order_is_shown_whatever_the_protocol_names() -> None:
    few = OFF_THE_SHELF.model_copy(update={"stages": ("ordered",)})
    assert shown(few, submitted(), fact("order.cancelled", ORDER))[0] == "cancelled"
    assert shown(few, submitted(), *MADE, fact("order.cancelled", ORDER)) == ("cancelled", [""])
