"""The PostgreSQL store's apps, agents and tokens, and what it remembers of wrong log-ins."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from ringback.errors import AlreadyThere, UnknownAgent, UnknownApp
from ringback.storage.auditing import Act, new_line, supervising
from ringback.storage.placing import epoch_ms
from ringback.storage.postgresql import login_tries
from ringback.storage.postgresql.acting import PostgresqlActing
from ringback.storage.postgresql.connections import LONG_SECONDS, Connection
from ringback.storage.postgresql.showing import change_app
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

ADD_APP = f"INSERT INTO app ({APP_COLUMNS}) VALUES ($1, $2, $3, $4, $5)"
APP_IDS = "SELECT app_id FROM app ORDER BY app_id"
APP = f"SELECT {APP_COLUMNS} FROM app WHERE app_id = $1"
CHANGE_SECRET = "UPDATE app SET secret_digest = $2 WHERE app_id = $1"

ADD_AGENT = f"INSERT INTO agent ({AGENT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"
AGENTS = f"SELECT {AGENT_COLUMNS} FROM agent WHERE app_id = $1 ORDER BY extension"
AGENT = f"SELECT {AGENT_COLUMNS} FROM agent WHERE app_id = $1 AND extension = $2"
CHANGE_PASSWORD = "UPDATE agent SET password_hash = $3 WHERE app_id = $1 AND extension = $2"
SET_DISABLED = "UPDATE agent SET is_disabled = $3 WHERE app_id = $1 AND extension = $2"
SET_SUPERVISOR = "UPDATE agent SET is_supervisor = $3 WHERE app_id = $1 AND extension = $2"
RENEW_HASH = "UPDATE agent SET password_hash = $4 WHERE app_id = $1 AND extension = $2 AND password_hash = $3"

DROP_TOKENS = "DELETE FROM token WHERE app_id = $1 AND extension = $2"
DROP_TOKEN = "DELETE FROM token WHERE app_id = $1 AND digest = $2"
DROP_EXPIRED = "DELETE FROM token WHERE app_id = $1 AND extension = $2 AND expires_ms <= $3"
HOLD_AGENT = """
SELECT a.extension FROM agent a
WHERE a.app_id = $1 AND a.extension = $2 AND a.password_hash = $3 AND NOT a.is_disabled FOR NO KEY UPDATE
"""
ADD_TOKEN = "INSERT INTO token (app_id, digest, extension, issued_ms, expires_ms) VALUES ($1, $2, $3, $4, $5)"
DROP_OLDEST = """
DELETE FROM token t WHERE t.app_id = $1 AND t.digest = ANY (ARRAY(
    SELECT o.digest FROM token o WHERE o.app_id = $1 AND o.extension = $2 AND o.digest <> $3
    ORDER BY o.issued_ms DESC, o.digest OFFSET $4
))
"""
TOKENS = f"SELECT {TOKEN_COLUMNS} FROM token WHERE app_id = $1 ORDER BY digest"
TOKEN_AGENT = "SELECT extension FROM token WHERE app_id = $1 AND digest = $2 AND expires_ms > $3"


class PostgresqlOwning(PostgresqlActing):
    """What a PostgreSQL store keeps of who owns its calls and who may ask for them."""

    # --- apps, agents, tokens ---

    async def add_app(self, app: App, *, is_noted: bool = True) -> None:
        row = app_row(app)
        try:
            line = new_line(Act.APP_ADDED, app.app_id, region=app.region, extensions=app.extensions)
            await self._execute(ADD_APP, *row, line=lambda _: line if is_noted else None)
        except asyncpg.UniqueViolationError:
            raise AlreadyThere(
                f"The app {app.app_id} is there already; `ringback app rotate` renews its secret"
            ) from None

    async def _app_ids(self) -> list[int]:
        return [row[0] for row in await self._fetch(APP_IDS)]

    async def apps(self) -> list[App]:
        return [app for app_id in await self._app_ids() if (app := await self.app(app_id)) is not None]

    async def app(self, app_id: int) -> App | None:
        rows = await self._fetch(APP, app_id)
        return app_of(rows[0]) if rows else None

    async def set_secret(self, app_id: int, secret_digest: bytes) -> None:
        line = new_line(Act.SECRET_ROTATED, app_id)
        if not await self._execute(CHANGE_SECRET, app_id, secret_digest, line=lambda count: line if count else None):
            raise UnknownApp(f"There is no app {app_id}")

    async def change_app(self, app_id: int, *, region: str | None, extensions: str | None) -> None:
        line = new_line(Act.APP_CHANGED, app_id, region=region, extensions=extensions)
        await self._act(
            lambda connection: change_app(connection, app_id, region, extensions),
            lambda _: line,
            seconds=LONG_SECONDS,
        )

    async def add_agent(self, agent: Agent, *, is_noted: bool = True) -> None:
        row = agent_row(agent)
        try:
            line = new_line(Act.AGENT_ADDED, agent.app_id, agent.agent_id)
            await self._execute(ADD_AGENT, *row, line=lambda _: line if is_noted else None)
        except asyncpg.ForeignKeyViolationError:
            raise UnknownApp(f"There is no app {agent.app_id}; `ringback app add {agent.app_id}` makes it") from None
        except asyncpg.UniqueViolationError:
            raise AlreadyThere(f"The agent {agent.agent_id} is there already") from None

    async def agents(self, app_id: int | None) -> list[Agent]:
        app_ids = await self._app_ids() if app_id is None else [app_id]
        return [agent_of(row) for one in app_ids for row in await self._fetch(AGENTS, one)]

    async def agent(self, app_id: int, extension: str) -> Agent | None:
        rows = await self._fetch(AGENT, app_id, extension)
        return agent_of(rows[0]) if rows else None

    async def set_password(self, app_id: int, extension: str, password_hash: str) -> None:
        await self._change_agent(Act.PASSWORD_CHANGED, CHANGE_PASSWORD, app_id, extension, password_hash)

    async def renew_hash(self, app_id: int, extension: str, old_hash: str, new_hash: str) -> None:
        await self._execute(RENEW_HASH, app_id, extension, old_hash, new_hash)

    async def set_disabled(self, app_id: int, extension: str, *, is_disabled: bool) -> None:
        act = Act.AGENT_DISABLED if is_disabled else Act.AGENT_ENABLED
        await self._change_agent(act, SET_DISABLED, app_id, extension, is_disabled)

    async def set_supervisor(self, app_id: int, extension: str, *, is_supervisor: bool) -> None:
        async def work(connection: Connection) -> None:
            if await connection.execute(SET_SUPERVISOR, app_id, extension, is_supervisor) == "UPDATE 0":
                raise UnknownAgent(f"There is no agent {extension}_{app_id}")

        line = new_line(supervising(is_supervisor=is_supervisor), app_id, f"{extension}_{app_id}")
        await self._act(work, lambda _: line)

    async def _change_agent(self, act: Act, statement: str, app_id: int, extension: str, value: object) -> None:
        async def work(connection: Connection) -> None:
            if await connection.execute(statement, app_id, extension, value) == "UPDATE 0":
                raise UnknownAgent(f"There is no agent {extension}_{app_id}")
            await connection.execute(DROP_TOKENS, app_id, extension)

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
        issued_ms, expires_ms = epoch_ms(issued_at), epoch_ms(expires_at)

        async def work(connection: Connection) -> bool:
            await connection.execute(DROP_EXPIRED, app_id, extension, issued_ms)
            # held until the token is in: whoever disables the agent meanwhile waits, and then ends this token too;
            # and log-ins of one agent are counted one after the other
            if not await connection.fetch(HOLD_AGENT, app_id, extension, password_hash):
                return False
            await connection.execute(ADD_TOKEN, app_id, digest, extension, issued_ms, expires_ms)
            if has_others_counted(digest):
                await connection.execute(DROP_OLDEST, app_id, extension, digest, self.most_tokens - 1)
            return True

        line = new_line(Act.TOKEN_ISSUED, app_id, f"{extension}_{app_id}", expires_at=expires_at.isoformat())
        return await self._act(work, lambda was_kept: line if was_kept and is_noted else None)

    async def delete_tokens(self, app_id: int, extension: str) -> int:
        if await self.agent(app_id, extension) is None:
            raise UnknownAgent(f"There is no agent {extension}_{app_id}")
        return await self._execute(
            DROP_TOKENS,
            app_id,
            extension,
            line=lambda ended: new_line(Act.TOKENS_REVOKED, app_id, f"{extension}_{app_id}", tokens=ended),
        )

    async def delete_token(self, app_id: int, digest: bytes) -> None:
        await self._execute(DROP_TOKEN, app_id, digest)

    async def tokens(self, app_id: int) -> list[KeptToken]:
        return [token_of(row) for row in await self._fetch(TOKENS, app_id)]

    async def token_agent(self, app_id: int, digest: bytes, now_ms: int) -> str | None:
        rows = await self._fetch(TOKEN_AGENT, app_id, digest, now_ms)
        return str(rows[0][0]) if rows else None

    # --- wrong log-ins ---

    async def tries(self, subject: bytes, addresses: Sequence[bytes]) -> list[Tries]:
        return await login_tries.tries_of(self._connections, subject, addresses)

    async def spend_tries(self, spendings: Sequence[Spending], now_ms: int) -> list[int]:
        return await login_tries.spend(self._connections, spendings, now_ms)

    async def know_address(self, subject: bytes, address: bytes, until_ms: int) -> None:
        await self._execute(login_tries.KNOW, subject, address, until_ms)

    async def forget_tries(self, subject: bytes, now_ms: int) -> int:
        return await self._execute(login_tries.FORGET, subject, now_ms)
