"""The published schemas: valid, whole, and of one mind with the model."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from canonical_model import BASE
from canonical_model.catalogue import EVENTS
from canonical_model.events import RULES as EVENT_RULES
from canonical_model.events import check
from canonical_model.frames import KINDS, frame_model
from canonical_model.frames import check as check_frame
from canonical_model.invalid_examples import refused_by_rule, refused_by_schema
from canonical_model.json_schema import DIALECT, documents, event_schema, frame_schema, record_schema
from canonical_model.order_document import RULES as DOCUMENT_RULES
from canonical_model.order_document import OrderDocument
from canonical_model.protocols import Protocol
from canonical_model.records import RECORDS
from canonical_model.rules import describe
from canonical_model.values import RULES as VALUE_RULES
from tests.canonical_model.facts import (
    BAG,
    COI,
    ORDER,
    PATIENT,
    Fact,
    created,
    dose_ready,
    fact,
    journey,
    ref,
    result,
    submitted,
    when,
)
from tests.canonical_model.worlds import worlds

DOCUMENTS = documents()
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
EVENT_FAST = jsonschema_rs.validator_for(event_schema())
EVENT_REFERENCE = jsonschema.Draft202012Validator(event_schema())


def model_takes(event: Fact) -> bool:
    try:
        check(event)
    except ValidationError:
        return False
    return True


def agree(event: Fact) -> bool:
    """What all three say of an event, which must be the same."""
    said = {model_takes(event), EVENT_FAST.is_valid(event), EVENT_REFERENCE.is_valid(event)}
    assert len(said) == 1, event
    return said.pop()


# ---- the documents -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_a_document_is_valid_by_its_dialect_and_names_itself(path: str) -> None:
    schema = DOCUMENTS[path]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema_rs.validator_for(schema)
    assert schema["$schema"] == DIALECT
    assert schema["$id"] == f"{BASE}/schemas/v1/{path}"
    assert schema["title"]
    assert schema["description"]


def test_every_kind_has_its_documents() -> None:
    assert {path for path in DOCUMENTS if path.startswith("records/")} == {f"records/{k}.schema.json" for k in RECORDS}
    assert {path for path in DOCUMENTS if path.startswith("frame/")} == {f"frame/{k}.schema.json" for k in KINDS}
    assert {"event.schema.json", "order-document.schema.json", "protocol.schema.json"} <= DOCUMENTS.keys()
    assert len(DOCUMENTS) == len(RECORDS) + len(KINDS) + 3


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_every_field_of_a_document_has_a_description(path: str) -> None:
    schema = DOCUMENTS[path]
    for owner in (schema, *schema.get("$defs", {}).values()):
        for name, node in owner.get("properties", {}).items():
            target = schema.get("$defs", {}).get(
                str(node.get("$ref", node.get("items", {}).get("$ref", ""))).rpartition("/")[2], {}
            )
            assert node.get("description") or target.get("description"), (path, name)


def model_says(path: str, document: Any) -> str:
    """What the model has against a document; empty where it takes it."""
    family, _, name = path.removesuffix(".schema.json").rpartition("/")
    try:
        if family == "frame":
            frame_model(name).model_validate(document)
        elif family == "records":
            RECORDS[name].model_validate(document)
        elif name == "event":
            check(document)
        else:
            (OrderDocument if name == "order-document" else Protocol).model_validate(document)
    except ValidationError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_the_examples_of_a_document_are_taken_by_all(path: str) -> None:
    schema = DOCUMENTS[path]
    assert schema["examples"]
    for example in schema["examples"]:
        assert model_says(path, example) == ""
        jsonschema_rs.validator_for(schema).validate(example)
        jsonschema.Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_the_example_of_a_record_shows_every_field(kind: str) -> None:
    schema = record_schema(kind)
    assert schema["examples"][0].keys() == schema["properties"].keys()


# ---- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", refused_by_schema(), ids=lambda one: one.name)
def test_an_example_refused_by_its_schema_is_refused_by_all(one: Any) -> None:
    path = f"{one.schema}.schema.json"
    assert not jsonschema_rs.validator_for(DOCUMENTS[path]).is_valid(one.document)
    assert not jsonschema.Draft202012Validator(DOCUMENTS[path]).is_valid(one.document)
    assert model_says(path, one.document)


@pytest.mark.parametrize("one", refused_by_rule(), ids=lambda one: one.name)
def test_an_example_refused_by_a_rule_fits_its_schema_and_is_refused_with_the_rule(one: Any) -> None:
    path = f"{one.schema}.schema.json"
    jsonschema_rs.validator_for(DOCUMENTS[path]).validate(one.document)
    jsonschema.Draft202012Validator(DOCUMENTS[path]).validate(one.document)
    said = model_says(path, one.document)
    assert (
        f"D-5: an Issue of rule {one.rule} is left out" in said
        if one.rule.startswith("I-")
        else f"{one.rule}: " in said
    )


def test_every_rule_beyond_the_schema_has_an_example() -> None:
    shown = {one.rule for one in refused_by_rule()}
    assert {*VALUE_RULES, *EVENT_RULES, *(DOCUMENT_RULES.keys() - {"D-5"})} <= shown
    hidden = {rule for rule in shown if rule.startswith("I-")}
    assert hidden >= {"I-1", "I-2", "I-4", "I-6", "I-7", "I-9", "I-32"}
    published = {number for _, text in describe() for number in text.partition(": ")[0].split(", ")}
    assert hidden <= published


def test_each_refused_example_differs_from_a_taken_one_in_one_place() -> None:
    for one in refused_by_schema():
        examples = DOCUMENTS[f"{one.schema}.schema.json"]["examples"]
        assert one.document not in examples
        changed = [key for key in {*examples[0], *one.document} if examples[0].get(key) != one.document.get(key)]
        assert len(changed) == 1, one.name


def nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(found for inner in node.values() for found in nodes(inner))]


@pytest.mark.parametrize("path", sorted(DOCUMENTS))
def test_a_document_is_closed_and_knows_no_null(path: str) -> None:
    for node in nodes(DOCUMENTS[path]):
        assert node.get("type") != "null"
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_the_log_refers_to_no_frame_and_names_no_person(kind: str) -> None:
    text = str(record_schema(kind))
    for word in ("FrameLink", "'Person'", "'Name'", "#/$defs/Person", "#/$defs/FrameLink"):
        assert word not in text


def test_a_frame_may_name_persons_and_frames() -> None:
    text = str(frame_schema("order"))
    assert "#/$defs/FrameLink" in text
    assert "#/$defs/Person" in text


# ---- of one mind ---------------------------------------------------------------------------------------------------


@FEW
@given(worlds(6))
def test_all_take_what_is_generated(facts: list[Fact]) -> None:
    assert all(agree(event) for event in facts)


def at(*path: str | int) -> Any:
    """Sets a value at a path of a copy; `...` takes the key away."""

    def change(event: Fact, value: Any) -> Fact:
        changed = copy.deepcopy(event)
        node: Any = changed
        for step in path[:-1]:
            node = node[step]
        if value is ...:
            del node[path[-1]]
        else:
            node[path[-1]] = value
        return changed

    return change


WHOLE = submitted(weight={"value": "70.10", "unit": "kg"}, replaces=ref("order", "P0"))
TESTED = result(
    "viability", ref("material", "1"), "2026-03-09T12:00:00", value={"quantity": {"value": "81", "unit": "%"}}
)
CHANGES: list[tuple[Fact, Any, Any, bool]] = [
    (WHOLE, at("v"), 2, False),
    (WHOLE, at("v"), "1", False),
    (WHOLE, at("id"), "abc", False),
    (WHOLE, at("id"), WHOLE["id"].upper(), False),
    (WHOLE, at("type"), "order.eaten", False),
    (WHOLE, at("type"), "container.created", False),
    (WHOLE, at("type"), "record.amended", True),
    (WHOLE, at("about", "kind"), "container", False),
    (WHOLE, at("about", "kind"), "message", False),
    (WHOLE, at("about", "identifiers"), [], False),
    (WHOLE, at("about", "identifiers", 0, "system"), "", False),
    (WHOLE, at("about", "identifiers", 0, "colour"), "red", False),
    (WHOLE, at("about"), ..., False),
    (WHOLE, at("set", "action"), "new", False),
    (WHOLE, at("set", "identifiers"), ORDER["identifiers"], False),
    (WHOLE, at("set", "colour"), "red", False),
    (WHOLE, at("set", "priority"), "R", True),
    (WHOLE, at("set", "priority"), None, False),
    (WHOLE, at("set", "priority"), 1, False),
    (WHOLE, at("set", "attempt"), 2, True),
    (WHOLE, at("set", "attempt"), "2", False),
    (WHOLE, at("set", "attempt"), True, False),
    (WHOLE, at("set", "weight", "value"), "7e1", True),
    (WHOLE, at("set", "weight", "value"), 70, False),
    (WHOLE, at("set", "weight", "value"), "NaN", False),
    (WHOLE, at("set", "weight", "value"), " 70", False),
    (WHOLE, at("set", "weight", "value"), "1e100", False),
    (WHOLE, at("set", "weight", "value"), "\u0667\u0660", False),
    (WHOLE, at("set", "weight", "comparator"), "<=", True),
    (WHOLE, at("set", "weight", "comparator"), "=", False),
    (WHOLE, at("set", "patient"), {"frame": "PID"}, False),
    (WHOLE, at("set", "note"), "she is afraid of needles", False),
    (WHOLE, at("set", "note"), {"sealed": "t1"}, True),
    (WHOLE, at("set", "requesters"), [{"actor": "a"}], True),
    (WHOLE, at("set", "requesters"), [{"name": {"family": "F"}}], False),
    (WHOLE, at("set", "interpreter"), {"person": {"actor": "a"}, "place": {"room": "1"}}, True),
    (WHOLE, at("set", "interpreter"), {"person": {"name": {"family": "F"}}}, False),
    (WHOLE, at("set", "service"), {}, False),
    (WHOLE, at("set", "service"), {"codings": []}, False),
    (WHOLE, at("set", "service"), {"codings": [{"system": "s"}]}, False),
    (WHOLE, at("set", "service"), {"text": "CAR-T"}, True),
    (WHOLE, at("set", "programme"), "trial", True),
    (WHOLE, at("set", "programme"), "hobby", False),
    (WHOLE, at("set"), ..., False),
    (WHOLE, at("set"), {}, True),
    (WHOLE, at("clear"), ..., True),
    (WHOLE, at("clear"), ["priority", "?weight.unit", "parents[placer]"], True),
    (WHOLE, at("clear"), ["colour"], False),
    (WHOLE, at("clear"), ["prioritylike"], False),
    (WHOLE, at("occurred", "at"), "2026-03-01T08:00:00+00:00", False),
    (WHOLE, at("occurred", "at"), "2026-13-01T08:00:00Z", False),
    (WHOLE, at("occurred", "at"), "2026-03-01T25:00:00Z", False),
    (WHOLE, at("occurred", "precision"), "day", False),
    (WHOLE, at("occurred"), when("2026"), True),
    (WHOLE, at("occurred"), when("2026-03-01T08"), True),
    (WHOLE, at("occurred"), {**when("2026-03-01"), "precision": "minute"}, False),
    (WHOLE, at("occurred", "zone"), "Europe/Berlin", True),
    (WHOLE, at("occurred", "zone"), None, False),
    (WHOLE, at("occurred", "assumed_zone"), "yes", False),
    (WHOLE, at("recorded"), "2026-03-01T08:00:00.123456Z", True),
    (WHOLE, at("recorded"), "yesterday", False),
    (WHOLE, at("recorded"), ..., False),
    (WHOLE, at("reporter", "role"), "king", False),
    (WHOLE, at("reporter", "role"), "qa", True),
    (WHOLE, at("supersedes"), ["0" * 40], True),
    (WHOLE, at("supersedes"), ["latest"], False),
    (WHOLE, at("lenient"), 1, False),
    (WHOLE, at("surprise"), 1, False),
    (TESTED, at("set", "value"), {}, False),
    (TESTED, at("set", "value"), {"boolean": True}, True),
    (TESTED, at("set", "value"), {"boolean": True, "time": "08:00"}, False),
    (TESTED, at("set", "value"), {"text": {"sealed": "t"}}, True),
    (TESTED, at("set", "value"), {"text": ["free text"]}, False),
    (TESTED, at("set", "value"), {"person": {"actor": "a"}}, True),
    (TESTED, at("set", "value"), {"address": {"city": "B"}}, False),
    (TESTED, at("set", "value"), {"when": when("2026-03-01")}, True),
    (TESTED, at("set", "evaluation"), "maybe", False),
    (created(), at("set", "label"), {"coi": {"system": "s", "value": COI}}, True),
    (created(), at("set", "label"), {"patient_name": "no"}, False),
    (created(), at("set", "holder"), {"kind": "party", "identifiers": [{"system": "s", "value": "v"}]}, True),
    (created(), at("set", "holder"), "apheresis", False),
]


@pytest.mark.parametrize(("event", "change", "value", "taken"), CHANGES)
def test_model_and_schemas_say_the_same(event: Fact, change: Any, value: Any, taken: bool) -> None:
    assert agree(event)
    assert agree(change(event, value)) == taken


def test_every_type_is_taken_about_its_kind_and_no_other() -> None:
    for row in EVENTS.values():
        for kind in RECORDS:
            event = {**fact("order.submitted", ORDER), "type": row.type, "about": ref(kind, "1")}
            assert agree(event) == (row.about in {kind, ""}), (row.type, kind)


JUNK = st.sampled_from(
    [None, "", "x", 0, 1, True, [], {}, ["x"], {"x": 1}, {"sealed": "t"}, {"actor": "a"}, "1.0", "2026"]
)


@FEW
@given(worlds(3), st.data())
def test_all_agree_on_whatever_else_stands_in_a_fact(facts: list[Fact], data: st.DataObject) -> None:
    event = copy.deepcopy(facts[0])
    spots = [(node, key) for node in nodes(event) for key in node]
    node, key = data.draw(st.sampled_from(spots))
    node[key] = data.draw(JUNK)
    if key != "zone":  # that a zone exists is beyond a schema
        agree(event)


@FEW
@given(st.data())
def test_all_agree_on_any_field_of_any_record(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(RECORDS)))
    field = data.draw(st.sampled_from(sorted(record_schema(kind)["properties"])))
    type_ = next(row.type for row in EVENTS.values() if row.about in {kind, ""})
    agree({**fact("order.submitted", ORDER), "type": type_, "about": ref(kind, "1"), "set": {field: data.draw(JUNK)}})


# ---- frames --------------------------------------------------------------------------------------------------------

FRAME = {"kind": "order", "key": "o", "set": {"action": "new", "patient": {"frame": "s"}, "note": "as sent"}}


@pytest.mark.parametrize(
    ("change", "value", "taken"),
    [
        (at("kind"), "container", False),
        (at("key"), "", False),
        (at("set"), ..., False),
        (at("set", "requesters"), [{"name": {"family": "F", "given": ["G"]}}], True),
        (at("set", "note"), None, False),
        (at("clear"), ["priority"], True),
        (at("assumed"), "priority", False),
        (at("parent"), "m", True),
        (at("parent"), None, False),
    ],
)
def test_model_and_schemas_say_the_same_of_a_frame(change: Any, value: Any, taken: bool) -> None:
    frame = change(FRAME, value)
    schema = frame_schema("order")
    fast, reference = jsonschema_rs.validator_for(schema), jsonschema.Draft202012Validator(schema)
    try:
        check_frame(frame)
        model = True
    except ValidationError:
        model = False
    assert {model, fast.is_valid(frame), reference.is_valid(frame)} == {taken}


def test_a_record_is_what_the_fold_gives() -> None:
    state = journey(
        submitted(), created(BAG, order=ORDER), *dose_ready(), fact("subject.updated", PATIENT, sex="female")
    )
    for kind, records in state.records.items():
        taker = jsonschema_rs.validator_for(record_schema(kind))
        for record in records.values():
            taker.validate({"identifiers": record.identifiers, **record.fields})
