"""What a SQLite file still holds of dropped rows: looking for bytes in it, and having it written anew without them."""

import os
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from ringback.errors import StoreUnavailable
from ringback.storage.sqlite import connection
from ringback.storage.sqlite.connection import connect, our_errors

_CHECKPOINT_SECONDS = 30.0
_CHUNK = 8 * 1024 * 1024

_HANDLES: dict[tuple[int, int], int] = {}  # of the files that were looked into, by device and inode


def places_of(path: Path, patterns: Sequence[bytes]) -> int:
    """Return at how many places of the file and of its log any of these bytes stand, used or not."""
    real = path.resolve()  # where SQLite keeps the log of a store that is named by a link
    return sum(_count(file, patterns) for file in (real, real.with_name(real.name + "-wal")))


def empty_log(path: Path) -> None:
    """Bring the log into the file and cut it to nothing; raises `StoreUnavailable` where a reader hinders that."""
    deadline = time.monotonic() + _CHECKPOINT_SECONDS
    with our_errors(path), closing(connect(path)) as db:
        while db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"The log of {path} cannot be emptied: somebody reads the store all the time; try again"
                )
            time.sleep(connection.RETRY_SECONDS)


def write_anew(path: Path) -> None:
    """Have SQLite write the whole file anew, with nothing but live rows; writers wait meanwhile, readers do not.

    It takes twice the file's size of disk for a while, beside the store and not where temporary files usually go.
    """
    before = os.environ.get("SQLITE_TMPDIR")
    os.environ["SQLITE_TMPDIR"] = str(path.parent)
    try:
        with our_errors(path), closing(connect(path)) as db:
            db.execute("VACUUM")
    finally:
        if before is None:
            del os.environ["SQLITE_TMPDIR"]
        else:
            os.environ["SQLITE_TMPDIR"] = before
    empty_log(path)


def _count(path: Path, patterns: Sequence[bytes]) -> int:
    """Count in chunks that overlap, so that nothing between two of them is missed and nothing is counted twice."""
    handle = _handle_of(path)
    if handle is None:
        return 0
    found, place, before = 0, 0, dict.fromkeys(patterns, b"")
    while chunk := os.pread(handle, _CHUNK, place):
        place += len(chunk)
        for pattern, tail in before.items():
            content = tail + chunk
            found += content.count(pattern)
            before[pattern] = content[len(content) - len(pattern) + 1 :]
    return found


def _handle_of(path: Path) -> int | None:
    """Return a handle to read the file by, which stays open while the process lives; None where there is no file.

    To close it would drop every lock that this process has on the file (POSIX locks are the process's): a server that
    stops would then remove the log of a store that is being written anew here. A file gets one, however often.
    """
    with suppress(FileNotFoundError):
        file = path.stat()
        identity = file.st_dev, file.st_ino
        if identity not in _HANDLES:
            _HANDLES[identity] = os.open(path, os.O_RDONLY)
        return _HANDLES[identity]
    return None
