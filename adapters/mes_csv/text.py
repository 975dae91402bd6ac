"""CSV bytes to records and back: encoding, quoting, bounds, and cells that a spreadsheet would run. Knows no header.

Input is hostile: bytes, rows, columns and cells are bounded, and every refusal names line and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.reading import Unparsable
from mappings.faults import Fault

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 50_000
MAX_COLUMNS = 500
MAX_CELLS = 1_000_000
MAX_CELL = 32_767
"""Characters of a cell: what a spreadsheet holds."""
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "cp1252", "cp1250", "iso-8859-15", "utf-16")

_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?|[+-]")
_FORMULA = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]")
_LINE_END = re.compile(r"\r\n|\r|\n")

Record = tuple[int, list[str]]
"""Number of the line on which it begins, and its cells."""


# ---- bytes ----------------------------------------------------------------------------------------------------


def decode(body: bytes, declared: str = "") -> tuple[str, str]:
    """Text and encoding: what a byte order mark says, UTF-8 where it is valid UTF-8, else what is declared (cp1252
    where nothing is).

    Raises Unparsable with the place of the first byte that cannot be read.
    """
    if len(body) > MAX_BYTES:
        raise Unparsable("csv-too-large", "file", f"a file has at most {MAX_BYTES} bytes; send it in parts")
    if remedy := next((way for magic, way in _OTHER_KINDS if body.startswith(magic)), ""):
        raise Unparsable("file-kind", "file", remedy)
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or (declared == "utf-16" and b"\0" in body):
        return _without_nul(_strict(body, "utf-16")), "utf-16"
    if body.startswith(b"\xef\xbb\xbf"):
        return _without_nul(_strict(body[3:], "utf-8")), "utf-8-sig"
    fallback = "utf-8" if declared.startswith("utf-8") else declared or "cp1252"
    try:
        text, encoding = body.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, encoding = _strict(body, fallback), fallback
    # Plain ASCII says nothing of the encoding: what is added to it later is written as the dialect declares.
    return _without_nul(text), fallback if text.isascii() and declared else encoding


_OTHER_KINDS = (
    (b"PK\x03\x04", "drop the file itself, not packed in a zip"),
    (b"\x1f\x8b", "drop the file itself, not packed by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "drop the file itself, not packed"),
    (b"Rar!", "drop the file itself, not packed"),
    (b"\xd0\xcf\x11\xe0", "an old or a protected workbook: save it as .xlsx without a password, or as CSV"),
    (b"%PDF", "a PDF is not read: export the table as CSV or .xlsx"),
)
"""First bytes of files that are no text, and what to do instead."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise Unparsable("csv-nul", place_of(text[: text.index("\0")]), "a NUL byte is no text; export the file again")
    return text


def _strict(body: bytes, encoding: str) -> str:
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as wrong:
        place = place_of(body[: wrong.start].decode(encoding, "replace"))
        raise Unparsable("csv-encoding", place, f"a byte is not {encoding}; save the file as UTF-8") from wrong


def place_of(before: str) -> str:
    """Line and character of what follows this text."""
    lines = _LINE_END.split(before)
    return f"line {len(lines)} character {len(lines[-1]) + 1}"


def line_end(text: str) -> str:
    """The line end that the text uses most."""
    crlf = text.count("\r\n")
    counts = {"\r\n": crlf, "\n": text.count("\n") - crlf, "\r": text.count("\r") - crlf}
    return max(counts, key=lambda end: counts[end]) if any(counts.values()) else "\r\n"


# ---- records --------------------------------------------------------------------------------------------------


