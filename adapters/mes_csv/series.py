"""Rows of a device's values to one readings frame per channel: what was measured, since when, and every point.

Reads; `series_writer` has the way back. The columns of `series` in a map are values over time; what else a row or the
block above says holds for the whole series. A row without a value is kept and told: nobody knows what was then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from adapters import logistics, times
from adapters.mes_csv import clock, dates
from adapters.mes_csv.codecs import Cells, read_decimal, write_decimal
from adapters.mes_csv.dates import Format
from adapters.mes_csv.dialect import Dialect
from adapters.mes_csv.sheet import Sheet
from canonical_model.values import DECIMAL_PATTERN, instant_text
from mappings.account import Piece
from mappings.faults import Fault, Unreadable
from mappings.groups import Frame, Reading
from mappings.residual import diff
from mappings.rows import Line
from mappings.runtime import Codec, Draft

KIND = "readings"
UTC_TIME = "utc"
"""The column of times whose name says that they are in UTC."""
TIME = ("at", UTC_TIME, "date", "time")
CLOCK = frozenset({"zone", "interval", "unit", "started"})
"""Labels that say how the file is to be read, and nothing of what was measured."""
_OF_FIRST = frozenset({"minimum", "maximum", "mean", "alarm"})
"""What a file says once, of the first of its channels."""
_STATED = ("minimum", "maximum", "mean")
_INTERVAL = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hr|hrs|hours?)?\.?", re.I)
_DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)
_CLOCKED = re.compile(r"([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?")
_VALUE = re.compile(r"(\S*[0-9][.,]?)\s*([^\s0-9].*)", re.DOTALL)


@dataclass(slots=True)
class Row:
    """A row with its place in the file, its cells, and its time once the clock is known."""

    ordinal: int
    line: Line
    cells: Mapping[str, str]
    when: Mapping[str, Any] | None = None
    at: datetime | None = None
    values: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Column -> value and the UCUM code of the unit that stands beside it, if any."""


@dataclass(slots=True)
class Series:
    """The rows of one device in one file: what holds for all of them, and how their times are set down."""

    head: dict[str, str]
    rows: list[Row]
    draft: Draft
    said: dict[str, str]
    zone: str = ""
    assumed: bool = False
    format: Format | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    """Column -> UCUM code of the unit of all its values; a unit that nobody knows as it was sent."""


# ---- reading --------------------------------------------------------------------------------------------------


def read(dialect: Dialect, file: Sheet, m: Cells) -> Reading:
    """Frames, residual and account pieces of a file of readings."""
    columns = channels_of(dialect.map)
    rows = [Row(n, line, m.row(line.cells)) for n, line in enumerate(file.lines, 1) if not line.kept]
    m.place = "file"
    frames: list[Frame] = []
    groups: list[Series] = []
    for head, own in _grouped(rows, dialect):
        one = _series(dialect, file, head, own, m)
        groups.append(one)
        frames += frames_of(one, columns, len(groups))
    if frames:
        _told(groups, frames, m)
    pieces, entries = _account(file, groups, dialect, m)
    residual: dict[str, Any] = {"series": [_kept(one) for one in groups]}
    if entries:
        residual["rows"] = entries
    return Reading(frames, residual, pieces, groups[0].said if groups else {})


def channels_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(data["series"])


def _grouped(rows: Iterable[Row], dialect: Dialect) -> Iterator[tuple[dict[str, str], list[Row]]]:
    """Rows of one device together, with what they and the block above say of it, first come (`_agreed`)."""
    groups: dict[tuple[str, ...], tuple[dict[str, str], list[Row]]] = {}
    by = dialect.rows.innermost.by
    silent = {*channels_of(dialect.map), *TIME, "number"}
    for row in rows:
        head, own = groups.setdefault(tuple(row.cells.get(column, "") for column in by), ({}, []))
        for column, text in row.cells.items():
            if column not in silent and column in dialect.rows.table.rows_by_place:
                head.setdefault(column, text)
        own.append(row)
    yield from groups.values()


