"""The command line run inside the test's process, as a user with an empty home and nothing set."""

import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.web.house import SEED_APP, add_agent, with_store

from ringback import agents, cli
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId


class Said(NamedTuple):
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        """The one JSON object it printed."""
        return json.loads(self.out)


class CommandLine:
    """Runs commands on one store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._capsys, self._monkeypatch = folder, capsys, monkeypatch

    @property
    def path(self) -> Path:
        """The default store of this user."""
        return self.folder / "data" / "ringback" / "ringback.db"

    @property
    def store(self) -> str:
        """The URL of the store that it uses."""
        return os.environ.get("RINGBACK_STORE", f"sqlite:///{self.path}")

    def __call__(self, *words: object, stdin: str | bytes = b"") -> Said:
        """Run one command and return how it ended."""
        body = stdin.encode() if isinstance(stdin, str) else stdin
        self._monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(body))))
        self._capsys.readouterr()
        status = cli.run([str(word) for word in words])
        return Said(status, *self._capsys.readouterr())

    def done(self, *words: object, stdin: str | bytes = b"") -> Said:
        """Run one command that must succeed."""
        said = self(*words, stdin=stdin)
        assert said.status == 0, said
        return said

    def refused(self, *words: object, status: int = 1, stdin: str | bytes = b"") -> str:
        """Run one command that must end with this status and one line of error; return the line."""
        said = self(*words, stdin=stdin)
        assert (said.status, said.out) == (status, ""), said
        assert said.err.startswith("ringback: "), said
        assert said.err.count("\n") == 1, said
        return said.err.strip()


def at_home(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return the command line of a user whose home is this folder, who stands there and has set nothing."""
    for name in [name for name in os.environ if name.startswith("RINGBACK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(folder)
    return CommandLine(folder, capsys, monkeypatch)


@pytest.fixture
def newcomer(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a user who has set nothing: the store is the default one, a file in the test's own folder."""
    return at_home(tmp_path, capsys, monkeypatch)


@pytest.fixture
def ringback(newcomer: CommandLine, store_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """The command line of a user who has named the store, one of each kind."""
    monkeypatch.setenv("RINGBACK_STORE", store_url)
    return newcomer


@pytest.fixture
def owned(ringback: CommandLine) -> CommandLine:
    """The command line on a store that has the app 1111113 and its agent 103."""

    async def work(store: Store) -> None:
        await agents.add_app(store, SEED_APP)
        await add_agent(store, AgentId("103", SEED_APP))
        await store.delete_tokens(SEED_APP, "103")

    with_store(ringback.store, work)
    return ringback
