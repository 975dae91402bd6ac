"""Units of UCUM as far as factors between them are certain: powers of ten, parts, volumes, masses, times. No physics.

What stands in braces is kept as a thing of its own: `{copies}/{cell}` is not `{copies}/{transduced cell}`, whatever
UCUM, which gives annotations no meaning, would say. Nor is a count a share, although both are numbers to UCUM:
`10*6` is not so many `%`. A unit that is not understood equals only itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

COUNT = "#"
"""Base of what is counted in powers of ten, such as cells."""
UCUM = "http://unitsofmeasure.org"

_PREFIXES = {"": 0, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "k": 3}
_TIMES = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
ATOMS: Mapping[str, tuple[Fraction, str]] = {
    **{prefix + litre: (Fraction(10) ** ten, "L") for prefix, ten in _PREFIXES.items() for litre in ("L", "l")},
    **{f"{prefix}g": (Fraction(10) ** ten, "g") for prefix, ten in _PREFIXES.items()},
    **{time: (Fraction(seconds), "s") for time, seconds in _TIMES.items()},
    "ms": (Fraction(1, 1000), "s"),
    "%": (Fraction(1, 100), ""),
    "1": (Fraction(1), ""),
    "[IU]": (Fraction(1), "[IU]"),
    "[iU]": (Fraction(1), "[IU]"),
    "{cells}": (Fraction(1), COUNT),
    "{cell}": (Fraction(1), COUNT),
}
"""Atom -> how many of its base, and the base; a share has none."""
ENDOTOXIN: Mapping[str, tuple[Fraction, str]] = dict.fromkeys(("{EU}", "[EU]", "[IU]", "[iU]"), (Fraction(1), "{EU}"))
"""Of endotoxin alone: an endotoxin unit is an international unit by definition, and `[EU]`, in UCUM the Ehrlich unit,
is what many senders write for it."""

_TEN = re.compile(r"10[*^]([+-]?[0-9]{1,2})")
_FACTOR = re.compile(r"(\{[^{}]*\}|\[[^\[\]]*\]|10[*^][+-]?[0-9]{1,2}|[A-Za-z%]+|1)(\{[^{}]*\})?")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as how many of what: the factor, and the powers of its bases."""

    factor: Fraction
    bases: frozenset[tuple[str, int]]


@lru_cache(maxsize=1024)
def unit_of(code: str, endotoxin: bool = False) -> Unit | None:
    """The unit of a UCUM code; None where it is none that is certain.

    >>> unit_of("10*9/L") == unit_of("10*6/mL")
    True
    >>> unit_of("10*6").bases == unit_of("%").bases
    False
    >>> unit_of("furlong") is None
    True
    """
    numerator, *denominators = code.split("/")
    factor, bases = Fraction(1), Counter[str]()
    for power, term in ((1, numerator), *((-1, below) for below in denominators)):
        if not term and power == 1 and denominators:
            continue  # `/uL`: one by microlitre
        found = _term(term, endotoxin, power)
        if found is None:
            return None
        factor *= found[0] ** power
        bases.update({base: count * power for base, count in found[1].items()})
    return Unit(factor, frozenset((base, count) for base, count in bases.items() if count))


def _term(term: str, endotoxin: bool, power: int) -> tuple[Fraction, Counter[str]] | None:
    """Factor and bases of what stands between two slashes."""
    factor, bases = Fraction(1), Counter[str]()
    for part in re.split(r"\.(?![^{\[]*[}\]])", term):
        matched = _FACTOR.fullmatch(part)
        if matched is None:
            return None
        for atom in filter(None, matched.groups()):
            one = _atom(atom, endotoxin, power)
            if one is None:
                return None
            factor *= one[0]
            bases.update([one[1]] if one[1] else [])
    if bases[COUNT] > 1:  # `10*6{cells}` counts once
        bases[COUNT] = 1
    return factor, bases


def _atom(atom: str, endotoxin: bool, power: int) -> tuple[Fraction, str] | None:
    if endotoxin and atom in ENDOTOXIN:
        return ENDOTOXIN[atom]
    if ten := _TEN.fullmatch(atom):
        return Fraction(10) ** int(ten[1]), COUNT
    if atom.startswith("{") and (power < 0 or atom not in ATOMS):  # by cell is not by nothing
        return Fraction(1), atom
    return ATOMS.get(atom)


def converted(quantity: Mapping[str, Any], unit: str | None, endotoxin: bool = False) -> Fraction | None:
    """The number of a quantity in another unit, exactly; None where no factor between the two is certain."""
    number = Fraction(Decimal(quantity["value"]))
    own = quantity.get("unit")
    if own == unit:
        return number
    if quantity.get("unit_system") not in {None, UCUM}:
        return None
    if not own or not unit:
        return None  # no unit is not the unit one: somebody left it out
    one, other = unit_of(own, endotoxin), unit_of(unit, endotoxin)
    if one is None or other is None or one.bases != other.bases:
        return None
    return number * one.factor / other.factor


def span_of(quantity: Mapping[str, Any] | None) -> timedelta | None:
    """The time that a quantity says, such as 10 d; None where it says none.

    >>> span_of({"value": "36", "unit": "h"})
    datetime.timedelta(days=1, seconds=43200)
    """
    seconds = converted(quantity, "s") if quantity else None
    try:
        return None if seconds is None else timedelta(seconds=float(seconds))
    except OverflowError:
        return timedelta.max
