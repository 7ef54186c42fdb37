"""The database stands still for ten seconds while all connections to it stay up: nobody waits beyond the bound."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import NamedTuple

import httpx
import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.load import Load, load
from tests.outages.sites import Site, kept, site
from tests.telephony.examples import a_leg
from tests.web.house import FROM, Tenant, missed, wait_for
from tests.web.processes import ringback

from ringback.errors import StoreUnavailable
from ringback.storage import open_store
from ringback.storage.postgresql.connections import Connections, Place
from ringback.storage.records import Range
from ringback.telephony.call import ListKey, ListKind, call_ref

PAUSE_SECONDS = 10.5
BOUND_SECONDS = {"/v1/agentOutMissed": 5.0, "/readyz": 10.0, "/ingest/generic": 15.0, "/healthz": 0.0}
SLACK_SECONDS = 3.0  # what a busy machine adds
_POOL_SIZE = 10
_ASKED = 15


class Ended(NamedTuple):
    """How a server ended that was told to while the database stood still, and how its last delivery was answered."""

    status: int
    seconds: float
    last: httpx.Response


class LeftOver(NamedTuple):
    """How many of the things asked of a store failed as they should, and how many tasks of theirs went on."""

    refused: int
    tasks: int


class Asked(NamedTuple):
    """What became of things asked of a store, and how long a transaction took that might take a second."""

    left_over: LeftOver
    transaction_seconds: float


class Pause(NamedTuple):
    """What became of everything that met a pause."""

    served: Site
    tenant: Tenant
    work: Load
    began: float
    over: float
    new_files: int
    ended: Ended
    newcomer: subprocess.CompletedProcess[bytes]
    asked: Asked


class Moments(NamedTuple):
    """What others wait for."""

    ready: Event
    paused: Event
    over: Event


@pytest.fixture(scope="module")
def pause(server: PostgreSql, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pause]:
    """Pause the database once, with a server under load, one that is ended meanwhile, and one that is started."""
    store, folder = server.new_database(), tmp_path_factory.mktemp("pause")
    moments = Moments(Event(), Event(), Event())
    with site(folder, store) as served, site(folder, store) as other, ThreadPoolExecutor(8) as threads:
        tenant = served.house.tenant()
        asked = threads.submit(asyncio.run, ask_in_vain(store, tenant.app_id, moments))
        moments.ready.wait()
        with load(tenant) as work:
            work.wait_for_more(30)
            files = served.open_files()
            server.pause()
            began = time.monotonic()
            moments.paused.set()
            ended = threads.submit(end, other, tenant._replace(house=other.house), threads)
            newcomer = threads.submit(ringback, folder, "app", "list", RINGBACK_STORE=store)
            time.sleep(began + PAUSE_SECONDS - time.monotonic())
            server.resume()
            over = time.monotonic()
            moments.over.set()
            wait_for(lambda: work.of("/readyz")[-1].status == 200)
            work.wait_for_more(30)
            files = served.open_files() - files
        met = (ended.result(), newcomer.result(), asked.result())
        yield Pause(served, tenant, work, began, over, files, *met)


def end(served: Site, tenant: Tenant, threads: ThreadPoolExecutor) -> Ended:
    """End a server that has a delivery in hand."""
    last = threads.submit(tenant.ingest, missed(FROM, "105"))
    time.sleep(0.5)
    began = time.monotonic()
    status = served.server.stop()
    return Ended(status, time.monotonic() - began, last.result())


async def ask_in_vain(url: str, app_id: int, moments: Moments) -> Asked:
    """Ask a store for pages and have it take in calls while the database stands still."""
    store, connections = await open_store(url), await Connections.open(Place.of(url))
    key = ListKey("103", ListKind.OUT_MISSED)
    try:
        await asyncio.gather(*(store.page(app_id, key, Range()) for _ in range(_ASKED)))
        await connections.fetch("SELECT 1")
        moments.ready.set()
        await asyncio.to_thread(moments.paused.wait)
        seconds = await _seconds_of_transaction(connections)
        asked = [store.page(app_id, key, Range()) for _ in range(_ASKED)]
        by_token = [store.page_of_token(app_id, b"digest", 0, key.kind, Range()) for _ in range(_ASKED)]
        taken = [store.take_in(app_id, [a_leg(f"in-vain-{number}", extension="106")]) for number in range(_ASKED)]
        outcomes = await asyncio.gather(*asked, *by_token, *taken, return_exceptions=True)
        await asyncio.to_thread(moments.over.wait)
        await asyncio.sleep(2)
        refused = sum(isinstance(one, StoreUnavailable) for one in outcomes)
        return Asked(LeftOver(refused, len(asyncio.all_tasks()) - 1), seconds)
    finally:
        await store.close()
        await connections.close()


async def _seconds_of_transaction(connections: Connections) -> float:
    began = time.monotonic()
    with suppress(StoreUnavailable):
        await connections.write(lambda connection: connection.execute("SELECT 1"), seconds=1.0)
    return time.monotonic() - began


# --- what holds ----------------------------------------------------------------------------------------------------


def test_every_request_is_answered_within_its_bound(pause: Pause) -> None:
    """Pages take 5 s at the most, deliveries 15 s, and each answer is 200 or 503 with Retry-After."""
    assert pause.work.wrong(seconds=15.0 + SLACK_SECONDS) == []
    for path, seconds in BOUND_SECONDS.items():
        assert max(asked.seconds for asked in pause.work.of(path)) < seconds + SLACK_SECONDS


def test_what_came_during_the_pause_was_sent_away(pause: Pause) -> None:
    """Requests that met the pause are 503, /readyz too; /healthz is 200 all the time."""
    for path in ("/v1/agentOutMissed", "/ingest/generic", "/readyz"):
        met = [asked for asked in pause.work.of(path) if asked.at - asked.seconds < pause.over - 5 < asked.at]
        assert {asked.status for asked in met if asked.at < pause.over} <= {503}
        assert any(asked.status == 503 for asked in pause.work.of(path))
    assert {asked.status for asked in pause.work.of("/healthz")} == {200}


def test_all_goes_on_a_second_or_two_after_the_pause(pause: Pause) -> None:
    """Nobody has to restart anything."""
    for path in ("/v1/agentOutMissed", "/ingest/generic", "/readyz"):
        assert pause.work.succeeded_after(pause.over, path) < SLACK_SECONDS


def test_what_was_acknowledged_is_there_once(pause: Pause) -> None:
    """Each call that was acknowledged is listed once, and nothing in the store is wrong."""
    found = kept(pause.served.house.store, pause.tenant.app_id)
    acknowledged = {call_ref(pause.tenant.app_id, key) for key in pause.work.acknowledged}

    assert found.faults == []
    assert len(found.listed) == len(set(found.listed))
    assert acknowledged <= set(found.listed)


def test_a_pause_is_no_fault_of_ours(pause: Pause) -> None:
    """Nothing is logged as a fault of the server's own."""
    assert not any("Traceback" in line for line in pause.served.server.said)


