"""How far something has been followed, kept durably. What is at that place is read in tail.py and table.py."""

import os
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ringback.errors import RingbackError

HEAD_BYTES, TAIL_BYTES = 4096, 256


class FilePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a file, known again by what stands before it: a rotated, copied or packed file is still the same.

    `head` and `tail` are digests of the first 4,096 and of the last 256 bytes before `offset`. `read_at` is when the
    file was read up to here (seconds since 1970): what was last written before then has been read.
    """

    offset: int
    head: str
    tail: str
    read_at: float


class TablePlace(msgspec.Struct, frozen=True, kw_only=True):
    """The highest time seen in a table, in ISO 8601: with a zone where the table's times have one."""

    highest: str


Place = TypeVar("Place", FilePlace, TablePlace)


class PlaceFile(Generic[Place]):
    """Keeps one place in a small JSON file that is always whole, whatever happens while it is written."""

    def __init__(self, path: Path, kind: type[Place]) -> None:
        self.path = path
        self._kind: type[Place] = kind

    def load(self) -> Place | None:
        """Return the kept place, None where none is kept yet."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise RingbackError(
                f"the place kept in {self.path} cannot be read ({error}); move the file away to begin anew, which "
                "repeats nothing in the store"
            ) from None

    def save(self, place: Place) -> None:
        """Replace the kept place; when this returns, it is on disk."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
                file.write(msgspec.json.encode(place) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            raise RingbackError(
                f"the place cannot be kept in {self.path}: {error.strerror}; name another file: --state"
            ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # file systems that cannot do this need not
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Trail:
    """What stands before the place that a reader has come to; it gives the place."""

    def __init__(self, head: bytes = b"", tail: bytes = b"", offset: int = 0) -> None:
        self._head, self.tail, self.offset = head, tail, offset

    def passed(self, data: bytes) -> None:
        """Go on behind these bytes."""
        self._head += data[: max(0, HEAD_BYTES - len(self._head))]
        self.tail = (self.tail + data)[-TAIL_BYTES:]
        self.offset += len(data)

    def place(self, read_at: float) -> FilePlace:
        """Return the place come to."""
        return FilePlace(offset=self.offset, head=_digest(self._head), tail=_digest(self.tail), read_at=read_at)

    @classmethod
    def before(cls, place: FilePlace, head: bytes, tail: bytes) -> "Trail | None":
        """Return the trail to a place, where a file's bytes at its head and before the place are those of the place."""
        if not is_head(place, head) or _digest(tail) != place.tail:
            return None
        return cls(head, tail, place.offset)


def is_head(place: FilePlace, head: bytes) -> bool:
    """Tell whether the file of the place begins with these bytes, which are all up to `HEAD_BYTES` before it."""
    return _digest(head) == place.head


def beginning() -> FilePlace:
    """Return the place before anything was read: no file is known by it."""
    return Trail().place(time.time())


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=12).hexdigest()
