"""B2MML documents for the tests: our own samples, the public ones, and what makes two documents the same. No tests."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lxml import etree

from adapters import b2mml
from adapters.b2mml import Adapter
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from tests.standards import need, standards_dir

SAMPLES = Path(__file__).parent.parent / "samples" / "b2mml"
ZONE, SYSTEM = "Europe/Berlin", "https://foundry.example/id"
NS = "http://www.mesa.org/xml/B2MML"
OLD = "http://www.wbf.org/xml/B2MML-V0401"

Frame = dict[str, Any]
FRESH = {"ProductionPerformance": "OperationsPerformance", "ProductionSchedule": "OperationsSchedule"}
FRESH |= {"MaterialLot": "MaterialInformation", "MaterialSubLot": "MaterialInformation"}
FRESH |= {"TestResult": "OperationsTestInformation"}
"""What a document is about -> what a fresh one is about that says the same."""


@cache
def adapter() -> Adapter:
    """The base tables, checked against the schemas, as a partner in Berlin has them."""
    events = {name: row.about for name, row in EVENTS.items()}
    return b2mml.adapter(set_schemas(), (), ZONE, SYSTEM, events)


def own() -> dict[str, bytes]:
    """Our own samples by name; what a test writes of them is not among them."""
    return {path.name: path.read_bytes() for path in sorted(SAMPLES.glob("*.xml")) if ".written" not in path.name}


def public() -> dict[str, bytes]:
    """Every public example of B2MML and BatchML. Skips where they are not."""
    folder = need(standards_dir() / "isa95")
    paths = [*sorted(folder.glob("examples/*/*.xml")), *sorted(folder.glob("*thirdparty/*.xml"))]
    return {path.name: path.read_bytes() for path in paths}


def readable(documents: dict[str, bytes]) -> Iterator[tuple[str, bytes, Read]]:
    """Those that are read."""
    for name, body in documents.items():
        found = tried(body)
        if isinstance(found, Read):
            yield name, body, found


def tried(body: bytes) -> Read | Unparsable | Unsupported:
    try:
        return adapter().read(body)
    except (Unparsable, Unsupported) as wrong:
        return wrong


def parsed(body: bytes) -> etree._Element:
    parser = etree.XMLParser(remove_comments=True, remove_pis=True, strip_cdata=True, resolve_entities=False)
    return etree.fromstring(body.removeprefix(b"\xef\xbb\xbf").lstrip(), parser)


def normal(body: bytes) -> Any:
    """What an XML document says: names, attributes, texts of leaves, order. Not: prefixes and indentation."""

    def said(element: etree._Element) -> Any:
        text = element.text or ""
        inner = [said(child) for child in element]
        return element.tag, sorted(element.attrib.items()), text.strip() if inner else text, inner

    return said(parsed(body))


def count(body: bytes) -> int:
    """Attributes and texts that say something, counted without our code."""
    total = 0
    for element in parsed(body).iter():
        total += sum(1 for value in element.attrib.values() if value.strip())
        total += sum(1 for text in (element.text, *(child.tail for child in element)) if text and text.strip())
    return total


def said(frames: list[Frame]) -> list[Any]:
    """What frames say, their keys apart."""
    return [[frame["kind"], frame["set"], bool(frame.get("parent"))] for frame in frames if frame["kind"] != "message"]


@cache
def v0700() -> etree.XMLSchema:
    """MESA's schema. Skips where it is not."""
    return etree.XMLSchema(etree.parse(str(need(standards_dir() / "isa95" / "b2mml-v0700" / "AllSchemas.xsd"))))
