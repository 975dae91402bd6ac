"""Generates readers and writers for delimited pieces: numbered fields, repeats, components, sub-components.

A piece is a dict of raw field texts keyed by the field's number as text, as the standard counts. The context has the
separators (`rep`, `comp`, `sub`), `leaf` (first leaf of a text, unescaped) and `escape`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mappings.emit import (
    Emitter,
    assign,
    get,
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


class Delimited(Emitter):
    """The generator for HL7 v2 and its like."""

    wire = "delimited"

    # ---- data types -------------------------------------------------------------------------------------------

    def type_source(self, spec: Spec) -> str:
        """`read_X(x, s, m)` and `write_X(v, s, m)`; `s` separates the parts at this level."""
        name = name_of(spec.name)
        for row in spec.rows:
            self.check_codec(spec, row)
        read = ["p = x.split(s)", "n = len(p)", "v = {}"]
        for row in (r for r in spec.rows if not r.ignore):
            read += self._read_part(spec, row, "p", "n", "v")
        read.append(self._key_test(spec))
        write = [f"p = [''] * {max((int(a.split('.')[0]) for r in spec.rows for a in r.at), default=1)}"]
        for row in (r for r in spec.rows if not r.ignore):
            write += self._write_part(spec, row, "p", "v")
        write.append("return s.join(p).rstrip(s)")
        return "\n".join(
            [f"def read_{name}(x, s, m):", *indent(read), "", f"def write_{name}(v, s, m):", *indent(write)]
        )

    def _key_test(self, spec: Spec) -> str:
        if not spec.key:
            return "return v or None"
        test = " or ".join(f"v.get({k!r}) is not None" for k in spec.key)
        return f"return v if {test} else None"

    def _part_text(self, path: str, parts: str, count: str) -> tuple[str, str]:
        """Condition and expression of one part's raw text, such as `4` or `4.2`."""
        steps = [int(step) for step in path.split(".")]
        first = steps[0] - 1
        raw = f"{parts}[{first}]"
        present = raw if first == 0 else f"{count} > {first} and {raw}"
        if len(steps) == 1:
            return present, raw
        return present, f"m.sub_part({raw}, {steps[1]})"

    def _read_part(self, spec: Spec, row: Row, parts: str, count: str, target: str) -> list[str]:
        if len(row.at) > 1:
            values = ", ".join(self._maybe(path, parts, count) for path in row.at)
            body = [f"y = {self._call('read', row, values)}", "if y is not None:", *indent(self._store(row, target, "y"))]
            return self._guarded(row, body)
        present, raw = self._part_text(row.at[0], parts, count)
        if self.is_type(row):
            # A data type inside a part is separated by sub-components.
            body = [f"y = read_{name_of(row.codec)}({raw}, m.sub, m)", "if y is not None:"]
            return [f"if {present}:", *indent([*body, *indent(self._store(row, target, "y"))])]
        text = f"m.leaf({raw})" if len(row.at[0].split(".")) == 1 else raw
        if self._plain(row):
            body = [f"y = {text}", f"if y and y != {NULL!r}:", *indent(self._store(row, target, "y"))]
            return [f"if {present}:", *indent(body)]
        call = raw if self.is_raw(row) else text
        body = [f"y = {call}", f"if y and y != {NULL!r}:"]
        body += indent(self._guarded(row, [f"y = {self._call('read', row, 'y')}", *self._store(row, target, "y")]))
        return [f"if {present}:", *indent(body)]

    def _maybe(self, path: str, parts: str, count: str) -> str:
        present, raw = self._part_text(path, parts, count)
        text = f"m.leaf({raw})" if len(path.split(".")) == 1 else raw
        return f"({text} if {present} else '')"

    def _write_part(self, spec: Spec, row: Row, parts: str, source: str) -> list[str]:
        if row.only == "in":
            return []
        if len(row.at) > 1:
            return self._write_many_parts(row, parts, source)
        value, test = self._fetch(row, source)
        steps = [int(step) for step in row.at[0].split(".")]
        if self.is_type(row):
            written = f"write_{name_of(row.codec)}(y, m.sub, m)"
        elif self.is_raw(row):
            written = self._call("write", row, "y")
        else:
            written = f"m.escape({'y' if self._plain(row) else self._call('write', row, 'y')})"
        if len(steps) == 1:
            body = [f"{parts}[{steps[0] - 1}] = {written}"]
        else:
            body = [f"{parts}[{steps[0] - 1}] = m.set_sub({parts}[{steps[0] - 1}], {steps[1]}, {written})"]
        return [f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

    def _write_many_parts(self, row: Row, parts: str, source: str) -> list[str]:
        value, test = self._fetch(row, source)
        names = ", ".join(f"z{i}" for i in range(len(row.at)))
        body = [f"{names}, = {self._call('write', row, 'y')}"]
        for index, path in enumerate(row.at):
            steps = [int(step) for step in path.split(".")]
            place = f"{parts}[{steps[0] - 1}]"
            text = f"m.escape(z{index})"
            put = f"{place} = {text}" if len(steps) == 1 else f"{place} = m.set_sub({place}, {steps[1]}, {text})"
            body.append(f"if z{index}: {put}")
        return [f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

    # ---- records ----------------------------------------------------------------------------------------------

    def record_source(self, spec: Spec) -> str:
        """`read(w, m, f)` and `write(f, m)` of a record table, with an item reader per repeat."""
        for row in spec.rows:
            self.check_codec(spec, row)
        kinds = spec.kinds()
        head = [f"{kind} = f[{kind!r}].set" for kind in kinds]
        read, write = list(head), [*head, "w = {}"]
        items: list[str] = []
        done: set[str] = set()
        for row in (r for r in spec.rows if not r.ignore):
            read.append(f"# {spec.name} {row.id}: {', '.join(row.at)} -> {', '.join(row.into)}")
            write.append(f"# {spec.name} {row.id}: {', '.join(row.into)} -> {', '.join(row.at)}")
            if row.each:
                items += self._item_source(spec, row)
                read += self._read_each(spec, row)
                write += self._write_each(spec, row)
            elif len(row.at) > 1 and self.is_raw(row):
                read += self._read_raw(row)
                write += self._write_raw(spec, row)
            elif all("." not in path for path in row.at):
                read += self._read_field(spec, row)
                write += self._write_field(spec, row)
            else:
                number = row.at[0].split(".")[0]
                read += self._read_parts_row(spec, row, number)
                write += self._write_parts_row(spec, row, number)
                if row.only != "in":
                    done.add(number)
        write += [f"if {n!r} in w: w[{n!r}] = m.assemble(w[{n!r}])" for n in sorted(done)]
        if spec.also or spec.pick:
            write += ["if w:", *indent(self._constants(spec))]
        write.append("return w")
        return "\n".join(
            [*items, "def read(w, m, f):", *indent(read or ["pass"]), "", "def write(f, m):", *indent(write)]
        )

    def _constants(self, spec: Spec) -> list[str]:
        lines = []
        for path, value in {**spec.pick, **spec.also}.items():
            number, _, rest = path.partition(".")
            if rest:
                lines.append(f"w[{number!r}] = m.set_part(w.get({number!r}, ''), [{rest.replace('.', ', ')}], {value!r})")
            else:
                lines.append(f"w.setdefault({number!r}, {value!r})")
        return lines

    def _read_each(self, spec: Spec, row: Row) -> list[str]:
        number, (kind, path) = row.at[0], _kind_path(row)
        reader = f"item_{name_of(spec.name)}_{name_of(row.id)}"
        body = [
            f"m.at = {number!r}",
            f"items = [v for r in x.split(m.rep) if r and (v := {reader}(r, m)) is not None]",
        ]
        branch, last = where(kind, path)
        if row.same_as and row.split:
            body += ["for v in items:", f"    join({branch}, {last!r}, v, {dict(row.split)!r}, m, {row.id!r})"]
        elif siblings(spec, row) or row.split:
            body.append(f"if items: {branch}.setdefault({last!r}, []).extend(items)")
        elif row.same_as:
            body.append(f"if items: put({branch}, {last!r}, items, m, {row.id!r})")
        else:
            body.append(f"if items: {branch}[{last!r}] = items")
        return [
            f"x = w.get({number!r})",
            "if x is not None:",
            f"    if x == {NULL!r}: f[{kind!r}].unset({_cleared(path, row)!r})",
            "    else:",
            *indent(body, 2),
        ]

    def _item_source(self, spec: Spec, row: Row) -> list[str]:
        """A function that reads one repeat, or returns None and notes why."""
        lines = [f"def item_{name_of(spec.name)}_{name_of(row.id)}(r, m):"]
        if self.is_type(row):
            lines.append(f"    v = read_{name_of(row.codec)}(r, m.comp, m)")
            if row.split:
                lines.append(f"    if v is not None: v.update({dict(row.split)!r})")
            return [*lines, "    return v", ""]
        source = "r" if self.is_raw(row) else "m.leaf(r)"
        lines += ["    try:", f"        return {self._call('read', row, source)}"]
        lines += ["    except Unreadable as wrong:", f"        m.fault({row.id!r}, m.at, wrong)", "        return None", ""]
        return lines

    def _write_each(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "in":
            return []
        number, (kind, path) = row.at[0], _kind_path(row)
        items = f"[v for v in items if belongs(v, {dict(row.split)!r})]" if row.split else "items"
        if not row.split and (claimed := tuple(dict(s.split) for s in siblings(spec, row))):
            items = f"others(items, {claimed!r})"
        if self.is_type(row):
            written = f"write_{name_of(row.codec)}(v, m.comp, m)"
        elif self.is_raw(row):
            written = self._call("write", row, "v")
        else:
            written = f"m.escape({self._call('write', row, 'v')})"
        body = [f"t = m.rep.join([z for v in {items} if (z := {written})])", f"if t: w[{number!r}] = t"]
        test = version_test(row)
        lines = [
            f"items = {get(kind, path)}",
            f"if items{' and ' + test if test else ''}:",
            *indent(self._homeless(row, body)),
        ]
        return [*lines, f"elif {_cleared(path, row)!r} in f[{kind!r}].clear: w[{number!r}] = {NULL!r}"]

    def _read_raw(self, row: Row) -> list[str]:
        texts = ", ".join(f"w.get({path!r}, '')" for path in row.at)
        present = " or ".join(f"{path!r} in w" for path in row.at)
        body = [f"y = {self._call('read', row, texts)}", "if y is not None:", *indent(self._store_kinds(row, "y"))]
        return [f"if {present}:", f"    m.at = {row.at[-1]!r}", *indent(self._guarded(row, body))]

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
        if row.constant is not None:
            return []
        clears = [f"f[{k!r}].unset({_cleared(p, row)!r})" for k, p in _kind_paths(row)]
        if self.is_type(row):
            body = [f"y = read_{name_of(row.codec)}(m.first(x), m.comp, m)", "if y is not None:"]
            if row.split:
                body.append(f"    y.update({dict(row.split)!r})")
            body += indent(self._store_kinds(row, "y"))
        elif self._plain(row):
            body = ["y = m.leaf(x)", "if y:", *indent(self._store_kinds(row, "y"))]
        else:
            text = "x" if self.is_raw(row) else "m.leaf(x)"
            inner = [f"y = {self._call('read', row, 'y')}", *self._store_kinds(row, "y")]
            body = [f"y = {text}", "if y:", *indent(self._guarded(row, inner))]
        lines = [
            f"x = w.get({number!r})",
            "if x is not None:",
            f"    if x == {NULL!r}: {'; '.join(clears) or 'pass'}",
            "    else:",
            f"        m.at = {number!r}",
            *indent(body, 2),
        ]
        if row.default is not None:
            kind, path = _kind_path(row)
            lines += ["else:", f"    {assign(kind, path, repr(row.default))}", f"    f[{kind!r}].assumed.append({path!r})"]
        return lines

    def _write_field(self, spec: Spec, row: Row) -> list[str]:
        if row.only == "in":
            return []
        number = row.at[0]
        if row.constant is not None:
            value = "str(m.ordinal)" if row.constant == "#" else repr(row.constant)
            return [f"w[{number!r}] = {value}"]
        value, test = self._fetch_kinds(spec, row)
        if self.is_type(row):
            written = f"write_{name_of(row.codec)}(y, m.comp, m)"
        elif self.is_raw(row):
            written = self._call("write", row, "y")
        else:
            written = f"m.escape({'y' if self._plain(row) else self._call('write', row, 'y')})"
        lines = [f"y = {value}", f"if {test}:"]
        lines += indent(self._homeless(row, [f"t = {written}", f"if t: w[{number!r}] = t"]))
        if row.into:
            kind, path = _kind_path(row)
            lines.append(f"elif {_cleared(path, row)!r} in f[{kind!r}].clear: w[{number!r}] = {NULL!r}")
        return lines

    def _read_parts_row(self, spec: Spec, row: Row, number: str) -> list[str]:
        """A row that names parts of a field (`5.1`, or several of one field)."""
        if any(path.split(".")[0] != number for path in row.at):
            self.fault(spec, row, "parts of different fields need a raw codec")
            return []
        if self.is_type(row):
            body = [f"y = read_{name_of(row.codec)}(m.raw_part(x, {row.at[0].split('.')[1]}), m.sub, m)"]
            body += ["if y is not None:"]
            body += [f"    y.update({dict(row.split)!r})"] if row.split else []
            body += indent(self._store_kinds(row, "y"))
            return [f"x = w.get({number!r})", f"if x is not None and x != {NULL!r}:", f"    m.at = {number!r}", *indent(body)]
        values = [f"m.part(x, [{path.split('.', 1)[1].replace('.', ', ')}])" for path in row.at]
        if len(values) == 1 and self._plain(row):
            body = [f"y = {values[0]}", "if y:", *indent(self._store_kinds(row, "y"))]
        elif len(values) == 1:
            inner = [f"y = {self._call('read', row, 'y')}", *self._store_kinds(row, "y")]
            body = [f"y = {values[0]}", "if y:", *indent(self._guarded(row, inner))]
        else:
            inner = [f"y = {self._call('read', row, ', '.join(values))}", "if y is not None:"]
            body = self._guarded(row, [*inner, *indent(self._store_kinds(row, "y"))])
        return [f"x = w.get({number!r})", f"if x is not None and x != {NULL!r}:", f"    m.at = {number!r}", *indent(body)]

    def _write_parts_row(self, spec: Spec, row: Row, number: str) -> list[str]:
        if row.only == "in":
            return []
        value, test = self._fetch_kinds(spec, row)
        names = ", ".join(f"z{i}" for i in range(len(row.at)))
        body = [f"{names} = {self._call('write', row, 'y')}"]
        if self.is_type(row):
            step = row.at[0].split(".")[1]
            body = [f"w.setdefault({number!r}, {{}})[{step},] = write_{name_of(row.codec)}(y, m.sub, m)"]
            return [f"y = {value}", f"if {test}:", *indent(body)]
        if len(row.at) == 1:
            body = [f"z0 = {'y' if self._plain(row) else self._call('write', row, 'y')}"]
        for index, path in enumerate(row.at):
            steps = path.split(".", 1)[1].replace(".", ", ")
            body.append(f"if z{index}: w.setdefault({number!r}, {{}})[{steps},] = m.escape(z{index})")
        return [f"y = {value}", f"if {test}:", *indent(self._homeless(row, body))]

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
        return ["try:", *indent(body), f"except Unreadable as wrong: m.fault({row.id!r}, m.at, wrong)"]

    def _homeless(self, row: Row, body: list[str]) -> list[str]:
        if not row.table and (row.codec == "text" or row.codec in self.types):
            return body
        path = row.into[0] if row.into else row.at[0]
        return ["try:", *indent(body), f"except Unreadable as wrong: m.no_home({row.id!r}, {path!r}, wrong)"]

    def _store(self, row: Row, target: str, value: str) -> list[str]:
        """Statements that put a type's part into its value."""
        if len(row.into) == 1:
            return [assign(target, row.into[0], value)]
        names = [f"{value}{i}" for i in range(len(row.into))]
        lines = [f"{', '.join(names)} = {value}"]
        return lines + [f"if {n} is not None: {assign(target, p, n)}" for n, p in zip(names, row.into, strict=True)]

    def _store_kinds(self, row: Row, value: str) -> list[str]:
        """Statements that put a row's value into its frames, with what it implies and derives."""
        lines: list[str] = []
        if len(row.into) > 1:
            names = [f"{value}{i}" for i in range(len(row.into))]
            lines.append(f"{', '.join(names)} = {value}")
            for name, (kind, path) in zip(names, _kind_paths(row), strict=True):
                lines.append(f"if {name} is not None: {assign(kind, path, name)}")
        else:
            kind, path = _kind_path(row)
            branch, last = where(kind, path)
            if row.split and row.same_as:
                lines.append(f"join({branch}, {last!r}, {value}, {dict(row.split)!r}, m, {row.id!r})")
            elif row.split:
                lines.append(f"add({branch}, {last!r}, {value}, {dict(row.split)!r})")
            elif row.same_as:
                lines.append(f"put({branch}, {last!r}, {value}, m, {row.id!r})")
            else:
                lines.append(assign(kind, path, value))
        for path, codec in row.derive.items():
            kind, _, rest = path.partition(".")
            lines += [f"d = read_{name_of(codec)}({value}, m)", f"if d is not None: {assign(kind, rest, 'd')}"]
        for path, constant in row.implies.items():
            kind, _, rest = path.partition(".")
            lines.append(assign(kind, rest, repr(constant)))
        return lines

    def _fetch(self, row: Row, source: str) -> tuple[str, str]:
        if len(row.into) == 1:
            return get(source, row.into[0]), _and("y is not None", version_test(row))
        values = ", ".join(get(source, path) for path in row.into)
        return f"({values})", _and("any(z is not None for z in y)", version_test(row))

    def _fetch_kinds(self, spec: Spec, row: Row) -> tuple[str, str]:
        if row.split:
            kind, path = _kind_path(row)
            value = f"next((v for v in {get(kind, path)} or () if belongs(v, {dict(row.split)!r})), None)"
            return value, _and("y is not None", version_test(row))
        if len(row.into) > 1:
            values = ", ".join(get(kind, path) for kind, path in _kind_paths(row))
            return f"({values})", _and("any(z is not None for z in y)", version_test(row))
        kind, path = _kind_path(row)
        test = _and("y is not None", version_test(row))
        for other in implied_by(spec, row):
            other_kind, other_path = _kind_path(other)
            test = _and(test, f"{get(other_kind, other_path)} is None")
        if row.default is not None:
            test = _and(test, f"not (y == {row.default!r} and {path!r} in f[{kind!r}].assumed)")
        return get(kind, path), test

    def shape(self, spec: Spec, norm_of: Callable[[tuple[str, ...]], Norm]) -> Shape:
        """Fields are atoms, repeats are lists by item."""
        return {row.at[0]: norm_of((row.at[0],)) for row in spec.rows if row.each and not row.same_as}

    def wrap(self, path: tuple[str, ...], item: Any, m: Any) -> dict[str, Any]:  # noqa: ARG002 - as in Tree
        return {path[0]: item}

    def unwrap(self, path: tuple[str, ...], piece: dict[str, Any], m: Any) -> Any:  # noqa: ARG002
        return piece.get(path[0])


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
