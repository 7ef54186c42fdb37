"""`rejects`: what could not be understood is kept, shown and tried again."""

import json

import pytest
from tests.cli.conftest import CommandLine
from tests.cli.test_importing import APP, MASTER, ZONE
from tests.web.house import FROM, missed


@pytest.fixture
def rejecting(owned: CommandLine) -> CommandLine:
    """The command line on a store with two kept rejects: a local time without a zone, and a broken record."""
    statuses = (
        owned("import", "asterisk", "-", *APP, stdin=MASTER.splitlines(keepends=True)[0]).status,
        owned("import", "generic", "-", *APP, stdin='{"call_key": "ü"}').status,
    )
    assert statuses == (1, 1)
    return owned


def test_rejects_are_listed_with_where_and_why(rejecting: CommandLine) -> None:
    """Oldest first, each with number, app, source, where it stood and the reason."""
    facts = rejecting.done("rejects", "list", "--json").facts["rejects"]

    assert [(one["number"], one["app"], one["source"], one["origin"]) for one in facts] == [
        (1, 1111113, "asterisk", "-, line 1"),
        (2, 1111113, "generic", "-, line 1"),
    ]
    assert facts[1]["reason"].startswith("agent is missing")
    assert "agent is missing" in rejecting.done("rejects", "list").out


def test_rejects_of_another_app_are_not_listed(rejecting: CommandLine) -> None:
    """--app shows that app's alone."""
    assert rejecting.done("rejects", "list", "--app", 9).out == "No rejected records.\n"
    assert len(rejecting.done("rejects", "list", *APP, "--json").facts["rejects"]) == 2


def test_a_reject_is_shown_with_its_raw_text(rejecting: CommandLine) -> None:
    """Its own bytes are there to be read."""
    assert rejecting.done("rejects", "show", 2, "--json").facts["raw"] == '{"call_key": "ü"}'
    assert '{"call_key": "ü"}' in rejecting.done("rejects", "show", 2).out


def test_a_retry_with_the_zone_it_lacked_takes_it_in(rejecting: CommandLine) -> None:
    """The record with a local time goes in and leaves the rejects; the broken one stays and makes the status 1."""
    said = rejecting("rejects", "retry", *ZONE, "--json")

    assert said.status == 1
    assert said.facts == {"new": 1, "merged": 0, "duplicate": 0, "rejected": 1}
    assert said.err.startswith("still rejected: 2: agent is missing")
    assert [one["number"] for one in rejecting.done("rejects", "list", "--json").facts["rejects"]] == [2]
    assert rejecting.done("list", "103_1111113", "--json").facts["count"] == 1


def test_a_retry_of_one_says_what_came_of_it(rejecting: CommandLine) -> None:
    """A number retries that one alone; when it goes in the status is 0."""
    said = rejecting.done("rejects", "retry", 1, *ZONE)

    assert said.out == "1 new calls, 0 merged, 0 known already, 0 still rejected.\n"
    assert len(rejecting.done("rejects", "list", "--json").facts["rejects"]) == 1


@pytest.mark.parametrize("odd", ["a\\rb", "a\\u2028b", "a\\u0085b"])
def test_a_retry_reads_the_record_as_it_came(owned: CommandLine, odd: str) -> None:
    """A record with a line break of some kind inside is one record when it is retried, too."""
    record = json.dumps(missed(FROM, started_at="2019-10-01 12:00:00", name="X")).replace("X", odd)
    said = owned("import", "generic", "-", *APP, "--json", stdin=record)
    assert (said.status, said.facts["rejected"]) == (1, 1)

    assert owned.done("rejects", "retry", *ZONE, "--json").facts["new"] == 1


def test_a_row_with_a_carriage_return_inside_is_retried_whole(owned: CommandLine) -> None:
    """A CSV field that holds a bare carriage return does not cut its row in two."""
    row = MASTER.splitlines(keepends=True)[0].replace('"""Asha"" <103>"', '"""As\rha"" <103>"')
    said = owned("import", "asterisk", "-", *APP, "--json", stdin=row)
    assert (said.status, said.facts["rejected"]) == (1, 1)

    assert owned.done("rejects", "retry", *ZONE, "--json").facts["new"] == 1


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("show", 9), 1, "no rejected record 9"),
        (("show", 10**30), 2, "should be from 0 to"),
        (("show", "x"), 2, "x"),
        (("retry", 9), 1, "no rejected record 9"),
        (("retry", "--timezone", "Mars"), 2, "no time zone 'Mars'"),
        (("list", "--app", 10**30), 2, "should be from 0 to"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    rejecting: CommandLine, words: tuple[object, ...], status: int, part: str
) -> None:
    """A number or zone that is no good is refused in one line."""
    assert part in rejecting.refused("rejects", *words, status=status)
