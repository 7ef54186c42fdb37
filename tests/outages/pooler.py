"""A real pgbouncer before a real PostgreSQL, in transaction mode, with few sessions to hand round.

No assertions here.
"""

import asyncio
from typing import Any

import asyncpg
from tests.databases.daemon import Daemon, program
from tests.databases.postgresql import OWNER, OWNER_PASSWORD, PostgreSql
from tests.switches.programs import HERE

_SETTINGS = """
[databases]
* = host={host} port={server_port}

[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {sessions}
max_client_conn = 200
query_wait_timeout = 10
server_login_retry = 1
{more}
"""


class PgBouncer(Daemon):
    """A pooler with this many sessions for each database of the server; `more` lines go into its settings."""

    user = "postgres"
    kind = "pgbouncer"

    def __init__(self, server: PostgreSql, *, sessions: int = 3, more: str = "") -> None:
        super().__init__()
        self._server, self._sessions, self._more = server, sessions, more

    def url(self, url: str) -> str:
        """Return the URL of a database of the server through this."""
        return url.replace(f":{self._server.port}/", f":{self.port}/")

    def ask(self, statement: str, *values: object) -> Any:
        """Ask the server, through this."""

        async def asked() -> list[Any]:
            connection = await asyncpg.connect(self.url(self._server.url("postgres")), statement_cache_size=0)
            try:
                return [tuple(found) for found in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(asked())

    def _missing(self) -> list[str]:
        return [] if program("pgbouncer") else ["pgbouncer"]

    def _make(self) -> None:
        quoted = OWNER_PASSWORD.replace('"', '""')
        (self.folder / "users.txt").write_text(f'"{OWNER}" "{quoted}"\n')
        settings = _SETTINGS.format(
            host=HERE,
            server_port=self._server.port,
            port=self.port,
            folder=self.folder,
            sessions=self._sessions,
            more=self._more,
        )
        (self.folder / "pgbouncer.ini").write_text(settings)
        for file in self.folder.iterdir():
            self._give_to_user(file)

    def _command(self) -> list[str]:
        return [program("pgbouncer") or "", f"{self.folder}/pgbouncer.ini"]

    def _is_answering(self) -> bool:
        try:
            self.ask("SELECT 1")
        except (asyncpg.PostgresError, OSError):
            return False
        return True
