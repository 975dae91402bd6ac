"""Readings frames to the rows of a file of values over time. Reads and writes no text.

A row is a time with the value of each channel then. What the rows of the file said beyond goes back to the rows that
still say the same; a row without a value stays where it stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.mes_csv import series
from adapters.mes_csv.codecs import Cells, write_decimal
from adapters.mes_csv.dates import compile_format
from adapters.mes_csv.dialect import Dialect
from adapters.mes_csv.sheet import Layout
from canonical_model.values import instant_text, parse_instant, zone_of
from mappings.faults import Fault, Unreadable
from mappings.residual import merge, number, patch
from mappings.rows import Line
from mappings.runtime import Draft

Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of a file, and the unit of each of its columns."""

    lines: list[Line]
    units: dict[str, str]


def write(dialect: Dialect, frames: Sequence[Frame], residual: Mapping[str, Any], m: Cells) -> Written:
    """The rows of frames. What has no place in a file of readings is noted as `no-home`."""
    units: dict[str, str] = {}
    rows: dict[tuple[str, int], dict[str, str]] = {}
    column_of_times = _time_column(residual, dialect)
    for count, own in enumerate(_groups(dialect, frames, m)):
        kept = _nth(residual.get("series", ()), count)
        said = _said(own[0], dialect, m) | ({} if kept else _zone(own[0]["set"]["start"], m))
        timed = kept.get("timed", True)
        form = compile_format(kept["format"]) if "format" in kept else None
        for frame in own:
            column = column_of(frame["set"])
            units |= {column: str(frame["set"]["unit"])} if "unit" in frame["set"] else {}
            for at, when, value in _points(frame["set"]):
                cells = rows.setdefault((series.key_of(count, at), _free(rows, series.key_of(count, at), column)), {})
                if not cells:
                    cells |= said | (series.time_cells(when, form, m, column_of_times) if timed else {})
                cells[column] = write_decimal(value, m)
    return Written(_placed(rows, residual), units)


def _time_column(residual: Mapping[str, Any], dialect: Dialect) -> str:
    """The column of a file's times, or that of its dates; afresh, the first that the dialect has."""
    header = [key for _, key in residual.get("head", {}).get("header", ())]
    return next((name for name in series.TIME if name in (header or dialect.layout.columns)), "at")


def _groups(dialect: Dialect, frames: Sequence[Frame], m: Cells) -> Iterator[list[Frame]]:
    """Frames of one device together; others have no place here."""
    columns = series.channels_of(dialect.map)
    groups: dict[str, list[Frame]] = {}
    for frame in frames:
        values = frame["set"]
        if frame["kind"] != series.KIND or column_of(values) not in columns or not values.get("points"):
            m.place = "file"
            m.no_home("", f"{frame['kind']} frame", Unreadable("no-home", "no row of this dialect says such a frame"))
            continue
        named = {key: value for key, value in values.items() if key in {"device", "shipment", "container", "order"}}
        groups.setdefault(repr(sorted(named.items(), key=lambda item: item[0])), []).append(frame)
    yield from groups.values()


def column_of(values: Mapping[str, Any]) -> str:
    """The column of a channel: `temperature`, `temperature_2`."""
    channel = values.get("channel", "")
    return f"{values.get('quantity', '')}{'_' if channel else ''}{channel}"


def _nth(kept: Sequence[Mapping[str, Any]], count: int) -> Mapping[str, Any]:
    return kept[count] if count < len(kept) else {}


def _zone(start: Mapping[str, Any], m: Cells) -> dict[str, str]:
    """The label that says which clock the times are of, where a reader would not take it for granted."""
    zone = start.get("zone") or "Z"
    if start.get("assumed_zone") and zone == m.zone:
        return {}
    return {"zone": f"UTC{zone}" if zone[:1] in "+-" else "UTC" if zone == "Z" else zone}


