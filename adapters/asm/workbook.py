"""The first sheet of an instrument's workbook (.xlsx) as rows of text, and a clean one from texts. Knows no instrument.

Input is hostile: the package is measured before it is opened, no part of it may declare a document type. A number is
its digits, a time ISO 8601. No library is ever given a workbook that was not written here.
"""

from __future__ import annotations

import datetime as dt
import io
import warnings
import zipfile
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from adapters.reading import Unparsable

MAX_PACKED = 8 * 1024 * 1024
MAX_UNPACKED = 32 * 1024 * 1024
MAX_PARTS = 500
MAX_RATIO = 400
MAX_ROWS = 5_000
MAX_COLUMNS = 200
MAX_CELL = 4_000

Row = list[str]


def is_workbook(body: bytes) -> bool:
    """True for a zip; whether it holds a workbook, `read` finds."""
    return body[:4] == b"PK\x03\x04"


def read(body: bytes) -> list[Row]:
    """The rows of the first sheet. Raises Unparsable: no workbook, too large, hostile."""
    _check(body)
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError as missing:
        raise Unparsable("extra-missing", "file", "this hub reads no workbooks: install cgt-hub[lab]") from missing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
            sheet: Any = book.worksheets[0]
            sheet.reset_dimensions()
            return _rows(sheet)
    except Unparsable:
        raise
    except Exception as wrong:  # whatever the library meets in hostile bytes, the file is unreadable
        raise _unreadable() from wrong


def _rows(sheet: Any) -> list[Row]:
    rows: list[Row] = []
    for cells in sheet.iter_rows(values_only=True):
        if len(rows) >= MAX_ROWS or len(cells) > MAX_COLUMNS:
            remedy = f"a sheet has at most {MAX_ROWS} rows and {MAX_COLUMNS} columns; export fewer samples"
            raise Unparsable("file-too-large", f"line {len(rows) + 1}", remedy)
        rows.append([_text(cell, len(rows) + 1) for cell in cells])
    while rows and not any(rows[-1]):
        del rows[-1]
    return rows


def _text(cell: Any, line: int) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{Decimal(repr(cell)):f}".removesuffix(".0") if abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime | dt.date | dt.time):
        return cell.isoformat()
    text = str(cell)
    if len(text) > MAX_CELL:
        raise Unparsable("file-too-large", f"line {line}", f"a cell has at most {MAX_CELL} characters")
    return text.strip()


def _check(body: bytes) -> None:
    """Raises Unparsable unless a package is safe to open."""
    if len(body) > MAX_PACKED:
        raise Unparsable("file-too-large", "file", f"a workbook has at most {MAX_PACKED} bytes; export fewer samples")
    try:
        package = zipfile.ZipFile(io.BytesIO(body))
        entries = package.infolist()
        names = [entry.filename for entry in entries]
        if "xl/workbook.xml" not in names or any("vbaproject" in name.lower() for name in names):
            raise Unparsable(
                "file-kind", "file", "drop the file itself, not packed in a zip; a workbook without macros"
            )
        if len(names) != len(set(names)) or any(entry.flag_bits & 0x1 for entry in entries):
            raise _unreadable()
        large = any(e.file_size > 1024 * 1024 and e.file_size > MAX_RATIO * max(e.compress_size, 1) for e in entries)
        if large or len(names) > MAX_PARTS or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            raise Unparsable("file-too-large", "file", "the workbook is too large unpacked; export fewer samples")
        for entry in entries:
            if entry.filename.endswith((".xml", ".rels")):
                _check_part(package.read(entry), entry.filename)
    except Unparsable:
        raise
    except Exception as wrong:  # a packed part may be damaged in any way
        raise _unreadable() from wrong


def _check_part(content: bytes, name: str) -> None:
    content.decode("utf-8")  # in another encoding a declaration could hide
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise Unparsable("xml-doctype", name[:80], "no part of a workbook declares a document type")


def _unreadable() -> Unparsable:
    return Unparsable("xlsx-unreadable", "file", "the workbook cannot be opened: export it again, without a password")


def written(rows: Sequence[Row]) -> bytes:
    """A workbook of one sheet in which every cell is text."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet: Any = book.active
    for line, cells in enumerate(rows, 1):
        for column, text in enumerate(cells, 1):
            if text:
                cell = sheet.cell(line, column, text)
                cell.data_type = "s"  # a text that begins like a formula is none
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()
