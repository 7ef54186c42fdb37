"""What `check` finds in a PostgreSQL store that was damaged by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.databases.postgresql import PostgreSql
from tests.storage.sound import add_many, checked, make_sound
from tests.stores import PostgresqlStores

from ringback.telephony.call import ListKind

Ask = Callable[[str], Any]

MISSED = f"extension = '101' AND kind = {ListKind.OUT_MISSED.value}"
LAST = f"{MISSED} AND position = (SELECT max(position) FROM listed_call WHERE {MISSED})"
A_LEG = "ordinal = 0 AND call_ref = (SELECT call_ref FROM leg ORDER BY call_ref LIMIT 1)"
REST = "number, shown, disposition, ringing_seconds"


@pytest.fixture(scope="module")
def sound(postgresql_server: PostgreSql) -> str:
    """The URL of a sound, closed store: forty calls of an agent with a token, one with given id, two of others."""
    url = PostgresqlStores(postgresql_server).new()
    make_sound(url)
    return url


@pytest.fixture
def url(postgresql_server: PostgreSql, sound: str) -> str:
    """The URL of a copy of it."""
    return postgresql_server.new_database(sound)


@pytest.fixture
def ask(postgresql_server: PostgreSql, url: str) -> Ask:
    """Ask that database as its owner."""
    return lambda statement: postgresql_server.ask(statement, database=url)


DAMAGES = {
    "a gap": (f"UPDATE listed_call SET position = position + 1 WHERE {LAST}", "jump from"),
    "calls swapped": (
        f"UPDATE listed_call SET position = -5 WHERE {MISSED} AND position = 5; "
        f"UPDATE listed_call SET position = 5 WHERE {MISSED} AND position = 6; "
        f"UPDATE listed_call SET position = 6 WHERE {MISSED} AND position = -5",
        "is not later than the one before it",
    ),
    "a row gone": (f"DELETE FROM listed_call WHERE {LAST}", "is missing"),
    "a whole list gone": (f"DELETE FROM listed_call WHERE kind = {ListKind.OUT_ANSWERED.value}", "is missing"),
    "a row without legs": (
        "INSERT INTO listed_call SELECT app_id, extension, kind, position + 1, started_ms + 1, NULL, '\\x00', "
        f"{REST} FROM listed_call WHERE {LAST}",
        "no leg is kept of the call",
    ),
    "a call twice": (
        f"INSERT INTO listed_call SELECT app_id, extension, {ListKind.OUT_ANSWERED.value}, position + 1, started_ms, "
        f"given_id, call_ref, {REST} FROM listed_call WHERE {LAST}",
        "put it into another list",
    ),
    "a number edited": ("UPDATE listed_call SET number = '1' WHERE position = 3", "is not what its legs say"),
    "an id edited": (f"UPDATE listed_call SET given_id = '\\x00' WHERE {LAST}", "is not what its legs say"),
    "a start edited": (
        f"UPDATE listed_call SET started_ms = started_ms + 1 WHERE {LAST}",
        "is not what its legs say",
    ),
    "a leg edited": (f"UPDATE leg SET facts = replace(facts, '770', '880') WHERE {A_LEG}", "its facts were changed"),
    "a leg's digest edited": (f"UPDATE leg SET digest = '\\x00' WHERE {A_LEG}", "its facts were changed"),
    "a leg made unreadable": (f"UPDATE leg SET facts = '{{' WHERE {A_LEG}", "its facts were changed"),
    "a leg under another call": (f"UPDATE leg SET call_ref = '\\x00' WHERE {A_LEG}", "stands under another call"),
    "a leg's given id edited": ("UPDATE leg SET given_id = '\\x00' WHERE given_id IS NOT NULL", "found by another id"),
    "legs gone": (f"DELETE FROM leg WHERE {A_LEG}", "no leg is kept of the call"),
    "a list of no kind": (f"UPDATE listed_call SET kind = 99 WHERE {MISSED}", "a list of no known kind: 99"),
    "a list gone": (f"DELETE FROM call_list WHERE {MISSED}", "calls in a list that is not there"),
    "a try not counted": ("DELETE FROM call_by_number WHERE started_ms = 1767603605000", "calls by number lack a row"),
    "a number not to ring back": ("DELETE FROM ring_back", "numbers to ring back lack a row"),
    "tries edited": ("UPDATE ring_back SET tries = 9", "numbers to ring back have a row that does not follow"),
    "counts edited": (
        "UPDATE ring_back_count SET calls = 9 WHERE bits = 22",
        "counts of numbers to ring back lack a row",
    ),
    "an agent disabled by hand": ("UPDATE agent SET is_disabled = true", "a token of an agent that is disabled"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES)
def test_check_finds_what_was_damaged(url: str, ask: Ask, damage: str, told: str) -> None:
    """Each kind of damage done to the rows by hand is told as a fault, and check itself does not fail."""
    for statement in damage.split("; "):
        ask(statement)

    faults = checked(url).faults
    assert any(told in fault.what for fault in faults), faults


def test_a_sound_store_has_no_faults_and_is_counted(sound: str) -> None:
    """Check tells how many lists and calls it read, over all apps."""
    report = checked(sound)

    assert (report.ok, report.lists, report.calls) == (True, 4, 44)


def test_check_tells_no_more_than_a_thousand_faults(url: str, ask: Ask) -> None:
    """A store damaged everywhere is told to be so without a list that never ends."""
    add_many(url)
    ask("UPDATE listed_call SET shown = 'x'")

    assert len(checked(url).faults) == 1000
