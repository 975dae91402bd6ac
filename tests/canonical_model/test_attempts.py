"""Attempts: counted by their own word or by what began after what, each with its own stage, the open ones listed."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from canonical_model.journey import Attempt, Journey
from canonical_model.order_document import OrderDocument, order_document
from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.stage import living_collections
from tests.canonical_model.facts import (
    BAG,
    BATCH,
    BATCH_2,
    DECISION,
    DONATION,
    LOT,
    MAKER,
    NOW,
    ORDER,
    PRODUCT,
    Fact,
    Ref,
    created,
    fact,
    journey,
    plain,
    ref,
    submitted,
)

AGAIN = ref("collection", "A99992612345701", type_="din")
THIRD = ref("collection", "A99992612345702", type_="din")
SECOND_BAG = ref("container", "BAG-7")


def day(number: int) -> str:
    return f"2026-03-{number:02}T10:00:00"


def collected(which: Ref = DONATION, at: int = 8, **values: Any) -> Fact:
    return fact("collection.completed", which, day(at), order=ORDER, **values)


def failed(which: Ref = DONATION, at: int = 8) -> Fact:
    return fact("collection.failed", which, day(at), order=ORDER)


def began(which: Ref = AGAIN, at: int = 10, **values: Any) -> Fact:
    return fact("collection.started", which, day(at), order=ORDER, **values)


def batch(which: Ref, end: str, at: int, *inputs: Ref, **values: Any) -> Fact:
    return fact(f"batch.{end}", which, day(at), inputs=list(inputs), **values)


def bag(container: Ref = BAG, of: Ref = DONATION, at: int = 8) -> Fact:
    return created(container, at=day(at), collection=of)


def shown(state: Journey) -> list[tuple[int, bool, str]]:
    return [(attempt.number, attempt.open, attempt.stage) for attempt in state.attempts]


def told(*facts: Fact) -> list[tuple[int, bool, str]]:
    return shown(journey(submitted(), *facts))


# ---- numbers ----------------------------------------------------------------------------------------------------


def test_an_order_of_which_nothing_was_collected_is_in_its_first_attempt() -> None:
    assert told() == [(1, True, "ordered")]
    assert shown(journey()) == [(1, True, "")]


def test_a_collection_after_a_failed_one_is_the_next_attempt_though_nobody_counts() -> None:
    """Scenario 6: same order, another donation."""
    state = journey(submitted(), failed(), began())
    assert shown(state) == [(1, False, "ordered"), (2, True, "ordered")]
    assert (state.attempt, state.stage) == (2, "ordered")


def test_a_second_day_of_collecting_is_the_same_attempt() -> None:
    """Scenario 29: both donations go into one batch."""
    days = [
        collected(),
        bag(),
        collected(AGAIN, 9),
        bag(SECOND_BAG, AGAIN, 9),
        batch(BATCH, "started", 11, BAG, SECOND_BAG),
    ]
    assert told(*days) == [(1, True, "manufacturing")]


def test_a_collection_that_did_not_take_place_is_no_failed_attempt() -> None:
    cancelled = fact("collection.cancelled", DONATION, day(8), order=ORDER)
    assert told(cancelled, collected(AGAIN, 10)) == [(1, True, "collected")]


def test_a_collection_that_may_lie_before_the_failure_is_the_same_attempt() -> None:
    vague = fact("collection.started", AGAIN, "2026-03-08", order=ORDER)
    assert [number for number, _, _ in told(failed(), vague)] == [1]


def test_a_collection_beside_a_running_batch_is_another_open_attempt() -> None:
    facts = [collected(), bag(), batch(BATCH, "started", 9, BAG), collected(AGAIN, 12)]
    assert told(*facts) == [(1, True, "manufacturing"), (2, True, "collected")]
    assert journey(submitted(), *facts).stage == "manufacturing"


def test_a_batch_of_retained_cells_is_the_next_attempt() -> None:
    """Made again: nobody collects again."""
    facts = [collected(), bag(), batch(BATCH, "started", 9, BAG), batch(BATCH, "failed", 12, BAG)]
    assert told(*facts) == [(1, False, "manufacturing")]
    again = batch(BATCH_2, "started", 13, BAG)
    assert told(*facts, again) == [(1, False, "manufacturing"), (2, True, "manufacturing")]


def test_batches_of_one_attempt_may_run_side_by_side() -> None:
    """Scenario 15: two components of one dose."""
    facts = [collected(), bag(), batch(BATCH, "started", 9, BAG), batch(BATCH_2, "started", 9, BAG)]
    assert told(*facts) == [(1, True, "manufacturing")]
    assert told(*facts, batch(BATCH, "failed", 12, BAG)) == [(1, True, "manufacturing")]


def test_refused_material_is_a_lost_attempt() -> None:
    refused = fact("material.rejected", LOT, day(9), collection=DONATION)
    assert told(collected(), refused, began()) == [(1, False, "collected"), (2, True, "ordered")]


def test_what_a_collection_or_batch_says_of_its_attempt_counts() -> None:
    facts = [collected(attempt=3), bag(), batch(BATCH, "started", 9, BAG), batch(BATCH_2, "started", 9, BAG, attempt=5)]
    assert told(*facts) == [(3, True, "manufacturing"), (5, True, "manufacturing")]
    assert journey(submitted(), *facts).attempt == 5


def test_the_orders_own_count_is_an_attempt_of_which_nothing_is_known() -> None:
    state = journey(submitted(attempt=2), failed())
    assert shown(state) == [(1, False, "ordered"), (2, True, "ordered")]


def test_three_attempts_are_counted_one_after_another() -> None:
    facts = [failed(), failed(AGAIN, 12), began(THIRD, 15)]
    assert [(number, is_open) for number, is_open, _ in told(*facts)] == [(1, False), (2, False), (3, True)]


# ---- what belongs to which ----------------------------------------------------------------------------------------


def test_an_attempt_names_its_collections_and_batches() -> None:
    state = journey(
        submitted(), collected(), bag(), batch(BATCH, "started", 9, BAG), batch(BATCH, "failed", 11, BAG), began(at=12)
    )
    one, two = state.attempts
    assert one == Attempt(1, False, "manufacturing", ("urn:test:collection|A99992612345600",), ("urn:test:batch|B-1",))
    assert two.collections == ("urn:test:collection|A99992612345701",)


def test_the_product_of_a_failed_batch_does_not_count_for_the_batch_of_the_same_cells() -> None:
    lost = [collected(), bag(), batch(BATCH, "started", 9, BAG), batch(BATCH, "failed", 12, BAG)]
    decided = [
        created(PRODUCT, MAKER, day(11), batch=BATCH),
        fact("disposition.decided", DECISION, day(12), container=PRODUCT, decision="rejected"),
    ]
    state = journey(submitted(), *lost, *decided, batch(BATCH_2, "started", 13, BAG))
    assert (state.stage, shown(state)[0]) == ("manufacturing", (1, False, "dispositioned"))


def test_the_product_that_only_its_batch_names_belongs_to_the_batch() -> None:
    facts = [
        collected(),
        bag(),
        batch(BATCH, "failed", 12, BAG, outputs=[PRODUCT]),
        fact("disposition.decided", DECISION, day(12), container=PRODUCT, decision="rejected"),
        collected(AGAIN, 14),
    ]
    assert journey(submitted(), *facts).stage == "collected"


def test_a_thawed_product_of_a_lost_attempt_is_not_the_next_ones() -> None:
    lost = [collected(), bag(), created(PRODUCT, MAKER, day(11), batch=BATCH), batch(BATCH, "failed", 12, BAG)]
    thawed = fact("product.thawed", PRODUCT, day(11))
    assert journey(submitted(), *lost[:3], thawed).stage == "infusing"
    assert journey(submitted(), *lost, thawed, collected(AGAIN, 14)).stage == "collected"


def test_what_steps_used_up_tells_where_a_batch_comes_from() -> None:
    steps = [{"sequence": 1, "consumed": [{"item": BAG}]}]
    facts = [
        collected(),
        bag(),
        fact("step.completed", BATCH, day(9), steps=steps),
        fact("batch.failed", BATCH, day(10)),
    ]
    assert told(*facts, began(at=12))[0] == (1, False, "manufacturing")
    assert living_collections(journey(submitted(), *facts)) == []


def test_a_collection_lives_while_one_of_its_batches_does() -> None:
    facts = [collected(), bag(), batch(BATCH, "started", 9, BAG), batch(BATCH, "failed", 12, BAG)]
    assert not living_collections(journey(submitted(), *facts))
    again = batch(BATCH_2, "started", 13, BAG)
    assert [c.name for c in living_collections(journey(submitted(), *facts, again))] == [
        "urn:test:collection|A99992612345600"
    ]


def test_the_document_of_an_order_lists_its_attempts() -> None:
    state = journey(submitted(), failed(), began())
    shown_state = OrderDocument.model_validate(order_document(state, DEFAULT_PROTOCOLS, NOW)).state
    assert [(a.number, a.open, a.stage) for a in shown_state.attempts] == shown(state)
    assert shown_state.attempts[0].collections == ("urn:test:collection|A99992612345600",)
    assert shown_state.attempt == 2


@pytest.mark.parametrize(
    "facts",
    [
        [failed(), failed(AGAIN, 12), began(THIRD, 15)],
        [collected(), bag(), batch(BATCH, "failed", 12, BAG), batch(BATCH_2, "started", 13, BAG)],
        [collected(), collected(AGAIN), fact("batch.failed", BATCH, "2026-03-08"), began(THIRD, 9, attempt=2)],
        [fact("batch.started", BATCH, "2026-03-08"), fact("batch.failed", BATCH_2, "2026-03-08"), collected(), began()],
    ],
)
def test_attempts_do_not_depend_on_who_was_heard_first(facts: list[Fact]) -> None:
    expected = plain(*facts)
    for order in permutations(facts):
        assert plain(*order) == expected
