"""The ways in which systems of identifiers are spelt, and the one that each stands for. A table; guesses nothing.

An alias counts only for a value of the right structure: `ISBT128` before a hospital's own number says nothing. The
table is published as `system-aliases.csv`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote

from canonical_model.identifiers.gs1 import GS1, Identifier
from canonical_model.identifiers.kinds import BY_SYSTEM, ISBT, KINDS, Misread, read

ANY_ISBT = ("mpho", "coi", "din", "grid")
"""Kinds that a value can be where only ISBT 128 is named: their lengths, 29, 15, 13 and 19, tell them apart."""
_CHECKED_DIN = (14, 16)
"""Lengths of a donation identification number with its check character; another structure can have them too."""

_OID = "2.16.840.1.113883.6.18"
"""HL7's object identifier of ISBT 128."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    # ISBT 128 without saying which structure
    ISBT: ANY_ISBT,
    "https://www.isbt128.org": ANY_ISBT,
    f"urn:oid:{_OID}": ANY_ISBT,
    "http://terminology.hl7.org/codesystem/ib": ANY_ISBT,
    "isbt128": ANY_ISBT,
    "isbt-128": ANY_ISBT,
    "isbt 128": ANY_ISBT,
    "isbt": ANY_ISBT,
    "iccbba": ANY_ISBT,
    # one structure of ISBT 128
    f"{ISBT}donationidentificationnumber": ("din",),
    f"urn:oid:{_OID}.2.1": ("din",),
    "din": ("din",),
    f"{ISBT}mphouniqueidentifier": ("mpho",),
    f"urn:oid:{_OID}.3.1": ("mpho",),
    "mpho": ("mpho",),
    f"{ISBT}chainofidentityidentifier": ("coi",),
    f"{ISBT}chainofidentity": ("coi",),
    "coi": ("coi",),
    f"{ISBT}grid": ("grid",),
    "grid": ("grid",),
    f"{ISBT}productconsignment": ("consignment",),
    "sec": ("sec",),
    # GS1 keys
    f"{GS1}00": ("sscc",),
    "urn:oid:2.51.1.2": ("sscc",),
    "urn:epc:id:sscc": ("sscc",),
    "https://www.gs1.org/sscc": ("sscc",),
    "sscc": ("sscc",),
    f"{GS1}01": ("gtin",),
    "urn:oid:2.51.1.1": ("gtin",),
    "https://www.gs1.org/gtin": ("gtin",),
    "http://hl7.org/fhir/namingsystem/gs1-di": ("gtin",),
    "gtin": ("gtin",),
    f"{GS1}414": ("gln",),
    f"{GS1}417": ("gln",),
    "urn:oid:2.51.1.3": ("gln",),
    "https://www.gs1.org/gln": ("gln",),
    "gln": ("gln",),
    f"{GS1}8003": ("grai",),
    f"{GS1}8004": ("giai",),
    "urn:oid:2.51.1.5": ("giai",),
}
"""Spelling, in small letters and with https -> the identifier types that it can stand for."""


def system_of(spelling: str) -> tuple[str, ...]:
    """The identifier types that a system, however it is spelt, can stand for; none where the table has no row.

    Letter case, a final slash, http for https, a bare object identifier and an HL7 v2 name space count for nothing.

    >>> system_of("2.16.840.1.113883.6.18.2.1"), system_of("http://www.isbt128.org/uri/GRID"), system_of("urn:id:SSCC")
    (('din',), ('grid',), ('sscc',))
    """
    name = unquote(spelling.strip().removeprefix("urn:id:")).lower()
    secure = f"https://{name[7:]}" if name.startswith("http://") else name
    for each in (name, secure, secure.rstrip("/"), f"{secure}/", f"urn:oid:{name}"):
        if each in ALIASES:
            return ALIASES[each]
    return ()


def known(identifier: Mapping[str, str]) -> Identifier:
    """The identifier under the published system, with its normal value and its type, where the alias table knows its
    system and the value has the structure; else a copy of what was given. What is checked and fails stays as it is.

    >>> known({"system": "ISBT128", "value": "=G12341765432100"})
    {'type': 'din', 'system': 'https://www.isbt128.org/uri/DonationIdentificationNumber', 'value': 'G123417654321'}
    """
    system, value, type_ = _known(identifier["system"], identifier["value"])
    return {**({"type": type_} if type_ else {}), **identifier, "system": system, "value": value}


@lru_cache(maxsize=1 << 12)
def _known(system: str, value: str) -> tuple[str, str, str]:
    types = (BY_SYSTEM[system].type,) if system in BY_SYSTEM else system_of(system)
    if types is ANY_ISBT and len("".join(value.split()).removeprefix("=")) in _CHECKED_DIN:
        return system, value, ""
    for type_ in types:
        try:
            found = read(type_, value)
        except Misread:
            continue
        return found["system"], found["value"], type_
    return system, value, ""


def rows() -> Iterator[tuple[str, str, str, str]]:
    """The table as it is published: spelling, identifier type, system, and what such an identifier is."""
    for spelling, types in ALIASES.items():
        for type_ in types:
            yield spelling, type_, KINDS[type_].system, KINDS[type_].title
