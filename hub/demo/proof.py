"""The demo's last acts: every field accounted for, nobody sees what is not theirs, the record and the report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from hub.demo import cast, moving, show, world
from hub.demo.care import dose_of
from hub.demo.stage import Stage, console
from hub.demo.world import JANE, RICHARD, SSCC


async def accounted(stage: Stage) -> None:
    """17 The fields of both orders are accounted for, nobody sees what is not theirs, the record can be verified"""
    messages = (await stage.client("operator").call("GET", "/api/messages?limit=200")).json
    show.account(console, messages)
    known = {"O1": world.order(JANE, "O1"), "O2": world.order(RICHARD, "O2")}
    lost = {m["source_id"]: _silent(m, known) for m in messages if m["source_id"] in known}
    stage.expect(
        len(lost) == len(known) and not any(lost.values()), f"silent loss in {len(lost)} orders: {sum(lost.values())}"
    )
    held = [m["source_id"] for m in messages if m["outcome"] != "recorded"]
    stage.expect(not held, f"all {len(messages)} messages of eight partners were recorded {held or ''}")
    parts = [f.read_bytes() for p in ("celltech", "celltech-mes") for f in stage.folder(p, "out").glob("*.*")]
    sent = b"\n".join([*stage.courier.received, *stage.sponsor.received, *parts])
    leaked = _words(world.PERSONAL, sent)
    stage.expect(not leaked, f"no name, birth date or record number left the hospital's side {leaked or ''}")
    stage.expect(
        JANE.coi.encode() not in b"".join(stage.courier.received),
        "the courier was not told the chain-of-identity identifier",
    )
    strangers = [e for e in await stage.facts(RICHARD) if SSCC in json.dumps(e) or dose_of(JANE) in json.dumps(e)]
    stage.expect(not strangers, "no fact of Jane's transport or product stands on Richard's order")
    ledger = (await stage.client("operator").call("GET", "/api/ledger")).json
    stage.expect(ledger["holds"], f"the ledger holds: {ledger['position']} facts, head {ledger['head'][:16]}…")


def _words(words: Iterable[str], text: bytes) -> list[str]:
    """Those that stand in a text, as words of it: `4711` within a digest is nobody's number."""
    return [
        word for word in words if re.search(rb"(?<![0-9A-Za-z])" + re.escape(word.encode()) + rb"(?![0-9A-Za-z])", text)
    ]


async def reported(stage: Stage) -> None:
    """18 The chain-of-identity and chain-of-custody report, for each who may see it"""
    seen = {name: await stage.report(name, JANE.order) for name in ("operator", "mercy")}
    whole = seen["operator"].json
    stage.expect(seen["operator"].status == 200, f"quality assurance has it whole: {len(seen['operator'].body)} bytes")
    stage.expect(JANE.family.encode() in seen["mercy"].body, "the hospital's names the patient")
    stage.expect(JANE.family.encode() not in seen["operator"].body, "quality assurance's does not")
    courier = await stage.report("swift", SSCC)
    hidden = _words((*world.PERSONAL, JANE.coi, JANE.order), courier.body)
    stage.expect(courier.status == 200 and not hidden, f"the courier's tells of the shipment alone {hidden or ''}")
    guessed = await stage.report("swift", JANE.order)
    stage.expect(guessed.status == 404, f"an order number that the courier guessed: {guessed.status}")
    text = json.dumps(whole)
    stage.expect(all(SSCC_ in text for SSCC_ in (SSCC, moving.SSCC_BACK)), "both transports are in it")
    show.report(console, whole)


async def shown(stage: Stage) -> None:
    """19 The journey, and what every partner received"""
    journey = await stage.journey(JANE)
    stage.expect(journey is not None, "Jane's journey can be read as a whole")
    if journey:
        show.timeline(console, journey)
        show.custody(console, journey, {gln: name for name, gln in cast.GLN.items()})
    taken = await stage.until(lambda: _all_taken(stage))
    deliveries = await _deliveries(stage)
    show.deliveries(console, deliveries)
    stage.expect(bool(taken), f"all {len(deliveries)} deliveries were taken")
    files = {p: sorted(stage.folder(p, "out").glob("*.*")) for p in ("celltech", "celltech-mes")}
    show.formats(console, stage.hospital.received, stage.courier.received, stage.sponsor.received, files)


async def _deliveries(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stage.client("operator").call("GET", "/api/deliveries?limit=200")).json
    return found


async def _all_taken(stage: Stage) -> bool:
    return all(delivery["state"] == "done" for delivery in await _deliveries(stage))


def _silent(message: dict[str, Any], known: dict[str, bytes]) -> int:
    """Leaves of a message that its account does not name, by the demo's own count."""
    from hub.leaf_counts import independent_leaves

    counted = sum(independent_leaves(known[message["source_id"]]).values())
    return abs(counted - int(sum(message["account"].values())))


ACTS = (accounted, reported, shown)
