"""Plays the demo: drives the partners, checks what each sees from outside, tells what happened. Exit code 0 or 1."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from hub.demo import show, world
from hub.demo.faults import FAULTS
from hub.demo.partners import Client, Receiver, acknowledge, drop, mllp, segment, take
from hub.demo.world import JANE, RICHARD, SSCC, TOKENS

console = Console(width=118)


@dataclass(slots=True)
class Stage:
    """Everything on the stage: the hub's process and the partners' systems."""

    home: Path
    hospital: Receiver
    courier: Receiver
    seconds: float
    process: subprocess.Popen[str] | None = None
    base: str = ""
    mllp_port: int = 0
    failures: list[str] = field(default_factory=list)
    checks: int = 0

    def client(self, partner: str) -> Client:
        return Client(self.base, TOKENS[partner])

    @property
    def dropped(self) -> Path:
        return self.home / "celltech" / "drop"

    @property
    def written(self) -> Path:
        return self.home / "celltech" / "out"

    def expect(self, holds: bool, claim: str) -> None:
        """One expectation: told at once, counted, and decisive for the exit code."""
        self.checks += 1
        mark = "[green]✓[/green]" if holds else "[red]✗[/red]"
        console.print(f"  {mark} {claim}", highlight=False)
        if not holds:
            self.failures.append(claim)

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        """What `look` finds, as soon as it finds something; None after the longest wait."""
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            found = await look()
            if found:
                return found
            await asyncio.sleep(0.1)
        return None


def play(fault: int, seconds: float) -> int:
    """Plays the journey; 0 when every expectation holds."""
    if fault and fault not in FAULTS:
        console.print(f"known faults: {', '.join(f'{n} {name}' for n, (name, _) in FAULTS.items())}")
        return 2
    return asyncio.run(_play(fault, min(seconds, 6.0) if fault else seconds))


async def _play(fault: int, seconds: float) -> int:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cgt-hub-demo-") as folder:
        stage = Stage(Path(folder), Receiver(acknowledge), Receiver(take), seconds)
        await stage.hospital.start()
        await stage.courier.start()
        try:
            await _open(stage, fault)
            for step in _STEPS:
                console.print(f"\n[bold]{step.__doc__}[/bold]")
                await step(stage)
        except Exception as wrong:  # noqa: BLE001 - a broken demo is a failed demo, told in one line
            stage.expect(False, f"the demo itself went on ({type(wrong).__name__}: {wrong})")
        finally:
            _close(stage)
            await stage.hospital.stop()
            await stage.courier.stop()
    took = time.monotonic() - begun
    if stage.failures:
        console.print(
            f"\n[red bold]{len(stage.failures)} of {stage.checks} expectations failed[/red bold] ({took:.1f} s)"
        )
        if fault:
            console.print(f"planted fault {fault}: {FAULTS[fault][0]}")
        return 1
    console.print(f"\n[green bold]all {stage.checks} expectations hold[/green bold] ({took:.1f} s)")
    return 0


async def _open(stage: Stage, fault: int) -> None:
    """Starts the hub with three partner profiles."""
    console.print("[bold]CGT Hub: the first half of an autologous journey, over real transports[/bold]")
    url = f"http://127.0.0.1:{stage.courier.port}/epcis"
    world.write_profiles(stage.home / "partners", stage.home, stage.hospital.port, url)
    command = [sys.executable, "-m", "hub.demo.serve", str(stage.home), str(fault)]
    stage.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    assert stage.process.stdout is not None
    line = await asyncio.to_thread(stage.process.stdout.readline)
    ports = json.loads(line)
    stage.base, stage.mllp_port = f"http://127.0.0.1:{ports['http']}", ports["mllp"]["mercy"]
    console.print(
        "a hub is up: Mercy Hospital by HL7 v2 (MLLP) and FHIR, Swift Couriers by EPCIS, Celltech by CSV files",
        highlight=False,
    )


def _close(stage: Stage) -> None:
    if stage.process is not None:
        stage.process.terminate()
        try:
            stage.process.wait(10)
        except subprocess.TimeoutExpired:
            stage.process.kill()
            stage.process.wait()


# ---- the steps ------------------------------------------------------------------------------------------------


async def ordered(stage: Stage) -> None:
    """1  The hospital orders a CAR-T for two patients (OML^O21 over MLLP)"""
    for patient, control in ((JANE, "O1"), (RICHARD, "O2")):
        answer = await mllp(stage.mllp_port, world.order(patient, control), stage.seconds)
        code, echoed = segment(answer, "MSA", 1), segment(answer, "MSA", 2)
        stage.expect(code == "AA" and echoed == control, f"order {patient.order}: acknowledged AA for {control}")
    journeys = (await stage.client("operator").call("GET", "/api/journeys")).json
    stage.expect(len(journeys) == 2, f"two orders are known, at stage {', '.join(j['stage'] for j in journeys)}")


async def repeated(stage: Stage) -> None:
    """2  The hospital's interface sends the first order again (a lost acknowledgement looks like this)"""
    before = await _events(stage, JANE)
    again = world.order(JANE, "O1").replace(b"|20260301083000-0600||OML", b"|20260301083107-0600||OML")
    answer = await mllp(stage.mllp_port, again, stage.seconds)
    after = await _events(stage, JANE)
    stage.expect(segment(answer, "MSA", 1) == "AA", "acknowledged AA again")
    stage.expect(bool(before) and len(before) == len(after), f"nothing was applied twice ({len(after)} facts)")


