"""The embedded store's methods, each a statement or a job for the writer. Opening, lists and checking are beside it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from ringback.errors import AlreadyThere, UnknownAgent, UnknownApp, UnknownReject
from ringback.storage.auditing import Act, new_line
from ringback.storage.delivering import Delivered, delivered, received_ms
from ringback.storage.placing import epoch_ms, group_legs
from ringback.storage.records import (
    Agent,
    App,
    CheckReport,
    Intake,
    KeptToken,
    ListedCall,
    Measures,
    NewReject,
    Page,
    Range,
    Reject,
    ShownPage,
    Spending,
    Tries,
)
from ringback.storage.rows import (
    AGENT_COLUMNS,
    APP_COLUMNS,
    MOST_REJECTS,
    REJECT_COLUMNS,
    TOKEN_COLUMNS,
    agent_of,
    agent_row,
    app_of,
    app_row,
    count_of,
    reject_of,
    token_of,
)
from ringback.storage.sqlite import lists, login_tries
from ringback.storage.sqlite.checking import check_store
from ringback.storage.sqlite.connection import connect, open_file, our_errors
from ringback.storage.sqlite.keeping import SqliteKeeping
from ringback.storage.sqlite.lists import Row
from ringback.storage.sqlite.measuring import measured
from ringback.storage.sqlite.reader import Reader
from ringback.storage.sqlite.showing import show_again
from ringback.storage.sqlite.taking_in import take_in
from ringback.storage.sqlite.writer import LONG, Writer
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.leg import CallLeg, decode_leg

T = TypeVar("T")


class SqliteStore(SqliteKeeping):
    """A store in one SQLite file. Reads run inline, they take microseconds; writes go through the one writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer = Writer(path)
        self._place = self._writer.place
        self._reader = Reader(path, self._place)

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

    def _rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        return self._reader.rows(statement, parameters)

    async def _write(self, work: Callable[[sqlite3.Connection], T], *, weight: int = 1) -> T:
        return await self._writer.run(work, weight=weight)

    # --- apps, agents, tokens ---

    async def add_app(self, app: App, *, is_noted: bool = True) -> None:
        row = app_row(app)
        line = new_line(Act.APP_ADDED, app.app_id, region=app.region, extensions=app.extensions)
        try:
            await self._act(
                lambda db: db.execute("INSERT INTO app VALUES (?,?,?,?,?)", row),
                lambda _: line if is_noted else None,
            )
        except sqlite3.IntegrityError:
            raise AlreadyThere(
                f"The app {app.app_id} is there already; `ringback app rotate` renews its secret"
            ) from None

    async def apps(self) -> list[App]:
        return [app_of(row) for row in self._rows(f"SELECT {APP_COLUMNS} FROM app ORDER BY app_id")]

    async def app(self, app_id: int) -> App | None:
        rows = self._rows(f"SELECT {APP_COLUMNS} FROM app WHERE app_id = ?", (app_id,))
        return app_of(rows[0]) if rows else None

    async def set_secret(self, app_id: int, secret_digest: bytes) -> None:
        def work(db: sqlite3.Connection) -> None:
            if not db.execute("UPDATE app SET secret_digest = ? WHERE app_id = ?", (secret_digest, app_id)).rowcount:
                raise UnknownApp(f"There is no app {app_id}")

        await self._act(work, lambda _: new_line(Act.SECRET_ROTATED, app_id))

    async def change_app(self, app_id: int, *, region: str | None, extensions: str | None) -> None:
        def work(db: sqlite3.Connection) -> None:
            before = db.execute("SELECT region FROM app WHERE app_id = ?", (app_id,)).fetchone()
            if before is None:
                raise UnknownApp(f"There is no app {app_id}")
            db.execute("UPDATE app SET region = ?, extensions = ? WHERE app_id = ?", (region, extensions, app_id))
            if before[0] != region:
                show_again(db, app_id, region)

        line = new_line(Act.APP_CHANGED, app_id, region=region, extensions=extensions)
        await self._act(work, lambda _: line, weight=LONG)

    async def add_agent(self, agent: Agent, *, is_noted: bool = True) -> None:
        row = agent_row(agent)
        line = new_line(Act.AGENT_ADDED, agent.app_id, agent.agent_id)
        try:
            await self._act(
                lambda db: db.execute("INSERT INTO agent VALUES (?,?,?,?,?,?)", row),
                lambda _: line if is_noted else None,
            )
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise UnknownApp(
                    f"There is no app {agent.app_id}; `ringback app add {agent.app_id}` makes it"
                ) from None
            raise AlreadyThere(f"The agent {agent.agent_id} is there already") from None

    async def agents(self, app_id: int | None) -> list[Agent]:
        return [
            agent_of(row)
            for row in self._rows(
                f"SELECT {AGENT_COLUMNS} FROM agent WHERE ?1 IS NULL OR app_id = ?1 ORDER BY app_id, extension",
                (app_id,),
            )
        ]

    async def agent(self, app_id: int, extension: str) -> Agent | None:
        rows = self._rows(f"SELECT {AGENT_COLUMNS} FROM agent WHERE app_id = ? AND extension = ?", (app_id, extension))
        return agent_of(rows[0]) if rows else None

    async def set_password(self, app_id: int, extension: str, password_hash: str) -> None:
        await self._change_agent(Act.PASSWORD_CHANGED, app_id, extension, "password_hash = ?", password_hash)

    async def renew_hash(self, app_id: int, extension: str, old_hash: str, new_hash: str) -> None:
        await self._write(
            lambda db: db.execute(
                "UPDATE agent SET password_hash = ? WHERE app_id = ? AND extension = ? AND password_hash = ?",
                (new_hash, app_id, extension, old_hash),
            )
        )

    async def set_disabled(self, app_id: int, extension: str, *, is_disabled: bool) -> None:
        act = Act.AGENT_DISABLED if is_disabled else Act.AGENT_ENABLED
        await self._change_agent(act, app_id, extension, "is_disabled = ?", int(is_disabled))

    async def _change_agent(self, act: Act, app_id: int, extension: str, change: str, value: object) -> None:
        def work(db: sqlite3.Connection) -> None:
            where = "WHERE app_id = ? AND extension = ?"
            if not db.execute(f"UPDATE agent SET {change} {where}", (value, app_id, extension)).rowcount:
                raise UnknownAgent(f"There is no agent {extension}_{app_id}")
            db.execute(f"DELETE FROM token {where}", (app_id, extension))

        await self._act(work, lambda _: new_line(act, app_id, f"{extension}_{app_id}"))

    async def add_token(
        self,
        app_id: int,
        extension: str,
        digest: bytes,
        issued_at: datetime,
        expires_at: datetime,
        password_hash: str,
        *,
        is_noted: bool = False,
    ) -> bool:
        def work(db: sqlite3.Connection) -> bool:
            db.execute(
                "DELETE FROM token WHERE app_id = ? AND extension = ? AND expires_ms <= ?",
                (app_id, extension, epoch_ms(issued_at)),
            )
            added = db.execute(
                "INSERT INTO token (app_id, digest, extension, issued_ms, expires_ms) "
                "SELECT app_id, ?, extension, ?, ? FROM agent "
                "WHERE app_id = ? AND extension = ? AND password_hash = ? AND NOT is_disabled",
                (digest, epoch_ms(issued_at), epoch_ms(expires_at), app_id, extension, password_hash),
            )
            return added.rowcount == 1

        line = new_line(Act.TOKEN_ISSUED, app_id, f"{extension}_{app_id}", expires_at=expires_at.isoformat())
        return await self._act(work, lambda was_kept: line if was_kept and is_noted else None)

    async def delete_tokens(self, app_id: int, extension: str) -> int:
        if await self.agent(app_id, extension) is None:
            raise UnknownAgent(f"There is no agent {extension}_{app_id}")
        statement = "DELETE FROM token WHERE app_id = ? AND extension = ?"
        return await self._act(
            lambda db: db.execute(statement, (app_id, extension)).rowcount,
            lambda ended: new_line(Act.TOKENS_REVOKED, app_id, f"{extension}_{app_id}", tokens=ended),
        )

    async def tokens(self, app_id: int) -> list[KeptToken]:
        rows = self._rows(f"SELECT {TOKEN_COLUMNS} FROM token WHERE app_id = ? ORDER BY digest", (app_id,))
        return [token_of(row) for row in rows]

    async def token_agent(self, app_id: int, digest: bytes, now_ms: int) -> str | None:
        rows = self._rows(
            "SELECT extension FROM token WHERE app_id = ? AND digest = ? AND expires_ms > ?", (app_id, digest, now_ms)
        )
        return str(rows[0][0]) if rows else None

    # --- wrong log-ins ---

    async def tries(self, subject: bytes, addresses: Sequence[bytes]) -> list[Tries]:
        found = [self._rows(login_tries.TRIES, (subject, address)) for address in addresses]
        return [Tries(*rows[0]) if rows else Tries() for rows in found]

    async def spend_tries(self, spendings: Sequence[Spending], now_ms: int) -> list[int]:
        return await self._write(lambda db: login_tries.spend(db, spendings, now_ms))

    async def know_address(self, subject: bytes, address: bytes, until_ms: int) -> None:
        await self._write(lambda db: login_tries.know(db, subject, address, until_ms))

    async def forget_tries(self, subject: bytes, now_ms: int) -> int:
        return await self._write(lambda db: login_tries.forget(db, subject, now_ms))

    # --- calls ---

    async def take_in(self, app_id: int, legs: Sequence[CallLeg], rejects: Sequence[NewReject] = ()) -> Intake:
        delivery = await delivered(app_id, legs, rejects)
        kind = ("take in", app_id)  # deliveries to one app that wait together touch each list once
        return await self._writer.run_together(kind, partial(take_in, app_id), delivery, len(legs) + len(rejects))

    async def page_of_token(
        self, app_id: int, digest: bytes, now_ms: int, kind: ListKind, wanted: Range
    ) -> ShownPage | None:
        parameters = (*lists.page_parameters(wanted), app_id, kind.value, digest, now_ms)
        for extension, first, last, shown in self._reader.rows(lists.PAGE_OF_TOKEN, parameters):
            return ShownPage(extension, count_of(first, last), shown or b"")
        return None

    async def page(self, app_id: int, key: ListKey, wanted: Range) -> Page:
        parameters = (*lists.page_parameters(wanted), app_id, key.kind.value, key.extension)
        extension, count, calls = lists.page_rows(self._rows(lists.PAGE, parameters))
        return Page(extension=extension, count=count, calls=calls)

    async def lists(self, app_id: int) -> list[ListKey]:
        rows = self._rows("SELECT extension, kind FROM call_list WHERE app_id = ? ORDER BY extension, kind", (app_id,))
        return [ListKey(str(extension), ListKind(kind)) for extension, kind in rows]

    async def walk(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[ListedCall]:
        with our_errors(self.path):
            db = connect(self.path, read_only=True)
            try:
                db.execute("BEGIN")
                for call in lists.walk_rows(db, app_id, key, wanted.from_ms, wanted.to_ms):
                    yield call
            finally:
                db.close()

    async def walk_legs(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[list[CallLeg]]:
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
