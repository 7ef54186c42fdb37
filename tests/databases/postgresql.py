"""A real PostgreSQL for tests, which can be stopped, killed, paused, filled and followed. No assertions here.

Its words are sorted by the rules of a language, as they are on most servers, and not by their bytes.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import asyncpg
from tests.databases.daemon import Daemon, program
from tests.switches.programs import HERE, wait_for

OWNER = "owner"
OWNER_PASSWORD = "it's: no/one@else%"  # every character that a URL has its own use for
_MEMORY = Path("/dev/shm")  # noqa: S108
_ENOUGH = 2 << 30
_LANGUAGE = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")


class PostgreSql(Daemon):
    """A server of its own, with databases made as they are wanted.

    `place` is the folder that its own is made in; without one that is in memory if there is room. A power failure may
    harm it unless `fsync`. `settings` are those of postgresql.conf.
    """

    user = "postgres"
    kind = "postgresql"
    ends_by = signal.SIGINT

    def __init__(
        self, *, settings: Mapping[str, object] | None = None, fsync: bool = False, place: Path | None = None
    ) -> None:
        super().__init__(place or (None if fsync else _memory()))
        self._settings = {
            "port": self.port,
            "listen_addresses": HERE,
            "unix_socket_directories": "",
            "fsync": "on" if fsync else "off",
            "full_page_writes": "on" if fsync else "off",
            **(settings or {}),
        }
        self._numbers = count(1)

    # --- its databases ---

    def url(self, database: str) -> str:
        """Return the URL of a database for its owner."""
        return f"postgresql://{OWNER}:{quote(OWNER_PASSWORD, safe='')}@{HERE}:{self.port}/{database}"

    def new_database(self, template: str | None = None) -> str:
        """Make an empty database, or a copy of the database with the URL `template`; return its URL."""
        name = f"database_{next(self._numbers)}"
        source = _database_of(template) if template else "template0"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.ask(f"DROP DATABASE {_database_of(url)} WITH (FORCE)")

    def ask(self, statement: str, *values: object, database: str = "postgres") -> Any:
        """Ask as the owner, by a name or a URL of a database; return the rows. Not to be called from a coroutine."""
        name = _database_of(database) if "://" in database else database

        async def asked() -> list[Any]:
            connection = await asyncpg.connect(self.url(name), ssl=False)
            try:
                return [tuple(found) for found in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(asked())

    def set(self, **settings: object) -> None:
        """Change settings for all sessions, those under way too, from their next statement on; None is the default."""
        for name, value in settings.items():
            self.ask(f"ALTER SYSTEM SET {name} = '{value}'" if value is not None else f"ALTER SYSTEM RESET {name}")
        before = self.ask("SELECT pg_conf_load_time()")
        self.ask("SELECT pg_reload_conf()")
        wait_for(lambda: self.ask("SELECT pg_conf_load_time()") != before, self.log)

    # --- what may happen to it ---

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """Stop it fast: transactions under way are taken back, and all that is known is written."""
        self.resume()
        super().stop()

    def stop_at_once(self) -> None:
        """Stop it without writing anything: it recovers when it is started."""
        self.resume()
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kill all its processes (-9)."""
        processes = self.pause()
        for pid in processes:
            _send(pid, signal.SIGKILL)
        self._end(signal.SIGKILL)
        wait_for(lambda: not any(map(_is_alive, processes)), self.log)

    def pause(self) -> list[int]:
        """Stop all its processes in their tracks: connections stand, and nothing is answered; return their pids."""
        if self._process is None:
            return []
        _send(self._process.pid, signal.SIGSTOP)  # first, so that no others are begun
        processes = [self._process.pid, *_children(self._process.pid)]
        for pid in processes:
            _send(pid, signal.SIGSTOP)
        return processes

    def resume(self) -> None:
        """Let a paused server go on."""
        if self._process is not None:
            for pid in (*_children(self._process.pid), self._process.pid):
                _send(pid, signal.SIGCONT)

    # --- how it is run ---

    def _missing(self) -> list[str]:
        return [name for name in ("initdb", "postgres", "pg_basebackup") if _program(name) is None]

    def _make(self) -> None:
        password = self.folder / "password"
        password.write_text(OWNER_PASSWORD)
        password.chmod(0o644)
        access = (f"--username={OWNER}", f"--pwfile={password}", "--auth=scram-sha-256", "--no-sync")
        self._run([_program("initdb") or "", f"--pgdata={self.folder}/data", *access, *_LANGUAGE])

    def _command(self) -> list[str]:
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        return [_program("postgres") or "", "-D", f"{self.folder}/data", *options]

    def _is_answering(self) -> bool:
        try:
            self.ask("SELECT 1")
        except (asyncpg.PostgresError, OSError):
            return False
        return True


class Standby(PostgreSql):
    """A hot standby of a running server: it shows what that has, a moment later, and takes no writes."""

    def __init__(self, primary: PostgreSql) -> None:
        super().__init__()
        self._primary = primary

    def wait_until_level(self) -> None:
        """Wait until it shows all that the primary has now."""
        ((place,),) = self._primary.ask("SELECT pg_current_wal_lsn()::text")
        wait_for(lambda: self.ask("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", place) == [(True,)], self.log)

    def promote(self) -> None:
        """Make it a server of its own, that takes writes."""
        self.ask("SELECT pg_promote()")

    def _make(self) -> None:
        server = (f"--host={HERE}", f"--port={self._primary.port}", f"--username={OWNER}")
        how = (f"--pgdata={self.folder}/data", "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        self._run([_program("pg_basebackup") or "", *server, *how], PGPASSWORD=OWNER_PASSWORD)


def _memory() -> Path | None:
    """Return where files stand in memory, if there is room."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH else None


def _program(name: str) -> str | None:
    return program(name, *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


def _database_of(url: str) -> str:
    return urlsplit(url).path[1:]


def _send(pid: int, by: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, by)


def _children(parent: int) -> list[int]:
    processes = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
    return [pid for pid in processes if _status(pid)[1:2] == [str(parent)]]


def _is_alive(pid: int) -> bool:
    return _status(pid)[:1] not in ([], ["Z"])


def _status(pid: int) -> list[str]:
    """Return a process's state, its parent's pid and what follows them; nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
