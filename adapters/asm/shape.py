"""An ASM document taken apart into its quantities and what stands around them, and back. Knows no meaning of a name.

A quantity is cut out with what its measurement says of all of them: `#sample`, `#batch`, `#time`, `#analyst`,
`#device`. What nobody cut stays in the document as it stood.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.json_text import Num
from adapters.reading import Unparsable, Unsupported
from mappings.faults import Fault

Tree = dict[str, Any]
Path = list[str | int]

MANIFEST = "http://purl.allotrope.org/manifests/cell-counting/REC/2024/09/cell-counting.manifest"
AGGREGATE = "cell counting aggregate document"
DOCUMENT = "cell counting document"
MEASUREMENTS = "measurement aggregate document"
MEASUREMENT = "measurement document"
PROCESSED = "processed data aggregate document"
PROCESSED_ITEM = "processed data document"
PROCESSING = "data processing document"
CALCULATED = "calculated data aggregate document"
CALCULATED_ITEM = "calculated data document"
DILUTION = "cell density dilution factor"
DEVICE = "device system document"
SAMPLE = "sample document"
NOTHING = frozenset({"", "N/A", "n/a", "NA"})
NONE = frozenset({"-0", "-0.0"})
"""Numbers by which a converter says that there is none."""
MAX_VALUES = 50_000

COUNTED: Mapping[str, frozenset[str]] = {
    "document": frozenset({"#sample", "#batch", "#time", "#analyst", "#device"}),
    "group": frozenset({"#sample", "#batch", "#time", "#analyst"}),
    "measurement": frozenset({"#sample", "#batch", "#time"}),
    "value": frozenset(),
    "calculation": frozenset(),
}
"""Name of a piece -> what of its measurement it counts: each leaf once, at the first quantity that has it."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One quantity: the name of its piece, its tree, where it stood, and where its measurement stands."""

    piece: str
    tree: Tree
    at: Path
    measurement: Path
    calculated: bool = False


@dataclass(slots=True)
class Opened:
    """A document without its quantities."""

    rest: Tree
    cuts: list[Cut] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


# ---- taking apart -----------------------------------------------------------------------------------------------


def opened(tree: Any) -> Opened:
    """The quantities of a document of cell counts. Raises Unparsable or Unsupported."""
    if not isinstance(tree, dict) or type(tree.get("$asm.manifest")) is not str:
        raise Unparsable("asm-shape", "body", "send an ASM document: an object with its $asm.manifest")
    groups = _items(tree.get(AGGREGATE), DOCUMENT)
    if not groups:
        raise Unsupported("asm/other", "body", f"cell counts are read ({AGGREGATE}): this document has none")
    found = Opened(copy.deepcopy(tree))
    device = _device(tree[AGGREGATE])
    for place, group in enumerate(groups):
        _open_group(found, group, [AGGREGATE, DOCUMENT, place], device)
        if len(found.cuts) > MAX_VALUES:
            raise Unparsable(
                "json-too-large", "body", f"a document has at most {MAX_VALUES} quantities; send it in parts"
            )
    _drop_shared(found)
    return found


def _open_group(found: Opened, group: Any, at: Path, device: str | None) -> None:
    measurements = _items(_of(group, MEASUREMENTS), MEASUREMENT)
    first = True
    for place, measurement in enumerate(measurements):
        here: Path = [*at, MEASUREMENTS, MEASUREMENT, place]
        shared = _shared(group, measurement, device)
        paths = list(_quantities(measurement, here))
        if place == 0 and paths:
            paths += list(_calculated(_of(group, MEASUREMENTS), [*at, MEASUREMENTS]))
        for count, (path, name, quantity, calculated) in enumerate(paths):
            piece = (
                "calculation"
                if calculated
                else "value"
                if count
                else "measurement"
                if not first
                else "group"
                if found.cuts
                else "document"
            )
            first = False
            found.cuts.append(Cut(piece, {"name": name, **quantity, **shared}, path, here, calculated))
        found.faults += _told_errors(measurement, len(found.cuts))


