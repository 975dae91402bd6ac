"""`cgt-hub ledger`: the signed record from a terminal. Opens the store, calls the ledger's rooms, prints."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.crypto import Keyring, load_keyring
from hub.settings import Settings
from hub.store import Connection, migrate, opening

app = typer.Typer(no_args_is_help=True, help="The signed record.")

Data = Annotated[Path | None, typer.Option(help="the hub's data folder")]
From = Annotated[
    int | None, typer.Option("--from", min=0, help="number of an earlier head, for a receiver who holds that one")
]


@app.command()
def verify(
    data: Data = None,
    head: Annotated[str | None, typer.Option(help="what you hold: a head (hex), or a file with head or count")] = None,
) -> None:
    """Checks every event, batch, root and signature; with a head from earlier also that nothing before it changed."""
    from hub import ledger, ledger_verifier

    with _opened(data) as (db, keys):
        try:
            held = ledger_verifier.held_from(head, keys.public_key()) if head else None
        except ValueError as wrong:
            raise typer.BadParameter(str(wrong), param_hint="--head") from None
        walk = ledger.walk(db, keys.public_key(), held)
    for line in ledger_verifier.told(walk):
        typer.echo(line)
    raise typer.Exit(1 if walk.faults else 0)


@app.command()
def head(data: Data = None) -> None:
    """The signed head, one line of JSON to keep: who holds it finds every change of what was before it."""
    from hub import ledger
    from hub.ledger_verifier import canonical

    with _opened(data) as (db, keys):
        typer.echo(canonical(ledger.head(db.one("last_batch"), keys, _now())).decode())


@app.command()
def key(data: Data = None) -> None:
    """The public key with which others verify what this hub signs."""
    with _opened(data) as (_, keys):
        typer.echo(keys.public_key().hex())


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="file to write")],
    order: Annotated[str, typer.Option(help="an identifier that leads to one order: value or system|value")] = "",
    journey: Annotated[str, typer.Option(help="the hub's id of one order")] = "",
    after: From = None,
    data: Data = None,
) -> None:
    """Writes the ledger, or one order with proofs and a signed count, for others to verify. The hub may be running."""
    from hub import ledger_export as exporting

    if order and journey:
        raise typer.BadParameter("one of --order and --journey", param_hint="--order")
    with _opened(data, current=True) as (db, keys):
        made = exporting.Maker(db, keys, _now())
        if order:
            journey = exporting.journey_of(db, order)
        written = _write(out, exporting.order(made, journey, after) if journey else exporting.whole(made))
    typer.echo(f"{written} lines in {out}")


@app.command()
def prove(
    event: Annotated[str, typer.Argument(help="a position, or the id of an event")],
    out: Annotated[Path | None, typer.Option(help="file to write; none: to the terminal")] = None,
    after: From = None,
    data: Data = None,
) -> None:
    """Proves that one event stands in the ledger."""
    from hub import ledger_export as exporting

    with _opened(data, current=True) as (db, keys):
        lines = exporting.event(exporting.Maker(db, keys, _now()), exporting.position_of(db, event), after)
        if out is not None:
            _write(out, lines)
        for line in () if out is not None else lines:
            sys.stdout.buffer.write(line)


@app.command()
def erase(
    position: Annotated[int, typer.Argument(min=1, help="position of the event")],
    reason: Annotated[str, typer.Option(help="why: is kept for ever, so it names no person")],
    by: Annotated[str, typer.Option(help="who decided it; none: who is logged in here")] = "",
    data: Data = None,
) -> None:
    """Erases the text of one event for good; its leaf stays, so every proof still holds. The hub is not running."""
    from hub.bootstrap import build
    from hub.ledger_erasure import erase as erased

    with contextlib.closing(build(_settings(data))) as hub:
        told = erased(hub, position, by or _login(), reason)
    typer.echo(f"position {position} is erased; position {told} says so")


def _now() -> str:
    from canonical_model.values import instant_text
    from hub.bootstrap import utc_now

    return instant_text(utc_now())


def _login() -> str:
    import getpass

    return getpass.getuser()


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


@contextlib.contextmanager
def _opened(data: Path | None, current: bool = False) -> Iterator[tuple[Connection, Keyring]]:
    """The store, to look at beside a running hub, and its keys. `current`: of this hub's own version."""
    settings = _settings(data)
    file = settings.data / "hub.db"
    if opening.is_new(settings.store, file):
        raise FileNotFoundError(f"no hub in {settings.data}")
    keys = load_keyring(settings.data / "keys" / "master.key")
    with contextlib.closing(opening.look(settings.store, file)) as store:
        raw: Any = store.raw
        version = migrate.version_in(raw) if settings.store else migrate.refuse_newer(raw)
        if version != migrate.HEAD and current:
            raise FileNotFoundError(f"the store has version {version}: the next start of the hub upgrades it")
        yield store, keys


def _write(path: Path, lines: Iterable[bytes]) -> int:
    """The number of lines in a file that is there whole or not at all, for its owner to read."""
    hidden = path.with_name(f".{path.name}.writing")
    written = 0
    try:
        with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for line in lines:
                file.write(line)
                written += 1
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)
    return written
