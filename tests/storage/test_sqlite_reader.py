"""The embedded store's reader: what shares a snapshot, and when another process's work is seen."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.storage.examples import AN_APP, OUT_MISSED
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.storage.sqlite import reader

APP = AN_APP.app_id


def with_two(path: Path, work: Callable[[Store, sqlite3.Connection], Coroutine[Any, Any, None]]) -> None:
    """Do something with a store that has a call, and with a connection as another process would have it."""

    async def done() -> None:
        store = await open_store(str(path))
        await store.add_app(AN_APP)
        await store.take_in(APP, [a_leg()])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            await work(store, other)
        await store.close()

    asyncio.run(done())


def take_away(other: sqlite3.Connection) -> None:
    other.execute("DELETE FROM listed_call")


async def count(store: Store) -> int:
    return (await store.page(APP, OUT_MISSED, Range())).count


def test_a_turn_of_the_loop_reads_one_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process does meanwhile is seen in the next turn."""
    monkeypatch.setattr(reader, "SNAPSHOT_SECONDS", 60.0)

    async def work(store: Store, other: sqlite3.Connection) -> None:
        before = await count(store)
        take_away(other)
        assert (before, await count(store)) == (1, 1)
        await asyncio.sleep(0)
        assert await count(store) == 0

    with_two(tmp_path / "ringback.db", work)


def test_a_coroutine_that_never_waits_sees_what_others_do(tmp_path: Path) -> None:
    """Polling in a single turn, it sees another process's work once the snapshot is a millisecond old."""

    async def work(store: Store, other: sqlite3.Connection) -> None:
        assert await count(store) == 1
        take_away(other)
        for _ in range(1_000_000):
            if await count(store) == 0:
                break
        else:
            pytest.fail("the snapshot never ended")

    with_two(tmp_path / "ringback.db", work)


def test_what_this_process_wrote_is_read_right_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However old a snapshot may be: an answered write ends every snapshot from before it."""
    monkeypatch.setattr(reader, "SNAPSHOT_SECONDS", 60.0)

    async def work(store: Store, other: sqlite3.Connection) -> None:
        del other

        async def delivers(number: int) -> None:
            await count(store)
            await store.take_in(APP, [a_leg(f"k{number}")])
            found = [call async for call in store.walk(APP, OUT_MISSED, Range())]
            assert (await count(store)) >= len(found) >= 2

        await asyncio.gather(*(delivers(number) for number in range(2, 30)))
        assert await count(store) == 29

    with_two(tmp_path / "ringback.db", work)


def test_no_lock_is_left_behind(tmp_path: Path) -> None:
    """After the turn the log can be cut to nothing, which any open snapshot would hinder."""

    async def work(store: Store, other: sqlite3.Connection) -> None:
        await count(store)
        await asyncio.sleep(0)
        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0

    with_two(tmp_path / "ringback.db", work)
