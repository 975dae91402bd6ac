"""What partners send, as bytes in their own formats, for generated journeys. Synthetic; knows no hub state."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters import times
from canonical_model.ids import canonical_json
from hub.committer import Incoming
from hub.conversion import RECORDED, Converted, Part
from hub.demo import world, writing

BAGS = world.BAGS
PRODUCTS = "https://celltech.example/bag"
GLN = {**world.GLN, "general": "9521141111123", "quality": "9521145555551"}
"""The demo's partners, another hospital and quality assurance."""

Segments = Sequence[str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way: who sends what. `facts` are assertions that no format of today can say."""

    partner: str
    format: str
    body: bytes
    hint: str = ""
    name: str = ""
    facts: tuple[Mapping[str, Any], ...] = ()
    sequence: str = ""
    """The partner's own number of a message of facts, where it numbers them."""

    def incoming(self) -> Incoming:
        """The message as a channel hands it over."""
        converted = None
        if self.facts:
            part = Part("message", RECORDED, [dict(fact) for fact in self.facts])
            converted = Converted("facts", self.name, self.sequence, [part], [])
        return Incoming(self.partner, "test", self.format, self.body, self.hint, self.name, converted)


# ---- HL7 v2 -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """A patient by name and numbers; `national` is a second number of the same person."""

    mrn: str
    family: str = "DOE"
    given: str = "JANE"
    national: str = ""
    born: str = "19700203"
    sex: str = "F"

    @property
    def numbers(self) -> str:
        """PID-3."""
        ids = [f"{self.mrn}^^^MERCY&{world.MERCY_OID}&ISO^MR"] if self.mrn else []
        ids += [f"{self.national}^^^USSSA&2.16.840.1.113883.4.1&ISO^NI"] if self.national else []
        return "~".join(ids)


def v2(type_: str, control: str, at: str, *segments: str, sequence: str = "") -> bytes:
    """A message with its header; `at` is MSH-7, `sequence` MSH-13."""
    header = world.header(type_, control, at)
    return writing.v2(f"{header}|{sequence}" if sequence else header, *segments)


def pid(person: Person, died: str = "", stated: str = "") -> str:
    """PID: died is PID-29 and sets PID-30; stated is PID-33."""
    fields = ["PID", "1", "", person.numbers, "", f"{person.family}^{person.given}^^^^^L", "", person.born, person.sex]
    fields += [""] * (33 - len(fields) + 1)
    fields[29], fields[30], fields[33] = died, "Y" if died else "", stated
    return "|".join(fields).rstrip("|")


def orc(action: str, placer: str, filler: str, at: str, group: str = "") -> str:
    """ORC: numbers are given without their namespaces."""
    return f"ORC|{action}|{_placer(placer)}|{_filler(filler)}|{f'{group}^EPIC' if group else ''}|||||{at}"


def _placer(number: str) -> str:
    return f"{number}^EPIC" if number else ""


def _filler(number: str) -> str:
    return f"{number}^CELLLAB" if number else ""


def coi(value: str, system: str = "") -> list[str]:
    """The OBX that carries a chain-of-identity identifier."""
    return [f"OBX|1|ST|COI^Chain of identity identifier^CGT||{value}||||||F"] if value else []


def order(
    person: Person,
    control: str,
    *,
    placer: str,
    filler: str = "",
    chain: str = "",
    action: str = "NW",
    at: str = "",
    sent: str = "20260301083000-0600",
    group: str = "",
    product: str = "AXI-CEL",
    sequence: str = "",
) -> bytes:
    """OML^O21: an order, or what became of it."""
    return v2(
        "OML^O21^OML_O21",
        control,
        sent,
        pid(person),
        orc(action, placer, filler, at, group),
        f"OBR|1|{_placer(placer)}|{_filler(filler)}|{product}^{product}^CGT",
        *coi(chain),
        sequence=sequence,
    )


def apheresis(
    person: Person,
    control: str,
    *,
    placer: str,
    lab: str,
    chain: str,
    bag: str,
    start: str,
    end: str,
    viability: str = "98.50",
    status: str = "F",
    sent: str = "20260310141500-0500",
) -> bytes:
    """ORU^R01: the collection, its bag and a result."""
    return v2(
        "ORU^R01^ORU_R01",
        control,
        sent,
        *_report(person, placer, lab, chain, f"{start}|{end}", f"{sent}|||{status}"),
        f"OBX|2|NM|cd3-total^CD3 cells^CGT||2.60|10*9^^UCUM|||||{status}",
        f"SPM|1|{bag}&&{BAGS}&URI||APH^Apheresis product^CGT|||||||P^Patient^HL70369|210^mL&&UCUM|||||{start}^{end}",
        f"OBX|1|NM|viability^Viability^CGT||{viability}|%^^UCUM|||||{status}",
    )


def results(
    person: Person, control: str, *, placer: str, lab: str, chain: str, value: str, status: str, at: str, sent: str
) -> bytes:
    """ORU^R01: one result, which may correct an earlier one."""
    return v2(
        "ORU^R01^ORU_R01",
        control,
        sent,
        *_report(person, placer, lab, chain, f"{at}|", f"{sent}|||{status}"),
        f"OBX|2|NM|viability^Viability^CGT||{value}|%^^UCUM|||||{status}|||{at}",
    )


def _report(person: Person, placer: str, lab: str, chain: str, observed: str, reported: str) -> list[str]:
    """What both reports begin with; `observed` is OBR-7 and OBR-8, `reported` OBR-22 to OBR-25."""
    numbers = f"{_placer(placer)}|{_filler(lab)}"
    return [
        pid(person),
        f"ORC|RE|{numbers}",
        f"OBR|1|{numbers}|APH^Apheresis product^CGT|||{observed}||||||||||||||{reported}",
        *coi(chain),
    ]


def update(person: Person, control: str, at: str, died: str = "") -> bytes:
    """ADT^A08: what is known of a person changed."""
    return v2("ADT^A08^ADT_A01", control, at, f"EVN||{at}", pid(person, died, at))


def merge(survivor: Person, retired: Person, control: str, at: str) -> bytes:
    """ADT^A40: two records are one person."""
    return v2("ADT^A40^ADT_A39", control, at, f"EVN||{at}", pid(survivor, stated=at), f"MRG|{retired.numbers}")


# ---- EPCIS ------------------------------------------------------------------------------------------------------


def party(name: str) -> str:
    """A partner's GLN as a URI."""
    return f"https://id.gs1.org/414/{GLN[name]}"


def epcis(name: str, *events: Mapping[str, Any]) -> bytes:
    """A capture document under its own instance identifier."""
    return writing.document(*events, instanceIdentifier=name)


def happened(kind: str, at: str, step: str, **more: Any) -> dict[str, Any]:
    """An EPCIS event; `at` is local time with its offset."""
    digest = hashlib.sha256(json.dumps([kind, at, step, more], sort_keys=True).encode()).hexdigest()
    return {
        "type": kind,
        "eventID": f"urn:uuid:{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}",
        "eventTime": at,
        "eventTimeZoneOffset": at[-6:],
        "bizStep": step,
        **more,
    }


def packed(sscc: str, bags: Sequence[str], at: str, place: str, **more: Any) -> dict[str, Any]:
    """Bags go into a shipper."""
    return happened(
        "AggregationEvent",
        at,
        "packing",
        action="ADD",
        parentID=f"https://id.gs1.org/00/{sscc}",
        childEPCs=list(bags),
        readPoint={"id": party(place)},
        **more,
    )


def moved(things: Sequence[str], at: str, step: str, giver: str, taker: str, **more: Any) -> dict[str, Any]:
    """Things change hands, at one of the steps that say so."""
    return happened(
        "ObjectEvent",
        at,
        step,
        action="OBSERVE",
        epcList=list(things),
        sourceList=[{"type": "possessing_party", "source": party(giver)}] if giver else [],
        destinationList=[{"type": "possessing_party", "destination": party(taker)}] if taker else [],
        **more,
    )


def seen(things: Sequence[str], at: str, step: str, **more: Any) -> dict[str, Any]:
    """Things were seen, at a step that moves nothing."""
    return happened("ObjectEvent", at, step, action="OBSERVE", epcList=list(things), **more)


def logged(sscc: str, at: str, begin: int, values: Sequence[str]) -> dict[str, Any]:
    """Temperatures of a shipper, every twenty minutes from `begin` o'clock."""
    reports = [
        {
            "type": "Temperature",
            "value": float(value),
            "uom": "CEL",
            "time": f"2026-03-10T{begin + index // 3:02}:{index % 3 * 20:02}:00-05:00",
        }
        for index, value in enumerate(values)
    ]
    element = {"sensorMetadata": {"deviceID": "urn:epc:id:giai:9521142.LOGGER7"}, "sensorReport": reports}
    return seen([f"https://id.gs1.org/00/{sscc}"], at, "transporting", sensorElementList=[element])


# ---- CSV --------------------------------------------------------------------------------------------------------


def receipts(*rows: tuple[str, str, str, str, str]) -> bytes:
    """Receipts: CoI, bag, shipment, local time, inspection."""
    return writing.sheet(writing.RECEIPTS, *(f"{c};{b};{s};{t};4.3;{i}" for c, b, s, t, i in rows))


def qc(*rows: tuple[str, str, str, str, str, str]) -> bytes:
    """Quality control: CoI, bag, test, value, status, local time."""
    lines = (
        f"{c};B-77;S-1;{b};{t};M;{v};%;70;;{'pass' if float(v) >= 70 else 'fail'};{s};{at}"
        for c, b, t, v, s, at in rows
    )
    return writing.sheet(writing.QC_RESULTS, *lines)


# ---- FHIR -------------------------------------------------------------------------------------------------------


def resource(type_: str, **content: Any) -> bytes:
    """A resource without an id: the partner creates it."""
    return json.dumps({"resourceType": type_, **content}).encode()


def numbered(value: str, code: str = "PLAC") -> dict[str, Any]:
    """An order number as FHIR's Identifier; without a code it does not say that it is the placer's."""
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}
    return {"system": "urn:id:EPIC", "value": value, **({"type": {"coding": [coding]}} if code else {})}


