"""Opening a SQLite file: what is taken, what is refused, and the one line that says why."""

import os
import shutil
import sqlite3
import subprocess
import sys
from asyncio import run
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.outages.disks import mounted
from tests.storage.examples import AN_APP, OUT_MISSED, RING_BACK, TO_RING_BACK, whole_list
from tests.telephony.examples import a_leg

from ringback.errors import StoreUnusable
from ringback.storage import open_store
from ringback.storage.sqlite import connection
from ringback.telephony.call import call_ref

APP = AN_APP.app_id


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a store is or will be."""
    return tmp_path / "ringback.db"


def opened(path: Path, *, migrate: bool = False) -> None:
    run(run(open_store(str(path), migrate=migrate)).close())


# --- opening -------------------------------------------------------------------------------------------------------


def test_a_new_store_is_nobody_elses_to_read(path: Path) -> None:
    """The file, and the folder made for it, can be read by their owner only, whatever the umask."""
    path = path.parent / "new" / path.name
    before = os.umask(0)
    try:
        opened(path)
    finally:
        os.umask(before)

    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    """A file without a byte in it is made a store, as one that does not exist yet is."""
    path.touch()

    opened(path)

    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (connection.APPLICATION_ID,)


def test_opening_a_store_twice_drops_no_lock(path: Path) -> None:
    """A store opened once more in its process and closed is still kept from another process, which leaves its log."""
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    opened(path)
    look = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM app'); db.close()"
    subprocess.run([sys.executable, "-c", look, path], check=True)

    assert Path(f"{path}-wal").exists()
    assert run(store.take_in(APP, [a_leg()])).new == 1
    run(store.close())


@pytest.mark.parametrize("name", ["with space & 100%.db", "wie?#so.db", "лист.db"])
def test_any_file_name_will_do(path: Path, name: str) -> None:
    """A path's own characters are never read as parts of a URL."""
    opened(path.parent / name)

    assert (path.parent / name).stat().st_size > 0


