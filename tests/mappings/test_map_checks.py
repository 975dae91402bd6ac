"""A mistake in a message map is told when the tables are loaded: the map, the place, and the words that are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters import hl7v2
from canonical_model.frames import set_schemas
from hub.formats import EVENT_KINDS
from mappings.faults import TableError

NAME = "hl7v2/zzz_z01"


def good() -> dict[str, Any]:
    """A map without a mistake."""
    obx = {"start": "OBX", "rows": {"OBX": "hl7v2/obx"}, "key": ["test", "sub_id"]}
    return {
        "map": NAME,
        "for": ["ZZZ^Z01"],
        "frames": [
            {"frame": "message", "start": "MSH", "rows": {"MSH": "hl7v2/msh"}},
            {"frame": "subject", "start": "PID", "also": "identity", "rows": {"PID": "hl7v2/pid"}},
            {
                "frame": "report",
                "start": "OBR",
                "rows": {"OBR": "hl7v2/obr@report", "ORC": "hl7v2/orc@report"},
                "key": ["identifiers[filler]", "service"],
                "links": {"patient": "subject"},
                "frames": [{"frame": "result", **obx, "links": {"patient": "subject", "report": "report"}}],
            },
        ],
        "expects": ["report"],
        "identify": {
            "report": ["identifiers[filler]"],
            "result": {"first": ["instance"], "within": ["@report.identifiers[filler]"], "by": ["test", "#"]},
        },
        "belongs": {"report": {"order": ["identifiers[placer]"]}, "container": {"order": ["@report.order"]}},
        "occurred": {"report": ["reported_at"], "result": ["observed_at", "@report.observed.start"]},
        "on": {
            "report": [
                {"when": {"action": "observations", "@subject.deceased": "true"}, "events": ["report.stated"]},
                {
                    "events": [
                        "report.stated",
                        {
                            "event": "container.created",
                            "about_kind": "container",
                            "for_each": "parents",
                            "about": "each",
                            "set": {"label": "service", "batch": {"batch": "each.value"}},
                        },
                    ]
                },
            ],
            "result": [
                {"when": {"status": ["deleted", "wrong"]}, "events": ["result.invalidated"]},
                {"events": ["result.reported"]},
            ],
        },
        "send": {
            "result.*": [
                {"frame": "report", "set": {"status": "event.status", "identifiers": "order.identifiers"}},
                {"frame": "result", "from": "event", "parent": "report", "set": {"instance": "about.identifiers!"}},
            ]
        },
    }


def faults(folder: Path, data: dict[str, Any]) -> list[str]:
    (folder / "hl7v2").mkdir(exist_ok=True)
    (folder / "hl7v2" / "map.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    try:
        hl7v2.adapter(set_schemas(), (folder / "hl7v2",), "UTC", "", EVENT_KINDS)
    except TableError as wrong:
        return [str(fault) for fault in wrong.faults]
    return []


def test_a_map_without_a_mistake_loads(tmp_path: Path) -> None:
    assert faults(tmp_path, good()) == []


MISTAKES: list[tuple[tuple[Any, ...], Any, str, str]] = [
    (("expects", 0), "reprot", "expects", "this map has no frame of kind 'reprot'"),
    (("belongs", "report", "order"), ["identifers[coi]"], "belongs report order", "known are: identifiers, "),
    (
        ("belongs", "report", "order"),
        ["@order.identifiers"],
        "belongs report order",
        "known are: identity, message, report",
    ),
    (("belongs", "report"), {"ordr": ["order"]}, "belongs report", "known are: order, "),
    (("belongs", "reprt"), {"order": ["order"]}, "belongs reprt", "known are: report, "),
    (("occurred", "result"), ["recieved_at"], "occurred result", "known are: "),
    (("occurred", "report"), ["reportd_at"], "occurred report", "known are: reported_at, "),
    (("occurred", "report"), ["message.sent"], "occurred report", "known are: sent_at, "),
    (("occurred", "material"), ["received_at"], "occurred material", "known are: "),
    (("identify", "result", "frist"), ["instance"], "identify result", "known are: first, "),
    (("identify", "result", "by"), ["tests"], "identify result by", "known are: test, "),
    (("identify", "result", "within"), ["@reprt.identifiers"], "identify result within", "known are: report, "),
    (("identify", "result"), {"by": ["test"]}, "identify result", "known are: within, "),
    (("on", "result", 0, "when", "status"), ["deletd"], "on result row 1 when status", "known are: deleted, "),
    (("on", "result", 0, "when"), {"statu": "x"}, "on result row 1 when", "known are: status, "),
    (("on", "report", 0, "when", "@subject.deceased"), "yes", "on report row 1 when @subject.deceased", "known are: f"),
    (("on", "report", 0, "wen"), {}, "on report row 1", "known are: when, "),
    (
        ("on", "report", 1, "events", 1, "about_kin"),
        "x",
        "on report row 2 container.created",
        "known are: about_kind, ",
    ),
    (
        ("on", "report", 1, "events", 1, "for_each"),
        "parnts",
        "on report row 2 container.created for_each",
        "known are: parents, ",
    ),
    (("on", "report", 1, "events", 1, "about"), "paren", "on report row 2 container.created about", "known are: "),
    (
        ("on", "report", 1, "events", 1, "about"),
        "each.valu",
        "on report row 2 container.created about",
        "known are: value, ",
    ),
    (
        ("on", "report", 1, "events", 1, "with"),
        "servce",
        "on report row 2 container.created with",
        "known are: service, ",
    ),
    (
        ("on", "report", 1, "events", 1, "occurred"),
        "stated_a",
        "on report row 2 container.created occurred",
        "known are: stated_at, ",
    ),
    (
        ("on", "report", 1, "events", 1, "set"),
        {"lable": "service"},
        "on report row 2 container.created set",
        "known are: label, ",
    ),
    (
        ("on", "report", 1, "events", 1, "set"),
        {"label": "servce"},
        "on report row 2 container.created set label",
        "known are: service, ",
    ),
    (
        ("on", "report", 1, "events", 1, "set"),
        {"label": "identifiers[coi]"},
        "on report row 2 container.created set label",
        "say identifiers[type=coi]",
    ),
    (
        ("on", "report", 1, "events", 1, "set"),
        {"batch": {"bach": "each"}},
        "on report row 2 container.created set batch",
        "known are: batch, ",
    ),
    (("on", "reslt"), [{"events": ["result.reported"]}], "on reslt", "known are: result, "),
    (("frames", 2, "start"), "OBRX", "frames/report start", "known are: OBR, ORC"),
    (("frames", 2, "rows", "NTE"), "hl7v2/obr@report", "frames/report rows NTE", "known are: none"),
    (("frames", 2, "rows", "ORC"), "hl7v2/orc@reprt", "frames/report rows", "known are: hl7v2/orc@report, "),
    (("frames", 2, "rows", "ORC"), "hl7v2/orc@order", "frames/report rows ORC", "known are: report"),
    (("frames", 2, "key"), ["servise"], "frames/report key", "known are: service, "),
    (("frames", 2, "links"), {"patent": "subject"}, "frames/report links", "known are: patient, "),
    (("frames", 2, "links"), {"patient": "result"}, "frames/report links patient", "known are: "),
    (
        ("frames", 2, "frames", 0, "links"),
        {"patient": "subjct"},
        "frames/report/result links patient",
        "known are: subject, ",
    ),
    (("frames", 1, "also"), "identty", "frames/subject", "known are: identity, "),
    (("frames", 2, "strat"), "OBR", "frames/report", "known are: start, "),
    (("send", "result.*", 0, "set"), {"statu": "event.status"}, "send result.* report set", "known are: status, "),
    (
        ("send", "result.*", 0, "set"),
        {"status": "event.statu"},
        "send result.* report set status",
        "known are: status, ",
    ),
    (
        ("send", "result.*", 0, "set"),
        {"status": "orders.status"},
        "send result.* report set status",
        "known are: order, ",
    ),
    (
        ("send", "result.*", 0, "set"),
        {"status": "order.statuss"},
        "send result.* report set status",
        "known are: status, ",
    ),
    (
        ("send", "result.*", 0, "set"),
        {"reported_at": "message.att"},
        "send result.* report set reported_at",
        "known are: at, id",
    ),
    (("send", "result.*", 1, "parent"), "reprt", "send result.* result parent", "known are: report"),
    (("send", "result.*", 1, "from"), "evnt", "send result.* result from", "known are: event, "),
]


def planted(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    data = good()
    holder: Any = data
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return data


@pytest.mark.parametrize(("path", "value", "place", "says"), MISTAKES)
def test_a_mistake_is_told_where_it_stands_with_the_known_words(
    tmp_path: Path, path: tuple[Any, ...], value: Any, place: str, says: str
) -> None:
    found = faults(tmp_path, planted(path, value))
    assert [f for f in found if f.startswith(f"{NAME} row {place}: ") and says in f], found
    assert all(f.startswith(f"{NAME} row ") for f in found)


def test_the_fault_of_a_misspelt_path_reads_so(tmp_path: Path) -> None:
    (said,) = faults(tmp_path, planted(("belongs", "report", "order"), ["identifers[coi]"]))
    assert said.startswith(
        f"{NAME} row belongs report order: 'identifers[coi]' of report: nothing is named 'identifers' there; "
        "known are: identifiers, action, action_by, amount, callback, categories, category, "
        "clinical_information and "
    )


def test_all_mistakes_of_a_map_are_told_at_once(tmp_path: Path) -> None:
    data = good()
    data["belongs"]["report"]["order"] = ["identifers[coi]"]
    data["occurred"]["result"] = ["recieved_at"]
    data["identify"]["result"]["frist"] = ["instance"]
    data["on"]["result"][0]["when"]["status"] = "deletd"
    data["frames"][2]["start"] = "OBRX"
    assert [said.partition(" row ")[2].partition(":")[0] for said in faults(tmp_path, data)] == [
        "frames/report start",
        "identify result",
        "belongs report order",
        "occurred result",
        "on result row 1 when status",
    ]


def test_a_map_that_is_like_a_wrong_one_does_not_say_its_mistakes_again(tmp_path: Path) -> None:
    (tmp_path / "hl7v2").mkdir()
    like = {"map": "hl7v2/zzz_z02", "like": NAME, "for": ["ZZZ^Z02"]}
    (tmp_path / "hl7v2" / "other.yaml").write_text(yaml.safe_dump(like), encoding="utf-8")
    assert len(faults(tmp_path, planted(("occurred", "result"), ["recieved_at"]))) == 1


def test_words_are_checked_without_the_schemas_too(tmp_path: Path) -> None:
    data = planted(("identify", "result", "frist"), ["instance"])
    data["frames"][2]["start"] = "OBRX"
    faults(tmp_path, data)
    with pytest.raises(TableError) as wrong:
        hl7v2.adapter(None, (tmp_path / "hl7v2",))
    assert [fault.row for fault in wrong.value.faults] == ["frames/report start", "identify result"]