def _series(dialect: Dialect, file: Sheet, head: dict[str, str], rows: list[Row], m: Cells) -> Series:
    one = Series(head, rows, Draft(KIND), {})
    _agreed(one, file, m)
    _times(one, m)
    _values(one, dialect, m)
    one.units = {column: _settled(one, column, file, dialect, m) for column in channels_of(dialect.map)}
    _silences(one, m)
    _stated(one, dialect, file, m)
    return one


def _stated(one: Series, dialect: Dialect, file: Sheet, m: Cells) -> None:
    """What the file says of the series as a whole, and how the tables write that."""
    table = dialect.rows.innermost.leaf.table
    first = next((c for c in channels_of(dialect.map) if any(c in row.values for row in one.rows)), "")
    m.units = {**m.units, **dict.fromkeys(_STATED, one.units.get(first, ""))}
    m.place = one.rows[0].line.place if not m.common else "file"
    table.read({k: v for k, v in one.head.items() if k not in CLOCK}, m, {KIND: one.draft})
    words = [*file.labels.get("alarm", ()), *(row.cells.get("alarm", "") for row in one.rows)]
    alarms = {read_alarm(word, m) for word in words if word}
    if alarms:
        one.draft.set["alarm"] = min(alarms, key=WORST.index)
    if one.draft.set.get("alarm") == QUIET:
        del one.draft.set["alarm"]
    before = len(m.faults)
    one.said = table.write({KIND: one.draft}, m)
    del m.faults[before:]


def _agreed(one: Series, file: Sheet, m: Cells) -> None:
    """Tells where a row says something else than the label above or the rows before it; the first of them counts.

    Not of alarms, of which the worst counts; of an extreme or a mean that rows differ in none does.
    """
    for column in list(one.head):
        if column in {"alarm", "unit"} or column in m.common:
            continue
        said = (*file.labels.get(column, ()), one.head[column])[0]
        other = next((row for row in one.rows if row.cells.get(column, said) != said), None)
        if other is not None:
            remedy = "another place says something else of it; make them agree"
            _fault(other, column, Unreadable("places-disagree", remedy), m)
            if column in _STATED:
                del one.head[column]


# ---- times ----------------------------------------------------------------------------------------------------


def _times(one: Series, m: Cells) -> None:
    """The time of every row, by the clock that the file names, or else the partner's."""
    named = _zone(one, m)
    zone, stated = named or m.zone, bool(named)
    formats = m.formats
    for row in one.rows:
        text = time_of(row.cells)
        if not text or row.cells.get("zone", one.head.get("zone")) != one.head.get("zone"):
            continue
        try:
            when = dict(dates.read(text, formats, zone))
        except Unreadable as wrong:
            _fault(row, next(name for name in TIME if name in row.cells), wrong, m)
            continue
        one.format = one.format or next((f for f in formats if f.pattern.fullmatch(text)), None)
        row.when = when
    timed = [row for row in one.rows if row.when is not None]
    if not timed:
        _counted(one, zone, m)
        return
    found = clock.told([row.when for row in timed if row.when is not None], zone)
    one.zone, one.assumed = found.zone, bool(timed[0].when and timed[0].when.get("assumed_zone"))
    for row, at in zip(timed, found.instants, strict=True):
        row.at = at
    if one.assumed and not stated:
        m.faults.append(Fault("zone-assumed", "file", "its times name no zone: they are read in the partner's"))
    if found.twice is not None:
        remedy = "this hour exists twice; the order of the rows says which is meant: send offsets"
        m.faults.append(Fault("time-unclear", timed[found.twice].line.place, remedy))
    if found.absent is not None:
        remedy = f"this time does not exist: the clock was not put forward, and all its times are read as {found.zone}"
        m.faults.append(Fault("clock-not-changed", timed[found.absent].line.place, remedy))
    one.assumed = one.assumed and not stated


def time_of(cells: Mapping[str, str]) -> str:
    """The text of a row's time: one cell, or a date and a time of day."""
    return (
        cells.get("at")
        or cells.get(UTC_TIME)
        or " ".join(text for name in ("date", "time") if (text := cells.get(name, "")))
    )


