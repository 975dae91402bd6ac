"""What the laws of HL7 v2 are measured with: an independent splitter, other people's messages, frames to compare.

Nothing here uses the project's own tokenizer: a law is not proven by what it judges. What a version has no field for
is told by hl7apy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

import hl7
from hl7apy import SUPPORTED_LIBRARIES, load_library

from adapters import hl7v2
from mappings.vocabulary import Spec
from tests.standards import corpora_dir, standards_dir

Frame = dict[str, Any]
Place = tuple[int, int, int, int]
"""Field, repeat, component, sub-component, each from 1."""

SLICE = (
    *("OML^O21", "ORM^O01", "ORU^R01", "ADT^A01", "ADT^A08", "ADT^A40"),
    *("SIU^S12", "SIU^S13", "SIU^S14", "SIU^S15", "SIU^S16", "SIU^S17", "SIU^S26"),
    *(f"MDM^T{number:02}" for number in range(1, 12)),
    *("BTS^O31", "RAS^O17", "BPS^O29", "OSM^R26"),
)
"""Message types that the tables read."""
SEEN = frozenset(SLICE[:6]) | {"SIU^S12", "SIU^S13", "SIU^S26", "MDM^T01", "MDM^T02", "MDM^T06"}
"""Those of them that other people's messages must be there of; of cell therapy nobody publishes any."""
SCOPE = ("MSH", "PID", "ORC", "OBR", "OBX", "SPM", "SCH", "RGS", "AIS", "AIG", "AIL", "AIP", "TXA")
LEAST = {"RGS": 0.75, "AIS": 0.75, "AIG": 0.75, "AIL": 0.75, "AIP": 0.75, "TXA": 0.80}
"""Shares below nine of ten: a booking's times and status stand in each of its segments and are written in AIS alone; a
TXA inside an ORU^R01 has no table there."""
MOST = {"SCH": 0.35}
"""Shares set aside above a quarter: telephones and addresses of the people who arrange an appointment."""
HOMELESS = frozenset(
    {"appointment.order", "appointment.duration", "appointment.period", "document.title", "document.type"}
    | {f"booking.{path}" for path in ("period", "status", "action", "placer_information", "filler_information")}
    | {"handling.containers", "administration.place", "consent.scope"}
)
"""What one version has a field for and another has not, what a booking cannot say without a service (AIS), and scopes
that no code says."""
IMPLIED = frozenset({"subject.deceased"})
"""A time of death says that the patient is dead, whether or not PID-30 says so beside it."""
OTHERWISE = IMPLIED | {*("consent.scope", "order.specimen_source", "report.specimen_source")}
"""What may be missing although there is a field for it: one that is withdrawn is not written (OBR-15 from 2.5 on), and
a scope that no code says has none."""
ELEMENTS = frozenset({"CE", "PRL", "CM_PRL"})
"""Data types with a coded element of six components: they have no place for a text beside a code, nor for a version."""
BARE = frozenset({"IS", "ID"})
"""Data types with room for a code alone."""


@dataclass(frozen=True, slots=True)
class Without:
    """What a version has no field for: paths of which nothing can be said, and of the others the parts.

    `parts` are longer paths and items (`split`) of a path that other rows say; `narrow` are paths whose field is a CE,
    `bare` those whose field is a code alone.
    """

    paths: frozenset[str]
    parts: Mapping[str, tuple[str | tuple[str, str], ...]]
    narrow: frozenset[str]
    bare: frozenset[str]


def lacking(frames: Sequence[Frame]) -> frozenset[str]:
    """Paths that a writer may report in the frames' version, by hl7apy's tables; `sayable` is how much of each."""
    without = _without(*_of(frames))
    return without.paths | without.parts.keys() | without.narrow


