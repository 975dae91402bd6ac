"""The partners and messages of the hub's tests, written as the demo writes its own. Synthetic; no one here exists."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.demo.writing import QC_RESULTS, RECEIPTS, sheet
from hub.demo.writing import document as document
from hub.demo.writing import v2 as v2
from hub.demo.writing import write_overlay as write_overlay
from hub.demo.writing import write_profiles as write_profiles

OID = "2.16.840.1.113883.3.7777"
MRN_SYSTEM = f"urn:oid:{OID}"
BAGS = "https://lakeside.example/bag"
SSCC = "395123450000000017"
ROLES = {
    "lakeside": "hospital",
    "northern": "hospital",
    "foundry": "cdmo",
    "heron": "courier",
    "watch": "qa",
}
GLN = {
    "lakeside": "9531110000013",
    "northern": "9531110000020",
    "foundry": "9531110000037",
    "heron": "9531110000044",
    "watch": "9531110000051",
}
TOKENS = {name: f"token-of-{name}" for name in ROLES}
FHIR, LD, XML = "application/fhir+json", "application/ld+json", "application/xml"


@dataclass(frozen=True, slots=True)
class Person:
    """One patient with one order."""

    mrn: str = "80081"
    family: str = "Tregarthen"
    given: str = "Odile"
    born: str = "19630217"
    order: str = "LK-501"
    coi: str = "CHLKS26000A501"
    bag: str = "LKBAG-501"
    lab: str = "LKLAB-501"


def person(number: int) -> Person:
    """Another patient with another order; nothing of two of them agrees."""
    return Person(
        mrn=f"9{number:05}",
        family=f"Familie{number:04}",
        given=f"Vorname{number:04}",
        born=f"19{40 + number % 50:02}0{1 + number % 9}1{number % 10}",
        order=f"LK-{number:05}",
        coi=f"CHLKS26{number:06}",
        bag=f"LKBAG-{number:05}",
        lab=f"LKLAB-{number:05}",
    )


def party(name: str) -> str:
    return f"https://id.gs1.org/414/{GLN[name]}"


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def profiles(home: Path, overlay: Path) -> dict[str, dict[str, Any]]:
    """Profiles as they stand in YAML. `overlay` is one folder for all tests, so that its tables compile once."""
    return {
        "lakeside": {
            "partner": "lakeside",
            "name": "Lakeside Hospital",
            "role": "hospital",
            "zone": "America/Chicago",
            "party": party("lakeside"),
            "system": MRN_SYSTEM,
            "overlay": str(overlay),
            "mllp": {"listen": 0},
            "http": {"token_sha256": hashed(TOKENS["lakeside"]), "formats": ["fhir_r4"]},
        },
        "northern": {
            "partner": "northern",
            "name": "Northern Hospital",
            "role": "hospital",
            "party": party("northern"),
            "system": "urn:oid:2.16.840.1.113883.3.8888",
            "mllp": {"listen": 0},
            "http": {"token_sha256": hashed(TOKENS["northern"]), "formats": ["fhir_r4"]},
        },
        "foundry": {
            "partner": "foundry",
            "name": "Foundry Cells",
            "role": "cdmo",
            "zone": "Europe/Berlin",
            "party": party("foundry"),
            "system": "https://foundry.example/id",
            "http": {"token_sha256": hashed(TOKENS["foundry"]), "formats": ["fhir_r4", "epcis"]},
            "files": {
                "drop": str(home / "foundry" / "drop"),
                "out": str(home / "foundry" / "out"),
                "dialects": {"receipts*": "mes_csv/receipts", "qc*": "mes_csv/qc_results"},
                "settle_seconds": 0.0,
            },
            "products": ["AXI-CEL"],
        },
        "heron": {
            "partner": "heron",
            "name": "Heron Couriers",
            "role": "courier",
            "zone": "America/New_York",
            "party": party("heron"),
            "http": {"token_sha256": hashed(TOKENS["heron"]), "formats": ["epcis"]},
            "products": ["AXI-CEL"],
        },
        "watch": {
            "partner": "watch",
            "name": "Night Watch",
            "role": "qa",
            "party": party("watch"),
            "orders": "none",
            "http": {"token_sha256": hashed(TOKENS["watch"])},
        },
    }


# ---- HL7 v2 ---------------------------------------------------------------------------------------------------


def msh(type_: str, control: str, at: str = "20260301083000-0600", version: str = "2.5.1", more: str = "") -> str:
    return f"MSH|^~\\&|EHR|LAKESIDE|HUB|HUB|{at}||{type_}|{control}|P|{version}{more}"


def pid(who: Person) -> str:
    ids = f"{who.mrn}^^^LAKESIDE&{OID}&ISO^MR"
    return f"PID|1||{ids}||{who.family}^{who.given}^^^^^L||{who.born}|F|||7 PIER RD^^DULUTH^MN^55802^USA^H"


def order(who: Person, control: str, at: str = "20260301083000-0600", doctor: str = "77^KELLER^PETRA^^^^MD") -> bytes:
    return v2(
        msh("OML^O21^OML_O21", control, at),
        pid(who),
        f"ORC|NW|{who.order}^EHR|||||||20260301083000-0600|||{doctor}",
        f"OBR|1|{who.order}^EHR||AXI-CEL^Axicabtagene ciloleucel^CGT||||||||||||{doctor}|||||||||||^^^20260420",
        "OBX|1|NM|29463-7^Body weight^LN||71.5|kg^kilogram^UCUM|||||F|||20260228100000-0600",
        f"OBX|2|ST|COI^Chain of identity identifier^CGT||{who.coi}||||||F",
    )


def apheresis(who: Person, control: str, at: str = "20260310141500-0500") -> bytes:
    return v2(
        msh("ORU^R01^ORU_R01", control, at),
        pid(who),
        f"ORC|RE|{who.order}^EHR|{who.lab}^CELLLAB",
        f"OBR|1|{who.order}^EHR|{who.lab}^CELLLAB|APH^Apheresis product^CGT|||20260310090000-0500|20260310130000-0500"
        f"||||||||||||||{at}|||F",
        f"OBX|1|ST|COI^Chain of identity identifier^CGT||{who.coi}||||||F",
        "OBX|2|NM|cd3-total^CD3 cells^CGT||2.60|10*9^^UCUM|||||F",
        f"SPM|1|{who.bag}&&{BAGS}&URI||APH^Apheresis product^CGT|||||||P^Patient^HL70369|210^mL&&UCUM"
        "|||||20260310090000-0500^20260310130000-0500",
        "OBX|1|NM|viability^Viability^CGT||98.50|%^^UCUM|||||F",
    )


def update(who: Person, control: str, family: str = "") -> bytes:
    changed = Person(**{**{f: getattr(who, f) for f in who.__slots__}, "family": family or who.family})
    return v2(msh("ADT^A08^ADT_A01", control), "EVN|A08|20260302080000-0600", pid(changed), "PV1|1|O")


# ---- FHIR -----------------------------------------------------------------------------------------------------


def patient(who: Person) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "identifier": [
            {
                "system": MRN_SYSTEM,
                "value": who.mrn,
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            }
        ],
        "name": [{"use": "official", "family": who.family, "given": [who.given]}],
        "gender": "female",
        "birthDate": f"{who.born[:4]}-{who.born[4:6]}-{who.born[6:]}",
    }


def observation(who: Person, value: str = "98.50", status: str = "final") -> bytes:
    """Bytes, because a JSON library would lose a digit of 98.50."""
    made = {
        "resourceType": "Observation",
        "identifier": [{"system": "https://lakeside.example/obs", "value": f"{who.lab}-{value}"}],
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": "26464-8", "display": "Leukocytes"}]},
        "basedOn": [{"identifier": {"system": "urn:id:EHR", "value": who.order}}],
        "subject": {"identifier": {"system": MRN_SYSTEM, "value": who.mrn}},
        "effectiveDateTime": "2026-03-10T12:00:00-05:00",
        "valueQuantity": {"value": "NUMBER", "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
    }
    return json.dumps(made).replace('"NUMBER"', value).encode()


def service_request(who: Person) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [
            {
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]},
                "system": "urn:id:EHR",
                "value": who.order,
            }
        ],
        "status": "active",
        "intent": "order",
        "code": {"coding": [{"system": "urn:id:CGT", "code": "AXI-CEL", "display": "Axicabtagene ciloleucel"}]},
        "subject": {"identifier": {"system": MRN_SYSTEM, "value": who.mrn}},
        "authoredOn": "2026-03-01T08:30:00-06:00",
    }


# ---- EPCIS ----------------------------------------------------------------------------------------------------


def event(step: str, at: str = "2026-03-10T15:30:00-05:00", **more: Any) -> dict[str, Any]:
    name = hashlib.sha256((step + at + json.dumps(more, sort_keys=True)).encode()).hexdigest()
    shown = {
        "type": "ObjectEvent",
        "eventID": f"ni:///sha-256;{name}?ver=CBV2.0",
        "eventTime": at,
        "eventTimeZoneOffset": at[-6:],
        "action": "OBSERVE",
        "bizStep": step,
        **more,
    }
    return {name: value for name, value in shown.items() if value is not None}


def packing(who: Person, sscc: str = SSCC) -> dict[str, Any]:
    return event(
        "packing",
        "2026-03-10T15:05:00-05:00",
        type="AggregationEvent",
        action="ADD",
        parentID=f"https://id.gs1.org/00/{sscc}",
        childEPCs=[f"{BAGS}/{who.bag}"],
        readPoint={"id": party("lakeside")},
    )


def departing(sscc: str = SSCC, at: str = "2026-03-10T15:30:00-05:00") -> dict[str, Any]:
    return event(
        "departing",
        at,
        epcList=[f"https://id.gs1.org/00/{sscc}"],
        readPoint={"id": party("lakeside")},
        sourceList=[{"type": "possessing_party", "source": party("lakeside")}],
        destinationList=[{"type": "possessing_party", "destination": party("heron")}],
    )


def epcis_xml(*bodies: str, doctype: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}'
        '<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" schemaVersion="2.0" '
        'creationDate="2026-03-10T16:00:00Z"><EPCISBody><EventList>'
        f"{''.join(bodies)}</EventList></EPCISBody></epcis:EPCISDocument>"
    ).encode()


def xml_event(epc: str, step: str = "arriving") -> str:
    return (
        "<ObjectEvent><eventTime>2026-03-11T01:10:00Z</eventTime><eventTimeZoneOffset>+00:00</eventTimeZoneOffset>"
        f"<epcList><epc>{epc}</epc></epcList><action>OBSERVE</action>"
        f"<bizStep>https://ref.gs1.org/cbv/BizStep-{step}</bizStep>"
        f"<readPoint><id>{party('foundry')}</id></readPoint></ObjectEvent>"
    )


# ---- files ----------------------------------------------------------------------------------------------------


def receipts(who: Person, bag: str = "", at: str = "2026-03-11 07:25", shipment: str = SSCC) -> bytes:
    return sheet(RECEIPTS, f"{who.coi};{BAGS}/{bag or who.bag};{shipment};{at};4.3;accepted")


def qc(who: Person, value: str = "97.20", more: str = "") -> bytes:
    return sheet(
        f"{QC_RESULTS};Analyst;Comment",
        f"{who.coi};B-9;S-1;{BAGS}/{who.bag};Viability;Counter;{value};%;70;;pass;final;2026-03-11 10:30;;{more}",
        f"{who.coi};B-9;S-1;{BAGS}/{who.bag};Endotoxin;LAL;0.05;EU/mL;;0.50;pass;final;2026-03-11 11:10;;",
    )


# ---- what partners are told -----------------------------------------------------------------------------------


def told(found: dict[str, dict[str, Any]], interface: int, url: str) -> None:
    """Lakeside hears of results by HL7, Heron of handovers by HTTP, Foundry of results by file."""
    results = ["result.reported", "result.corrected"]
    handovers = ["custody.transferred", "shipment.accepted", "container.created"]
    found["lakeside"]["mllp"] = {"listen": 0, "send_host": "127.0.0.1", "send_port": interface}
    found["lakeside"]["receives_as"] = {"application": "EHR", "facility": "LAKESIDE"}
    found["lakeside"]["sends"] = [{"events": results, "message": "hl7v2/oru_r01"}]
    found["heron"]["http"]["post_to"] = url
    found["heron"]["sends"] = [{"events": handovers, "message": "epcis/document"}]
    found["foundry"]["sends"] = [{"events": results, "message": "mes_csv/qc_results"}]
