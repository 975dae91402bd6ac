"""FHIR's references and what they name: a frame of the same document, a record, or somebody's identifier.

A reference inside the document (`urn:uuid`, `Patient/1`, `#contained`) is `{"frame": key}`. Every other one names its
record by identifiers: a resource of a server is `{system: <server>/Patient, value: 1, type: resource}`, a logical
reference is the identifier that it holds. Where nobody said which server `Patient/1` is on, it names nothing by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.fhir_r4.context import Document
from adapters.fhir_r4.identifiers import ANY_URI, RESOURCE, UNASSIGNED, read_identifier, write_identifier
from adapters.fhir_r4.pieces import KINDS as KINDS
from adapters.fhir_r4.pieces import KINDS_OF, TYPES, kind_of
from mappings.faults import Unreadable

Value = dict[str, Any]

PERSONS = frozenset({"", "Practitioner", "PractitionerRole", "Patient", "RelatedPerson"})
"""Types that may stand for a person at work; without a type it is taken to be one."""

_IDS = re.compile(r"[A-Za-z0-9.\-]{1,64}", re.ASCII)
_LITERAL = re.compile(
    r"(?:(?P<server>https?://\S+)/)?(?P<type>[A-Z][A-Za-z]{2,40})/(?P<id>[A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?",
    re.ASCII,
)


class Resolver(Protocol):
    """The server's own resources: what `Patient/1` is, and where a record is read. Given by the hub's FHIR API."""

    def record(self, reference: str) -> Mapping[str, Any] | None:
        """`{kind, identifiers}` of a resource such as `Patient/1`, or None where the server has no such resource."""
        ...

    def reference(self, record: Mapping[str, Any]) -> str | None:
        """`Patient/1` for `{kind, identifiers}`, or None where the server has no resource of it."""
        ...


def parse(text: str, m: Document) -> tuple[str, Value] | None:
    """The resource type and the identifier of a literal reference; None for one inside its own resource (`#…`)."""
    if text.startswith("#"):
        return None
    found = _LITERAL.fullmatch(text)
    if found is None:
        return "", {"system": ANY_URI, "value": text, "type": RESOURCE}
    server = found["server"] or m.server
    if not server:
        return found["type"], {
            "system": UNASSIGNED,
            "value": f"{found['type']}/{found['id']}",
            "type": RESOURCE,
            "assumed": True,
        }
    return found["type"], {"system": f"{server}/{found['type']}", "value": found["id"], "type": RESOURCE}


def address(identifier: Mapping[str, Any], m: Document) -> str | None:
    """The literal reference of a resource's identifier: relative on the server that is spoken with.

    None for a resource of an unnamed server, and for one that has no address of the web. Raises Unreadable where the
    value is no id.
    """
    system, value = str(identifier["system"]), str(identifier["value"])
    if system == ANY_URI:
        return value
    if system == UNASSIGNED:
        return None if m.server else value
    if not _IDS.fullmatch(value):
        raise Unreadable("no-home", "an id has up to 64 letters, digits, hyphens and dots")
    server, _, type_ = system.rpartition("/")
    if server == m.server:
        return f"{type_}/{value}"
    return f"{system}/{value}" if system.startswith(("http://", "https://")) else None


# ---- Reference as an identifier (people, organisations, devices) ----------------------------------------------


def type_of(reference: Any, m: Document) -> str:
    """Type of the resource that a Reference names, or an empty text. Raises Unreadable where it is no Reference."""
    if not isinstance(reference, dict):
        raise Unreadable("shape", "a reference is an object")
    literal = reference.get("reference")
    found = parse(m.text(literal), m) if literal is not None else None
    if found is not None and found[0]:
        return found[0]
    return m.text(reference["type"]) if reference.get("type") is not None else ""


def identifier_of(reference: Any, m: Document) -> Value | None:
    """What a Reference identifies: the logical identifier where it has one, else the resource's address."""
    if not isinstance(reference, dict):
        raise Unreadable("shape", "a reference is an object")
    if reference.get("identifier") is not None and (named := read_identifier(reference["identifier"], m)):
        return named
    literal = reference.get("reference")
    found = parse(m.text(literal), m) if literal is not None else None
    return found[1] if found else None


def naming(identifier: Mapping[str, Any] | None, m: Document, type_: str = "") -> Value:
    """A Reference to what an identifier identifies."""
    if not identifier:
        return {}
    if identifier.get("type") == RESOURCE:
        text = address(identifier, m)
        return {"reference": text} if text else {}
    logical = {"identifier": write_identifier(dict(identifier), m)}
    return {"type": type_, **logical} if type_ else logical


# ---- a resource's own id --------------------------------------------------------------------------------------


def read_id(value: Any, m: Document) -> Value | None:
    """The id of a resource, as the identifier under which its server knows it."""
    found = parse(f"{m.resource}/{m.text(value)}", m)
    if found is None or found[0] != m.resource:
        raise Unreadable("id-unreadable", "an id has up to 64 letters, digits, hyphens and dots")
    return found[1]


