"""Every folder below `examples/` that holds a dialect: its sample is read as its frames, and goes back as it came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from adapters import mes_csv
from canonical_model.catalogue import EVENTS
from canonical_model.frames import check, set_schemas

EXAMPLES = sorted(file.parent for file in (Path(__file__).parents[2] / "examples").glob("*/sample.csv"))


def dialect_of(example: Path) -> tuple[mes_csv.Adapter, str]:
    """The adapter with the example's overlay, and the one dialect that its tables define."""
    files = sorted((example / "overlay" / "mes_csv").glob("*.yaml"))
    (name,) = [data["map"] for data in map(yaml.safe_load, (f.read_text("utf-8") for f in files)) if "map" in data]
    about = {type_: row.about for type_, row in EVENTS.items()}
    return mes_csv.adapter(set_schemas(), [example / "overlay" / "mes_csv"], event_types=about), name


def test_there_is_an_example() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_a_sample_is_read_as_its_frames_and_goes_back_as_it_came(example: Path) -> None:
    adapter, name = dialect_of(example)
    body = (example / "sample.csv").read_bytes()
    got = adapter.read(body, name)
    assert got.frames == json.loads((example / "sample.frames.json").read_text("utf-8"))
    for frame in got.frames:
        check(frame)
    assert adapter.write(name, got.frames, got.residual) == (body, [])
    assert got.faults == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_its_frames_alone_are_written_as_a_file_that_says_them(example: Path) -> None:
    adapter, name = dialect_of(example)
    frames = json.loads((example / "sample.frames.json").read_text("utf-8"))
    body, faults = adapter.write(name, frames)
    assert faults == []
    assert adapter.read(body, name).frames == frames
    written = example / "sample.written.csv"
    assert not written.exists() or written.read_bytes() == body
