"""An endpoint of the agent API: body in, answer out, errors in the one envelope. What is asked is the routes' own."""

from collections.abc import Callable, Coroutine
from time import perf_counter_ns
from typing import Any

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.settings import Settings, networks_of
from ringback.web.answers import Answer, ClientGone, Headers, Posted, read_body
from ringback.web.clients import client_address
from ringback.web.problems import error_answer, fault_answer, status_of
from ringback.web.protocol import DirectRoute
from ringback.web.tallies import RouteTally

Answering = Coroutine[Any, Any, Answer]


class Endpoint:
    """An ASGI application that answers one route's POST from its body, and `with_client` from who asks as well."""

    tally: RouteTally | None = None  # where its requests are counted

    def __init__(
        self, path: str, answer: Callable[..., Answering], settings: Settings, *, with_client: bool = False
    ) -> None:
        self._path, self._answer, self._with_client = path, answer, with_client
        self._trusted = networks_of("trusted_proxies", settings.trusted_proxies)
        self._error_status = 200 if settings.error_status == "body" else None
        self._most = settings.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body = await read_body(scope, receive, self._most)
        except RingbackError as error:
            self._count(status_of(error), perf_counter_ns())
            answer = error_answer(error, scope["headers"], http_status=self._error_status)
        except ClientGone as gone:
            self._count(gone.code, perf_counter_ns())
            return
        else:
            asked = (body, client_address(scope, self._trusted)) if self._with_client else (body,)
            answer = await self._answered(scope["headers"], *asked)
        await answer.send(send)

    async def _answered(self, headers: Headers, *asked: bytes | str) -> Answer:
        started, code = perf_counter_ns(), 200
        try:
            return await self._answer(*asked)
        except RingbackError as error:
            code = status_of(error)
            return error_answer(error, headers, http_status=self._error_status)
        except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the client is told in its words)
            code = 500
            return fault_answer(self._path, headers, error)
        finally:
            self._count(code, started)

    def _count(self, code: int, started: int) -> None:
        if self.tally is not None:
            self.tally.count(code, perf_counter_ns() - started)


class DirectEndpoint(Endpoint, DirectRoute):
    """An endpoint that can be asked past ASGI too, see `web.protocol`."""

    def __init__(
        self, path: str, answer: Callable[[bytes], Answering], settings: Settings, *, is_immediate: bool
    ) -> None:
        super().__init__(path, answer, settings)
        self.most_direct = self._most
        self._is_immediate = is_immediate  # the answer waits for nothing

    def answer_direct(self, posted: Posted) -> Answer | Answering:
        """Return the answer to a whole request."""
        answering = self._answered(posted.headers, posted.body)
        return _run(answering) if self._is_immediate else answering


def _run(answering: Answering) -> Answer:
    """Run what waits for nothing to its end, without a task."""
    try:
        answering.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    answering.close()
    return fault_answer("", (), RuntimeError("an immediate answer waited for something"))
