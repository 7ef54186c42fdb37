"""The server's processes: one, or a parent and its workers on one socket. What they serve is app.py's."""

import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing import parent_process
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from ringback.errors import UnusableSetting
from ringback.logs import set_up_logs
from ringback.settings import Settings
from ringback.web.access_log import AccessLog
from ringback.web.app import Application, new_board
from ringback.web.deadlines import raise_file_limit
from ringback.web.protocol import DirectProtocol
from ringback.web.tallies import Board
from ringback.web.tls import serve_certificate

_GRACE_SECONDS = 10
_BACKLOG = 2048
_LOOK_SECONDS = 1

log = structlog.get_logger()


def listening_socket(settings: Settings) -> socket.socket:
    """Return the socket that is listened on; raises `UnusableSetting`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise UnusableSetting(
            f"port {settings.port} of {settings.host} cannot be listened on: {error.strerror}; name another: --port"
        ) from error
    listening.listen(_BACKLOG)
    return listening


def serve_on(settings: Settings, listening: socket.socket) -> int:
    """Serve until SIGTERM or Ctrl-C and return the exit status. What was begun is finished first."""
    set_up_logs(settings.log_format)
    raise_file_limit()
    board = new_board()
    config = uvicorn.Config(
        partial(application, settings, board),  # by the pipe to a worker: what is in the environment others may see
        factory=True,
        workers=settings.workers,
        loop="uvloop",
        http=DirectProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe whatever a loopback address passes on
        timeout_graceful_shutdown=_GRACE_SECONDS,
        callback_notify=_end_with_parent,
        timeout_notify=_LOOK_SECONDS,
        ssl_context_factory=_certificate(settings),
    )
    signal.signal(signal.SIGTERM, stop)
    try:
        if settings.workers > 1:
            workers = Workers(config, sockets=[listening])
            workers.run()
            return workers.status
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn stops first, and then raises the signal that asked it to once more
        return 0
    return 0


def application(settings: Settings, board: Board) -> ASGIApp:
    """Return the application of a serving process."""
    set_up_logs(settings.log_format)
    if settings.tls_cert is None:
        signal.signal(signal.SIGHUP, _terminal_closed if sys.stdin.isatty() else signal.SIG_IGN)
    served = Application(settings, board.taken())
    return AccessLog(served, settings) if settings.access_log else served


def stop(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that what is open is closed and a throw-away store thrown away."""
    del number, frame
    raise KeyboardInterrupt


def _terminal_closed(number: int, frame: FrameType | None) -> None:
    """End as when asked to; without a terminal SIGHUP asks for a fresh certificate, and there is none here."""
    del number, frame
    os.kill(os.getpid(), signal.SIGTERM)


def _certificate(settings: Settings) -> Callable[..., ssl.SSLContext] | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return partial(serve_certificate, cert=settings.tls_cert.absolute(), key=settings.tls_key.absolute())


async def _end_with_parent() -> None:
    """Stop as when asked to if the parent was killed: nobody else would ever stop this worker."""
    parent = parent_process()
    if parent is not None and not parent.is_alive():
        log.warning("parent gone")
        os.kill(os.getpid(), signal.SIGTERM)


class Workers(Multiprocess):
    """uvicorn's parent of workers, but for two things.

    A replacement that cannot start (the store is away just now) is tried again, rather than all the others stopped;
    only where none ever started is that the end. And SIGHUP has the certificate loaded again, with no worker replaced.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self.status = 0
        self._has_served = False

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have ended or hang."""
        for index, worker in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            if worker.is_alive(timeout=self.config.timeout_worker_healthcheck):
                self._has_served = self._has_served or worker.is_ready()
                continue
            worker.kill()
            worker.join()
            if not self._has_served and worker.exitcode == STARTUP_FAILURE:
                sys.stderr.write("ringback: the workers cannot start; the log says why\n")
                self.status = 1
                self.should_exit.set()
                return
            log.error("worker replaced", worker=worker.pid, status=worker.exitcode)
            self.processes[index] = Process(self.config, self.sockets)
            self.processes[index].start()

    def handle_hup(self) -> None:
        """Pass it on to all who are ready to hear it; the others load the newest certificate anyway."""
        for worker in self.processes:
            if worker.pid is not None and worker.is_ready(timeout=1):
                os.kill(worker.pid, signal.SIGHUP)
