"""The tables of a format: its own, the common ones, and a site's."""

from __future__ import annotations

from pathlib import Path

from adapters import asm, courier_feed, mes_csv
from hub.formats import content_of
from mappings import library


def of(adapter: object) -> library.Library:
    """The tables of an adapter."""
    found: library.Library = adapter.library  # type: ignore[attr-defined]
    return found


def test_formats_share_the_common_code_tables() -> None:
    feed, rows = of(courier_feed.adapter()), of(mes_csv.adapter())
    assert feed.codes["milestone"] == rows.codes["milestone"]
    assert "common/codes/milestone.csv" in feed.files


def test_a_formats_own_table_stands_in_place_of_the_common_one() -> None:
    own = of(asm.adapter())
    assert own.codes["test"] != of(mes_csv.adapter()).codes["test"]
    assert "asm/codes/test.csv" in own.files
    assert "common/codes/test.csv" not in own.files


def test_a_sites_codes_are_laid_over_the_common_ones(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "verdict.csv").write_text("wire,canonical,note\nbestanden,pass,\n")
    here, there = of(mes_csv.adapter(None, (tmp_path,))), of(mes_csv.adapter())
    assert here.codes["verdict"].read("bestanden") == "pass"
    assert here.codes["verdict"].read("PASS") == there.codes["verdict"].read("PASS")
    assert here.digest != there.digest


def test_common_tables_hold_codes_and_nothing_else() -> None:
    common = library.FOLDER / library.COMMON
    assert {file.parent.name for file in common.rglob("*") if file.is_file()} == {"codes"}
    assert content_of(common)
