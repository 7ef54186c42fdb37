"""Connections, byte by byte: requests past ASGI and through it mixed, and each answered as if alone."""

import gzip
import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from tests.stores import Stores
from tests.web.house import DEADLINE_SECONDS, PASSWORD, House, Tenant, missed, served, wait_for

pytestmark = pytest.mark.one_store

_CHUNKED = b"POST /v1/agentOutMissed HTTP/1.1\r\nHost: ringback\r\nTransfer-Encoding: chunked\r\n\r\n"
PAGE, LOGIN, TAKE = "/v1/agentOutMissed", "/v1/agentLogin", "/ingest/generic"


class Reply(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body read."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Line:
    """A bare connection to a server."""

    def __init__(self, house: House) -> None:
        port = int(house.url.rpartition(":")[2])
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_SECONDS)
        self._read = self._socket.makefile("rb")

    def send(self, *pieces: bytes) -> None:
        """Send the pieces, each in a packet of its own."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            self._socket.sendall(piece)
            if len(pieces) > 1:
                time.sleep(0.002)  # else the system may hand the server two at once; nothing tells that one was read

    def reply(self) -> Reply:
        """Read one answer."""
        status = int(self._read.readline().split()[1])
        headers = {}
        while line := self._read.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name.lower()] = value
        return Reply(status, headers, self._read.read(int(headers.get("content-length", 0))))

    def is_closed(self) -> bool:
        """Wait until the server closes; false when something else comes first."""
        return self._read.read(1) == b""

    def close(self) -> None:
        """Go away."""
        self._read.close()
        self._socket.close()


@contextmanager
def line_to(house: House) -> Iterator[Line]:
    line = Line(house)
    try:
        yield line
    finally:
        line.close()


def posted(path: str, body: object, *headers: str, version: str = "1.1") -> bytes:
    """Return a whole request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/{version}", "Host: ringback", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


@pytest.fixture
def filled(tenant: Tenant) -> Tenant:
    """An app whose agent has three calls."""
    assert tenant.ingest(*(missed(1569911400000 + number) for number in range(3))).json()["new"] == 3
    return tenant


def test_pipelined_requests_are_answered_in_their_order(filled: Tenant) -> None:
    """Pages, a login (through ASGI), deliveries and an unknown route in one packet: each answer in its place."""
    key = f"Authorization: Bearer {filled.secret}"
    asked = [
        (PAGE, filled.asked(page=1, limit=1), ()),
        (LOGIN, {"id": filled.agent_id, "password": "wrong"}, ()),
        (PAGE, filled.asked(page=2, limit=1), ()),
        (TAKE, missed(1569911500000), (key,)),
        (PAGE, filled.asked(page=1, limit=1), ()),
        ("/nowhere", {}, ()),
        (TAKE, missed(1569911500000), (key,)),
        (PAGE, filled.asked(page=4, limit=1), ()),
    ]
    with line_to(filled.house) as line:
        line.send(b"".join(posted(path, body, *headers) for path, body, headers in asked))
        replies = [line.reply() for _ in asked]

    assert [reply.status for reply in replies] == [200, 404, 200, 200, 200, 404, 200, 200]
    times = [[row["time"] for row in reply.json["cdr"]] for reply in replies if "cdr" in reply.json]
    assert times == [[1569911400002], [1569911400001], [1569911500000], [1569911400000]]
    assert [reply.json["count"] for reply in replies if "count" in reply.json] == [3, 3, 4, 4]
    assert [reply.json["duplicate"] for reply in replies if "duplicate" in reply.json] == [0, 1]


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_request_may_come_in_pieces(filled: Tenant, size: int) -> None:
    """However the bytes of two requests are cut, both are answered."""
    whole = posted(PAGE, filled.asked()) + posted(PAGE, filled.asked(limit=1))
    with line_to(filled.house) as line:
        line.send(*(whole[start : start + size] for start in range(0, len(whole), size)))

        assert [len(line.reply().json["cdr"]) for _ in range(2)] == [3, 1]


def test_a_chunked_body_is_read(filled: Tenant) -> None:
    """A body of unknown length (RFC 9112 section 7.1)."""
    body = json.dumps(filled.asked()).encode()
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    with line_to(filled.house) as line:
        line.send(_CHUNKED, chunks, b"0\r\n\r\n")

        assert line.reply().json["count"] == 3


def test_a_client_that_waits_for_a_go_gets_it(filled: Tenant) -> None:
    """`Expect: 100-continue` (RFC 9110 section 10.1.1), as older curl sends it with every larger body."""
    request = posted(PAGE, filled.asked(), "Expect: 100-continue")
    head, _, body = request.partition(b"\r\n\r\n")
    with line_to(filled.house) as line:
        line.send(head + b"\r\n\r\n")
        assert line.reply().status == 100
        line.send(body)

        assert line.reply().json["count"] == 3


def test_a_connection_ends_when_the_client_asks(filled: Tenant) -> None:
    """By its header, or by speaking HTTP/1.0; what it sent after that is not answered."""
    after = posted(PAGE, filled.asked())
    for request in (
        posted(PAGE, filled.asked(), "Connection: close") + after,
        posted(PAGE, filled.asked(), version="1.0"),
        posted(TAKE, missed(1569911400000), f"Authorization: Bearer {filled.secret}", "Connection: close"),
    ):
        with line_to(filled.house) as line:
            line.send(request)
            reply = line.reply()

            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert line.is_closed()


