"""What the laws of delimited files are measured with: csv.reader alone, frames without their keys, files at random.

Nothing here uses the adapter's own splitting: a law is not proven by what it judges.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Frame = dict[str, Any]
Grid = list[list[str]]

_NUMBER = r"[+-]?(\d+([.,]\d+)*([eE][+-]?\d+)?)?"
_GUARD = re.compile(rf"^'(?='*\s*[=+\-@\uff1d\uff0b\uff0d\uff20])(?!'*{_NUMBER}$)")
BOM = b"\xef\xbb\xbf"


# ---- the independent splitter ---------------------------------------------------------------------------------


def text_of(body: bytes) -> str:
    try:
        return body.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252")


def grid(body: bytes, delimiter: str) -> Grid:
    """Every cell of a file as csv.reader splits it."""
    return list(csv.reader(io.StringIO(text_of(body), newline=""), delimiter=delimiter))


def filled(body: bytes, delimiter: str) -> int:
    """How many cells of a file hold anything."""
    return sum(1 for row in grid(body, delimiter) for cell in row if cell)


def normal(body: bytes, delimiter: str) -> tuple[bool, Grid]:
    """THE normaliser of delimited files: what two files must agree in.

    Quoting, line ends, empty cells at the end of a line, and the apostrophe that keeps a spreadsheet from running a
    cell make no difference; everything else does, byte order mark, empty lines and every character included.
    """
    rows = []
    for row in grid(body, delimiter):
        cells = [_GUARD.sub("", cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        rows.append(cells)
    return body.startswith(BOM), rows


# ---- frames ---------------------------------------------------------------------------------------------------


def comparable(frames: Sequence[Frame]) -> list[dict[str, Any]]:
    """Frames in the order of a file's rows, without keys: parents and links become places."""
    ordered = in_order(frames)
    place = {frame["key"]: count for count, frame in enumerate(ordered)}
    return [
        {
            "kind": frame["kind"],
            "parent": place.get(frame.get("parent", "")),
            "set": {p: v for p, v in frame["set"].items() if not (isinstance(v, dict) and set(v) == {"frame"})},
        }
        for frame in ordered
    ]


def in_order(frames: Sequence[Frame]) -> list[Frame]:
    """Frames as a reader of rows meets them: an outer frame before its first row, and none without a row."""
    by_key = {frame["key"]: frame for frame in frames}
    parents = {frame.get("parent") for frame in frames}
    ordered: list[Frame] = []
    for frame in frames:
        if frame["kind"] in {"result", "handling"}:
            above = by_key.get(frame.get("parent", ""))
            if above is not None and not any(known is above for known in ordered):
                ordered.append(above)
            ordered.append(frame)
        elif frame["key"] not in parents:
            continue
    return ordered


# ---- files at random ------------------------------------------------------------------------------------------

HEADERS = {
    "order": ["CoI", "chain of identity", "Therapy_Order"],
    "batch": ["Batch", "LOT NO"],
    "sample": ["Sample", "Sample ID"],
    "container": ["Bag", "Container ID"],
    "test": ["Test", "Test  Name"],
    "replicate": ["Replicate"],
    "method": ["Method"],
    "value": ["Value", "result"],
    "unit": ["Unit", "UoM"],
    "lower": ["Lower Limit"],
    "upper": ["USL"],
    "verdict": ["Verdict", "pass/fail"],
    "status": ["Status"],
    "tested_at": ["Tested At"],
    "reported_at": ["Report Date"],
    "analyst": ["Analyst"],
    "comment": ["Comment", "Remarks"],
}
GOOD = {
    "order": ["CHA9999260000012", "CHA9999260000029", "https://sponsor.example/order/77", "CART-0001"],
    "batch": ["LOT-1", "LOT-2", "LOT-1, LOT-2", "LOT-1,\u200bX", "https://cdmo.example/lot/L%2F3"],
    "sample": ["S-1", "S-2", ""],
    "container": ["BAG-1", "https://mercy.example/bag/BAG-9", "", "BÄG 7"],
    "test": ["Viability", "Endotoxin", "VCN", "Sterility", "Our own test", "Viability (7-AAD)"],
    "replicate": ["", "1", "2"],
    "method": ["", "LAL", "Flow; 7-AAD"],
    "value": ["92.10", "<0.5", "negative", "≥ 1e6", "see note", "-3", ""],
    "unit": ["%", "EU/mL", "copies/cell", "furlongs", ""],
    "lower": ["", "80", ".5"],
    "upper": ["", "5", "1E3"],
    "verdict": ["pass", "fail", "Pass", ""],
    "status": ["final", "Final", "corrected", "preliminary", ""],
    "tested_at": ["2026-03-01T10:00:00+01:00", "2026-03-01 10:00", "2026-03-01", ""],
    "reported_at": [""],
    "analyst": ["", "A. Schmidt", "O'Neil, B."],
    "comment": ["", "ok", "two\nlines", 'a "quoted" word', "=1+2", "@x", "'=y", "   ", "NA"],
}
BAD = ["1.234,5", "30.02.2026", "2026-02-30", "maybe", "N/A", " ", "\t", "🧬", "x" * 400, "-", "'-5", "https://x/"]

_noise = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)


@st.composite
def files(draw: st.DrawFn, dirty: bool = True) -> tuple[bytes, str]:
    """A file of QC results and its delimiter; `dirty` ones hold cells that no table reads, and ragged lines."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    newline = draw(st.sampled_from(["\r\n", "\n"]))
    optional = draw(st.permutations([column for column in HEADERS if column not in {"order", "test"}]))
    columns = draw(st.permutations(["order", "test", *optional[: draw(st.integers(0, len(optional)))]]))
    unknown = draw(st.lists(st.sampled_from(["Room", "Shift ", "", "Ort"]), max_size=2)) if dirty else []
    header = [draw(st.sampled_from(HEADERS[column])) for column in columns]
    for extra in unknown:
        header.insert(draw(st.integers(0, len(header) - 1)), extra)
    keys = _keys(header)
    rows: Grid = [["Export of today"], []][: draw(st.integers(0, 2))] if dirty else []
    rows.append(header)
    for _ in range(draw(st.integers(0 if dirty else 1, 5))):
        row = [draw(_cell(key, dirty)) for key in keys]
        if dirty and draw(st.integers(0, 9)) == 0:
            row = row[: draw(st.integers(0, len(row)))] + draw(st.lists(_noise, max_size=2))
        rows.append(row)
    if dirty and draw(st.booleans()):
        rows.append([])
    out = io.StringIO(newline="")
    every = draw(st.booleans())
    style = csv.QUOTE_ALL if every else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=style).writerows(rows)  # type: ignore[arg-type]
    text = out.getvalue()
    if draw(st.booleans()):
        text = text.removesuffix(newline)
    encoded = text.encode()
    return (BOM if draw(st.booleans()) else b"") + encoded, delimiter


def _keys(header: Sequence[str]) -> list[str]:
    spelled = {spelling: column for column, known in HEADERS.items() for spelling in known}
    return [spelled.get(cell, "") for cell in header]


def _cell(column: str, dirty: bool) -> st.SearchStrategy[str]:
    good = GOOD.get(column, ["r1", ""])
    if column in {"order", "test"} or not dirty:
        return st.sampled_from(good)
    return st.one_of(st.sampled_from(good), st.sampled_from(good), st.sampled_from(BAD), _noise)
