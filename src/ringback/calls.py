"""Taking legs in and giving calls out: deliveries, imports, pages, exports, retries. No HTTP, no SQL."""

import asyncio
import io
import re
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from ringback.errors import BadToken, InvalidInput, UnknownAgent, UnknownApp, UnknownCall, UnknownReject
from ringback.sources import Context, Rejected, Source, read, source_named
from ringback.sources.reading import EXTENSIONS
from ringback.storage.base import Store
from ringback.storage.records import App, Intake, ListedCall, NewReject, Page, Range, ShownPage
from ringback.telephony.agent_id import AgentId
from ringback.telephony.call import ListKey, ListKind, merge
from ringback.telephony.leg import CallLeg
from ringback.zones import zone_named

CHUNK_LEGS = 5_000  # legs an import commits at a time: what its memory and a waiting writer's patience allow
_GAP_SECONDS = 0.01  # left between chunks, so that other writers of the store get their turn
_CALL_ID_DIGITS = 24
_SMALL_BODY = 16_384  # bytes that are read faster than a thread is woken

# One for all: more would take the interpreter from each other, and a page's request would wait for each of them.
_reader = ThreadPoolExecutor(1, thread_name_prefix="ringback-reader")


class Delivery(Intake, kw_only=True):
    """What became of the records of a body or of files: how many were read, and the fate of their legs."""

    read: int = 0


# --- out -----------------------------------------------------------------------------------------------------------


