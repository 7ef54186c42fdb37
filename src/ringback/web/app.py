"""The one place where the server's parts are joined into an ASGI application. No behaviour of its own."""

import gc
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback.agents import Passwords
from ringback.logs import log_audit
from ringback.settings import Settings
from ringback.storage import open_store
from ringback.web import call_legs, operations, receivers, telecmi
from ringback.web.problems import fault_answer, problem_answer
from ringback.web.protocol import DIRECT, DirectRoute, DirectRoutes
from ringback.web.retention import Retention

SETTINGS_VARIABLE = "_RINGBACK_WORKER_SETTINGS"  # how a server hands its settings to its worker processes

DOCUMENTED = (*telecmi.OPERATIONS, *call_legs.OPERATIONS, *receivers.OPERATIONS)

log = structlog.get_logger()


class Application:
    """The server as ASGI: opens the store when it starts, closes it when it stops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.checked()
        self._app: ASGIApp | None = None
        self._posted: dict[str, ASGIApp] = {}  # the endpoints of busy routes, by path
        self.direct: DirectRoutes = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's own life."""
        if scope["type"] == "lifespan":
            await _Lifespan(self).serve(scope, receive, send)
            return
        posted = self._posted.get(scope["path"])  # past routing and middleware that have no say in these
        if posted is not None and scope["method"] == "POST":
            await posted(scope, receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Be open for requests; used by the server's lifespan and by whoever embeds the application."""
        async with AsyncExitStack() as stack:
            store = await open_store(self._settings.store)
            stack.push_async_callback(store.close)
            passwords = Passwords()
            stack.callback(passwords.close)
            dialect = telecmi.TelecmiDialect(store, passwords, self._settings)
            legs = call_legs.CallLegs(store, self._settings)
            receiving = receivers.Receivers(store, self._settings)
            operating = operations.Operations(store, DOCUMENTED)
            endpoints = {**dialect.endpoints(), **legs.endpoints()}
            posted = [Route(path, endpoint, methods=["POST"]) for path, endpoint in endpoints.items()]
            app = Starlette(
                routes=[*posted, *receiving.routes(), *operating.routes()],
                middleware=_middleware(self._settings),
                exception_handlers={HTTPException: _no_such_route, Exception: _own_fault},
            )
            app.router.redirect_slashes = False  # few clients send a body again where a redirect leads them
            self._app = app
            if not self._settings.cors_origins:
                self._posted = {**endpoints, **receiving.endpoints()}
                ways: Mapping[str, object] = self._posted
                self.direct = {path.encode(): one for path, one in ways.items() if isinstance(one, DirectRoute)}
            _collect_seldom()
            store.heard = log_audit
            retention = Retention(store, self._settings)
            retention.start()
            stack.push_async_callback(retention.stop)
            log.info("started", store=_without_password(self._settings.store))
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
                scope.get("state", {})[DIRECT] = self._application.direct
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})


def worker_application() -> Application:
    """Return the application of a worker process, its settings taken from the parent's."""
    return Application(msgspec.convert(msgspec.json.decode(os.environ[SETTINGS_VARIABLE]), Settings))


def _middleware(settings: Settings) -> list[Middleware]:
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["Retry-After"],
            max_age=86_400,
        )
    ]


async def _no_such_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = {
        404: f"There is no {request.url.path[:200]} here; /docs shows what there is",
        405: f"{request.url.path[:200]} does not take {request.method[:20]}",
    }.get(status, "The request cannot be answered")
    answer = problem_answer(status, said)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return Response(answer.body, status, headers=headers, media_type="application/json")


async def _own_fault(request: Request, error: Exception) -> Response:
    answer = fault_answer(request.url.path, error)
    return Response(answer.body, answer.status, media_type="application/json")


def _collect_seldom() -> None:
    """Keep the cycle collector from looking through what lives as long as the server, time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _without_password(store: str) -> str:
    scheme, separator, rest = store.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if "@" in rest else store
