"""The laws of EPCIS over GS1's examples and openEPCIS's documents, in JSON-LD and XML: see docs/mappings.md."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters import json_text
from adapters.epcis import JSON, XML, with_what_follows
from adapters.epcis.sensing import flatten, unflatten
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.frames import check
from tests.adapters.epcis_samples import Frame, adapter, count, gs1_schema, is_xml, normal, readable, said, tried
from tests.standards import need, standards_dir

EXAMPLES = int(os.environ.get("CGT_EXAMPLES", "40"))
"""Random cases per law: enough to run with every change; thousands before a release."""
law = settings(max_examples=EXAMPLES, deadline=None)

# Extensions that only their sender gives a meaning; the share of what EPCIS itself defines is counted without them.
_EXTENSION = re.compile(r"(?!cgt:|cbvmda:)[A-Za-z][\w.-]*:|@|#")


@pytest.mark.standards
def test_what_is_read_goes_back_as_it_came() -> None:
    """GetPut, with the residual as it comes out of a store."""
    for name, body, read in readable():
        stored = json_text.loads(json_text.dumps(read.residual))
        again, _ = adapter().write(read.type, read.frames, stored)
        assert normal(again) == normal(body), name


@pytest.mark.standards
def test_every_frame_is_one_of_the_model() -> None:
    for _, _, read in readable():
        for frame in read.frames:
            check(frame)


@pytest.mark.standards
def test_no_leaf_is_lost_in_silence() -> None:
    for name, body, read in readable():
        assert sum(read.summary().values()) == count(body), name
        assert sum(1 for _ in read.entries()) == count(body), name


@pytest.mark.standards
def test_nine_leaves_in_ten_of_object_and_aggregation_events_are_carried(capsys: pytest.CaptureFixture[str]) -> None:
    table = shares()
    with capsys.disabled():
        print("\n" + shown(table))  # noqa: T201 - the table is the point
    for kind in ("ObjectEvent", "AggregationEvent"):
        fates = table[kind]
        own = sum(fates.values()) - fates["extension"]
        assert (fates["carried"] + fates["ignored"]) / own >= 0.98, kind
        assert fates["lossy"] == 0, kind
    assert table["documents"]["crashed"] == 0
    assert table["documents"]["recorded"] >= 125


@cache
def shares() -> dict[str, Counter[str]]:
    """Fates of documents, and of the leaves of their events by type of event."""
    table: dict[str, Counter[str]] = {"documents": Counter(tried=len(tried()))}
    for _, _, read in tried():
        if not isinstance(read, Read):
            fine = isinstance(read, Unparsable | Unsupported)
            table["documents"]["not EPCIS 2.0" if fine else "crashed"] += 1
            continue
        errors = {fault.place.partition(".")[0] for fault in read.faults if fault.severity == "error"}
        table["documents"]["with an event refused" if errors else "recorded"] += 1
        for piece, entry in ((read.pieces[0], entry) for entry in read.entries()):
            kind = _kind_of(read, entry.piece, entry.ordinal, piece.wire)
            fate = "extension" if entry.fate == "residual" and _is_extension(entry.place) else entry.fate
            table.setdefault(kind, Counter())[fate] += 1
    table["documents"].setdefault("crashed", 0)
    return table


def _kind_of(read: Any, piece: str, ordinal: int, head: Any) -> str:
    if piece == "document":
        return "document"
    found = next(p for p in read.pieces if p.name == piece and p.ordinal == ordinal)
    return str(found.wire.get("type", "?")) if piece == "event" and isinstance(found.wire, dict) else "kept whole"


def _is_extension(place: tuple[str, ...]) -> bool:
    return any(_EXTENSION.match(step) for step in place)


def shown(table: dict[str, Counter[str]]) -> str:
    lines = [", ".join(f"{name} {number}" for name, number in table["documents"].items())]
    names = ("carried", "lossy", "ignored", "residual", "extension")
    lines.append(f"{'leaves of':22}" + "".join(f"{name:>11}" for name in names) + "   carried or ignored")
    for kind, fates in sorted(table.items()):
        if kind == "documents":
            continue
        own = sum(fates.values()) - fates["extension"]
        share = (fates["carried"] + fates["ignored"]) / own if own else 1
        lines.append(f"{kind:22}" + "".join(f"{fates[name]:11}" for name in names) + f"   {share:7.1%}")
    return "\n".join(lines)


# ---- PutGet ---------------------------------------------------------------------------------------------------

NAMES = (
    {"system": "https://new.example/bag", "value": "B/2 ü"},
    {"system": "https://id.gs1.org/8004", "value": "4000001777"},
    {"system": "urn:oid:1.2.3", "value": "X:1"},
)
AT = {"at": "2030-01-01T10:00:00Z", "local": "2030-01-01T12:00:00", "zone": "+02:00", "precision": "second"}
VALUES = {
    "step": "storing",
    "disposition": "damaged",
    "at": AT,
    "parent": NAMES[0],
    "order": {**NAMES[0], "type": "coi"},
}


def edits(frames: list[Frame], rng: random.Random) -> Iterator[tuple[str, list[Frame]]]:
    """Frames after one structural edit or one changed value; readings and Issues follow from their handling."""
    base = [frame for frame in frames if frame["kind"] not in {"readings", "issue"}]
    for place, frame in enumerate(base):
        if frame["kind"] != "handling":
            continue
        for path in _lists(frame["set"]):
            for name, change in _CHANGES.items():
                edited = copy.deepcopy(base)
                if change(edited[place]["set"], path, rng):
                    yield f"{name} {'.'.join(map(str, path))}", edited
        for field in sorted(frame["set"].keys() - {"form", "action", "at"}):
            edited = copy.deepcopy(base)
            del edited[place]["set"][field]
            yield f"without {field}", edited
        for field, value in VALUES.items():
            if field in frame["set"] or field in {"step", "order"}:
                edited = copy.deepcopy(base)
                edited[place]["set"][field] = value
                yield f"another {field}", edited
    handled = [frame for frame in base if frame["kind"] == "handling"]
    if len(handled) > 1:
        gone = rng.choice(handled)
        yield "without an event", [frame for frame in base if frame is not gone]
        yield "events turned round", [frame for frame in base if frame["kind"] != "handling"] + handled[::-1]
    if handled and len(base) > len(handled):
        yield "an event twice", [*base, {**copy.deepcopy(handled[0]), "key": "handling:again"}]


def _lists(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _lists(item, (*path, key))
    elif isinstance(value, list) and value and path[-1] != "identifiers":
        yield path


def _at(record: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        record = record[step]
    return record


def _delete(record: Any, path: tuple[Any, ...], rng: random.Random) -> bool:
    items = _at(record, path)
    items.pop(rng.randrange(len(items)))
    if not items:
        del _at(record, path[:-1])[path[-1]]
    return True


def _insert(record: Any, path: tuple[Any, ...], rng: random.Random) -> bool:
    items = _at(record, path)
    if path[-1] in {"containers", "contents", "inputs", "outputs"}:
        items.insert(rng.randrange(len(items) + 1), dict(rng.choice(NAMES)))
        return True
    if path[-1] == "series":
        items.insert(rng.randrange(len(items) + 1), {**items[0], "value": "-99.50", "quantity": "temperature"})
        return True
    return False


def _double(record: Any, path: tuple[Any, ...], rng: random.Random) -> bool:
    items = _at(record, path)
    items.insert(rng.randrange(len(items) + 1), copy.deepcopy(rng.choice(items)))
    return True


def _turn(record: Any, path: tuple[Any, ...], rng: random.Random) -> bool:
    _at(record, path).reverse()
    return len(_at(record, path)) > 1


_CHANGES = {"delete": _delete, "insert": _insert, "double": _double, "turn": _turn}


@pytest.mark.standards
def test_what_is_edited_is_read_again_as_it_was_edited() -> None:
    """PutGet: where the writer notes nothing, a reader finds the frames as they were meant."""
    rng = random.Random(17)
    kept = told = 0
    for name, _, read in readable():
        for edit, frames in rng.sample(found := list(edits(read.frames, rng)), min(len(found), 12)):
            body, faults = adapter().write(read.type, frames, read.residual)
            if any(fault.severity in {"error", "lost"} for fault in faults):
                told += 1
                continue
            kept += 1
            assert said(adapter().read(body).frames) == said(with_what_follows(frames, adapter().library.codes)), (
                f"{name}: {edit}"
            )
    assert kept > 1000
    assert told < kept / 5


@pytest.mark.standards
def test_an_edit_leaves_the_rest_of_the_document_alone() -> None:
    """Locality: another step changes one leaf and nothing else."""
    for name, body, read in readable():
        handled = [frame for frame in read.frames if frame["kind"] == "handling"]
        if not handled or is_xml(body):
            continue
        frames = copy.deepcopy(read.frames)
        changed = next(frame for frame in frames if frame["key"] == handled[0]["key"])
        if "step" not in changed["set"]:
            continue
        changed["set"]["step"] = "storing"
        before, after = normal(body), normal(adapter().write(read.type, frames, read.residual)[0])
        assert len(list(_differences(before, after))) == 1, name


def _differences(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from _differences(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from _differences(left, right)
    elif one != other:
        yield one, other


# ---- fresh ----------------------------------------------------------------------------------------------------


def _fresh(read: Any) -> list[Frame]:
    """Frames as the hub would write them: a query result becomes a document."""
    return [
        {**f, "set": {k: v for k, v in f["set"].items() if k not in {"structure", "trigger"}}}
        if f["kind"] == "message"
        else f
        for f in read.frames
    ]


@pytest.mark.standards
def test_fresh_json_is_valid_by_gs1s_schema_and_says_the_same() -> None:
    validator = gs1_schema()
    written = 0
    for name, _, read in readable():
        body, faults = adapter().write(JSON, _fresh(read))
        if any(fault.severity == "error" for fault in faults):  # said in XML, where JSON has no place for it
            assert name.endswith(".xml"), name
            continue
        written += 1
        assert validator.is_valid(json.loads(body)), name
        assert said(adapter().read(body).frames[1:]) == said([f for f in _fresh(read) if f["kind"] != "message"]), name
    assert written >= 145


@pytest.mark.standards
def test_fresh_xml_is_valid_by_gs1s_schema_and_says_the_same() -> None:
    schema = need(standards_dir() / "epcis" / "gs1" / "XSD" / "EPCglobal-epcis-2_0.xsd")
    validator = etree.XMLSchema(etree.parse(str(schema)))
    for name, _, read in readable():
        frames = _fresh(read)
        body, _ = adapter().write(XML, frames)
        assert validator.validate(etree.fromstring(body)), f"{name}: {validator.error_log}"
        assert said(adapter().read(body).frames[1:]) == said([f for f in frames if f["kind"] != "message"]), name


# ---- sensor data, by themselves -------------------------------------------------------------------------------

KEYS = ("time", "startTime", "deviceID", "rawData", "x:y")
META = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["1", "2"]), max_size=4)
REPORT = st.dictionaries(st.sampled_from((*KEYS, "type", "value")), st.sampled_from(["1", "2"]), max_size=4)
ELEMENT = st.fixed_dictionaries(
    {"sensorReport": st.lists(REPORT, min_size=1, max_size=3)},
    optional={"sensorMetadata": META, "x:z": st.just("9")},
)


@law
@given(st.lists(ELEMENT, min_size=1, max_size=4))
def test_sensor_elements_come_back_from_single_reports(elements: list[Any]) -> None:
    event, layout = flatten({"sensorElementList": elements})
    assert unflatten(event["sensorElementList"], layout) == elements


@law
@given(st.lists(ELEMENT, min_size=1, max_size=4))
def test_a_report_without_its_layout_still_says_all_it_inherited(elements: list[Any]) -> None:
    flats = flatten({"sensorElementList": elements})[0]["sensorElementList"]
    own = [{key: value for key, value in flat.items() if not key.startswith("sensor")} for flat in flats]
    again = flatten({"sensorElementList": unflatten(flats, [])})[0]["sensorElementList"]
    assert [{key: value for key, value in flat.items() if not key.startswith("sensor")} for flat in again] == own
