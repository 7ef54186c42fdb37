"""Servers as processes of their own on one store, and what the store holds in the end. No assertions here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
from tests.switches.programs import free_port
from tests.web.house import House, client_of, wait_for, with_store
from tests.web.processes import Server, running

from ringback.storage.base import Store
from ringback.storage.records import Fault, Range


class Site(NamedTuple):
    """A served store, and the process that serves it."""

    house: House
    server: Server

    @property
    def pid(self) -> int:
        """The process of the server."""
        return self.server.process.pid

    def status(self, path: str) -> int:
        """Return the status of an answer to GET."""
        return self.house.http.get(path).status_code

    def readiness(self) -> httpx.Response:
        """Ask whether it is ready."""
        return self.house.http.get("/readyz")

    def wait_until_ready(self) -> None:
        """Wait until it says that it is ready."""
        wait_for(lambda: self.status("/readyz") == 200)

    def wait_until_all_started(self, workers: int) -> None:
        """Wait until so many processes have opened the store: the first that has answers for all."""
        wait_for(lambda: sum("started" in line for line in list(self.server.said)) >= workers)

    def wait_until_told(self, text: str) -> None:
        """Wait until its log has this: answers do not say what a store said of itself."""
        wait_for(lambda: any(text in line for line in self.server.said))

    def log_in(self, agent_id: str, password: str) -> httpx.Response:
        """Log an agent in."""
        return self.house.http.post("/v1/agentLogin", json={"id": agent_id, "password": password})

    def open_files(self) -> int:
        """Return how many files and sockets it has open."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())


@contextmanager
def site(
    folder: Path,
    store: str,
    *words: str,
    workers: int = 1,
    port: int = 0,
    is_ready: bool = True,
    more: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Run with a `ringback serve` of this store, told these words, which answers; and is ready, unless it cannot be."""
    port = port or (free_port() if workers > 1 else 0)
    words = (*words, "--port", str(port), "--workers", str(workers))
    with (
        running(folder, "serve", *words, more={"RINGBACK_STORE": store, **(more or {})}) as server,
        client_of(server.url) as http,
    ):
        served = Site(House(store, http), server)
        wait_for(lambda: served.status("/readyz") == (200 if is_ready else 503))
        if is_ready:
            served.wait_until_all_started(workers)
        yield served


class Kept(NamedTuple):
    """What a store holds: the ids of all listed calls, once for each list, and what is wrong with it."""

    listed: list[bytes]
    faults: list[Fault]


def kept(url: str, app_id: int) -> Kept:
    """Read all lists of an app and prove the store."""

    async def read(store: Store) -> Kept:
        keys = await store.lists(app_id)
        listed = [call.call_id for key in keys async for call in store.walk(app_id, key, Range())]
        return Kept(listed, (await store.check()).faults)

    return with_store(url, read)
