"""The tail of a file: whatever happens to the file and to whoever follows it, each row comes once."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.following.follower import ASTERISK, Follower
from tests.following.rows import Log, lines

from ringback.errors import RingbackError
from ringback.following import batches
from ringback.following.place import beginning
from ringback.following.tail import Tail

Making = Callable[..., Follower]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log in the test's folder, not there yet."""
    return Log(tmp_path)


@pytest.fixture
def following() -> Iterator[Making]:
    """Makes followers of logs, and closes their files in the end."""
    followers: list[Follower] = []

    def made(log: Log, *, patience_seconds: float = 0.0) -> Follower:
        followers.append(Follower(log, patience_seconds=patience_seconds))
        return followers[-1]

    yield made
    for follower in followers:
        follower.restart()


# --- growing -------------------------------------------------------------------------------------------------------


def test_rows_come_as_they_are_written(log: Log, following: Making) -> None:
    """Each look gives the rows written since the last one."""
    follower = following(log)
    for call in range(3):
        log.write(lines(call))

        assert follower.poll() == lines(call)
    assert follower.poll() == b""


def test_half_a_line_waits_for_its_end(log: Log, following: Making) -> None:
    """A line without its end is not given, and given whole once it is there."""
    follower = following(log)
    log.write(lines(1) + lines(2)[:50])

    assert follower.poll() == lines(1)
    log.write(lines(2)[50:])
    assert follower.poll() == lines(2)


def test_a_name_over_two_lines_is_one_row(log: Log, following: Making) -> None:
    """A row whose quoted name goes on in the next line waits for it, though the first line has its end."""
    follower = following(log, patience_seconds=30)
    row = lines(2).replace(b"Asha", b"As\nha")
    first, second = row.splitlines(keepends=True)
    log.write(lines(1) + first)

    assert follower.poll() == lines(1)
    log.write(second)
    assert follower.poll() == row


def test_a_stray_quote_holds_nothing_back_for_long(log: Log, following: Making) -> None:
    """A line whose quote is never closed is given once nothing has followed it for a while."""
    follower = following(log)
    log.write(b'"never closed\n')

    assert follower.poll() == b'"never closed\n'


def test_a_file_that_is_not_there_is_waited_for(log: Log, following: Making) -> None:
    """That the file is missing is said once; its rows come when it is there."""
    follower = following(log, patience_seconds=0.1)

    assert follower.poll() + follower.poll() == b""
    log.write(lines(1))
    assert follower.poll() == lines(1)
    assert follower.said == [f"waiting for {log.path} to appear"]


def test_a_batch_is_of_one_form(log: Log) -> None:
    """Rows behind lines of JSON come in a batch of their own, and are not taken for broken JSON."""
    log.write(b'{"start": "x"}\n{"start": "y"}\n' + lines(1))
    tail = Tail(log.path, beginning(), ASTERISK, print, patience_seconds=0)

    assert [batch.data for batch in tail.poll()] == [b'{"start": "x"}\n{"start": "y"}\n', lines(1)]
    tail.close()


