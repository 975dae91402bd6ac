"""The ledger, its exports and its verifier: what a partner can check without the hub, and what the hub gives out."""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hub import ledger, ledger_export, ledger_verifier
from hub.ledger_verifier import canonical, climbed, held_from, root, verify, verify_export
from hub.links import Links
from tests import postgres
from tests.hub import house, world
from tests.hub.conftest import Ran
from tests.hub.world import Person
from tests.verify import stores, tampering
from tests.verify.small_hub import KEYS, SmallHub
from tests.verify.stories import tell

Cli = Callable[..., Ran]
SOURCE = Path(str(ledger_verifier.__file__))
AT = "2026-03-20T12:00:00Z"


# ---- arithmetic -------------------------------------------------------------------------------------------------


def test_the_root_is_that_of_rfc_6962() -> None:
    """The seven-leaf example of RFC 6962 2.1.3, node by node, with what this ledger calls leaves as its inputs."""
    d = [bytes([n]) for n in range(7)]
    a, b, c, e, f, g, j = (hashlib.sha256(b"\x00" + one).digest() for one in d)

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\x01" + left + right).digest()

    k = node(node(a, b), node(c, e))
    right = node(node(f, g), j)
    assert root(d) == node(k, right)
    assert ledger.path(d, 0) == [b, node(c, e), right]
    assert ledger.path(d, 6) == [node(f, g), k]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 100])
def test_every_leaf_of_a_tree_is_proven_and_no_other(size: int) -> None:
    random = Random(size)
    leaves = [random.randbytes(32) for _ in range(size)]
    for index, leaf in enumerate(leaves):
        proof = ledger.path(leaves, index)
        assert climbed(leaf, index, size, proof) == root(leaves)
        assert climbed(random.randbytes(32), index, size, proof) != root(leaves)
        assert climbed(leaf, index, size, [*proof, random.randbytes(32)]) is None
        assert climbed(leaf, index ^ 1, size, proof) != root(leaves) or size == 1
        assert not proof or climbed(leaf, index, size, proof[:-1]) != root(leaves)


# ---- the verifier alone -----------------------------------------------------------------------------------------


