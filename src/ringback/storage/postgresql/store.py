"""The PostgreSQL store: its calls, lists and rejected records, each method a statement or a transaction.

Apps, agents and tokens are in `owning.py`, long work in `keeping.py`. What is touched of lists and calls is beside it.

The app is the first parameter of every statement. What is asked of all apps is asked of one after the other: in a
cluster each has a machine of its own.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import ModuleType
from typing import Any, Self

from ringback.errors import UnknownReject
from ringback.storage.base import Store
from ringback.storage.delivering import delivered
from ringback.storage.postgresql import pages, ring_back_pages
from ringback.storage.postgresql.app_lists import SPANS, app_page
from ringback.storage.postgresql.asking import Asking
from ringback.storage.postgresql.checking import check_store
from ringback.storage.postgresql.connections import (
    FROZEN_SECONDS,
    LONG_SECONDS,
    READ_SECONDS,
    Connection,
    Connections,
    Frozen,
    Place,
)
from ringback.storage.postgresql.gathering import Gathering
from ringback.storage.postgresql.keeping import PostgresqlKeeping
from ringback.storage.postgresql.marking import PostgresqlMarking
from ringback.storage.postgresql.naming import PostgresqlNaming
from ringback.storage.postgresql.owning import PostgresqlOwning
from ringback.storage.postgresql.schema import bring_up
from ringback.storage.postgresql.taking_in import take_in
from ringback.storage.records import (
    MOST_COUNTED,
    AgentTally,
    AppPage,
    CheckReport,
    Intake,
    ListedCall,
    Measures,
    NewReject,
    Page,
    Range,
    Reject,
    ShownPage,
)
from ringback.storage.rows import (
    MOST_REJECTS,
    NEVER_WRITTEN,
    REJECT_COLUMNS,
    count_of,
    counts_of,
    listed_call,
    reject_of,
    stamp_of,
    tallies_of,
)
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.leg import CallLeg, decode_leg

# Of no app: with one worker of a cluster away, the apps of all others are served.
READY = "UPDATE ringback_schema SET version = version WHERE version < 0"

# Of all apps at once, in a cluster of all its machines: nothing but /metrics asks it.
MEASURES = f"""
SELECT pg_database_size(current_database()) AS bytes,
    (SELECT count(*) FROM (SELECT 1 FROM call_list LIMIT {MOST_COUNTED}) l) AS lists,
    (SELECT count(*) FROM (SELECT 1 FROM reject LIMIT {MOST_COUNTED}) r) AS rejects
