"""Power cuts out of a hub's record of system calls: `python -m tests.verify.power` prints what a cut would have lost.

From the record the database's files are built as a disk may have them after a cut at any call: what was synced, and of
what was not synced nothing, everything, or any part down to sectors of 512 bytes. What was acknowledged before the cut
must be in the database that is opened then, whole, and its ledger must verify. A file that was written is taken to be
in its folder: that the folder was synced is not asked.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from hub import ledger
from hub.crypto import load_keyring
from hub.store import Connection
from tests.verify.syscalls import Call, Record, acknowledgements, impossible, record

SECTOR = 512
POLICIES = ("nothing", "everything", "sectors")
"""What a disk may have of the writes that were not synced."""


@dataclass(slots=True)
class Disk:
    """One file on a disk: what is safe, and the writes that are not yet."""

    safe: bytearray = field(default_factory=bytearray)
    waiting: list[Call] = field(default_factory=list)

    def take(self, call: Call) -> None:
        """A write waits; a sync makes safe what waits."""
        if call.name in {"fsync", "fdatasync"}:
            for write in self.waiting:
                _apply(self.safe, write, 0, None)
            self.waiting.clear()
        else:
            assert not call.cut, "a page is not in the record as a whole"
            self.waiting.append(call)

    def after_cut(self, policy: str, random: Random) -> bytes:
        """What is there when the power comes back."""
        left = bytearray(self.safe)
        for write in self.waiting if policy != "nothing" else ():
            if policy == "everything" or write.name == "ftruncate":
                _apply(left, write, 0, None)
                continue
            for sector in range(0, len(write.data), SECTOR):
                if random.random() < 0.7:
                    _apply(left, write, sector, sector + SECTOR)
        return bytes(left)


def _apply(content: bytearray, write: Call, begin: int, end: int | None) -> None:
    if write.name == "ftruncate":
        del content[write.offset :]
        content.extend(bytes(write.offset - len(content)))
        return
    data, at = write.data[begin:end], write.offset + begin
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data


@dataclass(slots=True)
class Cuts:
    """What was tried, and what was lost."""

    cuts: int = 0
    acknowledged: int = 0
    """Acknowledged messages looked for, all cuts together."""
    lost: list[str] = field(default_factory=list)


def cut(made: Record, folder: Path, count: int, seed: str = "1") -> Cuts:
    """Cuts the power right after acknowledgements and at random calls, and looks for what was acknowledged."""
    random, result = Random(seed), Cuts()
    disks = {str(made.stage.data / name): Disk() for name in ("hub.db", "hub.db-wal")}
    answered = sorted((c.begun, name) for name, c in acknowledgements(made.calls, made.names, made.http).items())
    begun = {line for line, _ in answered}
    others = [call.ended for call in made.calls if call.file in disks and call.begun > answered[0][0]]
    chosen = begun | set(random.sample(others, min(len(others), max(0, count - len(begun)))))
    key = load_keyring(made.stage.data / "keys" / "master.key").public_key()
    for call in made.calls:
        if call.file in disks:
            disks[call.file].take(call)
        if call.ended in chosen or call.begun in chosen:
            due = [name for line, name in answered if line <= call.ended]
            for policy in POLICIES:
                result.cuts += 1
                result.acknowledged += len(due)
                wrong = list(_after(disks, folder, policy, random, due, key))
                result.lost += [f"cut at call {call.ended}, {policy} of what was not synced: {w}" for w in wrong]
    return result


def _after(
    disks: dict[str, Disk], folder: Path, policy: str, random: Random, due: Sequence[str], key: bytes
) -> Iterator[str]:
    """What is wrong with the database after a cut."""
    for path, disk in disks.items():
        (folder / Path(path).name).write_bytes(disk.after_cut(policy, random))
    (folder / "hub.db-shm").unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(folder / "hub.db", isolation_level=None)) as raw:
            if raw.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                yield "the database is damaged"
            kept = {row[0] for row in raw.execute("SELECT source_id FROM inbox WHERE outcome = 'recorded'")}
            yield from (f"{name} was acknowledged and is lost" for name in due if name not in kept)
            yield from (f"{fault.place}: {fault.text}" for fault in ledger.check(Connection(raw), key)[0])
    except sqlite3.DatabaseError as broken:
        yield f"the database cannot be opened ({broken})"


def verify(folder: Path, journeys: int = 5, count: int = 200, plant: str = "") -> Cuts:
    """Records a hub that takes so many journeys, then cuts its power at so many points, each in three ways."""
    made = record(folder, journeys, plant)
    after = folder / "after"
    after.mkdir()
    return cut(made, after, count)


def main() -> int:
    """Prints the figures as JSON; 1 where a cut loses something, 2 where strace cannot work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=10)
    parser.add_argument("--cuts", type=int, default=300, help="points at which the power is cut")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    why = impossible()
    if why:
        sys.stderr.write(f"skipped: {why}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="cgt-power-") as folder:
        result = verify(Path(folder), given.journeys, given.cuts, given.plant)
    figures = {**asdict(result), "lost": len(result.lost), "shown": result.lost[:10]}
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if result.lost else 0


if __name__ == "__main__":
    sys.exit(main())
