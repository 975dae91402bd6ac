"""Verifies a ledger of CGT Hub, or an export, offline: `python ledger_verifier.py hub.db|export.jsonl --key HEX`.

This file stands alone: it needs the standard library and `cryptography`, and nothing of the hub. It believes the public
key that it is given, and the head that its user holds from earlier; nothing else. The format is docs/ledger.md's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = {"format": "cgt-hub ledger", "version": 1}
START = hashlib.sha256(b"cgt-hub ledger").digest()
"""The chain value before the first batch."""
ERASED = "ledger.erased"
"""Type of the entry that says of an earlier event that it was erased."""
_ERASURE = ("position", "leaf", "event", "was")
"""What such an entry names: where the event stood, its leaf, id and type."""
MOST_FAULTS = 1000
Row = Sequence[Any]
Held = Mapping[str, Any]
"""What a verifier holds from earlier: a signed head or count; or nothing but a `chain` value of one."""


def leaf(salt: bytes, event: bytes) -> bytes:
    """Leaf of one stored event."""
    return hashlib.sha256(salt + event).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Merkle root (RFC 6962: 0x00 before a leaf, 0x01 before a node; the left side is the largest power of two)."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def climbed(kept: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root to which an inclusion proof leads from a leaf (RFC 9162, 2.1.3.2); None where it has another length."""
    found, low, high = hashlib.sha256(b"\x00" + kept).digest(), index, size - 1
    for beside in proof:
        if high == 0:
            return None
        left = low & 1 or low == high
        found = hashlib.sha256(b"\x01" + (beside + found if left else found + beside)).digest()
        while left and low and not low & 1:
            low, high = low >> 1, high >> 1
        low, high = low >> 1, high >> 1
    return found if high == 0 else None


def chained(previous: bytes, number: int, first: int, last: int, merkle: bytes) -> bytes:
    """Chain value of a batch: binds its number, positions and root to all before it."""
    return hashlib.sha256(previous + f"{number}:{first}:{last}:".encode() + merkle).digest()


def counted(kept: bytes, since: int) -> bytes:
    """Leaf of a count: an event of an order, and the position since which it is one."""
    return hashlib.sha256(kept + since.to_bytes(8, "big")).digest()


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON as RFC 8785 has it: every line of an export is written so, and so is what is signed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed_part(statement: Mapping[str, Any]) -> bytes:
    """What is signed of a head or count: all but its signature."""
    return canonical({name: value for name, value in statement.items() if name != "signature"})


def is_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    """True when the signature is the key's over the message (Ed25519)."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the ledger does not hold."""

    place: str
    text: str


