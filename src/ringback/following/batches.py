"""Where a batch may be cut out of a file of rows: between records, and between forms. No files here."""

import io
from collections.abc import Iterable

from ringback.errors import UnreadableRecord
from ringback.sources import Source

MAX_BYTES = 1_000_000  # under the megabyte that proxies commonly take
MAX_LINES = 5_000
_LOOK_AHEAD_LINES = 8  # what csv_records of the sources looks ahead for the end of a quoted field


def cut_batch(data: bytes, source: Source, *, is_whole: bool) -> bytes:
    """Return the part of the data, from its start, that can be delivered now.

    A line without its end waits, and so does a row whose quoted field goes on in a line that is not there yet. With
    `is_whole` nothing more will come: then all of the data is given that fits into a batch.
    """
    lines = io.BytesIO(data).readlines()
    taken = _of_one_form(lines[:MAX_LINES])
    if is_whole and len(taken) == len(lines):
        return data
    if taken and not taken[-1].endswith(b"\n"):
        if len(data) >= MAX_BYTES and len(taken) == 1:
            return data  # no row has a line of this length; it is passed on to be kept as it is
        taken.pop()
    return b"".join(taken[: _settled(taken, source)])


def _of_one_form(lines: list[bytes]) -> list[bytes]:
    """A batch that begins with JSON is read as JSON throughout; rows behind it go into the next one."""
    if not _is_json(lines[:1]):
        return lines
    for number, line in enumerate(lines):
        if line.strip() and not _is_json((line,)):
            return lines[:number]
    return lines


def _is_json(lines: Iterable[bytes]) -> bool:
    return any(line.lstrip().startswith(b"{") for line in lines)


def _settled(lines: list[bytes], source: Source) -> int:
    """Return how many of the lines fall into the same records whatever follows them."""
    if _is_json(lines[:1]) or all(line.count(b'"') % 2 == 0 for line in lines):
        return len(lines)
    for record in source.records(lines):
        is_open = isinstance(record.value, UnreadableRecord) and record.raw.count(b'"') % 2 == 1
        if is_open and len(lines) - record.line < _LOOK_AHEAD_LINES:
            return record.line - 1
    return len(lines)
