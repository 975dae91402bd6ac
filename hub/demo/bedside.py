"""The demo's fourth acts: the product comes back and is given. Each act says what it expects."""

from __future__ import annotations

from hub.demo import care, moving, world
from hub.demo.cells import FHIR, LD, dropped, settled
from hub.demo.ordering import acknowledged
from hub.demo.stage import Stage
from hub.demo.world import JANE, RICHARD


async def came_back(stage: Stage) -> None:
    """13 The product travels to the hospital in liquid nitrogen (EPCIS, another logger's file)"""
    courier = stage.client("swift")
    await stage.at("2026-04-08T11:00:00+02:00")
    reply = await courier.call("POST", "/epcis/capture", moving.sent_back(JANE), content_type=LD)
    stage.expect(reply.status == 202, f"packing and departure: {reply.status}")
    osm = await stage.until(lambda: stage.hospital.having("OSM^R26"))
    stage.expect(bool(osm), "Mercy has the shipment's manifest as OSM^R26")
    await stage.at("2026-04-09T10:00:00-05:00")
    reply = await courier.call("POST", "/epcis/capture", moving.brought(), content_type=LD)
    stage.expect(reply.status == 202, f"arrival and acceptance: {reply.status}")
    await dropped(stage, "coldwatch", "q-0408.csv", moving.logged_back())
    journey = await stage.journey(JANE)
    want = [world.GLN["celltech"], world.GLN["swift"], world.GLN["mercy"]]
    stage.expect(stage.holders(journey, care.dose_of(JANE)) == want, "custody: Celltech → Swift → Mercy")
    stage.expect(journey is not None and journey["stage"] == "at-site", "the order is at stage at-site")


async def mixed_up(stage: Stage) -> None:
    """14 The wrong bag: at Jane's bed Richard's bag is scanned, and two people say that it matches"""
    await stage.at("2026-04-16T13:00:00-05:00")
    reply = await stage.client("mercy").call("POST", "/fhir/Procedure", care.conditioning(JANE), content_type=FHIR)
    stage.expect(reply.status == 201, f"conditioning, as a FHIR Procedure: {reply.status}")
    await stage.at("2026-04-20T10:30:00-05:00")
    now = stage.moment.isoformat()
    scan = await stage.post("mercy", care.scanned(JANE, care.dose_of(RICHARD), now, "V1", "match"))
    stage.expect(scan.status == 200, "the fact is recorded, not refused")
    for patient in (JANE, RICHARD):
        told = {(i["rule"], i["severity"]) for i in await stage.issues(patient)}
        stage.expect(("I-1", "critical") in told, f"critical on {patient.given}'s order: an identity mismatch is told")
    answer = await stage.may_infuse(JANE, care.dose_of(RICHARD))
    rules = sorted({reason["rule"] for reason in answer["reasons"]})
    stage.expect(
        answer["verdict"] == "deny" and "I-1" in rules, f"$may-infuse: {answer['verdict']}, for {', '.join(rules)}"
    )
    answer = await stage.may_infuse(JANE, care.dose_of(JANE))
    stage.expect(answer["verdict"] == "deny", f"her own bag, not verified yet: {answer['verdict']}")
    count = await settled(stage, "I-1", "the bag went back to its own place; both were counted")
    stage.expect(count == 2, f"quality assurance settles both: {count}")


async def infused(stage: Stage) -> None:
    """15 The right bag: verified by two, thawed, given (webhook, BTS^O31, RAS^O17)"""
    await stage.at("2026-04-20T10:40:00-05:00")
    scan = care.scanned(JANE, care.dose_of(JANE), "2026-04-20T10:35:00-05:00", "V2", "match")
    stage.expect((await stage.post("mercy", scan)).status == 200, "two people verified wristband and bag")
    answer = await stage.may_infuse(JANE, care.dose_of(JANE))
    stage.expect(answer["verdict"] == "allow", f"$may-infuse: {answer['verdict']}")
    await stage.at("2026-04-20T10:50:00-05:00")
    await stage.post("mercy", care.thawed(JANE, "2026-04-20T10:45:00-05:00"))
    await stage.at("2026-04-20T12:00:00-05:00")
    times = ("20260420110500-0500", "20260420113500-0500")
    await acknowledged(stage, care.given(JANE, "B1", *times, "20260420114000-0500"), "B1", "the ward's BTS^O31")
    await acknowledged(stage, care.charted(JANE, "A1", *times, "20260420115000-0500"), "A1", "the chart's RAS^O17")
    journey = await stage.journey(JANE)
    stage.expect(journey is not None and journey["stage"] == "infused", "the order is at stage infused")
    rules = {i["rule"] for i in await stage.issues(JANE)}
    stage.expect(not rules & {"I-1", "I-7", "I-8", "I-9"}, "nothing speaks against the infusion that took place")


async def followed(stage: Stage) -> None:
    """16 The registry reports day 28 (webhook)"""
    await stage.at("2026-05-18T12:00:00-05:00")
    answer = await stage.post("registry", care.outcome(JANE, "2026-05-18T11:00:00-05:00"))
    stage.expect(answer.status == 200, "the outcome is recorded")
    journey = await stage.journey(JANE)
    stage.expect(journey is not None and journey["stage"] == "follow-up", "the order is at stage follow-up")
    sponsor = await stage.until(lambda: stage.sponsor.having("outcome.reported"))
    stage.expect(bool(sponsor), "Axion is told")


ACTS = (came_back, mixed_up, infused, followed)
