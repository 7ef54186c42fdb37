"""A disk that keeps what was synced, and of the rest whatever a power cut leaves. Nothing is recorded or opened here.

What was written to a file before a sync of it began is there after that sync. Of what was written since, each piece is
kept, lost, or torn into sectors of which some are kept, in any order. A name in the folder is there after a sync of
the folder; of the names made and removed since, the first so many are, as a file system's journal has it.
"""

from random import Random
from typing import NamedTuple

from torture.recording import Step

_SECTOR = 512


class Write(NamedTuple):
    """A piece on its way to the disk, or a new size where there is no data."""

    offset: int
    data: bytes | None


class _File:
    def __init__(self) -> None:
        self.durable = bytearray()
        self.pending: list[Write] = []
        self.applied = 0  # how many were ever made durable: marks count from the beginning

    def mark(self) -> int:
        return self.applied + len(self.pending)

    def sync(self, mark: int) -> None:
        count = max(0, mark - self.applied)
        for write in self.pending[:count]:
            apply(self.durable, write)
        del self.pending[:count]
        self.applied += count


class Disk:
    """The files of one folder."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}  # as running programs see them
        self._durable: dict[str, _File] = {}
        self._pending: list[tuple[str, _File | None]] = []
        self._marks: dict[tuple[int, str], tuple[_File | None, int]] = {}
        self._gone: dict[str, _File] = {}

    def take(self, step: Step) -> None:
        """Do what a system call did."""
        getattr(self, f"_{step.what}")(step)

    def unsynced(self) -> int:
        """Return how many pieces a power cut could take now."""
        files = (file for name, file in self._names.items() if not name.endswith("-shm"))  # that is never synced
        return len(self._pending) + sum(len(file.pending) for file in files)

    def cut(self, chance: Random) -> dict[str, bytes]:
        """Return what the files hold after a power cut now: one of the many possible outcomes."""
        names = dict(self._durable)
        for name, file in self._pending[: chance.randint(0, len(self._pending))]:
            _bind(names, name, file)
        how = chance.choice(("lost", "kept", "any", "any", "first"))
        return {name: _after(file, how, chance) for name, file in names.items()}

    def _made(self, step: Step) -> None:
        if step.name not in self._names:
            self._names[step.name] = file = _File()
            self._pending.append((step.name, file))

    def _removed(self, step: Step) -> None:
        self._gone[step.name] = self._names.pop(step.name)
        self._pending.append((step.name, None))

    def _wrote(self, step: Step) -> None:
        self._of(step.name).pending.append(Write(step.number, step.data))

    def _cut(self, step: Step) -> None:
        self._of(step.name).pending.append(Write(step.number, None))

    def _syncing(self, step: Step) -> None:
        file = self._of(step.name) if step.name else None
        self._marks[step.number, step.name] = (file, file.mark() if file else len(self._pending))

    def _synced(self, step: Step) -> None:
        file, mark = self._marks.pop((step.number, step.name))
        if file is not None:
            file.sync(mark)
            return
        for name, bound in self._pending[:mark]:
            _bind(self._durable, name, bound)
        del self._pending[:mark]
        for key, (other, count) in self._marks.items():  # another process may be syncing the folder too
            if other is None:
                self._marks[key] = (None, max(0, count - mark))

    def _of(self, name: str) -> _File:
        real = name.removesuffix(" (deleted)")
        return self._names[real] if real == name else self._gone[real]


def apply(content: bytearray, write: Write) -> None:
    """Put a piece where it belongs; what lies between it and the end becomes zeros."""
    if write.data is None:
        del content[write.offset :]
        content.extend(bytes(write.offset - len(content)))
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.data)] = write.data


def _bind(names: dict[str, _File], name: str, file: _File | None) -> None:
    if file is None:
        names.pop(name, None)
    else:
        names[name] = file


def _after(file: _File, how: str, chance: Random) -> bytes:
    content = bytearray(file.durable)
    last = chance.randint(0, len(file.pending)) if how == "first" else len(file.pending)
    for number, write in enumerate(file.pending[:last] if how != "lost" else ()):
        fate = chance.choice(("kept", "lost", "torn")) if how == "any" or number == last - 1 else "kept"
        if how == "kept" or fate == "kept":
            apply(content, write)
        elif fate == "torn" and write.data is not None:
            _tear(content, write.offset, write.data, chance)
    return bytes(content)


def _tear(content: bytearray, offset: int, data: bytes, chance: Random) -> None:
    start = offset
    while start < offset + len(data):
        end = min(offset + len(data), (start // _SECTOR + 1) * _SECTOR)
        if chance.random() < 0.5:
            apply(content, Write(start, data[start - offset : end - offset]))
        start = end
