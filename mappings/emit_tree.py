"""Generates readers and writers for named trees: JSON resources, EPCIS events, rows of a delimited file.

A wire path is dotted; a step may select a list item by a constant, `extension[url=https://…].valueString`, or be a list
of which the row means the first item, `method[]`. A canonical path that ends in `[]` is a list of that one value.
Numbers are text (subclass `Num` of the adapter), so no digit is lost on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mappings.emit import Emitter, assign, get, implied_by, indent, name_of, siblings, version_test, where
from mappings.load import split_path
from mappings.residual import Norm, Shape
from mappings.vocabulary import Row, Spec

_TAKEN = "'no-home', 'another value needs the same place of the wire and says it differently'"
_SELECT = re.compile(r"(?P<key>[^\[]+)\[(?P<name>[^=]+)=(?P<value>[^\]]+)\]")


class Tree(Emitter):
    """The generator for FHIR, EPCIS, delimited files and their like."""

    wire = "tree"

    def type_source(self, spec: Spec) -> str:
        """`read_X(x, m)` and `write_X(v, m)` of a data type."""
        name = name_of(spec.name)
        for row in spec.rows:
            self.check_codec(spec, row)
        read = [
            "if not isinstance(x, dict): raise Unreadable('shape', 'an object is expected here')",
            "v = {}",
        ]
        write = ["w = {}"]
        for row in (r for r in spec.rows if not r.ignore):
            read += self._read_row(spec, row, "x", typed=True)
            write += self._write_row(spec, row, typed=True)
        if spec.key:
            test = " or ".join(f"v.get({k!r}) is not None" for k in spec.key)
            read.append(f"return v if {test} else None")
        else:
            read.append("return v or None")
        write.append("return w or None")
        return "\n".join([f"def read_{name}(x, m):", *indent(read), "", f"def write_{name}(v, m):", *indent(write)])

    def record_source(self, spec: Spec) -> str:
        """`read(w, m, f)` and `write(f, m)` of a record table."""
        for row in spec.rows:
            self.check_codec(spec, row)
        head = [f"{kind} = f[{kind!r}].set" for kind in spec.kinds()]
        read, write = list(head), [*head, "w = {}"]
        for row in (r for r in spec.rows if not r.ignore):
            read.append(f"# {spec.name} {row.id}: {', '.join(row.at)} -> {', '.join(row.into)}")
            write.append(f"# {spec.name} {row.id}: {', '.join(row.into)} -> {', '.join(row.at)}")
            read += self._read_row(spec, row, "w", typed=False)
            write += self._write_row(spec, row, typed=False)
        write.append("return w")
        return "\n".join(["def read(w, m, f):", *indent(read or ["pass"]), "", "def write(f, m):", *indent(write)])

    # ---- reading ----------------------------------------------------------------------------------------------

    def _read_row(self, spec: Spec, row: Row, source: str, typed: bool) -> list[str]:
        if row.only == "out":
            return []
        if row.constant is not None:
            return []
        at = [f"m.at = {row.at[-1]!r}"] if not typed else []
        if row.each:
            body = self._read_items(spec, row, typed)
            return [f"x_ = {_reach(source, row.at[0])}", "if x_ is not None:", *indent([*at, *body])]
        if len(row.at) > 1:
            values = ", ".join(_reach(source, path) for path in row.at)
            present = " or ".join(f"{_reach(source, path)} is not None" for path in row.at)
            body = [
                f"y = {self._call('read', row, values)}",
                "if y is not None:",
                *indent(self._store(row, "y", typed)),
            ]
            return [f"if {present}:", *indent([*at, *self._guarded(row, body)])]
        body = [f"y = {self._call('read', row, 'x_')}"]
        store = self._store(row, "y", typed)
        if row.split:
            store = ["if isinstance(y, dict): y = {**y, **" + repr(dict(row.split)) + "}", *store]
        body += ["if y is not None:", *indent(store)]
        lines = [f"x_ = {_reach(source, row.at[0])}", "if x_ is not None:", *indent([*at, *self._guarded(row, body)])]
        if row.default is not None and not typed:
            kind, _, path = row.into[0].partition(".")
            lines += [
                "else:",
                f"    {assign(kind, path, repr(row.default))}",
                f"    f[{kind!r}].assumed.append({path!r})",
            ]
        return lines

    def _read_items(self, spec: Spec, row: Row, typed: bool) -> list[str]:
        lines = [
            "items = []",
            "if not isinstance(x_, list): "
            f"m.fault({row.id!r}, {row.at[0]!r}, Unreadable('shape', 'a list is expected here')); x_ = []",
            "for r in x_:",
        ]
        inner = [f"y = {self._call('read', row, 'r')}", "if y is not None: items.append(y)"]
        if row.split:
            inner = [inner[0], f"if y is not None: items.append({{**y, **{dict(row.split)!r}}})"]
        lines += indent(self._guarded(row, inner))
        holder, path = ("v", row.into[0]) if typed else _kind_path(row)
        branch, last = where(holder, path)
        if siblings(spec, row) or row.split or row.same_as:
            return [*lines, f"if items: {branch}.setdefault({last!r}, []).extend(items)"]
        return [*lines, f"if items: {branch}[{last!r}] = items"]

    def _store(self, row: Row, value: str, typed: bool) -> list[str]:
        targets = _targets(row, typed)
        lines: list[str] = []
        if len(targets) > 1:
            names = [f"{value}{i}" for i in range(len(targets))]
            lines.append(f"{', '.join(names)} = {value}")
            lines += [f"if {n} is not None: {_assign(h, p, n)}" for n, (h, p) in zip(names, targets, strict=True)]
        else:
            holder, path = targets[0]
            branch, last = where(holder, path)
            if row.split and row.same_as:
                lines.append(f"join({branch}, {last!r}, {value}, {dict(row.split)!r}, m, {row.id!r})")
            elif row.split:
                lines.append(f"add({branch}, {last!r}, {value}, {dict(row.split)!r})")
            elif row.same_as:
                lines.append(f"put({branch}, {last!r}, {value}, m, {row.id!r})")
            else:
                lines.append(_assign(holder, path, value))
        for target, codec in row.derive.items():
            kind, _, rest = target.partition(".")
            holder, path = ("v", target) if typed else (kind, rest)
            lines += [f"d = read_{name_of(codec)}({value}, m)", f"if d is not None: {assign(holder, path, 'd')}"]
        for target, constant in row.implies.items():
            kind, _, rest = target.partition(".")
            holder, path = ("v", target) if typed else (kind, rest)
            lines.append(assign(holder, path, repr(constant)))
        return lines

    # ---- writing ----------------------------------------------------------------------------------------------

    def _write_row(self, spec: Spec, row: Row, typed: bool) -> list[str]:
        if row.only == "in":
            return []
        if row.constant is not None:
            return [_place("w", row.at[0], repr(row.constant))]
        if row.each:
            return self._write_items(spec, row, typed)
        value, test = self._fetch(spec, row, typed)
        if len(row.at) > 1:
            names = [f"z{i}" for i in range(len(row.at))]
            body = [f"{', '.join(names)} = {self._call('write', row, 'y')}"]
            for n, p in zip(names, row.at, strict=True):
                if any(other is not row and p in other.at for other in spec.rows):
                    body += [f"if {n} is not None and {_reach('w', p)} not in (None, {n}): raise Unreadable({_TAKEN})"]
            body += [f"if {n} is not None: {_place('w', p, n)}" for n, p in zip(names, row.at, strict=True)]
        else:
            body = [f"z = {self._call('write', row, 'y')}", f"if z is not None: {_place('w', row.at[0], 'z')}"]
        at = [f"m.at = {row.at[-1]!r}"] if not typed else []
        lines = [f"y = {value}", f"if {test}:", *indent([*at, *self._homeless(row, body)])]
        if isinstance(row.fill, Mapping):
            self.fault(spec, row, "`out` by path is for delimited wires; here it is one value")
        elif row.fill is not None:
            lines.append(f"if {_reach('w', row.at[0])} is None: {_place('w', row.at[0], repr(row.fill))}")
        return lines

    def _write_items(self, spec: Spec, row: Row, typed: bool) -> list[str]:
        holder, path = ("v", row.into[0]) if typed else _kind_path(row)
        items = f"[v_ for v_ in items if belongs(v_, {dict(row.split)!r})]" if row.split else "items"
        if not row.split and (claimed := tuple(dict(s.split) for s in siblings(spec, row))):
            items = f"others(items, {claimed!r})"
        body = [
            f"t = [z for v_ in {items} if (z := {self._call('write', row, 'v_')}) is not None]",
            f"if t: {_place('w', row.at[0], 't', extend=True)}",
        ]
        test = version_test(row)
        return [
            f"items = {get(holder, path)}",
            f"if items{' and ' + test if test else ''}:",
            *indent(self._homeless(row, body)),
        ]

    def _fetch(self, spec: Spec, row: Row, typed: bool) -> tuple[str, str]:
        targets = _targets(row, typed)
        test = version_test(row)
        if row.split:
            holder, path = targets[0]
            value = f"next((v_ for v_ in {get(holder, path)} or () if belongs(v_, {dict(row.split)!r})), None)"
            return value, _and("y is not None", test)
        if len(targets) > 1:
            values = ", ".join(_get(h, p, row) for h, p in targets)
            return f"({values})", _and("any(z is not None for z in y)", test)
        holder, path = targets[0]
        test = _and("y is not None", test)
        for other in implied_by(spec, row):
            kind, _, rest = other.into[0].partition(".")
            test = _and(test, f"{get('v', other.into[0]) if typed else get(kind, rest)} is None")
        if row.default is not None and not typed:
            test = _and(test, f"not (y == {row.default!r} and {path!r} in f[{holder!r}].assumed)")
        return _get(holder, path, row), test

    # ---- shared -----------------------------------------------------------------------------------------------

    def _call(self, way: str, row: Row, arguments: str) -> str:
        if row.ref:
            return f"m.refs.{way}({arguments}, {row.ref!r})"
        if row.table:
            return f"{way}_code_{row.table}({f'm.text({arguments})' if way == 'read' else arguments})"
        if row.codec == "text":
            return f"m.text({arguments})" if way == "read" else arguments
        return f"{way}_{name_of(row.codec)}({arguments}, m)"

    def _guarded(self, row: Row, body: list[str]) -> list[str]:
        return ["try:", *indent(body), f"except Unreadable as wrong: m.fault({row.id!r}, {row.at[-1]!r}, wrong)"]

    def _homeless(self, row: Row, body: list[str]) -> list[str]:
        path = row.into[0] if row.into else row.at[0]
        return ["try:", *indent(body), f"except Unreadable as wrong: m.no_home({row.id!r}, {path!r}, wrong)"]

    def shape(self, spec: Spec, norm_of: Callable[[tuple[str, ...]], Norm]) -> Shape:
        """The branches that several rows share; data types are atoms, lists go item by item."""
        shape: dict[str, Any] = {}
        for row in sorted((r for r in spec.rows if r.at), key=_only_labels):
            for path in row.at:
                self._shape_path(shape, split_path(path), row, norm_of)
        return shape

    def _shape_path(
        self, shape: dict[str, Any], steps: list[str], row: Row, norm_of: Callable[[tuple[str, ...]], Norm]
    ) -> None:
        level = shape
        for depth, step in enumerate(steps):
            select = _SELECT.fullmatch(step)
            key = select["key"] if select else step.removesuffix("[]")
            last = depth == len(steps) - 1
            if _only_labels(row) and key in level and not isinstance(level[key], dict):
                return  # inside a data type or list item that is kept or given up as one
            if select or (last and row.each):
                level[key] = norm_of((*steps[:depth], key))
                return
            if last or step.endswith("[]"):
                level.setdefault(key, None)
                return
            inner = level.get(key)
            if not isinstance(inner, dict):
                level[key] = inner = {}
            level = inner

    def wrap(self, path: tuple[str, ...], item: Any, m: Any) -> dict[str, Any]:  # noqa: ARG002 - as in Delimited
        """A piece that holds one list item at `path` and nothing else."""
        node: Any = [item]
        for step in reversed(path):
            node = {step: node}
        return node  # type: ignore[no-any-return]

    def unwrap(self, path: tuple[str, ...], piece: Any, m: Any) -> Any:  # noqa: ARG002
        """The one list item at `path`, or None."""
        for step in path:
            piece = piece.get(step) if isinstance(piece, dict) else None
        return piece[0] if isinstance(piece, list) and piece else None


def _reach(source: str, path: str) -> str:
    """Expression that reads a wire path."""
    expression = source
    plain: list[str] = []
    for step in split_path(path):
        select = _SELECT.fullmatch(step)
        if select:
            expression = _pick(expression, plain)
            plain = []
            expression = f"find_item({expression}, {select['key']!r}, {select['name']!r}, {select['value']!r})"
        elif step.endswith("[]"):
            expression = f"first_item({_pick(expression, plain)}, {step[:-2]!r})"
            plain = []
        else:
            plain.append(step)
    return _pick(expression, plain) if expression != source or len(plain) != 1 else f"{source}.get({plain[0]!r})"


def _pick(expression: str, steps: list[str]) -> str:
    if not steps:
        return expression
    return f"pick({expression}, {', '.join(repr(s) for s in steps)})"


def _place(target: str, path: str, value: str, extend: bool = False) -> str:
    """Statement that writes a wire path."""
    *branch, last = split_path(path)
    expression = target
    plain: list[str] = []
    for step in branch:
        select = _SELECT.fullmatch(step)
        if select:
            expression = f"dig({expression}, {', '.join(map(repr, plain))})" if plain else expression
            plain = []
            expression = f"make_item({expression}, {select['key']!r}, {select['name']!r}, {select['value']!r})"
        elif step.endswith("[]"):
            expression = f"dig({expression}, {', '.join(map(repr, plain))})" if plain else expression
            plain = []
            expression = f"make_first({expression}, {step[:-2]!r})"
        else:
            plain.append(step)
    if plain:
        expression = f"dig({expression}, {', '.join(map(repr, plain))})"
    if last.endswith("[]"):
        return f"{expression}[{last[:-2]!r}] = [{value}]"
    if extend:
        return f"{expression}.setdefault({last!r}, []).extend({value})"
    return f"{expression}[{last!r}] = {value}"


def _and(*tests: str) -> str:
    return " and ".join(test for test in tests if test)


def _kind_path(row: Row) -> tuple[str, str]:
    kind, _, path = row.into[0].partition(".")
    return kind, path


def _only_labels(row: Row) -> bool:
    """True for a row that carries nothing: it never takes a data type apart."""
    return bool(row.ignore) or row.constant is not None


def _targets(row: Row, typed: bool) -> list[tuple[str, str]]:
    """Holder and path of each canonical place of a row: the value itself in a data type, a frame in a record."""
    return [("v", p) for p in row.into] if typed else [(p.partition(".")[0], p.partition(".")[2]) for p in row.into]


def _assign(holder: str, path: str, value: str) -> str:
    if path.endswith("[]"):
        return assign(holder, path[:-2], f"[{value}]")
    return assign(holder, path, value)


def _get(holder: str, path: str, row: Row) -> str:
    if path.endswith("[]"):
        return f"lone({get(holder, path[:-2])}, m, {row.id!r}, {path[:-2]!r})"
    return get(holder, path)
