"""An instrument's export to an ASM document, by the `allotropy` package, which is loaded when the first one comes.

The package goes by way of floating numbers, makes up ids at random, an analyst where none is named and UTC where no
zone is: what it says is held to the file, cell by cell. Every number gets the digits of its cell; what the file does
not say goes; cells that the package passed over are named, and kept beside.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache, partial
from typing import Any

from adapters import json_text
from adapters.asm import clock, shape, workbook
from adapters.asm.export import BLU, CEDEX, NUCLEOVIEW, XR, Export, Record
from adapters.json_text import Num
from adapters.reading import Unparsable
from mappings.faults import Fault

Tree = dict[str, Any]

_PARSERS: Mapping[str, tuple[str, str, str]] = {
    BLU: ("beckman_vi_cell_blu.vi_cell_blu_parser", "ViCellBluParser", "export.csv"),
    XR: ("beckman_vi_cell_xr.vi_cell_xr_parser", "ViCellXRParser", "export.xlsx"),
    NUCLEOVIEW: ("chemometec_nucleoview.nucleoview_parser", "ChemometecNucleoviewParser", "export.csv"),
    CEDEX: ("roche_cedex_hires.roche_cedex_hires_parser", "RocheCedexHiResParser", "export.xlsx"),
}
"""Instrument -> module and class of its parser, and the name under which it takes a file."""
_OURS = ("ASM file identifier", "file name", "UNC path")
"""Leaves that say how the package was called."""
_IDS = ("measurement identifier", "calculated data identifier")
_SCALES = (0, -6)
"""Powers of ten by which the package changes a number: cells by mL are told in millions."""
_XR_OLD = "2.04"


@dataclass(slots=True)
class Converted:
    """The document, the cells that it does not say, and what a person should know."""

    tree: Tree
    beside: list[Tree] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


_XR_LABELS: Mapping[str, str] = {
    "#sample": "Sample ID",
    "#time": "Sample date",
    "viability (cell counter)": "Viability (%)",
    "viable cell density (cell counter)": "Viable cells/ml (x10^6)",
    "total cell density (cell counter)": "Total cells/ml (x10^6)",
    "total cell count": "Total cells",
    "viable cell count": "Viable cells",
    "dead cell count": "Nonviable cells",
    "average total cell diameter": "Avg. diam. (microns)",
    "average total cell circularity": "Avg. circ.",
    "cell density dilution factor": "Dilution factor",
}
"""Labels by which the package knows the quantities of a Vi-CELL XR, whose versions write them in many ways."""


def convert(export: Export, columns: Mapping[str, Sequence[str]], day_first: bool | None) -> Converted:
    """The ASM document of an export. Raises Unparsable where no sample of it can be read."""
    records, told = _by_record(export, columns)
    trees = [tree if _sample(export, record, columns)[1] else None for record, tree in zip(records, told, strict=True)]
    base = next((tree for tree in trees if tree is not None), None)
    if base is None:
        raise Unparsable("export-unreadable", f"line {export.records[0].line}", _why(export.records[0], columns))
    groups: list[Any] = []
    found = Converted({**base, shape.AGGREGATE: {**base[shape.AGGREGATE], shape.DOCUMENT: groups}})
    days = _Days(day_first, records, columns)
    for record, tree in zip(records, trees, strict=True):
        if tree is None:
            why = _why(record, columns)
            found.faults.append(Fault("export-unreadable", f"line {record.line}", why, severity="error"))
            found.beside += [_kept(record, label) for label in record.cells]
            continue
        _restore(found, export, record, tree, columns, days)
        groups += tree[shape.AGGREGATE][shape.DOCUMENT]
    _without_made_up(found.tree, export)
    _of_one_instrument(found.tree, export, columns)
    said = " ".join(_said(found.tree))
    found.beside += [{"line": Num("1"), "title": text} for text in export.head if text not in said]
    return found


_NEEDED = {"#sample": "name", "#time": "time", "viability (cell counter)": "viability"}


def _why(record: Record, columns: Mapping[str, Sequence[str]]) -> str:
    """What a sample that cannot be read should have had."""
    missing = [f"{word} ({columns[name][0]})" for name, word in _NEEDED.items() if not _cell(record, columns[name])[0]]
    if missing:
        return f"the sample has no {', no '.join(missing)}: export it again with all columns"
    return "a sample needs its name, its time and its viability as a number: export it again"


# ---- the package ------------------------------------------------------------------------------------------------


def _by_record(export: Export, columns: Mapping[str, Sequence[str]]) -> tuple[Sequence[Record], list[Tree | None]]:
    """One document for each sample; None where the package refuses it."""
    whole = _asked(export, export.records, columns)
    groups = whole[shape.AGGREGATE][shape.DOCUMENT] if whole is not None else []
    if whole is not None and len(groups) == len(export.records):
        rest = {key: value for key, value in whole[shape.AGGREGATE].items() if key != shape.DOCUMENT}
        return export.records, [{**whole, shape.AGGREGATE: {**rest, shape.DOCUMENT: [group]}} for group in groups]
    if len(export.records) == 1:
        return export.records, [whole if len(groups) == 1 else None]
    if len(export.records) > MOST_APART:
        remedy = (
            f"a sample cannot be read, and {len(export.records)} are too many to try each: export at most {MOST_APART}"
        )
        raise Unparsable("export-unreadable", "file", remedy)
    found = [_asked(export, [record], columns) for record in export.records]
    return export.records, [
        tree if tree is not None and len(tree[shape.AGGREGATE][shape.DOCUMENT]) == 1 else None for tree in found
    ]


MOST_APART = 500
"""Samples that are tried one by one where the whole export cannot be read."""


def _asked(export: Export, records: Sequence[Record], columns: Mapping[str, Sequence[str]]) -> Tree | None:
    """What the package makes of some samples; None where it refuses them, whatever it raises."""
    module, name, file_name = _PARSERS[export.instrument]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parser: Any = getattr(importlib.import_module(f"allotropy.parsers.{module}"), name)
            contents: Any = importlib.import_module("allotropy.named_file_contents").NamedFileContents
            unstructure: Any = importlib.import_module("allotropy.allotrope.converter").unstructure
        except ImportError as missing:
            remedy = "this hub reads no instruments' files: install cgt-hub[lab], or send ASM"
            raise Unparsable("extra-missing", "file", remedy) from missing
        try:
            body = _clean(export, records, columns)
            model = parser().to_allotrope(contents(io.BytesIO(body), file_name, None))
            tree: Tree = json_text.loads(json.dumps(_finite(unstructure(model))).encode())
        except Exception:  # noqa: BLE001 - the package raises whatever its libraries do: the sample is held with its line
            return None
    groups = tree.get(shape.AGGREGATE, {}).get(shape.DOCUMENT)
    return tree if isinstance(groups, list) else None


def _finite(value: Any) -> Any:
    """A tree without the numbers that JSON has not."""
    if isinstance(value, dict):
        return {key: kept for key, inner in value.items() if (kept := _finite(inner)) is not None}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))) else value


def _clean(export: Export, records: Sequence[Record], columns: Mapping[str, Sequence[str]]) -> bytes:
    """The samples as a file of our own making: the package is never given what came."""
    if export.instrument == XR:
        return workbook.written(_xr_sheet(export, [_relabelled(record, columns) for record in records]))
    labels = list(dict.fromkeys(label for record in records for label in record.cells))
    rows = [[record.cells.get(label, "") for label in labels] for record in records]
    if export.instrument == BLU:
        text = io.StringIO()
        csv.writer(text).writerows([labels, *rows])
        return text.getvalue().encode()
    if export.instrument == NUCLEOVIEW:
        return _lines(records[0], columns["#sample"]).encode()
    return workbook.written([labels, *rows])


def _xr_sheet(export: Export, records: Sequence[Mapping[str, str]]) -> list[list[str]]:
    """A summary sheet as the package knows it: title lines, two rows of header, samples."""
    labels = list(dict.fromkeys(label for cells in records for label in cells))
    told = [cell for cell in export.head if cell.startswith("Unit S/N")]
    told += [f"Unit S/N: {cells['Unit S/N']}" for cells in records if "Unit S/N" in cells]
    head = [[export.head[0]], ["-"], [(told or ["-"])[0]]]
    blank = [] if _XR_OLD in export.head[0] else [[" "]]
    rows = [[cells.get(label, "") for label in labels] for cells in records]
    return [*head, *blank, labels, [" "] * len(labels), *rows]


def _relabelled(record: Record, columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The cells of a sample under the labels that the package knows."""
    names: dict[str, str] = {}
    for name, ours in _XR_LABELS.items():
        label = _cell(record, columns.get(name, ()))[0]
        if label and ours not in record.cells:
            names[label] = ours
    return {names.get(label, label): text for label, text in record.cells.items()}


