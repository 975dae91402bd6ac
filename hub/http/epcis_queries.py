"""EPCIS 2.0 queries over HTTP: `GET /epcis/events` and the resources beside it. GS1's REST binding, JSON-LD only.

A partner is told what it may see of the orders in which it takes part, and what it told itself. No person is in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters import json_text
from adapters.epcis.document import CONTEXT, EVENT_TYPES, with_context
from canonical_model.values import instant_text
from hub.epcis_events import MESSAGE, Finder, Page, TooMany, sent_by
from hub.epcis_query import LONGEST, Wrong, read
from hub.http.auth import Doorkeeper
from hub.http.problems import problem, refusal
from hub.profiles import Profile
from hub.rendering import Renderer
from mappings.faults import Fault

if TYPE_CHECKING:
    from hub.bootstrap import Hub

LD = "application/ld+json"
JSON = frozenset({LD, "application/json", "application/*", "*/*"})
NOT_A_QUERY = "epcisException:QueryParameterException"
TOO_LARGE = "epcisException:QueryTooLargeException"
ABSENT = "epcisException:NoSuchResourceException"
NARROWED = {
    "eventTypes": "eventType",
    "epcs": "MATCH_anyEPC",
    "bizSteps": "EQ_bizStep",
    "bizLocations": "EQ_bizLocation",
    "readPoints": "EQ_readPoint",
    "dispositions": "EQ_disposition",
}
"""Resource whose `/…/events` are a query with one parameter."""

Serve = Callable[[Request, Profile], Awaitable[Response]]


def routes(hub: Hub, door: Doorkeeper, headers: dict[str, str]) -> list[Route]:
    """The routes of queries; `headers` say which version is spoken."""
    renderer = Renderer(hub.keys, hub.adapters, "", hub.protocols)  # of no region: nobody's persons are looked up

    def guarded(serve: Serve) -> Callable[[Request], Awaitable[Response]]:
        async def route(request: Request) -> Response:
            profile = door.partner(request)
            if profile.http is None or "epcis" not in profile.http.formats:
                fault = refusal("forbidden", "", "this partner does not use EPCIS here")
                return problem(403, fault.remedy, [fault])
            if not _takes_json(request):
                fault = refusal("not-supported", "accept", "only application/ld+json is written")
                return problem(406, fault.remedy, [fault])
            return await serve(request, profile)

        return route

    async def look(profile: Profile, work: Callable[[Finder], Any]) -> Any:
        types = sent_by(hub.adapters.of(profile, "epcis").map(MESSAGE).get("send", {}))
        now = hub.clock()
        return await hub.readers.run(lambda db: work(Finder(db, profile, renderer, types, now)))

    async def found(request: Request, profile: Profile, more: Iterable[tuple[str, str]] = ()) -> Response:
        try:
            query = read([*request.query_params.multi_items(), *more])
            page: Page = await look(profile, lambda finder: finder.page(query))
        except Wrong as wrong:
            return problem(400, "the query cannot be read", wrong.faults, kind=NOT_A_QUERY)
        except TooMany:
            text = "ask for less: what was recorded since (GE_recordTime), a thing, or pages without orderBy"
            fault = Fault("too-large", "query", text, severity="error")
            return problem(413, fault.remedy, [fault], kind=TOO_LARGE)
        return _answer(_document(page.events, instant_text(hub.clock())), {**headers, **_next(request, page)})

    async def events(request: Request, profile: Profile) -> Response:
        return await found(request, profile)

    async def narrowed(request: Request, profile: Profile) -> Response:
        kind, value = request.path_params["kind"], request.path_params["value"]
        if kind not in NARROWED or "|" in value:
            return _absent()
        return await found(request, profile, [(NARROWED[kind], value)])

    async def event(request: Request, profile: Profile) -> Response:
        named = request.path_params["id"]
        told = await look(profile, lambda finder: finder.one(named)) if len(named) <= LONGEST else None
        return _answer(with_context({"@context": [CONTEXT], **told}), headers) if told else _absent()

    async def types(request: Request, profile: Profile) -> Response:  # noqa: ARG001 - a route's shape
        collection = {"@context": [CONTEXT], "type": "Collection", "member": [*EVENT_TYPES]}
        return _answer(collection, headers)

    return [
        Route("/epcis/events", guarded(events), methods=["GET"]),
        Route("/epcis/events/{id:path}", guarded(event), methods=["GET"]),
        Route("/epcis/eventTypes", guarded(types), methods=["GET"]),
        Route("/epcis/{kind:str}/{value:path}/events", guarded(narrowed), methods=["GET"]),
    ]


def _takes_json(request: Request) -> bool:
    wanted = request.headers.get("accept", "*/*")
    return any(part.partition(";")[0].strip().lower() in JSON for part in wanted.split(","))


def _document(events: list[dict[str, Any]], now: str) -> dict[str, Any]:
    """Events as a query document of EPCIS 2.0."""
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": events}}
    return with_context(
        {
            "@context": [CONTEXT],
            "type": "EPCISQueryDocument",
            "schemaVersion": "2.0",
            "creationDate": now,
            "epcisBody": {"queryResults": results},
        }
    )


def _next(request: Request, page: Page) -> dict[str, str]:
    """The link to the next page (RFC 8288), where there is one."""
    if not page.next:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "nextPageToken"]
    query = urlencode([*kept, ("nextPageToken", str(page.next))])
    return {"link": f'<{request.url.path}?{query}>; rel="next"'}


def _answer(body: dict[str, Any], headers: dict[str, str]) -> Response:
    return Response(json_text.dumps(body), 200, headers, LD)


def _absent() -> Response:
    return problem(404, "no such resource", [refusal("not-found", "", "no such resource")], kind=ABSENT)
