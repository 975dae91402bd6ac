"""The addresses of the pages. Who is not signed in is asked who it is; who may not see something finds nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from hub.answers import MAY_ASK, Given, Question
from hub.bootstrap import Hub
from hub.http.auth import Doorkeeper, Unauthorized
from hub.profiles import Profile
from hub.reports.reader import OWN
from hub.reports.serving import Several, find, looked_at, report_for
from hub.store import Connection
from hub.web import lists, playground
from hub.web.forms import MOST, MOST_PASTED, MOST_TO_SIGN_IN, Form, TooLarge, form_of, local_path, number, query
from hub.web.pages import HEADERS, Pages
from hub.web.playground import Pasted
from hub.web.samples import SAMPLES
from hub.web.sessions import Forged, Session, Sessions, SignedOut, from_here
from hub.web.timeline import ASKED, Timeline, timeline
from mappings.faults import TableError

STATIC = Path(__file__).parent / "static"
TREATING = frozenset({"hospital", "infusion-site"})
"""Who asks first whether something may be infused."""
AT_ONCE = 2
"""Messages that the playground looks at at the same time; the others wait."""
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
"""What a message's number can be."""
SEVERITIES = ("critical", "major", "minor", "info")
OUTCOMES = ("held", "rejected", "recorded", "filtered", "mended", "dismissed")

Page = Callable[[Request, Session], Awaitable[Response]]


def attach(app: FastAPI, hub: Hub, door: Doorkeeper) -> None:
    """Adds the pages to the application."""
    site = Site(hub, door)
    app.router.routes.extend(site.routes())
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_exception_handler(SignedOut, site.signed_out)
    app.add_exception_handler(Forged, site.forged)
    app.add_exception_handler(Several, site.several)
    app.add_exception_handler(TooLarge, site.too_large)


class Site:
    """The pages of one hub."""

    def __init__(self, hub: Hub, door: Doorkeeper) -> None:
        self._hub, self._door, self._pages = hub, door, Pages()
        secure = hub.settings.tls_certificate is not None
        self._sessions = Sessions(hub.keys, hub.profiles, hub.clock, secure)
        self._turns = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        return [
            Route("/login", self.login, methods=["GET", "POST"]),
            Route("/logout", self._sent(self.logout), methods=["POST"]),
            Route("/", self._seen(self.journeys)),
            Route("/issues", self._seen(self.issues)),
            Route("/messages", self._seen(self.messages)),
            Route("/messages/{number:str}", self._seen(self.message)),
            Route("/playground", self._seen(self.empty), methods=["GET"]),
            Route("/playground", self._sent(self.pasted, MOST_PASTED), methods=["POST"]),
            Route("/journeys/{journey}", self._seen(self.journey)),
            Route("/journeys/{journey}/ask", self._sent(self.asked), methods=["POST"]),
            Route("/journeys/{journey}/report", self._seen(self.report)),
        ]

    # ---- who looks ----------------------------------------------------------------------------------------------

    def _seen(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A page for who is signed in."""

        async def shown(request: Request) -> Response:
            return await page(request, self._sessions.of(request))

        return shown

    def _sent(
        self, act: Callable[[Request, Session, Form], Awaitable[Response]], most: int = MOST
    ) -> Callable[..., Awaitable[Response]]:
        """What a form of a page does, of at most so many bytes, for who is signed in and sent it from there."""

        async def done(request: Request) -> Response:
            from_here(request)
            session, form = self._sessions.of(request), await form_of(request, most)
            self._sessions.check(session, form.one("form"))
            return await act(request, session, form)

        return done

    async def login(self, request: Request) -> Response:
        """Asks for the token, and takes it."""
        if request.method != "POST":
            return self._page("login", 200, None, to=local_path(query(request, "to")), wrong=False)
        from_here(request)
        form = await form_of(request, MOST_TO_SIGN_IN)
        to = local_path(form.one("to"))
        try:
            profile = self._door.holder(form.one("token", 600))
        except Unauthorized:
            return self._page("login", 401, None, to=to, wrong=True)
        response = RedirectResponse(to, 303, HEADERS)
        self._sessions.begin(profile, response)
        return response

    async def logout(self, _: Request, session: Session, __: Form) -> Response:
        response = RedirectResponse("/login", 303, HEADERS)
        self._sessions.end(session, response)
        return response

    async def signed_out(self, request: Request, _: Exception) -> Response:
        to = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/login?to={local_path(to)}", 303, HEADERS)

    async def forged(self, _: Request, __: Exception) -> Response:
        text = "This form did not come from a page of this hub, or its page is too old. Open the page again."
        return self._page("error", 403, None, title="Not taken", text=text)

    async def too_large(self, _: Request, __: Exception) -> Response:
        response = self._page("error", 413, None, title="Not taken", text="The form is larger than any of this page.")
        response.headers["connection"] = "close"
        return response

    async def several(self, request: Request, _: Exception) -> Response:
        """A name in the address that leads to several orders: they are listed."""
        return RedirectResponse(f"/?q={quote(request.path_params['journey'], safe='')}", 303, HEADERS)

    # ---- pages --------------------------------------------------------------------------------------------------

    async def journeys(self, request: Request, session: Session) -> Response:
        look, asked, before = self._look(session), query(request, "q"), number(request, "before")

        def read(db: Connection) -> dict[str, object]:
            if asked:
                return {"found": lists.named(db, look, asked), "more": 0, "troubled": [], "standing": None}
            found, more = lists.latest(db, look, before)
            bad = [] if before else lists.troubled(db, look)
            counts = lists.standing(db) if look.is_own and not before else None
            return {"found": found, "more": more, "troubled": bad, "standing": counts}

        found = await self._hub.readers.run(read)
        return self._page("journeys", 200, session, q=asked, before=before, now=look.now, **found)

    async def journey(self, request: Request, session: Session) -> Response:
        return await self._journey(request, session, None)

    async def asked(self, request: Request, session: Session, form: Form) -> Response:
        """Asks a question about an order; question and answer are recorded in the audit, like any other."""
        name = request.path_params["journey"]
        found = await self._hub.readers.run(lambda db: find(db, session.profile, name))
        own = session.profile.role in OWN
        partner = form.one("partner") if own and form.one("partner") else session.profile.partner
        question = form.one("question")
        if found is None or question not in ASKED or partner not in self._hub.profiles:
            return self._missing(session, "There is no such order, question or partner.")
        ticked = set(form.many("container"))
        containers = [r for r in found.state.of("container") if r.name in ticked]
        scanned = [{"kind": "container", "identifiers": r.identifiers[:1]} for r in containers]
        caller = session.profile.partner
        wanted = Question(question, found.state.order.identifiers[:1], scanned, partner, caller=caller)
        given: Given = await self._hub.pipeline.run(lambda c: self._hub.questions.ask(c, wanted))
        return await self._journey(request, session, given)

    async def report(self, request: Request, session: Session) -> Response:
        made = await report_for(self._hub, session.profile, request.path_params["journey"])
        if made is None:
            return self._missing(session, "There is no such order, or it is none of your business.")
        return self._page("report", 200, session, r=made.model_dump(mode="json"))

    async def issues(self, request: Request, session: Session) -> Response:
        severity = query(request, "severity")
        severity = severity if severity in SEVERITIES else ""
        look = self._look(session)
        found = await self._hub.readers.run(lambda db: lists.issues(db, look, severity))
        return self._page("issues", 200, session, issues=found, severity=severity, now=look.now)

    async def messages(self, request: Request, session: Session) -> Response:
        if session.profile.role not in OWN:
            return self._missing(session, "The list of messages is for the hub's own people.")
        outcome, partner, before = query(request, "outcome"), query(request, "partner"), number(request, "before")
        outcome = outcome if outcome in OUTCOMES else ""
        found, more = await self._hub.readers.run(lambda db: lists.messages(db, outcome, partner, before))
        chosen = {"outcome": outcome, "partner": partner, "outcomes": OUTCOMES, "partners": [*self._hub.profiles]}
        return self._page("messages", 200, session, messages=found, more=more, **chosen)

    async def message(self, request: Request, session: Session) -> Response:
        text = request.path_params["number"]
        found = None
        if session.profile.role in OWN and _NUMBER.fullmatch(text):
            one = int(text)
            found = await self._hub.readers.run(lambda db: lists.message_of(db, one))
        if found is None:
            return self._missing(session, "There is no such message, or it is none of your business.")
        return self._page("message", 200, session, m=found)

    async def empty(self, request: Request, session: Session) -> Response:
        sample = SAMPLES.get(query(request, "sample"), ("", ""))
        return self._playground(session, Pasted(text=sample[1]), None)

    async def pasted(self, _: Request, session: Session, form: Form) -> Response:
        """What would become of a message. Nothing of it is kept."""
        text = form.one("message", playground.MOST + 1)
        asked = Pasted(text, form.one("format"), form.one("dialect"), form.one("partner"))
        if len(text.encode()) > playground.MOST:
            wrong = f"The playground takes at most {playground.MOST // 1024} KiB."
            return self._playground(session, Pasted("", asked.format, asked.hint, asked.partner), None, wrong)
        if not text.strip():
            return self._playground(session, asked, None, "Paste a message first.")
        profile = self._profile(session, asked.partner)
        try:
            async with self._turns:
                found = await asyncio.to_thread(playground.looked, asked, profile)
        except (TableError, FileNotFoundError, KeyError) as wrong:
            return self._playground(session, asked, None, f"The tables do not read this: {type(wrong).__name__}.")
        return self._playground(session, asked, found)

    # ---- parts --------------------------------------------------------------------------------------------------

    def _profile(self, session: Session, partner: str) -> Profile | None:
        """As whose message something is read: partners read as themselves, the hub's own people as anybody."""
        if session.profile.role not in OWN:
            return session.profile
        return self._hub.profiles.get(partner)

    def _playground(
        self, session: Session, asked: Pasted, found: playground.Looked | None, wrong: str = ""
    ) -> Response:
        own = session.profile.role in OWN
        partners = [p for p in self._hub.profiles.values() if p.role not in OWN] if own else []
        given = {"asked": asked, "found": found, "wrong": wrong, "partners": partners, "samples": SAMPLES}
        return self._page("playground", 200, session, formats=playground.known_formats(), **given)

    async def _journey(self, request: Request, session: Session, given: Given | None) -> Response:
        name, look = request.path_params["journey"], self._look(session)
        made = await report_for(self._hub, session.profile, name)
        if made is None:
            return self._missing(session, "There is no such order, or it is none of your business.")
        asking = self._hub.profiles.values() if look.is_own else (session.profile,)
        askers = [p for p in asking if p.role not in OWN and any(p.role in MAY_ASK[question] for question in ASKED)]
        askers.sort(key=lambda p: p.role not in TREATING)

        def read(db: Connection) -> Timeline | None:
            found = find(db, session.profile, name)
            if found is None:
                return None
            order = looked_at(self._hub, db, session.profile, found)
            return timeline(db, look, order, made, askers)

        seen = await self._hub.readers.run(read)
        if seen is None:
            return self._missing(session, "There is no such order, or it is none of your business.")
        answer = given.plain() if given is not None else None
        return self._page("journey", 200, session, t=seen, r=made.model_dump(mode="json"), answer=answer, now=look.now)

    def _look(self, session: Session) -> lists.Look:
        return lists.Look(session.profile, self._hub.protocols, self._hub.clock())

    def _missing(self, session: Session, text: str) -> Response:
        return self._page("error", 404, session, title="Not found", text=text)

    def _page(self, name: str, status: int, session: Session | None, **given: object) -> Response:
        own = session is not None and session.profile.role in OWN
        at = self._hub.clock()
        return self._pages.page(name, status, session=session, own=own, at=at, here=name, **given)