def _zone(one: Series, m: Cells) -> str:
    text = one.head.get("zone", "")
    in_utc = any(row.cells.get(UTC_TIME) and not row.cells.get("at") for row in one.rows)
    try:
        named = "".join(times.named_zone(text)) if text else ""
    except ValueError:
        assumed = "the column's, UTC, counts" if in_utc else "the partner's zone is assumed"
        remedy = f"write an IANA name such as Europe/Berlin, or an offset such as +01:00; {assumed}"
        m.faults.append(Fault("zone-unknown", "file", remedy))
        named = ""
    if in_utc and named not in {"", "Z", "+00:00"}:
        remedy = "its times are in UTC by the name of their column, and another zone is named: make them agree"
        m.faults.append(Fault("places-disagree", "file", remedy))
    return "Z" if in_utc else named


def _counted(one: Series, zone: str, m: Cells) -> None:
    """Times of rows that have none: so many intervals after the start."""
    step, text = interval_of(one.head.get("interval", "")), one.head.get("started", "")
    if step is None or not text:
        return
    try:
        when = dates.read(text, m.formats, zone)
    except Unreadable as wrong:
        m.fault("", "started", wrong)
        return
    start = clock.told([when], zone)
    one.zone, one.assumed = start.zone, bool(when.get("assumed_zone")) and not one.head.get("zone")
    for count, row in enumerate(one.rows):
        row.when, row.at = when, start.instants[0] + step * count


def interval_of(text: str) -> timedelta | None:
    """How often a device writes: `10 min`, `00:10:00`, `600 s`; nothing where that cannot be told.

    >>> interval_of("00:10:00") == interval_of("10 min") == interval_of("600s")
    True
    """
    text = text.strip()
    if found := _CLOCKED.fullmatch(text):
        return timedelta(hours=int(found[1]), minutes=int(found[2]), seconds=int(found[3] or 0)) or None
    found = _INTERVAL.fullmatch(text)
    if found is None or not found[2] or len(found[1]) > 9:
        return None
    unit = {"s": 1, "m": 60, "h": 3600}[found[2][0].lower()]
    return timedelta(seconds=float(found[1].replace(",", ".")) * unit) or None


# ---- values ---------------------------------------------------------------------------------------------------


def _values(one: Series, dialect: Dialect, m: Cells) -> None:
    """The values of every row that has a time."""
    wanted = [column for column in channels_of(dialect.map) if any(column in row.line.cells for row in one.rows)]
    for row in one.rows:
        for column in wanted:
            text = row.cells.get(column, "")
            if not text or row.at is None:
                continue
            try:
                value, unit = _value(text, column, m)
                named = unit or (row.line.cells.get("unit", "") if _is_temperature(column) else "")
                row.values[column] = value, _ucum(named, column, m) if named else ""
            except Unreadable as wrong:
                _fault(row, column, wrong, m)


def _settled(one: Series, column: str, file: Sheet, dialect: Dialect, m: Cells) -> str:
    """The unit of a series: of the header or the block, else of its cells; a value of another one is told, not taken.

    The unit of the dialect is that of cells without one: where all of them name their unit, it says nothing.
    """
    above = one.head.get("unit", "") if _is_temperature(column) and "unit" not in file.numbers else ""
    stated, usual = file.units.get(column) or above, dialect.layout.units.get(column, "")
    base = _ucum(stated or usual, column, m)
    rows = [row for row in one.rows if column in row.values]
    named = next((unit for row in rows if (unit := row.values[column][1])), "")
    bare = any(not row.values[column][1] for row in rows)
    settled = base if stated or (usual and bare) or not named else named
    for row in rows:
        if (row.values[column][1] or base) != settled:
            del row.values[column]
            remedy = "the other values of this column are in another unit: write all of them in one"
            _fault(row, column, Unreadable("value-unreadable", remedy), m)
    return settled


def _silences(one: Series, m: Cells) -> None:
    """Tells where rows have no value, or no time."""
    for silent, run in groupby(one.rows, key=lambda row: not row.values):
        if silent:
            rows = list(run)
            remedy = f"rows without a value from here on: {len(rows)}; the condition in that time is unknown"
            m.faults.append(Fault("reading-missing", rows[0].line.place, remedy))
    if not any(row.at for row in one.rows):
        remedy = "no row has a time: give a column of times, or a start and an interval above the rows"
        m.faults.append(Fault("time-missing", "file", remedy, severity="error"))


