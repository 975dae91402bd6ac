"""Results against the criteria of a Specification: in, out or not evaluated, by exact numbers. Decides nothing.

A number in another unit is compared only where the factor is certain (`units`); where none is, the result is not
evaluated and an Issue tells it, whatever the laboratory found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from canonical_model.events import is_after
from canonical_model.joins import RESTRICTIVE
from canonical_model.journey import Journey, RecordState
from canonical_model.lineage import PRODUCT_STAGES, TARGETS, above, is_product, product_of, ref_of, refs
from canonical_model.protocols import Criterion, Protocol
from canonical_model.units import converted

IN, OUT, NOT_EVALUATED = "in", "out", "not-evaluated"
NEGATIVE = frozenset({"neg", "negative", "nd", "not detected", "260385009", "260415000"})
POSITIVE = frozenset({"pos", "positive", "det", "detected", "10828004", "260373001"})
"""Words and codes (HL7 v3 interpretation, SNOMED CT) that say that something was not found, or was."""
EHRLICH = "[EU]"
"""In UCUM the Ehrlich unit; of endotoxin senders mean the endotoxin unit, `{EU}`."""
UNIT, VALUE, METHOD = "unit", "value", "method"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a criterion says of a result; `doubt` is what kept it from saying more: unit, value or method."""

    says: str
    doubt: str = ""


def evaluate(criterion: Criterion, result: Mapping[str, Any]) -> str:
    """A result's fields against a criterion: in, out or not-evaluated.

    >>> viability = Criterion(test="viability", low=Decimal(70), unit="%")
    >>> evaluate(viability, {"value": {"quantity": {"value": "69.9", "unit": "%"}}})
    'out'
    """
    return judge(criterion, result).says


def judge(criterion: Criterion, result: Mapping[str, Any]) -> Judgement:
    """The same with its reason, where it is not evaluated."""
    if criterion.method and not _is_measured_so(criterion.method, result.get("methods") or ()):
        return Judgement(NOT_EVALUATED, METHOD)
    if criterion.low is None and criterion.high is None:
        return _by_words(criterion, result)
    quantity = (result.get("value") or {}).get("quantity")
    if not quantity:
        return Judgement(NOT_EVALUATED)
    number = converted(quantity, criterion.unit, criterion.test == "endotoxin")
    if number is None:
        return Judgement(NOT_EVALUATED, UNIT)
    return Judgement(within(number, quantity.get("comparator") or "", criterion.low, criterion.high))


def within(number: Fraction | Decimal, comparator: str, low: Decimal | None, high: Decimal | None) -> str:
    """A number against two ends, themselves included; `<5` is any number below 5, so it is in, out or unknown.

    >>> within(Decimal(5), "<", None, Decimal(5)), within(Decimal(5), ">", None, Decimal(5))
    ('in', 'out')
    >>> within(Decimal(5), "<", Decimal(1), None)
    'not-evaluated'
    """
    least, most = comparator not in {"<", "<="}, comparator not in {">", ">="}  # is the value bounded on that side?
    beneath = low is not None and (number < low or (number == low and comparator == "<"))
    beyond = high is not None and (number > high or (number == high and comparator == ">"))
    if (beneath and most) or (beyond and least):
        return OUT
    reaches_low = low is None or (least and not beneath)
    reaches_high = high is None or (most and not beyond)
    return IN if reaches_low and reaches_high else NOT_EVALUATED


def _is_measured_so(method: str, told: Iterable[Mapping[str, Any]]) -> bool:
    """True where the laboratory names this method, or none."""
    said = {word for concept in told for word in _words(concept)}
    return not said or method.casefold() in said


