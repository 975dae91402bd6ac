"""What may be expected of a value: a closed vocabulary of claims. Pure; a claim that fails says what it found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from conformance_tests.pointers import ABSENT, at

Kept = dict[str, Any]
Check = Callable[[Any, Any, Kept], bool]
LONGEST = 160
"""Characters of a found value that a reason repeats."""


def mismatch(expected: Any, found: Any, kept: Kept) -> str:
    """Why a value is not as expected, or an empty text. `keep` puts what was found under a name."""
    claims = expected if isinstance(expected, Mapping) else {"equals": expected}
    for word, wanted in claims.items():
        if not CLAIMS[word](wanted, found, kept):
            return f"expected {word} {_short(wanted)}, found {_short(found)}"
    return ""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _equal(wanted: Any, found: Any, _: Kept) -> bool:
    """Equal, and of one type: true is not 1, and "1" is not 1."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(_equal(wanted[name], found[name], _) for name in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(_equal(w, f, _) for w, f in zip(wanted, found, strict=True))
    return type(wanted) is type(found) and bool(wanted == found)


def _keep(name: Any, found: Any, kept: Kept) -> bool:
    kept[name] = found
    return found is not ABSENT


def _fits(claims: Mapping[str, Any], item: Any, kept: Kept) -> bool:
    """True for an item that fits every claim, each at a pointer into it; keeps what it says only then."""
    seen: Kept = {}
    fits = all(not mismatch(expected, at(item, place), seen) for place, expected in claims.items())
    if fits:
        kept |= seen
    return fits


def _any(claims: Any, found: Any, kept: Kept) -> bool:
    return isinstance(found, list) and any(_fits(claims, item, kept) for item in found)


def _one(claims: Any, found: Any, kept: Kept) -> bool:
    return isinstance(found, list) and sum(_fits(claims, item, kept) for item in found) == 1


def _none(claims: Any, found: Any, _: Kept) -> bool:
    return found is ABSENT or (isinstance(found, list) and not any(_fits(claims, item, {}) for item in found))


def _digits(wanted: Any, found: Any, _: Kept) -> bool:
    """A JSON number that is written with exactly these digits."""
    return isinstance(found, Decimal | int) and not isinstance(found, bool) and str(found) == wanted


CLAIMS: dict[str, Check] = {
    "equals": _equal,
    "differs": lambda wanted, found, kept: found is not ABSENT and not _equal(wanted, found, kept),
    "one_of": lambda wanted, found, kept: any(_equal(one, found, kept) for one in wanted),
    "matches": lambda wanted, found, _: isinstance(found, str) and re.search(wanted, found) is not None,
    "lacks": lambda wanted, found, _: isinstance(found, str) and not any(text in found for text in wanted),
    "present": lambda wanted, found, _: (found is not ABSENT) == wanted,
    "digits": _digits,
    "any": _any,
    "one": _one,
    "none": _none,
    "keep": _keep,
}
"""Word -> whether the claim holds of (what is wanted, what was found, what is kept)."""
