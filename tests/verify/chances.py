"""Faults that show by chance: a run in which nothing came together says nothing, and another one is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
TRIES = 5


def until(is_met: Callable[[T], bool], run: Callable[[Path], T], folder: Path) -> T:
    """What the first of a few runs gives that meets a condition, else the last one; each has a folder of its own."""
    for number in range(1, TRIES + 1):
        (own := folder / str(number)).mkdir()
        if is_met(found := run(own)):
            break
    return found
