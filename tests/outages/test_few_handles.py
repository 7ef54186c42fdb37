"""The server may open no more files and sockets: who is connected is served, and it passes when others leave."""

import resource
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from tests.outages.sites import Site, site
from tests.stores import Stores
from tests.web.house import FROM, missed, wait_for

_MORE = 6  # connections it may still open; few, for who is connected is let go after five idle seconds


def busy_ticks(served: Site) -> int:
    """Return the processor time the server has used, in hundredths of a second."""
    facts = Path(f"/proc/{served.pid}/stat").read_text().rpartition(")")[2].split()
    return int(facts[11]) + int(facts[12])


def opened(stack: ExitStack, served: Site) -> bool:
    """Open a connection that stays; tell whether it was answered."""
    http = stack.enter_context(httpx.Client(base_url=served.house.url, timeout=0.5))
    try:
        return http.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_without_handles_those_connected_are_served(stores: Stores, store_url: str, tmp_path: Path) -> None:
    """At the limit reads and deliveries of who is connected go on; with handles free again all are let in."""
    with site(tmp_path, store_url) as served, ExitStack() as stack:
        tenant = served.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
        soft, hard = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (served.open_files() + _MORE, hard))
        let_in = 0
        while let_in <= _MORE and opened(stack, served):
            let_in += 1
        here = [tenant.ingest(missed(FROM + 1)).status_code, tenant.page()["count"], served.status("/readyz")]
        stack.close()
        with httpx.Client(base_url=served.house.url) as late:
            later = wait_for(lambda: _status(late))
        resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (soft, hard))

        assert 0 < let_in <= _MORE
        assert here == [200, 2, 200]
        assert later == 200


def _status(http: httpx.Client) -> int | None:
    try:
        return http.get("/healthz").status_code
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("stores", ["sqlite"], indirect=True)
def test_a_server_without_handles_does_not_spin(stores: Stores, store_url: str, tmp_path: Path) -> None:
    """While somebody waits to be let in, the server sleeps."""
    with site(tmp_path, store_url) as served, ExitStack() as stack:
        _, hard = resource.prlimit(served.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(served.pid, resource.RLIMIT_NOFILE, (served.open_files(), hard))
        before = busy_ticks(served)
        opened(stack, served)

        assert busy_ticks(served) - before < 25
