"""Codecs of delimited files: pairs of functions for what a cell, or a cell and its unit, says. Tested both ways.

A codec gets cells without surrounding white space, never an empty one; `None` stands for a cell that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from adapters import logistics
from adapters.mes_csv import dates
from adapters.mes_csv.dates import Format, compile_format
from adapters.reading import MOST_FAULTS
from canonical_model import BASE
from canonical_model.identifiers import SSCC, UNASSIGNED, from_uri, miscounted, to_uri
from canonical_model.ids import COI_SYSTEM
from canonical_model.scans import is_scan, read_scan
from mappings.codes import CodeTable
from mappings.faults import Fault, Unreadable
from mappings.rows import RowContext
from mappings.runtime import Codec

Value = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
TEST_SYSTEM = f"{BASE}/cs/test"
FINDING_SYSTEM = f"{BASE}/cs/finding"

_URI = re.compile(r"(?:https?://|urn:)\S+", re.IGNORECASE)
_NUMERIC = re.compile(r"[<>=≤≥+\-−\d.,'’\s_eE]+")
_NUMBER = {
    mark: re.compile(rf"([+\-−]?)([0-9]+(?:[{mark}][0-9]*)?|[{mark}][0-9]+)([eE][+-]?[0-9]{{1,3}})?") for mark in ".,"
}
_THOUSANDS = {".": r"\.", ",": ",", "'": "['’]", "space": "[ \u00a0\u202f]"}
_GROUPED = {
    (mark, group): re.compile(rf"([+\-−]?)([0-9]{{1,3}}(?:{gap}[0-9]{{3}})+)([{mark}][0-9]*)?")
    for mark in ".,"
    for group, gap in _THOUSANDS.items()
}
_WITH_UNIT = re.compile(
    r"((?:≤|≥|[<>=]{1,2})?\s*[+\-−]?\d[\d.,'’ \u00a0\u202f]*(?:[eE][+-]?\d{1,3}(?![\d/]))?)\s*(\D.*)", re.DOTALL
)
MAX_DIGITS = 64
"""Faults that are told of one file."""
_COMPARATORS = {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">=", "<=": "<=", ">=": ">=", "<": "<", ">": ">"}
_COMPARED = re.compile(r"(≤|≥|=<|=>|<=|>=|<|>)?\s*(.*)", re.DOTALL)


@dataclass(slots=True)
class Cells(RowContext):
    """The context of a file: how its dialect writes, the units of its columns, and where its columns stand."""

    decimal: str = "."
    formats: tuple[Format, ...] = (compile_format("iso"),)
    separator: str = ","
    systems: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    thousands: str = ""
    units_in_cells: bool = False
    writes_units: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    """Where a column's value stands that stands above the rows."""

    def fault(self, row: str, at: str, wrong: Unreadable) -> None:
        """Notes that a cell could not be read: line, column number, column."""
        if len(self.faults) > MOST_FAULTS:  # told as one by the adapter
            return
        if at in self.places:
            found = Fault(wrong.code, f"{self.places[at]} ({at})", wrong.remedy, row)
            self.faults += [] if found in self.faults else [found]
            return
        number = self.numbers.get(at)
        place = f"{self.place} column {number} ({at})" if number else f"{self.place} ({at})"
        self.faults.append(Fault(wrong.code, place, wrong.remedy, row))

    def table(self, name: str) -> CodeTable:
        """A code table by name; an empty one where the format has none."""
        return self.codes.get(name) or CodeTable(name, {}, {})


# ---- numbers and units ----------------------------------------------------------------------------------------


def read_decimal(text: str, m: Cells) -> str:
    """A decimal with its digits as sent and a point; the dialect's decimal mark, and its thousands mark, if any."""
    if m.thousands and len(text) <= MAX_DIGITS and (grouped := _GROUPED[m.decimal, m.thousands].fullmatch(text)):
        text = f"{grouped[1]}{re.sub('[^0-9]', '', grouped[2])}{grouped[3] or ''}"
    found = _NUMBER[m.decimal].fullmatch(text)
    if found is None or len(text) > MAX_DIGITS:
        mark = f"with {m.thousands!r} between thousands" if m.thousands else "without a thousands separator"
        remedy = f"write a number with digits and the decimal mark {m.decimal!r}, {mark}"
        raise Unreadable("number-unreadable", remedy)
    digits = found[2].replace(m.decimal, ".").removesuffix(".")
    return f"{'-' if found[1] in {'-', '−'} else ''}{'0' if digits[0] == '.' else ''}{digits}{found[3] or ''}"


