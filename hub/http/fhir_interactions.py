"""What FHIR's interactions do: read, search, create, update, each with plain arguments. Knows no request and no Bundle.

A create or update is a message like any other: committed before it is answered. An update is the difference to what the
partner was shown at If-Match; comparing and committing are one piece of work of the committer, so nobody comes between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from adapters import json_text
from adapters.fhir_r4.pieces import TYPES
from adapters.reading import Unparsable, Unsupported
from canonical_model.values import instant_text
from hub import updates
from hub.committer import Answer, Committer, Incoming
from hub.conversion import HELD, REJECTED, Converted, Part, convert, digest, sameness
from hub.http import fhir_request as asked
from hub.http.fhir_replies import Reply
from hub.http.fhir_request import Refused, behind, missing
from hub.http.problems import refusal
from hub.orders import moment
from hub.outcomes import FINAL
from hub.pipeline import Overloaded
from hub.profiles import Profile
from hub.resources import Found
from hub.restating import (
    UNCERTAIN,
    Narrowed,
    There,
    after_all,
    ends_holds,
    is_held_by_word,
    may_resume,
    narrow,
    without_state,
)
from hub.store import Connection
from hub.vault import Vault
from mappings.faults import Fault

if TYPE_CHECKING:
    from hub.bootstrap import Hub

MOST = 200
"""Resources of one page."""

Tree = dict[str, Any]
Shown = tuple[Found, Tree]
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """An update that is to be recorded: what it says, and the record that it changes."""

    found: Found
    converted: Converted


class Interactions:
    """The interactions of one hub, each for one partner."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # ---- reading ----------------------------------------------------------------------------------------------

    async def read(self, profile: Profile, type_: str, record_id: str, version: int | None = None) -> Reply:
        """One resource, at its last or a named version. Raises Refused."""
        resources = self._hub.resources
        shown = await self._show(profile, lambda c: resources.get(c, profile, type_, record_id, version))
        if shown is None:
            raise missing()
        return Reply(200, shown[1], shown[0])

    async def search(self, profile: Profile, type_: str, given: Pairs, base: str) -> Reply:
        """A searchset of what this partner may read, in pages; `base` is the server's address. Raises Refused."""
        query = asked.query(type_, given)
        count, offset = min(asked.number(given, "_count", 50), MOST), asked.number(given, "_offset", 0)
        await self.caught_up()

        def look(committer: Committer) -> tuple[int, list[Shown]]:
            found = self._hub.resources.search(committer, profile, type_, query)
            return len(found), self.shown(committer, profile, found[offset : offset + count])

        total, shown = await self._hub.pipeline.run(look)
        entries = [
            {"fullUrl": f"{base}/{type_}/{found.id}", "resource": resource, "search": {"mode": "match"}}
            for found, resource in shown
        ]
        links = asked.links(f"{base}/{type_}", given, count, offset, total)
        bundle: Tree = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": json_text.Num(str(total)),
            "link": links,
        }
        return Reply(200, {**bundle, "entry": entries} if entries else bundle)

    async def _show(
        self, profile: Profile, find: Callable[[Committer], Found | None], position: int = -1
    ) -> Shown | None:
        """What `find` finds, as a resource; `position` is that of the log up to which the read model has to be."""
        await self.caught_up(position)
        shown = await self._hub.pipeline.run(lambda c: self.shown(c, profile, [f for f in [find(c)] if f is not None]))
        return shown[0] if shown else None

    def shown(self, committer: Committer, profile: Profile, found: Sequence[Found]) -> list[Shown]:
        """Records as resources, remembered as the base of an update where they are the last version."""
        now, resources = self._hub.clock(), self._hub.resources
        with committer.connection.transaction():
            shown = [
                (one, resource)
                for one in found
                if (resource := resources.render(committer, profile, one, instant_text(now))) is not None
            ]
            resources.remember(committer.connection, profile, shown, now.strftime("%Y-%m"))
        return shown

    async def caught_up(self, position: int = -1) -> None:
        """Waits until the read model holds what was committed up to a position, or up to now. Raises Overloaded."""
        if position < 0:
            position = (await self._hub.pipeline.run(lambda c: c.connection.one("head") or (0,)))[0]
        projector = self._hub.projector
        if not projector.wait_for(position, 0) and not await asyncio.to_thread(projector.wait_for, position):
            raise Overloaded("the read model is far behind")

    def is_caught_up(self, committer: Committer) -> bool:
        """True once the read model holds all that was committed; nothing else is while the caller works."""
        head = committer.connection.one("head") or (0,)
        return self._hub.projector.wait_for(head[0])

    # ---- creating ---------------------------------------------------------------------------------------------

    async def create(self, profile: Profile, type_: str, resource: Tree, condition: str = "") -> Reply:
        """Records a valid resource, unless one fits the condition. Raises Refused."""
        incoming = self._message(profile, resource)
        answer = await (
            self._where(condition, "if-none-exist", type_, profile, lambda c, f: f or c.commit([incoming])[0])
            if condition
            else self._hub.receive(incoming)
        )
        if isinstance(answer, Found):
            return await self.read(profile, type_, answer.id)
        return await self._made(profile, type_, answer, 200 if answer.repeated else 201)

    async def update_where(self, profile: Profile, type_: str, resource: Tree, condition: str, match: str) -> Reply:
        """Records a resource as the one that fits a condition, or as a new one. Raises Refused.

        With If-Match it is the difference to what the partner was shown; without, what is new in it against the version
        that is there is recorded, and what it leaves out stays as it is.
        """
        incoming = self._message(profile, resource)

        def work(committer: Committer, found: Found | None) -> tuple[Found | None, Answer | Refused | None]:
            if found is None:
                return None, committer.commit([incoming])[0]
            if resource.get("id", found.id) != found.id:
                return found, Refused(400, refusal("id-unreadable", f"{type_}.id", "another resource fits the address"))
            if not match:
                return found, committer.commit([self._again(committer, profile, found, incoming)])[0]
            body = json_text.dumps(resource)
            return found, self._change(committer, profile, found, match, {**resource, "id": found.id}, body)

        found, answer = await self._where(condition, "the address", type_, profile, work)
        if isinstance(answer, Refused):
            raise answer
        if answer is None or (found is not None and match):
            return await self._written(profile, type_, found.id, answer)
        return await self._made(profile, type_, answer, 200 if found is not None or answer.repeated else 201, found)

    def _again(self, committer: Committer, profile: Profile, found: Found, incoming: Incoming) -> Incoming:
        """A resource that is stated again of a record, as the message that it is: by the version that it found.

        The same content is the same message only while nothing was said of the record since: a state may return.
        """
        db, body = committer.connection, incoming.body
        knows = Vault(self._hub.keys, db, self._hub.settings.region).knows
        converted = convert(profile, self._hub.adapters.of(profile, "fhir_r4"), body, "", knows)
        new = self.narrow(committer, profile, found, converted.parts, converted.frames, TYPES[found.kind])
        converted.faults += new.told
        same, before, day = sameness("fhir_r4", profile.volatile, body), found.version - 1, self.day()
        for name in (
            digest(body)[:24],
            updates.source_of(found, before, body),
            updates.source_of(found, before, body + day.encode()),
        ):
            row = db.one("same_inbox", profile.partner, name, same)
            stands = row is not None and row[1] in FINAL and found.position in positions_of(db, row[0])
            if row is not None and stands and (not new.contradicts or came(db, row[0]) == day):
                return replace(incoming, name=name)
        converted.source_id = self._named(db, profile, found, body, new.contradicts)
        return replace(incoming, name=converted.source_id, converted=converted)

    def _named(self, db: Connection, profile: Profile, found: Found, body: bytes, contradicts: bool = True) -> str:
        """What an update is called in the inbox: by its content, and by its day where it came on an earlier one and
        what is there still contradicts it: what was uncertain by its times then (a fact of the same day) is not today.
        """
        name = updates.source_of(found, found.version, body)
        row = db.one("same_inbox", profile.partner, name, sameness("fhir_r4", profile.volatile, body))
        day = self.day()
        if row is None or row[1] not in FINAL or not contradicts or came(db, row[0]) == day:
            return name
        return updates.source_of(found, found.version, body + day.encode())

    def day(self) -> str:
        return instant_text(self._hub.clock())[:10]

    def narrow(
        self,
        committer: Committer,
        profile: Profile,
        found: Found,
        parts: Iterable[Part],
        frames: Sequence[Mapping[str, Any]],
        place: str,
    ) -> Narrowed:
        """Leaves of what is stated again of a record what is new in it."""
        resources, now = self._hub.resources, self._hub.clock()
        base = resources.render(committer, profile, found, instant_text(now))
        adapter = self._hub.adapters.of(profile, "fhir_r4").adapter  # type: ignore[attr-defined]
        shown = adapter.resource_to_frames(base, self._hub.resolver).frames if base is not None else []
        alone = all(may_resume(profile.partner, journey) for journey in resources.journeys(committer, found))
        settled = partial(resources.settled, committer, frames=frames)
        facts = resources.said_of(committer, found)
        at, sequence = after_all(facts, moment(now)), head_of(committer.connection)
        there = There(found, shown, facts, alone, at, sequence, settled)
        return narrow(parts, frames, there, place)

    @staticmethod
    def _message(profile: Profile, resource: Tree) -> Incoming:
        plain = {name: value for name, value in resource.items() if name != "id"}
        return Incoming(profile.partner, "fhir", "fhir_r4", json_text.dumps(plain))

    async def _made(
        self, profile: Profile, type_: str, answer: Answer, status: int, there: Found | None = None
    ) -> Reply:
        """What a message came to, as the record that it was about; `there` is the one that it found."""
        refuse_unrecorded(answer)
        resources = self._hub.resources

        def made(committer: Committer) -> Found | None:
            if there is not None:
                return resources.get(committer, profile, type_, there.id)
            return resources.made(committer, profile, type_, answer)

        shown = await self._show(profile, made, answer.last)
        told = [*answer.faults]
        if answer.unlinked and type_ == "Observation":
            told.append(unlinked(type_))
        if shown is None:
            return Reply(200, told=(*told, no_fact(type_)), written=True)
        return Reply(status, shown[1], shown[0], tuple(told), written=True)

    async def _where(
        self, condition: str, place: str, type_: str, profile: Profile, work: Callable[[Committer, Found | None], Any]
    ) -> Any:
        """Work on the one resource that fits a condition, or on none. Raises Refused where several fit."""
        query = asked.query(type_, parse_qsl(condition.lstrip("?")))
        await self.caught_up()

        def whole(committer: Committer) -> Any:
            if not self.is_caught_up(committer):
                return behind()
            found = self._hub.resources.search(committer, profile, type_, query)
            if len(found) > 1:
                return Refused(412, refusal("conflict", place, f"{len(found)} resources fit the condition"))
            return work(committer, found[0] if found else None)

        answer = await self._hub.pipeline.run(whole)
        if isinstance(answer, Refused):
            raise answer
        return answer

    # ---- updating ---------------------------------------------------------------------------------------------

    async def update(self, profile: Profile, type_: str, record_id: str, sent: Tree, body: bytes, match: str) -> Reply:
        """Records what the partner changed against what it was shown at If-Match. Raises Refused."""
        await self.caught_up()

        def work(committer: Committer) -> Answer | Refused | None:
            if not self.is_caught_up(committer):
                return behind()
            found = self._hub.resources.get(committer, profile, type_, record_id)
            return missing() if found is None else self._change(committer, profile, found, match, sent, body)

        answer = await self._hub.pipeline.run(work)
        if isinstance(answer, Refused):
            raise answer
        return await self._written(profile, type_, record_id, answer)

    async def _written(self, profile: Profile, type_: str, record_id: str, answer: Answer | None) -> Reply:
        if answer is not None:
            refuse_unrecorded(answer)
        reply = await self.read(profile, type_, record_id)
        return Reply(200, reply.resource, reply.found, tuple(answer.faults) if answer is not None else (), written=True)

    def _change(
        self, committer: Committer, profile: Profile, found: Found, match: str, sent: Tree, body: bytes
    ) -> Answer | Refused | None:
        """Compares and commits in one: while this runs nothing else is recorded. None where nothing changed."""
        try:
            change = self.difference(committer, profile, found, match, sent, body)
        except Refused as refused:
            return refused
        if change is None:
            return None
        name = change.converted.source_id
        incoming = Incoming(profile.partner, "fhir", "fhir_r4", body, name=name, converted=change.converted)
        return committer.commit([incoming])[0]

    def difference(
        self, committer: Committer, profile: Profile, found: Found, match: str, sent: Tree, body: bytes, key: str = ""
    ) -> Change | None:
        """What a partner changed of a record, or None. Raises Refused: not at its version, or not writable."""
        if not match:
            raise Refused(428, refusal("if-match", "", 'send If-Match with the version that you changed, as W/"3"'))
        if match.strip().removeprefix("W/").strip('"') != str(found.version):
            raise Refused(412, refusal("conflict", "", "the resource changed since; read it again"))
        db, now, resources = committer.connection, instant_text(self._hub.clock()), self._hub.resources
        base = resources.shown(db, profile, found.kind, found.id, found.version)
        base = base or resources.render(committer, profile, found, now) or {}
        adapter = self._hub.adapters.of(profile, "fhir_r4").adapter  # type: ignore[attr-defined]
        try:
            read_sent = adapter.resource_to_frames(sent, self._hub.resolver)
        except (Unparsable, Unsupported) as wrong:
            raise Refused(422, refusal(wrong.code, wrong.place, wrong.remedy)) from wrong
        changed = updates.difference(adapter.resource_to_frames(base, self._hub.resolver), read_sent)
        if changed.unwritable:
            remedy = "no table carries a change of it; leave it as it was shown"
            raise Refused(422, *(refusal("unwritable", path, remedy) for path in changed.unwritable))
        if not changed.frames:
            return None
        identity: dict[str, Any] = {}
        if found.kind == "subject":
            tokens = [identifier["value"] for identifier in found.body["identifiers"]]
            vault = Vault(self._hub.keys, db, self._hub.settings.region)
            identity = vault.look(tokens, profile.partner, profile.partner, now)
        ends = all(is_held_by_word(journey) for journey in resources.journeys(committer, found))
        facts = resources.said_of(committer, found)
        update = updates.Update(body, after_all(facts, moment(self._hub.clock())), head_of(db), identity, ends, key)
        change = updates.converted(found, read_sent, changed, update)
        for part in () if ends_holds(facts, update.now) else change.parts:
            if any(assertion["type"] == "order.resumed" for assertion in part.assertions):
                part.assertions = [without_state(assertion) for assertion in part.assertions]
                change.faults.append(Fault("conflict", f"{TYPES[found.kind]}.status", UNCERTAIN))
        change.source_id = self._named(db, profile, found, body)
        return Change(found, change)


def head_of(db: Connection) -> str:
    """The place of an update in its sender's sequence: after all that was recorded when it came."""
    row = db.one("head")
    return str(row[0] if row else 0)


def came(db: Connection, inbox: int) -> str:
    """The day of a message's receipt."""
    row = db.one("get_inbox", inbox)
    return str(row[1])[:10] if row else ""


def positions_of(db: Connection, inbox: int) -> list[int]:
    """Where the facts of a message stand in the log."""
    return [position for position, _ in db.all("events_of_inbox", inbox)]


def refuse_unrecorded(answer: Answer) -> None:
    """Raises Refused for a message that was not recorded."""
    if answer.outcome in {HELD, REJECTED}:
        faults = answer.faults or [refusal("not-recorded", "", f"the resource was {answer.outcome}")]
        raise Refused(422, *faults)


def unlinked(place: str) -> Fault:
    return Fault("unlinked", place, "it is recorded and waits: no order has an identifier that it names")


def no_fact(place: str) -> Fault:
    return Fault("no-fact", place, "it was taken, and nothing came of it that can be shown to its sender")
