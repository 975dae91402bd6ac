"""FHIR R4 over HTTP: read, vread, search, create, update and the questions as operations. Renders, decides nothing.

A create or update is a message like any other: committed before it is answered. An update is the difference to what the
partner was shown at If-Match.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters import json_text
from adapters.fhir_r4.outcome import of_exception, outcome
from adapters.fhir_r4.references import KINDS
from adapters.reading import Unparsable, Unsupported
from canonical_model.values import instant_text
from hub import updates
from hub.answers import QUESTIONS, Given, Question
from hub.committer import Answer, Committer, Incoming
from hub.conversion import HELD, REJECTED, Converted
from hub.http.auth import Doorkeeper, read_body
from hub.profiles import Profile
from hub.resources import SERVED, Found
from hub.vault import Vault
from mappings.faults import Fault

if TYPE_CHECKING:
    from hub.bootstrap import Hub

JSON = "application/fhir+json"
MOST = 200
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "Patient": ("_id", "identifier", "family$birthdate"),
    "ServiceRequest": ("_id", "identifier", "patient", "subject"),
    "Observation": ("_id", "identifier", "patient", "subject", "based-on"),
}
_TYPES = {"_id": "token", "identifier": "token", "patient": "reference", "subject": "reference", "based-on": "reference"}


class Refused(Exception):
    """An answer other than success, with its OperationOutcome."""

    def __init__(self, status: int, faults: Sequence[Fault]) -> None:
        super().__init__(status)
        self.status, self.faults = status, faults


def _fault(code: str, place: str, remedy: str) -> Fault:
    return Fault(code, place, remedy, severity="error")


def routes(hub: Hub, door: Doorkeeper) -> list[Route]:
    """The routes under `/fhir`."""
    fhir = _Fhir(hub, door)
    many = "/fhir/{type:str}"
    one = many + "/{id:str}"
    return [
        Route("/fhir/metadata", fhir.metadata, methods=["GET"]),
        Route(many, fhir.guarded(fhir.search), methods=["GET"]),
        Route(many, fhir.guarded(fhir.create), methods=["POST"]),
        Route(one, fhir.guarded(fhir.read), methods=["GET"]),
        Route(one, fhir.guarded(fhir.update), methods=["PUT"]),
        Route(one + "/_history/{version:int}", fhir.guarded(fhir.read), methods=["GET"]),
        Route(one + "/${question:str}", fhir.guarded(fhir.ask), methods=["GET"]),
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
            raise Refused(403, [_fault("forbidden", "", "this partner does not use FHIR here")])
        if request.path_params["type"] not in SERVED:
            raise Refused(404, [_fault("not-supported", "", f"served are: {', '.join(SERVED)}")])

    # ---- reading ----------------------------------------------------------------------------------------------

    async def metadata(self, _: Request) -> Response:
        """The CapabilityStatement."""
        return _answer(200, capabilities(instant_text(self._hub.clock())))

    async def read(self, request: Request, profile: Profile) -> Response:
        """One resource, at its last or a named version."""
        version = int(request.path_params.get("version", 0))
        found = await self._found(profile, request, version)
        return await self._shown(profile, found, 200)

    async def _found(self, profile: Profile, request: Request, version: int = 0) -> Found:
        type_, record_id = request.path_params["type"], request.path_params["id"]
        await self._caught_up()
        found = await self._hub.pipeline.run(lambda c: self._hub.resources.get(c, profile, type_, record_id, version))
        if found is None:
            raise Refused(404, [_fault("not-found", "", "no such resource that this partner may read")])
        return found  # type: ignore[no-any-return]

    async def _caught_up(self) -> None:
        """Waits until the read model holds what was committed before this request."""
        head = await self._hub.pipeline.run(lambda c: c.connection.one("head")[0])
        await asyncio.to_thread(self._hub.projector.wait_for, head)

    async def _shown(self, profile: Profile, found: Found, status: int, **headers: str) -> Response:
        def render(committer: Committer) -> dict[str, Any] | None:
            now = self._hub.clock()
            resource = self._hub.resources.render(committer, profile, found, instant_text(now))
            if resource is not None:
                db = committer.connection
                self._hub.resources.remember(db, profile, found, resource, now.strftime("%Y-%m"))
            return resource

        resource = await self._hub.pipeline.run(render)
        if resource is None:
            raise Refused(404, [_fault("not-found", "", "no such resource that this partner may read")])
        return _answer(status, resource, etag=f'W/"{found.version}"', **headers)

    async def search(self, request: Request, profile: Profile) -> Response:
        """A searchset of what this partner may read."""
        type_ = request.path_params["type"]
        query = {name: value for name, value in request.query_params.items() if name not in {"_count", "_offset"}}
        if "family" in query and "birthdate" in query and type_ == "Patient":
            query = {**query, "family": f"{query['family']}${query.pop('birthdate')}"}
        known = {*_PARAMETERS[type_], "family"} if type_ == "Patient" else set(_PARAMETERS[type_])
        unknown = sorted(set(query) - known)
        if unknown or not query:
            remedy = f"search by {', '.join(_PARAMETERS[type_])}; family and birthdate go together"
            raise Refused(400, [_fault("not-supported", ",".join(unknown), remedy)])
        count, offset = _number(request, "_count", 50), _number(request, "_offset", 0)
        await self._caught_up()
        base = str(request.base_url).rstrip("/") + "/fhir"

        def look(committer: Committer) -> tuple[int, list[dict[str, Any]]]:
            now = self._hub.clock()
            found = self._hub.resources.search(committer, profile, type_, query)
            entries = []
            for one in found[offset : offset + count]:
                resource = self._hub.resources.render(committer, profile, one, instant_text(now))
                if resource is not None:
                    self._hub.resources.remember(
                        committer.connection, profile, one, resource, now.strftime("%Y-%m")
                    )
                    url = f"{base}/{type_}/{one.id}"
                    entries.append({"fullUrl": url, "resource": resource, "search": {"mode": "match"}})
            return len(found), entries

        total, entries = await self._hub.pipeline.run(look)
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "total": json_text.Num(str(total)),
            "link": [{"relation": "self", "url": str(request.url)}],
        }
        return _answer(200, {**bundle, "entry": entries} if entries else bundle)

    # ---- writing ----------------------------------------------------------------------------------------------

    async def create(self, request: Request, profile: Profile) -> Response:
        """Records a resource; the answer is its first version, or an OperationOutcome where something deviates."""
        type_ = request.path_params["type"]
        body = await self._body(request)
        resource = self._parsed(body, type_)
        resource.pop("id", None)
        answer = await self._hub.receive(Incoming(profile.partner, "fhir", "fhir_r4", json_text.dumps(resource)))
        self._recorded(answer)
        found = await self._made(profile, type_, answer)
        where = f"/fhir/{type_}/{found.id}/_history/{found.version}"
        if answer.faults or (answer.unlinked and type_ == "Observation"):
            faults = answer.faults or [
                Fault("unlinked", type_, "it is recorded and waits: no order has an identifier that it names")
            ]
            return _answer(201, outcome(faults), etag=f'W/"{found.version}"', location=where)
        return await self._shown(profile, found, 200 if answer.repeated else 201, location=where)

    async def _made(self, profile: Profile, type_: str, answer: Answer) -> Found:
        names = next((names for kind, names in answer.records if kind == KINDS[type_]), [])
        await self._caught_up()
        record_id = self._hub.resources.id_of(KINDS[type_], names) if names else ""
        found = await self._hub.pipeline.run(lambda c: self._hub.resources.get(c, profile, type_, record_id))
        if found is None:
            raise Refused(422, [_fault("no-fact", type_, "the resource asserts no fact that the hub records")])
        return found  # type: ignore[no-any-return]

    async def update(self, request: Request, profile: Profile) -> Response:
        """Records what the partner changed against what it was shown at If-Match."""
        type_, record_id = request.path_params["type"], request.path_params["id"]
        body = await self._body(request)
        sent = self._parsed(body, type_)
        if sent.get("id") != record_id:
            raise Refused(400, [_fault("id", f"{type_}.id", "the resource's id is the one in the address")])
        found = await self._found(profile, request)
        if_match = request.headers.get("if-match", "")
        if not if_match:
            raise Refused(428, [_fault("if-match", "", 'send If-Match with the version that you changed, such as W/"3"')])
        if if_match.removeprefix("W/").strip('"') != str(found.version):
            raise Refused(412, [_fault("conflict", "", "the resource changed since; read it again")])
        changed, incoming = await self._hub.pipeline.run(
            lambda c: self._difference(c, profile, found, sent, body)
        )
        if changed.unwritable:
            remedy = "no table carries a change of it; leave it as it was shown"
            raise Refused(422, [_fault("unwritable", path, remedy) for path in changed.unwritable])
        if incoming is not None:
            self._recorded(await self._hub.receive(incoming))
        return await self._shown(profile, await self._found(profile, request), 200)

    def _difference(
        self, committer: Committer, profile: Profile, found: Found, sent: dict[str, Any], body: bytes
    ) -> tuple[updates.Changes, Incoming | None]:
        db, now = committer.connection, instant_text(self._hub.clock())
        resources = self._hub.resources
        base = resources.shown(db, profile, found.kind, found.id, found.version)
        base = base or resources.render(committer, profile, found, now) or {}
        adapter = self._hub.adapters.of(profile, "fhir_r4").adapter  # type: ignore[attr-defined]
        read_sent = adapter.resource_to_frames(sent, self._hub.resolver)
        changed = updates.difference(adapter.resource_to_frames(base, self._hub.resolver), read_sent)
        if changed.unwritable or not changed.frames:
            return changed, None
        identity: dict[str, Any] = {}
        if found.kind == "subject":
            tokens = [identifier["value"] for identifier in found.body["identifiers"]]
            vault = Vault(self._hub.keys, db, self._hub.settings.region)
            identity = vault.look(tokens, profile.partner, profile.partner, now)
        converted: Converted = updates.converted(found, read_sent, changed, body, identity)
        incoming = Incoming(profile.partner, "fhir", "fhir_r4", body, name=converted.source_id, converted=converted)
        return changed, incoming

    async def _body(self, request: Request) -> bytes:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in {JSON, "application/json"}:
            raise Refused(415, [_fault("media-type", "content-type", f"send {JSON}")])
        body = await read_body(request, self._hub.settings.max_message)
        if body is None:
            raise Refused(413, [_fault("too-large", "", f"send at most {self._hub.settings.max_message} bytes")])
        return body

    @staticmethod
    def _parsed(body: bytes, type_: str) -> dict[str, Any]:
        try:
            resource = json_text.loads(body)
        except (Unparsable, Unsupported) as wrong:
            raise Refused(400, [_fault(wrong.code, wrong.place, wrong.remedy)]) from wrong
        from adapters.fhir_r4.validate import validate

        faults = validate(resource, type_)
        if any(fault.severity == "error" for fault in faults):
            raise Refused(422, faults)
        assert isinstance(resource, dict)
        return resource

    @staticmethod
    def _recorded(answer: Answer) -> None:
        if answer.outcome in {HELD, REJECTED}:
            raise Refused(422, answer.faults or [_fault("not-recorded", "", f"the resource was {answer.outcome}")])

    # ---- questions --------------------------------------------------------------------------------------------

    async def ask(self, request: Request, profile: Profile) -> Response:
        """`$may-ship` and `$may-infuse` of an order; containers as `container=system|value`, repeated."""
        question = request.path_params["question"]
        if question not in QUESTIONS or request.path_params["type"] != "ServiceRequest":
            raise Refused(404, [_fault("not-supported", "", f"known are: {', '.join('$' + q for q in QUESTIONS)}")])
        found = await self._found(profile, request)
        containers = []
        for token in request.query_params.getlist("container"):
            system, _, value = token.rpartition("|")
            if not system or not value:
                raise Refused(400, [_fault("value", "container", "name a container as system|value")])
            containers.append({"kind": "container", "identifiers": [{"system": system, "value": value}]})
        asked = Question(question, found.body["identifiers"][:1], containers, profile.partner)
        given = await self._hub.pipeline.run(lambda c: self._hub.questions.ask(c, asked))
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


def capabilities(now: str) -> dict[str, Any]:
    """What this server does, as a CapabilityStatement."""
    interactions = [{"code": code} for code in ("read", "vread", "update", "create", "search-type")]
    operations = [
        {"name": name, "definition": f"https://cgt-hub.example/OperationDefinition/{name}"} for name in QUESTIONS
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now,
        "kind": "instance",
        "software": {"name": "CGT Hub"},
        "implementation": {"description": "Connects the systems of cell and gene therapy"},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": type_,
                        "interaction": interactions,
                        "versioning": "versioned-update",
                        "searchParam": [{"name": n, "type": _TYPES[n]} for n in _PARAMETERS[type_] if n in _TYPES],
                        **({"operation": operations} if type_ == "ServiceRequest" else {}),
                    }
                    for type_ in SERVED
                ],
            }
        ],
    }


def _number(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return usual
    if not text.isdigit() or len(text) > 6:
        raise Refused(400, [_fault("value", name, "send a whole number")])
    return min(int(text), MOST) if name == "_count" else int(text)


def _answer(status: int, resource: dict[str, Any], **headers: str) -> Response:
    return Response(json_text.dumps(resource), status, headers, JSON)
