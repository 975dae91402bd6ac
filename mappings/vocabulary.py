"""The closed vocabulary of the tables, and a row's shape once read. Knows no format and compiles nothing.

Every word has an inverse or says why it has none; an unknown word is a fault that lists the known ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ROW_WORDS: Mapping[str, str] = {
    "id": "the row's name inside its table; site overlays replace by it and the account names it",
    "at": "wire path of one value, or a list of paths that together make one value",
    "each": "wire path of a repeat that becomes a list, item by item",
    "into": "canonical path `kind.field`, or a list of paths that one value feeds",
    "as": "codec or data type that reads and writes the value (default: text)",
    "table": "code table that relates the codes of both sides",
    "ref": "kinds of record that the value may refer to; becomes a frame key or a named record",
    "split": "constants that tell this row's items from its neighbours' in one list",
    "same_as": "another row that carries the same value; where they disagree the message has a fault",
    "derive": "further paths computed from the value on reading; never written from",
    "implies": "paths and values that a present value means; their own row is silent then",
    "default": "`{in: value, out: omit}`: taken when absent and marked assumed; `{in: omit, out: value}`: written when "
    "the frame has none, because the format must have one; on delimited wires only in a piece that says anything else, "
    "and `out` may be `{order.state=active: NW, order.state: SC, order: NW}`: the first path, or kind, that there is",
    "constant": "a fixed wire value, written always; `#` counts among its siblings, `#…` is what the format computes",
    "ignore": "label on residual: why the mission has no business with it (closed list)",
    "versions": "versions of the standard in which the row is written, such as `>=2.7`",
    "only": "`in` or `out`: a one-way row, with `why`",
    "why": "the reason of a one-way row",
}

TABLE_WORDS: Mapping[str, str] = {
    "record": "a table between one wire piece (segment, resource, row) and frames",
    "type": "a table of a data type, used by `as`",
    "piece": "name of the segment or resource",
    "wire": "`delimited` (numbered, nested by separators) or `tree` (named)",
    "about": "one line for the reader",
    "key": "paths without which an item or frame is not read, or by which rows form one batch",
    "pick": "wire values that single out the one piece that is a field, not a record",
    "also": "constants written into a picked piece",
    "kinds": "frame kinds that the table is made for; `it.` in a path stands for each",
    "extends": "the table that this overlay changes: rows with a known id replace, others are added",
    "remove": "row ids that an overlay takes away",
    "rows": "the rows",
}

MAP_WORDS: Mapping[str, str] = {
    "map": "name of the message map",
    "for": "message types, resource types or dialects that it reads",
    "frames": "the ordered groups: `frame`, `start`, `also`, `rows`, `links`, `key`, `frames`",
    "about": "one line for the reader",
    "like": "another message map from which everything else is taken",
    "expects": "kinds of frames of which the standard has at least one in such a message; its lack is told",
    "identify": "per frame kind: the paths that name its record, or `{first, within, by}` for a derived name",
    "belongs": "per frame kind: fields that name other records, and the paths of their identifiers",
    "occurred": "per frame kind: where the time of the fact stands, first found first",
    "on": "per frame kind: the first row whose `when` holds names the events that the frame asserts",
    "send": "per event type: which frames are written for a partner",
    "columns": "column names of a delimited file, each with the header spellings met in practice; the first is written",
    "required": "columns that the header must have and that no row may leave empty",
    "rows_by": "levels of frames, outermost first: `frame`, `table`, `by` (columns), `key`, `links`; the last is a row",
    "list": "columns whose cell may hold several values: the row is read once per value",
    "same": "columns that agree in all rows of a batch",
    "series": "columns of values that a device wrote one after another; each becomes one readings frame with all rows",
    "dialect": "how the file writes numbers, dates and text: see the words of a dialect",
}

GROUP_WORDS: Mapping[str, str] = {
    "frame": "kind of the record that each occurrence of the group asserts",
    "start": "names of the segments that begin a new occurrence",
    "also": "kinds of further frames that the same segments fill, beside the main one",
    "rows": "segment name -> table, or tables (a picked one is asked first); each once per occurrence",
    "key": "paths of the business key, such as `identifiers[placer]`",
    "links": "field -> kind of an earlier frame that it refers to",
    "frames": "the groups inside this one",
}

DIALECT_WORDS: Mapping[str, str] = {
    "delimiter": "`,` `;` `|` or `tab`; without it the one that finds the most columns in the header",
    "encoding": "`utf-8`, `utf-8-sig` (written with a mark for spreadsheets), `cp1252`, `cp1250`, `iso-8859-15`, "
    "`utf-16`",
    "decimal": "decimal mark, `.` or `,`",
    "thousands": "mark between thousands: `.` `,` `'` or `space`; without it such a number is refused",
    "date_format": "one or several: `iso`, or `yyyy mm m mmm dd d HH H hh h AM MM SS Z` with what is between",
    "zone": "zone of times without an offset, such as `Europe/Berlin`; without it the partner's",
    "null": "texts that mean an empty cell, such as `NA`",
    "units_row": "`true`: a row of units stands under the header; `auto`: where one does",
    "units_in_cells": "`true`: a cell may hold a number and its unit, such as `92.1 %`; they are written so too",
    "metadata": "column -> labels above the header whose value, behind a colon or in the next cell, holds for all rows",
    "footer": "texts that begin the lines after the last row, such as `Total`",
    "sheet": "name of the sheet of a workbook; without it the visible one whose header fits best",
    "workbook": "`true`: a fresh file is written as a workbook (.xlsx)",
    "units": "column -> unit of its numbers, where neither a cell, the header nor a unit row says it",
    "systems": "column -> URI of the name space of its identifiers",
    "separator": "what separates several values in one cell (default `,`)",
    "named": "`true`: only a profile that names the dialect has files read by it; no header finds it",
    "short_rows": "`true`: a row may end early; otherwise such a row is not read",
}

IGNORE_REASONS: Mapping[str, str] = {
    "wire-syntax": "bookkeeping of the format itself: delimiters, set ids, declared data types",
    "minimised": "personal data that the mission has no business with",
    "billing": "charging and insurance",
    "transport": "how the sender wants the message handled, not what it says",
    "withdrawn": "withdrawn from the standard",
    "local": "a field that only the sender gives a meaning",
    "not-cell-therapy": "has no meaning for cell and gene therapy",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table after reading; paths are tuples, literals are text."""

    id: str
    at: Sequence[str] = ()
    each: bool = False
    into: tuple[str, ...] = ()
    codec: str = "text"
    table: str = ""
    ref: tuple[str, ...] = ()
    split: Mapping[str, str] = field(default_factory=dict)
    same_as: str = ""
    derive: Mapping[str, str] = field(default_factory=dict)
    implies: Mapping[str, Any] = field(default_factory=dict)
    default: str | None = None
    fill: str | Mapping[str, str] | None = None
    constant: str | None = None
    ignore: str = ""
    versions: str = ""
    only: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """A record table or a data type, overlays merged."""

    name: str
    wire: str
    rows: tuple[Row, ...]
    piece: str = ""
    about: str = ""
    key: tuple[str, ...] = ()
    pick: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    is_type: bool = False

    def kinds(self) -> tuple[str, ...]:
        """Frame kinds that the rows write into, in order of first mention."""
        seen: dict[str, None] = {}
        for row in self.rows:
            for path in row.into:
                seen.setdefault(path.split(".", 1)[0])
        return tuple(seen)
