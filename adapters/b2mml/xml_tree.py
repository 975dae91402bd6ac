"""B2MML text as a plain tree, and back: which namespace, which prefixes, which order. Knows no meaning.

An element is its text, or a dict of its attributes (`@name`), its text (`#text`) and its children. A child has its
bare name in the document's namespace, and `prefix:name` in another. Where the children stand in another order than
the schema's, `#order` says in which; what mixes text with children is kept whole as `#xml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters import xml_text
from adapters.b2mml.shape import FAMILIES, ORDER, REPEATED, V0700, VERSIONS, shape_of
from adapters.reading import Unparsable, Unsupported

Tree = dict[str, Any]

_XML = "http://www.w3.org/XML/1998/namespace"
XSI = "http://www.w3.org/2001/XMLSchema-instance"


@dataclass(slots=True)
class Names:
    """The namespace of a document, and the prefixes that it binds."""

    namespace: str = V0700
    prefixes: dict[str, str] = field(default_factory=lambda: {"": V0700})
    """Prefix -> namespace, as the sender declares them; the empty prefix is the default."""
    _by_uri: dict[str, str] = field(default_factory=dict)

    def key(self, tag: str) -> str:
        """`{uri}local` as a key of the tree."""
        uri, local = _parts(tag)
        return local if uri == self.namespace else f"{self._prefix(uri)}:{local}"

    def attribute(self, tag: str) -> str:
        """The key of an attribute: one without a prefix is in no namespace."""
        uri, local = _parts(tag)
        return f"@{self._prefix(uri)}:{local}" if uri else f"@{local}"

    def _prefix(self, uri: str) -> str:
        if uri in ("", _XML):
            return "xml" if uri else ""
        if uri not in self._by_uri:
            known = next((prefix for prefix, bound in self.prefixes.items() if prefix and bound == uri), None)
            count = 1
            while known is None or (known in self.prefixes and self.prefixes[known] != uri):
                known, count = f"ns{count}", count + 1
            self._by_uri[uri] = known
            self.prefixes[known] = uri
        return self._by_uri[uri]

    def tag(self, key: str, attribute: bool = False) -> str:
        """The inverse of `key`."""
        prefix, colon, local = key.partition(":")
        if not colon:
            return key if attribute else f"{{{self.namespace}}}{key}"
        uri = _XML if prefix == "xml" else self.prefixes.get(prefix, "") if prefix else ""
        return f"{{{uri}}}{local}" if uri else local

    @property
    def nsmap(self) -> dict[str | None, str]:
        return {prefix or None: uri for prefix, uri in self.prefixes.items()}


def _parts(tag: str) -> tuple[str, str]:
    """Namespace and local name of `{uri}local`."""
    uri, _, local = tag[1:].partition("}") if tag[:1] == "{" else ("", "", tag)
    return uri, local


# ---- reading --------------------------------------------------------------------------------------------------


def loads(body: bytes) -> tuple[str, Any, Names]:
    """Root name, tree and names of a document. Raises Unparsable or Unsupported."""
    root = xml_text.parse(body)
    namespace = etree.QName(root).namespace or ""
    name = etree.QName(root).localname
    if namespace not in VERSIONS:
        raise _other(namespace)
    if _is_mixed(root) and len(root):
        raise Unparsable("b2mml-shape", "root", "send no text between the elements")
    names = Names(namespace, _prefixes(root))
    return name, _tree(root, names), names


def _other(namespace: str) -> Exception:
    remedy = "send B2MML V0700 (http://www.mesa.org/xml/B2MML) or V0401 (http://www.wbf.org/xml/B2MML-V0401)"
    if namespace.startswith(FAMILIES):
        version = namespace.rpartition("-")[2] if "-" in namespace else "an unknown version"
        known = version if version.startswith("V") and version[1:].isdigit() else "another version"
        return Unsupported("", "root", f"this is {known} of B2MML or BatchML; {remedy}")
    return Unsupported("", "root", f"this is not B2MML; {remedy}")


def _prefixes(root: etree._Element) -> dict[str, str]:
    """The prefixes of a document; a type named by one (xsi:type) means the namespace that it stands for everywhere."""
    found: dict[str, str] = {}
    for _, (prefix, uri) in etree.iterwalk(root, events=("start-ns",)):
        if found.setdefault(prefix or "", uri) != uri and prefix:
            raise Unparsable("b2mml-prefix", "body", "bind each prefix to one namespace in the whole document")
    return found


def _tree(element: etree._Element, names: Names) -> Any:
    if not len(element):
        text = element.text or ""
        if not element.attrib:
            return text
        tree: Tree = {names.attribute(str(key)): str(value) for key, value in element.attrib.items()}
        if text:
            tree["#text"] = text
        return tree
    if _is_mixed(element):
        return {"#xml": etree.tostring(element, encoding="unicode", with_tail=False)}
    tree = {names.attribute(str(key)): str(value) for key, value in element.attrib.items()}
    name = shape_of(names.key(str(element.tag)))
    lists: set[str] = REPEATED.get(name, set())
    stood: list[str] = []
    for child in element:
        key = names.key(str(child.tag))
        stood.append(key)
        _add(tree, key, _tree(child, names), key in lists)
    if stood != list(_natural(name, tree)):
        tree["#order"] = " ".join(stood)
    return tree


def _is_mixed(element: etree._Element) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


def _add(tree: Tree, key: str, value: Any, listed: bool) -> None:
    """Adds a child: to a list where the element repeats, be it by the schema or here."""
    if key not in tree:
        tree[key] = [value] if listed else value
    elif isinstance(tree[key], list):
        tree[key].append(value)
    else:
        tree[key] = [tree[key], value]


def _natural(name: str, tree: Mapping[str, Any]) -> Iterator[str]:
    """The keys of the children in the schema's order, once for each; others follow by name."""
    ranks = ORDER.get(shape_of(name), {})
    children = [key for key in tree if key[:1] not in "@#"]
    for key in sorted(children, key=lambda key: (ranks.get(key, len(ranks)), key)):
        yield from [key] * (len(tree[key]) if isinstance(tree[key], list) else 1)