def _lines(record: Record, names: Iterable[str]) -> str:
    """A NucleoView file; what would break its lines stays out, and is kept beside. A name is put back later."""
    said = [
        f"{label};{text.replace(',', '_') if label in names else text};"
        for label, text in record.cells.items()
        if not {*label} & {*";,\t"} and ";" not in text and ("," not in text or label in names)
    ]
    return "\n".join(["Assay; ;", *said, ";", ""])


# ---- held to the file -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Days:
    """Whether days stand before months: what the partner says, else what the file shows, else not."""

    first: bool
    sure: bool

    def __init__(self, told: bool | None, records: Iterable[Record], columns: Mapping[str, Sequence[str]]) -> None:
        texts = [text for record in records if (text := _cell(record, columns["#time"])[1])]
        shown = clock.day_first(texts) if told is None else told
        self.first, self.sure = bool(shown), shown is not None


def _restore(
    found: Converted,
    export: Export,
    record: Record,
    tree: Tree,
    columns: Mapping[str, Sequence[str]],
    days: _Days,
) -> None:
    """Gives the quantities of a sample the digits of the file, and notes what the document does not say.

    A quantity that is not the plain number of its cell goes: no result is better than a wrong one.
    """
    read: set[str] = set()
    unread: set[str] = set()
    group = tree[shape.AGGREGATE][shape.DOCUMENT][0]
    for name, quantity, drop in list(_quantities(group)):
        label, text = _cell(record, columns.get(name, ()))
        digits = _digits(text, quantity.get("value"))
        if digits is None:  # the package's number is not the file's, such as 3 for `3,120`
            drop()
            unread.add(label)
            if not label and quantity.get("value") not in shape.NONE:
                found.faults.append(Fault("value-unread", f"line {record.line} ({name})", _BY_HAND))
        else:
            quantity["value"] = digits
            read.add(label)
    read |= _timed(found, record, group, columns, days)
    read |= _named(export, record, group, columns) | _restored_beside(record, group)
    said = _said(tree)
    for label, text in record.cells.items():
        if label in read or (text in said and label not in unread):
            continue
        found.beside.append(_kept(record, label))
        if label in unread or any(label in labels for name, labels in columns.items() if not name.startswith("#")):
            found.faults.append(Fault("value-unread", record.at(label), _BY_HAND))


