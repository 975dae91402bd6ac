"""Every kind of identifier with a structure of its own: what it names, how it is read, checked and printed. No scans.

Structure and check characters only: the tables of ISBT 128 (facilities, products) are ICCBBA's and not here. Clauses:
data structure NNN of ISBT 128 is section 2.4.NNN of the Standard Technical Specification (ST-001); the GS1 keys are
those of section 3 of the GS1 General Specifications; the Single European Code is that of Directive 2006/86/EC, annex
VII.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from canonical_model import BASE
from canonical_model.identifiers import dates
from canonical_model.identifiers.checks import check_character, is_checked, mod_37_2
from canonical_model.identifiers.gs1 import GLN, GS1, SSCC, Identifier

ISBT = "https://www.isbt128.org/uri/"

ONE, MANY = "one", "many"
"""What an identifier names: one thing, or several things alike, such as the bags of a lot."""

FIN = "[A-NP-Z1-9][A-NP-Z0-9]{2}[0-9]{2}"
"""A facility identification number, the first five characters of a donation identification number."""
DIN = rf"{FIN}[0-9]{{8}}"


class Misread(ValueError):
    """A text is no identifier of the kind that is meant. `code` is one of docs/errors.md; `remedy` says what to do."""

    def __init__(self, code: str, remedy: str) -> None:
        super().__init__(remedy)
        self.code = code
        self.remedy = remedy


class Kind(NamedTuple):
    """One kind of identifier. `clean` makes the normal value of any spelling; `check` is asked of the right shape."""

    type: str
    system: str
    names: tuple[str, ...]
    """The kinds of record that it can name."""
    unique: str
    """`one` or `many`."""
    title: str
    clause: str
    pattern: re.Pattern[str]
    """The normal value, its parts as named groups."""
    clean: Callable[[str], str]
    check: Callable[[str], bool]
    show: Callable[[str], str]


def read(type_: str, text: str) -> Identifier:
    """The identifier of a type from any of its spellings: with data identifier, spaces, flags, check character.

    Raises Misread with a code of docs/errors.md: `identifier-unreadable` for another structure, `check-digit` where
    the check characters are not its own, `date-unreadable`. Never quotes the text.

    >>> read("din", "G1234 98 654321 H")
    {'system': 'https://www.isbt128.org/uri/DonationIdentificationNumber', 'value': 'G123498654321', 'type': 'din'}
    """
    kind = KINDS[type_]
    value = kind.clean(text)
    if not kind.pattern.fullmatch(value):
        raise Misread("identifier-unreadable", f"write {kind.title} ({kind.clause}); scan the label again")
    if not kind.check(value):
        raise _miscounted(kind.title)
    return {"system": kind.system, "value": value, "type": kind.type}


def show(identifier: Mapping[str, str]) -> str:
    """An identifier as people read it on a label; of a kind without a structure its value.

    >>> show({"type": "din", "value": "G123417654321"}), show({"type": "sscc", "value": "106141411234567897"})
    ('G1234 17 654321 A', '(00)106141411234567897')
    """
    kind = KINDS.get(identifier.get("type", ""))
    value = identifier["value"]
    return kind.show(value) if kind and kind.pattern.fullmatch(value) else value


def parts(identifier: Mapping[str, str]) -> dict[str, str]:
    """The parts of an identifier by name; none where its kind has no structure or its value not that structure.

    >>> parts({"type": "din", "value": "G123417654321"})
    {'facility': 'G1234', 'year': '17', 'sequence': '654321'}
    """
    kind = KINDS.get(identifier.get("type", ""))
    found = kind.pattern.fullmatch(identifier["value"]) if kind else None
    return {name: part for name, part in found.groupdict().items() if part} if found else {}


def _miscounted(title: str) -> Misread:
    return Misread("check-digit", f"the check characters of {title} are not its own; scan the label again")


def _fine(value: str) -> bool:  # noqa: ARG001 - a check's shape
    return True


def _same(value: str) -> str:
    return value


def _plain(text: str) -> str:
    return text.strip()


# ---- ISBT 128 -------------------------------------------------------------------------------------------------


def _after(*signs: str) -> Callable[[str], str]:
    """Without white space and data identifier, in capitals."""

    def clean(text: str) -> str:
        text = "".join(text.split()).upper()
        return next((text[len(sign) :] for sign in signs if text.startswith(sign)), text)

    return clean


_PRINTED_DIN = re.compile(rf"(?P<din>{DIN})(?P<flags>[0-9]{{2}})?(?P<check>[0-9A-Z*])?", re.ASCII)
_sign_of_din = _after("=")


def _clean_din(text: str) -> str:
    """The thirteen characters of the number. Flags 60 to 96 are its check value plus 60; one more character is the
    check character of what was typed (ST-001, appendix A).
    """
    found = _PRINTED_DIN.fullmatch(_sign_of_din(text))
    if found is None:
        return ""
    din, flags = found["din"], int(found["flags"] or 0)
    if found["check"] not in {None, check_character(din)} or (60 <= flags <= 96 and flags - 60 != mod_37_2(din)):
        raise _miscounted("a donation identification number")
    return din


def _show_din(value: str) -> str:
    return f"{value[:5]} {value[5:7]} {value[7:]} {check_character(value)}"


def _is_grid(value: str) -> bool:
    return int(value[17:]) == mod_37_2(value[:17])


def _show_grid(value: str) -> str:
    return " ".join(value[place : place + 4] for place in range(0, len(value), 4))


def _is_sec(value: str) -> bool:
    try:
        return value[32:] == "00000000" or bool(dates.calendar(value[32:]))
    except ValueError:
        raise Misread("date-unreadable", "the code ends in the day of expiry as YYYYMMDD, or in 00000000") from None


def _unpadded(*signs: str) -> Callable[[str], str]:
    clean = _after(*signs)
    return lambda text: clean(text).lstrip("0")


def _isbt(
    type_: str,
    names: str,
    title: str,
    clause: str,
    pattern: str,
    clean: Callable[[str], str],
    system: str = "",
    check: Callable[[str], bool] = _fine,
    show: Callable[[str], str] = _same,
    unique: str = ONE,
) -> Kind:
    shape = re.compile(pattern, re.ASCII)
    return Kind(type_, system or f"{BASE}/id/{type_}", (names,), unique, title, clause, shape, clean, check, show)


_FACILITY = rf"(?P<facility>{FIN})"
_YEAR = r"(?P<year>[0-9]{2})"
_MPHO = rf"(?P<processor>[A-NP-Z0-9]{{5}})(?P<product>[A-Z0-9]{{5}})(?P<din>{DIN})(?P<division>[A-Z0-9]{{6}})"
_UNIT = rf"(?P<din>{DIN})-(?P<product>[A-Z0-9]{{6}}[A-Za-z0-9]{{2}})(?:-(?P<division>[A-Z0-9]{{6}}))?"
_CONSIGNMENT = rf"{_FACILITY}{_YEAR}(?P<sequence>[A-Z0-9]{{5}})(?P<container>[0-9]{{2}})(?P<containers>[0-9]{{2}})"
_SEC = (
    r"(?P<country>[A-Z]{2})(?P<establishment>[A-Z0-9]{6})(?P<donation>[A-Z0-9]{13})"
    r"(?P<coding>[EAB])(?P<product>[A-Z0-9]{7})(?P<split>[A-Z0-9]{3})(?P<expiry>[0-9]{8})"
)
_GRID = r"(?P<issuer>[1-9][0-9]{3})(?P<donor>[A-Z0-9]{13})(?P<check>[0-3][0-9])"

_ISBT_KINDS = (
    _isbt(
        "coi",
        "order",
        "a chain-of-identity identifier, 15 characters",
        "ISBT 128 [040], ST-028",
        rf"CH{_FACILITY}{_YEAR}(?P<sequence>[A-Z0-9]{{6}})",
        _after("&/"),
    ),
    _isbt(
        "din",
        "collection",
        "a donation identification number, 13 characters",
        "ISBT 128 [001]",
        rf"{_FACILITY}{_YEAR}(?P<sequence>[0-9]{{6}})",
        _clean_din,
        f"{ISBT}DonationIdentificationNumber",
        show=_show_din,
    ),
    _isbt(
        "mpho",
        "container",
        "an MPHO unique identifier, 29 characters",
        "ISBT 128",
        _MPHO,
        _after(),
        f"{ISBT}MPHOUniqueIdentifier",
    ),
    _isbt(
        "isbt-unit",
        "container",
        "a donation identification number, product code and division",
        "ISBT 128 [001], [003] and [032] together",
        _UNIT,
        _plain,
    ),
    _isbt(
        "sec",
        "container",
        "a Single European Code, 40 characters",
        "ISBT 128 [038]; Directive 2006/86/EC, annex VII",
        _SEC,
        _after("SEC:", "&,4"),
        check=_is_sec,
        show=lambda value: f"SEC:{value[:21]} {value[21:]}",
    ),
    _isbt(
        "grid",
        "subject",
        "a global registration identifier for donors, 19 characters",
        "ISBT 128 [039], ST-015",
        _GRID,
        _after("&:"),
        "http://www.isbt128.org/uri/GRID",
        _is_grid,
        _show_grid,
    ),
    _isbt(
        "donor",
        "subject",
        "a donor identification number, 21 characters",
        "ISBT 128 [019]",
        rf"{_FACILITY}(?P<donor>[!-~]{{16}})",
        _after("=;"),
    ),
    _isbt(
        "consignment",
        "shipment",
        "a product consignment, 16 characters",
        "ISBT 128 [028]",
        _CONSIGNMENT,
        _after("=$"),
        f"{ISBT}ProductConsignment",
    ),
    _isbt(
        "isbt-lot",
        "material",
        "an MPHO lot number, up to 18 characters",
        "ISBT 128 [035]",
        r"(?P<lot>[A-Z0-9]{1,18})",
        _unpadded("&,1"),
        unique=MANY,
    ),
    _isbt(
        "supplemental",
        "material",
        "an MPHO supplemental identification number, up to 18 characters",
        "ISBT 128 [036]",
        r"(?P<number>[A-Z0-9]{1,18})",
        _unpadded("&,2"),
        unique=MANY,
    ),
)

# ---- GS1 ------------------------------------------------------------------------------------------------------


def _clean_gtin(text: str) -> str:
    """A GTIN of 8, 12 or 13 digits, alone or before a full stop, with the zeros that make it 14."""
    gtin, stop, further = text.strip().partition(".")
    return f"{gtin.zfill(14) if len(gtin) in {8, 12, 13} else gtin}{stop}{further}"


def _counted(start: int, end: int) -> Callable[[str], bool]:
    return lambda value: is_checked(value[start:end])


def _bracketed(*keys: str) -> Callable[[str], str]:
    def show_key(value: str) -> str:
        return "".join(f"({key}){part}" for key, part in zip(keys, value.split(".", len(keys) - 1), strict=True))

    return show_key


def _gs1(
    type_: str,
    system: str,
    names: tuple[str, ...],
    title: str,
    pattern: str,
    checked: Callable[[str], bool],
    *keys: str,
    unique: str = ONE,
) -> Kind:
    clause = "GS1 " + "".join(f"({key})" for key in keys)
    shape, clean = re.compile(pattern, re.ASCII), _clean_gtin if keys[0] == "01" else _plain
    return Kind(type_, system, names, unique, title, clause, shape, clean, checked, _bracketed(*keys))


_SERIAL = "[!-~]{1,20}"
_GTIN = r"(?P<indicator>[0-9])(?P<reference>[0-9]{12})(?P<check>[0-9])"
_PLACES, _THINGS = ("location", "party"), ("container", "device")

_GS1_KINDS = (
    _gs1(
        "sscc",
        SSCC,
        ("shipment",),
        "an SSCC, 18 digits",
        r"(?P<extension>[0-9])(?P<reference>[0-9]{16})(?P<check>[0-9])",
        _counted(0, 18),
        "00",
    ),
    _gs1("gtin", f"{GS1}01", ("material",), "a GTIN, 14 digits", _GTIN, _counted(0, 14), "01", unique=MANY),
    _gs1(
        "sgtin",
        f"{GS1}01-21",
        _THINGS,
        "a GTIN and a serial number",
        rf"(?P<gtin>[0-9]{{14}})\.(?P<serial>{_SERIAL})",
        _counted(0, 14),
        "01",
        "21",
    ),
    _gs1(
        "gtin-lot",
        f"{GS1}01-10",
        ("material",),
        "a GTIN and a lot number",
        rf"(?P<gtin>[0-9]{{14}})\.(?P<lot>{_SERIAL})",
        _counted(0, 14),
        "01",
        "10",
        unique=MANY,
    ),
    _gs1("gln", GLN, _PLACES, "a GLN, 13 digits", r"(?P<reference>[0-9]{12})(?P<check>[0-9])", _counted(0, 13), "414"),
    _gs1(
        "gln-extension",
        f"{GLN}-254",
        _PLACES,
        "a GLN and its extension",
        rf"(?P<gln>[0-9]{{13}})\.(?P<extension>{_SERIAL})",
        _counted(0, 13),
        "414",
        "254",
    ),
    _gs1(
        "grai",
        f"{GS1}8003",
        _THINGS,
        "a GRAI: 0, 13 digits and a serial number",
        r"0(?P<reference>[0-9]{12})(?P<check>[0-9])(?P<serial>[!-~]{1,16})",
        _counted(1, 14),
        "8003",
    ),
    _gs1("giai", f"{GS1}8004", _THINGS, "a GIAI, up to 30 characters", r"(?P<key>[!-~]{4,30})", _fine, "8004"),
)

KINDS: Mapping[str, Kind] = {kind.type: kind for kind in (*_ISBT_KINDS, *_GS1_KINDS)}
"""Every kind by its identifier type, the strongest name of a record first."""

BY_SYSTEM: Mapping[str, Kind] = {kind.system: kind for kind in KINDS.values()}