def write_id(value: Mapping[str, Any], m: Document) -> str | None:
    """The id, where the identifier is this server's; another server's id is none of this one's business."""
    text, prefix = address(value, m) or "", f"{m.resource}/"
    return text.removeprefix(prefix) if text.startswith(prefix) else None


# ---- Reference as a record ------------------------------------------------------------------------------------


@dataclass(slots=True)
class References:
    """The references of one document, both ways (the `refs` of its context)."""

    m: Document
    resolver: Resolver | None = None
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    """(holder or "", reference text) -> place of a part of the document."""
    keys: dict[str, str] = field(default_factory=dict)
    """Place -> frame key, once the keys are known."""
    written: dict[str, str] = field(default_factory=dict)
    """Frame key -> the reference text that leads to it."""
    others: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Frames by key, for those that have no resource in the document."""
    holders: dict[str, str] = field(default_factory=dict)
    """Place of a contained resource -> place of the resource that holds it."""
    _links: list[Value] = field(default_factory=list)

    def keyed(self, keys: Sequence[tuple[str, str]], texts: Mapping[str, str]) -> None:
        """Turns places into frame keys, in all links that were read so far. `texts`: place -> reference text."""
        self.keys = dict(keys)
        for link in self._links:
            link["frame"] = self.keys[link["frame"]]
        self._links.clear()
        self.written = {self.keys[place]: text for place, text in texts.items() if place in self.keys}

    def read(self, reference: Any, kinds: tuple[str, ...]) -> Value | None:
        """A link to a frame, or a named record of one of the kinds; None where it is of another kind."""
        if not isinstance(reference, dict):
            raise Unreadable("shape", "a reference is an object")
        literal = reference.get("reference")
        identifiers: list[Value] = []
        kind = _one_of(self.m.text(reference["type"]), kinds) if reference.get("type") is not None else None
        if literal is not None:
            inside = self._inside(self.m.text(literal))
            if inside is not None:
                return self._link(inside, kinds)
            if self.resolver is not None and _is_relative(literal):
                return self._resolve(literal, kinds)
            found = parse(literal, self.m)
            if found is None:
                return None
            kind = _one_of(found[0], kinds) if found[0] else kind
            identifiers.append(found[1])
        if reference.get("identifier") is not None and (logical := read_identifier(reference["identifier"], self.m)):
            identifiers.append(logical)
        if kind is None and len(kinds) == 1:
            kind = kinds[0]
        if not identifiers or kind not in kinds:
            return None
        return {"kind": kind, "identifiers": identifiers}

    def _inside(self, literal: str) -> str | None:
        here = self.m.place
        scope = self.holders.get(here, here) if literal.startswith("#") else ""
        return self.places.get((scope, literal))

    def _link(self, place: str, kinds: tuple[str, ...]) -> Value | None:
        if kind_of(place.partition("[")[0]) not in kinds:
            return None
        link: Value = {"frame": self.keys.get(place, place)}
        if not self.keys:
            self._links.append(link)
        return link

    def _resolve(self, literal: str, kinds: tuple[str, ...]) -> Value | None:
        assert self.resolver is not None
        record = self.resolver.record(literal)
        if record is None:
            raise Unreadable("reference-unknown", "refer to a resource that this server has, or by identifier")
        return dict(record) if record["kind"] in kinds else None

    def write(self, value: Mapping[str, Any], kinds: tuple[str, ...]) -> Value:
        """A Reference: inside the document, on the server that is spoken with, or by identifier."""
        if "frame" in value:
            text = self.written.get(value["frame"])
            if text is not None:
                return {"reference": text}
            return self._logical(kinds[0], self._names_of(value["frame"]))
        if self.resolver is not None and (text := self.resolver.reference(value)):
            return {"reference": text}
        return self._logical(value["kind"], value["identifiers"])

    def _names_of(self, key: str) -> Sequence[Mapping[str, Any]]:
        frame = self.others.get(key)
        return frame["set"].get("identifiers") or () if frame else ()

    def _logical(self, kind: str, identifiers: Sequence[Mapping[str, Any]]) -> Value:
        out: Value = {}
        for identifier in identifiers:
            if identifier.get("type") == RESOURCE:
                if text := address(identifier, self.m):
                    out.setdefault("reference", text)
            elif "identifier" not in out:
                out["identifier"] = write_identifier(dict(identifier), self.m)
        if not out:
            raise Unreadable("no-home", "what is referred to has neither a resource here nor an identifier")
        if "reference" not in out and kind in TYPES:
            out["type"] = TYPES[kind]
        return out


def _one_of(type_: str, kinds: tuple[str, ...]) -> str:
    """The one of some kinds that a resource type names; an empty text where it names none or several of them."""
    found = [kind for kind in KINDS_OF.get(type_, ()) if kind in kinds]
    return found[0] if len(found) == 1 else ""


def _is_relative(literal: str) -> bool:
    found = _LITERAL.fullmatch(literal)
    return found is not None and found["server"] is None