def request(numbers: Sequence[Mapping[str, Any]], mrn: str, status: str, at: str) -> bytes:
    """ServiceRequest: the order as FHIR says it."""
    return resource(
        "ServiceRequest",
        status=status,
        intent="order",
        identifier=list(numbers),
        code={"coding": [{"system": "urn:id:CGT", "code": "AXI-CEL"}]},
        subject={"identifier": _mrn(mrn)},
        authoredOn=at,
        meta={"lastUpdated": at},
    )


def observation(number: Mapping[str, Any], mrn: str, value: str, status: str, at: str) -> bytes:
    """Observation of an order."""
    return resource(
        "Observation",
        status=status,
        identifier=[{"system": "urn:obs", "value": f"{number['value']}/weight"}],
        basedOn=[{"type": "ServiceRequest", "identifier": dict(number)}],
        code={"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        subject={"identifier": _mrn(mrn)},
        effectiveDateTime=at,
        issued=at,
        valueQuantity={"value": float(value), "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    )


def patient(person: Person, at: str, **more: Any) -> bytes:
    """Patient: the person as FHIR says it."""
    return resource(
        "Patient",
        identifier=[_mrn(person.mrn)],
        name=[{"family": person.family, "given": [person.given]}],
        gender="female" if person.sex == "F" else "male",
        birthDate=f"{person.born[:4]}-{person.born[4:6]}-{person.born[6:]}",
        meta={"lastUpdated": at},
        **more,
    )


def _mrn(value: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
    return {"system": f"urn:oid:{world.MERCY_OID}", "value": value, "type": {"coding": [coding]}}


# ---- what no format of today says -------------------------------------------------------------------------------


def ref(kind: str, system: str, *values: str) -> dict[str, Any]:
    """A reference by names of one system."""
    return {"kind": kind, "identifiers": [{"system": system, "value": value} for value in values]}


def fact(type_: str, about: Mapping[str, Any], at: str, **values: Any) -> dict[str, Any]:
    """An assertion; `at` is ISO text in UTC, a day or an instant."""
    return {
        "type": type_,
        "frame": f"{about['kind']}#1",
        "about": dict(about),
        "set": values,
        "clear": [],
        "occurred": times.when(at.removesuffix("Z"), "Z", "") if at else None,
    }


def said(partner: str, name: str, *facts: Mapping[str, Any]) -> Delivery:
    """A message of facts; its body is their JSON."""
    return Delivery(partner, "fhir_r4", canonical_json([name, *facts]), name=name, facts=facts)