@dataclass(slots=True)
class Walk:
    """A walk over batches, each followed by its events; what was found by now. Rows of any content are judged."""

    key: bytes
    held: Held = field(default_factory=dict)
    whole: bool = True
    """False where the export shows some events only, each with its proof."""
    number: int = 0
    position: int = 0
    chain: bytes = START
    events: int = 0
    held_at: int | None = None
    """The last position of the batch whose chain value is the held one."""
    faults: list[Fault] = field(default_factory=list)
    counts: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Position, since and leaf of the events of an order."""
    _seen: int = 0
    _gone: dict[str, int] = field(default_factory=dict)
    _batch: Row = ()
    _leaves: list[bytes] = field(default_factory=list)

    def fault(self, place: str, text: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(place, text))

    def batch(self, row: Row) -> None:
        """The next batch: number, first, last, root, chain, signature; the last two None where a head is signed."""
        self._close()
        numbers, told = row[:3], row[4:]
        sealed = [isinstance(value, bytes) for value in told] if any(value is not None for value in told) else []
        if not all(type(n) is int for n in numbers) or not isinstance(row[3], bytes) or not all(sealed):
            self.fault(f"batch {self.number + 1}", "the row is not a batch")
            return
        if row[0] != self.number + 1 or row[1] != self.position + 1 or row[2] < row[1]:
            self.fault(f"batch {row[0]}", f"expected batch {self.number + 1} from position {self.position + 1}")
        self._batch = row

    def event(self, row: Row) -> None:
        """An event of the batch: position, id, text, salt, leaf, type; of a part also proof and since."""
        position, id_, text, salt, kept, type_, *shown = row
        place = f"position {position}"
        first, last, merkle = self._batch[1:4] or (1, 0, b"")
        if type(position) is not int or not max(first, self._seen + 1) <= position <= last or type(kept) is not bytes:
            self.fault(place, "the event is not of its batch, or stands twice")
            return
        self.events, self._seen = self.events + 1, position
        self._leaves.append(kept)
        if not _is_recorded(row):
            self.fault(place, "the event is not the one that was recorded")
        elif salt is None:
            self._gone[f"{position} {kept.hex()} {id_} {type_}"] = position
        elif type_ == ERASED and (not shown or shown[1] is None):
            said = json.loads(text)
            if self._gone.pop(" ".join(str(said.get(name)) for name in _ERASURE), None) is None:
                self.fault(place, "it says that an event was erased, and here it is not")
        if shown:
            if climbed(kept, position - first, last - first + 1, shown[0]) != merkle:
                self.fault(place, "the proof does not lead to the root of its batch")
            if shown[1] is not None:
                self.counts.append((position, shown[1], kept))
            elif type_ != ERASED:
                self.fault(place, "the event is shown and not counted")

    def _close(self) -> None:
        """The end of a batch, and before the first one the beginning."""
        if self._batch:
            number, first, last, merkle, told, signature = self._batch
            if self.whole and (len(self._leaves) != last - first + 1 or root(self._leaves) != merkle):
                self.fault(f"batch {number}", "the leaves do not give the root")
            chain = chained(self.chain, number, first, last, merkle)
            if told is not None and told != chain:
                self.fault(f"batch {number}", "the root does not continue the chain")
            if told is not None and not is_signed(self.key, signature, told):
                self.fault(f"batch {number}", "the signature is not the hub's")
            self.number, self.position, self.chain = number, last, chain if told is None else told
            self._batch, self._leaves = (), []
        if self.held and self.chain == self.held["chain"] and self.held.get("number", self.number) == self.number:
            self.held_at = self.position

    def end(self, outside: int = 0) -> None:
        """After the last batch. `outside`: how many events of the store stand in no batch."""
        self._close()
        if outside:
            self.fault(f"position {self.position + 1}", "events stand outside the batches")
        for position in self._gone.values():
            self.fault(f"position {position}", "the event is gone, and nothing in the ledger says that it was erased")
        if self.held and self.held_at is None:
            self.fault("head", "the head that the verifier holds is not in this ledger")


def _is_recorded(row: Row) -> bool:
    """True when an event gives its leaf and stands under its own id and type; of an erased one the leaf is left."""
    _, id_, text, salt, kept, type_ = row[:6]
    if salt is None:
        return not text and type_ != ERASED
    if not isinstance(text, str) or not isinstance(salt, bytes) or leaf(salt, text.encode("utf-8", "replace")) != kept:
        return False
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("id") == id_ and said.get("type") == type_


# ---- a live store -----------------------------------------------------------------------------------------------

UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""The driver cannot even decode some messages about a damaged file."""
DAMAGED = ("database", "it cannot be read: restore a backup and verify that")
_BATCHES = "SELECT number, first, last, root, chain, signature FROM batch ORDER BY number"
_EVENTS = "SELECT position, id, event, salt, leaf, type FROM log WHERE position BETWEEN ? AND ? ORDER BY position"
_OUTSIDE = "SELECT count(*) FROM log WHERE position < 1 OR position > (SELECT coalesce(max(last), 0) FROM batch)"


def verify_store(path: Path, key: bytes, held: Held) -> Walk:
    """A SQLite store of a hub, running or not, read in one transaction of its own."""
    walk = Walk(key, held)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as db:
            db.execute("BEGIN")
            for batch in db.execute(_BATCHES):
                walk.batch(batch)
                for event in db.execute(_EVENTS, batch[1:3]):
                    walk.event(event)
            walk.end(db.execute(_OUTSIDE).fetchone()[0])
    except UNREADABLE:
        walk.fault(*DAMAGED)
    return walk


