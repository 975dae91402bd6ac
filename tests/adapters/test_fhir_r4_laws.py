"""The laws of FHIR R4 on the official examples and on synthetic documents: GetPut, PutGet, locality, no silent loss,
fresh output, hostile input. What they are measured with (leaf count, edits, schemas) is not the adapter's own.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import fhir_r4, json_text, times
from adapters.fhir_r4 import Adapter, Unparsable, Unsupported
from adapters.fhir_r4.validate import validate
from adapters.json_text import Num
from canonical_model import frames as canonical
from mappings.vocabulary import Row
from tests.adapters import fhir_r4_samples as samples
from tests.standards import need, standards_dir

CARRIED = {
    "Patient": (0.65, 0.9),
    "ServiceRequest": (0.65, 0.9),
    "Observation": (0.65, 0.9),
    "Appointment": (0.35, 0.9),
    "BiologicallyDerivedProduct": (0.5, 0.9),
    "DetectedIssue": (0.6, 0.85),
    "DocumentReference": (0.39, 0.85),
    "MedicationAdministration": (0.48, 0.71),
    "Procedure": (0.38, 0.9),
    "Specimen": (0.7, 0.9),
    "Task": (0.27, 0.9),
}
"""Type -> the shares of its official examples that are at least carried, and carried or ignored for a reason."""
TYPES = tuple(CARRIED)
R4 = standards_dir() / "fhir" / "r4"
FILES = Path(__file__).parent.parent / "samples" / "fhir_r4"
SYNTHETIC = {
    "Patient": samples.PATIENT,
    "ServiceRequest": samples.ORDER,
    "Observation": samples.RESULT,
    "Bundle": samples.BUNDLE,
    **{file.stem: file.read_text(encoding="utf-8") for file in sorted(FILES.glob("*.json")) if "." not in file.stem},
}

Frame = dict[str, Any]
Steps = tuple[str | int, ...]


def examples(*types: str) -> list[Any]:
    """Official examples by file name; one parameter that skips where the folder is absent."""
    files = [file for type_ in types for file in sorted((R4 / "examples").glob(f"{type_}-*.json"))]
    marks = pytest.mark.standards
    if not files:
        return [pytest.param(R4 / "examples" / f"{types[0]}-example.json", marks=marks, id="absent")]
    return [pytest.param(file, marks=marks, id=file.stem) for file in files]


def sources() -> list[Any]:
    return [*(pytest.param(name, id=name) for name in SYNTHETIC), *examples(*TYPES)]


def body_of(source: str | Path) -> bytes:
    return SYNTHETIC[source].encode() if isinstance(source, str) else need(source).read_bytes()


@cache
def adapter() -> Adapter:
    return fhir_r4.adapter(canonical.set_schemas(), server=samples.SERVER)


def stored(residual: dict[str, Any]) -> dict[str, Any]:
    """A residual after it was kept and fetched again."""
    found: dict[str, Any] = json_text.loads(json_text.dumps(residual))
    return found


# ---- measures of our own --------------------------------------------------------------------------------------


def document(body: bytes) -> Any:
    """A document by the standard library alone, numbers as their digits: THE normaliser is Python's own equality of
    dicts, which knows no key order and no white space."""
    return json.loads(body, parse_float=_digits, parse_int=_digits)


def _digits(text: str) -> tuple[str, str]:
    return "number", text


def count(value: Any) -> int:
    """Leaves of a parsed document, counted without the adapter."""
    if isinstance(value, dict):
        return sum(count(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(count(inner) for inner in value)
    return value is not None


def meaning(frames: list[Frame]) -> list[tuple[str, Any]]:
    """What frames say: kinds and sets in order, without keys, empty branches and the order inside split lists."""
    numbers = {frame["key"]: number for number, frame in enumerate(frames)}
    return [(frame["kind"], _said(frame["set"], numbers)) for frame in frames if _said(frame["set"], numbers)]


def _said(value: Any, numbers: dict[str, int]) -> Any:
    if isinstance(value, dict):
        if set(value) == {"frame"}:
            return {"frame": numbers.get(value["frame"], -1)}
        said = {name: _said(inner, numbers) for name, inner in value.items()}
        return {name: inner for name, inner in said.items() if inner not in ({}, [], None)}
    if isinstance(value, list):
        return [said for inner in value if (said := _said(inner, numbers)) not in ({}, [], None)]
    return value


# ---- GetPut, no silent loss -----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", sources())
def test_what_was_read_is_written_as_it_was(source: str | Path) -> None:
    body = body_of(source)
    read = adapter().read(body)
    written, faults = adapter().write(read.type, read.frames, stored(read.residual))
    assert document(written) == document(body)
    assert [fault for fault in faults if fault.severity == "lost"] == []


@pytest.mark.parametrize("source", sources())
def test_every_leaf_has_exactly_one_fate(source: str | Path) -> None:
    body = body_of(source)
    read = adapter().read(body)
    total = count(json.loads(body))
    assert sum(read.summary().values()) == total
    entries = list(read.entries())
    assert len(entries) == total
    assert len({(entry.piece, entry.ordinal, entry.place) for entry in entries}) == total
    assert Counter(entry.fate for entry in entries) == read.summary()


@pytest.mark.parametrize("source", sources())
def test_frames_fit_the_published_schemas(source: str | Path) -> None:
    for frame in adapter().read(body_of(source)).frames:
        canonical.check(frame)


@pytest.mark.standards
@pytest.mark.parametrize("type_", TYPES)
def test_most_leaves_are_carried_or_ignored_for_a_reason(type_: str) -> None:
    files = sorted(need(R4 / "examples").glob(f"{type_}-*.json"))
    total: Counter[str] = Counter()
    for file in files:
        total += adapter().read(file.read_bytes()).summary()
    carried, told = CARRIED[type_]
    assert (total["carried"] + total["ignored"]) / sum(total.values()) >= told, dict(total)
    assert total["carried"] / sum(total.values()) >= carried, dict(total)


# ---- fresh ----------------------------------------------------------------------------------------------------


@cache
def official(type_: str) -> Any:
    """Validator of the official JSON Schema for one type. Two definitions that it refers to are missing from it."""
    full = json.loads(need(R4 / "fhir.schema.json").read_text(encoding="utf-8"))
    definitions = {**full["definitions"], "Resource": {}, "integer64": {}}
    reachable: dict[str, Any] = {}
    waiting = [type_]
    while waiting:
        name = waiting.pop()
        if name not in reachable:
            reachable[name] = {} if name == "ResourceList" else definitions[name]
            waiting += re.findall(r'"#/definitions/([A-Za-z_0-9]+)"', json.dumps(reachable[name]))
    schema = {"$schema": full["$schema"], "$ref": f"#/definitions/{type_}", "definitions": reachable}
    return jsonschema_rs.validator_for(schema)


def faults_of(resource: dict[str, Any]) -> list[str]:
    """What the official schema, fhir.resources and our own validator have against a resource."""
    from fhir.resources.R4B import get_fhir_model_class

    type_ = resource["resourceType"]
    said = [f"schema: {error.message}" for error in official(type_).iter_errors(resource)]
    get_fhir_model_class(type_).model_validate(copy.deepcopy(resource))
    return said + [f"ours: {fault}" for fault in validate(_nums(resource))]


def _nums(value: Any) -> Any:
    return json_text.loads(json.dumps(value).encode())


@pytest.mark.standards
@pytest.mark.parametrize("source", sources())
def test_fresh_output_is_valid_and_says_all_that_the_frames_say(source: str | Path) -> None:
    read = adapter().read(body_of(source))
    body, faults = adapter().write(read.type, read.frames)
    assert faults == []
    written = json.loads(body)
    resources = [entry["resource"] for entry in written["entry"]] if read.type == "Bundle" else [written]
    for resource in resources:
        assert faults_of(resource) == []
    again = adapter().read(body)
    assert meaning(again.frames) == meaning(_without_resources_of_the_bundle(read.type, read.frames))


def _without_resources_of_the_bundle(type_: str, frames: list[Frame]) -> list[Frame]:
    """In a fresh Bundle with `urn:uuid` addresses an id is the document's own: read again, it names no record."""
    if type_ != "Bundle":
        return frames
    frames = copy.deepcopy(frames)
    for frame in frames:
        names = frame["set"].get("identifiers", [])
        frame["set"]["identifiers"] = [item for item in names if item.get("type") != "resource"]
    return frames


