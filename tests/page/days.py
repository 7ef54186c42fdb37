"""Calls of these days for the page, by the clock of its reader. No assertions here."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.web.house import missed

# None of them sets its clocks forward or back; wherever the sun stands, one has about noon.
_ZONES = [ZoneInfo(name) for name in ("Asia/Kolkata", "Atlantic/South_Georgia", "Pacific/Marquesas")]


def zone_about_noon(moment: datetime) -> ZoneInfo:
    """Return a zone where midnight is more than seven hours away: "3 minutes ago" is the same day there."""

    def seconds_from_noon(zone: ZoneInfo) -> float:
        here = moment.astimezone(zone)
        return abs((here - here.replace(hour=12, minute=0, second=0, microsecond=0)).total_seconds())

    return min(_ZONES, key=seconds_from_noon)


ZONE = zone_about_noon(datetime.now(UTC))  # where the desks' readers are, see desk.py


def now_ms() -> int:
    """Return the present moment."""
    return int(datetime.now(UTC).timestamp() * 1000)


def at(days_ago: int, hour: int = 12, minute: int = 0) -> int:
    """Return a moment of a day of the reader's, in epoch milliseconds."""
    day = datetime.now(ZONE).replace(hour=hour, minute=minute, second=0, microsecond=0) - timedelta(days=days_ago)
    return int(day.timestamp() * 1000)


def day(days_ago: int) -> str:
    """Return a day of the reader's, as addresses name it."""
    return datetime.fromtimestamp(at(days_ago) / 1000, ZONE).date().isoformat()


def some(count: int, *, days_ago: int = 1, **fields: Any) -> list[dict[str, object]]:
    """Return so many calls of a day, a minute between them, the number of each one higher."""
    return [
        missed(at(days_ago) + minute * 60_000, dialled_number=f"+9191000{minute:05}", **fields)
        for minute in range(count)
    ]
