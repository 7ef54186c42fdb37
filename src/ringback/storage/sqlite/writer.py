"""The one thread that writes: takes what is waiting, commits it as a group, then answers. Knows nothing of calls."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from ringback.errors import StoreUnavailable, StoreUnusable
from ringback.storage.sqlite.connection import connect, in_turn, our_errors

T = TypeVar("T")

_GROUP = 256  # at most so many jobs share one fsync: bounds what one failed commit takes back


class _Job(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    outcome: Future[Any]


class Writer:
    """Runs jobs in order on its own connection and thread, many to a transaction, each in a savepoint of its own.

    A job that raises undoes only itself. When the commit fails, every job of the group fails and nothing was changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._connection = connect(path, waits=False)
        self._is_closed = False
        self._thread = Thread(target=self._run, name="ringback-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run the job and return what it returned, once it is on disk."""
        if self._is_closed:
            raise StoreUnavailable("The store is closed")
        outcome: Future[T] = Future()
        self._jobs.put(_Job(work, outcome))
        return await asyncio.shield(asyncio.wrap_future(outcome))  # a client that goes away takes back no write

    def close(self) -> None:
        """Finish what is waiting, then stop."""
        if not self._is_closed:
            self._is_closed = True
            self._jobs.put(None)
            self._thread.join()
            self._connection.close()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            while len(group) < _GROUP and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    self._commit(group)
                    return
                group.append(following)
            self._commit(group)

    def _commit(self, group: list[_Job]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            with our_errors(self._path):
                in_turn(lambda: self._connection.execute("BEGIN IMMEDIATE"))
                for job in group:
                    try:
                        done.append((job.outcome, self._in_savepoint(job)))
                    except Exception as error:
                        if _is_of_the_store(error):
                            raise
                        failed.append((job.outcome, error))
                self._connection.execute("COMMIT")
        except (StoreUnavailable, StoreUnusable) as error:
            self._roll_back()
            done, failed = [], [(job.outcome, error) for job in group]
        except Exception as error:  # noqa: BLE001  (a bug: the callers get it, and the thread goes on)
            self._roll_back()
            done, failed = [], [(job.outcome, error) for job in group]
        for outcome, value in done:
            outcome.set_result(value)
        for outcome, reason in failed:
            outcome.set_exception(reason)

    def _in_savepoint(self, job: _Job) -> Any:
        self._connection.execute("SAVEPOINT job")
        try:
            value = job.work(self._connection)
        except Exception:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK TO job")
            raise
        finally:
            if self._connection.in_transaction:  # a full disk rolls the whole transaction back by itself
                self._connection.execute("RELEASE job")
        return value

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.OperationalError:
                self._connection.close()
                self._connection = connect(self._path, waits=False)


def _is_of_the_store(error: Exception) -> bool:
    """Tell a full disk or a damaged file, which strike the whole group, from what is wrong with one job."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError)
