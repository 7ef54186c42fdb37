"""Commands that serve: `serve`, and `demo` on a throw-away store filled through the real import."""

import asyncio
import io
import os
import secrets
import signal
import socket
import sys
import tempfile
from importlib.resources import files
from types import FrameType
from typing import Annotated

import msgspec
import uvicorn
from cyclopts import App, Parameter
from uvicorn.supervisors import Multiprocess

from ringback import agents, calls
from ringback.errors import UnusableSetting
from ringback.logs import set_up_logs
from ringback.settings import Settings
from ringback.sources import source_named
from ringback.storage import open_store
from ringback.telephony.agent_id import AgentId
from ringback.web.app import SETTINGS_VARIABLE, Application
from ringback.web.protocol import DirectProtocol

_GRACE_SECONDS = 10
_BACKLOG = 2048


def register(app: App) -> None:
    """Add these commands."""
    app.command(serve)
    app.command(demo)


def serve(*, settings: Settings | None = None) -> None:
    """Serve the API until stopped."""
    settings = (settings or Settings()).checked()
    asyncio.run(_try_store(settings.store))
    with _listening(settings) as listening:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{listening.getsockname()[1]}"
        sys.stderr.write(f"Ringback listens on {address}; the API is described at {address}/docs\n")
        if not settings.is_local:
            sys.stderr.write("Warning: tokens and numbers travel in the clear; put a TLS proxy in front.\n")
        _serve_on(settings, listening)


def demo(*, port: Annotated[int, Parameter(help="TCP port to listen on; 0 takes a free one.")] = Settings.port) -> None:
    """Serve a throw-away store filled with an example call log, and print two requests to try."""
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory(prefix="ringback-demo-") as folder:
        settings = Settings(store=f"sqlite:///{folder}/ringback.db", port=port).checked()
        with _listening(settings) as listening:
            port = listening.getsockname()[1]
            sys.stdout.write(asyncio.run(_fill(settings.store, f"http://127.0.0.1:{port}")))
            sys.stdout.flush()
            _serve_on(settings, listening)


# --- the server ----------------------------------------------------------------------------------------------------


async def _try_store(url: str) -> None:
    """Refuse a store that cannot be used in one line, before anything listens."""
    store = await open_store(url)
    await store.close()


def _listening(settings: Settings) -> socket.socket:
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


def _serve_on(settings: Settings, listening: socket.socket) -> None:
    set_up_logs(settings.log_format)
    os.environ[SETTINGS_VARIABLE] = msgspec.json.encode(settings.as_dict()).decode()
    config = uvicorn.Config(
        "ringback.web.app:worker_application" if settings.workers > 1 else Application(settings),
        factory=settings.workers > 1,
        workers=settings.workers,
        loop="uvloop",
        http=DirectProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    signal.signal(signal.SIGTERM, _stop)
    try:
        if settings.workers > 1:
            Multiprocess(config, sockets=[listening]).run()
        else:
            uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:  # uvicorn stops first, and then raises the signal that asked it to once more
        return


def _stop(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that what is open is closed and a throw-away store thrown away."""
    del number, frame
    raise KeyboardInterrupt


# --- the demo ------------------------------------------------------------------------------------------------------

_APP = 1111113
_AGENT = AgentId("103", _APP)
_ZONE = "Asia/Kolkata"
_FROM_MS, _TO_MS = 1569868200000, 1570213799999  # the four days of the example log


async def _fill(url: str, address: str) -> str:
    """Fill the store as its owner would, and return what to try."""
    password = secrets.token_urlsafe(9)
    log = files("ringback.examples").joinpath("asterisk-master.csv").read_bytes()
    store = await open_store(url)
    passwords = agents.Passwords()
    try:
        await agents.add_app(store, _APP)
        await agents.add_agent(store, passwords, _AGENT, "Asha", password)
        context = calls.context_for(await calls.app_named(store, _APP), _ZONE)
        taken = await calls.import_lines(
            store, source_named("asterisk"), io.BytesIO(log), context, "example", lambda _: None
        )
        token = (await agents.issue_token(store, _AGENT, 1)).token
    finally:
        passwords.close()
        await store.close()
    login = msgspec.json.encode({"id": str(_AGENT), "password": password}).decode()
    listing = {"token": token, "from": _FROM_MS, "to": _TO_MS, "page": 1, "limit": 5}
    return (
        f"\nRingback serves {taken.new} calls of an example Asterisk log ({taken.read} rows) on {address}\n"
        f"\nLog in as agent {_AGENT}:\n\n  {_curl(address, 'agentLogin', login)}\n"
        f"\nList the calls nobody picked up:\n\n"
        f"  {_curl(address, 'agentOutMissed', msgspec.json.encode(listing).decode())}\n"
        f"\nAll routes: {address}/docs   Stop: Ctrl-C (the store is thrown away)\n\n"
    )


def _curl(address: str, name: str, body: str) -> str:
    return f"curl -s {address}/v1/{name} -H 'Content-Type: application/json' -d '{body}'"
