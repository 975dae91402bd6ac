"""How a ledger or an export of it is tampered with: six kinds, plainly, or by one with a key who makes all fit again.

`rows` are those of a whole ledger (a store, or what one exports of it), `lines` those of an order's or event's export.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from hub import ledger
from hub.crypto import Keyring
from hub.ledger_verifier import ERASED, FORMAT, START, chained, counted, leaf, root, signed_part

KINDS = ("edit", "delete", "insert", "swap", "truncate", "re-chain")
STRANGER = Keyring(b"someone else's key of 32 bytes..")
COLUMNS = {
    "log": ("position", "id", "type", "event", "salt", "leaf"),
    "batch": ("number", "first", "last", "root", "chain", "signature"),
}
POSITION, ID, TYPE, EVENT, SALT, LEAF = range(6)
Rows = dict[str, list[list[Any]]]
"""The rows of both tables, in the order of their first column."""
Line = tuple[str, dict[str, Any]]
"""A line of an export: its name and its content."""


Gone = tuple[str, bytes]
"""Text and salt of an event that was erased, as somebody kept them."""


def of_rows(random: Random, what: str, rows: Rows, keys: Keyring | None, gone: Gone) -> None:
    """Tampers with a whole ledger; one with keys closes all gaps and signs anew."""
    if keys is None and what == "edit" and random.random() < 0.1:
        erased = next(row for row in rows["log"] if row[SALT] is None)
        erased[EVENT], erased[SALT] = gone
        return
    if keys is None:
        _PLAIN_ROWS[what](random, rows)
        return
    sizes = [row[2] - row[1] + 1 for row in rows["batch"]]
    groups: list[list[list[Any]]] = []
    for size in sizes:
        start = sum(map(len, groups))
        groups.append(rows["log"][start : start + size])
    if what == "truncate":
        del groups[random.randrange(1, len(groups)) :]
    elif what == "re-chain":
        _regroup(random, groups)
    else:
        _FORGED_ROWS[what](random, groups)
    _seal(rows, groups, keys)


def of_lines(random: Random, what: str, lines: list[Line], other: list[Line], keys: Keyring | None, gone: Gone) -> None:
    """Tampers with the export of a part; one with keys makes new trees, chain and statement."""
    erased = [value for kind, value in lines if kind == "event" and value["salt"] is None]
    if keys is None and what == "edit" and erased and random.random() < 0.1:
        erased[0].update(text=gone[0], salt=gone[1].hex())
        return
    if keys is None:
        _PLAIN_LINES[what](random, lines, other)
        return
    fake = _FORGED_LINES[what](random, lines, other)
    _sign_lines(random, lines, keys, fake)


# ---- rows, plainly ----------------------------------------------------------------------------------------------


def _edit_rows(random: Random, rows: Rows) -> None:
    """One bit of one value; or an event looks erased, which it may be, and says something else, which it may not."""
    if random.random() < 0.2:
        row = random.choice([row for row in rows["log"] if row[SALT] is not None])
        row[EVENT], row[SALT] = random.choice(("", row[EVENT].replace("}", ' , "x":1}', 1))), None
        return
    table = random.choice(("log", "log", "batch"))
    row = random.choice(rows[table])
    place = random.choice([place for place, value in enumerate(row) if value not in (None, "")])
    if table == "batch" and place == 5 and random.random() < 0.5:
        row[place] = random.choice([STRANGER.sign(row[4]), random.choice(rows["batch"])[5]])
    else:
        row[place] = _flipped(random, row[place])


def _flipped(random: Random, value: Any) -> Any:
    if isinstance(value, int):
        return value ^ (1 << random.randrange(6))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    raw[random.randrange(len(raw))] ^= 1 << random.randrange(5 if isinstance(value, str) else 8)
    return raw.decode("utf-8", "replace") if isinstance(value, str) else bytes(raw)


def _delete_rows(random: Random, rows: Rows) -> None:
    """Some events vanish, sometimes with the gap closed; or a batch vanishes."""
    if random.random() < 0.2:
        rows["batch"].remove(random.choice(rows["batch"][:-1]))
        return
    first = random.randrange(len(rows["log"]))
    del rows["log"][first : first + random.choice((1, 1, 1, 5))]
    if random.random() < 0.5:
        for number, row in enumerate(rows["log"], start=1):
            row[POSITION] = number


def _insert_rows(random: Random, rows: Rows) -> None:
    """An event is added: after the end, before the beginning, or in between with what follows moved."""
    position = random.choice((0, -3, len(rows["log"]) + 1, random.randint(1, len(rows["log"]))))
    for row in rows["log"]:
        row[POSITION] += position > 0 and row[POSITION] >= position
    rows["log"].append([position, *_new_event(random)[1:]])
    rows["log"].sort(key=lambda row: row[POSITION])


def _new_event(random: Random) -> list[Any]:
    name, salt = random.randbytes(20).hex(), random.randbytes(ledger.SALT)
    text = f'{{"id":"{name}","type":"disposition.decided"}}'
    return [0, name, "disposition.decided", text, salt, leaf(salt, text.encode())]


def _swap_rows(random: Random, rows: Rows) -> None:
    """Two events, or two values of them, change places; or a stretch of events or batches is in another order."""
    if random.random() < 0.3:
        _reorder(random, rows[random.choice(("log", "log", "batch"))])
        return
    one, other = random.sample(rows["log"], 2)
    columns = random.choice(([1, 2, 3, 4, 5], [3], [3, 4], [5], [3, 4, 5], [2], [1]))
    for place in columns:
        one[place], other[place] = other[place], one[place]


def _reorder(random: Random, rows: list[list[Any]]) -> None:
    first = random.randrange(len(rows) - 1)
    stretch = rows[first : first + random.randint(2, 8)]
    numbers = [row[0] for row in stretch]
    random.shuffle(stretch)
    for number, row in zip(numbers, stretch, strict=True):
        row[0] = number
    rows.sort(key=lambda row: row[0])


def _truncate_rows(random: Random, rows: Rows) -> None:
    """Everything after some event vanishes, not at the end of a batch: without a head, nobody sees that."""
    ends = {row[2] for row in rows["batch"]}
    last = random.choice([row[POSITION] for row in rows["log"] if row[POSITION] not in ends])
    rows["log"] = [row for row in rows["log"] if row[POSITION] <= last]
    if random.random() < 0.5:
        rows["batch"] = [row for row in rows["batch"] if row[1] <= last]


_PLAIN_ROWS = {
    "edit": _edit_rows,
    "delete": _delete_rows,
    "insert": _insert_rows,
    "swap": _swap_rows,
    "truncate": _truncate_rows,
}


# ---- rows, with a key -------------------------------------------------------------------------------------------


def _edit_groups(random: Random, groups: list[list[list[Any]]]) -> None:
    row = random.choice([row for group in groups for row in group if row[SALT] is not None and row[TYPE] != ERASED])
    row[EVENT] = row[EVENT].replace("{", '{"note":"forged",', 1)
    row[LEAF] = leaf(row[SALT], row[EVENT].encode())


def _delete_groups(random: Random, groups: list[list[list[Any]]]) -> None:
    group = random.choice(groups)
    for _ in range(random.randint(1, min(3, len(group)))):
        group.remove(random.choice(group))


def _insert_groups(random: Random, groups: list[list[list[Any]]]) -> None:
    group = random.choice(groups)
    group.insert(random.randint(0, len(group)), _new_event(random))


def _swap_groups(random: Random, groups: list[list[list[Any]]]) -> None:
    (one, at), (other, to) = random.sample([(group, i) for group in groups for i in range(len(group))], 2)
    one[at], other[to] = other[to], one[at]


def _regroup(random: Random, groups: list[list[list[Any]]]) -> None:
    """The same events in other batches: two become one, or one becomes two."""
    place = random.randrange(len(groups) - 1)
    if random.random() < 0.5 or len(groups[place]) < 2:
        groups[place : place + 2] = [[*groups[place], *groups[place + 1]]]
        return
    cut = random.randrange(1, len(groups[place]))
    groups[place : place + 1] = [groups[place][:cut], groups[place][cut:]]


_FORGED_ROWS = {"edit": _edit_groups, "delete": _delete_groups, "insert": _insert_groups, "swap": _swap_groups}


def _seal(rows: Rows, groups: list[list[list[Any]]], keys: Keyring) -> None:
    """Positions without gaps, erasures that agree with their entries, new roots, chain and signatures."""
    every = [row for group in groups for row in group]
    entries = {json.loads(row[EVENT])["leaf"]: row for row in every if row[TYPE] == ERASED}
    erased = {row[LEAF].hex(): row for row in every if row[SALT] is None}
    alone = [*(erased[one] for one in erased.keys() - entries.keys())]
    alone += [entries[one] for one in entries.keys() - erased.keys()]
    kept = [group for one in groups if (group := [row for row in one if not any(row is bad for bad in alone)])]
    rows["log"] = [row for group in kept for row in group]
    for position, row in enumerate(rows["log"], start=1):
        row[POSITION] = position
    for one, entry in entries.items():
        if one in erased:
            _agree(entry, erased[one])
    rows["log"].sort(key=lambda row: row[POSITION])
    rows["batch"], previous, first = [], START, 1
    for number, group in enumerate(kept, start=1):
        last = first + len(group) - 1
        merkle = root([row[LEAF] for row in group])
        chain = chained(previous, number, first, last, merkle)
        rows["batch"].append([number, first, last, merkle, chain, keys.sign(chain)])
        previous, first = chain, last + 1


def _agree(entry: list[Any], erased: list[Any]) -> None:
    """An entry tells of the event where that stands now."""
    said = {**json.loads(entry[EVENT]), "position": erased[POSITION]}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if text != entry[EVENT]:
        entry[EVENT], entry[LEAF] = text, leaf(entry[SALT], text.encode())


def exported(rows: Rows, head: dict[str, Any], keys: Keyring | None) -> list[Line]:
    """The export of a whole ledger; the head at its end is the old one, or one that is signed with these keys."""
    lines: list[Line] = [("export", {**FORMAT, "of": "ledger", "after": _place(0, 0, START)})]
    waiting = list(rows["log"])
    for number, first, last, merkle, chain, signature in rows["batch"]:
        told = {"number": number, "first": first, "last": last, "root": merkle.hex(), "chain": chain.hex()}
        lines.append(("batch", {**told, "signature": signature.hex()}))
        while waiting and waiting[0][POSITION] <= last:
            lines.append(("event", _event(waiting.pop(0))))
    lines += [("event", _event(row)) for row in waiting]
    if keys is not None:
        end = rows["batch"][-1]
        head = _signed({**head, **_place(end[0], end[2], end[4])}, keys)
    return [*lines, ("head", head)]


def _place(number: int, position: int, chain: bytes) -> dict[str, Any]:
    return {"number": number, "position": position, "chain": chain.hex()}


def _event(row: list[Any]) -> dict[str, Any]:
    salt = row[SALT].hex() if isinstance(row[SALT], bytes) else row[SALT]
    told = {"position": row[POSITION], "id": row[ID], "type": row[TYPE], "text": row[EVENT], "salt": salt}
    return {**told, "leaf": row[LEAF].hex()}


def _signed(statement: dict[str, Any], keys: Keyring) -> dict[str, Any]:
    return {**statement, "signature": keys.sign(signed_part(statement)).hex()}


# ---- lines, plainly ---------------------------------------------------------------------------------------------


def _edit_lines(random: Random, lines: list[Line], _: list[Line]) -> None:
    """One value of one line is another; or an event looks erased."""
    events = [value for kind, value in lines if kind == "event" and value["salt"] is not None]
    if random.random() < 0.1:
        random.choice(events).update(text="", salt=None)
        return
    inside: Any = random.choice(lines)[1]
    while True:
        place = random.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
        if not isinstance(inside[place], (dict, list)):
            inside[place] = _other(random, inside[place])
            return
        inside = inside[place] if inside[place] else inside


def _other(random: Random, value: Any) -> Any:
    if value is None or value == "":
        return random.choice((0, "00", []))
    return _flipped(random, value) if isinstance(value, int) else _altered(random, value)


def _altered(random: Random, text: str) -> str:
    place = random.randrange(len(text))
    return text[:place] + random.choice("0123456789abcdefg".replace(text[place], "")) + text[place + 1 :]


def _delete_lines(random: Random, lines: list[Line], _: list[Line]) -> None:
    """A line vanishes; or an event, with the count put right and not signed; or a part of a proof."""
    proofs = [value["proof"] for kind, value in lines if kind == "event" and value["proof"]]
    if random.random() < 0.2 and proofs:
        proof = random.choice(proofs)
        del proof[random.randrange(len(proof))]
        return
    gone = random.randrange(len(lines))
    if lines[gone][0] == "event" and "count" in lines[-1][1] and random.random() < 0.5:
        lines[-1][1]["count"] -= 1
    del lines[gone]


def _insert_lines(random: Random, lines: list[Line], other: list[Line]) -> None:
    """A line twice; a line of another order's export; a forged event; a field that nobody knows."""
    if random.random() < 0.2 and (strange := _strange(lines, other)):
        _place_in(lines, {**random.choice(strange), "since": None})
        return
    new = random.choice([*lines, *other, ("event", {**_event(_new_event(random)), "proof": [], "since": 1})])
    if random.random() < 0.2:
        random.choice(lines)[1]["more"] = "1"
    else:
        lines.insert(random.randint(0, len(lines)), new)