"""

LISTS = "SELECT extension, kind FROM call_list WHERE app_id = $1 ORDER BY extension, kind"
LEGS = """
SELECT l.facts FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY (
    ARRAY(SELECT $2::bytea UNION SELECT g.call_ref FROM leg g WHERE g.app_id = $1 AND g.given_id = $2)
)
"""

REJECTS = f"""
SELECT {REJECT_COLUMNS} FROM reject WHERE app_id = $1 AND reject_id > $2 ORDER BY reject_id LIMIT {MOST_REJECTS}
"""
REJECT = f"SELECT {REJECT_COLUMNS} FROM reject WHERE app_id = $1 AND reject_id = $2"
DROP_REJECT = "DELETE FROM reject WHERE app_id = $1 AND reject_id = $2"


TALLIES = f"{SPANS} UNION ALL {ring_back_pages.SPANS}"


def _reading(kind: ListKind) -> ModuleType:
    """Return the statements that read lists of a kind."""
    return ring_back_pages if kind is ListKind.RING_BACK else pages


class PostgresqlStore(PostgresqlOwning, PostgresqlKeeping, PostgresqlNaming, PostgresqlMarking):
    """A store in a PostgreSQL database."""

    works_elsewhere = True

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._gathering = Gathering(partial(take_in, connections))
        self._asking = Asking(connections, self._named)

    @classmethod
    async def open(cls, url: str, *, make: bool = True, migrate: bool = False, distribute: bool = False) -> Self:
        """Open the database, making the tables in an empty one; see `storage.open_store`."""
        place = Place.of(url)
        await bring_up(place, make=make, migrate=migrate, distribute=distribute)
        return cls(await Connections.open(place))

    async def close(self) -> None:
        await self._gathering.close()
        await self._asking.close()
        await self._connections.close()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[Store]:
        async with self._connections.transaction(FROZEN_SECONDS, read_only=True, snapshot=True) as connection:
            await connection.execute(
                "SET LOCAL idle_in_transaction_session_timeout = 0"
            )  # what is read is written between
            yield PostgresqlStore(Frozen(self._connections, connection))

    async def ready(self) -> None:
        await self._execute(READY, seconds=READ_SECONDS)

    async def measures(self) -> Measures:
        row = (await self._fetch(MEASURES))[0]
        return Measures(bytes=row["bytes"], lists=row["lists"], rejects=row["rejects"])

    async def check(self) -> CheckReport:
        return await check_store(self._connections, await self._app_ids())

    # --- calls ---

    async def take_in(self, app_id: int, legs: Sequence[CallLeg], rejects: Sequence[NewReject] = ()) -> Intake:
        return await self._gathering.take(app_id, await delivered(app_id, legs, rejects))

    async def page_of_token(
        self, app_id: int, digest: bytes, now_ms: int, kind: ListKind, wanted: Range
    ) -> ShownPage | None:
        if kind is ListKind.RING_BACK:
            asked = (app_id, kind.value, *pages.page_parameters(wanted), digest, now_ms)
            for extension, first, last, shown in await self._fetch(ring_back_pages.PAGE_OF_TOKEN, *asked):
                return ShownPage(extension, count_of(first, last), shown)
            return None
        return await self._asking.page(app_id, digest, now_ms, kind, wanted)

    async def page(self, app_id: int, key: ListKey, wanted: Range) -> Page:
        parameters = (app_id, key.kind.value, *pages.page_parameters(wanted), key.extension)
        of = _reading(key.kind)
        rows = await self._fetch(of.PAGE, *parameters)
        if not rows:
            return Page(extension=key.extension, count=0, calls=[])
        extension, count, calls = of.page_rows(rows, wanted)
        return Page(extension=extension, count=count, calls=calls)

    async def app_page(self, app_id: int, kind: ListKind, wanted: Range) -> AppPage:
        async def work(connection: Connection) -> AppPage:
            if kind is ListKind.RING_BACK:
                return await ring_back_pages.app_page(connection, app_id, wanted)
            return await app_page(connection, app_id, kind, wanted)

        return await self._connections.read(work, snapshot=True)

    async def tallies(self, app_id: int, from_ms: int, to_ms: int) -> list[AgentTally]:
        rows = await self._fetch(TALLIES, app_id, from_ms, to_ms)
        return tallies_of((extension, kind, first, last) for extension, kind, first, last in rows)

    async def counts(self, app_id: int, key: ListKey, bounds: Sequence[int]) -> list[int]:
        rows = await self._fetch(_reading(key.kind).BEHIND, app_id, key.extension, key.kind.value, bounds)
        return counts_of([row[0] for row in rows], bounds)

    async def stamps(self, app_id: int, keys: Sequence[ListKey]) -> list[str]:
        of_calls = [key for key in keys if key.kind is not ListKind.RING_BACK]
        others = [key for key in keys if key.kind is ListKind.RING_BACK]
        named = [key.extension for key in of_calls], [key.kind.value for key in of_calls]

        async def read(connection: Connection) -> list[Any]:
            rows = list(await connection.fetch(pages.STAMPS, app_id, *named))
            return rows + await connection.fetch(ring_back_pages.STAMPS, app_id, [key.extension for key in others])

        # Of one moment: a delivery that changes lists of both kinds is one change to whoever watches them.
        rows = await self._connections.read(read, snapshot=True)
        told = zip(of_calls + others, rows, strict=False)  # nothing for no such app
        found = {key: stamp_of(*row) for key, row in told}
        return [found.get(key, stamp_of(*NEVER_WRITTEN)) for key in keys]

    async def lists(self, app_id: int) -> list[ListKey]:
        return [ListKey(row[0], ListKind(row[1])) for row in await self._fetch(LISTS, app_id)]

    async def walk(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[ListedCall]:
        named = (app_id, key.extension, key.kind.value)
        async with self._connections.transaction(LONG_SECONDS, read_only=True, snapshot=True) as connection:
            if key.kind is ListKind.RING_BACK:
                async for call in ring_back_pages.walk_rows(connection, app_id, key, wanted):
                    yield call
                return
            for first, last in await connection.fetch(pages.SPAN, *named, wanted.from_ms, wanted.to_ms):
                async for row in connection.cursor(pages.WALK, *named, first, last, prefetch=1000):
                    yield listed_call(*row)

    async def walk_legs(self, app_id: int, key: ListKey, wanted: Range) -> AsyncGenerator[list[CallLeg], None]:
        named = (app_id, key.extension, key.kind.value)
        async with self._connections.transaction(LONG_SECONDS, read_only=True, snapshot=True) as connection:
            for first, last in await connection.fetch(pages.SPAN, *named, wanted.from_ms, wanted.to_ms):
                async for row in connection.cursor(pages.WALK_LEGS, *named, first, last, prefetch=1000):
                    yield [decode_leg(facts) for facts in row[0]]

    async def legs(self, app_id: int, call_id: bytes) -> list[CallLeg]:
        rows = await self._fetch(LEGS, app_id, call_id)
        return sorted((decode_leg(row[0]) for row in rows), key=lambda leg: (leg.started_at, leg.source_record_id))

    # --- rejected records ---

    async def rejects(self, app_id: int | None, after: int = 0) -> list[Reject]:
        app_ids = await self._app_ids() if app_id is None else [app_id]
        found = [reject_of(row) for one in app_ids for row in await self._fetch(REJECTS, one, after)]
        return sorted(found, key=lambda reject: reject.reject_id)[:MOST_REJECTS]

    async def reject(self, reject_id: int) -> Reject | None:
        for app_id in await self._app_ids():
            rows = await self._fetch(REJECT, app_id, reject_id)
            if rows:
                return reject_of(rows[0])
        return None

    async def settle_reject(self, reject_id: int, legs: Sequence[CallLeg]) -> Intake:
        reject = await self.reject(reject_id)
        if reject is None:
            raise UnknownReject(f"There is no rejected record {reject_id}")
        delivery = await delivered(reject.app_id, legs)

        async def drop(connection: Connection) -> None:
            if await connection.execute(DROP_REJECT, reject.app_id, reject_id) == "DELETE 0":
                raise UnknownReject(f"There is no rejected record {reject_id}")

        return (await take_in(self._connections, reject.app_id, [delivery], drop))[0]
