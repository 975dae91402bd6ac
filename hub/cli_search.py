"""`cgt-hub search` and `cgt-hub trail`: what the hub has of a thing, from a terminal; also beside a running hub."""

from __future__ import annotations

import contextlib
import getpass
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from canonical_model.values import instant_text
from hub.settings import Settings
from hub.store import Connection

app = typer.Typer()
out = Console(emoji=False)

Data = Annotated[Path | None, typer.Option(help="the hub's data folder")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document instead of tables")]
SHOWN = {
    "journeys": ("journey", "names"),
    "messages": ("message", "received", "partner", "type", "source_id", "outcome"),
    "facts": ("position", "recorded", "reporter", "type", "about"),
    "deliveries": ("delivery", "partner", "message", "position", "state", "attempts", "note"),
    "issues": ("issue", "rule", "severity", "opened", "closed", "text"),
}


@app.command()
def search(
    identifiers: Annotated[
        list[str] | None, typer.Argument(help="identifiers of anything: value, or system|value; all have to fit")
    ] = None,
    order: Annotated[str, typer.Option(help="a number of an order, or the id of its journey")] = "",
    patient: Annotated[str, typer.Option(help="system|value; of a hub that is stopped, since it is audited")] = "",
    source_id: Annotated[str, typer.Option(help="the message's own id: MSH-10, name of a file")] = "",
    partner: Annotated[str, typer.Option(help="who sent it, or was sent it")] = "",
    type_: Annotated[str, typer.Option("--type", help="of a message or fact; the rule of an Issue")] = "",
    outcome: Annotated[str, typer.Option(help="of a message; state of a delivery; open or closed")] = "",
    since: Annotated[datetime | None, typer.Option(help="UTC")] = None,
    until: Annotated[datetime | None, typer.Option(help="UTC, not itself")] = None,
    of: Annotated[str, typer.Option(help="one of: journeys, messages, facts, deliveries, issues")] = "",
    after: Annotated[str, typer.Option(help="with --of: goes on where a page ended")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What the hub has of something: journeys, messages, facts, deliveries, Issues, the newest first."""
    from hub import searching

    with _opened(data, patient) as (db, person):
        times = (_instant(since), _instant(until))
        criteria = searching.Criteria(
            tuple(identifiers or ()), order, person, source_id, partner, type_, outcome, *times
        )
        lists = searching.lists_of(criteria)
        if of and of not in lists:
            raise typer.BadParameter(f"with these criteria one of: {', '.join(lists)}", param_hint="--of")
        found = {
            name: searching.search(db, criteria, name, after if of else "", limit) for name in ([of] if of else lists)
        }
    if as_json:
        _printed({name: page.plain() for name, page in found.items()})
        return
    for name, page in found.items():
        _table(name, page.items, SHOWN[name])
        if page.next:
            out.print(f"more: --of {name} --after '{page.next}'", highlight=False, markup=False, soft_wrap=True)


@app.command()
def trail(
    order: Annotated[str, typer.Argument(help="an identifier of the order, or of anything of it; or its journey")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Every message, fact, answer and delivery of one order, in the order of time."""
    from hub import trails
    from hub.criteria import Criteria, journeys_of

    with _opened(data) as (db, _):
        journeys = journeys_of(db, Criteria(order=order)) or journeys_of(db, Criteria(identifiers=(order,)))
        if len(journeys) != 1:
            raise typer.BadParameter(f"{len(journeys)} orders have this name", param_hint="ORDER")
        page = trails.trail(db, journeys.pop(), limit=10_000)
    assert page is not None
    if as_json:
        _printed(page.items)
        return
    _table("trail", [{**one, "said": _said(one)} for one in page.items], ("at", "what", "said"))


def _said(one: dict[str, Any]) -> str:
    told = {
        "message": ("message", "partner", "type", "source_id", "outcome"),
        "fact": ("position", "type", "reporter", "about"),
        "delivery": ("delivery", "partner", "message", "state"),
    }.get(one["what"], ("actor", "act", "detail"))
    return " ".join(_text(one[name]) for name in told)


def _text(value: Any) -> str:
    if isinstance(value, dict) and "identifiers" in value:
        return f"{value['kind']} {' '.join(identifier['value'] for identifier in value['identifiers'])}"
    if isinstance(value, dict | list):
        return " ".join(map(_text, value.values() if isinstance(value, dict) else value))
    return "" if value is None else str(value)


def _table(title: str, items: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if not items:
        return
    table = Table(*columns, title=title)
    for one in items:
        table.add_row(*(_text(one[name]) for name in columns))
    out.print(table, markup=False)


def _printed(document: Any) -> None:
    print(json.dumps(document, indent=1, ensure_ascii=False))  # noqa: T201 - the document is the output


@contextlib.contextmanager
def _opened(data: Path | None, patient: str = "") -> Iterator[tuple[Connection, str]]:
    """The store, and the token of a patient's number where one is asked for."""
    from hub.bootstrap import build
    from hub.person_search import NoNumber, token_of
    from hub.store.opening import look

    settings = Settings() if data is None else Settings(data=data)
    if not (settings.data / "hub.db").exists():
        raise FileNotFoundError(f"no hub in {settings.data}")
    if not patient:
        with contextlib.closing(look(settings.store, settings.data / "hub.db")) as db:
            yield db, ""
        return
    try:
        with contextlib.closing(build(settings)) as hub:
            db, at = hub.store.writer, instant_text(hub.clock())
            yield db, token_of(db, hub.keys, settings.region, patient, getpass.getuser(), at)
    except NoNumber as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--patient") from None


def _instant(moment: datetime | None) -> str:
    return instant_text(moment.replace(tzinfo=UTC)) if moment else ""
