"""Retention: until when bodies, texts, audit and receipts are kept, and what goes after that. Never touches the log.

Whole months go, some rows at a time, so that no message waits for it. What is still needed stays whatever its age: the
body of a message that is received or held, and of a delivery that waits or that a person has to settle.
"""

from __future__ import annotations

import asyncio
import calendar
import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import orjson
import structlog

from canonical_model.values import instant_text
from hub import profiles as profile_files
from hub.committer import Committer
from hub.mendable import Mendable
from hub.pipeline import Overloaded, Pipeline
from hub.profiles import Profile
from hub.settings import Settings
from hub.store import Connection, SqliteStore, opening

log = structlog.get_logger("hub.keeping")

BODIES: Mapping[str, tuple[str, ...]] = {
    "message": ("message",),
    "residual": ("residual", "shown"),
    "delivery": ("delivery",),
}
"""Kind of retention -> the kinds of rows in the body store that it counts for."""
TEXT, AUDIT, RECEIPT = "text", "audit", "receipt"
KINDS = (*BODIES, TEXT, AUDIT, RECEIPT)
OF_PARTNERS = (*BODIES, TEXT)
"""Kinds whose rows belong to a partner each."""
FOR_EVER = frozenset({"person.forget", "retention.drop", "ledger.erase", "store.restore"})
"""Acts that the audit keeps whatever its retention: they are the only trace of what is gone."""
MOST_ROWS, MOST_BYTES = 200, 4 * 1024 * 1024
"""Of one transaction."""
FIRST_LOOK, NEXT_LOOK, PAUSE = 60.0, 86_400.0, 0.05
"""Seconds after the start, between looks, and between two transactions of one look."""
DONE_AUDIT = "retention.audit"
"""Setting: the last row of the audit that was looked at."""

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


class NoRoom(Mendable):
    """The disk has no room to write the store anew."""


class Elsewhere(Mendable):
    """The store is a database server's, which has means of its own for this."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What goes: rows of a kind, of months before this one (`2026-03`), of one partner or of all (an empty text)."""

    kind: str
    before: str
    partner: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """Rows past their retention: of a kind, a partner and a month, how many, and their bytes."""

    kind: str
    partner: str
    month: str
    count: int
    size: int

    def plain(self) -> dict[str, str | int]:
        names = ("kind", "partner", "month", "count", "size")
        return {name: getattr(self, name) for name in names}


def months_of(settings: Settings) -> dict[str, int]:
    """Months that each kind is kept after the month in which it came; a kind that is not named is kept for ever."""
    found = {kind: getattr(settings, f"retention_{kind}") for kind in KINDS}
    return {kind: months for kind, months in found.items() if months is not None}


def kept_until(settings: Settings, kind: str, received: str) -> date | None:
    """The last day on which something of a kind (`message`) that came then (`2026-03…`) is kept; None: for ever."""
    months = months_of(settings).get(kind)
    if months is None:
        return None
    year, month = _later(received[:7], months)
    return date(year, month, calendar.monthrange(year, month)[1])


def cuts(settings: Settings, now: datetime, partner: str = "", before: str = "") -> list[Cut]:
    """What the settings let go today; with `before` instead all that partners have sent or got before that month."""
    today = now.astimezone(UTC).strftime("%Y-%m")
    if before:
        return [Cut(kind, min(before, today), partner) for kind in OF_PARTNERS]
    kept = months_of(settings)
    chosen = OF_PARTNERS if partner else KINDS
    return [Cut(kind, _text(*_later(today, -kept[kind])), partner) for kind in chosen if kind in kept]


def _later(month: str, by: int) -> tuple[int, int]:
    count = int(month[:4]) * 12 + int(month[5:7]) - 1 + by
    return max(count, 12) // 12, count % 12 + 1


def _text(year: int, month: int) -> str:
    return f"{year:04}-{month:02}"


# ---- looking ----------------------------------------------------------------------------------------------------


