"""A file as records: a text by its delimiter, or the sheets of a workbook. Knows no column."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from adapters.mes_csv import workbook
from adapters.mes_csv.text import DELIMITERS, Record, Style, decode, encode, line_end, records
from adapters.mes_csv.workbook import Book
from adapters.reading import Unparsable
from mappings.faults import Fault

_ALL_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"(?:[,;|\t]"[^"]*(?:""[^"]*)*")*')
_GUESSED = Fault("encoding-guessed", "file", "read as cp1252: declare the dialect's encoding, or send UTF-8")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to read a file: what of its head says so, its records, and what is wrong with reading it so."""

    head: Mapping[str, str]
    records: Callable[[], Iterator[Record]]
    faults: tuple[Fault, ...] = ()


class Source(Protocol):
    """What a sheet needs of a file. A ragged one has no cells where a row ends early, and that means nothing."""

    @property
    def ragged(self) -> bool: ...

    def is_empty(self) -> bool: ...

    def ways(self, delimiter: str, sheet: str) -> Iterable[Way]: ...

    def head(self) -> dict[str, Any]: ...

    def is_quoted(self, line: int) -> bool: ...

    def faults(self, declared: str) -> list[Fault]: ...


@dataclass(frozen=True, slots=True)
class Text:
    """A delimited text."""

    content: str
    encoding: str
    ragged: bool = field(default=False, init=False)

    def is_empty(self) -> bool:
        return not self.content.strip()

    def ways(self, delimiter: str, sheet: str) -> Iterator[Way]:  # noqa: ARG002 - a text has no sheets
        for one in (delimiter,) if delimiter else DELIMITERS:
            yield Way({"delimiter": one}, partial(records, self.content, one))

    def head(self) -> dict[str, Any]:
        ends = self.content[-1:] in {"\r", "\n"}
        return {"encoding": self.encoding, "newline": line_end(self.content), "end": ends}

    def is_quoted(self, line: int) -> bool:
        """True where this line quotes every cell."""
        lines = io.StringIO(self.content, newline="")
        found = next((each for number, each in enumerate(lines, 1) if number == line), "")
        return _ALL_QUOTED.fullmatch(found.strip("\r\n")) is not None

    def faults(self, declared: str) -> list[Fault]:
        return [] if self.encoding != "cp1252" or declared else [_GUESSED]


@dataclass(frozen=True, slots=True)
class Sheets:
    """A workbook; its numbers are set down with the dialect's decimal mark."""

    book: Book
    decimal: str = "."
    ragged: bool = field(default=True, init=False)

    def is_empty(self) -> bool:
        return not any(tab.rows for tab in self.book.tabs)

    def ways(self, delimiter: str, sheet: str) -> Iterator[Way]:  # noqa: ARG002 - a workbook has no delimiter
        """The sheet that is named, or each visible one. Raises Unparsable where none of the name is there."""
        found = [tab for tab in self.book.tabs if (tab.title == sheet if sheet else tab.visible)]
        if not found:
            wanted = f"name a sheet {sheet!r}, as the dialect asks" if sheet else "show the sheet that is to be read"
            raise Unparsable("xlsx-sheet", "file", wanted)
        others = any(tab.rows and tab.title != workbook.GUIDE for tab in found[1:])
        for tab in found:
            unread = (Fault("sheets-unread", "file", workbook.ONE_SHEET),) if others else ()
            yield Way({"sheet": tab.title}, partial(tab.records, self.decimal), (*tab.faults, *unread))

    def head(self) -> dict[str, Any]:
        return {"encoding": "utf-8", "workbook": True}

    def is_quoted(self, line: int) -> bool:  # noqa: ARG002
        return False

    def faults(self, declared: str) -> list[Fault]:  # noqa: ARG002
        return []


class Opened:
    """A file that several dialects look at; a workbook is opened once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._book = workbook.read(body) if workbook.is_workbook(body) else None

    def of(self, encoding: str, decimal: str) -> Source:
        """The file as a dialect declares it. Raises Unparsable."""
        return Sheets(self._book, decimal) if self._book is not None else Text(*decode(self._body, encoding))


def write(
    table: Sequence[Sequence[str]], head: Mapping[str, Any], delimiter: str, encoding: str, title: str
) -> tuple[bytes, list[Fault]]:
    """Bytes of records as `head` says; a workbook where it names a sheet, or `title` does."""
    if head.get("workbook") or title:
        return workbook.write(table, head.get("sheet") or title)
    style = Style(
        delimiter=head.get("delimiter") or delimiter or ",",
        encoding=head.get("encoding") or encoding or "utf-8",
        newline=head.get("newline", "\r\n"),
        every=head.get("quoting") == "all",
        end=head.get("end", True),
    )
    return encode(table, style)
