"""Live: what changes shows on every open page within two seconds, whoever took it in; and what that costs to stop."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.outages.sites import site
from tests.page.days import at, now_ms
from tests.page.desk import Browsers, Desk
from tests.page.sessions import signed_in
from tests.stores import Stores
from tests.switches.programs import free_port
from tests.web.house import Tenant, missed, served, wait_for, with_store
from tests.web.processes import ringback

SOON_SECONDS = 2.0


def test_a_missed_call_shows_on_every_open_page(browsers: Browsers, tenant: Tenant) -> None:
    """Two windows and another agent's: the call is in the two within two seconds, and told to who does not see."""
    with ExitStack() as stack:
        desks = [stack.enter_context(browsers.desk(tenant.house.url)) for _ in range(2)]
        for desk in desks:
            desk.open_as(tenant)
            desk.reads("#live", "Live")
        tenant.ingest(missed(now_ms()))
        begun = time.monotonic()
        for desk in desks:
            desk.counts(".row", 1)
            desk.reads("#title", "1 call nobody picked up")
        assert time.monotonic() - begun < SOON_SECONDS


def test_a_call_that_was_answered_after_all_leaves(signed: Desk, tenant: Tenant) -> None:
    """A late answered leg takes the call off the page."""
    tenant.ingest(missed(at(1), call_key="one"), missed(at(1, 11), call_key="two"))
    signed.counts(".row", 2)

    tenant.ingest(missed(at(1), call_key="one", source_record_id="b", disposition="answered"))
    signed.counts(".row", 1)
    signed.counts(".bars rect.answered title", 7)


def test_what_is_taken_in_elsewhere_shows_too(signed: Desk, tenant: Tenant, tmp_path: Path) -> None:
    """A call that another process imports into the store shows as if it had been delivered here."""
    signed.reads("#live", "Live")
    record = json.dumps(missed(now_ms())).encode()
    words = ("import", "generic", "-", "--app", str(tenant.app_id), "--store", tenant.house.store)
    assert ringback(tmp_path, *words, stdin=record).returncode == 0
    begun = time.monotonic()

    signed.counts(".row", 1)
    assert time.monotonic() - begun < SOON_SECONDS


def test_all_workers_tell_their_pages(stores: Stores, tmp_path: Path) -> None:
    """With several workers, pages held by each of them hear of a call that any of them took in."""
    with site(tmp_path, stores.made(), workers=2) as served_site, ExitStack() as stack:
        tenant = served_site.house.tenant()
        streams = [stack.enter_context(events(tenant)) for _ in range(8)]
        seen = [next(stream) for stream in streams]
        tenant.ingest(missed(now_ms()))
        begun = time.monotonic()

        news = [next(stream) for stream in streams]
        assert time.monotonic() - begun < SOON_SECONDS
        assert len(set(seen)) == len(set(news)) == 1
        assert seen[0] != news[0]


def test_a_page_finds_the_server_again(browsers: Browsers, stores: Stores, tmp_path: Path) -> None:
    """While the server is away the page says so; when it is back the page hears of what came meanwhile, by itself."""
    store, port = stores.made(), free_port()
    with browsers.desk(f"http://127.0.0.1:{port}") as desk:
        with site(tmp_path, store, port=port) as one:
            tenant = one.house.tenant()
            desk.open_as(tenant)
            desk.reads("#live", "Live")
        desk.reads("#live", "Reconnecting")
        with site(tmp_path, store, port=port) as other:
            tenant._replace(house=other.house).ingest(missed(now_ms()))
            desk.counts(".row", 1)
            desk.reads("#live", "Live")


def test_what_was_asked_while_the_server_was_away_comes(browsers: Browsers, stores: Stores, tmp_path: Path) -> None:
    """A view that could not be read is there soon after the server is, though nothing has changed in it."""
    store, port = stores.made(), free_port()
    with browsers.desk(f"http://127.0.0.1:{port}") as desk:
        with site(tmp_path, store, port=port) as one:
            tenant = one.house.tenant()
            tenant.ingest(missed(now_ms()))
            desk.open_as(tenant)
            desk.counts(".row", 1)
        desk.press("7 days")
        desk.reads("#said", "cannot be reached")
        with site(tmp_path, store, port=port):
            desk.counts(".row", 1)
            desk.misses("#said")


@pytest.mark.one_store
def test_an_ended_session_ends_its_pages(signed: Desk, tenant: Tenant) -> None:
    """A page that nobody touches notices at its next sign of life that its session has ended."""
    signed.reads("#live", "Live")
    with_store(tenant.house.store, lambda store: store.delete_tokens(tenant.app_id, "103"))

    signed.reads("#sign-in-said", "Your session has ended")


@pytest.mark.one_store
def test_a_quiet_page_is_no_slow_client(stores: Stores) -> None:
    """A page to which nothing happens for longer than a client may be silent still hears of a call."""
    with served(stores.made(), client_timeout=1) as house:
        tenant = house.tenant()
        with events(tenant) as stream:
            next(stream)
            time.sleep(3.5)
            tenant.ingest(missed(now_ms()))
            assert next(stream)


@pytest.mark.one_store
@pytest.mark.parametrize("is_logged", [False, True])
def test_open_pages_do_not_keep_a_server_from_stopping(stores: Stores, is_logged: bool) -> None:
    """A server that is asked to stop does so at once, with pages open, whether it logs requests or not."""
    with served(stores.made(), access_log=is_logged) as house, ExitStack() as stack:
        tenant = house.tenant()
        streams = [stack.enter_context(events(tenant)) for _ in range(3)]
        for stream in streams:
            next(stream)
        begun = time.monotonic()
        house.stop()
        wait_for(lambda: not is_there(house.url))
        for stream in streams:
            assert list(stream) == []
        assert time.monotonic() - begun < 5


@contextmanager
def events(tenant: Tenant) -> Iterator[Iterator[str]]:
    """Run with the events that a page would hear: each change's data."""
    with signed_in(tenant) as client, client.stream("GET", "/page/live") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        yield changes(answer)


def changes(answer: httpx.Response) -> Iterator[str]:
    """Yield the data of change events until the stream ends, or breaks off."""
    try:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                yield line
    except httpx.RemoteProtocolError:
        return


def is_there(url: str) -> bool:
    """Tell whether anything listens there."""
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False
