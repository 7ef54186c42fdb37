"""The PostgreSQL store's methods, each a statement or a transaction. What they touch of lists and calls is beside it.

The app is the first parameter of every statement. What is asked of all apps is asked of one after the other: in a
cluster each has a machine of its own.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Self

import asyncpg

from ringback.errors import AlreadyThere, UnknownAgent, UnknownApp, UnknownReject
from ringback.storage.auditing import Act, AuditLine, new_line
from ringback.storage.base import Store
from ringback.storage.delivering import delivered
from ringback.storage.placing import epoch_ms
from ringback.storage.postgresql import lists, login_tries
from ringback.storage.postgresql.checking import check_store
from ringback.storage.postgresql.connections import (
    FROZEN_SECONDS,
    LONG_SECONDS,
    READ_SECONDS,
    WRITE_SECONDS,
    Connection,
    Connections,
    Frozen,
    Place,
)
from ringback.storage.postgresql.gathering import Gathering
from ringback.storage.postgresql.keeping import PostgresqlKeeping
from ringback.storage.postgresql.schema import bring_up
from ringback.storage.postgresql.showing import change_app
from ringback.storage.postgresql.taking_in import take_in
from ringback.storage.records import (
    MOST_COUNTED,
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
    listed_call,
    reject_of,
    token_of,
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

ADD_APP = f"INSERT INTO app ({APP_COLUMNS}) VALUES ($1, $2, $3, $4, $5)"
APP_IDS = "SELECT app_id FROM app ORDER BY app_id"
APP = f"SELECT {APP_COLUMNS} FROM app WHERE app_id = $1"
CHANGE_SECRET = "UPDATE app SET secret_digest = $2 WHERE app_id = $1"

ADD_AGENT = f"INSERT INTO agent ({AGENT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)"
AGENTS = f"SELECT {AGENT_COLUMNS} FROM agent WHERE app_id = $1 ORDER BY extension"
AGENT = f"SELECT {AGENT_COLUMNS} FROM agent WHERE app_id = $1 AND extension = $2"
CHANGE_PASSWORD = "UPDATE agent SET password_hash = $3 WHERE app_id = $1 AND extension = $2"
SET_DISABLED = "UPDATE agent SET is_disabled = $3 WHERE app_id = $1 AND extension = $2"
RENEW_HASH = "UPDATE agent SET password_hash = $4 WHERE app_id = $1 AND extension = $2 AND password_hash = $3"

DROP_TOKENS = "DELETE FROM token WHERE app_id = $1 AND extension = $2"
DROP_EXPIRED = "DELETE FROM token WHERE app_id = $1 AND extension = $2 AND expires_ms <= $3"
HOLD_AGENT = """
SELECT a.extension FROM agent a
WHERE a.app_id = $1 AND a.extension = $2 AND a.password_hash = $3 AND NOT a.is_disabled FOR SHARE
"""
ADD_TOKEN = "INSERT INTO token (app_id, digest, extension, issued_ms, expires_ms) VALUES ($1, $2, $3, $4, $5)"
TOKENS = f"SELECT {TOKEN_COLUMNS} FROM token WHERE app_id = $1 ORDER BY digest"
TOKEN_AGENT = "SELECT extension FROM token WHERE app_id = $1 AND digest = $2 AND expires_ms > $3"

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


class PostgresqlStore(PostgresqlKeeping):
    """A store in a PostgreSQL database."""

    works_elsewhere = True

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._gathering = Gathering(partial(take_in, connections))
        self._fetch = connections.fetch

    @classmethod
    async def open(cls, url: str, *, make: bool = True, migrate: bool = False, distribute: bool = False) -> Self:
        """Open the database, making the tables in an empty one; see `storage.open_store`."""
        place = Place.of(url)
        await bring_up(place, make=make, migrate=migrate, distribute=distribute)
        return cls(await Connections.open(place))

    async def close(self) -> None:
        await self._gathering.close()
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

    async def _execute(
        self,
        statement: str,
        *parameters: object,
        seconds: float = WRITE_SECONDS,
        line: Callable[[int], AuditLine | None] = lambda _: None,
    ) -> int:
        """Run one statement that writes and return how many rows it did; `line` is told that, and is noted with it."""

        async def work(connection: Connection) -> int:
            return int((await connection.execute(statement, *parameters)).rpartition(" ")[2])

        return await self._act(work, line, seconds=seconds)

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
            # held until the token is in: whoever disables the agent meanwhile waits, and then ends this token too
            if not await connection.fetch(HOLD_AGENT, app_id, extension, password_hash):
                return False
            await connection.execute(ADD_TOKEN, app_id, digest, extension, issued_ms, expires_ms)
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

    # --- calls ---

    async def take_in(self, app_id: int, legs: Sequence[CallLeg], rejects: Sequence[NewReject] = ()) -> Intake:
        return await self._gathering.take(app_id, await delivered(app_id, legs, rejects))

    async def page_of_token(
        self, app_id: int, digest: bytes, now_ms: int, kind: ListKind, wanted: Range
    ) -> ShownPage | None:
        parameters = (app_id, kind.value, *lists.page_parameters(wanted), digest, now_ms)
        for extension, first, last, shown in await self._fetch(lists.PAGE_OF_TOKEN, *parameters):
            return ShownPage(extension, count_of(first, last), shown or b"")
        return None

    async def page(self, app_id: int, key: ListKey, wanted: Range) -> Page:
        parameters = (app_id, key.kind.value, *lists.page_parameters(wanted), key.extension)
        rows = await self._fetch(lists.PAGE, *parameters)
        if not rows:
            return Page(extension=key.extension, count=0, calls=[])
        extension, count, calls = lists.page_rows(rows)
        return Page(extension=extension, count=count, calls=calls)

    async def lists(self, app_id: int) -> list[ListKey]:
        return [ListKey(row[0], ListKind(row[1])) for row in await self._fetch(LISTS, app_id)]

    async def walk(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[ListedCall]:
        named = (app_id, key.extension, key.kind.value)
        async with self._connections.transaction(LONG_SECONDS, read_only=True, snapshot=True) as connection:
            for first, last in await connection.fetch(lists.SPAN, *named, wanted.from_ms, wanted.to_ms):
                async for row in connection.cursor(lists.WALK, *named, first, last, prefetch=1000):
                    yield listed_call(*row)

    async def walk_legs(self, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[list[CallLeg]]:
        named = (app_id, key.extension, key.kind.value)
        async with self._connections.transaction(LONG_SECONDS, read_only=True, snapshot=True) as connection:
            for first, last in await connection.fetch(lists.SPAN, *named, wanted.from_ms, wanted.to_ms):
                async for row in connection.cursor(lists.WALK_LEGS, *named, first, last, prefetch=1000):
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
