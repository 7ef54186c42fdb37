"""`follow asterisk-sql` on a real MariaDB with FreePBX's table and a real PostgreSQL with Asterisk's own."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.following.databases import DATABASE, PASSWORD, READER, Database
from tests.following.owner import Owner
from tests.following.rows import FIRST, ZONE, number_of, record

KNOWN = {"RINGBACK_SQL_PASSWORD": PASSWORD}
ZONED = ("--timezone", ZONE)


def followed(database: Database) -> tuple[str, ...]:
    """Return how the table is followed."""
    return ("asterisk-sql", database.reading, *ZONED, "--every", "0.05")


def test_a_table_is_taken_in_once_and_only_read(any_owner: Owner, database: Database) -> None:
    """The first run takes all rows in; another finds only what is new; the table is as it was."""
    database.insert(*(record(call) for call in range(5)))
    before = database.state()

    assert any_owner.counts(*followed(database), **KNOWN)["new"] == 5
    assert any_owner.counts(*followed(database), **KNOWN)["new"] == 0
    assert any_owner.numbers() == [number_of(call) for call in range(5)]
    assert database.state() == before


def test_rows_come_when_calls_end_in_any_order(owner: Owner, database: Database) -> None:
    """Rows of calls that began hours before the last one, or in the same second, are taken in as they come."""
    hours = timedelta(hours=3, minutes=50)
    with owner.following(*followed(database), **KNOWN) as process:
        database.insert(record(1, start=FIRST + hours))
        owner.wait_until(lambda: len(owner.numbers()) == 1)
        database.insert(record(0, start=FIRST), record(2, start=FIRST + hours), record(3, start=FIRST + hours))
        owner.wait_until(lambda: len(owner.numbers()) == 4)

        assert process.stop() == 0, process.said
    assert sorted(owner.numbers()) == [number_of(call) for call in range(4)]


def test_rows_of_one_call_minutes_apart_are_one_call(owner: Owner, database: Database) -> None:
    """A call whose second attempt is answered minutes later leaves the list of the missed."""
    with owner.following(*followed(database), **KNOWN):
        database.insert(record(0))
        owner.wait_until(lambda: owner.numbers() == [number_of(0)])
        database.insert(record(0, leg=1, start=FIRST + timedelta(minutes=7), answered=True))
        owner.wait_until(lambda: owner.numbers() == [])

    assert owner.check() == {"ok": True, "lists": 2, "calls": 1, "faults": []}


def test_more_rows_of_one_second_than_a_look_takes_all_come(owner: Owner, database: Database) -> None:
    """Twice as many rows of one time as one look takes, and one behind them, are all taken in."""
    row = record(0)
    database.insert(row)
    many = "INSERT INTO cdr ({names}) SELECT {values} FROM cdr"
    names = [
        "src",
        "dst",
        "channel",
        "dstchannel",
        "disposition",
        "duration",
        "billsec",
        "sequence",
        "uniqueid",
        "linkedid",
    ]
    time = "start" if database.kind == "postgresql" else "calldate"
    key = "CONCAT(uniqueid, '{step}')"
    for step in range(14):
        values = [key.format(step=chr(97 + step)) if name in ("uniqueid", "linkedid") else name for name in names]
        database.ask(many.format(names=", ".join([time, *names]), values=", ".join([time, *values])))
    database.insert(record(1))

    assert owner.counts(*followed(database), **KNOWN)["new"] == 2**14 + 1


def test_a_table_can_be_altered_while_it_is_followed(owner: Owner, database: Database) -> None:
    """Following holds no lock between looks: a column comes and goes meanwhile."""
    database.insert(record(0))
    with owner.following("asterisk-sql", database.reading, *ZONED, "--every", "60", **KNOWN):
        owner.wait_for_calls(1)
        database.ask("ALTER TABLE cdr ADD COLUMN other integer")
        database.ask("ALTER TABLE cdr DROP COLUMN other")


def test_a_call_from_the_future_hides_no_others(owner: Owner, database: Database) -> None:
    """A row of a clock gone wrong does not move the window beyond the calls of today."""
    database.insert(record(0, start=FIRST.replace(year=2199)))
    owner.counts(*followed(database), **KNOWN)
    now = datetime.now(ZoneInfo(ZONE)).replace(microsecond=0, tzinfo=None)
    database.insert(record(1, start=now - timedelta(hours=1)))

    assert owner.counts(*followed(database), **KNOWN)["new"] == 1


def test_a_database_that_is_restarted_is_waited_for(owner: Owner, database: Database) -> None:
    """Rows from before and after a restart are all there; that it was away is said once."""
    with owner.following(*followed(database), **KNOWN) as process:
        database.insert(record(0))
        owner.wait_for_calls(1)
        database.stop()
        process.wait_until_said("is away, trying again")
        database.start()
        database.insert(record(1))
        owner.wait_for_calls(2)

        assert process.said.count("is away") == process.said.count("is back\n") == 1, process.said


def test_a_database_that_is_not_up_yet_is_waited_for(owner: Owner, database: Database) -> None:
    """Started before the database, it waits, and takes the rows in when it is there."""
    database.insert(record(0))
    database.stop()
    try:
        with owner.following(*followed(database), **KNOWN) as process:
            process.wait_until_said("is away, trying again")
            database.start()
            owner.wait_for_calls(1)
    finally:
        if database.is_stopped:
            database.start()


@pytest.mark.parametrize(
    ("change", "status", "part"),
    [
        ({"password": "wrong"}, 1, "reader"),
        ({"table": "cel"}, 1, "cel"),
        ({"table": "a b"}, 2, "--table should be a table's name"),
        ({"database": "nothing"}, 1, "nothing"),
        ({"timezone": None}, 2, "the table's times have no zone; name the switch's: --timezone"),
    ],
)
def test_what_waiting_cannot_help_is_said_in_one_line(
    owner: Owner, database: Database, change: dict[str, str | None], status: int, part: str
) -> None:
    """A wrong password, table or database, or no zone, ends it with one line that names it."""
    url = database.reading.replace(DATABASE, change.get("database") or DATABASE)
    zone = () if "timezone" in change else ZONED
    words = ("asterisk-sql", url, "--table", change.get("table") or "cdr", *zone)
    ended, said = owner.refused(*words, RINGBACK_SQL_PASSWORD=change.get("password") or PASSWORD)

    assert ended == status, said
    assert said.startswith("ringback: ")
    assert part in said


def test_the_password_comes_from_standard_input(owner: Owner, database: Database) -> None:
    """With --password-stdin its first line is the password."""
    done = owner.once(*followed(database), "--password-stdin", stdin=f"{PASSWORD}\n")

    assert done.status == 0, done


def test_a_password_in_the_address_is_warned_about(owner: Owner, database: Database) -> None:
    """It is taken, with a warning, and told nowhere."""
    url = database.reading.replace(f"{READER}@", f"{READER}:{PASSWORD}@")
    done = owner.once("asterisk-sql", url, *ZONED)

    assert (done.status, "warning: others on this machine" in done.err) == (0, True), done
    assert PASSWORD not in done.err


def test_times_with_a_zone_are_taken_as_they_are(owner: Owner, postgresql: Database) -> None:
    """Of a table whose times have a zone, no --timezone is needed."""
    postgresql.empty()
    postgresql.insert(record(0))
    change_times(postgresql, "timestamptz")
    try:
        assert owner.counts("asterisk-sql", postgresql.reading, **KNOWN)["new"] == 1
        postgresql.insert(record(1))
        assert owner.counts("asterisk-sql", postgresql.reading, **KNOWN)["new"] == 1
    finally:
        change_times(postgresql, "timestamp")


def change_times(postgresql: Database, kind: str) -> None:
    """Make the table's times of this kind."""
    names = ('"start"', '"answer"', '"end"')
    columns = ", ".join(f"ALTER {name} TYPE {kind} USING {name} AT TIME ZONE 'UTC'" for name in names)
    postgresql.ask(f"ALTER TABLE cdr {columns}")