@pytest.mark.parametrize("content", [b"these are a user's notes, no database\n" * 50, b"\0" * 4096, b"no"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    """Some other file by that name is not overwritten."""
    path.write_bytes(content)

    with pytest.raises(StoreUnusable, match="no SQLite database"):
        opened(path, migrate=True)

    assert path.read_bytes() == content


@pytest.mark.parametrize("mark", ["CREATE TABLE notes (text)", "PRAGMA user_version = 1", "PRAGMA application_id = 7"])
def test_another_programs_database_is_refused_and_left_alone(path: Path, mark: str) -> None:
    """A SQLite database that some other program made is told from ours, even while it has no tables yet."""
    with closing(sqlite3.connect(path)) as db:
        db.execute(mark)
        db.commit()
    content = path.read_bytes()

    with pytest.raises(StoreUnusable, match="another program's database"):
        opened(path, migrate=True)

    assert path.read_bytes() == content


def test_a_store_of_a_newer_schema_is_refused(path: Path) -> None:
    """An older Ringback does not write into a newer one's store, and says to upgrade."""
    opened(path)
    set_version(path, 999)

    with pytest.raises(StoreUnusable, match=r"schema 999.*upgrade"):
        opened(path, migrate=True)


def test_a_store_of_an_older_schema_is_brought_up_only_when_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older store is refused with the command that brings it up; migrating runs the steps that it lacks."""
    opened(path)
    steps = [*connection.schema_steps(), "CREATE TABLE later (x TEXT) STRICT;"]
    monkeypatch.setattr(connection, "schema_steps", lambda: steps)

    with pytest.raises(StoreUnusable, match="ringback migrate --store sqlite:///"):
        opened(path)
    assert "later" not in tables(path)

    opened(path, migrate=True)
    opened(path)
    assert "later" in tables(path)


@pytest.mark.parametrize("standing", [1, len(connection.schema_steps())])
def test_lists_of_the_oldest_stores_are_brought_up(path: Path, standing: int) -> None:
    """Rows that lack what pages show get it from their legs, also where an earlier migration took the steps alone."""
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg(), a_leg("k2", name='A "B" \x7fé', rate="1.5")]))
    before = [whole_list(store, key) for key in (OUT_MISSED, TO_RING_BACK)]
    run(store.close())
    schema = tables_as_written(path)
    make_oldest(path, standing)

    opened(path, migrate=True)

    assert tables_as_written(path) == schema
    store = run(open_store(str(path)))
    assert [whole_list(store, key) for key in (OUT_MISSED, TO_RING_BACK)] == before
    assert run(store.check()).faults == []
    run(store.close())


def test_a_step_that_fails_leaves_the_store_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is all or nothing: what its first statement did is undone when its second fails."""
    opened(path)
    steps = [*connection.schema_steps(), "CREATE TABLE later (x TEXT) STRICT;\nCREATE TABLE app (x TEXT) STRICT;"]
    monkeypatch.setattr(connection, "schema_steps", lambda: steps)

    with pytest.raises(StoreUnusable):
        opened(path, migrate=True)

    assert "later" not in tables(path)


def test_the_schema_is_all_that_its_steps_say(path: Path) -> None:
    """No statement of the schema's steps is lost on the way into a new store."""
    opened(path)
    with closing(sqlite3.connect(":memory:")) as db:
        for step in connection.schema_steps():
            db.executescript(step)
        expected = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}

    assert tables(path) == expected
    assert {"app", "agent", "token", "leg", "call_list", "listed_call", "reject"} <= expected


def test_a_folder_is_refused(path: Path) -> None:
    """A path that is a folder is no store, and the line says how to name another."""
    path.mkdir()

    with pytest.raises(StoreUnusable, match=r"Is a directory.*--store"):
        opened(path)


def test_a_file_in_the_place_of_the_folder_is_refused(path: Path) -> None:
    """A path below a file is no store."""
    path.touch()

    with pytest.raises(StoreUnusable, match="--store"):
        opened(path / "ringback.db")


def test_a_disk_that_can_only_be_read_is_refused(tmp_path: Path) -> None:
    """On a read-only disk a store, there or not, is refused with the system's own reason."""
    with mounted(tmp_path, 2) as disk:
        opened(disk / "there.db")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)

        for name in ("there.db", "new.db"):
            with pytest.raises(StoreUnusable, match="Read-only file system"):
                opened(disk / name)


@pytest.mark.parametrize("leave", [Path.unlink, lambda path: os.truncate(path, 0)])
def test_the_log_of_a_store_that_is_away_is_kept(path: Path, leave: Callable[[Path], None]) -> None:
    """Where the file is gone or empty no new one is begun over its log, in which calls may be; back, they are there."""
    store = run(open_store(str(path)))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg()]))
    kept = path.with_name("kept.db")
    shutil.copy(path, kept)
    shutil.copy(f"{path}-wal", f"{kept}-wal")
    leave(kept)

    with pytest.raises(StoreUnusable, match=f"is missing, but its log {kept}-wal is there"):
        opened(kept)

    shutil.copy(path, kept)
    again = run(open_store(str(kept)))
    assert len(run(again.legs(APP, call_ref(APP, "k1")))) == 1
    run(again.close())
    run(store.close())


def set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {version}")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}


def make_oldest(path: Path, standing: int) -> None:
    """Give a store the lists of the oldest ones, and leave it the first so many steps."""
    tables = ("login_try", "audit", "duty", "contact", *RING_BACK)
    dropped = "".join(f"DROP TABLE {table};" for table in tables)
    later = f"{dropped} ALTER TABLE agent DROP COLUMN is_supervisor;" if standing == 1 else ""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(
            "ALTER TABLE listed_call ADD COLUMN name TEXT;"
            "ALTER TABLE listed_call ADD COLUMN rate TEXT NOT NULL DEFAULT '0.0000';"
            "ALTER TABLE listed_call ADD COLUMN billable_seconds INTEGER NOT NULL DEFAULT 0;"
            f"ALTER TABLE listed_call DROP COLUMN shown; {later} PRAGMA user_version = {standing};"
        )


def tables_as_written(path: Path) -> set[str]:
    """Return the statements that made a store's tables and indexes."""
    with closing(sqlite3.connect(path)) as db:
        return {row[0] for row in db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