def _shared(group: Any, measurement: Any, device: str | None) -> Tree:
    """What a measurement says of all its quantities."""
    sample = _of(measurement, SAMPLE)
    said = {
        "#sample": _text(sample, "sample identifier"),
        "#batch": _text(sample, "batch identifier"),
        "#time": _text(measurement, "measurement time"),
        "#analyst": _text(group, "analyst"),
        "#device": device,
    }
    return {name: value for name, value in said.items() if value is not None}


def _quantities(measurement: Any, at: Path) -> Iterator[tuple[Path, str, Tree, bool]]:
    for place, item in enumerate(_items(_of(measurement, PROCESSED), PROCESSED_ITEM)):
        here: Path = [*at, PROCESSED, PROCESSED_ITEM, place]
        for name, value in item.items() if isinstance(item, dict) else ():
            if is_quantity(value):
                yield [*here, name], name, value, False
        dilution = _of(_of(item, PROCESSING), DILUTION)
        if is_quantity(dilution):
            yield [*here, PROCESSING, DILUTION], DILUTION, dilution, False


def _calculated(aggregate: Any, at: Path) -> Iterator[tuple[Path, str, Tree, bool]]:
    for place, item in enumerate(_items(_of(aggregate, CALCULATED), CALCULATED_ITEM)):
        name, result = _text(item, "calculated data name"), _of(item, "calculated result")
        if name is not None and is_quantity(result):
            yield [*at, CALCULATED, CALCULATED_ITEM, place], name, result, True


