"""The one writer of a process: takes what is waiting, commits it as a group, then answers. Knows nothing of calls.

Short work runs inline, where it takes microseconds; on a thread of its own each of its statements would wait for the
busy loop to let go of the interpreter. Only what waits for the disk, and work that is long, is handed to the thread.
"""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ringback.errors import StoreUnavailable
from ringback.storage.sqlite import connection
from ringback.storage.sqlite.connection import connect, our_error
from ringback.storage.sqlite.place import Place

T = TypeVar("T")
Item = TypeVar("Item")

LONG = 1_000_000  # the weight of a job that is long whatever it finds
_GROUP = 256  # at most so many jobs share one fsync: bounds what one failed commit takes back
_INLINE_WEIGHT = 200  # of a group, in records: more would keep requests waiting for too long


class _Job(NamedTuple):
    """Work on a list of items that gives a value for each; jobs of one `kind` may be done as one.

    `weight` is about how many records it writes.
    """

    kind: Hashable
    work: Callable[[sqlite3.Connection, list[Any]], list[Any]]
    item: Any
    weight: int
    outcome: asyncio.Future[Any]


class _Done(NamedTuple):
    outcome: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None

    def tell(self) -> None:
        if self.outcome.done():  # whoever asked has gone away, or its loop has ended
            return
        if self.error is None:
            self.outcome.set_result(self.value)
        else:
            self.outcome.set_exception(self.error)


class Writer:
    """Runs jobs on its own connection, many to a transaction.

    A job that raises undoes only itself. When the commit fails, every job of the group fails and nothing was changed.
    A job may be done twice, the first time for nothing: it changes nothing but the store.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path, waits=False)
        try:
            connection.in_turn(lambda: self._connection.execute("SELECT 1 FROM sqlite_schema").fetchall())
        except sqlite3.Error:
            self._connection.close()
            raise
        self.place = Place(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ringback-writer")
        self._waiting: deque[_Job] = deque()
        self._working: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_lost = False  # the connection: it could not take back what had failed

    async def run(self, work: Callable[[sqlite3.Connection], T], *, weight: int = 1) -> T:
        """Run the job and return what it returned, once it is on disk."""
        value: T = await self._run(object(), lambda db, _: [work(db)], None, weight)
        return value

    async def run_together(
        self,
        kind: Hashable,
        work: Callable[[sqlite3.Connection, list[Item]], list[T]],
        item: Item,
        weight: int,
    ) -> T:
        """Run `work` on this item and all others of the kind that are waiting, as one; return this item's value."""
        value: T = await self._run(kind, work, item, weight)
        return value

    async def close(self) -> None:
        """Finish what is waiting, then stop."""
        if not self._is_closed:
            self._is_closed = True
            if self._working is not None and not self._working.done():
                await self._working
            self._thread.shutdown()
            self._connection.close()

    async def _run(self, kind: Hashable, work: Any, item: Any, weight: int) -> Any:
        if self._is_closed:
            raise StoreUnavailable("The store is closed")
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(kind, work, item, weight, outcome))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await outcome  # a client that goes away gives up only this; the write goes on

    async def _work(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP))]
            try:
                outcomes = await self._commit(group)
            except Exception as error:  # noqa: BLE001  (whatever it is, the callers get it, and the writer goes on)
                outcomes = [_Done(job.outcome, error=self._told(error)) for job in group]
            for done in outcomes:
                done.tell()

    def _told(self, error: Exception) -> Exception:
        return our_error(error, self._path) if isinstance(error, sqlite3.DatabaseError) else error

    async def _commit(self, group: list[_Job]) -> list[_Done]:
        """Do the group's jobs for good; where that fails, or the loop ends, none of them was done."""
        try:
            self.place.look_now_and_then()  # before: nothing more goes into a file that nobody finds
            done = await self._do(group)
            await self._on_thread(self._connection.execute, "COMMIT")
            self.place.look()  # and after: acknowledged means found where the store is named
        except BaseException:
            self._roll_back()
            raise
        return done

    async def _do(self, group: list[_Job]) -> list[_Done]:
        """Do the group's jobs in one transaction; where one raises, all of them anew with savepoints between them.

        Savepoints would double what writing costs, for each page changed after one is copied; jobs hardly ever raise.
        """
        await self._begin()
        try:
            return await self._placed(self._do_at_once, group)
        except Exception as error:
            if _is_of_the_store(error):
                raise
        self._connection.execute("ROLLBACK")
        await self._begin()
        return await self._placed(self._do_apart, group)

    async def _placed(self, do: Callable[[list[_Job]], list[_Done]], group: list[_Job]) -> list[_Done]:
        """Do short work here and long work on the thread."""
        if sum(job.weight for job in group) > _INLINE_WEIGHT:
            return await self._on_thread(do, group)
        return do(group)

    async def _on_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _begin(self) -> None:
        """Start a transaction when no other process has one; after `BUSY_SECONDS` SQLite's error stands."""
        if self._is_lost:
            self._open_anew()
        deadline = time.monotonic() + connection.BUSY_SECONDS
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not connection.is_busy(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(connection.RETRY_SECONDS)
            else:
                return

    def _open_anew(self) -> None:
        self._connection.close()
        self._connection = connect(self._path, waits=False)
        self.place.look()  # else it is not the store that was opened now, and the next group tries once more
        self._is_lost = False

    def _do_at_once(self, group: list[_Job]) -> list[_Done]:
        return [
            _Done(job.outcome, value)
            for jobs in _by_kind(group)
            for job, value in zip(jobs, jobs[0].work(self._connection, [job.item for job in jobs]), strict=True)
        ]

    def _do_apart(self, group: list[_Job]) -> list[_Done]:
        return [done for jobs in _by_kind(group) for done in self._do_together(jobs)]

    def _do_together(self, jobs: list[_Job]) -> list[_Done]:
        """Do the jobs as one; when that fails, each by itself, so that only the one at fault fails."""
        try:
            values = self._in_savepoint(jobs[0].work, [job.item for job in jobs])
        except Exception as error:
            if _is_of_the_store(error):
                raise
            if len(jobs) == 1:
                return [_Done(jobs[0].outcome, error=error)]
            return [done for job in jobs for done in self._do_together([job])]
        return [_Done(job.outcome, value) for job, value in zip(jobs, values, strict=True)]

    def _in_savepoint(self, work: Callable[[sqlite3.Connection, list[Any]], list[Any]], items: list[Any]) -> list[Any]:
        self._connection.execute("SAVEPOINT job")
        try:
            return work(self._connection, items)
        except Exception:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO job")
            raise
        finally:
            if self._connection.in_transaction:  # a full disk rolls the whole transaction back by itself
                self._connection.execute("RELEASE job")

    def _roll_back(self) -> None:
        """Take back what was not committed, after whatever the thread may still be doing."""
        self._thread.submit(self._take_back).result()

    def _take_back(self) -> None:
        """Roll back; where not even that can be done leave the connection: the next group begins with a new one."""
        try:
            if not self._is_lost and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._is_lost = True
            self._connection.close()


def _by_kind(group: Iterable[_Job]) -> Iterable[list[_Job]]:
    kinds: dict[Hashable, list[_Job]] = {}
    for job in group:
        kinds.setdefault(job.kind, []).append(job)
    return kinds.values()


def _is_of_the_store(error: Exception) -> bool:
    """Tell a full disk or a damaged file, which strike the whole group, from what is wrong with one job."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError)
