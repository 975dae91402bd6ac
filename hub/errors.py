"""Errors that a caller can mend, and are told as one line instead of a traceback."""

from __future__ import annotations

from pydantic import ValidationError

from adapters.reading import Unparsable, Unsupported
from hub.crypto import KeyLost
from hub.ledger_erasure import NotErased
from hub.ledger_export import NotThere
from hub.mendable import Mendable
from hub.profiles import ProfileError
from hub.store import StoreInUse
from hub.store.migrate import NewerStore
from mappings.faults import TableError


def told() -> tuple[type[Exception], ...]:
    """The kinds of error whose text names place and remedy."""
    mendable = (ProfileError, TableError, Unparsable, Unsupported, KeyLost, NewerStore, StoreInUse, Mendable)
    return (*mendable, NotThere, NotErased, FileNotFoundError, ValidationError)
