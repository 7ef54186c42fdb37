"""Servers and databases killed (-9) under load, started again, and sent again what was not acknowledged."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import asyncpg
import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.sites import Site, site
from tests.stores import PostgresqlStores, SqliteStores, Stores
from tests.web.house import wait_for, with_store

from ringback import agents
from torture.deliveries import APP, Deliveries
from torture.findings import Finding, Say, finding
from torture.senders import Senders
from torture.truth import differences, lost

_LONGEST_SECONDS = 0.6  # of load before a kill


def kill_servers(kind: str, workers: int, rounds: int, seed: int, say: Say) -> Iterator[Finding]:
    """Kill a server of one or several processes at random moments, so many times."""
    with stores_of(kind, say) as stores:
        if stores is None:
            return
        with finding("killed servers", f"{kind}, {_processes(workers)}", "rounds", seed, say) as found:
            kill_rounds(stores, workers, rounds, seed, found)
        yield found


def kill_databases(rounds: int, seed: int, say: Say) -> Iterator[Finding]:
    """Kill PostgreSQL, whole or one session's process, under a server that goes on."""
    with stores_of("postgresql", say) as stores:
        if not isinstance(stores, PostgresqlStores):
            return
        with finding("killed databases", "postgresql, 2 processes", "rounds", seed, say) as found:
            _database_rounds(stores, rounds, seed, found)
        yield found


@contextmanager
def stores_of(kind: str, say: Say) -> Iterator[Stores | None]:
    """Run with stores of a kind; with none, and a word, where its database is not installed."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="ringback-torture-") as folder:
            yield SqliteStores(Path(folder))
        return
    try:
        server = PostgreSql(settings={"max_connections": 100})
    except pytest.skip.Exception as missing:
        say(f"PostgreSQL is left out: {missing}")
        yield None
        return
    with server:
        yield PostgresqlStores(server)


def kill_rounds(stores: Stores, workers: int, rounds: int, seed: int, found: Finding) -> None:
    """Do so many rounds on one store, and judge it at the end."""
    _Kills(stores, workers, seed, found).run(rounds)


class _Kills:
    def __init__(self, stores: Stores, workers: int, seed: int, found: Finding) -> None:
        self._url = stores.made()
        self._workers, self._found = workers, found
        self._chance = Random(seed)
        self._senders = new_senders(self._url, seed)

    def run(self, rounds: int) -> None:
        with tempfile.TemporaryDirectory(prefix="ringback-torture-") as folder:
            for _ in range(rounds):
                self._round(Path(folder))
                self._found.tried += 1
                if self._found.faults:
                    return
            with site(Path(folder), self._url, workers=self._workers) as served:
                send_the_rest(self._senders, served.house.url, self._found)
        judge(self._url, self._senders, self._found)

    def _round(self, folder: Path) -> None:
        before = len(self._senders.acknowledged)
        with site(folder, self._url, workers=self._workers) as served:
            self._senders.begin(served.house.url)
            time.sleep(self._chance.uniform(0.01, _LONGEST_SECONDS))
            if self._workers > 1 and self._chance.random() < 0.5:
                os.kill(self._chance.choice(workers_of(served.pid)), signal.SIGKILL)
                time.sleep(self._chance.uniform(0.01, _LONGEST_SECONDS))
            os.killpg(served.pid, signal.SIGKILL)
            self._senders.end()
            self._note_tracebacks(served)
        fresh = [leg for delivery in self._senders.acknowledged[before:] for leg in delivery.legs]
        for fault in lost(self._url, fresh):
            self._found.fault(f"round {self._found.tried}: {fault}")

    def _note_tracebacks(self, served: Site) -> None:
        for line in served.server.said:
            if "fault" in line and "Traceback" in line:
                self._found.fault(line)


def _database_rounds(stores: PostgresqlStores, rounds: int, seed: int, found: Finding) -> None:
    url, chance = stores.made(), Random(seed)
    server = stores.server
    senders = new_senders(url, seed)
    with (
        tempfile.TemporaryDirectory(prefix="ringback-torture-") as folder,
        site(Path(folder), url, workers=2) as served,
    ):
        senders.begin(served.house.url)
        for _ in range(rounds):
            time.sleep(chance.uniform(0.05, _LONGEST_SECONDS))
            how = chance.choice(("kill", "stop_at_once", "session"))
            if how == "session":
                _kill_a_session(server, chance)
            else:
                getattr(server, how)()
                time.sleep(chance.uniform(0, 0.2))
                server.start()
            found.tried += 1
            served.wait_until_ready()
        send_the_rest(senders, served.house.url, found)
    judge(url, senders, found)


def _kill_a_session(server: PostgreSql, chance: Random) -> None:
    """Kill the process of one of our sessions: PostgreSQL then ends all others too, and recovers by itself."""
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name = 'ringback'"
    pids: list[int] = wait_for(lambda: _column(server, ours))
    os.kill(chance.choice(sorted(pids)), signal.SIGKILL)


def _column(server: PostgreSql, statement: str) -> list[int]:
    """Ask for numbers; there are none while it recovers from the session that was killed before."""
    try:
        return [number for (number,) in server.ask(statement)]
    except (asyncpg.PostgresError, OSError):
        return []


# --- the steps they share ------------------------------------------------------------------------------------------


def new_senders(url: str, seed: int) -> Senders:
    """Return senders for a fresh app of this store."""
    secret = with_store(url, lambda store: agents.add_app(store, APP))
    return Senders(Deliveries(seed), secret)


def send_the_rest(senders: Senders, url: str, found: Finding) -> None:
    """Send what was not acknowledged until it is."""
    senders.end()
    senders.begin(url, new=False)
    senders.join()
    if senders.waiting:
        found.fault(f"{senders.waiting} deliveries were never acknowledged")


def judge(url: str, senders: Senders, found: Finding) -> None:
    """Compare the store with the naive model of all that was acknowledged, which is all that was sent."""
    legs = [leg for delivery in senders.acknowledged for leg in delivery.legs]
    found.acknowledged = len(legs)
    for fault in (*senders.odd, *differences(url, legs)):
        found.fault(fault)
    if len(senders.acknowledged) != senders.sent:
        found.fault(f"{senders.sent} deliveries sent, {len(senders.acknowledged)} acknowledged")


def workers_of(pid: int) -> list[int]:
    """Return the processes that serve below a server of several."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _processes(workers: int) -> str:
    return "1 process" if workers == 1 else f"{workers} processes"
