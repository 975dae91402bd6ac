"""B2MML by dropped files in a whole hub: an order and its slot go out, what was made comes in. Real folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.hub import house, receivers, world
from tests.hub.house import fields, msa
from tests.hub.world import Person

Open = Callable[..., house.House]

NS = "http://www.mesa.org/xml/B2MML"
BAG = "https://foundry.example/bag"
TOLD = (
    *("order.submitted", "order.cancelled", "identity.issued"),
    *("slot.booked", "slot.changed", "slot.cancelled"),
)


@dataclass
class Plant:
    """A hub whose manufacturer and sponsor speak B2MML, and whose hospital hears results by HL7 v2."""

    hub: house.House
    ehr: receivers.Interface

    def dropped(self, partner: str, name: str, body: bytes) -> dict[str, Any]:
        """The receipt or the error of a file that a partner drops."""
        drop = self.hub.home / partner / "drop"
        (drop / f".{name}").write_bytes(body)
        (drop / f".{name}").rename(drop / name)
        receipt, error = drop / "archive" / f"{name}.receipt.json", drop / "error" / f"{name}.error.json"
        return self.hub.until(lambda: self.hub._told(receipt, error))

    def known(self, who: Person) -> None:
        for message in (world.order(who, f"{who.order}-1"), world.apheresis(who, f"{who.order}-2")):
            assert msa(self.hub.send(message))[0] == "AA"

    def out(self) -> list[etree._Element]:
        """The files that the manufacturer was sent, in their order."""
        files = sorted((self.hub.home / "foundry" / "out").glob("*.xml"))
        return [etree.fromstring(path.read_bytes()) for path in files]

    def requests(self, who: Person, state: str = "") -> list[etree._Element]:
        """The requests for an order, of a state."""
        found = [request for root in self.out() for request in root.iter(f"{{{NS}}}OperationsRequest")]
        own = [r for r in found if r.findtext(f"{{{NS}}}ID") == who.order]
        return [r for r in own if not state or r.findtext(f"{{{NS}}}RequestState") == state]

    def types(self, who: Person) -> list[str]:
        return [event["type"] for event in self.hub.journey(who)["timeline"]]


@pytest.fixture(scope="module")
def plant(open_house: Open) -> Iterator[Plant]:
    with ExitStack() as stack:
        ehr = stack.enter_context(receivers.interface())

        def speaking(found: dict[str, dict[str, Any]]) -> None:
            home = Path(found["foundry"]["files"]["drop"]).parent.parent
            for profile in found.values():
                profile.get("http", {}).pop("formats", None)
            found["foundry"]["files"] |= {"format": "b2mml", "dialects": {}}
            found["foundry"]["sends"] = [{"events": list(TOLD), "message": "b2mml/operations_request"}]
            found["lakeside"]["mllp"] |= {"send_host": "127.0.0.1", "send_port": ehr.port}
            found["lakeside"]["sends"] = [{"events": ["result.reported"], "message": "hl7v2/oru_r01"}]
            found["maple"] = {
                "partner": "maple",
                "name": "Maple Therapeutics",
                "role": "sponsor",
                "party": "https://maple.example/party/1",
                "system": "https://maple.example/id",
                "files": {"drop": str(home / "maple" / "drop"), "format": "b2mml", "settle_seconds": 0.0},
                "products": ["AXI-CEL"],
            }

        hub = open_house(speaking)
        yield Plant(hub, ehr)


def slot(who: Person, start: str, end: str, state: str = "Released", message: str = "1") -> bytes:
    """The sponsor's schedule: a slot for an order that goes by its chain of identity."""
    return f"""<ProcessOperationsSchedule xmlns="{NS}" releaseID="7.0">
      <ApplicationArea><CreationDateTime>2026-03-02T09:00:00Z</CreationDateTime><BODID>{who.coi}-{message}</BODID></ApplicationArea>
      <DataArea><Process/><OperationsSchedule><ID>{who.coi}-{message}</ID><OperationsRequest>
        <ID schemeURI="https://maple.example/id/order">M-{who.order}</ID>
        <RequestState>{state}</RequestState>
        <SegmentRequirement><ID>SLOT-{who.order}</ID>
          <EarliestStartTime>{start}</EarliestStartTime><LatestEndTime>{end}</LatestEndTime>
          <ProcessSegmentID>manufacturing</ProcessSegmentID>
          <OperationsDefinitionID>MBR-7</OperationsDefinitionID><OperationsSegmentID>MBR-7</OperationsSegmentID>
          <MaterialRequirement><ID>1</ID><MaterialDefinitionID>AXI-CEL</MaterialDefinitionID><MaterialUse>Produced</MaterialUse>
            <MaterialRequirementProperty><ID>CoI</ID><Value><ValueString>{who.coi}</ValueString></Value></MaterialRequirementProperty>
          </MaterialRequirement>
        </SegmentRequirement>
      </OperationsRequest></OperationsSchedule></DataArea></ProcessOperationsSchedule>""".encode()


