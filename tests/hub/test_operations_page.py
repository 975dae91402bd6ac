"""The operators' page is true: its settings, commands, log lines and recipes are those of the code."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from hub import cli
from hub.profiles import Profile
from hub.settings import Settings
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person
from tests.standards import ROOT

Open = Callable[..., house.House]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The text of a fenced block of the page."""
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, language
    return found[1]


def test_the_settings_are_those_of_the_code_with_their_defaults() -> None:
    table = dict(re.findall(r"^\| `(CGT_[A-Z_]+)` \| (?:`([^`]*)`|none) \|", PAGE, re.MULTILINE))
    fields = {f"CGT_{name.upper()}": field for name, field in Settings.model_fields.items()}
    assert table.keys() == fields.keys()
    for name, shown in table.items():
        default = fields[name].default
        assert shown == ("" if default is None else str(default)), name


def test_the_commands_are_those_of_the_code() -> None:
    def commands(group: Any, prefix: str = "") -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, command in group.commands.items():
            inner = (
                commands(command, f"{prefix}{name} ") if hasattr(command, "commands") else {f"{prefix}{name}": command}
            )
            found |= inner
        return found

    known = commands(get_command(cli.app))
    rows = re.findall(r"^\| `cgt-hub ([a-z -]+?)(?: [^a-z`][^`]*)?` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(known)
    for line in re.findall(r"`?cgt-hub ([a-z][^`\n|]*)", PAGE):
        words = line.split()
        name = next(n for n in (" ".join(words[:2]), words[0]) if n in known)
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_every_line_that_the_hub_logs_as_trouble_is_explained() -> None:
    logged: set[str] = set()
    for file in (ROOT / "hub").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"log.error", "log.warning", "log.info"}:
                logged.add(str(ast.literal_eval(node.args[0])))
    explained = set(re.findall(r"`([a-z]+\.[a-z]+)`", PAGE)) - {"hub.db", "read.db", "master.key", "manifest.json"}
    assert explained == logged


def test_the_profile_of_the_page_is_a_profile() -> None:
    profile = Profile.model_validate(yaml.safe_load(block("yaml partner")))
    assert profile.mllp is not None
    assert profile.mllp.listen == 2575


def test_pages_that_the_page_names_exist() -> None:
    for name in re.findall(r"docs/[a-z0-9-]+\.md", PAGE):
        assert (ROOT / name).is_file(), name


def test_a_backup_made_as_the_page_says_is_restored_as_it_says(
    open_house: Open, cgt_hub: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: Person
) -> None:
    """Made while the hub runs, by the page's commands; restored elsewhere, verified against the noted head."""
    hub = open_house()
    hub.send(world.order(who, "BACK-1"))
    data, partners = hub.hub.settings.data, hub.hub.settings.partners
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "master.key").write_bytes((data / "keys" / "master.key").read_bytes())
    monkeypatch.chdir(tmp_path)
    head = hub.http("watch").get("/api/ledger").json()["head"]

    def run(language: str) -> None:
        for line in block(language).replace("<the head that you noted>", head).splitlines():
            program, *arguments = line.split()
            assert program == "cgt-hub"
            ran = cgt_hub(*arguments, data=data, partners=partners)
            assert ran.code == 0, (line, ran.err)

    run("sh backup")
    hub.send(world.order(world.person(9990), "BACK-2"))
    run("sh restore")
    places = {"data": tmp_path / "restored", "partners": partners}
    assert cgt_hub("rebuild", **places).code == 0
    database = sqlite3.connect(tmp_path / "restored" / "hub.db")
    assert [row[0] for row in database.execute("SELECT source_id FROM inbox")] == ["BACK-1"]
    database.close()
    database = sqlite3.connect(tmp_path / "restored" / "read.db")
    assert database.execute("SELECT count(*) FROM record WHERE kind = 'order'").fetchone() == (1,)
    database.close()


def test_a_copy_of_the_file_alone_is_no_backup(open_house: Open, tmp_path: Path, who: Person) -> None:
    """The page says so: what is newest stands in the write-ahead log."""
    hub = open_house()
    hub.send(world.order(who, "COPY-1"))
    (tmp_path / "hub.db").write_bytes((hub.hub.settings.data / "hub.db").read_bytes())
    database = sqlite3.connect(tmp_path / "hub.db")
    tables = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'inbox'").fetchone()
    kept = database.execute("SELECT count(*) FROM inbox").fetchone() if tables == (1,) else (0,)
    database.close()
    assert kept == (0,)
    assert hub.count("inbox") == 1
