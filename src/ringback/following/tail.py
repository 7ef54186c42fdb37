"""Following a file of rows across rotation, truncation and restarts. Where its rows go is the sinks'."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ringback.errors import RingbackError
from ringback.following.batches import MAX_BYTES, cut_batch
from ringback.following.place import HEAD_BYTES, FilePlace, Trail
from ringback.following.rotated import UNREADABLE, FileId, PlainText, Sibling, Text, open_text, siblings
from ringback.sources import Source

_CLOCK_SLACK_SECONDS = 2.0  # between a file system's clock and ours
_OPENING_TRIES = 5


class Batch(NamedTuple):
    """Whole rows of a file, where they stood, and the place behind them."""

    data: bytes
    origin: str
    place: FilePlace


class _Emptied(Exception):
    """What was read of the file is no longer in it."""


class _RotatedUnread(Exception):
    """Files were rotated before anything was read of this one, perhaps more than once."""


class _Reader:
    """One open file on the way to its end."""

    def __init__(self, path: Path, text: Text, trail: Trail, source: Source) -> None:
        self.path, self._text, self.trail, self._source = path, text, trail, source
        self._waiting, self._waiting_since = 0, 0.0
        self.rotated_at: float | None = None
        self.is_final = False

    def batches(self, *, patience_seconds: float) -> Iterator[Batch]:
        """Yield what can be delivered now; where nothing more will come (`is_final`), all there is.

        A row that seems to go on is waited for until nothing has come for `patience_seconds`. Raises `_Emptied`.
        """
        while True:
            read_at = time.time()
            data = self._text.read_on(self.trail, MAX_BYTES)
            if data is None:
                raise _Emptied
            is_whole = len(data) < MAX_BYTES and (self.is_final or self._is_quiet(data, patience_seconds))
            batch = cut_batch(data, self._source, is_whole=is_whole)
            if not batch:
                return
            origin = f"{self.path.name} from byte {self.trail.offset}"
            self.trail.passed(batch)
            yield Batch(batch, origin, self.trail.place(read_at))

    def _is_quiet(self, data: bytes, patience_seconds: float) -> bool:
        """Tell whether these lines, all with their ends, have been all there is for so long."""
        now = time.monotonic()
        if (end := self.trail.offset + len(data)) != self._waiting:
            self._waiting, self._waiting_since = end, now
        return data.endswith(b"\n") and now - self._waiting_since >= patience_seconds

    def is_at(self, path: Path) -> bool:
        """Tell whether the open file is still the one of this name."""
        try:
            return isinstance(self._text, PlainText) and FileId.of(path.stat()) == self._text.file_id
        except OSError:
            return False

    def has_all_of(self, other: "_Reader") -> bool:
        """Tell whether the other file's first bytes are this one's, whichever of them is open under which name."""
        trail = Trail()
        trail.passed(other._text.read_on(trail, HEAD_BYTES) or b"")
        return self._text.trail_to(trail.place(0.0)) is not None

    def close(self) -> None:
        """Let go of the file."""
        self._text.close()


class Tail:
    """Follows the file at a path from a place on; `say` hears what the owner should know."""

    def __init__(
        self,
        path: Path,
        place: FilePlace,
        source: Source,
        say: Callable[[str], None],
        *,
        patience_seconds: float = 2.0,
    ) -> None:
        self.path, self.place, self._source, self._say = path, place, source, say
        self._patience = patience_seconds
        self._queue: deque[_Reader] = deque()  # files to read, oldest first; the last is the one at the path, if there
        self._seen: object = None  # what was there when the queue was made
        self._was_drained = False
        self.is_waiting = False

    def poll(self) -> Iterator[Batch]:
        """Yield what has come since, oldest first. Asking for the next batch says that the last one is delivered."""
        while self._queue or self._open():
            try:
                for batch in self._read(self._queue[0]):
                    yield batch
                    self.place = batch.place
            except _Emptied:
                self.close()
            except _RotatedUnread:
                self._open_around(self._queue.popleft())
            except UNREADABLE as error:
                self._give_up(self._queue.popleft(), error)
            else:
                if self._is_done():
                    return

    def close(self) -> None:
        """Let go of all files."""
        while self._queue:
            self._queue.popleft().close()

    # --- reading ---

    def _read(self, reader: _Reader) -> Iterator[Batch]:
        is_live = self._is_live(reader)
        if is_live and reader.trail.offset == 0 and self._seen != self._there():
            raise _RotatedUnread
        reader.is_final = not is_live or self._is_left(reader)
        yield from reader.batches(patience_seconds=self._patience)

    def _is_done(self) -> bool:
        """Go on to the next file, where this one has been read to its end; tell whether there is nothing to do now."""
        reader = self._queue[0]
        if not reader.is_final:
            if reader.rotated_at is None and not reader.is_at(self.path):
                reader.rotated_at = time.monotonic()
                return self._patience > 0
            return True
        self._was_drained = self._is_live(reader)
        self._queue.popleft().close()
        return False

    def _is_live(self, reader: _Reader) -> bool:
        return reader.path == self.path

    def _is_left(self, reader: _Reader) -> bool:
        """Tell whether a file that was rotated away has been left by whoever wrote it when that happened."""
        return reader.rotated_at is not None and time.monotonic() - reader.rotated_at >= self._patience / 2

    def _give_up(self, reader: _Reader, error: Exception) -> None:
        reader.close()
        if self._is_live(reader):
            raise RingbackError(f"{reader.path} cannot be read: {_reason(error)}") from error
        self._say(f"{reader.path} cannot be read and is passed over: {_reason(error)}")

    # --- finding the place ---

    def _open(self) -> bool:
        """Queue the files from the place on; return whether there are any that have not been read."""
        for _ in range(_OPENING_TRIES):
            there = self._there()
            if there == self._seen and there[0] is None:
                return False  # the file has not come yet, and all else has been read
            readers = self._readers(siblings(self.path))
            if there == self._there():
                break
            for reader in readers:  # rotated while they were opened: names and files do not go together
                reader.close()
        else:
            return False
        self._seen = there
        self._was_drained = False
        self._queue.extend(readers)
        if not readers and not self.is_waiting and self._patience:
            self._say(f"waiting for {self.path} to appear")
        self.is_waiting = not readers
        return bool(readers)

    def _open_around(self, unread: _Reader) -> None:
        """Queue the files anew: some may lie between the place and this one, which comes first if it is not there."""
        if not self._open():
            self._seen = self._there()
        if any(reader.has_all_of(unread) for reader in self._queue):
            unread.close()
        else:
            unread.rotated_at = None if unread.is_at(self.path) else 0.0
            self._queue.appendleft(unread)

    def _there(self) -> tuple[FileId | None, list[Sibling]]:
        try:
            return FileId.of(self.path.stat()), siblings(self.path)
        except FileNotFoundError:
            return None, siblings(self.path)

    def _readers(self, rotated: list[Sibling]) -> list[_Reader]:
        """Open what is to be read: the place's own file from there on, and all newer ones."""
        live = self._opened(self.path)
        if live and self.place.offset and (trail := live.trail_to(self.place)):
            return [_Reader(self.path, live, trail, self._source)]
        newest = [_Reader(self.path, live, Trail(), self._source)] if live else []
        newer: list[_Reader] = []
        for sibling in reversed(rotated):
            text = self._opened(sibling.path)
            if text is None:
                continue
            trail = self._trail_in(sibling, text) if self.place.offset else None
            newer.insert(0, _Reader(sibling.path, text, trail or Trail(), self._source))
            if trail:
                return newer + newest
        return self._changed_since(newer, rotated) + newest

    def _opened(self, path: Path) -> Text | None:
        try:
            return open_text(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RingbackError(f"{path} cannot be read: {_reason(error)}") from error

    def _trail_in(self, sibling: Sibling, text: Text) -> Trail | None:
        try:
            return text.trail_to(self.place)
        except UNREADABLE as error:
            self._say(f"{sibling.path} cannot be read: {_reason(error)}")
            return None

    def _changed_since(self, readers: list[_Reader], rotated: list[Sibling]) -> list[_Reader]:
        """The place is in no file any more: whatever was written to since may hold rows that were not read.

        Rows that were read come again then, which changes nothing.
        """
        since = self.place.read_at - _CLOCK_SLACK_SECONDS
        changed = {sibling.path for sibling in rotated if sibling.modified_at >= since}
        if self.place.offset and not self._was_drained:
            self._say(
                f"what was read of {self.path} is neither in it nor in a rotated file beside it any more: reading what "
                "is there from its start; if rows were moved elsewhere unread, import that file"
            )
        for reader in readers:
            if reader.path not in changed:
                reader.close()
        return [reader for reader in readers if reader.path in changed]


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
