"""Clients that are slow on purpose, silent, or many: they are cut off in time, and hold up nobody meanwhile."""

import asyncio
import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import pytest
from tests.attacks.wire import connect, received, request
from tests.outages.sites import Site, site
from tests.web.house import FROM, Tenant, missed, wait_for

POST = b"POST /v1/agentOutMissed HTTP/1.1\r\nHost: x\r\n"
CUT_SECONDS = 8.0  # a timeout of one second, a look each second, and a busy machine


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Site]:
    """Run with a server of a store in this folder."""
    with site(folder, f"sqlite:///{folder}/ringback.db", *words) as served:
        yield served


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that waits for a second."""
    with serving(tmp_path_factory.mktemp("slow"), "--client-timeout", "1") as served:
        yield served


@pytest.fixture(scope="module")
def tenant(impatient: Site) -> Tenant:
    """An app with a thousand missed calls."""
    tenant = impatient.house.tenant()
    tenant.ingest(*(missed(FROM + number, name="x" * 100) for number in range(1000)))
    return tenant


def page_seconds(tenant: Tenant) -> float:
    """Return how long a page takes."""
    started = time.monotonic()
    assert tenant.page()["code"] == 200
    return time.monotonic() - started


async def drip(site: Site, first: bytes, piece: bytes) -> tuple[float, bytes]:
    """Send a beginning and then a piece five times a second, until cut off; return when that was, and what came."""
    url, started = site.house.http.base_url, time.monotonic()
    reader, writer = await asyncio.open_connection(url.host, url.port)
    coming = asyncio.create_task(reader.read())
    writer.write(first)
    while not coming.done() and time.monotonic() - started < 2 * CUT_SECONDS:
        writer.write(piece)
        await asyncio.wait([coming], timeout=0.2)
    writer.close()
    try:
        return time.monotonic() - started, await coming
    except ConnectionError:
        return time.monotonic() - started, b""


def test_whoever_drips_is_cut_off_and_holds_up_nobody(impatient: Site, tenant: Tenant) -> None:
    """Heads, bodies and chunks a byte at a time, silence and empty lines end in time; pages are quick all the while."""
    secret = f"Authorization: Bearer {tenant.secret}\r\n".encode()
    shapes = {
        "a head": (POST, b"X"),
        "headers": (POST, b"X: y\r\n"),
        "a path": (b"GET /", b"a"),
        "a body": (POST + b"Content-Length: 60000\r\n\r\n", b" "),
        "a body after 100 Continue": (POST + b"Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n", b" "),
        "a body in chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        "a chunk's extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
        "a delivery": (b"POST /ingest/generic HTTP/1.1\r\n" + secret + b"Content-Length: 90000\r\n\r\n", b" "),
        "a body nobody wants": (b"POST /ingest/generic HTTP/1.1\r\nContent-Length: 90000\r\n\r\n", b" "),
        "a body too large": (POST + b"Content-Length: 900000000\r\n\r\n", b" "),
        "empty lines": (b"", b"\r\n"),
        "empty lines behind an answer": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n"),
        "nothing": (b"", b""),
    }

    async def all_at_once() -> tuple[list[tuple[float, bytes]], list[float]]:
        drips = [asyncio.create_task(drip(impatient, *shape)) for shape in shapes.values()]
        pages = [await asyncio.to_thread(page_seconds, tenant) for _ in range(50)]
        return await asyncio.gather(*drips), pages

    ends, pages = asyncio.run(all_at_once())

    assert {name: end[0] for name, end in zip(shapes, ends, strict=True) if end[0] > CUT_SECONDS} == {}
    told = {name: end[1] for name, end in zip(shapes, ends, strict=True)}
    assert all(told[name].startswith(b"HTTP/1.1 408 ") for name in ("a head", "headers", "a path", "a body"))
    assert told["nothing"] == b""
    assert median(pages) < 0.25


@pytest.mark.long
def test_whoever_does_not_take_answers_is_cut_off(impatient: Site, tenant: Tenant) -> None:
    """A client that asks for much and reads nothing keeps neither the connection nor the answers in memory."""
    asked = request("/v1/agentOutMissed", tenant.asked(limit=20))
    before = impatient.open_files()
    with connect(impatient.house.url, seconds=0.5) as client:
        wait_for(lambda: impatient.open_files() > before)
        try:
            for _ in range(100):
                client.sendall(asked * 50)
        except (TimeoutError, ConnectionError):
            pass  # its own buffer is full too, as nobody reads
        wait_for(lambda: impatient.open_files() <= before)


@pytest.mark.long
def test_a_slow_delivery_that_goes_on_is_taken(impatient: Site, tenant: Tenant) -> None:
    """A large body over a slow line has time for its size: it is slow clients that are cut off, not large bodies."""
    body = b" " * 150_000 + b"[]"
    raw = request("/ingest/generic", body, f"Authorization: Bearer {tenant.secret}", "Connection: close")
    with connect(impatient.house.url) as client:
        for start in range(0, len(raw), 5000):
            client.sendall(raw[start : start + 5000])
            time.sleep(0.1)  # this is the slow line: its time is what is tested
        assert received(client).statuses == [400]  # it holds no record


def memory_kib(site: Site) -> int:
    """Return the server's resident memory."""
    status = Path(f"/proc/{site.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@contextmanager
def many_files() -> Iterator[None]:
    """Run with as many open files as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_five_thousand_silent_connections_hold_up_nobody(tmp_path: Path) -> None:
    """With 5,000 connections open, silent or amid a head, others are served as quickly, in little more memory."""
    with many_files(), serving(tmp_path, "--max-connections", "15000") as served, ExitStack() as crowd:
        tenant = served.house.tenant()
        tenant.ingest(missed(FROM))
        alone, before = median(page_seconds(tenant) for _ in range(50)), memory_kib(served)
        for number in range(5000):
            client = crowd.enter_context(connect(served.house.url))
            if number % 2:
                client.sendall(POST)
        wait_for(lambda: served.open_files() > 5000)
        crowded, after = median(page_seconds(tenant) for _ in range(50)), memory_kib(served)

    each_kib = (after - before) / 5000
    print(f"a page alone {alone * 1000:.1f} ms, in the crowd {crowded * 1000:.1f} ms; {each_kib:.1f} KiB each")  # noqa: T201
    assert crowded < max(10 * alone, 0.05)
    assert each_kib < 24


@pytest.mark.long
def test_a_full_server_makes_room(tmp_path: Path) -> None:
    """Connections beyond the most are closed at once; silent ones go early while more than half are taken."""
    with serving(tmp_path, "--max-connections", "40", "--client-timeout", "600") as served, ExitStack() as crowd:
        alone = served.open_files()
        clients = [crowd.enter_context(connect(served.house.url, seconds=0.2)) for _ in range(60)]
        assert received(clients[-1]).is_closed

        started = time.monotonic()
        wait_for(lambda: served.open_files() <= alone + 20)
        assert served.status("/healthz") == 200
        assert time.monotonic() - started < CUT_SECONDS
