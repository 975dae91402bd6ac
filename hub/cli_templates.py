"""`cgt-hub template`: blank files for partners on paper or spreadsheets. Parses arguments, writes a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hub.mendable import Mendable

app = typer.Typer()


@app.command()
def template(
    dialect: Annotated[str, typer.Argument(help="a dialect, such as mes_csv/qc_results")],
    xlsx: Annotated[Path | None, typer.Option(help="write a workbook here")] = None,
    csv: Annotated[Path | None, typer.Option(help="write a delimited file here")] = None,
    overlay: Annotated[Path | None, typer.Option(help="folder of a site's own tables")] = None,
    zone: Annotated[str, typer.Option(help="the site's zone, such as Europe/Berlin")] = "UTC",
) -> None:
    """Writes a blank file of a dialect: header, units, allowed codes, and what each column means."""
    from adapters.mes_csv import template as templates
    from hub.formats import format_of

    adapter: Any = format_of("mes_csv", overlay, zone).adapter  # type: ignore[attr-defined]
    if xlsx is None and csv is None:
        raise Mendable("say where to write: --xlsx FILE, --csv FILE, or both")
    for path, write in ((xlsx, templates.as_workbook), (csv, templates.as_csv)):
        if path is not None:
            path.write_bytes(write(adapter, dialect))
