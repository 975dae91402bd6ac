"""Backups: a whole copy of a store, made while the hub runs, and its way back. Verifies both; schedules nothing.

A backup is a folder: the database, a signed manifest, and the key only where that was asked for. It is written under a
hidden name and renamed when all of it is on the disk, so one that has its name is whole. The copy is SQLite's; the
manifest says so, and another store brings a copy of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from canonical_model.ids import canonical_json
from canonical_model.values import instant_text
from hub import ledger
from hub.crypto import Keyring, load_keyring, verify
from hub.durable import make_folder, sync_folder
from hub.mendable import Mendable
from hub.store import migrate, only_one, read_only, recovered
from mappings.faults import Fault

FORMAT = 1
DATABASE, KEY, MANIFEST = "hub.db", "master.key", "manifest.json"
GAP = 1_000_000
"""Numbers of deliveries that are left out after a restore: those that follow the backup's last one may be out already,
and a receiver who knows a number takes what comes under it for a repetition."""
THEN = """Start the hub on it (CGT_DATA={data}); it writes its read model anew. Stop the other one for good: two hubs of
one past would tell partners different things. Ask the partners to send again what they sent since {made}, or since
the day before: repeats do no harm."""
_PURPOSE = b"cgt-hub backup\x00"
_READ = 1024 * 1024


class Refused(Mendable):
    """A backup that is not made, or not taken for one."""

    def __init__(self, code: str, place: object, remedy: str) -> None:
        self.fault = Fault(code, str(place), remedy, severity="error")
        super().__init__(f"{place}: {code}: {remedy}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. `head` is the chain value of the last batch, `key` the public key that verifies it."""

    made: str
    hub: str
    schema: str
    position: int
    batch: int
    head: str
    signature: str
    key: str
    keys: bool
    files: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, int]
    store: str = "sqlite"
    format: int = FORMAT


def refuse_server(store: str) -> None:
    """A store of a database server is copied by that server's means. Raises Refused."""
    if store:
        remedy = "back PostgreSQL up with `pg_dump --format=custom`, and keep keys/master.key in another place"
        raise Refused("backup-server", "CGT_STORE", remedy)


# ---- making -----------------------------------------------------------------------------------------------------


def make(data: Path, target: Path, now: datetime, with_keys: bool = False) -> tuple[Path, Manifest]:
    """Copies the store of a data folder, beside a running hub too; where the backup stands, and its manifest.

    A `target` that is a folder gets a folder of its time in it; any other name becomes the backup. Raises Refused,
    KeyLost.
    """
    if not (data / DATABASE).exists():
        raise Refused("backup-nothing", data, "there is no store of a hub: name its folder with --data")
    keys = load_keyring(data / "keys" / KEY)
    place = target / f"cgt-hub-{now:%Y%m%dT%H%M%SZ}" if target.is_dir() else target
    if place.exists():
        raise Refused("backup-exists", place, "nothing is overwritten: give another name")
    hidden = _hidden(place)
    try:
        _fresh(hidden)
        _copy_sqlite(data / DATABASE, hidden / DATABASE)
        if with_keys:
            _copy(data / "keys" / KEY, hidden / KEY)
        manifest = _manifest(hidden, keys, now, with_keys)
        _write(hidden / MANIFEST, _signed(manifest, keys))
        sync_folder(hidden)
        hidden.rename(place)
        sync_folder(place.parent)
    except (OSError, sqlite3.Error) as wrong:
        shutil.rmtree(hidden, ignore_errors=True)
        raise Refused("backup-failed", place, f"{wrong}: nothing was kept, mend that and make it again") from None
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return place, manifest


def _hidden(place: Path) -> Path:
    """Where a backup is written before it is whole."""
    return place.with_name(f".{place.name}.writing")


def _fresh(hidden: Path) -> None:
    """An empty folder under the hidden name; what an earlier try left there is no backup."""
    shutil.rmtree(hidden, ignore_errors=True)
    make_folder(hidden.parent)
    hidden.mkdir(mode=0o700)


