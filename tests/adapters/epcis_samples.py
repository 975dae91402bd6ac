"""What the laws of EPCIS are measured with: other people's documents, and readers of our own that share no code.

A law is not proven by what it judges: documents are compared, and leaves counted, by what stands here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from lxml import etree

from adapters import epcis
from adapters.epcis import Adapter, Read
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from tests.standards import need, standards_dir

SAMPLES = Path(__file__).parent / "epcis"
Frame = dict[str, Any]

SSCC = "https://id.gs1.org/00/195211412345678900"
BAG = "https://mercy.example/bag/BAG-1"
TIMED = {"eventTime": "2026-03-08T06:40:00Z", "eventTimeZoneOffset": "+00:00"}
"""When an event of the tests happened, unless it says otherwise."""


def sample(name: str) -> bytes:
    """A document written by hand."""
    return (SAMPLES / name).read_bytes()


def lone(**fields: Any) -> bytes:
    """An event that is sent by itself."""
    return json.dumps({"@context": [], "type": "ObjectEvent", **TIMED, **fields}).encode()


def document(*events: Any, **head: Any) -> bytes:
    """A document of events; what is no object stands in it as it is."""
    timed = [{**TIMED, **event} if isinstance(event, dict) else event for event in events]
    whole = {"type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2026-03-08T07:00:00Z"}
    return json.dumps({"@context": [], **whole, **head, "epcisBody": {"eventList": timed}}).encode()


@cache
def adapter() -> Adapter:
    """The base tables, every path checked against the frames and every fact against the catalogue."""
    return epcis.adapter(schemas=set_schemas(), event_types={name: row.about for name, row in EVENTS.items()})


@cache
def gs1_schema() -> jsonschema_rs.Validator:
    """GS1's JSON Schema of EPCIS 2.0."""
    schema = need(standards_dir() / "epcis" / "gs1" / "EPCIS-JSON-Schema.json")
    return jsonschema_rs.validator_for(json.loads(schema.read_bytes()), validate_formats=True)


@cache
def documents() -> tuple[tuple[str, bytes], ...]:
    """GS1's examples and openEPCIS's documents of EPCIS 2.0, with a name to find each.

    Some XML examples declare an empty document type, which the door refuses: here they come without it.
    """
    folder = need(standards_dir() / "epcis")
    paths = [*(folder / "gs1" / "JSON").rglob("*.jsonld"), *(folder / "gs1" / "XML").rglob("*.xml")]
    paths += [path for path in (folder / "openepcis" / "2.0").rglob("*.*") if path.suffix in {".json", ".xml"}]
    return tuple((str(p.relative_to(folder)), re.sub(rb"<!DOCTYPE[^>]*>", b"", p.read_bytes())) for p in sorted(paths))


@cache
def tried() -> tuple[tuple[str, bytes, Read | Exception], ...]:
    """Every document with what the adapter made of it."""
    found: list[tuple[str, bytes, Read | Exception]] = []
    for name, body in documents():
        try:
            found.append((name, body, adapter().read(body)))
        except Exception as wrong:  # noqa: BLE001 - a crash is counted, and a test says that there is none
            found.append((name, body, wrong))
    return tuple(found)


def readable() -> list[tuple[str, bytes, Read]]:
    """Documents that the adapter reads."""
    return [(name, body, read) for name, body, read in tried() if isinstance(read, Read)]


class _Number(str):
    """A number of JSON as its text, unequal to a text of the same characters."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Number) and str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def is_xml(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def normal(body: bytes) -> Any:
    """What a document says, whatever the order of keys, white space, prefixes, order of attributes, comments."""
    if is_xml(body):
        return _element(etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True)))
    return json.loads(body, parse_float=_Number, parse_int=_Number)


def _element(element: etree._Element) -> Any:
    inner = [(_element(child), (child.tail or "").strip()) for child in element]
    return element.tag, sorted(element.items()), (element.text or "").strip(), inner


def count(body: bytes) -> int:
    """Leaves of a document: scalars of JSON; attributes and childless elements of XML, the empty lists left out."""
    if is_xml(body):
        root = etree.fromstring(body, etree.XMLParser(remove_comments=True, remove_pis=True))
        return sum(_leaves_of(element) for element in root.iter())
    return _scalars(json.loads(body))


_NO_LEAF = re.compile(
    r"(epc|child|quantity|sensorElement|input|output|Event)\w*(List|EPCs)|sensorMetadata|sensorReport|epcisHeader"
)


def _leaves_of(element: etree._Element) -> int:
    root = 1 if element.getparent() is None else 0  # its name: the type of the document, or of a lone event
    event = 1 if str(element.tag).endswith("Event") and not root else 0  # its name is the type of an event
    alone = not len(element) and not event and not root and not _NO_LEAF.fullmatch(str(element.tag))
    silent = alone and bool(element.attrib) and not (element.text or "").strip()
    return len(element.attrib) + root + event + (1 if alone and not silent else 0)


def _scalars(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_scalars(item) for item in value.values())
    if isinstance(value, list):
        return sum(_scalars(item) for item in value)
    return 0 if value is None else 1


def events_of(tree: Any) -> Iterator[Any]:
    """The events of a JSON document."""
    if "eventTime" in tree:
        yield tree
    body = tree.get("epcisBody", {})
    yield from body.get("eventList") or body.get("queryResults", {}).get("resultsBody", {}).get("eventList", [])


def said(frames: list[Frame]) -> list[tuple[str, Any]]:
    """What frames say, whatever their keys: a key is made of what is said."""
    return [(frame["kind"], frame["set"]) for frame in frames]
