"""Workbooks (.xlsx) as sheets of text cells, and back: values as they are kept, never formulas. Knows no column.

Input is hostile: the package is measured before it is opened, no part of it may declare a document type, macros and
passwords are refused, links to other files are not followed. A number is the decimal that the program shows as its
value (15 digits), with the zeros of its format; a date is ISO 8601. What is not given back: formats, formulas, widths.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters.mes_csv.text import MAX_CELL, MAX_CELLS, MAX_COLUMNS, MAX_ROWS, Record
from adapters.reading import Unparsable
from mappings.faults import Fault

MAX_UNPACKED = 64 * 1024 * 1024
MAX_PARTS = 1_000
MAX_RATIO = 400
"""How much smaller a part may be packed; rows that are all alike come to some hundred."""
MAX_TABS = 50
MAX_LAID = 2 * MAX_CELLS
"""Cells of a workbook as it is laid out, with its blank ones: a cell far to the right makes a row of thousands."""
GUIDE = "Instructions"
"""Name of the sheet of our templates that explains, and holds no rows."""
ONE_SHEET = "one sheet of the file is read; name it in the dialect (`sheet`), or send the others as files of their own"

_ERRORS = frozenset({"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!"})
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\b[^>]*?\bref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_DECLARES = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_TOKEN = re.compile(r'"[^"]*"|\\.|[_*].|\[[^\]]*\]|general|e[+-]|.', re.DOTALL | re.IGNORECASE)
_SIGNS = " \u00a0\u202f+-−–()"
"""What a format may show around a number without saying anything of it."""
_WHOLE = 10**15


class Number(str):
    """A number as text with a decimal point."""

    __slots__ = ()


@dataclass(slots=True)
class Tab:
    """One sheet: its filled rows by number, and what is wrong with its cells."""

    title: str
    visible: bool
    rows: dict[int, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def records(self, decimal: str) -> Iterator[Record]:
        """The rows as records of text, from the first row on; a blank row is one too."""
        last = 0
        for number, cells in self.rows.items():
            for blank in range(last + 1, min(number, last + 100)):
                yield blank, [""]
            last = number
            yield number, [cell.replace(".", decimal) if isinstance(cell, Number) else cell for cell in cells]


@dataclass(slots=True)
class Book:
    """A workbook's sheets in their order."""

    tabs: list[Tab]


def is_workbook(body: bytes) -> bool:
    """True for a zip that has the parts of a workbook by name; what it really is, `read` finds."""
    return body[:4] == b"PK\x03\x04" and any(name in body for name in (b"xl/", b"docProps/", b"[Content_Types].xml"))


# ---- reading --------------------------------------------------------------------------------------------------


def read(body: bytes) -> Book:
    """The sheets of a workbook. Raises Unparsable: no workbook, too large, protected, with macros, hostile."""
    parts = _parts(body)
    try:
        return _book(body, parts)
    except Unparsable:
        raise
    except ImportError as missing:
        raise Unparsable("xlsx-unreadable", "file", "this hub reads no workbooks: export CSV") from missing
    except Exception as wrong:  # whatever the library meets in hostile bytes, the file is unreadable
        remedy = "the workbook cannot be opened: open it, save it as .xlsx again, or export CSV"
        raise Unparsable("xlsx-unreadable", "file", remedy) from wrong


def _parts(body: bytes) -> dict[str, bytes]:
    """The XML parts of a package that is safe to open. Raises Unparsable."""
    try:
        package = zipfile.ZipFile(io.BytesIO(body))
        entries = package.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError, UnicodeDecodeError) as wrong:
        raise Unparsable("xlsx-unreadable", "file", "the workbook is cut off or damaged: save it again") from wrong
    names = [entry.filename for entry in entries]
    if "xl/workbook.xml" not in names:
        raise Unparsable("file-kind", "file", "drop the file itself, not packed in a zip, or save it as .xlsx")
    if len(names) != len(set(names)) or any(entry.flag_bits & 0x1 for entry in entries):
        raise Unparsable("xlsx-unreadable", "file", "save the workbook again, without a password")
    if any("vbaproject" in name.lower() for name in names):
        raise Unparsable("file-kind", "file", "save the workbook without macros, as .xlsx")
    large = any(e.file_size > 1024 * 1024 and e.file_size > MAX_RATIO * max(e.compress_size, 1) for e in entries)
    if len(names) > MAX_PARTS or large or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise Unparsable("csv-too-large", "file", "the workbook is too large unpacked: send it in parts, or as CSV")
    return {entry.filename: _part(package, entry) for entry in entries if entry.filename.endswith((".xml", ".rels"))}


