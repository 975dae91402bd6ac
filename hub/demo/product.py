"""The demo's third acts: the product is made, tested and decided about. Each act says what it expects."""

from __future__ import annotations

from hub.demo import care, making
from hub.demo.cells import asked, dropped
from hub.demo.ordering import acknowledged
from hub.demo.stage import Stage
from hub.demo.world import JANE, RICHARD


async def made(stage: Stage) -> None:
    """10 The product is made (B2MML from the MES, a CSV of steps, labels by webhook)"""
    await stage.at("2026-03-11T16:10:00+01:00")
    await dropped(stage, "celltech-mes", "perf-77-1.xml", making.begun(JANE))
    await stage.at("2026-03-12T17:00:00+01:00")
    await dropped(stage, "celltech", "steps-0312.csv", making.steps(JANE))
    await stage.at("2026-03-21T18:10:00+01:00")
    await dropped(stage, "celltech-mes", "perf-77-2.xml", making.completed(JANE))
    labels = [*making.product(JANE), *making.product(RICHARD, "LOT-78")]
    answers = [await stage.post("celltech", fact) for fact in labels]
    stage.expect(all(a.status == 200 for a in answers), "two product bags are labelled")
    types = {e["type"] for e in await stage.facts(JANE)}
    wanted = {"batch.started", "step.completed", "batch.completed", "container.created"}
    stage.expect(wanted <= types, "batch, steps and product bag stand on the order")
    sponsor = await stage.until(lambda: stage.sponsor.having("batch.completed"))
    stage.expect(bool(sponsor), "Axion is told by a webhook, and takes it, for it is signed with the agreed secret")


async def tested(stage: Stage) -> None:
    """11 Release tests: the laboratory's cell counter finds the viability below its limit (ASM, CSV)"""
    await stage.at("2026-03-22T13:00:00+01:00")
    await dropped(stage, "assay", "run-77.json", making.counted(JANE, "66.40"))
    await stage.at("2026-03-28T13:00:00+01:00")
    await dropped(stage, "celltech", "qc-0328.csv", making.tests(JANE))
    rules = {i["rule"] for i in await stage.issues(JANE)}
    stage.expect("I-32" in rules, "told: a result is outside its specification")
    oru = await stage.until(lambda: stage.hospital.having("66.40"))
    stage.expect(bool(oru), "Mercy has the viability as ORU^R01, 66.40 with both its digits")


async def released(stage: Stage) -> None:
    """12 A release without grounds, then an exceptional one with its evidence (CSV, MDM^T02)"""
    await stage.at("2026-03-30T12:00:00+02:00")
    for control, number, kind in (("D1", "REQ-5", "REQUEST"), ("D2", "ACC-5", "ACCEPTANCE")):
        document = care.document(JANE, control, number, kind, "20260329091500-0500")
        await acknowledged(stage, document, control, f"the physician's {kind.lower()}")
    await dropped(stage, "celltech", "decisions-1.csv", making.decision(JANE, "Released", "2026-03-30 10:00", False))
    rules = {i["rule"] for i in await stage.issues(JANE)}
    stage.expect("I-6" in rules, "the decision is recorded, and told as unfounded")
    rules = {reason["rule"] for reason in (await stage.may_infuse(JANE, care.dose_of(JANE)))["reasons"]}
    stage.expect("I-6" in rules, f"$may-infuse would be denied, for {', '.join(sorted(rules))}")
    await stage.at("2026-03-30T13:00:00+02:00")
    exceptional = making.decision(JANE, "exceptional release", "2026-03-30 12:30", True)
    await dropped(stage, "celltech", "decisions-2.csv", exceptional)
    rules = {i["rule"] for i in await stage.issues(JANE)}
    stage.expect(not rules & {"I-6", "I-28"}, "with request, risk evaluation, acceptance and notification it stands")
    stage.expect("I-32" in rules, "the result stays outside its specification for all to see")
    verdict = await asked(stage, "ask-0330.csv", making.may_ship(JANE))
    stage.expect(verdict == "allow", f"Celltech asks by a file whether the product may leave: {verdict}")


ACTS = (made, tested, released)
