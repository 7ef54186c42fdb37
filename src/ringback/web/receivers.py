"""POST /ingest/{source}: deliveries of finished calls, from switches and feeds. What they mean is the sources'."""

import asyncio
import gzip
import io
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter_ns
from typing import Annotated, Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ringback import agents, calls
from ringback.errors import BodyTooLarge, RingbackError, UnreadableBody
from ringback.settings import Settings
from ringback.sources import SOURCES, source_named
from ringback.storage.base import Store
from ringback.storage.records import App
from ringback.web.answers import Answer, ClientGone, Posted, json_answer, read_body
from ringback.web.openapi import Operation
from ringback.web.problems import Problem, error_answer, fault_answer, status_of
from ringback.web.protocol import DirectRoute
from ringback.web.tallies import Tallies

_GZIP = b"\x1f\x8b"
_DIRECT_BODY = 65_536  # bytes; larger deliveries are read as they come, after their sender is known


class DeliveryAnswer(msgspec.Struct):
    """What became of a delivery's records."""

    read: Annotated[int, msgspec.Meta(description="Records read")]
    new: Annotated[int, msgspec.Meta(description="Legs of calls not seen before, one each call")]
    merged: Annotated[int, msgspec.Meta(description="Legs that changed a known call")]
    duplicate: Annotated[int, msgspec.Meta(description="Legs that were known already and changed nothing")]
    rejected: Annotated[int, msgspec.Meta(description="Records that could not be understood; kept with their reasons")]


class RejectedDelivery(Problem, kw_only=True):
    """A delivery of which no record could be understood; resending it cannot help. Its records are kept."""

    read: int = 0
    new: int = 0
    merged: int = 0
    duplicate: int = 0
    rejected: int = 0


class Receivers:
    """Takes deliveries into the store; answers 200 only after the commit."""

    def __init__(self, store: Store, settings: Settings, tallies: Tallies) -> None:
        self._store = store
        self.tallies = tallies
        self._most = settings.max_delivery
        self._timezone = settings.timezone

    def endpoints(self) -> dict[str, ASGIApp]:
        """An endpoint for each source by its path; each takes POST."""
        return {f"/ingest/{name}": _Endpoint(self, self._most, name) for name in SOURCES}

    def routes(self) -> list[Route]:
        """The one route of every source, known or not."""
        route = Route("/ingest/{source}", _Endpoint(self, self._most), methods=["GET", "POST"])
        route.methods = {"GET", "POST"}  # HEAD, which the router adds to GET, must change nothing
        return [route]

    async def app(self, posted: Posted) -> App:
        """Return the app whose secret came with a delivery; raises `BadSecret`."""
        return await agents.app_of_secret(self._store, _secret(posted))

    async def take(self, app: App, name: str, body: bytes) -> Answer:
        """Take one delivery in."""
        source = source_named(name)
        if body.startswith(_GZIP):
            body = await asyncio.to_thread(unpacked, body, self._most)
        context = calls.context_for(app, self._timezone)
        delivery, reason = await calls.take_delivery(self._store, source, body, context)
        self.tallies.sources[name].count(delivery.new, delivery.merged, delivery.duplicate, delivery.rejected)
        if delivery.read == 0:
            raise UnreadableBody("The body holds no record")
        if reason is not None and delivery.rejected == delivery.read:
            said = f"No record was taken in; the first: {reason}"
            counts = msgspec.structs.asdict(delivery)
            return json_answer(RejectedDelivery(code=400, msg=said, message=said, **counts), status=400)
        counts_told = (delivery.read, delivery.new, delivery.merged, delivery.duplicate, delivery.rejected)
        return json_answer(DeliveryAnswer(*counts_told))


