"""What becomes of messages, without a hub: the account of every field, for one message or a folder of them.

The leaves are counted a second time by a splitter of its own, a few lines that share nothing with the adapters: what
that count has more than the account is silent loss.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.hl7v2 import tokenizer
from canonical_model import frames as model_frames
from hub.conversion import HELD, RECORDED, REJECTED, convert
from hub.formats import format_of
from hub.profiles import Profile
from mappings.account import FATES, Entry

IN_SCOPE = ("MSH", "PID", "ORC", "OBR", "OBX", "SPM")
SLICE = ("OML^O21", "ORM^O01", "ORU^R01", "ADT^A01", "ADT^A08", "ADT^A40")
ANYONE = Profile(partner="anyone", name="anyone", role="hospital", party="urn:cgt:party/anyone", zone="UTC")
"""A profile that filters nothing."""


@dataclass(slots=True)
class Explained:
    """One message: its outcome, what it asserts, and every leaf's fate."""

    source: str
    outcome: str
    type: str
    faults: list[dict[str, str]]
    events: list[str] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    leaves: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, Counter[str]]:
        """Leaves per piece and fate."""
        counts: dict[str, Counter[str]] = {}
        for entry in self.entries:
            counts.setdefault(entry.piece, Counter())[entry.fate] += 1
        return counts

    def silent_loss(self) -> int:
        """Leaves that the independent splitter counts and the account does not."""
        told = {piece: sum(counter.values()) for piece, counter in self.counts().items()}
        return sum(abs(count - told.get(piece, 0)) for piece, count in self.leaves.items())

    def plain(self, whole: bool = True) -> dict[str, Any]:
        """As JSON; without `whole` only counts, never a value."""
        shown: dict[str, Any] = {
            "source": self.source,
            "outcome": self.outcome,
            "type": self.type,
            "faults": self.faults,
            "events": self.events,
            "account": {piece: dict(counter) for piece, counter in self.counts().items()},
            "silent_loss": self.silent_loss(),
        }
        if whole:
            shown["fields"] = [entry.plain() for entry in self.entries]
            shown["frames"] = self.frames
        return shown


def explain(
    body: bytes, source: str, profile: Profile = ANYONE, format_name: str = "hl7v2", hint: str = ""
) -> Explained:
    """The account of one message as this profile reads it."""
    adapter = format_of(format_name, profile.overlay, profile.zone, profile.system)
    converted = convert(profile, adapter, body, hint)
    faults = [fault.plain() for fault in converted.faults]
    told = Explained(source, converted.outcome, converted.type, faults)
    if converted.frames:
        read = adapter.read(body, hint)
        told.entries = list(read.entries())
        told.frames = read.frames
        told.events = [a["type"] for part in converted.parts for a in part.assertions]
        told.leaves = independent_leaves(body) if format_name == "hl7v2" else {}
        for frame in read.frames:
            model_frames.check(frame)
    return told


def explain_files(
    paths: Iterable[Path], profile: Profile = ANYONE, format_name: str = "hl7v2", hint: str = ""
) -> tuple[list[Explained], int, int]:
    """The accounts of all messages of some files; how many files there were and how many messages crashed us.

    Raises TableError.
    """
    told: list[Explained] = []
    files = crashed = 0
    format_of(format_name, profile.overlay, profile.zone, profile.system)  # a fault of a table is no message's fault
    for path in paths:
        files += 1
        body = path.read_bytes()
        bodies = tokenizer.messages(body) if format_name == "hl7v2" else [body]
        for count, part in enumerate(bodies, 1):
            name = str(path) if len(bodies) == 1 else f"{path}#{count}"
            try:
                told.append(explain(part, name, profile, format_name, hint))
            except Exception as wrong:  # noqa: BLE001 - a crash is what this table is there to count
                crashed += 1
                fault = {"code": "crash", "place": type(wrong).__name__, "remedy": "report it", "severity": "error"}
                told.append(Explained(name, HELD, "", [fault]))
    return told, files, crashed


def summary(told: Iterable[Explained], files: int, crashed: int) -> dict[str, Any]:
    """One table over many messages."""
    told = list(told)
    outcomes = Counter(one.outcome for one in told)
    segments: dict[str, Counter[str]] = {name: Counter() for name in IN_SCOPE}
    independent: Counter[str] = Counter()
    for one in told:
        if one.type not in SLICE:
            continue
        for piece, counter in one.counts().items():
            if piece in segments:
                segments[piece] += counter
        independent.update({piece: count for piece, count in one.leaves.items() if piece in segments})
    return {
        "files": files,
        "messages": len(told),
        RECORDED: outcomes[RECORDED],
        "filtered": outcomes["filtered"],
        HELD: outcomes[HELD] - crashed,
        REJECTED: outcomes[REJECTED],
        "crashed": crashed,
        "silent_loss": sum(one.silent_loss() for one in told),
        "types": dict(Counter(one.type or "(none)" for one in told).most_common()),
        "refused": dict(Counter(f["code"] for one in told if one.outcome in {HELD, REJECTED} for f in one.faults)),
        "segments": {name: _shares(counter, independent[name]) for name, counter in segments.items()},
    }


def _shares(counter: Counter[str], leaves: int) -> dict[str, Any]:
    total = sum(counter.values())
    shown: dict[str, Any] = {"leaves": leaves, **{fate: counter[fate] for fate in FATES}}
    if total:
        shown["carried_share"] = f"{100 * counter['carried'] / total:.1f}"
        shown["ignored_share"] = f"{100 * counter['ignored'] / total:.1f}"
        shown["accounted_share"] = f"{100 * (counter['carried'] + counter['ignored']) / total:.1f}"
    return shown


def independent_leaves(body: bytes) -> dict[str, int]:
    """Non-empty leaves per segment name, counted with nothing but `split`."""
    text = body.decode("latin-1").lstrip("\x0b\ufeff\r\n \xef\xbb\xbf").rstrip("\x1c\r\n")
    separator, others = text[3], text[4 : text.find(text[3], 4)]
    counts: Counter[str] = Counter()
    for line in text.replace("\r\n", "\r").replace("\n", "\r").split("\r"):
        if not line.strip():
            continue
        name, *fields = line.split(separator)
        if name in {"MSH", "FHS", "BHS"}:
            counts[name] += 2
            fields = fields[1:]
        leaves = fields
        for delimiter in (others[1:2], others[0:1], others[3:4]):
            if delimiter:
                leaves = [leaf for text_ in leaves for leaf in text_.split(delimiter)]
        counts[name if re.fullmatch("[A-Z][A-Z0-9]{2}", name) else "?"] += sum(1 for leaf in leaves if leaf)
    return dict(counts)