def _value(text: str, column: str, m: Cells) -> tuple[str, str]:
    """A number, and the unit behind it."""
    try:
        return _decimal(text, m), ""
    except Unreadable:
        found = _VALUE.fullmatch(text)
        if found is None or not _is_unit(found[2].strip(), column, m):
            raise
        return _decimal(found[1], m), found[2].strip()


def _is_temperature(column: str) -> bool:
    return column in _STATED or column.partition("_")[0] == "temperature"


def _is_unit(text: str, column: str, m: Cells) -> bool:
    return text in m.table("unit").forward or _ucum(text, column, m) != text


def _decimal(text: str, m: Cells) -> str:
    """A decimal that the model has."""
    value = read_decimal(text, m)
    if not _DECIMAL.fullmatch(value):
        raise Unreadable("number-unreadable", "write a number of at most 40 digits, without an exponent")
    return value


def _fault(row: Row, column: str, wrong: Unreadable, m: Cells) -> None:
    m.place = row.line.place
    m.fault("", column, wrong)
    last = m.faults[-1]
    m.faults[-1] = Fault(last.code, last.place, last.remedy, last.row, severity="warning")


# ---- frames ---------------------------------------------------------------------------------------------------


def frames_of(one: Series, columns: Sequence[str], number: int) -> Iterator[Frame]:
    """One frame per column that has values."""
    first = True
    for column in columns:
        rows = sorted((row for row in one.rows if row.at and column in row.values), key=_time)
        if not rows or rows[0].when is None or rows[0].at is None:
            continue
        quantity, _, channel = column.partition("_")
        start, end = stamp(rows[0], one), stamp(rows[-1], one)
        shared = {k: v for k, v in one.draft.set.items() if first or k not in _OF_FIRST}
        values: dict[str, Any] = {**shared, **({"channel": channel} if channel else {}), "quantity": quantity}
        if one.units.get(column):
            values["unit"] = one.units[column]
        values |= {"start": start, "end": end}
        values["points"] = [
            {"seconds": seconds((row.at or rows[0].at) - rows[0].at), "value": row.values[column][0]} for row in rows
        ]
        first = False
        key = f"{KIND}:{column}" + (f"#{number}" if number > 1 else "")
        yield {"kind": KIND, "key": key, "set": values}


def _ucum(unit: str, column: str, m: Cells) -> str:
    """The UCUM code of a unit, for a temperature as devices write it; one that nobody knows stays as it was sent."""
    if _is_temperature(column) and unit:
        try:
            return logistics.read_word(m.table("temperature_unit"), unit)
        except Unreadable:
            pass
    return m.table("unit").forward.get(unit, unit)


def _time(row: Row) -> datetime:
    assert row.at is not None
    return row.at


def stamp(row: Row, one: Series) -> dict[str, Any]:
    """The When of a row: its local text, at the instant that the clock's order told."""
    assert row.when is not None
    assert row.at is not None
    when = {key: value for key, value in row.when.items() if key not in {"unclear", "assumed_zone"}}
    if row.when.get("assumed_zone"):
        when["zone"] = one.zone
        when |= {"assumed_zone": True} if one.assumed else {}
        when |= {"unclear": True} if row.when.get("unclear") else {}
    return {**when, "at": instant_text(row.at)}


def seconds(span: timedelta) -> str:
    """Seconds of a span, as decimal text."""
    whole = Decimal(span.days * 86_400 + span.seconds)
    return str(whole + Decimal(span.microseconds) / 1_000_000 if span.microseconds else whole)


