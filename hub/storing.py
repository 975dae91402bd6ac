"""The contract `stored`: acknowledged once the raw body is durable, and read afterwards, in order of arrival.

What becomes of it then reaches its sender as HL7's application acknowledgement (enhanced mode, MSH-15 and MSH-16), or
in the capture job. Runs on the committer's thread, inside of its transactions; opens none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from canonical_model.values import instant_text
from hub import hl7_answers
from hub.conversion import FILTERED, RECORDED
from hub.crypto import Keyring
from hub.incoming import Answer
from hub.profiles import Profile
from hub.store import Connection

APPLICATION_ANSWER = "hl7v2/ACK"
"""The message of a delivery that answers a stored message."""
WANTED: Mapping[str, frozenset[bool]] = {
    "AL": frozenset({True, False}),
    "SU": frozenset({True}),
    "ER": frozenset({False}),
    "NE": frozenset(),
}
"""MSH-16 (HL7 table 0155) -> whether good and bad news are told. Who says nothing is told the bad ones."""


def is_stored(profile: Profile, channel: str) -> bool:
    """Whether a partner's channel answers when the body is durable."""
    if channel == "mllp":
        return profile.mllp is not None and profile.mllp.acknowledge == "stored"
    return channel == "epcis" and profile.http is not None and profile.http.acknowledge == "stored"


def wants_answer(profile: Profile, channel: str, body: bytes, outcome: str) -> bool:
    """Whether the sender is to be told by a message of its own what became of one that was stored."""
    if channel != "mllp" or profile.mllp is None or not profile.mllp.send_host:
        return False
    good = outcome in {RECORDED, FILTERED}
    return good in WANTED.get(_asked(body), WANTED["ER"])


def _asked(body: bytes) -> str:
    """MSH-16."""
    header = re.search(rb"MSH([^\r\nA-Za-z0-9])[^\r\n]*", body[:4096])
    fields = header[0].split(header[1]) if header else []
    return fields[15].decode("ascii", "replace") if len(fields) > 15 else ""


def answer_later(
    db: Connection, keys: Keyring, profile: Profile, inbox: int, body: bytes, answer: Answer, now: datetime
) -> None:
    """Plans the application acknowledgement of a message that was read; at most one, also where it is read again."""
    content = hl7_answers.application_answer(body, answer, f"CGTA{inbox}", now)
    period = now.strftime("%Y-%m")
    kept = db.add_later(
        "add_body", profile.partner, period, "delivery", keys.seal(f"body/{profile.partner}/{period}", content)
    )
    db.later("add_answer", profile.partner, -inbox, APPLICATION_ANSWER, instant_text(now), kept)