# ---- PutGet and locality --------------------------------------------------------------------------------------

TEXTS = ("Zq 7", "Größe 漢字", 'quo"te\\back', "a|b^c&d~e", "<b>&amp;</b>")
SINGLE = frozenset(
    {"sites", "methods", "devices", "concepts", "requesters", "facilities", "mother_names", "codings", "lines", "text"}
)
"""Lists that the wire has one place for, and lists that are one value."""

STATED = [
    "activity",
    "administration",
    "appointment",
    "batch",
    "collection",
    "conditioning",
    "document",
    "issue",
    "result",
    "shipment",
]
"""Kinds whose resource must have a status."""
REQUIRED = frozenset(
    {("order", "state"), ("order", "intent"), ("activity", "intent"), ("result", "test")}
    | {(kind, "status") for kind in STATED}
)
NUMBERS = frozenset(
    [
        "quantity",
        "ratio",
        "range",
        "amount",
        "current_amount",
        "dose",
        "planned",
        "dose_per_weight",
        "transport_temperature",
        "duration",
    ]
)
"""Fields that hold a measured number."""
DERIVED = frozenset({"birth_year", "effective_at", "action", "sha256", "size"})


def derive(frames: list[Frame]) -> list[Frame]:
    """What the tables compute is computed again after an edit."""
    for frame in frames:
        said = frame["set"]
        if frame["kind"] == "subject" and said.get("deceased_at"):
            said["deceased"] = True
        if frame["kind"] == "document" and "data" not in said.get("content", {}):
            said.pop("sha256", None)
            said.pop("size", None)
        if frame["kind"] == "identity":
            if said.get("birth_order") is not None:
                said["multiple_birth"] = True
            born = said.get("birth_date") or said.get("birth_time")
            subject = next(f for f in frames if f["key"] == frame["parent"])
            subject["set"].pop("birth_year", None)
            if born:
                subject["set"]["birth_year"] = int(born[:4])
    return frames


