"""Bundles at the base address: a transaction is one message, recorded whole or not at all; a batch is one per entry.

Every entry has its fate. What keeps a transaction from being recorded is told of all its entries at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from adapters import json_text
from adapters.fhir_r4.pieces import KINDS_OF
from adapters.fhir_r4.validate import validate
from hub.bundle_references import references
from hub.committer import Answer, Committer, Incoming
from hub.conversion import HELD, REJECTED, Converted, convert, digest, sameness
from hub.http import fhir_replies as replies
from hub.http import fhir_request as asked
from hub.http.fhir_entries import (
    MOST_ENTRIES,
    Entry,
    Wrong,
    entries_of,
    index_of,
    moved,
    overlaps,
    place_of,
)
from hub.http.fhir_interactions import Interactions, came, no_fact, positions_of, refuse_unrecorded, unlinked
from hub.http.fhir_replies import Reply
from hub.http.fhir_request import Refused, behind
from hub.http.fhir_settling import Settled, Settling, criteria_of, within
from hub.http.problems import refusal
from hub.outcomes import FINAL
from hub.profiles import Profile
from hub.resources import Found
from hub.store import Row
from hub.updates import is_resumption
from hub.vault import Vault
from mappings.faults import Fault

if TYPE_CHECKING:
    from adapters.reading import Read
    from hub.bootstrap import Hub

Tree = dict[str, Any]


class Bundles:
    """Transactions and batches of one hub."""

    def __init__(self, hub: Hub, interactions: Interactions) -> None:
        self._hub, self._do = hub, interactions
        self._settling = Settling(hub, interactions)

    async def process(self, profile: Profile, body: bytes, base: str, prefer: str) -> Tree:
        """The Bundle of responses. Raises Refused."""
        bundle, shell, entries = await asked.aside(len(body), _opened, body, base)
        if shell is not None:
            done = await self._batch(profile, shell, bundle, base)
        else:
            done = await self._transaction(profile, bundle, entries, body, base)
        told = [replies.entry(reply, prefer) for reply in done]
        answer: Tree = {"resourceType": "Bundle", "type": f"{bundle['type']}-response"}
        return {**answer, "entry": told} if told else answer

    # ---- batch ------------------------------------------------------------------------------------------------

    async def _batch(self, profile: Profile, shell: Tree, bundle: Tree, base: str) -> list[Reply]:
        """Each entry by itself, in the order in which they stand; one that is refused stops no other."""
        whole = [{**tree, **_resource_of(bundle, n)} for n, tree in enumerate(shell.get("entry", ()))]
        done: list[Reply] = []
        for index, tree in enumerate(whole):
            entries, wrong = entries_of({"entry": [tree]}, base)
            if wrong:
                done.append(replies.refused(wrong[0][0], [moved(wrong[0][1], [index])]))
                continue
            try:
                done.append(await self._one(profile, entries[0], base))
            except Refused as refused:
                done.append(replies.refused(refused.status, [within(f, index) for f in refused.faults]))
        return done

    async def _one(self, profile: Profile, entry: Entry, base: str) -> Reply:
        if entry.method == "GET":
            if not entry.id:
                return await self._do.search(profile, entry.type, entry.query, base)
            return await self._do.read(profile, entry.type, entry.id, entry.version)
        resource = await asyncio.to_thread(asked.valid, entry.resource, entry.type)
        if any(text.startswith("urn:") for text in references(resource)):
            text = "entries of a batch know nothing of each other: send a transaction"
            raise Refused(422, refusal("reference-unknown", "", text))
        if entry.method == "POST":
            return await self._do.create(profile, entry.type, resource, entry.condition)
        if entry.query:
            return await self._do.update_where(profile, entry.type, resource, criteria_of(entry), entry.match)
        body = json_text.dumps(resource)
        return await self._do.update(profile, entry.type, entry.id, resource, body, entry.match)

    # ---- transaction ------------------------------------------------------------------------------------------

    async def _transaction(
        self, profile: Profile, bundle: Tree, entries: Sequence[Entry], body: bytes, base: str
    ) -> list[Reply]:
        await self._do.caught_up()

        def work(committer: Committer) -> tuple[Settled, Answer] | Refused:
            if not self._do.is_caught_up(committer):
                return behind()
            return self._commit(committer, profile, bundle, entries, body, base)

        done = await self._hub.pipeline.run(work)
        if isinstance(done, Refused):
            raise done
        settled, answer = done
        refuse_unrecorded(answer)
        await self._do.caught_up(answer.last if not answer.repeated else -1)
        found = await self._hub.pipeline.run(lambda c: self._fates(c, profile, entries, settled, answer))
        return [await self._reply(profile, entry, base, found) for entry in entries]

    def _commit(
        self, committer: Committer, profile: Profile, bundle: Tree, entries: Sequence[Entry], body: bytes, base: str
    ) -> tuple[Settled, Answer] | Refused:
        """Settles and commits in one: while this runs nothing else is recorded."""
        source, row = self._earlier(committer, profile, bundle, body)
        if row is not None and row[1] in FINAL and (_source(bundle) or self._stands(committer, profile, entries, row)):
            return Settled(), self._submit(committer, profile, body, source, Converted("Bundle", source, "", [], []))
        settled = self._settling.settle(committer, profile, entries, base)
        if settled.wrong:
            return _refused(settled.wrong)
        converted = self._converted(committer, profile, bundle, settled, body)
        if row is not None and row[1] in FINAL:
            source = _next(source)
        converted.source_id = source
        return settled, self._submit(committer, profile, body, source, converted)

    @staticmethod
    def _earlier(committer: Committer, profile: Profile, bundle: Tree, body: bytes) -> tuple[str, Row | None]:
        """What a Bundle is called in the inbox, and the last message of the same content.

        One that its sender does not name goes by its content, and by a count where it was said anew: `…/2`, `…/3`.
        """
        same, named = sameness("fhir_r4", profile.volatile, body), _source(bundle)

        def row(source: str) -> Row | None:
            return committer.connection.one("same_inbox", profile.partner, source, same)

        if named:
            return named, row(named)
        source = digest(body)[:24]
        last, first = row(source), source
        if last is None:
            return source, None
        low, step = 1, 1
        while (found := row(f"{first}/{low + step}")) is not None:  # they are without gaps: doubled steps, then halved
            low, step, last = low + step, step * 2, found
        while step := step // 2:
            if (found := row(f"{first}/{low + step}")) is not None:
                low, last = low + step, found
        return (first if low == 1 else f"{first}/{low}"), last

    def _stands(self, committer: Committer, profile: Profile, entries: Sequence[Entry], row: Row) -> bool:
        """True where nothing was said since of the records that the entries update by criteria: it is a resend."""
        last = max(positions_of(committer.connection, row[0]), default=0)
        is_todays = came(committer.connection, row[0]) == self._do.day()
        for entry in entries:
            if entry.method == "PUT" and entry.query and not entry.match:
                try:
                    found = self._settling.only(committer, profile, entry.type, criteria_of(entry))
                except Refused:
                    return False
                if found is None:
                    continue
                resumes = is_resumption(found.body["fields"], {"state": (entry.resource or {}).get("status")})
                if found.position > last or (resumes and not is_todays):  # an uncertain hold may be certain by now
                    return False
        return True

    @staticmethod
    def _submit(committer: Committer, profile: Profile, body: bytes, name: str, converted: Converted) -> Answer:
        return committer.commit([Incoming(profile.partner, "fhir", "fhir_r4", body, "", name, converted)])[0]

    # ---- as one message ---------------------------------------------------------------------------------------

    def _converted(
        self, committer: Committer, profile: Profile, bundle: Tree, settled: Settled, body: bytes
    ) -> Converted:
        """The transaction as one message that is recorded whole or not at all; each part bears its entry's place."""
        stated = settled.stated
        trees = [{**(entry.tree or {}), "resource": entry.resource} for entry in stated]
        document = _Document(self._hub, profile, {**bundle, "entry": trees} if trees else _without_entries(bundle))
        knows = Vault(self._hub.keys, committer.connection, self._hub.settings.region).knows
        converted = convert(profile, document, body, "", knows)
        indices = [entry.index for entry in stated]
        converted.faults = [moved(fault, indices) for fault in converted.faults if fault.code != _SILENT]
        _name_parts(converted, trees, indices)
        self._narrow(committer, profile, settled, converted)
        for index, change in sorted(settled.changes.items()):
            for part in change.parts:
                part.name, part.frame = place_of(index), part.assertions[0]["frame"]
            converted.faults += [within(fault, index) for fault in change.faults]
            converted.parts += change.parts
            converted.frames += change.frames
        converted.indivisible = True
        _account(converted, bundle, {*indices, *settled.changes})
        if converted.outcome in {HELD, REJECTED}:
            for part in converted.parts:
                part.fate = HELD
        return converted

    def _narrow(self, committer: Committer, profile: Profile, settled: Settled, converted: Converted) -> None:
        """Leaves what is new of the entries that state again what is there."""
        for entry in settled.stated:
            found = settled.found.get(entry.index)
            if found is not None:
                at = f"{entry.place}.resource"
                new = self._do.narrow(committer, profile, found, converted.parts, converted.frames, at)
                converted.faults += new.told

    # ---- answering --------------------------------------------------------------------------------------------

    def _fates(
        self, committer: Committer, profile: Profile, entries: Sequence[Entry], settled: Settled, answer: Answer
    ) -> dict[int, Reply]:
        """What each entry that writes came to."""
        made = self._made(committer, profile, entries, settled, answer)
        records = [one for one, _ in made.values() if one is not None]
        shown = {id(one): tree for one, tree in self._do.shown(committer, profile, records)}
        out: dict[int, Reply] = {}
        for entry in entries:
            if not entry.writes:
                continue
            one, told = made.get(entry.index, (None, []))
            told = [*(fault for fault in answer.faults if index_of(fault) == entry.index), *told]
            if one is None:
                out[entry.index] = Reply(200, told=(*told, no_fact(entry.place)), written=True)
                continue
            new = entry.index not in settled.found and not answer.repeated
            tree = shown.get(id(one))
            out[entry.index] = Reply(201 if new else 200, tree, one, tuple(told), written=True)
        return out

    def _made(
        self, committer: Committer, profile: Profile, entries: Sequence[Entry], settled: Settled, answer: Answer
    ) -> dict[int, tuple[Found | None, list[Fault]]]:
        """The record of each entry, and what is to be told of it: by the frames of the facts that came of it."""
        db, resources = committer.connection, self._hub.resources
        told: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for position, text in db.all("events_of_inbox", answer.inbox):
            event = orjson.loads(text)
            told.setdefault(event["frame"], []).append((position, event["about"]))
        frames = {part["part"]: part.get("frame", "") for part in answer.parts}
        made: dict[int, tuple[Found | None, list[Fault]]] = {}
        for entry in entries:
            facts = [
                (position, about)
                for position, about in told.get(frames.get(entry.place, ""), ())
                if about["kind"] in KINDS_OF[entry.type]
            ]
            names = [(about["kind"], about["identifiers"]) for _, about in facts]
            there = settled.found.get(entry.index)
            if there is None and names:
                found = resources.named(committer, profile, *names[0])
            else:
                record_id = there.id if there else self._again(committer, profile, entry)
                found = resources.get(committer, profile, entry.type, record_id) if record_id else None
            waits = entry.type == "Observation" and any(not db.all("links_of", position) for position, _ in facts)
            made[entry.index] = found, [unlinked(entry.place)] if waits else []
        return made

    def _again(self, committer: Committer, profile: Profile, entry: Entry) -> str:
        """The id of what an entry named when its transaction came before, or an empty text."""
        criteria = entry.condition or (criteria_of(entry) if entry.query else "")
        if not entry.writes or not criteria:
            return entry.id
        try:
            found = self._settling.only(committer, profile, entry.type, criteria)
        except Refused:
            return ""
        return found.id if found else ""

    async def _reply(self, profile: Profile, entry: Entry, base: str, found: Mapping[int, Reply]) -> Reply:
        if entry.writes:
            return found[entry.index]
        try:
            return await self._one(profile, entry, base)
        except Refused as refused:
            return replies.refused(refused.status, refused.faults)


