"""Retention: dropping what is older than the owner keeps, by itself, while the server serves. One process at a time."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from ringback.errors import RingbackError
from ringback.settings import Settings
from ringback.storage.base import Store
from ringback.storage.pacing import Pace
from ringback.storage.records import EARLIEST_MS

DUTY = "retention"
_DAY_MS = 86_400_000
_DUTY_SECONDS = 90.0  # after which another process takes over from one that has died
_RENEW_SECONDS = 30.0
_ROUND_SECONDS = 600.0
_WHOLE_SECONDS = 7 * 86_400.0  # between looks at all old calls, for those that came late: imports of old logs
_SLICE_SECONDS, _REST = 0.01, 9.0  # so that a request meets a slice one time in ten, and then a short one

log = structlog.get_logger()


class Retention:
    """Runs beside the server's requests for as long as `running` lasts; does nothing where all is kept for ever."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._days, self._leg_days = settings.retention_days, settings.retention_leg_days
        self._holder = secrets.token_hex(8)
        self._condensed_ms = EARLIEST_MS
        self._whole_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        if self._days or self._leg_days:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End, and let another process take over at once."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        with suppress(RingbackError):
            await self._store.leave_duty(DUTY, self._holder)

    async def _run(self) -> None:
        due_at = 0.0
        while True:
            try:
                if await self._store.take_duty(DUTY, self._holder, _DUTY_SECONDS) and time.monotonic() >= due_at:
                    async with _renewing(self._store, self._holder):
                        await self._round()
                    due_at = time.monotonic() + _ROUND_SECONDS
            except RingbackError as error:
                log.warning("retention", said=str(error))
            except Exception as error:
                log.exception("fault", path=DUTY, error=type(error).__name__)
            await asyncio.sleep(_RENEW_SECONDS)

    async def _round(self) -> None:
        """Drop what has grown too old; days are whole days of UTC, so that a day is gone through once."""
        pace = Pace(_SLICE_SECONDS, _REST)
        if self._days:
            purged = await self._store.purge(_days_ago_ms(self._days), pace=pace, by_retention=True)
            if purged:
                log.info("retention", calls=purged)
        if self._leg_days:
            await self._condense(_days_ago_ms(self._leg_days))

    async def _condense(self, before_ms: int) -> None:
        if time.monotonic() >= self._whole_at:
            self._condensed_ms, self._whole_at = EARLIEST_MS, time.monotonic() + _WHOLE_SECONDS
        if self._condensed_ms < before_ms:
            pace = Pace(_SLICE_SECONDS, _REST)
            calls = await self._store.condense(before_ms, after_ms=self._condensed_ms, pace=pace)
            self._condensed_ms = before_ms
            if calls:
                log.info("retention", condensed=calls)


@asynccontextmanager
async def _renewing(store: Store, holder: str) -> AsyncIterator[None]:
    """Keep the duty while long work is done. Should another process have taken it meanwhile, both do it: no harm."""
    task = asyncio.create_task(_renew(store, holder))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])  # who is cancelled meanwhile hears of it, and does not go on


async def _renew(store: Store, holder: str) -> None:
    while True:
        await asyncio.sleep(_RENEW_SECONDS)
        with suppress(RingbackError):
            await store.take_duty(DUTY, holder, _DUTY_SECONDS)


def _days_ago_ms(days: int) -> int:
    """Return when the day began, in UTC, that was so many days ago."""
    now_ms = time.time_ns() // 1_000_000
    return (now_ms // _DAY_MS - days) * _DAY_MS
