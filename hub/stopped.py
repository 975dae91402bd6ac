"""What operators do with the messages of a hub that is not running: replay, mend, dismiss, what-if. Opens the store.

What-if only reads, so it may also look beside a running hub.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import orjson

from hub import what_if
from hub.bootstrap import Hub, build, utc_now
from hub.committer import Committer
from hub.crypto import load_keyring
from hub.formats import Adapters
from hub.profiles import load
from hub.replaying import LEFT, NotKept, Replays, Wanted, messages_of, shown
from hub.resources import Resolver
from hub.settings import Settings
from hub.store import Connection, ReadModel, migrate, read_only


def replay(settings: Settings, wanted: Wanted, actor: str) -> dict[str, Any]:
    """A replay from its begin to its end. Of one message: what became of it; raises NotKept where it is not kept."""
    with contextlib.closing(build(settings)) as hub:
        replays = Replays(hub.store, hub.keys, hub.profiles, hub.adapters, hub.clock, _here(hub))
        number = replays.begin(hub.committer, wanted, actor)
        replays.finish(number)
        db = hub.store.writer
        named = wanted.chosen.messages
        return one_of(db, number, named[0]) if len(named) == 1 else cast("dict[str, Any]", shown(db, number))


def one_of(db: Connection, number: int, inbox: int) -> dict[str, Any]:
    """What became of one message in a replay. Raises NotKept where it could not be read again."""
    (found,) = messages_of(db, number, inbox - 1, 1)
    if found["outcome"] == LEFT:
        raise NotKept(inbox, found["note"])
    row = db.one("message", inbox)
    assert row is not None
    return {
        "message": inbox,
        "was": found["was"],
        "outcome": found["outcome"],
        "new_events": found["facts"],
        "faults": [fault for part in orjson.loads(row[11]) for fault in part.get("faults", ())],
    }


def mend(settings: Settings, inbox: int, body: bytes, reason: str, actor: str) -> dict[str, Any]:
    """The message that took the place of a held one. Raises NotKept, NotMended."""
    with contextlib.closing(build(settings)) as hub:
        answer = hub.mending.mend(hub.committer, inbox, body, reason, actor)
    return {"message": answer.inbox, "mends": inbox, "outcome": answer.outcome}


def dismiss(settings: Settings, inbox: int, reason: str, actor: str) -> dict[str, Any]:
    """Sets a held message aside. Raises NotKept, NotMended."""
    with contextlib.closing(build(settings)) as hub:
        hub.mending.dismiss(hub.committer, inbox, reason, actor)
    return {"message": inbox, "outcome": "dismissed"}


def look(settings: Settings, partner: str, overlay: Path | None, last: int, show: bool) -> dict[str, Any]:
    """What-if on a data folder, whether a hub runs on it or not. Raises ProfileError, TableError."""
    file = settings.data / "hub.db"
    if not file.exists():
        raise FileNotFoundError(f"no hub in {settings.data}")
    then = what_if.partner_as(settings, partner, overlay)
    known = load(settings.partners)
    with contextlib.closing(read_only(file)) as db:
        migrate.refuse_newer(db.raw)
        resolver = _resolver(settings)
        reader = what_if.Reader(
            db=db,
            keys=load_keyring(settings.data / "keys" / "master.key"),
            region=settings.region,
            now=Adapters({partner: known[partner]}, resolver),
            partners=known,
            adapters=Adapters({partner: then}, resolver),
            then=then,
            clock=utc_now,
        )
        return what_if.look(reader, last, show, rest=0.0)


def _resolver(settings: Settings) -> Resolver | None:
    """Who the hub's own references name, read beside the hub; None where there is no read model yet."""
    file = settings.data / "read.db"
    return Resolver(cast("ReadModel", _Beside(file))) if file.exists() else None


class _Beside:
    """A read model that is looked at and never made anew."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def reader(self) -> Connection:
        return read_only(self._file)


def _here(hub: Hub) -> Callable[[Callable[[Committer], Any]], Any]:
    return lambda work: work(hub.committer)


__all__ = ["dismiss", "look", "mend", "one_of", "replay"]
