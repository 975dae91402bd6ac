"""Backups and upgrades: `python -m tests.verify.restoring --count 100` prints whether any lost something.

Backups are taken while senders are acknowledged; each must restore to a ledger that holds, ends at a batch of the live
one, and has every message that was acknowledged before it began. Backups are killed at any moment: what has the name of
one is whole. Bits of backups are turned and their files are cut: nothing of that is restored. The store of the first
schema version is killed at every statement of its upgrade, and must end as one that was not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from hub import backup, logs
from hub import profiles as profile_files
from hub.bootstrap import Hub, build
from hub.committer import Incoming
from hub.settings import Settings
from hub.store import SqliteStore
from tests.hub import first_store, world
from tests.standards import ROOT

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SENDERS = 3


@dataclass(slots=True)
class Tried:
    """What was tried, how often, and what went wrong."""

    backups: int = 0
    acknowledged: int = 0
    kills: int = 0
    finished: int = 0
    damages: int = 0
    cuts: int = 0
    wrong: list[str] = field(default_factory=list)


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Hub]:
    """A hub without channels, whose committer runs."""
    partners = world.profiles(home, world.write_overlay(home / "overlay"))
    world.write_profiles(home / "partners", partners)
    settings = Settings(data=home / "data", partners=home / "partners")
    hub = build(settings, profile_files.load(settings.partners), lambda: NOW)
    try:
        hub.pipeline.start()
        yield hub
    finally:
        hub.pipeline.stop()
        hub.close()


# ---- beside senders -----------------------------------------------------------------------------------------------


def under_load(count: int, random: Random, tried: Tried) -> None:
    """Backups while messages are acknowledged, each restored and looked through."""
    with tempfile.TemporaryDirectory(prefix="cgt-restoring-") as name, opened(Path(name)) as hub:
        acknowledged: set[str] = set()
        ended = threading.Event()
        senders = [threading.Thread(target=_send, args=(hub, one, acknowledged, ended)) for one in range(SENDERS)]
        for sender in senders:
            sender.start()
        try:
            for number in range(count):
                time.sleep(random.uniform(0, 0.05))
                _one_backup(hub, Path(name) / f"backup-{number}", set(acknowledged), tried)
        finally:
            ended.set()
            for sender in senders:
                sender.join()


def _send(hub: Hub, lane: int, acknowledged: set[str], ended: threading.Event) -> None:
    number = 0
    while not ended.is_set():
        number += 1
        who, control = world.person(lane * 10_000 + number % 50), f"{lane}-{number}"
        answer = hub.pipeline.submit_now(Incoming("lakeside", "mllp", "hl7v2", world.update(who, control)))
        assert answer.outcome == "recorded", answer
        acknowledged.add(control)


def _one_backup(hub: Hub, place: Path, before: set[str], tried: Tried) -> None:
    data = place.with_name(f"{place.name}-restored")
    tried.backups += 1
    tried.acknowledged += len(before)
    try:
        _, manifest = backup.make(hub.settings.data, place, NOW, with_keys=True)
        backup.restore(place, data, NOW)
    except backup.Refused as refused:
        tried.wrong.append(f"{place.name}: {refused.fault.code}")
        return
    with closing(sqlite3.connect(data / "hub.db")) as raw:
        missing = before - {row[0] for row in raw.execute("SELECT source_id FROM inbox WHERE outcome = 'recorded'")}
    with closing(hub.store.reader()) as live:
        heads = {(last, chain.hex()) for last, chain in live.raw.execute("SELECT last, chain FROM batch")}
    if missing:
        tried.wrong.append(f"{place.name}: {len(missing)} acknowledged messages are not in it")
    if (manifest.position, manifest.head) not in heads | {(0, manifest.head)}:
        tried.wrong.append(f"{place.name}: its head is not of the live ledger")
    shutil.rmtree(place)
    shutil.rmtree(data)


# ---- killed, damaged, cut -------------------------------------------------------------------------------------------


def stopped(home: Path, messages: int = 60) -> Path:
    """The data folder of a hub that heard some messages and was stopped."""
    with opened(home) as hub:
        for number in range(messages):
            body = world.order(world.person(number), f"K-{number}")
            hub.pipeline.submit_now(Incoming("lakeside", "mllp", "hl7v2", body))
    return home / "data"


def killed(count: int, random: Random, tried: Tried) -> None:
    """Backups killed at any moment; what has its name must restore, and the next backup must go through."""
    with tempfile.TemporaryDirectory(prefix="cgt-restoring-") as name:
        home = Path(name)
        data, place = stopped(home), home / "b"
        begun = time.monotonic()
        backup.make(data, place, NOW, with_keys=True)
        took = time.monotonic() - begun
        for _ in range(count):
            shutil.rmtree(place, ignore_errors=True)
            _kill_one(data, place, random.uniform(0, took * 2.5), tried)
            if place.exists():
                tried.finished += 1
                _must_restore(place, home / "r", tried)
        shutil.rmtree(place, ignore_errors=True)
        backup.make(data, place, NOW, with_keys=True)
        _must_restore(place, home / "r", tried)


def _kill_one(data: Path, place: Path, after: float, tried: Tried) -> None:
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            backup.make(data, place, NOW, with_keys=True)
        os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    tried.kills += 1


def _must_restore(place: Path, data: Path, tried: Tried) -> None:
    try:
        backup.restore(place, data, NOW)
    except backup.Refused as refused:
        tried.wrong.append(f"a backup that has its name is not whole: {refused.fault.code}")
    shutil.rmtree(data, ignore_errors=True)


def damaged(count: int, random: Random, tried: Tried) -> None:
    """Bits and ends of a backup's files: none may be restored."""
    with tempfile.TemporaryDirectory(prefix="cgt-restoring-") as name:
        home = Path(name)
        place, _ = backup.make(stopped(home), home / "b", NOW, with_keys=True)
        for _ in range(count):
            file = random.choice(sorted(place.iterdir()))
            body = file.read_bytes()
            at = random.randrange(len(body))
            turned = body[:at] if random.random() < 0.1 else _turned(body, at, random)
            if _means_the_same(file, body, turned):
                continue
            file.write_bytes(turned)
            tried.damages += 1
            with contextlib.suppress(backup.Refused):
                backup.restore(place, home / "r", NOW)
                tried.wrong.append(f"{file.name}: restored with byte {at} of {len(body)} changed")
            shutil.rmtree(home / "r", ignore_errors=True)
            file.write_bytes(body)


