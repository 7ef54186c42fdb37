"""Deliveries that wait together go together: while an app is written to, what comes for it is gathered. No statements.

Each transaction costs a handful of round trips and a wait for the disk, whatever it holds, and deliveries to one app
mostly touch the same lists, so that side by side they would wait for each other anyway.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from ringback.errors import StoreUnavailable
from ringback.storage.delivering import Delivered
from ringback.storage.postgresql.connections import write_seconds
from ringback.storage.records import Intake

Write = Callable[[int, Sequence[Delivered]], Awaitable[list[Intake]]]

_GROUP = 256  # deliveries in one transaction at most: bounds what one failure takes back
_GROUP_WEIGHT = 5_000  # records in one, unless a single delivery has more
_LATE = "The store does not take this in in time; send it again"


class _Waiting(NamedTuple):
    delivered: Delivered
    outcome: asyncio.Future[Intake]
    until: float  # when whoever delivered is told that it took too long


class Gathering:
    """Writes deliveries, one transaction an app at a time in this process."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: dict[int, deque[_Waiting]] = {}
        self._working: dict[int, asyncio.Task[None]] = {}
        self._is_closed = False

    async def take(self, app_id: int, delivered: Delivered) -> Intake:
        """Write a delivery, and return its counts once it is on disk."""
        if self._is_closed:
            raise StoreUnavailable("The store is closed")
        waiting = _begun(delivered)
        self._waiting.setdefault(app_id, deque()).append(waiting)
        if app_id not in self._working:
            self._working[app_id] = asyncio.create_task(self._work(app_id))
        return await asyncio.shield(waiting.outcome)  # a client that goes away takes back no write

    async def close(self) -> None:
        """Finish what is waiting, then take no more."""
        self._is_closed = True
        await asyncio.gather(*self._working.values(), return_exceptions=True)

    async def _work(self, app_id: int) -> None:
        waiting = self._waiting[app_id]
        try:
            while group := _next_group(waiting):
                await self._write_group(app_id, group)
        finally:
            del self._working[app_id], self._waiting[app_id]

    async def _write_group(self, app_id: int, group: Sequence[_Waiting]) -> None:
        """Write the deliveries as one; when that fails, each by itself, so that only the one at fault fails."""
        try:
            intakes = await self._write_in_time(app_id, group)
        except Exception as error:  # noqa: BLE001  (whoever delivered gets it)
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                for waiting in group:
                    if not waiting.outcome.done():
                        await self._write_group(app_id, [waiting])
                return
            for waiting in group:
                _fail(waiting.outcome, error)
            return
        for waiting, intake in zip(group, intakes, strict=True):
            if not waiting.outcome.done():
                waiting.outcome.set_result(intake)

    async def _write_in_time(self, app_id: int, group: Sequence[_Waiting]) -> list[Intake]:
        """Write until nobody waits for it any more: what goes on after that would keep others waiting."""
        try:
            async with asyncio.timeout_at(max(waiting.until for waiting in group)):
                return await self._write(app_id, [waiting.delivered for waiting in group])
        except TimeoutError:
            raise StoreUnavailable(_LATE) from None


def _begun(delivered: Delivered) -> _Waiting:
    """Return a delivery that fails by itself when its write, and those that it waits for, take too long."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Intake] = loop.create_future()
    until = loop.time() + write_seconds(delivered.weight)
    end = loop.call_at(until, _fail, outcome, StoreUnavailable(_LATE))
    outcome.add_done_callback(lambda _: end.cancel())
    return _Waiting(delivered, outcome, until)


def _next_group(waiting: deque[_Waiting]) -> list[_Waiting]:
    """Return what is to be written next, without what has waited for too long; nothing when nothing waits."""
    group: list[_Waiting] = []
    weight = 0
    while waiting and len(group) < _GROUP:
        weight += waiting[0].delivered.weight
        if group and weight > _GROUP_WEIGHT:
            break
        first = waiting.popleft()
        if not first.outcome.done():
            group.append(first)
    return group


def _fail(outcome: asyncio.Future[Intake], error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
        outcome.exception()  # looked at: whoever delivered may have gone away
