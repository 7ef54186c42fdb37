"""Long work on a store, done app by app and slice by slice: what every store does alike. No SQL."""

import asyncio
from datetime import UTC, datetime, timedelta

from ringback.storage.auditing import Act, AuditLine, new_line
from ringback.storage.base import Store
from ringback.storage.pacing import Heard, Pace, Slice, nobody
from ringback.storage.records import EARLIEST_MS


class SlicedStore(Store):
    """A store whose long work is done in slices."""

    async def purge(
        self, before_ms: int, *, pace: Pace | None = None, said: Heard = nobody, by_retention: bool = False
    ) -> int:
        acts = (Act.RETENTION_BEGUN, Act.RETENTION) if by_retention else (Act.PURGE_BEGUN, Act.PURGED)
        pace = pace or Pace()
        purged = 0
        for app in await self.apps():
            note = _Noting(acts, app.app_id, before_ms)
            is_over = False
            while not is_over:
                pace.begin()
                done = await self.purge_slice(app.app_id, before_ms, pace.span_ms, note)
                pace.end(done.calls)
                note.add(done)
                said(purged + note.calls)
                is_over = done.next_ms is None
                await asyncio.sleep(pace.rest_seconds)
            purged += note.calls
        return purged

    async def condense(self, before_ms: int, *, after_ms: int = EARLIEST_MS, pace: Pace | None = None) -> int:
        acts = (Act.CONDENSING_BEGUN, Act.LEGS_CONDENSED)
        pace = pace or Pace()
        condensed = 0
        for app in await self.apps():
            note = _Noting(acts, app.app_id, before_ms)
            next_ms: int | None = after_ms
            while next_ms is not None:
                pace.begin()
                done = await self.condense_slice(app.app_id, next_ms, before_ms, pace.span_ms, note)
                pace.end(done.calls)
                note.add(done)
                next_ms = done.next_ms
                await asyncio.sleep(pace.rest_seconds)
            condensed += note.calls
        return condensed


class _Noting:
    """Which line a slice of one app's work notes: one with the outcome in the last, and one before in the first."""

    def __init__(self, acts: tuple[Act, Act], app_id: int, before_ms: int) -> None:
        self._begun, self._done = acts
        self._app_id, self._before = app_id, _moment(before_ms)
        self.calls = 0
        self._is_begun = False

    def __call__(self, calls: int, is_last: bool) -> AuditLine | None:
        if is_last:
            total = self.calls + calls
            return new_line(self._done, self._app_id, before=self._before, calls=total) if total else None
        if self._is_begun or not calls:
            return None
        return new_line(self._begun, self._app_id, before=self._before)

    def add(self, done: Slice) -> None:
        """Count a slice that is on disk."""
        self.calls += done.calls
        self._is_begun = self._is_begun or done.calls > 0


def _moment(milliseconds: int) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat()
    except OverflowError:  # for ever
        return str(milliseconds)
