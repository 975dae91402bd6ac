"""How the pages say things: times, spans, names, marks. Formats values; reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from canonical_model.journey import is_ref
from canonical_model.values import parse_instant

MARKS: Mapping[str, tuple[str, str]] = {
    "critical": ("◆", "bad"),
    "major": ("▲", "warn"),
    "minor": ("●", "note"),
    "info": ("○", "quiet"),
    "allow": ("✓", "good"),
    "deny": ("✕", "bad"),
    "cannot-tell": ("?", "warn"),
    "list": ("≡", "quiet"),
    "recorded": ("✓", "good"),
    "filtered": ("–", "quiet"),
    "held": ("‖", "warn"),
    "rejected": ("✕", "bad"),
    "received": ("…", "note"),
    "mended": ("✓", "quiet"),
    "dismissed": ("–", "quiet"),
    "carried": ("✓", "good"),
    "lossy": ("≈", "warn"),
    "residual": ("□", "note"),
    "ignored": ("–", "quiet"),
    "done": ("✓", "good"),
    "waiting": ("…", "note"),
    "refused": ("✕", "bad"),
    "broken": ("✕", "bad"),
    "withheld": ("–", "quiet"),
    "astray": ("◆", "bad"),
    "error": ("✕", "bad"),
    "warning": ("▲", "warn"),
    "claim": ("○", "note"),
    "superseded": ("–", "quiet"),
    "live": ("✓", "good"),
}
"""Word -> the shape and the tone that it is told with: never by colour alone."""
SHORT_MINUTES = {"minute", "second", "fraction"}
MANY = 12
"""Items of a list that are shown; of a longer one, how many there are."""


def mark(word: str) -> tuple[str, str]:
    """Shape and tone of a status word."""
    return MARKS.get(word, ("·", "quiet"))


def event_words(type_: str) -> str:
    """An event type as a heading: `container.created` -> Container created.

    >>> event_words("collection.completed")
    'Collection completed'
    """
    return type_.replace(".", " ").replace("-", " ").capitalize()


def spaced(word: Any) -> str:
    """A code as words: `collection-outbound` -> collection outbound."""
    return str(word).replace("_", " ").replace("-", " ")


def instant(text: Any) -> str:
    """An instant to the second, in UTC.

    >>> instant("2026-03-11T12:30:04.518070Z")
    '2026-03-11 12:30:04 UTC'
    """
    if not text:
        return ""
    at = text if isinstance(text, datetime) else parse_instant(str(text))
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(text: Any) -> str:
    """An instant to the minute, in UTC."""
    return instant(text)[:16] + " UTC" if text else ""


def local(when: Any) -> str:
    """The local text as it was sent, with its zone.

    >>> local({"local": "2026-03-10T15:05:00", "zone": "-05:00", "precision": "second"})
    '2026-03-10 15:05:00 -05:00'
    """
    if not when:
        return ""
    zone = when.get("zone") or ""
    text = str(when["local"]).replace("T", " ") + (f" {'UTC' if zone == 'Z' else zone}" if zone else "")
    return text + (" (zone assumed)" if when.get("assumed_zone") else "")


def known_to(when: Any) -> str:
    """How exact a time is, where it is coarse."""
    precision = str((when or {}).get("precision", ""))
    return "" if precision in SHORT_MINUTES or not precision else f"known to the {precision}"


def span(seconds: Any) -> str:
    """A time in words.

    >>> [span(s) for s in (59, 3600, 93784, -120)]
    ['59 s', '1 h 00 min', '1 d 2 h 03 min', '-2 min']
    """
    if seconds is None:
        return "not known"
    sign, left = ("-" if seconds < 0 else ""), abs(int(seconds))
    days, left = divmod(left, 86_400)
    hours, left = divmod(left, 3_600)
    minutes, rest = divmod(left, 60)
    if days:
        return f"{sign}{days} d {hours} h {minutes:02} min"
    if hours:
        return f"{sign}{hours} h {minutes:02} min"
    return f"{sign}{minutes} min" if minutes else f"{sign}{rest} s"


def due_in(text: str, now: datetime) -> str:
    """How far away an instant is."""
    seconds = int((parse_instant(text) - now).total_seconds())
    return f"overdue by {span(-seconds)}" if seconds < 0 else f"in {span(seconds)}"


def named(ref: Any) -> str:
    """What a reference, an identifier or a name `system|value` is called in short."""
    if isinstance(ref, str):
        return ref.rpartition("|")[2]
    if ref and ref.get("identifiers"):
        return str(ref["identifiers"][0]["value"])
    return str((ref or {}).get("value", ""))


def coded(concept: Any) -> str:
    """What a coded concept says to people."""
    if not concept:
        return ""
    coding = (concept.get("codings") or [{}])[0]
    return str(coding.get("display") or concept.get("text") or coding.get("code") or "")


def placed(place: Any) -> str:
    """A place in short."""
    if not place:
        return ""
    number = (place.get("identifier") or {}).get("value", "")
    return str(place.get("name") or place.get("text") or number or place.get("room") or place.get("building") or "")


def person(value: Any) -> str:
    """A person as far as the reader may know: a name, or the token that stands for it."""
    if not value:
        return ""
    if "actor" in value:
        return f"person {str(value['actor'])[:8]}"
    name = value.get("name") or value
    words = [*name.get("given", ()), name.get("family", "")] if isinstance(name, Mapping) else [str(name)]
    return " ".join(str(word) for word in words if word) or "a person"


def leaves(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """What a fact states, value by value, for reading. Long lists are counted."""
    if is_ref(value):
        yield path, f"{value['kind']} {', '.join(str(i['value']) for i in value['identifiers'])}"
    elif isinstance(value, Mapping):
        if {"at", "local"} <= value.keys():
            yield path, local(value)
        elif {"system", "value"} <= value.keys():
            yield path, f"{value['value']} ({value['system']})"
        else:
            for name, inner in value.items():
                yield from leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        if len(value) > MANY:
            yield path, f"{len(value)} values"
        else:
            for item in value:
                yield from leaves(item, path)
    elif value is not None:
        yield path, str(value)
