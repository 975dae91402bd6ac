"""What every codec of B2MML stands on: a document's context, its leaves, and names of things. No values, no times.

A leaf is a text, or a dict with its text under `#text` beside its attributes; an empty element says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from canonical_model.identifiers import UNASSIGNED, from_uri
from canonical_model.ids import COI_SYSTEM
from mappings.faults import Fault, Unreadable
from mappings.runtime import Codec, Context

Value = dict[str, Any]

ID_SCHEME, VALUE_SCHEME, CODE_SCHEME = "@schemeURI", "@schemaURI", "@listURI"
"""Attributes that say whose names they are: of an identifier, of a ValueString, of a code."""
DIN_SYSTEM = "https://www.isbt128.org/uri/DonationIdentificationNumber"
NAMING = frozenset({"CoI", "Chain of Identity"})
"""IDs of properties and data that name the therapy order."""
_URI = re.compile(r"(?:https?://|urn:)\S+", re.IGNORECASE)


@dataclass(slots=True)
class Element(Context):
    """A document's context."""

    def text(self, value: Any) -> str | None:
        """The text of a leaf; None where it says nothing. Raises Unreadable where it has children.

        A lone dash says nothing: it fills what V0700 asks for and nobody said.
        """
        if isinstance(value, Mapping) and not any(key[:1] not in "@#" or key == "#xml" for key in value):
            value = value.get("#text", "")
        if not isinstance(value, str):
            raise Unreadable("shape", "a text is expected here, once")
        text = value.strip()
        return None if text in {"", "-"} else text

    def some(self, value: Any) -> str:
        """The text of a leaf that must say something."""
        text = self.text(value)
        if text is None:
            raise Unreadable("empty", "leave the element out, or say something in it")
        return text

    def word(self, value: Any) -> str | None:
        """A word of an enumeration; for `Other`, or nothing, the word that stands beside it in OtherValue."""
        text = self.text(value)
        other = str(value.get("@OtherValue", "")).strip() if isinstance(value, Mapping) else ""
        return other if other and (text is None or text.casefold() == "other") else text

    def code(self, table: str, word: str) -> str | None:
        """The canonical code of a word, however its letters are written; None where the table has no such word."""
        known = self.codes[table].forward
        if word in known:
            return known[word]
        same = " ".join(word.casefold().split())
        return next((code for wire, code in known.items() if wire.casefold() == same), None)

    def unknown(self, table: str, at: str) -> None:
        """Tells of a word that no row of a table has, at its own element."""
        remedy = f"not in code table {table}; add it to the partner's code table"
        self.faults.append(Fault("code-unknown", f"{self.place}-{at}", remedy))


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def first(tree: Mapping[str, Any], key: str) -> Any:
    return next(iter(items(tree.get(key))), None)


# ---- names ----------------------------------------------------------------------------------------------------


def read_identifier(value: Any, m: Element, system: str = "") -> Value | None:
    """An Identifier: of a URI, of a text whose scheme names its system, or of the system that is assumed.

    A scheme is a URI in schemeURI and its sisters, or a schemeID that the code table `scheme` knows.
    """
    text = m.text(value)
    if text is None:
        return None
    if not text.isprintable():
        raise Unreadable("identifier-unreadable", "an identifier has no invisible characters")
    if _URI.fullmatch(text):
        return _named(text)
    declared = scheme_of(value, m)
    if declared:
        return {"system": declared, "value": text}
    return {"system": system or m.system or UNASSIGNED, "value": text, "assumed": True}


def _named(uri: str) -> Value:
    try:
        return {**from_uri(uri)}
    except ValueError as wrong:
        raise Unreadable("identifier-unreadable", str(wrong)) from wrong


def scheme_of(value: Any, m: Element) -> str:
    """The name space that an element names; empty where it names none."""
    attributes = value if isinstance(value, Mapping) else {}
    for name in (ID_SCHEME, "@schemeDataURI", VALUE_SCHEME, CODE_SCHEME):
        if _URI.fullmatch(str(attributes.get(name, ""))):
            return str(attributes[name])
    table = m.codes.get("scheme")
    known = table.forward if table is not None else {}
    return known.get(str(attributes.get("@schemeID", "")), known.get(m.at.rpartition(".")[2].removesuffix("[]"), ""))


def write_identifier(value: Value, m: Element, system: str = "", scheme: str = ID_SCHEME) -> Any:
    """The bare value where its system is the one assumed, else with its system in an attribute."""
    text = str(value["value"])
    if not value.get("assumed") or value["system"] != (system or m.system or UNASSIGNED) or _URI.fullmatch(text):
        return {scheme: str(value["system"]), "#text": text}
    return text


def named(type_: str = "", system: str = "", scheme: str = ID_SCHEME) -> Codec:
    """The codec of an identifier of a type."""

    def read(value: Any, m: Element) -> Value | None:
        found = read_identifier(value, m, system)
        return {**found, "type": type_} if found and type_ else found

    def write(value: Value, m: Element) -> Any:
        return write_identifier(value, m, system, scheme)

    return Codec(read, write, raw=True)


