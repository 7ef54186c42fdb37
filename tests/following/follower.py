"""Follows a log within the test's process, and can be begun anew. No assertions here."""

from collections.abc import Iterator

from tests.following.rows import Log, number_of

from ringback.following.place import FilePlace, beginning
from ringback.following.tail import Batch, Tail
from ringback.sources import source_named

ASTERISK = source_named("asterisk")


class Follower:
    """Follows a log, keeps what it was given and the place; it can be begun anew from there."""

    def __init__(self, log: Log, *, patience_seconds: float = 0.0) -> None:
        self._log, self._patience = log, patience_seconds
        self.place: FilePlace = beginning()
        self.data = b""
        self.said: list[str] = []
        self._tail: Tail | None = None

    def poll(self) -> bytes:
        """Take in what has come; return just that."""
        before = len(self.data)
        for batch in self._batches():
            self.data += batch.data
            self.place = batch.place
        return self.data[before:]

    def _batches(self) -> Iterator[Batch]:
        if self._tail is None:
            self._tail = Tail(self._log.path, self.place, ASTERISK, self.said.append, patience_seconds=self._patience)
        return self._tail.poll()

    def restart(self) -> None:
        """Forget everything but the place."""
        if self._tail:
            self._tail.close()
        self._tail = None

    def die_before_keeping_the_place(self) -> None:
        """Deliver one batch, and end before its place is kept."""
        for batch in self._batches():
            self.data += batch.data
            break
        self.restart()

    def times_of(self, call: int) -> int:
        """Return how often the call's row came."""
        return self.data.count(f'"{number_of(call)}"'.encode())
