"""Frames to assertions (`on:`), one-way: which facts a message states. Closed, total, and blind to the hub's state.

An assertion is an event without its envelope: `{type, frame, about, set, clear, occurred}`. A reference to a frame of
the same message becomes the names of that frame's record. A subject keeps its frame key: only the vault may name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mappings.faults import TableFault
from mappings.load import split_path

Frame = Mapping[str, Any]
Assertion = dict[str, Any]

VAULT_KIND = "subject"
UNASSIGNED = "urn:id:unassigned"
"""System of an identifier whose authority neither the message nor the profile names: it names nothing by itself."""
MADE_UP = "urn:cgt:message:"
"""Begin of the system of a record that nothing in its message names."""

NAMING_TYPES = frozenset({"coi"})
"""Identifier types that name the therapy order even where they stand on another record."""


@dataclass(frozen=True, slots=True)
class _Message:
    """The frames of a message by key, with the way up from each."""

    frames: Mapping[str, Frame]
    head: Mapping[str, Any]
    namespace: str

    def holder(self, frame: Frame, kind: str) -> Frame | None:
        """The nearest frame of a kind: this one, one above, or the first one inside the nearest of those above."""
        above = self.above(frame, kind)
        if above is not None:
            return above
        others = [other for other in self.frames.values() if other["kind"] == kind]
        if len(others) > 1:
            holders = self._chain(frame)
            depths = [next((n for n, key in enumerate(holders) if key in self._chain(o)), len(holders)) for o in others]
            return others[depths.index(min(depths))]
        return others[0] if others else None

    def _chain(self, frame: Frame) -> list[str]:
        """Keys of this frame and of those that hold it, outwards."""
        keys: list[str] = []
        at: Frame | None = frame
        while at is not None:
            keys.append(at["key"])
            at = self.frames.get(at.get("parent", ""))
        return keys

    def above(self, frame: Frame, kind: str) -> Frame | None:
        """This frame or the nearest one that holds it, of a kind."""
        at: Frame | None = frame
        while at is not None and at["kind"] != kind:
            at = self.frames.get(at.get("parent", ""))
        return at

    def stands_in(self, frame: Frame) -> str:
        """Kind of the frame that holds this one."""
        holder = self.frames.get(frame.get("parent", ""))
        return str(holder["kind"]) if holder is not None else ""

    def value(self, frame: Frame, path: str) -> Any:
        """A value by path: of this frame, of `message.`, or of the nearest frame of a kind (`@report.observed.start`).

        `#` is the count that tells frames of one key apart (the second is `2`). A step may select: `sources[type=x]`
        takes the items whose `type` is x, `containers[system!=x]` the others.
        """
        if path == "#":
            return frame["key"].rpartition("#")[2] if "#" in frame["key"].rpartition("/")[2] else None
        if path.startswith("message."):
            return _reach(self.head, path[8:])
        if path.startswith("@"):
            kind, _, rest = path[1:].partition(".")
            found = self.holder(frame, kind)
            return _reach(found["set"], rest) if found else None
        return _reach(frame["set"], path)


def assertions(data: Mapping[str, Any], frames: Sequence[Frame], namespace: str) -> list[Assertion]:
    """The facts that a message asserts, in the order of its frames.

    `data` is the message map; `namespace` names the message (partner and message id) for records that nothing in the
    message names.
    """
    by_key = {frame["key"]: frame for frame in frames}
    head: Frame = next((frame["set"] for frame in frames if frame["kind"] == "message"), {})
    message = _Message(by_key, head, namespace)
    names = {frame["key"]: _names(data, message, frame) for frame in frames}
    out: list[Assertion] = []
    for frame in frames:
        row = _first_row(data.get("on", {}).get(frame["kind"], ()), message, frame)
        for event in row.get("events", ()) if row else ():
            out += _assert(data, message, names, frame, event if isinstance(event, Mapping) else {"event": event})
    return out


def _first_row(rows: Iterable[Mapping[str, Any]], message: _Message, frame: Frame) -> Mapping[str, Any] | None:
    for row in rows:
        if all(_holds(message.value(frame, path), wanted) for path, wanted in row.get("when", {}).items()):
            return row
    return None


def _holds(value: Any, wanted: Any) -> bool:
    if wanted == "*":
        return value is not None
    choices = wanted if isinstance(wanted, list) else [wanted]
    values = value if isinstance(value, list) else [value]
    return any((str(v).lower() if isinstance(v, bool) else v) in choices for v in values)


def _assert(
    data: Mapping[str, Any],
    message: _Message,
    names: Mapping[str, list[dict[str, Any]]],
    frame: Frame,
    event: Mapping[str, Any],
) -> Iterator[Assertion]:
    kind = event.get("about_kind", frame["kind"])
    if "with" in event and all(message.value(frame, path) is None for path in _as_list(event["with"])):
        return
    if "for_each" in event:
        for item in _all(message, frame, event["for_each"]):
            narrowed = {**frame, "set": {**frame["set"], "each": item}}
            rest = {key: value for key, value in event.items() if key not in {"for_each", "with"}}
            yield from _assert(data, message, names, narrowed, rest)
        return
    if "about" in event:
        paths = event["about"] if isinstance(event["about"], list) else [event["about"]]
        identifiers = _identifiers(message, frame, paths)
        if not identifiers:
            return
    else:
        identifiers = names[frame["key"]]
    whole = {field: value for field, value in frame["set"].items() if field not in {"action", "identifiers"}}
    if "set" in event:
        chosen = {field: _chosen(message, frame, path) for field, path in event["set"].items()}
        chosen.update(event.get("constants", {}))
        values = {field: value for field, value in chosen.items() if value is not None}
        clear: list[str] = []
    else:
        values, clear = {**whole, **event.get("constants", {})}, list(frame.get("clear", ()))
    for field, paths in _as_map(data.get("belongs", {}).get(kind)).items():
        ref = _identifiers(message, frame, paths if isinstance(paths, list) else [paths])
        if ref and field not in values:
            values[field] = {"kind": field, "identifiers": ref}
    about: dict[str, Any] = {"kind": kind, "identifiers": identifiers}
    if kind == VAULT_KIND:
        about = {"kind": kind, "frame": frame["key"]}
    yield {
        "type": event["event"],
        "frame": frame["key"],
        "about": about,
        "set": {
            field: named
            for field, value in values.items()
            if (named := _named(value, field, message, names)) is not None
        },
        "clear": clear,
        "occurred": _occurred(data, message, frame, event),
    }


def _chosen(message: _Message, frame: Frame, path: Any) -> Any:
    """A field of an event: at a path, at the first of several that has one, or as references (`{kind: paths}`).

    A reference at one path to one thing is one reference; otherwise they are a list.
    """
    if isinstance(path, Mapping):
        if len(path) == 1 and isinstance(value := message.value(frame, str(*path.values())), Mapping):
            return {"kind": str(*path), "identifiers": [value]}
        found = ((kind, item) for kind, paths in path.items() for item in _all(message, frame, paths))
        return [{"kind": kind, "identifiers": [item]} for kind, item in found] or None
    values = (message.value(frame, one) for one in _as_list(path))
    return next((value for value in values if value is not None), None)


def _all(message: _Message, frame: Frame, paths: Any) -> list[Any]:
    """What stands at one path or several, one after the other."""
    return [item for path in _as_list(paths) for item in _as_list(message.value(frame, path))]


def _named(value: Any, field: str, message: _Message, names: Mapping[str, list[dict[str, Any]]]) -> Any:
    """A value with its frame links turned into named records; None where it refers to a record that nothing names."""
    if isinstance(value, list):
        kept = [named for item in value if (named := _named(item, field, message, names)) is not None]
        return kept if kept or not value else None
    if not isinstance(value, dict):
        return value
    if len(value) == 2 and "kind" in value and "identifiers" in value:
        known = [identifier for identifier in value["identifiers"] if identifier["system"] != UNASSIGNED]
        return {"kind": value["kind"], "identifiers": known} if known else None
    if len(value) == 1 and "frame" in value:
        target = message.frames[value["frame"]]
        if target["kind"] == VAULT_KIND:
            return {"kind": VAULT_KIND, "frame": target["key"]}
        return {"kind": target["kind"], "identifiers": names[target["key"]]}
    if "system" in value and "value" in value and "kind" not in value and field in _LINK_KINDS:
        return None if value["system"] == UNASSIGNED else {"kind": _LINK_KINDS[field], "identifiers": [value]}
    return {
        key: named
        for key, item in value.items()
        if (named := item if type(item) is str else _named(item, key, message, names)) is not None
    }


_LINK_KINDS = {
    "order": "order",
    "container": "container",
    "contents": "container",
    "removed": "container",
    "containers": "container",
    "material": "material",
    "batch": "batch",
    "collection": "collection",
    "shipment": "shipment",
    "device": "device",
    "loggers": "device",
    "packaging": "device",
    "holder": "party",
    "giver": "party",
    "taker": "party",
    "consignee": "party",
    "shipper": "party",
    "carrier": "party",
    "site": "party",
    "facility": "party",
}
"""Fields whose bare identifier names a record of this kind."""


def _occurred(data: Mapping[str, Any], message: _Message, frame: Frame, event: Mapping[str, Any]) -> Any:
    """The first time that is stated among the paths of the event, of the map, or the message's own."""
    paths = [*_as_list(event.get("occurred")), *_as_list(data.get("occurred", {}).get(frame["kind"]))]
    for path in [*paths, "message.occurred_at", "message.sent_at", "message.recorded_at"]:
        value = message.value(frame, path)
        if isinstance(value, Mapping) and "at" in value:
            return value
    return None


