"""The file at a path and its rotated siblings: which there are, in which order, and their unpacked bytes."""

import gzip
import os
import re
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from ringback.errors import RingbackError
from ringback.following.place import HEAD_BYTES, TAIL_BYTES, FilePlace, Trail, is_head

UNREADABLE = (OSError, EOFError, zlib.error)  # gzip tells of broken data with these three
_GZIP = b"\x1f\x8b"
_MAX_NUMBER_DIGITS = 5  # more is a date


class FileId(NamedTuple):
    """Which file it is, whatever it is called, while it exists."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "FileId":
        return cls(status.st_dev, status.st_ino)


class Sibling(NamedTuple):
    """A rotated file as it was found."""

    path: Path
    file_id: FileId
    size: int
    modified_at: float
    mark: str


def siblings(path: Path) -> list[Sibling]:
    """Return the rotated files of the file at this path, oldest first.

    Names are those of logrotate and of scripts: Master.csv.1, Master.csv-20261004, Master-20261004.csv, and with .gz.
    """
    name = re.compile(
        rf"(?:{re.escape(path.name)}[._-](?P<behind>\d[\d._T:-]*)"
        rf"|{re.escape(path.stem)}[._-](?P<inside>\d[\d._T:-]*){re.escape(path.suffix)})(?:\.gz)?"
    )
    found: dict[str, Sibling] = {}
    for entry in sorted(_names(path.parent)):  # the plain one comes before the packed one, which may be half-written
        if match := name.fullmatch(entry):
            sibling = _sibling(path.parent / entry, match["behind"] or match["inside"])
            if sibling:
                found.setdefault(entry.removesuffix(".gz"), sibling)
    return _in_order(list(found.values()))


def _names(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RingbackError(
            f"the folder {folder} cannot be listed, so that rotated files would be missed: {error.strerror}"
        ) from error


def _sibling(path: Path, mark: str) -> Sibling | None:
    try:
        status = path.stat()
    except FileNotFoundError:  # rotated on since
        return None
    return Sibling(path, FileId.of(status), status.st_size, status.st_mtime, mark)


def _in_order(found: list[Sibling]) -> list[Sibling]:
    """By number where all have one (the highest is the oldest), by date where all have one, else by time of change."""
    numbered = [sibling.mark.isdecimal() and len(sibling.mark) <= _MAX_NUMBER_DIGITS for sibling in found]
    if all(numbered):
        return sorted(found, key=lambda sibling: -int(sibling.mark))
    if not any(numbered):
        return sorted(found, key=lambda sibling: re.sub(r"\D", "", sibling.mark))
    return sorted(found, key=lambda sibling: sibling.modified_at)


# --- what is in them -----------------------------------------------------------------------------------------------


class Text(Protocol):
    """The unpacked bytes of an open file."""

    def read_on(self, trail: Trail, size: int) -> bytes | None:
        """Return up to `size` bytes behind the trail, fewer only at the end; None where the trail is not there now."""

    def trail_to(self, place: FilePlace) -> Trail | None:
        """Return the trail to the place, where it is in this file."""

    def close(self) -> None:
        """Let go of the file."""


class PlainText:
    """A file as it is; it may grow, and be emptied by another program."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.file_id = FileId.of(os.fstat(file.fileno()))

    def read_on(self, trail: Trail, size: int) -> bytes | None:
        """Return what follows. The trail is read again with it: a file may be emptied and filled between two looks."""
        start = trail.offset - len(trail.tail)
        data = os.pread(self._file.fileno(), len(trail.tail) + size, start)
        return data[len(trail.tail) :] if data.startswith(trail.tail) else None

    def trail_to(self, place: FilePlace) -> Trail | None:
        """Return the trail to the place, where it is in this file."""
        head = os.pread(self._file.fileno(), min(HEAD_BYTES, place.offset), 0)
        before = min(TAIL_BYTES, place.offset)
        return Trail.before(place, head, os.pread(self._file.fileno(), before, place.offset - before))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class PackedText:
    """A gzip file, read forwards only: going back would unpack it from its start. Nobody changes it."""

    def __init__(self, file: BinaryIO) -> None:
        self._raw, self._file = file, gzip.GzipFile(fileobj=file)

    def read_on(self, trail: Trail, size: int) -> bytes:
        """Return what follows."""
        if self._file.tell() != trail.offset:
            self._file.seek(trail.offset)
        return self._file.read(size)

    def trail_to(self, place: FilePlace) -> Trail | None:
        """Return the trail to the place, where it is in this file."""
        self._file.seek(0)
        head = self._file.read(min(HEAD_BYTES, place.offset))
        if not is_head(place, head):  # another file: not unpacked any further
            return None
        before = min(TAIL_BYTES, place.offset)
        self._file.seek(place.offset - before)
        return Trail.before(place, head, self._file.read(before))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._raw.close()


def open_text(path: Path) -> PlainText | PackedText:
    """Open a file, plain or gzip (told by its first bytes)."""
    file = path.open("rb")
    try:
        is_packed = os.pread(file.fileno(), len(_GZIP), 0) == _GZIP
    except OSError:
        file.close()
        raise
    return PackedText(file) if is_packed else PlainText(file)
