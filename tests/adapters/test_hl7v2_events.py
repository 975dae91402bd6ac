"""What appointments, documents, administrations and shipments of HL7 v2 assert, and what the hub writes of facts."""

from __future__ import annotations

from typing import Any

import pytest

from adapters import hl7v2
from mappings import send
from mappings.events import assertions
from tests.adapters.test_hl7v2_validity import findings

HEAD = "MSH|^~\\&|EHR|MERCY|CGTHUB|X|20260308094000-0500||{type}|M1|P|{version}\r"
PID = "PID|1||123^^^MERCY^MR\r"


def told(type_: str, rest: str, version: str = "2.5.1") -> list[dict[str, Any]]:
    """What a message asserts, the patient's own data apart."""
    read = hl7v2.base().read((HEAD.format(type=type_, version=version) + rest).encode())
    found = assertions(read.map, read.frames, "mercy/M1")
    return [fact for fact in found if not fact["type"].startswith("subject.")]


def types(type_: str, rest: str, version: str = "2.5.1") -> list[str]:
    return [fact["type"] for fact in told(type_, rest, version)]


# ---- appointments ---------------------------------------------------------------------------------------------

SCH = "SCH|A1^SCHED||||||||60|min|^^^202603120800-0500||||||||||||||{status}|ORD-1^EPIC\r"
AIS = "RGS|1\rAIS|1||APHERESIS^Leukapheresis^L|202603120800-0500|||60|min\r"


@pytest.mark.parametrize(
    ("trigger", "status", "meant"),
    [
        ("S12", "Booked", "slot.booked"),
        ("S12", "", "slot.booked"),
        ("S12", "Pending", "slot.proposed"),
        ("S13", "Booked", "slot.changed"),
        ("S14", "Booked", "appointment.stated"),
        ("S14", "Cancelled", "slot.cancelled"),
        ("S14", "Complete", "appointment.stated"),
        ("S15", "Cancelled", "slot.cancelled"),
        ("S15", "Booked", "slot.cancelled"),
        ("S17", "Deleted", "slot.cancelled"),
        ("S26", "Noshow", "slot.missed"),
    ],
)
def test_an_appointment_is_what_its_trigger_and_status_say(trigger: str, status: str, meant: str) -> None:
    assert types(f"SIU^{trigger}", SCH.format(status=status) + PID + AIS) == [meant]


def test_an_appointment_has_its_order_kind_and_end() -> None:
    (fact,) = told("SIU^S12", SCH.format(status="Booked") + PID + AIS)
    assert fact["set"]["order"]["identifiers"] == [{"value": "ORD-1", "system": "urn:id:EPIC", "type": "placer"}]
    assert fact["set"]["kind"] == "apheresis"
    assert fact["set"]["period"]["end"]["at"] == "2026-03-12T14:00:00Z"


def test_a_length_is_elapsed_time_where_the_clock_changes() -> None:
    adapter = hl7v2.adapter(zone="America/New_York")
    body = HEAD.format(type="SIU^S12", version="2.5.1") + "SCH|A1^S||||||||120|min|^^^202603080130\r"
    read = adapter.read(body.encode())
    period = next(frame["set"]["period"] for frame in read.frames if frame["kind"] == "appointment")
    assert (period["end"]["local"], period["end"]["at"]) == ("2026-03-08T04:30", "2026-03-08T08:30:00Z")


MOVED = "SCH|A1^SCHED||||||||||||||||||||||||{status}\r" + PID
LEFT = "AIS|1|D|APHERESIS^Leukapheresis^L|20260310090000|||60|min\r"
TAKEN = "AIS|2|A|APH2^Collection^L|20260312090000|||90|min\r"


@pytest.mark.parametrize(
    "resources",
    [
        LEFT + TAKEN,
        TAKEN + LEFT,
        "RGS|1\r" + LEFT + TAKEN,
        "RGS|1\r" + LEFT + "RGS|2\r" + TAKEN,
        "RGS|1|D\r" + LEFT.replace("|D|", "||") + "RGS|2|A\r" + TAKEN,
        "RGS|1\r" + LEFT.replace("|D|", "|D^Delete^HL70206|") + TAKEN + "AIL|1|D|UNIT^CHAIR^9\rAIL|2|A|APH^CHAIR^3\r",
        "RGS|1\r" + TAKEN + "AIL|1|D|UNIT^CHAIR^9|||20260310090000\rAIL|2|A|APH^CHAIR^3\r" + LEFT,
    ],
)
@pytest.mark.parametrize("trigger", ["S12", "S13", "S14"])
def test_a_moved_appointment_is_where_it_moved_and_not_where_it_was(resources: str, trigger: str) -> None:
    (fact,) = told(f"SIU^{trigger}", MOVED.format(status="Booked") + resources)
    assert fact["set"]["period"]["start"]["local"] == "2026-03-12T09:00:00"
    assert fact["set"]["service"]["codings"][0]["code"] == "APH2"
    assert fact["set"].get("place", {}).get("bed", "3") != "9"
    assert "UNIT" not in str(fact["set"])