def read_coi(value: Any, m: Element) -> Value | None:
    """The chain-of-identity identifier; a scanned label's `&/` (ISBT 128 structure 040) is no part of it."""
    found = read_identifier(value, m, COI_SYSTEM)
    return {**found, "value": found["value"].removeprefix("&/"), "type": "coi"} if found else None


def write_coi(value: Value, m: Element) -> Any:
    """A chain-of-identity identifier, always in a ValueString."""
    return write_identifier(value, m, COI_SYSTEM, VALUE_SCHEME)


_ORDER_NUMBERS = ("placer", "order", "filler")
"""Types of the number by which an order goes; the first that it has is written, its type as schemeID."""


def read_order_names(number: Any, consumed: Any, produced: Any, m: Element) -> list[Value] | None:
    """The names of an order: the number of the request, and the chain of identity of what goes in or comes out."""
    names = []
    found = read_identifier(number, m) if number is not None else None
    if found is not None:
        declared = str(number.get("@schemeID", "")) if isinstance(number, Mapping) else ""
        names.append({**found, "type": declared if declared in _ORDER_NUMBERS else "order"})
    cois = [coi for value in (consumed, produced) if value is not None and (coi := read_coi(value, m)) is not None]
    if cois and any(coi["value"] != cois[0]["value"] for coi in cois):
        raise Unreadable("places-disagree", "the materials of one request name different chains of identity")
    return names + cois[:1] or None


def write_order_names(value: list[Value], m: Element) -> tuple[Any, Any, Any]:
    numbers = [name for type_ in _ORDER_NUMBERS for name in value if name.get("type") == type_]
    cois = [name for name in value if name.get("type") == "coi"]
    for name in value:
        if name not in (*numbers[:1], *cois[:1]):
            m.no_home("", "order.identifiers", Unreadable("no-home", "a request has one number and one CoI"))
    coi = write_coi(cois[0], m) if cois else None
    return (_order_number(numbers[0], m) if numbers else None), coi, coi


def _order_number(name: Value, m: Element) -> Any:
    written = write_identifier(name, m)
    if name["type"] == "order":
        return written
    plain = written if isinstance(written, dict) else {"#text": written}
    return {"@schemeID": name["type"], **plain}


def link(kind: str, type_: str = "", system: str = "", scheme: str = ID_SCHEME) -> Codec:
    """The codec of a reference to a record by one name."""
    inner = named(type_, system, scheme)

    def read(value: Any, m: Element) -> Value | None:
        found = inner.read(value, m)
        return {"kind": kind, "identifiers": [found]} if found else None

    def write(value: Value, m: Element) -> Any:
        names = value.get("identifiers") or ()
        if not names or value.get("kind") != kind:
            raise Unreadable("no-home", f"a {kind} with a name is written here")
        return inner.write(next((n for n in names if type_ and n.get("type") == type_), names[0]), m)

    return Codec(read, write, raw=True)


_LOT = link("material", "lot")


def inside(kind: str, type_: str) -> Codec:
    """The codec of an element that is a record by itself, of which only its ID is read."""
    inner = link(kind, type_)

    def read(value: Any, m: Element) -> Value | None:
        return inner.read(value.get("ID"), m) if isinstance(value, Mapping) else None

    def write(value: Value, m: Element) -> Any:
        return {"ID": inner.write(value, m)}

    return Codec(read, write, raw=True)


def read_response_id(of_record: Any, own: Any, m: Element) -> Value | None:
    """The batch: of a response inside a batch record it is the record's."""
    found = read_identifier(of_record if of_record is not None else own, m)
    return {**found, "type": "batch"} if found else None


def write_response_id(value: Value, m: Element) -> tuple[Any, Any]:
    return None, write_identifier(value, m)


def read_held_lot(of_lot: Any, own: Any, m: Element) -> Value | None:
    """The lot that a container holds: the one in which it stands, else the one that it names."""
    return _LOT.read(of_lot if of_lot is not None else own, m)  # type: ignore[no-any-return]


def write_held_lot(value: Value, m: Element) -> tuple[Any, Any]:
    name = _LOT.write(value, m)
    return name, name


def read_value_of(value: Value, m: Element) -> str:  # noqa: ARG001 - a codec's shape
    """The bare number of a name."""
    return str(value["value"])


def write_value_of(value: str, m: Element) -> str:  # noqa: ARG001
    return value


def pair(read: Callable[..., Any], write: Callable[..., Any]) -> Codec:
    return Codec(read, write, raw=True)


NAMES: dict[str, Codec] = {
    "identifier": named(),
    "slot_id": named("slot"),
    "order_names": pair(read_order_names, write_order_names),
    "lot_id": named("lot"),
    "container_id": named("container"),
    "batch_id": named("batch"),
    "sample_id": named("sample"),
    "response_id": pair(read_response_id, write_response_id),
    "coi": pair(read_coi, write_coi),
    "device_link": link("device", "device"),
    "lot_link": link("material", "lot"),
    "container_link": link("container", "container"),
    "batch_link": link("batch", "batch", scheme=VALUE_SCHEME),
    "collection_link": link("collection", "din", DIN_SYSTEM, VALUE_SCHEME),
    "held_lot": pair(read_held_lot, write_held_lot),
    "lot_inside": inside("material", "lot"),
    "value_of": Codec(read_value_of, write_value_of),
}
