"""Events of older versions, brought to the present one. One pure step a version; stored bytes are never rewritten.

A log holds each event as it was written. Whoever reads one calls `upcast` before `fold`. A new version of the envelope
or of a record adds one step here and one log of the version before to the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from canonical_model.events import VERSION

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Mapping[int, Step] = {}
"""Version -> the step from it to the next one. Version 1 is the first, so there is none yet."""


def upcast(event: dict[str, Any], steps: Mapping[int, Step] = STEPS, version: int = VERSION) -> dict[str, Any]:
    """The event in the present version; itself where it is of that already.

    Raises ValueError for a version that is newer than this model, or none.
    """
    at = event.get("v")
    if not isinstance(at, int) or isinstance(at, bool) or not 1 <= at <= version:
        raise ValueError(f"an event of version {at!r}; this model reads versions 1 to {version}")
    while at < version:
        event = {**steps[at](event), "v": at + 1}
        at += 1
    return event