def test_a_deleted_resource_goes_back_as_it_came_and_faults_keep_their_place() -> None:
    bad = TAKEN.replace("20260312090000", "20261399")
    body = (HEAD.format(type="SIU^S13", version="2.5.1") + MOVED.format(status="Booked") + LEFT + bad).encode()
    read = hl7v2.base().read(body)
    assert hl7v2.base().write(read.type, read.frames, read.residual)[0] == body
    assert [fault.place for fault in read.faults if fault.code == "time-unreadable"] == ["AIS[2]-8"]
    assert [(piece.name, piece.ordinal) for piece in read.pieces if piece.name == "AIS"] == [("AIS", 1), ("AIS", 2)]


def test_an_appointment_that_is_given_up_says_what_it_was() -> None:
    (fact,) = told("SIU^S15", MOVED.format(status="Cancelled") + "RGS|1\r" + LEFT)
    assert fact["type"] == "slot.cancelled"
    assert fact["set"]["period"]["start"]["local"] == "2026-03-10T09:00:00"


def test_from_2_7_on_tq1_says_when_and_the_withdrawn_fields_do_not() -> None:
    rest = "SCH|A1^S||||||||60|min|^^^202603120800\rTQ1|1||||||202603130900|202603131000\r"
    (fact,) = told("SIU^S12", rest, "2.8")
    assert fact["set"]["period"]["start"]["local"] == "2026-03-13T09:00"


def test_a_message_without_its_structure_is_read_and_written_with_it() -> None:
    read = hl7v2.base().read((HEAD.format(type="SIU^S15", version="2.4") + SCH.format(status="")).encode())
    assert b"|SIU^S15^SIU_S12|" in hl7v2.base().write(read.type, read.frames)[0]
    assert b"|SIU^S15|" in hl7v2.base().write(read.type, read.frames, read.residual)[0]


# ---- documents and consents -----------------------------------------------------------------------------------

TXA = "TXA|1|CONSENT|||||||||| DOC1^C|||||LA||AV\r".replace(" ", "")


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("A", ["consent.recorded"]),
        ("R", ["consent.recorded"]),
        ("X", ["consent.withdrawn"]),
        ("P", []),
        ("L", []),
        ("", []),
    ],
)
def test_only_a_plain_state_of_consent_is_a_consent(status: str, meant: list[str]) -> None:
    rest = PID + TXA + f"CON|1|002|||||||||{status}||20260301\r"
    assert types("MDM^T02", rest, "2.7") == ["document.recorded", *meant]


FORM = "OBX|1|ED|C^^L||^application^pdf^Base64^JVBERi0=||||||{status}\r"


@pytest.mark.parametrize(
    ("trigger", "completion", "availability", "meant"),
    [
        ("T11", "LA", "CA", ["issue.raised"]),
        ("T02", "LA", "CA", ["issue.raised"]),
        ("T11", "LA", "AV", ["issue.raised"]),
        ("T11", "", "", ["issue.raised"]),
        ("T02", "LA", "OB", ["document.recorded", "issue.raised", "document.recorded"]),
        ("T02", "IN", "AV", ["document.recorded", "issue.raised", "document.recorded"]),
        ("T02", "LA", "AV", ["document.recorded", "consent.recorded", "document.recorded"]),
        ("T02", "LA", "", ["document.recorded", "consent.recorded", "document.recorded"]),
    ],
)
def test_a_document_that_was_cancelled_gives_no_consent(
    trigger: str, completion: str, availability: str, meant: list[str]
) -> None:
    txa = f"TXA|1|CONSENT||||||||||DOC1^C|||||{completion}||{availability}\r"
    rest = PID + txa + "CON|1|MANUFACTURE|V3|C1|||||||A||20260301\r" + FORM.format(status="F")
    assert types(f"MDM^{trigger}", rest, "2.7") == meant
    issues = [fact["set"] for fact in told(f"MDM^{trigger}", rest, "2.7") if fact["type"] == "issue.raised"]
    assert all(issue["about"][0]["identifiers"][0]["value"] == "DOC1" for issue in issues)


