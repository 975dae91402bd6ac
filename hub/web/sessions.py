"""Who looks at the pages: a partner's token, taken once at the sign-in, becomes a sealed cookie of some hours.

The cookie holds who signed in, until when, and a digest of the token's digest: a token that the profile no longer has
ends the session. It is sealed with the hub's key, so several hubs of one store know it. No page keeps a token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import orjson
from cryptography.exceptions import InvalidTag
from starlette.requests import Request
from starlette.responses import Response

from canonical_model.values import instant_text, parse_instant
from hub.crypto import NONCE, Keyring
from hub.profiles import Profile

COOKIE = "cgt_session"
PURPOSE = "web-session"
LASTS = timedelta(hours=8)
"""A shift. Whoever stays longer signs in again."""
LONGEST = 2048


class SignedOut(Exception):
    """Nobody is signed in; the page asks who it is."""


class Forged(Exception):
    """A form that was not sent from a page of this hub."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in; `form` is what a form of theirs has to carry."""

    profile: Profile
    id: str
    form: str
    until: datetime


class Sessions:
    """Begins, knows and ends sessions."""

    def __init__(
        self, keys: Keyring, profiles: Mapping[str, Profile], clock: Callable[[], datetime], secure: bool
    ) -> None:
        self._keys, self._profiles, self._clock, self._secure = keys, profiles, clock, secure
        self._ended: dict[str, datetime] = {}

    def begin(self, profile: Profile, response: Response) -> None:
        """Gives the browser its cookie."""
        until = self._clock() + LASTS
        said = {"id": secrets.token_hex(16), "partner": profile.partner, "until": instant_text(until)}
        sealed = self._keys.seal(PURPOSE, orjson.dumps({**said, "by": _mark(profile)}))
        response.set_cookie(
            COOKIE,
            sealed.hex(),
            max_age=int(LASTS.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=self._secure,
        )

    def of(self, request: Request) -> Session:
        """Who is signed in. Raises SignedOut."""
        text = request.cookies.get(COOKIE, "")
        if not text or len(text) > LONGEST:
            raise SignedOut
        try:
            sealed = bytes.fromhex(text)
            if len(sealed) <= NONCE:
                raise SignedOut
            said = orjson.loads(self._keys.open(PURPOSE, sealed))
        except (ValueError, InvalidTag):
            raise SignedOut from None
        profile, until = self._profiles.get(said["partner"]), parse_instant(said["until"])
        ended = said["id"] in self._ended
        if profile is None or ended or until <= self._clock() or not hmac.compare_digest(said["by"], _mark(profile)):
            raise SignedOut
        return Session(profile, said["id"], self._keys.token(PURPOSE, said["id"]), until)

    def end(self, session: Session, response: Response) -> None:
        """Ends a session: this process takes its cookie no more, and the browser drops it."""
        now = self._clock()
        self._ended = {one: until for one, until in self._ended.items() if until > now} | {session.id: session.until}
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._secure)

    def check(self, session: Session, given: str) -> None:
        """Raises Forged for a form without what this session's forms carry."""
        if not hmac.compare_digest(given.encode(), session.form.encode()):
            raise Forged


def from_here(request: Request) -> None:
    """Raises Forged for a request that a page of somebody else's sent."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "same-origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Forged
    if site not in {"same-origin", "none"}:
        raise Forged


def _mark(profile: Profile) -> str:
    """What changes when a partner gets another token; tells nothing of it."""
    digest = profile.http.token_sha256 if profile.http is not None else None
    return hashlib.sha256(f"{PURPOSE}/{profile.partner}/{digest}".encode()).hexdigest()
