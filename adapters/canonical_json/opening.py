"""A message in the canonical form, held against the published model and taken apart into frames. Writes none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from adapters import times
from adapters.canonical_json.facts_map import BESIDE
from adapters.json_text import Num
from adapters.reading import Unparsable, Unsupported, bounded
from canonical_model import BASE
from canonical_model.catalogue import EVENTS
from canonical_model.frames import frame_model
from canonical_model.ids import normal_system
from canonical_model.records import FRAME_FIELDS, RECORDS
from canonical_model.values import When
from mappings.faults import Fault

Frame = dict[str, Any]

SUBJECT_SYSTEM = f"{BASE}/id/subject"
"""System of the tokens by which the log knows a person: what partners are told instead of record numbers."""
MAX_FAULTS = 50
_TYPE = re.compile(r"[a-z][a-z-]{0,30}\.[a-z][a-z-]{0,30}", re.ASCII)
_KEY = re.compile(r"[a-z_]{1,40}", re.ASCII)
_STANDS_FOR = frozenset({"frame", "sealed", "actor"})
_CHOICES = frozenset({"FrameLink", "Sealed", "Actor"})
"""Models of those, of which no fault is told: they are no choice here."""
_NO_FIELD = frozenset({"identifiers", *FRAME_FIELDS})
"""Names of a frame that are no part of what a fact sets: they stand in `about`, or in the type."""


@dataclass(slots=True)
class Opened:
    """A message taken apart. With a fault its frames are not to be used."""

    type: str
    frames: list[Frame]
    faults: list[Fault]


def opened(tree: Any, zone: str) -> Opened:
    """The fact of a message. Raises Unparsable where it has no such shape, Unsupported for an unknown type."""
    type_, data = _head(tree)
    found = _Opening(data, zone)
    frames = found.frames(type_, tree.get("timestamp"))
    faults = list(dict.fromkeys(found.faults))
    return Opened(type_, frames, bounded(faults, "data", MAX_FAULTS))


def _head(tree: Any) -> tuple[str, dict[str, Any]]:
    if not isinstance(tree, dict):
        raise Unparsable("canonical-shape", "message", "send a JSON object with type, timestamp and data")
    type_ = tree.get("type")
    if type(type_) is not str:
        raise Unparsable("canonical-shape", "type", "name a type of the event catalogue (docs/catalogue.md)")
    if type_ not in EVENTS:
        named = type_ if _TYPE.fullmatch(type_) else ""
        raise Unsupported(named, "type", "name a type of the event catalogue (docs/catalogue.md)")
    data = tree.get("data")
    if not isinstance(data, dict):
        raise Unparsable("canonical-shape", "data", "send an object with about, set and what else the fact says")
    return type_, data


class _Opening:
    """The data of one message while it is taken apart; collects every fault."""

    def __init__(self, data: Mapping[str, Any], zone: str) -> None:
        self._data, self._zone = data, zone
        self._persons: list[Frame] = []
        self.faults: list[Fault] = []

    def frames(self, type_: str, timestamp: Any) -> list[Frame]:
        """The message, the record, the order beside it, and the persons that the fact refers to by number."""
        head: Frame = {"kind": "message", "key": "message", "set": {"code": type_}}
        if occurred := self._occurred(timestamp):
            head["set"]["occurred_at"] = occurred
        kind = self._kind(EVENTS[type_].about)
        if kind is None:
            return []
        record = self._record(kind)
        beside = self._beside(kind)
        return [head, *record, *beside, *self._persons]

    # ---- the parts --------------------------------------------------------------------------------------------

    def _occurred(self, timestamp: Any) -> Any:
        """When it happened: `occurred`, which says how much of it is known, or else the timestamp."""
        if "occurred" in self._data:
            said = _plain(self._data["occurred"])
            self._nulls(said, "data.occurred")
            self._fit(lambda: When.model_validate(_stated(said)), said, "data.occurred")
            return said
        try:
            if type(timestamp) is str:
                return times.read_iso(timestamp, self._zone)
        except ValueError:
            pass
        self.faults.append(_fault("time-unreadable", "timestamp", "write YYYY-MM-DDThh:mm:ss+hh:mm"))
        return None

    def _kind(self, wanted: str) -> str | None:
        about = self._data.get("about")
        if not isinstance(about, dict):
            self.faults.append(_fault("required", "data.about", "name the record: kind and identifiers"))
            return None
        self.faults += [_unknown(f"data.about.{_said(key)}") for key in about if key not in {"kind", "identifiers"}]
        kind = about.get("kind")
        if type(kind) is not str or kind not in RECORDS or (wanted and kind != wanted):
            meant = f"a {wanted}" if wanted else "a record of the model"
            self.faults.append(_fault("value", "data.about.kind", f"this type is about {meant}"))
            return None
        return kind

    def _record(self, kind: str) -> list[Frame]:
        """The record's frame as the fact states it; a person's with the numbers that only the vault may keep."""
        values = self._object("set")
        for name in sorted(_NO_FIELD & values.keys()):
            self.faults.append(_unknown(f"data.set.{name}"))
        values = {name: value for name, value in values.items() if name not in _NO_FIELD}
        clear = _plain(self._data.get("clear", []))
        names = _plain(self._data["about"].get("identifiers", []))
        frame: Frame = {"kind": kind, "key": kind, "set": {"identifiers": names, **values}, "clear": clear}
        self._model(frame, {"identifiers": "data.about.identifiers", "": "data.set", "clear": "data.clear"})
        if self.faults:
            return []
        if not names:
            self.faults.append(_fault("required", "data.about.identifiers", "name the record by an identifier"))
        frame["set"] = {name: self._with_persons(value, f"data.set.{name}") for name, value in frame["set"].items()}
        if not clear:
            del frame["clear"]
        if kind != "subject":
            return [frame]
        del frame["set"]["identifiers"]
        if any(map(_is_token, names)):
            remedy = "name the person by a record number: a token names nobody to the vault"
            self.faults.append(_fault("person-unnamed", "data.about.identifiers", remedy))
        return [frame, _identity(kind, names)]

    def _beside(self, kind: str) -> list[Frame]:
        """The order that the fact is of."""
        if "order" not in self._data:
            return []
        whole = self._object("order")
        said = {name: whole[name] for name in ("identifiers", "state") if name in whole}
        frame = {"kind": "order", "key": f"{kind}/order#{BESIDE}", "parent": kind, "set": said}
        for name, value in whole.items():
            if name not in said and (name, value) != ("kind", "order"):
                self.faults.append(_unknown(f"data.order.{_said(name)}"))
        self._model(frame, {"": "data.order"})
        if not said.get("identifiers"):
            self.faults.append(_fault("required", "data.order.identifiers", "name the order by an identifier"))
        return [frame]

    def _object(self, name: str) -> dict[str, Any]:
        """A part that is an object; one that a fact leaves out is empty."""
        part = self._data.get(name, {})
        if isinstance(part, dict):
            plain: dict[str, Any] = _plain(part)
            return plain
        self.faults.append(_fault("shape", f"data.{name}", "send an object"))
        return {}

    # ---- against the model ------------------------------------------------------------------------------------

    def _model(self, frame: Frame, places: Mapping[str, str]) -> None:
        """Holds a frame against its published schema; `places` says where its parts stand in the message."""

        def place(steps: Sequence[str | int]) -> str:
            first, *rest = steps or ("",)
            if first == "set" and rest and rest[0] in places:
                return _joined(places[str(rest[0])], _counted(rest[1:], frame["set"].get(rest[0])))
            if first == "set":
                return _joined(places[""], _counted(rest, frame["set"]))
            return _joined(places.get(str(first), "data"), _counted(rest, frame.get(str(first))))

        for name, value in frame["set"].items():
            above = place(("set", name))
            self._nulls(value, above)
            self.faults += [_link(_joined(above, steps)) for steps in _links(value)]
        if "clear" in frame:
            self._nulls(frame["clear"], places["clear"])
        stated = _stated(frame)
        self._fit(lambda: frame_model(frame["kind"]).model_validate(stated), frame, "", place)

    def _nulls(self, value: Any, place: str) -> None:
        self.faults += [
            _fault("value", _joined(place, steps), "leave out what is not stated; null is not used")
            for steps in _empty(value)
        ]

    def _fit(self, validate: Any, tree: Any, above: str, place: Any = None) -> None:
        before = len(self.faults)
        try:
            validate()
        except ValidationError as wrong:
            for error in wrong.errors(include_url=False, include_context=False):
                steps = error["loc"]
                echo = error["type"] == "too_short" and error["input"]  # its items have faults of their own
                if not echo and not _CHOICES.intersection(steps):
                    at = place(steps) if place is not None else _joined(above, _counted(steps, tree))
                    self.faults.append(_misfit(error["type"], at))
            if len(self.faults) == before:
                self.faults.append(_misfit("", above or "data"))

    # ---- persons ----------------------------------------------------------------------------------------------

    def _with_persons(self, value: Any, place: str) -> Any:
        """A value whose persons, named by record numbers, are frames of their own: only the vault may name them."""
        if isinstance(value, list):
            return [self._with_persons(item, f"{place}[{count}]") for count, item in enumerate(value, 1)]
        if not isinstance(value, dict):
            return value
        if value.get("kind") == "subject" and "identifiers" in value:
            return self._person(value, place)
        return {name: self._with_persons(inner, f"{place}.{name}") for name, inner in value.items()}

    def _person(self, ref: dict[str, Any], place: str) -> dict[str, Any]:
        names = ref["identifiers"]
        tokens = [name for name in names if _is_token(name)]
        if len(tokens) == len(names):
            return ref
        if tokens:
            self.faults.append(_fault("person-unnamed", place, "name the person by tokens or by numbers, not by both"))
        key = f"subject#{len(self._persons) // 2 + 1}"
        self._persons += [{"kind": "subject", "key": key, "set": {}}, _identity(key, names)]
        return {"frame": key}


def _identity(key: str, names: Any) -> Frame:
    return {"kind": "identity", "key": f"{key}/identity", "parent": key, "set": {"identifiers": names}}


def _is_token(identifier: Mapping[str, Any]) -> bool:
    return normal_system(identifier["system"]) == SUBJECT_SYSTEM


# ---- faults ---------------------------------------------------------------------------------------------------

_REMEDIES = {
    "missing": ("required", "this is missing"),
    "extra_forbidden": ("unknown-element", "the model has no such field; see the published schema"),
}


def _misfit(kind: str, place: str) -> Fault:
    code, remedy = _REMEDIES.get(kind, ("value", "it does not fit the published schema; see the record's"))
    return Fault(code, place, remedy, severity="error")


def _fault(code: str, place: str, remedy: str) -> Fault:
    return Fault(code, place, remedy, severity="error")


def _unknown(place: str) -> Fault:
    return _misfit("extra_forbidden", place)


def _link(place: str) -> Fault:
    remedy = "say it here, or name the record by kind and identifiers: what stands for it elsewhere is not looked up"
    return _fault("reference", place, remedy)


def _said(key: str) -> str:
    """A name in the message as a place may have it: one that the sender made up is not repeated."""
    return key if _KEY.fullmatch(key) else "…"


def _joined(above: str, steps: Iterable[str]) -> str:
    """A place and the way on from there: `data.set.contents[2].kind`."""
    return above + "".join(step if step.startswith("[") else f".{step}" for step in steps)


def _counted(steps: Iterable[str | int], tree: Any) -> list[str]:
    """Steps that lead somewhere in a tree, list items counted from 1; what names a choice of the model is left out."""
    told: list[str] = []
    last: Sequence[str | int] = list(steps)
    for number, step in enumerate(last, 1):
        if isinstance(step, int) and isinstance(tree, list) and step < len(tree):
            tree = tree[step]
            told.append(f"[{step + 1}]")
        elif isinstance(step, str) and isinstance(tree, dict) and step in tree:
            tree = tree[step]
            told.append(_said(step))
        elif number == len(last) and isinstance(step, str) and isinstance(tree, dict) and _KEY.fullmatch(step):
            told.append(step)
    return told


# ---- trees ----------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """A value with its whole numbers as such; any other JSON number becomes what no field of the model takes."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Num):
        return int(value) if len(value) < 16 and value.lstrip("-").isdigit() else float("nan")
    return value


def _stated(value: Any) -> Any:
    """A value without its nulls, whose faults are told by themselves."""
    if isinstance(value, dict):
        return {key: _stated(inner) for key, inner in value.items() if inner is not None}
    return [_stated(item) for item in value if item is not None] if isinstance(value, list) else value


def _empty(value: Any) -> Iterator[list[str]]:
    """Places of null."""
    if value is None:
        yield []
    for step, inner in _inner(value):
        yield from ([step, *rest] for rest in _empty(inner))


def _links(value: Any) -> Iterator[list[str]]:
    """Places of what stands for something else: frames, which a message in this form has one of, and the hub's tokens.

    A token is a key to what somebody else has said: who sends one could have it opened for others.
    """
    if isinstance(value, dict) and len(value) == 1 and value.keys() <= _STANDS_FOR:
        yield []
        return
    for step, inner in _inner(value):
        yield from ([step, *rest] for rest in _links(inner))


def _inner(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((_said(key), inner) for key, inner in value.items())
    elif isinstance(value, list):
        yield from ((f"[{count}]", inner) for count, inner in enumerate(value, 1))
