"""`list`, `export` and `legs`: what people and programs read."""

import csv
import io
import json

import pytest
from tests.cli.conftest import CommandLine
from tests.web.house import FROM, missed

AGENT = "103_1111113"
KOLKATA = ("--timezone", "Asia/Kolkata")  # FROM is 12:00:00 on 2019-10-01 there
CALLS = [
    missed(FROM, name="Adams", ringing_at=FROM, ended_at=FROM + 30_000, id="5d96c6e920837a1998da13ea"),
    missed(FROM + 1000, disposition="busy"),
    missed(FROM + 2000, dialled_number="alice"),
    missed(FROM + 3000, disposition="answered", billable_seconds=65),
    missed(FROM + 4000, direction="inbound", calling_number="+77011234567"),
    missed(FROM + 5000, agent="104"),
]


@pytest.fixture
def listed(owned: CommandLine) -> CommandLine:
    """The command line on a store with six calls."""
    owned.done("import", "generic", "-", "--app", 1111113, stdin=json.dumps(CALLS))
    return owned


@pytest.mark.one_store
def test_the_table_shows_what_a_person_wants(listed: CommandLine) -> None:
    """Newest first: when by the clock asked for, the number, the name, and how it ended."""
    lines = listed.done("list", AGENT, *KOLKATA).out.splitlines()

    assert lines[0].split() == ["When", "Number", "Name", "How", "it", "ended", "Call"]
    assert [line.split("  ")[0] for line in lines[1:4]] == [f"2019-10-01 12:00:0{second}" for second in (2, 1, 0)]
    assert "alice" in lines[1]
    assert "busy" in lines[2]
    assert all(
        part in lines[3] for part in ("919100000000", "Adams", "no answer, rang 30 s", "5d96c6e920837a1998da13ea")
    )
    assert lines[4] == "Page 1 of 1; 3 calls in all."


def test_a_range_the_wrong_way_round_is_refused(listed: CommandLine) -> None:
    """--from after --to is a mistake, and not a range without calls; the day that both name is one."""
    said = listed.refused("list", AGENT, "--from", "2019-10-02", "--to", "2019-10-01", status=2)

    assert said == "ringback: --from 2019-10-02 is later than --to 2019-10-01: no call can be between them"
    assert (
        listed.done("list", AGENT, *KOLKATA, "--from", "2019-10-01", "--to", "2019-10-01").out.count("2019-10-01") == 3
    )


def test_no_calls_are_a_page_as_well(listed: CommandLine) -> None:
    """A list without calls is one empty page, not page 1 of none."""
    said = listed.done("list", AGENT, "--from", "2030-01-01").out

    assert said == "No calls here.\nPage 1 of 1; 0 calls in all.\n"


def test_json_has_the_facts_of_each_call(listed: CommandLine) -> None:
    """For programs the page is one object, its calls newest first."""
    facts = listed.done("list", AGENT, "--json").facts

    assert (facts["agent"], facts["count"], facts["page"]) == (AGENT, 3, 1)
    assert facts["calls"][-1] == {
        "id": "5d96c6e920837a1998da13ea",
        "agent": AGENT,
        "list": "out_missed",
        "started_at": "2019-10-01T06:30:00Z",
        "number": "919100000000",
        "name": "Adams",
        "disposition": "no_answer",
        "ringing_seconds": 30,
        "billable_seconds": 0,
        "rate": "0.0000",
    }


@pytest.mark.parametrize(
    ("kind", "count"), [("out_missed", 3), ("out_answered", 1), ("in_missed", 1), ("in_answered", 0), ("ring_back", 1)]
)
def test_each_kind_of_list_can_be_shown(listed: CommandLine, kind: str, count: int) -> None:
    """--kind chooses among the agent's lists."""
    assert listed.done("list", AGENT, "--kind", kind, "--json").facts["count"] == count


def test_numbers_to_ring_back_tell_their_tries(listed: CommandLine) -> None:
    """One row a number that nobody has reached since, with how often it was tried, for people and programs."""
    listed.done(
        "import", "generic", "-", "--app", 1111113, stdin=json.dumps(missed(FROM + 9000, dialled_number="alice"))
    )
    lines = listed.done("list", AGENT, "--kind", "ring_back").out.splitlines()

    assert "alice" in lines[1]
    assert "2 tries, last: no answer" in lines[1]
    assert lines[2] == "Page 1 of 1; 1 numbers to ring back in all."
    [call] = listed.done("list", AGENT, "--kind", "ring_back", "--json").facts["calls"]
    assert (call["number"], call["tries"], call["list"]) == ("alice", 2, "ring_back")


@pytest.mark.parametrize(
    ("words", "seconds", "count"),
    [
        (("--page", 2, "--limit", 2), [0], 3),
        (("--page", 9), [], 3),
        (("--limit", 10**30), [2, 1, 0], 3),
        (("--page", 10**30), [], 3),
        (("--from", FROM + 1000), [2, 1], 2),
        (("--to", FROM + 1000), [1, 0], 2),
        (("--from", "2019-10-01T12:00:01", "--to", "2019-10-01T12:00:01", *KOLKATA), [1], 1),
        (("--from", "2019-10-01T06:30:01Z"), [2, 1], 2),
        (("--from", "2019-10-01", *KOLKATA), [2, 1, 0], 3),
        (("--from", "2019-10-02", *KOLKATA), [], 0),
    ],
)
def test_ranges_and_pages_are_those_asked_for(
    listed: CommandLine, words: tuple[object, ...], seconds: list[int], count: int
) -> None:
    """Bounds are inclusive and read by the clock asked for; count is of the range and rows of the page."""
    facts = listed.done("list", AGENT, *words, "--json").facts

    assert [int(call["started_at"][17:19]) for call in facts["calls"]] == seconds
    assert facts["count"] == count


