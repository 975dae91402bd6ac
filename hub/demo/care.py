"""What the hospital's systems, the apheresis centre and the registry write in the demo. Synthetic; sends nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

from canonical_model import BASE
from canonical_model.ids import COI_SYSTEM
from hub.demo import cast, writing
from hub.demo.world import BAGS, MERCY_OID, Patient, header

DOCUMENTS = "https://mercy.example/document"
DONATIONS = "https://riverside.example/donation"
CENTRE_PATIENTS = "https://riverside.example/patient"
DOSES = "https://celltech.example/bag"
_PLACER = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]}
_KIND = f"{BASE}/cs/record-kind"
_TYPE = f"{BASE}/cs/identifier-type"


def dose_of(patient: Patient) -> str:
    """Number of the patient's product bag."""
    return patient.bag.replace("BAG", "DOSE")


def coi_of(patient: Patient) -> dict[str, str]:
    """The chain-of-identity identifier as the model writes it."""
    return {"system": COI_SYSTEM, "value": patient.coi, "type": "coi"}


def order_of(patient: Patient) -> dict[str, Any]:
    """The order by the numbers that all partners may know."""
    return {"identifiers": [coi_of(patient)]}


# ---- the hospital, HL7 v2 --------------------------------------------------------------------------------------


def _person(patient: Patient, mrn: str = "") -> str:
    ids = f"{mrn or patient.mrn}^^^MERCY&{MERCY_OID}&ISO^MR"
    return f"PID|1||{ids}||{patient.family}^{patient.given}^^^^^L||{patient.born}|{patient.sex}"


def appointment(patient: Patient, control: str, trigger: str, sent: str, start: str, end: str) -> bytes:
    """SIU: the apheresis is booked (S12) or moved (S13)."""
    return writing.v2(
        header(f"SIU^{trigger}^SIU_S12", control, sent),
        f"SCH|APH-{patient.order}^SCHED|||||{trigger}^Booking^L|CARTEVAL^Cell therapy^L|NORMAL^Normal^L|||"
        f"^^^{start}^{end}|1234^SMITH^ANNA||||5678^BAKER^TOM||||5678^BAKER^TOM|||||Booked^Booked^HL70278|"
        f"{patient.order}^EPIC",
        f"TQ1|1||||||{start}|{end}",
        _person(patient),
        "RGS|1",
        f"AIS|1||APH^Leukapheresis^L|{start}|||240|min^minutes^UCUM||Booked^Booked^HL70278",
        "AIL|1||APH^CHAIR^2^RIVERSIDE|UNIT^Unit^L",
    )


def document(patient: Patient, control: str, number: str, kind: str, sent: str, consent: str = "") -> bytes:
    """MDM^T02: a signed document as PDF; with `consent` (when it was given) the consent that it holds."""
    pdf = base64.b64encode(f"%PDF-1.4\n% {kind} {number}\n%%EOF\n".encode()).decode()
    given = [
        f"CON|1|002^Medical procedure^L|CARTE-7 v3|{number}^CONSENTS|||||||A^Active^HL70498||{consent}|{consent}|"
        f"|||||||||{patient.family}^{patient.given}^^^^^L|SEL^Self^HL70063"
    ]
    return writing.v2(
        header("MDM^T02^MDM_T02", control, sent).replace("|2.5.1", "|2.7"),
        f"EVN||{sent}|||5678^BAKER^TOM",
        _person(patient),
        "PV1||O",
        f"ORC|SC|{patient.order}^EPIC",
        f"OBR|1|{patient.order}^EPIC||AXI-CEL^Axicabtagene ciloleucel^CGT",
        f"TXA|1|{kind}^{kind.title()}^L|AP||1234^SMITH^ANNA|{sent}|||5678^BAKER^TOM|||{number}^^{DOCUMENTS}^URI||"
        f"{patient.order}^EPIC||{number}.pdf|LA|R|AV|||1234^SMITH^ANNA",
        *(given if consent else ()),
        f"OBX|1|ED|{kind}^{kind.title()}^L||^application^pdf^Base64^{pdf}||||||F",
    )


def merge(patient: Patient, retired: str, control: str, sent: str) -> bytes:
    """ADT^A40: a second record of the patient ends in the one that stays."""
    return writing.v2(
        header("ADT^A40^ADT_A39", control, sent),
        f"EVN||{sent}",
        _person(patient),
        f"MRG|{retired}^^^MERCY&{MERCY_OID}&ISO^MR",
    )


def given(patient: Patient, control: str, start: str, end: str, sent: str) -> bytes:
    """BTS^O31: the ward reports the infusion of the product bag."""
    return writing.v2(
        header("BTS^O31^BTS_O31", control, sent).replace("|2.5.1", "|2.8"),
        _person(patient),
        f"ORC|SC|{patient.order}^EPIC",
        "BPO|1|AXI-CEL^Axicabtagene ciloleucel^CGT||1|68|mL^milliliter^UCUM",
        "BTX|1||||AXI-CEL^Axicabtagene ciloleucel^CGT|Celltech|LOT-77^^https://celltech.example/id^URI|1|68|"
        f"mL^milliliter^UCUM|TX^Transfused^HL70513|F|{sent}|5678^BAKER^TOM|1234^SMITH^ANNA|{start}|{end}|||"
        f"{dose_of(patient)}^^{DOSES}^URI",
    )


