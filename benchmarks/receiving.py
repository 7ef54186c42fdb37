"""Figures of calls coming in: durable deliveries, one by one and in batches, against a bare server reading the same."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import full_load
from benchmarks.measuring import LOAD_CORE, Figure, Series, in_turns, on_core
from benchmarks.servers import Server, bare_server, ringback_server
from benchmarks.sizes import Sizes
from benchmarks.stores import RESULTS, Say
from ringback import agents
from ringback.storage import open_store

_APP = 1_111_113
_CONNECTIONS = 64
_BATCH = 1_000
_BATCH_CONNECTIONS = 4
_STEP_MS = 250
_FIRST_MS = 1_704_067_200_000
_PAGE_BYTES = 4096
_RECORD = (
    b'{"call_key":"%d@proxy","source_record_id":"%d","agent":"%d","direction":"outbound","started_at":%d,'
    b'"disposition":"no_answer","dialled_number":"7701%07d","sip_response_code":480,"trunk":"carrier-a"}\n'
)


def receiver_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Deliveries a second, each answered only when it is on disk."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
        store = Path(folder) / "calls.db"
        sender = Sender(asyncio.run(_with_app(store)))
        say(f"The disk alone: {_syncs_a_second(Path(folder)):,.0f} appends of a page a second, each waited for")
        with bare_server(_answer(1)) as bare, ringback_server(store) as ringback, on_core(LOAD_CORE):
            rates = in_turns(sizes.rounds, _measures(sender, bare, ringback, sizes.seconds))
            disk = in_turns(sizes.rounds, {"disk": lambda: _syncs_a_second(Path(folder))})["disk"]
    batched = Series("ringback, legs", [rate * _BATCH for rate in rates["batches"].values])
    return [
        _figure("single posts, ringback over bare", rates["single"], rates["bare"], 0.35),
        _figure(f"legs in batches of {_BATCH:,} over single posts", batched, rates["single"], 10),
        _figure("single posts over one wait for the disk each", rates["single"], disk, None),
    ]


class Delivery(NamedTuple):
    """A delivery as it goes over the wire, and the body of the right answer."""

    request: bytes
    answer: bytes


class Sender:
    """Makes deliveries that nobody made before, so that each is a new call."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._numbers = count()

    def deliveries(self, records: int) -> Iterator[Delivery]:
        """Yield deliveries of so many records, with the right answer of each."""
        answer = _answer(records)
        while True:
            body = b"".join(self._record() for _ in range(records))
            yield Delivery(_request(self._secret, body), answer)

    def _record(self) -> bytes:
        number = next(self._numbers)
        agent = 1001 + number % 100
        return _RECORD % (number, number, agent, _FIRST_MS + number * _STEP_MS, number % 10_000_000)


def _measures(sender: Sender, bare: Server, ringback: Server, seconds: float) -> dict[str, "Measure"]:
    return {
        "bare": Measure(bare, sender.deliveries(1), seconds, _CONNECTIONS),
        "single": Measure(ringback, sender.deliveries(1), seconds, _CONNECTIONS),
        "batches": Measure(ringback, sender.deliveries(_BATCH), seconds, _BATCH_CONNECTIONS),
    }


class Measure:
    """Full load of deliveries on one server."""

    def __init__(self, server: Server, deliveries: Iterator[Delivery], seconds: float, connections: int) -> None:
        self._server, self._deliveries, self._seconds, self._connections = server, deliveries, seconds, connections

    def __call__(self) -> float:
        return full_load(self._server.port, self._deliveries, self._seconds, self._connections).rate


async def _with_app(path: Path) -> str:
    store = await open_store(f"sqlite:///{path}")
    try:
        return await agents.add_app(store, _APP)
    finally:
        await store.close()


def _request(secret: bytes, body: bytes) -> bytes:
    return b"POST /ingest/generic HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (
        secret,
        len(body),
        body,
    )


def _answer(records: int) -> bytes:
    return b'{"read":%d,"new":%d,"merged":0,"duplicate":0,"rejected":0}' % (records, records)


def _syncs_a_second(folder: Path) -> float:
    """How often a second the disk takes a page and says that it has it: no store can commit oftener."""
    kept, page, times = os.open(folder / "syncs", os.O_CREAT | os.O_WRONLY), bytes(_PAGE_BYTES), 200
    began = time.perf_counter()
    for _ in range(times):
        os.write(kept, page)
        os.fdatasync(kept)
    took = time.perf_counter() - began
    os.close(kept)
    return times / took


def _figure(name: str, over: Series, under: Series, at_least: float | None) -> Figure:
    return Figure(section="receiver", name=name, over=over, under=under, unit="1/s", at_least=at_least)
