"""The documents that are judged: what running hubs wrote, what the samples are written as. Judges nothing.

A folder of further documents (what a demo's partners received, say) can be added: its files are told by their content.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx

from adapters.reading import Unparsable, Unsupported
from canonical_model.catalogue import EVENTS
from hub.converting import convert_body
from hub.demo import care, cast
from hub.demo import stage as demo
from hub.demo import world as demo_world
from hub.demo.play import ACTS
from hub.formats import FORMATS, format_of
from tests.adapters.test_hl7v2_validity import samples as fresh_samples
from tests.hub import house, receivers, world
from tests.judges.document import B2MML, EPCIS_JSON, EPCIS_XML, FHIR, HL7V2, Document
from tests.standards import ROOT

SAMPLES = ROOT / "tests" / "samples"
FHIR_JSON = {"content-type": world.FHIR}


def of(name: str, body: bytes) -> Document | None:
    """A document by its content, or None where nobody judges such a one."""
    text = body.lstrip(b"\xef\xbb\xbf\x0b\r\n \t")
    if text.startswith(b"MSH"):
        text = text.replace(b"\r\n", b"\r").replace(b"\n", b"\r").rstrip(b"\x1c\r") + b"\r"
        kinds = text.split(text[3:4])[8].decode().split(text[4:5].decode())
        return Document(name, HL7V2, "^".join(kinds[:2]), text)
    if text.startswith(b"{"):
        return _of_json(name, text)
    if text.startswith(b"<"):
        root = re.search(rb"<(?:[\w.-]+:)?([A-Za-z]\w*)[^>]*>", re.sub(rb"<[?!][^>]*>", b"", text))
        kind = root[1].decode() if root else ""
        known = EPCIS_XML if kind.startswith("EPCIS") else B2MML if b"mesa.org/xml/B2MML" in text else ""
        return Document(name, known, kind, text) if known else None
    return None


def _of_json(name: str, body: bytes) -> Document | None:
    try:
        tree = json.loads(body)
    except ValueError:
        return None
    if "resourceType" in tree:
        return Document(name, FHIR, str(tree["resourceType"]), body)
    known = str(tree.get("type", "")).startswith("EPCIS") or "schemaVersion" in tree
    return Document(name, EPCIS_JSON, str(tree["type"]), body) if known and "type" in tree else None


# ---- what the samples are written as --------------------------------------------------------------------------


def golden() -> Iterator[Document]:
    """Every committed sample of an output: checked by eye once, judged by others here."""
    for file in sorted(SAMPLES.rglob("*.written.*")):
        found = of(f"{file.parent.name}/{file.name}", file.read_bytes())
        if found is not None:
            yield found


def rewritten() -> Iterator[Document]:
    """Every sample of an input, written afresh in its own format and in every other one that has a place for it."""
    for fresh in fresh_samples():
        yield Document(f"{fresh.name} {fresh.version}", HL7V2, fresh.structure, fresh.text.encode())
    for file in sorted(SAMPLES.rglob("*.*")):
        if ".written." in file.name or ".frames." in file.name or file.parent.name not in FORMATS:
            continue
        hint = f"{file.parent.name}/{file.stem}"
        for target in ("afresh", "fhir_r4", "epcis"):
            written = _written(file, hint, target)
            found = of(f"{file.parent.name}/{file.name} as {target}", written) if written else None
            if found is not None and found.format != HL7V2:
                yield found


def given_back() -> Iterator[Document]:
    """Every sample of EPCIS as its sender gets it back: in XML where it came in XML."""
    adapter = format_of("epcis")
    for file in sorted((ROOT / "tests" / "adapters" / "epcis").glob("*.*")):
        try:
            read = adapter.read(file.read_bytes())
        except (Unparsable, Unsupported):
            continue
        written, _ = adapter.write(read.type, read.frames, read.residual)
        found = of(f"epcis/{file.name} given back", written)
        if found is not None and not any(fault.severity == "error" for fault in read.faults):
            yield found


def _written(file: Path, hint: str, target: str) -> bytes:
    """A sample in another format; nothing where it cannot be read, or where nothing of it has a place there."""
    try:
        written, faults = convert_body(file.read_bytes(), file.parent.name, target, hint)
    except (Unparsable, Unsupported):
        return b""
    if any(fault.severity == "error" for fault in faults):
        return b""
    says = (
        b'"entry"' in written if target == "fhir_r4" else b"eventList" in written and b'"eventList":[]' not in written
    )
    return written if target == "afresh" or says else b""


# ---- what a hub writes ----------------------------------------------------------------------------------------


def played(home: Path) -> Iterator[Document]:
    """What a hub answered by FHIR and told its partners, while a journey was played through it."""
    overlay = world.write_overlay(home / "overlay")
    with house.captured() as logs, receivers.interface() as ehr, receivers.endpoint() as courier:

        def change(found: dict[str, dict[str, Any]]) -> None:
            world.told(found, ehr.port, courier.url)
            _tell_everything(found)

        running = house.make(home / "hub", overlay, logs, change).start()
        try:
            yield from _answers(running)
            running.quiet()
        finally:
            running.stop()
        told = [*ehr.received, *(posted.body for posted in courier.received)]
        written = sorted((home / "hub" / "foundry" / "out").rglob("*"))
        told += [file.read_bytes() for file in written if file.is_file()]
        yield from filter(None, (of(f"told: {number}", body) for number, body in enumerate(told)))


_TOLD = (("lakeside", ("hl7v2",)), ("heron", ("epcis", "fhir_r4")), ("foundry", ("mes_csv", "b2mml")))


def _tell_everything(found: dict[str, dict[str, Any]]) -> None:
    """Each of these partners is told every fact in every message of its formats that a table can send."""
    for partner, formats in _TOLD:
        found[partner]["sends"] = [
            {"events": [e for e in EVENTS if any(fnmatch(e, like) for like in message["send"])], "message": name}
            for format_name in sorted({*formats} & {*FORMATS})
            for name, message in sorted(format_of(format_name).adapter.library.maps.items())  # type: ignore[attr-defined]
            if message.get("send")
        ]


def _play(hub: house.House) -> list[world.Person]:
    """Two orders, by HL7 v2 and FHIR, with collection, courier and manufacturer."""
    first, second = world.person(1), world.person(2)
    acknowledged = [hub.send(world.order(first, "J-1")), hub.send(world.apheresis(first, "J-2"))]
    lakeside = hub.http("lakeside")
    for resource in (world.patient(second), world.service_request(second)):
        lakeside.post(f"/fhir/{resource['resourceType']}", content=json.dumps(resource), headers=FHIR_JSON)
    lakeside.post("/fhir/Observation", content=world.observation(second), headers=FHIR_JSON)
    sent = world.document(world.packing(first), world.departing())
    hub.http("heron").post("/epcis/capture", content=sent, headers={"content-type": world.LD})
    hub.dropped("receipts-1.csv", world.receipts(first))
    hub.dropped("qc-1.csv", world.qc(first))
    assert all(house.msa(one)[0] == "AA" for one in acknowledged)
    return [first, second]


def _answers(hub: house.House) -> Iterator[Document]:
    """What the hub answers to whoever asks it everything that its capabilities say."""
    people, client = _play(hub), hub.http("lakeside")
    asked = [(f"urn:id:EHR|{who.order}", f"{world.BAGS}|{who.bag}") for who in people]
    yield from _documents(
        (f"answer: {address}", client.get(f"/fhir/{address}")) for address in _addresses(client, asked)
    )
    broken = json.dumps({"resourceType": "Observation"})
    replies = [("answer: transaction", client.post("/fhir", content=_transaction(), headers=FHIR_JSON))]
    replies.append(("answer: refused", client.post("/fhir/Observation", content=broken, headers=FHIR_JSON)))
    yield from _documents(iter(replies))


def _addresses(client: httpx.Client, asked: list[tuple[str, str]]) -> list[str]:
    """All that can be asked of orders and of a bag of each, by what the hub says that it can answer."""
    told = client.get("/fhir/metadata").json()["rest"][0]["resource"]
    questions = [one["name"] for resource in told for one in resource.get("operation", ()) if one["name"] != "validate"]
    addresses = ["metadata", *(f"OperationDefinition/{question}" for question in questions)]
    for number, bag in asked:
        found = client.get("/fhir/ServiceRequest", params={"identifier": number}).json()
        order = found["entry"][0]["resource"]
        addresses += [f"ServiceRequest/{order['id']}", order["subject"]["reference"]]
        about = [f"ServiceRequest/{order['id']}/${question}" for question in questions]
        addresses += [*about, *(f"{question}?container={bag}" for question in about)]
        addresses += [
            f"{resource['type']}?patient={order['subject']['reference']}&_count=100"
            for resource in told
            if any(one["name"] == "patient" for one in resource.get("searchParam", ()))
        ]
    return addresses


def _documents(replies: Iterator[tuple[str, httpx.Response]]) -> Iterator[Document]:
    for name, reply in replies:
        document = of(name, reply.content)
        if document is not None:
            yield document
            yield from _inside(document)


def _inside(document: Document) -> Iterator[Document]:
    """The resources in a Bundle, each by itself: a judge tells more of them so."""
    tree = json.loads(document.body)
    for number, entry in enumerate(tree.get("entry", ()) if tree["resourceType"] == "Bundle" else ()):
        if "resource" in entry:
            body = json.dumps(entry["resource"]).encode()
            yield Document(f"{document.name}[{number}]", FHIR, entry["resource"]["resourceType"], body)


def _transaction() -> bytes:
    who = world.person(3)
    key = "urn:uuid:7c7b1d3e-5a52-4a3d-9d0a-3f0c5d7a2b11"
    order = {**world.service_request(who), "subject": {"reference": key}}
    entries = [
        {"fullUrl": key, "resource": world.patient(who), "request": {"method": "POST", "url": "Patient"}},
        {"resource": order, "request": {"method": "POST", "url": "ServiceRequest"}},
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


# ---- the demo -------------------------------------------------------------------------------------------------


def shown(home: Path) -> list[Document]:
    """What the demo's partners received on the whole journey, and what its hub answers about it by FHIR."""
    return asyncio.run(_shown(home))