async def collected(stage: Stage) -> None:
    """3  Apheresis: results and the bag (ORU^R01 over MLLP)"""
    for patient, control in ((JANE, "R1"), (RICHARD, "R2")):
        answer = await mllp(stage.mllp_port, world.apheresis(patient, control), stage.seconds)
        stage.expect(segment(answer, "MSA", 1) == "AA", f"results of {patient.order}: acknowledged AA")
    journey = await _journey(stage, JANE)
    stage.expect(journey is not None and journey["stage"] == "collected", "the order is at stage collected")
    holder = journey["custody"][0]["holder"] if journey and journey["custody"] else ""
    stage.expect(holder.endswith(world.GLN["mercy"]), "the hospital holds the bag: custody begins where it is filled")


async def told(stage: Stage) -> None:
    """4  What the partners were told of it, each in its own format"""
    csv = await stage.until(lambda: _files(stage, b"98.50"))
    stage.expect(bool(csv), "Celltech has the apheresis results as its CSV, 98.50 with both its digits")
    epcis = await stage.until(lambda: _posted(stage, JANE.bag))
    stage.expect(bool(epcis), "Swift has the bag as an EPCIS event")


async def moved(stage: Stage) -> None:
    """5  Pick-up, temperatures and arrival (EPCIS over HTTP)"""
    courier = stage.client("swift")
    reply = await courier.call("POST", "/epcis/capture", world.pickup(JANE), content_type="application/ld+json")
    stage.expect(reply.status == 202, f"capture of packing and departure answered {reply.status}")
    reply = await courier.call("POST", "/epcis/capture", world.transit(), content_type="application/ld+json")
    stage.expect(reply.status == 202, f"capture of the sensor data answered {reply.status}")
    journey = await _journey(stage, JANE)
    holder = journey["custody"][0]["holder"] if journey and journey["custody"] else ""
    stage.expect(holder.endswith(world.GLN["swift"]), "the courier holds the bag")
    readings = [e for e in journey["timeline"] if e["type"] == "readings.recorded"] if journey else []
    points = sum(len(e["set"].get("points", ())) for e in readings)
    stage.expect(points == 18, f"{points} temperatures are recorded in Cel, within 2 to 8")


async def received(stage: Stage) -> None:
    """6  The manufacturer receives the bag and tests it (CSV files dropped)"""
    drop(stage.dropped, "receipts-0311.csv", world.receipts(JANE, JANE.bag))
    drop(stage.dropped, "qc-0311.csv", world.qc_results(JANE))
    for name in ("receipts-0311.csv", "qc-0311.csv"):
        receipt = await stage.until(partial(_receipt, stage, name))
        stage.expect(bool(receipt) and receipt["outcome"] == "recorded", f"{name}: receipt says recorded")
    journey = await _journey(stage, JANE)
    chain = journey["custody"][0]["steps"] if journey and journey["custody"] else []
    holders = [step["to"].rpartition("|")[2] for step in chain]
    want = [world.GLN["mercy"], world.GLN["swift"], world.GLN["celltech"]]
    stage.expect(
        [h for i, h in enumerate(holders) if i == 0 or h != holders[i - 1]] == want, "custody: Mercy → Swift → Celltech"
    )
    stage.expect(journey is not None and journey["stage"] == "received", "the order is at stage received")
    oru = await stage.until(lambda: _lines(stage, b"97.20"))
    stage.expect(bool(oru), "Mercy has the viability as ORU^R01, 97.20 with both its digits")


