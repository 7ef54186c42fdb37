"""The one place where the server's parts are joined into an ASGI application. No behaviour of its own."""

import gc
import os
from collections.abc import AsyncIterator
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
from ringback.settings import Settings
from ringback.storage import open_store
from ringback.web import call_legs, operations, receivers, telecmi
from ringback.web.problems import fault_answer, problem_answer

SETTINGS_VARIABLE = "_RINGBACK_WORKER_SETTINGS"  # how a server hands its settings to its worker processes

DOCUMENTED = (*telecmi.OPERATIONS, *call_legs.OPERATIONS, *receivers.OPERATIONS)

log = structlog.get_logger()


class Application:
    """The server as ASGI: opens the store when it starts, closes it when it stops."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.checked()
        self._app: ASGIApp | None = None
        self._direct: dict[str, ASGIApp] = {}  # the routes' own endpoints, by path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, or the server's own life."""
        if scope["type"] == "lifespan":
            await _Lifespan(self).serve(receive, send)
            return
        direct = self._direct.get(scope["path"])  # past routing and middleware that have no say in these
        if direct is not None and scope["method"] == "POST":
            await direct(scope, receive, send)
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
            self._direct = {} if self._settings.cors_origins else {**endpoints, **receiving.endpoints()}
            _collect_seldom()
            log.info("started", store=_without_password(self._settings.store))
            yield
            log.info("stopped")


class _Lifespan:
    """Starlette's own lifespan lives inside the router that is built only once the store is open."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def serve(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self._application.running():
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
        404: f"There is no {request.scope['path'][:200]} here; /docs shows what there is",
        405: f"{request.scope['path'][:200]} does not take {request.method[:20]}",
    }.get(status, "The request cannot be answered")
    answer = problem_answer(status, said)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return Response(answer.body, status, headers=headers, media_type="application/json")


async def _own_fault(request: Request, error: Exception) -> Response:
    answer = fault_answer(request.scope["path"], error)  # its URL would have to be UTF-8
    return Response(answer.body, answer.status, media_type="application/json")


def _collect_seldom() -> None:
    """Keep the cycle collector from looking through what lives as long as the server, time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _without_password(store: str) -> str:
    scheme, separator, rest = store.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if "@" in rest else store
