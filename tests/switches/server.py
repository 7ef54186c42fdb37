"""A real `ringback serve` for tests, its app and agents made by the command line. No assertions here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from tests.switches.programs import DEADLINE_SECONDS, HERE, Program, free_port, is_ready

APP = "1111113"
AGENT_ID = f"103_{APP}"
PASSWORD = "ring-them-back"
_RINGBACK = (Path(sys.executable).with_name("ringback"),)


class Founded(NamedTuple):
    """A store with app 1111113 and agent 103 in it, to be copied; and the app's secret."""

    store: Path
    secret: str


def found(folder: Path) -> Founded:
    """Make an app and an agent by the command line."""
    store = folder / "founded.db"
    secret = _run(store, "app", "add", APP)["secret"]
    _run(store, "agent", "add", AGENT_ID, "--name", "Асель", "--password-stdin", said=PASSWORD)
    return Founded(store, secret)


def _run(store: Path, *words: str, said: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [*_RINGBACK, *words, "--json", "--store", f"sqlite:///{store}"],
        input=said,
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


class Server:
    """Ringback on a store of its own and a port that it keeps; it can be stopped and started."""

    def __init__(self, folder: Path, founded: Founded) -> None:
        self._store = folder / "ringback.db"
        shutil.copy(founded.store, self._store)
        self._log = folder / "ringback.log"
        self.secret = founded.secret
        self.port = free_port()
        self.url = f"http://{HERE}:{self.port}"
        self._program: Program | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        command: list[str | Path] = [
            *_RINGBACK,
            "serve",
            "--store",
            f"sqlite:///{self._store}",
            "--port",
            str(self.port),
        ]
        self._program = Program(command, self._log)
        self._program.wait_until(lambda: is_ready(self.url))

    def stop(self) -> None:
        """End it."""
        if self._program:
            self._program.stop()

    def deliver(self, body: bytes) -> httpx.Response:
        """Post a body as a proxy would."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        return httpx.post(f"{self.url}/ingest/kamailio", content=body, headers=headers, timeout=DEADLINE_SECONDS)

    def log_in(self) -> dict[str, Any]:
        """Log in as the agent; return the answer."""
        response = httpx.post(f"{self.url}/v1/agentLogin", json={"id": AGENT_ID, "password": PASSWORD})
        answer: dict[str, Any] = response.raise_for_status().json()
        return answer

    def missed(self) -> list[dict[str, Any]]:
        """Log in and return the rows of agentOutMissed, of all time, newest first; their number is the count."""
        asked = {"token": self.log_in()["token"], "from": 0, "to": 2**52, "page": 1, "limit": 1000}
        answer = httpx.post(f"{self.url}/v1/agentOutMissed", json=asked).raise_for_status().json()
        rows: list[dict[str, Any]] = answer["cdr"]
        assert answer["count"] == len(rows)
        return rows

    def listed(self, kind: str = "out_missed") -> list[dict[str, Any]]:
        """Return the rows of `ringback list`, newest first."""
        rows: list[dict[str, Any]] = _run(self._store, "list", AGENT_ID, "--kind", kind, "--limit", "1000")["calls"]
        return rows

    def check(self) -> dict[str, Any]:
        """Return what `ringback check` says."""
        return _run(self._store, "check")
