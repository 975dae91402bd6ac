"""kill -9 in the middle of a replay: `python -m tests.verify.killed_replay --messages 1000 --kills 20` prints figures.

A hub of its own process replays all that it has with a mended code table. It is killed at random moments and started
again, and goes on by itself. In the end it knows what a hub knows that nobody killed, and every message was replayed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import httpx
import orjson

from hub.bootstrap import Hub, build
from hub.committer import Incoming
from hub.replaying import Replays, Selection, Wanted
from hub.settings import Settings
from tests import ports
from tests.hub import world
from tests.verify.small_hub import compared, difference

ROOT = Path(__file__).parents[2]
LONGEST = 60.0
"""Seconds in which a hub has to be up, and a replay to end that nobody kills."""
MENDED = "wire,canonical,note\nAPH,sample,mended\n*!,sample,everything else\n"
WANTED = Wanted(chosen=Selection(partner="lakeside"), cause="codes", reason="the code was read as the wrong stage")


def prepared(folder: Path, messages: int) -> Settings:
    """A hub's folder with so many messages, and a code table that was mended since."""
    overlay = world.write_overlay(folder / "overlay")
    world.write_profiles(folder / "partners", world.profiles(folder, overlay))
    settings = Settings(data=folder / "data", partners=folder / "partners")
    told = [
        Incoming("lakeside", "mllp", "hl7v2", body, name=name)
        for number in range(messages // 2)
        for name, body in (
            (f"O-{number}", world.order(world.person(number), f"O-{number}")),
            (f"A-{number}", world.apheresis(world.person(number), f"A-{number}")),
        )
    ]
    with contextlib.closing(build(settings)) as hub:
        for begin in range(0, len(told), 50):
            hub.committer.commit(told[begin : begin + 50])
    (overlay / "hl7v2" / "codes" / "material_stage.csv").write_text(MENDED, encoding="utf-8")
    return settings


def copied(settings: Settings, name: str) -> Settings:
    """The same hub in a folder of its own."""
    data = settings.data.with_name(name)
    shutil.copytree(settings.data, data)
    return settings.model_copy(update={"data": data})


def replayed(settings: Settings) -> None:
    """Replays everything of a stopped hub, with nobody about to kill it."""
    with contextlib.closing(build(settings)) as hub:
        replays = Replays(hub.store, hub.keys, hub.profiles, hub.adapters, hub.clock, lambda work: work(hub.committer))
        replays.finish(replays.begin(hub.committer, WANTED, "watch"))


class Serving:
    """`cgt-hub serve` in a process of its own, seen by its API."""

    def __init__(self, settings: Settings, plant: str) -> None:
        port = ports.free()
        given = {"CGT_DATA": str(settings.data), "CGT_PARTNERS": str(settings.partners), "CGT_HTTP_PORT": str(port)}
        command = [sys.executable, "-m", "tests.verify.serving", *(["--plant", plant] if plant else [])]
        self.process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **given}, stderr=subprocess.DEVNULL)
        token = {"authorization": f"Bearer {world.TOKENS['watch']}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=token, timeout=20)

    def wait_ready(self) -> None:
        """Returns when the hub answers. Raises RuntimeError where it ends or does not come up."""
        end = time.monotonic() + LONGEST
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                self.client.get("/health")
                return
            time.sleep(0.02)
        raise RuntimeError("the hub did not come up")

    def shown(self, where: str) -> dict[str, Any]:
        told: dict[str, Any] = self.client.get(where).json()
        return told

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.client.close()


def killed(settings: Settings, kills: int, random: Random, plant: str) -> tuple[int, list[int], dict[str, Any]]:
    """Replays everything while the hub is killed: how often in the middle, progress at each start, and its end."""
    where, seen, middle = "", [], 0
    for _ in range(kills):
        hub = Serving(settings, plant)
        hub.wait_ready()
        where = (
            where or hub.client.post("/api/replays", json=WANTED.model_dump(exclude_defaults=True)).headers["location"]
        )
        seen.append(hub.shown(where)["done"])
        time.sleep(random.uniform(0.05, 0.5))
        middle += hub.shown(where)["ended"] is None
        hub.kill()
    hub = Serving(settings, plant)
    hub.wait_ready()
    end = time.monotonic() + LONGEST
    while (told := hub.shown(where))["ended"] is None and time.monotonic() < end:
        time.sleep(0.1)
    hub.kill()
    return middle, seen, told


def wrong_with(settings: Settings, reference: Settings, told: dict[str, Any], messages: int) -> Iterator[str]:
    """What does not hold after a replay, one line each."""
    if told["state"] != "done" or told["done"] != messages:
        yield f"{told['done']} of {messages} messages were replayed, and the replay is {told['state']}"
    yield from (
        f"{row['messages']} messages are {row['outcome']}" for row in told["table"] if row["outcome"] != "recorded"
    )
    with contextlib.closing(build(reference)) as calm, contextlib.closing(build(settings)) as hub:
        kept, due = _facts(hub), _facts(calm)
        if kept != due:
            yield f"{len(due - kept)} facts of the replay are missing, {len(kept - due)} are too many"
        now = datetime.now(UTC)
        states = [
            orjson.loads(orjson.dumps(compared(one.store.writer, one.committer, one.profiles, one.keys, lambda: now)))
            for one in (hub, calm)
        ]
        if states[0] != states[1]:
            yield f"killed | not killed: {difference(*states)}"


def _facts(hub: Hub) -> set[str]:
    rows = hub.store.writer.all("events_from", 0, 1_000_000)
    return {event["id"] for row in rows if (event := orjson.loads(row[1]))["reporter"]["role"] != "hub"}


def verify(folder: Path, messages: int, kills: int, seed: str = "1", plant: str = "") -> dict[str, Any]:
    """Figures of a replay with kills against one without; `wrong` is empty where every promise holds."""
    settings = prepared(folder, messages)
    reference = copied(settings, "reference")
    replayed(reference)
    begun = time.monotonic()
    middle, seen, told = killed(settings, kills, Random(seed), plant)
    seconds = round(time.monotonic() - begun, 1)
    return {
        "messages": messages,
        "kills": kills,
        "in_the_middle": middle,
        "progress": seen,
        "facts": told["facts"],
        "seconds": seconds,
        "wrong": list(wrong_with(settings, reference, told, messages)),
    }


def main() -> int:
    """Prints the figures as JSON; 1 where a promise does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--plant", default="", help="a fault of tests/verify/plants.py, which must be caught")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cgt-replay-") as folder:
        figures = verify(Path(folder), given.messages, given.kills, given.seed, given.plant)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
