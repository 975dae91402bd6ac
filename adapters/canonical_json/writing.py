"""Frames of one fact as a message in the canonical form, and what of a message only its sender needs. Reads none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters import json_text, times
from mappings.faults import Fault

Frame = Mapping[str, Any]
Tree = dict[str, Any]

_TOP = frozenset({"type", "timestamp", "data"})
_DATA = frozenset({"about", "order", "occurred", "set", "clear"})


def tree_of(frames: Sequence[Frame]) -> tuple[Tree, list[Fault]]:
    """The message, and what of the frames it has no place for; an error where they tell no fact."""
    head: Mapping[str, Any] = next((frame["set"] for frame in frames if frame["kind"] == "message"), {})
    top = [frame for frame in frames if frame["kind"] != "message" and not frame.get("parent")]
    if not top or "code" not in head:
        return {}, [Fault("required", "message.code", "name the fact's type and record", severity="error")]
    record = top[0]
    persons = _persons(frames)
    names = record["set"].get("identifiers") or persons.get(record["key"])
    others = [frame["kind"] for frame in top[1:] if frame["key"] not in persons]
    faults = [Fault("no-home", f"{kind} frame", "a message tells one fact", severity="lost") for kind in others]
    if not names:
        faults.append(Fault("required", f"{record['kind']}.identifiers", "name the record", severity="error"))
    timestamp, occurred = _time(head.get("occurred_at"), faults)
    data: Tree = {"about": {"kind": record["kind"], "identifiers": names or []}}
    if order := _beside(frames, record):
        data["order"] = order
    if occurred is not None:
        data["occurred"] = occurred
    data["set"] = {name: _named(value, persons) for name, value in record["set"].items() if name != "identifiers"}
    if record.get("clear"):
        data["clear"] = list(record["clear"])
    return {"type": head["code"], "timestamp": timestamp, "data": data}, faults


def _persons(frames: Sequence[Frame]) -> dict[str, Any]:
    """The numbers of persons by the frame that stands for each."""
    return {f["parent"]: f["set"].get("identifiers", []) for f in frames if f["kind"] == "identity" and f.get("parent")}


def _beside(frames: Sequence[Frame], record: Frame) -> Tree:
    found = (f["set"] for f in frames if f["kind"] == "order" and f.get("parent") == record["key"])
    return {name: value for name, value in next(found, {}).items() if value not in (None, "")}


def _time(occurred: Mapping[str, Any] | None, faults: list[Fault]) -> tuple[str, Mapping[str, Any] | None]:
    """The timestamp, and the time as the model has it where the timestamp says less or more than that."""
    if occurred is None:
        faults.append(Fault("required", "message.occurred_at", "say when it happened", severity="error"))
        return "", None
    exact = len(occurred["local"]) >= len("2026-03-11T12:30:00") and not occurred.get("assumed_zone")
    text: str = times.write_iso(dict(occurred)) if exact else occurred["at"]
    try:
        same = times.read_iso(text, "UTC") == dict(occurred)
    except ValueError:
        text, same = occurred["at"], False
    return text, None if same else occurred


def _named(value: Any, persons: Mapping[str, Any]) -> Any:
    """A value whose references to persons' frames name them again."""
    if isinstance(value, list):
        return [_named(item, persons) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"frame"} and value["frame"] in persons:
        return {"kind": "subject", "identifiers": persons[value["frame"]]}
    return {name: _named(inner, persons) for name, inner in value.items()}


# ---- the sender's own -----------------------------------------------------------------------------------------


def residual_of(tree: Mapping[str, Any], frames: Sequence[Frame]) -> Tree:
    """What a message says beyond its fact: what the form has no place for, and how it wrote what it has."""
    said = tree["data"]
    written = tree_of(frames)[0]
    kept: Tree = {
        "top": {name: value for name, value in tree.items() if name not in _TOP},
        "data": {name: value for name, value in said.items() if name not in _DATA},
    }
    if not same(tree.get("timestamp"), written["timestamp"]):
        kept["timestamp"] = {"w": tree.get("timestamp"), "c": written["timestamp"]}
    kept["spelled"] = {
        name: {"w": said.get(name), "c": written["data"].get(name)}
        for name in ("order", "occurred", "set", "clear")
        if not same(said.get(name), written["data"].get(name))
    }
    kept = {name: value for name, value in kept.items() if value}
    return {"head": kept} if kept else {}


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one, however their keys stand."""
    return json_text.normal(one) == json_text.normal(other)


def with_residual(tree: Tree, residual: Mapping[str, Any]) -> Tree:
    """The message with what its sender said beyond the fact; a value given back only where the same is written."""
    kept = residual.get("head", {})
    if not kept or not tree:
        return tree
    data = {**tree["data"], **kept.get("data", {})}
    for name, one in kept.get("spelled", {}).items():
        if same(data.get(name), one["c"]):
            data[name] = one["w"]
    shown = {**tree, "data": {name: value for name, value in data.items() if value is not None}, **kept.get("top", {})}
    time = kept.get("timestamp")
    if time and tree["timestamp"] == time["c"]:
        shown["timestamp"] = time["w"]
    return shown
