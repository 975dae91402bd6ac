"""The doctor: is this installation sound? Looks, tells, changes nothing."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub import ledger, profiles, protocols
from hub.crypto import KeyLost, load_keyring
from hub.formats import Adapters
from hub.settings import Settings
from hub.store import Connection, migrate, opening
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
    return [*_packages(), *_partners(settings), *_protocols(settings), *_keys(settings), *_store(settings)]


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


def _protocols(settings: Settings) -> Iterator[Finding]:
    try:
        known = protocols.load(settings.protocols)
    except profiles.ProfileError as wrong:
        yield Finding("protocols", "bad", str(wrong))
    else:
        yield Finding("protocols", "ok", ", ".join(sorted(known)))


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
    if opening.is_new(settings.store, path):
        yield Finding("store", "warn", f"nothing in {'the database' if settings.store else settings.data} yet")
        return
    with contextlib.closing(opening.look(settings.store, path)) as store:
        raw: Any = store.raw
        version = migrate.version_in(raw) if settings.store else migrate.version_of(raw)
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
    yield from _deliveries(db)


def _deliveries(db: Connection) -> Iterator[Finding]:
    """What waits, what needs a person, and the Issues of lines that are open."""
    counts = dict.fromkeys(("waiting", "refused", "broken", "astray"), 0)
    for _, state, count in db.all("delivery_counts"):
        counts[state] = counts.get(state, 0) + count
    trouble = counts["refused"] + counts["broken"] + counts["astray"]
    text = f"{counts['waiting']} wait, {counts['refused']} refused, {counts['broken']} not rendered"
    text += f", {counts['astray']} told to the wrong partner" if counts["astray"] else ""
    yield Finding("deliveries", "warn" if trouble else "ok", text)
    for severity, what, times, opened in db.all("delivery_issues_open", 20):
        yield Finding("delivery", "warn", f"{severity}: {what} ({times} times; since {opened})")
