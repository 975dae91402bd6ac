"""The glossary: one word for each thing, and a word for every thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from canonical_model.records import RECORDS

PAGE = (Path(__file__).parent.parent.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
SECTIONS = [re.findall(r"^\*\*([^*]+)\*\*:", section, flags=re.MULTILINE) for section in PAGE.split("\n## ")[1:]]
TERMS = [term for section in SECTIONS for term in section]


def test_each_thing_has_one_word() -> None:
    assert len(TERMS) == len({term.casefold() for term in TERMS})
    assert len(TERMS) >= 60


@pytest.mark.parametrize("kind", sorted(RECORDS))
def test_every_kind_of_record_is_explained(kind: str) -> None:
    assert kind in {term.casefold() for term in TERMS}


@pytest.mark.parametrize("section", range(len(SECTIONS)))
def test_terms_are_found_by_their_place(section: int) -> None:
    folded = [re.sub(r"[^a-z]", "", term.casefold()) for term in SECTIONS[section]]
    assert folded == sorted(folded)


def test_every_explanation_says_something() -> None:
    for term, text in re.findall(r"^\*\*([^*]+)\*\*: (.*?)(?=\n\n|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL):
        assert len(text.split()) >= 4, term
