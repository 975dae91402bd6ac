"""What the sponsor, the manufacturer and its laboratory write in the demo. Synthetic; sends nothing."""

from __future__ import annotations

from typing import Any

from adapters import json_text, times
from hub.demo import writing
from hub.demo.care import DOCUMENTS, DOSES, coi_of, dose_of, fact
from hub.demo.world import BAGS, SSCC, Patient
from hub.orders import ISSUE_SYSTEM

BATCH, LOT = "B-77", "LOT-77"
IDS = "https://celltech.example/id"
SLOTS = "https://axion.example/slot"
NAMESPACE = "http://www.mesa.org/xml/B2MML"
DECISIONS = (
    "Decision No;CoI;Batch;Bag;Decision;Decision Date;Signed By;Role;Spec;Region;CoA;Physician Request;"
    "Risk Evaluation;Physician Acceptance;Notifications;Ethics Committee;Basis"
)
STEPS = (
    "Batch;CoI;Step No;Step;Started At;Ended At;Status;Lots Consumed;Bags Consumed;Bags Produced;Equipment;"
    "Performed By;Verified By;Room"
)


# ---- the sponsor, webhooks -------------------------------------------------------------------------------------


def _of_order(type_: str, at: str, patient: Patient, **set_: Any) -> dict[str, Any]:
    identifiers = [{"system": "urn:id:EPIC", "value": patient.order, "type": "placer"}, coi_of(patient)]
    return {
        "type": type_,
        "timestamp": at,
        "data": {"about": {"kind": "order", "identifiers": identifiers}, "set": set_},
    }


def accepted(patient: Patient, at: str) -> dict[str, Any]:
    """The sponsor takes the order on."""
    return _of_order("order.accepted", at, patient)


def issued(patient: Patient, at: str) -> dict[str, Any]:
    """The sponsor issued the chain-of-identity identifier: the hub carries it and mints none."""
    return _of_order("identity.issued", at, patient)


def slot(patient: Patient, type_: str, at: str, start: str, end: str) -> dict[str, Any]:
    """A place in manufacture: offered, booked or moved."""
    told = {"kind": "manufacturing", "status": "proposed" if type_ == "slot.offered" else "booked"}
    period = {"start": _when(start), "end": _when(end)}
    return fact(type_, at, "appointment", (SLOTS, f"S-{patient.order}"), patient, period=period, **told)


def _when(text: str) -> dict[str, Any]:
    return times.read_iso(text, "UTC")


def resolved(issue: str, at: str, text: str) -> dict[str, Any]:
    """Quality assurance settles an Issue."""
    about = {"kind": "issue", "identifiers": [{"system": ISSUE_SYSTEM, "value": issue}]}
    return {"type": "issue.resolved", "timestamp": at, "data": {"about": about, "set": {"resolution": text}}}


# ---- the manufacturer, CSV and B2MML ---------------------------------------------------------------------------


def steps(patient: Patient) -> bytes:
    """A step of the batch, as the MES exports them: German decimals, local times, several lots in a cell."""
    of = f"{BATCH};{patient.coi}"
    return writing.sheet(
        STEPS,
        f"{of};2;Activation;2026-03-11 16:00;2026-03-12 16:05;completed;MED-1001, CD3-22;;;INC-7;"
        "K. Adler;M. Brandt;C-12",
    )


def may_accept(patient: Patient) -> bytes:
    """A file that asks whether the shipment may be accepted."""
    return writing.sheet("Question;CoI;Shipment", f"May accept?;{patient.coi};{SSCC}")


def may_ship(patient: Patient) -> bytes:
    """A file that asks whether the product may leave."""
    return writing.sheet("Question;CoI;Container", f"May ship?;{patient.coi};{DOSES}/{dose_of(patient)}")


def begun(patient: Patient) -> bytes:
    """B2MML V0700: the batch runs; the collected bag went into it."""
    return _performance(
        "PERF-77-1",
        "2026-03-11T16:05:00+01:00",
        "",
        f"""
        <ResponseState>Running</ResponseState>
        <SegmentResponse>
          <ID>10</ID>
          <ActualStartTime>2026-03-11T14:00:00+01:00</ActualStartTime>
          <ActualEndTime>2026-03-11T15:10:00+01:00</ActualEndTime>
          <ProcessSegmentID>THAW</ProcessSegmentID>
          <SegmentState>Completed</SegmentState>
          <PersonnelActual>
            <ID>1</ID><PersonID>OP-12</PersonID><PersonnelUse>Performed by</PersonnelUse>
          </PersonnelActual>
          <MaterialActual>
            <ID>1</ID>
            <MaterialSubLotID schemeURI="{BAGS}">{patient.bag}</MaterialSubLotID>
            <MaterialUse>Consumed</MaterialUse>
            {_property(patient)}
          </MaterialActual>
        </SegmentResponse>""",
    )


