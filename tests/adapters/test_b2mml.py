"""B2MML: golden samples both ways, what the traps of the standard become, and what is told of an order and its slot."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree

from adapters.b2mml import codecs, names, steps
from adapters.b2mml.names import Element
from adapters.reading import Read, Unparsable, Unsupported
from canonical_model.frames import check
from mappings import events, send
from mappings.faults import Unreadable
from tests.adapters.b2mml_samples import FRESH, NS, OLD, SAMPLES, adapter, normal, own, v0700

NAMES = sorted(own())


def read(name: str) -> Read:
    return adapter().read(own()[name])


def frame(found: Read, kind: str, count: int = 0) -> dict[str, Any]:
    return [f for f in found.frames if f["kind"] == kind][count]["set"]  # type: ignore[no-any-return]


def asserted(found: Read) -> list[dict[str, Any]]:
    return events.assertions(found.map, found.frames, "foundry/1")


def lot(inner: str, namespace: str = NS) -> Read:
    return adapter().read(f'<MaterialLot xmlns="{namespace}"><ID>L</ID>{inner}</MaterialLot>'.encode())


def decision(inner: str, namespace: str = NS) -> str:
    found = [f["set"]["decision"] for f in lot(inner, namespace).frames if f["kind"] == "disposition"]
    return str(found[0]) if found else ""


def property_(name: str, value: str) -> str:
    return (
        f"<MaterialLotProperty><ID>{name}</ID><Value><ValueString>{value}</ValueString></Value></MaterialLotProperty>"
    )


# ---- golden pairs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_read_as_its_frames(name: str) -> None:
    expected = json.loads((SAMPLES / name.replace(".xml", ".frames.json")).read_text(encoding="utf-8"))
    found = read(name).frames
    for one in found:
        check(one)
    assert found == expected


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_written_as_their_document(name: str) -> None:
    frames = json.loads((SAMPLES / name.replace(".xml", ".frames.json")).read_text(encoding="utf-8"))
    body, _ = adapter().write(FRESH.get(read(name).type, read(name).type), frames)
    assert body + b"\n" == (SAMPLES / name.replace(".xml", ".written.xml")).read_bytes()


@pytest.mark.standards
@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_valid_by_mesas_schema(name: str) -> None:
    written = (SAMPLES / name.replace(".xml", ".written.xml")).read_bytes()
    assert v0700().validate(etree.fromstring(written)), str(v0700().error_log)


# ---- traps ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<Disposition>UnRestricted</Disposition>", "released"),
        ("<Status>Released</Status><Disposition>UnRestricted</Disposition>", "released"),
        ("<Status>Rejected</Status><Disposition>UnRestricted</Disposition>", "rejected"),
        ("<Disposition>Restricted</Disposition>", "quarantined"),
        ("<Status>Released</Status><Disposition>Restricted</Disposition>", "quarantined"),
        ("<Status>REJECTED</Status><Disposition>Restricted</Disposition>", "rejected"),
        ("<Disposition>In-Process</Disposition>", ""),
        ("<Status>WIP</Status>", ""),
        ("<Status>NotValid</Status>", ""),
        ("<Status>Quarantine</Status>", "quarantined"),
        ("<Status>Released</Status><Disposition>RESTRICTED</Disposition>", "quarantined"),
        ("<Status>Released</Status><Disposition> unrestricted </Disposition>", "released"),
        ("<Status>Released</Status><Disposition>Scrap</Disposition>", "rejected"),
        ("<Status>Released</Status><Disposition OtherValue='Blocked'>Other</Disposition>", "quarantined"),
        ("<Status>Released</Status><Disposition OtherValue='Blocked by QA'>Other</Disposition>", ""),
        ("<Status>Released</Status><Disposition OtherValue='Released'>Other</Disposition>", ""),
        ("<Status>Released</Status><Disposition>Other</Disposition>", ""),
        ("<Status>Released</Status><Disposition>Released</Disposition>", ""),
        ("<Status>Released</Status><Disposition>In-Process</Disposition>", ""),
        ("<Status>Released</Status><Disposition>Closed</Disposition>", ""),
        ("<Status>Released</Status><Disposition/>", "released"),
        ("<Status>Hold</Status><Disposition>UnRestricted</Disposition>", "quarantined"),
        ("<Status>QA HOLD</Status><Disposition>UnRestricted</Disposition>", "quarantined"),
        ("<Status>Ask Maria</Status><Disposition>UnRestricted</Disposition>", ""),
        ("<Status>Ask Maria</Status><Disposition>Restricted</Disposition>", "quarantined"),
        ("<Status>Rejected</Status><Disposition>Colour</Disposition>", "rejected"),
        ("<Disposition>Restricted</Disposition>" + property_("Disposition", "released"), "quarantined"),
        ("<Disposition>UnRestricted</Disposition>" + property_("Disposition", "awaiting"), ""),
        (
            "<Disposition>Restricted</Disposition>" + property_("Disposition", "released-exceptionally"),
            "released-exceptionally",
        ),
    ],
)
def test_only_a_known_word_decides_and_the_more_restrictive_one_counts(inner: str, expected: str) -> None:
    """E34: Status is free text, Disposition has no word for a rejection."""
    assert decision(inner) == expected


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<Status>Released</Status><Disposition OtherValue='Blocked by QA'>Other</Disposition>", "Disposition"),
        ("<Status>Rejected</Status><Disposition>Colour</Disposition>", "Disposition"),
        ("<Status>Ask Maria</Status><Disposition>UnRestricted</Disposition>", "Status"),
        ("<Status>Ask Maria</Status>", "Status"),
        (property_("Disposition", "awaiting"), "MaterialLotProperty[ID=Disposition]"),
    ],
)
def test_a_word_that_may_mean_a_hold_is_told(inner: str, expected: str) -> None:
    assert [(f.code, f.place) for f in lot(inner).faults] == [("code-unknown", f"lot[1]-{expected}")]


def test_a_release_beside_a_word_that_is_none_is_told() -> None:
    found = lot("<Status>Released</Status><Disposition>In-Process</Disposition>")
    assert [(f.code, f.place) for f in found.faults] == [("places-disagree", "lot[1]-Disposition")]
    assert lot("<Status>Released</Status><Disposition>UnRestricted</Disposition>").faults == []
    assert lot("<Disposition>In-Process</Disposition>").faults == []


@pytest.mark.parametrize(
    ("action", "verb"),
    [("Delete", "Sync"), ("delete", "Change"), ("Rejected", "Process"), ("Remove", "Sync"), ("", "Sync")],
)
def test_a_document_that_takes_back_states_no_fact(action: str, verb: str) -> None:
    lots = "<MaterialInformation><MaterialLot><ID>L</ID><Status>Released</Status></MaterialLot></MaterialInformation>"
    for inner in (
        f'<ActionCriteria><ActionExpression actionCode="{action}">/*</ActionExpression></ActionCriteria>',
        '<ActionCriteria><ActionExpression actionCode="Add">/a</ActionExpression></ActionCriteria><ActionCriteria>'
        f'<ActionExpression actionCode="{action}">/b</ActionExpression></ActionCriteria>',
    ):
        body = (
            f'<{verb}MaterialInformation xmlns="{NS}"><DataArea><{verb}>{inner}</{verb}>{lots}</DataArea>'
            f"</{verb}MaterialInformation>"
        )
        with pytest.raises(Unsupported, match="states no fact"):
            adapter().read(body.encode())
        stated = adapter().read(body.replace(f'"{action}"', '"Change"').encode())
        assert [f["set"]["decision"] for f in stated.frames if f["kind"] == "disposition"] == ["released"]


def test_a_verb_that_cancels_inside_a_document_states_no_fact() -> None:
    lots = "<MaterialInformation><MaterialLot><ID>L</ID></MaterialLot></MaterialInformation>"
    body = f'<SyncMaterialInformation xmlns="{NS}"><DataArea><Cancel/>{lots}</DataArea></SyncMaterialInformation>'
    with pytest.raises(Unsupported, match="states no fact"):
        adapter().read(body.encode())


def response(state: str, segment: str = "", root: str = "OperationsPerformance", namespace: str = NS) -> Read:
    """One response with a start and an end, and one segment with both."""
    kind = root.replace("Performance", "Response")
    return adapter().read(
        f'<{root} xmlns="{namespace}"><{kind}><ID>B-1</ID><StartTime>2026-03-12T08:00:00Z</StartTime>'
        f"<EndTime>2026-03-13T08:00:00Z</EndTime>{state}<SegmentResponse><ID>10</ID>"
        "<ActualStartTime>2026-03-12T09:00:00Z</ActualStartTime><ActualEndTime>2026-03-12T10:00:00Z</ActualEndTime>"
        f"{segment}</SegmentResponse></{kind}></{root}>".encode()
    )


@pytest.mark.parametrize(("root", "namespace"), [("OperationsPerformance", NS), ("ProductionPerformance", OLD)])
@pytest.mark.parametrize(
    ("state", "event", "told"),
    [
        ("", "batch.completed", 0),
        ("<ResponseState/>", "batch.completed", 0),
        ("<ResponseState>Completed</ResponseState>", "batch.completed", 0),
        ("<ResponseState>COMPLETED</ResponseState>", "batch.completed", 0),
        ("<ResponseState>Cancelled</ResponseState>", "batch.terminated", 0),
        ("<ResponseState>Aborting</ResponseState>", "batch.terminated", 0),
        ("<ResponseState>Aborted</ResponseState>", "batch.terminated", 0),
        ("<ResponseState OtherValue='Failed'>Other</ResponseState>", "batch.terminated", 0),
        ("<ResponseState OtherValue='Failed'/>", "batch.terminated", 0),
        ("<ResponseState>Holding</ResponseState>", "batch.started", 0),
        ("<ResponseState>Other</ResponseState>", "batch.started", 1),
        ("<ResponseState OtherValue='Unclear'>Other</ResponseState>", "batch.started", 1),
        ("<ResponseState>Verschrottet</ResponseState>", "batch.started", 1),
    ],
)
def test_an_end_completes_a_batch_only_where_no_state_is_stated(
    state: str, event: str, told: int, root: str, namespace: str
) -> None:
    found = response(state, root=root, namespace=namespace)
    assert [a["type"] for a in asserted(found) if a["type"].startswith("batch.")] == [event]
    assert [(f.code, f.place) for f in found.faults] == [("code-unknown", "response[1]-ResponseState")] * told
    assert frame(found, "batch")["period"]["end"]["at"] == "2026-03-13T08:00:00Z"


@pytest.mark.parametrize(
    ("state", "status", "event", "told"),
    [
        ("", "completed", "step.completed", 0),
        ("<SegmentState>completed</SegmentState>", "completed", "step.completed", 0),
        ("<SegmentState>Failed</SegmentState>", "failed", "step.started", 0),
        ("<SegmentState>Cancelled</SegmentState>", "failed", "step.started", 0),
        ("<SegmentState OtherValue='Failed'>Other</SegmentState>", "failed", "step.started", 0),
        ("<SegmentState>Unklar</SegmentState>", None, "step.started", 1),
    ],
)
def test_an_end_completes_a_step_only_where_no_state_is_stated(
    state: str, status: str | None, event: str, told: int
) -> None:
    found = response("<ResponseState>Running</ResponseState>", state)
    (step,) = frame(found, "batch")["steps"]
    assert step.get("status") == status
    assert step["period"]["end"]["at"] == "2026-03-12T10:00:00Z"
    assert [a["type"] for a in asserted(found) if a["type"].startswith("step.")] == [event]
    assert [(f.code, f.place) for f in found.faults] == [("code-unknown", "response[1]-SegmentState")] * told


def test_an_end_that_cannot_be_read_completes_nothing_and_hides_no_state() -> None:
    body = (
        f'<OperationsPerformance xmlns="{NS}"><OperationsResponse><ID>B-1</ID><EndTime>yesterday</EndTime>'
        "{}</OperationsResponse></OperationsPerformance>"
    )
    found = adapter().read(body.format("").encode())
    assert "status" not in frame(found, "batch")
    stopped = adapter().read(body.format("<ResponseState>Aborted</ResponseState>").encode())
    assert frame(stopped, "batch")["status"] == "terminated"
    for one in (found, stopped):
        assert [(f.code, f.place) for f in one.faults] == [("time-unreadable", "response[1]-EndTime")]


@pytest.mark.parametrize("state", ["<ResponseState>Unklar</ResponseState>", "<ResponseState>Other</ResponseState>"])
def test_an_unknown_state_is_not_completed_when_it_is_written_and_read_again(state: str) -> None:
    found = response(state, state.replace("Response", "Segment"))
    body, _ = adapter().write("OperationsPerformance", found.frames)
    again = frame(adapter().read(body), "batch")
    assert again == frame(found, "batch")
    assert "status" not in again
    assert "status" not in again["steps"][0]


@pytest.mark.parametrize("state", ["", "<ResponseState/>", "<ResponseState OtherValue='Failed'>Other</ResponseState>"])
def test_a_state_goes_back_as_it_came(state: str) -> None:
    body = (
        f'<OperationsPerformance xmlns="{NS}"><OperationsResponse><ID>B</ID><EndTime>2026-03-13T08:00:00Z</EndTime>'
        f"{state}</OperationsResponse></OperationsPerformance>"
    ).encode()
    found = adapter().read(body)
    again, faults = adapter().write(found.type, found.frames, found.residual)
    assert (normal(again), faults) == (normal(body), [])


@pytest.mark.parametrize(
    ("use", "consumed", "faults"),
    [
        ("<MaterialUse>CONSUMED</MaterialUse>", 1, 0),
        ("<MaterialUse OtherValue='Consumed'>Other</MaterialUse>", 1, 0),
        ("<MaterialUse>Inventoried</MaterialUse>", 0, 0),
        ("<MaterialUse>Verbraucht</MaterialUse>", 0, 1),
        ("<MaterialUse OtherValue='Verbraucht'>Other</MaterialUse>", 0, 1),
    ],
)
def test_a_material_whose_use_is_not_known_is_told(use: str, consumed: int, faults: int) -> None:
    found = response("", f"<MaterialActual><ID>1</ID><MaterialLotID>V-9</MaterialLotID>{use}</MaterialActual>")
    (step,) = frame(found, "batch")["steps"]
    assert len(step.get("consumed", [])) == len(frame(found, "batch").get("consumed", [])) == consumed
    assert [(f.code, f.place) for f in found.faults] == [("code-unknown", "response[1]-MaterialUse")] * faults


def test_an_unknown_status_of_v0401_is_kept_and_decides_nothing() -> None:
    found = lot("<Status>Valid</Status>", OLD)
    assert [f["kind"] for f in found.frames] == ["message", "material"]
    assert found.summary()["residual"] == 1


@pytest.mark.parametrize("word", ["released-conditional", "released-exceptionally", "revoked"])
def test_a_release_with_a_reserve_is_written_as_restricted(word: str) -> None:
    m = Element(version=(7, 0), codes=adapter().library.codes)
    disposition, _, exact = codecs.write_decision(word, m)
    assert (disposition, exact) == ("Restricted", word)


def test_expiry_is_a_property_and_not_the_end_of_the_record() -> None:
    """E37; EffectiveEndDate is the record's."""
    found = lot("<EffectiveEndDate>2026-01-01T00:00:00Z</EffectiveEndDate>" + property_("ExpiryDate", "2027-03-31"))
    assert frame(found, "material")["expires_at"]["local"] == "2027-03-31"


