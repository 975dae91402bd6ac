"""FHIR R4 over HTTP: read, vread, search, create, update and the questions as operations. Renders, decides nothing.

A create or update is a message like any other: committed before it is answered. An update is the difference to what the
partner was shown at If-Match; comparing and committing are one piece of work of the committer, so nobody comes between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters import json_text
from adapters.fhir_r4.outcome import outcome
from adapters.fhir_r4.validate import validate
from adapters.reading import Unparsable, Unsupported
from canonical_model.values import instant_text
from hub import updates
from hub.answers import OVER_FHIR, Given, Question
from hub.committer import Answer, Committer, Incoming
from hub.conversion import HELD, REJECTED
from hub.http import fhir_request as asked
from hub.http.auth import Doorkeeper
from hub.http.capabilities import capabilities
from hub.http.fhir_request import Refused, behind, missing
from hub.http.problems import FHIR, refusal
from hub.pipeline import Overloaded
from hub.profiles import Profile
from hub.resources import SERVED, Found
from hub.vault import Vault
from mappings.faults import Fault

if TYPE_CHECKING:
    from hub.bootstrap import Hub

MOST = 200
"""Resources of one page."""
SYNTAXES = frozenset({"json", "application/json", "application/fhir+json", "text/json"})

Shown = tuple[Found, dict[str, Any]]


def routes(hub: Hub, door: Doorkeeper) -> list[Route]:
    """The routes under `/fhir`."""
    fhir = _Fhir(hub, door)
    many = "/fhir/{type:str}"
    one = many + "/{id:str}"
    return [
        Route("/fhir/metadata", fhir.metadata, methods=["GET"]),
        Route(many + "/$validate", fhir.guarded(fhir.validate), methods=["POST"]),
        Route(one + "/${question:str}", fhir.guarded(fhir.ask), methods=["GET"]),
        Route(one + "/_history/{version:int}", fhir.guarded(fhir.read), methods=["GET"]),
        Route(many, fhir.guarded(fhir.search), methods=["GET"]),
        Route(many, fhir.guarded(fhir.create), methods=["POST"]),
        Route(one, fhir.guarded(fhir.read), methods=["GET"]),
        Route(one, fhir.guarded(fhir.update), methods=["PUT"]),
    ]


class _Fhir:
    """The FHIR face of one hub."""

    def __init__(self, hub: Hub, door: Doorkeeper) -> None:
        self._hub, self._door = hub, door

    def guarded(self, serve: Any) -> Any:
        """A route that answers refusals with an OperationOutcome."""

        async def route(request: Request) -> Response:
            try:
                profile = self._door.partner(request)
                self._speaks(profile, request)
                return await serve(request, profile)  # type: ignore[no-any-return]
            except Refused as refused:
                return _answer(refused.status, outcome(refused.faults))

        return route

    @staticmethod
    def _speaks(profile: Profile, request: Request) -> None:
        if profile.http is None or "fhir_r4" not in profile.http.formats:
            raise Refused(403, refusal("forbidden", "", "this partner does not use FHIR here"))
        if request.path_params["type"] not in SERVED:
            raise Refused(404, refusal("not-supported", "", f"served are: {', '.join(SERVED)}"))
        if request.query_params.get("_format", "json") not in SYNTAXES:
            raise Refused(406, refusal("not-supported", "_format", "only JSON is written"))

    async def metadata(self, _: Request) -> Response:
        """The CapabilityStatement."""
        return _answer(200, capabilities(instant_text(self._hub.clock())))

    # ---- reading ----------------------------------------------------------------------------------------------

    async def read(self, request: Request, profile: Profile) -> Response:
        """One resource, at its last or a named version."""
        type_, record_id = request.path_params["type"], request.path_params["id"]
        version = request.path_params.get("version")
        return await self._answer_with(profile, type_, record_id, version)

    async def _answer_with(self, profile: Profile, type_: str, record_id: str, version: int | None = None) -> Response:
        resources = self._hub.resources
        shown = await self._show(profile, lambda c: resources.get(c, profile, type_, record_id, version))
        if shown is None:
            raise missing()
        return _versioned(200, *shown)

    async def _show(
        self, profile: Profile, find: Callable[[Committer], Found | None], position: int = -1
    ) -> Shown | None:
        """What `find` finds, as a resource; `position` is that of the log up to which the read model has to be."""
        await self._caught_up(position)
        shown = await self._hub.pipeline.run(lambda c: self._shown(c, profile, [f for f in [find(c)] if f is not None]))
        return shown[0] if shown else None

    def _shown(self, committer: Committer, profile: Profile, found: Sequence[Found]) -> list[Shown]:
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

    async def _caught_up(self, position: int = -1) -> None:
        """Waits until the read model holds what was committed up to a position, or up to now. Raises Overloaded."""
        if position < 0:
            position = (await self._hub.pipeline.run(lambda c: c.connection.one("head") or (0,)))[0]
        projector = self._hub.projector
        if not projector.wait_for(position, 0) and not await asyncio.to_thread(projector.wait_for, position):
            raise Overloaded("the read model is far behind")

    def _is_caught_up(self, committer: Committer) -> bool:
        """True once the read model holds all that was committed; nothing else is while the caller works."""
        head = committer.connection.one("head") or (0,)
        return self._hub.projector.wait_for(head[0])

    async def search(self, request: Request, profile: Profile) -> Response:
        """A searchset of what this partner may read, in pages."""
        type_ = request.path_params["type"]
        query = asked.query(type_, request.query_params.multi_items())
        count, offset = min(asked.number(request, "_count", 50), MOST), asked.number(request, "_offset", 0)
        await self._caught_up()

        def look(committer: Committer) -> tuple[int, list[Shown]]:
            found = self._hub.resources.search(committer, profile, type_, query)
            return len(found), self._shown(committer, profile, found[offset : offset + count])

        total, shown = await self._hub.pipeline.run(look)
        base = str(request.base_url).rstrip("/") + "/fhir"
        entries = [
            {"fullUrl": f"{base}/{type_}/{found.id}", "resource": resource, "search": {"mode": "match"}}
            for found, resource in shown
        ]
        links = asked.links(f"{base}/{type_}", request, count, offset, total)
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": json_text.Num(str(total)), "link": links}
        return _answer(200, {**bundle, "entry": entries} if entries else bundle)

    # ---- writing ----------------------------------------------------------------------------------------------

    async def create(self, request: Request, profile: Profile) -> Response:
        """Records a resource; the answer is its first version, or an OperationOutcome where something deviates."""
        type_ = request.path_params["type"]
        resource = asked.parsed(await self._body(request), type_)
        resource.pop("id", None)
        incoming = Incoming(profile.partner, "fhir", "fhir_r4", json_text.dumps(resource))
        condition = request.headers.get("if-none-exist", "")
        answer = await (self._unless(condition, type_, profile, incoming) if condition else self._hub.receive(incoming))
        if isinstance(answer, Found):
            return await self._answer_with(profile, type_, answer.id)
        _recorded(answer)
        resources = self._hub.resources
        shown = await self._show(profile, lambda c: resources.made(c, profile, type_, answer), answer.last)
        told = [*answer.faults]
        if answer.unlinked and type_ == "Observation":
            told.append(Fault("unlinked", type_, "it is recorded and waits: no order has an identifier that it names"))
        if shown is None:
            told.append(Fault("no-fact", type_, "it was taken, and nothing came of it that can be shown to its sender"))
            return _answer(200, outcome(told))
        found, made = shown
        where = f"/fhir/{type_}/{found.id}/_history/{found.version}"
        return _versioned(200 if answer.repeated else 201, found, outcome(told) if told else made, location=where)

    async def _unless(self, condition: str, type_: str, profile: Profile, incoming: Incoming) -> Answer | Found:
        """The one resource that fits a condition, or what became of the message. Raises Refused where several fit."""
        query = asked.query(type_, parse_qsl(condition.lstrip("?")))
        await self._caught_up()

        def work(committer: Committer) -> Answer | Refused | Found:
            if not self._is_caught_up(committer):
                return behind()
            found = self._hub.resources.search(committer, profile, type_, query)
            if len(found) > 1:
                return Refused(412, refusal("conflict", "if-none-exist", f"{len(found)} resources fit the condition"))
            return found[0] if found else committer.commit([incoming])[0]

        answer = await self._hub.pipeline.run(work)
        if isinstance(answer, Refused):
            raise answer
        return answer  # type: ignore[no-any-return]

    async def validate(self, request: Request, profile: Profile) -> Response:  # noqa: ARG002
        """What is wrong with a resource, as `$validate` tells it: 200 whatever is found. Keeps nothing."""
        resource = asked.read(await self._body(request))
        return _answer(200, outcome(validate(resource, request.path_params["type"])))

    async def update(self, request: Request, profile: Profile) -> Response:
        """Records what the partner changed against what it was shown at If-Match."""
        type_, record_id = request.path_params["type"], request.path_params["id"]
        body = await self._body(request)
        sent = asked.parsed(body, type_)
        if sent.get("id") != record_id:
            raise Refused(400, refusal("id-unreadable", f"{type_}.id", "the resource's id is the one in the address"))
        match = request.headers.get("if-match", "")
        await self._caught_up()
        answer = await self._hub.pipeline.run(lambda c: self._change(c, profile, record_id, match, sent, body))
        if isinstance(answer, Refused):
            raise answer
        if answer is not None:
            _recorded(answer)
        return await self._answer_with(profile, type_, record_id)

    def _change(
        self, committer: Committer, profile: Profile, record_id: str, match: str, sent: dict[str, Any], body: bytes
    ) -> Answer | Refused | None:
        """Compares and commits in one: while this runs nothing else is recorded."""
        if not self._is_caught_up(committer):
            return behind()
        found = self._hub.resources.get(committer, profile, sent["resourceType"], record_id)
        if found is None:
            return missing()
        if not match:
            return Refused(428, refusal("if-match", "", 'send If-Match with the version that you changed, as W/"3"'))
        if match.strip().removeprefix("W/").strip('"') != str(found.version):
            return Refused(412, refusal("conflict", "", "the resource changed since; read it again"))
        return self._difference(committer, profile, found, sent, body)

    def _difference(
        self, committer: Committer, profile: Profile, found: Found, sent: dict[str, Any], body: bytes
    ) -> Answer | Refused | None:
        """Commits what changed; None where nothing did."""
        db, now, resources = committer.connection, instant_text(self._hub.clock()), self._hub.resources
        base = resources.shown(db, profile, found.kind, found.id, found.version)
        base = base or resources.render(committer, profile, found, now) or {}
        adapter = self._hub.adapters.of(profile, "fhir_r4").adapter  # type: ignore[attr-defined]
        try:
            read_sent = adapter.resource_to_frames(sent, self._hub.resolver)
        except (Unparsable, Unsupported) as wrong:
            return Refused(422, refusal(wrong.code, wrong.place, wrong.remedy))
        changed = updates.difference(adapter.resource_to_frames(base, self._hub.resolver), read_sent)
        if changed.unwritable:
            remedy = "no table carries a change of it; leave it as it was shown"
            return Refused(422, *(refusal("unwritable", path, remedy) for path in changed.unwritable))
        if not changed.frames:
            return None
        identity: dict[str, Any] = {}
        if found.kind == "subject":
            tokens = [identifier["value"] for identifier in found.body["identifiers"]]
            vault = Vault(self._hub.keys, db, self._hub.settings.region)
            identity = vault.look(tokens, profile.partner, profile.partner, now)
        converted = updates.converted(found, read_sent, changed, body, identity)
        incoming = Incoming(profile.partner, "fhir", "fhir_r4", body, name=converted.source_id, converted=converted)
        return committer.commit([incoming])[0]

    @staticmethod
    async def _body(request: Request) -> bytes:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in SYNTAXES:
            raise Refused(415, refusal("media-type", "content-type", f"send {FHIR}"))
        return await request.body()

    # ---- questions --------------------------------------------------------------------------------------------

    async def ask(self, request: Request, profile: Profile) -> Response:
        """`$may-ship` and `$may-infuse` of an order; containers as `container=system|value`, repeated."""
        question = request.path_params["question"]
        type_, record_id = request.path_params["type"], request.path_params["id"]
        if question not in OVER_FHIR or type_ != "ServiceRequest":
            raise Refused(404, refusal("not-supported", "", f"known are: {', '.join('$' + q for q in OVER_FHIR)}"))
        containers = [asked.container(token) for token in request.query_params.getlist("container")]
        await self._caught_up()

        def answer(committer: Committer) -> Given | None:
            found = self._hub.resources.get(committer, profile, type_, record_id)
            if found is None:
                return None
            wanted = Question(question, _main_names(found), containers, profile.partner)
            return self._hub.questions.ask(committer, wanted)

        given = await self._hub.pipeline.run(answer)
        if given is None:
            raise missing()
        return _answer(200, parameters(given))


def parameters(given: Given) -> dict[str, Any]:
    """An answer as Parameters: the verdict, the log position that it rests on, and every reason."""
    reasons = [
        {
            "name": "reason",
            "part": [
                {"name": "rule", "valueCode": reason.rule},
                {"name": "verdict", "valueCode": reason.verdict},
                {"name": "text", "valueString": reason.text},
                {"name": "settle", "valueString": reason.settle},
            ],
        }
        for reason in given.verdict.reasons
    ]
    head = [
        {"name": "verdict", "valueCode": given.verdict.verdict},
        {"name": "position", "valueInteger": json_text.Num(str(given.position))},
    ]
    return {"resourceType": "Parameters", "parameter": [*head, *reasons]}


def _recorded(answer: Answer) -> None:
    if answer.outcome in {HELD, REJECTED}:
        faults = answer.faults or [refusal("not-recorded", "", f"the resource was {answer.outcome}")]
        raise Refused(422, *faults)


def _main_names(found: Found) -> Sequence[Mapping[str, Any]]:
    """The names that tell an order from all others: its placer numbers, or whatever it has."""
    names = found.body["identifiers"]
    return [name for name in names if name.get("type") == "placer"] or names[:1]


def _versioned(status: int, found: Found, resource: dict[str, Any], **headers: str) -> Response:
    return _answer(status, resource, etag=f'W/"{found.version}"', **headers)


def _answer(status: int, resource: dict[str, Any], **headers: str) -> Response:
    return Response(json_text.dumps(resource), status, headers, FHIR)
