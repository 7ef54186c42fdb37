"""Guessing passwords at a real server of two workers, from many addresses of this machine, on both stores."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.outages.sites import Site, site
from tests.stores import Stores
from tests.web.house import PASSWORD, Tenant
from tests.web.processes import ringback

from ringback.telephony.agent_id import AgentId


class Said(NamedTuple):
    """A status, how long to wait, and the body's message."""

    status: int
    retry_after: int
    message: str


@pytest.fixture(scope="module")
def besieged(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that looks at two wrong log-ins of an agent from one address, then at one more each five minutes."""
    folder = tmp_path_factory.mktemp("besieged")
    with site(folder, stores.made(), "--login-tries", "2", workers=2) as served:
        yield served


@pytest.fixture
def flooded(tmp_path: Path) -> Iterator[Site]:
    """A server with the default limits, and one process."""
    with site(tmp_path, f"sqlite:///{tmp_path}/ringback.db") as served:
        yield served


@pytest.fixture
def tenant(besieged: Site) -> Tenant:
    """A fresh app with agent 103."""
    return besieged.house.tenant()


def head_and_body(asked: dict[str, str]) -> bytes:
    """Return a log-in as it stands on the wire."""
    body = json.dumps(asked).encode()
    return (
        b"POST /v1/agentLogin HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


async def log_in(site: Site, agent_id: str, password: str, source: str) -> Said:
    """Log in from an address of this machine's own network, on a connection of its own."""
    url = site.house.http.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port, local_addr=(source, 0))
    writer.write(head_and_body({"id": agent_id, "password": password}))
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    waits = [line for line in head.lower().split(b"\r\n") if line.startswith(b"retry-after:")]
    answer = json.loads(body)
    return Said(int(head[9:12]), int(waits[0][12:]) if waits else 0, answer.get("message", ""))


def log_in_all(site: Site, tries: list[tuple[str, str, str]]) -> list[Said]:
    """Log in all at once: agent, password, address."""

    async def all_at_once() -> list[Said]:
        return await asyncio.gather(*(log_in(site, *one) for one in tries))

    return asyncio.run(all_at_once())


def statuses(said: list[Said]) -> Counter[int]:
    """Count the statuses; one that says to wait must say for how long."""
    assert all((one.retry_after > 0) == (one.status in (429, 503)) for one in said)
    return Counter(one.status for one in said)


def test_one_address_has_a_few_guesses_and_nobody_tells_whether_there_is_an_agent(
    besieged: Site, tenant: Tenant
) -> None:
    """Of thirty guesses at once two are looked at, a right one behind them is not, and nobody is no different."""
    seen = []
    for agent_id, source in ((tenant.agent_id, "127.0.1.1"), (f"999_{tenant.app_id}", "127.0.1.2")):
        seen.append(statuses(log_in_all(besieged, [(agent_id, f"guess {n}", source) for n in range(30)])))
        (late,) = log_in_all(besieged, [(agent_id, PASSWORD, source)])
        assert (late.status, 200 < late.retry_after <= 300) == (429, True)
        assert late.message == f"Too many wrong log-ins; try again in {late.retry_after} seconds"

    assert seen == [{404: 2, 429: 28}] * 2


def test_a_crowd_locks_out_strangers_for_a_minute_and_never_the_agents_own_address(
    besieged: Site, tenant: Tenant, tmp_path: Path
) -> None:
    """Thirty addresses have ten guesses; the agent comes in from where it was before, elsewhere after `unlock`."""
    agent_id, home, away = tenant.agent_id, "127.0.2.250", "127.0.2.251"
    assert statuses(log_in_all(besieged, [(agent_id, PASSWORD, home)])) == {200: 1}
    crowd = [(agent_id, f"guess {n}", f"127.0.2.{n + 1}") for n in range(30)]

    assert statuses(log_in_all(besieged, crowd)) == {404: 10, 429: 20}
    at_home, elsewhere = log_in_all(besieged, [(agent_id, PASSWORD, home), (agent_id, PASSWORD, away)])
    assert (at_home.status, elsewhere.status) == (200, 429)
    assert elsewhere.retry_after <= 60
    command = ("agent", "unlock", str(AgentId("103", tenant.app_id)), "--store", besieged.house.store)
    assert ringback(tmp_path, *command).returncode == 0
    assert statuses(log_in_all(besieged, [(agent_id, PASSWORD, away)])) == {200: 1}


def test_guessing_is_in_the_log_and_does_not_fill_it(besieged: Site, tenant: Tenant) -> None:
    """Each wrong log-in has its line with address and agent; of those not looked at an address has one a worker."""
    source = "127.0.4.7"
    log_in_all(besieged, [(tenant.agent_id, "not-the-password", source) for _ in range(2)])
    log_in_all(besieged, [(tenant.agent_id, "not-the-password", source) for _ in range(20)])
    log_in_all(besieged, [("\n+7 701 555 12 34 injected", "not-the-password", "127.0.4.8")])
    besieged.wait_until_told("client='127.0.4.8'")

    told = [line for line in besieged.server.said if "event='login' refused=" in line and f"client='{source}'" in line]
    whose = f"app={tenant.app_id} extension='103' request_id="
    wrong, held_up = ([line for line in told if f"refused='{why}'" in line] for why in ("wrong", "too many"))
    assert len(wrong) == 2
    assert len(held_up) in (1, 2)
    assert all(whose in line for line in told)
    assert not any("not-the-password" in line or "injected" in line for line in besieged.server.said)


@pytest.mark.long
def test_a_flood_of_log_ins_holds_up_neither_pages_nor_known_agents(flooded: Site) -> None:
    """While many log-ins from many addresses come at once, pages are quick and a known agent comes in."""
    tenant, home = flooded.house.tenant(), "127.0.3.250"
    log_in_all(flooded, [(tenant.agent_id, PASSWORD, home)])
    flood = [(f"{n}_{n + 1}", "guess", f"127.0.3.{n % 200 + 1}") for n in range(150)]

    async def besieging() -> tuple[list[Said], list[float], Said]:
        crowd = [asyncio.create_task(log_in(flooded, *one)) for one in flood]
        await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
        known = asyncio.create_task(log_in(flooded, tenant.agent_id, PASSWORD, home))
        pages = [await asyncio.to_thread(page_seconds, tenant) for _ in range(20)]
        return await asyncio.gather(*crowd), pages, await known

    crowd, pages, known = asyncio.run(besieging())

    assert set(statuses(crowd)) <= {404, 503}
    assert statuses(crowd)[503] > 20
    assert known.status == 200
    assert sorted(pages)[10] < 0.25


def page_seconds(tenant: Tenant) -> float:
    """Return how long a page takes."""
    started = time.monotonic()
    tenant.page()
    return time.monotonic() - started