def test_times_that_mariadb_keeps_as_moments_need_no_zone(owner: Owner, mariadb: Database) -> None:
    """A column of the type TIMESTAMP is a moment, whatever zone the session has."""
    mariadb.empty()
    mariadb.ask("ALTER TABLE cdr MODIFY calldate timestamp NOT NULL")
    mariadb.ask(
        "INSERT INTO cdr (calldate, src, dst, channel, dstchannel, disposition, uniqueid, linkedid) VALUES "
        "(FROM_UNIXTIME(1570162545), '103', '77010000000', 'SIP/103-1', 'SIP/t-2', 'NO ANSWER', 'a.1', 'a.1')"
    )
    try:
        assert owner.counts("asterisk-sql", mariadb.reading, **KNOWN)["new"] == 1
    finally:
        mariadb.ask("ALTER TABLE cdr MODIFY calldate datetime NOT NULL")
    assert owner.start_of_first() == 1570162545000


@pytest.mark.parametrize(
    "url", ["oracle://a@b/c", "mysql://host/db", "mysql://user@host", "mysql://u@h/d?color=red", "mysql://u@h:x/d"]
)
def test_an_address_of_no_database_is_refused(owner: Owner, url: str) -> None:
    """An address that names no kind, user or database that is known is used wrongly."""
    status, said = owner.refused("asterisk-sql", url, *ZONED)

    assert status == 2
    assert "mysql" in said
