"""HL7 v2 text to segments and back: any delimiters, bounded, lazy below the field. Interprets nothing.

A segment is `(name, fields, text)`; fields are a dict of raw texts by number as the standard counts (`"3"` is PID-3),
empty ones absent. MSH's off-by-one lives here: MSH-1 is the separator itself, MSH-2 the other delimiters.
Chapter 2 of the standard: 2.5 delimiters, 2.7 escape sequences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.reading import Unparsable
from mappings.runtime import Context

MAX_BYTES = 8 * 1024 * 1024
MAX_SEGMENTS = 20_000
MAX_FIELDS = 1_000
_NUMBERS = [str(n) for n in range(MAX_FIELDS + 1)]
_CHARSETS = {
    "": "",
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "8859/1": "latin-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/15": "iso8859-15",
}
_HEADER = re.compile(rb"\A(MSH|FHS|BHS)(.)([^\r\n]{1,5}?)\2", re.DOTALL)


@dataclass(slots=True)
class Delimiters(Context):
    """A message's context: its five delimiters and what escapes them."""

    field_sep: str = "|"
    comp: str = "^"
    rep: str = "~"
    esc: str = "\\"
    sub: str = "&"
    trunc: str = ""
    _special: re.Pattern[str] = field(default_factory=lambda: re.compile(r"[~^&\\|\r\n]"))

    def with_delimiters(self, separator: str, others: str) -> Delimiters:
        """Takes MSH-1 and MSH-2; a missing delimiter stays unset and never matches."""
        padded = others.ljust(4, "\0")
        self.field_sep, self.comp, self.rep, self.esc, self.sub = separator, *padded[:4]
        self.trunc = others[4:5]
        chars = re.escape("".join(c for c in (separator, *padded[:4]) if c != "\0") + "\r\n")
        self._special = re.compile(f"[{chars}]")
        return self

    def quiet(self) -> Delimiters:
        """The same delimiters with faults of its own, for reading an item again."""
        return Delimiters(
            zone=self.zone,
            system=self.system,
            version=self.version,
            refs=self.refs,
            place=self.place,
            at=self.at,
            field_sep=self.field_sep,
            comp=self.comp,
            rep=self.rep,
            esc=self.esc,
            sub=self.sub,
            trunc=self.trunc,
            _special=self._special,
        )

    def listed(self, piece: dict[str, Any] | None, names: frozenset[str]) -> dict[str, Any] | None:
        """The segment with its repeating fields as lists."""
        if piece is None:
            return None
        return {n: v.split(self.rep) if n in names and isinstance(v, str) else v for n, v in piece.items()}

    def joined(self, piece: dict[str, Any]) -> dict[str, Any]:
        """The segment with its lists as repeating fields."""
        return {n: self.rep.join(v) if isinstance(v, list) else v for n, v in piece.items()}

    # ---- reading ----------------------------------------------------------------------------------------------

    def leaf(self, text: str) -> str:
        """First leaf of a field or component, unescaped."""
        if self._special.search(text) is None:
            return text
        for separator in (self.rep, self.comp, self.sub):
            if separator in text:
                text = text[: text.index(separator)]
        return self.unescape(text) if self.esc in text else text

    def first(self, text: str) -> str:
        """First repeat of a field."""
        return text.split(self.rep, 1)[0] if self.rep in text else text

    def part(self, text: str, path: Sequence[int]) -> str:
        """One component (or sub-component) of a field's first repeat, unescaped; empty where absent."""
        text = self.first(text)
        for separator, step in zip((self.comp, self.sub), path, strict=False):
            parts = text.split(separator)
            if len(parts) < step:
                return ""
            text = parts[step - 1]
        return self.leaf(text)

    def raw_part(self, text: str, step: int) -> str:
        """One component of a field's first repeat as it stands; empty where absent."""
        parts = self.first(text).split(self.comp)
        return parts[step - 1] if len(parts) >= step else ""

    def sub_part(self, text: str, step: int) -> str:
        """One sub-component of a component, unescaped; empty where absent."""
        parts = text.split(self.sub)
        if len(parts) < step:
            return ""
        return self.unescape(parts[step - 1]) if self.esc in parts[step - 1] else parts[step - 1]

    def unescape(self, text: str) -> str:
        """Text with HL7's escape sequences resolved (2.7.1); an unknown sequence stays as it is."""
        esc = re.escape(self.esc)
        return re.sub(f"{esc}([^{esc}]*){esc}", self._resolve, text)

    def _resolve(self, match: re.Match[str]) -> str:
        code = match[1]
        plain = {"F": self.field_sep, "S": self.comp, "R": self.rep, "E": self.esc, "T": self.sub, ".br": "\n"}
        if code in plain:
            return plain[code]
        if code[:1] == "X" and len(code) % 2 == 1 and len(code) > 1:
            try:
                return bytes.fromhex(code[1:]).decode("utf-8")
            except ValueError:
                return match[0]
        return match[0]

    # ---- writing ----------------------------------------------------------------------------------------------

    def escape(self, text: str) -> str:
        """Text as a leaf: delimiters and line ends become escape sequences."""
        if self._special.search(text) is None:
            return text
        codes = {self.esc: "E", self.field_sep: "F", self.comp: "S", self.rep: "R", self.sub: "T", "\n": ".br"}
        codes["\r"] = "X0D"
        return self._special.sub(lambda found: f"{self.esc}{codes[found[0]]}{self.esc}", text)

    def set_sub(self, text: str, step: int, value: str) -> str:
        """A component with one sub-component set to an escaped text."""
        parts = text.split(self.sub)
        parts += [""] * (step - len(parts))
        parts[step - 1] = value
        return self.sub.join(parts).rstrip(self.sub)

    def set_part(self, text: str, path: Sequence[int], value: str) -> str:
        """A field with one component set to a plain text."""
        parts = text.split(self.comp)
        parts += [""] * (path[0] - len(parts))
        parts[path[0] - 1] = self.escape(value)
        return self.comp.join(parts)

    def assemble(self, parts: Mapping[tuple[int, ...], str]) -> str:
        """A field out of its parts by component (and sub-component) number."""
        components: dict[int, str] = {}
        for path, text in parts.items():
            place = path[0]
            components[place] = (
                text if len(path) == 1 else self.set_sub(components.get(place, ""), path[1], text)
            )
        return self.comp.join(components.get(n, "") for n in range(1, max(components) + 1))

    # ---- accounting -------------------------------------------------------------------------------------------

    def leaves(self, name: str, piece: dict[str, str | list[str]] | str | None) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every non-empty leaf of a segment with its place: field (and repeat), component, sub-component."""
        if isinstance(piece, str):
            piece = fields_of(piece, self.field_sep)
        for number, value in (piece or {}).items():
            if value and number in {"1", "2"} and name in {"MSH", "FHS", "BHS"}:
                yield (number,), str(value)
            elif value:
                yield from self._field_leaves(number, value)

    def _field_leaves(self, number: str, value: str | list[str]) -> Iterator[tuple[tuple[str, ...], str]]:
        repeats = value if isinstance(value, list) else value.split(self.rep)
        for r, repeat in enumerate(repeats, 1):
            if not repeat:  # an empty repeat, or an item that was not read
                continue
            place = number if r == 1 else f"{number}[{r}]"
            for c, component in enumerate(repeat.split(self.comp), 1):
                for s, leaf in enumerate(component.split(self.sub), 1):
                    if leaf:
                        yield ((place, str(c)) if s == 1 else (place, str(c), str(s))), leaf


def fields_of(segment: str, separator: str) -> dict[str, str]:
    """Fields of one segment's text by number; MSH and batch headers count their separator as field 1."""
    texts = segment.split(separator)
    if len(texts) > MAX_FIELDS:
        raise Unparsable("hl7v2-too-many-fields", segment[:3], f"a segment has at most {MAX_FIELDS} fields")
    if texts[0] in {"MSH", "FHS", "BHS"}:
        texts.insert(1, separator)
    return {number: text for number, text in zip(_NUMBERS, texts, strict=False) if text and number != "0"}