def test_batches_are_small(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long file comes in batches of the greatest size, in order."""
    monkeypatch.setattr(batches, "MAX_LINES", 4)
    log.write(lines(*range(10)))
    tail = Tail(log.path, beginning(), ASTERISK, print, patience_seconds=0)

    assert [batch.data.count(b"\n") for batch in tail.poll()] == [4, 4, 2]
    tail.close()


def test_a_line_without_end_is_not_waited_for_for_ever(log: Log, following: Making) -> None:
    """A line longer than a batch, which no row is, is passed on in pieces; the rows behind it come."""
    follower = following(log)
    log.write(b"x" * 2_500_000 + b"\n" + lines(1))

    assert follower.poll() == b"x" * 2_500_000 + b"\n" + lines(1)


# --- rotating ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_dated", [False, True], ids=["numbers", "dates"])
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("is_copied", [False, True], ids=["renamed", "copied"])
@pytest.mark.parametrize("restarts", [False, True], ids=["running", "stopped"])
def test_rotation_loses_and_repeats_nothing(
    tmp_path: Path, is_dated: bool, is_packed: bool, is_copied: bool, restarts: bool, following: Making
) -> None:
    """Two rotations between two looks, however they are done, leave each row to be given once."""
    log = Log(tmp_path, is_dated=is_dated)
    follower = following(log)
    log.write(lines(0))
    follower.poll()
    for call in (1, 2):
        log.write(lines(call))
        old = log.copy_and_truncate() if is_copied else log.rename()
        if is_packed:
            log.pack(old)
    log.write(lines(3))
    if restarts:
        follower.restart()
    follower.poll()

    assert follower.data == lines(0, 1, 2, 3)
    assert follower.said == []


def test_what_is_written_to_a_renamed_file_is_read(log: Log, following: Making) -> None:
    """Rows that come into the file after it was renamed, from a writer that had it open, are given."""
    follower = following(log, patience_seconds=0.1)
    log.write(lines(1))
    follower.poll()
    with log.path.open("ab") as writer:
        log.rename()
        follower.poll()
        writer.write(lines(2))
    log.write(lines(3))
    while len(follower.data) < len(lines(1, 2, 3)):
        follower.poll()

    assert follower.data == lines(1, 2, 3)


def test_half_a_line_of_a_rotated_file_is_given(log: Log, following: Making) -> None:
    """No end will come for the last line of a file that was rotated away: it is given as it is."""
    follower = following(log)
    log.write(lines(1) + b"half")
    follower.poll()
    log.rename()
    follower.poll()

    assert follower.data == lines(1) + b"half"


def test_a_file_deleted_after_renaming_is_read_to_its_end(log: Log, following: Making) -> None:
    """Rows of a rotated file that was deleted at once come all the same: it was open."""
    follower = following(log)
    log.write(lines(1))
    follower.poll()
    log.write(lines(2))
    log.rename().unlink()
    log.write(lines(3))
    follower.poll()

    assert follower.data == lines(1, 2, 3)
    assert follower.said == []


def test_rows_rotated_away_before_the_first_look_are_found(log: Log, following: Making) -> None:
    """Whoever began with an empty file and was stopped finds the rows that were rotated away meanwhile."""
    log.path.touch()
    follower = following(log)
    follower.poll()
    follower.restart()
    log.write(lines(1))
    log.rename()
    log.write(lines(2))
    follower.poll()

    assert follower.data == lines(1, 2)


def test_a_renamed_file_without_a_successor_is_read(log: Log, following: Making) -> None:
    """Where nothing takes the renamed file's place until the next call, its rest is read, and then the next file."""
    follower = following(log)
    log.write(lines(1))
    follower.poll()
    follower.restart()
    log.write(lines(2))
    log.rename(create=False)

    assert follower.poll() == lines(2)
    assert follower.poll() == b""
    log.write(lines(3))
    assert follower.poll() == lines(3)


def test_an_emptied_file_without_a_copy_is_told(log: Log, following: Making) -> None:
    """A file that was emptied with no copy beside it is read from its start, and the owner is told."""
    follower = following(log)
    log.write(lines(1))
    follower.poll()
    log.path.write_bytes(lines(2))

    assert follower.poll() == lines(2)
    assert len(follower.said) == 1


def test_older_history_beside_the_file_is_left_alone(log: Log, following: Making) -> None:
    """Files that were rotated long before the first look are not taken in."""
    log.write(lines(1))
    os.utime(log.rename(), (1, 1))
    log.write(lines(2))

    assert following(log).poll() == lines(2)


def test_a_broken_rotated_file_is_told_and_passed_over(log: Log, following: Making) -> None:
    """A packed file that is broken keeps no other row back, and is told of."""
    follower = following(log)
    log.write(lines(1))
    follower.poll()
    old = log.rename()
    old.with_name("Master.csv.0.gz").write_bytes(b"\x1f\x8b\x08broken")
    log.write(lines(2))
    follower.poll()

    assert follower.data == lines(1, 2)
    assert len(follower.said) == 1


def test_a_folder_is_no_file_of_rows(tmp_path: Path) -> None:
    """A path that cannot be read as a file is refused by its name."""
    tail = Tail(tmp_path, beginning(), ASTERISK, print, patience_seconds=0)

    with pytest.raises(RingbackError, match="cannot be read: Is a directory"):
        list(tail.poll())


# --- anything ------------------------------------------------------------------------------------------------------

EVENTS = st.lists(
    st.sampled_from(["write", "write many", "look", "rename", "copy", "rename and pack", "restart", "die"]), max_size=25
)


@given(events=EVENTS, is_dated=st.booleans())
def test_no_row_is_lost_or_repeated_whatever_happens(events: list[str], is_dated: bool) -> None:
    """Any order of writing, rotating, looking and restarting gives every row; twice only where the place was lost."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(batches, "MAX_LINES", 3)
        log = Log(Path(folder), is_dated=is_dated)
        log.path.touch()
        follower = Follower(log)
        follower.poll()
        calls = happen(events, log, follower)
        follower.poll()
        follower.restart()

        times = [follower.times_of(call) for call in range(calls)]
        assert all(times), (times, follower.said)
        assert sum(times) - calls <= 3 * events.count("die"), (times, follower.said)


def happen(events: list[str], log: Log, follower: Follower) -> int:
    """Let the events happen; return how many rows were written."""
    calls = iter(range(1000))
    does: dict[str, Callable[[], object]] = {
        "write": lambda: log.write(lines(next(calls))),
        "write many": lambda: log.write(lines(*(next(calls) for _ in range(8)))),
        "look": follower.poll,
        "rename": log.rename,
        "copy": log.copy_and_truncate,
        "rename and pack": lambda: log.pack(log.rename()),
        "restart": follower.restart,
        "die": follower.die_before_keeping_the_place,
    }
    for event in events:
        does[event]()
    return next(calls)