def test_a_step_has_its_actual_times_and_a_consumable_is_no_material_of_the_product() -> None:
    """E31, E32."""
    first, second, third = frame(read("operations_performance.xml"), "batch")["steps"]
    assert first["period"]["start"]["local"] == "2026-03-12T08:10:00"
    assert [use["item"]["identifiers"][0]["value"] for use in first["consumed"]] == ["LKBAG-417"]
    assert len(second["consumed"]) == 1, "gloves are not consumed"
    assert third["produced"][0]["lot"] == "FC-26-0417"


def test_v0401s_materials_by_name_are_consumed_and_produced() -> None:
    """E32: MaterialConsumedActual and MaterialProducedActual beside MaterialActual."""
    found = frame(read("production_performance.xml"), "batch")["steps"][0]
    assert found["consumed"][0]["item"]["identifiers"][0]["value"] == "MEDIUM-3"
    assert found["produced"][0]["item"]["identifiers"][0]["value"] == "INT-500"


def test_steps_inside_steps_are_steps_of_the_batch() -> None:
    found = frame(read("operations_performance.xml"), "batch")["steps"]
    assert [step["identifier"]["value"] for step in found] == ["10", "11", "90"]


def test_the_root_ends_in_endtime_and_the_response_in_end_time() -> None:
    """E36."""
    assert b"<Endtime>" in own()["operations_performance.xml"]
    assert frame(read("operations_performance.xml"), "batch")["period"]["end"]["local"] == "2026-03-27T17:40:00"