def _part(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """One XML part, in UTF-8 and without a document type. Raises Unparsable."""
    try:
        content = package.read(entry)
    except Exception as wrong:  # a packed part may be damaged in any way
        raise Unparsable("xlsx-unreadable", "file", "the workbook is cut off or damaged: save it again") from wrong
    if b"\0" in content or _DECLARES.search(content):
        raise Unparsable("xlsx-unreadable", "file", "a part of the workbook declares what no workbook does")
    return content


def _book(body: bytes, parts: dict[str, bytes]) -> Book:
    import openpyxl  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True, keep_links=False)
        sheets = book.worksheets[:MAX_TABS]
        laid = _Laid()
        tabs = [_tab(sheet, parts.get(_path(sheet), b""), laid) for sheet in sheets]
        if any(_FORMULA.search(parts.get(_path(sheet), b"")) for sheet in sheets):
            other = openpyxl.load_workbook(io.BytesIO(body), read_only=True, keep_links=False)
            for tab, sheet in zip(tabs, other.worksheets, strict=False):
                tab.faults += _uncounted(tab, sheet)
    return Book(tabs)


def _path(sheet: Any) -> str:
    return str(getattr(sheet, "_worksheet_path", "")).lstrip("/")


@dataclass(slots=True)
class _Laid:
    """How many cells of a workbook were laid out so far."""

    cells: int = 0

    def add(self, number: int, cells: int) -> None:
        """Counts a row before anything is made of it. Raises Unparsable."""
        self.cells += cells
        if self.cells > MAX_LAID:
            remedy = f"with its blank cells the workbook has more than {MAX_LAID}: delete empty columns and rows"
            raise Unparsable("csv-too-many-rows", f"line {number}", remedy)


def _tab(sheet: Any, xml: bytes, laid: _Laid) -> Tab:
    sheet.reset_dimensions()
    tab = Tab(str(sheet.title), sheet.sheet_state == "visible")
    total = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        laid.add(number, len(row))
        said = {
            place: _text(cell, number, place, tab.faults) for place, cell in enumerate(row, 1) if cell.value is not None
        }
        cells = [said.get(place, "") for place in range(1, max((n for n in said if said[n].strip()), default=0) + 1)]
        if not cells:
            continue
        total += len(cells)
        if len(tab.rows) > MAX_ROWS or total > MAX_CELLS:
            remedy = f"a sheet has at most {MAX_ROWS} rows and {MAX_CELLS} cells; send it in parts"
            raise Unparsable("csv-too-many-rows", f"line {number}", remedy)
        if len(cells) > MAX_COLUMNS:
            place = f"line {number} column {MAX_COLUMNS + 1}"
            raise Unparsable("csv-too-many-columns", place, f"a row has at most {MAX_COLUMNS} cells")
        tab.rows[number] = cells
    _spread(tab, xml)
    return tab


def _text(cell: Any, line: int, column: int, faults: list[Fault]) -> str:
    """What a cell says. An error, and a number with more digits than a spreadsheet keeps, say nothing for sure."""
    value, place = cell.value, f"line {line} column {column}"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if abs(value) >= _WHOLE and value == int(value):
            remedy = "a spreadsheet keeps 15 digits of a number: format the column as text and type it again"
            faults.append(Fault("cell-rounded", place, remedy, severity="error"))
            return ""
        number = _number(value, str(cell.number_format or ""))
        if number is None:
            remedy = "the cell shows something else than its number: format the column as text and type what it shows"
            faults.append(Fault("cell-format", place, remedy, severity="error"))
        return number or ""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return _moment(value, str(cell.number_format or ""))
    text = str(value)
    if cell.data_type == "e" or text in _ERRORS:
        faults.append(Fault("cell-error", place, "the spreadsheet shows an error here; mend its formula"))
        return ""
    if len(text) > MAX_CELL:
        raise Unparsable("csv-cell-too-long", place, f"a cell has at most {MAX_CELL} characters")
    return text.replace("_x000D_", "").replace("\0", "")


def _number(value: float, format_: str) -> str | None:
    """A number with the digits that it has, and with the zeros and the words that its format shows around them.

    A percentage has its sign. None where the cell shows something else than its number, or nobody can tell.
    """
    exact = Decimal(value) if isinstance(value, int) else Decimal(f"{value:.15g}")
    form = _form(_section(format_, exact))
    if form is None or (exact < 0 and form.before):
        return None
    percent = "%" in form.digits
    shown = exact.scaleb(2) if percent else exact
    digits = format(shown.normalize() if shown else Decimal(0), "f")
    whole, _, part = form.digits.rstrip("%").partition(".")
    if part.strip("0") == "":
        point = digits.find(".")
        has = len(digits) - point - 1 if point >= 0 else 0
        digits += ("" if has or not part else ".") + "0" * (len(part) - has)
    if "." not in digits + form.digits and not percent:
        digits = digits.zfill(whole.count("0") + digits.startswith("-"))
    return Number(f"{form.before}{digits}{'%' if percent else ''}{form.after}")


@dataclass(frozen=True, slots=True)
class _Form:
    """How a format shows a number: the words before and after it, and the places of its digits."""

    before: str
    digits: str
    after: str


