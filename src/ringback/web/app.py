"""The one place where the server's parts are joined into an ASGI application. No behaviour of its own."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from time import perf_counter_ns

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.agents import Passwords
from ringback.logins import Limits, Logins
from ringback.logs import log_audit
from ringback.masking import without_credentials
from ringback.settings import Settings
from ringback.sources import SOURCES
from ringback.storage import open_store
from ringback.web import call_legs, operations, receivers, ring_back, telecmi
from ringback.web.deadlines import Watch
from ringback.web.endpoint import Endpoint
from ringback.web.metrics import Metrics
from ringback.web.page.routes import LIVE, PATHS, AgentPage
from ringback.web.problems import fault_answer, problem_answer
from ringback.web.protocol import DIRECT, REFUSALS, WATCH, DirectRoute, DirectRoutes
from ringback.web.request_ids import request_id
from ringback.web.retention import Retention
from ringback.web.tallies import OTHER, Board, Tallies

DOCUMENTED = (*telecmi.OPERATIONS, *ring_back.OPERATIONS, *call_legs.OPERATIONS, *receivers.OPERATIONS)

log = structlog.get_logger()


class Application:
    """The server as ASGI: opens the store when it starts, closes it when it stops."""

    def __init__(self, settings: Settings, tallies: Tallies | None = None) -> None:
        self._settings = settings.checked()
        self._tallies = tallies or new_board().taken()
        self._app: ASGIApp | None = None
        self._posted: dict[str, ASGIApp] = {}  # the endpoints of busy routes, by path
        self.direct: DirectRoutes = {}
        self.watch: Watch | None = None
        self._counting: set[tuple[str, str]] = set()  # paths and methods whose endpoints count by themselves

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's own life."""
        if scope["type"] == "lifespan":
            await _Lifespan(self).serve(scope, receive, send)
            return
        raw: bytes = scope.get("raw_path") or b""
        if b"%" in raw and b"%2f" in raw.lower():  # no slash to whoever guards paths in front of us
            scope["path"] = raw.decode("latin-1")
        posted = self._posted.get(scope["path"])  # past routing and middleware that have no say in these
        if posted is not None and scope["method"] == "POST":
            await posted(scope, receive, send)
        elif self._app is not None:
            await self._counted(self._app, scope, receive, send)

    async def _counted(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what does not count itself, and count it."""
        started, code, ended = perf_counter_ns(), 500, 0

        async def sent(message: Message) -> None:
            nonlocal code, ended
            if message["type"] == "http.response.start":
                code = message["status"]
                ended = perf_counter_ns() if scope["path"] == LIVE else 0
            await send(message)

        if (scope["path"], scope["method"]) in self._counting:
            await app(scope, receive, send)
            return
        try:
            await app(scope, receive, sent)
        finally:
            tally = self._tallies.routes.get(scope["path"], self._tallies.routes[OTHER])
            tally.count(code, (ended or perf_counter_ns()) - started)

    def of_connections(self) -> dict[str, object]:
        """Return what every connection needs to know, by its name in the state."""
        return {DIRECT: self.direct, WATCH: self.watch, REFUSALS: self._tallies.count_refused}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be open for requests; used by the server's lifespan and by whoever embeds the application."""
        async with AsyncExitStack() as stack:
            store = await open_store(self._settings.store)
            stack.push_async_callback(store.close)
            stack.callback(self._tallies.leave)
            passwords = Passwords()
            stack.callback(passwords.close)
            limits = Limits(self._settings.login_tries, self._settings.login_wait)
            logins = Logins(store, passwords, limits, self._settings.token_days)
            dialect = telecmi.TelecmiDialect(store, logins, self._settings)
            ringing_back = ring_back.RingBack(store, self._settings)
            legs = call_legs.CallLegs(store, self._settings)
            receiving = receivers.Receivers(store, self._settings, self._tallies)
            operating = operations.Operations(store, Metrics(store, self._tallies, self._settings), DOCUMENTED)
            page = AgentPage(store, logins, self._settings)
            stack.push_async_callback(page.watching.stop)
            endpoints = {**dialect.endpoints(), **ringing_back.endpoints(), **legs.endpoints()}
            for path, endpoint in endpoints.items():
                if isinstance(endpoint, Endpoint):
                    endpoint.tally = self._tallies.routes[path]
            posted = [Route(path, endpoint, methods=["POST"]) for path, endpoint in endpoints.items()]
            app = Starlette(
                routes=[*posted, *receiving.routes(), *operating.routes(), *page.routes()],
                middleware=_middleware(self._settings),
                exception_handlers={HTTPException: _no_such_route, Exception: _own_fault},
            )
            app.router.redirect_slashes = False  # few clients send a body again where a redirect leads them
            self._app = app
            self._counting = {(path, "POST") for path in (*endpoints, *receiving.endpoints())}
            self._counting |= {(path, "GET") for path in receiving.endpoints()}
            if not self._settings.cors_origins:
                self._posted = {**endpoints, **receiving.endpoints()}
                ways: Mapping[str, object] = {} if self._settings.access_log else self._posted
                self.direct = {path.encode(): one for path, one in ways.items() if isinstance(one, DirectRoute)}
            self.watch = Watch(self._settings.client_timeout, self._settings.max_connections)
            watching = asyncio.create_task(self.watch.run())
            stack.callback(watching.cancel)
            _collect_seldom()
            store.heard = log_audit
            retention = Retention(store, self._settings)
            retention.start()
            stack.push_async_callback(retention.stop)
            log.info("started", store=without_credentials(self._settings.store.partition("?")[0]))
            yield
            log.info("stopped")


class _Lifespan:
    """Starlette's own lifespan lives inside the router that is built only once the store is open."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._application.running():
                scope.get("state", {}).update(self._application.of_connections())
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def new_board() -> Board:
    """Return a place to count in for the processes of one server."""
    paths = [operation.path for operation in (*DOCUMENTED, *operations.OPERATIONS) if "{" not in operation.path]
    return Board([*paths, *PATHS, *(f"/ingest/{name}" for name in SOURCES)], SOURCES)


def _middleware(settings: Settings) -> list[Middleware]:
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After", "X-Request-ID"],
            max_age=86_400,
        )
    ]


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {
        404: f"There is no {request.scope['path'][:200]} here; /docs shows what there is",
        405: f"{request.scope['path'][:200]} does not take {request.method[:20]}",
    }.get(status, "The request cannot be answered")
    answer = problem_answer(status, said)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    headers["X-Request-ID"] = request_id(request.scope["headers"])
    return Response(answer.body, status, headers=headers, media_type="application/json")


async def _own_fault(request: Request, error: Exception) -> Response:
    answer = fault_answer(request.scope["path"], request.scope["headers"], error)  # its URL would have to be UTF-8
    return Response(
        answer.body,
        answer.status,
        headers={name.decode(): value.decode() for name, value in answer.headers},
        media_type="application/json",
    )


def _collect_seldom() -> None:
    """Keep the cycle collector from looking through what lives as long as the server, time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