def _copy_sqlite(source: Path, target: Path) -> None:
    """One snapshot of a database that may be written meanwhile, as a single file."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with contextlib.closing(read_only(source)) as reader, contextlib.closing(sqlite3.connect(target)) as copy:
        reader.raw.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    _sync(target)


def _manifest(folder: Path, keys: Keyring, now: datetime, with_keys: bool) -> Manifest:
    """What the copy holds, read from the copy. Raises Refused where its ledger does not hold."""
    names = [DATABASE, *([KEY] if with_keys else [])]
    with contextlib.closing(read_only(folder / DATABASE)) as store:
        schema = migrate.refuse_newer(store.raw)
        position, head = _verified(folder / DATABASE, keys.public_key(), None)
        last = store.one("last_batch")
        return Manifest(
            made=instant_text(now),
            hub=version("cgt-hub"),
            schema=schema,
            position=position,
            batch=int(last[0]) if last else 0,
            head=head.hex(),
            signature=last[5].hex() if last else "",
            key=keys.public_key().hex(),
            keys=with_keys,
            files={name: _file(folder / name) for name in names},
            counts=_counts(store.raw),
        )


def _verified(database: Path, public_key: bytes, head: bytes | None) -> tuple[int, bytes]:
    """Position and head of a database whose pages and ledger hold. Raises Refused."""
    with contextlib.closing(read_only(database)) as store:
        try:
            sound = store.raw.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.Error:
            sound = False
        if not sound:
            raise Refused("backup-damaged", database, "the database is damaged: take another backup")
        faults, position, chain = ledger.check(store, public_key, head)
    if faults:
        told = f"{faults[0].place}: {faults[0].text}; {len(faults)} faults in all"
        raise Refused("backup-ledger", database, f"its ledger does not hold ({told}): keep it, and take another backup")
    return position, chain


def _counts(raw: sqlite3.Connection) -> dict[str, int]:
    tables = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return {name: raw.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for (name,) in tables}  # noqa: S608


def _file(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ):
            digest.update(block)
    return {"size": path.stat().st_size, "sha256": digest.hexdigest()}


def _signed(manifest: Manifest, keys: Keyring) -> bytes:
    plain = asdict(manifest)
    signed = {**plain, "signed": keys.sign(_PURPOSE + canonical_json(plain)).hex()}
    return orjson.dumps(signed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


# ---- restoring --------------------------------------------------------------------------------------------------


def restore(source: Path, data: Path, now: datetime, key: Path | None = None, head: bytes | None = None) -> Manifest:
    """Brings a backup into an empty data folder; its manifest. Nothing stands there under its name before all holds.

    `key` is a key file kept elsewhere, `head` a head of the ledger that was noted. Raises Refused, StoreInUse.
    """
    manifest, keys, master = _read(source, data, key)
    with _empty(data), contextlib.ExitStack() as undone:
        hidden = data / ".restoring"
        _fresh(hidden)
        undone.callback(shutil.rmtree, hidden, ignore_errors=True)
        try:
            _copy(source / DATABASE, hidden / DATABASE)
            _compare(hidden / DATABASE, manifest)
            _same_ledger(hidden / DATABASE, manifest, keys, head)
            _mark(hidden / DATABASE, manifest, now)
            _keep_key(data / "keys" / KEY, master)
            (hidden / DATABASE).rename(data / DATABASE)
            sync_folder(data)
        except (OSError, sqlite3.Error) as wrong:
            raise Refused("restore-failed", data, f"{wrong}: nothing was restored, mend that and try again") from None
    return manifest


def _read(source: Path, data: Path, key: Path | None) -> tuple[Manifest, Keyring, bytes]:
    """The manifest, and the key that signed it: the one named, the backup's, or the one that stands in `data`."""
    manifest, body = read_manifest(source)
    found = [path for path in (key, source / KEY, data / "keys" / KEY) if path is not None and path.exists()]
    if not found:
        raise Refused("backup-key", source, "the key is not inside: name the file that you keep elsewhere with --key")
    master = found[0].read_bytes()
    if len(master) != 32 or Keyring(master).public_key().hex() != manifest.key:
        raise Refused("backup-key", found[0], "it is not the key of this backup, and opens nothing in it")
    keys = Keyring(master)
    signed = bytes.fromhex(body.pop("signed"))
    if not verify(keys.public_key(), signed, _PURPOSE + canonical_json(body)):
        raise Refused("backup-damaged", source / MANIFEST, "it is not as it was signed: take another backup")
    return manifest, keys, master


