"""Times as instruments write them, to ISO 8601 as the file means them: no zone is made up. Knows no zone's rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"\s*(?:T|\s)\s*(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:\.\d{1,6})?)?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
_NAMED = re.compile(r"(?P<d>\d{1,2})[ -](?P<name>[A-Za-z]{3})[A-Za-z]*[ -](?P<y>\d{4})" + _TIME, re.ASCII)
_YEAR_FIRST = re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _TIME, re.ASCII)
_COMPACT = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d) (?P<h>\d\d)(?P<mi>\d\d)(?P<s>\d\d)", re.ASCII)
_NUMBERS = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4})" + _TIME, re.ASCII)
_OFFSET = re.compile(r"(?P<sign>[+-]?)(?P<h>\d{1,2})(?::?(?P<m>[0-5]\d))?", re.ASCII)


def day_first(texts: Iterable[str]) -> bool | None:
    """Whether a file writes the day before the month, where one of its times can be read in one way only."""
    found = [match for text in texts if (match := _NUMBERS.fullmatch(text))]
    says_day = any(int(match["a"]) > 12 for match in found)
    says_month = any(int(match["b"]) > 12 for match in found)
    return None if says_day == says_month else says_day


def is_open(text: str) -> bool:
    """True for a time whose day could be its month."""
    found = _NUMBERS.fullmatch(text)
    return found is not None and int(found["a"]) <= 12 and int(found["b"]) <= 12 and found["a"] != found["b"]


def local(text: str, day_before: bool) -> str | None:
    """ISO 8601 local text with as much as was written; None for what is no time.

    >>> local("3/21/2022 16:56", False), local("29 Sep 2023  5:21:32 PM", False)
    ('2022-03-21T16:56', '2023-09-29T17:21:32')
    """
    for pattern in (_NAMED, _YEAR_FIRST, _COMPACT, _NUMBERS):
        found = pattern.fullmatch(text)
        if found is not None:
            return _written(found.groupdict(), day_before)
    return None


def _written(part: dict[str, str | None], day_before: bool) -> str | None:
    if "a" in part:
        first, second = ("d", "m") if day_before else ("m", "d")
        part = {**part, first: part["a"], second: part["b"]}
    if "name" in part:
        name = str(part["name"]).casefold()
        if name not in _MONTHS:
            return None
        part = {**part, "m": str(_MONTHS.index(name) + 1)}
    hour = int(part["h"] or 0)
    if half := part.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in "pP" else 0)
    text = f"{part['y']}-{int(part['m'] or 0):02}-{int(part['d'] or 0):02}T{hour:02}:{part['mi']}"
    text += f":{part['s']}" if part["s"] else ""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return None
    return text


def offset(text: str) -> str | None:
    """An offset such as `-7` or `5:30` as `+HH:MM`; None for what is none.

    >>> offset("-7"), offset("2"), offset("5:30"), offset("Berlin")
    ('-07:00', '+02:00', '+05:30', None)
    """
    found = _OFFSET.fullmatch(text.strip())
    if found is None or int(found["h"]) > 14:
        return None
    return f"{found['sign'] or '+'}{int(found['h']):02}:{found['m'] or '00'}"
