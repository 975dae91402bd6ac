"""How the demo shows what happened: accounts, the timeline, custody, what partners got. Prints, decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

EXAMPLE_LINES = 9


def account(console: Console, messages: Sequence[Mapping[str, Any]]) -> None:
    """The account of every field of every message."""
    table = Table(
        "message", "from", "format", "outcome", "carried", "lossy", "residual", "ignored", title="the account"
    )
    for message in reversed(messages):
        counts = message["account"]
        fates = [str(counts.get(fate, 0)) for fate in ("carried", "lossy", "residual", "ignored")]
        name = f"{message['type']} {message['source_id']}"[:44]
        table.add_row(name, message["partner"], message["format"], message["outcome"], *fates)
    console.print(table)


def timeline(console: Console, journey: Mapping[str, Any]) -> None:
    """The facts of an order in their order."""
    table = Table("when (UTC)", "fact", "of", "told by", title=f"timeline, at stage {journey['stage']}")
    for event in journey["timeline"]:
        of = event["about"]["identifiers"][0]["value"][:34]
        table.add_row(event["occurred"]["at"], event["type"], of, event["reporter"]["partner"])
    console.print(table)


def custody(console: Console, journey: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Who held each container, from its creation on."""
    table = Table("container", "when (UTC)", "from", "to", title="chain of custody")
    for chain in journey["custody"]:
        for step in chain["steps"]:
            giver, taker = (step[side].rpartition("|")[2] for side in ("from", "to"))
            table.add_row(chain["container"], step["at"], names.get(giver, giver) or "-", names.get(taker, taker))
    console.print(table)


def deliveries(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """What was sent to whom, with the account of each output."""
    table = Table("to", "message", "state", "written", "withheld by policy", "no home", title="deliveries")
    for row in rows:
        told = row["account"]
        withheld = ", ".join(told.get("withheld", ()))[:40]
        table.add_row(
            row["partner"],
            row["message"],
            row["state"],
            str(told.get("written", "")),
            withheld,
            str(len(told.get("no-home", ()))),
        )
    console.print(table)


def report(console: Console, told: Mapping[str, Any]) -> None:
    """The sections of the report with how much each holds."""
    table = Table("section", "entries", title="chain-of-identity and chain-of-custody report")
    for name, section in told.items():
        table.add_row(name, str(len(section)) if isinstance(section, list) else "")
    console.print(table)


def formats(
    console: Console,
    v2: Sequence[bytes],
    epcis: Sequence[bytes],
    webhooks: Sequence[bytes],
    files: Mapping[str, Sequence[Path]],
) -> None:
    """One example of what each partner received, in its own format."""
    for message in v2[-1:]:
        _example(console, "Mercy received, HL7 v2", message.replace(b"\r", b"\n").decode())
    for body in epcis[:1]:
        _example(console, "Swift received, EPCIS", json.dumps(json.loads(body), indent=1))
    for body in webhooks[-1:]:
        _example(console, "Axion received, a signed webhook", json.dumps(json.loads(body), indent=1))
    for partner, written in files.items():
        for path in written[-1:]:
            _example(console, f"{partner} received, {path.name}", path.read_text(encoding="utf-8-sig"))


def _example(console: Console, title: str, text: str) -> None:
    console.print(f"[bold]{title}[/bold]")
    for line in text.splitlines()[:EXAMPLE_LINES]:
        console.print("  " + line[:112], highlight=False, markup=False)
