"""Power cuts out of a hub's record of system calls: `python -m tests.verify.power` prints what a cut would have lost.

From the record the hub's files are built as a disk may have them after a cut at any call (`disks.py`). What was
acknowledged before the cut must be in the database that is opened then, whole, and its ledger must verify; its keys
must be there; a dropped file, its receipt and what was written for a partner must not have vanished.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from hub import ledger
from hub.crypto import load_keyring
from hub.store import SqliteConnection
from tests.verify.disks import POLICIES, Disk, File
from tests.verify.syscalls import FAILED, Record, acknowledgements, examine, impossible, record

DATABASES = ("hub.db", "hub.db-wal", "hub.db-journal", "read.db", "read.db-wal", "read.db-journal")


FAILING = "inject=fsync,fdatasync:error=EIO:when=40+3"
"""Every third sync of a thread, after those of a hub's start."""


@dataclass(slots=True)
class Cuts:
    """What was tried, and what was lost."""

    cuts: int = 0
    acknowledged: int = 0
    """Acknowledged messages looked for, all cuts together."""
    files: int = 0
    """Dropped and written files looked for, all cuts together."""
    names_waiting: int = 0
    """Cuts that came while a file or folder had no safe name yet."""
    failed_syncs: int = 0
    lost: list[str] = field(default_factory=list)


def cut(made: Record, folder: Path, count: int, seed: str = "1") -> Cuts:
    """Cuts the power right after acknowledgements and at random calls, and looks for what was promised."""
    random, result = Random(seed), Cuts()
    disk, answered = Disk(str(made.stage.home)), _answered(made)
    begun = {line for line, _ in answered}
    chosen = begun | set(random.sample([c.ended for c in made.calls], min(len(made.calls), max(0, count - len(begun)))))
    after = Looking(made, folder)
    for call in made.calls:
        changed = disk.take(call)
        if call.begun in begun or (changed and call.ended in chosen):
            due = [name for line, name in answered if line <= call.ended]
            for policy in POLICIES:
                image = {path: (file, file.after_cut(policy, random)) for path, file in _cut(disk, policy, random)}
                wrong = list(after.wrong_with(image, due, result))
                result.lost += [f"cut at call {call.ended}, {policy} of what was not synced: {w}" for w in wrong]
                result.cuts += 1
            result.names_waiting += bool(disk.waiting)
    return result


def _cut(disk: Disk, policy: str, random: Random) -> list[tuple[str, File]]:
    return list(disk.after_cut(policy, random).items())


def _answered(made: Record) -> list[tuple[int, str]]:
    """When each message was acknowledged, by the line of the record."""
    return sorted((c.begun, name) for name, c in acknowledgements(made.calls, made.names, made.http).items())


Image = Mapping[str, tuple[File, bytes]]
"""The files that are on a disk, with their bytes."""


