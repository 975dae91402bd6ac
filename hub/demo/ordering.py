"""The demo's first acts: the therapy is ordered, agreed, planned and planned again. Each says what it expects."""

from __future__ import annotations

import json
from typing import Any

from hub.demo import care, making, world
from hub.demo.partners import Client, mllp, segment
from hub.demo.stage import Stage
from hub.demo.world import JANE, RICHARD

AGREED = "2026-03-02T12:00:00-05:00"


async def acknowledged(stage: Stage, message: bytes, control: str, claim: str) -> None:
    """The hospital sends a message; it is acknowledged, under its own number."""
    answer = await mllp(stage.mllp_ports["mercy"], message, stage.seconds)
    code, echoed = segment(answer, "MSA", 1), segment(answer, "MSA", 2)
    stage.expect(code == "AA" and echoed == control, f"{claim}: acknowledged AA for {control}")


async def ordered(stage: Stage) -> None:
    """1  The hospital orders a CAR-T for two patients, with consent (OML^O21, MDM^T02 with a PDF, over MLLP)"""
    await stage.at("2026-03-01T15:30:00+00:00")
    for patient, control in ((JANE, "O1"), (RICHARD, "O2")):
        await acknowledged(stage, world.order(patient, control), control, f"order {patient.order}")
    consent = care.document(JANE, "C1", "CF-301", "CONSENT", "20260301091500-0600", consent="20260301090000-0600")
    await acknowledged(stage, consent, "C1", "consent, a signed PDF")
    journeys = (await stage.client("operator").call("GET", "/api/journeys")).json
    stage.expect(len(journeys) == 2, f"two orders are known, at stage {', '.join(j['stage'] for j in journeys)}")
    stage.expect(
        any(e["type"] == "consent.recorded" for e in await stage.facts(JANE)), "the consent stands on the order"
    )


async def repeated(stage: Stage) -> None:
    """2  The hospital's interface sends the first order again (a lost acknowledgement looks like this)"""
    before = await stage.facts(JANE)
    again = world.order(JANE, "O1").replace(b"|20260301083000-0600||OML", b"|20260301083107-0600||OML")
    answer = await mllp(stage.mllp_ports["mercy"], again, stage.seconds)
    after = await stage.facts(JANE)
    stage.expect(segment(answer, "MSA", 1) == "AA", "acknowledged AA again")
    stage.expect(bool(before) and len(before) == len(after), f"nothing was applied twice ({len(after)} facts)")


async def agreed(stage: Stage) -> None:
    """3  The sponsor accepts, issues the chain-of-identity identifier and books a slot (signed webhooks)"""
    await stage.at(AGREED)
    slot = ("2026-03-09T08:00:00+01:00", "2026-03-23T18:00:00+01:00")
    facts = [making.accepted(JANE, AGREED), making.issued(JANE, AGREED)]
    facts += [making.slot(JANE, kind, AGREED, *slot) for kind in ("slot.offered", "slot.booked")]
    answers = [await stage.post("axion", fact) for fact in facts]
    stage.expect(
        all(a.status == 200 and a.json["unlinked"] == 0 for a in answers), f"{len(answers)} facts taken and linked"
    )
    forged = await stage.post("axion", making.accepted(RICHARD, AGREED), secret_of="celltech")
    stage.expect(forged.status == 401, f"signed with another's secret: refused, {forged.status}")
    visit = care.appointment(JANE, "S1", "S12", "20260302105500-0600", "202603080800-0600", "202603081200-0600")
    await acknowledged(stage, visit, "S1", "apheresis booked (SIU^S12)")
    siu = await stage.until(lambda: stage.hospital.having("SIU^S12"))
    stage.expect(bool(siu), "Mercy is told of the manufacturing slot as SIU^S12")
    request = await stage.until(lambda: stage.written("celltech-mes", b"OperationsRequest"))
    stage.expect(bool(request), "Celltech's MES has it as a B2MML operations request: a tissue arrives")


async def planned_again(stage: Stage) -> None:
    """4  The visit and the slot move (SIU^S13, webhook)"""
    await stage.at("2026-03-05T12:00:00-05:00")
    moved = care.appointment(JANE, "S2", "S13", "20260305105500-0600", "202603100900-0500", "202603101300-0500")
    await acknowledged(stage, moved, "S2", "apheresis moved (SIU^S13)")
    slot = making.slot(
        JANE, "slot.changed", "2026-03-05T12:00:00-05:00", "2026-03-11T13:00:00+01:00", "2026-03-25T18:00:00+01:00"
    )
    answer = await stage.post("axion", slot)
    stage.expect(answer.status == 200, "the sponsor moves the slot")
    told = await stage.until(lambda: stage.written("celltech-mes", b"2026-03-11T13:00"))
    stage.expect(bool(told), "Celltech's MES has the new time")
    siu = await stage.until(lambda: stage.hospital.having("SIU^S13"))
    stage.expect(bool(siu), "Mercy has it as SIU^S13")


async def looked_up(stage: Stage) -> None:
    """5  The hospital reads and changes its order by FHIR"""
    hospital = stage.client("mercy")
    found = await stage.until(
        lambda: search(hospital, f"/fhir/Patient?identifier=urn:oid:{world.MERCY_OID}|{JANE.mrn}")
    )
    stage.expect(
        found is not None and found["name"][0]["family"] == JANE.family, "Patient by medical record number, by name"
    )
    order = await stage.until(lambda: search(hospital, f"/fhir/ServiceRequest?identifier={JANE.order}"))
    stage.expect(bool(order), "ServiceRequest by order number")
    if not order:
        return
    path, tag = f"/fhir/ServiceRequest/{order['id']}", f'W/"{order["meta"]["versionId"]}"'
    changed = {**order, "occurrenceDateTime": "2026-04-27"}
    body = json.dumps(changed).encode()
    reply = await hospital.call("PUT", path, body, content_type="application/fhir+json", If_Match=tag)
    stage.expect(reply.status == 200, f"moved the target date: {reply.status}")
    wrong = json.dumps({**changed, "subject": {"reference": "Patient/someone-else"}}).encode()
    now = reply.headers.get("etag", "")
    reply = await hospital.call("PUT", path, wrong, content_type="application/fhir+json", If_Match=now)
    stage.expect(
        reply.status == 422 and "ServiceRequest.subject" in reply.body.decode(),
        f"pointing the order at another patient is refused, and where it says so: {reply.status}",
    )


async def search(client: Client, path: str) -> dict[str, Any] | None:
    """The first resource that a search finds."""
    reply = await client.call("GET", path)
    entries = reply.json.get("entry", []) if reply.status == 200 else []
    return entries[0]["resource"] if entries else None


ACTS = (ordered, repeated, agreed, planned_again, looked_up)
