"""Questions that partners ask: found, answered from the state, logged. Runs on the committer's thread.

An answer is cannot-tell while a held message of a partner of the order, or an unlinked fact, shares an identifier with
what is asked about: what the hub has not understood might be the reason to say no (architecture 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from canonical_model.fold import party_name
from canonical_model.ids import name_key
from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.questions import CANNOT_TELL, DENY, Reason, Verdict, may_infuse, may_ship
from canonical_model.values import instant_text
from hub.access import takes_part
from hub.committer import Committer
from hub.crypto import Keyring
from hub.links import Links
from hub.profiles import Profile
from hub.store import Connection

QUESTIONS = ("may-ship", "may-infuse")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about which order (any of its names), which containers, by whom."""

    name: str
    order: Sequence[Mapping[str, Any]]
    containers: Sequence[Mapping[str, Any]]
    partner: str


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given, with the log position that it rests on."""

    verdict: Verdict
    position: int
    journey: str

    def plain(self) -> dict[str, Any]:
        return {**self.verdict.plain(), "position": self.position}


class Questions:
    """Answers questions in one hub."""

    def __init__(
        self, keys: Keyring, profiles: Mapping[str, Profile], protocols: Mapping[str, Protocol], clock: Any
    ) -> None:
        self._keys, self._profiles, self._protocols, self._clock = keys, profiles, protocols, clock

    def ask(self, committer: Committer, question: Question) -> Given:
        """The answer; question and answer stand in the audit."""
        db = committer.connection
        profile = self._profiles[question.partner]
        journey = self._journey(db, question)
        row = db.one("head")
        position = int(row[0]) if row else 0
        verdict = _unknown(question.name)
        if journey:
            state = committer.state(db, journey)
            if takes_part(profile, state):
                verdict = self._verdict(db, state, question, profile)
        now = instant_text(self._clock())
        detail = orjson.dumps({"verdict": verdict.verdict, "rules": [r.rule for r in verdict.reasons], "at": position})
        with db.transaction():
            db.run("add_audit", now, question.partner, question.name, journey, detail.decode())
        return Given(verdict, position, journey)

    def _verdict(self, db: Connection, state: Journey, question: Question, profile: Profile) -> Verdict:
        unsettled = self._unsettled(db, state, question)
        party = party_name(profile.party_ref)
        ask = may_ship if question.name == "may-ship" else may_infuse
        return ask(state, question.containers, party, self._protocols, self._clock(), unsettled)

    @staticmethod
    def _journey(db: Connection, question: Question) -> str:
        """The one order that all given names agree on, or nothing."""
        links = Links(db)
        found: set[str] = set()
        for identifier in question.order:
            kind, system, value = name_key("order", identifier)
            row = db.one("find_name", kind, value, system)
            if row is None:
                return ""
            found |= set(links.journeys_above([int(row[0])]))
        return found.pop() if len(found) == 1 else ""

    def _unsettled(self, db: Connection, state: Journey, question: Question) -> list[Reason]:
        values = {i["value"] for ref in question.containers for i in ref["identifiers"]}
        values |= {i["value"] for i in state.order.identifiers}
        reasons = []
        partners = orjson.dumps([n for n, p in self._profiles.items() if takes_part(p, state)]).decode()
        for inbox, partner, body in db.all("unread_of", partners):
            if body is not None and self._shares(db, body, values):
                text = f"message {inbox} of {partner} is held and shares an identifier with this order"
                reasons.append(Reason("I-40", CANNOT_TELL, text, "mend the message or its table and replay it"))
        for value in sorted(values):
            for name, _, _, _ in db.all("names_of_value", value):
                for (position,) in db.all("mentions", name):
                    if not db.all("links_of", position):
                        text = "a fact that names the same identifier is not linked to any order"
                        reasons.append(
                            Reason("I-41", CANNOT_TELL, text, "the partner reports what the identifier belongs to")
                        )
        return reasons

    def _shares(self, db: Connection, body: int, values: set[str]) -> bool:
        row = db.one("get_body", body)
        if row is None:
            return False
        text = self._keys.open(f"body/{row[0]}/{row[1]}", row[3]).decode("latin-1")
        return any(value in text for value in values)


def _unknown(question: str) -> Verdict:
    reason = Reason("I-1", DENY, "no order of this partner has all these names", "check the identifiers")
    return Verdict(question, DENY, (reason,))
