"""A B2MML document as a plain tree, opened into its head and the pieces that are frames, and closed again.

Keys that begin with `#` are ours: `#noun` is what the document is about, taken out of its transaction; `#steps` are the
recipe elements of all executed recipes in one list; `#depth`, `#in` and `#recipe` say where a flat step stood; what a
piece takes from the one that holds it stands under the keys of `TAKEN`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.b2mml.shape import ASKING, NEEDED, NOUNS, PIECES, REQUIRED, STATING, VERBS, shape_of
from adapters.reading import Unparsable, Unsupported

Tree = dict[str, Any]
Path = tuple[str | int, ...]

_READ = (*NOUNS, *(name for name in PIECES if name in {"MaterialLot", "MaterialSubLot", "TestResult"}))
NAMES = (*_READ, "BatchProductionRecord")
"""What a document may be about."""
PLACES: Mapping[str, Mapping[str, Path]] = {
    "": {
        "lot": ("MaterialLot",),
        "sublot": ("MaterialSubLot",),
        "response": ("OperationsResponse",),
        "request": ("OperationsRequest",),
        "record": ("BatchProductionRecord",),
        "result": ("TestResult",),
    },
    "lot": {"sublot": ("MaterialSubLot",), "property": ("MaterialLotProperty",)},
    "sublot": {"sublot": ("MaterialSubLotChild",), "property": ("MaterialLotProperty",)},
    "record": {
        "sample": ("Samples", "Sample"),
        "response": (
            *("OperationsPerformances", "OperationsPerformanceRecord", 0, "OperationsPerformance"),
            "OperationsResponse",
        ),
    },
    "sample": {"test": ("SampleTest",)},
    "test": {"retest": ("SampleTestResult",)},
    "result": {"measurement": ("PropertyMeasurement",)},
}
"""Where a fresh piece stands inside another, or inside what the document is about."""


HANDED_DOWN: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "record": {"response": {"BatchID": "#batch"}},
    "test": {"retest": {"TestCode": "#code", "TestName": "#name"}},
    "lot": {"sublot": {"ID": "#lot"}, "property": {"ID": "#lot"}},
    "sublot": {"property": {"ID": "#sublot"}},
    "result": {"measurement": {"TestableObjectID": "#object"}},
}
"""Piece -> pieces inside it -> what these take from it: its key there, and ours here."""
LATER = frozenset({"measurement", "retest"})
"""Pieces of which the first belongs to the piece that holds it."""
TAKEN = ("#batch", "#code", "#name", "#lot", "#sublot", "#object")


@dataclass(slots=True)
class Cut:
    """A piece that was taken out: its name, the piece that held it (-1: the document), and where it stood there."""

    name: str
    tree: Tree
    holder: int
    path: Path
    at: int


@dataclass(frozen=True, slots=True)
class Document:
    """A document taken apart."""

    root: str
    noun: str
    head: Tree
    cuts: list[Cut]


def split(root: str) -> tuple[str, str]:
    """Transaction and noun of a root element: `SyncMaterialLot` is ("Sync", "MaterialLot").

    Raises Unsupported for what states no fact or is not read.
    """
    noun, verb = root, ""
    for word in (*VERBS, *ASKING):
        if root.startswith(word) and root != word:
            verb, noun = word, root.removeprefix(word)
    known = ", ".join(NAMES)
    if verb in ASKING:
        raise Unsupported(root, "root", f"it states no fact; send {' or '.join(VERBS)} with one of: {known}")
    if noun not in NAMES:
        raise Unsupported(root, "root", f"the hub keeps no such data; send one of: {known}")
    return verb, noun


def opened(root: str, tree: Any) -> Document:
    """The head and the pieces of a document. Raises Unparsable or Unsupported."""
    verb, noun = split(root)
    if not isinstance(tree, dict):
        raise Unparsable("b2mml-shape", "root", f"{root} has elements")
    cuts: list[Cut] = []
    head: Tree = {"#root": root}
    if verb:
        area = tree.get("DataArea")
        if not isinstance(area, dict) or noun not in area:
            raise Unparsable("b2mml-shape", "DataArea", f"{root} has DataArea with {noun}")
        _refuse_taking_back(root, noun, area)
        head |= tree
        if noun in NOUNS:
            _take_noun(head, area, noun)
        else:
            area[noun] = area[noun] if isinstance(area[noun], list) else [area[noun]]
            _cut(head, -1, ("DataArea", noun), cuts)
    elif noun in NOUNS:
        head["#noun"] = tree
    else:
        cuts.append(Cut(PIECES[noun], tree, -1, (), 0))
    if "#noun" in head:
        for name in NOUNS[noun]:
            _cut(head["#noun"], -1, (name,), cuts)
    _cut_inside(cuts)
    return Document(root, noun, head, cuts)


def _refuse_taking_back(root: str, noun: str, area: Tree) -> None:
    """Raises Unsupported for a transaction whose verb or action takes back what it names, or is unknown."""
    for key, value in area.items():
        if key in ASKING:
            raise Unsupported(root, f"DataArea.{key}", f"it states no fact; send {' or '.join(VERBS)}")
        for code in _actions(value) if key != noun else ():
            if code.casefold() not in STATING:
                remedy = f"an action that takes back states no fact; send one of: {', '.join(sorted(STATING))}"
                raise Unsupported(root, f"DataArea.{key}.ActionCriteria", remedy)


_ACTION = re.compile(r"""actionCode\s*=\s*["']([^"']*)""")


def _actions(value: Any) -> Iterator[str]:
    """Every action code of a verb, wherever it stands in it."""
    if isinstance(value, list):
        for item in value:
            yield from _actions(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key.removeprefix("@").rpartition(":")[2] == "actionCode":
                yield str(inner).strip()
            elif key == "#xml":
                yield from _ACTION.findall(str(inner))
            else:
                yield from _actions(inner)


def _take_noun(head: Tree, area: Tree, noun: str) -> None:
    found = area.pop(noun)
    nouns = [item or {} for item in (found if isinstance(found, list) else [found])]
    if len(nouns) != 1 or not isinstance(nouns[0], dict):
        raise Unsupported(str(head["#root"]), f"DataArea.{noun}", f"send one {noun} in a document, with elements")
    head["#noun"] = nouns[0]


def _cut_inside(cuts: list[Cut]) -> None:
    """Takes pieces out of pieces, outer ones first."""
    for place, cut in enumerate(iter_growing(cuts)):
        if cut.name == "record":
            _flatten_recipes(cut.tree)
        if cut.name == "response":
            _flatten_segments(cut.tree)
        before = len(cuts)
        for path in _inside(cut):
            _cut(cut.tree, place, path, cuts)
        if cut.name in HANDED_DOWN:
            _hand_down(cut, cuts[before:])


def _hand_down(cut: Cut, held: Sequence[Cut]) -> None:
    """Copies what a piece says for those inside it to where their tables read it."""
    for inner in held:
        for key, ours in HANDED_DOWN[cut.name].get(inner.name, {}).items():
            if isinstance(cut.tree.get(key), str | dict):
                inner.tree[ours] = cut.tree[key]


def untrue(cut: Cut, held: Cut) -> bool:
    """True for a piece that says of its holder what its holder does not say: a reader would find the holder's word."""
    names = HANDED_DOWN.get(cut.name, {}).get(held.name, {})
    return any(held.tree.get(ours) != cut.tree.get(key) for key, ours in names.items() if ours != "#batch")


def iter_growing(items: list[Cut]) -> Iterator[Cut]:
    """The items of a list, those included that are added meanwhile."""
    place = 0
    while place < len(items):
        yield items[place]
        place += 1


def _inside(cut: Cut) -> Iterator[Path]:
    """Paths of the lists inside a piece that may hold pieces."""
    match cut.name:
        case "lot" | "sublot":
            yield from (("MaterialSubLot",), ("MaterialSubLotChild",), ("MaterialLotProperty",))
            yield ("MaterialSublotProperty",)
        case "record":
            yield ("Samples", "Sample")
            held = _at(cut.tree, ("OperationsPerformances", "OperationsPerformanceRecord"))
            for place in range(len(held) if isinstance(held, list) else 0):
                yield (
                    *("OperationsPerformances", "OperationsPerformanceRecord", place, "OperationsPerformance"),
                    "OperationsResponse",
                )
        case "sample":
            yield ("SampleTest",)
        case "test":
            yield ("SampleTestResult",)
        case "result":
            yield ("PropertyMeasurement",)


def told(path: Path) -> list[str]:
    """A path as JSON keeps it in every store: a place in a list is `#2`."""
    return [f"#{step}" if isinstance(step, int) else step for step in path]


def untold(path: Sequence[str]) -> Path:
    """The inverse of `told`."""
    return tuple(int(step[1:]) if step[:1] == "#" else step for step in path)


def _at(tree: Any, path: Path) -> Any:
    for step in path:
        if isinstance(step, int):
            tree = tree[step] if isinstance(tree, list) and step < len(tree) else None
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _cut(tree: Tree, holder: int, path: Path, cuts: list[Cut]) -> None:
    """Takes the pieces out of one list."""
    branch, last = _at(tree, path[:-1]), str(path[-1])
    items = branch.get(last) if isinstance(branch, dict) else None
    if not isinstance(items, list):
        return
    name = PIECES[shape_of(last)]
    kept = []
    for at, item in enumerate(items):
        if _is_piece(name, item, at):
            cuts.append(Cut(name, item, holder, path, at))
        else:
            kept.append(item)
    if kept:
        branch[last] = kept
    else:
        del branch[last]


def _is_piece(name: str, item: Any, at: int) -> bool:
    if not isinstance(item, dict) or not any(key[:1] not in "@#" for key in item):
        return False
    if name == "property":
        return bool(item.get("TestResult"))
    return name not in LATER or at > 0


# ---- steps ----------------------------------------------------------------------------------------------------


def _flatten_segments(tree: Tree) -> None:
    segments = tree.get("SegmentResponse")
    if isinstance(segments, list):
        tree["SegmentResponse"] = list(_flat(segments, ("SegmentResponseChild", "SegmentResponse"), 0))


def _flat(items: Sequence[Any], children: tuple[str, ...], depth: int) -> Iterator[Any]:
    for item in items:
        if not isinstance(item, dict):
            yield item
            continue
        inner = [(name, item.pop(name)) for name in children if _all_elements(item.get(name))]
        if depth:
            item["#depth"] = str(depth)
        yield item
        for name, held in inner:
            for below in _flat(held, children, depth + 1):
                if isinstance(below, dict) and below.get("#depth") == str(depth + 1):
                    below["#in"] = name
                yield below


def _all_elements(items: Any) -> bool:
    """True for a list of elements that are more than a text."""
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _deepened(items: Sequence[Any], children: str) -> list[Any]:
    """The inverse of `_flat`; an item whose holder is gone stands in the one that is left."""
    out: list[Any] = []
    stack: list[Tree] = []
    for item in items:
        if not isinstance(item, dict):
            out.append(item)
            continue
        depth = min(int(item.get("#depth", "0")), len(stack))
        plain = {key: value for key, value in item.items() if key not in {"#depth", "#in"}}
        if depth:
            stack[depth - 1].setdefault(str(item.get("#in", children)), []).append(plain)
        else:
            out.append(plain)
        stack[depth:] = [plain]
    return out


def _flatten_recipes(tree: Tree) -> None:
    """The runtime elements of all executed recipes (V0401) as one list of steps."""
    recipes = _at(tree, ("ExecutedControlRecipes", "ExecutedControlRecipe"))
    steps: list[Any] = []
    for place, recipe in enumerate(recipes if isinstance(recipes, list) else ()):
        if isinstance(recipe, dict) and _all_elements(recipe.get("RuntimeRecipeElement")):
            elements = recipe.pop("RuntimeRecipeElement")
            steps += [{**step, "#recipe": str(place)} for step in _flat(elements, ("RuntimeRecipeElement",), 0)]
    if steps:
        tree["#steps"] = steps


def _unflatten_recipes(tree: Tree) -> None:
    steps = tree.pop("#steps", None)
    if not steps:
        return
    recipes = tree.setdefault("ExecutedControlRecipes", {}).setdefault("ExecutedControlRecipe", [{}])
    by_recipe: dict[int, list[Any]] = {}
    for step in steps:
        place = min(int(step.get("#recipe", "0")), len(recipes) - 1)
        by_recipe.setdefault(place, []).append({key: value for key, value in step.items() if key != "#recipe"})
    for place, elements in by_recipe.items():
        recipes[place]["RuntimeRecipeElement"] = _deepened(elements, "RuntimeRecipeElement")


# ---- closing --------------------------------------------------------------------------------------------------


def closed(document: Document) -> tuple[str, Tree]:
    """The inverse of `opened`: root name and tree. A piece whose holder is gone stands in the document."""
    head = dict(document.head)
    root = str(head.pop("#root", document.root))
    noun_tree = head.pop("#noun", None)
    if root.startswith(VERBS) and noun_tree is not None:
        head.setdefault("DataArea", {})[document.noun] = noun_tree
    for cut in document.cuts:
        for ours in TAKEN:
            cut.tree.pop(ours, None)
    for cut in document.cuts:
        if not cut.path and cut.holder < 0:
            continue
        holder = document.cuts[cut.holder].tree if cut.holder >= 0 else head if cut.path[0] == "DataArea" else None
        _insert(holder if holder is not None else (noun_tree if noun_tree is not None else head), cut)
    for cut in document.cuts:
        if cut.name == "record":
            _unflatten_recipes(cut.tree)
        if cut.name == "response" and isinstance(cut.tree.get("SegmentResponse"), list):
            cut.tree["SegmentResponse"] = _deepened(cut.tree["SegmentResponse"], "SegmentResponseChild")
    if root.startswith(VERBS):
        return root, head
    if noun_tree is not None:
        return root, noun_tree
    return root, document.cuts[0].tree if document.cuts else head


def _insert(tree: Tree, cut: Cut) -> None:
    *branch, last = cut.path
    node: Any = tree
    for step, following in zip(branch, cut.path[1:], strict=True):
        if isinstance(step, int):
            step = min(step, len(node))
            if step == len(node):
                node.append([] if isinstance(following, int) else {})
            node = node[step]
        else:
            node = node.setdefault(step, [] if isinstance(following, int) else {})
    items = node.setdefault(last, [])
    if cut.name in LATER and not items:
        items.append({})  # its holder's own: without one, this would be taken for it
    items.insert(min(cut.at, len(items)), cut.tree)


# ---- fresh ----------------------------------------------------------------------------------------------------


def completed(name: str, tree: Any) -> None:
    """Gives a fresh tree what V0700 asks for and the frames do not say."""
    if isinstance(tree, list):
        for place, item in enumerate(tree, 1):
            _complete(name, item, place)
    else:
        _complete(name, tree, 1)


def _complete(name: str, tree: Any, place: int) -> None:
    if not isinstance(tree, dict):
        return
    shape = shape_of(name)
    for child, value in REQUIRED.get(shape, {}).items():
        if not tree.get(child):
            tree[child] = str(place) if value == "1" else value
    if shape in NEEDED and not tree.get(NEEDED[shape]):
        tree[NEEDED[shape]] = [{}]
    for key, value in list(tree.items()):
        if key[:1] not in "@#":
            completed(key, value)
