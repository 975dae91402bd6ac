"""A transaction against what the hub has: what each entry comes to, before it is recorded. Records nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from adapters import json_text
from adapters.fhir_r4.pieces import TYPES
from hub.bundle_references import condition_of, references, rewritten
from hub.committer import Committer
from hub.conversion import Converted
from hub.http import fhir_request as asked
from hub.http.fhir_entries import Entry, Wrong, place_of
from hub.http.fhir_interactions import Interactions
from hub.http.fhir_request import Refused, missing
from hub.http.problems import refusal
from hub.profiles import Profile
from hub.resources import SERVED, Found
from mappings.faults import Fault

if TYPE_CHECKING:
    from hub.bootstrap import Hub


@dataclass(slots=True)
class Settled:
    """A transaction against what the hub has: what each entry comes to, and what keeps it from being recorded."""

    wrong: list[Wrong] = field(default_factory=list)
    found: dict[int, Found] = field(default_factory=dict)
    """Entries whose record is there already."""
    changes: dict[int, Converted] = field(default_factory=dict)
    """Updates by difference."""
    stated: list[Entry] = field(default_factory=list)
    """Entries whose resource is recorded as it stands, with references as they are known."""
    links: dict[str, str] = field(default_factory=dict)
    """A text by which entries refer to a record that is there -> its reference."""


class Settling:
    """Settles the transactions of one hub, on the committer's thread."""

    def __init__(self, hub: Hub, interactions: Interactions) -> None:
        self._hub, self._do = hub, interactions

    def settle(self, committer: Committer, profile: Profile, entries: Sequence[Entry], base: str) -> Settled:
        settled = Settled()
        for entry in entries:
            try:
                self._find(committer, profile, entry, settled)
            except Refused as refused:
                settled.wrong += [(refused.status, _under(fault, f"{entry.place}.request")) for fault in refused.faults]
        for entry in entries:
            if entry.method == "PUT" or entry.index not in settled.found:
                self._write(committer, profile, entry, settled, base)
        return settled

    def _find(self, committer: Committer, profile: Profile, entry: Entry, settled: Settled) -> None:
        """The record that an entry is about, where there is one. Raises Refused."""
        resources = self._hub.resources
        found: Found | None = None
        if entry.method == "GET" and not entry.id:
            asked.query(entry.type, entry.query)
        elif entry.id:
            found = resources.get(committer, profile, entry.type, entry.id, entry.version)
            if found is None:
                raise missing()
        elif criteria := entry.condition or criteria_of(entry):
            found = self.only(committer, profile, entry.type, criteria)
            if found is not None and entry.method == "PUT" and (entry.resource or {}).get("id", found.id) != found.id:
                raise Refused(400, refusal("id-unreadable", "", "another resource fits the address"))
        if found is not None and entry.writes:
            settled.found[entry.index] = found
            for text in {entry.url, f"{TYPES[found.kind]}/{found.id}"} - {""}:
                settled.links[text] = f"{TYPES[found.kind]}/{found.id}"

    def only(self, committer: Committer, profile: Profile, type_: str, criteria: str) -> Found | None:
        """The one record that fits criteria, or None. Raises Refused where several fit."""
        query = asked.query(type_, parse_qsl(criteria, keep_blank_values=True))
        found = self._hub.resources.search(committer, profile, type_, query)
        if len(found) > 1:
            raise Refused(412, refusal("conflict", "", f"{len(found)} resources fit the condition"))
        return found[0] if found else None

    def _write(self, committer: Committer, profile: Profile, entry: Entry, settled: Settled, base: str) -> None:
        """What an entry is to write, with its references settled."""
        if entry.resource is None:
            return
        unknown: list[Wrong] = []

        def settled_text(text: str) -> str:
            found = settled.links.get(text)
            if found is None and (condition := condition_of(text)) is not None:
                found = self._by_condition(committer, profile, entry, condition, unknown)
            return found or text.removeprefix(f"{base}/")

        resource = rewritten(entry.resource, settled_text)
        settled.wrong += unknown
        there = settled.found.get(entry.index)
        if there is None or not (entry.id or entry.match):
            settled.stated.append(replace(entry, resource=resource))
            return
        if any(text.startswith("urn:") for text in references(resource)):
            text = "an update refers to what is there: update it after the transaction that creates what it refers to"
            settled.wrong.append((422, refusal("reference-unknown", f"{entry.place}.resource", text)))
            return
        key, body = f"{there.kind}:{there.id}", json_text.dumps(resource)
        try:
            change = self._do.difference(
                committer, profile, there, entry.match, {**resource, "id": there.id}, body, key
            )
        except Refused as refused:
            settled.wrong += [(refused.status, within(fault, entry.index)) for fault in refused.faults]
            return
        if change is not None:
            settled.changes[entry.index] = change.converted

    def _by_condition(
        self, committer: Committer, profile: Profile, entry: Entry, condition: tuple[str, str], wrong: list[Wrong]
    ) -> str | None:
        type_, criteria = condition
        at, status = f"{entry.place}.resource", 412
        try:
            found = self.only(committer, profile, type_, criteria) if type_ in SERVED else None
            text = "no resource fits a reference by condition: send what it means, or refer to what is there"
        except Refused as refused:
            found, text, status = None, refused.faults[0].remedy, refused.status
        if found is None:
            wrong.append((status, refusal("reference-unknown", at, text)))
            return None
        return f"{TYPES[found.kind]}/{found.id}"


def criteria_of(entry: Entry) -> str:
    """The criteria of an entry's address."""
    return urlencode(entry.query)


def within(fault: Fault, index: int) -> Fault:
    """A fault of a resource, at its place in the Bundle."""
    _, dot, rest = fault.place.partition(".")
    is_path = fault.place[:1].isupper()
    place = f"{place_of(index)}.resource{dot}{rest}" if is_path else f"{place_of(index)}.request"
    return replace(fault, place=place)


def _under(fault: Fault, place: str) -> Fault:
    return replace(fault, place=place)
