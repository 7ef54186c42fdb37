"""Backing a store up into a file that is a store itself: whole or not there at all. No HTTP, no SQL."""

import asyncio
import fcntl
import glob
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ringback.copying import copy_store, count_calls, lacking
from ringback.errors import AlreadyThere, StoreUnavailable, StoreUnusable
from ringback.storage import open_store
from ringback.storage.auditing import THE_STORE, Act, new_line
from ringback.storage.base import Store
from ringback.storage.sqlite.backing_up import is_open
from ringback.storage.sqlite.scrubbing import empty_log

Told = Callable[[int, int], None]  # how much is done, of how much


async def back_up(store: Store, file: Path, told: Told, *, overwrites: bool = False) -> int:
    """Write the whole store, as it is at one moment, into this file; return its size in bytes.

    Writers go on meanwhile. The file appears under its name once all of it is on the disk, readable by its owner only.
    `file` is an absolute path. Raises `AlreadyThere` unless it may be overwritten, `StoreUnusable` where it cannot be
    written, is open, or has a log beside it that is not its own, `StoreUnavailable` where the disk is full.
    """
    if overwrites and store.owns(file):
        raise StoreUnusable(f"{file} is the store itself: name another file for its backup")
    _check(file, overwrites=overwrites)
    with _part_of(file, store) as part:
        if not await store.copy_file(part, told):
            await _copy(store, part, told)
        size = _put(part, file, overwrites=overwrites)
    line = new_line(Act.BACKED_UP, THE_STORE, str(file), size=size)
    await store.note([line])
    store.heard(line)
    return size


async def _copy(store: Store, part: Path, told: Told) -> None:
    """Copy a store that has no file of its own, row by row, from one snapshot."""
    async with store.frozen() as frozen:
        calls = await count_calls(frozen)
        target = await open_store(str(part))
        try:
            await copy_store(frozen, target, lambda copied: told(copied.calls, calls))
            faults = await lacking(frozen, target)
        finally:
            await target.close()
    if faults:
        raise StoreUnusable(f"The backup lacks calls, in {faults[0].where} first: {faults[0].what}")
    await asyncio.to_thread(empty_log, part)  # closing does so too, but would not tell of a disk without room for it


def _check(file: Path, *, overwrites: bool) -> None:
    if file.exists() and not overwrites:
        raise AlreadyThere(f"There is a file {file} already; name another, or say --overwrite")
    if file.is_dir() or not file.parent.is_dir():
        raise StoreUnusable(f"{file} cannot be written: name a file in a folder that is there")
    is_there = file.is_file() and file.stat().st_size > 0
    if is_there and is_open(file):
        raise StoreUnusable(f"{file} is open: some process uses it as its store; stop that, or name another file")
    if not is_there and (log := _log_of(file)):
        raise StoreUnusable(
            f"There is no store {file}, but its log {log} is there and may hold its last calls: "
            "put the store's file back beside it, move the log away, or name another file"
        )


@contextmanager
def _part_of(file: Path, store: Store) -> Iterator[Path]:
    """Lend an empty file of its own beside the one to be; throw away what killed backups left there.

    Whoever writes one holds its lock, of a kind that SQLite does not use. A left one is never written into: it may be
    the finished file under its other name, and that file the store by now, which must not be opened and closed here.
    """
    for left in file.parent.glob(f"{glob.escape(file.name)}.part-????????"):
        if not store.owns(left):
            _throw_away_left(left)
    part = file.with_name(f"{file.name}.part-{secrets.token_hex(4)}")
    try:
        handle = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StoreUnusable(f"{part} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield part
    except OSError as error:
        raise StoreUnusable(f"{part} cannot be written: {error.strerror or error}") from error
    finally:
        _remove(part)
        os.close(handle)


def _throw_away_left(part: Path) -> None:
    try:
        handle = os.open(part, os.O_RDONLY)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove(part)
    except BlockingIOError:
        return  # another backup is writing it
    finally:
        os.close(handle)


def _put(part: Path, file: Path, *, overwrites: bool) -> int:
    """Give a whole file its name, once it is on the disk; return its size."""
    if _log_of(part):
        raise StoreUnavailable(f"{part} is not whole: what was written last is in its log, for want of room perhaps")
    _sync(part)
    _check(file, overwrites=overwrites)  # once more: copying may have taken hours
    size = part.stat().st_size
    if overwrites:
        _remove_logs(file)  # they would be taken for the new file's
        _sync(file.parent)
        part.replace(file)
    else:
        try:
            file.hardlink_to(part)
        except FileExistsError:
            raise AlreadyThere(f"There is a file {file} already; name another, or say --overwrite") from None
    _sync(file.parent)
    return size


def _log_of(file: Path) -> Path | None:
    """Return a log with something in it that lies beside the file: whoever opens the file takes it for the file's."""
    logs = (_beside(file, ending) for ending in ("-wal", "-journal"))
    return next((log for log in logs if log.exists() and log.stat().st_size), None)


def _beside(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    _remove_logs(part)


def _remove_logs(file: Path) -> None:
    for ending in ("-wal", "-shm", "-journal"):
        _beside(file, ending).unlink(missing_ok=True)