async def looked_up(stage: Stage) -> None:
    """7  The hospital reads and changes its order by FHIR"""
    hospital = stage.client("mercy")
    found = await stage.until(
        lambda: _search(hospital, f"/fhir/Patient?identifier=urn:oid:{world.MERCY_OID}|{JANE.mrn}")
    )
    stage.expect(
        bool(found) and found["name"][0]["family"] == JANE.family, "Patient by medical record number, with her name"
    )
    order = await stage.until(lambda: _search(hospital, f"/fhir/ServiceRequest?identifier={JANE.order}"))
    stage.expect(bool(order), "ServiceRequest by order number")
    if not order:
        return
    path, tag = f"/fhir/ServiceRequest/{order['id']}", f'W/"{order["meta"]["versionId"]}"'
    changed = {**order, "occurrenceDateTime": "2026-04-27"}
    body = json.dumps(changed).encode()
    reply = await hospital.call("PUT", path, body, content_type="application/fhir+json", If_Match=tag)
    stage.expect(reply.status == 200, f"moved the target date: {reply.status}")
    wrong = json.dumps({**changed, "subject": {"reference": "Patient/someone-else"}}).encode()
    reply = await hospital.call("PUT", path, wrong, content_type="application/fhir+json", If_Match=tag)
    stage.expect(reply.status in {409, 412, 422}, f"pointing the order at another patient is refused: {reply.status}")
    results = await hospital.call("GET", f"/fhir/Observation?based-on=ServiceRequest/{order['id']}")
    stage.expect(results.status == 200 and results.json["total"] >= 3, "its results as Observations")


async def mixed_up(stage: Stage) -> None:
    """8  The wrong bag: Richard's bag is scanned for Jane's order"""
    before = await _ask(stage, RICHARD)
    drop(stage.dropped, "receipts-0312.csv", world.receipts(JANE, RICHARD.bag, ""))
    receipt = await stage.until(lambda: _receipt(stage, "receipts-0312.csv"))
    stage.expect(bool(receipt) and receipt["outcome"] == "recorded", "the fact is recorded, not refused")
    issues = (await stage.client("operator").call("GET", "/api/issues")).json
    struck = {i["journey"] for i in issues if i["rule"] == "I-1" and i["severity"] == "critical"}
    stage.expect(len(struck) == 2, f"a critical identity Issue stands on {len(struck)} orders")
    answer = await _ask(stage, RICHARD)
    rules = {reason["rule"] for reason in answer["reasons"]}
    stage.expect(
        "I-1" not in {r["rule"] for r in before["reasons"]}, "before it, identity was no reason against shipping"
    )
    stage.expect(
        answer["verdict"] == "deny" and "I-1" in rules, f"may-ship: {answer['verdict']}, for {', '.join(sorted(rules))}"
    )
    answer = await _ask(stage, JANE, "may-infuse")
    stage.expect(answer["verdict"] == "deny", f"may-infuse: {answer['verdict']}, with {len(answer['reasons'])} reasons")


