"""The embedded store's apps, agents and tokens, and what it remembers of wrong log-ins."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from ringback.errors import AlreadyThere, UnknownAgent, UnknownApp
from ringback.storage.auditing import Act, new_line, supervising
from ringback.storage.placing import epoch_ms
from ringback.storage.records import Agent, App, KeptToken, Spending, Tries
from ringback.storage.rows import (
    AGENT_COLUMNS,
    APP_COLUMNS,
    TOKEN_COLUMNS,
    agent_of,
    agent_row,
    app_of,
    app_row,
    has_others_counted,
    token_of,
)
from ringback.storage.sqlite import login_tries
from ringback.storage.sqlite.acting import SqliteActing
from ringback.storage.sqlite.contacts import read_contacts_again
from ringback.storage.sqlite.showing import show_again
from ringback.storage.sqlite.writer import LONG

_DROP_OLDEST = """
DELETE FROM token WHERE app_id = ?1 AND digest IN (
    SELECT digest FROM token WHERE app_id = ?1 AND extension = ?2 AND digest <> ?3
    ORDER BY issued_ms DESC, digest LIMIT -1 OFFSET ?4
)
"""


class SqliteOwning(SqliteActing):
    """What a SQLite store keeps of who owns its calls and who may ask for them."""

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
                read_contacts_again(db, app_id, region)

        line = new_line(Act.APP_CHANGED, app_id, region=region, extensions=extensions)
        await self._act(work, lambda _: line, weight=LONG)

    async def add_agent(self, agent: Agent, *, is_noted: bool = True) -> None:
        row = agent_row(agent)
        line = new_line(Act.AGENT_ADDED, agent.app_id, agent.agent_id)
        try:
            await self._act(
                lambda db: db.execute("INSERT INTO agent VALUES (?,?,?,?,?,?,?)", row),
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

    async def set_supervisor(self, app_id: int, extension: str, *, is_supervisor: bool) -> None:
        def work(db: sqlite3.Connection) -> None:
            change = "UPDATE agent SET is_supervisor = ? WHERE app_id = ? AND extension = ?"
            if not db.execute(change, (int(is_supervisor), app_id, extension)).rowcount:
                raise UnknownAgent(f"There is no agent {extension}_{app_id}")

        line = new_line(supervising(is_supervisor=is_supervisor), app_id, f"{extension}_{app_id}")
        await self._act(work, lambda _: line)

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
            if added.rowcount == 0:
                return False
            if has_others_counted(digest):
                db.execute(_DROP_OLDEST, (app_id, extension, digest, self.most_tokens - 1))
            return True

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

    async def delete_token(self, app_id: int, digest: bytes) -> None:
        await self._write(
            lambda db: db.execute("DELETE FROM token WHERE app_id = ? AND digest = ?", (app_id, digest)).rowcount
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