def _names(data: Mapping[str, Any], message: _Message, frame: Frame) -> list[dict[str, Any]]:
    """What names the record of a frame: its identifiers, or what the map says, or the message itself."""
    rule = data.get("identify", {}).get(frame["kind"], ["identifiers"])
    if isinstance(rule, Mapping):
        direct = _identifiers(message, frame, _as_list(rule.get("first")))
        if direct:
            return direct
        around = sorted(_as_list(rule["within"]), key=lambda path: _is_beside(message, frame, path))
        named = ((path, _identifiers(message, frame, [path])) for path in around)
        path, within = next(((path, found) for path, found in named if found), ("", []))
        parts = [part for path_ in _as_list(rule["by"]) if (part := _text(message.value(frame, path_)))]
        if within and parts:
            system, value = within[0]["system"], within[0]["value"]
            if _is_beside(message, frame, path):
                parts.insert(0, message.stands_in(frame))  # else it might have the name of one that is in it
            return [{"system": f"{system}#{frame['kind']}", "value": "/".join([value, *parts])}]
    else:
        found = _identifiers(message, frame, rule)
        if found:
            return found
    return [{"system": f"{MADE_UP}{frame['kind']}", "value": f"{message.namespace}/{frame['key']}"}]


def _is_beside(message: _Message, frame: Frame, path: str) -> bool:
    """True for a path into another frame that does not hold this one."""
    return path.startswith("@") and message.above(frame, path[1:].partition(".")[0]) is None


