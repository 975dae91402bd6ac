"""The demo's second acts: the cells are collected, travel and arrive. Each act says what it expects."""

from __future__ import annotations

import csv

from hub.demo import care, making, moving, world
from hub.demo.ordering import acknowledged
from hub.demo.partners import drop
from hub.demo.stage import Stage
from hub.demo.world import JANE, RICHARD

SECOND_RECORD = "4799"
"""Record number under which Jane was registered once more, at the apheresis centre."""
FHIR, LD, JSON = "application/fhir+json", "application/ld+json", "application/json"


async def dropped(stage: Stage, partner: str, name: str, body: bytes) -> None:
    """A partner drops a file, and finds its receipt."""
    drop(stage.folder(partner, "drop"), name, body)
    receipt = await stage.until(lambda: stage.receipt(partner, name))
    stage.expect(receipt is not None and receipt["outcome"] == "recorded", f"{name}: receipt says recorded")


async def settled(stage: Stage, rule: str, text: str) -> int:
    """Quality assurance settles the open Issues of a rule; how many there were."""
    found = [i for i in await stage.issues() if i["rule"] == rule]
    for issue in found:
        await stage.post("operator", making.resolved(issue["id"], stage.moment.isoformat(), text))
    return len(found)


async def collected(stage: Stage) -> None:
    """6  The apheresis centre reports the collection and the bag (FHIR transaction), by a second record number"""
    await stage.at("2026-03-10T13:45:00-05:00")
    centre = stage.client("riverside")
    reply = await centre.call("POST", "/fhir", care.collection(JANE, SECOND_RECORD), content_type=FHIR)
    stage.expect(reply.status == 200, f"a transaction of Procedure and BiologicallyDerivedProduct: {reply.status}")
    await acknowledged(stage, world.apheresis(RICHARD, "R2", "20260310134100-0500"), "R2", "Richard's (ORU^R01)")
    journey = await stage.journey(JANE)
    stage.expect(journey is not None and journey["stage"] == "collected", "the order is at stage collected")
    holder = stage.holder(journey, JANE.bag)
    stage.expect(holder.endswith("9521144444440"), "the apheresis centre holds the bag: custody begins there")
    rules = {i["rule"] for i in await stage.issues(JANE)}
    stage.expect("I-10" in rules, "critical: the donor is not the patient of the order")


async def merged(stage: Stage) -> None:
    """7  The hospital finds that both records are Jane's (ADT^A40)"""
    merge = care.merge(JANE, SECOND_RECORD, "M1", "20260310134000-0500")
    await acknowledged(stage, merge, "M1", f"{SECOND_RECORD} ends in {JANE.mrn}")
    rules = {i["rule"] for i in await stage.issues(JANE)}
    stage.expect("I-10" not in rules, "the Issue is cleared: donor and patient are one person")
    answer = await stage.ask(JANE, "may-ship", partner="riverside")
    stage.expect(answer["verdict"] == "allow", f"the apheresis centre asks may-ship: {answer['verdict']}")


async def moved(stage: Stage) -> None:
    """8  Pick-up and way (EPCIS, the courier's own feed out of order and in three zones, a logger's file in °F)"""
    await stage.at("2026-03-10T16:00:00-05:00")
    courier = stage.client("swift")
    reply = await courier.call("POST", "/epcis/capture", moving.picked_up(JANE), content_type=LD)
    stage.expect(reply.status == 202, f"capture of packing and departure: {reply.status}")
    planned = await stage.post("riverside", moving.planned(JANE, "2026-03-10T14:00:00-05:00"))
    stage.expect(planned.status == 200, "the apheresis centre says for whom it is")
    told = await stage.post("riverside", moving.handed_over(JANE, "2026-03-10T15:30:00-05:00"))
    stage.expect(told.status == 200, "the apheresis centre reports the same handover")
    stage.expect(stage.holder(await stage.journey(JANE), JANE.bag).endswith(world.GLN["swift"]), "the courier holds it")
    await stage.at("2026-03-11T07:30:00+01:00")
    reply = await courier.call("POST", "/feed/milestones", moving.milestones(), content_type=JSON)
    stage.expect(reply.status == 201, f"four milestones, the last first and twice: {reply.status}")
    types = [e["type"] for e in await stage.facts(JANE) if e["type"].startswith("shipment.")]
    seen = list(dict.fromkeys(t for t in types if t not in {"shipment.planned", "shipment.packed"}))
    stage.expect(
        seen == ["shipment.departed", "shipment.recharged", "shipment.arrived"],
        "the timeline has them in the order in which they happened",
    )
    await dropped(stage, "coldwatch", "tt-0310.csv", moving.logged())
    readings = [e for e in await stage.facts(JANE) if e["type"] == "readings.recorded"]
    points = [p for e in readings for p in e["set"].get("points", ())]
    units = {e["set"].get("unit") for e in readings}
    stage.expect(
        len(points) == 32 and units == {"[degF]"}, f"{len(points)} temperatures stand in °F, as they were told"
    )
    gaps = [i for i in await stage.issues(JANE) if i["rule"] == "I-3"]
    stage.expect(len(gaps) == 1, "two hours without readings are told: their temperature is unknown, not good")


async def received(stage: Stage) -> None:
    """9  The manufacturer asks, and receives the bag (CSV dropped); quality assurance assesses the gap"""
    await stage.at("2026-03-11T07:45:00+01:00")
    verdict = await asked(stage, "ask-0311-a.csv", making.may_accept(JANE))
    stage.expect(verdict in {"deny", "cannot-tell"}, f"Celltech asks by a file whether it may accept: {verdict}")
    count = await settled(stage, "I-3", "held at 5 °C by the shipper's own record")
    stage.expect(count == 1, "quality assurance assesses the gap")
    verdict = await asked(stage, "ask-0311-b.csv", making.may_accept(JANE))
    stage.expect(verdict == "allow", f"Celltech asks again: {verdict}")
    await stage.at("2026-03-11T08:00:00+01:00")
    await dropped(stage, "celltech", "receipts-0311.csv", world.receipts(JANE, JANE.bag))
    journey = await stage.journey(JANE)
    stage.expect(journey is not None and journey["stage"] == "received", "the order is at stage received")
    stage.expect(
        stage.holders(journey, JANE.bag) == ["9521144444440", world.GLN["swift"], world.GLN["celltech"]],
        "custody: Riverside → Swift → Celltech",
    )


async def asked(stage: Stage, name: str, question: bytes) -> str:
    """The verdict in the answer to a file of one question."""
    drop(stage.folder("celltech", "drop"), name, question)
    receipt = await stage.until(lambda: stage.receipt("celltech", name))
    answers = stage.folder("celltech", "out") / str((receipt or {}).get("answered_by", ""))
    rows = (
        csv.DictReader(answers.read_text(encoding="utf-8-sig").splitlines(), delimiter=";") if answers.is_file() else ()
    )
    return next((row["Verdict"] for row in rows), "")


ACTS = (collected, merged, moved, received)
