"""What breaks a release is found, wherever in the schemas it is planted; what only adds is not called a break."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from canonical_model import MODEL_VERSION
from canonical_model.compatibility import (
    ADDED,
    ANNOUNCED,
    BREAKING,
    DEPRECATED,
    RELAXED,
    Change,
    changes,
    is_later,
    last,
    pack,
    unannounced,
    unpack,
)
from canonical_model.json_schema import documents
from canonical_model.publish import RELEASED
from tests.scale import FULL

ROOT = Path(__file__).parent.parent.parent
Node = dict[str, Any]
DOCUMENTS = documents()
ONE_OF_EACH = ("records/result", "records/container", "frame/order", "event", "order-document", "protocol")


def compared(edit: Callable[[Node], Any], path: str = "records/order", back: bool = False) -> list[Change]:
    """Changes that an edit of one document makes; `back`: that undoing it makes."""
    name = f"{path}.schema.json"
    edited = copy.deepcopy(DOCUMENTS[name])
    edit(edited)
    pair = {name: DOCUMENTS[name]}, {name: edited}
    return changes(*reversed(pair)) if back else changes(*pair)


def kinds(found: list[Change]) -> set[str]:
    return {change.kind for change in found}


def told(found: list[Change]) -> list[str]:
    return [f"{change.kind}: {change}" for change in found]


# ---- planted by hand ---------------------------------------------------------------------------------------------


def defined(name: str, field: str) -> Callable[[Node], Node]:
    return lambda made: made["$defs"][name]["properties"][field]


def field(name: str) -> Callable[[Node], Node]:
    return lambda made: made["properties"][name]


def put(at: Callable[[Node], Node], **words: Any) -> Callable[[Node], Any]:
    return lambda made: at(made).update(words)


def cut(at: Callable[[Node], Node], word: str) -> Callable[[Node], Any]:
    return lambda made: at(made).pop(word)


def quantity(made: Node) -> Any:
    return made["$defs"]["Quantity"]


def types(made: Node) -> Any:
    return made["properties"]["type"]["enum"]


def states(made: Node) -> Any:
    return made["$defs"]["view-order"]["properties"]["state"]["enum"]


BREAKS: list[tuple[str, Callable[[Node], Any], str]] = [
    ("records/order", lambda made: made["properties"].pop("weight"), "records/order.weight: removed"),
    ("records/order", lambda made: made["$defs"]["Quantity"]["properties"].pop("unit"), "Quantity.unit: removed"),
    ("records/order", put(field("attempt"), type="string"), "records/order.attempt: type narrowed to string"),
    ("records/order", put(lambda made: made, required=["service"]), "records/order.service: now required"),
    (
        "records/order",
        put(quantity, required=["value", "unit"]),
        "Quantity.unit: now required",
    ),
    ("records/order", put(field("programme"), enum=["trial"]), 'records/order.programme: value "commercial" removed'),
    ("records/order", put(field("priority"), enum=["R", "S"]), "records/order.priority: closed to a list of values"),
    ("records/order", put(field("priority"), const="R"), "records/order.priority: closed to a list of values"),
    ("records/order", put(defined("When", "local"), pattern="^[0-9]{4}$"), "When.local: pattern changed"),
    ("records/order", put(field("priority"), pattern="^R$"), "records/order.priority: pattern changed to ^R$"),
    ("records/order", put(field("priority"), minLength=1), "records/order.priority: minLength changed to 1"),
    ("records/order", put(defined("Identifier", "value"), minLength=2), "Identifier.value: minLength changed to 2"),
    ("records/order", put(field("priority"), maxLength=9), "records/order.priority: maxLength changed to 9"),
    ("records/order", put(field("identifiers"), minItems=1), "records/order.identifiers: minItems changed to 1"),
    ("records/order", put(field("identifiers"), uniqueItems=True), "records/order.identifiers: uniqueItems changed"),
    ("records/order", put(field("priority"), **{"not": {"const": "X"}}), "records/order.priority: not changed"),
    ("records/order", put(field("identifiers"), items={"$ref": "#/$defs/Quantity"}), "Quantity.system: removed"),
    ("records/order", put(field("weight"), **{"$ref": "#/$defs/Identifier"}), "Identifier.unit: removed"),
    ("records/order", put(field("priority"), format="uri"), "records/order.priority: format changed to uri"),
    ("records/order", lambda made: made["$defs"]["When"]["oneOf"].pop(), "When: alternatives changed"),
    ("records/result", put(lambda made: made["$defs"]["Measurement"], maxProperties=0), "Measurement: maxProperties"),
    (
        "event",
        lambda made: types(made).remove("order.closed"),
        'event.type: value "order.closed"',
    ),
    ("event", put(field("v"), const=2), "event.v: value 1 removed"),
    ("event", lambda made: made["$defs"]["set-order"]["properties"].pop("weight"), "set-order.weight: removed"),
    ("event", lambda made: made["allOf"].append({"required": ["causes"]}), "event: a condition was added"),
    ("event", lambda made: made["allOf"][0]["then"]["properties"]["type"]["enum"].pop(), "event.type: value"),
    ("event", lambda made: narrowed_clear(made), "event.clear[]: pattern changed"),
    (
        "protocol",
        put(field("direction_condition"), additionalProperties=False),
        "direction_condition.*: no longer allowed",
    ),
    (
        "protocol",
        put(field("direction_condition"), additionalProperties={"type": "boolean"}),
        "type narrowed to boolean",
    ),
    ("order-document", lambda made: made["properties"]["records"]["properties"].pop("batch"), "records.batch: removed"),
    (
        "order-document",
        lambda made: states(made).pop(),
        "view-order.state",
    ),
]


def narrowed_clear(made: Node) -> None:
    clear = made["allOf"][0]["then"]["properties"]["clear"]["items"]
    clear["pattern"] = clear["pattern"].replace("|roles", "")


@pytest.mark.parametrize(("path", "edit", "expected"), BREAKS)
def test_a_planted_break_is_found(path: str, edit: Callable[[Node], Any], expected: str) -> None:
    found = [str(change) for change in unannounced(compared(edit, path))]
    assert any(expected in text for text in found), found


def test_a_removed_document_is_a_break_and_a_new_one_is_not() -> None:
    fewer = {path: schema for path, schema in DOCUMENTS.items() if path != "records/batch.schema.json"}
    assert told(changes(DOCUMENTS, fewer)) == ["breaking: records/batch: document removed"]
    assert told(changes(fewer, DOCUMENTS)) == ["added: records/batch: document"]


FINE: list[tuple[str, Callable[[Node], Any], str, str]] = [
    ("records/order", lambda made: made["properties"].update(mood={"type": "string"}), ADDED, "order.mood: field"),
    ("records/order", lambda made: field("programme")(made)["enum"].append("x"), ADDED, 'order.programme: value "x"'),
    ("records/order", put(field("weight"), deprecated=True), DEPRECATED, "records/order.weight: deprecated"),
    ("records/order", cut(field("programme"), "enum"), RELAXED, "records/order.programme: opened to any value"),
    ("records/order", cut(defined("Identifier", "value"), "minLength"), RELAXED, "Identifier.value: minLength dropped"),
    ("records/order", put(defined("Identifier", "value"), minLength=0), RELAXED, "Identifier.value: minLength lowered"),
    ("records/order", put(quantity, required=[]), RELAXED, "no longer required"),
    ("event", lambda made: types(made).append("order.lost"), ADDED, 'event.type: value "order.lost"'),
]


@pytest.mark.parametrize(("path", "edit", "kind", "expected"), FINE)
def test_what_only_adds_is_no_break(path: str, edit: Callable[[Node], Any], kind: str, expected: str) -> None:
    found = compared(edit, path)
    assert kinds(found) == {kind}
    assert any(expected in str(change) for change in found), told(found)


def with_new_kind(made: Node) -> None:
    """The event as it looks when a kind of record is added: one more value, one more condition."""
    about = made["properties"]["about"]["properties"]["kind"]["enum"]
    about.append("cassette")
    condition = copy.deepcopy(made["allOf"][0])
    condition["if"]["properties"]["about"]["properties"]["kind"]["const"] = "cassette"
    made["allOf"].append(condition)


def test_a_new_kind_of_record_breaks_nothing_though_it_brings_a_condition() -> None:
    assert kinds(compared(with_new_kind, "event")) == {ADDED}
    assert BREAKING in kinds(compared(with_new_kind, "event", back=True))


def test_a_new_choice_is_no_break_and_a_lost_one_is() -> None:
    def widened(made: Node) -> None:
        made["properties"]["priority"] = {"anyOf": [{"type": "string"}, {"type": "integer"}]}

    assert told(compared(widened)) == ["added: records/order.priority: choice"]
    assert kinds(compared(widened, back=True)) == {BREAKING}


def test_texts_and_examples_are_no_change() -> None:
    def rewritten(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("description"), str):
                node["description"] = "said otherwise"
            for inner in node.values():
                rewritten(inner)
        elif isinstance(node, list):
            for item in node:
                rewritten(item)

    def edit(made: Node) -> None:
        examples = made.pop("examples")
        rewritten(made)
        made["examples"] = examples[:0]

    assert compared(edit, "event") == []


def test_a_definition_with_another_name_is_compared_by_what_it_says() -> None:
    def renamed(made: Node) -> None:
        text = json.dumps(made).replace("#/$defs/Quantity", "#/$defs/Amount")
        again = json.loads(text)
        again["$defs"]["Amount"] = again["$defs"].pop("Quantity")
        made.clear()
        made.update(again)

    assert compared(renamed) == []


# ---- planted everywhere ------------------------------------------------------------------------------------------


def places(node: Any, trail: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where schemas stand in a schema."""
    yield trail
    for word in ("properties", "$defs"):
        for name in node.get(word, {}):
            yield from places(node[word][name], (*trail, word, name))
    if isinstance(node.get("items"), dict):
        yield from places(node["items"], (*trail, "items"))
    for place in range(len(node.get("anyOf", ()))):
        yield from places(node["anyOf"][place], (*trail, "anyOf", place))