def test_the_lots_that_a_lot_was_made_of_are_its_parents() -> None:
    """E33."""
    found = frame(read("material_lot.xml"), "material")["parents"]
    assert [parent["identifiers"][0]["value"] for parent in found] == ["APH-417"]


def test_a_second_result_of_a_test_is_a_result_too() -> None:
    """A retest that failed must not hide behind the first result."""
    found = [f["set"] for f in read("batch_record.xml").frames if f["kind"] == "result"]
    codes = [f["value"]["concepts"][0]["codings"][0]["code"] for f in found if f["criterion"] == "sterility"]
    assert codes == ["no-growth", "growth"]


def test_results_that_are_not_read_are_told() -> None:
    body = own()["batch_record.xml"].replace(
        b"<Results><ValueString>growth</ValueString></Results>",
        b"<Results><ValueString>no growth</ValueString></Results><Results><ValueString>growth</ValueString></Results>",
    )
    assert [(f.code, f.place) for f in adapter().read(body).faults] == [("more-than-one", "retest[6]-Results")]


def test_what_is_declared_a_number_and_is_none_is_told_and_no_text() -> None:
    body = own()["batch_record.xml"].replace(b"91.50", b"91,50")
    found = adapter().read(body)
    assert [fault.code for fault in found.faults] == ["number-unreadable"]
    assert "value" not in frame(found, "result")


