"""Numbers that agents take off their lists by hand, in a SQLite store. Statements are in ring_back.py."""

from collections.abc import Sequence

from ringback.storage.naming import MOST_MARKS
from ringback.storage.records import EARLIEST_MS, Mark
from ringback.storage.sqlite import ring_back
from ringback.storage.sqlite.acting import SqliteActing


class SqliteMarking(SqliteActing):
    """What a SQLite store keeps of numbers that are done."""

    async def mark_done(self, app_id: int, mark: Mark, *, of: str | None) -> bool:
        return await self._write(lambda db: ring_back.mark_done(db, app_id, mark, of))

    async def undo_done(self, app_id: int, mark: Mark) -> bool:
        return await self._write(lambda db: ring_back.undo_done(db, app_id, mark))

    async def put_marks(self, app_id: int, marks: Sequence[Mark]) -> None:
        await self._write(lambda db: ring_back.put_marks(db, app_id, marks), weight=len(marks))

    async def marks(self, app_id: int, after: Mark | None = None) -> list[Mark]:
        behind = (after.number, after.done_ms, after.extension) if after else ("", EARLIEST_MS, "")
        rows = self._rows(ring_back.MARKS, (app_id, *behind, MOST_MARKS))
        return [Mark(number=number, done_ms=done_ms, extension=extension) for number, done_ms, extension in rows]
