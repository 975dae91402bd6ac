"""`make test` tries the same examples every time, so that it tells what changed; `make verify` looks for new ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import postgres
from tests.scale import FULL

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)  # no test is about time
settings.load_profile("searching" if FULL else "repeatable")


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this process's tests; they are skipped, saying so, where there can be none."""
    if why := postgres.impossible():
        pytest.skip(why)
    with postgres.running() as running:
        yield running


@pytest.fixture
def database(server: postgres.Server) -> str:
    """The DSN of an empty database."""
    return server.fresh("hub")