def test_a_withdrawal_counts_though_its_document_is_obsolete() -> None:
    txa = "TXA|1|CONSENT||||||||||DOC1^C|||||LA||OB\r"
    assert types("MDM^T02", PID + txa + "CON|1|MANUFACTURE|V3|C1|||||||X\r", "2.7")[1:] == ["consent.withdrawn"]


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_a_file_that_was_taken_back_is_no_document(status: str) -> None:
    assert types("MDM^T02", PID + TXA + FORM.format(status=status), "2.7") == ["document.recorded", "issue.raised"]


def test_a_document_is_told_from_another_by_its_digest_and_not_by_its_name() -> None:
    facts = told("MDM^T02", PID + TXA + "OBX|1|ED|C^^L||^application^pdf^Base64^JVBERi0=||||||F\r", "2.7")
    (content,) = [fact["set"] for fact in facts if "content" in fact["set"]]
    assert content["size"] == 5
    assert content["media_type"] == "application/pdf"
    assert len(content["sha256"]) == 64


def test_data_that_are_not_of_their_encoding_are_told_and_kept() -> None:
    body = HEAD.format(type="MDM^T02", version="2.7") + PID + TXA + "OBX|1|ED|C^^L||^application^pdf^Base64^%%||||||F\r"
    read = hl7v2.base().read(body.encode())
    assert [(fault.code, fault.place) for fault in read.faults] == [("value-unreadable", "OBX[1]-5")]
    assert b"Base64^%%" in hl7v2.base().write(read.type, read.frames)[0]


# ---- administrations ------------------------------------------------------------------------------------------

ORC = "ORC|RE|ORD-1^EPIC\r"
BTX = (
    "BTX|1||||CAR-T^^CGT||L1|1|68|mL|{status}|{message}|20260308120000-0500|||20260308110000-0500|{end}"
    "|{reaction}|{reason}|{bag}\r"
)


def btx(status: str = "TX", message: str = "F", **said: str) -> str:
    usual = {"end": "20260308113000-0500", "reaction": "", "reason": "", "bag": "B1^C"}
    return PID + ORC + "BPO|1|CAR-T^^CGT||1\r" + BTX.format(status=status, message=message, **usual | said)


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        (btx("TX"), ["infusion.started", "infusion.completed"]),
        (btx("TX", "P", end=""), ["infusion.started"]),
        (btx("TX", "O"), []),
        (btx("TX", "D"), ["issue.raised"]),
        (btx("TX", "W"), ["issue.raised"]),
        (btx("TX", reason="FEV"), ["infusion.started", "infusion.stopped"]),
        (btx("TR", reaction="CRS"), ["infusion.started", "infusion.completed", "outcome.reported"]),
        (btx("TR"), ["infusion.started", "infusion.completed", "outcome.reported"]),
        (btx("RA"), ["container.returned", "infusion.not-done"]),
        (btx("RL"), ["container.returned", "infusion.not-done"]),
        (btx("WA"), ["container.destroyed", "infusion.not-done"]),
        (btx("??"), ["infusion.started"]),
    ],
)
def test_a_unit_on_the_ward_is_given_returned_or_destroyed(message: str, meant: list[str]) -> None:
    assert types("BTS^O31", message, "2.8") == meant


@pytest.mark.parametrize(
    ("status", "meant"),
    [
        ("CP", ["infusion.started", "infusion.completed"]),
        ("PA", ["infusion.started", "infusion.stopped"]),
        ("RE", ["infusion.not-done"]),
        ("NA", ["infusion.not-done"]),
        ("", ["infusion.started"]),
    ],
)
def test_an_administration_is_complete_only_where_it_says_so(status: str, meant: list[str]) -> None:
    rxa = f"RXA|0|1|20260308110000|20260308113000|CAR-T^^CGT|68|mL|||||||||||||{status}|A||||B1^^C\r"
    assert types("RAS^O17", PID + ORC + rxa + "RXR|IV\r") == meant