def read_manifest(source: Path) -> tuple[Manifest, dict[str, Any]]:
    """The manifest of a backup as it says, not yet verified, and its JSON. Raises Refused."""
    if source.name.endswith(".writing") or not (source / MANIFEST).is_file():
        raise Refused("backup-unfinished", source, "it is no backup, or one that was never finished: take another one")
    try:
        body = orjson.loads((source / MANIFEST).read_bytes())
        manifest = Manifest(**{name: value for name, value in body.items() if name != "signed"})
        bytes.fromhex(body["signed"])
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Refused("backup-damaged", source / MANIFEST, "it cannot be read: take another backup") from None
    if (manifest.format, manifest.store) != (FORMAT, "sqlite"):
        raise Refused("backup-newer", source, f"format {manifest.format} of {manifest.store}: restore by its own hub")
    if manifest.schema > migrate.HEAD:
        raise Refused("backup-newer", source, f"its store has version {manifest.schema}: restore it by the newer hub")
    return manifest, body


@contextlib.contextmanager
def _empty(data: Path) -> Iterator[None]:
    """Holds a data folder in which there is nothing but perhaps a key. Raises Refused, StoreInUse."""
    make_folder(data)
    with only_one(data / DATABASE):
        there = {path.name for path in data.iterdir()} - {"keys", "hub.lock", ".restoring"}
        if there:
            shown = ", ".join(sorted(there)[:3])
            raise Refused("restore-occupied", data, f"it is not empty ({shown}): restore into a new folder with --data")
        yield


def _compare(database: Path, manifest: Manifest) -> None:
    if _file(database) != manifest.files.get(DATABASE):
        raise Refused("backup-damaged", database.name, "it is not the file that was backed up: take another backup")


def _same_ledger(database: Path, manifest: Manifest, keys: Keyring, head: bytes | None) -> None:
    position, chain = _verified(database, keys.public_key(), head)
    if (position, chain.hex()) != (manifest.position, manifest.head):
        raise Refused("backup-damaged", database.name, "its ledger ends elsewhere than the manifest says")


def _mark(database: Path, manifest: Manifest, now: datetime) -> None:
    """Notes the restore, and leaves out the numbers of deliveries that may have been given out after the backup."""
    with contextlib.closing(sqlite3.connect(database)) as raw, raw:
        last = raw.execute("SELECT coalesce(max(id), 0) FROM delivery").fetchone()[0]
        raw.execute(
            "INSERT INTO delivery (id, partner, journey, position, message, state, due, note)"
            " VALUES (?, 'hub', '', ?, 'restore', 'withheld', ?, ?)",
            (last + GAP, last, instant_text(now), f"restored: numbers {last + 1} to {last + GAP} may be out already"),
        )
        detail = orjson.dumps({"made": manifest.made, "position": manifest.position, "head": manifest.head}).decode()
        values = (instant_text(now), "hub", "store.restore", manifest.head, detail)
        raw.execute("INSERT INTO audit (at, actor, act, about, detail) VALUES (?, ?, ?, ?, ?)", values)
    _sync(database)


def _keep_key(path: Path, master: bytes) -> None:
    if path.exists() and path.read_bytes() == master:
        return
    if path.exists():
        raise Refused("restore-occupied", path, "another key stands there: restore into a new folder with --data")
    make_folder(path.parent)
    _write(path, master)
    sync_folder(path.parent)


# ---- before an upgrade ------------------------------------------------------------------------------------------


def before_upgrade(data: Path, now: datetime) -> Path | None:
    """Backs up a store of an older version before it is upgraded, beside it; where, or None where nothing is to do.

    Raises Refused where there is no room: there is no way down but this copy.
    """
    database = data / DATABASE
    if not database.exists():
        return None
    with contextlib.closing(recovered(database)) as store:
        found = migrate.refuse_newer(store.raw)
    if found in {"", migrate.HEAD}:
        return None
    size, free = database.stat().st_size, shutil.disk_usage(data).free
    if free < size * 2:
        remedy = f"the upgrade first makes a copy of {size >> 20} MB, which leaves too little of {free >> 20} MB: free "
        remedy += "the disk, or back up elsewhere and run `cgt-hub upgrade --without-copy`"
        raise Refused("backup-room", data, remedy)
    place, _ = make(data, data / f"before-{migrate.HEAD}-{now:%Y%m%dT%H%M%SZ}", now)
    return place


# ---- files ------------------------------------------------------------------------------------------------------


def _write(path: Path, body: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())


def _copy(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copyfile(source, target)
    _sync(target)


def _sync(path: Path) -> None:
    """What a file holds is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
