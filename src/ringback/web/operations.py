"""Whether the server lives and is ready, its OpenAPI document, and that document to read."""

from collections.abc import Sequence

import msgspec
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import ringback
from ringback.errors import RingbackError
from ringback.storage.base import Store
from ringback.web.answers import Answer, json_answer
from ringback.web.openapi import Operation, document
from ringback.web.problems import Problem, error_answer
from ringback.web.reference import reference_page


class Health(msgspec.Struct):
    """The server's state."""

    status: str
    version: str


class Operations:
    """Answers what those who run the server ask."""

    def __init__(self, store: Store, metrics: ASGIApp, operations: Sequence[Operation]) -> None:
        self._store, self._metrics = store, metrics
        described = document([*operations, *OPERATIONS])
        self._document = Answer(200, b"application/json", msgspec.json.format(msgspec.json.encode(described)))
        self._page = reference_page(described)

    def routes(self) -> list[Route]:
        """The routes, none of which needs a token."""
        return [
            Route("/healthz", _Endpoint(self, "healthz"), methods=["GET"]),
            Route("/readyz", _Endpoint(self, "readyz"), methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            Route("/openapi.json", _Endpoint(self, "openapi"), methods=["GET"]),
            Route("/docs", _Endpoint(self, "docs"), methods=["GET"]),
        ]

    async def healthz(self, scope: Scope) -> Answer:  # noqa: ARG002
        """GET /healthz: the process lives."""
        return json_answer(Health("ok", ringback.__version__))

    async def readyz(self, scope: Scope) -> Answer:
        """GET /readyz: the store answers and can be written. Why not is in the log: anybody may ask here."""
        try:
            await self._store.ready()
        except RingbackError as error:
            return error_answer(error, scope["headers"])
        return json_answer(Health("ready", ringback.__version__))

    async def openapi(self, scope: Scope) -> Answer:  # noqa: ARG002
        """GET /openapi.json."""
        return self._document

    async def docs(self, scope: Scope) -> Answer:  # noqa: ARG002
        """GET /docs."""
        return self._page


class _Endpoint:
    def __init__(self, operations: Operations, name: str) -> None:
        self._answer = getattr(operations, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        answer: Answer = await self._answer(scope)
        if scope["method"] == "HEAD":
            answer = answer._replace(body=b"")
        await answer.send(send)


OPERATIONS = (
    Operation("get", "/healthz", "Is the process alive?", "Answers as long as the process does.", answer=Health),
    Operation(
        "get",
        "/readyz",
        "Can calls be served and taken in?",
        "503 while the store is away or cannot be written.",
        answer=Health,
        problem=Problem,
    ),
    Operation(
        "get",
        "/metrics",
        "What the server counts",
        "For Prometheus, and only for addresses of the setting metrics_from.",
        content_type="text/plain",
        errors={403: "Not for this address"},
        problem=Problem,
    ),
    Operation("get", "/openapi.json", "This document", "OpenAPI 3.1.", content_type="application/json"),
    Operation("get", "/docs", "This document, to read", "A page that loads nothing else.", content_type="text/html"),
)