def performance(who: Person) -> bytes:
    return f"""<SyncOperationsPerformance xmlns="{NS}" releaseID="7.0">
      <ApplicationArea><CreationDateTime>2026-03-27T18:00:00Z</CreationDateTime><BODID>P-{who.order}</BODID></ApplicationArea>
      <DataArea><Sync/><OperationsPerformance><ID>P-{who.order}</ID><OperationsResponse>
        <ID>B-{who.order}</ID><StartTime>2026-03-12T08:00:00Z</StartTime><EndTime>2026-03-27T17:00:00Z</EndTime>
        <ResponseState>Completed</ResponseState>
        <SegmentResponse><ID>10</ID><ActualStartTime>2026-03-12T08:00:00Z</ActualStartTime>
          <ActualEndTime>2026-03-12T12:00:00Z</ActualEndTime><ProcessSegmentID>SELECTION</ProcessSegmentID>
          <SegmentState>Completed</SegmentState>
          <PersonnelActual><ID>1</ID><PersonID>OP-SECRET-{who.order}</PersonID></PersonnelActual>
          <MaterialActual><ID>1</ID><MaterialSubLotID schemeURI="{world.BAGS}">{who.bag}</MaterialSubLotID>
            <MaterialUse>Consumed</MaterialUse>
            <MaterialActualProperty><ID>CoI</ID><Value><ValueString>{who.coi}</ValueString></Value></MaterialActualProperty>
          </MaterialActual></SegmentResponse>
        <SegmentResponse><ID>90</ID><ActualEndTime>2026-03-27T17:00:00Z</ActualEndTime>
          <ProcessSegmentID>FILL</ProcessSegmentID><SegmentState>Completed</SegmentState>
          <MaterialActual><ID>2</ID><MaterialLotID>LOT-{who.order}</MaterialLotID>
            <MaterialSubLotID schemeURI="{BAG}">BAG-{who.order}</MaterialSubLotID><MaterialUse>Produced</MaterialUse>
          </MaterialActual></SegmentResponse>
      </OperationsResponse></OperationsPerformance></DataArea></SyncOperationsPerformance>""".encode()


def lot(who: Person, disposition: str = "UnRestricted") -> bytes:
    return f"""<MaterialLot xmlns="{NS}">
      <ID>LOT-{who.order}</ID><MaterialDefinitionID>AXI-CEL</MaterialDefinitionID><Disposition>{disposition}</Disposition>
      <MaterialLotProperty><ID>CoI</ID><Value><ValueString>{who.coi}</ValueString></Value></MaterialLotProperty>
      <MaterialLotProperty><ID>BatchID</ID><Value><ValueString>B-{who.order}</ValueString></Value></MaterialLotProperty>
      <MaterialLotProperty><ID>ExpiryDate</ID><Value><ValueString>2027-03-27</ValueString></Value></MaterialLotProperty>
      <Quantity><QuantityString>68.0</QuantityString><UnitOfMeasure>mL</UnitOfMeasure></Quantity>
    </MaterialLot>""".encode()


def record(who: Person) -> bytes:
    return f"""<BatchProductionRecord xmlns="{NS}">
      <ID>R-{who.order}</ID><EntryID>R</EntryID><ObjectType>Batch Production Record</ObjectType>
      <BatchID>B-{who.order}</BatchID>
      <Samples><Sample><EntryID>S-{who.order}</EntryID><ObjectType>Sample</ObjectType>
        <TimeStamp>2026-03-27T15:00:00Z</TimeStamp><SampleSourceID>LOT-{who.order}</SampleSourceID>
        <SampleTest><EntryID>T</EntryID><ObjectType>Sample Test</ObjectType><TestCode>Viability</TestCode>
          <SampleTestResult><EntryID>1</EntryID><ObjectType>Sample Test Result</ObjectType>
            <TimeStamp>2026-03-27T16:00:00Z</TimeStamp><TestDisposition>Pass</TestDisposition>
            <Results><ValueString>91.50</ValueString><UnitOfMeasure>%</UnitOfMeasure></Results></SampleTestResult>
        </SampleTest></Sample></Samples>
    </BatchProductionRecord>""".encode()