def _section(format_: str, value: Decimal) -> list[str]:
    """The part of a format that is for a value of this sign; of one with conditions all of it."""
    sections: list[list[str]] = [[]]
    for mark in _TOKEN.findall(format_):
        if mark == ";":
            sections.append([])
        else:
            sections[-1].append(mark)
    if any(mark[:2] in {"[<", "[>", "[="} for section in sections for mark in section):
        return [mark for section in sections for mark in section]
    place = 1 if value < 0 else 2 if value == 0 else 0
    return sections[place if place < min(len(sections), 3) else 0]


def _form(section: Sequence[str]) -> _Form | None:
    """A section taken apart; None where words stand between the digits or in their place, or a condition chooses."""
    digits, words = "", ["", ""]
    for mark in section:
        if mark[0] in "_*" and len(mark) > 1:
            continue
        if mark[0] == "[" and len(mark) > 1:
            if mark[1] in "<>=":
                return None
            text = mark[2:-1].partition("-")[0] if mark[1] == "$" else ""
        elif mark in {*"0#?.,%/@"} or mark.lower() in {"general", "e+", "e-"}:
            if words[1].strip(" \u00a0\u202f"):
                return None
            digits, words[1] = digits + (mark if mark in "0.%" else "#"), ""
            continue
        else:
            text = mark[1:-1] if mark[0] == '"' else mark[-1]
        words[bool(digits)] += text
    before, after = ("" if not text.strip(_SIGNS) else text for text in words)
    if re.search(r"[0-9.,]", before + after) or (not digits and before):
        return None
    return _Form(before.lstrip(), digits, after.rstrip())


def _moment(value: dt.datetime | dt.date | dt.time, format_: str) -> str:
    """ISO 8601; to the day, or the minute, where the format shows no more and nothing more is kept."""
    if isinstance(value, dt.datetime):
        shows = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", format_).lower()
        if "h" not in shows and value.time() == dt.time(0):
            return value.date().isoformat()
        fine = "seconds" if value.second or "s" in shows else "minutes"
        return value.isoformat(timespec="milliseconds" if value.microsecond else fine)
    return value.isoformat()


def _spread(tab: Tab, xml: bytes) -> None:
    """Cells that are merged downwards all say what the first one says."""
    for found in list(_MERGED.finditer(xml))[:MAX_ROWS]:
        first, top, _, bottom = found.groups()
        column, begin, end = _column(first), int(top), int(bottom)
        above = tab.rows.get(begin, [])
        said = above[column - 1] if len(above) >= column else ""
        for number in range(begin + 1, min(end, begin + MAX_ROWS) + 1) if said else ():
            cells = tab.rows.get(number)
            if cells is not None:
                cells += [""] * (column - len(cells))
                cells[column - 1] = cells[column - 1] or said


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


def _uncounted(tab: Tab, sheet: Any) -> Iterator[Fault]:
    """Formulas whose value nobody has computed: written by a program, never opened."""
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), 1):
        kept = tab.rows.get(number, [])
        for place, cell in enumerate(row, 1):
            if cell.data_type == "f" and (len(kept) < place or not kept[place - 1]):
                remedy = "the formula has no value yet: open the file in a spreadsheet, save it, and send it again"
                yield Fault("cell-error", f"line {number} column {place}", remedy)


# ---- writing --------------------------------------------------------------------------------------------------

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def write(table: Sequence[Sequence[str]], title: str) -> tuple[bytes, list[Fault]]:
    """A workbook of one sheet with every cell as text: nothing in it is run, and no digit is lost."""
    import openpyxl
    from openpyxl.cell import WriteOnlyCell  # type: ignore[import-untyped]

    faults: list[Fault] = []
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(safe_title(title))
    for number, cells in enumerate(table, 1):
        row = []
        for place, text in enumerate(cells, 1):
            kept = "" if len(text) > MAX_CELL or _UNSAFE.search(text) else text
            if kept != text:
                remedy = "too long, or not for a workbook: the cell is left empty; agree on CSV with the partner"
                faults.append(Fault("no-home", f"line {number} column {place}", remedy, severity="lost"))
            row.append(text_cell(WriteOnlyCell(sheet), kept) if kept else None)
        sheet.append(row)
    return saved(book), faults


def text_cell(cell: Any, text: str) -> Any:
    """A cell that holds a text, whatever it looks like: a formula is none here."""
    cell.value = text
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def safe_title(title: str) -> str:
    """A sheet's name that every spreadsheet takes."""
    return re.sub(r"[\\/*?:\[\]\x00-\x1f']", " ", title)[:31].strip() or "Sheet1"


def saved(book: Any) -> bytes:
    """The bytes of a workbook; equal workbooks have equal bytes: no time of writing is in them."""
    raw, out = io.BytesIO(), io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"1980-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(entry.filename, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
