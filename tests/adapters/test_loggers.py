"""Loggers' files: what was measured, when by which clock, and what nobody knows. Times are held against zoneinfo."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import mes_csv
from adapters.mes_csv import Adapter, Read, Unparsable, Unsupported, clock
from canonical_model.catalogue import EVENTS
from canonical_model.frames import check, set_schemas
from mappings import events
from tests.scale import share

SAMPLES = Path(__file__).parents[1] / "samples" / "loggers"
ZONE = "America/New_York"
DIALECTS = {"generic": "mes_csv/logger", "berlinger": "mes_csv/berlinger", "sensitech": "mes_csv/sensitech"}
Frame = dict[str, Any]


@cache
def adapter(zone: str = ZONE) -> Adapter:
    kinds = {name: row.about for name, row in EVENTS.items()}
    return mes_csv.adapter(set_schemas(), (), zone, "https://heron.example/id", kinds)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def codes(read: Read) -> list[str]:
    return [fault.code for fault in read.faults]


def temperature(read: Read) -> Frame:
    found: Frame = next(f["set"] for f in read.frames if f["set"]["quantity"] == "temperature")
    return found


def plain(body: bytes) -> list[list[str]]:
    """The cells of a file, without the apostrophe that keeps one from being run."""
    text = body.decode("cp1252" if b"Q-tag" in body else "utf-8")
    lines = csv.reader(text.splitlines(), delimiter=";" if ";" in text else ",")
    return [[cell.lstrip("'") for cell in line] for line in lines]


@pytest.mark.parametrize("name", DIALECTS)
def test_a_file_becomes_the_frames_of_its_sample(name: str) -> None:
    read = adapter().read(sample(f"{name}.csv"), "" if name == "generic" else DIALECTS[name])
    assert read.type == DIALECTS[name]
    assert read.frames == json.loads(sample(f"{name}.frames.json"))
    for frame in read.frames:
        check(frame)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_frames_of_a_sample_become_its_file(name: str) -> None:
    body, faults = adapter().write(DIALECTS[name], json.loads(sample(f"{name}.frames.json")))
    assert body == sample(f"{name}.written.csv")
    assert faults == []


@pytest.mark.parametrize("name", DIALECTS)
def test_a_file_goes_back_as_it_came_and_no_cell_is_lost(name: str) -> None:
    body = sample(f"{name}.csv")
    read = adapter().read(body, DIALECTS[name])
    stored = json.loads(json.dumps(read.residual))
    assert plain(adapter().write(read.type, read.frames, stored)[0]) == plain(body)
    assert sum(read.summary().values()) == sum(1 for line in plain(body) for cell in line if cell)


def test_a_generic_file_tells_what_nobody_knows() -> None:
    read = adapter().read(sample("generic.csv"))
    told = [fault.code for fault in read.faults]
    assert told == ["zone-assumed", "time-unclear", "reading-missing", "readings-gap", "readings-gap"]
    assert [fault.place for fault in read.faults][1:] == ["line 11", "line 13", "line 14", "line 19"]
    assert all(fault.severity == "warning" for fault in read.faults)


def test_an_alarm_is_a_fact_and_no_alarm_is_none() -> None:
    for name, raised in (("generic", 1), ("berlinger", 0), ("sensitech", 0)):
        read = adapter().read(sample(f"{name}.csv"), DIALECTS[name])
        types = [event["type"] for event in events.assertions(read.map, read.frames, "p/m")]
        assert types.count("issue.raised") == raised, name
        assert types.count("readings.recorded") == len(read.frames)


def test_a_word_that_nobody_knows_is_taken_for_an_alarm() -> None:
    for word, alarm in (
        ("no alarms", None),
        ("0", None),
        ("2", "alarm"),
        ("HIGH since 10:00", "alarm"),
        ("Error", "error"),
    ):
        body = f"Serial No: 1\nAlarm: {word}\nTimestamp,Temperature [°C]\n2026-03-10T10:00:00Z,5\n".encode()
        assert temperature(adapter().read(body)).get("alarm") == alarm, word


def test_a_magnitude_is_never_changed() -> None:
    found = temperature(adapter().read(sample("generic.csv")))
    assert found["unit"] == "[degF]"
    assert [point["value"] for point in found["points"]][:3] == ["41.0", "41.00", "46.4"]


def test_a_unit_is_that_of_the_header_or_the_block_or_the_cell_and_is_never_guessed() -> None:
    for header, block, cell, unit in (
        ("Temperature (°F)", "", "41", "[degF]"),
        ("Temperature °C", "Unit: °F", "41", "Cel"),
        ("Temperature", "Temperature Unit: °F", "41", "[degF]"),
        ("Temperature", "", "41 °F", "[degF]"),
        ("Temperature", "", "41", None),
    ):
        body = f"Serial No: 1\n{block}\nTimestamp,{header}\n2026-03-10T10:00:00Z,{cell}\n".encode()
        assert temperature(adapter().read(body)).get("unit") == unit, header + block


def read_rows(dialect: str, header: str, *rows: str, block: str = "") -> Read:
    lines = [*block.splitlines(), "Trip: 7", "Serial No: 1", header, *rows]
    return adapter("UTC").read(("\n".join(lines) + "\n").encode(), DIALECTS[dialect])


def points(read: Read) -> list[str]:
    return [point["value"] for point in temperature(read)["points"]]


@pytest.mark.parametrize(
    ("dialect", "header", "cells", "unit", "kept", "told"),
    [
        ("sensitech", "Temperature", ["41.0", "9.5 C"], "[degF]", ["41.0"], ["line 5"]),
        ("sensitech", "Temperature", ["9.5 C", "41.0"], "[degF]", ["41.0"], ["line 4"]),
        ("sensitech", "Temperature", ["5.0 °C", "9.5 C"], "Cel", ["5.0", "9.5"], []),
        ("sensitech", "Temperature", ["41.0", "49.1 F"], "[degF]", ["41.0", "49.1"], []),
        ("generic", "Temperature", ["41.0 °F", "9.5 °C", "42 °F"], "[degF]", ["41.0", "42"], ["line 5"]),
        ("generic", "Temperature", ["41.0 °F", "9.5"], "[degF]", ["41.0"], ["line 5"]),
        ("generic", "Temperature", ["9.5", "41.0 °F"], "[degF]", ["41.0"], ["line 4"]),
        ("generic", "Temperature (°C)", ["5.0", "41.0 °F"], "Cel", ["5.0"], ["line 5"]),
        ("generic", "Temperature (°C)", ["5.0 deg C", "9.5 Celsius"], "Cel", ["5.0", "9.5"], []),
        ("generic", "Temperature,Unit", ["41.0,F", "9.5,C"], "[degF]", ["41.0"], ["line 5"]),
    ],
)
def test_one_cell_of_another_unit_changes_no_other(
    dialect: str, header: str, cells: list[str], unit: str, kept: list[str], told: list[str]
) -> None:
    stamps = [f"2026-03-10 1{n}:00" if dialect == "generic" else f"03/10/2026 1{n}:00" for n in range(9)]
    rows = [f"{stamp},{cell}" for stamp, cell in zip(stamps, cells, strict=False)]
    read = read_rows(dialect, f"Date Time,{header}", *rows)
    assert (temperature(read)["unit"], points(read)) == (unit, kept)
    unread = [fault.place.partition(" column")[0] for fault in read.faults if fault.code == "value-unreadable"]
    assert unread == told
    assert adapter("UTC").write(read.type, read.frames, read.residual)[0].decode().splitlines()[-1] == rows[-1]


def test_an_extreme_of_another_unit_is_none() -> None:
    block = "Minimum: 5.0 °C\nMaximum: 9.5 °C\nMean: 45.0 °F"
    read = read_rows("generic", "Date Time,Temperature °F", "2026-03-10 10:00,41.0", block=block)
    found = temperature(read)
    assert not {"minimum", "maximum"} & found.keys()
    assert found["mean"] == "45.0"
    assert [fault.code for fault in read.faults if "imum" in fault.place] == ["value-unreadable"] * 2
    assert b"Maximum: 9.5 \xc2\xb0C" in adapter("UTC").write(read.type, read.frames, read.residual)[0]


@pytest.mark.parametrize("unit", ["F", "deg F", "degF", "Fahrenheit", "°F", "ºF", "℉"])
def test_a_unit_of_temperature_is_one_however_it_is_spelled(unit: str) -> None:
    read = read_rows("generic", "Date Time,Temperature", "2026-03-10 10:00,41.0", block=f"Unit: {unit}")
    assert temperature(read)["unit"] == "[degF]"
    body, faults = adapter("UTC").write(read.type, read.frames)
    assert faults == []
    assert temperature(adapter("UTC").read(body))["unit"] == "[degF]"


@pytest.mark.parametrize(
    "header", ["Temperature (F)", "Temperature [deg F]", "Temperature Fahrenheit", "Temperature (C)"]
)
def test_a_header_may_spell_its_degrees(header: str) -> None:
    read = read_rows("generic", f"Date Time,{header}", "2026-03-10 10:00,41.0")
    assert (temperature(read)["unit"], points(read)) == ("Cel" if header.endswith("(C)") else "[degF]", ["41.0"])


def test_a_file_that_nobody_could_read_again_is_told_and_not_raised() -> None:
    read = read_rows("generic", "Date Time,Temperature °C", "2026-03-10 10:00,5")
    read.frames[0]["set"]["unit"] = "F"
    assert "not-said" in [fault.code for fault in adapter("UTC").write(read.type, read.frames)[1]]


@pytest.mark.parametrize(
    ("block", "words", "alarm"),
    [
        ("", ["OK", "HIGH", "OK"], "alarm"),
        ("", ["OK", "", "sensor error"], "error"),
        ("", ["error", "OK", "HIGH"], "alarm"),
        ("", ["OK", "no", "0"], None),
        ("Alarm: Triggered", ["OK", "OK"], "alarm"),
        ("Alarm: No", ["OK", "LOW"], "alarm"),
        ("Alarm: No\nAlarm Status: Triggered", None, "alarm"),
        ("Alarm: Triggered\nAlarm Status: OK", None, "alarm"),
        ("Alarm: No\nAlarm Status: OK", None, None),
    ],
)
def test_an_alarm_said_once_is_an_alarm(block: str, words: list[str] | None, alarm: str | None) -> None:
    more = [f",{word}" for word in words] if words else ["", ""]
    rows = [f"2026-03-10 1{n}:00,5.0{word}" for n, word in enumerate(more)]
    read = read_rows("generic", f"Date Time,Temperature (°C){',Alarm' if words else ''}", *rows, block=block)
    assert temperature(read).get("alarm") == alarm
    raised = [e["type"] for e in events.assertions(read.map, read.frames, "p/m")].count("issue.raised")
    assert raised == (1 if alarm else 0)
    assert plain(adapter("UTC").write(read.type, read.frames, read.residual)[0])[-1] == rows[-1].split(",")
    body = adapter("UTC").write(read.type, read.frames)[0]
    assert temperature(adapter("UTC").read(body, read.type)).get("alarm") == alarm


def test_a_label_and_a_row_that_name_different_things_are_told() -> None:
    body = "Serial No: A\nTrip: 7\nSerial No,Date Time,Temperature °C\nB,2026-03-10T10:00:00Z,5\n"
    read = adapter().read(body.encode())
    assert temperature(read)["device"]["identifiers"][0]["value"] == "B"
    assert [(fault.code, fault.place) for fault in read.faults] == [("places-disagree", "line 4 column 1 (device)")]


def test_an_extreme_that_rows_differ_in_is_none_of_the_series() -> None:
    read = read_rows("generic", "Date Time,Temperature °C,Max", "2026-03-10 10:00,5,5.5", "2026-03-10 10:10,6,9.5")
    assert "maximum" not in temperature(read)
    assert [(f.code, f.place) for f in read.faults if f.code == "places-disagree"] == [
        ("places-disagree", "line 5 column 3 (maximum)")
    ]


@pytest.mark.parametrize("header", ["UTC Time", "Date Time (UTC)", "Timestamp UTC", "utc_time", "GMT"])
def test_a_column_of_utc_is_utc_whoever_sends_it(header: str) -> None:
    body = f"Serial No: 1\nTrip: 7\n{header},Temperature (°C)\n2026-03-10 10:00,5\n2026-03-10 10:10,6\n".encode()
    read = adapter("America/New_York").read(body)
    assert temperature(read)["start"]["at"] == "2026-03-10T10:00:00Z"
    assert "assumed_zone" not in temperature(read)["start"]
    assert codes(read) == []
    assert adapter("America/New_York").write(read.type, read.frames, read.residual)[0] == body
    fresh = adapter("America/New_York").write(read.type, read.frames)[0]
    assert adapter("America/New_York").read(fresh).frames == read.frames


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("(UTC-05:00) Eastern Time (US & Canada)", "2026-07-08T14:00:00Z"),
        ("(UTC+01:00) Amsterdam, Berlin", "2026-07-08T08:00:00Z"),
        ("UTC-05:00", "2026-07-08T15:00:00Z"),
    ],
)
def test_a_zone_that_is_named_has_its_summer_time(zone: str, at: str) -> None:
    read = read_rows("generic", "Date Time,Temperature °C", "2026-07-08 10:00,5", block=f'"Time Zone","{zone}"')
    assert (temperature(read)["start"]["at"], codes(read)) == (at, [])


def test_a_column_of_utc_under_another_zone_is_told() -> None:
    body = b"Trip: 7\nTime Zone: America/New_York\nUTC Time,Temperature \xc2\xb0C\n2026-03-10 10:00,5\n"
    read = adapter().read(body)
    assert temperature(read)["start"]["at"] == "2026-03-10T10:00:00Z"
    assert codes(read) == ["places-disagree"]


def test_a_row_of_another_zone_is_not_read_by_the_first_ones() -> None:
    rows = ("2026-03-10 10:00,5,UTC", "2026-03-10 10:10,6,UTC", "2026-03-10 10:20,7,+01:00")
    read = read_rows("generic", "Date Time,Temperature °C,Time Zone", *rows)
    assert points(read) == ["5", "6"]
    assert "places-disagree" in codes(read)


def test_what_names_no_shipment_is_read_and_says_so() -> None:
    read = adapter().read("Serial No: 1\nTimestamp,Temperature °C\n2026-03-10T10:00:00Z,5\n".encode())
    assert codes(read) == ["readings-unplaced"]


def test_a_file_without_times_counts_from_its_start() -> None:
    body = "Trip: 7\nStart Time: 2026-03-08 01:30\nInterval: 00:30:00\nNo,Temperature °C\n1,5\n2,5\n3,6\n".encode()
    found = temperature(adapter().read(body))
    assert found["start"]["at"] == "2026-03-08T06:30:00Z"
    assert [point["seconds"] for point in found["points"]] == ["0", "1800", "3600"]


def test_a_file_whose_rows_have_no_time_at_all_is_held() -> None:
    read = adapter().read("Trip: 7\nNo,Temperature °C\n1,5\n".encode())
    assert [(f.code, f.severity) for f in read.faults if f.severity == "error"] == [("time-missing", "error")]
    assert read.frames == []


def test_two_devices_in_one_file_are_two_series() -> None:
    rows = "\n".join(f"{s},2026-03-10T10:0{n}:00Z,{n}" for n in range(3) for s in ("A", "B"))
    read = adapter().read(f"Serial No,Timestamp,Temperature °C\n{rows}\n".encode())
    assert [f["set"]["device"]["identifiers"][0]["value"] for f in read.frames] == ["A", "B"]
    assert [len(f["set"]["points"]) for f in read.frames] == [3, 3]


# ---- clocks ---------------------------------------------------------------------------------------------------

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")


def written(instants: Sequence[datetime], zone: str) -> bytes:
    """A file as a logger whose clock is changed with its zone writes it."""
    rows = [f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S},5.0" for at in instants]
    return ("Trip: 7\nLocal Time,Temperature °C\n" + "\n".join(rows) + "\n").encode()


@settings(max_examples=share(400), deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 525_600).map(lambda minutes: YEAR + timedelta(minutes=minutes)),
    step=st.sampled_from([5, 10, 15, 20]),
    count=st.integers(20, 60),
)
def test_elapsed_times_are_those_of_zoneinfo_across_every_change_of_clocks(
    zone: str, start: datetime, step: int, count: int
) -> None:
    instants = [start + timedelta(minutes=step * n) for n in range(count)]
    found = temperature(adapter(zone).read(written(instants, zone)))
    told = [int(point["seconds"]) for point in found["points"]]
    assert told == [step * 60 * n for n in range(count)]
    assert found["start"]["at"] == f"{start:%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("zone", "before"),
    [
        ("America/New_York", datetime(2026, 11, 1, 4, 7, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 24, 23, 7, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("skipped", [0, 5, 9, 12, 14])
def test_an_hour_that_exists_twice_is_told_by_the_order_of_the_rows(zone: str, before: datetime, skipped: int) -> None:
    """Started before it, within it, or within the second of the two: wherever rows after it show which."""
    instants = [before + timedelta(minutes=10 * n) for n in range(skipped, 30)]
    read = adapter(zone).read(written(instants, zone))
    assert [int(p["seconds"]) for p in temperature(read)["points"]] == [600 * n for n in range(30 - skipped)]
    assert "time-unclear" in codes(read)
    assert "readings-gap" not in codes(read)


def test_a_silence_that_ends_in_the_second_of_two_hours_is_as_long_as_it_was() -> None:
    """The order alone does not tell; that the rows after it go on as usual does."""
    start = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    instants = [start + timedelta(minutes=10 * n) for n in (*range(6), *range(17, 30))]
    found = temperature(adapter(ZONE).read(written(instants, ZONE)))
    assert [int(point["seconds"]) for point in found["points"]] == [600 * n for n in (*range(6), *range(17, 30))]


def test_rows_from_the_last_to_the_first_are_the_same_series() -> None:
    instants = [datetime(2026, 11, 1, 4, 0, tzinfo=UTC) + timedelta(minutes=10 * n) for n in range(30)]
    forth, back = (temperature(adapter(ZONE).read(written(some, ZONE))) for some in (instants, instants[::-1]))
    assert forth["points"] == back["points"]
    assert forth["start"]["at"] == back["start"]["at"]


def test_a_clock_that_nobody_put_forward_is_read_by_its_old_offset_and_told() -> None:
    fixed = timedelta(hours=-5)
    instants = [datetime(2026, 3, 8, 6, 30, tzinfo=UTC) + timedelta(minutes=10 * n) for n in range(20)]
    rows = [f"{at + fixed:%Y-%m-%d %H:%M:%S},5.0" for at in instants]
    read = adapter().read(("Trip: 7\nLocal Time,Temperature °C\n" + "\n".join(rows) + "\n").encode())
    assert codes(read) == ["zone-assumed", "clock-not-changed"]
    assert [int(point["seconds"]) for point in temperature(read)["points"]] == [600 * n for n in range(20)]


def test_gaps_are_longer_than_half_an_interval_more() -> None:
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=m) for m in (0, 10, 20, 35, 51)]
    assert clock.gaps(times, timedelta(minutes=10)) == [(4, timedelta(minutes=16))]
    assert clock.gaps(times[:2]) == []


# ---- anything at all ------------------------------------------------------------------------------------------

LINE = st.sampled_from(
    [
        *("Serial No: 4711", "Alarm,OK", "Time Zone: Mars", "Interval: 0 min", "Interval: 99999999999 h", "Start;x"),
        *("Timestamp,Temperature °C", "Date,Time,Temp [°F],RH", "2026-03-08 02:30,5", "2026-11-01 01:30,-5.5"),
        *("9999-12-31 23:59,1", "0001-01-01 00:00,1", "2026-03-08,10:00,41 °F,x", "=cmd|x,1", '"', ",,,,", ""),
        *("Min: 1e9", "Unit: furlong", "1,2,3,4,5,6", "2026-03-10 10:00,1e999", "End of data"),
    ]
)


@settings(max_examples=share(600), deadline=None)
@given(st.one_of(st.binary(max_size=200), st.lists(LINE, max_size=12).map(lambda lines: "\n".join(lines).encode())))
def test_nothing_crashes_on_any_bytes(body: bytes) -> None:
    for dialect in DIALECTS.values():
        try:
            read = adapter().read(body, dialect)
        except (Unparsable, Unsupported):
            continue
        for frame in read.frames:
            check(frame)
        adapter().write(read.type, read.frames, read.residual)
        assert sum(1 for _ in read.entries()) == sum(read.summary().values())


def test_a_fault_never_repeats_a_cell() -> None:
    secret = "Tregarthen"
    block = f"Serial No: 1\nComment: {secret}\nTime Zone: {secret}\n"
    body = f"{block}Timestamp,Temperature °C\n{secret},5\n2026-03-10T10:00:00Z,{secret}\n"
    assert not any(secret in str(fault) for fault in adapter().read(body.encode()).faults)


def test_an_edited_series_is_read_again_as_it_was_edited() -> None:
    """PutGet, where the writer notes nothing; and what it cannot say it notes."""
    for name, dialect in DIALECTS.items():
        read = adapter().read(sample(f"{name}.csv"), dialect)
        for change in (_without_a_point, _another_value, _another_shipment, _later):
            frames = [{**f, "set": change(json.loads(json.dumps(f["set"])))} for f in read.frames]
            body, faults = adapter().write(dialect, frames, read.residual)
            again = [f["set"] for f in adapter().read(body, dialect).frames]
            assert again == [f["set"] for f in frames] or any(f.code == "not-said" for f in faults), (name, change)


def _without_a_point(values: Frame) -> Frame:
    del values["points"][1]
    return values


def _another_value(values: Frame) -> Frame:
    values["points"][1]["value"] = "-7.125"
    return values


def _another_shipment(values: Frame) -> Frame:
    values["shipment"] = {"kind": "shipment", "identifiers": [{"system": "https://new.example/s", "value": "N-1"}]}
    return values


def _later(values: Frame) -> Frame:
    values["points"].append({"seconds": str(int(values["points"][-1]["seconds"]) + 600), "value": "1"})
    values.pop("end")
    return values