def _by_words(criterion: Criterion, result: Mapping[str, Any]) -> Judgement:
    """A result in codes or words: what the criterion expects, or its plain opposite."""
    if criterion.expect is None:
        return Judgement(NOT_EVALUATED)
    value = result.get("value") or {}
    said = {word for concept in value.get("concepts") or () for word in _words(concept)}
    text = value.get("text")
    said |= {" ".join(text).casefold()} if isinstance(text, list | tuple) else set()
    if not said:  # sealed words, or none: the laboratory's own reading of them is left
        marks = {word for concept in result.get("interpretation") or () for word in _words(concept)}
        said = marks & (NEGATIVE | POSITIVE)
    if not said:
        return Judgement(NOT_EVALUATED)
    wanted, unwanted = _expected(criterion.expect.casefold())
    if said & wanted and not said & unwanted:
        return Judgement(IN)
    return Judgement(OUT) if said & unwanted and not said & wanted else Judgement(NOT_EVALUATED, VALUE)


def _expected(expect: str) -> tuple[frozenset[str], frozenset[str]]:
    """The words that mean what is expected, and those that mean the opposite."""
    if expect in NEGATIVE:
        return NEGATIVE, POSITIVE
    return (POSITIVE, NEGATIVE) if expect in POSITIVE else (frozenset({expect}), frozenset())


def _words(concept: Mapping[str, Any]) -> Iterator[str]:
    for coding in concept.get("codings") or ():
        yield from (str(coding[part]).casefold() for part in ("code", "display") if coding.get(part))
    if concept.get("text"):
        yield str(concept["text"]).casefold()


def strictest(verdicts: Iterable[str]) -> str:
    """The most restrictive of some verdicts; empty where there is none."""
    ranks = RESTRICTIVE["evaluation"]
    return max((v if v in ranks else NOT_EVALUATED for v in verdicts if v), key=ranks.index, default="")


def answers(record: RecordState, test: str) -> bool:
    """True when a result answers a criterion of this test."""
    return test in answered(record)


def answered(record: RecordState) -> set[str | None]:
    """The codes of a result's test, and the criterion that it names."""
    codes = {coding.get("code") for coding in (record.fields.get("test") or {}).get("codings", ())}
    return codes | {record.fields.get("criterion")}


def criterion_of(journey: Journey, protocol: Protocol | None, record: RecordState) -> Criterion | None:
    """The criterion of the Protocol's Specification that a result is held against, by its test and by what was tested.

    What was collected is held against the criteria of collection and receipt, the product against those of release,
    and after its thaw against those of that phase, where there are any.
    """
    if protocol is None or protocol.specification is None:
        return None
    tests = answered(record)
    asked = [c for c in protocol.specification.criteria if c.test in tests]
    phases = _phases(journey, record) if asked else ()
    return next((c for phase in phases for c in asked if c.phase == phase), None)


def _phases(journey: Journey, record: RecordState) -> tuple[str, ...]:
    """Phases whose criteria count for what was tested, the nearest first."""
    own = [ref for field in TARGETS for ref in refs(record.fields.get(field))]
    if not own:
        return ()
    tested = above(journey, own, ("material", "batch", "parents"))
    stages = {m.fields.get("stage") for m in journey.of("material") if ("material", m.name) in tested}
    if "intermediate" in stages and not stages & PRODUCT_STAGES:
        return ("in-process",)
    if not any(_is_product(journey, ref) for ref in own):
        return ("receipt", "collection")
    if is_after_thaw(journey, record):
        return ("post-thaw", "stability", "release", "post-release")
    return ("release", "post-release", "stability", "in-process")


def _is_product(journey: Journey, ref: Mapping[str, Any]) -> bool:
    """True for a batch, for what has one, and for a material that a container of a batch holds."""
    if ref["kind"] == "batch" or is_product(journey, ref):
        return True
    held = [c for c in journey.of("container") if journey.same(c.fields.get("material"), ref)]
    return any(is_product(journey, ref_of(container)) for container in held)


def is_after_thaw(journey: Journey, record: RecordState) -> bool:
    """True when a result was first told after a container of what it tells of was thawed, for certain."""
    own = [ref for field in TARGETS for ref in refs(record.fields.get(field))]
    thawed = [c for c in journey.of("container") if c.named("product.thawed")]
    if not own or not thawed:
        return False
    tested = above(journey, own, ("material", "batch", "parents"))
    return any(
        is_after(record.facts[0], event)
        for container in thawed
        if product_of(journey, ref_of(container)) & tested
        for event in container.named("product.thawed")
    )
