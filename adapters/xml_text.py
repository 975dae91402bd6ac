"""The one door for XML: no DTD, no entities, no network, bounded in size and depth. Knows no format.

lxml expands entities of attribute values whatever it is told, so a document that declares anything is refused before
it is parsed; an encoding in which a declaration could hide is refused too.
"""

from __future__ import annotations

import re

from lxml import etree

from adapters.reading import Unparsable

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
_ENCODINGS = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "windows-1252"})
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_BOM = b"\xef\xbb\xbf"


def parse(body: bytes) -> etree._Element:
    """The root element of a body, without comments and processing instructions.

    Raises Unparsable: too large, too deep, not XML, another encoding, a document type or an entity declared.
    """
    if len(body) > MAX_BYTES:
        raise Unparsable("xml-too-large", "body", f"a document has at most {MAX_BYTES} bytes")
    text = body.removeprefix(_BOM).lstrip()
    declared = _DECLARATION.match(text)
    if b"\x00" in text or (declared is not None and declared[1].decode().lower() not in _ENCODINGS):
        raise Unparsable("xml-encoding", "body", "send XML as UTF-8")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise Unparsable("xml-doctype", "body", "send XML without a document type declaration")
    try:
        root = etree.fromstring(text, _parser())
    except etree.XMLSyntaxError as wrong:
        raise Unparsable("xml-syntax", f"line {wrong.lineno}", "send well-formed XML") from wrong
    if root.getroottree().docinfo.internalDTD is not None:
        raise Unparsable("xml-doctype", "body", "send XML without a document type declaration")
    if _too_deep(root):
        raise Unparsable("xml-too-deep", "body", f"nest at most {MAX_DEPTH} levels")
    return root


def _parser() -> etree.XMLParser:
    """A parser of its own for every document: none is shared between threads."""
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
        recover=False,
    )


def _too_deep(root: etree._Element) -> bool:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def dumps(root: etree._Element) -> bytes:
    """XML bytes in UTF-8 with a declaration."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