# ---- an export --------------------------------------------------------------------------------------------------

_BATCH = ("number", "first", "last", "root", "chain", "signature")
_EVENT = ("position", "id", "text", "salt", "leaf", "type", "proof", "since")
_HEAD = ("statement", "number", "position", "chain", "at", "key", "signature")
_COUNT = (*_HEAD, "journey", "order", "count", "root")
_ENDS = {"ledger": ("head", _HEAD), "event": ("head", _HEAD), "order": ("count", _COUNT)}
_BYTES = frozenset({"root", "chain", "signature", "salt", "leaf"})
_NUMBERS = frozenset({"number", "first", "last", "position", "since", "count"})


class Malformed(ValueError):
    """A line of an export is not what the format has there."""


def verify_export(lines: Iterable[bytes], key: bytes, held: Held) -> Walk:
    """An export of a whole ledger, an order or an event."""
    walk = Walk(key, held)
    try:
        _lines(walk, map(_line, lines))
    except (ValueError, RecursionError) as wrong:
        walk.fault("export", str(wrong) if isinstance(wrong, Malformed) else "a line is not JSON of this format")
    return walk


def _lines(walk: Walk, lines: Iterator[tuple[str, dict[str, Any]]]) -> None:
    """A header, batches each with its events, and one signed statement."""
    nothing: tuple[str, dict[str, Any]] = ("", {})
    kind, header = next(lines, nothing)
    of, after = header.get("of"), header.get("after")
    if kind != "export" or header != {**FORMAT, "of": of, "after": after} or of not in list(_ENDS):
        raise Malformed("it does not begin as an export of version 1")
    walk.whole = of == "ledger"
    walk.number, walk.position, walk.chain = _values(after, ("number", "position", "chain"))
    if walk.whole and (walk.number, walk.position, walk.chain) != (0, 0, START):
        raise Malformed("it does not begin at the beginning")
    kind, said = nothing
    for kind, said in lines:
        if kind == "batch":
            walk.batch((*_values(said, _BATCH if walk.whole else _BATCH[:4]), None, None)[:6])
        elif kind == "event":
            walk.event(_values(said, _EVENT[:6] if walk.whole else _EVENT))
        else:
            break
    walk.end()
    if kind != _ENDS[of][0] or next(lines, None) is not None:
        raise Malformed("it does not end with one signed statement: it was cut, or something was added")
    _statement(walk, of, said)


def _statement(walk: Walk, of: str, said: dict[str, Any]) -> None:
    """The hub's own word for where the ledger ended, or for what the order had by then."""
    kind, names = _ENDS[of]
    _, *place, signature = _values(said, names)[:7]
    if said["statement"] != kind or not is_signed(walk.key, signature, signed_part(said)):
        walk.fault(kind, "the signature is not the hub's")
    if place[:3] != [walk.number, walk.position, walk.chain]:
        walk.fault(kind, "it is not of the last batch of this export")
    if of == "event" and (len(walk.counts) != 1 or walk.counts[0][0] != walk.counts[0][1]):
        walk.fault(kind, "it proves one event, and there is another number of events")
    if of == "order" and not _agrees(said, walk.counts):
        walk.fault(kind, "the events are not those that the hub counted")
    if "count" in walk.held:
        _hold(walk, said)


def _hold(walk: Walk, said: Mapping[str, Any]) -> None:
    """Holds an order's events against a count that was signed earlier."""
    end = walk.held["position"]
    if walk.held["journey"] != said.get("journey"):
        walk.fault("count", "the count that the verifier holds is of another order")
    elif not _agrees(walk.held, [entry for entry in walk.counts if entry[0] <= end and entry[1] <= end]):
        walk.fault("count", f"the order's events up to position {end} are not those that were counted then")


def _agrees(said: Mapping[str, Any], counts: Sequence[tuple[int, int, bytes]]) -> bool:
    leaves = [counted(kept, since) for _, since, kept in counts]
    return bool(said["count"] == len(leaves) and said["root"] == root(leaves).hex())


