"""The installed `ringback` as processes: one command, or a server that runs meanwhile. No assertions here."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO

import httpx
from tests.web.house import DEADLINE_SECONDS, wait_for

RINGBACK = shutil.which("ringback", path=str(Path(sys.executable).parent)) or "ringback"
_ADDRESS = re.compile(r"(https?://\S+?)(?=[;\s/]|$)")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a user whose home is this folder and who has set nothing of ours but this."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RINGBACK_", "_RINGBACK_"))}
    return {**kept, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data"), "COLUMNS": "200", **more}


def ringback(folder: Path, *words: str, stdin: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run one command in this folder to its end."""
    return subprocess.run(
        [RINGBACK, *words],
        input=stdin,
        capture_output=True,
        cwd=folder,
        env=environment(folder, **more),
        timeout=DEADLINE_SECONDS,
        check=False,
    )


class Server:
    """A running server: its process, its address, and the lines it has said so far on either stream."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._readers = [Thread(target=self._read, args=(stream,)) for stream in (process.stdout, process.stderr)]
        for reader in self._readers:
            reader.start()

    @property
    def url(self) -> str:
        """The address that the server has told."""
        return wait_for(self._found) or ""

    def _found(self) -> str | None:
        found = next((found for line in list(self.said) if (found := _ADDRESS.search(line))), None)
        if found is None and self.process.poll() is not None:
            raise RuntimeError("the server ended: " + "".join(self.said))
        return found.group(1) if found else None

    def _read(self, stream: IO[str] | None) -> None:
        for line in stream or ():
            self.said.append(line)

    def takes_connections(self) -> bool:
        """Tell whether the server still listens."""
        try:
            httpx.get(f"{self.url}/healthz", timeout=1)
        except httpx.TransportError:
            return False
        return True

    def workers(self) -> list[int]:
        """Return the processes of its workers, in the order they were started."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended meanwhile
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
                if parent == self.process.pid and b"spawn_main" in stat.with_name("cmdline").read_bytes():
                    found.append(int(stat.parent.name))
        return sorted(found)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(by)
        status = self.process.wait(DEADLINE_SECONDS)
        for reader in self._readers:
            reader.join(DEADLINE_SECONDS)
        return status


@contextmanager
def running(folder: Path, *words: str, more: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run with a command that serves, in this folder; whatever is left of it is killed at the end."""
    with subprocess.Popen(
        [RINGBACK, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=environment(folder, PYTHONUNBUFFERED="1", **(more or {})),
        start_new_session=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
