"""An update as a diff: what a partner changed, what it cannot change, and what is no change at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters import fhir_r4, json_text
from adapters.fhir_r4.diff import Changes, changes
from tests.adapters import fhir_r4_samples as samples

ADAPTER = fhir_r4.adapter(server=samples.SERVER)
SOURCES = {"Patient": samples.PATIENT, "ServiceRequest": samples.ORDER, "Observation": samples.RESULT}

Tree = dict[str, Any]


def update(type_: str, edit: Callable[[Tree], None], before: Callable[[Tree], None] = lambda tree: None) -> Changes:
    """The changes of a client that reads a resource, edits it and sends it whole."""
    shown: Tree = json_text.loads(SOURCES[type_].encode())
    before(shown)
    sent = copy.deepcopy(shown)
    edit(sent)
    return changes(_read(shown), _read(sent))


def _read(tree: Tree) -> Any:
    return ADAPTER.resource_to_frames(json_text.loads(json_text.dumps(tree)))


@pytest.mark.parametrize("type_", sorted(SOURCES))
def test_the_same_resource_sent_again_is_no_change(type_: str) -> None:
    found = update(type_, lambda tree: None)
    assert (found.frames, found.unwritable) == ([], [])
    assert not found


def test_a_changed_field_is_the_only_thing_said() -> None:
    found = update("ServiceRequest", lambda tree: tree.update(status="active", priority="stat"))
    assert found.unwritable == []
    assert found.frames == [
        {
            "kind": "order",
            "key": f"order:{samples.SERVER}/ServiceRequest~o-1",
            "set": {"state": "active", "priority": "stat"},
            "clear": [],
        }
    ]


def test_an_element_that_is_left_out_is_cleared() -> None:
    found = update("ServiceRequest", lambda tree: tree.pop("occurrenceDateTime"))
    assert (found.frames[0]["set"], found.frames[0]["clear"]) == ({}, ["target"])


def test_a_changed_name_is_the_vaults_and_nothing_else_moves() -> None:
    found = update("Patient", lambda tree: tree["name"][0].update(family="New"))
    (frame,) = found.frames
    assert (frame["kind"], list(frame["set"])) == ("identity", ["names"])
    assert [name.get("family") for name in frame["set"]["names"]] == ["New", None]
    assert found.unwritable == []


def test_a_birth_date_moves_what_is_derived_from_it() -> None:
    def edit(tree: Tree) -> None:
        tree["birthDate"] = "1981-03-01"
        del tree["_birthDate"]

    found = update("Patient", edit)
    assert {frame["kind"]: frame["set"] for frame in found.frames} == {
        "subject": {"birth_year": 1981},
        "identity": {"birth_date": "1981-03-01"},
    }


def test_a_further_note_can_be_written() -> None:
    found = update("ServiceRequest", lambda tree: tree["note"].append({"text": "third"}))
    assert found.unwritable == []
    assert found.frames[0]["set"] == {"note": "first note\n\n---\n\nsecond note\n\n---\n\nthird"}


# ---- what cannot be written -----------------------------------------------------------------------------------


UNWRITABLE: list[tuple[str, Callable[[Tree], Any], list[str]]] = [
    ("ServiceRequest", lambda t: t["subject"].update(reference="Patient/p-99"), ["ServiceRequest.subject"]),
    ("ServiceRequest", lambda t: t.update(intent="order"), ["ServiceRequest.intent"]),
    ("ServiceRequest", lambda t: t.update(doNotPerform=True), ["ServiceRequest.doNotPerform"]),
    ("ServiceRequest", lambda t: t["identifier"].pop(0), ["ServiceRequest.identifier"]),
    ("ServiceRequest", lambda t: t["identifier"][2].update(value="CHABC0126ABCDEG"), ["ServiceRequest.identifier"]),
    ("ServiceRequest", lambda t: t["requisition"].update(value="other"), ["ServiceRequest.identifier"]),
    ("ServiceRequest", lambda t: t.update(patientInstruction="fast"), ["ServiceRequest.patientInstruction"]),
    (
        "ServiceRequest",
        lambda t: t["insurance"][0].update(reference="Coverage/6"),
        ["ServiceRequest.insurance.reference"],
    ),
    ("ServiceRequest", lambda t: t["subject"].update(display="Somebody Else"), ["ServiceRequest.subject.display"]),
    ("ServiceRequest", lambda t: t["note"][0].update(time="2026-01-01"), ["ServiceRequest.note.time"]),
    ("Observation", lambda t: t["subject"].update(reference="Patient/p-99"), ["Observation.subject"]),
    ("Observation", lambda t: t.pop("basedOn"), ["Observation.basedOn"]),
    (
        "Observation",
        lambda t: t.update(specimen={"reference": "Specimen/s-2", "display": "S-1"}),
        ["Observation.specimen"],
    ),
    ("Observation", lambda t: t.update(partOf=[{"reference": "Procedure/1"}]), ["Observation.partOf.reference"]),
    ("Patient", lambda t: t["contact"].clear(), ["Patient.contact.name.text"]),
    ("Patient", lambda t: t["extension"][0].update(valueString="8c"), ["Patient.extension.valueString"]),
    ("Patient", lambda t: t["identifier"][0].update(value="PAT-78"), ["Patient.identifier"]),
    ("Patient", lambda t: t.update(link=[]), ["Patient.link.other"]),
    ("Patient", lambda t: t["meta"].update(security=[{"code": "R"}]), ["Patient.meta.security.code"]),
    (
        "Patient",
        lambda t: t["text"].update(status="additional", div='<div xmlns="http://www.w3.org/1999/xhtml">allergic</div>'),
        ["Patient.text.div", "Patient.text.status"],
    ),
]


@pytest.mark.parametrize(("type_", "edit", "places"), UNWRITABLE)
def test_what_cannot_be_recorded_is_named_so_that_it_is_not_lost(
    type_: str, edit: Callable[[Tree], Any], places: list[str]
) -> None:
    found = update(type_, edit)
    assert found.unwritable == places
    assert found.frames == []


def test_what_can_be_written_is_told_apart_from_what_cannot() -> None:
    def edit(tree: Tree) -> None:
        tree["status"] = "completed"
        tree["locationCode"] = [{"text": "ward 7"}]

    found = update("ServiceRequest", edit)
    assert found.frames[0]["set"] == {"state": "completed"}
    assert found.unwritable == ["ServiceRequest.locationCode.text"]


# ---- what is no change ----------------------------------------------------------------------------------------


SAME: list[tuple[str, Callable[[Tree], Any]]] = [
    ("Patient", lambda t: t["meta"].update(versionId="4", profile=["https://elsewhere.example/sd"])),
    ("Patient", lambda t: t.pop("text")),
    ("Patient", lambda t: t["text"].update(div='<div xmlns="http://www.w3.org/1999/xhtml">made anew</div>')),
    ("Patient", lambda t: t["identifier"].reverse()),
    ("Observation", lambda t: t["valueQuantity"].update(value=json_text.Num("2.1"))),
    ("Observation", lambda t: t["valueQuantity"].update(value=json_text.Num("21e-1"))),
    ("Observation", lambda t: t["component"][0]["referenceRange"][0]["high"].update(value=json_text.Num("80.0"))),
    ("Observation", lambda t: t.update(issued="2026-03-08T05:30:00.000Z")),
    ("ServiceRequest", lambda t: t.update(authoredOn="2026-03-01T09:15:00Z")),
    ("ServiceRequest", lambda t: t["identifier"].reverse()),
]


@pytest.mark.parametrize(("type_", "edit"), SAME)
def test_what_a_client_does_without_meaning_it_is_no_change(type_: str, edit: Callable[[Tree], Any]) -> None:
    assert not update(type_, edit)


def test_codings_have_no_order_but_names_have() -> None:
    def two(tree: Tree) -> None:
        tree["code"] = {"coding": [{"system": "urn:a", "code": "1"}, {"system": "urn:b", "code": "2"}]}

    assert not update("Observation", lambda tree: tree["code"]["coding"].reverse(), two)
    assert update("Patient", lambda tree: tree["name"].reverse())


def test_a_number_that_is_text_is_a_text() -> None:
    found = update(
        "ServiceRequest",
        lambda t: t.update(code={"coding": [{"code": "1.0"}]}),
        lambda t: t.update(code={"coding": [{"code": "1"}]}),
    )
    assert found.frames[0]["set"] == {"service": {"codings": [{"code": "1.0"}]}}


def test_a_coarser_time_is_a_change() -> None:
    found = update("ServiceRequest", lambda tree: tree.update(occurrenceDateTime="2026-05"))
    assert found.frames[0]["set"]["target"]["precision"] == "month"


# ---- identifiers ----------------------------------------------------------------------------------------------


def test_an_identifier_can_be_given_but_not_taken_away() -> None:
    new = {"system": "urn:oid:7.7", "value": "N-1"}
    found = update("ServiceRequest", lambda tree: tree["identifier"].append(new))
    assert found.unwritable == []
    assert new in found.frames[0]["set"]["identifiers"]


def test_an_old_number_can_be_ended() -> None:
    def end(tree: Tree) -> None:
        tree["identifier"][0]["use"] = "old"
        tree["identifier"][0]["period"]["end"] = "2026-03-01"

    found = update("Patient", end)
    assert found.unwritable == []
    ended = found.frames[0]["set"]["identifiers"][1]
    assert (ended["use"], ended["period"]["end"]["local"]) == ("old", "2026-03-01")


def test_a_number_cannot_be_made_another_kind_of_number() -> None:
    def swap(tree: Tree) -> None:
        tree["identifier"][0]["type"], tree["identifier"][1]["type"] = (
            tree["identifier"][1]["type"],
            tree["identifier"][0]["type"],
        )

    assert update("ServiceRequest", swap).unwritable == ["ServiceRequest.identifier"]


def test_the_diff_of_a_real_round_trip_through_the_writer_is_empty() -> None:
    for type_, text in SOURCES.items():
        fresh, _ = ADAPTER.frames_to_resource(type_, ADAPTER.read(text.encode()).frames)
        shown = json.loads(json_text.dumps(fresh))
        again = ADAPTER.resource_to_frames(json_text.loads(json.dumps(shown).encode()))
        assert not changes(ADAPTER.resource_to_frames(fresh), again), type_
