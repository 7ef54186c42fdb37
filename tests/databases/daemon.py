"""A database server for tests: an unprivileged process in a folder of its own. No assertions here."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from tests.switches.programs import DEADLINE_SECONDS, free_port, refuse_without, wait_for


class Daemon(ABC):
    """Listens on a free port of loopback, which it keeps; with the block it ends, and its folder goes."""

    user = ""  # whose process it is where the tests run as root
    kind = ""  # the scheme of its URLs
    ends_by = signal.SIGTERM

    def __init__(self, place: Path | None = None) -> None:
        refuse_without(self._missing())
        self._is_root = os.geteuid() == 0
        self.folder = Path(tempfile.mkdtemp(prefix=f"ringback-{self.kind}-", dir=place))
        self._give_to_user(self.folder)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self.start()
            self._found()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def is_stopped(self) -> bool:
        """Whether it does not run."""
        return self._process is None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            command = self._as_user(self._command())
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        wait_for(self._answers, self.log)

    def stop(self) -> None:
        """Stop the server, whoever is connected."""
        self._end(self.ends_by)

    def log(self) -> str:
        """Return what it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    def _end(self, by: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(by)
            self._process.wait(DEADLINE_SECONDS)
            self._process = None

    def _give_to_user(self, path: Path) -> None:
        if self._is_root:
            os.chown(path, pwd.getpwnam(self.user).pw_uid, pwd.getpwnam(self.user).pw_gid)

    def _as_user(self, command: Iterable[str]) -> list[str]:
        if not self._is_root:
            return list(command)
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--", *command]

    def _run(self, command: Iterable[str], **variables: str) -> None:
        done = subprocess.run(
            self._as_user(command),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env={**os.environ, **variables},
        )
        if done.returncode:
            raise RuntimeError(f"{done.args}: {done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the database ended: {self.log()}")
        return self._is_answering()

    @abstractmethod
    def _missing(self) -> list[str]:
        """Return the names of the programs that it needs and that are not installed."""

    @abstractmethod
    def _make(self) -> None:
        """Make what it keeps its data in."""

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _is_answering(self) -> bool: ...

    def _found(self) -> None:  # noqa: B027  (most have nothing to begin with)
        """Put into it, once it runs, what it should have from the beginning."""

    @abstractmethod
    def ask(self, statement: str, *values: object) -> Any:
        """Ask as the owner of the server."""


def program(name: str, *folders: str) -> str | None:
    """Return where a program is, in these folders or elsewhere."""
    return shutil.which(name, path=os.pathsep.join((*folders, os.environ.get("PATH", ""), "/usr/sbin")))