def sayable(frames: Sequence[Frame], path: str, value: Any) -> Any:
    """As much of a path's value as the frames' version has fields for: it has to come back whatever is reported."""
    without = _without(*_of(frames))
    if path in without.paths:
        return None
    for part in without.parts.get(path, ()):
        value = _less(value, part)
    if path in without.bare:
        return _bare(value)
    return _narrowed(value) if path in without.narrow else value


def _of(frames: Sequence[Frame]) -> tuple[str, str]:
    """Version and type of the frames' message."""
    said = frames[0]["set"]
    return str(said.get("version", "")), "^".join(str(said[name]) for name in ("code", "trigger") if said.get(name))


@cache
def _without(version: str, message: str) -> Without:
    """A row has a field where the first of its places is one; a path, or a part of one, where any of its rows has."""
    known = load_library(version if version in SUPPORTED_LIBRARIES else "2.5.1").FIELDS
    said: dict[str, dict[str | tuple[str, str], list[set[str]]]] = {}
    for spec in _specs(message):
        for row in (row for row in spec.rows if row.into and row.only != "in"):
            fields = [known.get(f"{spec.piece}_{place.partition('.')[0]}") for place in row.at]
            first, *more = [field[2] if isinstance(field, tuple) and field[2] != "WD" else None for field in fields]
            types = {name for name in (first, *more) if name} if first else set()
            for path in row.into:
                part = next(iter(row.split.items()), path)
                said.setdefault(".".join(path.split(".")[:2]), {}).setdefault(part, []).append(types)
    homeless = {path: tuple(part for part, rows in parts.items() if not any(rows)) for path, parts in said.items()}
    types_of = {path: [types for rows in parts.values() for types in rows] for path, parts in said.items()}
    return Without(
        frozenset(path for path, parts in homeless.items() if len(parts) == len(said[path])),
        {path: parts for path, parts in homeless.items() if 0 < len(parts) < len(said[path])},
        frozenset(path for path, rows in types_of.items() if any(ELEMENTS & types for types in rows)),
        frozenset(path for path, rows in types_of.items() if any(rows) and set().union(*rows) <= BARE),
    )


def _specs(message: str) -> Iterator[Spec]:
    """The tables of a message type; all of them where no map is for it."""
    base = hl7v2.base()
    roots = [base.roots[message]] if message in base.roots else list(base.roots.values())
    while roots:
        group = roots.pop()
        yield from (own.table.spec for own in group.owns)
        roots += group.groups


def _less(value: Any, part: str | tuple[str, str]) -> Any:
    """A value without one of its parts: a longer path, or the items of a list that a split names."""
    if isinstance(part, tuple):
        return [item for item in value or () if item.get(part[0]) != part[1]] or None
    name = part.split(".")[2]
    return {key: item for key, item in (value or {}).items() if key != name} or None


def _bare(value: Any) -> Any:
    """Of coded values the first code, and no value without one; any other as it is."""
    if isinstance(value, list):
        return [said for one in value if (said := _bare(one)) is not None] or None
    if isinstance(value, dict) and {"codings", "text"} & value.keys():
        return next(
            ({"codings": [{"code": one["code"]}]} for one in value.get("codings", ())[:1] if "code" in one), None
        )
    return value


