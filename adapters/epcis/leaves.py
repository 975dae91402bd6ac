"""The leaves of an EPCIS tree, for its account: each with its place, and what it says however it is spelt.

A URN and the Digital Link of one thing say the same, and so do a bare term and its URI, or two texts of one instant:
they are one leaf. The spelling itself is kept in the residual.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from adapters import xml_text
from adapters.epcis import codecs
from adapters.epcis.document import NULL
from canonical_model.identifiers import from_uri, to_uri

Place = tuple[str, ...]
Leaf = tuple[Place, str]

_TERMS = {"bizStep": "biz_step", "disposition": "disposition", "set": "disposition", "unset": "disposition"}
_TERMS |= {"reason": "error_reason", "component": "component", "exception": "alert"}
_TYPES = {"bizTransactionList": "transaction_type", "sourceList": "side_type", "destinationList": "side_type"}
_TYPES |= {"sensorReport": "measurement", "": "event_type"}
_NAMES = frozenset(
    {
        *("epcList", "childEPCs", "inputEPCList", "outputEPCList", "parentID", "transformationID", "epcClass"),
        *("eventID", "id", "bizTransaction", "source", "destination", "deviceID", "correctiveEventIDs"),
        *("sender", "receiver"),
    }
)
_TIMES = frozenset({"eventTime", "recordTime", "time", "startTime", "endTime", "declarationTime", "creationDate"})


def leaves(name: str, tree: Any) -> Iterator[Leaf]:  # noqa: ARG001 - an account's shape
    """Every leaf with its place and what it says: a URN and the Digital Link of one thing are one leaf.

    List items count from 1 as `epcList[2]`, the first without a count.
    """
    return _leaves(tree, (), "")


def _leaves(value: Any, place: Place, holder: str) -> Iterator[Leaf]:
    if value is None or value == NULL:
        return
    if isinstance(value, dict) and "#xml" in value:
        yield from _inside(xml_text.parse(str(value["#xml"]).encode()), place)
    elif isinstance(value, dict):
        inner = place[-1].partition("[")[0] if place else ""
        for key, item in value.items():
            yield from _leaves(item, (*place, key), inner)
    elif isinstance(value, list):
        for count, item in enumerate(value, 1):
            *above, last = place or ("",)
            yield from _leaves(item, (*above, last if count == 1 else f"{last}[{count}]"), holder)
    else:
        yield place, _said(place[-1].partition("[")[0] if place else "", holder, value)


def _inside(element: etree._Element, place: Place) -> Iterator[Leaf]:
    """Leaves of an element that was kept whole: its name where it is an event, its attributes, its text."""
    if str(element.tag).endswith("Event"):
        yield (*place, "type"), etree.QName(element).localname
    for key, text in element.attrib.items():
        yield (*place, f"@{etree.QName(str(key)).localname}"), str(text)
    if not len(element) and (element.text or "").strip():
        yield place, element.text or ""
    for count, child in enumerate(element, 1):
        yield from _inside(child, (*place, f"{etree.QName(child).localname}[{count}]"))


def _said(key: str, holder: str, value: Any) -> str:
    """What a leaf says, whichever way it is spelt: what the syntaxes, JSON-LD and GS1 hold to be the same is."""
    text = str(value).strip() if isinstance(value, str) else str(value)
    table = _TYPES.get(holder) if key == "type" else _TERMS.get(key)
    if table is not None:
        return codecs.bare(table, text)
    try:
        if key in _NAMES:
            return to_uri(from_uri(text))
        if key in _TIMES:
            return str(codecs.read_stamp(text, codecs.EventContext(zone="UTC"))["at"])
    except ValueError:
        return text
    return text
