"""A real MariaDB and PostgreSQL for tests, each an unprivileged process in a folder of its own. No assertions here."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import asyncpg
import pymysql
from tests.following.rows import Record
from tests.switches.programs import DEADLINE_SECONDS, HERE, free_port, refuse_without, wait_for

PASSWORD = "only-reading"
READER = "reader"
DATABASE = "asteriskcdrdb"

# As FreePBX makes it.
FREEPBX = """
CREATE TABLE cdr (
  calldate datetime NOT NULL DEFAULT '0000-00-00 00:00:00', clid varchar(80) NOT NULL DEFAULT '',
  src varchar(80) NOT NULL DEFAULT '', dst varchar(80) NOT NULL DEFAULT '', dcontext varchar(80) NOT NULL DEFAULT '',
  channel varchar(80) NOT NULL DEFAULT '', dstchannel varchar(80) NOT NULL DEFAULT '',
  lastapp varchar(80) NOT NULL DEFAULT '', lastdata varchar(80) NOT NULL DEFAULT '',
  duration int(11) NOT NULL DEFAULT 0, billsec int(11) NOT NULL DEFAULT 0, disposition varchar(45) NOT NULL DEFAULT '',
  amaflags int(11) NOT NULL DEFAULT 0, accountcode varchar(20) NOT NULL DEFAULT '',
  uniqueid varchar(32) NOT NULL DEFAULT '', userfield varchar(255) NOT NULL DEFAULT '',
  did varchar(50) NOT NULL DEFAULT '', recordingfile varchar(255) NOT NULL DEFAULT '',
  cnum varchar(80) NOT NULL DEFAULT '', cnam varchar(80) NOT NULL DEFAULT '',
  outbound_cnum varchar(80) NOT NULL DEFAULT '', outbound_cnam varchar(80) NOT NULL DEFAULT '',
  dst_cnam varchar(80) NOT NULL DEFAULT '', linkedid varchar(32) NOT NULL DEFAULT '',
  peeraccount varchar(80) NOT NULL DEFAULT '', sequence int(11) NOT NULL DEFAULT 0,
  KEY calldate (calldate), KEY uniqueid (uniqueid)
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4
"""

# As Asterisk's own Alembic scripts make it.
ALEMBIC = """
CREATE TABLE cdr (
  accountcode varchar(80), src varchar(80), dst varchar(80), dcontext varchar(80), clid varchar(80),
  channel varchar(80), dstchannel varchar(80), lastapp varchar(80), lastdata varchar(80),
  start timestamp, answer timestamp, "end" timestamp, duration integer, billsec integer, disposition varchar(45),
  amaflags varchar(45), userfield varchar(256), uniqueid varchar(150), linkedid varchar(150), peeraccount varchar(80),
  sequence integer
)
"""


class Database(ABC):
    """A server with the standard table of calls, and a user that may read it and do nothing else."""

    user = ""
    kind = ""

    def __init__(self) -> None:
        refuse_without(self._missing())
        self._is_root = os.geteuid() == 0
        self._folder = Path(tempfile.mkdtemp(prefix=f"ringback-{self.kind}-"))
        if self._is_root:
            os.chown(self._folder, pwd.getpwnam(self.user).pw_uid, pwd.getpwnam(self.user).pw_gid)
        self.port = free_port(socket.SOCK_STREAM)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self.start()
            self._found()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        """The address as the reader gives it."""
        return f"{self.kind}://{READER}@{HERE}:{self.port}/{DATABASE}"

    @property
    def is_stopped(self) -> bool:
        """Whether it does not run."""
        return self._process is None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            command = self._as_user(self._command())
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        wait_for(self._answers, self._log)

    def stop(self) -> None:
        """Stop the server at once, whoever is connected."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
            self._process.wait(DEADLINE_SECONDS)
            self._process = None

    def empty(self) -> None:
        """Take all rows away."""
        self.ask("DELETE FROM cdr")

    def insert(self, *rows: Record) -> None:
        """Insert rows as the switch does when calls end."""
        for row in rows:
            self._insert({**row})

    def state(self) -> object:
        """Return all that a reader could have changed: the rows in order, and the table's definition."""
        return self.ask("SELECT * FROM cdr ORDER BY uniqueid, sequence"), self._definition()

    def _as_user(self, command: Iterable[str]) -> list[str]:
        if not self._is_root:
            return list(command)
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--", *command]

    def _run(self, command: Iterable[str]) -> None:
        done = subprocess.run(self._as_user(command), capture_output=True, text=True, check=False, cwd=self._folder)
        if done.returncode:
            raise RuntimeError(f"{done.args}: {done.stdout}{done.stderr}")

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the database ended: {self._log()}")
        try:
            self.ask("SELECT 1")
        except (pymysql.MySQLError, asyncpg.PostgresError, OSError):
            return False
        return True

    @abstractmethod
    def _missing(self) -> list[str]: ...

    @abstractmethod
    def _make(self) -> None: ...

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _found(self) -> None: ...

    @abstractmethod
    def _insert(self, row: Record) -> None: ...

    @abstractmethod
    def _definition(self) -> object: ...

    @abstractmethod
    def ask(self, statement: str, *values: object) -> Any:
        """Ask as the owner of the database."""


def _program(name: str, *folders: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", *folders)))


class MariaDb(Database):
    """MariaDB with FreePBX's table."""

    user, kind = "mysql", "mysql"

    def _missing(self) -> list[str]:
        return [name for name in ("mariadbd", "mariadb-install-db") if _program(name) is None]

    def _make(self) -> None:
        made = ("--no-defaults", f"--datadir={self._folder}/data", "--skip-test-db")
        self._run([_program("mariadb-install-db") or "", *made, "--auth-root-authentication-method=normal"])

    def _command(self) -> list[str]:
        return [
            *(_program("mariadbd") or "", "--no-defaults", f"--datadir={self._folder}/data"),
            *(
                f"--socket={self._folder}/socket",
                f"--port={self.port}",
                f"--bind-address={HERE}",
                "--skip-name-resolve",
            ),
            *("--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M", "--sql-mode="),
        ]

    def _found(self) -> None:
        for statement in (
            f"CREATE DATABASE {DATABASE}",
            f"CREATE TABLE {DATABASE}.{FREEPBX.strip().removeprefix('CREATE TABLE ')}",
            f"CREATE USER {READER}@'{HERE}' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT SELECT ON {DATABASE}.cdr TO {READER}@'{HERE}'",
        ):
            self.ask(statement)

    def _insert(self, row: Record) -> None:
        row["calldate"] = row.pop("start")
        row["amaflags"] = 3
        for name in ("answer", "end"):
            del row[name]
        places = ", ".join("%s" for _ in row)
        self.ask(f"INSERT INTO cdr ({', '.join(row)}) VALUES ({places})", *row.values())

    def _definition(self) -> object:
        return self.ask("SHOW CREATE TABLE cdr")

    def ask(self, statement: str, *values: object) -> Any:
        """Ask as the owner of the database."""
        socket_path = str(self._folder / "socket")
        connected = pymysql.connect(user="root", unix_socket=socket_path, autocommit=True)
        with connected as connection, connection.cursor() as cursor:
            if "cdr" in statement and DATABASE not in statement:
                cursor.execute(f"USE {DATABASE}")
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def _answers(self) -> bool:
        return (self._folder / "socket").exists() and super()._answers()


class PostgreSql(Database):
    """PostgreSQL with Asterisk's own table."""

    user, kind = "postgres", "postgresql"

    def _missing(self) -> list[str]:
        return [name for name in ("initdb", "postgres") if self._found_program(name) is None]

    def _found_program(self, name: str) -> str | None:
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        return _program(name, *map(str, folders))

    def _make(self) -> None:
        words = ("--username=owner", f"--pwfile={self._password_file()}", "--auth=scram-sha-256", "--no-sync")
        self._run([self._found_program("initdb") or "", f"--pgdata={self._folder}/data", *words])

    def _password_file(self) -> Path:
        file = self._folder / "password"
        file.write_text(PASSWORD)
        file.chmod(0o644)
        return file

    def _command(self) -> list[str]:
        settings = (f"port={self.port}", f"listen_addresses={HERE}", "unix_socket_directories=", "fsync=off")
        options = [word for setting in settings for word in ("-c", setting)]
        return [self._found_program("postgres") or "", "-D", f"{self._folder}/data", *options]

    def _found(self) -> None:
        self.ask(f"CREATE DATABASE {DATABASE}", database="postgres")
        self.ask(ALEMBIC)
        self.ask(f"CREATE USER {READER} PASSWORD '{PASSWORD}'")
        self.ask(f"GRANT SELECT ON cdr TO {READER}")

    def _insert(self, row: Record) -> None:
        names = ", ".join(f'"{name}"' for name in row)
        places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        self.ask(f"INSERT INTO cdr ({names}) VALUES ({places})", *row.values())

    def _definition(self) -> object:
        columns = self.ask("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'cdr'")
        return columns, self.ask("SELECT indexdef FROM pg_indexes WHERE tablename = 'cdr'")

    def ask(self, statement: str, *values: object, database: str | None = None) -> Any:
        """Ask as the owner of the database."""
        name = database or (DATABASE if "cdr" in statement else "postgres")

        async def asked() -> list[Any]:
            connection = await asyncpg.connect(
                user="owner", password=PASSWORD, host=HERE, port=self.port, database=name, ssl=False
            )
            try:
                return [tuple(found) for found in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(asked())
