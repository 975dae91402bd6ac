"""What a dropped file comes to: a message, or questions that are answered by a file; and what stands at its faults."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from hub.channels.files import Taken
from hub.committer import Answer, Incoming
from hub.formats import Adapters
from hub.inquiries import Inquiries
from hub.profiles import Profile
from mappings.faults import Fault

MOST_QUOTED = 60
"""Characters of a cell that are given back to its sender."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Dropping:
    """Hands dropped files to the rooms of a hub."""

    def __init__(
        self, adapters: Adapters, inquiries: Inquiries, receive: Callable[[Incoming], Awaitable[Answer]]
    ) -> None:
        self._adapters, self._inquiries, self._receive = adapters, inquiries, receive

    async def take(self, profile: Profile, body: bytes, name: str, dialect: str) -> Taken:
        """What became of a file. Raises Overloaded."""
        assert profile.files is not None
        format_name = profile.files.format
        adapter: Any = self._adapters.of(profile, format_name)
        if format_name == "mes_csv" and await asyncio.to_thread(self._inquiries.are_in, body, dialect):
            return await self._inquiries.answer(profile, adapter.adapter, body, name)
        answer = await self._receive(Incoming(profile.partner, "file", format_name, body, dialect, name))
        places = {fault.place for fault in answer.faults}
        quotes = format_name == "mes_csv" and places
        found = await asyncio.to_thread(adapter.adapter.quoted, body, answer.type, places) if quotes else {}
        return Taken(answer, quotes=quoted(found, answer.faults))


def quoted(found: Mapping[str, str], faults: Sequence[Fault]) -> dict[str, str]:
    """What stands at the places of faults, short and on one line, for nobody but its sender."""
    return {fault.place: _visible(found[fault.place]) for fault in faults if found.get(fault.place)}


def _visible(text: str) -> str:
    short = f"{text[:MOST_QUOTED]}…" if len(text) > MOST_QUOTED else text
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", short)
