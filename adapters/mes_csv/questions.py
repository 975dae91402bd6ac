"""Files that ask: one question a row, and the file of answers. Answers nothing itself, and states no facts.

The columns are the same for every partner; its own name spaces (`systems`) and its default system count here too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.mes_csv import Adapter, codecs, sheet, source
from adapters.mes_csv.codecs import Cells
from adapters.mes_csv.sheet import Layout
from adapters.mes_csv.source import Opened
from adapters.reading import Unparsable
from mappings.faults import Fault, Unreadable

DIALECT = "mes_csv/questions"
MOST = 500
"""Questions of one file."""
_ORDER = ("CoI", "Chain of Identity", "Therapy Order", "Order", "Order No", "Order Number")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "reference": ("Reference", "Ref", "Your Reference"),
    "question": ("Question", "Query", "Ask"),
    "order": _ORDER,
    "container": ("Container", "Container ID", "Bag", "Bag No", "Bag Barcode"),
    "batch": ("Batch", "Batch No", "Batch Number"),
    "shipment": ("Shipment", "SSCC", "AWB", "Waybill"),
    "material": ("Material", "Lot", "Lot No"),
}
LAYOUT = Layout(COLUMNS, required=("question", "order"), nulls=frozenset({"-", "NA", "N/A", "n/a"}), short_rows=True)
ANSWERS = (
    *("Line", "Reference", "Question", "CoI", "Container", "Verdict", "About", "State", "At", "Rule", "Text"),
    *("To Settle", "Position"),
)
"""The columns of a file of answers; a question with several reasons or entries has several rows."""
_NAMED = ("container", "batch", "shipment", "material")


@dataclass(frozen=True, slots=True)
class Asked:
    """One row: its line, its cells, what it asks about which names; `wrong` where it cannot be asked so."""

    line: int
    cells: Mapping[str, str]
    question: str
    names: Mapping[str, list[dict[str, Any]]]
    wrong: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """The questions of a file, and how the file is set down."""

    asked: list[Asked]
    head: Mapping[str, Any] = field(repr=False)


def are_in(body: bytes) -> bool:
    """True for a file whose header is that of questions."""
    try:
        found = sheet.fit(Opened(body).of("", "."), LAYOUT)
    except Unparsable:
        return False
    return not found.missing and "question" in found.found


def read(adapter: Adapter, body: bytes) -> Questionnaire:
    """The questions of a file. Raises Unparsable: no file of questions, too many of them."""
    file = sheet.read(Opened(body).of("", "."), LAYOUT)
    m = Cells(zone=adapter.zone, system=adapter.system, codes=adapter.library.codes, systems=adapter.systems())
    m.numbers, m.nulls = file.numbers, LAYOUT.nulls
    lines = [line for line in file.lines if not line.kept]
    if len(lines) > MOST:
        raise Unparsable("csv-too-many-rows", lines[MOST].place, f"a file asks at most {MOST} questions: send several")
    asked = []
    for line in lines:
        m.place, m.faults = line.place, []
        asked.append(_asked(int(line.place.removeprefix("line ")), m.clean(line.cells), m))
    unread = [fault for fault in file.faults if fault.severity == "error"]
    asked += [Asked(_line_of(fault), {}, "", {}, (fault,)) for fault in unread]
    return Questionnaire(sorted(asked, key=lambda one: one.line), file.head)


def _asked(line: int, cells: Mapping[str, str], m: Cells) -> Asked:
    names: dict[str, list[dict[str, Any]]] = {}
    for column in ("order", *_NAMED):
        if column in cells:
            m.at = column
            try:
                names[column] = _names(column, cells[column], m)
            except Unreadable as wrong:
                m.fault("", column, wrong)
    return Asked(line, cells, _question(cells.get("question", "")), names, tuple(m.faults))


def _names(column: str, text: str, m: Cells) -> list[dict[str, Any]]:
    if column == "order":
        return [_plain(codecs.read_coi(text, m))]
    if column == "shipment":
        return [_plain(codecs.read_shipment(text, m))]
    return [_plain(one) for one in codecs.read_identifiers(text, m)]


def _plain(identifier: Mapping[str, Any]) -> dict[str, Any]:
    """A name as it is looked for: that its system was assumed makes no difference."""
    return {key: value for key, value in identifier.items() if key in {"system", "value", "type"}}


def _question(text: str) -> str:
    """The question's name as the hub calls it: `May ship?` is `may-ship`."""
    return re.sub(r"[\s_-]+", "-", text.strip().rstrip("?").strip()).lower()


def _line_of(fault: Fault) -> int:
    found = re.match(r"line (\d+)", fault.place)
    return int(found[1]) if found else 0


def write(rows: Iterable[Sequence[str]], head: Mapping[str, Any]) -> bytes:
    """The file of answers, set down as the questions were."""
    shown = {key: head[key] for key in ("encoding", "delimiter", "newline", "workbook") if key in head}
    table = [list(ANSWERS), *([*row] for row in rows)]
    if shown.get("encoding") in {"cp1252", "cp1250", "iso-8859-15"}:
        shown["encoding"] = "utf-8-sig"  # our texts and their names may need any letter
    return source.write(table, shown, "", "", "Answers" if shown.get("workbook") else "")[0]
