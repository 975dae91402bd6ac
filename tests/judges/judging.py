"""All judges over all documents, and one table of what they say. Knows no format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.judges.courts import JUDGES, Judge
from tests.judges.document import Document, Verdict
from tests.judges.planted import PLANTED
from tests.judges.tools import Missing


@dataclass(frozen=True, slots=True)
class Session:
    """What every judge said, of the documents and of those that are wrong on purpose; who could not be asked."""

    verdicts: Sequence[Verdict] = ()
    planted: Sequence[Verdict] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def invalid(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.valid]

    @property
    def let_through(self) -> list[Verdict]:
        """Planted documents that a judge did not refuse: it judges nothing."""
        return [verdict for verdict in self.planted if verdict.valid]


def judge(documents: Sequence[Document], judges: Sequence[Judge] = JUDGES) -> Session:
    """Every document before every judge of its format, the planted ones too."""
    verdicts: list[Verdict] = []
    planted: list[Verdict] = []
    skipped: dict[str, str] = {}
    for one in judges:
        mine = [document for document in documents if document.format in one.formats]
        wrong = [document for document in PLANTED if document.format in one.formats]
        try:
            verdicts += _of(one, mine)
            planted += _of(one, wrong)
        except Missing as missing:
            skipped[one.name] = str(missing)
    return Session(verdicts, planted, skipped)


def _of(one: Judge, documents: Sequence[Document]) -> list[Verdict]:
    """What a judge says of documents. Raises AssertionError where it passed one over."""
    named = {f"{number} {document.name}": document for number, document in enumerate(documents)}
    asked = [Document(name, d.format, d.message, d.body) for name, d in named.items()]
    said = one.judge(asked) if asked else {}
    passed_over = named.keys() - said.keys()
    assert not passed_over, f"{one.name} said nothing of {sorted(passed_over)[:3]}"
    return [Verdict(one.name, document, tuple(said[name])) for name, document in named.items()]


def table(session: Session) -> Iterator[str]:
    """The verdicts as a table by format, message and judge; then what is wrong, and who was skipped."""
    counts: Counter[tuple[str, str, str, bool]] = Counter(
        (v.document.format, v.document.message, v.judge, v.valid) for v in session.verdicts
    )
    yield "| format | message | judge | documents | valid | invalid |"
    yield "|---|---|---|---|---|---|"
    for format_name, message, judge_name in sorted({key[:3] for key in counts}):
        good, bad = (counts[format_name, message, judge_name, valid] for valid in (True, False))
        yield f"| {format_name} | {message} | {judge_name} | {good + bad} | {good} | {bad} |"
    yield ""
    yield from summary(session)
    yield ""
    for name, why in session.skipped.items():
        yield f"skipped: {name}: {why}"
    for verdict in session.invalid:
        yield f"invalid: {verdict.judge}: {verdict.document.message}: {verdict.document.name}"
        yield from (f"    {fault}" for fault in verdict.faults[:5])
    for verdict in session.let_through:
        yield f"let through: {verdict.judge}: {verdict.document.name}"


def summary(session: Session) -> Iterator[str]:
    """One line for each judge: what it was asked, and of what is wrong on purpose how much it refused."""
    yield "| judge | release | format | messages | documents | valid | invalid | wrong on purpose: refused |"
    yield "|---|---|---|---:|---:|---:|---:|---:|"
    asked = {verdict.judge for verdict in (*session.verdicts, *session.planted)}
    known = {one.name: one.release for one in JUDGES}
    for name in sorted(asked, key=lambda name: [*known, name].index(name)):
        mine = [verdict for verdict in session.verdicts if verdict.judge == name]
        wrong = [verdict for verdict in session.planted if verdict.judge == name]
        formats = ", ".join(sorted({verdict.document.format for verdict in mine}))
        messages = len({verdict.document.message.replace("^", "_") for verdict in mine})
        valid = sum(verdict.valid for verdict in mine)
        refused = f"{sum(not verdict.valid for verdict in wrong)} of {len(wrong)}"
        counts = f"{messages} | {len(mine)} | {valid} | {len(mine) - valid}"
        yield f"| {name} | {known.get(name, '')} | {formats} | {counts} | {refused} |"