def _line(raw: bytes) -> tuple[str, dict[str, Any]]:
    """A line: an object with one name, under which another object stands."""
    found = json.loads(raw)
    if isinstance(found, dict) and len(found) == 1 and canonical(found) + b"\n" == raw:
        ((kind, value),) = found.items()
        if isinstance(value, dict):
            return kind, value
    raise Malformed("a line is not one named object in canonical JSON")


def _values(line: Any, names: Sequence[str]) -> list[Any]:
    """The values of exactly these names, bytes and numbers as such."""
    if not isinstance(line, dict) or line.keys() != set(names):
        raise Malformed(f"a line has not the fields {', '.join(names)}")
    return [_value(name, line[name]) for name in names]


def _value(name: str, value: Any) -> Any:
    if name == "proof" and isinstance(value, list):
        return [_value("leaf", item) for item in value]
    if name in _BYTES and isinstance(value, str) and re.fullmatch("([0-9a-f]{2})*", value):
        return bytes.fromhex(value)
    fits = (type(value) is int and 0 <= value < 2**63) if name in _NUMBERS else name not in _BYTES and name != "proof"
    if not fits and (value is not None or name not in {"salt", "since"}):
        raise Malformed(f"{name}: not a number, or not bytes in lower-case hexadecimal digits")
    return value


# ---- from a terminal --------------------------------------------------------------------------------------------


def held_from(text: str, key: bytes) -> Held:
    """What a verifier holds: a chain value in hexadecimal digits, or a file whose last line is a signed head or count.

    Raises ValueError.
    """
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return {"chain": bytes.fromhex(text)}
    if not Path(text).is_file():
        raise ValueError("a head is 64 hexadecimal digits, or a file that ends with a signed head or count")
    last = b""
    with Path(text).open("rb") as file:
        for line in file:
            last = line.strip() or last
    try:
        found = json.loads(last)
        said = found.get("head") or found.get("count") if len(found) == 1 else found
        *_, signature = _values(said, _COUNT if "count" in said else _HEAD)[:7]
        if not is_signed(key, signature, signed_part(said)):
            raise Malformed("a signature of another key")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{text} does not end with a head or count that was signed with this key") from None
    return {**said, "chain": bytes.fromhex(said["chain"])}


def key_from(text: str) -> bytes:
    """A public key of 32 bytes: its hexadecimal digits, or a file of them. Raises ValueError, OSError."""
    written = text if re.fullmatch(r"[0-9a-fA-F]{64}", text) else Path(text).read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"[0-9a-fA-F]{64}", written):
        raise ValueError("a public key is 64 hexadecimal digits, or a file of them")
    return bytes.fromhex(written)


def verify(path: Path, key: bytes, held: Held) -> Walk:
    """A store or an export, by how the file begins. Raises OSError."""
    with path.open("rb") as file:
        if file.read(16) == b"SQLite format 3\x00":
            return verify_store(path, key, held)
        file.seek(0)
        return verify_export(file, key, held)


def told(walk: Walk) -> Iterator[str]:
    """What was found, in lines."""
    yield from (f"{fault.place}: {fault.text}" for fault in walk.faults[:50])
    held = "" if walk.held_at is None else f"; the head that you hold covers up to position {walk.held_at}"
    yield f"{len(walk.faults)} faults; {walk.events} events; head {walk.chain.hex()}{held}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where the ledger holds, 1 where it does not, 2 where there is nothing to verify."""
    parser = argparse.ArgumentParser(description="Verifies a ledger of CGT Hub, or an export of one, offline.")
    parser.add_argument("file", type=Path, help="hub.db, or an export")
    parser.add_argument("--key", required=True, help="the hub's public key: 64 hexadecimal digits, or a file of them")
    parser.add_argument("--head", help="what you hold: a head in hexadecimal digits, or a file with a head or count")
    given = parser.parse_args(arguments)
    try:
        key = key_from(given.key)
        walk = verify(given.file, key, held_from(given.head, key) if given.head else {})
    except (OSError, ValueError) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    sys.stdout.write("\n".join(told(walk)) + "\n")
    return 1 if walk.faults else 0


if __name__ == "__main__":
    sys.exit(main())
