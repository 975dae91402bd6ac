"""kill -9 before every step of the drop protocol: `python -m tests.verify.drops` prints what was lost or doubled.

A step is a call that changes a file or a name in a partner's folder, or makes it safe, or hands a file to the hub. For
each step a process takes a folder full of files and kills itself right before it; what is there must be whole. Another
process goes on from there; what is there then must be what is there where nobody was killed. The processes are forks of
this one, so that hundreds of them take a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hub import logs, profiles
from hub.bootstrap import Hub, build
from hub.channels import files, folders, naming
from hub.channels.files import DropFolder
from hub.conversion import RECORDED, digest
from hub.incoming import Answer
from hub.settings import Settings
from tests.hub import house, world

MODES = ("settled", "marker", "manifest")
COUNTED = frozenset({"mkdir", "replace", "rename", "unlink", "fsync"})
LONGEST, PLANTED = 60.0, 8.0
"""Seconds for a process; one with a planted fault may never come to an end."""
UNLIKE = "receipts-1.csv"
"""A file that is something else than its manifest says."""
WEIRD = "qc weird\nname.csv"

Plant = Callable[[], contextlib.AbstractContextManager[Any]]


@dataclass(slots=True)
class Kills:
    """What was tried, and what was wrong."""

    kills: int = 0
    files: int = 0
    """Dropped files looked at, all kills together."""
    steps: dict[str, int] = field(default_factory=dict)
    """Steps of a whole run, by the way in which a file is known to be whole."""
    wrong: list[str] = field(default_factory=list)


# ---- faults that it must catch --------------------------------------------------------------------------------------


def _unlinked_before_told() -> contextlib.AbstractContextManager[Any]:
    told = DropFolder._receipt

    def first_away(self: DropFolder, room: Any, name: str, *rest: Any) -> None:
        self._away(room, name)
        told(self, room, name, *rest)

    return patch.object(DropFolder, "_receipt", first_away)


def _told_before_recorded() -> contextlib.AbstractContextManager[Any]:
    processed = DropFolder._process

    async def first_told(self: DropFolder, room: Any, name: str) -> None:
        body = room.work.read(name, self._limit)
        if name.startswith("qc") and body:
            answer = Answer(0, RECORDED, "", name, [], [])
            self._receipt(room, name, body, files.Taken(answer))
            room.work.write(name, body)
        await processed(self, room, name)

    return patch.object(DropFolder, "_process", first_told)


def _half_written() -> contextlib.AbstractContextManager[Any]:
    def in_place(self: folders.Folder, name: str, body: bytes) -> None:
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640, dir_fd=self.handle)
        os.write(handle, body[: len(body) // 2])
        self.sync()
        os.write(handle, body[len(body) // 2 :])
        self.sync()
        os.close(handle)

    return patch.object(folders.Folder, "write", in_place)


def _work_forgotten() -> contextlib.AbstractContextManager[Any]:
    names = folders.Folder.names
    seen: list[int] = []

    def not_the_first(self: folders.Folder) -> list[str]:
        seen.append(1)
        found = names(self)
        return [] if ".work" not in found and "archive" not in found else found

    return patch.object(folders.Folder, "names", not_the_first)


PLANTS: Mapping[str, Plant] = {
    "unlinked-before-told": _unlinked_before_told,
    "told-before-recorded": _told_before_recorded,
    "half-written": _half_written,
    "work-forgotten": _work_forgotten,
}


# ---- one process ----------------------------------------------------------------------------------------------------


class _Counting:
    """The module `os` as the folders use it: counts what changes something, and dies before the n-th time."""

    def __init__(self, stop: int, note: Path) -> None:
        self._stop, self._note, self.count = stop, note, 0

    def step(self) -> None:
        self.count += 1
        if self.count == self._stop:
            os.kill(os.getpid(), signal.SIGKILL)
        if not self._stop:
            self._note.write_text(str(self.count), encoding="utf-8")

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in COUNTED:
            return real

        def counted(*given: Any, **named: Any) -> Any:
            self.step()
            return real(*given, **named)

        return counted


def live(home: Path, stop: int, plant: str) -> int:
    """A process that takes what is in the folders, and kills itself before its n-th step; how it ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    with contextlib.suppress(BaseException):
        counting = _Counting(stop, home / "steps")
        with PLANTS[plant]() if plant else contextlib.nullcontext():
            asyncio.run(_serve(home, counting, PLANTED if plant else LONGEST))
        code = 0
    os._exit(code)


async def _serve(home: Path, counting: _Counting, longest: float) -> None:
    hub = build(
        Settings(data=home / "data", partners=home / "partners", file_poll=0.005, max_message=50_000),
        clock=house.Clock(),
    )
    received = hub.receive

    async def receive(incoming: Any) -> Any:
        counting.step()
        return await received(incoming)

    with patch.object(folders, "os", counting), patch.object(Hub, "receive", lambda _, incoming: receive(incoming)):
        await hub.start()
        end = time.monotonic() + longest
        while _left(home) and time.monotonic() < end:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        await hub.stop()


def _left(home: Path) -> list[str]:
    """What has to be taken yet: in the folder, but for what stays there, and in work. The folder is looked at first: a
    file that goes from there into work while we look is seen once or twice, never not at all."""
    drop = home / "foundry" / "drop"
    waiting = [path.name for path in drop.iterdir() if path.is_file() and path.name not in STAYS]
    return waiting + ([path.name for path in (drop / ".work").iterdir()] if (drop / ".work").is_dir() else [])


# ---- files ----------------------------------------------------------------------------------------------------------

STAYS = frozenset({"still.csv.part"})


