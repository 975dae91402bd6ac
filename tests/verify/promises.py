"""What must hold of a hub after a run, whatever was done to it: nothing lost, nothing twice, everybody told."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from adapters import json_text
from hub.bootstrap import build
from hub.conversion import digest
from tests.verify.small_hub import compared, difference
from tests.verify.stage import ROOT, House
from tests.verify.traffic import Message, Received

PARTNER_OF = {"mllp": "mercy", "fhir": "mercy", "epcis": "swift", "file": "celltech"}


@dataclass(slots=True)
class Played:
    """What came of a run, seen from outside."""

    acknowledged: dict[str, Message] = field(default_factory=dict)
    acknowledgements: int = 0
    attempts: int = 0
    refused: list[str] = field(default_factory=list)
    received: Received = field(default_factory=Received)
    seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, message: Message) -> None:
        """A sender has an acknowledgement. Called from many threads."""
        with self._lock:
            self.acknowledged[message.name] = message
            self.acknowledgements += 1


def wrong_with(stage: House, played: Played, reference: House | None) -> Iterator[str]:
    """What of the promises does not hold after a run, one line each; without a reference only what one run shows."""
    yield from lost(stage, played)
    yield from _twice(stage)
    yield from _deliveries(stage, played)
    yield from (f"refused: {refused}" for refused in played.refused[:5])
    if reference is not None:
        if _told(stage) != _told(reference):
            yield "its partners were told other facts than those of a hub that nobody touched"
        yield from _states(stage, reference)
    yield from unverified(stage)


def lost(stage: House, played: Played) -> Iterator[str]:
    """Acknowledged messages that the inbox does not have as recorded."""
    kept = set(stage.rows("SELECT partner, digest FROM inbox WHERE outcome = 'recorded'"))
    for message in list(played.acknowledged.values()):
        body = json_text.dumps(json_text.loads(message.body)) if message.line == "fhir" else message.body
        if (PARTNER_OF[message.line], digest(body)) not in kept:
            yield f"acknowledged and lost: {message.line} {message.name}"


def _twice(stage: House) -> Iterator[str]:
    """Messages that were applied more than once."""
    query = "SELECT partner, min(source_id), count(*) FROM inbox GROUP BY partner, digest HAVING count(*) > 1"
    for partner, source, count in stage.rows(query):
        yield f"applied {count} times: {partner} {source}"
    if stage.count("SELECT count(*) FROM inbox WHERE outcome <> 'recorded'"):
        yield "there are messages that were not recorded"
    query = "SELECT partner, message, position, count(*) FROM delivery GROUP BY 1, 2, 3 HAVING count(*) > 1"
    for partner, message, position, count in stage.rows(query):
        yield f"planned {count} times: {message} of {position} for {partner}"


def _deliveries(stage: House, played: Played) -> Iterator[str]:
    """Deliveries that did not come, came otherwise the second time, or came without being planned."""
    ids: dict[str, set[str]] = {"mercy": set(), "swift": set(), "celltech": set()}
    for number, partner, message, state in stage.rows("SELECT id, partner, message, state FROM delivery"):
        name = {
            "mercy": f"CGT{number:010}",
            "swift": f"cgt-hub-{number}",
            "celltech": f"{message.partition('/')[2]}-{number:08}.csv",
        }[partner]
        if state == "done":
            ids[partner].add(name)
        else:
            yield f"delivery {number} to {partner} is {state}"
    came = {
        "mercy": played.received.hospital,
        "swift": played.received.courier,
        "celltech": {path.name: [path.read_bytes()] for path in (stage.home / "celltech" / "out").glob("[!.]*")},
    }
    for partner, bodies in came.items():
        yield from (f"{partner} never had {name}" for name in sorted(ids[partner] - bodies.keys()))
        yield from (f"{partner} has {name}, which nobody planned" for name in sorted(bodies.keys() - ids[partner]))
        for name, sent in bodies.items():
            if len(set(sent)) > 1:
                yield f"{partner} had different {name}, of {[len(body) for body in sent]} bytes"


def _told(stage: House) -> list[tuple[Any, ...]]:
    query = "SELECT d.partner, d.message, log.id FROM delivery d JOIN log ON log.position = d.position"
    return sorted(stage.rows(query + " WHERE log.type NOT LIKE 'issue.%'"))


def _states(stage: House, reference: House) -> Iterator[str]:
    """Where what the hub knows differs from what one knows that nobody touched."""
    now = datetime.now(UTC)
    try:
        found = [known(one, now) for one in (stage, reference)]
    except AssertionError as disagreement:
        yield str(disagreement)
        return
    if found[0] != found[1]:
        yield f"touched | not touched: {difference(*found)}"


def known(stage: House, now: datetime) -> Any:
    """What a hub knows, as plain values. Raises AssertionError where it disagrees with itself."""
    hub = build(stage.settings())
    with contextlib.closing(hub):
        seen = compared(hub.store.writer, hub.committer, hub.profiles, hub.keys, lambda: now)
    return orjson.loads(orjson.dumps(seen))


def unverified(stage: House) -> Iterator[str]:
    """What `cgt-hub ledger verify` says against a hub."""
    command = [sys.executable, "-c", "from hub.cli import main; main()", "ledger", "verify", "--data", str(stage.data)]
    verified = subprocess.run(command, cwd=ROOT, capture_output=True, env=stage.environment(), check=False)
    if verified.returncode != 0:
        yield f"`cgt-hub ledger verify` ends with {verified.returncode}: {verified.stdout.decode()[-300:]}"
