"""Who is calling: a bearer token, compared by its SHA-256 with the profiles'. No token, only what is public.

Public are `/health` and FHIR's `/fhir/metadata`: they hold nothing of anyone.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from starlette.requests import Request

from hub.profiles import Profile

LONGEST_TOKEN = 512
OPERATORS = frozenset({"qa", "hub"})
"""Roles of the hub's own people."""


class Unauthorized(Exception):
    """Nobody whom the profiles know."""


class Forbidden(Exception):
    """Known, but not allowed to do this."""


class Doorkeeper:
    """Finds the partner of a request."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles

    def partner(self, request: Request) -> Profile:
        """The authenticated partner. Raises Unauthorized."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized
        return self.holder(token)

    def holder(self, token: str) -> Profile:
        """The partner whose token it is. Raises Unauthorized."""
        if not token or len(token) > LONGEST_TOKEN:
            raise Unauthorized
        given = hashlib.sha256(token.strip().encode()).hexdigest()
        for profile in self._profiles.values():
            known = profile.http.token_sha256 if profile.http is not None else None
            if known and hmac.compare_digest(known, given):
                return profile
        raise Unauthorized

    def operator(self, request: Request) -> Profile:
        """The authenticated partner, if it is of the hub's own people. Raises Unauthorized, Forbidden."""
        profile = self.partner(request)
        if profile.role not in OPERATORS:
            raise Forbidden
        return profile
