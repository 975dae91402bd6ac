"""The ledger as the hub writes it: sealed batches, signed heads, inclusion proofs. It judges none: the verifier does.

A leaf is SHA-256(salt ‖ stored event bytes); erasing event and salt leaves the leaf. A batch is the Merkle root (RFC
6962 node hashing) of the leaves of one transaction; batches are chained and each chain value is signed (Ed25519). The
arithmetic is the verifier's own (`ledger_verifier`), which others run without the hub: docs/ledger.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.crypto import Keyring
from hub.ledger_verifier import (
    DAMAGED,
    ERASED,
    START,
    UNREADABLE,
    Fault,
    Held,
    Walk,
    chained,
    leaf,
    root,
    signed_part,
)
from hub.store import Connection, Row

SALT = 16
PAGE = 500
"""Batches that are read at once."""

__all__ = ["ERASED", "SALT", "START", "Fault", "chained", "check", "head", "leaf", "path", "root", "seal", "walk"]


def seal(connection: Connection, keys: Keyring, first: int, leaves: Sequence[bytes]) -> None:
    """Closes a transaction's events as one signed batch."""
    before = connection.one("last_batch")
    number, previous = (before[0] + 1, before[4]) if before else (1, START)
    last = first + len(leaves) - 1
    merkle = root(leaves)
    chain = chained(previous, number, first, last, merkle)
    connection.run("add_batch", number, first, last, merkle, chain, keys.sign(chain))


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Inclusion proof of one leaf: the nodes beside its way up to the root, the lowest first (RFC 6962, 2.1.1)."""
    if len(leaves) < 2:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path(leaves[:split], index), root(leaves[split:])]
    return [*path(leaves[split:], index - split), root(leaves[:split])]


def head(batch: Row | None, keys: Keyring, at: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The signed head: the ledger ends with this batch, as the hub says at an instant. With `more`, a signed count."""
    number, _, position, _, chain, _ = batch or (0, 0, 0, b"", START, b"")
    said = {
        "statement": "count" if more else "head",
        "number": number,
        "position": position,
        "chain": chain.hex(),
        "at": at,
        "key": keys.public_key().hex(),
        **(more or {}),
    }
    return {**said, "signature": keys.sign(signed_part(said)).hex()}


def batches(connection: Connection, after: int = 0, upto: int | None = None) -> Iterator[Row]:
    """Batches in their order after a number, a page at a time: those that are written meanwhile come too."""
    while page := connection.all("batches_after", after, PAGE):
        for batch in page:
            if upto is not None and batch[0] > upto:
                return
            yield batch
        after = page[-1][0]


def walk(connection: Connection, public_key: bytes, held: Held | None = None) -> Walk:
    """The whole ledger of a store, looked at by the verifier.

    Not in one transaction: a look of minutes would keep the write-ahead log from being moved. What is committed
    meanwhile is looked at too, an erasure with the entry that says so, which is always later.
    """
    found = Walk(public_key, held or {})
    try:
        for batch in batches(connection):
            found.batch(batch)
            for event in connection.all("leaves_from", batch[1], batch[2]):
                found.event(event)
        row = connection.one("count_outside")
        found.end(int(row[0]) if row else 0)
    except UNREADABLE:
        found.fault(*DAMAGED)
    return found


def check(connection: Connection, public_key: bytes, head: bytes | None = None) -> tuple[list[Fault], int, bytes]:
    """Faults of the whole ledger, its last position and its last chain value.

    With `head`, a chain value that the verifier holds, a ledger in which it does not occur is faulty even where
    everything in it fits together: what was before that head was changed by someone with the key. Nothing is raised.
    """
    found = walk(connection, public_key, {"chain": head} if head else {})
    return found.faults, found.position, found.chain
