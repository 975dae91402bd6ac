"""A whole order as one document: it says what its facts say, to whoever computes it again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from canonical_model.fold import fold
from canonical_model.journey import comparable
from canonical_model.json_schema import example_order, order_schema
from canonical_model.order_document import RULES, OrderDocument, faults, is_judged, links_of, order_document
from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS, OFF_THE_SHELF
from canonical_model.rules import RULES_VERSION, check
from canonical_model.values import parse_instant
from tests.canonical_model.facts import (
    APHERESIS,
    BAG,
    COI,
    COURIER,
    LOT,
    MAKER,
    NAMES,
    NOW,
    ORDER,
    OUTBOUND,
    PATIENT,
    Fact,
    created,
    dose_ready,
    fact,
    handed,
    journey,
    result,
    submitted,
)
from tests.canonical_model.worlds import told_twice, worlds

FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FAST = jsonschema_rs.validator_for(order_schema())
REFERENCE = jsonschema.Draft202012Validator(order_schema())
Document = dict[str, Any]


def document(*facts: Fact) -> Document:
    return order_document(journey(*facts), DEFAULT_PROTOCOLS, NOW)


def troubled() -> Document:
    """An order with claims, a superseded fact, a custody gap, a disagreement, and Issues of several rules."""
    first = result("viability", LOT, "2026-03-09T12:00:00", "in")
    return document(
        submitted(),
        created(order=ORDER, label={"coi": {"system": "s", "value": "CHA999926000099"}}),
        handed(COURIER, MAKER, "2026-03-08T12:00:00", MAKER),
        *dose_ready(),
        first,
        result("viability", LOT, "2026-03-09T13:00:00", "out", type_="result.corrected", supersedes=(first,)),
        fact("container.stored", BAG, by="sponsor", role="sponsor"),
        fact("subject.updated", PATIENT, sex="female", ordinal="1"),
        fact("subject.updated", PATIENT, sex="male", ordinal="1", source="m2", by="lab", role="hospital"),
        fact("shipment.packed", OUTBOUND, contents=[BAG], direction="collection-outbound"),
    )


def refusal(made: Document, **context: Any) -> str:
    """What the model has against a document; empty where it takes it."""
    try:
        OrderDocument.model_validate(made, context=context or None)
    except ValidationError as refused:
        return str(refused)
    return ""


def test_the_order_of_the_tests_has_something_of_everything() -> None:
    made = troubled()
    assert made["claims"]
    assert made["superseded"]
    assert any(chain.get("gaps") for chain in made["custody"])
    assert any(record.get("disagreements") for records in made["records"].values() for record in records)
    assert len({issue["rule"] for issue in made["issues"]}) >= 4


@pytest.mark.parametrize("made", [example_order(), troubled(), document(submitted()), document()])
def test_a_document_is_taken_by_the_model_and_both_validators(made: Document) -> None:
    assert refusal(made) == ""
    FAST.validate(made)
    REFERENCE.validate(made)
    assert json.loads(json.dumps(made)) == made
    OrderDocument.model_validate_json(json.dumps(made))


@FEW
@given(worlds(8))
def test_any_journey_has_a_valid_document(facts: list[Fact]) -> None:
    made = document(*facts)
    assert faults(made, DEFAULT_PROTOCOLS) == []
    FAST.validate(made)


@FEW
@given(told_twice(8))
def test_the_order_of_telling_changes_no_document(told: tuple[list[Fact], list[Fact]]) -> None:
    facts, again = told
    one, other = document(*facts), document(*again)
    assert {part for part in one if one[part] != other[part]} == set()


def test_whoever_folds_the_facts_of_a_document_gets_its_state() -> None:
    made = troubled()
    names = [("order", name["system"], name["value"]) for name in made["names"]]
    state = fold(names, made["facts"])
    assert comparable(state) == comparable(fold(NAMES, made["facts"]))
    assert state.stage == made["state"]["stage"]


def test_issues_are_the_findings_of_the_rules_at_that_instant() -> None:
    state = journey(submitted(), created())
    later = NOW + timedelta(days=1)
    for now in (NOW, later):
        found = check(state, DEFAULT_PROTOCOLS, now).findings
        assert [i["id"] for i in order_document(state, DEFAULT_PROTOCOLS, now)["issues"]] == [f.id for f in found]


def test_each_fact_is_linked_by_the_name_nearest_to_the_order() -> None:
    order, bag = submitted(), created(order=ORDER)
    stored = fact("container.stored", BAG, by="apheresis", role="apheresis-centre")
    via = links_of(journey(order, bag, stored))
    assert via[order["id"]] == ("order", "urn:mercy:order", "P1")
    assert via[bag["id"]] == ("order", "urn:mercy:order", "P1")
    assert via[stored["id"]] == ("container", "urn:test:container", "BAG-1")


def test_links_of_the_log_are_told_as_they_are_handed_in() -> None:
    order = submitted()
    links = {order["id"]: ("order", "urn:sponsor:coi", COI)}
    made = order_document(journey(order), DEFAULT_PROTOCOLS, NOW, links, position=7)
    assert made["links"] == [{"fact": order["id"], "via": {"kind": "order", "system": "urn:sponsor:coi", "value": COI}}]
    assert made["position"] == 7
    assert refusal(made) == ""


def swap_facts(made: Document) -> None:
    made["facts"][0], made["facts"][1] = made["facts"][1], made["facts"][0]


def edited(path: str, value: Any) -> Callable[[Document], None]:
    """An edit that puts a value at a path such as `records.order.0.state`."""

    def edit(made: Document) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        node: Any = made
        for step in steps:
            node = node[step]
        node[last] = value

    return edit


TAMPERED: list[tuple[str, Callable[[Document], Any]]] = [
    ("D-1", swap_facts),
    ("D-1", lambda made: made["facts"].append(made["facts"][-1])),
    ("D-2", edited("claims", [])),
    ("D-2", edited("superseded", [])),
    ("D-3", edited("state.stage", "infused")),
    ("D-3", edited("state.held", True)),
    ("D-3", edited("state.attempt", 2)),
    ("D-3", edited("records.order.0.state", "accepted")),
    ("D-3", edited("records.order.0.fields", {})),
    ("D-3", edited("records.order.0.facts", [])),
    ("D-3", edited("records.issue", [])),
    ("D-3", lambda made: made["records"].pop("result")),
    ("D-3", lambda made: made["records"]["subject"][0].pop("disagreements")),
    ("D-3", edited("custody.0.holder", "urn:test:party|nobody")),
    ("D-3", lambda made: made["custody"][0].pop("gaps")),
    ("D-3", lambda made: made["names"].pop()),
    ("D-4", lambda made: made["links"].pop()),
    ("D-4", lambda made: made["links"].append(made["links"][0])),
    ("D-4", edited("links.0.fact", "0" * 40)),
    ("D-5", lambda made: made["issues"].pop()),
    ("D-5", edited("issues.0.severity", "info")),
    ("D-5", edited("issues.0.blocks", ["may-ship"])),
    ("D-5", edited("as_of", "2026-03-08T09:00:01Z")),
    ("D-6", edited("issues.0.id", "0" * 40)),
    ("D-6", edited("issues.0.facts", ["0" * 40])),
]


@pytest.mark.parametrize(("rule", "edit"), TAMPERED)
def test_what_does_not_follow_from_the_facts_is_refused_with_its_rule(
    rule: str, edit: Callable[[Document], Any]
) -> None:
    made = copy.deepcopy(troubled())
    edit(made)
    assert FAST.is_valid(made), "a rule is for what the schema cannot see"
    assert f"{rule}: " in refusal(made)


def test_every_rule_of_the_list_is_broken_by_a_test() -> None:
    assert {rule for rule, _ in TAMPERED} == set(RULES)


def test_a_hidden_issue_is_named_by_its_rule() -> None:
    made = copy.deepcopy(troubled())
    hidden = [issue for issue in made["issues"] if issue["rule"] == "I-1"]
    made["issues"] = [issue for issue in made["issues"] if issue["rule"] != "I-1"]
    assert hidden
    assert refusal(made).count("D-5: an Issue of rule I-1 is left out") == len(hidden)


def test_all_broken_rules_are_told_at_once() -> None:
    made = copy.deepcopy(troubled())
    made["links"].pop()
    made["issues"].pop()
    made["state"]["stage"] = "infused"
    told = refusal(made)
    assert all(f"{rule}: " in told for rule in ("D-3", "D-4", "D-5"))


def test_an_added_issue_is_refused_though_its_id_is_right() -> None:
    made = copy.deepcopy(document(submitted()))
    stolen = next(issue for issue in troubled()["issues"] if issue["rule"] == "I-6")
    made["issues"].append({**stolen, "facts": []})
    assert "D-5: nothing in the facts raises an Issue of rule I-6" in refusal(made)


@FEW
@given(st.data())
def test_no_fact_can_be_taken_away_unseen(data: st.DataObject) -> None:
    made = copy.deepcopy(troubled())
    gone = made["facts"].pop(data.draw(st.integers(0, len(made["facts"]) - 1)))
    made["links"] = [link for link in made["links"] if link["fact"] != gone["id"]]
    assert "D-" in refusal(made)


def test_issues_under_an_unknown_protocol_or_other_rules_are_not_judged() -> None:
    made = copy.deepcopy(document(submitted(protocol=AUTOLOGOUS_CAR_T.key)))
    made["issues"] = []
    assert made["protocol"] == AUTOLOGOUS_CAR_T.key
    assert is_judged(made, DEFAULT_PROTOCOLS)
    assert not is_judged(made, {})
    assert not is_judged({**made, "rules": RULES_VERSION + ".1"}, DEFAULT_PROTOCOLS)
    assert refusal(made, protocols={}) == ""


def test_the_stages_of_a_document_are_those_of_its_protocol_and_without_it_nobody_judges_them() -> None:
    facts = [submitted(protocol=OFF_THE_SHELF.key), *dose_ready()]
    made = document(*facts)
    assert (journey(*facts).stage, made["state"]["stage"]) == ("dispositioned", "ordered")
    assert refusal(made) == ""
    for said in (made["state"], made["state"]["attempts"][0]):
        kept, said["stage"] = said["stage"], "dispositioned"
        assert "D-3: state" in refusal(made)
        assert refusal(made, protocols={}) == ""
        said["stage"] = kept
    made["state"]["attempts"][0]["open"] = False
    assert "D-3: state" in refusal(made, protocols={})


def test_a_document_is_judged_under_the_protocol_that_is_handed_in() -> None:
    other = AUTOLOGOUS_CAR_T.model_copy(update={"version": "9", "late_after": timedelta(minutes=1)})
    late = fact("container.stored", BAG, "2026-03-08T10:00:00", by="a", role="cdmo", recorded="2026-03-08T11:00:00Z")
    facts = [submitted(protocol=other.key), created(), late]
    made = order_document(journey(*facts), {other.key: other}, NOW)
    assert refusal(made, protocols={other.key: other}) == ""
    strict = {other.key: other.model_copy(update={"late_after": timedelta(days=3)})}
    assert "D-5: nothing in the facts raises an Issue of rule I-31" in refusal(made, protocols=strict)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("records.container.0.fields.colour", "red"),
        ("records.container.0.fields.identifiers", [{"system": "s", "value": "v"}]),
        ("records.order.0.fields.note", "told by phone"),
        ("records.order.0.fields.patient", {"frame": "s"}),
        ("records.order.0.state", "eaten"),
        ("records.result.0.colour", "red"),
        ("records.bag", []),
        ("facts.0.v", 2),
        ("v", 2),
        ("position", -1),
        ("claims", None),
    ],
)
def test_what_the_schema_refuses_the_model_refuses(path: str, value: Any) -> None:
    made = copy.deepcopy(troubled())
    edited(path, value)(made)
    assert refusal(made)
    assert not FAST.is_valid(made)
    assert not REFERENCE.is_valid(made)


def test_the_holders_of_a_container_stand_in_the_document() -> None:
    facts = [submitted(), created(), handed(APHERESIS, COURIER, "2026-03-08T10:00:00", COURIER)]
    chain = document(*facts)["custody"][0]
    assert chain["holder"] == "urn:test:party|courier"
    assert [(step["giver"], step["taker"]) for step in chain["steps"]] == [
        ("", "urn:test:party|apheresis"),
        ("urn:test:party|apheresis", "urn:test:party|courier"),
    ]
    assert parse_instant(chain["since"]) == parse_instant("2026-03-08T10:00:00Z")
