"""Requests that wait together are asked together: under load one statement finds the pages of many tokens of an app.

A statement costs the database and this process more than the page that it finds: it is sent and answered, processes
are woken, a snapshot is taken, a plan begun and ended. A request that comes while few of its app are on their way goes
at once and by itself; the others go as one when the next of those returns. Apps do not wait for each other: in a
cluster each has a machine of its own.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from ringback.errors import RingbackError
from ringback.storage.naming import NamedApps
from ringback.storage.postgresql.connections import READ_SECONDS, Connections
from ringback.storage.postgresql.errors import our_errors
from ringback.storage.postgresql.pages import (
    NAMED_PAGE_OF_TOKEN,
    NAMED_PAGES_OF_TOKENS,
    PAGE_OF_TOKEN,
    PAGES_OF_TOKENS,
    page_parameters,
)
from ringback.storage.records import Range, ShownPage
from ringback.storage.rows import count_of
from ringback.telephony.call import ListKind

AT_ONCE = 3  # statements of an app on their way: of more, fewer wait; with less, a slow disk is asked one by one
_GROUP = 32  # pages in one statement at most: each waits for all
_GROUP_ROWS = 1_000  # rows in one, unless a single page has more

HAS_CONTACTS = "SELECT k.number FROM contact k WHERE k.app_id = $1 LIMIT 1"

_Question: TypeAlias = tuple[int, int, int, int, int, bytes, int]  # the parameters of `PAGE_OF_TOKEN` behind the app
_MOST: Final = 4  # where a question says how many rows it may have


class _Waiting(NamedTuple):
    question: _Question
    found: "asyncio.Future[ShownPage | None]"
    until: float  # when whoever asks is told that it took too long


class _App:
    """What is asked of one app right now."""

    def __init__(self) -> None:
        self.on_their_way = 0
        self.waiting: deque[_Waiting] = deque()


class Asking:
    """Reads the pages of the agents that tokens stand for."""

    def __init__(self, connections: Connections, named: NamedApps) -> None:
        self._connections, self._named = connections, named
        self._now = asyncio.get_running_loop().time
        self._apps: dict[int, _App] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what nobody waits for: a connection in the making would outlive the store."""
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

    async def page(self, app_id: int, digest: bytes, now_ms: int, kind: ListKind, wanted: Range) -> ShownPage | None:
        """Return a page of the list of the agent whose live token this is, or None for no such token."""
        question = (kind.value, *page_parameters(wanted), digest, now_ms)
        app = self._apps.get(app_id)
        if app is None:
            app = self._apps[app_id] = _App()
        if app.on_their_way < AT_ONCE:
            return await self._ask_one(app_id, app, question)
        waiting = _Waiting(question, asyncio.get_running_loop().create_future(), self._now() + READ_SECONDS)
        app.waiting.append(waiting)
        return await waiting.found

    def _has_contacts(self, app_id: int) -> bool:
        """Tell whether the app may have contacts. Where that is not known, nobody waits for it: it may."""
        has = self._named.has(app_id)
        if has is not None:
            return has
        look = asyncio.create_task(self._look_for_contacts(app_id, self._named.changes))
        _keep(self._looks, look)
        return self._named.learn(app_id, has=True)

    async def _look_for_contacts(self, app_id: int, changes: int) -> None:
        try:
            rows = await self._connections.fetch(HAS_CONTACTS, app_id)
        except RingbackError:  # the pages themselves tell it
            return
        if self._named.changes == changes:
            self._named.learn(app_id, has=bool(rows))

    async def _ask_one(self, app_id: int, app: _App, question: _Question) -> ShownPage | None:
        app.on_their_way += 1
        try:
            statement = NAMED_PAGE_OF_TOKEN if self._has_contacts(app_id) else PAGE_OF_TOKEN
            rows = await self._connections.fetch(statement, app_id, *question)
        finally:
            self._returned(app_id, app)
        return _page(*rows[0]) if rows else None

    async def _ask_many(self, app_id: int, app: _App, group: Sequence[_Waiting]) -> None:
        try:
            with our_errors(self._connections.name):
                async with asyncio.timeout_at(group[0].until):
                    questions = zip(*(waiting.question for waiting in group), strict=True)
                    statement = NAMED_PAGES_OF_TOKENS if self._has_contacts(app_id) else PAGES_OF_TOKENS
                    rows = await self._connections.fetch(statement, app_id, *questions)
            for number, *found in rows:
                _give(group[number - 1], _page(*found))
            for waiting in group:  # whose token is not there
                _give(waiting, None)
        except Exception as error:  # noqa: BLE001  (whoever asked gets it)
            for waiting in group:
                _fail(waiting, error)
        finally:
            self._returned(app_id, app)

    def _returned(self, app_id: int, app: _App) -> None:
        """Let those go that wait, now that one on its way has returned."""
        app.on_their_way -= 1
        if group := _next_group(app.waiting):
            app.on_their_way += 1
            _keep(self._tasks, asyncio.create_task(self._ask_many(app_id, app, group)))
        elif not app.on_their_way:
            del self._apps[app_id]


def _keep(tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
    """Keep a task until it has ended, which the loop itself does not."""
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _next_group(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Return what is asked next as one; nothing when nothing waits, or nobody for it."""
    group: list[_Waiting] = []
    rows = 0
    while waiting and len(group) < _GROUP:
        rows += waiting[0].question[_MOST]
        if group and rows > _GROUP_ROWS:
            break
        first = waiting.popleft()
        if not first.found.done():  # its client may have gone away
            group.append(first)
    return group


def _page(extension: str, first: int | None, last: int | None, shown: bytes | None) -> ShownPage:
    return ShownPage(extension, count_of(first, last), shown or b"")


def _give(waiting: _Waiting, page: ShownPage | None) -> None:
    if not waiting.found.done():
        waiting.found.set_result(page)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.found.done():
        waiting.found.set_exception(error)
