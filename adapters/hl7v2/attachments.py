"""Documents inside a result (ED, 2A.24) or elsewhere (RP, 2A.65), and what sort of document TXA names. No other value.

The bytes of a document stay as they were sent; beside them stands what tells them from any other: size and SHA-256.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from adapters.hl7v2.codecs import Value
from adapters.hl7v2.concepts import read_concept, write_concept
from adapters.hl7v2.tokenizer import Delimiters
from mappings.faults import Unreadable
from mappings.runtime import Codec


def read_document(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """ED: the bytes of a document in the message."""
    _, main, sub, encoding, data = m.parts(value, 5)
    if not data:
        raise Unreadable("value-unreadable", "encapsulated data has its data in the fifth component")
    content = _bytes(data, encoding)
    if content is None:
        m.fault(
            "", "5", Unreadable("value-unreadable", "the data is not of the encoding that the fourth component names")
        )
    media = _media_type(main, sub)
    return {
        "attachment": {
            "data": data,
            **({"media_type": media} if media else {}),
            **({"encoding": encoding} if encoding else {}),
            **(digest(content) if content is not None else {}),
        }
    }


def digest(content: bytes) -> Value:
    """Size and SHA-256 of a document's bytes."""
    return {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def described(attachment: Value) -> Value:
    """An attachment with the size and digest of its data, where these can be told."""
    plain = {name: value for name, value in attachment.items() if name not in {"size", "sha256"}}
    data = plain.get("data")
    content = _bytes(data, plain.get("encoding", "")) if isinstance(data, str) else None
    return plain if content is None else {**plain, **digest(content)}


def _bytes(data: str, encoding: str) -> bytes | None:
    """The bytes of a text in an encoding of table 0299; None where it is not of that encoding."""
    try:
        if encoding.lower() == "base64":
            return base64.b64decode("".join(data.split()), validate=True)
        return bytes.fromhex(data) if encoding.lower() == "hex" else data.encode()
    except (binascii.Error, ValueError):
        return None


def read_pointer(value: str, unit: str, m: Delimiters) -> Value:  # noqa: ARG001
    """RP: where a document is."""
    url, _, main, sub = m.parts(value, 4)
    if not url:
        raise Unreadable("value-unreadable", "a reference pointer has its pointer in the first component")
    media = _media_type(main, sub)
    return {"attachment": {"url": url, **({"media_type": media} if media else {})}}


def write_attachment(kind: str, content: Value, m: Delimiters) -> tuple[str, str]:
    """ED or RP; the bytes of a document that the frame only describes have no home."""
    main, _, sub = content.get("media_type", "").partition("/")
    if kind == "RP" and content.get("url") and not content.get("data"):
        return _components((content["url"], "", main, sub), m), ""
    if kind == "RP" or content.get("url") or not isinstance(content.get("data"), str):
        raise Unreadable("no-home", "the document's bytes are not in the frame")
    return _components(("", main, sub, content.get("encoding", ""), content["data"]), m), ""


def _media_type(main: str, sub: str) -> str:
    return f"{main}/{sub}" if sub else main


def _components(parts: tuple[str, ...], m: Delimiters) -> str:
    return m.comp.join([m.escape(part) for part in parts]).rstrip(m.comp)


# ---- TXA-2 ----------------------------------------------------------------------------------------------------


def read_document_type(text: str, m: Delimiters) -> tuple[Value | None, str | None]:
    """The sort of document: a code of table 0270 alone, from 2.7 on (and of senders who do so before) a CWE."""
    if m.comp in text and m.version < _CODED_TYPES:
        m.beyond.add(_TYPES)
    codings, words = read_concept(m.parts(text, 13), m)
    concept: Value = {**({"codings": codings} if codings else {}), **({"text": words} if words else {})}
    return (concept, document_kind(concept, m)) if concept else (None, None)


def document_kind(concept: Value, m: Delimiters) -> str | None:
    """The sort of document (code table document_kind) that a code means at this site."""
    known = m.codes["document_kind"].forward
    codes = [str(coding.get("code", "")) for coding in concept.get("codings", ())]
    return next((known[code] for code in codes if code in known), None)


def write_document_type(value: tuple[Value | None, str | None], m: Delimiters) -> str:
    """The code alone where the version has no room for more; a frame with only the kind has that kind's code."""
    concept, kind = value
    if concept is None:
        return m.escape(m.codes["document_kind"].write(kind or ""))
    parts = write_concept((concept.get("codings"), concept.get("text")), m)
    if m.version < _CODED_TYPES and _TYPES not in m.beyond:
        parts = parts[:1]
    return m.comp.join([m.escape(part) for part in parts]).rstrip(m.comp)


_TYPES, _CODED_TYPES = "hl7v2/txa D2", (2, 7)

ATTACHMENT_CODECS: dict[str, Codec] = {"document_type": Codec(read_document_type, write_document_type, raw=True)}
