"""The runner's table tells what was tried, and is red where a harness is, or where it misses a planted fault."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.verify import __main__ as runner
from tests.verify.plants import PLANTS
from tests.verify.stage import STORES

ROW = runner.Row("a row", "kill", (), (), ("kills", "messages"), ("sqlite",), {"no-unique-key": ()})


def test_every_row_is_a_harness_whose_planted_faults_there_are() -> None:
    caught: set[str] = set()
    for row in runner.ROWS:
        harness = importlib.import_module(f"tests.verify.{row.module}")
        assert callable(harness.main), row.module
        assert row.planted or row.tests or row.name in caught, f"{row.name} catches nothing"
        caught.add(row.name)
        assert not row.planted or set(row.planted) <= {*PLANTS, *getattr(harness, "PLANTS", ())}
        assert set(row.stores) <= {*STORES, "memory"}


@pytest.mark.parametrize(
    ("answers", "is_red", "shown"),
    [
        ({"": (0, {"kills": 5}), "no-unique-key": (1, {"kills": 1})}, False, "| 5 kills | 0 | 1 of 1 |"),
        ({"": (0, {"kills": 5}), "no-unique-key": (0, {"kills": 1})}, True, "| 0 | 0 of 1 |"),
        ({"": (1, {"kills": 5, "wrong": ["a", "b"]}), "no-unique-key": (1, {"kills": 1})}, True, "| 2 | 1 of 1 |"),
        ({"": (3, {}), "no-unique-key": (3, {})}, True, "| it fell over | 0 of 1 |"),
        ({"": (2, {})}, False, "skipped"),
    ],
    ids=["green", "fault-missed", "wrong", "fallen-over", "skipped"],
)
def test_a_row_is_red_where_a_promise_or_a_planted_fault_is_missed(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[int, dict[str, object]]], is_red: bool, shown: str
) -> None:
    def asked(_: str, *arguments: str) -> tuple[int, dict[str, object], str]:
        return (*answers[arguments[-1] if "--plant" in arguments else ""], "")

    monkeypatch.setattr(runner, "_asked", asked)
    ran = runner.run(ROW, "sqlite", full=False)
    assert ran.is_red == is_red
    assert shown in runner.table([ran], full=False)


def test_a_harness_that_falls_over_is_no_harness_that_is_red() -> None:
    for asked in (("kill", "--no-such-option"), ("no_such_harness",)):
        code, figures, _ = runner._asked(*asked)
        assert (code, figures) == (runner.FELL_OVER, {})


def test_rows_stand_between_the_marks_among_those_that_were_not_run_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{runner.BEGIN}\nold\n{runner.END}\nafter\n")
    kill, power = (next(row for row in runner.ROWS if row.module == name) for name in ("kill", "power"))
    for row, store, kills in ((power, "sqlite", 1), (kill, "postgres", 2), (kill, "sqlite", 3), (kill, "sqlite", 4)):
        runner.write(page, [runner.Ran(row, store, 0, {"kills": kills, "cuts": kills}, 5.0)], full=kills > 3)
    before, _, rest = page.read_text().partition(runner.BEGIN)
    table, _, after = rest.partition(runner.END)
    assert (before, after) == ("before\n", "\nafter\n")
    assert "old" not in table
    lines = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert [(line[0], line[1], line[2]) for line in lines] == [
        (f"| {kill.name}", "sqlite", "4 kills"),
        (f"| {kill.name}", "postgres", "2 kills"),
        (f"| {power.name}", "sqlite", "1 cuts"),
    ]
    assert [line[-1].rpartition(", ")[2] for line in lines] == ["full |", "short |", "short |"]


def test_the_documentation_has_the_marks() -> None:
    text = runner.PAGE.read_text(encoding="utf-8")
    assert text.count(runner.BEGIN) == text.count(runner.END) == 1
