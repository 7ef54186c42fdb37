"""A waiting room for costly work: a few at a time, bounded queues, those who are known first. No log-ins here."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from ringback.errors import TooBusy

_Turn: TypeAlias = "asyncio.Future[None]"


class WaitingRoom:
    """Lets `at_once` in at a time. One crowd, however large, neither fills the room nor holds up who is known."""

    def __init__(self, *, at_once: int, seconds: float, places: int, each: int, each_known: int) -> None:
        self._free, self._seconds = at_once, seconds
        self._known, self._others = _Queue(places, each_known), _Queue(places, each)

    @asynccontextmanager
    async def turn(self, who: bytes, *, is_known: bool) -> AsyncIterator[None]:
        """Run when it is their turn; raises `TooBusy` where they would wait for too long, or too many wait already."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(self._known if is_known else self._others, who)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, queue: "_Queue", who: bytes) -> None:
        turn = queue.join(who)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done() and not turn.cancelled():  # called in at the very moment they gave up
                self._leave()
            if isinstance(error, TimeoutError):
                raise TooBusy from None
            raise
        finally:
            queue.quit(who, turn)

    def _leave(self) -> None:
        if not self._known.call() and not self._others.call():
            self._free += 1


class _Queue:
    """Those who wait, in order; `each` is the most that one of them may have waiting."""

    def __init__(self, places: int, each: int) -> None:
        self._places, self._each = places, each
        self._turns: deque[_Turn] = deque()
        self._waiting: Counter[bytes] = Counter()

    def join(self, who: bytes) -> _Turn:
        """Return what is done when it is their turn; raises `TooBusy` where there is no place."""
        if len(self._turns) >= self._places or self._waiting[who] >= self._each:
            raise TooBusy
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        self._waiting[who] += 1
        return turn

    def quit(self, who: bytes, turn: _Turn) -> None:
        """Forget them, called or not."""
        self._waiting[who] -= 1
        if not self._waiting[who]:
            del self._waiting[who]
        if turn in self._turns:
            self._turns.remove(turn)

    def call(self) -> bool:
        """Call the next in; return whether there was one."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():  # else they have just given up
                turn.set_result(None)
                return True
        return False
