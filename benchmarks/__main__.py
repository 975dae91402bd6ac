"""`python -m benchmarks [part ...]`: its rows, or every row, printed as one table with machine and date.

`--write` puts them into the documentation, in place of the rows that these parts have there.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import convert, fhir, grown, mllp, model, postgres, starting
from benchmarks.measure import Row

MILLION = 1_000_000
PAGE = Path(__file__).parents[1] / "docs" / "speed.md"
BEGIN, END = "<!-- {0}: begin, written by `python -m benchmarks {0} --write` -->", "<!-- {0}: end -->"


def _processor() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


PARTS: Mapping[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "convert": lambda _: convert.rows(),
    "model": lambda _: model.rows(),
    "start": lambda _: starting.rows(),
    "mllp": lambda given: mllp.rows(burst=given.burst),
    "fhir": lambda _: fhir.rows(),
    "postgres": lambda _: postgres.rows(),
    "grown": lambda given: grown.rows(given.store, (grown.SIZES[0], MILLION) if given.million else grown.SIZES),
}


def write(page: Path, part: str, title: str, rows: Sequence[Row]) -> None:
    """Puts the rows of a part between its marks on a page. Raises ValueError where the page has no such marks."""
    begin, end = BEGIN.format(part), END.format(part)
    text = page.read_text(encoding="utf-8")
    before, after = text[: text.index(begin)], text[text.index(end) :]
    lines = [f"{title}.", "", "| what | measured | ratio in this run |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    page.write_text("\n".join([f"{before}{begin}", "", *lines, "", after]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; none: all")
    parser.add_argument("--million", action="store_true", help="grown: at 1,000,000 messages; takes 15 GiB of disk")
    parser.add_argument("--store", type=Path, help="grown: keeps the stores in this folder, and uses them again")
    parser.add_argument("--burst", type=float, default=mllp.BURST, help="mllp: seconds of a burst under `stored`")
    parser.add_argument("--write", action="store_true", help="puts the rows into docs/speed.md")
    given = parser.parse_args()
    if unknown := set(given.part) - PARTS.keys():
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    console = Console(width=190)
    title = f"{day}, {os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}"
    table = Table("what", "measured", "ratio in this run", title=title)
    for name in given.part or PARTS:
        rows = []
        for row in PARTS[name](given):
            rows.append(row)
            table.add_row(*row)
            console.print(*row, sep="  ", highlight=False, markup=False, style="dim")
        table.add_section()
        if given.write:
            write(PAGE, name, title, rows)
    console.print(table)


if __name__ == "__main__":
    main()
