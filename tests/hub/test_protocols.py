"""A site's own Protocols: read from a folder, all faults at once, and then no other counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from canonical_model.protocol_templates import AUTOLOGOUS_CAR_T, DEFAULT_PROTOCOLS
from hub.profiles import ProfileError
from hub.protocols import load

PUBLISHED = Path(__file__).parent.parent.parent / "canonical_model" / "schemas" / "v1" / "protocols"


def test_without_a_folder_those_of_the_model_count() -> None:
    assert load(None) is DEFAULT_PROTOCOLS


def test_the_published_documents_are_read_as_they_were_written() -> None:
    assert load(PUBLISHED) == DEFAULT_PROTOCOLS


def test_a_site_changes_a_number_under_a_version_of_its_own(tmp_path: Path) -> None:
    document = json.loads((PUBLISHED / f"{AUTOLOGOUS_CAR_T.key}.json").read_text(encoding="utf-8"))
    document |= {"version": "1-mercy", "hold_margin": "PT36H", "kit": True}
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    (known,) = load(tmp_path).values()
    assert (known.key, known.hold_margin.total_seconds(), known.kit) == ("autologous-car-t@1-mercy", 36 * 3600, True)
    assert known.windows == AUTOLOGOUS_CAR_T.windows


@pytest.mark.parametrize(
    ("files", "faults"),
    [
        ({"a.yaml": "id: x\nversion: '1'\n"}, ["a.yaml: name: ", "a.yaml: products: ", "a.yaml: sourcing: "]),
        ({"a.json": "{"}, ["a.json: neither YAML nor JSON"]),
        ({"a.json": json.dumps({"id": 1, "hunger": True}), "b.yaml": "["}, ["a.json: hunger: ", "b.yaml: neither"]),
        ({}, ["has no Protocol"]),
        ({"notes.txt": "nothing"}, ["has no Protocol"]),
    ],
)
def test_all_faults_of_a_folder_are_told_at_once(tmp_path: Path, files: dict[str, str], faults: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError) as told:
        load(tmp_path)
    for fault in faults:
        assert fault in str(told.value)


def test_one_version_stands_in_one_file(tmp_path: Path) -> None:
    text = (PUBLISHED / f"{AUTOLOGOUS_CAR_T.key}.json").read_text(encoding="utf-8")
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(ProfileError, match=r"b\.json: autologous-car-t@1 stands in two files"):
        load(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="is no folder: CGT_PROTOCOLS"):
        load(tmp_path / "gone")