async def accounted(stage: Stage) -> None:
    """9  Every field is accounted for, nobody sees what is not theirs, the record can be verified"""
    messages = (await stage.client("operator").call("GET", "/api/messages")).json
    lost = {m["source_id"]: _silent(m) for m in messages if m["format"] == "hl7v2" and m["outcome"] == "recorded"}
    show.account(console, messages)
    stage.expect(
        bool(lost) and not any(lost.values()), f"silent loss in {len(lost)} HL7 v2 messages: {sum(lost.values())}"
    )
    sent = b"\n".join([*stage.courier.received, *(f.read_bytes() for f in stage.written.glob("*.csv"))])
    leaked = [word for word in world.PERSONAL if word.encode() in sent]
    stage.expect(not leaked, f"no name, birth date or record number went to courier or manufacturer {leaked or ''}")
    stage.expect(
        JANE.coi.encode() not in b"".join(stage.courier.received),
        "the courier was not told the chain-of-identity identifier",
    )
    other = await _events(stage, RICHARD)
    strangers = [e for e in other if SSCC in json.dumps(e) or JANE.lab in json.dumps(e)]
    stage.expect(not strangers, "no fact of Jane's transport or results stands on Richard's order")
    ledger = (await stage.client("operator").call("GET", "/api/ledger")).json
    stage.expect(ledger["holds"], f"the ledger holds: {ledger['position']} facts, head {ledger['head'][:16]}…")


async def shown(stage: Stage) -> None:
    """10 The journey"""
    journey = await _journey(stage, JANE)
    stage.expect(journey is not None, "Jane's journey can be read as a whole")
    if journey:
        show.timeline(console, journey)
        show.custody(console, journey, {gln: name for name, gln in world.GLN.items()})
    deliveries = (await stage.client("operator").call("GET", "/api/deliveries")).json
    show.deliveries(console, deliveries)
    show.formats(console, stage.hospital.received, stage.courier.received, sorted(stage.written.glob("*.csv")))


_STEPS = (ordered, repeated, collected, told, moved, received, looked_up, mixed_up, accounted, shown)


# ---- looking --------------------------------------------------------------------------------------------------


async def _journey(stage: Stage, patient: world.Patient) -> dict[str, Any] | None:
    operator = stage.client("operator")
    for headline in (await operator.call("GET", "/api/journeys")).json:
        if any(identifier["value"] == patient.order for identifier in headline["order"]):
            return (await operator.call("GET", f"/api/journeys/{headline['journey']}")).json  # type: ignore[no-any-return]
    return None


async def _events(stage: Stage, patient: world.Patient) -> list[dict[str, Any]]:
    journey = await _journey(stage, patient)
    return [e for e in journey["timeline"] if e["reporter"]["role"] != "hub"] if journey else []


async def _files(stage: Stage, text: bytes) -> list[Path]:
    return [path for path in stage.written.glob("*.csv") if text in path.read_bytes()]


async def _posted(stage: Stage, text: str) -> list[bytes]:
    return [body for body in stage.courier.received if text.encode() in body]


async def _lines(stage: Stage, text: bytes) -> list[bytes]:
    return [message for message in stage.hospital.received if text in message]


async def _receipt(stage: Stage, name: str) -> dict[str, Any] | None:
    receipt = stage.dropped / "archive" / f"{name}.receipt.json"
    refused = stage.dropped / "error" / f"{name}.error.json"
    for path in (receipt, refused):
        if path.exists():
            return json.loads(path.read_bytes())  # type: ignore[no-any-return]
    return None


async def _search(client: Client, path: str) -> dict[str, Any] | None:
    reply = await client.call("GET", path)
    entries = reply.json.get("entry", []) if reply.status == 200 else []
    return entries[0]["resource"] if entries else None


async def _ask(stage: Stage, patient: world.Patient, question: str = "may-ship") -> dict[str, Any]:
    asked = {
        "order": [{"system": "urn:id:EPIC", "value": patient.order, "type": "placer"}],
        "containers": [{"system": world.BAGS, "value": patient.bag}],
    }
    reply = await stage.client("mercy").call(
        "POST", f"/api/questions/{question}", json.dumps(asked).encode(), content_type="application/json"
    )
    return reply.json  # type: ignore[no-any-return]


def _silent(message: dict[str, Any]) -> int:
    """Leaves of a message that its account does not name, by the demo's own count."""
    from hub.explain import independent_leaves

    known = {"O1": world.order(JANE, "O1"), "O2": world.order(RICHARD, "O2")}
    known |= {"R1": world.apheresis(JANE, "R1"), "R2": world.apheresis(RICHARD, "R2")}
    counted = sum(independent_leaves(known[message["source_id"]]).values())
    return abs(counted - int(sum(message["account"].values())))