def write_decimal(value: str, m: Cells) -> str:
    return str(value).replace(".", m.decimal)


def read_integer(text: str, m: Cells) -> int:  # noqa: ARG001 - a codec's shape
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise Unreadable("number-unreadable", "write a whole number with digits only")
    return int(text)


def write_integer(value: int, m: Cells) -> str:  # noqa: ARG001
    return str(value)


def _read_unit(text: str | None, m: Cells) -> Value:
    """UCUM code of a unit by the code table `unit`; a unit that it does not know stays a text."""
    if not text:
        return {}
    try:
        return {"unit": m.table("unit").read(text), "unit_system": UCUM}
    except Unreadable:
        return {"unit_text": text}


def _write_unit(quantity: Mapping[str, Any], m: Cells) -> str | None:
    unit = quantity.get("unit")
    if not unit:
        text: str | None = quantity.get("unit_text")
        return text
    try:
        return m.table("unit").write(unit)
    except Unreadable:
        return str(unit)


def read_quantity(unit: str | None, text: str | None, m: Cells) -> Value | None:
    """A Quantity, with a comparator where one stands in front; the column's own unit where the unit cell is empty."""
    if text is None:
        return None
    text, unit = _apart(text, unit, m)
    found = _COMPARED.fullmatch(text)
    assert found is not None
    value: Value = {"value": read_decimal(found[2], m), **_read_unit(unit or m.units.get(m.at), m)}
    return {**value, "comparator": _COMPARATORS[found[1]]} if found[1] else value


def _apart(text: str, unit: str | None, m: Cells) -> tuple[str, str | None]:
    """A number and its unit, where both may stand in one cell. Raises Unreadable where two units disagree."""
    found = _WITH_UNIT.fullmatch(text) if m.units_in_cells else None
    if found is None or found[2].strip() not in {*m.table("unit").forward, m.units.get(m.at)}:
        return text, unit
    if unit and _read_unit(unit, m) != _read_unit(found[2].strip(), m):
        raise Unreadable("value-unreadable", "the cell and the unit column name different units; write one of them")
    return found[1].strip(), found[2].strip()


def write_quantity(value: Value, m: Cells) -> tuple[str | None, str]:
    """Unit and number; both in the number's cell where the dialect writes them so."""
    unit, text = _write_quantity(value, m)
    return (None, f"{text} {unit}") if unit and m.writes_units else (unit, text)


def _write_quantity(value: Value, m: Cells) -> tuple[str | None, str]:
    unit = _write_unit(value, m)
    own = m.units.get(m.at)
    if own and unit is None:
        raise Unreadable("no-home", f"the column is in {own}; a number without a unit has no place in it")
    same = own is not None and _read_unit(own, m) == _read_unit(unit, m)
    return None if same else unit, f"{value.get('comparator') or ''}{write_decimal(value['value'], m)}"


def read_quantity_in(text: str, m: Cells) -> Value | None:
    """A Quantity whose unit is the column's."""
    return read_quantity(None, text, m)


def write_quantity_in(value: Value, m: Cells) -> str:
    unit, text = write_quantity(value, m)
    if unit is not None:
        raise Unreadable("no-home", "the column has no such unit; tables never convert: agree on the column's unit")
    return text


def read_measurement(unit: str | None, text: str | None, m: Cells) -> Value | None:
    """The value of a result: a number with its unit, a finding by the code table `finding`, or a text.

    What looks like a number and is none of this dialect raises, so that no wrong number hides in a text.
    """
    if text is None:
        return None
    table = m.table("finding")
    if text in table.forward:
        return {"concepts": [{"codings": [{"code": table.forward[text], "system": FINDING_SYSTEM}]}]}
    if _apart(text, unit, m)[0] != text or _is_numeric(text, m):
        return {"quantity": read_quantity(unit, text, m)}
    return {"text": [text]}


def _is_numeric(text: str, m: Cells) -> bool:
    number = text.rstrip("%°µ^*/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz{}[] ")
    unit = text[len(number) :].strip()
    if unit and _looks_numeric(number) and unit in m.table("unit").forward:
        raise Unreadable("value-unreadable", "write the number here and its unit into the unit column")
    return _looks_numeric(text)


def _looks_numeric(text: str) -> bool:
    return _NUMERIC.fullmatch(text) is not None and any(char.isdigit() for char in text)


