"""The demo's world: three partners with profiles, two patients, their messages. Synthetic; no one here exists.

Mercy Hospital speaks HL7 v2 over MLLP and FHIR, the courier Swift speaks EPCIS over HTTP, the manufacturer Celltech
drops and takes CSV files. The `operator` looks on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.demo import writing

TODAY = datetime(2026, 3, 11, 12, 30, tzinfo=UTC)
"""The day on which the demo plays."""

CAST = "Mercy Hospital by HL7 v2 (MLLP) and FHIR, Swift Couriers by EPCIS, Celltech by CSV files"
TOKENS = {"mercy": "demo-mercy", "swift": "demo-swift", "operator": "demo-operator"}
MERCY_OID = "2.16.840.1.113883.3.9999"
BAGS = "https://mercy.example/bag"
GLN = {"mercy": "9521141111116", "swift": "9521142222224", "celltech": "9521143333332"}
SSCC = "106141411234567897"
SHIPPER = f"https://id.gs1.org/00/{SSCC}"
PERSONAL = ("DOE", "JANE", "ROE", "RICHARD", "19700203", "1970-02-03", "19611130", "1961-11-30", "4711", "4712", "4799")
"""What must never leave the hospital's side."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One patient with one order."""

    mrn: str
    family: str
    given: str
    born: str
    sex: str
    order: str
    coi: str
    bag: str
    lab: str


JANE = Patient("4711", "DOE", "JANE", "19700203", "F", "ORD-1001", "CHABC1226000001", "BAG-1001", "LAB-7001")
RICHARD = Patient("4712", "ROE", "RICHARD", "19611130", "M", "ORD-1002", "CHABC1226000002", "BAG-1002", "LAB-7002")


def party(name: str) -> str:
    return f"https://id.gs1.org/414/{GLN[name]}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def profiles(home: Path, mllp_receiver: int, courier_url: str) -> dict[str, dict[str, Any]]:
    """The partner profiles, as they stand in YAML."""
    return {
        "mercy": {
            "partner": "mercy",
            "name": "Mercy Hospital",
            "role": "hospital",
            "zone": "America/Chicago",
            "party": party("mercy"),
            "system": f"urn:oid:{MERCY_OID}",
            "overlay": "mercy-tables",
            "mllp": {"listen": 0, "send_host": "127.0.0.1", "send_port": mllp_receiver},
            "http": {"token_sha256": _hash(TOKENS["mercy"]), "formats": ["fhir_r4"]},
            "receives_as": {"application": "EPIC", "facility": "MERCY"},
            "sends": [
                {"events": ["result.reported", "result.corrected"], "message": "hl7v2/oru_r01"},
            ],
        },
        "swift": {
            "partner": "swift",
            "name": "Swift Couriers",
            "role": "courier",
            "zone": "America/New_York",
            "party": party("swift"),
            "http": {"token_sha256": _hash(TOKENS["swift"]), "formats": ["epcis"], "post_to": courier_url},
            "products": ["AXI-CEL"],
            "sends": [
                {
                    "events": ["custody.transferred", "shipment.accepted", "container.created"],
                    "message": "epcis/document",
                }
            ],
        },
        "celltech": {
            "partner": "celltech",
            "name": "Celltech Manufacturing",
            "role": "cdmo",
            "zone": "Europe/Berlin",
            "party": party("celltech"),
            "system": "https://celltech.example/id",
            "files": {
                "drop": str(home / "celltech" / "drop"),
                "out": str(home / "celltech" / "out"),
                "dialects": {"receipts*": "mes_csv/receipts", "qc*": "mes_csv/qc_results"},
                "settle_seconds": 0.2,
            },
            "products": ["AXI-CEL"],
            "sends": [{"events": ["result.reported"], "message": "mes_csv/qc_results"}],
        },
        "operator": {
            "partner": "operator",
            "name": "Operations",
            "role": "qa",
            "party": "urn:cgt:party/operator",
            "orders": "none",
            "http": {"token_sha256": _hash(TOKENS["operator"])},
        },
    }


def write_profiles(folder: Path, home: Path, mllp_receiver: int, courier_url: str) -> None:
    """Profiles and the hospital's overlay as files."""
    writing.write_profiles(folder, profiles(home, mllp_receiver, courier_url))
    writing.write_overlay(folder / "mercy-tables")


# ---- the hospital's messages ----------------------------------------------------------------------------------


def header(type_: str, control: str, at: str) -> str:
    """MSH of the hospital's interface; `at` is MSH-7."""
    return f"MSH|^~\\&|EPIC|MERCY|CGTHUB|HUB|{at}||{type_}|{control}|P|2.5.1"


def _person(patient: Patient) -> str:
    name = f"{patient.family}^{patient.given}^^^^^L"
    ids = f"{patient.mrn}^^^MERCY&{MERCY_OID}&ISO^MR"
    return f"PID|1||{ids}||{name}||{patient.born}|{patient.sex}|||12 ELM ST^^SPRINGFIELD^IL^62701^USA^H"


