"""Numbers that are still to be rung back: marking one done by hand, and taking that back. No HTTP, no SQL."""

import time

from ringback.storage.base import Store
from ringback.storage.records import Mark


async def mark_done(
    store: Store, app_id: int, number: str, extension: str, seen_ms: int, *, of: str | None
) -> int | None:
    """Take a number, as lists show it, off all agents' lists on behalf of one; return the moment, which undoes it.

    `seen_ms` is the start of the last try that whoever marks it has seen: that counts no more even where a switch's
    clock is ahead. `of` is the agent whose list must have the number, None for any agent's; None is returned where it
    is not, for it was reached meanwhile.
    """
    done_ms = max(time.time_ns() // 1_000_000, seen_ms)
    mark = Mark(number=number, done_ms=done_ms, extension=extension)
    return done_ms if await store.mark_done(app_id, mark, of=of) else None


async def undo_done(store: Store, app_id: int, number: str, extension: str, done_ms: int) -> bool:
    """Take back what this agent marked at this moment; return whether there was such a mark."""
    return await store.undo_done(app_id, Mark(number=number, done_ms=done_ms, extension=extension))
