"""Identifiers of cell and gene therapy: read, printed and checked. Knows no message and no scan."""

from canonical_model.identifiers.aliases import known, system_of
from canonical_model.identifiers.checks import check_character, check_digit, is_checked, mod_37_2
from canonical_model.identifiers.gs1 import (
    ANY_URI,
    GLN,
    GS1,
    SSCC,
    UNASSIGNED,
    Identifier,
    from_uri,
    is_shipment,
    miscounted,
    to_uri,
    to_urn,
)
from canonical_model.identifiers.kinds import KINDS, Kind, Misread, parts, read, show

__all__ = [
    "ANY_URI",
    "GLN",
    "GS1",
    "KINDS",
    "SSCC",
    "UNASSIGNED",
    "Identifier",
    "Kind",
    "Misread",
    "check_character",
    "check_digit",
    "from_uri",
    "is_checked",
    "is_shipment",
    "known",
    "miscounted",
    "mod_37_2",
    "parts",
    "read",
    "show",
    "system_of",
    "to_uri",
    "to_urn",
]
