"""Frames to assertions (`on:`), one-way: which facts a message states. Closed, total, and blind to the hub's state.

An assertion is an event without its envelope: `{type, frame, about, set, clear, occurred}`. A reference to a frame of
the same message becomes the names of that frame's record. A subject keeps its frame key: only the vault may name it.
Where nothing names what an event is about, `about.identifiers` is empty: no fact comes of it, and who asked tells so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Message:
    """The frames of a message by key, with the way up from each and the names of their records."""

    data: Mapping[str, Any]
    frames: Mapping[str, Frame]
    head: Mapping[str, Any]
    namespace: str
    _named: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _firsts: dict[str, dict[str, Frame]] = field(default_factory=dict)

    def names(self, key: str) -> list[dict[str, Any]]:
        """What names the record of a frame; found when something asks for it."""
        found = self._named.get(key)
        if found is None:
            found = self._named[key] = _names(self.data, self, self.frames[key])
        return found

    def holder(self, frame: Frame, kind: str) -> Frame | None:
        """The nearest frame of a kind: this one, one above, or the first one inside the nearest of those above."""
        above = self.above(frame, kind)
        if above is not None:
            return above
        first = self._first_inside(kind)
        return next((first[key] for key in (*self._chain(frame), "") if key in first), None)

    def _first_inside(self, kind: str) -> Mapping[str, Frame]:
        """Key of a frame -> the first frame of a kind inside it; the first of all at the empty key."""
        found = self._firsts.get(kind)
        if found is None:
            found = self._firsts[kind] = {}
            for other in self.frames.values():
                if other["kind"] == kind:
                    for key in (*self._chain(other), ""):
                        found.setdefault(key, other)
        return found

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
        """A value by path (`_getter`)."""
        return _getter(path)(self, frame)


@lru_cache(maxsize=4096)
def _getter(path: str) -> Callable[[_Message, Frame], Any]:
    """What finds a value by path: of a frame, of `message.`, or of the nearest frame of a kind
    (`@report.observed.start`).

    `#` is the count that tells frames of one key apart (the second is `2`). A step may select: `sources[type=x]`
    takes the items whose `type` is x, `containers[system!=x]` the others.
    """
    if path == "#":
        return lambda _, frame: frame["key"].rpartition("#")[2] if "#" in frame["key"].rpartition("/")[2] else None
    if path.startswith("message."):
        of_head = _steps(path[8:])
        return lambda message, _: _reach(message.head, of_head)
    if path.startswith("@"):
        kind, _, rest = path[1:].partition(".")
        below = _steps(rest)
        return lambda message, frame: _reach(found["set"], below) if (found := message.holder(frame, kind)) else None
    steps = _steps(path)
    if len(steps) == 1 and not steps[0][1]:
        return lambda _, frame: frame["set"].get(path)
    return lambda _, frame: _reach(frame["set"], steps)


def assertions(data: Mapping[str, Any], frames: Sequence[Frame], namespace: str) -> list[Assertion]:
    """The facts that a message asserts, in the order of its frames.

    `data` is the message map; `namespace` names the message (partner and message id) for records that nothing in the
    message names.
    """
    by_key = {frame["key"]: frame for frame in frames}
    head: Frame = next((frame["set"] for frame in frames if frame["kind"] == "message"), {})
    message = _Message(data, by_key, head, namespace)
    on = data.get("on", {})
    out: list[Assertion] = []
    for frame in frames:
        row = _first_row(on.get(frame["kind"], ()), message, frame)
        for event in row.get("events", ()) if row else ():
            out += _assert(data, message, frame, {"event": event} if isinstance(event, str) else event)
    return out


def _first_row(rows: Iterable[Mapping[str, Any]], message: _Message, frame: Frame) -> Mapping[str, Any] | None:
    for row in rows:
        when = row.get("when")
        if not when or all(_holds(message.value(frame, path), wanted) for path, wanted in when.items()):
            return row
    return None


def _holds(value: Any, wanted: Any) -> bool:
    """True where a value is one of those wanted: `*` is any, `!` that there is none."""
    if wanted == "*":
        return value is not None
    choices = wanted if isinstance(wanted, list) else [wanted]
    if value is None:
        return "!" in choices
    values = value if isinstance(value, list) else [value]
    return any((str(v).lower() if isinstance(v, bool) else v) in choices for v in values)


def _assert(data: Mapping[str, Any], message: _Message, frame: Frame, event: Mapping[str, Any]) -> Iterator[Assertion]:
    kind = event.get("about_kind", frame["kind"])
    if "with" in event and all(message.value(frame, path) is None for path in _as_list(event["with"])):
        return
    if "for_each" in event:
        for item in _all(message, frame, event["for_each"]):
            narrowed = {**frame, "set": {**frame["set"], "each": item}}
            rest = {key: value for key, value in event.items() if key not in {"for_each", "with"}}
            yield from _assert(data, message, narrowed, rest)
        return
    if "about" in event:
        paths = event["about"] if isinstance(event["about"], list) else [event["about"]]
        identifiers = _identifiers(message, frame, paths)
    else:
        identifiers = message.names(frame["key"])
    if "set" in event:
        chosen = dict(_placed(name, _chosen(message, frame, path)) for name, path in event["set"].items())
        chosen.update(event.get("constants", {}))
        values = {name: value for name, value in chosen.items() if value is not None}
        clear: list[str] = []
    else:
        values = {name: value for name, value in frame["set"].items() if name not in _OF_FRAME}
        values.update(event.get("constants", {}))
        clear = list(frame.get("clear", ()))
    for name, paths in _as_map(data.get("belongs", {}).get(kind)).items():
        if name not in values and (ref := _identifiers(message, frame, _as_list(paths))):
            values[name] = {"kind": name, "identifiers": ref}
    about: dict[str, Any] = {"kind": kind, "identifiers": identifiers}
    if kind == VAULT_KIND:
        about = {"kind": kind, "frame": frame["key"]}
    yield {
        "type": event["event"],
        "frame": frame["key"],
        "about": about,
        "set": {
            name: named
            for name, value in values.items()
            if (named := value if type(value) is str or (kind, name) in _BARE else _named(value, name, message))
            is not None
        },
        "clear": clear,
        "occurred": _occurred(data, message, frame, event),
    }


def _placed(name: str, value: Any) -> tuple[str, Any]:
    """A field and its value; a name that ends in `[]` is a list of that one value."""
    if name.endswith("[]"):
        return name[:-2], None if value is None else [value]
    return name, value


def _chosen(message: _Message, frame: Frame, path: Any) -> Any:
    """A field of an event: at a path, at the first of several that has one, or as references (`{kind: paths}`).

    A reference at one path to one thing is one reference; otherwise they are a list.
    """
    if isinstance(path, Mapping):
        if len(path) == 1 and isinstance(value := message.value(frame, str(*path.values())), dict):
            return {"kind": str(*path), "identifiers": [value]}
        found = ((kind, item) for kind, paths in path.items() for item in _all(message, frame, paths))
        return [{"kind": kind, "identifiers": [item]} for kind, item in found] or None
    values = (message.value(frame, one) for one in _as_list(path))
    return next((value for value in values if value is not None), None)


def _all(message: _Message, frame: Frame, paths: Any) -> list[Any]:
    """What stands at one path or several, one after the other."""
    return [item for path in _as_list(paths) for item in _as_list(message.value(frame, path))]


def _named(value: Any, name: str, message: _Message) -> Any:
    """A value with its frame links turned into named records; None where it refers to a record that nothing names.

    What refers to nothing is the frame's own value, not a copy.
    """
    if isinstance(value, list):
        kept = [named for item in value if (named := _named(item, name, message)) is not None]
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
        return {"kind": target["kind"], "identifiers": message.names(target["key"])}
    if name in _LINK_KINDS and "system" in value and "value" in value and "kind" not in value:
        return None if value["system"] == UNASSIGNED else {"kind": _LINK_KINDS[name], "identifiers": [value]}
    for item in value.values():
        if type(item) is not str:
            break
    else:
        return value
    return {
        key: named
        for key, item in value.items()
        if (named := item if type(item) is str else _named(item, key, message)) is not None
    }


_OF_FRAME = frozenset({"action", "identifiers"})
"""Fields of a frame that are no record's."""
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