def past(db: Connection, cut: Cut) -> Iterator[Past]:
    """What a cut would take, by partner and month; receipts stand in the drop folders and are not told here."""
    if cut.kind == TEXT:
        for partner, month, count, size in db.all("sealed_past_counts", cut.before, cut.partner):
            yield Past(TEXT, partner, month, int(count), int(size))
    elif cut.kind == AUDIT:
        for month, count in db.all("audit_past_counts", f"{cut.before}-01", orjson.dumps(sorted(FOR_EVER)).decode()):
            yield Past(AUDIT, "", month, int(count), 0)
    for rows in BODIES.get(cut.kind, ()):
        for partner, month, count, size in db.all("bodies_past_counts", rows, cut.before, cut.partner):
            yield Past(cut.kind, partner, month, int(count), int(size))


def needed(db: Connection, cut: Cut) -> int:
    """How many bodies are as old and stay: of messages received or held, of deliveries that are not settled."""
    counts = (db.one("bodies_needed", rows, cut.before, cut.partner) for rows in BODIES.get(cut.kind, ()))
    return sum(int(row[0]) for row in counts if row)


def past_receipts(drop: Path, before: str) -> list[Path]:
    """Receipts of a drop folder that were written before a month."""
    first = datetime(int(before[:4]), int(before[5:7]), 1, tzinfo=UTC).timestamp()
    found = (drop / "archive").glob("*.receipt.json")
    return sorted(path for path in found if path.lstat().st_mtime < first)


# ---- dropping ---------------------------------------------------------------------------------------------------


def drop(db: Connection, cut: Cut) -> int:
    """Drops some rows of a cut in a transaction of its own; how many. None left: 0."""
    with db.transaction():
        if cut.kind == TEXT:
            tokens = [row[0] for row in db.all("sealed_past", cut.before, cut.partner, MOST_ROWS)]
            return db.run("drop_sealed", _listed(tokens)) if tokens else 0
        if cut.kind == AUDIT:
            return _drop_audit(db, f"{cut.before}-01")
        return next(filter(None, (_drop_bodies(db, rows, cut) for rows in BODIES.get(cut.kind, ()))), 0)


def _drop_bodies(db: Connection, rows: str, cut: Cut) -> int:
    size, ids = 0, []
    for body, length in db.all("bodies_past", rows, cut.before, cut.partner, MOST_ROWS):
        size += length
        ids.append(body)
        if size >= MOST_BYTES:
            break
    if not ids:
        return 0
    if rows == "shown":  # a partner that reads the record again is shown it anew, and may change it then
        db.run("forget_shown", _listed(ids))
    return db.run("drop_bodies", _listed(ids))


def _drop_audit(db: Connection, before: str) -> int:
    """Rows are looked at once, in the order in which they were written; those that stay for ever are passed by."""
    row = db.one("get_setting", DONE_AUDIT)
    done = int(row[0]) if row else 0
    old: list[int] = []
    for number, at, act in db.all("audits_after", done, MOST_ROWS):
        if at >= before:
            break
        done = number
        if act not in FOR_EVER:
            old.append(number)
    if not old and (row is None or done == int(row[0])):
        return 0
    db.run("put_setting", DONE_AUDIT, str(done))
    return (db.run("drop_audits", _listed(old)) if old else 0) or 1


def note(db: Connection, dropped: Mapping[str, int], actor: str, at: str, partner: str = "", before: str = "") -> None:
    """Tells the audit what went."""
    if any(dropped.values()):
        detail = {"dropped": {kind: count for kind, count in dropped.items() if count}, "before": before}
        with db.transaction():
            db.run("add_audit", at, actor, "retention.drop", partner, orjson.dumps(detail).decode())


def _listed(values: list[int] | list[str]) -> str:
    return orjson.dumps(values).decode()


# ---- in a running hub -------------------------------------------------------------------------------------------


