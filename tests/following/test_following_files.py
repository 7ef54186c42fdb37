"""`follow asterisk`: a log that grows and is rotated, the process killed and started again, a store in the end."""

import random
import signal
import time
from threading import Event, Thread

import pytest
from tests.following.owner import Owner
from tests.following.rows import APP, ZONE, Log, line, lines, number_of, record

FOLLOW = ("asterisk", "Master.csv", "--timezone", ZONE)
QUICK = (*FOLLOW, "--every", "0.05")


def test_a_log_is_taken_in_once_however_often_it_is_followed(any_owner: Owner, log: Log) -> None:
    """The first run takes all rows in, the second none, the third those written since."""
    log.write(lines(0, 1))

    assert any_owner.counts(*FOLLOW) == {"read": 2, "new": 2, "merged": 0, "duplicate": 0, "rejected": 0}
    assert any_owner.counts(*FOLLOW)["read"] == 0
    log.write(lines(2))
    assert any_owner.counts(*FOLLOW)["new"] == 1


def test_rows_arrive_while_it_runs_and_it_stops_when_told(owner: Owner, log: Log) -> None:
    """Rows written before, while and after a rotation are in the store; both signals end it with status 0."""
    for number, by in enumerate((signal.SIGTERM, signal.SIGINT)):
        log.write(lines(3 * number))
        with owner.following(*QUICK) as process:
            owner.wait_for_calls(3 * number + 1)
            log.write(lines(3 * number + 1))
            log.rename()
            log.write(lines(3 * number + 2))
            owner.wait_for_calls(3 * number + 3)

            assert process.stop(by) == 0, process.said


def test_a_log_that_is_not_there_is_waited_for(owner: Owner, log: Log) -> None:
    """Started before the log is there, it says so once and takes the rows when they come."""
    with owner.following(*QUICK) as process:
        process.wait_until_said("waiting for")
        log.write(lines(0))
        owner.wait_for_calls(1)

        assert process.said.count("waiting for") == 1


def test_a_log_that_is_not_there_is_refused_for_once(owner: Owner) -> None:
    """With --once there is nothing to wait for."""
    status, said = owner.refused(*FOLLOW)

    assert (status, said) == (2, f"ringback: {owner.folder}/Master.csv is not there")


def test_a_row_that_is_none_is_kept_with_its_place_and_holds_nothing_up(any_owner: Owner, log: Log) -> None:
    """A bad row is told with file and line and kept; the rows around it are taken in."""
    log.write(lines(0) + b"no row\n" + lines(1))
    done = any_owner.once(*FOLLOW)

    assert done.facts["rejected"] == 1
    assert "rejected: Master.csv from byte 0, line 2: " in done.err
    assert any_owner.numbers() == [number_of(0), number_of(1)]


def test_rows_of_one_call_written_minutes_apart_are_one_call(any_owner: Owner, log: Log) -> None:
    """A failover whose second trunk was answered is missed at first, and not once its second row has come."""
    log.write(line(record(0)))
    any_owner.counts(*FOLLOW)
    missed = any_owner.numbers()
    log.write(line(record(0, leg=1, answered=True)))

    assert any_owner.counts(*FOLLOW)["merged"] == 1
    assert (missed, any_owner.numbers(), any_owner.check()["calls"]) == ([number_of(0)], [], 1)


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("asterisk", "Master.csv"), 2, "--timezone"),
        (("asterisk", "Master.csv", "--timezone", "Mars/Olympus"), 2, "no time zone 'Mars/Olympus'"),
        ((*FOLLOW, "--state", "/proc/none/state"), 1, "the place cannot be kept in /proc/none/state"),
        ((*FOLLOW, "--state", "Master.csv"), 1, "the place kept in Master.csv cannot be read"),
        ((*FOLLOW, "--every", "0"), 2, "more than 0"),
        ((*FOLLOW, "--server", "http://127.0.0.1:1"), 2, "--timezone does not go with --server"),
    ],
)
def test_what_cannot_be_followed_is_said_in_one_line(
    owner: Owner, log: Log, words: tuple[str, ...], status: int, part: str
) -> None:
    """A flag that is missing or no good is refused in one line that names it."""
    log.write(lines(0))
    ended, said = owner.refused(*words)

    assert ended == status
    assert part in said


def test_an_app_that_is_not_there_is_refused(owner: Owner, log: Log) -> None:
    """Rows cannot go to an app that nobody added."""
    log.write(lines(0))
    said = owner.commands.refused("follow", *FOLLOW, "--app", APP + 1)

    assert f"There is no app {APP + 1}" in said


# --- killed at any moment ------------------------------------------------------------------------------------------


def busy(log: Log, done: Event) -> int:
    """Write rows and rotate the log in every way until told to stop; return how many rows were written."""
    chance = random.Random(3)
    calls = 0
    while not done.is_set():
        more = chance.choice((1, 1, 2, 50))
        log.write(lines(*range(calls, calls + more)))
        calls += more
        match chance.randrange(12):
            case 0:
                log.rename()
            case 1:
                log.copy_and_truncate()
            case 2:
                log.pack(log.rename())
        time.sleep(0.01)
    return calls


def kill_again_and_again(owner: Owner) -> None:
    """Follow, and kill that (-9) at moments soon after it has begun."""
    chance = random.Random(5)
    for _ in range(6):
        with owner.following(*QUICK) as process:
            process.wait_until_said("following ")
            time.sleep(chance.uniform(0, 0.5))


def test_a_kill_at_any_moment_loses_and_repeats_nothing(any_owner: Owner, log: Log) -> None:
    """Killed again and again while rows are written and the log is rotated, all calls are there once in the end."""
    done, calls = Event(), list[int]()
    writer = Thread(target=lambda: calls.append(busy(log, done)))
    writer.start()
    try:
        kill_again_and_again(any_owner)
    finally:
        done.set()
        writer.join()
    any_owner.counts(*FOLLOW)

    assert any_owner.numbers() == [number_of(call) for call in range(calls[0])]
    assert any_owner.check() == {"ok": True, "lists": 1, "calls": calls[0], "faults": []}
