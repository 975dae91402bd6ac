"""Local texts to canonical instants, for every format alike. Knows zones, no wire format.

A When is `{at, local, zone, precision, assumed_zone, unclear}`: see canonical_model.values.When.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

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
