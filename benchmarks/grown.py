"""A store that has grown: search, an order's trail, and what one more message costs, at each size. See `million`."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

from benchmarks import million
from benchmarks.measure import Row, hl7, running, send
from benchmarks.messages import sscc
from hub.searching import Criteria, lists_of, search
from hub.store import Connection, read_only
from hub.trails import trail

SIZES = (10_000, 100_000)
ASKED = 100
"""Searches of each kind, each for another value."""
MORE = 1_000
"""Messages that are sent to a grown store."""
SENDERS = 8


def rows(store: Path | None = None, sizes: Sequence[int] = SIZES) -> Iterator[Row]:
    """Each size; `store` keeps a folder for each, to be used again."""
    first: float | None = None
    for size in sizes:
        folder = (store or Path(tempfile.mkdtemp(prefix="cgt-bench-"))) / str(size)
        begun = time.perf_counter()
        try:
            home = million.grown(folder, size)
        except million.NoRoom as wrong:
            yield f"{size:,} messages", f"not measured: {wrong}", ""
            continue
        gigabytes = (home / "hub" / "hub.db").stat().st_size / 2**30
        yield f"{size:,} messages, copies of {million.PATIENTS * million.EACH}", _made(begun, gigabytes), ""
        yield from _searched(home, size)
        cost, row = _cost(home, size, first)
        first = first or cost
        yield row
        if store is None:
            shutil.rmtree(folder.parent)


def _made(begun: float, gigabytes: float) -> str:
    return f"{gigabytes:.1f} GiB, ready after {time.perf_counter() - begun:.0f} s"


# ---- search -------------------------------------------------------------------------------------------------------


def _searched(home: Path, size: int) -> Iterator[Row]:
    numbers = _numbers(size)
    with closing(read_only(home / "hub" / "hub.db")) as db:
        for name, criteria in _kinds(numbers).items():
            yield f"search by {name}", _waits([lambda c=c: _lists(db, c) for c in criteria]), ""  # type: ignore[misc]
        found = [search(db, Criteria(order=f"ORD-{number:08}"), "journeys").items for number in numbers]
        journeys = [items[0]["journey"] for items in found]
        told = [len(page.items) for journey in journeys[:1] if (page := trail(db, journey)) is not None]
        waits = _waits([lambda j=j: trail(db, j) for j in journeys])  # type: ignore[misc]
        yield f"whole trail of an order, {told[0]} entries", waits, ""


def _numbers(size: int) -> list[int]:
    """Numbers of patients, from everywhere in the store."""
    random, copies = Random(size), size // (million.PATIENTS * million.EACH)
    return [
        random.randrange(copies) * 10_000 + million.SEED % 10_000 + random.randrange(million.PATIENTS)
        for _ in range(ASKED)
    ]


def _kinds(numbers: Sequence[int]) -> dict[str, list[Criteria]]:
    def each(criteria: Callable[[str], Criteria]) -> list[Criteria]:
        return [criteria(f"{number:08}") for number in numbers]

    return {
        "container": each(lambda n: Criteria(identifiers=(f"BAG-{n}",))),
        "chain of identity": each(lambda n: Criteria(identifiers=(f"CHABC12{n}",))),
        "shipper": [Criteria(identifiers=(sscc(number),)) for number in numbers],
        "batch": each(lambda n: Criteria(identifiers=(f"B-{n}",))),
        "order": each(lambda n: Criteria(order=f"ORD-{n}")),
        "control id": each(lambda n: Criteria(source_id=f"O{n}")),
        "container and partner": each(lambda n: Criteria(identifiers=(f"BAG-{n}",), partner="celltech")),
        "partner and type": [Criteria(partner="mercy", type="ORU^R01")] * ASKED,
        "partner": [Criteria(partner=partner) for partner in ("mercy", "swift", "celltech") * (ASKED // 3)],
        "a day": [_day(number) for number in numbers],
        "outcome": [Criteria(outcome=outcome) for outcome in ("held", "recorded", "open", "done") * (ASKED // 4)],
    }


def _day(number: int) -> Criteria:
    """A day of a copy."""
    day = f"2026-0{1 + number % 2}-{1 + number % 27:02}"
    return Criteria(since=f"{day}T00:00:00Z", until=f"{day}T23:59:59Z")


def _lists(db: Connection, criteria: Criteria) -> None:
    """What one search answers: the first page of every list."""
    for name in lists_of(criteria):
        search(db, criteria, name, "", 20)


def _waits(works: Sequence[Callable[[], object]]) -> str:
    """What some searches took, and what they computed: the rest is the disk, and whoever else is at the machine."""
    waits, spent = [], []
    for work in works:
        begun, cpu = time.perf_counter(), time.process_time()
        work()
        waits.append((time.perf_counter() - begun) * 1e3)
        spent.append((time.process_time() - cpu) * 1e3)
    (p50, p95), (_, computed) = _quantiles(waits), _quantiles(spent)
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {max(waits):.1f} ms, p95 of CPU {computed:.1f} ms"


def _quantiles(values: Sequence[float]) -> tuple[float, float]:
    """The middle, and that below which 95 of 100 are."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]


# ---- one more message -----------------------------------------------------------------------------------------------


def _cost(home: Path, size: int, first: float | None) -> tuple[float, Row]:
    """CPU of the hub for one more message; the ratio to that of the first size."""
    for other in ("swift", "celltech"):
        (home / "partners" / f"{other}.yaml").unlink(missing_ok=True)
    begin = _unused(home)
    with running(home) as hub:
        send(hl7, hub.mllp, SENDERS, begin, 200, b"AA", 600.0)
        before = hub.cpu()
        sent = send(hl7, hub.mllp, SENDERS, begin + 1_000, MORE, b"AA", 600.0)
        cost = (hub.cpu() - before) / MORE * 1e3
        figures = f"{sent.figures(hub.cpu() - before)}; {hub.memory()}"
    ratio = f"{cost / first:.2f} × CPU at the first size" if first else ""
    return cost, (f"one more message at {size:,}, recorded, {SENDERS} senders", figures, ratio)


def _unused(home: Path) -> int:
    """A number from which on no message was sent: a store that is used again has those of earlier runs."""
    with closing(sqlite3.connect(home / "hub" / "hub.db")) as db:
        (count,) = db.execute("SELECT count(*) FROM inbox WHERE source_id >= 'O5'  AND source_id < 'P'").fetchone()
    return 50_000_000 + int(count) * 4
