"""Events: what is a fact of the log, and in which order facts stand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from canonical_model.catalogue import EVENTS
from canonical_model.codes import ROLES
from canonical_model.events import (
    Event,
    check,
    cleared_field,
    end_of,
    has_authority,
    instant_of,
    is_after,
    may_supersede,
    sort_key,
)
from tests.canonical_model.facts import DECISION, LOT, ORDER, Fact, fact, submitted, when
from tests.canonical_model.worlds import TIMES, worlds

SOME = st.sampled_from(TIMES).map(lambda at: fact("order.amended", ORDER, at))


def test_a_fault_names_the_place_and_tells_nothing_of_the_person() -> None:
    wrong = submitted(note="Jane Doe, born 1970")
    with pytest.raises(ValidationError) as told:
        check(wrong)
    said = "; ".join(error["msg"] for error in told.value.errors(include_input=False))
    assert "set.note" in said
    assert "Jane" not in said


def test_an_event_cannot_supersede_itself() -> None:
    event = submitted()
    with pytest.raises(ValidationError, match="supersede itself"):
        check({**event, "supersedes": [event["id"]]})


def test_all_faults_of_an_envelope_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as told:
        check({**submitted(), "id": "x", "v": 7, "recorded": "never"})
    assert {error["loc"][0] for error in told.value.errors()} == {"id", "v", "recorded"}


def test_an_event_is_frozen() -> None:
    event = Event.model_validate(submitted())
    with pytest.raises(ValidationError):
        event.type = "order.cancelled"  # type: ignore[misc]


@given(worlds(4))
def test_facts_stand_in_one_order(facts: list[Fact]) -> None:
    keys = [sort_key(event) for event in facts]
    assert len(set(keys)) == len({event["id"] for event in facts})


@given(SOME, SOME, SOME)
def test_after_is_an_order_of_certainties(one: Fact, two: Fact, three: Fact) -> None:
    assert not is_after(one, one)
    assert not (is_after(one, two) and is_after(two, one))
    if is_after(one, two) and is_after(two, three):
        assert is_after(one, three)
    if is_after(one, two):
        assert sort_key(one) > sort_key(two)


def test_after_is_certain_only_behind_the_whole_interval() -> None:
    exact = {at: fact("order.amended", ORDER, at) for at in TIMES}
    for later, earlier in product(TIMES, TIMES):
        certain = instant_of(exact[later]) > end_of(when(earlier))
        assert is_after(exact[later], exact[earlier]) == certain


def test_a_day_is_not_certainly_after_its_first_instant() -> None:
    midnight = fact("order.amended", ORDER, "2026-03-09T00:00:00", ordinal="1")
    assert not is_after(fact("order.amended", ORDER, "2026-03-09", ordinal="2"), midnight)
    assert not is_after(fact("disposition.decided", DECISION, "2026-03-09", by="cdmo"), midnight)


def test_at_one_instant_only_cause_and_own_sequence_decide() -> None:
    first = fact("order.amended", ORDER, ordinal="1")
    assert is_after(fact("order.amended", ORDER, ordinal="2"), first)
    assert not is_after(fact("order.amended", ORDER, ordinal="2", by="sponsor", role="sponsor"), first)
    assert is_after(fact("disposition.decided", DECISION, by="cdmo"), first)
    assert not is_after(first, fact("disposition.decided", DECISION, by="cdmo"))


def test_a_word_counts_from_the_roles_of_its_row() -> None:
    for row in EVENTS.values():
        if row.about:
            about = {"kind": row.about, "identifiers": [{"system": "s", "value": "1"}]}
            counting = {role for role in ROLES if has_authority(fact(row.type, about, role=role))}
            assert counting == set(row.roles)


@pytest.mark.parametrize(
    ("by", "role", "may"),
    [
        ("cdmo", "courier", True),
        ("other", "cdmo", True),
        ("other", "sponsor", True),
        ("other", "qa", True),
        ("other", "courier", False),
        ("other", "hub", False),
        ("other", "hospital", False),
    ],
)
def test_a_decision_is_taken_back_by_who_made_it_or_may_make_it(by: str, role: str, may: bool) -> None:
    decided = fact("disposition.decided", DECISION, by="cdmo", material=LOT, decision="released")
    assert may_supersede(fact("record.retracted", DECISION, by=by, role=role), decided) == may


@pytest.mark.parametrize(
    ("path", "field"), [("a", "a"), ("?a", "a"), ("a.b.c", "a"), ("a[x,y]", "a"), ("?a[x].b", "a")]
)
def test_a_clear_path_begins_with_a_field(path: str, field: str) -> None:
    assert cleared_field(path) == field
