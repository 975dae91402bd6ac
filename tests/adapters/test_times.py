"""Zones as people write them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from adapters import times, zone_names


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("UTC+1", ("+01:00", "")),
        ("GMT-0530", ("-05:30", "")),
        ("(UTC+01:00)", ("+01:00", "")),
        ("UTC", ("Z", "")),
        ("(UTC) Coordinated Universal Time", ("Z", "")),
        ("(UTC-05:00) Eastern Time (US & Canada)", ("", "America/New_York")),
        ("(GMT-05:00) Eastern Time (US and Canada)", ("", "America/New_York")),
        ("(UTC-04:00) Eastern Time (US & Canada)", ("", "America/New_York")),
        ("Eastern Time (US & Canada)", ("", "America/New_York")),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", ("", "Europe/Berlin")),
        ("(UTC+01:00) Amsterdam, Berlin", ("", "Europe/Berlin")),
        ("(UTC) Dublin, Edinburgh, Lisbon, London", ("", "Europe/London")),
        ("(UTC+00:00) Dublin, Edinburgh, Lisbon, London", ("", "Europe/London")),
        ("(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", ("", "Asia/Kolkata")),
        ("(UTC+01:00) Europe/Berlin", ("", "Europe/Berlin")),
        ("Europe/Berlin", ("", "Europe/Berlin")),
    ],
)
def test_a_zone_is_an_offset_or_a_name_and_never_the_one_for_the_other(text: str, zone: tuple[str, str]) -> None:
    assert times.named_zone(text) == zone


@pytest.mark.parametrize(
    "text",
    [
        *("EST", "UTC+15", "-05:00 EST", "UTC+1 CET", "(UTC-05:00) Nowhere", "(UTC+09:00) Eastern Time (US & Canada)"),
        *(
            "Eastern Standard Time",
            "(UTC+01:00) Berlin, London",
            "(UTC+03:00) Europe/Berlin",
            "Mars/Base",
            "",
            "/",
            ",",
        ),
    ],
)
def test_words_that_name_no_zone_for_sure_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        times.named_zone(text)


def test_every_listed_name_is_a_zone_and_each_place_stands_once() -> None:
    for zone in zone_names._LISTED:
        assert ZoneInfo(zone).key == zone
    assert len(zone_names._ZONES) == sum(places.count(",") + 1 for places in zone_names._LISTED.values())
