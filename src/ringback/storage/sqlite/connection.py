"""Opening the file, its schema, and SQLite's errors in our words. No statements about calls here."""

import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path

from ringback.errors import StoreUnavailable, StoreUnusable
from ringback.storage.auditing import THE_STORE, Act, new_line
from ringback.storage.rows import AUDIT_COLUMNS, audit_row
from ringback.storage.sqlite.older_lists import WITH_RING_BACK, are_older, bring_up_lists, make_ring_back

APPLICATION_ID = 0x52696E67  # "Ring": tells our file from any other program's
BUSY_SECONDS = 10.0  # how long a writer waits for another process's transaction
_READ_CACHE_KIB = 4 * 1024  # the inner pages of the indexes: leaves come from the system's cache as fast
_WRITE_CACHE_KIB = 32 * 1024
NOTE = f"INSERT INTO audit ({AUDIT_COLUMNS}) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
RETRY_SECONDS = 0.004  # short, so that a writer gets its turn in the gap an importer leaves between its chunks


def our_error(error: sqlite3.DatabaseError, path: Path) -> StoreUnavailable | StoreUnusable:
    """Return SQLite's error as the store's: damaged or foreign is unusable, everything else may pass."""
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable(f"The store {path} cannot be used right now: {error}")
    return StoreUnusable(f"The store {path} is no SQLite database or is damaged: {error}")


@contextmanager
def our_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as the store's."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise our_error(error, path) from error


def open_file(path: Path, *, migrate: bool) -> None:
    """Make the file if it is not there, and bring a fresh one to this program's schema.

    Raises `StoreUnusable`, in one line that says what to do, for a file that is no store of ours, is of another schema
    (unless `migrate`), or cannot be written; and where the log of a store that is away lies, with calls in it.
    """
    _refuse_a_log_alone(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_file(path)
    except OSError as error:
        reason = error.strerror or error
        raise StoreUnusable(
            f"The store {path} cannot be opened for writing: {reason}; name another: --store"
        ) from error
    try:
        connection = connect(path)
        try:
            in_turn(lambda: _bring_up(connection, path, migrate=migrate))
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise StoreUnusable(f"The store {path} cannot be opened for writing: {error}; name another: --store") from error
    except sqlite3.DatabaseError as error:
        raise StoreUnusable(
            f"The store {path} is no SQLite database ({error}); name another file or restore a backup"
        ) from error


def _refuse_a_log_alone(path: Path) -> None:
    """Raise `StoreUnusable` where there is a log without its store: SQLite would remove it to begin a new one.

    The log is looked for first: another process may be making the store right now, and then the file comes before it.
    """
    wal = Path(f"{path.resolve()}-wal")
    if _size(wal) and not _size(path):
        raise StoreUnusable(
            f"The store {path} is missing, but its log {wal} is there and may hold its last calls: "
            "put the store's file back beside it, or move the log away to begin a new store"
        )


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _make_file(path: Path) -> None:
    """Make the file where there is none; raises `OSError` for one that cannot be written.

    One that is there is only asked about. To open and close it would drop every lock that this process has on it (POSIX
    locks are the process's): another would take the log of a store that is open here for left behind, and remove it.
    """
    if not path.exists():
        with suppress(FileExistsError):  # another has made it meanwhile: then no handle of it is closed
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            os.close(os.open(path.resolve(), flags, 0o600))  # customers' numbers: nobody else's to read
            return
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(path, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def connect(path: Path, *, read_only: bool = False, waits: bool = True) -> sqlite3.Connection:
    """Return a connection in autocommit mode; what a commit wrote is on disk (WAL, synchronous FULL).

    One that `waits` leaves waiting for a lock to SQLite, which soon looks only every 100 ms; else use `in_turn`.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        connection.execute(f"PRAGMA cache_size = -{_READ_CACHE_KIB if read_only else _WRITE_CACHE_KIB}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        if not waits:
            connection.execute("PRAGMA busy_timeout = 0")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Tell whether another process has the lock."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY  # the rest of the code says which kind of busy


def in_turn(step: Callable[[], object]) -> None:
    """Run a step that takes a lock, again while another process has it; after `BUSY_SECONDS` SQLite's error stands."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return


# --- schema --------------------------------------------------------------------------------------------------------


def schema_steps() -> list[str]:
    """Return the SQL of each step of the schema, first to last."""
    folder = files("ringback.storage.sqlite.migrations")
    return [
        step.read_text() for step in sorted(folder.iterdir(), key=lambda step: step.name) if step.name[-4:] == ".sql"
    ]


def _bring_up(connection: sqlite3.Connection, path: Path, *, migrate: bool) -> None:
    steps = schema_steps()
    if _done_steps(connection, path, len(steps), migrate=migrate) == len(steps) and not (
        migrate and are_older(connection)
    ):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN EXCLUSIVE")
    with connection:  # another process, even of another version, may have done it while this one waited
        done = _done_steps(connection, path, len(steps), migrate=migrate)
        for step in steps[done:]:
            for statement in statements(step):
                connection.execute(statement)
        if are_older(connection):
            bring_up_lists(connection, statements(steps[0]))
        if done < WITH_RING_BACK:
            make_ring_back(connection)
        if done and done < len(steps):
            line = new_line(Act.MIGRATED, THE_STORE, steps_before=done, steps_after=len(steps))
            connection.execute(NOTE, audit_row(line))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(steps)}")


def _done_steps(connection: sqlite3.Connection, path: Path, known: int, *, migrate: bool) -> int:
    """How many steps of the schema the store has; refuses one that this program cannot or may not bring up."""
    version = _our_version(connection, path)
    if version > known:
        raise StoreUnusable(
            f"The store {path} is of schema {version}, made by a newer Ringback (this one knows {known}): upgrade"
        )
    if version not in (0, known) and not migrate:
        raise StoreUnusable(
            f"The store {path} is of schema {version}; this Ringback needs {known}: "
            f"run `ringback migrate --store sqlite:///{path}`"
        )
    return version


def _our_version(connection: sqlite3.Connection, path: Path) -> int:
    """The schema's version, 0 for an empty file; refuses a database that some other program made.

    One statement, so one moment: another process may be making the store right now.
    """
    owner, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if owner == APPLICATION_ID:
        return int(version)
    if owner or version or tables:
        raise StoreUnusable(
            f"The file {path} is another program's database, not a Ringback store; name another: --store"
        )
    return 0


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one, so that they can run inside one transaction."""
    gathered = ""
    for line in script.splitlines(keepends=True):
        gathered += line
        if sqlite3.complete_statement(gathered):
            yield gathered
            gathered = ""
