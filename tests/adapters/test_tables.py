"""Our own tables keep to the published schemas and the catalogue; the hub relies on it and checks only a site's."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

import mappings
from canonical_model.catalogue import EVENTS
from canonical_model.frames import set_schemas
from mappings.faults import TableError

FORMATS = sorted({file.parent.name for file in Path(str(mappings.__file__)).parent.glob("*/*.yaml")})
"""Formats that are read by tables; the canonical form is its own."""


@pytest.mark.parametrize("name", FORMATS)
def test_every_path_and_every_event_of_a_table_is_published(name: str) -> None:
    adapter = importlib.import_module(f"adapters.{name}").adapter(
        set_schemas(), (), "UTC", "", {type_: row.about for type_, row in EVENTS.items()}
    )
    assert adapter.library.tables or adapter.library.maps


@pytest.mark.parametrize("name", FORMATS)
def test_a_path_that_nothing_publishes_is_found(name: str) -> None:
    known = {kind: {"type": "object", "properties": {}} for kind in set_schemas()}
    with pytest.raises(TableError):
        importlib.import_module(f"adapters.{name}").adapter(known, (), "UTC", "", None)
