"""Numbers of locks by name. Takes none."""

from __future__ import annotations

import hashlib


def lock_of(name: str) -> int:
    """The number of an advisory lock: 62 bits, so that none looks like a provisional position."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2


PROVISIONAL = 1 << 62
"""Positions from here on are those of a transaction that does not know yet where its facts will stand."""


class TakeAgain(BaseException):
    """No error: a transaction has to be run again from its beginning. Passes whoever catches errors."""


class Unplaced(TakeAgain):
    """It needs to know from its beginning where its facts will stand."""


class Spoilt(TakeAgain):
    """The store does not take a row of an earlier part: every part is to be written by itself."""
