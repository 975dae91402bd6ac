"""Retention and erasure in a store of PostgreSQL: the same statements, the same outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from hub import keeping
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.test_forgetting import forget, found, tell
from tests.hub.test_keeping import ALL, drop
from tests.hub.world import Person

postgres = pytest.importorskip("tests.postgres", reason="psycopg is not installed", exc_type=ImportError)
pytestmark = pytest.mark.skipif(bool(postgres.impossible()), reason=postgres.impossible() or "it is there")


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with postgres.running() as server:
        yield server.fresh("keeping")


@pytest.fixture
def hub(open_house: Callable[..., house.House], dsn: str) -> Iterator[house.House]:
    made = open_house(store=dsn, **ALL)
    yield made
    made.stop()


def test_who_is_forgotten_is_found_by_nobody_and_old_bodies_go(
    hub: house.House, dsn: str, cgt_hub: Callable[..., Ran], who: Person
) -> None:
    other = world.person(9001)
    tell(hub, who)
    tell(hub, other)
    hub.send(world.order(other, "HELD-1") + world.order(other, "HELD-2"))
    assert (found(hub, who), found(hub, other)) == (2, 2)
    assert forget(hub, who)["goes"]["messages"] == 2
    assert (found(hub, who), found(hub, other)) == (0, 2)
    wanted = keeping.cuts(hub.hub.settings, datetime(2026, 9, 1, tzinfo=UTC))
    rows, stay = keeping.look(hub.hub.settings, wanted)
    assert sum(row.count for row in rows if row.kind == "message") == 2
    assert stay == 1
    assert drop(hub)["message"] == 2
    assert hub.rows("SELECT count(*) FROM body WHERE kind = 'message'") == [(1,)]
    assert hub.http("watch").get("/api/ledger").json()["holds"]
    places = {"data": hub.hub.settings.data, "partners": hub.hub.settings.partners, "store": dsn}
    for arguments in (("backup", "b"), ("restore", "b"), ("upgrade",), ("compact",)):
        ran = cgt_hub(*arguments, **places)
        assert (ran.code, "PostgreSQL" in ran.err) == (2, True), arguments