def test_an_order_goes_out_as_a_forecast_and_names_no_person(plant: Plant, who: Person) -> None:
    plant.known(who)
    [request] = plant.hub.until(lambda: plant.requests(who, "Forecast"))[:1]
    text = etree.tostring(request.getroottree()).decode()
    assert who.coi in text
    assert "AXI-CEL" in text
    for personal in (who.mrn, who.family, who.given, who.born, "KELLER", "71.5"):
        assert personal not in text, personal


def test_a_booked_slot_says_from_when_to_when_a_tissue_is_expected(plant: Plant, who: Person) -> None:
    plant.known(who)
    told = plant.dropped("maple", "slot.xml", slot(who, "2026-03-12T07:00:00+01:00", "2026-03-27T18:00:00+01:00"))
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0)
    [request] = plant.hub.until(lambda: plant.requests(who, "Released"))
    segment = request.find(f"{{{NS}}}SegmentRequirement")
    assert segment is not None
    assert segment.findtext(f"{{{NS}}}EarliestStartTime") == "2026-03-12T07:00:00+01:00"
    assert segment.findtext(f"{{{NS}}}LatestEndTime") == "2026-03-27T18:00:00+01:00"
    assert segment.findtext(f"{{{NS}}}ProcessSegmentID") == "manufacturing"
    uses = {m.findtext(f"{{{NS}}}MaterialUse"): m for m in segment.iter(f"{{{NS}}}MaterialRequirement")}
    assert {who.coi} == {t.text for m in uses.values() for t in m.iter(f"{{{NS}}}ValueString")}
    assert set(uses) == {"Consumed", "Produced"}


def test_a_slot_that_is_given_up_goes_out_as_cancelled(plant: Plant, who: Person) -> None:
    plant.known(who)
    times = ("2026-03-12T07:00:00Z", "2026-03-27T18:00:00Z")
    plant.dropped("maple", "slot-1.xml", slot(who, *times))
    plant.dropped("maple", "slot-2.xml", slot(who, *times, state="Cancelled", message="2"))
    assert plant.hub.until(lambda: plant.requests(who, "Cancelled"))


def test_what_was_made_is_linked_to_the_order_and_the_operator_is_sealed(plant: Plant, who: Person) -> None:
    plant.known(who)
    told = plant.dropped("foundry", f"performance-{who.order}.xml", performance(who))
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0)
    types = plant.types(who)
    assert types.count("step.completed") == 2
    assert "batch.completed" in types
    assert "OP-SECRET" not in "".join(str(row) for row in plant.hub.rows("SELECT * FROM log"))


def test_a_lot_that_came_before_its_batch_is_linked_by_its_chain_of_identity(plant: Plant, who: Person) -> None:
    plant.known(who)
    told = plant.dropped("foundry", f"lot-{who.order}.xml", lot(who))
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0)
    assert {"material.stated", "disposition.decided"} <= set(plant.types(who))


def test_a_result_of_the_batch_record_reaches_the_hospital_with_its_digits(plant: Plant, who: Person) -> None:
    plant.known(who)
    plant.dropped("foundry", f"performance-{who.order}.xml", performance(who))
    told = plant.dropped("foundry", f"record-{who.order}.xml", record(who))
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0)
    found = plant.hub.until(lambda: [m for m in plant.ehr.received if who.order.encode() in m])
    values = [o[5] for m in found for o in fields(m, "OBX") if o[3].startswith("viability")]
    assert values == ["91.50"]


@pytest.mark.parametrize(
    ("body", "outcome", "code"),
    [
        (b"<BatchInformation xmlns='http://www.wbf.org/xml/BatchML-V02'/>", "rejected", "unsupported-message"),
        (f"<GetMaterialLot xmlns='{NS}'/>".encode(), "rejected", "unsupported-message"),
        (b"<!DOCTYPE x><MaterialLot/>", "held", "xml-doctype"),
        (b"CoI;Test\n1;2", "held", "xml-syntax"),
    ],
)
def test_what_is_no_b2mml_of_ours_goes_to_error_with_its_reason(
    plant: Plant, body: bytes, outcome: str, code: str
) -> None:
    told = plant.dropped("foundry", f"bad-{code}-{len(body)}.xml", body)
    assert (told["outcome"], [fault["code"] for fault in told["faults"]]) == (outcome, [code])
