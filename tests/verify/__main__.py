"""All harnesses one after another: `python -m tests.verify [--full] [--store sqlite] [--only kill,power] [--write]`.

Each is a program of its own that prints figures and ends with 1 when a promise does not hold; each is run on hubs with
planted faults too, where it must end with 1. One table tells what was tried; `--write` puts it into the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.verify.stage import ROOT

PAGE = ROOT / "docs" / "verification.md"
BEGIN, END = "<!-- figures: begin, written by `python -m tests.verify --full --write` -->", "<!-- figures: end -->"
PROCESSES = str(os.cpu_count() or 1)
SAID = "said"
"""The last line of a harness that prints its figures as a table."""
RED, SKIPPED, FELL_OVER = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: what is run, at what size, and which faults it must catch."""

    name: str
    module: str
    full: Sequence[str]
    short: Sequence[str]
    counts: Sequence[str]
    """Figures that are shown, in this order."""
    stores: Sequence[str] = ("sqlite",)
    """Stores that it can be run on; without any it is told none."""
    planted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Faults, each with what more is said to the harness so that it can be caught soon."""
    tests: str = ""
    """Tests that plant faults by themselves."""
    on: str = "sqlite"
    """The store of a harness that is told none."""


BOTH = ("sqlite", "postgres")
LAWS = (
    (
        "arrival in any order",
        "order",
        ("histories", "stories", "messages", "facts", "answers"),
        "tests/verify/test_plants.py",
    ),
    (
        "losses, delays, skewed clocks",
        "loss",
        ("histories", "worlds", "messages", "questions", "denied", "stricter"),
        "tests/verify/test_losses.py -k catch",
    ),
)
"""Of each law of histories: its row, its name, the figures that are shown, and the tests that plant faults."""
SIZES = ((("memory",), "100000", "3000", True), (BOTH, "2000", "100", False))
"""Stores, how many histories in all and in the short version, and whether faults are planted."""
FEW = ("--kills", "12", "--of-one-run", "12", "--journeys", "4")
ROWS = (
    *(
        Row(
            name,
            "histories",
            ("--law", law, "--count", full, "--processes", PROCESSES),
            ("--law", law, "--count", short, "--processes", PROCESSES),
            counts,
            stores,
            tests=tests if plants else "",
        )
        for name, law, counts, tests in LAWS
        for stores, full, short, plants in SIZES
    ),
    Row(
        "kill -9 under load",
        "kill",
        ("--kills", "500", "--journeys", "8", "--processes", PROCESSES),
        ("--kills", "24", "--of-one-run", "12", "--journeys", "6", "--processes", PROCESSES),
        ("kills", "acknowledged", "acknowledgements_between_kills", "recognised_as_repeated", "deliveries"),
        BOTH,
        {
            "acknowledged-before-commit": FEW,
            "duplicate-applied": FEW,
            "no-unique-key": FEW,
            "retry-without-id": FEW,
            "link-lost": FEW,
        },
    ),
    Row(
        "acknowledged after the sync",
        "syscalls",
        ("--journeys", "40"),
        ("--journeys", "8"),
        ("acknowledgements", "commits", "syncs"),
        (),
        {"synchronous-off": ("--journeys", "2"), "acknowledged-before-commit": ("--journeys", "2")},
    ),
    Row(
        "kill at every step of a drop folder",
        "drops",
        (),
        ("--every", "9"),
        ("kills", "files"),
        (),
        {
            fault: ("--modes", "settled", "--every", every)
            for fault, every in (
                ("unlinked-before-told", "6"),
                ("told-before-recorded", "13"),
                ("half-written", "3"),
                ("work-forgotten", "24"),
            )
        },
    ),
    Row(
        "custody, gaps and excursions of shipments",
        "custody",
        ("--shipments", "10000", "--processes", PROCESSES),
        ("--shipments", "1000", "--processes", PROCESSES),
        ("shipments", "messages", "facts", "gaps", "excursions"),
        (),
        tests="tests/verify/test_custody.py -k caught",
    ),
    Row(
        "power cuts",
        "power",
        ("--journeys", "20", "--cuts", "600"),
        ("--journeys", "6", "--cuts", "120"),
        ("cuts", "acknowledged", "files", "names_waiting"),
        (),
        dict.fromkeys(
            ("synchronous-off", "acknowledged-before-commit", "file-not-synced", "folder-not-synced"),
            ("--journeys", "2", "--cuts", "60"),
        ),
    ),
    Row(
        "power cuts after failed syncs",
        "power",
        ("--failing-syncs", "--journeys", "14", "--cuts", "400"),
        ("--failing-syncs", "--journeys", "4", "--cuts", "60"),
        ("cuts", "failed_syncs", "acknowledged", "files"),
        (),
        {"failed-commit-ignored": ("--failing-syncs", "--journeys", "5", "--cuts", "60")},
    ),
    Row(
        "kill at every write, sync, rename",
        "points",
        ("--journeys", "2", "--kills", "30", "--processes", PROCESSES),
        ("--every", "16", "--kills", "2", "--processes", PROCESSES),
        ("points", "images", "acknowledged", "killed_in_earnest"),
        (),
        {
            "commit-split-in-two": ("--every", "4", "--kills", "0"),
            "acknowledged-before-commit": ("--every", "4", "--kills", "0"),
        },
    ),
    Row(
        "full disk, failing disk, cut database",
        "faults",
        ("--points", "200"),
        ("--points", "20"),
        ("points_space", "points_write", "points_sync", "points_full", "points_cut", "acknowledged"),
        BOTH,
        {"failed-commit-ignored": ("--points", "10")},
    ),
    Row(
        "several writers on one store",
        "writers",
        ("--count", "1000"),
        ("--count", "60"),
        ("stories", "messages", "again"),
        (),
        tests="tests/verify/test_writers.py -k caught",
        on="postgres",
    ),
    Row(
        "one of two hubs killed under load",
        "two_hubs",
        ("--kills", "20"),
        ("--kills", "2", "--orders", "20"),
        ("kills", "messages", "resent", "deliveries", "taken_over"),
        (),
        dict.fromkeys(
            ("acknowledged-before-commit", "no-unique-key", "order-not-kept"), ("--kills", "5", "--orders", "20")
        ),
        on="postgres",
    ),
    Row(
        "poison, 1 in 100",
        "poison",
        ("--seconds", "120"),
        ("--seconds", "10", "--one-in", "20"),
        ("messages", "poison_sent", "poison_kept", "sent_at", "delay_p50_ms", "delay_p99_ms"),
        BOTH,
        {
            "poison-takes-its-group": ("--seconds", "10", "--one-in", "8", "--load", "2"),
            "poison-takes-long": ("--seconds", "10", "--one-in", "20"),
        },
    ),
    Row(
        "mended and replayed",
        "rereading",
        ("--stories", "1000"),
        ("--stories", "30"),
        ("stories", "messages", "facts"),
        (),
        tests="tests/verify/test_rereading.py -k laws_catch",
    ),
    Row(
        "kill -9 in a replay",
        "killed_replay",
        ("--messages", "4000", "--kills", "40"),
        ("--messages", "400", "--kills", "4"),
        ("kills", "in_the_middle", "messages", "facts"),
        (),
        tests="tests/verify/test_rereading.py -k caught",
    ),
    Row(
        "backups and upgrades",
        "restoring",
        ("--count", "60"),
        ("--count", "6"),
        ("backups", "acknowledged", "kills", "damages", "cuts"),
        (),
        tests="tests/verify/test_restoring.py -k planted",
    ),
    Row(
        "a day's backlog",
        "backlog",
        ("--deliveries", "100000"),
        ("--deliveries", "2000"),
        ("deliveries", "delivered", "out_of_order", "sent_again", "memory_growth_mb"),
        (),
        tests="tests/verify/test_backlog.py -k catches",
    ),
    Row(
        "a tampered ledger",
        "tampering",
        ("--count", "10000"),
        ("--count", "1000"),
        (SAID,),
        (),
        tests="tests/verify/test_tampering.py -k caught",
    ),
)


# ---- running ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ran:
    """What a harness said: its figures, whether it was red, and how many of the planted faults it caught."""

    row: Row
    store: str
    code: int
    figures: dict[str, Any]
    seconds: float
    caught: int = 0
    planted: int = 0
    missed: list[str] = field(default_factory=list)
    said: str = ""

    @property
    def is_red(self) -> bool:
        return self.code not in {0, SKIPPED} or bool(self.missed)


def run(row: Row, store: str, full: bool) -> Ran:
    """Runs a harness on a whole hub, then on hubs with planted faults."""
    begun = time.monotonic()
    named = ("--store", store) if row.stores else ()
    code, figures, said = _asked(row.module, *(row.full if full else row.short), *named)
    ran = Ran(row, store if row.stores else row.on, code, figures, 0.0, said=said)
    if code != SKIPPED:
        for fault, more in row.planted.items():
            found, _, said = _asked(row.module, *more, *named, "--plant", fault)
            _count(ran, fault, found == RED, said)
        if row.tests and store == (row.stores or ("",))[0]:
            _tested(ran)
    ran.seconds = time.monotonic() - begun
    return ran


def _count(ran: Ran, fault: str, is_caught: bool, said: str) -> None:
    ran.planted += 1
    ran.caught += is_caught
    if not is_caught:
        ran.missed.append(fault)
        ran.said += f"\n{fault}: {said}"


def _asked(module: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code and figures of a harness, and what it said beside them."""
    _tell(f"{module} {' '.join(arguments)}")
    command = [sys.executable, "-m", f"tests.verify.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        figures = json.loads(done.stdout)
    except ValueError:
        figures = {SAID: done.stdout.strip().splitlines()[-1]} if done.stdout.strip() else {}
    is_known = bool(figures) or done.returncode == 0 or "skipped" in done.stderr
    code = done.returncode if is_known else FELL_OVER
    return code, figures, (done.stdout if code else "")[-3000:] + done.stderr[-1500:]


def _tested(ran: Ran) -> None:
    """Planted faults that tests of their own plant: each test is one."""
    _tell(f"pytest {ran.row.tests}")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-rA", "--no-header", *ran.row.tests.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        verdict, _, name = line.partition(" ")
        if verdict in {"PASSED", "FAILED", "ERROR"}:
            _count(ran, name, verdict == "PASSED", "")
    if done.returncode:
        ran.missed.append(f"pytest ended with {done.returncode}")


def _tell(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")
    sys.stderr.flush()


# ---- telling ------------------------------------------------------------------------------------------------------


def wrong_of(figures: Mapping[str, Any]) -> int:
    """How much a harness found wrong, under the name that it has for it."""
    for name in ("wrong", "lost", "missed", "too_early", "counterexamples", "found"):
        if name in figures:
            return len(figures[name]) if isinstance(figures[name], list) else int(figures[name])
    return 0


def table(all_ran: Sequence[Ran], full: bool, before: str = "") -> str:
    """The table, as Markdown: what was run now, and the rows of an earlier table that were not."""
    order = [(row.name, store) for row in ROWS for store in row.stores or (row.on,)]
    told = {key: line for key, line in _rows(before).items() if key in order}
    told |= {(ran.row.name, ran.store): _line(ran, full) for ran in all_ran}
    places = {key: place for place, key in enumerate(order)}
    head = ["| row | store | tried | wrong | planted faults caught | seconds | when |", "|---|---|---|---|---|---|---|"]
    lines = sorted(told.items(), key=lambda one: places.get(one[0], len(places)))
    return "\n".join([f"On {machine()}.", "", *head, *(line for _, line in lines)])


def _rows(made: str) -> dict[tuple[str, str], str]:
    """The lines of a table by row and store."""
    lines = [line for line in made.splitlines() if line.startswith("| ")][1:]
    cells = ([cell.strip() for cell in line.strip("| ").split("|")] for line in lines)
    return {(cell[0], cell[1]): line for cell, line in zip(cells, lines, strict=True) if len(cell) > 1}


def _line(ran: Ran, full: bool) -> str:
    when = f"{datetime.now(UTC):%Y-%m-%d}, {'full' if full else 'short'}"
    if ran.code == SKIPPED:
        return f"| {ran.row.name} | {ran.store} | skipped: {ran.said.strip()[-120:]} | | | | {when} |"
    counts = ", ".join(_shown(name, ran.figures[name]) for name in ran.row.counts if name in ran.figures)
    caught = f"{ran.caught} of {ran.planted}" if ran.planted else "with the first store"
    wrong = str(wrong_of(ran.figures)) if ran.code in {0, RED} else "it fell over"
    wrong += ", and late" if ran.figures.get("late") else ""
    return f"| {ran.row.name} | {ran.store} | {counts} | {wrong} | {caught} | {ran.seconds:.0f} | {when} |"


def _shown(name: str, value: Any) -> str:
    number = f"{value:,}" if isinstance(value, int | float) else str(value)
    return number if name == SAID else f"{number} {name.replace('_', ' ')}"


def machine() -> str:
    """What the figures were made on."""
    model = next((line for line in _cpu() if line.startswith("model name")), "").partition(": ")[2]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**30
    python = platform.python_version()
    return f"{os.cpu_count()} cores ({model or platform.machine()}), {memory} GiB, Linux, Python {python}"


def _cpu() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text().splitlines() if info.exists() else []


def write(page: Path, all_ran: Sequence[Ran], full: bool) -> None:
    """Puts the rows between the marks of a page, among those that stand there."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    known, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{table(all_ran, full, known)}\n\n{END}{after}", encoding="utf-8")


def chosen(only: str, store: str) -> Iterator[tuple[Row, str]]:
    """Rows with the stores that they are to be run on; a row that knows no stores is run with SQLite."""
    names = set(only.split(",")) if only else {row.module for row in ROWS}
    for row in ROWS:
        stores = [one for one in row.stores if store in {"all", one}] or ([""] if not row.stores else [])
        if row.module in names and (row.stores or store in {"all", row.on}):
            yield from ((row, one) for one in stores)


def main() -> int:
    """Prints the table; 1 where a row is red."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="hours; without it a tenth and less")
    parser.add_argument("--store", default="all", choices=("all", "memory", "sqlite", "postgres"))
    parser.add_argument("--only", default="", help="harnesses by the names of their modules, commas between")
    parser.add_argument("--write", action="store_true", help="puts the rows into docs/verification.md")
    given = parser.parse_args()
    all_ran = []
    for row, store in chosen(given.only, given.store):
        all_ran.append(run(row, store, given.full))
        _tell(_line(all_ran[-1], given.full))
        if given.write:  # one by one: a run of hours may be cut short
            write(PAGE, all_ran[-1:], given.full)
        if all_ran[-1].is_red:
            _tell(f"RED: {all_ran[-1].missed} {all_ran[-1].said}")
    sys.stdout.write(table(all_ran, given.full) + "\n")
    return int(any(ran.is_red for ran in all_ran))


if __name__ == "__main__":
    sys.exit(main())