def write_measurement(value: Value, m: Cells) -> tuple[str | None, str]:
    if "quantity" in value:
        return write_quantity(value["quantity"], m)
    if "concepts" in value:
        codes = [c.get("code") for concept in value["concepts"] for c in concept.get("codings", ())]
        if len(value["concepts"]) == 1 and len(codes) == 1 and codes[0]:
            return None, m.table("finding").write(codes[0])
    if isinstance(value.get("text"), list) and len(value["text"]) == 1:
        return None, str(value["text"][0])
    raise Unreadable("no-home", "a cell holds a number, one finding or one line of text")


# ---- time -----------------------------------------------------------------------------------------------------


def read_instant(text: str, m: Cells) -> Value:
    """A When by the dialect's formats; without an offset in the dialect's or the partner's zone."""
    return dates.read(text, m.formats, m.zone)


def write_instant(value: Value, m: Cells) -> str:
    return dates.write(value, m.formats, m.zone)


# ---- identifiers ----------------------------------------------------------------------------------------------


def read_identifier(text: str, m: Cells) -> Value:
    """An Identifier: of a URI, of a scan, or a bare text of the system that the dialect names for the column.

    Without one the partner's system is assumed, as it is in every format.
    """
    if m.at in _SCANNED and is_scan(text):
        return _scanned(text, m.at)
    if not text.isprintable():
        raise Unreadable("identifier-unreadable", "an identifier has no invisible characters; scan it again")
    if _URI.fullmatch(text):
        return {**_named(text)}
    declared = m.systems.get(m.at)
    if declared:
        return logistics.sscc(text) if declared == SSCC else {"system": declared, "value": text}
    return {"system": m.system or UNASSIGNED, "value": text, "assumed": True}


_SCANNED = frozenset({"order", "container", "shipment"})
"""Columns whose thing has a label that is scanned; each is called as the kind of record that it names."""


def _scanned(text: str, kind: str) -> Value:
    """The strongest name of the column's kind that a scan holds. What the scan says besides stays with the sender."""
    scan = read_scan(text)
    if scan.faults:
        raise Unreadable(scan.faults[0].code, scan.faults[0].remedy)
    named = scan.naming(kind)
    if not named:
        raise Unreadable("identifier-unreadable", f"the scan names no {kind}; scan the label of the {kind}")
    return {**named[0]}


@lru_cache(maxsize=4096)
def _named(uri: str) -> Mapping[str, str]:
    if miscounted(uri):
        raise Unreadable("check-digit", "the GS1 key does not end in its check digit; scan it again")
    return from_uri(uri)


def write_identifier(value: Value, m: Cells) -> str:
    """The bare value where the column's system is its own, else a URI."""
    system, text = value["system"], str(value["value"])
    bare = system == m.systems.get(m.at) or (bool(value.get("assumed")) and system == (m.system or UNASSIGNED))
    return text if bare and not _URI.fullmatch(text) else _uri(value)


def _uri(value: Value) -> str:
    uri = _written(value["system"], value["value"])
    if uri is not None:
        return uri
    raise Unreadable("no-home", "the identifier is of another system than the column: see the dialect's `systems`")


@lru_cache(maxsize=4096)
def _written(system: str, value: str) -> str | None:
    """The URI of an identifier, or None where reading it again would be another one."""
    named = {"system": system, "value": value}
    try:
        uri = to_uri(named)
        return uri if _URI.fullmatch(uri) and dict(_named(uri)) == named else None
    except ValueError:
        return None


def read_shipment(text: str, m: Cells) -> Value:
    """A shipment's SSCC (18 digits, with or without (00), or its URI), air waybill or the partner's own number."""
    return logistics.read_shipment(text, m.systems.get(m.at), lambda: read_identifier(text, m))


def write_shipment(value: Value, m: Cells) -> str:
    return logistics.write_shipment(value, m.systems.get(m.at), lambda: write_identifier(value, m))


def read_coi(text: str, m: Cells) -> Value:
    """The order by its chain-of-identity identifier, whose label's `&/` (ISBT 128 structure 040) is no part of it.

    Where the dialect says whose numbers the column holds, it is that party's order number and no such identifier.
    """
    bare = text.removeprefix("&/")
    identifier = read_identifier(bare if bare.isalnum() else text, m)
    if identifier.get("assumed"):
        identifier["system"] = COI_SYSTEM
    own = m.systems.get(m.at) == identifier["system"] != COI_SYSTEM
    return identifier if own else {**identifier, "type": "coi"}


def write_coi(value: Value, m: Cells) -> str:
    bare = value["system"] == COI_SYSTEM and value.get("assumed") and m.at not in m.systems
    return str(value["value"]) if bare and not _URI.fullmatch(str(value["value"])) else write_identifier(value, m)


