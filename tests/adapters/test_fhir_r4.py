"""FHIR R4 both ways: resources and Bundles whose frames are written by hand, references, places, refusals."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from adapters import fhir_r4, json_text
from adapters.fhir_r4 import Adapter, Unparsable, Unsupported
from canonical_model import frames as canonical
from canonical_model.catalogue import EVENTS
from mappings.faults import Fault
from tests.adapters import fhir_r4_samples as samples

GOLDEN = [
    ("Patient", samples.PATIENT, samples.PATIENT_FRAMES),
    ("ServiceRequest", samples.ORDER, samples.ORDER_FRAMES),
    ("Observation", samples.RESULT, samples.RESULT_FRAMES),
]


@pytest.fixture(scope="module")
def adapter() -> Adapter:
    event_types = {name: row.about for name, row in EVENTS.items()}
    return fhir_r4.adapter(
        canonical.set_schemas(), system="urn:oid:9.9", event_types=event_types, server=samples.SERVER
    )


def plain(tree: Any) -> Any:
    return json.loads(json_text.dumps(tree))


# ---- golden pairs, both ways ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_", "text", "frames"), GOLDEN)
def test_a_resource_is_read_as_the_frames_written_by_hand(
    adapter: Adapter, type_: str, text: str, frames: list[dict[str, Any]]
) -> None:
    read = adapter.read(text.encode())
    assert read.type == type_
    assert read.frames == frames
    assert read.faults == []
    for frame in read.frames:
        canonical.check(frame)


@pytest.mark.parametrize(("type_", "text", "frames"), GOLDEN)
def test_frames_and_residual_are_written_as_the_resource_that_they_came_from(
    adapter: Adapter, type_: str, text: str, frames: list[dict[str, Any]]
) -> None:
    read = adapter.read(text.encode())
    stored = json_text.loads(json_text.dumps(read.residual))
    body, faults = adapter.write(type_, read.frames, stored)
    assert json_text.normal(json_text.loads(body)) == json_text.normal(json_text.loads(text.encode()))
    assert faults == []


def test_fresh_frames_are_written_without_what_only_the_sender_said(adapter: Adapter) -> None:
    body, faults = adapter.write("Patient", samples.PATIENT_FRAMES)
    assert faults == []
    written = json.loads(body)
    assert written["id"] == "p-77"
    assert written["extension"] == [{"url": samples.MAIDEN_NAME, "valueString": "Quux"}]
    assert written["name"][0]["prefix"] == ["Dr Prof"]
    assert written["identifier"][2] == {"value": "no-system"}
    assert written["link"] == [{"type": "replaces", "other": {"reference": "Patient/p-12"}}]
    assert written["telecom"][0] == {"system": "phone", "value": "+1 555 0100", "use": "mobile"}
    assert not {"text", "contact", "photo"} & written.keys()
    assert written["meta"] == {"lastUpdated": "2026-03-01T08:00:00.250Z"}


def test_a_fresh_order_has_its_identifiers_by_type_and_its_group_as_requisition(adapter: Adapter) -> None:
    written = json.loads(adapter.write("ServiceRequest", samples.ORDER_FRAMES)[0])
    types = [item["type"]["coding"][0] for item in written["identifier"]]
    assert types == [
        {"system": samples.V2_0203, "code": "PLAC"},
        {"system": samples.V2_0203, "code": "FILL"},
        {"system": samples.OWN_TYPES, "code": "coi"},
    ]
    assert written["requisition"]["value"] == "GRP-9"
    assert [note["text"] for note in written["note"]] == ["first note", "second note"]
    assert {ref.get("display") for ref in written["performer"]} == {"Cell Works", None}


def test_a_decimal_keeps_its_digits(adapter: Adapter) -> None:
    body, _ = adapter.write("Observation", samples.RESULT_FRAMES)
    assert b'"value":2.10' in body
    assert b'"value":61.0' in body


def test_what_is_required_is_written_where_a_frame_does_not_say_it(adapter: Adapter) -> None:
    order = json.loads(adapter.write("ServiceRequest", [{"kind": "order", "key": "order", "set": {}}])[0])
    assert (order["status"], order["intent"]) == ("active", "order")
    assert order["subject"]["extension"][0]["valueCode"] == "unknown"
    result = json.loads(adapter.write("Observation", [{"kind": "result", "key": "result", "set": {}}])[0])
    assert result["status"] == "unknown"
    assert result["code"]["extension"][0]["valueCode"] == "unknown"


def test_what_has_no_place_in_a_resource_is_reported_not_dropped(adapter: Adapter) -> None:
    frames = [{"kind": "result", "key": "result", "set": {"sub_id": "1", "test": {"text": "CD3"}, "analysed_at": None}}]
    _, faults = adapter.write("Observation", frames)
    assert {fault.place for fault in faults} == {"result.sub_id", "result.analysed_at"}
    assert {(fault.code, fault.severity) for fault in faults} == {("no-home", "lost")}


def test_sealed_and_opaque_values_are_withheld_and_said_to_be(adapter: Adapter) -> None:
    frames = [
        {
            "kind": "order",
            "key": "order",
            "set": {"note": {"sealed": "tok-1"}, "requesters": [{"actor": "a-1"}], "performers": [{"actor": "a-2"}]},
        }
    ]
    body, faults = adapter.write("ServiceRequest", frames)
    assert b"tok-1" not in body
    assert b"a-1" not in body
    assert [fault.code for fault in faults] == ["withheld"] * 3


# ---- Bundles, contained resources, references -----------------------------------------------------------------


def test_references_inside_a_bundle_become_frame_keys(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    by_key = {frame["key"]: frame for frame in read.frames}
    order = by_key[f"order:{samples.SERVER}/ServiceRequest~o-1"]
    assert order["set"]["patient"] == {"frame": "subject"}
    result = by_key["result"]
    assert result["set"]["order"] == {"frame": order["key"]}
    assert result["set"]["patient"] == {"frame": "subject#2"}
    assert by_key["subject#2"]["set"] == {"sex": "male"}
    assert by_key["message"]["set"]["control_id"] == "MSG-1"
    assert (read.type, read.source_id) == ("Bundle", "MSG-1")


def test_an_id_that_only_the_bundle_knows_names_no_record(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    identity = next(frame for frame in read.frames if frame["key"] == "subject/identity")
    assert identity["set"]["identifiers"] == [{"system": "urn:oid:1.2.3.4", "value": "PAT-77"}]


def test_an_entry_that_no_table_reads_is_kept_and_named(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    assert [(fault.code, fault.place) for fault in read.faults] == [
        ("piece-unsupported", "Bundle.entry[1]"),
        ("piece-unsupported", "Bundle.entry[4]"),
    ]


def test_a_bundle_goes_back_whole(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    body, _ = adapter.write("Bundle", read.frames, json_text.loads(json_text.dumps(read.residual)))
    assert json_text.normal(json_text.loads(body)) == json_text.normal(json_text.loads(samples.BUNDLE.encode()))


def test_a_deleted_frame_takes_its_entry_and_nothing_else(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    kept = [frame for frame in read.frames if frame["kind"] != "result" and not frame["key"].startswith("subject#2")]
    body, _ = adapter.write("Bundle", kept, read.residual)
    whole, left = json.loads(samples.BUNDLE), json.loads(body)
    del whole["entry"][3]
    assert left == whole


def test_frames_in_another_order_take_their_entries_with_them(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    head, subject, identity, order, result, *donor = read.frames
    assert (order["kind"], result["kind"]) == ("order", "result")
    body, _ = adapter.write("Bundle", [head, subject, identity, result, *donor, order], read.residual)
    before, after = json.loads(samples.BUNDLE)["entry"], json.loads(body)["entry"]
    assert [before.index(entry) for entry in after] == [0, 1, 3, 2, 4]


def test_a_new_frame_gets_an_entry_of_its_own_with_a_request(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    new = {"kind": "result", "key": "new", "set": {"test": {"text": "CD8"}, "patient": {"frame": "subject"}}}
    written = json.loads(adapter.write("Bundle", [*read.frames, new], read.residual)[0])
    entry = next(e for e in written["entry"] if e.get("resource", {}).get("code") == {"text": "CD8"})
    assert entry["fullUrl"].startswith("urn:uuid:")
    assert entry["request"] == {"method": "POST", "url": "Observation"}
    assert entry["resource"]["subject"] == {"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"}


def test_a_fresh_bundle_never_overwrites_a_known_patient_and_updates_a_named_order(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    written = json.loads(adapter.write("Bundle", read.frames)[0])
    requests = {e["resource"]["resourceType"]: e["request"] for e in written["entry"][:2]}
    assert requests["Patient"] == {
        "method": "POST",
        "url": "Patient",
        "ifNoneExist": "identifier=urn:oid:1.2.3.4|PAT-77",
    }
    assert requests["ServiceRequest"]["method"] == "PUT"
    assert requests["ServiceRequest"]["url"] == "ServiceRequest?identifier=urn:oid:1.2.3.6|PLC-1"


def test_a_single_resource_contains_the_frames_that_it_refers_to(adapter: Adapter) -> None:
    frames = [
        {"kind": "subject", "key": "subject", "set": {"sex": "male"}},
        {"kind": "subject", "key": "subject#2", "set": {"sex": "female"}},
        {"kind": "result", "key": "result", "set": {"test": {"text": "CD3"}, "patient": {"frame": "subject"}}},
    ]
    body, faults = adapter.write("Observation", frames)
    written = json.loads(body)
    (inner,) = written["contained"]
    assert inner["gender"] == "male"
    assert written["subject"] == {"reference": f"#{inner['id']}"}
    assert [fault.place for fault in faults] == ["subject frame"]


def test_a_logical_reference_names_its_record_and_comes_back(adapter: Adapter) -> None:
    body = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"x"},'
        b'"subject":{"type":"Patient","identifier":{"system":"urn:oid:1.2.3.4","value":"PAT-77"}}}'
    )
    read = adapter.read(body)
    assert read.frames[0]["set"]["patient"] == {
        "kind": "subject",
        "identifiers": [{"system": "urn:oid:1.2.3.4", "value": "PAT-77"}],
    }
    assert json.loads(adapter.write("Observation", read.frames)[0])["subject"] == json.loads(body)["subject"]


def test_a_reference_to_another_kind_of_resource_is_no_patient(adapter: Adapter) -> None:
    body = b'{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Group/1"}}'
    read = adapter.read(body)
    assert "patient" not in read.frames[0]["set"]
    assert adapter.write("Observation", read.frames, read.residual)[0] == body or json.loads(
        adapter.write("Observation", read.frames, read.residual)[0]
    ) == json.loads(body)


def test_without_a_named_server_a_relative_reference_names_nothing_by_itself() -> None:
    read = fhir_r4.base().read(samples.ORDER.encode())
    patient = read.frames[0]["set"]["patient"]
    assert patient["identifiers"] == [
        {"system": "urn:id:unassigned", "value": "Patient/p-77", "type": "resource", "assumed": True}
    ]
    assert json.loads(fhir_r4.base().write("ServiceRequest", read.frames)[0])["subject"] == {
        "reference": "Patient/p-77"
    }


def test_another_servers_id_is_never_written_as_this_ones(adapter: Adapter) -> None:
    read = fhir_r4.adapter(server="https://elsewhere.example/fhir").read(samples.ORDER.encode())
    written = json.loads(adapter.write("ServiceRequest", read.frames)[0])
    assert "id" not in written
    assert written["subject"] == {"reference": "https://elsewhere.example/fhir/Patient/p-77"}
    assert all("elsewhere" not in item.get("system", "") for item in written["identifier"])


class _Server:
    """A hub that has one patient."""

    known: ClassVar = {"kind": "subject", "identifiers": [{"system": "urn:hub:subject", "value": "s-1"}]}

    def record(self, reference: str) -> Mapping[str, Any] | None:
        return self.known if reference == "Patient/abc" else None

    def reference(self, record: Mapping[str, Any]) -> str | None:
        return "Patient/abc" if record == self.known else None


def test_the_servers_own_references_go_through_its_resolver(adapter: Adapter) -> None:
    tree = json_text.loads(samples.ORDER.encode())
    tree["subject"] = {"reference": "Patient/abc"}
    read = adapter.resource_to_frames(tree, _Server())
    assert read.frames[0]["set"]["patient"] == _Server.known
    assert all(item.get("type") != "resource" for item in read.frames[0]["set"]["identifiers"])
    written, _ = adapter.frames_to_resource("ServiceRequest", read.frames, None, _Server())
    assert written["subject"] == {"reference": "Patient/abc"}
    assert "id" not in written


def test_a_reference_that_the_server_does_not_have_is_a_fault_at_its_place(adapter: Adapter) -> None:
    tree = json_text.loads(samples.ORDER.encode())
    read = adapter.resource_to_frames(tree, _Server())
    faults = [fault for fault in read.faults if fault.code == "reference-unknown"]
    assert [fault.place for fault in faults] == ["ServiceRequest.subject"]


# ---- the adapter changes nothing that it was given ------------------------------------------------------------


def test_writing_does_not_change_frames_or_residual(adapter: Adapter) -> None:
    read = adapter.read(samples.BUNDLE.encode())
    frames, residual = copy.deepcopy(read.frames), copy.deepcopy(read.residual)
    adapter.write("Bundle", read.frames, read.residual)
    adapter.write("Bundle", read.frames)
    assert (read.frames, read.residual) == (frames, residual)


def test_frames_hold_plain_json_only(adapter: Adapter) -> None:
    for text in (samples.PATIENT, samples.ORDER, samples.RESULT, samples.BUNDLE):
        frames = adapter.read(text.encode()).frames
        assert json.loads(json.dumps(frames)) == frames
        assert "Num" not in repr([type(leaf) for leaf in _leaves(frames)])


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in _leaves(inner)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner)]
    return [value]


# ---- faults and refusals --------------------------------------------------------------------------------------


def test_an_unreadable_leaf_is_a_fault_with_its_path_and_stays_with_its_sender(adapter: Adapter) -> None:
    tree = json.loads(samples.PATIENT)
    tree["birthDate"] = "1981-02-29"
    tree["gender"] = "f"
    tree["identifier"][0]["period"]["start"] = "May"
    body = json.dumps(tree).encode()
    read = adapter.read(body)
    assert {(fault.code, fault.place) for fault in read.faults} == {
        ("date-unreadable", "Patient._birthDate.extension.valueDateTime"),
        ("code-unknown", "Patient.gender"),
        ("time-unreadable", "Patient.identifier.period"),
    }
    assert "1981" not in " ".join(str(fault) for fault in read.faults)
    assert json.loads(adapter.write("Patient", read.frames, read.residual)[0]) == tree


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Patient/>', "fhir-xml"),
        (b'\xef\xbb\xbf  <Patient xmlns="http://hl7.org/fhir"/>', "fhir-xml"),
        (b"[]", "fhir-shape"),
        (b'"Patient"', "fhir-shape"),
        (b"{}", "fhir-shape"),
        (b'{"resourceType":5}', "fhir-shape"),
        (b'{"resourceType":"../Patient"}', "fhir-shape"),
        (b'{"resourceType":"Bundle","type":"batch","entry":{}}', "fhir-shape"),
        (b'{"resourceType":"Patient","id":NaN}', "json-number"),
    ],
)
def test_what_is_no_resource_is_unparsable(adapter: Adapter, body: bytes, code: str) -> None:
    with pytest.raises(Unparsable) as refused:
        adapter.read(body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"resourceType":"Claim"}', "Claim"),
        (b'{"resourceType":"Bundle","type":"searchset"}', "Bundle searchset"),
        (b'{"resourceType":"Bundle"}', "Bundle"),
        (b'{"resourceType":"Bundle","type":["batch"]}', "Bundle"),
    ],
)
def test_what_no_table_reads_is_unsupported_and_named(adapter: Adapter, body: bytes, named: str) -> None:
    with pytest.raises(Unsupported) as refused:
        adapter.read(body)
    assert refused.value.message_type == named


def test_a_resource_without_its_frame_is_not_written(adapter: Adapter) -> None:
    with pytest.raises(Unsupported):
        adapter.write("Patient", samples.ORDER_FRAMES)


def test_the_account_names_the_row_that_carried_a_leaf(adapter: Adapter) -> None:
    entries = {".".join(entry.place): entry for entry in adapter.read(samples.ORDER.encode()).entries()}
    assert (entries["requisition.value"].fate, entries["requisition.value"].row) == ("carried", "Sreq")
    assert entries["subject.display"].reason == "minimised"
    assert entries["insurance.reference"].reason == "billing"
    assert entries["code.coding.userSelected"].fate == "residual"
    assert entries["occurrenceDateTime"].target == "order.target"


def test_faults_have_the_severity_of_what_can_be_read_without_them(adapter: Adapter) -> None:
    read = adapter.read(b'{"resourceType":"Patient","gender":"f"}')
    assert [fault.severity for fault in read.faults] == ["warning"]
    assert isinstance(read.faults[0], Fault)
