"""The page of the table language says what the vocabulary says."""

from __future__ import annotations

import pytest

from mappings import publish


def test_the_page_is_what_the_vocabulary_says() -> None:
    page = publish.PAGE.read_text(encoding="utf-8")
    assert publish.filled(page) == page
    for name, words in publish.BLOCKS.items():
        assert f"<!-- generated: {name} -->" in page
        assert all(f"| `{word}` |" in page for word in words)


def test_a_changed_block_is_put_right() -> None:
    page = publish.PAGE.read_text(encoding="utf-8")
    assert publish.filled(page.replace("| `same_as` |", "| `other_as` |")) == page


def test_a_block_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(KeyError, match="no such"):
        publish.filled("<!-- generated: no such words -->\n<!-- end -->")