def completed(patient: Patient) -> bytes:
    """B2MML V0700: the batch is made; its product is one bag of one lot."""
    return _performance(
        "PERF-77-2",
        "2026-03-21T18:05:00+01:00",
        "<EndTime>2026-03-21T17:40:00+01:00</EndTime>",
        f"""
        <ResponseState>Completed</ResponseState>
        <SegmentResponse>
          <ID>90</ID>
          <ActualEndTime>2026-03-21T17:40:00+01:00</ActualEndTime>
          <ProcessSegmentID>FILL</ProcessSegmentID>
          <SegmentState>Completed</SegmentState>
          <MaterialActual>
            <ID>4</ID>
            <MaterialLotID>{LOT}</MaterialLotID>
            <MaterialSubLotID schemeURI="{DOSES}">{dose_of(patient)}</MaterialSubLotID>
            <MaterialUse>Produced</MaterialUse>
            <Quantity><QuantityString>68.0</QuantityString><UnitOfMeasure>mL</UnitOfMeasure></Quantity>
            {_property(patient)}
          </MaterialActual>
        </SegmentResponse>""",
    )


def _property(patient: Patient) -> str:
    value = f"<Value><ValueString>{patient.coi}</ValueString></Value>"
    return f"<MaterialActualProperty><ID>CoI</ID>{value}</MaterialActualProperty>"


def _performance(number: str, sent: str, ended: str, told: str) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<SyncOperationsPerformance xmlns="{NAMESPACE}" releaseID="7.0">
  <ApplicationArea>
    <Sender><LogicalID>CELLTECH-MES</LogicalID></Sender>
    <CreationDateTime>{sent}</CreationDateTime>
    <BODID>{number}</BODID>
  </ApplicationArea>
  <DataArea>
    <Sync/>
    <OperationsPerformance>
      <ID>{number}</ID>
      <PublishedDate>{sent}</PublishedDate>
      <OperationsResponse>
        <ID>{BATCH}</ID>
        <StartTime>2026-03-11T14:00:00+01:00</StartTime>
        {ended}
        <OperationsDefinitionID>MBR-7</OperationsDefinitionID>{told}
      </OperationsResponse>
    </OperationsPerformance>
  </DataArea>
</SyncOperationsPerformance>
""".encode()


def product(patient: Patient, number: str = LOT) -> list[dict[str, Any]]:
    """The product bag and its lot, as the manufacturer's labelling tells them by webhook."""
    order = {"kind": "order", "identifiers": [coi_of(patient)]}
    lot = {"kind": "material", "identifiers": [{"system": IDS, "value": number, "type": "lot"}]}
    batch = {"kind": "batch", "identifiers": [{"system": IDS, "value": number.replace("LOT", "B"), "type": "batch"}]}
    stated = {"order": order, "stage": "drug-product", "lot": number, "batch": batch}
    made = {"order": order, "material": lot, "batch": batch, "kind": "cryobag", "label": {"coi": coi_of(patient)}}
    return [
        {"type": "material.stated", "timestamp": "2026-03-21T17:45:00+01:00", "data": {"about": lot, "set": stated}},
        fact("container.created", "2026-03-21T17:50:00+01:00", "container", (DOSES, dose_of(patient)), None, **made),
    ]


def counted(patient: Patient, viability: str) -> bytes:
    """ASM of the laboratory's cell counter: what it counted of the product lot."""
    sample = {"sample identifier": f"{patient.coi}/{BATCH}/{dose_of(patient)}"}
    counts = {"viability (cell counter)": {"value": json_text.Num(viability), "unit": "%"}}
    measured = {
        "measurement identifier": "M-77",
        "measurement time": "2026-03-22T09:30:00+01:00",
        "device control aggregate document": {
            "device control document": [{"device type": "brightfield imager (cell counter)"}]
        },
        "sample document": sample,
        "processed data aggregate document": {"processed data document": [counts]},
    }
    counting = {"analyst": "R. Okafor", "measurement aggregate document": {"measurement document": [measured]}}
    return json_text.dumps(
        {
            "$asm.manifest": "http://purl.allotrope.org/manifests/cell-counting/REC/2024/09/cell-counting.manifest",
            "cell counting aggregate document": {
                "cell counting document": [counting],
                "device system document": {"equipment serial number": "BLU-0042", "model number": "Vi-CELL BLU"},
            },
        }
    )


def tests(patient: Patient) -> bytes:
    """The other release tests, one of which takes days."""
    of = f"{patient.coi};{BATCH};S-9;{DOSES}/{dose_of(patient)}"
    return writing.sheet(
        writing.QC_RESULTS,
        f"{of};Endotoxin;LAL;0.05;EU/mL;;5;pass;final;2026-03-27 11:10",
        f"{of};Sterility;BacT/ALERT;no growth to date;;;;pass;final;2026-03-28 12:00",
    )


def decision(patient: Patient, decided: str, at: str, evidence: bool) -> bytes:
    """The quality unit's decision about the batch; an exceptional one with its evidence."""
    proof = [f"{DOCUMENTS}/REQ-5", f"{DOCUMENTS}/RISK-5", f"{DOCUMENTS}/ACC-5", "https://authority.example/notice/N-5"]
    told = ";".join(proof if evidence else [""] * 4)
    return writing.sheet(
        DECISIONS,
        f"QD-{'2' if evidence else '1'};{patient.coi};{BATCH};{DOSES}/{dose_of(patient)};{decided};{at};S. Keller;qa;"
        f"car-t-release@1;EU;;{told};;",
    )