def order(patient: Patient, control: str, at: str = "20260301083000-0600") -> bytes:
    """The therapy order, OML^O21, with the weight and the chain-of-identity identifier."""
    doctor = "1234^SMITH^ANNA^^^^MD^^NPI^L^^^NPI"
    return writing.v2(
        header("OML^O21^OML_O21", control, at),
        _person(patient),
        f"ORC|NW|{patient.order}^EPIC|||||||{at}|||{doctor}",
        f"OBR|1|{patient.order}^EPIC||AXI-CEL^Axicabtagene ciloleucel^CGT||||||||||||{doctor}|||||||||||^^^20260420",
        "OBX|1|NM|29463-7^Body weight^LN||71.5|kg^kilogram^UCUM|||||F|||20260228100000-0600",
        f"OBX|2|ST|COI^Chain of identity identifier^CGT||{patient.coi}||||||F",
        "ZCG|1|kept for its sender",
    )


def apheresis(patient: Patient, control: str, at: str = "20260310141500-0500") -> bytes:
    """Apheresis results, ORU^R01, with the bag that they belong to."""
    return writing.v2(
        header("ORU^R01^ORU_R01", control, at),
        _person(patient),
        f"ORC|RE|{patient.order}^EPIC|{patient.lab}^CELLLAB",
        f"OBR|1|{patient.order}^EPIC|{patient.lab}^CELLLAB|APH^Apheresis product^CGT|||20260310090000-0500|"
        f"20260310130000-0500||||||||||||||{at}|||F",
        f"OBX|1|ST|COI^Chain of identity identifier^CGT||{patient.coi}||||||F",
        "OBX|2|NM|cd3-total^CD3 cells^CGT||2.60|10*9^^UCUM|||||F",
        f"SPM|1|{patient.bag}&&{BAGS}&URI||APH^Apheresis product^CGT|||||||P^Patient^HL70369|210^mL&&UCUM|||||"
        "20260310090000-0500^20260310130000-0500",
        "OBX|1|NM|viability^Viability^CGT||98.50|%^^UCUM|||||F",
    )


# ---- the courier's events -------------------------------------------------------------------------------------


def _event(kind: str, at: str, step: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "eventID": f"urn:uuid:{hashlib.md5((kind + at + step).encode()).hexdigest()}",  # noqa: S324 - an id, no secret
        "eventTime": at,
        "eventTimeZoneOffset": at[-6:],
        "bizStep": step,
        **more,
    }


def _seen(step: str, at: str, place: str, **more: Any) -> dict[str, Any]:
    """The shipper was seen at a partner's."""
    where = {"id": party(place)}
    return _event("ObjectEvent", at, step, action="OBSERVE", epcList=[SHIPPER], readPoint=where, **more)


def pickup(patient: Patient) -> bytes:
    """Packing and departure: the bag goes into the shipper, the shipper from hospital to courier."""
    return writing.document(
        _event(
            "AggregationEvent",
            "2026-03-10T15:05:00-05:00",
            "packing",
            action="ADD",
            parentID=SHIPPER,
            childEPCs=[f"{BAGS}/{patient.bag}"],
            readPoint={"id": party("mercy")},
        ),
        _seen(
            "departing",
            "2026-03-10T15:30:00-05:00",
            "mercy",
            sourceList=[{"type": "possessing_party", "source": party("mercy")}],
            destinationList=[{"type": "possessing_party", "destination": party("swift")}],
        ),
    )


def transit() -> bytes:
    """Temperatures on the way, and the arrival, as an EPCIS sensor event."""
    reports = [
        {"type": "Temperature", "value": value, "uom": "CEL", "time": f"2026-03-10T{hour:02}:{minute:02}:00-05:00"}
        for (hour, minute), value in zip(
            [(h, m) for h in range(16, 22) for m in (0, 20, 40)], [4.0 + (n % 5) / 10 for n in range(18)], strict=True
        )
    ]
    logged = {"sensorMetadata": {"deviceID": "urn:epc:id:giai:9521142.LOGGER7"}, "sensorReport": reports}
    return writing.document(
        _seen("transporting", "2026-03-10T21:40:00-05:00", "swift", sensorElementList=[logged]),
        _seen("arriving", "2026-03-11T07:10:00+01:00", "celltech"),
    )


# ---- the manufacturer's files ---------------------------------------------------------------------------------


def receipts(patient: Patient, bag: str, shipment: str = SSCC) -> bytes:
    """What the manufacturer received, as it exports it; local time without a zone."""
    return writing.sheet(writing.RECEIPTS, f"{patient.coi};{BAGS}/{bag};{shipment};2026-03-11 07:25;4.3;accepted")


def qc_results(patient: Patient) -> bytes:
    """Results of quality control of the received material."""
    of = f"{patient.coi};B-77;S-1;{BAGS}/{patient.bag}"
    return writing.sheet(
        writing.QC_RESULTS,
        f"{of};Viability;NucleoCounter;97.20;%;70;;pass;final;2026-03-11 10:30",
        f"{of};Endotoxin;LAL;0.05;EU/mL;;0.50;pass;final;2026-03-11 11:10",
        f"{of};Sterility;BacT/ALERT;no growth to date;;;;pass;preliminary;2026-03-11 12:00",
    )
