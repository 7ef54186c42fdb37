"""HTTP/1.1 on a connection: uvicorn's protocol, with a short way to the busy routes. What they answer is theirs.

The short way leaves out what ASGI needs for any application and these routes do not use: the scope, a task and two
messages for each request. Whatever is not plain about a request sends it the ordinary way, to the same endpoints.
"""

from abc import ABC, abstractmethod
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ringback.web.answers import REFUSED, Answer, Posted
from ringback.web.deadlines import MOST_HEAD_BYTES, Stage, Watch, Watched
from ringback.web.offers import OfferlessProtocol
from ringback.web.problems import problem_answer

DIRECT = "ringback.direct"  # where the application's state (ASGI lifespan) keeps its direct routes
WATCH = "ringback.watch"  # and who watches the connections
REFUSALS = "ringback.refusals"  # and who counts the requests that never came to an endpoint

ENDLESS = "ringback.endless"  # where a scope says that its answer ends only with the connection

_GOODBYE_SECONDS = 1.0

# The hot path calls its parent's methods by name: `super()` costs more than what most of them do.
_begin = HttpToolsProtocol.on_message_begin
_header = HttpToolsProtocol.on_header
_NONE, _HEAD, _BODY = Stage


class DirectRoute(ABC):
    """An endpoint that can answer without ASGI; it never raises."""

    most_direct: int
    """The largest body that it takes so, in bytes."""

    @abstractmethod
    def answer_direct(self, posted: Posted) -> Answer | Coroutine[Any, Any, Answer]:
        """Return the answer, at once or when it is there."""


DirectRoutes = Mapping[bytes, DirectRoute]  # by path


