"""Replay: a stored message read again with the tables of today. The same facts change nothing."""

from __future__ import annotations

import contextlib
from typing import Any

from hub.bootstrap import Hub, build
from hub.channels.files import dialect_of
from hub.committer import Incoming
from hub.settings import Settings


def replay_message(settings: Settings, inbox: int) -> dict[str, Any]:
    """Outcome of a replay, with the facts that are new. Raises FileNotFoundError where there is nothing to replay."""
    with contextlib.closing(build(settings)) as hub:
        return _replayed(hub, inbox)


def _replayed(hub: Hub, inbox: int) -> dict[str, Any]:
    row = hub.store.writer.one("get_inbox", inbox)
    if row is None or row[13] is None:
        raise FileNotFoundError(f"message {inbox} is not in the body store: unknown, filtered, or past its retention")
    if row[2] not in hub.profiles:
        raise FileNotFoundError(f"message {inbox} came from {row[2]}, who has no profile any more")
    if row[3] == "fhir" and row[6].count("/") > 2:
        raise FileNotFoundError(f"message {inbox} is a FHIR update: what it changed rests on what its sender was shown")
    partner, period, _, sealed = hub.store.writer.one("get_body", row[13]) or ("", "", "", b"")
    body = hub.keys.open(f"body/{partner}/{period}", sealed)
    before = hub.store.writer.one("head")
    hint = dialect_of(hub.profiles[row[2]], row[6]) if row[3] == "file" else ""
    answer = hub.committer.replay(Incoming(row[2], row[3], row[4], body, hint, row[6]), inbox)
    after = hub.store.writer.one("head")
    assert before is not None and after is not None
    return {
        "message": inbox,
        "was": row[10],
        "outcome": answer.outcome,
        "new_events": after[0] - before[0],
        "faults": [fault.plain() for fault in answer.faults],
    }
