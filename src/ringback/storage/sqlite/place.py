"""Whether the files that are open still stand where the store is named, with room beside them. No statements here.

A file that was deleted, moved or replaced goes on working for who has it open; but nobody else finds what is written
into it, so that must not be acknowledged.
"""

import os
import time
from pathlib import Path

from ringback.errors import StoreUnavailable

LOOK_SECONDS = 0.1  # how long readers trust the last look: a look costs a tenth of a page
_LEAST_ROOM = 1 << 20  # bytes that should be free: a small write may still fit into the log where a delivery does not

_Identity = tuple[int, int]


class Place:
    """Where a store's file, its log and the log's index were found when they were opened."""

    def __init__(self, path: Path) -> None:
        """Remember the files; a connection must have read already, for the log is opened with its first look."""
        self._path = path.absolute()
        real = self._path.resolve()  # where SQLite keeps the log of a store that is named by a link
        self._names = [os.fspath(self._path), *(f"{real}{ending}" for ending in ("-wal", "-shm"))]
        self._opened = self._found()
        self.trusted_until = 0.0

    def look(self) -> None:
        """Raise `StoreUnavailable` unless the files at the store's path are those that were opened."""
        if self._found() != self._opened:
            self.trusted_until = 0.0
            raise StoreUnavailable(
                f"The store {self._path} is not the file that was opened: it, its -wal or its -shm was deleted, moved "
                "or replaced. Put them back, or restart to use what is there now"
            )
        self.trusted_until = time.monotonic() + LOOK_SECONDS

    def look_now_and_then(self) -> None:
        """Do the same, unless a look was taken within `LOOK_SECONDS`."""
        if time.monotonic() > self.trusted_until:
            self.look()

    def look_for_room(self) -> None:
        """Raise `StoreUnavailable` when the disk is full or as good as full."""
        disk = os.statvfs(self._path.parent)
        free = disk.f_bavail * disk.f_frsize
        if free < _LEAST_ROOM:
            raise StoreUnavailable(f"The disk of the store {self._path} is full ({free} bytes are left): make room")

    def _found(self) -> list[_Identity | None]:
        return [_identity(name) for name in self._names]


def _identity(name: str) -> _Identity | None:
    try:
        found = os.stat(name)  # noqa: PTH116  (a Path would cost as much as the look itself)
    except OSError:
        return None
    return found.st_dev, found.st_ino
