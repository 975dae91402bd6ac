"""Held messages in the hands of an operator: mended, dismissed. What came stays as it came; each act is audited.

A mended message is a message of its own, of the same partner, with the number of the one that it mends. It is taken
only when it is recorded: what still cannot be read is told, and nothing of it is kept. Both acts count for every time
that the same message came: senders repeat what was not accepted. On the committer's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from canonical_model.values import instant_text
from hub.committer import Answer, Committer, Incoming
from hub.conversion import RECORDED, digest
from hub.crypto import Keyring
from hub.mendable import Mendable
from hub.outcomes import DISMISSED, MENDED, OPEN
from hub.profiles import Profile
from hub.replaying import NotKept, body_of, hint_of
from hub.store import Connection, Row
from mappings.faults import Fault


class NotMended(Mendable):
    """Why a message was not mended or dismissed; nothing of it changed."""

    def __init__(self, text: str, faults: list[Fault] | None = None) -> None:
        self.text, self.faults = text, faults or []
        super().__init__("\n".join([text, *map(str, self.faults)]))


class Mending:
    """Mends and dismisses the held messages of one hub."""

    def __init__(self, keys: Keyring, profiles: Mapping[str, Profile], clock: Callable[[], datetime]) -> None:
        self._keys, self._profiles, self._clock = keys, profiles, clock

    def mend(self, committer: Committer, inbox: int, body: bytes, reason: str, actor: str) -> Answer:
        """The answer to the mended message. Raises NotMended, and NotKept for one that is not there."""

        def work(db: Connection) -> Answer:
            row = _open(db, inbox)
            if row[2] not in self._profiles:
                raise NotMended("its partner has no profile any more")
            if digest(body) == row[8]:
                raise NotMended("this is the body that it has: mend it, or replay the message")
            name = "" if row[6] == row[8][: len(row[6])] else row[6]  # its sender's own; else the hub had made it up
            answer = committer.mended(
                db, Incoming(row[2], row[3], row[4], body, hint_of(self._profiles, row), name), inbox
            )
            if answer.outcome != RECORDED:
                raise NotMended(f"the mended message was {answer.outcome}: it is not kept", answer.faults)
            db.run("mark_mended", inbox, reason, answer.inbox)
            self._settle(db, row, MENDED, reason, actor, {"as": answer.inbox, "digest": digest(body)})
            return answer

        return committer.reread(work)  # type: ignore[no-any-return]

    def dismiss(self, committer: Committer, inbox: int, reason: str, actor: str) -> None:
        """Sets a message aside: what could be read of it stands, the rest is waited for no more. Raises as `mend`."""

        def work(db: Connection) -> None:
            self._settle(db, _open(db, inbox), DISMISSED, reason, actor, {})

        committer.reread(work)

    def body(self, committer: Committer, inbox: int, actor: str) -> bytes:
        """The bytes of a message as they came; who read them stands in the audit. Raises NotKept."""
        db = committer.connection
        body = body_of(db, self._keys, inbox, db.one("message", inbox))
        with db.transaction():
            db.run("add_audit", instant_text(self._clock()), actor, "message.read", f"message/{inbox}", "{}")
        return body

    def _settle(self, db: Connection, row: Row, outcome: str, reason: str, actor: str, more: dict[str, Any]) -> None:
        now = instant_text(self._clock())
        db.run("settle_twins", outcome, reason, *row[2:3], *row[6:8])
        detail = orjson.dumps({"was": row[10], "reason": reason, **more}).decode()
        db.run("add_audit", now, actor, f"message.{outcome}", f"message/{row[0]}", detail)


def _open(db: Connection, inbox: int) -> Row:
    """A message that waits for somebody. Raises NotKept, NotMended."""
    row = db.one("message", inbox)
    if row is None:
        raise NotKept(inbox, "is unknown")
    if row[10] not in OPEN:
        raise NotMended(f"it was {row[10]}: only what is held or rejected is mended or dismissed")
    return row


__all__ = ["Mending", "NotMended"]
