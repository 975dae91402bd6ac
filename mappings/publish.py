"""Writes the words of the tables into their page: `python -m mappings.publish [--check]`. The vocabulary says."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from mappings.vocabulary import DIALECT_WORDS, GROUP_WORDS, IGNORE_REASONS, MAP_WORDS, ROW_WORDS, TABLE_WORDS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "mappings.md"
BLOCKS: Mapping[str, Mapping[str, str]] = {
    "row words": ROW_WORDS,
    "table words": TABLE_WORDS,
    "map words": MAP_WORDS,
    "group words": GROUP_WORDS,
    "dialect words": DIALECT_WORDS,
    "ignore reasons": IGNORE_REASONS,
}
_BLOCK = re.compile(r"(<!-- generated: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """The page with each generated block as the vocabulary has it. Raises KeyError for a block that nothing fills."""
    return _BLOCK.sub(lambda found: found[1] + _table(BLOCKS[found[2]]) + found[3], page)


def _table(words: Mapping[str, str]) -> str:
    rows = [f"| `{word}` | {says.replace('|', chr(92) + '|')} |\n" for word, says in words.items()]
    return "| word | says |\n|---|---|\n" + "".join(rows)


def main() -> int:
    """Writes the page, or with `--check` says whether it is what the vocabulary says."""
    old = PAGE.read_text(encoding="utf-8")
    new = filled(old)
    if "--check" in sys.argv[1:]:
        if old != new:
            sys.stderr.write(f"{PAGE.name} is not what the vocabulary says: run python -m mappings.publish\n")
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