def is_quantity(value: Any) -> bool:
    """True for a number with its unit. `-0.0` is how a converter says that there is none."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("value"), Num)
        and value["value"] not in NONE
        and isinstance(value.get("unit"), str)
        and not value.keys() & {"name", "#sample", "#batch", "#time", "#analyst", "#device"}
    )


def _told_errors(measurement: Any, ordinal: int) -> Iterator[Fault]:
    """What the instrument or the converter says went wrong."""
    for item in _items(_of(measurement, "error aggregate document"), "error document"):
        if isinstance(item, dict):
            yield Fault(
                "instrument-error", f"measurement[{max(ordinal, 1)}]", "the instrument reports an error: look at it"
            )


def _drop_shared(found: Opened) -> None:
    """Takes what was cut out of the document."""
    for cut in found.cuts:
        if cut.calculated:
            item = reach(found.rest, cut.at)
            del item["calculated data name"], item["calculated result"]
        else:
            del reach(found.rest, cut.at[:-1])[cut.at[-1]]
    for cut in found.cuts:
        measurement, group = reach(found.rest, cut.measurement), reach(found.rest, cut.measurement[:3])
        for name, (holder, key) in _places(measurement, group).items():
            if name in cut.tree and isinstance(holder, dict):
                holder.pop(key, None)
    system = _of(found.rest[AGGREGATE], DEVICE)
    if found.cuts and "#device" in found.cuts[0].tree:
        del system[device_key(system)]


def _places(measurement: Tree, group: Tree) -> dict[str, tuple[Any, str]]:
    sample = measurement.get(SAMPLE)
    return {
        "#sample": (sample, "sample identifier"),
        "#batch": (sample, "batch identifier"),
        "#time": (measurement, "measurement time"),
        "#analyst": (group, "analyst"),
    }


def _device(aggregate: Any) -> str | None:
    system = _of(aggregate, DEVICE)
    key = device_key(system)
    return system[key] if key else None


def device_key(system: Any) -> str:
    """What names the instrument: its serial number, else its identifier."""
    for key in ("equipment serial number", "device identifier"):
        text = _text(system, key)
        if text is not None and text.strip() not in NOTHING:
            return key
    return ""


# ---- putting together -------------------------------------------------------------------------------------------


def layout(cuts: Sequence[Cut], keys: Sequence[str], tree: Any) -> Tree:
    """Where each quantity stood, by the key of its frame, and which key names the instrument."""
    holes = {
        key: {"at": cut.at, "measurement": cut.measurement, **({"calculated": True} if cut.calculated else {})}
        for key, cut in zip(keys, cuts, strict=True)
    }
    return {"holes": holes, "device": device_key(_of(_of(tree, AGGREGATE), DEVICE))}


def closed(rest: Tree, told: Sequence[tuple[Tree, str]], stood: Mapping[str, Any]) -> tuple[Tree, list[Fault]]:
    """The inverse of `opened`: quantities, with the keys of their frames, where they stood; others in new groups."""
    tree = copy.deepcopy(rest) if rest else {"$asm.manifest": MANIFEST, AGGREGATE: {}}
    faults: list[Fault] = []
    holes = stood.get("holes", {})
    fresh: dict[tuple[Any, ...], Path] = {}
    for piece, key in told:
        piece = dict(piece)
        shared = {name: piece.pop(name) for name in list(piece) if name.startswith("#")}
        name = str(piece.pop("name", ""))
        hole = holes.get(key)
        measurement = _fresh(tree, shared, fresh) if hole is None else hole["measurement"]
        if hole is None:
            reach(tree, [*measurement, PROCESSED, PROCESSED_ITEM, 0])[name] = piece
        elif hole.get("calculated"):
            reach(tree, hole["at"]).update({"calculated data name": name, "calculated result": piece})
        else:
            reach(tree, hole["at"][:-1])[name] = piece
        _put_shared(tree, measurement, shared, stood, faults)
    return tree, faults


def _fresh(tree: Tree, shared: Mapping[str, Any], known: dict[tuple[Any, ...], Path]) -> Path:
    """The measurement of a sample, time and analyst; a new group where there is none."""
    same = tuple(shared.get(name) for name in ("#sample", "#batch", "#time", "#analyst"))
    if same not in known:
        groups = tree.setdefault(AGGREGATE, {}).setdefault(DOCUMENT, [])
        measurement = {
            "measurement identifier": f"{len(groups) + 1}",
            "device control aggregate document": {"device control document": [{"device type": "cell counter"}]},
            PROCESSED: {PROCESSED_ITEM: [{}]},
        }
        groups.append({MEASUREMENTS: {MEASUREMENT: [measurement]}})
        known[same] = [AGGREGATE, DOCUMENT, len(groups) - 1, MEASUREMENTS, MEASUREMENT, 0]
    return known[same]


def _put_shared(tree: Tree, at: Path, shared: Mapping[str, Any], stood: Mapping[str, Any], faults: list[Fault]) -> None:
    measurement, group = reach(tree, at), reach(tree, at[:3])
    if shared.keys() & {"#sample", "#batch"}:
        measurement.setdefault(SAMPLE, {})
    places = _places(measurement, group)
    if "#device" in shared:
        system = tree[AGGREGATE].setdefault(DEVICE, {})
        places["#device"] = (system, stood.get("device") or "equipment serial number")
    for name, value in shared.items():
        if name not in places:
            continue
        holder, key = places[name]
        if holder.setdefault(key, value) != value:
            remedy = "all quantities of a measurement have one; give them to results of their own"
            faults.append(Fault("no-home", f"result.{FIELDS[name]}", remedy, severity="lost"))


FIELDS = {
    "#sample": "material",
    "#batch": "batch",
    "#time": "analysed_at",
    "#analyst": "observers",
    "#device": "devices",
}


# ---- walking ----------------------------------------------------------------------------------------------------


def reach(tree: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path; a place in a list may come out of a store as its digits."""
    for step in path:
        tree = tree[int(step) if isinstance(tree, list) else step]
    return tree


def _of(tree: Any, name: str) -> Any:
    return tree.get(name) if isinstance(tree, dict) else None


def _text(tree: Any, name: str) -> str | None:
    value = _of(tree, name)
    return value if type(value) is str and value.strip() else None


def _items(aggregate: Any, name: str) -> list[Any]:
    items = _of(aggregate, name)
    return items if isinstance(items, list) else []
