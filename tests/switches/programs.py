"""Starting real programs for tests, each in a session of its own, and ending them. No assertions here."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

T = TypeVar("T")

DEADLINE_SECONDS = 20.0
HERE = "127.0.0.1"


def refuse_without(missing: Sequence[str]) -> None:
    """Skip the test where something is missing, saying what to install; fail where CI is set."""
    if missing:
        refuse(f"{', '.join(missing)} not found; as root on Debian, tests/provide installs what is needed")


def refuse(said: str) -> None:
    """Skip the test, or fail it where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


def missing_programs(*programs: str) -> list[str]:
    """Return those of the programs that are not installed."""
    return [program for program in programs if shutil.which(program) is None]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((HERE, 0))
        port: int = probe.getsockname()[1]
        return port


def is_ready(url: str) -> bool:
    """Tell whether the Ringback at this address says that it is ready."""
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def wait_for(what: Callable[[], T], said: Callable[[], object]) -> T:
    """Return the first true value; raises TimeoutError, with what `said` has to say, when none comes."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came of {what}: {said()}")
        time.sleep(0.02)
    return value


class Program:
    """A running program with a session and thus a process group of its own; its output goes to a file."""

    def __init__(self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Wait until the program is ready; raises, with its output, when it ends before or never gets there."""
        wait_for(lambda: is_ready() or self._process.poll() is not None, self.output)
        if self._process.poll() is not None:
            raise RuntimeError(f"{self._process.args!r} ended with {self._process.returncode}: {self.output()}")

    def output(self) -> str:
        """Return what the program has said so far."""
        return self._log.read_text(errors="replace")

    def wait(self) -> None:
        """Wait for the program to end by itself."""
        self._process.wait(DEADLINE_SECONDS)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the program: SIGTERM to itself, which ends its children; SIGKILL to its whole group."""
        if self._process.poll() is not None:
            return
        if how is signal.SIGTERM:
            self._process.terminate()
            try:
                self._process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                how = signal.SIGKILL
        if how is signal.SIGKILL:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(DEADLINE_SECONDS)
