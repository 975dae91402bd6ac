"""`cgt-hub` retention, compact, backup, restore, upgrade and forget: arguments and what is printed; no logic."""

from __future__ import annotations

import contextlib
import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as RichTable

from hub.settings import Settings

app = typer.Typer()
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)

Data = Annotated[Path | None, typer.Option(help="the hub's data folder")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")]
Apply = Annotated[bool, typer.Option("--apply", help="do it; without it, what would be done is told")]
Partner = Annotated[str, typer.Option(help="name of a partner's profile")]


@app.command()
def retention(
    partner: Partner = "",
    before: Annotated[
        str, typer.Option(help="all of this partner's before a month (2026-03), not by the settings")
    ] = "",
    apply: Apply = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """What is past its retention (CGT_RETENTION_…): bodies, texts, audit, receipts. A running hub drops it itself."""
    from hub import keeping
    from hub.bootstrap import utc_now

    if before and not (partner and keeping.MONTH.fullmatch(before)):
        raise typer.BadParameter("a month is written 2026-03, and goes with --partner", param_hint="--before")
    settings, now = _settings(data), utc_now()
    wanted = keeping.cuts(settings, now, partner, before)
    rows, stay = keeping.look(settings, wanted)
    if apply:
        keeping.apply(settings, wanted, _actor(), now)
    if as_json:
        out.print_json(data={"applied": apply, "past": [row.plain() for row in rows], "needed": stay})
        return
    table = RichTable("kind", "partner", "month", "rows", "bytes")
    for row in rows:
        table.add_row(row.kind, row.partner, row.month, str(row.count), str(row.size))
    out.print(table)
    said = "dropped" if apply else "would go (--apply drops them)"
    _say(f"{sum(row.count for row in rows)} {said}; {stay} as old stay: their messages are held, their deliveries open")


@app.command()
def compact(data: Data = None) -> None:
    """Gives the disk back what was dropped, on a hub that is stopped; needs twice the size of the store meanwhile."""
    from hub import keeping

    before, after = keeping.compact(_settings(data))
    _say(f"{before >> 20} MB before, {after >> 20} MB now")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="name of the backup; a folder that exists gets a new one inside")],
    with_keys: Annotated[bool, typer.Option("--with-keys", help="the key too: who has this copy can read it")] = False,
    data: Data = None,
) -> None:
    """Copies the store, beside a running hub too, and verifies the copy."""
    from hub import backup as backups
    from hub.bootstrap import utc_now

    settings = _settings(data)
    backups.refuse_server(settings.store)
    place, manifest = backups.make(settings.data, target, utc_now(), with_keys)
    _say(f"{place}: {manifest.position} events, head {manifest.head}")
    if not with_keys:
        _say("the key is not inside: keep keys/master.key in another place, without it nothing here can be read")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="a backup")],
    data: Data = None,
    key: Annotated[Path | None, typer.Option(help="the key file that you keep elsewhere")] = None,
    head: Annotated[str | None, typer.Option(help="a head (hex) that you hold, not newer than the backup")] = None,
) -> None:
    """Brings a backup into an empty data folder, after its digests, its key and its ledger were verified."""
    from hub import backup as backups
    from hub.bootstrap import utc_now

    try:
        held = bytes.fromhex(head) if head else None
    except ValueError:
        raise typer.BadParameter("a head is written in hexadecimal digits", param_hint="--head") from None
    settings = _settings(data)
    backups.refuse_server(settings.store)
    manifest = backups.restore(source, settings.data, utc_now(), key, held)
    _say(f"{settings.data}: {manifest.position} events as of {manifest.made}, head {manifest.head}")
    _say(backups.THEN.format(data=settings.data, made=manifest.made))


@app.command()
def upgrade(
    without_copy: Annotated[bool, typer.Option("--without-copy", help="you have a backup elsewhere")] = False,
    data: Data = None,
) -> None:
    """Brings a stopped hub's store to this hub's version, as the next start would; a copy is made before it."""
    from hub import backup as backups
    from hub.bootstrap import utc_now
    from hub.store import SqliteStore, migrate

    settings = _settings(data)
    backups.refuse_server(settings.store)
    copy = None if without_copy else backups.before_upgrade(settings.data, utc_now())
    if not (settings.data / backups.DATABASE).exists():
        raise FileNotFoundError(f"no hub in {settings.data}")
    with contextlib.closing(SqliteStore(settings.data / backups.DATABASE, settings.synchronous)):
        _say(f"version {migrate.HEAD}; {f'the copy of before is {copy}' if copy else 'no copy was made'}")


@app.command()
def forget(
    partner: Annotated[str, typer.Option(help="at whose request: who told the hub of the person")],
    identifier: Annotated[str, typer.Option(help="SYSTEM|NUMBER, as in urn:oid:1.2.3|4711")],
    reason: Annotated[str, typer.Option(help="for the audit: a ticket or a letter's date; no personal data")],
    apply: Apply = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Erases a person for good: the vault's key and rows, and the bodies that tell of nobody else. Facts stay."""
    from hub import forgetting

    system, _, number = identifier.rpartition("|")
    if not system or not number or not reason.strip():
        raise typer.BadParameter("SYSTEM|NUMBER and a reason are needed", param_hint="--identifier")
    wanted = forgetting.Wanted(partner, system, number, reason)
    told = forgetting.on_stopped(_settings(data), wanted, _actor(), apply)
    if as_json:
        out.print_json(data=told)
        return
    table = RichTable("what", "rows", title="erased" if apply else "would be erased (--apply erases it for good)")
    for name, count in told["goes"].items():
        table.add_row(name, str(count))
    out.print(table)
    for line in forgetting.stays(told):
        _say(line)


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


def _actor() -> str:
    """Who sits at the terminal, for the audit."""
    try:
        return f"terminal/{getpass.getuser()}"
    except (KeyError, OSError):
        return "terminal"


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)
