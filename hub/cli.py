"""`cgt-hub`: the hub from a terminal. Parses arguments, calls the rooms, prints; keeps no logic of its own."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from hub import cli_deliveries, cli_keeping, cli_ledger, cli_messages, cli_search, cli_templates, logs
from hub import explain as explaining
from hub.profiles import FORMATS
from hub.recognising import text_of, ways
from hub.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Connects the systems of cell and gene therapy.")
mapping_app = typer.Typer(no_args_is_help=True, help="The tables.")
app.add_typer(cli_ledger.app, name="ledger")
app.add_typer(mapping_app, name="mapping")
app.add_typer(cli_keeping.app)
app.add_typer(cli_deliveries.app, name="deliveries")
app.add_typer(cli_messages.app)
app.add_typer(cli_search.app)
app.add_typer(cli_templates.app)

out = Console(emoji=False)
err = Console(stderr=True, emoji=False)

Paths = Annotated[list[Path], typer.Argument(help="messages: files, or folders that are searched")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")]
FormatName = Annotated[str, typer.Option("--format", help=f"{', '.join(FORMATS)}; left out: what it looks like")]
Hint = Annotated[str, typer.Option("--dialect", help="dialect of a delimited file, such as mes_csv/qc_results")]
Overlay = Annotated[Path | None, typer.Option(help="folder of a site's own tables, as a partner's profile names it")]
SEARCHED = {
    "hl7v2": {".hl7", ".txt", ".dat", ".er7"},
    "fhir_r4": {".json"},
    "epcis": {".json", ".jsonld", ".xml"},
    "mes_csv": {".csv", ".txt", ".tsv", ".xlsx"},
    "b2mml": {".xml"},
    "canonical": {".json"},
    "courier_feed": {".json", ".csv"},
    "asm": {".json", ".csv", ".txt", ".tsv", ".xlsx"},
}


def main() -> None:
    """Entry point: errors are one line for people, with exit code 2 for what the caller can mend."""
    from hub.errors import told

    logs.configure()
    try:
        app()
    except told() as wrong:
        err.print(str(wrong), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


@app.command()
def serve() -> None:
    """Runs the hub with the settings of the environment (CGT_…) and the profiles in CGT_PARTNERS."""
    import uvicorn

    from hub.bootstrap import build, settle_memory
    from hub.http.app import create

    settings = Settings()
    hub = build(settings)
    settle_memory()
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    listening = socket.create_server(
        (settings.http_host, settings.http_port), family=family, reuse_port=hub.store.shared
    )
    config = uvicorn.Config(
        create(hub),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        log_config=None,
        access_log=False,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listening])


@app.command()
def demo(
    fault: Annotated[int, typer.Option(help="plant a fault; the demo must then fail")] = 0,
    seconds: Annotated[float, typer.Option(help="longest wait for one step")] = 20.0,
) -> None:
    """Plays a whole journey with every partner over real transports; exit code 0 when every expectation holds."""
    from hub.demo.play import play

    raise typer.Exit(play(fault, seconds))


@app.command()
def explain(
    paths: Paths,
    as_json: AsJson = False,
    format_name: FormatName = "",
    dialect: Hint = "",
    overlay: Overlay = None,
    fields: Annotated[bool, typer.Option(help="with --json: every field of every message too")] = False,
) -> None:
    """What becomes of every field of messages, without a hub; exit code 1 where none could be read."""
    profile = explaining.ANYONE.model_copy(update={"overlay": overlay})
    told, count, crashed = explaining.explain_files(_files(paths, format_name), profile, format_name, dialect)
    table = explaining.summary(told, count, crashed)
    if as_json:
        table["per_message"] = [one.plain(whole=fields) for one in told]
        print(json.dumps(table, indent=1, ensure_ascii=False))  # noqa: T201 - the document is the output
    elif len(told) == 1:
        _print_message(told[0])
    else:
        _print_summary(table)
    raise typer.Exit(1 if crashed or table["silent_loss"] or not any(one.frames for one in told) else 0)


@app.command()
def convert(
    path: Annotated[Path, typer.Argument(help="one message")],
    to: Annotated[str, typer.Option(help="fhir_r4, epcis, frames, or afresh (itself, from its frames)")] = "fhir_r4",
    format_name: FormatName = "",
    dialect: Hint = "",
    overlay: Overlay = None,
) -> None:
    """Converts a message to another format by way of the canonical frames; what has no home there is told on stderr."""
    from hub.converting import convert_body

    body = path.read_bytes()
    source, hint = _way(body, format_name, dialect, overlay)
    converted, lost = convert_body(body, source, to, hint, overlay)
    sys.stdout.buffer.write(converted)
    for fault in lost:
        err.print(str(fault), style="yellow", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(0 if converted else 1)


@app.command()
def validate(
    path: Annotated[Path, typer.Argument(help="one message")],
    format_name: FormatName = "",
    dialect: Hint = "",
    overlay: Overlay = None,
    as_json: AsJson = False,
) -> None:
    """What is wrong with a message, also for hl7apy and fhir.resources; exit code 1 where one finds an error."""
    from hub.second_opinion import opinions

    body = path.read_bytes()
    faults = opinions(body, *_way(body, format_name, dialect, overlay), overlay)
    if as_json:
        print(json.dumps([fault.plain() for fault in faults], indent=1))  # noqa: T201 - the document is the output
    for fault in () if as_json else faults:
        out.print(f"{fault.severity:8}{fault}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if any(fault.severity == "error" for fault in faults) else 0)


@app.command()
def rebuild(data: Annotated[Path | None, typer.Option(help="the hub's data folder")] = None) -> None:
    """Writes the read model again from the log, of a hub that is stopped; tells on stderr how far it is."""
    from rich.progress import Progress

    from hub.bootstrap import build

    with contextlib.closing(build(_settings(data))) as hub, Progress(console=err, transient=True) as progress:
        head = hub.store.writer.one("head")
        task = progress.add_task("read model", total=head[0] if head else 0)
        reached = hub.projector.rebuild(lambda position: progress.update(task, completed=position))
    out.print(f"read model rebuilt up to position {reached}")


@app.command()
def doctor(
    data: Annotated[Path | None, typer.Option(help="the hub's data folder")] = None, as_json: AsJson = False
) -> None:
    """Looks whether this installation is sound: packages, keys, profiles, tables, ledger, what waits."""
    from hub.doctor import examine

    findings = examine(_settings(data))
    if as_json:
        out.print_json(data=[finding.plain() for finding in findings])
    else:
        for finding in findings:
            mark = {"ok": "[green]ok[/green]", "warn": "[yellow]look[/yellow]", "bad": "[red]bad[/red]"}[finding.state]
            out.print(f"{mark:>22}  {finding.what}: {escape(finding.text)}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if any(finding.state == "bad" for finding in findings) else 0)


@mapping_app.command("show")
def mapping_show(
    table: Annotated[str, typer.Argument(help="a table or a message map, such as hl7v2/pid or hl7v2/oru_r01")],
    python: Annotated[bool, typer.Option("--python", help="the Python that the table compiles to")] = False,
) -> None:
    """Prints a table, its rows or what they compile to; or a message map: its frames, facts, names and times."""
    from hub.mapping_view import is_map, map_of, source_of, table_of

    if python:
        out.print(source_of(table), highlight=False, markup=False, soft_wrap=True)
        return
    whole = is_map(table)
    shown = RichTable(*(("part", "of", "how") if whole else ("row", "wire", "canonical", "how")), title=table)
    for row in map_of(table) if whole else table_of(table):
        shown.add_row(*map(escape, row))
    out.print(shown)


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


def _way(body: bytes, format_name: str, dialect: str, overlay: Path | None) -> tuple[str, str]:
    """Format and dialect in which a file is read: what was named, else what it looks like."""
    profile = explaining.ANYONE.model_copy(update={"overlay": overlay})
    found = list(ways(text_of(body), profile, format_name, dialect))
    if len(found) == 1:
        return found[0]
    told = explaining.best(body, profile, format_name, dialect)
    return told.format, told.hint


def _files(paths: list[Path], format_name: str) -> Any:
    suffixes = SEARCHED.get(format_name) or set().union(*SEARCHED.values())
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in suffixes)
        else:
            yield path


def _print_message(told: explaining.Explained) -> None:
    table = RichTable("field", "fate", "row", "canonical path", title=f"{told.type or told.source}: {told.outcome}")
    colours = {"carried": "green", "lossy": "yellow", "residual": "cyan", "ignored": "dim"}
    for entry in told.entries:
        place = f"{entry.piece}[{entry.ordinal}]-{'.'.join(entry.place)}"
        fate = f"[{colours[entry.fate]}]{entry.fate}[/] {entry.reason}"
        table.add_row(place, fate, entry.row, entry.target)
    out.print(table)
    out.print("asserts: " + ", ".join(told.events) if told.events else "asserts nothing", highlight=False)
    for fault in told.faults:
        said = escape(f"at {fault['place']}: {fault['remedy']}")
        out.print(f"[yellow]{fault['code']}[/yellow] {said}", highlight=False, soft_wrap=True)


def _print_summary(table: dict[str, Any]) -> None:
    head = RichTable("files", "messages", "recorded", "filtered", "held", "rejected", "crashed", "silent loss")
    names = ("files", "messages", "recorded", "filtered", "held", "rejected", "crashed", "silent_loss")
    head.add_row(*(str(table[name]) for name in names))
    out.print(head)
    if any(counts["leaves"] for counts in table["segments"].values()):
        shares = RichTable("segment", "leaves", "carried %", "ignored %", "together %", "lossy", "residual")
        for name, counts in table["segments"].items():
            if counts["leaves"]:
                shares.add_row(
                    name,
                    str(counts["leaves"]),
                    counts.get("carried_share", ""),
                    counts.get("ignored_share", ""),
                    counts.get("accounted_share", ""),
                    str(counts["lossy"]),
                    str(counts["residual"]),
                )
        out.print(shares)
    if table["refused"]:
        out.print(
            "not recorded, by code: " + ", ".join(f"{k} {v}" for k, v in table["refused"].items()), highlight=False
        )
