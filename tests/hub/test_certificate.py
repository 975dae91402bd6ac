"""The certificate of analysis: told with the decision, of what the reader may see, with what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from canonical_model.rules import protocol_of
from hub.certificates.certificate import certificate
from hub.certificates.shape import Certificate
from hub.committer import Committer
from hub.demo.writing import QC_RESULTS, sheet
from tests.hub import house, world
from tests.hub.world import Person

EVENTS = ["disposition.decided"]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def hub(open_house: Callable[..., house.House], out: Path) -> house.House:
    """A hub that tells a sponsor, a registry and a courier certificates, each into a folder of its own."""

    def change(found: dict[str, dict[str, Any]]) -> None:
        for name, role in (("kestrel", "sponsor"), ("ledgerly", "registry")):
            found[name] = {
                "partner": name,
                "name": name.capitalize(),
                "role": role,
                "party": f"https://{name}.example/party",
                "orders": "own",
                "products": ["AXI-CEL"],
                "files": {"drop": str(out / name / "drop"), "out": str(out / name / "out")},
                "sends": [{"events": EVENTS, "message": f"certificate/{form}"} for form in ("json", "html")],
            }

    return open_house(change)


@pytest.fixture(scope="module")
def decided(hub: house.House) -> Person:
    who = world.person(8200)
    hub.send(world.order(who, "COA-1"))
    hub.send(world.apheresis(who, "COA-2"))
    hub.dropped("receipts-coa.csv", world.receipts(who))
    assert hub.dropped("qc-coa.csv", world.qc(who, "61.50", "<b>K. Adler</b>"))["unlinked"] == 0
    decision = (
        "Decision No,CoI,Batch,Decision,Decision Date,Signed By,Role\n"
        f"QD-8,{who.coi},B-9,rejected,2026-03-11 12:00,S. Keller,qa\n"
    )
    assert hub.dropped("decisions-coa.csv", decision.encode())["unlinked"] == 0
    hub.quiet()
    return who


def told(hub: house.House, folder: Path, ending: str) -> bytes:
    path = hub.until(lambda: next(iter(folder.glob(f"*{ending}")), None))
    assert isinstance(path, Path)
    return path.read_bytes()


@pytest.mark.usefixtures("decided")
def test_a_sponsor_is_told_results_limits_verdicts_the_decision_and_what_is_missing(
    hub: house.House, out: Path
) -> None:
    found = json.loads(told(hub, out / "kestrel" / "out", ".json"))
    lines = {line["test"]: line for line in found["lines"]}
    viability = lines["viability"]
    assert (viability["limit"], viability["result"], viability["verdict"]) == ("≥ 70 %", "61.50 %", "out")
    assert (viability["laboratory_says"], viability["laboratory"]) == ("in", "Foundry Cells")
    assert lines["endotoxin"]["verdict"] == "in"
    assert lines["sterility"]["verdict"] == "missing"
    assert found["specification"] == "car-t-release@1"
    assert [(d["decision"], d["role"], d["counts"]) for d in found["decisions"]] == [("rejected", "qa", True)]
    assert "sterility of batch B-9: no result (release)" in found["missing"]
    assert "batch B-9: quality's decision that stands is rejected, not a full release" in found["missing"]


@pytest.mark.usefixtures("decided")
def test_the_page_says_the_same_and_loads_nothing(hub: house.House, out: Path) -> None:
    page = html.fromstring(told(hub, out / "kestrel" / "out", ".html"))
    text = str(page.xpath("string()"))
    for word in ("OUT OF SPECIFICATION", "61.50 %", "≥ 70 %", "MISSING", "rejected", "car-t-release@1"):
        assert word in text
    assert not page.xpath("//script | //link | //img | //*[@src] | //*[@href]")


@pytest.mark.usefixtures("decided")
def test_no_person_stands_in_a_certificate(hub: house.House, out: Path) -> None:
    for ending in (".json", ".html"):
        body = told(hub, out / "kestrel" / "out", ending).decode()
        assert not [name for name in ("Adler", "Keller", "Familie8200", "Vorname8200") if name in body]


@pytest.mark.usefixtures("decided")
def test_who_may_see_no_results_gets_no_certificate(hub: house.House, out: Path) -> None:
    told(hub, out / "kestrel" / "out", ".json")
    assert not list((out / "ledgerly" / "out").glob("*"))


@pytest.mark.usefixtures("decided")
def test_every_result_names_facts_that_the_log_has(hub: house.House, out: Path) -> None:
    found = json.loads(told(hub, out / "kestrel" / "out", ".json"))
    facts = {fact for line in [*found["lines"], *found["others"]] for fact in line.get("facts", ())}
    assert facts
    assert facts <= {row[0] for row in hub.rows("SELECT id FROM log")}


# ---- what counts of which batch ---------------------------------------------------------------------------------

DECIDED = "Decision No,CoI,Batch,Container,Decision,Decision Date,Signed By,Role\n"


def ordered(hub: house.House, number: int) -> Person:
    who = world.person(number)
    hub.send(world.order(who, f"COA-{number}-1"))
    hub.send(world.apheresis(who, f"COA-{number}-2"))
    return who


def decide(hub: house.House, who: Person, name: str, *rows: str) -> None:
    """Drops decisions; each row is its number, batch, container, decision and time."""
    lines = [",".join([no, who.coi, *rest, "S. Keller", "qa"]) for no, *rest in (row.split(",") for row in rows)]
    told = hub.dropped(f"decisions-{name}.csv", (DECIDED + "\n".join(lines) + "\n").encode())
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0)


def measured(hub: house.House, who: Person, name: str, *rows: str) -> None:
    """Drops results; each row is its batch, sample, test, value, unit and low and high limits."""
    lines = []
    for row in rows:
        batch, sample, test, value, unit, low, high = row.split(",")
        lines.append(f"{who.coi};{batch};{sample};;{test};X;{value};{unit};{low};{high};pass;final;2026-03-11 10:30;;")
    body = sheet(f"{QC_RESULTS};Analyst;Comment", *lines)
    told = hub.dropped(f"qc-{name}.csv", body)
    assert (told["outcome"], told["unlinked"]) == ("recorded", 0)


def certified(hub: house.House, who: Person, reader: str = "foundry") -> Certificate:
    """The certificate of an order as it stands."""

    def look(committer: Committer) -> Certificate | None:
        for (journey,) in committer.connection.raw.execute("SELECT DISTINCT journey FROM link").fetchall():
            state = committer.orders.state(committer.connection, journey)
            if any(name["value"] == who.order for name in state.order.identifiers):
                protocol = protocol_of(state, hub.hub.protocols)
                return certificate(state, protocol, hub.hub.profiles[reader], {}, hub.clock())
        return None

    found = hub.committer(look)
    assert found is not None
    return found


def about(hub: house.House, who: Person) -> tuple[list[tuple[str, bool]], list[str]]:
    """The decisions with whether they count, and what is missing of quality."""
    found = certified(hub, who)
    return [(d.decision, d.counts) for d in found.decisions], [line for line in found.missing if "quality" in line]


@pytest.mark.parametrize(
    ("number", "first", "second", "says"),
    [
        (8210, "QD-{n},B-{n},,released,2026-03-11 11:00", "QE-{n},B-{n},,rejected,2026-03-11 12:00", "rejected"),
        (8211, "QD-{n},B-{n},,released,2026-03-11 11:00", "QD-{n},B-{n},,revoked,2026-03-11 12:00", "revoked"),
        (8212, "QD-{n},B-{n},,released,2026-03-11 11:00", "QE-{n},B-{n},,revoked,2026-03-11 12:00", "revoked"),
        (8213, "QD-{n},B-{n},,released,2026-03-11", "QE-{n},B-{n},,rejected,2026-03-11", "rejected"),
    ],
)
def test_a_release_that_no_longer_stands_does_not_count_and_is_told(
    hub: house.House, number: int, first: str, second: str, says: str
) -> None:
    who = ordered(hub, number)
    decide(hub, who, f"{number}-1", first.format(n=number))
    assert about(hub, who) == ([("released", True)], [])
    decide(hub, who, f"{number}-2", second.format(n=number))
    decisions, missing = about(hub, who)
    assert sorted(decisions) == sorted([("released", False), (says, True)])
    assert missing == [f"batch B-{number}: quality's decision that stands is {says}, not a full release"]


def test_a_release_after_a_rejection_counts_and_nothing_of_quality_is_missing(hub: house.House) -> None:
    who = ordered(hub, 8214)
    rows = ("QD-8214,B-8214,,rejected,2026-03-11 11:00", "QE-8214,B-8214,,released,2026-03-11 12:00")
    decide(hub, who, "8214", *rows)
    assert about(hub, who) == ([("rejected", False), ("released", True)], [])


def test_a_rejected_container_of_a_released_batch_is_told(hub: house.House) -> None:
    who = ordered(hub, 8215)
    batch, bag = "QD-8215,B-8215,,released,2026-03-11 11:00", f"QE-8215,,{world.BAGS}/P-8215,rejected,2026-03-11 12:00"
    decide(hub, who, "8215", batch, bag)
    decisions, missing = about(hub, who)
    assert sorted(decisions) == [("rejected", True), ("released", True)]
    assert missing == ["container P-8215: quality's decision that stands is rejected, not a full release"]


def test_a_result_of_another_batch_answers_no_criterion_of_the_released_one(hub: house.House) -> None:
    who = ordered(hub, 8220)
    measured(hub, who, "8220-1", "B-8220A,S-8220A,Viability,97.2,%,70,", "B-8220A,S-8220A,Endotoxin,0.05,EU/mL,,0.50")
    measured(hub, who, "8220-2", "B-8220B,S-8220B,Viability,91.2,%,70,")
    decide(hub, who, "8220", "QD-8220,B-8220B,,released,2026-03-11 12:00")
    found = certified(hub, who)
    endotoxin = [line for line in found.lines if line.test == "endotoxin"]
    assert [(line.verdict, line.about[0].identifiers[0].value) for line in endotoxin] == [("missing", "B-8220B")]
    assert [(x.result, x.verdict) for x in found.lines if x.test == "viability"] == [("91.2 %", "in")]
    assert "endotoxin of batch B-8220B: no result (release)" in found.missing
    assert "batch B-8220A: quality has not decided" in found.missing
    assert [(x.test, x.result, x.limit) for x in found.others if x.phase] == [
        ("endotoxin", "0.05 {EU}/mL", "≤ 5 {EU}/mL"),
        ("viability", "97.2 %", "≥ 70 %"),
    ]


def test_each_batch_decided_about_and_before_a_decision_each_batch_has_its_own_lines(hub: house.House) -> None:
    who = ordered(hub, 8221)
    measured(hub, who, "8221", "B-8221A,S-8221A,Endotoxin,0.05,EU/mL,,0.50", "B-8221B,S-8221B,Viability,91.2,%,70,")

    def verdicts(test: str) -> list[str]:
        return sorted(line.verdict for line in certified(hub, who).lines if line.test == test)

    assert verdicts("endotoxin") == verdicts("viability") == ["in", "missing"]
    decide(hub, who, "8221", "QD-8221,B-8221A,,rejected,2026-03-11 12:00", "QE-8221,B-8221B,,released,2026-03-11 12:00")
    assert verdicts("endotoxin") == verdicts("viability") == ["in", "missing"]
    missing = certified(hub, who).missing
    assert "endotoxin of batch B-8221B: no result (release)" in missing
    assert "viability of batch B-8221A: no result (release)" in missing
    assert "endotoxin of batch B-8221A: no result (release)" not in missing
