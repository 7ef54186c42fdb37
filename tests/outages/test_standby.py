"""On a standby, which takes no writes, pages are served and nothing else; once it is promoted, everything is."""

import asyncio
from pathlib import Path

import pytest
from tests.databases.postgresql import PostgreSql, Standby
from tests.outages.sites import Site, kept, site
from tests.web.house import FROM, PASSWORD, Tenant, missed

from ringback.errors import StoreUnavailable
from ringback.storage.postgresql.connections import Connections, Place


def test_a_standby_serves_pages_and_once_promoted_everything(server: PostgreSql, store: str, tmp_path: Path) -> None:
    """Pages are 200, deliveries, logins and /readyz 503 with Retry-After; after the promotion all are 200."""
    with site(tmp_path, store) as primary:
        tenant = primary.house.tenant()
        assert tenant.ingest(missed(FROM)).status_code == 200
    with Standby(server) as standby, site(tmp_path, _on(standby, server, store), is_ready=False) as served:
        there = tenant._replace(house=served.house)
        standby.wait_until_level()
        assert there.page()["count"] == 1
        assert_only_reads(served, there)

        standby.promote()
        served.wait_until_ready()

        assert there.ingest(missed(FROM + 1)).status_code == 200
        assert served.log_in(there.agent_id, PASSWORD).status_code == 200
        assert there.page()["count"] == 2
        assert kept(served.house.store, there.app_id).faults == []


def assert_only_reads(served: Site, tenant: Tenant) -> None:
    """What writes is sent away to come again, and the log says why."""
    refused = [tenant.ingest(missed(FROM + 1)), served.log_in(tenant.agent_id, PASSWORD), served.readiness()]

    assert [(answer.status_code, "retry-after" in answer.headers) for answer in refused] == [(503, True)] * 3
    served.wait_until_told("read-only")
    assert all("postgresql" not in answer.text for answer in refused)  # whose hosts are nobody's business


def test_a_read_that_a_standby_breaks_off_is_to_be_asked_again(store: str) -> None:
    """What a standby replays may take rows away that are being read (SQLSTATE 40001): no fault of the asker's."""

    async def read() -> None:
        connections = await Connections.open(Place.of(store))
        try:
            await connections.read(lambda connection: connection.execute("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))
        finally:
            await connections.close()

    with pytest.raises(StoreUnavailable):
        asyncio.run(read())


def _on(standby: Standby, primary: PostgreSql, url: str) -> str:
    return url.replace(f":{primary.port}/", f":{standby.port}/")
