"""FHIR's dates and times (dateTime, instant, date, time) and the canonical ones. Knows no resource."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any

from adapters import times
from adapters.fhir_r4.context import Document
from mappings.faults import Unreadable

Value = dict[str, Any]

_DATE = r"\d{4}(-\d\d(-\d\d)?)?"
_DATES = re.compile(_DATE, re.ASCII)
_DATE_TIMES = re.compile(rf"{_DATE}|\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{{1,9}})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_TIMES = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?", re.ASCII)
_V2_TIMES = re.compile(r"(\d\d)(\d\d)?(\d\d(?:\.\d+)?)?", re.ASCII)


def read_date_time(text: Any, m: Document) -> Value:
    """A When from a dateTime: a year, month or day, or an instant with its offset."""
    return _when(m.text(text), m.zone)


@lru_cache(maxsize=4096)
def _when(text: str, zone: str) -> Value:
    if not _DATE_TIMES.fullmatch(text):
        raise Unreadable("time-unreadable", "write a time as YYYY-MM-DDThh:mm:ss+hh:mm, or a date")
    try:
        return times.read_iso(text, zone)
    except ValueError as wrong:
        raise Unreadable("time-unreadable", f"{wrong}; write a time that the calendar has") from wrong


def write_date_time(value: Value, m: Document) -> str:
    """A dateTime; seconds are zero-filled as FHIR allows, an hour alone is written as its date (and noted)."""
    local, precision = str(value["local"]), value["precision"]
    if precision == "hour":
        m.no_home("", m.at, Unreadable("precision", "FHIR has no time without minutes; the date is written"))
        return local[:10]
    if precision == "minute":
        local += ":00"
    return local + (times.offset(value) if len(local) > 10 else "")


def write_instant(value: Value, m: Document) -> str:
    """An instant: to the second at least."""
    if value["precision"] in {"year", "month", "day", "hour"}:
        raise Unreadable("no-home", "this element is an instant, known to the second")
    return write_date_time(value, m)


def read_instant(text: Any, m: Document) -> Value:
    """A When from an instant."""
    value = read_date_time(text, m)
    if len(value["local"]) <= 10:
        raise Unreadable("time-unreadable", "an instant is written YYYY-MM-DDThh:mm:ss+hh:mm")
    return value


def read_moment(text: Any, m: Document) -> Value:
    """A Period that is one instant or day: what a dateTime says where a Period could stand."""
    when = read_date_time(text, m)
    return {"start": when, "end": when}


def write_moment(value: Value, m: Document) -> str | None:
    """The one time of a Period that has no length."""
    return write_date_time(value["start"], m) if _is_moment(value) else None


def read_span(value: Any, m: Document) -> Value | None:
    """A Period."""
    if not isinstance(value, dict):
        raise Unreadable("shape", "a period is an object")
    ends = {end: read_date_time(value[end], m) for end in ("start", "end") if value.get(end) is not None}
    return ends or None


def write_span(value: Value, m: Document) -> Value | None:
    """A Period with a length; one without is a dateTime."""
    if _is_moment(value):
        return None
    return {end: write_date_time(value[end], m) for end in ("start", "end") if value.get(end)} or None


def _is_moment(value: Value) -> bool:
    return value.get("start") is not None and value.get("start") == value.get("end")


def read_date(text: Any, m: Document) -> str:
    """A date, a month or a year that the calendar has."""
    return _date(m.text(text))


@lru_cache(maxsize=4096)
def _date(text: str) -> str:
    if not _DATES.fullmatch(text):
        raise Unreadable("date-unreadable", "write a date as YYYY-MM-DD")
    try:
        date.fromisoformat(text + "0001-01-01"[len(text) :])
    except ValueError as wrong:
        raise Unreadable("date-unreadable", "write a date that the calendar has") from wrong
    return text


def read_birth(day: Any, time: Any, m: Document) -> tuple[str | None, str | None]:
    """The date of birth, and the whole time where the extension patient-birthTime gives it."""
    read = None if day is None else read_date(day, m)
    if time is None:
        return read, None
    read_date_time(time, m)
    return read, time


def write_birth(value: tuple[str | None, str | None], m: Document) -> tuple[str | None, str | None]:
    day, time = value
    if time is None or "T" not in time:
        return day or time, None
    if _DATE_TIMES.fullmatch(time):
        return day, time
    return day, write_date_time(times.read_iso(time, m.zone), m)


def read_year(value: Any, m: Document) -> int | None:  # noqa: ARG001 - a codec's shape
    """The year of a birth date, for what may be known outside the vault."""
    text = value[0] or value[1]
    return int(text[:4])


def read_time(text: Any, m: Document) -> str:
    """A time of day, hh:mm:ss."""
    if not _TIMES.fullmatch(m.text(text)):
        raise Unreadable("time-unreadable", "write a time of day as hh:mm:ss")
    return str(text)


def write_time(value: str, m: Document) -> str:  # noqa: ARG001
    found = _V2_TIMES.fullmatch(value)  # HL7 v2 writes hhmmss
    text = ":".join([found[1], found[2] or "00", found[3] or "00"]) if found else value
    text = f"{text}:00" if len(text) == 5 else text
    if not _TIMES.fullmatch(text):
        raise Unreadable("no-home", "a time of day is written hh:mm:ss")
    return text
