"""What the commands say of SQLite files: the default one, damaged ones, and those that are none of ours."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.web.house import FROM, SEED_APP, missed


@pytest.fixture
def kept(newcomer: CommandLine) -> CommandLine:
    """The command line on a new file with four missed calls, a second apart."""
    newcomer.done("app", "add", SEED_APP)
    calls = [missed(FROM + 1000 * number) for number in range(4)]
    newcomer.done("import", "generic", "-", "--app", SEED_APP, stdin=json.dumps(calls))
    return newcomer


def damage(store: CommandLine, statement: str) -> None:
    """Change the store behind Ringback's back."""
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert connection.execute(statement).rowcount != 0


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("DELETE FROM listed_call WHERE position = 2", "positions jump from 1 to 3"),
        ("UPDATE listed_call SET started_ms = started_ms + 5000 WHERE position = 1", "not what its legs say"),
        ("UPDATE listed_call SET number = '1' WHERE position = 3", "not what its legs say"),
        ("DELETE FROM leg WHERE leg_id = 1", "no leg is kept"),
        ("UPDATE leg SET facts = replace(facts, '91', '92') WHERE leg_id = 2", "facts were changed"),
    ],
)
def test_each_kind_of_damage_is_found(kept: CommandLine, statement: str, part: str) -> None:
    """A store that was tampered with makes the status 1, and the fault is named to people and programs."""
    first = kept.done("check", "--json").facts["ok"]
    damage(kept, statement.replace("position = 1", "position = (SELECT min(position) FROM listed_call)"))
    said = kept("check", "--json")
    facts = said.facts

    assert (first, said.status, facts["ok"]) == (True, 1, False)
    assert any(part in fault["what"] for fault in facts["faults"]), facts
    assert kept("check").status == 1
    assert f"{len(facts['faults'])} faults in " in kept("check").out


def test_the_folder_of_a_new_file_is_made(newcomer: CommandLine) -> None:
    """A store in a folder that is not there is made with it."""
    newcomer.done("migrate", "--store", "sqlite:///other/new.db")

    assert Path("other/new.db").exists()
    assert newcomer.done("check", "--store", "sqlite:///other/new.db", "--json").facts["ok"]


def text_file(path: Path) -> None:
    """Make a file that is no database."""
    path.write_text("This is no database. " * 500)


def other_database(path: Path) -> None:
    """Make another program's database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")


def newer_store(path: Path) -> None:
    """Make a store of a schema to come."""
    path.write_bytes((path.parent / "data" / "ringback" / "ringback.db").read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (text_file, "is no SQLite database"),
        (other_database, "another program's database"),
        (newer_store, "made by a newer Ringback"),
        (Path.mkdir, "cannot be opened for writing"),
    ],
)
@pytest.mark.parametrize("command", [("check",), ("serve", "--port", "0"), ("migrate",), ("app", "list")], ids=" ".join)
def test_a_store_that_is_none_of_ours_is_refused(
    kept: CommandLine, make: object, part: str, command: tuple[str, ...]
) -> None:
    """What is no store of this Ringback's is refused in one line with status 1, and is left as it was."""
    path = kept.folder / "strange.db"
    assert callable(make)
    make(path)
    before = path.read_bytes() if path.is_file() else b""

    line = kept.refused(*command, "--store", f"sqlite:///{path}")

    assert part in line
    assert str(path) in line
    assert (path.read_bytes() if path.is_file() else b"") == before


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize(
    "words",
    [
        ("import", "generic", "FILE", "--app", SEED_APP),
        ("contact", "import", "FILE", "--app", SEED_APP),
        ("follow", "asterisk", "FILE", "--app", SEED_APP, "--timezone", "UTC", "--once"),
    ],
    ids=lambda words: words[0],
)
def test_a_store_is_not_read_as_a_file_of_calls(kept: CommandLine, words: tuple[object, ...], ending: str) -> None:
    """A command that has the store open does not read and close its files: that would drop its locks on them."""
    link = kept.folder / f"link{ending}"
    link.symlink_to(f"{kept.path}{ending}")

    with closing(sqlite3.connect(kept.path)) as other:
        other.execute("SELECT count(*) FROM app").fetchone()
        line = kept.refused(*(link if word == "FILE" else word for word in words), status=2)

    assert "is the store itself" in line


def test_a_store_nobody_else_may_read_is_made(newcomer: CommandLine) -> None:
    """A new store file is its owner's alone: it holds customers' numbers."""
    newcomer.done("app", "add", 7)

    assert newcomer.path.stat().st_mode & 0o077 == 0