class DirectProtocol(OfferlessProtocol, Watched):
    """A connection's requests, parsed by httptools; those to a direct route are answered past ASGI."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._routes: DirectRoutes = self.app_state.get(DIRECT, {})
        self._watch: Watch | None = self.app_state.get(WATCH)
        self._count_refused: Callable[[bytes, int], None] | None = self.app_state.get(REFUSALS)
        self._route: DirectRoute | None = None  # of the request that is coming in
        self._body = b""
        self._quiet_since: float | None = None  # the loop's time, from a direct answer until the next bytes
        self._quiet_timer: TimerHandle | None = None
        self._ends = False

    # --- a client comes, and is watched ---

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a client, if there is a place for it."""
        super().connection_made(transport)
        if self._watch is not None and not self._watch.admits(self.connections):  # type: ignore[arg-type]
            transport.abort()

    def unsent(self) -> int:
        """Return how many bytes of answers the client has not taken yet."""
        return self.transport.get_write_buffer_size()

    def is_answering(self) -> bool:
        """Whether a request is whole and its answer is being made."""
        return self.cycle is not None and not self.cycle.response_complete

    def cut(self) -> None:
        """Close the connection; whoever sent part of a request is told so."""
        if self.transport.is_closing() or self.unsent():
            self.transport.abort()  # it does not take what is there for it
        elif self._waits_for_request():
            self._refuse(408, "The request took too long to come in")
        else:
            self.transport.close()

    def _waits_for_request(self) -> bool:
        """Whether part of a request is there, and its answer would be the next thing to be sent."""
        if self.stage is _HEAD:
            return not self.is_answering()
        return self.stage is _BODY and (self._route is not None or not self.cycle.response_started)

    def _refuse(self, status: int, said: str) -> None:
        """Answer what has no endpoint yet, or none that has the whole request; and close the connection."""
        if self.stage is _BODY and self._route is None:
            self.cycle.scope[REFUSED] = status  # type: ignore[literal-required]  # its endpoint counts it
        elif self._count_refused is not None:
            self._count_refused(self.url.partition(b"?")[0], status)
        answer = problem_answer(status, said)
        self.transport.write(answer.as_http(self.server_state.default_headers, keeps_alive=False))
        self.transport.close()

    # --- a request comes in ---

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        self._quiet_since = None
        self.received += len(data)
        super().data_received(data)
        if self.stage is _HEAD and self.received > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"The request's line and headers have more than {MOST_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Begin a request; its scope is made only for those that go the ordinary way."""
        self.stage = _HEAD
        self.since = None
        self.received = 0
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the ordinary way reads it later."""
        if len(name) == 6 and name.lower() == b"expect":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Choose the request's way."""
        self.stage = _BODY
        route = self._routes.get(self.url.partition(b"?")[0])
        cycle = self.cycle
        if (
            route is None
            or self.parser.get_method() != b"POST"
            or self.expect_100_continue
            or self.parser.should_upgrade()
            or self.flow.write_paused  # a client that sends and does not read
            or not (cycle is None or cycle.response_complete)  # answers stand in the order of their requests
        ):
            if not self.is_offer():
                self._go_ordinary_way()
            return
        self._route = route
        self._body = b""

    def _go_ordinary_way(self) -> None:
        url, headers = self.url, self.headers
        _begin(self)
        self.url = url
        for name, value in headers:
            _header(self, name, value)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; one that grows too large for the short way leaves it."""
        if self._route is None:
            super().on_body(body)
            return
        self._body += body
        if len(self._body) > self._route.most_direct:
            self._route = None
            self._go_ordinary_way()
            super().on_body(self._body)

    def on_message_complete(self) -> None:
        """Answer a request of the short way."""
        self.stage = _NONE
        route = self._route
        if route is None:
            if not self._is_offered:
                super().on_message_complete()
            return
        self._route = None
        if self.transport.is_closing():
            return  # sent after one that asked to close
        answer = route.answer_direct(Posted(self.url.partition(b"?")[2], self.headers, self._body))
        keeps_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0" and not self._ends
        if isinstance(answer, Answer):
            self._send(answer, keeps_alive=keeps_alive)
            return
        self.cycle = pending = _Pending(keeps_alive=keeps_alive)  # type: ignore[assignment]
        task = self.loop.create_task(self._send_later(answer, pending))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- its answer goes out ---

    async def _send_later(self, coming: Coroutine[Any, Any, Answer], pending: "_Pending") -> None:
        answer = await coming
        pending.response_complete = True
        if not pending.disconnected:
            self._send(answer, keeps_alive=pending.keep_alive)

    def _send(self, answer: Answer, *, keeps_alive: bool) -> None:
        self.transport.write(answer.as_http(self.server_state.default_headers, keeps_alive=keeps_alive))
        if not keeps_alive:
            self.server_state.total_requests += 1
            self.transport.close()
        elif self.pipeline:
            self.on_response_complete()  # which begins the next one
        else:
            self.server_state.total_requests += 1
            self._quiet_since = self.loop.time()
            if self._quiet_timer is None:
                self._quiet_timer = self.loop.call_later(self.timeout_keep_alive, self._close_if_quiet)

    # --- the connection ends ---

    def _close_if_quiet(self) -> None:
        """Close a connection that was quiet since its last direct answer; one timer for many requests."""
        self._quiet_timer = None
        if self._quiet_since is None or self.transport.is_closing():
            return  # the next answer sees to it
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._quiet_timer = self.loop.call_later(left, self._close_if_quiet)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        if self._quiet_timer is not None:
            self._quiet_timer.cancel()
        self._route = None
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection, after its answer when a request is on its way."""
        if self.is_answering() and getattr(self.cycle, "scope", {}).get(ENDLESS):
            self.transport.close()
        elif self._route is None:
            super().shutdown()
        else:
            self._ends = True
        if self.transport.is_closing() and self.scheme == "https":
            self.loop.call_later(_GOODBYE_SECONDS, self._leave)

    def _leave(self) -> None:
        """End a TLS connection whose client has all its answers and says no good-bye: TLS would wait for that."""
        if self.transport.get_write_buffer_size():
            self.loop.call_later(_GOODBYE_SECONDS, self._leave)
        else:
            self.transport.abort()


class _Nobody:
    """What uvicorn wakes when a client is gone: nothing waits for it here."""

    def set(self) -> None:
        """Do nothing."""


class _Pending:
    """A direct request whose answer is awaited, as uvicorn sees it: later requests of the connection wait for it."""

    message_event = _Nobody()

    def __init__(self, *, keeps_alive: bool) -> None:
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = keeps_alive
