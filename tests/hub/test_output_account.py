"""The account of an output: every leaf that was due is written, withheld or without a home; the reader agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.committer import Incoming
from hub.delivery import Deliveries
from hub.output_account import account, count
from hub.rendering import Renderer
from mappings.faults import Fault
from tests.hub import house, world
from tests.hub.house import BEGIN

Frame = dict[str, Any]
SPELT_OTHERWISE = frozenset({"zone", "assumed_zone", "assumed", "frame"})
"""What says how a value is known (the name of its zone) or how frames hang together (the message's own structure)."""


def lost(place: str) -> Fault:
    return Fault("no-home", place, "no place", severity="lost")


def frame(kind: str, **values: Any) -> Frame:
    return {"kind": kind, "key": kind, "set": values}


def test_each_leaf_has_one_fate() -> None:
    due = [
        frame("order", identifiers=[{"system": "s", "value": "1"}], indication={"text": "x"}),
        frame("result", value={"number": "2", "unit": "%"}, test="cd3", order={"frame": "order"}),
        frame("identity", family="Doe", given=["Jane", "J"]),
    ]
    shown = [frame("order", identifiers=due[0]["set"]["identifiers"]), due[1]]
    assert account(due, shown, [lost("row 1 result.value"), lost("PID-3"), lost("result.order")]) == {
        "due": 10,
        "written": 3,
        "withheld": {"identity.family": 1, "identity.given": 2, "order.indication": 1},
        "no-home": {"result.order": 1, "result.value": 2},
    }


def test_a_frame_without_a_home_is_lost_with_all_its_leaves() -> None:
    due = [frame("device", identifiers=[{"system": "s", "value": "1"}]), frame("deviceful", a="1")]
    assert account(due, due, [lost("row 2 device frame")])["no-home"] == {"device": 2}


def test_a_warning_is_no_loss() -> None:
    due = [frame("result", value="1")]
    assert account(due, due, [Fault("imprecise", "result.value", "said with less")])["written"] == 1


# ---- real outputs -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory, overlay: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Message, frames that its reader reads, frames due, frames shown, account: of all that three partners are told."""
    noted: list[tuple[Any, ...]] = []
    render = Renderer.render

    def noting(due: Sequence[Frame], shown: Sequence[Frame], faults: Any) -> dict[str, Any]:
        found = account(due, shown, faults)
        noted.append((due, shown, found))
        return found

    def reading(self: Renderer, db: Any, profile: Any, state: Any, told: Any, now: Any) -> Any:
        out = render(self, db, profile, state, told, now)
        assert out is not None
        adapter = self._adapters.of(profile, told.message.partition("/")[0])
        noted[-1] = (told.message, adapter.read(out[0], told.message).frames, *noted[-1])
        return out

    with house.captured() as logs, pytest.MonkeyPatch.context() as patched:
        home = tmp_path_factory.mktemp("account")
        made = house.make(home, overlay, logs, lambda found: world.told(found, 4, "http://127.0.0.1:9/in"))
        patched.setattr("hub.rendering.account", noting)
        patched.setattr(Renderer, "render", reading)
        patched.setattr("hub.delivery.RENDERING", 60.0)  # a turn takes all that is due, on a slow machine too
        _tell_all(made)
        yield noted
        made.hub.close()


def _tell_all(made: house.House) -> None:
    who, here = world.person(7750), made.hub
    for body in (world.order(who, "1"), world.apheresis(who, "2")):
        here.committer.commit([Incoming("lakeside", "mllp", "hl7v2", body)])
    here.committer.commit([Incoming("foundry", "file", "mes_csv", world.qc(who), "mes_csv/qc_results", "qc.csv")])
    packed = world.document(world.packing(who), world.departing())
    here.committer.commit([Incoming("foundry", "http", "epcis", packed, "", "packed")])
    deliveries = Deliveries(here.keys, here.profiles, Renderer(here.keys, here.adapters, "local"))
    now = BEGIN + timedelta(days=1)
    for partner in deliveries.lines_due(here.committer, now):
        deliveries.turn(here.committer, partner, (), now, 100)


def test_what_was_due_is_the_sum_of_what_became_of_it(rendered: list[tuple[Any, ...]]) -> None:
    assert {message.partition("/")[0] for message, *_ in rendered} == {"hl7v2", "mes_csv", "epcis"}
    for _, _, due, shown, told in rendered:
        parts = told["written"] + sum(told["withheld"].values()) + sum(told["no-home"].values())
        assert told["due"] == parts == sum(count(one["set"]) for one in due)
        assert told["due"] - sum(told["withheld"].values()) == sum(1 for _ in values(shown))


def test_what_the_account_calls_written_its_reader_reads(rendered: list[tuple[Any, ...]]) -> None:
    for message, read, _, shown, told in rendered:
        missing = Counter(values(shown)) - Counter(values(read))
        claimed = [path for path, _ in missing.elements() if not _is_told(path, told["no-home"])]
        assert not [path for path in claimed if not _may_differ(message, path)], message


def test_courier_and_maker_have_withheld_what_is_none_of_their_business(rendered: list[tuple[Any, ...]]) -> None:
    told = {message: found for message, *_, found in rendered}
    assert "handling.order" in told["epcis/document"]["withheld"]


def values(frames: Sequence[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Leaves with their values."""

    def flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                yield from flat(inner, (*path, name))
        elif isinstance(value, list | tuple):
            for inner in value:
                yield from flat(inner, path)
        else:
            yield path, str(value)

    for one in frames:
        yield from flat(one["set"], (one["kind"],))


def _is_told(path: tuple[str, ...], lost: Mapping[str, int]) -> bool:
    return any(path[: len(place.split("."))] == tuple(place.split(".")) for place in lost)


def _may_differ(message: str, path: tuple[str, ...]) -> bool:
    """Also the type of an identifier in EPCIS, whose URI names none."""
    return path[-1] in SPELT_OTHERWISE or (message.startswith("epcis/") and path[-1] == "type")