async def page_for_token(store: Store, app_id: int, digest: bytes, kind: ListKind, wanted: Range) -> ShownPage:
    """Return a page of the list of the agent whose token has this digest; raises `BadToken`."""
    page = await store.page_of_token(app_id, digest, time.time_ns() // 1_000_000, kind, wanted)
    if page is None:
        raise BadToken
    return page


async def export(
    store: Store, app_id: int, extension: str | None
) -> AsyncIterator[tuple[AgentId, ListKind, ListedCall]]:
    """Yield every call of an agent, or of all of an app, list by list, newest first, in constant memory."""
    for key in await store.lists(app_id):
        if extension is None or key.extension == extension:
            async for call in store.walk(app_id, key, Range()):
                yield AgentId(key.extension, app_id), key.kind, call


async def legs_of(store: Store, app_id: int, call_id: str, extension: str | None = None) -> list[CallLeg]:
    """Return the legs of a call as they were reported; raises `UnknownCall`.

    Several calls may have one id, for sources give ids too: of all of them, or of those in the lists of one agent.
    """
    try:
        ref = bytes.fromhex(call_id)
    except ValueError:
        ref = b""
    if len(ref) != _CALL_ID_DIGITS // 2:
        raise InvalidInput(f"a call's id should be {_CALL_ID_DIGITS} hexadecimal characters, not {call_id[:40]!r}")
    legs = await store.legs(app_id, ref)
    if extension is not None:
        own = _keys_of(extension, legs)
        legs = [leg for leg in legs if leg.call_key in own]
    if not legs:
        raise UnknownCall(f"There is no call {call_id}")
    return legs


async def legs_for_token(store: Store, app_id: int, digest: bytes, call_id: str) -> list[CallLeg]:
    """Return the legs of a call of the agent whose token has this digest; raises `BadToken` and `UnknownCall`.

    Another agent's call is as unknown as one that is not there.
    """
    extension = await store.token_agent(app_id, digest, time.time_ns() // 1_000_000)
    if extension is None:
        raise BadToken
    return await legs_of(store, app_id, call_id, extension)


def _keys_of(extension: str, legs: Iterable[CallLeg]) -> set[str]:
    """Return the call keys of an agent's calls among these legs: each call is merged by itself, as for lists."""
    by_key: defaultdict[str, list[CallLeg]] = defaultdict(list)
    for leg in legs:
        by_key[leg.call_key].append(leg)
    lists = {key: merge(b"", call, None).lists for key, call in by_key.items()}
    return {key for key, listed in lists.items() if any(one.extension == extension for one in listed)}


async def page_for_agent(store: Store, agent_id: AgentId, kind: ListKind, wanted: Range) -> Page:
    """Return a page of an agent's list, for whoever owns the store; raises `UnknownAgent` for one nobody ever saw."""
    await check_agent(store, agent_id)
    return await store.page(agent_id.app_id, ListKey(agent_id.extension, kind), wanted)


async def check_agent(store: Store, agent_id: AgentId) -> None:
    """Raise `UnknownAgent` unless there is such an agent, or a call of one."""
    if await store.agent(agent_id.app_id, agent_id.extension) is None:
        keys = await store.lists(agent_id.app_id)
        if all(key.extension != agent_id.extension for key in keys):
            raise UnknownAgent(f"There is no agent {agent_id} and no call of one")


def time_of(milliseconds: int) -> datetime:
    """Return the time of a list's row."""
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=milliseconds)


# --- in ------------------------------------------------------------------------------------------------------------


def context_for(app: App, timezone: str | None) -> Context:
    """Return what a source needs to know to read an app's records that came now; raises `InvalidInput`."""
    extensions = re.compile(app.extensions) if app.extensions else EXTENSIONS
    return Context(
        app_id=app.app_id, received_at=datetime.now(UTC), timezone=zone_named(timezone), extensions=extensions
    )


async def app_named(store: Store, app_id: int) -> App:
    """Return the app of this number; raises `UnknownApp`."""
    app = await store.app(app_id)
    if app is None:
        raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
    return app


async def take_delivery(store: Store, source: Source, body: bytes, context: Context) -> tuple[Delivery, str | None]:
    """Take in one body, all of it in one transaction; return the counts and the first reason for rejecting, if any.

    A large body is read on a thread, where it does not keep other requests waiting.
    """
    if len(body) <= _SMALL_BODY:
        batch = _Batch.of(source, io.BytesIO(body), context)
    else:
        reading = asyncio.get_running_loop().run_in_executor
        batch = await reading(_reader, _Batch.of, source, io.BytesIO(body), context)
    delivery = await batch.write(store)
    return delivery, batch.rejects[0].reason if batch.rejects else None


async def import_lines(
    store: Store,
    source: Source,
    lines: Iterable[bytes],
    context: Context,
    origin: str,
    said: Callable[[Delivery], None],
    rejected: Callable[[NewReject], None] = lambda _: None,
    *,
    is_endless: bool = False,
) -> Delivery:
    """Take in a file of any length, a chunk a transaction.

    `said` hears the counts after each chunk, `rejected` each record that was not understood. Lines that may keep
    whoever reads them waiting for ever are endless: they are not read ahead, on a thread that could not be stopped.
    """
    total = Delivery()
    batches = _batches(source, lines, context, origin)
    ahead = store.works_elsewhere and not is_endless
    async with aclosing(_read_ahead(batches) if ahead else _in_turn(batches)) as reading:
        async for batch in reading:
            delivery = await batch.write(store)
            total.read += delivery.read
            total.add(delivery)
            said(total)
            for reject in batch.rejects:
                rejected(reject)
            await asyncio.sleep(_GAP_SECONDS)
    return total


class _Batch:
    """Legs and rejects on their way into one transaction."""

    def __init__(self, source: Source, context: Context, origin: str) -> None:
        self._source, self._context, self._origin = source, context, origin
        self.read = 0
        self.legs: list[CallLeg] = []
        self.rejects: list[NewReject] = []

    @classmethod
    def of(cls, source: Source, lines: Iterable[bytes], context: Context) -> "_Batch":
        batch = cls(source, context, "a delivery")
        for reading in read(source, lines, context):
            batch.add(reading.legs, reading.rejected)
        return batch

    def add(self, legs: Iterable[CallLeg], rejected: Rejected | None) -> None:
        self.read += 1
        self.legs.extend(legs)
        if rejected:
            self.rejects.append(
                NewReject(
                    source=self._source.name,
                    origin=f"{self._origin}, line {rejected.line}",
                    reason=rejected.reason,
                    raw=rejected.raw,
                    received_at=self._context.received_at,
                    timezone=self._context.timezone.key if self._context.timezone else None,
                )
            )

    async def write(self, store: Store) -> Delivery:
        intake = await store.take_in(self._context.app_id, self.legs, self.rejects)
        return Delivery(
            read=self.read,
            new=intake.new,
            merged=intake.merged,
            duplicate=intake.duplicate,
            rejected=intake.rejected,
        )


def _batches(source: Source, lines: Iterable[bytes], context: Context, origin: str) -> Iterator[_Batch]:
    batch = _Batch(source, context, origin)
    for reading in read(source, lines, context):
        batch.add(reading.legs, reading.rejected)
        if len(batch.legs) >= CHUNK_LEGS or len(batch.rejects) >= CHUNK_LEGS:
            yield batch
            batch = _Batch(source, context, origin)
    if batch.read:
        yield batch


async def _in_turn(batches: Iterator[_Batch]) -> AsyncGenerator[_Batch, None]:
    for batch in batches:
        yield batch


async def _read_ahead(batches: Iterator[_Batch]) -> AsyncGenerator[_Batch, None]:
    """Yield the batches, each next one read while the last is written.

    For a store that writes in this process it would be slower: both would wait for the interpreter at every statement.
    """
    loop = asyncio.get_running_loop()
    following = loop.run_in_executor(_reader, next, batches, None)
    try:
        while (batch := await following) is not None:
            following = loop.run_in_executor(_reader, next, batches, None)
            yield batch
    finally:
        await asyncio.wait([following])  # what it reads from is closed next


# --- rejected records ----------------------------------------------------------------------------------------------


async def retry_reject(store: Store, reject_id: int, timezone: str | None) -> tuple[Intake | None, str]:
    """Read a kept reject again; return what came of it, or None and the reason why it is still rejected.

    `timezone` stands in for the one it came with. Raises `UnknownReject`.
    """
    reject = await store.reject(reject_id)
    if reject is None:
        raise UnknownReject(f"There is no rejected record {reject_id}")
    context = context_for(await app_named(store, reject.app_id), timezone or reject.timezone)
    legs: list[CallLeg] = []
    for reading in read(source_named(reject.source), io.BytesIO(reject.raw), context):
        if reading.rejected:
            return None, reading.rejected.reason
        legs.extend(reading.legs)
    return await store.settle_reject(reject_id, legs), ""