def test_digits_stay_as_they_were_sent() -> None:
    assert frame(read("batch_record.xml"), "result")["value"]["quantity"]["value"] == "91.50"


# ---- names ----------------------------------------------------------------------------------------------------


def test_a_batch_goes_by_its_chain_of_identity_and_never_by_both_names() -> None:
    """A manufacturer may run several orders under one number: names told together would make them one."""
    order = frame(read("operations_performance.xml"), "batch")["order"]
    assert [name["value"] for name in order["identifiers"]] == ["CHLKS26A00417"]


def test_a_batch_without_a_chain_of_identity_goes_by_the_number_of_its_request() -> None:
    body = own()["operations_performance.xml"].replace(b"<ID>CoI</ID>", b"<ID>Colour</ID>")
    order = frame(adapter().read(body), "batch")["order"]
    assert [name["value"] for name in order["identifiers"]] == ["LK-417"]


def test_two_chains_of_identity_in_one_response_are_none() -> None:
    body = own()["operations_performance.xml"].replace(
        b"<MaterialUse>Produced</MaterialUse>",
        b"<MaterialUse>Produced</MaterialUse><MaterialActualProperty><ID>CoI</ID><Value>"
        b"<ValueString>CHLKS26A00999</ValueString></Value></MaterialActualProperty>",
    )
    found = adapter().read(body)
    assert "order" not in frame(found, "batch")
    assert [fault.code for fault in found.faults] == ["places-disagree"]