def _told(groups: Sequence[Series], frames: Sequence[Frame], m: Cells) -> None:
    """What a person should know of the file: times without values, and readings that nobody can place."""
    for one in groups:
        rows = sorted((row for row in one.rows if row.values and row.at), key=_time)
        instants = [row.at for row in rows if row.at is not None]
        for place, gap in clock.gaps(instants, interval_of(one.head.get("interval", ""))):
            minutes = int(gap.total_seconds() // 60)
            remedy = f"no value came in the {minutes} min before this row: send what is missing, or QA assesses it"
            m.faults.append(Fault("readings-gap", rows[place].line.place, remedy))
    if not any({"shipment", "container", "order"} & frame["set"].keys() for frame in frames):
        remedy = "it names no shipment, container or order: nobody is told of these readings until somebody does"
        m.faults.append(Fault("readings-unplaced", "file", remedy))


# ---- account --------------------------------------------------------------------------------------------------


def _kept(one: Series) -> dict[str, Any]:
    """How a series was set down."""
    return {
        "head": one.head,
        "said": dict(one.said),
        "by": next((row.line.place for row in one.rows), ""),
        **({"format": one.format.text} if one.format else {}),
        "timed": bool(one.rows and time_of(one.rows[0].cells)),
    }


def _account(file: Sheet, groups: Sequence[Series], dialect: Dialect, m: Cells) -> tuple[list[Piece], list[Any]]:
    """Every line with what the tables write of it; and the order of the lines with what they say beyond."""
    table = dialect.rows.table
    owner = {row.ordinal: (number, row) for number, one in enumerate(groups) for row in one.rows if row.values}
    pieces: list[Piece] = []
    entries: list[Any] = []
    common = m.clean(m.common)
    for ordinal, line in enumerate(file.lines, 1):
        found = owner.get(ordinal)
        if found is None:
            wire = line.cells or {str(place): text for place, text in enumerate(line.raw, 1) if text}
            entries.append(["~", list(line.raw)])
            pieces.append(Piece("row", ordinal, wire, None, {"w": wire}, table if line.cells else None))
            continue
        number, row = found
        one = groups[number]
        written = cells_of(row, one, m)
        written |= {k: v for k, v in one.said.items() if k not in common}
        node = diff(line.cells, written, table.shape, m)
        entry: dict[str, Any] = {"f": key_of(number, row.at)}
        entries.append({**entry, "w": node} if node is not None else entry)
        pieces.append(Piece("row", ordinal, line.cells, written, node, table))
    return pieces, entries


def key_of(number: int, at: datetime | None) -> str:
    return f"{number}|{instant_text(at)}" if at is not None else ""


def cells_of(row: Row, one: Series, m: Cells) -> dict[str, str]:
    """A row as it is written from its frame: its time, and each value with its digits."""
    cells = {column: write_decimal(value, m) for column, (value, _) in row.values.items()}
    if row.at is None or not time_of(row.cells):
        return cells
    name = next(name for name in TIME if row.cells.get(name))
    return {**time_cells(stamp(row, one), one.format, m, name), **cells}


def time_cells(when: Mapping[str, Any], form: Format | None, m: Cells, name: str) -> dict[str, str]:
    """The cells of a time: the one of that column, or from `date` on a date and a time of day."""
    formats = (form, *m.formats) if form is not None else m.formats
    own = {**when, "assumed_zone": True} if when["zone"][:1] not in "Z+-" else dict(when)
    try:
        text = dates.write(own, formats, str(when["zone"]))
    except Unreadable:
        return {}
    day, space, rest = text.partition(" ") if " " in text else text.partition("T")
    return {"date": day, **({"time": rest} if space else {})} if name in {"date", "time"} else {name: text}


# ---- codecs ---------------------------------------------------------------------------------------------------

QUIET = "none"
"""What a file says of alarms where there was none; it is no alarm of a frame."""
WORST = ("alarm", "error", QUIET)
"""Of what a file says in several places the worst counts."""


def read_alarm(text: str, m: Cells) -> str:
    """Whether the device raised an alarm; a word that nobody knows is taken for one, because unknown is never fine."""
    table = m.table("alarm").forward
    word = re.sub(r"[^a-z0-9]+", " ", text.casefold()).strip()
    return table.get(text) or table.get(word) or ("alarm" if word else QUIET)


def write_alarm(value: str, m: Cells) -> str:
    return m.table("alarm").write(value)


def read_reading(text: str, m: Cells) -> str:
    """A stated extreme or mean. Raises Unreadable where its unit is not that of the series."""
    value, unit = _value(text, m.at, m)
    if unit and _ucum(unit, m.at, m) != m.units.get(m.at):
        raise Unreadable("value-unreadable", "the rows are in another unit: write it in theirs")
    return value


CODECS = {"alarm": Codec(read_alarm, write_alarm), "reading": Codec(read_reading, write_decimal)}

__all__ = ["CODECS", "Series", "cells_of", "interval_of", "key_of", "read", "time_cells"]
