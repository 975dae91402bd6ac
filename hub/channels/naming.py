"""Names of dropped files: which are left alone, and by which name a file is kept. Touches no file."""

from __future__ import annotations

import hashlib
import os
import re

UNFINISHED = (".tmp", ".part", ".partial", ".filepart", ".writing", ".crdownload", ".swp", "~")
LONGEST = 180
"""Bytes of a name: with what is put behind it, it stays within what file systems allow."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff/\\]")


def is_unfinished(name: str) -> bool:
    """True for names under which senders still write, and for hidden ones."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def kept_as(name: str) -> str:
    """The name by which a file is kept and told of: itself, where every system and every eye can read it.

    Otherwise cleaned and shortened, with a digest of the true name, so that two names stay two.
    """
    clean = _UNPRINTABLE.sub("_", name)
    if clean == name and len(os.fsencode(name)) <= LONGEST:
        return name
    return with_mark(clean, hashlib.sha256(os.fsencode(name)).hexdigest()[:8])


def with_mark(name: str, mark: str) -> str:
    """The name with a mark before its ending, within the bounds."""
    stem, dot, ending = name.rpartition(".")
    if not stem or len(os.fsencode(ending)) > 16:
        stem, dot, ending = name, "", ""
    room = LONGEST - len(os.fsencode(f"~{mark}{dot}{ending}"))
    short = os.fsencode(stem)[:room].decode("utf-8", "ignore")
    return f"{short}~{mark}{dot}{ending}"
