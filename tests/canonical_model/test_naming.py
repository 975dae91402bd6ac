"""Naming: which names are one record, and which order is the journey's own."""

from __future__ import annotations

from typing import Any

import pytest

from canonical_model.fold import fold
from canonical_model.ids import name_key
from canonical_model.journey import party_name
from tests.canonical_model.facts import BAG, COI, ORDER, OTHER, Ref, created, fact, journey, ref

PLACER, CHAIN = ORDER["identifiers"]
THEIR_PLACER, THEIR_CHAIN = OTHER["identifiers"]
GROUP = {"system": "urn:mercy:group", "value": "G1", "type": "group"}
FILLER = {"system": "urn:lab", "value": "F1", "type": "filler"}
P1 = ("order", "urn:mercy:order", "P1")


def order(*identifiers: dict[str, Any]) -> Ref:
    return {"kind": "order", "identifiers": list(identifiers)}


def own(given: tuple[str, str, str], *refs: Ref) -> set[str]:
    """Values of the names of the journey's own order."""
    state = fold([given], [fact("order.stated", one, f"2026-03-0{day}T00:00:00") for day, one in enumerate(refs, 1)])
    return {value for _, _, value in state.names}


def test_names_of_the_order_are_learnt_through_each_other() -> None:
    assert own(P1, order(PLACER, CHAIN), order(CHAIN, FILLER)) == {"P1", COI, "F1"}


def test_an_order_may_be_asked_for_by_any_name() -> None:
    chain = name_key("order", CHAIN)
    assert own(chain, order(PLACER, CHAIN)) == {"P1", COI}
    assert own(chain, order(PLACER, CHAIN), order(PLACER, FILLER)) == {"P1", COI, "F1"}


def test_two_placers_numbers_are_never_one_order() -> None:
    refs = [order(PLACER, CHAIN), order(THEIR_PLACER, CHAIN)]
    assert own(P1, *refs) == {"P1", COI}
    state = fold([P1], [fact("order.submitted", refs[0], priority="R"), fact("order.cancelled", refs[1], priority="S")])
    assert (state.order.state, state.order.fields) == ("submitted", {"priority": "R"})
    assert len(state.of("order")) == 2


def test_a_group_number_names_no_order() -> None:
    """Scenario 36: ORC-4 carries the hospital's own group number."""
    state = fold(
        [P1], [fact("order.submitted", order(PLACER, GROUP)), fact("order.cancelled", order(THEIR_PLACER, GROUP))]
    )
    assert state.order.state == "submitted"
    assert own(P1, order(PLACER, GROUP), order(GROUP, FILLER)) == {"P1"}
    assert [i["type"] for i in state.order.identifiers] == ["placer", "group"]


def test_a_group_number_that_is_all_there_is_names_something() -> None:
    state = fold([], [fact("order.submitted", order(GROUP))])
    assert len(state.of("order")) == 1


def test_other_orders_are_records_beside_the_own_one() -> None:
    state = journey(fact("order.submitted", ORDER), fact("order.submitted", OTHER))
    names = [record.name for record in state.of("order")]
    assert names[0] == ""
    assert state.owns(state.of("order")[0])
    assert not state.owns(state.of("order")[1])
    assert [record.name for record in journey(fact("order.submitted", OTHER)).of("order")] != [""]


def test_a_record_is_found_by_each_of_its_names() -> None:
    both = {"kind": "container", "identifiers": [*BAG["identifiers"], *ref("container", "A")["identifiers"]]}
    state = journey(created(both))
    assert state.record(BAG) is state.record(ref("container", "A")) is state.of("container")[0]
    assert state.name_of(BAG) == state.name_of(both) == "urn:test:container|A"
    assert state.find("container", name_key("container", BAG["identifiers"][0])) is state.record(BAG)
    assert state.record(ref("container", "unknown")) is None
    assert state.record(None) is None
    assert state.same(BAG, ref("container", "A"))
    assert not state.same(BAG, ref("container", "unknown"))
    assert not state.same(BAG, ref("material", "BAG-1", system="urn:test:container"))


@pytest.mark.parametrize("value", ["BAG-1", " BAG-1 "])
@pytest.mark.parametrize("system", ["urn:test:container", "urn:test:container/"])
def test_white_space_and_a_last_slash_make_no_other_name(system: str, value: str) -> None:
    (record,) = journey(created(), created(ref("container", value, system=system))).of("container")
    assert len(record.identifiers) == 1


def test_a_party_goes_by_its_smallest_name_in_whatever_order_they_come() -> None:
    one, other = ref("party", "1"), ref("party", "2")
    both = {"kind": "party", "identifiers": [*other["identifiers"], *one["identifiers"]]}
    assert party_name(both) == party_name(one) == "urn:test:party|1"
    assert party_name(None) == ""
