"""What this server has counted: cells of integers that all its workers share. What they mean to Prometheus is not here.

A counter of the metrics library takes a lock and costs a page's request more than all its own bookkeeping. A cell costs
some tens of nanoseconds, and any worker can add up everybody's: each writes to a row of its own in one anonymous file
that the parent made. The row of a worker that died is its replacement's, so that no sum ever falls.
"""

import fcntl
import mmap
import os
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from multiprocessing import reduction
from typing import Any, NamedTuple

# 499 hung up; 0 is any other
STATUSES = (200, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 429, 431, 499, 500, 503, 0)
BOUNDS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)
RESULTS = ("new", "merged", "duplicate", "rejected")
OTHER = "other"

_STATUS_AT = {status: at for at, status in enumerate(STATUSES)}
_BOUNDS_NS = tuple(round(bound * 1e9) for bound in BOUNDS_SECONDS)
_BUCKETS = len(BOUNDS_SECONDS) + 1
_ROUTE_CELLS = len(STATUSES) + _BUCKETS + 1
_SOURCE_CELLS = len(RESULTS) + 1
_HEADER_CELLS = 1  # the worker's process, 0 when none has the row
_CELL_BYTES = 8
_ROWS = 64 + 16  # the most workers there may be, and those that replace them before they have gone


class RouteTally:
    """How the requests to one route ended, and how long they took."""

    __slots__ = ("_buckets", "_cells", "_statuses", "_sum")

    def __init__(self, cells: "memoryview[int]", at: int) -> None:
        self._cells = cells
        self._statuses = at
        self._buckets = at + len(STATUSES)
        self._sum = self._buckets + _BUCKETS

    def count(self, status: int, nanoseconds: int) -> None:
        """Count one request. The hot path: three additions."""
        cells = self._cells
        cells[self._statuses + _STATUS_AT.get(status, len(STATUSES) - 1)] += 1
        cells[self._buckets + bisect_left(_BOUNDS_NS, nanoseconds)] += 1
        cells[self._sum] += nanoseconds


class SourceTally:
    """What became of the legs and records that one source delivered."""

    def __init__(self, cells: "memoryview[int]", at: int) -> None:
        self._cells, self._at = cells, at

    def count(self, *counts: int) -> None:
        """Count one delivery that was taken in: its legs new, merged and duplicate, and its records rejected."""
        for offset, count in enumerate(counts):
            self._cells[self._at + offset] += count
        self._cells[self._at + len(RESULTS)] = time.time_ns() // 1_000_000


class RouteSums(NamedTuple):
    """A route's sums over all workers: requests by status and by bucket of time, and all their seconds."""

    statuses: dict[int, int]
    buckets: list[int]
    seconds: float


class SourceSums(NamedTuple):
    """A source's sums over all workers, and when the last delivery was taken in (None: never since the start)."""

    results: dict[str, int]
    last_seconds: float | None


class Board:
    """The file of rows, as the parent makes it and hands it to its workers: it can be pickled on the way there."""

    def __init__(self, routes: Iterable[str], sources: Iterable[str]) -> None:
        self.routes, self.sources = (*routes, OTHER), tuple(sources)
        self._row_bytes = _CELL_BYTES * (
            _HEADER_CELLS + len(self.routes) * _ROUTE_CELLS + len(self.sources) * _SOURCE_CELLS
        )
        with tempfile.TemporaryFile(prefix="ringback-tallies-") as file:
            file.truncate(_ROWS * self._row_bytes)
            self._fd = os.dup(file.fileno())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_fd": reduction.DupFd(self._fd)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "_fd": state["_fd"].detach()})

    def taken(self) -> "Tallies":
        """Return this process's row, and the sight of all; a row belongs to a process for as long as it lives."""
        whole = mmap.mmap(self._fd, _ROWS * self._row_bytes)
        return Tallies(self, memoryview(whole).cast("q"), self._free_row())

    def _free_row(self) -> int:
        for row in range(_ROWS):
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)  # let go by the system when we end
            except OSError:
                continue
            return row
        raise RuntimeError("more processes count than there can be workers")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


class Tallies:
    """This process's row of the board by route and source, and the sums over all rows."""

    def __init__(self, board: Board, cells: "memoryview[int]", row: int) -> None:
        self._board, self._cells = board, cells
        self._row_cells = len(cells) // _ROWS
        at = row * self._row_cells
        cells[at] = os.getpid()
        self._own = at
        self.routes = {name: RouteTally(cells, at + self._route_at(n)) for n, name in enumerate(board.routes)}
        self.sources = {name: SourceTally(cells, at + self._source_at(n)) for n, name in enumerate(board.sources)}

    def _route_at(self, number: int) -> int:
        return _HEADER_CELLS + number * _ROUTE_CELLS

    def _source_at(self, number: int) -> int:
        return _HEADER_CELLS + len(self._board.routes) * _ROUTE_CELLS + number * _SOURCE_CELLS

    def _in_rows(self, offset: int, count: int) -> Iterator[list[int]]:
        for row in range(_ROWS):
            at = row * self._row_cells + offset
            yield self._cells[at : at + count].tolist()

    def _sums(self, offset: int, count: int) -> list[int]:
        return [sum(column) for column in zip(*self._in_rows(offset, count), strict=True)]

    def count_refused(self, path: bytes, status: int) -> None:
        """Count a request that was refused before it was whole, so that no endpoint saw it."""
        self.routes.get(path.decode("latin-1"), self.routes[OTHER]).count(status, 0)

    def processes(self) -> list[tuple[int, int]]:
        """Return each worker's row and process."""
        return [(row, pid) for row, (pid,) in enumerate(self._in_rows(0, 1)) if pid]

    def route_sums(self) -> Iterator[tuple[str, RouteSums]]:
        """Yield what was counted of each route."""
        for number, name in enumerate(self._board.routes):
            sums = self._sums(self._route_at(number), _ROUTE_CELLS)
            statuses = dict(zip(STATUSES, sums[: len(STATUSES)], strict=True))
            yield name, RouteSums(statuses, sums[len(STATUSES) : -1], sums[-1] / 1e9)

    def source_sums(self) -> Iterator[tuple[str, SourceSums]]:
        """Yield what was counted of each source."""
        for number, name in enumerate(self._board.sources):
            rows = list(self._in_rows(self._source_at(number), _SOURCE_CELLS))
            sums = [sum(column) for column in zip(*rows, strict=True)]
            last_ms = max(row[-1] for row in rows)
            yield name, SourceSums(dict(zip(RESULTS, sums[:-1], strict=True)), last_ms / 1000 if last_ms else None)

    def leave(self) -> None:
        """Say that this process has ended; what it counted stays."""
        self._cells[self._own] = 0
