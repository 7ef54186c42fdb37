"""Commands that serve: `serve`, and `demo` on a throw-away store filled through the real import."""

import asyncio
import io
import secrets
import signal
import sys
import tempfile
from importlib.resources import files
from typing import Annotated

import msgspec
from cyclopts import Parameter

from ringback import agents, calls
from ringback.errors import NoStore
from ringback.masking import without_credentials
from ringback.settings import Settings
from ringback.sources import source_named
from ringback.storage import open_store
from ringback.telephony.agent_id import AgentId
from ringback.web import server, tls


def serve(*, settings: Settings | None = None) -> int:
    """Serve the API until stopped."""
    settings = (settings or Settings()).checked()
    if settings.tls_cert and settings.tls_key:
        tls.loaded(settings.tls_cert, settings.tls_key)
    is_new = asyncio.run(_try_store(settings.store))
    with server.listening_socket(settings) as listening:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{'https' if settings.tls_cert else 'http'}://{host}:{listening.getsockname()[1]}"
        begun = f" with a new store, {without_credentials(settings.store)}" if is_new else ""
        sys.stderr.write(f"Ringback listens on {address}{begun}; the API is described at {address}/docs\n")
        if not (settings.is_local or settings.tls_cert or settings.trusted_proxies):
            sys.stderr.write(
                "Warning: tokens and numbers travel in the clear; use --tls-cert and --tls-key, or put a TLS proxy in "
                "front and name it: --trusted-proxies.\n"
            )
        if any("://" in word and without_credentials(word) != word for word in sys.argv):
            sys.stderr.write(
                "Warning: all users of this machine can see the password in --store; set RINGBACK_STORE instead.\n"
            )
        return server.serve_on(settings, listening)


def demo(*, port: Annotated[int, Parameter(help="TCP port to listen on; 0 takes a free one.")] = Settings.port) -> None:
    """Serve a throw-away store filled with an example call log, and print two requests to try."""
    signal.signal(signal.SIGTERM, server.stop)
    with tempfile.TemporaryDirectory(prefix="ringback-demo-") as folder:
        settings = Settings(store=f"sqlite:///{folder}/ringback.db", port=port).checked()
        with server.listening_socket(settings) as listening:
            port = listening.getsockname()[1]
            sys.stdout.write(asyncio.run(_fill(settings.store, f"http://127.0.0.1:{port}")))
            sys.stdout.flush()
            server.serve_on(settings, listening)


# --- the server ----------------------------------------------------------------------------------------------------


async def _try_store(url: str) -> bool:
    """Refuse a store that cannot be used in one line, before anything listens; return whether one had to be made."""
    is_new = False
    try:
        store = await open_store(url, make=False)
    except NoStore:
        store, is_new = await open_store(url), True
    await store.close()
    return is_new


# --- the demo ------------------------------------------------------------------------------------------------------

_APP = 1111113
_AGENT = AgentId("103", _APP)
_ZONE = "Asia/Kolkata"
_FROM_MS, _TO_MS = 1569868200000, 1570213799999  # the four days of the example log
_PAGE = "/?list=ring_back&from=2019-10-01&to=2019-10-04"  # the same


async def _fill(url: str, address: str) -> str:
    """Fill the store as its owner would, and return what to try."""
    password = secrets.token_urlsafe(9)
    log = files("ringback.examples").joinpath("asterisk-master.csv").read_bytes()
    store = await open_store(url)
    passwords = agents.Passwords()
    try:
        await agents.add_app(store, _APP)
        await agents.add_agent(store, passwords, _AGENT, "Asha", password, is_supervisor=True)
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
        f"\nSee whom to ring back, as agent {_AGENT} with the password {password}:\n\n  {address}{_PAGE}\n"
        f"\nLog in as agent {_AGENT}:\n\n  {_curl(address, 'agentLogin', login)}\n"
        f"\nList the calls nobody picked up:\n\n"
        f"  {_curl(address, 'agentOutMissed', msgspec.json.encode(listing).decode())}\n"
        f"\nAll routes: {address}/docs   Stop: Ctrl-C (the store is thrown away)\n\n"
    )


def _curl(address: str, name: str, body: str) -> str:
    return f"curl -s {address}/v1/{name} -H 'Content-Type: application/json' -d '{body}'"