_BARE = frozenset({("material", "shipment")})
"""Fields of a kind that hold the bare identifier itself."""


def is_link(name: str, value: Any) -> bool:
    """True for a field that names the record itself, or another one by its identifiers."""
    items = value if isinstance(value, list) else [value]
    return name == "identifiers" or name in _LINK_KINDS or any(isinstance(i, dict) and "kind" in i for i in items)


def _occurred(data: Mapping[str, Any], message: _Message, frame: Frame, event: Mapping[str, Any]) -> Any:
    """The first time that is stated among the paths of the event, of the map, or the message's own."""
    own, usual = _as_list(event.get("occurred")), _as_list(data.get("occurred", {}).get(frame["kind"]))
    for path in (*own, *usual, "message.occurred_at", "message.sent_at", "message.recorded_at"):
        value = message.value(frame, path)
        if isinstance(value, dict) and "at" in value:
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
        name, wanted = _naming(path)
        value = message.value(frame, name)
        for item in value if isinstance(value, list) else (value,):
            if not isinstance(item, dict):
                continue
            if "identifiers" in item and "kind" in item:
                items = item["identifiers"]
            else:
                items = (item,) if "value" in item and "system" in item else ()
            for identifier in items:
                type_ = identifier.get("type")
                if (wanted and type_ != wanted) or identifier["system"] == UNASSIGNED:
                    continue
                named = name.partition("[")[0] == "identifiers" and not wanted
                if named and frame["kind"] != "order" and type_ in NAMING_TYPES:
                    continue
                if identifier not in found:
                    found.append(dict(identifier))
    return found


