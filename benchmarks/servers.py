"""Servers as real processes on a core of their own: started, watched, stopped. No load here."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import SERVER_CORE, on_core
from benchmarks.stores import RESULTS

RINGBACK = str(Path(sys.executable).with_name("ringback"))
_BARE = str(Path(__file__).with_name("bare_server.py"))
_PATIENCE_SECONDS = 60
_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server process on this machine."""

    def __init__(self, command: Sequence[str], port: int, cores: Sequence[int] = (SERVER_CORE,)) -> None:
        self.port = port
        RESULTS.mkdir(parents=True, exist_ok=True)
        log = RESULTS / f"server-{port}.log"
        began = time.perf_counter()
        with on_core(*cores), log.open("wb") as said:
            self._process = subprocess.Popen(command, stdout=said, stderr=said, cwd=RESULTS, env=clean_environment())
        self._wait(log)
        log.unlink()
        self.start_seconds = time.perf_counter() - began

    def _wait(self, log: Path) -> None:
        until = time.perf_counter() + _PATIENCE_SECONDS
        while not _is_ready(self.port):
            if self._process.poll() is not None or time.perf_counter() > until:
                self.stop()
                raise RuntimeError(f"the server did not start: {log.read_text()}")
            time.sleep(0.002)

    def busy_seconds(self) -> float:
        """Return the processor time used so far."""
        facts = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(facts[11]) + int(facts[12])) / _TICKS

    def resident_mib(self) -> float:
        """Return the resident memory now."""
        return memory_mib(self._process.pid, "VmRSS")

    def stop(self) -> None:
        """Stop the server and wait for its end."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


@contextmanager
def ringback_server(store: Path | str, *words: str, cores: Sequence[int] = (SERVER_CORE,)) -> Iterator[Server]:
    """Serve a store with `ringback serve`: SQLite's file, or another by its URL."""
    port = free_port()
    url = f"sqlite:///{store}" if isinstance(store, Path) else store
    server = Server([RINGBACK, "serve", "--store", url, "--port", str(port), *words], port, cores)
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def bare_server(answer: bytes = b"{}") -> Iterator[Server]:
    """Serve the same bytes to everybody with uvicorn alone."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    kept = RESULTS / "bare-answer.json"
    kept.write_bytes(answer)
    port = free_port()
    server = Server([sys.executable, _BARE, str(port), str(kept)], port)
    try:
        yield server
    finally:
        server.stop()


def clean_environment() -> dict[str, str]:
    """Return this process's environment without settings of a Ringback; bytecode is kept, as of what is installed."""
    own = ("RINGBACK_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def memory_mib(pid: int, line: str) -> float:
    """Return a process's `VmRSS` (now) or `VmHWM` (at its most); 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(text.split()[1]) / 1024 for text in status.splitlines() if text.startswith(f"{line}:")), 0)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)
    try:
        client.request("GET", "/readyz")
        return client.getresponse().status == 200
    except OSError:
        return False
    finally:
        client.close()
