"""Dates as ISBT 128 and GS1 write them into a symbol, as local ISO 8601 text. Knows no zone and no clock."""

from __future__ import annotations

import re
from datetime import date, timedelta

_YEAR = 2000
"""The century of a two-digit year where nobody says when the symbol was read."""


def _real(year: int, month: int, day: int) -> str:
    return date(year, month, day).isoformat()


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01][0-9]|2[0-3])[0-5][0-9]", text):
        raise ValueError("no time of day")
    return f"T{text[:2]}:{text[2:]}"


def ordinal(text: str) -> str:
    """A `cyyjjj` or `cyyjjjhhmm` of ISBT 128 (data structures 004 to 009): century, year, day of the year, time.

    Century 9 is 1900, 0 is 2000 and so on. Raises ValueError for what is no date.

    >>> ordinal("0260602359")
    '2026-03-01T23:59'
    """
    if not re.fullmatch(r"[0-9]{6}([0-9]{4})?", text):
        raise ValueError("no date")
    century = 1900 if text[0] == "9" else 2000 + 100 * int(text[0])
    year, day = century + int(text[1:3]), int(text[3:6])
    found = date(year, 1, 1) + timedelta(days=day - 1)
    if found.year != year:
        raise ValueError("the year has no such day")
    return found.isoformat() + (_clock(text[6:]) if len(text) > 6 else "")


def calendar(text: str) -> str:
    """A `yyyymm`, `yyyymmdd` or `yyyymmddhhmm` (ISBT 128 data structures 024, 026 and 031; the date of an SEC).

    >>> calendar("202603"), calendar("202603012359")
    ('2026-03', '2026-03-01T23:59')
    """
    if not re.fullmatch(r"[0-9]{6}([0-9]{2}([0-9]{4})?)?", text):
        raise ValueError("no date")
    whole = _real(int(text[:4]), int(text[4:6]), int(text[6:8] or 1))
    return whole[: 7 if len(text) == 6 else 10] + (_clock(text[8:]) if len(text) == 12 else "")


def short(text: str, year: int | None = None) -> str:
    """A `yymmdd` or `yymmddhhmm` of GS1; day 00 is the whole month.

    `year` is the year in which the symbol is read: a date lies at most 49 years before it and 50 after it (GS1 General
    Specifications, section 7.12). Without it the date lies in 2000 to 2099.

    >>> short("270200"), short("980131", 2026)
    ('2027-02', '1998-01-31')
    """
    if not re.fullmatch(r"[0-9]{6}([0-9]{4})?", text):
        raise ValueError("no date")
    full = _century(int(text[:2]), year) + int(text[:2])
    if text[4:6] == "00" and len(text) == 6:
        return _real(full, int(text[2:4]), 1)[:7]
    return _real(full, int(text[2:4]), int(text[4:6])) + (_clock(text[6:]) if len(text) > 6 else "")


def _century(of_century: int, year: int | None) -> int:
    if year is None:
        return _YEAR
    gap, century = of_century - year % 100, year // 100 * 100
    return century - 100 if gap >= 51 else century + 100 if gap <= -50 else century
