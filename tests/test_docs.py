"""What the documents promise is there: links, make targets, commands, settings of the demo."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from benchmarks import __main__ as benchmarks
from hub.cli import app
from hub.demo.faults import FAULTS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAKE = (ROOT / "Makefile").read_text(encoding="utf-8")
COMMANDS = typer.main.get_command(app)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:make|FAULT=\d make) ([a-z][a-z-]+)", text)) | set(
        re.findall(r"^make ([a-z][a-z-]+)", text, re.MULTILINE)
    )
    assert {target for target in named if not re.search(rf"^{target}:", MAKE, re.MULTILINE)} == set()
    said = set(re.findall(r"cgt-hub ([a-z][a-z-]*)", text))
    assert said <= set(COMMANDS.commands)  # type: ignore[attr-defined]


def test_the_readme_counts_the_faults_that_can_be_planted() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "one of fifteen faults (1 to 15)" in readme
    assert sorted(FAULTS) == list(range(1, 16))


def test_rows_of_a_benchmark_take_the_place_of_those_that_the_page_has(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    page.write_text(benchmarks.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    for part in benchmarks.PARTS:
        benchmarks.write(page, part, "some day", [("what", "9/s", "")])
        benchmarks.write(page, part, "this day", [("what", "8/s", "2 ×"), ("more", "1 s", "")])
    text = page.read_text(encoding="utf-8")
    assert "some day" not in text
    assert text.count("| what | 8/s | 2 × |\n| more | 1 s |  |\n") == len(benchmarks.PARTS)
    prose = [
        line for line in benchmarks.PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(("#", "<!--"))
    ]
    assert [line for line in text.splitlines() if line.startswith(("#", "<!--"))] == prose
