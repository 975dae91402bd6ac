"""The page on identifiers says what the code does: its examples run, its tables are complete."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from canonical_model.identifiers import KINDS

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "identifiers.md"


def test_the_examples_of_the_page_run() -> None:
    done = doctest.testfile(str(PAGE), module_relative=False)
    assert done.attempted >= 10
    assert done.failed == 0


def test_every_kind_has_its_row() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| (one|many) \| `([^`]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [(kind.type, kind.unique, kind.system) for kind in KINDS.values()]


def test_every_attribute_of_a_scan_has_its_row() -> None:
    table = PAGE.read_text("utf-8").partition("| attribute | from |")[2]
    told = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "canonical_model").glob("*/*.py"))
    assert told
    assert {name for name in told if f'"{name}"' not in sources and f" {name} " not in sources} == set()
    written = re.findall(r"(?:attribute|date|setdefault)\(\s*\"(\w+)\"", sources)
    tables = re.findall(r"^_(?:PLACES|TEXTS|DATES|TIMES) = \{(.*?)\}", sources, re.MULTILINE | re.DOTALL)
    written += [name for table in tables for name in re.findall(r": \"(\w+)\"", table)]
    assert {"expiry", "quantities", "lot", "ship_to"} <= set(written)
    assert set(written) - told == set()
