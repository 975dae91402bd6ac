"""Units: factors that are certain, and everything else refused rather than guessed."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical_model.units import ATOMS, converted, span_of, unit_of


def number(unit: str | None, wanted: str | None, value: str = "2.6", *, endotoxin: bool = False) -> Fraction | None:
    quantity = {"value": value} | ({"unit": unit} if unit else {})
    return converted(quantity, wanted, endotoxin)


@pytest.mark.parametrize(
    ("unit", "wanted", "value"),
    [
        ("10*9", "10*6", "2600"),
        ("10^6", "10*9", "0.0026"),
        ("10*9/L", "10*6/mL", "2.6"),
        ("10*6/kg", "10*6/kg", "2.6"),
        ("{cells}/uL", "10*6/mL", "0.0026"),
        ("10*6{cells}", "10*6", "2.6"),
        ("1", "%", "260"),
        ("uL", "mL", "0.0026"),
        ("d", "h", "62.4"),
        ("mg/dL", "g/L", "0.026"),
    ],
)
def test_a_factor_between_two_units_is_exact(unit: str, wanted: str, value: str) -> None:
    assert number(unit, wanted) == Fraction(value)


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("{EU}/mL", "{EU}/kg"),
        ("{copies}/{cell}", "{copies}/{transduced cell}"),
        ("{copies}/{cell}", "{copies}"),
        ("{vg}", "{gc}"),
        ("10*6", "%"),
        ("10*6", "1"),
        ("[IU]/mL", "{EU}/mL"),
        ("[EU]/mL", "{EU}/mL"),
        ("Cel", "K"),
        ("mg", "mL"),
        ("furlong", "mL"),
        (None, "%"),
        ("%", None),
    ],
)
def test_no_factor_is_guessed(unit: str | None, wanted: str | None) -> None:
    assert number(unit, wanted) is None


@pytest.mark.parametrize("unit", ["{EU}/mL", "[EU]/mL", "[IU]/mL", "[iU]/mL"])
def test_endotoxin_units_are_international_units_and_what_senders_write_for_them(unit: str) -> None:
    assert number(unit, "{EU}/mL", endotoxin=True) == Fraction("2.6")
    assert number(unit, "{EU}/kg", endotoxin=True) is None


def test_a_unit_that_is_not_understood_equals_itself() -> None:
    assert number("furlong", "furlong") == Fraction("2.6")


def test_a_code_of_another_system_of_units_is_no_code_of_ucum() -> None:
    assert converted({"value": "1", "unit": "L", "unit_system": "urn:local"}, "mL") is None
    assert converted({"value": "1", "unit": "L", "unit_system": "http://unitsofmeasure.org"}, "mL") == 1000


@given(st.sampled_from(sorted(ATOMS)), st.sampled_from(sorted(ATOMS)), st.decimals(-1000, 1000, places=6))
def test_there_and_back_is_the_same_number(one: str, other: str, value: object) -> None:
    there = number(one, other, str(value))
    factor = number(other, one, "1")
    assert (there is None) == (factor is None)
    if there is not None and factor is not None:
        assert there * factor == Fraction(str(value))


@given(st.text(alphabet="10*^/.{}[]%mLgEU", max_size=12))
def test_no_text_breaks_the_reading_of_units(text: str) -> None:
    found = unit_of(text)
    assert found is None or found.factor > 0


@pytest.mark.parametrize(
    ("quantity", "span"),
    [
        ({"value": "10", "unit": "d"}, timedelta(days=10)),
        ({"value": "36", "unit": "h"}, timedelta(hours=36)),
        ({"value": "9e99", "unit": "d"}, timedelta.max),
        ({"value": "10", "unit": "mL"}, None),
        ({"value": "10"}, None),
        (None, None),
    ],
)
def test_a_time_is_read_from_a_quantity(quantity: dict[str, str] | None, span: timedelta | None) -> None:
    assert span_of(quantity) == span
