"""Times as sources write them, read as aware UTC datetimes. Never guesses a zone."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ringback.errors import UnreadableRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?\d{1,18}(\.\d*)?\Z", re.ASCII)
SECONDS_LIKE = range(10**8, 10**11)  # as milliseconds 1970 to 1973, as seconds 1973 to 5138: nobody means the former
LATEST_MS = 253402300799999  # the end of the year 9999
_PLAIN = len("2019-10-04 09:35:45")
_IN_HOUR = {f":{second // 60:02}:{second % 60:02}": timedelta(seconds=second) for second in range(3600)}


def from_milliseconds(milliseconds: float, field: str) -> datetime:
    """Return the time of these epoch milliseconds; raises `UnreadableRecord` where they can be no call's time."""
    if int(milliseconds) in SECONDS_LIKE:
        raise UnreadableRecord(f"{field} is {milliseconds:.0f}, which looks like seconds; it should be milliseconds")
    if not 0 <= milliseconds <= LATEST_MS:
        raise UnreadableRecord(f"{field} is {milliseconds:.0f}; it should be milliseconds since 1970")
    return _EPOCH + timedelta(milliseconds=int(milliseconds))


def from_local(text: str, timezone: ZoneInfo | None, field: str, near: datetime | None = None) -> datetime:
    """Return the time of `2019-10-04 09:35:45`, a clock reading in `timezone`; where that is None, raise.

    A zone in the text outranks `timezone`. Of two readings (the hour that is repeated when a zone's clock is set back)
    it is the one nearest to `near`, else the first.
    """
    if (plain := from_plain_local(text, timezone)) is not None:
        return plain
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableRecord(f"{field} is {text[:40]!r}; it should be a time such as 2019-10-04 09:35:45") from None
    first = in_utc(local, timezone, field)
    if near is None or local.tzinfo is not None:
        return first
    return min(first, in_utc(local.replace(fold=1), timezone, field), key=lambda reading: abs(reading - near))


def from_plain_local(text: str, timezone: ZoneInfo | None) -> datetime | None:
    """Return the time of a clock reading of just this form in an hour that comes once; None where it needs more care.

    This is the fast path of `from_local`, for callers that would have to work out `near`.
    """
    if timezone is None or len(text) != _PLAIN:
        return None
    hour, passed = _hour(text[:13], timezone), _IN_HOUR.get(text[13:])
    if hour is None or passed is None:
        return None
    try:
        return hour + passed
    except OverflowError:
        return None


@lru_cache(maxsize=65536)
def _hour(text: str, timezone: ZoneInfo) -> datetime | None:
    """Return when the hour `2019-10-04 09` begins; None where it is none, or the zone's clock is set within it."""
    try:
        first = datetime.fromisoformat(f"{text}:00:00Z").replace(tzinfo=None)
        readings = [at.replace(fold=fold) for at in (first, first.replace(minute=59, second=59)) for fold in (0, 1)]
        offsets = {timezone.utcoffset(reading) for reading in readings}
        return first.replace(tzinfo=UTC) - (offsets.pop() or timedelta()) if len(offsets) == 1 else None
    except (ValueError, OverflowError):
        return None


def in_utc(time: datetime, timezone: ZoneInfo | None, field: str) -> datetime:
    """Return the time in UTC, reading it in `timezone` where it has no zone; raises where neither has one."""
    if time.tzinfo is None:
        if timezone is None:
            raise UnreadableRecord(f"{field} is {time.isoformat()} without a time zone; name the switch's: --timezone")
        time = time.replace(tzinfo=timezone)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise UnreadableRecord(f"{field} is {time.isoformat()}: no switch reported calls then") from None


def read_time(value: object, timezone: ZoneInfo | None, field: str) -> datetime:
    """Return the time given as epoch milliseconds (number or digits) or as ISO 8601; raises `UnreadableRecord`."""
    if isinstance(value, bool):
        raise UnreadableRecord(f"{field} is {value}; it should be epoch milliseconds or ISO 8601 with a zone")
    if isinstance(value, int | float):
        return from_milliseconds(_finite(value, field), field)
    if not isinstance(value, str) or not value.strip():
        raise UnreadableRecord(f"{field} is missing; it should be epoch milliseconds or ISO 8601 with a zone")
    text = value.strip()
    if _NUMBER.match(text):
        return from_milliseconds(float(text), field)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableRecord(
            f"{field} is {text[:40]!r}; it should be epoch milliseconds or ISO 8601 such as 2019-10-04T09:35:45+05:00"
        ) from None
    return in_utc(time, timezone, field)


def _finite(value: float, field: str) -> float:
    if not -(10**18) < value < 10**18:  # also false for NaN
        raise UnreadableRecord(f"{field} is {str(value)[:40]}; it should be milliseconds since 1970")
    return value
