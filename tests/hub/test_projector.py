"""The read model: what a merge of persons had joined, its undoing parts again. Nobody reads on under another's name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from canonical_model.ids import name_key
from hub import projector
from hub.projector import Projector
from hub.store import SqliteReadModel
from tests.hub import house
from tests.hub.test_links import NEW, NEWS, OLD, TWO, hub_of, merged, unmerged
from tests.hub.world import Person, apheresis, order
from tests.verify.messages import Delivery

READ = (
    "SELECT n.value, n.id, (SELECT group_concat(journey) FROM (SELECT journey FROM record_journey j "
    "WHERE j.kind = n.kind AND j.id = n.id ORDER BY 1)) FROM record_name n WHERE n.kind = 'subject' ORDER BY 1, 2"
)


def read_after(folder: Path, *groups: list[Delivery]) -> list[tuple[Any, ...]]:
    """Names of persons, their ids and the orders whose partners may read them, projected after each group."""
    hub = hub_of()
    model = SqliteReadModel(folder / "read.db")
    following = Projector(hub.store, model)
    for group in groups:
        hub.take([[one] for one in group])
        following.catch_up()
    rows = list(model.writer.raw.execute(READ).fetchall())
    model.close()
    return rows


def test_a_merge_gives_both_names_to_one_record(tmp_path: Path) -> None:
    rows = read_after(tmp_path, [*TWO, *NEWS], [merged()])
    assert len({id_ for value, id_, _ in rows}) <= 2
    both = {
        id_ for _, id_, _ in rows if {value for value, other, _ in rows if other == id_} == {"token-old", "token-new"}
    }
    assert len(both) == 1


@pytest.mark.parametrize("apart", [True, False], ids=["known before", "first heard of when merged"])
def test_an_unmerge_parts_names_ids_and_readers(tmp_path: Path, apart: bool) -> None:
    (tmp_path / "plain").mkdir()
    plain = read_after(tmp_path / "plain", [*TWO, *NEWS])
    groups = [[*TWO, *NEWS], [merged()], [unmerged()]] if apart else [[*TWO, *NEWS, merged()], [unmerged()]]
    assert read_after(tmp_path, *groups) == plain
    assert {value for value, _, _ in plain} == {i["value"] for ref in (OLD, NEW) for i in ref["identifiers"]}


def test_a_rebuilt_read_model_is_the_same(tmp_path: Path) -> None:
    told = [*TWO, merged(), unmerged()]
    (tmp_path / "first").mkdir()
    first = read_after(tmp_path / "first", told)
    for number, turn in enumerate(permutations(told)):
        (tmp_path / str(number)).mkdir()
        assert read_after(tmp_path / str(number), *([one] for one in turn)) == first
    assert name_key("subject", OLD["identifiers"][0]) != name_key("subject", NEW["identifiers"][0])


def test_a_hub_that_is_stopped_is_not_behind_its_log(
    open_house: Callable[..., house.House], who: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "GATHER_SECONDS", 60.0)
    hub = open_house()
    hub.send(order(who, "STOP-1"))
    hub.send(apheresis(who, "STOP-2"))
    hub.stop()
    data = hub.hub.settings.data
    with closing(sqlite3.connect(data / "hub.db")) as log, closing(sqlite3.connect(data / "read.db")) as model:
        head = log.execute("SELECT max(position) FROM log").fetchone()
        assert model.execute("SELECT position FROM reached").fetchone() == head
