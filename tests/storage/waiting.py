"""Rivals of a PostgreSQL store at chosen moments: locks that are held, and who waits for one. No assertions here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'ringback'
    AND strpos(query, $1) > 0
"""


@asynccontextmanager
async def held(url: str, statement: str) -> AsyncIterator[None]:
    """Run while another one's transaction holds what the statement locks."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute(statement)
            yield
    finally:
        await holder.close()


async def until_waiting(url: str, sessions: int, of: str = "") -> None:
    """Wait until so many of the store's sessions wait for a lock in a statement that has these words."""
    watcher = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(30):
            while await watcher.fetchval(_WAITING, of) < sessions:  # noqa: ASYNC110  (other processes make it so)
                await asyncio.sleep(0.01)
    finally:
        await watcher.close()


async def until_waiting_or_done(url: str, task: "asyncio.Task[Any]", of: str) -> None:
    """Wait until the task is done, or one of the store's sessions waits in a statement that has these words."""
    waiting = asyncio.create_task(until_waiting(url, 1, of))
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await asyncio.wait({waiting})
