"""How much the long tests do: all of it in `make verify` (CGT_FULL=1), a tenth in `make test-all`."""

from __future__ import annotations

import os

FULL = os.environ.get("CGT_FULL") == "1"


def share(count: int) -> int:
    """The count, or a tenth of it."""
    return count if FULL else max(1, count // 10)
