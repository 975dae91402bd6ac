"""Generates readers and writers for delimited pieces: numbered fields, repeats, components, sub-components.

A piece is a dict of raw field texts keyed by the field's number as text, as the standard counts. The context has the
separators (`rep`, `comp`, `sub`, `esc`; no letters or digits), `nested` (tells that a text has inner parts), `leaf`
(first leaf of a text, unescaped), `unsafe` (tells that a text needs `escape`) and `beyond` (rows that the sender uses
before their version).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mappings.emit import (
    Emitter,
    assign,
    implied_by,
    indent,
    name_of,
    siblings,
    version_test,
    where,
)
from mappings.residual import Norm, Shape
from mappings.vocabulary import Row, Spec

NULL = '""'
_READ = ("rep, comp, sub, esc, nested = m.rep, m.comp, m.sub, m.esc, m.nested",)
_WRITE = ("rep, comp, unsafe = m.rep, m.comp, m.unsafe",)


class Delimited(Emitter):
    """The generator for HL7 v2 and its like."""

    wire = "delimited"

    # ---- data types -------------------------------------------------------------------------------------------

    def type_source(self, spec: Spec) -> str:
        """`read_X(x, s, m)` and `write_X(v, s, m)`; `s` separates the parts at this level."""
        name = name_of(spec.name)
        for row in spec.rows:
            self.check_codec(spec, row)
        rows = [row for row in spec.rows if not row.ignore]
        read = [
            "p = x.split(s)",
            "n = len(p)",
            f"q = [m.leaf(t) for t in p] if m.sub in x or m.esc in x or {NULL!r} in x else p",
            "v = {}",
            *_inner_parts(rows),
        ]
        inner = _branch_paths(path for row in rows for path in row.into)
        read += [f"{'_'.join(['v', *branch])} = {{}}" for branch in inner]
        for row in rows:
            read += self._read_part(row)
        for *above, last in reversed(inner):
            holder = "_".join(["v", *above])
            read.append(f"if {holder}_{last}: {holder}[{last!r}] = {holder}_{last}")
        read.append(_key_test(spec))
        size = max((int(path.split(".")[0]) for row in rows for path in row.at), default=1)
        reached = _branches("v", (path for row in rows for path in row.into))
        write = ["unsafe = m.unsafe", *reached, f"p = [''] * {size}"]
        touched: set[str] = set()
        for row in rows:
            write += self._write_part(spec, row, touched)
        write.append("return s.join(p).rstrip(s)")
        return "\n".join(
            [f"def read_{name}(x, s, m):", *indent(read), "", f"def write_{name}(v, s, m):", *indent(write)]
        )

    def _read_part(self, row: Row) -> list[str]:
        if row.only == "out":
            return []
        if len(row.at) > 1:
            codec = self.codecs.get(row.codec)
            if codec is not None and codec.whole:
                values = [f"q if n >= {len(row.at)} else q + {[''] * len(row.at)!r}[n:]"]
            else:
                values = [_leaf_of(path) for path in row.at]
            body = [f"y = {self._call('read', row, ', '.join(values))}"]
            body = self._guarded(row, [*body, "if y is not None:", *indent(self._store(row))])
            least = min(int(path.partition(".")[0]) for path in row.at)
            return body if least == 1 or (codec is not None and codec.always) else [f"if n >= {least}:", *indent(body)]
        first, _, inner = row.at[0].partition(".")
        index = int(first) - 1
        present = f"n > {index} and " if index else ""
        if self.is_type(row):
            # A data type inside a part is separated by sub-components.
            body = [f"y = read_{name_of(row.codec)}(p[{index}], m.sub, m)", "if y is not None:"]
            return [f"if {present}p[{index}]:", *indent([*body, *indent(self._store(row))])]
        if inner not in {"", "1"}:
            present, text = "", f"s{index}[{int(inner) - 1}]"
        else:
            text = f"q[{index}]"
        store = self._store(row)
        if not self._plain(row):
            store = self._guarded(row, [f"y = {self._call('read', row, 'y')}", *store])
        return [f"if {present}(y := {text}):", *indent(store)]

    def _write_part(self, spec: Spec, row: Row, touched: set[str]) -> list[str]:
        """`touched` are the components that earlier rows may have written into."""
        if row.only == "in":
            return []
        value, test = self._fetch_part(spec, row)
        if len(row.at) > 1 and row.codec in self.codecs and self.codecs[row.codec].whole:
            body = [f"p = [{_safe('z')} for z in {self._call('write', row, 'y')}]"]
        elif len(row.at) > 1:
            names = [f"z{index}" for index in range(len(row.at))]
            body = [f"{', '.join(names)}, = {self._call('write', row, 'y')}", *_set_parts(names, row.at, touched)]
        elif self.is_type(row):
            body = [_set_part("p", row.at[0], f"write_{name_of(row.codec)}(y, m.sub, m)")]
        elif self._plain(row):
            body = [_set_part("p", row.at[0], _safe("y"))]
        else:
            body = [f"z = {self._call('write', row, 'y')}", _set_part("p", row.at[0], _safe("z"))]
        touched.update(path.partition(".")[0] for path in row.at)
        return [f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

    def _fetch_part(self, spec: Spec, row: Row) -> tuple[str, str]:
        if len(row.into) == 1:
            return _reach("v", row.into[0]), _and("y is not None", self._version(spec, row))
        values = ", ".join(_reach("v", path) for path in row.into)
        return f"({values})", _and(_some(row), self._version(spec, row))

    def _store(self, row: Row) -> list[str]:
        """Statements that put a type's part into its value."""
        if len(row.into) == 1:
            return [f"{_slot('v', row.into[0])} = y"]
        names = [f"y{i}" for i in range(len(row.into))]
        lines = [f"{', '.join(names)} = y"]
        return lines + [f"if {n} is not None: {_slot('v', p)} = {n}" for n, p in zip(names, row.into, strict=True)]

    # ---- records ----------------------------------------------------------------------------------------------

    def record_source(self, spec: Spec) -> str:
        """`read(w, m, f)` and `write(f, m)` of a record table, with an item reader where a codec reads one repeat."""
        for row in spec.rows:
            self.check_codec(spec, row)
        head = [f"{kind} = f[{kind!r}].set" for kind in spec.kinds()]
        written = [path for row in spec.rows if row.only != "in" for path in row.into]
        branches = [
            line
            for kind in spec.kinds()
            for line in _branches(kind, (path.partition(".")[2] for path in written if path.startswith(f"{kind}.")))
        ]
        read, write = [*_READ, *head], [*_WRITE, *head, *branches, "w = {}", *self._indexes(spec)]
        items: list[str] = []
        opened: set[str] = set()
        for row in (r for r in spec.rows if not r.ignore):
            read.append(f"# {spec.name} {row.id}: {', '.join(row.at)} -> {', '.join(row.into)}")
            write.append(f"# {spec.name} {row.id}: {', '.join(row.into)} -> {', '.join(row.at)}")
            if row.each:
                items += self._item_source(spec, row)
                read += self._read_each(spec, row)
                write += self._write_each(spec, row)
            elif len(row.at) > 1 and self.is_raw(row):
                read += self._read_raw(spec, row)
                write += self._write_raw(spec, row)
            elif all("." not in path for path in row.at):
                read += self._read_field(spec, row)
                write += self._write_field(spec, row)
            else:
                number = row.at[0].partition(".")[0]
                read += self._read_parts_row(spec, row, number, first=number not in opened)
                write += self._write_parts_row(spec, row, number, first=number not in opened)
                opened.add(number)
        write += _assembled(opened)
        write += self._nulls(spec)
        write += self._fills(spec)
        if spec.also or spec.pick:
            write += ["if w:", *indent(_constants(spec))]
        write.append("return w")
        return "\n".join([*items, "def read(w, m, f):", *indent(read), "", "def write(f, m):", *indent(write)])

    def _indexes(self, spec: Spec) -> list[str]:
        """The items of a list that several rows split, by their constants, once per piece."""
        lines: dict[str, str] = {}
        for row in spec.rows:
            if row.split and not row.each and row.only != "in":
                kind, path = _kind_path(row)
                lines[_index(row)] = f"{_index(row)} = by_constants({_reach(kind, path)}, {tuple(row.split)!r})"
        return list(lines.values())

    def _nulls(self, spec: Spec) -> list[str]:
        """A field whose paths the message clears is written as null where nothing else is written."""
        lines: list[str] = []
        for kind in spec.kinds():
            tests = []
            for row in spec.rows:
                paths = [_cleared(path, row) for k, path in _kind_paths(row) if k == kind]
                if (
                    paths
                    and not row.ignore
                    and row.only != "in"
                    and row.constant is None
                    and not _is_raw_row(self, row)
                ):
                    number = row.at[0].partition(".")[0]
                    tests.append(f"if {paths[0]!r} in c: w.setdefault({number!r}, {NULL!r})")
            if tests:
                lines += [f"c = f[{kind!r}].clear", "if c:", *indent(tests)]
        return lines

    def _fills(self, spec: Spec) -> list[str]:
        """A field that the format must have is written in a piece that says anything, though the frame has none."""
        lines: list[str] = []
        for row in spec.rows:
            fills = fills_of(spec, row)
            if not fills:
                continue
            if "." in row.at[0] or len(row.at) > 1 or row.each:
                self.fault(spec, row, "`default` is written (`out`) into a whole field that does not repeat")
            number, text = row.at[0], repr(fills[-1][1])
            for path, value in reversed(fills[:-1]):
                kind, _, rest = path.partition(".")
                rest, _, wanted = rest.partition("=")
                test = f"== {wanted!r}" if wanted else "is not None"
                text = f"{value!r} if {_reach(kind, rest)} {test} else {text}"
            lines.append(f"if w and {number!r} not in w: w[{number!r}] = {text}")
        return lines

    def _read_each(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "out":
            return []
        number, (kind, path) = row.at[0], _kind_path(row)
        if self.is_type(row):
            reader = f"read_{name_of(row.codec)}({{}}, comp, m)"
        else:
            reader = f"item_{name_of(spec.name)}_{name_of(row.id)}({{}}, m)"
        many = f"[v for r in x.split(rep) if r and (v := {reader.format('r')}) is not None]"
        body = [
            f"m.at = {number!r}",
            f"if rep in x: items = {many}",
            f"else: items = [v] if (v := {reader.format('x')}) is not None else []",
        ]
        if self.is_type(row) and row.split:
            body.append(f"for v in items: v.update({dict(row.split)!r})")
        branch, last = where(kind, path)
        if row.same_as and row.split:
            body += ["for v in items:", f"    join({branch}, {last!r}, v, {dict(row.split)!r}, m, {row.id!r})"]
        elif siblings(spec, row) or row.split:
            body.append(f"if items: {branch}.setdefault({last!r}, []).extend(items)")
        elif row.same_as:
            body.append(f"if items: put({branch}, {last!r}, items, m, {row.id!r})")
        else:
            body.append(f"if items: {branch}[{last!r}] = items")
        return _field_of(number, row, [*self._beyond(spec, row), *body])

    def _item_source(self, spec: Spec, row: Row) -> list[str]:
        """A function that reads one repeat by a codec, or returns None and notes why; a data type needs none."""
        if self.is_type(row):
            return []
        source = "r" if self.is_raw(row) else "m.leaf(r)"
        return [
            f"def item_{name_of(spec.name)}_{name_of(row.id)}(r, m):",
            f"    y = {source}",
            "    if not y: return None",
            "    try:",
            f"        return {self._call('read', row, 'y')}",
            "    except Unreadable as wrong:",
            f"        m.fault({row.id!r}, m.at, wrong)",
            "        return None",
            "",
        ]

    def _write_each(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "in":
            return []
        number, (kind, path) = row.at[0], _kind_path(row)
        claimed = tuple(dict(other.split) for other in siblings(spec, row))
        chosen = []
        if row.split:
            chosen = [f"items = [v for v in items if belongs(v, {dict(row.split)!r})]"]
        elif claimed:
            chosen = [f"items = others(items, {claimed!r})"]
        if self.is_type(row):
            written = f"write_{name_of(row.codec)}(v, comp, m)"
        elif self.is_raw(row):
            written = self._call("write", row, "v")
        else:
            written = f"m.escape({self._call('write', row, 'v')})"
        body = [*chosen, f"t = rep.join([z for v in items if (z := {written})])", f"if t: w[{number!r}] = t"]
        return [
            f"items = {_reach(kind, path)}",
            f"if {_and('items', self._version(spec, row))}:",
            *indent(self._homeless(row, body)),
        ]

    def _read_raw(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "out":
            return []
        texts = ", ".join(f"w.get({path!r}, '')" for path in row.at)
        present = " or ".join(f"{path!r} in w" for path in row.at)
        body = [f"y = {self._call('read', row, texts)}", "if y is not None:", *indent(self._store_kinds(row))]
        return [
            f"if {present}:",
            *indent([*self._beyond(spec, row), f"m.at = {row.at[-1]!r}", *self._guarded(row, body)]),
        ]

    def _write_raw(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "in":
            return []
        value, test = self._fetch_kinds(spec, row)
        names = ", ".join(f"z{i}" for i in range(len(row.at)))
        body = [f"{names}, = {self._call('write', row, 'y')}"]
        body += [f"if z{i}: w[{path!r}] = z{i}" for i, path in enumerate(row.at)]
        return [f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

    def _read_field(self, spec: Spec, row: Row) -> list[str]:
        number = row.at[0]
        if row.constant is not None or row.only == "out":
            return []
        if self.is_type(row):
            body = [
                f"m.at = {number!r}",
                f"y = read_{name_of(row.codec)}(x.split(rep, 1)[0] if rep in x else x, comp, m)",
                "if y is not None:",
            ]
            if row.split:
                body.append(f"    y.update({dict(row.split)!r})")
            body += indent(self._store_kinds(row))
        elif self._plain(row):
            at = [f"m.at = {number!r}"] if row.same_as else []
            body = [
                *at,
                "y = x if x.isalnum() or nested(x) is None else m.leaf(x)",
                "if y:",
                *indent(self._store_kinds(row)),
            ]
        else:
            text = "x" if self.is_raw(row) else "x if x.isalnum() or nested(x) is None else m.leaf(x)"
            inner = [f"y = {self._call('read', row, 'y')}", *self._store_kinds(row)]
            body = [f"m.at = {number!r}", f"y = {text}", "if y:", *indent(self._guarded(row, inner))]
        lines = _field_of(number, row, [*self._beyond(spec, row), *body])
        if row.default is not None:
            kind, path = _kind_path(row)
            lines += [
                "else:",
                f"    {assign(kind, path, repr(row.default))}",
                f"    f[{kind!r}].assumed.append({path!r})",
            ]
        return lines

    def _write_field(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "in":
            return []
        number = row.at[0]
        if row.constant is not None:
            value = f"m.computed({row.constant!r})" if row.constant.startswith("#") else repr(row.constant)
            value = "str(m.ordinal)" if row.constant == "#" else value
            return [f"w[{number!r}] = {value}"]
        value, test = self._fetch_kinds(spec, row)
        if self.is_type(row):
            body = [f"if t := write_{name_of(row.codec)}(y, comp, m): w[{number!r}] = t"]
        elif self.is_raw(row):
            body = [f"if t := {self._call('write', row, 'y')}: w[{number!r}] = t"]
        elif self._plain(row):
            body = [f"if y: w[{number!r}] = {_safe('y')}"]
        else:
            body = [f"if t := {self._call('write', row, 'y')}: w[{number!r}] = {_safe('t')}"]
        return [f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

    def _read_parts_row(self, spec: Spec, row: Row, number: str, first: bool) -> list[str]:
        """A row that names parts of a field (`5.1`, or several of one field); the field is taken apart once."""
        if any(path.partition(".")[0] != number for path in row.at):
            self.fault(spec, row, "parts of different fields need a raw codec")
            return []
        lines = _opened(spec, number) if first else []
        if row.only == "out":
            return lines
        beyond = self._beyond(spec, row)
        if self.is_type(row):
            step = row.at[0].split(".")[1]
            body = [f"y = read_{name_of(row.codec)}(m.raw_part(w[{number!r}], {step}), m.sub, m)", "if y is not None:"]
            body += [f"    y.update({dict(row.split)!r})"] if row.split else []
            body += indent([*beyond, *self._store_kinds(row)])
            return [*lines, f"if c{number}:", *indent([f"m.at = {number!r}", *body])]
        values = [_part_of(number, path) for path in row.at]
        if len(values) == 1:
            store = self._store_kinds(row)
            if not self._plain(row):
                store = self._guarded(row, [f"y = {self._call('read', row, 'y')}", *store])
            store = (
                [*beyond, f"m.at = {number!r}", *store] if row.same_as or not self._plain(row) else [*beyond, *store]
            )
            return [*lines, f"if c{number} and (y := {values[0]}):", *indent(store)]
        body = [f"y = {self._call('read', row, ', '.join(values))}", "if y is not None:"]
        body += indent([*beyond, *self._store_kinds(row)])
        return [*lines, f"if c{number}:", *indent([f"m.at = {number!r}", *self._guarded(row, body)])]

    def _write_parts_row(self, spec: Spec, row: Row, number: str, first: bool) -> list[str]:
        lines = [f"d{number} = [''] * {_width(spec, number)}"] if first else []
        if row.only == "in":
            return lines
        value, test = self._fetch_kinds(spec, row)
        if self.is_type(row):
            body = [_set_part(f"d{number}", _inside(row.at[0]), f"write_{name_of(row.codec)}(y, m.sub, m)")]
            return [*lines, f"y = {value}", f"if {test}:", *indent(body)]
        names = [f"z{index}" for index in range(len(row.at))]
        if len(row.at) == 1:
            body = [f"z0 = {'y' if self._plain(row) else self._call('write', row, 'y')}"]
        else:
            body = [f"{', '.join(names)}, = {self._call('write', row, 'y')}"]
        for name, path in zip(names, row.at, strict=True):
            body.append(f"if {name}: {_set_part(f'd{number}', _inside(path), _safe(name))}")
        return [*lines, f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

    # ---- shared -----------------------------------------------------------------------------------------------

    def _plain(self, row: Row) -> bool:
        return not row.table and row.codec == "text" and len(row.at) == 1

    def _call(self, way: str, row: Row, arguments: str) -> str:
        if row.table:
            return f"{way}_code_{row.table}({arguments})"
        if row.codec == "text":
            return arguments
        return f"{way}_{name_of(row.codec)}({arguments}, m)"

    def _guarded(self, row: Row, body: list[str]) -> list[str]:
        if not row.table and row.codec == "text":
            return body
        return ["try:", *indent(body), f"except Unreadable as wrong: m.fault({row.id!r}, m.at, wrong)"]

    def _homeless(self, row: Row, body: list[str]) -> list[str]:
        if not row.table and (row.codec == "text" or row.codec in self.types):
            return body
        path = row.into[0] if row.into else row.at[0]
        return ["try:", *indent(body), f"except Unreadable as wrong: m.no_home({row.id!r}, {path!r}, wrong)"]

    def _version(self, spec: Spec, row: Row) -> str:
        """Condition under which a row is written: its versions, or a sender that uses it before them."""
        test = version_test(row)
        return f"({test} or {f'{spec.name} {row.id}'!r} in m.beyond)" if test else ""

    def _beyond(self, spec: Spec, row: Row) -> list[str]:
        test = version_test(row)
        return [f"if not {test}: m.beyond.add({f'{spec.name} {row.id}'!r})"] if test else []

    def _store_kinds(self, row: Row) -> list[str]:
        """Statements that put a row's value `y` into its frames, with what it implies and derives."""
        lines: list[str] = []
        if len(row.into) > 1:
            names = [f"y{i}" for i in range(len(row.into))]
            lines.append(f"{', '.join(names)} = y")
            for name, (kind, path) in zip(names, _kind_paths(row), strict=True):
                lines.append(f"if {name} is not None: {assign(kind, path, name)}")
        elif row.into:
            kind, path = _kind_path(row)
            branch, last = where(kind, path)
            if row.split:  # the other place that says the same (`same_as`) may stand before this one
                lines.append(f"join({branch}, {last!r}, y, {dict(row.split)!r}, m, {row.id!r})")
            elif row.same_as:
                lines.append(f"put({branch}, {last!r}, y, m, {row.id!r})")
            else:
                lines.append(assign(kind, path, "y"))
        for path, codec in row.derive.items():
            kind, _, rest = path.partition(".")
            lines += [f"d = read_{name_of(codec)}(y, m)", f"if d is not None: {assign(kind, rest, 'd')}"]
        for path, constant in row.implies.items():
            kind, _, rest = path.partition(".")
            lines.append(assign(kind, rest, repr(constant)))
        return lines

    def _fetch_kinds(self, spec: Spec, row: Row) -> tuple[str, str]:
        version = self._version(spec, row)
        if row.split:
            constants = tuple(row.split.values())
            return f"{_index(row)}.get({(constants[0] if len(constants) == 1 else constants)!r})", _and(
                "y is not None", version
            )
        if len(row.into) > 1:
            values = ", ".join(_reach(kind, path) for kind, path in _kind_paths(row))
            return f"({values})", _and(_some(row), version)
        kind, path = _kind_path(row)
        test = _and("y is not None", version)
        for other in implied_by(spec, row):
            other_kind, other_path = _kind_path(other)
            test = _and(test, f"{_reach(other_kind, other_path)} is None")
        if row.default is not None:
            test = _and(test, f"not (y == {row.default!r} and {path!r} in f[{kind!r}].assumed)")
        return _reach(kind, path), test

    def shape(self, spec: Spec, norm_of: Callable[[tuple[str, ...]], Norm]) -> Shape:
        """Fields are atoms, repeats are lists by item."""
        return {row.at[0]: norm_of((row.at[0],)) for row in spec.rows if row.each and not row.same_as}

    def wrap(self, path: tuple[str, ...], item: Any, m: Any) -> dict[str, Any]:  # noqa: ARG002 - as in Tree
        return {path[0]: item}

    def unwrap(self, path: tuple[str, ...], piece: dict[str, Any], m: Any) -> Any:  # noqa: ARG002
        return piece.get(path[0])


# ---- pieces of source -----------------------------------------------------------------------------------------


def fills_of(spec: Spec, row: Row) -> list[tuple[str, str]]:
    """Path and value of what is written where the frame has none; the last one counts whatever the frame has."""
    if row.fill is None:
        return []
    pairs = [("", row.fill)] if isinstance(row.fill, str) else list(row.fill.items())
    kinds = spec.kinds()
    own = [(path, value) for path, value in pairs if not path or path.partition(".")[0] in kinds]
    return own if own and "." not in own[-1][0] else []


def _key_test(spec: Spec) -> str:
    if not spec.key:
        return "return v or None"
    test = " or ".join(f"{key!r} in v" for key in spec.key)
    return f"return v if {test} else None"


def _inner_parts(rows: Iterable[Row]) -> list[str]:
    """Statements that take components apart where rows name their sub-components."""
    sizes: dict[int, int] = {}
    for row in rows:
        for path in row.at:
            first, _, step = path.partition(".")
            if step and (len(row.at) > 1 or step != "1"):
                sizes[int(first) - 1] = max(int(step), sizes.get(int(first) - 1, 0))
    blank = {index: repr(("",) * size) for index, size in sizes.items()}
    return [
        f"s{index} = m.sub_parts(p[{index}], {size}) if n > {index} and p[{index}] else {blank[index]}"
        for index, size in sizes.items()
    ]


def _leaf_of(path: str) -> str:
    """Expression of one component's (or sub-component's) leaf."""
    first, _, step = path.partition(".")
    index = int(first) - 1
    if step:
        return f"s{index}[{int(step) - 1}]"
    return f"q[{index}]" if index == 0 else f"q[{index}] if n > {index} else ''"


def _set_part(parts: str, path: str, text: str) -> str:
    """Statement that sets one component, or one of its sub-components."""
    first, _, step = path.partition(".")
    place = f"{parts}[{int(first) - 1}]"
    return f"{place} = m.set_sub({place}, {step}, {text})" if step else f"{place} = {text}"


def _set_parts(names: list[str], paths: Iterable[str], touched: set[str]) -> list[str]:
    """Statements that set several components; sub-components of an untouched one are joined at once."""
    inner: dict[str, dict[int, str]] = {}
    lines = []
    for name, path in zip(names, paths, strict=True):
        first, _, step = path.partition(".")
        if step and first not in touched:
            inner.setdefault(first, {})[int(step)] = name
        else:
            lines.append(f"if {name}: {_set_part('p', path, _safe(name))}")
    for first, steps in inner.items():
        parts = ", ".join(steps.get(step, "''") for step in range(1, max(steps) + 1))
        lines.append(f"p[{int(first) - 1}] = m.sub_joined(({parts},))")
    return lines


def _branch_paths(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Every branch of the canonical paths, outer ones first."""
    found: dict[tuple[str, ...], None] = {}
    for path in paths:
        *branch, _ = path.split(".")
        for depth in range(1, len(branch) + 1):
            found.setdefault(tuple(branch[:depth]))
    return list(found)


def _branches(holder: str, paths: Iterable[str]) -> list[str]:
    """Statements that reach for each branch of the canonical paths once."""
    lines = []
    for *above, last in _branch_paths(paths):
        name = "_".join([holder, *above])
        lines.append(f"{name}_{last} = {name}.get({last!r}) or {{}}")
    return lines


def _slot(holder: str, path: str) -> str:
    """Target of an assignment to a canonical path by way of its branch."""
    *branch, last = path.split(".")
    return f"{'_'.join([holder, *branch])}[{last!r}]"


def _reach(holder: str, path: str) -> str:
    """Expression that reads a canonical path by way of its branch."""
    *branch, last = path.split(".")
    return f"{'_'.join([holder, *branch])}.get({last!r})"


def _some(row: Row) -> str:
    """Test that a row of several paths has any value."""
    return f"y != ({', '.join(['None'] * len(row.into))})"


def _safe(name: str) -> str:
    return f"{name} if {name}.isalnum() or unsafe({name}) is None else m.escape({name})"


def _field_of(number: str, row: Row, body: list[str]) -> list[str]:
    """A field that is there: null clears what the row writes, anything else is read."""
    clears = [f"f[{kind!r}].unset({_cleared(path, row)!r})" for kind, path in _kind_paths(row)]
    return [
        f"x = w.get({number!r})",
        "if x is not None:",
        f"    if x == {NULL!r}: {'; '.join(clears) or 'pass'}",
        "    else:",
        *indent(body, 2),
    ]


def _opened(spec: Spec, number: str) -> list[str]:
    """Statements that take a field apart for all the rows that name parts of it; null clears them all."""
    rows = [row for row in spec.rows if row.at[0].startswith(f"{number}.") and not (row.ignore or row.each)]
    rows = [row for row in rows if row.only != "out"]
    clears = [f"f[{k!r}].unset({_cleared(path, row)!r})" for row in rows for k, path in _kind_paths(row)]
    return [
        f"x = w.get({number!r})",
        f"c{number} = ()",
        "if x is not None:",
        f"    if x == {NULL!r}: {'; '.join(clears) or 'pass'}",
        f"    else: c{number} = m.parts(x, {_width(spec, number)})",
    ]


def _part_of(number: str, path: str) -> str:
    _, step, *inner = path.split(".")
    if inner and inner[0] != "1":
        return f"m.part(w[{number!r}], {step}, {inner[0]})"
    return f"c{number}[{int(step) - 1}]"


def _inside(path: str) -> str:
    """The part of a path behind the field."""
    return path.partition(".")[2]


def _width(spec: Spec, number: str) -> int:
    """How many components of a field its rows name."""
    paths = [path for row in spec.rows if not row.ignore for path in row.at if path.startswith(f"{number}.")]
    return max(int(path.split(".")[1]) for path in paths)


def _assembled(numbers: Iterable[str]) -> list[str]:
    return [f"if t := comp.join(d{n}).rstrip(comp): w[{n!r}] = t" for n in sorted(numbers, key=int)]


def _constants(spec: Spec) -> list[str]:
    """Statements for the constants that single a picked piece out, and those written beside."""
    lines = []
    for path, value in {**spec.pick, **spec.also}.items():
        number, _, step = path.partition(".")
        if step:
            lines.append(f"w[{number!r}] = m.set_part(w.get({number!r}, ''), {step}, {value!r})")
        else:
            lines.append(f"w.setdefault({number!r}, {value!r})")
    return lines


def _is_raw_row(emitter: Emitter, row: Row) -> bool:
    return len(row.at) > 1 and emitter.is_raw(row)


def _index(row: Row) -> str:
    """Name of the variable that holds a split list by its constants."""
    return f"by_{name_of(row.into[0])}_{'_'.join(row.split)}"


def _cleared(path: str, row: Row) -> str:
    """Path that a wire null clears: the whole list, or only this row's item of it."""
    return f"{path}[{','.join(str(v) for v in row.split.values())}]" if row.split else path


def _and(*tests: str) -> str:
    return " and ".join(test for test in tests if test)


def _kind_path(row: Row) -> tuple[str, str]:
    kind, _, path = row.into[0].partition(".")
    return kind, path


def _kind_paths(row: Row) -> list[tuple[str, str]]:
    return [(path.partition(".")[0], path.partition(".")[2]) for path in row.into]