def _swap_lines(random: Random, lines: list[Line], _: list[Line]) -> None:
    """Two lines change places, or a value of theirs."""
    one, other = random.sample(range(len(lines)), 2)
    same = sorted(lines[one][1].keys() & lines[other][1].keys())
    if same and random.random() < 0.5:
        name = random.choice(same)
        lines[one][1][name], lines[other][1][name] = lines[other][1][name], lines[one][1][name]
    else:
        lines[one], lines[other] = lines[other], lines[one]


def _truncate_lines(random: Random, lines: list[Line], _: list[Line]) -> None:
    """The end is missing, sometimes but for the statement."""
    end = lines[-1]
    del lines[random.randrange(len(lines)) :]
    if random.random() < 0.5:
        lines.append(end)


_PLAIN_LINES = {
    "edit": _edit_lines,
    "delete": _delete_lines,
    "insert": _insert_lines,
    "swap": _swap_lines,
    "truncate": _truncate_lines,
}


# ---- lines, with a key ------------------------------------------------------------------------------------------
# Each gives the numbers of the batches whose trees must be made anew.


def _batches(lines: list[Line]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Batches, each with its events."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    for kind, value in lines[1:-1]:
        if kind == "batch":
            found.append((value, []))
        else:
            found[-1][1].append(value)
    yield from found


def _shown(lines: list[Line]) -> list[tuple[int, dict[str, Any]]]:
    """Events that say something and are counted, each with the number of its batch."""
    every = [(batch["number"], event) for batch, events in _batches(lines) for event in events]
    return [(number, event) for number, event in every if event["salt"] is not None and event["since"] is not None]


def _forge_text(random: Random, lines: list[Line], _: list[Line]) -> set[int]:
    number, event = random.choice(_shown(lines))
    _say(event, {**event, "text": event["text"].replace("{", '{"note":"forged",', 1)})
    return {number}


def _say(event: dict[str, Any], said: dict[str, Any]) -> None:
    event.update({name: said[name] for name in ("id", "type", "text", "salt")})
    event["leaf"] = leaf(bytes.fromhex(event["salt"]), event["text"].encode()).hex()


def _leave_out(random: Random, lines: list[Line], _: list[Line]) -> set[int]:
    event = random.choice(_shown(lines))[1]
    lines[:] = [line for line in lines if line[1] is not event]
    return set()


def _put_in(random: Random, lines: list[Line], other: list[Line]) -> set[int]:
    """Another order's event, which stands in the ledger; or one that does not."""
    if random.random() < 0.5 and (strange := _strange(lines, other)):
        _place_in(lines, random.choice(strange))
        return set()
    taken = {value["position"] for kind, value in lines if kind == "event"}
    batches = [batch for batch, _ in _batches(lines)]
    free = [position for batch in batches for position in range(batch["first"], batch["last"] + 1)]
    position = random.choice([position for position in free if position not in taken])
    forged = {**_event(_new_event(random)), "position": position, "proof": [], "since": position}
    return {_place_in(lines, forged)}


def _strange(lines: list[Line], other: list[Line]) -> list[dict[str, Any]]:
    """Events of another order's export that would have a place in this one: their proofs hold here too."""
    taken = {value["position"] for kind, value in lines if kind == "event"}
    first = next(value["first"] for kind, value in lines if kind == "batch")
    return [event for _, event in _shown(other) if event["position"] not in taken and event["position"] >= first]


def _place_in(lines: list[Line], event: dict[str, Any]) -> int:
    """Puts an event where it belongs by its position; the number of its batch."""
    number, place = 0, 0
    for index, (kind, value) in enumerate(lines[:-1]):
        if kind == "batch" and value["first"] <= event["position"]:
            number, place = value["number"], index + 1
        elif kind == "event" and value["position"] < event["position"]:
            place = index + 1
    lines.insert(place, ("event", event))
    return number


def _exchange(random: Random, lines: list[Line], other: list[Line]) -> set[int]:
    """What two events say changes places; where there is one only, it says what another order's does."""
    shown = _shown(lines)
    if len(shown) < 2:
        number, event = shown[0]
        _say(event, random.choice([one for _, one in _shown(other) if one["text"] != event["text"]]))
        return {number}
    (here, one), (there, other_one) = random.sample(shown, 2)
    before = dict(one)
    _say(one, other_one)
    _say(other_one, before)
    return {here, there}


def _end_early(random: Random, lines: list[Line], other: list[Line]) -> set[int]:
    """The last batches vanish, with their events."""
    places = [place for place, (kind, _) in enumerate(lines) if kind == "batch"]
    first = next(place for place, (kind, _) in enumerate(lines) if kind == "event")
    later = [place for place in places if place > first]
    explained = [place for place, (kind, value) in enumerate(lines) if kind == "event" and value["since"] is None]
    later = [place for place in later if not explained or place > explained[-1]] or later[-1:]
    if not later:
        return _make_anew(random, lines, other)
    lines[random.choice(later) : -1] = []
    return set()


def _make_anew(random: Random, lines: list[Line], _: list[Line]) -> set[int]:
    """The same events in another ledger."""
    return {batch["number"] for batch, _ in _batches(lines)}


_FORGED_LINES = {
    "edit": _forge_text,
    "delete": _leave_out,
    "insert": _put_in,
    "swap": _exchange,
    "truncate": _end_early,
    "re-chain": _make_anew,
}


def _sign_lines(random: Random, lines: list[Line], keys: Keyring, fake: set[int]) -> None:
    """New trees where they are needed, with leaves of no event beside those that are shown; new chain and statement."""
    after, end = lines[0][1]["after"], lines[-1][1]
    place = (after["number"], after["position"], bytes.fromhex(after["chain"]))
    counts = []
    for batch, events in _batches(lines):
        first, size = batch["first"], batch["last"] - batch["first"] + 1
        if batch["number"] in fake:
            leaves = [random.randbytes(32) for _ in range(size)]
            for event in events:
                leaves[event["position"] - first] = bytes.fromhex(event["leaf"])
            batch["root"] = root(leaves).hex()
            for event in events:
                event["proof"] = [node.hex() for node in ledger.path(leaves, event["position"] - first)]
        counts += [counted(bytes.fromhex(e["leaf"]), e["since"]) for e in events if e["since"] is not None]
        chain = chained(place[2], batch["number"], first, batch["last"], bytes.fromhex(batch["root"]))
        place = (batch["number"], batch["last"], chain)
    more = {"count": len(counts), "root": root(counts).hex()} if "count" in end else {}
    end.update(_signed({**end, **_place(*place), **more}, keys))


# ---- telling ----------------------------------------------------------------------------------------------------


def changed_rows(whole: Rows, rows: Rows) -> str:
    """Where a tampering changed something, for people."""
    for table, columns in COLUMNS.items():
        for before, after in zip(whole[table], rows[table], strict=False):
            for column, one, other in zip(columns, before, after, strict=True):
                if one != other:
                    return f"{table} {before[0]} {column}: {str(one)[:80]} | {str(other)[:80]}"
    return "rows were added or left out at the end"


def changed(whole: list[Line], lines: list[Line]) -> str:
    """The same of the lines of an export."""
    for number, (before, after) in enumerate(zip(whole, lines, strict=False), start=1):
        if before != after:
            return f"line {number}: {str(before)[:120]} | {str(after)[:120]}"
    return "lines were added or left out at the end"
