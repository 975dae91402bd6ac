"""Hostile EPCIS: whatever comes is read or refused, nothing else is raised, and what was read goes back as it came."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import json_text, xml_text
from adapters.epcis import JSON, XML
from adapters.reading import Unparsable, Unsupported
from canonical_model.frames import check
from canonical_model.records import RECORDS
from mappings import events
from tests.adapters.epcis_samples import SSCC, adapter, lone, normal, sample
from tests.effort import at_most

EXAMPLES = int(os.environ.get("CGT_EXAMPLES", "60"))
law = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])

BASES = [json.loads(sample(name)) for name in ("departure.jsonld", "logger.jsonld")]
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e300, 10**50, "", " ", "x", "\0", "\U0001f600", "x-y", "NaN", [], {}, [None], [[]]),
    *(
        {"id": None},
        {"a:b": 1},
        {"#xml": "<a/>"},
        {"#xml": "<"},
        {"#null": "null"},
        {"@null": "null"},
        {"sensorReport": 1},
    ),
    *("urn:", "https://", "http://a/", "https://x/%FF", "urn:epc:id:sscc:1.2", "https://id.gs1.org/00/%zz"),
    *("urn:epc:id:sgln:0614141.07346.", "https://id.gs1.org/01/10614141073464/21/a.b/c", "cbv:BizStep-", "x-"),
    *("2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    *("2026-01-01T00:00:00.123456789Z", "٢٠٢٦-٠١-٠١T٠٠:٠٠:٠٠Z", "+14:00", "-14:00", "ADD", "DELETE", "receiving"),
)
KEYS: tuple[str, ...] = (
    "type",
    "id",
    "epcList",
    "x:y",
    "sensorElementList",
    "sensorMetadata",
    "sensorReport",
    "@context",
    "parentID",
)
KEYS += ("ilmd", "cgt:coi", "quantityList", "eventTime", "errorDeclaration", "", "#xml", "#null", "sensorElement")


def survives(body: bytes) -> bool:
    """True when the document was read; everything that must hold of a read document holds."""
    try:
        read = adapter().read(body)
    except (Unparsable, Unsupported):
        return False
    for frame in read.frames:
        check(frame)
    for fact in events.assertions(read.map, read.frames, "partner/message"):
        RECORDS[fact["about"]["kind"]].model_validate(fact["set"])
    assert sum(1 for _ in read.entries()) == sum(read.summary().values())
    stored = json_text.loads(json_text.dumps(read.residual))
    assert normal(adapter().write(read.type, read.frames, stored)[0]) == normal(body)
    for type_ in (JSON, XML):
        adapter().read(adapter().write(type_, read.frames)[0])
    return True


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path, *(inner for key, item in value.items() for inner in _paths(item, (*path, key)))]
    if isinstance(value, list):
        return [path, *(inner for key, item in enumerate(value) for inner in _paths(item, (*path, key)))]
    return [path]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    tree = json.loads(json.dumps(draw(st.sampled_from(BASES))))
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(_paths(tree)))
        holder = tree
        for step in path[:-1]:
            holder = holder[step]
        if not path:
            continue
        change = draw(st.sampled_from(["put", "put", "drop", "copy", "turn"]))
        junk = json.loads(json.dumps(draw(st.sampled_from(JUNK))))
        if change == "put":
            holder[path[-1]] = junk
        elif change == "drop":
            del holder[path[-1]]
        elif change == "copy" and isinstance(holder, dict):
            holder[draw(st.sampled_from(KEYS))] = json.loads(json.dumps(holder[path[-1]]))
        elif change == "copy":
            holder.insert(0, json.loads(json.dumps(holder[path[-1]])))
        elif isinstance(holder, list):
            holder.reverse()
    return json.dumps(tree).encode()


@law
@given(mutated())
def test_a_mutated_json_document_is_read_or_refused(body: bytes) -> None:
    survives(body)


TEXTS = ("x", "", " ", "urn:", "2026-01-01T00:00:00Z", "true", "NaN", "INF", "1e5", "007", "+1", "a\nb", "ü")
TAGS: tuple[str, ...] = (
    "epc",
    "ObjectEvent",
    "extension",
    "{http://e.x/}z",
    "eventTime",
    "sensorReport",
    "id",
    "type",
    "EventList",
)
TAGS += ("baseExtension", "EPCISBody", "sensorElementList", "quantity", "{urn:epcglobal:epcis:xsd:2}ObjectEvent")
ATTRIBUTES = ("x", "type", "{http://e.x/}y", "{http://www.w3.org/2001/XMLSchema-instance}nil", "value", "schemaVersion")


@st.composite
def mutated_xml(draw: st.DrawFn) -> bytes:
    root = etree.fromstring(sample("packing.xml"))
    for _ in range(draw(st.integers(1, 4))):
        elements = list(root.iter())
        element = elements[draw(st.integers(0, len(elements) - 1))]
        parent = element.getparent()
        change = draw(st.sampled_from(["text", "tail", "tag", "set", "copy", "drop", "turn"]))
        if change == "text":
            element.text = draw(st.sampled_from(TEXTS))
        elif change == "tail" and parent is not None:
            element.tail = draw(st.sampled_from(TEXTS))
        elif change == "tag":
            element.tag = draw(st.sampled_from(TAGS))
        elif change == "set":
            element.set(draw(st.sampled_from(ATTRIBUTES)), draw(st.sampled_from(TEXTS)))
        elif change == "copy":
            other = elements[draw(st.integers(0, len(elements) - 1))]
            element.append(etree.fromstring(etree.tostring(other, with_tail=False)))
        elif change == "drop" and parent is not None:
            parent.remove(element)
        elif change == "turn" and len(element):
            element.insert(0, element[-1])
    return etree.tostring(root)


@law
@given(mutated_xml())
def test_a_mutated_xml_document_is_read_or_refused(body: bytes) -> None:
    survives(body)


@law
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    for whole in (body, b'{"type":"ObjectEvent","eventTime":"' + body, b"<ObjectEvent>" + body + b"</ObjectEvent>"):
        survives(whole)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@law
@given(st.lists(JSON_VALUES, max_size=3))
def test_any_events_are_read_or_kept(found: list[Any]) -> None:
    body = json.dumps({"type": "EPCISDocument", "epcisBody": {"eventList": found}}).encode()
    assert survives(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"type": "EPCISDocument", "x": NaN}', "json-number"),
        (b'{"type": "EPCISDocument", "type": "ObjectEvent"}', "json-duplicate-key"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "json-too-deep"),
        (b"[" * 100_000, "json-too-deep"),
        (b'{"type": "\xff"}', "json-encoding"),
        (b"<a>" * 70 + b"</a>" * 70, "xml-too-deep"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "xml-doctype"),
        (b" " * (json_text.MAX_BYTES + 1), "json-too-large"),
        (b"<a>" + b" " * (xml_text.MAX_BYTES + 1), "xml-too-large"),
    ],
)
def test_what_would_harm_is_refused_at_the_door(body: bytes, code: str) -> None:
    with at_most(10), pytest.raises(Unparsable, match=code):
        adapter().read(body)


def test_a_long_series_is_read_and_written_in_time() -> None:
    """Ten thousand points, half of them spelt otherwise, so that every one has a residual."""
    kinds = ("Temperature", "gs1:Temperature")
    reports = [
        {
            "type": kinds[n % 2],
            "value": n,
            "uom": "CEL",
            "time": f"2026-03-{n // 1440 % 28 + 1:02}T{n // 60 % 24:02}:{n % 60:02}:00Z",
        }
        for n in range(10_000)
    ]
    element = {"sensorMetadata": {"deviceID": "urn:epc:id:giai:9521141.LOG7"}, "sensorReport": reports}
    body = lone(eventTime="2026-03-31T00:00:00Z", action="OBSERVE", epcList=[SSCC], sensorElementList=[element])
    with at_most(60):
        read = adapter().read(body)
        again, _ = adapter().write(read.type, read.frames, read.residual)
    assert normal(again) == normal(body)
    assert [len(f["set"]["points"]) for f in read.frames if f["kind"] == "readings"] == [10_000]


def test_the_text_of_another_syntax_cannot_be_slipped_in() -> None:
    """`#xml` is how XML that no rule knows is kept; in JSON it is a field like any other, and no field of EPCIS."""
    event = {"type": "ObjectEvent", "eventTime": "2026-03-08T06:40:00Z", "#xml": "<ObjectEvent/>"}
    read = adapter().read(json.dumps({"@context": [], **event}).encode())
    assert {"field-unknown", "action-unknown"} <= {fault.code for fault in read.faults}
    assert read.frames == []