_BY_HAND = "the instrument gives no plain number here: look at it, and report the value by hand"


def _quantities(group: Tree) -> Iterator[tuple[str, Tree, Callable[[], Any]]]:
    """Name and tree of every number with a unit that could be a result, and what takes it out of the document."""
    aggregate = group.get(shape.MEASUREMENTS) or {}
    for measurement in aggregate.get(shape.MEASUREMENT) or ():
        for item in (measurement.get(shape.PROCESSED) or {}).get(shape.PROCESSED_ITEM) or ():
            processing = item.get(shape.PROCESSING) or {}
            dilution = [(name, processing[name], processing) for name in (shape.DILUTION,) if name in processing]
            for name, value, holder in [*((name, value, item) for name, value in item.items()), *dilution]:
                if isinstance(value, dict) and "value" in value and "unit" in value:
                    yield name, value, partial(holder.pop, name)
    items = (aggregate.get(shape.CALCULATED) or {}).get(shape.CALCULATED_ITEM) or []
    for item in items:
        yield str(item.get("calculated data name")), item.get("calculated result") or {}, partial(items.remove, item)


def _cell(record: Record, labels: Sequence[str]) -> tuple[str, str]:
    """The first of some labels that a sample has, and its text; to a label the micro sign is the Greek letter."""
    for label in labels:
        if label in record.cells:
            return label, record.cells[label]
    asked = {_folded(label): -place for place, label in enumerate(labels)}
    others = [own for own in record.cells if not own.isascii() and _folded(own) in asked]
    found = max(others, key=lambda own: asked[_folded(own)], default="")
    return found, record.cells.get(found, "")


@lru_cache(maxsize=4096)
def _folded(label: str) -> str:
    """A label as the package compares it."""
    return unicodedata.normalize("NFKC", label)


_PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


def _digits(text: str, value: Any) -> Num | None:
    """The number of a cell with its digits, where it is the package's number, scaled as that one is."""
    if not isinstance(value, Num) or not text or len(text) > 40:
        return None
    try:
        told, cell = Decimal(value), Decimal(text if _PLAIN.fullmatch(text) else "none")
        for scale in _SCALES:
            scaled = cell.scaleb(scale)
            if scaled == told or abs(scaled - told) <= abs(told) * Decimal("1e-12"):
                return json_text.number(f"{scaled:f}")
    except (InvalidOperation, ValueError):
        return None
    return None


