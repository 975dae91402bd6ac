"""Replay: a stored message read again with the tables of today. The same facts change nothing."""

from __future__ import annotations

from typing import Any

from hub.bootstrap import build
from hub.committer import Incoming
from hub.settings import Settings


def replay_message(settings: Settings, inbox: int) -> dict[str, Any]:
    """Outcome of a replay, with the facts that are new. Raises FileNotFoundError where there is nothing to replay."""
    hub = build(settings)
    row = hub.store.writer.one("get_inbox", inbox)
    if row is None or row[13] is None:
        raise FileNotFoundError(f"message {inbox} is not in the body store: unknown, filtered, or past its retention")
    partner, period, _, sealed = hub.store.writer.one("get_body", row[13]) or ("", "", "", b"")
    body = hub.keys.open(f"body/{partner}/{period}", sealed)
    before = hub.store.writer.one("head")
    answer = hub.committer.replay(Incoming(row[2], row[3], row[4], body, name=row[6]), inbox)
    after = hub.store.writer.one("head")
    assert before is not None and after is not None
    return {
        "message": inbox,
        "was": row[10],
        "outcome": answer.outcome,
        "new_events": after[0] - before[0],
        "faults": [fault.plain() for fault in answer.faults],
    }