def edits(frames: list[Frame], rng: random.Random) -> Iterator[tuple[str, int, Steps, list[Frame]]]:
    """Names, frames and paths of single edits, with the frames after each."""
    for number, frame in enumerate(frames):
        for name in frame["set"]:
            if (frame["kind"], name) not in REQUIRED and name not in DERIVED:
                yield f"delete {frame['kind']}.{name}", number, (name,), _edited(frames, number, (name,), None)
        for path, items in _lists(frame["set"]):
            for what, changed in _item_edits(frame["kind"], path, items, rng):
                yield f"{what} {frame['kind']}.{_dotted(path)}", number, path, _edited(frames, number, path, changed)
        for path, leaf in _leaves(frame["set"]):
            new = _another(frame["kind"], path, leaf, rng)
            if new is not None:
                yield f"value {frame['kind']}.{_dotted(path)}", number, path, _edited(frames, number, path, new)


def _dotted(path: Steps) -> str:
    return ".".join(map(str, path))


def _edited(frames: list[Frame], number: int, path: Steps, value: Any) -> list[Frame]:
    edited = copy.deepcopy(frames)
    holder: Any = edited[number]["set"]
    for step in path[:-1]:
        holder = holder[step]
    if value in (None, []):
        del holder[path[-1]]
    else:
        holder[path[-1]] = copy.deepcopy(value)
    return derive(edited)


