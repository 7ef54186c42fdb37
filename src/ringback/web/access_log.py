"""A line for each request, for those who ask for it. Never its query, its body or its headers: they hold secrets."""

import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ringback.settings import Settings, networks_of
from ringback.web.clients import client_address, client_scheme
from ringback.web.request_ids import NAME, id_header
from ringback.web.request_ids import request_id as request_id_of

log = structlog.get_logger()

_LONGEST_PATH = 200


class AccessLog:
    """Passes requests on, tells each answer its request's id, and logs what came of it."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._trusted = networks_of("trusted_proxies", settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = request_id_of(scope["headers"])
        told = id_header(request_id)
        others = [(name, value) for name, value in scope["headers"] if name != NAME]
        scope["headers"] = [*others, told]  # whatever logs meanwhile has the same id; no copy, for others write into it
        status = 0  # for a client that went away unanswered

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if told not in message["headers"]:
                    message = {**message, "headers": [*message["headers"], told]}
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            log.info(
                "request",
                request_id=request_id,
                method=scope["method"][:20],
                path=scope["path"][:_LONGEST_PATH],
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1000, 3),
                client=client_address(scope, self._trusted),
                scheme=client_scheme(scope, self._trusted),
            )