def _timed(
    found: Converted, record: Record, group: Tree, columns: Mapping[str, Sequence[str]], days: _Days
) -> set[str]:
    """Puts the time as the file says it: local, with an offset only where one stands in the file."""
    label, text = _cell(record, columns["#time"])
    offset_label, offset_text = _cell(record, columns["#offset"])
    local = clock.local(text, days.first) if text else None
    if text and not days.sure and clock.is_open(text):
        remedy = "day and month could be either way round; read as month first: say `day_first` in the partner's map"
        found.faults.append(Fault("date-unsure", record.at(label), remedy))
    if local is None:
        remedy = "the export holds no time that can be read: export it with date and time"
        found.faults.append(Fault("time-unreadable", record.at(label) if label else f"line {record.line}", remedy))
    offset = clock.offset(offset_text) if offset_text else ""
    if offset is None:
        remedy = "the offset is read as hours from UTC; the partner's zone is taken instead"
        found.faults.append(Fault("zone-unknown", record.at(offset_label), remedy))
    for measurement in (group.get(shape.MEASUREMENTS) or {}).get(shape.MEASUREMENT) or ():
        measurement.pop("measurement time", None)
        if local is not None:
            measurement["measurement time"] = local + (offset or "")
    return {name for name, good in ((label, local), (offset_label, offset)) if name and good}


def _named(export: Export, record: Record, group: Tree, columns: Mapping[str, Sequence[str]]) -> set[str]:
    """Puts the sample's name and batch as the file writes them; an analyst whom the file does not name goes.

    The package makes numbers of names (`00417` is 417 to it) and cuts them at hyphens and commas.
    """
    label, sample = _sample(export, record, columns)
    batch_label, batch = _cell(record, columns.get("#batch", ()))
    for measurement in (group.get(shape.MEASUREMENTS) or {}).get(shape.MEASUREMENT) or ():
        said = measurement.setdefault(shape.SAMPLE, {})
        for key, text in (("sample identifier", sample), ("batch identifier", batch)):
            if text:
                said[key] = text
    analyst_label, analyst = _cell(record, columns["#analyst"])
    if group.get("analyst") != analyst:
        group.pop("analyst", None)
        analyst_label = ""
    return {name for name in (label if label != _IMAGE else "", batch_label, analyst_label) if name}


_IMAGE = "Image"
"""NucleoView's label of a picture, whose name is a date, a number, a letter and then the sample's name."""


def _sample(export: Export, record: Record, columns: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The label that names the sample, and its name, with every hyphen."""
    labels = columns["#sample"]
    label, text = _cell(record, [name for name in labels if name != _IMAGE])
    if label or export.instrument != NUCLEOVIEW:
        return label, text
    label, text = _cell(record, [name for name in labels if name == _IMAGE])
    return label, "".join(text.split("-", 3)[3:])


def _restored_beside(record: Record, group: Tree) -> set[str]:
    """Gives numbers that stand under the labels of the file its digits; the labels."""
    found: set[str] = set()
    waiting: list[Any] = [group]
    while waiting:
        value = waiting.pop()
        waiting += value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
        for label in value.keys() & record.cells.keys() if isinstance(value, dict) else ():
            digits = _digits(record.cells[label], value[label])
            if digits is not None:
                value[label] = digits
                found.add(label)
    return found


def _said(tree: Tree) -> set[str]:
    """Every text of a document."""
    found: set[str] = set()
    waiting: list[Any] = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif type(value) is str:
            found.add(value)
    return found


def _kept(record: Record, label: str) -> Tree:
    return {"line": json_text.number(str(record.lines.get(label, record.line))), label: record.cells[label]}


def _without_made_up(tree: Tree, export: Export) -> None:
    """Ids by their order instead of by chance; nothing of how the package was called; the software as the file says."""
    system = tree[shape.AGGREGATE].get("data system document") or {}
    for name in _OURS:
        system.pop(name, None)
    if export.instrument == XR:
        system["software version"] = export.head[0].rpartition(" ")[2]
    ids: dict[str, str] = {}
    for name, holder in _holders(tree, _IDS):
        ids.setdefault(str(holder[name]), f"{len(ids) + 1}")
        holder[name] = ids[str(holder[name])]
    for name, holder in _holders(tree, ("data source identifier",)):
        holder[name] = ids.get(str(holder[name]), holder[name])


def _of_one_instrument(tree: Tree, export: Export, columns: Mapping[str, Sequence[str]]) -> None:
    """Puts the instrument's number as the file writes it; a file of several has none for all its samples."""
    system = tree[shape.AGGREGATE].get(shape.DEVICE) or {}
    numbers = {text for record in export.records if (text := _cell(record, columns.get("#device", ()))[1])}
    key = shape.device_key(system)
    if key and len(numbers) == 1:
        system[key] = numbers.pop()
    elif key and numbers:
        del system[key]


def _holders(tree: Any, names: Sequence[str]) -> Iterator[tuple[str, Tree]]:
    if isinstance(tree, dict):
        yield from ((name, tree) for name in names if name in tree)
        for value in tree.values():
            yield from _holders(value, names)
    elif isinstance(tree, list):
        for item in tree:
            yield from _holders(item, names)
