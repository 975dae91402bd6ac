"""What stands in a certificate of analysis: shapes alone; computes nothing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from canonical_model.values import Concept, Flag, Identifier, Instant, Model, Ref, When

VERSION = 1


class Line(Model):
    """One result against its criterion, or a criterion that has none of one thing."""

    test: str = Field(description="hub test code, or the laboratory's name of the test")
    phase: str = Field(default="", description="when the Specification asks for it; empty: it does not")
    method: str = Field(default="", description="how it was measured; of a missing result, how it has to be")
    limit: str = Field(default="", description="what passes, with its unit")
    result: str = Field(default="", description="what was found, digits and unit as sent")
    verdict: str = Field(description="in, out, not-evaluated, or missing: the most restrictive word of all")
    laboratory_says: str = Field(default="", description="the laboratory's own word")
    status: str = Field(default="", description="final, preliminary, corrected, …")
    tested: When | None = Field(default=None, description="when it was measured")
    laboratory: str = Field(default="", description="who reported it")
    about: tuple[Ref, ...] = Field(
        default=(), description="what was tested; of a missing result, what it is missing of"
    )
    facts: tuple[str, ...] = Field(default=(), description="ids of the facts that say so")


class Decision(Model):
    """What quality decided about the product."""

    decision: str = Field(description="released, released-exceptionally, rejected, revoked, …")
    about: tuple[Ref, ...] = Field(description="what was decided about")
    role: str = Field(default="", description="role in which it was signed")
    specification: str = Field(default="", description="id@version that the signer applied")
    at: When | None = Field(default=None, description="when")
    by: str = Field(description="the partner that told it")
    counts: Flag = Field(description="false: superseded, replaced or revoked by another one")
    fact: str = Field(description="id of the fact")


class Certificate(Model):
    """A certificate of analysis."""

    version: Annotated[int, Field(ge=VERSION, le=VERSION)] = Field(default=VERSION, description="version of the form")
    made: Instant = Field(description="when the hub wrote it")
    reader: str = Field(description="the partner for which it was written")
    order: tuple[Identifier, ...] = Field(description="names of the order")
    product: Concept | None = Field(default=None, description="what was ordered")
    batches: tuple[Ref, ...] = Field(default=(), description="batches that were made for it")
    specification: str = Field(default="", description="id@version of the Specification; empty: none is known")
    lines: tuple[Line, ...] = Field(description="the criteria, with the results of each thing decided about")
    others: tuple[Line, ...] = Field(default=(), description="results that no criterion asks for, or of other things")
    decisions: tuple[Decision, ...] = Field(default=(), description="what quality decided, the latest last")
    missing: tuple[str, ...] = Field(description="what keeps this from being complete, in words")
