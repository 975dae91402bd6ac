"""`cgt-hub replay`, `mend`, `dismiss`, `reload`, `what-if`: held messages from a terminal. Asks a room, prints.

With `--url` a running hub is asked over its API; without, the store of a stopped one is opened.
"""

from __future__ import annotations

import getpass
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from pydantic import AwareDatetime, TypeAdapter
from rich.console import Console
from rich.table import Table

from hub.settings import Settings

app = typer.Typer(help="Held messages, replay, and what a change would do.")
out = Console(emoji=False)
POLL_SECONDS = 0.5

Data = Annotated[Path | None, typer.Option(help="the hub's data folder; the hub is not running on it")]
Url = Annotated[str, typer.Option("--url", help="a running hub, such as http://127.0.0.1:8420, instead of a folder")]
Token = Annotated[Path | None, typer.Option("--token", help="file with an operator's token, for --url")]
Number = Annotated[int, typer.Argument(help="number of the message in the inbox")]
Numbers = Annotated[list[int] | None, typer.Argument(help="of messages; or say what they have in common")]
Why = Annotated[str, typer.Option("--reason", help="why, in your own words; kept in the audit")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON document instead of tables")]
PartnerName = Annotated[str, typer.Option("--partner", help="whose messages")]


class _Asked:
    """A running hub, asked as an operator."""

    def __init__(self, url: str, token: Path | None) -> None:
        headers = {"authorization": f"Bearer {token.read_text(encoding='utf-8').strip()}"} if token else {}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=300)

    def get(self, path: str) -> Any:
        return self._told(self._client.get(path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._told(self._client.post(path, json=body))

    @staticmethod
    def _told(response: httpx.Response) -> Any:
        """The answer. Raises FileNotFoundError with what the hub said against it."""
        said = response.json()
        if response.is_success:
            return said
        faults = [f"{fault['place']}: {fault['remedy']}".lstrip(": ") for fault in said.get("faults", ())]
        raise FileNotFoundError("\n".join([f"the hub says {response.status_code}: {said.get('title', '')}", *faults]))


@app.command()
def replay(
    numbers: Numbers = None,
    partner: PartnerName = "",
    outcome: Annotated[str, typer.Option(help="recorded, held, rejected, filtered or dismissed")] = "",
    type_: Annotated[str, typer.Option("--type", help="message type, such as ORU^R01")] = "",
    fault: Annotated[str, typer.Option(help="code of a fault")] = "",
    since: Annotated[str, typer.Option(help="received at or after, such as 2026-03-01T00:00:00Z")] = "",
    until: Annotated[str, typer.Option(help="received before")] = "",
    older: Annotated[bool, typer.Option("--older", help="only what was read by other tables than today's")] = False,
    because: Annotated[str, typer.Option(help="what was mended: table, codes, profile, message or hub")] = "table",
    reason: Why = "replayed from a terminal",
    data: Data = None,
    url: Url = "",
    token: Token = None,
) -> None:
    """Reads stored messages again with the tables of today: the same facts change nothing, new ones are recorded."""
    from hub import stopped
    from hub.replaying import Selection, Wanted

    given = {"partner": partner, "outcome": outcome, "type": type_, "fault": fault, "older": older}
    given |= {"since": _moment(since), "until": _moment(until), "messages": tuple(numbers or ())}
    chosen = Selection.model_validate({name: value for name, value in given.items() if value})
    wanted = Wanted.model_validate({"chosen": chosen, "cause": because, "reason": reason})
    if url:
        out.print_json(data=_followed(_Asked(url, token), wanted.model_dump(mode="json", exclude_defaults=True)))
    else:
        out.print_json(data=stopped.replay(_settings(data), wanted, _actor()))


def _followed(hub: _Asked, wanted: dict[str, Any]) -> dict[str, Any]:
    """A replay of a running hub when it has ended."""
    number = hub.post("/api/replays", wanted)["replay"]
    while (told := hub.get(f"/api/replays/{number}"))["ended"] is None:
        time.sleep(POLL_SECONDS)
    return dict(told)


@app.command()
def mend(
    number: Number,
    file: Annotated[Path, typer.Argument(help="the mended message, all of it")],
    reason: Why,
    data: Data = None,
    url: Url = "",
    token: Token = None,
) -> None:
    """Records the mended text of a held message in its place. What came first stays in the body store."""
    import base64

    from hub import stopped

    body = file.read_bytes()
    if url:
        asked = {"reason": reason, "base64": base64.b64encode(body).decode()}
        out.print_json(data=_Asked(url, token).post(f"/api/messages/{number}/mend", asked))
    else:
        out.print_json(data=stopped.mend(_settings(data), number, body, reason, _actor()))


@app.command()
def dismiss(number: Number, reason: Why, data: Data = None, url: Url = "", token: Token = None) -> None:
    """Sets a held message aside: no answer waits for it any more."""
    from hub import stopped

    if url:
        out.print_json(data=_Asked(url, token).post(f"/api/messages/{number}/dismiss", {"reason": reason}))
    else:
        out.print_json(data=stopped.dismiss(_settings(data), number, reason, _actor()))


@app.command()
def reload(url: Url, token: Token = None) -> None:
    """Has a running hub read its profiles and tables again: all of them, or none where one has a fault."""
    out.print_json(data=_Asked(url, token).post("/api/reload", {}))


@app.command("what-if")
def what_if(
    partner: PartnerName,
    overlay: Annotated[Path | None, typer.Option(help="folder of tables; without it those on disk")] = None,
    last: Annotated[int, typer.Option(min=1, help="the last so many messages")] = 100,
    show: Annotated[bool, typer.Option("--show", help="values too: they may be personal")] = False,
    data: Annotated[Path | None, typer.Option(help="the hub's data folder; the hub may run on it")] = None,
    as_json: AsJson = False,
) -> None:
    """What changed tables would do to the last real messages of a partner; changes nothing."""
    from hub import stopped

    told = stopped.look(_settings(data), partner, overlay, last, show)
    if as_json:
        out.print_json(data=told)
    else:
        _print(told)


_TABLES = {
    "other_outcome": ("was", "outcome"),
    "other_facts": ("change", "type", "path"),
    "new_faults": ("severity", "code", "place"),
    "cannot_be_read_again": ("why",),
}


def _print(told: dict[str, Any]) -> None:
    out.print(f"{told['messages']} messages, {told['unchanged']} unchanged", highlight=False)
    for name, columns in _TABLES.items():
        if told[name]:
            table = Table(*columns, "messages", "such as", title=name.replace("_", " "))
            for row in told[name]:
                table.add_row(*(row[c] for c in columns), str(row["messages"]), " ".join(map(str, row["such_as"])))
            out.print(table)
    for one in told.get("values", ()):
        out.print_json(data=one)


def _moment(text: str) -> datetime | None:
    return TypeAdapter(AwareDatetime).validate_python(text) if text else None


def _settings(data: Path | None) -> Settings:
    return Settings() if data is None else Settings(data=data)


def _actor() -> str:
    """Who does it, for the audit: the name by which the machine knows them."""
    return f"terminal/{getpass.getuser()}"