def _item_edits(kind: str, path: Steps, items: list[Any], rng: random.Random) -> Iterator[tuple[str, list[Any]]]:
    if path[-1] in {"lines", "text"} or "components" in path[:-1]:
        return
    # The first places of a split list belong to rows of their own: the requisition, the resource's id.
    first = sum(1 for item in items if isinstance(item, dict) and item.get("type") in {"resource", "group", "document"})
    head, rest = items[:first], items[first:]
    if len(items) > 1 or path[-1] != "codings":
        yield "delete item of", [*head, *rest[1:]] if rest else items[1:]
    if path[-1] in SINGLE - {"codings"} or not rest:
        return
    at = rng.randrange(len(rest) + 1)
    new = copy.deepcopy(rest[0])
    if isinstance(new, dict) and "kind" in new:
        new["identifiers"][0]["value"] = "x-9"
    for inner, leaf in list(_leaves(new)) if isinstance(new, dict) and "kind" not in new else []:
        other = _another(kind, (*path, 0, *inner), leaf, rng)
        if other is not None:
            _set(new, inner, other)
    yield "insert item in", [*head, *rest[:at], "Zq 9" if isinstance(new, str) else new, *rest[at:]]
    yield "duplicate item of", [*items, rest[-1]]
    if len(rest) > 1:
        yield "reorder items of", [*head, *rest[1:], rest[0]]
        yield "reverse items of", [*head, *reversed(rest)]


def _set(holder: Any, path: Steps, value: Any) -> None:
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value


def _lists(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, list[Any]]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not (isinstance(inner, dict) and "kind" in inner):
                yield from _lists(inner, (*path, name))
    elif isinstance(value, list):
        yield path, value
        for number, inner in enumerate(value):
            if not (isinstance(inner, dict) and "kind" in inner):
                yield from _lists(inner, (*path, number))


