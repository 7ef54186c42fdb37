"""Which lists have changed: one look a moment for all who watch, whichever process or machine wrote. No HTTP here.

A look asks the store for the stamps of the lists that somebody watches, each list once however many pages show it. So a
thousand pages cost what their agents' lists cost, and a server whose pages are all closed looks at nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain, islice

import structlog

from ringback.errors import RingbackError
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId
from ringback.telephony.call import ListKey, ListKind

EVERY_AGENT = "*"  # in an extension's place: no extension is named so
LOOK_SECONDS = 0.5
WATCHED = (ListKind.OUT_MISSED, ListKind.OUT_ANSWERED, ListKind.RING_BACK)
_AGENTS_AT_ONCE = 200  # in one question: other requests get their turn between

log = structlog.get_logger()


class Watcher:
    """One page that is open: `stamp` is what its agent's lists look like, `news` is set when they look otherwise."""

    __slots__ = ("news", "stamp")

    def __init__(self, stamp: str) -> None:
        self.stamp = stamp
        self.news = asyncio.Event()


class Watching:
    """Looks after the lists of all agents whose pages are open; of all of an app's for `EVERY_AGENT`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: defaultdict[AgentId, set[Watcher]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, agent_id: AgentId) -> Iterator[Watcher]:
        """Run with a watcher of an agent's lists, whose first stamp comes as news."""
        watcher = Watcher("")
        self._watchers[agent_id].add(watcher)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_on())
        try:
            yield watcher
        finally:
            self._watchers[agent_id].discard(watcher)
            if not self._watchers[agent_id]:
                del self._watchers[agent_id]

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look_on(self) -> None:
        while self._watchers:
            try:
                await self._look()
            except RingbackError as error:  # the pages' own requests tell it, and look again
                log.debug("store", said=str(error))
            except Exception as error:
                log.exception("fault", error=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        async for agent_id, stamp in self._stamps():
            for watcher in self._watchers.get(agent_id, ()):
                if watcher.stamp != stamp:
                    watcher.stamp = stamp
                    watcher.news.set()

    async def _keys(self, agents: Sequence[AgentId]) -> list[list[ListKey]]:
        """Return which lists each of these (of one app) is about."""
        every: list[ListKey] = []
        if any(agent_id.extension == EVERY_AGENT for agent_id in agents):
            extensions = {key.extension for key in await self._store.lists(agents[0].app_id) if key.kind in WATCHED}
            every = [ListKey(one, kind) for one in sorted(extensions - {""}) for kind in WATCHED]
        return [
            every if extension == EVERY_AGENT else [ListKey(extension, kind) for kind in WATCHED]
            for extension, _ in agents
        ]

    async def _stamps(self) -> AsyncIterator[tuple[AgentId, str]]:
        of_apps: defaultdict[int, list[AgentId]] = defaultdict(list)
        for agent_id in self._watchers:
            of_apps[agent_id.app_id].append(agent_id)
        for app_id, agents in of_apps.items():
            for start in range(0, len(agents), _AGENTS_AT_ONCE):
                some = agents[start : start + _AGENTS_AT_ONCE]
                keys = await self._keys(some)
                stamps = iter(await self._store.stamps(app_id, list(chain.from_iterable(keys))))
                for agent_id, of_agent in zip(some, keys, strict=True):
                    yield agent_id, _one(islice(stamps, len(of_agent)))
                await asyncio.sleep(0)


def _one(stamps: Iterable[str]) -> str:
    """Return one short stamp for several."""
    return sha256(" ".join(stamps).encode()).hexdigest()[:16]
