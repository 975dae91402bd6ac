"""What is published is what the model says, and is committed fresh."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from canonical_model import BASE, MODEL_VERSION, publish
from canonical_model.catalogue import EVENTS
from canonical_model.codes import ISSUE_KINDS, ROLES, STAGES, STATES
from canonical_model.compatibility import pack
from canonical_model.data_dictionary import dictionary_page, fields
from canonical_model.joins import COMING_AND_GOING, REOPENING
from canonical_model.json_schema import documents, record_schema
from canonical_model.lifecycles import START, WAYS, diagram, events_to, stage_diagram, states_page
from canonical_model.matrix import MATRIX, STANDARDS, matrix_page, missing, resolves
from canonical_model.publish import (
    CATALOGUE,
    CHANGES,
    LICENCE,
    RELEASED,
    SCHEMAS,
    catalogue_page,
    code_lists,
    files,
    main,
)
from canonical_model.records import RECORDS
from canonical_model.vocabularies import VOCABULARIES

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


def test_the_base_of_all_uris_is_written_once() -> None:
    host = BASE.removeprefix("https://")
    sources = [
        *(ROOT / "canonical_model").rglob("*.py"),
        *(ROOT / "hub").rglob("*.py"),
        *(ROOT / "adapters").rglob("*.py"),
    ]
    assert [path.relative_to(ROOT).as_posix() for path in sources if host in path.read_text(encoding="utf-8")] == [
        "canonical_model/__init__.py"
    ]


# ---- releases ----------------------------------------------------------------------------------------------------


def released(root: Path, version: str, edit: Any) -> None:
    """Puts an earlier release there, of schemas that were as an edit makes today's, and writes the files."""
    before = copy.deepcopy(documents())
    edit(before)
    (root / RELEASED).mkdir(parents=True)
    (root / RELEASED / f"{version}.json").write_text(json.dumps(pack(before)), encoding="utf-8")
    assert main([], root) == 0


def with_a_field_that_is_gone(before: Any) -> None:
    before["records/order.schema.json"]["properties"]["mood"] = {"type": "string"}


def without_a_field_that_is_new(before: Any) -> None:
    del before["records/order.schema.json"]["properties"]["weight"]


