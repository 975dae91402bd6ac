"""The hub's own Issues as records of kind `issue`, as the committer's table has them. Only reads.

They are no records of the read model: rules raise and clear them with every fact. What a partner says of one (assessed,
or resolved) is such a record, and is laid over it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from canonical_model.ids import name_key
from canonical_model.journey import Journey
from hub.committer import Committer
from hub.links import Links
from hub.orders import ISSUE_SYSTEM, moment
from hub.profiles import Profile
from hub.reports.reader import Reader
from hub.store import Row

KIND, SYSTEM = "issue", ISSUE_SYSTEM


def journeys_of(committer: Committer, issue: str) -> set[str]:
    """The orders in which an Issue of this id may have been raised."""
    links = Links(committer.connection)
    return links.orders_of(links.members([name_key(KIND, name_of(issue))]))


def may_see(profile: Profile, row: Row, state: Journey) -> bool:
    """True when the partner may see an Issue of an order: something of every fact it rests on, as in the report."""
    reader = Reader(profile)
    return reader.sees(KIND) and reader.sees_all(orjson.loads(row[7]), {event["id"]: event for event in state.events})


def name_of(issue: str) -> dict[str, str]:
    """The identifier of an Issue of the hub."""
    return {"system": SYSTEM, "value": issue}


def version_of(row: Row) -> int:
    """Each raising and each clearing is a version."""
    return 2 * int(row[10]) - (row[9] is None)


def body_of(row: Row, state: Journey) -> dict[str, Any]:
    """An Issue as the body of a record; its patient and its order are those of the order."""
    _, _, rule, kind, severity, text, _, _, opened, closed, _ = row
    order = state.order
    status = "open" if closed is None else "resolved"
    fields: dict[str, Any] = {"rule": rule, "kind": kind, "severity": severity, "text": text, "status": status}
    fields["found_at"] = moment(datetime.fromisoformat(opened))
    if order.identifiers:
        fields["order"] = {"kind": "order", "identifiers": order.identifiers[:1]}
    if order.fields.get("patient"):
        fields["patient"] = order.fields["patient"]
    told = {"kind": KIND, "identifiers": [name_of(row[0])], "state": status, "fields": fields}
    return {**told, "reporters": ["hub"], "updated": closed or opened}
