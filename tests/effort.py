"""Bounds on work that hostile input must not blow up. No measure of speed: what breaks one takes minutes, or days."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """The block takes so many seconds of this thread's processor at most; what else a machine does is not counted."""
    begun = time.thread_time()
    yield
    spent = time.thread_time() - begun
    assert spent < seconds, f"{spent:.1f} s of the processor"
