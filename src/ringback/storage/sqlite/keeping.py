"""The embedded store's long work and its audit: purging, condensing, dropping, duties. Statements are beside it."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ringback.storage.auditing import AuditLine
from ringback.storage.base import SliceNote
from ringback.storage.pacing import Slice
from ringback.storage.records import EARLIEST_MS, Dropped
from ringback.storage.rows import AUDIT_COLUMNS, MOST_LINES, audit_line_of, audit_row
from ringback.storage.slicing import SlicedStore
from ringback.storage.sqlite.acting import SqliteActing
from ringback.storage.sqlite.backing_up import back_up
from ringback.storage.sqlite.condensing import UNCONDENSED, condense_calls
from ringback.storage.sqlite.connection import NOTE
from ringback.storage.sqlite.dropping import drop
from ringback.storage.sqlite.purging import OLDEST, purge_before
from ringback.storage.sqlite.scrubbing import empty_log, places_of, write_anew
from ringback.storage.sqlite.writer import LONG

# One that would last for much longer than anybody takes it for was taken by a clock that has been set back since.
_TAKE_DUTY = """
UPDATE duty SET holder = ?1, until_ms = ?3 + ?4
WHERE name = ?2 AND (holder = ?1 OR until_ms NOT BETWEEN ?3 AND ?3 + 2 * ?4)
"""


class SqliteKeeping(SlicedStore, SqliteActing):
    """What a SQLite store does beside taking calls in and showing them."""

    async def purge_slice(self, app_id: int, before_ms: int, span_ms: int, note: SliceNote) -> Slice:
        def work(db: sqlite3.Connection) -> Slice:
            oldest = db.execute(OLDEST, (app_id, EARLIEST_MS)).fetchone()[0]
            if oldest is None or oldest >= before_ms:
                return Slice(0, None)
            until_ms = min(before_ms, oldest + span_ms)
            return Slice(purge_before(db, app_id, until_ms), until_ms if until_ms < before_ms else None)

        return await self._act(work, lambda done: note(done.calls, done.next_ms is None), weight=LONG)

    async def condense_slice(self, app_id: int, after_ms: int, before_ms: int, span_ms: int, note: SliceNote) -> Slice:
        oldest = self._rows(OLDEST, (app_id, after_ms))[0][0]
        until_ms = before_ms if oldest is None else min(before_ms, oldest + span_ms)
        next_ms = until_ms if until_ms < before_ms else None
        refs: list[bytes] = []
        if oldest is not None and oldest < before_ms:
            statement, prefix = UNCONDENSED
            refs = [row[0] for row in self._rows(statement, (app_id, oldest, until_ms - 1, *prefix))]
        if not refs and note(0, next_ms is None) is None:
            return Slice(0, next_ms)  # nothing to write: the disk is not waited for
        return await self._act(
            lambda db: Slice(condense_calls(db, app_id, refs), next_ms),
            lambda done: note(done.calls, done.next_ms is None),
            weight=LONG,
        )

    async def drop(
        self,
        app_id: int,
        call_refs: Sequence[bytes],
        reject_ids: Sequence[int],
        note: Callable[[Dropped], AuditLine | None],
        numbers: Sequence[str] = (),
    ) -> Dropped:
        return await self._act(lambda db: drop(db, app_id, call_refs, reject_ids, numbers), note, weight=LONG)

    async def remnants(self, patterns: Sequence[bytes]) -> int | None:
        empty_log(self.path)
        return await asyncio.to_thread(places_of, self.path, patterns)

    async def write_anew(self) -> None:
        await asyncio.to_thread(write_anew, self.path)

    def owns(self, file: Path) -> bool:
        real = self.path.resolve()
        return any(_is_same(file, real.with_name(real.name + ending)) for ending in ("", "-wal", "-shm"))

    async def copy_file(self, part: Path, told: Callable[[int, int], None]) -> bool:
        await asyncio.to_thread(back_up, self.path, part, told)
        return True

    async def take_duty(self, name: str, holder: str, seconds: float) -> bool:
        parameters = (holder, name, time.time_ns() // 1_000_000, int(seconds * 1000))
        return await self._write(lambda db: db.execute(_TAKE_DUTY, parameters).rowcount == 1)

    async def leave_duty(self, name: str, holder: str) -> None:
        leaving = "UPDATE duty SET until_ms = 0 WHERE name = ? AND holder = ?"
        await self._write(lambda db: db.execute(leaving, (name, holder)))

    async def audit(self, app_id: int, after: tuple[int, bytes] = (EARLIEST_MS, b"")) -> list[AuditLine]:
        rows = self._rows(
            f"SELECT {AUDIT_COLUMNS} FROM audit WHERE app_id = ? AND (done_ms, line_key) > (?, ?) "
            f"ORDER BY done_ms, line_key LIMIT {MOST_LINES}",
            (app_id, *after),
        )
        return [audit_line_of(row) for row in rows]

    async def note(self, lines: Sequence[AuditLine]) -> None:
        await self._write(lambda db: db.executemany(NOTE, [audit_row(line) for line in lines]))


def _is_same(file: Path, own: Path) -> bool:
    try:
        return file.samefile(own)
    except OSError:  # one of them is not there
        return False
