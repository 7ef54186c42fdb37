"""Requests that two readers may understand differently: each is read in one way only, or refused and cut off."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.attacks.wire import request, send
from tests.outages.sites import Site, site
from tests.web.house import FROM, Tenant, missed

HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/agentOutMissed HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n"
GET = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"

CUT_OFF = {
    "length and chunks": CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "chunks and length": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
    "one length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "lengths in a list": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "a length in hex": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "a space before the colon": POST + b"Content-Length : 3\r\n\r\nabc",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "codings in two headers": CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a control character before the coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded header": POST + b"X: a\r\n b\r\nContent-Length: 3\r\n\r\nabc",
    "lines that end in LF": b"POST /v1/agentOutMissed HTTP/1.1\nHost: x\nContent-Length: 3\n\nabc",
    "a CR within a header": POST + b"X: a\rContent-Length: 0\r\nContent-Length: 3\r\n\r\nabc",
    "a NUL within a header": POST + b"X: a\0b\r\nContent-Length: 3\r\n\r\nabc",
    "a header without a colon": POST + b"Foo\r\n\r\n",
    "a negative chunk": CHUNKED + b"\r\n-1\r\nabc\r\n0\r\n\r\n",
    "a chunk beyond all numbers": CHUNKED + b"\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
    "a chunk in 0x": CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk with a space": CHUNKED + b"\r\n3 \r\nabc\r\n0\r\n\r\n",
    "chunks that end in LF": CHUNKED + b"\r\n3\nabc\n0\n\n",
    "a chunk longer than it says": CHUNKED + b"\r\n2\r\nabc\r\n0\r\n\r\n",
    "a line end in a chunk's extension": CHUNKED + b"\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a NUL within the path": GET % b"/heal\0thz",
    "a path that is no ASCII": GET % b"/heal\xc3\xa9",
    "a path with backslashes": GET % b"\\healthz",
    "a target that is a host": GET % b"evil.example.org:80",
    "a tunnel": b"CONNECT evil.example.org:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown method": b"FOO /healthz HTTP/1.1\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a1"),
}

NO_ROUTE = {
    "a doubled slash": b"//v1/agentOutMissed",
    "an encoded slash": b"/v1%2fagentOutMissed",
    "a doubly encoded slash": b"/v1%252fagentOutMissed",
    "dots": b"/v1/../v1/agentOutMissed",
    "encoded dots": b"/v1/%2e%2e/v1/agentOutMissed",
    "an encoded NUL": b"/v1/agentOutMissed%00",
    "an encoded line end": b"/v1/agentOutMissed%0d%0aX:%20y",
    "a parameter of the path": b"/v1/agentOutMissed;x=y",
    "other letters": b"/V1/agentoutmissed",
    "a route of the inside": b"/ringback.direct",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server."""
    folder: Path = tmp_path_factory.mktemp("smuggling")
    with site(folder, f"sqlite:///{folder}/ringback.db") as served:
        yield served


@pytest.fixture(scope="module")
def tenant(served: Site) -> Tenant:
    """An app with a missed call."""
    tenant = served.house.tenant()
    tenant.ingest(missed(FROM))
    return tenant


@pytest.mark.parametrize("shape", CUT_OFF.values(), ids=CUT_OFF)
def test_what_is_ambiguous_is_refused_and_cut_off(served: Site, shape: bytes) -> None:
    """The one answer is a 400, and what stands behind on the connection is never read as a request."""
    reply = send(served.house.url, shape + HIDDEN)

    assert (reply.statuses, reply.is_closed) == ([400], True)


@pytest.mark.parametrize("path", NO_ROUTE.values(), ids=NO_ROUTE)
def test_a_path_is_what_it_says_or_nothing(served: Site, tenant: Tenant, path: bytes) -> None:
    """No other spelling of a path leads to a route, and the next request of the connection is read as it stands."""
    reply = send(served.house.url, request(path.decode(), tenant.asked()) + HIDDEN, seconds=0.2)

    assert reply.statuses == [404, 200]


