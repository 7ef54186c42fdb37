"""Bad input by the million, in process: every source's parser and every route. What is bad about it is in others."""

import asyncio
import base64
import faulthandler
import io
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import msgspec
from tests.sources.payloads import CONTEXT
from tests.sources.test_every_source import check_readings
from tests.web.house import add_agent, with_store

from ringback import agents
from ringback.logs import set_up_logs
from ringback.settings import Settings
from ringback.sources import SOURCES, read
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId
from ringback.telephony.call import call_ref, merge
from ringback.telephony.leg import CallLeg, encode_leg
from ringback.web.app import Application
from torture.findings import Finding, Say, finding
from torture.mutations import CORPUS, mutated
from torture.requests import Access, answered, request

_HUNG_SECONDS = 10.0
_MOST_GROWTH_MIB = 16.0
_MEMORY = Path("/dev/shm")  # noqa: S108
_APP = 1111113
_MOST_TOLD = 5


class Tried(msgspec.Struct):
    """What a process tried: how many inputs, what went wrong, and by how much it grew in its second half."""

    inputs: int
    faults: list[str]
    grown_mib: float


class Hung(Exception):
    """An input took too long."""


def fuzz_parsers(inputs: int, seed: int, say: Say) -> Iterator[Finding]:
    """Put mutated payloads to every source's parser, and merge what comes out."""
    yield _fuzzed("parsers of every source", try_parsers, inputs, seed, say)


def fuzz_routes(inputs: int, seed: int, say: Say) -> Iterator[Finding]:
    """Put mutated requests to every route of the application."""
    yield _fuzzed("routes of the application", try_routes, inputs, seed, say)


def _fuzzed(what: str, work: Callable[[int, int], Tried], inputs: int, seed: int, say: Say) -> Finding:
    """Share the inputs out over a process a core."""
    cores = len(os.sched_getaffinity(0))
    with finding("bad input", what, "inputs", seed, say) as found, ProcessPoolExecutor(cores) as pool:
        shares = [pool.submit(work, inputs // cores, seed * 1000 + number) for number in range(cores)]
        grown = []
        for share in shares:
            try:
                tried = share.result()
            except BrokenProcessPool as error:
                found.fault(f"a process ended: it hung or crashed ({error})")
                continue
            found.tried += tried.inputs
            grown.append(tried.grown_mib)
            for fault in tried.faults:
                found.fault(fault)
        if grown and max(grown) > _MOST_GROWTH_MIB:
            found.fault(f"memory grew by {max(grown):.1f} MiB in the second half")
        found.note = f"memory grew by at most {max(grown, default=0):.1f} MiB in a process's second half"
    return found


# --- in a process of its own ---------------------------------------------------------------------------------------


def try_parsers(inputs: int, seed: int) -> Tried:
    """Read mutated payloads; each must come to readings, and each call's legs to a call."""

    async def work(trying: "_Trying") -> None:
        chance, names = trying.chance, sorted(SOURCES)
        while trying.goes_on():
            own = chance.choice(names)
            body = mutated(chance, chance.choice(CORPUS[own]))
            name = own if chance.random() < 0.95 else chance.choice(names)
            with trying.one(name, body):
                _read(name, body)

    return asyncio.run(_tried(work, inputs, seed))


def _read(name: str, body: bytes) -> None:
    found = list(read(SOURCES[name], io.BytesIO(body), CONTEXT))
    check_readings(found)
    calls: dict[str, list[CallLeg]] = {}
    for reading in found:
        for leg in reading.legs:
            encode_leg(leg)
            calls.setdefault(leg.call_key, []).append(leg)
    for key, legs in calls.items():
        merge(call_ref(_APP, key), legs, "KZ")


def try_routes(inputs: int, seed: int) -> Tried:
    """Ask an application with a store of its own; no answer may be a 5xx, and each error is in the envelope."""
    set_up_logs("text")
    with tempfile.TemporaryDirectory(prefix="ringback-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
        url = f"sqlite:///{folder}/ringback.db"
        access = with_store(url, _open_doors)

        async def work(trying: "_Trying") -> None:
            application = Application(Settings(store=url, timezone="Asia/Almaty"))
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(application.running())
                while trying.goes_on():
                    asked = request(trying.chance, access)
                    with trying.one(f"{asked.method} {asked.path} {asked.query[:300]!r}", b"".join(asked.body)):
                        _judge(*await answered(application, asked))

        tried = asyncio.run(_tried(work, inputs, seed))
        report = with_store(url, lambda store: store.check())
        return Tried(
            tried.inputs, tried.faults + [f"check: {f.where}: {f.what}" for f in report.faults], tried.grown_mib
        )


async def _open_doors(store: Store) -> Access:
    secret = await agents.add_app(store, _APP, "KZ")
    agent = AgentId("103", _APP)
    return Access(str(agent), await add_agent(store, agent), secret)


def _judge(status: int, body: bytes) -> None:
    if status >= 500:
        raise AssertionError(f"answered {status}: {body[:300]!r}")
    if status >= 400 and body and status not in (405,):
        msgspec.json.decode(body)


class _Trying:
    """Counts inputs, times them, and keeps what went wrong."""

    def __init__(self, inputs: int, seed: int) -> None:
        self.chance = Random(seed)
        self.faults: list[str] = []
        self.inputs, self._most = 0, inputs
        self._half_mib = 0.0
        self._name, self._body = "", b""

    def goes_on(self) -> bool:
        if self.inputs == self._most // 2:
            self._half_mib = _resident_mib()
        return self.inputs < self._most and len(self.faults) < _MOST_TOLD

    def one(self, name: str, body: bytes) -> "_Trying":
        self._name, self._body = name, body
        return self

    def __enter__(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, _HUNG_SECONDS)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.inputs += 1
        if error is None:
            return False
        if not isinstance(error, Exception):
            return False
        last = traceback.format_exception(error)[-3:]
        packed = base64.b64encode(self._body[:900]).decode()
        self.faults.append(f"{self._name}: {''.join(last)} of {len(self._body)} bytes, base64: {packed}")
        return True

    def done(self) -> Tried:
        return Tried(self.inputs, self.faults, _resident_mib() - self._half_mib)


async def _tried(work: Callable[[_Trying], Awaitable[None]], inputs: int, seed: int) -> Tried:
    signal.signal(signal.SIGALRM, _hung)
    faulthandler.enable(sys.__stderr__ or sys.stderr)
    trying = _Trying(inputs, seed)
    await work(trying)
    return trying.done()


def _hung(number: int, frame: FrameType | None) -> None:
    raise Hung(f"after {_HUNG_SECONDS:.0f} s, in {frame} (signal {number})")


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
