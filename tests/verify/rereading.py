"""What is read again: `python -m tests.verify.rereading --stories 200` prints figures and counterexamples as JSON.

Two laws over generated stories. What came broken and was mended leaves what it would have left had it come whole. What
was read wrongly and is replayed with the right tables leaves what the right tables would have left at once, and a
second replay leaves everything as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any
from unittest.mock import patch

import orjson

from adapters import times
from canonical_model.fold import live
from hub import conversion, hl7_answers
from hub.committer import Incoming
from hub.conversion import HELD, RECORDED, Converted, Part, convert
from hub.mending import Mending
from hub.outcomes import OPEN
from hub.replaying import Replays, Selection, Wanted
from hub.revising import RETRACTED
from mappings.faults import Fault
from tests.verify import stories
from tests.verify.histories import quiet
from tests.verify.messages import Delivery
from tests.verify.small_hub import KEYS, SmallHub, difference, outcome, partners

EVERYTHING = Wanted(
    chosen=Selection(until=datetime(2100, 1, 1, tzinfo=UTC)), cause="table", reason="the tables were mended"
)


@dataclass(slots=True)
class Tally:
    """What was tried."""

    stories: int = 0
    messages: int = 0
    broken: int = 0
    misread: int = 0
    facts: int = 0
    put_right: int = 0

    def add(self, other: Tally) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)


def story(seed: str) -> list[Incoming]:
    """The messages of a story that come in a format, as their channels hand them over."""
    random = Random(f"rereading {seed}")
    return [_handed(one) for one in stories.tell(seed, random.randint(1, 3)) if not one.facts]


def _handed(one: Delivery) -> Incoming:
    name = hl7_answers.control_id(one.body) if one.format == "hl7v2" else one.name
    channel = "file" if one.format == "mes_csv" else "test"
    return Incoming(one.partner, channel, one.format, one.body, one.hint, name)


def told(hub: SmallHub, messages: Sequence[Incoming], random: Random) -> None:
    """Commits messages in groups."""
    left = list(messages)
    while left:
        count = random.randint(1, 4)
        hub.committer.commit(left[:count])
        left = left[count:]


# ---- mended -----------------------------------------------------------------------------------------------------


def broken(one: Incoming) -> Incoming:
    """A message that cannot be read: two in one frame, or cut, or with a byte that no text has."""
    if one.format == "hl7v2":
        body = one.body + b"MSH|^~\\&|A|B|C|D|20260301||ADT^A08|Z|P|2.5.1\r"
    elif one.format == "mes_csv":
        body = one.body[:20] + b"\x00" + one.body[20:]
    else:
        body = one.body[: len(one.body) // 2]
    return Incoming(one.partner, one.channel, one.format, body, one.hint, one.name)


def mended(seed: str) -> tuple[Tally, str]:
    """A story of which some messages come broken and are mended later, against the story; what differs."""
    random = Random(f"broken {seed}")
    messages = story(seed)
    right, mending = SmallHub(), SmallHub()
    told(right, messages, random)
    known = _states(right)
    bad = {n for n, (_, state) in enumerate(known) if state == RECORDED and random.random() < 0.4}
    told(mending, [broken(one) if n in bad else one for n, one in enumerate(messages)], random)
    room = Mending(KEYS, mending.profiles, mending.clock)
    rows = _states(mending)
    held = [(number, messages[place]) for place, (number, state) in enumerate(rows) if place in bad and state in OPEN]
    if len(rows) != len(messages) or len(held) != len(bad):
        return Tally(stories=1), f"{len(bad)} were broken and {len(held)} are held, of {len(rows)} of {len(messages)}"
    random.shuffle(held)
    for number, whole in held:
        room.mend(mending.committer, number, whole.body, "it was cut", "watch")
    wrong = _differs(outcome(right), outcome(mending))
    return Tally(1, len(messages), len(bad), 0, mending.store.writer.one("head")[0], 0), wrong  # type: ignore[index]


def _states(hub: SmallHub) -> list[tuple[int, str]]:
    """Number and outcome of every message."""
    rows = hub.store.writer.all("messages", 2**62, "", "", 10_000)
    return [(row[0], row[10]) for row in reversed(rows)]


# ---- replayed ---------------------------------------------------------------------------------------------------


def misreading(seed: str, seen: list[int]) -> Callable[..., Converted]:
    """Reads as faulty tables do: a fact or a field is missed, one too many, at another time, a part cannot be read."""

    def read(profile: Any, adapter: Any, body: bytes, *more: Any) -> Converted:
        found = convert(profile, adapter, body, *more)
        random = Random(f"misread {seed} {conversion.digest(body)}")
        if random.random() < 0.5:
            return found
        seen.append(1)
        for part in found.parts:
            last = part is found.parts[-1]
            how = random.choice(["field", "time", "held", *(("fact", "more") if last else ("field",))])
            if how == "held":
                part.fate = HELD
                part.faults.append(Fault("code-unknown", part.name, "planted", severity="error"))
            elif part.assertions:
                _misread(part, how, random)
        return found

    return read


def _misread(part: Part, how: str, random: Random) -> None:
    one = random.choice(part.assertions)
    if how == "fact":
        part.assertions.pop()  # the last one: a fact keeps the place in its message at which it was read first
    elif how == "more":
        part.assertions.append({**one, "frame": f"{one['frame']}~planted"})
    elif how == "field" and one["set"]:
        gone = random.choice(sorted(one["set"]))
        one["set"] = {name: value for name, value in one["set"].items() if name != gone}
    elif how == "time":
        one["occurred"] = times.read_iso(f"2026-03-{random.randint(1, 28):02}T12:00:00Z", "UTC")


def replayed(seed: str) -> tuple[Tally, str]:
    """A story that is misread and then replayed, against the story; what differs, or what a second replay changes."""
    random = Random(f"replayed {seed}")
    messages = story(seed)
    seen: list[int] = []
    right, again = SmallHub(), SmallHub()
    told(right, messages, random)
    with patch("hub.committer.convert", misreading(seed, seen)):
        told(again, messages, random)
    before = _head(again)
    replay(again)
    after, ended = _head(again), outcome(again)
    tally = Tally(1, len(messages), 0, len(seen), after, after - before)
    wrong = _differs(_alive(right, outcome(right)), _alive(again, ended))
    replay(again)
    if not wrong and (_head(again), outcome(again)) != (after, ended):
        wrong = f"a second replay adds {_head(again) - after} facts: {difference(outcome(again), ended)}"
    return tally, wrong


def replay(hub: SmallHub) -> None:
    """Every message of a hub, read again by its own tables."""
    replays = Replays(hub.store, KEYS, hub.profiles, partners()[1], hub.clock, lambda work: work(hub.committer))
    replays.finish(replays.begin(hub.committer, EVERYTHING, "watch"))


def _head(hub: SmallHub) -> int:
    row = hub.store.writer.one("head")
    return int(row[0]) if row else 0


def _alive(hub: SmallHub, ended: dict[str, Any]) -> dict[str, Any]:
    """An outcome without what is dead: facts that others took the place of, and those that took them back."""
    rows = hub.store.writer.all("events_from", 0, 1_000_000)
    facts = [event for row in rows if (event := orjson.loads(row[1]))["reporter"]["role"] != "hub"]
    alive = live(facts) - {event["id"] for event in facts if event["type"] == RETRACTED}

    def kept(ids: Sequence[str]) -> list[str]:
        return [one for one in ids if one in alive]

    journeys = [
        {
            **one,
            "links": kept(one["links"]),
            "records": _untold(one["records"]),
            "issues": [[*words, kept(rests_on)] for *words, rests_on in one["issues"]],
        }
        for one in ended["journeys"]
    ]
    answers = [
        [*asked[:4], *([*words, kept(rests_on)] for *words, rests_on in asked[4:])] for asked in ended["answers"]
    ]
    told = {"journeys": journeys, "facts": kept(ended["facts"]), "unlinked": kept(ended["unlinked"])}
    return {**ended, **told, "answers": answers}


def _untold(records: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records without the facts that took others back."""
    return {
        kind: {name: {**one, "facts": [f for f in one["facts"] if f[0] != RETRACTED]} for name, one in found.items()}
        for kind, found in records.items()
    }


def _differs(one: dict[str, Any], other: dict[str, Any]) -> str:
    return "" if one == other else difference(one, other)


# ---- all of it --------------------------------------------------------------------------------------------------

LAWS: dict[str, Callable[[str], tuple[Tally, str]]] = {"mended": mended, "replayed": replayed}


def examine(count: int, seed: str = "", laws: Sequence[str] = tuple(LAWS)) -> tuple[Tally, list[str]]:
    """So many stories under each law; stops at the third counterexample."""
    tally, found = Tally(), []
    for number in range(count):
        for law in laws:
            more, wrong = LAWS[law](f"{seed}{number}")
            tally.add(more)
            if wrong:
                found.append(f"{law} {seed}{number}: {wrong}")
        if len(found) >= 3:
            break
    return tally, found


def main() -> int:
    """Prints the figures as JSON; 1 where a law does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=200)
    parser.add_argument("--seed", default="")
    given = parser.parse_args()
    quiet()
    tally, found = examine(given.stories, given.seed)
    sys.stdout.write(json.dumps({**asdict(tally), "wrong": found}, indent=1) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
