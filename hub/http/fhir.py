"""FHIR R4 over HTTP: the routes under `/fhir`. Takes requests apart and renders answers; decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.fhir_r4.outcome import outcome
from adapters.fhir_r4.validate import validate
from canonical_model.values import instant_text
from hub.answers import QUESTIONS
from hub.http import fhir_operations as operations
from hub.http import fhir_request as asked
from hub.http.auth import Doorkeeper
from hub.http.capabilities import capabilities
from hub.http.fhir_bundles import Bundles
from hub.http.fhir_entries import version_of
from hub.http.fhir_interactions import Interactions
from hub.http.fhir_questions import FhirQuestions
from hub.http.fhir_replies import answer, response
from hub.http.fhir_request import Refused, missing
from hub.http.problems import FHIR, refusal
from hub.profiles import Profile
from hub.resources import SERVED

if TYPE_CHECKING:
    from hub.bootstrap import Hub

SYNTAXES = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
FORM = "application/x-www-form-urlencoded"
HOLDS_DOCUMENTS = "DocumentReference"

Serve = Callable[[Request, Profile], Awaitable[Response]]
Pairs = Sequence[tuple[str, str]]


def routes(hub: Hub, door: Doorkeeper) -> list[Route]:
    """The routes under `/fhir`."""
    fhir = _Fhir(hub, door)
    many = "/fhir/{type:str}"
    one = many + "/{id:str}"
    guarded = fhir.guarded
    return [
        Route("/fhir/metadata", fhir.metadata, methods=["GET"]),
        Route("/fhir/OperationDefinition/{id:str}", fhir.operation, methods=["GET"]),
        Route("/fhir", guarded(fhir.bundle), methods=["POST"]),
        Route("/fhir/", guarded(fhir.bundle), methods=["POST"]),
        Route(many + "/$validate", guarded(fhir.validate), methods=["POST"]),
        Route(many + "/_search", guarded(fhir.search_by_form), methods=["POST"]),
        Route(many + "/${question:str}", guarded(fhir.ask), methods=["GET", "POST"]),
        Route(one + "/${question:str}", guarded(fhir.ask), methods=["GET", "POST"]),
        Route(one + "/_history/{version:str}", guarded(fhir.read), methods=["GET"]),
        Route(many, guarded(fhir.search), methods=["GET"]),
        Route(many, guarded(fhir.create), methods=["POST"]),
        Route(many, guarded(fhir.update_where), methods=["PUT"]),
        Route(one, guarded(fhir.read), methods=["GET"]),
        Route(one, guarded(fhir.update), methods=["PUT"]),
    ]


class _Fhir:
    """The FHIR face of one hub."""

    def __init__(self, hub: Hub, door: Doorkeeper) -> None:
        self._hub, self._door = hub, door
        self._do = Interactions(hub)
        self._bundles = Bundles(hub, self._do)
        self._questions = FhirQuestions(hub, self._do)

    def guarded(self, serve: Serve) -> Callable[[Request], Awaitable[Response]]:
        """A route that answers refusals with an OperationOutcome."""

        async def route(request: Request) -> Response:
            try:
                profile = self._door.partner(request)
                self._speaks(profile, request)
                return await serve(request, profile)
            except Refused as refused:
                return answer(refused.status, outcome(refused.faults))

        return route

    @staticmethod
    def _speaks(profile: Profile, request: Request) -> None:
        if profile.http is None or "fhir_r4" not in profile.http.formats:
            raise Refused(403, refusal("forbidden", "", "this partner does not use FHIR here"))
        if request.path_params.get("type", SERVED[0]) not in SERVED:
            raise Refused(404, refusal("not-supported", "", f"served are: {', '.join(SERVED)}"))
        if request.query_params.get("_format", "json") not in SYNTAXES:
            raise Refused(406, refusal("not-supported", "_format", "only JSON is written"))

    # ---- what is public ---------------------------------------------------------------------------------------

    async def metadata(self, request: Request) -> Response:
        """The CapabilityStatement."""
        return answer(200, capabilities(instant_text(self._hub.clock()), _base(request)))

    async def operation(self, request: Request) -> Response:
        """An OperationDefinition; it holds nothing of anyone."""
        found = operations.OPERATIONS.get(request.path_params["id"])
        if found is None:
            fault = refusal("not-found", "", f"defined are: {', '.join(operations.OPERATIONS)}")
            return answer(404, outcome([fault]))
        return answer(200, found)

    # ---- interactions -----------------------------------------------------------------------------------------

    async def read(self, request: Request, profile: Profile) -> Response:
        """One resource, at its last or a named version."""
        at = request.path_params
        version = version_of(at["version"]) if "version" in at else None
        if "version" in at and version is None:
            raise missing()
        return response(await self._do.read(profile, at["type"], at["id"], version))

    async def search(self, request: Request, profile: Profile) -> Response:
        """A searchset of what this partner may read, in pages."""
        return await self._search(request, profile, request.query_params.multi_items())

    async def search_by_form(self, request: Request, profile: Profile) -> Response:
        """The same, with the criteria in the body: they may name a person, and addresses are logged on the way."""
        if _media_type(request) != FORM:
            raise Refused(415, refusal("media-type", "content-type", f"send {FORM}"))
        body = await request.body()
        if len(body) > asked.MOST_FORM:
            raise Refused(413, refusal("too-large", "body", f"send at most {asked.MOST_FORM} bytes of criteria"))
        try:
            given = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=asked.MOST_CRITERIA)
        except ValueError:
            text = f"send at most {asked.MOST_CRITERIA} criteria in UTF-8"
            raise Refused(400, refusal("value", "body", text)) from None
        return await self._search(request, profile, [*request.query_params.multi_items(), *given])

    async def _search(self, request: Request, profile: Profile, given: Pairs) -> Response:
        return response(await self._do.search(profile, request.path_params["type"], given, _base(request)))

    async def create(self, request: Request, profile: Profile) -> Response:
        """Records a resource; the answer is its first version, or an OperationOutcome where something deviates."""
        type_ = request.path_params["type"]
        resource = await _resource(request, await _body(request, type_))
        condition = request.headers.get("if-none-exist", "")
        return response(await self._do.create(profile, type_, resource, condition), _prefer(request))

    async def update(self, request: Request, profile: Profile) -> Response:
        """Records what the partner changed against what it was shown at If-Match."""
        type_, record_id = request.path_params["type"], request.path_params["id"]
        body = await _body(request, type_)
        sent = await _resource(request, body)
        if sent.get("id") != record_id:
            raise Refused(400, refusal("id-unreadable", f"{type_}.id", "the resource's id is the one in the address"))
        match = request.headers.get("if-match", "")
        return response(await self._do.update(profile, type_, record_id, sent, body, match), _prefer(request))

    async def update_where(self, request: Request, profile: Profile) -> Response:
        """Records a resource as the one that fits the criteria of the address, or as a new one."""
        type_ = request.path_params["type"]
        sent, match = await _resource(request, await _body(request, type_)), request.headers.get("if-match", "")
        reply = await self._do.update_where(profile, type_, sent, request.url.query, match)
        return response(reply, _prefer(request))

    async def validate(self, request: Request, profile: Profile) -> Response:  # noqa: ARG002
        """What is wrong with a resource, as `$validate` tells it: 200 whatever is found. Keeps nothing."""
        type_ = request.path_params["type"]
        body = await _body(request, type_)
        return answer(200, outcome(await asked.aside(len(body), lambda: validate(asked.read(body), type_))))

    async def bundle(self, request: Request, profile: Profile) -> Response:
        """A transaction or a batch."""
        return answer(200, await self._bundles.process(profile, await _body(request), _base(request), _prefer(request)))

    async def ask(self, request: Request, profile: Profile) -> Response:
        """A question as an operation, at an order or at the type."""
        question, type_ = request.path_params["question"], request.path_params["type"]
        if question not in QUESTIONS or type_ != operations.OF:
            known = f"of {operations.OF} there are: {', '.join('$' + q for q in QUESTIONS)}"
            raise Refused(404, refusal("not-supported", "", known))
        if request.method == "GET":
            arguments = operations.from_query(request.query_params.multi_items())
        else:
            arguments = operations.from_parameters(asked.read(await _body(request, type_)))
        try:
            told = await self._questions.ask(profile, question, request.path_params.get("id"), arguments)
        except RequestValidationError as wrong:
            raise asked.misfit(wrong.errors()) from None
        return answer(200, told)


def _base(request: Request) -> str:
    """The address of the FHIR server, as the caller knows it."""
    return str(request.base_url).rstrip("/") + "/fhir"


def _prefer(request: Request) -> str:
    return request.headers.get("prefer", "")


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request, type_: str = "") -> bytes:
    """The body: with a type that of one resource, which is large for the document alone that it holds."""
    if _media_type(request) not in SYNTAXES:
        raise Refused(415, refusal("media-type", "content-type", f"send {FHIR}"))
    body = await request.body()
    if type_ not in {"", HOLDS_DOCUMENTS} and len(body) > asked.MOST_RESOURCE:
        text = f"send at most {asked.MOST_RESOURCE} bytes as one resource; more of them in a Bundle"
        raise Refused(413, refusal("too-large", "body", text))
    return body


async def _resource(request: Request, body: bytes) -> asked.Tree:
    """The valid resource of the address's type that a body is. Raises Refused."""
    return await asked.aside(len(body), asked.parsed, body, request.path_params["type"])
