"""A disk that is full or fails, a database that is cut off: `python -m tests.verify.faults` prints what a hub does.

strace lets the writes or the syncs of a running hub fail, again and again, each failure a point; or the hub's folder is
a small file system that is really full, log and drop folder with it, until space is made. A PostgreSQL server ends the
hub's connections in the middle of what they do. Nothing that failed may be
acknowledged, each sender must get a clear answer, and the hub must go on by itself: with the same process.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from hub import logs
from tests.verify import stores
from tests.verify.kill import Task, drain, play
from tests.verify.promises import Played, wrong_with
from tests.verify.stage import STORES, House, house, same_keys
from tests.verify.syscalls import impossible
from tests.verify.traffic import Senders, journey, receiving

INJECTED = {
    "space": ("pwrite64,write", "inject=pwrite64:error=ENOSPC:when=20+{step}", 173),
    "sync": ("fdatasync,fsync", "inject=fdatasync,fsync:error=EIO:when=5+{step}", 3),
    "write": ("pwrite64", "inject=pwrite64:error=EIO:when=20+{step}", 173),
}
"""What strace lets fail, by kind: the calls that it follows, the failures, and how many go well between two of them."""
KINDS = {"sqlite": (*INJECTED, "full"), "postgres": ("cut",)}
"""What is tried on which store."""
CLEAR = {"AE", "500", "503", "507"}
"""Answers that say: nothing was kept, send it again."""
SIZE, ROOM = 512 * 1024 * 1024, 4 * 1024 * 1024
LANES = {"mllp": 2, "epcis": 2, "fhir": 1, "file": 6}
BATCH = 2
"""Journeys that are sent at a time."""
PATIENCE = 40.0
"""Seconds without any acknowledgement after which a hub is taken to be stuck."""


@dataclass(slots=True)
class Tried:
    """What was done to a hub, and what it did."""

    kind: str
    points: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """Clear refusals, by what they said."""
    acknowledged: int = 0
    seconds: float = 0.0
    skipped: str = ""
    wrong: list[str] = field(default_factory=list)


# ---- failures that strace makes -----------------------------------------------------------------------------------


class Tracer:
    """strace on a running hub, from when it is attached until it is taken away."""

    def __init__(self, kind: str, record: Path) -> None:
        self._kind, self._record = kind, record
        self._process: subprocess.Popen[bytes] | None = None

    def attach(self, stage: House) -> None:
        assert stage.process is not None
        traced, failing, step = INJECTED[self._kind]
        options = ["-f", "-e", f"trace={traced}", "-s", "0", "-e", "signal=none", "-e", failing.format(step=step)]
        command = ["strace", *options, "-o", str(self._record), "-p", str(stage.process.pid)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def count(self, _: House, __: Played) -> int:
        """Calls that failed so far."""
        return self._record.read_bytes().count(b"INJECTED") if self._record.exists() else 0

    def take_away(self) -> None:
        """From now on every call goes to the kernel; the hub is the same process."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


def injected(folder: Path, kind: str, points: int, plant: str = "", store: str = "sqlite") -> Tried:
    """Sends journeys until so many calls failed; then none fails any more, and all must be well."""
    tracer = Tracer(kind, folder / "strace.txt")
    return _run(folder, Tried(kind), points, Trouble(tracer.attach, tracer.count, tracer.take_away), plant, store)


# ---- a file system that is full -----------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """A file system of `SIZE` bytes; the reason where none can be had."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    try:
        yield "" if made.returncode == 0 else "mounting a small file system is not permitted here"
    finally:
        if made.returncode == 0:
            subprocess.run(["umount", "-l", str(folder)], check=True)


class Ballast:
    """Fills a disk up to a few pages, and makes room again."""

    def __init__(self, disk: Path, random: Random) -> None:
        self._file, self._disk, self._random = disk / "ballast", disk, random
        self.filled = 0

    def fill(self) -> None:
        """Leaves room for less than a message or two."""
        with self._file.open("ab") as out:
            for _ in range(50):  # what the hub writes meanwhile may take the room that was counted
                free = os.statvfs(self._disk)
                more = free.f_bavail * free.f_bsize - self._random.randrange(0, 48, 4) * 1024
                with contextlib.suppress(OSError):
                    os.posix_fallocate(out.fileno(), 0, max(1, self._file.stat().st_size + more))
                    break
        self.filled += 1

    def empty(self) -> None:
        """Makes room for some messages; to make much takes long, and to fill it again."""
        os.truncate(self._file, max(0, self._file.stat().st_size - ROOM))

    def take_away(self) -> None:
        self._file.unlink(missing_ok=True)


def full(folder: Path, points: int, plant: str = "", store: str = "sqlite") -> Tried:
    """Sends journeys while the disk is full and then has room again, so many times."""
    tried = Tried("full")
    with small_disk(folder / "disk") as why:
        if why:
            tried.skipped = why
            return tried
        ballast = Ballast(folder / "disk", Random("full"))
        refusals = 0

        def count(_: House, played: Played) -> int:
            """One more time full: until somebody is refused, or for a while; then room, until somebody is taken."""
            nonlocal refusals
            ballast.fill()
            _until(lambda: len(played.refused) > refusals, 0.4)
            ballast.empty()
            taken = played.acknowledgements
            _until(lambda: played.acknowledgements > taken, 0.3)
            ballast.filled -= len(played.refused) == refusals  # nobody noticed: no point
            refusals = len(played.refused)
            return ballast.filled

        trouble = Trouble(lambda _: ballast.fill(), count, ballast.take_away)
        return _run(folder, tried, points, trouble, plant, store, home=folder / "disk" / "home")


