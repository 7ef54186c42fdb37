"""The one thread that writes: what a job that fails leaves behind, for itself and for the others of its group."""

import sqlite3
from asyncio import gather, run
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringback.errors import StoreUnavailable
from ringback.storage.sqlite.connection import connect
from ringback.storage.sqlite.writer import Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with one table of numbers."""
    path = tmp_path / "numbers.db"
    path.touch()
    db = connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE kept (number INTEGER PRIMARY KEY)")
    db.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """A writer on that file."""
    writer = Writer(path)
    yield writer
    run(writer.close())


def keep(db: sqlite3.Connection) -> int:
    return int(db.execute("INSERT INTO kept VALUES (NULL)").lastrowid or 0)


def keep_then_err(db: sqlite3.Connection) -> None:
    keep(db)
    raise KeyError("a bug")


def keep_then_break(db: sqlite3.Connection) -> None:
    keep(db)
    db.execute("SELECT no_such_thing")


def kept(path: Path) -> list[int]:
    db = connect(path, read_only=True)
    numbers = [row[0] for row in db.execute("SELECT number FROM kept")]
    db.close()
    return numbers


def test_a_job_that_raises_undoes_only_itself(writer: Writer, path: Path) -> None:
    """What a job wrote before it raised is gone, its caller gets what it raised, and the others' writes stay."""

    async def write() -> list[int | BaseException | None]:
        jobs = (keep, keep_then_err, keep, keep_then_err, keep)
        return await gather(*(writer.run(job) for job in jobs), return_exceptions=True)

    outcomes = run(write())

    assert [isinstance(outcome, KeyError) for outcome in outcomes] == [False, True, False, True, False]
    assert kept(path) == [1, 2, 3]


def test_when_the_store_breaks_nothing_is_half_written(writer: Writer, path: Path) -> None:
    """An error of the store itself takes the whole job back, and the writer writes on."""
    with pytest.raises(StoreUnavailable, match="no_such_thing"):
        run(writer.run(keep_then_break))

    assert kept(path) == []
    assert run(writer.run(keep)) == 1
    assert kept(path) == [1]
