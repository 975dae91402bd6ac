"""Code lists as FHIR R4 resources: whole, a meaning for each code, valid by the official schema and typed models."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from canonical_model import BASE, MODEL_VERSION
from canonical_model.catalogue import EVENTS
from canonical_model.codes import ISSUE_KINDS, ROLES, STAGES, STATES
from canonical_model.fhir_terminology import code_lists, resources
from canonical_model.identifiers import KINDS
from canonical_model.ids import WEAK_TYPES
from canonical_model.json_schema import event_schema, order_schema, protocol_schema, record_schema
from canonical_model.records import RECORDS
from canonical_model.vocabularies import FIELDS, OPEN, TESTS, VOCABULARIES
from tests.standards import need, standards_dir

RESOURCES = resources()
Resource = dict[str, Any]


def codes(name: str) -> list[str]:
    return [concept["code"] for concept in RESOURCES[f"CodeSystem-{name}.json"]["concept"]]


@cache
def official(type_: str) -> Any:
    """Validator of the official schema for one type; what of it the type never reaches is left out."""
    path = need(standards_dir() / "fhir" / "r4" / "fhir.schema.json")
    full = json.loads(path.read_text(encoding="utf-8"))
    reachable: dict[str, Any] = {}
    waiting = [type_]
    while waiting:
        name = waiting.pop()
        if name not in reachable:
            reachable[name] = {} if name == "ResourceList" else full["definitions"].get(name, {})
            waiting += re.findall(r'"#/definitions/([A-Za-z_0-9]+)"', json.dumps(reachable[name]))
    schema = {"$schema": full["$schema"], "$ref": f"#/definitions/{type_}", "definitions": reachable}
    return jsonschema_rs.validator_for(schema)


@pytest.mark.standards
@pytest.mark.parametrize("path", sorted(RESOURCES))
def test_a_resource_is_valid_by_the_official_schema(path: str) -> None:
    resource = RESOURCES[path]
    official(resource["resourceType"]).validate(resource)


@pytest.mark.standards
def test_the_official_schema_would_find_a_fault() -> None:
    resource = RESOURCES["CodeSystem-stage.json"]
    assert not official("CodeSystem").is_valid({**resource, "content": "whole"})
    assert not official("CodeSystem").is_valid({**resource, "colour": "red"})


@pytest.mark.parametrize("path", sorted(RESOURCES))
def test_a_resource_is_taken_by_typed_models(path: str) -> None:
    from fhir.resources.R4B import get_fhir_model_class

    resource = RESOURCES[path]
    made = get_fhir_model_class(resource["resourceType"]).model_validate(json.loads(json.dumps(resource)))
    assert json.loads(made.model_dump_json(exclude_none=True)) == resource


def test_every_list_is_a_code_system_and_a_value_set_of_it() -> None:
    for made in code_lists():
        system, chosen = RESOURCES[f"CodeSystem-{made.name}.json"], RESOURCES[f"ValueSet-{made.name}.json"]
        assert system["url"] == f"{BASE}/cs/{made.name}"
        assert chosen["url"] == system["valueSet"] == f"{BASE}/vs/{made.name}"
        assert chosen["compose"]["include"] == [{"system": system["url"], "version": MODEL_VERSION}]
        assert system["count"] == len(system["concept"]) == len(set(codes(made.name)))


def test_urls_ids_and_names_tell_resources_apart() -> None:
    urls = [resource["url"] for resource in RESOURCES.values()]
    assert len(set(urls)) == len(urls)
    assert all(url.startswith(f"{BASE}/") for url in urls)
    for resource in RESOURCES.values():
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", resource["id"])
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", resource["name"])


def test_every_code_has_a_meaning() -> None:
    for made in code_lists():
        for code, meaning in made.codes.items():
            assert meaning.endswith("."), (made.name, code)
            assert meaning != f"{code.capitalize()}.", (made.name, code)


def test_the_lists_are_those_of_the_model() -> None:
    assert codes("event-type") == list(EVENTS)
    assert codes("stage") == list(STAGES)
    assert codes("issue-kind") == list(ISSUE_KINDS)
    assert codes("role") == list(ROLES)
    for kind, states in STATES.items():
        assert codes(f"{kind}-state") == list(states)


def closed_fields() -> dict[str, list[str]]:
    """Every field of a published schema that takes only certain texts, with these."""
    found: dict[str, list[str]] = {}
    schemas = {**{kind: record_schema(kind) for kind in RECORDS}, "protocol": protocol_schema()}
    for owner, schema in schemas.items():
        nodes = {owner: schema, **{n: node for n, node in schema.get("$defs", {}).items() if n[0].isupper()}}
        for name, node in nodes.items():
            for field, inner in node.get("properties", {}).items():
                target = schema.get("$defs", {}).get(str(inner.get("$ref", "")).rpartition("/")[2], {})
                if values := (inner.get("enum") or inner.get("items", {}).get("enum") or target.get("enum")):
                    found[f"{name}.{field}"] = values
    return found


def test_every_closed_field_of_a_record_has_a_vocabulary_with_meanings() -> None:
    closed = closed_fields()
    assert len(closed) >= 24
    for path, values in closed.items():
        kind, _, field = path.partition(".")
        of_facet = field == "status" and kind in STATES
        assert set(values) <= set(STATES[kind] if of_facet else VOCABULARIES[FIELDS[path]]), path


def test_a_vocabulary_has_no_value_that_its_field_does_not_take() -> None:
    closed = closed_fields()
    assert set(FIELDS.values()) == set(VOCABULARIES)
    for path, name in FIELDS.items():
        if path not in OPEN:
            assert set(VOCABULARIES[name]) == set(closed[path]), path
    for path in OPEN:
        assert path in FIELDS
        assert path not in closed


def test_codes_in_schemas_are_codes_of_the_lists() -> None:
    issue = order_schema()["$defs"]["IssueView"]["properties"]
    assert set(issue["kind"]["enum"]) == set(codes("issue-kind"))
    assert set(issue["severity"]["enum"]) == set(codes("severity"))
    assert set(order_schema()["$defs"]["StateView"]["properties"]["stage"]["enum"]) == set(codes("stage"))
    assert set(event_schema()["properties"]["type"]["enum"]) == set(codes("event-type"))


def test_loinc_codes_have_their_check_digit_and_no_text() -> None:
    made = RESOURCES["ConceptMap-test-loinc.json"]
    elements = made["group"][0]["element"]
    assert made["group"][0]["source"] == RESOURCES["CodeSystem-test.json"]["url"]
    assert {element["code"] for element in elements} == {code for code, row in TESTS.items() if row[2]}
    for element in elements:
        (target,) = element["target"]
        assert set(target) == {"code", "equivalence"}
        number, _, check = target["code"].partition("-")
        doubled = [int(d) * (2 if place % 2 == 0 else 1) for place, d in enumerate(reversed(number))]
        assert -sum(sum(divmod(n, 10)) for n in doubled) % 10 == int(check), target["code"]


def test_every_type_of_identifier_that_the_model_or_a_table_gives_has_a_meaning() -> None:
    meant = set(VOCABULARIES["identifier-type"])
    assert set(KINDS) | set(WEAK_TYPES) <= meant
    root = Path(__file__).parent.parent.parent / "mappings"
    for path in root.glob("*/codes/identifier_type.csv"):
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        assert {row["canonical"] for row in rows if "*" not in row["canonical"]} <= meant, path.parent.parent.name
    for path in root.rglob("*.yaml"):
        assert set(re.findall(r"split: \{type: ([a-z-]+)\}", path.read_text(encoding="utf-8"))) <= meant, path.name


def test_a_tests_code_is_the_published_one_in_every_table_and_rows_can_write_them_all() -> None:
    root = Path(__file__).parent.parent.parent
    tables = {path: path.read_text(encoding="utf-8").splitlines() for path in root.glob("[em]*/**/codes/test.csv")}
    assert len(tables) >= 3
    canonical = {path: [row["canonical"] for row in csv.DictReader(lines)] for path, lines in tables.items()}
    for path, codes in canonical.items():
        assert {code.rstrip("!") for code in codes if "*" not in code} <= set(TESTS), path
    assert set(canonical[root / "mappings" / "common" / "codes" / "test.csv"]) >= set(TESTS)


def test_every_kind_of_issue_that_a_table_raises_has_a_meaning() -> None:
    root = Path(__file__).parent.parent.parent / "mappings"
    raised = {
        (path.name, one["constants"]["kind"])
        for path in root.glob("*/*.yaml")
        for one in _mappings_in(yaml.safe_load(path.read_text(encoding="utf-8")))
        if one.get("event") == "issue.raised" and "kind" in one.get("constants", {})
    }
    assert len(raised) > 15
    assert {kind for _, kind in raised} <= set(ISSUE_KINDS)


def _mappings_in(value: Any) -> Iterator[dict[str, Any]]:
    """All mappings in a document, at any depth."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _mappings_in(inner)
