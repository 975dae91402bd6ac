"""B2MML and BatchML V0700 and V0401: bytes of one document to frames, and frames to a document. Pure.

The Business To Manufacturing Markup Language (B2MML) is used courtesy of MESA International.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from adapters import building
from adapters.b2mml import document, leaves, xml_tree
from adapters.b2mml.document import Cut, Document
from adapters.b2mml.names import Element
from adapters.b2mml.shape import NOUNS, VERSIONS
from adapters.b2mml.steps import CODECS
from adapters.b2mml.xml_tree import Names
from adapters.reading import Read, Unparsable, Unsupported
from mappings import library, trees
from mappings.faults import Fault, Unreadable

FORMAT = "b2mml"
WIRE = "tree"
ROOTS = {
    "OperationsSchedule": "ProcessOperationsSchedule",
    "OperationsPerformance": "SyncOperationsPerformance",
    "MaterialInformation": "SyncMaterialInformation",
    "OperationsTestInformation": "SyncOperationsTestInformation",
    "BatchProductionRecord": "SyncBatchProductionRecord",
}
"""What a document may be about when it is written fresh, and its root."""
RELEASE = "7.0"
LAST = 1_000_000
"""Place of a piece that stood nowhere: behind all others."""

Frame = dict[str, Any]
Tree = dict[str, Any]


class Adapter(building.TreeAdapter):
    """Reads and writes B2MML documents."""

    __slots__ = ()

    def read(self, body: bytes) -> Read:
        """Frames, residual, faults and pieces of one document. Raises Unparsable or Unsupported."""
        root, tree, names = xml_tree.loads(body)
        opened = document.opened(root, tree)
        m = self._context(VERSIONS[names.namespace])
        head = trees.read_pieces(self.only("document"), [("document", opened.head)], m)
        m.faults += _more_than_one(opened.cuts)
        keys: list[str] = []
        pieces = trees.read_pieces(
            self.leaves, [(c.name, c.tree) for c in opened.cuts], m, lambda told: keys.extend(key for _, key in told)
        )
        frames = _placed(pieces.frames, opened.cuts, keys)
        residual = {**head.residual, **pieces.residual}
        residual["head"] = {"root": root, "namespace": names.namespace, "prefixes": names.prefixes}
        residual["layout"] = _layout(opened.cuts, keys)
        return Read(
            type=opened.noun,
            source_id=str(head.frames[0]["set"].get("control_id", "")),
            sequence="",
            frames=[*head.frames, *frames],
            residual=residual,
            faults=m.faults,
            map=self.library.map_for(opened.noun) or {},
            pieces=[*head.pieces, *pieces.pieces],
            leaves=leaves.leaves,
        )

    def write(
        self, message_type: str, frames: Sequence[Mapping[str, Any]], residual: Mapping[str, Any] | None = None
    ) -> tuple[bytes, list[Fault]]:
        """A document from frames: with the residual of the one they came from in its version and words, else V0700.

        `message_type` is what the document is about, such as `OperationsSchedule`. Returns the bytes and the faults:
        what had no home in this format.
        """
        residual = residual or {}
        envelope = residual.get("head", {})
        names = Names(envelope["namespace"], dict(envelope["prefixes"])) if envelope else Names()
        m = self._context(VERSIONS[names.namespace])
        root = envelope.get("root") or ROOTS.get(message_type)
        if root is None:
            raise Unsupported(message_type, "message", f"fresh documents are: {', '.join(ROOTS)}")
        noun = document.split(root)[1]
        heads = [dict(frame) for frame in frames if frame["kind"] == "message"][:1] or [
            {"kind": "message", "key": "message", "set": {}}
        ]
        head = copy.deepcopy(trees.write_pieces(self.only("document"), heads, residual, m)[0][1])
        head["#root"] = root
        cuts = self._write_cuts([dict(f) for f in frames if f["kind"] != "message"], noun, residual, m)
        if not envelope:
            _complete(head, noun, cuts, m)
        if root == noun and noun not in NOUNS and (not cuts or cuts[0].path):
            m.faults.append(Fault("no-home", "root", f"a document that is a {noun} needs its frame", severity="error"))
        name, tree = document.closed(Document(root, noun, head, cuts))
        if not envelope:
            document.completed(noun, tree["DataArea"][noun])
        return xml_tree.dumps(name, tree, names), m.faults

    def _write_cuts(self, frames: Sequence[Frame], noun: str, residual: Mapping[str, Any], m: Element) -> list[Cut]:
        """The pieces of a document in the order of their frames, each where it stood or where a fresh one stands."""
        layout = residual.get("layout", {})
        own = _own_pieces(frames, noun, layout, m.version)
        cuts: list[Cut] = []
        places: dict[str, int] = {}
        for name, group in _grouped(frames, own, m):
            main = group[0]
            # a copy: parts of it are the residual's, and pieces are put into them
            tree = copy.deepcopy(trees.write_pieces(self.only(name), group, residual, m)[0][1])
            if name in {"response", "record"}:
                _check_derived(main, tree, m)
            if name == "response":
                place_order(tree, main["set"].get("order"), m)
            stood = layout.get(main["key"], {})
            holder = places.get(stood.get("in", main.get("parent", "")), -1)
            fresh = _fresh_path(cuts[holder].name if holder >= 0 else "", name, noun)
            path = document.untold(stood["path"]) if stood else fresh
            places[main["key"]] = len(cuts)
            cuts.append(Cut(name, tree, holder, path, int(stood.get("at", LAST))))
            if holder >= 0 and document.untrue(cuts[holder], cuts[-1]):
                wrong = Unreadable("no-home", "it stands inside another, which says otherwise")
                m.no_home("", f"{main['kind']} frame", wrong)
        return cuts

    def _context(self, version: tuple[int, ...]) -> Element:
        return Element(zone=self.zone, system=self.system, version=version, codes=self.library.codes)


# ---- the way in -----------------------------------------------------------------------------------------------

_SINGLE = {
    "test": (("SampleTestResult", "Results"),),
    "retest": (("Results",),),
    "property": (("TestResult",), ("TestResult", "Result")),
}
"""Lists of which the tables read the first item; what else stands there is told, for it may be a failed retest."""


def _more_than_one(cuts: Sequence[Cut]) -> Iterator[Fault]:
    for ordinal, cut in enumerate(cuts, 1):
        for path in _SINGLE.get(cut.name, ()):
            node: Any = cut.tree
            for step in path:
                node = node[0] if isinstance(node, list) and node else node
                node = node.get(step) if isinstance(node, Mapping) else None
            if isinstance(node, list) and len(node) > 1:
                remedy = "send one result for each test; only the first is read, look at the others yourself"
                yield Fault("more-than-one", f"{cut.name}[{ordinal}]-{'.'.join(path)}", remedy)


def _placed(frames: Sequence[Frame], cuts: Sequence[Cut], keys: Sequence[str]) -> list[Frame]:
    """Frames with those that hold them; a disposition that decides nothing is none."""
    holders = {key: keys[cut.holder] for cut, key in zip(cuts, keys, strict=True) if cut.holder >= 0}
    out = []
    for frame in frames:
        if frame["kind"] == "disposition" and "decision" not in frame["set"]:
            continue
        parent = holders.get(frame["key"])
        out.append({"kind": frame["kind"], "key": frame["key"], "parent": parent, **frame} if parent else frame)
    return out


def _layout(cuts: Sequence[Cut], keys: Sequence[str]) -> dict[str, Any]:
    """Where each piece stood."""
    layout: dict[str, Any] = {}
    for cut, key in zip(cuts, keys, strict=True):
        layout[key] = {"piece": cut.name, "path": document.told(cut.path), "at": str(cut.at)}
        if cut.holder >= 0:
            layout[key]["in"] = keys[cut.holder]
    return layout


# ---- the way out ----------------------------------------------------------------------------------------------

_PIECES = {"material": "lot", "container": "sublot", "batch": "response", "result": "result", "order": "request"}
"""Kind of frame -> the piece that it is by itself."""
_WITHIN = {("record", "material"): "sample", ("sample", "result"): "test", ("test", "result"): "retest"}
_WITHIN |= {("result", "result"): "measurement", ("lot", "result"): "property", ("sublot", "result"): "property"}
"""The piece that holds it, and the kind of frame -> the piece that it is there."""
_BESIDE = {("request", "appointment"), ("lot", "disposition"), ("sublot", "disposition")}
_ALLOWED = {
    "OperationsSchedule": {"request"},
    "ProductionSchedule": {"request"},
    "OperationsPerformance": {"response"},
    "ProductionPerformance": {"response"},
    "MaterialInformation": {"lot", "sublot", "property"},
    "MaterialLot": {"lot", "sublot", "property"},
    "MaterialSubLot": {"sublot", "property"},
    "OperationsTestInformation": {"result", "measurement"},
    "TestResult": {"result", "measurement"},
    "BatchProductionRecord": {"record", "response", "sample", "test", "retest"},
}
"""What a document is about -> the pieces that stand in it."""


def _own_pieces(
    frames: Sequence[Frame], noun: str, layout: Mapping[str, Any], version: tuple[int, ...]
) -> dict[str, str]:
    """Key of a frame -> the piece that it is; frames beside another, and those without a home, are not in it."""
    found: dict[str, str] = {}
    for frame in frames:
        above = found.get(frame.get("parent", ""), "")
        name = layout.get(frame["key"], {}).get("piece")
        if name is None and (above, frame["kind"]) not in _BESIDE:
            name = _WITHIN.get((above, frame["kind"]), _PIECES.get(frame["kind"]))
            if noun == "BatchProductionRecord" and name == "response" and not above:
                name = "record"
        if name == "property" and version >= (7,) and frame["key"] not in layout:
            continue  # V0700 has no results in a lot
        if name in _ALLOWED[noun]:
            found[frame["key"]] = name
    return found


def _grouped(frames: Sequence[Frame], own: Mapping[str, str], m: Element) -> Iterator[tuple[str, list[Frame]]]:
    """Each piece with its main frame and those beside it."""
    beside: dict[str, list[Frame]] = {}
    for frame in frames:
        parent = frame.get("parent", "")
        if frame["key"] in own:
            continue
        if (own.get(parent, ""), frame["kind"]) in _BESIDE:
            beside.setdefault(parent, []).append(frame)
        else:
            m.no_home(
                "", f"{frame['kind']} frame", Unreadable("no-home", "this document has no place for such a frame")
            )
    for frame in frames:
        if frame["key"] in own:
            yield own[frame["key"]], [frame, *beside.get(frame["key"], ())]


def _fresh_path(holder: str, name: str, noun: str) -> document.Path:
    path = document.PLACES.get(holder, {}).get(name) or document.PLACES[""][name]
    return path if holder or noun in NOUNS else ("DataArea", *path)


def _check_derived(frame: Frame, tree: Mapping[str, Any], m: Element) -> None:
    """Tells where a batch says other materials than its steps, which alone are written, or steps beside no response."""
    if "steps" in frame["set"] and m.version >= (7,) and "SegmentResponse" not in tree:
        m.no_home("", "batch.steps", Unreadable("no-home", "a V0700 record has steps in its responses only"))
    sources = {"inputs": "inputs_inside", "consumed": "consumed_inside"}
    sources |= {"outputs": "outputs_inside"} if "LotID" not in tree else {}
    for field, codec in sources.items():
        said = frame["set"].get(field)
        if said is not None and CODECS[codec].read(tree.get("SegmentResponse"), m) != said:
            m.no_home("", f"batch.{field}", Unreadable("no-home", "B2MML has the materials of steps; say it in a step"))


def place_order(tree: Tree, order: Mapping[str, Any] | None, m: Element) -> None:
    """Writes the chain of identity of an order where the steps do not name it yet.

    It goes to what was produced and to the containers that were consumed: a lot of a reagent is many orders'.
    """
    names = (order or {}).get("identifiers") or ()
    coi = next((name for name in names if name.get("type") == "coi"), None)
    if coi is None or _names_order(tree, m):
        return
    value = {"ID": "CoI", "Value": [{"ValueString": CODECS["coi"].write(coi, m)}]}
    segments = tree.setdefault("SegmentResponse", [{}])
    marked = False
    for segment in segments:
        for material in segment.get("MaterialActual", ()) if isinstance(segment, dict) else ():
            use = m.codes["material_use"].forward.get(str(material.get("MaterialUse", "")))
            if use == "produced" or (use == "consumed" and "MaterialSubLotID" in material):
                material.setdefault("MaterialActualProperty", []).append(value)
                marked = True
    if not marked:
        name = "SegmentData" if m.version >= (7,) else "ProductionData"
        segments[0].setdefault(name, []).append(value)


def _names_order(tree: Tree, m: Element) -> bool:
    found = CODECS["batch_order"].read(None, None, tree.get("SegmentResponse"), m.quiet())
    return found is not None


def _complete(head: Tree, noun: str, cuts: Sequence[Cut], m: Element) -> None:
    """The head with what every transaction must have."""
    head["@releaseID"] = RELEASE
    area = head.setdefault("ApplicationArea", {})
    if "CreationDateTime" not in area:
        area["CreationDateTime"] = "1970-01-01T00:00:00Z"
        m.faults.append(Fault("time-missing", "CreationDateTime", "give the message frame sent_at"))
    verb = document.split(str(head["#root"]))[0]
    head.setdefault("DataArea", {})[verb] = ""
    if noun in NOUNS:
        head.setdefault("#noun", {})
    elif not cuts:
        head["DataArea"][noun] = [{}]


# ---- loading --------------------------------------------------------------------------------------------------


def adapter(
    schemas: Mapping[str, Any] | None = None,
    overlays: Iterable[Path] = (),
    zone: str = "UTC",
    system: str = "",
    event_types: Mapping[str, str] | None = None,
) -> Adapter:
    """Loads, checks and compiles the tables. Raises TableError with all faults at once."""
    tables = library.load(FORMAT, WIRE, CODECS, schemas, overlays, event_types)
    return Adapter(tables, building.leaves(tables), zone, system)


@lru_cache(maxsize=1)
def base() -> Adapter:
    """The base tables, without a partner's overlay."""
    return adapter()


__all__ = ["Adapter", "Read", "Unparsable", "Unsupported", "adapter", "base"]
