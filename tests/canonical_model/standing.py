"""Which facts stand, by the definition alone: a second opinion on the fold's liveness. Slow and short."""

from __future__ import annotations

from collections.abc import Iterable

from canonical_model.events import may_supersede
from tests.canonical_model.facts import Fact


def standing(told: Iterable[Fact]) -> set[str]:
    """Ids of the facts that no standing fact, which may, puts right. No correction leads back to itself."""
    known = {fact["id"]: fact for fact in told}
    above: dict[str, list[str]] = {}
    for later in known.values():
        for target in later.get("supersedes", ()):
            if target in known and may_supersede(later, known[target]):
                above.setdefault(target, []).append(later["id"])

    def stands(fact: str) -> bool:
        return not any(stands(later) for later in above.get(fact, ()))

    return {fact for fact in known if stands(fact)}
