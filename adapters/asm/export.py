"""What instruments write: the bytes of an export to records of labelled texts, with their lines. Knows no quantity."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.asm import workbook
from adapters.asm.workbook import Row
from adapters.reading import Unparsable

MAX_BYTES = 2 * 1024 * 1024
MAX_RECORDS = 2_000
MAX_LABELS = 1_000
"""Cells of one sample: what an instrument writes, its plots included, stays far below."""
BLU, XR, NUCLEOVIEW, CEDEX = "vi-cell-blu", "vi-cell-xr", "nucleoview", "cedex-hires"
KNOWN = "Vi-CELL BLU (csv), Vi-CELL XR (txt, xlsx), NucleoView (csv), Cedex HiRes (xlsx) or ASM (json)"

_LABEL_ENDS = re.compile(r":\t|[;,]")


@dataclass(frozen=True, slots=True)
class Record:
    """One sample: label -> text, and the line of each label."""

    line: int
    cells: dict[str, str]
    lines: dict[str, int]

    def at(self, label: str) -> str:
        return f"line {self.lines.get(label, self.line)} ({label[:60]})"


@dataclass(frozen=True, slots=True)
class Export:
    """A file of an instrument: its title lines, and its samples."""

    instrument: str
    head: tuple[str, ...]
    records: tuple[Record, ...]


def read(body: bytes) -> Export:
    """The records of a file, whichever known instrument wrote it. Raises Unparsable."""
    found = _of_workbook(workbook.read(body)) if workbook.is_workbook(body) else _of_text(_decoded(body))
    if found is None:
        raise Unparsable("instrument-unknown", "file", f"send an export of {KNOWN}")
    if not found.records:
        raise Unparsable("export-empty", "file", "the export holds no sample: export it with its results")
    if len(found.records) > MAX_RECORDS:
        raise Unparsable("file-too-large", "file", f"an export has at most {MAX_RECORDS} samples; send it in parts")
    wide = next((record for record in found.records if len(record.cells) > MAX_LABELS), None)
    if wide is not None:
        raise Unparsable("file-too-large", f"line {wide.line}", f"a sample has at most {MAX_LABELS} values")
    return found


def _decoded(body: bytes) -> str:
    if len(body) > MAX_BYTES:
        raise Unparsable("file-too-large", "file", f"an export has at most {MAX_BYTES} bytes; send it in parts")
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unparsable("file-kind", "file", "an old workbook (.xls): save it as .xlsx")
    try:
        if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
            text = body.decode("utf-16")
        else:
            try:
                text = body.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = body.decode("cp1252")
    except UnicodeDecodeError as wrong:
        raise Unparsable("csv-encoding", f"byte {wrong.start}", "save the export as UTF-8") from wrong
    if "\0" in text:
        raise Unparsable("file-kind", "file", f"this is no text: send an export of {KNOWN}")
    return text


def _of_text(text: str) -> Export | None:
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if "Viability (%)" in first and "Viable (x10^6) cells/mL" in first:
        return _blu(lines)
    if first.strip().casefold().startswith("vi-cell xr"):
        return _xr_text(lines)
    if any(_split(line)[0] == "Viability (%)" for line in lines[:20]):
        return _nucleoview(lines)
    return None


def _blu(lines: Sequence[str]) -> Export:
    reader = csv.reader(lines, strict=True)
    header: list[str] = []
    records: list[Record] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = [cell.strip() for cell in row]
            else:
                records.append(_record(reader.line_num, header, row))
    except csv.Error as wrong:
        raise Unparsable(
            "csv-quotes", f"line {reader.line_num}", "a quoted cell is not closed: export again"
        ) from wrong
    return Export(BLU, (), tuple(records))


def _record(line: int, header: Sequence[str], row: Sequence[str]) -> Record:
    """A row under its header; what stands under no label, or under one twice, has the number of its column for one."""
    cells: dict[str, str] = {}
    for column, cell in enumerate(row):
        label = header[column] if column < len(header) else ""
        if cell.strip():
            cells[label if label and label not in cells else f"column {column + 1}"] = cell.strip()
    return Record(line, cells, dict.fromkeys(cells, line))


def _xr_text(lines: Sequence[str]) -> Export:
    split = ((number, line.partition(" :")) for number, line in enumerate(lines, 1) if " :" in line)
    pairs = [(number, label, value) for number, (label, _, value) in split]
    return Export(XR, tuple(text for line in lines if " :" not in line and (text := line.strip())), _one(pairs))


def _nucleoview(lines: Sequence[str]) -> Export:
    pairs = [(number, *_split(line)) for number, line in enumerate(lines, 1)]
    told = [(number, label, text) if text else (number, f"line {number}", label) for number, label, text in pairs]
    return Export(NUCLEOVIEW, (), _one(told))


def _split(line: str) -> tuple[str, str]:
    label, *rest = _LABEL_ENDS.split(line, maxsplit=1)
    return label.strip(), rest[0].strip().strip(";,").strip() if rest else ""


def _one(pairs: Sequence[tuple[int, str, str]]) -> tuple[Record, ...]:
    """One record of label and text by line; of a label that stands twice the first counts."""
    cells: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, label, text in pairs:
        name = label.strip()
        if not text.strip() and not name:
            continue
        name = name if name and name not in cells else f"line {number}"
        if text.strip() or name == label.strip():
            cells[name], lines[name] = text.strip(), number
    kept = {name: text for name, text in cells.items() if text}
    return (Record(next(iter(lines.values()), 1), kept, lines),) if kept else ()


# ---- workbooks --------------------------------------------------------------------------------------------------


def _of_workbook(rows: Sequence[Row]) -> Export | None:
    first = rows[0][0] if rows and rows[0] else ""
    if first.casefold().startswith("vi-cell xr"):
        header = next((n for n, row in enumerate(rows[:10]) if row[:1] == ["Sample ID"] and row[1:2] != [""]), None)
        return _xr_table(rows, header) if header is not None else _xr_report(rows)
    if rows and "Cedex ID" in rows[0] and "Viability" in rows[0]:
        records = [_record(n, rows[0], row) for n, row in enumerate(rows[1:], 2) if any(row)]
        return Export(CEDEX, (), tuple(records))
    return None


def _xr_table(rows: Sequence[Row], header: int) -> Export:
    """A summary of many samples; the header takes two rows."""
    upper, lower = rows[header], rows[header + 1] if header + 1 < len(rows) else []
    width = max(len(upper), len(lower))
    padded = [[*row, *[""] * (width - len(row))] for row in (upper, lower)]
    labels = [f"{one} {two}".replace(" /ml", "/ml").strip() for one, two in zip(*padded, strict=True)]
    records = [_record(n, labels, row) for n, row in enumerate(rows[header + 2 :], header + 3) if any(row)]
    return Export(XR, tuple(cell for row in rows[:header] for cell in row if cell), tuple(records))


def _xr_report(rows: Sequence[Row]) -> Export:
    """The report of one sample: labels with their values to the right, in one block or two, above the plot data."""
    pairs: list[tuple[int, str, str]] = []
    head: list[str] = []
    for number, row in enumerate(rows, 1):
        cells = [cell for cell in row if cell]
        if cells and cells[0].endswith("Plot Data"):
            pairs += [
                (n, f"plot {n}", " ".join(cell for cell in r if cell)) for n, r in enumerate(rows, 1) if n >= number
            ]
            break
        if number <= 2 or len(cells) == 1:
            head += cells
        else:
            pairs += _blocks(number, row)
    return Export(XR, tuple(head), _one([pair for pair in pairs if pair[2]]))


def _blocks(number: int, row: Row) -> list[tuple[int, str, str]]:
    """A row of a report: label, value, label, value; where a value is empty the next label follows its place."""
    left, right = row[:5], row[5:]
    found = []
    for block in (left, right):
        cells = [cell for cell in block if cell]
        if cells:
            found.append((number, cells[0], " ".join(cells[1:])))
    return found