def test_a_pause_leaves_no_connection_behind(server: PostgreSql, pause: Pause) -> None:
    """The server has no more connections than its pool, and the database no more sessions of it."""
    sessions = "SELECT count(*) <= $1 FROM pg_stat_activity WHERE application_name = 'ringback'"
    wait_for(lambda: server.ask(sessions, _POOL_SIZE) == [(True,)])

    assert pause.new_files <= _POOL_SIZE


def test_a_pause_leaves_no_task_behind(pause: Pause) -> None:
    """Everything asked of a store meanwhile failed as unavailable, and nothing of it goes on."""
    assert pause.asked.left_over == LeftOver(refused=3 * _ASKED, tasks=0)


def test_a_transaction_is_cut_off_when_its_time_is_over(pause: Pause) -> None:
    """It does not wait for the database to take it back, nor to say that it has stopped."""
    assert pause.asked.transaction_seconds < 1.0 + SLACK_SECONDS


def test_a_server_ends_while_the_database_stands_still(pause: Pause) -> None:
    """Told to end with a delivery in hand, it answers that with 503, and ends in time with status 0."""
    assert pause.ended.last.status_code == 503
    assert pause.ended.status == 0
    assert pause.ended.seconds < 20.0


def test_a_command_started_meanwhile_says_so(pause: Pause) -> None:
    """It does not wait, and says in one line that the database does not answer."""
    assert pause.newcomer.returncode == 1
    assert pause.newcomer.stderr.count(b"\n") == 1
    assert b"does not answer in time" in pause.newcomer.stderr
