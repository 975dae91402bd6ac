"""The how-to of B2MML says what the code does: its profile loads, its document is valid and read as it says."""

from __future__ import annotations

import re

import pytest
import yaml
from lxml import etree

from adapters.b2mml.document import NAMES
from hub.profiles import Profile
from mappings import events
from tests.adapters.b2mml_samples import adapter, v0700
from tests.standards import ROOT

PAGE = (ROOT / "docs" / "howto-b2mml.md").read_text(encoding="utf-8")


def fenced(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_profile_of_the_page_is_one() -> None:
    profile = Profile.model_validate(yaml.safe_load(fenced("yaml")))
    sent = adapter().library.maps[profile.sends[0].message]["send"]
    assert set(profile.sends[0].events) <= set(sent)


def test_the_document_of_the_page_is_a_booked_slot() -> None:
    found = adapter().read(fenced("xml").encode())
    assert not found.faults
    assert [a["type"] for a in events.assertions(found.map, found.frames, "p/m")] == ["order.stated", "slot.booked"]


@pytest.mark.standards
def test_the_document_of_the_page_is_valid_by_mesas_schema() -> None:
    assert v0700().validate(etree.fromstring(fenced("xml"))), str(v0700().error_log)


def test_every_document_that_is_read_stands_on_the_page() -> None:
    assert not [name for name in NAMES if name not in PAGE]


def test_mesa_is_thanked() -> None:
    sentence = "The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International."
    assert sentence in PAGE
