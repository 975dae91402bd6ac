"""Blank files of a dialect for people who fill them in: header, units, allowed codes, and what each column means.

What a column means is the published model's own description of its field. Reads no file; writes bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.mes_csv import Adapter, manufacture, workbook
from adapters.mes_csv.dialect import Dialect
from adapters.mes_csv.sheet import Layout
from adapters.mes_csv.text import Style, encode
from canonical_model.frames import set_schemas
from mappings import paths
from mappings.vocabulary import Row

ROWS = 500
"""Rows of a workbook that are made ready."""
_HEAD = ("Column", "Must be filled", "What it is", "How it is written")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a blank file."""

    header: str
    required: bool
    meaning: str
    writing: str
    codes: tuple[str, ...]


def columns(adapter: Adapter, name: str) -> list[Column]:
    """The columns of a dialect as people are told them. Raises Unsupported."""
    dialect = adapter.dialect(name)
    layout, schemas = dialect.layout, set_schemas()
    found = []
    for key, spelled in all_columns(layout).items():
        row = dialect.rows.table.rows_by_place[key]
        unit = "" if layout.units_row is True or key not in layout.units else f" [{layout.units[key]}]"
        codes = _codes(adapter, row, key)
        meaning, writing = _meaning(row, key, schemas), _writing(dialect, row, key, codes)
        if len(row.at) == 2 and key == row.at[0] == "unit":
            meaning, writing = "unit of the number in this row", "such as %, mL, EU/mL, 10^6/mL"
        found.append(Column(spelled[0] + unit, key in layout.required, meaning, writing, codes))
    return found


def all_columns(layout: Layout) -> dict[str, tuple[str, ...]]:
    """The columns in the order of a fresh file, and then those that otherwise stand above the header."""
    return {**layout.columns, **{key: spelled for key, spelled in layout.metadata.items() if key not in layout.columns}}


def _codes(adapter: Adapter, row: Row, key: str) -> tuple[str, ...]:
    """The codes that a cell may hold; none where it may hold any text."""
    name = row.table or (key if key in {"step_status", "inspection"} else "")
    table = adapter.library.codes.get(name)
    return tuple(dict.fromkeys(table.reverse.values())) if table is not None and not table.keeps else ()


def _meaning(row: Row, key: str, schemas: Mapping[str, Any]) -> str:
    """The description of the model's field that the column goes to."""
    path = manufacture.STEP_PATHS.get(key, "") if row.codec == "step" else ""
    path = path or next((path for path in row.into), "")
    kind, _, rest = path.removesuffix("[]").partition(".")
    node: Any = schemas.get(kind, {})
    places, said = paths.whole(node) if node else [], ""
    for step in rest.replace("[]", "").split("."):
        described = (place["properties"][step].get("description", "") for place in places if _has(place, step))
        said = next(described, "") or said
        places = paths.at(node, places, step)
    return f"{kind}: {said}" if said else kind or "kept for you as it is"


def _has(place: Mapping[str, Any], step: str) -> bool:
    return step in place.get("properties", {})


def _writing(dialect: Dialect, row: Row, key: str, codes: Sequence[str]) -> str:
    """How a cell is written: by its codec, in the dialect's own terms."""
    if codes:
        return f"one of: {', '.join(codes)}"
    codec = "instant" if key in {"step_started", "step_ended"} else row.codec
    codec = "integer" if key == "step_no" else codec
    formats = " or ".join("yyyy-mm-dd HH:MM" if each.text == "iso" else each.text for each in dialect.formats)
    number = f"a number, decimal mark {dialect.decimal}"
    said = {
        "instant": f"{formats}{f', local time of {dialect.zone}' if dialect.zone else ', local time of your site'}",
        "integer": "a whole number",
        "decimal": number,
        "quantity": f"{number}; its unit in the unit column",
        "quantity_in": f"{number}, in {dialect.layout.units.get(key, 'the unit of the column')}",
        "measurement": f"{number}, or a finding such as negative; its unit in the unit column",
        "coi": "the identifier as it stands on the label",
        "order_link": "the identifier as it stands on the label",
        "person": "the name as in your records; it leaves the hub to nobody else",
    }.get(codec, "text")
    several = codec in {"identifiers", "lots", "containers", "documents"} or key in dialect.rows.lists
    several = several or key in {"consumed", "used", "produced", "equipment"}
    return f"one or several, with {dialect.separator!r} between them" if several else said


