"""`python -m benchmarks [part ...]`: its rows, or every row, printed as one table with machine and date."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import convert, fhir, grown, mllp, model, postgres, starting
from benchmarks.measure import Row

MILLION = 1_000_000


def _processor() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _parts(given: argparse.Namespace) -> dict[str, Callable[[], Iterator[Row]]]:
    sizes = (grown.SIZES[0], MILLION) if given.million else grown.SIZES
    return {
        "convert": convert.rows,
        "model": model.rows,
        "start": starting.rows,
        "mllp": lambda: mllp.rows(burst=given.burst),
        "fhir": fhir.rows,
        "postgres": postgres.rows,
        "grown": lambda: grown.rows(given.store, sizes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", help="convert, model, start, mllp, fhir, postgres, grown; none: all")
    parser.add_argument("--million", action="store_true", help="grown: at 1,000,000 messages; takes 15 GiB of disk")
    parser.add_argument("--store", type=Path, help="grown: keeps the stores in this folder, and uses them again")
    parser.add_argument("--burst", type=float, default=mllp.BURST, help="mllp: seconds of a burst under `stored`")
    given = parser.parse_args()
    parts = _parts(given)
    if unknown := set(given.part) - parts.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    console = Console(width=190)
    title = f"{day}, {os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}"
    table = Table("what", "measured", "ratio in this run", title=title)
    for name in given.part or parts:
        for row in parts[name]():
            table.add_row(*row)
            console.print(*row, sep="  ", highlight=False, markup=False, style="dim")
        table.add_section()
    console.print(table)


if __name__ == "__main__":
    main()
