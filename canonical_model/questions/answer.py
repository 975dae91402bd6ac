"""What an answer looks like: a verdict with its reasons, or a list with its entries. Decides nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical_model.catalogue import AUTHORS, EVENTS
from canonical_model.codes import QA, ROLES
from canonical_model.journey import RecordState
from canonical_model.rules.finding import Finding
from canonical_model.values import instant_text

ALLOW, DENY, CANNOT_TELL = "allow", "deny", "cannot-tell"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an answer is not allow: the rule, what it found of which container, on which facts, what would settle it.

    `clears` are the roles whose word settles it; none where nothing does.
    """

    rule: str
    verdict: str
    text: str
    settle: str
    facts: tuple[str, ...] = ()
    container: str = ""
    clears: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The reason as JSON."""
        shown: dict[str, Any] = {
            "rule": self.rule,
            "verdict": self.verdict,
            "text": self.text,
            "settle": self.settle,
            "facts": list(self.facts),
            "clears": list(self.clears),
        }
        return {**shown, "container": self.container} if self.container else shown


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its reasons; allow has none."""

    question: str
    verdict: str
    reasons: tuple[Reason, ...]

    def plain(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {"question": self.question, "verdict": self.verdict, "reasons": [r.plain() for r in self.reasons]}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list: what is missing, what is due, who must be told.

    `about` is kind and name of a record. `at` is the date, empty where there is none; `late` says that it has passed.
    `roles` owe it, or are the ones to be told; `party` is the short name of the very party, where it is known.
    `done`: it has been seen to, as a fact says.
    """

    kind: str
    text: str
    about: tuple[str, str] = ("", "")
    rule: str = ""
    at: str = ""
    late: bool = False
    roles: tuple[str, ...] = ()
    party: str = ""
    settle: str = ""
    facts: tuple[str, ...] = ()
    done: bool = False

    def plain(self) -> dict[str, Any]:
        """The entry as JSON; what does not apply is left out."""
        shown: dict[str, Any] = {"kind": self.kind, "text": self.text}
        if self.about[0]:
            shown["about"] = {"kind": self.about[0], "name": self.about[1]}
        shown |= {"at": self.at, "late": self.late} if self.at else {}
        shown |= {"roles": list(self.roles), "facts": list(self.facts), "done": self.done}
        return shown | {n: v for n in ("rule", "party", "settle") if (v := getattr(self, n))}


@dataclass(frozen=True, slots=True)
class Listed:
    """An answer that is a list. `reasons` say why it may not be whole: nothing in it is silently left out."""

    question: str
    items: tuple[Entry, ...]
    reasons: tuple[Reason, ...] = ()

    def plain(self) -> dict[str, Any]:
        """The answer as JSON."""
        items, reasons = [i.plain() for i in self.items], [r.plain() for r in self.reasons]
        return {"question": self.question, "items": items, "reasons": reasons}


def verdict_of(question: str, reasons: Iterable[Reason]) -> Verdict:
    """No beats not knowing, and both beat yes."""
    unique = tuple(dict.fromkeys(reasons))
    said = {reason.verdict for reason in unique}
    verdict = DENY if DENY in said else CANNOT_TELL if said else ALLOW
    return Verdict(question, verdict, unique)


def listed(question: str, items: Iterable[Entry], reasons: Iterable[Reason] = ()) -> Listed:
    """A list in the order of its dates, each entry once; what has no date comes last."""
    unique = dict.fromkeys(items)
    ordered = sorted(unique, key=lambda i: (i.done, not i.at, i.at, i.rule, i.kind, i.about, i.text, i.facts))
    return Listed(question, tuple(ordered), tuple(dict.fromkeys(reasons)))


def roles_for(*types: str) -> tuple[str, ...]:
    """The roles whose word about one of these event types is a fact, in the order of the model's list."""
    told = {role for type_ in types for role in EVENTS[type_].roles}
    return tuple(role for role in ROLES if role in told)


def roles_about(kind: str) -> tuple[str, ...]:
    """The roles whose word about a record of this kind counts, in the order of the model's list."""
    return tuple(role for role in ROLES if role in AUTHORS.get(kind, ()))


def who_clears(finding: Finding) -> tuple[str, ...]:
    """Who settles a finding: the roles that it names, quality assurance where only a person does, else whose facts are
    about its record."""
    if finding.by:
        return tuple(role for role in ROLES if role in finding.by)
    if finding.person:
        return (QA,)
    return roles_about(finding.about[0])


def reason_of(finding: Finding) -> Reason:
    """A finding as a reason of an answer."""
    verdict = CANNOT_TELL if finding.unclear else DENY
    container = finding.about[1] if finding.about[0] == "container" else ""
    return Reason(finding.rule, verdict, finding.text, finding.settle, finding.facts, container, who_clears(finding))


def deny(
    rule: str, text: str, settle: str, clears: Sequence[str], *facts: str, of: RecordState | None = None
) -> Reason:
    """A reason to say no; `of` is the container or other record that it is about."""
    return Reason(rule, DENY, text, settle, facts, _container(of), tuple(clears))


def unsure(
    rule: str, text: str, settle: str, clears: Sequence[str], *facts: str, of: RecordState | None = None
) -> Reason:
    """A reason why nobody can tell; it is treated as no."""
    return Reason(rule, CANNOT_TELL, text, settle, facts, _container(of), tuple(clears))


def _container(record: RecordState | None) -> str:
    return record.name if record is not None and record.kind == "container" else ""


def dated(at: datetime | None, now: datetime) -> dict[str, Any]:
    """The fields of an entry that tell its date."""
    return {"at": instant_text(at), "late": now > at} if at else {}
