"""What is wrong with a table or with a message, said so that a person can mend it. Raises nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass


class Unreadable(ValueError):
    """A codec met a text it cannot read; the leaf stays in the residual and the message says so.

    `code` is a stable code of `docs/errors.md`; the text gives the remedy and never quotes the value.
    """

    def __init__(self, code: str, remedy: str) -> None:
        super().__init__(remedy)
        self.code = code
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a message: where, what, and the way out. Never a value, a name or a birth date."""

    code: str
    place: str
    remedy: str
    row: str = ""
    severity: str = "warning"

    def __str__(self) -> str:
        return f"{self.code} at {self.place}: {self.remedy}"

    def plain(self) -> dict[str, str]:
        return {
            "code": self.code,
            "place": self.place,
            "remedy": self.remedy,
            "row": self.row,
            "severity": self.severity,
        }


@dataclass(frozen=True, slots=True)
class TableFault:
    """One thing wrong in a table: the file, the row, what, and the way out."""

    table: str
    row: str
    text: str

    def __str__(self) -> str:
        where = f"{self.table} row {self.row}" if self.row else self.table
        return f"{where}: {self.text}"


class TableError(Exception):
    """All faults of the tables that were loaded together."""

    def __init__(self, faults: list[TableFault]) -> None:
        super().__init__("\n".join(str(f) for f in faults))
        self.faults = faults