def dropped() -> dict[str, bytes]:
    """Files of every way to end: recorded, with warnings, repeated, held, rejected, asked; by name."""
    who = world.person(7)
    return {
        "qc-1.csv": world.qc(who),
        "qc-2.csv": world.qc(who, value="9 7"),
        "qc-3.csv": world.qc(who),
        WEIRD: world.qc(who, value="81.00"),
        "receipts-1.csv": world.receipts(who),
        "broken.csv": b'CoI,Test\n"open,1\n',
        "large.csv": b"x" * 60_000,
        "ask.csv": f"Question;CoI\r\nMay ship?;{who.coi}\r\nstatus;{who.coi}\r\n".encode(),
    }


def lay(home: Path, mode: str) -> None:
    """A partner's folders as they are before a hub looks, with files, and with an older one of the same name."""

    def change(found: dict[str, dict[str, Any]]) -> None:
        for partner in ("lakeside", "northern", "heron"):
            del found[partner]
        found["foundry"]["files"]["whole"] = mode

    found = world.profiles(home, home)
    change(found)
    world.write_profiles(home / "partners", found)
    drop = home / "foundry" / "drop"
    (drop / "error").mkdir(parents=True)
    (drop / "archive").mkdir()
    (drop / "error" / "broken.csv").write_bytes(b"an older one, which somebody may still look at")
    (drop / "error" / "broken.csv.error.txt").write_bytes(b"what was wrong with it")
    for name, body in dropped().items():
        (drop / name).write_bytes(body)
        if mode == "marker":
            (drop / f"{name}.done").touch()
        if mode == "manifest":
            said = {"size": len(body), "sha256": digest(body if name != UNLIKE else b"another file")}
            (drop / f"{name}.manifest.json").write_text(json.dumps(said), encoding="utf-8")
    for name in STAYS:
        (drop / name).write_bytes(b"not whole")


def told(home: Path) -> dict[str, Any]:
    """What the partner finds in its folders, and what the hub has of it; what a repetition changes is left out."""
    root = home / "foundry"
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            found[path.relative_to(root).as_posix()] = _content(path)
    with contextlib.closing(sqlite3.connect(home / "data" / "hub.db")) as db:
        found["inbox"] = sorted(db.execute("SELECT source_id, outcome FROM inbox").fetchall())
        found["facts"] = sorted(db.execute("SELECT id FROM log WHERE type NOT LIKE 'issue.%'").fetchall())
    return found


def _content(path: Path) -> Any:
    body = path.read_bytes()
    if not path.name.endswith((".receipt.json", ".error.json")):
        return digest(body)
    said = json.loads(body)
    return {key: value for key, value in said.items() if key not in {"repeated", "message", "warnings", "unlinked"}}


def torn(home: Path) -> Iterator[str]:
    """What is not whole, or gone without a word, after a kill."""
    drop = home / "foundry" / "drop"
    for path in [*drop.glob("archive/*.json"), *drop.glob("error/*.json")]:
        try:
            json.loads(path.read_bytes())
        except ValueError:
            yield f"{path.name} is not whole"
    for name in dropped():
        kept = naming.kept_as(name)
        places = (drop / name, drop / ".work" / kept, drop / "error" / kept, drop / "archive" / f"{kept}.receipt.json")
        if not any(place.exists() for place in places):
            yield f"{kept} was dropped and vanished without a word"


# ---- all of it ------------------------------------------------------------------------------------------------------


def verify(folder: Path, mode: str, plant: str = "", every: int = 1) -> Kills:
    """Kills before every n-th step of a way to know a whole file."""
    logs.configure()
    result = Kills()
    calm = folder / mode
    lay(calm, mode)
    if live(calm, 0, "") != 0 or _left(calm):
        raise RuntimeError(f"nobody was killed, and this is left: {_left(calm)}")
    reference = told(calm)
    steps = int((calm / "steps").read_text(encoding="utf-8"))
    result.steps[mode] = steps
    for stop in range(1, steps + 1, every):
        home = folder / f"{mode}-{stop}"
        lay(home, mode)
        ended = live(home, stop, plant)
        result.kills += os.WIFSIGNALED(ended)
        result.files += len(dropped())
        wrong = list(torn(home))
        if live(home, 0, plant) != 0:
            wrong.append("the process that went on fell over")
        after = told(home)
        wrong += [
            f"{key}: {after.get(key)!r:.200} | not killed: {reference.get(key)!r:.200}"
            for key in _differing(after, reference)
        ]
        result.wrong += [f"{mode}, killed before step {stop}: {text}" for text in wrong]
    return result


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def warm(folder: Path) -> None:
    """Loads what every fork needs, once."""
    lay(folder / "warm", "settled")
    found = profiles.load(folder / "warm" / "partners")
    with contextlib.closing(
        build(Settings(data=folder / "warm" / "data", partners=folder / "warm" / "partners"), found)
    ):
        pass


def main() -> int:
    """Prints the figures as JSON; 1 where something was lost, doubled or torn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modes", nargs="*", default=MODES, choices=MODES)
    parser.add_argument("--every", type=int, default=1, help="kill before every n-th step only")
    parser.add_argument("--plant", default="", choices=["", *PLANTS], help="a fault, which must be caught")
    given = parser.parse_args()
    begun, total = time.monotonic(), Kills()
    with tempfile.TemporaryDirectory(prefix="cgt-drops-") as name:
        folder = Path(name)
        warm(folder)
        for mode in given.modes:
            found = verify(folder, mode, given.plant, given.every)
            total.kills += found.kills
            total.files += found.files
            total.steps |= found.steps
            total.wrong += found.wrong
    figures = {
        "kills": total.kills,
        "files": total.files,
        "steps": total.steps,
        "wrong": len(total.wrong),
        "shown": total.wrong[:10],
        "seconds": round(time.monotonic() - begun, 1),
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
