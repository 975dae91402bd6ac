"""What one scan says, and the notebook in which it is gathered. Reads no text of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from canonical_model.identifiers.gs1 import Identifier
from canonical_model.identifiers.kinds import BY_SYSTEM, KINDS, MANY, Misread, read

Form = Literal["isbt-128", "gs1", "digital-link", "epc", "uri", "text", "none"]
"""How a scan was written; `none` where it could not be read at all."""


@dataclass(frozen=True, slots=True)
class ScanFault:
    """One thing wrong in a scan: a code of docs/errors.md, the place, the way out. Never what was scanned."""

    code: str
    place: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Personal:
    """What a scan says of a person. It goes to the vault and nowhere else, so no `repr` shows it.

    `kind`: `birth-date` (ISBT 128 [024], GS1 7250), `patient-id` ([025]), `recipient` (GS1 8018), `provider` (8017),
    `staff` ([020]), `person` (GS1 7251 to 7259), `contact` (GS1 4300 to 4319), `donor-death` ([031] of type 06).
    """

    kind: str
    value: str = field(repr=False)
    location: str = field(default="", repr=False)
    """The code of the place that assigned it (ISBT 128 [024] and [025])."""


@dataclass(frozen=True, slots=True)
class Element:
    """One data structure or element as it stood: its number or application identifier, its content, where it began.

    The content of a personal one is empty here and stands in `Scan.personal`.
    """

    code: str
    content: str
    at: int
    """Place of its first character, counted from 1; 0 in a Digital Link, whose parts have their names."""
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan says. `identifiers` name one thing each, the strongest first; `classes` name several things alike
    and never go where one is named; `attributes` are described in docs/identifiers.md.
    """

    form: Form
    identifiers: tuple[Identifier, ...] = ()
    classes: tuple[Identifier, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    personal: tuple[Personal, ...] = ()
    elements: tuple[Element, ...] = ()
    faults: tuple[ScanFault, ...] = ()
    text: str = field(default="", repr=False)
    """The text, where it is none of the forms: a partner's own number, or something typed."""

    def naming(self, kind: str) -> tuple[Identifier, ...]:
        """The identifiers that can name a record of this kind, the strongest first; those of private URIs last.

        A donation identification number names a collection, so two bags of one donation are never one container.
        """
        typed = [i for i in self.identifiers if i.get("type") in KINDS and kind in KINDS[i["type"]].names]
        return (*typed, *(i for i in self.identifiers if i.get("type") not in KINDS))


@dataclass(slots=True)
class Reading:
    """What was found so far in one scan."""

    year: int | None = None
    identifiers: list[Identifier] = field(default_factory=list)
    classes: list[Identifier] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    personal: list[Personal] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    faults: list[ScanFault] = field(default_factory=list)

    def fault(self, code: str, place: str, remedy: str) -> None:
        self.faults.append(ScanFault(code, place, remedy))

    def identify(self, type_: str, text: str, place: str) -> Identifier | None:
        """Notes an identifier; the same one again is one, another one of its type is a fault."""
        try:
            found = read(type_, text)
        except Misread as wrong:
            self.fault(wrong.code, place, wrong.remedy)
            return None
        self.add(found, place)
        return found

    def add(self, found: Identifier, place: str) -> None:
        kind = BY_SYSTEM.get(found["system"])
        into = self.classes if kind and kind.unique == MANY else self.identifiers
        if any(other.get("type") == found.get("type") != None and other != found for other in into):  # noqa: E711
            self.fault("places-disagree", place, "the scan names two things of one kind; scan one label at a time")
        elif found not in into:
            into.append(found)

    def attribute(self, name: str, value: Any, place: str) -> None:
        if self.attributes.setdefault(name, value) != value:
            self.fault("places-disagree", place, "the scan says this twice and not alike; scan one label at a time")

    def date(self, name: str, text: str, place: str, reader: Callable[[str], str]) -> None:
        """Notes a date. A day and a moment of that day agree, and the moment says more."""
        try:
            found, before = reader(text), str(self.attributes.get(name, ""))
        except ValueError:
            self.fault("date-unreadable", place, "the label holds no date of the calendar here; print it again")
            return
        if before and (found.startswith(before) or before.startswith(found)):
            self.attributes[name] = max(found, before, key=len)
        else:
            self.attribute(name, found, place)

    def person(self, kind: str, value: str, location: str = "") -> None:
        self.personal.append(Personal(kind, value, location))

    def done(self, form: Form) -> Scan:
        ranks = {type_: rank for rank, type_ in enumerate(KINDS)}
        ordered = sorted(self.identifiers, key=lambda i: ranks.get(i.get("type", ""), len(ranks)))
        return Scan(
            form,
            tuple(ordered),
            tuple(self.classes),
            self.attributes,
            tuple(self.personal),
            tuple(self.elements),
            tuple(self.faults),
        )


def decimal(digits: str, places: int) -> str:
    """Digits with an implied point, without leading zeros: a decimal as text, its places as sent."""
    whole = digits[: len(digits) - places].lstrip("0") or "0"
    return f"{whole}.{digits[len(digits) - places :]}" if places else whole


def nothing(code: str, remedy: str, place: str = "") -> Scan:
    return Scan("none", faults=(ScanFault(code, place, remedy),))
