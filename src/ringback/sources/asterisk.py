"""Asterisk's call detail records: Master.csv of cdr_csv and cdr_custom, exports with headings, JSON.

Which column is which stands in asterisk_columns.py, who called whom in asterisk_parties.py.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.asterisk_columns import Columns, by_name, by_place, epoch_of, is_headings
from ringback.sources.asterisk_parties import parties
from ringback.sources.framing import csv_records, decode_json, first_byte, json_records
from ringback.sources.reading import Context, Record
from ringback.sources.times import from_local, from_plain_local
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import MAX_TEXT, CallLeg, Direction, clean_text, is_printable

_NAME = "asterisk"
_DISPOSITIONS = {
    "ANSWERED": Disposition.ANSWERED,
    "NO ANSWER": Disposition.NO_ANSWER,  # also a caller who gave up, unless canceldispositionenabled is set
    "NOANSWER": Disposition.NO_ANSWER,
    "BUSY": Disposition.BUSY,
    "FAILED": Disposition.FAILED,  # also congestion, unless congestion=yes
    "CONGESTION": Disposition.CONGESTION,
    "CANCEL": Disposition.CANCELLED,
}
_ANSWERED, _UNKNOWN = Disposition.ANSWERED, Disposition.UNKNOWN  # read for every row; an enum's attribute is not cheap
_INBOUND = Direction.INBOUND
_NO_TIME = frozenset({"", "0000-00-00 00:00:00"})  # MySQL writes an absent time as zeros


class Asterisk:
    """Reads Asterisk's records; each row decides for itself how it is laid out."""

    name = _NAME

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Split JSON, NDJSON, or CSV with or without headings; the first byte tells JSON from CSV."""
        first, lines = first_byte(lines)
        if first in (b"{", b"["):
            return json_records(lines)
        return _rows(lines)

    def legs(self, value: object, context: Context) -> tuple[CallLeg, ...]:
        """Read one row, or one object with the columns' names."""
        if isinstance(value, list):
            columns = _placed(value)
        elif isinstance(value, dict):
            columns = by_name(value)
        else:
            raise UnreadableRecord("an Asterisk record should be a CSV row or a JSON object")
        return (_leg(columns, context),)


# --- rows ----------------------------------------------------------------------------------------------------------


