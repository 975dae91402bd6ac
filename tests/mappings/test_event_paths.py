"""Paths of `on:` and `send:`: selecting items, several places, references to records."""

from __future__ import annotations

from typing import Any

import pytest

from mappings import send
from mappings.events import assertions

FRAME = {
    "kind": "handling",
    "key": "handling",
    "set": {
        "things": [
            {"system": "s", "value": "1"},
            {"system": "b", "value": "2"},
            {"system": "b", "value": "3"},
        ],
        "parent": {"system": "s", "value": "9"},
        "sides": [{"type": "from", "who": {"system": "p", "value": "x"}}],
        "at": {"at": "2026-03-08T06:40:00Z"},
    },
}


def fact(**row: Any) -> list[dict[str, Any]]:
    event = {"event": "container.observed", "about_kind": "container", "about": "parent", **row}
    data = {"on": {"handling": [{"events": [event]}]}, "occurred": {"handling": ["at"]}}
    return assertions(data, [FRAME], "partner/message")


def names(found: list[dict[str, Any]]) -> list[str]:
    return [item["about"]["identifiers"][0]["value"] for item in found]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("things", ["1", "2", "3"]),
        ("things[system=b]", ["2", "3"]),
        ("things[system!=b]", ["1"]),
        ("things[system=none]", []),
        ("parent[system=s]", ["9"]),
        ("parent[system=b]", []),
        (["things[system=s]", "parent"], ["1", "9"]),
        ("absent", []),
    ],
)
def test_one_fact_is_stated_per_selected_item(path: Any, found: list[str]) -> None:
    assert names(fact(for_each=path, about="each")) == found


def test_a_selected_item_is_followed_to_its_fields() -> None:
    assert fact(set={"holder": "sides[type=from].who"})[0]["set"]["holder"] == {
        "kind": "party",
        "identifiers": [{"system": "p", "value": "x"}],
    }
    assert fact(set={"holder": "sides[type=to].who"})[0]["set"] == {}


def test_the_first_place_with_a_value_counts() -> None:
    assert fact(set={"location": ["absent", "at"]})[0]["set"]["location"] == FRAME["set"]["at"]  # type: ignore[index]


def test_references_are_made_to_records_of_a_kind() -> None:
    one = fact(set={"parent": {"container": "parent"}})[0]["set"]["parent"]
    assert one == {"kind": "container", "identifiers": [{"system": "s", "value": "9"}]}
    several = fact(set={"about": {"shipment": ["things[system=s]", "parent"], "container": "things[system=b]"}})
    assert [(r["kind"], r["identifiers"][0]["value"]) for r in several[0]["set"]["about"]] == [
        ("shipment", "1"),
        ("shipment", "9"),
        ("container", "2"),
        ("container", "3"),
    ]
    assert fact(set={"about": {"shipment": "absent", "container": "absent"}})[0]["set"] == {}


def test_a_fact_is_stated_only_with_what_it_needs() -> None:
    assert names(fact(**{"with": ["sides[type=to]", "sides[type=from]"]})) == ["9"]
    assert fact(**{"with": ["sides[type=to]"]}) == []


def test_a_list_of_records_is_told_by_one_name_of_each() -> None:
    data = {"send": {"x.y": [{"frame": "handling", "set": {"contents": "event.contents.identifiers"}}]}}
    refs = [
        {"kind": "container", "identifiers": [{"value": "1"}, {"value": "alias"}]},
        {"identifiers": [{"value": "2"}]},
    ]
    frames = send.frames(data, "x.y", {"event": {"contents": refs}})
    assert frames[0]["set"]["contents"] == [{"value": "1"}, {"value": "2"}]
    assert send.frames(data, "x.y", {"event": {}})[0]["set"] == {}
