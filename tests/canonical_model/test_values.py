"""Values: digits, instants and precisions are kept as stated, and nothing else is taken for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from canonical_model.values import (
    LATEST,
    Coding,
    Concept,
    Flag,
    Identifier,
    Instant,
    Measurement,
    Model,
    Number,
    Quantity,
    When,
    Whole,
    instant_text,
    interval_end,
    parse_instant,
    plain,
    plus,
    precision_of,
    zone_of,
)


def takes(type_: Any, value: Any) -> bool:
    try:
        TypeAdapter(type_).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", ["2.10", "0", "-0.00", "1e6", "1.50E-3", "9" * 40, "0.100"])
def test_a_number_keeps_its_digits(text: str) -> None:
    assert plain(Quantity(value=text))["value"] == str(Decimal(text))
    assert Decimal(plain(Quantity(value=text))["value"]).as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize(
    "value", [1, 1.5, True, None, "", " 1", "1 ", "+1", "1_000", "NaN", "Infinity", "1e100", "9" * 41, "٣", "0x1"]
)
def test_what_only_looks_like_a_number_is_none(value: Any) -> None:
    assert not takes(Number, value)


@pytest.mark.parametrize("value", ["1", 1.0, True, None])
def test_a_count_is_a_whole_number(value: Any) -> None:
    assert takes(Whole, 3)
    assert not takes(Whole, value)


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, None])
def test_a_flag_is_yes_or_no(value: Any) -> None:
    assert takes(Flag, False)
    assert not takes(Flag, value)


@pytest.mark.parametrize("text", ["2026-03-08T06:40:00Z", "2026-03-08T06:40:00.5Z", "0001-01-01T00:00:00Z"])
def test_an_instant_has_one_spelling(text: str) -> None:
    assert takes(Instant, text)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2026-03-08T06:40:00+00:00",
            "2026-03-08 06:40:00Z",
            "2026-03-08T06:40Z",
            "2026-03-08",
            "2026-02-30T00:00:00Z",
        ),
        *("2026-03-08T06:40:60Z", "2026-03-08T24:00:00Z", 1_700_000_000, "1700000000", None, datetime(2026, 1, 1)),  # noqa: DTZ001
    ],
)
def test_another_spelling_of_an_instant_is_refused(value: Any) -> None:
    assert not takes(Instant, value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_read_as_it_is_written(instant: datetime) -> None:
    assert parse_instant(instant_text(instant)) == instant
    assert takes(Instant, instant_text(instant))


@pytest.mark.parametrize(
    ("at", "precision", "zone", "end"),
    [
        ("2026-03-08T05:00:00Z", "day", "America/New_York", "2026-03-09T04:00:00Z"),  # 23 hours: clocks go forward
        ("2026-11-01T04:00:00Z", "day", "America/New_York", "2026-11-02T05:00:00Z"),  # 25 hours
        ("2026-03-08T05:00:00Z", "day", "-05:00", "2026-03-09T05:00:00Z"),
        ("2026-03-01T00:00:00Z", "month", None, "2026-04-01T00:00:00Z"),
        ("2024-02-01T00:00:00Z", "month", "Z", "2024-03-01T00:00:00Z"),
        ("2025-12-31T23:00:00Z", "year", "Europe/Berlin", "2026-12-31T23:00:00Z"),
        ("2024-02-29T10:00:00Z", "year", "Z", "2025-01-01T00:00:00Z"),
        ("2026-03-08T09:00:00Z", "hour", "Asia/Kolkata", "2026-03-08T09:30:00Z"),
    ],
)
def test_an_interval_ends_where_the_next_one_begins(at: str, precision: str, zone: str | None, end: str) -> None:
    assert interval_end(parse_instant(at), precision, zone) == parse_instant(end) - timedelta(microseconds=1)


@pytest.mark.parametrize("precision", ["year", "month", "day", "hour"])
def test_the_calendar_ends_without_a_crash(precision: str) -> None:
    last = parse_instant("9999-12-31T23:59:59Z")
    assert last <= interval_end(last, precision, "-12:00") <= LATEST
    assert interval_end(parse_instant("0001-01-01T00:00:00Z"), precision, "+05:00") <= LATEST
    assert plus(last, timedelta(days=1)) == LATEST


@pytest.mark.parametrize("precision", ["minute", "second", "fraction"])
def test_from_the_minute_down_an_instant_is_its_own_end(precision: str) -> None:
    at = parse_instant("2026-03-08T09:00:00Z")
    assert interval_end(at, precision, "Z") == at


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.sampled_from(["year", "month", "day", "hour"]))  # noqa: DTZ001
def test_an_interval_holds_its_instant(at: datetime, precision: str) -> None:
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "+05:45", None):
        assert interval_end(at.replace(tzinfo=UTC), precision, zone) >= at.replace(tzinfo=UTC)


def test_a_when_is_as_precise_as_its_text() -> None:
    good = {"at": "2026-03-08T00:00:00Z", "local": "2026-03-08", "precision": "day"}
    assert When.model_validate(good).coarse
    assert When.model_validate(good).end() == parse_instant("2026-03-08T23:59:59.999999Z")
    for precision in ("year", "minute", "fraction", "week"):
        assert not takes(When, {**good, "precision": precision})
    assert not takes(When, {**good, "zone": "Mars/Olympus"})
    assert not takes(When, {**good, "local": "20260308"})


@pytest.mark.parametrize(
    ("local", "precision"),
    [
        *(("2026", "year"), ("2026-03", "month"), ("2026-03-08", "day"), ("2026-03-08T09", "hour")),
        *(("2026-03-08T09:30", "minute"), ("2026-03-08T09:30:00", "second"), ("2026-03-08T09:30:00.1", "fraction")),
    ],
)
def test_the_digits_say_the_precision(local: str, precision: str) -> None:
    assert precision_of(local) == precision


@pytest.mark.parametrize("name", ["", "+5", "+05:99", "+ab:cd", "+99:00", "../etc/passwd", "Not/AZone"])
def test_no_zone_is_guessed(name: str) -> None:
    with pytest.raises(ValueError):
        zone_of(name)


def test_an_offset_is_a_zone() -> None:
    assert zone_of("-05:30").utcoffset(None) == timedelta(hours=-5, minutes=-30)
    assert zone_of("+0130").utcoffset(None) == timedelta(hours=1, minutes=30)


def test_values_are_frozen_and_closed() -> None:
    coding = Coding(code="A")
    with pytest.raises(ValidationError):
        coding.code = "B"  # type: ignore[misc]
    assert not takes(Coding, {"code": "A", "colour": "red"})


def test_an_empty_statement_is_none() -> None:
    assert not takes(Coding, {})
    assert not takes(Concept, {"codings": []})
    assert not takes(Measurement, {})
    assert not takes(Measurement, {"boolean": True, "time": "08:00"})
    assert not takes(Identifier, {"system": "", "value": "1"})


def test_no_field_of_the_model_takes_text_for_a_number_or_a_flag() -> None:
    """A plain `int` or `bool` of pydantic would take "1" and "yes", which the published schema refuses."""

    def models(model: type[Model]) -> list[type[Model]]:
        return [model, *(found for inner in model.__subclasses__() for found in models(inner))]

    import canonical_model.records  # noqa: F401

    for model in models(Model):
        for name, field in model.model_fields.items():
            text = repr(field.annotation)
            lax = field.annotation in {int, bool, float} and not field.metadata
            assert not lax, f"{model.__name__}.{name}"
            assert "float" not in text, f"{model.__name__}.{name}"
