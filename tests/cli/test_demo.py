"""`demo` as a process, and what the shell sees of any command."""

import json
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from tests.web.house import (
    DEADLINE_SECONDS,
    FROM,
    SEED_APP,
    missed,
    wait_for,
)
from tests.web.processes import RINGBACK, environment, ringback, running

pytestmark = pytest.mark.one_store

AGENT = f"103_{SEED_APP}"


def test_the_demos_two_requests_work_as_pasted(tmp_path: Path) -> None:
    """Both curl lines that the demo prints do what they say when they are pasted into a shell."""
    with running(tmp_path, "demo", "--port", "0", more={"TMPDIR": str(tmp_path)}) as server:
        wait_for(lambda: any("Ctrl-C" in line for line in server.said))
        curls = [line.strip() for line in server.said if line.strip().startswith("curl ")]
        wait_for(lambda: server.takes_connections())
        login, listing = (json.loads(subprocess.check_output(["bash", "-c", curl])) for curl in curls)
        status = server.stop(signal.SIGINT)

    assert (login["code"], login["agent"]["id"]) == (200, AGENT)
    assert (listing["code"], len(listing["cdr"])) == (200, 5)
    assert listing["count"] > 5
    assert status == 0
    assert not list(tmp_path.glob("ringback-demo-*"))


def test_a_stopped_demo_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ended by SIGTERM, as by make or a supervisor, the demo throws its store away."""
    with running(tmp_path, "demo", "--port", "0", more={"TMPDIR": str(tmp_path)}) as server:
        wait_for(lambda: server.takes_connections())
        assert list(tmp_path.glob("ringback-demo-*"))
        assert server.stop() == 0

    assert not list(tmp_path.glob("ringback-demo-*"))


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path, store_url: str) -> None:
    """An export into `head` ends quietly."""
    words = ("--store", store_url)
    ringback(tmp_path, "app", "add", str(SEED_APP), *words)
    calls = "".join(json.dumps(missed(FROM + number)) + "\n" for number in range(3000))
    ringback(tmp_path, "import", "generic", "-", "--app", str(SEED_APP), *words, stdin=calls.encode())
    pipe = f"set -o pipefail; {RINGBACK} export {AGENT} --format csv {shlex.join(words)} | head -n 2"
    ended = subprocess.run(
        ["bash", "-c", pipe], capture_output=True, cwd=tmp_path, env=environment(tmp_path), timeout=DEADLINE_SECONDS
    )

    assert (ended.returncode, ended.stdout.count(b"\n"), ended.stderr) == (0, 2, b"")


def test_an_error_has_no_traceback_and_its_status(tmp_path: Path) -> None:
    """The installed command ends with 1 for what is not there and 2 for wrong use, one line each."""
    for words, status in ((("list", "9_9"), 1), (("list",), 2), (("list", "9_9", "--page", "0"), 2)):
        ended = ringback(tmp_path, *words)

        assert ended.returncode == status
        assert ended.stderr.startswith(b"ringback: ")
        assert ended.stderr.count(b"\n") == 1
