"""Steady load on a server for as long as it takes: reads, deliveries and logins at a pace of their own. No judging."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

import httpx
from tests.web.house import PASSWORD, Tenant, missed

PACES = {"read": 60.0, "deliver": 20.0, "login": 1.0}  # a second
_PROMPT_MS, _LATE_MS, _LATE_SHARE = 30_000, 300_000, 0.05
_DAY_MS = 86_400_000
_NUMBERS = 5000  # that are rung, each again and again
_PATIENCE_SECONDS = 15.0
_RESEND_SECONDS = 0.05


class Timed(NamedTuple):
    """An answer (status 0 for none): of what, when since the beginning, and how long it took."""

    what: str
    at: float
    seconds: float
    status: int


class Steady:
    """One client that keeps its paces; a delivery is sent until it is acknowledged.

    Calls come as they do from a switch, or started at any time of so many days: no switch does that.
    """

    def __init__(self, tenant: Tenant, seed: int, scattered_days: int = 0) -> None:
        self._tenant, self._chance, self._scattered_ms = tenant, Random(seed), scattered_days * _DAY_MS
        self._began = time.monotonic()
        self._range = {"from": _now_ms() - max(_LATE_MS, self._scattered_ms), "to": _now_ms() + _DAY_MS}
        self._is_over = False
        self._http = httpx.AsyncClient(base_url=tenant.house.url, timeout=_PATIENCE_SECONDS)
        self.answers: list[Timed] = []
        self.acknowledged: list[str] = []

    def run(self) -> None:
        """Load the server until `stop`."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Begin nothing more."""
        self._is_over = True

    async def _run(self) -> None:
        work: dict[str, Callable[[int], Awaitable[None]]] = {
            "read": self._read,
            "deliver": self._deliver,
            "login": self._log_in,
        }
        async with self._http, asyncio.TaskGroup() as tasks:
            for what, pace in PACES.items():
                tasks.create_task(self._paced(tasks, work[what], 1 / pace))

    async def _paced(self, tasks: asyncio.TaskGroup, work: Callable[[int], Awaitable[None]], pause: float) -> None:
        """Begin one at each tick, whatever became of the last: a slow server is not spared."""
        number, due = 0, time.monotonic()
        while not self._is_over:
            tasks.create_task(_as_coroutine(work(number)))
            number += 1
            due += pause
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _read(self, number: int) -> None:
        del number
        page = self._chance.randrange(1, 50)
        await self._ask("read", "/v1/agentOutMissed", json=self._tenant.asked(page=page, **self._range))

    async def _log_in(self, number: int) -> None:
        del number
        await self._ask("login", "/v1/agentLogin", json={"id": self._tenant.agent_id, "password": PASSWORD})

    async def _deliver(self, number: int) -> None:
        key = f"soak-{number}"
        agent = self._chance.choice(("103", "104", "105"))
        rung = f"+9191{self._chance.randrange(_NUMBERS):08}"
        call = missed(self._started_ms(), agent, call_key=key, dialled_number=rung)
        headers = {"Authorization": f"Bearer {self._tenant.secret}"}
        while True:
            if await self._ask("deliver", "/ingest/generic", json=[call], headers=headers) == 200:
                break
            await asyncio.sleep(_RESEND_SECONDS)
        self.acknowledged.append(key)

    def _started_ms(self) -> int:
        """A call comes when it has ended; now and then late by minutes, as from a switch that had to send it again."""
        if self._scattered_ms:
            return _now_ms() - self._chance.randrange(self._scattered_ms)
        late = self._chance.random() < _LATE_SHARE
        return _now_ms() - self._chance.randrange(_LATE_MS if late else _PROMPT_MS)

    async def _ask(self, what: str, path: str, json: object, headers: dict[str, str] | None = None) -> int:
        began = time.monotonic()
        try:
            status = (await self._http.post(path, json=json, headers=headers)).status_code
        except httpx.HTTPError:
            status = 0
        self.answers.append(Timed(what, began - self._began, time.monotonic() - began, status))
        return status


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work
