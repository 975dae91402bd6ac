"""The doctor: is this installation sound? Looks, tells, changes nothing."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hub import ledger, profiles, protocols
from hub.crypto import KeyLost, load_keyring
from hub.formats import Adapters
from hub.settings import Settings
from hub.store import Connection, migrate, read_only
from mappings.faults import TableError

PACKAGES = ("canonical_model", "mappings", "adapters", "hub", "conformance_tests")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: ok, warn or bad."""

    what: str
    state: str
    text: str

    def plain(self) -> dict[str, str]:
        return {"what": self.what, "state": self.state, "text": self.text}


def examine(settings: Settings) -> list[Finding]:
    """All findings; the names `hub` and `adapters` exist on PyPI too, so the packages are looked at first."""
    return [*_packages(), *_partners(settings), *_keys(settings), *_store(settings)]


def _packages() -> Iterator[Finding]:
    home = Path(__file__).parent.parent
    for name in PACKAGES:
        module = importlib.import_module(name)
        place = Path(module.__file__ or "").parent.parent
        ours = place == home
        text = "ours" if ours else f"another package of this name is in the way: {place}"
        yield Finding(f"package {name}", "ok" if ours else "bad", text)


def _partners(settings: Settings) -> Iterator[Finding]:
    try:
        protocols.load(settings.protocols)
        known = profiles.load(settings.partners)
        faults = [*profiles.open_doors(known, settings), *Adapters(known).faults(known)]
        if faults:
            raise profiles.ProfileError(faults)
    except profiles.ProfileError as wrong:
        yield Finding("partners", "bad", str(wrong))
        return
    except TableError as wrong:
        yield Finding("tables", "bad", str(wrong))
        return
    state = "ok" if known else "warn"
    yield Finding("partners", state, f"{len(known)} profiles in {settings.partners}, their tables compile")


def _keys(settings: Settings) -> Iterator[Finding]:
    file = settings.data / "keys" / "master.key"
    if not file.exists() and (settings.data / "hub.db").exists():
        yield Finding("master key", "bad", f"{file} is missing: restore it from its backup, a new one opens nothing")
    elif not file.exists():
        yield Finding("master key", "warn", "not made yet; the first start makes it")
    elif file.stat().st_mode & 0o077:
        yield Finding("master key", "bad", f"others can read {file}: chmod 600")
    else:
        yield Finding("master key", "ok", "readable by its owner only; keep a copy elsewhere")


def _store(settings: Settings) -> Iterator[Finding]:
    path = settings.data / "hub.db"
    if not path.exists():
        yield Finding("store", "warn", f"nothing in {settings.data} yet")
        return
    with contextlib.closing(read_only(path)) as store:
        version = migrate.version_of(store.raw)
        if version != migrate.HEAD:
            newer = version > migrate.HEAD
            text = "run the newer hub" if newer else "the next start upgrades it: back it up before"
            yield Finding(
                "store", "bad" if newer else "warn", f"version {version}, this hub has {migrate.HEAD}: {text}"
            )
            return
        yield from _inside(settings, store)


def _inside(settings: Settings, db: Connection) -> Iterator[Finding]:
    try:
        keys = load_keyring(settings.data / "keys" / "master.key")
    except KeyLost:
        yield Finding("ledger", "warn", "not looked at without the key")
    else:
        faults, position, _ = ledger.check(db, keys.public_key())
        yield Finding("ledger", "bad" if faults else "ok", f"{position} events, {len(faults)} faults")
    held = sum(row[2] for row in db.all("inbox_counts") if row[1] in {"held", "rejected"})
    yield Finding("messages", "warn" if held else "ok", f"{held} held or rejected")
    counts = dict.fromkeys(("waiting", "refused", "broken"), 0)
    for _, state, count in db.all("delivery_counts"):
        counts[state] = counts.get(state, 0) + count
    trouble = counts["refused"] + counts["broken"]
    text = f"{counts['waiting']} wait, {counts['refused']} refused, {counts['broken']} not rendered"
    yield Finding("deliveries", "warn" if trouble else "ok", text)
