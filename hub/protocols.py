"""A site's own Protocols: JSON or YAML documents of the published schema, from one folder. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from canonical_model.protocol_templates import DEFAULT_PROTOCOLS
from canonical_model.protocols import Protocol
from hub.profiles import ProfileError


def load(folder: Path | None) -> Mapping[str, Protocol]:
    """Every Protocol of a folder by `id@version`, and no other; without a folder the four that the hub brings along.

    Raises ProfileError with all faults at once.
    """
    if folder is None:
        return DEFAULT_PROTOCOLS
    found: dict[str, Protocol] = {}
    faults: list[str] = [] if folder.is_dir() else [f"{folder} is no folder: CGT_PROTOCOLS names where they are"]
    for file in sorted(path for path in folder.glob("*") if path.suffix in {".yaml", ".json"}):
        try:
            protocol = Protocol.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")), strict=False)
        except (yaml.YAMLError, UnicodeDecodeError):
            faults.append(f"{file.name}: neither YAML nor JSON")
        except ValidationError as wrong:
            faults += [f"{file.name}: {'.'.join(map(str, e['loc'])) or 'protocol'}: {e['msg']}" for e in wrong.errors()]
        else:
            if protocol.key in found:
                faults.append(f"{file.name}: {protocol.key} stands in two files; give each change its own version")
            found[protocol.key] = protocol
    if not found and not faults:
        faults.append(f"{folder} has no Protocol: without one no question is answered with allow")
    if faults:
        raise ProfileError(faults)
    return found
