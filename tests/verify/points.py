"""A kill at every write, sync and rename of whole journeys: `python -m tests.verify.points` prints what was lost.

A hub's record of system calls gives the files as they are after each call that changes one: that is what a process
leaves that is killed there. On each of these a hub is built that takes the same messages again; it must then know what
a hub knows that nobody killed. A sample is killed in earnest, by strace, at the n-th call.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from adapters import json_text
from hub import logs
from hub.bootstrap import Hub, build
from hub.channels.files import dialect_of
from hub.committer import Incoming
from hub.settings import Settings
from tests.verify.disks import Disk
from tests.verify.kill import LANES, Task, drain, play
from tests.verify.power import Cuts, Looking
from tests.verify.promises import PARTNER_OF, Played, wrong_with
from tests.verify.small_hub import compared, difference
from tests.verify.stage import House, house, same_keys
from tests.verify.syscalls import Record, acknowledgements, impossible, record
from tests.verify.traffic import Message, Senders, journey, receiving

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
KILLED_AT = "pwrite64,ftruncate,fsync,fdatasync,rename,link,unlink,mkdir,renameat,unlinkat,mkdirat"
DERIVED = ("hub.db-shm", "read.db-shm")
"""What SQLite makes anew."""


@dataclass(slots=True)
class Points:
    """What was tried, and what was wrong."""

    points: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    images: int = 0
    """Points at which the files were others than at the point before: on each a hub was built."""
    acknowledged: int = 0
    """Acknowledged messages looked for, all points together."""
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Points) -> None:
        self.points += other.points
        self.images += other.images
        self.acknowledged += other.acknowledged
        self.calls += other.calls
        self.wrong += other.wrong


# ---- files as a kill leaves them ----------------------------------------------------------------------------------


def incoming(hub: Hub, message: Message) -> Incoming:
    """A message as its channel hands it over."""
    partner = PARTNER_OF[message.line]
    if message.line == "mllp":
        return Incoming(partner, "mllp", "hl7v2", message.body, name=message.name)
    if message.line == "fhir":
        return Incoming(partner, "fhir", "fhir_r4", json_text.dumps(json_text.loads(message.body)))
    if message.line == "epcis":
        return Incoming(partner, "epcis", "epcis", message.body, "application/ld+json")
    return Incoming(
        partner, "file", "mes_csv", message.body, dialect_of(hub.profiles[partner], message.name), message.name
    )


def resumed(settings: Settings, messages: Sequence[Message], due: set[str]) -> tuple[dict[str, Any], list[str]]:
    """What a hub knows that was started on these files and got every message again, and what it had lost."""
    with contextlib.closing(build(settings)) as hub:
        db = hub.store.writer
        kept = {row[0] for row in db.raw.execute("SELECT source_id FROM inbox WHERE outcome = 'recorded'")}
        gone = [f"{name} was acknowledged and is lost" for name in sorted(due - kept)]
        for message in messages:
            hub.committer.commit([incoming(hub, message)])
        known = compared(db, hub.committer, hub.profiles, hub.keys, lambda: NOW)
        count = db.raw.execute("SELECT count(*) FROM inbox").fetchone()[0]
        told = "SELECT d.partner, d.message, log.id FROM delivery d JOIN log ON log.position = d.position"
        known["told"] = sorted(db.raw.execute(f"{told} WHERE log.type NOT LIKE 'issue.%'").fetchall())
        known["messages"] = count
        return known, gone


def walk(made: Record, folder: Path, every: int, first: int) -> Points:
    """Looks at every `every`-th point of a record, beginning with the `first`."""
    logs.configure()
    result, disk, random = Points(), Disk(str(made.stage.home)), Random(0)
    folder.mkdir()
    settings = made.stage.settings().model_copy(update={"data": folder / "hub"})
    reference = _reference(made, folder, settings)
    answered = sorted((c.begun, name) for name, c in acknowledgements(made.calls, made.names, made.http).items())
    looking, before = Looking(made, folder), dict[str, bytes]()
    for number, call in enumerate(call for call in made.calls if disk.take(call)):
        image = {path: (file, file.after_cut("everything", random)) for path, file in disk.names.items()}
        if number % every != first:
            continue
        result.points += 1
        result.calls[call.name] += 1
        files = {path: content for path, (file, content) in image.items() if not file.is_folder}
        if files == before:
            continue
        before = files
        due = {name for line, name in answered if line <= call.ended}
        result.images += 1
        result.acknowledged += len(due)
        wrong = [*_tried(settings, files, made, due, reference), *looking.drops(image, Cuts())]
        result.wrong += [f"killed after {call.name} {Path(call.file).name} (line {call.ended}): {w}" for w in wrong]
    shutil.rmtree(folder)
    return result


def _reference(made: Record, folder: Path, settings: Settings) -> dict[str, Any]:
    """What a hub knows that nobody killed."""
    end = Disk(str(made.stage.home))
    for call in made.calls:
        end.take(call)
    kept = {path: file for path, file in end.names.items() if not file.is_folder}
    _lay(settings, {path: file.after_cut("everything", Random(0)) for path, file in kept.items()}, made)
    return resumed(settings, made.sent, set())[0]


def _tried(
    settings: Settings, files: Mapping[str, bytes], made: Record, due: set[str], reference: dict[str, Any]
) -> Iterator[str]:
    _lay(settings, files, made)
    try:
        known, gone = resumed(settings, made.sent, due)
    except Exception as wrong:  # noqa: BLE001 - whatever keeps a hub from going on is what is looked for
        yield f"a hub cannot go on from there: {type(wrong).__name__}: {str(wrong)[:200]}"
        return
    yield from gone
    if known != reference:
        yield f"killed | not killed: {difference(known, reference)}"


def _lay(settings: Settings, files: Mapping[str, bytes], made: Record) -> None:
    """Puts the hub's own files where another hub finds them; keys too, so that equal messages are equal facts."""
    shutil.rmtree(settings.data, ignore_errors=True)
    (settings.data / "keys").mkdir(parents=True)
    for path, content in files.items():
        inside = Path(path)
        if made.stage.data in inside.parents and inside.name not in DERIVED:
            (settings.data / inside.relative_to(made.stage.data)).write_bytes(content)
    database, key = settings.data / "hub.db", settings.data / "keys" / "master.key"
    if not database.exists() and not key.exists():  # nothing there yet: a new key would make other tokens
        shutil.copy2(made.stage.data / "keys" / "master.key", key)