def _leaves(value: Any, path: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    if isinstance(value, dict) and "local" in value:
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not (isinstance(inner, dict) and ({"kind", "frame"} & inner.keys())):
                yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            if not (isinstance(inner, dict) and ({"kind", "frame"} & inner.keys())):
                yield from _leaves(inner, (*path, number))
    else:
        yield path, value


INSTANTS = frozenset({"stated_at", "reported_at", "sent_at"})


def _another(kind: str, path: Steps, leaf: Any, rng: random.Random) -> Any:
    """Another value that a place can hold, or None where it holds none of its own."""
    names = [step for step in path if isinstance(step, str)]
    last = names[-1]
    if last in DERIVED or last == "assumed" or "identifier" in names or last == "unit_system":
        return None
    if isinstance(leaf, dict):
        if last == "end":
            return times.when("2091-02-03T04:05:06.70", "-08:00", "UTC")
        return times.when("2001-02-03T04:05:06.70", "-08:00", "UTC")
    if isinstance(leaf, bool):
        return None if last in {"deceased", "multiple_birth"} else not leaf
    if isinstance(leaf, int):
        return leaf + 1
    row = _row(kind, names)
    if row is not None and row.table:
        codes = adapter().library.codes[row.table]
        return next(
            code for code in sorted(codes.reverse) if code != leaf and codes.forward.get(codes.reverse[code]) == code
        )
    if last == "type":
        return None
    if last == "birth_date":
        return "1931-02-03"
    if last == "birth_time":
        return "1980-02-29T11:16:00-05:00" if leaf.startswith("1980") else None
    if last == "value" and ("limit" in names or NUMBERS & set(names)):
        return "-42.50" if "limit" not in names else "42.50"
    if last in {"system", "use", "time"} or (last == "code" and "codings" not in names):
        return None
    return rng.choice([text for text in TEXTS if text != leaf])


@cache
def _table_rows() -> list[tuple[str, Row]]:
    """Every row with the canonical path that it writes, through its data types."""
    found: list[tuple[str, Row]] = []
    library = adapter().library

    def add(prefix: str, row: Row) -> None:
        for into in row.into:
            path = f"{prefix}.{into.removesuffix('[]')}" if prefix else into.removesuffix("[]")
            found.append((path, row))
            for inner in library.types[row.codec].rows if row.codec in library.types and not row.table else ():
                add(path, inner)

    for table in library.tables.values():
        for row in table.spec.rows:
            if not row.only:
                add("", row)
    return found


def _row(kind: str, names: list[str]) -> Row | None:
    path = ".".join([kind, *names])
    return next((row for known, row in _table_rows() if known == path), None)


@pytest.mark.parametrize("source", sources())
def test_an_edited_frame_is_written_so_that_it_is_read_again(source: str | Path) -> None:
    read = adapter().read(body_of(source))
    rng = random.Random(7)
    done = 0
    for name, _, _, edited in edits(read.frames, rng):
        body, faults = adapter().write(read.type, edited, read.residual)
        if any(fault.severity == "lost" for fault in faults):
            continue  # outside of what the format has a home for, and the writer said so
        assert meaning(adapter().read(body).frames) == meaning(edited), name
        assert json.loads(body)["resourceType"] == read.type
        done += 1
    assert done >= min(3, sum(len(frame["set"]) for frame in read.frames))


@pytest.mark.parametrize("source", [source for source in sources() if source.id != "Bundle"])
def test_an_edit_touches_only_the_elements_that_its_rows_name(source: str | Path) -> None:
    read = adapter().read(body_of(source))
    before = document(adapter().write(read.type, read.frames, read.residual)[0])
    for name, number, path, edited in edits(read.frames, random.Random(7)):
        kind, after = edited[number]["kind"], document(adapter().write(read.type, edited, read.residual)[0])
        touched = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        assert touched <= _elements(kind, str(path[0])) | {"contained"}, name


def _elements(kind: str, field: str) -> set[str]:
    """Top-level elements of the rows that write a field, or a field that it implies or that is derived from it."""
    rows = [row for table in adapter().library.tables.values() for row in table.spec.rows]
    fields = {f"{kind}.{field}"}
    for row in rows:
        if _fields(row.into) & fields:
            fields |= _fields([*row.into, *row.derive, *row.implies])
    return {re.split(r"[.\[]", at)[0] for row in rows if _fields(row.into) & fields for at in row.at}


def _fields(paths: Iterable[str]) -> set[str]:
    return {".".join(path.removesuffix("[]").split(".")[:2]) for path in paths}


def test_a_second_value_where_the_wire_has_one_place_is_reported() -> None:
    read = adapter().read(samples.RESULT.encode())
    edited = copy.deepcopy(read.frames)
    edited[0]["set"]["methods"].append({"text": "another"})
    _, faults = adapter().write("Observation", edited, read.residual)
    assert [(fault.place, fault.severity) for fault in faults] == [("methods", "lost")]


def test_an_edited_identifier_loses_what_was_said_of_the_old_one() -> None:
    read = adapter().read(samples.PATIENT.encode())
    edited = copy.deepcopy(read.frames)
    identity = edited[1]["set"]
    assert identity["identifiers"][2]["value"] == "9"
    identity["identifiers"][2]["value"] = "10"
    written = json.loads(adapter().write("Patient", edited, read.residual)[0])
    assert "old number" not in json.dumps(written)
    assert [item["value"] for item in written["identifier"]] == ["PAT-77", "10", "no-system"]
    assert written["extension"][0] == {"url": "https://mercy.example/sd/ward", "valueString": "7b"}


def test_a_moved_order_does_not_keep_the_name_of_the_patient_it_was_for() -> None:
    read = adapter().read(samples.ORDER.encode())
    edited = copy.deepcopy(read.frames)
    edited[0]["set"]["patient"]["identifiers"][0]["value"] = "p-99"
    written = json.loads(adapter().write("ServiceRequest", edited, read.residual)[0])
    assert written["subject"] == {"reference": "Patient/p-99"}


def test_an_integer_that_was_edited_is_not_sent_beside_its_old_value() -> None:
    read = adapter().read(
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueInteger":5,'
        b'"component":[{"code":{"text":"y"},"valueInteger":6}]}'
    )
    edited = copy.deepcopy(read.frames)
    edited[0]["set"]["value"]["quantity"] = {"value": "7", "unit": "mg"}
    written = json.loads(adapter().write("Observation", edited, read.residual)[0])
    assert {name for name in written if name.startswith("value")} == {"valueQuantity"}


# ---- hostile input --------------------------------------------------------------------------------------------

_NAMES = sorted(
    {
        step
        for table in fhir_r4.base().library.tables.values()
        for row in table.spec.rows
        for at in row.at
        for step in re.split(r"[.\[\]]", at)
        if step.isalpha()
    }
)
_INNER = (
    "system",
    "value",
    "code",
    "coding",
    "text",
    "reference",
    "identifier",
    "type",
    "use",
    "start",
    "end",
    "period",
    "given",
    "family",
    "line",
    "url",
    "low",
    "high",
    "numerator",
    "unit",
    "display",
    "id",
    "resourceType",
    "contained",
    "entry",
    "resource",
    "fullUrl",
    "request",
    "method",
    "extension",
)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.sampled_from([Num("1"), Num("-0.50"), Num("1e999"), Num("1" * 60)])
    | st.sampled_from(
        [
            "",
            " ",
            "x",
            "2026-02-30",
            "9999-12-31T23:59:60Z",
            "0000",
            "Patient/1",
            "#a",
            "urn:uuid:1",
            "final",
            "\x00",
            "é",
        ]
    )
    | st.sampled_from(["Patient", "Observation", "ServiceRequest", "Bundle", "PUT", "POST"])
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*_NAMES, *_INNER]), inner, max_size=5),
    max_leaves=25,
)
_RESOURCES = st.builds(
    lambda type_, body: {**body, "resourceType": type_},
    st.sampled_from([*TYPES, "Bundle"]),
    st.dictionaries(st.sampled_from([*_NAMES, *_INNER]), _TREES, max_size=10),
)
_DOCUMENTS = _RESOURCES | st.builds(
    lambda entries: {"resourceType": "Bundle", "type": "batch", "entry": entries},
    st.lists(
        st.builds(
            lambda r, w: {**w, "resource": r}, _RESOURCES, st.dictionaries(st.sampled_from(_INNER), _TREES, max_size=3)
        )
        | _TREES,
        max_size=4,
    ),
)