def _opened(body: bytes, base: str) -> tuple[Tree, Tree | None, list[Entry]]:
    """A Bundle, with its shell where it is a batch, and with its entries where it is a transaction. Raises Refused."""
    bundle = asked.read(body)
    kind = bundle.get("type") if isinstance(bundle, dict) else None
    if isinstance(bundle, dict) and isinstance(bundle.get("entry"), list) and len(bundle["entry"]) > MOST_ENTRIES:
        raise Refused(413, refusal("too-large", "Bundle.entry", f"send at most {MOST_ENTRIES} entries"))
    if kind == "batch":
        return bundle, asked.valid(_shell(bundle), "Bundle"), []
    if kind != "transaction":
        asked.valid(bundle, "Bundle")
        raise Refused(422, refusal("not-supported", "Bundle.type", "send a transaction or a batch"))
    wrong: list[Wrong] = [(422, fault) for fault in validate(bundle, "Bundle") if fault.severity == "error"]
    entries, more = entries_of(bundle, base)
    places = {fault.place for _, fault in wrong}
    wrong += [one for one in (*more, *overlaps(entries), *_unmet(entries)) if one[1].place not in places]
    if wrong:
        raise _refused(wrong)
    return bundle, None, entries


_SILENT = "asserts-nothing"
"""Said of a message that comes to no fact; here it is said of each entry."""


