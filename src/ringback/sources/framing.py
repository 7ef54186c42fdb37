"""How a file or a body falls into records: JSON, NDJSON, forms, CSV. What the records mean is each source's own."""

import csv
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from urllib.parse import parse_qsl

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.reading import Record

_MAX_JOINED_LINES = 8  # how many lines one quoted CSV record may span before its quote is taken for a stray one
_LINES_AT_ONCE = 64  # of CSV: enough that a call of its reader costs a row nothing
_BOM = b"\xef\xbb\xbf"

csv.field_size_limit(1 << 20)


def decode_text(raw: bytes) -> str:
    """Return the text of bytes that should be UTF-8; what is not becomes U+FFFD, so that a bad name loses no call."""
    return raw.decode("utf-8", "replace")


def first_byte(lines: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first byte that is no space (empty when there is none), and all the lines again."""
    passed: list[bytes] = []
    rest = iter(lines)
    for line in rest:
        if not passed:
            line = line.removeprefix(_BOM)  # some exports begin with one
        passed.append(line)
        if stripped := line.lstrip():
            return stripped[:1], chain(passed, rest)
    return b"", iter(passed)


# --- JSON ----------------------------------------------------------------------------------------------------------


def json_records(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the objects of NDJSON, of one array, or of one document over several lines.

    The first line decides: a whole value on it means a value a line. A line that is no JSON is an unreadable record.
    """
    rest = iter(lines)
    for number, line in enumerate(rest, 1):
        if not line.strip():
            continue
        value = decode_json(line)
        if isinstance(value, UnreadableRecord):
            yield from _document(line, number, rest, value)
        else:
            yield from _values(Record(number, line, value))
            yield from _one_a_line(rest, number + 1)
        return


def decode_json(raw: bytes) -> object:
    """Return the JSON value, or the `UnreadableRecord` that says why it is none."""
    try:
        return msgspec.json.decode(raw)
    except UnicodeDecodeError:
        return decode_json(decode_text(raw).encode())
    except RecursionError:
        return UnreadableRecord("this is nested too deeply")
    except msgspec.DecodeError as error:
        return UnreadableRecord(f"this is no JSON: {error}")


def _document(first: bytes, number: int, rest: Iterator[bytes], reason: UnreadableRecord) -> Iterator[Record]:
    """The first line is no value: one document over many lines, or NDJSON whose first line is broken."""
    following = list(rest)
    raw = first + b"".join(following)
    value = decode_json(raw) if following else reason
    if not isinstance(value, UnreadableRecord):
        yield from _values(Record(number, raw, value))
    elif any(not isinstance(decode_json(line), UnreadableRecord) for line in following if line.strip()[:1] == b"{"):
        yield Record(number, first, reason)
        yield from _one_a_line(iter(following), number + 1)
    else:
        yield Record(number, raw, value)


def _one_a_line(lines: Iterator[bytes], start: int) -> Iterator[Record]:
    for number, line in enumerate(lines, start):
        if line.strip():
            yield from _values(Record(number, line, decode_json(line)))


def _values(record: Record) -> Iterator[Record]:
    """An array stands for its elements, each a record of its own."""
    if not isinstance(record.value, list):
        yield record
        return
    for value in record.value:
        yield Record(record.line, msgspec.json.encode(value), value)


def form_record(raw: bytes) -> Record:
    """Return the one record of a form-encoded body, its values as text; of a name given twice the last counts."""
    text = "&".join(filter(None, decode_text(raw.strip()).split("&")))  # many end with a "&"
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=1000)
    except ValueError:
        return Record(1, raw, UnreadableRecord("this is neither JSON nor a form"))
    return Record(1, raw, dict(pairs))


# --- CSV -----------------------------------------------------------------------------------------------------------


def csv_records(lines: Iterable[bytes], is_row: Callable[[list[str]], bool]) -> Iterator[Record]:
    """Yield the rows (lists of text) of a comma-separated file.

    A quoted field may hold line ends. A line with a stray quote is one unreadable record and swallows no other:
    `is_row` says whether a row that spans lines is one of this table's.
    """
    number = 1
    rest = iter(lines)
    while waiting := list(islice(rest, _LINES_AT_ONCE)):
        rows = _row_each(waiting)
        if rows is None:
            number = yield from _one_by_one(waiting, number, rest, is_row)
            continue
        for raw, row in zip(waiting, rows, strict=True):
            if row and not raw.isspace():
                yield Record(number, raw, row)
            number += 1


def _row_each(lines: list[bytes]) -> list[list[str]] | None:
    """Return the row that each line is, read in one go; None where not every line is a whole row by itself.

    A strict reader takes what `_row` takes and the same from it, or raises; and as many rows as lines are a row each.
    """
    try:
        rows = list(csv.reader(map(decode_text, lines), strict=True))
    except csv.Error:
        return None
    return rows if len(rows) == len(lines) else None


def _one_by_one(
    waiting: list[bytes], number: int, rest: Iterator[bytes], is_row: Callable[[list[str]], bool]
) -> Generator[Record, None, int]:
    """Yield the rows of the lines that wait, of which the first has this number; return the number behind the last."""
    while waiting:
        line = waiting.pop(0)
        raw, value = line, _row(line, paired := line.count(b'"') % 2 == 0)
        if not paired and isinstance(value, UnreadableRecord):
            raw, value = _spanned(line, waiting, rest, is_row)
        if value and not raw.isspace():
            yield Record(number, raw, value)
        number += 1 if raw is line else raw.count(b"\n")
    return number


def _row(raw: bytes, paired: bool) -> list[str] | UnreadableRecord:
    """Return the one row that the bytes are, or why they are none.

    Where the quotes do not pair up, only a quote within an unquoted field is taken: it is part of the text.
    """
    text = decode_text(raw)
    try:
        if paired:
            return next(csv.reader((text,)), [])
        (row,) = csv.reader((text,), strict=True)
    except csv.Error as error:
        return UnreadableRecord(f"this is no CSV row: {error}")
    except ValueError:
        return UnreadableRecord("this is no CSV row: its quotes do not pair up")
    return row


def _joined_row(raw: bytes) -> list[str]:
    """Return the row that several lines are; empty where they are none, or more than one."""
    try:
        rows = list(csv.reader(decode_text(raw).splitlines(keepends=True), strict=True))
    except csv.Error:
        return []
    return rows[0] if len(rows) == 1 else []


def _spanned(
    first: bytes, waiting: list[bytes], rest: Iterator[bytes], is_row: Callable[[list[str]], bool]
) -> tuple[bytes, list[str] | UnreadableRecord]:
    """Join lines until the quotes close; where that makes no row of the table, put the lines back."""
    joined = first
    while len(waiting) < _MAX_JOINED_LINES and (line := next(rest, None)) is not None:
        waiting.append(line)
    for count, line in enumerate(waiting[:_MAX_JOINED_LINES], 1):
        joined += line
        if joined.count(b'"') % 2 == 0:
            row = _joined_row(joined)
            if row and is_row(row):
                del waiting[:count]
                return joined, row
            break
    return first, UnreadableRecord("a quote is opened and never closed")
