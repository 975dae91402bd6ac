"""Questions that partners ask: found, answered from the state, logged. Runs on the committer's thread.

Who may ask what is a table; who is not in it, or has no part in the order, is told no and nothing else. An answer is
cannot-tell while a held message of a partner of the order, or an unlinked fact, shares an identifier with what is asked
about: what the hub has not understood might be the reason to say no.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from canonical_model.asking import ASK, Matter
from canonical_model.codes import (
    APHERESIS,
    CDMO,
    COURIER,
    HOSPITAL,
    HUB,
    LAB,
    LOGGER,
    QA,
    QC,
    REGISTRY,
    REGULATOR,
    REPOSITORY,
    SITE,
    SPONSOR,
)
from canonical_model.fold import party_name
from canonical_model.ids import name_key
from canonical_model.journey import Journey
from canonical_model.protocols import Protocol
from canonical_model.questions import CANNOT_TELL, DENY, LISTS, VERDICTS, Listed, Reason, Verdict
from canonical_model.values import instant_text
from hub.access import sees_kind, takes_part
from hub.committer import Committer
from hub.crypto import Keyring
from hub.links import Links
from hub.profiles import Profile
from hub.stock import with_stock
from hub.store import Connection
from hub.vault import Vault

QUESTIONS = (*VERDICTS, *LISTS)
"""Every question that can be asked, by the name under which it is asked."""

_OWN = frozenset({QA, HUB})
_CARE = frozenset({HOSPITAL, SITE, SPONSOR}) | _OWN
_MAKING = frozenset({CDMO, LAB, SPONSOR}) | _OWN
_HOLDING = frozenset({HOSPITAL, SITE, APHERESIS, LAB, CDMO, QC, COURIER, REPOSITORY, SPONSOR}) | _OWN
MAY_ASK: Mapping[str, frozenset[str]] = {
    "may-collect": _CARE | {APHERESIS, LAB},
    "may-label": _MAKING,
    "may-start": _MAKING,
    "may-allocate": _MAKING | {REPOSITORY},
    "may-ship": _HOLDING,
    "may-accept": _HOLDING,
    "may-condition": _CARE,
    "may-prepare": _CARE | {LAB},
    "may-infuse": _CARE | {LAB},
    "may-give-next-dose": _CARE,
    "may-close": _CARE,
    "what-is-missing-for-release": _MAKING | {QC, REGULATOR},
    "what-is-due": _HOLDING | {REGISTRY, REGULATOR, LOGGER},
    "who-must-be-told": _CARE | _MAKING | {REGULATOR},
}
"""Question -> the roles that may ask it, of orders in which they take part. Who is not named may not."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about which order (any of its names), what of it, by whom.

    `containers` are references, each a scanned container; `batch`, `shipment`, `material` and `patient` are names of
    one thing each; `issue` is the id of an Issue. `caller` is who asks in the name of `partner`; empty: itself.
    """

    name: str
    order: Sequence[Mapping[str, Any]]
    containers: Sequence[Mapping[str, Any]]
    partner: str
    batch: Sequence[Mapping[str, Any]] = ()
    shipment: Sequence[Mapping[str, Any]] = ()
    material: Sequence[Mapping[str, Any]] = ()
    patient: Sequence[Mapping[str, Any]] = ()
    issue: str = ""
    caller: str = ""

    @property
    def values(self) -> set[str]:
        """Values of all names of things that are asked about; the patient's are not looked for in messages."""
        scanned = [name for ref in self.containers for name in ref["identifiers"]]
        return {name["value"] for name in (*scanned, *self.batch, *self.shipment, *self.material)}


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it was given, with the log position that it rests on, and how many entries the asker may not see."""

    answer: Verdict | Listed
    position: int
    journey: str
    withheld: int = 0

    @property
    def verdict(self) -> Verdict:
        """The answer to a question with a verdict."""
        assert isinstance(self.answer, Verdict), f"{self.answer.question} is answered with a list"
        return self.answer

    def plain(self) -> dict[str, Any]:
        """The answer as JSON."""
        shown = {**self.answer.plain(), "position": self.position}
        return {**shown, "withheld": self.withheld} if isinstance(self.answer, Listed) else shown


def _named(names: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"identifiers": list(names)} if names else {}


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
        row = db.one("head")
        position = int(row[0]) if row else 0
        may = profile.role in MAY_ASK[question.name]
        journey = self.journey_of(db, question.order) if may else ""
        answer = _no(question.name, _UNKNOWN if may else _NOT_ASKED)
        withheld = 0
        if journey:
            state = committer.orders.state(db, journey)
            if takes_part(profile, state):
                answer, withheld = _seen(profile, self._answer(db, state, question, profile, journey))
        now = instant_text(self._clock())
        with db.transaction():
            detail = _detail(answer, position, question)
            db.run("add_audit", now, question.caller or question.partner, question.name, journey, detail)
        return Given(answer, position, journey, withheld)

    def _answer(
        self, db: Connection, state: Journey, question: Question, profile: Profile, journey: str
    ) -> Verdict | Listed:
        unsettled = [*self._unsettled(db, state, question), *_erased(db, journey)]
        if question.name == "may-allocate":
            state = with_stock(db, state, question.containers[0])
        patient = Vault(self._keys, db, "").names(question.patient)
        if question.patient and not patient:
            text = "the names of the patient that were given name nobody for certain"
            unsettled.append(Reason("I-7", CANNOT_TELL, text, "name the patient by a medical record number"))
        matter = Matter(
            containers=question.containers,
            batch=_named(question.batch),
            shipment=_named(question.shipment),
            material=_named(question.material),
            patient=_named(patient) or None,
            issue=question.issue,
            party=party_name(profile.party_ref),
            unsettled=unsettled,
        )
        return ASK[question.name](state, matter, self._protocols, self._clock())

    def unsettled(self, db: Connection, state: Journey, journey: str) -> list[Reason]:
        """What leaves every answer about an order open: held messages, unlinked facts, facts that were erased."""
        return [*self._unsettled(db, state, Question("", (), (), "")), *_erased(db, journey)]

    @staticmethod
    def journey_of(db: Connection, order: Iterable[Mapping[str, Any]]) -> str:
        """The one order that all given names agree on, or nothing."""
        links = Links(db)
        found: set[str] = set()
        for identifier in order:
            kind, system, value = name_key("order", identifier)
            row = db.one("find_name", kind, value, system)
            if row is None:
                return ""
            found |= set(links.journeys_above([int(row[0])]))
        return found.pop() if len(found) == 1 else ""

    def _unsettled(self, db: Connection, state: Journey, question: Question) -> list[Reason]:
        values = {i["value"] for i in state.order.identifiers}
        if question.name != "may-allocate":  # facts about stock are linked to no order, and are folded in
            values |= question.values
        reasons = []
        partners = orjson.dumps([n for n, p in self._profiles.items() if takes_part(p, state)]).decode()
        for inbox, partner, body in db.all("unread_of", partners):
            if body is not None and self._shares(db, body, values | question.values):
                text = f"message {inbox} of {partner} is held and shares an identifier with this order"
                settle = "mend the message or its table and replay it"
                reasons.append(Reason("I-40", CANNOT_TELL, text, settle, clears=(HUB,)))
        for value in sorted(values):
            for name, _, _, _ in db.all("names_of_value", value):
                for (position,) in db.all("mentions", name):
                    if not db.all("links_of", position):
                        text = "a fact that names the same identifier is not linked to any order"
                        settle = "the partner reports what the identifier belongs to"
                        reasons.append(Reason("I-41", CANNOT_TELL, text, settle, clears=(HUB,)))
        return reasons

    def _shares(self, db: Connection, body: int, values: Iterable[str]) -> bool:
        row = db.one("get_body", body)
        if row is None:
            return False
        return any(_bears(self._keys.open(f"body/{row[0]}/{row[1]}", row[3]), value) for value in values)


def _erased(db: Connection, journey: str) -> list[Reason]:
    """A fact that is gone might be the reason to say no."""
    row = db.one("erased_of", journey)
    if not row or not row[0]:
        return []
    settle = "nothing here does: what was erased is gone, and a person decides without the hub"
    return [Reason("erased", CANNOT_TELL, f"{row[0]} facts of this order were erased", settle)]


SURE = 8
"""Characters from which a number that stands anywhere in a message is meant: labels run several numbers together."""


def _bears(body: bytes, value: str) -> bool:
    """True where an unread message has a name in it, in UTF-8 or Latin-1; a short one as a whole word."""
    spelt = b"|".join({re.escape(value.encode("utf-8")), re.escape(value.encode("latin-1", "replace"))})
    whole = spelt if len(value) >= SURE else rb"(?<![0-9A-Za-z])(?:" + spelt + rb")(?![0-9A-Za-z])"
    return re.search(whole, body) is not None


_UNKNOWN = Reason("I-1", DENY, "no order of this partner has all these names", "check the identifiers")
_NOT_ASKED = Reason("access", DENY, "this question is not asked in this partner's role", "ask who may, or the hub")


def _no(question: str, reason: Reason) -> Verdict | Listed:
    """The answer to who may not ask, or asks about what is none of its business: both learn nothing of any order."""
    return Verdict(question, DENY, (reason,)) if question in VERDICTS else Listed(question, (), (reason,))


def _seen(profile: Profile, answer: Verdict | Listed) -> tuple[Verdict | Listed, int]:
    """A list without the entries about records of which the asker sees nothing, and how many those are."""
    if isinstance(answer, Verdict):
        return answer, 0
    shown = tuple(entry for entry in answer.items if sees_kind(profile, entry.about[0] or "issue"))
    return replace(answer, items=shown), len(answer.items) - len(shown)


def _detail(answer: Verdict | Listed, position: int, question: Question) -> str:
    """What the audit keeps of an answer: `as` where somebody else asked in the partner's name."""
    says = {"verdict": answer.verdict} if isinstance(answer, Verdict) else {"entries": len(answer.items)}
    kept: dict[str, Any] = {**says, "rules": [reason.rule for reason in answer.reasons], "at": position}
    if question.caller not in {"", question.partner}:
        kept["as"] = question.partner
    return orjson.dumps(kept).decode()