def test_the_verifier_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    nodes = list(ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names | {"cryptography"}


@pytest.fixture(scope="module")
def small() -> SmallHub:
    hub = SmallHub(salt=Random("salt").randbytes)
    told = tell("ledger", 2)
    hub.take([told[start : start + 4] for start in range(0, len(told), 4)])
    return hub


def maker(hub: SmallHub) -> ledger_export.Maker:
    return ledger_export.Maker(hub.store.writer, KEYS, AT)


def journeys(hub: SmallHub) -> list[str]:
    return [row[0] for row in hub.store.writer.all("journeys_after", "", 100)]


def of(lines: Iterator[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_the_verifier_runs_alone_in_a_folder_of_its_own(small: SmallHub, tmp_path: Path) -> None:
    """As a partner has it: one file, the export, the key, the head from last time; no hub beside it."""
    shutil.copy(SOURCE, tmp_path / "ledger_verifier.py")
    (tmp_path / "order.jsonl").write_bytes(b"".join(ledger_export.order(maker(small), journeys(small)[0])))
    (tmp_path / "hub.pub").write_text(KEYS.public_key().hex() + "\n", encoding="ascii")
    head = canonical(ledger.head(small.store.writer.one("last_batch"), KEYS, AT)) + b"\n"
    (tmp_path / "head.json").write_bytes(head)

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "ledger_verifier.py", "order.jsonl", "--key", "hub.pub", *more]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    good = run("--head", "head.json")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("0 faults; ")
    assert f"covers up to position {json.loads(head)['position']}" in good.stdout
    assert run("--head", "00" * 32).returncode == 1
    assert run("--head", "nowhere").returncode == 2
    changed = (tmp_path / "order.jsonl").read_bytes().replace(b"hospital", b"hospice.", 1)
    (tmp_path / "order.jsonl").write_bytes(changed)
    bad = run()
    assert bad.returncode == 1
    assert "the event is not the one that was recorded" in bad.stdout


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"[]",
        b"{}",
        b"null\n",
        b'{"export":[]}\n',
        b'{"export":{"of":["ledger"]}}\n',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_export_is_a_fault_and_no_crash(line: bytes) -> None:
    assert verify_export([line] if line else [], KEYS.public_key(), {}).faults


def test_lines_of_any_content_are_judged(small: SmallHub) -> None:
    """Every value of an order's export replaced by every kind of value: always a fault, never an exception."""
    lines = of(ledger_export.order(maker(small), journeys(small)[0]))
    places = {}
    for number, line in enumerate(lines):
        for kind, value in line.items():
            places.update({(kind, name): number for name in value})
    for (kind, name), number in places.items():
        odd: Any
        for odd in (None, True, -1, 1.5, 2**70, "", "zz", "\ud800", [], [[]], {}, {"a": []}):
            said = [json.loads(json.dumps(line)) for line in lines]
            if said[number][kind][name] == odd:
                continue
            said[number][kind][name] = odd
            told = [json.dumps(line, sort_keys=True, separators=(",", ":")).encode() + b"\n" for line in said]
            assert verify_export(told, KEYS.public_key(), {}).faults, (kind, name, odd)


# ---- exports ----------------------------------------------------------------------------------------------------


def test_the_whole_ledger_goes_out_and_verifies(small: SmallHub) -> None:
    walk = verify_export(ledger_export.whole(maker(small)), KEYS.public_key(), {})
    assert walk.faults == []
    row = small.store.writer.one("head")
    assert row is not None
    assert walk.events == row[0] > 50


def test_an_empty_ledger_has_an_export_and_a_head() -> None:
    hub = SmallHub()
    assert verify_export(ledger_export.whole(maker(hub)), KEYS.public_key(), {}).faults == []
    assert ledger.head(None, KEYS, AT)["position"] == 0
    with pytest.raises(ledger_export.NotThere):
        list(ledger_export.event(maker(hub), 1))


def test_every_order_goes_out_with_all_its_events_and_no_others(small: SmallHub) -> None:
    for journey in journeys(small):
        lines = of(ledger_export.order(maker(small), journey))
        shown = [line["event"]["position"] for line in lines if "event" in line]
        assert shown == sorted(row[0] for row in small.store.writer.all("positions_of", journey))
        assert lines[-1]["count"]["count"] == len(shown)
        assert verify_export(ledger_export.order(maker(small), journey), KEYS.public_key(), {}).faults == []


def test_every_event_is_proven_by_itself(small: SmallHub) -> None:
    walk = ledger.walk(small.store.writer, KEYS.public_key())
    for position in range(1, walk.position + 1):
        proof = list(ledger_export.event(maker(small), position))
        found = verify_export(proof, KEYS.public_key(), {"chain": walk.chain})
        assert (found.faults, found.events, found.held_at) == ([], 1, walk.position)


def test_a_head_from_before_the_first_event_is_reached_by_a_longer_chain(small: SmallHub) -> None:
    """An export begins at its first event; who holds an earlier head asks for the chain from there on."""
    first = small.store.writer.one("batch_at", 1)
    assert first is not None
    held = {"chain": first[4]}
    last = ledger.walk(small.store.writer, KEYS.public_key()).position
    assert verify_export(ledger_export.event(maker(small), last), KEYS.public_key(), held).faults
    found = verify_export(ledger_export.event(maker(small), last, 1), KEYS.public_key(), held)
    assert (found.faults, found.held_at) == ([], first[2])


def test_a_count_held_from_earlier_agrees_with_a_later_export_of_a_grown_order(tmp_path: Path) -> None:
    """Facts that come later, and facts that were linked later, do not make an earlier count wrong."""
    hub = SmallHub(salt=Random("grows").randbytes)
    told = tell("a", 5)
    half = len(told) // 2
    hub.take([told[:half]])
    earlier = {}
    for journey in journeys(hub):
        earlier[journey] = tmp_path / f"{journey}.jsonl"
        earlier[journey].write_bytes(b"".join(ledger_export.order(maker(hub), journey)))
    hub.take([told[start : start + 3] for start in range(half, len(told), 3)])
    grown = 0
    for journey in set(journeys(hub)) & earlier.keys():
        held = held_from(str(earlier[journey]), KEYS.public_key())
        assert verify(earlier[journey], KEYS.public_key(), held).faults == []
        now = verify_export(ledger_export.order(maker(hub), journey), KEYS.public_key(), held)
        assert now.faults == []
        grown += now.events > held["count"]
    assert grown >= 4


def test_a_held_head_of_another_hub_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    file.write_bytes(canonical(ledger.head(None, KEYS, AT)))
    with pytest.raises(ValueError, match="was signed with this key"):
        held_from(str(file), bytes(32))


def test_an_export_of_an_order_shows_no_person(hub: house.House, cgt_hub: Cli, who: Person, tmp_path: Path) -> None:
    hub.send(world.order(who, "LEDGER-P"))
    out = tmp_path / "order.jsonl"
    assert cgt_hub("ledger", "export", "--order", who.order, "--out", out, data=hub.hub.settings.data).code == 0
    text = out.read_text(encoding="utf-8")
    assert who.order in text
    assert not [secret for secret in (who.family, who.given, who.mrn, who.born) if secret in text]
    assert out.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", stores.KINDS)
def test_a_ledger_of_every_store_verifies_with_an_erased_event_and_so_do_its_exports(kind: str) -> None:
    if kind == "postgres" and (why := postgres.impossible()):
        pytest.skip(why)
    with stores.serving(kind):
        hub = SmallHub(kind, salt=Random(kind).randbytes)
        told, db = tell("ledger", 2), hub.store.writer
        hub.take([told[start : start + 4] for start in range(0, len(told), 4)])
        tampering.erase(hub, 5)
        made, key = maker(hub), KEYS.public_key()
        held = {"chain": ledger.walk(db, key).chain}
        exports = [ledger_export.whole(made), ledger_export.event(made, 5), ledger_export.event(made, 1)]
        exports += [ledger_export.order(made, journey) for journey in journeys(hub)]
        walks = [ledger.walk(db, key, held), *(verify_export(lines, key, held) for lines in exports)]
        assert [walk.faults for walk in walks] == [[]] * len(walks)


# ---- commands and HTTP ------------------------------------------------------------------------------------------


def test_the_commands_work_beside_a_running_hub_and_what_they_write_verifies(
    hub: house.House, cgt_hub: Cli, who: Person, tmp_path: Path
) -> None:
    hub.send(world.order(who, "LEDGER-1"))
    data = hub.hub.settings.data
    key = cgt_hub("ledger", "key", data=data).out.strip()
    (tmp_path / "head.json").write_text(cgt_hub("ledger", "head", data=data).out, encoding="utf-8")
    hub.send(world.update(who, "LEDGER-2"))
    event = cgt_hub("ledger", "prove", 1, data=data)
    assert event.code == 0
    (tmp_path / "event.jsonl").write_text(event.out, encoding="utf-8")
    name = json.loads(event.out.splitlines()[2])["event"]["id"]
    assert cgt_hub("ledger", "prove", name, "--out", tmp_path / "named.jsonl", data=data).code == 0
    assert cgt_hub("ledger", "export", "--out", tmp_path / "all.jsonl", data=data).code == 0
    order = f"urn:id:EHR|{who.order}"
    made = cgt_hub("ledger", "export", "--order", order, "--from", 0, "--out", tmp_path / "order.jsonl", data=data)
    assert made.code == 0, made.err
    for file in ("event", "named", "all", "order"):
        held = held_from(str(tmp_path / "head.json"), bytes.fromhex(key))
        walk = verify(tmp_path / f"{file}.jsonl", bytes.fromhex(key), held)
        assert (walk.faults, walk.held_at) == ([], held["position"]), file
    live = verify(data / "hub.db", bytes.fromhex(key), held)
    assert live.faults == []
    assert cgt_hub("ledger", "verify", "--head", tmp_path / "head.json", data=data).code == 0


def test_what_is_not_in_the_ledger_is_told_in_one_line(hub: house.House, cgt_hub: Cli, tmp_path: Path) -> None:
    data, out = hub.hub.settings.data, tmp_path / "out.jsonl"
    for command in (
        ("prove", 10**9),
        ("prove", "nobody"),
        ("export", "--order", "nobody", "--out", out),
        ("export", "--journey", "nobody", "--out", out),
        ("export", "--journey", "a", "--order", "b", "--out", out),
    ):
        ran = cgt_hub("ledger", *command, data=data)
        assert (ran.code, "Traceback" in ran.err) == (2, False), command
    assert not list(tmp_path.iterdir()), "a file is there whole or not at all"


def test_an_identifier_that_leads_to_several_orders_names_none(small: SmallHub) -> None:
    db = small.store.writer
    names = db.raw.execute("SELECT id, system, value FROM name").fetchall()
    led = {f"{system}|{value}": Links(db).orders_of([name]) for name, system, value in names}
    shared = [name for name, orders in led.items() if len(orders) > 1]
    assert shared, "the story has a name that orders share"
    with pytest.raises(ledger_export.NotThere, match="several orders"):
        ledger_export.journey_of(db, shared[0])
    alone = [(name, orders) for name, orders in led.items() if len(orders) == 1 and "subject" not in name]
    assert {ledger_export.journey_of(db, name) for name, _ in alone} == {o for _, orders in alone for o in orders}


def test_operators_get_the_signed_head_and_an_order_over_http(hub: house.House, who: Person, tmp_path: Path) -> None:
    hub.send(world.order(who, "LEDGER-H"))
    journey = hub.journey(who)["journey"]
    watch, key = hub.http("watch"), hub.hub.keys.public_key()
    (tmp_path / "head.json").write_text(watch.get("/api/ledger/head").text, encoding="utf-8")
    held = held_from(str(tmp_path / "head.json"), key)
    reply = watch.get(f"/api/journeys/{journey}/export", params={"from": 0})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/x-ndjson")
    walk = verify_export(reply.content.splitlines(keepends=True), key, held)
    assert (walk.faults, walk.held_at) == ([], held["position"])
    assert watch.get("/api/journeys/nobody/export").status_code == 404
    for path in ("/api/ledger/head", f"/api/journeys/{journey}/export", "/api/ledger"):
        assert hub.http("lakeside").get(path).status_code == 403
        assert hub.http().get(path).status_code == 401
