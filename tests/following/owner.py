"""A user who follows: a folder with a store and an app in it, and `ringback follow` run there."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import CommandLine, Said
from tests.following.rows import APP, number_of
from tests.web.house import DEADLINE_SECONDS, wait_for, with_store
from tests.web.processes import RINGBACK, environment

from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.telephony.call import ListKey, ListKind


class Process:
    """A running `ringback follow`, and what it says on standard error."""

    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self._process, self._said = process, said

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self._said.read_text()

    def wait_until_said(self, part: str) -> None:
        """Wait until it has said this."""
        wait_for(lambda: part in self.said or self._ended(part))

    def _ended(self, part: str) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"ended without saying {part!r}: {self.said}")
        return False

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self._process.send_signal(by)
        return self._process.wait(DEADLINE_SECONDS)


class Owner:
    """Owns a folder with a store that has the app 1111113; `commands` run there within the test's process."""

    def __init__(self, commands: CommandLine, patch: pytest.MonkeyPatch) -> None:
        self.commands, self._patch = commands, patch
        self.folder = commands.folder
        self.secret: str = commands.done("app", "add", APP, "--json").facts["secret"]

    def once(self, *words: str, stdin: str = "", **variables: str) -> Said:
        """Follow with --once and --json; return how that ended."""
        with self._patch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return self.commands("follow", *words, "--app", APP, "--once", "--json", stdin=stdin)

    def counts(self, *words: str, **variables: str) -> dict[str, int]:
        """Follow once, which must succeed; return the counts."""
        done = self.once(*words, **variables)
        assert done.status == 0, done
        counts: dict[str, int] = done.facts
        return counts

    def refused(self, *words: str, **variables: str) -> tuple[int, str]:
        """Follow once, which must fail; return the exit status and the last line that was said."""
        done = self.once(*words, **variables)
        assert done.status, done
        return done.status, done.err.splitlines()[-1]

    @contextmanager
    def following(self, *words: str, **variables: str) -> Iterator[Process]:
        """Follow as a process until the end of the block, where what still runs is killed (-9)."""
        said = self.folder / "said"
        said.write_bytes(b"")
        with said.open("ab") as errors:
            process = subprocess.Popen(
                [RINGBACK, "follow", *words, "--app", str(APP)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self.folder,
                env=environment(self.folder, RINGBACK_STORE=self.commands.store, **variables),
            )
        try:
            yield Process(process, said)
        finally:
            process.kill()
            process.wait(DEADLINE_SECONDS)

    def numbers(self) -> list[str]:
        """Return the numbers of agent 103's missed calls, oldest first."""

        async def work(store: Store) -> list[str]:
            page = await store.page(APP, ListKey("103", ListKind.OUT_MISSED), Range(limit=100_000))
            return [call.number for call in reversed(page.calls)]

        return with_store(self.commands.store, work)

    def start_of_first(self) -> int:
        """Return when agent 103's first missed call began, in milliseconds."""

        async def work(store: Store) -> int:
            page = await store.page(APP, ListKey("103", ListKind.OUT_MISSED), Range(limit=1))
            return page.calls[0].started_ms

        return with_store(self.commands.store, work)

    def wait_for_calls(self, count: int) -> None:
        """Wait until the list has the calls from 0 up to this number, each once."""
        expected = [number_of(call) for call in range(count)]
        wait_for(lambda: self.numbers() == expected)

    def wait_until(self, what: Callable[[], bool]) -> None:
        """Wait until this is so."""
        wait_for(what)

    def check(self) -> dict[str, Any]:
        """Return what `ringback check` finds."""
        report: dict[str, Any] = self.commands("check", "--json").facts
        return report
