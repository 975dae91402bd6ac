"""The page about pages says what there is: every address of the site, every part of a report."""

from __future__ import annotations

import re
from pathlib import Path

from hub.http.report_api import SCHEMA
from hub.reports.shape import OrderReport
from tests.standards import ROOT

TEXT = (ROOT / "docs" / "pages.md").read_text(encoding="utf-8")


def rows(heading: str) -> set[str]:
    """First cells of the table under a heading, without their marks."""
    table = TEXT.partition(heading)[2].partition("\n## ")[0]
    return set(re.findall(r"`([^`]+)`", " ".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))


def test_every_page_has_its_row() -> None:
    source = (ROOT / "hub" / "web" / "routes.py").read_text(encoding="utf-8")
    served = {re.sub(r":\w+}", "}", path) for path in re.findall(r'Route\("([^"]+)"', source)}
    acts = {"/login", "/logout", "/journeys/{journey}/ask"}
    assert rows("## Signing in") == served - acts


def test_every_part_of_a_report_has_its_row() -> None:
    assert rows("## The order report") == set(OrderReport.model_fields) - {"v"}
    assert SCHEMA in TEXT


def test_the_pictures_that_the_page_shows_are_there_and_small() -> None:
    for name in re.findall(r"\((screenshots/[a-z-]+\.png)\)", TEXT):
        picture = Path(ROOT / "docs" / name)
        assert picture.is_file(), name
        assert picture.stat().st_size < 200_000, name
