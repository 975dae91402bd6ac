"""Reload: profiles and tables exchanged while the hub runs. All are validated, then all exchanged between two groups.

What is opened at the start (ports, folders) stays as it was opened: a change of those needs a restart, and is refused.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from canonical_model.values import instant_text
from hub import profiles
from hub.committer import Committer
from hub.formats import Adapters, compiled_for, configuration_of
from hub.profiles import Profile, ProfileError
from hub.settings import Settings
from mappings.faults import TableError

if TYPE_CHECKING:
    from hub.bootstrap import Hub

log = structlog.get_logger("hub.reloading")


async def reload(hub: Hub, actor: str) -> dict[str, str]:
    """Partners whose messages are read otherwise now, with the digest of it. Raises ProfileError with all faults."""
    known, adapters = await asyncio.to_thread(prepared, hub.settings, hub.profiles, hub.resolver)
    changed: dict[str, str] = await hub.pipeline.run(lambda c: _exchange(hub, c, known, adapters, actor))
    for name, folder in hub.folders.items():
        folder.goes_by(known[name])
    return changed


def prepared(settings: Settings, now: Mapping[str, Profile], resolver: Any) -> tuple[dict[str, Profile], Adapters]:
    """Profiles and adapters as the files have them. Raises ProfileError with all faults of all of them."""
    known = profiles.load(settings.partners)
    before = {name: configuration_of(profile) for name, profile in known.items()}
    faults = [*profiles.open_doors(known, settings), *_opened(now, known), *_tables(known)]
    if faults:
        raise ProfileError(faults)
    adapters = Adapters(known, resolver)
    faults = adapters.faults(known)
    if any(configuration_of(profile) != before[name] for name, profile in known.items()):
        faults.append("a table changed while the tables were read: reload again")
    if faults:
        raise ProfileError(faults)
    return known, adapters


def _exchange(
    hub: Hub, committer: Committer, known: Mapping[str, Profile], adapters: Adapters, actor: str
) -> dict[str, str]:
    changed = {
        name: adapters.configuration(profile)
        for name, profile in known.items()
        if name not in hub.profiles or adapters.configuration(profile) != hub.adapters.configuration(profile)
    }
    db = committer.connection
    with db.transaction():
        detail = orjson.dumps(changed).decode()
        db.run("add_audit", instant_text(hub.clock()), actor, "reload", "configuration", detail)
    hub.profiles.become(known)
    hub.adapters.become(adapters)
    return changed


def _tables(known: Mapping[str, Profile]) -> Iterator[str]:
    """All faults of the tables of all partners; one that two of them share is told once."""
    told: dict[str, None] = {}
    for profile in known.values():
        for name in profile.formats:
            try:
                compiled_for(profile, name)
            except TableError as wrong:
                told |= dict.fromkeys(map(str, wrong.faults))
    yield from told


def _opened(now: Mapping[str, Profile], then: Mapping[str, Profile]) -> Iterator[str]:
    """What differs and was opened at the start."""
    for name in sorted(now.keys() | then.keys()):
        if name not in then:
            yield f"{name}: the profile is gone: restart the hub to part from a partner"
            continue
        before, after = _doors(now.get(name)), _doors(then[name])
        changed = [place for place in before if before[place] != after[place]]
        yield from (f"{name}: {place}: restart the hub to change it" for place in changed)


def _doors(profile: Profile | None) -> dict[str, Any]:
    """What of a profile is opened when the hub starts."""
    files = profile.files if profile is not None else None
    return {
        "mllp": profile.mllp if profile is not None else None,
        "files": files.model_copy(update={"dialects": {}}) if files is not None else None,
    }


def on_hangup(hub: Hub) -> None:
    """Reloads at SIGHUP; a hub that runs beside the main thread hears no signals."""
    if threading.current_thread() is threading.main_thread():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: hub.tasks.append(loop.create_task(_hung_up(hub))))


async def _hung_up(hub: Hub) -> None:
    try:
        changed = await reload(hub, "SIGHUP")
    except ProfileError as wrong:
        log.error("reload.refused", faults=wrong.faults)
    except Exception as wrong:  # noqa: BLE001 - nobody waits for the answer: told, and nothing was exchanged
        log.error("reload.failed", error=type(wrong).__name__)
    else:
        log.info("reload.done", changed=sorted(changed))


__all__ = ["on_hangup", "prepared", "reload"]
