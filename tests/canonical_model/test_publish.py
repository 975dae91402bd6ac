"""What is published is what the model says, and is committed fresh."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

from canonical_model.catalogue import EVENTS
from canonical_model.codes import ISSUE_KINDS, ROLES, STATES
from canonical_model.publish import CATALOGUE, LICENCE, SCHEMAS, catalogue_page, code_lists, files, main

ROOT = Path(__file__).parent.parent.parent


def test_the_committed_files_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], ROOT) == 0, capsys.readouterr().err


def test_a_stale_a_missing_and_a_surplus_file_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    event = SCHEMAS / "v1" / "event.schema.json"
    (tmp_path / event).write_text("{}", encoding="utf-8")
    (tmp_path / CATALOGUE).unlink()
    surplus = SCHEMAS / "v1" / "records" / "banana.schema.json"
    (tmp_path / surplus).write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    told = capsys.readouterr().err
    assert all(str(path) in told for path in (event, CATALOGUE, surplus))
    assert len(told.splitlines()) == 3
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert not (tmp_path / surplus).exists()


def test_an_unknown_word_is_answered_with_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chekc"], tmp_path) == 2
    assert "--check" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "canonical_model.publish", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_code_lists_hold_every_code_with_its_meaning() -> None:
    read = {name: list(csv.DictReader(io.StringIO(text))) for name, text in code_lists().items()}
    assert {row["type"] for row in read["event-types.csv"]} == set(EVENTS)
    assert {row["role"] for row in read["roles.csv"]} == set(ROLES)
    assert {row["kind"] for row in read["issue-kinds.csv"]} == set(ISSUE_KINDS)
    assert [row["state"] for row in read["states.csv"] if row["kind"] == "order"] == list(STATES["order"])
    for rows in read.values():
        assert all(row["definition"] for row in rows)


def test_the_page_shows_every_type_state_role_and_kind() -> None:
    page = catalogue_page()
    for word in (*EVENTS, *ROLES, *ISSUE_KINDS, *(state for states in STATES.values() for state in states)):
        assert word in page


def test_schemas_and_codes_are_free_for_everybody() -> None:
    assert "CC0-1.0" in LICENCE
    assert SCHEMAS / "LICENSE" in files()
