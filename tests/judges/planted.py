"""Documents that are wrong on purpose: each judge refuses every one of its formats, or it judges nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.hub import world
from tests.judges.document import B2MML, EPCIS_JSON, EPCIS_XML, FHIR, HL7V2, Document

WHO = world.person(7)


def _json(name: str, format_name: str, tree: Mapping[str, Any]) -> Document:
    kind = tree.get("resourceType") or tree.get("type") or ""
    return Document(f"planted: {name}", format_name, str(kind), json.dumps(tree).encode())


def _fhir(name: str, **elements: Any) -> Document:
    sound: dict[str, Any] = json.loads(world.observation(WHO))
    tree = {**sound, **elements}
    return _json(name, FHIR, {name: value for name, value in tree.items() if value is not None})


def _epcis(name: str, **elements: Any) -> Document:
    tree = json.loads(world.document(world.departing()))
    event = {**tree["epcisBody"]["eventList"][0], **elements}
    tree["epcisBody"]["eventList"] = [{name: value for name, value in event.items() if value is not None}]
    return _json(name, EPCIS_JSON, tree)


def _b2mml(name: str, inner: str) -> Document:
    body = f'<OperationsRequest xmlns="http://www.mesa.org/xml/B2MML">{inner}</OperationsRequest>'
    return Document(f"planted: {name}", B2MML, "OperationsRequest", body.encode())


PLANTED = (
    _fhir("no code", code=None),
    _fhir("an element that R4 does not have", colour="red"),
    _fhir("a list where one stands", status=["final"]),
    _fhir("a time that is a number", effectiveDateTime=7),
    _fhir("a code that is an object", code={"coding": {"code": "x"}}),
    _epcis("no time", eventTime=None),
    _epcis("an action of its own", action="SEEN"),
    _epcis("no offset", eventTimeZoneOffset=None),
    Document(
        "planted: no time",
        EPCIS_XML,
        "EPCISDocument",
        world.epcis_xml("<ObjectEvent><epcList/><action>OBSERVE</action></ObjectEvent>"),
    ),
    Document(
        "planted: an action of its own",
        EPCIS_XML,
        "EPCISDocument",
        world.epcis_xml(world.xml_event("urn:x:1").replace("OBSERVE", "SEEN")),
    ),
    _b2mml("an element of its own", "<Colour>red</Colour>"),
    _b2mml("a time that is none", "<PublishedDate>noon</PublishedDate>"),
    Document("planted: no PID", HL7V2, "ADT^A01", (world.msh("ADT^A01^ADT_A01", "P-1") + "\rPV1|1|O\r").encode()),
    Document("planted: no OBR", HL7V2, "OML^O21", world.order(WHO, "P-2").replace(b"\rOBR|", b"\rZZZ|")),
)