async def _shown(home: Path) -> list[Document]:
    stage = demo.Stage(home, 120.0)
    demo.console.quiet = True
    try:
        await stage.open(0)
        for act in ACTS:
            await act(stage)
        assert not stage.failures, stage.failures
        token = {"authorization": f"Bearer {cast.TOKENS['mercy']}"}
        with httpx.Client(base_url=stage.base, headers=token, timeout=120.0) as client:
            people = (demo_world.JANE, demo_world.RICHARD)
            asked = [(f"urn:id:EPIC|{who.order}", f"{care.DOSES}|{care.dose_of(who)}") for who in people]
            replies = [(f"demo: {address}", client.get(f"/fhir/{address}")) for address in _addresses(client, asked)]
    finally:
        demo.console.quiet = False
        await stage.close()
    told = [*stage.hospital.received, *stage.courier.received, *stage.sponsor.received]
    told += [file.read_bytes() for file in sorted(home.glob("*/out/**/*")) if file.is_file()]
    found = [of(f"demo told: {number}", body) for number, body in enumerate(told)]
    return [*filter(None, found), *_documents(iter(replies))]


# ---- all of them ----------------------------------------------------------------------------------------------


def folder(path: Path) -> Iterator[Document]:
    """Every file of a folder that somebody judges."""
    for file in sorted(path.rglob("*")):
        found = of(str(file.relative_to(path)), file.read_bytes()) if file.is_file() else None
        if found is not None:
            yield found


def all_of(home: Path) -> list[Document]:
    """Every document, each once."""
    found = [*golden(), *rewritten(), *given_back(), *played(home / "journey"), *shown(home / "demo")]
    return list({(document.format, document.body): document for document in found}.values())