def _asked(query: bytes) -> bytes:
    """The query as a form, less the secret: TeleCMI can be told to send its records so."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return urlencode([pair for pair in pairs if pair[0] != "key"]).encode()


def unpacked(body: bytes, most: int) -> bytes:
    """Return the body, unpacked when it is gzip (told by its first bytes), all members of it (RFC 1952 section 2.2).

    Raises `BodyTooLarge` without unpacking more than `most` bytes, and `UnreadableBody`.
    """
    if not body.startswith(_GZIP):
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            text = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:  # gzip tells of broken data with these three
        raise UnreadableBody(f"The body is broken gzip: {error}") from None
    if len(text) > most:
        raise BodyTooLarge(f"The body unpacks to more than {most} bytes; send less at a time")
    return text


def _secret(posted: Posted) -> str | None:
    scheme, _, secret = posted.header(b"authorization").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return secret.strip()
    keys: list[str] = parse_qs(posted.query.decode("latin-1")).get("key", [])
    return keys[0].partition("?")[0] if keys else None  # FreeSWITCH appends ?uuid=... to an address with a query too


class _Endpoint(DirectRoute):
    """Takes one source's deliveries, or any's: an ASGI class, so that the router hands it the bare connection.

    A direct route too, see `web.protocol`.
    """

    def __init__(self, receivers: Receivers, most: int, source: str = "") -> None:
        self._receivers, self._most, self._source = receivers, most, source
        self.most_direct = min(most, _DIRECT_BODY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = self._source or scope["path_params"]["source"]
        head = Posted(scope["query_string"], scope["headers"], b"")

        async def body() -> bytes:
            return _asked(head.query) if scope["method"] == "GET" else await read_body(scope, receive, self._most)

        try:
            answer = await self._answered(head, source, body)
        except ClientGone:
            return
        await answer.send(send)

    def answer_direct(self, posted: Posted) -> Coroutine[Any, Any, Answer]:
        async def body() -> bytes:
            return posted.body

        return self._answered(posted, self._source, body)

    async def _answered(self, head: Posted, source: str, body: Callable[[], Awaitable[bytes]]) -> Answer:
        started, code = perf_counter_ns(), 200
        try:
            app = await self._receivers.app(head)  # before the body is read: strangers send in vain
            answer = await self._receivers.take(app, source, await body())
        except RingbackError as error:
            code = status_of(error)
            return error_answer(error, head.headers)
        except ClientGone as gone:
            code = gone.code
            raise
        except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the sender is told to come again)
            code = 500
            return fault_answer(f"/ingest/{source}", head.headers, error)
        else:
            code = answer.status
            return answer
        finally:
            tally = self._receivers.tallies.routes.get(f"/ingest/{source}")
            if tally is not None:
                tally.count(code, perf_counter_ns() - started)


_ANYTHING: dict[str, Any] = {
    "application/json": {"schema": {}},
    "application/x-ndjson": {"schema": {"type": "string"}},
    "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
    "text/csv": {"schema": {"type": "string"}},
}

_SOURCE = {
    "name": "source",
    "in": "path",
    "required": True,
    "description": "The kind of switch or feed that sends",
    "schema": {"type": "string", "enum": sorted(SOURCES)},
}
_ERRORS = {
    400: "Nothing could be read; do not resend",
    401: "The app's secret is missing or wrong",
    404: "There is no such source",
}

OPERATIONS = (
    Operation(
        "post",
        "/ingest/{source}",
        "Take finished calls in",
        "One record, an array, NDJSON, a form or CSV, as the source sends it; gzip is recognised. 200 only once all of "
        "it is on disk. The same delivery again changes nothing. Records that cannot be understood are kept with their "
        "reasons; when that is all of them the answer is 400.",
        answer=DeliveryAnswer,
        errors=_ERRORS,
        problem=RejectedDelivery,
        security="secret",
        body=_ANYTHING,
        parameters=(_SOURCE,),
    ),
    Operation(
        "get",
        "/ingest/{source}",
        "Take one finished call in, from the query",
        "For feeds that send a record's fields as query parameters, as TeleCMI's webhooks may. Otherwise as with POST.",
        answer=DeliveryAnswer,
        errors=_ERRORS,
        problem=RejectedDelivery,
        security="secret",
        parameters=(_SOURCE,),
    ),
)
