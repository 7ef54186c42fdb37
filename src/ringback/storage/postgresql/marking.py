"""Numbers that agents take off their lists by hand, in a PostgreSQL store. Statements are in ring_back.py."""

from collections.abc import Sequence
from functools import partial

from ringback.storage.naming import MOST_MARKS
from ringback.storage.postgresql import ring_back
from ringback.storage.postgresql.acting import PostgresqlActing
from ringback.storage.postgresql.connections import write_seconds
from ringback.storage.records import EARLIEST_MS, Mark


class PostgresqlMarking(PostgresqlActing):
    """What a PostgreSQL store keeps of numbers that are done."""

    async def mark_done(self, app_id: int, mark: Mark, *, of: str | None) -> bool:
        return await self._connections.write(partial(ring_back.mark_done, app_id=app_id, mark=mark, of=of))

    async def undo_done(self, app_id: int, mark: Mark) -> bool:
        return await self._connections.write(partial(ring_back.undo_done, app_id=app_id, mark=mark))

    async def put_marks(self, app_id: int, marks: Sequence[Mark]) -> None:
        work = partial(ring_back.put_marks, app_id=app_id, marks=marks)
        await self._connections.write(work, seconds=write_seconds(len(marks)))

    async def marks(self, app_id: int, after: Mark | None = None) -> list[Mark]:
        behind = (after.number, after.done_ms, after.extension) if after else ("", EARLIEST_MS, "")
        rows = await self._fetch(ring_back.MARKS, app_id, *behind, MOST_MARKS)
        return [Mark(number=number, done_ms=done_ms, extension=extension) for number, done_ms, extension in rows]
