"""Many clients at once that deliver calls and read pages, and remember each answer. No assertions here."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from threading import Thread
from typing import Any, NamedTuple

import httpx
from tests.web.house import DEADLINE_SECONDS, FROM, TO, Tenant, missed, wait_for

_PAUSE_SECONDS = 0.03  # before a client comes again that was sent away
_GIVE_UP_SECONDS = 60.0


class Asked(NamedTuple):
    """An answer to a request (status 0 for none), when it came, and how long that took."""

    path: str
    status: int
    retry_after: str | None
    seconds: float
    at: float
    said: str


class Load:
    """Senders, each of which delivers a call until it is acknowledged and then the next, and readers beside them."""

    def __init__(self, tenant: Tenant, senders: int, readers: int) -> None:
        self._tenant = tenant
        self._clients = senders, readers
        self._is_over = False
        self._until = time.monotonic() + _GIVE_UP_SECONDS
        self.answers: list[Asked] = []
        self.acknowledged: list[str] = []

    def of(self, path: str) -> list[Asked]:
        """Return the answers to requests for this path."""
        return [asked for asked in self.answers if asked.path == path]

    def wrong(self, *, seconds: float) -> list[Asked]:
        """Return the answers that are neither 200 nor a 503 that says when to come again, or that took longer."""
        return [asked for asked in self.answers if not _is_right(asked) or asked.seconds > seconds]

    def succeeded_after(self, moment: float, path: str) -> float:
        """Return how many seconds after this moment (time.monotonic) the first request for the path succeeded."""
        return min(asked.at for asked in self.of(path) if asked.status == 200 and asked.at > moment) - moment

    def wait_for_more(self, acknowledged: int) -> None:
        """Wait until so many more deliveries have been acknowledged."""
        before = len(self.acknowledged)
        try:
            wait_for(lambda: len(self.acknowledged) >= before + acknowledged)
        except TimeoutError:
            last = [asked for asked in self.of("/ingest/generic")[-20:] if asked.status != 200]
            raise TimeoutError(
                f"{len(self.acknowledged) - before} of {acknowledged} came; last refused: {last}"
            ) from None

    async def run(self) -> None:
        """Ask until told to stop."""
        senders, readers = self._clients
        limits = httpx.Limits(max_connections=None)
        url = self._tenant.house.url
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_SECONDS, limits=limits) as http:
            tasks = [self._send(http, number) for number in range(senders)]
            tasks += [self._repeat(partial(self._read, http)) for _ in range(readers)]
            tasks += [self._repeat(partial(self._ask, http, "GET", path)) for path in ("/healthz", "/readyz")]
            await asyncio.gather(*tasks)

    def stop(self) -> None:
        """Have each client stop when it is through with what it is at."""
        self._is_over = True

    def give_up(self) -> None:
        """Have each sender stop though its last call is not acknowledged."""
        self._is_over, self._until = True, 0.0

    async def _send(self, http: httpx.AsyncClient, sender: int) -> None:
        headers = {"Authorization": f"Bearer {self._tenant.secret}"}
        chance = random.Random(sender)
        for number in count():
            key = f"{sender}-{number}"
            call = missed(chance.randrange(FROM, TO), chance.choice(("103", "104")), call_key=key)
            while (status := await self._ask(http, "POST", "/ingest/generic", json=[call], headers=headers)) != 200:
                if status != 503 or time.monotonic() > self._until:
                    return
                await asyncio.sleep(_PAUSE_SECONDS)
            self.acknowledged.append(key)
            if self._is_over:
                return

    async def _read(self, http: httpx.AsyncClient) -> int:
        return await self._ask(http, "POST", "/v1/agentOutMissed", json=self._tenant.asked())

    async def _repeat(self, ask: Callable[[], Awaitable[int]]) -> None:
        while not self._is_over:
            await ask()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _ask(self, http: httpx.AsyncClient, method: str, path: str, **keywords: Any) -> int:
        began = time.monotonic()
        try:
            response = await http.request(method, path, **keywords)
            found = response.status_code, response.headers.get("retry-after"), response.text
        except httpx.HTTPError as error:
            found = 0, None, repr(error)
        status, retry_after, said = found
        now = time.monotonic()
        self.answers.append(Asked(path, status, retry_after, now - began, now, said[:300]))
        return status


def _is_right(asked: Asked) -> bool:
    return asked.status == 200 or (asked.status == 503 and int(asked.retry_after or 0) > 0)


@contextmanager
def load(tenant: Tenant, *, senders: int = 8, readers: int = 3) -> Iterator[Load]:
    """Run under load; at the end each sender's last call is acknowledged."""
    work = Load(tenant, senders, readers)
    thread = Thread(target=asyncio.run, args=(work.run(),))
    thread.start()
    try:
        yield work
    finally:
        work.stop()
        thread.join()
