"""The generic record, for everything that is not a known switch: JSON, NDJSON, or CSV with headings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.framing import csv_records, first_byte, form_record, json_records
from ringback.sources.generic_plain import NAME, read_plain
from ringback.sources.reading import Context, Record, read_agent
from ringback.sources.times import read_time
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction, clean_text
from ringback.telephony.rates import read_rate

NEEDED = ("call_key", "agent", "direction", "started_at", "disposition")
_HUNG_UP_BY = ("caller", "callee", "system")


class Generic:
    """Reads the generic record; see docs/generic-record.md for its fields."""

    name = NAME

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Split JSON, NDJSON, a form or CSV with headings; the first byte tells which."""
        first, lines = first_byte(lines)
        if first in (b"{", b"["):
            return json_records(lines)
        return _with_headings(lines)

    def legs(self, value: object, context: Context) -> tuple[CallLeg, ...]:
        """Read one record; unknown fields are ignored, empty ones are absent."""
        return (read_plain(value, context) or read_any(value, context),)


def read_any(value: object, context: Context) -> CallLeg:
    """Return the leg of a record, however it is written; raises `UnreadableRecord`."""
    if not isinstance(value, dict):
        raise UnreadableRecord("a generic record should be a JSON object")
    fields = {key: field for key, field in value.items() if field is not None and field != ""}
    for field in NEEDED:
        if field not in fields:
            raise UnreadableRecord(f"{field} is missing; a generic record needs {', '.join(NEEDED)}")
    return _leg(fields, context)


def _with_headings(lines: Iterable[bytes]) -> Iterator[Record]:
    headings: list[str] = []

    def is_row(row: list[str]) -> bool:
        return len(row) == len(headings)

    for record in csv_records(lines, is_row):
        if headings or isinstance(record.value, UnreadableRecord):
            yield _named(record, headings)
        elif isinstance(record.value, list):
            headings = [heading.strip().lower() for heading in record.value]
            if len(headings) == 1 and "=" in headings[0]:
                yield form_record(record.raw)
            elif missing := [field for field in NEEDED if field not in headings]:
                reason = UnreadableRecord(f"this is no JSON, and as CSV has no {missing[0]} heading")
                yield Record(record.line, record.raw, reason)


def _named(record: Record, headings: list[str]) -> Record:
    row = record.value
    if not isinstance(row, list):
        return record
    if len(row) != len(headings):
        reason = UnreadableRecord(f"the row has {len(row)} columns; the headings name {len(headings)}")
        return Record(record.line, record.raw, reason)
    named = dict(zip(headings, row, strict=True))
    return Record(record.line, msgspec.json.encode(named), named)  # a row alone could not be retried: keep its names


def _leg(fields: Mapping[str, Any], context: Context) -> CallLeg:
    word = _text(fields, "disposition").lower().replace(" ", "_").replace("-", "_")
    disposition = _DISPOSITIONS.get(word, Disposition.UNKNOWN)
    return CallLeg(
        source=NAME,
        source_record_id=_text(fields, "source_record_id") or _digest(fields),
        call_key=_text(fields, "call_key"),
        direction=_direction(_text(fields, "direction")),
        started_at=read_time(fields["started_at"], context.timezone, "started_at"),
        disposition=disposition,
        extension=read_agent(_text(fields, "agent"), context),
        dialled_number=_text(fields, "dialled_number") or None,
        calling_number=_text(fields, "calling_number") or None,
        ringing_at=_time(fields, "ringing_at", context),
        answered_at=_time(fields, "answered_at", context),
        ended_at=_time(fields, "ended_at", context),
        duration_seconds=_whole(fields, "duration_seconds"),
        billable_seconds=_whole(fields, "billable_seconds"),
        rate=_rate(fields),
        name=_text(fields, "name") or None,
        call_id=_text(fields, "id").lower() or None,
        hung_up_by=_hung_up_by(fields),
        trunk=_text(fields, "trunk") or None,
        sip_response_code=_whole(fields, "sip_response_code"),
        q850_cause=_whole(fields, "q850_cause"),
        vendor_cause=_text(fields, "disposition") if disposition is Disposition.UNKNOWN else None,
    )


_DISPOSITIONS: dict[str, Disposition] = {
    **{disposition.value: disposition for disposition in Disposition},
    "noanswer": Disposition.NO_ANSWER,
    "canceled": Disposition.CANCELLED,
}


def _digest(fields: Mapping[str, Any]) -> str:
    """Two equal records are one: what a record says is its own key where the source has none."""
    return blake2b(msgspec.json.encode(sorted(fields.items())), digest_size=12).hexdigest()


def _text(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field)
    if value is None:
        return ""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    raise UnreadableRecord(f"{field} should be text, got {_kind(value)}")


def _kind(value: object) -> str:
    return {dict: "an object", list: "an array", bool: "true or false", float: "a fraction"}.get(type(value), "nothing")


def _direction(word: str) -> Direction:
    try:
        return Direction(word.lower())
    except ValueError:
        raise UnreadableRecord(
            f"direction is {word[:40]!r}; it should be {', '.join(direction.value for direction in Direction)}"
        ) from None


def _time(fields: Mapping[str, Any], field: str, context: Context) -> datetime | None:
    return read_time(fields[field], context.timezone, field) if field in fields else None


def _whole(fields: Mapping[str, Any], field: str) -> int | None:
    return _number(fields, field, lambda text: int(float(text))) if field in fields else None


def _number(fields: Mapping[str, Any], field: str, read: Callable[[str], int]) -> int:
    value = fields[field]
    try:
        return read(str(value))  # of true, an array or an object too: their text is no number
    except (ValueError, OverflowError):
        raise UnreadableRecord(f"{field} is {str(value)[:40]!r}; it should be a whole number") from None


def _rate(fields: Mapping[str, Any]) -> str | None:
    if "rate" not in fields:
        return None
    rate = read_rate(str(fields["rate"]))
    if rate is None:
        raise UnreadableRecord(f"rate is {str(fields['rate'])[:40]!r}; it should be a decimal number such as 0.0125")
    return rate


def _hung_up_by(fields: Mapping[str, Any]) -> str | None:
    word = _text(fields, "hung_up_by").lower()
    if word and word not in _HUNG_UP_BY:
        raise UnreadableRecord(f"hung_up_by is {word[:40]!r}; it should be {', '.join(_HUNG_UP_BY)}")
    return word or None
