"""The how-to page for CSV dialects says what is true: its files are the example's, its session runs as shown."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from adapters import mes_csv
from canonical_model.frames import set_schemas
from hub import cli
from mappings.vocabulary import DIALECT_WORDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "howto-csv-dialect.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```\w+ (\S+)\n(.*?)```", PAGE, re.DOTALL))


def test_the_files_of_the_page_are_those_of_the_example() -> None:
    shown = [name for name in BLOCKS if (ROOT / "examples" / "csv-dialect" / name).exists()]
    assert shown == ["overlay/mes_csv/pruefergebnisse.yaml", "overlay/mes_csv/codes/verdict.csv"]
    for name in shown:
        assert (ROOT / "examples" / "csv-dialect" / name).read_text(encoding="utf-8") == BLOCKS[name]


def test_the_commands_of_the_page_make_the_files_of_the_example(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(ROOT / "examples" / "csv-dialect")
    commands = re.findall(r"^cgt-hub (.+?)(?: > (\S+))?$", PAGE, re.MULTILINE)
    assert [command.split()[0] for command, _ in commands] == ["explain", "convert", "convert"]
    for command, into in commands:
        with pytest.raises(SystemExit) as ended:
            monkeypatch.setattr("sys.argv", ["cgt-hub", *shlex.split(command)])
            cli.main()
        out = capfdbinary.readouterr().out
        assert ended.value.code in {0, None}
        assert not into or out == Path(into).read_bytes()
        assert into or out.decode("utf-8").count("│ carried ") == 61


def test_the_row_of_a_column_of_ones_own_compiles(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(BLOCKS["overlay/mes_csv/own.yaml"], encoding="utf-8")
    table = mes_csv.adapter(set_schemas(), [tmp_path]).library.tables["mes_csv/qc_result"]
    assert {"specification", "room"} <= table.rows_by_place.keys()


def test_every_word_of_the_pages_dialect_is_a_word() -> None:
    dialect = BLOCKS["overlay/mes_csv/pruefergebnisse.yaml"].partition("dialect:")[2]
    said = re.findall(r"^  (\w+):", dialect, re.MULTILINE)
    assert set(said) <= DIALECT_WORDS.keys()


def test_the_guide_to_the_tables_has_every_word_of_a_dialect() -> None:
    guide = (ROOT / "docs" / "mappings.md").read_text(encoding="utf-8")
    block = guide.partition("<!-- generated: dialect words -->\n")[2].partition("<!-- end -->")[0]
    rows = [f"| `{word}` | {meaning.replace('|', chr(92) + '|')} |" for word, meaning in DIALECT_WORDS.items()]
    assert block.splitlines() == ["| word | says |", "|---|---|", *rows]


def test_the_page_stays_within_a_screen_and_a_half() -> None:
    assert len(PAGE.splitlines()) <= 100
