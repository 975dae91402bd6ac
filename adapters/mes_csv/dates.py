"""Local times by a declared format such as `dd.mm.yyyy HH:MM`, both ways. Knows no column and no file.

Tokens: `yyyy mm mmm dd HH hh AM MM SS Z`; `mm` is the month and `MM` the minute, `mmm` an English month name of three
letters, `hh` the hour of a 12-hour clock that `AM` completes, `Z` an offset; `m d H h` have no leading zero. The word
`iso` is ISO 8601 as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from adapters import times
from canonical_model.values import zone_of
from mappings.faults import Unreadable

When = dict[str, Any]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PRECISIONS = ("year", "month", "day", "hour", "minute", "second", "fraction")
_LENGTH = {"year": 4, "month": 7, "day": 10, "hour": 13, "minute": 16, "second": 19}
_SAYS = {
    "yyyy": "year",
    "mmm": "month",
    "mm": "month",
    "m": "month",
    "dd": "day",
    "d": "day",
    "HH": "hour",
    "H": "hour",
    "hh": "hour",
    "h": "hour",
    "MM": "minute",
    "SS": "second",
}
_TOKENS = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "mmm": r"(?P<name>[A-Za-z]{3})",
    "mm": r"(?P<month>[0-9]{2})",
    "m": r"(?P<month>[0-9]{1,2})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "hh": r"(?P<half>[0-9]{2})",
    "h": r"(?P<half>[0-9]{1,2})",
    "MM": r"(?P<minute>[0-9]{2})",
    "SS": r"(?P<second>[0-9]{2})",
    "AM": r"(?P<noon>[AaPp][Mm])",
    "Z": r"(?P<offset>Z|[+-][0-9][0-9]:?[0-9][0-9])",
}
_TOKEN = re.compile("|".join(_TOKENS))


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """A compiled format: what it matches, how it is written, and how much of an instant it says. One per text."""

    text: str
    pattern: re.Pattern[str]
    precision: str
    offset: bool


@lru_cache(maxsize=256)
def compile_format(text: str) -> Format:
    """A format from its text. Raises ValueError with what is wrong."""
    if text == "iso":
        return Format(text, re.compile(r"[0-9]{4}(-[0-9][0-9].*)?"), "fraction", True)
    tokens = _TOKEN.findall(text)
    named = [_SAYS.get(token, token) for token in tokens]
    if len(named) != len(set(named)):
        raise ValueError("a format names each part once")
    if "".join(_TOKEN.split(text)).strip("-./:, T"):
        raise ValueError("between the parts of a format stand only spaces and - . / : , T")
    parts = {_SAYS[token] for token in tokens if token in _SAYS}
    precision = PRECISIONS[len(parts) - 1]
    if not parts or parts != set(PRECISIONS[: len(parts)]) or bool({"hh", "h"} & set(tokens)) != ("AM" in tokens):
        raise ValueError("a format begins at the year and leaves no part out; hh goes with AM")
    pieces = [_TOKENS.get(part, re.escape(part)) for part in re.split(f"({_TOKEN.pattern})", text) if part]
    return Format(text, re.compile("".join(pieces)), precision, "Z" in tokens)


@lru_cache(maxsize=4096)
def read(text: str, formats: tuple[Format, ...], zone: str) -> When:
    """A When by the first format that fits; a time without an offset is of the zone. Raises Unreadable.

    The result is shared: never changed in place.
    """
    for each in formats:
        found = each.pattern.fullmatch(text)
        if found is not None:
            try:
                return _iso(text, zone) if each.text == "iso" else _when(found, zone)
            except ValueError as wrong:
                raise Unreadable("time-unreadable", "there is no such day or time in the calendar") from wrong
    shown = " or ".join("yyyy-mm-ddTHH:MM:SS+HH:MM" if each.text == "iso" else each.text for each in formats)
    raise Unreadable("time-unreadable", f"write a time as {shown}")


def _iso(text: str, zone: str) -> When:
    return times.read_iso(re.sub(r"(?<=[0-9]) (?=[0-9])", "T", text, count=1), zone)


def _when(found: re.Match[str], zone: str) -> When:
    part = found.groupdict()
    local = part["year"]
    if part.get("name"):
        if part["name"].lower() not in MONTHS:
            raise ValueError("no such month")
        part["month"] = f"{MONTHS.index(part['name'].lower()) + 1:02}"
    if part.get("half"):
        hour = int(part["half"])
        if not 1 <= hour <= 12:
            raise ValueError("an hour of a 12-hour clock is 1 to 12")
        part["hour"] = f"{hour % 12 + (12 if part['noon'].lower() == 'pm' else 0):02}"
    for mark, name in (("-", "month"), ("-", "day"), ("T", "hour"), (":", "minute"), (":", "second")):
        local += f"{mark}{part[name]:0>2}" if part.get(name) else ""
    offset = part.get("offset") or ""
    if len(offset) == 5:
        offset = f"{offset[:3]}:{offset[3:]}"
    return times.when(local, offset, zone)


def write(value: When, formats: Sequence[Format], zone: str) -> str:
    """The text of a When in local time of the zone, by the format that says as much, or the next coarser one.

    Raises Unreadable where every format says more than is known, or the local time would name another instant.
    """
    known = PRECISIONS.index(value["precision"])
    says = {each: known if each.text == "iso" else PRECISIONS.index(each.precision) for each in formats}
    fitting = [each for each in formats if says[each] <= known]
    if not fitting:
        raise Unreadable("no-home", "every time of this dialect says more than is known")
    best = max(fitting, key=lambda each: says[each])
    if best.text == "iso":
        return _write_iso(value, zone)
    local = value["local"] if best.offset else local_in(value, zone)
    return _TOKEN.sub(_filler(local[: _LENGTH[best.precision]], times.offset(value)), best.text)


def _write_iso(value: When, zone: str) -> str:
    if value.get("assumed_zone") and value["zone"] != zone and len(value["local"]) > 10:
        return f"{value['local']}{times.offset(value)}"
    return times.write_iso(value)


def local_in(value: When, zone: str) -> str:
    """The local text of a When in a zone. Raises Unreadable where that text would be another instant."""
    local: str = value["local"]
    if len(local) <= 10 or (value.get("assumed_zone") and value["zone"] == zone):
        return local
    moment = datetime.fromisoformat(value["at"]).astimezone(zone_of(zone))
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds")[: max(len(local), 13)]
    if times.when(text, "", zone)["at"] != value["at"]:
        raise Unreadable("no-home", "in local time of this dialect this would be another instant")
    return text


def _filler(local: str, offset: str) -> Callable[[re.Match[str]], str]:
    padded = local.ljust(19, "0")
    hour = int(padded[11:13])
    parts = {
        "yyyy": padded[:4],
        "mm": padded[5:7],
        "mmm": MONTHS[max(int(padded[5:7]), 1) - 1].capitalize() if len(local) >= 7 else "",
        "dd": padded[8:10],
        "HH": padded[11:13],
        "hh": f"{(hour + 11) % 12 + 1:02}",
        "MM": padded[14:16],
        "SS": padded[17:19],
        "AM": "PM" if hour >= 12 else "AM",
        "Z": offset,
    }
    parts |= {"m": _bare(parts["mm"]), "d": _bare(parts["dd"]), "H": _bare(parts["HH"]), "h": _bare(parts["hh"])}
    return lambda token: parts[token[0]]


def _bare(digits: str) -> str:
    return digits.removeprefix("0") or "0"
