"""`import`: files of every form in, counts and reasons out."""

import fcntl
import gzip
import json
import signal
import subprocess
import sys
import termios
from pathlib import Path
from typing import IO

import pytest
from tests.cli.conftest import CommandLine
from tests.web.house import DEADLINE_SECONDS, FROM, SEED_APP, missed, wait_for
from tests.web.processes import RINGBACK

from ringback.sources import SOURCES

ROW = (
    '"","103","9100000000","from-internal","""Asha"" <103>","PJSIP/103-1","PJSIP/t-2","Dial","x","{start}",,"{start}",'
    '0,0,"NO ANSWER","DOCUMENTATION","1569916800.{n}","","","1569916800.{n}",1\n'
)
MASTER = "".join(ROW.format(start=f"2019-10-01 13:30:0{n}", n=n) for n in range(3))
APP = ("--app", 1111113)
ZONE = ("--timezone", "Asia/Kolkata")


def records(*times: int) -> str:
    """Return generic records as NDJSON."""
    return "".join(json.dumps(missed(time)) + "\n" for time in times)


def counts(*numbers: int) -> dict[str, int]:
    """Return an import's facts."""
    return dict(zip(("read", "new", "merged", "duplicate", "rejected"), numbers, strict=True))


def test_a_file_is_imported_once_however_often_it_is_named(owned: CommandLine) -> None:
    """The first import takes three calls in, the second finds them known already."""
    Path("Master.csv").write_text(MASTER)

    first = owned.done("import", "asterisk", "Master.csv", *APP, *ZONE, "--json").facts
    assert list(first.items()) == list(counts(3, 3, 0, 0, 0).items())
    said = owned.done("import", "asterisk", "Master.csv", *APP, *ZONE)
    assert said.out == "3 records read: 0 new calls, 0 merged, 3 known already, 0 rejected.\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_standard_input_is_a_file(owned: CommandLine, pack: object) -> None:
    """A dash is standard input, plain or gzip."""
    assert callable(pack)
    said = owned.done("import", "generic", "-", *APP, "--json", stdin=pack(records(FROM, FROM + 1).encode()))

    assert said.facts == counts(2, 2, 0, 0, 0)


def test_several_files_are_one_import(owned: CommandLine) -> None:
    """Plain and packed files, the packed one of two members, are counted together."""
    Path("a.json").write_text(records(FROM))
    packed = gzip.compress(records(FROM + 1).encode()) + gzip.compress(records(FROM + 2, FROM).encode())
    Path("b.json.gz").write_bytes(packed)

    assert owned.done("import", "generic", "a.json", "b.json.gz", *APP, "--json").facts == counts(4, 3, 0, 1, 0)


def test_a_bad_row_names_its_file_line_and_reason_and_stops_nothing(owned: CommandLine) -> None:
    """Rows around a bad one go in, and it is told by file, line and reason."""
    Path("calls.json").write_text(records(FROM) + '{"call_key": "x"}\n' + records(FROM + 1))
    said = owned.done("import", "generic", "calls.json", *APP)

    assert said.err.startswith("rejected: calls.json, line 2: agent is missing")
    assert said.out == "3 records read: 2 new calls, 0 merged, 0 known already, 1 rejected.\n"


def test_many_bad_rows_are_not_all_told(owned: CommandLine) -> None:
    """Five are shown and the rest counted, with the command that shows all."""
    said = owned("import", "generic", "-", *APP, stdin='{"a": 1}\n' + "".join(f"bad {n}\n" for n in range(8)))

    lines = said.err.splitlines()
    assert said.status == 1
    assert len(lines) == 6
    assert lines[-1] == "... and 4 more; `ringback rejects list` shows them all"


def test_nothing_understood_is_no_success(owned: CommandLine) -> None:
    """A script learns by the status that nothing went in; one good row, or none at all to read, is no fault."""
    refused = owned("import", "generic", "-", *APP, stdin="bad 1\nbad 2\n")

    assert refused.status == 1
    assert refused.out == "2 records read: 0 new calls, 0 merged, 0 known already, 2 rejected.\n"
    assert owned.done("import", "generic", "-", *APP, stdin='{"a": 1}\n' + records(FROM)).status == 0
    assert owned.done("import", "generic", "-", *APP, stdin="").status == 0


