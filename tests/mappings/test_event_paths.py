"""Paths of `on:` and `send:`: selecting items, several places, references to records."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_the_shipment_of_a_material_stays_the_identifier_that_the_model_has_there() -> None:
    """SPM-32 of a laboratory names the shipment; a reference in its place would not fit the record."""
    sscc = {"system": "https://id.gs1.org/00", "value": "106141412345678908"}
    values = {"identifiers": [{"system": "s", "value": "1"}], "shipment": sscc}
    data = {"on": {kind: [{"events": [f"{kind}.stated"]}] for kind in ("material", "container")}}
    frames = [{"kind": kind, "key": kind, "set": values} for kind in ("material", "container")]
    material, container = assertions(data, frames, "p/m")
    assert material["set"]["shipment"] == sscc
    assert container["set"]["shipment"] == {"kind": "shipment", "identifiers": [sscc]}


def test_an_item_of_a_list_may_be_told_as_a_list_of_its_own() -> None:
    found = fact(for_each="sides[type=from]", set={"sides[]": "each", "none[]": "absent"})
    assert len(found) == 1
    assert set(found[0]["set"]) == {"sides"}
    assert [side["type"] for side in found[0]["set"]["sides"]] == ["from"]


@pytest.mark.parametrize(("selector", "count"), [("type=", 1), ("type!=", 2), ("type=a", 1), ("type!=a", 2)])
def test_items_without_a_field_can_be_selected(selector: str, count: int) -> None:
    steps = [{"type": "a"}, {"type": "b"}, {"n": "1"}]
    event = {"event": "x.y", "for_each": f"steps[{selector}]", "set": {"steps[]": "each"}}
    data = {"on": {"handling": [{"events": [event]}]}}
    frame = {"kind": "handling", "key": "h", "set": {"identifiers": [{"system": "s", "value": "1"}], "steps": steps}}
    found = assertions(data, [frame], "p/m")
    assert [len(one["set"]["steps"]) for one in found] == [1] * count


@pytest.mark.parametrize(("said", "event"), [({}, "a"), ({"statement": "final"}, "a"), ({"statement": "x-odd"}, "b")])
def test_a_row_may_ask_that_nothing_is_said(said: dict[str, str], event: str) -> None:
    frame = {"kind": "handling", "key": "handling", "set": said}
    data = {"on": {"handling": [{"when": {"statement": ["!", "final"]}, "events": ["a"]}, {"events": ["b"]}]}}
    assert [one["type"] for one in assertions(data, [frame], "p/m")] == [event]


# ---- the nearest frame of a kind --------------------------------------------------------------------------------


def nearest(frames: dict[str, dict[str, Any]], frame: dict[str, Any], kind: str) -> str | None:
    """What `@kind` finds, by its definition: above, else inside the nearest frame above, the first of several."""

    def chain(one: dict[str, Any] | None) -> list[str]:
        return [one["key"], *chain(frames.get(one.get("parent", "")))] if one else []

    holders = chain(frame)
    above = [key for key in holders if frames[key]["kind"] == kind]
    others = [one for one in frames.values() if one["kind"] == kind]
    inside = [one["key"] for holder in holders for one in others if holder in chain(one)]
    found = [*above, *inside, *(one["key"] for one in others)]
    return found[0] if found else None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-1, 9)), min_size=1, max_size=10))
def test_the_nearest_frame_of_a_kind_is_found_as_it_is_defined(made: list[tuple[str, int]]) -> None:
    frames = {
        str(n): {"kind": kind, "key": str(n), "set": {"me": str(n)}, **({"parent": str(up)} if 0 <= up < n else {})}
        for n, (kind, up) in enumerate(made)
    }
    for kind in "abcd":
        data = {"on": {own: [{"events": [{"event": "x", "set": {"found": f"@{kind}.me"}}]}] for own in "abc"}}
        told = assertions(data, [*frames.values()], "p/m")
        for frame, one in zip(frames.values(), told, strict=True):
            assert one["set"].get("found") == nearest(frames, frame, kind)


def test_the_cost_of_a_row_does_not_grow_with_the_rows() -> None:
    """Steps of work, counted: time would tell of the machine."""

    def steps(rows: int) -> int:
        frames: list[dict[str, Any]] = []
        for n in range(rows):
            frames.append({"kind": "disposition", "key": f"d{n}", "set": {}})
            frames.append({"kind": "handling", "key": f"d{n}/h", "parent": f"d{n}", "set": {}})
        data = {"on": {"disposition": [{"events": ["x"]}]}, "occurred": {"disposition": ["@handling.at"]}}
        count = 0

        def counted(*_: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(counted)
        try:
            assertions(data, frames, "p/m")
        finally:
            sys.setprofile(None)
        return count

    assert steps(400) < 5 * steps(100)
