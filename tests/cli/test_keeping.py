"""`check`, `migrate`, `purge`, and stores that cannot be used."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.conftest import CommandLine
from tests.web.house import FROM, missed


@pytest.fixture
def kept(owned: CommandLine) -> CommandLine:
    """The command line on a store with four missed calls, a second apart."""
    calls = [missed(FROM + 1000 * number) for number in range(4)]
    owned.done("import", "generic", "-", "--app", 1111113, stdin=json.dumps(calls))
    return owned


def damage(store: CommandLine, statement: str) -> None:
    """Change the store behind Ringback's back."""
    with closing(sqlite3.connect(store.path)) as connection, connection:
        assert connection.execute(statement).rowcount != 0


def test_a_sound_store_is_sound(kept: CommandLine) -> None:
    """A check of a good store says how much it read, and its status is 0."""
    assert kept.done("check", "--json").facts == {"ok": True, "lists": 1, "calls": 4, "faults": []}
    assert kept.done("check").out == "Sound: 1 lists, 4 calls.\n"


@pytest.mark.parametrize(
    ("statement", "part"),
    [
        ("DELETE FROM listed_call WHERE position = 2", "positions jump from 1 to 3"),
        ("UPDATE listed_call SET started_ms = started_ms + 5000 WHERE position = 1", "not what its legs say"),
        ("UPDATE listed_call SET name = 'Eve' WHERE position = 3", "not what its legs say"),
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


def test_purging_drops_what_started_before(kept: CommandLine) -> None:
    """Calls before the moment go with their legs, those at and after it stay, and the store is sound."""
    assert kept.done("purge", "--before", FROM + 2000, "--json").facts == {"purged": 2}

    assert kept.done("list", "103_1111113", "--json").facts["count"] == 2
    assert kept.done("check", "--json").facts == {"ok": True, "lists": 1, "calls": 2, "faults": []}
    assert kept.done("purge", "--before", "2030-01-01").out == "2 calls dropped.\n"


def test_a_purge_reads_its_moment_by_the_clock_asked_for(kept: CommandLine) -> None:
    """Noon in Kolkata is when the first call started: it stays, and a second later it goes."""
    for moment, purged in (("2019-10-01T12:00:00", 0), ("2019-10-01T12:00:01", 1)):
        assert kept.done("purge", "--before", moment, "--timezone", "Asia/Kolkata", "--json").facts == {
            "purged": purged
        }


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("purge",), "--before"),
        (("purge", "--before", "long ago"), "--before should be a time such as"),
        (("purge", "--before", ""), "--before should be a time such as"),
        (("purge", "--before", "2019-01-01", "--timezone", "Mars"), "no time zone"),
        (("check", "--store", "mysql://x/y"), "no store of the kind 'mysql'"),
        (("check", "--store", "sqlite://host/path"), "should be sqlite:///path/ringback.db"),
        (("check", "--nonsense"), "--nonsense"),
    ],
)
def test_what_was_typed_wrongly_is_said_in_one_line(kept: CommandLine, words: tuple[object, ...], part: str) -> None:
    """Wrong use has status 2 and changes nothing."""
    assert part in kept.refused(*words, status=2)
    assert kept.done("check", "--json").facts["calls"] == 4


def test_migrating_a_store_of_today_is_harmless(kept: CommandLine) -> None:
    """A store of this schema stays as it is, and one that is not there is made."""
    assert kept.done("migrate", "--json").facts == {"migrated": True}
    assert kept.done("migrate", "--store", "sqlite:///other/new.db").out == "The store is of this Ringback's schema.\n"
    assert kept.done("check", "--json").facts["calls"] == 4
    assert Path("other/new.db").exists()


def text_file(path: Path) -> None:
    """Make a file that is no database."""
    path.write_text("This is no database. " * 500)


def other_database(path: Path) -> None:
    """Make another program's database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE song (title TEXT)")


def newer_store(path: Path) -> None:
    """Make a store of a schema to come."""
    path.write_bytes(Path(os.environ["XDG_DATA_HOME"], "ringback", "ringback.db").read_bytes())
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
    owned: CommandLine, make: object, part: str, command: tuple[str, ...]
) -> None:
    """What is no store of this Ringback's is refused in one line with status 1, and is left as it was."""
    path = owned.folder / "strange.db"
    assert callable(make)
    make(path)
    before = path.read_bytes() if path.is_file() else b""

    line = owned.refused(*command, "--store", f"sqlite:///{path}")

    assert part in line
    assert str(path) in line
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_store_nobody_else_may_read_is_made(ringback: CommandLine) -> None:
    """A new store file is its owner's alone: it holds customers' numbers."""
    ringback.done("app", "list")

    assert ringback.path.stat().st_mode & 0o077 == 0