def charted(patient: Patient, control: str, start: str, end: str, sent: str) -> bytes:
    """RAS^O17: the same infusion, as the medication record has it."""
    return writing.v2(
        header("RAS^O17^RAS_O17", control, sent),
        _person(patient),
        f"ORC|RE|{patient.order}^EPIC",
        f"RXA|0|1|{start}|{end}|AXI-CEL^Axicabtagene ciloleucel^CGT|68|mL^milliliter^UCUM|||5678^BAKER^TOM|||||"
        f"LOT-77||CELLTECH^Celltech^L|||CP|A||||{dose_of(patient)}^^{DOSES}^URI",
        "RXR|IV^Intravenous^HL70162",
    )


# ---- the hospital and the apheresis centre, FHIR ---------------------------------------------------------------


def _based_on(patient: Patient) -> dict[str, Any]:
    return {
        "type": "ServiceRequest",
        "identifier": {"type": _PLACER, "system": "urn:id:EPIC", "value": patient.order},
    }


def _identified(system: str, value: str, kind: str = "") -> dict[str, Any]:
    typed = {"type": {"coding": [{"system": _TYPE, "code": kind}]}} if kind else {}
    return {**typed, "system": system, "value": value}


def _entry(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "fullUrl": name,
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"]},
    }


def collection(patient: Patient, mrn: str) -> bytes:
    """A transaction of the apheresis centre: the collection, the bag and its label, by the record number it knows."""
    donation = f"A999926{patient.order[-6:].replace('-', '0'):0>6}"
    when = {"start": "2026-03-10T09:00:00-05:00", "end": "2026-03-10T13:00:00-05:00"}
    person = {
        "type": "Patient",
        "identifier": {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
            "system": f"urn:oid:{MERCY_OID}",
            "value": mrn,
        },
    }
    names = [_identified(DONATIONS, donation, "din"), _identified(COI_SYSTEM, patient.coi, "coi")]
    procedure = {
        "resourceType": "Procedure",
        "identifier": names,
        "basedOn": [_based_on(patient)],
        "status": "completed",
        "category": {"coding": [{"system": _KIND, "code": "collection"}]},
        "code": {"text": "leukapheresis"},
        "subject": person,
        "performedPeriod": when,
    }
    bag = {
        "resourceType": "BiologicallyDerivedProduct",
        "identifier": [_identified(BAGS, patient.bag, "container"), *names],
        "productCategory": "cells",
        "request": [_based_on(patient)],
        "collection": {"collectedPeriod": when},
        "extension": [
            {
                "url": f"{BASE}/StructureDefinition/custody-holder",
                "valueReference": {
                    "type": "Organization",
                    "identifier": {"system": "https://id.gs1.org/414", "value": cast.GLN["riverside"]},
                },
            }
        ],
    }
    return json.dumps(
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "identifier": {"system": "https://riverside.example/bundle", "value": f"COL-{patient.order}"},
            "entry": [
                _entry("urn:uuid:6b1f6e3c-0000-4000-8000-000000000001", procedure),
                _entry("urn:uuid:6b1f6e3c-0000-4000-8000-000000000002", bag),
            ],
        }
    ).encode()


def conditioning(patient: Patient) -> bytes:
    """A Procedure: the patient was made ready for the product."""
    return json.dumps(
        {
            "resourceType": "Procedure",
            "identifier": [{"system": "https://mercy.example/procedure", "value": f"LD-{patient.order}"}],
            "basedOn": [_based_on(patient)],
            "status": "completed",
            "category": {"coding": [{"system": _KIND, "code": "conditioning"}]},
            "code": {"text": "fludarabine and cyclophosphamide"},
            "subject": {
                "type": "Patient",
                "identifier": {
                    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]},
                    "system": f"urn:oid:{MERCY_OID}",
                    "value": patient.mrn,
                },
            },
            "performedPeriod": {"start": "2026-04-14T09:00:00-05:00", "end": "2026-04-16T12:00:00-05:00"},
        }
    ).encode()


# ---- bedside scanners and the registry, webhooks ---------------------------------------------------------------


def fact(
    type_: str, at: str, about_kind: str, name: tuple[str, str], patient: Patient | None, **set_: Any
) -> dict[str, Any]:
    """A fact in the canonical form, as a webhook carries it."""
    about = {"kind": about_kind, "identifiers": [{"system": name[0], "value": name[1]}]}
    of_order = {"order": order_of(patient)} if patient else {}
    return {"type": type_, "timestamp": at, "data": {"about": about, **of_order, "set": set_}}


def container(system: str, value: str) -> dict[str, Any]:
    return {"kind": "container", "identifiers": [{"system": system, "value": value}]}


def scanned(patient: Patient, dose: str, at: str, number: str, result: str) -> dict[str, Any]:
    """Two people at the bed scanned wristband and bag; the scanners said whether they match."""
    return fact(
        "identity.verified",
        at,
        "verification",
        ("https://mercy.example/scan", number),
        patient,
        containers=[container(DOSES, dose)],
        result=result,
        people=[{"name": {"family": "BAKER", "given": ["TOM"]}}, {"name": {"family": "SMITH", "given": ["ANNA"]}}],
    )


def thawed(patient: Patient, at: str) -> dict[str, Any]:
    return fact("product.thawed", at, "container", (DOSES, dose_of(patient)), patient)


def outcome(patient: Patient, at: str) -> dict[str, Any]:
    """The registry's report at day 28."""
    return fact(
        "outcome.reported",
        at,
        "outcome",
        ("https://registry.example/report", f"D28-{patient.order}"),
        patient,
        kind="response",
        code={"codings": [{"system": "https://registry.example/response", "code": "CR"}]},
    )
