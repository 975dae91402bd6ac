"""The ledger: positions, salted leaves, Merkle batches, a signed chain of their roots. Pure arithmetic over rows.

A leaf is SHA-256(salt ‖ stored event bytes); erasing event and salt leaves the leaf. A batch is the Merkle root (RFC
6962 node hashing) of the leaves of one transaction; batches are chained and each chain value is signed (Ed25519).
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from hub.crypto import Keyring, verify
from hub.store import Connection

START = hashlib.sha256(b"cgt-hub ledger").digest()
SALT = 16


def leaf(salt: bytes, event: bytes) -> bytes:
    """Leaf of one stored event."""
    return hashlib.sha256(salt + event).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Merkle root (RFC 6962: 0x00 before a leaf, 0x01 before a node; the left side is the largest power of two)."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def chained(previous: bytes, number: int, first: int, last: int, merkle: bytes) -> bytes:
    """Chain value of a batch: binds its number, positions and root to all before it."""
    return hashlib.sha256(previous + f"{number}:{first}:{last}:".encode() + merkle).digest()


def seal(connection: Connection, keys: Keyring, first: int, leaves: Sequence[bytes]) -> None:
    """Closes a transaction's events as one signed batch."""
    before = connection.one("last_batch")
    number, previous = (before[0] + 1, before[4]) if before else (1, START)
    last = first + len(leaves) - 1
    merkle = root(leaves)
    chain = chained(previous, number, first, last, merkle)
    connection.run("add_batch", number, first, last, merkle, chain, keys.sign(chain))


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the ledger does not hold."""

    place: str
    text: str


def check(connection: Connection, public_key: bytes, head: bytes | None = None) -> tuple[list[Fault], int, bytes]:
    """Faults of the whole ledger, its last position and its last chain value.

    With `head`, a chain value that the verifier holds, a ledger in which it does not occur is faulty even where
    everything in it fits together: what was before that head was changed by someone with the key. Rows of any content
    are judged, and what cannot be read is a fault: nothing is raised.
    """
    try:
        return _checked(connection, public_key, head)
    except (sqlite3.Error, UnicodeDecodeError):  # the driver cannot even decode some messages about a damaged file
        return [Fault("database", "it cannot be read: restore a backup and verify that")], 0, START


def _checked(connection: Connection, public_key: bytes, head: bytes | None) -> tuple[list[Fault], int, bytes]:
    faults: list[Fault] = []
    previous, expected, seen = START, 1, head is None or head == START
    for number, batch in enumerate(connection.all("batches"), start=1):
        if not _is_batch(batch):
            return [*faults, Fault(f"batch {number}", "the row is not a batch")], expected - 1, previous
        n, first, last, merkle, chain, signature = batch
        if n != number or first != expected or last < first:
            faults.append(Fault(f"batch {n}", f"expected batch {number} from position {expected}"))
        rows = connection.all("leaves_from", first, last)
        faults += _rows(rows, first, last)
        if root([row[4] if isinstance(row[4], bytes) else b"" for row in rows]) != merkle:
            faults.append(Fault(f"batch {n}", "the leaves do not give the root"))
        if chained(previous, n, first, last, merkle) != chain:
            faults.append(Fault(f"batch {n}", "the root does not continue the chain"))
        if not verify(public_key, signature, chain):
            faults.append(Fault(f"batch {n}", "the signature is not the hub's"))
        seen = seen or chain == head
        previous, expected = chain, last + 1
    row = connection.one("log_range")
    if row and (row[0] < 1 or row[1] != expected - 1):
        faults.append(Fault(f"position {expected}", "events stand outside the batches"))
    if not seen:
        faults.append(Fault("head", "the head that the verifier holds is not in this ledger"))
    return faults, expected - 1, previous


def _is_batch(row: Sequence[Any]) -> bool:
    return all(isinstance(number, int) for number in row[:3]) and all(isinstance(value, bytes) for value in row[3:])


def _rows(rows: Iterable[Sequence[Any]], first: int, last: int) -> list[Fault]:
    """Faults of the events of a batch: position, id, event, salt, leaf and type each."""
    faults = []
    expected = first
    for row in rows:
        if row[0] != expected:
            faults.append(Fault(f"position {expected}", "an event is missing"))
            expected = row[0]
        if not _is_recorded(row):
            faults.append(Fault(f"position {row[0]}", "the event is not the one that was recorded"))
        expected += 1
    if expected != last + 1:
        faults.append(Fault(f"position {expected}", "an event is missing"))
    return faults


def _is_recorded(row: Sequence[Any]) -> bool:
    """True when an event gives its leaf and stands under its own id and type; of an erased one the leaf is left."""
    _, id_, event, salt, kept, type_ = row
    if salt is None:
        return not event and isinstance(kept, bytes)
    if not isinstance(event, str) or not isinstance(salt, bytes) or leaf(salt, event.encode()) != kept:
        return False
    try:
        said = orjson.loads(event)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and said.get("id") == id_ and said.get("type") == type_
