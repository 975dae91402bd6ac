"""HL7 v2 text to segments and back: any delimiters, bounded, lazy below the field. Interprets nothing.

A segment is `(name, fields, text)`; fields are a dict of raw texts by number as the standard counts (`"3"` is PID-3),
empty ones absent. MSH's off-by-one lives here: MSH-1 is the separator itself, MSH-2 the other delimiters.
Chapter 2 of the standard: 2.5 delimiters, 2.7 escape sequences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.reading import Unparsable
from mappings.runtime import Context

MAX_BYTES = 8 * 1024 * 1024
MAX_SEGMENTS = 20_000
MAX_FIELDS = 1_000
STANDARD = "|^~\\&"
NULL = '""'
UNSET = "\ufdd0"
"""A delimiter that MSH-2 does not name: a noncharacter. A message that holds it is refused, so it never matches."""
UNNAMED = "?"
"""Stands for the name of a line that no segment begins: the line may be anybody's text, and is not repeated."""

_HEADERS = frozenset({"MSH", "FHS", "BHS"})
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}", re.ASCII).fullmatch
_NUMBERS = [str(n) for n in range(1, MAX_FIELDS + 1)]
_CHARSETS = {
    "ASCII": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "8859/1": "latin-1",
    **{f"8859/{part}": f"iso8859-{part}" for part in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "GB 18030-2000": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc_kr",
}
"""MSH-18 (table 0211) to Python's names. ASCII is read as UTF-8, which holds it."""

_LEADING = re.compile(rb"(?:\x0b|\xef\xbb\xbf|[\r\n \t])+")
_HEADER = re.compile(rb"(?:MSH|FHS|BHS)([!-/:-@\[-`{-~])((?:(?!\1)[!-/:-@\[-`{-~]){1,5})\1")
"""Delimiters are ASCII punctuation: a letter or digit that separates would be taken for one that is said."""
_START = re.compile(rb"(?:(?<=[\r\n\x0b])|\A)(?:\xef\xbb\xbf|[ \t])*MSH(?=[^\w\s])")
_ENVELOPE = re.compile(rb"[\r\n]+(?:BTS|FTS|BHS|FHS)[^\r\n]*")


@dataclass(slots=True)
class Delimiters(Context):
    """A message's context: its five delimiters and what escapes them."""

    field_sep: str = "|"
    comp: str = "^"
    rep: str = "~"
    esc: str = "\\"
    sub: str = "&"
    nested: Callable[[str], Any] = re.compile(r"[~^&\\]").search
    unsafe: Callable[[str], Any] = re.compile(rf'[|~^&\\"\r\n{UNSET}]').search
    delimiters: str = "^~\\&"

    def with_delimiters(self, separator: str, others: str) -> Delimiters:
        """Takes MSH-1 and MSH-2; a missing delimiter stays unset and never matches."""
        self.field_sep, self.delimiters = separator, others
        self.comp, self.rep, self.esc, self.sub = tuple(others[:4].ljust(4, UNSET))
        self.nested, self.unsafe = _searches(separator, others[:4])
        return self

    def quiet(self) -> Delimiters:
        """The same delimiters with faults of its own. By hand: `replace` takes four times as long, for every item."""
        silent = Delimiters(self.zone, self.system, self.version, self.refs, self.place, self.at)
        silent.codes, silent.beyond = self.codes, self.beyond
        silent.field_sep, silent.comp, silent.rep, silent.esc, silent.sub = (
            *(self.field_sep, self.comp, self.rep, self.esc, self.sub),
        )
        silent.nested, silent.unsafe, silent.delimiters = self.nested, self.unsafe, self.delimiters
        return silent

    def listed(self, piece: dict[str, Any] | None, names: frozenset[str]) -> dict[str, Any] | None:
        """The segment with its repeating fields as lists."""
        if piece is None:
            return None
        return {n: v.split(self.rep) if n in names and isinstance(v, str) else v for n, v in piece.items()}

    def joined(self, piece: dict[str, Any]) -> dict[str, Any]:
        """The segment with its lists as repeating fields."""
        return {n: self.rep.join(v) if isinstance(v, list) else v for n, v in piece.items()}

    def computed(self, name: str) -> str:
        """A set id, MSH-1, MSH-2, or PRT-2: `add` in table 0287, from 2.8 on in table 0206."""
        if name == "#":
            return str(self.ordinal)
        if name == "#participation":
            return "A" if self.version >= (2, 8) else "AD"
        return self.field_sep if name == "#separator" else self.delimiters

    def piece_of(self, text: str) -> tuple[str, dict[str, Any]]:
        """Name and fields of a segment that is kept as its text."""
        return text.partition(self.field_sep)[0], fields_of(text, self.field_sep)

    # ---- reading ----------------------------------------------------------------------------------------------

    def leaf(self, text: str) -> str:
        """First leaf of a field or component, unescaped; empty for a null."""
        if self.nested(text) is None:
            return "" if text == NULL else text
        for separator in (self.rep, self.comp, self.sub):
            if separator in text:
                text = text[: text.index(separator)]
        if text == NULL:
            return ""
        return self.unescape(text) if self.esc in text else text

    def first(self, text: str) -> str:
        """First repeat of a field."""
        return text.split(self.rep, 1)[0] if self.rep in text else text

    def part(self, text: str, step: int, inner: int = 1) -> str:
        """One component (or its sub-component) of a field's first repeat, unescaped; empty where absent."""
        parts = self.first(text).split(self.comp, step)
        return self.sub_part(parts[step - 1], inner) if len(parts) >= step else ""

    def parts(self, text: str, count: int) -> list[str]:
        """The first components of a field's first repeat, each its first leaf, unescaped; padded with empty texts."""
        if self.rep in text:
            text = text.split(self.rep, 1)[0]
        parts = text.split(self.comp)
        if self.sub in text or self.esc in text or NULL in text:
            parts = [self.leaf(part) for part in parts]
        missing = count - len(parts)
        return parts + [""] * missing if missing >= 0 else parts[:count]

    def raw_part(self, text: str, step: int) -> str:
        """One component of a field's first repeat as it stands; empty where absent."""
        parts = self.first(text).split(self.comp, step)
        return parts[step - 1] if len(parts) >= step else ""

    def sub_part(self, text: str, step: int) -> str:
        """One sub-component of a component, unescaped; empty where absent."""
        parts = text.split(self.sub, step)
        if len(parts) < step or parts[step - 1] == NULL:
            return ""
        return self.unescape(parts[step - 1]) if self.esc in parts[step - 1] else parts[step - 1]

    def sub_parts(self, text: str, count: int) -> list[str]:
        """The first sub-components of a component, unescaped; padded with empty texts."""
        parts = text.split(self.sub, count)[:count] if self.sub in text else [text]
        if self.esc in text or NULL in text:
            parts = [self.leaf(part) for part in parts]
        return parts + [""] * (count - len(parts))

    def unescape(self, text: str) -> str:
        """Text with HL7's escape sequences resolved (2.7.1); an unknown sequence stays as it is."""
        esc = re.escape(self.esc)
        return re.sub(f"{esc}([^{esc}]*){esc}", self._resolve, text)

    def _resolve(self, match: re.Match[str]) -> str:
        code = match[1]
        plain = {"F": self.field_sep, "S": self.comp, "R": self.rep, "E": self.esc, "T": self.sub, ".br": "\n"}
        plain["P"] = self.delimiters[4:5] or UNSET
        if code in plain:
            return match[0] if plain[code] == UNSET else plain[code]
        if code[:1] == "X" and len(code) % 2 == 1 and len(code) > 1:
            try:
                return bytes.fromhex(code[1:]).decode("utf-8")
            except ValueError:
                return match[0]
        return match[0]

    # ---- writing ----------------------------------------------------------------------------------------------

    def escape(self, text: str) -> str:
        """Text as a leaf: delimiters, line ends and a text that would read as null become escape sequences.

        Where the message names no escape character of its own the text stands behind UNSET, which says that it cannot
        be sent: what holds it has to be written in the standard delimiters.
        """
        if self.unsafe(text) is None:
            return text
        codes = {self.sub: "T", self.rep: "R", self.comp: "S", self.field_sep: "F", self.esc: "E", "\r": "X0D"}
        codes["\n"] = "X0A" if "." in codes else ".br"
        codes[UNSET] = "XEFB790"
        if text != NULL and codes.keys().isdisjoint(text):
            return text
        if self.esc == UNSET or self.esc in (self.field_sep, self.comp, self.rep, self.sub):
            return UNSET + text
        if text == NULL:
            return f'{self.esc}X22{self.esc}"'
        return "".join([f"{self.esc}{codes[char]}{self.esc}" if char in codes else char for char in text])

    def sub_joined(self, parts: Sequence[str]) -> str:
        """A component out of its sub-components."""
        return self.sub.join([self.escape(part) for part in parts]).rstrip(self.sub)

    def set_sub(self, text: str, step: int, value: str) -> str:
        """A component with one sub-component set to an escaped text."""
        parts = text.split(self.sub)
        parts += [""] * (step - len(parts))
        parts[step - 1] = value
        return self.sub.join(parts).rstrip(self.sub)

    def set_part(self, text: str, step: int, value: str) -> str:
        """A field with one component set to a plain text."""
        parts = text.split(self.comp)
        parts += [""] * (step - len(parts))
        parts[step - 1] = self.escape(value)
        return self.comp.join(parts)

    def assemble(self, parts: Mapping[tuple[int, ...], str]) -> str:
        """A field out of its parts by component (and sub-component) number."""
        components: dict[int, str] = {}
        for path, text in parts.items():
            place = path[0]
            components[place] = text if len(path) == 1 else self.set_sub(components.get(place, ""), path[1], text)
        return self.comp.join([components.get(n, "") for n in range(1, max(components) + 1)])

    # ---- accounting -------------------------------------------------------------------------------------------

    def leaves(
        self, name: str, piece: Mapping[str, str | list[str]] | str | None
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every non-empty leaf of a segment with its place: field (and repeat), component, sub-component."""
        fields = fields_of(piece, self.field_sep) if isinstance(piece, str) else piece or {}
        for number, value in fields.items():
            if value and number in {"1", "2"} and name in _HEADERS:
                yield (number,), str(value)
            elif value:
                yield from self._field_leaves(number, value)

    def count(self, name: str, piece: dict[str, str] | str) -> int:
        """How many leaves `leaves` gives, by counting the runs of text between delimiters."""
        runs = _runs(self.field_sep, self.comp + self.rep + self.sub)
        if isinstance(piece, str):
            piece = fields_of(piece, self.field_sep)
        if name not in _HEADERS:
            return len(runs(self.field_sep.join(piece.values())))
        return 2 + len(runs(self.field_sep.join([text for number, text in piece.items() if number not in {"1", "2"}])))

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


@lru_cache(maxsize=256)
def _searches(separator: str, others: str) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    """What tells that a text has inner parts or escapes, and that it may not stand in a message as it is."""
    nested = re.escape(others)
    unsafe = f'[{re.escape(separator)}{nested}{UNSET}"\r\n]'
    return re.compile(f"[{nested}]").search, re.compile(unsafe).search


@lru_cache(maxsize=256)
def _runs(separator: str, others: str) -> Callable[[str], list[str]]:
    """All the leaves of a text, whatever their level."""
    return re.compile(f"[^{re.escape(separator + others)}]+").findall


def fields_of(segment: str, separator: str) -> dict[str, str]:
    """Fields of one segment's text by number; MSH and batch headers count their separator as field 1."""
    name, *texts = segment.split(separator)
    return _numbered(name, texts, separator)


def _numbered(name: str, texts: list[str], separator: str) -> dict[str, str]:
    if len(texts) >= MAX_FIELDS:
        raise Unparsable("hl7v2-too-many-fields", name[:3], f"a segment has at most {MAX_FIELDS} fields")
    if name in _HEADERS:
        texts = [separator, *texts]
    return {number: text for number, text in zip(_NUMBERS, texts, strict=False) if text}


def decode(body: bytes) -> tuple[str, str]:
    """Text and character set of a message: MSH-18 decides, else UTF-8, else Latin-1, which is never wrong by bytes."""
    if len(body) > MAX_BYTES:
        raise Unparsable("hl7v2-too-large", "message", f"a message has at most {MAX_BYTES} bytes")
    body = body.rstrip(b"\x1c\r\n")
    if (leading := _LEADING.match(body)) is not None:
        body = body[leading.end() :]
    header = _HEADER.match(body)
    if header is None:
        raise Unparsable("hl7v2-no-header", "MSH", "a message begins with MSH, its field separator and delimiters")
    first = re.split(rb"[\r\n]", body, maxsplit=1)[0].split(header[1], 18)
    declared = first[17].split(header[2][1:2] or b"~")[0].decode("ascii", "replace") if len(first) > 17 else ""
    for charset in (charset_of(declared), "utf-8"):
        try:
            text = body.decode(charset)
        except UnicodeDecodeError:
            continue
        if UNSET in text:
            raise Unparsable("hl7v2-encoding", "message", "send no Unicode noncharacters; U+FDD0 is one")
        return text, charset
    return body.decode("latin-1"), "latin-1"


def charset_of(declared: str) -> str:
    """Python's name of an MSH-18 code (table 0211); UTF-8 where there is none."""
    return _CHARSETS.get(declared, "utf-8")


def split(text: str, m: Delimiters) -> list[tuple[str, dict[str, str], str]]:
    """Segments of one message; sets the context's delimiters from its header. Blank lines are none.

    A line that no segment's name begins (a text with a line end of its own, say) is UNNAMED.
    """
    separator = text[3]
    m.with_delimiters(separator, text[4 : text.index(separator, 4)])
    lines = text.replace("\r\n", "\r").replace("\n", "\r").split("\r")
    if len(lines) > MAX_SEGMENTS:
        raise Unparsable("hl7v2-too-many-segments", "message", f"a message has at most {MAX_SEGMENTS} segments")
    segments = []
    for line in lines:
        if line and not line.isspace():
            name, *texts = line.split(separator)
            fields = _numbered(name, texts, separator)
            segments.append((name if _SEGMENT(name) else UNNAMED, fields, line))
    return segments


def messages(body: bytes) -> list[bytes]:
    """The messages of a file: one, or those of a batch (FHS, BHS, BTS, FTS are the envelope)."""
    starts = [found.start() for found in _START.finditer(body)]
    if not starts:
        return [body]
    parts = [body[a:b] for a, b in zip(starts, [*starts[1:], len(body)], strict=False)]
    return [_ENVELOPE.sub(b"", part) for part in parts]


def text_of(segments: Sequence[tuple[str, dict[str, str | list[str]], str] | str], m: Delimiters) -> str:
    """A message's text from its pieces; a piece that is text already stands as it is."""
    lines = []
    for segment in segments:
        if isinstance(segment, str):
            lines.append(segment)
            continue
        name, fields, _ = segment
        numbers = [int(number) for number in fields]
        texts = [_field_text(fields.get(number), m) for number in _NUMBERS[: max(numbers, default=0)]]
        if name in _HEADERS:
            lines.append(name + texts[0] + m.field_sep.join(texts[1:]))
        else:
            lines.append(m.field_sep.join([name, *texts]) if texts else name + m.field_sep)
    return "\r".join(lines) + "\r"


def restated(text: str, m: Delimiters, standard: Delimiters) -> str:
    """A piece of a message in the standard delimiters: what separated still separates, what was said is still said."""
    marks = {m.sub: standard.sub, m.rep: standard.rep, m.comp: standard.comp, m.field_sep: standard.field_sep}
    escapes = m.esc != UNSET and m.esc not in marks
    out = []
    for part in re.split(f"({re.escape(m.esc)}[^{re.escape(m.esc)}]*{re.escape(m.esc)})", text) if escapes else [text]:
        if escapes and part[:1] == m.esc and part[-1:] == m.esc and len(part) > 1:
            said = m.unescape(part)
            out.append(standard.esc + part[1:-1] + standard.esc if said == part else standard.escape(said))
        else:
            out.append("".join([marks.get(char) or standard.escape(char) for char in part]))
    return "".join(out)


def _field_text(value: str | list[str] | None, m: Delimiters) -> str:
    if value is None:
        return ""
    return m.rep.join(value) if isinstance(value, list) else value


def normal(text: str) -> str:
    """The one normaliser of GetPut: line ends become CR; blank lines and trailing empty delimiters go."""
    m = Delimiters()
    lines = []
    for name, fields, _ in split(text, m):
        kept = {}
        for number, value in fields.items():
            if name in _HEADERS and number in {"1", "2"}:
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
    if first not in text:
        return _trim(text, tuple(rest))
    return first.join(_trim(part, tuple(rest)) for part in text.split(first)).rstrip(first)
