"""A certificate of analysis as bytes: JSON for machines, a page that prints for people and loads nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.certificates.shape import Certificate
from hub.web import words


def written(found: Certificate, message: str) -> bytes:
    """The bytes of `certificate/html` or `certificate/json`."""
    if message == "certificate/json":
        return found.model_dump_json(exclude_none=True, indent=1).encode()
    page: Any = _pages().get_template("certificate.html")
    return str(page.render(c=found.model_dump(mode="json"))).encode()


@cache
def _pages() -> Environment:
    """The template. Whatever a laboratory says is escaped."""
    made = Environment(loader=PackageLoader("hub.certificates"), autoescape=True, undefined=StrictUndefined)
    made.filters |= {"named": words.named, "coded": words.coded, "local": words.local, "spaced": words.spaced}
    made.filters["instant"] = words.instant
    return made