# ---- writing --------------------------------------------------------------------------------------------------


def dumps(name: str, tree: Any, names: Names) -> bytes:
    """XML of a document's tree."""
    root = etree.Element(names.tag(name), nsmap=names.nsmap)  # type: ignore[arg-type]  # the default prefix is None
    _fill(root, name, tree, names)
    return xml_text.dumps(root)


def _fill(element: etree._Element, name: str, tree: Any, names: Names) -> None:
    if not isinstance(tree, Mapping):
        element.text = _legal(str(tree)) or None
        return
    for key, value in tree.items():
        if key[:1] == "@":
            element.set(names.tag(key[1:], attribute=True), _legal(str(value)))
    if "#text" in tree:
        element.text = _legal(str(tree["#text"]))
    for key, child in _children(name, tree):
        if isinstance(child, Mapping) and "#xml" in child:
            element.append(xml_text.parse(str(child["#xml"]).encode()))
        else:
            _fill(etree.SubElement(element, names.tag(key)), key, child, names)


def _children(name: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Children in the order in which they stood; those that nobody placed stand where the schema has them."""
    waiting = {key: list(value) if isinstance(value, list) else [value] for key, value in tree.items()}
    natural = list(_natural(name, tree))
    keys = str(tree.get("#order", "")).split() or natural
    left = {key: natural.count(key) - keys.count(key) for key in dict.fromkeys(natural)}
    for place, key in enumerate(keys):
        if waiting.get(key):
            yield key, waiting[key].pop(0)
        if key not in keys[place + 1 :]:
            for _ in range(left.pop(key, 0)):
                yield key, waiting[key].pop(0)
    for key, count in left.items():
        for _ in range(count):
            yield key, waiting[key].pop(0)


_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _legal(text: str) -> str:
    """Text without the characters that XML cannot have."""
    return _ILLEGAL.sub("", text)
