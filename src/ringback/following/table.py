"""Following a table of calls to which rows are added when calls end, in no order. The databases are beside this file.

Nothing but the time of its start orders a row, and it comes when the call is over: each look reads a window of time
again and leaves out what was delivered.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from ringback.errors import InvalidInput, RingbackError
from ringback.following.batches import MAX_BYTES, MAX_LINES
from ringback.following.pace import Pace
from ringback.following.place import TablePlace
from ringback.sources.asterisk_columns import Columns, column_name

CONNECT_SECONDS = 10
QUERY_SECONDS = 300  # a table of many millions without an index on its time
TIME_NAMES = ("calldate", "start")
_FIRST = datetime(1970, 1, 1)  # noqa: DTZ001  (a clock reading; MySQL's absent time, all zeros, is before it)
_HOUR = timedelta(hours=1)


class TableColumns(NamedTuple):
    """The columns to read, the time first; whether that time has a zone; whether all times have one."""

    names: tuple[str, ...]
    is_aware: bool
    are_all_aware: bool


class Row(NamedTuple):
    """A row as it was read: the time that orders it, and its values in the columns' order."""

    time: datetime
    values: Sequence[object]


class Table(Protocol):
    """A table, only ever read. Each method may raise `Away`, and `RingbackError` where trying again is vain."""

    name: str

    async def columns(self) -> TableColumns:
        """Return what there is to read."""

    async def now(self) -> datetime:
        """Return the time by the database's clock, aware where the table's times are."""

    async def rows(self, since: datetime, limit: int) -> list[Row]:
        """Return the first rows whose time is not before `since`, in order of time, at most `limit`."""

    async def aclose(self) -> None:
        """Let go of the connection."""


class TableBatch(NamedTuple):
    """Rows as JSON lines, where they stood, and the place behind them, None where it is no other."""

    data: bytes
    origin: str
    place: TablePlace | None


class TableTail:
    """Follows a table from a place on."""

    def __init__(self, table: Table, place: TablePlace | None, overlap: timedelta, zone: ZoneInfo | None) -> None:
        self._table, self._overlap, self._zone = table, overlap, zone
        self._highest = None if place is None else _read_place(place)
        self._delivered = _Delivered()

    async def poll(self, pace: Pace) -> AsyncIterator[TableBatch]:
        """Yield what has come since. Asking for the next batch says that the last one is delivered.

        Each look is a short query of its own: a long one would keep a switch from writing to a MyISAM table.
        """
        columns = await pace.keep_trying(self._table.name, self._table.columns)
        now = await self._now(pace)
        since, limit = self._window_start(columns), MAX_LINES
        while True:
            rows = await pace.keep_trying(self._table.name, lambda: self._table.rows(since, limit))  # noqa: B023
            for batch in self._batches(rows, columns, now):
                yield batch
            self._delivered.forget_before(self._window_start(columns))
            if len(rows) < limit:
                return
            if rows[-1].time == since:
                limit *= 2  # more rows of one time than that: the next look must get past them
            else:
                since, limit = rows[-1].time, MAX_LINES

    async def _now(self, pace: Pace) -> datetime:
        """Return the time by the switch's clock as far as that is known."""
        now = await pace.keep_trying(self._table.name, self._table.now)
        return now if self._zone is None or now.tzinfo else datetime.now(self._zone).replace(tzinfo=None)

    def _window_start(self, columns: TableColumns) -> datetime:
        first = _FIRST.replace(tzinfo=UTC) if columns.is_aware else _FIRST
        if self._highest is None:
            return first
        if (self._highest.tzinfo is None) == columns.is_aware:
            raise RingbackError(
                "the times of the table have changed their kind; move the kept place away to begin anew"
            )
        return max(first, self._highest - self._overlap)

    def _batches(self, rows: list[Row], columns: TableColumns, now: datetime) -> Iterable[TableBatch]:
        fresh = self._delivered.without(rows, lambda row: _line(columns.names, row))
        for part in _parts(fresh):
            last = part[-1][0].time
            place = self._moved_on(min(last, now))
            yield TableBatch(b"".join(line for _, line in part), f"{self._table.name} up to {last}", place)
            self._delivered.add(part)

    def _moved_on(self, time: datetime) -> TablePlace | None:
        """Move the highest time seen, never beyond now: behind a call from the future all others would be missed."""
        if self._highest is not None and time <= self._highest:
            return None
        self._highest = time
        return TablePlace(highest=time.isoformat())


