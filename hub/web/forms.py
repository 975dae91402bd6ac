"""What a page's form sent, and the parameters of an address. Bounded; nothing of it is believed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import Request

FIELDS = 300
"""Most fields of a form: one for each container that can be ticked, and some."""
MOST_TO_SIGN_IN = 4 * 1024
"""Bytes of the form of the sign-in, which anybody may send: a token, and where to go on."""
MOST = 256 * 1024
"""Bytes of any other form: as many containers as a form has fields, each percent-encoded."""
MOST_PASTED = 1024 * 1024
"""Bytes of the playground's form: its longest message, with every byte percent-encoded."""
AT_ONCE = 16 * 1024
"""Bytes that are decoded on the event loop; of more, a thread makes the form."""
FORM = "application/x-www-form-urlencoded"
_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_.-]{0,200}")


class TooLarge(Exception):
    """A form with more bytes than it can have; what is left of it is not read."""


class Form:
    """Fields of a form."""

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self._fields = fields

    def one(self, name: str, most: int = 256) -> str:
        """A field; empty where it is absent, cut off where it is longer than it can be."""
        return self._fields.get(name, [""])[0][:most]

    def many(self, name: str, most: int = 200) -> list[str]:
        """All values of a field."""
        return list(self._fields.get(name, []))[:most]


async def form_of(request: Request, most: int = MOST) -> Form:
    """The form that a request carries, of at most so many bytes. Raises HTTPException and TooLarge."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise HTTPException(415, f"send the form as {FORM}")
    body = await _body(request, most)
    try:
        return _form(body) if len(body) <= AT_ONCE else await asyncio.to_thread(_form, body)
    except ValueError:
        raise HTTPException(400, "the form cannot be read") from None


async def _body(request: Request, most: int) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise TooLarge
    return bytes(body)


def _form(body: bytes) -> Form:
    """Raises ValueError."""
    fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="replace")
    return Form(fields)


def query(request: Request, name: str, most: int = 256) -> str:
    """A parameter of the address."""
    return request.query_params.get(name, "")[:most].strip()


def number(request: Request, name: str) -> int:
    """A whole number of the address; 0 where there is none."""
    text = query(request, name, 18)
    return int(text) if text.isascii() and text.isdigit() else 0


def local_path(text: str) -> str:
    """A path of this hub to go on to after the sign-in; the first page for anything else."""
    return text if _PATH.fullmatch(text) else "/"
