"""kill -9 at random points of real traffic: `python -m tests.verify.kill --rounds 100` prints figures and faults.

A hub of its own process is killed and started again, round after round, while partners send over MLLP, HTTP and a drop
folder and send again what was not acknowledged. What it knows in the end must be what a hub knows that nobody killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson
import yaml

from adapters import json_text
from hub.bootstrap import build
from hub.conversion import digest
from hub.demo import world
from hub.settings import Settings
from tests.verify.small_hub import compared, difference
from tests.verify.traffic import Message, Ports, Received, Senders, journey, receiving

ROOT = Path(__file__).parents[2]
PARTNER_OF = {"mllp": "mercy", "fhir": "mercy", "epcis": "swift", "file": "celltech"}
LONGEST = 120.0
"""Seconds in which a hub has to be up, and in which something of what waits has to be done while nobody kills it."""


# ---- one hub ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class House:
    """A hub's folder and ports, and its process where there is one."""

    home: Path
    ports: Ports
    plant: str = ""
    process: subprocess.Popen[bytes] | None = None
    _next: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.home / "hub"

    def settings(self) -> Settings:
        return Settings(data=self.data, partners=self.home / "partners")

    def start(self) -> None:
        """Begins to serve; the process that will come after it stands by."""
        self.process, self._next = self._next or self._stand_by(), self._stand_by()
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def wait_ready(self) -> None:
        """Returns when the hub answers. Raises RuntimeError when it ended or does not come up."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{self.ports.http}/health", timeout=5).close()
                return
            if self.process is None or self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"the hub does not start: {(self.home / 'log.txt').read_text()[-600:]}")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()

    def gone(self) -> None:
        """Waits until the killed process is no more."""
        assert self.process is not None
        self.process.wait()

    def end(self) -> None:
        """Ends the process and the one that stands by, as an operator would."""
        for process in (self.process, self._next):
            if process is not None:
                assert process.stdin is not None
                process.stdin.close()
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.process = self._next = None

    def kill_traced(self) -> None:
        """kill -9 of a hub that runs under a tracer: of the hub, which its tracer then outlives just long enough."""
        assert self.process is not None
        traced = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for child in traced:
            os.kill(int(child), signal.SIGKILL)
        if not traced:
            self.process.kill()
        self.process.wait()

    def _stand_by(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.verify.serving", "--wait"]
        command += ["--plant", self.plant] if self.plant else []
        with (self.home / "log.txt").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=self.environment(), stdin=subprocess.PIPE, stderr=log)

    def environment(self) -> dict[str, str]:
        """What `cgt-hub serve` reads."""
        given = {
            "CGT_DATA": str(self.data),
            "CGT_PARTNERS": str(self.home / "partners"),
            "CGT_HTTP_PORT": str(self.ports.http),
            "CGT_FILE_POLL": "0.05",
        }
        return {**os.environ, **given}


def house(home: Path, hospital: int, courier: int, plant: str = "", sends: bool = True) -> House:
    """A hub's folder with the demo's partners; with `sends` false it tells them nothing."""
    ports = Ports(_free_port(), _free_port(), home / "celltech" / "drop")
    folder, url = home / "partners", f"http://127.0.0.1:{courier}/epcis"
    world.write_profiles(folder, home, hospital, url)
    for name, profile in world.profiles(home, hospital, url).items():
        if name == "mercy":
            profile["mllp"]["listen"] = ports.mllp
        if name == "celltech":
            profile["files"]["settle_seconds"] = 0.05
        if not sends:
            profile.pop("sends", None)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    return House(home, ports, plant)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---- playing ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Played:
    """What came of a run, seen from outside."""

    acknowledged: dict[str, Message] = field(default_factory=dict)
    acknowledgements: int = 0
    attempts: int = 0
    refused: list[str] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    received: Received = field(default_factory=Received)
    seconds: float = 0.0


def play(home: Path, rounds: int, journeys: int, seed: str, kills: bool, plant: str = "") -> tuple[House, Played]:
    """Sends so many journeys in so many rounds; with `kills` each round ends with kill -9. Then drains everything."""
    played, random, begun = Played(), Random(seed), time.monotonic()
    played.received.fails = 0.03 if kills else 0.0
    with receiving(played.received) as (hospital, courier):
        stage = house(home, hospital, courier, plant)
        on_acknowledgement = _Trigger()

        def acknowledged(message: Message) -> None:
            played.acknowledged[message.name] = message
            played.acknowledgements += 1
            on_acknowledgement.pull()

        senders = Senders(stage.ports, acknowledged)
        senders.start()
        try:
            for number in range(rounds):
                senders.put([m for n in range(journeys) for m in journey(number * journeys + n + 1)])
                if kills:
                    played.kills[_round(stage, random, on_acknowledgement)] += 1
            stage.start()
            stage.wait_ready()
            _drain(stage, played, rounds * journeys * len(journey(1)))
        finally:
            senders.stop()
            stage.end()
    played.attempts, played.refused = senders.attempts, senders.refused
    played.seconds = time.monotonic() - begun
    return stage, played


@dataclass(slots=True)
class _Trigger:
    """Does something at the n-th acknowledgement from now, on the thread of the sender that has it."""

    left: int = 0
    act: Callable[[], None] | None = None
    pulled: threading.Event = field(default_factory=threading.Event)

    def set(self, count: int, act: Callable[[], None]) -> None:
        self.pulled.clear()
        self.left, self.act = count, act

    def pull(self) -> None:
        self.left -= 1
        if self.left == 0 and self.act is not None:
            self.act()
            self.pulled.set()


def _round(stage: House, random: Random, trigger: _Trigger) -> str:
    """Starts the hub and kills it: while it starts, at an acknowledgement, or at any moment."""
    how = random.choices(["starting", "acknowledgement", "moment"], [1, 5, 4])[0]
    count = random.randint(1, 7)
    if how == "acknowledgement":
        trigger.set(count, stage.kill)
    stage.start()
    if how == "starting":
        time.sleep(random.uniform(0.0, 1.5))
    elif how == "acknowledgement":
        trigger.pulled.wait(10.0)
    else:
        stage.wait_ready()
        time.sleep(random.uniform(0.0, 0.8))
    trigger.act = None
    stage.kill()
    stage.gone()
    return how


def _drain(stage: House, played: Played, messages: int) -> None:
    """Waits until everything is acknowledged and delivered. Raises RuntimeError when nothing goes on any more."""
    left, end = -1, 0.0
    while left and (left < 0 or time.monotonic() < end):
        before, left = left, messages - len(played.acknowledged) + _waiting(stage)
        if left != before:
            end = time.monotonic() + LONGEST
        time.sleep(0.1)
    if left:
        missing = messages - len(played.acknowledged)
        raise RuntimeError(f"{missing} unacknowledged, {_waiting(stage)} deliveries wait: {played.refused[:3]}")


def _waiting(stage: House) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{stage.data / 'hub.db'}?mode=ro", uri=True, timeout=10)) as db:
        return int(db.execute("SELECT count(*) FROM delivery WHERE state = 'waiting'").fetchone()[0])


# ---- checking ---------------------------------------------------------------------------------------------------


def wrong_with(stage: House, played: Played, reference: House) -> Iterator[str]:
    """What of the promises does not hold after a run, one line each."""
    with _opened(stage) as db:
        yield from _lost(db, played)
        yield from _twice(db)
        yield from _deliveries(db, stage, played)
        told = _told(db)
    with _opened(reference) as db:
        if told != _told(db):
            yield "its partners were told other facts than those of a hub that nobody killed"
    yield from (f"refused: {refused}" for refused in played.refused[:5])
    yield from _states(stage, reference)
    command = [sys.executable, "-c", "from hub.cli import main; main()", "ledger", "verify", "--data", str(stage.data)]
    verified = subprocess.run(command, cwd=ROOT, capture_output=True, env=stage.environment(), check=False)
    if verified.returncode != 0:
        yield f"`cgt-hub ledger verify` ends with {verified.returncode}: {verified.stdout.decode()[-300:]}"


@contextlib.contextmanager
def _opened(stage: House) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(stage.data / "hub.db")) as db:
        yield db


def _lost(db: sqlite3.Connection, played: Played) -> Iterator[str]:
    """Acknowledged messages that the inbox does not have as recorded."""
    kept = set(db.execute("SELECT partner, digest FROM inbox WHERE outcome = 'recorded'"))
    for message in played.acknowledged.values():
        body = json_text.dumps(json_text.loads(message.body)) if message.line == "fhir" else message.body
        if (PARTNER_OF[message.line], digest(body)) not in kept:
            yield f"acknowledged and lost: {message.line} {message.name}"


def _twice(db: sqlite3.Connection) -> Iterator[str]:
    """Messages that were applied more than once."""
    query = "SELECT partner, source_id, count(*) FROM inbox GROUP BY partner, digest HAVING count(*) > 1"
    for partner, source, count in db.execute(query):
        yield f"applied {count} times: {partner} {source}"
    if db.execute("SELECT count(*) FROM inbox WHERE outcome <> 'recorded'").fetchone()[0]:
        yield "there are messages that were not recorded"


def _deliveries(db: sqlite3.Connection, stage: House, played: Played) -> Iterator[str]:
    """Deliveries that did not come, came otherwise the second time, or came without being planned."""
    ids: dict[str, set[str]] = {"mercy": set(), "swift": set(), "celltech": set()}
    for number, partner, message, state in db.execute("SELECT id, partner, message, state FROM delivery"):
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


def _told(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    query = "SELECT d.partner, d.message, log.id FROM delivery d JOIN log ON log.position = d.position"
    return sorted(row for row in db.execute(query + " WHERE log.type NOT LIKE 'issue.%'"))


def _states(stage: House, reference: House) -> Iterator[str]:
    """Where what the hub knows differs from what one knows that nobody killed."""
    now = datetime.now(UTC)
    found = []
    for one in (stage, reference):
        hub = build(one.settings())
        try:
            known = compared(hub.store.writer, hub.committer, hub.profiles, hub.keys, lambda: now)
        except AssertionError as disagreement:
            yield str(disagreement)
            return
        finally:
            hub.store.close()
            hub.model.close()
        found.append(orjson.loads(orjson.dumps(known)))
    if found[0] != found[1]:
        yield f"killed | not killed: {difference(*found)}"


# ---- all of it --------------------------------------------------------------------------------------------------


def verify(folder: Path, rounds: int, journeys: int = 1, seed: str = "1", plant: str = "") -> dict[str, Any]:
    """Figures of a run with kills against one without; `wrong` is empty where every promise holds."""
    for name in ("reference", "killed"):
        (folder / name).mkdir(parents=True)
    reference, calm = play(folder / "reference", rounds, journeys, seed, kills=False)
    keys = Path("hub") / "keys" / "master.key"  # equal keys: equal tokens, equal ids of facts
    (folder / "killed" / keys).parent.mkdir(parents=True)
    shutil.copy2(folder / "reference" / keys, folder / "killed" / keys)
    stage, played = play(folder / "killed", rounds, journeys, seed, kills=True, plant=plant)
    with _opened(stage) as db:
        counted = db.execute("SELECT count(*), sum(repeats) FROM inbox").fetchone()
        deliveries = db.execute("SELECT count(*), sum(attempts) FROM delivery").fetchone()
        events = db.execute("SELECT count(*) FROM log").fetchone()[0]
    received = [*played.received.hospital.values(), *played.received.courier.values()]
    return {
        "rounds": rounds,
        "kills": dict(played.kills),
        "messages": counted[0],
        "attempts": played.attempts,
        "acknowledgements": played.acknowledgements,
        "recognised_as_repeated": counted[1],
        "events": events,
        "deliveries": deliveries[0],
        "delivery_attempts": deliveries[1],
        "delivered_more_than_once": sum(len(sent) > 1 for sent in received),
        "seconds": round(played.seconds, 1),
        "seconds_without_kills": round(calm.seconds, 1),
        "wrong": list(wrong_with(stage, played, reference)),
    }


def main() -> int:
    """Prints the figures as JSON; 1 where a promise does not hold."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--journeys", type=int, default=1, help="journeys that are sent in each round")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cgt-kill-") as folder:
        figures = verify(Path(folder), given.rounds, given.journeys, given.seed, given.plant)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
