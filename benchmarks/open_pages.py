"""`python -m benchmarks.open_pages`: what pages cost that are open and do nothing, and how soon all of them have news.

Pages are event streams of a real server process, held by this one. Memory is the server's resident size; its time is
what it used of one core while nothing happened. News is one call of one agent.
"""

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table
from tests.outages.sites import Site, site
from tests.web.house import Tenant, missed

from ringback.web.page.routes import LIVE

_QUIET_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")


def main(pages: int, agents: int) -> None:
    """Measure and print a table."""
    table = Table("pages open", "of agents", "memory, MiB", "KiB a page", "of a core, idle", "all have news after")
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), f"sqlite:///{folder}/ringback.db") as served:
        tenant = served.house.tenant()
        tokens = [tenant.token, *(tenant.add_agent(str(200 + number)) for number in range(agents - 1))]
        asyncio.run(_measured(served, tenant, tokens, pages, table))
    Console().print(table)


async def _measured(served: Site, tenant: Tenant, tokens: list[str], pages: int, table: Table) -> None:
    empty, idle = _memory_mib(served), await _idle(served)
    table.add_row("0", "0", f"{empty:.1f}", "", f"{idle:.1%}", "")
    for count in (pages // 10, pages):
        streams = await asyncio.gather(*(_opened(served, tokens[n % len(tokens)]) for n in range(count)))
        idle, memory = await _idle(served), _memory_mib(served)
        news = await _news(tenant, [reader for n, (reader, _) in enumerate(streams) if n % len(tokens) == 0])
        each = (memory - empty) * 1024 / count
        table.add_row(f"{count:,}", f"{len(tokens):,}", f"{memory:.1f}", f"{each:.1f}", f"{idle:.1%}", f"{news:.2f} s")
        for _, writer in streams:
            writer.close()
        await asyncio.sleep(2)
    table.add_row("0 again", "", f"{_memory_mib(served):.1f}", "", f"{await _idle(served):.1%}", "")


async def _opened(served: Site, token: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a page's stream, and read until its first event has come."""
    address = httpx.URL(served.house.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET {LIVE} HTTP/1.1\r\nHost: {address.netloc.decode()}\r\nCookie: ringback={token}\r\n\r\n".encode())
    await reader.readuntil(b"event: change")
    await reader.readuntil(b"\n\n")
    return reader, writer


async def _news(tenant: Tenant, streams: list[asyncio.StreamReader]) -> float:
    """Deliver a call; return after how many seconds the last of its agent's pages has heard of it."""
    begun = time.monotonic()
    await asyncio.to_thread(tenant.ingest, missed(time.time_ns() // 1_000_000))
    await asyncio.gather(*(stream.readuntil(b"event: change") for stream in streams))
    return time.monotonic() - begun


async def _idle(served: Site) -> float:
    """Return which share of a core the server uses while nothing happens."""
    before = _cpu_seconds(served.pid)
    await asyncio.sleep(_QUIET_SECONDS)
    return (_cpu_seconds(served.pid) - before) / _QUIET_SECONDS


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mib(served: Site) -> float:
    status = Path(f"/proc/{served.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_pages", description=__doc__)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--agents", type=int, default=200)
    asked = parser.parse_args()
    main(asked.pages, asked.agents)
