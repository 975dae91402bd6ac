"""What a scanner sends, read in one place and alike for every adapter. Touches no device.

`read_scan` reads ISBT 128 messages, GS1 element strings, Digital Links, EPC URNs and the text of a Data Matrix. It
never raises for a scan, never quotes one, and takes linear time; `write_structures` and `write_elements` undo it.

References: ISBT 128 Standard Technical Specification (ST-001), section 2; GS1 General Specifications, sections 3 and 7;
GS1 Digital Link; EPC Tag Data Standard, section 6; ISO/IEC 15434 (envelope), ISO/IEC 15424 (symbology identifier).
"""

from canonical_model.identifiers.elements import joined as write_elements
from canonical_model.identifiers.structures import joined as write_structures
from canonical_model.scans.reading import MAX_SCAN, is_scan, read_scan
from canonical_model.scans.scan import Element, Form, Personal, Scan, ScanFault

__all__ = [
    "MAX_SCAN",
    "Element",
    "Form",
    "Personal",
    "Scan",
    "ScanFault",
    "is_scan",
    "read_scan",
    "write_elements",
    "write_structures",
]