def _turned(body: bytes, at: int, random: Random) -> bytes:
    return body[:at] + bytes([body[at] ^ 1 << random.randrange(8)]) + body[at + 1 :]


def _means_the_same(file: Path, one: bytes, other: bytes) -> bool:
    """True for a manifest that says the same in other white space or letters."""
    if file.name != backup.MANIFEST:
        return False
    with contextlib.suppress(ValueError):
        return _lowered(json.loads(one)) == _lowered(json.loads(other))
    return False


def _lowered(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "signed": str(manifest.get("signed")).lower()}


CUT = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
import sqlalchemy
from alembic import op
from hub.store import migrate

source, folder, every, planted = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "planted"
if planted:  # each statement a transaction of its own
    listen = sqlalchemy.event.listen
    sqlalchemy.event.listen = lambda on, name, *more, **also: name == "begin" or listen(on, name, *more, **also)
plain, count, cut = op.execute, 0, 1 - every

def execute(statement):
    global count
    count += 1
    if count == cut:
        os.kill(os.getpid(), signal.SIGKILL)
    plain(statement)

op.execute = execute
while True:
    cut += every
    path = folder / f"cut-{cut:03}.db"
    shutil.copyfile(source, path)
    child = os.fork()
    if child == 0:
        raw = sqlite3.connect(path, isolation_level=None)
        raw.execute("PRAGMA journal_mode=WAL")
        migrate.upgrade(raw)
        os._exit(0)
    if os.WIFEXITED(os.waitpid(child, 0)[1]):
        path.unlink()
        break
"""
"""Upgrades copies of a store, each killed at another statement."""


def cut_upgrades(source: Path, folder: Path, planted: bool = False, every: int = 1) -> list[Path]:
    """Databases whose upgrade was killed, each at another of its statements: at one in `every`."""
    folder.mkdir()
    command = [sys.executable, "-c", CUT, str(source), str(folder), str(every), "planted" if planted else ""]
    subprocess.run(command, check=True, timeout=120, cwd=ROOT)
    return sorted(folder.glob("cut-*.db"))


def upgraded(database: Path) -> list[str]:
    """What a store holds once the hub of today has opened it."""
    SqliteStore(database).close()
    return first_store.dump(database)


def cut(tried: Tried, planted: bool = False) -> None:
    """The first version's store, killed at every statement of its upgrade."""
    with tempfile.TemporaryDirectory(prefix="cgt-restoring-") as name:
        home = Path(name)
        settings = first_store.unpack(home, world.write_overlay(home / "overlay"))
        source = settings.data / "hub.db"
        found = cut_upgrades(source, home / "cut", planted)
        whole = upgraded(source)
        for database in found:
            tried.cuts += 1
            with contextlib.suppress(Exception):
                if upgraded(database) == whole:
                    continue
            tried.wrong.append(f"{database.name}: an upgrade that was killed does not end as a whole one")


# ---- planted faults -------------------------------------------------------------------------------------------------

PLANTED = ("copy-of-the-file", "name-before-it-is-whole", "digests-unchecked", "upgrade-in-pieces")


def planted(name: str, random: Random) -> Tried:
    """What is found where a fault is planted."""
    tried = Tried()
    if name == "copy-of-the-file":
        with patch.object(backup, "_copy_sqlite", lambda source, target: shutil.copyfile(source, target)):
            under_load(3, random, tried)
    elif name == "name-before-it-is-whole":
        with patch.object(backup, "_hidden", lambda place: place):
            killed(20, random, tried)
    elif name == "digests-unchecked":
        with patch.object(backup, "_compare", lambda *_: None):
            damaged(60, random, tried)
    else:
        cut(tried, planted=True)
    return tried


def main() -> int:
    """Prints the figures as JSON; 1 where something went wrong or a planted fault was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="backups under load, and of kills and damages each")
    parser.add_argument("--seed", default="1")
    chosen = parser.parse_args()
    logs.configure()
    random, tried, begun = Random(chosen.seed), Tried(), time.monotonic()
    under_load(chosen.count, random, tried)
    killed(chosen.count, random, tried)
    damaged(chosen.count * 5, random, tried)
    cut(tried)
    caught = {name: bool(planted(name, random).wrong) for name in PLANTED}
    figures = {name: getattr(tried, name) for name in tried.__slots__}
    took = round(time.monotonic() - begun, 1)
    print(json.dumps({**figures, "planted caught": caught, "seconds": took}, indent=1))  # noqa: T201 - the output
    return 1 if tried.wrong or not all(caught.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