def records(text: str, delimiter: str) -> Iterator[Record]:
    """The records of a text. Raises Unparsable with line and column: quotes, long cells, too many rows or columns."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins, total = 1, 0
    for count in range(MAX_ROWS + 1):
        try:
            cells = next(reader, None)
        except csv.Error as wrong:
            raise _located(text, delimiter, begins) from wrong
        if cells is None:
            return
        total += len(cells)
        if count == MAX_ROWS or total > MAX_CELLS:
            remedy = f"a file has at most {MAX_ROWS} rows and {MAX_CELLS} cells; send it in parts"
            raise Unparsable("csv-too-many-rows", f"line {begins}", remedy)
        if len(cells) > MAX_COLUMNS:
            place = f"line {begins} column {MAX_COLUMNS + 1}"
            raise Unparsable("csv-too-many-columns", place, f"a row has at most {MAX_COLUMNS} cells")
        for column, cell in enumerate(cells):
            if len(cell) > MAX_CELL:
                raise _too_long(begins, column + 1)
            if cell[:1] == "'":
                cells[column] = unguarded(cell)
        yield begins, cells
        begins = reader.line_num + 1


def _too_long(line: int, column: int) -> Unparsable:
    remedy = f"a cell has at most {MAX_CELL} characters; look for a quotation mark that is not closed"
    return Unparsable("csv-cell-too-long", f"line {line} column {column}", remedy)


def _located(text: str, delimiter: str, begins: int) -> Unparsable:
    """What csv.reader met in the record that begins on this line, with line and column."""
    rest = "".join(io.StringIO(text, newline="").readlines()[begins - 1 :])
    ends = re.compile(f"[{re.escape(delimiter)}\r\n]")
    at, column, line = 0, 1, begins
    while True:
        place = f"line {line} column {column}"
        if rest[at : at + 1] == '"':
            end = _closing(rest, at + 1)
            if end is None:
                return Unparsable("csv-quotes", place, "a quotation mark opens here and is not closed")
            if rest[end : end + 1] not in {delimiter, "\r", "\n", ""}:
                remedy = "text follows a closing quotation mark; write a quotation mark inside a cell twice"
                return Unparsable("csv-quotes", place, remedy)
            line += len(_LINE_END.findall(rest[at:end]))
        else:
            found = ends.search(rest, at)
            end = found.start() if found else len(rest)
        if end - at > MAX_CELL:
            return _too_long(begins, column)
        if rest[end : end + 1] != delimiter:
            return Unparsable("csv-syntax", place, "the line is not CSV of this delimiter")
        at, column = end + 1, column + 1


def _closing(text: str, at: int) -> int | None:
    """Where a quoted cell ends (after its mark), or None."""
    while (end := text.find('"', at)) >= 0:
        if text[end + 1 : end + 2] != '"':
            return end + 1
        at = end + 2
    return None


# ---- cells that a spreadsheet would run -----------------------------------------------------------------------


def guarded(cell: str) -> str:
    """The cell as a spreadsheet may have it: what it would run gets an apostrophe in front; numbers do not."""
    return f"'{cell}" if _runs(cell.lstrip("'")) else cell


def unguarded(cell: str) -> str:
    """The inverse of `guarded`."""
    return cell[1:] if cell[:1] == "'" and _runs(cell.lstrip("'")) else cell


def _runs(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell) is None


# ---- writing --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Style:
    """How a file is set down; `every` cell quoted or as needed, a line end at the `end` or none."""

    delimiter: str
    encoding: str
    newline: str
    every: bool
    end: bool


def encode(table: Iterable[Sequence[str]], style: Style) -> tuple[bytes, list[Fault]]:
    """Bytes of records, and the cells that no reader could take: too long, or without a character in the encoding.

    Such a cell is left empty: with a replaced character it would be another identifier.
    """
    faults: list[Fault] = []
    lines = []
    for number, cells in enumerate(table, 1):
        kept = [cell if _fits(cell, style.encoding) else "" for cell in cells]
        remedy = f"too long, or not in {style.encoding}: the cell is left empty; agree on utf-8 with the partner"
        faults += [
            Fault("no-home", f"line {number} column {column}", remedy, severity="lost")
            for column, (cell, left) in enumerate(zip(cells, kept, strict=True), 1)
            if cell != left
        ]
        lines.append(style.delimiter.join(_quoted(guarded(cell), style) for cell in kept))
    return (style.newline.join(lines) + (style.newline if style.end else "")).encode(style.encoding), faults


def _fits(cell: str, encoding: str) -> bool:
    """True for a cell that its reader can take: within bounds, without NUL, in the characters of the encoding."""
    if len(cell) > MAX_CELL or "\0" in cell:
        return False
    if cell.isascii():
        return True
    try:
        cell.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _quoted(cell: str, style: Style) -> str:
    if style.every or style.delimiter in cell or '"' in cell or "\n" in cell or "\r" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell
