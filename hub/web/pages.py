"""Templates to pages, with the headers that keep a page to itself. Knows no route."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from hub.web import words

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""What a browser may do with a page: nothing that is not the hub's own. `same-origin`, because a form that is sent
without a referrer says of its origin `null`, and then nobody can tell whose form it is."""


def environment() -> Environment:
    """The templates. Whatever a message says is escaped, everywhere; a name that nobody gave is an error of ours."""
    made = Environment(
        loader=PackageLoader("hub.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "instant": words.instant,
        "clock": words.clock,
        "local": words.local,
        "known_to": words.known_to,
        "span": words.span,
        "named": words.named,
        "coded": words.coded,
        "placed": words.placed,
        "person": words.person,
        "event": words.event_words,
        "spaced": words.spaced,
        "segment": lambda text: quote(str(text), safe=""),
    }
    made.globals |= {"mark": words.mark, "due_in": words.due_in}
    return made


class Pages:
    """Writes pages."""

    def __init__(self) -> None:
        self._templates = environment()

    def page(self, name: str, status: int = 200, **given: Any) -> Response:
        """A page of a template."""
        return HTMLResponse(self._templates.get_template(f"{name}.html").render(given), status, HEADERS)


def dressed(response: Response, headers: Mapping[str, str] = HEADERS) -> Response:
    """A response that is no page, with the headers of one."""
    response.headers.update(headers)
    return response
