"""The composition root: the only place that chooses. Builds a hub out of settings and profiles, starts and stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from canonical_model.protocols import Protocol
from hub import backup, hl7_answers, profiles
from hub.answers import Questions
from hub.channels import files, mllp
from hub.committer import Answer, Committer, Incoming
from hub.crypto import Keyring, load_keyring
from hub.delivery import Deliveries
from hub.dropping import Dropping
from hub.formats import Adapters
from hub.inquiries import Inquiries
from hub.keeping import Keeper
from hub.mending import Mending
from hub.pipeline import Overloaded, Pipeline
from hub.profiles import Partners, Profile
from hub.projector import Projector
from hub.protocols import load as load_protocols
from hub.reading import Readers
from hub.rendering import Renderer
from hub.replaying import Replays
from hub.resources import Resolver, Resources
from hub.sending import Outbox
from hub.settings import Settings
from hub.store import ReadModel, Store
from hub.store.opening import is_new, open_read_model, open_store
from hub.storing import is_stored

log = structlog.get_logger("hub")


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Hub:
    """A hub with all its rooms. `start` opens the channels, `stop` closes them in order."""

    settings: Settings
    profiles: Partners
    adapters: Adapters
    store: Store
    model: ReadModel
    keys: Keyring
    committer: Committer
    pipeline: Pipeline
    readers: Readers
    projector: Projector
    outbox: Outbox
    keeper: Keeper
    questions: Questions
    replays: Replays
    mending: Mending
    protocols: Mapping[str, Protocol]
    resolver: Resolver
    resources: Resources
    clock: Callable[[], datetime]
    listeners: dict[str, mllp.Listener] = field(default_factory=dict)
    folders: dict[str, files.DropFolder] = field(default_factory=dict)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def start(self) -> None:
        """Opens every channel of every partner."""
        self.pipeline.start()
        self.projector.start()
        self.replays.start()
        tls = self._tls()
        for name, profile in self.profiles.items():
            if profile.mllp is not None and profile.mllp.listen is not None:
                most, patience = self.settings.max_message, self.settings.patience
                listener = mllp.Listener(profile, self._mllp, self._too_large, most, tls, patience)
                await listener.start(self.settings.mllp_host, self.store.shared)
                self.listeners[name] = listener
            if profile.files is not None:
                self.folders[name] = files.DropFolder(profile, self._file, self.settings.max_message)
        await asyncio.gather(*(folder.prepare() for folder in self.folders.values()))
        self.outbox.folders = self.folders
        self.tasks += [asyncio.create_task(self._watch(name, folder)) for name, folder in self.folders.items()]
        self.tasks.append(asyncio.create_task(self.outbox.run()))
        self.tasks.append(asyncio.create_task(self.keeper.run()))

    async def stop(self) -> None:
        """Closes the channels, then the committer, then the store."""
        for listener in self.listeners.values():
            await listener.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.outbox.close()
        await asyncio.gather(*(folder.close() for folder in self.folders.values()))
        self.replays.stop()
        self.pipeline.stop()
        self.projector.stop()
        self.close()

    def close(self) -> None:
        """Gives back the store and the read model; for one who built the hub and never started it."""
        self.readers.close()
        self.store.close()
        self.model.close()

    async def receive(self, incoming: Incoming) -> Answer:
        """The answer to bytes from an authenticated partner. Raises Overloaded."""
        return await self.pipeline.submit(incoming)

    async def _mllp(self, profile: Profile, body: bytes) -> bytes:
        name = hl7_answers.control_id(body)
        try:
            stored = is_stored(profile, "mllp")
            answer = await self.receive(Incoming(profile.partner, "mllp", "hl7v2", body, name=name, stored=stored))
        except Overloaded:
            return hl7_answers.overloaded(profile, body, self.clock())
        except Exception as wrong:  # noqa: BLE001 - the store failed; nothing was kept and the sender is told so
            log.error("mllp.unkept", partner=profile.partner, error=type(wrong).__name__)
            return hl7_answers.failed(profile, body, self.clock())
        return hl7_answers.acknowledge(profile, body, answer, self.clock())

    def _too_large(self, profile: Profile, begin: bytes) -> bytes:
        return hl7_answers.too_large(profile, begin, self.settings.max_message, self.clock())

    async def _file(self, profile: Profile, body: bytes, name: str, dialect: str) -> files.Taken:
        inquiries = Inquiries(self.questions, self.protocols, self.pipeline.run, self.clock)
        return await Dropping(self.adapters, inquiries, self.receive).take(profile, body, name, dialect)

    async def _watch(self, name: str, folder: files.DropFolder) -> None:
        """Looks at one folder again and again; each has a task of its own, so that none waits for another."""
        while True:
            try:
                if self.store.seat(f"folder/{name}"):
                    await folder.look()
            except Exception as wrong:  # noqa: BLE001 - the folder's trouble is told and looked at again
                log.error("folder.failed", partner=name, error=type(wrong).__name__)
            await asyncio.sleep(self.settings.file_poll)

    def _tls(self) -> ssl.SSLContext | None:
        """TLS of the MLLP ports; where the settings name who signs clients' certificates, a client needs one."""
        if not (self.settings.tls_certificate and self.settings.tls_key):
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.settings.tls_certificate, self.settings.tls_key)
        if self.settings.tls_client_ca is not None:
            context.load_verify_locations(self.settings.tls_client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def build(
    settings: Settings,
    partners: Mapping[str, Profile] | None = None,
    clock: Callable[[], datetime] = utc_now,
    protocols: Mapping[str, Protocol] | None = None,
    path: Path | None = None,
) -> Hub:
    """A hub not yet started. Raises ProfileError, TableError, KeyLost, StoreInUse, NewerStore and sqlite3.Error."""
    known = Partners(profiles.load(settings.partners) if partners is None else partners)
    protocols = load_protocols(settings.protocols) if protocols is None else protocols
    database = path or settings.data / "hub.db"
    keys = load_keyring(settings.data / "keys" / "master.key", may_make=is_new(settings.store, database))
    if copy := backup.before_upgrade(database.parent, clock()):
        log.info("store.copied", before=copy.name)
    with contextlib.ExitStack() as undone:  # what was opened is closed where the rest cannot be built
        store = open_store(settings.store, database, settings.synchronous)
        undone.callback(store.close)
        model = open_read_model(settings.store, database.with_name("read.db"))
        undone.callback(model.close)
        resolver = Resolver(model)
        adapters = Adapters(known, resolver)
        if faults := [*profiles.open_doors(known, settings), *adapters.faults(known)]:
            raise profiles.ProfileError(faults)
        undone.pop_all()
    committer = Committer(store, keys, known, adapters, protocols, clock, settings.region)
    projector = Projector(store, model)
    pipeline = Pipeline(committer, settings.group, projector.wake, store.seat)
    return Hub(
        settings=settings,
        profiles=known,
        adapters=adapters,
        store=store,
        model=model,
        keys=keys,
        committer=committer,
        pipeline=pipeline,
        readers=Readers(store, pipeline),
        projector=projector,
        outbox=Outbox(
            Deliveries(keys, known, Renderer(keys, adapters, settings.region, protocols, known)),
            pipeline,
            known,
            settings,
            clock,
            store.seat,
        ),
        keeper=Keeper(pipeline, settings, known, clock),
        questions=Questions(keys, known, protocols, clock),
        replays=Replays(store, keys, known, adapters, clock, pipeline.run_now),
        mending=Mending(keys, known, clock),
        protocols=protocols,
        resolver=resolver,
        resources=Resources(keys, model, adapters, settings.region, resolver),
        clock=clock,
    )


def settle_memory() -> None:
    """Lets the collector pass over what stays for good, and look less often: it cost a tenth of every message."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@contextlib.asynccontextmanager
async def running(hub: Hub) -> AsyncIterator[Hub]:
    """The hub started, and stopped at the end of the block."""
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()
