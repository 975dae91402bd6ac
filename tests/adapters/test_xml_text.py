"""The door for XML lets nothing in that declares, fetches or grows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters import xml_text
from adapters.reading import Unparsable
from tests.effort import at_most

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def refused(body: bytes) -> str:
    with pytest.raises(Unparsable) as wrong:
        xml_text.parse(body)
    return wrong.value.code


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/p.dtd"> %p;]><a/>',
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>'.encode(),
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a b="&l9;"/>'.encode(),
        b"<?xml version='1.0'?>\n<!DOCTYPE project>\n<a/>",
        b"\xef\xbb\xbf<!DOCTYPE a []><a/>",
    ],
)
def test_a_document_that_declares_anything_is_refused(body: bytes) -> None:
    assert refused(body) == "xml-doctype"


@pytest.mark.parametrize(
    "body",
    [
        '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"),
        "<!DOCTYPE a []><a/>".encode("utf-16-le"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE a+AD4-<a/>',
        b'<?xml version="1.0" encoding="IBM037"?><a/>',
        b"<a>\x00</a>",
    ],
)
def test_an_encoding_in_which_a_declaration_could_hide_is_refused(body: bytes) -> None:
    assert refused(body) == "xml-encoding"


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"text", b"<a>", b"<a></b>", b"<a b='1' b='2'/>", b"<a>&x;</a>", b"<p:a/>", b"<a>&#1;</a>", b"<a/>x"],
)
def test_what_is_not_well_formed_is_refused_with_its_line(body: bytes) -> None:
    assert refused(body) == "xml-syntax"


def test_a_deep_document_is_refused_without_recursion() -> None:
    assert refused(b"<a>" * 65 + b"</a>" * 65) == "xml-too-deep"
    assert refused(b"<a>" * 100_000) == "xml-syntax"
    assert xml_text.parse(b"<a>" * 64 + b"</a>" * 64).tag == "a"


def test_a_large_document_is_refused_before_it_is_parsed() -> None:
    with at_most(5):
        assert refused(b"<a>" + b" " * xml_text.MAX_BYTES + b"</a>") == "xml-too-large"


def test_nothing_is_included_or_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{secret.as_uri()}"/>'
    root = xml_text.parse(f"<a>{include}</a>".encode())
    assert (root.text, root[0].text, len(root[0])) == (None, None, 0)


def test_comments_and_instructions_go_and_the_text_around_them_stays_one() -> None:
    root = xml_text.parse(b"<?x y?><a>1<!-- no -->2<?x y?>3<![CDATA[<4>]]></a>")
    assert (root.text, len(root)) == ("123<4>", 0)


def test_what_is_written_is_read_again() -> None:
    root = xml_text.parse("<a b='ü'>ä &lt; &amp;</a>".encode())
    again = xml_text.parse(xml_text.dumps(root))
    assert (again.text, again.get("b")) == ("ä < &", "ü")


@given(st.binary(max_size=300))
def test_any_bytes_are_an_element_or_refused(body: bytes) -> None:
    for whole in (body, b"<a>" + body + b"</a>", b"<a b='" + body + b"'/>"):
        try:
            root = xml_text.parse(whole)
        except Unparsable:
            continue
        assert isinstance(root, etree._Element)