def test_a_scheme_names_whose_number_it_is() -> None:
    m = Element(system="https://own.example/id", codes=adapter().library.codes)
    own_number = names.read_identifier("7", m)
    assert own_number == {"system": "https://own.example/id", "value": "7", "assumed": True}
    theirs = names.read_identifier({"@schemeURI": "https://other.example/id", "#text": "7"}, m)
    assert theirs == {"system": "https://other.example/id", "value": "7"}
    for one in (own_number, theirs):
        assert one is not None
        assert names.read_identifier(names.write_identifier(one, m), m) == one


def test_a_disposition_of_one_lot_says_nothing_of_the_next() -> None:
    found = [a for a in asserted(read("material_lot.xml")) if a["type"] == "disposition.decided"]
    about = {
        next(i["value"] for i in (a["set"].get("material") or a["set"]["container"])["identifiers"]): a for a in found
    }
    assert {name: a["set"]["decision"] for name, a in about.items()} == {
        "FC-26-0417": "released",
        "BAG-417-1": "released",
        "VEC-9": "quarantined",
    }
    assert not [a for a in found if "order" in a["set"]], "it is linked by its lot, never by a neighbour"


# ---- what is told ---------------------------------------------------------------------------------------------

AT = {"at": "2026-03-02T09:00:00Z", "local": "2026-03-02T09:00:00", "zone": "Z", "precision": "second"}
ORDER: dict[str, Any] = {
    "identifiers": [
        {"system": "https://lakeside.example/order", "value": "LK-417", "type": "placer"},
        {"system": "https://sponsor.example/id/coi", "value": "CHLKS26A00417", "type": "coi"},
    ],
    "service": {"codings": [{"code": "AXI-CEL"}]},
    "patient": {"kind": "subject", "identifiers": [{"system": "https://hub.example/id/subject", "value": "s-1"}]},
    "weight": {"value": "71.5", "unit": "kg"},
}
SLOT: dict[str, Any] = {
    "identifiers": [{"system": "https://sponsor.example/id/slot", "value": "SL-9", "type": "slot"}],
    "period": {"start": AT, "end": {**AT, "at": "2026-03-27T18:00:00Z", "local": "2026-03-27T18:00:00"}},
    "kind": "manufacturing",
}


