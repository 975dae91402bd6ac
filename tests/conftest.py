"""`make test` tries the same examples every time, so that it tells what changed; `make verify` looks for new ones."""

from __future__ import annotations

from hypothesis import settings

from tests.scale import FULL

settings.register_profile("repeatable", derandomize=True)
settings.load_profile("default" if FULL else "repeatable")