def is_made_up(identifiers: Iterable[Mapping[str, Any]]) -> bool:
    """True where nothing in the message names the record: its name is the message's and its place in it."""
    return all(identifier["system"].startswith(MADE_UP) for identifier in identifiers)


def _identifiers(message: _Message, frame: Frame, paths: Iterable[str]) -> list[dict[str, Any]]:
    """Identifiers at paths such as `identifiers`, `identifiers[placer]`, `instance`, without repetition."""
    found: list[dict[str, Any]] = []
    for path in paths:
        name, _, wanted = (path, "", "") if "=" in path else path.rstrip("]").partition("[")
        value = message.value(frame, name)
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, Mapping):
                continue
            if "identifiers" in item and "kind" in item:
                items = [dict(i) for i in item["identifiers"]]
            else:
                items = [dict(item)] if "value" in item and "system" in item else []
            for identifier in items:
                type_ = identifier.get("type")
                if (wanted and type_ != wanted) or identifier["system"] == UNASSIGNED:
                    continue
                if not wanted and name == "identifiers" and frame["kind"] != "order" and type_ in NAMING_TYPES:
                    continue
                if identifier not in found:
                    found.append(identifier)
    return found


def _text(value: Any) -> str:
    """One text for a code or scalar, as part of a derived name."""
    if isinstance(value, Mapping):
        codings = value.get("codings")
        if codings:
            return str(codings[0].get("code") or codings[0].get("display"))
        return str(value.get("text") or value.get("value") or "")
    return "" if value is None else str(value)


def _reach(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for name, selector in _steps(path):
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(name) if isinstance(value, Mapping) else None
        if selector and value is not None:
            value = _selected(_as_list(value), selector) or None
    return value


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[tuple[str, str], ...]:
    """Names of a path, each with what it selects by."""
    parts = (step.removesuffix("]").partition("[") for step in split_path(path))
    return tuple((name, selector) for name, _, selector in parts)


def _selected(items: Iterable[Any], selector: str) -> list[Any]:
    """Items that have a constant in a field (`type=x`), or have not (`type!=x`)."""
    field, mark, wanted = selector.partition("!=") if "!=" in selector else selector.partition("=")
    return [i for i in items if isinstance(i, Mapping) and (str(i.get(field)) == wanted) is (mark == "=")]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _as_map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def check(name: str, data: Mapping[str, Any], types: Mapping[str, str]) -> list[TableFault]:
    """Faults of a map's `on:` rows against the event catalogue. `types`: event type -> kind it is about."""
    faults = []
    for kind, rows in (data.get("on") or {}).items():
        for row in rows:
            for event in row.get("events", ()):
                entry = event if isinstance(event, Mapping) else {"event": event}
                about = types.get(entry["event"])
                if about is None:
                    faults.append(TableFault(name, f"on {kind}", f"no event type {entry['event']!r} in the catalogue"))
                elif about and about != entry.get("about_kind", kind):
                    faults.append(
                        TableFault(
                            name, f"on {kind}", f"{entry['event']} is about a {about}: say `about_kind: {about}`"
                        )
                    )
    return faults