class Looking:
    """Opens what a disk has and says what of the promises does not hold."""

    def __init__(self, made: Record, folder: Path) -> None:
        self._made, self._folder = made, folder
        self._data = str(made.stage.data)
        key = made.stage.data / "keys" / "master.key"
        self._key, self._public = key.read_bytes(), load_keyring(key).public_key()
        self._celltech = made.stage.home / "celltech"
        self._out = {path.name: path.read_bytes() for path in (self._celltech / "out").glob("[!.]*")}
        self._dropped: set[str] = set()

    def wrong_with(self, image: Image, due: Sequence[str], result: Cuts) -> Iterator[str]:
        """What is wrong with a disk on which these messages should be."""
        for name in DATABASES:
            (self._folder / name).unlink(missing_ok=True)
            (self._folder / f"{name.partition('-')[0]}-shm").unlink(missing_ok=True)
            if f"{self._data}/{name}" in image:
                (self._folder / name).write_bytes(image[f"{self._data}/{name}"][1])
        try:
            with closing(sqlite3.connect(self._folder / "hub.db", isolation_level=None)) as raw:
                yield from self._database(raw, due, result)
                yield from self._written(raw, image, result)
        except sqlite3.DatabaseError as broken:
            yield f"the database cannot be opened ({broken})"
        yield from self._keys(image, due)
        yield from self.drops(image, result)

    def _database(self, raw: sqlite3.Connection, due: Sequence[str], result: Cuts) -> Iterator[str]:
        if raw.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            yield "the database is damaged"
        if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            yield from (f"{name} was acknowledged and is lost" for name in due)
            return
        kept = {row[0] for row in raw.execute("SELECT source_id FROM inbox WHERE outcome = 'recorded'")}
        result.acknowledged += len(due)
        yield from (f"{name} was acknowledged and is lost" for name in due if name not in kept)
        yield from (f"{fault.place}: {fault.text}" for fault in ledger.check(SqliteConnection(raw), self._public)[0])

    def _keys(self, image: Image, due: Sequence[str]) -> Iterator[str]:
        """Without its key a database is nothing; an empty one must not keep a hub from starting."""
        _, key = image.get(f"{self._data}/keys/master.key", (None, b""))
        if key != self._key and (due or f"{self._data}/keys/master.key" in image):
            yield "the key is lost or not whole"

    def _written(self, raw: sqlite3.Connection, image: Image, result: Cuts) -> Iterator[str]:
        """Deliveries that count as done must be in the partner's folder."""
        if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'delivery'").fetchone():
            return
        query = "SELECT id FROM delivery WHERE partner = 'celltech' AND state = 'done'"
        for (number,) in raw.execute(query).fetchall():
            result.files += 1
            name = next(name for name in self._out if name.endswith(f"-{number:08}.csv"))
            if image.get(f"{self._celltech}/out/{name}", (None, b""))[1] != self._out[name]:
                yield f"{name} was delivered and is lost"

    def drops(self, image: Image, result: Cuts) -> Iterator[str]:
        """A dropped file is there, or in work, or has its receipt; what has a receipt's name is a whole receipt."""
        drop = f"{self._celltech}/drop"
        taken = {Path(path).name for path in image if Path(path).parent == Path(drop, ".work")}
        self._dropped |= taken
        for name in self._dropped:
            result.files += 1
            receipt = image.get(f"{drop}/archive/{name}.receipt.json", (None, b""))[1]
            if not (name in taken or f"{drop}/{name}" in image or _is_receipt(receipt)):
                yield f"{name} was dropped and vanished without a receipt"
        for path, (_, content) in image.items():
            if path.endswith(".receipt.json") and not _is_receipt(content):
                yield f"{Path(path).name} is not whole"


def _is_receipt(content: bytes) -> bool:
    try:
        return bool(json.loads(content)["outcome"])
    except ValueError:
        return False


def verify(folder: Path, journeys: int = 5, count: int = 200, plant: str = "", failing: bool = False) -> Cuts:
    """Records a hub that takes so many journeys, then cuts its power at so many points, each in three ways."""
    made = record(folder, journeys, plant, failing=FAILING if failing else "")
    after = folder / "after"
    after.mkdir()
    cuts = cut(made, after, count)
    cuts.failed_syncs = sum(call.name == FAILED for call in made.calls)
    cuts.lost += examine(made.calls, made.wal, made.names, made.http).early if failing else []
    return cuts


def main() -> int:
    """Prints the figures as JSON; 1 where a cut loses something, 2 where strace cannot work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=300, help="points at which the power is cut")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    parser.add_argument("--failing-syncs", action="store_true", help="every third sync fails, once the hub is up")
    given = parser.parse_args()
    why = impossible()
    if why:
        sys.stderr.write(f"skipped: {why}\n")
        return 2
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cgt-power-") as folder:
        result = verify(Path(folder), given.journeys, given.cuts, given.plant, given.failing_syncs)
    seconds = round(time.monotonic() - begun, 1)
    figures = {**asdict(result), "lost": len(result.lost), "shown": result.lost[:10], "seconds": seconds}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if result.lost else 0


if __name__ == "__main__":
    sys.exit(main())
