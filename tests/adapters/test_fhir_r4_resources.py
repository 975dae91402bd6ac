"""The resources of the journey (golden pairs, what each asserts, generated ones) and the table of official examples.

A pair is found by its name in tests/samples/fhir_r4: `<name>.json` is read as `<name>.frames.json`, and those frames
are written as `<name>.written.json`.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters import fhir_r4, json_text
from adapters.fhir_r4 import Adapter
from adapters.fhir_r4.pieces import VARIANTS, kind_of, name_of, type_of
from adapters.fhir_r4.validate import validate
from canonical_model import frames as canonical
from canonical_model.catalogue import EVENTS
from mappings.events import assertions
from tests.adapters import fhir_r4_samples, fhir_r4_table
from tests.adapters.fhir_r4_generated import resources
from tests.adapters.test_fhir_r4_laws import FILES, count, document, faults_of, stored
from tests.scale import share
from tests.standards import need, standards_dir

Tree = dict[str, Any]
PAIRS = sorted(file.name.removesuffix(".frames.json") for file in FILES.glob("*.frames.json"))
TYPES = (
    "Appointment",
    "BiologicallyDerivedProduct",
    "DetectedIssue",
    "DocumentReference",
    "MedicationAdministration",
    "Procedure",
    "Specimen",
    "Task",
)


@cache
def adapter() -> Adapter:
    event_types = {name: row.about for name, row in EVENTS.items()}
    return fhir_r4.adapter(canonical.set_schemas(), event_types=event_types, server=fhir_r4_samples.SERVER)


def sample(name: str) -> Tree:
    found: Tree = json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def asserted(tree: Tree) -> list[Tree]:
    read = adapter().read(json.dumps(tree).encode())
    return assertions(read.map, read.frames, "mercy/1")


# ---- golden pairs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PAIRS)
def test_a_sample_is_read_as_its_frames_and_they_are_written_as_its_pair(name: str) -> None:
    read = adapter().read((FILES / f"{name}.json").read_bytes())
    frames = json.loads((FILES / f"{name}.frames.json").read_text(encoding="utf-8"))
    assert read.frames == frames
    assert read.faults == []
    written, faults = adapter().write(read.type, frames)
    assert faults == []
    assert document(written) == document((FILES / f"{name}.written.json").read_bytes())


def test_every_sample_has_a_pair() -> None:
    assert {file.stem for file in FILES.glob("*.json") if "." not in file.stem} == set(PAIRS)
    assert {type_of(name) for name in adapter().leaves} >= set(TYPES)


# ---- which kind a Procedure or Task is ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("collection", "collection"),
        ("conditioning", "conditioning"),
        ("infusion", "administration"),
        ("activity", "activity"),
        ("shipment", "shipment"),
        ("batch", "batch"),
        ("obligation", "obligation"),
        ("task", "activity"),
    ],
)
def test_a_procedure_or_task_says_by_its_code_which_record_it_is(name: str, kind: str) -> None:
    tree = sample(name)
    assert kind_of(name_of(tree, adapter().library.codes)) == kind
    written, _ = adapter().write(tree["resourceType"], adapter().read(json.dumps(tree).encode()).frames)
    assert kind_of(name_of(json.loads(written), adapter().library.codes)) == kind


def test_a_code_that_a_table_knows_is_enough() -> None:
    tree = sample("collection")
    del tree["category"]
    assert name_of(tree, adapter().library.codes) == "Procedure:collection"
    tree["code"]["coding"][0]["system"] = "urn:other"
    assert name_of(tree, adapter().library.codes) == "Procedure:activity"


@pytest.mark.parametrize("coding", [None, [], [None], [{}], [{"code": 5}], [{"system": [], "code": "x"}], "x"])
def test_a_misshapen_code_names_no_kind(coding: Any) -> None:
    for type_, kinds in VARIANTS.items():
        tree = {"resourceType": type_, "code": {"coding": coding}, "category": {"coding": coding}}
        assert name_of(tree, adapter().library.codes) == f"{type_}:{kinds[-1]}"


def test_one_bundle_may_hold_several_kinds_of_one_type() -> None:
    entries = [
        {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-00000000000{n}", "resource": sample(name)}
        for n, name in enumerate(("shipment", "task", "batch", "infusion", "administration", "activity"))
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}).encode()
    read = adapter().read(body)
    kinds = [frame["kind"] for frame in read.frames if frame["kind"] != "message"]
    assert kinds == ["shipment", "activity", "batch", "administration", "administration", "activity"]
    assert document(adapter().write("Bundle", read.frames, stored(read.residual))[0]) == document(body)
    fresh = json.loads(adapter().write("Bundle", read.frames)[0])
    assert [entry["resource"]["resourceType"] for entry in fresh["entry"]].count("Task") == 3


CHANGE = "https://cgt-hub.example/StructureDefinition/change-reason"


@pytest.mark.parametrize("status", ["proposed", "pending", "booked", "fulfilled", "cancelled", "noshow"])
def test_why_an_appointment_was_changed_is_a_cancelation_reason_only_where_it_was_given_up(status: str) -> None:
    """app-4; read back it is the same reason."""
    tree = {**sample("appointment"), "status": status, "cancelationReason": {"text": "the cells came late"}}
    body = json.dumps(tree).encode()
    read = adapter().read(body)
    fresh, faults = adapter().write(read.type, read.frames)
    assert faults == []
    written = json.loads(fresh)
    extensions = {one["url"]: one for one in written["extension"]}
    given_up = status in {"cancelled", "noshow"}
    assert ("cancelationReason" in written) is given_up
    assert (CHANGE in extensions) is not given_up
    assert adapter().read(fresh).frames == read.frames
    assert document(adapter().write(read.type, read.frames, stored(read.residual))[0]) == document(body)


# ---- what is asserted -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "changes", "types"),
    [
        ("appointment", {}, ["slot.booked"]),
        ("appointment", {"status": "proposed"}, ["slot.proposed"]),
        ("appointment", {"status": "pending"}, ["slot.held"]),
        ("appointment", {"status": "noshow"}, ["slot.missed"]),
        ("appointment", {"status": "entered-in-error"}, ["slot.cancelled"]),
        ("appointment", {"status": "fulfilled"}, ["appointment.stated"]),
        ("product", {}, ["container.created"]),
        ("product", {"collection": None, "extension": None}, ["container.observed"]),
        ("specimen", {}, ["material.received"]),
        ("specimen", {"status": "unsatisfactory"}, ["material.rejected"]),
        ("specimen", {"status": "entered-in-error"}, ["issue.raised"]),
        ("specimen", {"receivedTime": None}, ["material.stated"]),
        ("collection", {"status": "in-progress"}, ["collection.started"]),
        ("collection", {}, ["collection.completed"]),
        ("collection", {"status": "stopped"}, ["collection.failed"]),
        ("collection", {"status": "not-done"}, ["collection.cancelled"]),
        ("collection", {"status": "preparation"}, []),
        ("collection", {"status": "unknown"}, []),
        ("collection", {"status": "entered-in-error"}, ["issue.raised"]),
        ("conditioning", {}, ["conditioning.stopped"]),
        ("administration", {"status": "in-progress"}, ["infusion.started"]),
        ("administration", {"status": "completed"}, ["infusion.completed"]),
        ("administration", {"status": "not-done"}, ["infusion.not-done"]),
        ("administration", {"status": "entered-in-error"}, ["issue.raised"]),
        ("administration", {"status": "completed", "supportingInformation": None}, []),
        ("infusion", {}, ["infusion.completed"]),
        ("infusion", {"status": "entered-in-error"}, ["issue.raised"]),
        ("infusion", {"status": "unknown"}, []),
        ("infusion", {"status": "not-done"}, ["infusion.not-done"]),
        ("activity", {}, []),
        ("document", {}, ["document.recorded"]),
        ("document", {"status": "entered-in-error"}, ["issue.raised"]),
        ("document", {"docStatus": "entered-in-error"}, ["issue.raised"]),
        ("document", {"docStatus": "preliminary"}, ["document.recorded"]),
        ("shipment", {}, ["shipment.accepted"]),
        ("shipment", {"businessStatus": None}, ["shipment.arrived"]),
        ("shipment", {"businessStatus": None, "status": "accepted"}, ["shipment.planned"]),
        ("shipment", {"businessStatus": None, "status": "failed"}, ["shipment.lost"]),
        ("shipment", {"status": "failed"}, ["shipment.lost"]),
        ("shipment", {"status": "rejected"}, ["shipment.cancelled"]),
        ("shipment", {"status": "cancelled"}, ["shipment.cancelled"]),
        ("shipment", {"status": "in-progress"}, ["shipment.departed"]),
        ("shipment", {"status": "entered-in-error"}, ["issue.raised"]),
        ("batch", {}, ["batch.failed"]),
        ("batch", {"status": "in-progress"}, ["batch.started"]),
        ("batch", {"status": "cancelled"}, ["batch.terminated"]),
        ("obligation", {}, ["obligation.recorded"]),
        ("obligation", {"status": "cancelled"}, []),
        ("task", {}, []),
        ("issue", {}, ["issue.assessed"]),
        ("issue", {"extension": None}, ["issue.raised"]),
    ],
)
def test_what_a_resource_asserts(name: str, changes: Tree, types: list[str]) -> None:
    tree = {key: value for key, value in {**sample(name), **changes}.items() if value is not None}
    assert [event["type"] for event in asserted(tree)] == types


def business(code: str) -> Tree:
    return {"coding": [{"system": "https://cgt-hub.example/cs/shipment-state", "code": code}]}


@pytest.mark.parametrize(
    ("status", "said", "state", "faults"),
    [
        ("completed", "accepted", "accepted", 0),
        ("completed", "rejected", "rejected", 0),
        ("received", "planned", "planned", 0),
        ("failed", "accepted", "lost", 1),
        ("rejected", "accepted", "cancelled", 1),
        ("cancelled", "in-transit", "cancelled", 1),
        ("completed", "exploded", "delivered", 1),
        ("completed", "entered-in-error", "delivered", 1),
    ],
)
def test_a_business_status_says_a_status_more_exactly_and_never_another(
    status: str, said: str, state: str, faults: int
) -> None:
    tree = {**sample("shipment"), "status": status, "businessStatus": business(said)}
    read = adapter().read(json.dumps(tree).encode())
    assert read.frames[0]["set"]["status"] == state
    assert [fault.code for fault in read.faults] == ["places-disagree"] * faults
    assert document(adapter().write(read.type, read.frames, stored(read.residual))[0]) == document(
        json.dumps(tree).encode()
    )


HELD = [
    {
        "resourceType": "Medication",
        "id": id_,
        "code": {"text": product},
        "batch": {"lotNumber": lot},
    }
    for id_, product, lot in (("dil", "Saline", "SAL1"), ("car", "CAR-T", "CAR9"))
]


@pytest.mark.parametrize(
    ("reference", "product", "lot", "faults"),
    [
        ({"reference": "#car"}, {"text": "CAR-T"}, "CAR9", []),
        ({"reference": "#dil"}, {"text": "Saline"}, "SAL1", []),
        ({"reference": "#other"}, None, None, ["reference-unknown"]),
        ({"reference": "Medication/7"}, None, None, []),
        ({"display": "CAR-T"}, None, None, []),
    ],
)
def test_the_medication_that_was_given_is_the_one_that_is_referred_to(
    reference: Tree, product: Tree | None, lot: str | None, faults: list[str]
) -> None:
    tree = {**sample("administration"), "medicationReference": reference, "contained": HELD}
    del tree["medicationCodeableConcept"]
    tree["extension"] = [one for one in tree.get("extension", ()) if "valueString" not in one]
    body = json.dumps(tree).encode()
    read = adapter().read(body)
    assert (read.frames[0]["set"].get("product"), read.frames[0]["set"].get("lot")) == (product, lot)
    assert [fault.code for fault in read.faults if fault.severity != "error"] == faults
    assert document(adapter().write(read.type, read.frames, stored(read.residual))[0]) == document(body)


def test_a_donation_and_a_lot_are_no_names_of_a_bag() -> None:
    (event,) = asserted(sample("product"))
    assert [name["value"] for name in event["about"]["identifiers"]] == ["bag-7", "BAG-7"]
    assert event["set"]["collection"]["identifiers"][0]["value"] == "A999926000077"
    assert event["set"]["material"]["identifiers"][0]["value"] == "LOT-77"


def test_nobody_settles_an_issue_of_the_hub_by_a_detected_issue() -> None:
    own = {"system": "https://cgt-hub.example/id/issue", "value": "9c1f"}
    tree = {**sample("issue"), "identifier": [own], "id": None}
    assert asserted({key: value for key, value in tree.items() if value is not None}) == []


def test_a_document_is_known_by_the_digest_of_its_bytes() -> None:
    frame = adapter().read(json.dumps(sample("document")).encode()).frames[0]["set"]
    content = b64decode(sample("document")["content"][0]["attachment"]["data"])
    assert frame["sha256"] == sha256(content).hexdigest()
    assert frame["size"] == len(content) == 15


def test_a_frame_that_says_little_is_written_as_a_valid_resource() -> None:
    for name in adapter().leaves:
        kind, type_ = kind_of(name), type_of(name)
        if type_ in TYPES:
            body, _ = adapter().write(type_, [{"kind": kind, "key": kind, "set": {}}])
            assert validate(json_text.loads(body)) == [], name


# ---- generated resources --------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", TYPES)
def test_a_generated_resource_goes_back_as_it_came_and_loses_nothing(type_: str) -> None:
    for tree in resources(type_, seed=1, amount=share(60)):
        body = json_text.dumps(tree)
        read = adapter().read(body)
        for frame in read.frames:
            canonical.check(frame)
        written, _ = adapter().write(read.type, read.frames, stored(read.residual))
        assert document(written) == document(body)
        assert sum(read.summary().values()) == count(json.loads(body))


@pytest.mark.standards
@pytest.mark.parametrize("type_", TYPES)
def test_what_is_written_of_a_generated_resource_is_valid_to_others(type_: str) -> None:
    for tree in resources(type_, seed=2, amount=share(20)):
        read = adapter().read(json_text.dumps(tree))
        written, _ = adapter().write(read.type, read.frames)
        assert faults_of(json.loads(written)) == []


@pytest.mark.parametrize("type_", TYPES)
def test_what_the_tables_carry_is_read_back_equal(type_: str) -> None:
    """Nine of ten generated resources of what the tables carry, created and read back, are equal."""
    equal, amount = 0, share(60)
    for tree in resources(type_, seed=3, amount=amount):
        known = _carried(json_text.dumps(tree))
        again = _carried(known)
        equal += document(again) == document(known)
    assert equal / amount >= 0.9


def _carried(body: bytes) -> bytes:
    """A resource with only what the tables carry of it."""
    read = adapter().read(body)
    return adapter().write(read.type, read.frames)[0]


# ---- the official examples ------------------------------------------------------------------------------------


@pytest.mark.standards
def test_the_table_of_official_examples_counts_no_crash_and_no_silent_loss() -> None:
    lines = list(fhir_r4_table.lines(need(standards_dir() / "fhir" / "r4" / "examples")))
    assert {line.type for line in lines} == set(fhir_r4_table.TYPES)
    for line in lines:
        assert (line.files["crashed"], line.leaves["silent"]) == (0, 0), line.reasons
        assert line.files["written"] == line.files["tried"], line.type
        assert line.files["recorded"] + line.files["kept"] + line.files["refused"] == line.files["tried"]


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.startswith("| "))


@pytest.mark.standards
def test_the_page_shows_the_table_as_it_is() -> None:
    need(standards_dir() / "fhir" / "r4" / "examples")
    page = (Path(__file__).parents[2] / "docs" / "public-files.md").read_text(encoding="utf-8")
    shown = Counter(_lines(page))
    assert not Counter(_lines(fhir_r4_table.table(list(fhir_r4_table.lines())))) - shown
