"""The one thread that writes: what a job that fails leaves behind, for itself and for the others of its group."""

import sqlite3
import threading
from asyncio import create_task, gather, run, sleep, timeout
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ringback.errors import StoreUnavailable
from ringback.storage.sqlite import writer as writer_module
from ringback.storage.sqlite.connection import connect
from ringback.storage.sqlite.writer import LONG, Writer


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


class Failing(sqlite3.Connection):
    """A connection whose disk fails it: it can neither commit nor take anything back."""

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:
        if statement in ("COMMIT", "ROLLBACK"):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(statement, *parameters)


def test_when_the_store_cannot_even_be_opened_anew_everybody_is_told(
    writer: Writer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While taking back and opening fail each caller hears of it; once the disk is well the writer writes on."""

    async def outcome() -> object:
        async with timeout(5):
            return (await gather(writer.run(keep), return_exceptions=True))[0]

    def connect_in_vain(*_: object, **__: object) -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    reading = writer._connection  # as a store's reader does, it keeps the log there
    writer._connection = sqlite3.connect(path, factory=Failing, isolation_level=None, check_same_thread=False)
    with monkeypatch.context() as patch:
        patch.setattr(writer_module, "connect", connect_in_vain)
        failed = [run(outcome()) for _ in range(3)]

    assert [type(error) for error in failed] == [StoreUnavailable] * 3
    assert [run(outcome()), run(outcome())] == [1, 2]
    assert kept(path) == [1, 2]
    reading.close()


def test_who_goes_away_takes_nothing_back(writer: Writer, path: Path) -> None:
    """A job whose caller does not wait for it is done all the same, and the others of its group are answered."""

    async def write() -> int:
        impatient = create_task(writer.run(keep))
        patient = create_task(writer.run(keep))
        await sleep(0)
        impatient.cancel()
        return await patient

    assert run(write()) == 2
    assert kept(path) == [1, 2]


@pytest.mark.parametrize(("weight", "is_inline"), [(1, True), (LONG, False)])
def test_only_short_work_keeps_the_loop(writer: Writer, weight: int, is_inline: bool) -> None:
    """Short work is done where it is asked for; long work on a thread, where it keeps no request waiting."""
    here = threading.get_ident()

    done_on = run(writer.run(lambda _: threading.get_ident(), weight=weight))

    assert (done_on == here) is is_inline


def test_much_short_work_is_long_together(writer: Writer) -> None:
    """Many jobs that wait together are done on the thread, each with its own outcome."""
    here = threading.get_ident()

    async def write() -> list[tuple[int, int]]:
        waiting = (writer.run_together("kind", both, number, 100) for number in range(5))
        return await gather(*waiting)

    outcomes = run(write())

    assert [number for number, _ in outcomes] == [0, 1, 2, 3, 4]
    assert {thread for _, thread in outcomes} != {here}


def both(_: sqlite3.Connection, numbers: list[int]) -> list[tuple[int, int]]:
    return [(number, threading.get_ident()) for number in numbers]
