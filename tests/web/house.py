"""A Ringback at work for tests: a store with agents in it, served by a real uvicorn on a thread. No assertions here."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import count
from threading import Thread
from typing import Any, NamedTuple, TypeVar

import httpx
import uvicorn
from argon2 import PasswordHasher
from starlette.types import ASGIApp

from ringback import agents
from ringback.settings import Settings
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Agent
from ringback.telephony.agent_id import AgentId
from ringback.web.access_log import AccessLog
from ringback.web.app import Application
from ringback.web.protocol import DirectProtocol

T = TypeVar("T")

SEED_APP = 1111113
PASSWORD = "ring-them-back"
NAME = "Asha"
FROM, TO = 1569911400000, 1570167249853  # the seed's own range
DEADLINE_SECONDS = 30.0


def wait_for(what: Callable[[], T]) -> T:
    """Return the first true value; raises TimeoutError when none comes."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing came of {what}")
        time.sleep(0.005)
    return value


def client_of(url: str, **settings: Any) -> httpx.Client:
    """Return a client of a server that speaks without TLS."""
    return httpx.Client(base_url=url, timeout=DEADLINE_SECONDS, verify=_trusts_nobody(), **settings)


@cache
def _trusts_nobody() -> ssl.SSLContext:
    """A context made once: reading whom to trust takes a client tens of milliseconds."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def password_hash() -> str:
    """The hash of PASSWORD, made once: each costs tens of milliseconds."""
    return PasswordHasher().hash(PASSWORD)


def with_store(url: str, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something in the store beside the server, as another process would."""

    async def done() -> T:
        store = await open_store(url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(done())


async def add_agent(store: Store, agent_id: AgentId, name: str = NAME) -> str:
    """Add an agent with PASSWORD and return a token of it."""
    app = await store.app(agent_id.app_id)
    assert app is not None
    await store.add_agent(
        Agent(
            app_id=agent_id.app_id,
            extension=agent_id.extension,
            name=name,
            password_hash=password_hash(),
            is_disabled=False,
            created_at=app.created_at,
        )
    )
    return (await agents.issue_token(store, agent_id, 30)).token


def missed(started_ms: int, agent: str = "103", **fields: Any) -> dict[str, object]:
    """Return a generic record of an outgoing call that nobody picked up."""
    record: dict[str, object] = {
        "call_key": f"{agent}-{started_ms}",
        "agent": agent,
        "direction": "outbound",
        "started_at": started_ms,
        "disposition": "no_answer",
        "dialled_number": "+919100000000",
    }
    return record | fields


class Tenant(NamedTuple):
    """An app of its own with agent 103, asked through a served house."""

    house: "House"
    app_id: int
    secret: str
    token: str

    @property
    def agent_id(self) -> str:
        """The agent's id."""
        return f"103_{self.app_id}"

    def asked(self, **changes: object) -> dict[str, Any]:
        """Return a good agentOutMissed request with these changes; None leaves a parameter out."""
        request = {"token": self.token, "from": FROM, "to": TO, "page": 1, **changes}
        return {name: value for name, value in request.items() if value is not None}

    def page(self, **changes: object) -> dict[str, Any]:
        """Return the answer to a good request with these changes; `from_` stands for from."""
        if "from_" in changes:
            changes["from"] = changes.pop("from_")
        response = self.house.http.post("/v1/agentOutMissed", json=self.asked(**changes))
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def ingest(self, *records: object, source: str = "generic", **keywords: Any) -> httpx.Response:
        """Deliver records as a JSON array, or `content=` as it is, with the app's secret."""
        keywords.setdefault("headers", {"Authorization": f"Bearer {self.secret}"})
        if "content" not in keywords and "data" not in keywords:
            keywords["json"] = list(records)
        return self.house.http.post(f"/ingest/{source}", **keywords)

    def add_agent(self, extension: str, name: str = NAME) -> str:
        """Add another agent and return a token of it."""
        return with_store(self.house.store, lambda store: add_agent(store, AgentId(extension, self.app_id), name))


class House(NamedTuple):
    """A served store: its URL, and a client of its server."""

    store: str
    http: httpx.Client
    stop: Callable[[], None] = lambda: None  # asks a server on a thread to end, as a signal does

    @property
    def url(self) -> str:
        """The server's address."""
        return str(self.http.base_url).rstrip("/")

    def tenant(self, app_id: int | None = None) -> Tenant:
        """Add an app with an agent 103."""
        number = app_id or next(_app_ids)

        async def work(store: Store) -> tuple[str, str]:
            secret = await agents.add_app(store, number)
            return secret, await add_agent(store, AgentId("103", number))

        return Tenant(self, number, *with_store(self.store, work))


_app_ids = count(2_000_000)


@contextmanager
def served(store: str, **settings: Any) -> Iterator[House]:
    """Serve the store at this URL, made when it is not there, with these settings; log in as often as you like."""
    told = Settings(store=store, **{"login_tries": 0, **settings})
    application = AccessLog(Application(told), told) if told.access_log else Application(told)
    with socket.create_server(("127.0.0.1", 0)) as listening, _running(application, listening) as stop:
        port = listening.getsockname()[1]
        with client_of(f"http://127.0.0.1:{port}") as http:
            yield House(store, http, stop)


@contextmanager
def _running(application: ASGIApp, listening: socket.socket) -> Iterator[Callable[[], None]]:
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            http=DirectProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # as the server has it
        )
    )
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        yield partial(setattr, server, "should_exit", True)
    finally:
        server.should_exit = True
        thread.join()