def _rows(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield rows as they are until headings come, and from then on as objects of their names."""
    headings: list[str] = []

    def is_row(row: list[str]) -> bool:
        return len(row) == len(headings) or by_place(row) is not None

    for record in csv_records(lines, is_row):
        row, raw = record.value, record.raw
        if b":" not in raw and isinstance(row, list) and is_headings(row):  # no clock reading: no call's row
            headings = row
        elif raw.startswith(b"{"):  # behind a first line that was none, or from where cdr_custom began to write JSON
            yield Record(record.line, raw, decode_json(raw))
        elif headings and isinstance(row, list):
            yield _named(record, row, headings)
        else:
            yield record


def _named(record: Record, row: list[str], headings: list[str]) -> Record:
    """A row alone could not be retried: keep the names with it."""
    if len(row) != len(headings):
        reason = UnreadableRecord(f"the row has {len(row)} columns; the headings name {len(headings)}")
        return Record(record.line, record.raw, reason)
    named = dict(zip(headings, row, strict=True))
    return Record(record.line, msgspec.json.encode(named), named)


def _placed(row: list[str]) -> Columns:
    try:
        text = "".join(row)
    except TypeError:  # an array within JSON
        raise UnreadableRecord("an Asterisk record should be a CSV row or a JSON object") from None
    if not is_printable(text):
        row = [clean_text(column) for column in row]
    columns = by_place(row)
    if columns is None:
        raise UnreadableRecord(
            f"the row has {len(row)} columns and no disposition where one should be: cdr_csv has it in column 15 of 16 "
            "to 21, cdr_custom in column 14 of 19; rows in another order need headings"
        )
    return columns


# --- legs ----------------------------------------------------------------------------------------------------------


def _leg(columns: Columns, context: Context) -> CallLeg:
    who = parties(columns, context)
    duration, billable = _seconds(columns.duration, "duration"), _seconds(columns.billsec, "billsec")
    disposition, cause = _disposition(columns, billable)
    answered = disposition is _ANSWERED
    started_at = from_plain_local(columns.start, context.timezone) or _started_at(columns, context)
    ended_at = _ended_at(columns, context, started_at, duration)
    return CallLeg(
        source=_NAME,
        source_record_id=_record_id(columns),
        call_key=columns.linkedid or columns.uniqueid or _own_key(columns),
        direction=who.direction,
        started_at=started_at,
        disposition=disposition,
        extension=who.extension,
        dialled_number=who.dialled_number,
        calling_number=columns.src or None,
        answered_at=_answered_at(columns, context, started_at, ended_at) if answered else None,
        ended_at=ended_at,
        duration_seconds=duration,
        billable_seconds=billable if answered else None,
        name=_shown_name(columns) if who.direction is _INBOUND else None,
        side=who.side,
        trunk=who.trunk,
        vendor_cause=cause,
    )


def _disposition(columns: Columns, billable: int | None) -> tuple[Disposition, str | None]:
    """Read the word; ANSWERED counts only with the other side's channel and billable seconds.

    The same word without them is the switch itself that answered: a menu, a queue's music, the voicemail.
    """
    word = columns.disposition
    disposition = _DISPOSITIONS.get(word) or _DISPOSITIONS.get(word.strip().upper(), _UNKNOWN)
    if disposition is _ANSWERED and not (columns.dstchannel and billable is not None and float(columns.billsec) > 0):
        return _UNKNOWN, "ANSWERED"
    return disposition, word[:MAX_TEXT] if disposition is _UNKNOWN else None


def _record_id(columns: Columns) -> str:
    """Two rows of one Dial(A&B) differ in their sequence; without one, in what they say."""
    if columns.sequence.isdecimal() and (columns.uniqueid or columns.linkedid):
        return f"{columns.uniqueid}/{columns.linkedid}/{columns.sequence}"
    return f"{columns.uniqueid}/{_digest(columns)}"


def _own_key(columns: Columns) -> str:
    """Without loguniqueid nothing ties rows together: a channel's name is unique until the switch is restarted."""
    return f"{columns.channel} {columns.start}" if columns.channel else _digest(columns)


def _digest(columns: Columns) -> str:
    return blake2b("\x1f".join(columns).encode(), digest_size=9).hexdigest()


def _shown_name(columns: Columns) -> str | None:
    """Return the name in `"Anna \\"Ann\\" B" <77010000001>`; a name that only repeats the number is none."""
    name = columns.clid.rpartition("<")[0].strip() if columns.clid.endswith(">") else ""
    if len(name) > 1 and name[0] == '"' == name[-1]:
        name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\").strip()
    return name[:MAX_TEXT] if name.strip("\ufffd ") and name != columns.src else None  # U+FFFD alone: nothing readable


def _seconds(text: str, field: str) -> int | None:
    if text.isdecimal() and len(text) < 10:
        return int(text)
    if not text or text[0] == "-":  # less than none: a clock that was set back during the call
        return None
    try:
        return int(float(text))  # cdr_custom can be told to write fractions; columns of a table may hold them
    except (ValueError, OverflowError):
        raise UnreadableRecord(f"{field} is {text[:40]!r}; it should be a number of seconds") from None


# --- times ---------------------------------------------------------------------------------------------------------
#
# In the hour that a zone's clock repeats, the start is the reading nearest to when the channel was made, and the other
# times follow from it. Where the clock was set back during the call, what is out of order is left out.


def _started_at(columns: Columns, context: Context) -> datetime:
    epoch = epoch_of(columns.uniqueid)
    made_at = None if epoch is None else datetime.fromtimestamp(epoch, UTC)
    return from_local(columns.start, context.timezone, "start", made_at)


def _ended_at(columns: Columns, context: Context, started_at: datetime, duration: int | None) -> datetime | None:
    ended_at = from_plain_local(columns.end, context.timezone)
    if ended_at is None:
        expected = None if duration is None else _later(started_at, duration)
        if columns.end in _NO_TIME:
            return expected
        ended_at = from_local(columns.end, context.timezone, "end", expected or started_at)
    return ended_at if ended_at >= started_at else None


def _answered_at(
    columns: Columns, context: Context, started_at: datetime, ended_at: datetime | None
) -> datetime | None:
    if columns.answer in _NO_TIME:
        return None
    answered_at = from_plain_local(columns.answer, context.timezone)
    if answered_at is None:
        answered_at = from_local(columns.answer, context.timezone, "answer", started_at)
    latest = answered_at if ended_at is None else ended_at
    return answered_at if started_at <= answered_at <= latest else None


def _later(started_at: datetime, seconds: int) -> datetime | None:
    try:
        return started_at + timedelta(seconds=seconds)
    except OverflowError:
        return None