def as_csv(adapter: Adapter, name: str) -> bytes:
    """A blank delimited file: the header, and the row of units where the dialect has one."""
    dialect = adapter.dialect(name)
    layout = dialect.layout
    style = Style(layout.delimiter or ",", layout.encoding or "utf-8-sig", "\r\n", every=False, end=True)
    return encode(_head(adapter, dialect), style)[0]


def _head(adapter: Adapter, dialect: Dialect) -> list[list[str]]:
    header = [column.header for column in columns(adapter, dialect.name)]
    units = [dialect.layout.units.get(key, "") for key in all_columns(dialect.layout)]
    return [header, units] if dialect.layout.units_row is True else [header]


def as_workbook(adapter: Adapter, name: str) -> bytes:
    """A blank workbook: cells of text, lists of allowed codes, and a sheet that explains."""
    import openpyxl  # type: ignore[import-untyped]

    dialect, told = adapter.dialect(name), columns(adapter, name)
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = workbook.safe_title(dialect.layout.sheet or name.rpartition("/")[2])
    head = _head(adapter, dialect)
    for line, cells in enumerate(head, 1):
        for place, text in enumerate(cells, 1):
            workbook.text_cell(sheet.cell(line, place), text)
    sheet.freeze_panes = sheet.cell(len(head) + 1, 1)
    _prepare(sheet, told, len(head))
    _lists(book, sheet, told, len(head))
    _guide(book.create_sheet(workbook.GUIDE), dialect, told)
    return workbook.saved(book)


def _prepare(sheet: Any, told: Sequence[Column], head: int) -> None:
    """Bold headers, wide columns, and cells that stay text: no date or number is changed while it is typed."""
    from openpyxl.styles import Font  # type: ignore[import-untyped]
    from openpyxl.utils import get_column_letter  # type: ignore[import-untyped]

    for place, column in enumerate(told, 1):
        sheet.cell(1, place).font = Font(bold=True, underline="single" if column.required else None)
        letter = get_column_letter(place)
        sheet.column_dimensions[letter].width = max(14, len(column.header) + 4)
        sheet.column_dimensions[letter].number_format = "@"
    for line in range(head + 1, head + 1 + ROWS):
        for place in range(1, len(told) + 1):
            sheet.cell(line, place).number_format = "@"


def _lists(book: Any, sheet: Any, told: Sequence[Column], head: int) -> None:
    """A list to choose from for each column of codes; the codes stand on a hidden sheet."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation  # type: ignore[import-untyped]

    codes = None
    for place, column in enumerate(told, 1):
        if not column.codes:
            continue
        codes = codes or book.create_sheet("Codes")
        at = codes.max_column + 1 if codes.cell(1, 1).value is not None else 1
        for line, code in enumerate(column.codes, 1):
            workbook.text_cell(codes.cell(line, at), code)
        letter, own = get_column_letter(at), get_column_letter(place)
        among = DataValidation("list", formula1=f"=Codes!${letter}$1:${letter}${len(column.codes)}", allow_blank=True)
        among.error, among.errorTitle, among.showErrorMessage = column.writing[:220], "Not an allowed code", True
        among.add(f"{own}{head + 1}:{own}{head + ROWS}")
        sheet.add_data_validation(among)
    if codes is not None:
        codes.sheet_state = "hidden"


def _guide(sheet: Any, dialect: Dialect, told: Sequence[Column]) -> None:
    for line, cells in enumerate(_guidance(dialect, told), 1):
        for place, text in enumerate(cells, 1):
            workbook.text_cell(sheet.cell(line, place), text)
    for letter, width in zip("ABCD", (28, 16, 70, 60), strict=True):
        sheet.column_dimensions[letter].width = width


def _guidance(dialect: Dialect, told: Sequence[Column]) -> Iterator[Sequence[str]]:
    about = dialect.map.get("about", "")
    yield (f"{dialect.name}: {about}",)
    yield ("Fill in the first sheet, one row each; leave the header as it is. Print it, or save and send the file.",)
    yield ()
    yield _HEAD
    for column in told:
        yield (column.header, "yes" if column.required else "", column.meaning, column.writing)
