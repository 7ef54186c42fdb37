"""The PostgreSQL store's long work and its audit: purging, condensing, dropping, duties."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from ringback.errors import StoreUnavailable
from ringback.storage.auditing import AuditLine
from ringback.storage.base import SliceNote
from ringback.storage.pacing import Slice
from ringback.storage.postgresql.acting import PostgresqlActing
from ringback.storage.postgresql.condensing import UNCONDENSED, condense_calls
from ringback.storage.postgresql.connections import LONG_SECONDS, Connection
from ringback.storage.postgresql.dropping import drop
from ringback.storage.postgresql.purging import OLDEST, purge_before
from ringback.storage.postgresql.schema import NOTE
from ringback.storage.records import EARLIEST_MS, Dropped
from ringback.storage.rows import AUDIT_COLUMNS, MOST_LINES, audit_line_of, audit_row
from ringback.storage.slicing import SlicedStore
from ringback.telephony.condensing import FACTS_BEGIN

AUDIT = f"""
SELECT {AUDIT_COLUMNS} FROM audit WHERE app_id = $1 AND (done_ms, line_key) > ($2, $3)
ORDER BY done_ms, line_key LIMIT {MOST_LINES}
"""

# Of all apps. Those of the tables that grow with calls.
ANALYZE = "ANALYZE leg, listed_call, reject, contact, call_by_number, called_number, ring_back, ring_back_mark"

# Of no app, by the database's own clock: all machines agree on it. A duty that would last for much longer than anybody
# takes it for was taken before that clock was set back.
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
TAKE_DUTY = f"""
UPDATE duty SET holder = $2, until_ms = {_NOW} + $3::bigint
WHERE name = $1 AND (holder = $2 OR until_ms NOT BETWEEN {_NOW} AND {_NOW} + 2 * $3::bigint)
"""
LEAVE_DUTY = "UPDATE duty SET until_ms = 0 WHERE name = $1 AND holder = $2"


class PostgresqlKeeping(SlicedStore, PostgresqlActing):
    """What a PostgreSQL store does beside taking calls in and showing them."""

    async def purge_slice(self, app_id: int, before_ms: int, span_ms: int, note: SliceNote) -> Slice:
        async def work(connection: Connection) -> Slice:
            oldest = await connection.fetchval(OLDEST, app_id, EARLIEST_MS)
            if oldest is None or oldest >= before_ms:
                return Slice(0, None)
            until_ms = min(before_ms, oldest + span_ms)
            purged = await purge_before(connection, app_id, until_ms)
            return Slice(purged, until_ms if until_ms < before_ms else None)

        return await self._act(work, lambda done: note(done.calls, done.next_ms is None), seconds=LONG_SECONDS)

    async def condense_slice(self, app_id: int, after_ms: int, before_ms: int, span_ms: int, note: SliceNote) -> Slice:
        oldest = (await self._fetch(OLDEST, app_id, after_ms))[0][0]
        until_ms = before_ms if oldest is None else min(before_ms, oldest + span_ms)
        next_ms = until_ms if until_ms < before_ms else None
        refs: list[bytes] = []
        if oldest is not None and oldest < before_ms:
            prefix = (len(FACTS_BEGIN), FACTS_BEGIN)
            refs = [row[0] for row in await self._fetch(UNCONDENSED, app_id, oldest, until_ms - 1, *prefix)]
        if not refs and note(0, next_ms is None) is None:
            return Slice(0, next_ms)

        async def work(connection: Connection) -> Slice:
            return Slice(await condense_calls(connection, app_id, refs), next_ms)

        return await self._act(work, lambda done: note(done.calls, done.next_ms is None), seconds=LONG_SECONDS)

    async def drop(
        self,
        app_id: int,
        call_refs: Sequence[bytes],
        reject_ids: Sequence[int],
        note: Callable[[Dropped], AuditLine | None],
        numbers: Sequence[str] = (),
    ) -> Dropped:
        return await self._act(
            lambda connection: drop(connection, app_id, call_refs, reject_ids, numbers), note, seconds=LONG_SECONDS
        )

    async def write_anew(self) -> None:
        """Do nothing: the tables' files are the database's; docs/operate.md says what its owner may do."""

    async def refresh_statistics(self) -> None:
        """Analyze the tables: until autovacuum does, some minutes later, pages may be read by plans for empty ones."""
        with suppress(StoreUnavailable):
            await self._connections.write(lambda connection: connection.execute(ANALYZE), seconds=LONG_SECONDS)

    async def take_duty(self, name: str, holder: str, seconds: float) -> bool:
        status = await self._connections.write(
            lambda connection: connection.execute(TAKE_DUTY, name, holder, int(seconds * 1000))
        )
        return status == "UPDATE 1"

    async def leave_duty(self, name: str, holder: str) -> None:
        await self._connections.write(lambda connection: connection.execute(LEAVE_DUTY, name, holder))

    async def audit(self, app_id: int, after: tuple[int, bytes] = (EARLIEST_MS, b"")) -> list[AuditLine]:
        return [audit_line_of(row) for row in await self._fetch(AUDIT, app_id, *after)]

    async def note(self, lines: Sequence[AuditLine]) -> None:
        rows = [audit_row(line) for line in lines]
        await self._connections.write(lambda connection: connection.executemany(NOTE, rows))