def decode(body: bytes) -> tuple[str, str]:
    """Text and character set of a message: MSH-18 decides, else UTF-8, else Latin-1, which is never wrong by bytes."""
    if len(body) > MAX_BYTES:
        raise Unparsable("hl7v2-too-large", "message", f"a message has at most {MAX_BYTES} bytes")
    body = body.strip(b"\x0b\x1c\r\n \t\xef\xbb\xbf") if body[:1] in b"\x0b\xef\r\n \t" else body.rstrip(b"\x1c\r\n")
    header = _HEADER.match(body)
    if header is None:
        raise Unparsable("hl7v2-no-header", "MSH", "a message begins with MSH, its field separator and delimiters")
    first = re.split(rb"[\r\n]", body, maxsplit=1)[0].split(header[2])
    declared = first[17].split(header[3][1:2] or b"~")[0].decode("ascii", "replace") if len(first) > 17 else ""
    for charset in (_CHARSETS.get(declared, ""), "utf-8"):
        if charset:
            try:
                return body.decode(charset), charset
            except UnicodeDecodeError:
                continue
    return body.decode("latin-1"), "latin-1"


def split(text: str, m: Delimiters) -> list[tuple[str, dict[str, str], str]]:
    """Segments of one message; sets the context's delimiters from its header."""
    header = text[:16]
    separator = header[3]
    end = text.find(separator, 4)
    m.with_delimiters(separator, text[4:end] if end > 0 else header[4:9].rstrip("\r\n"))
    lines = text.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    if len(lines) > MAX_SEGMENTS:
        raise Unparsable("hl7v2-too-many-segments", "message", f"a message has at most {MAX_SEGMENTS} segments")
    return [(line[:3], fields_of(line, separator), line) for line in lines if line.strip()]


