"""The catalogue and its tables fit each other and the records."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from canonical_model.catalogue import AUTHORS, DOWNWARD, EVENTS, MAIN_NAMES, UPWARD
from canonical_model.codes import ISSUE_KINDS, ROLES, STATES
from canonical_model.joins import COMING_AND_GOING, EXCLUSIVE, IMPLIED, REOPENING, RESTRICTIVE, STATED
from canonical_model.records import RECORDS
from canonical_model.rules import SEVERITIES
from canonical_model.values import Ref
from tests.canonical_model.facts import findings
from tests.canonical_model.test_rules import CASES


@pytest.mark.parametrize("row", EVENTS.values(), ids=lambda row: row.type)
def test_a_row_fits_the_records_states_and_roles(row: object) -> None:
    from canonical_model.catalogue import EventType

    assert isinstance(row, EventType)
    assert row.about == "" or row.about in RECORDS
    assert not row.becomes or row.becomes in STATES[row.about]
    assert set(row.roles) <= set(ROLES)
    assert row.roles
    assert row.definition.endswith(".")


def test_types_are_a_family_and_a_word() -> None:
    assert all(type_.count(".") == 1 for type_ in EVENTS)
    assert len(EVENTS) == len({row.type for row in EVENTS.values()})


def test_every_state_that_a_fact_brings_can_be_told_from_the_others() -> None:
    for kind, states in STATES.items():
        assert len(states) == len(set(states)), kind
        assert kind in RECORDS


def test_states_that_exclude_each_other_are_states_and_the_second_restricts_more() -> None:
    for kind, pairs in EXCLUSIVE.items():
        for milder, stricter in pairs:
            assert STATES[kind].index(milder) < STATES[kind].index(stricter)


def test_tables_name_what_there_is() -> None:
    for kind, states in COMING_AND_GOING.items():
        assert states <= set(STATES[kind])
    assert set(EVENTS) >= STATED
    for kind, types in REOPENING.items():
        assert {EVENTS[type_].about for type_ in types} == {kind}
    for type_, said in IMPLIED.items():
        assert set(said) <= RECORDS[EVENTS[type_].about].model_fields.keys()
        for field, value in said.items():
            assert value in RESTRICTIVE[field]
    assert set(AUTHORS) <= set(RECORDS)
    assert set(MAIN_NAMES) <= set(RECORDS)


@pytest.mark.parametrize("ways", [UPWARD, DOWNWARD])
def test_ways_between_records_go_along_their_fields(ways: dict[str, tuple[str, ...]]) -> None:
    assert set(ways) <= set(RECORDS)
    for kind, paths in ways.items():
        for path in paths:
            assert _is_link(RECORDS[kind], path.partition("|")[0].split(".")), f"{kind}.{path}"
            assert path.partition("|")[2] in {"", *RECORDS}


def _is_link(model: type[BaseModel], names: list[str]) -> bool:
    """True when a path of names leads through models to references to records."""
    name, *further = names
    if name not in model.model_fields:
        return False
    inner = _models(model.model_fields[name].annotation)
    return any(_is_link(one, further) for one in inner) if further else Ref in inner


def _models(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for inner in get_args(annotation) for model in _models(inner)}


def test_every_kind_of_record_has_a_way_up_or_is_its_own() -> None:
    assert set(RECORDS) == set(UPWARD)


def test_findings_are_of_known_kinds_and_severities() -> None:
    for param in CASES:
        for found in findings(*param.values[0].breaks):
            assert found.kind in ISSUE_KINDS
            assert found.severity in SEVERITIES


def test_definitions_are_sentences() -> None:
    for definition in ISSUE_KINDS.values():
        assert definition.endswith(".")
