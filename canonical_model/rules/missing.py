"""What an act still lacks: one thing with what would settle it, for rules and questions alike. Finds nothing itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that an act needs and that is not there.

    `what` is a stable code, `kind` the kind of Issue that it makes when the act took place without it, `of` kind and
    name of the record concerned where there is one. `unclear`: it may be there, but the facts do not tell for certain.
    """

    what: str
    kind: str
    text: str
    settle: str
    facts: tuple[str, ...] = ()
    of: tuple[str, str] | None = None
    unclear: bool = False