def told(event: str) -> bytes:
    data = adapter().library.maps["b2mml/operations_request"]
    sources: dict[str, dict[str, Any]] = {
        "order": ORDER,
        "about": SLOT,
        "event": SLOT,
        "message": {"id": "M-1", "at": AT},
    }
    body, faults = adapter().write("OperationsSchedule", send.frames(data, event, sources))
    assert not faults
    return body


@pytest.mark.parametrize(
    ("event", "state", "again"),
    [
        ("slot.booked", "Released", "slot.booked"),
        ("slot.changed", "Released", "slot.booked"),
        ("slot.held", "Waiting", "slot.held"),
        ("slot.offered", "Forecast", "slot.proposed"),
        ("slot.cancelled", "Cancelled", "slot.cancelled"),
        ("slot.missed", "Closed", "slot.missed"),
    ],
)
def test_a_slot_that_is_told_is_read_as_the_same_slot(event: str, state: str, again: str) -> None:
    body = told(event)
    assert f"<RequestState>{state}</RequestState>".encode() in body
    found = asserted(adapter().read(body))
    slots = [a for a in found if a["type"] == again]
    assert len(slots) == 1
    assert slots[0]["about"]["identifiers"] == SLOT["identifiers"]
    assert slots[0]["set"]["period"] == SLOT["period"]
    assert slots[0]["set"]["order"]["identifiers"] == ORDER["identifiers"]


@pytest.mark.standards
@pytest.mark.parametrize("event", ["slot.booked", "slot.cancelled", "order.submitted", "order.cancelled"])
def test_what_is_told_of_an_order_is_valid_by_mesas_schema(event: str) -> None:
    assert v0700().validate(etree.fromstring(told(event))), str(v0700().error_log)


def test_a_request_holds_no_person() -> None:
    """Neither the patient's token nor the weight: the manufacturer needs the tissue and the time."""
    for event in adapter().library.maps["b2mml/operations_request"]["send"]:
        body = told(event)
        assert b"s-1" not in body, event
        assert b"71.5" not in body, event


def test_an_order_number_that_has_no_place_is_told() -> None:
    frames = [
        {
            "kind": "order",
            "key": "order",
            "set": {"identifiers": [*ORDER["identifiers"], {**SLOT["identifiers"][0], "type": "group"}]},
        }
    ]
    _, faults = adapter().write("OperationsSchedule", frames)
    assert ("no-home", "order.identifiers", "lost") in [(f.code, f.place, f.severity) for f in faults]