def test_the_same_unit_is_one_administration_whoever_tells_of_it() -> None:
    rxa = "RXA|0|1|20260308110000|20260308113000|CAR-T^^CGT|68|mL|||||||||||||CP|A||||B1^^C\r"
    told_by = [told("BTS^O31", btx(), "2.8")[-1], told("RAS^O17", PID + ORC + rxa)[-1]]
    assert [fact["about"]["identifiers"] for fact in told_by] == [[{"value": "B1", "system": "urn:id:C"}]] * 2


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("RS", "container.allocated"),
        ("RD", "container.allocated"),
        ("RI", "container.stored"),
        ("DS", "container.issued"),
        ("RA", "container.returned"),
        ("RL", "container.returned"),
        ("RE", "container.unallocated"),
        ("CR", "container.unallocated"),
        ("WA", "container.destroyed"),
        ("PT", "issue.raised"),
    ],
)
def test_a_dispense_status_is_logistics_and_presumed_given_is_not_given(code: str, meant: str) -> None:
    bpx = f"BPX|1|{code}|F|20260308100000||||CAR-T^^CGT||||||1|||B1^C\r"
    found = types("BPS^O29", PID + ORC + "BPO|1|CAR-T^^CGT||1\r" + bpx)
    assert found == [meant]
    assert not any(type_.startswith("infusion.") for type_ in found)


UNIT = {"system": "https://cgt-hub.example/id/isbt-unit", "value": "W123426000001-S1234V00"}


def bpx(din: str, product: str, unit: str = "", code: str = "WA") -> str:
    return (
        PID
        + ORC
        + f"BPO|1|CAR-T^^CGT||1\rBPX|1|{code}|F|20260308100000|{din}|{product}||||||||1{'|||' * bool(unit)}{unit}\r"
    )


@pytest.mark.parametrize(
    ("din", "product"),
    [("W123426000001", "S1234V00"), ("=W12342600000100", "=<S1234V00"), ("W1234 26 000001^ISBT", "S1234V00^^IBT")],
)
def test_a_unit_is_named_by_its_label_where_it_has_no_other_name(din: str, product: str) -> None:
    (fact,) = told("BPS^O29", bpx(din, product))
    assert (fact["type"], fact["about"]["identifiers"]) == ("container.destroyed", [UNIT])
    (fact,) = told("BPS^O29", bpx(din, product, "B1^C"))
    assert fact["about"]["identifiers"] == [{"value": "B1", "system": "urn:id:C"}]


@pytest.mark.parametrize(
    ("din", "product"),
    [("W123426000001", "S1234"), ("W123426000001", ""), ("", "S1234V00"), ("X", "S1234V00"), ("", "")],
)
def test_a_unit_that_nothing_names_is_told(din: str, product: str) -> None:
    body = (HEAD.format(type="BPS^O29", version="2.5.1") + bpx(din, product)).encode()
    read = hl7v2.base().read(body)
    assert [(fault.code, fault.row) for fault in read.faults] == [("required", "Q17u")]
    assert read.faults[0].place.startswith("BPX[1]-")
    assert hl7v2.base().write(read.type, read.frames, read.residual)[0] == body


def test_a_unit_on_the_ward_is_named_by_its_label_too() -> None:
    message = btx(bag="").replace("BTX|1||", "BTX|1|W123426000001|S1234V00")
    completed = told("BTS^O31", message)[-1]
    assert completed["about"]["identifiers"] == [UNIT]
    assert completed["set"]["containers"] == [{"kind": "container", "identifiers": [UNIT]}]


@pytest.mark.parametrize(
    ("action", "meant"), [("AD", ["shipment.planned", "shipment.arrived"]), ("DE", ["shipment.planned"])]
)
def test_a_participation_that_is_deleted_is_no_arrival(action: str, meant: list[str]) -> None:
    rest = f"SHP|S1^C\rPRT||{action}||WAYR||||ACME|||20260308100000\r"
    assert types("OSM^R26", rest, "2.7") == meant


# ---- numbers that are none ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type_", "before"),
    [
        ("ORU^R01", "OBR|1||F1^L|T^^L\r"),
        ("OML^O21", "ORC|NW|P1^E\rOBR|1|P1^E||T^^L\r"),
        ("ADT^A08", ""),
        ("MDM^T02", TXA),
        ("RAS^O17", f"{ORC}RXA|0|1|2026|2026|X^^L|1\r"),
    ],
)
def test_a_decimal_comma_is_told_with_its_place_and_the_fact_is_kept(type_: str, before: str) -> None:
    body = HEAD.format(type=type_, version="2.5.1") + PID + before + "OBX|1|NM|718-7^Hb^LN||13,2|g/dL|||||F\r"
    read = hl7v2.base().read(body.encode())
    assert [(fault.code, fault.place) for fault in read.faults] == [("number-unreadable", "OBX[1]-5")]
    assert "point" in read.faults[0].remedy
    assert any(frame["kind"] == "result" for frame in read.frames)
    assert b"13,2" in hl7v2.base().write(read.type, read.frames, read.residual)[0]


