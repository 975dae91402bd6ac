"""Local texts to canonical instants, for every format alike. Knows zones, no wire format.

A When is `{at, local, zone, precision, assumed_zone, unclear}`: see canonical_model.values.When.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from adapters import zone_names
from canonical_model.values import instant_text, zone_of

_ISO = re.compile(
    r"(?P<local>\d{4}(?:-\d\d(?:-\d\d(?:T\d\d(?::\d\d(?::\d\d(?:\.\d{1,9})?)?)?)?)?)?)(?P<zone>Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_PRECISION = {4: "year", 7: "month", 10: "day", 13: "hour", 16: "minute", 19: "second"}


@lru_cache(maxsize=4096)
def when(local: str, offset: str, zone: str) -> dict[str, Any]:
    """A When from an ISO local text, the offset as sent (may be empty) and the zone to assume without one.

    Raises ValueError for a time or zone that does not exist. The result is shared: never changed in place.
    """
    precision = _PRECISION.get(len(local), "fraction")
    used = offset or zone or "UTC"
    full = local + "0001-01-01T00:00:00"[len(local) :] if len(local) < 19 else local
    moment = datetime.fromisoformat(full[:26]).replace(tzinfo=zone_of(used))
    value: dict[str, Any] = {"at": instant_text(_utc(moment)), "local": local, "zone": used, "precision": precision}
    if not offset:
        value["assumed_zone"] = True
        if len(local) > 10 and _unclear(moment):
            value["unclear"] = True
    return value


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as beyond:
        raise ValueError("the year is out of range") from beyond


def _unclear(moment: datetime) -> bool:
    """True where the local hour exists twice (the first is taken) or not at all."""
    first, second = moment.replace(fold=0), moment.replace(fold=1)
    return first.utcoffset() != second.utcoffset()


def read_iso(text: str, zone: str) -> dict[str, Any]:
    """A When from ISO 8601 text such as FHIR's dateTime or EPCIS's eventTime. Raises ValueError."""
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("write a time as YYYY-MM-DDThh:mm:ss+hh:mm")
    return when(found["local"], found["zone"] or "", zone)


def write_iso(value: dict[str, Any]) -> str:
    """ISO 8601 text of a When: the local text, with its offset from the hour downwards."""
    local: str = value["local"]
    if len(local) <= 10 or value.get("assumed_zone"):
        return local
    return local + offset(value)


def offset(value: dict[str, Any]) -> str:
    """The offset of a When as `+HH:MM` (or `Z` as sent)."""
    zone = value.get("zone") or "Z"
    if zone == "Z" or zone[:1] in "+-":
        return zone
    moment = datetime.fromisoformat(value["at"]).astimezone(zone_of(zone))
    shift = moment.utcoffset() or timedelta()
    sign = "-" if shift < timedelta() else "+"
    minutes = abs(int(shift.total_seconds())) // 60
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


_OFFSET = re.compile(r"\(?(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?\)?", re.ASCII)
_WORDED = re.compile(r"\((?:UTC|GMT)\s*([+-]\d{1,2}:?[0-5]\d)?\)\s*(\S.*)", re.ASCII | re.DOTALL)
_UTC = frozenset({"Z", "UTC", "GMT", "UTC+0", "UTC0", "(UTC)", "COORDINATED UNIVERSAL TIME"})


def named_zone(text: str) -> tuple[str, str]:
    """Offset and IANA name, one of them empty, of a zone as people write it. Raises ValueError for any other.

    An abbreviation such as EST is none: it means several zones. An offset with words behind it is the name of a zone,
    as Windows lists them, and its summer time is another offset: words that nobody knows are none.

    >>> named_zone("UTC+1"), named_zone("(UTC-05:00) Eastern Time (US & Canada)"), named_zone("Europe/Berlin")
    (('+01:00', ''), ('', 'America/New_York'), ('', 'Europe/Berlin'))
    """
    bare = text.strip()[:200]
    if bare.upper() in _UTC:
        return "Z", ""
    if found := _OFFSET.fullmatch(bare):
        return _offset(found), ""
    found = _WORDED.fullmatch(bare)
    words, stated = (found[2], found[1]) if found else (bare, None)
    if found and words.upper() in _UTC and not stated:
        return "Z", ""
    name = words if "/" in words and zone_of(words) else zone_names.named(words)
    if not name:
        raise ValueError("write an IANA name such as Europe/Berlin, or an offset such as +01:00")
    if found and not _has(name, _OFFSET.fullmatch(stated or "+00:00")):
        raise ValueError("the offset is none of this zone: write an IANA name such as Europe/Berlin")
    return "", name


def _offset(found: re.Match[str]) -> str:
    if int(found[2]) > 14:
        raise ValueError("an offset is at most 14 hours")
    return f"{found[1]}{int(found[2]):02}:{found[3] or '00'}"


def _has(name: str, stated: re.Match[str] | None) -> bool:
    """True where a zone has this offset in winter or in summer."""
    if stated is None:
        return False
    wanted = zone_of(_offset(stated)).utcoffset(None)
    zone = zone_of(name)
    return any(datetime(2026, month, 1, tzinfo=zone).utcoffset() == wanted for month in (1, 7))