# ---- versions and refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("<BatchInformation xmlns='http://www.wbf.org/xml/BatchML-V02'/>", "V02"),
        ("<MaterialLot xmlns='http://www.mesa.org/xml/B2MML-V0600'/>", "V0600"),
        ("<MaterialLot xmlns='http://www.wbf.org/xml/B2MML-V03'/>", "V03"),
        ("<MaterialLot xmlns='https://example.org/'/>", "not B2MML"),
        ("<MaterialLot/>", "not B2MML"),
        (f"<GetMaterialLot xmlns='{NS}'/>", "states no fact"),
        (f"<ConfirmBOD xmlns='{NS}'/>", "states no fact"),
        (f"<SyncPersonnelInformation xmlns='{NS}'/>", "keeps no such data"),
        (f"<SyncMaterialDefinition xmlns='{OLD}'/>", "keeps no such data"),
    ],
)
def test_another_version_or_document_is_refused_with_its_reason(body: str, word: str) -> None:
    with pytest.raises(Unsupported, match=word):
        adapter().read(body.encode())


def test_a_prefix_that_means_two_things_is_refused() -> None:
    body = f'<p:MaterialLot xmlns:p="{NS}"><p:ID>1</p:ID><p:X xmlns:p="urn:x:y">2</p:X></p:MaterialLot>'
    with pytest.raises(Unparsable) as wrong:
        adapter().read(body.encode())
    assert wrong.value.code == "b2mml-prefix"


def test_a_document_of_another_kind_cannot_be_written_fresh() -> None:
    with pytest.raises(Unsupported):
        adapter().write("ProductionSchedule", [])


# ---- codecs ---------------------------------------------------------------------------------------------------


def context(version: tuple[int, ...] = (7, 0)) -> Element:
    return Element(
        zone="Europe/Berlin", system="https://own.example/id", version=version, codes=adapter().library.codes
    )


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (
            {"ValueString": "91.50", "UnitOfMeasure": "%"},
            {"quantity": {"value": "91.50", "unit": "%", "unit_system": codecs.UCUM}},
        ),
        ({"ValueString": "<0.05", "DataType": "decimal"}, {"quantity": {"value": "0.05", "comparator": "<"}}),
        ({"ValueString": "7", "DataType": "string"}, {"text": ["7"]}),
        ({"ValueString": "true", "DataType": "boolean"}, {"boolean": True}),
        ({"ValueString": "clear", "DataType": "Text"}, {"text": ["clear"]}),
        (
            {"ValueString": "no growth"},
            {"concepts": [{"codings": [{"code": "no-growth", "system": codecs.FINDING_SYSTEM}]}]},
        ),
    ],
)
def test_a_value_is_read_and_written_as_what_it_is(wire: dict[str, Any], value: dict[str, Any]) -> None:
    m = context()
    assert codecs.read_value(wire, m) == value
    assert codecs.read_value(codecs.write_value(value, m), m) == value


@pytest.mark.parametrize("text", ["12,5", "abc", "1e", "--3", "0x10", "<", "1.2.3"])
def test_what_is_declared_a_number_must_be_one(text: str) -> None:
    with pytest.raises(Unreadable):
        codecs.read_value({"ValueString": text, "DataType": "decimal"}, context())


def test_an_international_unit_is_no_endotoxin_unit() -> None:
    m = context()
    found = codecs.read_value({"ValueString": "500", "UnitOfMeasure": "IU/mL"}, m)
    assert found == {"quantity": {"value": "500", "unit": "[IU]/mL", "unit_system": "http://unitsofmeasure.org"}}
    assert codecs.write_value(found, m)["UnitOfMeasure"] == "IU/mL"


def test_two_people_of_a_step_are_told_apart() -> None:
    people = [{"PersonID": ["A"], "PersonnelUse": "Checked by"}, {"PersonID": ["B"]}]
    found = steps.read_people(people, context())
    assert found is not None
    assert [person["identifier"]["value"] for person in found if person] == ["B", "A"]
    assert steps.read_people(steps.write_people(found, context()), context()) == found


def test_a_place_is_an_element_in_v0700_and_a_text_in_v0401() -> None:
    for version in ((7, 0), (4, 1)):
        m = context(version)
        assert codecs.read_storage(codecs.write_storage("CRYO-2", m), m) == "CRYO-2"
    assert codecs.write_storage("CRYO-2", context((4, 1))) == "CRYO-2"