def test_an_answer_has_the_headers_that_asgi_gives_it(filled: Tenant) -> None:
    """The same request by both ways: the same status, headers and body."""
    with line_to(filled.house) as line:
        line.send(posted(PAGE, filled.asked()))
        direct = line.reply()
        head, _, body = posted(PAGE, filled.asked(), "Expect: 100-continue").partition(b"\r\n\r\n")
        line.send(head + b"\r\n\r\n")
        line.reply()
        line.send(body)
        ordinary = line.reply()

    assert direct.headers.pop("date")
    assert ordinary.headers.pop("date")
    assert direct == ordinary


def test_too_large_a_body_is_refused_by_both_ways(filled: Tenant) -> None:
    """Told before (Content-Length) or only seen while it comes (chunks)."""
    chunk = b"%x\r\n%b\r\n" % (30_000, b" " * 30_000)
    with line_to(filled.house) as line:
        line.send(posted(PAGE, b" " * 70_000))
        assert line.reply().status == 413
    with line_to(filled.house) as line:
        line.send(_CHUNKED + chunk * 3)
        assert line.reply().status == 413


@pytest.mark.parametrize("calls", [10, 2000], ids=["direct", "through ASGI"])
def test_deliveries_small_and_large_are_taken(tenant: Tenant, calls: int) -> None:
    """Plain and gzip, below and above the size up to which a body is gathered before its sender is known."""
    records = json.dumps([missed(1569911400000 + number) for number in range(calls)]).encode()
    key = f"authorization: Bearer {tenant.secret}"
    with line_to(tenant.house) as line:
        line.send(posted(TAKE, records, key))
        assert line.reply().json["new"] == calls
        line.send(posted(f"{TAKE}?key={tenant.secret}", gzip.compress(records)))
        assert line.reply().json["duplicate"] == calls
        line.send(posted(TAKE, records, key.replace("rbs", "rbx")))
        assert line.reply().status == 401


def test_what_is_no_post_of_a_direct_route_goes_the_ordinary_way(filled: Tenant) -> None:
    """Another method, another spelling of the path, an absolute target (RFC 9112 section 3.2.2)."""
    body = json.dumps(filled.asked()).encode()
    length = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    with line_to(filled.house) as line:
        for target, status in (
            (b"PUT /v1/agentOutMissed", 405),
            (b"POST /v1/agentOutMissed?from=1", 200),
            (b"POST /v1/agentOut%4Dissed", 200),
            (b"POST http://ringback/v1/agentOutMissed", 200),
            (b"POST /v1/agentOutMissed/", 404),
        ):
            line.send(target + b" HTTP/1.1\r\nHost: r\r\n" + length)
            assert line.reply().status == status, target


def test_a_client_that_goes_while_its_delivery_is_written_hinders_nobody(tenant: Tenant) -> None:
    """The delivery is kept, and the server goes on."""
    for number in range(20):
        with line_to(tenant.house) as line:
            line.send(posted(TAKE, missed(1569911400000 + number), f"Authorization: Bearer {tenant.secret}"))

    wait_for(lambda: tenant.page(limit=1)["count"] == 20)


def test_a_quiet_connection_is_closed_after_its_time(stores: Stores) -> None:
    """Five seconds after the last answer, however many came before it, and not sooner."""
    with served(stores.made()) as house:
        tenant = house.tenant()
        with line_to(house) as line:
            for _ in range(3):
                line.send(posted(PAGE, tenant.asked()))
                line.reply()
                time.sleep(0.4)  # its time is counted from the last answer: from the first it would be over sooner
            asked = time.monotonic()
            line.send(posted(PAGE, tenant.asked()))
            line.reply()

            assert line.is_closed()
            assert 4.5 < time.monotonic() - asked < 8


def test_a_request_half_sent_when_the_server_stops_is_answered(stores: Stores) -> None:
    """Its connection ends with the answer; one that is quiet ends at once."""
    with served(stores.made()) as house:
        tenant = house.tenant()
        with line_to(house) as line, line_to(house) as quiet:
            whole = posted(PAGE, tenant.asked())
            line.send(whole[:-20])
            quiet.send(posted(PAGE, tenant.asked()))
            quiet.reply()  # the half that came before is read by then
            house.stop()
            assert quiet.is_closed()
            line.send(whole[-20:])
            reply = line.reply()

            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert line.is_closed()


OFFERS = {
    "h2c": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAA"),
    "websocket": ("Connection: keep-alive, upgrade", "UPGRADE: websocket"),
}


@pytest.mark.parametrize("size", [7, 10_000])
@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_of_another_protocol_is_passed_over(filled: Tenant, offer: str, size: int) -> None:
    """Java's HttpClient and `curl --http2` make one: their pages, log-ins and deliveries are answered as all others."""
    key = f"Authorization: Bearer {filled.secret}"
    asked = (
        (PAGE, filled.asked()),
        (LOGIN, {"id": filled.agent_id, "password": PASSWORD}),
        (TAKE, missed(1569911500000)),
    )
    whole = b"".join(posted(path, body, key, *OFFERS[offer]) for path, body in asked) + posted(PAGE, filled.asked())
    with line_to(filled.house) as line:
        line.send(*(whole[start : start + size] for start in range(0, len(whole), size)))
        replies = [line.reply() for _ in range(4)]

    assert [reply.status for reply in replies] == [200] * 4
    assert [reply.json["count"] for reply in replies[::3]] == [3, 4]
    assert "token" in replies[1].json
    assert replies[2].json["new"] == 1


def test_an_offer_with_a_body_in_chunks_is_passed_over(filled: Tenant) -> None:
    """The same of a body of unknown length, and of many offers in one packet."""
    body = json.dumps(filled.asked()).encode()
    head = _CHUNKED.replace(b"\r\n\r\n", b"\r\n" + "\r\n".join(OFFERS["h2c"]).encode() + b"\r\n\r\n")
    with line_to(filled.house) as line:
        line.send((head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)) * 100)

        assert {line.reply().json["count"] for _ in range(100)} == {3}