@pytest.fixture
def nothing_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The releases of these tests are made up: what is announced of the real one is no break of theirs."""
    monkeypatch.setattr(publish, "ANNOUNCED", {})


@pytest.mark.usefixtures("nothing_announced")
def test_an_unannounced_break_of_the_last_release_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released(tmp_path, "0.1.0", with_a_field_that_is_gone)
    capsys.readouterr()
    assert main(["--check"], tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("breaks release 0.1.0: records/order.mood: removed (")
    assert "ANNOUNCED" in line


def test_an_announced_break_passes_and_is_told_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "ANNOUNCED", {"records/order.mood: removed": "nobody used it"})
    released(tmp_path, "0.1.0", with_a_field_that_is_gone)
    assert main(["--check"], tmp_path) == 0
    assert "- records/order.mood: removed (nobody used it)" in (tmp_path / CHANGES).read_text(encoding="utf-8")


def test_an_announcement_of_no_break_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(publish, "ANNOUNCED", {"records/order.hunger: removed": "never was"})
    released(tmp_path, "0.1.0", lambda before: None)
    assert main(["--check"], tmp_path) == 1
    assert "announced, but no break: records/order.hunger: removed" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_announced")
def test_what_only_adds_passes_under_a_later_version_and_not_under_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released(tmp_path / "later", "0.1.0", without_a_field_that_is_new)
    assert main(["--check"], tmp_path / "later") == 0
    assert "- records/order.weight: field" in (tmp_path / "later" / CHANGES).read_text(encoding="utf-8")
    released(tmp_path / "same", MODEL_VERSION, without_a_field_that_is_new)
    assert main(["--check"], tmp_path / "same") == 1
    assert "raise MODEL_VERSION" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_announced")
def test_it_is_the_last_release_that_is_compared(tmp_path: Path) -> None:
    released(tmp_path, "0.9.0", with_a_field_that_is_gone)
    (tmp_path / RELEASED / "0.10.0.json").write_text(json.dumps(pack(documents())), encoding="utf-8")
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


@pytest.mark.usefixtures("nothing_announced")
def test_a_release_is_kept_once_and_survives_the_next_writing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--release"], tmp_path) == 1
    assert "not fresh" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert main(["--release"], tmp_path) == 0
    kept = tmp_path / RELEASED / f"{MODEL_VERSION}.json"
    before = kept.read_bytes()
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    assert main(["--release"], tmp_path) == 1
    assert "raise MODEL_VERSION" in capsys.readouterr().err
    assert kept.read_bytes() == before


# ---- pages -------------------------------------------------------------------------------------------------------


def test_the_dictionary_tells_of_every_field_of_every_record() -> None:
    told = {row[0]: row for row in fields()}
    for kind in RECORDS:
        for field in record_schema(kind)["properties"]:
            path, type_, _, meaning, example = told[f"{kind}.{field}"]
            assert type_, path
            assert meaning, path
            assert example, path
    assert told["order.weight"][2] == "kg"
    assert told["Point.seconds"][2] == "s"


def test_the_dictionary_has_a_meaning_for_every_field_of_every_type() -> None:
    assert [row[0] for row in fields() if not row[3]] == []


def test_tables_of_the_pages_have_as_many_cells_as_columns() -> None:
    for page in (dictionary_page(), matrix_page(), catalogue_page()):
        width = 0
        for line in page.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert width in {0, cells}, line
            width = cells


def test_links_of_the_pages_lead_somewhere() -> None:
    headings = set(re.findall(r"^#+ (.+)$", catalogue_page(), flags=re.MULTILINE))
    anchors = re.findall(r"\(catalogue\.md#([a-z-]+)\)", dictionary_page())
    assert set(anchors) <= headings
    assert set(VOCABULARIES) <= headings


@pytest.mark.parametrize("kind", sorted(STATES))
def test_every_state_has_a_way_that_the_fold_can_go(kind: str) -> None:
    ways, ranks = WAYS[kind], {state: rank for rank, state in enumerate(STATES[kind])}
    assert {state for way in ways for state in way} == {START, *STATES[kind]}
    reached, waiting = set(), [START]
    while waiting:
        state = waiting.pop()
        reached.add(state)
        waiting += [end for start, end in ways if start == state and end not in reached]
    assert reached >= set(STATES[kind])
    going = COMING_AND_GOING.get(kind, frozenset())
    again = {EVENTS[type_].becomes for type_ in REOPENING.get(kind, ())}
    for start, end in ways:
        goes = start == START or ranks[start] <= ranks[end] or {start, end} <= going or end in again
        assert goes, (start, end)


def test_event_types_stand_on_the_ways_to_their_states() -> None:
    for row in EVENTS.values():
        if row.becomes and row.about in STATES:
            assert row.type in events_to(row.about, row.becomes)
    assert "    accepted --> completed: completed" in diagram("order")
    assert "    in_transit --> delivered: unpacked, arrived" in diagram("shipment")


def test_the_page_of_states_has_every_state_of_every_kind() -> None:
    page = states_page()
    for kind, states in STATES.items():
        section = page.partition(f"\n## {kind}\n")[2].partition("\n## ")[0]
        assert all(state.replace("-", "_") in section for state in states)
    assert all(stage.replace("-", "_") in "\n".join(stage_diagram()) for stage in STAGES)


def test_every_field_of_the_mapping_matrix_has_its_canonical_path() -> None:
    assert missing() == []
    assert len(MATRIX) == 89
    assert all(place.paths for place in MATRIX)
    assert "Missing: 0." in matrix_page()


def test_a_path_that_the_schemas_lack_is_missed() -> None:
    lacking = (
        "order.mood",
        "order.weight.mood",
        "mood",
        "event.type=order.eaten",
        "event.type=mood.*",
        "order-document.x",
    )
    assert not any(resolves(path) for path in lacking)
    assert resolves("order.weight.value")
    assert resolves("event.type=order.*")


def test_the_matrix_page_has_every_field_of_every_standard_with_its_paths() -> None:
    sections = dict(zip(STANDARDS, matrix_page().split("\n## ")[1:], strict=True))
    for place_of, standard in enumerate(STANDARDS):
        rows = {line.split("`")[1]: line for line in sections[standard].splitlines() if line.startswith("| `")}
        assert rows.keys() == {field for place in MATRIX for field in place.fields[place_of]}
        for place in MATRIX:
            for field in place.fields[place_of]:
                assert all(f"`{path}`" in rows[field] for path in place.paths)
    assert sum(len(set(place.fields[i])) for place in MATRIX for i in range(5)) > 500
