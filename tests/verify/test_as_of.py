"""What a hub believed at every moment of a story is what the as-of view of its whole log says later."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest

from canonical_model.as_of import as_of
from canonical_model.ids import Key, name_key
from canonical_model.journey import Journey, comparable
from tests.verify import histories
from tests.verify.messages import Delivery, fact, ref, said
from tests.verify.small_hub import SmallHub, difference
from tests.verify.stories import tell


def seen(state: Journey) -> dict[str, Any]:
    """What is comparable, without the hub's own records."""
    known = comparable(state)
    return {**known, "records": {kind: records for kind, records in known["records"].items() if records}}


def compare(told: list[Delivery]) -> int:
    """Delivers messages one by one and notes what is believed after each; the number of beliefs found again."""
    hub, believed = SmallHub(), []
    db = hub.store.writer
    for one in told:
        hub.take([[one]])
        at = hub.clock()
        for (row,) in db.all("journeys", 100, 0):
            state = hub.committer.orders.state(db, row)
            placers = [name_key("order", i) for i in state.order.identifiers if i.get("type") == "placer"]
            if len(placers) == 1:
                believed.append((placers[0], at, seen(state)))
    log = [orjson.loads(text) for _, text, _, _ in db.all("events_from", 0, 1_000_000)]
    facts = [event for event in log if event["reporter"]["role"] != "hub"]
    for name, at, was in believed:
        now = seen(as_of([name], facts, at))
        assert now == was, f"{name[2]} at {at}: {difference(was, now)}"
    return len(believed)


@pytest.mark.parametrize("seed", range(4))
def test_a_view_of_the_past_is_what_was_believed_then(seed: int) -> None:
    """Late identifiers, wrong bags, corrections, merges, messages in any order."""
    histories.quiet()
    told = tell(f"as of {seed}", 3)
    Random(seed).shuffle(told)
    assert compare(told[:30]) > 10


def test_a_merge_and_its_undoing_change_no_view_of_before() -> None:
    old, new = ref("subject", "urn:test:subject", "old"), ref("subject", "urn:test:subject", "new")
    facts = [
        *(
            fact("order.submitted", {"kind": "order", "identifiers": [order]}, "2026-03-01", patient=patient)
            for order, patient in (({**PLACER, "value": "P1"}, old), ({**PLACER, "value": "P2"}, new))
        ),
        fact("subject.unmerged", new, "2026-03-06T08:00:00", retired=old["identifiers"]),
        fact("subject.deceased", new, "2026-03-05"),
        fact("subject.merged", new, "2026-03-04T08:00:00", retired=old["identifiers"]),
        fact("subject.merged", new, "2026-03-07T08:00:00", retired=old["identifiers"]),
        fact("subject.unmerged", new, "2026-03-08T08:00:00", retired=old["identifiers"]),
    ]
    told = [said("mercy", f"M{number}", one) for number, one in enumerate(facts)]
    assert compare(told) == 13


PLACER = {"system": "urn:mercy:order", "type": "placer"}


def test_a_fact_whose_identifier_was_unknown_is_in_no_view_of_that_time() -> None:
    """A late identifier: the result came first, then the order, then what joins the two."""
    coi: dict[str, Any] = {"system": "urn:sponsor:coi", "value": "CHABC1226000009", "type": "coi"}
    placer = {**PLACER, "value": "P1"}
    order, chain, both = ({"kind": "order", "identifiers": names} for names in ([placer], [coi], [placer, coi]))
    facts = [
        fact("result.reported", ref("result", "u", "R"), "2026-03-09", order=chain),
        fact("order.submitted", order, "2026-03-01"),
        fact("identity.issued", both, "2026-03-02"),
    ]
    hub = SmallHub()
    times = []
    for number, one in enumerate(facts):
        hub.take([[said("mercy", f"M{number}", one)]])
        times.append(hub.clock())
    log = [orjson.loads(text) for _, text, _, _ in hub.store.writer.all("events_from", 0, 100)]
    names: list[Key] = [name_key("order", placer), name_key("order", coi)]
    assert [len(as_of(names, log, at).of("result")) for at in times[1:]] == [0, 1]
