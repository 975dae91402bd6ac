"""What other people's libraries say of a message: hl7apy's structures, fhir.resources' classes. Imported when asked.

Neither decides anything in the hub: hl7apy passes few real messages and drops segments outside its groups, and
fhir.resources does not look at codes. They are a second pair of eyes for someone who looks into a message.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson

from adapters.fhir_r4.validate import validate
from adapters.json_text import loads
from adapters.reading import Unparsable
from hub.formats import format_of
from mappings.faults import Fault

_VALUE = re.compile(r"Value .* not in table", re.DOTALL)
_ABOUT = re.compile(r"\b(?:of|for|in element|exceeded|child|found:) ?<?(?:\w+ )?([A-Z][A-Za-z0-9_.]*)")


def opinions(body: bytes, format_name: str, hint: str = "", overlay: Path | None = None) -> list[Fault]:
    """Faults that our reading and the libraries find, no value quoted. Raises Unparsable, Unsupported."""
    if format_name == "fhir_r4":
        return [*validate(loads(body)), *_fhir_resources(body)]
    faults = list(format_of(format_name, overlay).read(body, hint).faults)
    return [*faults, *_hl7apy(body)] if format_name == "hl7v2" else faults


def _hl7apy(body: bytes) -> Iterator[Fault]:
    from hl7apy.exceptions import HL7apyException
    from hl7apy.parser import parse_message

    text = body.decode("utf-8", "replace").strip().replace("\r\n", "\r").replace("\n", "\r")
    try:
        message = parse_message(text, find_groups=True)
    except (HL7apyException, IndexError, ValueError, AttributeError) as wrong:
        yield Fault("hl7apy-unreadable", "message", f"hl7apy cannot parse it ({type(wrong).__name__})")
        return
    if lost := text.count("\r") - message.to_er7().strip().count("\r"):
        yield Fault("hl7apy-dropped", "message", f"hl7apy drops {lost} segments that its structure has no place for")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        with suppress(HL7apyException):
            message.validate(report_file=str(report))
        for line in dict.fromkeys(report.read_text(encoding="utf-8").splitlines() if report.exists() else ()):
            level, _, said = line.partition(": ")
            if level in {"Error", "Warning"}:
                place = _ABOUT.search(said)
                severity = "error" if level == "Error" else "warning"
                remedy = _VALUE.sub("the value is not in table", said)
                yield Fault("hl7apy-strict", place[1] if place else "message", remedy, severity=severity)


def _fhir_resources(body: bytes) -> Iterator[Fault]:
    try:
        from fhir.resources.R4B import get_fhir_model_class  # of R4B, which differs in few of the types that we serve
    except ModuleNotFoundError:
        yield Fault("extra-missing", "message", "fhir.resources has not looked at it: install cgt-hub[fhir]")
        return
    from pydantic import ValidationError

    resource = orjson.loads(body)
    try:
        model = get_fhir_model_class(str(resource.get("resourceType")))
    except (KeyError, LookupError, ValueError) as unknown:
        raise Unparsable("shape", "resourceType", "name a resource type of FHIR R4") from unknown
    try:
        model.model_validate(resource)
    except ValidationError as wrong:
        for error in wrong.errors(include_input=False, include_url=False, include_context=False):
            place = ".".join([str(resource["resourceType"]), *map(str, error["loc"])])
            yield Fault("fhir-resources", place, f"fhir.resources says {error['type']}", severity="error")