@dataclass(slots=True)
class _Document:
    """What converts a Bundle that was taken apart already: its references are settled, so it is not its bytes."""

    hub: Hub
    profile: Profile
    tree: Tree

    def read(self, body: bytes, hint: str = "") -> Read:  # noqa: ARG002 - the shape of hub.conversion.Format
        adapter = self.hub.adapters.of(self.profile, "fhir_r4").adapter  # type: ignore[attr-defined]
        return adapter.resource_to_frames(self.tree, self.hub.resolver)  # type: ignore[no-any-return]

    def map(self, message: str) -> Mapping[str, Any]:
        return self.hub.adapters.of(self.profile, "fhir_r4").map(message)

    def write(
        self, message: str, frames: list[dict[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        return self.hub.adapters.of(self.profile, "fhir_r4").write(message, frames, residual)


def _name_parts(converted: Converted, trees: Sequence[Tree], indices: Sequence[int]) -> None:
    """Names each part by the entry that it came from: the residual of its frame knows the entry's request."""
    requests = {id(tree.get("request")): index for tree, index in zip(trees, indices, strict=True)}

    def entry_of(key: str) -> int | None:
        kept = converted.residual.get(key, {})
        if "within" in kept:
            return entry_of(kept["within"][0])
        return requests.get(id((kept.get("entry") or {}).get("request")))

    tops = [frame for frame in converted.frames if frame["kind"] != "message" and not frame.get("parent")]
    for part, frame in zip(converted.parts, tops, strict=False):
        index = entry_of(frame["key"])
        held = "within" in converted.residual.get(frame["key"], {})
        part.frame = frame["key"]
        if index is not None:
            part.name = f"{place_of(index)} {part.name}" if held else place_of(index)


def _account(converted: Converted, bundle: Tree, told: set[int]) -> None:
    """Counts the entries that state nothing: reads, and creates of what is there."""
    passed = [tree for index, tree in enumerate(bundle.get("entry", ())) if index not in told]
    leaves = sum(1 for tree in passed for _ in json_text.leaves(tree))
    if leaves:
        converted.account["ignored"] = converted.account.get("ignored", 0) + leaves


def _unmet(entries: Sequence[Entry]) -> list[Wrong]:
    """References to an entry that is not there."""
    known = {entry.url for entry in entries}
    return [
        (422, refusal("reference-unknown", f"{entry.place}.resource", "no entry has the fullUrl that is referred to"))
        for entry in entries
        for text in dict.fromkeys(references(entry.resource))
        if text.startswith(("urn:uuid:", "urn:oid:")) and text not in known
    ]


def _refused(wrong: Sequence[Wrong]) -> Refused:
    """All faults at once, with the status of all of them, or 422."""
    statuses = {status for status, _ in wrong}
    return Refused(statuses.pop() if len(statuses) == 1 else 422, *dict.fromkeys(fault for _, fault in wrong))


def _source(bundle: Tree) -> str:
    """What the sender calls the Bundle."""
    identifier = bundle.get("identifier")
    named = identifier.get("value") if isinstance(identifier, dict) else None
    return str(named or bundle.get("id") or "")


def _shell(bundle: Tree) -> Tree:
    """A batch without its resources: each is looked at by itself."""
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return bundle
    bare = [
        {**entry, "resource": {"resourceType": "Basic"}} if isinstance(entry, dict) and "resource" in entry else entry
        for entry in entries
    ]
    return {**bundle, "entry": bare}


def _resource_of(bundle: Tree, index: int) -> Tree:
    entry = bundle["entry"][index]
    return {"resource": entry["resource"]} if "resource" in entry else {}


def _next(source: str) -> str:
    """The name of a Bundle of the same content after this one."""
    first, _, number = source.partition("/")
    return f"{first}/{int(number or 1) + 1}"


def _without_entries(bundle: Tree) -> Tree:
    return {name: value for name, value in bundle.items() if name != "entry"}
