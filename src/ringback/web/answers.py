"""Reading a request's body and sending an answer, straight over ASGI: the hot path's first and last step."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from ringback.errors import BodyTooLarge

Headers = Sequence[tuple[bytes, bytes]]
REFUSED = "ringback.refused"  # where a scope has the status that its client was told before it was cut off
CLIENT_GONE = 499  # how an unanswered request is counted, in nginx's manner
_encode = msgspec.json.Encoder().encode


class ClientGone(Exception):
    """The client went away, or was refused as too slow, before its body was whole; there is nobody to answer."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code


class Answer(NamedTuple):
    """A whole answer: status, content type, body, and headers beyond the usual."""

    status: int
    content_type: bytes
    body: bytes
    headers: Headers = ()

    async def send(self, send: Send) -> None:
        """Send it over ASGI."""
        headers = [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body)), *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})

    def as_http(self, common: Headers, *, keeps_alive: bool) -> bytes:
        """Return it as it stands on an HTTP/1.1 connection (RFC 9112), after these headers of every answer."""
        head = _heads.of(self.status, self.content_type, common)
        for name, value in self.headers:
            head += b"%b: %b\r\n" % (name, value)
        end = b"" if keeps_alive else b"connection: close\r\n"
        return b"%bcontent-length: %d\r\n%b\r\n%b" % (head, len(self.body), end, self.body)


class _Heads:
    """What thousands of answers begin with: of the headers of every answer the date changes once a second.

    They are known again by being the very same list: uvicorn makes a new one each second. To compare them costs more
    than the rest of an answer.
    """

    def __init__(self) -> None:
        self._common: Headers = ()
        self._made: dict[tuple[int, bytes], bytes] = {}

    def of(self, status: int, content_type: bytes, common: Headers) -> bytes:
        """Return the status line, the common headers and the content type's."""
        if common is not self._common:
            self._common, self._made = common, {}
        head = self._made.get((status, content_type))
        if head is None:
            lines = b"".join(b"%b: %b\r\n" % header for header in common)
            head = b"%b%bcontent-type: %b\r\n" % (_STATUS_LINES[status], lines, content_type)
            self._made[status, content_type] = head
        return head


_heads = _Heads()
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Posted(NamedTuple):
    """A whole POST: the query without its question mark, the headers (names in any case), the body."""

    query: bytes
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> bytes:
        """Return the header of this lower-case name, empty when it is absent."""
        for key, value in self.headers:
            if len(key) == len(name) and key.lower() == name:
                return value
        return b""


def json_answer(value: object, *, status: int = 200, headers: Headers = ()) -> Answer:
    """Return the value as a JSON answer, keys in the order of its type."""
    return Answer(status, b"application/json", _encode(value), headers)


async def read_body(scope: Scope, receive: Receive, most: int) -> bytes:
    """Return the request's whole body; raises `BodyTooLarge` as soon as it is sure to be, and `ClientGone`."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced) > most:
        raise BodyTooLarge(f"The body has {int(announced)} bytes; at most {most} are taken")
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.request" and not message.get("more_body", False) and len(body) <= most:
        return body
    chunks = [body]
    size = len(body)
    while message["type"] == "http.request" and message.get("more_body", False) and size <= most:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if message["type"] != "http.request":
        raise ClientGone(scope.get(REFUSED, CLIENT_GONE))
    if size > most:
        raise BodyTooLarge(f"The body has more than {most} bytes; at most {most} are taken")
    return b"".join(chunks)


def header(scope: Scope, name: bytes) -> bytes:
    """Return the header of this lower-case name, empty when it is absent."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""