def messages(body: bytes) -> list[bytes]:
    """The messages of a file: one, or those of a batch (FHS, BHS, BTS, FTS are the envelope)."""
    starts = [found.start() for found in re.finditer(rb"(?:(?<=[\r\n\x0b])|\A)MSH(?=[^\w\s])", body)]
    if not starts:
        return [body]
    cuts = [*starts, len(body)]
    parts = [body[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    return [re.sub(rb"[\r\n]+(?:BTS|FTS|BHS|FHS)[^\r\n]*", b"", part) for part in parts]


def text_of(segments: Sequence[tuple[str, dict[str, str | list[str]], str] | str], m: Delimiters) -> str:
    """A message's text from its pieces; a piece that is text already stands as it is."""
    lines = []
    for segment in segments:
        if isinstance(segment, str):
            lines.append(segment)
            continue
        name, fields, _ = segment
        numbers = [int(number) for number in fields]
        texts = [_field_text(fields.get(_NUMBERS[n]), m) for n in range(1, max(numbers, default=0) + 1)]
        if name in {"MSH", "FHS", "BHS"}:
            lines.append(name + texts[0] + m.field_sep.join(texts[1:]))
        else:
            lines.append(m.field_sep.join([name, *texts]) if texts else name + m.field_sep)
    return "\r".join(lines) + "\r"


def _field_text(value: str | list[str] | None, m: Delimiters) -> str:
    if value is None:
        return ""
    return m.rep.join(value) if isinstance(value, list) else value


def normal(text: str) -> str:
    """The one normaliser of GetPut: line ends become CR, empty lines go, trailing empty delimiters go at every level."""
    m = Delimiters()
    lines = []
    for name, fields, _ in split(text, m):
        kept = {}
        for number, value in fields.items():
            if name in {"MSH", "FHS", "BHS"} and number in {"1", "2"}:
                kept[number] = value
            else:
                trimmed = _trim(value, (m.rep, m.comp, m.sub))
                if trimmed:
                    kept[number] = trimmed
        lines.append((name, kept, ""))
    return text_of(lines, m)  # type: ignore[arg-type]


def _trim(text: str, separators: tuple[str, ...]) -> str:
    if not separators:
        return text
    first, *rest = separators
    if first == "\0" or first not in text:
        return _trim(text, tuple(rest))
    return first.join(_trim(part, tuple(rest)) for part in text.split(first)).rstrip(first)