def _holds_nothing(value: Any) -> bool:
    """True for a null or an empty branch anywhere: no FHIR, and not told apart from absence."""
    if isinstance(value, dict):
        return not value or any(_holds_nothing(inner) for inner in value.values())
    if isinstance(value, list):
        return not value or any(_holds_nothing(inner) for inner in value)
    return value is None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(_DOCUMENTS)
def test_any_shape_is_read_or_refused_and_goes_back_as_it_came(tree: dict[str, Any]) -> None:
    body = json_text.dumps(tree)
    try:
        read = adapter().read(body)
    except (Unparsable, Unsupported):
        return
    sound = not _holds_nothing(tree)
    for frame in read.frames if sound and validate(json_text.loads(body)) == [] else ():
        canonical.check(frame)
    written, _ = adapter().write(read.type, read.frames, stored(read.residual))
    if sound:
        assert document(written) == document(body)
        assert sum(read.summary().values()) == count(json.loads(body))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(SYNTHETIC)), st.data())
def test_one_wrong_element_harms_nothing_but_itself(name: str, data: st.DataObject) -> None:
    tree = json_text.loads(SYNTHETIC[name].encode())
    places = list(_places(tree))
    path = data.draw(st.sampled_from(places))
    _set(tree, path, data.draw(_TREES))
    body = json_text.dumps(tree)
    try:
        read = adapter().read(body)
    except (Unparsable, Unsupported):
        return
    written, _ = adapter().write(read.type, read.frames, stored(read.residual))
    if not _holds_nothing(tree):
        assert document(written) == document(body)


def _places(value: Any, path: Steps = ()) -> Iterator[Steps]:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from _places(inner, (*path, step))


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceType":"Patient","name":' + "[" * 5000 + "]" * 5000 + "}",
        '{"resourceType":"Patient","resourceType":"Observation"}',
        '{"resourceType":"Observation","valueQuantity":{"value":NaN}}',
        '{"resourceType":"Patient","id":"\\ud800"}',
    ],
)
def test_hostile_json_is_unparsable(text: str) -> None:
    with pytest.raises(Unparsable):
        adapter().read(text.encode())


def test_a_huge_flat_resource_is_read_in_linear_time() -> None:
    names = ",".join(f'{{"family":"f{n}","given":["g{n}"]}}' for n in range(20_000))
    read = adapter().read(f'{{"resourceType":"Patient","name":[{names}],"x":[{names}]}}'.encode())
    assert len(read.frames[1]["set"]["names"]) == 20_000
