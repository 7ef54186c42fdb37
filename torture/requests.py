"""Requests to every route, good ones and mutated, put to the ASGI application itself. No judging here."""

import asyncio
import gzip
import json
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes, urlencode

from starlette.types import ASGIApp, Message, Scope

from torture.mutations import CORPUS, mutated

_LOGIN_SHARE = 0.002  # each one that reads as a login costs tens of milliseconds: its hash
_METHODS = ("POST", "POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS", "DELETE", "P\u00f6ST")
_LOOKED = ("calls", "legs", "chart", "calls.csv", "agents", "session", "contact", "done", "undo", "main.js", "live/")
_PATHS = ("/", "/docs", "/healthz", "/readyz", "/openapi.json", "/v1/agentLogin/", "/v1", "/ingest/", "/%00", "//")


class Request(NamedTuple):
    """A request as the server hands it to the application; the body comes in these pieces."""

    method: str
    path: str
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: list[bytes]


class Access(NamedTuple):
    """What opens the doors: without it nothing would get beyond them."""

    agent_id: str
    token: str
    secret: str


def request(chance: Random, access: Access) -> Request:
    """Return a request, more often to a route that takes something in."""
    kind = chance.random()
    if kind < 0.55:
        return _delivery(chance, access)
    if kind < 0.83:
        return _asked(chance, access)
    if kind < 0.93:
        return _looked(chance, access)
    path = chance.choice(_PATHS)
    return Request(chance.choice(_METHODS), path, mutated(chance, b"a=1&b=2"), [], [mutated(chance, b"{}")])


def _looked(chance: Random, access: Access) -> Request:
    """What the agent's page asks, signed in or nearly so."""
    asked = {"from": chance.randrange(2**41), "to": 2**41 + chance.randrange(2**41), "zone": "Asia/Kolkata", "page": 1}
    asked |= chance.choice(({}, {"find": "91"}, {"of": "*"}, {"of": "103"}, {"id": f"{chance.getrandbits(96):024x}"}))
    asked |= chance.choice(({}, {"list": "ring_back"}))
    query = urlencode(asked).encode()
    cookie = f"ringback={access.token}".encode()
    method, path = chance.choice(("GET", "GET", "GET", "POST", "DELETE")), f"/page/{chance.choice(_LOOKED)}"
    told = chance.choice(({"name": "Zoë"}, {"seen_ms": 2**40, "of": "*"}, {"done_ms": 2**40}))
    body = json.dumps({"number": "919100000000", **told}).encode()
    query, cookie, body = (
        mutated(chance, one) if chance.random() < share else one
        for one, share in ((query, 0.7), (cookie, 0.1), (body, 0.7))
    )
    if path.endswith("session") and method == "DELETE":
        cookie = b""  # the others go on with it
    headers = [(b"cookie", cookie), (b"x-ringback-page", b"1")]
    return Request(method, path, query, headers, _pieces(chance, body))


def _delivery(chance: Random, access: Access) -> Request:
    source = chance.choice(sorted(CORPUS))
    body = chance.choice(CORPUS[source])
    if chance.random() < 0.9:
        body = mutated(chance, body)
    if chance.random() < 0.05:
        body = gzip.compress(body, 1)
        body = mutated(chance, body) if chance.random() < 0.5 else body
    headers = [(b"authorization", b"Bearer " + access.secret.encode())]
    query, method = b"", "POST"
    if chance.random() < 0.1:
        headers, query = [], b"key=" + access.secret.encode()
    if chance.random() < 0.05:
        method, query = "GET", query + b"&" + quote_from_bytes(body[:500], safe="&=").encode()
    if chance.random() < 0.03:
        headers = [(b"authorization", mutated(chance, b"Bearer " + access.secret.encode()))]
    if chance.random() < 0.02:
        source = mutated(chance, source.encode()).decode("latin-1")
    return Request(method, f"/ingest/{source}", query, headers, _pieces(chance, body))


def _asked(chance: Random, access: Access) -> Request:
    asked: dict[str, object]
    if chance.random() < _LOGIN_SHARE:
        path, asked = "/v1/agentLogin", {"id": access.agent_id, "password": "wrong"}
    elif chance.random() < 0.3:
        path, asked = "/v1/callLegs", {"token": access.token, "id": f"{chance.getrandbits(96):024x}"}
    else:
        range_ = {"from": chance.randrange(2**41), "to": 2**41 + chance.randrange(2**41)}
        path = chance.choice(("/v1/agentOutMissed", "/v1/agentRingBack"))
        asked = {"token": access.token, **range_, "page": chance.choice((1, 1, 2)), "limit": 10}
    body = json.dumps(asked).encode() if chance.random() < 0.7 else urlencode(asked).encode()
    if chance.random() < 0.9:
        body = mutated(chance, body)
    method = "POST" if chance.random() < 0.97 else chance.choice(_METHODS)
    return Request(method, path, b"", [], _pieces(chance, body))


def _pieces(chance: Random, body: bytes) -> list[bytes]:
    if chance.random() < 0.9 or not body:
        return [body]
    place = chance.randrange(len(body))
    return [body[:place], body[place:]]


async def answered(application: ASGIApp, asked: Request) -> tuple[int, bytes]:
    """Put a request to the application; return the status and the body of its answer."""
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "root_path": "",
        "query_string": asked.query,
        "headers": asked.headers,
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    coming: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": number < len(asked.body) - 1}
        for number, piece in enumerate(asked.body)
    ]
    said: list[Any] = []

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    async with asyncio.timeout(20):
        await application(scope, receive, send)
    return said[0]["status"], b"".join(message.get("body", b"") for message in said[1:])
