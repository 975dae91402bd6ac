"""What a FHIR document is read and written with: its zone, its server, where its parts stand. Knows no table."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from mappings.faults import Fault, Unreadable
from mappings.runtime import Context

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SELECTOR = re.compile(r"\[[^\]]*\]")


@dataclass(slots=True)
class Document(Context):
    """A document's context. A place is `Patient[2]`: a resource type and its ordinal among all parts.

    `base` is the address of the server whose resources relative references name; `bases` and `where` say per place
    which server it is there, and how FHIRPath names the part.
    """

    base: str = ""
    bases: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)

    def quiet(self) -> Document:
        """The same document with faults of its own. By hand: `replace` takes three times as long, for every item."""
        return Document(
            zone=self.zone,
            system=self.system,
            refs=self.refs,
            place=self.place,
            at=self.at,
            codes=self.codes,
            base=self.base,
            bases=self.bases,
        )

    @property
    def resource(self) -> str:
        """Type of the resource that is read or written."""
        return self.place.partition("[")[0].partition(":")[0]

    @property
    def server(self) -> str:
        """Address of the server whose resources are named here; empty where nobody said."""
        return self.bases.get(self.place, self.base)

    def text(self, value: Any) -> str:
        """A FHIR string: not a number, not empty, without control characters (datatypes: string)."""
        if type(value) is not str or not value:
            raise Unreadable("shape", "a text is expected here")
        if _CONTROL.search(value):
            raise Unreadable("shape", "a text holds no control characters")
        return value

    def fault(self, row: str, at: str, wrong: Unreadable) -> None:
        """Notes that an element could not be read, at its FHIRPath."""
        outer = _SELECTOR.sub("", self.at)
        inner = _SELECTOR.sub("", at)
        steps = [self.where.get(self.place, self.resource), outer, "" if inner == outer else inner]
        self.faults.append(Fault(wrong.code, ".".join(step for step in steps if step), wrong.remedy, row))