def _said(frame: Frame, dialect: Dialect, m: Cells) -> dict[str, str]:
    """What holds for a whole series, as the tables write it of its first frame."""
    m.place = "file"
    return dict(dialect.rows.innermost.leaf.table.write({series.KIND: Draft(series.KIND, frame["set"])}, m))


def _points(values: Mapping[str, Any]) -> Iterator[tuple[datetime, dict[str, Any], str]]:
    """Each point's instant, its time as its device's clock showed it, and its value."""
    start = values["start"]
    begin, zone = parse_instant(start["at"]), start.get("zone") or "Z"
    for point in values["points"]:
        at = begin + timedelta(microseconds=int(Decimal(point["seconds"]) * 1_000_000))
        yield at, _when(start, at, zone), point["value"]


def _when(start: Mapping[str, Any], at: datetime, zone: str) -> dict[str, Any]:
    local = at.astimezone(zone_of(zone)).replace(tzinfo=None)
    digits = max(len(start["local"]), 16)
    text = local.isoformat(timespec="microseconds" if digits > 19 else "seconds" if digits > 16 else "minutes")[:digits]
    precision = "fraction" if digits > 19 else "second" if digits > 16 else "minute"
    return {**start, "at": instant_text(at), "local": text, "precision": precision}


def _free(rows: Mapping[tuple[str, int], Mapping[str, str]], key: str, column: str) -> int:
    """The first row of this time in which the column is not taken."""
    count = 0
    while column in rows.get((key, count), {}):
        count += 1
    return count


def _placed(rows: Mapping[tuple[str, int], dict[str, str]], residual: Mapping[str, Any]) -> list[Line]:
    """The rows in the order in which they stood, with what they said beyond; else in the order of time."""
    keys = sorted(rows, key=lambda key: (int(key[0].partition("|")[0]), key[0].partition("|")[2], key[1]))
    entries = residual.get("rows", ())
    said = [entry for entry in entries if isinstance(entry, dict)]
    stood = [(str(key), count) for key, count in number([entry["f"] for entry in said])]
    nodes = {key: entry.get("w") for key, entry in zip(stood, said, strict=True)}
    if sorted(stood) == sorted(keys):
        keys = stood
    names = iter(stood)
    old = [(None, entry) if isinstance(entry, list) else (next(names), entry) for entry in entries]
    lines = []
    for place, extra in merge(old, keys) if old else [(n, None) for n in range(len(keys))]:
        if place is None:
            lines.append(Line("", {}, tuple(extra[1]), kept=True))  # type: ignore[index]
        else:
            node = nodes.get(keys[place])
            cells = rows[keys[place]]
            lines.append(Line(f"row {place + 1}", dict(patch(cells, node) or {}) if node is not None else cells))
    return lines


def layout_of(dialect: Dialect, written: Written, m: Cells) -> Layout:
    """The layout of a file that is written afresh: the columns that are used, each with its unit in the header."""
    used = {column for line in written.lines for column in line.cells}
    columns = {
        column: (f"{spelled[0]} [{unit}]" if (unit := _unit(written.units.get(column, ""), m)) else spelled[0],)
        for column, spelled in dialect.layout.columns.items()
        if column in used
    }
    return replace(dialect.layout, columns=columns, required=())


def _unit(code: str, m: Cells) -> str:
    try:
        return m.table("unit").write(code) if code else ""
    except Unreadable:
        return code


def unsaid(meant: Sequence[Frame], read: Sequence[Frame]) -> list[Fault]:
    """What a reader of the file would find otherwise than the frames say it."""
    found = [frame["set"] for frame in read]
    remedy = "a reader of this file would not find these readings as the frame says them"
    return [
        Fault("not-said", f"frame {count}", remedy, severity="lost")
        for count, frame in enumerate(meant, 1)
        if frame["kind"] == series.KIND and frame["set"] not in found
    ]


__all__ = ["Written", "column_of", "layout_of", "unsaid", "write"]
