"""An endpoint of the agent API: body in, answer out, errors in the one envelope. What is asked is the routes' own."""

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.settings import Settings
from ringback.web.answers import Answer, ClientGone, read_body
from ringback.web.problems import error_answer, fault_answer


class Endpoint:
    """An ASGI application that answers one route's POST from its body, and `with_client` from who asks as well."""

    def __init__(
        self, answer: Callable[..., Awaitable[Answer]], settings: Settings, *, with_client: bool = False
    ) -> None:
        self._answer = answer
        self._with_client = with_client
        self._most = settings.max_body
        self._error_status = 200 if settings.error_status == "body" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            body = await read_body(scope, receive, self._most)
            answer = await (self._answer(body, _client(scope)) if self._with_client else self._answer(body))
        except RingbackError as error:
            answer = error_answer(error, http_status=self._error_status)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the client is told in its words)
            answer = fault_answer(scope["path"], error)
        await answer.send(send)


def _client(scope: Scope) -> str:
    """Return the address of whoever asks, empty where the connection has none."""
    client = scope.get("client")
    return str(client[0]) if client else ""