def test_the_last_day_asked_for_is_in_the_range(listed: CommandLine) -> None:
    """A date alone as --to is that whole day: its calls are in the range."""
    assert listed.done("list", AGENT, "--to", "2019-10-01", *KOLKATA, "--json").facts["count"] == 3


def test_nothing_to_show_is_said(listed: CommandLine) -> None:
    """An empty list and a page past the end say so."""
    assert listed.done("list", AGENT, "--kind", "in_answered").out.startswith("No calls here.")
    assert listed.done("list", AGENT, "--page", 5).out.startswith("No calls on this page.")


@pytest.mark.one_store
@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("list", "999_1111113"), 1, "no agent 999_1111113"),
        (("list", "103"), 2, "such as 103_1111113"),
        (("list", AGENT, "--page", 0), 2, "1 or more"),
        (("list", AGENT, "--limit", -1), 2, "1 or more"),
        (("list", AGENT, "--limit", "many"), 2, "many"),
        (("list", AGENT, "--kind", "all"), 2, "all"),
        (("list", AGENT, "--from", "yesterday"), 2, "--from should be a time such as"),
        (("list", AGENT, "--from", "0001-01-01", *KOLKATA), 2, "--from should be a time such as"),
        (("list", AGENT, "--to", "9999-12-31T23:59:59-12:00"), 2, "--to should be a time such as"),
        (("list", AGENT, "--to", "9" * 30), 2, "--to should be a time such as"),
        (("list", AGENT, "--timezone", "Mars"), 2, "no time zone 'Mars'"),
        (("export", "999", "--format", "csv"), 1, "no app 999"),
        (("export", "999_1111113", "--format", "jsonl"), 1, "no agent 999_1111113"),
        (("export", "nobody", "--format", "csv"), 2, "103_1111113"),
        (("export", "9" * 30, "--format", "csv"), 1, "no app"),
        (("export", AGENT, "--format", "pdf"), 2, "pdf"),
        (("export", AGENT), 2, "format"),
        (("legs", "0" * 24), 1, "no call 0000"),
        (("legs", "xyz"), 2, "24 hexadecimal characters"),
        (("legs", "0" * 24, "--app", 9), 1, "no call"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    listed: CommandLine, words: tuple[object, ...], status: int, part: str
) -> None:
    """What is not there is refused with status 1, what was typed wrongly with 2, in one line and without output."""
    assert part in listed.refused(*words, status=status)


def test_an_export_has_every_call_of_an_app(listed: CommandLine) -> None:
    """All lists of all agents are written, newest first in each, as CSV and JSON lines alike."""
    rows = list(csv.DictReader(io.StringIO(listed.done("export", "1111113", "--format", "csv").out)))
    lines = [json.loads(line) for line in listed.done("export", "1111113", "--format", "jsonl").out.splitlines()]

    assert len(rows) == len(lines) == len(CALLS)
    assert list(rows[0]) == list(lines[0])
    for row, line in zip(rows, lines, strict=True):
        assert (row["id"], row["agent"], row["list"]) == (line["id"], line["agent"], line["list"])
    missed_ones = [line["started_at"] for line in lines if (line["agent"], line["list"]) == (AGENT, "out_missed")]
    assert missed_ones == sorted(missed_ones, reverse=True)


def test_an_export_of_an_agent_has_its_calls_alone(listed: CommandLine) -> None:
    """Another agent's calls are not in it."""
    lines = [json.loads(line) for line in listed.done("export", "104_1111113", "--format", "jsonl").out.splitlines()]

    assert [line["agent"] for line in lines] == ["104_1111113"]


def test_the_legs_of_a_call_are_shown_as_reported(listed: CommandLine) -> None:
    """Both legs of a call come back with what their source said, found by the id that the list shows."""
    listed.done("import", "generic", "-", "--app", 1111113, stdin=json.dumps(missed(FROM, trunk="b")))
    legs = listed.done("legs", "5d96c6e920837a1998da13ea", "--json").facts["legs"]

    assert [leg["dialled_number"] for leg in legs] == ["+919100000000"] * 2
    assert {leg.get("trunk") for leg in legs} == {None, "b"}
    assert listed.done("legs", "5d96c6e920837a1998da13ea").out.count("Leg ") == 2


def test_legs_asks_for_the_app_when_there_are_several(listed: CommandLine) -> None:
    """With a second app the call's own has to be named."""
    listed.done("app", "add", 7)

    assert "--app" in listed.refused("legs", "5d96c6e920837a1998da13ea", status=2)
    assert listed.done("legs", "5d96c6e920837a1998da13ea", "--app", 1111113).status == 0
