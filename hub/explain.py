"""What becomes of messages, without a hub: the account of every field, for one message or a folder of them.

The leaves are counted a second time (`leaf_counts`): what that count has more than the account is silent loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapters.hl7v2 import tokenizer
from canonical_model import frames as model_frames
from hub.conversion import HELD, RECORDED, REJECTED, convert
from hub.formats import format_of
from hub.leaf_counts import WHOLE, counted
from hub.profiles import Profile
from hub.recognising import text_of, ways
from mappings.account import FATES, Entry
from mappings.faults import TableError

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
    values: list[str] = field(default_factory=list, repr=False)
    """What each leaf says, entry by entry. Never part of `plain`."""
    leaves: Mapping[str, int] | None = None
    """Leaves per piece as they are counted a second time; None where they are not."""
    format: str = ""
    hint: str = ""

    def counts(self) -> dict[str, Counter[str]]:
        """Leaves per piece and fate."""
        counts: dict[str, Counter[str]] = {}
        for entry in self.entries:
            counts.setdefault(entry.piece, Counter())[entry.fate] += 1
        return counts

    def silent_loss(self) -> int | None:
        """Leaves that the second count has and the account has not; None where nobody counted them again."""
        if self.leaves is None:
            return None
        told = {piece: sum(counter.values()) for piece, counter in self.counts().items()} | {WHOLE: len(self.entries)}
        return sum(abs(count - told.get(piece, 0)) for piece, count in self.leaves.items())

    def plain(self, whole: bool = True) -> dict[str, Any]:
        """As JSON; without `whole` only counts, never a value."""
        shown: dict[str, Any] = {
            "source": self.source,
            "outcome": self.outcome,
            "format": self.format,
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
    told = Explained(source, converted.outcome, converted.type, faults, format=format_name, hint=hint)
    if converted.frames:
        read = adapter.read(body, hint)
        told.entries = list(read.entries())
        told.values = [text for piece in read.pieces for _, text in read.leaves(piece.name, piece.wire)]
        told.frames = read.frames
        told.events = [a["type"] for part in converted.parts for a in part.assertions]
        told.leaves = counted(body, format_name)
        for frame in read.frames:
            model_frames.check(frame)
    return told


def best(body: bytes, who: Profile, format_name: str = "", hint: str = "", source: str = "pasted") -> Explained:
    """The account of a message as it was named, or in the way of those that it looks like that carries most of it.

    Raises FileNotFoundError where no format is called so, TableError.
    """
    tried = [_tried(body, source, who, name, one) for name, one in ways(text_of(body), who, format_name, hint)]
    return max(tried, key=_fit)


def _fit(told: Explained) -> tuple[bool, int, int]:
    carried = sum(entry.fate == "carried" for entry in told.entries)
    return told.outcome == RECORDED and bool(told.events), carried, -len(told.faults)


def _tried(body: bytes, source: str, who: Profile, name: str, hint: str) -> Explained:
    try:
        return explain(body, source, who, name, hint)
    except ValidationError as wrong:
        return Explained(source, HELD, "", list(_misfits(wrong)), format=name, hint=hint)


def _misfits(wrong: ValidationError) -> Iterator[dict[str, Any]]:
    """Why frames do not fit the model: places, never values."""
    for error in wrong.errors(include_url=False, include_context=False, include_input=False)[:50]:
        place = ".".join(str(step) for step in error["loc"])
        remedy = "the value does not fit the canonical model; mend the table or the message"
        yield {"code": "model-mismatch", "place": place, "remedy": remedy, "severity": "error"}


def explain_files(
    paths: Iterable[Path], profile: Profile = ANYONE, format_name: str = "", hint: str = ""
) -> tuple[list[Explained], int, int]:
    """The accounts of all messages of some files; how many files there were and how many messages crashed us.

    Without a name each file's format is the one that it looks like. Raises FileNotFoundError where no format is called
    so, TableError.
    """
    told: list[Explained] = []
    files = crashed = 0
    for path in paths:
        files += 1
        body = path.read_bytes()
        is_v2 = {"hl7v2"} == {name for name, _ in ways(text_of(body), profile, format_name, hint)}
        bodies = tokenizer.messages(body) if is_v2 else [body]
        for count, part in enumerate(bodies, 1):
            name = str(path) if len(bodies) == 1 else f"{path}#{count}"
            try:
                told.append(best(part, profile, "hl7v2" if is_v2 else format_name, hint, name))
            except TableError:
                raise  # a fault of a table is no message's fault
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
        independent.update({piece: count for piece, count in (one.leaves or {}).items() if piece in segments})
    return {
        "files": files,
        "messages": len(told),
        RECORDED: outcomes[RECORDED],
        "filtered": outcomes["filtered"],
        HELD: outcomes[HELD] - crashed,
        REJECTED: outcomes[REJECTED],
        "crashed": crashed,
        "silent_loss": sum(one.silent_loss() or 0 for one in told),
        "not_counted": sum(bool(one.frames) and one.leaves is None for one in told),
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
