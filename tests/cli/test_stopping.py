"""Stopping and losing processes of a server that is at work: nothing acknowledged is lost, nothing half answered."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from pathlib import Path
from threading import Thread
from time import monotonic

import httpx
import pytest
from tests.switches.programs import free_port
from tests.web.house import DEADLINE_SECONDS, FROM, SEED_APP, House, Tenant, client_of, missed, wait_for, with_store
from tests.web.processes import Server, running

from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.telephony.call import ListKey, ListKind

STOP_SECONDS = 8  # less than what requests that never end are given
CLIENTS = 4


class Client(Thread):
    """Delivers a call and reads a page, again and again on one connection, until the server has gone."""

    def __init__(self, url: httpx.URL, tenant: Tenant, number: int, *, comes_again: bool) -> None:
        super().__init__()
        self._url, self._tenant, self._comes_again = url, tenant, comes_again
        self._next_ms = FROM + number * 1_000_000
        self.acknowledged: list[int] = []
        self.half: list[str] = []
        self.is_over = False

    def run(self) -> None:
        """Ask until the server has gone; with `comes_again`, on another connection until told to stop."""
        while not self.is_over:
            try:
                self._ask_on_one_connection()
            except (ConnectionError, RemoteDisconnected):  # not answered at all: it would be sent again
                if not self._comes_again:
                    return
            except (HTTPException, OSError, ValueError) as error:
                self.half.append(repr(error))
                return

    def _ask_on_one_connection(self) -> None:
        connection = HTTPConnection(self._url.host, self._url.port, timeout=DEADLINE_SECONDS)
        try:
            while not self.is_over:
                self._next_ms += 1
                body = json.dumps([missed(self._next_ms)])
                connection.request("POST", f"/ingest/generic?key={self._tenant.secret}", body)
                answer = connection.getresponse()
                if json.loads(answer.read())["read"] == 1 and answer.status == 200:
                    self.acknowledged.append(self._next_ms)
                connection.request("POST", "/v1/agentOutMissed", json.dumps(self._tenant.asked(limit=100)))
                page = json.loads(connection.getresponse().read())
                if page["count"] < len(self.acknowledged):
                    self.half.append(f"{page['count']} calls where {len(self.acknowledged)} were acknowledged")
        finally:
            connection.close()


@contextmanager
def at_work(server: Server, store: str, *, comes_again: bool = False) -> Iterator[list[Client]]:
    """Run while clients are at work; what they were acknowledged is in the store then, and no answer was half."""
    with client_of(server.url) as http:
        tenant = House(store, http).tenant(SEED_APP)
        clients = [Client(http.base_url, tenant, number, comes_again=comes_again) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            wait_for(lambda: all(len(client.acknowledged) > 5 for client in clients))
            yield clients
        finally:
            for client in clients:
                client.is_over = comes_again
            for client in clients:
                client.join(DEADLINE_SECONDS)
    assert [client.half for client in clients] == [[]] * CLIENTS
    assert not any(client.is_alive() for client in clients)
    kept = with_store(store, starts)
    assert {ms for client in clients for ms in client.acknowledged} <= kept
    assert with_store(store, lambda store: store.check()).ok


async def starts(store: Store) -> set[int]:
    """Return when the agent's calls started."""
    key = ListKey("103", ListKind.OUT_MISSED)
    return {call.started_ms async for call in store.walk(SEED_APP, key, Range())}


def words(store: str, workers: int) -> list[str]:
    """Return how such a server is started."""
    port = str(free_port())
    return ["serve", "--store", store, "--port", port, "--workers", str(workers)]


def all_started(server: Server, workers: int) -> bool:
    """Tell whether so many workers have ever started."""
    return sum("event='started'" in line for line in server.said) >= workers


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_at_work_stops_without_losing_or_halving_anything(
    tmp_path: Path, store_url: str, workers: int
) -> None:
    """Under deliveries and pages SIGTERM ends it soon and well, with every answer whole and kept."""
    with running(tmp_path, *words(store_url, workers)) as server:
        wait_for(lambda: all_started(server, workers))
        with at_work(server, store_url):
            asked = monotonic()
            status = server.stop()
            took = monotonic() - asked

    assert status == 0
    assert took < STOP_SECONDS
    assert not [line for line in server.said if "Traceback" in line or "Cancel" in line]
    assert sum("event='stopped'" in line for line in server.said) == workers


def test_a_worker_that_is_killed_is_replaced_and_nothing_acknowledged_is_lost(tmp_path: Path, store_url: str) -> None:
    """With one of two workers killed (-9) at work the other goes on, a third one starts, and all is kept."""
    with running(tmp_path, *words(store_url, 2)) as server:
        wait_for(lambda: all_started(server, 2))
        with at_work(server, store_url, comes_again=True) as clients:
            before = server.workers()
            os.kill(before[0], signal.SIGKILL)
            wait_for(lambda: all_started(server, 3))
            counts = [len(client.acknowledged) for client in clients]
            wait_for(lambda: all(len(c.acknowledged) > n + 5 for c, n in zip(clients, counts, strict=True)))

            assert before[1] in server.workers()
            assert len(server.workers()) == 2
        assert server.stop() == 0
    assert [line for line in server.said if "worker replaced" in line]


def test_a_worker_killed_while_the_store_is_away_is_replaced_when_it_is_back(tmp_path: Path) -> None:
    """A replacement that cannot open the store is tried again, and the other worker stays all the time."""
    path = tmp_path / "a.db"
    with running(tmp_path, *words(f"sqlite:///{path}", 2)) as server:
        wait_for(lambda: all_started(server, 2))
        killed, stays = server.workers()
        away = path.rename(tmp_path / "away")
        path.mkdir()
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: sum("worker replaced" in line for line in server.said) >= 2)
        assert stays in server.workers()
        path.rmdir()
        away.rename(path)
        wait_for(lambda: all_started(server, 3))

        assert server.stop() == 0


def test_workers_whose_parent_was_killed_stop_by_themselves(tmp_path: Path) -> None:
    """Nobody else would ever stop them, and they would keep the port from the next server."""
    store = f"sqlite:///{tmp_path}/a.db"
    with running(tmp_path, *words(store, 2)) as server:
        wait_for(lambda: all_started(server, 2))
        workers = server.workers()
        server.process.kill()
        wait_for(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))

    assert sum("event='stopped'" in line for line in server.said) == 2


def test_a_slow_answer_is_whole_when_the_server_stops_meanwhile(tmp_path: Path) -> None:
    """A client that has read only the beginning of a large page when SIGTERM comes gets all of it."""
    store = f"sqlite:///{tmp_path}/a.db"
    with running(tmp_path, *words(store, 1), "--max-limit", "20000") as server:
        with client_of(server.url) as http:
            tenant = House(store, http).tenant(SEED_APP)
            assert tenant.ingest(*(missed(FROM + n, name="n" * 200) for n in range(20_000))).json()["new"] == 20_000
        body = json.dumps(tenant.asked(limit=20_000)).encode()
        head = b"POST /v1/agentOutMissed HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            url = httpx.URL(server.url)
            slow.connect((url.host, url.port or 0))
            slow.sendall(head + body)
            answer = slow.recv(1000)
            server.process.send_signal(signal.SIGTERM)
            while piece := slow.recv(1_000_000):
                answer += piece
        assert server.process.wait(DEADLINE_SECONDS) == 0

    head, _, page = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert len(json.loads(page)["cdr"]) == 20_000