class _Delivered:
    """The rows of the window that this process has delivered, by the hour, so that old ones are forgotten cheaply."""

    def __init__(self) -> None:
        self._hours: dict[datetime, set[bytes]] = defaultdict(set)

    def without(self, rows: list[Row], line_of: Callable[[Row], bytes]) -> list[tuple[Row, bytes]]:
        """Return the rows that were not delivered yet, as lines."""
        lines = ((row, line_of(row)) for row in rows)
        return [(row, line) for row, line in lines if _digest(line) not in self._hours.get(_hour(row.time), ())]

    def add(self, rows: Iterable[tuple[Row, bytes]]) -> None:
        """Remember rows."""
        for row, line in rows:
            self._hours[_hour(row.time)].add(_digest(line))

    def forget_before(self, start: datetime) -> None:
        """Forget rows that will not be read again."""
        for hour in [hour for hour in self._hours if hour + _HOUR <= start]:
            del self._hours[hour]


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _digest(line: bytes) -> bytes:
    return blake2b(line, digest_size=12).digest()


def _parts(rows: list[tuple[Row, bytes]]) -> Iterable[list[tuple[Row, bytes]]]:
    """Yield the rows in parts of the size of a batch."""
    part: list[tuple[Row, bytes]] = []
    size = 0
    for row in rows:
        if part and (len(part) >= MAX_LINES or size + len(row[1]) > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row[1])
    if part:
        yield part


def _read_place(place: TablePlace) -> datetime:
    try:
        return datetime.fromisoformat(place.highest)
    except ValueError:
        raise RingbackError(
            f"the place kept names no time: {place.highest[:40]!r}; move it away to begin anew"
        ) from None


# --- rows as records -----------------------------------------------------------------------------------------------


def columns_to_read(named: dict[str, bool | None], table: str) -> TableColumns:
    """Return which columns of a table to read: those that the source knows, each meaning once, the time first.

    `named` tells of each column whether it is a time with a zone (True), one without (False), or no time (None).
    Raises `RingbackError` where this is no table of calls.
    """
    lower = {name.lower(): name for name in reversed(named)}
    time_name = next((lower[name] for name in TIME_NAMES if name in lower), None)
    if time_name is None or "disposition" not in lower:
        raise RingbackError(f"{table} is no table of Asterisk's calls: it has no calldate or start, or no disposition")
    is_aware = named[time_name]
    if is_aware is None:
        raise RingbackError(f"the column {time_name} of {table} is no time, so that its rows have no order")
    known = {column_name(time_name): time_name}
    for name in named:
        if column_name(name) in Columns._fields:
            known.setdefault(column_name(name), name)
    are_all_aware = all(named[name] is not False for name in known.values())
    return TableColumns(tuple(known.values()), is_aware, are_all_aware)


def check_zone(columns: TableColumns, zone: ZoneInfo | None) -> None:
    """Raise `InvalidInput` where nobody can tell which zone the table's clock readings are of."""
    if not columns.are_all_aware and zone is None:
        raise InvalidInput("the table's times have no zone; name the switch's: --timezone Asia/Almaty")


def _line(names: Sequence[str], row: Row) -> bytes:
    """Return a row as one line of JSON, as the source reads it."""
    record = {name: _cell(value) for name, value in zip(names, row.values, strict=True)}
    return msgspec.json.encode(record) + b"\n"


def _cell(value: object) -> object:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.isoformat(sep=" ") if value.tzinfo is None else value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
