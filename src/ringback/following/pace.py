"""When to go on: stopping on a signal, and waiting with back-off for what is away. What that is, the callers know."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ringback.errors import StoreUnavailable

T = TypeVar("T")

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 30.0
_TRIES_ONCE = 4


class Away(Exception):
    """What is talked to cannot be reached or cannot answer now; it may say after how many seconds to try again."""

    def __init__(self, reason: str, after_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class Stopped(Exception):
    """Somebody asked to stop while something was waited for."""


class Pace:
    """Waits, tries again, and stops when asked to. With `is_once` it gives up after a few tries instead."""

    def __init__(self, every_seconds: float, say: Callable[[str], None], *, is_once: bool) -> None:
        self.is_once = is_once
        self._every, self._say = every_seconds, say
        self._asked = asyncio.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether somebody asked to stop."""
        return self._asked.is_set()

    def stop(self) -> None:
        """Ask to stop."""
        self._asked.set()

    async def pause(self) -> bool:
        """Wait until it is time to look again; return whether to go on."""
        return not self.is_once and not await self._wait(self._every)

    async def keep_trying(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Return what the work returns, trying again while it raises `Away` or `StoreUnavailable`.

        The first failure is said, and that it is over. Raises `Stopped`; with `is_once` `StoreUnavailable` in the end.
        """
        failed = 0
        while True:
            try:
                result = await work()
            except (Away, StoreUnavailable) as reason:
                failed += 1
                if self.is_once and failed == _TRIES_ONCE:
                    raise StoreUnavailable(f"{name} is away: {reason}") from reason
                if failed == 1:
                    self._say(f"{name} is away, trying again until it is back: {reason}")
                if await self._wait(max(_backed_off(failed), getattr(reason, "after_seconds", 0.0))):
                    raise Stopped from None
            else:
                if failed:
                    self._say(f"{name} is back")
                return result

    async def _wait(self, seconds: float) -> bool:
        """Wait, but no longer than until somebody asks to stop; return whether somebody did."""
        try:
            await asyncio.wait_for(self._asked.wait(), seconds)
        except TimeoutError:
            return False
        return True


def _backed_off(failed: int) -> float:
    """Return seconds that double with each failure, a little random so that many followers do not come at once."""
    longest = min(_LONGEST_SECONDS, _FIRST_SECONDS * (1 << min(failed - 1, 10)))
    return longest * random.uniform(0.75, 1.0)  # noqa: S311  (nothing to guess at)


@contextmanager
def stopping_on_signals(pace: Pace) -> Iterator[None]:
    """Stop cleanly on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, pace.stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