@lru_cache(maxsize=4096)
def _naming(path: str) -> tuple[str, str]:
    """The field of a naming path, and the type of identifier that it takes: `identifiers[placer]`."""
    name, _, wanted = (path, "", "") if "=" in path else path.rstrip("]").partition("[")
    return name, wanted


def _text(value: Any) -> str:
    """One text for a code or scalar, as part of a derived name."""
    if isinstance(value, dict):
        codings = value.get("codings")
        if codings:
            return str(codings[0].get("code") or codings[0].get("display"))
        return str(value.get("text") or value.get("value") or "")
    return "" if value is None else str(value)


def _reach(record: Mapping[str, Any], steps: tuple[tuple[str, str], ...]) -> Any:
    value: Any = record
    for name, selector in steps:
        if isinstance(value, list):
            value = value[0] if value else None
        value = value.get(name) if isinstance(value, dict) else None
        if selector and value is not None:
            value = _selected(_as_list(value), selector) or None
    return value


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[tuple[str, str], ...]:
    """Names of a path, each with what it selects by."""
    parts = (step.removesuffix("]").partition("[") for step in split_path(path))
    return tuple((name, selector) for name, _, selector in parts)


def _selected(items: Iterable[Any], selector: str) -> list[Any]:
    """Items that have a constant in a field (`type=x`, one of several: `type=x|y`), or have not (`type!=x`); `type=`
    takes those that have none."""
    field, mark, wanted = selector.partition("!=") if "!=" in selector else selector.partition("=")
    said = ((item, item.get(field)) for item in items if isinstance(item, Mapping))
    choices = wanted.split("|")
    return [item for item, value in said if (("" if value is None else str(value)) in choices) is (mark == "=")]


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