# ---- kills in earnest ---------------------------------------------------------------------------------------------


def kill_at(folder: Path, count: int, number: int, reference: House, plant: str = "") -> tuple[bool, list[str]]:
    """Has strace kill a hub at its n-th call that changes a file; whether it came to that, and what was wrong then."""
    played = Played()
    with receiving(played.received) as (hospital, courier):
        stage = house(folder, hospital, courier, plant)
        same_keys(reference, stage)
        traced = ["-e", f"trace={KILLED_AT}", "-e", f"inject={KILLED_AT}:signal=KILL:when={number}"]
        stage.start_under(["strace", "-f", *traced, "-o", os.devnull])
        senders = Senders(stage.ports, played.note, lanes=LANES)
        senders.start()
        messages = [message for n in range(1, count + 1) for message in journey(n)]
        senders.put(messages)
        try:
            end = time.monotonic() + 20.0
            while stage.process is not None and stage.process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
                if len(played.acknowledged) == len(messages):
                    end = min(end, time.monotonic() + 1.0)
            killed = stage.process is not None and stage.process.poll() is not None
            if not killed:
                stage.kill_traced()
            stage.start()
            stage.wait_ready()
            drain(stage, played, len(messages))
        finally:
            senders.stop()
            stage.end()
    played.refused = senders.refused
    return killed, list(wrong_with(stage, played, reference))


def kill_some(folder: Path, kills: int, seed: str, plant: str = "", most: int = 300) -> tuple[int, list[str]]:
    """Kills so many hubs, half of them at their first calls, when the store is made, the others at calls drawn by lot;
    how many came to that, and what was wrong."""
    (folder / "calm").mkdir()
    reference, _, _ = play(folder / "calm", Task(1, 1, seed), kills=False)
    random, came, wrong = Random(seed), 0, list[str]()
    for turn in range(kills):
        number = turn // 2 + 1 if turn % 2 else random.randint(1, most)
        (folder / str(turn)).mkdir()
        try:
            killed, found = kill_at(folder / str(turn), 1, number, reference, plant)
        except RuntimeError as fallen:  # the hub that should have gone on
            killed, found = True, [str(fallen)]
        came += killed
        wrong += [f"killed at call {number}: {one}" for one in found]
        shutil.rmtree(folder / str(turn))
    return came, wrong


# ---- all of it ----------------------------------------------------------------------------------------------------

_made: Record | None = None
"""The record of a run, for the processes that are forked to look at its points."""


def _share(given: tuple[Path, int, int]) -> Points:
    assert _made is not None
    return walk(_made, *given)


def verify(folder: Path, journeys: int = 1, every: int = 1, processes: int = 1, plant: str = "") -> Points:
    """Records a hub that takes so many journeys, and looks at every `every`-th of its points."""
    global _made
    total = Points()
    _made = record(folder, journeys, plant, at_once=0)
    shares = [(folder / f"share{n}", every * processes, n * every) for n in range(processes)]
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        for points in pool.map(_share, shares):
            total.add(points)
    return total


def main() -> int:
    """Prints the figures as JSON; 1 where something was lost, 2 where strace cannot work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=1)
    parser.add_argument("--every", type=int, default=1, help="1 looks at every point, 10 at every tenth")
    parser.add_argument("--kills", type=int, default=40, help="hubs that strace kills in earnest")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    why = impossible()
    if why:
        sys.stderr.write(f"skipped: {why}\n")
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cgt-points-") as name:
        folder = Path(name)
        (folder / "record").mkdir()
        result = verify(folder / "record", given.journeys, given.every, given.processes, given.plant)
        killed, wrong = kill_some(folder, given.kills, given.seed, given.plant) if given.kills else (0, [])
    figures = {
        "points": result.points,
        **{f"points_{name}": count for name, count in sorted(result.calls.items())},
        "images": result.images,
        "acknowledged": result.acknowledged,
        "killed_in_earnest": killed,
        "seconds": round(time.monotonic() - begun, 1),
        "wrong": len(result.wrong) + len(wrong),
        "shown": (result.wrong + wrong)[:10],
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if result.wrong or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