def _narrowed(value: Any) -> Any:
    """As a CE says it: two codings without their versions, or a text alone, which is also what one display is."""
    if isinstance(value, list):
        return [_narrowed(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "codings" in value:
        codings = [{name: said for name, said in one.items() if name != "version"} for one in value["codings"][:2]]
        others = {name: said for name, said in value.items() if name not in {"codings", "text"}}
        alone = len(codings) == 1 and codings[0].keys() == {"display"}
        return {**others, **({"text": codings[0]["display"]} if alone else {"codings": codings})}
    return {name: _narrowed(said) for name, said in value.items()}


def folders() -> tuple[Path, ...]:
    return (
        corpora_dir() / "hl7v2",
        standards_dir() / "hl7v2",
        standards_dir() / "v2-to-fhir" / "test_conversions",
    )


def files() -> Iterator[Path]:
    """Every file of the corpora, messages or not."""
    for folder in folders():
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


@cache
def messages() -> tuple[tuple[str, bytes], ...]:
    """Every message of the corpora that python-hl7 splits and whose type the slice reads, with a name to find it."""
    found = []
    for path in files():
        for count, body in enumerate(cut(path.read_bytes()), 1):
            if type_of(body) in SLICE and _readable(body):
                found.append((f"{path.name}#{count}", body))
    return tuple(found)


def cut(body: bytes) -> list[bytes]:
    """A file's messages: each begins on a line with MSH; the envelope of a batch and a byte order mark are left out."""
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x0b")
    body = re.sub(rb"(?m)^(FHS|BHS|BTS|FTS)[^\r\n]*[\r\n]*", b"", body.replace(b"\r", b"\n"))
    starts = [found.start() for found in re.finditer(rb"(?m)^\s*MSH[^\w\s]", body)]
    ends = [*starts[1:], len(body)]
    return [body[a:b].strip(b"\n") for a, b in zip(starts, ends, strict=False)]


def _readable(body: bytes) -> bool:
    try:
        hl7.parse(text_of(body).replace("\n", "\r"))
    except Exception:  # noqa: BLE001 - whatever python-hl7 cannot split is outside the law
        return False
    return True


def text_of(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def type_of(body: bytes) -> str:
    """MSH-9.1 and MSH-9.2."""
    line = re.split(r"[\r\n]", text_of(body).lstrip(), maxsplit=1)[0]
    if len(line) < 9:
        return ""
    fields = line.split(line[3])
    comp = fields[1][:1] or "^"
    return "^".join((fields[8].split(comp) if len(fields) > 8 else [])[:2])


# ---- the independent splitter ---------------------------------------------------------------------------------


def leaves(text: str) -> Iterator[tuple[int, str, Place, str]]:
    """Every non-empty leaf: count of its line, segment, place, text. MSH-1 and MSH-2 are a leaf each."""
    separator = text[3]
    comp, rep, _, sub = [*text[4:].split(separator, 1)[0][:4], None, None, None, None][:4]
    for number, line in enumerate((line for line in re.split(r"[\r\n]+", text) if line.strip()), 1):
        name, *fields = line.split(separator)
        name = name if re.fullmatch("[A-Z][A-Z0-9]{2}", name) else "?"
        if name == "MSH":
            yield number, name, (1, 1, 1, 1), separator
            yield number, name, (2, 1, 1, 1), fields[0]
            fields = [separator, "", *fields[1:]]
        for f, field in enumerate(fields, 1):
            if name == "MSH" and f <= 2:
                continue
            for r, repeat in enumerate(_split(field, rep), 1):
                for c, component in enumerate(_split(repeat, comp), 1):
                    for s, leaf in enumerate(_split(component, sub), 1):
                        if leaf:
                            yield number, name, (f, r, c, s), leaf


def _split(text: str, separator: str | None) -> list[str]:
    return text.split(separator) if separator else [text]


def counted(text: str) -> Counter[str]:
    """Leaves per segment name."""
    return Counter(name for _, name, _, _ in leaves(text))


def normal(text: str) -> list[tuple[int, str, Place, str]]:
    """What two messages must agree in: every leaf at its place. Line ends and trailing delimiters are not leaves."""
    return list(leaves(text))


# ---- identifiers ----------------------------------------------------------------------------------------------

_CX = ((1, 1), (2, 1), (3, 1), (4, 1), (4, 2))
_EI = ((1, 1), None, None, (2, 1), (3, 1))
_XCN = ((1, 1), (11, 1), (12, 1), (9, 1), (9, 2))
_PLACER, _FILLER = (((n, 1), None, None, (n, 2), (n, 3)) for n in (1, 2))
_SHAPES: dict[tuple[str, int], tuple[tuple[tuple[int, int] | None, ...], ...]] = {
    **dict.fromkeys((("PID", n) for n in (2, 3, 4, 18)), (_CX,)),
    **dict.fromkeys((("MRG", n) for n in (1, 2, 3, 4)), (_CX,)),
    **dict.fromkeys((("ORC", 33), ("OBR", 53), ("SPM", 30), ("SPM", 31)), (_CX,)),
    **dict.fromkeys((("ORC", n) for n in (2, 3, 4)), (_EI,)),
    **dict.fromkeys((("OBR", 2), ("OBR", 3), ("OBX", 18), ("OBX", 21)), (_EI,)),
    **dict.fromkeys((("ORC", 8), ("OBR", 29), ("SPM", 2), ("SPM", 3)), (_PLACER, _FILLER)),
    **dict.fromkeys((("ORC", n) for n in (10, 11, 12, 19)), (_XCN,)),
    **dict.fromkeys(
        (*(("SCH", n) for n in (1, 2, 4, 26, 27)), *(("TXA", n) for n in (12, 14, 15)), ("CON", 4)), (_EI,)
    ),
    **dict.fromkeys((("BPX", 17), ("BTX", 20), ("SHP", 1), ("PAC", 2), ("PRT", 1), ("PRT", 10)), (_EI,)),
    **dict.fromkeys((*(("SCH", n) for n in (12, 16, 20)), *(("TXA", n) for n in (5, 9, 10, 22)), ("AIP", 3)), (_XCN,)),
    **dict.fromkeys((("BPX", 20), ("BPX", 21), ("BTX", 14), ("BTX", 15), ("RXA", 10), ("PRT", 5)), (_XCN,)),
    ("RXA", 25): (((1, 1), None, None, (3, 1), None),),
    **dict.fromkeys((("OBR", 10), ("OBR", 16), ("OBR", 28), ("OBX", 16), ("OBX", 25), ("EVN", 5)), (_XCN,)),
}
"""Fields of identifiers: where number, check digit, its scheme, and the authority's name and universal id stand."""

Emitted = tuple[str, ...]
"""An identifier on the wire: number, check digit, scheme, authority's name and id."""


def identifiers(text: str) -> set[Emitted]:
    """Every identifier of the fields that hold one, whole."""
    repeats: dict[tuple[int, str, int, int], dict[tuple[int, int], str]] = {}
    for line, name, (field, repeat, comp, sub), leaf in leaves(text):
        if (name, field) in _SHAPES:
            repeats.setdefault((line, name, field, repeat), {})[comp, sub] = unescaped(leaf, text)
    return {
        (number, *(parts.get(place, "") if place else "" for place in shape[1:]))
        for (_, name, field, _), parts in repeats.items()
        for shape in _SHAPES[name, field]
        if (number := parts.get(shape[0] or (1, 1), ""))
    }


def unescaped(leaf: str, text: str) -> str:
    """A leaf without its escape sequences (2.7); a null says nothing."""
    marks = text[4:].split(text[3], 1)[0]
    esc = marks[2:3]
    plain = {"F": text[3], "S": marks[0], "R": marks[1:2], "E": esc, "T": marks[3:4], ".br": "\n"}

    def said(found: re.Match[str]) -> str:
        code = found[1]
        return bytes.fromhex(code[1:]).decode() if code[:1] == "X" else plain.get(code, found[0])

    whole = re.sub(f"{re.escape(esc)}([^{re.escape(esc)}]*){re.escape(esc)}", said, leaf) if esc else leaf
    return "" if leaf == '""' else whole


# ---- frames ---------------------------------------------------------------------------------------------------


def comparable(frames: Sequence[Frame]) -> list[dict[str, Any]]:
    """Frames without their keys, so that a new business key is no difference: each with its place in the tree.

    Frames of one kind keep their order; the order of different kinds is the grammar's. The character set is the
    writer's: a text that the declared one cannot say is sent in UTF-8.
    """
    places: dict[str, tuple[Any, ...]] = {}
    counts: Counter[Any] = Counter()
    out = []
    for frame in frames:
        above = places.get(frame.get("parent", ""), ())
        counts[above, frame["kind"]] += 1
        places[frame["key"]] = (*above, (frame["kind"], counts[above, frame["kind"]]))
        shown = {
            "kind": frame["kind"],
            "place": places[frame["key"]],
            "set": {
                path: value
                for path, value in frame["set"].items()
                if not (isinstance(value, dict) and set(value) == {"frame"}) and path != "charset"
            },
        }
        if frame.get("clear"):
            shown["clear"] = sorted(frame["clear"])
        if frame.get("assumed"):
            shown["assumed"] = sorted(frame["assumed"])
        out.append(shown)
    return sorted(out, key=lambda shown: shown["place"])


def subtree(frames: Sequence[Frame], key: str) -> set[str]:
    """Keys of a frame and of everything below it."""
    keys = {key}
    for frame in frames:
        if frame.get("parent") in keys:
            keys.add(frame["key"])
    return keys


# ---- locality -------------------------------------------------------------------------------------------------

Segment = tuple[str, dict[int, str]]
SET_IDS = {
    *((name, 1) for name in ("PID", "OBR", "OBX", "SPM", "RGS", "AIS", "AIG", "AIL", "AIP", "TXA", "CON")),
    *((name, 1) for name in ("BPO", "BPX", "BTX", "PAC")),
    ("RXA", 2),
}


def fields(text: str) -> list[Segment]:
    """Segments with their fields as texts, trailing delimiters away and set ids blank."""
    separator = text[3]
    out = []
    for line in (line for line in re.split(r"[\r\n]+", text) if line.strip()):
        name, *texts = line.split(separator)
        if name == "MSH":
            texts = [separator, *texts]
        numbered = {number: value for number, value in enumerate(texts, 1) if (name, number) not in SET_IDS}
        out.append((name, {number: trimmed for number, value in numbered.items() if (trimmed := _trim(value, text))}))
    return out


def _trim(value: str, text: str) -> str:
    """A field without its trailing delimiters at any level (MSH-2 stays as it is)."""
    marks = text[4:].split(text[3], 1)[0]
    if value == marks:
        return value
    for mark in marks[3:4] + marks[0] + marks[1:2]:
        value = re.sub(f"{re.escape(mark)}+(?=[{re.escape(marks[0] + marks[1:2])}]|$)", "", value) if mark else value
    return value


def changed(before: str, after: str) -> set[tuple[str, int]]:
    """Fields that differ, as (segment, field). All fields of a segment that is there in one of them only."""
    old, new = fields(before), fields(after)
    if [name for name, _ in old] == [name for name, _ in new]:
        return _changed_block(old, new)
    found: set[tuple[str, int]] = set()
    matcher = SequenceMatcher(None, [repr(segment) for segment in old], [repr(segment) for segment in new], False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            found |= _changed_block(old[a:b], new[c:d])
    return found


def _changed_block(old: list[Segment], new: list[Segment]) -> set[tuple[str, int]]:
    """As `changed`, segment by segment of one name: the neighbour of one that is gone has not changed by that."""
    found: set[tuple[str, int]] = set()
    matcher = SequenceMatcher(None, [name for name, _ in old], [name for name, _ in new], False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            found |= {(name, number) for name, said in (*old[a:b], *new[c:d]) for number in said}
            continue
        for (name, said), (_, says) in zip(old[a:b], new[c:d], strict=True):
            found |= {(name, number) for number in said.keys() | says.keys() if said.get(number) != says.get(number)}
    return found


def is_subsequence(short: Sequence[Any], long: Sequence[Any]) -> bool:
    rest = iter(long)
    return all(any(item == other for other in rest) for item in short)
