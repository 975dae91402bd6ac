"""Frames and records: each kind has its models, and what is personal is known."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from canonical_model.catalogue import EVENTS
from canonical_model.frames import KINDS, check, frame_schema, set_schema, set_schemas
from canonical_model.personal import plan_of, unfit_for_log
from canonical_model.records import FRAME_FIELDS, FRAME_ONLY, RECORDS
from tests.canonical_model.facts import PATIENT


def test_a_frame_is_checked_against_the_record_of_its_kind() -> None:
    check({"kind": "order", "key": "o", "set": {"action": "new", "priority": "R"}})
    with pytest.raises(ValidationError):
        check({"kind": "order", "key": "o", "set": {"colour": "red"}})
    with pytest.raises(ValidationError):
        check({"kind": "container", "key": "c", "set": {"priority": "R"}})
    with pytest.raises(KeyError):
        check({"kind": "banana", "key": "b", "set": {}})


def test_a_frame_says_nothing_by_null() -> None:
    with pytest.raises(ValidationError, match="null"):
        check({"kind": "order", "key": "o", "set": {"priority": None}})


def test_every_kind_has_schemas() -> None:
    assert set(set_schemas()) == set(KINDS) == set(RECORDS) | set(FRAME_ONLY)
    for kind in KINDS:
        assert frame_schema(kind)["properties"]["set"]
        assert set_schema(kind)["additionalProperties"] is False


def test_no_fact_is_about_what_only_a_frame_has() -> None:
    assert not {row.about for row in EVENTS.values()} & set(FRAME_ONLY)
    assert all(FRAME_FIELDS & model.model_fields.keys() <= {"action"} for model in RECORDS.values())


@pytest.mark.parametrize(
    ("kind", "values", "paths"),
    [
        ("order", {"note": "text"}, ["note"]),
        ("order", {"note": {"sealed": "t"}}, []),
        ("order", {"requesters": [{"actor": "a"}, {"name": {"family": "F"}}]}, ["requesters"]),
        ("order", {"requesters": [{}]}, ["requesters"]),
        ("order", {"patient": PATIENT}, []),
        ("order", {"patient": {"frame": "s"}}, ["patient"]),
        ("order", {"technicians": [{"person": {"actor": "a"}, "place": {"room": "1"}}]}, []),
        ("order", {"technicians": [{"person": {"name": {"family": "F"}}}]}, ["technicians"]),
        ("result", {"value": {"text": ["she", "said"]}}, ["value.text"]),
        ("result", {"value": {"quantity": {"value": "1"}}}, []),
        ("result", {"director": {"name": {"family": "F"}}}, ["director"]),
        ("result", {"laboratory_address": {"city": "B"}}, ["laboratory_address"]),
        ("shipment", {"contents": [{"frame": "a"}, {"frame": "b"}]}, ["contents", "contents"]),
        ("shipment", {"inspection": {"text": "torn"}}, ["inspection.text"]),
    ],
)
def test_what_the_log_may_not_hold_is_found(kind: str, values: dict[str, object], paths: list[str]) -> None:
    assert unfit_for_log(kind, values) == paths


def test_every_person_of_every_record_is_known_to_be_personal() -> None:
    """Wherever a record's schema leads to a person's name, the plan has been there before."""

    def leads(root: dict[str, object], node: object, trail: tuple[str, ...] = ()) -> bool:
        if isinstance(node, list):
            return any(leads(root, item, trail) for item in node)
        if not isinstance(node, dict) or node.get("x-personal"):
            return False
        name = str(node.get("$ref", "")).rpartition("/")[2]
        if name in {"Person", "Name"}:
            return True
        definitions = root.get("$defs", {})
        assert isinstance(definitions, dict)
        inner = name and name not in trail and leads(root, definitions[name], (*trail, name))
        return bool(inner) or any(leads(root, value, trail) for key, value in node.items() if key != "$defs")

    for kind in RECORDS:
        schema = set_schema(kind)
        for field, node in schema["properties"].items():
            assert not leads(schema, node), f"{kind}.{field} is not marked personal"
        assert isinstance(plan_of(kind), dict)