def at(node: Any, trail: tuple[Any, ...]) -> Any:
    for step in trail:
        node = node[step]
    return node


def without_a_property(node: Node) -> bool:
    closed = node.get("additionalProperties") is False and bool(node.get("properties"))
    return closed and bool(node["properties"].popitem())


def with_a_requirement(node: Node) -> bool:
    free = [name for name in node.get("properties", {}) if name not in node.get("required", ())]
    node["required"] = [*node.get("required", ()), *free[:1]]
    return bool(free)


def with_another_type(node: Node) -> bool:
    known = node.get("type") in {"string", "integer", "boolean"}
    node["type"] = "integer" if node.get("type") == "string" else "string"
    return known


def without_a_value(node: Node) -> bool:
    return bool(node.get("enum")) and bool(node["enum"].pop())


def with_another_pattern(node: Node) -> bool:
    known = node.get("type") == "string"
    node["pattern"] = "^planted$"
    return known


PLANTS = (without_a_property, with_a_requirement, with_another_type, without_a_value, with_another_pattern)


def planted(schema: Node, plant: Callable[[Node], bool], most: int) -> Iterator[tuple[tuple[Any, ...], Node]]:
    """The schema with the same break planted at one place after another, spread over all places where it can be."""
    fit = [trail for trail in places(schema) if plant(copy.deepcopy(at(schema, trail)))]
    for trail in fit[:: max(1, len(fit) // most)]:
        edited = copy.deepcopy(schema)
        plant(at(edited, trail))
        yield trail, edited


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("path", ONE_OF_EACH)
def test_a_break_planted_at_any_place_is_found(path: str, plant: Callable[[Node], bool]) -> None:
    schema = DOCUMENTS[f"{path}.schema.json"]
    for trail, edited in planted(schema, plant, most=12):
        assert unannounced(changes({path: schema}, {path: edited})), trail


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("path", sorted(path.removesuffix(".schema.json") for path in DOCUMENTS))
def test_a_break_planted_at_every_place_of_every_document_is_found(path: str, plant: Callable[[Node], bool]) -> None:
    schema = DOCUMENTS[f"{path}.schema.json"]
    for trail, edited in planted(schema, plant, most=10_000 if FULL else 15):
        assert unannounced(changes({path: schema}, {path: edited})), trail


@cache
def takes(text: str) -> Any:
    return jsonschema_rs.validator_for(json.loads(text))


def test_an_example_that_is_no_longer_taken_is_never_called_no_break() -> None:
    """The judge is a validator: whatever it refuses now and took before, the comparison must have called a break."""
    lost = 0
    for path in ("records/result", "records/container", "protocol"):
        schema = DOCUMENTS[f"{path}.schema.json"]
        for plant in PLANTS:
            for trail, edited in planted(schema, plant, most=30):
                if not takes(json.dumps(edited)).is_valid(schema["examples"][0]):
                    lost += 1
                    assert BREAKING in kinds(changes({path: schema}, {path: edited})), trail
    assert lost > 50


# ---- releases ----------------------------------------------------------------------------------------------------


def test_nothing_is_lost_in_a_release_but_notes() -> None:
    kept = unpack(json.loads(json.dumps(pack(DOCUMENTS))))
    assert changes(DOCUMENTS, kept) == changes(kept, DOCUMENTS) == []
    for path, schema in DOCUMENTS.items():
        validator = jsonschema_rs.validator_for(dict(kept[path]))
        for example in schema["examples"]:
            validator.validate(example)
    record = copy.deepcopy(DOCUMENTS["records/order.schema.json"]["examples"][0])
    record["weight"]["value"] = 70
    assert not jsonschema_rs.validator_for(dict(kept["records/order.schema.json"])).is_valid(record)


def test_the_last_release_is_not_broken_unannounced() -> None:
    released = last(path.stem for path in (ROOT / RELEASED).glob("*.json"))
    assert released
    kept = unpack(json.loads((ROOT / RELEASED / f"{released}.json").read_text(encoding="utf-8")))
    assert unannounced(changes(kept, DOCUMENTS)) == []
    assert is_later(MODEL_VERSION, released) or changes(kept, DOCUMENTS) == []


def test_an_announced_break_is_no_surprise() -> None:
    found = compared(lambda made: made["properties"].pop("weight"))
    assert [str(change) for change in unannounced(found)] == ["records/order.weight: removed"]
    assert unannounced(found, {"records/order.weight: removed": "moved to the Subject"}) == []
    assert all(why for why in ANNOUNCED.values())


def test_versions_are_ordered_as_semantic_versioning_says() -> None:
    ordered = ["0.9.9", "1.0.0-alpha", "1.0.0-draft.2", "1.0.0-draft.10", "1.0.0", "1.0.1", "1.10.0", "2.0.0-draft.1"]
    for place, version in enumerate(ordered):
        assert all(is_later(later, version) for later in ordered[place + 1 :])
        assert not any(is_later(earlier, version) for earlier in ordered[: place + 1])
    assert last(reversed(ordered)) == "2.0.0-draft.1"
    assert last([]) == ""
