"""How everything that the embedded store does reaches its file: reading, writing, and noting what was done."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ringback.storage.auditing import AuditLine
from ringback.storage.base import Store
from ringback.storage.naming import NamedApps
from ringback.storage.rows import audit_row
from ringback.storage.sqlite.connection import NOTE
from ringback.storage.sqlite.lists import Row
from ringback.storage.sqlite.reader import Reader
from ringback.storage.sqlite.writer import Writer

T = TypeVar("T")


class SqliteActing(Store):
    """A store over one file. Reads run inline, they take microseconds; writes go through the one writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer(path)
        self._place = self._writer.place
        self._reader = Reader(path, self._place)
        self._named = NamedApps()

    def _rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        return self._reader.rows(statement, parameters)

    async def _write(self, work: Callable[[sqlite3.Connection], T], *, weight: int = 1) -> T:
        return await self._writer.run(work, weight=weight)

    async def _act(
        self, work: Callable[[sqlite3.Connection], T], line: Callable[[T], AuditLine | None], *, weight: int = 1
    ) -> T:
        """Do the work and note it in the same transaction."""

        def noted(db: sqlite3.Connection) -> tuple[T, AuditLine | None]:
            done = work(db)
            written = line(done)
            if written is not None:
                db.execute(NOTE, audit_row(written))
            return done, written

        done, written = await self._write(noted, weight=weight)
        if written is not None:
            self.heard(written)
        return done
