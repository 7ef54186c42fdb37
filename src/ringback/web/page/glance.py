"""The chart: how many calls were tried and how many answered, by hour, day or month; and by the hour of the day.

Each bar is a difference of two positions: the chart costs as much over ten calls as over ten million.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from starlette.types import Scope

from ringback.errors import InvalidInput
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId
from ringback.telephony.call import ListKey, ListKind
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import read_asked
from ringback.web.page.guard import Guard, Session

_HOURLY_DAYS, _DAILY_DAYS, _MONTHLY_DAYS = 2, 92, 3653  # the longest ranges that are shown by hour, day and month
_HOURS_DAYS = 31  # of the range's end, for the hours of the day
_DAY_MS = 86_400_000


class Bar(msgspec.Struct, frozen=True):
    """What was tried from a moment until the next bar's, in epoch milliseconds; and what of it was answered."""

    start_ms: int
    missed: int
    answered: int


class Hour(msgspec.Struct, frozen=True):
    """The same of an hour of the day, 0 to 23, over several days."""

    hour: int
    missed: int
    answered: int


class Chart(msgspec.Struct, frozen=True):
    """The bars of a range, each an hour, a day or a month; and the hours of its last days."""

    unit: str
    bars: list[Bar]
    hours: list[Hour]


class Glance:
    """Counts for the chart."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store, self._guard = store, guard

    async def chart(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/chart."""
        asked = read_asked(scope)
        if asked.of:
            await self._guard.check_supervisor(session)
        whose = AgentId(asked.of or session.agent_id.extension, session.agent_id.app_id)
        from_ms, end_ms = asked.wanted.from_ms, asked.wanted.to_ms + 1
        if not _DAY_MS <= from_ms < end_ms <= from_ms + _MONTHLY_DAYS * _DAY_MS:
            raise InvalidInput(f"from and to should be in order, and at most {_MONTHLY_DAYS} days apart")
        unit = _unit(end_ms - from_ms)
        bounds = bounds_of(unit, from_ms, end_ms, asked.zone)
        hourly = bounds_of("hour", max(from_ms, end_ms - _HOURS_DAYS * _DAY_MS), end_ms, asked.zone)
        return json_answer(
            Chart(unit, await self._bars(whose, bounds), _hours(await self._bars(whose, hourly), asked.zone))
        )

    async def _bars(self, whose: AgentId, bounds: Sequence[int]) -> list[Bar]:
        extension, app_id = whose
        kinds = ListKind.OUT_MISSED, ListKind.OUT_ANSWERED
        missed, answered = [await self._store.counts(app_id, ListKey(extension, kind), bounds) for kind in kinds]
        return [Bar(*counted) for counted in zip(bounds[:-1], missed, answered, strict=True)]


def bounds_of(unit: str, from_ms: int, end_ms: int, zone: ZoneInfo) -> list[int]:
    """Return when the range begins, each local hour, day or month in it, and when it ends: epoch milliseconds."""
    begun = datetime.fromtimestamp(from_ms / 1000, zone)
    bounds = [from_ms]
    for step in _steps(unit, begun):
        at_ms = round(step.timestamp() * 1000)
        if at_ms >= end_ms:
            break
        if at_ms > bounds[-1]:  # where clocks are set back, an hour comes twice
            bounds.append(at_ms)
    return [*bounds, end_ms]


def _steps(unit: str, begun: datetime) -> Iterator[datetime]:
    """Yield the starts of the local hours, days or months after a moment, for ever."""
    if unit == "hour":  # hours are counted as they pass: a day has 23, 24 or 25
        hour = begun.astimezone(UTC) - timedelta(
            minutes=begun.minute, seconds=begun.second, microseconds=begun.microsecond
        )
        while True:
            hour += timedelta(hours=1)
            yield hour
    day = begun.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    while True:
        day += timedelta(days=1) if unit == "day" else timedelta(days=32 - day.day)
        day = day if unit == "day" else day.replace(day=1)
        yield day


def _unit(length_ms: int) -> str:
    if length_ms <= _HOURLY_DAYS * _DAY_MS:
        return "hour"
    return "day" if length_ms <= _DAILY_DAYS * _DAY_MS else "month"


def _hours(bars: Sequence[Bar], zone: ZoneInfo) -> list[Hour]:
    missed, answered = [0] * 24, [0] * 24
    for bar in bars:
        hour = datetime.fromtimestamp(bar.start_ms / 1000, zone).hour
        missed[hour] += bar.missed
        answered[hour] += bar.answered
    return [Hour(hour, missed[hour], answered[hour]) for hour in range(24)]