def read_identifiers(text: str, m: Cells) -> list[Value]:
    """Several identifiers in one cell, each once."""
    found = [read_identifier(part, m) for part in ([text] if is_scan(text) else parts_of(text, m))]
    unique = [each for place, each in enumerate(found) if each not in found[:place]]
    if not unique:
        raise Unreadable("cell-list", "a list cell holds at least one value")
    return unique


def write_identifiers(values: list[Value], m: Cells) -> str:
    texts = [write_identifier(value, m) for value in values]
    if any(m.separator in text for text in texts):
        raise Unreadable("no-home", f"an identifier with {m.separator!r} cannot stand in a list cell")
    return f"{m.separator} ".join(texts)


def parts_of(text: str, m: Cells) -> list[str]:
    """The values of a list cell."""
    return [part for each in text.split(m.separator) if (part := each.strip())]


def link(kind: str, type_: str = "") -> Codec:
    """The codec of a reference to a record of this kind by one identifier."""
    reader, writer = (read_coi, write_coi) if kind == "order" else (read_identifier, write_identifier)

    def read(text: str, m: Cells) -> Value:
        identifier = reader(text, m)
        return {"kind": kind, "identifiers": [{**identifier, "type": type_} if type_ else identifier]}

    def write(value: Value, m: Cells) -> str:
        if len(value.get("identifiers", ())) != 1:
            raise Unreadable("no-home", "a cell names a record by one identifier")
        return writer(value["identifiers"][0], m)

    return Codec(read, write)


def read_sample(text: str, m: Cells) -> Value:
    """The sample's number: the identifier by which the laboratory files its results."""
    return {**read_identifier(text, m), "type": "sample"}


# ---- tests, texts, people -------------------------------------------------------------------------------------


def read_test(text: str, m: Cells) -> tuple[Value, str]:
    """The test as a hub test code by the code table `test`, as concept and as criterion; unknown ones stay `x-…`."""
    code = m.table("test").read(text)
    return {"codings": [{"code": code, "system": TEST_SYSTEM}]}, code


def write_test(value: tuple[Value | None, str | None], m: Cells) -> str:
    concept, criterion = value
    codings = (concept or {}).get("codings", ())
    code = next((c["code"] for c in codings if c.get("system") == TEST_SYSTEM and c.get("code")), criterion)
    if code:
        return m.table("test").write(code)
    text = (concept or {}).get("text") or next((c.get("display") or c["code"] for c in codings), "")
    if not text:
        raise Unreadable("no-home", "the test has no hub test code and no name")
    return str(text)


def read_concept(text: str, m: Cells) -> Value:  # noqa: ARG001
    """A concept of which only the words are known."""
    return {"text": text}


def write_concept(value: Value, m: Cells) -> str:  # noqa: ARG001
    codings = value.get("codings", ())
    text = value.get("text") or next((c.get("display") or c.get("code") for c in codings), "")
    if not text:
        raise Unreadable("no-home", "a concept is written by its text")
    return str(text)


def read_person(text: str, m: Cells) -> Value:  # noqa: ARG001
    """A person at work as the file names them; the hub seals it before the log."""
    return {"name": {"text": text}}


def write_person(value: Value, m: Cells) -> str:  # noqa: ARG001
    text = (value.get("name") or {}).get("text")
    if not text:
        raise Unreadable("no-home", "a person is written by the text of their name")
    return str(text)


def read_free_text(text: str, m: Cells) -> str:  # noqa: ARG001
    return text


def write_free_text(value: Any, m: Cells) -> str:  # noqa: ARG001
    if not isinstance(value, str):
        raise Unreadable("no-home", "a sealed text is written only where it was opened")
    return value


_PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "decimal": (read_decimal, write_decimal),
    "integer": (read_integer, write_integer),
    "quantity": (read_quantity, write_quantity),
    "quantity_in": (read_quantity_in, write_quantity_in),
    "measurement": (read_measurement, write_measurement),
    "instant": (read_instant, write_instant),
    "identifier": (read_identifier, write_identifier),
    "identifiers": (read_identifiers, write_identifiers),
    "shipment": (read_shipment, write_shipment),
    "coi": (read_coi, write_coi),
    "sample": (read_sample, write_identifier),
    "test": (read_test, write_test),
    "concept": (read_concept, write_concept),
    "person": (read_person, write_person),
    "free_text": (read_free_text, write_free_text),
}
CODECS = {
    **{name: Codec(read, write) for name, (read, write) in _PAIRS.items()},
    "order_link": link("order"),
    "batch_link": link("batch", "batch"),
    "material_link": link("material", "lot"),
    "container_link": link("container"),
}