# ---- what the hub writes --------------------------------------------------------------------------------------

AT = {"at": "2026-04-20T14:35:00Z", "local": "2026-04-20T14:35:00", "zone": "Z", "precision": "second"}
BAG = {"system": "https://celltech.example/id/bag", "value": "BAG-1"}
SOURCES: dict[str, Any] = {
    "message": {"id": "H1", "at": AT},
    "partner": {"application": "EPIC", "facility": "MERCY"},
    "order": {
        "identifiers": [{"system": "urn:id:EPIC", "value": "ORD-1", "type": "placer"}],
        "service": {"codings": [{"code": "CAR-T", "display": "CAR-T cells", "system": "urn:id:L"}]},
    },
    "patient": {"sex": "female"},
    "identity": {
        "identifiers": [{"system": "urn:oid:1.2.3", "assigner": "MERCY", "value": "1", "type": "mrn"}],
        "names": [{"family": "DOE", "given": ["JANE"]}],
    },
    "event": {"occurred": AT},
}


def written(map_: str, event_type: str, about: dict[str, Any], event: dict[str, Any] | None = None) -> tuple[str, Any]:
    """The message that tells a fact, and what a reader of it is told."""
    adapter = hl7v2.base()
    data = adapter.library.maps[map_]
    sources = {**SOURCES, "about": about, "event": {**SOURCES["event"], **(event or {})}}
    text, faults = adapter.write(data["for"][0], send.frames(data, event_type, sources))
    assert [fault for fault in faults if fault.severity == "error"] == []
    read = adapter.read(text)
    return text.decode(), assertions(read.map, read.frames, "hub/H1")


@pytest.mark.parametrize("name", ["issued", "allocated", "stored", "returned", "unallocated", "destroyed"])
def test_what_the_ward_is_told_of_a_container_is_valid_and_read_as_the_same_fact(name: str) -> None:
    text, facts = written("hl7v2/bps_o29", f"container.{name}", {"identifiers": [BAG], "label": {"lot": "L1"}})
    assert findings(text) == []
    (fact,) = [fact for fact in facts if fact["about"]["kind"] == "container"]
    assert (fact["type"], fact["about"]["identifiers"]) == (f"container.{name}", [BAG])
    assert fact["occurred"]["at"] == AT["at"]


@pytest.mark.parametrize(("name", "meant"), [("departed", "shipment.departed"), ("packed", "shipment.planned")])
def test_a_manifest_is_valid_and_names_every_container(name: str, meant: str) -> None:
    shipment = {"system": "https://id.gs1.org/00", "value": "106141411234567897"}
    party = {"kind": "party", "identifiers": [{"system": "https://id.gs1.org/414", "value": "9521141111116"}]}
    contents = [{"kind": "container", "identifiers": [{**BAG, "value": value}]} for value in ("BAG-1", "BAG-2")]
    about = {"identifiers": [shipment], "shipper": party, "consignee": party, "contents": contents}
    text, facts = written("hl7v2/osm_r26", f"shipment.{name}", about)
    assert findings(text) == []
    assert meant in [fact["type"] for fact in facts]
    packed = [fact["set"]["contents"] for fact in facts if fact["type"] == "shipment.packed"]
    assert [ref["identifiers"][0]["value"] for (ref,) in packed] == ["BAG-1", "BAG-2"]
    assert {fact["about"]["identifiers"][0]["value"] for fact in facts if fact["about"]["kind"] == "shipment"} == {
        shipment["value"]
    }


@pytest.mark.parametrize(("name", "trigger"), [("booked", "S12"), ("changed", "S13"), ("cancelled", "S15")])
def test_what_a_hospital_is_told_of_a_slot_is_valid_and_read_as_the_same_fact(name: str, trigger: str) -> None:
    about = {
        "identifiers": [{"system": "urn:id:CDMO", "value": "S1", "type": "filler"}],
        "kind": "manufacturing",
        "period": {"start": AT},
        "status": "cancelled" if name == "cancelled" else "booked",
    }
    text, facts = written("hl7v2/siu_s12", f"slot.{name}", about)
    assert f"|SIU^{trigger}^SIU_S12|" in text
    assert findings(text) == []
    (fact,) = [fact for fact in facts if fact["about"]["kind"] == "appointment"]
    assert (fact["type"], fact["set"]["kind"]) == (f"slot.{name}", "manufacturing")
    assert fact["set"]["order"]["identifiers"][0]["value"] == "ORD-1"