def _until(is_so: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)


# ---- a database that cuts its connections ----------------------------------------------------------------------------

CUT = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
AND (state <> 'idle' OR random() < 0.05)"""
"""Ends connections that are at work, and now and then one that waits."""


def cut(folder: Path, points: int, plant: str = "", store: str = "postgres") -> Tried:
    """Sends journeys while the server ends the hub's connections, so many times."""
    ended = 0

    def count(stage: House, _: Played) -> int:
        nonlocal ended
        time.sleep(0.1)
        ended += stage.count(CUT)
        return ended

    return _run(folder, Tried("cut"), points, Trouble(lambda _: None, count, lambda: None), plant, store)


# ---- one run ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trouble:
    """What comes over a running hub: how it begins, how it goes on and counts its points, how it ends."""

    begin: Callable[[House], None]
    count: Callable[[House, Played], int]
    end: Callable[[], None]


def _run(
    folder: Path, tried: Tried, points: int, trouble: Trouble, plant: str, store: str, home: Path | None = None
) -> Tried:
    begun, played = time.monotonic(), Played()
    home = home or folder / "faulty"
    home.mkdir()
    with receiving(played.received) as (hospital, courier):
        paced = "checkpoints-never" if tried.kind == "full" else "checkpoints-often"
        stage = house(home, hospital, courier, f"{paced},{plant}".rstrip(","), store=store)
        senders = Senders(stage.ports, played.note, lanes=LANES, refused=played.refused)
        stage.start()
        sent = 0
        try:
            stage.wait_ready()
            senders.start()
            trouble.begin(stage)
            sent = _go_on(tried, points, trouble, stage, senders, played)
            trouble.end()
            drain(stage, played, sent * len(journey(1)))
            tried.wrong += [] if stage.is_alive() else ["the hub ended"]
        except RuntimeError as stuck:
            tried.wrong.append(f"the hub does not go on: {stuck}: {(stage.home / 'log.txt').read_text()[-400:]}")
        finally:
            senders.stop()
            stage.end()
        tried.answers = Counter(text.rpartition(": ")[2] for text in played.refused)
        unanswered = {what: n for what, n in senders.unanswered.items() if not what.startswith("file ")}
        tried.wrong += [f"{n} attempts had no answer: {what}" for what, n in unanswered.items()]
        if sent and not tried.wrong:
            _judge(folder, tried, stage, played, sent, store)
    tried.acknowledged, tried.seconds = len(played.acknowledged), round(time.monotonic() - begun, 1)
    return tried


def _go_on(tried: Tried, points: int, trouble: Trouble, stage: House, senders: Senders, played: Played) -> int:
    """Sends until there were points enough; the number of journeys. Raises RuntimeError when nothing goes on."""
    sent, seen, end = 0, -1, 0.0
    while tried.points < points:
        if senders.waiting("mllp") < BATCH and senders.waiting() < 20 * BATCH:
            senders.put([m for n in range(sent + 1, sent + BATCH + 1) for m in journey(n)])
            sent += BATCH
        time.sleep(0.05)
        tried.points = trouble.count(stage, played)
        if seen != played.acknowledgements:
            seen, end = played.acknowledgements, time.monotonic() + PATIENCE
        if not stage.is_alive() or time.monotonic() > end:
            raise RuntimeError(f"after {tried.points} points, with {seen} acknowledgements")
    return sent


def _judge(folder: Path, tried: Tried, stage: House, played: Played, sent: int, store: str) -> None:
    """Compares with a hub that had no trouble; its keys are those of the other, so that equal facts have equal ids."""
    tried.wrong += [f"unclear answer: {answer}" for answer in tried.answers if answer not in CLEAR]
    played.refused = []
    (folder / "calm").mkdir()
    same_keys(stage, House(folder / "calm", stage.ports, stage.place))
    reference, _, _ = play(folder / "calm", Task(1, sent, "1", store=store), kills=False)
    tried.wrong += list(wrong_with(stage, played, reference))[:20]


def run(kind: str, points: int, plant: str = "", store: str = "sqlite") -> Tried:
    """One kind of fault, so many points."""
    logs.configure()
    why = impossible() if kind in INJECTED else ""
    if why:
        return Tried(kind, skipped=why)
    with tempfile.TemporaryDirectory(prefix="cgt-faults-") as folder:
        if kind in {"full", "cut"}:
            return (full if kind == "full" else cut)(Path(folder), points, plant, store)
        return injected(Path(folder), kind, points, plant, store)


def main() -> int:
    """Prints the figures as JSON; 1 where a promise does not hold, 2 where nothing can be tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default="", help="of what may fail, commas between; all of the store's")
    parser.add_argument("--points", type=int, default=200, help="failures of each kind")
    parser.add_argument("--store", choices=sorted(STORES), default="sqlite")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    kinds = given.kinds.split(",") if given.kinds else KINDS[given.store]
    with stores.serving(given.store):
        tries = [run(kind, given.points, given.plant, given.store) for kind in kinds]
    figures: dict[str, Any] = {f"points_{tried.kind}": tried.points for tried in tries}
    for tried in tries:
        figures[f"answers_{tried.kind}"] = dict(tried.answers)
        if tried.skipped:
            figures[f"skipped_{tried.kind}"] = tried.skipped
    figures["acknowledged"] = sum(tried.acknowledged for tried in tries)
    figures["seconds"] = round(sum(tried.seconds for tried in tries), 1)
    figures["wrong"] = [f"{tried.kind}: {wrong}" for tried in tries for wrong in tried.wrong]
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 2 if all(tried.skipped for tried in tries) else 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
