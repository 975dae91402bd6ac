"""`python -m benchmarks`: every row, printed as one table with machine and date."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import convert, mllp, model


def _processor() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    console = Console(width=170)
    title = f"{day}, {os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}"
    table = Table("what", "measured", "ratio in this run", title=title)
    for part in (convert, model, mllp):
        for row in part.rows():
            table.add_row(*row)
        table.add_section()
    console.print(table)


if __name__ == "__main__":
    main()
