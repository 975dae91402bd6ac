"""An EPCIS event under examination: what is looked at, and the faults found. The rules themselves are in `validate`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters import times
from adapters.epcis.codecs import SPELLINGS, bare
from adapters.json_text import Num
from canonical_model.identifiers import miscounted
from mappings.codes import CodeTable
from mappings.faults import Fault

Tree = Mapping[str, Any]
Codes = Mapping[str, CodeTable]

URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_GS1 = re.compile(r"cbv:|gs1:|urn:epcglobal:cbv:|https?://(ref|ns)\.gs1\.org/", re.IGNORECASE)


@dataclass(slots=True)
class Examination:
    """One event, the code tables that know its vocabulary, its place in the document, and its faults so far."""

    tree: Tree
    codes: Codes
    place: str
    xml: bool
    faults: list[Fault] = field(default_factory=list)

    def error(self, code: str, at: str, remedy: str) -> None:
        """Notes that the event breaks a SHALL."""
        self.faults.append(Fault(code, f"{self.place}.{at}" if at else self.place, remedy, severity="error"))

    def warn(self, code: str, at: str, remedy: str) -> None:
        """Notes that the event deviates and is read all the same."""
        self.faults.append(Fault(code, f"{self.place}.{at}" if at else self.place, remedy))

    def listed(self, name: str) -> list[Any]:
        """The items of a list field; none where it is absent. A field of another shape is an error."""
        value = self.tree.get(name, [])
        if isinstance(value, list):
            return value
        self.error("shape", name, "a list is expected here")
        return []

    def stamp(self, at: str, value: Any) -> None:
        """An xsd:dateTimeStamp of the calendar."""
        good = isinstance(value, str) and bool(_STAMP.fullmatch(value))
        if good:
            try:
                times.read_iso(value, "")
            except ValueError:
                good = False
        if not good:
            self.error("time-unreadable", at, "write a time as YYYY-MM-DDThh:mm:ss+hh:mm")

    def term(self, table: str, at: str, value: Any) -> None:
        """A term of a vocabulary, or a private URI; a word that the vocabulary does not have is an error (CBV 7)."""
        if value is None:
            return
        if not isinstance(value, str) or isinstance(value, Num) or value == "":
            self.error("shape", at, "a text is expected here")
            return
        prefix = SPELLINGS[table][0].match(value)
        if bare(table, value) in self.codes[table].forward:
            if prefix is None and self.xml and table != "component":
                self.warn("term-spelling", at, "XML names a term by its URI, such as urn:epcglobal:cbv:…")
            return
        tolerated = self.xml and table in {"measurement", "alert"}
        if not URI.fullmatch(value) or (prefix is not None and not tolerated):
            self.error("term-unknown", at, "use a term of the Core Business Vocabulary, or a URI of your own")
        elif _GS1.match(value):
            self.warn("term-unknown", at, "GS1's vocabulary has no such term")

    def uri(self, at: str, value: Any) -> None:
        """A URI; a GS1 key with a wrong check digit deviates."""
        if not isinstance(value, str) or isinstance(value, Num) or not URI.fullmatch(value):
            self.error("epc-unreadable", at, "write a URI, such as https://id.gs1.org/00/106141412345678908")
        elif miscounted(value):
            self.warn("check-digit", at, "the check digit of the GS1 key is wrong; it is kept as it is")

    def uris(self, at: str, values: Collection[Any]) -> None:
        for count, value in enumerate(values, 1):
            self.uri(f"{at}[{count}]", value)