def test_a_bad_row_is_told_again_when_it_comes_again(owned: CommandLine) -> None:
    """A second import of the same bad file tells the reason of its own rows, though they are kept once."""
    Path("old.json").write_text('{"call_key": "old"}\n')
    Path("new.json").write_text('{"call_key": "new"}\n')
    for name in ("old.json", "new.json", "old.json"):
        said = owned("import", "generic", name, *APP)

        assert said.status == 1
        assert said.err.startswith(f"rejected: {name}, line 1: agent is missing"), said.err


def test_a_local_time_needs_a_zone(owned: CommandLine) -> None:
    """Without --timezone a local time is rejected, never guessed."""
    said = owned("import", "asterisk", "-", *APP, "--json", stdin=MASTER)

    assert said.status == 1
    assert said.facts == counts(3, 0, 0, 0, 3)
    assert "zone" in owned.done("rejects", "list", "--json").facts["rejects"][0]["reason"]


@pytest.mark.parametrize(
    ("words", "status", "part"),
    [
        (("asterisk", "missing.csv", *APP), 2, "missing.csv cannot be read: No such file"),
        (("asterisk", ".", *APP), 2, ". cannot be read: Is a directory"),
        (("generic", "cut.gz", *APP), 2, "cut.gz cannot be read: "),
        (("generic", "broken.gz", *APP), 2, "broken.gz cannot be read: "),
        (("generic", "half.gz", *APP), 2, "half.gz cannot be read: "),
        (("abacus", "cut.gz", *APP), 1, "'abacus'; there are: " + ", ".join(sorted(SOURCES))),
        (("generic", "-", "--app", 9), 1, "no app 9; `ringback app add 9`"),
        (("generic", "-", "--app", 10**30), 2, "should be from 0 to"),
        (("generic", "-"), 2, "--app"),
        (("generic", *APP), 2, "name at least one file"),
        (("generic", *APP, "--timezon", "UTC", "-"), 2, "no option --timezon"),
        (("generic", "-", *APP, "--timezone", "Mars/Olympus"), 2, "no time zone 'Mars/Olympus'"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(
    owned: CommandLine, words: tuple[object, ...], status: int, part: str
) -> None:
    """A file, source, app or zone that is no good is refused in one line that names it."""
    packed = gzip.compress(records(*range(FROM, FROM + 300)).encode())
    Path("cut.gz").write_bytes(packed[:-30])
    Path("broken.gz").write_bytes(b"\x1f\x8b\x08" + b"\x55" * 40)
    Path("half.gz").write_bytes(packed[: len(packed) // 2] + b"\x00" * 50 + packed[len(packed) // 2 :])

    assert part in owned.refused("import", *words, status=status)


def test_nothing_is_nothing(owned: CommandLine) -> None:
    """An empty file is read without complaint."""
    assert owned.done("import", "asterisk", "-", *APP, "--json").facts == counts(0, 0, 0, 0, 0)


def unread(pipe: IO[bytes] | None) -> int:
    """Return how many bytes of a pipe nobody has read yet."""
    assert pipe is not None
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_an_import_that_waits_for_its_lines_can_be_stopped(owned: CommandLine) -> None:
    """Ctrl-C ends it while standard input is open and silent, whatever the store."""
    command = [RINGBACK, "import", "generic", "-", "--app", str(SEED_APP), "--store", owned.store]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.write(b'{"call_key": "k"\n')
        importing.stdin.flush()
        wait_for(lambda: unread(importing.stdin) == 0)  # it has taken what there is, and waits for more
        importing.send_signal(signal.SIGINT)
        try:
            assert importing.wait(DEADLINE_SECONDS / 3) != 0
        finally:
            importing.kill()
