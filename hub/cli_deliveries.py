"""`cgt-hub deliveries`: what partners are told. Lists beside a running hub; decides on a stopped one."""

from __future__ import annotations

import contextlib
import getpass
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from hub.settings import Settings

app = typer.Typer(no_args_is_help=True, help="What partners are told.")
out = Console(emoji=False)

Data = Annotated[Path | None, typer.Option(help="the hub's data folder")]
Number = Annotated[int | None, typer.Argument(help="number of the delivery; or name a partner and a state")]
PartnerName = Annotated[str, typer.Option("--partner", help="all of this partner's, in the state named")]
State = Annotated[str, typer.Option("--state", help="waiting, done, refused, broken, withheld, dismissed or astray")]
Why = Annotated[str, typer.Option("--reason", help="why; names no person")]


@app.command("list")
def list_(
    partner: PartnerName = "",
    state: State = "",
    limit: Annotated[int, typer.Option(min=1, help="the last so many")] = 50,
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")] = False,
) -> None:
    """The last deliveries, the oldest first; also beside a running hub."""
    from hub.redelivery import listed
    from hub.store import opening

    settings = _settings(data)
    store = settings.data / "hub.db"
    if opening.is_new(settings.store, store):
        raise FileNotFoundError(f"no hub in {settings.data}")
    with contextlib.closing(opening.look(settings.store, store)) as db:
        found = listed(db, partner, state, limit)
    if as_json:
        print(json.dumps(found, indent=1))  # noqa: T201 - the document is the output
        return
    table = Table("number", "to", "message", "state", "attempts", "note")
    for one in found:
        table.add_row(*(str(one[name]) for name in ("id", "partner", "message", "state", "attempts", "note")))
    out.print(table)


@app.command()
def retry(
    number: Number = None,
    reason: Why = "",
    partner: PartnerName = "",
    state: State = "",
    anew: Annotated[bool, typer.Option("--anew", help="render it again, under an id of its own")] = False,
    data: Data = None,
) -> None:
    """Has deliveries tried again when the hub starts; the hub is not running on this folder."""
    _decide("retry", number, partner, state, reason, anew, data)


@app.command()
def dismiss(
    number: Number = None, reason: Why = "", partner: PartnerName = "", state: State = "", data: Data = None
) -> None:
    """Lets deliveries be: they are not tried again; the hub is not running on this folder."""
    _decide("dismiss", number, partner, state, reason, False, data)


def _decide(
    act: Literal["retry", "dismiss"],
    number: int | None,
    partner: str,
    state: str,
    reason: str,
    anew: bool,
    data: Path | None,
) -> None:
    if (number is None) == (not (partner and state)):
        raise typer.BadParameter("name a delivery by its number, or a --partner and a --state")
    if not 3 <= len(reason) <= 500:
        raise typer.BadParameter("say why, in 3 to 500 characters", param_hint="--reason")
    from hub.bootstrap import build
    from hub.redelivery import Decision, NoDelivery, WrongState

    decision = Decision(act, f"cli/{getpass.getuser()}", reason, anew)
    with contextlib.closing(build(_settings(data))) as hub:
        try:
            count = _decided(hub, number, partner, state, decision)
        except (NoDelivery, WrongState) as wrong:
            raise typer.BadParameter(str(wrong)) from None
    out.print(f"{count} decided")


def _decided(hub: Any, number: int | None, partner: str, state: str, decision: Any) -> int:
    from hub.redelivery import AT_ONCE, decide, decide_next

    if number is not None:
        return len(decide(hub.committer, [number], decision, hub.clock()))
    count, after, more = 0, 0, True
    while more:
        found = decide_next(hub.committer, partner, state, after, decision, hub.clock())
        count += len(found)
        after, more = (found[-1] if found else 0), len(found) == AT_ONCE
    return count


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)
