"""One kind of error for what a caller can mend: its text names place and remedy, and is told as it is."""

from __future__ import annotations


class Mendable(Exception):
    """Told as one line, with exit code 2."""
