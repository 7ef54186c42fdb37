"""The embedded store: its calls, lists and rejected records, each method a statement or a job for the writer.

Apps, agents and tokens are in `owning.py`, long work in `keeping.py`. Opening, lists and checking are beside it.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Self

from ringback.errors import UnknownReject
from ringback.storage.delivering import Delivered, delivered, received_ms
from ringback.storage.placing import group_legs
from ringback.storage.records import (
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
    reject_of,
    stamp_of,
    tallies_of,
)
from ringback.storage.sqlite import lists, ring_back_pages
from ringback.storage.sqlite.app_lists import SPANS, app_page
from ringback.storage.sqlite.checking import check_store
from ringback.storage.sqlite.connection import connect, open_file, our_errors
from ringback.storage.sqlite.keeping import SqliteKeeping
from ringback.storage.sqlite.marking import SqliteMarking
from ringback.storage.sqlite.measuring import measured
from ringback.storage.sqlite.naming import SqliteNaming
from ringback.storage.sqlite.owning import SqliteOwning
from ringback.storage.sqlite.taking_in import take_in
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.leg import CallLeg, decode_leg

_TALLIES = f"{SPANS} UNION ALL {ring_back_pages.SPANS}"


def _reading(kind: ListKind) -> ModuleType:
    """Return the statements that read lists of a kind."""
    return ring_back_pages if kind is ListKind.RING_BACK else lists


class SqliteStore(SqliteOwning, SqliteKeeping, SqliteNaming, SqliteMarking):
    """A store in one SQLite file."""

    @classmethod
    async def open(cls, path: Path, *, migrate: bool = False) -> Self:
        """Open the file, making it when it is not there; see `storage.open_store`."""
        open_file(path, migrate=migrate)
        with our_errors(path):
            return cls(path)

    async def close(self) -> None:
        await self._writer.close()
        self._reader.close()

    async def ready(self) -> None:
        await self._writer.run_together("ready", _write_a_page, None, 1)
        self._place.look_for_room()

    async def measures(self) -> Measures:
        return await asyncio.to_thread(measured, self.path)

    async def check(self) -> CheckReport:
        with our_errors(self.path):
            db = connect(self.path, read_only=True)
            try:
                return check_store(db)
            finally:
                db.close()

    # --- calls ---

    async def take_in(self, app_id: int, legs: Sequence[CallLeg], rejects: Sequence[NewReject] = ()) -> Intake:
        delivery = await delivered(app_id, legs, rejects)
        kind = ("take in", app_id)  # deliveries to one app that wait together touch each list once
        return await self._writer.run_together(kind, partial(take_in, app_id), delivery, len(legs) + len(rejects))

    async def page_of_token(
        self, app_id: int, digest: bytes, now_ms: int, kind: ListKind, wanted: Range
    ) -> ShownPage | None:
        parameters = (*lists.page_parameters(wanted), app_id, kind.value, digest, now_ms)
        of = _reading(kind)
        statement = of.NAMED_PAGE_OF_TOKEN if self._has_contacts(app_id) else of.PAGE_OF_TOKEN
        for extension, first, last, shown in self._reader.rows(statement, parameters):
            return ShownPage(extension, count_of(first, last), shown or b"")
        return None

    async def page(self, app_id: int, key: ListKey, wanted: Range) -> Page:
        parameters = (*lists.page_parameters(wanted), app_id, key.kind.value, key.extension)
        of = _reading(key.kind)
        extension, count, calls = of.page_rows(self._rows(of.PAGE, parameters), wanted)
        return Page(extension=extension, count=count, calls=calls)

    async def app_page(self, app_id: int, kind: ListKind, wanted: Range) -> AppPage:
        return await asyncio.to_thread(self._app_page, app_id, kind, wanted)

    def _app_page(self, app_id: int, kind: ListKind, wanted: Range) -> AppPage:
        """Read on a connection of its own: its statements are many, and share a snapshot."""
        with our_errors(self.path):
            db = connect(self.path, read_only=True)
            try:
                db.execute("BEGIN")
                if kind is ListKind.RING_BACK:
                    return ring_back_pages.app_page(db, app_id, wanted)
                return app_page(db, app_id, kind, wanted)
            finally:
                db.close()

    async def tallies(self, app_id: int, from_ms: int, to_ms: int) -> list[AgentTally]:
        rows = self._rows(_TALLIES, (app_id, from_ms, to_ms))
        return tallies_of((extension, kind, first, last) for extension, kind, _, first, last in rows)

    async def counts(self, app_id: int, key: ListKey, bounds: Sequence[int]) -> list[int]:
        asked = (app_id, key.extension, key.kind.value, json.dumps([*bounds]))
        return counts_of([row[0] for row in self._rows(_reading(key.kind).BEHIND, asked)], bounds)

    async def stamps(self, app_id: int, keys: Sequence[ListKey]) -> list[str]:
        asked = [(_reading(key.kind).STAMP, (app_id, key.extension, key.kind.value)) for key in keys]
        with self._reader.of_one_moment():  # a delivery that changes several lists is one change to who watches them
            return [stamp_of(*row) for one in asked for row in self._rows(*one) or [NEVER_WRITTEN]]

    async def lists(self, app_id: int) -> list[ListKey]:
        rows = self._rows("SELECT extension, kind FROM call_list WHERE app_id = ? ORDER BY extension, kind", (app_id,))
        return [ListKey(str(extension), ListKind(kind)) for extension, kind in rows]

    async def walk(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[ListedCall]:
        with our_errors(self.path):
            db = connect(self.path, read_only=True)
            try:
                db.execute("BEGIN")
                for call in _reading(key.kind).walk_rows(db, app_id, key, wanted.from_ms, wanted.to_ms):
                    yield call
            finally:
                db.close()

    async def walk_legs(self, app_id: int, key: ListKey, wanted: Range) -> AsyncGenerator[list[CallLeg], None]:
        with our_errors(self.path):
            db = connect(self.path, read_only=True)
            try:
                db.execute("BEGIN")
                for facts in lists.walk_legs(db, app_id, key, wanted.from_ms, wanted.to_ms):
                    yield [decode_leg(text) for text in facts]
            finally:
                db.close()

    async def legs(self, app_id: int, call_id: bytes) -> list[CallLeg]:
        rows = self._rows(
            "SELECT facts FROM leg WHERE app_id = ?1 AND call_ref IN "
            "(SELECT ?2 UNION SELECT call_ref FROM leg WHERE app_id = ?1 AND given_id = ?2)",
            (app_id, call_id),
        )
        return sorted((decode_leg(str(row[0])) for row in rows), key=lambda leg: (leg.started_at, leg.source_record_id))

    # --- rejected records ---

    async def rejects(self, app_id: int | None, after: int = 0) -> list[Reject]:
        rows = self._rows(
            f"SELECT {REJECT_COLUMNS} FROM reject WHERE (?1 IS NULL OR app_id = ?1) AND reject_id > ?2 "
            f"ORDER BY reject_id LIMIT {MOST_REJECTS}",
            (app_id, after),
        )
        return [reject_of(row) for row in rows]

    async def reject(self, reject_id: int) -> Reject | None:
        rows = self._rows(f"SELECT {REJECT_COLUMNS} FROM reject WHERE reject_id = ?", (reject_id,))
        return reject_of(rows[0]) if rows else None

    async def settle_reject(self, reject_id: int, legs: Sequence[CallLeg]) -> Intake:
        def work(db: sqlite3.Connection) -> Intake:
            row = db.execute("DELETE FROM reject WHERE reject_id = ? RETURNING app_id", (reject_id,)).fetchone()
            if row is None:
                raise UnknownReject(f"There is no rejected record {reject_id}")
            delivery = Delivered(group_legs(row[0], legs), received_ms())
            return take_in(row[0], db, [delivery])[0]

        return await self._write(work)


def _write_a_page(db: sqlite3.Connection, asked: Sequence[None]) -> list[None]:
    """Have the disk show that it takes writes, once for all who ask: what changes nothing would not be written."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    db.execute(f"PRAGMA user_version = {version}")
    return [None] * len(asked)
