"""A real MariaDB and PostgreSQL as switches have them, with the table of calls. No assertions here."""

from abc import abstractmethod
from typing import Any

import pymysql
from tests.databases.daemon import Daemon, program
from tests.databases.postgresql import PostgreSql
from tests.following.rows import Record
from tests.switches.programs import HERE

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


class Database(Daemon):
    """A server with the standard table of calls, and a user that may read it and do nothing else."""

    @property
    def reading(self) -> str:
        """The address as the reader gives it."""
        return f"{self.kind}://{READER}@{HERE}:{self.port}/{DATABASE}"

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

    @abstractmethod
    def _insert(self, row: Record) -> None: ...

    @abstractmethod
    def _definition(self) -> object: ...


class MariaDb(Database):
    """MariaDB with FreePBX's table."""

    user, kind = "mysql", "mysql"

    def _missing(self) -> list[str]:
        return [name for name in ("mariadbd", "mariadb-install-db") if program(name) is None]

    def _make(self) -> None:
        made = ("--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db")
        self._run([program("mariadb-install-db") or "", *made, "--auth-root-authentication-method=normal"])

    def _command(self) -> list[str]:
        return [
            *(program("mariadbd") or "", "--no-defaults", f"--datadir={self.folder}/data"),
            *(
                f"--socket={self.folder}/socket",
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
        socket_path = str(self.folder / "socket")
        connected = pymysql.connect(user="root", unix_socket=socket_path, autocommit=True, ssl_disabled=True)
        with connected as connection, connection.cursor() as cursor:
            if "cdr" in statement and DATABASE not in statement:
                cursor.execute(f"USE {DATABASE}")
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def _is_answering(self) -> bool:
        try:
            return (self.folder / "socket").exists() and bool(self.ask("SELECT 1"))
        except (pymysql.MySQLError, OSError):
            return False


class SwitchsPostgreSql(PostgreSql, Database):
    """PostgreSQL with Asterisk's own table."""

    def _found(self) -> None:
        self.ask(f"CREATE DATABASE {DATABASE}")
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

    def ask(self, statement: str, *values: object, database: str = "") -> Any:
        """Ask as the owner, statements about the table in its database."""
        is_about_table = "cdr" in statement and "DATABASE" not in statement
        return super().ask(statement, *values, database=database or (DATABASE if is_about_table else "postgres"))