def test_pipelined_requests_are_answered_in_their_order(served: Site, tenant: Tenant) -> None:
    """Requests of all ways in one piece, and a byte at a time, get their answers one after the other."""
    requests = [
        (request("/v1/agentOutMissed", tenant.asked()), 200),
        (HIDDEN, 200),
        (request("/v1/agentOutMissed", tenant.asked(token="no-token")), 404),
        (request("/v1/agentLogin", {}), 400),
        (request("/ingest/generic", [], "Authorization: Bearer no-secret"), 401),
        (request("/v1/agentOutMissed", tenant.asked(page=0)), 400),
    ]
    whole, statuses = b"".join(raw for raw, _ in requests), [status for _, status in requests]

    assert send(served.house.url, whole, seconds=0.3).statuses == statuses
    assert send(served.house.url, *(bytes([byte]) for byte in whole), seconds=0.3).statuses == statuses


def test_a_body_is_no_request(served: Site, tenant: Tenant) -> None:
    """What stands in a body, asked for or not, is never read as a request."""
    in_a_get = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    in_a_refused = request("/v1/agentOutMissed", HIDDEN * 5000)

    assert send(served.house.url, in_a_get, seconds=0.2).statuses == [200]
    assert set(send(served.house.url, in_a_refused, seconds=0.2).statuses) == {413}


def test_nothing_is_read_behind_the_last_request(served: Site, tenant: Tenant) -> None:
    """A client that said it closes is closed on: what it sends behind is not answered."""
    last = request("/v1/agentOutMissed", tenant.asked(), "Connection: close")

    reply = send(served.house.url, last + HIDDEN)
    assert (reply.statuses, reply.is_closed) == ([200], True)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 2_000_000,
        POST + b"X: " + b"a" * 2_000_000,
        POST + b"X: a\r\n" * 300_000,
        POST + b"a" * 2_000_000 + b": x",
    ],
    ids=["path", "header", "headers", "name"],
)
def test_a_head_without_end_is_cut_off(served: Site, head: bytes) -> None:
    """A request's line and headers have a bound; who goes on is told and cut off."""
    reply = send(served.house.url, head)

    assert reply.is_closed
    assert reply.statuses in ([431], [])  # who sends on while it is closed may lose the answer


def test_hosts_and_forwarded_names_change_nothing(served: Site, tenant: Tenant) -> None:
    """Whatever a request says of hosts, in its target too, the answer is that of a plain one and names none."""
    plain = tenant.house.http.post("/v1/agentOutMissed", json=tenant.asked()).content
    names = ("Host: evil.example.org", "X-Forwarded-Host: evil.example.org", "X-Original-URL: /healthz", "Host: x\ty")
    for path in ("/v1/agentOutMissed", "http://evil.example.org/v1/agentOutMissed", "/v1/agentOutMissed#evil"):
        reply = send(served.house.url, request(path, tenant.asked(), *names), seconds=0.2)
        assert (reply.statuses, reply.raw.partition(b"\r\n\r\n")[2]) == ([200], plain)

    home = send(served.house.url, b"GET / HTTP/1.1\r\nHost: evil.example.org\r\n\r\n", seconds=0.2)
    assert b"evil" not in home.raw
    assert home.statuses == [200]


def test_the_secret_that_comes_first_counts(served: Site, tenant: Tenant) -> None:
    """Of two Authorization headers the first counts, everywhere: what a proxy put behind it opens nothing."""
    wrong, right = "Authorization: Bearer no-secret", f"Authorization: Bearer {tenant.secret}"
    for headers, statuses in (((wrong, right), [401]), ((right, wrong), [200])):
        raw = request("/ingest/generic", json.dumps([missed(FROM)]).encode(), *headers)
        assert send(served.house.url, raw, seconds=0.2).statuses == statuses


def test_nonsense_does_not_fill_the_log(served: Site) -> None:
    """Many broken requests are a few lines of the log."""
    before = len(served.server.said)
    for _ in range(200):
        send(served.house.url, b"no request\r\n\r\n" * 5)

    assert len(served.server.said) - before < 20
