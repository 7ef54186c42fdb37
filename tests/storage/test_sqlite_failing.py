"""A SQLite file whose disk is full, that others hold, or that was damaged: what writers are told, and what is kept."""

import sqlite3
import subprocess
import sys
import time
from asyncio import run
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.outages.disks import mounted
from tests.storage.examples import AN_APP, OUT_MISSED, whole_list
from tests.telephony.examples import a_leg

from ringback.errors import StoreUnavailable, StoreUnusable
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.storage.sqlite import connection
from ringback.telephony.call import call_ref

APP = AN_APP.app_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store is or will be."""
    return tmp_path / "ringback.db"


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """On a full disk writers are told to come again, reading goes on, and with space freed so does writing."""
    with mounted(tmp_path, 1) as disk:
        store = run(open_store(str(disk / "ringback.db")))
        run(store.add_app(AN_APP))
        (disk / "ballast").write_bytes(b"\0" * 300_000)
        acknowledged = taken_in_until_full(store)

        assert acknowledged > 0
        assert run(store.page(APP, OUT_MISSED, Range())).count == 20 * acknowledged
        (disk / "ballast").unlink()
        run(store.take_in(APP, [a_leg("after")]))
        assert len(whole_list(store, OUT_MISSED)) == 20 * acknowledged + 1
        assert run(store.check()).faults == []
        run(store.close())


def taken_in_until_full(store: Store) -> int:
    """Take in batches of twenty calls until the store says that the disk is full; return how many it acknowledged."""
    acknowledged = count()
    with pytest.raises(StoreUnavailable, match="full"):
        run(take_in_forever(store, acknowledged))
    return next(acknowledged) - 1


async def take_in_forever(store: Store, numbers: Iterator[int]) -> None:
    for number in numbers:
        await store.take_in(APP, [a_leg(f"k{number}-{part}", seconds=part) for part in range(20)])


def test_a_store_locked_for_too_long_is_unavailable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process keeps the write lock, writers are told to come again, and readers do not notice."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            run(store.take_in(APP, [a_leg()]))
        assert run(store.page(APP, OUT_MISSED, Range())).count == 0
        other.execute("ROLLBACK")

    assert run(store.take_in(APP, [a_leg()])).new == 1
    run(store.close())


HOLDING = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
while True:
    db.execute("BEGIN IMMEDIATE")
    print("holding", flush=True)
    time.sleep(0.15)
    db.execute("COMMIT")
    time.sleep(0.015)
"""


def test_a_writer_gets_its_turn_in_short_gaps(path: Path) -> None:
    """Beside a process that gives the lock free for moments only, as an import does, live calls still get in soon."""
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    with subprocess.Popen([sys.executable, "-c", HOLDING, path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        begun = time.monotonic()
        for number in range(8):
            run(store.take_in(APP, [a_leg(f"k{number}")]))
            time.sleep(0.03)
        took = time.monotonic() - begun
        other.kill()

    assert took < 3
    run(store.close())


def test_a_damaged_list_takes_no_more_legs_in(path: Path) -> None:
    """When a list lacks a call that its legs tell of, changing it is refused whole and says how to see the damage."""
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg("k1"), a_leg("k2", seconds=1)]))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM listed_call WHERE position = 2")

    with pytest.raises(StoreUnusable, match="ringback check"):
        run(store.take_in(APP, [a_leg("k2", seconds=2, source_record_id="r2", name="Ann")]))

    assert [leg.name for leg in run(store.legs(APP, call_ref(APP, "k2")))] == [None]
    run(store.close())
