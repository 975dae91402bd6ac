"""HL7 v2 messages that nobody sent: any delimiters, escapes, nulls, segments in any order. Strategies for hypothesis.

They are text that an independent splitter can take apart; whether they mean anything is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.laws.v2 import SLICE

PUNCTUATION = "!#$%&*+,-./:;<=>?@[\\]^_`{|}~"
LETTERS = st.text("abcXYZ019 .:-_äöß漢é()'\"", min_size=1, max_size=9)
TIMES = ("2026", "202603", "20260308", "2026030806", "202603080640", "20260308064000.25-0500", "20261301", "now")
NUMBERS = ("0", "7", "1.50", "-.5", "+3.", "1e5", "12 ", "<0.10", "60")
CODES = (
    "F",
    "M",
    "Y",
    "N",
    "NW",
    "CA",
    "SC",
    "MR",
    "LN",
    "SCT",
    "ISO",
    "2.16.840.1.113883.6.1",
    "x-a",
    "L",
    "COI",
    "CGT",
)
VALUE_TYPES = ("NM", "SN", "ST", "TX", "CWE", "CE", "TS", "DT", "TM", "DR", "EI", "CX", "ED", "RP", "NR", "XAD", "")
PIECES = (
    *("EVN", "PID", "PV1", "ORC", "OBR", "OBX", "OBX", "OBX", "NTE", "TQ1", "SPM", "MRG", "ZCG", "MSA", "ZZZZ"),
    *("SCH", "RGS", "AIS", "AIG", "AIL", "AIP", "TXA", "CON", "BPO", "BPX", "BTX", "RXA", "RXR", "SHP", "PRT", "PAC"),
)
LENGTHS = {
    "PID": 40,
    "ORC": 34,
    "OBR": 54,
    "OBX": 33,
    "SPM": 33,
    "EVN": 7,
    "MRG": 7,
    "SCH": 27,
    "AIS": 12,
    "AIG": 14,
    "AIL": 12,
    "AIP": 12,
    "TQ1": 14,
    "TXA": 25,
    "CON": 25,
    "BPO": 14,
    "BPX": 21,
    "BTX": 20,
    "RXA": 27,
    "RXR": 6,
    "SHP": 11,
    "PRT": 15,
    "PAC": 8,
}


@dataclass(frozen=True)
class Made:
    """A message with the delimiters that it was made of."""

    text: str
    separator: str
    marks: str


@st.composite
def delimiters(draw: st.DrawFn) -> tuple[str, str]:
    """MSH-1 and MSH-2: mostly the usual ones, else any two to five distinct marks."""
    if draw(st.booleans()):
        return "|", draw(st.sampled_from(("^~\\&", "^~\\&#", "^~\\", "^~")))
    marks = draw(st.lists(st.sampled_from(PUNCTUATION), min_size=3, max_size=6, unique=True))
    return marks[0], "".join(marks[1:])


@st.composite
def leaf(draw: st.DrawFn, separator: str, marks: str) -> str:
    """A leaf: a word, a time, a number, a code, a null, with or without escape sequences."""
    kind = draw(st.integers(0, 9))
    if kind < 3:
        text = draw(LETTERS)
    elif kind < 5:
        text = draw(st.sampled_from((*TIMES, *NUMBERS)))
    elif kind < 8:
        text = draw(st.sampled_from(CODES))
    elif kind == 8:
        text = '""'
    else:
        esc = marks[2:3]
        code = draw(st.sampled_from(("F", "S", "R", "E", "T", ".br", "X41", "X0D", "XC3", "H", "N", "Cxx", "")))
        text = draw(LETTERS) + (f"{esc}{code}{esc}" if esc else "")
    plain = separator + marks[:2] + marks[3:4]
    cleaned = "".join(char for char in text if char not in plain)
    return cleaned if kind == 9 else cleaned.replace(marks[2:3] or "\0", "")


@st.composite
def field(draw: st.DrawFn, separator: str, marks: str) -> str:
    """A field: repeats of components of sub-components, some of them empty."""
    comp, rep, sub = marks[0], marks[1], marks[3:4]

    def component() -> str:
        parts = draw(st.lists(st.one_of(st.just(""), leaf(separator, marks)), min_size=1, max_size=4 if sub else 1))
        return sub.join(parts) if sub else parts[0]

    repeats = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        repeats.append(comp.join(component() if draw(st.booleans()) else "" for _ in range(draw(st.integers(1, 7)))))
    return rep.join(repeats)


@st.composite
def segment(draw: st.DrawFn, name: str, separator: str, marks: str) -> str:
    """A segment with a few of its fields."""
    length = LENGTHS.get(name, 9)
    fields = [""] * length
    for number in draw(st.lists(st.integers(1, length), max_size=7)):
        fields[number - 1] = draw(field(separator, marks))
    if name == "OBX":
        fields[1] = draw(st.sampled_from(VALUE_TYPES))
        if draw(st.booleans()):
            fields[2] = draw(st.sampled_from(("A", "B", f"COI{marks[0]}{marks[0]}CGT")))
    if name in {"ORC", "OBR"} and draw(st.booleans()):
        fields[1] = draw(st.sampled_from(("P1", "P2", f"P1{marks[0]}EHR")))
    return separator.join([name, *fields]).rstrip(separator)


STARTS: dict[str, tuple[str, ...]] = {
    "SIU": ("SCH", "TQ1", "PID", "RGS", "AIS", "AIG", "AIL", "AIP", "AIS", "AIP"),
    "MDM": ("PID", "ORC", "OBR", "TXA", "CON", "OBX", "OBX"),
    "BTS": ("PID", "ORC", "BPO", "BTX", "BTX"),
    "BPS": ("PID", "ORC", "BPO", "BPX", "BPX"),
    "RAS": ("PID", "ORC", "RXA", "RXR", "OBX", "RXA"),
    "OSM": ("SHP", "PRT", "PRT", "PAC", "PRT", "SPM", "PID"),
}
"""Segments of message types in the order of their standard: by chance they would seldom stand so."""


@st.composite
def messages(draw: st.DrawFn, order: tuple[str, ...] = ()) -> Made:
    """A whole message; `order` fixes its segments, otherwise they come as they like."""
    separator, marks = draw(delimiters())
    comp = marks[0]
    head = ["MSH", marks, *[""] * 19]
    for number in draw(st.lists(st.integers(3, 20), max_size=5)):
        head[number - 1] = draw(field(separator, marks))
    type_ = draw(st.sampled_from(SLICE))
    head[8] = type_.replace("^", comp)
    head[9], head[10] = "M1", "P"
    versions = [v for v in ("2.3", "2.3.1", "2.5.1", "2.7", "2.8", "") if "." not in separator + marks or not v]
    head[11] = draw(st.sampled_from(versions))
    head[17] = ""
    lines = [separator.join(head).rstrip(separator)]
    names = order or tuple(draw(st.lists(st.sampled_from(PIECES), max_size=9)))
    if not order and type_[:3] in STARTS and draw(st.booleans()):
        names = (*STARTS[type_[:3]], *names[:3])
    lines += [draw(segment(name, separator, marks)) for name in names]
    end = draw(st.sampled_from(("\r", "\n", "\r\n", "\r\r")))
    return Made(end.join(lines) + draw(st.sampled_from(("", end))), separator, marks)
