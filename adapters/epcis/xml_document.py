"""EPCIS 2.0 XML <-> the plain tree of EPCIS 2.0 JSON, so that both syntaxes go through the same tables.

An element is read by its name and the rule below; what a rule cannot say (other children, attributes where EPCIS has
none) is kept whole, as XML text, under `#xml`. An extension keeps the shape of its XML: attributes as `@prefix:name`,
text beside them as `#text`. What goes is named: prefixes other than the first for a namespace, the order of
attributes, white space between elements, comments. Vocabulary terms stand as sent; the codecs know every spelling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from adapters import xml_text
from adapters.epcis.document import EVENT_TYPES, LISTS, ordered
from adapters.epcis.xml_shape import (
    ATTRIBUTED,
    ATTRIBUTES,
    ENVELOPE,
    INNER_ORDER,
    INSIDE,
    ITEMS,
    KEYS,
    NAMESPACES,
    NUMBERS,
    OBJECTS,
    OLD,
    ORDERS,
    REPEATED,
    RESULTS,
    ROOT_PREFIX,
    TEXTS,
    TYPED,
    WRAPPERS,
    WRITTEN,
    Names,
)
from adapters.json_text import number
from adapters.reading import Unparsable, Unsupported

Tree = dict[str, Any]


class _UnlikeError(Exception):
    """An element is not of the shape that its rule knows; it is kept whole."""


# ---- reading --------------------------------------------------------------------------------------------------


def loads(body: bytes) -> tuple[Tree, Names]:
    """The tree of an XML document and its namespaces. Raises Unparsable or Unsupported."""
    root = xml_text.parse(body)
    name = etree.QName(root)
    names = Names()
    names.bind(root)
    if name.namespace in OLD:
        raise Unsupported("EPCIS 1.x", "body", "EPCIS 1.x is not read; send EPCIS 2.0")
    if name.localname in EVENT_TYPES:
        return _event(root, names), names
    if NAMESPACES.get(name.localname, "") != name.namespace:
        shown = name.localname if name.localname in LISTS else "another document"
        raise Unsupported(shown, "body", "send an EPCISDocument or EPCISQueryDocument of EPCIS 2.0")
    tree: Tree = {"type": name.localname}
    for key, value in root.attrib.items():
        shown = names.key(str(key))
        tree[shown if shown in ATTRIBUTES - {"type"} else f"@{shown}"] = str(value)
    _fill(tree, root, names)
    return tree, names


def _fill(tree: Tree, element: etree._Element, names: Names) -> None:
    """Takes the children of a document or of a wrapper of its body. Raises Unparsable for what no schema allows."""
    if _has_text(element):
        raise _misshapen(element, "only elements may stand here")
    last = ""
    for child in element:
        local = names.key(str(child.tag))
        if child.tag == RESULTS:
            local = "QueryResults"
        elif local == "QueryResults":
            names.plain = True
        key = KEYS.get(local, local)
        if local in KEYS and local not in INSIDE.get(str(element.tag), INSIDE["document"]):
            raise _misshapen(child, "the element stands in another one")
        if key in tree and (key != last or key in ENVELOPE):
            raise _misshapen(child, "the element stands once, or its repeats together")
        if local in WRAPPERS and not child.attrib:
            tree[key] = {}
            _fill(tree[key], child, names)
        elif local == "EventList":
            tree["eventList"] = _events(child, names)
        elif local in TEXTS and not len(child) and not child.attrib:
            _extend(tree, key, _text(child))
        else:
            _extend(tree, key, _generic(child, names))
        last = key
    keys = [key for key in tree if key not in ATTRIBUTES and not key.startswith("@")]
    if keys != ordered(keys, ENVELOPE):
        raise _misshapen(element, "write the elements in the order of the XML schema")


def _events(element: etree._Element, names: Names) -> list[Tree]:
    if element.attrib or _has_text(element):
        raise _misshapen(element, "only events may stand here")
    return [_event(event, names) for event in element]


def _misshapen(element: etree._Element, remedy: str) -> Unparsable:
    return Unparsable("epcis-shape", f"line {element.sourceline}", remedy)


def _event(element: etree._Element, names: Names) -> Tree:
    """An event; one that the tree cannot say without loss is kept whole under `#xml`."""
    local = names.key(str(element.tag))
    if str(element.tag).startswith(f"{{{NAMESPACES['EPCISDocument']}}}"):  # what a document holds has no namespace
        return {"type": etree.QName(element).localname, "#xml": _serialized(element)}
    whole = {"type": local, "#xml": _serialized(element)}
    if local not in EVENT_TYPES:
        return whole
    try:
        tree = _object(element, names)
    except _UnlikeError:
        return whole
    found = {"type": local, **tree}
    return found if "type" not in tree and same(element, _written(local, tree, names, stood(found))) else whole


def _whole(element: etree._Element) -> Tree:
    return {"#xml": _serialized(element)}


def _serialized(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _object(element: etree._Element, names: Names) -> Tree:
    """An EPCIS element with named children."""
    if _has_text(element):
        raise _UnlikeError
    tree: Tree = {f"@{names.key(str(key))}": str(value) for key, value in element.attrib.items()}
    for child in element:
        local = names.key(str(child.tag))
        if local in REPEATED:
            tree.setdefault(local, []).append(_value(local, child, names))
        elif local in ITEMS or local in OBJECTS or local in TEXTS or local in ATTRIBUTED:
            if local in tree:
                raise _UnlikeError
            tree[local] = _value(local, child, names)
        else:
            _extend(tree, local, _generic(child, names))
    return tree


def _value(local: str, element: etree._Element, names: Names) -> Any:
    if local in ITEMS:
        if element.attrib or _has_text(element) or any(child.tag != ITEMS[local] for child in element):
            raise _UnlikeError
        return [_value(ITEMS[local], child, names) for child in element]
    if local in OBJECTS:
        return _object(element, names)
    if local in TYPED:
        if len(element) or set(element.attrib) - {"type"}:
            raise _UnlikeError
        return {**{str(k): str(v) for k, v in element.attrib.items()}, local: _text(element)}
    if local in ATTRIBUTED:
        if len(element) or _has_text(element):
            raise _UnlikeError
        keys = [(names.key(str(key)), str(value)) for key, value in element.attrib.items()]
        return {key: _scalar(key, value) for key, value in keys}
    if len(element):
        raise _UnlikeError
    return _generic(element, names) if element.attrib else _scalar(local, _text(element))


def _scalar(name: str, text: str) -> Any:
    """Text as the JSON value that it stands for; as text where it stands for none."""
    if name == "booleanValue" and text in {"true", "false"}:
        return text == "true"
    if name in NUMBERS:
        try:
            return number(text)
        except ValueError:
            return text
    return text


def _generic(element: etree._Element, names: Names) -> Any:
    """An extension: text, or its attributes and children; whole, where children of one name do not stand together."""
    if not len(element) and not element.attrib:
        return element.text or ""
    tree: Tree = {f"@{names.key(str(key))}": str(value) for key, value in element.attrib.items()}
    if _has_text(element):
        if len(element):
            return _whole(element)
        tree["#text"] = element.text or ""
    last = ""
    for child in element:
        key = names.key(str(child.tag))
        if key in tree and key != last:
            return _whole(element)
        _extend(tree, key, _generic(child, names))
        last = key
    return tree


def _extend(tree: Tree, key: str, value: Any) -> None:
    """Adds a child; a second one of the same name makes a list."""
    if key not in tree:
        tree[key] = value
    elif isinstance(tree[key], list):
        tree[key].append(value)
    else:
        tree[key] = [tree[key], value]


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _has_text(element: etree._Element) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)


# ---- writing --------------------------------------------------------------------------------------------------


def dumps(tree: Mapping[str, Any], names: Names, orders: Sequence[Mapping[str, Sequence[str]]] = ()) -> bytes:
    """XML of a document's tree. `orders` gives per event the order of children that is not the schema's."""
    kind = str(tree["type"])
    for prefix, uri in WRITTEN.items():
        if not any(known.rstrip("/:#") == uri.rstrip("/:#") for known in names.prefixes) and _uses(tree, prefix):
            names.prefix(uri, prefix)
    if kind in EVENT_TYPES:
        root = _written(kind, {k: v for k, v in tree.items() if k != "type"}, names, orders[0] if orders else {}, True)
        return xml_text.dumps(root)
    names.prefix(NAMESPACES[kind], ROOT_PREFIX[kind])
    root = etree.Element(f"{{{NAMESPACES[kind]}}}{kind}", nsmap=_nsmap(names))
    for key, value in tree.items():
        if key in ATTRIBUTES - {"type"}:
            root.set(key, _plain(value))
        elif key.startswith("@") and key != "@context":
            root.set(names.tag(key[1:]), _plain(value))
    inner = {key: value for key, value in tree.items() if key not in ATTRIBUTES and not key.startswith("@")}
    _wrap(root, inner, names, orders)
    return xml_text.dumps(root)


def _nsmap(names: Names) -> dict[str, str]:
    return {prefix: uri for uri, prefix in names.prefixes.items()}


def _uses(value: Any, prefix: str) -> bool:
    """True when a key or a term of the tree has the prefix."""
    if isinstance(value, Mapping):
        return any(key.startswith(f"{prefix}:") or _uses(item, prefix) for key, item in value.items())
    if isinstance(value, list):
        return any(_uses(item, prefix) for item in value)
    return isinstance(value, str) and value.startswith(f"{prefix}:")


def _wrap(parent: etree._Element, tree: Mapping[str, Any], names: Names, orders: Sequence[Mapping[str, Any]]) -> None:
    wrappers = {key: name for name, key in WRAPPERS.items()}
    for key in ordered(tree, ENVELOPE):
        value = tree[key]
        if key in wrappers and isinstance(value, Mapping):
            tag = RESULTS if key == "queryResults" and not names.plain else wrappers[key]
            _wrap(etree.SubElement(parent, tag), value, names, orders)
        elif key == "eventList":
            events = etree.SubElement(parent, "EventList")
            for place, event in enumerate(value):
                inner = {k: v for k, v in event.items() if k != "type"}
                events.append(_written(str(event["type"]), inner, names, orders[place] if place < len(orders) else {}))
        else:
            _append(parent, _element_of(key), value, names)


def _element_of(key: str) -> str:
    return next((name for name, known in KEYS.items() if known == key), key)


def _written(
    local: str, tree: Mapping[str, Any], names: Names, order: Mapping[str, Sequence[str]], root: bool = False
) -> etree._Element:
    """An event as an element. `order`: path of an object -> its keys as they stood."""
    if "#xml" in tree:
        return xml_text.parse(str(tree["#xml"]).encode())
    element = etree.Element(names.tag(local), nsmap=_nsmap(names) if root else None)
    _put(element, tree, names, ORDERS.get(local, INNER_ORDER), order, "")
    return element


def _put(
    element: etree._Element,
    tree: Mapping[str, Any],
    names: Names,
    ranks: Mapping[str, int],
    order: Mapping[str, Sequence[str]],
    path: str,
) -> None:
    """Writes the children of an EPCIS object in the order of the schema, or as they stood."""
    for key in in_order(tree, ranks, order.get(path, ())):
        value = tree[key]
        if key.startswith("@"):
            if key != "@context":
                element.set(names.tag(key[1:]), _plain(value))
        elif key in ITEMS and isinstance(value, list):
            holder = etree.SubElement(element, key)
            for item in value:
                _item(holder, ITEMS[key], item, names)
        elif key in OBJECTS and isinstance(value, Mapping):
            _put(etree.SubElement(element, key), value, names, INNER_ORDER, order, f"{path}.{key}")
        elif key in REPEATED and isinstance(value, list):
            for item in value:
                _item(element, key, item, names)
        else:
            _item(element, key, value, names)


def in_order(tree: Mapping[str, Any], ranks: Mapping[str, int], stood: Sequence[str]) -> list[str]:
    """Keys as they stood, where they did not stand in the order of the schema; new ones follow in that order."""
    keys = ordered(tree, ranks)
    if not stood:
        return keys
    known = [key for key in stood if key in tree]
    return [*known, *(key for key in keys if key not in set(known))]


def _item(parent: etree._Element, local: str, value: Any, names: Names) -> None:
    if local in OBJECTS and isinstance(value, Mapping) and "#xml" not in value:
        _put(etree.SubElement(parent, local), value, names, INNER_ORDER, {}, "")
    elif local in TYPED and isinstance(value, Mapping) and "#xml" not in value:
        element = etree.SubElement(parent, local)
        element.text = _plain(value.get(local, ""))
        if "type" in value:
            element.set("type", _plain(value["type"]))
    elif local in ATTRIBUTED and isinstance(value, Mapping) and "#xml" not in value:
        element = etree.SubElement(parent, local)
        for key, item in value.items():
            element.set(names.tag(key), _plain(item))
    else:
        _append(parent, local, value, names)


def _append(parent: etree._Element, key: str, value: Any, names: Names) -> None:
    """The inverse of `_generic`."""
    if isinstance(value, list):
        for item in value:
            _append(parent, key, item, names)
    elif isinstance(value, Mapping) and "#xml" in value:
        parent.append(xml_text.parse(str(value["#xml"]).encode()))
    elif isinstance(value, Mapping):
        element = etree.SubElement(parent, names.tag(key))
        for inner, item in value.items():
            if inner == "#text":
                element.text = _plain(item)
            elif inner.startswith("@"):
                element.set(names.tag(inner[1:]), _plain(item))
            else:
                _append(element, inner, item, names)
    else:
        etree.SubElement(parent, names.tag(key)).text = _plain(value)


_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _plain(value: Any) -> str:
    """Text of a value; what no XML may hold (control characters) is written as U+FFFD."""
    return ("true" if value else "false") if isinstance(value, bool) else _NO_XML.sub("\ufffd", str(value))


# ---- sameness -------------------------------------------------------------------------------------------------


def same(one: etree._Element, other: etree._Element) -> bool:
    """True when two elements say the same: names, attributes, text without the space around it, order of children."""
    if one.tag != other.tag or sorted(one.items()) != sorted(other.items()) or len(one) != len(other):
        return False
    if (one.text or "").strip() != (other.text or "").strip():
        return False
    pairs = zip(one, other, strict=True)
    return all((a.tail or "").strip() == (b.tail or "").strip() and same(a, b) for a, b in pairs)


def stood(tree: Mapping[str, Any]) -> dict[str, list[str]]:
    """Order of the keys of an event and of the objects in it, where the schema does not give it."""
    found: dict[str, list[str]] = {}
    _stood(tree, ORDERS.get(str(tree.get("type")), INNER_ORDER), "", found)
    return found


def _stood(tree: Mapping[str, Any], ranks: Mapping[str, int], path: str, found: dict[str, list[str]]) -> None:
    keys = [key for key in tree if key != "type" or path]
    if keys != ordered(keys, ranks) or sum(key not in ranks for key in keys) > 1:
        found[path] = keys
    for key in keys:
        if key in OBJECTS and isinstance(tree[key], Mapping):
            _stood(tree[key], INNER_ORDER, f"{path}.{key}", found)


__all__ = ["Names", "dumps", "in_order", "loads", "same", "stood"]
