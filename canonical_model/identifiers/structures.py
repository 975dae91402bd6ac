"""The data structures of ISBT 128: data identifier, length, and what the content is. Splits a message; reads nothing.

Standard Technical Specification (ST-001), section 2.4.N for data structure N. Facts of structure only; the reference
tables and the product, facility and special-testing databases are ICCBBA's and not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Structure(NamedTuple):
    """One data structure: number, data identifier, characters of content, what is done with it, what it is."""

    number: str
    sign: str
    size: int
    role: str
    title: str


_TABLE = """
001 =    15 din          donation identification number with flags
002 =%    4 blood_group  blood groups
003 =<    8 product      product code
004 =>    6 expiry       expiration date
005 &>   10 expiry       expiration date and time
006 =*    6 collected    collection date
007 &*   10 collected    collection date and time
008 =}    6 produced     production date
009 &}   10 produced     production date and time
010 &(    5 kept         special testing, general
011 ={   18 kept         special testing, red cell antigens
012 =\\  18 kept         special testing, red cell antigens, general
013 &\\  18 kept         special testing, red cell antigens, Finnish
014 &{   18 kept         special testing, platelet antigens
015 =[   18 kept         special testing, HLA-A and -B
016 ="   18 kept         special testing, HLA-DRB1
017 =)   10 container_catalogue  container manufacturer and catalogue number
018 &)   10 container_lot        container lot number
019 =;   21 donor        donor identification number
020 ='   11 staff        staff member
021 =-   10 item_catalogue       manufacturer and catalogue number of another item
022 &-   10 item_lot             lot number of another item
023 =+    5 compound     compound message
024 =#   10 birth        patient's date of birth
025 &#    4 patient      patient identification number
026 =]    6 month        expiration month and year
027 &"   18 kept         transfusion transmitted infection marker
028 =$   16 consignment  product consignment
029 &$    2 dimensions   dimensions
030 &%    3 kept         red cell antigens with test history
031 =(   16 flexible     flexible date and time
032 =,    6 division     product divisions
033 &+   11 processor    processing facility information code
034 =/   16 processor    processor product identification code
035 &,1  18 isbt-lot     MPHO lot number
036 &,2  18 supplemental MPHO supplemental identification number
037 &,3  19 kept         donor registration identifier, retired form
038 &,4  40 sec          Single European Code
039 &:   19 grid         global registration identifier for donors
040 &/   15 coi          chain-of-identity identifier
"""


def _structures() -> Iterator[Structure]:
    for line in _TABLE.strip().splitlines():
        number, sign, size, role, title = line.split(maxsplit=4)
        yield Structure(number, sign, int(size), role, title)


STRUCTURES: Mapping[str, Structure] = {structure.number: structure for structure in _structures()}
"""By number. The size of 025, 029 and 030 is that of their heads, which tell how much follows."""

_BY_SIGN = {structure.sign: structure for structure in STRUCTURES.values()}
_LOCAL = re.compile(r"&[a-z;!]")
"""Data identifiers that a country or facility gives a meaning (ST-001, section 2.5); their length is not known."""


class Piece(NamedTuple):
    """One data structure of a message: what it is, its content, and where it begins, counted from 0.

    `whole` is false where the message ends inside of it; `structure` is None where nothing is known of the sign.
    """

    structure: Structure | None
    content: str
    at: int
    whole: bool = True


def split(text: str, start: int = 0) -> Iterator[Piece]:
    """The data structures of a message, one after the other (ST-001, section 2.2: a symbol may hold several).

    After a sign that nobody knows, the length is not known either: the rest is one piece. Takes linear time.
    """
    at = start
    while at < len(text):
        structure = structure_at(text, at)
        if structure is None:
            yield Piece(None, text[at:], at)
            return
        begin = at + len(structure.sign)
        end = begin + structure.size + _more(structure, text[begin : begin + structure.size])
        yield Piece(structure, text[begin:end], at, end <= len(text))
        at = end


def structure_at(text: str, at: int) -> Structure | None:
    """The structure whose data identifier stands there. Of [001] it is `=` alone: the next character is the number's.

    >>> structure_at("=A9999", 0).number, structure_at("=<E0398", 0).number, structure_at("&,1", 0).number
    ('001', '003', '035')
    """
    sign = text[at : at + (3 if text.startswith("&,", at) else 2)]
    if re.fullmatch(r"=[A-NP-Z1-9]", sign):
        return STRUCTURES["001"]
    return None if _LOCAL.fullmatch(sign) or sign == "=" else _BY_SIGN.get(sign)


def _more(structure: Structure, head: str) -> int:
    """Characters after a head that tells how many follow."""
    count = {"025": head[2:], "029": head, "030": head}.get(structure.number, "")
    if not (count.isascii() and count.isdigit()):
        return 0
    return int(count) * {"025": 1, "029": 14, "030": 10}[structure.number]


def joined(contents: list[tuple[str, str]], compound: str = "") -> str:
    """A message of data structures, each number with its content; `compound`, the three digits of an agreed sequence or
    000, puts the compound message [023] in front, which tells how many follow (ST-001, section 2.4.23).

    >>> joined([("001", "G12341765432100"), ("003", "S1128V00")], "000")
    '=+02000=G12341765432100=<S1128V00'
    """
    text = "".join(f"{STRUCTURES[number].sign}{content}" for number, content in contents)
    return f"=+{len(contents):02d}{compound}{text}" if compound else text