class Keeper:
    """Drops, once a day, what is past its retention: between the groups of the committer, a little at a time."""

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Settings,
        profiles: Mapping[str, Profile],
        clock: Callable[[], datetime],
        pause: float = PAUSE,
    ) -> None:
        self._pipeline, self._settings, self._profiles, self._clock = pipeline, settings, profiles, clock
        self._pause = pause

    async def run(self) -> None:
        """Looks every day."""
        await asyncio.sleep(FIRST_LOOK)
        while True:
            try:
                await self.once()
            except Overloaded:
                log.info("retention.later")
            except Exception as wrong:  # noqa: BLE001 - what was not dropped is dropped by the next look
                log.error("retention.failed", error=type(wrong).__name__)
            await asyncio.sleep(NEXT_LOOK)

    async def once(self) -> dict[str, int]:
        """How many of each kind went."""
        dropped: dict[str, int] = {}
        for cut in cuts(self._settings, self._clock()):
            if cut.kind == RECEIPT:
                dropped[RECEIPT] = await asyncio.to_thread(drop_receipts, self._profiles, cut.before)
            while count := await self._pipeline.run(partial(_of_committer, cut)):
                dropped[cut.kind] = dropped.get(cut.kind, 0) + count
                await asyncio.sleep(self._pause)
        at = instant_text(self._clock())
        if any(dropped.values()):
            await self._pipeline.run(lambda committer: note(committer.connection, dropped, "hub", at))
        return dropped


def _of_committer(cut: Cut, committer: Committer) -> int:
    return drop(committer.connection, cut)


def drop_receipts(profiles: Mapping[str, Profile], before: str) -> int:
    """Removes the receipts of all drop folders that were written before a month; how many."""
    old = [path for p in profiles.values() if p.files is not None for path in past_receipts(p.files.drop, before)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


# ---- from a terminal --------------------------------------------------------------------------------------------


def look(settings: Settings, wanted: Sequence[Cut]) -> tuple[list[Past], int]:
    """What these cuts would take, and how many bodies as old are needed; beside a running hub too."""
    with contextlib.closing(opening.look(settings.store, _database(settings))) as db:
        rows = [row for cut in wanted for row in past(db, cut)]
        stay = sum(needed(db, cut) for cut in wanted)
    for cut in wanted:
        if cut.kind == RECEIPT:
            rows += _receipts(profile_files.load(settings.partners), cut.before)
    return rows, stay


def apply(settings: Settings, wanted: Sequence[Cut], actor: str, now: datetime) -> dict[str, int]:
    """Drops all of these cuts in the store of a stopped hub; how many of each kind.

    A store in PostgreSQL may be in use meanwhile. Raises StoreInUse.
    """
    dropped: dict[str, int] = {}
    opened = opening.open_store(settings.store, _database(settings), settings.synchronous)
    with contextlib.closing(opened) as store:
        for cut in wanted:
            if cut.kind == RECEIPT:
                dropped[RECEIPT] = drop_receipts(profile_files.load(settings.partners), cut.before)
            while count := drop(store.writer, cut):
                dropped[cut.kind] = dropped.get(cut.kind, 0) + count
        for partner, before in {(cut.partner, cut.before) for cut in wanted}:
            told = {
                cut.kind: dropped.get(cut.kind, 0) for cut in wanted if (cut.partner, cut.before) == (partner, before)
            }
            note(store.writer, told, actor, instant_text(now), partner, before)
    return dropped


def compact(settings: Settings) -> tuple[int, int]:
    """Writes the store of a stopped hub anew without what was dropped; its bytes before and after.

    Raises StoreInUse, NoRoom, Elsewhere.
    """
    if settings.store:
        raise Elsewhere("CGT_STORE names PostgreSQL, which uses room again by itself: VACUUM FULL gives it to the disk")
    path = _database(settings)
    before, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < before * 2:
        raise NoRoom(
            f"{path.parent}: {before >> 19} MB are needed for a while, {free >> 20} MB are free: free the disk"
        )
    with contextlib.closing(SqliteStore(path, settings.synchronous)) as store:
        store.compact()
    return before, path.stat().st_size


def _database(settings: Settings) -> Path:
    path = settings.data / "hub.db"
    if not settings.store and not path.exists():
        raise FileNotFoundError(f"no hub in {settings.data}")
    return path


def _receipts(profiles: Mapping[str, Profile], before: str) -> Iterator[Past]:
    for name, profile in profiles.items():
        old = past_receipts(profile.files.drop, before) if profile.files is not None else []
        if old:
            yield Past(RECEIPT, name, "", len(old), sum(path.lstat().st_size for path in old))
